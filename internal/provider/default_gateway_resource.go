package provider

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

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
	resp.Schema = schema.Schema{
		MarkdownDescription: "The default gateway of one cloud network: the gateway of the production network that it stands for. " +
			"At full site failover the network extension appliance answers on its address. Destroying the resource removes the gateway; where it took the place of one that a replication job had detected, " +
			"that one comes back.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The network's ID.",
			},
			"network_id": schema.StringAttribute{
				Optional:            true,
				Computed:            true,
				MarkdownDescription: "ID of the cloud network. At least one of `network_id` and `network_name` is required, and both may be given if they name one network. Another network means another gateway.",
			},
			"network_name": schema.StringAttribute{
				Optional:            true,
				Computed:            true,
				MarkdownDescription: "Name of the cloud network, such as `VMware Silver network 1 (internet)`.",
			},
			"hardware_plan_name": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Name of the hardware plan that the network belongs to.",
			},
			"tenant_name": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Name of the tenant whose network it is. A provider that acts for another tenant refuses to plan this resource.",
			},
			"replaces": schema.StringAttribute{
				Computed: true,
				MarkdownDescription: "What was stored for the network when this resource was planned to be created, and went over to it: a gateway that a replication job detected, or that " +
					"of another `vcc_default_gateway` which the same plan removes. Null if nothing was stored.",
			},
			"ipv4": ipv4Attribute([]planmodifier.String{keepSpelling[netip.Addr]{}}, []planmodifier.String{keepSpelling[netip.Prefix]{}}),
			"ipv6": ipv6Attribute([]planmodifier.String{keepSpelling[netip.Addr]{}}, []planmodifier.String{keepSpelling[netip.Prefix]{}}),
		},
	}
}

// ipv4Attribute is the attribute of IPv4 settings. The modifiers are those of addresses and of networks, nil for none.
func ipv4Attribute(spelling, network []planmodifier.String) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
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
				CustomType:          ipNetworkType{},
				Optional:            true,
				Computed:            true,
				MarkdownDescription: "The resulting IP network, as the console shows it. It may be given if it says the same as the rest.",
				PlanModifiers:       network,
			},
		},
	}
}

// ipv6Attribute is the attribute of IPv6 settings, with modifiers as those of ipv4Attribute.
func ipv6Attribute(spelling, network []planmodifier.String) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
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
				CustomType:          ipNetworkType{},
				Optional:            true,
				Computed:            true,
				MarkdownDescription: "Network and prefix length in one piece. It may be given if it says the same as the rest.",
				PlanModifiers:       network,
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

// Create sets the gateway of a network: one that has none, or has what the plan said it replaces.
func (r *defaultGatewayResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	const failed = "Default Gateway Not Created"
	var m gatewayModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	settings, diags := m.settings()
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.ready(ctx, &resp.Diagnostics, failed, types.StringNull()) {
		return
	}
	g, err := r.create(ctx, m, settings, &resp.Diagnostics)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	r.save(ctx, m, g, &resp.Diagnostics, resp.Identity, &resp.State)
}

// create stores the gateway. Whatever another resource had there it replaces only if that is what the plan
// says; and if it fails, that is there as before.
func (r *defaultGatewayResource) create(ctx context.Context, m gatewayModel, settings vcc.GatewaySettings, diags *diag.Diagnostics) (*vcc.DefaultGateway, error) {
	id := m.NetworkID.ValueString()
	h, unlock, err := r.run.lockGateway(ctx, id)
	if err != nil {
		return nil, err
	}
	defer unlock()
	h.creationPlanned = false
	removed := h.removedGateway
	var g *vcc.DefaultGateway
	condition, err := r.ifReplaced(ctx, m, removed)
	for again := true; again && err == nil; {
		again = false
		g, err = retryConflict(ctx, r.run, func() (*vcc.DefaultGateway, error) { return r.gateways.put(ctx, id, settings, condition) })
		if condition.Absent && vcc.Code(err) == vcc.CodePreconditionFailed { // it may have come back in that moment
			if revision, waitErr := r.run.cameBack(ctx, m.NetworkName.ValueString()); waitErr == nil && revision > 0 {
				condition, err, again = vcc.IfRevision(revision), nil, true
			}
		}
	}
	switch {
	case err == nil:
		h.takenOver, h.removedGateway = true, nil
		return g, nil
	case vcc.Code(err) == vcc.CodePreconditionFailed:
		err = changedSince(m, err)
	}
	h.removedGateway = nil
	switch {
	case removed != nil:
		r.putBack(ctx, removed, diags)
	case h.leftToCreation:
		diags.AddWarning("Replaced Gateway Kept", fmt.Sprintf(
			"The default gateway of %q that was to be replaced is as it was, and no resource of this state has it any more.", m.NetworkName.ValueString()))
	default:
		h.creationFailed = !m.Replaces.IsNull()
	}
	return nil, err
}

