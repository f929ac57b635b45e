package replay

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// some is a handful of packets, of both families, of which some break.
func some() []frame {
	web, peer := netip.MustParseAddrPort("172.17.52.10:50000"), netip.MustParseAddrPort("192.0.2.80:443")
	web6, data6 := netip.MustParseAddrPort("[2001:db8:52::10]:50001"), netip.MustParseAddrPort("[2001:db8:54::20]:5432")
	return []frame{
		{from: web, to: peer, protocol: tcp, flags: syn, wireLength: 1500},
		{from: peer, to: web, protocol: tcp, flags: synAck, wireLength: 1500},
		{from: web6, to: data6, protocol: udp, wireLength: 1500},
		{from: netip.MustParseAddrPort("172.17.52.10:9"), to: netip.MustParseAddrPort("192.0.2.80:0"), protocol: echo4, icmp: 8, wireLength: 1500},
	}
}

var day = time.Date(2026, 3, 1, 8, 0, 0, 123456000, time.UTC)

// oldFormat writes a pcap file by hand, since libraries write one kind of many.
func oldFormat(order binary.AppendByteOrder, magic uint32, link layers.LinkType, frames [][]byte) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = order.AppendUint32(b, 65535)
	b = order.AppendUint32(b, uint32(link))
	for _, f := range frames {
		fraction := uint32(day.Nanosecond())
		if magic == 0xa1b2c3d4 {
			fraction /= 1000
		}
		for _, n := range []uint32{uint32(day.Unix()), fraction, uint32(len(f)), 1500} {
			b = order.AppendUint32(b, n)
		}
		b = append(b, f...)
	}
	return b
}

func ngFormat(t testing.TB, link layers.LinkType, frames [][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := pcapgo.NewNgWriter(&b, link)
	ok(t, err)
	for _, f := range frames {
		ok(t, w.WritePacket(gopacket.CaptureInfo{Timestamp: day, CaptureLength: len(f), Length: 1500}, f))
	}
	ok(t, w.Flush())
	return b.Bytes()
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, err := w.Write(b)
	ok(t, err)
	ok(t, w.Close())
	return z.Bytes()
}

// TestFormats replays the same packets in every format, on every kind of link, with tags, and with no more than their
// headers: the answer is one.
func TestFormats(t *testing.T) {
	on := func(link layers.LinkType, tags ...uint16) (frames [][]byte) {
		for _, f := range some() {
			frames = append(frames, f.on(link, tags...))
		}
		return frames
	}
	const micro, nano = 0xa1b2c3d4, 0xa1b23c4d
	little, big := binary.LittleEndian, binary.BigEndian
	ethernet := layers.LinkTypeEthernet
	plain := oldFormat(little, micro, ethernet, on(ethernet))
	snapped := on(ethernet)
	for i, length := range []int{14 + 20 + 14, 14 + 20 + 14, 14 + 40 + 4, 14 + 20 + 6} { // flags, ports, identifier
		snapped[i] = snapped[i][:length]
	}
	want, err := Run(context.Background(), bytes.NewReader(plain), sources(t, false))
	ok(t, err)
	if diff := cmp.Diff(expected{
		"through": {2, 3, 4500}, "broken routing_disabled": {1, 1, 1500}, "routing_disabled: 2001:db8:52::10 -> 2001:db8:54::20 udp 5432": {1, 1, 1500}, "absent 172.17.52.10": {2, 3, 4500},
	}, found(want)); diff != "" {
		t.Errorf("the answer (-want +got):\n%s", diff)
	}
	if !want.First.Equal(day) || !want.Last.Equal(day) {
		t.Errorf("from %s to %s, and all packets are of %s", want.First, want.Last, day)
	}
	for name, file := range map[string][]byte{
		"pcap, big endian":                 oldFormat(big, micro, ethernet, on(ethernet)),
		"pcap, nanoseconds":                oldFormat(little, nano, ethernet, on(ethernet)),
		"pcap, nanoseconds, big endian":    oldFormat(big, nano, ethernet, on(ethernet)),
		"pcapng":                           ngFormat(t, ethernet, on(ethernet)),
		"gzip of pcap":                     gzipped(t, plain),
		"gzip of pcapng":                   gzipped(t, ngFormat(t, ethernet, on(ethernet))),
		"Linux cooked":                     oldFormat(little, micro, layers.LinkTypeLinuxSLL, on(layers.LinkTypeLinuxSLL)),
		"Linux cooked, version 2":          oldFormat(little, micro, layers.LinkTypeLinuxSLL2, on(layers.LinkTypeLinuxSLL2)),
		"Linux cooked, version 2, pcapng":  ngFormat(t, layers.LinkTypeLinuxSLL2, on(layers.LinkTypeLinuxSLL2)),
		"raw IP":                           oldFormat(little, micro, layers.LinkTypeRaw, on(layers.LinkTypeRaw)),
		"raw IP, pcapng":                   ngFormat(t, layers.LinkTypeRaw, on(layers.LinkTypeRaw)),
		"raw IP as BSD numbers it":         oldFormat(little, micro, layers.LinkType(linkRawBSD), on(layers.LinkTypeRaw)),
		"raw IP as OpenBSD numbers it":     oldFormat(little, micro, layers.LinkType(linkRawOpenBSD), on(layers.LinkTypeRaw)),
		"a VLAN tag":                       oldFormat(little, micro, ethernet, on(ethernet, etherVLAN)),
		"two VLAN tags":                    ngFormat(t, ethernet, on(ethernet, etherService, etherVLAN)),
		"two VLAN tags, as before 802.1ad": oldFormat(little, micro, ethernet, on(ethernet, etherOldQinQ, etherVLAN)),
		"a VLAN tag on Linux cooked":       oldFormat(little, micro, layers.LinkTypeLinuxSLL, on(layers.LinkTypeLinuxSLL, etherVLAN)),
		"snapped":                          oldFormat(little, micro, ethernet, snapped),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Run(context.Background(), bytes.NewReader(file), sources(t, false))
			ok(t, err)
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("the answer (-want +got):\n%s", diff)
			}
		})
	}
}

