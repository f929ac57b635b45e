package labfile_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/labfile"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const checksExample = `# Who reaches whom after failover.
- source: web01
  destination: db01
  protocol: tcp
  port: 5432
  reachable: true
  reason: routing_enabled

- { source: internet, destination: "2001:db8:ffff::10", protocol: icmp, reachable: false }
`

func TestReadChecks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "checks.yaml")
	ok(t, os.WriteFile(name, []byte(checksExample), 0o600))
	checks, err := labfile.ReadChecks(name)
	ok(t, err)
	first := vcc.TraceRequest{Source: vcc.TraceEnd{VM: "web01"}, Destination: vcc.TraceEnd{VM: "db01"}, Protocol: "tcp", Port: 5432, Reason: vcc.ReasonRoutingEnabled}
	second := vcc.TraceRequest{Source: vcc.TraceEnd{Internet: true}, Destination: vcc.TraceEnd{Address: netip.MustParseAddr("2001:db8:ffff::10")}, Protocol: "icmp", Unwanted: true}
	same(t, "checks", checks.List, []vcc.Check{{TraceRequest: first}, {TraceRequest: second}})
	same(t, "lines", checks.Lines, []int{2, 9})
	same(t, "questions", checks.Questions(), []vcc.TraceRequest{first, second})

	about := func(field string) error {
		return &vcc.Error{Code: vcc.CodeInvalidValue, Field: field, Message: "there is no such VM; questions[1].destination: nor is there that"}
	}
	err = checks.Located(errors.Join(about("questions[0].destination"), about("questions[1].source"), about("questions[1]")))
	same(t, "located", strings.Split(err.Error(), "\n"), []string{
		name + ":3: destination: there is no such VM; line 9, destination: nor is there that",
		name + ":9: source: there is no such VM; line 9, destination: nor is there that", name + ":9: there is no such VM; line 9, destination: nor is there that",
	})
	if vcc.Code(err) != vcc.CodeInvalidValue {
		t.Errorf("the code of the error is %q", vcc.Code(err))
	}
	for _, other := range []error{about("tenant"), os.ErrClosed, nil} {
		if got := checks.Located(other); got != other { //nolint:errorlint // it is that very error
			t.Errorf("%v became %v", other, got)
		}
	}

	_, err = labfile.ReadChecks(name + "x")
	if err == nil || !strings.HasPrefix(err.Error(), "the checks file "+name+"x cannot be read: ") {
		t.Errorf("a file that is missing: %v", err)
	}
}

// TestWrongChecks spoils the example in one place at a time.
func TestWrongChecks(t *testing.T) {
	const whole = "\x00" // in place of all of it
	for _, tc := range []struct{ name, old, new, want string }{
		{"a key that there is not", "  port: 5432", "  prot: 5432", `5: unknown field "prot"`},
		{"a key twice", "  port: 5432", "  port: 5432\n  port: 22", `6: mapping key "port" already defined at [5:3]`},
		{"a port that is no number", "5432", "https", "5: https is not a whole number"},
		{"a port in another notation", "5432", "0x50", "5: 0x50 is not a whole number in decimal; write 80"},
		{"a port too large", "5432", "70000", "5: port: 70000 is not a port; use 1 to 65535"},
		{"no port", "  port: 5432\n", "", "2: port: a destination port from 1 to 65535 is required with tcp"},
		{"a port in icmp", "icmp, ", "icmp, port: 7, ", "9: port: there are no ports in icmp; leave it out"},
		{"neither true nor false", "reachable: true", "reachable: yes", "6: yes is neither true nor false"},
		{"not said", "  reachable: true\n", "", "2: reachable: say whether the destination should be reached: true or false"},
		{"null", "reachable: true", "reachable:", "6: reachable: say whether the destination should be reached: true or false"},
		{"an unknown protocol", "protocol: tcp", "protocol: sctp", `4: protocol: "sctp" is not a protocol; use tcp, udp or icmp`},
		{"a reason for the opposite", "routing_enabled", "routing_disabled", `7: reason: "routing_disabled" is no reason to be reachable; leave it out for any, or use ` +
			"routing_enabled, same_network, internet_access, public_ip_rule, echo, management"},
		{"no source", "- source: web01\n  dest", "- dest", "2: source: an end is required: the name of a VM, an IP address, or internet"},
		{"an anchor", "web01", "&a web01", "2: a checks file has no anchors, aliases and tags; write the value out"},
		{"empty", whole, "# none yet\n", "1: there is no check in it; write at least one, such as - { source: web01, destination: db01, protocol: tcp, port: 5432, reachable: true }"},
		{"a mapping", whole, "checks: []", "1: mapping was used where sequence is expected"},
		{"too many", whole, strings.Repeat("- {}\n", 1001), "1001: 1001 checks are too many; a file has 1000 at most"},
		{"many brackets", whole, strings.Repeat("[", 1e5), "1: it is nested deeper than any value of a checks file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.Replace(checksExample, tc.old, tc.new, 1)
			if tc.old == whole {
				text = tc.new
			}
			_, err := labfile.ParseChecks("f", []byte(text))
			if err == nil {
				t.Fatal("it was read")
			}
			same(t, "error", err.Error(), "f:"+tc.want)
		})
	}
}
