package provider_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

const (
	webReachesDB  = `{ name = "web reaches db", source = "web01", destination = "db01", protocol = "tcp", port = 5432 }`
	dbStaysInside = `{ name = "db stays inside", source = "db01", destination = "internet", protocol = "tcp", port = 443, reachable = false }`

	noGatewayForDB = `web reaches db: web01 (172.17.52.10) does not reach db01 (172.17.54.20) on tcp port 5432: ` +
		`"VMware Silver network 1" has no IPv4 default gateway for production network "Data" (172.17.54.0/24); store one.`
	nothingRouted = `web reaches db: web01 (172.17.52.10) does not reach db01 (172.17.54.20) on tcp port 5432: ` +
		`172.17.54.20 is in net3 (VMware Silver network 1), and traffic between networks is not routed; switch the routing option on.`

	policyBroken = "Error: Recovery Policy Does Not Hold"
)

// named is a vcc_default_gateway for IPv4 on a network.
func namedGateway(name, network, address, mask string) string {
	return fmt.Sprintf("resource \"vcc_default_gateway\" %q {\n  network_name = %q\n  %s\n}\n", name, network, ipv4(address, mask))
}

// recoveryPolicy is a vcc_recovery_policy with more attributes in front of its rules.
func recoveryPolicy(attributes string, rules ...string) string {
	return fmt.Sprintf("resource \"vcc_recovery_policy\" \"test\" {\n  %s\n  rules = [\n    %s,\n  ]\n}\n", attributes, strings.Join(rules, ",\n    "))
}

var (
	appGateway  = namedGateway("app", silver1, "172.17.52.1", "255.255.254.0")
	dataGateway = namedGateway("data", silver3, "172.17.54.1", "255.255.255.0")
	both        = "gateways = [vcc_default_gateway.app, vcc_default_gateway.data]\n  routing_enabled = vcc_network_routing.test.enabled"
)

// refused runs the CLI, which must fail and leave the backend as it was.
func (w *workspace) refused(wants []string, command string, args ...string) {
	w.t.Helper()
	gateways, option := w.gateways(), w.routing()
	w.expect(1, wants, command, args...)
	expectUnchanged(w.t, w.testLab, gateways)
	if after := w.routing(); after.Revision != option.Revision {
		w.t.Errorf("the routing option was changed: %+v", after)
	}
}

// unchanged checks that a plan is empty.
func (w *workspace) unchanged(args ...string) {
	w.t.Helper()
	w.expect(0, []string{"No changes."}, "plan", append([]string{"-detailed-exitcode"}, args...)...)
}

// The pull request that fails: in the example a change that switches routing off, or drops db's gateway,
// fails the plan. Its tests run on a lab of their own.
func TestAccRecoveryPolicy_example(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	w.example("recovery-policy")
	w.expect(0, []string{`"web reaches db" = "holds"`}, "apply", "-auto-approve")
	w.unchanged()

	w.refused([]string{policyBroken, nothingRouted}, "plan", "-var=routing_enabled=false")
	w.refused([]string{policyBroken, nothingRouted}, "apply", "-auto-approve", "-var=routing_enabled=false")
	for range 3 { // Terraform plans the removal before the policy, beside it or after it
		w.refused([]string{policyBroken, noGatewayForDB}, "plan", "-var=gateway_for_db=false")
	}
	w.refused([]string{policyBroken, noGatewayForDB}, "apply", "-auto-approve", "-var=gateway_for_db=false")
	w.refused([]string{policyBroken, noWayToWeb}, "plan", "-var=public_web=false")
	main := filepath.Join(w.folder, "main.tf")
	whole, err := os.ReadFile(main)
	if err != nil {
		t.Fatal(err)
	}
	from, rest, _ := strings.Cut(string(whole), `resource "vcc_default_gateway" "data" {`)
	_, rest, _ = strings.Cut(rest, "\n}\n")
	without := strings.Replace(from+rest, "concat([vcc_default_gateway.app], vcc_default_gateway.data)", "[vcc_default_gateway.app]", 1)
	w.put("main.tf", without)
	w.refused([]string{policyBroken, noGatewayForDB}, "plan")
	w.put("main.tf", string(whole))

	// Drift shows in the results, and the plan that heals it passes.
	w.command("routing", "off")
	w.expect(2, []string{`- reason = "routing_disabled" -> null`}, "plan", "-detailed-exitcode")
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()

	gateways := w.gateways()
	w.expect(0, []string{"Success! 4 passed, 0 failed."}, "test")
	expectUnchanged(t, w.testLab, gateways)
	w.expect(1, []string{nothingRouted}, "test", "-var=routing_enabled=false")
	w.expect(0, nil, "destroy", "-auto-approve")
}

