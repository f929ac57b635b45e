package provider_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const (
	// wholeSite is the failover plan that the built-in lab declares.
	wholeSite   = "Whole site"
	planAddress = "vcc_failover_plan.test"

	webRule    = `{ address = "203.0.113.10", port = 443, to_address = "172.17.52.10", to_port = 443 }`
	officeRule = `{ address = "203.0.113.11", port = 8443, to_address = "172.17.52.11", to_port = 443 }`
)

// failoverPlanOf is a vcc_failover_plan: VMs are names, or objects as they stand in a configuration.
func failoverPlanOf(label, name string, vms []string, rules ...string) string {
	list := make([]string, len(vms))
	for i, vm := range vms {
		if list[i] = vm; !strings.HasPrefix(vm, "{") {
			list[i] = fmt.Sprintf("{ name = %q }", vm)
		}
	}
	text := fmt.Sprintf("resource \"vcc_failover_plan\" %q {\n  name = %q\n  vms = [%s]\n", label, name, strings.Join(list, ", "))
	if len(rules) > 0 {
		text += fmt.Sprintf("  public_ip_rules = [%s]\n", strings.Join(rules, ", "))
	}
	return text + "}\n"
}

// failoverPlan is a vcc_failover_plan named test.
func failoverPlan(name string, vms []string, rules ...string) string {
	return failoverPlanOf("test", name, vms, rules...)
}

func vms(names ...string) []string { return names }

// failoverPlans returns the stored failover plans.
func (l *testLab) failoverPlans() (plans []vcc.FailoverPlan) {
	l.t.Helper()
	l.open(func(c *httpapi.Client) {
		var err error
		if plans, err = vcc.All(func(p vcc.Page) ([]vcc.FailoverPlan, int, error) {
			return c.FailoverPlans(context.Background(), vcc.Actor{}, p)
		}); err != nil {
			l.t.Fatal(err)
		}
	})
	return plans
}

// failoverPlan returns a stored failover plan, nil for none.
func (l *testLab) failoverPlan(name string) *vcc.FailoverPlan {
	l.t.Helper()
	for _, p := range l.failoverPlans() {
		if p.Name == name {
			return &p
		}
	}
	return nil
}

// refusedPlans runs the CLI, which must fail and leave the failover plans as they were.
func (w *workspace) refusedPlans(wants []string, command string, args ...string) {
	w.t.Helper()
	before := w.failoverPlans()
	w.expect(1, wants, command, args...)
	if after := w.failoverPlans(); !reflect.DeepEqual(before, after) {
		w.t.Errorf("%s stored something:\n%+v\nwas\n%+v", command, after, before)
	}
}

