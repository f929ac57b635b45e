package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// sessions lists a tenant's sessions that a filter selects, each as "PLAN OR VM, MINUTE".
func (f *fixture) sessions(t *testing.T, as vcc.Actor, filter vcc.FailoverSessionFilter) []string {
	t.Helper()
	list, total, err := f.FailoverSessions(t.Context(), as, filter, everything)
	ok(t, err)
	equal(t, "total of the sessions", total, len(list))
	return each(list, func(s vcc.FailoverSession) string {
		return fmt.Sprintf("%s %s %s", s.Operation(), s.Subject(), s.StartedAt.Format("15:04"))
	})
}

// listed is a session without what lists leave out.
func listed(s *vcc.FailoverSession) *vcc.FailoverSession {
	l := *s
	l.Networks, l.Machines, l.PublicAddresses = nil, nil, nil
	return &l
}

// A test leaves a report, which is never under way; tests and failovers are listed together, newest first.
func TestFailoverSessions(t *testing.T) { onBoth(t, testFailoverSessions) }

func testFailoverSessions(t *testing.T) {
	f, esx, hyperV := twoPlans(t)
	ctx := t.Context()
	lab := must(f.Lab(ctx))
	lab.Tenants[0].VMs[0].NICs[0].IPv4 = addr("172.17.52.10")
	ok(t, f.ApplyLab(ctx, lab, nil))
	f.put(t, f.abc, f.network(t, f.abc, "Silver network 1 (internet)").ID, app)
	tested, err := f.TestFailover(ctx, f.abc, esx.ID, withProblem)
	ok(t, err)
	if !tested.IsKept() || !tested.Test || !tested.EndedAt.IsZero() {
		t.Errorf("the test says %+v", tested)
	}
	same := func(what string, want vcc.FailoverSession) {
		t.Helper()
		stored, err := f.FailoverSession(ctx, f.abc, want.ID)
		ok(t, err)
		equal(t, what, *stored, want)
	}
	same("the report", *tested)
	equal(t, "machines of the report", each(tested.Machines, func(m vcc.SessionMachine) string {
		return fmt.Sprint(m.VM, " ", m.HostName, " ", m.NICs[0].NetworkName, " ", m.NICs[0].Addresses)
	}),
		[]string{"web01 esx01 Silver network 1 (internet) [172.17.52.10/23]"})
	equal(t, "plan after a test", f.failoverPlans(t, f.abc)[0].Session, (*vcc.FailoverSession)(nil))

	f.at = f.at.Add(time.Minute)
	started, err := f.StartFailover(ctx, f.abc, esx.ID, false, withProblem) // which a test does not keep from it
	ok(t, err)
	same("a failover under way", *started)
	equal(t, "session of the plan", f.failoverPlans(t, f.abc)[0].Session, listed(started))
	f.at = f.at.Add(time.Minute)
	_, err = f.TestFailover(ctx, f.abc, esx.ID, quietly) // also during a failover
	ok(t, err)
	_, err = f.StartPartialFailover(ctx, f.abc, "file01")
	ok(t, err)
	f.at = f.at.Add(time.Minute)
	undone, err := f.UndoFailover(ctx, f.abc, esx.ID)
	ok(t, err)
	same("a failover that ended", *undone)
	_, err = f.StopPartialFailover(ctx, f.abc, "file01")
	ok(t, err)
	_, err = f.TestFailover(ctx, f.abc, hyperV.ID, quietly)
	ok(t, err)

	for _, tc := range []struct {
		filter vcc.FailoverSessionFilter
		want   []string
	}{
		{vcc.FailoverSessionFilter{}, []string{"test Files 10:03", "start file01 10:02", "test Web 10:02", "start Web 10:01", "test Web 10:00"}},
		{vcc.FailoverSessionFilter{PlanID: esx.ID}, []string{"test Web 10:02", "start Web 10:01", "test Web 10:00"}},
		{vcc.FailoverSessionFilter{Operation: vcc.FailoverTest}, []string{"test Files 10:03", "test Web 10:02", "test Web 10:00"}},
		{vcc.FailoverSessionFilter{Operation: vcc.FailoverStart}, []string{"start file01 10:02", "start Web 10:01"}},
		{vcc.FailoverSessionFilter{Kind: vcc.FailoverPartialSite}, []string{"start file01 10:02"}},
		{vcc.FailoverSessionFilter{Kind: vcc.FailoverFullSite, Operation: vcc.FailoverStart, PlanID: esx.ID}, []string{"start Web 10:01"}},
		{vcc.FailoverSessionFilter{PlanID: unknownID}, nil},
		{vcc.FailoverSessionFilter{PlanID: "\x00"}, nil},
	} {
		got, want := f.sessions(t, f.abc, tc.filter), slices.Clone(tc.want)
		slices.Sort(got) // two are of one moment
		slices.Sort(want)
		equal(t, fmt.Sprintf("sessions of %+v", tc.filter), strings.Join(got, ", "), strings.Join(want, ", "))
	}
	for skip := range 6 {
		list, total, err := f.FailoverSessions(ctx, f.abc, vcc.FailoverSessionFilter{}, vcc.Page{Skip: skip, Limit: 2})
		ok(t, err)
		all, _, err := f.FailoverSessions(ctx, f.abc, vcc.FailoverSessionFilter{}, everything)
		ok(t, err)
		equal(t, fmt.Sprintf("page after %d", skip), list, append([]vcc.FailoverSession{}, all[skip:min(skip+2, len(all))]...))
		equal(t, "total", total, 5)
		if !slices.IsSortedFunc(all, func(a, b vcc.FailoverSession) int { return b.StartedAt.Compare(a.StartedAt) }) {
			t.Error("the sessions are not in order")
		}
	}

	// D20: another tenant's session is like one that nobody has.
	equal(t, "sessions of the other tenant", len(f.sessions(t, f.xyz, vcc.FailoverSessionFilter{PlanID: esx.ID})), 0)
	for _, id := range []string{tested.ID, unknownID} {
		_, err := f.FailoverSession(ctx, f.xyz, id)
		wantError(t, err, &vcc.Error{Code: vcc.CodeNotFound, ResourceID: id, Message: "there is no failover session with ID " + id})
	}
	// The history goes with its tenant.
	lab.Tenants = lab.Tenants[1:]
	ok(t, f.ApplyLab(ctx, lab, []string{"tenant:ABC"}))
	equal(t, "sessions of a tenant that is gone", query(t, f.path, "SELECT count(*) FROM failover_sessions"), []string{"0"})
}

