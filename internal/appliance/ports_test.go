package appliance_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// crowd is one network of many hosts that all talk to one server outside.
func crowd() *appliance.Compiled {
	return appliance.Compile(vcc.ApplianceInputs{
		NetworkExtensionAppliance: vcc.NetworkExtensionAppliance{Networks: []vcc.Network{{ID: "1", Name: "network 1", HardwarePlanID: "p", HardwarePlanName: "P", InternetAccess: true}}},
		External:                  vcc.ExternalSettings{IPv4: netip.MustParsePrefix("198.51.100.5/24"), IPv4Gateway: netip.MustParseAddr("198.51.100.1")},
		Gateways:                  map[string]vcc.GatewaySettings{"1": {IPv4: &vcc.IPv4Settings{Address: netip.MustParseAddr("10.0.0.1"), PrefixLength: 8}}},
	})
}

// crowded is a packet of the n-th host.
func crowded(n int, protocol appliance.Protocol, port uint16) appliance.Packet {
	p := appliance.Packet{
		Interface: 1, Protocol: protocol, HopLimit: 64,
		Source:      netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(1 + n>>16), byte(n >> 8), byte(n)}), port),
		Destination: netip.MustParseAddrPort("192.0.2.80:443"),
	}
	if protocol == appliance.ICMP {
		p.Destination = netip.AddrPortFrom(p.Destination.Addr(), 0)
	}
	return p
}

// nextFree is what add promises of a source port, in so many words.
func nextFree(taken *[1 << 16]bool, port uint16, echo bool) (uint16, bool) {
	first, last := 1024, 65535
	switch {
	case echo:
		first = 0
	case port < 1024:
		first, last = 1, 1023
	}
	for p := int(port); p <= last; p++ {
		if !taken[uint16(p)] {
			return uint16(p), true
		}
	}
	for p := first; p <= last; p++ {
		if !taken[uint16(p)] {
			return uint16(p), true
		}
	}
	return 0, false
}

// TestCrowdedPeer has flows of one peer come and go: each gets the port that looking at one after the other would find.
func TestCrowdedPeer(t *testing.T) {
	for _, protocol := range []appliance.Protocol{appliance.TCP, appliance.UDP, appliance.ICMP} {
		for _, base := range []int{0, 1, 1000, 1024, 65500} {
			t.Run(fmt.Sprintf("%s from %d on", protocol, base), func(t *testing.T) {
				random := rand.New(rand.NewPCG(1, uint64(base)))
				now := time.Unix(0, 0)
				e := appliance.NewEngine(1<<17, func() time.Time { return now })
				e.Configure(crowd())
				idle := appliance.OtherIdle
				if protocol == appliance.TCP {
					idle = appliance.TCPIdle
				}
				type live struct {
					port uint16
					ends time.Time
				}
				var flows []live // the oldest first
				var taken [1 << 16]bool
				for n := range 4000 {
					now = now.Add(time.Duration(random.Int64N(int64(idle) / 1000))) // about 2,000 at once
					for len(flows) > 0 && !flows[0].ends.After(now) {
						taken[flows[0].port] = false
						flows = flows[1:]
					}
					p := crowded(n, protocol, uint16(base+random.IntN(3)))
					want, free := nextFree(&taken, p.Source.Port(), protocol == appliance.ICMP)
					d := e.Decide(p)
					if !free {
						if d.Reason != vcc.ReasonFlowTableFull {
							t.Fatalf("packet %d: %s, %s with all ports taken", n, d.Verdict, d.Reason)
						}
						continue
					}
					if d.Verdict != vcc.Forwarded || d.Source.Port() != want {
						t.Fatalf("packet %d from port %d: %s, %s from port %d; want %d", n, p.Source.Port(), d.Verdict, d.Reason, d.Source.Port(), want)
					}
					taken[want] = true
					flows = append(flows, live{want, now.Add(idle)})
				}
				if e.Crowded() != 1 {
					t.Errorf("%d peers are crowded", e.Crowded())
				}
				now = now.Add(idle)
				e.Decide(appliance.Packet{})
				if e.Crowded() != 0 {
					t.Error("the ports of a peer without flows are remembered")
				}
			})
		}
	}
}

// TestCrowdedPeer_full: the flows of one peer have every port before one is dropped, and a port that is free again is found.
func TestCrowdedPeer_full(t *testing.T) {
	for _, tc := range []struct {
		protocol appliance.Protocol
		first    int
		idle     time.Duration
	}{{appliance.TCP, 1024, appliance.TCPIdle}, {appliance.UDP, 1024, appliance.OtherIdle}, {appliance.ICMP, 0, appliance.OtherIdle}} {
		t.Run(tc.protocol.String(), func(t *testing.T) {
			begin := time.Unix(0, 0)
			now := begin
			e := appliance.NewEngine(1<<17, func() time.Time { return now })
			e.Configure(crowd())
			ports := 1<<16 - tc.first
			for n := range ports {
				want := uint16(tc.first + (40000-tc.first+n)%ports)
				if d := e.Decide(crowded(n, tc.protocol, 40000)); d.Verdict != vcc.Forwarded || d.Source.Port() != want {
					t.Fatalf("flow %d: %s, %s from port %d; want %d", n, d.Verdict, d.Reason, d.Source.Port(), want)
				}
				if n == 0 {
					now = now.Add(time.Second)
				}
			}
			last := crowded(ports, tc.protocol, 50000)
			if d := e.Decide(last); d.Reason != vcc.ReasonFlowTableFull {
				t.Errorf("one flow more than ports: %s, %s", d.Verdict, d.Reason)
			}
			now = begin.Add(tc.idle)
			if d := e.Decide(last); d.Verdict != vcc.Forwarded || d.Source.Port() != 40000 {
				t.Errorf("after the end of the first: %s, %s from port %d", d.Verdict, d.Reason, d.Source.Port())
			}
		})
	}
}
