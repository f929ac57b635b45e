package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newDefaultGatewayResource() resource.Resource { return &defaultGatewayResource{} }

type defaultGatewayResource struct{ *connection }

var (
	_ resource.ResourceWithConfigure      = (*defaultGatewayResource)(nil)
	_ resource.ResourceWithIdentity       = (*defaultGatewayResource)(nil)
	_ resource.ResourceWithImportState    = (*defaultGatewayResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*defaultGatewayResource)(nil)
	_ resource.ResourceWithValidateConfig = (*defaultGatewayResource)(nil)
)

// gatewayIdentity is what names a default gateway: one network has one at most.
type gatewayIdentity struct {
	NetworkID types.String `tfsdk:"network_id"`
}

// Metadata names the resource.
func (r *defaultGatewayResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_default_gateway"
}

// Schema describes the resource.
func (r *defaultGatewayResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	spelling := []planmodifier.String{keepSpelling{}}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The default gateway of one cloud network: the gateway of the production network that it stands for. " +
			"At full site failover the network extension appliance answers on its address.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The network's ID.",
				PlanModifiers:       keep,
			},
			"network_id": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "ID of the cloud network, from data source `vcc_hardware_plan_networks`. Another network means another gateway.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"network_name": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Name of the cloud network.",
				PlanModifiers:       keep,
			},
			"hardware_plan_name": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Name of the hardware plan that the network belongs to.",
				PlanModifiers:       keep,
			},
			"ipv4": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "IPv4 settings. At least one of `ipv4` and `ipv6` is required; leaving one out removes its settings.",
				Attributes: map[string]schema.Attribute{
					"address": schema.StringAttribute{
						CustomType:          ipAddressType{},
						Required:            true,
						MarkdownDescription: "Address of the gateway, a host address of its network.",
						PlanModifiers:       spelling,
					},
					"subnet_mask": schema.StringAttribute{
						CustomType:          ipAddressType{},
						Required:            true,
						MarkdownDescription: "Subnet mask in dotted decimal, such as `255.255.254.0`.",
						PlanModifiers:       spelling,
					},
					"cidr": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "The resulting IP network, as the console shows it.",
					},
				},
			},
			"ipv6": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "IPv6 settings.",
				Attributes: map[string]schema.Attribute{
					"network": schema.StringAttribute{
						CustomType:          ipAddressType{},
						Required:            true,
						MarkdownDescription: "The IP network, without its prefix length.",
						PlanModifiers:       spelling,
					},
					"prefix_length": schema.Int64Attribute{
						Required:            true,
						MarkdownDescription: "Prefix length of the network, 1 to 128. Only 64 works for failover; the plan warns about any other.",
					},
					"address": schema.StringAttribute{
						CustomType:          ipAddressType{},
						Required:            true,
						MarkdownDescription: "Address of the gateway: inside the network, or link-local such as `fe80::1`.",
						PlanModifiers:       spelling,
					},
					"cidr": schema.StringAttribute{
						Computed:            true,
						MarkdownDescription: "Network and prefix length in one piece.",
					},
				},
			},
		},
	}
}

// IdentitySchema describes the resource's identity.
func (r *defaultGatewayResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"network_id": identityschema.StringAttribute{RequiredForImport: true, Description: "ID of the cloud network."},
	}}
}

// Configure takes the provider's connection.
func (r *defaultGatewayResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig applies the domain's rules to what is known.
func (r *defaultGatewayResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m gatewayModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(m.check(ctx)...)
	}
}

// ModifyPlan plans the computed networks.
func (r *defaultGatewayResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var m gatewayModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	m, diags := m.withCIDRs(ctx)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(resp.Plan.Set(ctx, m)...)
}

// Create sets the gateway of a network that has none, or adopts a detected one.
func (r *defaultGatewayResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	const failed = "Default Gateway Not Created"
	var m gatewayModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	settings, diags := m.settings(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if r.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	id := m.NetworkID.ValueString()
	turn := r.take(id)
	defer turn.Unlock()
	if turn.created {
		resp.Diagnostics.AddAttributeError(path.Root("network_id"), failed,
			"Another vcc_default_gateway of this configuration was created for the same network a moment ago, and a network has one gateway. Remove one of the two.")
		return
	}
	g, err := r.gateways.put(ctx, id, settings, httpapi.IfAbsent())
	if vcc.Code(err) == vcc.CodePreconditionFailed {
		g, turn.inherited, err = r.takeOver(ctx, id, settings, err)
	}
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	turn.created = true
	addNewWarnings(&resp.Diagnostics, g)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, gatewayIdentity{types.StringValue(g.NetworkID)})...)
	resp.Diagnostics.Append(resp.State.Set(ctx, newGatewayModel(g))...)
}

