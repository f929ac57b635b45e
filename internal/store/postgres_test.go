package store_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/postgrestest"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestOpenNamesTheForms(t *testing.T) {
	for address, want := range map[string]string{
		"":                         "a database is sqlite:PATH or postgres://USER@HOST/DATABASE",
		"sqlite:":                  "a database is sqlite:PATH or postgres://USER@HOST/DATABASE",
		"vcc.db":                   "a database is sqlite:PATH or postgres://USER@HOST/DATABASE",
		"mysql://u:hunter2@h/d":    "a database is sqlite:PATH or postgres://USER@HOST/DATABASE",
		"postgres://u:hunter2@h:x": "the address of the database cannot be read",
		"postgres://u:hunter2@h/d?pool_max_conns=3":                                      `pool_max_conns in the address of the database is "3"; write how many connections a server may open, from 4 to 1000`,
		"postgres://u:hunter2@127.0.0.1:1/d?sslmode=disable":                             "PostgreSQL at 127.0.0.1 does not answer; nothing was changed, try again",
		"postgres://u:hunter2@127.0.0.1:1/d?sslmode=disable&connect_timeout=1&x=hunter2": "PostgreSQL at 127.0.0.1 does not answer; nothing was changed, try again",
	} {
		_, err := store.Open(t.Context(), address)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error has the password: %v", address, err)
		}
	}
}

// What PostgreSQL says of an address is for the log alone.
func TestOpenPostgresInWords(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	t.Parallel()
	address := newDatabase(t, nil)
	server, err := postgres()
	ok(t, err)
	query(t, address, "REVOKE CREATE ON SCHEMA public FROM PUBLIC; DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN")
	u, err := url.Parse(address)
	ok(t, err)
	u.User = url.User("reader")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		ctx     context.Context //nolint:containedctx // of one call
		address string
		want    string
	}{
		"no database":   {t.Context(), server.URL("none"), "PostgreSQL has no database of that name; create it, or check the address of the database"},
		"no privileges": {t.Context(), u.String(), "PostgreSQL does not let the backend's user do this; nothing was changed, make it the owner of the database"},
		"interrupted":   {ctx, address, "it was interrupted: context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.Open(tc.ctx, tc.address)
			if err == nil || err.Error() != tc.want {
				t.Errorf("got %v\nwant %s", err, tc.want)
			}
		})
	}
}

// Servers that start at once on one empty database take turns.
func TestServersOpenAFreshDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	t.Parallel()
	address := newDatabase(t, nil)
	var processes []*process
	for range 3 {
		processes = append(processes, start(t, "open", address))
	}
	var errs [8]error
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			s, err := store.Open(t.Context(), address)
			if err == nil {
				err = s.Close()
			}
			errs[i] = err
		})
	}
	wg.Wait()
	ok(t, errors.Join(errs[:]...))
	for _, p := range processes {
		ok(t, p.in.Close()) // begin
	}
	for _, p := range processes {
		if err := p.Wait(); err != nil {
			t.Errorf("a process failed: %v %s", err, p.log.String())
		}
	}
	opened(t, address)
}

// What is stored is UTF-8 whatever a client's connection has for a default.
func TestPostgresEncoding(t *testing.T) {
	address := newDatabase(t, nil)
	lab := testLab()
	lab.Tenants[0].Name = "Zürich GmbH"
	written, read := &fixture{path: address + "&client_encoding=LATIN1"}, &fixture{path: address}
	written.open(t)
	read.open(t)
	ok(t, written.ApplyLab(t.Context(), lab, nil))
	tenant, err := read.Tenant(t.Context(), lab.Tenants[0].Name)
	ok(t, err)
	equal(t, "name", tenant.Name, lab.Tenants[0].Name)
}