// On a fresh lab the policy of the example does not pass: db's gateway was never detected, and an internet
// that would carry its address is no way to it.
func TestAccRecoveryPolicy_freshLab(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	w.write(w.config(recoveryPolicy("routing_enabled = true", webReachesDB)))
	w.refused([]string{policyBroken, noGatewayForDB}, "plan")
	w.write(w.config(recoveryPolicy("", webReachesDB)))
	w.refused([]string{policyBroken, noGatewayForDB}, "apply", "-auto-approve")
}

// What the list forgot and what is removed has no order: whichever is planned second is judged.
func TestAccRecoveryPolicy_forgotten(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	policy := recoveryPolicy("", webReachesDB, dbStaysInside)
	w.command("gateway", "remove", silver1) // or what was detected comes back
	whole := w.config(appGateway, dataGateway, routing(true), policy)
	w.write(whole)
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()

	for range 3 {
		for _, c := range []struct {
			blocks []string
			want   string
		}{
			{[]string{appGateway, routing(true), policy}, noGatewayForDB},
			{[]string{dataGateway, routing(true), policy}, `"VMware Silver network 1 (internet)" has no IPv4 default gateway for production network "App"`},
			{[]string{appGateway, dataGateway, policy}, nothingRouted}, // the option goes back to off
			{[]string{appGateway, dataGateway, routing(false), policy}, nothingRouted},
			{[]string{appGateway, namedGateway("data", silver3, "172.17.55.1", "255.255.255.0"), routing(true), policy}, "serves 172.17.55.0/24, and not 172.17.54.20"},
		} {
			w.write(w.config(c.blocks...))
			w.refused([]string{policyBroken, c.want}, "plan")
		}
	}
	// A policy of the same plan does not matter where it goes, too.
	w.write(w.config(appGateway, dataGateway, routing(false)))
	w.expect(0, nil, "apply", "-auto-approve")
	// And one that forgets is healed by what comes after it.
	w.write(whole)
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	w.expect(0, nil, "destroy", "-auto-approve")
}

// A resource that is planned after the policy says itself which rule it breaks: here it depends on the policy, so that
// this is sure.
func TestAccRecoveryPolicy_plannedSecond(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	after := func(resource string) string {
		return strings.Replace(resource, "{\n", "{\n  depends_on = [vcc_recovery_policy.test]\n", 1)
	}
	leak := `{ name = "office stays inside", source = "file01", destination = "192.0.2.7", protocol = "tcp", port = 443, reachable = false }`
	office := func(address string) string {
		return after(namedGateway("office", silver2, address, "255.255.255.0"))
	}
	w.command("gateway", "remove", silver2)
	w.write(w.config(appGateway, dataGateway, routing(true), recoveryPolicy(both, webReachesDB, leak), office("172.17.56.1")))
	w.refused([]string{
		policyBroken, "with vcc_default_gateway.office,", "office stays inside: file01 (172.17.56.30) reaches 192.0.2.7 on tcp port 443:",
		"The rule is one of a vcc_recovery_policy in this configuration, and holds without what is planned here.",
	}, "plan")
	w.write(w.config(appGateway, dataGateway, routing(true), recoveryPolicy(both, webReachesDB, leak), office("172.17.57.1")))
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(appGateway, dataGateway, after(routing(false)), recoveryPolicy("gateways = [vcc_default_gateway.app]", webReachesDB)))
	w.refused([]string{policyBroken, "with vcc_network_routing.test,", nothingRouted}, "plan")
	// Two changes of which each alone breaks a rule do not hide behind each other.
	w.write(w.config(after(namedGateway("app", silver1, "172.17.98.1", "255.255.255.0")), after(namedGateway("data", silver3, "172.17.99.1", "255.255.255.0")),
		routing(true), recoveryPolicy("", webReachesDB)))
	for range 3 {
		w.refused([]string{policyBroken, "Several changes of this plan concern it, this one among them."}, "plan")
	}
	// Without enforce it is a warning there as well.
	w.write(w.config(appGateway, dataGateway, after(routing(false)), recoveryPolicy("enforce = false", webReachesDB)))
	w.expect(0, []string{"Warning: Recovery Policy Does Not Hold", "with vcc_network_routing.test,"}, "plan")
}

