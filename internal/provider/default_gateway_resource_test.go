package provider_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

var ipv4Data = ipv4("172.17.54.1", "255.255.255.0")

func known(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(gatewayAddress, tfjsonpath.New(attribute), value)
}

func TestAccDefaultGateway(t *testing.T) {
	l := newTestLab(t)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: providers,
		CheckDestroy:             l.gone(silver3, silver4),
		Steps: []resource.TestStep{
			{ // create
				Config:           l.config(gateway(silver3, ipv4Data)),
				ConfigPlanChecks: planned(action(gatewayAddress, plancheck.ResourceActionCreate)),
				ConfigStateChecks: []statecheck.StateCheck{
					known("id", knownvalue.StringExact(l.ids[silver3])),
					known("network_name", knownvalue.StringExact(silver3)),
					known("hardware_plan_name", knownvalue.StringExact("VMware Silver")),
					known("tenant_name", knownvalue.StringExact("ABC Company")),
					known("replaces", knownvalue.Null()),
					known("ipv4", knownvalue.ObjectExact(map[string]knownvalue.Check{
						"address": knownvalue.StringExact("172.17.54.1"), "subnet_mask": knownvalue.StringExact("255.255.255.0"),
						"cidr": knownvalue.StringExact("172.17.54.0/24"),
					})),
					known("ipv6", knownvalue.Null()),
				},
			},
			{ // an empty second plan
				Config:           l.config(gateway(silver3, ipv4Data)),
				ConfigPlanChecks: planned(plancheck.ExpectEmptyPlan()),
			},
			{ // import with the command: the same state
				ResourceName: gatewayAddress, ImportState: true, ImportStateVerify: true,
			},
			{ // import with a block: an empty plan
				ResourceName: gatewayAddress, ImportState: true, ImportStateKind: resource.ImportBlockWithID,
			},
			{ // in-place update
				Config:           l.config(gateway(silver3, ipv4("172.17.54.2", "255.255.254.0"))),
				ConfigPlanChecks: planned(changes(gatewayAddress, "ipv4.address", "ipv4.subnet_mask", "ipv4.cidr")),
			},
			{ // another network: another gateway
				Config:           l.config(gateway(silver4, ipv4Data)),
				ConfigPlanChecks: planned(action(gatewayAddress, plancheck.ResourceActionDestroyBeforeCreate)),
				Check:            l.gone(silver3),
			},
			{ // removed by others: plan creates it again
				PreConfig:        l.others("gateway", "remove", silver4),
				Config:           l.config(gateway(silver4, ipv4Data)),
				ConfigPlanChecks: planned(action(gatewayAddress, plancheck.ResourceActionCreate)),
			},
			{ // changed by others: plan shows exactly that, apply restores it
				PreConfig:        l.others("gateway", "set", silver4, "--ipv4", "172.17.54.9/24"),
				Config:           l.config(gateway(silver4, ipv4Data)),
				ConfigPlanChecks: planned(changes(gatewayAddress, "ipv4.address")),
				ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(gatewayAddress,
					tfjsonpath.New("ipv4").AtMapKey("address"), knownvalue.StringExact("172.17.54.1"))},
			},
			{ // a family added by others
				PreConfig:        l.others("gateway", "set", silver4, "--ipv6", "fe80::1", "--ipv6-network", "2001:db8:54::/64"),
				Config:           l.config(gateway(silver4, ipv4Data)),
				ConfigPlanChecks: planned(action(gatewayAddress, plancheck.ResourceActionUpdate)),
			},
		},
	})
	if g := l.stored(silver1); g == nil || g.Origin != vcc.OriginDetected {
		t.Errorf("a gateway that Terraform never managed was touched: %+v", g)
	}
}

func TestAccDefaultGateway_adoptsDetected(t *testing.T) {
	l := newTestLab(t)
	l.run(resource.TestStep{
		// The same IPv4 settings as detected, without the IPv6 ones.
		Config:            l.config(gateway(silver1, ipv4("172.17.52.1", "255.255.254.0"))),
		ConfigPlanChecks:  planned(action(gatewayAddress, plancheck.ResourceActionCreate)),
		ConfigStateChecks: []statecheck.StateCheck{known("ipv6", knownvalue.Null())},
	}, resource.TestStep{
		RefreshState: true,
		Check: func(*tfState) error {
			if g := l.stored(silver1); g.Origin != vcc.OriginSpecified || g.IPv6 != nil {
				t.Errorf("not adopted as written: %+v", g)
			}
			return nil
		},
	})
}

