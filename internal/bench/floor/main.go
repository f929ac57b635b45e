// Floor is the least that a provider can do: a resource with the schema of
// vcc_default_gateway, on the same framework, whose reads and writes do nothing but
// hand back what they are given. What a plan takes with it is what Terraform, the
// protocol and the framework take; the benchmarks compare the provider with that.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func main() {
	err := providerserver.Serve(context.Background(), func() provider.Provider { return floor{} },
		providerserver.ServeOpts{Address: "registry.terraform.io/cloudconnect-iac/floor"})
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

type floor struct{}

func (floor) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "floor"
}

func (floor) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}

func (floor) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {}

func (floor) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (floor) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return gateway{} }}
}

type gateway struct{}

type model struct {
	ID               types.String `tfsdk:"id"`
	NetworkID        types.String `tfsdk:"network_id"`
	NetworkName      types.String `tfsdk:"network_name"`
	HardwarePlanName types.String `tfsdk:"hardware_plan_name"`
	IPv4             *ipv4        `tfsdk:"ipv4"`
	IPv6             *ipv6        `tfsdk:"ipv6"`
}

type ipv4 struct {
	Address    types.String `tfsdk:"address"`
	SubnetMask types.String `tfsdk:"subnet_mask"`
	CIDR       types.String `tfsdk:"cidr"`
}

type ipv6 struct {
	Address      types.String `tfsdk:"address"`
	Network      types.String `tfsdk:"network"`
	PrefixLength types.Int64  `tfsdk:"prefix_length"`
	CIDR         types.String `tfsdk:"cidr"`
}

func (gateway) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "floor_default_gateway"
}

func (gateway) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	computed := schema.StringAttribute{Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}}
	required := schema.StringAttribute{Required: true}
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"id":                 computed,
		"network_id":         schema.StringAttribute{Required: true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}},
		"network_name":       computed,
		"hardware_plan_name": computed,
		"ipv4": schema.SingleNestedAttribute{Optional: true, Attributes: map[string]schema.Attribute{
			"address": required, "subnet_mask": required, "cidr": computed,
		}},
		"ipv6": schema.SingleNestedAttribute{Optional: true, Attributes: map[string]schema.Attribute{
			"address": required, "network": required, "prefix_length": schema.Int64Attribute{Required: true}, "cidr": computed,
		}},
	}}
}

func (gateway) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	m.ID, m.NetworkName, m.HardwarePlanName = m.NetworkID, m.NetworkID, m.NetworkID
	if m.IPv4 != nil {
		m.IPv4.CIDR = m.IPv4.Address
	}
	if m.IPv6 != nil {
		m.IPv6.CIDR = m.IPv6.Address
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func (gateway) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

func (gateway) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func (gateway) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}
