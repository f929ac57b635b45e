package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const (
	planID      = "6f1c1a52-8f0e-4c62-9c0f-3d7a5e0b9d11"
	otherPlanID = "6f1c1a52-8f0e-4c62-9c0f-3d7a5e0b9d12"
)

// planSettings starts VMs, with rules.
func planSettings(vms string, rules ...vcc.PublicIPRule) vcc.FailoverPlanSettings {
	return vcc.FailoverPlanSettings{VMs: strings.Fields(vms), PublicIPRules: rules}
}

func (f *fixture) putPlan(t *testing.T, as vcc.Actor, id, name string, s vcc.FailoverPlanSettings, p vcc.Precondition) *vcc.FailoverPlan {
	t.Helper()
	plan, _, err := f.PutFailoverPlan(t.Context(), as, id, name, s, p)
	ok(t, err)
	return plan
}

func equalPlan(t *testing.T, what string, got *vcc.FailoverPlan, origin vcc.Origin, s vcc.FailoverPlanSettings) {
	t.Helper()
	if got == nil || got.Origin != origin || !got.FailoverPlanSettings.Equal(s) {
		t.Errorf("%s is %+v, want %s %+v", what, got, origin, s)
	}
}

// TestFailoverPlans: the life of a plan that nobody declares, and of what is specified in the place of a
// declared one.
func TestFailoverPlans(t *testing.T) { onBoth(t, testFailoverPlans) }

func testFailoverPlans(t *testing.T) {
	f, web, _ := twoPlans(t)
	ctx := t.Context()
	declared := web.FailoverPlanSettings
	equal(t, "origin", web.Origin, vcc.OriginDeclared)

	// A new one.
	mine := planSettings("db01 web01")
	mine.Delays = map[string]time.Duration{"db01": time.Minute, "web01": 0}
	created, isNew, err := f.PutFailoverPlan(ctx, f.abc, planID, "Half site", mine, vcc.Precondition{Absent: true})
	ok(t, err)
	equal(t, "created", isNew, true)
	equalPlan(t, "the plan", created, vcc.OriginSpecified, mine)
	equal(t, "who made it", created.UpdatedBy, f.abc.Name)
	equal(t, "plans", each(f.failoverPlans(t, f.abc), func(p vcc.FailoverPlan) string { return p.Name }), []string{"Web", "Files", "Half site"})
	f.unchanged(t, func() { // the same again
		again := f.putPlan(t, f.abc, planID, "Half site", mine, vcc.IfRevision(created.Revision))
		equal(t, "revision", again.Revision, created.Revision)
	})

	// In the place of a declared one, which is kept.
	taken := planSettings("web01", rule("203.0.113.10:8443", "172.17.52.10:8443"))
	specified := f.putPlan(t, f.abc, web.ID, "Web", taken, vcc.IfRevision(web.Revision))
	equalPlan(t, "the plan", specified, vcc.OriginSpecified, taken)
	equalPlan(t, "what is kept", &vcc.FailoverPlan{FailoverPlanSettings: *specified.Declared}, "", declared)
	lab, err := f.Lab(ctx)
	ok(t, err)
	equal(t, "rules that the lab declares", lab.Tenants[0].FailoverPlans[0].PublicIPRules, declared.PublicIPRules)

	// Conditions.
	f.unchanged(t, func() {
		for name, p := range map[string]vcc.Precondition{"absent": {Absent: true}, "an old revision": vcc.IfRevision(web.Revision)} {
			_, _, err := f.PutFailoverPlan(ctx, f.abc, web.ID, "Web", mine, p)
			wantCode(t, name, err, vcc.CodePreconditionFailed)
			_, err = f.RemoveFailoverPlan(ctx, f.abc, web.ID, p)
			wantCode(t, name, err, vcc.CodePreconditionFailed)
		}
		_, _, err := f.PutFailoverPlan(ctx, f.abc, otherPlanID, "New", mine, vcc.IfRevision(1))
		wantCode(t, "a revision of nothing", err, vcc.CodePreconditionFailed)
		_, err = f.RemoveFailoverPlan(ctx, f.abc, otherPlanID, vcc.Precondition{})
		wantCode(t, "nothing to remove", err, vcc.CodeNotFound)
		ok(t, f.CheckFailoverPlan(ctx, f.abc, otherPlanID, "New", mine))
	})

	// Back to what is declared, once more to no avail, and away.
	left, err := f.RemoveFailoverPlan(ctx, f.abc, web.ID, vcc.IfRevision(specified.Revision))
	ok(t, err)
	equalPlan(t, "what is left", left, vcc.OriginDeclared, declared)
	f.unchanged(t, func() {
		left, err = f.RemoveFailoverPlan(ctx, f.abc, web.ID, vcc.Precondition{})
		ok(t, err)
		equalPlan(t, "what is left", left, vcc.OriginDeclared, declared)
	})
	left, err = f.RemoveFailoverPlan(ctx, f.abc, planID, vcc.Precondition{})
	ok(t, err)
	if left != nil {
		t.Errorf("left: %+v", left)
	}
	_, err = f.FailoverPlan(ctx, f.abc, planID)
	wantCode(t, "the removed plan", err, vcc.CodeNotFound)

	// The history outlives it.
	changes, n, err := f.FailoverPlanChanges(ctx, f.abc, web.ID, everything)
	ok(t, err)
	equal(t, "changes", n, 2)
	equal(t, "newest", []vcc.Origin{changes[0].Before.Origin, changes[0].After.Origin}, []vcc.Origin{vcc.OriginSpecified, vcc.OriginDeclared})
	changes, _, err = f.FailoverPlanChanges(ctx, f.abc, planID, everything)
	ok(t, err)
	if len(changes) != 2 || changes[0].After != nil || changes[1].Before != nil || !changes[1].After.FailoverPlanSettings.Equal(mine) {
		t.Errorf("changes: %+v", changes)
	}
	checkNoGap(t, f, f.abc.TenantID)
	routing, _, err := f.NetworkRoutingChanges(ctx, f.abc, everything)
	ok(t, err)
	equal(t, "changes of the routing option", len(routing), 0)
}

