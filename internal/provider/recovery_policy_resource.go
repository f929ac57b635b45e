package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newRecoveryPolicyResource() resource.Resource { return &recoveryPolicyResource{} }

// recoveryPolicyResource is a policy, which lives in Terraform's state alone. It is a
// resource because Terraform puts off the reading of a data source to the apply as soon
// as that refers to something with changes; a resource is always planned, after what it
// refers to and with what that is planned to be.
type recoveryPolicyResource struct{ *connection }

var (
	_ resource.ResourceWithConfigure      = (*recoveryPolicyResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*recoveryPolicyResource)(nil)
	_ resource.ResourceWithValidateConfig = (*recoveryPolicyResource)(nil)
)

// Metadata names the resource.
func (r *recoveryPolicyResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_recovery_policy"
}

// Schema describes the resource.
func (r *recoveryPolicyResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "What must, and what must not, be reached after full site failover. Every plan is judged by what it would leave: what is stored, " +
			"with what this plan would change or remove. A rule that would not hold is an error of the plan, so that nothing is applied. " +
			"The policy lives in Terraform's state alone; removing it changes nothing.",
		Attributes: map[string]schema.Attribute{
			"gateways": schema.ListNestedAttribute{
				Optional: true,
				MarkdownDescription: "The `vcc_default_gateway` resources of the configuration, whole: `[vcc_default_gateway.app, vcc_default_gateway.data]` or " +
					"`values(vcc_default_gateway.all)`. The objects of a `vcc_default_gateways` are as good: `values(vcc_default_gateways.site.gateways)`. " +
					"They are planned before the policy, which takes them as planned.",
				// All are optional: in its own validation Terraform has null for what is computed.
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"network_id": schema.StringAttribute{
						Optional:            true,
						MarkdownDescription: "ID of the cloud network.",
					},
					"ipv4": schema.SingleNestedAttribute{
						Optional:            true,
						MarkdownDescription: "IPv4 settings.",
						Attributes: map[string]schema.Attribute{
							"address":     schema.StringAttribute{Optional: true, MarkdownDescription: "Address of the gateway."},
							"subnet_mask": schema.StringAttribute{Optional: true, MarkdownDescription: "Subnet mask in dotted decimal."},
						},
					},
					"ipv6": schema.SingleNestedAttribute{
						Optional:            true,
						MarkdownDescription: "IPv6 settings.",
						Attributes: map[string]schema.Attribute{
							"network":       schema.StringAttribute{Optional: true, MarkdownDescription: "The IP network, without its prefix length."},
							"prefix_length": schema.Int64Attribute{Optional: true, MarkdownDescription: "Prefix length of the network."},
							"address":       schema.StringAttribute{Optional: true, MarkdownDescription: "Address of the gateway."},
						},
					},
				}},
			},
			"routing_enabled": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "`enabled` of the configuration's `vcc_network_routing`, which is then planned before the policy. Leave it out where Terraform does not manage the option: then it is as stored.",
			},
			"failover_plan": schema.SingleNestedAttribute{
				Optional: true,
				MarkdownDescription: "The `vcc_failover_plan` of the configuration, whole: `vcc_failover_plan.site`. It is planned before the policy, which takes its public IP rules as planned, " +
					"on top of those of other failover plans. Leave it out where Terraform does not manage the plan: then it is as stored.",
				// All are optional: in its own validation Terraform has null for what is computed.
				Attributes: map[string]schema.Attribute{
					"name": schema.StringAttribute{
						Optional:            true,
						MarkdownDescription: "Name of the plan.",
					},
					"public_ip_rules": schema.ListNestedAttribute{
						Optional:            true,
						MarkdownDescription: "The plan's public IP rules.",
						NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
							"address":    schema.StringAttribute{CustomType: ipAddressType{}, Optional: true, MarkdownDescription: "The public address."},
							"port":       schema.Int64Attribute{Optional: true, MarkdownDescription: "The public port."},
							"to_address": schema.StringAttribute{CustomType: ipAddressType{}, Optional: true, MarkdownDescription: "The address that it leads to."},
							"to_port":    schema.Int64Attribute{Optional: true, MarkdownDescription: "The port there."},
						}},
					},
				},
			},
			"rules": schema.ListNestedAttribute{
				Required:            true,
				PlanModifiers:       []planmodifier.List{keepUnknown{}},
				MarkdownDescription: "The rules, 1 to 1000.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"name": schema.StringAttribute{
						Required:            true,
						MarkdownDescription: "What the rule is called in errors and results, such as `web reaches db`. No two rules have one name.",
					},
					"source": schema.StringAttribute{
						Required: true,
						MarkdownDescription: "The name of a VM of the site, an IP address, or `internet`, which stands for any address on the internet. " +
							"Of a VM with several adapters, or with addresses of both families, each is looked at, and the rule holds if it does for all.",
					},
					"destination": schema.StringAttribute{
						Required:            true,
						MarkdownDescription: "A VM of the site, an IP address, or `internet`.",
					},
					"protocol": schema.StringAttribute{
						Required:            true,
						MarkdownDescription: "`tcp`, `udp` or `icmp`, which stands for ICMPv6 between IPv6 addresses.",
					},
					"port": schema.Int64Attribute{
						Optional:            true,
						MarkdownDescription: "Destination port; required with `tcp` and `udp`, and meaningless with `icmp`.",
					},
					"reachable": schema.BoolAttribute{
						Optional: true, Computed: true, Default: booldefault.StaticBool(true),
						MarkdownDescription: "Whether the destination must be reached, `true` by default, or must not.",
					},
				}},
			},
			"enforce": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether a rule that does not hold is an error of the plan, `true` by default. With `false` it is a warning, and `results` tell what would be.",
			},
			"results": schema.ListNestedAttribute{
				Computed: true,
				MarkdownDescription: "The outcome of each rule, in their order. While the policy is enforced the results in a plan follow from the rules alone, since no other plan passes; " +
					"those of a refresh tell what is stored.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"name":        schema.StringAttribute{Computed: true, MarkdownDescription: "The rule's name."},
					"reachable":   schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the destination is reached."},
					"reason":      schema.StringAttribute{Computed: true, MarkdownDescription: "What settled it, such as `routing_disabled`; null while the rule holds."},
					"explanation": schema.StringAttribute{Computed: true, MarkdownDescription: "One sentence with the cause and the way out; null while the rule holds."},
					"steps": schema.ListAttribute{
						Computed: true, ElementType: types.StringType,
						MarkdownDescription: "The way of the request through the appliance, in words; null while the rule holds.",
					},
				}},
			},
		},
	}
}

