package labfile_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/labfile"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// ok stops the test at an error that it is not about.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// same compares what a test got with what it wants.
func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// write writes a lab file and returns its name.
func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "lab.yaml")
	ok(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func builtIn(t *testing.T) vcc.Lab {
	t.Helper()
	read, err := labfile.BuiltIn()
	ok(t, err)
	return read.Lab()
}

// TestBuiltInLab checks what everybody may rely on: that it is valid and what it
// has at least.
func TestBuiltInLab(t *testing.T) {
	lab := builtIn(t)
	platforms, guests := map[vcc.Platform]bool{}, map[vcc.Guest]bool{}
	for _, h := range lab.Hosts {
		platforms[h.Platform] = true
	}
	hostOf := map[string]string{}
	for _, p := range lab.HardwarePlans {
		hostOf[p.Name] = p.Host
	}
	aware, mapped, rules := map[bool]bool{}, false, 0
	for _, tenant := range lab.Tenants {
		for _, vm := range tenant.VMs {
			guests[vm.Guest] = true
		}
		for _, j := range tenant.Jobs {
			aware[j.ApplicationAware] = true
			mapped = mapped || len(j.Mapping) > 0
		}
		for _, p := range tenant.FailoverPlans {
			rules += len(p.PublicIPRules)
		}
	}
	silver := slices.IndexFunc(lab.HardwarePlans, func(p vcc.LabHardwarePlan) bool { return p.Name == "VMware Silver" })
	if silver < 0 {
		t.Fatal(`there is no plan "VMware Silver"`)
	}
	perHost := map[string]int{}
	for _, s := range lab.Tenants[0].Subscriptions {
		perHost[hostOf[s]]++
	}
	for what, is := range map[string]bool{
		"one VMware and one Hyper-V host": platforms[vcc.PlatformVMware] && platforms[vcc.PlatformHyperV],
		"three plans":                     len(lab.HardwarePlans) >= 3,
		"VMware Silver has four networks, two with internet access": lab.HardwarePlans[silver].Networks == vcc.LabNetworkCount{WithInternet: 2, WithoutInternet: 2},
		"two tenants": len(lab.Tenants) >= 2,
		"the first is subscribed to two plans on one host":   slices.Max(slices.Collect(values(perHost))) >= 2,
		"Windows and Linux guests":                           guests[vcc.GuestWindows] && guests[vcc.GuestLinux],
		"jobs with and without application-aware processing": aware[true] && aware[false],
		"a job with a mapping table":                         mapped,
		"a failover plan with public IP rules":               rules > 0,
	} {
		if !is {
			t.Errorf("it lacks: %s", what)
		}
	}
}

func values[V any](m map[string]V) func(func(V) bool) {
	return func(yield func(V) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// TestParse reads the example of the design, whole.
func TestParse(t *testing.T) {
	read, err := labfile.Read("testdata/lab.yaml")
	ok(t, err)
	same(t, "lab", read.Lab(), vcc.Lab{
		ServiceProvider: vcc.ServiceProvider{Name: "sp.example.net"},
		Hosts:           []vcc.Host{{Name: "esx01", Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 1, Last: 10}, WithoutInternet: vcc.VLANRange{First: 11, Last: 20}}}}},
		HardwarePlans:   []vcc.LabHardwarePlan{{Name: "VMware Silver", Host: "esx01", Networks: vcc.LabNetworkCount{WithInternet: 2, WithoutInternet: 2}}},
		Tenants: []vcc.LabTenant{{
			Name: "ABC Company", Username: "abc-company", PasswordEnv: "ABC_COMPANY_PASSWORD",
			Subscriptions: []string{"VMware Silver"}, PublicIPs: []netip.Addr{addr("203.0.113.10"), addr("2001:db8:ffff::10")},
			Appliances: []vcc.LabAppliance{{Host: "esx01", External: vcc.ExternalSettings{
				IPv4: prefix("198.51.100.5/24"), IPv4Gateway: addr("198.51.100.1"), IPv6: prefix("2001:db8:ffff::5/64"), IPv6Gateway: addr("2001:db8:ffff::1"),
			}}},
			Site: vcc.Site{
				ProductionNetworks: []vcc.ProductionNetwork{
					{Name: "App", IPv4: prefix("172.17.52.0/23"), IPv4Gateway: addr("172.17.52.1"), IPv6: prefix("2001:db8:52::/64"), IPv6Gateway: addr("fe80::1")},
					{Name: "Data", IPv4: prefix("172.17.54.0/24"), IPv4Gateway: addr("172.17.54.1")},
				},
				VMs: []vcc.VM{
					{Name: "web01", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "App", IPv4: addr("172.17.52.10")}}},
					{Name: "db01", Guest: vcc.GuestLinux, NICs: []vcc.NIC{{Network: "Data", IPv4: addr("172.17.54.20")}}},
				},
			},
			Jobs: []vcc.LabReplicationJob{{
				Name: "Silver nightly", HardwarePlan: "VMware Silver", ApplicationAware: true, VMs: []string{"web01", "db01"},
				Mapping: map[string]string{"App": "VMware Silver network 1 (internet)"},
			}},
			FailoverPlans: []vcc.LabFailoverPlan{{
				Name: "Whole site", VMs: []string{"db01", "web01"},
				PublicIPRules: []vcc.PublicIPRule{{Public: netip.MustParseAddrPort("203.0.113.10:443"), Internal: netip.MustParseAddrPort("172.17.52.10:443")}},
			}},
		}},
	})
}

