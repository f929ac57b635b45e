package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newNetworkRoutingResource() resource.Resource { return &networkRoutingResource{} }

type networkRoutingResource struct{ *connection }

var (
	_ resource.ResourceWithConfigure      = (*networkRoutingResource)(nil)
	_ resource.ResourceWithIdentity       = (*networkRoutingResource)(nil)
	_ resource.ResourceWithImportState    = (*networkRoutingResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*networkRoutingResource)(nil)
	_ resource.ResourceWithValidateConfig = (*networkRoutingResource)(nil)
)

type routingModel struct {
	ID         types.String `tfsdk:"id"`
	TenantName types.String `tfsdk:"tenant_name"`
	Enabled    types.Bool   `tfsdk:"enabled"`
	Restores   types.Bool   `tfsdk:"restores"`
	// LastApplied tells what the resource set from what a refresh found.
	LastApplied types.Bool   `tfsdk:"last_applied"`
	Replaces    types.String `tfsdk:"replaces"`
}

// describeReplacedOption describes the option that a resource is created over, null if nobody has set it. The text is another one after
// every change.
func describeReplacedOption(r *vcc.NetworkRouting) types.String {
	if r.UpdatedAt.IsZero() {
		return types.StringNull()
	}
	return types.StringValue(fmt.Sprintf("%s by %s, revision %d", map[bool]string{true: "on", false: "off"}[r.Enabled], vcc.Printable(r.UpdatedBy), r.Revision))
}

// newRoutingModel returns what the option is in a state; restores is what it becomes when the resource goes,
// as long as it is lastApplied.
func newRoutingModel(r *vcc.NetworkRouting, restores bool, lastApplied types.Bool) routingModel {
	return routingModel{
		ID: types.StringValue(r.TenantID), TenantName: types.StringValue(r.TenantName),
		Enabled: types.BoolValue(r.Enabled), Restores: types.BoolValue(restores), LastApplied: lastApplied,
	}
}

// applied is what the resource last set the option to. A state that an earlier release wrote, and an import before it was
// read, do not tell: there it is what the state has.
func (m routingModel) applied() types.Bool {
	if m.LastApplied.IsNull() {
		return m.Enabled
	}
	return m.LastApplied
}

// afterRemoval is what the option is once the resource is gone. What others made of it stays.
func (m routingModel) afterRemoval(current *vcc.NetworkRouting) bool {
	if current.TenantID != m.ID.ValueString() || current.Enabled != m.applied().ValueBool() {
		return current.Enabled
	}
	return m.Restores.ValueBool()
}

// routingIdentity is what names a routing option: one tenant has one.
type routingIdentity struct {
	TenantID types.String `tfsdk:"tenant_id"`
}

// Metadata names the resource.
func (r *networkRoutingResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_network_routing"
}

// Schema describes the resource.
func (r *networkRoutingResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The option *Route traffic between these networks*: one switch per tenant. It joins networks of the same hardware plan; " +
			"across plans nothing is routed. Destroying the resource brings back what the option was when the resource was created, " +
			"as long as it still is what the resource made it; one that was imported switches it off, which is the product's default.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The tenant's ID.",
			},
			"tenant_name": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The tenant's name. A provider that acts for another tenant refuses to plan this resource.",
			},
			"enabled": schema.BoolAttribute{
				Required:            true,
				MarkdownDescription: "Whether the network extension appliance routes between the tenant's networks.",
			},
			"restores": schema.BoolAttribute{
				Computed: true,
				MarkdownDescription: "What the option becomes when this resource is destroyed: what it was when the resource was created, and `false` for one that was imported. " +
					"A resource that takes the place of another `vcc_network_routing`, such as one with a new name, has that of the other.",
			},
			"last_applied": schema.BoolAttribute{
				Computed:            true,
				MarkdownDescription: "What this resource set the option to last, whatever others made of it since. Destroying the resource changes the option only while it is that.",
			},
			"replaces": schema.StringAttribute{
				Computed: true,
				MarkdownDescription: "What the option was when this resource was planned to be created, with who had set it. Null if nobody had. " +
					"Where somebody has changed it by the time of the apply, Terraform reports an inconsistent final plan, and nothing is overwritten: plan again.",
			},
		},
	}
}

// IdentitySchema describes the resource's identity.
func (r *networkRoutingResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"tenant_id": identityschema.StringAttribute{RequiredForImport: true, Description: "ID of the tenant."},
	}}
}

