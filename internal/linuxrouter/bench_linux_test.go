package linuxrouter_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/linuxrouter"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/wiretest"
)

// many returns the inputs of an appliance with so many networks, of two plans in turn, half of them with internet access.
func many(networks int) vcc.ApplianceInputs {
	in := vcc.ApplianceInputs{
		External: vcc.ExternalSettings{
			IPv4: netip.MustParsePrefix("198.51.100.5/24"), IPv4Gateway: netip.MustParseAddr("198.51.100.1"),
			IPv6: netip.MustParsePrefix("2001:db8:ffff::5/64"), IPv6Gateway: netip.MustParseAddr("2001:db8:ffff::1"),
		},
		RoutingEnabled: true, Gateways: map[string]vcc.GatewaySettings{},
	}
	for i := range networks {
		plan := []string{"Silver", "Bronze"}[i%2]
		n := vcc.Network{ID: fmt.Sprintf("network-%d", i), Name: fmt.Sprintf("%s %d", plan, i), HardwarePlanID: plan, HardwarePlanName: plan, InternetAccess: i%4 < 2}
		in.Networks = append(in.Networks, n)
		in.Gateways[n.ID] = gateway(i, 1)
	}
	for i := range min(networks, 100) {
		in.PublicIPRules = append(in.PublicIPRules, vcc.PublicIPRule{
			Public: netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}), 443), Internal: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 10}), 8443),
		})
	}
	return in
}

// gateway returns that of many's i-th network, with the last octet of its IPv4 address.
func gateway(i int, last byte) vcc.GatewaySettings {
	return vcc.GatewaySettings{
		IPv4: &vcc.IPv4Settings{Address: netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), last}), PrefixLength: 24},
		IPv6: &vcc.IPv6Settings{Address: netip.MustParseAddr("fe80::1"), Network: netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 0, byte(i >> 8), byte(i)}), 64)},
	}
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func newNamespace(tb testing.TB) *linuxrouter.Namespace {
	n, err := linuxrouter.NewNamespace()
	check(tb, err)
	return n
}

// run runs a program in a namespace.
func run(tb testing.TB, n *linuxrouter.Namespace, args ...string) string {
	tb.Helper()
	var out []byte
	check(tb, n.Do(func() (err error) {
		out, err = exec.CommandContext(tb.Context(), args[0], args[1:]...).CombinedOutput() // #nosec G204 -- the tests' own
		if err != nil {
			err = fmt.Errorf("%v: %w\n%.2000s", args, err, out)
		}
		return err
	}))
	return string(out)
}

// ipBatch writes the links, addresses and routes of a plan for ip -batch, and what it needs at the
// far ends.
func ipBatch(p *linuxrouter.Plan, far *linuxrouter.Namespace) (here, there string) {
	var h, t strings.Builder
	for _, l := range p.Links {
		fmt.Fprintf(&h, "link add %s up index %d type veth peer name %s netns /proc/%d/fd/%d\n", l.Name, l.Index, l.Name, os.Getpid(), far.FD())
		fmt.Fprintf(&t, "link set %s up\n", l.Name)
	}
	for _, l := range p.Links {
		for _, a := range l.Addresses {
			nodad := ""
			if a.Is6() {
				nodad = " nodad"
			}
			fmt.Fprintf(&h, "address add %s/%d dev %s noprefixroute%s\n", a, a.BitLen(), l.Name, nodad)
		}
	}
	for _, l := range p.Links {
		for _, r := range l.Routes {
			via, onlink := "", ""
			if r.Gateway.IsValid() {
				via = " via " + r.Gateway.String()
			}
			if r.OnLink {
				onlink = " onlink"
			}
			fmt.Fprintf(&h, "route replace %s%s dev %s proto static metric %d%s\n", r.Destination, via, l.Name, r.Metric, onlink)
		}
	}
	return h.String(), t.String()
}

// needsNamespaces skips a benchmark of somebody who is not root.
func needsNamespaces(b *testing.B) {
	if err := linuxrouter.Supported(); err != nil {
		b.Skip(err)
	}
}