// Configure takes the provider's connection.
func (r *recoveryPolicyResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig checks what is known of the rules.
func (r *recoveryPolicyResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m policyModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(m.check(ctx)...)
	}
}

// ModifyPlan judges what the plan would leave, and plans the results. Removing a policy
// changes nothing, and is not judged.
func (r *recoveryPolicyResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var m policyModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(m.check(ctx)...) // of an attribute behind ignore_changes nothing was validated
	if resp.Diagnostics.HasError() {
		return
	}
	prior := types.ListNull(policyResultType)
	if !req.State.Raw.IsNull() && req.Plan.Raw.Equal(req.State.Raw) {
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("results"), &prior)...)
	}
	results, diags := r.plan(ctx, m, prior)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	m.Results = types.ListUnknown(policyResultType)
	if results != nil {
		m.Results, diags = newPolicyResults(ctx, results)
		resp.Diagnostics.Append(diags...)
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, m)...)
}

// Create keeps the policy in the state.
func (r *recoveryPolicyResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m policyModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	r.apply(ctx, &resp.Diagnostics, &m)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	}
}

// Update keeps the policy in the state.
func (r *recoveryPolicyResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m policyModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	r.apply(ctx, &resp.Diagnostics, &m)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	}
}

// apply fills in results that were not known in the plan, and judges an enforced policy once more by
// what is stored: its plan may have been one that did not know what the apply has stored since.
func (r *recoveryPolicyResource) apply(ctx context.Context, diags *diag.Diagnostics, m *policyModel) {
	const failed = "Recovery Policy Not Judged"
	rules, _, d := m.rules(ctx)
	diags.Append(d...)
	if diags.HasError() {
		return
	}
	if r.connection == nil {
		addUnknownProviderError(diags, failed)
		return
	}
	broken, err := r.brokenRules(ctx, rules, vcc.Assumption{})
	if len(broken) > 0 && m.Enforce.ValueBool() { // what is to heal it may be under way
		if _, err = r.run.waitQuiet(ctx); err == nil {
			broken, err = r.brokenRules(ctx, rules, vcc.Assumption{})
		}
		for _, b := range broken {
			diags.AddAttributeError(b.rule.at(), policyBroken, brokenText(b)+"\n\nThis is what is stored now: the plan did not know all of it, or it was changed since. The policy was not taken into the state.")
		}
	}
	if err != nil {
		addRequestError(diags, failed, err)
		return
	}
	if m.Results.IsUnknown() {
		m.Results, d = newPolicyResults(ctx, resultsOf(rules, broken))
		diags.Append(d...)
	}
}

// Read judges what is stored: drift that breaks recovery shows in the results.
func (r *recoveryPolicyResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m policyModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() || r.connection == nil {
		return // without a connection the provider's settings are not known yet: Terraform goes on with what it has
	}
	rules, _, diags := m.rules(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	broken, err := r.brokenRules(ctx, rules, vcc.Assumption{})
	if vcc.Code(err) == vcc.CodeInvalidValue {
		return // the site has no such VM any more, which the plan says at the rule
	}
	if err != nil {
		addRequestError(&resp.Diagnostics, "Recovery Policy Not Read", err)
		return
	}
	m.Results, diags = newPolicyResults(ctx, resultsOf(rules, broken))
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// Delete forgets the policy, which is nowhere but in the state.
func (r *recoveryPolicyResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
}

const policyBroken = "Recovery Policy Does Not Hold"

// brokenText says that a rule does not hold. It starts with the rule's name.
func brokenText(b brokenRule) string {
	return fmt.Sprintf("%s: %s", b.rule.Name.ValueString(), strings.TrimSpace(b.answer.Explanation))
}
