package replay

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// expected is what a test knows of its capture: tallies by what the packets are, and of those that break by their
// groups.
type expected map[string]Tally

func (e expected) add(what string, first bool, bytes uint64) {
	t := e[what]
	t.Packets++
	t.Bytes += bytes
	if first {
		t.Conversations++
	}
	e[what] = t
}

// found brings a report into the same form.
func found(r *Report) expected {
	e := expected{}
	for what, t := range map[string]Tally{
		"through": r.Through, "within": r.Within, "unknown": r.Unknown, "not IP": r.NotIP, "control": r.Control, "fragment": r.Fragments, "malformed": r.Malformed,
	} {
		e[what] = t
	}
	for _, b := range r.Broken {
		e["broken "+causeName(b.Reason, b.Expired)] = b.Tally
		for _, g := range b.Groups {
			e[groupName(causeName(b.Reason, b.Expired), g.Source.String(), g.Destination.String(), g.Protocol.String(), g.Port)] = g.Tally
		}
	}
	for _, a := range r.Absent {
		e["absent "+a.Address.String()] = a.Tally
	}
	maps.DeleteFunc(e, func(_ string, t Tally) bool { return t == Tally{} })
	return e
}

func causeName(r vcc.Reason, expired bool) string {
	if expired {
		return string(r) + " expired"
	}
	return string(r)
}

func groupName(cause, source, destination, protocol string, port uint16) string {
	return fmt.Sprintf("%s: %s -> %s %s %d", cause, source, destination, protocol, port)
}

// step is a packet of a conversation: who sends it, how long after the one before, and what becomes of it.
type step struct {
	server   bool
	after    time.Duration
	flags    uint8
	icmp     uint8
	hopLimit uint8
	fragment bool
	snapped  int
	outcome  string // "through", "within", "unknown", "control", "fragment", "malformed", or a cause
}

// talk is a kind of conversation with its known answer.
type talk struct {
	name           string
	client, server string // the port of the client changes with each conversation
	port           uint16
	protocol       uint8
	steps          []step
	// counted is what the conversation counts as, "" for nothing.
	counted string
	// source and destination are the ends of its group.
	source, destination string
	absent              string
}

const (
	tcp   = protocolTCP
	udp   = protocolUDP
	echo4 = protocolICMP
	echo6 = protocolICMPv6
)

// tcpTalk is a whole TCP conversation of which every packet has one outcome.
func tcpTalk(name, client, server string, port uint16, outcome, source, destination, absent string) talk {
	t := talk{name: name, client: client, server: server, port: port, protocol: tcp, counted: outcome, source: source, destination: destination, absent: absent}
	for i, flags := range []uint8{syn, synAck, ack, ack, ack, ack, ack, 17} {
		t.steps = append(t.steps, step{server: i%2 == 1, flags: flags, after: 20 * time.Millisecond, outcome: outcome})
	}
	return t
}

// echoTalk is a request and its reply.
func echoTalk(name, client, server, outcome, source, destination, absent string) talk {
	t := talk{name: name, client: client, server: server, protocol: echo4, counted: outcome, source: source, destination: destination, absent: absent}
	request, reply := uint8(8), uint8(0)
	if netip.MustParseAddr(client).Is6() {
		t.protocol, request, reply = echo6, 128, 129
	}
	t.steps = []step{{icmp: request, outcome: outcome}, {server: true, icmp: reply, after: time.Millisecond, outcome: outcome}}
	return t
}

