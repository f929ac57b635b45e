package store_test

import (
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestRevisionsOfRemovedTenants: a tenant that a lab removed and has again goes on above its old
// revisions, and so does every other new tenant. Those that stayed have no gap.
func TestRevisionsOfRemovedTenants(t *testing.T) { onBoth(t, testRevisionsOfRemovedTenants) }

func testRevisionsOfRemovedTenants(t *testing.T) {
	f := newFixture(t)
	route := func(tenant string) int64 {
		t.Helper()
		r, err := f.PutNetworkRouting(t.Context(), f.actor(t, tenant), true, vcc.Precondition{})
		ok(t, err)
		checkHistoryRevisions(t, f, tenant)
		return r.Revision
	}
	last := int64(0)
	for range 3 {
		for range 3 {
			last = route("XYZ")
		}
		lab := testLab()
		lab.Tenants = lab.Tenants[:1]
		ok(t, f.ApplyLab(t.Context(), lab, []string{"tenant:XYZ"}))
		lab.Tenants = append(lab.Tenants, testLab().Tenants[1], vcc.LabTenant{Name: "New"})
		ok(t, f.ApplyLab(t.Context(), lab, nil))
		equal(t, "first revisions of a tenant that came again and of a new one", []int64{route("XYZ"), route("New")}, []int64{last + 1, last + 1})
		lab.Tenants = lab.Tenants[:2]
		ok(t, f.ApplyLab(t.Context(), lab, []string{"tenant:New"}))
	}
	equal(t, "first revision of the tenant that stayed", route("ABC"), int64(1))
}
