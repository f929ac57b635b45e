package backend_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestBuiltInLab checks what everybody may rely on: that it is valid and what it
// has at least.
func TestBuiltInLab(t *testing.T) {
	lab, err := backend.BuiltInLab()
	ok(t, err)
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

// TestParseLab reads the example of the design, whole.
func TestParseLab(t *testing.T) {
	lab, err := backend.ReadLab("testdata/lab.yaml")
	ok(t, err)
	same(t, "lab", lab, vcc.Lab{
		ServiceProvider: vcc.ServiceProvider{Name: "sp.example.net"},
		Hosts:           []vcc.Host{{Name: "esx01", Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRange{{WithInternet: []int{1, 10}, WithoutInternet: []int{11, 20}}}}},
		HardwarePlans:   []vcc.LabHardwarePlan{{Name: "VMware Silver", Host: "esx01", Networks: vcc.LabNetworkCount{WithInternet: 2, WithoutInternet: 2}}},
		Tenants: []vcc.LabTenant{{
			Name: "ABC Company", Username: "abc-company", PasswordEnv: "ABC_COMPANY_PASSWORD",
			Subscriptions: []string{"VMware Silver"}, PublicIPs: []string{"203.0.113.10", "2001:db8:ffff::10"},
			Appliances: []vcc.LabAppliance{{Host: "esx01", External: vcc.LabExternal{
				IPv4: "198.51.100.5/24", IPv4Gateway: "198.51.100.1", IPv6: "2001:db8:ffff::5/64", IPv6Gateway: "2001:db8:ffff::1",
			}}},
			Site: vcc.Site{
				ProductionNetworks: []vcc.ProductionNetwork{
					{Name: "App", IPv4: "172.17.52.0/23", IPv4Gateway: "172.17.52.1", IPv6: "2001:db8:52::/64", IPv6Gateway: "fe80::1"},
					{Name: "Data", IPv4: "172.17.54.0/24", IPv4Gateway: "172.17.54.1"},
				},
				VMs: []vcc.VM{
					{Name: "web01", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "App", IPv4: "172.17.52.10"}}},
					{Name: "db01", Guest: vcc.GuestLinux, NICs: []vcc.NIC{{Network: "Data", IPv4: "172.17.54.20"}}},
				},
			},
			Jobs: []vcc.LabReplicationJob{{
				Name: "Silver nightly", HardwarePlan: "VMware Silver", ApplicationAware: true, VMs: []string{"web01", "db01"},
				Mapping: map[string]string{"App": "VMware Silver network 1 (internet)"},
			}},
			FailoverPlans: []vcc.LabFailoverPlan{{
				Name: "Whole site", VMs: []string{"db01", "web01"},
				PublicIPRules: []vcc.LabPublicIPRule{{Address: "203.0.113.10", Port: 443, ToAddress: "172.17.52.10", ToPort: 443}},
			}},
		}},
	})
}

// TestParseLabVariants reads other spellings of the same.
func TestParseLabVariants(t *testing.T) {
	text := example(t)
	want, err := backend.ParseLab("lab", []byte(text))
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
		got, err := backend.ParseLab("lab", []byte(variant))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		same(t, name, got, want)
	}
}

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
		{"host of a plan", plan, "    host: esx02\n    networks:", []string{`10: hardware_plans[0].host: there is no host "esx02"; use one of "esx01"`}},
		{"plan of a subscription", "[VMware Silver]", "[VMware Silver, VMware Gold]", []string{`17: tenants[0].subscriptions[1]: there is no hardware plan "VMware Gold"; use one of "VMware Silver"`}},
		{"the same subscription twice", "[VMware Silver]", "[VMware Silver, VMware Silver]", []string{`17: tenants[0].subscriptions[1]: "VMware Silver" is at tenants[0].subscriptions[0] already; it must be unique`}},
		{"host of an appliance", "- host: esx01", "- host: esx09", []string{`20: tenants[0].appliances[0].host: there is no host "esx09"; use one of "esx01"`}},
		{"network of a VM", "network: App, ipv4: 172.17.52.10", "network: Apps", []string{`30: tenants[0].vms[0].nics[0].network: there is no production network "Apps"; use one of "App", "Data"`}},
		{"VM of a job", "vms: [web01, db01]", "vms: [web01, db02]", []string{`36: tenants[0].replication_jobs[0].vms[1]: there is no VM "db02"; use one of "web01", "db01"`}},
		{"VM of a failover plan", "vms: [db01, web01]", "vms: [db01, db01]", []string{`40: tenants[0].failover_plans[0].vms[1]: "db01" is at tenants[0].failover_plans[0].vms[0] already; it must be unique`}},
		{"plan of a job", "hardware_plan: VMware Silver", "hardware_plan: Silver", []string{`34: tenants[0].replication_jobs[0].hardware_plan: there is no subscribed hardware plan "Silver"; use one of "VMware Silver"`}},
		{"network of a mapping", "App: VMware Silver network 1 (internet)", "App: VMware Silver network 3", []string{
			`37: tenants[0].replication_jobs[0].mapping: there is no cloud network "VMware Silver network 3"; use one of ` +
				`"VMware Silver network 1 (internet)", "VMware Silver network 2 (internet)", "VMware Silver network 1", "VMware Silver network 2"`,
		}},

		// Values that break a rule.
		{"platform", host, "    platform: KVM  ", []string{`5: hosts[0].platform: "KVM" is not a platform; use VMware or HyperV`}},
		{"VLAN range", "[1, 10]", "[10, 1]", []string{`6: hosts[0].vlans[0].with_internet: [10 1] is not a VLAN range; write [first, last] with 1 <= first <= last <= 4094`}},
		{"overlapping VLAN ranges", "[11, 20]", "[10, 20]", []string{
			`6: hosts[0].vlans[0].without_internet: VLAN range [10 20] overlaps vlans[0].with_internet [1 10] of the same host; a VLAN ID can be given out once`,
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
	_, err := backend.ReadLab(name)
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
		{"a million comments", strings.Repeat("#\n", 1e6), []string{"1: the file has more than 1024 KiB; a lab needs less"}},
	} {
		t.Run(tc.name, func(t *testing.T) { wantLabError(t, tc.text, tc.want...) })
	}
}

