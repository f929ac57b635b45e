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
}

const (
	backupFormat = "terraform-provider-vcc backup"
	restoreBatch = 50 // rows of one INSERT; SQLite looks each $n up among all before it
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

// damaged is the error of a backup that is none.
func damaged(err error) error {
	return &storageError{&vcc.Error{Code: vcc.CodeInvalidValue, Message: "this is no backup, or it is damaged or cut off; nothing was changed"}, err}
}

// Restore fills an empty database from a backup, all of it or nothing. A backup of an older
// release is brought up to date first. CodeConflict: the database has a lab already, or the
// backup is of a newer release. CodeInvalidValue: it is no backup, or not all of one.
func (s *Store) Restore(ctx context.Context, from io.Reader) error {
	compressed, err := gzip.NewReader(from)
	if err != nil {
		return damaged(err)
	}
	decoder := json.NewDecoder(compressed)
	decoder.UseNumber()
	var header backupHeader
	if err := decoder.Decode(&header); err != nil || header.Format != backupFormat {
		return damaged(err)
	}
	version, err := schemaVersion(ctx, querier{store: s})
	switch {
	case err != nil:
		return s.engine.translate(err)
	case header.Schema < 1:
		return damaged(fmt.Errorf("version %d of the schema", header.Schema))
	case header.Schema > version:
		return &vcc.Error{Code: vcc.CodeConflict, Message: fmt.Sprintf(
			"the backup is of a database with version %d of the schema, and this release knows %d; nothing was changed. Restore it with the release that wrote it, or a newer one", header.Schema, version)}
	case header.Schema < version:
		return s.restoreOlder(ctx, header.Schema, decoder, compressed)
	}
	started := false
	return s.write(ctx, everything, func(tx querier) error {
		if started {
			return unavailable(nil, "the connection to the database broke; nothing was changed, try again")
		}
		started = true // the backup can be read once
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
		if err := s.restoreRows(ctx, tx, decoder, compressed); err != nil {
			return err
		}
		return s.engine.analyze(ctx, tx)
	})
}

// restoreOlder restores the rest of a backup of an older schema: into a scratch database of that
// schema, which then is brought up to date as any other, and backed up in turn.
func (s *Store) restoreOlder(ctx context.Context, version int64, decoder *json.Decoder, compressed io.Reader) (err error) {
	dir, err := os.MkdirTemp("", "vcc-restore")
	if err != nil {
		return fmt.Errorf("bringing an older backup up to date needs a folder for a while: %w; nothing was changed", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	e := sqliteEngine{filepath.Join(dir, "vcc.db")}
	db := openSQLite(e.path, url.Values{"_foreign_keys": {"on"}, "_synchronous": {"OFF"}})
	defer func() { err = errors.Join(err, db.Close()) }()
	scratch := newStore(db, e, 1)
	m, err := newMigrations(goose.DialectSQLite3, db)
	if err == nil {
		_, err = m.UpTo(ctx, version)
	}
	if err == nil {
		err = scratch.write(ctx, everything, func(tx querier) error { return scratch.restoreRows(ctx, tx, decoder, compressed) })
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

func (s *Store) restoreRows(ctx context.Context, tx querier, decoder *json.Decoder, compressed io.Reader) error {
	var batch [][]any
	table, order := "", -1
	var columns map[string]string // of the table, and their types
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := tx.exec(ctx, insertRows(table, slices.Sorted(maps.Keys(columns)), len(batch)), slices.Concat(batch...)...)
		batch = nil
		return s.unfit(err)
	}
	for count := 0; ; count++ {
		var line struct {
			backupRow
			Rows *int `json:"rows"`
		}
		if err := decoder.Decode(&line); err != nil {
			return damaged(err)
		}
		if line.Rows != nil {
			if *line.Rows != count {
				return damaged(fmt.Errorf("%d rows instead of %d", count, *line.Rows))
			}
			if _, err := io.Copy(io.Discard, compressed); err != nil { // whose end has a checksum
				return damaged(err)
			}
			return flush()
		}
		if line.Table != table {
			if err := flush(); err != nil {
				return err
			}
			next := order + 1
			for next < len(backupTables) && backupTables[next] != line.Table {
				next++
			}
			if next == len(backupTables) {
				return damaged(fmt.Errorf("table %q", line.Table))
			}
			table, order = line.Table, next
			var err error
			if columns, err = columnTypes(ctx, tx, table); err != nil {
				return s.unfit(err)
			}
		}
		row, err := typedRow(line.Row, columns)
		if err != nil {
			return damaged(err)
		}
		if batch = append(batch, row); len(batch) == restoreBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
}

// unfit makes an error that a row has no table, or that none takes it, that of a damaged backup.
func (s *Store) unfit(err error) error {
	if err != nil && !s.engine.broken(err) && vcc.Code(s.engine.translate(err)) == vcc.CodeUnknown {
		return damaged(err)
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