// TestFailoverPlanRefusals: what breaks D17, or names what the tenant does not have, is stored nowhere.
func TestFailoverPlanRefusals(t *testing.T) { onBoth(t, testFailoverPlanRefusals) }

func testFailoverPlanRefusals(t *testing.T) {
	f, web, _ := twoPlans(t)
	ctx := t.Context()
	good := rule("203.0.113.10:80", "172.17.52.10:80")
	for name, tc := range map[string]struct {
		id, name string
		settings vcc.FailoverPlanSettings
		code     vcc.ErrorCode
		field    string
	}{
		"no ID":                {"whole-site", "New", planSettings("web01"), vcc.CodeInvalidValue, "id"},
		"no name":              {planID, "", planSettings("web01"), vcc.CodeInvalidValue, "name"},
		"no VM":                {planID, "New", planSettings(""), vcc.CodeInvalidValue, "vms"},
		"an unknown VM":        {planID, "New", planSettings("web01 web99"), vcc.CodeInvalidValue, "vms[1]"},
		"another's VM":         {planID, "New", planSettings("erp01"), vcc.CodeInvalidValue, "vms[0]"},
		"a VM twice":           {planID, "New", planSettings("web01 web01"), vcc.CodeInvalidValue, "vms[1]"},
		"a delay of no VM":     {planID, "New", vcc.FailoverPlanSettings{VMs: []string{"web01"}, Delays: map[string]time.Duration{"db01": time.Second}}, vcc.CodeInvalidValue, "delays"},
		"a long delay":         {planID, "New", vcc.FailoverPlanSettings{VMs: []string{"web01"}, Delays: map[string]time.Duration{"web01": 25 * time.Hour}}, vcc.CodeInvalidValue, "delays"},
		"port 22":              {planID, "New", planSettings("web01", rule("203.0.113.10:22", "172.17.52.10:22")), vcc.CodeInvalidValue, "publicIpRules[0].port"},
		"no port":              {planID, "New", planSettings("web01", rule("203.0.113.10:80", "172.17.52.10:0")), vcc.CodeInvalidValue, "publicIpRules[0].toPort"},
		"two families":         {planID, "New", planSettings("web01", rule("203.0.113.10:80", "[2001:db8::1]:80")), vcc.CodeInvalidValue, "publicIpRules[0].toAddress"},
		"a port twice":         {planID, "New", planSettings("web01", good, good), vcc.CodeInvalidValue, "publicIpRules[1]"},
		"nobody's address":     {planID, "New", planSettings("web01", rule("203.0.113.99:80", "172.17.52.10:80")), vcc.CodeInvalidValue, "publicIpRules[0].address"},
		"another's address":    {planID, "New", planSettings("web01", rule("203.0.113.20:80", "172.17.52.10:80")), vcc.CodeInvalidValue, "publicIpRules[0].address"},
		"another plan's one":   {planID, "New", planSettings("web01", good), vcc.CodeConflict, "publicIpRules[0].address"},
		"a name that is taken": {planID, "Web", planSettings("web01"), vcc.CodeConflict, "name"},
		"another name":         {web.ID, "Net", planSettings("web01"), vcc.CodeConflict, "name"},
	} {
		t.Run(name, func(t *testing.T) {
			f.unchanged(t, func() {
				_, _, err := f.PutFailoverPlan(ctx, f.abc, tc.id, tc.name, tc.settings, vcc.Precondition{})
				wantCode(t, name, err, tc.code)
				if e := vcc.Errors(err); len(e) == 0 || e[0].Field != tc.field {
					t.Errorf("the field of %v is not %q", err, tc.field)
				}
				wantCode(t, "check", f.CheckFailoverPlan(ctx, f.abc, tc.id, tc.name, tc.settings), tc.code)
			})
		})
	}
}

