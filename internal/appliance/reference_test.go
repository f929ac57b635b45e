package appliance_test

import (
	"net/netip"
	"slices"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// reference is the second opinion: an appliance that is slow and obvious, written
// from the design and not from the engine. A list of networks, linear search, the
// ten rules as ten ifs, a slice as the flow table.
type reference struct {
	cfg      config
	external map[bool]refExternal // by "is IPv4"
	networks []refNetwork
	rules    []vcc.PublicIPRule
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
	code    vcc.ProblemCode
	network string
}

// refFlow is a first packet as it arrived, and as it left. No echo reply is one.
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
	r.compile(config{})
}

func (r *reference) configure(cfg config) {
	before := *r
	r.compile(cfg)
	r.flows = slices.DeleteFunc(r.flows, func(f refFlow) bool {
		return r.way(f.arriving, f.source.Addr()) != before.way(f.arriving, f.source.Addr()) ||
			r.way(f.leaving, f.translatedDestination.Addr()) != before.way(f.leaving, f.translatedDestination.Addr())
	})
}

// refWay is all that a flow needs at one of its ends.
type refWay struct {
	exists                   bool
	networkID                string
	own, external            netip.Prefix
	lies                     appliance.Interface
	ownAddress, unserved     bool
	onExternal, routeOutside bool
	gateway                  netip.Addr
}

// way says how the appliance reaches an address through one of its interfaces.
func (r *reference) way(i appliance.Interface, a netip.Addr) refWay {
	if int(i) > len(r.networks) {
		return refWay{}
	}
	w := refWay{exists: true, lies: r.networkOf(a), ownAddress: r.isOwn(a)}
	w.unserved = w.lies != 0 && !r.networks[w.lies-1].family[a.Is4()].served
	if i != appliance.Ext0 {
		w.networkID = r.networks[i-1].id
		if f := r.networks[i-1].family[a.Is4()]; f.served {
			w.own = netip.PrefixFrom(f.gateway, f.prefix.Bits())
		}
		return w
	}
	if e, ok := r.external[a.Is4()]; ok {
		w.external = e.address
		w.onExternal = e.address.Masked().Contains(a)
		w.routeOutside = w.onExternal || e.gateway.IsValid()
		if !w.onExternal {
			w.gateway = e.gateway
		}
	}
	return w
}

func refMalformed(a netip.Addr) bool {
	return !a.IsValid() || a.Zone() != "" || a.Is4In6() || a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() || a == netip.MustParseAddr("255.255.255.255")
}

func refLinkLocal(a netip.Addr) bool { return netip.MustParsePrefix("fe80::/10").Contains(a) }

