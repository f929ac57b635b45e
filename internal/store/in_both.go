package store

import (
	"context"
	"database/sql"
	"strings"

	"github.com/pressly/goose/v3"
)

// inBoth is a migration of the same statements in both databases, but for {text}: that is the type of a text
// column with the collation that PostgreSQL's texts need and SQLite's have anyway (see collateKeys).
// Migrations that have run are made of it, so what it does to their statements never changes.
func inBoth(version int64, dialect goose.Dialect, statements ...string) *goose.Migration {
	text := "TEXT"
	if dialect == goose.DialectPostgres {
		text = `TEXT COLLATE "C"`
		// An index of a long history takes a while.
		statements = append([]string{"SET LOCAL statement_timeout = 0"}, statements...)
	}
	return goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		for _, s := range statements {
			if _, err := tx.ExecContext(ctx, strings.ReplaceAll(s, "{text}", text)); err != nil {
				return err
			}
		}
		return nil
	}}, nil)
}
