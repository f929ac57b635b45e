package replay

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// ngBlock writes a block around the parts of its body, of which each number has its own size.
func ngBlock(order binary.AppendByteOrder, kind uint32, body ...any) []byte {
	var b []byte
	for _, part := range body {
		switch v := part.(type) {
		case uint16:
			b = order.AppendUint16(b, v)
		case uint32:
			b = order.AppendUint32(b, v)
		case uint64:
			b = order.AppendUint64(b, v)
		case []byte:
			b = append(b, v...)
			b = append(b, make([]byte, -len(v)&3)...)
		}
	}
	length := uint32(len(b) + 12)
	return order.AppendUint32(append(order.AppendUint32(order.AppendUint32(nil, kind), length), b...), length)
}

func ngSectionOf(order binary.AppendByteOrder, major uint16) []byte {
	return ngBlock(order, ngSection, uint32(ngByteOrder), major, uint16(0), ^uint64(0))
}

// ngPackets reads all packets of a file: when each was, what it was, and on which link.
func ngPackets(file io.Reader) (times []time.Time, frames [][]byte, links []layers.LinkType, err error) {
	n := &ngReader{r: bufio.NewReaderSize(file, readSize)}
	for {
		var p packet
		frame, link, err := n.next(&p)
		if err != nil {
			return times, frames, links, err
		}
		times, frames, links = append(times, time.Unix(0, p.at).UTC()), append(frames, bytes.Clone(frame)), append(links, layers.LinkType(link))
	}
}

// TestPcapng_library reads what a library writes, and reads the same as the library.
func TestPcapng_library(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		var file bytes.Buffer
		w, err := pcapgo.NewNgWriter(&file, layers.LinkTypeEthernet)
		ok(t, err)
		interfaces := 1
		for range random.IntN(100) {
			if random.IntN(5) == 0 {
				_, err := w.AddInterface(pcapgo.NgInterface{
					Name: strings.Repeat("x", random.IntN(9)), Comment: strings.Repeat("c", random.IntN(300)), SnapLength: random.Uint32N(1 << 16),
					LinkType: []layers.LinkType{layers.LinkTypeRaw, layers.LinkTypeLinuxSLL, layers.LinkTypeEthernet}[random.IntN(3)],
				})
				ok(t, err)
				interfaces++
			}
			frame := make([]byte, random.IntN(1600))
			for i := range frame {
				frame[i] = byte(random.Uint32())
			}
			ok(t, w.WritePacketWithOptions(gopacket.CaptureInfo{
				Timestamp: time.Unix(random.Int64N(4e9), random.Int64N(1e9)), CaptureLength: len(frame), Length: len(frame) + random.IntN(3), InterfaceIndex: random.IntN(interfaces),
			}, frame, pcapgo.NgPacketOptions{Comments: []string{strings.Repeat("y", random.IntN(40))}}))
		}
		ok(t, w.Flush())
		theirs, err := pcapgo.NewNgReader(bytes.NewReader(file.Bytes()), pcapgo.NgReaderOptions{WantMixedLinkType: true})
		ok(t, err)
		ours := &ngReader{r: bufio.NewReaderSize(&file, readSize)}
		for number := 0; ; number++ {
			frame, info, wantErr := theirs.ZeroCopyReadPacketData()
			var p packet
			got, link, err := ours.next(&p)
			if errors.Is(wantErr, io.EOF) && errors.Is(err, io.EOF) {
				break
			}
			ok(t, errors.Join(wantErr, err))
			if !bytes.Equal(got, frame) || layers.LinkType(link) != info.AncillaryData[0] || p.at != info.Timestamp.UnixNano() || int(p.length) != info.Length {
				t.Fatalf("round %d, packet %d: %d bytes of %d on link type %d at %d; the library has %d of %d, %v, %d", round, number, len(got), p.length, link, p.at, len(frame), info.Length, info.AncillaryData[0], info.Timestamp.UnixNano())
			}
		}
	}
}

