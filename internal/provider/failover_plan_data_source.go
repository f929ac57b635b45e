package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newFailoverPlanDataSource() datasource.DataSource { return &failoverPlanDataSource{} }

type failoverPlanDataSource struct{ *connection }

var (
	_ datasource.DataSourceWithConfigure      = (*failoverPlanDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*failoverPlanDataSource)(nil)
)

// failoverPlanDataModel is a failover plan as a configuration looks it up.
type failoverPlanDataModel struct {
	ID            types.String `tfsdk:"id"`
	Name          types.String `tfsdk:"name"`
	VMs           types.List   `tfsdk:"vms"`
	PublicIPRules types.List   `tfsdk:"public_ip_rules"`
	Origin        types.String `tfsdk:"origin"`
	UpdatedAt     types.String `tfsdk:"updated_at"`
	UpdatedBy     types.String `tfsdk:"updated_by"`
	FailedOver    types.Bool   `tfsdk:"failed_over"`
}

// Metadata names the data source.
func (d *failoverPlanDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_failover_plan"
}

// Schema describes the data source.
func (d *failoverPlanDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "One of the tenant's cloud failover plans, by its name or ID: as somebody specified it or, where nobody did, as the lab declares it.",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Name of the plan. At least one of `name` and `id` is required, and both have to name one plan.",
			},
			"id": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "ID of the plan.",
			},
			"vms": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The VMs that a failover starts, in this order.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"name":          schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the VM."},
					"delay_seconds": schema.Int64Attribute{Computed: true, MarkdownDescription: "How many seconds a failover waits after it started this VM, before it starts the next one."},
				}},
			},
			"public_ip_rules": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The public IP rules; an empty list if the plan has none.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"address":    schema.StringAttribute{CustomType: ipAddressType{}, Computed: true, MarkdownDescription: "The public address."},
					"port":       schema.Int64Attribute{Computed: true, MarkdownDescription: "The public port."},
					"to_address": schema.StringAttribute{CustomType: ipAddressType{}, Computed: true, MarkdownDescription: "The address that it leads to."},
					"to_port":    schema.Int64Attribute{Computed: true, MarkdownDescription: "The port there."},
				}},
			},
			"origin":      schema.StringAttribute{Computed: true, MarkdownDescription: "`declared` by the lab, or `specified` by somebody."},
			"updated_at":  schema.StringAttribute{Computed: true, MarkdownDescription: "When the plan was changed last, in RFC 3339; null for one that is as the lab declared it first."},
			"updated_by":  schema.StringAttribute{Computed: true, MarkdownDescription: "Who changed it last; null likewise."},
			"failed_over": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether a full site failover by this plan is under way."},
		},
	}
}

// Configure takes the provider's connection.
func (d *failoverPlanDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

const unknownFailoverPlan = "Unknown Failover Plan"

// ValidateConfig checks that a plan is named.
func (d *failoverPlanDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	var m failoverPlanDataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if !resp.Diagnostics.HasError() && m.ID.IsNull() && m.Name.IsNull() {
		resp.Diagnostics.AddAttributeError(path.Root("name"), unknownFailoverPlan,
			"name: no failover plan is named; set name or id, or both if they name one plan.")
	}
}

// Read finds the plan.
func (d *failoverPlanDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	const failed = "Failover Plan Not Read"
	var m failoverPlanDataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if d.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	plans, err := d.listFailoverPlans(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	var plan vcc.FailoverPlan
	if m.ID.IsNull() {
		plan = lookup(&resp.Diagnostics, "name", "failover plan", m.Name.ValueString(), plans, func(p vcc.FailoverPlan) (string, string) { return p.Name, p.Name })
	} else {
		plan = lookup(&resp.Diagnostics, "id", "failover plan", m.ID.ValueString(), plans, func(p vcc.FailoverPlan) (string, string) { return p.ID, p.ID })
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if !m.ID.IsNull() && !m.Name.IsNull() && !vcc.SameName(plan.Name, m.Name.ValueString()) {
		resp.Diagnostics.AddAttributeError(path.Root("id"), "Two Failover Plans", fmt.Sprintf(
			"id: this is the ID of %q, and name says %q; leave one of them out, or name one plan with both.", plan.Name, m.Name.ValueString()))
		return
	}
	found := failoverPlanDataModel{
		ID: types.StringValue(plan.ID), Name: types.StringValue(plan.Name), VMs: newPlanVMs(plan.FailoverPlanSettings), PublicIPRules: newPublicIPRules(plan.PublicIPRules),
		Origin: types.StringValue(string(plan.Origin)), UpdatedAt: types.StringNull(), UpdatedBy: types.StringNull(), FailedOver: types.BoolValue(plan.Session != nil),
	}
	if found.PublicIPRules.IsNull() {
		found.PublicIPRules = types.ListValueMust(publicIPRuleType, nil)
	}
	if !m.Name.IsNull() { // which may be spelled otherwise
		found.Name = m.Name
	}
	if !plan.UpdatedAt.IsZero() {
		found.UpdatedAt, found.UpdatedBy = timestampOrNull(plan.UpdatedAt), types.StringValue(plan.UpdatedBy)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, found)...)
}
