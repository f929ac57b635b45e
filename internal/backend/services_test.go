package backend_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/labfile"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const xyz = "XYZ Holding"

// changedLab writes the built-in lab with changes into a file.
func changedLab(t *testing.T, change func(abc, xyz *vcc.LabTenant)) string {
	t.Helper()
	builtIn, err := labfile.BuiltIn()
	ok(t, err)
	lab := builtIn.Lab()
	change(&lab.Tenants[0], &lab.Tenants[1])
	text, err := labfile.Format(lab)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func publicIPRule(public, internal string) vcc.PublicIPRule {
	return vcc.PublicIPRule{Public: netip.MustParseAddrPort(public), Internal: netip.MustParseAddrPort(internal)}
}

// morePlans gives ABC a second failover plan on its host, and XYZ one on its second
// host, whose VM has a job of its own.
func morePlans(abc, xyz *vcc.LabTenant) {
	abc.FailoverPlans = append(abc.FailoverPlans, vcc.LabFailoverPlan{Name: "Web", VMs: []string{"web01"}})
	xyz.VMs = append(xyz.VMs, vcc.VM{Name: "crm01", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "Backend"}}})
	xyz.Jobs = append(xyz.Jobs, vcc.LabReplicationJob{Name: "Bronze daily", HardwarePlan: "VMware Bronze", VMs: []string{"crm01"}})
	xyz.FailoverPlans = append(xyz.FailoverPlans, vcc.LabFailoverPlan{Name: "CRM", VMs: []string{"crm01"}})
}

// openMorePlans opens both tenants of the built-in lab with morePlans; all jobs
// have run.
func openMorePlans(t *testing.T) (abc, other *site) {
	t.Helper()
	abc = openABC(t)
	other = abc.beside(backend.EmbeddedConfig{Tenant: xyz, LabFile: changedLab(t, morePlans)})
	other.run("Bronze daily")
	return abc, other
}

func (s *site) plan(name string) vcc.FailoverPlan {
	s.t.Helper()
	return named(s.t, listed(s.t, s.Client.FailoverPlans), name, func(p vcc.FailoverPlan) string { return p.Name })
}

func (s *site) appliance(host string) vcc.ApplianceState {
	s.t.Helper()
	return named(s.t, listed(s.t, s.Client.Appliances), host, func(a vcc.ApplianceState) string { return a.HostName })
}

// try does what a call says: "start PLAN", "force PLAN", "undo PLAN", "test PLAN", "partial VM"
// or "stop VM".
func (s *site) try(call string) (*vcc.FailoverSession, error) {
	s.t.Helper()
	verb, object, _ := strings.Cut(call, " ")
	switch ctx := s.t.Context(); verb {
	case "start":
		return s.Client.StartFailover(ctx, self, s.plan(object).ID, false)
	case "force":
		return s.Client.StartFailover(ctx, self, s.plan(object).ID, true)
	case "undo":
		return s.Client.UndoFailover(ctx, self, s.plan(object).ID)
	case "test":
		return s.Client.TestFailover(ctx, self, s.plan(object).ID)
	case "partial":
		return s.Client.StartPartialFailover(ctx, self, object)
	default:
		return s.Client.StopPartialFailover(ctx, self, object)
	}
}

// do is try where nothing may go wrong.
func (s *site) do(call string) *vcc.FailoverSession {
	s.t.Helper()
	session, err := s.try(call)
	if err != nil {
		s.t.Fatalf("%s: %v", call, err)
	}
	return session
}

// refused checks that a call is refused with this message.
func (s *site) refused(call, message string) {
	s.t.Helper()
	session, err := s.try(call)
	if session != nil || vcc.Code(err) != vcc.CodeConflict || err.Error() != message {
		s.t.Errorf("%s: got %v, %v\nwant the conflict\n%s", call, session, err, message)
	}
}

// busy is the message of what is refused while a session is under way. A full failover
// that is refused because of a partial one can be forced.
func busy(call, with string, since *vcc.FailoverSession) string {
	wayOut := ""
	if since.Kind == vcc.FailoverPartialSite && strings.HasPrefix(call, "start ") {
		wayOut = ", or start with force, which ends partial failovers"
	}
	return fmt.Sprintf("the network extension appliance is busy with %s since %s; an appliance does one kind of failover at a time. End that one first%s",
		with, vcc.TimeText(since.StartedAt), wayOut)
}

func (s *site) run(job string) {
	s.t.Helper()
	id := named(s.t, listed(s.t, s.Client.ReplicationJobs), job, func(j vcc.ReplicationJob) string { return j.Name }).ID
	if _, err := s.Client.RunReplicationJob(s.t.Context(), self, id); err != nil {
		s.t.Fatal(err)
	}
}

// gateway stores an IPv4 gateway, "172.17.54.1/24"; "" removes what is stored.
func (s *site) gateway(network, gateway string) {
	s.t.Helper()
	id := s.networkID(network)
	var err error
	if gateway == "" {
		err = s.Client.RemoveDefaultGateway(s.t.Context(), self, id, unconditional)
	} else {
		_, err = put(s.t.Context(), s.Client, id, ipv4(gateway), unconditional)
	}
	ok(s.t, err)
}

func (s *site) routing(enabled bool) {
	s.t.Helper()
	if _, err := s.Client.PutNetworkRouting(s.t.Context(), self, enabled, unconditional); err != nil {
		s.t.Fatal(err)
	}
}

// question is what "tcp web01 192.0.2.1 443" asks.
func question(t *testing.T, packet string) vcc.TraceRequest {
	t.Helper()
	var protocol, source, destination string
	var number int
	var port *int
	if n, err := fmt.Sscan(packet, &protocol, &source, &destination, &number); n == 4 { // icmp has no port
		port = &number
	} else if n < 3 {
		t.Fatal(packet, err)
	}
	q, err := vcc.ParseTraceRequest(source, destination, protocol, port)
	ok(t, err)
	return q
}

