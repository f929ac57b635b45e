package bench

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wide declares a tenant with as many networks as a host has VLANs for, and stores a gateway
// for each past the store, which would take minutes.
func (d *database) wide(b *testing.B, more ...func(*vcc.LabTenant)) vcc.Actor {
	b.Helper()
	tenant := vcc.LabTenant{Name: "ABC Company", Subscriptions: []string{"Wide"}}
	for _, change := range more {
		change(&tenant)
	}
	d.apply(b, vcc.Lab{
		ServiceProvider: vcc.ServiceProvider{Name: "sp.example.net"},
		Hosts:           []vcc.Host{newHost("esx01")},
		HardwarePlans:   []vcc.LabHardwarePlan{{Name: "Wide", Host: "esx01", Networks: vcc.LabNetworkCount{WithInternet: maxVLANs}}},
		Tenants:         []vcc.LabTenant{tenant},
	}, nil)
	for _, statement := range []string{
		"INSERT INTO default_gateways (network_id, origin, revision, updated_at, updated_by, ipv4_address, ipv4_prefix_length) " +
			"SELECT id, 'specified', position, CURRENT_TIMESTAMP, 'bench', '10.' || (position / 250) || '.' || (position % 250) || '.1', 24 FROM cloud_networks",
		fmt.Sprintf("UPDATE tenants SET gateways = %[1]d, revision = %[1]d, routing_enabled = TRUE", maxVLANs),
		"ANALYZE",
	} {
		if _, err := d.direct.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	found, err := d.store.Tenant(b.Context(), "ABC Company")
	if err != nil {
		b.Fatal(err)
	}
	return vcc.Actor{TenantID: found.ID, Name: "bench"}
}

// newServer starts a server with services, and returns a client of it.
func newServer(b *testing.B, services httpapi.Services, as vcc.Actor) *httpapi.Client {
	b.Helper()
	server := httptest.NewServer(httpapi.NewHandler(httpapi.ServerConfig{
		Services: services, Authenticator: httpapi.Always{TenantID: as.TenantID, Username: as.Name}, Log: slog.New(slog.DiscardHandler),
	}))
	b.Cleanup(server.Close)
	client, err := httpapi.NewClient(httpapi.ClientConfig{Endpoint: server.URL})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Close)
	return client
}

// forgetful are services that keep nothing compiled.
type forgetful struct {
	*backend.Services
	store *store.Store
}

func (f forgetful) Trace(ctx context.Context, as vcc.Actor, questions []vcc.TraceRequest, assume vcc.Assumption) ([]vcc.Reachability, error) {
	return backend.NewServices(f.store).Trace(ctx, as, questions, assume)
}

