package provider_test

import "testing"

// A policy in check blocks is silent while it holds, warns in the plan once drift
// has broken it, and its test files say which way is closed.
func TestAccRecoveryPolicy(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	w.example("recovery-policy")
	w.silent("Check block assertion failed", "apply", "-auto-approve")
	w.silent("Check block assertion failed", "plan")

	w.command("routing", "off")
	w.expect(0, []string{
		`Warning: Check block assertion failed`, `in check "web_reaches_db"`,
		"After failover web would not reach db: routing_disabled.", "switch the routing option on",
		"(command line) changed enabled from true to false",
	}, "plan")

	// A gateway with another mask: web is no longer where the rules lead.
	w.command("routing", "on")
	w.command("gateway", "set", silver1, "--ipv4", "172.17.53.129/25")
	w.expect(0, []string{`in check "internet_reaches_web_on_443_alone"`, "After failover nobody would reach web"}, "plan")

	w.silent("Check block assertion failed", "apply", "-auto-approve")

	// Without its gateway db's address counts as outside; the policy asks for the way.
	w.command("gateway", "remove", silver3)
	w.expect(0, []string{`in check "web_reaches_db"`, "After failover web would not reach db: internet_access."}, "plan")

	w.expect(0, []string{"Success! 2 passed, 0 failed."}, "test")
	w.expect(1, []string{"After failover web would not reach db: routing_disabled."},
		"test", "-var=routing_enabled=false", "-filter=tests/policy.tftest.hcl")
}
