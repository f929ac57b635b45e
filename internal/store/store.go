// Package store keeps the domain's objects in an SQL database: it implements the
// services of package vcc and is the only place that knows SQL.
//
// A Store is safe for concurrent use, also by several processes on one
// database. Every write is one transaction; one that returned without an error
// survives a crash of the process and of the machine.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Both databases take the same SQL.
//
//go:embed migrations/*.sql
var migrations embed.FS

// Store implements the services of package vcc.
type Store struct {
	db *sql.DB
	// probe has one connection, for Readiness alone, however many wait for one of db's.
	probe    *sql.DB
	engine   engine
	prepared map[string]*sql.Stmt // by their text, see prepare
	// writers has room for as many write transactions of this process as may be open.
	writers chan struct{}
	known   *knownPasswords
	now     func() time.Time
	// clock is the time by which the failures of logins count.
	clock func(context.Context, querier) (time.Time, error)
	// closers run before the databases are closed.
	closers []func()
	// Who logs in, and who tries to.
	guesses        guesses
	wrongRefreshes wrongRefreshes
}

var (
	_ vcc.DefaultGatewayService = (*Store)(nil)
	_ vcc.NetworkRoutingService = (*Store)(nil)
	_ vcc.FailoverPlanService   = (*Store)(nil)
	_ vcc.NetworkService        = (*Store)(nil)
	_ vcc.ReplicationJobService = (*Store)(nil)
	_ vcc.LabService            = (*Store)(nil)
	_ vcc.TenantService         = (*Store)(nil)
)

// engine is what the databases do differently.
type engine interface {
	// lock waits until a write transaction is the only one of its scope. What it reads
	// afterwards is what the one before it committed.
	lock(ctx context.Context, tx querier, of scope) error
	// text is a string as a bound value.
	text(s string) any
	// analyze tells the planner of queries how much a lab has of what, if it asks.
	analyze(ctx context.Context, tx querier) error
	// takeYourTime lifts the limits of a transaction's time, for what grows with the database.
	takeYourTime(ctx context.Context, tx querier) error
	// writing are the options of a transaction that writes.
	writing() *sql.TxOptions
	// settle gives a transaction its settings, where its connection does not keep them.
	settle(ctx context.Context, tx querier) error
	// commit commits the transaction of a connection. What it returns is uncertain where the commit may
	// have been carried out.
	commit(conn *sql.Conn, tx *sql.Tx) error
	// snapshot are the options of a transaction in which nothing changes.
	snapshot() *sql.TxOptions
	// broken reports whether an error says nothing about what was asked, because the
	// connection or the server ended.
	broken(err error) bool
	// absent reports whether an error says that there is no server to connect to.
	absent(err error) bool
	// translate turns the errors that a user can do something about into the domain's;
	// the others stay as they are, for the log.
	translate(err error) error
}

// storageError is an error of a database in words. What the database said is for the log.
type storageError struct {
	said  *vcc.Error
	cause error
}

func (e *storageError) Error() string { return e.said.Error() }

// Unwrap returns both. The cause may be nil.
func (e *storageError) Unwrap() []error { return []error{e.said, e.cause} }

// LogValue implements slog.LogValuer.
func (e *storageError) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprintf("%v (%v)", e.said, e.cause))
}

// uncertain is the error of a commit that may have been carried out. It is no cancellation any
// more, of which nothing would be left, and nothing that can be tried again.
func uncertain(cause error) error {
	return &storageError{&vcc.Error{Code: vcc.CodeUnknown, Message: "the commit was cut off or not confirmed, and may have been carried out; look what is stored"}, errors.New(cause.Error())}
}

// Open opens a database by its address, "sqlite:PATH" or "postgres://...", and brings
// its schema up to date. No error has the password that an address may have.
func Open(ctx context.Context, database string) (*Store, error) {
	scheme, rest, _ := strings.Cut(database, ":")
	switch {
	case scheme == "sqlite" && rest != "":
		s, err := OpenSQLite(ctx, rest)
		if err == nil {
			s.engine = sqliteEngine{} // where a server's files are is no business of its users
		}
		return s, err
	case scheme == "postgres" || scheme == "postgresql":
		return OpenPostgres(ctx, database)
	}
	return nil, errors.New("a database is sqlite:PATH or postgres://USER@HOST/DATABASE")
}

func newStore(db, probe *sql.DB, e engine, writers int) *Store {
	s := &Store{
		db: db, probe: probe, engine: e, writers: make(chan struct{}, writers), known: newKnownPasswords(),
		now: func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) },
	}
	s.clock = func(context.Context, querier) (time.Time, error) { return s.now(), nil }
	return s
}

// newMigrations returns what brings a schema up to date.
func newMigrations(dialect goose.Dialect, db *sql.DB, options ...goose.ProviderOption) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	options = append(options, goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(fillConnectedNetworks, renameNetworks, storeJobsOnce, collateKeys(dialect), serverExports(dialect), specifiedPlans(dialect), failoverReports(dialect), removedDetections(dialect)))
	return goose.NewProvider(dialect, db, files, options...)
}

// checkVersion refuses a schema that this program does not know, and reports whether
// it is up to date.
func checkVersion(ctx context.Context, m *goose.Provider) (bool, error) {
	current, target, err := m.GetVersions(ctx)
	if err == nil && current > target {
		err = unavailable(nil, "its schema has version %d and this program knows versions up to %d only: it was written by a newer release; use that one", current, target)
	}
	return current == target, err
}

