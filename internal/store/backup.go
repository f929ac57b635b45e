package store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// backupTables are what a backup has, parents before children. Tokens and attempts to
// log in are left out: who was logged in logs in again.
var backupTables = []string{
	"lab", "hosts", "hardware_plans", "tenants", "subscriptions", "cloud_networks", "default_gateways", "connected_networks",
	"replication_jobs", "changes", "failover_plans", "failover_sessions", "accounts",
	"server_exports", "exported_networks",
}

const (
	backupFormat = "terraform-provider-vcc backup"
)

// backupHeader is the first line of a backup.
type backupHeader struct {
	Format string `json:"format"`
	// Schema is the version of the schema that the rows are of.
	Schema int64     `json:"schema"`
	At     time.Time `json:"at"`
}

// backupRow is every further line but the last.
type backupRow struct {
	Table string         `json:"table"`
	Row   map[string]any `json:"row"`
}

// backupEnd is the last line, without which a backup was cut off.
type backupEnd struct {
	Rows int `json:"rows"`
}

// schemaVersion is the version that the database's schema has.
func schemaVersion(ctx context.Context, q querier) (int64, error) {
	return queryValue[int64](ctx, q, "SELECT max(version_id) FROM goose_db_version WHERE is_applied")
}

// Backup writes a copy of everything at one moment, which Restore reads on either kind
// of database. The store may be in use meanwhile, also by other processes. The copy has
// the hashes of passwords. CodeNotFound: there is no lab, and nothing was written.
func (s *Store) Backup(ctx context.Context, to io.Writer) error {
	compressed := gzip.NewWriter(to)
	out := bufio.NewWriter(compressed)
	encoder := json.NewEncoder(out)
	tx, err := s.db.BeginTx(ctx, s.engine.snapshot())
	if err != nil {
		return s.engine.translate(err)
	}
	defer tx.Rollback() //nolint:errcheck // it changed nothing
	q := querier{s, tx}
	if err := errors.Join(s.engine.settle(ctx, q), s.engine.takeYourTime(ctx, q)); err != nil {
		return s.engine.translate(err)
	}
	digest, err := declaredLab(ctx, q)
	if err == nil && digest == "" {
		err = notFound("", "the database has no lab, so there is nothing to back up; is its address right?")
	}
	var version int64
	if err == nil {
		version, err = schemaVersion(ctx, q)
	}
	if err == nil {
		err = encoder.Encode(backupHeader{backupFormat, version, s.now()})
	}
	rows := 0
	for _, table := range backupTables {
		if err == nil {
			err = backUpTable(ctx, q, table, func(r backupRow) error {
				rows++
				return encoder.Encode(r)
			})
		}
	}
	if err == nil {
		err = encoder.Encode(backupEnd{rows})
	}
	if err == nil {
		err = errors.Join(out.Flush(), compressed.Close())
	}
	return s.engine.translate(err)
}

func backUpTable(ctx context.Context, tx querier, table string, each func(backupRow) error) error {
	found, err := tx.query(ctx, "SELECT * FROM "+table)
	if err != nil {
		return err
	}
	defer found.Close() //nolint:errcheck // Err says it
	columns, err := found.Columns()
	types, typesErr := found.ColumnTypes()
	if err := errors.Join(err, typesErr); err != nil {
		return err
	}
	for found.Next() {
		values, pointers := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			pointers[i] = &values[i]
		}
		if err := found.Scan(pointers...); err != nil {
			return err
		}
		row := map[string]any{}
		for i, v := range values {
			switch v := v.(type) {
			case []byte:
				row[columns[i]] = string(v)
			case time.Time:
				row[columns[i]] = v.UTC()
			case int64: // SQLite has no other truth values
				row[columns[i]] = v
				if strings.HasPrefix(types[i].DatabaseTypeName(), "BOOL") {
					row[columns[i]] = v != 0
				}
			default:
				row[columns[i]] = v
			}
		}
		if err := each(backupRow{table, row}); err != nil {
			return err
		}
	}
	return found.Err()
}

// errDamaged is the error of a backup that is none, or not all of one. cause is for the log.
func errDamaged(cause error) error {
	return &storageError{&vcc.Error{Code: vcc.CodeInvalidValue, Message: "this is no backup, or it is damaged or cut off; nothing was changed"}, cause}
}

// backupReader reads a backup, once. Its errors are those of errDamaged.
type backupReader struct {
	header     backupHeader
	lines      *json.Decoder
	compressed io.Reader
	// rows is how many were read.
	rows int
}

