package replay

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// replay is a capture on its way through the appliances.
type replay struct {
	tenant  *appliance.Tenant
	routers []router            // as the tenant's appliances
	started map[netip.Addr]bool // the addresses of replicas

	clock time.Time // the latest that a packet had: it does not run back
	at    int64     // the same in nanoseconds

	max           int
	index         map[key]int32
	conversations []conversation
	last          int32 // the conversation of the packet before
	hand          int

	report Report
	tallies
}

// Run replays a capture through the appliances that are compiled from sources. One that is damaged is replayed up to
// there, and Report.Damage says so; the error is for a file that is no capture.
func Run(ctx context.Context, file io.Reader, sources []vcc.ApplianceSources) (*Report, error) {
	return replayed(ctx, file, sources, MaxConversations)
}

func replayed(ctx context.Context, file io.Reader, sources []vcc.ApplianceSources, limit int) (*Report, error) {
	c, err := open(file)
	if err != nil {
		return nil, err
	}
	r := newReplay(sources, limit)
	stop := make(chan struct{})
	defer close(stop)
	full, free := c.batches(stop)
	for {
		var b *batch
		select {
		case b = <-full:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		for i := range b.count {
			r.packet(&b.packets[i])
		}
		if b.err == nil {
			free <- b
			continue
		}
		if !errors.Is(b.err, io.EOF) {
			r.report.Damage = b.err
		}
		return r.end(), nil
	}
}

func newReplay(sources []vcc.ApplianceSources, limit int) *replay {
	r := &replay{started: hosts(sources), max: limit, index: map[key]int32{}}
	r.groupIndex, r.absentIndex = map[groupKey]int32{}, map[netip.Addr]int32{}
	inputs := make([]vcc.ApplianceInputs, len(sources))
	var site []vcc.SiteNetwork
	var publicIPs []netip.Addr
	for i, s := range sources {
		inputs[i] = s.ApplianceInputs
		site, publicIPs = s.Production, s.PublicIPs // the tenant's, and the same for each
	}
	r.tenant = appliance.NewTenant(site, publicIPs, inputs).WithoutWords()
	for _, o := range r.tenant.Appliances {
		r.routers = append(r.routers, newRouter(o.Compiled, func() time.Time { return r.clock }))
	}
	return r
}

// packet replays one packet.
func (r *replay) packet(p *packet) {
	if r.report.Packets == 0 || p.at > r.at {
		r.at, r.clock = p.at, time.Unix(0, p.at)
	}
	if r.report.Packets == 0 || p.at < r.first {
		r.first = p.at
	}
	r.report.Packets++
	r.report.Bytes += uint64(p.length)
	if p.kind != judged {
		r.leftOut[p.kind].add(p)
		return
	}
	c, asks := r.conversation(p)
	switch {
	case r.goesOn(c, asks, p.hopLimit):
		r.through(c, p)
	case c.outcome == within:
		r.count(&r.report.Within, c, p)
	case c.outcome == unknown:
		r.count(&r.report.Unknown, c, p)
	case multicastOnLink(c, p):
		c.outcome = within
		r.count(&r.report.Within, c, p)
	case c.outcome == invalid:
		r.breaks(c, p, cause{Reason: vcc.ReasonInvalidPacket})
	case asks:
		r.request(c, p)
	default:
		r.answer(c, p)
	}
}

// goesOn reports whether a packet gets through because those before it in its direction did, and the flow is still there.
// It costs a fraction of a decision.
func (r *replay) goesOn(c *conversation, asks bool, hopLimit uint8) bool {
	f := c.serverFlow
	if asks {
		f = c.clientFlow
	}
	return f != (appliance.Flow{}) && hopLimit > 1 && r.routers[c.router].GoesOn(f)
}

// multicastOnLink reports whether a multicast is meant for the link alone.
func multicastOnLink(c *conversation, p *packet) bool {
	return p.hopLimit <= 1 && !c.counted && !c.broken && p.destination.addr(p.v4).IsMulticast()
}

// request decides a packet of the client.
func (r *replay) request(c *conversation, p *packet) {
	d, moved := r.ask(c, p.hopLimit)
	switch {
	case d.Verdict == vcc.Dropped:
		r.breaks(c, p, cause{Reason: d.Reason})
	case c.vanished:
		r.breaks(c, p, cause{Reason: c.lost})
	case moved && !p.opens:
		r.breaks(c, p, cause{d.Reason, true}) // the server knows the client by another port
	default:
		r.through(c, p)
	}
}

// ask has the engine decide a packet of the client, and notes how it is answered. moved says that it began a flow
// which leaves from another port than the one before.
func (r *replay) ask(c *conversation, hopLimit uint8) (d appliance.Decision, moved bool) {
	d, flow := r.decide(c, true, hopLimit)
	if d.Verdict == vcc.Dropped {
		return d, false
	}
	c.delivered = d.Verdict == vcc.Delivered
	c.vanished = c.lost != "" && (c.arriving == appliance.Ext0 || !c.delivered && d.Leaving == appliance.Ext0)
	if c.delivered {
		return d, false
	}
	if d.Reason != vcc.ReasonKnownFlow || !c.opened {
		answersTo := endOf(d.Source)
		moved = c.opened && answersTo != c.answersTo
		c.opened, c.answersTo, c.answersFrom, c.answersAt = true, answersTo, endOf(d.Destination), d.Leaving
		c.serverFlow = appliance.Flow{}
	}
	if !c.vanished {
		c.clientFlow = flow
	}
	return d, moved
}

// answer decides a packet of the server.
func (r *replay) answer(c *conversation, p *packet) {
	if !c.opened && !c.delivered && c.cause == none {
		// The capture has the conversation from its middle: it would have begun with the client, after failover.
		if d, _ := r.ask(c, firstHopLimit); d.Verdict == vcc.Dropped {
			r.breaks(c, p, cause{Reason: d.Reason})
			return
		}
	}
	switch {
	case !c.opened && !c.delivered: // nobody answers what did not arrive
		r.breaks(c, p, r.causes[c.cause].cause)
		return
	case c.vanished:
		r.breaks(c, p, cause{Reason: c.lost})
		return
	case c.delivered && c.noWayBack:
		r.breaks(c, p, cause{Reason: vcc.ReasonNoRoute})
		return
	case c.delivered:
		r.through(c, p)
		return
	}
	d, flow := r.decide(c, false, p.hopLimit)
	switch {
	case d.Reason == vcc.ReasonKnownFlow:
		c.serverFlow = flow
		r.through(c, p)
	case d.Reason == vcc.ReasonHopLimitExceeded || d.Reason == vcc.ReasonFlowTableFull:
		r.breaks(c, p, cause{Reason: d.Reason})
	case d.Verdict == vcc.Forwarded && endOf(d.Destination) == c.client() && endOf(d.Source) == c.to:
		r.through(c, p) // a new flow, which nothing translates
	case d.Reason == vcc.ReasonNoRoute:
		r.breaks(c, p, cause{Reason: d.Reason})
	default:
		r.breaks(c, p, cause{d.Reason, true})
	}
}

// decide has the engine decide a packet of a conversation, of the client or of the server.
func (r *replay) decide(c *conversation, asks bool, hopLimit uint8) (appliance.Decision, appliance.Flow) {
	p := appliance.Packet{Interface: c.arriving, Protocol: appliance.Protocol(c.key.protocol), HopLimit: hopLimit}
	from, to := c.client(), c.to
	if !asks {
		p.Interface = c.answersAt
		from, to = c.answersFrom, c.answersTo
		if c.key.protocol == protocolICMP || c.key.protocol == protocolICMPv6 {
			p.EchoReply, from.port, to.port = true, to.port, 0
		}
	}
	p.Source, p.Destination = from.addrPort(c.key.v4), to.addrPort(c.key.v4)
	return r.routers[c.router].DecideFlow(p)
}

// firstHopLimit is what IANA recommends to start with (RFC 1700).
const firstHopLimit = 64
