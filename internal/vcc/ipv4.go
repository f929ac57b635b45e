package vcc

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// IPv4Settings are the IPv4 half of a default gateway, as the console's IPv4
// dialog takes them: an address and a subnet mask, from which the network
// follows.
type IPv4Settings struct {
	// Address is the gateway's own address.
	Address netip.Addr
	// PrefixLength is the number of one bits in the subnet mask, 1 to 32.
	PrefixLength int
}

// ParseIPv4Settings reads an address and a dotted subnet mask. The error lists
// every value that is wrong, with the fields "address" and "subnetMask".
func ParseIPv4Settings(address, subnetMask string) (IPv4Settings, error) {
	addr, addrErr := ParseIPv4Address(address)
	length, maskErr := ParseSubnetMask(subnetMask)
	if err := errors.Join(Within("address", addrErr), Within("subnetMask", maskErr)); err != nil {
		return IPv4Settings{}, err
	}
	s := IPv4Settings{Address: addr, PrefixLength: length}
	return s, s.Validate()
}

// ParseIPv4WithLength reads an address and its prefix length in one piece, such as 172.17.52.1/23. The
// error has no field.
func ParseIPv4WithLength(s string) (IPv4Settings, error) {
	address, length, ok := strings.Cut(s, "/")
	addr, err := ParseIPv4Address(address)
	switch {
	case err != nil:
		return IPv4Settings{}, err
	case !ok:
		return IPv4Settings{}, invalid("", "%q lacks the length of its mask; write it like %s/24", s, addr)
	}
	settings := IPv4Settings{Address: addr}
	if settings.PrefixLength, ok = parseLength(length); !ok {
		if ones, err := ParseSubnetMask(length); err == nil {
			return IPv4Settings{}, invalid("", "%q has a mask where its length belongs; write %s/%d", s, addr, ones)
		}
		return IPv4Settings{}, invalid("", "%q has no prefix length behind the slash; write it like %s/24", s, addr)
	}
	return settings, withoutField(settings.Validate())
}

// parseLength reads a prefix length as it stands behind a slash.
func parseLength(s string) (length int, ok bool) {
	length, err := strconv.Atoi(s)
	return length, err == nil && strconv.Itoa(length) == s
}

// withoutField is for errors about a value that is one piece.
func withoutField(err error) error {
	all := Errors(err)
	for i, e := range all {
		moved := *e
		moved.Field, all[i] = "", &moved
	}
	return errors.Join(asErrors(all)...)
}

func asErrors(all []*Error) []error {
	errs := make([]error, len(all))
	for i, e := range all {
		errs[i] = e
	}
	return errs
}

// ParseIPv4Address reads an IPv4 address in dotted decimal. The error has no
// field: the caller knows where the value stood.
func ParseIPv4Address(s string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(s)
	switch {
	case err == nil && addr.Is4():
		return addr, nil
	case err == nil && addr.Is4In6():
		return netip.Addr{}, invalid("", "%q is an IPv4-mapped IPv6 address; write it as %s", s, addr.Unmap())
	case err == nil:
		return netip.Addr{}, invalid("", "%q is an IPv6 address; an IPv4 address such as 172.17.52.1 belongs here", s)
	case strings.Contains(s, "/"):
		return netip.Addr{}, invalid("", "%q has a prefix length; write the address alone, and the length as the subnet mask", s)
	case hasLeadingZero(s):
		return netip.Addr{}, invalid("", "%q has a number with a leading zero, which some programs read as octal; write it without", s)
	default:
		return netip.Addr{}, invalid("", "%q is not an IPv4 address; write four numbers from 0 to 255, such as 172.17.52.1", s)
	}
}

func hasLeadingZero(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return false
	}
	leading := false
	for _, p := range parts {
		if _, err := strconv.ParseUint(p, 10, 32); err != nil {
			return false
		}
		leading = leading || (len(p) > 1 && p[0] == '0')
	}
	return leading
}

