package linuxrouter_test

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/linuxrouter"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

var rewrite = flag.Bool("rewrite", false, "write the plans in testdata anew")

// TestPlan compares plans with those in testdata, on every system.
func TestPlan(t *testing.T) {
	prefix, addr, socket := netip.MustParsePrefix, netip.MustParseAddr, netip.MustParseAddrPort
	ipv4 := func(s string) *vcc.IPv4Settings {
		return &vcc.IPv4Settings{Address: prefix(s).Addr(), PrefixLength: prefix(s).Bits()}
	}
	ipv6 := func(a, network string) *vcc.IPv6Settings {
		return &vcc.IPv6Settings{Address: addr(a), Network: prefix(network)}
	}
	network := func(id, plan string, internet bool) vcc.Network {
		return vcc.Network{ID: id, Name: id, HardwarePlanID: plan, HardwarePlanName: plan, InternetAccess: internet}
	}
	usual := vcc.ApplianceInputs{
		External: vcc.ExternalSettings{
			IPv4: prefix("198.51.100.5/24"), IPv4Gateway: addr("198.51.100.1"), IPv6: prefix("2001:db8:ffff::5/64"), IPv6Gateway: addr("fe80::1"),
		},
		Gateways: map[string]vcc.GatewaySettings{
			"a": {IPv4: ipv4("172.17.52.1/23"), IPv6: ipv6("fe80::1", "2001:db8:52::/64")},
			"b": {IPv4: ipv4("172.17.54.1/24")},
			"d": {IPv4: ipv4("172.17.58.1/24"), IPv6: ipv6("2001:db8:58::1", "2001:db8:58::/64")},
		},
		RoutingEnabled: true,
		PublicIPRules: []vcc.PublicIPRule{
			{Public: socket("203.0.113.10:443"), Internal: socket("172.17.52.10:8443")},
			{Public: socket("[2001:db8:ffff::10]:443"), Internal: socket("[2001:db8:52::10]:443")},
		},
	}
	usual.Networks = []vcc.Network{network("a", "Silver", true), network("b", "Silver", false), network("c", "Silver", false), network("d", "Bronze", true)}
	odd := vcc.ApplianceInputs{
		External: vcc.ExternalSettings{IPv4: prefix("172.16.9.5/24"), IPv6: prefix("2001:db8:ffff::5/64"), IPv6Gateway: addr("2001:db8:ffff::1")},
		Gateways: map[string]vcc.GatewaySettings{
			"around the external network":     {IPv4: ipv4("172.16.0.1/16"), IPv6: ipv6("2001:db8:1::1", "2001:db8:1::/56")},
			"like the external network":       {IPv4: ipv4("128.0.0.1/5"), IPv6: ipv6("2001:db8:ffff::8", "2001:db8:ffff::/64")},
			"up to the end of all addresses":  {IPv4: ipv4("248.0.0.1/5")},
			"beside the one before, the same": {IPv4: ipv4("240.0.0.1/5")},
		},
	}
	odd.Networks = []vcc.Network{network("around the external network", "Silver", false), network("like the external network", "Silver", false),
		network("up to the end of all addresses", "Silver", false), network("beside the one before, the same", "Silver", false)}
	for name, in := range map[string]vcc.ApplianceInputs{"empty": {}, "usual": usual, "odd": odd} {
		t.Run(name, func(t *testing.T) {
			got := linuxrouter.MakePlan(appliance.Compile(in)).String()
			file := filepath.Join("testdata", name+".txt")
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-testdata +got; -rewrite writes them anew)\n%s", diff)
			}
		})
	}
}

// TestVerdicts: the ruleset does with a packet what the engine does for the reason that it logs, and it has a reason for all that
// settles the first packet of a flow.
func TestVerdicts(t *testing.T) {
	logged := map[vcc.Reason]bool{}
	for _, m := range regexp.MustCompile(`log prefix "(\w+)" group 1 (\w+)`).FindAllStringSubmatch(linuxrouter.Ruleset, -1) {
		reason := vcc.Reason(m[1])
		logged[reason] = true
		if v, known := appliance.VerdictOf(reason); !known || (v == vcc.Dropped) != (m[2] == "drop") {
			t.Errorf("the ruleset says %s for %s, and the engine %q", m[2], reason, v)
		}
	}
	for _, reason := range appliance.Reasons() {
		if !logged[reason] && reason != vcc.ReasonKnownFlow {
			t.Errorf("the ruleset does not log %s", reason)
		}
	}
}
