package appliance

import "net/netip"

// Arriving returns the interface on which packets from an address arrive: that of the network in
// which the address lies, also where the appliance leaves that network without IPv6, and Ext0 for any other address.
func (c *Compiled) Arriving(source netip.Addr) Interface {
	if isLinkLocal(source) {
		return Ext0
	}
	from, _ := c.table.Lookup(source)
	return from.network
}