// ifReplaced returns the condition on which a creation replaces what its plan says and nothing else. removed is what
// a removal of this apply took away before, nil for nothing.
func (r *defaultGatewayResource) ifReplaced(ctx context.Context, m gatewayModel, removed *vcc.DefaultGateway) (vcc.Precondition, error) {
	if m.Replaces.IsNull() {
		revision, err := r.run.cameBack(ctx, m.NetworkName.ValueString())
		if revision > 0 {
			return vcc.IfRevision(revision), err
		}
		return vcc.Precondition{Absent: true}, err
	}
	id := m.NetworkID.ValueString()
	if removed != nil {
		// What the other resource had replaced may be back.
		switch stored, err := r.client.DefaultGateway(ctx, r.as, id); {
		case vcc.Code(err) == vcc.CodeNotFound:
			return vcc.Precondition{Absent: true}, nil
		case err != nil:
			return vcc.Precondition{}, err
		case stored.Origin == vcc.OriginDetected:
			return vcc.IfRevision(stored.Revision), nil
		default:
			return vcc.Precondition{}, notAsPlanned(m, stored)
		}
	}
	stored, err := r.gateways.get(ctx, id)
	if err == nil && describeReplaced(stored) != m.Replaces.ValueString() {
		stored, err = r.client.DefaultGateway(ctx, r.as, id)
	}
	switch {
	case vcc.Code(err) == vcc.CodeNotFound:
		return vcc.Precondition{}, notAsPlanned(m, nil)
	case err != nil:
		return vcc.Precondition{}, err
	case describeReplaced(stored) != m.Replaces.ValueString():
		return vcc.Precondition{}, notAsPlanned(m, stored)
	}
	return vcc.IfRevision(stored.Revision), nil
}

// notAsPlanned refuses a creation that would replace something else than its plan says.
func notAsPlanned(m gatewayModel, stored *vcc.DefaultGateway) error {
	now := "nothing is stored"
	if stored != nil {
		now = "stored is what was " + describeReplaced(stored)
	}
	return &vcc.Error{Code: vcc.CodePreconditionFailed, Message: fmt.Sprintf(
		"the default gateway of %q was changed after this plan was made: the plan replaces what was %s; now %s. The resource was not created. Plan again to see it",
		m.NetworkName.ValueString(), m.Replaces.ValueString(), now)}
}

// changedSince says what is stored instead of what the plan saw.
func changedSince(m gatewayModel, refusal error) error {
	for _, e := range vcc.Errors(refusal) {
		g, ok := e.Current.(*vcc.DefaultGateway)
		switch {
		case !ok:
		case !m.Replaces.IsNull():
			return notAsPlanned(m, g)
		default:
			return &vcc.Error{Code: vcc.CodePreconditionFailed, ResourceID: g.NetworkID, Message: fmt.Sprintf(
				"%q had no default gateway when this plan was made, and has one now, %s by %s on %s (%s). It was not overwritten, and the resource was not created. Plan again: the plan says what to do about it",
				g.NetworkName, g.Origin, g.UpdatedBy, formatTime(g.UpdatedAt), describeAddresses(g.GatewaySettings))}
		}
	}
	return refusal
}

// putBack stores what a removal took away for a creation that failed, and says so.
func (r *defaultGatewayResource) putBack(ctx context.Context, removed *vcc.DefaultGateway, diags *diag.Diagnostics) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), putBackTime) // an apply that is being stopped leaves no gap, either
	defer cancel()
	condition := vcc.Precondition{Absent: true}
	stored, err := r.client.DefaultGateway(ctx, r.as, removed.NetworkID)
	if err == nil && stored.Origin == vcc.OriginDetected { // it came back when the gateway was removed
		condition = vcc.IfRevision(stored.Revision)
	}
	if err != nil || removed.Origin != vcc.OriginDetected || !stored.GatewaySettings.Equal(removed.GatewaySettings) {
		_, err = r.gateways.put(ctx, removed.NetworkID, removed.GatewaySettings, condition)
	}
	if err != nil {
		diags.AddError("Replaced Gateway Not Put Back", fmt.Sprintf(
			"The default gateway of %q was removed for another one, which could not be created, and it could not be stored again: %s It was: %s.",
			removed.NetworkName, sentence(err), describeAddresses(removed.GatewaySettings)))
		return
	}
	diags.AddWarning("Replaced Gateway Put Back", fmt.Sprintf(
		"The default gateway of %q was removed for another one, which could not be created. It is stored again as it was (%s), and no resource of this state has it any more.",
		removed.NetworkName, describeAddresses(removed.GatewaySettings)))
}

