package wiretest

import (
	"encoding/binary"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
)

// Flags of TCP (RFC 9293, 3.1).
const (
	FIN byte = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// Made is a packet that a test sends.
type Made struct {
	appliance.Packet
	// Number is the packet's data, by which it is known again.
	Number uint64
	// Flags, Seq and Ack are TCP's.
	Flags    byte
	Seq, Ack uint32
}

// Bytes returns the packet from its IP header on, with right checksums. An unknown protocol gets the data alone.
func (m Made) Bytes() []byte {
	data := binary.BigEndian.AppendUint64(nil, m.Number)
	var t []byte
	sumAt := -1
	switch m.Protocol {
	case appliance.TCP:
		t = make([]byte, 20)
		binary.BigEndian.PutUint16(t, m.Source.Port())
		binary.BigEndian.PutUint16(t[2:], m.Destination.Port())
		binary.BigEndian.PutUint32(t[4:], m.Seq)
		binary.BigEndian.PutUint32(t[8:], m.Ack)
		t[12], t[13] = 5<<4, m.Flags
		binary.BigEndian.PutUint16(t[14:], 65535)
		sumAt = 16
	case appliance.UDP:
		t = make([]byte, 8)
		binary.BigEndian.PutUint16(t, m.Source.Port())
		binary.BigEndian.PutUint16(t[2:], m.Destination.Port())
		binary.BigEndian.PutUint16(t[4:], uint16(8+len(data))) // #nosec G115 -- 16
		sumAt = 6
	case appliance.ICMP, appliance.ICMPv6:
		t = make([]byte, 8)
		switch {
		case m.Protocol == appliance.ICMP && !m.EchoReply:
			t[0] = 8
		case m.Protocol == appliance.ICMPv6 && m.EchoReply:
			t[0] = 129
		case m.Protocol == appliance.ICMPv6:
			t[0] = 128
		}
		binary.BigEndian.PutUint16(t[4:], m.Source.Port())
		binary.BigEndian.PutUint16(t[6:], 1)
		sumAt = 2
	}
	t = append(t, data...)
	return finish(m.Packet, t, sumAt)
}

// finish puts an IP header before a transport's, and the checksums in.
func finish(p appliance.Packet, t []byte, sumAt int) []byte {
	source, destination := p.Source.Addr(), p.Destination.Addr()
	var b []byte
	if source.Is4() {
		b = make([]byte, 20, 20+len(t))
		b[0] = 0x45
		binary.BigEndian.PutUint16(b[2:], uint16(20+len(t))) // #nosec G115 -- short
		b[8], b[9] = p.HopLimit, byte(p.Protocol)
		copy(b[12:], source.AsSlice())
		copy(b[16:], destination.AsSlice())
		binary.BigEndian.PutUint16(b[10:], checksum(b, 0))
	} else {
		b = make([]byte, 40, 40+len(t))
		b[0] = 0x60
		binary.BigEndian.PutUint16(b[4:], uint16(len(t))) // #nosec G115 -- short
		b[6], b[7] = byte(p.Protocol), p.HopLimit
		s, d := source.As16(), destination.As16()
		copy(b[8:], s[:])
		copy(b[24:], d[:])
	}
	header := len(b)
	b = append(b, t...)
	if sumAt >= 0 {
		sum := transportChecksum(b, header, byte(p.Protocol))
		if sum == 0 && p.Protocol == appliance.UDP {
			sum = 0xffff // 0 means none (RFC 768)
		}
		binary.BigEndian.PutUint16(b[header+sumAt:], sum)
	}
	return b
}

// Seen is a packet that a router sent.
type Seen struct {
	// At is the link where it came out.
	At appliance.Interface
	// Packet has what was read; its Interface is At.
	Packet appliance.Packet
	// Readable is false for what is no TCP, no UDP and no echo.
	Readable bool
	// Number is the data of a Made, 0 if there is none.
	Number uint64
	Flags  byte // of TCP
	// Checksums says whether they are right.
	Checksums bool
	Raw       []byte
}

// Read reads a packet from its IP header on.
func Read(at appliance.Interface, b []byte) Seen {
	s := Seen{At: at, Raw: b}
	s.Packet, s.Readable = appliance.ReadPacket(at, b)
	if !s.Readable {
		return s
	}
	header := 40
	s.Checksums = true
	if b[0]>>4 == 4 {
		header = int(b[0]&15) * 4
		s.Checksums = checksum(b[:header], 0) == 0
	}
	s.Number = numberOf(b, header)
	if s.Packet.Protocol == appliance.TCP {
		s.Flags = b[header+13]
	}
	if s.Packet.Protocol != appliance.UDP || b[header+6] != 0 || b[header+7] != 0 { // UDP may have none
		s.Checksums = s.Checksums && transportChecksum(b, header, byte(s.Packet.Protocol)) == 0
	}
	return s
}

// Number returns the data of a packet that a test made, from its IP header on; 0 if there is none.
func Number(b []byte) uint64 {
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		return numberOf(b, int(b[0]&15)*4)
	case len(b) >= 40:
		return numberOf(b, 40)
	default:
		return 0
	}
}

func numberOf(b []byte, header int) uint64 {
	protocol := b[9]
	if b[0]>>4 == 6 {
		protocol = b[6]
	}
	data := header
	switch appliance.Protocol(protocol) {
	case appliance.TCP:
		data += 20
	case appliance.UDP, appliance.ICMP, appliance.ICMPv6:
		data += 8
	}
	if len(b) < data+8 {
		return 0
	}
	return binary.BigEndian.Uint64(b[data:])
}

// checksum is the Internet checksum (RFC 1071) of bytes and of a sum that goes before.
func checksum(b []byte, sum uint32) uint16 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum) // #nosec G115 -- folded
}

// transportChecksum is that of what comes after a header, with its pseudo header (RFC 9293, 3.1; RFC 8200,
// 8.1), and with the checksum that is in it.
func transportChecksum(b []byte, header int, protocol byte) uint16 {
	var pseudo uint32
	if protocol != byte(appliance.ICMP) {
		addresses := b[12:20]
		if b[0]>>4 == 6 {
			addresses = b[8:40]
		}
		pseudo = uint32(^checksum(addresses, 0)) + uint32(protocol) + uint32(len(b)-header) // #nosec G115 -- short
	}
	return checksum(b[header:], pseudo)
}
