package appliance_test

import (
	"net/netip"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
)

// FuzzPacket decides one packet of any shape twice, then as an echo reply, and each time its
// answer: the engine has to agree with the reference, and its trace with both.
func FuzzPacket(f *testing.F) {
	f.Fuzz(func(t *testing.T, at int32, protocol, hopLimit uint8, source []byte, sourcePort uint16, destination []byte, destinationPort uint16, zone string) {
		address := func(b []byte) netip.Addr {
			a, _ := netip.AddrFromSlice(b) // invalid but for 4 and 16 bytes, which is a case too
			return a.WithZone(zone)
		}
		p := appliance.Packet{
			Interface: appliance.Interface(at), Protocol: appliance.Protocol(protocol), HopLimit: hopLimit,
			Source: netip.AddrPortFrom(address(source), sourcePort), Destination: netip.AddrPortFrom(address(destination), destinationPort),
		}
		s := sequence{MaxFlows: 2, First: abc()}
		both := &pair{}
		both.begin(s)
		decide := func(p appliance.Packet) appliance.Decision {
			e := event{Packet: &p}
			s.Events = append(s.Events, e)
			d, difference := both.play(e)
			if difference != "" {
				s.report(t, &pair{}, difference)
			}
			return d
		}
		for _, p.EchoReply = range []bool{false, false, true} {
			answer := answerTo(p, decide(p))
			answer.HopLimit = hopLimit
			decide(answer)
		}
		p.EchoReply = false
		if difference := compareTrace(both.engine.Compiled(), p); difference != "" {
			t.Fatal(difference)
		}
		got := appliance.Reachability(both.engine.Compiled(), p.Source.Addr(), p.Destination.Addr(), p.Protocol, destinationPort)
		want := both.reference.reach(p.Source.Addr(), p.Destination.Addr(), p.Protocol, destinationPort)
		if got.Reachable != want.Reachable || got.Reason != want.Reason {
			t.Fatalf("%s: the engine says %+v, the reference %+v", p, got, want)
		}
	})
}

// FuzzConfig makes a configuration and a sequence of events of its bytes, one choice
// per byte, and plays it against the engine and the reference.
func FuzzConfig(f *testing.F) {
	f.Fuzz(func(t *testing.T, bytes []byte) {
		if s, difference := play(&fuzzed{bytes}, min(len(bytes), 256), &pair{}); difference != "" {
			s.report(t, &pair{}, difference)
		}
	})
}

// FuzzReadPacket reads what is short or broken.
func FuzzReadPacket(f *testing.F) {
	f.Add([]byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 8, 0, 0, 0, 0, 7, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := appliance.ReadPacket(1, b)
		if ok && (len(b) < 24 || !p.Source.Addr().IsValid() || p.Interface != 1) {
			t.Errorf("%v was read as %s", b, p)
		}
	})
}

// A packet with extension headers has the ports that follow them.
func TestReadPacket_extensions(t *testing.T) {
	b := make([]byte, 40, 56)
	b[0], b[6], b[7] = 0x60, 60, 64 // destination options
	source, destination := netip.MustParseAddr("2001:db8:52::10"), netip.MustParseAddr("2001:db8:54::20")
	copy(b[8:], source.AsSlice())
	copy(b[24:], destination.AsSlice())
	b = append(b, byte(appliance.UDP), 0, 1, 4, 0, 0, 0, 0, 0x30, 0x39, 0, 53, 0, 8, 0, 0)
	want := appliance.Packet{Interface: 1, Protocol: appliance.UDP, HopLimit: 64, Source: netip.AddrPortFrom(source, 12345), Destination: netip.AddrPortFrom(destination, 53)}
	if p, ok := appliance.ReadPacket(1, b); !ok || p != want {
		t.Errorf("%t, %s; want %s", ok, p, want)
	}
}