// traced is the answer to "tcp 172.17.52.10 192.0.2.1 443".
func (s *site) traced(packet string) vcc.Reachability {
	s.t.Helper()
	answers, err := s.Client.Trace(s.t.Context(), self, []vcc.TraceRequest{question(s.t, packet)}, vcc.Assumption{})
	ok(s.t, err)
	return answers[0]
}

// trace says what becomes of a packet: "tcp 172.17.52.10 192.0.2.1 443".
func (s *site) trace(packet string) string {
	s.t.Helper()
	found := s.traced(packet)
	brief := func(p vcc.TracedPacket) string {
		return fmt.Sprintf("%s %s: %s to %s", p.Verdict, p.Reason, vcc.FormatEnd(p.Source), vcc.FormatEnd(p.Destination))
	}
	said := brief(found.TracedPacket)
	if found.Reply != nil {
		said += "; reply " + brief(*found.Reply)
	}
	if !found.Reachable {
		said = "not reachable, " + said
	}
	return said
}

// traces checks what becomes of packets.
func (s *site) traces(want [][2]string) {
	s.t.Helper()
	for _, w := range want {
		if got := s.trace(w[0]); got != w[1] {
			s.t.Errorf("%s\ngot  %s\nwant %s", w[0], got, w[1])
		}
	}
}

// listing is everything that a tenant can list.
type listing struct {
	Plans      []vcc.FailoverPlan
	Appliances []vcc.ApplianceState
	Networks   []vcc.Network
	Gateways   []vcc.DefaultGateway
	Jobs       []vcc.ReplicationJob
	Routing    *vcc.NetworkRouting
}

func (s *site) listing() listing {
	s.t.Helper()
	routing, err := s.Client.NetworkRouting(s.t.Context(), self)
	if err != nil {
		s.t.Fatal(err)
	}
	return listing{
		listed(s.t, s.Client.FailoverPlans), listed(s.t, s.Client.Appliances),
		networks(s.t, s.Client),
		listed(s.t, s.Client.DefaultGateways), listed(s.t, s.Client.ReplicationJobs), routing,
	}
}

func messages(s *vcc.FailoverSession) []string {
	return mapped(s.Log, func(e vcc.FailoverLogEntry) string { return e.Message })
}

func problems(list []vcc.ApplianceProblem) []string {
	return mapped(list, func(p vcc.ApplianceProblem) string { return strings.TrimSpace(string(p.Code) + " " + p.NetworkName) })
}

// idle and underWay are what every view of a plan and of an appliance says.
func (s *site) idle(plan, host string) {
	s.t.Helper()
	a := s.appliance(host)
	same(s.t, "session of the plan", s.plan(plan).Session, nil)
	same(s.t, "session of the appliance", a.Session, nil)
}

func (s *site) underWay(plan, host string, want *vcc.FailoverSession) {
	s.t.Helper()
	brief := *want // plans and appliances leave out what a session has of networks and VMs
	brief.Networks, brief.Machines, brief.PublicAddresses = nil, nil, nil
	a := s.appliance(host)
	same(s.t, "session of the plan", s.plan(plan).Session, &brief)
	same(s.t, "session of the appliance", a.Session, &brief)
}

func TestOneKindOfFailoverAtATimeD14(t *testing.T) {
	t.Parallel()
	const whole, web = `the full site failover of plan "Whole site"`, `the partial site failover of VM "web01"`
	// A step that is to be refused names what the appliance is busy with, and the
	// step that began it.
	type step struct{ call, busyWith, since string }
	done := func(call string) step { return step{call: call} }
	for _, tc := range []struct {
		name  string
		xyz   bool
		steps []step
	}{
		{"full during partial", false, []step{
			done("partial web01"), {"start Whole site", web, "partial web01"}, done("stop web01"), done("start Whole site"),
		}},
		{"full during partial of a VM that is not in the plan", false, []step{
			done("partial vault01"), {"start Whole site", `the partial site failover of VM "vault01"`, "partial vault01"},
		}},
		{"partial during full", false, []step{
			done("start Whole site"), {"partial web01", whole, "start Whole site"}, {"partial vault01", whole, "start Whole site"},
			done("undo Whole site"), done("partial web01"),
		}},
		{"second full", false, []step{
			done("start Whole site"), {"start Whole site", whole, "start Whole site"}, {"start Web", whole, "start Whole site"},
			done("undo Whole site"), done("start Web"), {"start Whole site", `the full site failover of plan "Web"`, "start Web"},
		}},
		{"partial failovers of two VMs", false, []step{
			done("partial web01"), done("partial db01"), done("stop db01"), {"start Whole site", web, "partial web01"},
		}},
		{"partial of the same VM twice", false, []step{
			done("partial web01"), done("partial db01"), {"partial web01", web, "partial web01"},
		}},
		{"full and partial on two hosts", true, []step{
			done("start Shop"), done("partial crm01"), {"start CRM", `the partial site failover of VM "crm01"`, "partial crm01"},
			{"partial erp01", `the full site failover of plan "Shop"`, "start Shop"},
		}},
		{"forced during partial ones", false, []step{
			done("partial web01"), done("partial db01"), {"start Whole site", web, "partial web01"}, done("force Whole site"),
			{"force Web", whole, "force Whole site"}, {"partial web01", whole, "force Whole site"}, done("undo Whole site"), done("partial web01"),
		}},
		{"forced with nothing to end", false, []step{done("force Whole site")}},
		{"full and full on two hosts", true, []step{done("start Shop"), done("start CRM"), done("undo Shop"), done("undo CRM")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, other := openMorePlans(t)
			if tc.xyz {
				s = other
			}
			sessions := map[string]*vcc.FailoverSession{}
			for _, step := range tc.steps {
				if step.busyWith != "" {
					before := s.listing()
					s.refused(step.call, busy(step.call, step.busyWith, sessions[step.since]))
					same(t, "listing after "+step.call, s.listing(), before)
					continue
				}
				sessions[step.call] = s.do(step.call)
			}
		})
	}

	forced := openABC(t)
	forced.do("partial web01")
	forced.do("partial db01")
	session := forced.do("force Whole site")
	same(t, "head of the log", messages(session)[:3], []string{
		`the partial site failover of VM "web01" ended`, `the partial site failover of VM "db01" ended`, "esx01: network extension appliance started with 7 network adapters",
	})
	forced.underWay("Whole site", "esx01", session)
	forced.refused("stop web01", `VM "web01" is not failed over; there is nothing to stop`)

	s := openABC(t)
	same(t, "session of the appliance", s.appliance("esx01").Session, nil)
	session = s.do("partial web01")
	a := s.appliance("esx01")
	same(t, "session of the appliance", a.Session, session)
	same(t, "log", messages(session), []string{`esx01: replica of VM "web01" started behind a layer-2 tunnel`})
	same(t, "session of the plan", s.plan("Whole site").Session, nil)
	s.do("stop web01")
	s.refused("stop web01", `VM "web01" is not failed over; there is nothing to stop`)
}