func TestAccFailoverPlan(t *testing.T) {
	l := newTestLab(t)
	half := func(vms []string, rules ...string) string { return l.config(failoverPlan("Half site", vms, rules...)) }
	const v6Rule = `{ address = "2001:DB8:FFFF:0::10", port = 80, to_address = "2001:db8:52::10", to_port = 8080 }`
	known := func(attribute string, value knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(planAddress, tfjsonpath.New(attribute), value)
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: providers,
		CheckDestroy: func(*tfState) error {
			if plans := l.failoverPlans(); len(plans) != 1 || plans[0].Origin != vcc.OriginDeclared || plans[0].Revision != 0 {
				return fmt.Errorf("not what there was before: %+v", plans)
			}
			return nil
		},
		Steps: []resource.TestStep{
			{ // create
				Config:           half(vms(`{ name = "db01", delay_seconds = 60 }`, "web01"), v6Rule),
				ConfigPlanChecks: planned(action(planAddress, plancheck.ResourceActionCreate)),
				ConfigStateChecks: []statecheck.StateCheck{
					known("id", knownvalue.NotNull()), known("name", knownvalue.StringExact("Half site")), known("tenant_name", knownvalue.StringExact("ABC Company")),
					known("vms", knownvalue.ListExact([]knownvalue.Check{
						knownvalue.ObjectExact(map[string]knownvalue.Check{"name": knownvalue.StringExact("db01"), "delay_seconds": knownvalue.Int64Exact(60)}),
						knownvalue.ObjectExact(map[string]knownvalue.Check{"name": knownvalue.StringExact("web01"), "delay_seconds": knownvalue.Int64Exact(0)}),
					})),
				},
			},
			{ // an empty second plan, also in other words
				Config:           half(vms(`{ name = "db01", delay_seconds = 60 }`, `{ name = "web01", delay_seconds = 0 }`), strings.ToLower(strings.Replace(v6Rule, ":0::10", "::10", 1))),
				ConfigPlanChecks: planned(plancheck.ExpectEmptyPlan()),
			},
			{ // import with the command, by ID
				ResourceName: planAddress, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"public_ip_rules.0.address"},
			},
			{ // by name
				ResourceName: planAddress, ImportState: true, ImportStateId: "Half site", ImportStateVerify: true, ImportStateVerifyIgnore: []string{"public_ip_rules.0.address"},
			},
			{ // import with a block: an empty plan
				ResourceName: planAddress, ImportState: true, ImportStateKind: resource.ImportBlockWithID, ImportStateId: "Half site",
			},
			{ // another order
				Config:           half(vms("web01", `{ name = "db01", delay_seconds = 60 }`), v6Rule),
				ConfigPlanChecks: planned(action(planAddress, plancheck.ResourceActionUpdate)),
			},
			{ // no rules
				Config:            half(vms("web01")),
				ConfigPlanChecks:  planned(changes(planAddress, "vms", "public_ip_rules")),
				ConfigStateChecks: []statecheck.StateCheck{known("public_ip_rules", knownvalue.Null())},
			},
			{ // an empty list of rules means none, too
				Config:            l.config(strings.Replace(failoverPlan("Half site", vms("web01")), "  vms", "  public_ip_rules = []\n  vms", 1)),
				ConfigStateChecks: []statecheck.StateCheck{known("public_ip_rules", knownvalue.ListSizeExact(0))},
			},
			{ // another name: another plan
				Config:           l.config(failoverPlan("Other half", vms("web01"))),
				ConfigPlanChecks: planned(action(planAddress, plancheck.ResourceActionDestroyBeforeCreate)),
				Check: func(*tfState) error {
					if p := l.failoverPlan("Half site"); p != nil {
						return fmt.Errorf("the old one is there: %+v", p)
					}
					return nil
				},
			},
			{ // removed by others: plan creates it again
				PreConfig:        l.others("failover", "plan", "remove", "Other half"),
				Config:           l.config(failoverPlan("Other half", vms("web01"))),
				ConfigPlanChecks: planned(action(planAddress, plancheck.ResourceActionCreate)),
			},
			{ // changed by others: plan shows exactly that, apply restores it
				PreConfig:        l.others("failover", "plan", "set", "Other half", "--rule", "[2001:db8:ffff::10]:80=[2001:db8:52::10]:80"),
				Config:           l.config(failoverPlan("Other half", vms("web01"))),
				ConfigPlanChecks: planned(changes(planAddress, "public_ip_rules")),
			},
			{ // made anew by -replace or taint
				Taint:  []string{planAddress},
				Config: l.config(failoverPlan("Other half", vms("web01"))),
			},
		},
	})
}