// TestParseVariants reads other spellings of the same.
func TestParseVariants(t *testing.T) {
	text := example(t)
	want, err := labfile.Parse("lab", []byte(text))
	ok(t, err)
	for name, variant := range map[string]string{
		"a byte order mark":       "\ufeff" + text,
		"lines that end as CR LF": strings.ReplaceAll(text, "\n", "\r\n"),
		"a document's begin":      "---\n" + text,
		"a document's end":        text + "...\n",
		"quotes":                  strings.ReplaceAll(text, "VMware Silver", `"VMware Silver"`),
		"no last line feed":       strings.TrimSuffix(text, "\n"),
	} {
		if name == "quotes" {
			variant = strings.ReplaceAll(variant, `"VMware Silver" network 1 (internet)`, `"VMware Silver network 1 (internet)"`)
		}
		got, err := labfile.Parse("lab", []byte(variant))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		same(t, name, got.Lab(), want.Lab())
	}
}

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func example(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/lab.yaml")
	ok(t, err)
	return string(text)
}

// TestBadLabs changes one thing in the example. The lines are the example's.
func TestBadLabs(t *testing.T) {
	const (
		host  = `    platform: VMware  `
		plan  = `    host: esx01` + "\n" + `    networks:`
		web01 = `{ name: web01, guest: windows, nics: [ { network: App, ipv4: 172.17.52.10 } ] }`
		data  = `{ name: Data, ipv4: 172.17.54.0/24, ipv4_gateway: 172.17.54.1 }`
		rule  = `{ address: 203.0.113.10, port: 443, to_address: 172.17.52.10, to_port: 443 }`
	)
	for _, tc := range []struct {
		name, old, new string
		want           []string
	}{
		// Form.
		{"unknown key at the top", "hosts:", "host:", []string{`3: unknown field "host"`}},
		{"unknown key of a plan", plan, "    hypervisor: esx01\n    networks:", []string{`10: unknown field "hypervisor"`}},
		{"unknown key of a tenant", "    username:", "    user:", []string{`15: unknown field "user"`}},
		{"unknown key of a VM", web01, `{ name: web01, os: windows }`, []string{`30: unknown field "os"`}},
		{"a password", "    password_env: ABC_COMPANY_PASSWORD ", "    password: hunter2 ", []string{`16: unknown field "password"`}},
		{"key in another case", host, "    Platform: VMware  ", []string{`5: unknown field "Platform"`}},
		{"duplicate key", host, "    name: esx02\n" + host, []string{`5: mapping key "name" already defined at [4:5]`}},
		{"duplicate key in brackets", data, `{ name: Data, name: Data2 }`, []string{`28: mapping key "name" already defined at [28:11]`}},
		{"text for a list", "[VMware Silver]", "VMware Silver", []string{"17: string was used where sequence is expected"}},
		{"a list for a mapping", "{ with_internet: 2, without_internet: 2 }", "[2, 2]", []string{"11: sequence was used where mapping is expected"}},
		{"a list for text", "    platform: VMware ", "    platform: [VMware] ", []string{"5: a list stands where a single value belongs"}},
		{"a mapping for text", "    platform: VMware ", "    platform: { name: VMware } ", []string{"5: a mapping stands where a single value belongs"}},
		{"text for a number", "port: 443, to_address", "port: https, to_address", []string{"42: https is not a whole number"}},
		{"quotes around a number", "port: 443, to_address", `port: "443", to_address`, []string{`42: "443" is not a whole number`}},
		{"a fraction", "{ with_internet: 2,", "{ with_internet: 1.5,", []string{"11: 1.5 is not a whole number"}},
		{"a number without an end", "{ with_internet: 2,", "{ with_internet: 99999999999999999999,", []string{"11: 99999999999999999999 is not a whole number"}},
		{"a leading zero", "[1, 10]", "[010, 99]", []string{"6: 010 is not a whole number in decimal; write 10"}},
		{"a port with a leading zero", "port: 443, to_address", "port: 0443, to_address", []string{"42: 0443 is not a whole number in decimal; write 443"}},
		{"a hexadecimal number", "[1, 10]", "[0x1F, 99]", []string{"6: 0x1F is not a whole number in decimal; write 31"}},
		{"a binary number", "[1, 10]", "[0b1, 10]", []string{"6: 0b1 is not a whole number in decimal; write 1"}},
		{"an octal number", "[1, 10]", "[0o7, 10]", []string{"6: 0o7 is not a whole number in decimal; write 7"}},
		{"an underscore", "[1, 10]", "[1, 1_0]", []string{"6: 1_0 is not a whole number in decimal; write 10"}},
		{"a plus sign", "[1, 10]", "[+5, 10]", []string{"6: +5 is not a whole number in decimal; write 5"}},
		{"an exponent", "[1, 10]", "[1, 1e3]", []string{"6: 1e3 is not a whole number in decimal; write 1000"}},
		{"a number with a point", "[1, 10]", "[1, 10.0]", []string{"6: 10.0 is not a whole number in decimal; write 10"}},
		{"a leading zero in a mapping", "{ with_internet: 2,", "{ with_internet: 02,", []string{"11: 02 is not a whole number in decimal; write 2"}},
		{"a negative zero", "[1, 10]", "[-0, 10]", []string{"6: -0 is not a whole number in decimal; write 0"}},
		{"a directive", "service_provider:", "%YAML 1.2\n---\nservice_provider:", []string{"1: a lab file has no directives; remove the line that begins with %, and --- after it"}},
		{"a long name", "name: sp.example.net", "name: " + strings.Repeat("a", 256), []string{
			`1: service_provider.name: "` + strings.Repeat("a", 100) + `"... is a name of 256 bytes; a name has 255 at most`,
		}},
		{"a very long name", "name: sp.example.net", "name: " + strings.Repeat("a", 9000), []string{
			`1: "` + strings.Repeat("a", 100) + `"... goes on for 9000 bytes; nothing in a lab has more than 1000`,
		}},
		{"a very long number", "[1, 10]", "[1, " + strings.Repeat("1", 9000) + "]", []string{
			`6: "` + strings.Repeat("1", 100) + `"... goes on for 9000 bytes; nothing in a lab has more than 1000`,
		}},
		{"a control character in a name", "name: esx01", `name: "esx\e[31m01"`, []string{
			`4: hosts[0].name: "esx\x1b[31m01" has the control character U+001B, which no name can have; remove it`,
			`10: hardware_plans[0].host: there is no host "esx01"; did you mean "esx\x1b[31m01"?`,
			`20: tenants[0].appliances[0].host: there is no host "esx01"; did you mean "esx\x1b[31m01"?`,
		}},
		{"names that differ in their normal form alone", data, `{ name: "caf\u00e9" }` + "\n" + `      - { name: "cafe\u0301" }` + "\n      - " + data, []string{
			"29: tenants[0].production_networks[2].name: \"cafe\u0301\" is at tenants[0].production_networks[1].name already; it must be unique",
		}},
		{"a number for a name", "  - name: VMware Silver", "  - name: 007", []string{`9: 007 is not text; if it is a name, put it in quotes`}},
		{"a version for a name", "name: sp.example.net", "name: 1.10", []string{`1: 1.10 is not text; if it is a name, put it in quotes`}},
		{"a word for a truth value", "application_aware: true", "application_aware: yes", []string{"35: yes is neither true nor false"}},
		{"a tab", "    host: esx01\n    networks", "\thost: esx01\n    networks", []string{`10: found character '` + "\t" + `' that cannot start any token`}},
		{"a bracket without its end", "networks: { with_internet: 2, without_internet: 2 }", "networks: { with_internet: 2, without_internet: 2", []string{"13: ',' or '}' must be specified"}},
		{"another document", "tenants:", "---\ntenants:", []string{"13: another document begins; a lab file is one"}},
		{"an anchor", "hosts:", "hosts: &all", []string{"3: a lab file has no anchors, aliases and tags; write the value out"}},
		{"an alias", "[VMware Silver]", "*all", []string{"17: a lab file has no anchors, aliases and tags; write the value out"}},
		{"not UTF-8", "# VMware | HyperV", "# VMware \xe9", []string{"5: the file is not text in UTF-8; save it as such"}},

		// Names that nothing declares, or that are taken.
		{"no name", "name: sp.example.net", "name:", []string{`1: service_provider.name: a name is required`}},
		{"host of a plan", plan, "    host: esx02\n    networks:", []string{`10: hardware_plans[0].host: there is no host "esx02"; did you mean "esx01"?`}},
		{"plan of a subscription", "[VMware Silver]", "[VMware Silver, VMware Gold]", []string{`17: tenants[0].subscriptions[1]: there is no hardware plan "VMware Gold"; did you mean "VMware Silver"?`}},
		{"the same subscription twice", "[VMware Silver]", "[VMware Silver, VMware Silver]", []string{`17: tenants[0].subscriptions[1]: "VMware Silver" is at tenants[0].subscriptions[0] already; it must be unique`}},
		{"host of an appliance", "- host: esx01", "- host: esx09", []string{`20: tenants[0].appliances[0].host: there is no host "esx09"; did you mean "esx01"?`}},
		{"network of a VM", "network: App, ipv4: 172.17.52.10", "network: Apps", []string{`30: tenants[0].vms[0].nics[0].network: there is no production network "Apps"; did you mean "App", "Data"?`}},
		{"VM of a job", "vms: [web01, db01]", "vms: [web01, db02]", []string{`36: tenants[0].replication_jobs[0].vms[1]: there is no VM "db02"; did you mean "db01", "web01"?`}},
		{"VM of a failover plan", "vms: [db01, web01]", "vms: [db01, db01]", []string{`40: tenants[0].failover_plans[0].vms[1]: "db01" is at tenants[0].failover_plans[0].vms[0] already; it must be unique`}},
		{"plan of a job", "hardware_plan: VMware Silver", "hardware_plan: Silver", []string{`34: tenants[0].replication_jobs[0].hardware_plan: there is no subscribed hardware plan "Silver"; did you mean "VMware Silver"?`}},
		{"network of a mapping", "App: VMware Silver network 1 (internet)", "App: VMware Silver network 9", []string{
			`37: tenants[0].replication_jobs[0].mapping: there is no cloud network "VMware Silver network 9"; did you mean ` +
				`"VMware Silver network 1", "VMware Silver network 2", "VMware Silver network 1 (internet)", "VMware Silver network 2 (internet)"?`,
		}},

		// Values that break a rule.
		{"platform", host, "    platform: KVM  ", []string{`5: hosts[0].platform: "KVM" is not a platform; use VMware or HyperV`}},
		{"VLAN range", "[1, 10]", "[10, 1]", []string{`6: hosts[0].vlans[0].with_internet: [10, 1] is not a VLAN range; write [first, last] with 1 <= first <= last <= 4094`}},
		{"overlapping VLAN ranges", "[11, 20]", "[10, 20]", []string{
			`6: hosts[0].vlans[0].without_internet: VLAN range [10, 20] overlaps vlans[0].with_internet [1, 10] of the same host; a VLAN ID can be given out once`,
		}},
		{"guest", "guest: linux", "guest: bsd", []string{`31: tenants[0].vms[1].guest: "bsd" is not a guest; use windows, linux or other`}},
		{"a plan without networks", "{ with_internet: 2, without_internet: 2 }", "{}", []string{
			`11: hardware_plans[0].networks: a hardware plan needs 1 to 4094 networks, with and without internet access together`,
		}},
		{"gateway of a production network", data, "{ name: Data, ipv4: 172.17.54.0/24, ipv4_gateway: 172.17.55.1 }", []string{
			`28: tenants[0].production_networks[1].ipv4_gateway: 172.17.55.1 is outside 172.17.54.0/24`,
		}},
		{"production network", "ipv4: 172.17.52.0/23", "ipv4: 172.17.52.1/23", []string{
			`27: tenants[0].production_networks[0].ipv4: 172.17.52.1/23 has bits set below its prefix length; the network is 172.17.52.0/23`,
		}},
		{"address of a VM", "ipv4: 172.17.54.20", "ipv4: 172.17.53.20", []string{`31: tenants[0].vms[1].nics[0].ipv4: 172.17.53.20 is outside 172.17.54.0/24 of production network "Data"`}},
		{"addresses of a VM that are none", "ipv4: 172.17.54.20", "ipv4: db01, ipv6: db01", []string{
			`31: tenants[0].vms[1].nics[0].ipv4: "db01" is not an IP address`, `31: tenants[0].vms[1].nics[0].ipv6: "db01" is not an IP address`,
		}},
		{"a public address that is none", `"2001:db8:ffff::10"]`, `www.example.net]`, []string{`18: tenants[0].public_ips[1]: "www.example.net" is not an IP address`}},
		{"a port of a rule that is none", "to_port: 443", "to_port: 65536", []string{`42: tenants[0].failover_plans[0].public_ip_rules[0].to_port: 65536 is not a port; use 1 to 65535`}},
		{"external address", "ipv4: 198.51.100.5/24", "ipv4: 198.51.100.5", []string{
			`22: tenants[0].appliances[0].external.ipv4: "198.51.100.5" is not an address with its prefix length; write it like 198.51.100.5/24`,
		}},
		{"external gateway", "ipv4_gateway: 198.51.100.1", "ipv4_gateway: 198.51.101.1", []string{`23: tenants[0].appliances[0].external.ipv4_gateway: 198.51.101.1 is outside 198.51.100.0/24`}},
		{"public address of a rule", rule, `{ address: 203.0.113.11, port: 443, to_address: 172.17.52.10, to_port: 443 }`, []string{
			`42: tenants[0].failover_plans[0].public_ip_rules[0].address: "203.0.113.11" is not a public address of the tenant; public_ips lists "203.0.113.10", "2001:db8:ffff::10"`,
		}},
		{"public port 22", "port: 443, to_address", "port: 22, to_address", []string{
			`42: tenants[0].failover_plans[0].public_ip_rules[0].port: public port 22 is taken: the network extension appliance is managed through it; use another port`,
		}},
		{"two things", "guest: windows", "guest: Windows", []string{`30: tenants[0].vms[0].guest: "Windows" is not a guest; use windows, linux or other`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := example(t)
			if !strings.Contains(text, tc.old) {
				t.Fatalf("the example has no %q", tc.old)
			}
			wantLabError(t, strings.Replace(text, tc.old, tc.new, 1), tc.want...)
		})
	}
}