// A removal that the policy waits for lets it pass, in the plan and in the apply, which plans the policy
// again before the removal ran.
func TestAccRecoveryPolicy_healed(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	leak := `{ name = "office stays inside", source = "file01", destination = "internet", protocol = "tcp", port = 443, reachable = false }`
	office := namedGateway("office", silver2, "172.17.56.1", "255.255.255.0")
	w.command("gateway", "remove", silver2) // or what was detected comes back
	w.write(w.config(office))
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(office, recoveryPolicy("", leak)))
	w.refused([]string{policyBroken, "office stays inside: file01 (172.17.56.30) reaches the internet (192.0.2.1) on tcp port 443:"}, "plan")
	w.write(w.config(recoveryPolicy("", leak)))
	w.expect(0, []string{"1 added, 0 changed, 1 destroyed"}, "apply", "-auto-approve")
	w.unchanged()
	if w.stored(silver2) != nil {
		t.Error("the gateway is still there")
	}
}

// With enforce = false a broken rule is a warning, and the results tell what would be: in the plan, after the apply, and
// in the next plan.
func TestAccRecoveryPolicy_notEnforced(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	policy := recoveryPolicy(both+"\n  enforce = false", webReachesDB, dbStaysInside)
	for _, c := range []struct {
		blocks []string
		want   string
		reason any
	}{
		{[]string{appGateway, dataGateway, routing(false), policy}, nothingRouted, "routing_disabled"},
		{[]string{appGateway, dataGateway, routing(true), policy}, "", nil},
		// A removal that has no order.
		{[]string{appGateway, routing(true), strings.Replace(policy, ", vcc_default_gateway.data", "", 1)}, noGatewayForDB, "private_destination"},
	} {
		w.write(w.config(c.blocks...))
		w.expect(0, []string{c.want}, "plan", "-out=plan")
		planned := w.results("plan")
		w.expect(0, nil, "apply", "plan")
		applied := w.results()
		for _, results := range [][]map[string]any{planned, applied} {
			if len(results) != 2 || results[0]["reason"] != c.reason || results[0]["reachable"] != (c.reason == nil) || (results[0]["steps"] == nil) != (c.reason == nil) ||
				results[1]["reachable"] != false || results[1]["reason"] != nil {
				t.Errorf("the results are %v", results)
			}
		}
		w.unchanged()
	}
}

// results are those of the policy in a plan file, or in the state.
func (w *workspace) results(file ...string) []map[string]any {
	w.t.Helper()
	out, err := w.cli(append([]string{"show", "-json"}, file...)...).Output()
	if err != nil {
		w.t.Fatal(err)
	}
	type values struct {
		RootModule struct {
			Resources []struct {
				Type   string
				Values struct{ Results []map[string]any }
			}
		} `json:"root_module"`
	}
	var shown struct {
		Values        values
		PlannedValues values `json:"planned_values"`
	}
	if err := json.Unmarshal(out, &shown); err != nil {
		w.t.Fatal(err)
	}
	for _, r := range slices.Concat(shown.Values.RootModule.Resources, shown.PlannedValues.RootModule.Resources) {
		if r.Type == "vcc_recovery_policy" {
			return r.Values.Results
		}
	}
	return nil
}

