package store

import "github.com/pressly/goose/v3"

// removedDetections is the migration that makes room for what had been detected for a network whose gateway was
// removed by a set of gateways: destroying what set them brings it back. The column has the form of the history. The
// migration calls nothing that may change later.
func removedDetections(dialect goose.Dialect) *goose.Migration {
	return inBoth(15, dialect, "ALTER TABLE cloud_networks ADD COLUMN removed_detection {text}")
}