// ownServer starts a server for a test that hurts it.
func ownServer(t *testing.T) (server *postgrestest.Server, address string) {
	t.Helper()
	newDatabase(t, nil) // which skips where there is no server
	server, err := postgrestest.New()
	ok(t, err)
	t.Cleanup(func() { _ = server.Close() })
	name, err := server.NewDatabase("")
	ok(t, err)
	s, err := store.Open(t.Context(), server.URL(name))
	ok(t, err)
	must(s.ApplyLab(t.Context(), valid(testLab()), nil))
	ok(t, s.Close())
	return server, server.URL(name)
}

// While PostgreSQL is away the store says so, and afterwards it goes on by itself.
func TestStoreOutlivesPostgres(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	t.Parallel()
	server, address := ownServer(t)
	f := &fixture{path: address, at: time.Now().UTC()}
	f.open(t)
	f.abc = f.actor(t, "ABC")
	id := f.network(t, f.abc, "Silver network 1 (internet)").ID
	f.put(t, f.abc, id, app)
	server.Kill()
	for range 3 {
		_, err := f.DefaultGateway(t.Context(), f.abc, id)
		equal(t, "code of a read", vcc.Code(err), vcc.CodeUnavailable)
		_, _, err = f.PutDefaultGateway(t.Context(), f.abc, id, office, vcc.Precondition{})
		equal(t, "code of a write", vcc.Code(err), vcc.CodeUnavailable)
	}
	ok(t, server.Start())
	g, err := f.DefaultGateway(t.Context(), f.abc, id)
	ok(t, err)
	equal(t, "settings", g.GatewaySettings, app)
	f.abc.Name = "admin of ABC, later"
	f.put(t, f.abc, id, office)
	checkHistory(t, f, f.abc)
}

// TestWritesSurvivePostgresKill kills PostgreSQL at random moments while clients write.
// What they were told is stored is there afterwards, whole, and the history has no gap.
func TestWritesSurvivePostgresKill(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	t.Parallel()
	server, address := ownServer(t)
	f := &fixture{path: address, at: time.Now().UTC()}
	f.open(t)
	f.abc = f.actor(t, "ABC")
	networks := f.networks(t, f.abc)
	answered := map[string]string{}
	const rounds, writers = 20, 4
	for round := range rounds {
		var mu sync.Mutex
		var wg sync.WaitGroup
		written := make(chan struct{}, 1)
		for w := range writers {
			wg.Go(func() {
				for i := 0; ; i++ {
					as := f.abc
					as.Name = fmt.Sprintf("writer %d of round %d, write %d", w, round, i)
					said, err := randomWrite(context.Background(), f.Store, as, networks)
					switch vcc.Code(err) {
					case "":
						mu.Lock()
						answered[as.Name] = said
						mu.Unlock()
						select {
						case written <- struct{}{}:
						default:
						}
					case vcc.CodeNotFound, vcc.CodePreconditionFailed:
					case vcc.CodeUnavailable, vcc.CodeUnknown:
						return // PostgreSQL is gone
					default:
						t.Error(err)
						return
					}
				}
			})
		}
		for range 1 + rand.IntN(10) {
			<-written
		}
		server.Kill()
		wg.Wait()
		ok(t, server.Start())
		stored := checkHistory(t, f, f.abc)
		missing := 0
		for actor, said := range answered {
			if stored[actor] != said {
				missing++
				t.Errorf("round %d: %s was told that it wrote %q; stored is %q", round, actor, said, stored[actor])
			}
		}
		if unanswered := len(stored) - len(answered); unanswered > (round+1)*writers {
			t.Errorf("after round %d there are %d writes that nobody was told of", round, unanswered)
		}
		if t.Failed() {
			return
		}
	}
	if len(answered) < rounds {
		t.Errorf("only %d answered writes in %d rounds", len(answered), rounds)
	}
}

// In CI nothing is left out for want of a server.
func TestPostgresIsThereInCI(t *testing.T) {
	if _, err := postgres(); err != nil && os.Getenv("CI") != "" {
		t.Error(err)
	}
}

