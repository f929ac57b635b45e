package store

import "context"

func (sqliteEngine) takeYourTime(context.Context, querier) error { return nil } // it has no limits

// takeYourTime lifts the limits of a statement's time, of the time between two, and, from PostgreSQL 17
// on, of the whole transaction's. How long it waits for a lock stays limited.
func (postgresEngine) takeYourTime(ctx context.Context, tx querier) error {
	return tx.exec(ctx, "SELECT set_config(name, '0', TRUE) FROM pg_settings "+
		"WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')")
}