func wantLabError(t *testing.T, text string, want ...string) {
	t.Helper()
	name := write(t, text)
	_, err := labfile.Read(name)
	if err == nil {
		t.Fatal("it was read")
	}
	same(t, "errors", strings.Split(strings.ReplaceAll(err.Error(), name+":", ""), "\n"), want)
}

// TestNoLabs are files that are no lab at all, some of them hostile.
func TestNoLabs(t *testing.T) {
	const (
		noName   = "1: service_provider.name: a name is required"
		noTenant = "1: tenants: a lab needs at least one tenant"
		nested   = "1: it is nested deeper than any value of a lab"
	)
	laughs := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'z'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 9), ", "))
	}
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", []string{noName, noTenant}},
		{"white space", " \n\n", []string{noName, noTenant}},
		{"comments", "# service_provider:\n", []string{noName, noTenant}},
		{"null", "null\n", []string{"1: null was used where mapping is expected"}},
		{"a tag", "hosts: !!binary x\n", []string{"1: a lab file has no anchors, aliases and tags; write the value out"}},
		{"text", "hello\n", []string{"1: string was used where mapping is expected"}},
		{"a list", "- hosts\n", []string{"1: sequence was used where mapping is expected"}},
		{"zeros", "\x00\x00\x00\x00", []string{"1: string was used where mapping is expected"}},
		{"UTF-16", "\xff\xfeh\x00i\x00", []string{"1: the file is not text in UTF-8; save it as such"}},
		{"a million laughs", laughs, []string{"1: a lab file has no anchors, aliases and tags; write the value out"}},
		{"an alias to itself", "hosts: &a [*a]\n", []string{"1: a lab file has no anchors, aliases and tags; write the value out"}},
		{"an alias to nothing", "hosts: *a\n", []string{"1: a lab file has no anchors, aliases and tags; write the value out"}},
		{"a merge", "hosts:\n  - <<: *a\n", []string{"2: a lab file has no anchors, aliases and tags; write the value out"}},
		{"many brackets", strings.Repeat("[", 1e5), []string{nested}},
		{"many braces", strings.Repeat("{", 1e5), []string{nested}},
		{"entries in entries", strings.Repeat("- ", 1e5), []string{nested}},
		{"keys in keys", strings.Repeat("? ", 1e5), []string{nested}},
		{"millions of comments", strings.Repeat("#\n", 5e6), []string{"1: the file has more than 8192 KiB; a lab needs less"}},
	} {
		t.Run(tc.name, func(t *testing.T) { wantLabError(t, tc.text, tc.want...) })
	}
}

