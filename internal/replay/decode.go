package replay

import (
	"encoding/binary"
	"net/netip"

	"github.com/gopacket/gopacket/layers"
)

// packet is what a replay needs of a captured packet. It has no pointers.
type packet struct {
	source, destination         address
	at                          int64 // nanoseconds since 1970
	length                      uint32
	sourcePort, destinationPort uint16 // an echo's identifier stands in place of the source port
	protocol                    uint8  // by its number
	hopLimit                    uint8
	kind                        kind
	v4                          bool
	// opens and answers are what a TCP segment with SYN, or an ICMP echo, says of its sender.
	opens, answers bool
}

// kind says what a frame is to a replay.
type kind uint8

const (
	judged    kind = iota // a packet that the appliance would decide
	notIP                 // ARP and the like, which no router forwards
	control               // ICMP errors and neighbor discovery, which belong to no conversation of their own
	fragment              // a later one, which has no ports
	malformed             // cut off before its ports, or no packet at all
	kinds
)

// address is an IP address as a number; one of IPv4 is in low.
type address struct{ high, low uint64 }

func (a address) addr(v4 bool) netip.Addr {
	if v4 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(a.low)) // #nosec G115 -- it has 32 bits
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.high)
	binary.BigEndian.PutUint64(b[8:], a.low)
	return netip.AddrFrom16(b)
}

func (a address) less(b address) bool { return a.high < b.high || a.high == b.high && a.low < b.low }

// EtherTypes (IANA, IEEE 802 Numbers).
const (
	etherIPv4    = 0x0800
	etherIPv6    = 0x86dd
	etherVLAN    = 0x8100 // IEEE 802.1Q
	etherService = 0x88a8 // IEEE 802.1ad
	etherOldQinQ = 0x9100
)

// Protocol numbers (IANA).
const (
	protocolICMP   = 1
	protocolTCP    = 6
	protocolUDP    = 17
	protocolICMPv6 = 58

	extensionHopByHop    = 0
	extensionRouting     = 43
	extensionFragment    = 44
	extensionAuth        = 51
	extensionDestination = 60
)

// readable reports whether frames of a link type can be decoded.
func readable(link layers.LinkType) bool {
	switch link {
	case layers.LinkTypeEthernet, layers.LinkTypeLinuxSLL, layers.LinkTypeLinuxSLL2, layers.LinkTypeRaw, rawBSD, rawOpenBSD, layers.LinkTypeIPv4, layers.LinkTypeIPv6:
		return true
	}
	return false
}

// Raw IP as some systems number it in files (libpcap, DLT_RAW).
const (
	rawBSD     layers.LinkType = 12
	rawOpenBSD layers.LinkType = 14
)

// decode reads the headers of a frame, of which a capture may have the beginning alone. It sets
// everything but the time and the length.
func (p *packet) decode(link layers.LinkType, frame []byte) {
	var etherType uint16
	switch link {
	case layers.LinkTypeEthernet:
		if len(frame) < 14 {
			p.kind = malformed
			return
		}
		etherType, frame = binary.BigEndian.Uint16(frame[12:]), frame[14:]
	case layers.LinkTypeLinuxSLL:
		if len(frame) < 16 {
			p.kind = malformed
			return
		}
		etherType, frame = binary.BigEndian.Uint16(frame[14:]), frame[16:]
	case layers.LinkTypeLinuxSLL2:
		if len(frame) < 20 {
			p.kind = malformed
			return
		}
		etherType, frame = binary.BigEndian.Uint16(frame), frame[20:]
	default: // raw IP says by itself which it is
		if len(frame) == 0 {
			p.kind = malformed
			return
		}
		switch frame[0] >> 4 {
		case 4:
			etherType = etherIPv4
		case 6:
			etherType = etherIPv6
		default:
			p.kind = malformed
			return
		}
	}
	for etherType == etherVLAN || etherType == etherService || etherType == etherOldQinQ {
		if len(frame) < 4 {
			p.kind = malformed
			return
		}
		etherType, frame = binary.BigEndian.Uint16(frame[2:]), frame[4:]
	}
	switch etherType {
	case etherIPv4:
		p.ipv4(frame)
	case etherIPv6:
		p.ipv6(frame)
	default:
		p.kind = notIP
	}
}

func (p *packet) ipv4(b []byte) {
	if len(b) < 20 || b[0]>>4 != 4 {
		p.kind = malformed
		return
	}
	header := int(b[0]&15) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	p.v4 = true
	p.source, p.destination = address{low: uint64(binary.BigEndian.Uint32(b[12:]))}, address{low: uint64(binary.BigEndian.Uint32(b[16:]))}
	p.hopLimit, p.protocol = b[8], b[9]
	switch {
	case header < 20 || len(b) < header || total != 0 && total < header: // 0 is what segmentation offloading leaves there
		p.kind = malformed
	case binary.BigEndian.Uint16(b[6:])&0x1fff != 0:
		p.kind = fragment
	default:
		p.transport(b[header:])
	}
}

func (p *packet) ipv6(b []byte) {
	if len(b) < 40 || b[0]>>4 != 6 {
		p.kind = malformed
		return
	}
	p.v4 = false
	p.source = address{binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])}
	p.destination = address{binary.BigEndian.Uint64(b[24:]), binary.BigEndian.Uint64(b[32:])}
	p.protocol, p.hopLimit = b[6], b[7]
	for b = b[40:]; ; {
		var length int
		switch p.protocol {
		case extensionHopByHop, extensionRouting, extensionDestination:
			if len(b) < 8 {
				p.kind = malformed
				return
			}
			length = 8 + 8*int(b[1])
		case extensionAuth:
			if len(b) < 8 {
				p.kind = malformed
				return
			}
			length = 8 + 4*int(b[1])
		case extensionFragment:
			if len(b) < 8 {
				p.kind = malformed
				return
			}
			if binary.BigEndian.Uint16(b[2:])&^7 != 0 {
				p.kind = fragment
				return
			}
			length = 8
		default:
			p.transport(b)
			return
		}
		if len(b) < length {
			p.kind = malformed
			return
		}
		p.protocol, b = b[0], b[length:]
	}
}

// transport reads the ports. A protocol that has none is the appliance's to judge all the same.
func (p *packet) transport(b []byte) {
	p.kind, p.sourcePort, p.destinationPort, p.opens, p.answers = judged, 0, 0, false, false
	switch p.protocol {
	case protocolTCP:
		if len(b) < 4 {
			p.kind = malformed
			return
		}
		p.sourcePort, p.destinationPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		if len(b) > 13 && b[13]&2 != 0 { // SYN (RFC 9293, 3.1)
			p.answers = b[13]&16 != 0 // ACK
			p.opens = !p.answers
		}
	case protocolUDP:
		if len(b) < 4 {
			p.kind = malformed
			return
		}
		p.sourcePort, p.destinationPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	case protocolICMP: // RFC 792
		p.echo(b, 8, 0)
	case protocolICMPv6: // RFC 4443
		p.echo(b, 128, 129)
	}
}

// echo reads an ICMP message, of which echoes alone are conversations.
func (p *packet) echo(b []byte, request, reply byte) {
	switch {
	case len(b) < 1:
		p.kind = malformed
	case b[0] != request && b[0] != reply:
		p.kind = control
	case len(b) < 6:
		p.kind = malformed
	default:
		p.sourcePort = binary.BigEndian.Uint16(b[4:])
		p.opens, p.answers = b[0] == request, b[0] == reply
	}
}