// putBackTime is how long putting back may take.
const putBackTime = 30 * time.Second

// save writes what was stored into a state: what the plan knew as the plan had it.
func (r *defaultGatewayResource) save(ctx context.Context, m gatewayModel, g *vcc.DefaultGateway, diags *diag.Diagnostics, identity *tfsdk.ResourceIdentity, state *tfsdk.State) {
	if settings, settingsDiags := m.settings(); settingsDiags.HasError() || !g.GatewaySettings.Equal(settings) {
		diags.Append(settingsDiags...)
		diags.AddError("Other Settings Stored", fmt.Sprintf(
			"The backend answered that it stored %s for %q, which is not what it was told. This is a fault of the backend; the next plan shows the difference.",
			describeAddresses(g.GatewaySettings), g.NetworkName))
	}
	stored := newGatewayModel(g, m.TenantName.ValueString())
	for _, a := range []struct{ planned, stored *types.String }{
		{&m.ID, &stored.ID}, {&m.NetworkID, &stored.NetworkID}, {&m.NetworkName, &stored.NetworkName}, {&m.HardwarePlanName, &stored.HardwarePlanName},
		{&m.TenantName, &stored.TenantName}, {&m.Replaces, &stored.Replaces},
	} {
		if !a.planned.IsUnknown() {
			*a.stored = *a.planned
		}
	}
	if m.TenantName.IsUnknown() {
		stored.TenantName = r.tenantName(ctx, diags)
	}
	diags.Append(identity.Set(ctx, gatewayIdentity{stored.NetworkID})...)
	diags.Append(state.Set(ctx, stored)...)
}

// Read takes over what is stored and says who changed it.
func (r *defaultGatewayResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	const failed = "Default Gateway Not Read"
	var m gatewayModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	prior := m.lastSeen()
	if resp.Diagnostics.HasError() {
		return
	}
	// An identity is due whatever the read finds.
	resp.Diagnostics.Append(resp.Identity.Set(ctx, gatewayIdentity{m.NetworkID})...)
	if r.connection == nil {
		return // the provider's settings are not known yet: Terraform goes on with what it has
	}
	if r.otherTenant(ctx, &resp.Diagnostics, m.TenantName) {
		return
	}
	id := m.NetworkID.ValueString()
	r.run.noteRead(id)
	g, err := r.gateways.get(ctx, id)
	if vcc.Code(err) == vcc.CodeNotFound {
		r.run.noteGone(id)
		r.warnOfLoss(ctx, &resp.Diagnostics, m, prior)
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	imported := m.ID.IsNull()
	t, err := r.actingFor(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	stored := newGatewayModel(g, t.name)
	stored.Replaces = m.Replaces
	if !imported && !prior.Equal(g.GatewaySettings) {
		r.warnOfDrift(ctx, &resp.Diagnostics, stored, g, prior)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, stored)...)
}

// warnOfLoss says why a gateway of the state is not there: somebody removed it, or its network is gone.
func (r *defaultGatewayResource) warnOfLoss(ctx context.Context, diags *diag.Diagnostics, m gatewayModel, prior vcc.GatewaySettings) {
	networks, err := r.cloudNetworks(ctx)
	if err != nil || networks.byID[m.NetworkID.ValueString()] != nil {
		r.warnOfDrift(ctx, diags, m, nil, prior)
		return
	}
	text := fmt.Sprintf("Cloud network %q (%s) is no longer there, nor is its default gateway, and Terraform forgets it: ", m.NetworkName.ValueString(), m.NetworkID.ValueString())
	other := networks.named(m.NetworkName.ValueString())
	if other != nil {
		text += fmt.Sprintf("the backend was made anew, or the operator removed the network and added one of the same name (%s)", other.ID)
	} else {
		text += "the operator removed the network"
	}
	if m.TenantName.ValueString() == "" {
		text += ", or it is of another tenant than the provider acts for"
	}
	if other == nil {
		text += ". Take the resource out of the configuration, or give it another network"
	}
	diags.AddWarning("Cloud Network Gone", text+".")
}

// warnOfDrift says who changed or removed a gateway since it had the settings that
// Terraform saw last. now is the gateway, nil for none. Where the history cannot be had, or knows of no such settings, the
// plan still shows the change itself.
func (r *defaultGatewayResource) warnOfDrift(ctx context.Context, diags *diag.Diagnostics, m gatewayModel, now *vcc.DefaultGateway, prior vcc.GatewaySettings) {
	changes, err := r.gateways.history.since(ctx, m.NetworkID.ValueString(), now, prior)
	if err != nil {
		return
	}
	if text := describeChanges(changes, prior); text != "" {
		diags.AddWarning("Default Gateway Changed Outside Terraform",
			fmt.Sprintf("Since Terraform last saw the default gateway of %q:\n\n%s", m.NetworkName.ValueString(), text))
	}
}

// drift says who changed a gateway since it had the settings that Terraform saw last, by the
// history as it is now.
func (r *defaultGatewayResource) drift(ctx context.Context, id string, prior vcc.GatewaySettings) (string, bool) {
	changes, err := r.gateways.history.of(ctx, id)
	if err != nil {
		return "", false
	}
	text := describeChanges(changes, prior)
	return text, text != ""
}

// Update sets the gateway, unless it is no longer the one that the plan was made from.
func (r *defaultGatewayResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	const failed = "Default Gateway Not Updated"
	var m, before gatewayModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &before)...)
	settings, diags := m.settings()
	resp.Diagnostics.Append(diags...)
	prior := before.lastSeen()
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.ready(ctx, &resp.Diagnostics, failed, before.TenantName) {
		return
	}
	id := m.NetworkID.ValueString()
	g, err := retryConflict(ctx, r.run, func() (*vcc.DefaultGateway, error) { return r.gateways.update(ctx, id, prior, settings) })
	if code := vcc.Code(err); code == vcc.CodePreconditionFailed || code == vcc.CodeNotFound {
		g, err = r.resolveRefusal(ctx, m, settings, prior, err)
	}
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	r.save(ctx, m, g, &resp.Diagnostics, resp.Identity, &resp.State)
}

