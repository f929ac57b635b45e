package appliance

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Tenant says who reaches whom after full site failover. That is more than one appliance decides: a
// tenant has an appliance on each host, hosts of one network need none, and what an appliance sends
// out may reach nobody (D22). A Tenant never changes, so it is safe for concurrent use, unless it is
// of WithoutWords.
type Tenant struct {
	// Appliances are in plan order.
	Appliances []TenantAppliance
	// Outside are the addresses that stand for any on the internet, one per family at most.
	Outside []netip.Addr

	site []vcc.SiteNetwork
	// public has the tenant's public addresses, each with the addresses that public IP rules for it lead to.
	public   map[netip.Addr][]netip.Addr
	networks map[string]cloudNetwork // by ID
	// found, where it is not nil, has the places of addresses that were looked for: of a tenant
	// for many questions about the same ends, whose answers need no words.
	found map[netip.Addr]*TenantPlace
}

// TenantAppliance is an appliance beside what it was compiled from.
type TenantAppliance struct {
	Inputs   vcc.ApplianceInputs
	Compiled *Compiled
}

// cloudNetwork is where a network is connected.
type cloudNetwork struct {
	appliance int
	at        Interface
}

// NewTenant compiles the appliances of a tenant with the networks of its site and all of its public
// addresses. The inputs are in plan order.
func NewTenant(site []vcc.SiteNetwork, publicIPs []netip.Addr, inputs []vcc.ApplianceInputs) *Tenant {
	t := &Tenant{site: site, public: map[netip.Addr][]netip.Addr{}, networks: map[string]cloudNetwork{}}
	for _, a := range publicIPs {
		t.public[a] = nil
	}
	for i, in := range inputs {
		t.Appliances = append(t.Appliances, TenantAppliance{in, Compile(in)})
		for n, network := range in.Networks {
			t.networks[network.ID] = cloudNetwork{i, Interface(n + 1)} // #nosec G115 -- a host has 4,094 VLANs at most
		}
		for _, r := range in.PublicIPRules {
			t.public[r.Public.Addr()] = append(t.public[r.Public.Addr()], r.Internal.Addr())
		}
	}
	claimed := func(a netip.Addr) bool { return !t.Place(a).IsOnInternet() }
	for _, v6 := range []bool{false, true} {
		if a := vcc.OutsideAddress(v6, claimed); a.IsValid() {
			t.Outside = append(t.Outside, a)
		}
	}
	return t
}

// WithoutWords returns a tenant for one goroutine and many questions about the same ends: it remembers
// where addresses are, of a bounded number, and explains nothing.
func (t Tenant) WithoutWords() *Tenant {
	t.found = map[netip.Addr]*TenantPlace{}
	return &t
}

// Way decides a request from one address to another, and its reply. The appliance in whose networks
// the source lies decides, and so does that on whose network a host is beside the part that the gateway
// serves: its packets arrive there. A packet from outside is decided by the first appliance that lets it in,
// if there is one. The question says which outcome is wanted; its ends do not count. The explanation
// is the cause, with what to do where the outcome is not as it should be.
func (t *Tenant) Way(q vcc.TraceRequest, protocol Protocol, source, destination netip.Addr) *vcc.Reachability {
	from, to := t.Place(source), t.Place(destination)
	if r := t.withoutAppliance(q, from, to); r != nil {
		return r
	}
	_, r := t.decide(protocol, uint16(q.Port), from, to) //nolint:gosec // 1 to 65535
	r.Explanation = t.explain(q, &r, from, to, r.Explanation)
	return &r
}

// decide has the appliances decide at which a request arrives, and returns what the first one says that lets it through, or
// the first of all, with its index.
func (t *Tenant) decide(protocol Protocol, port uint16, from, to *TenantPlace) (best int, answer vcc.Reachability) {
	first, last := t.arrival(from)
	for i := first; i <= last; i++ {
		o := &t.Appliances[i]
		r := reachability(o.Compiled, t.arriving(i, from), from.Address, to.Address, protocol, port, t.found == nil)
		if r.Reachable {
			arrives, leaves := outside(r)
			if f := t.failureOutside(i, arrives, leaves, from, to); f.reason != "" {
				t.mark(&r, f, from, to)
			}
		}
		if i == first || r.Reachable && !answer.Reachable {
			best, answer = i, r
		}
	}
	return best, answer
}

