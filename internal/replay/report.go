package replay

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Tally is a number of conversations with their packets and bytes. The bytes are those of whole frames as
// they were on the wire, also where the capture has their beginning alone.
type Tally struct{ Conversations, Packets, Bytes uint64 }

func (t *Tally) add(p *packet) {
	t.Packets++
	t.Bytes += uint64(p.length)
}

// Report says what would have become of captured traffic. Every packet is in one of Through, Broken, Within, Unknown
// and the numbers that are left out.
type Report struct {
	Packets, Bytes uint64
	// First and Last are the times of the earliest and the latest packet.
	First, Last time.Time
	// Through has the conversations of which every packet gets through, and all packets that do.
	Through Tally
	// Broken has the conversations of which a packet is dropped, by what dropped the first one, and the packets that
	// are dropped, by what dropped each. The largest is first.
	Broken []Broken
	// Absent has what of Through is from or to an address of a served network that no replica has: the appliance lets it
	// through, and nobody is there. The address with the most bytes is first.
	Absent []Absent
	// Within has what never crosses an appliance: it stays in one network.
	Within Tally
	// Unknown has what nobody can know, because neither end is the tenant's.
	Unknown Tally
	// The rest are packets that are in no conversation, and are not judged: NotIP such as ARP, Control are ICMP messages other
	// than echoes, Fragments are those without ports, and Malformed is cut off before its ports or no packet at all.
	NotIP, Control, Fragments, Malformed Tally
	// Forgotten is how many conversations were forgotten because there were more than MaxConversations at once.
	Forgotten uint64
	// Unlisted is how many of the conversations that break are in no Group, because there were more than MaxGroups.
	Unlisted uint64
	// Damage is why the capture ends before its end, nil if it does not.
	Damage error
}

// Absent is what gets through from or to an address that no replica has.
type Absent struct {
	Address netip.Addr
	Tally
}

// Broken is what breaks for one reason.
type Broken struct {
	Reason vcc.Reason
	// Expired says that a flow had been let through, and was idle for longer than the appliance remembers it. The reason is
	// that for which the next packet was dropped.
	Expired bool
	Tally
	// Groups are all ends between which something breaks for that reason, those with the most bytes first.
	Groups []Group
}

// Group is what breaks between two ends on one port of the server. Addresses on the internet are
// one end, those that no internet carries are each their own.
type Group struct {
	Source, Destination vcc.TraceEnd
	Protocol            appliance.Protocol
	// Port is the server's, 0 where the protocol has none.
	Port uint16
	Tally
}

// Request is the question to trace about a group; false for a protocol that no question can be about.
func (g Group) Request() (vcc.TraceRequest, bool) {
	r := vcc.TraceRequest{Source: g.Source, Destination: g.Destination, Protocol: g.Protocol.String(), Port: int(g.Port)}
	switch g.Protocol {
	case appliance.ICMPv6:
		r.Protocol = appliance.ICMP.String()
	case appliance.ICMP, appliance.TCP, appliance.UDP:
	default:
		return r, false
	}
	return r, g.Port != 0 || r.Protocol == appliance.ICMP.String()
}

// Because says why something breaks, and what mends it, where a trace of the ends says something else: a trace is of
// the first packet of a flow, and between addresses of its own.
func (b Broken) Because() string {
	switch {
	case b.Expired:
		return fmt.Sprintf("The appliance forgets a flow that was idle for %d minutes (tcp) or %d seconds (udp, icmp), and what the server sends then is dropped; "+
			"have one of the ends send something more often, such as TCP keep-alives.", int(appliance.TCPIdle.Minutes()), int(appliance.OtherIdle.Seconds()))
	case b.Reason == vcc.ReasonHopLimitExceeded:
		return "The packets arrive with a hop limit of 1, with which no router forwards them."
	case b.Reason == vcc.ReasonFlowTableFull:
		return fmt.Sprintf("More than %d flows were open at once at one appliance, and it had no room for more.", appliance.DefaultMaxFlows)
	case b.Reason == vcc.ReasonInvalidPacket:
		return "The appliance forwards TCP, UDP and ICMP echoes between addresses that hosts can have, and nothing else."
	case b.Reason == vcc.ReasonPrivateDestination:
		return "No internet carries one of these addresses, or the public one of the rule that leads there; what was reached through a tunnel or another site needs another way after failover."
	case b.Reason == vcc.ReasonNoDefaultGateway:
		return "The network has no default gateway of that family; store one."
	case b.Reason == vcc.ReasonNoRoute:
		return "The appliance has no external gateway of that family; ask the service provider for one."
	}
	return fmt.Sprintf("The appliance drops it: %s.", b.Reason.Words())
}

// MaxGroups is how many groups a replay tells apart. What breaks beyond is counted, and listed nowhere.
const MaxGroups = 1 << 16

// cause is why packets are dropped.
type cause struct {
	vcc.Reason
	expired bool
}

type groupKey struct {
	source, destination vcc.TraceEnd
	protocol            uint8
	port                uint16
	cause               int32
}

type causeTally struct {
	cause
	Tally
}

type groupTally struct {
	groupKey
	Tally
}

