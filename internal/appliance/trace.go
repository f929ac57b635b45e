package appliance

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// StepKind says what a step of a trace is about.
type StepKind string

// The kinds, in the order in which they appear in a trace. A packet that is dropped
// has the first two; one that is delivered as well.
const (
	// StepArriving: where the packet arrives.
	StepArriving StepKind = "arriving"
	// StepRule: the rule that settled the verdict.
	StepRule StepKind = "rule"
	// StepDestinationNAT and StepSourceNAT: a translation. Only those that change
	// something are there.
	StepDestinationNAT StepKind = "destination_nat"
	StepSourceNAT      StepKind = "source_nat"
	// StepRoute: the route taken.
	StepRoute StepKind = "route"
	// StepLeaving: where the packet leaves.
	StepLeaving StepKind = "leaving"
)

// Step is one step of a trace: in words, and in data for those who want no words.
type Step struct {
	Kind StepKind `json:"kind"`
	// Message is the step in words.
	Message string `json:"message"`
	// Interface is there for StepArriving and StepLeaving.
	Interface *Interface `json:"interface,omitempty"`
	// Rule is there for StepRule, unless the flow table settled the verdict.
	Rule int `json:"rule,omitempty"`
	// because is there for StepRule: the message without verdict and reason.
	because string
	// From and To are there for StepDestinationNAT and StepSourceNAT.
	From netip.AddrPort `json:"from,omitzero"`
	To   netip.AddrPort `json:"to,omitzero"`
	// Route is there for StepRoute.
	Route *Route `json:"route,omitempty"`
}

// Passage is the way of one packet through the appliance.
type Passage struct {
	Verdict Verdict `json:"verdict"`
	Reason  Reason  `json:"reason"`
	Steps   []Step  `json:"steps"`
	// Source and Destination are those of a forwarded packet as it leaves, and those
	// of any other as it arrived. For an ICMP echo the identifier stands in place of
	// the source port.
	Source      netip.AddrPort `json:"source"`
	Destination netip.AddrPort `json:"destination"`
}

// Because says in words why the packet got its verdict.
func (p Passage) Because() string {
	for _, s := range p.Steps {
		if s.Kind == StepRule {
			return s.because
		}
	}
	return ""
}

// Reach says whether something can be reached, and how it was found out.
type Reach struct {
	// Reachable: the request is forwarded or delivered, and its reply gets back.
	Reachable bool `json:"reachable"`
	// Passage is that of the request.
	Passage
	// Reply is the passage of the reply, nil if the request is dropped.
	Reply *Passage `json:"reply"`
}

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
func Trace(c *Compiled, p Packet) Passage {
	return trace(c, newFlowTable(1), p)
}

// Reachability says whether a destination answers to a source, if a host is there
// and willing. It decides a request and its reply as an engine without other flows
// would.
//
// A request whose source lies in one of the tenant's networks arrives there, and any
// other on ext0. The port counts for TCP and UDP alone. Either ICMP stands for that
// of the source's family (our decision).
//
// A reply that leaves through ext0 needs a route to where the request came from:
// with no external gateway only the external network itself gets one (our
// decision: the engine lets such a reply through as part of a known flow, and the
// next router is not there).
func Reachability(c *Compiled, source, destination netip.Addr, protocol Protocol, port uint16) Reach {
	request := Packet{Protocol: protocol, HopLimit: requestHopLimit, Source: netip.AddrPortFrom(source, requestPort)}
	if protocol.isEcho() {
		port, request.Protocol = 0, ICMPv6
		if source.Is4() {
			request.Protocol = ICMP
		}
	}
	request.Destination = netip.AddrPortFrom(destination, port)
	if !isLinkLocal(source) {
		from, _ := c.table.Lookup(source)
		request.Interface = from.network
	}

	flows := newFlowTable(1)
	r := Reach{Passage: trace(c, flows, request)}
	if r.Verdict == Dropped {
		return r
	}
	answer := Packet{Interface: request.Interface, Protocol: request.Protocol, HopLimit: requestHopLimit, Source: r.Destination, Destination: r.Source}
	if request.Protocol.isEcho() {
		answer.Source = netip.AddrPortFrom(r.Destination.Addr(), r.Source.Port())
		answer.Destination = netip.AddrPortFrom(r.Source.Addr(), 0)
	}
	var reply Passage
	switch {
	case request.Interface == Ext0 && !isLinkLocal(source) && c.routeTo(Ext0, source) == nil:
		reply = settled(answer, Dropped, ReasonNoRoute, fmt.Sprintf("the appliance has no external %s gateway to send a reply to %s through", familyName(source), source))
	case r.Verdict == Delivered:
		reply = settled(answer, Forwarded, ReasonOwnReply, "the appliance itself answers")
		reply.Steps = append(reply.Steps, c.wayOut(answer.Interface, answer.Destination.Addr(), answer.HopLimit)...)
	default:
		answer.Interface = *r.Steps[len(r.Steps)-1].Interface
		reply = trace(c, flows, answer)
	}
	r.Reply = &reply
	r.Reachable = reply.Verdict == Forwarded
	return r
}

