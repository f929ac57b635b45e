package rehearsal_test

import (
	"maps"
	"net/netip"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/rehearsal"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// check reads "SOURCE DESTINATION PROTOCOL PORT", with 0 for no port, and what is declared.
func check(t testing.TB, source, destination, protocol string, port int, reachable bool, reason vcc.Reason) vcc.Check {
	t.Helper()
	given := &port
	if port == 0 {
		given = nil
	}
	c, err := vcc.ParseCheck(source, destination, protocol, given, &reachable, string(reason))
	ok(t, err)
	return c
}

// TestCheck_agreement: the kernel does what a trace says, also where more than the appliance decides.
func TestCheck_agreement(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*vcc.ApplianceSources)
		checks []vcc.Check
		broken []int // the checks that do not hold
	}{
		{"a network without a gateway", func(s *vcc.ApplianceSources) { delete(s.Gateways, "network 3") }, []vcc.Check{
			check(t, "172.17.2.77", "172.17.2.78", "tcp", 80, true, vcc.ReasonSameNetwork), // of which no VM is
			check(t, "vm31", "172.17.2.77", "udp", 53, true, vcc.ReasonSameNetwork),
			check(t, "2001:db8:3::77", "2001:db8:3::78", "icmp", 0, true, vcc.ReasonSameNetwork),
			check(t, "vm31", "172.17.2.1", "tcp", 80, false, ""),   // the gateway is not there
			check(t, "172.17.2.1", "vm31", "tcp", 80, false, ""),   // neither way
			check(t, "vm31", "172.17.2.255", "tcp", 80, false, ""), // nobody's
			check(t, "vm11", "vm31", "tcp", 80, false, ""),
			check(t, "vm31", "internet", "tcp", 80, false, ""),
		}, nil},
		{"IPv6 without a /64", func(s *vcc.ApplianceSources) {
			s.Gateways["network 3"] = vcc.GatewaySettings{IPv6: &vcc.IPv6Settings{Address: netip.MustParseAddr("2001:db8:3::1"), Network: netip.MustParsePrefix("2001:db8:3::/56")}}
		}, []vcc.Check{
			check(t, "2001:db8:3::77", "2001:db8:3::78", "tcp", 80, true, vcc.ReasonSameNetwork), check(t, "vm11", "2001:db8:3::78", "tcp", 80, false, ""),
			check(t, "2001:db8:3::77", "2001:db8:3::1", "tcp", 80, false, vcc.ReasonNoDefaultGateway), // nobody has it
			check(t, "2001:db8:3::1", "2001:db8:3::77", "tcp", 80, false, vcc.ReasonNoDefaultGateway),
		}, nil},
		{"a gateway of a part of its network", func(s *vcc.ApplianceSources) {
			s.Gateways["network 3"] = vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: netip.MustParseAddr("172.17.2.1"), PrefixLength: 25}}
		}, []vcc.Check{
			check(t, "172.17.2.10", "172.17.2.200", "tcp", 80, true, vcc.ReasonSameNetwork), check(t, "172.17.2.200", "172.17.2.10", "tcp", 80, true, vcc.ReasonSameNetwork),
			check(t, "172.17.2.200", "172.17.2.1", "tcp", 80, false, vcc.ReasonSourceNotInNetwork),
			check(t, "172.17.2.1", "172.17.2.200", "tcp", 80, false, vcc.ReasonSourceNotInNetwork),
			check(t, "172.17.2.200", "172.17.2.1", "icmp", 0, false, vcc.ReasonSourceNotInNetwork),
			check(t, "172.17.2.200", "vm11", "tcp", 80, false, vcc.ReasonSourceNotInNetwork),
			check(t, "172.17.2.200", "internet", "tcp", 80, false, vcc.ReasonSourceNotInNetwork),
			check(t, "vm11", "172.17.2.200", "tcp", 80, false, ""),
		}, nil},
		{"a network of several cloud networks", func(s *vcc.ApplianceSources) {
			delete(s.Gateways, "network 3")
			s.Production[2].CloudNetworks = []string{"network 3", "network 1"}
			s.Replicas = s.Replicas[:4] // nobody knows where the others are
		}, []vcc.Check{check(t, "172.17.2.77", "172.17.2.78", "tcp", 80, false, "")}, nil},
		{"a private public address", func(s *vcc.ApplianceSources) {
			s.External.IPv4, s.External.IPv4Gateway = netip.MustParsePrefix("192.168.7.5/24"), netip.MustParseAddr("192.168.7.1")
			for _, public := range []string{"192.168.7.10:80", "192.168.8.10:80"} {
				s.PublicIPRules = append(s.PublicIPRules, vcc.PublicIPRule{Public: netip.MustParseAddrPort(public), Internal: netip.MustParseAddrPort("172.17.0.10:80")})
			}
			s.PublicIPRules = append(s.PublicIPRules, vcc.PublicIPRule{Public: netip.MustParseAddrPort("[fd00::10]:80"), Internal: netip.MustParseAddrPort("[2001:db8:1::10]:80")})
		}, []vcc.Check{
			check(t, "internet", "192.168.7.10", "tcp", 80, true, vcc.ReasonPublicIPRule),
			check(t, "internet", "192.168.8.10", "tcp", 80, false, vcc.ReasonPrivateDestination),
			check(t, "192.168.7.77", "192.168.8.10", "tcp", 80, true, vcc.ReasonPublicIPRule), // not through the internet
			check(t, "192.168.8.77", "192.168.7.10", "tcp", 80, false, vcc.ReasonPrivateDestination),
			check(t, "192.168.7.77", "192.168.7.78", "tcp", 80, false, vcc.ReasonNoPublicIPRule),
			check(t, "vm11", "192.168.7.77", "tcp", 80, true, vcc.ReasonInternetAccess),
			check(t, "internet", "fd00::10", "udp", 80, false, vcc.ReasonPrivateDestination),
			check(t, "2001:db8:ffff::77", "fd00::10", "udp", 80, true, vcc.ReasonPublicIPRule),
		}, nil},
		{"two reasons", func(s *vcc.ApplianceSources) {
			s.RoutingEnabled = false
			s.Gateways["network 2"] = vcc.GatewaySettings{IPv4: s.Gateways["network 2"].IPv4}
		}, []vcc.Check{
			check(t, "vm11", "vm21", "tcp", 80, false, ""),
			check(t, "vm11", "vm21", "tcp", 80, false, vcc.ReasonRoutingDisabled), // IPv6 has another
		}, []int{1}},
		{"public addresses without rules", func(s *vcc.ApplianceSources) {
			s.PublicIPs = []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("203.0.113.1")}
			s.External.IPv4, s.External.IPv4Gateway = netip.MustParsePrefix("198.51.100.5/24"), netip.MustParseAddr("198.51.100.1")
		}, []vcc.Check{check(t, "vm11", "internet", "tcp", 80, true, vcc.ReasonInternetAccess), check(t, "8.8.8.8", "192.0.2.1", "tcp", 80, false, vcc.ReasonNoPublicIPRule)}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			plan, sources := sixVMs()
			sources[0].Gateways = maps.Clone(sources[0].Gateways)
			tc.change(&sources[0])
			scene, _ := rehearsal.NewScene(plan, sources)
			r := start(t, scene, rehearsal.Config{Notify: func(n rehearsal.Notice) {
				if n.Fault {
					t.Error(n.Text)
				}
			}})
			outcomes, err := r.Check(t.Context(), tc.checks)
			ok(t, err)
			ok(t, r.Close())
			var broken []int
			for i, o := range outcomes {
				if !o.Holds(tc.checks[i]) {
					broken = append(broken, i)
				}
				if o.Fault != "" {
					t.Errorf("%s %s", o.Explanation, o.Fault)
				}
				if c := tc.checks[i]; c.Destination.Internet && (o.Destination == netip.MustParseAddr("192.0.2.1") && len(scene.PublicIPs) > 0) {
					t.Errorf("the internet is %s, which is the tenant's", o.Destination)
				}
			}
			if len(broken) != len(tc.broken) || len(broken) > 0 && broken[0] != tc.broken[0] {
				t.Errorf("checks %v do not hold; want %v", broken, tc.broken)
				for i, o := range outcomes {
					t.Logf("%d: %t, %s: %s", i, o.Reachable, o.Reason, o.Explanation)
				}
			}
		})
	}
}