// outside says by which of its ends a request that is let through has to do with the external network.
func outside(r vcc.Reachability) (arrives, leaves bool) {
	ext0 := Ext0.String()
	return r.Steps[0].Interface == ext0, r.Verdict == vcc.Forwarded && r.Steps[len(r.Steps)-1].Interface == ext0
}

// arrival returns the first and the last of the appliances at which packets from a place may arrive: at that in whose
// networks it lies, and so at that on whose network a host is beside the part that the gateway serves; from outside at any.
func (t *Tenant) arrival(from *TenantPlace) (first, last int) {
	switch {
	case from.appliance != none:
		return from.appliance, from.appliance
	case t.beside(from):
		return from.host.Appliance, from.host.Appliance
	}
	return 0, len(t.Appliances) - 1
}

// arriving returns the interface of an appliance on which packets from a place arrive.
func (t *Tenant) arriving(i int, from *TenantPlace) Interface {
	if from.appliance == none && t.beside(from) {
		return from.host.At
	}
	return t.Appliances[i].Compiled.Arriving(from.Address)
}

// beside reports whether a host with an address that no network holds is on one all the same, of which the appliance has
// an address of the family.
func (t *Tenant) beside(p *TenantPlace) bool {
	if p.appliance != none || !p.IsHost() {
		return false
	}
	n, _ := t.Appliances[p.host.Appliance].Compiled.family(p.host.At, familyOf(p.Address))
	return n.served
}

// Course is what lies around the appliances' decision on a request and its reply.
type Course struct {
	// SameNetwork: no appliance hears of it, because both ends are in one network, or it is a broadcast in that of its source.
	SameNetwork bool
	// Invalid: no host has the destination, which is the first or the last address of another network of the site.
	Invalid bool
	// Appliance is the index of the one that decides, and Arriving is where the request arrives there. They say nothing where
	// SameNetwork or Invalid do.
	Appliance int
	Arriving  Interface
	// NoWayBack: the appliance drops what answers a source outside, because it has no route to it.
	NoWayBack bool
	// Lost is why a request that arrives or leaves by ext0 comes to nothing although the appliance lets it and its reply
	// through, "" if nothing is known to be in the way (D22).
	Lost vcc.Reason
	// WantsGateway: an end of the site's has no default gateway, which is what lacks most if the request or its reply is
	// dropped for anything but ReasonInvalidPacket, whatever the appliance says. See Tenant.WantsGateway.
	WantsGateway bool
}

// FromOutside reports whether packets from a place arrive at the appliances from outside.
func (t *Tenant) FromOutside(from *TenantPlace) bool {
	return from.appliance == none && !t.beside(from)
}

// Course returns what lies around the decision that Way makes about a request: with it an Engine decides packets of
// a flow as Way does about the first one and its reply.
func (t *Tenant) Course(protocol Protocol, port uint16, from, to *TenantPlace) Course {
	c := Course{WantsGateway: from.lacksGateway() || to.lacksGateway()}
	switch t.around(from, to) {
	case broadcast:
		c.SameNetwork = from.site == to.site
		c.Invalid = !c.SameNetwork
		return c
	case sameSite:
		c.SameNetwork = true
		return c
	}
	if from.known && t.sameInterface(from, to) {
		c.SameNetwork = true
		return c
	}
	first, last := t.arrival(from)
	if c.Appliance = first; first != last {
		c.Appliance, _ = t.decide(protocol, port, from, to)
	}
	c.Arriving = t.arriving(c.Appliance, from)
	if c.NoWayBack = c.Arriving == Ext0 && !t.Appliances[c.Appliance].Compiled.answers(from.Address); !c.NoWayBack {
		c.Lost = t.failureOutside(c.Appliance, c.Arriving == Ext0, true, from, to).reason
	}
	return c
}

