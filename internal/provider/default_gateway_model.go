package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// gatewayModel is vcc_default_gateway as Terraform holds it. The two families
// are objects, because an object may be unknown as a whole when planning.
type gatewayModel struct {
	ID               types.String `tfsdk:"id"`
	NetworkID        types.String `tfsdk:"network_id"`
	NetworkName      types.String `tfsdk:"network_name"`
	HardwarePlanName types.String `tfsdk:"hardware_plan_name"`
	IPv4             types.Object `tfsdk:"ipv4"`
	IPv6             types.Object `tfsdk:"ipv6"`
}

type ipv4Model struct {
	Address    ipAddress    `tfsdk:"address"`
	SubnetMask ipAddress    `tfsdk:"subnet_mask"`
	CIDR       types.String `tfsdk:"cidr"`
}

type ipv6Model struct {
	Address      ipAddress    `tfsdk:"address"`
	Network      ipAddress    `tfsdk:"network"`
	PrefixLength types.Int64  `tfsdk:"prefix_length"`
	CIDR         types.String `tfsdk:"cidr"`
}

var (
	ipv4Types = map[string]attr.Type{"address": ipAddressType{}, "subnet_mask": ipAddressType{}, "cidr": types.StringType}
	ipv6Types = map[string]attr.Type{
		"address": ipAddressType{}, "network": ipAddressType{}, "prefix_length": types.Int64Type, "cidr": types.StringType,
	}
)

// newIPv4Object returns the object for stored settings, null for none.
func newIPv4Object(v4 *httpapi.IPv4) types.Object {
	if v4 == nil {
		return types.ObjectNull(ipv4Types)
	}
	return types.ObjectValueMust(ipv4Types, map[string]attr.Value{
		"address": newIPAddress(v4.Address), "subnet_mask": newIPAddress(v4.SubnetMask), "cidr": types.StringValue(v4.CIDR),
	})
}

// newIPv6Object returns the object for stored settings, null for none.
func newIPv6Object(v6 *httpapi.IPv6) types.Object {
	if v6 == nil {
		return types.ObjectNull(ipv6Types)
	}
	return types.ObjectValueMust(ipv6Types, map[string]attr.Value{
		"address": newIPAddress(v6.Address), "network": newIPAddress(v6.Network),
		"prefix_length": types.Int64Value(int64(v6.PrefixLength)), "cidr": types.StringValue(v6.CIDR),
	})
}

func newGatewayModel(g *httpapi.DefaultGateway) gatewayModel {
	return gatewayModel{
		ID:               types.StringValue(g.NetworkID),
		NetworkID:        types.StringValue(g.NetworkID),
		NetworkName:      types.StringValue(g.NetworkName),
		HardwarePlanName: types.StringValue(g.HardwarePlanName),
		IPv4:             newIPv4Object(g.IPv4),
		IPv6:             newIPv6Object(g.IPv6),
	}
}

// families unpacks the two objects; one that is null or unknown gives nil.
func (m gatewayModel) families(ctx context.Context) (v4 *ipv4Model, v6 *ipv6Model, diags diag.Diagnostics) {
	if !m.IPv4.IsNull() && !m.IPv4.IsUnknown() {
		v4 = new(ipv4Model)
		diags.Append(m.IPv4.As(ctx, v4, basetypes.ObjectAsOptions{})...)
	}
	if !m.IPv6.IsNull() && !m.IPv6.IsUnknown() {
		v6 = new(ipv6Model)
		diags.Append(m.IPv6.As(ctx, v6, basetypes.ObjectAsOptions{})...)
	}
	return v4, v6, diags
}

// settings returns what a write takes. Every value must be known.
func (m gatewayModel) settings(ctx context.Context) (httpapi.GatewaySettings, diag.Diagnostics) {
	var s httpapi.GatewaySettings
	v4, v6, diags := m.families(ctx)
	if v4 != nil {
		s.IPv4 = &httpapi.IPv4Settings{Address: v4.Address.ValueString(), SubnetMask: v4.SubnetMask.ValueString()}
	}
	if v6 != nil {
		s.IPv6 = &httpapi.IPv6Settings{
			Address: v6.Address.ValueString(), Network: v6.Network.ValueString(), PrefixLength: int(v6.PrefixLength.ValueInt64()),
		}
	}
	return s, diags
}

