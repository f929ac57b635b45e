package appliance_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// sizes are the numbers of networks to measure at. The last is every VLAN of a host.
var sizes = []int{4, 256, 4094}

// bigConfig is an appliance with n networks, half of them in each of two plans, all
// with both families and internet access.
func bigConfig(n int) config {
	cfg := config{
		External: vcc.ExternalSettings{
			IPv4: netip.MustParsePrefix("198.51.100.5/24"), IPv4Gateway: addr("198.51.100.1"),
			IPv6: netip.MustParsePrefix("2001:db8:ffff::5/64"), IPv6Gateway: addr("2001:db8:ffff::1"),
		},
		RoutingEnabled: true,
		PublicIPRules: []vcc.PublicIPRule{
			publicIPRule("203.0.113.10:443", "10.0.0.10:443"),
			publicIPRule("[2001:db8:ffff::10]:443", "[2001:db8::10]:443"),
		},
	}
	for i := range n {
		cfg.Networks = append(cfg.Networks, network{
			Network: vcc.Network{
				ID: fmt.Sprintf("network-%d", i), Name: fmt.Sprintf("Big network %d", i+1),
				HardwarePlanID: fmt.Sprintf("plan-%d", i*2/n), HardwarePlanName: "Big", InternetAccess: true,
			},
			Gateway: vcc.GatewaySettings{
				IPv4: &vcc.IPv4Settings{Address: bigIPv4(i, 1), PrefixLength: 24},
				IPv6: &vcc.IPv6Settings{Address: addr("fe80::1"), Network: netip.PrefixFrom(bigIPv6(i, 0), 64)},
			},
		})
	}
	return cfg
}

func bigIPv4(network int, host byte) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(network >> 8), byte(network), host})
}

func bigIPv6(network int, host byte) netip.Addr {
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(network >> 8), byte(network), 15: host})
}

// traffic is a kind of first packets. make returns the i-th of them, from or to a
// network.
type traffic struct {
	name    string
	verdict vcc.Verdict
	make    func(i, network, peer int, address func(int, byte) netip.Addr) (at appliance.Interface, source, destination netip.Addr)
}

// Every rule that takes a lookup, or two.
var traffics = []traffic{
	{"drop", vcc.Dropped, func(_, network, peer int, address func(int, byte) netip.Addr) (appliance.Interface, netip.Addr, netip.Addr) {
		return appliance.Interface(network + 1), address(network, 10), address(peer, 20)
	}},
	{"forward", vcc.Forwarded, func(_, network, peer int, address func(int, byte) netip.Addr) (appliance.Interface, netip.Addr, netip.Addr) {
		return appliance.Interface(network + 1), address(network, 10), address(peer, 20)
	}},
	{"internet", vcc.Forwarded, func(i, network, _ int, address func(int, byte) netip.Addr) (appliance.Interface, netip.Addr, netip.Addr) {
		return appliance.Interface(network + 1), address(network, 10), outside(i, address)
	}},
	{"public_ip_rule", vcc.Forwarded, func(i, _, _ int, address func(int, byte) netip.Addr) (appliance.Interface, netip.Addr, netip.Addr) {
		if address(0, 0).Is4() {
			return appliance.Ext0, outside(i, address), addr("203.0.113.10")
		}
		return appliance.Ext0, outside(i, address), addr("2001:db8:ffff::10")
	}},
	{"stray", vcc.Dropped, func(i, network, _ int, address func(int, byte) netip.Addr) (appliance.Interface, netip.Addr, netip.Addr) {
		return appliance.Ext0, outside(i, address), address(network, 20)
	}},
}

// outside returns an address that is in no network.
func outside(i int, address func(int, byte) netip.Addr) netip.Addr {
	if address(0, 0).Is4() {
		return netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)})
	}
	return netip.AddrFrom16([16]byte{0x2a, 0x00, byte(i >> 8), byte(i), 15: 1})
}