// settled is the passage of a packet that leaves as it is, or not at all, without
// one of the ten rules.
func settled(p Packet, v Verdict, r Reason, because string) Passage {
	return Passage{
		Verdict: v, Reason: r, Source: p.Source, Destination: p.Destination,
		Steps: []Step{{Kind: StepRule, because: because, Message: fmt.Sprintf("%s, %s: %s", v, r, because)}},
	}
}

func trace(c *Compiled, flows *flowTable, p Packet) Passage {
	d, r := flows.decide(c, &p, time.Time{})
	t := Passage{Verdict: d.Verdict, Reason: d.Reason, Source: d.Source, Destination: d.Destination}
	source, because := p.end(p.Source), c.because(&p, r.outcome)
	t.Steps = []Step{
		{Kind: StepArriving, Interface: &p.Interface, Message: fmt.Sprintf("%s from %s to %s arrives on %s", p.Protocol, source, p.end(p.Destination), c.label(p.Interface))},
		{Kind: StepRule, Rule: r.rule, because: because, Message: fmt.Sprintf("%s, %s: %s", d.Verdict, d.Reason, because)},
	}
	if d.Verdict != Forwarded {
		return t
	}
	if d.Destination != p.Destination {
		t.Steps = append(t.Steps, Step{Kind: StepDestinationNAT, From: p.Destination, To: d.Destination,
			Message: fmt.Sprintf("the destination %s becomes %s", p.end(p.Destination), p.end(d.Destination))})
	}
	if d.Source != p.Source {
		t.Steps = append(t.Steps, Step{Kind: StepSourceNAT, From: p.Source, To: d.Source,
			Message: fmt.Sprintf("the source %s becomes %s", source, p.end(d.Source))})
	}
	t.Steps = append(t.Steps, c.wayOut(d.Leaving, d.Destination.Addr(), d.HopLimit)...)
	return t
}

// wayOut is the last steps of a packet that leaves.
func (c *Compiled) wayOut(leaving Interface, destination netip.Addr, hopLimit uint8) []Step {
	var steps []Step
	if route := c.routeTo(leaving, destination); route != nil {
		way := "directly connected"
		if route.Gateway.IsValid() {
			way = "through " + route.Gateway.String()
		}
		steps = append(steps, Step{Kind: StepRoute, Route: route, Message: fmt.Sprintf("%s is in %s, %s", destination, route.Destination, way)})
	}
	return append(steps, Step{Kind: StepLeaving, Interface: &leaving, Message: fmt.Sprintf("leaves through %s with a hop limit of %d", c.label(leaving), hopLimit)})
}

// routeTo returns the longest route to an address through an interface, nil if there
// is none. It looks at every route, which a trace can afford.
func (c *Compiled) routeTo(leaving Interface, a netip.Addr) *Route {
	var longest *Route
	for i := range c.Routes {
		r := &c.Routes[i]
		if r.Interface == leaving && r.Destination.Contains(a) && (longest == nil || longest.Destination.Bits() < r.Destination.Bits()) {
			longest = r
		}
	}
	if longest == nil {
		return nil
	}
	own := *longest // for the caller to keep
	return &own
}

