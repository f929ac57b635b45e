package replay

import (
	"net/netip"
	"slices"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// router is an appliance at work, and what stands around it.
type router struct {
	*appliance.Engine
	external vcc.ExternalSettings
	own      map[netip.Addr]bool
	// public has the public end of the rule that leads to an internal one.
	public map[netip.AddrPort]netip.AddrPort
}

func newRouter(in vcc.ApplianceInputs, now func() time.Time) router {
	compiled := appliance.Compile(in)
	r := router{appliance.NewEngine(appliance.DefaultMaxFlows, now), in.External, map[netip.Addr]bool{}, map[netip.AddrPort]netip.AddrPort{}}
	r.Configure(compiled)
	for _, i := range compiled.Interfaces[1:] {
		for _, own := range i.Addresses {
			r.own[own.Addr()] = true
		}
	}
	for _, rule := range compiled.DestinationNAT {
		if _, known := r.public[rule.Internal]; !known { // the first does for all
			r.public[rule.Internal] = rule.Public
		}
	}
	return r
}

// place is where an address is after failover.
type place struct {
	// router is the appliance in one of whose networks it is, none if it is in none.
	router    int
	arriving  appliance.Interface
	site      int  // the IP network of the tenant's site that holds it, none if none does
	own       bool // the appliance's, as a default gateway
	linkScope bool // of an address that no router forwards
	// publicAt is the appliance whose public IP rules name it, none if none does.
	publicAt int
}

const none = -1

func (p place) isTenants() bool { return p.router != none || p.site != none }

// lost reports whether the address is of the tenant's site, and in no network that has a gateway for it.
func (p place) lost() bool { return p.site != none && p.router == none }

// sameNetwork reports whether two addresses reach each other without a router.
func (p place) sameNetwork(o place) bool {
	if p.router != none && o.router != none {
		return p.router == o.router && p.arriving == o.arriving
	}
	return p.site != none && p.site == o.site
}

// maxPlaces bounds how many addresses are remembered with their places.
const maxPlaces = 1 << 16

// placeOf returns where an address is. Networks of two appliances may overlap, and then it is in the first, as for a
// trace.
func (r *replay) placeOf(a netip.Addr) place {
	if p, known := r.places[a]; known {
		return p
	}
	p := place{router: none, site: none, publicAt: none}
	p.linkScope = a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() || a.IsInterfaceLocalMulticast() || a.IsUnspecified() || a.IsLoopback() || a == limitedBroadcast
	for i := range r.routers {
		if p.arriving = r.routers[i].Compiled().Arriving(a); p.arriving != appliance.Ext0 {
			p.router, p.own = i, r.routers[i].own[a]
			break
		}
	}
	isNeighbor := slices.ContainsFunc(r.routers, func(o router) bool { return o.external.Contains(a) })
	if !isNeighbor || p.router != none {
		p.site = slices.IndexFunc(r.site, func(n netip.Prefix) bool { return n.Contains(a) })
	}
	p.publicAt = slices.IndexFunc(r.routers, func(o router) bool {
		return slices.ContainsFunc(o.Compiled().DestinationNAT, func(rule vcc.DestinationNATRule) bool { return rule.Public.Addr() == a })
	})
	if len(r.places) >= maxPlaces {
		clear(r.places)
	}
	r.places[a] = p
	return p
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