// packets returns packets of every network, each to another one: with "drop" of the
// other plan, else of the same.
func (tr traffic) packets(n int, address func(int, byte) netip.Addr) []appliance.Packet {
	packets := make([]appliance.Packet, 4096) // a power of two: benchmarks go round by masking
	random := rand.New(rand.NewPCG(1, 2))
	half := n / 2
	for i := range packets {
		plan, network := random.IntN(2), random.IntN(half)
		peerPlan, peer := plan, (network+1+random.IntN(half-1))%half
		if tr.name == "drop" {
			peerPlan = 1 - plan
		}
		at, source, destination := tr.make(i, plan*half+network, peerPlan*half+peer, address)
		packets[i] = appliance.Packet{
			Interface: at, Protocol: appliance.TCP, HopLimit: 64,
			Source: netip.AddrPortFrom(source, uint16(1024+i)), Destination: netip.AddrPortFrom(destination, 443),
		}
	}
	return packets
}

var families = []struct {
	name    string
	address func(int, byte) netip.Addr
}{{"ipv4", bigIPv4}, {"ipv6", bigIPv6}}

// benchmark runs one function per size and family.
func benchmark(b *testing.B, run func(b *testing.B, n int, address func(int, byte) netip.Addr)) {
	for _, family := range families {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%s/networks=%d", family.name, n), func(b *testing.B) {
				b.ReportAllocs()
				run(b, n, family.address)
			})
		}
	}
}

// BenchmarkLookup is what BenchmarkStateless is compared with: a bare lookup in the
// same table of the destinations of "forward".
func BenchmarkLookup(b *testing.B) {
	benchmark(b, func(b *testing.B, n int, address func(int, byte) netip.Addr) {
		c, packets := compile(bigConfig(n)), traffics[1].packets(n, address)
		for i := 0; b.Loop(); i++ {
			c.Lookup(packets[i&4095].Destination.Addr())
		}
	})
}

// BenchmarkStateless decides first packets without the flow table.
func BenchmarkStateless(b *testing.B) {
	for _, tr := range traffics {
		b.Run(tr.name, func(b *testing.B) {
			benchmark(b, func(b *testing.B, n int, address func(int, byte) netip.Addr) {
				c, packets := compile(bigConfig(n)), tr.packets(n, address)
				for i := 0; b.Loop(); i++ {
					c.First(&packets[i&4095])
				}
			})
		})
	}
}

// BenchmarkGrowth measures what BenchmarkLookup and BenchmarkStateless do, side by
// side: every round passes all packets through a bare lookup and through a
// decision, with few networks and with many, so that other load on the machine
// meets all four alike. It reports medians over the rounds: how much the lookup and
// the decision grow with the networks, and how many lookups a decision costs.
func BenchmarkGrowth(b *testing.B) {
	few, many := sizes[0], sizes[len(sizes)-1]
	for _, tr := range traffics {
		for _, family := range families {
			b.Run(tr.name+"/"+family.name, func(b *testing.B) {
				var passes [4]func() // the lookup with few networks and with many, then the decision
				for i, n := range []int{few, many} {
					c, packets := compile(bigConfig(n)), tr.packets(n, family.address)
					destinations := traffics[1].packets(n, family.address)
					passes[i] = func() {
						for j := range destinations {
							c.Lookup(destinations[j].Destination.Addr())
						}
					}
					passes[2+i] = func() {
						for j := range packets {
							c.First(&packets[j])
						}
					}
				}
				var lookup, decide, ratio []float64
				for b.Loop() {
					var took [4]float64
					for i, pass := range passes {
						start := time.Now()
						pass()
						took[i] = float64(time.Since(start))
					}
					lookup, decide, ratio = append(lookup, took[1]/took[0]), append(decide, took[3]/took[2]), append(ratio, took[3]/took[1])
				}
				b.ReportMetric(median(lookup), "lookup-growth")
				b.ReportMetric(median(decide), "decide-growth")
				b.ReportMetric(median(ratio), "decide/lookup")
			})
		}
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// known returns an engine that knows the flows of the packets.
func known(n int, packets []appliance.Packet) *appliance.Engine {
	now := time.Now()
	e := appliance.NewEngine(appliance.DefaultMaxFlows, func() time.Time { return now })
	e.Configure(compile(bigConfig(n)))
	for _, p := range packets {
		e.Decide(p)
	}
	return e
}

// BenchmarkKnownFlow decides packets of 4,096 flows.
func BenchmarkKnownFlow(b *testing.B) {
	benchmark(b, func(b *testing.B, n int, address func(int, byte) netip.Addr) {
		packets := traffics[1].packets(n, address)
		e := known(n, packets)
		for i := 0; b.Loop(); i++ {
			e.Decide(packets[i&4095])
		}
	})
}

// BenchmarkNewFlow decides packets that start a flow each, and forgets them all as
// soon as the table is full.
func BenchmarkNewFlow(b *testing.B) {
	benchmark(b, func(b *testing.B, n int, address func(int, byte) netip.Addr) {
		packets := traffics[1].packets(n, address)
		now := time.Now()
		e := appliance.NewEngine(len(packets), func() time.Time { return now })
		e.Configure(compile(bigConfig(n)))
		for i := 0; b.Loop(); i++ {
			if i&4095 == 0 {
				now = now.Add(time.Hour)
			}
			e.Decide(packets[i&4095])
		}
	})
}

func BenchmarkCompile(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("networks=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			in := bigConfig(n).inputs()
			for b.Loop() {
				appliance.Compile(in)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/network")
		})
	}
}

func BenchmarkTrace(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("networks=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			c, packets := compile(bigConfig(n)), traffics[1].packets(n, bigIPv4)
			for i := 0; b.Loop(); i++ {
				appliance.Trace(c, packets[i&4095])
			}
		})
	}
}

