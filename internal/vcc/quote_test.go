package vcc_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestShorten(t *testing.T) {
	for _, tc := range []struct {
		text string
		n    int
		want string
	}{
		{"", 0, ""}, {"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"äöü", 3, "äöü"}, {"äöüß", 3, "äöü…"}, {"a", 0, "…"}, {"\xff\xfe\xfd", 2, "\xff\xfe…"}, {"ab…", 3, "ab…"},
	} {
		if got := vcc.Shorten(tc.text, tc.n); got != tc.want {
			t.Errorf("%q to %d: %q, want %q", tc.text, tc.n, got, tc.want)
		}
	}
	for text, want := range map[string]string{
		strings.Repeat("x", 100):      `"` + strings.Repeat("x", 100) + `"`,
		strings.Repeat("x", 101):      `"` + strings.Repeat("x", 100) + `"...`,
		strings.Repeat("x", 99) + "…": `"` + strings.Repeat("x", 99) + `…"`,
	} {
		if got := vcc.Clip(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestQuoteNames(t *testing.T) {
	var names []string
	for n := range 12 {
		names = append(names, fmt.Sprint(n))
	}
	for n, want := range map[int]string{
		0: "", 1: `"0"`, 10: `"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"`, 12: `"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", and 2 more`,
	} {
		if got := vcc.QuoteNames(names[:n]); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// Whatever somebody sends, an error repeats little of it, on a character's boundary, and still says what
// would be right.
func TestLongValuesInErrors(t *testing.T) {
	long := strings.Repeat("ü", 50_000)
	_, v4 := vcc.ParseIPv4Settings(long, long)
	_, v6 := vcc.ParseIPv6Settings("fe80::1%"+long, long, 64)
	_, trace := vcc.ParseTraceRequest(" "+long, long, long, nil)
	_, rule := vcc.ParsePublicIPRule("203.0.113.1", 1, long, 1)
	_, id := vcc.ParseIPv4Settings("10.0.0.1", long)
	_, guest := vcc.Lab{
		ServiceProvider: vcc.ServiceProvider{Name: long}, Hosts: []vcc.Host{{Name: long, Platform: vcc.Platform(long)}},
		Tenants: []vcc.LabTenant{{Name: long, Username: long, PasswordEnv: long, Subscriptions: []string{long}, PublicIPs: []netip.Addr{netip.MustParseAddr("fe80::1%" + long)},
			Site: vcc.Site{VMs: []vcc.VM{{Name: long, Guest: vcc.Guest(long), NICs: []vcc.NIC{{Network: long}}}}}}},
	}.Check()
	for what, err := range map[string]error{"IPv4": v4, "IPv6": v6, "trace": trace, "rule": rule, "mask": id, "lab": guest} {
		found := vcc.Errors(err)
		if len(found) == 0 {
			t.Errorf("%s: no error", what)
		}
		for _, e := range found {
			if text := e.Error(); len(text) > 1000 || !utf8.ValidString(text) {
				t.Errorf("%s: %d bytes: %.300s", what, len(text), text)
			}
		}
	}
	if want := "…\" is not an IPv4 address; write four numbers from 0 to 255, such as 172.17.52.1"; !strings.Contains(v4.Error(), want) {
		t.Errorf("%v lacks %s", v4, want)
	}
}

// A mapping table takes exactly the names that a plan's networks have.
func TestMappingNames(t *testing.T) {
	for _, count := range []vcc.LabNetworkCount{{WithInternet: 2, WithoutInternet: 3}, {WithInternet: 4}, {WithoutInternet: 12}} {
		plan := vcc.LabHardwarePlan{Name: "Silver", Host: "esx01", Networks: count}
		lab := vcc.Lab{
			ServiceProvider: vcc.ServiceProvider{Name: "sp"},
			Hosts:           []vcc.Host{{Name: "esx01", Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 1, Last: 9}}}}},
			HardwarePlans:   []vcc.LabHardwarePlan{plan},
		}
		accepts := func(name string) bool {
			lab.Tenants = []vcc.LabTenant{{
				Name: "ABC", Subscriptions: []string{"Silver"},
				Site: vcc.Site{ProductionNetworks: []vcc.ProductionNetwork{{Name: "App"}}, VMs: []vcc.VM{{Name: "web01", Guest: vcc.GuestLinux, NICs: []vcc.NIC{{Network: "App"}}}}},
				Jobs: []vcc.LabReplicationJob{{Name: "Nightly", HardwarePlan: "Silver", VMs: []string{"web01"}, Mapping: map[string]string{"App": name}}},
			}}
			_, err := lab.Check()
			return err == nil
		}
		for _, name := range plan.NetworkNames() {
			if !accepts(name) {
				t.Errorf("%v: %q is refused", count, name)
			}
		}
		for _, name := range []string{
			"", "Silver", "Silver network", "Silver network 0", "Silver network 13", "Silver network 01", "Silver network +1", "Silver network 1 ", "silver network 1",
			"Silver network 5 (internet)", "Silver network (internet)", "Silver network 1 (internet) (internet)", "Silver network -1", "Silver network 1.0",
		} {
			if accepts(name) {
				t.Errorf("%v: %q is accepted", count, name)
			}
		}
	}
}

// A VM has no more adapters than a hypervisor gives it.
func TestTooManyNICs(t *testing.T) {
	lab := twoTenants()
	nics := make([]vcc.NIC, vcc.MaxNICs+1)
	for i := range nics {
		nics[i].Network = "App"
	}
	lab.Tenants[0].VMs[0].NICs = nics[1:]
	if _, err := lab.Check(); err != nil {
		t.Error(err)
	}
	lab.Tenants[0].VMs[0].NICs = nics
	_, err := lab.Check()
	if found := vcc.Errors(err); len(found) != 1 || found[0].Field != "tenants[0].vms[0].nics" {
		t.Errorf("got %v", err)
	}
}
