package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestNetworkRouting(t *testing.T) { onBoth(t, testNetworkRouting) }

func testNetworkRouting(t *testing.T) {
	f := newFixture(t)
	want := &vcc.NetworkRouting{TenantID: f.abc.TenantID, TenantName: "ABC"}
	check := func(got *vcc.NetworkRouting, err error) {
		t.Helper()
		ok(t, err)
		equal(t, "routing", got, want)
	}
	check(f.NetworkRouting(t.Context(), f.abc)) // never set

	put := func(enabled bool, p vcc.Precondition) (*vcc.NetworkRouting, error) {
		f.at = f.at.Add(time.Second)
		return f.PutNetworkRouting(t.Context(), f.abc, enabled, p)
	}
	// What is set already changes nothing, also where nobody ever set it.
	f.unchanged(t, func() { check(put(false, vcc.Precondition{})) })
	revision := int64(0)
	for i, enabled := range []bool{true, false, true} {
		got, err := put(enabled, vcc.Precondition{Revision: &revision})
		revision = int64(i + 1)
		want.Enabled, want.Revision, want.UpdatedAt, want.UpdatedBy = enabled, revision, f.at, f.abc.Name
		check(got, err)
		check(f.NetworkRouting(t.Context(), f.abc))
		f.unchanged(t, func() { check(put(enabled, vcc.Precondition{Revision: &revision})) })
	}

	other, err := f.NetworkRouting(t.Context(), f.xyz)
	ok(t, err)
	equal(t, "another tenant's", *other, vcc.NetworkRouting{TenantID: f.xyz.TenantID, TenantName: "XYZ"})

	stale := revision - 1
	for _, enabled := range []bool{true, false} {
		for p, message := range map[*vcc.Precondition]string{
			{Revision: &stale}: "the routing option was changed by admin of ABC since it was read; nothing was changed now",
			{Absent: true}:     "the routing option always has a value; name its revision instead",
		} {
			t.Run(fmt.Sprintf("%t if %+v", enabled, p.Absent), func(t *testing.T) {
				f.unchanged(t, func() {
					_, err := put(enabled, *p)
					wantError(t, err, &vcc.Error{Code: vcc.CodePreconditionFailed, ResourceID: f.abc.TenantID, Message: message, Current: want})
				})
			})
		}
	}

	ok(t, f.Close())
	f.open(t)
	check(f.NetworkRouting(t.Context(), f.abc))
}
