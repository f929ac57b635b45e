package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/jackc/pgx/v5/pgconn"
)

// Readiness tells whether writes to a store's database succeed now. It is safe for concurrent use.
type Readiness struct {
	store *Store
	// file is what an SQLite database was as it was opened, nil for PostgreSQL.
	path string
	file os.FileInfo

	checking sync.Mutex
	at       time.Time
	last     error
}

const (
	// readinessKept is how long an answer is given again, so that no crowd of probes is a load.
	readinessKept = time.Second
	// readinessTimeout is how long a database may take for the smallest of writes.
	readinessTimeout = 5 * time.Second
)

// Readiness returns what watches this store's database from now on.
func (s *Store) Readiness(ctx context.Context) (*Readiness, error) {
	r := &Readiness{store: s}
	if _, ok := s.engine.(sqliteEngine); !ok {
		return r, nil
	}
	err := s.probe.QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&r.path)
	if err == nil {
		r.file, err = os.Stat(r.path)
	}
	if err != nil {
		return nil, s.engine.translate(err)
	}
	return r, nil
}

// Check returns why writes do not succeed, as a *vcc.Error with CodeUnavailable whose message says
// what kind of cause it is, and no name or address. The cause is for the log. It makes a write that changes nothing
// and waits until that is as durable as any other. An answer may be a second old.
//
// A database that others keep busy is ready: writes wait for their turn then.
func (r *Readiness) Check(ctx context.Context) error {
	r.checking.Lock() // those that come meanwhile get the same answer
	defer r.checking.Unlock()
	if !r.at.IsZero() && time.Since(r.at) < readinessKept {
		return r.last
	}
	// Who asked may be gone by then, and others wait for the answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readinessTimeout)
	defer cancel()
	r.last = r.check(ctx)
	r.at = time.Now()
	return r.last
}

func (r *Readiness) check(ctx context.Context) error {
	if r.file == nil {
		return r.checkPostgres(ctx)
	}
	return r.checkSQLite(ctx)
}

// checkSQLite writes the schema's own number anew, in the first page of the file.
func (r *Readiness) checkSQLite(ctx context.Context) error {
	// On Unix a file that was removed or replaced can be written as before, and nobody finds it again.
	if now, err := os.Stat(r.path); err != nil || !os.SameFile(now, r.file) {
		if err == nil {
			err = errors.New("the path has another file")
		}
		return unavailable(err, "the database's file was removed or replaced")
	}
	select {
	case r.store.writers <- struct{}{}:
		defer func() { <-r.store.writers }()
	case <-ctx.Done():
		return nil // this process is writing
	}
	err := r.write(ctx, func(tx querier) error {
		version, err := queryValue[int](ctx, tx, "PRAGMA user_version")
		if err != nil {
			return err
		}
		return tx.exec(ctx, fmt.Sprintf("PRAGMA user_version = %d", version)) // which binds no values
	})
	var e *sqlite.Error
	switch {
	case err == nil, ctx.Err() != nil: // or another process is writing
		return nil
	case !errors.As(err, &e):
		return unavailable(err, "the database does not answer")
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED: // as above
		return nil
	case sqlite3.SQLITE_FULL:
		return unavailable(err, "no space is left for the database")
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return unavailable(err, "the database is read only")
	case sqlite3.SQLITE_IOERR:
		return unavailable(err, "the database's disk fails or is full")
	}
	return unavailable(err, "the database cannot be written")
}

// checkPostgres writes to the log that every commit waits for.
func (r *Readiness) checkPostgres(ctx context.Context) error {
	const readOnly = "the database is read only, as a standby is"
	refuses := false
	_, err := again(r.store, func() (struct{}, error) {
		return struct{}{}, r.write(ctx, func(tx querier) error {
			var err error
			refuses, err = queryValue[bool](ctx, tx, "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'")
			if err == nil && !refuses {
				err = tx.exec(ctx, "SELECT pg_logical_emit_message(true, 'vcc_ready', '')")
			}
			return err
		})
	})
	var e *pgconn.PgError
	switch {
	case refuses:
		return unavailable(err, readOnly)
	case err == nil:
		return nil
	case errors.As(err, &e) && e.Code == readOnlyTransaction:
		return unavailable(err, readOnly)
	case errors.As(err, &e) && e.Code[:2] == insufficientResources && e.Code != tooManyConnections:
		return unavailable(err, "no space or memory is left for the database")
	}
	return unavailable(err, "the database does not answer")
}

// write runs do in a transaction of its own, on the connection that is kept for this: it waits for no
// other request.
func (r *Readiness) write(ctx context.Context, do func(tx querier) error) error {
	e := r.store.engine
	conn, err := r.store.probe.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // that gives it back
	tx, err := conn.BeginTx(ctx, e.writing())
	if err != nil {
		return err
	}
	q := querier{r.store, tx}
	if err = e.settle(ctx, q); err == nil {
		err = do(q)
	}
	if err != nil {
		_ = tx.Rollback() // there is nothing to keep
		return err
	}
	return e.commit(conn, tx)
}

// Stats returns the state of the connections to the database.
func (s *Store) Stats() sql.DBStats { return s.db.Stats() }
