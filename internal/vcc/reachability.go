package vcc

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// MaxTraceRequests is how many questions one request may ask.
const MaxTraceRequests = 1000

// Internet is what names the end of a question that stands for any address out there.
const Internet = "internet"

// TraceEnd is an end of a question: an address, a VM of the tenant's site, or the
// internet.
type TraceEnd struct {
	// Address is set for an address, and is the zero value for the others.
	Address netip.Addr
	// VM is the name of a VM, Internet stands for any address out there.
	VM       string
	Internet bool
}

// ParseTraceEnd reads an end. What is no address and not the word internet is the name
// of a VM, which only the backend knows. The error has no field.
func ParseTraceEnd(s string) (TraceEnd, error) {
	addr, err := netip.ParseAddr(s)
	switch {
	case s == Internet:
		return TraceEnd{Internet: true}, nil
	case err == nil && (addr.Zone() != "" || addr.Is4In6()):
		return TraceEnd{}, invalid("", "%q has a zone, or is an IPv4-mapped address, which no packet on the way has; write it plain, such as 172.17.52.10 or 2001:db8:52::10", s)
	case err == nil:
		return TraceEnd{Address: addr}, nil
	case s == "":
		return TraceEnd{}, invalid("", "an end is required: the name of a VM, an IP address, or %s", Internet)
	case strings.TrimSpace(s) != s:
		return TraceEnd{}, invalid("", "%q begins or ends with white space; remove it", s)
	case strings.Count(s, ":") > 1 || fourNumbers().MatchString(s):
		return TraceEnd{}, invalid("", "%q is not an IP address; write one such as 172.17.52.10 or 2001:db8:52::10", s)
	}
	return TraceEnd{VM: s}, nil
}

