package vcc_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func lines(changes []vcc.LabChange) []string {
	list := make([]string, len(changes))
	for i, c := range changes {
		list[i] = c.Line()
	}
	return list
}

// twoTenants is a lab in which a plan, a tenant and a host share a name.
func twoTenants() vcc.Lab {
	return vcc.Lab{
		ServiceProvider: vcc.ServiceProvider{Name: "sp"},
		Hosts: []vcc.Host{
			{Name: "esx01", Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 1, Last: 9}, WithoutInternet: vcc.VLANRange{First: 11, Last: 19}}}},
			{Name: "Silver", Platform: vcc.PlatformVMware},
		},
		HardwarePlans: []vcc.LabHardwarePlan{
			{Name: "Silver", Host: "esx01", Networks: vcc.LabNetworkCount{WithInternet: 1, WithoutInternet: 2}},
			{Name: "Gold", Host: "esx01", Networks: vcc.LabNetworkCount{WithoutInternet: 1}},
		},
		Tenants: []vcc.LabTenant{
			{
				Name: "ABC", Subscriptions: []string{"Silver", "Gold"}, PublicIPs: []netip.Addr{addr("203.0.113.10")},
				Site: vcc.Site{
					ProductionNetworks: []vcc.ProductionNetwork{{Name: "App", IPv4: prefix("10.0.0.0/24"), IPv4Gateway: addr("10.0.0.1")}, {Name: "Data"}},
					VMs:                []vcc.VM{{Name: "web01", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "App"}}}},
				},
				Jobs: []vcc.LabReplicationJob{
					{Name: "Nightly", HardwarePlan: "Silver", VMs: []string{"web01"}, Mapping: map[string]string{"App": "Silver network 1"}},
					{Name: "Weekly", HardwarePlan: "Gold", VMs: []string{"web01"}},
				},
				FailoverPlans: []vcc.LabFailoverPlan{{Name: "Whole site", VMs: []string{"web01"}}},
			},
			{Name: "Silver", Subscriptions: []string{"Silver"}},
		},
	}
}

