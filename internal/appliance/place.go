package appliance

import (
	"net/netip"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// HostPlace is where a host is after failover.
type HostPlace struct {
	// Appliance is an index in Tenant.Appliances, and At its interface on the host's network.
	Appliance int
	At        Interface
	// Network is the IP network that the host takes itself to be in.
	Network netip.Prefix
}

// TenantPlace is where an address is after failover. It belongs to the Tenant that it is of, and never changes.
type TenantPlace struct {
	Address netip.Addr

	// appliance is the index of that in whose networks the address lies, none for none. Networks of two appliances may
	// overlap (D12 is about one), and then it is the first.
	appliance int
	// host is where a host with the address is or would be, where that is known.
	host  HostPlace
	known bool
	// gateway says that the address is kept for a gateway, or is the appliance's: it is no host's.
	gateway bool
	site    sitePlace
	// neighbor: it is in the external network of an appliance. external: it is the appliance's own there.
	neighbor, external bool
	// public: it is among the tenant's public addresses, with public IP rules or without.
	public bool
}

const none = -1

// sitePlace is where an address is at the tenant's own site.
type sitePlace struct {
	production *vcc.SiteNetwork // nil for an address of another place
	network    netip.Prefix
}

// IsTenants reports whether the address is the tenant's: of its site, of its networks, public, or of its appliances.
func (p *TenantPlace) IsTenants() bool {
	return p.site.production != nil || p.appliance != none || p.public || p.external
}

// IsOnInternet reports whether an address is neither the tenant's nor a neighbor's on an external network: one on the internet,
// or one that no internet carries.
func (p *TenantPlace) IsOnInternet() bool { return !p.IsTenants() && !p.neighbor }

// IsHost reports whether a host of the tenant's has or may have the address: see Tenant.Host.
func (p *TenantPlace) IsHost() bool {
	return p.known && !p.gateway && !vcc.IsNetworkOrBroadcast(p.Address, p.host.Network)
}

// Served returns the index of the appliance in whose networks the address lies, also where the appliance leaves its network
// without IPv6; false for none.
func (p *TenantPlace) Served() (appliance int, ok bool) { return p.appliance, p.appliance != none }

// lacksGateway reports whether an address is of the tenant's site, and in no network that has a gateway for it.
func (p *TenantPlace) lacksGateway() bool {
	return p.site.production != nil && p.appliance == none && !p.neighbor
}

// maxPlaces bounds how many addresses a tenant WithoutWords remembers.
const maxPlaces = 1 << 15

// Place returns where an address is, which means a look at each network of the site.
func (t *Tenant) Place(a netip.Addr) *TenantPlace {
	if p, found := t.found[a]; found {
		return p
	}
	p := t.place(a)
	if t.found != nil {
		if len(t.found) >= maxPlaces {
			clear(t.found)
		}
		t.found[a] = p
	}
	return p
}

func (t *Tenant) place(a netip.Addr) *TenantPlace {
	_, public := t.public[a]
	p := &TenantPlace{Address: a, appliance: none, public: public}
	for i := range t.site {
		if network, found := t.site[i].IPNetworkOf(a); found {
			p.site = sitePlace{&t.site[i], network}
			break
		}
	}
	for i := range t.Appliances {
		o := &t.Appliances[i]
		p.neighbor = p.neighbor || o.Inputs.External.Contains(a)
		p.external = p.external || o.Compiled.hasExternal(a)
		if p.appliance != none {
			continue
		}
		if at := o.Compiled.Arriving(a); at != Ext0 {
			p.appliance, p.known, p.host = i, true, HostPlace{i, at, p.site.network}
			if p.site.production == nil {
				p.host.Network, _, _ = o.Compiled.table.LookupPrefixLPM(netip.PrefixFrom(a, a.BitLen()))
			}
		}
	}
	if p.appliance == none && p.site.production != nil && len(p.site.production.CloudNetworks) == 1 {
		var network cloudNetwork
		network, p.known = t.networks[p.site.production.CloudNetworks[0]]
		p.host = HostPlace{network.appliance, network.at, p.site.network}
	}
	p.gateway = p.known && t.isGateway(a, p)
	return p
}

// hasExternal reports whether an address is the appliance's own on the external network.
func (c *Compiled) hasExternal(a netip.Addr) bool {
	for _, own := range c.Interfaces[Ext0].Addresses {
		if own.Addr() == a {
			return true
		}
	}
	return false
}

// isGateway reports whether an address at a place is kept for a gateway, whether the appliance has it or nobody: the one
// that is stored for the network, and where the appliance does not serve the address, that of the production network. The
// appliance's address on the external network is no host's either.
func (t *Tenant) isGateway(a netip.Addr, p *TenantPlace) bool {
	o := &t.Appliances[p.host.Appliance]
	stored := o.Inputs.Gateways[o.Inputs.Networks[p.host.At-1].ID]
	if stored.IPv4 != nil && stored.IPv4.Address == a || stored.IPv6 != nil && stored.IPv6.Address == a || o.Compiled.hasExternal(a) {
		return true
	}
	here, _ := o.Compiled.table.Lookup(a)
	return here.via != p.host.At && p.site.production != nil && p.site.production.HasGateway(a)
}

// Host returns where a host with an address is after failover: in the network whose gateway serves
// the address, and else in the one that replication jobs map its production network to (D6). It is
// false where no host of the tenant's has the address: outside of all networks, as the first or the
// last of an IPv4 network, as the gateway of one, whether it has one yet or not, and where nobody knows
// which of several networks it is.
func (t *Tenant) Host(a netip.Addr) (p HostPlace, found bool) {
	at := t.Place(a)
	return at.host, at.IsHost()
}

// HasPublicIPRule reports whether an address is the public one of a public IP rule.
func (t *Tenant) HasPublicIPRule(a netip.Addr) bool { return len(t.public[a]) > 0 }

// Internal returns the addresses that public IP rules for an address lead to. The caller must not change them.
func (t *Tenant) Internal(public netip.Addr) []netip.Addr { return t.public[public] }
