package appliance_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
)

// TestInvalidPrefixes: what the engine takes for malformed is what other routers are told. The two can only differ where
// a prefix begins or ends.
func TestInvalidPrefixes(t *testing.T) {
	prefixes := appliance.InvalidPrefixes()
	edges := []netip.Addr{netip.MustParseAddr("172.17.52.10"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("fe80::1")}
	for _, p := range prefixes {
		first, last := p.Addr(), p.Addr().AsSlice()
		for i := p.Bits(); i < p.Addr().BitLen(); i++ {
			last[i/8] |= 0x80 >> (i % 8)
		}
		end, _ := netip.AddrFromSlice(last)
		edges = append(edges, first.Prev(), first, first.Next(), end.Prev(), end, end.Next())
	}
	// Each bit of both families alone, and all but that bit.
	for _, size := range []int{4, 16} {
		for bit := range size * 8 {
			for _, rest := range []byte{0, 0xff} {
				b := slices.Repeat([]byte{rest}, size)
				b[bit/8] ^= 0x80 >> (bit % 8)
				a, _ := netip.AddrFromSlice(b)
				edges = append(edges, a)
			}
		}
	}
	for _, a := range edges {
		if !a.IsValid() {
			continue // before the first address, or behind the last one
		}
		// IPv4-mapped addresses are those of IPv6 here.
		in := slices.ContainsFunc(prefixes, func(p netip.Prefix) bool {
			return p.Addr().BitLen() == a.BitLen() && netip.PrefixFrom(a, p.Bits()).Masked().Addr() == p.Addr()
		})
		if in == appliance.Unicast(a) {
			t.Errorf("%s is in the prefixes: %t; the engine takes it: %t", a, in, appliance.Unicast(a))
		}
	}
}
