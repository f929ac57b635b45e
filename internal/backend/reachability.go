package backend

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Trace implements vcc.ApplianceService. Each appliance is compiled once for all
// questions.
func (s *Services) Trace(ctx context.Context, as vcc.Actor, questions []vcc.TraceRequest, assume vcc.Assumption) ([]vcc.Reachability, error) {
	stored, tenant, err := s.ReachabilityInputs(ctx, as)
	if err != nil {
		return nil, err
	}
	if len(stored) == 0 {
		return nil, &vcc.Error{Code: vcc.CodeConflict, Message: "the tenant has no cloud networks, and so no network extension appliance"}
	}
	inputs, err := assume.Over(stored)
	if err != nil {
		return nil, vcc.Within("assume", err)
	}
	t := newTracer(tenant, withOwnRules(inputs))
	answers := make([]vcc.Reachability, len(questions))
	var wrong []error
	for i, q := range questions {
		answer, err := t.answer(q)
		if err != nil {
			wrong = append(wrong, vcc.Within(fmt.Sprintf("questions[%d]", i), err))
			continue
		}
		answers[i] = *answer
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return answers, nil
}

// tracer answers questions about one tenant's appliances.
type tracer struct {
	tenant vcc.LabTenant
	inputs []vcc.ApplianceInputs
	// compiled has the appliance of each of the inputs.
	compiled []*appliance.Compiled
	networks []vcc.Network
	// outside are the addresses that stand for any on the internet, one per family.
	outside []netip.Addr
}

func newTracer(tenant vcc.LabTenant, inputs []vcc.ApplianceInputs) *tracer {
	t := &tracer{tenant: tenant, inputs: inputs}
	for _, in := range inputs {
		t.compiled = append(t.compiled, appliance.Compile(applianceConfig(in)))
		t.networks = append(t.networks, in.Networks...)
	}
	for _, v6 := range []bool{false, true} {
		if a := vcc.OutsideAddress(v6, t.claimed); a.IsValid() {
			t.outside = append(t.outside, a)
		}
	}
	return t
}

// claimed reports whether an address is not simply one on the internet.
func (t *tracer) claimed(a netip.Addr) bool {
	if _, _, ok := t.tenant.Network(a); ok || t.home(a) >= 0 {
		return true
	}
	return slices.ContainsFunc(t.inputs, func(in vcc.ApplianceInputs) bool {
		return in.External.Contains(a) || slices.ContainsFunc(in.PublicIPRules, func(r vcc.LabPublicIPRule) bool { return isAddress(r.Address, a) })
	}) || slices.ContainsFunc(t.tenant.PublicIPs, func(s string) bool { return isAddress(s, a) })
}

func isAddress(s string, a netip.Addr) bool {
	parsed, err := netip.ParseAddr(s)
	return err == nil && parsed == a
}

// home returns the index of the appliance in whose networks an address lies, -1 for none.
func (t *tracer) home(a netip.Addr) int {
	return slices.IndexFunc(t.compiled, func(c *appliance.Compiled) bool { _, ok := c.NetworkOf(a); return ok })
}

// answer answers one question.
func (t *tracer) answer(q vcc.TraceRequest) (*vcc.Reachability, error) {
	protocol, err := appliance.ParseProtocol(q.Protocol)
	if err != nil {
		return nil, err
	}
	ways, err := q.Ways(t.tenant.Site, t.outside)
	if err != nil {
		return nil, err
	}
	var found *vcc.Reachability
	var addresses []netip.Addr
	for _, w := range ways {
		addresses = append(addresses, w[0], w[1])
		addresses = append(addresses, t.ledTo(w[1])...)
		if found == nil || found.Reachable != q.Unwanted {
			if r := t.through(q, protocol, w[0], w[1]); found == nil || r.Reachable == q.Unwanted {
				found = r
			}
		}
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	found.Addresses = slices.Compact(addresses)
	return found, nil
}

// ledTo returns where public IP rules for an address lead.
func (t *tracer) ledTo(public netip.Addr) (list []netip.Addr) {
	for _, in := range t.inputs {
		for _, r := range in.PublicIPRules {
			if to, err := netip.ParseAddr(r.ToAddress); err == nil && isAddress(r.Address, public) {
				list = append(list, to)
			}
		}
	}
	return list
}

// through says what becomes of a request from one address to another. A tenant with
// networks on several hosts has several appliances: the one in whose networks the source
// lies decides, and about a packet from outside the one that lets it in, if any does.
func (t *tracer) through(q vcc.TraceRequest, protocol appliance.Protocol, source, destination netip.Addr) *vcc.Reachability {
	if r := t.within(q, source, destination); r != nil {
		return r
	}
	first, end := 0, len(t.compiled)
	if i := t.home(source); i >= 0 {
		first, end = i, i+1
	}
	var best *vcc.Reachability
	for i := first; i < end; i++ {
		reach := appliance.Reachability(t.compiled[i], source, destination, protocol, uint16(q.Port)) //nolint:gosec // 1 to 65535
		r := &vcc.Reachability{Reachable: reach.Reachable, TracedPacket: tracedPacket(protocol, reach.Passage)}
		because := reach.Because()
		if reach.Reply != nil {
			reply := tracedPacket(protocol, *reach.Reply)
			r.Reply = &reply
			if !reach.Reachable {
				because = "the reply is dropped: " + reach.Reply.Because()
			}
		}
		if reach.Reachable {
			if lost := t.lostOutside(t.inputs[i].External, reach, source, destination); lost != nil {
				lost.mark(r)
				because = lost.because
			}
		}
		if best == nil || r.Reachable && !best.Reachable {
			r.Explanation = t.explain(q, r, source, destination, because)
			best = r
		}
	}
	return best
}

// within answers what no appliance has a part in, nil for all else: two hosts of one production network, whose replicas
// are in one cloud network with or without a gateway. Its own address is the appliance's once it has one, and
// before that nobody's; the first and the last address of an IPv4 network are no host's.
func (t *tracer) within(q vcc.TraceRequest, source, destination netip.Addr) *vcc.Reachability {
	production, prefix, ok := t.tenant.Network(destination)
	if !ok {
		return nil
	}
	answer := func(reachable bool, reason appliance.Reason, because string) *vcc.Reachability {
		verdict := appliance.Dropped
		if reachable {
			verdict = appliance.Forwarded
		}
		end := netip.AddrPortFrom(destination, uint16(q.Port)) //nolint:gosec // 1 to 65535
		packet := vcc.TracedPacket{Verdict: string(verdict), Reason: string(reason), Source: netip.AddrPortFrom(source, 0), Destination: end, Steps: []vcc.TraceStep{
			{Kind: string(appliance.StepRule), Message: fmt.Sprintf("%s, %s: %s", verdict, reason, because)},
		}}
		r := &vcc.Reachability{Reachable: reachable, TracedPacket: packet}
		if reachable {
			packet.Source, packet.Destination = end, netip.AddrPortFrom(source, 0)
			r.Reply = &packet
		}
		r.Explanation = t.explain(q, r, source, destination, because)
		return r
	}
	if vcc.IsNetworkOrBroadcast(destination, prefix) {
		return answer(false, appliance.ReasonInvalidPacket, fmt.Sprintf("%s is the network or the broadcast address of production network %q (%s), and no host's", destination, production.Name, prefix))
	}
	// With a gateway the appliance's own rules say the same, and more.
	if !prefix.Contains(source) || t.home(source) >= 0 || production.HasGateway(destination) || len(t.tenant.CloudNetworks(production, t.networks)) > 1 {
		return nil
	}
	return answer(true, appliance.ReasonSameNetwork, fmt.Sprintf("both are in production network %q (%s), where hosts reach each other without the appliance", production.Name, prefix))
}

// lost is why something that an appliance sends on does not arrive, or its reply does not.
type lost struct {
	reason, because string
	// reply says that it is the reply that has nowhere to go.
	reply bool
}

// mark writes down that a request or its reply gets lost outside.
func (l *lost) mark(r *vcc.Reachability) {
	r.Reachable, r.Reason = false, l.reason
	packet := &r.TracedPacket
	if l.reply {
		packet = r.Reply
	}
	packet.Steps = append(packet.Steps, vcc.TraceStep{Kind: "outside", Message: l.reason + ": " + l.because})
}

// lostOutside applies rule 22 to what an appliance lets through, nil where it arrives.
// What enters and leaves by ext0 has come, or goes, through the internet, unless it is a
// neighbor's on the external network itself.
func (t *tracer) lostOutside(external vcc.LabExternal, reach appliance.Reach, source, destination netip.Addr) *lost {
	arriving, leaving := reach.Steps[0].Interface, reach.Steps[len(reach.Steps)-1].Interface
	fromOutside := *arriving == appliance.Ext0
	if fromOutside && !external.Contains(source) {
		for _, end := range []struct {
			netip.Addr
			reply bool
		}{{source, true}, {destination, false}} {
			if l := t.unreachableOutside(external, end.Addr); l != nil {
				l.reply = end.reply
				return l
			}
		}
	}
	if !fromOutside && reach.Verdict == appliance.Forwarded && *leaving == appliance.Ext0 {
		return t.unreachableOutside(external, destination)
	}
	return nil
}

// unreachableOutside says why an address is not found through the internet, nil if it
// may be.
func (t *tracer) unreachableOutside(external vcc.LabExternal, a netip.Addr) *lost {
	if external.Contains(a) {
		return nil
	}
	if rfc := vcc.PrivateUse(a); rfc != "" {
		return &lost{reason: vcc.ReasonPrivateDestination, because: fmt.Sprintf("no internet carries %s (%s)", a, rfc)}
	}
	if t.homeless(a) {
		return &lost{reason: vcc.ReasonNoDefaultGateway, because: fmt.Sprintf("%s is of the tenant's site, which is not on the internet after full site failover", a)}
	}
	return nil
}

// homeless reports whether an address is of the tenant's site, and in no network that
// has a gateway for it.
func (t *tracer) homeless(a netip.Addr) bool {
	_, _, ofSite := t.tenant.Network(a)
	return ofSite && t.home(a) < 0 &&
		!slices.ContainsFunc(t.inputs, func(in vcc.ApplianceInputs) bool { return in.External.Contains(a) })
}

// explain writes one sentence: who reaches whom or does not, why, and what to do where
// that is not as it should be.
func (t *tracer) explain(q vcc.TraceRequest, r *vcc.Reachability, source, destination netip.Addr, because string) string {
	verb, on := "does not reach", "over "+q.Protocol
	if r.Reachable {
		verb = "reaches"
	}
	if q.Port > 0 {
		on = fmt.Sprintf("on %s port %d", q.Protocol, q.Port)
	}
	gaps := ""
	if !r.Reachable {
		gaps = t.gaps(source, destination)
	}
	switch {
	case gaps != "" && r.Reason != string(appliance.ReasonInvalidPacket):
		because = gaps
	case r.Reason == vcc.ReasonPrivateDestination:
		because += t.elsewhere(source, destination)
	case r.Reason == string(appliance.ReasonNoPublicIPRule) && t.home(destination) >= 0:
		because += "; name the public address of a rule that leads to it"
	case r.Reason == string(appliance.ReasonNoPublicIPRule) && (q.Port == 0 || !t.claimed(destination)): // no rule lets an echo in, or is for what is not the tenant's
	case r.Reachable == q.Unwanted:
		because += wayOut[r.Reason]
	}
	return fmt.Sprintf("%s %s %s %s: %s.", endText(q.Source, source), verb, endText(q.Destination, destination), on, because)
}

// wayOut is what to do about an outcome that is not as it should be, where the cause
// does not say.
var wayOut = map[string]string{
	string(appliance.ReasonNoInternetAccess):      "; use a network with internet access",
	string(appliance.ReasonDifferentHardwarePlan): "; use networks of one hardware plan",
	string(appliance.ReasonNoPublicIPRule):        "; add one to the failover plan",
	string(appliance.ReasonRoutingEnabled):        "; switch the routing option off",
	string(appliance.ReasonInternetAccess):        "; use a network without internet access",
	string(appliance.ReasonPublicIPRule):          "; remove it from the failover plan",
}

// endText writes an end for people.
func endText(e vcc.TraceEnd, a netip.Addr) string {
	switch {
	case e.Internet:
		return fmt.Sprintf("the internet (%s)", a)
	case e.VM != "":
		return fmt.Sprintf("%s (%s)", e.VM, a)
	}
	return a.String()
}

// gaps says which cloud networks lack the gateways of addresses of the tenant's site.
func (t *tracer) gaps(addresses ...netip.Addr) string {
	var gaps []string
	for _, a := range addresses {
		if t.homeless(a) {
			gaps = append(gaps, t.gap(a))
		}
	}
	return strings.Join(slices.Compact(gaps), ", and ")
}

func (t *tracer) gap(a netip.Addr) string {
	family := "IPv6"
	if a.Is4() {
		family = "IPv4"
	}
	production, prefix, _ := t.tenant.Network(a)
	of := fmt.Sprintf("production network %q (%s)", production.Name, prefix)
	targets := t.tenant.CloudNetworks(production, t.networks)
	if len(targets) == 0 {
		return fmt.Sprintf("no cloud network has a default gateway for %s; store one", of)
	}
	network := targets[0]
	for _, in := range t.inputs {
		g := in.Gateways[network.ID]
		switch {
		case in.HostID != network.HostID:
		case a.Is4() && g.IPv4 != nil:
			return fmt.Sprintf("the default gateway of %q serves %s, and not %s of %s; correct it", network.Name, g.IPv4.Network(), a, of)
		case a.Is6() && g.IPv6 != nil:
			return fmt.Sprintf("the default gateway of %q serves %s, and not %s of %s; correct it", network.Name, g.IPv6.Network, a, of)
		}
	}
	return fmt.Sprintf("%q has no %s default gateway for %s; store one", network.Name, family, of)
}

// elsewhere says what else is known of an address that was not found outside.
func (t *tracer) elsewhere(source, destination netip.Addr) string {
	from, to := t.home(source), t.home(destination)
	if to >= 0 && from != to {
		network, _ := t.compiled[to].NetworkOf(destination)
		return fmt.Sprintf(", and %s is in %q on host %s, whose appliance is another one; use networks on one host", destination, network.NetworkName, t.inputs[to].HostName)
	}
	return ", and none of the tenant's networks holds it; use an address that one of them holds"
}

func tracedPacket(protocol appliance.Protocol, p appliance.Passage) vcc.TracedPacket {
	plain := func(a netip.AddrPort) netip.AddrPort {
		if protocol == appliance.ICMP || protocol == appliance.ICMPv6 { // the identifier is no port
			return netip.AddrPortFrom(a.Addr(), 0)
		}
		return a
	}
	packet := vcc.TracedPacket{Verdict: string(p.Verdict), Reason: string(p.Reason), Source: plain(p.Source), Destination: plain(p.Destination)}
	for _, s := range p.Steps {
		step := vcc.TraceStep{Kind: string(s.Kind), Message: s.Message}
		if s.Interface != nil {
			step.Interface = s.Interface.String()
		}
		if s.To.IsValid() {
			step.From, step.To = vcc.FormatEnd(plain(s.From)), vcc.FormatEnd(plain(s.To))
		}
		if s.Route != nil {
			step.Route = s.Route.Destination.String()
		}
		packet.Steps = append(packet.Steps, step)
	}
	return packet
}
