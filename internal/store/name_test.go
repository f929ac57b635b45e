package store_test

import (
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// accented is the test lab with names that have several normal forms.
func accented(t *testing.T, form norm.Form) vcc.Lab {
	t.Helper()
	lab := testLab()
	lab.Tenants[0].FailoverPlans = []vcc.LabFailoverPlan{{Name: "Whole site", VMs: []string{"web01"}}}
	text, err := json.Marshal(lab)
	ok(t, err)
	for _, name := range []string{"esx01", "Silver", "ABC", "App", "web01", "Nightly", "Whole site"} {
		text = []byte(strings.ReplaceAll(string(text), `"`+name+`"`, `"`+form.String(name+" \u00e9\u1ea5")+`"`))
	}
	lab = vcc.Lab{}
	ok(t, json.Unmarshal(text, &lab))
	return lab
}

// A name is found in whatever normal form somebody writes it, and stays as it was stored.
func TestNamesInOtherNormalForms(t *testing.T) { onBoth(t, testNamesInOtherNormalForms) }

func testNamesInOtherNormalForms(t *testing.T) {
	kind := onSQLite
	if strings.Contains(t.Name(), onPostgres) {
		kind = onPostgres
	}
	f := emptyStore(t, kind)
	ok(t, f.ApplyLab(t.Context(), accented(t, norm.NFD), nil))
	const suffix = " \u00e9\u1ea5"
	for _, form := range []norm.Form{norm.NFC, norm.NFD} {
		name := func(s string) string { return form.String(s + suffix) }
		tenant, err := f.Tenant(t.Context(), name("ABC"))
		ok(t, err)
		equal(t, "tenant", tenant.Name, norm.NFD.String("ABC"+suffix))
		as := vcc.Actor{TenantID: tenant.ID, Name: "anna"}
		wanted := vcc.NetworkName(name("Silver"), true, 2)
		networks, total, err := f.Networks(t.Context(), as, vcc.NetworkFilter{Name: wanted}, everything)
		ok(t, err)
		equal(t, "networks", []any{total, each(networks, networkName)}, []any{1, []string{norm.NFD.String(wanted)}})

		// The same lab from an editor that writes another form is the same lab.
		runs := f.detectOnce(t, as)
		before := dump(t, f.path)
		ok(t, f.ApplyLab(t.Context(), accented(t, form), nil))
		after := dump(t, f.path)
		for _, table := range []string{"hardware_plans", "subscriptions", "cloud_networks", "default_gateways"} {
			equal(t, table, after[table], before[table])
		}
		equal(t, "networks", must(first(f.Networks(t.Context(), as, vcc.NetworkFilter{Name: wanted}, everything))), networks)
		equal(t, "runs", f.detectOnce(t, as), runs+1)

		session, err := f.StartPartialFailover(t.Context(), as, name("web01"))
		ok(t, err)
		equal(t, "VM", session.VM, form.String("web01"+suffix)) // as it was declared last
		_, err = f.StopPartialFailover(t.Context(), as, norm.NFC.String(name("web01")))
		ok(t, err)
	}
}

func first[T any](list []T, _ int, err error) ([]T, error) { return list, err }

// detectOnce runs the tenant's first job, and returns how often it ran.
func (f *fixture) detectOnce(t *testing.T, as vcc.Actor) int {
	t.Helper()
	run, err := f.RunReplicationJob(t.Context(), as, f.firstJob(t, as))
	ok(t, err)
	return run.Job.Runs
}
