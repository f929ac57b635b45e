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
