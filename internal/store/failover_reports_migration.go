package store

import "github.com/pressly/goose/v3"

// failoverReports is the migration that makes room for the reports of failover tests beside failovers,
// and for what got which address. It calls nothing that may change later.
func failoverReports(dialect goose.Dialect) *goose.Migration {
	return inBoth(14, dialect,
		// A test is never under way: it ends when it starts.
		`ALTER TABLE failover_sessions ADD COLUMN test BOOLEAN NOT NULL DEFAULT FALSE`,

		// outcome has the form of outcomeRecord; it is NULL for what was stored before.
		`ALTER TABLE failover_sessions ADD COLUMN outcome {text}`,

		`CREATE INDEX failover_sessions_in_order ON failover_sessions (tenant_id, started_at, id)`,
	)
}