func TestAccDefaultGateway_refusesSpecified(t *testing.T) {
	l := newTestLab(t)
	l.command("gateway", "set", silver3, "--ipv4", "172.17.54.1/24")
	before := l.gateways()
	for name, config := range map[string]string{
		"other settings":    gateway(silver3, ipv4("172.17.54.2", "255.255.255.0")),
		"the same settings": gateway(silver3, ipv4Data),
	} {
		t.Run(name, func(t *testing.T) {
			for _, want := range []string{
				"network_id", "was specified by", fmt.Sprintf("import { to = vcc_default_gateway.NAME id = %q }", l.ids[silver3]), "Nothing was changed",
			} {
				l.t = t
				l.run(resource.TestStep{Config: l.config(config), ExpectError: message(want)})
			}
		})
	}
	l.t = t
	expectUnchanged(t, l, before)
}

func TestAccDefaultGateway_families(t *testing.T) {
	l := newTestLab(t)
	v4, v6 := ipv4Data, ipv6("2001:db8:54::", 64, "fe80::1")
	step := func(check plancheck.PlanCheck, families ...string) resource.TestStep {
		return resource.TestStep{Config: l.config(gateway(silver3, families...)), ConfigPlanChecks: planned(check)}
	}
	object := func(attribute string, null bool) statecheck.StateCheck {
		if null {
			return known(attribute, knownvalue.Null())
		}
		return known(attribute, knownvalue.NotNull())
	}
	both := step(action(gatewayAddress, plancheck.ResourceActionUpdate), v4, v6)
	both.ConfigStateChecks = []statecheck.StateCheck{object("ipv4", false), object("ipv6", false),
		statecheck.ExpectKnownValue(gatewayAddress, tfjsonpath.New("ipv6").AtMapKey("cidr"), knownvalue.StringExact("2001:db8:54::/64"))}
	only6 := step(action(gatewayAddress, plancheck.ResourceActionUpdate), v6)
	only6.ConfigStateChecks = []statecheck.StateCheck{object("ipv4", true), object("ipv6", false)}
	only4 := step(action(gatewayAddress, plancheck.ResourceActionUpdate), v4)
	only4.ConfigStateChecks = []statecheck.StateCheck{object("ipv4", false), object("ipv6", true)}
	l.run(
		step(action(gatewayAddress, plancheck.ResourceActionCreate), v4), // IPv4 only
		both,  // add IPv6
		only6, // drop IPv4
		both,  // add IPv4
		only4, // drop IPv6
		resource.TestStep{ // IPv6 only, created
			Config:           l.config(gateway(silver4, v6)),
			ConfigPlanChecks: planned(action(gatewayAddress, plancheck.ResourceActionDestroyBeforeCreate)),
		},
		step6Address(l),
	)
}

// step6Address changes the IPv6 address alone.
func step6Address(l *testLab) resource.TestStep {
	return resource.TestStep{
		Config:           l.config(gateway(silver4, ipv6("2001:db8:54::", 64, "2001:db8:54::1"))),
		ConfigPlanChecks: planned(changes(gatewayAddress, "ipv6.address")),
	}
}

func TestAccDefaultGateway_refusesOverlap(t *testing.T) {
	l := newTestLab(t)
	before := l.gateways()
	l.run(resource.TestStep{ // beside what is stored
		Config:      l.config(gateway(silver3, ipv4("172.17.53.1", "255.255.255.0"))),
		ExpectError: message(`172.17.53.0/24 overlaps 172.17.52.0/23 of "VMware Silver network 1 (internet)"`),
	}, resource.TestStep{ // also across the plans of one host
		Config:      l.config(gateway(silver3, ipv4("172.17.58.9", "255.255.255.0"))),
		ExpectError: message(`of "VMware Bronze network 1 (internet)" on the same network extension appliance`),
	}, resource.TestStep{
		Config:      l.config(gateway(silver3, ipv6("2001:db8::", 32, "fe80::1"))),
		ExpectError: message(`2001:db8::/32 overlaps 2001:db8:52::/64 of "VMware Silver network 1 (internet)"`),
	})
	expectUnchanged(t, l, before)
}

func TestAccDefaultGateway_neverOverwrites(t *testing.T) {
	const lost = "was changed after this plan was made"
	created := gateway(silver3, ipv4Data)
	for name, test := range map[string]struct {
		first, then string
		want        []string
	}{
		"update": {created, gateway(silver3, ipv4("172.17.54.2", "255.255.255.0")), []string{
			lost, "(command line) changed ipv4.address from 172.17.54.1 to 172.17.54.77", "That change was not overwritten",
		}},
		"replacement": {created, gateway(silver4, ipv4Data), []string{lost}},
		"destroy":     {created, "", []string{lost}},
		"create":      {"", created, []string{"was specified by"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newTestLab(t)
			meddle := meanwhile(l.others("gateway", "set", silver3, "--ipv4", "172.17.54.77/24"))
			kept := func() {
				if g := l.stored(silver3); g == nil || g.IPv4.Address.String() != "172.17.54.77" {
					t.Errorf("the other's change was overwritten: %+v", g)
				}
			}
			var steps []resource.TestStep
			for _, want := range test.want {
				if test.first != "" {
					steps = append(steps, resource.TestStep{Config: l.config(test.first)})
				}
				steps = append(steps, resource.TestStep{
					Config: l.config(test.then), ConfigPlanChecks: planned(meddle), ExpectError: message(want),
				})
			}
			// Planned anew, with the change in sight, the apply goes through.
			last := resource.TestStep{PreConfig: kept, Config: l.config(test.then)}
			if test.first == "" {
				last = resource.TestStep{PreConfig: kept, Config: l.config(gateway(silver4, ipv4("172.17.60.1", "255.255.255.0")))}
			}
			if test.then == "" {
				// Terraform 1.11 removes what left the configuration as it was before the
				// refresh; the error says so and names the way out.
				steps = append(steps, resource.TestStep{RefreshState: true, ExpectNonEmptyPlan: true})
			}
			l.run(append(steps, last)...)
		})
	}
}

