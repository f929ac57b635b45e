package provider

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newFailoverPlanResource() resource.Resource { return &failoverPlanResource{} }

type failoverPlanResource struct{ *connection }

var (
	_ resource.ResourceWithConfigure      = (*failoverPlanResource)(nil)
	_ resource.ResourceWithIdentity       = (*failoverPlanResource)(nil)
	_ resource.ResourceWithImportState    = (*failoverPlanResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*failoverPlanResource)(nil)
	_ resource.ResourceWithValidateConfig = (*failoverPlanResource)(nil)
)

// failoverPlanIdentity is what names a failover plan for good.
type failoverPlanIdentity struct {
	ID types.String `tfsdk:"id"`
}

// Metadata names the resource.
func (r *failoverPlanResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_failover_plan"
}

// Schema describes the resource.
func (r *failoverPlanResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	spelling := []planmodifier.String{keepSpelling[netip.Addr]{}}
	resp.Schema = schema.Schema{
		MarkdownDescription: "A cloud failover plan: the VMs that a full site failover starts, in their order, and the public IP rules by which the internet reaches them then. " +
			"A plan that the lab declares is adopted: what is specified here takes its place. Destroying the resource removes the plan; where the lab declares one of the name, that is in force again.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The plan's ID. That of a new plan is chosen by the provider when it is created.",
			},
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the plan, which a tenant has once. Another name means another plan, which with `create_before_destroy` cannot have a public address of the old one.",
			},
			"tenant_name": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Name of the tenant whose plan it is. A provider that acts for another tenant refuses to plan this resource.",
			},
			"replaces": schema.StringAttribute{
				Computed: true,
				MarkdownDescription: "What the lab declared for a plan of this name when this resource was planned to be created, and which it took the place of. Null if there was nothing. " +
					"Where that is another one by the time of the apply, Terraform reports an inconsistent final plan, and nothing is overwritten: plan again.",
			},
			"vms": schema.ListNestedAttribute{
				Required:            true,
				PlanModifiers:       []planmodifier.List{keepUnknown{}},
				MarkdownDescription: "The VMs to start, in this order; at least one.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"name": schema.StringAttribute{
						Required:            true,
						MarkdownDescription: "Name of a VM of the tenant's site.",
					},
					"delay_seconds": schema.Int64Attribute{
						Optional: true, Computed: true, Default: int64default.StaticInt64(0),
						MarkdownDescription: "How many seconds a failover waits after it started this VM, before it starts the next one: 0, which is the default, to 86400.",
					},
				}},
			},
			"public_ip_rules": schema.ListNestedAttribute{
				Optional: true,
				MarkdownDescription: "The public IP rules. Each leads from a port of one of the tenant's public addresses to a port of an address in one of its cloud networks, for TCP and UDP alike. " +
					"A public address belongs to one plan at a time. An address that one plan gives up is another's in the same apply. Terraform writes ten resources at a time (`-parallelism`): where more plans than that hand addresses on to each other, an apply may end with some of them written, and the next one writes the rest. Plans that exchange addresses need two applies, and the plan of Terraform says so.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"address": schema.StringAttribute{
						CustomType: ipAddressType{}, Required: true, PlanModifiers: spelling,
						MarkdownDescription: "A public address that the service provider has allocated to the tenant.",
					},
					"port": schema.Int64Attribute{
						Required:            true,
						MarkdownDescription: "Public port, 1 to 65535 but 22: through that the network extension appliance is managed.",
					},
					"to_address": schema.StringAttribute{
						CustomType: ipAddressType{}, Required: true, PlanModifiers: spelling,
						MarkdownDescription: "Address in one of the tenant's cloud networks, of the family of `address`.",
					},
					"to_port": schema.Int64Attribute{
						Required:            true,
						MarkdownDescription: "Port there, 1 to 65535.",
					},
				}},
			},
		},
	}
}

// IdentitySchema describes the resource's identity.
func (r *failoverPlanResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"id": identityschema.StringAttribute{RequiredForImport: true, Description: "ID of the failover plan."},
	}}
}

