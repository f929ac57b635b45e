package wiretest

import (
	"encoding/binary"
	"net/netip"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
)

// NeighbourSolicitation returns the question of a host for the link-layer address of a target on its
// link (RFC 4861, 4.3).
func NeighbourSolicitation(from, target netip.Addr) []byte {
	m := make([]byte, 24)
	m[0] = 135
	copy(m[8:], target.AsSlice())
	return icmpv6(from, target, m)
}

// ListenerReport returns a report of a multicast listener, version 2, without any group (RFC 3810, 5.2).
func ListenerReport(from netip.Addr) []byte {
	m := make([]byte, 8)
	m[0] = 143
	return icmpv6(from, netip.MustParseAddr("ff02::16"), m)
}

func icmpv6(from, to netip.Addr, message []byte) []byte {
	return finish(appliance.Packet{
		Protocol: appliance.ICMPv6, HopLimit: 255, Source: netip.AddrPortFrom(from, 0), Destination: netip.AddrPortFrom(to, 0),
	}, message, 2)
}

// Fragments cuts an IPv4 packet in two after so many bytes of its data, a multiple of 8.
func Fragments(packet []byte, after int, identification uint16) (first, second []byte) {
	cut := func(data []byte, offset int, more bool) []byte {
		b := append(append([]byte(nil), packet[:20]...), data...)
		binary.BigEndian.PutUint16(b[2:], uint16(len(b))) // #nosec G115 -- short
		binary.BigEndian.PutUint16(b[4:], identification)
		flags := uint16(offset / 8) // #nosec G115 -- short
		if more {
			flags |= 0x2000
		}
		binary.BigEndian.PutUint16(b[6:], flags)
		b[10], b[11] = 0, 0
		binary.BigEndian.PutUint16(b[10:], checksum(b[:20], 0))
		return b
	}
	data := packet[20:]
	return cut(data[:after], 0, true), cut(data[after:], after, false)
}
