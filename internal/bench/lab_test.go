package bench

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// manyTenants is how many tenants the largest lab of these benchmarks has.
const manyTenants = 10_000

// newManyTenants is a lab of n tenants with a site, a job and one network each.
func newManyTenants(n int) vcc.Lab {
	lab := vcc.Lab{ServiceProvider: vcc.ServiceProvider{Name: "sp.example.net"}}
	for i := range n {
		host := fmt.Sprintf("host%d", i/maxVLANs)
		if i%maxVLANs == 0 {
			lab.Hosts = append(lab.Hosts, newHost(host))
			lab.HardwarePlans = append(lab.HardwarePlans, vcc.LabHardwarePlan{Name: "Plan on " + host, Host: host, Networks: vcc.LabNetworkCount{WithInternet: 1}})
		}
		lab.Tenants = append(lab.Tenants, vcc.LabTenant{
			Name: fmt.Sprintf("Tenant %d", i), Username: fmt.Sprintf("tenant-%d", i), Subscriptions: []string{"Plan on " + host},
			Site: vcc.Site{
				ProductionNetworks: []vcc.ProductionNetwork{{Name: "LAN", IPv4: netip.MustParsePrefix("10.0.0.0/24"), IPv4Gateway: netip.MustParseAddr("10.0.0.1")}},
				VMs:                []vcc.VM{{Name: "erp01", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "LAN"}}}},
			},
			Jobs: []vcc.LabReplicationJob{{Name: "Hourly", HardwarePlan: "Plan on " + host, VMs: []string{"erp01"}}},
		})
	}
	return lab
}

// BenchmarkLab declares a lab of 10,000 tenants while 16 that are there already write, each as
// fast as it can.
//
//   - apply-s, unchanged-s and one-s are how long the lab takes, the same one again, and one in
//     which one tenant changes.
//   - longest-write-ms is the longest that a write took during the three, and alone-ms without them.
func BenchmarkLab(b *testing.B) {
	const writers = 16
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		b.Run(kind, func(b *testing.B) {
			var apply, unchanged, one, longest, alone []float64
			for b.Loop() {
				d := openDatabase(b, kind)
				lab := newManyTenants(manyTenants)
				few := lab
				few.Tenants = lab.Tenants[:writers]
				tenants := d.declareLab(b, few)
				during := func(do func()) (took, longest float64) {
					stop := make(chan struct{})
					waits := make([]time.Duration, writers)
					var all sync.WaitGroup
					for w, t := range tenants {
						as := vcc.Actor{TenantID: t.id, Name: "bench"}
						all.Go(func() {
							for i := 0; ; i++ {
								select {
								case <-stop:
									return
								default:
								}
								start := time.Now()
								if _, _, err := d.store.PutDefaultGateway(b.Context(), as, t.network, settings(i), vcc.Precondition{}); err != nil {
									b.Error(err)
									return
								}
								waits[w] = max(waits[w], time.Since(start))
							}
						})
					}
					start := time.Now()
					do()
					took = time.Since(start).Seconds()
					close(stop)
					all.Wait()
					for _, wait := range waits {
						longest = max(longest, float64(wait.Milliseconds()))
					}
					return took, longest
				}
				runtime.GC()
				_, quiet := during(func() { time.Sleep(2 * time.Second) })
				alone = append(alone, quiet)
				changed := lab
				changed.Tenants = slices.Clone(lab.Tenants)
				changed.Tenants[5000].Username = "another"
				for _, step := range []struct {
					what string
					lab  vcc.Lab
					took *[]float64
				}{{"10,000 tenants", lab, &apply}, {"the same", lab, &unchanged}, {"one changed", changed, &one}} {
					took, wait := during(func() { d.apply(b, step.lab, nil) })
					*step.took = append(*step.took, took)
					longest = append(longest, wait)
					b.Logf("%s: %.2f s, the longest write %.0f ms", step.what, took, wait)
				}
			}
			b.ReportMetric(median(apply), "apply-s")
			b.ReportMetric(median(unchanged), "unchanged-s")
			b.ReportMetric(median(one), "one-s")
			b.ReportMetric(slices.Max(longest), "longest-write-ms")
			b.ReportMetric(median(alone), "alone-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}
