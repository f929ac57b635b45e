package cli_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// keys are the keys of an object in JSON, sorted.
func keys(t *testing.T, text []byte) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(object[map[string]json.RawMessage](t, string(text))))
}

const (
	started = `esx01: network extension appliance started with 7 network adapters
esx01: ext0 gets 198.51.100.5/24
esx01: ext0 gets 2001:db8:ffff::5/64
esx01: net1 (VMware Silver network 1 (internet)) gets 172.17.52.1/23
esx01: net1 (VMware Silver network 1 (internet)) gets fe80::1/64
esx01: net2 (VMware Silver network 2 (internet)) gets 172.17.56.1/24
esx01: net3 (VMware Silver network 1) gets no address
esx01: net4 (VMware Silver network 2) gets no address
esx01: net5 (VMware Bronze network 1 (internet)) gets 172.17.58.1/24
esx01: net6 (VMware Bronze network 1) gets no address
esx01: public address 203.0.113.10:443 leads to 172.17.52.10:443 through net1
esx01: public address 203.0.113.11:8443 leads to 172.17.52.11:443 through net1
esx01: replica of VM "db01" started
esx01: replica of VM "web01" started
esx01: replica of VM "web02" started
esx01: replica of VM "file01" started
Problem: no default gateway is stored for "VMware Silver network 1", so it gets no address and nothing gets out of it; store one
Problem: no default gateway is stored for "VMware Silver network 2", so it gets no address and nothing gets out of it; store one
Problem: no default gateway is stored for "VMware Bronze network 1", so it gets no address and nothing gets out of it; store one
`
	undone        = "addresses taken away, network extension appliances stopped\n"
	ready         = "FAILOVER PLAN  STATE  SINCE  BY\nWhole site     ready\n"
	nothingToUndo = "Error: no plan is failed over; there is nothing to undo\n"
)

// tested is what a test says instead of started.
var tested = "Test of failover plan \"Whole site\": nothing was started. A failover would do this:\n" +
	regexp.MustCompile(`(?m)(esx01.*)( started| gets| leads)`).ReplaceAllStringFunc(started, func(line string) string {
		return strings.NewReplacer(" started", " would start", " gets", " would get", " leads", " would lead").Replace(line)
	})

func TestFailoverCommands(t *testing.T) {
	c := newConsole(t)
	c.ends(0, ready, "", "failover", "status")
	c.ends(1, "", nothingToUndo, "failover", "undo")
	c.ends(0, tested, "", "failover", "test", "Whole site")
	c.ends(0, ready, "", "failover", "status")

	c.ends(0, started, "", "failover", "start", "Whole site")
	failedOver := regexp.MustCompile(`^FAILOVER PLAN  STATE        SINCE                    BY
Whole site     failed over  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC  .+ \(command line\)
$`)
	if got := c.done("failover", "status"); !failedOver.MatchString(got) {
		t.Errorf("the status is\n%s\nwant a match of\n%s", got, failedOver)
	}
	for _, args := range [][]string{{"failover", "start", "Whole site"}, {"failover", "partial", "start", "web01"}} {
		status, stdout, stderr := c.run(args...)
		if status != 1 || stdout != "" || !strings.HasPrefix(stderr, `Error: the network extension appliance is busy with the full site failover of plan "Whole site" since `) {
			t.Errorf("%q ended with %d\n%s%s", args, status, stdout, stderr)
		}
	}
	c.ends(0, undone, "", "failover", "undo")
	c.ends(1, "", nothingToUndo, "failover", "undo")
	c.ends(0, ready, "", "failover", "status")

	id := object[[]httpapi.FailoverPlan](t, c.done("--json", "failover", "status"))[0].ID
	c.ends(0, tested, "", "failover", "test", id)
	c.ends(0, started, "", "failover", "start", id)
	c.ends(0, undone, "", "failover", "undo")

	c.ends(0, "esx01: replica of VM \"web01\" started behind a layer-2 tunnel\n", "", "failover", "partial", "start", "web01")
	c.ends(1, "", nothingToUndo, "failover", "undo")
	status, stdout, stderr := c.run("failover", "start", "Whole site")
	if status != 1 || stdout != "" || !strings.HasSuffix(stderr, "End that one first, or start with force, which ends partial failovers\n") {
		t.Errorf("a start during a partial failover ended with %d\n%s%s", status, stdout, stderr)
	}
	c.ends(0, "the partial site failover of VM \"web01\" ended\n"+started, "", "failover", "start", "Whole site", "--force")
	c.ends(1, "", "Error: VM \"web01\" is not failed over; there is nothing to stop\n", "failover", "partial", "stop", "web01")
	c.ends(0, undone, "", "failover", "undo")
	c.ends(0, "esx01: replica of VM \"web01\" started behind a layer-2 tunnel\n", "", "failover", "partial", "start", "web01")
	c.ends(0, "replica and tunnel stopped\n", "", "failover", "partial", "stop", "web01")
}