// A plan that the lab declares is adopted with a word about what goes, and destroying the resource brings it back.
func TestAccFailoverPlan_adoptsDeclared(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	declared := w.failoverPlan(wholeSite)
	w.write(w.config(failoverPlan(wholeSite, vms("db01", "web01"), webRule)))
	w.expect(0, []string{
		"Warning: Adopts a Declared Failover Plan", `The lab declares failover plan "Whole site"`,
		`does not keep VM "web02", VM "file01", the public IP rule 203.0.113.11:8443 to 172.17.52.11:443.`, "When this resource is destroyed, what the lab declares is in force again.",
		declared.ID, // the ID is known in the plan
	}, "plan")
	if again := w.failoverPlan(wholeSite); !reflect.DeepEqual(again, declared) {
		t.Errorf("the plan changed something: %+v", again)
	}
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	if p := w.failoverPlan(wholeSite); p.ID != declared.ID || p.Origin != vcc.OriginSpecified || len(p.VMs) != 2 || p.Declared == nil || !p.Declared.Equal(declared.FailoverPlanSettings) {
		t.Errorf("not adopted as written: %+v", p)
	}
	w.expect(0, nil, "taint", planAddress)
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	w.expect(0, nil, "apply", "-auto-approve", "-replace="+planAddress)
	w.unchanged()
	w.expect(0, nil, "destroy", "-auto-approve")
	if p := w.failoverPlan(wholeSite); p.Origin != vcc.OriginDeclared || !p.FailoverPlanSettings.Equal(declared.FailoverPlanSettings) {
		t.Errorf("not back: %+v", p)
	}
	// What was imported as it is declared is no change, and its removal takes nothing away.
	w.write(w.config(failoverPlan(wholeSite, vms("db01", "web01", "web02", "file01"), webRule, officeRule), "import {\n  to = vcc_failover_plan.test\n  id = \"Whole site\"\n}\n"))
	w.expect(0, []string{"Plan: 1 to import, 0 to add, 0 to change, 0 to destroy."}, "plan")
	w.expect(0, nil, "apply", "-auto-approve")
	w.expect(0, nil, "destroy", "-auto-approve")
	if p := w.failoverPlan(wholeSite); p == nil || !p.FailoverPlanSettings.Equal(declared.FailoverPlanSettings) {
		t.Errorf("not as declared: %+v", p)
	}
}

// What somebody specified is not taken over, by no state.
func TestAccFailoverPlan_refusesSpecified(t *testing.T) {
	l := newTestLab(t)
	w, other := l.newWorkspace(), l.newWorkspace()
	w.command("failover", "plan", "set", "Half site", "--vm", "web01")
	w.write(w.config(failoverPlan("Half site", vms("web01"))))
	wants := []string{
		"Error: Failover Plan Specified Already", `name: failover plan "Half site" was specified by`, "an apply that was interrupted may have made it, or another state",
		`import { to = vcc_failover_plan.NAME id = "Half site" }`, "Nothing was changed",
	}
	w.refusedPlans(wants, "plan")
	w.refusedPlans(wants[:2], "apply", "-auto-approve")
	w.write(w.config(failoverPlan("Half site", vms("web01")), "import {\n  to = vcc_failover_plan.test\n  id = \"Half site\"\n}\n"))
	w.expect(0, []string{"Plan: 1 to import, 0 to add, 0 to change, 0 to destroy."}, "plan")
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()

	other.write(other.config(failoverPlan("Half site", vms("db01"))))
	other.refusedPlans(wants[:2], "plan")
	// A resource with another address is another one, but for a moved block.
	w.write(w.config(failoverPlanOf("renamed", "Half site", vms("web01"))))
	w.refusedPlans([]string{"Error: Failover Plan Specified Already", "moved block"}, "plan")
	w.write(w.config(failoverPlanOf("renamed", "Half site", vms("web01")), "moved {\n  from = vcc_failover_plan.test\n  to = vcc_failover_plan.renamed\n}\n"))
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	// Another name is another plan: one that somebody specified stays that.
	w.command("failover", "plan", "set", "Office", "--vm", "db01")
	w.write(w.config(failoverPlanOf("renamed", "Office", vms("web01"))))
	w.refusedPlans([]string{"Error: Failover Plan Specified Already", `name: failover plan "Office" was specified by`}, "apply", "-auto-approve")
	// And one that another resource keeps stays that of the other.
	const office = "import {\n  to = vcc_failover_plan.office\n  id = \"Office\"\n}\n"
	apart := w.config(failoverPlanOf("renamed", "Half site", vms("web01")), failoverPlanOf("office", "Office", vms("db01")), office)
	w.write(apart)
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(failoverPlanOf("office", "Office", vms("db01")), strings.Replace(failoverPlanOf("renamed", "Office", vms("db01")), "{\n", "{\n  depends_on = [vcc_failover_plan.office]\n", 1)))
	w.refusedPlans([]string{"Error: Two Resources for One Failover Plan", `another vcc_failover_plan of this configuration is "Office", too`}, "apply", "-auto-approve")
	w.write(apart)
	w.expect(0, nil, "destroy", "-auto-approve")
	if p := w.failoverPlan("Half site"); p != nil {
		t.Errorf("left: %+v", p)
	}
}

