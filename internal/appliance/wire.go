package appliance

import (
	"encoding/binary"
	"net/netip"
)

// Wire is what the bytes of a packet say to the appliance.
type Wire struct {
	Protocol Protocol
	HopLimit uint8
	// IPv4 says which family it is. Source and Destination are the addresses' bytes.
	IPv4                bool
	Source, Destination []byte
	// SourcePort and DestinationPort are as in Packet: an echo's identifier stands in place of the source port.
	SourcePort, DestinationPort uint16
	// Request and Reply say which an ICMP echo is. Opens and Answers are what a TCP segment with SYN says of its sender: it
	// opens a connection, or accepts one (RFC 9293, 3.1).
	Request, Reply bool
	Opens, Answers bool
}

// Content is what a packet is to the appliance.
type Content uint8

// Malformed is cut off before its ports, or no packet at all. LaterFragment has no ports. Control is ICMP other than an echo, which
// belongs to no flow of its own. All else is Decidable, also what has a protocol that the appliance drops.
const (
	Malformed Content = iota
	LaterFragment
	Control
	Decidable
)

// Extension headers (RFC 8200, 4; RFC 4302).
const (
	extensionHopByHop    = 0
	extensionRouting     = 43
	extensionFragment    = 44
	extensionAuth        = 51
	extensionDestination = 60
)

// Types of the echo messages (RFC 792; RFC 4443, 4).
const (
	echoRequest4, echoReply4 = 8, 0
	echoRequest6, echoReply6 = 128, 129
)

// Read reads a packet from its IP header on, of which b may have the beginning alone. It keeps parts of b, and sets all fields of
// what is Decidable.
func (w *Wire) Read(b []byte) Content {
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		header, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
		w.IPv4, w.Source, w.Destination = true, b[12:16], b[16:20]
		w.HopLimit, w.Protocol = b[8], Protocol(b[9])
		switch {
		case header < 20 || len(b) < header || total != 0 && total < header: // 0 is what segmentation offloading leaves there
			return Malformed
		case binary.BigEndian.Uint16(b[6:])&0x1fff != 0:
			return LaterFragment
		}
		return w.transport(b[header:])
	case len(b) >= 40 && b[0]>>4 == 6:
		w.IPv4, w.Source, w.Destination = false, b[8:24], b[24:40]
		w.Protocol, w.HopLimit = Protocol(b[6]), b[7]
		return w.extensions(b[40:])
	}
	return Malformed
}

// extensions reads what follows the header of IPv6.
func (w *Wire) extensions(b []byte) Content {
	for {
		unit := 8
		switch w.Protocol {
		case extensionHopByHop, extensionRouting, extensionDestination, extensionFragment:
		case extensionAuth:
			unit = 4
		default:
			return w.transport(b)
		}
		if len(b) < 8 {
			return Malformed
		}
		length := 8 + unit*int(b[1])
		if w.Protocol == extensionFragment {
			if binary.BigEndian.Uint16(b[2:])&^7 != 0 {
				return LaterFragment
			}
			length = 8
		}
		if len(b) < length {
			return Malformed
		}
		w.Protocol, b = Protocol(b[0]), b[length:]
	}
}

// transport reads the ports. A protocol that has none is the appliance's to judge all the same.
func (w *Wire) transport(b []byte) Content {
	w.SourcePort, w.DestinationPort, w.Request, w.Reply, w.Opens, w.Answers = 0, 0, false, false, false, false
	switch w.Protocol {
	case TCP, UDP:
		if len(b) < 4 {
			return Malformed
		}
		w.SourcePort, w.DestinationPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		const syn, ack = 1 << 1, 1 << 4
		if w.Protocol == TCP && len(b) > 13 && b[13]&syn != 0 {
			w.Answers = b[13]&ack != 0
			w.Opens = !w.Answers
		}
	case ICMP:
		return w.echo(b, echoRequest4, echoReply4)
	case ICMPv6:
		return w.echo(b, echoRequest6, echoReply6)
	}
	return Decidable
}

// echo reads an ICMP message, of which echoes alone are of a flow.
func (w *Wire) echo(b []byte, request, reply byte) Content {
	switch {
	case len(b) < 1:
		return Malformed
	case b[0] != request && b[0] != reply:
		return Control
	case len(b) < 6:
		return Malformed
	}
	w.SourcePort, w.Request, w.Reply = binary.BigEndian.Uint16(b[4:]), b[0] == request, b[0] == reply
	return Decidable
}

// ReadPacket reads a packet from its IP header on that arrives on an interface. It is false for all but TCP, UDP and
// ICMP echoes.
func ReadPacket(arriving Interface, b []byte) (Packet, bool) {
	p := Packet{Interface: arriving}
	var w Wire
	if w.Read(b) != Decidable {
		return p, false
	}
	switch w.Protocol {
	case TCP, UDP, ICMP, ICMPv6:
	default:
		return p, false
	}
	source, _ := netip.AddrFromSlice(w.Source)
	destination, _ := netip.AddrFromSlice(w.Destination)
	p.Protocol, p.HopLimit, p.EchoReply = w.Protocol, w.HopLimit, w.Reply
	p.Source, p.Destination = netip.AddrPortFrom(source, w.SourcePort), netip.AddrPortFrom(destination, w.DestinationPort)
	return p, true
}
