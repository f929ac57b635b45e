package appliance_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/linuxrouter"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/wiretest"
)

var (
	kernelPackets  = flag.Int("kernel-packets", defaultKernelPackets, "how many random packets the engine and the Linux kernel have to agree on")
	kernelSequence = flag.Int("kernel-sequence", usualEvents, "how many events happen to an appliance; the kernel takes its time to get another one")
)

// kernelNetworks is how many every configuration has that a kernel is given: those that it lacks are added
// without a gateway. The kernel takes its time to remove a link.
const kernelNetworks = 9

// kernel is a Linux kernel beside the engine and the reference.
//
// Which port source NAT chooses on a clash is nobody's promise. So a flow has the port of the engine and that of the kernel,
// and packets to the one become packets to the other. Idle times are not compared: no time passes.
type kernel struct {
	pair
	t    testing.TB
	wire *wiretest.Wire
	log  *linuxrouter.Log
	fd   int // of log

	compiled *appliance.Compiled
	// flows has each by what the packets of both directions are to the engine; taken has
	// those of the kernel by what answers are to it.
	flows, taken map[appliance.Packet]*kernelFlow
	number       uint64

	played, skipped, configured, waits int
	configuring                        time.Duration
	outcomes                           map[string]int
}

// kernelFlow is a flow as the kernel has it.
type kernelFlow struct {
	first appliance.Packet
	left  netip.AddrPort // the destination, translated
	port  uint16         // that the source left with; for echoes it is the identifier
	// broken says that the kernel has no such flow.
	broken bool
	// answered and acknowledged are how far a TCP connection got.
	answered, acknowledged bool
}

