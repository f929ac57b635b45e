package linuxrouter

import (
	"encoding/binary"
	"net/netip"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
)

// Types of the echo messages (RFC 792; RFC 4443, 4).
const (
	echoRequest4, echoReply4 = 8, 0
	echoRequest6, echoReply6 = 128, 129
)

// ReadPacket reads an IP packet from its header on, as far as the appliance looks at it. It returns false for
// what is too short, a later fragment, and what is neither TCP nor UDP nor an ICMP echo.
func ReadPacket(arriving appliance.Interface, b []byte) (appliance.Packet, bool) {
	p := appliance.Packet{Interface: arriving}
	var source, destination netip.Addr
	var rest []byte
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		header := int(b[0]&15) * 4
		if header < 20 || len(b) < header || binary.BigEndian.Uint16(b[6:])&0x1fff != 0 {
			return p, false
		}
		p.HopLimit, p.Protocol = b[8], appliance.Protocol(b[9])
		source, destination = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		rest = b[header:]
	case len(b) >= 40 && b[0]>>4 == 6: // extension headers are those of no packet of ours
		p.HopLimit, p.Protocol = b[7], appliance.Protocol(b[6])
		source, destination = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		rest = b[40:]
	default:
		return p, false
	}
	var sourcePort, destinationPort uint16
	switch {
	case len(rest) < 8:
		return p, false
	case p.Protocol == appliance.TCP, p.Protocol == appliance.UDP:
		sourcePort, destinationPort = binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])
	case p.Protocol == appliance.ICMP && (rest[0] == echoRequest4 || rest[0] == echoReply4),
		p.Protocol == appliance.ICMPv6 && (rest[0] == echoRequest6 || rest[0] == echoReply6):
		p.EchoReply = rest[0] == echoReply4 || rest[0] == echoReply6
		sourcePort = binary.BigEndian.Uint16(rest[4:])
	default:
		return p, false
	}
	p.Source, p.Destination = netip.AddrPortFrom(source, sourcePort), netip.AddrPortFrom(destination, destinationPort)
	return p, true
}
