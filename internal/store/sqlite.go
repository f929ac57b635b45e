package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// sqliteEngine is SQLite, which has one writer whatever its scope. This process's writers
// queue in order of arrival, so that SQLite's busy timeout is left for other processes.
type sqliteEngine struct {
	// path is the database's file for who may know it, "" for others.
	path string
}

func (sqliteEngine) lock(context.Context, querier, scope) error { return nil } // it was taken as the transaction began

func (sqliteEngine) analyze(context.Context, querier) error { return nil } // the keys decide

func (sqliteEngine) text(s string) any { return s }

func (sqliteEngine) writing() *sql.TxOptions { return nil }

func (sqliteEngine) settle(context.Context, querier) error { return nil } // a connection keeps its settings

func (sqliteEngine) commit(_ *sql.Conn, tx *sql.Tx) error { return tx.Commit() }

func (sqliteEngine) snapshot() *sql.TxOptions { return &sql.TxOptions{ReadOnly: true} }

// sqliteConnections are as many as a process opens; whoever needs one more waits. More of them are
// slower, because they wait for each other within SQLite, and each has a cache and its statements.
const sqliteConnections = 16

// busyTimeout is how long a process waits for another that is writing.
const busyTimeout = 10 * time.Second

// OpenSQLite opens the database file, creates it if there is none, and brings
// its schema up to date. One that may be read and not be written is read; then every write
// is refused, with CodeUnavailable.
func OpenSQLite(ctx context.Context, path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	e := sqliteEngine{path}
	s, err := e.open(ctx, func() *sql.DB {
		return openSQLite(path, url.Values{
			// Synchronous=FULL makes a commit wait until it is on disk, and fullfsync makes
			// macOS mean it.
			"_synchronous": {"FULL"}, "_pragma": {"fullfsync(1)"}, "_foreign_keys": {"on"},
		})
	}, func(db *sql.DB) error {
		// SQLite's other files get the mode of this one, which has the hashes of passwords.
		if file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err == nil { // else SQLite says what is wrong
			_ = file.Close()
		}
		return migrate(ctx, db, lockFile(path+".lock"))
	})
	if cannotWrite(err) {
		if info, statErr := os.Stat(path); statErr == nil && info.Mode().IsRegular() && info.Size() > 0 {
			s, err = e.open(ctx, func() *sql.DB { return sql.OpenDB(readOnlyFile(path)) }, func(db *sql.DB) error {
				db.SetMaxIdleConns(0) // so that each transaction sees the file as it is then
				return checkReadable(ctx, db)
			})
		}
	}
	if err != nil {
		return nil, e.opening(ctx, err)
	}
	return s, nil
}

// open makes a store of a database that prepare makes ready, with connections of connect. The errors are SQLite's.
func (e sqliteEngine) open(ctx context.Context, connect func() *sql.DB, prepare func(*sql.DB) error) (*Store, error) {
	db, probe := connect(), connect()
	db.SetMaxOpenConns(sqliteConnections)
	db.SetMaxIdleConns(sqliteConnections)
	probe.SetMaxOpenConns(1)
	probe.SetMaxIdleConns(0) // it is seldom asked for, and opening it looks at the file as it is then
	s := newStore(db, probe, e, 1)
	err := prepare(db)
	if err == nil {
		err = s.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func openSQLite(path string, parameters url.Values) *sql.DB {
	db, _ := sql.Open("sqlite", sqliteURL(path, parameters)) // which fails where there is no such driver
	return db
}

// sqliteURL is what the driver takes. Write transactions begin "immediate": one that began
// as a reader could not become a writer once another process had written.
func sqliteURL(path string, parameters url.Values) string {
	parameters.Set("_txlock", "immediate")
	parameters.Set("_busy_timeout", fmt.Sprint(busyTimeout.Milliseconds()))
	parameters.Set("_time_format", "sqlite")
	parameters.Set("_timezone", "UTC")
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(path), OmitHost: true, RawQuery: parameters.Encode()}
	return dsn.String()
}

// readOnlyFile connects to a database that may not be written, nor may anything beside it.
// With a write-ahead log SQLite needs two files there. Where somebody uses the database, or was
// killed while using it, there they are; else the log is empty, and the database alone is all
// there is: "immutable" tells SQLite so.
type readOnlyFile string

// Connect implements driver.Connector.
func (f readOnlyFile) Connect(ctx context.Context) (driver.Conn, error) {
	parameters := url.Values{"mode": {"ro"}}
	if log, err := os.Stat(string(f) + "-wal"); err != nil || log.Size() == 0 {
		parameters.Set("immutable", "1")
	}
	c, err := sqlite.NewConnector(sqliteURL(string(f), parameters))
	if err != nil {
		return nil, err
	}
	return c.Connect(ctx)
}

// Driver implements driver.Connector.
func (f readOnlyFile) Driver() driver.Driver { return &sqlite.Driver{} }

// checkReadable refuses a schema that would have to be brought up to date first.
func checkReadable(ctx context.Context, db *sql.DB) error {
	m, err := newMigrations(goose.DialectSQLite3, db)
	if err != nil {
		return err
	}
	tables := 0
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE name = ?", goose.DefaultTablename).Scan(&tables); err != nil {
		return err
	}
	ready := false
	if tables > 0 {
		if ready, err = checkVersion(ctx, m); err != nil {
			return err
		}
	}
	if !ready {
		return unavailable(nil, "it is of an older release, or was never finished, and has to be opened once by a user who may write it")
	}
	return nil
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
	var others int
	err := db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&journal)
	if err == nil {
		err = db.QueryRowContext(ctx, "SELECT COALESCE(sum(name = ?), 0), count(*) FROM sqlite_master", goose.DefaultTablename).Scan(&tables, &others)
	}
	if err == nil && tables == 0 && others > 0 {
		err = unavailable(nil, "it is a database of another program; name another file or folder")
	}
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
	db := openSQLite(string(l), url.Values{})
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), db.Close()) }, nil
}

