package store_test

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// quietly prepares a failover without a word.
func quietly(bool, time.Time, []vcc.ApplianceInputs) store.Prepared { return store.Prepared{} }

// withProblem prepares a failover with a problem, and with something in every list of a session.
func withProblem(_ bool, at time.Time, _ []vcc.ApplianceInputs) store.Prepared {
	return store.Prepared{
		Log:      []vcc.FailoverLogEntry{{Time: at, Message: "an entry"}},
		Problems: []vcc.ApplianceProblem{{Code: vcc.ProblemNoDefaultGateway, NetworkID: "1", NetworkName: "Silver network 1", Message: "no gateway"}},
		Networks: []vcc.SessionNetwork{
			{HostName: "esx01", Interface: "ext0", Addresses: []netip.Prefix{prefix("198.51.100.5/24"), prefix("2001:db8:ffff::5/64")}},
			{HostName: "esx01", Interface: "net1", NetworkID: "1", NetworkName: "Silver network 1"},
		},
		PublicAddresses: []vcc.SessionPublicAddress{
			{Public: addrPort("203.0.113.10:443"), Internal: addrPort("172.17.52.10:8443"), HostName: "esx01", NetworkName: "Silver network 1"},
		},
	}
}

// A full failover that is forced ends the partial ones on its appliances in the same
// transaction: all of it happens, or nothing.
func TestForcedFailoverD14(t *testing.T) { onBoth(t, testForcedFailoverD14) }

func testForcedFailoverD14(t *testing.T) {
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
	// What refuses a start is a problem of a test of it.
	busy := func(what, id string) string {
		return "appliance_busy: the network extension appliance is busy with " + what + "; an appliance does one kind of failover at a time. End that one first" + id
	}
	problems := func(want ...string) {
		t.Helper()
		f.unchanged(t, func() {
			preview, err := f.PreviewFailover(ctx, f.abc, plans[0].ID, quietly)
			ok(t, err)
			equal(t, "problems", each(preview.Problems, func(p vcc.ApplianceProblem) string { return string(p.Code) + ": " + p.Message }), want)
		})
	}
	problems(busy(`the partial site failover of VM "web01" since 2025-11-03 10:01:00 UTC`, ", or start with force, which ends partial failovers"),
		busy(`the partial site failover of VM "db01" since 2025-11-03 10:02:00 UTC`, ", or start with force, which ends partial failovers"))
	f.unchanged(t, func() {
		_, err := f.StartFailover(ctx, f.abc, plans[0].ID, false, quietly)
		wantCode(t, "without force", err, vcc.CodeConflict)
	})
	f.at = f.at.Add(time.Minute)
	session, err := f.StartFailover(ctx, f.abc, plans[0].ID, true, quietly)
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
		_, err := f.StartFailover(ctx, f.abc, plans[0].ID, true, quietly)
		wantCode(t, "with force during a full one", err, vcc.CodeConflict)
	})
	problems() // of its own failover it is no news
	f.putPlan(t, f.abc, planID, "Half site", planSettings("db01"), vcc.Precondition{})
	tested, err := f.TestFailover(ctx, f.abc, planID, quietly)
	ok(t, err)
	stored, err := f.FailoverSession(ctx, f.abc, tested.ID)
	ok(t, err)
	equal(t, "problems of the report", each(stored.Problems, func(p vcc.ApplianceProblem) string { return string(p.Code) + ": " + p.Message }),
		[]string{busy(`the full site failover of plan "Whole site" since 2025-11-03 10:04:00 UTC`, "")})
}

