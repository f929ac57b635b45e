package appliance_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

var (
	packets = flag.Int("packets", defaultPackets, "how many random packets the engine and the reference have to agree on")
	seed    = flag.Uint64("seed", 1, "seed of the random packets")
)

// choices makes the decisions of a generator: at random, or as a fuzzer says.
type choices interface {
	IntN(n int) int
}

// fuzzed makes one choice per byte, and the first one when there are no more.
type fuzzed struct{ bytes []byte }

func (f *fuzzed) IntN(n int) int {
	if len(f.bytes) == 0 {
		return 0
	}
	b := f.bytes[0]
	f.bytes = f.bytes[1:]
	return int(b) % n
}

func oneOf[T any](c choices, all ...T) T { return all[c.IntN(len(all))] }

// oneIn is true once in n times.
func oneIn(c choices, n int) bool { return c.IntN(n) == n-1 }

// sequence is what happens to an appliance.
type sequence struct {
	MaxFlows int
	First    config
	Events   []event
}

// event is one of a packet, a question about reachability, some time that passes, and
// a new configuration; with Reset it is a new failover.
type event struct {
	Packet    *appliance.Packet
	Reach     *question
	Wait      time.Duration
	Configure *config
	Reset     bool
}

// question is what Reachability is asked.
type question struct {
	source, destination netip.Addr
	protocol            appliance.Protocol
	port                uint16
}

// randomConfig chooses a configuration. Most could be stored; some break rules, and
// have to be survived.
func randomConfig(c choices) config {
	cfg := config{RoutingEnabled: !oneIn(c, 3)}
	cfg.External.IPv4, cfg.External.IPv4Gateway = external(oneOf(c,
		[2]string{"198.51.100.5/24", "198.51.100.1"},
		[2]string{"198.51.100.5/24", "198.51.100.1"},
		[2]string{"198.51.100.5/24", ""},
		[2]string{"198.51.100.5/8", "198.51.100.1"},
		[2]string{"", ""},
		[2]string{"127.0.0.1/8", "198.51.100.1"},
		[2]string{"198.51.100.5/24", "2001:db8:ffff::1"},
		[2]string{"", "198.51.100.1"},
		[2]string{"198.51.100.5/32", "198.51.100.1"},
	))
	cfg.External.IPv6, cfg.External.IPv6Gateway = external(oneOf(c,
		[2]string{"2001:db8:ffff::5/64", "2001:db8:ffff::1"},
		[2]string{"2001:db8:ffff::5/64", "fe80::1"},
		[2]string{"2001:db8:ffff::5/64", ""},
		[2]string{"", ""},
		[2]string{"2001:db8:ffff::5/32", "2001:db8:ffff::5"},
		[2]string{"fe80::5/64", "fe80::1"},
		[2]string{"198.51.100.5/24", "198.51.100.1"},
		[2]string{"2001:db8:ffff::5/120", "2001:db8:ffff::1"},
	))
	for i := range oneOf(c, 4, 6, 8, 2, 1, 0) {
		cfg.Networks = append(cfg.Networks, randomNetwork(c, i, cfg.Networks))
	}
	for range c.IntN(6) {
		internal := insideAddress(c, cfg)
		cfg.PublicIPRules = append(cfg.PublicIPRules, vcc.PublicIPRule{
			Public: netip.AddrPortFrom(sameFamily(c, internal, func() netip.Addr { return oneOf(c, publicAddresses...) }),
				oneOf[uint16](c, 443, 80, 443, 80, 1024, 443, 22, 0)),
			Internal: netip.AddrPortFrom(internal, oneOf[uint16](c, 443, 8443, 1, 443, 8443, 443, 8443, 0)),
		})
	}
	return cfg
}

// external reads an address with its prefix length and a gateway, either of which may be
// missing.
func external(texts [2]string) (own netip.Prefix, gateway netip.Addr) {
	if texts[0] != "" {
		own = netip.MustParsePrefix(texts[0])
	}
	if texts[1] != "" {
		gateway = addr(texts[1])
	}
	return own, gateway
}

