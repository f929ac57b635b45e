package vcc_test

import (
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// validLab returns a lab that every case may change as it likes.
func validLab() vcc.Lab {
	return vcc.Lab{
		ServiceProvider: vcc.ServiceProvider{Name: "sp.example.net"},
		Hosts: []vcc.Host{
			{Name: "esx01", Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 1, Last: 10}, WithoutInternet: vcc.VLANRange{First: 11, Last: 20}}}},
			{Name: "hyperv01", Platform: vcc.PlatformHyperV, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 1, Last: 10}}}},
		},
		HardwarePlans: []vcc.LabHardwarePlan{
			{Name: "Silver", Host: "esx01", Networks: vcc.LabNetworkCount{WithInternet: 2, WithoutInternet: 2}},
			{Name: "Gold", Host: "hyperv01", Networks: vcc.LabNetworkCount{WithInternet: 1}},
		},
		Tenants: []vcc.LabTenant{
			{
				Name: "ABC Company", Username: "abc-company", PasswordEnv: "ABC_COMPANY_PASSWORD",
				Subscriptions: []string{"Silver"},
				PublicIPs:     []netip.Addr{addr("203.0.113.10"), addr("2001:db8:ffff::10")},
				Appliances: []vcc.LabAppliance{{Host: "esx01", External: vcc.ExternalSettings{
					IPv4: prefix("198.51.100.5/24"), IPv4Gateway: addr("198.51.100.1"),
					IPv6: prefix("2001:db8:ffff::5/64"), IPv6Gateway: addr("fe80::1"),
				}}},
				Site: vcc.Site{
					ProductionNetworks: []vcc.ProductionNetwork{
						{Name: "App", IPv4: prefix("172.17.52.0/23"), IPv4Gateway: addr("172.17.52.1"), IPv6: prefix("2001:db8:52::/64"), IPv6Gateway: addr("fe80::1")},
						{Name: "Data", IPv4: prefix("172.17.54.0/24"), IPv4Gateway: addr("172.17.54.1")},
					},
					VMs: []vcc.VM{
						{Name: "web01", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "App", IPv4: addr("172.17.52.10"), IPv6: addr("2001:db8:52::10")}}},
						{Name: "db01", Guest: vcc.GuestLinux, NICs: []vcc.NIC{{Network: "Data", IPv4: addr("172.17.54.20")}}},
					},
				},
				Jobs: []vcc.LabReplicationJob{{
					Name: "Nightly", HardwarePlan: "Silver", VMs: []string{"web01", "db01"},
					Mapping: map[string]string{"App": "Silver network 1 (internet)", "Data": "Silver network 1"},
				}},
				FailoverPlans: []vcc.LabFailoverPlan{{
					Name: "Whole site", VMs: []string{"db01", "web01"},
					PublicIPRules: []vcc.PublicIPRule{
						{Public: addrPort("203.0.113.10:443"), Internal: addrPort("172.17.52.10:443")},
						{Public: addrPort("[2001:db8:ffff::10]:443"), Internal: addrPort("[2001:db8:52::10]:8443")},
					},
				}},
			},
			{Name: "XYZ Holding", Username: "xyz-holding", Subscriptions: []string{"Gold"}, PublicIPs: []netip.Addr{addr("203.0.113.20")}},
		},
	}
}

// draft is a lab at work, with its first tenant at hand.
type draft struct {
	vcc.Lab
	abc *vcc.LabTenant
}