// What is exactly at a limit is read, and what is just above is refused.
func TestLimits(t *testing.T) {
	const most = 8 << 20 // bytes of a file
	const tooLarge = "1: the file has more than 8192 KiB; a lab needs less"
	text := example(t)
	sized := func(head string, size int) string { return head + text + strings.Repeat("#", size-len(head)-len(text)) }
	for _, head := range []string{"", "\ufeff"} {
		if _, err := labfile.Read(write(t, sized(head, most))); err != nil {
			t.Errorf("a file of the largest size after %q: %v", head, err)
		}
		for above := 1; above <= 4; above++ { // the byte order mark has three bytes
			wantLabError(t, sized(head, most+above), tooLarge)
		}
	}

	name := func(length int) string {
		return strings.Replace(text, "name: sp.example.net", "name: "+strings.Repeat("a", length), 1)
	}
	hundred := `"` + strings.Repeat("a", 100) + `"...`
	wantLabError(t, name(1000), "1: service_provider.name: "+hundred+" is a name of 1000 bytes; a name has 255 at most")
	wantLabError(t, name(1001), "1: "+hundred+" goes on for 1001 bytes; nothing in a lab has more than 1000")

	const nested = "1: it is nested deeper than any value of a lab"
	wantLabError(t, "hosts: "+strings.Repeat("[", 20)+strings.Repeat("]", 20), "1: sequence was used where mapping is expected")
	wantLabError(t, "hosts: "+strings.Repeat("[", 21)+strings.Repeat("]", 21), nested)
	wantLabError(t, strings.Repeat(" ", 199)+"- hosts", "1: sequence was used where mapping is expected")
	wantLabError(t, strings.Repeat(" ", 200)+"- hosts", nested)

	platforms := func(count int) (text string, errs []string) {
		var b strings.Builder
		b.WriteString("service_provider: { name: sp }\ntenants: [ { name: T } ]\nhosts:\n")
		for i := range count {
			fmt.Fprintf(&b, "  - { name: host%d, platform: KVM }\n", i)
			errs = append(errs, fmt.Sprintf(`%d: hosts[%d].platform: "KVM" is not a platform; use VMware or HyperV`, i+4, i))
		}
		return b.String(), errs
	}
	text10, all := platforms(10)
	wantLabError(t, text10, all...)
	text11, all := platforms(11)
	wantLabError(t, text11, append(all[:10:10], " 1 more are wrong")...)
}