var publicAddresses = []netip.Addr{
	addr("203.0.113.10"), addr("2001:db8:ffff::10"), addr("203.0.113.11"), addr("2001:db8:ffff::10"), addr("198.51.100.5"), addr("2001:db8:ffff::5"),
	addr("172.16.1.1"), addr("fe80::10"), {},
}

func randomNetwork(c choices, i int, others []network) network {
	n := cloudNetwork(oneOf(c, "Silver", "Silver", "Silver", "Bronze", "Gold"), i+1, !oneIn(c, 3), "", "", "")
	for id, taken := i, true; taken; id++ {
		n.ID = fmt.Sprintf("network-%d", id)
		taken = slices.ContainsFunc(others, func(o network) bool { return o.ID == n.ID })
	}
	i++
	fits := func(s vcc.GatewaySettings) bool {
		if oneIn(c, 20) {
			return true // whatever D9, D10 and D12 say
		}
		var stored []vcc.DefaultGateway
		for _, o := range others {
			stored = append(stored, vcc.DefaultGateway{GatewaySettings: o.Gateway})
		}
		return s.Validate() == nil && vcc.CheckOverlap(s, stored) == nil
	}
	usual4 := vcc.IPv4Settings{Address: netip.AddrFrom4([4]byte{172, 16, byte(i), 1}), PrefixLength: 24}
	ipv4 := oneOf(c, usual4, usual4, usual4, usual4, usual4, usual4, usual4,
		vcc.IPv4Settings{Address: netip.AddrFrom4([4]byte{172, 16, byte(i), 7}), PrefixLength: 24},
		vcc.IPv4Settings{},
		vcc.IPv4Settings{Address: netip.AddrFrom4([4]byte{172, byte(16 + i), 0, 1}), PrefixLength: 16},
		vcc.IPv4Settings{Address: netip.AddrFrom4([4]byte{172, 16, byte(i), 1}), PrefixLength: 31},
		vcc.IPv4Settings{Address: netip.AddrFrom4([4]byte{172, 16, byte(i), 1}), PrefixLength: 32},
		vcc.IPv4Settings{Address: addr("198.51.0.1"), PrefixLength: 16},
		vcc.IPv4Settings{Address: addr("198.51.100.2"), PrefixLength: 24},
		vcc.IPv4Settings{Address: addr("198.51.100.1"), PrefixLength: 16}, // the external gateway
		vcc.IPv4Settings{Address: addr("198.51.100.5"), PrefixLength: 23}, // the external address
		vcc.IPv4Settings{Address: addr("198.51.100.8"), PrefixLength: 16}, // in the external network
		vcc.IPv4Settings{Address: addr("198.51.100.4"), PrefixLength: 28}, // around the external address
		vcc.IPv4Settings{Address: addr("198.51.100.129"), PrefixLength: 25},
		vcc.IPv4Settings{Address: addr("126.0.0.1"), PrefixLength: 7},
		vcc.IPv4Settings{Address: addr("169.254.0.1"), PrefixLength: 16},
		vcc.IPv4Settings{Address: addr("128.0.0.1"), PrefixLength: 1},
		vcc.IPv4Settings{Address: addr("fe80::1"), PrefixLength: 99},
	)
	if s := (vcc.GatewaySettings{IPv4: &ipv4}); ipv4 != (vcc.IPv4Settings{}) && fits(s) {
		n.Gateway.IPv4 = &ipv4
	}
	prefix := netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, byte(i)}), 64)
	usual6 := vcc.IPv6Settings{Address: addr("fe80::1"), Network: prefix}
	ipv6 := oneOf(c, usual6, usual6, usual6, usual6, usual6, usual6,
		vcc.IPv6Settings{Address: prefix.Addr().Next(), Network: prefix},
		vcc.IPv6Settings{},
		vcc.IPv6Settings{Address: prefix.Addr(), Network: prefix}, // the subnet-router anycast address
		vcc.IPv6Settings{Address: addr("fe80:0:0:9::7"), Network: prefix},
		vcc.IPv6Settings{Address: prefix.Addr().Next(), Network: netip.PrefixFrom(prefix.Addr(), 56)},
		vcc.IPv6Settings{Address: prefix.Addr().Next(), Network: netip.PrefixFrom(prefix.Addr(), 128)},
		vcc.IPv6Settings{Address: addr("fe80::1"), Network: netip.MustParsePrefix("fe80::/64")},
		vcc.IPv6Settings{Address: addr("2001:db8:ffff::1"), Network: netip.MustParsePrefix("2001:db8:ffff::/64")},
		vcc.IPv6Settings{Address: addr("2001:db8:ffff::8"), Network: netip.MustParsePrefix("2001:db8:ffff::/64")},
		vcc.IPv6Settings{Address: addr("2001:db8:ffff::1"), Network: netip.MustParsePrefix("2001:db8:ffff::/56")},
		vcc.IPv6Settings{Address: addr("fe80::1"), Network: netip.MustParsePrefix("2001:db8::/32")},
		vcc.IPv6Settings{Address: addr("8000::1"), Network: netip.MustParsePrefix("8000::/1")},
		vcc.IPv6Settings{Address: addr("172.16.0.1"), Network: netip.MustParsePrefix("172.16.0.0/24")},
	)
	if s := (vcc.GatewaySettings{IPv6: &ipv6}); ipv6 != (vcc.IPv6Settings{}) && fits(s) {
		n.Gateway.IPv6 = &ipv6
	}
	return n
}

