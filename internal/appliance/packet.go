package appliance

import (
	"fmt"
	"net/netip"
	"strconv"
	"sync"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Interface is one of the appliance's interfaces: Ext0, or n for netN.
type Interface int32

// Ext0 is the interface on the service provider's external network.
const Ext0 Interface = 0

// names has those of ext0 and of a network on each VLAN of a host. Every appliance has
// the same ones, and a compilation would spend a quarter of its allocations on them.
var names = sync.OnceValue(func() []string {
	names := make([]string, 4095)
	names[Ext0] = "ext0"
	for i := 1; i < len(names); i++ {
		names[i] = "net" + strconv.Itoa(i)
	}
	return names
})

// String returns the name of the interface: "ext0" or "net1", "net2" and so on.
func (i Interface) String() string {
	if names := names(); i >= 0 && int(i) < len(names) {
		return names[i]
	}
	return "net" + strconv.Itoa(int(i))
}

// Protocol is a transport protocol by its IANA protocol number.
type Protocol uint8

// The protocols that the appliance forwards. Of ICMP it knows the echo messages
// alone.
const (
	ICMP   Protocol = 1
	TCP    Protocol = 6
	UDP    Protocol = 17
	ICMPv6 Protocol = 58
)

// ParseProtocol reads the name of a protocol: tcp, udp, icmp or icmpv6. The
// error is a *vcc.Error without a field: the caller knows where the name stood.
func ParseProtocol(s string) (Protocol, error) {
	for _, p := range []Protocol{TCP, UDP, ICMP, ICMPv6} {
		if p.String() == s {
			return p, nil
		}
	}
	return 0, &vcc.Error{Code: vcc.CodeInvalidValue, Message: vcc.Message("%q is not a protocol; use tcp, udp, icmp or icmpv6", s)}
}

// String returns the name of the protocol, or its number if it is none of ours.
func (p Protocol) String() string {
	switch p {
	case ICMP:
		return "icmp"
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case ICMPv6:
		return "icmpv6"
	default:
		return "protocol " + strconv.Itoa(int(p))
	}
}

func (p Protocol) isEcho() bool { return p == ICMP || p == ICMPv6 }

// Packet is what the appliance looks at when a packet arrives. The zero value is
// a malformed packet.
type Packet struct {
	// Interface is where the packet arrives.
	Interface Interface
	Protocol  Protocol
	// HopLimit is IPv6's hop limit or IPv4's time to live, as it arrives.
	HopLimit uint8
	// EchoReply says that an ICMP echo is a reply and no request. Packets of other
	// protocols do not have it.
	EchoReply bool
	// Source and Destination have the ports of TCP and UDP. An ICMP echo has no
	// ports: its identifier (RFC 792, RFC 4443) stands in place of the source port,
	// in requests and in replies, and the destination's port is 0.
	Source, Destination netip.AddrPort
}

// String returns the packet in one line, for logs and tests.
func (p Packet) String() string {
	protocol := p.Protocol.String()
	if p.EchoReply {
		protocol += " reply"
	}
	return fmt.Sprintf("%s %s %s -> %s hop limit %d", p.Interface, protocol, p.Source, p.Destination, p.HopLimit)
}

// end returns an end of the packet for people: without the identifier of an echo, which is
// no port.
func (p Packet) end(a netip.AddrPort) netip.AddrPort {
	if p.Protocol.isEcho() {
		return netip.AddrPortFrom(a.Addr(), 0)
	}
	return a
}

// endText writes an end of the packet for people.
func (p Packet) endText(a netip.AddrPort) string {
	if p.Protocol.isEcho() {
		return a.Addr().String()
	}
	return a.String()
}

// Decision is what becomes of a packet, and why.
type Decision struct {
	Verdict vcc.Verdict
	Reason  vcc.Reason
	// Leaving is where a forwarded packet leaves. It says nothing about others.
	Leaving Interface
	// HopLimit, Source and Destination are those of a forwarded packet as it
	// leaves, translated, and those of any other packet as it arrived.
	HopLimit            uint8
	Source, Destination netip.AddrPort
}
