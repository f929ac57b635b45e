package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// What a plan cannot know it says, what it would break it refuses, and an apply overwrites nothing that its plan did not show.

// laterText is a resource whose output no plan knows before it was applied.
func laterText(text string) string {
	return fmt.Sprintf("resource \"terraform_data\" \"text\" {\n  input = %q\n}\n", text)
}

// TestAccRecoveryPolicy_unplaced: what is for a network or a name that is not known yet may change anything.
func TestAccRecoveryPolicy_unplaced(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	apart := `{ name = "web stays apart", source = "web01", destination = "db01", protocol = "tcp", port = 5432, reachable = false }`
	config := []string{appGateway, routing(true), recoveryPolicy("gateways = [vcc_default_gateway.app]\n  routing_enabled = vcc_network_routing.test.enabled", apart)}
	w.write(w.config(config...))
	w.expect(0, nil, "apply", "-auto-approve")
	for what, resource := range map[string]string{
		"which network a vcc_default_gateway is for": strings.Replace(dataGateway, fmt.Sprintf("%q", silver3), "terraform_data.text.output", 1),
		"the name of a vcc_failover_plan":            "resource \"vcc_failover_plan\" \"new\" {\n  name = terraform_data.text.output\n  vms  = [{ name = \"web01\" }]\n}\n",
	} {
		// Where the policy is planned first, the other resource says so.
		for order, last := range map[string]string{"before": resource, "after": strings.Replace(resource, "{\n", "{\n  depends_on = [vcc_recovery_policy.test]\n", 1)} {
			w.write(w.config(append([]string{laterText(silver3), last}, config...)...))
			out, status := w.terraform("plan")
			if status != 0 || !strings.Contains(out, "Warning: Recovery Policy Not Proven") || !strings.Contains(out, what) && order == "before" && !strings.Contains(out, "what is planned here") {
				t.Errorf("%s, planned %s the policy: status %d: %s", what, order, status, out)
			}
		}
	}
}

