package vcc

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// IPv6Settings are the IPv6 half of a default gateway, as the console's IPv6
// dialog takes them: an IP network with its prefix length, and the gateway.
type IPv6Settings struct {
	// Address is the gateway's own address: inside Network, or link-local.
	Address netip.Addr
	// Network is the IP network, with no bits set below its prefix length.
	Network netip.Prefix
}

// FailoverPrefixLength is the one IPv6 prefix length that works for failover
// (D11, a limitation of the product).
const FailoverPrefixLength = 64

// ParseIPv6Settings reads the three values of the IPv6 dialog. The error lists
// every value that is wrong, with the fields "address", "network" and
// "prefixLength".
func ParseIPv6Settings(address, network string, prefixLength int) (IPv6Settings, error) {
	return parseIPv6Settings(address, network, prefixLength, ValidatePrefixLength(prefixLength))
}

// ParseTypedIPv6Settings is ParseIPv6Settings for a prefix length that somebody typed.
func ParseTypedIPv6Settings(address, network, prefixLength string) (IPv6Settings, error) {
	length, read := parseLength(prefixLength)
	if !read {
		return parseIPv6Settings(address, network, 0, invalid("", "%q is not a prefix length; use 1 to 128 (%d is the one that works for failover)", prefixLength, FailoverPrefixLength))
	}
	return ParseIPv6Settings(address, network, length)
}

func parseIPv6Settings(address, network string, prefixLength int, lenErr error) (IPv6Settings, error) {
	addr, addrErr := ParseIPv6Address(address)
	net, netErr := ParseIPv6Address(network)
	if err := errors.Join(Within("address", addrErr), Within("network", netErr), Within("prefixLength", lenErr)); err != nil {
		return IPv6Settings{}, err
	}
	s := IPv6Settings{Address: addr, Network: netip.PrefixFrom(net, prefixLength)}
	return s, s.Validate()
}

// ParseIPv6WithLength reads a gateway's address and its IP network in one piece each, such as fe80::1 and
// 2001:db8:52::/64. Without a network the address has the length: 2001:db8:52::1/64. The error lists what is
// wrong, with the fields "address" and "network".
func ParseIPv6WithLength(address, network string) (IPv6Settings, error) {
	if network == "" {
		addr, length, err := cutLength(address, "2001:db8:52::1/64")
		if err != nil {
			return IPv6Settings{}, Within("address", err)
		}
		s := IPv6Settings{Address: addr, Network: netip.PrefixFrom(addr, length).Masked()}
		if err := Within("address", withoutField(s.Validate())); err != nil {
			return IPv6Settings{}, err
		}
		return s, nil
	}
	addr, addrErr := ParseIPv6Address(address)
	net, length, netErr := cutLength(network, "2001:db8:52::/64")
	if err := errors.Join(Within("address", addrErr), Within("network", netErr)); err != nil {
		return IPv6Settings{}, err
	}
	s := IPv6Settings{Address: addr, Network: netip.PrefixFrom(net, length)}
	return s, s.Validate()
}

// cutLength reads an IPv6 address with a prefix length behind it.
func cutLength(s, example string) (netip.Addr, int, error) {
	text, behind, ok := strings.Cut(s, "/")
	addr, err := ParseIPv6Address(text)
	if err != nil {
		return addr, 0, err
	}
	length, good := parseLength(behind)
	if !ok || !good {
		return addr, 0, invalid("", "%q lacks a prefix length; write it like %s", s, example)
	}
	return addr, length, ValidatePrefixLength(length)
}

// ParseIPv6Address reads an IPv6 address that a gateway or a network may have
// (D10): no zone, no IPv4-mapped address, no multicast, not unspecified and
// not loopback. Any RFC 4291 spelling is good. The error has no field.
func ParseIPv6Address(s string) (netip.Addr, error) {
	addr, err := readIPv6Address(s)
	if err != nil {
		return netip.Addr{}, err
	}
	return addr, validateIPv6Address(addr)
}

// readIPv6Address reads an address without the rules of a gateway.
func readIPv6Address(s string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(s)
	switch {
	case err == nil:
		return addr, nil
	case strings.Contains(s, "/"):
		return netip.Addr{}, invalid("", "%q has a prefix length; write the address alone, and the length as the prefix length", s)
	}
	return netip.Addr{}, invalid("", "%q is not an IPv6 address; write one such as 2001:db8:52::1", s)
}

func validateIPv6Address(addr netip.Addr) error {
	switch {
	case addr.Is4():
		return invalid("", "%q is an IPv4 address; an IPv6 address such as 2001:db8:52::1 belongs here", addr)
	case !addr.IsValid():
		return invalid("", "an IPv6 address such as 2001:db8:52::1 is required")
	case addr.Zone() != "":
		return invalid("", "%q has a zone, which means something on one machine only; write %s", addr, addr.WithZone(""))
	case addr.Is4In6():
		return invalid("", "%q is an IPv4-mapped address; IPv4 addresses belong into the IPv4 settings", addr)
	case addr.IsMulticast():
		return invalid("", "%q is a multicast address; a unicast address such as 2001:db8:52::1 or fe80::1 belongs here", addr)
	case addr.IsUnspecified():
		return invalid("", "%q is the unspecified address; a unicast address such as 2001:db8:52::1 or fe80::1 belongs here", addr)
	case addr.IsLoopback():
		return invalid("", "%q is the loopback address; a unicast address such as 2001:db8:52::1 or fe80::1 belongs here", addr)
	}
	return nil
}

// ValidatePrefixLength checks that an IPv6 prefix length is 1 to 128 (D10).
// The error has no field.
func ValidatePrefixLength(n int) error {
	if n < 1 || n > 128 {
		return invalid("", "%d is not a prefix length; use 1 to 128 (64 is the one that works for failover)", n)
	}
	return nil
}

// Validate checks D10.
func (s IPv6Settings) Validate() error {
	err := errors.Join(Within("address", validateIPv6Address(s.Address)), Within("network", validateIPv6Address(s.Network.Addr())), Within("prefixLength", ValidatePrefixLength(s.Network.Bits())))
	if err != nil {
		return err
	}
	if masked := s.Network.Masked(); s.Network != masked {
		return invalid("network", "%s has bits set below its prefix length of %d; the network is %s",
			s.Network.Addr(), s.Network.Bits(), masked.Addr())
	}
	if s.Network.Overlaps(linkLocal) {
		return invalid("network", "%s has link-local addresses (%s), which are on every link, so that no router could tell which network is meant (RFC 4291); "+
			"use the network's global or unique local prefix, such as 2001:db8:52::", s.Network, linkLocal)
	}
	if !s.Network.Contains(s.Address) && !s.Address.IsLinkLocalUnicast() {
		return invalid("address", "%s is outside %s; use an address of that network, or a link-local one such as fe80::1",
			s.Address, s.Network)
	}
	return nil
}

// Warnings returns D11's advice for a prefix length other than 64.
func (s IPv6Settings) Warnings() []Warning {
	if s.Network.Bits() == FailoverPrefixLength {
		return nil
	}
	return []Warning{PrefixLengthWarning(s.Network.Bits())}
}

// PrefixLengthWarning returns D11's advice, for a length that is not
// FailoverPrefixLength.
func PrefixLengthWarning(n int) Warning {
	return Warning{
		Field: "prefixLength",
		Message: "Only /64 works for failover over IPv6. A prefix length of " + strconv.Itoa(n) +
			" is stored, but at full site failover the network extension appliance leaves this network without IPv6.",
	}
}