// twoPlans is a fixture whose first tenant has a failover plan on each of its hosts, with a
// public IP rule each, and replicas of their VMs.
func twoPlans(t *testing.T) (f *fixture, esx, hyperV vcc.FailoverPlan) {
	t.Helper()
	f = newFixture(t)
	lab := testLab()
	abc, xyz := &lab.Tenants[0], &lab.Tenants[1]
	abc.PublicIPs = []netip.Addr{netip.MustParseAddr("203.0.113.10"), netip.MustParseAddr("203.0.113.11")}
	xyz.PublicIPs = []netip.Addr{netip.MustParseAddr("203.0.113.20")}
	abc.Jobs[0].VMs, abc.Jobs[1].VMs = []string{"web01", "db01"}, []string{"file01"}
	abc.FailoverPlans = []vcc.LabFailoverPlan{
		{Name: "Web", VMs: []string{"web01"}, PublicIPRules: []vcc.PublicIPRule{rule("203.0.113.10:443", "172.17.52.10:8443")}},
		{Name: "Files", VMs: []string{"file01"}, PublicIPRules: []vcc.PublicIPRule{rule("203.0.113.11:80", "172.17.56.10:8080")}},
	}
	xyz.FailoverPlans = []vcc.LabFailoverPlan{
		{Name: "Web", VMs: []string{"erp01"}, PublicIPRules: []vcc.PublicIPRule{rule("203.0.113.20:443", "10.20.0.10:443")}},
	}
	ok(t, f.ApplyLab(t.Context(), lab, nil))
	for as, jobs := range map[vcc.Actor][]string{f.abc: {"Nightly", "Weekly"}, f.xyz: {"Hourly"}} {
		for _, name := range jobs {
			_, err := f.RunReplicationJob(t.Context(), as, f.job(t, as, name).ID)
			ok(t, err)
		}
	}
	plans := f.failoverPlans(t, f.abc)
	return f, plans[0], plans[1]
}

func rule(public, internal string) vcc.PublicIPRule {
	return vcc.PublicIPRule{Public: netip.MustParseAddrPort(public), Internal: netip.MustParseAddrPort(internal)}
}

func (f *fixture) failoverPlans(t *testing.T, as vcc.Actor) []vcc.FailoverPlan {
	t.Helper()
	plans, _, err := f.FailoverPlans(t.Context(), as, everything)
	ok(t, err)
	return plans
}

// TestPublicIPRulesOfAnAppliance: the rules of all plans count while none is failed over, which a
// partial failover does not change; a full one counts its own alone, on its appliance alone.
func TestPublicIPRulesOfAnAppliance(t *testing.T) { onBoth(t, testPublicIPRulesOfAnAppliance) }

func testPublicIPRulesOfAnAppliance(t *testing.T) {
	f, esx, hyperV := twoPlans(t)
	ctx := t.Context()
	web, files := esx.PublicIPRules, hyperV.PublicIPRules
	all := append(web[:1:1], files...)
	rules := func(what string, want map[string][]vcc.PublicIPRule) {
		t.Helper()
		inputs, err := f.ReachabilityInputs(ctx, f.abc)
		ok(t, err)
		equal(t, what+": tenant", inputs.Tenant.Name, "ABC")
		got := map[string][]vcc.PublicIPRule{}
		for _, in := range inputs.Appliances {
			got[in.HostName] = in.PublicIPRules
		}
		equal(t, what+": rules", got, want)
	}
	rules("no failover", map[string][]vcc.PublicIPRule{"esx01": all, "hyperv01": all})
	_, err := f.StartPartialFailover(ctx, f.abc, "db01")
	ok(t, err)
	rules("a partial failover", map[string][]vcc.PublicIPRule{"esx01": all, "hyperv01": all})
	_, err = f.StartFailover(ctx, f.abc, hyperV.ID, false, quietly)
	ok(t, err)
	rules("a full one on the other host", map[string][]vcc.PublicIPRule{"esx01": all, "hyperv01": files})
	_, err = f.StopPartialFailover(ctx, f.abc, "db01")
	ok(t, err)
	_, err = f.StartFailover(ctx, f.abc, esx.ID, false, quietly)
	ok(t, err)
	rules("full ones on both", map[string][]vcc.PublicIPRule{"esx01": web, "hyperv01": files})
	_, err = f.UndoFailover(ctx, f.abc, hyperV.ID)
	ok(t, err)
	rules("the other undone", map[string][]vcc.PublicIPRule{"esx01": web, "hyperv01": all})
}

// TestPreparedInputs: a start and a test of a plan are prepared from the appliances that it
// occupies and from its own public IP rules.
func TestPreparedInputs(t *testing.T) { onBoth(t, testPreparedInputs) }