// TestDecidingAllocatesNothing holds for known flows, and for first packets up to
// the point where a flow is entered.
func TestDecidingAllocatesNothing(t *testing.T) {
	const n = 256
	check := func(what string, decide func(p *appliance.Packet) vcc.Verdict, packets []appliance.Packet, want vcc.Verdict) {
		t.Helper()
		i := 0
		allocs := testing.AllocsPerRun(len(packets), func() {
			if got := decide(&packets[i%len(packets)]); got != want {
				t.Fatalf("%s: %s: %s", what, packets[i%len(packets)], got)
			}
			i++
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations per packet", what, allocs)
		}
	}
	for _, address := range []func(int, byte) netip.Addr{bigIPv4, bigIPv6} {
		for _, tr := range traffics {
			packets := tr.packets(n, address)
			check("the stateless part, "+tr.name, compile(bigConfig(n)).First, packets, tr.verdict)
			if tr.verdict == vcc.Dropped {
				e := known(n, nil)
				check("the engine, "+tr.name, func(p *appliance.Packet) vcc.Verdict { return e.Decide(*p).Verdict }, packets, tr.verdict)
			} else {
				e := known(n, packets)
				check("a known flow, "+tr.name, func(p *appliance.Packet) vcc.Verdict { return e.Decide(*p).Verdict }, packets, tr.verdict)
			}
		}
	}
}

// BenchmarkCrowdedPeer looks for a source port while many flows have the same peer and wanted the same port, beside
// looking at one port after the other.
func BenchmarkCrowdedPeer(b *testing.B) {
	for _, n := range []int{1, 32, 1000, 10_000, 60_000} {
		b.Run(fmt.Sprintf("flows=%d", n), func(b *testing.B) {
			now := time.Now()
			e := appliance.NewEngine(n, func() time.Time { return now })
			e.Configure(crowd())
			for i := range n {
				e.Decide(crowded(i, appliance.UDP, 40000))
			}
			next := crowded(n, appliance.UDP, 40000)
			var found, oneByOne []float64
			for b.Loop() {
				var took [2]float64
				for i := range took {
					start := time.Now()
					for range 16 {
						e.FreePort(next, i == 1)
					}
					took[i] = float64(time.Since(start)) / 16
				}
				found, oneByOne = append(found, took[0]), append(oneByOne, took[1])
			}
			b.ReportMetric(median(found), "ns/search")
			b.ReportMetric(median(oneByOne), "one-by-one-ns/search")
			b.ReportMetric(median(oneByOne)/median(found), "times-faster")
		})
	}
}
