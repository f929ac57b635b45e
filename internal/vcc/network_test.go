package vcc_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestAppliancesRule3(t *testing.T) {
	network := func(host, plan, name string) vcc.Network {
		return vcc.Network{Name: name, HardwarePlanID: plan, HostID: host}
	}
	silver1, silver2 := network("esx01", "silver", "Silver network 1"), network("esx01", "silver", "Silver network 2")
	bronze1, bronze2, bronze3 := network("esx01", "bronze", "Bronze network 1"), network("esx01", "bronze", "Bronze network 2"), network("esx01", "bronze", "Bronze network 3")
	gold := network("hyperv01", "gold", "Gold network 1")

	for _, tc := range []struct {
		name     string
		networks []vcc.Network
		want     []vcc.NetworkExtensionAppliance
		vnics    []int
	}{
		{"no networks, no appliance", nil, nil, nil},
		{
			"two plans with 2 and 3 networks on one host make 6 vNICs",
			[]vcc.Network{silver1, silver2, bronze1, bronze2, bronze3},
			[]vcc.NetworkExtensionAppliance{{HostID: "esx01", Networks: []vcc.Network{silver1, silver2, bronze1, bronze2, bronze3}}},
			[]int{6},
		},
		{
			"one appliance per host, in order of first appearance",
			[]vcc.Network{gold, silver1, silver2, bronze1},
			[]vcc.NetworkExtensionAppliance{
				{HostID: "hyperv01", Networks: []vcc.Network{gold}},
				{HostID: "esx01", Networks: []vcc.Network{silver1, silver2, bronze1}},
			},
			[]int{2, 4},
		},
		{
			"networks of one host need not stand together",
			[]vcc.Network{silver1, gold, bronze1},
			[]vcc.NetworkExtensionAppliance{
				{HostID: "esx01", Networks: []vcc.Network{silver1, bronze1}},
				{HostID: "hyperv01", Networks: []vcc.Network{gold}},
			},
			[]int{3, 2},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := vcc.Appliances(tc.networks)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("appliances (-want +got):\n%s", diff)
			}
			var vnics []int
			for _, a := range got {
				vnics = append(vnics, a.VNICs())
			}
			if diff := cmp.Diff(tc.vnics, vnics); diff != "" {
				t.Errorf("vNICs (-want +got):\n%s", diff)
			}
		})
	}
}