// newKernel opens a router for a test. All of a test's packets have to be sent from one processor: then
// the kernel deals with them in order.
func newKernel(t testing.TB, o linuxrouter.Options) *kernel {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		t.Fatal(err)
	}
	for cpu := 0; one.Count() == 0; cpu++ {
		if before.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.SchedSetaffinity(0, &before) })
	k := &kernel{t: t, wire: wiretest.Open(t, o), outcomes: map[string]int{}}
	var err error
	if k.log, err = k.wire.Router.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.log.Close() })
	raw, err := k.log.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { k.fd = int(fd) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// padded adds networks up to the number that the kernel always has.
func padded(cfg config) config {
	cfg.Networks = slices.Clone(cfg.Networks)
	for i := len(cfg.Networks); i < kernelNetworks; i++ {
		n := cloudNetwork("Tin", i+1, false, "", "", "")
		n.ID = fmt.Sprintf("padding-%d", i)
		cfg.Networks = append(cfg.Networks, n)
	}
	return cfg
}

func (k *kernel) begin(s sequence) string {
	s.First, s.MaxFlows = padded(s.First), appliance.DefaultMaxFlows
	if difference := k.pair.begin(s); difference != "" {
		return difference
	}
	return k.configure(s.First, true)
}

func (k *kernel) configure(cfg config, reset bool) string {
	k.configured++
	begun := time.Now()
	defer func() { k.configuring += time.Since(begun) }()
	before := k.compiled
	k.compiled = compile(cfg)
	if reset {
		if err := k.wire.Router.Reset(); err != nil {
			k.t.Fatal(err)
		}
		k.flows, k.taken = map[appliance.Packet]*kernelFlow{}, map[appliance.Packet]*kernelFlow{}
	} else if ended := before.Ended(k.compiled); ended != nil {
		for _, flows := range []map[appliance.Packet]*kernelFlow{k.flows, k.taken} {
			maps.DeleteFunc(flows, func(_ appliance.Packet, f *kernelFlow) bool {
				return ended(f.first.Interface, f.first.Source.Addr(), f.left.Addr())
			})
		}
	}
	if err := k.wire.Apply(k.compiled); err != nil {
		k.t.Fatalf("%v\nfrom:\n%v\nto:\n%v", err, linuxrouter.MakePlan(before), linuxrouter.MakePlan(k.compiled))
	}
	return ""
}

func (k *kernel) play(e event) (appliance.Decision, string) {
	e.Wait = 0
	if e.Configure != nil {
		cfg := padded(*e.Configure)
		e.Configure = &cfg
	}
	if e.Packet == nil || !k.sendable(*e.Packet) {
		d, difference := k.pair.play(e)
		switch {
		case difference == "" && e.Configure != nil:
			difference = k.configure(*e.Configure, e.Reset)
		case e.Packet != nil:
			k.skipped++
		}
		return d, difference
	}
	d, difference := k.pair.play(e)
	if difference != "" {
		return d, difference
	}
	return d, k.packet(*e.Packet, d)
}

// sendable reports whether a wire can carry a packet. The protocol 0 in an IPv6 packet is no protocol but a header with
// options, which the kernel reads, and objects to.
func (k *kernel) sendable(p appliance.Packet) bool {
	s, d := p.Source.Addr(), p.Destination.Addr()
	isEcho := p.Protocol == appliance.ICMP || p.Protocol == appliance.ICMPv6
	return p.Interface >= 0 && int(p.Interface) < len(k.compiled.Interfaces) && s.IsValid() && d.IsValid() && s.Is4() == d.Is4() &&
		s.Zone() == "" && d.Zone() == "" && (!isEcho || p.Destination.Port() == 0) && (isEcho || !p.EchoReply) && (s.Is4() || p.Protocol != 0)
}

// key is how packets are told apart, whatever their hop limit.
func key(p appliance.Packet) appliance.Packet {
	p.HopLimit = 0
	return p
}

// withPort gives a packet that answers a flow the port that the flow left with.
func withPort(answer appliance.Packet, port uint16) appliance.Packet {
	if answer.EchoReply {
		answer.Source = netip.AddrPortFrom(answer.Source.Addr(), port)
	} else {
		answer.Destination = netip.AddrPortFrom(answer.Destination.Addr(), port)
	}
	return answer
}

// packet sends a packet to the kernel and compares what becomes of it with what the engine decided.
func (k *kernel) packet(p appliance.Packet, d appliance.Decision) string {
	f := k.flows[key(p)]
	isFirst := d.Verdict == vcc.Forwarded && d.Reason != vcc.ReasonKnownFlow
	answers := f != nil && key(f.first) != key(p)
	switch {
	case f != nil && f.broken, f == nil && k.taken[key(p)] != nil:
		// The kernel has chosen this port for another flow.
		k.skipped++
		if isFirst {
			f = &kernelFlow{first: p, left: d.Destination, broken: true}
			k.flows[key(p)], k.flows[key(answerTo(p, d))] = f, f
		}
		return ""
	case isFirst:
		f, answers = nil, false // it was one that has ended
	}
	k.number++
	k.played++
	made := wiretest.Made{Packet: p, Number: k.number, Flags: wiretest.SYN, Seq: 1000}
	if f != nil {
		if answers {
			made.Packet = withPort(p, f.port)
		}
		made.Flags, made.Seq, made.Ack = f.tcp(answers)
	}
	if err := k.wire.Send(p.Interface, made.Bytes()); err != nil {
		k.t.Fatal(err)
	}
	want, sourcePort := outcomeOf(d), d.Source.Port()
	if f != nil && !answers && d.Verdict == vcc.Forwarded {
		sourcePort = f.port
	}
	if d.Verdict == vcc.Delivered && k.answers(p) {
		want.answers = 1
	}
	got, seen := k.watch(made, want)
	if isFirst && len(seen) == 1 && seen[0].Readable {
		f = &kernelFlow{first: p, left: d.Destination, port: seen[0].Packet.Source.Port()}
		answer := key(answerTo(p, d))
		other := k.taken[withPort(answer, f.port)]
		k.flows[key(p)], k.flows[answer], k.taken[withPort(answer, f.port)] = f, f, f
		if other != nil && other != f && k.flows[key(other.first)] == other {
			return fmt.Sprintf("%s\nthe kernel has two flows with one answer: %s and %s", p, other.first, f.first)
		}
		sourcePort = f.port
		translated := d.Source.Addr() != p.Source.Addr() || d.Destination != p.Destination
		if f.port != d.Source.Port() && !translated {
			return fmt.Sprintf("%s\nthe kernel changed the port to %d, and nothing is translated", p, f.port)
		}
	}
	k.outcomes[string(d.Verdict)+" "+string(d.Reason)]++
	if got != want {
		return fmt.Sprintf("%s\nthe engine: %+v\nthe kernel: %s; expected: %s\nframes: %v", p, d, got, want, seen)
	}
	if d.Verdict != vcc.Forwarded {
		return ""
	}
	s := seen[0]
	source := netip.AddrPortFrom(d.Source.Addr(), sourcePort)
	if s.At != d.Leaving || s.Packet.HopLimit != d.HopLimit || s.Packet.Source != source || s.Packet.Destination != d.Destination || s.Packet.Protocol != p.Protocol || s.Packet.EchoReply != p.EchoReply || !s.Checksums {
		return fmt.Sprintf("%s\nthe engine: %+v, with source port %d\nthe kernel: %s, checksums right %v", p, d, sourcePort, s.Packet, s.Checksums)
	}
	return ""
}

// tcp returns the flags and numbers of the next packet of a flow, as two ends would send them.
func (f *kernelFlow) tcp(answer bool) (flags byte, seq, ack uint32) {
	switch {
	case answer && !f.acknowledged:
		f.answered = true
		return wiretest.SYN | wiretest.ACK, 5000, 1001
	case answer:
		return wiretest.ACK, 5001, 1001
	case f.answered:
		f.acknowledged = true
		return wiretest.ACK, 1001, 5001
	default:
		return wiretest.SYN, 1000, 0
	}
}

// answers reports whether the appliance's own answer to a packet gets back.
func (k *kernel) answers(p appliance.Packet) bool {
	source := p.Source.Addr()
	if p.Interface != appliance.Ext0 || source.Is6() && source.IsLinkLocalUnicast() {
		return true
	}
	return slices.ContainsFunc(k.compiled.Routes, func(r vcc.ApplianceRoute) bool {
		return r.Interface == appliance.Ext0.String() && r.Destination.Contains(source)
	})
}

// outcome is what the kernel does with a packet.
type outcome struct {
	verdict vcc.Verdict
	reason  vcc.Reason
	frames  int // that came out, and should be one if it was forwarded
	answers int // of the appliance itself
}

func (o outcome) String() string {
	return fmt.Sprintf("%s %s, came out %d times, answered %d times", o.verdict, o.reason, o.frames, o.answers)
}

func outcomeOf(d appliance.Decision) outcome {
	o := outcome{verdict: d.Verdict, reason: d.Reason}
	if d.Verdict == vcc.Forwarded {
		o.frames = 1
	}
	return o
}

// watch returns what became of a packet.
func (k *kernel) watch(made wiretest.Made, want outcome) (outcome, []wiretest.Seen) {
	var got outcome
	var seen []wiretest.Seen
	drain := func() {
		for _, s := range k.wire.Drain() {
			p := s.Packet
			isAnswer := s.Readable && s.At == made.Interface && p.Source.Addr() == made.Destination.Addr() && p.Destination.Addr() == made.Source.Addr() &&
				(p.EchoReply && s.Number == made.Number || s.Flags&wiretest.RST != 0 && p.Source == made.Destination && p.Destination == made.Source)
			switch {
			case isAnswer && got.verdict == vcc.Delivered:
				got.answers++
			default:
				got.frames++
				seen = append(seen, s)
			}
		}
	}
	// entries reads what the ruleset said, up to what it said of a packet.
	entries := func(until uint64, wait bool) {
		for {
			var all []linuxrouter.Entry
			var err error
			if wait {
				all, err = k.log.Read()
			} else {
				all, err = linuxrouter.ReadEntries(k.fd)
			}
			if err != nil {
				k.t.Fatal(err)
			}
			for _, e := range all {
				switch n := wiretest.Number(e.Raw); {
				case n == made.Number:
					got.verdict, got.reason = e.Verdict, e.Reason
				case n != until:
					k.t.Logf("late: %s %s %s", e.Verdict, e.Reason, e.Packet)
				}
				if wiretest.Number(e.Raw) == until {
					return
				}
			}
			if len(all) == 0 {
				return
			}
		}
	}
	// Mostly all is done when Send returns.
	if want.reason != vcc.ReasonKnownFlow {
		entries(made.Number, false)
	}
	drain()
	if want.reason == vcc.ReasonKnownFlow && len(seen) == 1 && seen[0].Number == made.Number {
		return outcome{verdict: vcc.Forwarded, reason: vcc.ReasonKnownFlow, frames: 1}, seen
	}
	// Where not, another packet follows. What comes out of the kernel comes in order: when that one is known to be settled,
	// so are those before it, and what those let out arrives before one more is settled.
	for range 2 {
		if got == want {
			break
		}
		k.number++
		k.waits++
		marker := wiretest.Made{Number: k.number, Packet: appliance.Packet{Protocol: appliance.UDP, HopLimit: 64, Source: netip.MustParseAddrPort("127.0.0.1:1"), Destination: netip.MustParseAddrPort("192.0.2.1:1")}}
		if err := k.wire.Send(appliance.Ext0, marker.Bytes()); err != nil {
			k.t.Fatal(err)
		}
		entries(marker.Number, true)
		drain()
	}
	switch {
	case got.reason == "" && len(seen) > 0 && seen[0].Number == made.Number:
		got.verdict, got.reason = vcc.Forwarded, vcc.ReasonKnownFlow
	case got.reason == "" && len(seen) == 0 && want.reason == vcc.ReasonInvalidPacket:
		got = want // the kernel itself drops some of those before any rule
	}
	return got, seen
}

// TestKernel plays random sequences against the engine, the reference and a Linux kernel.
func TestKernel(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	if !wiretest.InNamespaces(t) {
		return
	}
	k := newKernel(t, linuxrouter.Options{})
	begun := time.Now()
	sequences := 0
	for i := uint64(0); k.played < *kernelPackets; i++ {
		sequences++
		s, difference := play(rand.New(rand.NewPCG(*seed, i)), *kernelSequence, k)
		if difference != "" {
			t.Logf("sequence %d with -seed %d: %s", i, *seed, difference)
			s.report(t, k, difference)
		}
	}
	t.Logf("%d packets with -seed %d in %d sequences in %.0f s, %.0f s of it for %d configurations; %d others could not be sent or met a port of another flow; waited %d times",
		k.played, *seed, sequences, time.Since(begun).Seconds(), k.configuring.Seconds(), k.configured, k.skipped, k.waits)
	reasons := map[string]bool{}
	for _, o := range slices.Sorted(maps.Keys(k.outcomes)) {
		t.Logf("%9d %s", k.outcomes[o], o)
		_, reason, _ := strings.Cut(o, " ")
		reasons[reason] = true
	}
	if len(reasons) < 17 && *kernelPackets >= 100_000 {
		t.Errorf("only %d reasons were reached", len(reasons))
	}
}

// kernelScript is what random sequences do not do: hosts that ask for the router's link-layer address, a full table, TCP
// flags that start nothing, and fragments. It returns how the kernel differs from what the contract says, or "".
func (k *kernel) kernelScript(maxFlows int) string {
	// What is rare among random packets.
	cfg := abc()
	cfg.External.IPv4Gateway, cfg.External.IPv6Gateway = netip.Addr{}, netip.Addr{}
	if difference := k.begin(sequence{First: cfg}); difference != "" {
		return difference
	}
	for _, text := range []string{"ext0 tcp 192.0.2.9:7 203.0.113.11:8443", "ext0 tcp [2001:db8:9::9]:7 [2001:db8:ffff::10]:443", "net1 icmpv6 fe80::1 fe80::1"} {
		p := packet(k.t, text)
		d, difference := k.play(event{Packet: &p})
		if answer := answerTo(p, d); difference == "" && d.Verdict == vcc.Forwarded {
			answer.HopLimit = 1
			_, difference = k.play(event{Packet: &answer})
		}
		if difference != "" {
			return difference
		}
	}

	cfg = abc()
	if difference := k.begin(sequence{First: cfg}); difference != "" {
		return difference
	}
	send := func(at appliance.Interface, b []byte) {
		if err := k.wire.Send(at, b); err != nil {
			k.t.Fatal(err)
		}
	}
	// said returns what the ruleset said of the packets that are on their way, and how many came out.
	said := func() (reasons []vcc.Reason, frames int) {
		k.number++
		marker := wiretest.Made{Number: k.number, Packet: packet(k.t, "ext0 udp 127.0.0.1:1 192.0.2.1:1")}
		send(appliance.Ext0, marker.Bytes())
		for {
			entries, err := k.log.Read()
			if err != nil {
				k.t.Fatal(err)
			}
			for _, e := range entries {
				if wiretest.Number(e.Raw) == marker.Number {
					return reasons, len(k.wire.Drain())
				}
				reasons = append(reasons, e.Reason)
			}
		}
	}
	expect := func(what string, frames int, want ...vcc.Reason) string {
		if got, n := said(); !slices.Equal(got, want) || n != frames {
			return fmt.Sprintf("%s: the kernel said %v and let %d out; expected: %v and %d", what, got, n, want, frames)
		}
		return ""
	}

	k.wire.Drain()
	k.wire.Discovery = nil
	send(1, wiretest.NeighbourSolicitation(addr("fe80::9"), addr("fe80::1")))
	if d := expect("a neighbour's question", 0); d != "" {
		return d
	}
	if said(); len(k.wire.Discovery) == 0 {
		return "the router does not say that it is there"
	}
	send(1, wiretest.ListenerReport(addr("fe80::9")))
	if d := expect("a report of a multicast listener", 0); d != "" {
		return d
	}

	for i, tc := range []struct {
		flags  byte
		reason vcc.Reason
	}{ // a connection may be older than the appliance, but nothing else starts one
		{wiretest.SYN, vcc.ReasonRoutingEnabled}, {wiretest.ACK, vcc.ReasonRoutingEnabled}, {wiretest.PSH | wiretest.ACK, vcc.ReasonRoutingEnabled},
		{wiretest.SYN | wiretest.ACK, vcc.ReasonInvalidPacket}, {wiretest.RST, vcc.ReasonInvalidPacket}, {wiretest.FIN, vcc.ReasonInvalidPacket}, {0, vcc.ReasonInvalidPacket},
	} {
		made := wiretest.Made{Packet: packet(k.t, fmt.Sprintf("net1 tcp 172.17.52.10:%d 172.17.54.20:5432", 2000+i)), Flags: tc.flags, Seq: 1}
		frames := 0
		if tc.reason != vcc.ReasonInvalidPacket {
			frames = 1
		}
		send(1, made.Bytes())
		if d := expect(fmt.Sprintf("a first packet with the TCP flags %05b", tc.flags), frames, tc.reason); d != "" {
			return d
		}
	}

	whole := wiretest.Made{Number: 7, Packet: packet(k.t, "net1 udp 172.17.52.10:2000 172.17.54.20:53")}
	first, second := wiretest.Fragments(whole.Bytes(), 8, 77)
	// A packet is decided when all of it is there, and goes on in fragments again.
	send(1, second)
	if d := expect("the end of a packet", 0); d != "" {
		return d
	}
	send(1, first)
	if d := expect("all of a packet", 2, vcc.ReasonRoutingEnabled); d != "" {
		return d
	}

	if difference := k.begin(sequence{First: cfg}); difference != "" {
		return difference
	}
	for i := range maxFlows + 1 {
		made := wiretest.Made{Packet: packet(k.t, fmt.Sprintf("net1 udp 172.17.52.10:%d 172.17.54.20:53", 2000+i))}
		send(1, made.Bytes())
		reason, frames := vcc.ReasonRoutingEnabled, 1
		if i == maxFlows {
			reason, frames = vcc.ReasonFlowTableFull, 0
		}
		if d := expect(fmt.Sprintf("flow %d", i+1), frames, reason); d != "" {
			return d
		}
	}
	old := wiretest.Made{Packet: packet(k.t, "net1 udp 172.17.52.10:2000 172.17.54.20:53")}
	send(1, old.Bytes())
	if d := expect("an old flow beside a full table", 1); d != "" {
		return d
	}
	return ""
}

// scriptedFlows is room for more flows than a random sequence starts.
const scriptedFlows = 600

// TestKernelScript plays what random sequences leave out.
func TestKernelScript(t *testing.T) {
	if !wiretest.InNamespaces(t) {
		return
	}
	if difference := newKernel(t, linuxrouter.Options{MaxFlows: scriptedFlows}).kernelScript(scriptedFlows); difference != "" {
		t.Fatal(difference)
	}
}

// equalMutants are the rules without which the router does the same.
var equalMutants = map[string]string{
	"neighbour 2": "the policy of the hook drops as well",
}

// TestKernelMutants takes one rule after the other away: each has to be missed.
func TestKernelMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	if !wiretest.InNamespaces(t) {
		return
	}
	for n := 0; ; n += mutantStep {
		name, left := "", false
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			k := newKernel(t, linuxrouter.Options{MaxFlows: scriptedFlows})
			if name, left = removeRule(t, k.wire.Router, n); !left {
				return
			}
			begun := time.Now()
			difference := k.kernelScript(scriptedFlows)
			for i := uint64(0); difference == "" && k.played < 20_000; i++ {
				_, difference = play(rand.New(rand.NewPCG(*seed, i)), usualEvents, k)
				if equalMutants[name] != "" && k.played > 1000 {
					break
				}
			}
			missed, _, _ := strings.Cut(difference, "\n")
			t.Logf("%s: %d packets, %.1f s: %s", name, k.played, time.Since(begun).Seconds(), missed)
			if (difference == "") != (equalMutants[name] != "") {
				t.Errorf("without rule %s: %q; it makes no difference because %q", name, difference, equalMutants[name])
			}
		})
		if !left {
			break
		}
	}
}

// removeRule takes the n-th rule away and names it by its chain and its number there. It returns false
// if there are not so many.
func removeRule(t *testing.T, r *linuxrouter.Router, n int) (string, bool) {
	c, err := nftables.New(nftables.WithNetNSFd(r.Namespace().FD()))
	if err != nil {
		t.Fatal(err)
	}
	chains, err := c.ListChains()
	if err != nil {
		t.Fatal(err)
	}
	for _, chain := range chains {
		rules, err := c.GetRules(chain.Table, chain)
		if err != nil {
			t.Fatal(err)
		}
		if n >= len(rules) {
			n -= len(rules)
			continue
		}
		if err := errors.Join(c.DelRule(rules[n]), c.Flush()); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(chain.Name, " ", n+1), true
	}
	return "", false
}
