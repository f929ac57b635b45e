package provider_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// respellings are pairs of spellings of one IPv6 network and one gateway address in
// it (RFC 4291, 2.2). The first of each pair is the one that the backend uses
// (RFC 5952).
var respellings = []struct{ network, address, otherNetwork, otherAddress string }{
	// Case.
	{"2001:db8:a1::", "2001:db8:a1::1", "2001:DB8:A1::", "2001:DB8:A1::1"},
	{"2001:db8:a2::", "2001:db8:a2::abcd:ef01", "2001:Db8:a2::", "2001:dB8:A2::aBcD:eF01"},
	{"2001:db8:a3:f::", "fe80::a", "2001:db8:a3:F::", "FE80::A"},
	{"2001:db8:a4::", "fe80::abcd", "2001:db8:a4::", "Fe80::AbCd"},
	// Leading zeros of a group.
	{"2001:db8:b1::", "2001:db8:b1::1", "2001:0db8:b1::", "2001:db8:b1::0001"},
	{"2001:db8:b2::", "2001:db8:b2::20", "2001:0db8:00b2::", "2001:0db8:00b2::0020"},
	{"2001:db8:b3:4::", "2001:db8:b3:4::5", "2001:db8:b3:04::", "2001:db8:b3:004::05"},
	{"2001:db8:b4:4::", "fe80::1", "2001:db8:0b4:0004::", "fe80::01"},
	{"2001:db8:b5::", "fe80::1", "2001:db8:b5::", "fe80::001"},
	{"2001:db8:b6::", "fe80::1", "2001:db8:b6::", "fe80::0001"},
	// Zero runs: written out in full, or in part.
	{"2001:db8:c1::", "2001:db8:c1::1", "2001:db8:c1:0:0:0:0:0", "2001:db8:c1:0:0:0:0:1"},
	{"2001:db8:c2::", "2001:db8:c2::1", "2001:db8:c2:0::", "2001:db8:c2:0::1"},
	{"2001:db8:c3::", "2001:db8:c3::1", "2001:db8:c3:0:0::", "2001:db8:c3:0:0::1"},
	{"2001:db8:c4::", "2001:db8:c4::1", "2001:db8:c4::0", "2001:db8:c4::0:1"},
	{"2001:db8:c5::", "2001:db8:c5::1", "2001:db8:c5::0:0", "2001:db8:c5::0:0:1"},
	{"2001:db8:c6::", "2001:db8:c6::1", "2001:db8:c6:0::0", "2001:db8:c6:0::0:1"},
	{"2001:db8:c7::", "2001:db8:c7::1", "2001:db8:c7::0:0:0", "2001:db8:c7:0:0:0::1"},
	{"2001:db8:c8::", "2001:db8:c8::1", "2001:db8:c8:0000::", "2001:db8:c8:0000:0000:0000:0000:0001"},
	{"2001:db8:c9::", "fe80::1", "2001:db8:c9::", "fe80:0:0:0:0:0:0:1"},
	{"2001:db8:ca::", "fe80::1", "2001:db8:ca::", "fe80:0::1"},
	{"2001:db8:cb::", "fe80::1", "2001:db8:cb::", "fe80::0:0:0:1"},
	{"2001:db8:cc::", "fe80::1", "2001:db8:cc::", "fe80:0000:0000:0000:0000:0000:0000:0001"},
	// Two zero runs: the other one is shortened.
	{"2001:db8:d1:4::", "2001:db8:d1:4:0:5:0:6", "2001:db8:d1:4:0::", "2001:db8:d1:4::5:0:6"},
	{"2001:db8:0:d2::", "2001:db8:0:d2::1", "2001:db8::d2:0:0:0:0", "2001:db8::d2:0:0:0:1"},
	{"2001:db8:0:d3::", "2001:db8:0:d3::2:1", "2001:db8::d3:0:0:0:0", "2001:db8::d3:0:0:2:1"},
	{"2001:0:0:d4::", "2001:0:0:d4::1", "2001::d4:0:0:0:0", "2001::d4:0:0:0:1"},
	{"2001:0:0:d5::", "2001::d5:1:0:0:1", "2001::d5:0:0:0:0", "2001:0:0:d5:1::1"},
	// A single zero group, which the backend writes out.
	{"2001:db8:e1:4::", "2001:db8:e1:4:5:0:6:7", "2001:db8:e1:4::", "2001:db8:e1:4:5::6:7"},
	{"2001:db8:0:e2::", "2001:db8:0:e2:5:6:7:8", "2001:db8:0:e2::", "2001:db8::e2:5:6:7:8"},
	{"2001:db8:e3:4::", "2001:db8:e3:4:0:6:7:8", "2001:db8:e3:4::", "2001:db8:e3:4::6:7:8"},
	{"2001:db8:e4:4::", "2001:db8:e4:4:5:6:7:0", "2001:db8:e4:4::", "2001:db8:e4:4:5:6:7::"},
	// An IPv4 address at the end (RFC 4291, 2.2, form 3).
	{"2001:db8:f1::", "2001:db8:f1::ac11:3401", "2001:db8:f1::0.0.0.0", "2001:db8:f1::172.17.52.1"},
	{"2001:db8:f2::", "2001:db8:f2::ac11:3401", "2001:db8:f2:0:0:0:0.0.0.0", "2001:db8:f2:0:0:0:172.17.52.1"},
	{"2001:db8:f3::", "2001:db8:f3::1", "2001:DB8:F3::0.0.0.0", "2001:DB8:F3::0.0.0.1"},
	{"2001:db8:f4::", "fe80::1", "2001:db8:f4::", "fe80::0.0.0.1"},
	{"2001:db8:f5::", "fe80::c000:201", "2001:db8:f5::", "fe80::192.0.2.1"},
	{"2001:db8:f6::", "fe80::c000:201", "2001:db8:f6::", "FE80:0:0:0:0:0:192.0.2.1"},
	{"2001:db8:f7:5::", "2001:db8:f7:5::102:304", "2001:0DB8:00F7:0005:0000:0000:0.0.0.0", "2001:0DB8:00F7:0005:0000:0000:1.2.3.4"},
	// Everything at once, and each alone.
	{"2001:db8:1a::", "2001:db8:1a::ac11:3401", "2001:0DB8:001A:0000:0000:0000:0000:0000", "2001:0DB8:001A:0000:0000:0000:AC11:3401"},
	{"2001:db8:2b::", "2001:db8:2b::ab:cdef", "2001:db8:2b::", "2001:0DB8:2B:0::00AB:CDEF"},
	{"2001:db8:3c::", "2001:db8:3c::1", "2001:0DB8:03C:0::0", "2001:db8:3c::1"},
	{"2001:db8:4d::", "2001:db8:4d::1", "2001:db8:4d::", "2001:db8:004d:0:0::1"},
	{"fd00:0:0:5e::", "fe80::5e", "FD00::5E:0:0:0:0", "FE80:0:0::5E"},
	{"fc00::", "fe80::1", "FC00:0::", "fe80:0::0.0.0.1"},
}

