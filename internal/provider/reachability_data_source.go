package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newReachabilityDataSource() datasource.DataSource { return &reachabilityDataSource{} }

type reachabilityDataSource struct{ *connection }

var (
	_ datasource.DataSourceWithConfigure      = (*reachabilityDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*reachabilityDataSource)(nil)
)

type reachabilityModel struct {
	Source      types.String   `tfsdk:"source"`
	Destination types.String   `tfsdk:"destination"`
	Protocol    types.String   `tfsdk:"protocol"`
	Port        types.Int64    `tfsdk:"port"`
	Reachable   types.Bool     `tfsdk:"reachable"`
	Verdict     types.String   `tfsdk:"verdict"`
	Reason      types.String   `tfsdk:"reason"`
	Steps       []types.String `tfsdk:"steps"`
}

// Metadata names the data source.
func (d *reachabilityDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_reachability"
}

// Schema describes the data source.
func (d *reachabilityDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Whether one address would reach another after full site failover, with what is stored now: the gateways, the routing " +
			"option, and the public IP rules of the failover plan that is failed over, or of all plans while none is. " +
			"Read in a `check` block it proves in every plan that web will reach db, long before the day.",
		Attributes: map[string]schema.Attribute{
			"source": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Source address. One in a cloud network is a replica there; any other comes from outside.",
			},
			"destination": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Destination address, of the source's family.",
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
				Computed:            true,
				MarkdownDescription: "Whether the request arrives and its reply gets back.",
			},
			"verdict": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "What becomes of the request: `forwarded`, `delivered` (to the appliance itself) or `dropped`.",
			},
			"reason": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "What settled the verdict, such as `routing_enabled` or `routing_disabled`.",
			},
			"steps": schema.ListAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: "The way of the request through the appliance, in words.",
			},
		},
	}
}

// Configure takes the provider's connection.
func (d *reachabilityDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig checks a question that is known whole.
func (d *reachabilityDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	var m reachabilityModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if m.Source.IsUnknown() || m.Destination.IsUnknown() || m.Protocol.IsUnknown() || m.Port.IsUnknown() {
		return
	}
	resp.Diagnostics.Append(m.check()...)
}

func (m reachabilityModel) check() (diags diag.Diagnostics) {
	_, err := vcc.ParseTraceRequest(m.Source.ValueString(), m.Destination.ValueString(), m.Protocol.ValueString(), int(m.Port.ValueInt64()))
	addFieldErrors(&diags, "Invalid Reachability Question", err)
	return diags
}

// Read traces the request and its reply.
func (d *reachabilityDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	const failed = "Reachability Not Read"
	var m reachabilityModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if d.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	reach, err := d.client.Trace(ctx, httpapi.TraceRequest{
		Source: m.Source.ValueString(), Destination: m.Destination.ValueString(),
		Protocol: m.Protocol.ValueString(), Port: int(m.Port.ValueInt64()),
	})
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	m.Reachable = types.BoolValue(reach.Reachable)
	m.Verdict, m.Reason = types.StringValue(reach.Verdict), types.StringValue(reach.Reason)
	m.Steps = []types.String{}
	for _, s := range reach.Steps {
		m.Steps = append(m.Steps, types.StringValue(s.Message))
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}
