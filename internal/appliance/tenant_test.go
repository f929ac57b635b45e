package appliance_test

import (
	"net/netip"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestTenant_gatewayIsNoHost: hosts of one network reach each other without the appliance, and the network's gateway is none
// of them, also where the appliance serves a part of the network, or leaves it out.
func TestTenant_gatewayIsNoHost(t *testing.T) {
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	v4 := func(gateway string) vcc.GatewaySettings {
		p := prefix(gateway)
		return vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: p.Addr(), PrefixLength: p.Bits()}}
	}
	const network, prod4, prod6 = "data", "172.17.2.1", "2001:db8:3::fe"
	for _, tc := range []struct {
		name     string
		gateway  vcc.GatewaySettings
		external string
		mapped   bool
		ends     [2]string
		reason   vcc.Reason // of both ways, or of the first one
		reverse  vcc.Reason
	}{
		{"hosts beside a part", v4("172.17.2.1/25"), "", true, [2]string{"172.17.2.200", "172.17.2.10"}, vcc.ReasonSameNetwork, ""},
		{"the gateway of a part", v4("172.17.2.1/25"), "", true, [2]string{"172.17.2.200", "172.17.2.1"}, vcc.ReasonSourceNotInNetwork, ""},
		{"another gateway of a part", v4("172.17.2.5/25"), "", true, [2]string{"172.17.2.200", "172.17.2.5"}, vcc.ReasonSourceNotInNetwork, ""},
		{"no gateway", vcc.GatewaySettings{}, "", true, [2]string{"172.17.2.200", "172.17.2.1"}, vcc.ReasonNoPublicIPRule, ""},
		{"a gateway alone", v4("172.17.2.9/32"), "", true, [2]string{"172.17.2.200", "172.17.2.9"}, vcc.ReasonSourceNotInNetwork, ""},
		{"the external address", vcc.GatewaySettings{}, "172.17.2.130/25", true, [2]string{"172.17.2.10", "172.17.2.130"}, vcc.ReasonNotAService, vcc.ReasonSourceNotInNetwork},
		{"hosts without a /64", six("2001:db8:3::1"), "", true, [2]string{"2001:db8:3::77", "2001:db8:3::78"}, vcc.ReasonSameNetwork, ""},
		{"the gateway without a /64", six("2001:db8:3::1"), "", true, [2]string{"2001:db8:3::77", "2001:db8:3::1"}, vcc.ReasonNoDefaultGateway, ""},
		{"the site's gateway without a /64", six("2001:db8:3::1"), "", true, [2]string{"2001:db8:3::77", prod6}, vcc.ReasonNoDefaultGateway, ""},
		{"beside a part to outside", v4("172.17.2.1/25"), "", true, [2]string{"172.17.2.200", "192.0.2.1"}, vcc.ReasonSourceNotInNetwork, vcc.ReasonNoPublicIPRule},
		// Nobody knows where the replicas of a network are that no job maps, or whether they are on one network.
		{"hosts that no job maps", vcc.GatewaySettings{}, "", false, [2]string{"172.17.2.200", "172.17.2.10"}, vcc.ReasonNoPublicIPRule, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			site := []vcc.SiteNetwork{{ProductionNetwork: vcc.ProductionNetwork{Name: "Data", IPv4: prefix("172.17.2.0/24"), IPv4Gateway: addr(prod4), IPv6: prefix("2001:db8:3::/64"), IPv6Gateway: addr(prod6)}}}
			if tc.mapped {
				site[0].CloudNetworks = []string{network}
			}
			in := vcc.ApplianceInputs{
				External:                  vcc.ExternalSettings{IPv4: prefix("198.51.100.5/24"), IPv4Gateway: addr("198.51.100.1")},
				NetworkExtensionAppliance: vcc.NetworkExtensionAppliance{Networks: []vcc.Network{{ID: network, Name: "Silver network 1"}}}, Gateways: map[string]vcc.GatewaySettings{network: tc.gateway}, RoutingEnabled: true,
			}
			if tc.external != "" {
				in.External = vcc.ExternalSettings{IPv4: prefix(tc.external)}
			}
			tenant := appliance.NewTenant(site, nil, []vcc.ApplianceInputs{in})
			reverse := tc.reverse
			if reverse == "" {
				reverse = tc.reason
			}
			for _, way := range []struct {
				from, to string
				want     vcc.Reason
			}{{tc.ends[0], tc.ends[1], tc.reason}, {tc.ends[1], tc.ends[0], reverse}} {
				r := tenant.Way(vcc.TraceRequest{Port: 80}, appliance.TCP, addr(way.from), addr(way.to))
				if r.Outcome() != way.want || r.Reachable != (way.want == vcc.ReasonSameNetwork) {
					t.Errorf("%s to %s: reachable %t, %s: %s; want %s", way.from, way.to, r.Reachable, r.Outcome(), r.Explanation, way.want)
				}
				if missing := tenant.WantsGateway(r, addr(way.from), addr(way.to)); !tc.mapped && !missing {
					t.Errorf("%s to %s: no default gateway is missing", way.from, way.to)
				}
			}
		})
	}
}

// TestTenant_overlappingNetworks: networks of two appliances may overlap, and an address is then at the first.
func TestTenant_overlappingNetworks(t *testing.T) {
	var inputs []vcc.ApplianceInputs
	for _, gateway := range []string{"172.17.2.1/24", "172.17.2.2/24"} {
		p := netip.MustParsePrefix(gateway)
		inputs = append(inputs, vcc.ApplianceInputs{
			NetworkExtensionAppliance: vcc.NetworkExtensionAppliance{Networks: []vcc.Network{{ID: gateway, Name: gateway}}},
			Gateways:                  map[string]vcc.GatewaySettings{gateway: {IPv4: &vcc.IPv4Settings{Address: p.Addr(), PrefixLength: p.Bits()}}},
		})
	}
	place, found := appliance.NewTenant(nil, nil, inputs).Host(netip.MustParseAddr("172.17.2.10"))
	if !found || place.Appliance != 0 || place.At != 1 {
		t.Errorf("%+v, %t; want the first appliance", place, found)
	}
}

// six are the settings of an IPv6 gateway that the appliance leaves out (D11).
func six(gateway string) vcc.GatewaySettings {
	a := netip.MustParseAddr(gateway)
	return vcc.GatewaySettings{IPv6: &vcc.IPv6Settings{Address: a, Network: netip.PrefixFrom(a, 56).Masked()}}
}
