package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// routingRecord is what the history keeps of the routing option.
type routingRecord struct {
	Enabled bool `json:"enabled"`
}

// routingRow is the routing option of a tenant.
type routingRow struct {
	TenantName string
	Enabled    bool
	Revision   int64
	UpdatedAt  *time.Time
	UpdatedBy  string
}

func (r *routingRow) fields() []any {
	return []any{&r.TenantName, &r.Enabled, &r.Revision, &r.UpdatedAt, &r.UpdatedBy}
}

func findRouting(ctx context.Context, q querier, tenantID string) (vcc.NetworkRouting, error) {
	row, err := queryFirst[routingRow](ctx, q, "SELECT name, routing_enabled, routing_revision, routing_updated_at, routing_updated_by "+
		"FROM tenants WHERE id = $1", tenantID)
	if errors.Is(err, sql.ErrNoRows) {
		err = notFound(tenantID, "there is no tenant with ID %s", tenantID)
	}
	if err != nil {
		return vcc.NetworkRouting{}, err
	}
	r := vcc.NetworkRouting{
		TenantID: tenantID, TenantName: row.TenantName, Enabled: row.Enabled,
		Revision: row.Revision, UpdatedBy: row.UpdatedBy,
	}
	if row.UpdatedAt != nil {
		r.UpdatedAt = *row.UpdatedAt
	}
	return r, nil
}

// NetworkRouting implements vcc.NetworkRoutingService.
func (s *Store) NetworkRouting(ctx context.Context, as vcc.Actor) (*vcc.NetworkRouting, error) {
	r, err := read(ctx, s, func(tx querier) (vcc.NetworkRouting, error) { return findRouting(ctx, tx, as.TenantID) })
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// PutNetworkRouting implements vcc.NetworkRoutingService.
func (s *Store) PutNetworkRouting(ctx context.Context, as vcc.Actor, enabled bool, p vcc.Precondition) (*vcc.NetworkRouting, error) {
	r, err := write(ctx, s, ofTenant(as.TenantID), func(tx querier) (vcc.NetworkRouting, error) {
		r, err := findRouting(ctx, tx, as.TenantID)
		if err == nil {
			err = p.CheckRouting(r)
		}
		if err != nil || r.Enabled == enabled {
			return r, err
		}
		change, err := s.record(ctx, tx, as, nil, routingRecord{r.Enabled}, routingRecord{enabled})
		if err != nil {
			return r, err
		}
		r.Enabled, r.Revision, r.UpdatedAt, r.UpdatedBy = enabled, change.Revision, change.ChangedAt, change.Actor
		return r, tx.exec(ctx, "UPDATE tenants SET routing_enabled = $1, routing_revision = $2, routing_updated_at = $3, routing_updated_by = $4 "+
			"WHERE id = $5", r.Enabled, r.Revision, r.UpdatedAt, r.UpdatedBy, as.TenantID)
	})
	if err != nil {
		return nil, err
	}
	return &r, nil
}