// BenchmarkTraces compares traces of one packet among 4,000 gateways, by 16 clients, with those
// of a server that compiles for each of them, in turn.
func BenchmarkTraces(b *testing.B) {
	const clients = 16
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		b.Run(kind, func(b *testing.B) {
			d := openDatabase(b, kind)
			as := d.wide(b)
			keeping := newServer(b, backend.NewServices(d.store), as)
			compiling := newServer(b, forgetful{backend.NewServices(d.store), d.store}, as)
			round := func(c *httpapi.Client, each int) float64 {
				start := time.Now()
				var all sync.WaitGroup
				for i := range clients {
					all.Go(func() {
						for j := range each {
							n, port := 2+(i*each+j)%(maxVLANs-2), 443
							question, err := vcc.ParseTraceRequest(fmt.Sprintf("10.%d.%d.20", n/250, n%250), "10.0.1.20", "tcp", &port)
							if err != nil {
								b.Error(err)
								return
							}
							answers, err := c.Trace(b.Context(), vcc.Actor{}, []vcc.TraceRequest{question}, vcc.Assumption{})
							if err != nil || len(answers) != 1 {
								b.Error(answers, err)
							}
						}
					})
				}
				all.Wait()
				return float64(each*clients) / time.Since(start).Seconds()
			}
			round(keeping, 1)
			var rate, compiled []float64
			for b.Loop() {
				rate = append(rate, round(keeping, 200))
				compiled = append(compiled, round(compiling, 1))
			}
			b.ReportMetric(median(rate), "traces/s")
			b.ReportMetric(median(compiled), "traces/s-compiling")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkTracesOfVMs has questions about VMs with as many ways as one request may have: a thousand with 16 each, and
// three about the VMs with the most adapters that there may be. All of them are decided, because each is as it should be. It compares them with a thousand questions about
// addresses, which have one way each, in turn.
func BenchmarkTracesOfVMs(b *testing.B) {
	d := openDatabase(b, "SQLite")
	site := vcc.Site{ProductionNetworks: []vcc.ProductionNetwork{{
		Name: "All", IPv4: netip.MustParsePrefix("10.0.0.0/8"), IPv4Gateway: netip.MustParseAddr("10.255.255.1"),
	}}}
	for i, adapters := range []int{4, 4, vcc.MaxNICs, vcc.MaxNICs} {
		vm := vcc.VM{Name: fmt.Sprint("vm", i), Guest: vcc.GuestLinux}
		for j := range adapters {
			vm.NICs = append(vm.NICs, vcc.NIC{Network: "All", IPv4: crowdAddress(2+i*100+j, 10)})
		}
		site.VMs = append(site.VMs, vm)
	}
	as := d.wide(b, func(t *vcc.LabTenant) { t.Site = site })
	services := backend.NewServices(d.store)
	ask := func(n int, source, destination string) float64 {
		port, questions := 443, make([]vcc.TraceRequest, n)
		for i := range questions {
			var err error
			if questions[i], err = vcc.ParseTraceRequest(source, destination, "tcp", &port); err != nil {
				b.Fatal(err)
			}
		}
		start := time.Now()
		answers, err := services.Trace(b.Context(), as, questions, vcc.Assumption{})
		if err != nil || !answers[n-1].Reachable {
			b.Fatal(answers[n-1], err)
		}
		return 1000 * time.Since(start).Seconds()
	}
	ask(1, "vm0", "vm1")
	took := map[string][]float64{}
	for b.Loop() {
		took["ms-1000x1-way"] = append(took["ms-1000x1-way"], ask(vcc.MaxTraceRequests, "10.0.1.10", "10.0.7.10"))
		took["ms-1000x16-ways"] = append(took["ms-1000x16-ways"], ask(vcc.MaxTraceRequests, "vm0", "vm1"))
		took["ms-3x4624-ways"] = append(took["ms-3x4624-ways"], ask(3, "vm2", "vm3"))
	}
	for name, values := range took {
		b.ReportMetric(median(values), name)
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkPages compares the last page of 200 among 4,000 gateways with the first one, behind the
// page before and by the number of entries to leave out, in turn.
func BenchmarkPages(b *testing.B) {
	const limit, each = vcc.DefaultPageLimit, 10
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		b.Run(kind, func(b *testing.B) {
			d := openDatabase(b, kind)
			as := d.wide(b)
			before, _, err := d.store.DefaultGateways(b.Context(), as, vcc.Page{Skip: maxVLANs - limit - 1, Limit: 1})
			if err != nil {
				b.Fatal(err)
			}
			read := func(p vcc.Page) float64 {
				start := time.Now()
				for range each {
					if list, total, err := d.store.DefaultGateways(b.Context(), as, p); err != nil || len(list) != limit || total != maxVLANs {
						b.Fatal(len(list), total, err)
					}
				}
				return time.Since(start).Seconds() / each
			}
			var first, behind, skipping []float64
			for b.Loop() {
				first = append(first, read(vcc.Page{Limit: limit}))
				behind = append(behind, read(vcc.Page{Skip: maxVLANs - limit, Limit: limit, After: before[0].NetworkID}))
				skipping = append(skipping, read(vcc.Page{Skip: maxVLANs - limit, Limit: limit}))
			}
			b.ReportMetric(1000*median(first), "ms-first")
			b.ReportMetric(median(behind)/median(first), "last/first")
			b.ReportMetric(median(skipping)/median(first), "skipping/first")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// crowdAddress is an address of the i-th network.
func crowdAddress(i int, host byte) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i / 250), byte(i % 250), host})
}
