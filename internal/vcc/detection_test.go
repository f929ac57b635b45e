package vcc_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestDetectRules4To6(t *testing.T) {
	app := vcc.GatewaySettings{IPv4: ipv4("172.17.52.1/23"), IPv6: ipv6("fe80::1", "2001:db8:52::/64")}
	data := vcc.GatewaySettings{IPv4: ipv4("172.17.54.1/24")}
	site := vcc.Site{
		ProductionNetworks: []vcc.ProductionNetwork{
			{Name: "App", IPv4: prefix("172.17.52.0/23"), IPv4Gateway: addr("172.17.52.1"), IPv6: prefix("2001:db8:52::/64"), IPv6Gateway: addr("fe80::1")},
			{Name: "Data", IPv4: prefix("172.17.54.0/24"), IPv4Gateway: addr("172.17.54.1")},
			{Name: "Lab", IPv6: prefix("2001:db8:56::/64"), IPv6Gateway: addr("fe80::1")},
			{Name: "Island", IPv4: prefix("172.17.58.0/24")},
		},
		VMs: []vcc.VM{
			// Declared against the order of the networks, which is the one that counts.
			{Name: "db-windows", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "Data"}}},
			{Name: "db-linux", Guest: vcc.GuestLinux, NICs: []vcc.NIC{{Network: "Data"}}},
			{Name: "web-windows", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "App"}}},
			{Name: "web-other", Guest: vcc.GuestOther, NICs: []vcc.NIC{{Network: "App"}}},
			{Name: "both-windows", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "Data"}, {Network: "App"}}},
			{Name: "lab-windows", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "Lab"}}},
			{Name: "island-windows", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "Island"}}},
			{Name: "adrift", Guest: vcc.GuestWindows},
		},
	}
	n1, n2 := vcc.Network{ID: "1", Name: "Silver network 1"}, vcc.Network{ID: "2", Name: "Silver network 2"}
	one, two := []vcc.Network{n1}, []vcc.Network{n1, n2}
	const (
		unmapped   = "the job maps it to no cloud network"
		notWindows = "none of its VMs in the job runs Windows, and settings of other guests are not detected; specify the gateway"
		nothing    = "no default gateway was found; IPv6 settings are detected only by jobs with application-aware processing"
	)

	for _, tc := range []struct {
		name     string
		job      vcc.LabReplicationJob
		networks []vcc.Network
		found    []vcc.Detection
		skipped  []vcc.DetectionSkip
	}{
		{
			"every production network found (D4)", vcc.LabReplicationJob{ApplicationAware: true, VMs: []string{"both-windows"}}, two,
			[]vcc.Detection{{"App", n1, app}, {"Data", n2, data}}, nil,
		},
		{"no VMs, nothing found", vcc.LabReplicationJob{VMs: []string{"adrift"}}, two, nil, nil},

		{
			"IPv4 of Windows (D5)", vcc.LabReplicationJob{VMs: []string{"web-windows"}}, one,
			[]vcc.Detection{{"App", n1, vcc.GatewaySettings{IPv4: app.IPv4}}}, nil,
		},
		{
			"IPv6 with application-aware processing (D5)", vcc.LabReplicationJob{ApplicationAware: true, VMs: []string{"web-windows"}}, one,
			[]vcc.Detection{{"App", n1, app}}, nil,
		},
		{
			"nothing of other guests (D5)", vcc.LabReplicationJob{ApplicationAware: true, VMs: []string{"web-other", "db-linux"}}, two,
			nil, []vcc.DetectionSkip{{"App", notWindows}, {"Data", notWindows}},
		},
		{
			"one Windows among others will do (D5)", vcc.LabReplicationJob{VMs: []string{"db-linux", "db-windows"}}, one,
			[]vcc.Detection{{"Data", n1, data}}, nil,
		},
		{
			"a Windows outside of the job does not count (D5)", vcc.LabReplicationJob{VMs: []string{"db-linux"}}, one,
			nil, []vcc.DetectionSkip{{"Data", notWindows}},
		},
		{
			"a network of IPv6 only, without application-aware processing (D5)", vcc.LabReplicationJob{VMs: []string{"lab-windows"}}, one,
			nil, []vcc.DetectionSkip{{"Lab", nothing}},
		},
		{"a network without gateway", vcc.LabReplicationJob{ApplicationAware: true, VMs: []string{"island-windows"}}, one, nil, []vcc.DetectionSkip{{"Island", nothing}}},

		{
			"equal numbers map in order, whatever the table says (D6)",
			vcc.LabReplicationJob{VMs: []string{"db-windows", "web-windows"}, Mapping: map[string]string{"App": n2.Name, "Data": n1.Name}}, two,
			[]vcc.Detection{{"App", n1, vcc.GatewaySettings{IPv4: app.IPv4}}, {"Data", n2, data}}, nil,
		},
		{
			"otherwise the table says (D6)", vcc.LabReplicationJob{VMs: []string{"db-windows"}, Mapping: map[string]string{"Data": n2.Name}}, two,
			[]vcc.Detection{{"Data", n2, data}}, nil,
		},
		{
			"unmapped networks save nothing (D6)", vcc.LabReplicationJob{VMs: []string{"both-windows"}, Mapping: map[string]string{"Data": n1.Name}}, one,
			[]vcc.Detection{{"Data", n1, data}}, []vcc.DetectionSkip{{"App", unmapped}},
		},
		{
			"no table at all (D6)", vcc.LabReplicationJob{VMs: []string{"both-windows"}}, one,
			nil, []vcc.DetectionSkip{{"App", unmapped}, {"Data", unmapped}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			found, skipped := vcc.Detect(site, tc.job, tc.networks)
			if diff := cmp.Diff(tc.found, found, byValue); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.skipped, skipped); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
		})
	}
}
