package replay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestGoesOn replays random captures twice, and the second time the engine decides every packet. The answers are equal.
func TestGoesOn(t *testing.T) {
	addresses := []netip.Addr{
		netip.MustParseAddr("172.17.52.10"), netip.MustParseAddr("172.17.52.1"), netip.MustParseAddr("172.17.54.20"), netip.MustParseAddr("192.0.2.80"), netip.MustParseAddr("172.17.56.30"),
	}
	rounds := 10 // of 100 captures
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		rapid.Check(t, func(rt *rapid.T) { checkGoesOn(t, rt, addresses) })
	}
}

// checkGoesOn replays one random capture twice.
func checkGoesOn(t *testing.T, rt *rapid.T, addresses []netip.Addr) {
	limit := rapid.IntRange(1, 6).Draw(rt, "conversations")
	routing := rapid.Bool().Draw(rt, "routing")
	var file bytes.Buffer
	w := newWriter(t, &file)
	now := day
	f := frame{}
	for range rapid.IntRange(1, 200).Draw(rt, "packets") {
		if f.protocol == 0 || rapid.IntRange(0, 9).Draw(rt, "another") == 0 {
			address := rapid.SampledFrom(addresses)
			f = frame{
				from: netip.AddrPortFrom(address.Draw(rt, "from"), uint16(rapid.SampledFrom([]int{8443, 50000}).Draw(rt, "from port"))),
				to:   netip.AddrPortFrom(address.Draw(rt, "to"), uint16(rapid.SampledFrom([]int{8443, 443}).Draw(rt, "to port"))),
			}
			f.protocol = rapid.SampledFrom([]uint8{tcp, udp, echo4}).Draw(rt, "protocol")
		}
		f.hopLimit = rapid.SampledFrom([]uint8{64, 64, 64, 64, 64, 64, 64, 64, 1}).Draw(rt, "hop limit")
		f.flags = rapid.SampledFrom([]uint8{ack, ack, ack, ack, ack, ack, ack, ack, syn, synAck}).Draw(rt, "flags")
		f.icmp = rapid.SampledFrom([]uint8{8, 0}).Draw(rt, "type")
		if rapid.Bool().Draw(rt, "answer") {
			f.from, f.to = f.to, f.from
		}
		now = now.Add(rapid.SampledFrom([]time.Duration{
			0, time.Millisecond, 500 * time.Millisecond, 999 * time.Millisecond, 999 * time.Millisecond, time.Second, 29 * time.Second, 31 * time.Second, 299 * time.Second, 301 * time.Second, -time.Second,
		}).Draw(rt, "pause"))
		w.write(now, f)
	}
	want := decidedOneByOne(t, bytes.NewReader(file.Bytes()), sources(t, routing), limit)
	got, err := replayed(context.Background(), &file, sources(t, routing), limit)
	ok(t, err)
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		rt.Errorf("decided one by one, and by the flows (-one by one +by the flows):\n%s", diff)
	}
}

// decidedOneByOne replays a capture, and forgets after each packet which flow it was of.
func decidedOneByOne(t *testing.T, file io.Reader, sources []vcc.ApplianceSources, limit int) *Report {
	c, err := open(file)
	ok(t, err)
	r := newReplay(sources, limit)
	for {
		var p packet
		if err := c.next(&p); errors.Is(err, io.EOF) {
			return r.end()
		} else if err != nil {
			t.Fatal(err)
		}
		r.packet(&p)
		for i := range r.conversations {
			r.conversations[i].clientFlow, r.conversations[i].serverFlow = appliance.Flow{}, appliance.Flow{}
		}
	}
}

// The clock is the capture's, and does not run back: a packet with a time of long ago is one of now.
func TestLatePacket(t *testing.T) {
	var file bytes.Buffer
	w := newWriter(t, &file)
	request := frame{from: netip.MustParseAddrPort("172.17.52.10:50000"), to: netip.MustParseAddrPort("192.0.2.80:443"), protocol: tcp, flags: ack}
	answer := request
	answer.from, answer.to = request.to, request.from
	w.write(day, request)
	w.write(day.Add(-10*time.Minute), request)
	w.write(day.Add(time.Second), answer)
	report, err := Run(context.Background(), &file, sources(t, false))
	ok(t, err)
	if report.Through.Packets != 3 || !report.First.Equal(day.Add(-10*time.Minute)) || !report.Last.Equal(day.Add(time.Second)) {
		t.Errorf("%d of 3 packets get through, from %s to %s", report.Through.Packets, report.First, report.Last)
	}
}