// TestFailoverPlanOfAnother: an ID that another tenant's plan has is one that nobody has (D20).
func TestFailoverPlanOfAnother(t *testing.T) { onBoth(t, testFailoverPlanOfAnother) }

func testFailoverPlanOfAnother(t *testing.T) {
	f, web, _ := twoPlans(t)
	ctx := t.Context()
	theirs := planSettings("erp01")
	_, err := f.FailoverPlan(ctx, f.xyz, web.ID)
	wantCode(t, "another's plan", err, vcc.CodeNotFound)
	_, err = f.RemoveFailoverPlan(ctx, f.xyz, web.ID, vcc.Precondition{})
	wantCode(t, "another's plan", err, vcc.CodeNotFound)
	_, created, err := f.PutFailoverPlan(ctx, f.xyz, web.ID, "Mine", theirs, vcc.Precondition{Absent: true})
	ok(t, err)
	equal(t, "created", created, true)
	mine, err := f.FailoverPlan(ctx, f.abc, web.ID)
	ok(t, err)
	equalPlan(t, "the plan of the first tenant", mine, vcc.OriginDeclared, web.FailoverPlanSettings)
	_, err = f.StartFailover(ctx, f.xyz, web.ID, false, quietly)
	ok(t, err)
	if mine, err = f.FailoverPlan(ctx, f.abc, web.ID); err != nil || mine.Session != nil {
		t.Errorf("the failover of another tenant's plan is this one's, too: %+v, %v", mine.Session, err)
	}
}

// TestFailoverPlanFailedOver: rules reach the appliances at once, and a plan that is failed over stays (D19).
func TestFailoverPlanFailedOver(t *testing.T) { onBoth(t, testFailoverPlanFailedOver) }

func testFailoverPlanFailedOver(t *testing.T) {
	f, web, _ := twoPlans(t)
	ctx := t.Context()
	inForce := func() (rules []vcc.PublicIPRule) {
		t.Helper()
		in, err := f.ReachabilityInputs(ctx, f.abc)
		ok(t, err)
		return in.Appliances[0].PublicIPRules
	}
	mine := f.putPlan(t, f.abc, planID, "Half site", planSettings("web01"), vcc.Precondition{})
	_, err := f.StartFailover(ctx, f.abc, planID, false, quietly)
	ok(t, err)
	equal(t, "rules", len(inForce()), 0)
	before := must(f.ReachabilityVersion(ctx, f.abc))
	f.putPlan(t, f.abc, web.ID, "Web", planSettings("web01"), vcc.Precondition{})
	changed := f.putPlan(t, f.abc, planID, "Half site", planSettings("db01", rule("203.0.113.10:80", "172.17.52.10:80")), vcc.IfRevision(mine.Revision))
	if after := must(f.ReachabilityVersion(ctx, f.abc)); after == before {
		t.Error("nobody who asks for the version sees the change")
	}
	equal(t, "rules", inForce(), []vcc.PublicIPRule{rule("203.0.113.10:80", "172.17.52.10:80")})
	f.unchanged(t, func() {
		_, err := f.RemoveFailoverPlan(ctx, f.abc, planID, vcc.IfRevision(changed.Revision))
		wantCode(t, "removing it", err, vcc.CodeConflict)
	})
	_, err = f.UndoFailover(ctx, f.abc, planID)
	ok(t, err)
	_, err = f.RemoveFailoverPlan(ctx, f.abc, planID, vcc.IfRevision(changed.Revision))
	ok(t, err)

	// What is declared can come back at any time.
	_, err = f.StartFailover(ctx, f.abc, web.ID, false, quietly)
	ok(t, err)
	_, err = f.RemoveFailoverPlan(ctx, f.abc, web.ID, vcc.Precondition{})
	ok(t, err)
	equal(t, "rules", inForce(), web.PublicIPRules)
}