// waitingSessions are those of this database that wait for an advisory lock.
const waitingSessions = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted " +
	"AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"

// atCommit makes every commit of a change of a gateway wait for an advisory lock that the test
// has. It returns what waits until one does, and what lets go.
func atCommit(t *testing.T, address string) (waiter func() (pid string), release func()) {
	t.Helper()
	query(t, address, "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock(42); PERFORM pg_advisory_unlock(42); RETURN NULL; END $$")
	query(t, address, "CREATE CONSTRAINT TRIGGER wait AFTER INSERT OR UPDATE ON default_gateways DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()")
	db := openPast(t, address)
	t.Cleanup(func() { _ = db.Close() })
	holder, err := db.Conn(t.Context())
	ok(t, err)
	_, err = holder.ExecContext(t.Context(), "SELECT pg_advisory_lock(42)")
	ok(t, err)
	waiter = func() string {
		for {
			if waiting := rowsOf(t, db, waitingSessions+" AND objid = 42"); len(waiting) > 0 {
				return waiting[0]
			}
			time.Sleep(time.Millisecond) // the server tells nobody who waits
		}
	}
	return waiter, func() {
		_, err := holder.ExecContext(t.Context(), "SELECT pg_advisory_unlock(42)")
		ok(t, errors.Join(err, holder.Close()))
	}
}

// committing starts a write of f's first network on PostgreSQL and lets do act while its commit waits. It
// returns the write's error.
func committing(t *testing.T, do func(f *fixture, cancel func(), pid string, release func())) (f *fixture, err error) {
	t.Helper()
	f = &fixture{path: newDatabase(t, postgresTemplate), at: time.Now().UTC()}
	f.open(t)
	f.abc = f.actor(t, "ABC")
	n := f.networks(t, f.abc)[0]
	waiter, release := atCommit(t, f.path)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answer := make(chan error)
	go func() {
		_, _, err := f.PutDefaultGateway(ctx, f.abc, n.ID, app, vcc.Precondition{})
		answer <- err
	}()
	released := sync.OnceFunc(release)
	do(f, cancel, waiter(), released)
	err = <-answer
	released()
	return f, err
}

// wantUncertain checks that an error neither promises that nothing was changed, nor that anything was.
func wantUncertain(t *testing.T, err error) {
	t.Helper()
	switch text := fmt.Sprint(err); {
	case err == nil:
		t.Error("a write that was cut off succeeded")
	case strings.Contains(text, "nothing was changed") || !strings.Contains(text, "may have been carried out"):
		t.Errorf("it says %q", text)
	case vcc.Code(err) != vcc.CodeUnknown:
		t.Errorf("it has the code %q, which promises something", vcc.Code(err))
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		t.Errorf("it counts as a call that was canceled in time: %v", err)
	}
}

// TestPostgresCommitCutOff: a commit that was sent and not answered may have been carried out, so
// no error says that nothing was changed.
func TestPostgresCommitCutOff(t *testing.T) {
	t.Parallel()
	t.Run("on "+onPostgres, func(t *testing.T) {
		_, err := committing(t, func(f *fixture, _ func(), pid string, _ func()) {
			query(t, f.path, "SELECT pg_terminate_backend("+pid+")")
		})
		wantUncertain(t, err)
	})
}

// TestPostgresCommitOutlivesItsCaller: who asked may go, and the commit goes on.
func TestPostgresCommitOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	f, err := committing(t, func(_ *fixture, cancel func(), _ string, release func()) {
		cancel()
		release()
	})
	ok(t, err)
	equal(t, "gateways", len(f.gateways(t, f.abc)), 1)
	checkHistory(t, f, f.abc)
}

