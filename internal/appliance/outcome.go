package appliance

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// outcome is one way in which a packet rule can end.
type outcome struct {
	verdict vcc.Verdict
	reason  vcc.Reason
	rule    int // N of PN, 0 for what the flow table settles
	// because says in words why a packet has this outcome. Deciding never calls it.
	because func(*Compiled, *Packet) string
}

// verdicts has that of each reason: no reason has two.
var verdicts = map[vcc.Reason]vcc.Verdict{}

// settles returns an outcome, and notes the verdict of its reason.
func settles(v vcc.Verdict, r vcc.Reason, rule int, because func(*Compiled, *Packet) string) outcome {
	if other, known := verdicts[r]; known && other != v {
		panic(fmt.Sprintf("the reason %s has two verdicts", r))
	}
	verdicts[r] = v
	return outcome{v, r, rule, because}
}

// The outcomes, in the order of the rules.
var (
	invalidPacket = settles(vcc.Dropped, vcc.ReasonInvalidPacket, 1, func(*Compiled, *Packet) string {
		return "no packet of this protocol can go from and to these addresses"
	})
	strayReply = settles(vcc.Dropped, vcc.ReasonInvalidPacket, 1, func(*Compiled, *Packet) string {
		return "it is an echo reply, and no request that it answers was let through"
	})

	noDefaultGateway = settles(vcc.Dropped, vcc.ReasonNoDefaultGateway, 2, func(c *Compiled, p *Packet) string {
		return fmt.Sprintf("%s has no %s default gateway that the appliance could stand in for", c.label(p.Interface), familyName(p.Source.Addr()))
	})
	sourceNotInNetwork = settles(vcc.Dropped, vcc.ReasonSourceNotInNetwork, 2, func(c *Compiled, p *Packet) string {
		source := p.Source.Addr()
		if isLinkLocal(source) {
			return fmt.Sprintf("%s is link-local or the gateway's own, and such a source gets no further than the appliance", source)
		}
		return fmt.Sprintf("%s is not the address of a host on %s", source, c.label(p.Interface))
	})

	sourceInsideNetworks = settles(vcc.Dropped, vcc.ReasonSourceNotInNetwork, 3, func(_ *Compiled, p *Packet) string {
		return fmt.Sprintf("%s cannot come from outside: it is link-local, the appliance's own or in one of the tenant's networks", p.Source.Addr())
	})

	echo = settles(vcc.Delivered, vcc.ReasonEcho, 4, func(c *Compiled, p *Packet) string {
		return fmt.Sprintf("%s is the appliance's own address on %s, and it answers to an echo", p.Destination.Addr(), c.label(c.ownInterface(p)))
	})
	management = settles(vcc.Delivered, vcc.ReasonManagement, 4, func(_ *Compiled, p *Packet) string {
		return fmt.Sprintf("the service provider manages the appliance through port %d of %s", vcc.ManagementPort, p.Destination.Addr())
	})
	notAService = settles(vcc.Dropped, vcc.ReasonNotAService, 4, func(c *Compiled, p *Packet) string {
		return fmt.Sprintf("%s is the appliance's own address on %s, and it offers no such service", p.Destination.Addr(), c.label(c.ownInterface(p)))
	})

	publicIPRule = settles(vcc.Forwarded, vcc.ReasonPublicIPRule, 5, func(_ *Compiled, p *Packet) string {
		return fmt.Sprintf("a public IP rule is for %s", p.Destination)
	})
	noRuleForPort = settles(vcc.Dropped, vcc.ReasonNoPublicIPRule, 5, func(_ *Compiled, p *Packet) string {
		if p.Protocol.isEcho() {
			return fmt.Sprintf("public IP rules let TCP and UDP in to %s, and no echo", p.Destination.Addr())
		}
		return fmt.Sprintf("none of the public IP rules for %s that lead anywhere is for port %d", p.Destination.Addr(), p.Destination.Port())
	})

	sameNetwork = settles(vcc.Forwarded, vcc.ReasonSameNetwork, 6, func(*Compiled, *Packet) string {
		return "source and destination are in one network, where hosts reach each other without the appliance"
	})
	routingEnabled = settles(vcc.Forwarded, vcc.ReasonRoutingEnabled, 6, func(c *Compiled, p *Packet) string {
		to, _ := c.table.Lookup(p.Destination.Addr()) // both are in the same plan
		return fmt.Sprintf("traffic is routed between the networks of hardware plan %q", c.HardwarePlans[to.plan])
	})
	routingDisabled = settles(vcc.Dropped, vcc.ReasonRoutingDisabled, 6, func(c *Compiled, p *Packet) string {
		to, _ := c.table.Lookup(p.Destination.Addr())
		return fmt.Sprintf("%s is in %s, and traffic between networks is not routed; switch the routing option on", p.Destination.Addr(), c.label(to.network))
	})

	differentHardwarePlan = settles(vcc.Dropped, vcc.ReasonDifferentHardwarePlan, 7, func(c *Compiled, p *Packet) string {
		to, _ := c.table.Lookup(p.Destination.Addr())
		return fmt.Sprintf("%s is in %s of hardware plan %q, and nothing is routed between hardware plans", p.Destination.Addr(), c.label(to.network), c.HardwarePlans[to.plan])
	})

	internetAccess = settles(vcc.Forwarded, vcc.ReasonInternetAccess, 8, func(c *Compiled, p *Packet) string {
		return fmt.Sprintf("%s is outside, and %s has internet access", p.Destination.Addr(), c.label(p.Interface))
	})
	noInternetAccess = settles(vcc.Dropped, vcc.ReasonNoInternetAccess, 8, func(c *Compiled, p *Packet) string {
		return fmt.Sprintf("%s is outside, and %s has no internet access", p.Destination.Addr(), c.label(p.Interface))
	})
	noRoute = settles(vcc.Dropped, vcc.ReasonNoRoute, 8, func(c *Compiled, p *Packet) string {
		destination := p.Destination.Addr()
		to, _ := c.table.Lookup(destination)
		switch {
		case isLinkLocal(destination):
			return fmt.Sprintf("%s is link-local, and such addresses are never routed", destination)
		case to.via == unreachable:
			return fmt.Sprintf("%s is in %s, which the appliance leaves without IPv6 because its prefix is not a /%d", destination, c.label(to.network), vcc.FailoverPrefixLength)
		default:
			return fmt.Sprintf("%s is outside, and the appliance has no external %s gateway; ask the service provider for one", destination, familyName(destination))
		}
	})

	noPublicIPRule = settles(vcc.Dropped, vcc.ReasonNoPublicIPRule, 9, func(_ *Compiled, p *Packet) string {
		return fmt.Sprintf("from outside only public IP rules let anything in, and none is for %s", p.Destination.Addr())
	})

	hopLimitExceeded = settles(vcc.Dropped, vcc.ReasonHopLimitExceeded, 10, func(_ *Compiled, p *Packet) string {
		return fmt.Sprintf("a packet that arrives with a hop limit of %d cannot go on", p.HopLimit)
	})

	noRouteBack = settles(vcc.Dropped, vcc.ReasonNoRoute, 0, func(_ *Compiled, p *Packet) string {
		return noWayBack(p.Destination.Addr())
	})
	knownFlow = settles(vcc.Forwarded, vcc.ReasonKnownFlow, 0, func(*Compiled, *Packet) string {
		return "it belongs to a flow that was let through"
	})
	flowTableFull = settles(vcc.Dropped, vcc.ReasonFlowTableFull, 0, func(*Compiled, *Packet) string {
		return "there is no room for another flow"
	})
)

// label names an interface for people.
func (c *Compiled) label(i Interface) string {
	if i <= Ext0 || int(i) >= len(c.Interfaces) {
		return i.String()
	}
	return fmt.Sprintf("%s (%s)", i, c.Interfaces[i].NetworkName)
}

// noWayBack says why a reply to an address outside gets no further.
func noWayBack(to netip.Addr) string {
	return fmt.Sprintf("the appliance has no external %s gateway to send a reply to %s through", familyName(to), to)
}

// ownInterface returns the interface that has the destination of a packet as an address of the
// appliance. It looks at the one where the packet arrived first, since two may have one
// link-local address, and then at all, which a trace can afford.
func (c *Compiled) ownInterface(p *Packet) Interface {
	has := func(i vcc.ApplianceInterface) bool {
		return slices.ContainsFunc(i.Addresses, func(own netip.Prefix) bool { return own.Addr() == p.Destination.Addr() })
	}
	if !has(c.Interfaces[p.Interface]) {
		if i := slices.IndexFunc(c.Interfaces, has); i >= 0 {
			return Interface(i) // #nosec G115 -- a host has 4,094 VLANs at most
		}
	}
	return p.Interface
}
