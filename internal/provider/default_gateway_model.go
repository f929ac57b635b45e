package provider

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// gatewayModel is vcc_default_gateway as Terraform holds it. The two families
// are objects, because an object may be unknown as a whole when planning.
type gatewayModel struct {
	ID               types.String `tfsdk:"id"`
	NetworkID        types.String `tfsdk:"network_id"`
	NetworkName      types.String `tfsdk:"network_name"`
	HardwarePlanName types.String `tfsdk:"hardware_plan_name"`
	TenantName       types.String `tfsdk:"tenant_name"`
	Replaces         types.String `tfsdk:"replaces"`
	IPv4             types.Object `tfsdk:"ipv4"`
	IPv6             types.Object `tfsdk:"ipv6"`
}

type ipv4Model struct {
	Address    ipAddress `tfsdk:"address"`
	SubnetMask ipAddress `tfsdk:"subnet_mask"`
	CIDR       ipNetwork `tfsdk:"cidr"`
}

type ipv6Model struct {
	Address      ipAddress   `tfsdk:"address"`
	Network      ipAddress   `tfsdk:"network"`
	PrefixLength types.Int64 `tfsdk:"prefix_length"`
	CIDR         ipNetwork   `tfsdk:"cidr"`
}

var (
	ipv4Types = map[string]attr.Type{"address": ipAddressType{}, "subnet_mask": ipAddressType{}, "cidr": ipNetworkType{}}
	ipv6Types = map[string]attr.Type{
		"address": ipAddressType{}, "network": ipAddressType{}, "prefix_length": types.Int64Type, "cidr": ipNetworkType{},
	}
)

// newIPv4Object returns the object for stored settings, null for none.
func newIPv4Object(v4 *vcc.IPv4Settings) types.Object {
	if v4 == nil {
		return types.ObjectNull(ipv4Types)
	}
	return types.ObjectValueMust(ipv4Types, map[string]attr.Value{
		"address": newIPAddress(v4.Address.String()), "subnet_mask": newIPAddress(v4.SubnetMask()), "cidr": newIPNetwork(v4.Network().String()),
	})
}

// newIPv6Object returns the object for stored settings, null for none.
func newIPv6Object(v6 *vcc.IPv6Settings) types.Object {
	if v6 == nil {
		return types.ObjectNull(ipv6Types)
	}
	return types.ObjectValueMust(ipv6Types, map[string]attr.Value{
		"address": newIPAddress(v6.Address.String()), "network": newIPAddress(v6.Network.Addr().String()),
		"prefix_length": types.Int64Value(int64(v6.Network.Bits())), "cidr": newIPNetwork(v6.Network.String()),
	})
}

// newGatewayModel returns what a stored gateway is in a state; tenantName is whose it is.
func newGatewayModel(g *vcc.DefaultGateway, tenantName string) gatewayModel {
	return gatewayModel{
		ID:               types.StringValue(g.NetworkID),
		NetworkID:        types.StringValue(g.NetworkID),
		NetworkName:      types.StringValue(g.NetworkName),
		HardwarePlanName: types.StringValue(g.HardwarePlanName),
		TenantName:       types.StringValue(tenantName),
		IPv4:             newIPv4Object(g.IPv4),
		IPv6:             newIPv6Object(g.IPv6),
	}
}

// families unpacks the two objects; one that is null or unknown gives nil.
func (m gatewayModel) families() (v4 *ipv4Model, v6 *ipv6Model) {
	if !m.IPv4.IsNull() && !m.IPv4.IsUnknown() {
		values := m.IPv4.Attributes() // by hand: reflection takes most of the time of a plan of thousands
		v4 = new(ipv4Model)
		v4.Address, _ = values["address"].(ipAddress)
		v4.SubnetMask, _ = values["subnet_mask"].(ipAddress)
		v4.CIDR, _ = values["cidr"].(ipNetwork)
	}
	if !m.IPv6.IsNull() && !m.IPv6.IsUnknown() {
		values := m.IPv6.Attributes()
		v6 = new(ipv6Model)
		v6.Address, _ = values["address"].(ipAddress)
		v6.Network, _ = values["network"].(ipAddress)
		v6.PrefixLength, _ = values["prefix_length"].(types.Int64)
		v6.CIDR, _ = values["cidr"].(ipNetwork)
	}
	return v4, v6
}

