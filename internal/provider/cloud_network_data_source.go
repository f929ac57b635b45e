package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newCloudNetworkDataSource() datasource.DataSource { return &cloudNetworkDataSource{} }

type cloudNetworkDataSource struct{ *connection }

var (
	_ datasource.DataSourceWithConfigure      = (*cloudNetworkDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*cloudNetworkDataSource)(nil)
)

// Metadata names the data source.
func (d *cloudNetworkDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_cloud_network"
}

// Schema describes the data source.
func (d *cloudNetworkDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := networkAttributes()
	attributes["name"] = schema.StringAttribute{
		Optional: true, Computed: true,
		MarkdownDescription: "Name of the network: `<plan> network <n> (internet)` with internet access, `<plan> network <n>` without. " +
			"At least one of `name` and `id` is required, and both have to name one network.",
	}
	attributes["id"] = schema.StringAttribute{
		Optional: true, Computed: true,
		MarkdownDescription: "ID of the network, which `vcc_default_gateway` takes as `network_id`.",
	}
	attributes["last_export"] = lastExportAttribute()
	resp.Schema = schema.Schema{
		MarkdownDescription: "One of the tenant's cloud networks, by its name or ID, with the default gateway that is stored for it.",
		Attributes:          attributes,
	}
}

// Configure takes the provider's connection.
func (d *cloudNetworkDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

const unknownCloudNetwork = "Unknown Cloud Network"

// ValidateConfig checks that a network is named, and an ID that is known.
func (d *cloudNetworkDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	var m cloudNetworkModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if m.ID.IsNull() && m.Name.IsNull() {
		resp.Diagnostics.AddAttributeError(path.Root("name"), unknownCloudNetwork,
			"name: no network is named; set name or id, or both if they name one network.")
	}
	if !m.ID.IsNull() && !m.ID.IsUnknown() {
		addFieldErrors(&resp.Diagnostics, unknownCloudNetwork, vcc.Within("id", vcc.ValidateNetworkID(m.ID.ValueString())))
	}
}

// Read finds the network.
func (d *cloudNetworkDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	const failed = "Network Not Read"
	var m cloudNetworkModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if d.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	var networks []vcc.Network
	var err error
	if m.ID.IsNull() {
		networks, err = d.listNetworks(ctx, vcc.NetworkFilter{Name: m.Name.ValueString()})
	}
	if err == nil && len(networks) == 0 { // to look through, or to say what there is
		networks, err = d.listNetworks(ctx, vcc.NetworkFilter{})
	}
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	network := m.find(networks, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	gateway, err := d.client.DefaultGateway(ctx, d.as, network.ID)
	if err != nil && vcc.Code(err) != vcc.CodeNotFound {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	export, err := d.lastExport(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	d.warnOfOldExport(ctx, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, cloudNetworkModel{newNetworkModel(network, gateway), newLastExportObject(export)})...)
}

// cloudNetworkModel is a network by itself.
type cloudNetworkModel struct {
	networkModel
	LastExport types.Object `tfsdk:"last_export"`
}

// find returns the network that is named.
func (m networkModel) find(networks []vcc.Network, diags *diag.Diagnostics) (found vcc.Network) {
	id, name := m.ID.ValueString(), m.Name.ValueString()
	if m.ID.IsNull() {
		return lookup(diags, "name", "cloud network", name, networks, func(n vcc.Network) (string, string) { return n.Name, n.Name })
	}
	ids, nameOf := make([]string, len(networks)), map[string]string{}
	for i, n := range networks {
		if n.ID == id {
			if !m.Name.IsNull() && !vcc.SameName(n.Name, name) {
				diags.AddAttributeError(path.Root("id"), "Two Cloud Networks", fmt.Sprintf(
					"id: this is the ID of %q, and name says %q; leave one of them out, or name one network with both.", n.Name, name))
			}
			return n
		}
		ids[i], nameOf[n.ID] = n.ID, n.Name
	}
	text := fmt.Sprintf("id: the tenant has no cloud network with ID %s; it has none at all.", id)
	if len(ids) > 0 {
		text = fmt.Sprintf("id: the tenant has no cloud network with ID %s; did you mean one of these?\n", id)
		for _, near := range vcc.Nearest(id, ids) {
			text += fmt.Sprintf("\n  - %s (%q)", near, nameOf[near])
		}
	}
	diags.AddAttributeError(path.Root("id"), unknownCloudNetwork, text)
	return found
}
