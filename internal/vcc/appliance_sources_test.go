package vcc_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// A replica is where a trace takes its address to be, or else where a job brings it.
func TestReplicas(t *testing.T) {
	prefix, address := netip.MustParsePrefix, netip.MustParseAddr
	tenant := vcc.LabTenant{
		Site: vcc.Site{
			ProductionNetworks: []vcc.ProductionNetwork{
				{Name: "App", IPv4: prefix("10.1.0.0/16"), IPv6: prefix("2001:db8:1::/64")},
				{Name: "Data", IPv4: prefix("10.2.0.0/16")},
				{Name: "Far", IPv4: prefix("10.3.0.0/16")},
			},
			VMs: []vcc.VM{
				{Name: "both", NICs: []vcc.NIC{{Network: "App", IPv4: address("10.1.0.10"), IPv6: address("2001:db8:1::10")}, {Network: "Data", IPv4: address("10.2.0.10")}}},
				{Name: "unaddressed", NICs: []vcc.NIC{{Network: "Data"}}},
				{Name: "far", NICs: []vcc.NIC{{Network: "Far", IPv4: address("10.3.0.10")}}},
			},
		},
		Jobs: []vcc.LabReplicationJob{{Name: "nightly", HardwarePlan: "Silver", VMs: []string{"both", "unaddressed"}}},
	}
	networks := []vcc.Network{{ID: "1", Name: "Silver network 1", HardwarePlanName: "Silver"}, {ID: "2", Name: "Silver network 2", HardwarePlanName: "Silver"}}
	// The gateway of Data is stored for network 1, to which App is mapped.
	gateways := map[string]vcc.GatewaySettings{"1": {IPv4: &vcc.IPv4Settings{Address: address("10.2.0.1"), PrefixLength: 16}}}
	want := []vcc.Replica{
		{Name: "both", NICs: []vcc.ReplicaNIC{
			{NetworkID: "1", IPv4: prefix("10.1.0.10/16"), IPv6: prefix("2001:db8:1::10/64")}, {NetworkID: "1", IPv4: prefix("10.2.0.10/16")},
		}},
		{Name: "unaddressed", NICs: []vcc.ReplicaNIC{{NetworkID: "2"}}},
	}
	if diff := cmp.Diff(want, tenant.Replicas(networks, gateways), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
}