// talks are all kinds at the appliance of sources, without routing. The replicas have 172.17.52.10 and 2001:db8:52::10 alone.
func talks() []talk {
	const (
		web, app, data, old, bronze = "172.17.52.10", "172.17.52.30", "172.17.54.20", "172.17.56.30", "172.17.60.5"
		web6, app6, data6           = "2001:db8:52::10", "2001:db8:52::30", "2001:db8:54::20"
		peer, peer6                 = "192.0.2.80", "2001:db8:aaaa::80"
		internet                    = vcc.Internet
	)
	list := []talk{
		tcpTalk("between networks", web, data, 5432, "routing_disabled", web, data, ""),
		tcpTalk("between networks, IPv6", web6, data6, 5432, "routing_disabled", web6, data6, ""),
		tcpTalk("translated", web, peer, 443, "through", "", "", ""),
		tcpTalk("translated, IPv6", app6, peer6, 443, "through", "", "", app6),
		tcpTalk("by a public IP rule to another port", peer, web, 8443, "through", "", "", ""),
		tcpTalk("by a public IP rule, IPv6", peer6, web6, 443, "through", "", "", ""),
		tcpTalk("no rule for the port", peer, web, 80, "no_public_ip_rule", internet, web, ""),
		tcpTalk("no rule for the VM, IPv6", peer6, app6, 443, "no_public_ip_rule", internet, app6, ""),
		tcpTalk("no internet access", data, peer, 443, "no_internet_access", data, internet, ""),
		tcpTalk("one network", web, app, 445, "within", "", "", ""),
		tcpTalk("one network, IPv6", web6, app6, 445, "within", "", "", ""),
		tcpTalk("one network without a gateway, that no job maps", old, "172.17.56.31", 445, "no_default_gateway", old, "172.17.56.31", ""),
		tcpTalk("by a rule for an address that no internet carries", peer, web, 8080, "private_destination", internet, web, ""),
		tcpTalk("a public address without a rule", peer, "203.0.113.20", 443, "no_public_ip_rule", internet, "203.0.113.20", ""),
		tcpTalk("from a public address", "203.0.113.20", peer, 443, "no_public_ip_rule", "203.0.113.20", internet, ""),
		{name: "broadcast in a network", client: web, server: "172.17.53.255", port: 137, protocol: udp, counted: "within", steps: []step{{outcome: "within"}}},
		{name: "broadcast in a network that no job maps", client: old, server: "172.17.56.255", port: 137, protocol: udp, counted: "within", steps: []step{{outcome: "within"}}},
		{name: "broadcast in another network", client: data, server: "172.17.53.255", port: 137, protocol: udp, counted: "invalid_packet", source: data, destination: "172.17.53.255", steps: []step{{outcome: "invalid_packet"}}},
		tcpTalk("from the gateway", "172.17.52.1", web, 443, "source_not_in_network", "172.17.52.1", web, ""),
		tcpTalk("neither end", peer, "198.18.0.1", 443, "unknown", "", "", ""),
		tcpTalk("from a network without a gateway", old, peer, 443, "no_default_gateway", old, internet, ""),
		tcpTalk("to a network without a gateway", peer, old, 443, "no_default_gateway", internet, old, ""),
		tcpTalk("inside to a network without a gateway", web, old, 443, "no_default_gateway", web, old, ""),
		tcpTalk("another plan", web, bronze, 443, "different_hardware_plan", web, bronze, ""),
		tcpTalk("to another site", web, "10.9.9.9", 443, "private_destination", web, "10.9.9.9", ""),
		tcpTalk("from another site", "10.9.9.9", web, 8443, "private_destination", "10.9.9.9", web, ""),
		echoTalk("echo", web, peer, "through", "", "", ""),
		echoTalk("echo, IPv6", web6, peer6, "through", "", "", ""),
		echoTalk("echo to the gateway", web, "172.17.52.1", "through", "", "", ""),
		echoTalk("echo from outside", peer, web, "no_public_ip_rule", internet, web, ""),
		{name: "name server at the gateway", client: web, server: "172.17.52.1", port: 53, protocol: udp, counted: "not_a_service", source: web, destination: "172.17.52.1", steps: []step{
			{outcome: "not_a_service"}, {server: true, outcome: "not_a_service"},
		}},
		{name: "TCP that was idle", client: web, server: peer, port: 22, protocol: tcp, counted: "not_a_service expired", source: web, destination: internet, steps: []step{
			{flags: syn, outcome: "through"}, {server: true, flags: synAck, outcome: "through"}, {flags: ack, outcome: "through"},
			{server: true, flags: ack, after: 4 * time.Minute, outcome: "through"},
			{server: true, flags: ack, after: 5 * time.Minute, outcome: "not_a_service expired"},
			{flags: ack, after: time.Second, outcome: "through"}, // it starts a flow again
			{server: true, flags: ack, outcome: "through"},
		}},
		{name: "TCP that a rule let in, and that was idle", client: "192.0.2.81", server: web, port: 8443, protocol: tcp, counted: "internet_access expired", source: internet, destination: web, steps: []step{
			{flags: syn, outcome: "through"}, {server: true, flags: synAck, outcome: "through"},
			{server: true, flags: ack, after: 5 * time.Minute, outcome: "internet_access expired"}, // it would leave with another address
			{flags: ack, after: 5 * time.Minute, outcome: "through"},
		}},
		{name: "UDP that was idle", client: app, server: peer, port: 53, protocol: udp, counted: "not_a_service expired", source: app, destination: internet, absent: app, steps: []step{
			{outcome: "through"}, {server: true, after: 29 * time.Second, outcome: "through"}, {server: true, after: 30 * time.Second, outcome: "not_a_service expired"},
		}},
		{name: "from its middle", client: web, server: peer, port: 993, protocol: tcp, counted: "through", steps: []step{
			{server: true, flags: ack, outcome: "through"}, {flags: ack, outcome: "through"},
		}},
		{name: "from its middle, dropped", client: data, server: peer, port: 993, protocol: tcp, counted: "no_internet_access", source: data, destination: internet, steps: []step{
			{server: true, flags: ack, outcome: "no_internet_access"}, {flags: ack, outcome: "no_internet_access"},
		}},
		{name: "hop limit", client: web, server: peer, port: 33434, protocol: udp, counted: "hop_limit_exceeded", source: web, destination: internet, steps: []step{
			{hopLimit: 1, outcome: "hop_limit_exceeded"}, {hopLimit: 2, outcome: "through"},
		}},
		{name: "multicast on the link", client: web, server: "224.0.0.251", port: 5353, protocol: udp, counted: "within", steps: []step{{outcome: "within"}, {outcome: "within"}}},
		{name: "multicast with a hop limit of 1", client: web, server: "239.255.255.250", port: 1900, protocol: udp, counted: "within", steps: []step{{hopLimit: 1, outcome: "within"}}},
		{name: "multicast", client: web, server: "239.1.2.3", port: 5000, protocol: udp, counted: "invalid_packet", source: web, destination: "239.1.2.3", steps: []step{{outcome: "invalid_packet"}}},
		{name: "an ICMP error", client: peer, server: web, protocol: echo4, steps: []step{{icmp: 3, outcome: "control"}}},
		{name: "neighbor discovery", client: web6, server: app6, protocol: echo6, steps: []step{{icmp: 135, outcome: "control"}}},
		{name: "a later fragment", client: web, server: peer, port: 1, protocol: udp, steps: []step{{fragment: true, outcome: "fragment"}}},
		{name: "a later fragment, IPv6", client: web6, server: peer6, port: 1, protocol: udp, steps: []step{{fragment: true, outcome: "fragment"}}},
		{name: "cut off", client: web, server: peer, port: 1, protocol: udp, steps: []step{{snapped: 37, outcome: "malformed"}}},
	}
	return list
}