func addr(s string) netip.Addr         { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix     { return netip.MustParsePrefix(s) }
func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func newDraft() *draft {
	d := &draft{Lab: validLab()}
	d.abc = &d.Tenants[0]
	return d
}

func check(l vcc.Lab) error {
	_, err := l.Check()
	return err
}

func TestLabCheckAccepts(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(l *draft)
	}{
		{"as it is", func(*draft) {}},
		{"the same names with another tenant", func(l *draft) {
			l.Tenants[1].Site, l.Tenants[1].Appliances, l.Tenants[1].Subscriptions = l.abc.Site, l.abc.Appliances, l.abc.Subscriptions
			l.Tenants[1].Jobs = l.abc.Jobs
		}},
		{"tenants without accounts", func(l *draft) { l.abc.Username, l.Tenants[1].Username = "", "" }},
		{"a job on every network without a table", func(l *draft) { l.abc.Jobs[0].Mapping = nil }},
		{"an external side of one family", func(l *draft) {
			l.abc.Appliances[0].External = vcc.ExternalSettings{IPv6: prefix("2001:db8:ffff::5/64"), IPv6Gateway: addr("2001:db8:ffff::1")}
		}},
		{"as many networks as there are VLANs", func(l *draft) { l.HardwarePlans[1].Networks.WithInternet = 4094 }},
		{"no IPv6 /64 (D11)", func(l *draft) { l.abc.ProductionNetworks[0].IPv6 = prefix("2001:db8:52::/48") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			lab := newDraft()
			tc.change(lab)
			wantErrors(t, check(lab.Lab))
		})
	}
}

