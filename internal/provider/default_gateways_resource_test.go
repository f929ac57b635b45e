package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const setAddress = "vcc_default_gateways.test"

// gatewaySet is a vcc_default_gateways named test, for VMware Silver.
func gatewaySet(entries ...string) string {
	return setOf(`hardware_plan = "VMware Silver"`, entries...)
}

// setOf is a vcc_default_gateways named test, with more attributes in front of its gateways.
func setOf(attributes string, entries ...string) string {
	return fmt.Sprintf("resource \"vcc_default_gateways\" \"test\" {\n  %s\n  gateways = {\n    %s\n  }\n}\n", attributes, strings.Join(entries, "\n    "))
}

// entry is the gateway of a network in such a map.
func entry(network string, families ...string) string {
	return fmt.Sprintf("%q = {\n  %s\n}", network, strings.Join(families, "\n  "))
}

var (
	appEntry    = entry(silver1, ipv4("172.17.52.1", "255.255.254.0"), ipv6("2001:db8:52::", 64, "fe80::1"))
	officeEntry = entry(silver2, ipv4("172.17.56.1", "255.255.255.0"))
	dataEntry   = entry(silver3, ipv4Data)
)

func inSet(names ...string) string { return "gateways." + strings.Join(names, ".") }

// as checks what is stored for a network: its address, "" for none, and its origin.
func (l *testLab) as(network, address string, origin vcc.Origin) {
	l.t.Helper()
	switch g := l.stored(network); {
	case g == nil && address == "":
	case g == nil || g.IPv4 == nil || g.IPv4.Address.String() != address || g.Origin != origin:
		l.t.Errorf("%s has %+v, want %s, %s", network, g, address, origin)
	}
}

// The whole life of all gateways of a plan. What was detected is adopted, or goes because it is not named, and comes
// back in the end; what is not of the plan is never touched.
func TestAccDefaultGateways(t *testing.T) {
	l := newTestLab(t)
	first := l.config(gatewaySet(entry(silver1, ipv4("172.17.52.1", "255.255.254.0")), dataEntry))
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: providers,
		CheckDestroy: func(*terraform.State) error {
			l.as(silver1, "172.17.52.1", vcc.OriginDetected)
			l.as(silver2, "172.17.56.1", vcc.OriginDetected)
			l.as(silver3, "", "")
			if g := l.stored(silver1); g != nil && g.IPv6 == nil {
				t.Errorf("what was detected came back in part: %+v", g)
			}
			return nil
		},
		Steps: []resource.TestStep{
			{ // create
				Config:           first,
				ConfigPlanChecks: planned(action(setAddress, plancheck.ResourceActionCreate)),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(setAddress, tfjsonpath.New("tenant_name"), knownvalue.StringExact("ABC Company")),
					statecheck.ExpectKnownValue(setAddress, tfjsonpath.New("replaces"), knownvalue.MapExact(map[string]knownvalue.Check{
						silver1: knownvalue.StringExact("detected: 172.17.52.1 in 172.17.52.0/23, fe80::1 in 2001:db8:52::/64"),
						silver2: knownvalue.StringExact("detected: 172.17.56.1 in 172.17.56.0/24"),
					})),
					statecheck.ExpectKnownValue(setAddress, tfjsonpath.New("gateways").AtMapKey(silver3), knownvalue.ObjectExact(map[string]knownvalue.Check{
						"network_id": knownvalue.StringExact(l.ids[silver3]),
						"ipv4": knownvalue.ObjectExact(map[string]knownvalue.Check{
							"address": knownvalue.StringExact("172.17.54.1"), "subnet_mask": knownvalue.StringExact("255.255.255.0"), "cidr": knownvalue.StringExact("172.17.54.0/24"),
						}),
						"ipv6": knownvalue.Null(),
					})),
				},
			},
			{ // an empty second plan
				PreConfig: func() { l.as(silver2, "", "") },
				Config:    first, ConfigPlanChecks: planned(plancheck.ExpectEmptyPlan()),
			},
			{ // import with the command: the same state
				ResourceName: setAddress, ImportState: true, ImportStateId: "VMware Silver", ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"replaces"},
			},
			{ // import with a block: an empty plan
				ResourceName: setAddress, ImportState: true, ImportStateId: "VMware Silver", ImportStateKind: resource.ImportBlockWithID,
			},
			{ // one gateway changes, and nothing else
				Config:           l.config(gatewaySet(entry(silver1, ipv4("172.17.52.1", "255.255.254.0")), entry(silver3, ipv4("172.17.54.2", "255.255.255.0")))),
				ConfigPlanChecks: planned(changes(setAddress, inSet(silver3, "ipv4.address"))),
			},
			{ // one goes, another one comes, a family is added
				Config:           l.config(gatewaySet(appEntry, entry(silver4, ipv4Data))),
				ConfigPlanChecks: planned(action(setAddress, plancheck.ResourceActionUpdate)),
				Check: func(*terraform.State) error {
					l.as(silver3, "", "")
					l.as(silver4, "172.17.54.1", vcc.OriginSpecified)
					return nil
				},
			},
			{ // removed by others: the plan creates it again
				PreConfig: l.others("gateway", "remove", silver4),
				Config:    l.config(gatewaySet(appEntry, entry(silver4, ipv4Data))),
				ConfigPlanChecks: planned(changes(setAddress, inSet(silver4, "network_id"),
					inSet(silver4, "ipv4.address"), inSet(silver4, "ipv4.subnet_mask"), inSet(silver4, "ipv4.cidr"))),
			},
			{ // changed by others: the plan shows exactly that, the apply restores it
				PreConfig:        l.others("gateway", "set", silver4, "--ipv4", "172.17.54.9/24"),
				Config:           l.config(gatewaySet(appEntry, entry(silver4, ipv4Data))),
				ConfigPlanChecks: planned(changes(setAddress, inSet(silver4, "ipv4.address"))),
			},
			{ // stored by others where there is to be none
				PreConfig:        l.others("gateway", "set", silver3, "--ipv4", "172.17.60.1/24"),
				Config:           l.config(gatewaySet(appEntry, entry(silver4, ipv4Data))),
				ConfigPlanChecks: planned(action(setAddress, plancheck.ResourceActionUpdate)),
				Check:            func(*terraform.State) error { l.as(silver3, "", ""); return nil },
			},
			{ // another spelling of the same
				Config:           l.config(gatewaySet(entry(silver1, ipv4("172.17.52.1", "255.255.254.0"), ipv6("2001:0DB8:52:0::", 64, "FE80::1")), entry(silver4, ipv4Data))),
				ConfigPlanChecks: planned(plancheck.ExpectEmptyPlan()),
			},
			{ // none at all
				Config:           l.config(gatewaySet()),
				ConfigPlanChecks: planned(action(setAddress, plancheck.ResourceActionUpdate)),
			},
		},
	})
	l.as(bronze1, "172.17.58.1", vcc.OriginDetected)
}