func TestFailoverRefusals(t *testing.T) {
	c := newConsole(t)
	const unknownPlan = "Error: there is no failover plan \"Shop\"; did you mean \"Whole site\"? An ID is good, too\n"
	for _, tc := range []struct {
		name   string
		args   []string
		status int
		stderr string
	}{
		{"start an unknown plan", []string{"failover", "start", "Shop"}, 1, unknownPlan},
		{"test an unknown plan", []string{"failover", "test", "Shop"}, 1, unknownPlan},
		{"in JSON", []string{"--json", "failover", "start", "Shop"}, 1, unknownPlan},
		{"start an unknown VM", []string{"failover", "partial", "start", "shop01"}, 1, "Error: there is no VM \"shop01\"\n"},
		{"stop an unknown VM", []string{"failover", "partial", "stop", "shop01"}, 1, "Error: there is no VM \"shop01\"\n"},
		{"stop a VM at home", []string{"failover", "partial", "stop", "web01"}, 1, "Error: VM \"web01\" is not failed over; there is nothing to stop\n"},
		{"no plan", []string{"failover", "start"}, 2, "Error: expected \"<plan>\". See: terraform-provider-vcc backend --help\n"},
		{"no VM", []string{"failover", "partial", "start"}, 2, "Error: expected \"<vm>\". See: terraform-provider-vcc backend --help\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			console{t, c.dir}.ends(tc.status, "", tc.stderr, tc.args...)
		})
	}
	c.ends(0, ready, "", "failover", "status")
}

func TestFailoverJSON(t *testing.T) {
	c := newConsole(t)
	session := func(args ...string) httpapi.FailoverSession {
		t.Helper()
		return object[httpapi.FailoverSession](t, c.done(append([]string{"--json", "failover"}, args...)...))
	}
	plans := func() []httpapi.FailoverPlan {
		t.Helper()
		return object[[]httpapi.FailoverPlan](t, c.done("--json", "failover", "status"))
	}
	plan := plans()[0]
	wantPlan := httpapi.FailoverPlan{
		ID: plan.ID, Name: "Whole site", VMs: []string{"db01", "web01", "web02", "file01"},
		PublicIPRules: []httpapi.PublicIPRule{
			{Address: "203.0.113.10", Port: 443, ToAddress: "172.17.52.10", ToPort: 443},
			{Address: "203.0.113.11", Port: 8443, ToAddress: "172.17.52.11", ToPort: 443},
		},
	}
	if diff := cmp.Diff([]httpapi.FailoverPlan{wantPlan}, plans()); diff != "" {
		t.Errorf("plans (-want +got):\n%s", diff)
	}
	if tested := session("test", "Whole site"); tested.ID != "" || !tested.Test || tested.Kind != vcc.FailoverFullSite || len(tested.Log) != 16 || len(tested.Problems) != 3 {
		t.Errorf("the test says %+v", tested)
	}
	began := session("start", "Whole site")
	if began.ID == "" || began.PlanID != plan.ID || began.EndedAt != nil || len(began.Log) != 16 || len(began.Problems) != 3 {
		t.Errorf("the start says %+v", began)
	}
	wantPlan.Session = &began
	if diff := cmp.Diff([]httpapi.FailoverPlan{wantPlan}, plans()); diff != "" {
		t.Errorf("plans after the start (-want +got):\n%s", diff)
	}
	if ended := session("undo"); ended.ID != began.ID || ended.EndedAt == nil || len(ended.Log) != 17 {
		t.Errorf("the undo says %+v", ended)
	}
	began = session("partial", "start", "web01")
	if began.Kind != vcc.FailoverPartialSite || began.VM != "web01" || began.PlanName != "" {
		t.Errorf("the partial start says %+v", began)
	}
	if ended := session("partial", "stop", "web01"); ended.ID != began.ID || ended.EndedAt == nil {
		t.Errorf("the partial stop says %+v", ended)
	}
}

