package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// changeRow is one entry of the history.
type changeRow struct {
	bun.BaseModel `bun:"table:changes"`
	TenantID      string
	Revision      int64
	NetworkID     *string // nil: the routing option
	ChangedAt     time.Time
	Actor         string
	Before, After *string
}

// record moves the tenant's revision and appends what happened to the history.
// It belongs into the transaction that makes it happen. before and after are
// what the history keeps, nil for nothing.
func (s *Store) record(ctx context.Context, tx bun.Tx, as vcc.Actor, networkID *string, before, after any) (changeRow, error) {
	row := changeRow{TenantID: as.TenantID, NetworkID: networkID, ChangedAt: s.now(), Actor: as.Name}
	for _, side := range []struct {
		value any
		text  **string
	}{{before, &row.Before}, {after, &row.After}} {
		if side.value == nil {
			continue
		}
		text, err := encode(side.value)
		if err != nil {
			return row, err
		}
		*side.text = &text
	}
	err := s.moveRevision.first(ctx, tx, func(rows *sql.Rows) error { return rows.Scan(&row.Revision) }, as.TenantID)
	if err != nil {
		return row, fmt.Errorf("moving the revision: %w", err)
	}
	err = s.addChange.exec(ctx, tx, row.TenantID, row.Revision, row.NetworkID, row.ChangedAt, row.Actor, row.Before, row.After)
	return row, err
}

// DefaultGatewayChanges implements vcc.DefaultGatewayService.
func (s *Store) DefaultGatewayChanges(ctx context.Context, as vcc.Actor, networkID string, p vcc.Page) (list []vcc.Change, total int, err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		list = nil
		if _, err := findNetwork(ctx, tx, as.TenantID, networkID); err != nil {
			return err
		}
		rows, n, err := scanPage[changeRow](ctx, tx.NewSelect().Model((*changeRow)(nil)).
			Where("tenant_id = ?", as.TenantID).
			Where("network_id = ?", networkID).
			OrderExpr("revision DESC"), p)
		total = n
		for _, r := range rows {
			c := vcc.Change{Revision: r.Revision, Time: r.ChangedAt, Actor: r.Actor}
			for _, side := range []struct {
				text  *string
				state **vcc.GatewayState
			}{{r.Before, &c.Before}, {r.After, &c.After}} {
				if side.text == nil {
					continue
				}
				kept, err := decode[gatewayRecord](*side.text)
				if err != nil {
					return err
				}
				state, err := kept.state()
				if err != nil {
					return err
				}
				*side.state = &state
			}
			list = append(list, c)
		}
		return err
	})
	return list, total, err
}

func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

func decode[T any](text string) (T, error) {
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return v, fmt.Errorf("reading a stored %T: %w", v, err)
	}
	return v, nil
}