// NetworkOf returns the interface on the network that an address lies in, also where the
// appliance leaves that network without IPv6; false for an address that lies in none.
func (c *Compiled) NetworkOf(a netip.Addr) (InterfaceSettings, bool) {
	place, _ := c.table.Lookup(a)
	if place.network == Ext0 {
		return InterfaceSettings{}, false
	}
	return c.Interfaces[place.network], true
}

// label names an interface for people.
func (c *Compiled) label(i Interface) string {
	if i <= Ext0 || int(i) >= len(c.Interfaces) {
		return i.String()
	}
	return fmt.Sprintf("%s (%s)", i, c.Interfaces[i].NetworkName)
}

// because says in words why a packet got its outcome.
func (c *Compiled) because(p *Packet, o *outcome) string {
	source, destination := p.Source.Addr(), p.Destination.Addr()
	here := c.label(p.Interface)
	place, _ := c.table.Lookup(destination)
	to := place.network
	switch o {
	case &invalidPacket:
		return "no packet of this protocol can go from and to these addresses"
	case &noDefaultGateway:
		return fmt.Sprintf("%s has no %s default gateway that the appliance could stand in for", here, familyName(source))
	case &sourceNotInNetwork:
		if isLinkLocal(source) {
			return fmt.Sprintf("%s is link-local or the gateway's own, and such a source gets no further than the appliance", source)
		}
		return fmt.Sprintf("%s is not the address of a host on %s", source, here)
	case &sourceInsideNetworks:
		return fmt.Sprintf("%s cannot come from outside: it is link-local or in one of the tenant's networks", source)
	case &echo:
		return fmt.Sprintf("%s is the appliance's own address on %s, and it answers to an echo", destination, here)
	case &management:
		return fmt.Sprintf("the service provider manages the appliance through port %d of %s", managementPort, destination)
	case &notAService:
		return fmt.Sprintf("%s is the appliance's own address on %s, and it offers no such service", destination, here)
	case &publicIPRule:
		return fmt.Sprintf("a public IP rule is for %s", p.Destination)
	case &noRuleForPort:
		if p.Protocol.isEcho() {
			return fmt.Sprintf("public IP rules let TCP and UDP in to %s, and no echo", destination)
		}
		return fmt.Sprintf("none of the public IP rules for %s that lead anywhere is for port %d", destination, p.Destination.Port())
	case &sameNetwork:
		return "source and destination are in one network, where hosts reach each other without the appliance"
	case &routingEnabled:
		return fmt.Sprintf("traffic is routed between the networks of hardware plan %q", c.Interfaces[p.Interface].HardwarePlanName)
	case &routingDisabled:
		return fmt.Sprintf("%s is in %s, and traffic between networks is not routed; switch the routing option on", destination, c.label(to))
	case &differentHardwarePlan:
		return fmt.Sprintf("%s is in %s of hardware plan %q, and nothing is routed between hardware plans", destination, c.label(to), c.Interfaces[to].HardwarePlanName)
	case &internetAccess:
		return fmt.Sprintf("%s is outside, and %s has internet access", destination, here)
	case &noInternetAccess:
		return fmt.Sprintf("%s is outside, and %s has no internet access", destination, here)
	case &noRoute:
		switch {
		case isLinkLocal(destination):
			return fmt.Sprintf("%s is link-local, and such addresses are never routed", destination)
		case place.via == unreachable:
			return fmt.Sprintf("%s is in %s, which the appliance leaves without IPv6 because its prefix is not a /%d", destination, c.label(to), vcc.FailoverPrefixLength)
		default:
			return fmt.Sprintf("%s is outside, and the appliance has no external %s gateway; ask the service provider for one", destination, familyName(destination))
		}
	case &noPublicIPRule:
		return fmt.Sprintf("from outside only public IP rules let anything in, and none is for %s", destination)
	case &hopLimitExceeded:
		return fmt.Sprintf("a packet that arrives with a hop limit of %d cannot go on", p.HopLimit)
	case &knownFlow:
		return "it belongs to a flow that was let through"
	default: // flowTableFull, which a trace does not meet
		return "there is no room for another flow"
	}
}
