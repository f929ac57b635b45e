package store

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"
)

// collateKeys is the migration after which PostgreSQL compares texts byte by byte, as SQLite does,
// whatever collation the database has. The store's keys are made for that order: the check of
// overlaps (D12) looks for the neighbor of an address. And an index in a collation of the system's is in
// disorder once the system's next release sorts otherwise.
//
// It calls nothing that may change later. A migration that adds a text column later has to give
// it the collation, too; a test finds those without.
func collateKeys(dialect goose.Dialect) *goose.Migration {
	if dialect != goose.DialectPostgres {
		return goose.NewGoMigration(11, nil, nil)
	}
	return goose.NewGoMigration(11, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		// Indexes are made anew, and those of a long history take a while.
		if _, err := tx.ExecContext(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DO $$
DECLARE
	one record;
BEGIN
	FOR one IN
		SELECT c.oid::regclass AS relation, string_agg(format('ALTER COLUMN %I TYPE TEXT COLLATE "C"', a.attname), ', ') AS columns
		FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
		WHERE c.oid IN (
			'lab'::regclass, 'hosts'::regclass, 'hardware_plans'::regclass, 'tenants'::regclass, 'subscriptions'::regclass,
			'cloud_networks'::regclass, 'connected_networks'::regclass, 'default_gateways'::regclass, 'replication_jobs'::regclass,
			'changes'::regclass, 'failover_plans'::regclass, 'failover_sessions'::regclass, 'accounts'::regclass, 'tokens'::regclass,
			'login_attempts'::regclass
		) AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'text'::regtype
		GROUP BY c.oid
	LOOP
		EXECUTE format('ALTER TABLE %s %s', one.relation, one.columns);
	END LOOP;
END $$`)
		return err
	}}, nil)
}
