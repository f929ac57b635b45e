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
				ConfigPlanChecks: planned(changes(routingAddress, "enabled")),
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
		resource.TestStep{ // switched off and on again after the plan: the value is the planned one
			Config: l.config(routing(false)),
			ConfigPlanChecks: planned(meanwhile(func() {
				l.command("routing", "off")
			})),
		},
		resource.TestStep{ // switched on and off again after the plan: not what was planned on
			Config: l.config(routing(true)),
			ConfigPlanChecks: planned(meanwhile(func() {
				l.command("routing", "on")
				l.command("routing", "off")
			})),
			ExpectError: message("the routing option was changed after this plan was made"),
		},
		resource.TestStep{
			PreConfig: func() {
				if r := l.routing(); r.Enabled {
					t.Error("the other's change was overwritten")
				}
			},
			Config: l.config(routing(true)),
		},
	)
}

// A resource that is created where another one goes takes the option over.
func TestAccNetworkRouting_passedOn(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	stays := strings.Replace(routing(true), "}\n", "  lifecycle {\n    create_before_destroy = true\n  }\n}\n", 1)
	w.write(w.config(stays))
	w.expect(0, nil, "apply", "-auto-approve")
	w.expect(0, []string{"Routing Option Kept"}, "apply", "-auto-approve", "-replace="+routingAddress)
	w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
	w.write(w.config(strings.Replace(stays, `"test"`, `"renamed"`, 1)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
	second := strings.Replace(routing(true), `"test"`, `"second"`, 1)
	w.write(w.config(routing(true), second))
	w.expect(1, []string{"Another vcc_network_routing of this configuration was created"}, "apply", "-auto-approve")
}

// The option of one tenant must not become that of another because the
// provider's settings changed.
func TestAccNetworkRouting_otherTenant(t *testing.T) {
	l := newTestLab(t)
	other := fmt.Sprintf("provider \"vcc\" {\n  embedded = {\n    data_dir = %q\n    tenant = \"XYZ Holding\"\n  }\n}\n", l.dir)
	l.run(
		resource.TestStep{Config: l.config(routing(true))},
		resource.TestStep{Config: other + routing(true), ExpectError: message("Routing Option of Another Tenant")},
		resource.TestStep{Config: l.config(routing(true))},
	)
}
