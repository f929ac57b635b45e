package appliance

import "github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"

// ruling is the outcome of the ten packet rules, with what it does to a forwarded packet.
// It has no more than the compiler keeps in registers.
type ruling struct {
	*outcome
	leaving Interface
	// source, if not nil, gives the packet the external address as its source.
	source *externalFamily
	// destination, if not nil, gives the packet another destination.
	destination *target
}

// first decides the first packet of a flow, except for P1, most of which
// flowKey.set applies. It allocates nothing, and its cost does not depend on the
// number of networks but for the lookup in the table.
func (c *Compiled) first(p *Packet, k *flowKey) ruling {
	if uint(p.Interface) >= uint(len(c.Interfaces)) { // #nosec G115 -- below zero becomes huge
		return ruling{outcome: &invalidPacket}
	}
	if k.echoReply {
		return ruling{outcome: &strayReply}
	}
	var r ruling
	if p.Interface == Ext0 {
		r = c.firstFromOutside(p, k)
	} else {
		r = c.firstFromNetwork(p, k)
	}
	// P10.
	if p.HopLimit <= 1 && r.verdict == vcc.Forwarded {
		return ruling{outcome: &hopLimitExceeded}
	}
	return r
}

func (c *Compiled) firstFromNetwork(p *Packet, k *flowKey) ruling {
	family := familyOf(p.Source.Addr())
	from, high := c.family(p.Interface, family)

	// P2. A link-local source is on the link by definition. The appliance's own addresses are
	// nobody else's (RFC 1812, 5.3.7), and those of the external network within are outside.
	if !from.served {
		return ruling{outcome: &noDefaultGateway}
	}
	external := &c.external[family]
	linkLocal := k.source.isLinkLocal()
	if k.source == (number{high.gateway, from.low}) || k.source == external.address ||
		from.hole && external.network.Contains(p.Source.Addr()) ||
		!linkLocal && (k.source.high != high.network || (k.source.low^from.low)>>from.hostBits != 0) {
		return ruling{outcome: &sourceNotInNetwork}
	}

	// P4.
	if k.destination == (number{high.gateway, from.low}) {
		if k.protocol.isEcho() {
			return ruling{outcome: &echo}
		}
		return ruling{outcome: &notAService}
	}
	if linkLocal {
		return ruling{outcome: &sourceNotInNetwork}
	}

	// A router must not forward to a link-local address (RFC 4291, 2.5.6), whatever
	// the policy: no route leads to it. Nor does one to a network that exists and is
	// not served, which P8 would hand to the outside. Both are our decision.
	if k.destination.isLinkLocal() {
		return ruling{outcome: &noRoute}
	}
	to, _ := c.table.Lookup(p.Destination.Addr())
	if to.via == unreachable {
		return ruling{outcome: &noRoute}
	}

	// P6 and P7 (D13). Within one network there is nothing to
	// join: its hosts reach each other without the appliance, and a packet that comes
	// all the same is sent back (our decision).
	admitted := ruling{outcome: &internetAccess, leaving: Ext0, source: external}
	if to.via != Ext0 {
		switch {
		case to.via == p.Interface:
			admitted = ruling{outcome: &sameNetwork, leaving: to.via}
		case to.plan != from.plan:
			return ruling{outcome: &differentHardwarePlan}
		case !c.RoutingEnabled:
			return ruling{outcome: &routingDisabled}
		default:
			admitted = ruling{outcome: &routingEnabled, leaving: to.via}
		}
	} else if !from.internet { // P8 (D16)
		return ruling{outcome: &noInternetAccess}
	} else if !external.gateway.IsValid() {
		return ruling{outcome: &noRoute}
	}

	// P4 again. A router answers on all of its addresses, whichever interface a packet came in
	// through, and forwards nothing to itself.
	if k.destination == to.own {
		if k.protocol.isEcho() {
			return ruling{outcome: &echo}
		}
		return ruling{outcome: &notAService}
	}
	return admitted
}

func (c *Compiled) firstFromOutside(p *Packet, k *flowKey) ruling {
	own := c.external[familyOf(p.Destination.Addr())].address

	// P3. A link-local source is the service provider's, on this link, and good
	// for P4 only, as on a netN (our decision). The appliance's own addresses are nobody else's.
	linkLocal := k.source.isLinkLocal()
	if linkLocal {
		if k.destination != own {
			return ruling{outcome: &sourceInsideNetworks}
		}
	} else if from, _ := c.table.Lookup(p.Source.Addr()); from.network != Ext0 || from.own == k.source {
		return ruling{outcome: &sourceInsideNetworks}
	}

	// P5. An echo has the port 0, which no rule has.
	to, isPublic := c.publicIPRule(k.destination, k.destinationPort)
	if to != nil && !linkLocal {
		return ruling{outcome: &publicIPRule, leaving: to.leaving, destination: to}
	}

	// P4.
	if k.destination == own {
		switch {
		case k.protocol.isEcho():
			return ruling{outcome: &echo}
		case k.protocol == TCP && k.destinationPort == vcc.ManagementPort:
			return ruling{outcome: &management}
		default:
			return ruling{outcome: &notAService}
		}
	}
	if isPublic {
		return ruling{outcome: &noRuleForPort}
	}

	// P9.
	return ruling{outcome: &noPublicIPRule}
}

// publicIPRule returns the public IP rule for an address and port, nil if there is
// none, and whether a rule names the address at all.
func (c *Compiled) publicIPRule(a number, port uint16) (rule *target, isPublic bool) {
	low, high := 0, len(c.public)
	for low < high {
		middle := (low + high) / 2
		if c.public[middle].compare(a, port) <= 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == 0 {
		return nil, false
	}
	// It is the last that is not greater.
	last := &c.public[low-1]
	if last.public != a {
		return nil, false
	}
	if last.publicPort != port || port == 0 {
		return nil, true
	}
	return last, true
}