// A write that is canceled before its commit has changed nothing, and says that it was canceled.
func TestPostgresCanceledBeforeCommit(t *testing.T) {
	t.Parallel()
	f := &fixture{path: newDatabase(t, postgresTemplate), at: time.Now().UTC()}
	f.open(t)
	f.abc = f.actor(t, "ABC")
	n := f.networks(t, f.abc)[0]
	f.unchanged(t, func() {
		ok(t, f.Holding(t.Context(), func() { // so that the other waits for its lock
			ctx, cancel := context.WithCancel(t.Context())
			answer := make(chan error)
			go func() {
				_, _, err := f.PutDefaultGateway(ctx, f.abc, n.ID, app, vcc.Precondition{})
				answer <- err
			}()
			for len(query(t, f.path, waitingSessions)) == 0 {
				time.Sleep(time.Millisecond)
			}
			cancel()
			if err := <-answer; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		}))
	})
}

// waits reports whether a write waits for a lock of a transaction that is open; then it is canceled.
func (f *fixture) waits(t *testing.T, write func(context.Context) error) bool {
	t.Helper()
	before := query(t, f.path, waitingSessions) // the server may not have noticed yet that one was canceled
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { done <- write(ctx) }()
	for {
		select {
		case <-done:
			return false
		default:
		}
		waiting := query(t, f.path, waitingSessions)
		if slices.ContainsFunc(waiting, func(pid string) bool { return !slices.Contains(before, pid) }) {
			cancel()
			<-done
			return true
		}
		time.Sleep(time.Millisecond)
	}
}

// TestPostgresWritesWait: every write of a tenant's waits for the one before it, because what it
// reads decides what it stores.
func TestPostgresWritesWait(t *testing.T) {
	t.Parallel()
	t.Run(onPostgres, func(t *testing.T) {
		f, esx, hyperV := twoPlans(t)
		_, err := f.StartFailover(t.Context(), f.abc, hyperV.ID, false, quietly)
		ok(t, err)
		_, err = f.StartPartialFailover(t.Context(), f.abc, "db01")
		ok(t, err)
		n, job := f.networks(t, f.abc)[0].ID, f.job(t, f.abc, "Nightly").ID
		ok(t, f.HoldingTenant(t.Context(), f.abc.TenantID, func() {
			for name, write := range map[string]func(context.Context) error{
				"put": func(ctx context.Context) error {
					_, _, err := f.PutDefaultGateway(ctx, f.abc, n, office, vcc.Precondition{})
					return err
				},
				"remove": func(ctx context.Context) error { return f.RemoveDefaultGateway(ctx, f.abc, n, vcc.Precondition{}) },
				"restore": func(ctx context.Context) error {
					_, err := f.RestoreDetectedGateway(ctx, f.abc, n, vcc.Precondition{})
					return err
				},
				"run": func(ctx context.Context) error {
					_, err := f.RunReplicationJob(ctx, f.abc, job)
					return err
				},
				"start": func(ctx context.Context) error {
					_, err := f.StartFailover(ctx, f.abc, esx.ID, true, quietly)
					return err
				},
				"undo": func(ctx context.Context) error {
					_, err := f.UndoFailover(ctx, f.abc, hyperV.ID)
					return err
				},
				"start of a VM": func(ctx context.Context) error {
					_, err := f.StartPartialFailover(ctx, f.abc, "web01")
					return err
				},
				"stop of a VM": func(ctx context.Context) error {
					_, err := f.StopPartialFailover(ctx, f.abc, "db01")
					return err
				},
			} {
				if !f.waits(t, write) {
					t.Errorf("%s did not wait", name)
				}
			}
		}))
	})
}