// What is not known is never a pass: the plan says so, and the apply judges.
func TestAccRecoveryPolicy_unknown(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	unknown := func(value string) string {
		return fmt.Sprintf("resource \"terraform_data\" \"test\" {\n  input = %q\n}\n", value)
	}
	data := strings.Replace(dataGateway, `"172.17.54.1"`, "terraform_data.test.output", 1)
	w.write(w.config(appGateway, data, routing(true), unknown("172.17.55.1"), recoveryPolicy(both, webReachesDB)))
	w.expect(0, []string{"Warning: Recovery Policy Not Proven", "The policy was not judged in this plan, because this is not known yet: gateways[1].ipv4.address."}, "plan")
	w.expect(1, []string{policyBroken, "web reaches db:", "serves 172.17.55.0/24", "This is what is stored now"}, "apply", "-auto-approve")
	if results := w.results(); results != nil {
		t.Errorf("the policy is in the state: %v", results)
	}

	w.write(w.config(appGateway, data, routing(true), unknown("172.17.54.1"), recoveryPolicy(both, webReachesDB)))
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	// What the list forgot as well, whichever is planned second.
	w.write(w.config(appGateway, data, routing(true), unknown("172.17.54.2"), recoveryPolicy("gateways = [vcc_default_gateway.app]", webReachesDB)))
	w.expect(0, []string{"Warning: Recovery Policy Not Proven"}, "plan")

	// Of the rules only those that are concerned.
	w.write(w.config(appGateway, dataGateway, routing(true), unknown("db01"),
		recoveryPolicy(both, webReachesDB, strings.NewReplacer("web reaches db", "second", `"db01"`, "terraform_data.test.output").Replace(webReachesDB))))
	w.expect(0, []string{"Some rules were not judged in this plan, because this is not known yet: rules[1].destination."}, "plan")
	w.write(w.config(appGateway, dataGateway, routing(false), unknown("db02"),
		recoveryPolicy(both, webReachesDB, strings.NewReplacer("web reaches db", "second", `"db01"`, "terraform_data.test.output").Replace(webReachesDB))))
	w.refused([]string{policyBroken, nothingRouted}, "plan")
}

// A policy that does not hold blocks destroy, too, because Terraform plans before it destroys.
func TestAccRecoveryPolicy_destroy(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	config := w.config(appGateway, dataGateway, routing(true), recoveryPolicy("", webReachesDB))
	w.write(config)
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(strings.Replace(config, "enabled = true", "enabled = false", 1))
	w.refused([]string{nothingRouted}, "destroy", "-auto-approve")
	w.expect(0, nil, "destroy", "-auto-approve", "-refresh=false")

	w.write(config)
	w.expect(0, nil, "apply", "-auto-approve")
	w.write(w.config(appGateway, dataGateway, routing(false), recoveryPolicy("enforce = false", webReachesDB)))
	w.expect(0, nil, "destroy", "-auto-approve")
}

// What the policy is told and nobody plans or has stored is said to be taken on trust.
func TestAccRecoveryPolicy_trust(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	told := fmt.Sprintf("gateways = [{ network_id = %q, %s }]\n  routing_enabled = true", w.ids[silver3], ipv4("172.17.54.1", "255.255.255.0"))
	w.write(w.config(recoveryPolicy(told, webReachesDB)))
	w.expect(0, []string{"Warning: Recovery Policy Takes Something on Trust", "Neither stored nor planned by this provider configuration: gateways[0], routing_enabled."}, "plan")
	w.command("gateway", "set", silver3, "--ipv4", "172.17.54.1/24")
	w.command("routing", "on")
	w.silent("on Trust", "apply", "-auto-approve")
	w.unchanged()
}

