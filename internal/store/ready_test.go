package store_test

import (
	"context"
	"os"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// readiness returns a check of a store's database, which asks anew each time, in words.
func readiness(t *testing.T, s *store.Store) func() string {
	t.Helper()
	r, err := s.Readiness(t.Context())
	ok(t, err)
	return func() string {
		t.Helper()
		r.Forget()
		return inWords(t, r.Check(t.Context()))
	}
}

func inWords(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return "ready"
	}
	equal(t, "code", vcc.Code(err), vcc.CodeUnavailable)
	return vcc.Errors(err)[0].Message
}

func TestReady(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		f := newFixture(t)
		check := readiness(t, f.Store)
		equal(t, "readiness", check(), "ready")
		f.put(t, f.abc, f.network(t, f.abc, "Gold network 1").ID, app)
		equal(t, "readiness beside writes", check(), "ready")
		if isPostgres(f.path) { // SQLite has one writer, and waits for it
			ok(t, f.Holding(t.Context(), func() { equal(t, "readiness beside a write of everything", check(), "ready") }))
		}
		ok(t, f.Close())
		equal(t, "readiness of what was closed", check(), "the database does not answer")
	})
}

// TestReadyIsKept: an answer is given again for a second, and one who is gone gets no
// other than the next.
func TestReadyIsKept(t *testing.T) {
	f := newFixture(t)
	r, err := f.Readiness(t.Context())
	ok(t, err)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	ok(t, r.Check(gone))
	ok(t, f.Close())
	r.Renew()
	ok(t, r.Check(t.Context()))
	r.Forget()
	equal(t, "readiness later", inWords(t, r.Check(t.Context())), "the database does not answer")
}

func TestReadySQLite(t *testing.T) {
	t.Parallel()
	t.Run("file removed", func(t *testing.T) {
		f := newFixture(t)
		check := readiness(t, f.Store)
		ok(t, os.Remove(f.path))
		equal(t, "readiness", check(), "the database's file was removed or replaced")
		if _, err := os.Stat(f.path); !os.IsNotExist(err) {
			t.Errorf("the check made a file: %v", err)
		}
	})
	t.Run("file replaced", func(t *testing.T) {
		f := newFixture(t)
		check := readiness(t, f.Store)
		ok(t, os.WriteFile(f.path+".new", template(), 0o600))
		ok(t, os.Rename(f.path+".new", f.path))
		equal(t, "readiness", check(), "the database's file was removed or replaced")
	})
	t.Run("another process is writing", func(t *testing.T) {
		f := newFixture(t)
		check := readiness(t, f.Store)
		tx, err := openPast(t, f.path).BeginTx(t.Context(), nil)
		ok(t, err)
		defer tx.Rollback() //nolint:errcheck // it changed nothing
		_, err = tx.ExecContext(t.Context(), "UPDATE tenants SET revision = revision")
		ok(t, err)
		equal(t, "readiness", check(), "ready")
	})
}

func TestReadyPostgres(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	t.Parallel()
	server, address := ownServer(t)
	s, err := store.Open(t.Context(), address)
	ok(t, err)
	defer s.Close() //nolint:errcheck // as above
	check := readiness(t, s)
	equal(t, "readiness", check(), "ready")

	// Where the address makes transactions read only no write succeeds, and the store is not ready.
	readOnly, err := store.Open(t.Context(), address+"&default_transaction_read_only=on")
	ok(t, err)
	defer readOnly.Close() //nolint:errcheck // as above
	equal(t, "readiness where transactions are read only", readiness(t, readOnly)(), "the database is read only, as a standby is")
	equal(t, "that a write succeeds", writes(t, readOnly), false)

	server.Kill()
	equal(t, "readiness without a server", check(), "the database does not answer")
	ok(t, server.Start())
	equal(t, "readiness with it again", check(), "ready")

	server.Kill()
	ok(t, server.Demote())
	ok(t, server.Start())
	equal(t, "readiness of a standby", check(), "the database is read only, as a standby is")
}

// writes reports whether a write succeeds.
func writes(t *testing.T, s *store.Store) bool {
	t.Helper()
	tenants, err := s.Tenants(t.Context())
	ok(t, err)
	_, err = s.PutNetworkRouting(t.Context(), vcc.Actor{TenantID: tenants[0].ID, Name: "nobody"}, true, vcc.Precondition{})
	return err == nil
}
