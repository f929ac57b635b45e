package store

import (
	"cmp"
	"context"
	"database/sql"

	"github.com/uptrace/bun"
)

// statements are those that run with every write of a gateway. Their text is constant
// and their values are bound, so that a connection parses and plans them once: for
// statements as small as these that is most of the work.
type statements struct {
	findGateway, moveRevision, addChange, storeGateway statement
	findNeighbor, addConnected, removeConnected        statement
}

func (s *Store) prepare(ctx context.Context) error {
	tenantID, networkID := bun.Safe("$1"), bun.Safe("$2")
	for text, to := range map[string]*statement{
		withGateways(networksOf(s.db, tenantID), "LEFT JOIN").Where("n.id = ?", networkID).String(): &s.findGateway,

		"UPDATE tenants SET revision = revision + 1 WHERE id = $1 RETURNING revision": &s.moveRevision,

		"INSERT INTO changes (tenant_id, revision, network_id, changed_at, actor, before, after) " +
			"VALUES ($1, $2, $3, $4, $5, $6, $7)": &s.addChange,

		"INSERT INTO default_gateways (network_id, revision, updated_at, updated_by, origin, " +
			"ipv4_address, ipv4_prefix_length, ipv6_address, ipv6_network, ipv6_prefix_length) " +
			"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) " +
			"ON CONFLICT (network_id) DO UPDATE SET revision = excluded.revision, " +
			"updated_at = excluded.updated_at, updated_by = excluded.updated_by, origin = excluded.origin, " +
			"ipv4_address = excluded.ipv4_address, ipv4_prefix_length = excluded.ipv4_prefix_length, " +
			"ipv6_address = excluded.ipv6_address, ipv6_network = excluded.ipv6_network, " +
			"ipv6_prefix_length = excluded.ipv6_prefix_length": &s.storeGateway,

		"SELECT last_address FROM connected_networks WHERE tenant_id = $1 AND host_id = $2 AND network_id <> $3 " +
			"AND first_address <= $4 ORDER BY first_address DESC LIMIT 1": &s.findNeighbor,

		"INSERT INTO connected_networks (tenant_id, host_id, first_address, last_address, network_id) " +
			"VALUES ($1, $2, $3, $4, $5)": &s.addConnected,

		"DELETE FROM connected_networks WHERE network_id = $1": &s.removeConnected,
	} {
		prepared, err := s.db.DB.PrepareContext(ctx, text)
		if err != nil {
			return err
		}
		*to = statement{prepared, s.engine.text}
	}
	return nil
}

// statement is a prepared statement for write and read transactions.
type statement struct {
	prepared *sql.Stmt
	text     func(string) any
}

func (p statement) bound(values []any) []any {
	for i, v := range values {
		if s, ok := v.(string); ok {
			values[i] = p.text(s)
		}
	}
	return values
}

func (p statement) exec(ctx context.Context, tx bun.Tx, values ...any) error {
	_, err := tx.StmtContext(ctx, p.prepared).ExecContext(ctx, p.bound(values)...) //nolint:sqlclosecheck // the transaction closes it
	return err
}

// first hands the first row to scan. sql.ErrNoRows: there is none.
func (p statement) first(ctx context.Context, tx bun.Tx, scan func(*sql.Rows) error, values ...any) error {
	rows, err := tx.StmtContext(ctx, p.prepared).QueryContext(ctx, p.bound(values)...) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // closed already, or there is an error
	if !rows.Next() {
		return cmp.Or(rows.Err(), sql.ErrNoRows)
	}
	if err := scan(rows); err != nil {
		return err
	}
	return rows.Close()
}