// What is rare in files is read as the format says.
func TestPcapng(t *testing.T) {
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	ethernet := uint16(layers.LinkTypeEthernet)
	frame := bytes.Repeat([]byte{7}, 61)
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		enhanced := func(index uint32, time uint64) []byte {
			return ngBlock(order, ngEnhancedPacket, index, uint32(time>>32), uint32(time), uint32(len(frame)), uint32(1500), frame)
		}
		other := binary.AppendByteOrder(binary.BigEndian)
		if order == other {
			other = binary.LittleEndian
		}
		file := bytes.Join([][]byte{
			ngSectionOf(order, 1),
			ngBlock(order, ngInterfaceBlock, ethernet, uint16(0), uint32(40)),
			ngBlock(order, ngInterfaceBlock, uint16(layers.LinkTypeRaw), uint16(0), uint32(0), uint16(2), uint16(5), []byte("wan00"), uint16(ngOptionResolution), uint16(1), []byte{0x94}, uint16(ngOptionOffset), uint16(8), uint64(1000), uint16(0), uint16(0)),
			ngBlock(order, ngInterfaceBlock, ethernet, uint16(0), uint32(0), uint16(ngOptionResolution), uint16(1), []byte{9}),
			enhanced(0, uint64(at.UnixMicro())),
			ngBlock(order, 4, make([]byte, 1000)), // names
			enhanced(1, uint64(at.Unix()-1000)<<20+1<<19),
			enhanced(2, uint64(at.UnixNano()+1)),
			ngBlock(order, ngSimplePacket, uint32(61), frame[:40]),
			ngBlock(order, ngPacket, uint16(2), uint16(0), uint32(uint64(at.UnixNano())>>32), uint32(at.UnixNano()), uint32(len(frame)), uint32(61), frame),
			ngSectionOf(order, 2), enhanced(7, 0), // a version that nobody knows, with what it may mean
			ngSectionOf(other, 1), // whose interfaces are its own
			ngBlock(other, ngInterfaceBlock, ethernet, uint16(0), uint32(0)),
			ngBlock(other, ngEnhancedPacket, uint32(0), uint32(0), uint32(5), uint32(len(frame)), uint32(61), frame),
		}, nil)
		times, frames, links, err := ngPackets(bytes.NewReader(file))
		want := []time.Time{at, at.Add(time.Second / 2), at.Add(1), at.Add(1), at, time.Unix(0, 5000).UTC()}
		if !errors.Is(err, io.EOF) || len(times) != len(want) {
			t.Fatalf("%s: %d packets and %v", order, len(times), err)
		}
		for i, w := range want {
			length, link := 61, layers.LinkTypeEthernet
			if i == 3 {
				length = 40
			}
			if i == 1 {
				link = layers.LinkTypeRaw
			}
			if !times[i].Equal(w) || !bytes.Equal(frames[i], frame[:length]) || links[i] != link {
				t.Errorf("%s: packet %d is of %s, has %d bytes and is on link type %d; want %s, %d and %d", order, i, times[i], len(frames[i]), links[i], w, length, link)
			}
		}
		// Cut off anywhere, it ends so, and the packets before the cut are read.
		for length := range len(file) {
			times, _, _, err := ngPackets(bytes.NewReader(file[:length]))
			if len(times) > len(want) || !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %d of %d bytes have %d packets and end with %v", order, length, len(file), len(times), err)
			}
		}
	}
}