// The plan refuses what the backend would refuse, at the attribute.
func TestAccFailoverPlan_badInput(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	rule := func(address string, port int, to string, toPort int) string {
		return fmt.Sprintf("{ address = %q, port = %d, to_address = %q, to_port = %d }", address, port, to, toPort)
	}
	for name, test := range map[string]struct {
		config          string
		attribute, want string
	}{
		"no name":             {failoverPlan("", vms("web01")), "name", "a name is required"},
		"no VM":               {failoverPlan("New", nil), "vms", "at least one VM is required"},
		"a VM twice":          {failoverPlan("New", vms("web01", "web01")), "vms[1].name", `"web01" is at vms[0] already`},
		"an unknown VM":       {failoverPlan("New", vms("db01", "web1")), "vms[1].name", `the tenant has no VM "web1"; did you mean "web01"`},
		"another's VM":        {failoverPlan("New", vms("erp01")), "vms[0].name", `the tenant has no VM "erp01"`},
		"a negative delay":    {failoverPlan("New", vms(`{ name = "web01", delay_seconds = -1 }`)), "vms[0].delay_seconds", "use 0 to 86400 whole seconds"},
		"half a second":       {failoverPlan("New", vms(`{ name = "web01", delay_seconds = 0.5 }`)), "vms[0].delay_seconds", "0.5 is not a whole number."},
		"an endless delay":    {failoverPlan("New", vms(`{ name = "web01", delay_seconds = 9223372036854775807 }`)), "vms[0].delay_seconds", "a delay of 9223372036854775807 s is not possible"},
		"no address":          {failoverPlan("New", vms("web01"), rule("203.0.113", 443, "172.17.52.10", 443)), "public_ip_rules[0].address", `"203.0.113" is not an IP address`},
		"the management port": {failoverPlan("New", vms("web01"), rule("2001:db8:ffff::10", 80, "2001:db8:52::10", 80), rule("2001:db8:ffff::10", 22, "2001:db8:52::10", 22)), "public_ip_rules[1].port", "public port 22 is taken"},
		"no port":             {failoverPlan("New", vms("web01"), rule("2001:db8:ffff::10", 0, "2001:db8:52::10", 80)), "public_ip_rules[0].port", "a port from 1 to 65535 is required"},
		"a large port":        {failoverPlan("New", vms("web01"), rule("2001:db8:ffff::10", 80, "2001:db8:52::10", 4294967376)), "public_ip_rules[0].to_port", "is not a port; use 1 to 65535"},
		"two families":        {failoverPlan("New", vms("web01"), rule("2001:db8:ffff::10", 80, "172.17.52.10", 80)), "public_ip_rules[0].to_address", "is not an address of the family of 2001:db8:ffff::10"},
		"a port twice": {failoverPlan("New", vms("web01"), rule("2001:db8:ffff::10", 80, "2001:db8:52::10", 80), rule("2001:db8:ffff::10", 80, "2001:db8:52::11", 80)),
			"public_ip_rules[1]", "2001:db8:ffff::10 port 80 is at [0] of this list already"},
		"nobody's address":   {failoverPlan("New", vms("web01"), rule("203.0.113.99", 80, "172.17.52.10", 80)), "public_ip_rules[0].address", `"203.0.113.99" is not a public address of the tenant; it has "203.0.113.10"`},
		"another's address":  {failoverPlan("New", vms("web01"), rule("203.0.113.20", 80, "172.17.52.10", 80)), "public_ip_rules[0].address", "is not a public address of the tenant"},
		"another plan's one": {failoverPlan("New", vms("web01"), rule("203.0.113.10", 80, "172.17.52.10", 80)), "public_ip_rules[0].address", `203.0.113.10 belongs to failover plan "Whole site" already`},
		"two with one name":  {failoverPlan("New", vms("web01")) + failoverPlanOf("second", "New", vms("web02")), "name", `another vcc_failover_plan of this configuration is "New", too`},
	} {
		t.Run(name, func(t *testing.T) {
			w.t, l.t = t, t
			w.write(w.config(test.config))
			w.refusedPlans([]string{test.attribute + ": ", test.want}, "plan")
		})
	}
	w.t, l.t = t, t
}