func TestCompareLabs(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(l *vcc.Lab)
		want   []string
	}{
		{"nothing", func(*vcc.Lab) {}, nil},
		{"lists that are empty instead of left out", func(l *vcc.Lab) {
			l.Tenants[1].PublicIPs, l.Tenants[1].Jobs, l.Hosts[1].VLANs = []netip.Addr{}, []vcc.LabReplicationJob{}, []vcc.VLANRanges{}
		}, nil},
		{"the order of hosts and plans", func(l *vcc.Lab) { slices.Reverse(l.Hosts); slices.Reverse(l.HardwarePlans) }, nil},
		{"the order of tenants", func(l *vcc.Lab) { slices.Reverse(l.Tenants) }, []string{`~ tenants: order from "ABC", "Silver" to "Silver", "ABC"`}},
		{"the order of a tenant's things", func(l *vcc.Lab) {
			slices.Reverse(l.Tenants[0].Subscriptions)
			slices.Reverse(l.Tenants[0].Jobs)
			slices.Reverse(l.Tenants[0].ProductionNetworks)
		}, []string{`~ tenant "ABC": production_networks in another order, subscriptions from ["Silver","Gold"] to ["Gold","Silver"], replication_jobs in another order`}},
		{"the provider's name", func(l *vcc.Lab) { l.ServiceProvider.Name = "other" }, []string{`~ service provider "sp": name from "sp" to "other"`}},
		{"a host", func(l *vcc.Lab) {
			l.Hosts[0].VLANs[0].WithInternet.Last = 10
			l.Hosts[0].VLANs[0].WithoutInternet = vcc.VLANRange{}
		},
			[]string{`~ host "esx01": vlans[0].with_internet from [1,9] to [1,10], vlans[0].without_internet from [11,19] to nothing`}},
		{"hosts come and go", func(l *vcc.Lab) { l.Hosts[1].Name = "esx02" }, []string{`- host "Silver"`, `+ host "esx02"`}},
		{"a plan that two have is widened", func(l *vcc.Lab) { l.HardwarePlans[0].Networks.WithInternet = 2 }, []string{
			`~ hardware plan "Silver": networks.with_internet from 1 to 2`,
			`+ network "Silver network 2 (internet)" of tenant "ABC"`,
			`+ network "Silver network 2 (internet)" of tenant "Silver"`,
		}},
		{"a plan is gone, and who has it", func(l *vcc.Lab) {
			l.HardwarePlans = l.HardwarePlans[:1]
			l.Tenants[0].Subscriptions, l.Tenants[0].Jobs = l.Tenants[0].Subscriptions[:1], l.Tenants[0].Jobs[:1]
		}, []string{`- hardware plan "Gold" with 1 network`, `- replication job "Weekly" of tenant "ABC"`}},
		{"a subscription ends, another begins", func(l *vcc.Lab) {
			l.Tenants[1].Subscriptions = []string{"Gold"}
		}, []string{`- subscription of tenant "Silver" to hardware plan "Silver" with 3 networks`, `+ subscription of tenant "Silver" to hardware plan "Gold" with 1 network`}},
		{"a tenant is renamed", func(l *vcc.Lab) { l.Tenants[1].Name = "New" }, []string{`- tenant "Silver" with 3 networks`, `+ tenant "New" with 3 networks`}},
		{"a site", func(l *vcc.Lab) {
			abc := &l.Tenants[0]
			abc.Username, abc.PublicIPs = "abc", nil
			abc.ProductionNetworks[0].IPv4Gateway = addr("10.0.0.2")
			abc.VMs = append(abc.VMs, vcc.VM{Name: "web\n02", Guest: vcc.GuestLinux})
			abc.VMs[0].NICs[0].IPv4 = addr("10.0.0.9")
			abc.Appliances = []vcc.LabAppliance{{Host: "esx01", External: vcc.ExternalSettings{IPv4: prefix("198.51.100.5/24")}}}
		}, []string{`~ tenant "ABC": appliances["esx01"] added, production_networks["App"].ipv4_gateway from "10.0.0.1" to "10.0.0.2", ` +
			`public_ips from ["203.0.113.10"] to nothing, username from nothing to "abc", vms["web01"].nics[0].ipv4 from nothing to "10.0.0.9", vms["web\n02"] added`}},
		{"a job and a failover plan", func(l *vcc.Lab) {
			l.Tenants[0].Jobs[0].Mapping = map[string]string{"App": "Silver network 2"}
			l.Tenants[0].Jobs[0].ApplicationAware = true
			l.Tenants[0].FailoverPlans[0].PublicIPRules = []vcc.PublicIPRule{{Public: addrPort("203.0.113.10:443")}}
		}, []string{
			`~ replication job "Nightly" of tenant "ABC": application_aware from nothing to true, mapping["App"] from "Silver network 1" to "Silver network 2"`,
			`~ failover plan "Whole site" of tenant "ABC": public_ip_rules[0] added`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			after := twoTenants()
			tc.change(&after)
			if diff := cmp.Diff(tc.want, lines(vcc.CompareLabs(twoTenants(), after)), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	want := []string{
		`+ service provider "sp"`, `+ host "esx01"`, `+ host "Silver"`, `+ hardware plan "Silver"`, `+ hardware plan "Gold"`,
		`+ tenant "ABC" with 4 networks`, `+ tenant "Silver" with 3 networks`,
	}
	if diff := cmp.Diff(want, lines(vcc.CompareLabs(vcc.Lab{}, twoTenants()))); diff != "" {
		t.Errorf("a first lab (-want +got):\n%s", diff)
	}
}

// A removal is named by its address, by that of what it belongs to, or by a name that nothing
// else that goes has.
func TestCheckRemovals(t *testing.T) {
	const end = "; nothing was changed. Put back what is to stay, or name what is to go: "
	for _, tc := range []struct {
		name   string
		change func(l *vcc.Lab)
		good   [][]string
		bad    map[string]string // message by what is named, "" for nothing
	}{
		{
			"a network of two tenants",
			func(l *vcc.Lab) { l.HardwarePlans[0].Networks.WithoutInternet = 1 },
			[][]string{{"plan:Silver"}, {"network:ABC/Silver network 2", "network:Silver/Silver network 2"}, {"ABC", "tenant:Silver"}, {"subscription:ABC/Silver", "tenant:Silver"}},
			map[string]string{
				"": `the lab no longer has network "Silver network 2" of tenant "ABC"; network "Silver network 2" of tenant "Silver"` + end +
					`--remove 'network:ABC/Silver network 2' --remove 'network:Silver/Silver network 2'`,
				"Silver network 2": `"Silver network 2" was named for removal and can mean more than one thing; nothing was changed. ` +
					`Say which is meant: --remove 'network:ABC/Silver network 2' or --remove 'network:Silver/Silver network 2'`,
				"network:ABC/Silver network 2": `the lab no longer has network "Silver network 2" of tenant "Silver"` + end + `--remove 'network:Silver/Silver network 2'`,
				"Silver": `"Silver" was named for removal and can mean more than one thing; nothing was changed. ` +
					`Say which is meant: --remove plan:Silver or --remove tenant:Silver`,
			},
		},
		{
			"a tenant and a host of one name",
			func(l *vcc.Lab) { l.Tenants, l.Hosts = l.Tenants[:1], l.Hosts[:1] },
			[][]string{{"tenant:Silver", "host:Silver"}},
			map[string]string{
				"":       `the lab no longer has host "Silver"; tenant "Silver" with 3 networks` + end + `--remove host:Silver --remove tenant:Silver`,
				"Silver": `"Silver" was named for removal and can mean more than one thing; nothing was changed. Say which is meant: --remove host:Silver or --remove tenant:Silver`,
			},
		},
		{
			"a subscription",
			func(l *vcc.Lab) { l.Tenants[0].Subscriptions = l.Tenants[0].Subscriptions[:1] },
			[][]string{{"subscription:ABC/Gold"}, {"Gold"}, {"ABC"}},
			map[string]string{
				"Silver":                `"Silver" was named for removal, but applying this lab removes nothing of that name; nothing was changed`,
				"subscription:ABC/gold": `"subscription:ABC/gold" was named for removal, but applying this lab removes nothing of that name; nothing was changed`,
			},
		},
		{
			"jobs and failover plans need no name",
			func(l *vcc.Lab) { l.Tenants[0].Jobs, l.Tenants[0].FailoverPlans = nil, nil },
			[][]string{nil},
			map[string]string{"Nightly": `"Nightly" was named for removal, but applying this lab removes nothing of that name; nothing was changed`},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			after := twoTenants()
			tc.change(&after)
			changes := vcc.CompareLabs(twoTenants(), after)
			for _, remove := range tc.good {
				if err := vcc.CheckRemovals(changes, remove); err != nil {
					t.Errorf("%q: %v", remove, err)
				}
			}
			for remove, want := range tc.bad {
				var named []string
				if remove != "" {
					named = []string{remove}
				}
				err := vcc.CheckRemovals(changes, named)
				if vcc.Code(err) != vcc.CodeConflict || err.Error() != want {
					t.Errorf("%q:\n%v\nwant\n%s", remove, err, want)
				}
			}
		})
	}

	// A refusal is no longer than its reader has patience.
	lab := vcc.Lab{ServiceProvider: vcc.ServiceProvider{Name: "sp"}}
	for i := range 5000 {
		lab.Tenants = append(lab.Tenants, vcc.LabTenant{Name: fmt.Sprintf("it's %d", i)})
	}
	err := vcc.CheckRemovals(vcc.CompareLabs(lab, vcc.Lab{ServiceProvider: lab.ServiceProvider}), nil)
	if text := err.Error(); len(text) > 1000 || strings.Count(text, "and 4990 more") != 2 || !strings.Contains(text, `--remove 'tenant:it'\''s 9'`) {
		t.Errorf("%d bytes: %.1000s", len(text), text)
	}
}

func TestShellQuote(t *testing.T) {
	for word, want := range map[string]string{
		"": "''", "lab.yaml": "lab.yaml", "my lab.yaml": "'my lab.yaml'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "a\x1b[2J'b": `$'a\x1b[2J\'b'`,
	} {
		if got := vcc.ShellQuote(word); got != want {
			t.Errorf("%q: got %s, want %s", word, got, want)
		}
	}
}
