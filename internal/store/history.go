package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// changeRow is one entry of the history.
type changeRow struct {
	Revision      int64
	ChangedAt     time.Time
	Actor         string
	Before, After *string
	Provenance    *string
}

const changeColumns = "revision, changed_at, actor, before, after, provenance"

func (r *changeRow) fields() []any {
	return []any{&r.Revision, &r.ChangedAt, &r.Actor, &r.Before, &r.After, &r.Provenance}
}

const (
	moveRevision = "UPDATE tenants SET revision = revision + 1, gateways = gateways + $2 WHERE id = $1 RETURNING revision"

	insertChange = "INSERT INTO changes (tenant_id, revision, network_id, failover_plan_id, changed_at, actor, before, after) " +
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
)

// record moves the tenant's revision and appends what happened to the history.
// It belongs into the transaction that makes it happen. before and after are
// what the history keeps, nil for nothing. networkID is nil for the routing option.
func (s *Store) record(ctx context.Context, tx querier, as vcc.Actor, networkID *string, before, after any) (changeRow, error) {
	return s.recordChange(ctx, tx, as, networkID, nil, before, after)
}

// recordChange is record for a network's gateway, a failover plan or, with neither, the routing option.
func (s *Store) recordChange(ctx context.Context, tx querier, as vcc.Actor, networkID, planID *string, before, after any) (changeRow, error) {
	row := changeRow{ChangedAt: s.now(), Actor: as.Name}
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
	more := 0 // gateways
	if networkID != nil && before == nil {
		more++
	}
	if networkID != nil && after == nil {
		more--
	}
	var err error
	if row.Revision, err = queryValue[int64](ctx, tx, moveRevision, as.TenantID, more); err != nil {
		return row, fmt.Errorf("moving the revision: %w", err)
	}
	err = tx.exec(ctx, insertChange, as.TenantID, row.Revision, networkID, planID, row.ChangedAt, row.Actor, row.Before, row.After)
	return row, err
}

// DefaultGatewayChanges implements vcc.DefaultGatewayService.
func (s *Store) DefaultGatewayChanges(ctx context.Context, as vcc.Actor, networkID string, p vcc.Page) ([]vcc.Change, int, error) {
	return readPage(ctx, s, func(tx querier) (page[vcc.Change], error) {
		if _, err := findNetwork(ctx, tx, as.TenantID, networkID); err != nil {
			return page[vcc.Change]{}, err
		}
		return queryPage(ctx, tx, p, changeRow.change, changeColumns,
			" FROM changes WHERE tenant_id = $1 AND network_id = $2", " ORDER BY revision DESC", as.TenantID, networkID)
	})
}

// tenantChangeRow is one entry of the history of all of a tenant's gateways.
type tenantChangeRow struct {
	NetworkID string
	changeRow
}

func (r *tenantChangeRow) fields() []any { return append(r.changeRow.fields(), &r.NetworkID) }

func (r tenantChangeRow) change() (vcc.Change, error) {
	c, err := r.changeRow.change()
	c.NetworkID = r.NetworkID
	return c, err
}

// TenantGatewayChanges implements vcc.DefaultGatewayService.
func (s *Store) TenantGatewayChanges(ctx context.Context, as vcc.Actor, networkID string, p vcc.Page) ([]vcc.Change, int, error) {
	return readPage(ctx, s, func(tx querier) (page[vcc.Change], error) {
		if _, err := findNetwork(ctx, tx, as.TenantID, networkID); err != nil {
			return page[vcc.Change]{}, err
		}
		return queryPage(ctx, tx, p, tenantChangeRow.change, changeColumns+", network_id",
			" FROM changes WHERE tenant_id = $1 AND network_id IS NOT NULL", " ORDER BY revision DESC", as.TenantID)
	})
}

// change returns an entry of a gateway's history.
func (r changeRow) change() (vcc.Change, error) {
	c := vcc.Change{Revision: r.Revision, Time: r.ChangedAt, Actor: r.Actor}
	var err error
	if c.Before, err = keptState(r.Before); err != nil {
		return c, err
	}
	if c.After, err = keptState(r.After); err != nil {
		return c, err
	}
	c.Provenance, err = keptProvenance(r.Provenance)
	return c, err
}

// keptState reads a gateway's state in the history, nil for none.
func keptState(record *string) (*vcc.GatewayState, error) {
	if record == nil {
		return nil, nil
	}
	state, err := declared(*record, gatewayRecord.state)
	return &state, err
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
