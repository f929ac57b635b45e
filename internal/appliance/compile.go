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
// for concurrent use; only Compile makes one. Its JSON encoding is canonical:
// equal configurations encode to equal bytes.
type Compiled struct {
	// Interfaces are ext0, net1, net2 and so on: Interfaces[i] is Interface(i).
	Interfaces []InterfaceSettings `json:"interfaces"`
	// Routes are the external ones, then those of the networks in order.
	Routes   []Route   `json:"routes"`
	Policy   Policy    `json:"policy"`
	NAT      NAT       `json:"nat"`
	Problems []Problem `json:"problems"`

	// What follows says the same in the shape that deciding needs.

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

// InterfaceSettings are one interface's. Those of ext0 name no network.
type InterfaceSettings struct {
	Name             Interface `json:"name"`
	NetworkID        string    `json:"networkId,omitempty"`
	NetworkName      string    `json:"networkName,omitempty"`
	HardwarePlanID   string    `json:"hardwarePlanId,omitempty"`
	HardwarePlanName string    `json:"hardwarePlanName,omitempty"`
	InternetAccess   bool      `json:"internetAccess,omitempty"`
	// Addresses are the appliance's own on this interface, IPv4 first.
	Addresses []netip.Prefix `json:"addresses"`
}

// Route is a connected route, or a default route with a gateway.
type Route struct {
	Destination netip.Prefix `json:"destination"`
	Interface   Interface    `json:"interface"`
	Gateway     netip.Addr   `json:"gateway,omitzero"`
}

// Policy is what may be forwarded between the interfaces of networks.
type Policy struct {
	// RoutingEnabled says whether the networks of each plan are joined. Plans are
	// never joined with each other (rule 13).
	RoutingEnabled bool         `json:"routingEnabled"`
	Plans          []PlanPolicy `json:"plans"`
}

// PlanPolicy lists the interfaces of a hardware plan's networks.
type PlanPolicy struct {
	HardwarePlanID   string      `json:"hardwarePlanId"`
	HardwarePlanName string      `json:"hardwarePlanName"`
	Interfaces       []Interface `json:"interfaces"`
}

// NAT are the translations between ext0 and the networks.
type NAT struct {
	Source      []SourceNAT      `json:"source"`
	Destination []DestinationNAT `json:"destination"`
}

// SourceNAT gives packets that leave through ext0 an external source address. There
// is at most one per family.
type SourceNAT struct {
	From []Interface `json:"from"`
	To   netip.Addr  `json:"to"`
}

// DestinationNAT is a public IP rule with the interface that it forwards to.
type DestinationNAT struct {
	Public    netip.AddrPort `json:"public"`
	Internal  netip.AddrPort `json:"internal"`
	Interface Interface      `json:"interface"`
}

// ProblemCode classifies a problem for programs.
type ProblemCode string

// The problems. The three that the design leaves open are our decision.
const (
	// ProblemNoDefaultGateway: a network has no stored gateway and gets no address.
	ProblemNoDefaultGateway ProblemCode = "no_default_gateway"
	// ProblemIPv6PrefixNot64: a network is left without IPv6 (rule 11).
	ProblemIPv6PrefixNot64 ProblemCode = "ipv6_prefix_not_64"
	// ProblemPublicIPRuleWithoutNetwork: the internal address of a public IP rule is
	// in no network that the appliance serves, so the rule is left out.
	ProblemPublicIPRuleWithoutNetwork ProblemCode = "public_ip_rule_without_network"
	// ProblemNoExternalGateway: a network with internet access reaches nothing
	// outside in one family, because the appliance has no external gateway of it.
	ProblemNoExternalGateway ProblemCode = "no_external_gateway"
	// ProblemOverlapsExternalNetwork: a network and the external network share
	// addresses. Nothing from outside with one of them gets in (decide.go, rule 3).
	ProblemOverlapsExternalNetwork ProblemCode = "overlaps_external_network"
	// ProblemTooManyNetworkAdapters: the host makes no VM with so many adapters as the
	// appliance needs (rule 21).
	ProblemTooManyNetworkAdapters ProblemCode = "too_many_network_adapters"
	// ProblemInvalidConfiguration: something that the rules of the domain refuse was
	// handed in all the same, and is left out.
	ProblemInvalidConfiguration ProblemCode = "invalid_configuration"
)

// Problem is something about a configuration that people should know before they
// rely on it.
type Problem struct {
	Code ProblemCode `json:"code"`
	// NetworkID and NetworkName say which network it concerns. They are empty for
	// the host, for external settings, and for a public IP rule that leads to no network.
	NetworkID   string `json:"networkId,omitempty"`
	NetworkName string `json:"networkName,omitempty"`
	// Message says what is wrong, what follows from it and what to do.
	Message string `json:"message"`
}

// externalFamily is one family of ext0. The zero value has none.
type externalFamily struct {
	address    number
	hasGateway bool
}

// network is what deciding needs to know of one family of a netN, in 16 bytes for
// IPv4 and 32 for IPv6, so that a host's 4,094 networks stay close to the processor.
//
// One low half does for the gateway and for its network: an IPv4 gateway is inside
// its network (rule 9), and an IPv6 network that is served is a /64 and has no low
// half of its own (rule 11).
type network struct {
	low      uint64
	plan     int32 // index in Policy.Plans
	hostBits uint8 // of low: 64 for IPv6, 0 to 31 for IPv4
	served   bool  // whether there is an address of that family
	internet bool
}

type ipv6Network struct {
	network
	high highHalves
}

// highHalves are those of an IPv6 network and its gateway. The zero value is good
// for IPv4, where every address has the high half 0.
type highHalves struct{ network, gateway uint64 }

// of returns what is known of one family of netN.
func (c *Compiled) of(netN Interface, family int) (*network, highHalves) {
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

// Compile returns the appliance that a configuration makes. It keeps nothing of
// cfg. The time it takes grows linearly with the networks and the rules.
//
// A configuration in which something breaks a rule of the domain cannot be
// stored. Here it is left out and becomes a problem, so that there is always an
// appliance (our decision); of two overlapping networks the second is left out,
// since no router can serve both (rule 12).
func Compile(cfg Config) *Compiled {
	c := &Compiled{
		Interfaces: make([]InterfaceSettings, 1, len(cfg.Networks)+1),
		Policy:     Policy{RoutingEnabled: cfg.RoutingEnabled},
	}
	if vnics := len(cfg.Networks) + 1; cfg.Host.TooManyVNICs(vnics) {
		c.problem(ProblemTooManyNetworkAdapters, nil, "host %q is a VMware host, where a VM has %d network adapters at most, and the appliance needs %d: one for each cloud network "+
			"and one for the external network; ask the service provider for fewer networks on that host, or for plans on several hosts", cfg.Host.Name, vcc.MaxVMwareVNICs, vnics)
	}
	c.addExternal(cfg.External.IPv4, ipv4)
	c.addExternal(cfg.External.IPv6, ipv6)
	c.ipv4, c.ipv6 = make([]network, len(cfg.Networks)), make([]ipv6Network, len(cfg.Networks))
	plans := map[string]int32{}
	for _, n := range cfg.Networks {
		c.addNetwork(n, plans)
	}
	for _, p := range c.Interfaces[Ext0].Addresses {
		c.addExternalRoute(p.Masked())
	}
	c.addSourceNAT()
	taken := map[netip.AddrPort]bool{}
	for _, r := range cfg.PublicIPRules {
		c.addPublicIPRule(r, taken)
	}
	slices.SortFunc(c.public, func(a, b target) int { return a.compare(b.public, b.publicPort) })
	return c
}

func (c *Compiled) addExternal(s ExternalSettings, family int) {
	if s == (ExternalSettings{}) {
		return
	}
	address, gateway := s.Address.Addr(), s.Gateway
	if !s.Address.IsValid() || !isRoutable(address) || familyOf(address) != family {
		c.problem(ProblemInvalidConfiguration, nil, "%q is no external address; the appliance has no outside in its family", s.Address)
		return
	}
	c.Interfaces[Ext0].Addresses = append(c.Interfaces[Ext0].Addresses, s.Address)
	c.Routes = append(c.Routes, Route{Destination: s.Address.Masked(), Interface: Ext0})
	if gateway.IsValid() && (!isUnicast(gateway) || familyOf(gateway) != family || gateway == address) {
		c.problem(ProblemInvalidConfiguration, nil, "%s is no external gateway for %s; nothing gets out in that family", gateway, address)
		gateway = netip.Addr{}
	}
	if gateway.IsValid() {
		everything := netip.PrefixFrom(address, 0).Masked()
		c.Routes = append(c.Routes, Route{Destination: everything, Interface: Ext0, Gateway: gateway})
	}
	c.external[family] = externalFamily{address: numberOf(address), hasGateway: gateway.IsValid()}
}

func (c *Compiled) addNetwork(n Network, plans map[string]int32) {
	this := Interface(len(c.Interfaces)) // #nosec G115 -- a host has 4,094 VLANs at most
	plan, known := plans[n.HardwarePlanID]
	if !known {
		plan = int32(len(c.Policy.Plans)) // #nosec G115 -- no more plans than networks
		plans[n.HardwarePlanID] = plan
		c.Policy.Plans = append(c.Policy.Plans, PlanPolicy{HardwarePlanID: n.HardwarePlanID, HardwarePlanName: n.HardwarePlanName})
	}
	c.Policy.Plans[plan].Interfaces = append(c.Policy.Plans[plan].Interfaces, this)
	c.Interfaces = append(c.Interfaces, InterfaceSettings{
		Name:        this,
		NetworkID:   n.ID,
		NetworkName: n.Name, HardwarePlanID: n.HardwarePlanID,
		HardwarePlanName: n.HardwarePlanName,
		InternetAccess:   n.InternetAccess,
	})
	if n.Gateway.IPv4 == nil && n.Gateway.IPv6 == nil {
		c.problem(ProblemNoDefaultGateway, &n, "no default gateway is stored for %q, so it gets no address and nothing gets out of it; store one", n.Name)
	}
	if s := n.Gateway.IPv4; s != nil {
		if err := s.Validate(); err != nil {
			c.problem(ProblemInvalidConfiguration, &n, "%q is left without IPv4: %v", n.Name, err)
		} else {
			c.addGateway(this, plan, &n, s.Address, s.Network())
		}
	}
	if s := n.Gateway.IPv6; s != nil {
		if err := s.Validate(); err != nil {
			c.problem(ProblemInvalidConfiguration, &n, "%q is left without IPv6: %v", n.Name, err)
		} else {
			c.addGateway(this, plan, &n, s.Address, s.Network)
		}
	}
}

// addGateway gives netN its address in one family and the route to its network.
func (c *Compiled) addGateway(this Interface, plan int32, n *Network, gateway netip.Addr, prefix netip.Prefix) {
	if c.table.OverlapsPrefix(prefix) {
		c.problem(ProblemInvalidConfiguration, n, "%q is left without %s: %s overlaps the network of another gateway", n.Name, familyName(gateway), prefix)
		return
	}
	here := place{network: this, via: this, plan: plan}
	if prefix.Addr().Is6() && prefix.Bits() != vcc.FailoverPrefixLength {
		c.problem(ProblemIPv6PrefixNot64, n, "only /64 works for failover over IPv6, so %q is left without IPv6; %s has a prefix length of %d", n.Name, prefix, prefix.Bits())
		here.via = unreachable
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
	c.Routes = append(c.Routes, Route{Destination: prefix, Interface: this})
	if n.InternetAccess && !c.external[family].hasGateway {
		c.problem(ProblemNoExternalGateway, n, "%q has internet access, but the appliance has no external %s gateway, so nothing gets out in that family; "+
			"ask the service provider for one", n.Name, familyName(gateway))
	}
	for _, external := range c.Interfaces[Ext0].Addresses {
		if external.Overlaps(prefix) {
			c.problem(ProblemOverlapsExternalNetwork, n, "%s of %q overlaps the external network %s, and nothing from outside with an address "+
				"of %q gets in; ask the service provider for another external network", prefix, n.Name, external.Masked(), n.Name)
		}
	}
}

// addExternalRoute enters the external network, after those of the tenant. The
// longest prefix wins among routes; of two equal ones the tenant's does (our
// decision). An external network within one of the tenant's does not change that
// its addresses are the tenant's too.
func (c *Compiled) addExternalRoute(prefix netip.Prefix) {
	if _, taken := c.table.Get(prefix); taken {
		return
	}
	around, _ := c.table.LookupPrefix(prefix)
	c.table.Insert(prefix, place{network: around.network, via: Ext0})
}

func (c *Compiled) addSourceNAT() {
	for family, external := range c.external {
		if !external.hasGateway {
			continue
		}
		nat := SourceNAT{To: external.address.addr()}
		for _, i := range c.Interfaces[1:] {
			if n, _ := c.of(i.Name, family); n.internet && n.served {
				nat.From = append(nat.From, i.Name)
			}
		}
		if nat.From != nil {
			c.NAT.Source = append(c.NAT.Source, nat)
		}
	}
}

func (c *Compiled) addPublicIPRule(r PublicIPRule, taken map[netip.AddrPort]bool) {
	public, internal := r.Public.Addr(), r.Internal.Addr()
	if !isRoutable(public) || !isUnicast(internal) || familyOf(public) != familyOf(internal) ||
		r.Public.Port() == 0 || r.Public.Port() == managementPort || r.Internal.Port() == 0 || taken[r.Public] {
		c.problem(ProblemInvalidConfiguration, nil, "the public IP rule from %s to %s is left out: a port of 0, the public port %d, "+
			"addresses of two families and a second rule for one public port are impossible", r.Public, r.Internal, managementPort)
		return
	}
	c.public = append(c.public, target{public: numberOf(public)})
	to, _ := c.table.Lookup(internal)
	served := false
	if to.network != Ext0 {
		n, _ := c.of(to.network, familyOf(internal))
		served = n.served
	}
	if !served {
		c.problem(ProblemPublicIPRuleWithoutNetwork, nil, "the public IP rule for %s leads to %s, which is in no cloud network that has a gateway, "+
			"and lets nothing in; correct the rule, or store the gateway of that network", r.Public, r.Internal)
		return
	}
	taken[r.Public] = true
	c.public = append(c.public, target{
		public: numberOf(public), publicPort: r.Public.Port(), address: numberOf(internal), port: r.Internal.Port(), leaving: to.network,
	})
	c.NAT.Destination = append(c.NAT.Destination, DestinationNAT{Public: r.Public, Internal: r.Internal, Interface: to.network})
}

func (c *Compiled) problem(code ProblemCode, n *Network, format string, args ...any) {
	p := Problem{Code: code, Message: fmt.Sprintf(format, args...)}
	if n != nil {
		p.NetworkID, p.NetworkName = n.ID, n.Name
	}
	c.Problems = append(c.Problems, p)
}
