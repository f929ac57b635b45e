package appliance

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Compiled is the configuration of an appliance. It never changes, so it is safe
// for concurrent use; only Compile makes one. Equal inputs give equal outputs, to the
// byte in any encoding.
type Compiled struct {
	// ApplianceState says what the appliance does. Interfaces[i] is that of Interface(i).
	vcc.ApplianceState
	// RoutingEnabled says whether the networks of each plan are joined. Plans are
	// never joined with each other (D13).
	RoutingEnabled bool

	// The fields below say the same in the shape that deciding needs.

	external [2]externalFamily // by family
	// ipv4 and ipv6 have netN at [N-1]: by family, so that the networks of one lie close
	// together. They are what grows with the configuration.
	ipv4 []network
	ipv6 []ipv6Network
	// table has the connected routes, and what else is known of where an address
	// belongs. Of the library's tables bart.Fast is the fastest to look up in at
	// every number of networks.
	table bart.Fast[place]
	// public has the public IP rules in order of address and port. Every address that
	// a rule names is there with port 0 as well, which leads nowhere.
	public []target
}

// externalFamily is one family of ext0. The zero value has none.
type externalFamily struct {
	address number
	network netip.Prefix
	gateway netip.Addr // not valid if there is none
}

// routeTo reports whether a route through ext0 leads to an address outside, and the gateway
// that it leads through, which a connected route does not have.
func (e *externalFamily) routeTo(a netip.Addr) (gateway netip.Addr, ok bool) {
	if e.network.Contains(a) {
		return netip.Addr{}, true
	}
	return e.gateway, e.gateway.IsValid()
}

// network is what deciding needs to know of one family of a netN, in 16 bytes for
// IPv4 and 32 for IPv6, so that a host's 4,094 networks stay close to the processor.
//
// One low half does for the gateway and for its network: an IPv4 gateway is inside
// its network (D9), and an IPv6 network that is served is a /64 and has no low
// half of its own (D11).
type network struct {
	low      uint64
	plan     int32 // index in HardwarePlans
	hostBits uint8 // of low: 64 for IPv6, 0 to 31 for IPv4
	served   bool  // whether there is an address of that family
	internet bool
	hole     bool // whether the external network lies within: its addresses are outside
}

type ipv6Network struct {
	network
	high highHalves
}

// highHalves are those of an IPv6 network and its gateway. The zero value is good
// for IPv4, where every address has the high half 0.
type highHalves struct{ network, gateway uint64 }

// family returns what is known of one family of netN.
func (c *Compiled) family(netN Interface, family int) (*network, highHalves) {
	if family == ipv4 {
		return &c.ipv4[netN-1], highHalves{}
	}
	n := &c.ipv6[netN-1]
	return &n.network, n.high
}

// place says where an address belongs. The zero value, which is also what a
// lookup that finds nothing returns, is the outside.
type place struct {
	// network is the netN whose IP network the address lies in, Ext0 if in none.
	network Interface
	// via is where the route leaves, or unreachable.
	via Interface
	// plan is that of via, if via is a netN.
	plan int32
	// own is the appliance's own address at that place, zero if there is none. It is link-local
	// where the gateway is, and then no packet that is looked up goes there.
	own number
}

// Equal reports whether two places are one to a flow. The plan decides which flows may
// start, and is no part of that.
func (p place) Equal(o place) bool {
	return p.network == o.network && p.via == o.via && p.own == o.own
}

// unreachable stands for the interface of a route to a network that exists and
// that the appliance does not serve.
const unreachable Interface = -1

// target is where a public IP rule leads.
type target struct {
	public     number
	publicPort uint16
	port       uint16
	leaving    Interface
	address    number
}

// compare orders by public address and port.
func (t *target) compare(public number, port uint16) int {
	switch {
	case t.public.high != public.high:
		return cmp.Compare(t.public.high, public.high)
	case t.public.low != public.low:
		return cmp.Compare(t.public.low, public.low)
	default:
		return cmp.Compare(t.publicPort, port)
	}
}