func TestReadLabFails(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		filepath.Join(dir, "none.yaml"): "no such file or directory",
		dir:                             "is a directory",
	} {
		_, err := backend.ReadLab(name)
		if err == nil || err.Error() != "the lab file "+name+" cannot be read: "+want {
			t.Errorf("got %v", err)
		}
	}
	_, err := backend.ReadLab(filepath.Join(dir, "none.yaml"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, which is not os.ErrNotExist", err)
	}
}

// FuzzParseLab looks for text that the parser does not survive, and for labs that
// it lets through although they are not valid.
func FuzzParseLab(f *testing.F) {
	text, err := os.ReadFile("testdata/lab.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(text), "", "---\n...\n---\n", "hosts: [", "hosts: {a: [b: {c: }]}", "a: &a [*a]", "? ? ?", "- - -", "tenants:\n- name: |\n  x\n", "hosts: !!binary x",
		"%YAML 1.1\n---\nhosts: ~", "service_provider: {name: 1e400}", "hosts:\n  - vlans: [[1, 2]]", "\"\\x00\": 'a''b'", "service_provider: !!str {name: x}", "hosts: [,]", "a:\n\t- b",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		lab, err := backend.ParseLab("lab", text)
		if err != nil {
			return
		}
		if err := lab.Validate(); err != nil {
			t.Errorf("it was read and is not valid: %v", err)
		}
	})
}

// TestFormatLab: what is written is read as what it was, whatever the names.
func TestFormatLab(t *testing.T) {
	builtIn, err := backend.BuiltInLab()
	ok(t, err)
	names := []string{
		"plain", "two words", "007", "1", "1.5", "1e3", "0x1F", "0o7", "1_000", ".5", ".inf", "-.INF", ".nan", "+1", "-1", "12:30:45", "2024-01-01",
		"true", "no", "Yes", "on", "OFF", "y", "null", "Null", "~", "<<", "=", "-", "- x", "-x", "?", "? x", ":", "a: b", "a:", ":a", "a:b", "#", "# x", "a #b", "a#b",
		"[x]", "[", "{x}", "}", "a, b", ",", "*x", "&x", "!x", "%x", "@x", "`x`", "|", "|x", ">", "> x", "'", "'x'", "it's", `"`, `"x"`, `a "b" c`, `\`, `\n`, `a\tb`,
		"---", "...", "--- x", "a\tb", "a\nb", "a\r\nb", "a\rb", "a\n\n b", "\u00e9", "\u65e5\u672c", "\U0001f600", "\ufeffx", "a\u2028b", "a\u0085b", "a\u00a0b", "a\x01b", "a\x7fb", "a\u200bb",
	}
	for _, name := range names {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			lab := vcc.Lab{
				ServiceProvider: vcc.ServiceProvider{Name: name},
				Hosts:           []vcc.Host{{Name: name, Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRange{{WithInternet: []int{1, 9}}}}},
				HardwarePlans:   []vcc.LabHardwarePlan{{Name: name, Host: name, Networks: vcc.LabNetworkCount{WithInternet: 2}}},
				Tenants: []vcc.LabTenant{{
					Name: name, Subscriptions: []string{name},
					Site: vcc.Site{
						ProductionNetworks: []vcc.ProductionNetwork{{Name: name, IPv4: "10.0.0.0/24", IPv4Gateway: "10.0.0.1", IPv6: "2001:db8::/64", IPv6Gateway: "fe80::"}},
						VMs:                []vcc.VM{{Name: name, Guest: "windows", NICs: []vcc.NIC{{Network: name, IPv4: "10.0.0.2"}}}},
					},
					Jobs: []vcc.LabReplicationJob{{Name: name, HardwarePlan: name, VMs: []string{name}, Mapping: map[string]string{name: vcc.NetworkName(name, true, 1)}}},
				}},
			}
			checkFormat(t, lab)
		})
	}
	t.Run("the built-in lab", func(t *testing.T) { checkFormat(t, builtIn) })
	t.Run("the least", func(t *testing.T) {
		checkFormat(t, vcc.Lab{ServiceProvider: vcc.ServiceProvider{Name: "sp"}, Tenants: []vcc.LabTenant{{Name: "T"}}})
	})
}

func checkFormat(t *testing.T, lab vcc.Lab) {
	t.Helper()
	if err := lab.Validate(); err != nil {
		t.Fatalf("this is no lab: %v", err)
	}
	text, err := backend.FormatLab(lab)
	ok(t, err)
	again, err := backend.ParseLab("lab.yaml", text)
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	same(t, "lab", again, lab)
}
