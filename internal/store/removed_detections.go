package store

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"
)

// removedDetections is the migration that makes room for what had been detected for a network whose gateway was
// removed by a set of gateways: destroying what set them brings it back. The column has the form of the history. The
// migration calls nothing that may change later.
func removedDetections(dialect goose.Dialect) *goose.Migration {
	text := "TEXT"
	if dialect == goose.DialectPostgres {
		text = `TEXT COLLATE "C"`
	}
	return goose.NewGoMigration(15, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "ALTER TABLE cloud_networks ADD COLUMN removed_detection "+text)
		return err
	}}, nil)
}