func testPreparedInputs(t *testing.T) {
	f, esx, _ := twoPlans(t)
	calls := 0
	prepare := func(test bool) store.Prepare {
		return func(got bool, at time.Time, inputs []vcc.ApplianceInputs) store.Prepared {
			calls++
			equal(t, "test", got, test)
			equal(t, "time", at, f.at)
			equal(t, "hosts", each(inputs, func(in vcc.ApplianceInputs) string { return in.HostName }), []string{"esx01"})
			equal(t, "rules", inputs[0].PublicIPRules, esx.PublicIPRules)
			return withProblem(got, at, inputs)
		}
	}
	f.unchanged(t, func() {
		session, err := f.PreviewFailover(t.Context(), f.abc, esx.ID, prepare(true))
		ok(t, err)
		equal(t, "problems of a test", each(session.Problems, func(p vcc.ApplianceProblem) string { return p.Message }), []string{"no gateway"})
		equal(t, "log of a test", each(session.Log, func(e vcc.FailoverLogEntry) string { return e.Message }), []string{
			"an entry", `esx01: replica of VM "web01" would start`,
		})
	})
	_, err := f.StartFailover(t.Context(), f.abc, esx.ID, false, prepare(false))
	ok(t, err)
	equal(t, "calls", calls, 2)
	stored := f.failoverPlans(t, f.abc)[0].Session
	equal(t, "problems that are stored", each(stored.Problems, func(p vcc.ApplianceProblem) string { return p.Message }), []string{"no gateway"})
}

// TestOtherTenantsFailoversD20: another tenant's plan answers like one that is missing, its VM
// like one that nobody has, and neither stops what is under way.
func TestOtherTenantsFailoversD20(t *testing.T) { onBoth(t, testOtherTenantsFailoversD20) }

func testOtherTenantsFailoversD20(t *testing.T) {
	f, _, _ := twoPlans(t)
	others := f.failoverPlans(t, f.xyz)[0]
	equal(t, "plans of each", []int{len(f.failoverPlans(t, f.abc)), len(f.failoverPlans(t, f.xyz))}, []int{2, 1})
	underWay := func() bool { return f.failoverPlans(t, f.xyz)[0].Session != nil }
	for _, started := range []bool{false, true} {
		if started {
			_, err := f.StartFailover(t.Context(), f.xyz, others.ID, false, quietly)
			ok(t, err)
		}
		for name, do := range map[string]func(ctx context.Context, id string) error{
			"start": func(ctx context.Context, id string) error {
				_, err := f.StartFailover(ctx, f.abc, id, false, quietly)
				return err
			},
			"start with force": func(ctx context.Context, id string) error {
				_, err := f.StartFailover(ctx, f.abc, id, true, quietly)
				return err
			},
			"test": func(ctx context.Context, id string) error {
				_, err := f.TestFailover(ctx, f.abc, id, quietly)
				return err
			},
			"preview": func(ctx context.Context, id string) error {
				_, err := f.PreviewFailover(ctx, f.abc, id, quietly)
				return err
			},
			"undo": func(ctx context.Context, id string) error {
				_, err := f.UndoFailover(ctx, f.abc, id)
				return err
			},
		} {
			for _, id := range []string{unknownID, others.ID} {
				f.unchanged(t, func() {
					wantError(t, do(t.Context(), id), &vcc.Error{Code: vcc.CodeNotFound, ResourceID: id, Message: "there is no failover plan with ID " + id})
				})
			}
			if t.Failed() {
				t.Fatal(name)
			}
		}
		equal(t, "under way", underWay(), started)
	}
	_, err := f.UndoFailover(t.Context(), f.xyz, others.ID)
	ok(t, err)
	_, err = f.StartPartialFailover(t.Context(), f.xyz, "erp01")
	ok(t, err)
	for _, vm := range []string{"erp01", "nobody01"} {
		f.unchanged(t, func() {
			noVM := &vcc.Error{Code: vcc.CodeNotFound, ResourceID: vm, Message: "there is no VM " + vcc.Clip(vm)}
			_, err := f.StartPartialFailover(t.Context(), f.abc, vm)
			wantError(t, err, noVM)
			_, err = f.StopPartialFailover(t.Context(), f.abc, vm)
			wantError(t, err, noVM)
		})
	}
	inputs, err := f.ReachabilityInputs(t.Context(), f.abc)
	ok(t, err)
	for _, in := range inputs.Appliances {
		if in.Session != nil {
			t.Errorf("the appliance on %s is in a session of another tenant's", in.HostName)
		}
	}
}

// TestStopPartialFailover_removedVM: a replica whose VM the lab no longer has is stopped under
// its name, or its appliance would stay busy for ever.
func TestStopPartialFailover_removedVM(t *testing.T) { onBoth(t, testStopPartialFailoverRemovedVM) }

