package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// exportedAt is when the exports of these tests were made, at first.
var exportedAt = time.Date(2025, 11, 2, 22, 0, 0, 0, time.UTC)

// export is what a backup server has, with gateways for the first networks of ABC; nil is none.
func export(hours int, routing bool, gateways ...*vcc.GatewaySettings) vcc.ServerExport {
	e := vcc.ServerExport{
		ExportSource:   vcc.ExportSource{Server: "vbr01", Provider: "sp.example.net", ProviderID: "p-1", ExportedAt: exportedAt.Add(time.Duration(hours) * time.Hour)},
		RoutingEnabled: routing,
	}
	for i, g := range gateways {
		e.Networks = append(e.Networks, vcc.ExportedNetwork{
			Name:      []string{"Silver network 1 (internet)", "Silver network 2 (internet)", "Silver network 1", "Gold network 1 (internet)"}[i],
			NetworkID: fmt.Sprintf("n-%d", i+1), GatewayID: fmt.Sprintf("g-%d", i+1), Gateway: g,
		})
	}
	return e
}

func (f *fixture) imports(t *testing.T, e vcc.ServerExport) vcc.ImportOutcome {
	t.Helper()
	outcome, err := f.ImportServerExport(t.Context(), f.abc, e, false)
	ok(t, err)
	return outcome
}

// TestImport: what the server has is stored, with where it came from; what it had at the import before decides what is said of it.
func TestImport(t *testing.T) { onBoth(t, testImport) }

func testImport(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	_, err := f.LastExport(ctx, f.abc)
	wantError(t, err, &vcc.Error{Code: vcc.CodeNotFound, Message: "no export of a backup server was imported yet"})
	networks := f.networks(t, f.abc)
	g1, g2, g3 := ipv4("10.1.0.1/16"), ipv4("10.2.0.1/16"), both(ipv4("10.3.0.1/16"), ipv6("fe80::1", "2001:db8:3::/64"))
	f.put(t, f.abc, networks[1].ID, g1)
	f.put(t, f.abc, networks[3].ID, g2)

	// The first: who changed what is not known. The second network makes room for the first.
	first := export(0, true, &g1, nil, &g3)
	var preview vcc.ImportOutcome
	f.unchanged(t, func() {
		var err error
		preview, err = f.ImportServerExport(ctx, f.abc, first, true)
		ok(t, err)
	})
	outcome := f.imports(t, first)
	equal(t, "dry run", preview, outcome)
	on := true
	equal(t, "changes", outcome, vcc.ImportOutcome{
		Changes: []vcc.ImportChange{
			{RoutingEnabled: &on, Finding: vcc.ExportFound},
			{NetworkID: networks[0].ID, NetworkName: networks[0].Name, After: &g1, Finding: vcc.ExportFound},
			{NetworkID: networks[1].ID, NetworkName: networks[1].Name, Before: &g1, Finding: vcc.ExportFound},
			{NetworkID: networks[2].ID, NetworkName: networks[2].Name, After: &g3, Finding: vcc.ExportFound},
			{NetworkID: networks[3].ID, NetworkName: networks[3].Name, Before: &g2, Finding: vcc.ExportFound},
		},
		Absent: []string{"Gold network 1 (internet)", "Gold network 1"},
	}, sortedChanges)
	source := vcc.ExportSource{Server: "vbr01", Provider: "sp.example.net", ProviderID: "p-1", ExportedAt: exportedAt}
	newest := f.changes(t, f.abc, networks[0].ID)[0]
	equal(t, "actor", newest.Actor, `backup server "vbr01"`)
	equal(t, "provenance", newest.Provenance, &vcc.Provenance{ExportSource: source, Finding: vcc.ExportFound, NetworkID: "n-1", GatewayID: "g-1"})
	routing, err := f.NetworkRouting(ctx, f.abc)
	ok(t, err)
	equal(t, "provenance of the option", routing.Provenance, &vcc.Provenance{ExportSource: source, Finding: vcc.ExportFound})
	last, err := f.LastExport(ctx, f.abc)
	ok(t, err)
	equal(t, "last export", *last, vcc.LastExport{
		ExportSource: source, ImportedAt: f.at, ImportedBy: f.abc.Name, RoutingEnabled: true,
		Networks: []vcc.ImportedNetwork{
			{ID: networks[0].ID, Name: networks[0].Name, ExportedNetwork: first.Networks[0]},
			{ID: networks[1].ID, Name: networks[1].Name, ExportedNetwork: first.Networks[1]},
			{ID: networks[2].ID, Name: networks[2].Name, ExportedNetwork: first.Networks[2]},
		},
	})

	// The same again changes nothing, but when it was imported.
	f.at = f.at.Add(time.Hour)
	equal(t, "changes", f.imports(t, first).Changes, []vcc.ImportChange(nil))

	// Code sets what has not reached the server, and somebody changes the rest there.
	f.put(t, f.abc, networks[0].ID, g2)
	_, err = f.PutNetworkRouting(ctx, f.abc, false, vcc.Precondition{})
	ok(t, err)
	routing, err = f.NetworkRouting(ctx, f.abc)
	ok(t, err)
	equal(t, "provenance of what code set", routing.Provenance, (*vcc.Provenance)(nil))
	outcome = f.imports(t, export(1, true, &g1, &g2, nil))
	findings := map[string]vcc.ExportFinding{}
	for _, c := range outcome.Changes {
		findings[c.NetworkName] = c.Finding
	}
	equal(t, "findings", findings, map[string]vcc.ExportFinding{
		"": vcc.ExportUnchanged, networks[0].Name: vcc.ExportUnchanged, networks[1].Name: vcc.ExportChanged, networks[2].Name: vcc.ExportChanged,
	})
	checkNoGap(t, f, f.abc.TenantID)

	// Another tenant has nothing of it.
	_, err = f.LastExport(ctx, f.xyz)
	wantCode(t, "the last export of another tenant", err, vcc.CodeNotFound)

	// A network that goes takes its part with it.
	lab := testLab()
	lab.HardwarePlans[0].Networks.WithoutInternet = 0
	ok(t, f.ApplyLab(ctx, lab, []string{"network:ABC/Silver network 1"}))
	last, err = f.LastExport(ctx, f.abc)
	ok(t, err)
	equal(t, "networks", len(last.Networks), 2)
	lab.Tenants = lab.Tenants[1:]
	ok(t, f.ApplyLab(ctx, lab, []string{"tenant:ABC"}))
	equal(t, "rows", query(t, f.path, "SELECT count(*) FROM server_exports"), []string{"0"})
}