// takeOver decides about a gateway that was there before. A detected one is
// adopted, which is the product's flow. One that Terraform itself wrote with these
// very settings is what an interrupted apply leaves when it could not record its
// work, or what another resource has that is about to go: it is inherited as it is. Any
// other belongs to somebody.
func (r *defaultGatewayResource) takeOver(ctx context.Context, id string, settings httpapi.GatewaySettings, refusal error) (g *httpapi.DefaultGateway, inherited bool, err error) {
	var current *httpapi.DefaultGateway
	for _, e := range vcc.Errors(refusal) {
		current, _ = e.Current.(*httpapi.DefaultGateway)
	}
	switch {
	case current == nil:
		return nil, false, refusal
	case current.Origin == vcc.OriginDetected:
		g, err = r.gateways.put(ctx, id, settings, httpapi.IfRevision(current.Revision))
		return g, false, err
	case current.UpdatedBy == r.actor && current.Settings().Equal(settings):
		return current, true, nil
	}
	return nil, false, &vcc.Error{Code: vcc.CodeConflict, Field: "networkId", Message: fmt.Sprintf(
		"%q has a default gateway that was specified by %s on %s (%s), and Terraform takes over nothing that somebody specified. "+
			"Nothing was changed. To manage it with this resource, import it first:\n\n"+
			"  terraform import vcc_default_gateway.NAME %s\n\n"+
			"or with an import block, in which \"to\" is the address of this resource:\n\n"+
			"  import {\n    to = vcc_default_gateway.NAME\n    id = %q\n  }\n",
		current.NetworkName, current.UpdatedBy, instant(current.UpdatedAt), differences(nil, &current.GatewayState), id, id)}
}

// addNewWarnings passes on the backend's warnings that this provider did not give
// when planning, which is none unless the backend knows more rules.
func addNewWarnings(diags *diag.Diagnostics, g *httpapi.DefaultGateway) {
	known := map[string]bool{}
	if s, err := g.Settings().Parse(); err == nil {
		for _, w := range s.Warnings() {
			known[w.Message] = true
		}
	}
	for _, w := range g.Warnings {
		if !known[w.Message] {
			diags.AddAttributeWarning(attributePath(w.Field), "Warning of the Backend", w.Message)
		}
	}
}

// Read takes over what is stored and says who changed it.
func (r *defaultGatewayResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	const failed = "Default Gateway Not Read"
	var m gatewayModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	seen, diags := m.settings(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	// An identity is due whatever the read finds.
	resp.Diagnostics.Append(resp.Identity.Set(ctx, gatewayIdentity{m.NetworkID})...)
	if r.connection == nil {
		return // the provider's settings are not known yet: Terraform goes on with what it has
	}
	id := m.NetworkID.ValueString()
	g, err := r.gateways.get(ctx, id)
	if vcc.Code(err) == vcc.CodeNotFound {
		r.warnOfDrift(ctx, &resp.Diagnostics, m, seen)
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	imported := m.ID.IsNull()
	if !imported && !seen.Equal(g.Settings()) {
		r.warnOfDrift(ctx, &resp.Diagnostics, newGatewayModel(g), seen)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, newGatewayModel(g))...)
}

// warnOfDrift says who changed or removed a gateway since it had the settings that
// Terraform saw last. Where the history cannot be had, or knows of no such settings, the
// plan still shows the change itself.
func (r *defaultGatewayResource) warnOfDrift(ctx context.Context, diags *diag.Diagnostics, m gatewayModel, seen httpapi.GatewaySettings) {
	if text, ok := r.drift(ctx, m.NetworkID.ValueString(), seen); ok {
		diags.AddWarning("Default Gateway Changed Outside Terraform",
			fmt.Sprintf("Since Terraform last saw the default gateway of %q:\n\n%s", m.NetworkName.ValueString(), text))
	}
}

func (r *defaultGatewayResource) drift(ctx context.Context, id string, seen httpapi.GatewaySettings) (string, bool) {
	changes, err := r.client.DefaultGatewayChanges(ctx, id)
	if err != nil {
		return "", false
	}
	text := describeChanges(changes, seen)
	return text, text != ""
}

// Update sets the gateway, unless it is no longer the one that the plan was made from.
func (r *defaultGatewayResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	const failed = "Default Gateway Not Updated"
	var m, before gatewayModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &before)...)
	settings, diags := m.settings(ctx)
	resp.Diagnostics.Append(diags...)
	seen, diags := before.settings(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if r.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	g, err := r.gateways.update(ctx, m.NetworkID.ValueString(), seen, settings)
	if code := vcc.Code(err); code == vcc.CodePreconditionFailed || code == vcc.CodeNotFound {
		g, err = r.lost(ctx, m, settings, seen, err)
	}
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	addNewWarnings(&resp.Diagnostics, g)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, gatewayIdentity{m.NetworkID})...)
	resp.Diagnostics.Append(resp.State.Set(ctx, newGatewayModel(g))...)
}

