package store

import (
	"context"
	"database/sql"
	"strings"

	"github.com/pressly/goose/v3"
)

// failoverReports is the migration that makes room for the reports of failover tests beside failovers,
// and for what got which address. It calls nothing that may change later.
//
// Both databases take the same statements, but for the collation that PostgreSQL's texts need and SQLite's
// have anyway (see collateKeys).
func failoverReports(dialect goose.Dialect) *goose.Migration {
	text := "TEXT"
	if dialect == goose.DialectPostgres {
		text = `TEXT COLLATE "C"`
	}
	statements := []string{
		// A test is never under way: it ends when it starts.
		`ALTER TABLE failover_sessions ADD COLUMN test BOOLEAN NOT NULL DEFAULT FALSE`,

		// outcome has the form of outcomeRecord; it is NULL for what was stored before.
		`ALTER TABLE failover_sessions ADD COLUMN outcome {text}`,

		`CREATE INDEX failover_sessions_in_order ON failover_sessions (tenant_id, started_at, id)`,
	}
	return goose.NewGoMigration(14, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		for _, s := range statements {
			if _, err := tx.ExecContext(ctx, strings.ReplaceAll(s, "{text}", text)); err != nil {
				return err
			}
		}
		return nil
	}}, nil)
}