// A test that is cancelled while it reads leaves nothing.
func TestFailoverTest_cancelled(t *testing.T) { onBoth(t, testFailoverTestCancelled) }

func testFailoverTestCancelled(t *testing.T) {
	f, esx, _ := twoPlans(t)
	f.unchanged(t, func() {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := f.TestFailover(ctx, f.abc, esx.ID, func(test bool, at time.Time, inputs []vcc.ApplianceInputs) store.Prepared {
			cancel()
			return withProblem(test, at, inputs)
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// TestMaxFailoverTests: of each plan the newest reports stay, whatever is tested beside it; failovers stay, too,
// and so does the report of a test at a time that the clock went back to.
func TestMaxFailoverTests(t *testing.T) { onBoth(t, testMaxFailoverTests) }

func testMaxFailoverTests(t *testing.T) {
	f, esx, hyperV := twoPlans(t)
	ctx := t.Context()
	test := func(plan vcc.FailoverPlan) *vcc.FailoverSession {
		t.Helper()
		f.at = f.at.Add(time.Minute)
		session, err := f.TestFailover(ctx, f.abc, plan.ID, quietly)
		ok(t, err)
		return session
	}
	count := func(what string, filter vcc.FailoverSessionFilter, want int) (ids []string) {
		t.Helper()
		list, _, err := f.FailoverSessions(ctx, f.abc, filter, everything)
		ok(t, err)
		equal(t, what, len(list), want)
		return each(list, func(s vcc.FailoverSession) string { return s.ID })
	}
	other := test(hyperV)
	_, err := f.StartFailover(ctx, f.abc, hyperV.ID, false, quietly)
	ok(t, err)
	_, err = f.UndoFailover(ctx, f.abc, hyperV.ID)
	ok(t, err)
	first := test(esx)
	for range vcc.MaxFailoverTests - 1 {
		test(esx)
	}
	ofESX := vcc.FailoverSessionFilter{PlanID: esx.ID}
	if ids := count("reports at the bound", ofESX, vcc.MaxFailoverTests); !slices.Contains(ids, first.ID) {
		t.Error("the first report went before its time")
	}
	test(esx)
	if ids := count("reports beyond the bound", ofESX, vcc.MaxFailoverTests); slices.Contains(ids, first.ID) {
		t.Error("the oldest report is not the one that went")
	}
	if ids := count("sessions of the other plan", vcc.FailoverSessionFilter{PlanID: hyperV.ID}, 2); !slices.Contains(ids, other.ID) {
		t.Error("the tests of one plan pushed out the report of another")
	}

	f.at = f.at.Add(-24 * time.Hour)
	late, err := f.TestFailover(ctx, f.abc, esx.ID, quietly)
	ok(t, err)
	if ids := count("reports with one of yesterday", ofESX, vcc.MaxFailoverTests); !slices.Contains(ids, late.ID) {
		t.Error("the report of the test just now is gone")
	}
	f.at = f.at.Add(24 * time.Hour)

	// Of plans that are gone as many stay as of one that is there.
	lab := must(f.Lab(ctx))
	plans := lab.Tenants[0].FailoverPlans
	lab.Tenants[0].FailoverPlans = plans[1:]
	ok(t, f.ApplyLab(ctx, lab, nil))
	count("reports of a plan that is gone", ofESX, vcc.MaxFailoverTests)
	lab.Tenants[0].FailoverPlans = plans // another plan of that name
	ok(t, f.ApplyLab(ctx, lab, nil))
	again := f.failoverPlans(t, f.abc)[0]
	if again.ID == esx.ID {
		t.Fatal("a plan that was removed and declared again is the same")
	}
	test(again)
	lab.Tenants[0].FailoverPlans = plans[1:]
	ok(t, f.ApplyLab(ctx, lab, nil))
	test(hyperV)
	count("reports of the first plan that is gone", ofESX, vcc.MaxFailoverTests-1)
	count("reports of the second plan that is gone", vcc.FailoverSessionFilter{PlanID: again.ID}, 1)
	count("failovers", vcc.FailoverSessionFilter{Operation: vcc.FailoverStart}, 1)
}
