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
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store implements the services of package vcc.
type Store struct {
	db *bun.DB
	// writing queues this process's writers in order of arrival, so that SQLite's
	// busy timeout is left for other processes.
	writing sync.Mutex
	now     func() time.Time
}

var (
	_ vcc.DefaultGatewayService = (*Store)(nil)
	_ vcc.NetworkRoutingService = (*Store)(nil)
	_ vcc.NetworkService        = (*Store)(nil)
	_ vcc.ReplicationJobService = (*Store)(nil)
	_ vcc.LabService            = (*Store)(nil)
)

// busyTimeout is how long a process waits for another that is writing.
const busyTimeout = 10 * time.Second

// OpenSQLite opens the database file, creates it if there is none, and brings
// its schema up to date.
func OpenSQLite(ctx context.Context, path string) (*Store, error) {
	// Synchronous=FULL makes a commit wait until it is on disk, and fullfsync makes
	// macOS mean it. Write transactions begin "immediate": one that began as a
	// reader could not become a writer once another process had written.
	db, err := openSQLite(path, url.Values{
		"_synchronous": {"FULL"}, "_pragma": {"fullfsync(1)"},
		"_foreign_keys": {"on"}, "_time_format": {"sqlite"},
	})
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, db, lockFile(path+".lock")); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{
		db:  bun.NewDB(db, dialect{sqlitedialect.New()}),
		now: func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) },
	}, nil
}

// dialect also writes strings with NUL characters, which bun refuses: nothing has
// such an ID or name, and that is the answer, not a failure.
type dialect struct{ *sqlitedialect.Dialect }

func (d dialect) AppendString(b []byte, s string) []byte {
	for i, part := range strings.Split(s, "\x00") {
		if i > 0 {
			b = append(b, " || char(0) || "...)
		}
		b = d.Dialect.AppendString(b, part)
	}
	return b
}

func openSQLite(path string, parameters url.Values) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	parameters.Set("_txlock", "immediate")
	parameters.Set("_busy_timeout", fmt.Sprint(busyTimeout.Milliseconds()))
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(path), OmitHost: true, RawQuery: parameters.Encode()}
	return sql.Open("sqlite", dsn.String())
}

// Close releases the database. Calls under way fail.
func (s *Store) Close() error { return s.db.Close() }

// migrate brings the schema up to date, one process at a time.
func migrate(ctx context.Context, db *sql.DB, lock lockFile) (err error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	m, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(fillConnectedNetworks))
	if err != nil {
		return err
	}
	if ready, err := upToDate(ctx, db, m); ready || err != nil {
		return err
	}
	release, err := lock.acquire(ctx)
	if err != nil {
		return fmt.Errorf("waiting for another process that is preparing the database: %w", err)
	}
	defer func() { err = errors.Join(err, release()) }()
	// WAL lets readers go on beside the one writer. The mode stays in the file, and
	// of two processes that change it at once SQLite would fail one without waiting.
	if _, err := db.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	_, err = m.Up(ctx)
	return err
}

// upToDate looks without taking a lock. A database without goose's table is not
// asked further: goose would create the table, beside others doing the same.
func upToDate(ctx context.Context, db *sql.DB, m *goose.Provider) (bool, error) {
	var journal string
	var tables int
	err := errors.Join(
		db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&journal),
		db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE name = ?", goose.DefaultTablename).Scan(&tables),
	)
	if err != nil || tables == 0 || journal != "wal" {
		return false, err
	}
	current, target, err := m.GetVersions(ctx)
	if err == nil && current > target {
		err = fmt.Errorf("its schema has version %d and this program knows versions up to %d only: it was written by a newer release; use that one", current, target)
	}
	return current == target, err
}

// lockFile is a lock between processes: an SQLite database of its own in which
// the holder keeps a write transaction open. Like any file lock it goes with
// the process that holds it, and SQLite's works on every platform.
type lockFile string

func (l lockFile) acquire(ctx context.Context) (release func() error, err error) {
	db, err := openSQLite(string(l), url.Values{})
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), db.Close()) }, nil
}

// scope is what a write transaction may read and change. No two transactions of one
// scope run at once, nor anything beside one of everything. SQLite has one writer
// whatever its scope.
type scope string

const everything scope = ""

// ofTenant is everything that belongs to one tenant.
func ofTenant(id string) scope { return scope("tenant/" + id) }

// write runs fn in a transaction that is the only one of its scope, and commits it.
func (s *Store) write(ctx context.Context, _ scope, fn func(tx bun.Tx) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return translate(s.db.RunInTx(ctx, nil, func(_ context.Context, tx bun.Tx) error { return fn(tx) }))
}

// read runs fn in a transaction in which nothing changes.
func (s *Store) read(ctx context.Context, fn func(tx bun.Tx) error) error {
	return translate(s.db.RunInTx(ctx, &sql.TxOptions{ReadOnly: true}, func(_ context.Context, tx bun.Tx) error { return fn(tx) }))
}

// translate turns the database's errors that a user can do something about into
// the domain's; the others stay as they are, for the log.
func translate(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	unavailable := func(message string) error {
		return errors.Join(&vcc.Error{Code: vcc.CodeUnavailable, Message: message}, err)
	}
	switch e.Code() & 0xff { // the primary result code
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return unavailable("another process is writing to the store; nothing was changed, try again")
	case sqlite3.SQLITE_FULL:
		return unavailable("there is no space left for the store; nothing was changed")
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
		return unavailable("the store's files cannot be written; nothing was changed, check the permissions of its folder")
	}
	return err
}

// notFound is the answer for what is missing and for what is another tenant's
// alike (rule 20).
func notFound(id, format string, args ...any) error {
	return &vcc.Error{Code: vcc.CodeNotFound, ResourceID: id, Message: fmt.Sprintf(format, args...)}
}

// scanPage reads one page of a query's rows and counts them all.
func scanPage[Row any](ctx context.Context, q *bun.SelectQuery, p vcc.Page) ([]Row, int, error) {
	var rows []Row
	total, err := q.Offset(int64(p.Skip)).Limit(int64(p.Limit)).ScanAndCount(ctx, &rows)
	return rows, int(total), err
}

// convert maps rows to domain values.
func convert[Row, T any](rows []Row, to func(Row) T) []T {
	list := make([]T, len(rows))
	for i, r := range rows {
		list[i] = to(r)
	}
	return list
}