func TestGatewaysBecomeAddressesD15(t *testing.T) {
	t.Parallel()
	s := openABC(t)
	session := s.do("start Whole site")
	same(t, "log", messages(session), []string{
		"esx01: network extension appliance started with 7 network adapters",
		"esx01: ext0 gets 198.51.100.5/24",
		"esx01: ext0 gets 2001:db8:ffff::5/64",
		"esx01: net1 (VMware Silver network 1 (internet)) gets 172.17.52.1/23",
		"esx01: net1 (VMware Silver network 1 (internet)) gets fe80::1/64",
		"esx01: net2 (VMware Silver network 2 (internet)) gets 172.17.56.1/24",
		"esx01: net3 (VMware Silver network 1) gets no address",
		"esx01: net4 (VMware Silver network 2) gets no address",
		"esx01: net5 (VMware Bronze network 1 (internet)) gets 172.17.58.1/24",
		"esx01: net6 (VMware Bronze network 1) gets no address",
		"esx01: public address 203.0.113.10:443 leads to 172.17.52.10:443 through net1",
		"esx01: public address 203.0.113.11:8443 leads to 172.17.52.11:443 through net1",
		`esx01: replica of VM "db01" started`,
		`esx01: replica of VM "web01" started`,
		`esx01: replica of VM "web02" started`,
		`esx01: replica of VM "file01" started`,
	})
	same(t, "problems", problems(session.Problems), []string{
		"no_default_gateway VMware Silver network 1", "no_default_gateway VMware Silver network 2", "no_default_gateway VMware Bronze network 1",
	})
	for i, p := range session.Problems {
		want := vcc.ApplianceProblem{
			Code: "no_default_gateway", NetworkID: s.networkID(p.NetworkName), NetworkName: p.NetworkName,
			Message: fmt.Sprintf("no default gateway is stored for %q, so it gets no address and nothing gets out of it; store one", p.NetworkName),
		}
		same(t, fmt.Sprintf("problem %d", i), p, want)
	}
	s.underWay("Whole site", "esx01", session)
	want := vcc.FailoverSession{
		ID: session.ID, Kind: vcc.FailoverFullSite, PlanID: s.plan("Whole site").ID, PlanName: "Whole site",
		StartedAt: session.StartedAt, StartedBy: s.Actor, Log: session.Log, Problems: session.Problems,
		Networks: session.Networks, Machines: session.Machines, PublicAddresses: session.PublicAddresses,
	}
	same(t, "session", session, &want)
	if session.ID == "" || session.StartedAt.IsZero() {
		t.Errorf("the session has no ID or no time: %+v", session)
	}

	// With a gateway for each network there is nothing left to say.
	s.do("undo Whole site")
	s.gateway("VMware Silver network 1", "172.17.54.1/24")
	s.gateway("VMware Silver network 2", "172.17.62.1/24")
	s.gateway("VMware Bronze network 1", "172.17.60.1/24")
	session = s.do("start Whole site")
	same(t, "problems", problems(session.Problems), nil)
	same(t, "log", messages(session)[6:10], []string{
		"esx01: net3 (VMware Silver network 1) gets 172.17.54.1/24",
		"esx01: net4 (VMware Silver network 2) gets 172.17.62.1/24",
		"esx01: net5 (VMware Bronze network 1 (internet)) gets 172.17.58.1/24",
		"esx01: net6 (VMware Bronze network 1) gets 172.17.60.1/24",
	})
}

func TestInternetAccessD16(t *testing.T) {
	t.Parallel()
	s := openABC(t)
	s.gateway("VMware Silver network 1", "172.17.54.1/24")
	s.gateway("VMware Bronze network 1", "172.17.60.1/24")
	s.traces([][2]string{
		{"tcp 172.17.52.10 192.0.2.1 443", "forwarded internet_access: 198.51.100.5:49152 to 192.0.2.1:443; reply forwarded known_flow: 192.0.2.1:443 to 172.17.52.10:49152"},
		{"udp 172.17.52.10 192.0.2.1 53", "forwarded internet_access: 198.51.100.5:49152 to 192.0.2.1:53; reply forwarded known_flow: 192.0.2.1:53 to 172.17.52.10:49152"},
		{"tcp 172.17.58.40 192.0.2.1 443", "forwarded internet_access: 198.51.100.5:49152 to 192.0.2.1:443; reply forwarded known_flow: 192.0.2.1:443 to 172.17.58.40:49152"},
		{
			"tcp 2001:db8:52::10 2001:db8:1::1 443",
			"forwarded internet_access: [2001:db8:ffff::5]:49152 to [2001:db8:1::1]:443; reply forwarded known_flow: [2001:db8:1::1]:443 to [2001:db8:52::10]:49152",
		},
		{"tcp 172.17.54.20 192.0.2.1 443", "not reachable, dropped no_internet_access: 172.17.54.20:49152 to 192.0.2.1:443"},
		{"tcp 172.17.60.50 192.0.2.1 443", "not reachable, dropped no_internet_access: 172.17.60.50:49152 to 192.0.2.1:443"},
	})
	a := s.appliance("esx01")
	same(t, "source NAT", a.SourceNAT, []vcc.SourceNATRule{
		{Interfaces: []string{"net1", "net2", "net5"}, To: addr("198.51.100.5")}, {Interfaces: []string{"net1"}, To: addr("2001:db8:ffff::5")},
	})
}