// TestLabWithSpecifiedPlans: a lab changes what it declares, and never what somebody specified.
func TestLabWithSpecifiedPlans(t *testing.T) { onBoth(t, testLabWithSpecifiedPlans) }

func testLabWithSpecifiedPlans(t *testing.T) {
	f, web, _ := twoPlans(t)
	ctx := t.Context()
	lab := func() vcc.Lab { return must(f.Lab(ctx)) }
	warnings := func(l vcc.Lab) (texts []string) {
		t.Helper()
		preview, err := f.PreviewLab(ctx, valid(l), nil)
		ok(t, err)
		outcome, err := f.Store.ApplyLab(ctx, valid(l), nil)
		ok(t, err)
		for _, list := range [][]vcc.Warning{preview.Warnings, outcome.Warnings} {
			texts = nil
			for _, w := range list {
				if w.Field == "failoverPlans" {
					texts = append(texts, w.Message)
				}
			}
		}
		return texts
	}
	taken := planSettings("web01", rule("203.0.113.10:8443", "172.17.52.10:8443"))
	f.putPlan(t, f.abc, web.ID, "Web", taken, vcc.Precondition{})
	f.putPlan(t, f.abc, planID, "Half site", planSettings("db01"), vcc.Precondition{})

	// Declared anew: kept beside.
	l := lab()
	l.Tenants[0].FailoverPlans[0].VMs = []string{"db01"}
	if w := warnings(l); len(w) != 1 || !strings.Contains(w[0], `"Web"`) || !strings.Contains(w[0], "kept beside") {
		t.Errorf("warnings: %v", w)
	}
	plan := must(f.FailoverPlan(ctx, f.abc, web.ID))
	equalPlan(t, "what is in force", plan, vcc.OriginSpecified, taken)
	equal(t, "what is declared", plan.Declared.VMs, []string{"db01"})

	// A plan of the name of one that somebody specified.
	l = lab()
	l.Tenants[0].FailoverPlans = append(l.Tenants[0].FailoverPlans, vcc.LabFailoverPlan{Name: "Half site", VMs: []string{"web01"}})
	warnings(l)
	plan = must(f.FailoverPlan(ctx, f.abc, planID))
	equalPlan(t, "what is in force", plan, vcc.OriginSpecified, planSettings("db01"))
	equal(t, "what is declared", plan.Declared.VMs, []string{"web01"})

	// No longer declared.
	l = lab()
	l.Tenants[0].FailoverPlans = l.Tenants[0].FailoverPlans[1:2]
	if w := warnings(l); len(w) != 2 || !strings.Contains(w[0]+w[1], "no longer declares") {
		t.Errorf("warnings: %v", w)
	}
	if plan = must(f.FailoverPlan(ctx, f.abc, web.ID)); plan.Declared != nil {
		t.Errorf("still declared: %+v", plan.Declared)
	}
	equal(t, "plans", each(f.failoverPlans(t, f.abc), func(p vcc.FailoverPlan) string { return p.Name }), []string{"Files", "Half site", "Web"})

	// A lab that contradicts what is specified.
	for name, change := range map[string]func(*vcc.LabTenant){
		"the VM goes": func(t *vcc.LabTenant) {
			t.VMs = t.VMs[1:]
			for i := range t.Jobs {
				t.Jobs[i].VMs = []string{t.VMs[0].Name}
			}
			t.FailoverPlans = nil
		},
		"the address goes": func(t *vcc.LabTenant) { t.PublicIPs = t.PublicIPs[1:] },
		"the address is a plan's": func(t *vcc.LabTenant) {
			t.FailoverPlans = append(t.FailoverPlans, vcc.LabFailoverPlan{Name: "New", VMs: []string{"web01"}, PublicIPRules: []vcc.PublicIPRule{rule("203.0.113.10:80", "172.17.52.10:80")}})
		},
	} {
		l := lab()
		change(&l.Tenants[0])
		f.unchanged(t, func() {
			_, err := f.Store.ApplyLab(ctx, valid(l), nil)
			wantCode(t, name, err, vcc.CodeConflict)
			if err == nil || !strings.Contains(err.Error(), "Web") {
				t.Errorf("%s: the error does not name the plan: %v", name, err)
			}
		})
	}

	// A change of a plan that is in force moves its revision, so that nobody overwrites it unseen.
	files := f.failoverPlans(t, f.abc)[0]
	l = lab()
	l.Tenants[0].FailoverPlans[0].VMs = []string{"db01"}
	warnings(l)
	_, _, err := f.PutFailoverPlan(ctx, f.abc, files.ID, "Files", planSettings("web01"), vcc.IfRevision(files.Revision))
	wantCode(t, "an old revision", err, vcc.CodePreconditionFailed)
	checkNoGap(t, f, f.abc.TenantID)

	// What is declared comes back only where it has a place.
	l = lab()
	l.Tenants[0].FailoverPlans = []vcc.LabFailoverPlan{{Name: "Web", VMs: []string{"web01"}, PublicIPRules: []vcc.PublicIPRule{rule("203.0.113.11:80", "172.17.52.10:80")}}}
	warnings(l)
	changes, _, err := f.FailoverPlanChanges(ctx, f.abc, files.ID, everything) // of the one that went
	ok(t, err)
	equal(t, "who changed it", each(changes, func(c vcc.FailoverPlanChange) string { return c.Actor }), []string{"lab file", "lab file"})
	if last := changes[0]; last.After != nil || !last.Before.FailoverPlanSettings.Equal(planSettings("db01", files.PublicIPRules...)) {
		t.Errorf("the last change: %+v", last)
	}
	checkNoGap(t, f, f.abc.TenantID)
	f.putPlan(t, f.abc, planID, "Half site", planSettings("db01", rule("203.0.113.11:81", "172.17.52.10:80")), vcc.Precondition{})
	f.unchanged(t, func() {
		_, err := f.RemoveFailoverPlan(ctx, f.abc, web.ID, vcc.Precondition{})
		wantCode(t, "no place", err, vcc.CodeConflict)
	})
	_, err = f.RemoveFailoverPlan(ctx, f.abc, planID, vcc.Precondition{})
	ok(t, err)
	_, err = f.RemoveFailoverPlan(ctx, f.abc, web.ID, vcc.Precondition{})
	ok(t, err)

	// With the tenant all of its plans go.
	f.putPlan(t, f.abc, planID, "Half site", planSettings("db01"), vcc.Precondition{})
	l = lab()
	l.Tenants = l.Tenants[1:]
	ok(t, f.ApplyLab(ctx, l, []string{"tenant:" + lab().Tenants[0].Name}))
}

