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

// Trace implements vcc.ApplianceService. What is stored is compiled once for all who ask about
// it, and what is assumed once for all questions of a call.
func (s *Services) Trace(ctx context.Context, as vcc.Actor, questions []vcc.TraceRequest, assume vcc.Assumption) (answers []vcc.Reachability, err error) {
	err = s.asked(ctx, as, assume, func(t *tracer) error {
		answers, err = t.answers(questions)
		return err
	})
	return answers, err
}

// Matrix implements vcc.ApplianceService, as Trace does.
func (s *Services) Matrix(ctx context.Context, as vcc.Actor, request vcc.MatrixRequest, assume vcc.Assumption) (m *vcc.ReachabilityMatrix, err error) {
	err = s.asked(ctx, as, assume, func(t *tracer) error {
		m, err = t.matrix(ctx, request)
		return err
	})
	return m, err
}

// asked has use answer with what is stored and assumed.
func (s *Services) asked(ctx context.Context, as vcc.Actor, assume vcc.Assumption, use func(*tracer) error) error {
	c, err := s.stored(ctx, as)
	if err != nil {
		return err
	}
	if len(c.Appliances) == 0 {
		return &vcc.Error{Code: vcc.CodeConflict, Message: "the tenant has no cloud networks, and so no network extension appliance"}
	}
	if assume.IsEmpty() {
		return use(c.tracer)
	}
	return s.assuming(ctx, c, assume, use)
}

// VMs implements vcc.SiteService.
func (s *Services) VMs(ctx context.Context, as vcc.Actor, p vcc.Page) ([]vcc.VM, int, error) {
	c, err := s.stored(ctx, as)
	if err != nil {
		return nil, 0, err
	}
	all := c.Tenant.VMs
	from := min(p.Skip, len(all))
	return slices.Clone(all[from:min(from+p.Limit, len(all))]), len(all), nil
}

// tracer answers questions about one tenant's appliances. It never changes, so it is safe for
// concurrent use, unless it is for a matrix.
type tracer struct {
	tenant     vcc.LabTenant
	appliances []tracedAppliance
	networks   []vcc.Network // of all appliances
	// outside are the addresses that stand for any on the internet, one per family.
	outside []netip.Addr
	// found, where it is not nil, has the production networks of addresses that were looked for:
	// of a tracer for many questions about the same ends, whose answers need no explanation.
	found map[netip.Addr]foundNetwork
}

// foundNetwork is what vcc.Site.Network returns.
type foundNetwork struct {
	production vcc.ProductionNetwork
	prefix     netip.Prefix
	ok         bool
}

// forMatrix returns a copy that remembers, and explains nothing, for one goroutine.
func (t tracer) forMatrix() *tracer {
	t.found = map[netip.Addr]foundNetwork{}
	return &t
}

// siteNetwork returns the production network that holds an address, which means a look at each.
func (t *tracer) siteNetwork(a netip.Addr) (vcc.ProductionNetwork, netip.Prefix, bool) {
	n, known := t.found[a]
	if !known {
		n.production, n.prefix, n.ok = t.tenant.Network(a)
		if t.found != nil {
			t.found[a] = n
		}
	}
	return n.production, n.prefix, n.ok
}

// tracedAppliance is an appliance beside what it was compiled from.
type tracedAppliance struct {
	inputs   vcc.ApplianceInputs
	compiled *appliance.Compiled
}

func newTracer(tenant vcc.LabTenant, inputs []vcc.ApplianceInputs) *tracer {
	t := &tracer{tenant: tenant}
	for _, in := range inputs {
		t.appliances = append(t.appliances, tracedAppliance{in, appliance.Compile(in)})
		t.networks = append(t.networks, in.Networks...)
	}
	for _, v6 := range []bool{false, true} {
		if a := vcc.OutsideAddress(v6, t.claimed); a.IsValid() {
			t.outside = append(t.outside, a)
		}
	}
	return t
}

// size is about how much memory the tracer holds: the number of things that it knows.
func (t *tracer) size() int {
	n := 1 + len(t.tenant.ProductionNetworks) + len(t.tenant.VMs) + len(t.tenant.PublicIPs)
	for _, o := range t.appliances {
		n += len(o.inputs.Networks) + len(o.inputs.PublicIPRules)
	}
	return n
}

