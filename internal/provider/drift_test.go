package provider_test

import (
	"strings"
	"testing"
)

// A plan says who changed what, when others did; and says nothing once nobody did.
func TestAccDriftHasAName(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	w.write(w.config(gateway(silver3, ipv4Data), routing(true)))
	w.expect(0, nil, "apply", "-auto-approve")

	quiet := func() {
		t.Helper()
		out, status := w.terraform("plan", "-detailed-exitcode")
		if status != 0 || strings.Contains(out, "Warning") {
			t.Fatalf("the plan is not quiet: %s", out)
		}
	}
	quiet()

	w.command("gateway", "set", silver3, "--ipv4", "172.17.54.9/25")
	w.command("routing", "off")
	w.expect(2, []string{
		"Warning: Default Gateway Changed Outside Terraform",
		`Since Terraform last saw the default gateway of "VMware Silver network 1":`,
		"(command line) changed ipv4.address from 172.17.54.1 to 172.17.54.9, ipv4.subnet_mask from 255.255.255.0 to 255.255.255.128",
		"Warning: Routing Option Changed Outside Terraform",
		"(command line) changed enabled from true to false",
		"Plan: 0 to add, 2 to change, 0 to destroy.",
	}, "plan", "-detailed-exitcode")
	w.expect(0, nil, "apply", "-auto-approve")
	quiet()

	w.command("gateway", "remove", silver3)
	w.expect(2, []string{"(command line) removed it", "Plan: 1 to add, 0 to change, 0 to destroy."}, "plan", "-detailed-exitcode")
	w.expect(0, nil, "apply", "-auto-approve")

	// Changed and changed back is no drift.
	w.command("gateway", "set", silver3, "--ipv4", "172.17.54.9/24")
	w.command("gateway", "set", silver3, "--ipv4", "172.17.54.1/24")
	quiet()

	// What led to the difference is said, and not what was changed back before.
	w.command("gateway", "set", silver3, "--ipv4", "172.17.54.8/24")
	w.command("gateway", "set", silver3, "--ipv4", "172.17.54.9/24")
	out, _ := w.terraform("plan")
	first, then := strings.Index(out, "from 172.17.54.1 to 172.17.54.8"), strings.Index(out, "from 172.17.54.8 to 172.17.54.9")
	if first < 0 || then < first || strings.Contains(out, "from 172.17.54.9 to 172.17.54.1") {
		t.Errorf("the plan says: %s", out)
	}
	w.expect(0, nil, "apply", "-auto-approve")
	quiet()

	// The code may follow the change; then it is nobody's drift any more.
	w.command("gateway", "set", silver3, "--ipv4", "172.17.54.9/24")
	w.write(w.config(gateway(silver3, ipv4("172.17.54.9", "255.255.255.0")), routing(true)))
	w.expect(0, nil, "apply", "-auto-approve")
	quiet()
}

func TestAccProvider_saysThatItIsEmbedded(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	w.write("provider \"vcc\" {}\n" + routing(true))
	w.expect(0, []string{
		"Warning: Embedded Backend in Use",
		"so this configures the reference backend in", w.folder, "and no real site",
	}, "plan")
}

func TestAccPrefixLengthWarning(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	w.write(w.config(gateway(silver3, ipv6("2001:db8:54::", 48, "fe80::1"))))
	w.expect(0, []string{
		"Warning: No Failover over IPv6", "Only /64 works for failover over IPv6. A prefix length of 48 is stored",
	}, "apply", "-auto-approve")
}
