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

	site      []vcc.SiteNetwork
	publicIPs []netip.Addr
	networks  map[string]cloudNetwork // by ID
	// found, where it is not nil, has the places of addresses that were looked for: of a tenant
	// for many questions about the same ends, whose answers need no words.
	found map[netip.Addr]sitePlace
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

// sitePlace is where an address is at the tenant's own site.
type sitePlace struct {
	production *vcc.SiteNetwork // nil for an address of another place
	network    netip.Prefix
}

// NewTenant compiles the appliances of a tenant with the networks of its site and all of its public
// addresses. The inputs are in plan order.
func NewTenant(site []vcc.SiteNetwork, publicIPs []netip.Addr, inputs []vcc.ApplianceInputs) *Tenant {
	t := &Tenant{site: site, publicIPs: publicIPs, networks: map[string]cloudNetwork{}}
	for i, in := range inputs {
		t.Appliances = append(t.Appliances, TenantAppliance{in, Compile(in)})
		for n, network := range in.Networks {
			t.networks[network.ID] = cloudNetwork{i, Interface(n + 1)} // #nosec G115 -- a host has 4,094 VLANs at most
		}
	}
	for _, v6 := range []bool{false, true} {
		if a := vcc.OutsideAddress(v6, t.claimed); a.IsValid() {
			t.Outside = append(t.Outside, a)
		}
	}
	return t
}

// WithoutWords returns a tenant for one goroutine and many questions about the same ends: it remembers
// where addresses are, and explains nothing.
func (t Tenant) WithoutWords() *Tenant {
	t.found = map[netip.Addr]sitePlace{}
	return &t
}

// siteOf returns where an address is at the site, which means a look at each network.
func (t *Tenant) siteOf(a netip.Addr) sitePlace {
	if place, known := t.found[a]; known {
		return place
	}
	place := sitePlace{}
	for i := range t.site {
		if network, found := t.site[i].IPNetworkOf(a); found {
			place = sitePlace{&t.site[i], network}
			break
		}
	}
	if t.found != nil {
		t.found[a] = place
	}
	return place
}

// claimed reports whether an address is not simply one on the internet.
func (t *Tenant) claimed(a netip.Addr) bool {
	return t.siteOf(a).production != nil || t.applianceOf(a) != nil || t.isNeighbor(a) || slices.Contains(t.publicIPs, a) || t.HasPublicIPRule(a)
}

// HasPublicIPRule reports whether an address is the public one of a public IP rule.
func (t *Tenant) HasPublicIPRule(a netip.Addr) bool {
	return slices.ContainsFunc(t.Appliances, func(o TenantAppliance) bool {
		return slices.ContainsFunc(o.Inputs.PublicIPRules, func(r vcc.PublicIPRule) bool { return r.Public.Addr() == a })
	})
}

// isNeighbor reports whether an address is in the external network of an appliance.
func (t *Tenant) isNeighbor(a netip.Addr) bool {
	return slices.ContainsFunc(t.Appliances, func(o TenantAppliance) bool { return o.Inputs.External.Contains(a) })
}

// applianceOf returns the appliance in whose networks an address lies, nil for none. Networks
// of two appliances may overlap (D12 is about one), and then it is the first.
func (t *Tenant) applianceOf(a netip.Addr) *TenantAppliance {
	for i := range t.Appliances {
		if t.Appliances[i].Compiled.Arriving(a) != Ext0 {
			return &t.Appliances[i]
		}
	}
	return nil
}

// HostPlace is where a host is after failover.
type HostPlace struct {
	// Appliance is an index in Tenant.Appliances, and At its interface on the host's network.
	Appliance int
	At        Interface
	// Network is the IP network that the host takes itself to be in.
	Network netip.Prefix
}

