package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newHardwarePlanNetworksDataSource() datasource.DataSource {
	return &hardwarePlanNetworksDataSource{}
}

type hardwarePlanNetworksDataSource struct{ *connection }

var _ datasource.DataSourceWithConfigure = (*hardwarePlanNetworksDataSource)(nil)

type networksModel struct {
	HardwarePlan   types.String   `tfsdk:"hardware_plan"`
	InternetAccess types.Bool     `tfsdk:"internet_access"`
	Networks       []networkModel `tfsdk:"networks"`
	LastExport     types.Object   `tfsdk:"last_export"`
}

type networkModel struct {
	ID               types.String `tfsdk:"id"`
	Name             types.String `tfsdk:"name"`
	HardwarePlanID   types.String `tfsdk:"hardware_plan_id"`
	HardwarePlanName types.String `tfsdk:"hardware_plan_name"`
	VLANID           types.Int64  `tfsdk:"vlan_id"`
	InternetAccess   types.Bool   `tfsdk:"internet_access"`
	DefaultGateway   types.Object `tfsdk:"default_gateway"`
}

var networkGatewayTypes = map[string]attr.Type{
	"origin": types.StringType, "ipv4": types.ObjectType{AttrTypes: ipv4Types}, "ipv6": types.ObjectType{AttrTypes: ipv6Types},
}

// Metadata names the data source.
func (d *hardwarePlanNetworksDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_hardware_plan_networks"
}

// Schema describes the data source.
func (d *hardwarePlanNetworksDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The cloud networks that the tenant gets through its hardware plans, each with the default gateway that is stored for it.",
		Attributes: map[string]schema.Attribute{
			"hardware_plan": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Name of a hardware plan that the tenant is subscribed to; all plans when unset.",
			},
			"internet_access": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Only networks with (`true`) or without (`false`) internet access; all when unset.",
			},
			"networks": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The networks, in plan and network order: of each plan those with internet access first.",
				NestedObject:        schema.NestedAttributeObject{Attributes: networkAttributes()},
			},
			"last_export": lastExportAttribute(),
		},
	}
}

// networkAttributes describe a cloud network; all are computed.
func networkAttributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	address := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, CustomType: ipAddressType{}, MarkdownDescription: description}
	}
	network := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, CustomType: ipNetworkType{}, MarkdownDescription: description}
	}
	return map[string]schema.Attribute{
		"id":                 text("ID of the network, which `vcc_default_gateway` takes as `network_id`."),
		"name":               text("Name of the network: `<plan> network <n> (internet)` with internet access, `<plan> network <n>` without."),
		"hardware_plan_id":   text("ID of the hardware plan."),
		"hardware_plan_name": text("Name of the hardware plan."),
		"vlan_id": schema.Int64Attribute{
			Computed: true, MarkdownDescription: "VLAN that the network is on.",
		},
		"internet_access": schema.BoolAttribute{
			Computed: true, MarkdownDescription: "Whether the network reaches the internet through the network extension appliance.",
		},
		"default_gateway": schema.SingleNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The stored default gateway; null if there is none.",
			Attributes: map[string]schema.Attribute{
				"origin": text("`detected` by the first run of a replication job, or `specified` by somebody."),
				"ipv4": schema.SingleNestedAttribute{
					Computed:            true,
					MarkdownDescription: "IPv4 settings; null if there are none.",
					Attributes: map[string]schema.Attribute{
						"address":     address("Address of the gateway."),
						"subnet_mask": address("Subnet mask in dotted decimal."),
						"cidr":        network("The resulting IP network."),
					},
				},
				"ipv6": schema.SingleNestedAttribute{
					Computed:            true,
					MarkdownDescription: "IPv6 settings; null if there are none.",
					Attributes: map[string]schema.Attribute{
						"network":       address("The IP network, without its prefix length."),
						"prefix_length": schema.Int64Attribute{Computed: true, MarkdownDescription: "Prefix length of the network."},
						"address":       address("Address of the gateway."),
						"cidr":          network("Network and prefix length in one piece."),
					},
				},
			},
		},
	}
}

// Configure takes the provider's connection.
func (d *hardwarePlanNetworksDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// Read lists the networks that match.
func (d *hardwarePlanNetworksDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	const failed = "Networks Not Read"
	var m networksModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if d.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	planID, diags := d.planID(ctx, m.HardwarePlan)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	networks, err := d.listNetworks(ctx, vcc.NetworkFilter{HardwarePlanID: planID})
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	gateways, err := d.gateways.all(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	byNetwork := make(map[string]*vcc.DefaultGateway, len(gateways))
	for i, g := range gateways {
		byNetwork[g.NetworkID] = &gateways[i]
	}
	m.Networks = []networkModel{}
	for _, n := range networks {
		if m.InternetAccess.IsNull() || m.InternetAccess.ValueBool() == n.InternetAccess {
			m.Networks = append(m.Networks, newNetworkModel(n, byNetwork[n.ID]))
		}
	}
	export, err := d.lastExport(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	m.LastExport = newLastExportObject(export)
	d.warnOfOldExport(ctx, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func newNetworkModel(n vcc.Network, g *vcc.DefaultGateway) networkModel {
	m := networkModel{
		ID: types.StringValue(n.ID), Name: types.StringValue(n.Name),
		HardwarePlanID: types.StringValue(n.HardwarePlanID), HardwarePlanName: types.StringValue(n.HardwarePlanName),
		VLANID: types.Int64Value(int64(n.VLANID)), InternetAccess: types.BoolValue(n.InternetAccess),
		DefaultGateway: types.ObjectNull(networkGatewayTypes),
	}
	if g != nil {
		m.DefaultGateway = types.ObjectValueMust(networkGatewayTypes, map[string]attr.Value{
			"origin": types.StringValue(string(g.Origin)), "ipv4": newIPv4Object(g.IPv4), "ipv6": newIPv6Object(g.IPv6),
		})
	}
	return m
}