// claimed reports whether an address is not simply one on the internet.
func (t *tracer) claimed(a netip.Addr) bool {
	if _, _, ok := t.siteNetwork(a); ok || t.applianceOf(a) != nil || t.isNeighbor(a) || slices.Contains(t.tenant.PublicIPs, a) {
		return true
	}
	return slices.ContainsFunc(t.appliances, func(o tracedAppliance) bool {
		return slices.ContainsFunc(o.inputs.PublicIPRules, func(r vcc.PublicIPRule) bool { return r.Public.Addr() == a })
	})
}

// isNeighbor reports whether an address is in the external network of an appliance.
func (t *tracer) isNeighbor(a netip.Addr) bool {
	return slices.ContainsFunc(t.appliances, func(o tracedAppliance) bool { return o.inputs.External.Contains(a) })
}

// applianceOf returns the appliance in whose networks an address lies, nil for none. Networks
// of two appliances may overlap (D12 is about one), and then it is the first: the appliances
// are in plan order.
func (t *tracer) applianceOf(a netip.Addr) *tracedAppliance {
	for i := range t.appliances {
		if _, ok := t.appliances[i].compiled.NetworkOf(a); ok {
			return &t.appliances[i]
		}
	}
	return nil
}

// answers answers questions, each by itself.
func (t *tracer) answers(questions []vcc.TraceRequest) ([]vcc.Reachability, error) {
	answers := make([]vcc.Reachability, len(questions))
	var errs []error
	for i, q := range questions {
		answer, err := t.answer(q)
		if err != nil {
			errs = append(errs, vcc.Within(fmt.Sprintf("questions[%d]", i), err))
			if more := len(questions) - i - 1; more > 0 && len(errs) == vcc.MaxListed-1 { // each looks for names that are alike
				errs = append(errs, &vcc.Error{Code: vcc.CodeInvalidValue, Message: fmt.Sprintf("the %d questions after these were not looked at", more)})
				break
			}
			continue
		}
		answers[i] = *answer
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return answers, nil
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
	found, _ := t.ways(q, protocol, ways)
	var addresses []netip.Addr
	for _, w := range ways {
		addresses = append(addresses, w[0], w[1])
		addresses = append(addresses, t.internalAddresses(w[1])...)
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	found.Addresses = slices.Compact(addresses)
	return found, nil
}

// ways decides about the ways of a question. It returns the first that is not as it should be,
// with its addresses.
func (t *tracer) ways(q vcc.TraceRequest, protocol appliance.Protocol, ways [][2]netip.Addr) (found *vcc.Reachability, way [2]netip.Addr) {
	for _, w := range ways {
		if r := t.way(q, protocol, w[0], w[1]); found == nil || r.Reachable == q.Unwanted {
			found, way = r, w
		}
		if found.Reachable == q.Unwanted {
			break
		}
	}
	return found, way
}

// matrix answers one question about each pair of ends.
func (t *tracer) matrix(ctx context.Context, request vcc.MatrixRequest) (*vcc.ReachabilityMatrix, error) {
	protocol, err := appliance.ParseProtocol(request.Protocol)
	if err != nil {
		return nil, err
	}
	if request, err = request.Over(t.tenant.Site, t.publicAddresses()); err != nil {
		return nil, err
	}
	t = t.forMatrix()
	return request.Matrix(t.tenant.Site, t.outside, func(q vcc.TraceRequest, ways [][2]netip.Addr) (vcc.MatrixCell, error) {
		r, way := t.ways(q, protocol, ways)
		cell := vcc.MatrixCell{Reachable: r.Reachable, Reason: r.Outcome()}
		if t.wantsGateway(r, way[0], way[1]) {
			cell.Reason = vcc.ReasonNoDefaultGateway
		}
		return cell, ctx.Err()
	})
}

// publicAddresses are those of all public IP rules, in order.
func (t *tracer) publicAddresses() (list []netip.Addr) {
	for _, o := range t.appliances {
		for _, r := range o.inputs.PublicIPRules {
			list = append(list, r.Public.Addr())
		}
	}
	slices.SortFunc(list, netip.Addr.Compare)
	return slices.Compact(list)
}

// internalAddresses are those that public IP rules for an address lead to.
func (t *tracer) internalAddresses(public netip.Addr) (list []netip.Addr) {
	for _, o := range t.appliances {
		for _, r := range o.inputs.PublicIPRules {
			if r.Public.Addr() == public {
				list = append(list, r.Internal.Addr())
			}
		}
	}
	return list
}

// way decides a request from one address to another. A tenant with networks on several
// hosts has several appliances. The appliance in whose networks the source lies decides. A
// packet from outside is decided by the first that lets it in, if there is one.
func (t *tracer) way(q vcc.TraceRequest, protocol appliance.Protocol, source, destination netip.Addr) *vcc.Reachability {
	if r := t.withoutAppliance(q, source, destination); r != nil {
		return r
	}
	candidates := t.appliances
	if o := t.applianceOf(source); o != nil {
		candidates = []tracedAppliance{*o}
	}
	var best *vcc.Reachability
	for _, o := range candidates {
		decide := appliance.Reachability
		if t.found != nil {
			decide = appliance.Outcome
		}
		r := decide(o.compiled, source, destination, protocol, uint16(q.Port)) //nolint:gosec // 1 to 65535
		if f := t.failureOutside(o.inputs.External, r, source, destination); f != nil {
			f.mark(&r)
		}
		if best == nil || r.Reachable && !best.Reachable {
			r.Explanation = t.explain(q, &r, source, destination, r.Explanation)
			best = &r
		}
	}
	return best
}

// withoutAppliance answers questions in which no appliance has a part, and returns nil for all others. Two hosts of one
// production network have their replicas in one cloud network, with or without a gateway. The gateway's address is the
// appliance's as soon as it has that address, and before that no host has it. The first and the last address of an IPv4
// network belong to no host.
func (t *tracer) withoutAppliance(q vcc.TraceRequest, source, destination netip.Addr) *vcc.Reachability {
	production, prefix, ok := t.siteNetwork(destination)
	if !ok {
		return nil
	}
	answer := func(verdict vcc.Verdict, reason vcc.Reason, because string) *vcc.Reachability {
		end := netip.AddrPortFrom(destination, uint16(q.Port)) //nolint:gosec // 1 to 65535
		packet := vcc.TracedPacket{Verdict: verdict, Reason: reason, Source: netip.AddrPortFrom(source, 0), Destination: end, Steps: []vcc.TraceStep{
			{Kind: vcc.StepRule, Message: fmt.Sprintf("%s, %s: %s", verdict, reason, because)},
		}}
		r := &vcc.Reachability{Reachable: verdict == vcc.Forwarded, TracedPacket: packet}
		if r.Reachable {
			packet.Source, packet.Destination = end, netip.AddrPortFrom(source, 0)
			r.Reply = &packet
		}
		r.Explanation = t.explain(q, r, source, destination, because)
		return r
	}
	if vcc.IsNetworkOrBroadcast(destination, prefix) {
		return answer(vcc.Dropped, vcc.ReasonInvalidPacket, fmt.Sprintf("%s is the network or the broadcast address of production network %q (%s), and no host's", destination, production.Name, prefix))
	}
	// With a gateway the appliance's own rules say the same, and more.
	if !prefix.Contains(source) || t.applianceOf(source) != nil || production.HasGateway(destination) || len(t.tenant.CloudNetworks(production, t.networks)) > 1 {
		return nil
	}
	return answer(vcc.Forwarded, vcc.ReasonSameNetwork, fmt.Sprintf("both are in production network %q (%s), where hosts reach each other without the appliance", production.Name, prefix))
}

// failure is why a packet that an appliance sends on reaches nobody.
type failure struct {
	reason  vcc.Reason
	because string
	// reply says that it is the reply that reaches nobody.
	reply bool
}

// mark writes down that a request or its reply reaches nobody.
func (f *failure) mark(r *vcc.Reachability) {
	r.Reachable, r.Reason, r.Explanation = false, f.reason, f.because
	packet := &r.TracedPacket
	if f.reply {
		packet = r.Reply
	}
	packet.Steps = append(packet.Steps, vcc.TraceStep{Kind: vcc.StepOutside, Message: fmt.Sprintf("%s: %s", f.reason, f.because)})
}

// failureOutside applies D22 to a packet that an appliance lets through, and returns nil if it
// arrives. A packet that enters or leaves by ext0 comes from the internet, or goes there, unless
// the other end is a neighbor on the external network itself.
func (t *tracer) failureOutside(external vcc.ExternalSettings, r vcc.Reachability, source, destination netip.Addr) *failure {
	if !r.Reachable {
		return nil
	}
	ext0 := appliance.Ext0.String()
	arriving, leaving := r.Steps[0].Interface, r.Steps[len(r.Steps)-1].Interface
	if arriving != ext0 {
		if r.Verdict == vcc.Forwarded && leaving == ext0 {
			return t.failureAt(external, destination)
		}
		return nil
	}
	if external.Contains(source) {
		return nil
	}
	if f := t.failureAt(external, source); f != nil {
		f.reply = true
		return f
	}
	return t.failureAt(external, destination)
}

// failureAt returns why an address is not found through the internet, nil if it may be.
func (t *tracer) failureAt(external vcc.ExternalSettings, a netip.Addr) *failure {
	switch reason := external.Lost(a, t.lacksGateway(a)); reason {
	case vcc.ReasonPrivateDestination:
		return &failure{reason: reason, because: fmt.Sprintf("no internet carries %s (%s)", a, vcc.PrivateUse(a))}
	case vcc.ReasonNoDefaultGateway:
		return &failure{reason: reason, because: fmt.Sprintf("%s is of the tenant's site, which is not on the internet after full site failover", a)}
	}
	return nil
}

// lacksGateway reports whether an address is of the tenant's site, and in no network that
// has a gateway for it.
func (t *tracer) lacksGateway(a netip.Addr) bool {
	_, _, ofSite := t.siteNetwork(a)
	return ofSite && t.applianceOf(a) == nil && !t.isNeighbor(a)
}

// explain writes one sentence: who reaches whom or does not, why, and what to do where
// that is not as it should be.
func (t *tracer) explain(q vcc.TraceRequest, r *vcc.Reachability, source, destination netip.Addr, because string) string {
	if t.found != nil {
		return ""
	}
	switch {
	case t.wantsGateway(r, source, destination):
		because = t.missingGateways(source, destination)
	case r.Reason == vcc.ReasonPrivateDestination:
		because += t.whereItIs(source, destination)
	case r.Reason == vcc.ReasonNoPublicIPRule && t.applianceOf(destination) != nil:
		because += "; name the public address of a rule that leads to it"
	case r.Reason == vcc.ReasonNoPublicIPRule && (q.Port == 0 || !t.claimed(destination)): // no rule lets an echo in, or is for what is not the tenant's
	case r.Reachable == q.Unwanted:
		because += r.Reason.WayOut()
	}
	return q.Sentence(r.Reachable, source, destination, because)
}

// wantsGateway reports whether a default gateway is what lacks most between two addresses that do
// not reach each other. The appliance may have another reason: it takes what is in none of its
// networks for the outside.
func (t *tracer) wantsGateway(r *vcc.Reachability, source, destination netip.Addr) bool {
	return !r.Reachable && r.Reason != vcc.ReasonInvalidPacket && (t.lacksGateway(source) || t.lacksGateway(destination))
}

// missingGateways says which cloud networks lack the gateways of addresses of the tenant's
// site.
func (t *tracer) missingGateways(addresses ...netip.Addr) string {
	var missing []string
	for _, a := range addresses {
		if t.lacksGateway(a) {
			missing = append(missing, t.missingGateway(a))
		}
	}
	return strings.Join(slices.Compact(missing), ", and ")
}

func (t *tracer) missingGateway(a netip.Addr) string {
	family := "IPv6"
	if a.Is4() {
		family = "IPv4"
	}
	production, prefix, _ := t.siteNetwork(a)
	site := fmt.Sprintf("production network %q (%s)", production.Name, prefix)
	targets := t.tenant.CloudNetworks(production, t.networks)
	if len(targets) == 0 {
		return fmt.Sprintf("no cloud network has a default gateway for %s; store one", site)
	}
	network := targets[0]
	for _, o := range t.appliances {
		g := o.inputs.Gateways[network.ID]
		switch {
		case o.inputs.HostID != network.HostID:
		case a.Is4() && g.IPv4 != nil:
			return fmt.Sprintf("the default gateway of %q serves %s, and not %s of %s; correct it", network.Name, g.IPv4.Network(), a, site)
		case a.Is6() && g.IPv6 != nil:
			return fmt.Sprintf("the default gateway of %q serves %s, and not %s of %s; correct it", network.Name, g.IPv6.Network, a, site)
		}
	}
	return fmt.Sprintf("%q has no %s default gateway for %s; store one", network.Name, family, site)
}

// whereItIs adds what is known of an address that was not found outside.
func (t *tracer) whereItIs(source, destination netip.Addr) string {
	from, to := t.applianceOf(source), t.applianceOf(destination)
	if to != nil && from != to {
		network, _ := to.compiled.NetworkOf(destination)
		return fmt.Sprintf(", and %s is in %q on host %s, whose appliance is another one; use networks on one host", destination, network.NetworkName, to.inputs.HostName)
	}
	return ", and none of the tenant's networks holds it; use an address that one of them holds"
}