// newBackupReader reads the header of a backup.
func newBackupReader(from io.Reader) (*backupReader, error) {
	compressed, err := gzip.NewReader(from)
	if err != nil {
		return nil, errDamaged(err)
	}
	r := &backupReader{lines: json.NewDecoder(compressed), compressed: compressed}
	r.lines.UseNumber()
	if err := r.lines.Decode(&r.header); err != nil {
		return nil, errDamaged(err)
	}
	if r.header.Format != backupFormat || r.header.Schema < 1 {
		return nil, errDamaged(fmt.Errorf("format %q, version %d of the schema", r.header.Format, r.header.Schema))
	}
	return r, nil
}

// next returns the next row. more is false where the one before was the last, and the backup
// is whole.
func (r *backupReader) next() (row backupRow, more bool, err error) {
	var line struct {
		backupRow
		Rows *int `json:"rows"`
	}
	if err := r.lines.Decode(&line); err != nil {
		return backupRow{}, false, errDamaged(err)
	}
	if line.Rows == nil {
		r.rows++
		return line.backupRow, true, nil
	}
	if *line.Rows != r.rows {
		return backupRow{}, false, errDamaged(fmt.Errorf("%d rows instead of %d", r.rows, *line.Rows))
	}
	if _, err := io.Copy(io.Discard, r.compressed); err != nil { // the end has a checksum
		return backupRow{}, false, errDamaged(err)
	}
	return backupRow{}, false, nil
}

// Restore fills an empty database from a backup, all of it or nothing. A backup of an older
// release is brought up to date first. Every tenant then goes on with a higher revision than any
// that was ever given out (skipRevisions). CodeConflict: the database has a lab or accounts
// already, or the backup is of a newer release. CodeInvalidValue: it is no backup, or not all
// of one.
func (s *Store) Restore(ctx context.Context, from io.Reader) error {
	backup, err := newBackupReader(from)
	if err != nil {
		return err
	}
	version, err := schemaVersion(ctx, querier{store: s})
	switch {
	case err != nil:
		return s.engine.translate(err)
	case backup.header.Schema > version:
		return &vcc.Error{Code: vcc.CodeConflict, Message: fmt.Sprintf(
			"the backup is of a database with version %d of the schema, and this release knows %d; nothing was changed. Restore it with the release that wrote it, or a newer one", backup.header.Schema, version)}
	case backup.header.Schema < version:
		return s.restoreOlder(ctx, backup)
	}
	started := false
	return s.write(ctx, everything, func(tx querier) error {
		if started {
			return unavailable(nil, "the connection to the database broke; nothing was changed, try again")
		}
		started = true // the backup can be read once
		if err := s.engine.takeYourTime(ctx, tx); err != nil {
			return err
		}
		if err := checkEmpty(ctx, tx); err != nil {
			return err
		}
		if err := s.restoreRows(ctx, tx, backup); err != nil {
			return err
		}
		if err := s.skipRevisions(&rowWriter{ctx: ctx, tx: tx}, backup.header.At); err != nil {
			return err
		}
		return s.engine.analyze(ctx, tx)
	})
}

// checkEmpty checks that a database has nothing that a restore would meet. CodeConflict: it has.
func checkEmpty(ctx context.Context, tx querier) error {
	digest, err := declaredLab(ctx, tx)
	if err != nil {
		return err
	}
	accounts, err := queryValue[int](ctx, tx, "SELECT count(*) FROM accounts")
	if err != nil {
		return err
	}
	if digest != "" || accounts > 0 {
		return &vcc.Error{Code: vcc.CodeConflict, Message: "the database has a lab or accounts already; nothing was changed. Restore into an empty one"}
	}
	return nil
}

