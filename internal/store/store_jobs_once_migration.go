package store

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"
)

// storeJobsOnce is the migration after which replication jobs and failover plans stand in their
// own rows alone. Before it a tenant's declaration had them, too.
//
// It calls nothing that may change later (rewriteDeclarations is a migration's, too), and
// neither do its statements.
var storeJobsOnce = goose.NewGoMigration(7, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
	return rewriteDeclarations(ctx, tx, "SELECT id, declaration FROM tenants", "UPDATE tenants SET declaration = $1 WHERE id = $2", func(tenant map[string]any) {
		delete(tenant, "replicationJobs")
		delete(tenant, "failoverPlans")
	})
}}, nil)
