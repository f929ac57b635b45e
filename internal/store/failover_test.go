package store_test

import (
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// A full failover that is forced ends the partial ones on its appliances in the same
// transaction: all of it happens, or nothing.
func TestForcedFailoverRule14(t *testing.T) { onBoth(t, testForcedFailoverRule14) }

func testForcedFailoverRule14(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	lab := testLab()
	// The plan is on the first host, file01 on the second alone.
	lab.Tenants[0].Jobs[0].VMs, lab.Tenants[0].Jobs[1].VMs = []string{"web01", "db01"}, []string{"file01"}
	lab.Tenants[0].FailoverPlans = []vcc.LabFailoverPlan{{Name: "Whole site", VMs: []string{"web01"}}}
	ok(t, f.ApplyLab(ctx, lab, nil))
	for _, j := range []string{"Nightly", "Weekly"} {
		_, err := f.RunReplicationJob(ctx, f.abc, f.job(t, f.abc, j).ID)
		ok(t, err)
	}
	for _, vm := range []string{"web01", "db01", "file01"} {
		f.at = f.at.Add(time.Minute)
		_, err := f.StartPartialFailover(ctx, f.abc, vm)
		ok(t, err)
	}
	plans, _, err := f.FailoverPlans(ctx, f.abc, everything)
	ok(t, err)
	prepare := func(*vcc.FailoverSession, []vcc.ApplianceInputs) {}
	f.unchanged(t, func() {
		_, err := f.StartFailover(ctx, f.abc, plans[0].ID, false, prepare)
		wantCode(t, "without force", err, vcc.CodeConflict)
	})
	f.at = f.at.Add(time.Minute)
	session, err := f.StartFailover(ctx, f.abc, plans[0].ID, true, prepare)
	ok(t, err)
	equal(t, "log", each(session.Log, func(e vcc.FailoverLogEntry) string { return e.Message }), []string{
		`the partial site failover of VM "web01" ended`, `the partial site failover of VM "db01" ended`, `esx01: replica of VM "web01" started`,
	})
	const sessions = "SELECT kind, vm, ended_by, CASE WHEN ended_at IS NULL THEN 'under way' ELSE 'ended' END FROM failover_sessions ORDER BY started_at"
	want := []string{
		"partialSite | web01 | " + f.abc.Name + " | ended", "partialSite | db01 | " + f.abc.Name + " | ended",
		"partialSite | file01 |  | under way", "fullSite |  |  | under way",
	}
	equal(t, "sessions", query(t, f.path, sessions), want)
	f.unchanged(t, func() {
		_, err := f.StartFailover(ctx, f.abc, plans[0].ID, true, prepare)
		wantCode(t, "with force during a full one", err, vcc.CodeConflict)
	})
}
