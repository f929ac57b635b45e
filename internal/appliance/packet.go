package appliance

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Interface is one of the appliance's interfaces: Ext0, or n for netN.
type Interface int32

// Ext0 is the interface on the service provider's external network.
const Ext0 Interface = 0

// String returns the name of the interface: "ext0" or "net1", "net2" and so on.
func (i Interface) String() string {
	if i == Ext0 {
		return "ext0"
	}
	return "net" + strconv.Itoa(int(i))
}

// MarshalText returns the name of the interface.
func (i Interface) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

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
	return 0, &vcc.Error{Code: vcc.CodeInvalidValue, Message: fmt.Sprintf("%q is not a protocol; use tcp, udp, icmp or icmpv6", s)}
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
	// Source and Destination have the ports of TCP and UDP. An ICMP echo has no
	// ports: its identifier (RFC 792, RFC 4443) stands in place of the source port,
	// in requests and in replies, and the destination's port is 0.
	Source, Destination netip.AddrPort
}

// String returns the packet in one line, for logs and tests.
func (p Packet) String() string {
	return fmt.Sprintf("%s %s %s -> %s hop limit %d", p.Interface, p.Protocol, p.Source, p.Destination, p.HopLimit)
}

// end writes an address of the packet for people, with its port unless it is an echo's:
// that has none.
func (p Packet) end(a netip.AddrPort) string {
	if p.Protocol.isEcho() {
		return a.Addr().String()
	}
	return a.String()
}

// Verdict is what becomes of a packet.
type Verdict string

// The verdicts.
const (
	// Forwarded: it leaves through another interface, or the same one.
	Forwarded Verdict = "forwarded"
	// Delivered: it was for the appliance itself, which answers.
	Delivered Verdict = "delivered"
	// Dropped: it ends here, silently.
	Dropped Verdict = "dropped"
)

// Reason is what settled the verdict on a packet. Every reason belongs to one
// verdict.
type Reason string

// The reasons for dropping a packet.
const (
	// ReasonInvalidPacket: the addresses are malformed, unspecified, loopback,
	// multicast or of two families (rule 1).
	ReasonInvalidPacket Reason = "invalid_packet"
	// ReasonNoDefaultGateway: it arrived on a network without a gateway of its
	// family (rule 2).
	ReasonNoDefaultGateway Reason = "no_default_gateway"
	// ReasonSourceNotInNetwork: its source cannot be where it came from (rules 2
	// and 3).
	ReasonSourceNotInNetwork Reason = "source_not_in_network"
	// ReasonNotAService: the appliance does not offer what it asks for (rule 4).
	ReasonNotAService Reason = "not_a_service"
	// ReasonNoPublicIPRule: it came from outside and no public IP rule is for it
	// (rules 5 and 9).
	ReasonNoPublicIPRule Reason = "no_public_ip_rule"
	// ReasonRoutingDisabled: the routing option is off (rule 6).
	ReasonRoutingDisabled Reason = "routing_disabled"
	// ReasonDifferentHardwarePlan: nothing is routed across plans (rule 7).
	ReasonDifferentHardwarePlan Reason = "different_hardware_plan"
	// ReasonNoInternetAccess: the network has no internet access (rule 8).
	ReasonNoInternetAccess Reason = "no_internet_access"
	// ReasonNoRoute: no route leads to its destination (rule 8).
	ReasonNoRoute Reason = "no_route"
	// ReasonHopLimitExceeded: its hop limit is used up (rule 10).
	ReasonHopLimitExceeded Reason = "hop_limit_exceeded"
	// ReasonFlowTableFull: it would start a flow, and there is no room for one.
	ReasonFlowTableFull Reason = "flow_table_full"
)

// The reasons for forwarding a packet. The names are our decision.
const (
	// ReasonPublicIPRule: a public IP rule is for it (rule 5).
	ReasonPublicIPRule Reason = "public_ip_rule"
	// ReasonSameNetwork: source and destination are in one network, which needs no
	// routing option.
	ReasonSameNetwork Reason = "same_network"
	// ReasonRoutingEnabled: the routing option joins both networks (rule 6).
	ReasonRoutingEnabled Reason = "routing_enabled"
	// ReasonInternetAccess: the network has internet access (rule 8).
	ReasonInternetAccess Reason = "internet_access"
	// ReasonKnownFlow: it belongs to a flow that was let through before.
	ReasonKnownFlow Reason = "known_flow"
	// ReasonOwnReply: the appliance itself sends it, as the answer to a packet that
	// was delivered. Only Reachability gives this reason.
	ReasonOwnReply Reason = "own_reply"
)

// The reasons for delivering a packet to the appliance itself (rule 4). The names
// are our decision.
const (
	// ReasonEcho: it is an ICMP echo.
	ReasonEcho Reason = "echo"
	// ReasonManagement: it is for the port through which the service provider
	// manages the appliance.
	ReasonManagement Reason = "management"
)

// Decision is what becomes of a packet, and why.
type Decision struct {
	Verdict Verdict
	Reason  Reason
	// Leaving is where a forwarded packet leaves. It says nothing about others.
	Leaving Interface
	// HopLimit, Source and Destination are those of a forwarded packet as it
	// leaves, translated, and those of any other packet as it arrived.
	HopLimit            uint8
	Source, Destination netip.AddrPort
}
