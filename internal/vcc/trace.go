package vcc

import "net/netip"

// Verdict is the fate of a packet at an appliance.
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

// Reason is the reason for the verdict on a packet, or for a forwarded packet to reach
// nobody. P1 to P10 are the packet rules of package appliance.
type Reason string

// The reasons for dropping a packet.
const (
	// ReasonInvalidPacket: the addresses are malformed, unspecified, loopback,
	// multicast or of two families (P1).
	ReasonInvalidPacket Reason = "invalid_packet"
	// ReasonNoDefaultGateway: it arrived on a network without a gateway of its family (P2).
	// Of a forwarded packet: the address is in a production network whose cloud network
	// has no gateway for it, so that the way leads through the internet to a site that is
	// lost (our decision: D22 has private addresses alone).
	ReasonNoDefaultGateway Reason = "no_default_gateway"
	// ReasonSourceNotInNetwork: its source cannot be where it came from (P2, P3).
	ReasonSourceNotInNetwork Reason = "source_not_in_network"
	// ReasonNotAService: the appliance does not offer what it asks for (P4).
	ReasonNotAService Reason = "not_a_service"
	// ReasonNoPublicIPRule: it came from outside and no public IP rule is for it (P5, P9).
	ReasonNoPublicIPRule Reason = "no_public_ip_rule"
	// ReasonRoutingDisabled: the routing option is off (P6).
	ReasonRoutingDisabled Reason = "routing_disabled"
	// ReasonDifferentHardwarePlan: nothing is routed across plans (P7).
	ReasonDifferentHardwarePlan Reason = "different_hardware_plan"
	// ReasonNoInternetAccess: the network has no internet access (P8).
	ReasonNoInternetAccess Reason = "no_internet_access"
	// ReasonNoRoute: no route leads to its destination (P8).
	ReasonNoRoute Reason = "no_route"
	// ReasonHopLimitExceeded: its hop limit is used up (P10).
	ReasonHopLimitExceeded Reason = "hop_limit_exceeded"
	// ReasonFlowTableFull: it would start a flow, and there is no room for one.
	ReasonFlowTableFull Reason = "flow_table_full"
)

// The reasons for forwarding a packet. The names are our decision.
const (
	// ReasonPublicIPRule: a public IP rule is for it (P5).
	ReasonPublicIPRule Reason = "public_ip_rule"
	// ReasonSameNetwork: source and destination are in one network, which needs no
	// routing option.
	ReasonSameNetwork Reason = "same_network"
	// ReasonRoutingEnabled: the routing option joins both networks (P6).
	ReasonRoutingEnabled Reason = "routing_enabled"
	// ReasonInternetAccess: the network has internet access (P8).
	ReasonInternetAccess Reason = "internet_access"
	// ReasonKnownFlow: it belongs to a flow that was let through before.
	ReasonKnownFlow Reason = "known_flow"
	// ReasonOwnReply: the appliance itself sends it, as the answer to a packet that
	// was delivered.
	ReasonOwnReply Reason = "own_reply"
)

// The reasons for delivering a packet to the appliance itself (P4). The names
// are our decision.
const (
	// ReasonEcho: it is an ICMP echo.
	ReasonEcho Reason = "echo"
	// ReasonManagement: it is for the port through which the service provider
	// manages the appliance.
	ReasonManagement Reason = "management"
)

// ReasonPrivateDestination is the reason for a forwarded packet to reach nobody: the way leads
// through the internet, and no internet carries such an address (D22).
const ReasonPrivateDestination Reason = "private_destination"

// StepKind is the subject of a step of a trace.
type StepKind string

// The kinds, in the order in which they appear in a trace. A packet that is dropped
// has the first two; one that is delivered as well.
const (
	// StepArriving: where the packet arrives.
	StepArriving StepKind = "arriving"
	// StepRule: the rule that settled the verdict.
	StepRule StepKind = "rule"
	// StepDestinationNAT and StepSourceNAT: a translation. Only those that change
	// something are there.
	StepDestinationNAT StepKind = "destination_nat"
	StepSourceNAT      StepKind = "source_nat"
	// StepRoute: the route taken.
	StepRoute StepKind = "route"
	// StepLeaving: where the packet leaves.
	StepLeaving StepKind = "leaving"
	// StepOutside: why a packet that left reaches nobody.
	StepOutside StepKind = "outside"
)

// TraceStep is one step of a decision, in words and in data. Data that a kind of
// step does not have is the zero value.
type TraceStep struct {
	Kind    StepKind
	Message string
	// Interface is where the packet arrives or leaves.
	Interface string
	// From and To are the ends of a translation, as in TracedPacket.
	From, To netip.AddrPort
	// Route is the destination of the route taken.
	Route netip.Prefix
}

// TracedPacket is a packet as it leaves the appliance, or as it arrived if it is not
// forwarded. The ports are 0 where the protocol has none.
type TracedPacket struct {
	Verdict             Verdict
	Reason              Reason
	Source, Destination netip.AddrPort
	Steps               []TraceStep
}

// FormatEnd writes an end of a traced packet, with its port where it has one.
func FormatEnd(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}

// ParseFormattedEnd is the inverse of FormatEnd.
func ParseFormattedEnd(s string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, 0), nil
	}
	return netip.ParseAddrPort(s)
}

// Reachability is the outcome of a trace: what becomes of a request and of its
// reply. Reachable means that the request arrives and its reply gets back, on real
// ways: D22 counts.
type Reachability struct {
	Reachable bool
	// Explanation is one sentence with the cause and, where there is one, the way out.
	Explanation string
	// Addresses are all that the answer depends on: those of both ends, and where public
	// IP rules lead. A gateway whose network has none of them, before and after a
	// change, changes nothing about it.
	Addresses []netip.Addr
	// TracedPacket is the request. Its verdict is the appliance's, which sends out packets
	// that then reach nobody.
	TracedPacket
	// Reply is nil where the request is dropped.
	Reply *TracedPacket
}