// A lab in which much is wrong is refused in a few lines, whatever its size.
func TestBadLabOfThousands(t *testing.T) {
	var b strings.Builder
	b.WriteString("service_provider: {name: sp}\ntenants:\n  - name: T\n    production_networks:\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "      - {name: Network %04d}\n", i)
	}
	b.WriteString("    vms:\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "      - {name: vm%d, guest: linux, nics: [{network: Netwerk %04d}]}\n", i, i)
	}
	_, err := labfile.Parse("lab.yaml", []byte(b.String()))
	if err == nil {
		t.Fatal("it was read")
	}
	lines := strings.Split(err.Error(), "\n")
	same(t, "number of lines", len(lines), 11)
	same(t, "first line", lines[0], `lab.yaml:5006: tenants[0].vms[0].nics[0].network: there is no production network "Netwerk 0000"; did you mean "Network 0000", `+
		`"Network 0001", "Network 0002", "Network 0003", "Network 0004", "Network 0005", "Network 0006", "Network 0007", "Network 0008", "Network 0009", or one of 4990 more?`)
	same(t, "last line", lines[10], "lab.yaml: 4990 more are wrong")
}

// Names of one meaning are found in any normal form, and stay as they are declared.
func TestParseNormalForms(t *testing.T) {
	const composed, decomposed = "Caf\u00e9 \ud55c\u1ea4", "Cafe\u0301 \u1112\u1161\u11abA\u0302\u0301"
	spelled := func(declared, used string) string {
		text := example(t)
		for _, name := range []string{"esx01", "VMware Silver", "web01", "App"} {
			text = strings.ReplaceAll(text, "name: "+name, "name: "+declared+name[:1])
			text = strings.ReplaceAll(text, name, used+name[:1])
		}
		return text
	}
	for _, declared := range []string{composed, decomposed} {
		want, err := labfile.Parse("lab", []byte(spelled(declared, declared)))
		ok(t, err)
		same(t, "name of the host", want.Lab().Hosts[0].Name, declared+"e")
		for _, used := range []string{composed, decomposed} {
			got, err := labfile.Parse("lab", []byte(spelled(declared, used)))
			ok(t, err)
			same(t, "lab", got.Lab(), want.Lab())
		}
	}
}