// insideAddress chooses a host of one of the networks, or its gateway, or something
// else now and then.
func insideAddress(c choices, cfg config) netip.Addr {
	_, a := insideHost(c, cfg)
	return a
}

func insideHost(c choices, cfg config) (appliance.Interface, netip.Addr) {
	if len(cfg.Networks) == 0 {
		return 0, outsideAddress(c)
	}
	i := c.IntN(len(cfg.Networks))
	at := appliance.Interface(i + 1)
	g := cfg.Networks[i].Gateway
	switch {
	case g.IPv4 != nil && (g.IPv6 == nil || oneIn(c, 2)):
		return at, host(c, g.IPv4.Address, g.IPv4.PrefixLength)
	case g.IPv6 != nil && g.IPv6.Address.IsLinkLocalUnicast() && oneIn(c, 8):
		return at, host(c, g.IPv6.Address, 64)
	case g.IPv6 != nil:
		return at, host(c, g.IPv6.Network.Addr(), 64)
	default:
		return at, addr("192.168.0.10")
	}
}

// host chooses one of few addresses around another.
func host(c choices, a netip.Addr, prefixLength int) netip.Addr {
	switch c.IntN(8) {
	case 0:
		return a
	case 1:
		return netip.PrefixFrom(a, prefixLength).Masked().Addr()
	case 2:
		return a.Prev()
	case 3:
		return a.Next().Next()
	default:
		return a.Next()
	}
}

func outsideAddress(c choices) netip.Addr {
	return oneOf(c, addr("192.0.2.9"), addr("192.0.2.10"), addr("2001:db8:9::9"), addr("2001:db8:9::a"),
		addr("198.51.100.1"), addr("198.51.100.9"), addr("2001:db8:ffff::1"), addr("fe80::9"), addr("198.51.7.7"),
		addr("2001:db8:ffff::9"), addr("198.51.100.5"), addr("2001:db8:ffff::5"))
}

func oddAddress(c choices) netip.Addr {
	return oneOf(c, netip.Addr{}, addr("0.0.0.0"), addr("127.0.0.1"), addr("224.0.0.1"), addr("255.255.255.255"), addr("0.0.0.1"),
		addr("::"), addr("::1"), addr("ff02::1"), addr("::ffff:172.16.1.2"), addr("2001:db8:0:100::2%eth0"), addr("fe80::1"), addr("fe80::2"),
		addr("febf::1"), addr("fec0::1"), addr("172.16.1.255"), addr("240.0.0.1"), addr("::2"), addr("::ffff:0:0:1"))
}

func randomAddress(c choices, cfg config) netip.Addr {
	switch c.IntN(32) {
	case 0:
		return oddAddress(c)
	case 1, 2, 3:
		return oneOf(c, publicAddresses...)
	case 4, 5, 6, 7, 8, 9, 10, 11, 12, 13:
		return outsideAddress(c)
	default:
		return insideAddress(c, cfg)
	}
}