// TestStoredPlanWithZone: an earlier release took a lab whose rule leads to an address with a zone. That is opened,
// shown and replaced, and compared with.
func TestStoredPlanWithZone(t *testing.T) { onBoth(t, testStoredPlanWithZone) }

func testStoredPlanWithZone(t *testing.T) {
	f, web, _ := twoPlans(t)
	ctx := t.Context()
	lab := must(f.Lab(ctx))
	db := openPast(t, f.path)
	defer db.Close() //nolint:errcheck // nothing is left to be lost
	_, err := db.ExecContext(ctx, "UPDATE failover_plans SET declaration = REPLACE(declaration, '172.17.52.10', 'fe80::10%eth0') WHERE id = '"+web.ID+"'")
	ok(t, err)
	again := &fixture{path: f.path, at: f.at}
	again.open(t)
	stored, err := again.FailoverPlan(ctx, f.abc, web.ID)
	ok(t, err)
	equal(t, "where the rule leads", stored.PublicIPRules[0].Internal.String(), "[fe80::10%eth0]:8443")
	_, err = again.ReachabilityInputs(ctx, f.abc)
	ok(t, err)
	preview, err := again.PreviewLab(ctx, valid(lab), nil)
	ok(t, err)
	if len(preview.Changes) != 1 || len(preview.Changes[0].Details) != 1 {
		t.Errorf("changes: %+v", preview.Changes)
	}
	_, err = again.Store.ApplyLab(ctx, valid(lab), nil)
	ok(t, err)
	equal(t, "rules", again.failoverPlans(t, f.abc)[0].PublicIPRules, web.PublicIPRules)
}
