package appliance

import "net/netip"

// First runs the stateless part of a decision: the ten rules, without the flow
// table.
func (c *Compiled) First(p *Packet) Verdict {
	var k flowKey
	if !k.set(p) {
		return Dropped
	}
	return c.first(p, &k).verdict
}

// Lookup is a bare lookup in the table that deciding uses.
func (c *Compiled) Lookup(a netip.Addr) bool {
	_, ok := c.table.Lookup(a)
	return ok
}
