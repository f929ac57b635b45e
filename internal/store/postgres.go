package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Of a process's connections some are left for readers, however many writers wait
// for each other.
const (
	postgresConnections = 24
	postgresWriters     = 16
)

// OpenPostgres opens the database of a postgres:// address and brings its schema up
// to date. What the address leaves out comes from the variables and files of
// PostgreSQL's own programs, such as PGPASSFILE. Any number of processes may share one
// database.
func OpenPostgres(ctx context.Context, address string) (*Store, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		// The library's error has the address, and an address may have a password.
		return nil, errors.New("the address of the database cannot be read; write it like postgres://USER@HOST:5432/DATABASE")
	}
	for name, value := range map[string]string{
		"application_name": "terraform-provider-vcc",
		"timezone":         "UTC",
		// What is sent is UTF-8, whatever the server or the role has for a default.
		"client_encoding": "UTF8",
		// A commit that was answered is on disk.
		"synchronous_commit": "on",
		// Nobody waits for ever, and nobody keeps the others waiting.
		"statement_timeout": "30s", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s",
	} {
		config.RuntimeParams[name] = value
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(postgresConnections)
	db.SetMaxIdleConns(postgresConnections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	if err := migratePostgres(ctx, db); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("it was interrupted: %w", ctx.Err())
		}
		return nil, errors.Join(postgresEngine{}.translate(err), db.Close())
	}
	return newStore(db, postgresEngine{}, postgresWriters), nil
}

// migratePostgres brings the schema up to date, one process at a time: the others wait
// for the session's advisory lock.
func migratePostgres(ctx context.Context, db *sql.DB) error {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return err
	}
	m, err := newMigrations(goose.DialectPostgres, db, goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	if _, err := m.Up(ctx); err != nil {
		return err
	}
	_, err = checkVersion(ctx, m)
	return err
}

// postgresEngine is PostgreSQL. Its transactions are READ COMMITTED, so that what a write
// reads after it has its lock is what was committed by then; reads are one snapshot.
type postgresEngine struct{}

// everythingKey is the advisory lock that every write shares and that one of
// everything has alone.
const everythingKey = 0x7663635f73746f72 // "vcc_stor"

func (postgresEngine) lock(ctx context.Context, tx querier, of scope) error {
	if of == everything {
		return tx.exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(everythingKey))
	}
	// Two scopes with one key only wait for each other.
	sum := sha256.Sum256([]byte(of))
	key := int64(binary.BigEndian.Uint64(sum[:8])) //nolint:gosec // any 64 bits do
	// No order between the two is needed: whoever wants everything waits for neither of
	// them while it has something.
	return tx.exec(ctx, "SELECT pg_advisory_xact_lock_shared($1), pg_advisory_xact_lock($2)", int64(everythingKey), key)
}

// analyze does at once what autovacuum would do within minutes. Without it PostgreSQL
// takes a tenant for a good part of all there are, and reads tables from end to end. A
// table that autovacuum is busy with is left to it.
func (postgresEngine) analyze(ctx context.Context, tx querier) error {
	return tx.exec(ctx, "ANALYZE (SKIP_LOCKED) hosts, hardware_plans, tenants, subscriptions, cloud_networks")
}

// text binds a string that no text of PostgreSQL can be, because it has a NUL character or
// is not UTF-8, as NULL: that equals nothing and is refused where a value is due.
func (postgresEngine) text(s string) any {
	if strings.Contains(s, "\x00") || !utf8.ValidString(s) {
		return nil
	}
	return s
}

func (postgresEngine) snapshot() *sql.TxOptions {
	return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
}

// The classes and codes of SQLSTATE that concern the caller (PostgreSQL's manual,
// appendix A).
const (
	invalidAuthorization  = "28"
	invalidCatalogName    = "3D"
	insufficientResources = "53"
	operatorIntervention  = "57"
	tooManyConnections    = "53300"
	queryCanceled         = "57014"
	lockNotAvailable      = "55P03"
	readOnlyTransaction   = "25006"
	insufficientPrivilege = "42501"
)

func (postgresEngine) broken(err error) bool {
	var e *pgconn.PgError
	var network *net.OpError
	return errors.As(err, &e) && e.Code[:2] == operatorIntervention && e.Code != queryCanceled ||
		errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, driver.ErrBadConn)
}

func (p postgresEngine) translate(err error) error {
	var connect *pgconn.ConnectError
	var e *pgconn.PgError
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &e):
		switch e.Code {
		case tooManyConnections:
			return unavailable(err, "PostgreSQL has no connection left for the backend; nothing was changed, try again")
		case lockNotAvailable, queryCanceled:
			return unavailable(err, "other writes took too long; nothing was changed, try again")
		case insufficientPrivilege:
			return unavailable(err, "PostgreSQL does not let the backend's user do this; nothing was changed, make it the owner of the database")
		case readOnlyTransaction:
			return unavailable(err, "this PostgreSQL server is read only, as a standby is; nothing was changed")
		}
		switch e.Code[:2] {
		case invalidAuthorization:
			return unavailable(err, "PostgreSQL refuses the backend's user or password; nothing was changed, check the address of the database")
		case invalidCatalogName:
			return unavailable(err, "PostgreSQL has no database of that name; create it, or check the address of the database")
		case insufficientResources:
			return unavailable(err, "PostgreSQL has no space or memory left; nothing was changed")
		case operatorIntervention:
			return unavailable(err, "PostgreSQL is stopping or starting; nothing was changed, try again")
		}
	case errors.As(err, &connect):
		return unavailable(err, "PostgreSQL at %s does not answer; nothing was changed, try again", connect.Config.Host)
	case p.broken(err):
		return unavailable(err, "the connection to PostgreSQL broke; nothing was changed, try again")
	}
	return err
}