// around is what settles a request without an appliance.
type around uint8

const (
	nothing   around = iota
	broadcast        // to the first or the last address of a network of the site
	sameSite         // between two hosts of one network of the site
)

// around says what settles a request without an appliance. Two hosts of one production network have their
// replicas in one cloud network, with or without a gateway. The gateway's address is the appliance's as soon as it has that
// address, and before that no host has it. The first and the last address of an IPv4 network belong to no host.
func (t *Tenant) around(from, to *TenantPlace) around {
	switch {
	case to.site.production == nil:
		return nothing
	case vcc.IsNetworkOrBroadcast(to.Address, to.site.network):
		return broadcast
	case from.site == to.site && from.IsHost() && to.IsHost() && from.host == to.host && !t.joined(from, to):
		return sameSite
	}
	return nothing
}

// withoutAppliance answers questions in which no appliance has a part, and returns nil for all others.
func (t *Tenant) withoutAppliance(q vcc.TraceRequest, from, to *TenantPlace) *vcc.Reachability {
	source, destination := from.Address, to.Address
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
		r.Explanation = t.explain(q, r, from, to, because)
		return r
	}
	switch t.around(from, to) {
	case broadcast:
		return answer(vcc.Dropped, vcc.ReasonInvalidPacket, fmt.Sprintf("%s is the network or the broadcast address of production network %q (%s), and no host's", destination, to.site.production.Name, to.site.network))
	case sameSite:
		return answer(vcc.Forwarded, vcc.ReasonSameNetwork, fmt.Sprintf("both are in production network %q (%s), where hosts reach each other without the appliance", to.site.production.Name, to.site.network))
	}
	return nil
}

// joined reports whether the appliance serves two addresses on the interface of the first one's network: its own rules then say
// that they reach each other, or that one is its own.
func (t *Tenant) joined(from, to *TenantPlace) bool {
	a, b := t.lookup(from, to)
	return a.via == from.host.At && b.via == from.host.At
}

// sameInterface reports whether two addresses are joined, and none is the appliance's own: P6 sends back what comes from the one
// to the other all the same.
func (t *Tenant) sameInterface(from, to *TenantPlace) bool {
	a, b := t.lookup(from, to)
	return a.via == from.host.At && b.via == from.host.At && a.own != numberOf(from.Address) && b.own != numberOf(to.Address)
}

// lookup looks two addresses up at the appliance of the first one's network.
func (t *Tenant) lookup(from, to *TenantPlace) (a, b place) {
	table := &t.Appliances[from.host.Appliance].Compiled.table
	a, _ = table.Lookup(from.Address)
	b, _ = table.Lookup(to.Address)
	return a, b
}

// failure is why a packet that an appliance sends on reaches nobody. The zero value is none.
type failure struct {
	reason vcc.Reason
	// reply says that it is the reply that reaches nobody.
	reply bool
}

// mark writes down that a request or its reply reaches nobody.
func (t *Tenant) mark(r *vcc.Reachability, f failure, from, to *TenantPlace) {
	packet, at := &r.TracedPacket, to
	if f.reply {
		packet, at = r.Reply, from
	}
	r.Reachable, r.Reason = false, f.reason
	if t.found != nil {
		return
	}
	r.Explanation = fmt.Sprintf("no internet carries %s (%s)", at.Address, vcc.PrivateUse(at.Address))
	if f.reason == vcc.ReasonNoDefaultGateway {
		r.Explanation = fmt.Sprintf("%s is of the tenant's site, which is not on the internet after full site failover", at.Address)
	}
	packet.Steps = append(packet.Steps, vcc.TraceStep{Kind: vcc.StepOutside, Message: fmt.Sprintf("%s: %s", f.reason, r.Explanation)})
}

