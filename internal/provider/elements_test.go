package provider_test

import (
	"slices"
	"strings"
	"testing"
)

// elements is a configuration in which the elements {} of a list are written as others, in their order.
func elements(config string, written ...string) string {
	for _, e := range written {
		config = strings.Replace(config, "{}", e, 1)
	}
	return config
}

// later is a resource whose output is not known before the apply.
func later(name, input string) string {
	return "resource \"terraform_data\" \"" + name + "\" {\n  input = " + input + "\n}\n"
}

// variable is a variable, which is not known while Terraform validates.
func variable(name, kind, value string) string {
	return "variable \"" + name + "\" {\n  type    = " + kind + "\n  default = " + value + "\n}\n"
}

// A VM or a rule that is not known as a whole is no error, and is read once it is known.
func TestAccFailoverPlan_unknownElements(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	vm := variable("vm", "object({ name = string })", `{ name = "web01" }`)
	extra := variable("extra", "bool", "true")
	publicRule := variable("rule", "map(object({ address = string, port = number, to_address = string, to_port = number }))", "{ first = "+webRule+" }")
	w.write(w.config(vm, extra, publicRule, later("vm", `{ name = "db01", delay_seconds = 5 }`), later("rule", officeRule),
		elements(failoverPlan(wholeSite, vms("{}", "{}", "{}"), "{}", "{}"), "var.vm", "terraform_data.vm.output", `var.extra ? { name = "web02" } : null`, "var.rule.first", "terraform_data.rule.output")))
	w.expect(0, nil, "validate")
	w.expect(0, []string{"What of it stays is not known before the apply", "(known after apply),"}, "plan")
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	if p := w.failoverPlan(wholeSite); !slices.Equal(p.VMs, []string{"web01", "db01", "web02"}) || len(p.Delays) != 1 || len(p.PublicIPRules) != 2 {
		t.Errorf("stored: %+v", p)
	}
	// What is wrong with it by then is told at its place, and nothing is changed.
	for _, c := range []struct{ input, element, want string }{
		{`{ name = "db99" }`, "terraform_data.vm.output", `vms[1].name: the tenant has no VM "db99"`},
		{`{ name = null }`, "terraform_data.vm.output", "Must set a configuration value for the vms[1].name attribute"},
		{`"none"`, `terraform_data.vm.output == "none" ? null : { name = "db01" }`, "vms[1]: the VM is null."},
	} {
		w.write(w.config(vm, later("vm", c.input), elements(failoverPlan(wholeSite, vms("web01", "{}")), c.element)))
		w.expect(0, nil, "validate")
		w.expect(0, []string{"(known after apply),"}, "plan")
		w.refusedPlans([]string{c.want}, "apply", "-auto-approve")
	}
}

// So it is with the rules of a policy, which says what it does not know of its gateways and its failover plan.
func TestAccRecoveryPolicy_unknownElements(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	rule := variable("rule", "object({ name = string, source = string, destination = string, protocol = string })", `{ name = "db reaches web", source = "db01", destination = "web01", protocol = "icmp" }`)
	policy := elements(recoveryPolicy(both, "{}", "{}"), "var.rule", "terraform_data.rule.output")
	w.write(w.config(appGateway, dataGateway, routing(true), rule, later("rule", `{ name = "nobody reaches db", source = "internet", destination = "db01", protocol = "tcp", port = 5432, reachable = false }`), policy))
	w.expect(0, nil, "validate")
	w.expect(0, []string{"Some rules were not judged in this plan, because this is not known yet: rules[1]."}, "plan")
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	if results := w.results(); len(results) != 2 || results[1]["name"] != "nobody reaches db" || results[1]["reachable"] != false {
		t.Errorf("results: %v", results)
	}
	w.write(w.config(appGateway, dataGateway, routing(true), rule, later("rule", strings.Replace(webReachesDB, "db01", "db99", 1)), policy))
	w.expect(0, nil, "plan")
	w.refused([]string{`rules[1].destination: "db99" is no VM of the tenant's site`}, "apply", "-auto-approve")
	gateway := later("gateway", "{ network_id = \""+w.ids[silver3]+"\" }")
	w.write(w.config(gateway, recoveryPolicy("gateways = [terraform_data.gateway.output]", webReachesDB)))
	w.expect(0, []string{"The policy was not judged in this plan, because this is not known yet: gateways[0]."}, "plan")
	w.write(w.config(later("public", webRule), recoveryPolicy("failover_plan = { name = \"Web\", public_ip_rules = [terraform_data.public.output] }", webReachesDB)))
	w.expect(0, []string{"The policy was not judged in this plan, because this is not known yet: failover_plan.public_ip_rules."}, "plan")
}