// What is said of an adoption, and of what goes because it is not named.
func TestAccDefaultGateways_adoptsDetected(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	before := l.gateways()
	w.write(w.config(gatewaySet(entry(silver1, ipv4("172.17.52.1", "255.255.254.0")))))
	w.expect(0, []string{
		"Warning: Adopts Detected Gateways",
		`- "VMware Silver network 1 (internet)" (172.17.52.1 in 172.17.52.0/23, fe80::1 in 2001:db8:52::/64): the configuration does not keep ipv6.network 2001:db8:52::, ipv6.prefix_length 64, ipv6.address fe80::1`,
		`- "VMware Silver network 2 (internet)" (172.17.56.1 in 172.17.56.0/24): it is removed, because the configuration does not name this network`,
		`+ replaces = {`, `+ "VMware Silver network 2 (internet)" = "detected: 172.17.56.1 in 172.17.56.0/24"`,
	}, "plan", "-out=plan")
	expectUnchanged(t, l, before)
	// What was detected changes after the plan.
	l.command("gateway", "set", silver2, "--ipv4", "172.17.56.9/24")
	between := l.gateways()
	w.expect(1, nil, "apply", "plan")
	expectUnchanged(t, l, between)

	// `terraform test` leaves all as it found it.
	other := newTestLabBeside(t).newWorkspace()
	before = other.gateways()
	other.write(other.config(gatewaySet(entry(silver1, ipv4("172.17.52.1", "255.255.254.0")))))
	other.put("all.tftest.hcl", "run \"all\" {}\n")
	other.expect(0, []string{"Success! 1 passed"}, "test")
	for i, g := range other.gateways() {
		if g.NetworkID != before[i].NetworkID || g.Origin != before[i].Origin || !g.GatewaySettings.Equal(before[i].GatewaySettings) {
			t.Errorf("after the test there is %+v, was %+v", g, before[i])
		}
	}
}

// newTestLabBeside makes another lab for the same test.
func newTestLabBeside(t *testing.T) *testLab {
	t.Helper()
	return openTestLab(t)
}

// What somebody specified is not taken over, and the error has the block that imports all. The import changes nothing, and its plan shows
// what the configuration changes and removes.
func TestAccDefaultGateways_refusesSpecified(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	l.command("gateway", "set", silver3, "--ipv4", "172.17.54.1/24")
	before := l.gateways()
	config := gatewaySet(appEntry, officeEntry, dataEntry)
	w.write(w.config(config))
	w.expect(1, []string{
		`Error: Default Gateways Specified Already`, `gateways["VMware Silver network 1"]: These networks of hardware plan "VMware Silver" have a default gateway that somebody specified`,
		`- "VMware Silver network 1": by `, "(172.17.54.1 in 172.17.54.0/24)", "an apply that was interrupted may have made them, or another state", "Nothing was changed.",
		`import { to = vcc_default_gateways.NAME id = "VMware Silver" }`,
	}, "plan")
	w.expect(1, []string{"Error: Default Gateways Specified Already"}, "apply", "-auto-approve")
	expectUnchanged(t, l, before)

	w.write(w.config(config, `import {
  to = vcc_default_gateways.test
  id = "VMware Silver"
}
`))
	w.expect(0, []string{"Plan: 1 to import, 0 to add, 0 to change, 0 to destroy."}, "plan")
	w.write(w.config(gatewaySet(dataEntry), `import {
  to = vcc_default_gateways.test
  id = "VMware Silver"
}
`))
	w.expect(0, []string{`- "VMware Silver network 2 (internet)" = {`, "Plan: 1 to import, 0 to add, 1 to change, 0 to destroy."}, "plan")
	expectUnchanged(t, l, before)
}

