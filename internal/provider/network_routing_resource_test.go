package provider_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
)

type tfState = terraform.State

func (l *testLab) expectRouting(enabled bool) resource.TestCheckFunc {
	return func(*tfState) error {
		if r := l.routing(); r.Enabled != enabled {
			return fmt.Errorf("the stored option is %t, want %t", r.Enabled, enabled)
		}
		return nil
	}
}

func TestAccNetworkRouting(t *testing.T) {
	l := newTestLab(t)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: providers,
		CheckDestroy:             l.expectRouting(false), // destroying switches it off
		Steps: []resource.TestStep{
			{ // create
				Config:           l.config(routing(true)),
				ConfigPlanChecks: planned(action(routingAddress, plancheck.ResourceActionCreate)),
				Check:            l.expectRouting(true),
			},
			{ // an empty second plan
				Config:           l.config(routing(true)),
				ConfigPlanChecks: planned(plancheck.ExpectEmptyPlan()),
			},
			{ // import by the tenant's name and by its ID: the same state, an empty plan
				ResourceName: routingAddress, ImportState: true, ImportStateVerify: true, ImportStateId: "ABC Company",
			},
			{ResourceName: routingAddress, ImportState: true, ImportStateVerify: true},
			{ResourceName: routingAddress, ImportState: true, ImportStateKind: resource.ImportBlockWithID},
			{ // nobody else's tenant
				ResourceName: routingAddress, ImportState: true, ImportStateId: "XYZ Holding",
				ExpectError: message(`"XYZ Holding" is not the tenant that the provider acts for. Import "ABC Company"`),
			},
			{ // in-place update
				Config:           l.config(routing(false)),
				ConfigPlanChecks: planned(changes(routingAddress, "enabled", "last_applied")),
				Check:            l.expectRouting(false),
			},
			{ // changed by others, which is also all that a removal can be
				PreConfig:        l.others("routing", "on"),
				Config:           l.config(routing(false)),
				ConfigPlanChecks: planned(changes(routingAddress, "enabled")),
				Check:            l.expectRouting(false),
			},
			{ // back on, for the destroy
				Config: l.config(routing(true)),
				Check:  l.expectRouting(true),
			},
		},
	})
}

func TestAccNetworkRouting_neverOverwrites(t *testing.T) {
	l := newTestLab(t)
	l.run(
		resource.TestStep{Config: l.config(routing(true))},
		resource.TestStep{ // switched off after the plan: the value is the planned one
			Config:           l.config(routing(false)),
			ConfigPlanChecks: planned(meanwhile(l.others("routing", "off"))),
		},
		resource.TestStep{ // switched on and off again after the plan: what the plan was made from
			Config: l.config(routing(true)),
			ConfigPlanChecks: planned(meanwhile(func() {
				l.command("routing", "on")
				l.command("routing", "off")
			})),
		},
	)
}

// Destroying the resource brings back what the option was when it was created, and only what the resource made of
// it; and whatever was done to it in between, the apply that removes it ends.
func TestAccNetworkRouting_restores(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	expect := func(enabled bool) {
		t.Helper()
		if l.routing().Enabled != enabled {
			t.Fatalf("the option is not %t", enabled)
		}
		w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
	}
	set := func(enabled bool, says ...string) {
		t.Helper()
		w.write(w.config(routing(enabled)))
		w.expect(0, says, "apply", "-auto-approve")
		expect(enabled)
	}
	remove := func(after bool, says ...string) {
		t.Helper()
		w.write(w.config())
		w.expect(0, says, "apply", "-auto-approve")
		expect(after)
	}
	l.command("routing", "on")
	set(true)
	set(false) // an update keeps what it was
	remove(true)
	set(false, "Warning: Switches Routing Off")
	w.expect(0, nil, "taint", routingAddress)
	w.expect(0, nil, "apply", "-auto-approve")
	expect(false)
	remove(true)
	l.command("routing", "off")
	set(true)
	l.command("routing", "off") // and on again
	l.command("routing", "on")
	remove(false)
	set(true)
	l.command("routing", "off") // it is no longer what the resource made of it, and as it was
	remove(false)
	l.command("routing", "on")
	set(false)
	set(true)
	l.command("routing", "off")
	remove(false, "Warning: Routing Option Left Alone")
	// A removal that was planned after a refresh tells what the resource set from what others did, too.
	l.command("routing", "on")
	set(false)
	set(true)
	l.command("routing", "off")
	w.expect(0, []string{"Warning: Routing Option Left Alone"}, "destroy", "-auto-approve")
	if l.routing().Enabled {
		t.Fatal("the option was brought back although it was not what the resource had made it")
	}

	// An imported one goes back to the product's default.
	l.command("routing", "on")
	w.write(w.config(routing(true), "import {\n  to = vcc_network_routing.test\n  id = \"ABC Company\"\n}\n"))
	w.expect(0, nil, "apply", "-auto-approve")
	remove(false)
}

// A resource that is created where another one goes takes the option over, and what that restores.
func TestAccNetworkRouting_passedOn(t *testing.T) {
	t.Parallel()
	for name, lifecycle := range map[string]string{"": "", "create before destroy": createFirst} {
		t.Run(name, func(t *testing.T) {
			rounds(t, func(t *testing.T) {
				l, w := roundOn(t)
				named := func(name string) string {
					return fmt.Sprintf("resource \"vcc_network_routing\" %q {\n  enabled = true\n  %s\n}\n", name, lifecycle)
				}
				w.write(w.config(named("first")))
				w.expect(0, nil, "apply", "-auto-approve")
				w.write(w.config(named("second")))
				w.expect(0, []string{"1 added, 0 changed, 1 destroyed"}, "apply", "-auto-approve")
				if !l.routing().Enabled {
					t.Error("the option was switched off")
				}
				w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
				w.write(w.config(strings.Replace(named("third"), "enabled", "count = 1\n  enabled", 1)))
				w.expect(0, []string{"1 added, 0 changed, 1 destroyed"}, "apply", "-auto-approve")
				w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
				w.expect(0, nil, "destroy", "-auto-approve")
				if l.routing().Enabled {
					t.Error("the option is not what it was")
				}
			})
		})
	}
}

func TestAccNetworkRouting_twice(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	second := strings.Replace(routing(true), `"test"`, `"second"`, 1)
	const two = "Error: Two Resources for One Routing Option"
	w.write(w.config(routing(true), second))
	w.expect(1, []string{two}, "plan")
	w.write(w.config(routing(true)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(routing(true), second))
	w.expect(1, []string{two}, "plan")
	w.expect(1, []string{two}, "plan", "-replace="+routingAddress)
}

// The option of one tenant must not become that of another because the
// provider's settings changed.
func TestAccNetworkRouting_otherTenant(t *testing.T) {
	l := newTestLab(t)
	other := fmt.Sprintf("provider \"vcc\" {\n  embedded = {\n    data_dir = %q\n    tenant = \"XYZ Holding\"\n  }\n}\n", l.dir)
	l.run(
		resource.TestStep{Config: l.config(routing(true))},
		resource.TestStep{Config: other + routing(true), ExpectError: message(`The state is of tenant "ABC Company", and the provider now acts for "XYZ Holding"`)},
		resource.TestStep{Config: l.config(routing(true))},
	)
}
