package provider_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// A state that was written before networks had the product's names, tenants stood in states and the routing option
// knew what to go back to: plans on it are empty, and what it has is destroyed as it would have been.
func TestAccOldState(t *testing.T) {
	l := newTestLab(t)
	old, err := os.ReadFile("testdata/state-before-names.json")
	if err != nil {
		t.Fatal(err)
	}
	l.command("gateway", "set", silver3, "--ipv4", "172.17.54.1/24", "--ipv6", "fe80::1", "--ipv6-network", "2001:db8:54::/64")
	l.command("routing", "on")
	byID, byName := fmt.Sprintf("network_id = %q", l.ids[silver3]), fmt.Sprintf("network_name = %q", silver3)
	settings := []string{ipv4Data, ipv6("2001:db8:54::", 64, "fe80::1")}
	state := strings.NewReplacer("%{network}", l.ids[silver3], "%{tenant}", l.routing().TenantID).Replace(string(old))
	w := l.newWorkspace()
	for _, reference := range []string{byID, byName, byID + "\n  " + byName} {
		w.put("terraform.tfstate", state)
		w.write(l.config(onNetwork(reference, settings...), routing(true)))
		w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
	}
	w.write(l.config(onNetwork(byID, settings...), routing(true)))
	w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode", "-refresh=false")
	w.write(l.config(onNetwork(byID, ipv4("172.17.54.2", "255.255.255.0")), routing(true)))
	w.expect(2, []string{"0 to add, 1 to change, 0 to destroy"}, "plan", "-detailed-exitcode", "-refresh=false")

	// The name is that of another network now, which the plan does not take for this one.
	w.write(l.config(onNetwork(`network_name = "`+silver4+`"`, settings...), routing(true)))
	w.expect(2, []string{"1 to add, 0 to change, 1 to destroy"}, "plan", "-detailed-exitcode", "-refresh=false")
	w.write(l.config(onNetwork(byName, settings...), routing(true)))
	w.expect(0, []string{"0 added, 1 changed, 0 destroyed"}, "apply", "-auto-approve", "-refresh=false")
	w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")

	w.put("terraform.tfstate", state)
	gateways := l.gateways()
	w.expect(0, []string{"2 destroyed"}, "destroy", "-auto-approve")
	if l.stored(silver3) != nil || l.routing().Enabled || len(l.gateways()) != len(gateways)-1 {
		t.Errorf("after the destroy: %+v, %+v", l.gateways(), l.routing())
	}
}