// sortedChanges has the order of an outcome not count.
var sortedChanges = cmpopts.SortSlices(func(a, b vcc.ImportChange) bool { return a.NetworkName < b.NetworkName })

// TestImport_detected: a gateway that was detected as the server has it stays detected.
func TestImport_detected(t *testing.T) {
	f := newFixture(t)
	_, err := f.RunReplicationJob(t.Context(), f.abc, f.job(t, f.abc, "Nightly").ID)
	ok(t, err)
	detected := f.gateways(t, f.abc)
	var all []*vcc.GatewaySettings
	for _, n := range f.networks(t, f.abc)[:3] {
		i := slices.IndexFunc(detected, func(g vcc.DefaultGateway) bool { return g.NetworkID == n.ID })
		if i < 0 {
			all = append(all, nil)
			continue
		}
		all = append(all, &detected[i].GatewaySettings)
	}
	equal(t, "changes", f.imports(t, export(0, false, all...)).Changes, []vcc.ImportChange(nil))
	equal(t, "gateways", f.gateways(t, f.abc), detected)
}

// TestImport_swap: two networks that changed places on the server do so here, though each is in the way of the other.
func TestImport_swap(t *testing.T) {
	f := newFixture(t)
	a, b := ipv4("10.1.0.1/16"), ipv4("10.2.0.1/16")
	f.imports(t, export(0, false, &a, &b))
	f.imports(t, export(1, false, &b, &a))
	got := f.gateways(t, f.abc)
	equal(t, "gateways", []vcc.GatewaySettings{got[0].GatewaySettings, got[1].GatewaySettings}, []vcc.GatewaySettings{b, a})
	// What is stored is still in the way of others.
	_, _, err := f.PutDefaultGateway(t.Context(), f.abc, f.networks(t, f.abc)[2].ID, a, vcc.Precondition{})
	wantCode(t, "an overlap", err, vcc.CodeConflict)
	// Another address in the same IP network, too.
	a = ipv4("10.1.0.2/16")
	f.imports(t, export(2, false, &b, &a))
	_, _, err = f.PutDefaultGateway(t.Context(), f.abc, f.networks(t, f.abc)[2].ID, a, vcc.Precondition{})
	wantCode(t, "an overlap", err, vcc.CodeConflict)
}