// TestPostgresScopes: writes of one tenant wait for each other and for one of everything, and for
// nobody else's.
func TestPostgresScopes(t *testing.T) {
	t.Parallel()
	f := &fixture{path: newDatabase(t, postgresTemplate), at: time.Now().UTC()}
	f.open(t)
	abc, xyz := f.actor(t, "ABC"), f.actor(t, "XYZ")
	route := func(ctx context.Context, as vcc.Actor) error {
		r, err := f.NetworkRouting(ctx, as)
		if err == nil {
			_, err = f.PutNetworkRouting(ctx, as, !r.Enabled, vcc.Precondition{})
		}
		return err
	}
	waits := func(as vcc.Actor) bool {
		return f.waits(t, func(ctx context.Context) error { return route(ctx, as) })
	}
	got := map[string]bool{}
	ok(t, f.HoldingTenant(t.Context(), abc.TenantID, func() {
		got["ABC's beside ABC's"], got["XYZ's beside ABC's"] = waits(abc), waits(xyz)
	}))
	ok(t, f.Holding(t.Context(), func() {
		got["ABC's beside everything"], got["XYZ's beside everything"] = waits(abc), waits(xyz)
	}))
	equal(t, "writes that wait", got, map[string]bool{
		"ABC's beside ABC's": true, "XYZ's beside ABC's": false, "ABC's beside everything": true, "XYZ's beside everything": true,
	})
}

// TestPostgresErrorsInWords: what a user can do something about is said in words, with a code that
// lets a client try again, and what PostgreSQL said stays behind it for the log. An error that is
// the program's own fault stays what it is.
func TestPostgresErrorsInWords(t *testing.T) {
	state := func(code string) error {
		return fmt.Errorf("statement: %w", &pgconn.PgError{Code: code, Message: "raw text"})
	}
	for _, tc := range []struct {
		err    error
		want   string // "": as it was
		broken bool   // nothing is known of what was asked for
	}{
		{state("53300"), "PostgreSQL has no connection left for the backend; nothing was changed, try again", false},
		{state("53100"), "PostgreSQL has no space or memory left; nothing was changed", false},
		{state("55P03"), "other writes took too long; nothing was changed, try again", false},
		{state("57014"), "other writes took too long; nothing was changed, try again", false},
		{state("57P01"), "PostgreSQL is stopping or starting; nothing was changed, try again", true},
		{state("25P03"), "the backend left a transaction idle for too long, and PostgreSQL ended it; nothing was changed, try again", true},
		{state("57P03"), "PostgreSQL is stopping or starting; nothing was changed, try again", true},
		{state("25006"), "this PostgreSQL server is read only, as a standby is; nothing was changed", false},
		{state("42501"), "PostgreSQL does not let the backend's user do this; nothing was changed, make it the owner of the database", false},
		{state("28P01"), "PostgreSQL refuses the backend's user or password; nothing was changed, check the address of the database", false},
		{state("3D000"), "PostgreSQL has no database of that name; create it, or check the address of the database", false},
		{fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), "the connection to PostgreSQL broke; nothing was changed, try again", true},
		{&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, "the connection to PostgreSQL broke; nothing was changed, try again", true},
		{fmt.Errorf("using it: %w", driver.ErrBadConn), "the connection to PostgreSQL broke; nothing was changed, try again", true},
		{state("23505"), "", false},
		{state("42601"), "", false},
		{fmt.Errorf("asking: %w", context.Canceled), "", false},
		{fmt.Errorf("asking: %w", context.DeadlineExceeded), "", false},
		{errors.New("a fault of the program"), "", false},
		{&vcc.Error{Code: vcc.CodeConflict, Message: "of the domain"}, "", false},
		{nil, "", false},
	} {
		got := store.TranslatePostgres(tc.err)
		equal(t, fmt.Sprint(tc.err, " is of a broken connection"), store.PostgresBroken(tc.err), tc.broken)
		if tc.want == "" {
			if got != tc.err { //nolint:errorlint // the very same
				t.Errorf("%v became %v", tc.err, got)
			}
			continue
		}
		wantError(t, got, &vcc.Error{Code: vcc.CodeUnavailable, Message: tc.want})
		equal(t, "text", fmt.Sprint(got), tc.want)
		if !errors.Is(got, tc.err) {
			t.Errorf("the log gets nothing of %v", tc.err)
		}
	}
}