// Configure takes the provider's connection.
func (r *failoverPlanResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// settings returns the settings of a plan in which everything is known.
func (m failoverPlanModel) settings(ctx context.Context) (vcc.FailoverPlanSettings, diag.Diagnostics) {
	v, known, diags := m.read(ctx)
	if !known && !diags.HasError() {
		diags.AddError(invalidPlan, "A value of the failover plan is not known. This is a fault of the provider.")
	}
	return v.settings, diags
}

// Create makes a new plan, or takes the place of one that the lab declares.
func (r *failoverPlanResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	const failed = "Failover Plan Not Created"
	var m failoverPlanModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	settings, diags := m.settings(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.ready(ctx, &resp.Diagnostics, failed, types.StringNull()) {
		return
	}
	own := uuid.NewString()
	p, err := retryConflict(ctx, r.run, func() (*vcc.FailoverPlan, error) {
		id, condition, err := r.toCreate(ctx, m, own)
		if err != nil {
			return nil, err
		}
		return r.putFailoverPlan(ctx, id, m.Name.ValueString(), settings, condition)
	})
	if err != nil {
		r.addWriteError(ctx, &resp.Diagnostics, failed, m, err)
		return
	}
	r.save(ctx, m, p, &resp.Diagnostics, resp.Identity, &resp.State)
}

// toCreate returns the ID under which a plan is created, and the condition of that: that nothing is there, or that it is
// what the lab declared when Terraform planned.
func (r *failoverPlanResource) toCreate(ctx context.Context, m failoverPlanModel, own string) (string, vcc.Precondition, error) {
	name := m.Name.ValueString()
	stored, err := r.findFailoverPlan(ctx, name)
	adopts := !m.ID.IsUnknown()
	changed := func(format string, args ...any) error {
		return &vcc.Error{Code: vcc.CodePreconditionFailed, Message: fmt.Sprintf(format, args...) + ". It was not overwritten, and the resource was not created. Plan again: the plan says what to do about it"}
	}
	switch {
	case err != nil:
		return "", vcc.Precondition{}, err
	case stored == nil && !adopts:
		return own, vcc.Precondition{Absent: true}, nil
	case stored == nil:
		return "", vcc.Precondition{}, &vcc.Error{Code: vcc.CodePreconditionFailed, Message: fmt.Sprintf(
			"the lab declared failover plan %q when this plan was made, and no longer does. The resource was not created. Plan again", name)}
	case stored.Origin == vcc.OriginSpecified:
		return "", vcc.Precondition{}, changed("there is a failover plan %q by now, specified by %s on %s (%s)",
			name, stored.UpdatedBy, formatTime(stored.UpdatedAt), describeFailoverPlan(stored.FailoverPlanSettings))
	case !adopts || stored.ID != m.ID.ValueString() || !m.Replaces.IsUnknown() && !m.Replaces.Equal(describeReplacedPlan(stored)):
		return "", vcc.Precondition{}, changed("the lab declares failover plan %q as it did not when this plan was made (%s)", name, describeFailoverPlan(stored.FailoverPlanSettings))
	}
	return stored.ID, vcc.IfRevision(stored.Revision), nil
}

// addWriteError says why a plan was not written: a value of it at its attribute.
func (r *failoverPlanResource) addWriteError(ctx context.Context, diags *diag.Diagnostics, failed string, m failoverPlanModel, err error) {
	if code := vcc.Code(err); code == vcc.CodeInvalidValue || code == vcc.CodeConflict {
		v, _, _ := m.read(ctx)
		var errs []error
		for _, e := range vcc.Errors(err) {
			if e.Code == vcc.CodeConflict && strings.HasSuffix(e.Field, ".address") {
				advised := *e
				advised.Message += ". If this configuration takes the address from that plan, apply again: Terraform writes some resources at a time, and that one was not among them"
				e = &advised
			}
			errs = append(errs, e)
		}
		v.addErrors(diags, failed, errors.Join(errs...))
		return
	}
	addRequestError(diags, failed, err)
}

// save writes what was stored into a state, in the words of the plan.
func (r *failoverPlanResource) save(ctx context.Context, m failoverPlanModel, p *vcc.FailoverPlan, diags *diag.Diagnostics, identity *tfsdk.ResourceIdentity, state *tfsdk.State) {
	if settings, d := m.settings(ctx); d.HasError() || !p.FailoverPlanSettings.Equal(settings) {
		diags.Append(d...)
		diags.AddError("Other Settings Stored", fmt.Sprintf(
			"The backend answered that it stored %s for %q, which is not what it was told. This is a fault of the backend; the next plan shows the difference.",
			describeFailoverPlan(p.FailoverPlanSettings), p.Name))
	}
	stored := newFailoverPlanModel(p, m.TenantName.ValueString()).inWordsOf(ctx, m, p)
	if m.TenantName.IsUnknown() {
		stored.TenantName = r.tenantName(ctx, diags)
	}
	if m.Replaces.IsUnknown() { // whoever planned did not know the name
		stored.Replaces = types.StringNull()
	}
	diags.Append(identity.Set(ctx, failoverPlanIdentity{stored.ID})...)
	diags.Append(state.Set(ctx, stored)...)
}

// Read takes over what is stored and says who changed it.
func (r *failoverPlanResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	const failed = "Failover Plan Not Read"
	var m failoverPlanModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// An identity is due whatever the read finds.
	resp.Diagnostics.Append(resp.Identity.Set(ctx, failoverPlanIdentity{m.ID})...)
	if r.connection == nil {
		return // the provider's settings are not known yet: Terraform goes on with what it has
	}
	if r.otherTenant(ctx, &resp.Diagnostics, m.TenantName) {
		return
	}
	imported, prior := m.Name.IsNull(), m.lastSeen(ctx)
	r.run.noteFailoverPlanRead(m.Name.ValueString())
	p, err := r.client.FailoverPlan(ctx, r.as, m.ID.ValueString())
	if vcc.Code(err) == vcc.CodeNotFound {
		r.run.noteFailoverPlanGone(m.Name.ValueString())
		r.warnOfDrift(ctx, &resp.Diagnostics, m, prior)
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	t, err := r.actingFor(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	stored := newFailoverPlanModel(p, t.name)
	if !imported {
		stored = stored.inWordsOf(ctx, m, p)
		if !prior.Equal(p.FailoverPlanSettings) {
			r.warnOfDrift(ctx, &resp.Diagnostics, stored, prior)
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, stored)...)
}

// drift says who changed a plan since it had the settings that Terraform saw last; "" where the history does not tell.
func (r *failoverPlanResource) drift(ctx context.Context, planID string, prior vcc.FailoverPlanSettings) string {
	changes, err := vcc.All(func(p vcc.Page) ([]vcc.FailoverPlanChange, int, error) {
		return r.client.FailoverPlanChanges(ctx, r.as, planID, p)
	})
	if err != nil {
		return ""
	}
	return describePlanChanges(changes, prior)
}

// warnOfDrift says who changed or removed a plan since it had the settings that Terraform saw last. Where the history
// does not tell, Terraform's plan still shows the change itself.
func (r *failoverPlanResource) warnOfDrift(ctx context.Context, diags *diag.Diagnostics, m failoverPlanModel, prior vcc.FailoverPlanSettings) {
	if text := r.drift(ctx, m.ID.ValueString(), prior); text != "" {
		diags.AddWarning("Failover Plan Changed Outside Terraform",
			fmt.Sprintf("Since Terraform last saw failover plan %q:\n\n%s", m.Name.ValueString(), text))
	}
}

// Update sets the plan, unless it is no longer the one that Terraform planned from.
func (r *failoverPlanResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	const failed = "Failover Plan Not Updated"
	var m, before failoverPlanModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &before)...)
	if resp.Diagnostics.HasError() {
		return
	}
	settings, diags := m.settings(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.ready(ctx, &resp.Diagnostics, failed, before.TenantName) {
		return
	}
	prior := before.lastSeen(ctx)
	p, err := retryConflict(ctx, r.run, func() (*vcc.FailoverPlan, error) {
		return r.updateFailoverPlan(ctx, before.ID.ValueString(), m.Name.ValueString(), prior, settings)
	})
	if code := vcc.Code(err); code == vcc.CodePreconditionFailed || code == vcc.CodeNotFound {
		// If the change that won stored the very settings, there is nothing left to do.
		for _, e := range vcc.Errors(err) {
			if current, ok := e.Current.(*vcc.FailoverPlan); ok && current.Origin == vcc.OriginSpecified && current.FailoverPlanSettings.Equal(settings) {
				r.save(ctx, m, current, &resp.Diagnostics, resp.Identity, &resp.State)
				return
			}
		}
		err = r.changedError(ctx, before, prior, err, "Plan again to see both sides")
	}
	if err != nil {
		r.addWriteError(ctx, &resp.Diagnostics, failed, m, err)
		return
	}
	r.save(ctx, m, p, &resp.Diagnostics, resp.Identity, &resp.State)
}

func (r *failoverPlanResource) changedError(ctx context.Context, m failoverPlanModel, prior vcc.FailoverPlanSettings, refusal error, advice string) error {
	text := r.drift(ctx, m.ID.ValueString(), prior)
	if text == "" {
		return refusal
	}
	return &vcc.Error{Code: vcc.CodePreconditionFailed, Message: fmt.Sprintf(
		"failover plan %q was changed after this plan was made:\n\n%s\n\n"+
			"That change was not overwritten, and nothing else was changed. %s", m.Name.ValueString(), text, advice)}
}

// Delete takes the plan away, unless it is no longer the one that Terraform planned from. What the lab declares of its
// name is in force again.
func (r *failoverPlanResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	const failed = "Failover Plan Not Removed"
	var m failoverPlanModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.ready(ctx, &resp.Diagnostics, failed, m.TenantName) {
		return
	}
	prior := m.lastSeen(ctx)
	_, err := retryConflict(ctx, r.run, func() (struct{}, error) {
		return struct{}{}, r.removeFailoverPlan(ctx, m.ID.ValueString(), prior)
	})
	switch vcc.Code(err) {
	case "", vcc.CodeNotFound:
	case vcc.CodePreconditionFailed:
		// Terraform 1.11 plans the removal of a resource that left the configuration
		// with the state from before the refresh, so that planning again is not enough.
		addRequestError(&resp.Diagnostics, failed, r.changedError(ctx, m, prior, err,
			"To remove the failover plan with what is stored now, let Terraform take note of it first: apply with -refresh-only, then apply again"))
	default:
		addRequestError(&resp.Diagnostics, failed, err)
	}
}

// ImportState takes the name or the ID of a failover plan.
func (r *failoverPlanResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	const failed = "Failover Plan Not Imported"
	nameOrID := req.ID
	if nameOrID == "" && req.Identity != nil {
		var identity failoverPlanIdentity
		resp.Diagnostics.Append(req.Identity.Get(ctx, &identity)...)
		nameOrID = identity.ID.ValueString()
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.ready(ctx, &resp.Diagnostics, failed, types.StringNull()) {
		return
	}
	plans, err := r.listFailoverPlans(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	plan, found := vcc.Find(plans, nameOrID, planKey)
	if !found {
		var lines []string
		for _, p := range plans {
			lines = append(lines, fmt.Sprintf("  - %q (%s)", p.Name, p.ID))
		}
		text := fmt.Sprintf("The tenant has no failover plan with the name or ID %s.", vcc.Clip(nameOrID))
		if len(lines) > 0 {
			text += " Its failover plans are:\n" + strings.TrimRight(vcc.FirstTen(lines, "\n"), "\n")
		}
		resp.Diagnostics.AddError(failed, text)
		return
	}
	resp.Diagnostics.Append(resp.Identity.Set(ctx, failoverPlanIdentity{types.StringValue(plan.ID)})...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), plan.ID)...)
}