func TestPublicIPRulesD17(t *testing.T) {
	t.Parallel()
	s := openABC(t)
	rule := publicIPRule("203.0.113.10:5432", "172.17.54.20:15432")
	with := func(rules ...vcc.PublicIPRule) string {
		return changedLab(t, func(abc, _ *vcc.LabTenant) {
			abc.FailoverPlans[0].PublicIPRules = append(abc.FailoverPlans[0].PublicIPRules, rules...)
		})
	}
	s.beside(backend.EmbeddedConfig{LabFile: with(rule)})

	const toDB = "tcp 192.0.2.80 203.0.113.10 5432"
	s.traces([][2]string{{toDB, "not reachable, dropped no_public_ip_rule: 192.0.2.80:49152 to 203.0.113.10:5432"}})
	if got := problems(s.appliance("esx01").Problems); !slices.Contains(got, "public_ip_rule_without_network") {
		t.Errorf("a rule that leads nowhere is none of the problems %q", got)
	}

	s.gateway("VMware Silver network 1", "172.17.54.1/24")
	s.traces([][2]string{
		{"tcp 192.0.2.80 203.0.113.10 443", "forwarded public_ip_rule: 192.0.2.80:49152 to 172.17.52.10:443; reply forwarded known_flow: 203.0.113.10:443 to 192.0.2.80:49152"},
		{"udp 192.0.2.80 203.0.113.10 443", "forwarded public_ip_rule: 192.0.2.80:49152 to 172.17.52.10:443; reply forwarded known_flow: 203.0.113.10:443 to 192.0.2.80:49152"},
		{"tcp 192.0.2.80 203.0.113.11 8443", "forwarded public_ip_rule: 192.0.2.80:49152 to 172.17.52.11:443; reply forwarded known_flow: 203.0.113.11:8443 to 192.0.2.80:49152"},
		// A network without internet access.
		{toDB, "forwarded public_ip_rule: 192.0.2.80:49152 to 172.17.54.20:15432; reply forwarded known_flow: 203.0.113.10:5432 to 192.0.2.80:49152"},
		{"tcp 192.0.2.80 203.0.113.10 80", "not reachable, dropped no_public_ip_rule: 192.0.2.80:49152 to 203.0.113.10:80"},
		{"tcp 192.0.2.80 203.0.113.10 22", "not reachable, dropped no_public_ip_rule: 192.0.2.80:49152 to 203.0.113.10:22"},
		{"tcp 192.0.2.80 172.17.52.10 443", "not reachable, dropped no_public_ip_rule: 192.0.2.80:49152 to 172.17.52.10:443"},
		{"tcp 192.0.2.80 203.0.113.20 443", "not reachable, dropped no_public_ip_rule: 192.0.2.80:49152 to 203.0.113.20:443"}, // another tenant's
		{"tcp 192.0.2.80 198.51.100.5 22", "delivered management: 192.0.2.80:49152 to 198.51.100.5:22; reply forwarded own_reply: 198.51.100.5:22 to 192.0.2.80:49152"},
	})

	rule.Public = netip.AddrPortFrom(rule.Public.Addr(), vcc.ManagementPort)
	_, err := backend.OpenEmbedded(t.Context(), backend.EmbeddedConfig{DataDir: s.DataDir, LabFile: with(rule)})
	const want = "tenants[0].failover_plans[0].public_ip_rules[2].port: public port 22 is taken: " +
		"the network extension appliance is managed through it; use another port"
	if wrong := new(backend.ConfigError); !errors.As(err, &wrong) || wrong.Setting != "labFile" || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v\nwant an error about the lab file that ends in\n%s", err, want)
	}
}

func TestUndoEndsAFailoverD18(t *testing.T) {
	t.Parallel()
	s := openABC(t)
	before := s.listing()
	started := s.do("start Whole site")
	ended := s.do("undo Whole site")
	s.idle("Whole site", "esx01")
	same(t, "listing after undo", s.listing(), before)

	want := *started
	want.EndedAt, want.EndedBy = ended.EndedAt, s.Actor
	if ended.EndedAt.IsZero() || ended.EndedAt.Before(started.StartedAt) {
		t.Fatalf("started at %v and ended at %v", started.StartedAt, ended.EndedAt)
	}
	want.Log = append(slices.Clone(started.Log), vcc.FailoverLogEntry{
		Time: ended.EndedAt, Message: "addresses taken away, network extension appliances stopped",
	})
	same(t, "ended session", ended, &want)

	s.refused("undo Whole site", `failover plan "Whole site" is not failed over; there is nothing to undo`)
	again := s.do("start Whole site")
	if again.ID == started.ID {
		t.Errorf("two failovers have the ID %s", again.ID)
	}
	s.underWay("Whole site", "esx01", again)
}

// would says of a test what a log says of a start.
var would = strings.NewReplacer(" started", " would start", " gets ", " would get ", " leads to ", " would lead to ")

