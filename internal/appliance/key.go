package appliance

// flowKey is how the packets of a flow look in one direction when they arrive.
//
// The interface is part of it: a packet that arrives elsewhere does not belong to
// the flow and is decided as a first one, so that an address taken on another
// network does not ride on it (our decision).
type flowKey struct {
	source, destination         number
	arriving                    Interface
	sourcePort, destinationPort uint16
	protocol                    Protocol
	echoReply                   bool
}

// set applies P1 and notes how a valid packet looks: two unicast addresses of
// one family, and a protocol of that family. An ICMP echo has no destination port, and
// nothing else is an echo reply.
func (k *flowKey) set(p *Packet) (valid bool) {
	var ok bool
	if k.source, ok = unicast(p.Source.Addr()); !ok {
		return false
	}
	if k.destination, ok = unicast(p.Destination.Addr()); !ok {
		return false
	}
	k.arriving, k.protocol, k.echoReply = p.Interface, p.Protocol, p.EchoReply
	k.sourcePort, k.destinationPort = p.Source.Port(), p.Destination.Port()
	is4 := p.Source.Addr().Is4()
	if is4 != p.Destination.Addr().Is4() {
		return false
	}
	switch p.Protocol {
	case TCP, UDP:
		return !k.echoReply
	case ICMP:
		return is4 && k.destinationPort == 0
	case ICMPv6:
		return !is4 && k.destinationPort == 0
	default:
		return false
	}
}

// answers returns the key of the answers to a packet that left, as k says, through
// an interface. An ICMP echo request and its reply have one identifier, which is in the
// same place in both (RFC 792); so only what they are tells the reply from a request that
// the other end sends by itself.
func (k flowKey) answers(leaving Interface) flowKey {
	k.arriving = leaving
	k.source, k.destination = k.destination, k.source
	if k.protocol.isEcho() {
		k.echoReply = !k.echoReply
	} else {
		k.sourcePort, k.destinationPort = k.destinationPort, k.sourcePort
	}
	return k
}
