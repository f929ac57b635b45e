package bench

import (
	"bufio"
	"context"
	endian "encoding/binary"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// capturePackets is how many packets the captures have that are replayed.
const capturePackets = 10_000_000

// writeCapture writes a capture of the built-in lab's site: packets of 600 bytes, of which 96 are captured, 0.1 ms apart. A
// thousand conversations are open at any time, of 40,000 in all, and on average so many packets in a row are of one.
func writeCapture(b *testing.B, name string, ng bool, inARow int) {
	b.Helper()
	file, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(file, 1<<20)
	const captured, onTheWire = 96, 600
	order := endian.LittleEndian
	if ng {
		block := order.AppendUint32(nil, 0x0a0d0d0a) // a section header
		block = order.AppendUint32(order.AppendUint32(block, 28), 0x1a2b3c4d)
		block = append(block, 1, 0, 0, 0)
		block = order.AppendUint32(order.AppendUint64(block, ^uint64(0)), 28)
		block = order.AppendUint32(order.AppendUint32(block, 1), 20) // an interface
		block = append(block, 1, 0, 0, 0)
		block = order.AppendUint32(order.AppendUint32(block, 262144), 20)
		_, _ = w.Write(block)
	} else {
		header := order.AppendUint32(nil, 0xa1b2c3d4)
		header = append(header, 2, 0, 4, 0)
		header = order.AppendUint32(order.AppendUint32(append(header, make([]byte, 8)...), 262144), 1)
		_, _ = w.Write(header)
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same for everybody
	frame := make([]byte, captured)
	copy(frame[12:], []byte{8, 0, 0x45, 0, 2, 0x4a, 0, 0, 0, 0, 64, 6})
	copy(frame[46:], []byte{0x50, 0x10})
	var head []byte
	var conversation, left int
	for i := range capturePackets {
		if left == 0 {
			conversation, left = i/(capturePackets/40_000)+random.IntN(1000), 1+random.IntN(2*inARow-1)
		}
		left--
		inside, outside := [4]byte{172, 17, 52, byte(10 + conversation%40)}, [4]byte{192, 0, 2, byte(10 + conversation/40%40)}
		from, to := uint16(1024+conversation/1600), uint16(443)
		copy(frame[26:], inside[:])
		copy(frame[30:], outside[:])
		if random.IntN(2) == 1 && i > capturePackets/40_000 {
			copy(frame[26:], outside[:])
			copy(frame[30:], inside[:])
			from, to = to, from
		}
		endian.BigEndian.PutUint16(frame[34:], from)
		endian.BigEndian.PutUint16(frame[36:], to)
		at := uint64(1_700_000_000_000_000) + uint64(i)*100 // microseconds
		head = head[:0]
		if ng {
			const length = 32 + captured
			head = order.AppendUint32(order.AppendUint32(order.AppendUint32(head, 6), length), 0)
			head = order.AppendUint32(order.AppendUint32(head, uint32(at>>32)), uint32(at)) //nolint:gosec // halves
			head = order.AppendUint32(order.AppendUint32(head, captured), onTheWire)
			_, _ = w.Write(head)
			_, _ = w.Write(frame)
			head = order.AppendUint32(head[:0], length)
			_, _ = w.Write(head)
			continue
		}
		head = order.AppendUint32(order.AppendUint32(head, uint32(at/1e6)), uint32(at%1e6)) //nolint:gosec // in range
		head = order.AppendUint32(order.AppendUint32(head, captured), onTheWire)
		_, _ = w.Write(head)
		_, _ = w.Write(frame)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkReplay replays a capture of ten million packets as a user does, and has tcpdump read and write the same file, in turns.
// replay/tcpdump is how many times as long a replay takes, and processor/tcpdump how much more processor time.
func BenchmarkReplay(b *testing.B) {
	tcpdump, err := exec.LookPath("tcpdump")
	if err != nil {
		b.Skip("tcpdump is not installed")
	}
	mirror, err := binaries()
	if err != nil {
		b.Fatal(err)
	}
	program := binary(mirror, "vcc")
	for _, tc := range []struct {
		name   string
		ng     bool
		inARow int
	}{{"pcap/8 in a row", false, 8}, {"pcap/each of another", false, 1}, {"pcapng/8 in a row", true, 8}} {
		b.Run(tc.name, func(b *testing.B) {
			folder := b.TempDir()
			capture := filepath.Join(folder, "capture")
			writeCapture(b, capture, tc.ng, tc.inARow)
			took := func(name string, args ...string) (wall, processor float64) {
				cmd := exec.CommandContext(context.Background(), name, args...)
				begin := time.Now()
				if out, err := cmd.CombinedOutput(); err != nil || strings.HasSuffix(name, "vcc_v0.0.1") && args[1] == "replay" && !strings.Contains(string(out), "10000000 packets") {
					b.Fatalf("%s: %v: %s", name, err, out)
				}
				return time.Since(begin).Seconds(), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
			}
			data := filepath.Join(folder, "data")
			took(program, "backend", "lab", "apply", "--data-dir", data)
			took(program, "backend", "gateway", "set", "VMware Silver network 1 (internet)", "--ipv4", "172.17.52.1/23", "--data-dir", data)
			var ours, theirs, ourProcessor, theirProcessor []float64
			for b.Loop() {
				wall, processor := took(tcpdump, "-r", capture, "-w", os.DevNull)
				theirs, theirProcessor = append(theirs, wall), append(theirProcessor, processor)
				wall, processor = took(program, "backend", "replay", capture, "--data-dir", data)
				ours, ourProcessor = append(ours, wall), append(ourProcessor, processor)
			}
			b.ReportMetric(median(ours)/median(theirs), "replay/tcpdump")
			b.ReportMetric(median(ourProcessor)/median(theirProcessor), "processor/tcpdump")
			b.ReportMetric(median(theirs), "tcpdump-s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