// resolveRefusal decides what a refused write comes to. If the change that won stored the very
// settings that were to be written, there is nothing left to do; else the error says what changed.
func (r *defaultGatewayResource) resolveRefusal(ctx context.Context, m gatewayModel, settings, prior vcc.GatewaySettings, refusal error) (*vcc.DefaultGateway, error) {
	for _, e := range vcc.Errors(refusal) {
		if current, ok := e.Current.(*vcc.DefaultGateway); ok && current.GatewaySettings.Equal(settings) {
			return current, nil
		}
	}
	return nil, r.changedError(ctx, m, prior, refusal, "Plan again to see both sides")
}

func (r *defaultGatewayResource) changedError(ctx context.Context, m gatewayModel, prior vcc.GatewaySettings, refusal error, advice string) error {
	text, ok := r.drift(ctx, m.NetworkID.ValueString(), prior)
	if !ok {
		return refusal
	}
	return &vcc.Error{Code: vcc.CodePreconditionFailed, Message: fmt.Sprintf(
		"the default gateway of %q was changed after this plan was made:\n\n%s\n\n"+
			"That change was not overwritten, and nothing else was changed. %s", m.NetworkName.ValueString(), text, advice)}
}

// Delete removes the gateway, unless it is no longer the one that the plan was made from, or has
// gone over to another resource. What had been detected before comes back.
func (r *defaultGatewayResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	const failed = "Default Gateway Not Removed"
	var m gatewayModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	prior := m.lastSeen()
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.ready(ctx, &resp.Diagnostics, failed, m.TenantName) {
		return
	}
	id := m.NetworkID.ValueString()
	h, unlock, err := r.run.lockGateway(ctx, id)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	defer unlock()
	switch {
	case h.creationFailed:
		resp.Diagnostics.AddError(failed, fmt.Sprintf(
			"The default gateway of %q was to go over to another vcc_default_gateway, which could not be created. It was left as it is, and so was this resource.", m.NetworkName.ValueString()))
		return
	case h.takenOver:
		return // it is another resource's now
	case h.creationPlanned:
		h.leftToCreation = true
		return // it will be in a moment
	}
	var removed *vcc.DefaultGateway
	_, err = retryConflict(ctx, r.run, func() (restored *vcc.DefaultGateway, err error) {
		removed, restored, err = r.gateways.remove(ctx, id, prior)
		return restored, err
	})
	if vcc.Code(err) == vcc.CodeConflict {
		// What had been detected has no place any more. The plan was to remove the gateway, and it goes.
		resp.Diagnostics.AddWarning("Detected Gateway Not Brought Back", sentence(err))
		removed, err = r.gateways.removeForGood(ctx, id, prior)
	}
	switch vcc.Code(err) {
	case "", vcc.CodeNotFound:
		h.removedGateway = removed
	case vcc.CodePreconditionFailed:
		// Terraform 1.11 plans the removal of a resource that left the configuration
		// with the state from before the refresh, so that planning again is not enough.
		addRequestError(&resp.Diagnostics, failed, r.changedError(ctx, m, prior, err,
			"To remove the gateway with what is stored now, let Terraform take note of it first: apply with -refresh-only, then apply again"))
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
	if !r.ready(ctx, &resp.Diagnostics, failed, types.StringNull()) {
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
	gateways, err := r.gateways.all(ctx)
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