// Close releases the database. Calls under way fail.
func (s *Store) Close() error {
	for _, c := range s.closers {
		c()
	}
	return errors.Join(s.db.Close(), s.probe.Close())
}

// scope is what a write transaction may read and change. No two transactions of one
// scope run at once, nor anything beside one of everything.
type scope string

const everything scope = ""

// ofTenant is everything that belongs to one tenant.
func ofTenant(id string) scope { return scope("tenant/" + id) }

// write runs fn in a transaction that is the only one of its scope, and commits it. It
// returns what fn returned, also with an error.
// fn may run again, from the start, where nothing of it was kept.
//
// Until the commit ctx cancels it, and then nothing was changed. The commit itself goes on whatever
// becomes of the caller, within commitTimeout.
func write[T any](ctx context.Context, s *Store, of scope, fn func(tx querier) (T, error)) (result T, err error) {
	select {
	case s.writers <- struct{}{}:
		defer func() { <-s.writers }()
	case <-ctx.Done():
		return result, ctx.Err()
	}
	var w *writeTx
	result, err = again(s, func() (result T, err error) {
		if w, err = s.beginWrite(ctx); err != nil {
			return result, err
		}
		if err = s.engine.settle(ctx, w.querier); err == nil {
			err = s.engine.lock(ctx, w.querier, of)
		}
		if err == nil {
			result, err = fn(w.querier)
		}
		if err != nil {
			w.rollback()
		}
		return result, err
	})
	if err == nil {
		err = w.commit(ctx)
	}
	return result, s.engine.translate(err)
}

// writeTx is a transaction that writes, on a connection of its own. It ends with rollback or commit.
type writeTx struct {
	querier

	conn   *sql.Conn
	cancel context.CancelFunc
	// release takes the transaction from its caller's context, and reports whether that had
	// not ended before.
	release func() bool
}

func (s *Store) beginWrite(ctx context.Context) (_ *writeTx, err error) {
	w := &writeTx{querier: querier{store: s}}
	if w.conn, err = s.db.Conn(ctx); err != nil {
		return nil, err
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancel, w.release = cancel, context.AfterFunc(ctx, cancel)
	if w.tx, err = w.conn.BeginTx(own, s.engine.writing()); err != nil {
		w.end()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	return w, nil
}

// end gives the connection back.
func (w *writeTx) end() {
	w.release()
	w.cancel()
	_ = w.conn.Close()
}

func (w *writeTx) rollback() {
	_ = w.tx.Rollback() // a transaction that does not commit leaves nothing
	w.end()
}

func (w *writeTx) commit(ctx context.Context) error {
	if !w.release() {
		w.rollback()
		return ctx.Err()
	}
	defer w.end()
	late := time.AfterFunc(commitTimeout, w.cancel)
	defer late.Stop()
	return w.store.engine.commit(w.conn, w.tx)
}

// write is for transactions without a result.
func (s *Store) write(ctx context.Context, of scope, fn func(tx querier) error) error {
	_, err := write(ctx, s, of, func(tx querier) (struct{}, error) { return struct{}{}, fn(tx) })
	return err
}

// read runs fn in a transaction in which nothing changes. It returns what fn returned, also
// with an error. fn may run again.
func read[T any](ctx context.Context, s *Store, fn func(tx querier) (T, error)) (T, error) {
	result, err := again(s, func() (result T, err error) {
		tx, err := s.db.BeginTx(ctx, s.engine.snapshot())
		if err != nil {
			return result, err
		}
		defer tx.Rollback() //nolint:errcheck // it changed nothing
		q := querier{s, tx}
		if err = s.engine.settle(ctx, q); err == nil {
			result, err = fn(q)
		}
		if err != nil {
			return result, err
		}
		return result, tx.Commit()
	})
	return result, s.engine.translate(err)
}

// page is a part of a list, and how many entries the whole list has.
type page[T any] struct {
	entries []T
	total   int
}

// readPage is read for a page of a list.
func readPage[T any](ctx context.Context, s *Store, fn func(tx querier) (page[T], error)) ([]T, int, error) {
	p, err := read(ctx, s, fn)
	if err != nil {
		return nil, 0, err
	}
	return p.entries, p.total, nil
}

// again runs something that leaves nothing when it fails, once more for every
// connection that turns out to be one to a server that has ended since.
func again[T any](s *Store, run func() (T, error)) (result T, err error) {
	for range 1 + s.db.Stats().OpenConnections {
		if result, err = run(); !s.engine.broken(err) || s.engine.absent(err) {
			break
		}
	}
	return result, err
}

func unavailable(cause error, format string, args ...any) error {
	return &storageError{&vcc.Error{Code: vcc.CodeUnavailable, Message: fmt.Sprintf(format, args...)}, cause}
}

// notFound is the answer for what is missing and for what is another tenant's
// alike (D20).
func notFound(id, format string, args ...any) error {
	return &vcc.Error{Code: vcc.CodeNotFound, ResourceID: id, Message: vcc.Message(format, args...)}
}

// convert maps rows to domain values.
func convert[Row, T any](rows []Row, to func(Row) T) []T {
	list := make([]T, len(rows))
	for i, r := range rows {
		list[i] = to(r)
	}
	return list
}
