package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/netip"

	"github.com/pressly/goose/v3"
)

// fillConnectedNetworks is the migration that follows the one that makes the table: it
// enters the IP networks of the gateways that are stored already.
//
// It calls nothing that may change later, and neither do its statements.
var fillConnectedNetworks = goose.NewGoMigration(3, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, "SELECT c.tenant_id, c.host_id, g.network_id, g.ipv4_address, g.ipv4_prefix_length, "+
		"g.ipv6_network, g.ipv6_prefix_length FROM default_gateways AS g JOIN cloud_networks AS c ON c.id = g.network_id")
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // read to the end, or rolled back
	var entered [][]any
	for rows.Next() {
		var tenantID, hostID, networkID string
		var families [2]struct {
			address *string
			length  *int
		}
		if err := rows.Scan(&tenantID, &hostID, &networkID, &families[0].address, &families[0].length, &families[1].address, &families[1].length); err != nil {
			return err
		}
		for i, f := range families {
			if f.address == nil || f.length == nil {
				continue
			}
			address, err := netip.ParseAddr(*f.address)
			if err != nil {
				return fmt.Errorf("reading the gateway of network %s: %w", networkID, err)
			}
			if i == 1 && *f.length >= 10 && address.IsLinkLocalUnicast() {
				continue // which is on every link, and overlaps with nothing
			}
			first := netip.PrefixFrom(address, *f.length).Masked().Addr().AsSlice()
			last := append([]byte(nil), first...)
			for bit := *f.length; bit < len(last)*8; bit++ {
				last[bit/8] |= 0x80 >> (bit % 8)
			}
			family := [...]string{"4", "6"}[i]
			entered = append(entered, []any{tenantID, hostID, family + hex.EncodeToString(first), family + hex.EncodeToString(last), networkID})
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, values := range entered {
		_, err := tx.ExecContext(ctx, "INSERT INTO connected_networks (tenant_id, host_id, first_address, last_address, network_id) VALUES ($1, $2, $3, $4, $5)", values...)
		if err != nil {
			return fmt.Errorf("entering the networks of %v: %w", values[4], err)
		}
	}
	return nil
}}, nil)
