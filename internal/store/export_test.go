package store

import (
	"context"
	"time"
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