// Many refusals name ten keys.
func TestAccDefaultGateways_tenAtMost(t *testing.T) {
	l, networks, _ := wideLab(t, 14)
	w := l.newWorkspace()
	for i, id := range networks {
		l.command("gateway", "set", id, "--ipv4", fmt.Sprintf("10.0.%d.1/24", i))
	}
	w.write(w.config(`resource "vcc_default_gateways" "test" {
  hardware_plan = "Wide"
  gateways      = {}
}
`))
	w.expect(1, []string{"- \"Wide network 1 (internet)\": by", "- \"Wide network 10 (internet)\": by", "and 4 more"}, "plan")
	w.write(w.config(`resource "vcc_default_gateways" "test" {
  hardware_plan = "Wide"
  gateways      = { for i in range(14) : "Wide network ${i + 20}" => { ipv4 = { address = "10.0.${i}.1", subnet_mask = "255.255.255.0" } } }
}
`))
	out, status := w.terraform("plan")
	if n := strings.Count(out, "Error: Unknown Cloud Network"); status != 1 || n != 11 || !strings.Contains(out, "4 more of them name no cloud network") {
		t.Errorf("%d errors: %s", n, out)
	}
}

// Two networks swap their IP networks in one apply, and three pass theirs on in a circle: each change is one entry of the history.
func TestAccDefaultGateways_swap(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	three := func(a, b, c string) string {
		return gatewaySet(entry(silver2, ipv4(a, "255.255.255.0")), entry(silver3, ipv4(b, "255.255.255.0")), entry(silver4, ipv4(c, "255.255.255.0")))
	}
	w.write(w.config(three("10.0.1.1", "10.0.2.1", "10.0.3.1")))
	w.expect(0, nil, "apply", "-auto-approve")
	for _, addresses := range [][3]string{{"10.0.2.1", "10.0.1.1", "10.0.3.1"}, {"10.0.1.1", "10.0.3.1", "10.0.2.1"}, {"10.0.2.1", "10.0.1.1", "10.0.3.1"}} {
		w.write(w.config(three(addresses[0], addresses[1], addresses[2])))
		w.expect(0, []string{"0 added, 1 changed, 0 destroyed"}, "apply", "-auto-approve")
		w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
		for i, network := range []string{silver2, silver3, silver4} {
			l.as(network, addresses[i], vcc.OriginSpecified)
		}
	}
}

// What another gateway of the same appliance has, or is planned to have, is refused in the plan at the key; what it gives up is not.
func TestAccDefaultGateways_overlap(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	before := l.gateways()
	at := func(network string) string { return fmt.Sprintf("gateways[%q].ipv4: ", network) }
	for _, c := range []struct {
		blocks []string
		wants  []string
	}{
		{[]string{gatewaySet(dataEntry, entry(silver4, ipv4("172.17.54.129", "255.255.255.128")))},
			[]string{at(silver4) + `172.17.54.128/25 overlaps 172.17.54.0/24 of "VMware Silver network 1"`, "Use another network here"}},
		// Stored in another plan of the same host.
		{[]string{gatewaySet(entry(silver3, ipv4("172.17.58.9", "255.255.255.0")))}, []string{at(silver3) + `172.17.58.0/24 overlaps 172.17.58.0/24 of "VMware Bronze network 1 (internet)"`}},
		{[]string{gatewaySet(entry(silver3, ipv4("172.17.58.1", "255.255.255.128")), entry(silver4, ipv4("172.17.58.129", "255.255.255.128")))},
			[]string{at(silver3) + "172.17.58.0/25 overlaps 172.17.58.0/24", at(silver4) + "172.17.58.128/25 overlaps 172.17.58.0/24"}},
		// Planned there.
		{[]string{gatewaySet(entry(silver3, ipv4("10.0.0.1", "255.255.255.0"))), named("b", bronze1, "10.0.0.129", "255.255.255.128")}, []string{"overlaps", "on the same network extension appliance"}},
	} {
		w.write(w.config(c.blocks...))
		w.expect(1, append(c.wants, "Not Planned"), "plan")
	}
	expectUnchanged(t, l, before)
	// A gateway of the other plan gives up what this one takes, in whatever order Terraform writes them.
	w.write(w.config(gatewaySet(entry(silver3, ipv4("10.0.0.1", "255.255.255.0"))), named("b", bronze1, "10.0.1.1", "255.255.255.0")))
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(gatewaySet(entry(silver3, ipv4("10.0.1.1", "255.255.255.0"))), named("b", bronze1, "10.0.2.1", "255.255.255.0")))
	w.expect(0, []string{"0 added, 2 changed"}, "apply", "-auto-approve")
	w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
}

