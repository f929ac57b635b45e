package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newDefaultGatewayListResource() list.ListResource { return &defaultGatewayListResource{} }

type defaultGatewayListResource struct{ *connection }

var (
	_ list.ListResourceWithConfigure      = (*defaultGatewayListResource)(nil)
	_ list.ListResourceWithValidateConfig = (*defaultGatewayListResource)(nil)
)

type gatewayListModel struct {
	HardwarePlan types.String `tfsdk:"hardware_plan"`
	Origin       types.String `tfsdk:"origin"`
}

// Metadata names the resource that is listed.
func (l *defaultGatewayListResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_default_gateway"
}

// ListResourceConfigSchema describes the filters.
func (l *defaultGatewayListResource) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The default gateways that are stored for the tenant's networks, in plan and network order: those that replication jobs " +
			"detected and those that somebody specified. `terraform query`, from Terraform 1.14 on, shows them and generates the configuration that imports them.",
		Attributes: map[string]schema.Attribute{
			"hardware_plan": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Only gateways of networks of the hardware plan with this name.",
			},
			"origin": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Only gateways of this origin: `detected` by the first run of a replication job, or `specified` by somebody.",
			},
		},
	}
}

// Configure takes the provider's connection.
func (l *defaultGatewayListResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	l.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// ValidateListResourceConfig checks the filters that are known.
func (l *defaultGatewayListResource) ValidateListResourceConfig(ctx context.Context, req list.ValidateConfigRequest, resp *list.ValidateConfigResponse) {
	var m gatewayListModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	resp.Diagnostics.Append(m.check()...)
}

func (m gatewayListModel) check() (diags diag.Diagnostics) {
	if !m.Origin.IsNull() && !m.Origin.IsUnknown() {
		_, err := vcc.ParseOrigin(m.Origin.ValueString())
		addFieldErrors(&diags, "Invalid Filter", vcc.Within("origin", err))
	}
	return diags
}

// List lists the gateways that match.
func (l *defaultGatewayListResource) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	gateways, tenant, diags := l.find(ctx, req)
	if diags.HasError() {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	if req.Limit > 0 && int64(len(gateways)) > req.Limit {
		gateways = gateways[:req.Limit]
	}
	stream.Results = func(push func(list.ListResult) bool) {
		for _, g := range gateways {
			result := req.NewListResult(ctx)
			result.DisplayName = gatewayDisplayName(g)
			result.Diagnostics.Append(result.Identity.Set(ctx, gatewayIdentity{types.StringValue(g.NetworkID)})...)
			if req.IncludeResource {
				result.Diagnostics.Append(result.Resource.Set(ctx, newGatewayModel(&g, tenant.name))...)
			}
			if !push(result) {
				return
			}
		}
	}
}

func (l *defaultGatewayListResource) find(ctx context.Context, req list.ListRequest) ([]vcc.DefaultGateway, tenant, diag.Diagnostics) {
	const failed = "Default Gateways Not Listed"
	var m gatewayListModel
	diags := req.Config.Get(ctx, &m)
	diags.Append(m.check()...)
	if diags.HasError() {
		return nil, tenant{}, diags
	}
	if l.connection == nil {
		addUnknownProviderError(&diags, failed)
		return nil, tenant{}, diags
	}
	planID, planDiags := l.planID(ctx, m.HardwarePlan)
	diags.Append(planDiags...)
	if diags.HasError() {
		return nil, tenant{}, diags
	}
	all, err := l.gateways.all(ctx)
	if err != nil {
		addRequestError(&diags, failed, err)
		return nil, tenant{}, diags
	}
	t, err := l.actingFor(ctx)
	if err != nil {
		addRequestError(&diags, failed, err)
		return nil, tenant{}, diags
	}
	var found []vcc.DefaultGateway
	for _, g := range all {
		if (planID == "" || g.HardwarePlanID == planID) && (m.Origin.IsNull() || string(g.Origin) == m.Origin.ValueString()) {
			found = append(found, g)
		}
	}
	return found, t, diags
}

// gatewayDisplayName is what a person picks a gateway by.
func gatewayDisplayName(g vcc.DefaultGateway) string {
	return fmt.Sprintf("%s: %s (%s)", vcc.Printable(g.NetworkName), describeAddresses(g.GatewaySettings), g.Origin)
}