// readIPv4 reads settings without a look at the rules, which a state that an earlier release wrote may break.
func readIPv4(address, mask string) (s vcc.IPv4Settings, err error) {
	s.PrefixLength, err = vcc.ParseSubnetMask(mask)
	a, addressErr := vcc.ParseIPv4Address(address)
	s.Address = a
	return s, errors.Join(vcc.Within("address", addressErr), vcc.Within("subnetMask", err))
}

// readIPv6 is readIPv4 for IPv6.
func readIPv6(address, network string, length int) (s vcc.IPv6Settings, err error) {
	a, addressErr := readAddress(address)
	n, networkErr := readAddress(network)
	s.Address, s.Network = a, netip.PrefixFrom(n, length)
	return s, errors.Join(vcc.Within("address", addressErr), vcc.Within("network", networkErr), vcc.Within("prefixLength", vcc.ValidatePrefixLength(length)))
}

func readAddress(text string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return a, nil
	}
	return vcc.ParseIPv6Address(text) // whose error says what is wrong
}

// settings returns the settings of a gateway. Every value must be known.
func (m gatewayModel) settings() (s vcc.GatewaySettings, diags diag.Diagnostics) {
	s, err := m.read()
	addFieldErrors(&diags, "Unreadable Default Gateway", err)
	return s, diags
}

// lastSeen returns the settings of a state. A state that somebody edited by hand may have values that cannot be read:
// it then has the settings of no gateway, so that it differs from whatever is stored.
func (m gatewayModel) lastSeen() vcc.GatewaySettings {
	s, err := m.read()
	if err != nil {
		return vcc.GatewaySettings{}
	}
	return s
}

// read returns the settings, and what is wrong with their texts.
func (m gatewayModel) read() (s vcc.GatewaySettings, unreadable error) {
	v4, v6 := m.families()
	var err4, err6 error
	if v4 != nil {
		var read vcc.IPv4Settings
		read, err4 = readIPv4(v4.Address.ValueString(), v4.SubnetMask.ValueString())
		s.IPv4 = &read
	}
	if v6 != nil {
		var read vcc.IPv6Settings
		read, err6 = readIPv6(v6.Address.ValueString(), v6.Network.ValueString(), int(v6.PrefixLength.ValueInt64()))
		s.IPv6 = &read
	}
	return s, errors.Join(vcc.Within("ipv4", err4), vcc.Within("ipv6", err6))
}

// check applies the rules to what is known: whole families where everything in
// them is known, single values where not. What is only advice is not in it.
func (m gatewayModel) check() (diags diag.Diagnostics) {
	const summary = "Invalid Default Gateway"
	v4, v6 := m.families()
	if m.NetworkID.IsNull() && m.NetworkName.IsNull() {
		diags.AddAttributeError(path.Root("network_name"), summary,
			"network_name: a default gateway needs a cloud network; name it with network_name, or give its ID in network_id.")
	}
	if !m.NetworkID.IsNull() && !m.NetworkID.IsUnknown() {
		addFieldErrors(&diags, summary, vcc.Within("networkId", vcc.ValidateNetworkID(m.NetworkID.ValueString())))
	}
	if m.IPv4.IsNull() && m.IPv6.IsNull() {
		addFieldErrors(&diags, summary, vcc.GatewaySettings{}.Validate())
	}
	if v4 != nil {
		s, err := v4.parse()
		if err == nil && s != nil {
			err = checkCIDR(v4.CIDR, s.Network())
		}
		addFieldErrors(&diags, summary, vcc.Within("ipv4", err))
	}
	if v6 != nil {
		s, err := v6.parse()
		if err == nil && s != nil {
			err = checkCIDR(v6.CIDR, s.Network)
		}
		addFieldErrors(&diags, summary, vcc.Within("ipv6", err))
	}
	return diags
}

// checkCIDR checks that an IP network that was written down is the one that the other values make.
func checkCIDR(written ipNetwork, network netip.Prefix) error {
	if written.IsNull() || written.IsUnknown() || sameMeaning[netip.Prefix](written.ValueString(), network.String()) {
		return nil
	}
	return &vcc.Error{Code: vcc.CodeInvalidValue, Field: "cidr", Message: fmt.Sprintf(
		"the other values make this %s, and not %q; write that, or leave cidr out", network, written.ValueString())}
}

