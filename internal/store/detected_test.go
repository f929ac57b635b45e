package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// detect runs the first job of ABC, and returns what it detected.
func (f *fixture) detect(t *testing.T) []vcc.DefaultGateway {
	t.Helper()
	run, err := f.RunReplicationJob(t.Context(), f.abc, f.firstJob(t, f.abc))
	ok(t, err)
	equal(t, "number of detected gateways", len(run.Detected), 2)
	return run.Detected
}

// What was detected is kept beside whatever is specified in its place, and comes back
// when that goes.
func TestDetectedComesBack(t *testing.T) { onBoth(t, testDetectedComesBack) }

func testDetectedComesBack(t *testing.T) {
	f := newFixture(t)
	for _, specified := range [][]vcc.GatewaySettings{
		{ipv4("10.0.0.1/24")},
		{app, ipv4("172.17.52.2/24"), ipv6("fe80::2", "2001:db8::/48")},
		{appBoth}, // the same settings, specified
	} {
		f.at = f.at.Add(time.Hour)
		query(t, f.path, "DELETE FROM connected_networks; DELETE FROM default_gateways; UPDATE tenants SET gateways = 0; UPDATE replication_jobs SET runs = 0")
		detected := f.detect(t)[0]
		equal(t, "what a detected gateway overwrote", detected.Detected, (*vcc.GatewaySettings)(nil))
		var last *vcc.DefaultGateway
		for _, s := range specified {
			last = f.put(t, f.abc, detected.NetworkID, s)
			equal(t, "detected before", last.Detected, &detected.GatewaySettings)
			equal(t, "stored", must(f.DefaultGateway(t.Context(), f.abc, detected.NetworkID)), last)
		}
		f.unchanged(t, func() {
			_, err := f.RestoreDetectedGateway(t.Context(), f.abc, detected.NetworkID, vcc.Precondition{Revision: &detected.Revision})
			wantCode(t, "a restore of what changed", err, vcc.CodePreconditionFailed)
			_, err = f.RestoreDetectedGateway(t.Context(), f.xyz, detected.NetworkID, vcc.Precondition{})
			wantCode(t, "a restore by another tenant", err, vcc.CodeNotFound)
		})
		f.at = f.at.Add(time.Hour)
		g, err := f.RestoreDetectedGateway(t.Context(), f.abc, detected.NetworkID, vcc.Precondition{Revision: &last.Revision})
		ok(t, err)
		want := detected
		want.Revision, want.UpdatedAt, want.UpdatedBy = last.Revision+1, f.at, f.abc.Name
		equal(t, "what came back", *g, want)
		equal(t, "stored", must(f.DefaultGateway(t.Context(), f.abc, detected.NetworkID)), g)
		equal(t, "newest change", f.changes(t, f.abc, detected.NetworkID)[0], vcc.Change{
			Revision: want.Revision, Time: f.at, Actor: f.abc.Name,
			Before: &vcc.GatewayState{Origin: vcc.OriginSpecified, GatewaySettings: last.GatewaySettings},
			After:  &vcc.GatewayState{Origin: vcc.OriginDetected, GatewaySettings: detected.GatewaySettings},
		})
	}
}

// Where nothing was detected, or it was removed since, there is nothing to come back.
func TestRestoreRemovesWhatWasOnlySpecified(t *testing.T) {
	onBoth(t, testRestoreRemovesWhatWasOnlySpecified)
}

func testRestoreRemovesWhatWasOnlySpecified(t *testing.T) {
	f := newFixture(t)
	restored := f.detect(t)
	first, second := restored[0].NetworkID, restored[1].NetworkID
	f.put(t, f.abc, first, ipv4("10.0.0.1/24"))
	ok(t, f.RemoveDefaultGateway(t.Context(), f.abc, first, vcc.Precondition{}))
	for i, n := range []string{
		f.put(t, f.abc, first, ipv4("10.0.0.1/24")).NetworkID,
		f.networks(t, f.abc)[3].ID,
		second, // is as it was detected
	} {
		if n != second {
			equal(t, "detected before", f.put(t, f.abc, n, ipv4("10.0.0.1/24")).Detected, (*vcc.GatewaySettings)(nil))
		}
		g, err := f.RestoreDetectedGateway(t.Context(), f.abc, n, vcc.Precondition{})
		ok(t, err)
		if g != nil {
			t.Errorf("network %d got %+v", i, g)
		}
		_, err = f.RestoreDetectedGateway(t.Context(), f.abc, n, vcc.Precondition{})
		wantCode(t, "a restore of nothing", err, vcc.CodeNotFound)
	}
	equal(t, "gateways", f.gateways(t, f.abc), []vcc.DefaultGateway{})
}