// processorTime returns what the process has used, or its children that have ended.
func processorTime(tb testing.TB, who int) time.Duration {
	var u unix.Rusage
	check(tb, unix.Getrusage(who, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// quick returns what a tenth of the rounds stay below: those that nothing else on the machine disturbed.
func quick(rounds []float64) float64 {
	slices.Sort(rounds)
	return rounds[len(rounds)/10]
}

// BenchmarkProgram makes a router, from the stored inputs on, beside ip -batch and nft -f that are given the same
// as text that is ready.
func BenchmarkProgram(b *testing.B) {
	needsNamespaces(b)
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("networks=%d", n), func(b *testing.B) {
			in := many(n)
			p := linuxrouter.MakePlan(appliance.Compile(in))
			dir := b.TempDir()
			elements := linuxrouter.ElementsText(p)
			var ours, theirs, oursUsed, theirsUsed []float64
			pause := func() { time.Sleep(time.Duration(n) * 2 * time.Millisecond) } // the kernel takes namespaces away later
			for b.Loop() {
				far := newNamespace(b)
				used, begun := processorTime(b, unix.RUSAGE_SELF), time.Now()
				r, err := linuxrouter.Open(far, linuxrouter.Options{})
				check(b, err)
				check(b, r.Apply(appliance.Compile(in)))
				ours = append(ours, float64(time.Since(begun)))
				oursUsed = append(oursUsed, float64(processorTime(b, unix.RUSAGE_SELF)-used))
				check(b, r.Close())
				check(b, far.Close())
				pause()

				far, here := newNamespace(b), newNamespace(b)
				ip, ipFar := ipBatch(p, far)
				for name, text := range map[string]string{"ip": ip, "ip-far": ipFar, "nft": linuxrouter.Ruleset + elements} {
					check(b, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
				}
				used, begun = processorTime(b, unix.RUSAGE_CHILDREN), time.Now()
				run(b, here, "ip", "-batch", filepath.Join(dir, "ip"))
				run(b, far, "ip", "-batch", filepath.Join(dir, "ip-far"))
				run(b, here, "nft", "-f", filepath.Join(dir, "nft"))
				theirs = append(theirs, float64(time.Since(begun)))
				theirsUsed = append(theirsUsed, float64(processorTime(b, unix.RUSAGE_CHILDREN)-used))
				check(b, here.Close())
				check(b, far.Close())
				pause()
			}
			b.ReportMetric(quick(ours)/quick(theirs), "times-ip-and-nft")
			b.ReportMetric(quick(oursUsed)/quick(theirsUsed), "times-their-processor-time")
		})
	}
}

// BenchmarkChange changes one gateway of 1,000 and applies that, from the stored inputs on, without flows and
// with one.
func BenchmarkChange(b *testing.B) {
	needsNamespaces(b)
	for _, flows := range []int{0, 1} {
		b.Run(fmt.Sprintf("flows=%d", flows), func(b *testing.B) {
			in := many(1000)
			w := wiretest.Open(b, linuxrouter.Options{})
			check(b, w.Apply(appliance.Compile(in)))
			id := in.Networks[500].ID
			var took, used []float64
			for i := 0; b.Loop(); i++ {
				for range flows { // it lives for 30 seconds
					check(b, w.Send(1, made(1, "udp", "10.0.0.10:2000", "10.0.2.10:53")))
				}
				in.Gateways[id] = gateway(500, byte(1+253*((i+1)%2)))
				usedBefore, begun := processorTime(b, unix.RUSAGE_SELF), time.Now()
				check(b, w.Router.Apply(appliance.Compile(in)))
				took = append(took, float64(time.Since(begun).Nanoseconds())/1e6)
				used = append(used, float64(processorTime(b, unix.RUSAGE_SELF)-usedBefore)/1e6)
			}
			b.ReportMetric(quick(took), "ms")
			b.ReportMetric(quick(used), "processor-ms")
		})
	}
}

func made(number uint64, protocol, from, to string) []byte {
	p, err := appliance.ParseProtocol(protocol)
	if err != nil {
		panic(err)
	}
	return wiretest.Made{Number: number, Flags: wiretest.SYN, Packet: appliance.Packet{
		Protocol: p, HopLimit: 64, Source: netip.MustParseAddrPort(from), Destination: netip.MustParseAddrPort(to),
	}}.Bytes()
}

// BenchmarkForward sends packets of a known flow through a router and through the same namespace without
// its ruleset, in turn.
func BenchmarkForward(b *testing.B) {
	needsNamespaces(b)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, tc := range []struct{ name, from, to string }{
		{"family=ipv4", "10.0.0.10:2000", "10.0.2.10:53"},
		{"family=ipv6", "[2001:db8::10]:2000", "[2001:db8:0:2::10]:53"},
	} {
		b.Run(tc.name, func(b *testing.B) {
			in := many(1000)
			in.Networks = in.Networks[:10]
			routers := map[string]*wiretest.Wire{"ours": wiretest.Open(b, linuxrouter.Options{}), "plain": wiretest.Open(b, linuxrouter.Options{})}
			for name, w := range routers {
				check(b, w.Apply(appliance.Compile(in)))
				if name == "plain" {
					c, err := nftables.New(nftables.WithNetNSFd(w.Router.Namespace().FD()))
					check(b, err)
					c.FlushRuleset()
					check(b, c.Flush())
				}
				check(b, w.Deaf())
			}
			const packets = 2048 // less than a time slice, so that many of the rounds are undisturbed
			blast := func(w *wiretest.Wire) float64 {
				frame := w.Frame(1, made(1, "udp", tc.from, tc.to))
				before, err := w.Arrived(3)
				check(b, err)
				begun := time.Now()
				check(b, w.Blast(1, frame, packets))
				took := time.Since(begun)
				after, err := w.Arrived(3)
				check(b, err)
				if after-before < packets*99/100 {
					b.Fatalf("of %d packets %d came out", packets, after-before)
				}
				return float64(took.Nanoseconds()) / packets
			}
			times := map[string][]float64{}
			for b.Loop() {
				for range 32 {
					for name, w := range routers {
						times[name] = append(times[name], blast(w))
					}
				}
			}
			ours, plain := quick(times["ours"]), quick(times["plain"])
			b.ReportMetric(ours, "ns/packet")
			b.ReportMetric(plain, "plain-ns/packet")
			b.ReportMetric(ours/plain, "times-plain")
		})
	}
}
