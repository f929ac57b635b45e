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
	_, r := newFlowTable(1).decide(c, &p, time.Time{})
	return r.rule
}

// Lookup is a bare lookup in the table that deciding uses.
func (c *Compiled) Lookup(a netip.Addr) bool {
	_, ok := c.table.Lookup(a)
	return ok
}