// tallies are what is counted on the way.
type tallies struct {
	first      int64
	leftOut    [kinds]Tally
	causes     []causeTally // a handful
	groups     []groupTally
	groupIndex map[groupKey]int32

	absent      []Absent
	absentIndex map[netip.Addr]int32
}

// count counts a packet that is not dropped, and its conversation if that is new.
func (r *replay) count(t *Tally, c *conversation, p *packet) {
	t.add(p)
	if !c.counted && !c.broken {
		c.counted = true
		t.Conversations++
	}
}

// through counts a packet that gets through.
func (r *replay) through(c *conversation, p *packet) {
	fresh := !c.counted && !c.broken
	r.count(&r.report.Through, c, p)
	if c.absent != none {
		t := &r.absent[c.absent].Tally
		t.add(p)
		if fresh {
			t.Conversations++
		}
	}
}

// absentOf returns where an address is counted that no replica has, none if one has it, or if it is no host's of a
// served network.
func (r *replay) absentOf(p *appliance.TenantPlace) int32 {
	a := p.Address
	if _, served := p.Served(); !served || !p.IsHost() || r.started[a] {
		return none
	}
	i, known := r.absentIndex[a]
	if !known {
		if len(r.absent) == MaxGroups {
			return none
		}
		i = int32(len(r.absent)) // #nosec G115 -- up to MaxGroups
		r.absentIndex[a] = i
		r.absent = append(r.absent, Absent{Address: a})
	}
	return i
}

// breaks counts a packet that is dropped.
func (r *replay) breaks(c *conversation, p *packet, why cause) {
	if c.wantsGateway && why.Reason != vcc.ReasonInvalidPacket {
		why = cause{Reason: vcc.ReasonNoDefaultGateway}
	}
	if c.cause == none || r.causes[c.cause].cause != why {
		c.cause = r.causeOf(why)
		c.group = r.groupOf(c)
	}
	first := !c.broken
	if c.counted {
		c.counted = false
		r.report.Through.Conversations--
		if c.absent != none {
			r.absent[c.absent].Conversations--
		}
	}
	c.broken = true
	listed := []*Tally{&r.causes[c.cause].Tally}
	if c.group != none {
		listed = append(listed, &r.groups[c.group].Tally)
	} else if first {
		r.report.Unlisted++
	}
	for _, t := range listed {
		t.add(p)
		if first {
			t.Conversations++
		}
	}
}

func (r *replay) causeOf(why cause) int32 {
	i := slices.IndexFunc(r.causes, func(c causeTally) bool { return c.cause == why })
	if i < 0 {
		i = len(r.causes)
		r.causes = append(r.causes, causeTally{cause: why})
	}
	return int32(i) // #nosec G115 -- a handful
}

func (r *replay) groupOf(c *conversation) int32 {
	client, server := c.client(), c.server()
	k := groupKey{r.endOf(client.address.addr(c.key.v4)), r.endOf(server.address.addr(c.key.v4)), c.key.protocol, server.port, c.cause}
	i, known := r.groupIndex[k]
	if !known {
		if len(r.groups) == MaxGroups {
			return none
		}
		i = int32(len(r.groups)) // #nosec G115 -- up to MaxGroups
		r.groupIndex[k] = i
		r.groups = append(r.groups, groupTally{groupKey: k})
	}
	return i
}

// endOf returns the end of a group that an address belongs to.
func (r *replay) endOf(a netip.Addr) vcc.TraceEnd {
	if !r.tenant.Place(a).IsOnInternet() || a.IsMulticast() || vcc.PrivateUse(a) != "" {
		return vcc.TraceEnd{Address: a}
	}
	return vcc.TraceEnd{Internet: true}
}

func packetAddress(a netip.Addr) address {
	if a.Is4() {
		b := a.As4()
		return address{low: uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return address{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// end finishes the report.
func (r *replay) end() *Report {
	report := &r.report
	if report.Packets > 0 {
		report.First, report.Last = time.Unix(0, r.first).UTC(), r.clock.UTC()
	}
	report.NotIP, report.Control, report.Fragments, report.Malformed = r.leftOut[notIP], r.leftOut[control], r.leftOut[fragment], r.leftOut[malformed]
	for i, c := range r.causes {
		b := Broken{Reason: c.Reason, Expired: c.expired, Tally: c.Tally}
		for _, g := range r.groups {
			if int(g.cause) == i {
				b.Groups = append(b.Groups, Group{g.source, g.destination, appliance.Protocol(g.protocol), g.port, g.Tally})
			}
		}
		slices.SortStableFunc(b.Groups, func(a, b Group) int { return largestFirst(a.Tally, b.Tally) })
		report.Broken = append(report.Broken, b)
	}
	slices.SortStableFunc(report.Broken, func(a, b Broken) int { return largestFirst(a.Tally, b.Tally) })
	report.Absent = slices.DeleteFunc(r.absent, func(a Absent) bool { return a.Packets == 0 })
	slices.SortStableFunc(report.Absent, func(a, b Absent) int { return largestFirst(a.Tally, b.Tally) })
	return report
}

func largestFirst(a, b Tally) int {
	return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Conversations, a.Conversations), cmp.Compare(b.Packets, a.Packets))
}