func TestFormatWritesRangesInOneLine(t *testing.T) {
	lab := builtIn(t)
	text, err := labfile.Format(lab)
	ok(t, err)
	r := lab.Hosts[0].VLANs[0].WithInternet
	if want := fmt.Sprintf("with_internet: [%d, %d]\n", r.First, r.Last); !strings.Contains(string(text), want) {
		t.Errorf("there is no %q in:\n%s", want, text)
	}
}

func TestReadFails(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		filepath.Join(dir, "none.yaml"): "no such file or directory",
		dir:                             "is a directory",
	} {
		_, err := labfile.Read(name)
		if err == nil || err.Error() != "the lab file "+name+" cannot be read: "+want {
			t.Errorf("got %v", err)
		}
	}
	_, err := labfile.Read(filepath.Join(dir, "none.yaml"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, which is not os.ErrNotExist", err)
	}
}

// Passwords come from the variables that a lab names, and those that are not set are none.
func TestWithPasswords(t *testing.T) {
	read, err := labfile.Read("testdata/lab.yaml")
	ok(t, err)
	for value, want := range map[string]map[string]string{"": {}, "correct horse battery": {"abc-company": "correct horse battery"}} {
		t.Setenv("ABC_COMPANY_PASSWORD", value)
		with, err := labfile.WithPasswords(read)
		ok(t, err)
		same(t, "passwords", with.Passwords(), want)
		same(t, "lab", with.Lab(), read.Lab())
	}
	t.Setenv("ABC_COMPANY_PASSWORD", "short")
	if _, err := labfile.WithPasswords(read); len(vcc.Errors(err)) != 1 || vcc.Errors(err)[0].Field != "tenants[0].password_env" {
		t.Errorf("a short password: got %v", err)
	}
}