// sameFamily chooses until the address has the family of another, most of the time.
func sameFamily(c choices, as netip.Addr, choose func() netip.Addr) netip.Addr {
	a := choose()
	for try := 0; a.Is4() != as.Is4() && try < 8; try++ {
		a = choose()
	}
	return a
}

func randomPacket(c choices, cfg config) appliance.Packet {
	var p appliance.Packet
	var source netip.Addr
	switch c.IntN(16) {
	case 0:
		p.Interface, source = oneOf[appliance.Interface](c, -1, 0, 1, 2, 3, 9, 1<<30), randomAddress(c, cfg)
	case 1, 2, 3, 4, 5:
		p.Interface, source = appliance.Ext0, outsideAddress(c)
	default:
		p.Interface, source = insideHost(c, cfg)
	}
	destination := sameFamily(c, source, func() netip.Addr { return randomAddress(c, cfg) })
	p.HopLimit = oneOf[uint8](c, 64, 255, 64, 3, 2, 64, 1, 0)
	if p.HopLimit < 3 && !oneIn(c, 3) {
		p.HopLimit = 64
	}
	sourcePort := oneOf[uint16](c, 40000, 443, 65535, 1023, 1024, 0, 1)
	switch c.IntN(8) {
	case 0, 1, 2:
		p.Protocol = appliance.TCP
	case 3, 4:
		p.Protocol = appliance.UDP
	case 5, 6:
		p.Protocol = appliance.ICMPv6
		if source.Is4() {
			p.Protocol = appliance.ICMP
		}
	default:
		p.Protocol = oneOf[appliance.Protocol](c, appliance.TCP, appliance.UDP, appliance.ICMP, appliance.ICMPv6, 0, 47)
	}
	p.EchoReply = (p.Protocol == appliance.ICMP || p.Protocol == appliance.ICMPv6) && oneIn(c, 4) || oneIn(c, 64)
	p.Source = netip.AddrPortFrom(source, sourcePort)
	p.Destination = netip.AddrPortFrom(destination, 0)
	if p.Protocol == appliance.TCP || p.Protocol == appliance.UDP || oneIn(c, 32) {
		p.Destination = netip.AddrPortFrom(destination, oneOf[uint16](c, 443, 80, 443, 22, 80, 443, 1024, 0))
	}
	if p.Interface == appliance.Ext0 && len(cfg.PublicIPRules) > 0 && oneIn(c, 2) {
		if public := cfg.PublicIPRules[c.IntN(len(cfg.PublicIPRules))].Public; public.Addr().Is4() == source.Is4() {
			p.Destination = public
		}
	}
	return p
}

// answerTo is the packet that answers one that was forwarded.
func answerTo(p appliance.Packet, d appliance.Decision) appliance.Packet {
	answer := appliance.Packet{Interface: d.Leaving, Protocol: p.Protocol, HopLimit: 64}
	if p.Protocol == appliance.ICMP || p.Protocol == appliance.ICMPv6 {
		answer.EchoReply = !p.EchoReply
	}
	answer.Source, answer.Destination = flip(p.Protocol, d.Source, d.Destination)
	return answer
}

// change chooses a configuration that a running appliance could get next.
func change(c choices, cfg config) config {
	cfg.Networks, cfg.PublicIPRules = slices.Clone(cfg.Networks), slices.Clone(cfg.PublicIPRules)
	switch i := c.IntN(max(1, len(cfg.Networks))); c.IntN(12) {
	case 0, 1, 2:
		cfg.RoutingEnabled = !cfg.RoutingEnabled
	case 3:
		cfg.External = randomConfig(c).External
	case 4:
		cfg.PublicIPRules = randomConfig(c).PublicIPRules
	case 5:
		if len(cfg.Networks) > 0 {
			cfg.Networks[i].Gateway = vcc.GatewaySettings{}
		}
	case 6:
		if len(cfg.Networks) < 9 {
			cfg.Networks = append(cfg.Networks, randomNetwork(c, len(cfg.Networks), cfg.Networks))
		}
	case 7:
		if len(cfg.Networks) > 0 {
			cfg.Networks = slices.Delete(cfg.Networks, i, i+1)
		}
	case 8, 9:
		if len(cfg.Networks) > 0 {
			cfg.Networks[i].Gateway = randomNetwork(c, i, slices.Delete(slices.Clone(cfg.Networks), i, i+1)).Gateway
		}
	case 10:
		if len(cfg.Networks) > 0 {
			cfg.Networks[i].InternetAccess = !cfg.Networks[i].InternetAccess
		}
	case 11:
		other := randomConfig(c).External
		cfg.External.IPv4Gateway, cfg.External.IPv6Gateway = other.IPv4Gateway, other.IPv6Gateway
	}
	return cfg
}

