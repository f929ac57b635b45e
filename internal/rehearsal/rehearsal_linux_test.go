package rehearsal_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/rehearsal"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestMain(m *testing.M) {
	rehearsal.Inside() // this program is started again for a rehearsal
	if os.Getenv(sysfsEnv) != "" {
		mountSysfs()
	}
	rehearsal.AsOrdinaryUser()
	os.Exit(m.Run())
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start starts a rehearsal. It skips the test where none is to be had, but in CI.
func start(t testing.TB, scene rehearsal.Scene, cfg rehearsal.Config) *rehearsal.Rehearsal {
	t.Helper()
	r, err := rehearsal.Start(context.Background(), scene, cfg)
	if err != nil && os.Getenv("CI") == "" && strings.Contains(err.Error(), "namespaces that a rehearsal is made of") {
		t.Skip(err)
	}
	ok(t, err)
	return r
}

// sixVMs is a scene with two VMs on each of three networks, with addresses of both families.
func sixVMs() (vcc.FailoverPlan, []vcc.ApplianceSources) {
	source := vcc.ApplianceSources{ApplianceInputs: vcc.ApplianceInputs{
		NetworkExtensionAppliance: vcc.NetworkExtensionAppliance{ID: "appliance", HostID: "host", HostName: "esx01", Platform: vcc.PlatformVMware},
		External: vcc.ExternalSettings{
			IPv4: netip.MustParsePrefix("198.51.100.5/24"), IPv4Gateway: netip.MustParseAddr("198.51.100.1"),
			IPv6: netip.MustParsePrefix("2001:db8:ffff::5/64"), IPv6Gateway: netip.MustParseAddr("2001:db8:ffff::1"),
		},
		Gateways: map[string]vcc.GatewaySettings{}, RoutingEnabled: true,
	}}
	plan := vcc.FailoverPlan{Name: "Whole site"}
	for n := range 3 {
		network := vcc.Network{ID: fmt.Sprint("network ", n+1), Name: fmt.Sprint("Silver network ", n+1), HardwarePlanID: "silver", HardwarePlanName: "Silver", HostID: "host", InternetAccess: n == 0}
		v4, v6 := netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 17, byte(n), 0}), 24), netip.MustParsePrefix(fmt.Sprintf("2001:db8:%d::/64", n+1))
		source.Networks = append(source.Networks, network)
		source.Gateways[network.ID] = vcc.GatewaySettings{
			IPv4: &vcc.IPv4Settings{Address: v4.Addr().Next(), PrefixLength: 24}, IPv6: &vcc.IPv6Settings{Address: netip.MustParseAddr("fe80::1"), Network: v6},
		}
		source.Production = append(source.Production, vcc.SiteNetwork{ProductionNetwork: vcc.ProductionNetwork{Name: fmt.Sprint("LAN ", n+1), IPv4: v4, IPv4Gateway: v4.Addr().Next(), IPv6: v6}, CloudNetworks: []string{network.ID}})
		for i := range 2 {
			name := fmt.Sprintf("vm%d%d", n+1, i+1)
			last := byte(10 + i)
			plan.VMs = append(plan.VMs, name)
			a6 := v6.Addr().As16()
			a6[15] = last
			source.Replicas = append(source.Replicas, vcc.Replica{Name: name, NICs: []vcc.ReplicaNIC{{
				NetworkID: network.ID, IPv4: netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 17, byte(n), last}), 24), IPv6: netip.PrefixFrom(netip.AddrFrom16(a6), 64),
			}}})
		}
	}
	return plan, []vcc.ApplianceSources{source}
}

func scene(t testing.TB) rehearsal.Scene {
	t.Helper()
	s, missing := rehearsal.NewScene(sixVMs())
	if len(missing) > 0 {
		t.Fatal(missing)
	}
	return s
}

// BenchmarkUp is how long a rehearsal of six VMs takes to be there, for an ordinary user. The goal is a
// median of 100 ms.
func BenchmarkUp(b *testing.B) {
	s := scene(b)
	var took []time.Duration
	for b.Loop() {
		begin := time.Now()
		r := start(b, s, rehearsal.Config{})
		took = append(took, time.Since(begin))
		ok(b, r.Close())
		time.Sleep(500 * time.Millisecond) // in which the kernel takes away what is gone, and holds up whoever makes more
	}
	slices.Sort(took)
	b.ReportMetric(0, "ns/op") // which is of the pauses, too
	b.ReportMetric(float64(took[0].Microseconds())/1000, "ms-fastest")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
}

