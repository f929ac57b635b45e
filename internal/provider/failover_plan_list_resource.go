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

func newFailoverPlanListResource() list.ListResource { return &failoverPlanListResource{} }

type failoverPlanListResource struct{ *connection }

var (
	_ list.ListResourceWithConfigure      = (*failoverPlanListResource)(nil)
	_ list.ListResourceWithValidateConfig = (*failoverPlanListResource)(nil)
)

type failoverPlanListModel struct {
	Origin types.String `tfsdk:"origin"`
}

// Metadata names the resource that is listed.
func (l *failoverPlanListResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_failover_plan"
}

// ListResourceConfigSchema describes the filters.
func (l *failoverPlanListResource) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The tenant's failover plans: those that the lab declares, in their order there, and those that somebody specified. " +
			"`terraform query`, from Terraform 1.14 on, shows them and generates the configuration that imports them.",
		Attributes: map[string]schema.Attribute{
			"origin": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Only failover plans of this origin: `declared` by the lab, or `specified` by somebody.",
			},
		},
	}
}

// Configure takes the provider's connection.
func (l *failoverPlanListResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	l.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// ValidateListResourceConfig checks the filters that are known.
func (l *failoverPlanListResource) ValidateListResourceConfig(ctx context.Context, req list.ValidateConfigRequest, resp *list.ValidateConfigResponse) {
	var m failoverPlanListModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	resp.Diagnostics.Append(m.check()...)
}

func (m failoverPlanListModel) check() (diags diag.Diagnostics) {
	if !m.Origin.IsNull() && !m.Origin.IsUnknown() {
		_, err := vcc.ParsePlanOrigin(m.Origin.ValueString())
		addFieldErrors(&diags, "Invalid Filter", vcc.Within("origin", err))
	}
	return diags
}

// List lists the failover plans that match.
func (l *failoverPlanListResource) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	plans, tenant, diags := l.find(ctx, req)
	if diags.HasError() {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	if req.Limit > 0 && int64(len(plans)) > req.Limit {
		plans = plans[:req.Limit]
	}
	stream.Results = func(push func(list.ListResult) bool) {
		for _, p := range plans {
			result := req.NewListResult(ctx)
			result.DisplayName = fmt.Sprintf("%s: %s (%s)", vcc.Printable(p.Name), describeFailoverPlan(p.FailoverPlanSettings), p.Origin)
			result.Diagnostics.Append(result.Identity.Set(ctx, failoverPlanIdentity{types.StringValue(p.ID)})...)
			if req.IncludeResource {
				result.Diagnostics.Append(result.Resource.Set(ctx, newFailoverPlanModel(&p, tenant.name))...)
			}
			if !push(result) {
				return
			}
		}
	}
}

func (l *failoverPlanListResource) find(ctx context.Context, req list.ListRequest) (found []vcc.FailoverPlan, t tenant, diags diag.Diagnostics) {
	const failed = "Failover Plans Not Listed"
	var m failoverPlanListModel
	diags.Append(req.Config.Get(ctx, &m)...)
	diags.Append(m.check()...)
	if diags.HasError() {
		return nil, t, diags
	}
	if l.connection == nil {
		addUnknownProviderError(&diags, failed)
		return nil, t, diags
	}
	plans, err := l.listFailoverPlans(ctx)
	if err == nil {
		t, err = l.actingFor(ctx)
	}
	if err != nil {
		addRequestError(&diags, failed, err)
		return nil, t, diags
	}
	for _, p := range plans {
		if m.Origin.IsNull() || string(p.Origin) == m.Origin.ValueString() {
			found = append(found, p)
		}
	}
	return found, t, diags
}