// Host returns where a host with an address is after failover: in the network whose gateway serves
// the address, and else in the one that replication jobs map its production network to (D6). It is
// false where no host of the tenant's has the address: outside of all networks, as the first or the
// last of an IPv4 network, as the gateway of one, whether it has one yet or not, and where nobody knows
// which of several networks it is.
func (t *Tenant) Host(a netip.Addr) (p HostPlace, found bool) {
	site := t.siteOf(a)
	for i, o := range t.Appliances {
		if p.At = o.Compiled.Arriving(a); p.At != Ext0 {
			p.Appliance, p.Network = i, site.network
			if site.production == nil {
				p.Network, _, _ = o.Compiled.table.LookupPrefixLPM(netip.PrefixFrom(a, a.BitLen()))
			}
			return p, !vcc.IsNetworkOrBroadcast(a, p.Network) && !t.isGateway(a, p)
		}
	}
	if site.production == nil || len(site.production.CloudNetworks) != 1 || vcc.IsNetworkOrBroadcast(a, site.network) {
		return HostPlace{}, false
	}
	network, found := t.networks[site.production.CloudNetworks[0]]
	p = HostPlace{network.appliance, network.at, site.network}
	return p, found && !t.isGateway(a, p)
}

// isGateway reports whether an address at a place is kept for a gateway, whether the appliance has it or nobody: the one
// that is stored for the network, and where the appliance does not serve the address, that of the production network. The
// appliance's address on the external network is no host's either.
func (t *Tenant) isGateway(a netip.Addr, at HostPlace) bool {
	o := &t.Appliances[at.Appliance]
	stored := o.Inputs.Gateways[o.Inputs.Networks[at.At-1].ID]
	if stored.IPv4 != nil && stored.IPv4.Address == a || stored.IPv6 != nil && stored.IPv6.Address == a {
		return true
	}
	if slices.ContainsFunc(o.Compiled.Interfaces[Ext0].Addresses, func(own netip.Prefix) bool { return own.Addr() == a }) {
		return true
	}
	here, _ := o.Compiled.table.Lookup(a)
	site := t.siteOf(a)
	return here.via != at.At && site.production != nil && site.production.HasGateway(a)
}