// opponents are the engine and what it is compared with.
type opponents interface {
	// begin starts a sequence. It and play return how the opponents differ, or "".
	begin(s sequence) string
	// play also returns what the engine decides, if the event is a packet.
	play(e event) (appliance.Decision, string)
}

// usualEvents is how many events the sequences of most tests have.
const usualEvents = 256

// play plays a sequence of n events, as it chooses them, against opponents. It
// returns the sequence, and what differed last, or "". Answers are made from what
// the engine has decided, so that the sequence itself needs no choices any more.
func play(c choices, n int, all opponents) (sequence, string) {
	s := sequence{MaxFlows: oneOf(c, 64, 16, 64, 3, 64, 0), First: randomConfig(c)}
	cfg := s.First
	var sent, answers []appliance.Packet
	if difference := all.begin(s); difference != "" {
		return s, difference
	}
	for range n {
		var e event
		switch k := c.IntN(32); {
		case k == 0:
			e.Wait = oneOf(c, 30*time.Second, 5*time.Minute, time.Second, 10*time.Second, 30*time.Second-1, 5*time.Minute-1, time.Nanosecond)
		case k == 1 && oneIn(c, 2*max(1, n/usualEvents)): // longer sequences have no more changes
			changed := change(c, cfg)
			cfg, e.Configure, e.Reset = changed, &changed, oneIn(c, 8)
		case k == 2 && oneIn(c, 2):
			e.Reach = &question{randomAddress(c, cfg), randomAddress(c, cfg),
				oneOf[appliance.Protocol](c, appliance.TCP, appliance.UDP, appliance.ICMP, appliance.ICMPv6, 0), oneOf[uint16](c, 443, 80, 22, 1024)}
		case k < 12 && len(answers) > 0:
			answer := answers[c.IntN(len(answers))]
			if oneIn(c, 8) { // what looks like an answer, and is none
				answer.EchoReply = !answer.EchoReply
			}
			e.Packet = &answer
		case k < 16 && len(sent) > 0:
			e.Packet = &sent[c.IntN(len(sent))]
		default:
			p := randomPacket(c, cfg)
			e.Packet = &p
		}
		s.Events = append(s.Events, e)
		d, difference := all.play(e)
		if difference != "" {
			return s, difference
		}
		if e.Packet == nil {
			continue
		}
		if len(sent) > 32 {
			sent = sent[:0:0]
		}
		sent = append(sent, *e.Packet)
		if d.Verdict == vcc.Forwarded {
			if len(answers) > 32 {
				answers = answers[:0:0]
			}
			answer := answerTo(*e.Packet, d)
			answers = append(answers, answer)
		}
	}
	return s, ""
}

// pair is the engine beside the reference.
type pair struct {
	engine    *appliance.Engine
	reference *reference
	now       time.Time
	decided   int
	// flows has, by the packet, what its flow was and what became of it. They stay when the flow ends.
	flows map[appliance.Packet]inFlow
}

type inFlow struct {
	appliance.Flow
	decided appliance.Decision
}

func (p *pair) begin(s sequence) string {
	*p = pair{reference: newReference(s.MaxFlows), now: time.Unix(1_700_000_000, 0), flows: map[appliance.Packet]inFlow{}}
	p.engine = appliance.NewEngine(s.MaxFlows, func() time.Time { return p.now })
	p.engine.Configure(compile(s.First))
	p.reference.configure(s.First)
	return p.compareConfigs(s.First)
}