// check applies the rules to what is known: whole families where everything in
// them is known, single values where not.
func (m gatewayModel) check(ctx context.Context) diag.Diagnostics {
	v4, v6, diags := m.families(ctx)
	if diags.HasError() {
		return diags
	}
	const summary = "Invalid Default Gateway"
	if !m.NetworkID.IsUnknown() {
		addFieldErrors(&diags, summary, vcc.Within("networkId", vcc.ValidateNetworkID(m.NetworkID.ValueString())))
	}
	if m.IPv4.IsNull() && m.IPv6.IsNull() {
		addFieldErrors(&diags, summary, vcc.GatewaySettings{}.Validate())
	}
	if v4 != nil {
		_, err := v4.parse()
		addFieldErrors(&diags, summary, vcc.Within("ipv4", err))
	}
	if v6 == nil {
		return diags
	}
	_, err := v6.parse()
	addFieldErrors(&diags, summary, vcc.Within("ipv6", err))
	if n := v6.PrefixLength; err == nil && !n.IsUnknown() && n.ValueInt64() != vcc.FailoverPrefixLength {
		w := vcc.PrefixLengthWarning(int(n.ValueInt64()))
		diags.AddAttributeWarning(attributePath("ipv6."+w.Field), "No Failover over IPv6", w.Message)
	}
	return diags
}

// parse returns the settings, nil while one of them is unknown.
func (m ipv4Model) parse() (*vcc.IPv4Settings, error) {
	address, mask := m.Address, m.SubnetMask
	switch {
	case address.IsUnknown() && mask.IsUnknown():
		return nil, nil
	case address.IsUnknown():
		_, err := vcc.ParseSubnetMask(mask.ValueString())
		return nil, vcc.Within("subnetMask", err)
	case mask.IsUnknown():
		_, err := vcc.ParseIPv4Address(address.ValueString())
		return nil, vcc.Within("address", err)
	}
	s, err := vcc.ParseIPv4Settings(address.ValueString(), mask.ValueString())
	return &s, err
}

// parse returns the settings, nil while one of them is unknown.
func (m ipv6Model) parse() (*vcc.IPv6Settings, error) {
	if !m.Address.IsUnknown() && !m.Network.IsUnknown() && !m.PrefixLength.IsUnknown() {
		s, err := vcc.ParseIPv6Settings(m.Address.ValueString(), m.Network.ValueString(), int(m.PrefixLength.ValueInt64()))
		return &s, err
	}
	for _, a := range []struct {
		field string
		value ipAddress
	}{{"address", m.Address}, {"network", m.Network}} {
		if a.value.IsUnknown() {
			continue
		}
		if _, err := vcc.ParseIPv6Address(a.value.ValueString()); err != nil {
			return nil, vcc.Within(a.field, err)
		}
	}
	if m.PrefixLength.IsUnknown() {
		return nil, nil
	}
	return nil, vcc.Within("prefixLength", vcc.ValidatePrefixLength(int(m.PrefixLength.ValueInt64())))
}

// withCIDRs plans the computed networks: they follow from the other values, and
// a plan that shows them is one that a person can check.
func (m gatewayModel) withCIDRs(ctx context.Context) (gatewayModel, diag.Diagnostics) {
	v4, v6, diags := m.families(ctx)
	if v4 != nil {
		cidr := types.StringUnknown()
		if s, err := v4.parse(); err == nil && s != nil {
			cidr = types.StringValue(s.Network().String())
		}
		m.IPv4 = withAttribute(m.IPv4, ipv4Types, cidr)
	}
	if v6 != nil {
		cidr := types.StringUnknown()
		if s, err := v6.parse(); err == nil && s != nil {
			cidr = types.StringValue(s.Network.String())
		}
		m.IPv6 = withAttribute(m.IPv6, ipv6Types, cidr)
	}
	return m, diags
}

func withAttribute(o types.Object, attributes map[string]attr.Type, cidr types.String) types.Object {
	values := o.Attributes() // a copy
	values["cidr"] = cidr
	return types.ObjectValueMust(attributes, values)
}
