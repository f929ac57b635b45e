package window_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/labfile"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/window"
)

// site is a store with a lab, and the services of its first tenant.
type site struct {
	*backend.Services
	as vcc.Actor
	t  testing.TB
}

// newSite declares the built-in lab with changes. Its jobs did not run.
func newSite(t testing.TB, change func(*vcc.Lab)) site {
	t.Helper()
	builtIn, err := labfile.BuiltIn()
	ok(t, err)
	lab := builtIn.Lab()
	if change != nil {
		change(&lab)
	}
	valid, err := lab.Check(nil)
	ok(t, err)
	s, err := backend.OpenStore(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "vcc.db"), true)
	ok(t, err)
	t.Cleanup(func() { _ = s.Close() })
	_, err = s.ApplyLab(t.Context(), valid, nil)
	ok(t, err)
	tenant, err := s.Tenant(t.Context(), lab.Tenants[0].Name)
	ok(t, err)
	return site{backend.NewServices(s), vcc.Actor{TenantID: tenant.ID, Name: "test"}, t}
}

func every[T any](t testing.TB, as vcc.Actor, list func(context.Context, vcc.Actor, vcc.Page) ([]T, int, error)) []T {
	t.Helper()
	all, err := vcc.All(func(p vcc.Page) ([]T, int, error) { return list(t.Context(), as, p) })
	ok(t, err)
	return all
}

func (s site) networks() []vcc.Network {
	s.t.Helper()
	return every(s.t, s.as, func(ctx context.Context, as vcc.Actor, p vcc.Page) ([]vcc.Network, int, error) {
		return s.Services.Networks(ctx, as, vcc.NetworkFilter{}, p)
	})
}

// gateway stores a gateway: an IPv4 address with its prefix length, and an IPv6 address with its network.
func (s site) gateway(network, ipv4, ipv6 string) {
	s.t.Helper()
	n, found := vcc.Find(s.networks(), network, func(n vcc.Network) (string, string) { return n.ID, n.Name })
	if !found {
		s.t.Fatalf("there is no network %s", network)
	}
	var settings vcc.GatewaySettings
	if ipv4 != "" {
		p := netip.MustParsePrefix(ipv4)
		settings.IPv4 = &vcc.IPv4Settings{Address: p.Addr(), PrefixLength: p.Bits()}
	}
	if address, network, both := strings.Cut(ipv6, " "); both {
		settings.IPv6 = &vcc.IPv6Settings{Address: netip.MustParseAddr(address), Network: netip.MustParsePrefix(network)}
	}
	_, _, err := s.PutDefaultGateway(s.t.Context(), s.as, n.ID, settings, vcc.Precondition{})
	ok(s.t, err)
}

// replicated runs the tenant's jobs, so that there are replicas to start.
func (s site) replicated() {
	s.t.Helper()
	for _, job := range every(s.t, s.as, s.ReplicationJobs) {
		_, err := s.RunReplicationJob(s.t.Context(), s.as, job.ID)
		ok(s.t, err)
	}
}

// plan returns the failover plan of a name.
func (s site) plan(name string) vcc.FailoverPlan {
	s.t.Helper()
	p, found := vcc.Find(every(s.t, s.as, s.FailoverPlans), name, func(p vcc.FailoverPlan) (string, string) { return p.ID, p.Name })
	if !found {
		s.t.Fatalf("there is no plan %s", name)
	}
	return p
}

// open starts a window on the site, for one of its tenant's accounts of a role, and returns who
// visits the pages of that tenant: the path "/appliance" is that of the tenant's appliance.
func (s site) open(role vcc.Role) *visitor {
	s.t.Helper()
	key, text := window.NewKey(vcc.Account{Username: "test", Role: role, TenantID: s.as.TenantID})
	server := httptest.NewServer(window.New(window.Config{Services: s.Services, Key: key}).Handler())
	s.t.Cleanup(server.Close)
	v := newVisitor(s.t, server.URL)
	v.get(window.OpenPath + text)
	v.base += "/tenants/" + s.as.TenantID
	return v
}

// submit sends the form of a page, which is at the path that it is sent to.
func (v *visitor) submit(path string, pairs ...string) answer {
	v.t.Helper()
	return v.post(path, values(append(pairs, "form_token", v.get(path).hidden("form_token"))...))
}

// says checks the status of a page and what it says.
func (a answer) says(t testing.TB, status int, texts ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("status %d, want %d", a.StatusCode, status)
	}
	contains(t, "the page", a.text(), texts...)
}

// manyVMs is a site with VMs spread over networks, each with a gateway.
func manyVMs(t testing.TB, vms, networks int) site {
	t.Helper()
	address := func(network, host int) netip.Addr {
		return netip.AddrFrom4([4]byte{10, byte(network >> 8), byte(network), byte(host)})
	}
	s := newSite(t, func(lab *vcc.Lab) {
		*lab = vcc.Lab{
			ServiceProvider: lab.ServiceProvider,
			Hosts: []vcc.Host{{Name: "hyperv01", Platform: vcc.PlatformHyperV, VLANs: []vcc.VLANRanges{
				{WithInternet: vcc.VLANRange{First: 1, Last: 2047}, WithoutInternet: vcc.VLANRange{First: 2048, Last: 4094}},
			}}},
			HardwarePlans: []vcc.LabHardwarePlan{{Name: "Wide", Host: "hyperv01", Networks: vcc.LabNetworkCount{WithInternet: networks / 2, WithoutInternet: networks - networks/2}}},
			Tenants: []vcc.LabTenant{{Name: "ABC Company", Subscriptions: []string{"Wide"}, Appliances: []vcc.LabAppliance{{Host: "hyperv01", External: vcc.ExternalSettings{
				IPv4: netip.MustParsePrefix("198.51.100.5/24"), IPv4Gateway: netip.MustParseAddr("198.51.100.1"),
			}}}}},
		}
		abc := &lab.Tenants[0]
		job := vcc.LabReplicationJob{Name: "Nightly", HardwarePlan: "Wide"}
		for i := range networks {
			abc.ProductionNetworks = append(abc.ProductionNetworks, vcc.ProductionNetwork{Name: fmt.Sprintf("LAN %d", i), IPv4: netip.PrefixFrom(address(i, 0), 24), IPv4Gateway: address(i, 1)})
		}
		for i := range vms {
			name, n := fmt.Sprintf("vm%03d", i), i*networks/vms
			abc.VMs = append(abc.VMs, vcc.VM{Name: name, Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: fmt.Sprintf("LAN %d", n), IPv4: address(n, 2+i%250)}}})
			job.VMs = append(job.VMs, name)
		}
		abc.Jobs = []vcc.LabReplicationJob{job}
	})
	for i, n := range s.networks() {
		_, _, err := s.PutDefaultGateway(t.Context(), s.as, n.ID, vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: address(i, 1), PrefixLength: 24}}, vcc.Precondition{})
		ok(t, err)
	}
	return s
}