// TestRespellings holds the table to what it says of itself.
func TestRespellings(t *testing.T) {
	if len(respellings) < 40 {
		t.Errorf("%d re-spellings, want 40 at least", len(respellings))
	}
	for i, r := range respellings {
		for _, pair := range [][2]string{{r.network, r.otherNetwork}, {r.address, r.otherAddress}} {
			if a, b := netip.MustParseAddr(pair[0]), netip.MustParseAddr(pair[1]); a != b || a.String() != pair[0] {
				t.Errorf("%d: %s and %s are not two spellings of %s", i, pair[0], pair[1], a)
			}
		}
		if r.network == r.otherNetwork && r.address == r.otherAddress {
			t.Errorf("%d: nothing is spelled in another way", i)
		}
	}
}

// respelled is a lab with a gateway for each re-spelling.
type respelled struct {
	*testLab
	networks []vcc.Network
}

func newRespelled(t *testing.T) *respelled {
	t.Helper()
	t.Parallel()
	lab := fmt.Sprintf(`
service_provider: { name: sp.example.net }
hosts: [ { name: esx01, platform: VMware, vlans: [ { with_internet: [1, %[1]d], without_internet: [2000, 2001] } ] } ]
hardware_plans: [ { name: Wide, host: esx01, networks: { with_internet: %[1]d, without_internet: 0 } } ]
tenants: [ { name: ABC Company, subscriptions: [Wide] } ]
`, len(respellings))
	file := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(file, []byte(lab), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &respelled{testLab: &testLab{t: t, dir: t.TempDir(), ids: map[string]string{}}}
	r.command("lab", "apply", file)
	r.open(func(c *httpapi.Client) {
		var err error
		if r.networks, err = vcc.All(func(p vcc.Page) ([]vcc.Network, int, error) {
			return c.Networks(t.Context(), vcc.Actor{}, vcc.NetworkFilter{}, p)
		}); err != nil {
			t.Fatal(err)
		}
	})
	return r
}

// config has the resources row[0], row[1] and so on. spell returns the values of a
// row, more is what else the configuration has.
func (r *respelled) config(spell func(i int) (network, address string), more ...string) string {
	var rows strings.Builder
	for i := range respellings {
		network, address := spell(i)
		fmt.Fprintf(&rows, "    { id = %q, network = %q, address = %q },\n", r.networks[i].ID, network, address)
	}
	return r.testLab.config(append(more, fmt.Sprintf(`
locals {
  rows = [
%s  ]
}
resource "vcc_default_gateway" "row" {
  count      = length(local.rows)
  network_id = local.rows[count.index].id
  ipv6 = {
    network       = local.rows[count.index].network
    prefix_length = 64
    address       = local.rows[count.index].address
  }
}
`, rows.String()))...)
}

func backendSpelling(i int) (network, address string) {
	return respellings[i].network, respellings[i].address
}

func otherSpelling(i int) (network, address string) {
	return respellings[i].otherNetwork, respellings[i].otherAddress
}

// otherHost is every row in its other spelling, and those of odd numbers with
// another address.
func otherHost(i int) (network, address string) {
	network, address = otherSpelling(i)
	if i%2 == 1 {
		address = netip.MustParseAddr(address).Next().StringExpanded()
	}
	return network, address
}

// onlyOtherHosts checks that a plan changes the address of the odd rows, and
// nothing else.
func onlyOtherHosts() (checks []plancheck.PlanCheck) {
	for i := range respellings {
		row := fmt.Sprintf("vcc_default_gateway.row[%d]", i)
		if i%2 == 1 {
			checks = append(checks, changes(row, "ipv6.address"))
		} else {
			checks = append(checks, action(row, plancheck.ResourceActionNoop))
		}
	}
	return checks
}

func TestAccRespellings(t *testing.T) {
	r := newRespelled(t)
	empty := planned(plancheck.ExpectEmptyPlan())
	r.run(
		resource.TestStep{Config: r.config(backendSpelling)}, // created as the backend spells
		resource.TestStep{Config: r.config(otherSpelling), ConfigPlanChecks: empty},
		resource.TestStep{Config: r.config(otherHost), ConfigPlanChecks: planned(onlyOtherHosts()...)}, // updated
		resource.TestStep{Config: r.config(otherHost), ConfigPlanChecks: empty},
	)
}

func TestAccRespellings_created(t *testing.T) {
	r := newRespelled(t)
	empty := planned(plancheck.ExpectEmptyPlan())
	r.run(
		resource.TestStep{Config: r.config(otherSpelling)},
		resource.TestStep{Config: r.config(otherSpelling), ConfigPlanChecks: empty},
		resource.TestStep{Config: r.config(backendSpelling), ConfigPlanChecks: empty},
		resource.TestStep{Config: r.config(otherSpelling), ConfigPlanChecks: empty},
	)
}

// What a data source reads, in the backend's spelling, is as good as what is written.
func TestAccRespellings_imported(t *testing.T) {
	r := newRespelled(t)
	r.open(func(c *httpapi.Client) {
		for i, row := range respellings {
			settings := vcc.GatewaySettings{IPv6: &vcc.IPv6Settings{
				Network: netip.PrefixFrom(netip.MustParseAddr(row.otherNetwork), 64), Address: netip.MustParseAddr(row.otherAddress),
			}}
			if _, _, err := c.PutDefaultGateway(t.Context(), vcc.Actor{}, r.networks[i].ID, settings, vcc.Precondition{Absent: true}); err != nil {
				t.Fatal(err)
			}
		}
	})
	var imports strings.Builder
	for i := range respellings {
		fmt.Fprintf(&imports, "import {\n  to = vcc_default_gateway.row[%d]\n  id = %q\n}\n", i, r.networks[i].ID)
	}
	read := r.testLab.config(`
data "vcc_hardware_plan_networks" "all" {}
resource "vcc_default_gateway" "row" {
  count      = length(data.vcc_hardware_plan_networks.all.networks)
  network_id = data.vcc_hardware_plan_networks.all.networks[count.index].id
  ipv6 = {
    network       = data.vcc_hardware_plan_networks.all.networks[count.index].default_gateway.ipv6.network
    prefix_length = 64
    address       = data.vcc_hardware_plan_networks.all.networks[count.index].default_gateway.ipv6.address
  }
}
`)
	empty := planned(plancheck.ExpectEmptyPlan())
	r.run(
		resource.TestStep{Config: r.config(otherSpelling, imports.String()), ConfigPlanChecks: empty},
		resource.TestStep{Config: r.config(otherSpelling), ConfigPlanChecks: empty},
		resource.TestStep{Config: read, ConfigPlanChecks: empty},
		resource.TestStep{Config: r.config(backendSpelling), ConfigPlanChecks: empty},
	)
}