// trace is a command line without the flags of the backend.
func trace(source, destination string, more ...string) []string {
	return append([]string{"trace", "--source", source, "--destination", destination}, more...)
}

const web, db = "172.17.52.10", "172.17.54.20"

func TestTraceText(t *testing.T) {
	c := newConsole(t)
	c.done("gateway", "set", "VMware Silver network 1", "--ipv4", "172.17.54.1/24")
	c.ends(3, `not reachable: dropped, routing_disabled
web01 (172.17.52.10) does not reach db01 (172.17.54.20) on tcp port 5432: 172.17.54.20 is in net3 (VMware Silver network 1), and traffic between networks is not routed; switch the routing option on.
  request
    tcp from 172.17.52.10:49152 to 172.17.54.20:5432 arrives on net1 (VMware Silver network 1 (internet))
    dropped, routing_disabled: 172.17.54.20 is in net3 (VMware Silver network 1), and traffic between networks is not routed; switch the routing option on
`, "", trace("web01", "db01", "--port", "5432")...)
	c.ends(3, `not reachable: dropped, no_internet_access
172.17.54.20 does not reach the internet (192.0.2.1) over icmp: 192.0.2.1 is outside, and net3 (VMware Silver network 1) has no internet access; use a network with internet access.
  request
    icmp from 172.17.54.20 to 192.0.2.1 arrives on net3 (VMware Silver network 1)
    dropped, no_internet_access: 192.0.2.1 is outside, and net3 (VMware Silver network 1) has no internet access
`, "", trace(db, "internet", "--protocol", "icmp")...)

	c.done("routing", "on")
	c.ends(0, `reachable: forwarded, routing_enabled
172.17.52.10 reaches 172.17.54.20 on tcp port 5432: traffic is routed between the networks of hardware plan "VMware Silver".
  request
    tcp from 172.17.52.10:49152 to 172.17.54.20:5432 arrives on net1 (VMware Silver network 1 (internet))
    forwarded, routing_enabled: traffic is routed between the networks of hardware plan "VMware Silver"
    172.17.54.20 is in 172.17.54.0/24, directly connected
    leaves through net3 (VMware Silver network 1) with a hop limit of 63
  reply
    tcp from 172.17.54.20:5432 to 172.17.52.10:49152 arrives on net3 (VMware Silver network 1)
    forwarded, known_flow: it belongs to a flow that was let through
    172.17.52.10 is in 172.17.52.0/23, directly connected
    leaves through net1 (VMware Silver network 1 (internet)) with a hop limit of 63
`, "", trace(web, db, "--port", "5432")...)
}

