package replay

import (
	"net/netip"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// ok stops the test at an error that it is not about.
func ok(t interface {
	Helper()
	Fatal(...any)
}, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func gateway(t testing.TB, ipv4, ipv6 string) vcc.GatewaySettings {
	t.Helper()
	v4, err := vcc.ParseIPv4WithLength(ipv4)
	ok(t, err)
	s := vcc.GatewaySettings{IPv4: &v4}
	if ipv6 != "" {
		s.IPv6 = &vcc.IPv6Settings{Network: netip.MustParsePrefix(ipv6), Address: netip.MustParseAddr("fe80::1")}
	}
	return s
}

func siteNetwork(name, ipv4, ipv6 string) vcc.SiteNetwork {
	p := vcc.ProductionNetwork{Name: name, IPv4: netip.MustParsePrefix(ipv4)}
	if ipv6 != "" {
		p.IPv6 = netip.MustParsePrefix(ipv6)
	}
	return vcc.SiteNetwork{ProductionNetwork: p}
}

// sources are those of an appliance with three networks of one plan, of which App has internet access and
// public IP rules, Data has neither, and Old has no gateway; and of one network in another plan. No job maps any of them.
func sources(t testing.TB, routing bool) []vcc.ApplianceSources {
	t.Helper()
	network := func(id, plan string, internet bool) vcc.Network {
		return vcc.Network{ID: id, Name: "network " + id, HardwarePlanID: plan, HardwarePlanName: plan, HostID: "host", InternetAccess: internet}
	}
	return []vcc.ApplianceSources{{
		ApplianceInputs: vcc.ApplianceInputs{
			NetworkExtensionAppliance: vcc.NetworkExtensionAppliance{ID: "appliance", HostID: "host", Networks: []vcc.Network{
				network("App", "Silver", true), network("Data", "Silver", false), network("Old", "Silver", true), network("Bronze", "Bronze", true),
			}},
			External: vcc.ExternalSettings{
				IPv4: netip.MustParsePrefix("198.51.100.5/24"), IPv4Gateway: netip.MustParseAddr("198.51.100.1"),
				IPv6: netip.MustParsePrefix("2001:db8:ffff::5/64"), IPv6Gateway: netip.MustParseAddr("fe80::ffff"),
			},
			Gateways: map[string]vcc.GatewaySettings{
				"App": gateway(t, "172.17.52.1/23", "2001:db8:52::/64"), "Data": gateway(t, "172.17.54.1/24", "2001:db8:54::/64"), "Bronze": gateway(t, "172.17.60.1/24", ""),
			},
			RoutingEnabled: routing,
			PublicIPRules: []vcc.PublicIPRule{
				{Public: netip.MustParseAddrPort("203.0.113.10:443"), Internal: netip.MustParseAddrPort("172.17.52.10:8443")},
				{Public: netip.MustParseAddrPort("[2001:db8:ffff::10]:443"), Internal: netip.MustParseAddrPort("[2001:db8:52::10]:443")},
				{Public: netip.MustParseAddrPort("100.64.0.10:8080"), Internal: netip.MustParseAddrPort("172.17.52.10:8080")}, // no internet carries it
			},
		},
		PublicIPs: []netip.Addr{netip.MustParseAddr("203.0.113.10"), netip.MustParseAddr("203.0.113.20"), netip.MustParseAddr("2001:db8:ffff::10"), netip.MustParseAddr("100.64.0.10")},
		Production: []vcc.SiteNetwork{
			siteNetwork("App", "172.17.52.0/23", "2001:db8:52::/64"), siteNetwork("Data", "172.17.54.0/24", "2001:db8:54::/64"),
			siteNetwork("Office", "172.17.56.0/24", ""), siteNetwork("Lab", "172.17.60.0/24", ""),
		},
	}}
}