// A gateway that others removed is not made again by an update, and is what a removal wants.
func TestAccDefaultGateway_removedByOthers(t *testing.T) {
	l := newTestLab(t)
	created := l.config(gateway(silver3, ipv4Data))
	removed := planned(meanwhile(l.others("gateway", "remove", silver3)))
	l.run(
		resource.TestStep{Config: created},
		resource.TestStep{
			Config:           l.config(gateway(silver3, ipv4("172.17.54.2", "255.255.255.0"))),
			ConfigPlanChecks: removed, ExpectError: message("(command line) removed it"),
		},
		resource.TestStep{Config: created},
		resource.TestStep{Config: l.config(""), ConfigPlanChecks: removed},
	)
}

// What was changed and changed back is what the plan was made from.
func TestAccDefaultGateway_changedBackByOthers(t *testing.T) {
	l := newTestLab(t)
	l.run(resource.TestStep{Config: l.config(gateway(silver3, ipv4Data))}, resource.TestStep{
		Config: l.config(gateway(silver3, ipv4("172.17.54.2", "255.255.255.0"))),
		ConfigPlanChecks: planned(meanwhile(func() {
			l.command("gateway", "set", silver3, "--ipv4", "172.17.54.77/24")
			l.command("gateway", "set", silver3, "--ipv4", "172.17.54.1/24")
		})),
	})
}

// A change that makes the very write that was planned leaves nothing to do.
func TestAccDefaultGateway_sameChangeByOthers(t *testing.T) {
	l := newTestLab(t)
	l.run(resource.TestStep{Config: l.config(gateway(silver3, ipv4Data))}, resource.TestStep{
		Config:           l.config(gateway(silver3, ipv4("172.17.54.2", "255.255.255.0"))),
		ConfigPlanChecks: planned(meanwhile(l.others("gateway", "set", silver3, "--ipv4", "172.17.54.2/24"))),
	})
}

func TestAccDefaultGateway_importErrors(t *testing.T) {
	l := newTestLab(t)
	config := l.config(gateway(silver3, ipv4Data))
	for name, test := range map[string]struct{ id, want string }{
		"name instead of ID": {silver1, "is not a network ID"},
		"no gateway":         {l.ids[silver3], `no default gateway is stored for "VMware Silver network 1". The networks with a stored default gateway are:`},
		"no such network":    {"00000000-0000-4000-8000-000000000000", "there is no cloud network with ID"},
	} {
		t.Run(name, func(t *testing.T) {
			l.t = t
			l.run(resource.TestStep{
				Config: config, ResourceName: gatewayAddress, ImportState: true, ImportStateId: test.id, ExpectError: message(test.want),
			})
		})
	}
}

// A replacement of the spelling of a value is none of the value.
func TestAccDefaultGateway_respelled(t *testing.T) {
	l := newTestLab(t)
	steps := []resource.TestStep{{Config: l.config(gateway(silver3, ipv4Data, ipv6("2001:db8:52:a::", 64, "2001:db8:52:a::ac11:3401")))}}
	for _, s := range [][2]string{
		{"2001:DB8:52:A::", "2001:DB8:52:A::AC11:3401"},
		{"2001:0db8:0052:000a::", "2001:db8:52:a:0:0:ac11:3401"},
		{"2001:db8:52:a:0:0:0:0", "2001:db8:52:a::172.17.52.1"},
		{"2001:db8:52:a::0.0.0.0", "2001:0DB8:0052:000A:0000:0000:172.17.52.1"},
	} {
		steps = append(steps, resource.TestStep{
			Config:           l.config(gateway(silver3, ipv4Data, ipv6(s[0], 64, s[1]))),
			ConfigPlanChecks: planned(plancheck.ExpectEmptyPlan()),
		})
	}
	l.run(append(steps, resource.TestStep{
		Config:           l.config(gateway(silver3, ipv4Data, ipv6("2001:DB8:52:A::", 64, "2001:DB8:52:A::AC11:3402"))),
		ConfigPlanChecks: planned(changes(gatewayAddress, "ipv6.address")),
	})...)
}
