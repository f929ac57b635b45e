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

// commitTimeout is how long a commit may take. It is more than statement_timeout, so that a server
// that works says itself what it waits for.
const commitTimeout = 40 * time.Second

// OpenPostgres opens the database of a postgres:// address and brings its schema up
// to date. What the address leaves out comes from the variables and files of
// PostgreSQL's own programs, such as PGPASSFILE. Any number of processes may share one
// database.
//
// An address may name several servers, of which one takes writes at a time. pool_max_conns in it
// is how many connections may be open at once, beside one for Readiness and one by which the server is
// watched; whoever needs one more waits.
func OpenPostgres(ctx context.Context, address string) (*Store, error) {
	a, err := parsePostgresAddress(address)
	if err != nil {
		return nil, err
	}
	e := postgresEngine{settings: a.settings()}
	if e.pooled, err = a.look(ctx); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("it was interrupted: %w", ctx.Err())
		}
		return nil, e.translate(err)
	}
	if e.pooled {
		// Whatever a connection keeps is another's after the transaction: statements that were
		// prepared, and settings.
		a.config.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	w := newWatch()
	db, probe := a.pool(e, w.dial(a.config.DialFunc), a.connections), a.pool(e, w.dial(a.config.DialFunc), 1)
	// Some connections are left for readers, however many writers wait for each other.
	s := newStore(db, probe, e, a.connections*2/3)
	s.clock = new(sharedClock).now
	// Behind a pooler an answer may wait for others of its clients, and the pooler watches its servers.
	if !e.pooled {
		// What the watch waits for is an answer to its own question.
		unasked := stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false })
		w.start(a.pool(e, w.dialOwn(a.config.DialFunc), 1, unasked))
		s.closers = append(s.closers, w.close)
	}
	if err := migratePostgres(ctx, db); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("it was interrupted: %w", ctx.Err())
		}
		return nil, errors.Join(e.translate(err), s.Close())
	}
	return s, nil
}

// pool makes a pool of at most so many connections.
func (a *postgresAddress) pool(e postgresEngine, dial pgconn.DialFunc, connections int, options ...stdlib.OptionOpenDB) *sql.DB {
	config := a.config.Copy()
	config.DialFunc = dial
	config.OnNotice = keepWarning
	options = append(options, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		if e.pooled {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, config.ConnectTimeout)
		defer cancel()
		_, err := conn.Exec(ctx, applySettings, append([]any{pgx.QueryExecModeExec}, e.settingValues(false)...)...)
		return err
	}))
	db := stdlib.OpenDB(*config, options...)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db
}

// What a server has to be like.
const (
	// oldestVersion is the first that knows every statement of the store's (ANALYZE's SKIP_LOCKED).
	oldestVersion  = 120000
	neededEncoding = "UTF8"
)

// look looks at the server of the address. pooled says that the way there leads through a pooler, which
// may give a connection to others between two transactions.
func (a *postgresAddress) look(ctx context.Context) (pooled bool, err error) {
	config := a.config.Copy()
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is left to be lost
	ctx, cancel := context.WithTimeout(ctx, watchPatience)
	defer cancel()
	var version int
	var process uint32
	var encoding, searchPath string
	var hasTables bool
	err = conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int, pg_backend_pid()::bigint, current_setting('server_encoding'), "+
		"current_setting('search_path'), to_regclass('default_gateways') IS NOT NULL").Scan(&version, &process, &encoding, &searchPath, &hasTables)
	if err != nil {
		return false, err
	}
	if err := checkServer(version, encoding, hasTables); err != nil {
		return false, err
	}
	// A pooler names no process, because it is not one alone that serves its client.
	pooled = process != conn.PgConn().PID()
	if pooled {
		var refused *pgconn.PgError
		tx, err := conn.Begin(ctx)
		if errors.As(err, &refused) {
			return pooled, unavailable(nil, "the connection pooler takes no transactions, as PgBouncer does not with pool_mode = statement; have it pool by session or by transaction")
		}
		if err != nil {
			return pooled, err
		}
		if err := tx.Rollback(ctx); err != nil {
			return pooled, err
		}
	}
	if searchPath == a.searchPath {
		return pooled, nil
	}
	if pooled {
		return pooled, unavailable(nil, "behind a connection pooler the backend cannot choose its search_path, and this one is %s; "+
			"run ALTER ROLE %s SET search_path = %s, and have the pooler connect anew", searchPath, pgx.Identifier{a.config.User}.Sanitize(), a.searchPath)
	}
	if hasTables && !a.namesPath {
		// Without this the tables would be made anew where the backend looks for them, and be empty.
		err = conn.QueryRow(ctx, "SELECT set_config('search_path', $1, false) IS NOT NULL AND to_regclass('default_gateways') IS NOT NULL", a.searchPath).Scan(&hasTables)
		if err == nil && !hasTables {
			err = unavailable(nil, "the backend's tables are where only the search_path %s of the role or the database leads; "+
				"add search_path to the address of the database, such as ?search_path=SCHEMA", searchPath)
		}
	}
	return pooled, err
}