// restoreOlder restores a backup of an older schema: into a scratch database of that
// schema, which then is brought up to date as any other, and backed up in turn.
func (s *Store) restoreOlder(ctx context.Context, old *backupReader) (err error) {
	dir, err := os.MkdirTemp("", "vcc-restore")
	if err != nil {
		return fmt.Errorf("bringing an older backup up to date needs a folder for a while: %w; nothing was changed", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	e := sqliteEngine{filepath.Join(dir, "vcc.db")}
	db := openSQLite(e.path, url.Values{"_foreign_keys": {"on"}, "_synchronous": {"OFF"}})
	defer func() { err = errors.Join(err, db.Close()) }()
	scratch := newStore(db, db, e, 1)
	scratch.now = func() time.Time { // revisions go on from there, which is never before the backup
		if now := s.now(); now.After(old.header.At) {
			return now
		}
		return old.header.At
	}
	m, err := newMigrations(goose.DialectSQLite3, db)
	if err == nil {
		_, err = m.UpTo(ctx, old.header.Schema)
	}
	if err == nil {
		err = scratch.write(ctx, everything, func(tx querier) error { return scratch.restoreRows(ctx, tx, old) })
	}
	if err == nil {
		_, err = m.Up(ctx)
	}
	if err != nil {
		return e.translate(err)
	}
	var backup bytes.Buffer
	if err := scratch.Backup(ctx, &backup); err != nil {
		return err
	}
	return s.Restore(ctx, &backup)
}

// restoreRows inserts all rows of a backup.
func (s *Store) restoreRows(ctx context.Context, tx querier, backup *backupReader) error {
	into := &tableWriter{store: s, ctx: ctx, tx: tx, position: -1}
	for {
		row, more, err := backup.next()
		if err == nil && !more {
			return into.flush()
		}
		if err == nil && row.Table != into.table {
			err = into.begin(row.Table)
		}
		if err == nil {
			err = into.add(row.Row)
		}
		if err != nil {
			return err
		}
	}
}

// tableWriter inserts rows, table by table, in batches.
type tableWriter struct {
	store *Store
	ctx   context.Context
	tx    querier
	// table is the one at work, position its index in backupTables, and columns are the types of
	// its columns.
	table    string
	position int
	columns  map[string]string
	batch    [][]any
}

// begin goes on to a table, which must come after the ones before it.
func (w *tableWriter) begin(table string) error {
	if err := w.flush(); err != nil {
		return err
	}
	later := slices.Index(backupTables[w.position+1:], table)
	if later < 0 {
		return errDamaged(fmt.Errorf("table %q", table))
	}
	w.table, w.position = table, w.position+1+later
	var err error
	w.columns, err = columnTypes(w.ctx, w.tx, table)
	return w.store.unfit(err)
}

func (w *tableWriter) add(row map[string]any) error {
	values, err := typedRow(row, w.columns)
	if err != nil {
		return errDamaged(err)
	}
	if w.batch = append(w.batch, values); len(w.batch) == batch {
		return w.flush()
	}
	return nil
}

// flush inserts the rows that were added since the last flush.
func (w *tableWriter) flush() error {
	if len(w.batch) == 0 {
		return nil
	}
	err := w.tx.exec(w.ctx, insertRows(w.table, slices.Sorted(maps.Keys(w.columns)), len(w.batch)), slices.Concat(w.batch...)...)
	w.batch = nil
	return w.store.unfit(err)
}

// unfit makes an error that a row has no table, or that none takes it, that of a damaged backup.
func (s *Store) unfit(err error) error {
	if err != nil && !s.engine.broken(err) && vcc.Code(s.engine.translate(err)) == vcc.CodeUnknown {
		return errDamaged(err)
	}
	return err
}

// insertRows is the statement that inserts a number of rows.
func insertRows(table string, columns []string, rows int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", table, strings.Join(columns, ", "))
	for i := range rows * len(columns) {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%len(columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", i+1)
	}
	return b.String() + ")"
}

// columnTypes returns what a table's columns are declared as.
func columnTypes(ctx context.Context, tx querier, table string) (map[string]string, error) {
	rows, err := tx.query(ctx, "SELECT * FROM "+table+" WHERE 1 = 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err says it
	found, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	types := map[string]string{}
	for _, c := range found {
		types[c.Name()] = strings.ToUpper(c.DatabaseTypeName())
	}
	return types, rows.Err()
}

// typedRow returns the values of a row in order of their columns' names, with the types
// of those.
func typedRow(row map[string]any, columns map[string]string) ([]any, error) {
	if len(row) != len(columns) {
		return nil, fmt.Errorf("a row has %d columns instead of %d", len(row), len(columns))
	}
	values := make([]any, 0, len(row))
	for _, name := range slices.Sorted(maps.Keys(row)) {
		kind, known := columns[name]
		if !known {
			return nil, fmt.Errorf("there is no column %q", name)
		}
		value := row[name]
		var err error
		switch v := value.(type) {
		case json.Number:
			value, err = v.Int64()
		case string:
			if strings.HasPrefix(kind, "TIMESTAMP") {
				var at time.Time
				at, err = time.Parse(time.RFC3339Nano, v)
				value = at.UTC()
			}
		case nil, bool:
		default:
			err = fmt.Errorf("a value of column %q is a %T", name, v)
		}
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}
