package provider

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newNetworkExtensionApplianceDataSource() datasource.DataSource {
	return &networkExtensionApplianceDataSource{}
}

type networkExtensionApplianceDataSource struct{ *connection }

var _ datasource.DataSourceWithConfigure = (*networkExtensionApplianceDataSource)(nil)

type applianceModel struct {
	HardwarePlan   types.String              `tfsdk:"hardware_plan"`
	ID             types.String              `tfsdk:"id"`
	HostName       types.String              `tfsdk:"host_name"`
	Platform       types.String              `tfsdk:"platform"`
	State          types.String              `tfsdk:"state"`
	External       *applianceInterfaceModel  `tfsdk:"external"`
	Interfaces     []applianceInterfaceModel `tfsdk:"interfaces"`
	Routes         []applianceRouteModel     `tfsdk:"routes"`
	SourceNAT      []sourceNATModel          `tfsdk:"source_nat"`
	DestinationNAT []destinationNATModel     `tfsdk:"destination_nat"`
	Problems       []applianceProblemModel   `tfsdk:"problems"`
}

type applianceInterfaceModel struct {
	Name        types.String   `tfsdk:"name"`
	NetworkID   types.String   `tfsdk:"network_id"`
	NetworkName types.String   `tfsdk:"network_name"`
	Addresses   []types.String `tfsdk:"addresses"`
}

type applianceRouteModel struct {
	Destination types.String `tfsdk:"destination"`
	Interface   types.String `tfsdk:"interface"`
	Gateway     types.String `tfsdk:"gateway"`
}

type sourceNATModel struct {
	Interfaces []types.String `tfsdk:"interfaces"`
	To         types.String   `tfsdk:"to"`
}

type destinationNATModel struct {
	Public    types.String `tfsdk:"public"`
	Internal  types.String `tfsdk:"internal"`
	Interface types.String `tfsdk:"interface"`
}

type applianceProblemModel struct {
	Code        types.String `tfsdk:"code"`
	NetworkID   types.String `tfsdk:"network_id"`
	NetworkName types.String `tfsdk:"network_name"`
	Message     types.String `tfsdk:"message"`
}

// Metadata names the data source.
func (d *networkExtensionApplianceDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_network_extension_appliance"
}

// Schema describes the data source.
func (d *networkExtensionApplianceDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	texts := func(description string) schema.ListAttribute {
		return schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
	}
	objects := func(description string, attributes map[string]schema.Attribute) schema.ListNestedAttribute {
		return schema.ListNestedAttribute{
			Computed: true, MarkdownDescription: description, NestedObject: schema.NestedAttributeObject{Attributes: attributes},
		}
	}
	adapter := map[string]schema.Attribute{
		"name":         text("`ext0` on the service provider's external network, `net1` and so on in the cloud networks."),
		"network_id":   text("ID of the cloud network; null for `ext0`."),
		"network_name": text("Name of the cloud network; null for `ext0`."),
		"addresses":    texts("The appliance's addresses on this interface, with their prefix lengths."),
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The network extension appliance that serves a hardware plan's networks: what it does while a full site failover is " +
			"active, and what it would do at one otherwise, with what is stored now. One appliance serves all of a tenant's plans on one host.",
		Attributes: map[string]schema.Attribute{
			"hardware_plan": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of a hardware plan that the tenant is subscribed to.",
			},
			"id":        text("ID of the appliance."),
			"host_name": text("Host that the appliance runs on."),
			"platform":  text("`VMware` or `HyperV`."),
			"state":     text("`stopped`, `fullSiteFailover` or `partialSiteFailover`."),
			"external": schema.SingleNestedAttribute{
				Computed: true, MarkdownDescription: "The interface on the service provider's external network.", Attributes: adapter,
			},
			"interfaces": objects("The interfaces in the cloud networks, in plan and network order.", adapter),
			"routes": objects("Connected routes and default routes.", map[string]schema.Attribute{
				"destination": text("Destination network."),
				"interface":   text("Interface that it is reached through."),
				"gateway":     text("Next router; null for a connected route."),
			}),
			"source_nat": objects("What leaves through `ext0` gets its address, one rule per family.", map[string]schema.Attribute{
				"interfaces": texts("Interfaces of the networks with internet access."),
				"to":         text("Source address that packets get."),
			}),
			"destination_nat": objects("The public IP rules that lead to a network.", map[string]schema.Attribute{
				"public":    text("Public address and port."),
				"internal":  text("Address and port in a cloud network."),
				"interface": text("Interface that it is reached through."),
			}),
			"problems": objects("What should be known before anybody relies on the appliance.", map[string]schema.Attribute{
				"code":         text("Such as `no_default_gateway`."),
				"network_id":   text("ID of the network that it concerns, null for none."),
				"network_name": text("Name of the network that it concerns, null for none."),
				"message":      text("What is wrong, what follows from it, and what to do."),
			}),
		},
	}
}

