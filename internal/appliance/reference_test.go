package appliance_test

import (
	"net/netip"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// reference is the second opinion: an appliance that is slow and obvious, written
// from the design and not from the engine. A list of networks, linear search, the
// ten rules as ten ifs, a slice as the flow table.
type reference struct {
	cfg      appliance.Config
	external map[bool]refExternal // by "is IPv4"
	networks []refNetwork
	rules    []appliance.PublicIPRule
	problems []refProblem
	maxFlows int
	flows    []refFlow
	now      time.Time
}

type refExternal struct {
	address netip.Prefix
	gateway netip.Addr // invalid if there is none
}

type refNetwork struct {
	id, plan string
	internet bool
	family   map[bool]refFamily // by "is IPv4"; absent without settings
}

type refFamily struct {
	gateway netip.Addr
	prefix  netip.Prefix
	served  bool
}

type refProblem struct {
	code    appliance.ProblemCode
	network string
}

// refFlow is a first packet as it arrived, and as it left.
type refFlow struct {
	protocol                                appliance.Protocol
	arriving, leaving                       appliance.Interface
	source, destination                     netip.AddrPort
	translatedSource, translatedDestination netip.AddrPort
	lastSeen                                time.Time
}

func newReference(maxFlows int) *reference {
	r := &reference{maxFlows: maxFlows}
	r.reset()
	return r
}

func (r *reference) reset() {
	r.flows = nil
	r.compile(appliance.Config{})
}

func (r *reference) configure(cfg appliance.Config) {
	old := r.networks
	r.compile(cfg)
	if len(old) > len(r.networks) {
		r.flows = nil
	}
	for i := range old {
		if i < len(r.networks) && old[i].id != r.networks[i].id {
			r.flows = nil
		}
	}
}

func refMalformed(a netip.Addr) bool {
	return !a.IsValid() || a.Zone() != "" || a.Is4In6() || a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() || a == netip.MustParseAddr("255.255.255.255")
}

func refLinkLocal(a netip.Addr) bool { return netip.MustParsePrefix("fe80::/10").Contains(a) }

func (r *reference) compile(cfg appliance.Config) {
	r.cfg, r.external, r.networks, r.rules, r.problems = cfg, map[bool]refExternal{}, nil, nil, nil
	problem := func(code appliance.ProblemCode, network string) {
		r.problems = append(r.problems, refProblem{code, network})
	}

	for _, family := range []struct {
		is4      bool
		settings appliance.ExternalSettings
	}{{true, cfg.External.IPv4}, {false, cfg.External.IPv6}} {
		s := family.settings
		if s == (appliance.ExternalSettings{}) {
			continue
		}
		own := s.Address.Addr()
		if !s.Address.IsValid() || refMalformed(own) || refLinkLocal(own) || own.Is4() != family.is4 {
			problem(appliance.ProblemInvalidConfiguration, "")
			continue
		}
		if s.Gateway.IsValid() && (refMalformed(s.Gateway) || s.Gateway.Is4() != family.is4 || s.Gateway == own) {
			problem(appliance.ProblemInvalidConfiguration, "")
			s.Gateway = netip.Addr{}
		}
		r.external[family.is4] = refExternal{s.Address, s.Gateway}
	}

	for _, n := range cfg.Networks {
		network := refNetwork{id: n.ID, plan: n.HardwarePlanID, internet: n.InternetAccess, family: map[bool]refFamily{}}
		if n.Gateway == (vcc.GatewaySettings{}) {
			problem(appliance.ProblemNoDefaultGateway, n.ID)
		}
		add := func(gateway netip.Addr, prefix netip.Prefix, valid bool) {
			if !valid {
				problem(appliance.ProblemInvalidConfiguration, n.ID)
				return
			}
			// Rule 12, link-local aside.
			if !refLinkLocal(prefix.Addr()) {
				for _, other := range r.networks {
					f, ok := other.family[gateway.Is4()]
					if ok && !refLinkLocal(f.prefix.Addr()) && f.prefix.Overlaps(prefix) {
						problem(appliance.ProblemInvalidConfiguration, n.ID)
						return
					}
				}
			}
			served := gateway.Is4() || prefix.Bits() == 64
			network.family[gateway.Is4()] = refFamily{gateway, prefix, served}
			if !served {
				problem(appliance.ProblemIPv6PrefixNot64, n.ID)
				return
			}
			if n.InternetAccess && !r.external[gateway.Is4()].gateway.IsValid() {
				problem(appliance.ProblemNoExternalGateway, n.ID)
			}
			for _, is4 := range []bool{true, false} {
				if e, ok := r.external[is4]; ok && !refLinkLocal(prefix.Addr()) && e.address.Overlaps(prefix) {
					problem(appliance.ProblemOverlapsExternalNetwork, n.ID)
				}
			}
		}
		if s := n.Gateway.IPv4; s != nil {
			valid := s.Validate() == nil
			prefix := netip.Prefix{}
			if valid {
				prefix = s.Network()
			}
			add(s.Address, prefix, valid)
		}
		if s := n.Gateway.IPv6; s != nil {
			add(s.Address, s.Network, s.Validate() == nil)
		}
		r.networks = append(r.networks, network)
	}

	for _, rule := range cfg.PublicIPRules {
		public, internal := rule.Public.Addr(), rule.Internal.Addr()
		impossible := refMalformed(public) || refMalformed(internal) || refLinkLocal(public) || public.Is4() != internal.Is4() ||
			rule.Public.Port() == 0 || rule.Public.Port() == 22 || rule.Internal.Port() == 0
		for _, earlier := range r.rules {
			impossible = impossible || earlier.Public == rule.Public
		}
		if impossible {
			problem(appliance.ProblemInvalidConfiguration, "")
			continue
		}
		if n := r.networkOf(internal); n == 0 || !r.networks[n-1].family[internal.Is4()].served {
			problem(appliance.ProblemPublicIPRuleWithoutNetwork, "")
			continue
		}
		r.rules = append(r.rules, rule)
	}
}

// networkOf returns the netN whose IP network an address lies in, 0 if in none.
func (r *reference) networkOf(a netip.Addr) appliance.Interface {
	for i, n := range r.networks {
		if f, ok := n.family[a.Is4()]; ok && !refLinkLocal(a) && !refLinkLocal(f.prefix.Addr()) && f.prefix.Contains(a) {
			return appliance.Interface(i + 1)
		}
	}
	return 0
}

// routeOf returns where the longest connected route to an address leads: to a netN,
// or outside.
func (r *reference) routeOf(a netip.Addr) appliance.Interface {
	n := r.networkOf(a)
	if n == 0 {
		return 0
	}
	e, ok := r.external[a.Is4()]
	if ok && e.address.Contains(a) && e.address.Bits() > r.networks[n-1].family[a.Is4()].prefix.Bits() {
		return 0
	}
	return n
}

// flip turns the ends of a packet round, as its answer has them. The identifier of
// an echo stays with the source.
func flip(protocol appliance.Protocol, source, destination netip.AddrPort) (netip.AddrPort, netip.AddrPort) {
	if protocol == appliance.ICMP || protocol == appliance.ICMPv6 {
		return netip.AddrPortFrom(destination.Addr(), source.Port()), netip.AddrPortFrom(source.Addr(), destination.Port())
	}
	return destination, source
}

func (r *reference) decide(p appliance.Packet) appliance.Decision {
	d := appliance.Decision{Verdict: appliance.Dropped, HopLimit: p.HopLimit, Source: p.Source, Destination: p.Destination}

	// Flows expire.
	var alive []refFlow
	for _, f := range r.flows {
		idle := 30 * time.Second
		if f.protocol == appliance.TCP {
			idle = 5 * time.Minute
		}
		if r.now.Sub(f.lastSeen) < idle {
			alive = append(alive, f)
		}
	}
	r.flows = alive

	// Later packets.
	for i, f := range r.flows {
		if f.protocol != p.Protocol {
			continue
		}
		leaving, source, destination := f.leaving, f.translatedSource, f.translatedDestination
		if f.arriving != p.Interface || f.source != p.Source || f.destination != p.Destination {
			answerSource, answerDestination := flip(p.Protocol, f.translatedSource, f.translatedDestination)
			if f.leaving != p.Interface || answerSource != p.Source || answerDestination != p.Destination {
				continue
			}
			leaving = f.arriving
			source, destination = flip(p.Protocol, f.source, f.destination)
		}
		if p.HopLimit <= 1 {
			d.Reason = appliance.ReasonHopLimitExceeded
			return d
		}
		r.flows[i].lastSeen = r.now
		return appliance.Decision{
			Verdict: appliance.Forwarded, Reason: appliance.ReasonKnownFlow, Leaving: leaving, HopLimit: p.HopLimit - 1,
			Source: source, Destination: destination,
		}
	}

	// The first packet.
	verdict, reason, leaving, source, destination := r.first(p)
	if verdict == appliance.Forwarded && p.HopLimit <= 1 { // rule 10
		verdict, reason = appliance.Dropped, appliance.ReasonHopLimitExceeded
	}
	d.Verdict, d.Reason = verdict, reason
	if verdict != appliance.Forwarded {
		return d
	}
	port, ok := r.freePort(p.Protocol, leaving, source, destination)
	if len(r.flows) >= r.maxFlows || !ok {
		d.Verdict, d.Reason = appliance.Dropped, appliance.ReasonFlowTableFull
		return d
	}
	source = netip.AddrPortFrom(source.Addr(), port)
	r.flows = append(r.flows, refFlow{p.Protocol, p.Interface, leaving, p.Source, p.Destination, source, destination, r.now})
	d.Leaving, d.HopLimit, d.Source, d.Destination = leaving, p.HopLimit-1, source, destination
	return d
}

// freePort returns the source port for a packet that leaves: its own, or the next in
// its range with which no answer looks like a packet of a flow that there is.
func (r *reference) freePort(protocol appliance.Protocol, leaving appliance.Interface, source, destination netip.AddrPort) (uint16, bool) {
	echo := protocol == appliance.ICMP || protocol == appliance.ICMPv6
	port := source.Port()
	for range 65536 {
		answerSource, answerDestination := flip(protocol, netip.AddrPortFrom(source.Addr(), port), destination)
		free := true
		for _, f := range r.flows {
			otherSource, otherDestination := flip(protocol, f.translatedSource, f.translatedDestination)
			if f.protocol == protocol &&
				(f.arriving == leaving && f.source == answerSource && f.destination == answerDestination ||
					f.leaving == leaving && otherSource == answerSource && otherDestination == answerDestination) {
				free = false
			}
		}
		if free {
			return port, true
		}
		switch {
		case port == 65535 && echo:
			port = 0
		case port == 65535:
			port = 1024
		case port == 1023 && !echo:
			port = 1
		default:
			port++
		}
	}
	return 0, false
}

func (r *reference) first(p appliance.Packet) (appliance.Verdict, appliance.Reason, appliance.Interface, netip.AddrPort, netip.AddrPort) {
	source, destination := p.Source.Addr(), p.Destination.Addr()
	is4 := source.Is4()
	echo := p.Protocol == appliance.ICMP && is4 || p.Protocol == appliance.ICMPv6 && !is4
	drop := func(reason appliance.Reason) (appliance.Verdict, appliance.Reason, appliance.Interface, netip.AddrPort, netip.AddrPort) {
		return appliance.Dropped, reason, 0, p.Source, p.Destination
	}
	deliver := func(reason appliance.Reason) (appliance.Verdict, appliance.Reason, appliance.Interface, netip.AddrPort, netip.AddrPort) {
		return appliance.Delivered, reason, 0, p.Source, p.Destination
	}
	inside := p.Interface != appliance.Ext0
	external := r.external[is4]

	// 1. Malformed, unspecified, loopback, multicast or mixed-family addresses.
	if refMalformed(source) || refMalformed(destination) || is4 != destination.Is4() ||
		!echo && p.Protocol != appliance.TCP && p.Protocol != appliance.UDP || echo && p.Destination.Port() != 0 ||
		p.Interface < 0 || int(p.Interface) > len(r.networks) {
		return drop(appliance.ReasonInvalidPacket)
	}

	// 2. Arriving on netN.
	var from refNetwork
	var own refFamily
	if inside {
		from = r.networks[p.Interface-1]
		own = from.family[is4]
		if !own.served {
			return drop(appliance.ReasonNoDefaultGateway)
		}
		if source == own.gateway || !own.prefix.Contains(source) && !refLinkLocal(source) {
			return drop(appliance.ReasonSourceNotInNetwork)
		}
		if refLinkLocal(source) && destination != own.gateway {
			return drop(appliance.ReasonSourceNotInNetwork)
		}
	}

	// 3. Arriving on ext0.
	if !inside {
		if r.networkOf(source) != 0 {
			return drop(appliance.ReasonSourceNotInNetwork)
		}
		if refLinkLocal(source) && destination != external.address.Addr() {
			return drop(appliance.ReasonSourceNotInNetwork)
		}
	}

	// 5 comes before 4 on the external address.
	if !inside && !echo && !refLinkLocal(source) {
		for _, rule := range r.rules {
			if rule.Public == p.Destination {
				return appliance.Forwarded, appliance.ReasonPublicIPRule, r.networkOf(rule.Internal.Addr()), p.Source, rule.Internal
			}
		}
	}

	// 4. One of the appliance's own addresses.
	if inside && destination == own.gateway {
		if echo {
			return deliver(appliance.ReasonEcho)
		}
		return drop(appliance.ReasonNotAService)
	}
	if !inside && destination == external.address.Addr() {
		if echo {
			return deliver(appliance.ReasonEcho)
		}
		if p.Protocol == appliance.TCP && p.Destination.Port() == 22 {
			return deliver(appliance.ReasonManagement)
		}
		return drop(appliance.ReasonNotAService)
	}

	// 6 and 7. From netN to an address in netM.
	if inside && refLinkLocal(destination) {
		return drop(appliance.ReasonNoRoute)
	}
	if m := r.routeOf(destination); inside && m != 0 {
		to := r.networks[m-1]
		if !to.family[is4].served {
			return drop(appliance.ReasonNoRoute)
		}
		if m == p.Interface {
			return appliance.Forwarded, appliance.ReasonSameNetwork, m, p.Source, p.Destination
		}
		if to.plan != from.plan {
			return drop(appliance.ReasonDifferentHardwarePlan)
		}
		if !r.cfg.RoutingEnabled {
			return drop(appliance.ReasonRoutingDisabled)
		}
		return appliance.Forwarded, appliance.ReasonRoutingEnabled, m, p.Source, p.Destination
	}

	// 8. From netN to anything else.
	if inside {
		if !from.internet {
			return drop(appliance.ReasonNoInternetAccess)
		}
		if !external.gateway.IsValid() {
			return drop(appliance.ReasonNoRoute)
		}
		return appliance.Forwarded, appliance.ReasonInternetAccess, appliance.Ext0, netip.AddrPortFrom(external.address.Addr(), p.Source.Port()), p.Destination
	}

	// 9. From ext0 to anything else. (10 is in decide.)
	return drop(appliance.ReasonNoPublicIPRule)
}

// reach is what Reachability should say, without the steps.
func (r *reference) reach(source, destination netip.Addr, protocol appliance.Protocol, port uint16) appliance.Reach {
	request := appliance.Packet{Interface: r.networkOf(source), Protocol: protocol, HopLimit: 64, Source: netip.AddrPortFrom(source, 49152), Destination: netip.AddrPortFrom(destination, port)}
	if protocol == appliance.ICMP || protocol == appliance.ICMPv6 {
		request.Destination = netip.AddrPortFrom(destination, 0)
		request.Protocol = appliance.ICMPv6
		if source.Is4() {
			request.Protocol = appliance.ICMP
		}
	}
	alone := newReference(1)
	alone.configure(r.cfg)
	d := alone.decide(request)
	answer := appliance.Reach{Passage: appliance.Passage{Verdict: d.Verdict, Reason: d.Reason, Source: d.Source, Destination: d.Destination}}
	if d.Verdict == appliance.Dropped {
		return answer
	}
	replySource, replyDestination := flip(request.Protocol, d.Source, d.Destination)
	reply := appliance.Passage{Verdict: appliance.Forwarded, Reason: appliance.ReasonOwnReply, Source: replySource, Destination: replyDestination}
	if d.Verdict == appliance.Forwarded {
		back := alone.decide(appliance.Packet{Interface: d.Leaving, Protocol: request.Protocol, HopLimit: 64, Source: replySource, Destination: replyDestination})
		reply = appliance.Passage{Verdict: back.Verdict, Reason: back.Reason, Source: back.Source, Destination: back.Destination}
	}
	// A reply that goes outside needs a route.
	if e := r.external[source.Is4()]; request.Interface == appliance.Ext0 && !e.gateway.IsValid() && !e.address.Masked().Contains(source) && !refLinkLocal(source) {
		reply = appliance.Passage{Verdict: appliance.Dropped, Reason: appliance.ReasonNoRoute, Source: replySource, Destination: replyDestination}
	}
	answer.Reply = &reply
	answer.Reachable = reply.Verdict == appliance.Forwarded
	return answer
}
