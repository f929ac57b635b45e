package replay

import (
	"net/netip"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// router is an appliance at work.
type router struct {
	*appliance.Engine
	// public has the public end of the rule that leads to an internal one.
	public map[netip.AddrPort]netip.AddrPort
}

func newRouter(compiled *appliance.Compiled, now func() time.Time) router {
	r := router{appliance.NewEngine(appliance.DefaultMaxFlows, now), map[netip.AddrPort]netip.AddrPort{}}
	r.Configure(compiled)
	for _, rule := range compiled.DestinationNAT {
		if _, known := r.public[rule.Internal]; !known { // the first does for all
			r.public[rule.Internal] = rule.Public
		}
	}
	return r
}

const none = -1

// staysOnLink reports whether packets between two addresses are for one link by what they are, which is no question to a
// trace. IPv4's link-local addresses are treated like any other where the other end is none.
func staysOnLink(a, b netip.Addr) bool {
	return isOfLink(a) || isOfLink(b) || a.IsLinkLocalUnicast() && b.IsLinkLocalUnicast()
}

func isOfLink(a netip.Addr) bool {
	return a.Is6() && a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() || a.IsInterfaceLocalMulticast() || a.IsUnspecified() || a.IsLoopback() || a == limitedBroadcast
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// place decides where the packets of a conversation arrive, as a trace of its first one would.
func (r *replay) place(c *conversation) {
	client, server := c.client(), c.server()
	from, to := r.tenant.Place(client.address.addr(c.key.v4)), r.tenant.Place(server.address.addr(c.key.v4))
	c.to, c.outcome, c.absent, c.wantsGateway = server, decided, none, false
	switch {
	case staysOnLink(from.Address, to.Address):
		c.outcome = within
		return
	case !from.IsTenants() && !to.IsTenants():
		c.outcome = unknown
		return
	}
	addressed := to
	if served, ok := to.Served(); ok && r.tenant.FromOutside(from) && (c.key.protocol == protocolTCP || c.key.protocol == protocolUDP) {
		if public, ok := r.routers[served].public[server.addrPort(c.key.v4)]; ok {
			c.to = endOf(public)
			addressed = r.tenant.Place(public.Addr())
		}
	}
	course := r.tenant.Course(appliance.Protocol(c.key.protocol), c.to.port, from, addressed)
	c.router, c.arriving = int32(course.Appliance), course.Arriving // #nosec G115 -- as many as hosts
	c.lost, c.noWayBack, c.wantsGateway = course.Lost, course.NoWayBack, course.WantsGateway
	switch {
	case course.SameNetwork:
		c.outcome = within
	case course.Invalid:
		c.outcome = invalid
	default:
		if c.absent = r.absentOf(to); c.absent == none {
			c.absent = r.absentOf(from)
		}
	}
}

// hosts has the addresses of replicas.
func hosts(sources []vcc.ApplianceSources) map[netip.Addr]bool {
	started := map[netip.Addr]bool{}
	for _, s := range sources {
		for _, vm := range s.Replicas {
			for _, nic := range vm.NICs {
				started[nic.IPv4.Addr()], started[nic.IPv6.Addr()] = true, true
			}
		}
	}
	return started
}