func (p *pair) play(e event) (appliance.Decision, string) {
	p.now = p.now.Add(e.Wait)
	if e.Reset {
		p.engine.Reset()
		p.reference.reset()
	}
	if e.Configure != nil {
		p.engine.Configure(compile(*e.Configure))
		p.reference.configure(*e.Configure)
		return appliance.Decision{}, p.compareConfigs(*e.Configure)
	}
	if e.Reach != nil {
		return appliance.Decision{}, p.compareReach(*e.Reach)
	}
	if e.Packet == nil {
		return appliance.Decision{}, ""
	}
	p.decided++
	p.reference.now = p.now
	got, want := p.decide(*e.Packet), p.reference.decide(*e.Packet)
	if got != want {
		return got, fmt.Sprintf("%s\nthe engine:    %+v\nthe reference: %+v", e.Packet, got, want)
	}
	if p.decided%16 == 0 {
		return got, compareTrace(p.engine.Compiled(), *e.Packet)
	}
	return got, ""
}

// decide decides a packet, every second time by the flow that it may still be one of.
func (p *pair) decide(packet appliance.Packet) appliance.Decision {
	hopLimit := packet.HopLimit
	packet.HopLimit = 0
	before, known := p.flows[packet]
	if known && p.decided%2 == 0 && hopLimit > 1 && p.engine.GoesOn(before.Flow) {
		d := before.decided
		d.Reason, d.HopLimit = vcc.ReasonKnownFlow, hopLimit-1
		return d
	}
	key := packet
	packet.HopLimit = hopLimit
	d, flow := p.engine.DecideFlow(packet)
	if d.Verdict == vcc.Forwarded {
		p.flows[key] = inFlow{flow, d}
	}
	return d
}

func (p *pair) compareConfigs(cfg config) string {
	var got []refProblem
	for _, problem := range compile(cfg).Problems {
		got = append(got, refProblem{problem.Code, problem.NetworkID})
	}
	if !slices.Equal(got, p.reference.problems) {
		return fmt.Sprintf("the problems of the engine:    %v\nthe problems of the reference: %v", got, p.reference.problems)
	}
	return ""
}

func (p *pair) compareReach(q question) string {
	got := appliance.Reachability(p.engine.Compiled(), q.source, q.destination, q.protocol, q.port)
	want := p.reference.reach(q.source, q.destination, q.protocol, q.port)
	got.Steps, got.Explanation = nil, ""
	if got.Reply != nil {
		got.Reply.Steps = nil
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
		return fmt.Sprintf("reachability (-reference +engine):\n%s", diff)
	}
	return ""
}

// compareTrace checks that a trace says what an engine without flows decides.
func compareTrace(c *appliance.Compiled, p appliance.Packet) string {
	e := appliance.NewEngine(1, time.Now)
	e.Configure(c)
	d, t := e.Decide(p), appliance.Trace(c, p)
	if source, destination := ends(p.Protocol, d.Source, d.Destination); t.Verdict != d.Verdict || t.Reason != d.Reason || t.Source != source || t.Destination != destination {
		return fmt.Sprintf("%s\ndecided: %+v\ntraced:  %+v", p, d, t)
	}
	if d.Verdict == vcc.Forwarded && t.Steps[len(t.Steps)-1].Interface != d.Leaving.String() {
		return fmt.Sprintf("%s leaves through %s, and the trace says %+v", p, d.Leaving, t.Steps)
	}
	return ""
}

// differs plays a sequence and returns how the opponents differ, or "", and how many
// events it took.
func (s sequence) differs(all opponents) (string, int) {
	if d := all.begin(s); d != "" {
		return d, 0
	}
	for i, e := range s.Events {
		if _, d := all.play(e); d != "" {
			return d, i + 1
		}
	}
	return "", len(s.Events)
}

