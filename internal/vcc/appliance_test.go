package vcc_test

import (
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestVNICsRule3(t *testing.T) {
	for networks, want := range map[int]int{0: 1, 1: 2, 5: 6, 4094: 4095} {
		a := vcc.NetworkExtensionAppliance{Networks: make([]vcc.Network, networks)}
		if got := a.VNICs(); got != want {
			t.Errorf("%d networks: got %d vNICs, want %d", networks, got, want)
		}
	}
}