func TestLabCheckRefuses(t *testing.T) {
	networks := func(with, without int) func(*draft) {
		return func(l *draft) {
			l.HardwarePlans[0].Networks = vcc.LabNetworkCount{WithInternet: with, WithoutInternet: without}
		}
	}
	for _, tc := range []struct {
		name     string
		spoil    func(l *draft)
		field    string
		fragment string
	}{
		{"no service provider", func(l *draft) { l.ServiceProvider.Name = "" }, "service_provider.name", "a name is required"},
		{"a name with white space", func(l *draft) { l.ServiceProvider.Name = "sp " }, "service_provider.name", `"sp " begins or ends with white space`},
		{"a name with a NUL character", func(l *draft) { l.ServiceProvider.Name = "s\x00p" }, "service_provider.name", `"s\x00p" has the control character U+0000`},
		{"no tenants", func(l *draft) { l.Tenants = nil }, "tenants", "a lab needs at least one tenant"},

		{"host twice", func(l *draft) { l.Hosts = append(l.Hosts, l.Hosts[0]) }, "hosts[2].name", `"esx01" is at hosts[0].name already; it must be unique`},
		{"host without name", func(l *draft) { l.Hosts = append(l.Hosts, vcc.Host{Platform: "HyperV"}) }, "hosts[2].name", "a name is required"},
		{"host without platform", func(l *draft) { l.Hosts[1].Platform = "" }, "hosts[1].platform", `"" is not a platform`},
		{"VLAN ranges overlap (D1)", func(l *draft) { l.Hosts[0].VLANs[0].WithoutInternet.First = 10 }, "hosts[0].vlans[0].without_internet", "VLAN range [10, 20] overlaps vlans[0].with_internet [1, 10]"},

		{"plan twice", func(l *draft) { l.HardwarePlans = append(l.HardwarePlans, l.HardwarePlans[0]) }, "hardware_plans[2].name", `"Silver" is at hardware_plans[0].name already`},
		{"plan on no host", func(l *draft) { l.HardwarePlans[0].Host = "esx02" }, "hardware_plans[0].host", `there is no host "esx02"; did you mean "esx01", "hyperv01"?`},
		{"plan without networks", networks(0, 0), "hardware_plans[0].networks", "a hardware plan needs 1 to 4094 networks"},
		{"negative count", networks(-1, 4), "hardware_plans[0].networks", "1 to 4094"},
		{"negative count of the other kind", networks(4, -1), "hardware_plans[0].networks", "1 to 4094"},
		{"most negative count", networks(math.MinInt, math.MinInt), "hardware_plans[0].networks", "1 to 4094"},
		{"huge count", networks(math.MaxInt, 0), "hardware_plans[0].networks", "1 to 4094"},
		{"counts whose sum overflows", networks(math.MaxInt, math.MaxInt), "hardware_plans[0].networks", "1 to 4094"},
		{"counts that cancel out", networks(math.MaxInt, -math.MaxInt+4), "hardware_plans[0].networks", "1 to 4094"},
		{"one network more than VLANs", networks(4094, 1), "hardware_plans[0].networks", "1 to 4094"},

		{"tenant twice", func(l *draft) { l.Tenants[1].Name = l.abc.Name }, "tenants[1].name", `"ABC Company" is at tenants[0].name already`},
		{"tenant without name", func(l *draft) { l.abc.Name = "" }, "tenants[0].name", "a name is required"},
		{"username twice", func(l *draft) { l.Tenants[1].Username = l.abc.Username }, "tenants[1].username", `"abc-company" is at tenants[0].username already`},
		{"password in the file", func(l *draft) { l.abc.PasswordEnv = "s3cret!" }, "tenants[0].password_env", "the password itself must not stand in this file"},
		{"no such plan", func(l *draft) { l.Tenants[1].Subscriptions[0] = "Bronze" }, "tenants[1].subscriptions[0]", `there is no hardware plan "Bronze"; did you mean "Gold", "Silver"?`},
		{"subscribed twice", func(l *draft) { l.abc.Subscriptions = append(l.abc.Subscriptions, "Silver") }, "tenants[0].subscriptions[1]", `"Silver" is at tenants[0].subscriptions[0] already`},
		{"public IP with zone", func(l *draft) { l.Tenants[1].PublicIPs[0] = addr("fe80::1%eth0") }, "tenants[1].public_ips[0]", "is not an IP address"},
		{"public IP is IPv4-mapped", func(l *draft) { l.Tenants[1].PublicIPs[0] = addr("::ffff:203.0.113.10") }, "tenants[1].public_ips[0]", "is not an IP address"},
		{"public IP of another tenant", func(l *draft) { l.Tenants[1].PublicIPs[0] = addr("2001:DB8:FFFF::0:10") }, "tenants[1].public_ips[0]", `"2001:db8:ffff::10" is at tenants[0].public_ips[1] already`},

		{"appliance on no host", func(l *draft) { l.abc.Appliances[0].Host = "esx02" }, "tenants[0].appliances[0].host", `there is no host "esx02"`},
		{"two appliances on one host (D3)", func(l *draft) { l.abc.Appliances = append(l.abc.Appliances, l.abc.Appliances[0]) }, "tenants[0].appliances[1].host", `"esx01" is at tenants[0].appliances[0].host already`},
		{"external address of the other family", func(l *draft) { l.abc.Appliances[0].External.IPv6 = prefix("198.51.100.5/24") }, "tenants[0].appliances[0].external.ipv6", "write it like 2001:db8:ffff::5/64"},
		{"external gateway alone", func(l *draft) { l.abc.Appliances[0].External.IPv4 = netip.Prefix{} }, "tenants[0].appliances[0].external.ipv4_gateway", "a gateway without an address; add ipv4, such as 198.51.100.5/24"},
		{"external gateway of the other family", func(l *draft) { l.abc.Appliances[0].External.IPv4Gateway = addr("fe80::1") }, "tenants[0].appliances[0].external.ipv4_gateway", "not an address of the family of 198.51.100.5/24"},
		{"external gateway outside", func(l *draft) { l.abc.Appliances[0].External.IPv4Gateway = addr("198.51.101.1") }, "tenants[0].appliances[0].external.ipv4_gateway", "198.51.101.1 is outside 198.51.100.0/24"},
		{"external gateway is the appliance", func(l *draft) { l.abc.Appliances[0].External.IPv6Gateway = addr("2001:db8:ffff::5") }, "tenants[0].appliances[0].external.ipv6_gateway", "is the appliance's own address"},

		{"production network twice", func(l *draft) {
			l.abc.ProductionNetworks = append(l.abc.ProductionNetworks, l.abc.ProductionNetworks[1])
		}, "tenants[0].production_networks[2].name", `"Data" is at tenants[0].production_networks[1].name already`},
		{"production network with host bits", func(l *draft) { l.abc.ProductionNetworks[0].IPv4 = prefix("172.17.52.1/23") }, "tenants[0].production_networks[0].ipv4", "the network is 172.17.52.0/23"},
		{"production network spans everything (D9)", func(l *draft) { l.abc.ProductionNetworks[1].IPv4 = prefix("0.0.0.0/0") }, "tenants[0].production_networks[1].ipv4", "a prefix length of 0 is impossible"},
		{"production network is multicast (D10)", func(l *draft) {
			l.abc.ProductionNetworks[1].IPv6, l.abc.ProductionNetworks[1].IPv6Gateway = prefix("ff00::/64"), addr("fe80::1")
		}, "tenants[0].production_networks[1].ipv6", `"ff00::" is a multicast address`},
		{"gateway without network", func(l *draft) { l.abc.ProductionNetworks[1].IPv6Gateway = addr("fe80::1") }, "tenants[0].production_networks[1].ipv6", "a gateway without its network; add ipv6"},
		{"IPv4 gateway outside", func(l *draft) { l.abc.ProductionNetworks[0].IPv4Gateway = addr("172.17.54.1") }, "tenants[0].production_networks[0].ipv4_gateway", "172.17.54.1 is outside 172.17.52.0/23"},
		{"IPv4 gateway is the broadcast address (D9)", func(l *draft) { l.abc.ProductionNetworks[0].IPv4Gateway = addr("172.17.53.255") }, "tenants[0].production_networks[0].ipv4_gateway", "is the broadcast address of 172.17.52.0/23"},
		{"IPv6 gateway outside (D10)", func(l *draft) { l.abc.ProductionNetworks[0].IPv6Gateway = addr("2001:db8:53::1") }, "tenants[0].production_networks[0].ipv6_gateway", "2001:db8:53::1 is outside 2001:db8:52::/64"},
		{"IPv6 gateway with zone (D10)", func(l *draft) { l.abc.ProductionNetworks[0].IPv6Gateway = addr("fe80::1%eth0") }, "tenants[0].production_networks[0].ipv6_gateway", "write fe80::1"},

		{"VM twice", func(l *draft) { l.abc.VMs = append(l.abc.VMs, l.abc.VMs[0]) }, "tenants[0].vms[2].name", `"web01" is at tenants[0].vms[0].name already`},
		{"no such guest", func(l *draft) { l.abc.VMs[1].Guest = "Windows" }, "tenants[0].vms[1].guest", `"Windows" is not a guest; use windows, linux or other`},
		{"NIC on no network", func(l *draft) { l.abc.VMs[1].NICs[0].Network = "Dat" }, "tenants[0].vms[1].nics[0].network", `there is no production network "Dat"; did you mean "Data", "App"?`},
		{"NIC outside of its network", func(l *draft) { l.abc.VMs[0].NICs[0].IPv4 = addr("172.17.54.10") }, "tenants[0].vms[0].nics[0].ipv4", `172.17.54.10 is outside 172.17.52.0/23 of production network "App"`},
		{"NIC with a family that its network lacks", func(l *draft) { l.abc.VMs[1].NICs[0].IPv6 = addr("2001:db8:54::20") }, "tenants[0].vms[1].nics[0].ipv6", `production network "Data" has no network of that family`},

		{"job twice", func(l *draft) { l.abc.Jobs = append(l.abc.Jobs, l.abc.Jobs[0]) }, "tenants[0].replication_jobs[1].name", `"Nightly" is at tenants[0].replication_jobs[0].name already`},
		{"job without VMs", func(l *draft) { l.abc.Jobs[0].VMs = nil }, "tenants[0].replication_jobs[0].vms", "at least one VM is required"},
		{"job with no such VM", func(l *draft) { l.abc.Jobs[0].VMs[1] = "db02" }, "tenants[0].replication_jobs[0].vms[1]", `there is no VM "db02"; did you mean "db01", "web01"?`},
		{"job with a VM twice", func(l *draft) { l.abc.Jobs[0].VMs[1] = "web01" }, "tenants[0].replication_jobs[0].vms[1]", `"web01" is at tenants[0].replication_jobs[0].vms[0] already`},
		{"job on a plan of others", func(l *draft) { l.abc.Jobs[0].HardwarePlan = "Gold" }, "tenants[0].replication_jobs[0].hardware_plan", `there is no subscribed hardware plan "Gold"; did you mean "Silver"?`},
		{"job of a tenant without plans", func(l *draft) { l.abc.Subscriptions = nil }, "tenants[0].replication_jobs[0].hardware_plan", `there is no subscribed hardware plan "Silver"; none is declared`},
		{"table without effect (D6)", networks(1, 1), "tenants[0].replication_jobs[0].mapping", "on 2 production networks and the plan has as many cloud networks"},
		{"table from no network", func(l *draft) { l.abc.Jobs[0].Mapping["Dat"] = "Silver network 2" }, "tenants[0].replication_jobs[0].mapping", `there is no production network "Dat"`},
		{"table to no network", func(l *draft) { l.abc.Jobs[0].Mapping["Data"] = "Silver network 5" }, "tenants[0].replication_jobs[0].mapping", `there is no cloud network "Silver network 5"; did you mean "Silver network 1", "Silver network 2", "Silver network 1 (internet)"`},
		{"table to one network twice", func(l *draft) { l.abc.Jobs[0].Mapping["Data"] = "Silver network 1 (internet)" }, "tenants[0].replication_jobs[0].mapping", `"App" and "Data" are both mapped to "Silver network 1 (internet)"`},

		{"one public address in two failover plans (D17)", func(l *draft) {
			second := l.abc.FailoverPlans[0]
			second.Name, second.PublicIPRules = "Web", []vcc.PublicIPRule{second.PublicIPRules[1]}
			second.PublicIPRules[0].Public = addrPort("[2001:DB8:FFFF::0010]:8443")
			l.abc.FailoverPlans = append(l.abc.FailoverPlans, second)
		}, "tenants[0].failover_plans[1].public_ip_rules[0].address", `2001:db8:ffff::10 belongs to failover plan "Whole site" already; a public address belongs to one failover plan at a time`},
		{"failover plan twice", func(l *draft) {
			l.abc.FailoverPlans = append(l.abc.FailoverPlans, l.abc.FailoverPlans[0])
			l.abc.FailoverPlans[1].PublicIPRules = nil
		}, "tenants[0].failover_plans[1].name", `"Whole site" is at tenants[0].failover_plans[0].name already`},
		{"failover plan without VMs", func(l *draft) { l.abc.FailoverPlans[0].VMs = nil }, "tenants[0].failover_plans[0].vms", "at least one VM is required"},
		{"rule for an address of others", func(l *draft) { l.abc.FailoverPlans[0].PublicIPRules[0].Public = addrPort("203.0.113.20:443") }, "tenants[0].failover_plans[0].public_ip_rules[0].address", `public_ips lists "203.0.113.10", "2001:db8:ffff::10"`},
		{"rule without public addresses", func(l *draft) {
			l.abc.PublicIPs, l.abc.FailoverPlans[0].PublicIPRules = nil, l.abc.FailoverPlans[0].PublicIPRules[:1]
		}, "tenants[0].failover_plans[0].public_ip_rules[0].address", `"203.0.113.10" is not a public address of the tenant; public_ips lists none`},
		{"rule across families", func(l *draft) { l.abc.FailoverPlans[0].PublicIPRules[0].Internal = addrPort("[2001:db8:52::10]:443") }, "tenants[0].failover_plans[0].public_ip_rules[0].to_address", "not an address of the family of 203.0.113.10"},
		{"rule to an address with a zone (D17)", func(l *draft) {
			l.abc.FailoverPlans[0].PublicIPRules[0] = vcc.PublicIPRule{Public: addrPort("[2001:db8:ffff::10]:80"), Internal: addrPort("[fe80::10%eth0]:80")}
		}, "tenants[0].failover_plans[0].public_ip_rules[0].to_address", `"fe80::10%eth0" is not a plain IP address; leave out a zone`},
		{"rule for port 22 (D17)", func(l *draft) { l.abc.FailoverPlans[0].PublicIPRules[0].Public = addrPort("203.0.113.10:22") }, "tenants[0].failover_plans[0].public_ip_rules[0].port", "public port 22 is taken: the network extension appliance is managed through it"},
		{"rule without port", func(l *draft) { l.abc.FailoverPlans[0].PublicIPRules[0].Public = addrPort("203.0.113.10:0") }, "tenants[0].failover_plans[0].public_ip_rules[0].port", "a port from 1 to 65535 is required"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			lab := newDraft()
			tc.spoil(lab)
			got := vcc.Errors(check(lab.Lab))
			if len(got) != 1 {
				t.Fatalf("got %d errors, want one: %v", len(got), got)
			}
			if e := got[0]; e.Code != vcc.CodeInvalidValue || e.Field != tc.field || !strings.Contains(e.Message, tc.fragment) {
				t.Errorf("got %s at %q: %s\nwant %q: ...%s...", e.Code, e.Field, e.Message, tc.field, tc.fragment)
			}
		})
	}
}