// shrink returns a smaller sequence that still differs: events, networks, rules and
// settings are taken away as long as it does.
func (s sequence) shrink(all opponents) sequence {
	for smaller := true; smaller; {
		smaller = false
		try := func(candidate sequence) bool {
			if difference, n := candidate.differs(all); difference != "" {
				candidate.Events = candidate.Events[:n]
				s, smaller = candidate, true
				return true
			}
			return false
		}
		for size := len(s.Events); size > 0; size /= 2 {
			for at := 0; at+size <= len(s.Events); {
				candidate := s
				candidate.Events = slices.Delete(slices.Clone(s.Events), at, at+size)
				if !try(candidate) {
					at += size
				}
			}
		}
		for i := -1; i < len(s.Events); i++ {
			at := func(s *sequence) *config {
				if i < 0 {
					return &s.First
				}
				return s.Events[i].Configure
			}
			if at(&s) == nil {
				continue
			}
			reduce := func(how func(*config)) bool {
				candidate := s
				candidate.Events = slices.Clone(s.Events)
				if i >= 0 {
					clone := *s.Events[i].Configure
					candidate.Events[i].Configure = &clone
				}
				cfg := at(&candidate)
				cfg.Networks, cfg.PublicIPRules = slices.Clone(cfg.Networks), slices.Clone(cfg.PublicIPRules)
				before := fmt.Sprint(*cfg)
				how(cfg)
				return before != fmt.Sprint(*cfg) && try(candidate)
			}
			for n := len(at(&s).Networks) - 1; n >= 0 && i < len(s.Events); n-- {
				if reduce(func(c *config) { c.Networks = slices.Delete(c.Networks, n, n+1) }) {
					continue
				}
				reduce(func(c *config) { c.Networks[n].Gateway.IPv4 = nil })
				reduce(func(c *config) { c.Networks[n].Gateway.IPv6 = nil })
			}
			for n := len(at(&s).PublicIPRules) - 1; n >= 0; n-- {
				reduce(func(c *config) { c.PublicIPRules = slices.Delete(c.PublicIPRules, n, n+1) })
			}
			reduce(func(c *config) { c.External.IPv4, c.External.IPv4Gateway = netip.Prefix{}, netip.Addr{} })
			reduce(func(c *config) { c.External.IPv6, c.External.IPv6Gateway = netip.Prefix{}, netip.Addr{} })
		}
	}
	return s
}

// String writes a sequence for the person who has to understand a difference.
func (s sequence) String() string {
	var b strings.Builder
	config := func(cfg config) {
		text, err := json.MarshalIndent(cfg, "  ", "  ")
		if err != nil {
			text = []byte(err.Error())
		}
		fmt.Fprintf(&b, "  %s\n", text)
	}
	fmt.Fprintf(&b, "room for %d flows\n", s.MaxFlows)
	config(s.First)
	for _, e := range s.Events {
		switch {
		case e.Packet != nil:
			fmt.Fprintf(&b, "packet: %s\n", e.Packet)
		case e.Reach != nil:
			fmt.Fprintf(&b, "reachability: %+v\n", *e.Reach)
		case e.Configure != nil:
			fmt.Fprintf(&b, "configure, reset %v\n", e.Reset)
			config(*e.Configure)
		default:
			fmt.Fprintf(&b, "wait %s\n", e.Wait)
		}
	}
	return b.String()
}

// report fails a test with the smallest sequence that differs.
func (s sequence) report(t *testing.T, all opponents, difference string) {
	t.Helper()
	small := s.shrink(all)
	if d, _ := small.differs(all); d != "" {
		difference = d
	}
	t.Fatalf("the engine and another one differ:\n%s\n%s", small, difference)
}

// TestReference plays random sequences against the engine and the reference.
func TestReference(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	t.Logf("%d packets with -seed %d", *packets, *seed)
	reached := map[vcc.Reason]int{}
	for done, i := 0, uint64(0); done < *packets; i++ {
		s, difference := play(rand.New(rand.NewPCG(*seed, i)), usualEvents, &pair{})
		if difference != "" {
			t.Logf("sequence %d", i)
			s.report(t, &pair{}, difference)
		}
		for _, e := range s.Events {
			if e.Packet != nil {
				done++
			}
		}
		if i%8 == 0 {
			p := &pair{}
			p.begin(s)
			for _, e := range s.Events {
				d, _ := p.play(e)
				reached[d.Reason]++
			}
		}
	}
	delete(reached, "")
	t.Logf("reasons in one sequence of 8: %v", reached)
	if len(reached) < 18 && *packets >= 100_000 {
		t.Errorf("only %d reasons were reached: %v", len(reached), reached)
	}
}