// Configure takes the provider's connection.
func (r *networkRoutingResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig notes that the resource is about to be planned.
func (r *networkRoutingResource) ValidateConfig(_ context.Context, _ resource.ValidateConfigRequest, _ *resource.ValidateConfigResponse) {
	if r.connection != nil {
		r.run.noteValidated(routingKey)
	}
}

const notPlannedOption = "Routing Option Not Planned"

// routingKey names the one option that there is, among what is validated and planned.
const routingKey = "network routing"

// ModifyPlan plans what follows from the configuration and from what is stored.
func (r *networkRoutingResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var prior, m routingModel
	creating, removing := req.State.Raw.IsNull(), req.Plan.Raw.IsNull()
	if r.connection == nil {
		return
	}
	if !creating {
		resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
		if resp.Diagnostics.HasError() || r.otherTenant(ctx, &resp.Diagnostics, prior.TenantName) {
			return
		}
	}
	r.warnOfOldExport(ctx, &resp.Diagnostics)
	if removing {
		current, err := r.client.NetworkRouting(ctx, r.as)
		if err != nil {
			addRequestError(&resp.Diagnostics, notPlannedOption, err)
			return
		}
		if r.run.planRoutingRemoval(prior, types.BoolValue(prior.afterRemoval(current))) {
			addRoutingClash(&resp.Diagnostics)
			return
		}
		resp.Diagnostics.Append(r.run.judge(ctx, routingKey)...)
		return
	}
	pass := r.run.notePlanning(routingKey, creating)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	var clash bool
	if creating {
		t, err := r.actingFor(ctx)
		if err != nil {
			addRequestError(&resp.Diagnostics, notPlannedOption, err)
			return
		}
		m.ID, m.TenantName, m.LastApplied = types.StringValue(t.id), types.StringValue(t.name), m.Enabled
		clash = r.run.planRoutingCreation(m.Enabled, pass.again)
		current, err := r.replacedOption(ctx)
		if err != nil {
			addRequestError(&resp.Diagnostics, notPlannedOption, err)
			return
		}
		m.Replaces = describeReplacedOption(current)
		adviseOfSwitchingOff(m, current, &resp.Diagnostics)
	} else {
		m.ID, m.TenantName, m.Restores, m.LastApplied, m.Replaces = prior.ID, prior.TenantName, prior.Restores, prior.LastApplied, prior.Replaces
		if !m.Enabled.Equal(prior.Enabled) {
			m.LastApplied = m.Enabled
		}
		clash = r.run.planRoutingStay(m.Enabled, pass.again)
	}
	if clash {
		addRoutingClash(&resp.Diagnostics)
		return
	}
	resp.Diagnostics.Append(r.run.judge(ctx, routingKey)...)
	resp.Diagnostics.Append(resp.Plan.Set(ctx, m)...)
}

func addRoutingClash(diags *diag.Diagnostics) {
	diags.AddError("Two Resources for One Routing Option",
		"This configuration or its state has another vcc_network_routing for the same tenant, and a tenant has one option. Remove one of the two from the configuration; "+
			"where both are in the state, take one out of that with `state rm`, because destroying it would change the option of the other.")
}

// replacedOption returns the option that a creation finds: where a removal of this apply changed it, what that found, which is
// what the plan saw.
func (r *networkRoutingResource) replacedOption(ctx context.Context) (*vcc.NetworkRouting, error) {
	o, unlock, err := r.run.lockRouting(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if o.removedOption != nil {
		return o.removedOption, nil
	}
	return r.client.NetworkRouting(ctx, r.as)
}

// adviseOfSwitchingOff says that a creation switches off what is on: the plan shows it as an option that is off.
func adviseOfSwitchingOff(m routingModel, current *vcc.NetworkRouting, diags *diag.Diagnostics) {
	if m.Enabled.IsUnknown() || m.Enabled.ValueBool() {
		return
	}
	if current.Enabled && !current.UpdatedAt.IsZero() {
		diags.AddAttributeWarning(path.Root("enabled"), "Switches Routing Off", fmt.Sprintf(
			"The routing option is on, set by %s on %s, and this resource switches it off when it is created.", current.UpdatedBy, formatTime(current.UpdatedAt)))
	}
}

// Create sets the option, which always has a value.
func (r *networkRoutingResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	const failed = "Routing Option Not Set"
	var m routingModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.ready(ctx, &resp.Diagnostics, failed, types.StringNull()) {
		return
	}
	current, err := r.client.NetworkRouting(ctx, r.as)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	if current.Revision > 0 {
		// Somebody set it: another resource, perhaps, whose place this one takes. Its removal is a call of its own.
		if err := r.run.waitForPrevious(ctx); err != nil {
			addRequestError(&resp.Diagnostics, failed, err)
			return
		}
	}
	o, unlock, err := r.run.lockRouting(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	defer unlock()
	if current, err = r.client.NetworkRouting(ctx, r.as); err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	found := current
	if o.removedOption != nil {
		found = o.removedOption
	}
	if !m.Replaces.IsUnknown() && !m.Replaces.Equal(describeReplacedOption(found)) {
		o.creationFailed = true
		addRoutingChanged(&resp.Diagnostics, failed, current, "Plan again to see both sides.")
		return
	}
	left := r.run.previousRouting(current.TenantID)
	restores := current.Enabled
	if left != nil {
		restores = left.Restores.ValueBool()
	}
	stored := r.put(ctx, &resp.Diagnostics, failed, m.Enabled.ValueBool(), current.Revision, "Plan again to see both sides.")
	if stored == nil {
		o.creationFailed = true
		if o.previousRemoved && left != nil && current.Enabled != left.Enabled.ValueBool() {
			// The other one has switched it back already, and is gone.
			r.put(ctx, &resp.Diagnostics, failed, left.Enabled.ValueBool(), current.Revision, "")
		}
		return
	}
	o.takenOver, o.removedOption = true, nil
	resp.Diagnostics.Append(resp.Identity.Set(ctx, routingIdentity{types.StringValue(stored.TenantID)})...)
	created := newRoutingModel(stored, restores, m.Enabled)
	created.Replaces = m.Replaces
	resp.Diagnostics.Append(resp.State.Set(ctx, created)...)
}

// Read takes over what is stored and says who changed it.
func (r *networkRoutingResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m routingModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	// An identity is due whatever the read finds.
	resp.Diagnostics.Append(resp.Identity.Set(ctx, routingIdentity{m.ID})...)
	if resp.Diagnostics.HasError() || r.connection == nil {
		return // without a connection the provider's settings are not known yet: Terraform goes on with what it has
	}
	if r.otherTenant(ctx, &resp.Diagnostics, m.TenantName) {
		return
	}
	current, err := r.client.NetworkRouting(ctx, r.as)
	if err != nil {
		addRequestError(&resp.Diagnostics, "Routing Option Not Read", err)
		return
	}
	if m.ID.ValueString() != current.TenantID {
		warnOfOtherOption(&resp.Diagnostics, m, current)
		resp.State.RemoveResource(ctx)
		return
	}
	if !m.Enabled.IsNull() && m.Enabled.ValueBool() != current.Enabled && !current.UpdatedAt.IsZero() {
		resp.Diagnostics.AddWarning("Routing Option Changed Outside Terraform", "Since Terraform last saw it:\n\n"+routingChange(current))
	}
	// What was imported, or created by a release that always switched the option off, has nothing to bring back but off.
	applied := m.applied()
	if applied.IsNull() {
		applied = types.BoolValue(current.Enabled)
	}
	read := newRoutingModel(current, m.Restores.ValueBool(), applied)
	read.Replaces = m.Replaces
	resp.Diagnostics.Append(resp.State.Set(ctx, read)...)
}

// warnOfOtherOption says that the option of the state is gone with the tenant that it was of.
func warnOfOtherOption(diags *diag.Diagnostics, m routingModel, current *vcc.NetworkRouting) {
	diags.AddWarning("Routing Option Gone", fmt.Sprintf(
		"The state has the routing option of the tenant with ID %s, and the backend that the provider uses has none with that ID: it was made anew, or it is another one. "+
			"Terraform forgets that option. The one of %q (%s) was not touched.", m.ID.ValueString(), current.TenantName, current.TenantID))
}

// routingChange tells who changed the option last, when, and from what to what.
func routingChange(r *vcc.NetworkRouting) string {
	if r.Provenance != nil {
		return fmt.Sprintf("  - %s: enabled from %t to %t", vcc.Printable(r.Provenance.String()), !r.Enabled, r.Enabled)
	}
	return fmt.Sprintf("  - %s: %s changed enabled from %t to %t", formatTime(r.UpdatedAt), r.UpdatedBy, !r.Enabled, r.Enabled)
}

// Update sets the option, unless it is no longer what the plan was made from.
func (r *networkRoutingResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	const failed = "Routing Option Not Set"
	var m, before routingModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &before)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.ready(ctx, &resp.Diagnostics, failed, before.TenantName) {
		return
	}
	current, err := r.client.NetworkRouting(ctx, r.as)
	const again = "Plan again to see both sides."
	switch {
	case err != nil:
		addRequestError(&resp.Diagnostics, failed, err)
		return
	case before.ID.ValueString() != current.TenantID:
		resp.Diagnostics.AddError(failed, fmt.Sprintf("The option of the tenant with ID %s is not there any more: the backend was made anew, or it is another one. "+
			"Nothing was changed. %s", before.ID.ValueString(), again))
		return
	case current.Enabled == m.Enabled.ValueBool(): // somebody else did
	case current.Enabled != before.Enabled.ValueBool():
		addRoutingChanged(&resp.Diagnostics, failed, current, again)
		return
	default:
		if current = r.put(ctx, &resp.Diagnostics, failed, m.Enabled.ValueBool(), current.Revision, again); current == nil {
			return
		}
	}
	resp.Diagnostics.Append(resp.Identity.Set(ctx, routingIdentity{types.StringValue(current.TenantID)})...)
	m.ID, m.LastApplied = types.StringValue(current.TenantID), m.Enabled
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func addRoutingChanged(diags *diag.Diagnostics, failed string, current *vcc.NetworkRouting, advice string) {
	diags.AddError(failed, "The routing option was changed after this plan was made:\n\n"+routingChange(current)+
		"\n\nThat change was not overwritten, and nothing else was changed. "+advice)
}

// put sets the option if its revision is still the one seen, and returns nil if not. A concurrent change to
// the same value is as good; any other is an error that says who made it.
func (r *networkRoutingResource) put(ctx context.Context, diags *diag.Diagnostics, failed string, enabled bool, seen int64, advice string) *vcc.NetworkRouting {
	stored, err := r.client.PutNetworkRouting(ctx, r.as, enabled, vcc.IfRevision(seen))
	if httpapi.Uncertain(err) { // its answer was lost: was it carried out?
		ctx, cancel := lookupContext(ctx)
		defer cancel()
		if now, readErr := r.client.NetworkRouting(ctx, r.as); readErr == nil && now.Enabled == enabled {
			return now
		}
	}
	if err == nil {
		return stored
	}
	for _, e := range vcc.Errors(err) {
		current, ok := e.Current.(*vcc.NetworkRouting)
		switch {
		case !ok || current.UpdatedAt.IsZero():
		case current.Enabled == enabled:
			return current
		default:
			addRoutingChanged(diags, failed, current, advice)
			return nil
		}
	}
	addRequestError(diags, failed, err)
	return nil
}

// Delete brings back what the option was when the resource was created, as long as it is what the resource
// made it. In place of a resource that has gone over to another one it does nothing.
func (r *networkRoutingResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	const failed = "Routing Option Not Brought Back"
	var m routingModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.ready(ctx, &resp.Diagnostics, failed, m.TenantName) {
		return
	}
	o, unlock, err := r.run.lockRouting(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	defer unlock()
	switch {
	case o.takenOver:
		return // another resource has it now
	case o.creationFailed:
		resp.Diagnostics.AddError(failed, "The option was to go over to another vcc_network_routing, which could not be created. It was left as it is, and so was this resource.")
		return
	}
	current, err := r.client.NetworkRouting(ctx, r.as)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	if m.ID.ValueString() == current.TenantID {
		o.removedOption = current
	}
	restores, left := m.Restores.ValueBool(), m.afterRemoval(current)
	switch {
	case m.ID.ValueString() != current.TenantID:
		warnOfOtherOption(&resp.Diagnostics, m, current)
	case current.Enabled == restores:
	case current.Enabled == left:
		resp.Diagnostics.AddWarning("Routing Option Left Alone", fmt.Sprintf(
			"The routing option is not what this resource made it any more, so that it was not set to %t:\n\n%s", restores, routingChange(current)))
	default:
		if r.put(ctx, &resp.Diagnostics, failed, restores, current.Revision, "The same command may succeed now.") == nil {
			return
		}
	}
	r.run.noteRoutingRemoved(m)
}

// ImportState takes the name or the ID of the tenant that the provider acts for.
func (r *networkRoutingResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	const failed = "Routing Option Not Imported"
	id := req.ID
	if id == "" && req.Identity != nil {
		var identity routingIdentity
		resp.Diagnostics.Append(req.Identity.Get(ctx, &identity)...)
		id = identity.TenantID.ValueString()
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.ready(ctx, &resp.Diagnostics, failed, types.StringNull()) {
		return
	}
	current, err := r.client.NetworkRouting(ctx, r.as)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	if id != current.TenantID && id != current.TenantName {
		resp.Diagnostics.AddError(failed, fmt.Sprintf(
			"%q is not the tenant that the provider acts for. Import %q or %s, or change the provider's settings.", id, current.TenantName, current.TenantID))
		return
	}
	resp.Diagnostics.Append(resp.Identity.Set(ctx, routingIdentity{types.StringValue(current.TenantID)})...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), current.TenantID)...)
}
