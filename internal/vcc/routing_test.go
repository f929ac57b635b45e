package vcc_test

import (
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestRoutesRule13(t *testing.T) {
	silver1 := vcc.Network{ID: "s1", HardwarePlanID: "silver", HostID: "esx01"}
	silver2 := vcc.Network{ID: "s2", HardwarePlanID: "silver", HostID: "esx01"}
	bronze := vcc.Network{ID: "b1", HardwarePlanID: "bronze", HostID: "esx01"}
	for _, tc := range []struct {
		name     string
		enabled  bool
		from, to vcc.Network
		want     bool
	}{
		{"same plan, on", true, silver1, silver2, true},
		{"same plan, off", false, silver1, silver2, false},
		{"across plans of one host, on", true, silver1, bronze, false},
		{"across plans of one host, off", false, silver1, bronze, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			option := vcc.NetworkRouting{Enabled: tc.enabled}
			there, back := option.Routes(tc.from, tc.to), option.Routes(tc.to, tc.from)
			if there != tc.want || back != tc.want {
				t.Errorf("got %t there and %t back, want %t", there, back, tc.want)
			}
		})
	}
}
