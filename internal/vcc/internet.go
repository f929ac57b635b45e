package vcc

import "net/netip"

// privateBlocks are the addresses that no internet carries (D22).
var privateBlocks = []struct {
	block netip.Prefix
	rfc   string
}{
	{netip.MustParsePrefix("10.0.0.0/8"), "RFC 1918"},
	{netip.MustParsePrefix("172.16.0.0/12"), "RFC 1918"},
	{netip.MustParsePrefix("192.168.0.0/16"), "RFC 1918"},
	{netip.MustParsePrefix("100.64.0.0/10"), "RFC 6598"},
	{netip.MustParsePrefix("169.254.0.0/16"), "RFC 3927"},
	{netip.MustParsePrefix("fc00::/7"), "RFC 4193"},
}

// PrivateUse returns the RFC that keeps an address off the internet, "" if none does
// (D22).
func PrivateUse(a netip.Addr) (rfc string) {
	for _, p := range privateBlocks {
		if p.block.Contains(a) {
			return p.rfc
		}
	}
	return ""
}

// Lost returns why an address is not found through the internet, "" if it may be (D22). Neighbors on the external
// network are reached without the internet. ofSite says that the address is of the tenant's site, which is lost,
// and in no network that has a gateway for it.
func (s ExternalSettings) Lost(a netip.Addr, ofSite bool) Reason {
	switch {
	case s.Contains(a):
		return ""
	case PrivateUse(a) != "":
		return ReasonPrivateDestination
	case ofSite:
		return ReasonNoDefaultGateway
	}
	return ""
}

// OutsideAddress returns an address that stands for any on the internet: of the blocks
// for documentation where nothing else claims it, and the zero value where everything
// is claimed.
func OutsideAddress(v6 bool, claimed func(netip.Addr) bool) netip.Addr {
	candidates := []string{"192.0.2.1", "198.51.100.1", "203.0.113.1"} // RFC 5737
	if v6 {
		candidates = []string{"3fff::1", "2001:db8::1"} // RFC 9637, RFC 3849
	}
	for _, s := range candidates {
		if a := netip.MustParseAddr(s); !claimed(a) {
			return a
		}
	}
	for first := 1; first < 224; first++ {
		a := netip.AddrFrom4([4]byte{byte(first), 0, 113, 1})
		if v6 {
			a = netip.AddrFrom16([16]byte{0x20 | byte(first>>4), byte(first << 4), 15: 1}) // #nosec G115 -- of 2000::/3
		}
		if !a.IsLoopback() && PrivateUse(a) == "" && !claimed(a) {
			return a
		}
	}
	return netip.Addr{}
}

// PrivateBlocks are the blocks whose addresses no internet carries (D22).
func PrivateBlocks() []netip.Prefix {
	blocks := make([]netip.Prefix, len(privateBlocks))
	for i, p := range privateBlocks {
		blocks[i] = p.block
	}
	return blocks
}
