package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteEngine is SQLite, which has one writer whatever its scope. This process's writers
// queue in order of arrival, so that SQLite's busy timeout is left for other processes.
type sqliteEngine struct{}

func (sqliteEngine) lock(context.Context, querier, scope) error { return nil } // it was taken as the transaction began

func (sqliteEngine) analyze(context.Context, querier) error { return nil } // the keys decide

func (sqliteEngine) text(s string) any { return s }

func (sqliteEngine) snapshot() *sql.TxOptions { return &sql.TxOptions{ReadOnly: true} }

// sqliteConnections are as many as are kept for who asks next, with their statements.
const sqliteConnections = 16

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
		"_foreign_keys": {"on"}, "_time_format": {"sqlite"}, "_timezone": {"UTC"},
	})
	if err != nil {
		return nil, err
	}
	// SQLite's other files get the mode of this one, which has the hashes of passwords.
	if file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err == nil { // else SQLite says what is wrong
		_ = file.Close()
	}
	if err := migrate(ctx, db, lockFile(path+".lock")); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	db.SetMaxIdleConns(sqliteConnections)
	s := newStore(db, sqliteEngine{}, 1)
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(s.engine.translate(err), db.Close())
	}
	return s, nil
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

// migrate brings the schema up to date, one process at a time.
func migrate(ctx context.Context, db *sql.DB, lock lockFile) (err error) {
	m, err := newMigrations(goose.DialectSQLite3, db)
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
	return checkVersion(ctx, m)
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

func (sqliteEngine) broken(error) bool { return false } // it is in this process

func (sqliteEngine) translate(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff { // the primary result code
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return unavailable(err, "another process is writing to the store; nothing was changed, try again")
	case sqlite3.SQLITE_FULL:
		return unavailable(err, "there is no space left for the store; nothing was changed")
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
		return unavailable(err, "the store's files cannot be written; nothing was changed, check the permissions of its folder")
	}
	return err
}