func (r *reference) compile(cfg config) {
	r.cfg, r.external, r.networks, r.rules, r.problems = cfg, map[bool]refExternal{}, nil, nil, nil
	problem := func(code vcc.ProblemCode, network string) {
		r.problems = append(r.problems, refProblem{code, network})
	}

	for _, family := range []struct {
		is4     bool
		address netip.Prefix
		gateway netip.Addr
	}{{true, cfg.External.IPv4, cfg.External.IPv4Gateway}, {false, cfg.External.IPv6, cfg.External.IPv6Gateway}} {
		s := refExternal{family.address, family.gateway}
		if s == (refExternal{}) {
			continue
		}
		own := s.address.Addr()
		if !s.address.IsValid() || refMalformed(own) || refLinkLocal(own) || own.Is4() != family.is4 {
			problem(vcc.ProblemInvalidConfiguration, "")
			continue
		}
		if s.gateway.IsValid() && (refMalformed(s.gateway) || s.gateway.Is4() != family.is4 || s.gateway == own) {
			problem(vcc.ProblemInvalidConfiguration, "")
			s.gateway = netip.Addr{}
		}
		for _, n := range cfg.Networks {
			ipv4, ipv6 := n.Gateway.IPv4, n.Gateway.IPv6
			if s.gateway.IsValid() && !refLinkLocal(s.gateway) && (ipv4 != nil && ipv4.Validate() == nil && ipv4.Address == s.gateway ||
				ipv6 != nil && ipv6.Validate() == nil && ipv6.Network.Bits() == 64 && ipv6.Address == s.gateway) {
				problem(vcc.ProblemInvalidConfiguration, n.ID)
				s.gateway = netip.Addr{}
			}
		}
		r.external[family.is4] = s
	}

	for _, n := range cfg.Networks {
		network := refNetwork{id: n.ID, plan: n.HardwarePlanID, internet: n.InternetAccess, family: map[bool]refFamily{}}
		if n.Gateway == (vcc.GatewaySettings{}) {
			problem(vcc.ProblemNoDefaultGateway, n.ID)
		}
		add := func(gateway netip.Addr, prefix netip.Prefix, valid bool) {
			if !valid {
				problem(vcc.ProblemInvalidConfiguration, n.ID)
				return
			}
			// D12, link-local aside.
			if !refLinkLocal(prefix.Addr()) {
				for _, other := range r.networks {
					f, ok := other.family[gateway.Is4()]
					if ok && !refLinkLocal(f.prefix.Addr()) && f.prefix.Overlaps(prefix) {
						problem(vcc.ProblemInvalidConfiguration, n.ID)
						return
					}
				}
			}
			served := gateway.Is4() || prefix.Bits() == 64
			network.family[gateway.Is4()] = refFamily{gateway, prefix, served}
			if !served {
				problem(vcc.ProblemIPv6PrefixNot64, n.ID)
				return
			}
			if n.InternetAccess && !r.external[gateway.Is4()].gateway.IsValid() {
				problem(vcc.ProblemNoExternalGateway, n.ID)
			}
			for _, is4 := range []bool{true, false} {
				if e, ok := r.external[is4]; ok && !refLinkLocal(prefix.Addr()) && e.address.Overlaps(prefix) {
					problem(vcc.ProblemOverlapsExternalNetwork, n.ID)
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
			problem(vcc.ProblemInvalidConfiguration, "")
			continue
		}
		if n := r.networkOf(internal); n == 0 || !r.networks[n-1].family[internal.Is4()].served || r.isOwn(internal) {
			problem(vcc.ProblemPublicIPRuleWithoutNetwork, "")
			continue
		}
		r.rules = append(r.rules, rule)
	}
}

// networkOf returns the netN whose IP network an address lies in, 0 if in none. The
// longest prefix says where it lies, and of two equal ones that of the tenant.
func (r *reference) networkOf(a netip.Addr) appliance.Interface {
	for i, n := range r.networks {
		if f, ok := n.family[a.Is4()]; ok && !refLinkLocal(a) && !refLinkLocal(f.prefix.Addr()) && f.prefix.Contains(a) {
			if e, ok := r.external[a.Is4()]; ok && e.address.Contains(a) && e.address.Bits() > f.prefix.Bits() {
				return 0
			}
			return appliance.Interface(i + 1)
		}
	}
	return 0
}

// isOwn reports whether an address is the appliance's own, link-local ones aside.
func (r *reference) isOwn(a netip.Addr) bool {
	if e, ok := r.external[a.Is4()]; ok && e.address.Addr() == a {
		return true
	}
	for _, n := range r.networks {
		if f := n.family[a.Is4()]; f.served && f.gateway == a && !refLinkLocal(a) {
			return true
		}
	}
	return false
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
	d := appliance.Decision{Verdict: vcc.Dropped, HopLimit: p.HopLimit, Source: p.Source, Destination: p.Destination}

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
		if p.EchoReply || f.arriving != p.Interface || f.source != p.Source || f.destination != p.Destination {
			echo := p.Protocol == appliance.ICMP || p.Protocol == appliance.ICMPv6
			answerSource, answerDestination := flip(p.Protocol, f.translatedSource, f.translatedDestination)
			if p.EchoReply != echo || f.leaving != p.Interface || answerSource != p.Source || answerDestination != p.Destination {
				continue
			}
			leaving = f.arriving
			source, destination = flip(p.Protocol, f.source, f.destination)
		}
		if p.HopLimit <= 1 {
			d.Reason = vcc.ReasonHopLimitExceeded
			return d
		}
		if e := r.external[p.Source.Addr().Is4()]; leaving == appliance.Ext0 && !e.gateway.IsValid() && !e.address.Masked().Contains(destination.Addr()) {
			d.Reason = vcc.ReasonNoRoute
			return d
		}
		r.flows[i].lastSeen = r.now
		return appliance.Decision{
			Verdict: vcc.Forwarded, Reason: vcc.ReasonKnownFlow, Leaving: leaving, HopLimit: p.HopLimit - 1,
			Source: source, Destination: destination,
		}
	}

	// The first packet.
	verdict, reason, leaving, source, destination := r.first(p)
	if verdict == vcc.Forwarded && p.HopLimit <= 1 { // P10
		verdict, reason = vcc.Dropped, vcc.ReasonHopLimitExceeded
	}
	d.Verdict, d.Reason = verdict, reason
	if verdict != vcc.Forwarded {
		return d
	}
	port, ok := r.freePort(p.Protocol, leaving, source, destination)
	if len(r.flows) >= r.maxFlows || !ok {
		d.Verdict, d.Reason = vcc.Dropped, vcc.ReasonFlowTableFull
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
				(!echo && f.arriving == leaving && f.source == answerSource && f.destination == answerDestination ||
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

func (r *reference) first(p appliance.Packet) (vcc.Verdict, vcc.Reason, appliance.Interface, netip.AddrPort, netip.AddrPort) {
	source, destination := p.Source.Addr(), p.Destination.Addr()
	is4 := source.Is4()
	echo := p.Protocol == appliance.ICMP && is4 || p.Protocol == appliance.ICMPv6 && !is4
	drop := func(reason vcc.Reason) (vcc.Verdict, vcc.Reason, appliance.Interface, netip.AddrPort, netip.AddrPort) {
		return vcc.Dropped, reason, 0, p.Source, p.Destination
	}
	deliver := func(reason vcc.Reason) (vcc.Verdict, vcc.Reason, appliance.Interface, netip.AddrPort, netip.AddrPort) {
		return vcc.Delivered, reason, 0, p.Source, p.Destination
	}
	ownElsewhere := func() (vcc.Verdict, vcc.Reason, appliance.Interface, netip.AddrPort, netip.AddrPort) { // P4 again
		if echo {
			return deliver(vcc.ReasonEcho)
		}
		return drop(vcc.ReasonNotAService)
	}
	inside := p.Interface != appliance.Ext0
	external := r.external[is4]

	// P1. Malformed, unspecified, loopback, multicast or mixed-family addresses.
	if refMalformed(source) || refMalformed(destination) || is4 != destination.Is4() ||
		!echo && p.Protocol != appliance.TCP && p.Protocol != appliance.UDP || echo && p.Destination.Port() != 0 || p.EchoReply ||
		p.Interface < 0 || int(p.Interface) > len(r.networks) {
		return drop(vcc.ReasonInvalidPacket)
	}

	// P2. Arriving on netN.
	var from refNetwork
	var own refFamily
	if inside {
		from = r.networks[p.Interface-1]
		own = from.family[is4]
		if !own.served {
			return drop(vcc.ReasonNoDefaultGateway)
		}
		if source == own.gateway || r.isOwn(source) || r.networkOf(source) != p.Interface && !refLinkLocal(source) {
			return drop(vcc.ReasonSourceNotInNetwork)
		}
		if refLinkLocal(source) && destination != own.gateway {
			return drop(vcc.ReasonSourceNotInNetwork)
		}
	}

	// P3. Arriving on ext0.
	if !inside {
		if r.networkOf(source) != 0 || r.isOwn(source) {
			return drop(vcc.ReasonSourceNotInNetwork)
		}
		if refLinkLocal(source) && destination != external.address.Addr() {
			return drop(vcc.ReasonSourceNotInNetwork)
		}
	}

	// P5 comes before P4 on the external address.
	if !inside && !echo && !refLinkLocal(source) {
		for _, rule := range r.rules {
			if rule.Public == p.Destination {
				return vcc.Forwarded, vcc.ReasonPublicIPRule, r.networkOf(rule.Internal.Addr()), p.Source, rule.Internal
			}
		}
	}

	// P4. One of the appliance's own addresses.
	if inside && destination == own.gateway {
		if echo {
			return deliver(vcc.ReasonEcho)
		}
		return drop(vcc.ReasonNotAService)
	}
	if !inside && destination == external.address.Addr() {
		if echo {
			return deliver(vcc.ReasonEcho)
		}
		if p.Protocol == appliance.TCP && p.Destination.Port() == 22 {
			return deliver(vcc.ReasonManagement)
		}
		return drop(vcc.ReasonNotAService)
	}

	// P6 and P7. From netN to an address in netM.
	if inside && refLinkLocal(destination) {
		return drop(vcc.ReasonNoRoute)
	}
	if m := r.networkOf(destination); inside && m != 0 {
		to := r.networks[m-1]
		if !to.family[is4].served {
			return drop(vcc.ReasonNoRoute)
		}
		if m == p.Interface && r.isOwn(destination) {
			return ownElsewhere()
		}
		if m == p.Interface {
			return vcc.Forwarded, vcc.ReasonSameNetwork, m, p.Source, p.Destination
		}
		if to.plan != from.plan {
			return drop(vcc.ReasonDifferentHardwarePlan)
		}
		if !r.cfg.RoutingEnabled {
			return drop(vcc.ReasonRoutingDisabled)
		}
		if r.isOwn(destination) {
			return ownElsewhere()
		}
		return vcc.Forwarded, vcc.ReasonRoutingEnabled, m, p.Source, p.Destination
	}

	// P8. From netN to anything else.
	if inside {
		if !from.internet {
			return drop(vcc.ReasonNoInternetAccess)
		}
		if !external.gateway.IsValid() {
			return drop(vcc.ReasonNoRoute)
		}
		if r.isOwn(destination) {
			return ownElsewhere()
		}
		return vcc.Forwarded, vcc.ReasonInternetAccess, appliance.Ext0, netip.AddrPortFrom(external.address.Addr(), p.Source.Port()), p.Destination
	}

	// P9. From ext0 to anything else. (P10 is in decide.)
	return drop(vcc.ReasonNoPublicIPRule)
}

// reach is what Reachability should say, without the steps.
func (r *reference) reach(source, destination netip.Addr, protocol appliance.Protocol, port uint16) vcc.Reachability {
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
	answer := vcc.Reachability{TracedPacket: refTraced(request.Protocol, d.Verdict, d.Reason, d.Source, d.Destination)}
	if d.Verdict == vcc.Dropped {
		return answer
	}
	replySource, replyDestination := flip(request.Protocol, d.Source, d.Destination)
	reply := refTraced(request.Protocol, vcc.Forwarded, vcc.ReasonOwnReply, replySource, replyDestination)
	if d.Verdict == vcc.Forwarded {
		echo := request.Protocol == appliance.ICMP || request.Protocol == appliance.ICMPv6
		back := alone.decide(appliance.Packet{Interface: d.Leaving, Protocol: request.Protocol, HopLimit: 64, EchoReply: echo, Source: replySource, Destination: replyDestination})
		reply = refTraced(request.Protocol, back.Verdict, back.Reason, back.Source, back.Destination)
	}
	// A reply that goes outside needs a route.
	if e := r.external[source.Is4()]; request.Interface == appliance.Ext0 && !e.gateway.IsValid() && !e.address.Masked().Contains(source) && !refLinkLocal(source) {
		reply = refTraced(request.Protocol, vcc.Dropped, vcc.ReasonNoRoute, replySource, replyDestination)
	}
	answer.Reply = &reply
	answer.Reachable = reply.Verdict == vcc.Forwarded
	return answer
}

// refTraced is a traced packet without its steps.
func refTraced(protocol appliance.Protocol, verdict vcc.Verdict, reason vcc.Reason, source, destination netip.AddrPort) vcc.TracedPacket {
	source, destination = ends(protocol, source, destination)
	return vcc.TracedPacket{Verdict: verdict, Reason: reason, Source: source, Destination: destination}
}

// ends are the ends of a packet as a trace has them: an echo's have no ports.
func ends(protocol appliance.Protocol, source, destination netip.AddrPort) (netip.AddrPort, netip.AddrPort) {
	if protocol == appliance.ICMP || protocol == appliance.ICMPv6 {
		return netip.AddrPortFrom(source.Addr(), 0), netip.AddrPortFrom(destination.Addr(), 0)
	}
	return source, destination
}