// failureOutside applies D22 to a packet that an appliance lets through. A packet that arrives or leaves by ext0 comes from the
// internet, or goes there, unless the other end is a neighbor on the external network itself.
func (t *Tenant) failureOutside(i int, arrives, leaves bool, from, to *TenantPlace) failure {
	external := &t.Appliances[i].Inputs.External
	switch {
	case !arrives && !leaves || arrives && external.Contains(from.Address):
		return failure{}
	case arrives:
		if reason := external.Lost(from.Address, from.lacksGateway()); reason != "" {
			return failure{reason: reason, reply: true}
		}
	}
	return failure{reason: external.Lost(to.Address, to.lacksGateway())}
}

// Lost returns why an address is not found through the internet from the external network of an
// appliance, "" if it may be (D22).
func (t *Tenant) Lost(external vcc.ExternalSettings, a netip.Addr) vcc.Reason {
	return external.Lost(a, t.Place(a).lacksGateway())
}

// explain writes the cause of an outcome, and what to do where that is not as it should be.
func (t *Tenant) explain(q vcc.TraceRequest, r *vcc.Reachability, from, to *TenantPlace, because string) string {
	if t.found != nil {
		return ""
	}
	switch {
	case wantsGateway(r, from, to):
		because = t.missingGateways(from, to)
	case r.Reason == vcc.ReasonPrivateDestination:
		because += t.whereItIs(from, to)
	case r.Reason == vcc.ReasonNoPublicIPRule && to.appliance != none:
		because += "; name the public address of a rule that leads to it"
	case r.Reason == vcc.ReasonNoPublicIPRule && (q.Port == 0 || to.IsOnInternet()): // no rule lets an echo in, or is for what is not the tenant's
	case r.Reachable == q.Unwanted:
		because += r.Reason.WayOut()
	}
	return because
}

// WantsGateway reports whether a default gateway is what lacks most between two addresses that do
// not reach each other. The appliance may have another reason: it takes what is in none of its
// networks for the outside.
func (t *Tenant) WantsGateway(r *vcc.Reachability, source, destination netip.Addr) bool {
	return wantsGateway(r, t.Place(source), t.Place(destination))
}

func wantsGateway(r *vcc.Reachability, from, to *TenantPlace) bool {
	return !r.Reachable && r.Reason != vcc.ReasonInvalidPacket && (from.lacksGateway() || to.lacksGateway())
}

// missingGateways says which cloud networks lack the gateways of places of the tenant's
// site.
func (t *Tenant) missingGateways(places ...*TenantPlace) string {
	var missing []string
	for _, p := range places {
		if p.lacksGateway() {
			missing = append(missing, t.missingGateway(p))
		}
	}
	return strings.Join(slices.Compact(missing), ", and ")
}

func (t *Tenant) missingGateway(p *TenantPlace) string {
	a, at := p.Address, p.site
	site := fmt.Sprintf("production network %q (%s)", at.production.Name, at.network)
	for _, id := range at.production.CloudNetworks {
		target, known := t.networks[id]
		if !known {
			continue
		}
		in := t.Appliances[target.appliance].Inputs
		name, g := in.Networks[target.at-1].Name, in.Gateways[id]
		switch {
		case a.Is4() && g.IPv4 != nil:
			return fmt.Sprintf("the default gateway of %q serves %s, and not %s of %s; correct it", name, g.IPv4.Network(), a, site)
		case a.Is6() && g.IPv6 != nil:
			return fmt.Sprintf("the default gateway of %q serves %s, and not %s of %s; correct it", name, g.IPv6.Network, a, site)
		}
		return fmt.Sprintf("%q has no %s default gateway for %s; store one", name, familyName(a), site)
	}
	return fmt.Sprintf("no cloud network has a default gateway for %s; store one", site)
}

// whereItIs adds what is known of an address that was not found outside.
func (t *Tenant) whereItIs(from, to *TenantPlace) string {
	if to.appliance != none && from.appliance != to.appliance {
		o := &t.Appliances[to.appliance]
		network, _ := o.Compiled.NetworkOf(to.Address)
		return fmt.Sprintf(", and %s is in %q on host %s, whose appliance is another one; use networks on one host", to.Address, network.NetworkName, o.Inputs.HostName)
	}
	return ", and none of the tenant's networks holds it; use an address that one of them holds"
}
