package appliance

import (
	"net/netip"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// First runs the stateless part of a decision: the ten rules, without the flow
// table.
func (c *Compiled) First(p *Packet) vcc.Verdict {
	var k flowKey
	if !k.set(p) {
		return vcc.Dropped
	}
	return c.first(p, &k).verdict
}

// Rule returns N of the rule PN that settles the verdict on a first packet.
func (c *Compiled) Rule(p Packet) int {
	_, r, _ := newFlowTable(1).decide(c, &p, time.Time{})
	return r.rule
}

// Lookup is a bare lookup in the table that deciding uses.
func (c *Compiled) Lookup(a netip.Addr) bool {
	_, ok := c.table.Lookup(a)
	return ok
}

// Crowded returns how many peers there are whose ports are kept.
func (e *Engine) Crowded() int { return len(e.flows.crowded) }

// FreePort returns the source port that a packet out of a network would get, as it is found, or one
// port after the other.
func (e *Engine) FreePort(p Packet, oneByOne bool) uint16 {
	var left flowKey
	left.set(&p)
	left.source = e.Compiled().external[familyOf(p.Source.Addr())].address
	if !oneByOne {
		back, _ := e.flows.freeAnswers(left, Ext0)
		_, port := back.peer()
		return port
	}
	for {
		if _, taken := e.flows.flows[left.answers(Ext0)]; !taken {
			return left.sourcePort
		}
		if left.sourcePort++; left.sourcePort == 0 {
			left.sourcePort = 1024
		}
	}
}

// Unicast reports whether an address can be an end of a packet, as deciding does.
var Unicast = isUnicast
