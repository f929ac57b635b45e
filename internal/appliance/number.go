package appliance

import (
	"encoding/binary"
	"net/netip"
)

// number is an address as a number, which is cheaper to compare, to mask and to
// hash than a netip.Addr. An IPv4 address is the number of its IPv4-mapped IPv6
// address (RFC 4291, 2.5.5.2), which no packet has.
type number struct{ high, low uint64 }

// numberOf returns the number of an address. A zone is lost.
func numberOf(a netip.Addr) number {
	b := a.As16()
	return number{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func mapped(v4 uint32) number { return number{low: 0xffff<<32 | uint64(v4)} }

// addr is the inverse of numberOf.
func (n number) addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], n.high)
	binary.BigEndian.PutUint64(b[8:], n.low)
	return netip.AddrFrom16(b).Unmap()
}

// The families, as indexes.
const (
	ipv4 = 0
	ipv6 = 1
)

// familyOf returns ipv4 or ipv6. Everything that is not plain IPv4 is ipv6.
func familyOf(a netip.Addr) int {
	if a.Is4() {
		return ipv4
	}
	return ipv6
}

func familyName(a netip.Addr) string { return [...]string{ipv4: "IPv4", ipv6: "IPv6"}[familyOf(a)] }

// unicast returns the number of an address, and whether the address can be one end
// of a packet (P1). It is malformed with a zone, which no packet carries, and
// when IPv4-mapped, which none may carry (RFC 4942, 2.2). The limited broadcast
// address, which must not be forwarded (RFC 1812, 5.3.5.1), counts as malformed too
// (our decision). InvalidPrefixes says the same in prefixes.
func unicast(a netip.Addr) (number, bool) {
	if a.Is4() {
		b := a.As4()
		v4 := binary.BigEndian.Uint32(b[:])
		octet := v4 >> 24
		return mapped(v4), octet != 127 && octet>>4 != 0xe && // loopback, multicast
			v4 != 0 && v4 != 0xffff_ffff // unspecified, limited broadcast
	}
	n := numberOf(a)
	return n, a.Is6() && a.Zone() == "" &&
		n.high>>56 != 0xff && // multicast
		(n.high != 0 || n.low > 1 && n.low>>32 != 0xffff) // unspecified, loopback, IPv4-mapped
}

// isLinkLocal reports whether an address is in fe80::/10. The IPv4 block
// 169.254.0.0/16 is treated like any other (our decision: the design speaks of
// IPv6 alone, and a gateway can be stored there).
func (n number) isLinkLocal() bool { return n.high>>54 == 0xfe80>>6 }

func isLinkLocal(a netip.Addr) bool { return numberOf(a).isLinkLocal() }

// isRoutable reports whether a router may forward packets with that address.
func isRoutable(a netip.Addr) bool {
	n, ok := unicast(a)
	return ok && !n.isLinkLocal()
}

func isUnicast(a netip.Addr) bool {
	_, ok := unicast(a)
	return ok
}