func TestTestChangesNothingD18(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, during string }{
		{"with none under way", ""}, {"during full site failover", "start Whole site"}, {"during partial site failover", "partial web01"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := openABC(t)
			if tc.during != "" {
				s.do(tc.during)
			}
			before := s.listing()
			tested := s.do("test Whole site")
			same(t, "listing after the test", s.listing(), before)

			same(t, "a report is kept", tested.IsKept(), true)
			switch tc.during {
			case "":
			case "start Whole site":
				s.do("undo Whole site")
			default:
				s.do("stop web01")
			}
			started := s.do("start Whole site")
			same(t, "a test and a start are marked", []bool{tested.Test, started.Test}, []bool{true, false})
			same(t, "log", messages(tested), mapped(messages(started), would.Replace))
			want := problems(started.Problems)
			if tc.during == "partial web01" { // which refuses a start until it is stopped (D14)
				want = append(want, "appliance_busy")
			}
			same(t, "problems", problems(tested.Problems), want)
		})
	}
}

func TestChangesReachTheApplianceAtOnceD19(t *testing.T) {
	t.Parallel()
	const silver3 = "VMware Silver network 1"
	const toWeb, toDB = "tcp 192.0.2.80 203.0.113.10 443", "tcp 172.17.52.10 172.17.54.20 5432"
	const answer = "; reply forwarded known_flow: 203.0.113.10:443 to 192.0.2.80:49152"
	s := openABC(t)
	other := s.beside(backend.EmbeddedConfig{}) // it changes, and s looks
	session := s.do("start Whole site")
	movePort := func(to uint16) func() {
		return func() {
			other.beside(backend.EmbeddedConfig{LabFile: changedLab(t, func(abc, _ *vcc.LabTenant) {
				abc.FailoverPlans[0].PublicIPRules[0].Internal = netip.AddrPortFrom(addr("172.17.52.10"), to)
			})})
		}
	}
	for _, tc := range []struct {
		name      string
		change    func()
		addresses []string // of net3
		nat       string   // of the first public IP rule
		trace     [2]string
	}{
		{"gateway stored", func() { other.gateway(silver3, "172.17.54.1/24") }, []string{"172.17.54.1/24"}, "172.17.52.10:443",
			[2]string{toDB, "not reachable, dropped routing_disabled: 172.17.52.10:49152 to 172.17.54.20:5432"}},
		{"routing on", func() { other.routing(true) }, []string{"172.17.54.1/24"}, "172.17.52.10:443",
			[2]string{toDB, "forwarded routing_enabled: 172.17.52.10:49152 to 172.17.54.20:5432; reply forwarded known_flow: 172.17.54.20:5432 to 172.17.52.10:49152"}},
		{"gateway changed", func() { other.gateway(silver3, "172.17.54.254/28") }, []string{"172.17.54.254/28"}, "172.17.52.10:443",
			[2]string{"tcp 172.17.52.10 172.17.54.253 5432", "forwarded routing_enabled: 172.17.52.10:49152 to 172.17.54.253:5432; " +
				"reply forwarded known_flow: 172.17.54.253:5432 to 172.17.52.10:49152"}},
		{"public IP rule changed", movePort(8080), []string{"172.17.54.254/28"}, "172.17.52.10:8080",
			[2]string{toWeb, "forwarded public_ip_rule: 192.0.2.80:49152 to 172.17.52.10:8080" + answer}},
		{"public IP rule changed back", movePort(443), []string{"172.17.54.254/28"}, "172.17.52.10:443",
			[2]string{toWeb, "forwarded public_ip_rule: 192.0.2.80:49152 to 172.17.52.10:443" + answer}},
		{"routing off", func() { other.routing(false) }, []string{"172.17.54.254/28"}, "172.17.52.10:443",
			[2]string{"tcp 172.17.52.10 172.17.54.253 5432", "not reachable, dropped routing_disabled: 172.17.52.10:49152 to 172.17.54.253:5432"}},
		{"gateway removed", func() { other.gateway(silver3, "") }, nil, "172.17.52.10:443",
			[2]string{"tcp 172.17.54.20 172.17.52.10 443", "not reachable, dropped no_public_ip_rule: 172.17.54.20:49152 to 172.17.52.10:443"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &site{s.Embedded, t}
			tc.change()
			a := s.appliance("esx01")
			net3 := named(t, a.Interfaces, silver3, func(i vcc.ApplianceInterface) string { return i.NetworkName })
			same(t, "addresses", mapped(net3.Addresses, netip.Prefix.String), tc.addresses)
			same(t, "destination NAT", a.DestinationNAT[0], vcc.DestinationNATRule{Public: netip.MustParseAddrPort("203.0.113.10:443"), Internal: netip.MustParseAddrPort(tc.nat), Interface: "net1"})
			same(t, "no gateway is a problem", slices.Contains(problems(a.Problems), "no_default_gateway "+silver3), tc.addresses == nil)
			s.traces([][2]string{tc.trace})
			s.underWay("Whole site", "esx01", session)
		})
	}
}

func TestFailoverOutlivesARestart(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"start Whole site", "partial web01"} {
		t.Run(call, func(t *testing.T) {
			s := openABC(t)
			s.do(call)
			before := s.listing()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = s.beside(backend.EmbeddedConfig{})
			same(t, "listing", s.listing(), before)
			if call == "partial web01" {
				s.do("stop web01")
			} else {
				s.do("undo Whole site")
			}
			s.idle("Whole site", "esx01")
		})
	}
}