// Compile returns the appliance that its inputs make: one tenant's networks on one
// host, and what is stored for them (D15). The networks become net1, net2 and so on in
// their order. The zero value makes an appliance without networks and without an
// outside, which drops every packet. Compile keeps nothing of its inputs but the session.
// The time it takes grows linearly with the networks and the rules.
//
// A value that breaks a rule of the domain cannot be stored. Here it is left out and
// becomes a problem, so that there is always an appliance (our decision); of two
// overlapping networks the second is left out, since no router can serve both (D12).
func Compile(in vcc.ApplianceInputs) *Compiled {
	c := &Compiled{
		ApplianceState: vcc.ApplianceState{
			ID: in.ID, HostName: in.HostName, Platform: in.Platform, Session: in.Session,
			Interfaces: make([]vcc.ApplianceInterface, 1, len(in.Networks)+1),
			Routes:     make([]vcc.ApplianceRoute, 0, 2*(len(in.Networks)+2)), // ext0 has up to four
		},
		RoutingEnabled: in.RoutingEnabled,
	}
	c.Interfaces[Ext0].Name = Ext0.String()
	if host := (vcc.Host{Platform: in.Platform}); host.TooManyVNICs(in.VNICs()) { // D21
		c.problem(vcc.ProblemTooManyNetworkAdapters, nil, "host %q is a VMware host, where a VM has %d network adapters at most, and the appliance needs %d: one for each cloud network "+
			"and one for the external network; ask the service provider for fewer networks on that host, or for plans on several hosts", in.HostName, vcc.MaxVMwareVNICs, in.VNICs())
	}
	c.addExternal(&in, ipv4, in.External.IPv4, in.External.IPv4Gateway)
	c.addExternal(&in, ipv6, in.External.IPv6, in.External.IPv6Gateway)
	c.ipv4, c.ipv6 = make([]network, len(in.Networks)), make([]ipv6Network, len(in.Networks))
	plans := map[string]int32{}
	addresses := make([]netip.Prefix, 2*len(in.Networks)) // of all networks, cut up
	for i := range in.Networks {
		n := &in.Networks[i]
		c.addNetwork(n, in.Gateways[n.ID], plans, addresses[2*i:2*i:2*i+2])
	}
	for _, own := range c.Interfaces[Ext0].Addresses {
		c.placeExternal(own)
	}
	c.addSourceNAT()
	taken := map[netip.AddrPort]bool{}
	for _, r := range in.PublicIPRules {
		c.addPublicIPRule(r, taken)
	}
	slices.SortFunc(c.public, func(a, b target) int { return a.compare(b.public, b.publicPort) })
	return c
}

// addExternal gives ext0 its address in one family, and the routes of the outside.
func (c *Compiled) addExternal(in *vcc.ApplianceInputs, family int, own netip.Prefix, gateway netip.Addr) {
	if own == (netip.Prefix{}) && gateway == (netip.Addr{}) {
		return
	}
	address := own.Addr()
	if !own.IsValid() || !isRoutable(address) || familyOf(address) != family {
		c.problem(vcc.ProblemInvalidConfiguration, nil, "%q is no external address; the appliance has no outside in its family", own)
		return
	}
	ext0 := &c.Interfaces[Ext0]
	ext0.Addresses = append(ext0.Addresses, own)
	c.Routes = append(c.Routes, vcc.ApplianceRoute{Destination: own.Masked(), Interface: ext0.Name})
	if gateway.IsValid() && (!isUnicast(gateway) || familyOf(gateway) != family || gateway == address) {
		c.problem(vcc.ProblemInvalidConfiguration, nil, "%s is no external gateway for %s; nothing gets out in that family", gateway, address)
		gateway = netip.Addr{}
	}
	if n := servedBy(in, gateway); n != nil {
		c.problem(vcc.ProblemInvalidConfiguration, n, "the external gateway %s is the default gateway of %q, and so an address of the appliance itself; nothing gets out in that family; "+
			"correct one of the two", gateway, n.Name)
		gateway = netip.Addr{}
	}
	if gateway.IsValid() {
		everything := netip.PrefixFrom(address, 0).Masked()
		c.Routes = append(c.Routes, vcc.ApplianceRoute{Destination: everything, Interface: ext0.Name, Gateway: gateway})
	}
	c.external[family] = externalFamily{address: numberOf(address), network: own.Masked(), gateway: gateway}
}

// servedBy returns the network whose default gateway has an address that the appliance takes
// over, nil if there is none. A link-local address is good for one link, so that the router
// on the external network may have the same. That a second network of overlapping ones is
// left out does not count: its gateway is no next router either (our decision).
func servedBy(in *vcc.ApplianceInputs, a netip.Addr) *vcc.Network {
	if !a.IsValid() || isLinkLocal(a) {
		return nil
	}
	for i := range in.Networks {
		n := &in.Networks[i]
		g := in.Gateways[n.ID]
		if g.IPv4 != nil && g.IPv4.Address == a && g.IPv4.Validate() == nil ||
			g.IPv6 != nil && g.IPv6.Address == a && g.IPv6.Validate() == nil && g.IPv6.Network.Bits() == vcc.FailoverPrefixLength {
			return n
		}
	}
	return nil
}