// Each bad value is refused at its key, and nothing is stored.
func TestAccDefaultGateways_badInput(t *testing.T) {
	l := newTestLab(t)
	before := l.gateways()
	at := func(path string) string { return fmt.Sprintf("gateways[%q]%s: ", silver3, path) }
	bad := func(families ...string) string { return gatewaySet(appEntry, entry(silver3, families...)) }
	many := `resource "vcc_default_gateways" "test" {
  gateways = { for i in range(60) : format("net %02d", i) => { ipv6 = { network = "2001:db8:54::", prefix_length = 64.5, address = "fe80::1" } } }
}
`
	var steps []resource.TestStep
	for _, c := range [][2]string{
		{bad(ipv4("172.17.54.0", "255.255.255.0")), at(".ipv4.address") + "172.17.54.0 is the network address of 172.17.54.0/24"},
		{bad(ipv4("172.17.054.1", "255.255.255.0")), at(".ipv4.address") + `"172.17.054.1" has a number with a leading zero`},
		{bad(ipv4("172.17.54.1", "255.255.253.0")), at(".ipv4.subnet_mask") + ""},
		{bad(ipv6("2001:db8:54::1", 64, "fe80::1")), at(".ipv6.network") + ""},
		{bad(ipv6("2001:db8:54::", 129, "fe80::1")), at(".ipv6.prefix_length") + "129 is not a prefix length"},
		{bad(strings.Replace(ipv6("2001:db8:54::", 64, "fe80::1"), "64", "64.5", 1)), at(".ipv6.prefix_length") + "64.5 is not a whole number."},
		{bad(ipv6("2001:db8:54::", 64, "2001:db8:55::1")), at(".ipv6.address") + "2001:db8:55::1 is outside 2001:db8:54::/64"},
		{bad(strings.Replace(ipv4Data, "}", "cidr = \"172.17.55.0/24\"\n  }", 1)), at(".ipv4.cidr") + "the other values make this 172.17.54.0/24"},
		{many, `gateways["net 09"].ipv6.prefix_length: 64.5 is not a whole number.`},
		{many, "50 more numbers are wrong, too."},
		{bad(""), at("") + "a default gateway needs IPv4 settings, IPv6 settings, or both"},
		{gatewaySet(appEntry, fmt.Sprintf("%q = null", silver3)), at("") + "the gateway is null. Leave out the keys of networks that have none"},
		{bad(`ipv4 = { address = "172.17.54.1" }`), `attribute "subnet_mask" is required`},
		{gatewaySet(entry("VMware Silver network 9", ipv4Data)), `gateways["VMware Silver network 9"]: there is no cloud network "VMware Silver network 9" in hardware plan "VMware Silver"; did you mean "VMware Silver network 1"`},
		{gatewaySet(entry(bronze1, ipv4Data)), fmt.Sprintf(`gateways[%q]: %q is a network of hardware plan "VMware Bronze", and these are the gateways of hardware plan "VMware Silver"`, bronze1, bronze1)},
		{setOf(`hardware_plan = "VMware Gold"`), `hardware_plan: the tenant has no hardware plan "VMware Gold"; did you mean "VMware Silver", "VMware Bronze"?`},
		{"resource \"vcc_default_gateways\" \"test\" {}\n", `The argument "gateways" is required`},
	} {
		steps = append(steps, resource.TestStep{PreConfig: func() { t.Log(c[1]) }, Config: l.config(c[0]), ExpectError: message(c[1])})
	}
	l.run(steps...)
	expectUnchanged(t, l, before)
}

// A change by others between plan and apply is never overwritten, whatever the plan does, and the error names the key.
func TestAccDefaultGateways_neverOverwrites(t *testing.T) {
	first := gatewaySet(officeEntry, dataEntry)
	const changedTo = "172.17.54.77"
	changed := [2]string{"changed after this plan was made", "changed ipv4.address from 172.17.54.1 to " + changedTo}
	for name, test := range map[string]struct {
		first, then string
		want        [2]string
	}{
		"update of another key": {first, gatewaySet(entry(silver2, ipv4("172.17.56.2", "255.255.255.0")), dataEntry), changed},
		"update of the key":     {first, gatewaySet(officeEntry, entry(silver3, ipv4("172.17.54.2", "255.255.255.0"))), changed},
		"removal of the key":    {first, gatewaySet(officeEntry), changed},
		"destroy":               {first, "", changed},
		"create":                {"", first, [2]string{"Default Gateways Specified Already", "172.17.54.77 in 172.17.54.0/24"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newTestLab(t)
			w := l.newWorkspace()
			if test.first != "" {
				w.write(w.config(test.first))
				w.expect(0, nil, "apply", "-auto-approve")
			}
			w.write(w.config(test.then))
			w.expect(0, nil, "plan", "-out=plan")
			l.command("gateway", "set", silver3, "--ipv4", changedTo+"/24")
			before := l.gateways()
			w.expect(1, append(test.want[:], "VMware Silver network 1"), "apply", "plan")
			expectUnchanged(t, l, before)
		})
	}
}

