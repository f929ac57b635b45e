package appliance

import (
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// What follows is what another router needs that is to do the same as an Engine.

// Place says where the addresses of a prefix lie.
type Place struct {
	// Network is the netN, or Ext0 for what is outside.
	Network Interface
	// Served is false for a network that exists and that no route leads to.
	Served bool
}

// Places returns the prefixes whose place is known, sorted by address, each before those that lie
// within it. The longest prefix around an address counts; what is in none lies outside.
func (c *Compiled) Places() iter.Seq2[netip.Prefix, Place] {
	return func(yield func(netip.Prefix, Place) bool) {
		for prefix, p := range c.table.AllSorted() {
			if !yield(prefix, Place{Network: p.network, Served: p.via != unreachable}) {
				return
			}
		}
	}
}

// Policy returns the index in HardwarePlans of a network's plan, and whether it has internet
// access. Both are zero for ext0 and for a network that has no address.
func (c *Compiled) Policy(i Interface) (plan int, internetAccess bool) {
	if i == Ext0 {
		return 0, false
	}
	n := &c.ipv4[i-1]
	if !n.served {
		n = &c.ipv6[i-1].network
	}
	return int(n.plan), n.internet
}

// VerdictOf returns the verdict of a reason for which a packet rule or the flow table settles a packet; false for any other
// reason.
func VerdictOf(r vcc.Reason) (v vcc.Verdict, ok bool) {
	v, ok = verdicts[r]
	return v, ok
}

// Reasons returns those for which VerdictOf has a verdict, sorted.
func Reasons() []vcc.Reason { return slices.Sorted(maps.Keys(verdicts)) }

// InvalidPrefixes returns the addresses that can be no end of a packet (P1).
func InvalidPrefixes() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/32"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("255.255.255.255/32"),
		netip.MustParsePrefix("::/127"), netip.MustParsePrefix("::ffff:0:0/96"), netip.MustParsePrefix("ff00::/8"),
	}
}