func TestLabCheckListsEverything(t *testing.T) {
	wantErrors(t, check(vcc.Lab{}),
		wrong("service_provider.name", "a name is required"),
		wrong("tenants", "a lab needs at least one tenant"))

	lab := validLab()
	lab.Hosts[0].Platform = "KVM"
	lab.HardwarePlans[1].Host = ""
	lab.Tenants[0].ProductionNetworks[0].IPv4Gateway = addr("172.17.52.0")
	lab.Tenants[0].ProductionNetworks[0].IPv6Gateway = addr("::1")
	lab.Tenants[1].Subscriptions = []string{"Gold", "Gold"}
	wantErrors(t, check(lab),
		wrong("hosts[0].platform", `"KVM" is not a platform; use VMware or HyperV`),
		wrong("hardware_plans[1].host", `there is no host ""; did you mean "esx01", "hyperv01"?`),
		wrong("tenants[0].production_networks[0].ipv4_gateway", "172.17.52.0 is the network address of 172.17.52.0/23; a gateway needs a host address, 172.17.52.1 to 172.17.53.254"),
		wrong("tenants[0].production_networks[0].ipv6_gateway", `"::1" is the loopback address; a unicast address such as 2001:db8:52::1 or fe80::1 belongs here`),
		wrong("tenants[1].subscriptions[1]", `"Gold" is at tenants[1].subscriptions[0] already; it must be unique`))
}

func TestNetworkNamesRule1(t *testing.T) {
	for _, tc := range []struct {
		networks vcc.LabNetworkCount
		want     []string
	}{
		{vcc.LabNetworkCount{WithInternet: 1}, []string{"Silver network 1 (internet)"}},
		{vcc.LabNetworkCount{WithoutInternet: 2}, []string{"Silver network 1", "Silver network 2"}},
		{vcc.LabNetworkCount{WithInternet: 2, WithoutInternet: 1}, []string{"Silver network 1 (internet)", "Silver network 2 (internet)", "Silver network 1"}},
	} {
		if diff := cmp.Diff(tc.want, vcc.LabHardwarePlan{Name: "Silver", Networks: tc.networks}.NetworkNames()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tc.networks, diff)
		}
	}
}
