package replay

import (
	"bufio"
	"context"
	"io"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestMemory replays captures of ever more conversations, up to a million, no two packets of which are of one. What a replay
// holds stays below a bound that does not depend on their number.
func TestMemory(t *testing.T) {
	const bound = 160 << 20
	conversations := 1_000_000
	if testing.Short() {
		conversations = 400_000
	}
	held := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := held()
	var most, atBound uint64
	r, w := io.Pipe()
	go func() {
		buffer := bufio.NewWriterSize(w, 1<<16)
		capture := newWriter(t, buffer)
		peer := netip.MustParseAddrPort("192.0.2.80:443")
		for i := range conversations {
			// Each is of a VM of its own, and there are more than groups: every second one breaks.
			vm := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 0x52, 11: 1, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)})
			f := frame{from: netip.AddrPortFrom(vm, uint16(1024+i%60000)), to: netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0xaa, 0xaa, 14: byte(i >> 16), 15: byte(i >> 8)}), 443), protocol: udp}
			if i%2 == 0 {
				f.to = netip.AddrPortFrom(netip.MustParseAddr("2001:db8:54::20"), uint16(1+i%60000))
			}
			if i%50 == 0 {
				f.from, f.to = netip.MustParseAddrPort("172.17.52.10:50000"), peer // one that goes on all the time
			}
			capture.write(day.Add(time.Duration(i)*10*time.Microsecond), f)
			if i%100_000 == 99_999 {
				now := held() - before
				most = max(most, now)
				if i < 400_000 {
					atBound = max(atBound, now)
				}
			}
		}
		_ = w.CloseWithError(buffer.Flush())
	}()
	report, err := Run(context.Background(), r, sources(t, false))
	ok(t, err)
	t.Logf("it held %d MiB at most, and %d MiB with 400,000 conversations", most>>20, atBound>>20)
	if most > bound || most > atBound+atBound/10 {
		t.Errorf("a replay of %d conversations held %d MiB, one of 400,000 %d MiB, and the bound is %d MiB", conversations, most>>20, atBound>>20, bound>>20)
	}
	if report.Packets != uint64(conversations) || report.Forgotten == 0 {
		t.Errorf("%d packets, and %d conversations were forgotten", report.Packets, report.Forgotten)
	}
}

// TestForgotten: beyond the bound the packets and the bytes stay exact, and the one that goes on is not the one to be forgotten.
func TestForgotten(t *testing.T) {
	const limit, others = 100, 1000
	r, w := io.Pipe()
	go func() {
		buffer := bufio.NewWriter(w)
		capture := newWriter(t, buffer)
		for i := range others {
			capture.write(day, frame{from: netip.MustParseAddrPort("172.17.54.20:50000"), to: netip.MustParseAddrPort("192.0.2.80:443"), protocol: udp})
			capture.write(day, frame{from: netip.AddrPortFrom(netip.MustParseAddr("172.17.52.10"), uint16(20000+i)), to: netip.MustParseAddrPort("192.0.2.80:443"), protocol: udp})
		}
		_ = w.CloseWithError(buffer.Flush())
	}()
	report, err := replayed(context.Background(), r, sources(t, false), limit)
	ok(t, err)
	if want := (Tally{others, others, others * 100}); report.Through != want {
		t.Errorf("through: %+v; want %+v", report.Through, want)
	}
	if len(report.Broken) != 1 || report.Broken[0].Reason != vcc.ReasonNoInternetAccess || report.Broken[0].Tally != (Tally{1, others, others * 100}) {
		t.Errorf("broken: %+v", report.Broken)
	}
	if report.Forgotten != others+1-limit {
		t.Errorf("%d were forgotten; want %d", report.Forgotten, others+1-limit)
	}
}