// An extension header stands between an IPv6 packet and its ports, and a first fragment has them.
func TestExtensionHeaders(t *testing.T) {
	f := some()[2]
	whole := f.ip()
	for name, headers := range map[string][]byte{
		"hop by hop":          {extensionHopByHop, udp, 0, 1, 4, 0, 0, 0, 0},
		"routing":             {extensionRouting, udp, 0, 0, 0, 0, 0, 0, 0},
		"destination options": {extensionDestination, udp, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"authentication":      {extensionAuth, udp, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"first fragment":      {extensionFragment, udp, 0, 0, 1, 0, 0, 0, 7},
		"two of them":         {extensionHopByHop, extensionFragment, 0, 1, 4, 0, 0, 0, 0, udp, 0, 0, 1, 0, 0, 0, 7},
	} {
		t.Run(name, func(t *testing.T) {
			b := append([]byte(nil), whole[:40]...)
			b[6] = headers[0]
			b = append(append(b, headers[1:]...), whole[40:]...)
			var p packet
			p.decode(linkRaw, b)
			if p.kind != judged || p.protocol != udp || p.sourcePort != 50001 || p.destinationPort != 5432 {
				t.Errorf("it is read as %+v", p)
			}
			for length := range len(b) {
				if p.decode(linkRaw, b[:length]); p.kind == judged && length < len(b)-4 {
					t.Errorf("%d of %d bytes are taken for a packet", length, len(b))
				}
			}
		})
	}
}

// TestDamage cuts a capture off everywhere: what is left of it is replayed, and it is said.
func TestDamage(t *testing.T) {
	var frames [][]byte
	for _, f := range some() {
		frames = append(frames, f.on(layers.LinkTypeEthernet))
	}
	old := oldFormat(binary.LittleEndian, 0xa1b2c3d4, layers.LinkTypeEthernet, frames)
	ends := map[int]uint64{24: 0} // where a packet ends
	at := 24
	for i, f := range frames {
		at += 16 + len(f)
		ends[at] = uint64(i + 1)
	}
	whole := uint64(0)
	for length := 24; length <= len(old); length++ {
		report, err := Run(context.Background(), bytes.NewReader(old[:length]), sources(t, false))
		ok(t, err)
		packets, clean := ends[length]
		if clean {
			whole = packets
		}
		if report.Packets != whole || (report.Damage == nil) != clean {
			t.Errorf("%d of %d bytes: %d packets and %v; %d are whole", length, len(old), report.Packets, report.Damage, whole)
		}
	}

	z := gzipped(t, old)
	report, err := Run(context.Background(), bytes.NewReader(z[:len(z)-4]), sources(t, false))
	ok(t, err)
	if report.Damage == nil {
		t.Error("a gzip file that is cut off passes for a whole one")
	}

	for name, tc := range map[string]struct {
		file []byte
		want string
	}{
		"nothing":           {nil, "it is empty"},
		"a text":            {[]byte("who reaches whom after failover?"), "it is neither pcap nor pcapng, nor gzip of either: it begins with the bytes 77 68 6f 20"},
		"half a header":     {old[:12], "it is neither pcap nor pcapng, nor gzip of either: unexpected EOF"},
		"another version":   {bytes.Replace(old, []byte{2, 0, 4, 0}, []byte{2, 0, 3, 0}, 1), "it is neither pcap nor pcapng, nor gzip of either: it is pcap of version 2.3, and a replay reads 2.4"},
		"half a gzip file":  {z[:8], "it begins as a gzip file, and is none"},
		"half a pcapng":     {ngFormat(t, layers.LinkTypeEthernet, frames)[:10], "it begins as a pcapng file, and is none"},
		"a link of another": {oldFormat(binary.LittleEndian, 0xa1b2c3d4, layers.LinkTypeIEEE802_11, nil), "its frames are of link type 105; a replay reads Ethernet, Linux cooked and raw IP"},
	} {
		if _, err := Run(context.Background(), bytes.NewReader(tc.file), sources(t, false)); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A replay ends when its caller does, also while nothing comes.
func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	go func() {
		_, _ = w.Write(oldFormat(binary.LittleEndian, 0xa1b2c3d4, layers.LinkTypeEthernet, nil))
		cancel()
	}()
	if _, err := Run(ctx, r, sources(t, false)); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	_ = w.Close()
}
