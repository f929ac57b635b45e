package provider_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

func TestAccHardwarePlanNetworks(t *testing.T) {
	l := newTestLab(t)
	at := func(path ...any) tfjsonpath.Path {
		p := tfjsonpath.New("networks")
		for _, step := range path {
			switch step := step.(type) {
			case int:
				p = p.AtSliceIndex(step)
			case string:
				p = p.AtMapKey(step)
			}
		}
		return p
	}
	const address = "data.vcc_hardware_plan_networks.test"
	expect := func(path tfjsonpath.Path, check knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(address, path, check)
	}
	source := func(arguments string) string {
		return "data \"vcc_hardware_plan_networks\" \"test\" {\n" + arguments + "\n}\n"
	}
	l.run(
		resource.TestStep{ // all plans
			Config:            l.config(source("")),
			ConfigStateChecks: []statecheck.StateCheck{expect(at(), knownvalue.ListSizeExact(6))},
		},
		resource.TestStep{ // one plan, those with internet access first
			Config: l.config(source(`hardware_plan = "VMware Silver"`)),
			ConfigStateChecks: []statecheck.StateCheck{
				expect(at(), knownvalue.ListSizeExact(4)),
				expect(at(0), knownvalue.ObjectExact(map[string]knownvalue.Check{
					"id": knownvalue.StringExact(l.ids[silver1]), "name": knownvalue.StringExact(silver1),
					"hardware_plan_id": knownvalue.NotNull(), "hardware_plan_name": knownvalue.StringExact("VMware Silver"),
					"vlan_id": knownvalue.Int64Exact(101), "internet_access": knownvalue.Bool(true),
					"default_gateway": knownvalue.ObjectExact(map[string]knownvalue.Check{
						"origin": knownvalue.StringExact("detected"),
						"ipv4": knownvalue.ObjectExact(map[string]knownvalue.Check{
							"address": knownvalue.StringExact("172.17.52.1"), "subnet_mask": knownvalue.StringExact("255.255.254.0"),
							"cidr": knownvalue.StringExact("172.17.52.0/23"),
						}),
						"ipv6": knownvalue.ObjectExact(map[string]knownvalue.Check{
							"network": knownvalue.StringExact("2001:db8:52::"), "prefix_length": knownvalue.Int64Exact(64),
							"address": knownvalue.StringExact("fe80::1"), "cidr": knownvalue.StringExact("2001:db8:52::/64"),
						}),
					}),
				})),
				expect(at(1, "default_gateway", "ipv6"), knownvalue.Null()),
				expect(at(2, "internet_access"), knownvalue.Bool(false)),
				expect(at(2, "default_gateway"), knownvalue.Null()),
			},
		},
		resource.TestStep{
			Config: l.config(source("hardware_plan = \"VMware Silver\"\n  internet_access = false")),
			ConfigStateChecks: []statecheck.StateCheck{
				expect(at(), knownvalue.ListSizeExact(2)),
				expect(at(0, "name"), knownvalue.StringExact(silver3)),
			},
		},
		resource.TestStep{
			Config:            l.config(source("internet_access = true")),
			ConfigStateChecks: []statecheck.StateCheck{expect(at(), knownvalue.ListSizeExact(3))},
		},
	)
}