// What would break D12 by now does not come back, and nothing else goes.
func TestRestoreThatOverlapsD12(t *testing.T) { onBoth(t, testRestoreThatOverlapsD12) }

func testRestoreThatOverlapsD12(t *testing.T) {
	f := newFixture(t)
	detected, other := f.detect(t)[0], f.networks(t, f.abc)[1]
	f.put(t, f.abc, detected.NetworkID, ipv4("10.0.0.1/24"))
	f.put(t, f.abc, other.ID, ipv4("172.17.53.1/24"))
	f.unchanged(t, func() {
		_, err := f.RestoreDetectedGateway(t.Context(), f.abc, detected.NetworkID, vcc.Precondition{})
		wantError(t, err, &vcc.Error{Code: vcc.CodeConflict, ResourceID: other.ID, Message: `what was detected cannot come back: 172.17.52.0/23 overlaps 172.17.53.0/24 of "` + other.Name + `" on the same network extension appliance; ` +
			"no router can serve both. Nothing was changed: change that gateway first, or remove this one without bringing back what was detected"})
	})
	ok(t, f.RemoveDefaultGateway(t.Context(), f.abc, other.ID, vcc.Precondition{}))
	g, err := f.RestoreDetectedGateway(t.Context(), f.abc, detected.NetworkID, vcc.Precondition{})
	ok(t, err)
	equal(t, "what came back", g.GatewaySettings, detected.GatewaySettings)
	_, _, err = f.PutDefaultGateway(t.Context(), f.abc, other.ID, ipv4("172.17.53.1/24"), vcc.Precondition{})
	wantCode(t, "an overlap with what came back", err, vcc.CodeConflict)
}

// A database from before the column gets it, filled from the history.
func TestOpenFillsDetected(t *testing.T) { onBoth(t, testOpenFillsDetected) }

func testOpenFillsDetected(t *testing.T) {
	f := newFixture(t)
	jobs, _, err := f.ReplicationJobs(t.Context(), f.abc, everything)
	ok(t, err)
	for _, j := range jobs {
		_, err := f.RunReplicationJob(t.Context(), f.abc, j.ID)
		ok(t, err)
	}
	n := each(f.gateways(t, f.abc), func(g vcc.DefaultGateway) string { return g.NetworkID })
	equal(t, "number of detected gateways", len(n), 4)
	n = append(n, f.networks(t, f.abc)[1].ID)
	// The first is changed twice, the second changed, brought back and changed again, the
	// third removed and then specified, the fourth stays, the fifth was never detected.
	f.put(t, f.abc, n[0], ipv4("10.0.0.1/24"))
	f.put(t, f.abc, n[0], ipv4("10.0.0.2/24"))
	f.put(t, f.abc, n[1], ipv4("10.0.1.1/24"))
	_, err = f.RestoreDetectedGateway(t.Context(), f.abc, n[1], vcc.Precondition{})
	ok(t, err)
	f.put(t, f.abc, n[1], ipv4("10.0.1.1/24"))
	ok(t, f.RemoveDefaultGateway(t.Context(), f.abc, n[2], vcc.Precondition{}))
	f.put(t, f.abc, n[2], ipv4("10.0.2.1/24"))
	f.put(t, f.abc, n[4], ipv4("10.0.4.1/24"))

	const kept = "SELECT network_id, COALESCE(detected, '') FROM default_gateways ORDER BY 1"
	want := query(t, f.path, kept)
	equal(t, "gateways with something detected before", len(slices.DeleteFunc(slices.Clone(want), func(row string) bool { return strings.HasSuffix(row, "| ") })), 2)
	before := f.gateways(t, f.abc)
	ok(t, f.Close())
	query(t, f.path, toVersion5)
	f.open(t)
	equal(t, "detected", query(t, f.path, kept), want)
	equal(t, "gateways", f.gateways(t, f.abc), before)
}
