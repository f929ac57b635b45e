package replay

import (
	"encoding/binary"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// frame is a packet to be captured. The zero value of what a protocol does not have is right.
type frame struct {
	from, to   netip.AddrPort // the port of from is an echo's identifier
	protocol   uint8
	flags      uint8 // of TCP
	icmp       uint8 // the type
	hopLimit   uint8 // 64 where it is 0
	etherType  uint16
	wireLength int  // 100 where it is 0
	fragment   bool // a later one
	snapped    int  // bytes that are captured, 0 for all
}

const (
	syn    = 2
	synAck = 18
	ack    = 16
)

// Extension headers of IPv6 (IANA, Protocol Numbers).
const (
	extensionHopByHop    = 0
	extensionRouting     = 43
	extensionFragment    = 44
	extensionAuth        = 51
	extensionDestination = 60
)

// ip returns the packet without its link's header.
func (f frame) ip() []byte {
	var transport []byte
	switch f.protocol {
	case protocolTCP:
		transport = make([]byte, 20)
		transport[12], transport[13] = 0x50, f.flags
	case protocolUDP:
		transport = make([]byte, 8)
		transport[5] = 8
	case protocolICMP, protocolICMPv6:
		transport = make([]byte, 8)
		transport[0] = f.icmp
		binary.BigEndian.PutUint16(transport[4:], f.from.Port())
	default:
		transport = make([]byte, 8)
	}
	if f.protocol == protocolTCP || f.protocol == protocolUDP {
		binary.BigEndian.PutUint16(transport, f.from.Port())
		binary.BigEndian.PutUint16(transport[2:], f.to.Port())
	}
	hopLimit := f.hopLimit
	if hopLimit == 0 {
		hopLimit = 64
	}
	if f.from.Addr().Is4() {
		b := make([]byte, 20, 40)
		b[0], b[8], b[9] = 0x45, hopLimit, f.protocol
		if f.fragment {
			b[7] = 10
		}
		binary.BigEndian.PutUint16(b[2:], uint16(20+len(transport)))
		copy(b[12:], f.from.Addr().AsSlice())
		copy(b[16:], f.to.Addr().AsSlice())
		return append(b, transport...)
	}
	b := make([]byte, 40, 68)
	b[0], b[6], b[7] = 0x60, f.protocol, hopLimit
	binary.BigEndian.PutUint16(b[4:], uint16(len(transport)))
	copy(b[8:], f.from.Addr().AsSlice())
	copy(b[24:], f.to.Addr().AsSlice())
	if f.fragment {
		b[6] = extensionFragment
		b = append(b, f.protocol, 0, 0, 80, 0, 0, 0, 1)
	}
	return append(b, transport...)
}

func (f frame) family() uint16 {
	switch {
	case f.etherType != 0:
		return f.etherType
	case f.from.Addr().Is4():
		return etherIPv4
	}
	return etherIPv6
}

// on returns the frame of a link.
func (f frame) on(link layers.LinkType, tags ...uint16) []byte {
	var b []byte
	switch link {
	case layers.LinkTypeEthernet:
		b = make([]byte, 12)
	case layers.LinkTypeLinuxSLL:
		b = make([]byte, 14)
	case layers.LinkTypeLinuxSLL2:
		b = binary.BigEndian.AppendUint16(nil, f.family())
		return append(append(b, make([]byte, 18)...), f.ip()...)
	default:
		return f.ip()
	}
	for _, tag := range tags {
		b = binary.BigEndian.AppendUint16(b, tag)
		b = append(b, 0, 7)
	}
	b = binary.BigEndian.AppendUint16(b, f.family())
	if f.etherType != 0 {
		return append(b, make([]byte, 28)...)
	}
	return append(b, f.ip()...)
}

func (f frame) info(at time.Time, captured int) gopacket.CaptureInfo {
	length := max(f.wireLength, captured)
	if f.wireLength == 0 {
		length = max(100, captured)
	}
	return gopacket.CaptureInfo{Timestamp: at, CaptureLength: captured, Length: length}
}

// writer writes frames into a capture of Ethernet in the pcap format.
type writer struct {
	t testing.TB
	*pcapgo.Writer
}

func newWriter(t testing.TB, w io.Writer) writer {
	t.Helper()
	p := pcapgo.NewWriter(w)
	ok(t, p.WriteFileHeader(256, layers.LinkTypeEthernet))
	return writer{t, p}
}

// write returns the length of the frame on the wire.
func (w writer) write(at time.Time, f frame) uint64 {
	b := f.on(layers.LinkTypeEthernet)
	if f.snapped > 0 {
		b = b[:min(f.snapped, len(b))]
	}
	info := f.info(at, len(b))
	if err := w.WritePacket(info, b); err != nil {
		w.t.Error(err)
	}
	return uint64(info.Length)
}