// frame returns a step of a talk, of a client with a port or an identifier.
func (t talk) frame(s step, identifier uint16) frame {
	client, server := netip.AddrPortFrom(netip.MustParseAddr(t.client), identifier), netip.AddrPortFrom(netip.MustParseAddr(t.server), t.port)
	f := frame{from: client, to: server, protocol: t.protocol, flags: s.flags, icmp: s.icmp, hopLimit: s.hopLimit, fragment: s.fragment, snapped: s.snapped}
	if s.server {
		f.from, f.to = server, client
	}
	if t.protocol == echo4 || t.protocol == echo6 {
		f.from, f.to = netip.AddrPortFrom(f.from.Addr(), identifier), netip.AddrPortFrom(f.to.Addr(), 0)
	}
	return f
}

// late is a packet whose time comes later.
type late struct {
	at   time.Time
	send func(time.Time)
}

// generate writes a capture of at least a number of packets, in which all talks take turns, and returns what is known of it.
func generate(w writer, packets int) expected {
	e := expected{}
	list := talks()
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	// Packets wait in the order of their times, those that wait for one time each in a queue.
	waiting := map[time.Duration][]late{}
	next := func() (after time.Duration, found bool) {
		for a, queue := range waiting {
			if len(queue) > 0 && (!found || queue[0].at.Before(waiting[after][0].at)) {
				after, found = a, true
			}
		}
		return after, found
	}
	send := func(after time.Duration) {
		l := waiting[after][0]
		waiting[after] = waiting[after][1:]
		l.send(l.at)
	}
	sent := 0
	var start func(at time.Time, kind, number, from int)
	start = func(at time.Time, kind, number, from int) {
		t := list[kind]
		identifier := uint16(1024 + number%60000)
		for i := from; i < len(t.steps); i++ {
			s := t.steps[i]
			if i > from && s.after > 0 {
				waiting[s.after] = append(waiting[s.after], late{at.Add(s.after), func(now time.Time) { start(now, kind, number, i) }})
				return
			}
			f := t.frame(s, identifier)
			f.wireLength = 60 + number%1000
			bytes := w.write(at, f)
			sent++
			e.packet(&t, s.outcome, i, bytes)
		}
	}
	for number := 0; sent < packets; number++ {
		for kind := range list {
			start(now, kind, number, 0)
		}
		if number%10 == 0 {
			e.add("not IP", false, w.write(now, frame{from: netip.MustParseAddrPort("172.17.52.10:0"), etherType: 0x0806}))
			sent++
		}
		now = now.Add(40 * time.Millisecond)
		for after, found := next(); found && !waiting[after][0].at.After(now); after, found = next() {
			send(after)
		}
	}
	for after, found := next(); found; after, found = next() {
		send(after)
	}
	return e
}

