package provider_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

func TestAccNetworkExtensionAppliance(t *testing.T) {
	l := newTestLab(t)
	config := l.config("data \"vcc_network_extension_appliance\" \"test\" {\n  hardware_plan = \"VMware Silver\"\n}\n")
	expect := func(path tfjsonpath.Path, check knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.vcc_network_extension_appliance.test", path, check)
	}
	first := func(attribute string) tfjsonpath.Path { return tfjsonpath.New(attribute).AtSliceIndex(0) }
	text := knownvalue.StringExact
	l.run(
		resource.TestStep{
			Config: config,
			ConfigStateChecks: []statecheck.StateCheck{
				expect(tfjsonpath.New("state"), text("stopped")),
				expect(tfjsonpath.New("host_name"), text("esx01")),
				expect(tfjsonpath.New("external").AtMapKey("addresses"), knownvalue.ListExact([]knownvalue.Check{text("198.51.100.5/24"), text("2001:db8:ffff::5/64")})),
				expect(tfjsonpath.New("interfaces"), knownvalue.ListSizeExact(6)), // those of both plans on the host
				expect(first("interfaces"), knownvalue.ObjectExact(map[string]knownvalue.Check{
					"name": text("net1"), "network_id": text(l.ids[silver1]), "network_name": text(silver1),
					"addresses": knownvalue.ListExact([]knownvalue.Check{text("172.17.52.1/23"), text("fe80::1/64")}),
				})),
				expect(first("routes").AtMapKey("interface"), text("ext0")),
				expect(first("source_nat").AtMapKey("to"), text("198.51.100.5")),
				expect(first("destination_nat"), knownvalue.ObjectExact(map[string]knownvalue.Check{
					"public": text("203.0.113.10:443"), "internal": text("172.17.52.10:443"), "interface": text("net1"),
				})),
				expect(first("problems").AtMapKey("code"), text("no_default_gateway")),
				expect(first("problems").AtMapKey("network_name"), text(silver3)),
			},
		},
		resource.TestStep{ // D19: a change reaches an active appliance at once
			PreConfig: func() {
				l.command("failover", "start", "Whole site")
				l.command("gateway", "set", silver3, "--ipv4", "172.17.54.1/24")
			},
			Config: config,
			ConfigStateChecks: []statecheck.StateCheck{
				expect(tfjsonpath.New("state"), text("fullSiteFailover")),
				expect(first("problems").AtMapKey("network_name"), text(silver4)),
			},
		},
		resource.TestStep{
			PreConfig:         l.others("failover", "undo"),
			Config:            config,
			ConfigStateChecks: []statecheck.StateCheck{expect(tfjsonpath.New("state"), text("stopped"))},
		},
	)
}