// Each null is one error, at its place.
func TestAccNullElements(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	for _, c := range []struct{ config, want string }{
		{elements(failoverPlan("New", vms("web01", "{}")), "null"), "vms[1]: the VM is null. Give it an object, or leave it out, such as with [for e in local.vms : e if e != null]."},
		{failoverPlan("New", vms("web01"), "null"), "public_ip_rules[0]: the public IP rule is null. Give it an object, or leave it out"},
		{variable("extra", "bool", "false") + elements(failoverPlan("New", vms("web01", "{}")), `var.extra ? { name = "web02" } : null`), "vms[1]: the VM is null."},
		{recoveryPolicy("", "null", webReachesDB), "rules[0]: the rule is null. Give it an object, or leave it out"},
		{recoveryPolicy("gateways = [null]", webReachesDB), "gateways[0]: the gateway is null, such as one(vcc_default_gateway.app) where count is 0. Leave it out: vcc_default_gateway.app[*] has those that there are."},
		{strings.Replace(appGateway, "{\n", "{\n  count = 0\n", 1) + recoveryPolicy("gateways = [one(vcc_default_gateway.app)]", webReachesDB), "gateways[0]: the gateway is null"},
		{recoveryPolicy("failover_plan = { name = \"Web\", public_ip_rules = [null] }", webReachesDB), "failover_plan: public_ip_rules[0]: the public IP rule is null."},
		{gatewaySet(entry(silver3, `ipv4 = { address = null, subnet_mask = "255.255.255.0" }`)), `gateways["VMware Silver network 1"].ipv4.address: the value is missing; write one, such as 172.17.52.1.`},
		{gatewaySet(entry(silver3, `ipv4 = { address = "172.17.54.1", subnet_mask = null }`)), `.ipv4.subnet_mask: the value is missing; write one, such as 255.255.254.0.`},
		{gatewaySet(entry(silver3, `ipv6 = { address = null, network = "2001:db8:54::", prefix_length = 64 }`)), `.ipv6.address: the value is missing; write one, such as 2001:db8:52::1.`},
		{gatewaySet(entry(silver3, `ipv6 = { address = "fe80::1", network = null, prefix_length = 64 }`)), `.ipv6.network: the value is missing; write one, such as 2001:db8:52::.`},
		{gatewaySet(entry(silver3, `ipv6 = { address = "fe80::1", network = "2001:db8:54::", prefix_length = null }`)), `.ipv6.prefix_length: the value is missing; write one, such as 64.`},
	} {
		w.write(w.config(c.config))
		if out, status := w.terraform("plan"); status != 1 || strings.Count(out, "Error: ") != 1 || !strings.Contains(out, c.want) {
			t.Errorf("a plan ended with %d and does not say only %q:\n%s\n%s", status, c.want, c.config, out)
		}
	}
	// What the error about gateways advises.
	w.write(w.config(strings.Replace(appGateway, "{\n", "{\n  count = 0\n", 1), dataGateway, routing(true), recoveryPolicy("gateways = concat(vcc_default_gateway.app[*], vcc_default_gateway.data[*])\n  enforce = false", webReachesDB)))
	w.expect(0, nil, "validate")
	w.expect(0, nil, "plan")
}
