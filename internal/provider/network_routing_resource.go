package provider

import (
	"context"
	"encoding/json"
	"fmt"

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

func newNetworkRoutingResource() resource.Resource { return &networkRoutingResource{} }

type networkRoutingResource struct{ *connection }

var (
	_ resource.ResourceWithConfigure   = (*networkRoutingResource)(nil)
	_ resource.ResourceWithIdentity    = (*networkRoutingResource)(nil)
	_ resource.ResourceWithImportState = (*networkRoutingResource)(nil)
)

type routingModel struct {
	ID      types.String `tfsdk:"id"`
	Enabled types.Bool   `tfsdk:"enabled"`
}

func newRoutingModel(r *httpapi.NetworkRouting) routingModel {
	return routingModel{ID: types.StringValue(r.TenantID), Enabled: types.BoolValue(r.Enabled)}
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
			"across plans nothing is routed. Destroying the resource switches the option off.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The tenant's ID.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			},
			"enabled": schema.BoolAttribute{
				Required:            true,
				MarkdownDescription: "Whether the network extension appliance routes between the tenant's networks.",
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

// routingTurn names the one option that there is.
const routingTurn = "network routing"

// Create sets the option, which always has a value.
func (r *networkRoutingResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	const failed = "Routing Option Not Set"
	var m routingModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if r.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	turn := r.take(routingTurn)
	defer turn.Unlock()
	if turn.created {
		resp.Diagnostics.AddError(failed,
			"Another vcc_network_routing of this configuration was created a moment ago, and a tenant has one option. Remove one of the two.")
		return
	}
	current, err := r.client.NetworkRouting(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	inherited := current.Enabled == m.Enabled.ValueBool() && current.UpdatedBy == r.actor
	current = r.put(ctx, &resp.Diagnostics, failed, m.Enabled.ValueBool(), current.Revision)
	if resp.Diagnostics.HasError() {
		return
	}
	turn.created, turn.inherited = true, inherited
	resp.Diagnostics.Append(saveRevision(ctx, resp.Private, current.Revision)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, routingIdentity{types.StringValue(current.TenantID)})...)
	resp.Diagnostics.Append(resp.State.Set(ctx, newRoutingModel(current))...)
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
	current, err := r.client.NetworkRouting(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, "Routing Option Not Read", err)
		return
	}
	if addOtherTenantError(&resp.Diagnostics, m, current) {
		return
	}
	if !m.Enabled.IsNull() && m.Enabled.ValueBool() != current.Enabled && current.UpdatedAt != nil {
		resp.Diagnostics.AddWarning("Routing Option Changed Outside Terraform", "Since Terraform last saw it:\n\n"+routingChange(current))
	}
	resp.Diagnostics.Append(saveRevision(ctx, resp.Private, current.Revision)...)
	resp.Diagnostics.Append(resp.State.Set(ctx, newRoutingModel(current))...)
}

// addOtherTenantError notices a provider that now acts for another tenant than
// the one whose option this is: the two have nothing to do with each other.
func addOtherTenantError(diags *diag.Diagnostics, m routingModel, current *httpapi.NetworkRouting) bool {
	if m.ID.ValueString() == current.TenantID {
		return false
	}
	diags.AddError("Routing Option of Another Tenant", fmt.Sprintf(
		"This resource is the option of the tenant with ID %s, and the provider now acts for %q (%s). Nothing was changed. "+
			"Check the provider's settings; to start over with the other tenant, remove the resource from the state first.",
		m.ID.ValueString(), current.TenantName, current.TenantID))
	return true
}

// routingChange tells who changed the option last, when, and from what to what.
func routingChange(r *httpapi.NetworkRouting) string {
	return fmt.Sprintf("  - %s: %s changed enabled from %t to %t", instant(*r.UpdatedAt), r.UpdatedBy, !r.Enabled, r.Enabled)
}

// Update sets the option, unless somebody changed it since it was read.
func (r *networkRoutingResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	const failed = "Routing Option Not Set"
	var m routingModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	seen, diags := savedRevision(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if r.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	if !r.sameTenant(ctx, &resp.Diagnostics, failed, m) {
		return
	}
	current := r.put(ctx, &resp.Diagnostics, failed, m.Enabled.ValueBool(), seen)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(saveRevision(ctx, resp.Private, current.Revision)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, routingIdentity{types.StringValue(current.TenantID)})...)
	resp.Diagnostics.Append(resp.State.Set(ctx, newRoutingModel(current))...)
}

// sameTenant checks that the provider still acts for the tenant whose option this
// is: revisions of two tenants say nothing about each other.
func (r *networkRoutingResource) sameTenant(ctx context.Context, diags *diag.Diagnostics, failed string, m routingModel) bool {
	stored, err := r.client.NetworkRouting(ctx)
	if err != nil {
		addRequestError(diags, failed, err)
		return false
	}
	return !addOtherTenantError(diags, m, stored)
}

// put sets the option if its revision is still the one seen. A concurrent change to
// the same value is as good; any other is an error that says who made it.
func (r *networkRoutingResource) put(ctx context.Context, diags *diag.Diagnostics, failed string, enabled bool, seen int64) *httpapi.NetworkRouting {
	stored, err := r.client.PutNetworkRouting(ctx, enabled, httpapi.IfRevision(seen))
	if httpapi.Uncertain(err) { // its answer was lost: was it carried out?
		if now, readErr := r.client.NetworkRouting(ctx); readErr == nil && now.Enabled == enabled {
			return now
		}
	}
	if err == nil {
		return stored
	}
	for _, e := range vcc.Errors(err) {
		current, ok := e.Current.(*httpapi.NetworkRouting)
		switch {
		case !ok || current.UpdatedAt == nil:
		case current.Enabled == enabled:
			return current
		default:
			diags.AddError(failed, "The routing option was changed after this plan was made:\n\n"+routingChange(current)+
				"\n\nThat change was not overwritten, and nothing else was changed. Plan again to see both sides.")
			return nil
		}
	}
	addRequestError(diags, failed, err)
	return nil
}

// Delete switches the option off, unless somebody changed it since it was read.
func (r *networkRoutingResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	const failed = "Routing Option Not Switched Off"
	var m routingModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	seen, diags := savedRevision(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if r.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	turn := r.take(routingTurn)
	defer turn.Unlock()
	if !r.sameTenant(ctx, &resp.Diagnostics, failed, m) {
		return
	}
	if turn.inherited {
		turn.inherited = false
		resp.Diagnostics.AddWarning("Routing Option Kept", "The option was not switched off, because this apply has just created another vcc_network_routing. "+movedBlock)
		return
	}
	r.put(ctx, &resp.Diagnostics, failed, false, seen)
	if !resp.Diagnostics.HasError() {
		turn.created = false
	}
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
	if r.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	current, err := r.client.NetworkRouting(ctx)
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

// revisionKey is where private state keeps the revision that Terraform saw last, on
// which a write depends. Two values tell nothing about an option that was switched
// and switched back; its revision does.
const revisionKey = "revision"

type privateSetter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

type privateGetter interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

func saveRevision(ctx context.Context, private privateSetter, revision int64) diag.Diagnostics {
	value, err := json.Marshal(revision)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Revision Not Kept", sentence(err))}
	}
	return private.SetKey(ctx, revisionKey, value)
}

// savedRevision returns the revision that Terraform saw last, 0 for none:
// nothing that was ever changed has that revision.
func savedRevision(ctx context.Context, private privateGetter) (int64, diag.Diagnostics) {
	value, diags := private.GetKey(ctx, revisionKey)
	if diags.HasError() || value == nil {
		return 0, diags
	}
	var revision int64
	if err := json.Unmarshal(value, &revision); err != nil {
		diags.AddError("Revision Not Readable", sentence(err))
	}
	return revision, diags
}
