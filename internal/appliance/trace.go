package appliance

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// What a request of Reachability has that its caller does not say.
const (
	// requestPort is its source port, or its echo identifier: the first of those that
	// are nobody's (RFC 6335, 6).
	requestPort = 49152
	// requestHopLimit is what IANA recommends to start with (RFC 1700).
	requestHopLimit = 64
)

// Trace decides a packet as an engine without flows would, and returns the steps.
// It costs more than deciding and changes nothing.
func Trace(c *Compiled, p Packet) vcc.TracedPacket {
	return trace(c, newFlowTable(1), p, true).TracedPacket
}

// Reachability says whether a destination answers to a source, if a host is there
// and willing. It decides a request and its reply as an engine without other flows
// would. The explanation is the cause alone, and the addresses are left to the caller,
// who knows whose they are.
//
// A request whose source lies in one of the tenant's networks arrives there, and any
// other on ext0. The port counts for TCP and UDP alone. Either ICMP stands for that
// of the source's family (our decision).
//
// A reply that leaves through ext0 needs a route to where the request came from:
// with no external gateway only the external network itself gets one.
func Reachability(c *Compiled, source, destination netip.Addr, protocol Protocol, port uint16) vcc.Reachability {
	return reachability(c, c.Arriving(source), source, destination, protocol, port, true)
}

// Outcome is Reachability without words, for many questions: there is no explanation, and of the
// request's steps there are those of arriving and leaving, without a message.
func Outcome(c *Compiled, source, destination netip.Addr, protocol Protocol, port uint16) vcc.Reachability {
	return reachability(c, c.Arriving(source), source, destination, protocol, port, false)
}

func reachability(c *Compiled, arriving Interface, source, destination netip.Addr, protocol Protocol, port uint16, words bool) vcc.Reachability {
	packet := Packet{Protocol: protocol, HopLimit: requestHopLimit, Source: netip.AddrPortFrom(source, requestPort)}
	if protocol.isEcho() {
		port, packet.Protocol = 0, ICMPv6
		if source.Is4() {
			packet.Protocol = ICMP
		}
	}
	packet.Destination = netip.AddrPortFrom(destination, port)
	packet.Interface = arriving

	flows := newFlowTable(1)
	request := trace(c, flows, packet, words)
	r := vcc.Reachability{TracedPacket: request.TracedPacket, Explanation: request.because}
	if r.Verdict == vcc.Dropped {
		return r
	}
	answer := Packet{Interface: packet.Interface, Protocol: packet.Protocol, HopLimit: requestHopLimit, EchoReply: packet.Protocol.isEcho(), Source: request.decided.Destination, Destination: request.decided.Source}
	if packet.Protocol.isEcho() {
		answer.Source = netip.AddrPortFrom(request.decided.Destination.Addr(), request.decided.Source.Port())
		answer.Destination = netip.AddrPortFrom(request.decided.Source.Addr(), 0)
	}
	var reply traced
	switch {
	case r.Verdict == vcc.Forwarded:
		answer.Interface = request.decided.Leaving
		reply = trace(c, flows, answer, words)
	case packet.Interface == Ext0 && !c.answers(source):
		reply = settled(answer, vcc.Dropped, vcc.ReasonNoRoute, noWayBack(source))
	default:
		reply = settled(answer, vcc.Forwarded, vcc.ReasonOwnReply, "the appliance itself answers")
		reply.Steps = append(reply.Steps, c.wayOut(answer.Interface, answer.Destination.Addr(), answer.HopLimit)...)
	}
	r.Reply = &reply.TracedPacket
	r.Reachable = reply.Verdict == vcc.Forwarded
	if !r.Reachable && words {
		r.Explanation = "the reply is dropped: " + reply.because
	}
	return r
}

// answers reports whether the appliance can answer an address outside: one that is on its link, or to which a route leads.
func (c *Compiled) answers(source netip.Addr) bool {
	_, ok := c.external[familyOf(source)].routeTo(source)
	return ok || isLinkLocal(source)
}

// traced is a traced packet with what else is known of it.
type traced struct {
	vcc.TracedPacket
	decided Decision
	// because says why the packet got its verdict.
	because string
}

// settled traces a packet that leaves as it is, or not at all, without one of the ten
// packet rules.
func settled(p Packet, v vcc.Verdict, r vcc.Reason, because string) traced {
	return traced{because: because, TracedPacket: vcc.TracedPacket{
		Verdict: v, Reason: r, Source: p.end(p.Source), Destination: p.end(p.Destination),
		Steps: []vcc.TraceStep{ruleStep(v, r, because)},
	}}
}

