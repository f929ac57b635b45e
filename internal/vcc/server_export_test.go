package vcc_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Every name of a network is read back as what it was made of, and other names are none.
func TestParseNetworkName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := rapid.SampledFrom([]string{"Silver", "a network 1", "x (internet)", " network 3", "Größe"}).Draw(t, "plan")
		internet, n := rapid.Bool().Draw(t, "internet"), rapid.IntRange(1, 5000).Draw(t, "n")
		gotPlan, gotInternet, gotN, err := vcc.ParseNetworkName(vcc.NetworkName(plan, internet, n))
		if err != nil || gotPlan != plan || gotInternet != internet || gotN != n {
			t.Fatalf("got %q, %t, %d, %v of %q, %t, %d", gotPlan, gotInternet, gotN, err, plan, internet, n)
		}
	})
	for _, name := range []string{"", "Silver", "Silver network", "Silver network ", "Silver network 0", "Silver network -1", "Silver network 01", "Silver network 1 ", " network 1", "network 1", "Silver network 99999999999999999999", "Silver Network 1"} {
		if plan, _, n, err := vcc.ParseNetworkName(name); err == nil {
			t.Errorf("%q is network %d of %q", name, n, plan)
		}
	}
}

// What is said of a change that came from a backup server is true of each finding, whatever the export leaves out.
func TestProvenance(t *testing.T) {
	source := vcc.ExportSource{Server: "vbr01", ExportedAt: time.Date(2026, 11, 28, 5, 45, 9, 0, time.UTC)}
	for _, tc := range []struct {
		vcc.Provenance
		want string
	}{
		{vcc.Provenance{ExportSource: source, Finding: vcc.ExportChanged}, `changed on backup server "vbr01", seen in the export of 2026-11-28 05:45:09 UTC`},
		{vcc.Provenance{ExportSource: source, Finding: vcc.ExportFound}, `found on backup server "vbr01", in the export of 2026-11-28 05:45:09 UTC`},
		{vcc.Provenance{ExportSource: source, Finding: vcc.ExportUnchanged}, `unchanged on backup server "vbr01" (what was stored here has not reached it), seen in the export of 2026-11-28 05:45:09 UTC`},
		{vcc.Provenance{Finding: vcc.ExportChanged}, "changed on unnamed backup server, seen in the export of an unknown time"},
	} {
		if got := tc.String(); got != tc.want {
			t.Errorf("got %s\nwant %s", got, tc.want)
		}
	}
}

// What is pending is what differs, also of networks that the export did not have.
func TestPending(t *testing.T) {
	v4 := func(text string) *vcc.GatewaySettings {
		s, err := vcc.ParseIPv4WithLength(text)
		if err != nil {
			t.Fatal(err)
		}
		return &vcc.GatewaySettings{IPv4: &s}
	}
	a, b := v4("10.1.0.1/24"), v4("10.2.0.1/24")
	network := func(n int, gatewayID string, g *vcc.GatewaySettings) vcc.ImportedNetwork {
		return vcc.ImportedNetwork{ID: fmt.Sprint(n), ExportedNetwork: vcc.ExportedNetwork{Name: fmt.Sprintf("network %d", n), GatewayID: gatewayID, Gateway: g}}
	}
	stored := func(n int, g *vcc.GatewaySettings) vcc.DefaultGateway {
		return vcc.DefaultGateway{NetworkID: fmt.Sprint(n), NetworkName: fmt.Sprintf("network %d", n), GatewaySettings: *g}
	}
	last := vcc.LastExport{RoutingEnabled: true, Networks: []vcc.ImportedNetwork{
		network(1, "g-1", a), network(2, "g-2", a), network(3, "g-3", a), network(4, "g-4", nil), network(5, "", nil), network(6, "", nil),
	}}
	got := last.Pending([]vcc.DefaultGateway{stored(1, v4("10.1.0.1/24")), stored(2, b), stored(4, b), stored(5, b), stored(7, b)}, false)
	off := false
	want := []vcc.PendingChange{
		{Name: "network 2", Listed: true, Server: a, Stored: b},
		{Name: "network 3", Listed: true, Server: a},
		{Name: "network 4", Listed: true, Stored: b},
		{Name: "network 5", Stored: b},
		{Name: "network 7", Stored: b},
		{Listed: true, RoutingEnabled: &off},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *vcc.GatewaySettings) bool {
		return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
	})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := last.Pending([]vcc.DefaultGateway{stored(1, a), stored(2, a), stored(3, a)}, true); len(got) > 0 {
		t.Errorf("pending where nothing differs: %v", got)
	}
}