// addNetwork adds netN for a network and the default gateway that is stored for it.
// addresses is empty, with room for the appliance's own on netN.
func (c *Compiled) addNetwork(n *vcc.Network, gateway vcc.GatewaySettings, plans map[string]int32, addresses []netip.Prefix) {
	this := Interface(len(c.Interfaces)) // #nosec G115 -- a host has 4,094 VLANs at most
	c.Interfaces = append(c.Interfaces, vcc.ApplianceInterface{Name: this.String(), NetworkID: n.ID, NetworkName: n.Name, Addresses: addresses})
	plan, known := plans[n.HardwarePlanID]
	if !known {
		plan = int32(len(c.HardwarePlans)) // #nosec G115 -- no more plans than networks
		plans[n.HardwarePlanID] = plan
		c.HardwarePlans = append(c.HardwarePlans, n.HardwarePlanName)
	}
	if gateway.IPv4 == nil && gateway.IPv6 == nil {
		c.problem(vcc.ProblemNoDefaultGateway, n, "no default gateway is stored for %q, so it gets no address and nothing gets out of it; store one", n.Name)
	}
	if s := gateway.IPv4; s != nil {
		if err := s.Validate(); err != nil {
			c.problem(vcc.ProblemInvalidConfiguration, n, "%q is left without IPv4: %v", n.Name, err)
		} else {
			c.addGateway(this, plan, n, s.Address, s.Network())
		}
	}
	if s := gateway.IPv6; s != nil {
		if err := s.Validate(); err != nil {
			c.problem(vcc.ProblemInvalidConfiguration, n, "%q is left without IPv6: %v", n.Name, err)
		} else {
			c.addGateway(this, plan, n, s.Address, s.Network)
		}
	}
}

// addGateway gives netN its address in one family and the route to its network.
func (c *Compiled) addGateway(this Interface, plan int32, n *vcc.Network, gateway netip.Addr, prefix netip.Prefix) {
	if c.table.OverlapsPrefix(prefix) {
		c.problem(vcc.ProblemInvalidConfiguration, n, "%q is left without %s: %s overlaps the network of another gateway", n.Name, familyName(gateway), prefix)
		return
	}
	here := place{network: this, via: this, plan: plan}
	if prefix.Addr().Is6() && prefix.Bits() != vcc.FailoverPrefixLength {
		c.problem(vcc.ProblemIPv6PrefixNot64, n, "only /64 works for failover over IPv6, so %q is left without IPv6; %s has a prefix length of %d", n.Name, prefix, prefix.Bits())
		here.via = unreachable
	}
	if here.via != unreachable {
		here.own = numberOf(gateway)
	}
	c.table.Insert(prefix, here)
	if here.via == unreachable {
		return
	}
	family := familyOf(gateway)
	known := network{
		low: numberOf(gateway).low, plan: plan, hostBits: uint8(gateway.BitLen() - prefix.Bits()), // #nosec G115 -- 0 to 127
		served: true, internet: n.InternetAccess,
	}
	if family == ipv4 {
		c.ipv4[this-1] = known
	} else {
		c.ipv6[this-1] = ipv6Network{known, highHalves{network: numberOf(prefix.Addr()).high, gateway: numberOf(gateway).high}}
	}
	own := &c.Interfaces[this]
	own.Addresses = append(own.Addresses, netip.PrefixFrom(gateway, prefix.Bits()))
	c.Routes = append(c.Routes, vcc.ApplianceRoute{Destination: prefix, Interface: own.Name})
	if n.InternetAccess && !c.external[family].gateway.IsValid() {
		c.problem(vcc.ProblemNoExternalGateway, n, "%q has internet access, but the appliance has no external %s gateway, so nothing gets out in that family; "+
			"ask the service provider for one", n.Name, familyName(gateway))
	}
	for _, external := range c.Interfaces[Ext0].Addresses {
		switch {
		case !external.Overlaps(prefix):
		case external.Bits() > prefix.Bits():
			c.problem(vcc.ProblemOverlapsExternalNetwork, n, "the external network %s lies within %s of %q, and its addresses are outside: a VM of %q that has one of them "+
				"reaches nothing through the appliance, and is not reached; ask the service provider for another external network", external.Masked(), prefix, n.Name, n.Name)
		default:
			c.problem(vcc.ProblemOverlapsExternalNetwork, n, "%s of %q overlaps the external network %s, and nothing from outside with an address "+
				"of %q gets in; ask the service provider for another external network", prefix, n.Name, external.Masked(), n.Name)
		}
	}
}

