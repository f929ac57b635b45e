package store

import "github.com/pressly/goose/v3"

// serverExports is the migration that makes room for what real backup servers had: the export that
// was imported last for each tenant, and for each change the export that it came from. It calls
// nothing that may change later.
func serverExports(dialect goose.Dialect) *goose.Migration {
	return inBoth(12, dialect,
		// provenance has the form of provenanceRecord.
		`ALTER TABLE changes ADD COLUMN provenance {text}`,

		// exported_at is NULL where the export does not say it.
		`CREATE TABLE server_exports (
			tenant_id       {text} PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
			server          {text} NOT NULL,
			provider        {text} NOT NULL,
			provider_id     {text} NOT NULL,
			exported_at     TIMESTAMP,
			imported_at     TIMESTAMP NOT NULL,
			imported_by     {text} NOT NULL,
			routing_enabled BOOLEAN NOT NULL
		)`,

		// server_name, server_network_id and server_gateway_id are the backup server's. gateway has the form of
		// the history, NULL for none.
		`CREATE TABLE exported_networks (
			network_id        {text} PRIMARY KEY REFERENCES cloud_networks (id) ON DELETE CASCADE,
			server_name       {text} NOT NULL,
			server_network_id {text} NOT NULL,
			server_gateway_id {text} NOT NULL,
			gateway           {text}
		)`,
	)
}