func testStopPartialFailoverRemovedVM(t *testing.T) {
	f, _, _ := twoPlans(t)
	_, err := f.StartPartialFailover(t.Context(), f.abc, "db01")
	ok(t, err)
	lab := must(f.Lab(t.Context()))
	lab.Tenants[0].VMs = slices.DeleteFunc(lab.Tenants[0].VMs, func(vm vcc.VM) bool { return vm.Name == "db01" })
	lab.Tenants[0].Jobs[0].VMs = []string{"web01"}
	ok(t, f.ApplyLab(t.Context(), lab, nil))
	_, err = f.StartPartialFailover(t.Context(), f.abc, "db01")
	wantCode(t, "start of what is gone", err, vcc.CodeNotFound)
	session, err := f.StopPartialFailover(t.Context(), f.abc, "db01")
	ok(t, err)
	equal(t, "ended by", session.EndedBy, f.abc.Name)
	_, err = f.StopPartialFailover(t.Context(), f.abc, "db01")
	wantCode(t, "a second stop", err, vcc.CodeNotFound)
}

// TestFailoversOfTwoPlans: a plan is under way by its own session alone. Undoing the other does
// nothing, and its appliance does nothing else meanwhile.
func TestFailoversOfTwoPlans(t *testing.T) { onBoth(t, testFailoversOfTwoPlans) }

func testFailoversOfTwoPlans(t *testing.T) {
	f, esx, hyperV := twoPlans(t)
	ctx := t.Context()
	active := func(what string, want ...string) {
		t.Helper()
		var names []string
		for _, p := range f.failoverPlans(t, f.abc) {
			if p.Session != nil {
				equal(t, what+": plan of the session of "+p.Name, p.Session.PlanName, p.Name)
				names = append(names, p.Name)
			}
		}
		equal(t, what+": plans under way", names, want)
	}
	active("at first")
	started, err := f.StartFailover(ctx, f.abc, hyperV.ID, false, quietly)
	ok(t, err)
	active("after a start", "Files")
	f.unchanged(t, func() {
		_, err := f.UndoFailover(ctx, f.abc, esx.ID)
		wantError(t, err, &vcc.Error{Code: vcc.CodeConflict, ResourceID: esx.ID, Message: `failover plan "Web" is not failed over; there is nothing to undo`})
		_, err = f.StartFailover(ctx, f.abc, hyperV.ID, true, quietly)
		wantCode(t, "a second start (D14)", err, vcc.CodeConflict)
		_, err = f.StartPartialFailover(ctx, f.abc, "file01")
		wantCode(t, "a partial failover on the same appliance (D14)", err, vcc.CodeConflict)
		_, err = f.StopPartialFailover(ctx, f.abc, "file01")
		wantError(t, err, &vcc.Error{Code: vcc.CodeConflict, ResourceID: "file01", Message: `VM "file01" is not failed over; there is nothing to stop`})
	})
	f.at = f.at.Add(time.Hour)
	ended, err := f.UndoFailover(ctx, f.abc, hyperV.ID)
	ok(t, err)
	equal(t, "session that ended", []any{ended.ID, ended.StartedAt, ended.EndedAt, ended.EndedBy},
		[]any{started.ID, started.StartedAt, f.at, f.abc.Name})
	active("after an undo")
	_, err = f.StartPartialFailover(ctx, f.abc, "file01")
	ok(t, err)
}

// TestStartFailover_atOnce: of many starts at once, of whichever kind, an appliance has one.
func TestStartFailover_atOnce(t *testing.T) { onBoth(t, testStartFailoverAtOnce) }

func testStartFailoverAtOnce(t *testing.T) {
	f, esx, _ := twoPlans(t)
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			if i%2 == 0 {
				_, errs[i] = f.StartFailover(t.Context(), f.abc, esx.ID, false, quietly)
			} else {
				_, errs[i] = f.StartPartialFailover(t.Context(), f.abc, "web01")
			}
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			wantCode(t, "a start that lost", err, vcc.CodeConflict)
		}
	}
	equal(t, "starts that won", won, 1)
	equal(t, "sessions under way", query(t, f.path, "SELECT count(*) FROM failover_sessions WHERE ended_at IS NULL"), []string{"1"})
}