// ruleStep is the step that says what settled a verdict, and why.
func ruleStep(v vcc.Verdict, r vcc.Reason, because string) vcc.TraceStep {
	return vcc.TraceStep{Kind: vcc.StepRule, Message: fmt.Sprintf("%s, %s: %s", v, r, because)}
}

// trace decides a packet and says why, with words or without.
func trace(c *Compiled, flows *flowTable, p Packet, words bool) traced {
	d, r, _ := flows.decide(c, &p, time.Time{})
	t := traced{decided: d, TracedPacket: vcc.TracedPacket{
		Verdict: d.Verdict, Reason: d.Reason, Source: p.end(d.Source), Destination: p.end(d.Destination),
	}}
	if !words {
		t.Steps = make([]vcc.TraceStep, 1, 2)
		t.Steps[0] = vcc.TraceStep{Kind: vcc.StepArriving, Interface: p.Interface.String()}
		if d.Verdict == vcc.Forwarded {
			t.Steps = append(t.Steps, vcc.TraceStep{Kind: vcc.StepLeaving, Interface: d.Leaving.String()})
		}
		return t
	}
	t.because = r.because(c, &p)
	source := p.endText(p.Source)
	t.Steps = []vcc.TraceStep{
		{Kind: vcc.StepArriving, Interface: p.Interface.String(), Message: fmt.Sprintf("%s from %s to %s arrives on %s", p.Protocol, source, p.endText(p.Destination), c.label(p.Interface))},
		ruleStep(d.Verdict, d.Reason, t.because),
	}
	if d.Verdict != vcc.Forwarded {
		return t
	}
	if d.Destination != p.Destination {
		t.Steps = append(t.Steps, vcc.TraceStep{Kind: vcc.StepDestinationNAT, From: p.end(p.Destination), To: p.end(d.Destination),
			Message: fmt.Sprintf("the destination %s becomes %s", p.endText(p.Destination), p.endText(d.Destination))})
	}
	if d.Source != p.Source {
		t.Steps = append(t.Steps, vcc.TraceStep{Kind: vcc.StepSourceNAT, From: p.end(p.Source), To: p.end(d.Source),
			Message: fmt.Sprintf("the source %s becomes %s", source, p.endText(d.Source))})
	}
	t.Steps = append(t.Steps, c.wayOut(d.Leaving, d.Destination.Addr(), d.HopLimit)...)
	return t
}

// wayOut is the last steps of a packet that leaves.
func (c *Compiled) wayOut(leaving Interface, destination netip.Addr, hopLimit uint8) []vcc.TraceStep {
	var steps []vcc.TraceStep
	if route, found := c.routeTo(leaving, destination); found {
		way := "directly connected"
		if route.Gateway.IsValid() {
			way = "through " + route.Gateway.String()
		}
		steps = append(steps, vcc.TraceStep{Kind: vcc.StepRoute, Route: route.Destination, Message: fmt.Sprintf("%s is in %s, %s", destination, route.Destination, way)})
	}
	return append(steps, vcc.TraceStep{Kind: vcc.StepLeaving, Interface: leaving.String(), Message: fmt.Sprintf("leaves through %s with a hop limit of %d", c.label(leaving), hopLimit)})
}

// routeTo returns the longest route to an address through an interface, and whether
// there is one. The table has the connected routes of networks; only a packet that leaves
// through ext0, or that no route leads to, has to go through the list.
func (c *Compiled) routeTo(leaving Interface, a netip.Addr) (longest vcc.ApplianceRoute, found bool) {
	name := leaving.String()
	if connected, place, _ := c.table.LookupPrefixLPM(netip.PrefixFrom(a, a.BitLen())); place.via == leaving && leaving != Ext0 {
		return vcc.ApplianceRoute{Destination: connected, Interface: name}, true
	}
	for _, r := range c.Routes {
		if r.Interface == name && r.Destination.Contains(a) && (!found || longest.Destination.Bits() < r.Destination.Bits()) {
			longest, found = r, true
		}
	}
	return longest, found
}

// NetworkOf returns the interface on the network that an address lies in, also where the
// appliance leaves that network without IPv6; false for an address that lies in none.
func (c *Compiled) NetworkOf(a netip.Addr) (vcc.ApplianceInterface, bool) {
	place, _ := c.table.Lookup(a)
	if place.network == Ext0 {
		return vcc.ApplianceInterface{}, false
	}
	return c.Interfaces[place.network], true
}