// TestImport_refused: what cannot be imported changes nothing.
func TestImport_refused(t *testing.T) {
	f := newFixture(t)
	a, b := ipv4("10.1.0.1/16"), ipv4("10.1.0.2/24")
	f.imports(t, export(2, false, &a))
	with := func(change func(*vcc.ServerExport)) vcc.ServerExport {
		e := export(3, true, nil)
		change(&e)
		return e
	}
	for name, tc := range map[string]struct {
		export  vcc.ServerExport
		code    vcc.ErrorCode
		message string
	}{
		"older": {export(1, true, nil), vcc.CodeConflict, "the export is of 2025-11-02 23:00:00 UTC, and a newer one, of 2025-11-03 00:00:00 UTC, was imported already; nothing was changed"},
		"another provider than the lab's": {
			with(func(e *vcc.ServerExport) { e.Provider = "other.example.net" }), vcc.CodeConflict,
			`the export is of service provider "other.example.net", and the lab of this backend is of "sp.example.net"; nothing was changed. If they are the same, give the lab the name that the backup server has for it`,
		},
		"a network that is not there": {
			with(func(e *vcc.ServerExport) {
				e.Networks[0].Name, e.Networks[0].Gateway = "Silver network 3 (internet)", &a
			}), vcc.CodeInvalidValue,
			`there is no cloud network "Silver network 3 (internet)"; did you mean "Silver network 1 (internet)", "Silver network 2 (internet)", "Gold network 1 (internet)", "Silver network 1", "Gold network 1"?`,
		},
		"an overlap": {
			export(3, true, nil, &a, &b), vcc.CodeConflict,
			`the backup server's gateway of "Silver network 1" cannot be stored: 10.1.0.0/24 overlaps 10.1.0.0/16 of "Silver network 2 (internet)" on the same network extension appliance; ` +
				`no router can serve both. Use another network here, or change that gateway first. Nothing was changed. If the two networks are on different hosts, declare them so in the lab`,
		},
		"yet to come": {
			with(func(e *vcc.ServerExport) { e.ExportedAt = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }), vcc.CodeInvalidValue,
			"the export is of 9999-01-01 00:00:00 UTC, which is yet to come; set the clock of the backup server, and export again. Nothing was changed",
		},
		"a name twice":    {with(func(e *vcc.ServerExport) { e.Networks = append(e.Networks, e.Networks[0]) }), vcc.CodeInvalidValue, `"Silver network 1 (internet)" is at networks[0].name already; networks are matched by their names, so a name can be there once`},
		"a control name":  {with(func(e *vcc.ServerExport) { e.Server = "vbr\x1b01" }), vcc.CodeInvalidValue, `"vbr\x1b01" has the control character U+001B, which no name can have; remove it`},
		"a wrong gateway": {with(func(e *vcc.ServerExport) { e.Networks[0].Gateway = new(ipv4("10.1.0.0/16")) }), vcc.CodeInvalidValue, "10.1.0.0 is the network address of 10.1.0.0/16; a gateway needs a host address, 10.1.0.1 to 10.1.255.254"},
		"no provider ID":  {with(func(e *vcc.ServerExport) { e.ProviderID = "" }), vcc.CodeInvalidValue, "the ID of the service provider is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			f.unchanged(t, func() {
				_, err := f.ImportServerExport(t.Context(), f.abc, tc.export, false)
				all := vcc.Errors(err)
				if len(all) != 1 || all[0].Code != tc.code || all[0].Message != tc.message {
					t.Errorf("got %v\nwant %s: %s", err, tc.code, tc.message)
				}
			})
		})
	}
	// The provider was connected anew, and has another ID; networks of the lab need not be there; neither need networks without a gateway.
	e := with(func(e *vcc.ServerExport) {
		e.ProviderID = "p-2"
		e.Networks = append(e.Networks, vcc.ExportedNetwork{Name: "Tin network 1"})
	})
	outcome := f.imports(t, e)
	equal(t, "unknown", outcome.Unknown, []string{"Tin network 1"})
	if !strings.Contains(strings.Join(outcome.Absent, ", "), "Gold network 1") {
		t.Errorf("absent: %v", outcome.Absent)
	}
}