// placeExternal says where the external network and the appliance's own address on it lie,
// after the networks of the tenant are known. The longest prefix wins; of two equal ones the
// tenant's does (our decision). No more than one network of the tenant is around it, since
// they do not overlap (D12).
func (c *Compiled) placeExternal(own netip.Prefix) {
	prefix := own.Masked()
	var gateway netip.Addr // of the network around
	if _, taken := c.table.Get(prefix); !taken {
		if around, _ := c.table.LookupPrefix(prefix); around.network != Ext0 {
			n, _ := c.family(around.network, familyOf(own.Addr()))
			n.hole = true
			gateway = around.own.addr()
		}
		c.table.Insert(prefix, place{})
	}
	for _, a := range []netip.Addr{own.Addr(), gateway} {
		if prefix.Contains(a) {
			here, _ := c.table.Lookup(a)
			here.own = numberOf(a)
			c.table.Insert(netip.PrefixFrom(a, a.BitLen()), here)
		}
	}
}

// addSourceNAT adds a rule for each family in which networks reach outside (D16).
func (c *Compiled) addSourceNAT() {
	for family, external := range c.external {
		if !external.gateway.IsValid() {
			continue
		}
		rule := vcc.SourceNATRule{Interfaces: make([]string, 0, len(c.Interfaces)), To: external.address.addr()}
		for i, netN := range c.Interfaces[1:] {
			if n, _ := c.family(Interface(i+1), family); n.internet && n.served { // #nosec G115 -- as in addNetwork
				rule.Interfaces = append(rule.Interfaces, netN.Name)
			}
		}
		if len(rule.Interfaces) > 0 {
			c.SourceNAT = append(c.SourceNAT, rule)
		}
	}
}

// addPublicIPRule adds a rule that leads to a network (D17). taken has the public ends of
// those before it.
func (c *Compiled) addPublicIPRule(r vcc.PublicIPRule, taken map[netip.AddrPort]bool) {
	public, internal := r.Public.Addr(), r.Internal.Addr()
	if !isRoutable(public) || !isUnicast(internal) || familyOf(public) != familyOf(internal) ||
		r.Public.Port() == 0 || r.Public.Port() == vcc.ManagementPort || r.Internal.Port() == 0 || taken[r.Public] {
		c.problem(vcc.ProblemInvalidConfiguration, nil, "the public IP rule from %s to %s is left out: a port of 0, the public port %d, "+
			"addresses of two families and a second rule for one public port are impossible", r.Public, r.Internal, vcc.ManagementPort)
		return
	}
	c.public = append(c.public, target{public: numberOf(public)})
	to, _ := c.table.Lookup(internal)
	if numberOf(internal) == to.own {
		c.problem(vcc.ProblemPublicIPRuleWithoutNetwork, nil, "the public IP rule for %s leads to %s, which is an address of the appliance itself and of no VM, "+
			"and lets nothing in; correct the rule", r.Public, r.Internal)
		return
	}
	served := false
	if to.network != Ext0 {
		n, _ := c.family(to.network, familyOf(internal))
		served = n.served
	}
	if !served {
		c.problem(vcc.ProblemPublicIPRuleWithoutNetwork, nil, "the public IP rule for %s leads to %s, which is in no cloud network that has a gateway, "+
			"and lets nothing in; correct the rule, or store the gateway of that network", r.Public, r.Internal)
		return
	}
	taken[r.Public] = true
	c.public = append(c.public, target{
		public: numberOf(public), publicPort: r.Public.Port(), address: numberOf(internal), port: r.Internal.Port(), leaving: to.network,
	})
	c.DestinationNAT = append(c.DestinationNAT, vcc.DestinationNATRule{Public: r.Public, Internal: r.Internal, Interface: c.Interfaces[to.network].Name})
}

func (c *Compiled) problem(code vcc.ProblemCode, n *vcc.Network, format string, args ...any) {
	p := vcc.ApplianceProblem{Code: code, Message: fmt.Sprintf(format, args...)}
	if n != nil {
		p.NetworkID, p.NetworkName = n.ID, n.Name
	}
	c.Problems = append(c.Problems, p)
}
