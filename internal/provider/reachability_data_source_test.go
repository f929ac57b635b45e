package provider_test

import (
	"fmt"
	"path/filepath"
	"testing"
)

// Ends are VMs and the internet, and the explanation says what to do.
func TestAccReachability(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	question := func(name, source, destination, more string) string {
		return fmt.Sprintf("data \"vcc_reachability\" %q {\n  source = %q\n  destination = %q\n  %s\n}\noutput %q {\n  value = \"${data.vcc_reachability.%s.reachable} ${data.vcc_reachability.%s.reason} ${data.vcc_reachability.%s.explanation}\"\n}\n",
			name, source, destination, more, name, name, name, name)
	}
	tcp := "protocol = \"tcp\"\n  port = 443"
	w.write(w.config(question("db", "web01", "db01", tcp), question("out", "web01", "internet", tcp), question("in", "internet", "203.0.113.10", tcp), question("echo", "file01", "172.17.56.1", `protocol = "icmp"`)))
	w.expect(0, []string{
		`db = "false private_destination web01 (172.17.52.10) does not reach db01 (172.17.54.20) on tcp port 443: \"VMware Silver network 1\" has no IPv4 default gateway ` +
			`for production network \"Data\" (172.17.54.0/24); store one."`,
		`out = "true internet_access web01 (172.17.52.10) reaches the internet (192.0.2.1) on tcp port 443:`,
		`in = "true public_ip_rule the internet (192.0.2.1) reaches 203.0.113.10 on tcp port 443:`,
		`echo = "true echo file01 (172.17.56.30) reaches 172.17.56.1 over icmp:`,
	}, "apply", "-auto-approve")
	w.write(w.config(question("wrong", "web01", "db1", tcp)))
	w.expect(1, []string{`destination: "db1" is no VM of the tenant's site, no IP address and not the word internet; did you mean "db01"`}, "plan")
	w.write(w.config(question("wrong", "web01", "db01", `protocol = "tcp"`)))
	w.expect(1, []string{"port: a destination port from 1 to 65535 is required with tcp."}, "plan")
}

// An answer is never older than the question: between two of one apply somebody changes the option.
func TestAccReachability_neverCached(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	w.command("gateway", "set", silver3, "--ipv4", "172.17.54.1/24")
	mirror, err := plugin()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(mirror, pluginPath("registry.terraform.io"))
	question := func(name, after string) string {
		return fmt.Sprintf("data \"vcc_reachability\" %q {\n  source = \"web01\"\n  destination = \"db01\"\n  protocol = \"icmp\"\n  depends_on = [%s]\n}\noutput %q {\n  value = data.vcc_reachability.%s.reason\n}\n", name, after, name, name)
	}
	w.write(w.config(question("before", ""), question("after", "terraform_data.switch"), fmt.Sprintf(
		"resource \"terraform_data\" \"switch\" {\n  input = data.vcc_reachability.before.reason\n  provisioner \"local-exec\" {\n    command = \"%s backend --data-dir %s routing on\"\n  }\n}\n", program, w.dir)))
	w.expect(0, []string{`after = "routing_enabled"`, `before = "routing_disabled"`}, "apply", "-auto-approve")
}
