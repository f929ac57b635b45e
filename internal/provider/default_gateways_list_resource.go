package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newDefaultGatewaysListResource() list.ListResource { return &defaultGatewaysListResource{} }

type defaultGatewaysListResource struct{ *connection }

var _ list.ListResourceWithConfigure = (*defaultGatewaysListResource)(nil)

type gatewaysListModel struct {
	HardwarePlan types.String `tfsdk:"hardware_plan"`
}

// Metadata names the resource that is listed.
func (l *defaultGatewaysListResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_default_gateways"
}

// ListResourceConfigSchema describes the filter.
func (l *defaultGatewaysListResource) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The hardware plans of the tenant, each with all default gateways that are stored for its networks. " +
			"`terraform query`, from Terraform 1.14 on, shows them and generates the configuration that imports them.",
		Attributes: map[string]schema.Attribute{
			"hardware_plan": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Only the hardware plan with this name.",
			},
		},
	}
}

// Configure takes the provider's connection.
func (l *defaultGatewaysListResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	l.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// List lists the plans that match.
func (l *defaultGatewaysListResource) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	found, diags := l.find(ctx, req)
	if diags.HasError() {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	if req.Limit > 0 && int64(len(found)) > req.Limit {
		found = found[:req.Limit]
	}
	stream.Results = func(push func(list.ListResult) bool) {
		for _, p := range found {
			result := req.NewListResult(ctx)
			result.DisplayName = fmt.Sprintf("%s: %d of %d networks have a default gateway", vcc.Printable(p.model.HardwarePlan.ValueString()), len(p.model.Gateways.entries), p.networks)
			result.Diagnostics.Append(result.Identity.Set(ctx, p.identity)...)
			if req.IncludeResource {
				result.Diagnostics.Append(p.model.pack(ctx, result.Resource.Set)...)
			}
			if !push(result) {
				return
			}
		}
	}
}

// listedPlan is a hardware plan that is listed.
type listedPlan struct {
	model    gatewaysModel
	identity gatewaysIdentity
	networks int
}

func (l *defaultGatewaysListResource) find(ctx context.Context, req list.ListRequest) (found []*listedPlan, diags diag.Diagnostics) {
	const failed = "Default Gateways Not Listed"
	var filter gatewaysListModel
	diags.Append(req.Config.Get(ctx, &filter)...)
	if diags.HasError() {
		return nil, diags
	}
	if l.connection == nil {
		addUnknownProviderError(&diags, failed)
		return nil, diags
	}
	planID, planDiags := l.planID(ctx, filter.HardwarePlan)
	diags.Append(planDiags...)
	if diags.HasError() {
		return nil, diags
	}
	networks, err := l.listNetworks(ctx, vcc.NetworkFilter{HardwarePlanID: planID})
	t, tenantErr := l.actingFor(ctx)
	for _, err := range []error{err, tenantErr} {
		if err != nil {
			addRequestError(&diags, failed, err)
			return nil, diags
		}
	}
	plans := map[string]*listedPlan{}
	began := time.Now()
	for _, n := range networks {
		p := plans[n.HardwarePlanID]
		if p == nil {
			m := gatewaysModel{ID: types.StringValue(n.HardwarePlanID), HardwarePlan: types.StringValue(n.HardwarePlanName)}
			stored, err := l.gateways.storedIn(ctx, m, began)
			if err != nil {
				addRequestError(&diags, failed, err)
				return nil, diags
			}
			p = &listedPlan{
				model:    newGatewaysModel(n.HardwarePlanID, m.HardwarePlan, t.name, stored),
				identity: gatewaysIdentity{TenantID: types.StringValue(t.id), HardwarePlanID: m.ID},
			}
			plans[n.HardwarePlanID] = p
			found = append(found, p)
		}
		p.networks++
	}
	return found, diags
}
