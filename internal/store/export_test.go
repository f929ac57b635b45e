package store

import (
	"context"
	"net/url"
	"time"

	"github.com/pressly/goose/v3"
)

// SetClock replaces the store's clock.
func (s *Store) SetClock(now func() time.Time) { s.now = now }

// Setting returns the value of a PRAGMA on a connection of the store.
func (s *Store) Setting(ctx context.Context, name string) (value string, err error) {
	err = s.db.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value)
	return value, err
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