// checkServer refuses a server that the store cannot work with.
func checkServer(version int, encoding string, hasTables bool) error {
	switch {
	case version < oldestVersion:
		return unavailable(nil, "PostgreSQL %d is too old; it has to be %d or newer, and is tested with 15", version/10000, oldestVersion/10000)
	case encoding != neededEncoding && !hasTables:
		// One that is in use goes on: what it cannot store is refused by itself.
		return unavailable(nil, "the database has the encoding %s, and a new one has to have %s, which can store every name; make it with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0", encoding, neededEncoding)
	}
	return nil
}

// migrationLock is the advisory lock of whoever brings the schema up to date, the same as goose's own.
const migrationLock = lock.DefaultLockID

// migratePostgres brings the schema up to date, one process at a time: the others wait for the
// lock of a transaction, which also holds where a pooler shares sessions.
func migratePostgres(ctx context.Context, db *sql.DB) error {
	m, err := newMigrations(goose.DialectPostgres, db)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it holds the lock, and nothing else
	for _, statement := range []string{"SET LOCAL statement_timeout = 0", "SET LOCAL lock_timeout = '60s'", "SET LOCAL idle_in_transaction_session_timeout = 0"} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", migrationLock); err != nil {
		return err
	}
	if _, err := m.Up(ctx); err != nil {
		return err
	}
	_, err = checkVersion(ctx, m)
	return err
}

// postgresEngine is PostgreSQL. Its write transactions are READ COMMITTED, so that what a write
// reads after it has its lock is what was committed by then; reads are one snapshot.
type postgresEngine struct {
	settings []setting
	// pooled says that a connection may be another's between two transactions, so that each
	// transaction begins with the settings.
	pooled bool
}

// applySettings sets settings, for a transaction or for a connection.
const applySettings = "SELECT set_config(name, value, $3) FROM unnest($1::text[], $2::text[]) AS setting (name, value)"

func (p postgresEngine) settingValues(transaction bool) []any {
	names, values := make([]string, len(p.settings)), make([]string, len(p.settings))
	for i, s := range p.settings {
		names[i], values[i] = s.name, s.value
	}
	return []any{names, values, transaction}
}

func (p postgresEngine) settle(ctx context.Context, tx querier) error {
	if !p.pooled {
		return nil
	}
	return tx.exec(ctx, applySettings, p.settingValues(true)...)
}

func (postgresEngine) writing() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelReadCommitted}
}

// warningKey is where a connection keeps the last warning that it got.
const warningKey = "warning"

// keepWarning is how a connection hears of warnings.
func keepWarning(conn *pgconn.PgConn, n *pgconn.Notice) {
	if n.SeverityUnlocalized == "WARNING" && n.Code == warning {
		conn.CustomData()[warningKey] = n
	}
}

// commit commits. A server that stops waiting for its standby, because somebody or a timeout told it to, says
// that it has committed and warns that the standby may not have it: whether it has been carried out
// is decided by which of the two is the primary next. Such a warning has no code of its own.
func (postgresEngine) commit(conn *sql.Conn, tx *sql.Tx) error {
	data := func(use func(data map[string]any)) error {
		return conn.Raw(func(c any) error {
			use(c.(*stdlib.Conn).Conn().PgConn().CustomData())
			return nil
		})
	}
	err := data(func(data map[string]any) { delete(data, warningKey) })
	if err == nil {
		err = tx.Commit()
	}
	var e *pgconn.PgError
	switch {
	case err == nil:
		var warned *pgconn.Notice
		if err := data(func(data map[string]any) { warned, _ = data[warningKey].(*pgconn.Notice) }); err != nil {
			return uncertain(err)
		}
		if warned != nil {
			return uncertain((*pgconn.PgError)(warned))
		}
		return nil
	case errors.As(err, &e) && (e.SeverityUnlocalized == "ERROR" || e.Code == idleInTransaction), errors.Is(err, pgx.ErrTxCommitRollback):
		return err // it was rolled back
	}
	return uncertain(err)
}

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
	idleInTransaction     = "25P03" // the server ended the transaction and its connection
	readOnlyTransaction   = "25006"
	untranslatable        = "22P05"
	connectionException   = "08" // a pooler's, too
	warning               = "01000"
	insufficientPrivilege = "42501"
)

func (postgresEngine) broken(err error) bool {
	var e *pgconn.PgError
	var connect *pgconn.ConnectError
	var network *net.OpError
	if errors.As(err, &e) {
		return e.Code[:2] == operatorIntervention && e.Code != queryCanceled || e.Code[:2] == connectionException || e.Code == idleInTransaction
	}
	return errors.As(err, &connect) ||
		errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, driver.ErrBadConn)
}

func (postgresEngine) absent(err error) bool {
	var connect *pgconn.ConnectError
	return errors.As(err, &connect)
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
		case untranslatable:
			return unavailable(err, "the encoding of PostgreSQL's database has no such character; nothing was changed, use a database with the encoding UTF8")
		case insufficientPrivilege:
			return unavailable(err, "PostgreSQL does not let the backend's user do this; nothing was changed, make it the owner of the database")
		case idleInTransaction:
			return unavailable(err, "the backend left a transaction idle for too long, and PostgreSQL ended it; nothing was changed, try again")
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
		case connectionException:
			return unavailable(err, "the connection to PostgreSQL broke; nothing was changed, try again")
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