// A wrong rule is an error at its attribute, in validate or, where only the backend knows, in the plan.
func TestAccRecoveryPolicy_wrong(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	rule := func(attributes string) string { return "{ name = \"n\", " + attributes + " }" }
	for _, c := range []struct{ rule, command, want string }{
		{rule(`source = "web01", destination = "db01", protocol = "tcp"`), "validate", "rules[0].port: a destination port from 1 to 65535 is required with tcp."},
		{rule(`source = "web01", destination = "db01", protocol = "tcp", port = 0`), "validate", "rules[0].port: 0 is not a port; use 1 to 65535."},
		{rule(`source = "web01", destination = "db01", protocol = "icmp", port = 0`), "validate", "rules[0].port: there are no ports in icmp; leave it out."},
		{rule(`source = "web01", destination = "172.17.54.0/24", protocol = "icmp"`), "validate", `rules[0].destination: "172.17.54.0/24" is not an IP address`},
		{rule(`source = "internet", destination = "internet", protocol = "icmp"`), "validate", "rules[0].destination: source and destination are both the internet"},
		{webReachesDB + ", " + webReachesDB, "validate", `rules[1].name: rules[0] is called "web reaches db" already.`},
		{`{ name = "", source = "web01", destination = "db01", protocol = "icmp" }`, "validate", "rules[0].name: A name is required"},
		{"", "validate", "rules: A policy needs at least one rule"},
		{rule(`source = "web1", destination = "db01", protocol = "icmp"`), "plan", `rules[0].source: "web1" is no VM of the tenant's site, no IP address and not the word internet; did you mean "web01"`},
		{rule(`source = "db01", destination = "2001:db8:52::10", protocol = "icmp"`), "plan", "rules[0].destination: 2001:db8:52::10 has no address of the family of the source db01."},
	} {
		w.write(w.config(fmt.Sprintf("resource \"vcc_recovery_policy\" \"test\" {\n  rules = [%s]\n}\n", c.rule)))
		out, status := "", 0
		if c.command == "validate" {
			raw, err := w.cli("validate", "-no-color").CombinedOutput()
			out, status = strings.Join(strings.Fields(string(raw)), " "), 0
			if err != nil {
				status = 1
			}
		} else {
			out, status = w.terraform(c.command)
		}
		if status != 1 || !strings.Contains(out, c.want) {
			t.Errorf("%s of %s ended with %d and does not say %q:\n%s", c.command, c.rule, status, c.want, out)
		}
	}
}

// A policy beside very many gateways, listed or forgotten, costs a few requests: a plan that concerns no rule is
// not asked about.
func TestAccRecoveryPolicy_many(t *testing.T) {
	const n, most = 300, 12
	lab, _, config := wideLab(t, n)
	l := lab.serve()
	var traces atomic.Int32
	l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/routeTrace") {
			traces.Add(1)
		}
		server.ServeHTTP(w, r)
	})
	w := l.workspace()
	rules := []string{
		`{ name = "gateway answers", source = "10.0.5.10", destination = "10.0.5.1", protocol = "icmp" }`,
		`{ name = "apart", source = "10.0.6.10", destination = "10.0.7.10", protocol = "tcp", port = 443, reachable = false }`,
	}
	for _, attributes := range []string{"", "gateways = vcc_default_gateway.all"} {
		w.write(config + recoveryPolicy(attributes, rules...))
		traces.Store(0)
		w.expect(0, []string{fmt.Sprintf("%d to add", n+1)}, "plan")
		if got := traces.Load(); got > most {
			t.Errorf("with %q the plan asked %d times, want %d at most", attributes, got, most)
		}
	}
	w.expect(0, nil, "apply", "-auto-approve")
	traces.Store(0)
	w.unchanged()
	if got := traces.Load(); got > 2 {
		t.Errorf("a plan without changes asked %d times", got)
	}
}
