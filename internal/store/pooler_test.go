package store_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/postgrestest"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
)

// TestPooler: behind PgBouncer a store promises what it promises before PostgreSQL itself, in
// either mode, also where the pooler's sessions have other settings.
func TestPooler(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"session", "transaction"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			behindPooler(t, mode)
		})
	}
}

// newPooler starts a pooler before the server that these tests share.
func newPooler(t *testing.T, mode string) *postgrestest.Pooler {
	t.Helper()
	server, err := postgres()
	ok(t, err)
	p, err := postgrestest.NewPooler(server, mode)
	if errors.Is(err, postgrestest.ErrNoPooler) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	ok(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func behindPooler(t *testing.T, mode string) {
	direct := newDatabase(t, nil)
	badDefaults(t, direct)
	pooler := newPooler(t, mode)
	address := pooler.URL(databaseOf(t, direct)) + "&pool_max_conns=4" // of all together the pooler has 20

	// The schema is brought up to date by way of the pooler, by several at once.
	started := make(chan error, 3)
	for range cap(started) {
		go func() {
			s, err := store.Open(t.Context(), address)
			if err == nil {
				err = s.Close()
			}
			started <- err
		}()
	}
	for range cap(started) {
		ok(t, <-started)
	}
	s, err := store.Open(t.Context(), address)
	ok(t, err)
	must(s.ApplyLab(t.Context(), valid(testLab()), nil))
	ok(t, s.Close())
	equal(t, "locks that stayed", query(t, direct, "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"), []string(nil))

	f := writeBeside(t, address, address)
	checkSettings(t, f)
	equal(t, "readiness", readiness(t, f.Store)(), "ready")
}

// Each statement may go to another session there, so that nothing holds.
func TestPooler_statements(t *testing.T) {
	t.Parallel()
	address := newPooler(t, "statement").URL(databaseOf(t, newDatabase(t, nil)))
	_, err := store.Open(t.Context(), address)
	const want = "the connection pooler takes no transactions, as PgBouncer does not with pool_mode = statement; have it pool by session or by transaction"
	if fmt.Sprint(err) != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// Behind a pooler a search_path stays what it is for statements outside of transactions, so that
// another one is refused.
func TestPooler_searchPath(t *testing.T) {
	t.Parallel()
	direct := newDatabase(t, nil)
	query(t, direct, "ALTER DATABASE "+databaseOf(t, direct)+" SET search_path = elsewhere")
	_, err := store.Open(t.Context(), newPooler(t, "transaction").URL(databaseOf(t, direct)))
	const want = `behind a connection pooler the backend cannot choose its search_path, and this one is elsewhere; ` +
		`run ALTER ROLE "vcc" SET search_path = "$user", public, and have the pooler connect anew`
	if fmt.Sprint(err) != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}