// Way decides a request from one address to another, and its reply. The appliance in whose networks
// the source lies decides, and so does that on whose network a host is beside the part that the gateway
// serves: its packets arrive there. A packet from outside is decided by the first appliance that lets it in,
// if there is one. The question says which outcome is wanted; its ends do not count. The explanation
// is the cause, with what to do where the outcome is not as it should be.
func (t *Tenant) Way(q vcc.TraceRequest, protocol Protocol, source, destination netip.Addr) *vcc.Reachability {
	if r := t.withoutAppliance(q, source, destination); r != nil {
		return r
	}
	candidates, beside := t.Appliances, Ext0
	if o := t.applianceOf(source); o != nil {
		candidates = []TenantAppliance{*o}
	} else if p, isHost := t.Host(source); isHost && t.serves(p, source) {
		candidates, beside = t.Appliances[p.Appliance:p.Appliance+1], p.At
	}
	var best *vcc.Reachability
	for _, o := range candidates {
		arriving := beside
		if arriving == Ext0 {
			arriving = o.Compiled.Arriving(source)
		}
		r := reachability(o.Compiled, arriving, source, destination, protocol, uint16(q.Port), t.found == nil) //nolint:gosec // 1 to 65535
		if f := t.failureOutside(o.Inputs.External, r, source, destination); f != nil {
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
func (t *Tenant) withoutAppliance(q vcc.TraceRequest, source, destination netip.Addr) *vcc.Reachability {
	to := t.siteOf(destination)
	if to.production == nil {
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
	if vcc.IsNetworkOrBroadcast(destination, to.network) {
		return answer(vcc.Dropped, vcc.ReasonInvalidPacket, fmt.Sprintf("%s is the network or the broadcast address of production network %q (%s), and no host's", destination, to.production.Name, to.network))
	}
	if t.siteOf(source) != to {
		return nil
	}
	from, isHost := t.Host(source)
	there, known := t.Host(destination)
	if !isHost || !known || from != there || t.joined(from, source, destination) {
		return nil
	}
	return answer(vcc.Forwarded, vcc.ReasonSameNetwork, fmt.Sprintf("both are in production network %q (%s), where hosts reach each other without the appliance", to.production.Name, to.network))
}

// serves reports whether the appliance has an address on the network of a host, of the family of the host's.
func (t *Tenant) serves(at HostPlace, a netip.Addr) bool {
	n, _ := t.Appliances[at.Appliance].Compiled.family(at.At, familyOf(a))
	return n.served
}

// joined reports whether the appliance serves two addresses on one interface: its own rules then say
// that they reach each other, or that one is its own.
func (t *Tenant) joined(at HostPlace, a, b netip.Addr) bool {
	table := &t.Appliances[at.Appliance].Compiled.table
	from, _ := table.Lookup(a)
	to, _ := table.Lookup(b)
	return from.via == at.At && to.via == at.At
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
func (t *Tenant) failureOutside(external vcc.ExternalSettings, r vcc.Reachability, source, destination netip.Addr) *failure {
	if !r.Reachable {
		return nil
	}
	ext0 := Ext0.String()
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

// Lost returns why an address is not found through the internet from the external network of an
// appliance, "" if it may be (D22).
func (t *Tenant) Lost(external vcc.ExternalSettings, a netip.Addr) vcc.Reason {
	return external.Lost(a, t.lacksGateway(a))
}

// failureAt returns why an address is not found through the internet, nil if it may be.
func (t *Tenant) failureAt(external vcc.ExternalSettings, a netip.Addr) *failure {
	switch reason := t.Lost(external, a); reason {
	case vcc.ReasonPrivateDestination:
		return &failure{reason: reason, because: fmt.Sprintf("no internet carries %s (%s)", a, vcc.PrivateUse(a))}
	case vcc.ReasonNoDefaultGateway:
		return &failure{reason: reason, because: fmt.Sprintf("%s is of the tenant's site, which is not on the internet after full site failover", a)}
	}
	return nil
}

// lacksGateway reports whether an address is of the tenant's site, and in no network that
// has a gateway for it.
func (t *Tenant) lacksGateway(a netip.Addr) bool {
	return t.siteOf(a).production != nil && t.applianceOf(a) == nil && !t.isNeighbor(a)
}

// explain writes the cause of an outcome, and what to do where that is not as it should be.
func (t *Tenant) explain(q vcc.TraceRequest, r *vcc.Reachability, source, destination netip.Addr, because string) string {
	if t.found != nil {
		return ""
	}
	switch {
	case t.WantsGateway(r, source, destination):
		because = t.missingGateways(source, destination)
	case r.Reason == vcc.ReasonPrivateDestination:
		because += t.whereItIs(source, destination)
	case r.Reason == vcc.ReasonNoPublicIPRule && t.applianceOf(destination) != nil:
		because += "; name the public address of a rule that leads to it"
	case r.Reason == vcc.ReasonNoPublicIPRule && (q.Port == 0 || !t.claimed(destination)): // no rule lets an echo in, or is for what is not the tenant's
	case r.Reachable == q.Unwanted:
		because += r.Reason.WayOut()
	}
	return because
}

// WantsGateway reports whether a default gateway is what lacks most between two addresses that do
// not reach each other. The appliance may have another reason: it takes what is in none of its
// networks for the outside.
func (t *Tenant) WantsGateway(r *vcc.Reachability, source, destination netip.Addr) bool {
	return !r.Reachable && r.Reason != vcc.ReasonInvalidPacket && (t.lacksGateway(source) || t.lacksGateway(destination))
}

// missingGateways says which cloud networks lack the gateways of addresses of the tenant's
// site.
func (t *Tenant) missingGateways(addresses ...netip.Addr) string {
	var missing []string
	for _, a := range addresses {
		if t.lacksGateway(a) {
			missing = append(missing, t.missingGateway(a))
		}
	}
	return strings.Join(slices.Compact(missing), ", and ")
}

func (t *Tenant) missingGateway(a netip.Addr) string {
	at := t.siteOf(a)
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
func (t *Tenant) whereItIs(source, destination netip.Addr) string {
	from, to := t.applianceOf(source), t.applianceOf(destination)
	if to != nil && from != to {
		network, _ := to.Compiled.NetworkOf(destination)
		return fmt.Sprintf(", and %s is in %q on host %s, whose appliance is another one; use networks on one host", destination, network.NetworkName, to.Inputs.HostName)
	}
	return ", and none of the tenant's networks holds it; use an address that one of them holds"
}