// FuzzParse looks for text that the parser does not survive, and for labs that
// it lets through although they are not valid.
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/lab.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(text), "", "---\n...\n---\n", "hosts: [", "hosts: {a: [b: {c: }]}", "a: &a [*a]", "? ? ?", "- - -", "tenants:\n- name: |\n  x\n", "hosts: !!binary x",
		"%YAML 1.1\n---\nhosts: ~", "service_provider: {name: 1e400}", "hosts:\n  - vlans: [[1, 2]]", "\"\\x00\": 'a''b'", "service_provider: !!str {name: x}", "hosts: [,]", "a:\n\t- b",
		"service_provider: {name: a}\nhosts: [{name: \"e\\u0301\", platform: HyperV, vlans: [{with_internet: [01, 2], without_internet: [3, 4]}]}]\nhardware_plans: [{name: e, host: \u00e9, networks: {with_internet: 1}}]\ntenants: [{name: T}]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		read, err := labfile.Parse("lab", text)
		if err != nil {
			return
		}
		if _, err := read.Lab().Check(); err != nil {
			t.Errorf("it was read and is not valid: %v", err)
		}
		printed, err := labfile.Format(read.Lab())
		ok(t, err)
		again, err := labfile.Parse("lab", printed)
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v:\n%s", err, printed)
		}
		same(t, "lab", again.Lab(), read.Lab())
	})
}

