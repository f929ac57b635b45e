package vcc_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// read drops a value, and keeps what was wrong with its text.
func read[T any](_ T, err error) error { return err }

func TestParseRefusesWhatCannotBeRead(t *testing.T) {
	const notARange = " is not a VLAN range; write [first, last] with 1 <= first <= last <= 4094"
	for _, tc := range []struct {
		name string
		err  error
		want []*vcc.Error
	}{
		{"VLAN range of nothing", read(vcc.ParseVLANRange([]int{})), []*vcc.Error{wrong("", "[]"+notARange)}},
		{"VLAN range of one number", read(vcc.ParseVLANRange([]int{7})), []*vcc.Error{wrong("", "[7]"+notARange)}},
		{"VLAN range of three numbers", read(vcc.ParseVLANRange([]int{1, 2, 3})), []*vcc.Error{wrong("", "[1, 2, 3]"+notARange)}},
		{"VLAN range of zeros", read(vcc.ParseVLANRange([]int{0, 0})), []*vcc.Error{wrong("", "[0, 0]"+notARange)}},
		{"VLAN range backwards", read(vcc.ParseVLANRange([]int{10, 1})), []*vcc.Error{wrong("", "[10, 1]"+notARange)}},

		{"public IP", read(vcc.ParsePublicIP("www")), []*vcc.Error{wrong("", `"www" is not an IP address`)}},

		{
			"external settings", read(vcc.ParseExternal("198.51.100.5", "", "2001:db8:ffff::5/64", "gw")), []*vcc.Error{
				wrong("ipv4", `"198.51.100.5" is not an address with its prefix length; write it like 198.51.100.5/24`),
				wrong("ipv6_gateway", `"gw" is not an address of the family of 2001:db8:ffff::5/64`),
			},
		},
		{
			"production network", read(vcc.ParseProductionNetwork("App", "172.17.54.0", "172.17.54.1", "2001:db8:52::/64", "fe80::/64")), []*vcc.Error{
				wrong("ipv4", `"172.17.54.0" is not an IP network of that family; write it like 172.17.52.0/23 or 2001:db8:52::/64`),
				wrong("ipv6_gateway", `"fe80::/64" has a prefix length; write the address alone, and the length as the prefix length`),
			},
		},
		{
			"production network's IPv4 gateway", read(vcc.ParseProductionNetwork("App", "172.17.52.0/23", "gw", "", "")), []*vcc.Error{
				wrong("ipv4_gateway", `"gw" is not an IPv4 address; write four numbers from 0 to 255, such as 172.17.52.1`),
			},
		},
		{
			"NIC", read(vcc.ParseNIC("App", "db01", "1.2.3")), []*vcc.Error{
				wrong("ipv4", `"db01" is not an IP address`), wrong("ipv6", `"1.2.3" is not an IP address`),
			},
		},

		{"rule's address", read(vcc.ParsePublicIPRule("www", 443, "172.17.52.10", 443)), []*vcc.Error{wrong("address", `"www" is not an IP address`)}},
		{"rule's target", read(vcc.ParsePublicIPRule("203.0.113.10", 443, "", 443)), []*vcc.Error{wrong("to_address", `"" is not an address of the family of 203.0.113.10`)}},
		{"rule's port", read(vcc.ParsePublicIPRule("203.0.113.10", -1, "172.17.52.10", 443)), []*vcc.Error{wrong("port", "-1 is not a port; use 1 to 65535")}},
		{"rule's target port", read(vcc.ParsePublicIPRule("203.0.113.10", 443, "172.17.52.10", 65536)), []*vcc.Error{wrong("to_port", "65536 is not a port; use 1 to 65535")}},
	} {
		t.Run(tc.name, func(t *testing.T) { wantErrors(t, tc.err, tc.want...) })
	}
}