// TestAccRecoveryPolicy_setRemoved: a vcc_default_gateways that goes takes its gateways with it, and brings back what it had removed.
// Rules that hold or fail either way are judged, and only the others are not proven.
func TestAccRecoveryPolicy_setRemoved(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	const enabled = "routing_enabled = vcc_network_routing.test.enabled"
	net2 := entry(silver4, ipv4("10.9.0.1", "255.255.255.0"))
	reaches := `{ name = "app reaches net2", source = "172.17.52.10", destination = "10.9.0.5", protocol = "tcp", port = 443 }`
	customers := `{ name = "customers reach web", source = "internet", destination = "203.0.113.10", protocol = "tcp", port = 443 }`
	apart := `{ name = "web stays apart", source = "web01", destination = "file01", protocol = "tcp", port = 445, reachable = false }`
	set := setOf(`hardware_plan = "VMware Silver"`, appEntry, net2)
	w.write(w.config(routing(true), set, recoveryPolicy(enabled, customers, reaches)))
	w.expect(0, nil, "apply", "-auto-approve")
	// Whichever of the two is planned first.
	for _, after := range []string{"", "depends_on = [vcc_default_gateways.test]\n  "} {
		w.write(w.config(routing(true), set, recoveryPolicy(after+enabled, customers, reaches)))
		w.expect(0, nil, "apply", "-auto-approve")
		w.write(w.config(routing(true), recoveryPolicy(enabled, customers, reaches)))
		w.refused([]string{policyBroken, "app reaches net2: 172.17.52.10 does not reach 10.9.0.5"}, "plan")
	}
	w.write(w.config(routing(true), set, recoveryPolicy(enabled, customers, apart)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(routing(true), recoveryPolicy(enabled, customers, apart)))
	w.expect(0, []string{"Warning: Recovery Policy Not Proven", `Rules were not proven ("web stays apart") in this plan, because this is not known yet: ` +
		`whether the default gateway of "VMware Silver network 2 (internet)" that a replication job had detected (172.17.56.1 in 172.17.56.0/24) comes back. ` +
		`The apply does not judge, because the policy itself has no change: plan again after it.`}, "plan")
	// What is in its way keeps it away for certain.
	inTheWay := namedGateway("way", bronze1, "172.17.56.9", "255.255.255.0")
	w.write(w.config(routing(true), set, inTheWay, recoveryPolicy(enabled, customers, apart)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(routing(true), inTheWay, recoveryPolicy(enabled, customers, apart)))
	w.silent("Not Proven", "apply", "-auto-approve")
	w.as(silver1, "172.17.52.1", vcc.OriginDetected)
	w.as(silver2, "", "")
	w.unchanged()
}

// TestAccRecoveryPolicy_replacements: a failover plan with another name, and gateways that change places, are judged whole.
func TestAccRecoveryPolicy_replacements(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	plan := func(name string) string {
		return fmt.Sprintf("resource \"vcc_failover_plan\" \"web\" {\n  name = %q\n  vms  = [{ name = \"web01\" }]\n"+
			"  public_ip_rules = [{ address = \"203.0.113.10\", port = 443, to_address = \"172.17.52.10\", to_port = 443 }]\n}\n", name)
	}
	site := "resource \"vcc_failover_plan\" \"site\" {\n  name = \"Whole site\"\n  vms  = [{ name = \"db01\" }]\n}\n"
	gateways := func(app, data string) string {
		return namedGateway("app", app, "172.17.52.1", "255.255.254.0") + namedGateway("data", data, "172.17.54.1", "255.255.255.0")
	}
	customers := `{ name = "customers reach web", source = "internet", destination = "203.0.113.10", protocol = "tcp", port = 443 }`
	policy := recoveryPolicy("routing_enabled = vcc_network_routing.test.enabled", customers, webReachesDB)
	w.command("gateway", "remove", silver1) // or what was detected comes back
	w.write(w.config(gateways(silver1, silver3), routing(true), site, plan("Web")))
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(gateways(silver1, silver3), routing(true), site, plan("Web"), policy))
	w.expect(0, nil, "apply", "-auto-approve")
	for range 3 {
		w.write(w.config(gateways(silver1, silver3), routing(true), site, plan("Shop"), policy))
		w.silent("Does Not Hold", "plan")
		w.write(w.config(namedGateway("app", silver3, "172.17.54.1", "255.255.255.0"), namedGateway("data", silver1, "172.17.52.1", "255.255.254.0"), routing(true), site, plan("Web"), policy))
		w.silent("Does Not Hold", "plan")
	}
	lone := `{ name = "db stays inside", source = "db01", destination = "internet", protocol = "tcp", port = 443, reachable = false }`
	w.write(w.config(gateways(silver1, silver3), routing(true), site, strings.Replace(plan("Shop"), "port = 443,", "port = 8443,", 1), recoveryPolicy("", customers, lone)))
	w.refused([]string{policyBroken, "customers reach web"}, "plan")
}

// TestAccDefaultGateways_scopeChanged: another scope adopts what was detected there, as a creation does, and the plan says so.
func TestAccDefaultGateways_scopeChanged(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	w.write(w.config(setOf(`hardware_plan = "VMware Silver"`, dataEntry)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(setOf("", dataEntry)))
	w.expect(0, []string{"Warning: Adopts Detected Gateways", bronze1}, "plan", "-out=plan")
	w.expect(0, nil, "apply", "plan")
	w.unchanged()
	// What comes back while one is replaced is taken over in turn.
	w.write(w.config(setOf(`hardware_plan = "VMware Bronze"`, entry("VMware Bronze network 1", ipv4("172.17.60.1", "255.255.255.0")))))
	w.expect(0, nil, "plan", "-out=plan")
	w.expect(0, nil, "apply", "plan")
	w.unchanged()
	w.as(silver1, "172.17.52.1", vcc.OriginDetected)
	w.as(silver3, "", "")
	w.write(w.config("resource \"vcc_default_gateways\" \"test\" {\n  hardware_plan = \"VMware Bronze\"\n  gateways = {}\n}\n"))
	w.expect(0, nil, "apply", "-auto-approve")
	w.expect(0, nil, "plan", "-replace=vcc_default_gateways.test", "-out=plan")
	w.expect(0, nil, "apply", "plan")
	w.unchanged()
	w.expect(0, nil, "taint", "vcc_default_gateways.test")
	w.expect(0, nil, "plan", "-out=plan")
	w.expect(0, nil, "apply", "plan")
	w.unchanged()
	w.expect(0, nil, "destroy", "-auto-approve")
	w.as(bronze1, "172.17.58.1", vcc.OriginDetected)
}

// TestAccDefaultGateways_scopeOfOthers: a vcc_default_gateways takes over what comes back when another one goes that had its networks, too.
func TestAccDefaultGateways_scopeOfOthers(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	bronze := strings.Replace(setOf(`hardware_plan = "VMware Bronze"`, entry("VMware Bronze network 1", ipv4("172.17.60.1", "255.255.255.0"))), `"test"`, `"bronze"`, 1)
	all := setOf("", dataEntry)
	for _, config := range []string{bronze, setOf(`hardware_plan = "VMware Silver"`, dataEntry) + bronze} {
		w.write(w.config(all))
		w.expect(0, nil, "apply", "-auto-approve")
		w.write(w.config(config))
		w.expect(0, nil, "plan", "-out=plan")
		w.expect(0, nil, "apply", "plan")
		w.unchanged()
		w.as(bronze1, "", "")
		w.expect(0, nil, "destroy", "-auto-approve")
		w.as(bronze1, "172.17.58.1", vcc.OriginDetected)
	}
}

// TestAccOverlap_comesBack: what a removal brings back may be in the way of what the plan creates.
func TestAccOverlap_comesBack(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	w.write(w.config(namedGateway("a", silver1, "10.9.9.1", "255.255.255.0")))
	w.expect(0, nil, "apply", "-auto-approve")
	b := namedGateway("b", silver3, "172.17.52.1", "255.255.254.0")
	w.write(w.config(b))
	for range 3 {
		w.refused([]string{"overlaps"}, "plan")
	}
	// Unless another resource takes the network over.
	w.write(w.config(b, namedGateway("c", silver1, "10.9.8.1", "255.255.255.0")))
	w.expect(0, nil, "plan", "-out=plan")
	w.expect(0, nil, "apply", "plan")
	w.unchanged()
	// What is stored by now keeps it away.
	w.write(w.config(b))
	w.expect(0, []string{"1 destroyed"}, "apply", "-auto-approve")
	w.as(silver1, "", "")
	w.unchanged()
}

// TestAccOverlap_setComesBack: what the removal of a vcc_default_gateways brings back may be in the way of what the plan creates, or on its network.
func TestAccOverlap_setComesBack(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	w.write(w.config(setOf(`hardware_plan = "VMware Silver"`, dataEntry)))
	w.expect(0, nil, "apply", "-auto-approve")
	other := strings.Replace(namedGateway("other", "VMware Bronze network 1", "172.17.52.1", "255.255.255.0"), "{\n", "{\n  %s\n", 1)
	for _, order := range []string{"", "depends_on = [vcc_network_routing.test]"} {
		w.write(w.config(routing(false), fmt.Sprintf(other, order)))
		for range 2 {
			w.refused([]string{"overlaps 172.17.52.0/2", `"VMware Silver network 1 (internet)"`, "comes back"}, "plan")
		}
	}
	// Its network is another resource's then.
	w.write(w.config(namedGateway("new", silver2, "10.8.8.1", "255.255.255.0")))
	w.expect(0, nil, "plan", "-out=plan")
	w.expect(0, nil, "apply", "plan")
	w.unchanged()
	w.as(silver1, "172.17.52.1", vcc.OriginDetected)
	w.as(silver2, "10.8.8.1", vcc.OriginSpecified)
	w.as(silver3, "", "")
}

// TestAccOverlap_circle: gateways of two resources cannot swap IP networks, because each waits for the other one. A chain of them can.
func TestAccOverlap_circle(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	three := func(a, b, c string) string {
		return w.config(namedGateway("a", silver3, a, "255.255.255.0"), namedGateway("b", silver4, b, "255.255.255.0"), namedGateway("c", "VMware Bronze network 1", c, "255.255.255.0"))
	}
	w.write(three("10.1.0.1", "10.2.0.1", "10.3.0.1"))
	w.expect(0, nil, "apply", "-auto-approve")
	for _, config := range []string{three("10.2.0.1", "10.1.0.1", "10.3.0.1"), three("10.2.0.1", "10.3.0.1", "10.1.0.1")} {
		w.write(config)
		for range 3 {
			w.refused([]string{"take two applies, with one of them out of the way in the first"}, "plan")
		}
	}
	w.write(three("10.2.0.1", "10.3.0.1", "10.4.0.1"))
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	// One that goes and comes elsewhere waits for nobody.
	w.write(w.config(namedGateway("a", silver4, "10.2.0.1", "255.255.255.0"), namedGateway("b", silver3, "10.3.0.1", "255.255.255.0"), namedGateway("c", "VMware Bronze network 1", "10.4.0.1", "255.255.255.0")))
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
}

// TestAccForgotten: what a removed block lets go of is not taken over where nobody looked at it.
func TestAccForgotten(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	other := namedGateway("other", silver4, "172.17.60.1", "255.255.255.0")
	w.write(w.config(other, namedGateway("a", silver3, "172.17.54.1", "255.255.255.0")))
	w.expect(0, nil, "apply", "-auto-approve")
	w.command("gateway", "set", silver3, "--ipv4", "172.17.54.77/24")
	w.write(w.config(other, "removed {\n  from = vcc_default_gateway.a\n  lifecycle {\n    destroy = false\n  }\n}\n", namedGateway("b", silver3, "172.17.54.2", "255.255.255.0")))
	if strings.HasPrefix(os.Getenv("TF_ACC_PROVIDER_HOST"), "registry.opentofu") {
		// OpenTofu reads it, too, so the change has a name, and replaces says what goes.
		w.expect(0, []string{"Warning: Default Gateway Changed Outside Terraform", "172.17.54.1 to 172.17.54.77", "+ replaces = \"specified by "}, "plan")
		return
	}
	w.refused([]string{"Default Gateway Specified Already"}, "plan")
}

// TestAccTwoImported: two resources for one thing are refused also where both are in the state.
func TestAccTwoImported(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	w.command("gateway", "set", silver3, "--ipv4", "172.17.54.1/24")
	two := namedGateway("one", silver3, "172.17.54.1", "255.255.255.0") + namedGateway("other", silver3, "172.17.54.1", "255.255.255.0")
	imports := ""
	for _, name := range []string{"one", "other"} {
		imports += fmt.Sprintf("import {\n  to = vcc_default_gateway.%s\n  id = %q\n}\n", name, w.ids[silver3])
	}
	w.write(w.config(two, imports))
	w.refused([]string{"Two Resources for One Cloud Network"}, "plan")
	options, imports := "", ""
	for _, name := range []string{"on", "off"} {
		options += fmt.Sprintf("resource \"vcc_network_routing\" %q {\n  enabled = %t\n}\n", name, name == "on")
		imports += fmt.Sprintf("import {\n  to = vcc_network_routing.%s\n  id = \"ABC Company\"\n}\n", name)
	}
	w.write(w.config(options, imports))
	w.refused([]string{"Two Resources for One Routing Option"}, "plan")
}

// TestAccCreation_changedSince: what others made between a plan and its apply stays.
func TestAccCreation_changedSince(t *testing.T) {
	for name, tc := range map[string]struct {
		config string
		change func(w *workspace)
		kept   func(w *workspace) string // "" if it is
	}{
		"routing option": {
			config: routing(false),
			change: func(w *workspace) { w.command("routing", "on") },
			kept: func(w *workspace) string {
				if !w.routing().Enabled {
					return "the option was switched off"
				}
				return ""
			},
		},
		"failover plan that the lab declares by now": {
			config: "resource \"vcc_failover_plan\" \"dr\" {\n  name = \"DR\"\n  vms  = [{ name = \"web01\" }]\n}\n",
			change: func(w *workspace) {
				lab := strings.Replace(builtInLab(w.t), "    failover_plans:\n", "    failover_plans:\n      - { name: DR, vms: [db01, web01] }\n", 1)
				path := filepath.Join(w.folder, "lab.yaml")
				w.put("lab.yaml", lab)
				w.command("lab", "apply", path)
			},
			kept: func(w *workspace) string {
				if p := w.failoverPlan("DR"); p == nil || p.Origin != vcc.OriginDeclared {
					return fmt.Sprintf("the plan is %+v", p)
				}
				return ""
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestLab(t).newWorkspace()
			w.write(w.config(tc.config))
			w.expect(0, nil, "plan", "-out=plan")
			tc.change(w)
			w.expect(1, []string{"replaces"}, "apply", "plan")
			if text := tc.kept(w); text != "" {
				t.Error(text)
			}
		})
	}
}

// builtInLab is the lab file of the lab that tests run on.
func builtInLab(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../labfile/built-in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