// services are what a server has, on the folder of an open backend.
func (s *site) services(tenant string) (*backend.Services, vcc.Actor) {
	s.t.Helper()
	db, err := store.OpenSQLite(s.t.Context(), filepath.Join(s.DataDir, "vcc.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	found, err := db.Tenant(s.t.Context(), tenant)
	ok(s.t, err)
	return backend.NewServices(db), vcc.Actor{TenantID: found.ID, Name: "test"}
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	t.Parallel()
	s := openABC(t)
	before := s.listing()
	id := s.plan("Whole site").ID
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Client.StartFailover(ctx, self, id, false); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: got %v", err)
	}
	same(t, "listing when cancelled before", s.listing(), before)

	services, actor := s.services("ABC Company")
	ctx, cancel = context.WithCancel(t.Context())
	_, err := services.Store.StartFailover(ctx, actor, id, false, func(bool, time.Time, []vcc.ApplianceInputs) store.Prepared {
		cancel()
		return store.Prepared{}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled within: got %v", err)
	}
	same(t, "listing when cancelled within", s.listing(), before)
	s.do("start Whole site")
}

// crashEnv names the folder on which this test binary, as another process, starts
// and undoes failovers until it is killed.
const crashEnv = "VCC_BACKEND_TEST_FAILOVER_DIR"

func TestFailoverChild(t *testing.T) {
	dir := os.Getenv(crashEnv)
	if dir == "" {
		return // TestFailoverOutlivesAKill starts it, as another process
	}
	go func() { // ends with the parent at the latest
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	s := openSite(t, backend.EmbeddedConfig{DataDir: dir})
	for i := 0; ; i++ {
		plans := listed(t, s.Client.FailoverPlans)
		call := "start " + plans[i%len(plans)].Name
		if i := slices.IndexFunc(plans, func(p vcc.FailoverPlan) bool { return p.Session != nil }); i >= 0 {
			call = "undo " + plans[i].Name
		}
		verb, _, _ := strings.Cut(call, " ")
		fmt.Println("answered", verb, s.do(call).ID)
	}
}

// killedChild starts the child, kills it at a random moment, and returns the
// answers that it got: its verbs and the IDs of the sessions.
func killedChild(t *testing.T, dir string) (answers [][2]string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFailoverChild$", "-test.count=1")
	cmd.Env = append(os.Environ(), crashEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killAfter, last := 2+rand.IntN(6), time.Now()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var verb, id string
		if n, _ := fmt.Sscanf(lines.Text(), "answered %s %s", &verb, &id); n < 2 {
			continue
		}
		answers = append(answers, [2]string{verb, id})
		between := time.Since(last)
		last = time.Now()
		if len(answers) == killAfter {
			<-time.After(rand.N(2 * between)) // somewhere within the next calls
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if len(answers) < killAfter {
		t.Fatalf("the child ended by itself after %v", answers)
	}
	return answers
}

func TestFailoverOutlivesAKill(t *testing.T) {
	t.Parallel()
	abc, _ := openMorePlans(t)
	if err := abc.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	rounds := 15
	if testing.Short() {
		rounds = 4
	}
	for round := range rounds {
		answers := killedChild(t, abc.DataDir)
		last := answers[len(answers)-1]
		for _, a := range answers {
			seen[a[1]] = true
		}
		s := abc.beside(backend.EmbeddedConfig{})
		var active []vcc.FailoverPlan
		for _, p := range listed(t, s.Client.FailoverPlans) {
			if p.Session != nil {
				active = append(active, p)
			}
		}
		if len(active) > 1 {
			t.Fatalf("round %d: %d sessions are under way: %v", round, len(active), active)
		}
		next := "Whole site"
		if len(active) == 0 {
			// The last answer was an undo, or the call after it was one.
			s.idle("Whole site", "esx01")
		} else {
			p := active[0]
			if id := p.Session.ID; last[0] == "start" && id != last[1] || last[0] == "undo" && seen[id] {
				t.Errorf("round %d: session %s is under way after %v", round, id, answers)
			}
			s.underWay(p.Name, "esx01", p.Session)
			same(t, "log", mapped(messages(p.Session), would.Replace), messages(s.do("test "+p.Name)))
			seen[s.do("undo "+p.Name).ID] = true
			next = p.Name
		}
		seen[s.do("start "+next).ID] = true
		if round%2 == 0 {
			s.do("undo " + next)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlanNeedsReplicas(t *testing.T) {
	t.Parallel()
	file := changedLab(t, func(abc, _ *vcc.LabTenant) {
		abc.FailoverPlans[0].VMs = append(abc.FailoverPlans[0].VMs, "vault01")
	})
	s := openSite(t, backend.EmbeddedConfig{DataDir: t.TempDir(), LabFile: file}) // no job has run
	before := s.listing()
	const nothing = `failover plan "Whole site" has nothing to start: none of its VMs has a replica; run their replication jobs first`
	s.refused("start Whole site", nothing)
	s.refused("test Whole site", nothing)
	s.refused("partial web01", `VM "web01" has no replica to start; run a replication job with it first`)
	same(t, "listing", s.listing(), before)

	s.run("Silver nightly")
	session := s.do("start Whole site")
	same(t, "first problem", session.Problems[0], vcc.ApplianceProblem{
		Code: "vm_not_replicated", Message: `VM "vault01" has no replica to start: no replication job with it has run`,
	})
	same(t, "replicas", messages(session)[len(session.Log)-4:], []string{
		`esx01: replica of VM "db01" started`, `esx01: replica of VM "web01" started`,
		`esx01: replica of VM "web02" started`, `esx01: replica of VM "file01" started`,
	})

	s.do("undo Whole site")
	s.run("Bronze weekly")
	session = s.do("start Whole site")
	if got := problems(session.Problems); slices.Contains(got, "vm_not_replicated") {
		t.Errorf("after the run the problems are %q", got)
	}
}

func TestFailedOverPlanCannotGo(t *testing.T) {
	t.Parallel()
	s := openABC(t)
	s.do("start Whole site")
	before := s.listing()
	file := changedLab(t, func(abc, _ *vcc.LabTenant) { abc.FailoverPlans = nil })
	err := s.declare(file)
	const want = `the lab no longer has failover plan "Whole site", which is failed over; nothing was changed. Undo the failover first`
	if vcc.Code(err) != vcc.CodeConflict || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	same(t, "listing", s.listing(), before)

	s.do("undo Whole site")
	s.beside(backend.EmbeddedConfig{LabFile: file})
	same(t, "plans", listed(t, s.Client.FailoverPlans), nil)
}

// A VM may go from the lab while it is failed over, and its appliance is not busy
// for ever.
func TestGoneVMCanBeStopped(t *testing.T) {
	t.Parallel()
	s := openABC(t)
	s.do("partial tape01")
	s.beside(backend.EmbeddedConfig{LabFile: changedLab(t, func(abc, _ *vcc.LabTenant) {
		abc.VMs = slices.DeleteFunc(abc.VMs, func(vm vcc.VM) bool { return vm.Name == "tape01" })
		abc.Jobs[1].VMs = []string{"vault01"}
		abc.Jobs[1].Mapping = map[string]string{"Archive": "VMware Bronze network 1 (internet)"}
	})})
	s.do("stop tape01")
	s.do("start Whole site")
	if _, err := s.try("stop tape01"); vcc.Code(err) != vcc.CodeNotFound {
		t.Errorf("stopping what is gone: got %v", err)
	}
}

func TestTenantsAreIsolatedD20(t *testing.T) {
	t.Parallel()
	abc, other := openMorePlans(t)
	before := other.listing()
	started := abc.do("start Whole site")
	abc.gateway("VMware Silver network 1", "172.17.54.1/24")
	same(t, "what the other tenant sees", other.listing(), before)
	other.do("start CRM") // on the same host, on an appliance of its own
	abc.underWay("Whole site", "esx01", started)

	services, actor := other.services(xyz)
	ctx := t.Context()
	const unknownID, unknownVM = "00000000-0000-4000-8000-000000000000", "nobody01"
	for _, tc := range []struct {
		name, theirs, unknown string
		call                  func(object string) (any, error)
	}{
		{"start", abc.plan("Web").ID, unknownID, func(id string) (any, error) { return other.Client.StartFailover(ctx, self, id, false) }},
		{"start what is failed over", abc.plan("Whole site").ID, unknownID, func(id string) (any, error) { return other.Client.StartFailover(ctx, self, id, false) }},
		{"undo", abc.plan("Web").ID, unknownID, func(id string) (any, error) { return other.Client.UndoFailover(ctx, self, id) }},
		{"undo what is failed over", abc.plan("Whole site").ID, unknownID, func(id string) (any, error) { return other.Client.UndoFailover(ctx, self, id) }},
		{"test", abc.plan("Web").ID, unknownID, func(id string) (any, error) { return other.Client.TestFailover(ctx, self, id) }},
		{"appliance", abc.appliance("esx01").ID, unknownID, func(id string) (any, error) { return services.Appliance(ctx, actor, id) }},
		{"partial start", "web01", unknownVM, func(vm string) (any, error) { return other.Client.StartPartialFailover(ctx, self, vm) }},
		{"partial stop", "web01", unknownVM, func(vm string) (any, error) { return other.Client.StopPartialFailover(ctx, self, vm) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answer := func(object string) *vcc.Error {
				_, err := tc.call(object)
				e := new(vcc.Error)
				if !errors.As(err, &e) || e.Code != vcc.CodeNotFound || e.ResourceID != object {
					t.Fatalf("%s: got %v, want not found", object, err)
				}
				e.Message, e.ResourceID = strings.ReplaceAll(e.Message, object, "IT"), "IT"
				return e
			}
			same(t, "answer to what is another's", answer(tc.theirs), answer(tc.unknown))
		})
	}
	abc.underWay("Whole site", "esx01", started)
	if got := other.trace("tcp 172.17.52.10 10.20.0.10 443"); strings.Contains(got, "source_not_in_network") {
		t.Errorf("another tenant's network is known: %s", got)
	}
}

func TestAppliancesD3(t *testing.T) {
	t.Parallel()
	abc, other := openMorePlans(t)
	type brief struct {
		Host     string
		Platform vcc.Platform
		Plans    []string
		VNICs    []string
	}
	ids := map[string]string{} // who has an ID
	for _, tc := range []struct {
		*site
		want []brief
	}{
		{abc, []brief{{"esx01", vcc.PlatformVMware, []string{"VMware Silver", "VMware Bronze"}, []string{"ext0", "net1", "net2", "net3", "net4", "net5", "net6"}}}},
		{other, []brief{
			{"hyperv01", vcc.PlatformHyperV, []string{"Hyper-V Gold"}, []string{"ext0", "net1", "net2"}},
			{"esx01", vcc.PlatformVMware, []string{"VMware Bronze"}, []string{"ext0", "net1", "net2"}},
		}},
	} {
		list := listed(t, tc.Client.Appliances)
		same(t, "appliances", mapped(list, func(a vcc.ApplianceState) brief {
			return brief{a.HostName, a.Platform, a.HardwarePlans, mapped(a.Interfaces, func(i vcc.ApplianceInterface) string { return i.Name })}
		}), tc.want)
		for _, a := range list {
			if at, taken := ids[a.ID]; taken {
				t.Errorf("an appliance on %s has the ID of one on %s", a.HostName, at)
			}
			ids[a.ID] = a.HostName
		}
		if err := tc.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, tenant := range []string{"ABC Company", xyz} {
		for _, a := range listed(t, abc.beside(backend.EmbeddedConfig{Tenant: tenant}).Client.Appliances) {
			same(t, "host of "+a.ID, ids[a.ID], a.HostName)
			delete(ids, a.ID)
		}
	}
	same(t, "IDs gone after a restart", ids, nil)
}

// A public IP rule that leads to a network on one host is no problem of another.
func TestPublicIPRulesOnTwoHosts(t *testing.T) {
	t.Parallel()
	const nowhere = "public_ip_rule_without_network"
	_, s := openMorePlans(t)
	s.gateway("VMware Bronze network 1 (internet)", "10.30.0.1/24")
	s.gateway("VMware Bronze network 1", "10.30.1.1/24")
	toBronze := publicIPRule("203.0.113.20:8443", "10.30.0.10:443")
	toNowhere := publicIPRule("203.0.113.20:9443", "10.40.0.10:443")
	for _, tc := range []struct {
		name  string
		rules []vcc.PublicIPRule
		// Public addresses that lead somewhere, and what is a problem, by host.
		leads    map[string]string
		problems []string
	}{
		{"one", nil, map[string]string{"hyperv01": "203.0.113.20:443"}, nil},
		{"one on each", []vcc.PublicIPRule{toBronze}, map[string]string{"hyperv01": "203.0.113.20:443", "esx01": "203.0.113.20:8443"}, nil},
		{"one that leads nowhere", []vcc.PublicIPRule{toNowhere}, map[string]string{"hyperv01": "203.0.113.20:443"}, []string{nowhere}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.beside(backend.EmbeddedConfig{Tenant: xyz, LabFile: changedLab(t, func(abc, xyz *vcc.LabTenant) {
				morePlans(abc, xyz)
				xyz.FailoverPlans[0].VMs = []string{"erp01", "shop01", "crm01"}
				xyz.FailoverPlans[0].PublicIPRules = append(xyz.FailoverPlans[0].PublicIPRules, tc.rules...)
			})})
			for _, call := range []string{"test", "start"} {
				same(t, "problems of the "+call, problems(s.do(call+" Shop").Problems), append(tc.problems, tc.problems...))
			}
			leads := map[string]string{}
			for _, a := range listed(t, s.Client.Appliances) {
				same(t, "problems on "+a.HostName, problems(a.Problems), tc.problems)
				for _, r := range a.DestinationNAT {
					leads[a.HostName] += r.Public.String()
				}
			}
			same(t, "public IP rules", leads, tc.leads)
			s.do("undo Shop")
		})
	}
}

func TestFailoverPages(t *testing.T) {
	t.Parallel()
	_, other := openMorePlans(t)
	services, actor := other.services(xyz)
	for _, tc := range []struct {
		name string
		all  []string
		list func(vcc.Page) ([]string, int, error)
	}{
		{"plans", []string{"Shop", "CRM"}, func(p vcc.Page) ([]string, int, error) {
			list, total, err := services.FailoverPlans(t.Context(), actor, p)
			return mapped(list, func(p vcc.FailoverPlan) string { return p.Name }), total, err
		}},
		{"appliances", []string{"hyperv01", "esx01"}, func(p vcc.Page) ([]string, int, error) {
			list, total, err := services.Appliances(t.Context(), actor, p)
			return mapped(list, func(a vcc.ApplianceState) string { return a.HostName }), total, err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for skip := range 4 {
				for limit := 1; limit <= 3; limit++ {
					got, total, err := tc.list(vcc.Page{Skip: skip, Limit: limit})
					if err != nil || total != len(tc.all) {
						t.Errorf("skip %d, limit %d: got a total of %d, %v", skip, limit, total, err)
					}
					from := min(skip, len(tc.all))
					same(t, fmt.Sprintf("skip %d, limit %d", skip, limit), got, tc.all[from:min(from+limit, len(tc.all))])
				}
			}
		})
	}
}

func TestTraceWithinEachHost(t *testing.T) {
	t.Parallel()
	s := openABC(t).beside(backend.EmbeddedConfig{Tenant: xyz})
	s.gateway("VMware Bronze network 1 (internet)", "10.30.0.1/24")
	s.gateway("VMware Bronze network 1", "10.30.1.1/24")
	s.routing(true)
	s.traces([][2]string{
		{"tcp 10.20.0.10 10.20.1.10 5432", "forwarded routing_enabled: 10.20.0.10:49152 to 10.20.1.10:5432; reply forwarded known_flow: 10.20.1.10:5432 to 10.20.0.10:49152"},
		{"tcp 10.30.0.10 10.30.1.10 5432", "forwarded routing_enabled: 10.30.0.10:49152 to 10.30.1.10:5432; reply forwarded known_flow: 10.30.1.10:5432 to 10.30.0.10:49152"},
		{"tcp 10.20.0.10 192.0.2.1 443", "forwarded internet_access: 198.51.100.6:49152 to 192.0.2.1:443; reply forwarded known_flow: 192.0.2.1:443 to 10.20.0.10:49152"},
		{"tcp 10.30.0.10 192.0.2.1 443", "forwarded internet_access: 198.51.100.7:49152 to 192.0.2.1:443; reply forwarded known_flow: 192.0.2.1:443 to 10.30.0.10:49152"},
		// Nothing joins the hosts.
		{"tcp 10.20.1.10 10.30.1.10 443", "not reachable, dropped no_internet_access: 10.20.1.10:49152 to 10.30.1.10:443"},
		{"tcp 10.30.1.10 10.20.1.10 443", "not reachable, dropped no_internet_access: 10.30.1.10:49152 to 10.20.1.10:443"},
		// From outside, the appliance that lets it in decides.
		{"tcp 192.0.2.80 203.0.113.20 443", "forwarded public_ip_rule: 192.0.2.80:49152 to 10.20.0.10:443; reply forwarded known_flow: 203.0.113.20:443 to 192.0.2.80:49152"},
		{"icmp 192.0.2.80 198.51.100.6", "delivered echo: 192.0.2.80 to 198.51.100.6; reply forwarded own_reply: 198.51.100.6 to 192.0.2.80"},
		{"icmp 192.0.2.80 198.51.100.7", "delivered echo: 192.0.2.80 to 198.51.100.7; reply forwarded own_reply: 198.51.100.7 to 192.0.2.80"},
	})
}
