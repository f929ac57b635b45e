package vcc_test

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestParseStartDelay(t *testing.T) {
	for seconds, want := range map[int64]time.Duration{0: 0, 1: time.Second, 86400: 24 * time.Hour} {
		if got, err := vcc.ParseStartDelay(seconds); got != want || err != nil {
			t.Errorf("%d: %v, %v", seconds, got, err)
		}
	}
	// The last is 60 s if it overflows.
	for seconds, text := range map[int64]string{
		-1: "-1", 86401: "86401", 100_000_000_000: "100000000000", math.MaxInt64: "9223372036854775807",
		math.MinInt64: "-9223372036854775808", 1<<55 + 60: "36028797018964028",
	} {
		_, err := vcc.ParseStartDelay(seconds)
		wantErrors(t, err, wrong("", "a delay of "+text+" s is not possible; use 0 to 86400 whole seconds"))
	}
}

// Without a failover, and while one VM alone has failed over, the rules of all plans are in force; else those of its plan.
func TestPublicIPRulesInForce(t *testing.T) {
	rule := func(port uint16) vcc.PublicIPRule {
		return vcc.PublicIPRule{Public: netip.AddrPortFrom(netip.MustParseAddr("203.0.113.10"), port), Internal: netip.MustParseAddrPort("172.17.52.10:443")}
	}
	plans := []vcc.LabFailoverPlan{{Name: "Site", PublicIPRules: []vcc.PublicIPRule{rule(443)}}, {Name: "Web", PublicIPRules: []vcc.PublicIPRule{rule(8443)}}}
	for _, tc := range []struct {
		name    string
		session *vcc.FailoverSession
		want    []vcc.PublicIPRule
	}{
		{"no failover", nil, []vcc.PublicIPRule{rule(443), rule(8443)}},
		{"of a VM", &vcc.FailoverSession{Kind: vcc.FailoverPartialSite, VM: "web01"}, []vcc.PublicIPRule{rule(443), rule(8443)}},
		{"of a plan", &vcc.FailoverSession{Kind: vcc.FailoverFullSite, PlanName: "Web"}, []vcc.PublicIPRule{rule(8443)}},
	} {
		if got := vcc.PublicIPRulesInForce(plans, tc.session); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v; want %v", tc.name, got, tc.want)
		}
	}
}

// A VM has one delay, however its name is spelled.
func TestFailoverPlanDelays(t *testing.T) {
	delays := func(d map[string]time.Duration) vcc.FailoverPlanSettings {
		return vcc.FailoverPlanSettings{VMs: []string{"Caf\u00e9", "db01"}, Delays: d}
	}
	wantErrors(t, delays(map[string]time.Duration{"Cafe\u0301": time.Minute, "db01": 0}).Validate())
	for _, second := range []time.Duration{0, 30 * time.Second, time.Minute} {
		wantErrors(t, delays(map[string]time.Duration{"Caf\u00e9": 30 * time.Second, "Cafe\u0301": second}).Validate(),
			wrong("delays", "VM \"Caf\u00e9\" has two delays: its name is there in two Unicode spellings, which mean the same; leave one out"))
	}
	for d, text := range map[time.Duration]string{25 * time.Hour: "25h0m0s", -time.Second: "-1s", 1500 * time.Millisecond: "1.5s"} {
		wantErrors(t, delays(map[string]time.Duration{"db01": d}).Validate(),
			wrong("delays", "a delay of "+text+" is not possible; use 0 to 86400 whole seconds"))
	}
}

func TestFailoverPlanInWords(t *testing.T) {
	plan := vcc.FailoverPlanSettings{
		VMs: []string{"db01", "Caf\u00e9", "web01"}, Delays: map[string]time.Duration{"db01": 90 * time.Second, "Cafe\u0301": time.Hour},
		PublicIPRules: []vcc.PublicIPRule{
			{Public: addrPort("203.0.113.10:443"), Internal: addrPort("172.17.52.10:8443")},
			{Public: addrPort("[2001:db8:ffff::10]:443"), Internal: addrPort("[2001:db8:52::10]:443")},
		},
	}
	got := strings.Join(append(plan.VMWords(), plan.RuleWords()...), ", ")
	want := "db01 (then 90 s), Caf\u00e9 (then 3600 s), web01, 203.0.113.10:443 to 172.17.52.10:8443, [2001:db8:ffff::10]:443 to [2001:db8:52::10]:443"
	if got != want || plan.VMs[0] != "db01" {
		t.Errorf("got %s; VMs %v", got, plan.VMs)
	}
}

