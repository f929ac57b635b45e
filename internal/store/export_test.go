package store

import (
	"context"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// SetClock replaces the store's clock.
func (s *Store) SetClock(now func() time.Time) { s.now = now }

// Setting returns the value of a PRAGMA on a connection of the store.
func (s *Store) Setting(ctx context.Context, name string) (value string, err error) {
	err = s.db.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value)
	return value, err
}

// PostgresSetting returns the value of a setting on a connection of the store.
func (s *Store) PostgresSetting(ctx context.Context, name string) (value string, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT current_setting($1)", name).Scan(&value)
	return value, err
}

// LimitStatements leaves a store on PostgreSQL one connection, whose statements may take so long.
func (s *Store) LimitStatements(ctx context.Context, timeout string) error {
	s.db.SetMaxOpenConns(1)
	_, err := s.db.ExecContext(ctx, "SELECT set_config('statement_timeout', $1, FALSE)", timeout)
	return err
}

// TranslatePostgres is what the store makes of an error of PostgreSQL's driver.
func TranslatePostgres(err error) error { return postgresEngine{}.translate(err) }

// PostgresBroken reports whether the store takes an error for one of a connection that ended.
func PostgresBroken(err error) bool { return postgresEngine{}.broken(err) }

// HoldHashing lets no password be hashed or compared in this process until release.
func HoldHashing() (release func()) {
	for range cap(hashing) {
		hashing <- struct{}{}
	}
	return func() {
		for range cap(hashing) {
			<-hashing
		}
	}
}

// SetPasswordHash is SetPassword once the password is hashed.
func (s *Store) SetPasswordHash(ctx context.Context, username, hash string) error {
	return s.write(ctx, logins, func(tx querier) error { return setPasswordHash(ctx, tx, username, hash) })
}

// HoldingTenant runs do while a write transaction of one tenant is open.
func (s *Store) HoldingTenant(ctx context.Context, id string, do func()) error {
	return s.write(ctx, ofTenant(id), func(querier) error { do(); return nil })
}

// Holding runs do while a write transaction of everything is open.
func (s *Store) Holding(ctx context.Context, do func()) error {
	return s.write(ctx, everything, func(querier) error { do(); return nil })
}

// MigrateTo brings an SQLite database to a version of the schema of before.
func MigrateTo(ctx context.Context, path string, version int64) error {
	db := openSQLite(path, url.Values{})
	defer db.Close() //nolint:errcheck // what was asked for was answered
	m, err := newMigrations(goose.DialectSQLite3, db)
	if err == nil {
		_, err = m.UpTo(ctx, version)
	}
	return err
}

// Limit leaves an SQLite database hardly any space to grow, on the one connection that it has then.
func (s *Store) Limit(ctx context.Context) error {
	s.db.SetMaxOpenConns(1)
	_, err := s.db.ExecContext(ctx, "PRAGMA max_page_count = 60")
	return err
}

// RestoreAt puts a backup into an empty database whose schema is of a version of before.
func RestoreAt(ctx context.Context, address string, version int64, backup io.Reader) error {
	db, e, dialect := openSQLite(address, url.Values{}), engine(sqliteEngine{address}), goose.DialectSQLite3
	if strings.HasPrefix(address, "postgres") {
		config, err := pgx.ParseConfig(address)
		if err != nil {
			return err
		}
		db, e, dialect = stdlib.OpenDB(*config), postgresEngine{}, goose.DialectPostgres
	}
	defer db.Close() //nolint:errcheck // what was asked for was answered
	m, err := newMigrations(dialect, db)
	if err != nil {
		return err
	}
	if _, err := m.UpTo(ctx, version); err != nil {
		return err
	}
	old, err := newBackupReader(backup)
	if err != nil {
		return err
	}
	s := newStore(db, e, 1)
	return s.write(ctx, everything, func(tx querier) error { return s.restoreRows(ctx, tx, old) })
}
