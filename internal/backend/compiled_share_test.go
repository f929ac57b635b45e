package backend

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/labfile"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestCompilingIsShared: a tenant with more slow assumptions than may be compiled at once keeps no other tenant from
// compiling.
func TestCompilingIsShared(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // for one that waits in vain
	defer cancel()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	db, err := store.OpenSQLite(ctx, filepath.Join(t.TempDir(), "vcc.db"))
	check(err)
	t.Cleanup(func() { _ = db.Close() })
	lab, err := labfile.BuiltIn()
	check(err)
	_, err = db.ApplyLab(ctx, lab, nil)
	check(err)
	tenants, err := db.Tenants(ctx)
	check(err)
	s, routing := NewServices(db), true
	release, begun := make(chan struct{}), make(chan struct{}, 100)
	var asking sync.WaitGroup
	for range cap(s.compiled.compiling) {
		asking.Go(func() {
			err := s.asked(ctx, vcc.Actor{TenantID: tenants[0].ID}, vcc.Assumption{RoutingEnabled: &routing}, func(*tracer) error {
				begun <- struct{}{}
				<-release
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	<-begun
	time.Sleep(100 * time.Millisecond) // for the others, which may not begin
	if n := len(begun); n > 0 {
		t.Errorf("%d more of the same tenant have a place", n)
	}
	if _, err := s.stored(ctx, vcc.Actor{TenantID: tenants[1].ID}); err != nil {
		t.Errorf("another tenant: %v", err)
	}
	close(release)
	asking.Wait()
}
