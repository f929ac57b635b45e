package replay

import (
	"encoding/binary"
	"net/netip"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
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

// Protocol numbers.
const (
	protocolICMP   = uint8(appliance.ICMP)
	protocolTCP    = uint8(appliance.TCP)
	protocolUDP    = uint8(appliance.UDP)
	protocolICMPv6 = uint8(appliance.ICMPv6)
)

// readable reports whether frames of a link type can be decoded.
func readable(link linkType) bool {
	switch link {
	case linkEthernet, linkLinuxSLL, linkLinuxSLL2, linkRaw, linkRawBSD, linkRawOpenBSD, linkIPv4, linkIPv6:
		return true
	}
	return false
}

// decode reads the headers of a frame, of which a capture may have the beginning alone. It sets
// everything but the time and the length.
func (p *packet) decode(link linkType, frame []byte) {
	var etherType uint16
	switch link {
	case linkEthernet:
		if len(frame) < 14 {
			p.kind = malformed
			return
		}
		etherType, frame = binary.BigEndian.Uint16(frame[12:]), frame[14:]
	case linkLinuxSLL:
		if len(frame) < 16 {
			p.kind = malformed
			return
		}
		etherType, frame = binary.BigEndian.Uint16(frame[14:]), frame[16:]
	case linkLinuxSLL2:
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
	case etherIPv4, etherIPv6:
		p.ip(frame, etherType == etherIPv4)
	default:
		p.kind = notIP
	}
}

// ip reads a packet of a family.
func (p *packet) ip(b []byte, v4 bool) {
	var w appliance.Wire
	switch w.Read(b) {
	case appliance.LaterFragment:
		p.kind = fragment
		return
	case appliance.Control:
		p.kind = control
		return
	case appliance.Malformed:
		p.kind = malformed
		return
	}
	if p.kind, p.v4 = judged, w.IPv4; w.IPv4 != v4 {
		p.kind = malformed
		return
	}
	if v4 {
		p.source, p.destination = address{low: uint64(binary.BigEndian.Uint32(w.Source))}, address{low: uint64(binary.BigEndian.Uint32(w.Destination))}
	} else {
		p.source = address{binary.BigEndian.Uint64(w.Source), binary.BigEndian.Uint64(w.Source[8:])}
		p.destination = address{binary.BigEndian.Uint64(w.Destination), binary.BigEndian.Uint64(w.Destination[8:])}
	}
	p.protocol, p.hopLimit, p.sourcePort, p.destinationPort = uint8(w.Protocol), w.HopLimit, w.SourcePort, w.DestinationPort
	p.opens, p.answers = w.Opens || w.Request, w.Answers || w.Reply
}