// lost decides about a write that lost to a concurrent change. If that change
// stored the very settings that were to be written there is nothing left to do;
// else the error says what changed.
func (r *defaultGatewayResource) lost(ctx context.Context, m gatewayModel, settings, seen httpapi.GatewaySettings, refusal error) (*httpapi.DefaultGateway, error) {
	for _, e := range vcc.Errors(refusal) {
		if current, ok := e.Current.(*httpapi.DefaultGateway); ok && current.Settings().Equal(settings) {
			return current, nil
		}
	}
	return nil, r.lostError(ctx, m, seen, refusal)
}

func (r *defaultGatewayResource) lostError(ctx context.Context, m gatewayModel, seen httpapi.GatewaySettings, refusal error) error {
	text, ok := r.drift(ctx, m.NetworkID.ValueString(), seen)
	if !ok {
		return refusal
	}
	return &vcc.Error{Code: vcc.CodePreconditionFailed, Message: fmt.Sprintf(
		"the default gateway of %q was changed after this plan was made:\n\n%s\n\n"+
			"That change was not overwritten, and nothing else was changed. Plan again to see both sides", m.NetworkName.ValueString(), text)}
}

// Delete removes the gateway, unless it is no longer the one that the plan was made from.
func (r *defaultGatewayResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	const failed = "Default Gateway Not Removed"
	var m gatewayModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	seen, diags := m.settings(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if r.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	id := m.NetworkID.ValueString()
	turn := r.take(id)
	defer turn.Unlock()
	if turn.inherited {
		turn.inherited = false
		resp.Diagnostics.AddWarning("Default Gateway Kept", fmt.Sprintf(
			"The default gateway of %q was not removed, because this apply has just created another vcc_default_gateway for it. %s", m.NetworkName.ValueString(), movedBlock))
		return
	}
	err := r.gateways.remove(ctx, id, seen)
	switch vcc.Code(err) {
	case "", vcc.CodeNotFound:
		turn.created = false
	case vcc.CodePreconditionFailed:
		// Terraform 1.11 plans the removal of a resource that left the configuration
		// with the state from before the refresh, so that planning again is not enough.
		addRequestError(&resp.Diagnostics, failed, r.lostError(ctx, m, seen, err))
		resp.Diagnostics.AddWarning("Accepting the Change Before Removing the Gateway",
			"To remove the gateway with what is stored now, let Terraform take note of it first: apply with -refresh-only, then apply again.")
	default:
		addRequestError(&resp.Diagnostics, failed, err)
	}
}

// ImportState takes the ID of a network that has a gateway.
func (r *defaultGatewayResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	const failed = "Default Gateway Not Imported"
	id := req.ID
	if id == "" && req.Identity != nil {
		var identity gatewayIdentity
		resp.Diagnostics.Append(req.Identity.Get(ctx, &identity)...)
		id = identity.NetworkID.ValueString()
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if r.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	err := vcc.ValidateNetworkID(id)
	if err == nil {
		_, err = r.gateways.get(ctx, id)
	}
	if code := vcc.Code(err); code == vcc.CodeNotFound || code == vcc.CodeInvalidValue {
		resp.Diagnostics.AddError(failed, sentence(err)+r.importable(ctx, id))
		return
	}
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	resp.Diagnostics.Append(resp.Identity.Set(ctx, gatewayIdentity{types.StringValue(id)})...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("network_id"), id)...)
}

// importable lists what an import could name: what is most like the ID that it named, which may have been a name.
func (r *defaultGatewayResource) importable(ctx context.Context, id string) string {
	gateways, err := r.gateways.every(ctx)
	if err != nil || len(gateways) == 0 {
		return ""
	}
	entries, list := map[string]string{}, []string{}
	for _, g := range gateways {
		entry := fmt.Sprintf("%s (%q)", g.NetworkID, g.NetworkName)
		for _, key := range []string{g.NetworkID, g.NetworkName} {
			entries[key], list = entry, append(list, key)
		}
	}
	var lines []string
	for _, key := range vcc.Nearest(id, list) {
		if line := "\n  - " + entries[key]; !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	text := " The networks with a stored default gateway are:\n" + strings.Join(lines, "")
	if more := len(gateways) - len(lines); more > 0 {
		text += fmt.Sprintf("\n\nand %d more.", more)
	}
	return text
}