// fourNumbers is what an IPv4 address begins with, also one with a port or a prefix
// length, or out of range: no name of a VM.
var fourNumbers = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+([:/]\d*)?$`) })

// String returns the end as it is written.
func (e TraceEnd) String() string {
	switch {
	case e.Internet:
		return Internet
	case e.VM != "":
		return e.VM
	}
	return e.Address.String()
}

// TraceRequest asks whether something would be reached after full site failover.
type TraceRequest struct {
	Source, Destination TraceEnd
	// Protocol is tcp, udp or icmp, which means ICMPv6 between IPv6 addresses.
	Protocol string
	// Port is the destination's, 1 to 65535; 0 with icmp.
	Port int
	// Unwanted says that the destination should not be reached. Where a question has
	// several ways, because a VM has several adapters, the one reported is the first
	// that is not as it should be.
	Unwanted bool
}

// ParseTraceRequest reads a request; port is nil where there is none. The error lists
// every value that is wrong, with the fields "source", "destination", "protocol" and
// "port".
func ParseTraceRequest(source, destination, protocol string, port *int) (TraceRequest, error) {
	r := TraceRequest{Protocol: protocol}
	var v errorList
	for _, end := range []struct {
		field, value string
		into         *TraceEnd
	}{{"source", source, &r.Source}, {"destination", destination, &r.Destination}} {
		parsed, err := ParseTraceEnd(end.value)
		if err != nil {
			v = append(v, Within(end.field, err))
		}
		*end.into = parsed
	}
	from, to := r.Source, r.Destination
	switch {
	case len(v) > 0:
	case from.Internet && to.Internet:
		v.add("destination", "source and destination are both the internet, and such packets do not come this way; name a VM or an address at one end")
	case from.Address.IsValid() && to.Address.IsValid() && from.Address.Is4() != to.Address.Is4():
		v.add("destination", "%s and the source %s are not of one family", destination, source)
	}
	switch protocol {
	case "tcp", "udp":
		if port == nil {
			v.add("port", "a destination port from 1 to 65535 is required with %s", protocol)
		} else if r.Port = *port; r.Port < 1 || r.Port > 65535 {
			v.add("port", "%d is not a port; use 1 to 65535", r.Port)
		}
	case "icmp":
		if port != nil {
			v.add("port", "there are no ports in icmp; leave it out")
		}
	default:
		v.add("protocol", "%q is not a protocol; use tcp, udp or icmp", protocol)
	}
	return r, v.err()
}

// TraceStep is one step of a decision, in words and in data. Data that a kind of
// step does not have is empty.
type TraceStep struct {
	// Kind is arriving, rule, destination_nat, source_nat, route, leaving or outside.
	Kind    string
	Message string
	// Interface is where the packet arrives or leaves.
	Interface string
	// From and To are the ends of a translation.
	From, To string
	// Route is the destination of the route taken.
	Route string
}

// TracedPacket is a packet as it leaves the appliance. The ports are 0 where the
// protocol has none.
type TracedPacket struct {
	Verdict, Reason     string
	Source, Destination netip.AddrPort
	Steps               []TraceStep
}

// FormatEnd writes an end of a traced packet, with its port where it has one.
func FormatEnd(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}

// Reachability is the outcome of a trace: what becomes of a request and of its
// reply. Reachable means that the request arrives and its reply gets back, on real
// ways: rule 22 counts.
type Reachability struct {
	Reachable bool
	// Explanation is one sentence with the cause and, where there is one, the way out.
	Explanation string
	// Addresses are all that the answer depends on: those of both ends, and where public
	// IP rules lead. A gateway whose network has none of them, before and after a
	// change, changes nothing about it.
	Addresses []netip.Addr
	// TracedPacket is the request. Its verdict is the appliance's, which sends out what
	// then reaches nobody.
	TracedPacket
	// Reply is nil where the request is dropped.
	Reply *TracedPacket
}

// The reasons for which something is not reached although the appliance would send the
// packets on.
const (
	// ReasonPrivateDestination: the way leads through the internet, and no internet
	// carries such an address (rule 22).
	ReasonPrivateDestination = "private_destination"
	// ReasonNoDefaultGateway: the address is of a production network whose cloud network
	// has no gateway for it, so that the way leads through the internet to a site that is
	// lost (our decision: rule 22 has private addresses alone).
	ReasonNoDefaultGateway = "no_default_gateway"
)

// privateBlocks are the addresses that no internet carries (rule 22).
var privateBlocks = []struct {
	block netip.Prefix
	rfc   string
}{
	{netip.MustParsePrefix("10.0.0.0/8"), "RFC 1918"},
	{netip.MustParsePrefix("172.16.0.0/12"), "RFC 1918"},
	{netip.MustParsePrefix("192.168.0.0/16"), "RFC 1918"},
	{netip.MustParsePrefix("100.64.0.0/10"), "RFC 6598"},
	{netip.MustParsePrefix("169.254.0.0/16"), "RFC 3927"},
	{netip.MustParsePrefix("fc00::/7"), "RFC 4193"},
}

// PrivateUse returns the RFC that keeps an address off the internet, "" if none does
// (rule 22).
func PrivateUse(a netip.Addr) (rfc string) {
	for _, p := range privateBlocks {
		if p.block.Contains(a) {
			return p.rfc
		}
	}
	return ""
}

// Contains reports whether an address is in the external network itself, which is
// reached without the internet (rule 22).
func (e LabExternal) Contains(a netip.Addr) bool {
	for _, s := range []string{e.IPv4, e.IPv6} {
		if p, err := netip.ParsePrefix(s); err == nil && p.Contains(a) {
			return true
		}
	}
	return false
}

// VM returns the VM of a name.
func (s Site) VM(name string) (VM, bool) {
	i := slices.IndexFunc(s.VMs, func(vm VM) bool { return SameName(vm.Name, name) })
	if i < 0 {
		return VM{}, false
	}
	return s.VMs[i], true
}

// Addresses are those of all adapters of a VM, in their order, IPv4 first.
func (v VM) Addresses() (list []netip.Addr) {
	for _, n := range v.NICs {
		for _, s := range []string{n.IPv4, n.IPv6} {
			if a, err := netip.ParseAddr(s); err == nil {
				list = append(list, a)
			}
		}
	}
	return list
}

// Network returns the production network that holds an address, and its IP network of
// that family.
func (s Site) Network(a netip.Addr) (ProductionNetwork, netip.Prefix, bool) {
	for _, n := range s.ProductionNetworks {
		for _, text := range []string{n.IPv4, n.IPv6} {
			if p, err := netip.ParsePrefix(text); err == nil && p.Contains(a) {
				return n, p, true
			}
		}
	}
	return ProductionNetwork{}, netip.Prefix{}, false
}

// HasGateway reports whether an address is that of a gateway of the production network.
func (p ProductionNetwork) HasGateway(a netip.Addr) bool {
	for _, text := range []string{p.IPv4Gateway, p.IPv6Gateway} {
		if gateway, err := netip.ParseAddr(text); err == nil && gateway == a {
			return true
		}
	}
	return false
}

// IsNetworkOrBroadcast reports whether an address is the first or the last of an IPv4 network, which are no host's
// (RFC 1122, 3.2.1.3) except in a /31 and a /32 (RFC 3021).
func IsNetworkOrBroadcast(a netip.Addr, network netip.Prefix) bool {
	network = network.Masked()
	return a.Is4() && network.Bits() < 31 && network.Contains(a) && (a == network.Addr() || a == lastIPv4(network))
}

// CloudNetworks are those that the tenant's replication jobs map a production network
// to (rule 6), in the order of the jobs. networks are the tenant's, in plan and network
// order.
func (t LabTenant) CloudNetworks(production ProductionNetwork, networks []Network) []Network {
	var found []Network
	for _, job := range t.Jobs {
		used := t.networksOf(job)
		i := slices.IndexFunc(used, func(p ProductionNetwork) bool { return p.Name == production.Name })
		if i < 0 {
			continue
		}
		ofPlan := slices.DeleteFunc(slices.Clone(networks), func(n Network) bool { return n.HardwarePlanName != job.HardwarePlan })
		target := job.target(used, i, ofPlan)
		if target != nil && !slices.ContainsFunc(found, func(n Network) bool { return n.ID == target.ID }) {
			found = append(found, *target)
		}
	}
	return found
}

// Ways are the pairs of addresses, of one family each, that a question is about:
// between every adapter of a VM and the other end. The internet is represented by the
// addresses in outside, of which there is one per family at most. The errors are those
// of ParseTraceRequest.
func (r TraceRequest) Ways(site Site, outside []netip.Addr) ([][2]netip.Addr, error) {
	var v errorList
	of := func(field string, e TraceEnd) []netip.Addr {
		switch {
		case e.Internet:
			return outside
		case e.VM == "":
			return []netip.Addr{e.Address}
		}
		vm, ok := site.VM(e.VM)
		addresses := vm.Addresses()
		switch {
		case !ok:
			v.add(field, "%q is no VM of the tenant's site, no IP address and not the word %s; %s", e.VM, Internet, site.namesVMs(e.VM))
		case len(addresses) == 0:
			v.add(field, "the address of VM %q is not known; write the address that it has instead of its name", e.VM)
		}
		return addresses
	}
	from, to := of("source", r.Source), of("destination", r.Destination)
	if len(v) > 0 {
		return nil, v.err()
	}
	var ways [][2]netip.Addr
	for _, a := range from {
		for _, b := range to {
			if a.Is4() == b.Is4() {
				ways = append(ways, [2]netip.Addr{a, b})
			}
		}
	}
	if len(ways) == 0 {
		v.add("destination", "%s has no address of the family of the source %s", r.Destination, r.Source)
	}
	return ways, v.err()
}

// namesVMs says which VMs there are, the nearest to a name first.
func (s Site) namesVMs(name string) string {
	if len(s.VMs) == 0 {
		return "the site has no VMs"
	}
	return DidYouMean(name, names(s.VMs, func(vm VM) string { return vm.Name }))
}

// OutsideAddress returns an address that stands for any on the internet: of the blocks
// for documentation where nothing else claims it, and the zero value where everything
// is claimed.
func OutsideAddress(v6 bool, claimed func(netip.Addr) bool) netip.Addr {
	candidates := []string{"192.0.2.1", "198.51.100.1", "203.0.113.1"} // RFC 5737
	if v6 {
		candidates = []string{"3fff::1", "2001:db8::1"} // RFC 9637, RFC 3849
	}
	for _, s := range candidates {
		if a := netip.MustParseAddr(s); !claimed(a) {
			return a
		}
	}
	for first := 1; first < 224; first++ {
		a := netip.AddrFrom4([4]byte{byte(first), 0, 113, 1})
		if v6 {
			a = netip.AddrFrom16([16]byte{0x20 | byte(first>>4), byte(first << 4), 15: 1}) // #nosec G115 -- of 2000::/3
		}
		if !a.IsLoopback() && PrivateUse(a) == "" && !claimed(a) {
			return a
		}
	}
	return netip.Addr{}
}

// Assumption is what a question takes for granted on top of what is stored.
type Assumption struct {
	// Gateways take the place of whatever their networks have.
	Gateways []AssumedGateway
	// Removals are the IDs of networks that have no gateway.
	Removals []string
	// RoutingEnabled is the routing option, nil for as it is stored.
	RoutingEnabled *bool
}

// AssumedGateway is the gateway that a network would have.
type AssumedGateway struct {
	NetworkID string
	GatewaySettings
}

// Over returns inputs in which the assumption holds, and leaves those given as they are.
// It is held to the rules of what is stored: 8 to 10, and 12. The error lists every
// value that is wrong, with fields such as "gateways[2].ipv4.address".
func (a Assumption) Over(inputs []ApplianceInputs) ([]ApplianceInputs, error) {
	if len(a.Gateways) == 0 && len(a.Removals) == 0 && a.RoutingEnabled == nil {
		return inputs, nil
	}
	networks := map[string]Network{}
	for _, in := range inputs {
		for _, n := range in.Networks {
			networks[n.ID] = n
		}
	}
	var v errorList
	fields := map[string]string{} // of the networks that the assumption names
	named := func(field, id string) {
		switch other, twice := fields[id]; {
		case networks[id].ID == "":
			v.add(field, "there is no cloud network with ID %q", id)
		case twice:
			v.add(field, "the network is at %s already", other)
		}
		fields[id] = field
	}
	assumed := map[string]GatewaySettings{}
	for i, g := range a.Gateways {
		field := fmt.Sprintf("gateways[%d]", i)
		named(field+".networkId", g.NetworkID)
		if err := g.Validate(); err != nil {
			v = append(v, Within(field, err))
		}
		assumed[g.NetworkID] = g.GatewaySettings
	}
	for i, id := range a.Removals {
		named(fmt.Sprintf("removals[%d]", i), id)
	}
	if len(v) > 0 {
		return nil, v.err()
	}
	result := slices.Clone(inputs)
	for i, in := range inputs {
		gateways := map[string]GatewaySettings{}
		for _, n := range in.Networks {
			if settings, ok := assumed[n.ID]; ok {
				gateways[n.ID] = settings
			} else if stored, ok := in.Gateways[n.ID]; ok && fields[n.ID] == "" {
				gateways[n.ID] = stored
			}
		}
		result[i].Gateways = gateways
		if a.RoutingEnabled != nil {
			result[i].RoutingEnabled = *a.RoutingEnabled
		}
		if err := result[i].checkOverlaps(fields); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// checkOverlaps checks rule 12 for all gateways of an appliance at once. The error is
// that of CheckOverlap for a network in fields, below its field there.
func (in ApplianceInputs) checkOverlaps(fields map[string]string) error {
	type connected struct {
		netip.Prefix
		network Network
	}
	var all []connected
	for _, n := range in.Networks {
		if g, ok := in.Gateways[n.ID]; ok {
			for _, p := range g.Networks() {
				all = append(all, connected{p, n})
			}
		}
	}
	slices.SortFunc(all, func(a, b connected) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	// Of two prefixes that overlap one contains the other, so the next one begins within it.
	for i := 1; i < len(all); i++ {
		mine, other := all[i], all[i-1]
		if !mine.Overlaps(other.Prefix) {
			continue
		}
		if fields[mine.network.ID] == "" {
			mine, other = other, mine
		}
		field := strings.TrimSuffix(fields[mine.network.ID], ".networkId")
		return Within(field, CheckOverlap(in.Gateways[mine.network.ID], []DefaultGateway{{
			NetworkID: other.network.ID, NetworkName: other.network.Name, GatewaySettings: in.Gateways[other.network.ID],
		}}))
	}
	return nil
}
