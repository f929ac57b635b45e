package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// onNetwork is a vcc_default_gateway named test whose network is given by the arguments.
func onNetwork(arguments string, families ...string) string {
	return fmt.Sprintf("resource \"vcc_default_gateway\" \"test\" {\n  %s\n  %s\n}\n", arguments, strings.Join(families, "\n  "))
}

// A network has a name and an ID, and a gateway takes either or both. What follows from it is in the plan.
func TestAccDefaultGateway_networkName(t *testing.T) {
	l := newTestLab(t)
	byName := fmt.Sprintf("network_name = %q", silver3)
	byID := fmt.Sprintf("network_id = %q", l.ids[silver3])
	known := func(attribute, value string) plancheck.PlanCheck {
		return plancheck.ExpectKnownValue(gatewayAddress, tfjsonpath.New(attribute), knownvalue.StringExact(value))
	}
	l.run(
		resource.TestStep{
			Config: l.config(onNetwork(byName, ipv4Data)),
			ConfigPlanChecks: planned(
				known("id", l.ids[silver3]), known("network_id", l.ids[silver3]), known("network_name", silver3),
				known("hardware_plan_name", "VMware Silver"), known("tenant_name", "ABC Company"),
				plancheck.ExpectKnownValue(gatewayAddress, tfjsonpath.New("replaces"), knownvalue.Null()),
			),
		},
		resource.TestStep{Config: l.config(onNetwork(byID, ipv4Data)), ConfigPlanChecks: planned(plancheck.ExpectEmptyPlan())},
		resource.TestStep{Config: l.config(onNetwork(byID+"\n"+byName, ipv4Data)), ConfigPlanChecks: planned(plancheck.ExpectEmptyPlan())},
		resource.TestStep{Config: l.config(onNetwork(byName, ipv4Data)), ConfigPlanChecks: planned(plancheck.ExpectEmptyPlan())},
		resource.TestStep{
			Config:           l.config(onNetwork(fmt.Sprintf("network_name = %q", silver4), ipv4Data)),
			ConfigPlanChecks: planned(action(gatewayAddress, plancheck.ResourceActionDestroyBeforeCreate), known("network_id", l.ids[silver4])),
		},
		resource.TestStep{
			Config:           l.config(onNetwork(byID, ipv4Data)),
			ConfigPlanChecks: planned(action(gatewayAddress, plancheck.ResourceActionDestroyBeforeCreate), known("network_name", silver3)),
		},
	)
}

// The object that the data source has of a gateway is one that the resource takes.
func TestAccDefaultGateway_settingsOfTheDataSource(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	w.write(w.config(`
data "vcc_hardware_plan_networks" "all" {}

resource "vcc_default_gateway" "all" {
  for_each     = { for n in data.vcc_hardware_plan_networks.all.networks : n.name => n.default_gateway if n.default_gateway != null }
  network_name = each.key
  ipv4         = each.value.ipv4
  ipv6         = each.value.ipv6
}
`))
	w.expect(0, []string{"3 added"}, "apply", "-auto-approve")
	w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")

	// The computed network may be written down, in any spelling.
	spelled := func(cidr string) string {
		return w.config(onNetwork(fmt.Sprintf("network_name = %q", silver3), strings.Replace(ipv6("2001:db8:54::", 64, "fe80::1"), "}", fmt.Sprintf("cidr = %q\n  }", cidr), 1)))
	}
	v := l.newWorkspace()
	v.write(spelled("2001:DB8:54:0::/64"))
	v.expect(0, nil, "apply", "-auto-approve")
	v.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
	v.write(spelled("2001:db8:54::/64"))
	v.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
	v.write(strings.ReplaceAll(spelled("2001:db8:55::/64"), `"2001:db8:54::"`, `"2001:db8:55::"`))
	v.expect(0, []string{"1 changed"}, "apply", "-auto-approve")
	v.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
}

// A mistyped name in a large lab is answered with a line that a person can read.
func TestAccDefaultGateway_mistypedName(t *testing.T) {
	l, _, _ := wideLab(t, 500)
	w := l.newWorkspace()
	w.write(l.config(onNetwork(`network_name = "Wide netwrk 17 (internet)"`, ipv4Data)))
	out, status := w.terraform("plan")
	if status != 1 || !strings.Contains(out, `did you mean "Wide network 17 (internet)"`) || strings.Count(out, `"Wide network `) > 10 || len(out) > 2000 {
		t.Errorf("the plan ends with %d and %d bytes: %s", status, len(out), out)
	}
	w.write(l.config(onNetwork(`network_id = "00000000-0000-4000-8000-000000000000"`, ipv4Data)))
	if out, _ = w.terraform("plan"); len(out) > 3000 || !strings.Contains(out, "and 490 more") {
		t.Errorf("the plan has %d bytes: %s", len(out), out)
	}
}