func TestTraceJSON(t *testing.T) {
	c := newConsole(t)
	c.done("gateway", "set", "VMware Silver network 1", "--ipv4", "172.17.54.1/24")
	packet := []string{"destination", "reason", "source", "steps", "verdict"}
	for _, tc := range []struct {
		name   string
		args   []string
		status int
		want   httpapi.Reachability // without the steps
	}{
		{
			"dropped", trace(web, db, "--port", "5432"), 3,
			httpapi.Reachability{Addresses: []string{web, db}, TracedPacket: httpapi.TracedPacket{
				Verdict: "dropped", Reason: "routing_disabled", Source: "172.17.52.10:49152", Destination: "172.17.54.20:5432",
			}},
		},
		{
			"forwarded", trace("192.0.2.80", "203.0.113.11", "--port", "8443"), 0,
			httpapi.Reachability{
				Reachable: true, Addresses: []string{"172.17.52.11", "192.0.2.80", "203.0.113.11"},
				TracedPacket: httpapi.TracedPacket{
					Verdict: "forwarded", Reason: "public_ip_rule", Source: "192.0.2.80:49152", Destination: "172.17.52.11:443",
				},
				Reply: &httpapi.TracedPacket{Verdict: "forwarded", Reason: "known_flow", Source: "203.0.113.11:8443", Destination: "192.0.2.80:49152"},
			},
		},
		{
			"delivered", trace(web, "172.17.52.1", "--protocol", "icmp"), 0,
			httpapi.Reachability{
				Reachable: true, Addresses: []string{"172.17.52.1", web},
				TracedPacket: httpapi.TracedPacket{Verdict: "delivered", Reason: "echo", Source: web, Destination: "172.17.52.1"},
				Reply:        &httpapi.TracedPacket{Verdict: "forwarded", Reason: "own_reply", Source: "172.17.52.1", Destination: web},
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, stdout, stderr := console{t, c.dir}.run(append([]string{"--json"}, tc.args...)...)
			if status != tc.status || stderr != "" {
				t.Errorf("it ended with %d, want %d: %s", status, tc.status, stderr)
			}
			wantKeys := slices.Sorted(slices.Values(append([]string{"addresses", "explanation", "reachable", "reply"}, packet...)))
			if diff := cmp.Diff(wantKeys, keys(t, []byte(stdout))); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			reply := object[map[string]json.RawMessage](t, stdout)["reply"]
			if tc.want.Reply == nil {
				if string(reply) != "null" {
					t.Errorf("the reply to what is dropped is %s", reply)
				}
			} else if diff := cmp.Diff(packet, keys(t, reply)); diff != "" {
				t.Errorf("keys of the reply (-want +got):\n%s", diff)
			}

			got := object[httpapi.Reachability](t, stdout)
			if len(got.Steps) < 2 || got.Reply != nil && len(got.Reply.Steps) < 2 {
				t.Errorf("steps are missing: %s", stdout)
			}
			if !strings.HasSuffix(got.Explanation, ".") {
				t.Errorf("the explanation is %q", got.Explanation)
			}
			got.Steps, got.Explanation = nil, ""
			if got.Reply != nil {
				got.Reply.Steps = nil
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTraceWrongFlags(t *testing.T) {
	c := newConsole(t)
	const address = " is not an IP address; write one such as 172.17.52.10 or 2001:db8:52::10\n"
	const help = ". See: terraform-provider-vcc backend --help\n"
	for _, tc := range []struct {
		name   string
		args   []string
		status int
		stderr string
	}{
		{"source", trace("172.17.52.300", db, "--port", "1"), 1, `Error: --source: "172.17.52.300"` + address},
		{"no VM", trace("web1", db, "--port", "1"), 1, `Error: --source: "web1" is no VM of the tenant's site, no IP address and not the word internet; ` +
			`did you mean "web01", "web02", "db01", "file01", "tape01", "vault01"?` + "\n"},
		{"internet at both ends", trace("internet", "internet", "--port", "1"), 1,
			"Error: --destination: source and destination are both the internet, and such packets do not come this way; name a VM or an address at one end\n"},
		{"destination", trace(web, "172.17.54.0/24", "--port", "1"), 1, `Error: --destination: "172.17.54.0/24"` + address},
		{"two families", trace(web, "2001:db8:52::10", "--port", "1"), 1, "Error: --destination: 2001:db8:52::10 and the source 172.17.52.10 are not of one family\n"},
		{"protocol", trace(web, db, "--protocol", "sctp", "--port", "1"), 1, "Error: --protocol: \"sctp\" is not a protocol; use tcp, udp or icmp\n"},
		{"no port", trace(web, db), 1, "Error: --port: a destination port from 1 to 65535 is required with tcp\n"},
		{"port 0", trace(web, db, "--port", "0"), 1, "Error: --port: 0 is not a port; use 1 to 65535\n"},
		{"port too high", trace(web, db, "--protocol", "udp", "--port", "65536"), 1, "Error: --port: 65536 is not a port; use 1 to 65535\n"},
		{"port of icmp", trace(web, db, "--protocol", "icmp", "--port", "7"), 1, "Error: --port: there are no ports in icmp; leave it out\n"},
		{
			"several", trace("1.2.3.256", "::g:", "--protocol", "sctp"), 1,
			`Error: --source: "1.2.3.256"` + address + `--destination: "::g:"` + address + "--protocol: \"sctp\" is not a protocol; use tcp, udp or icmp\n",
		},
		{"no source", []string{"trace", "--destination", db, "--port", "1"}, 2, "Error: missing flags: --source=END" + help},
		{"no destination", []string{"trace", "--source", web, "--port", "1"}, 2, "Error: missing flags: --destination=END" + help},
		{"port in words", trace(web, db, "--port", "postgres"), 2, `Error: --port: expected a valid 64 bit int but got "postgres"` + help},
		{"unknown flag", trace(web, db, "--ports", "1"), 2, "Error: unknown flag --ports, did you mean \"--port\"?" + help},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := console{t, c.dir}
			c.ends(tc.status, "", tc.stderr, tc.args...)
			c.ends(tc.status, "", tc.stderr, append([]string{"--json"}, tc.args...)...)
		})
	}
}