// ParseSubnetMask reads a dotted subnet mask and returns its prefix length, 1
// to 32 (D9). The error has no field.
func ParseSubnetMask(s string) (int, error) {
	addr, err := netip.ParseAddr(s)
	if err != nil || !addr.Is4() {
		if n, lengthErr := strconv.Atoi(strings.TrimPrefix(s, "/")); lengthErr == nil && n >= 1 && n <= 32 {
			return 0, invalid("", "%q is a prefix length; the subnet mask of /%d is %s", s, n, subnetMask(n))
		}
		return 0, invalid("", "%q is not a subnet mask; write it in dotted decimal, such as 255.255.254.0", s)
	}
	octets := addr.As4()
	mask := binary.BigEndian.Uint32(octets[:])
	ones := bits.LeadingZeros32(^mask)
	switch {
	case ones == 0 && mask == 0:
		return 0, invalid("", "0.0.0.0 is no subnet mask for a gateway: it spans every address; use 128.0.0.0 (/1) to 255.255.255.255 (/32)")
	case ones == 0 && bits.LeadingZeros32(mask) > 0 && bits.LeadingZeros32(mask)+bits.OnesCount32(mask) == 32:
		return 0, invalid("", "%s is a wildcard mask; the subnet mask is %s", s, subnetMask(bits.LeadingZeros32(mask)))
	case mask<<ones != 0:
		return 0, invalid("", "%s is not a subnet mask: its one bits are not contiguous; try %s", s, nearestMasks(ones))
	default:
		return ones, nil
	}
}

func nearestMasks(ones int) string {
	upper := subnetMask(ones+1) + " (/" + strconv.Itoa(ones+1) + ")"
	if ones == 0 {
		return upper
	}
	return subnetMask(ones) + " (/" + strconv.Itoa(ones) + ") or " + upper
}

func subnetMask(length int) string {
	var octets [4]byte
	binary.BigEndian.PutUint32(octets[:], ^uint32(0)<<(32-length))
	return netip.AddrFrom4(octets).String()
}

// SubnetMask returns the mask in dotted decimal.
func (s IPv4Settings) SubnetMask() string { return subnetMask(s.PrefixLength) }

// Network returns the IP network that the console shows for these settings:
// 172.17.52.1 with 255.255.254.0 gives 172.17.52.0/23.
func (s IPv4Settings) Network() netip.Prefix {
	return netip.PrefixFrom(s.Address, s.PrefixLength).Masked()
}

// reservedIPv4 are the blocks that no gateway can have an address in (D9).
var reservedIPv4 = []struct {
	block netip.Prefix
	use   string // with its RFC
}{
	{netip.MustParsePrefix("0.0.0.0/8"), `0.0.0.0/8 means "this network" (RFC 1122)`},
	{netip.MustParsePrefix("127.0.0.0/8"), "127.0.0.0/8 is loopback (RFC 1122)"},
	{netip.MustParsePrefix("224.0.0.0/4"), "224.0.0.0/4 is multicast (RFC 5771)"},
	{netip.MustParsePrefix("240.0.0.0/4"), "240.0.0.0/4 is reserved (RFC 1112)"},
}

// Validate checks D9: a usable unicast host address inside its own network,
// and a mask from /1 to /32.
func (s IPv4Settings) Validate() error {
	if !s.Address.Is4() {
		return invalid("address", "an IPv4 address such as 172.17.52.1 is required")
	}
	if s.PrefixLength < 1 || s.PrefixLength > 32 {
		return invalid("subnetMask", "a prefix length of %d is impossible; the mask must be 128.0.0.0 (/1) to 255.255.255.255 (/32)", s.PrefixLength)
	}
	for _, r := range reservedIPv4 {
		if r.block.Contains(s.Address) {
			return invalid("address", "%s cannot be a gateway: %s; use a unicast address of the production network", s.Address, r.use)
		}
	}
	if s.PrefixLength >= 31 {
		return nil // RFC 3021: both addresses of a /31 are hosts, and so is the one of a /32
	}
	network := s.Network()
	first, last := network.Addr(), lastIPv4(network)
	if s.Address == first {
		return invalid("address", "%s is the network address of %s; a gateway needs a host address, %s to %s",
			s.Address, network, first.Next(), last.Prev())
	}
	if s.Address == last {
		return invalid("address", "%s is the broadcast address of %s; a gateway needs a host address, %s to %s",
			s.Address, network, first.Next(), last.Prev())
	}
	return nil
}

func lastIPv4(p netip.Prefix) netip.Addr {
	octets := p.Addr().As4()
	binary.BigEndian.PutUint32(octets[:], binary.BigEndian.Uint32(octets[:])|^uint32(0)>>p.Bits())
	return netip.AddrFrom4(octets)
}
