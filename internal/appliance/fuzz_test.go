package appliance_test

import (
	"net/netip"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
)

// FuzzPacket decides one packet of any shape twice, and its answer: the engine has
// to agree with the reference, and its trace with both.
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
		s := sequence{MaxFlows: 2, First: abc(), Events: []event{{Packet: &p}, {Packet: &p}}}
		both := newPair(s)
		for range 2 {
			d, difference := both.play(event{Packet: &p})
			if difference != "" {
				s.report(t, difference)
			}
			answer := appliance.Packet{Interface: d.Leaving, Protocol: p.Protocol, HopLimit: hopLimit}
			answer.Source, answer.Destination = flip(p.Protocol, d.Source, d.Destination)
			s.Events = append(s.Events, event{Packet: &answer})
			if _, difference := both.play(event{Packet: &answer}); difference != "" {
				s.report(t, difference)
			}
		}
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
		if s, difference := play(&fuzzed{bytes}, min(len(bytes), 256)); difference != "" {
			s.report(t, difference)
		}
	})
}