// Of several wrong values of a rule the first is named, always.
func TestPublicIPRuleD17(t *testing.T) {
	noMachine := func(address, why string) *vcc.Error {
		return wrong("toAddress", address+" is the address of no machine in a cloud network: "+why+"; use the address of one")
	}
	const notPlain = " is not a plain IP address; leave out a zone, and write an IPv4 address like 172.17.52.10"
	for _, tc := range []struct {
		name, public, internal string
		want                   []*vcc.Error
	}{
		{"IPv4", "203.0.113.10:443", "172.17.52.10:8443", nil},
		{"IPv6", "[2001:db8:ffff::10]:443", "[2001:db8:52::10]:443", nil},
		{"a zone", "[2001:db8:ffff::10]:443", "[fe80::10%eth0]:443", []*vcc.Error{wrong("toAddress", `"fe80::10%eth0"`+notPlain)}},
		{"IPv4-mapped", "203.0.113.10:443", "[::ffff:172.17.52.10]:443", []*vcc.Error{wrong("toAddress", `"::ffff:172.17.52.10"`+notPlain)}},
		{"both wrong", "[fe80::1%eth0]:443", "[fe80::10%eth0]:443", []*vcc.Error{wrong("address", `"fe80::1%eth0"`+notPlain)}},
		{"two families", "203.0.113.10:443", "[2001:db8:52::10]:443", []*vcc.Error{wrong("toAddress", `"2001:db8:52::10" is not an address of the family of 203.0.113.10`)}},
		{"loopback", "203.0.113.10:443", "127.0.0.1:443", []*vcc.Error{noMachine("127.0.0.1", "127.0.0.0/8 is loopback (RFC 1122)")}},
		{"no address", "203.0.113.10:443", "0.0.0.0:443", []*vcc.Error{noMachine("0.0.0.0", `0.0.0.0/8 means "this network" (RFC 1122)`)}},
		{"multicast", "203.0.113.10:443", "224.0.0.1:443", []*vcc.Error{noMachine("224.0.0.1", "224.0.0.0/4 is multicast (RFC 5771)")}},
		{"all hosts", "203.0.113.10:443", "255.255.255.255:443", []*vcc.Error{noMachine("255.255.255.255", "240.0.0.0/4 is reserved (RFC 1112)")}},
		{"IPv6 loopback", "[2001:db8:ffff::10]:443", "[::1]:443", []*vcc.Error{noMachine("::1", "it is no unicast address of a network (RFC 4291)")}},
		{"no IPv6 address", "[2001:db8:ffff::10]:443", "[::]:443", []*vcc.Error{noMachine("::", "it is no unicast address of a network (RFC 4291)")}},
		{"IPv6 multicast", "[2001:db8:ffff::10]:443", "[ff02::1]:443", []*vcc.Error{noMachine("ff02::1", "it is no unicast address of a network (RFC 4291)")}},
		{"link-local", "[2001:db8:ffff::10]:443", "[fe80::10]:443", []*vcc.Error{noMachine("fe80::10", "link-local addresses are on every link (RFC 4291)")}},
		{"itself", "203.0.113.10:443", "203.0.113.10:8443", []*vcc.Error{wrong("toAddress", "203.0.113.10 is the public address itself; use the address of a machine in a cloud network")}},
		{"no target port", "203.0.113.10:443", "172.17.52.10:0", []*vcc.Error{wrong("toPort", "a port from 1 to 65535 is required")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rule := vcc.PublicIPRule{Public: netip.MustParseAddrPort(tc.public), Internal: netip.MustParseAddrPort(tc.internal)}
			for range 20 { // an order that is left to chance shows
				wantErrors(t, rule.Validate(), tc.want...)
			}
		})
	}
}

// A public address belongs to one plan at a time, with any number of its rules: in what is stored, in a lab, and in
// what a question assumes.
func TestPublicAddressesD17(t *testing.T) {
	twice := []vcc.PublicIPRule{
		{Public: addrPort("203.0.113.10:443"), Internal: addrPort("172.17.52.10:443")},
		{Public: addrPort("203.0.113.10:80"), Internal: addrPort("172.17.52.10:80")},
	}
	other := twice[1:]
	taken := func(field, owner string, code vcc.ErrorCode, id string) *vcc.Error {
		return &vcc.Error{Code: code, Field: field, ResourceID: id, Message: `203.0.113.10 belongs to failover plan "` + owner + `" already; a public address belongs to one failover plan at a time`}
	}
	stored := []vcc.FailoverPlan{{ID: "1", Name: "Whole site", FailoverPlanSettings: vcc.FailoverPlanSettings{PublicIPRules: twice}}}
	wantErrors(t, vcc.FailoverPlanSettings{PublicIPRules: twice}.CheckPublicAddresses(nil))
	wantErrors(t, vcc.FailoverPlanSettings{PublicIPRules: twice}.CheckPublicAddresses(stored),
		taken("publicIpRules[0].address", "Whole site", vcc.CodeConflict, "1"), taken("publicIpRules[1].address", "Whole site", vcc.CodeConflict, "1"))

	lab := newDraft()
	lab.abc.FailoverPlans[0].PublicIPRules = twice
	wantErrors(t, check(lab.Lab))
	lab.abc.FailoverPlans = append(lab.abc.FailoverPlans, vcc.LabFailoverPlan{Name: "Half site", VMs: lab.abc.FailoverPlans[0].VMs, PublicIPRules: other})
	wantErrors(t, check(lab.Lab), taken("tenants[0].failover_plans[1].public_ip_rules[0].address", lab.abc.FailoverPlans[0].Name, vcc.CodeInvalidValue, ""))

	whole, half := vcc.LabFailoverPlan{Name: "Whole site", PublicIPRules: twice}, vcc.AssumedFailoverPlan{Name: "Half site", PublicIPRules: other}
	assume := func(plans ...vcc.AssumedFailoverPlan) error {
		_, err := vcc.Assumption{FailoverPlans: plans}.Over(nil, []vcc.LabFailoverPlan{whole})
		return err
	}
	wantErrors(t, assume(vcc.AssumedFailoverPlan{Name: "Whole site", PublicIPRules: twice}))
	wantErrors(t, assume(half), taken("failoverPlans[0].publicIpRules[0].address", "Whole site", vcc.CodeConflict, ""))
	wantErrors(t, assume(vcc.AssumedFailoverPlan{Name: "Whole site"}, half))
}