// advise warns about what is allowed and may not be meant.
func (m gatewayModel) advise(diags *diag.Diagnostics) {
	_, v6 := m.families()
	if v6 == nil || v6.PrefixLength.IsUnknown() || v6.PrefixLength.ValueInt64() == vcc.FailoverPrefixLength {
		return
	}
	w := vcc.PrefixLengthWarning(int(v6.PrefixLength.ValueInt64()))
	diags.AddAttributeWarning(attributePath("ipv6."+w.Field), "No Failover over IPv6", w.Message)
}

// known reports whether every setting is known.
func (m gatewayModel) known() bool {
	v4, v6 := m.families()
	return !m.IPv4.IsUnknown() && !m.IPv6.IsUnknown() &&
		(v4 == nil || !v4.Address.IsUnknown() && !v4.SubnetMask.IsUnknown()) &&
		(v6 == nil || !v6.Address.IsUnknown() && !v6.Network.IsUnknown() && !v6.PrefixLength.IsUnknown())
}

// planned returns what a plan makes of the gateway.
func (m gatewayModel) planned() plannedGateway {
	if !m.known() {
		return plannedGateway{}
	}
	settings, err := m.read()
	return plannedGateway{Known: err == nil, Settings: settings}
}

// absent reports whether there is nothing to read: a value is not known yet, or it is null, for which there is another error.
func absent(v attr.Value) bool { return v.IsUnknown() || v.IsNull() }

// parse returns the settings, nil while one of them is absent.
func (m ipv4Model) parse() (*vcc.IPv4Settings, error) {
	address, mask := m.Address, m.SubnetMask
	switch {
	case absent(address) && absent(mask):
		return nil, nil
	case absent(address):
		_, err := vcc.ParseSubnetMask(mask.ValueString())
		return nil, vcc.Within("subnetMask", err)
	case absent(mask):
		_, err := vcc.ParseIPv4Address(address.ValueString())
		return nil, vcc.Within("address", err)
	}
	s, err := vcc.ParseIPv4Settings(address.ValueString(), mask.ValueString())
	return &s, err
}

// parse returns the settings, nil while one of them is absent.
func (m ipv6Model) parse() (*vcc.IPv6Settings, error) {
	if !absent(m.Address) && !absent(m.Network) && !absent(m.PrefixLength) {
		s, err := vcc.ParseIPv6Settings(m.Address.ValueString(), m.Network.ValueString(), int(m.PrefixLength.ValueInt64()))
		return &s, err
	}
	for _, a := range []struct {
		field string
		value ipAddress
	}{{"address", m.Address}, {"network", m.Network}} {
		if absent(a.value) {
			continue
		}
		if _, err := vcc.ParseIPv6Address(a.value.ValueString()); err != nil {
			return nil, vcc.Within(a.field, err)
		}
	}
	if absent(m.PrefixLength) {
		return nil, nil
	}
	return nil, vcc.Within("prefixLength", vcc.ValidatePrefixLength(int(m.PrefixLength.ValueInt64())))
}

// withCIDRs plans the IP networks that are not written down: they follow from the other values, and
// a plan that shows them is one that a person can check. later4 and later6 say that one is written down, and not known yet.
func (m gatewayModel) withCIDRs(later4, later6 bool) gatewayModel {
	v4, v6 := m.families()
	if v4 != nil && v4.CIDR.IsUnknown() && !later4 {
		if s, err := v4.parse(); err == nil && s != nil {
			m.IPv4 = withCIDR(m.IPv4, ipv4Types, s.Network())
		}
	}
	if v6 != nil && v6.CIDR.IsUnknown() && !later6 {
		if s, err := v6.parse(); err == nil && s != nil {
			m.IPv6 = withCIDR(m.IPv6, ipv6Types, s.Network)
		}
	}
	return m
}

func withCIDR(o types.Object, attributes map[string]attr.Type, network netip.Prefix) types.Object {
	values := o.Attributes() // a copy
	values["cidr"] = newIPNetwork(network.String())
	return types.ObjectValueMust(attributes, values)
}