// What no capture has is said.
func TestPcapng_refused(t *testing.T) {
	order := binary.LittleEndian
	section := slices.Clip(ngSectionOf(order, 1))
	description := ngBlock(order, ngInterfaceBlock, uint16(1), uint16(0), uint32(0))
	packet := ngBlock(order, ngEnhancedPacket, uint32(0), uint32(0), uint32(0), uint32(4), uint32(4), []byte("abcd"))
	end := func(b []byte) []byte { b = bytes.Clone(b); b[len(b)-4]++; return b }
	for want, file := range map[string][]byte{
		"it does not begin with a section":                           description,
		"a block says that it has 8 bytes, which no block has":       append(section, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0),
		"a block says that it has 13 bytes, which no block has":      append(section, 1, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0),
		"a block begins with a length of 20 bytes and ends with one": slices.Concat(section, end(description), packet),
		"a section has more than 4096 interfaces":                    append(section, bytes.Repeat(description, maxInterfaces+1)...),
		"the description of an interface has 65552 bytes":            append(section, ngBlock(order, ngInterfaceBlock, make([]byte, maxDescription+4))...),
		"the description of an interface has 16 bytes, and needs 20": append(section, ngBlock(order, ngInterfaceBlock, make([]byte, 4))...),
		"an option of an interface is longer than its block":         append(section, ngBlock(order, ngInterfaceBlock, uint16(1), uint16(0), uint32(0), uint16(2), uint16(5))...),
		"the times of an interface have a resolution of 0xc0":        append(section, ngBlock(order, ngInterfaceBlock, uint16(1), uint16(0), uint32(0), uint16(9), uint16(1), []byte{0xc0})...),
		"the times of an interface have a resolution of 0x14":        append(section, ngBlock(order, ngInterfaceBlock, uint16(1), uint16(0), uint32(0), uint16(9), uint16(1), []byte{20})...),
		"a packet is of interface 0, which no block before it":       append(section, packet...),
		"a block has 28 bytes, and needs 32":                         slices.Concat(section, description, ngBlock(order, ngEnhancedPacket, make([]byte, 16))),
		"a packet of 4294967295 bytes is in a block of 32":           slices.Concat(section, description, ngBlock(order, ngEnhancedPacket, uint32(0), uint64(0), ^uint32(0), uint32(4))),
		"a packet of 5 bytes is in a block of 20":                    slices.Concat(section, description, ngBlock(order, ngSimplePacket, uint32(5), uint32(0))),
	} {
		if _, _, _, err := ngPackets(bytes.NewReader(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// again is a text that goes on for ever.
type again struct {
	text []byte
	at   int
}

func (a *again) Read(p []byte) (n int, err error) {
	for n < len(p) {
		m := copy(p[n:], a.text[a.at:])
		n, a.at = n+m, (a.at+m)%len(a.text)
	}
	return n, nil
}

// TestPcapng_memory replays captures that are hostile: whatever blocks and options they have, and however many, next to nothing is
// held of them.
func TestPcapng_memory(t *testing.T) {
	const size, bound = 64 << 20, 4 << 20
	order := binary.LittleEndian
	begin := append(ngSectionOf(order, 1), ngBlock(order, ngInterfaceBlock, uint16(1), uint16(0), uint32(0))...)
	name := bytes.Join([][]byte{{1, 0, 8, 0, 192, 0, 2, 1}, []byte("web\x00")}, nil)
	comment := append([]byte{1, 0, 0xfc, 0xff}, make([]byte, 0xfffc)...)
	described := ngBlock(order, ngInterfaceBlock, uint16(1), uint16(0), uint32(0), comment[:0xff00])
	head := func(kind, length uint32) []byte { return order.AppendUint32(order.AppendUint32(nil, kind), length) }
	packetHead := func(captured uint32) []byte {
		b := append(head(ngEnhancedPacket, 1<<30), make([]byte, 12)...)
		return order.AppendUint32(order.AppendUint32(b, captured), captured)
	}
	described[18], described[19] = 0xf0, 0xfe // the comment's length
	for _, tc := range []struct {
		name    string
		head    []byte
		rest    []byte // again and again
		packets uint64
	}{
		{"a block of names without an end", head(4, 1<<30), name, 0},
		{"blocks of names", nil, ngBlock(order, 4, name, uint32(0)), 0},
		{"blocks of statistics", nil, ngBlock(order, 5, uint32(0), uint64(0), comment), 0},
		{"secrets", nil, ngBlock(order, 10, uint32(0), uint32(0xf000), comment), 0},
		{"interfaces", nil, ngBlock(order, ngInterfaceBlock, uint16(1), uint16(0), uint32(0)), 0},
		{"interfaces with comments", nil, described, 0},
		{"sections with interfaces", nil, append(ngSectionOf(order, 1), bytes.Repeat(described, 100)...), 0},
		{"a packet with comments without an end", packetHead(0), comment, 1},
		{"a packet without an end", packetHead(1<<30 - 64), make([]byte, 1<<12), 1},
		{"packets whose comments go on in the next", nil, ngBlock(order, ngEnhancedPacket, uint32(0), uint64(0), uint32(0), uint32(0), comment[:2048]), 1 + size/(32+2048)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			file := io.MultiReader(bytes.NewReader(begin), bytes.NewReader(tc.head), io.LimitReader(&again{text: tc.rest}, size))
			report, err := replayed(context.Background(), file, nil, 8)
			ok(t, err)
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > bound {
				t.Errorf("of %d MiB it took %d KiB of memory; the bound is %d", size>>20, took>>10, bound>>10)
			}
			if report.Packets != tc.packets {
				t.Errorf("%d packets; want %d", report.Packets, tc.packets)
			}
		})
	}
}