// Everybody reaches everybody in both families, from the first packet on.
func TestCheck_everybody(t *testing.T) {
	s := scene(t)
	var notices []rehearsal.Notice
	r := start(t, s, rehearsal.Config{Notify: func(n rehearsal.Notice) { notices = append(notices, n) }, Stderr: os.Stderr})
	var checks []vcc.Check
	for _, from := range s.Machines {
		for _, to := range s.Machines {
			for i, protocol := range []string{"tcp", "udp", "icmp"} {
				port := []*int{new(int), new(int), nil}[i]
				if port != nil {
					*port = 443
				}
				reachable := true
				c, err := vcc.ParseCheck(from.Name, to.Name, protocol, port, &reachable, "")
				ok(t, err)
				if from.Name != to.Name {
					checks = append(checks, c)
				}
			}
		}
	}
	outcomes, err := r.Check(t.Context(), checks)
	ok(t, err)
	if len(outcomes) != len(checks) || len(checks) != 90 {
		t.Fatalf("%d outcomes of %d checks", len(outcomes), len(checks))
	}
	for i, o := range outcomes {
		if !o.Holds(checks[i]) || o.Fault != "" {
			t.Errorf("%s %s", o.Explanation, o.Fault)
		}
	}
	// Without the option those of one network are left.
	s.Appliances = slices.Clone(s.Appliances)
	s.Appliances[0].RoutingEnabled = false
	ok(t, r.Update(t.Context(), s))
	outcomes, err = r.Check(t.Context(), checks)
	ok(t, err)
	for i, o := range outcomes {
		same := checks[i].Source.VM[:3] == checks[i].Destination.VM[:3]
		if o.Reachable != same || o.Fault != "" || !same && o.Reason != vcc.ReasonRoutingDisabled {
			t.Errorf("%s %s", o.Explanation, o.Fault)
		}
	}
	ok(t, r.Close())
	dropped := 0
	for _, n := range notices {
		if n.Fault {
			t.Error(n.Text)
		}
		if strings.Contains(n.Text, "dropped, routing_disabled") {
			dropped++
		}
	}
	if dropped != 2*6*4*3 { // families, sources, destinations, protocols
		t.Errorf("%d drops were told", dropped)
	}
}

// What has other machines or networks is another rehearsal.
func TestUpdate_others(t *testing.T) {
	s := scene(t)
	r := start(t, s, rehearsal.Config{})
	fewer := s
	fewer.Machines = s.Machines[1:]
	if err := r.Update(t.Context(), fewer); !errors.Is(err, rehearsal.ErrOthers) {
		t.Errorf("a machine less: %v", err)
	}
	ok(t, r.Close())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Exec(ctx, "vm11", []string{"true"}, false); err == nil {
		t.Error("a program ran after the end")
	}
}

// A router that the kernel refuses a configuration is broken, and says so from then on.
func TestUpdate_broken(t *testing.T) {
	s := scene(t)
	r := start(t, s, rehearsal.Config{})
	// The first process of a rehearsal has the routers' namespaces. A program, which is root there, forbids IPv6 in all of them.
	script := `for f in /proc/1/fd/*; do nsenter --net=$f sh -c 'for l in /proc/sys/net/ipv6/conf/net*; do echo 1 > $l/disable_ipv6; done'; done 2>/dev/null; true`
	_, err := r.Exec(t.Context(), "vm11", []string{"sh", "-c", script}, false)
	ok(t, err)
	s.Appliances = slices.Clone(s.Appliances)
	s.Appliances[0].Gateways = maps.Clone(s.Appliances[0].Gateways)
	g := s.Appliances[0].Gateways["network 1"]
	g.IPv6 = &vcc.IPv6Settings{Address: netip.MustParseAddr("2001:db8:1::1"), Network: g.IPv6.Network}
	s.Appliances[0].Gateways["network 1"] = g
	for range 2 {
		if err := r.Update(t.Context(), s); !errors.Is(err, rehearsal.ErrBroken) {
			t.Errorf("a configuration that the kernel refuses: %v", err)
		}
	}
	ok(t, r.Close())
}

// A context that ends takes the rehearsal with it.
func TestStart_cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, err := rehearsal.Start(ctx, scene(t), rehearsal.Config{})
	if err != nil && os.Getenv("CI") == "" && strings.Contains(err.Error(), "namespaces that a rehearsal is made of") {
		t.Skip(err)
	}
	ok(t, err)
	ran := make(chan error)
	go func() {
		_, err := r.Exec(ctx, "vm11", []string{"sleep", "1000"}, false)
		ran <- err
	}()
	cancel()
	if err := <-ran; !errors.Is(err, context.Canceled) {
		t.Errorf("the program ended with %v", err)
	}
	ok(t, r.Close()) // which waits until the process has ended
}