// TestFormat: what is written is read as what it was, whatever the names.
func TestFormat(t *testing.T) {
	names := []string{
		"plain", "two words", "007", "1", "1.5", "1e3", "0x1F", "0o7", "1_000", ".5", ".inf", "-.INF", ".nan", "+1", "-1", "12:30:45", "2024-01-01",
		"true", "no", "Yes", "on", "OFF", "y", "null", "Null", "~", "<<", "=", "-", "- x", "-x", "?", "? x", ":", "a: b", "a:", ":a", "a:b", "#", "# x", "a #b", "a#b",
		"[x]", "[", "{x}", "}", "a, b", ",", "*x", "&x", "!x", "%x", "@x", "`x`", "|", "|x", ">", "> x", "'", "'x'", "it's", `"`, `"x"`, `a "b" c`, `\`, `\n`, `a\tb`,
		"---", "...", "--- x", "\u00e9", "\u65e5\u672c", "\U0001f600", "\ufeffx", "a\u00a0b", "e\u0301\u0323", "\u1112\u1161\u11ab", "\u212b", "a\u200bb",
	}
	for _, name := range names {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			lab := vcc.Lab{
				ServiceProvider: vcc.ServiceProvider{Name: name},
				Hosts:           []vcc.Host{{Name: name, Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 1, Last: 9}}}}},
				HardwarePlans:   []vcc.LabHardwarePlan{{Name: name, Host: name, Networks: vcc.LabNetworkCount{WithInternet: 2}}},
				Tenants: []vcc.LabTenant{{
					Name: name, Subscriptions: []string{name},
					Site: vcc.Site{
						ProductionNetworks: []vcc.ProductionNetwork{{Name: name, IPv4: prefix("10.0.0.0/24"), IPv4Gateway: addr("10.0.0.1"), IPv6: prefix("2001:db8::/64"), IPv6Gateway: addr("fe80::")}},
						VMs:                []vcc.VM{{Name: name, Guest: "windows", NICs: []vcc.NIC{{Network: name, IPv4: addr("10.0.0.2")}}}},
					},
					Jobs: []vcc.LabReplicationJob{{Name: name, HardwarePlan: name, VMs: []string{name}, Mapping: map[string]string{name: vcc.NetworkName(name, true, 1)}}},
				}},
			}
			checkFormat(t, lab)
		})
	}
	t.Run("the built-in lab", func(t *testing.T) { checkFormat(t, builtIn(t)) })
	t.Run("the least", func(t *testing.T) {
		checkFormat(t, vcc.Lab{ServiceProvider: vcc.ServiceProvider{Name: "sp"}, Tenants: []vcc.LabTenant{{Name: "T"}}})
	})
}

func checkFormat(t *testing.T, lab vcc.Lab) {
	t.Helper()
	if _, err := lab.Check(); err != nil {
		t.Fatalf("this is no lab: %v", err)
	}
	text, err := labfile.Format(lab)
	ok(t, err)
	again, err := labfile.Parse("lab.yaml", text)
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	same(t, "lab", again.Lab(), lab)
}

// A mapping table with a name that no network has any more says what it is now.
func TestLabOfBeforeTheRenaming(t *testing.T) {
	const at = "../store/testdata/before-renaming/"
	_, err := labfile.Read(at + "lab.yaml")
	want := []string{
		at + `lab.yaml:30: tenants[0].replication_jobs[0].mapping: there is no cloud network "VMware Silver network 3"; before networks with and without ` +
			`internet access were counted apart, that was the name of the present "VMware Silver network 1", and "VMware Silver network 1" was the present "VMware Silver network 1 (internet)"`,
		at + `lab.yaml:35: tenants[0].replication_jobs[1].mapping: there is no cloud network "VMware Silver network 4"; before networks with and without ` +
			`internet access were counted apart, that was the name of the present "VMware Silver network 2"`,
		at + `lab.yaml:55: tenants[1].replication_jobs[0].mapping: there is no cloud network "Hyper-V Gold network 2"; before networks with and without ` +
			`internet access were counted apart, that was the name of the present "Hyper-V Gold network 2 (internet)"`,
	}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Fatalf("got\n%v\nwant\n%s", err, strings.Join(want, "\n"))
	}
}