// What others did in between that the plan does as well leaves nothing to do, and what was changed back is what the plan was made from.
func TestAccDefaultGateways_sameChangeByOthers(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	w.write(w.config(gatewaySet(officeEntry, dataEntry)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(gatewaySet(officeEntry, entry(silver3, ipv4("172.17.54.2", "255.255.255.0")))))
	w.expect(0, nil, "plan", "-out=plan")
	l.command("gateway", "set", silver3, "--ipv4", "172.17.54.2/24")
	l.command("gateway", "set", silver2, "--ipv4", "172.17.56.7/24")
	l.command("gateway", "set", silver2, "--ipv4", "172.17.56.1/24")
	w.expect(0, nil, "apply", "plan")
	w.unchanged()
}

// An apply that fails leaves all as it was: here one gateway of many has no place, which the plan could not see.
func TestAccDefaultGateways_failsWhole(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	w.write(w.config(gatewaySet(officeEntry, dataEntry)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(gatewaySet(entry(silver2, ipv4("10.0.1.1", "255.255.255.0")), entry(silver3, ipv4("10.0.2.1", "255.255.255.0")))))
	w.expect(0, nil, "plan", "-out=plan")
	l.command("gateway", "set", bronze1, "--ipv4", "10.0.2.9/24") // on the same host
	before := l.gateways()
	w.expect(1, []string{`gateways["VMware Silver network 1"].ipv4: 10.0.2.0/24 overlaps 10.0.2.0/24 of "VMware Bronze network 1 (internet)"`}, "apply", "plan")
	expectUnchanged(t, l, before)

	// The same, once the plan of the apply is made.
	l = newTestLabBeside(t)
	const resource = "vcc_default_gateways"
	old := l.served().creation(resource, setAttributes(map[string]string{silver2: "172.17.56.1", silver3: "172.17.54.1"}))
	must(t, old.plan())
	must(t, old.apply())
	c := l.served().creation(resource, setAttributes(map[string]string{silver2: "10.0.1.1", silver3: "10.0.2.1"}))
	must(t, c.update(old.state))
	l.command("gateway", "set", bronze1, "--ipv4", "10.0.2.9/24")
	before = l.gateways()
	expectText(t, c.apply(), "ERROR", "Default Gateways Not Updated", `ElementKeyString("VMware Silver network 1").AttributeName("ipv4")`,
		`gateways["VMware Silver network 1"].ipv4: 10.0.2.0/24 overlaps 10.0.2.0/24 of "VMware Bronze network 1 (internet)"`, "Nothing was written.")
	expectUnchanged(t, l, before)
}

// A plan says who changed which key, when; of many ten.
func TestAccDefaultGateways_driftHasAName(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	w.write(w.config(gatewaySet(officeEntry, dataEntry)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.silent("Warning", "plan")
	l.command("gateway", "set", silver3, "--ipv4", "172.17.54.9/25")
	w.expect(2, []string{
		"Warning: Default Gateways Changed Outside Terraform", "Since Terraform last saw these default gateways:",
		`gateways["VMware Silver network 1"]:`, "(command line) changed ipv4.address from 172.17.54.1 to 172.17.54.9, ipv4.subnet_mask from 255.255.255.0 to 255.255.255.128",
	}, "plan", "-detailed-exitcode")
	l.command("gateway", "remove", silver2)
	l.command("gateway", "set", silver4, "--ipv4", "10.0.9.1/24")
	w.expect(2, []string{
		`gateways["VMware Silver network 2 (internet)"]:`, "(command line) removed it",
		`gateways["VMware Silver network 2"]:`, "(command line) created it: ipv4.address from none to 10.0.9.1",
	}, "plan", "-detailed-exitcode")
	w.expect(0, nil, "apply", "-auto-approve")
	w.silent("Warning", "plan")
	// What was detected meanwhile is drift, too.
	l.as(silver4, "", "")
}

// All of the tenant's gateways, of all plans.
func TestAccDefaultGateways_wholeTenant(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	all := setOf("", appEntry, dataEntry, entry(bronze1, ipv4("172.17.58.1", "255.255.255.0")))
	w.write(w.config(all))
	w.expect(0, []string{`- "VMware Silver network 2 (internet)" (172.17.56.1 in 172.17.56.0/24): it is removed`}, "apply", "-auto-approve")
	w.unchanged()
	if n := len(l.gateways()); n != 3 {
		t.Errorf("%d gateways are stored", n)
	}
	// By import, as the tenant.
	other := l.newWorkspace()
	other.write(other.config(all, "import {\n  to = vcc_default_gateways.test\n  id = \"ABC Company\"\n}\n"))
	other.expect(0, []string{"1 imported, 0 added, 0 changed, 0 destroyed"}, "apply", "-auto-approve")
	other.unchanged()
	// The scope becomes that of one plan: another resource.
	w.write(w.config(gatewaySet(appEntry, dataEntry)))
	w.expect(0, []string{"# forces replacement", "1 added, 0 changed, 1 destroyed"}, "apply", "-auto-approve")
	w.unchanged()
	l.as(silver2, "", "")
	l.as(bronze1, "172.17.58.1", vcc.OriginDetected)
	w.expect(0, []string{"1 added, 0 changed, 1 destroyed"}, "apply", "-auto-approve", "-replace="+setAddress)
	w.unchanged()
	w.expect(0, nil, "taint", setAddress)
	w.expect(0, []string{"1 added, 0 changed, 1 destroyed"}, "apply", "-auto-approve")
	w.unchanged()
	w.expect(0, nil, "destroy", "-auto-approve")
	l.as(silver1, "172.17.52.1", vcc.OriginDetected)
}

// Each network is in one resource, however the second one comes about.
func TestAccDefaultGateways_oneForEachNetwork(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	const two = "Error: Two Resources for the Same Cloud Networks"
	other := func(resource string) string { return strings.Replace(resource, `"test"`, `"other"`, 1) }
	set := gatewaySet(appEntry, officeEntry, dataEntry)
	for _, blocks := range [][]string{
		{set, other(set)},
		{set, other(setOf("", appEntry))},
		{set, gateway(silver3, ipv4Data)},
		{set, named("named", silver4, "10.0.0.1", "255.255.255.0")}, // which the map does not name
	} {
		w.write(w.config(blocks...))
		w.refused([]string{two}, "plan")
	}
	w.write(w.config(set, named("b", bronze1, "172.17.58.1", "255.255.255.0"))) // another plan
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(set, other(setOf("", appEntry))))
	w.refused([]string{two}, "plan")
	w.write(w.config(set, named("named", silver4, "10.0.0.1", "255.255.255.0")))
	w.refused([]string{two}, "plan")
	// One of another scope takes the one that the first one keeps.
	bronze := other(setOf(`hardware_plan = "VMware Bronze"`, entry(bronze1, ipv4("172.17.58.1", "255.255.255.0"))))
	for _, blocks := range [][]string{{set}, {set, bronze}} { // b goes first
		w.write(w.config(blocks...))
		w.expect(0, nil, "apply", "-auto-approve")
	}
	w.write(w.config(set, strings.Replace(other(set), "{\n", "{\n  depends_on = [vcc_default_gateways.test]\n", 1)))
	w.refused([]string{two}, "plan")
	// One that goes on to all plans takes over nothing of another, even if that goes.
	w.write(w.config(strings.Replace(setOf("", appEntry), "{\n", "{\n  depends_on = [terraform_data.last]\n", 1), "resource \"terraform_data\" \"last\" {}\n"))
	w.refused([]string{"Error: Default Gateways Specified Already", bronze1}, "plan")
	for _, blocks := range [][]string{{set}, {set, named("b", bronze1, "172.17.58.1", "255.255.255.0")}} {
		w.write(w.config(blocks...))
		w.expect(0, nil, "apply", "-auto-approve")
	}
	// One that has what the other had, without a moved block.
	w.write(w.config(other(set)))
	w.refused([]string{"Error: "}, "plan")
	w.write(w.config(other(set), "moved {\n  from = vcc_default_gateways.test\n  to   = vcc_default_gateways.other\n}\n"))
	w.expect(0, []string{"0 added, 0 changed, 1 destroyed"}, "apply", "-auto-approve") // b
	w.unchanged()
	// One that replaces itself, and is created first.
	w.write(w.config(strings.Replace(other(set), "gateways =", "lifecycle {\n    create_before_destroy = true\n  }\n  gateways =", 1)))
	w.refused([]string{"With create_before_destroy no resource can replace itself on its own networks"}, "apply", "-auto-approve", "-replace=vcc_default_gateways.other")
	if out, err := w.cli("state", "rm", "vcc_default_gateways.other").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w.write(w.config(other(set), "import {\n  to = vcc_default_gateways.other\n  id = \"VMware Silver\"\n}\n"))
	w.expect(0, []string{"Plan: 1 to import, 0 to add, 0 to change, 0 to destroy."}, "plan")
}

// From single resources to one for all, and back, without a write.
func TestAccDefaultGateways_moved(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	singles := []string{
		named("app", silver1, "172.17.52.1", "255.255.254.0"), named("office", silver2, "172.17.56.1", "255.255.255.0"), named("data", silver3, "172.17.54.1", "255.255.255.0"),
	}
	w.write(w.config(singles...))
	w.expect(0, nil, "apply", "-auto-approve")
	before := l.gateways()
	letGo := func(addresses ...string) (blocks string) {
		for _, a := range addresses {
			blocks += fmt.Sprintf("removed {\n  from = %s\n  lifecycle {\n    destroy = false\n  }\n}\n", a)
		}
		return blocks
	}
	set := gatewaySet(entry(silver1, ipv4("172.17.52.1", "255.255.254.0")), officeEntry, dataEntry)
	w.write(w.config(set, letGo("vcc_default_gateway.app", "vcc_default_gateway.office", "vcc_default_gateway.data"),
		"import {\n  to = vcc_default_gateways.test\n  id = \"VMware Silver\"\n}\n"))
	w.expect(0, []string{"1 imported, 0 added, 0 changed, 0 destroyed"}, "apply", "-auto-approve")
	expectUnchanged(t, l, before)
	w.write(w.config(set))
	w.unchanged()

	// Not so that the removal of one resource takes away what others have.
	w.write(w.config(singles...))
	w.refused([]string{"Error: Two Resources for the Same Cloud Networks", "Let go of the vcc_default_gateways that is removed, with a removed block"}, "plan")
	imports := ""
	for name, network := range map[string]string{"app": silver1, "office": silver2, "data": silver3} {
		imports += fmt.Sprintf("import {\n  to = vcc_default_gateway.%s\n  id = %q\n}\n", name, l.ids[network])
	}
	w.write(w.config(append(slices.Clone(singles), imports)...))
	w.refused([]string{"Error: Two Resources for the Same Cloud Networks", "Let go of the vcc_default_gateways that is removed, with a removed block"}, "plan")
	w.write(w.config(append(slices.Clone(singles), letGo("vcc_default_gateways.test"), imports)...))
	w.expect(0, []string{"3 imported, 0 added, 0 changed, 0 destroyed"}, "apply", "-auto-approve")
	expectUnchanged(t, l, before)
	w.write(w.config(singles...))
	w.unchanged()
}

// A policy takes the gateways of the map as planned, and judges what the map changes and removes, whatever is planned first.
func TestAccDefaultGateways_policy(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	const listed = "gateways = values(vcc_default_gateways.test.gateways)\n  routing_enabled = vcc_network_routing.test.enabled"
	for _, attributes := range []string{listed, ""} { // without, neither is planned before the other
		policy := recoveryPolicy(attributes, webReachesDB, dbStaysInside)
		w.write(w.config(gatewaySet(appEntry, officeEntry, dataEntry), routing(true), policy))
		w.expect(0, nil, "apply", "-auto-approve")
		w.unchanged()
		for range 2 {
			w.write(w.config(gatewaySet(appEntry, officeEntry), routing(true), policy))
			w.refused([]string{policyBroken, noGatewayForDB}, "plan")
			w.write(w.config(gatewaySet(appEntry, officeEntry, entry(silver3, ipv4("172.17.55.1", "255.255.255.0"))), routing(true), policy))
			w.refused([]string{policyBroken, "serves 172.17.55.0/24, and not 172.17.54.20"}, "plan")
		}
	}
	// A scope that becomes another one has the gateways still.
	w.write(w.config(setOf("depends_on = [vcc_recovery_policy.test]", appEntry, officeEntry, dataEntry), routing(true), recoveryPolicy("", webReachesDB)))
	w.expect(0, []string{"# forces replacement"}, "plan")
	// The removal of the whole resource.
	w.write(w.config(routing(true), recoveryPolicy("", webReachesDB)))
	w.refused([]string{policyBroken, noGatewayForDB}, "plan")
	w.write(w.config(routing(true)))
	w.expect(0, nil, "apply", "-auto-approve")
	l.as(silver3, "", "")
}

// A map that is not known before the apply.
func TestAccDefaultGateways_unknown(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	config := func(seed string) string {
		return fmt.Sprintf(`
resource "terraform_data" "address" {
  input = %q
}

resource "vcc_default_gateways" "test" {
  hardware_plan = "VMware Silver"
  gateways = merge(
    { %q = { ipv4 = { address = terraform_data.address.output, subnet_mask = "255.255.255.0" } } },
    { for i, n in terraform_data.address.output == "172.17.54.2" ? [%q] : [] : n => { ipv4 = { address = "10.0.0.1", subnet_mask = "255.255.255.0" } } },
  )
}
`, seed, silver3, silver4)
	}
	w.write(w.config(config("172.17.54.1")))
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	w.write(w.config(config("172.17.54.2")))
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	l.as(silver3, "172.17.54.2", vcc.OriginSpecified)
	l.as(silver4, "10.0.0.1", vcc.OriginSpecified)
	// What a policy says of it is no pass, whichever of the two is planned first.
	const notProven = "Warning: Recovery Policy Not Proven"
	policy := recoveryPolicy("", dbStaysInside)
	w.write(w.config(config("172.17.54.3"), policy))
	w.expect(0, []string{notProven}, "plan")
	w.write(w.config(strings.Replace(config("172.17.54.3"), `"VMware Silver"`, "terraform_data.address.output", 1), policy))
	w.expect(0, []string{notProven, "# forces replacement"}, "plan")
	other := l.newWorkspace()
	for _, resource := range []string{config("172.17.54.3"), strings.Replace(config("VMware Bronze"), `"VMware Silver"`, "terraform_data.address.output", 1)} {
		resource = strings.ReplaceAll(resource, `"VMware Silver"`, `"VMware Bronze"`)
		other.write(other.config(resource, policy))
		other.expect(0, []string{notProven}, "plan")
	}
	w.write(w.config(config("172.17.54.0")))
	w.expect(1, []string{`gateways["VMware Silver network 1"].ipv4.address: 172.17.54.0 is the network address`}, "apply", "-auto-approve")
	l.as(silver3, "172.17.54.2", vcc.OriginSpecified)
}

// Two states that create the gateways of one plan at once: one has them, and the other one is told to import them.
func TestAccDefaultGateways_twoStates(t *testing.T) {
	l := newTestLab(t)
	first, second := l.newWorkspace(), l.newWorkspace()
	config := l.config(gatewaySet(appEntry, officeEntry, dataEntry))
	first.write(config)
	second.write(config)
	statuses := make(chan int, 2)
	for _, w := range []*workspace{first, second} {
		go func() {
			_, status := w.terraform("apply", "-auto-approve")
			statuses <- status
		}()
	}
	if done := <-statuses + <-statuses; done != 1 {
		t.Fatalf("the two applies ended with %d together, want one that fails", done)
	}
	before := l.gateways()
	out, _ := first.terraform("plan")
	other, _ := second.terraform("plan")
	for _, want := range []string{"No changes.", "Error: Default Gateways Specified Already", "an apply that was interrupted may have made them, or another state"} {
		if !strings.Contains(out+other, want) {
			t.Errorf("the plans do not say %q:\n%s\n%s", want, out, other)
		}
	}
	expectUnchanged(t, l, before)
}

// What is stored becomes configuration without a line written by hand.
func TestAccDefaultGateways_generatedConfiguration(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	before := l.gateways()
	w.write(w.config("import {\n  to = vcc_default_gateways.silver\n  id = \"VMware Silver\"\n}\n"))
	if strings.HasPrefix(os.Getenv("TF_ACC_PROVIDER_HOST"), "registry.opentofu") {
		// OpenTofu 1.12 writes the keys of a map without quotes and refuses what it wrote. The guide says so: when this no
		// longer holds, the guide has to change.
		w.expect(1, []string{"Error: Missing key/value separator"}, "plan", "-generate-config-out=generated.tf")
		expectUnchanged(t, l, before)
		return
	}
	w.expect(0, []string{"Plan: 1 to import, 0 to add, 0 to change, 0 to destroy."}, "plan", "-generate-config-out=generated.tf")
	generated, err := os.ReadFile(filepath.Join(w.folder, "generated.tf"))
	if err != nil {
		t.Fatal(err)
	}
	if regexp.MustCompile(`tenant_name|replaces|network_id`).Match(generated) {
		t.Errorf("computed attributes were generated:\n%s", generated)
	}
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	expectUnchanged(t, l, before)
	w.write(w.config())
	if err := os.Remove(filepath.Join(w.folder, "generated.tf")); err != nil {
		t.Fatal(err)
	}
	// What was detected and imported goes for good, as that of one network does.
	w.expect(0, []string{"0 added, 0 changed, 1 destroyed"}, "apply", "-auto-approve")
	l.as(silver1, "", "")
}

func TestAccDefaultGateways_importErrors(t *testing.T) {
	l := newTestLab(t)
	config := l.config(gatewaySet(appEntry))
	for id, want := range map[string]string{
		"VMware Gold": `The tenant has no hardware plan "VMware Gold", and that is not its own name, which stands for the gateways of all plans; did you mean "VMware Silver"`,
		silver1:       "did you mean",
	} {
		l.run(resource.TestStep{Config: config, ResourceName: setAddress, ImportState: true, ImportStateId: id, ExpectError: message(want)})
	}
}

// By identity: a plan, or the whole tenant; what a list says is what such an import gives.
func TestDefaultGateways_listAndIdentity(t *testing.T) {
	const name = "vcc_default_gateways"
	l := newTestLab(t)
	s := l.served()
	results, said := s.listOf(t.Context(), name, 0, nil)
	if said != "" || len(results) != 2 {
		t.Fatalf("%d results: %s", len(results), said)
	}
	for i, want := range []string{"VMware Silver: 2 of 4 networks have a default gateway", "VMware Bronze: 1 of "} {
		if !strings.HasPrefix(results[i].DisplayName, want) {
			t.Errorf("listed is %q, want %q", results[i].DisplayName, want)
		}
	}
	one, said := s.listOf(t.Context(), name, 0, map[string]tftypes.Value{"hardware_plan": text("VMware Bronze")})
	if said != "" || len(one) != 1 {
		t.Errorf("%d results: %s", len(one), said)
	}
	_, said = s.listOf(t.Context(), name, 0, map[string]tftypes.Value{"hardware_plan": text("VMware Gold")})
	expectText(t, said, "ERROR", `did you mean "VMware Silver", "VMware Bronze"?`)
	for _, r := range results {
		imported, err := s.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: name, Identity: r.Identity})
		if err != nil || len(imported.Diagnostics) > 0 {
			t.Fatal(err, lines(imported.Diagnostics))
		}
		state := imported.ImportedResources[0]
		read, err := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: name, CurrentState: state.State, Private: state.Private, CurrentIdentity: state.Identity})
		if err != nil || len(read.Diagnostics) > 0 {
			t.Fatal(err, lines(read.Diagnostics))
		}
		listed, err := r.Resource.Unmarshal(s.schemas.ResourceSchemas[name].ValueType())
		got, readErr := read.NewState.Unmarshal(s.schemas.ResourceSchemas[name].ValueType())
		if err != nil || readErr != nil || !listed.Equal(got) {
			t.Errorf("%s: listed %s, imported %s", r.DisplayName, listed, got)
		}
	}
	_, said = s.importIdentity(name, "tenant_id", l.ids[silver1])
	expectText(t, said, "ERROR", "is not the tenant that the provider acts for")
	if _, said = s.importIdentity(name, "tenant_id", l.routing().TenantID); said != "" {
		t.Error(said)
	}
}

// setAttributes are the attributes of a vcc_default_gateways with IPv4 settings in a /24, by network.
func setAttributes(addresses map[string]string) map[string]tftypes.Value {
	null := tftypes.NewValue(tftypes.String, nil)
	v4 := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"address": tftypes.String, "subnet_mask": tftypes.String, "cidr": tftypes.String}}
	v6 := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"address": tftypes.String, "network": tftypes.String, "prefix_length": tftypes.Number, "cidr": tftypes.String}}
	object := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"network_id": tftypes.String, "ipv4": v4, "ipv6": v6}}
	entries := map[string]tftypes.Value{}
	for network, address := range addresses {
		entries[network] = tftypes.NewValue(object, map[string]tftypes.Value{
			"network_id": null, "ipv6": tftypes.NewValue(v6, nil),
			"ipv4": tftypes.NewValue(v4, map[string]tftypes.Value{"address": text(address), "subnet_mask": text("255.255.255.0"), "cidr": null}),
		})
	}
	return map[string]tftypes.Value{"hardware_plan": text("VMware Silver"), "gateways": tftypes.NewValue(tftypes.Map{ElementType: object}, entries)}
}