// Public addresses go from one plan to another in one apply, whatever the order, and back when all is destroyed.
func TestAccFailoverPlan_addressesMove(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	declared := w.failoverPlan(wholeSite)
	w.write(w.config(failoverPlan(wholeSite, vms("db01", "web01"), webRule, officeRule), failoverPlanOf("office", "Office", vms("web02"))))
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(failoverPlan(wholeSite, vms("db01", "web01"), webRule), failoverPlanOf("office", "Office", vms("web02"), officeRule)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	// One that is removed gives its own back, and one that stays has no claim.
	w.write(w.config(failoverPlan(wholeSite, vms("db01", "web01"), webRule, officeRule)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	w.write(w.config(failoverPlan(wholeSite, vms("db01", "web01"), webRule, officeRule), failoverPlanOf("office", "Office", vms("web02"), officeRule)))
	w.refusedPlans([]string{"203.0.113.11 belongs to failover plan"}, "plan")
	// So it is while the plan knows the rules and not the delays.
	w.write(w.config(failoverPlan(wholeSite, vms("db01", `{ name = "web01", delay_seconds = terraform_data.delay.output }`), webRule, officeRule),
		failoverPlanOf("office", "Office", vms(`{ name = "web02", delay_seconds = terraform_data.delay.output }`), officeRule), "resource \"terraform_data\" \"delay\" { input = 60 }\n"))
	w.refusedPlans([]string{"203.0.113.11 belongs to failover plan"}, "plan")

	// What the lab declares has no place while another plan has its address.
	w.write(w.config(failoverPlan(wholeSite, vms("db01", "web01"), webRule), failoverPlanOf("office", "Office", vms("web02"), officeRule)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(failoverPlanOf("office", "Office", vms("web02"), officeRule)))
	w.refusedPlans([]string{`what the lab declares for it is in force again. But 203.0.113.11 belongs to failover plan "Office" already`}, "plan")
	// Two that exchange their addresses have no order, and three that pass theirs on have none either.
	const circle = "Addresses that go round in a circle take two applies"
	third := failoverPlanOf("third", "Third", vms("file01"), strings.Replace(officeRule, "203.0.113.11", "2001:db8:ffff::10", 1))
	third = strings.Replace(third, "172.17.52.11", "2001:db8:52::10", 1)
	thirdRule, _, _ := strings.Cut(third[strings.Index(third, "{ address"):], "]")
	w.write(w.config(failoverPlan(wholeSite, vms("db01", "web01"), webRule), failoverPlanOf("office", "Office", vms("web02"), officeRule), third))
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(failoverPlan(wholeSite, vms("db01", "web01"), officeRule), failoverPlanOf("office", "Office", vms("web02"), webRule), third))
	w.refusedPlans([]string{circle, "belongs to failover plan"}, "plan")
	w.write(w.config(failoverPlan(wholeSite, vms("db01", "web01"), officeRule), failoverPlanOf("office", "Office", vms("web02"), thirdRule), failoverPlanOf("third", "Third", vms("file01"), webRule)))
	w.refusedPlans([]string{circle}, "plan")
	w.write(w.config(failoverPlan(wholeSite, vms("db01", "web01")), failoverPlanOf("office", "Office", vms("web02"), thirdRule), failoverPlanOf("third", "Third", vms("file01"), webRule)))
	w.expect(0, nil, "apply", "-auto-approve") // a row has an order
	w.unchanged()
	w.expect(0, nil, "destroy", "-auto-approve")
	if plans := w.failoverPlans(); len(plans) != 1 || !plans[0].FailoverPlanSettings.Equal(declared.FailoverPlanSettings) {
		t.Errorf("left: %+v", plans)
	}
}

// A change by others between plan and apply is never overwritten, and has a name.
func TestAccFailoverPlan_changedMeanwhile(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	planned := func(config string) {
		t.Helper()
		w.write(w.config(config))
		w.expect(0, nil, "plan", "-out=plan")
	}
	// Nothing, and then something.
	planned(failoverPlan("Half site", vms("web01")))
	w.command("failover", "plan", "set", "Half site", "--vm", "db01")
	w.refusedPlans([]string{"Half site", "Nothing was changed"}, "apply", "plan")
	w.command("failover", "plan", "remove", "Half site")

	planned(failoverPlan("Half site", vms("web01")))
	w.expect(0, nil, "apply", "plan")
	// An update.
	planned(failoverPlan("Half site", vms("web01", "web02")))
	w.command("failover", "plan", "set", "Half site", "--vm", "db01")
	w.refusedPlans([]string{"Error: Failover Plan Not Updated", `Failover plan "Half site" was changed after this plan was made`, "(command line) changed vms from web01 to db01", "That change was not overwritten"}, "apply", "plan")
	w.expect(0, []string{"Warning: Failover Plan Changed Outside Terraform", "(command line) changed vms from web01 to db01"}, "plan")
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	// A removal.
	w.write(w.config(""))
	w.expect(0, nil, "plan", "-out=plan")
	w.command("failover", "plan", "set", "Half site", "--delay", "web01=5")
	w.refusedPlans([]string{"Error: Failover Plan Not Removed", "changed vms from web01, web02 to web01 (then 5 s), web02"}, "apply", "plan")
	w.expect(0, nil, "apply", "-refresh-only", "-auto-approve")
	w.expect(0, nil, "apply", "-auto-approve")
	// One that the lab declares, which somebody specified meanwhile.
	planned(failoverPlan(wholeSite, vms("web01")))
	w.command("failover", "plan", "set", wholeSite, "--vm", "db01")
	w.refusedPlans([]string{wholeSite, "Nothing was changed"}, "apply", "plan")
}

// A plan that is failed over stays; its rules can change.
func TestAccFailoverPlan_failedOver(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	w.write(w.config(failoverPlan("Half site", vms("web01"))))
	w.expect(0, nil, "apply", "-auto-approve")
	w.command("failover", "start", "Half site")
	failedOver := []string{"Error: Failover Plan Failed Over", "Undo the failover first"}
	w.refusedPlans(failedOver, "plan", "-destroy")
	w.refusedPlans(failedOver, "plan", "-replace="+planAddress)
	w.expect(0, nil, "taint", planAddress)
	w.refusedPlans(failedOver, "plan")
	if out, err := w.cli("untaint", planAddress).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w.write(w.config(failoverPlan("Quarter site", vms("web01"))))
	w.refusedPlans(failedOver, "plan")
	w.write(w.config(failoverPlan("Half site", vms("web01"), `{ address = "2001:db8:ffff::10", port = 443, to_address = "2001:db8:52::10", to_port = 443 }`)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	w.command("failover", "undo")
	w.expect(0, nil, "destroy", "-auto-approve")
}

const noWayToWeb = `customers reach web: the internet (192.0.2.1) does not reach 203.0.113.10 on tcp port 443: ` +
	`from outside only public IP rules let anything in, and none is for 203.0.113.10; add one to the failover plan.`

// A recovery policy takes the failover plan as planned, and its removal like that of a gateway.
func TestAccRecoveryPolicy_failoverPlan(t *testing.T) {
	const reach = `{ name = "customers reach web", source = "internet", destination = "203.0.113.10", protocol = "tcp", port = 443 }`
	w := newTestLab(t).newWorkspace()
	w.command("failover", "plan", "set", wholeSite, "--no-rules")
	policy := func(attributes string) string { return recoveryPolicy(attributes, reach) }
	const named = "failover_plan = vcc_failover_plan.test"

	w.write(w.config(policy("")))
	w.refusedPlans([]string{policyBroken, noWayToWeb, "set failover_plan to it"}, "plan")
	site := failoverPlan("Web", vms("web01"), webRule)
	w.write(w.config(site, policy(named)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	for _, config := range []string{
		failoverPlan("Web", vms("web01")) + policy(named),
		failoverPlan("Web", vms("web01")) + policy(""), // forgotten
		policy(""), // removed
		failoverPlan("Web", vms("web01"), strings.Replace(webRule, "port = 443", "port = 444", 1)) + policy(named),
	} {
		for range 2 {
			w.write(w.config(config))
			w.refusedPlans([]string{policyBroken, "customers reach web: the internet"}, "plan")
		}
	}
	// What is planned second says itself what it breaks.
	w.write(w.config(strings.Replace(failoverPlan("Web", vms("web01")), "{\n", "{\n  depends_on = [vcc_recovery_policy.test]\n", 1), policy("")))
	w.refusedPlans([]string{policyBroken, "with vcc_failover_plan.test,", "The rule is one of a vcc_recovery_policy in this configuration, and holds without what is planned here."}, "plan")
	// Drift shows in the results, and the plan that heals it passes.
	w.write(w.config(site, policy(named)))
	w.command("failover", "plan", "set", "Web", "--no-rules")
	w.expect(2, []string{`- reason = "no_public_ip_rule" -> null`, "Warning: Failover Plan Changed Outside Terraform"}, "plan", "-detailed-exitcode")
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	// A delay that is not known yet is no reason not to judge.
	delayed := func(rules ...string) string {
		return failoverPlan("Web", vms(`{ name = "web01", delay_seconds = terraform_data.delay.output }`), rules...) + "resource \"terraform_data\" \"delay\" { input = 60 }\n"
	}
	w.write(w.config(delayed(), policy("")))
	w.refusedPlans([]string{policyBroken, "customers reach web: the internet"}, "plan")
	// What is not planned here is taken on trust, and said so.
	w.write(w.config(site, policy(`failover_plan = { name = "Web", public_ip_rules = [`+webRule+`, `+strings.Replace(webRule, "443", "80", 1)+`] }`)))
	w.expect(0, nil, "plan")
	w.write(w.config(site, policy(`failover_plan = { name = "Other", public_ip_rules = [{ address = "203.0.113.11", port = 80, to_address = "172.17.52.10", to_port = 80 }] }`)))
	w.expect(0, []string{"Warning: Recovery Policy Takes Something on Trust", "failover_plan"}, "plan")
	w.write(w.config(site, policy(`failover_plan = {}`)))
	w.refusedPlans([]string{"failover_plan: A vcc_failover_plan belongs here, whole"}, "plan")
	w.write(w.config(site, "resource \"terraform_data\" \"port\" { input = 443 }\n", policy(`failover_plan = { name = "Web", public_ip_rules = [{ address = "203.0.113.10", port = terraform_data.port.output, to_address = "172.17.52.10", to_port = 443 }] }`)))
	w.expect(0, []string{"Warning: Recovery Policy Not Proven", "failover_plan.public_ip_rules"}, "plan")
	w.write(w.config(site, policy(named)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.expect(0, nil, "destroy", "-auto-approve")
}