// A value that is left out is the zero value, and every other is as it is written.
func TestParseReads(t *testing.T) {
	site, err := vcc.ParseProductionNetwork("App", "172.17.52.0/23", "172.17.52.1", "", "")
	if want := (vcc.ProductionNetwork{Name: "App", IPv4: prefix("172.17.52.0/23"), IPv4Gateway: addr("172.17.52.1")}); err != nil || site != want {
		t.Errorf("got %v, %v", site, err)
	}
	external, err := vcc.ParseExternal("", "", "2001:db8:ffff::5/64", "fe80::1")
	if want := (vcc.ExternalSettings{IPv6: prefix("2001:db8:ffff::5/64"), IPv6Gateway: addr("fe80::1")}); err != nil || external != want {
		t.Errorf("got %v, %v", external, err)
	}
	nic, err := vcc.ParseNIC("App", "", "2001:db8:52::10")
	if want := (vcc.NIC{Network: "App", IPv6: addr("2001:db8:52::10")}); err != nil || nic != want {
		t.Errorf("got %v, %v", nic, err)
	}
	rule, err := vcc.ParsePublicIPRule("203.0.113.10", 443, "172.17.52.10", 8443)
	if want := (vcc.PublicIPRule{Public: addrPort("203.0.113.10:443"), Internal: addrPort("172.17.52.10:8443")}); err != nil || rule != want {
		t.Errorf("got %v, %v", rule, err)
	}
	if r, err := vcc.ParseVLANRange(nil); err != nil || r != (vcc.VLANRange{}) {
		t.Errorf("got %v, %v", r, err)
	}
	if r, err := vcc.ParseVLANRange([]int{1, 4094}); err != nil || r != (vcc.VLANRange{First: 1, Last: 4094}) {
		t.Errorf("got %v, %v", r, err)
	}
}

// What could not be read is said once, and nothing follows from it.
func TestLabCheckAfterUnreadValues(t *testing.T) {
	l := newDraft()
	l.abc.PublicIPs[1] = netip.Addr{}
	l.abc.ProductionNetworks[0].IPv6, l.abc.ProductionNetworks[0].IPv6Gateway = netip.Prefix{}, netip.Addr{}
	l.abc.FailoverPlans[0].PublicIPRules[1] = vcc.PublicIPRule{}
	unread := []*vcc.Error{
		wrong("tenants[0].public_ips[1]", "no address"),
		wrong("tenants[0].production_networks[0].ipv6", "no network"),
		wrong("tenants[0].failover_plans[0].public_ip_rules[1].address", "no address"),
	}
	_, err := l.Check(unread[0], unread[1], unread[2])
	wantErrors(t, err, unread...)

	// Of values with a similar path the errors are listed.
	_, err = l.Check(wrong("tenants[0].production_networks[0].ipv6_gateway", "no address"))
	if got := vcc.Errors(err); len(got) != 4 {
		t.Errorf("got %v", err)
	}
}

// A lab that was checked has its references in the spelling of what they name, and takes
// good passwords alone.
func TestValidLab(t *testing.T) {
	l := newDraft()
	l.Hosts[0].Name, l.HardwarePlans[0].Host, l.abc.Appliances[0].Host = "e\u0301sx01", "\u00e9sx01", "\u00e9sx01"
	valid, err := l.Check()
	if err != nil {
		t.Fatal(err)
	}
	if got := valid.Lab().HardwarePlans[0].Host; got != "e\u0301sx01" {
		t.Errorf("the plan is on host %q", got)
	}
	if l.HardwarePlans[0].Host != "\u00e9sx01" {
		t.Error("the caller's lab was changed")
	}
	passwords := map[string]string{"abc-company": "long enough"}
	with, err := valid.WithPasswords(passwords)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(passwords, with.Passwords()); diff != "" {
		t.Error(diff)
	}
	if valid.Passwords() != nil {
		t.Error("the lab that had no passwords got some")
	}
	if diff := cmp.Diff(valid.Lab(), with.Lab(), byValue, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	_, err = valid.WithPasswords(map[string]string{"abc-company": "short", "nobody": ""})
	wantErrors(t, err, wrong("tenants[0].password_env", "the password needs 8 characters at least"))
}
