package replay

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// A pcap file of any kind is read as a library reads it, also where a byte of it is another one, or its end is missing.
func TestPcap_library(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 2000 {
		order := []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian}[random.IntN(2)]
		magic := []uint32{pcapMicroseconds, pcapNanoseconds}[random.IntN(2)]
		link := []layers.LinkType{layers.LinkTypeEthernet, layers.LinkTypeLinuxSLL, layers.LinkTypeLinuxSLL2, layers.LinkTypeRaw, layers.LinkTypeIPv4, layers.LinkTypeIPv6}[random.IntN(6)]
		file := oldFormat(order, magic, link, nil)
		for range random.IntN(20) {
			frame := make([]byte, random.IntN(200))
			for i := range frame {
				frame[i] = byte(random.Uint32())
			}
			length := uint32(len(frame)) + random.Uint32N(3)
			if random.IntN(100) == 0 {
				length = uint32(random.IntN(len(frame) + 1))
			}
			for _, n := range []uint32{random.Uint32(), random.Uint32N(1e6), uint32(len(frame)), length} {
				file = order.AppendUint32(file, n)
			}
			file = append(file, frame...)
		}
		switch random.IntN(3) {
		case 0:
			file = file[:random.IntN(len(file))]
		case 1:
			file[random.IntN(len(file))] = byte(random.Uint32())
		}
		theirs, wantErr := pcapgo.NewReader(bytes.NewReader(file))
		ours, err := newPcapReader(bufio.NewReaderSize(bytes.NewReader(file), readSize))
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("round %d: the header is %v, and for the library %v", round, err, wantErr)
		}
		if err != nil {
			continue
		}
		if theirs.SetSnaplen(maxFrame); layers.LinkType(ours.link) != theirs.LinkType() {
			t.Fatalf("round %d: link type %d, want %d", round, ours.link, theirs.LinkType())
		}
		for number := 0; ; number++ {
			frame, info, wantErr := theirs.ZeroCopyReadPacketData()
			var p packet
			got, err := ours.next(&p)
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("round %d, packet %d: %v, and for the library %v", round, number, err, wantErr)
			}
			if err != nil {
				whole := errors.Is(wantErr, io.EOF) && info.CaptureLength == 0 // the library says the same of a frame that is missing
				if errors.Is(err, io.EOF) != whole {
					t.Fatalf("round %d, packet %d: %v, and for the library %v", round, number, err, wantErr)
				}
				break
			}
			// The library computes nanoseconds with 32 bits, which more microseconds than a second has may exceed.
			if !bytes.Equal(got, frame) || (p.at-info.Timestamp.UnixNano())%(1<<32) != 0 || int(p.length) != info.Length {
				t.Fatalf("round %d, packet %d: %d bytes of %d at %d; the library has %d of %d at %d", round, number, len(got), p.length, p.at, len(frame), info.Length, info.Timestamp.UnixNano())
			}
		}
	}
}