// packet notes what becomes of a packet of a talk, the i-th.
func (e expected) packet(t *talk, outcome string, i int, bytes uint64) {
	isBroken := func(o string) bool {
		return !slices.Contains([]string{"through", "within", "unknown", "control", "fragment", "malformed"}, o)
	}
	// A conversation counts once, as the first of its packets that breaks, and else as the others.
	first := t.counted != "" && outcome == t.counted && slices.IndexFunc(t.steps, func(s step) bool { return s.outcome == t.counted }) == i
	if !isBroken(outcome) {
		e.add(outcome, first, bytes)
		if outcome == "through" && t.absent != "" {
			e.add("absent "+t.absent, first, bytes)
		}
		return
	}
	e.add("broken "+outcome, first, bytes)
	name := map[uint8]string{tcp: "tcp", udp: "udp", echo4: "icmp", echo6: "icmpv6"}[t.protocol]
	e.add(groupName(outcome, t.source, t.destination, name, t.port), first, bytes)
}

// TestKnownAnswers replays a capture of a million packets whose answers are known.
func TestKnownAnswers(t *testing.T) {
	packets := 1_000_000
	if testing.Short() {
		packets = 50_000
	}
	r, w := io.Pipe()
	want := make(chan expected, 1)
	go func() {
		buffer := bufio.NewWriterSize(w, 1<<16)
		e := generate(newWriter(t, buffer), packets)
		_ = w.CloseWithError(buffer.Flush())
		want <- e
	}()
	report, err := Run(context.Background(), r, withReplicas(sources(t, false)))
	ok(t, err)
	if report.Damage != nil || report.Forgotten != 0 || report.Unlisted != 0 {
		t.Errorf("damage %v, %d forgotten, %d unlisted", report.Damage, report.Forgotten, report.Unlisted)
	}
	if report.Packets < uint64(packets) {
		t.Errorf("%d packets", report.Packets)
	}
	if diff := cmp.Diff(<-want, found(report), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the answer (-want +got):\n%s", diff)
	}
}

// withReplicas adds a replica with an address in each family.
func withReplicas(s []vcc.ApplianceSources) []vcc.ApplianceSources {
	for i := range s {
		s[i].Replicas = []vcc.Replica{{Name: "web01", NICs: []vcc.ReplicaNIC{{NetworkID: "App", IPv4: netip.MustParsePrefix("172.17.52.10/23"), IPv6: netip.MustParsePrefix("2001:db8:52::10/64")}}}}
	}
	return s
}