func (sqliteEngine) broken(error) bool { return false } // it is in this process

func (sqliteEngine) absent(error) bool { return false }

// cannotWrite reports whether SQLite would have to write and cannot.
func cannotWrite(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && slices.Contains([]int{sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}, e.Code()&0xff)
}

// explain says what a primary result code of SQLite means, and what to do about it. kept
// says that whatever was asked for did not happen, for sure.
func (e sqliteEngine) explain(code int) (what, advice string, kept bool) {
	file := "the store"
	if e.path != "" {
		file = e.path
	}
	switch code {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return "another process is writing to " + file, "Try again", true
	case sqlite3.SQLITE_FULL:
		return "there is no space left for " + file, "Make room, and try again", true
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return file + " cannot be written", "Check the permissions of its folder and of the files there", true
	case sqlite3.SQLITE_NOTADB:
		return file + " is not a database", "Name another file or folder, or move it away", true
	case sqlite3.SQLITE_CORRUPT:
		return file + " is damaged", "Restore a backup", true
	case sqlite3.SQLITE_NOMEM:
		return "there is no memory left for " + file, "Try again", true
	case sqlite3.SQLITE_IOERR:
		return file + " cannot be read or written, because its disk fails or is full", "Look what is stored once the disk works", false
	}
	return "", "", false
}

func (e sqliteEngine) translate(err error) error {
	var s *sqlite.Error
	if !errors.As(err, &s) || vcc.Code(err) == vcc.CodeUnavailable { // in words already
		return err
	}
	what, advice, kept := e.explain(s.Code() & 0xff)
	switch {
	case what == "":
		return err
	case kept:
		return unavailable(err, "%s; nothing was changed. %s", what, advice)
	}
	return unavailable(err, "%s. %s", what, advice)
}

// opening puts an error of opening the database into words. What of the schema was brought up to
// date by then stays, and the next time goes on from there.
func (e sqliteEngine) opening(ctx context.Context, err error) error {
	var s *sqlite.Error
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("opening %s was interrupted: %w", e.path, ctx.Err())
	case vcc.Code(err) == vcc.CodeUnavailable:
		return fmt.Errorf("%s: %w", e.path, err)
	case errors.As(err, &s):
		what, advice, _ := e.explain(s.Code() & 0xff)
		if cannotWrite(err) { // the system knows why
			if file, openErr := os.OpenFile(e.path, os.O_RDWR|os.O_CREATE, 0o600); openErr == nil {
				_ = file.Close()
				what = "no files can be made beside " + e.path
			} else if path := new(os.PathError); errors.As(openErr, &path) {
				what = fmt.Sprintf("%s cannot be opened: %v", e.path, path.Err)
				switch {
				case errors.Is(openErr, fs.ErrNotExist):
					advice = "Make its folder first"
				case errors.Is(openErr, syscall.EISDIR):
					advice = "Name a file in it"
				}
			}
		}
		if what != "" {
			return unavailable(err, "%s. %s", what, advice)
		}
	}
	if partial := new(goose.PartialError); errors.As(err, &partial) { // whose text is about the program
		err = partial.Err
	}
	return fmt.Errorf("%s cannot be brought up to date: %w", e.path, err)
}
