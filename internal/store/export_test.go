package store

import (
	"context"
	"io"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// SetClock replaces the store's clock, and that of the database.
func (s *Store) SetClock(now func() time.Time) {
	s.now = now
	s.clock = func(context.Context, querier) (time.Time, error) { return now(), nil }
}

// SetOwnClock replaces the clock of the store's machine.
func (s *Store) SetOwnClock(now func() time.Time) { s.now = now }

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

// holding is who holds the hashing: one at a time, or each would have some of it.
var holding sync.Mutex

// HoldHashing lets no password be hashed or compared in this process until release.
func HoldHashing() (release func()) {
	holding.Lock()
	slots := min(runtime.GOMAXPROCS(0), maxHashes)
	turns := make([]*hashTurn, slots)
	for i := range turns {
		turns[i] = &hashTurn{owner: true, rank: -1}
		_ = hashing.wait(context.Background(), turns[i])
	}
	return func() {
		for _, t := range turns {
			hashing.leave(t)
		}
		holding.Unlock()
	}
}

// HashingWaits is how many logins from an address wait until their password is compared.
func HashingWaits(from netip.Addr) (waiting int) {
	hashing.mu.Lock()
	defer hashing.mu.Unlock()
	for _, t := range hashing.waiting {
		if t.address == vcc.ClientAddress(from) && !t.owner {
			waiting++
		}
	}
	return waiting
}

// HashingQueue is how many logins wait until their password is compared, and the address of the one
// that is next.
func HashingQueue() (waiting int, next string) {
	hashing.mu.Lock()
	defer hashing.mu.Unlock()
	for _, t := range hashing.waiting {
		if !t.owner {
			waiting++
		}
	}
	if best := hashing.best(); best >= 0 {
		next = hashing.waiting[best].address
	}
	return waiting, next
}

// HashQueue is a queue of its own.
type HashQueue struct {
	q      *hashQueue
	mu     *sync.Mutex
	atWork *[]*hashTurn
}

// NewHashQueue makes a queue for so many at once.
func NewHashQueue(free int) HashQueue {
	return HashQueue{&hashQueue{free: free}, new(sync.Mutex), new([]*hashTurn)}
}

// Wait waits for the turn of a login.
func (q HashQueue) Wait(ctx context.Context, address string, failures vcc.LoginFailures) error {
	return q.wait(ctx, loginTurn(address, failures))
}

// WaitOwner waits for the turn of who sets a password.
func (q HashQueue) WaitOwner(ctx context.Context) error { return q.wait(ctx, ownersTurn()) }

func (q HashQueue) wait(ctx context.Context, t *hashTurn) error {
	err := q.q.wait(ctx, t)
	if err == nil {
		q.mu.Lock()
		defer q.mu.Unlock()
		*q.atWork = append(*q.atWork, t)
	}
	return err
}

// Leave ends the turn that has lasted longest.
func (q HashQueue) Leave() {
	q.mu.Lock()
	t := (*q.atWork)[0]
	*q.atWork = (*q.atWork)[1:]
	q.mu.Unlock()
	q.q.leave(t)
}

// Waiting is how many wait.
func (q HashQueue) Waiting() int {
	q.q.mu.Lock()
	defer q.q.mu.Unlock()
	return len(q.q.waiting)
}

// HashMemory is how many MiB a process takes for hashing at most: as much again as is in use may
// be garbage.
const HashMemory = 2 * maxHashes * argonMemory >> 10

// MaxHashesQueued is how many logins wait at most.
const MaxHashesQueued = maxHashesQueued

// CountFailures counts a wrong password from each of some addresses.
func (s *Store) CountFailures(ctx context.Context, username string, from ...netip.Addr) error {
	return s.write(ctx, logins, func(tx querier) error {
		for _, a := range from {
			try := newLoginTry(username, vcc.ClientAddress(a))
			if err := s.countFailure(ctx, tx, []string{try.here, try.from, try.account}); err != nil {
				return err
			}
		}
		return nil
	})
}

// SetPasswordHash is SetPassword once the password is hashed.
func (s *Store) SetPasswordHash(ctx context.Context, username, hash string) error {
	return s.write(ctx, logins, func(tx querier) error { return setPasswordHash(ctx, tx, username, hash) })
}

// HoldingTenant runs do while a write transaction of one tenant is open.
func (s *Store) HoldingTenant(ctx context.Context, id string, do func()) error {
	return s.hold(ctx, ofTenant(id), do)
}

// Holding runs do while a write transaction of everything is open.
func (s *Store) Holding(ctx context.Context, do func()) error { return s.hold(ctx, everything, do) }

func (s *Store) hold(ctx context.Context, of scope, do func()) error {
	return s.write(ctx, of, func(tx querier) error {
		if _, ok := s.engine.(postgresEngine); ok {
			// However long do takes.
			if err := tx.exec(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
				return err
			}
		}
		do()
		return nil
	})
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
	s := newStore(db, db, e, 1)
	return s.write(ctx, everything, func(tx querier) error { return s.restoreRows(ctx, tx, old) })
}

// SettingInWrite returns the value of a setting of PostgreSQL within a transaction that writes.
func (s *Store) SettingInWrite(ctx context.Context, name string) (string, error) {
	return write(ctx, s, everything, func(tx querier) (string, error) {
		return queryValue[string](ctx, tx, "SELECT current_setting($1)", name)
	})
}

// SettingInRead is SettingInWrite within a transaction that reads.
func (s *Store) SettingInRead(ctx context.Context, name string) (string, error) {
	return read(ctx, s, func(tx querier) (string, error) {
		return queryValue[string](ctx, tx, "SELECT current_setting($1)", name)
	})
}

// Reading runs do while a transaction that reads is open.
func (s *Store) Reading(ctx context.Context, do func()) error {
	_, err := read(ctx, s, func(querier) (struct{}, error) { do(); return struct{}{}, nil })
	return err
}

// Connections is how many connections may be open at once.
func (s *Store) Connections() int { return s.db.Stats().MaxOpenConnections }

// CheckServer is what the store says of a server that it sees for the first time.
func CheckServer(version int, encoding string, hasTables bool) error {
	return checkServer(version, encoding, hasTables)
}

// MigratePostgres brings the schema of a database up to date, whatever its server is like.
func MigratePostgres(ctx context.Context, address string) error {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*config)
	defer db.Close() //nolint:errcheck // what was asked for was answered
	return migratePostgres(ctx, db)
}

// SelectGatewayPage is what a page of gateways is read with.
const SelectGatewayPage = selectGatewayPage
