package vcc_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestParseSessionFilter(t *testing.T) {
	for _, s := range []string{"", "test", "start"} {
		if o, err := vcc.ParseSessionOperation(s); err != nil || string(o) != s {
			t.Errorf("operation %q: got %q, %v", s, o, err)
		}
	}
	for _, s := range []string{"undo", "rehearse", "Test", "fullSite"} {
		if _, err := vcc.ParseSessionOperation(s); vcc.Code(err) != vcc.CodeInvalidValue {
			t.Errorf("operation %q: got %v", s, err)
		}
	}
	_, err := vcc.ParseSessionOperation("undo")
	wantErrors(t, err, &vcc.Error{Code: vcc.CodeInvalidValue, Message: `"undo" leaves no session; use test or start`})
	for _, s := range []string{"", "fullSite", "partialSite"} {
		if k, err := vcc.ParseFailoverKind(s); err != nil || string(k) != s {
			t.Errorf("kind %q: got %q, %v", s, k, err)
		}
	}
	_, err = vcc.ParseFailoverKind("test")
	wantErrors(t, err, &vcc.Error{Code: vcc.CodeInvalidValue, Message: `"test" is no kind of failover; use fullSite or partialSite`})
}

// A test says "would", never "did", and what is not there is said, too.
func TestDescribeLatest(t *testing.T) {
	at := time.Date(2026, 8, 30, 8, 0, 0, 0, time.FixedZone("CEST", 2*60*60))
	test := &vcc.FailoverSession{ID: "1", Kind: vcc.FailoverFullSite, PlanName: "Whole site", StartedAt: at, StartedBy: "ana", Test: true}
	problem := *test
	problem.Problems = []vcc.ApplianceProblem{{Message: "no gateway; store one"}}
	problems := problem
	problems.Problems = append(problems.Problems[:1:1], vcc.ApplianceProblem{Message: "another"})
	start := *test
	start.Test = false
	partial := &vcc.FailoverSession{ID: "2", Kind: vcc.FailoverPartialSite, VM: "web01", StartedAt: at, StartedBy: "ben"}
	for _, tc := range []struct {
		plan      string
		operation vcc.FailoverOperation
		latest    *vcc.FailoverSession
		want      string
	}{
		{"Whole site", vcc.FailoverTest, nil, `No test of failover plan "Whole site" is on record; test it.`},
		{"", vcc.FailoverTest, nil, `No test of a failover plan is on record; test one.`},
		{"Whole site", vcc.FailoverStart, nil, `No failover by failover plan "Whole site" is on record.`},
		{"", "", nil, `Neither a test of a failover plan nor a failover by it is on record; test one.`},
		{"Whole site", vcc.FailoverTest, test, `Failover plan "Whole site" was last tested at 2026-08-30 06:00:00 UTC by ana, without problems.`},
		{"", vcc.FailoverTest, &problem, `Failover plan "Whole site" was last tested at 2026-08-30 06:00:00 UTC by ana, with a problem: no gateway; store one.`},
		{"", "", &problems, `Failover plan "Whole site" was last tested at 2026-08-30 06:00:00 UTC by ana, with 2 problems, the first: no gateway; store one.`},
		{"", "", &start, `Failover plan "Whole site" was last failed over at 2026-08-30 06:00:00 UTC by ana, without problems.`},
		{"", vcc.FailoverStart, partial, `VM "web01" was last failed over at 2026-08-30 06:00:00 UTC by ben, without problems.`},
	} {
		if got := vcc.DescribeLatest(tc.plan, tc.operation, tc.latest); got != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
	if test.Operation() != vcc.FailoverTest || start.Operation() != vcc.FailoverStart || test.Subject() != "Whole site" || partial.Subject() != "web01" {
		t.Error("a session does not say what it is")
	}
}

// Each replica stands with the networks of its own host and the addresses of its own guest.
func TestSessionMachines(t *testing.T) {
	network := func(id, plan, host string, internet bool) vcc.Network {
		return vcc.Network{ID: id, Name: "network " + id, HardwarePlanName: plan, HostID: host, InternetAccess: internet}
	}
	appliance := func(host string, gateways map[string]vcc.GatewaySettings, networks ...vcc.Network) vcc.ApplianceInputs {
		return vcc.ApplianceInputs{
			NetworkExtensionAppliance: vcc.NetworkExtensionAppliance{HostID: host, HostName: host, Networks: networks}, Gateways: gateways,
		}
	}
	prefix := netip.MustParsePrefix
	gateways := map[string]vcc.GatewaySettings{
		"1": {IPv4: &vcc.IPv4Settings{Address: netip.MustParseAddr("172.17.52.1"), PrefixLength: 24}},
		"2": {IPv4: &vcc.IPv4Settings{Address: netip.MustParseAddr("172.17.54.1"), PrefixLength: 24}},
		"3": {IPv4: &vcc.IPv4Settings{Address: netip.MustParseAddr("172.17.56.1"), PrefixLength: 24}},
	}
	tenant := vcc.LabTenant{Site: vcc.Site{
		ProductionNetworks: []vcc.ProductionNetwork{
			{Name: "App", IPv4: prefix("172.17.52.0/24"), IPv6: prefix("2001:db8:52::/64")}, {Name: "Data", IPv4: prefix("172.17.54.0/24")},
			{Name: "Office", IPv4: prefix("172.17.56.0/24")}, {Name: "Lost", IPv4: prefix("172.17.58.0/24")},
		},
		VMs: []vcc.VM{
			{Name: "web01", NICs: []vcc.NIC{
				{Network: "App", IPv4: netip.MustParseAddr("172.17.52.10"), IPv6: netip.MustParseAddr("2001:db8:52::10")}, {Network: "Data", IPv4: netip.MustParseAddr("172.17.54.10")},
			}},
			{Name: "file01", NICs: []vcc.NIC{{Network: "Office", IPv4: netip.MustParseAddr("172.17.56.10")}}},
			{Name: "tape01", NICs: []vcc.NIC{{Network: "Lost", IPv4: netip.MustParseAddr("172.17.58.10")}}},
			{Name: "other01", NICs: []vcc.NIC{{Network: "App", IPv4: netip.MustParseAddr("172.17.52.11")}}},
		},
	}}
	got := tenant.SessionMachines([]string{"file01", "web01", "tape01", "none01"},
		map[string][]string{"web01": {"esx01", "hyperv01"}, "file01": {"hyperv01"}, "tape01": {"esx01"}, "other01": {"esx01"}},
		[]vcc.ApplianceInputs{
			appliance("esx01", gateways, network("1", "Silver", "esx01", true), network("2", "Silver", "esx01", false)),
			appliance("hyperv01", gateways, network("3", "Gold", "hyperv01", true)),
		})
	want := []vcc.SessionMachine{
		{VM: "file01", HostName: "hyperv01", NICs: []vcc.SessionNIC{{NetworkID: "3", NetworkName: "network 3", Addresses: []netip.Prefix{prefix("172.17.56.10/24")}}}},
		{VM: "web01", HostName: "esx01", NICs: []vcc.SessionNIC{
			{NetworkID: "1", NetworkName: "network 1", Addresses: []netip.Prefix{prefix("172.17.52.10/24"), prefix("2001:db8:52::10/64")}},
			{NetworkID: "2", NetworkName: "network 2", Addresses: []netip.Prefix{prefix("172.17.54.10/24")}},
		}},
		{VM: "web01", HostName: "hyperv01"},
		{VM: "tape01", HostName: "esx01"},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("machines (-want +got):\n%s", diff)
	}
}