// Configure takes the provider's connection.
func (d *networkExtensionApplianceDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// Read finds the appliance that serves the plan.
func (d *networkExtensionApplianceDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	const failed = "Network Extension Appliance Not Read"
	var m applianceModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if d.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	appliances, err := vcc.All(func(p vcc.Page) ([]vcc.ApplianceState, int, error) { return d.client.Appliances(ctx, d.as, p) })
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	var plans []string
	for _, a := range appliances {
		if slices.ContainsFunc(a.HardwarePlans, func(p string) bool { return vcc.SameName(p, m.HardwarePlan.ValueString()) }) {
			resp.Diagnostics.Append(resp.State.Set(ctx, newApplianceModel(m.HardwarePlan, a))...)
			return
		}
		plans = append(plans, a.HardwarePlans...)
	}
	addUnknownNameError(&resp.Diagnostics, "hardware_plan", "hardware plan", m.HardwarePlan.ValueString(), plans)
}

func newApplianceModel(plan types.String, a vcc.ApplianceState) applianceModel {
	m := applianceModel{
		HardwarePlan: plan, ID: types.StringValue(a.ID), HostName: types.StringValue(a.HostName),
		Platform: types.StringValue(string(a.Platform)), State: types.StringValue(a.State()),
		Interfaces: []applianceInterfaceModel{}, Routes: []applianceRouteModel{},
		SourceNAT: []sourceNATModel{}, DestinationNAT: []destinationNATModel{}, Problems: newApplianceProblemModels(a.Problems),
	}
	for _, i := range a.Interfaces {
		adapter := applianceInterfaceModel{types.StringValue(i.Name), orNull(i.NetworkID), orNull(i.NetworkName), textList(i.Addresses, netip.Prefix.String)}
		if i.NetworkID == "" {
			m.External = &adapter
		} else {
			m.Interfaces = append(m.Interfaces, adapter)
		}
	}
	for _, r := range a.Routes {
		m.Routes = append(m.Routes, applianceRouteModel{types.StringValue(r.Destination.String()), types.StringValue(r.Interface), addressOrNull(r.Gateway)})
	}
	for _, r := range a.SourceNAT {
		m.SourceNAT = append(m.SourceNAT, sourceNATModel{textList(r.Interfaces, strings.Clone), types.StringValue(r.To.String())})
	}
	for _, r := range a.DestinationNAT {
		m.DestinationNAT = append(m.DestinationNAT, destinationNATModel{types.StringValue(r.Public.String()), types.StringValue(r.Internal.String()), types.StringValue(r.Interface)})
	}
	return m
}

// newApplianceProblemModels returns a list, which is never null.
func newApplianceProblemModels(problems []vcc.ApplianceProblem) []applianceProblemModel {
	list := make([]applianceProblemModel, len(problems))
	for i, p := range problems {
		list[i] = applianceProblemModel{types.StringValue(string(p.Code)), orNull(p.NetworkID), orNull(p.NetworkName), types.StringValue(p.Message)}
	}
	return list
}

// addressOrNull returns null for no address.
func addressOrNull(a netip.Addr) types.String {
	if !a.IsValid() {
		return types.StringNull()
	}
	return types.StringValue(a.String())
}

// orNull returns null for an empty string.
func orNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

func textList[T any](all []T, text func(T) string) []types.String {
	list := make([]types.String, len(all))
	for i, v := range all {
		list[i] = types.StringValue(text(v))
	}
	return list
}