// A value that ignore_changes keeps is in no configuration that was validated.
func TestAccDefaultGateway_ignoredChanges(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	ignore := "lifecycle {\n    ignore_changes = [ipv4.subnet_mask]\n  }"
	w.write(l.config(gateway(silver3, ipv4("172.17.54.1", "255.255.255.128"), ignore)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(l.config(gateway(silver3, ipv4("172.17.54.127", "255.255.255.0"), ignore)))
	w.expect(1, []string{"Error: Invalid Default Gateway", "172.17.54.127 is the broadcast address of 172.17.54.0/25"}, "plan")
}

// One piece of advice is one warning in a plan, one more in its apply, and none in validate.
func TestAccDefaultGateway_warnsOnce(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	count := func(want int, command string, args ...string) {
		t.Helper()
		out, status := w.terraform(command, args...)
		for _, warning := range []string{"Warning: No Failover over IPv6", "Warning: Adopts a Detected Gateway"} {
			if got := strings.Count(out, warning); status != 0 || got != want {
				t.Errorf("%s ends with %d and says %q %d times, want %d:\n%s", command, status, warning, got, want, out)
			}
		}
	}
	w.write(w.config(gateway(silver1, ipv4("172.17.52.1", "255.255.254.0"), ipv6("2001:db8:52::", 48, "fe80::1"))))
	count(0, "validate")
	count(1, "plan", "-out=plan")
	count(1, "apply", "plan")
}

// Adopting a detected gateway says what of it goes.
func TestAccDefaultGateway_saysWhatItAdopts(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	w.write(w.config(gateway(silver1, ipv4("172.17.52.1", "255.255.255.0"))))
	w.expect(0, []string{
		"Warning: Adopts a Detected Gateway", "The configuration does not keep ipv4.subnet_mask 255.255.254.0, ipv6.network 2001:db8:52::, ipv6.prefix_length 64, ipv6.address fe80::1.",
		"what was detected comes back", `+ replaces = "detected by `,
	}, "plan")
	w.write(w.config(gateway(silver2, ipv4("172.17.56.1", "255.255.255.0"))))
	w.expect(0, []string{"The configuration keeps all of it."}, "plan")
}

// What leaves the backend is told apart: a gateway, a network, a whole data folder.
func TestAccDefaultGateway_networkGone(t *testing.T) {
	l, _, _ := wideLab(t, 3)
	w := l.newWorkspace()
	third := `network_name = "Wide network 3 (internet)"`
	w.write(l.config(onNetwork(third, ipv4Data)))
	w.expect(0, nil, "apply", "-auto-approve")
	narrow := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(narrow, []byte(strings.ReplaceAll(wideLabFile(3), "with_internet: 3,", "with_internet: 2,")), 0o600); err != nil {
		t.Fatal(err)
	}
	l.command("lab", "apply", narrow, "--remove", "Wide network 3 (internet)")
	w.expect(1, []string{
		"Warning: Cloud Network Gone", `Cloud network "Wide network 3 (internet)"`, "the operator removed the network",
		"Error: Unknown Cloud Network", "network_name: there is no cloud network", `did you mean "Wide network `,
	}, "plan")
	w.expect(0, nil, "destroy", "-auto-approve", "-refresh=false")
}

// A data folder that was made anew has the same tenant, who has other networks.
func TestAccRecreatedDataFolder(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	config := gateway(silver3, ipv4Data)
	w.write(l.config(strings.Replace(config, `network_id = "%{`+silver3+`}"`, fmt.Sprintf("network_name = %q", silver3), 1), routing(true)))
	w.expect(0, nil, "apply", "-auto-approve")
	if err := os.RemoveAll(l.dir); err != nil {
		t.Fatal(err)
	}
	w.expect(2, []string{"Warning: Cloud Network Gone", "the backend was made anew", "Warning: Routing Option Gone", "Plan: 2 to add, 0 to change, 0 to destroy."}, "plan", "-detailed-exitcode")
	w.expect(0, nil, "destroy", "-auto-approve")
	w.expect(0, nil, "apply", "-auto-approve")
	w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
}

// A state is of one tenant. With another one nothing of it is planned, and it is said once.
func TestAccOtherTenant(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	resources := onNetwork(fmt.Sprintf("network_name = %q", silver3), ipv4Data) + routing(true)
	w.write(l.config(resources))
	w.expect(0, nil, "apply", "-auto-approve")
	before := l.gateways()
	w.expect(0, nil, "plan", "-out=plan", "-destroy")
	other := strings.Replace(l.config(resources), "data_dir", "tenant = \"XYZ Holding\"\n    data_dir", 1)
	w.write(other)
	for _, args := range [][]string{
		{"plan"}, {"plan", "-refresh=false"}, {"plan", "-refresh-only"}, {"plan", "-destroy"}, {"plan", "-destroy", "-refresh=false"}, {"apply", "-auto-approve"},
	} {
		out, status := w.terraform(args[0], args[1:]...)
		if n := strings.Count(out, "Error: State of Another Tenant"); status != 1 || n != 1 ||
			!strings.Contains(out, `The state is of tenant "ABC Company", and the provider now acts for "XYZ Holding".`) {
			t.Errorf("%v ends with %d and says it %d times:\n%s", args, status, n, out)
		}
	}
	expectUnchanged(t, l, before)
	if !l.routing().Enabled {
		t.Error("the option was switched off")
	}
	w.write(l.config(resources))
	w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
}
