package replay

import (
	"net/netip"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// MaxConversations is how many conversations a replay knows at once. When there are more it forgets one that had
// no packet for long, and takes its further packets, if there are any, for another conversation: the numbers of
// packets and of bytes stay exact, and those of conversations become too large. A conversation takes about 200 bytes.
const MaxConversations = 1 << 18

// key is what makes a conversation one. It has no pointers, so that nothing looks at a million of them to collect garbage.
type key struct {
	// a and b are the ends in the order of their numbers. Of an ICMP echo a is the end that asks: the same
	// identifier the other way round is another conversation.
	a, b         address
	aPort, bPort uint16
	protocol     uint8
	v4           bool
}

// end is one end of a conversation, with its port.
type end struct {
	address address
	port    uint16
}

type conversation struct {
	key key
	// to is where the packets of the client are addressed to after failover, and answersTo where those of the server are: to
	// what the appliance made of the client. Of an echo the port of answersTo is the identifier. They come from answersFrom.
	to, answersTo, answersFrom end
	router                     int32
	// arriving is where the packets of the client arrive, and answersAt where those of the server do.
	arriving, answersAt appliance.Interface
	// group and cause are those that the last packet that was dropped was counted in.
	group, cause int32
	absent       int32 // the end that no replica has, none if there is none
	// lost is why the client's packets come to nothing outside, "" if nothing is known to be in the way.
	lost    vcc.Reason
	outcome outcome

	// clientFlow and serverFlow are those by which packets of the client and of the server get through: see goesOn.
	clientFlow, serverFlow appliance.Flow

	noWayBack    bool // as in appliance.Course
	wantsGateway bool // as in appliance.Course
	aAsks        bool // a is the client
	recent       bool // it had a packet since the hand last passed
	opened       bool // a flow was let through, and who answers whom is known
	delivered    bool // the appliance itself answers
	vanished     bool // the client's packets were let through, and come to nothing outside
	counted      bool // among those that get through
	broken       bool // among those that break
}

// outcome is what is known of a conversation before any packet of it is decided.
type outcome uint8

const (
	decided outcome = iota // packet by packet, at an appliance
	within                 // it never crosses an appliance
	unknown                // neither end is the tenant's
	invalid                // it is for an address that no host has
)

// conversation returns that of a packet, and whether the packet is the client's.
func (r *replay) conversation(p *packet) (c *conversation, asks bool) {
	k := key{p.source, p.destination, p.sourcePort, p.destinationPort, p.protocol, p.v4}
	fromA := true
	if p.protocol == protocolICMP || p.protocol == protocolICMPv6 {
		fromA = p.opens
	} else if p.destination.less(p.source) || p.source == p.destination && p.destinationPort < p.sourcePort {
		fromA = false
	}
	if !fromA {
		k.a, k.b = k.b, k.a
		if p.protocol == protocolTCP || p.protocol == protocolUDP {
			k.aPort, k.bPort = k.bPort, k.aPort
		}
	}
	i, known := r.last, int(r.last) < len(r.conversations) && r.conversations[r.last].key == k
	if !known {
		i, known = r.index[k]
	}
	if !known {
		i = r.room()
		r.index[k] = i
		c = &r.conversations[i]
		*c = conversation{key: k, group: none, cause: none, absent: none, aAsks: fromA == p.fromClient()}
		r.place(c)
	}
	r.last = i
	c = &r.conversations[i]
	c.recent = known // the first packet is no sign of a second
	if asks = fromA == c.aAsks; !asks && p.opens && p.protocol == protocolTCP {
		c.aAsks, asks = fromA, true // the ports are used again, the other way round
		c.opened, c.delivered, c.vanished, c.cause, c.group = false, false, false, none, none
		c.clientFlow, c.serverFlow = appliance.Flow{}, appliance.Flow{}
		r.place(c)
	}
	return c, asks
}

// fromClient reports whether the first packet that is seen of a conversation is the client's. A conversation that the
// capture has from its middle is taken to be one with the lower port: that is where servers listen.
func (p *packet) fromClient() bool {
	switch {
	case p.opens || p.answers:
		return p.opens
	case p.protocol == protocolTCP:
		return p.sourcePort >= p.destinationPort
	default: // the first to speak, unless it speaks from a port of the system's services to one that is none (RFC 6335, 6)
		return p.sourcePort >= 1024 || p.destinationPort < 1024
	}
}

// room returns the index of a place for a conversation. Without any the hand goes round, and takes that of
// the first conversation that had no packet since it passed last.
func (r *replay) room() int32 {
	if len(r.conversations) < r.max {
		r.conversations = append(r.conversations, conversation{})
		return int32(len(r.conversations) - 1) // #nosec G115 -- up to MaxConversations
	}
	for {
		i := r.hand
		if r.hand++; r.hand == len(r.conversations) {
			r.hand = 0
		}
		if c := &r.conversations[i]; c.recent {
			c.recent = false
		} else {
			delete(r.index, c.key)
			r.report.Forgotten++
			return int32(i) // #nosec G115 -- up to MaxConversations
		}
	}
}

// client and server return the ends as the capture has them. The client of an echo has its identifier as the port.
func (c *conversation) client() end {
	if c.aAsks {
		return end{c.key.a, c.key.aPort}
	}
	return end{c.key.b, c.key.bPort}
}

func (c *conversation) server() end {
	if c.aAsks {
		return end{c.key.b, c.key.bPort}
	}
	return end{c.key.a, c.key.aPort}
}

func (e end) addrPort(v4 bool) netip.AddrPort { return netip.AddrPortFrom(e.address.addr(v4), e.port) }

func endOf(a netip.AddrPort) end {
	p := packetAddress(a.Addr())
	return end{p, a.Port()}
}
