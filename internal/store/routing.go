package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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

func findRouting(ctx context.Context, q querier, tenantID string) (*vcc.NetworkRouting, error) {
	row, err := queryFirst[routingRow](ctx, q, "SELECT name, routing_enabled, routing_revision, routing_updated_at, routing_updated_by "+
		"FROM tenants WHERE id = $1", tenantID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound(tenantID, "there is no tenant with ID %s", tenantID)
	}
	r := &vcc.NetworkRouting{
		TenantID: tenantID, TenantName: row.TenantName, Enabled: row.Enabled,
		Revision: row.Revision, UpdatedBy: row.UpdatedBy,
	}
	if row.UpdatedAt != nil {
		r.UpdatedAt = *row.UpdatedAt
	}
	return r, err
}

// NetworkRouting implements vcc.NetworkRoutingService.
func (s *Store) NetworkRouting(ctx context.Context, as vcc.Actor) (r *vcc.NetworkRouting, err error) {
	err = s.read(ctx, func(tx querier) error {
		r, err = findRouting(ctx, tx, as.TenantID)
		return err
	})
	return r, err
}

// PutNetworkRouting implements vcc.NetworkRoutingService.
func (s *Store) PutNetworkRouting(ctx context.Context, as vcc.Actor, enabled bool, p vcc.Precondition) (r *vcc.NetworkRouting, err error) {
	err = s.write(ctx, ofTenant(as.TenantID), func(tx querier) error {
		if r, err = findRouting(ctx, tx, as.TenantID); err != nil {
			return err
		}
		failed := &vcc.Error{Code: vcc.CodePreconditionFailed, ResourceID: as.TenantID, Current: r}
		switch {
		case p.Absent:
			failed.Message = "the routing option always has a value; name its revision instead"
			return failed
		case p.Revision != nil && *p.Revision != r.Revision:
			failed.Message = fmt.Sprintf("the routing option was changed by %s since it was read; nothing was changed now", r.UpdatedBy)
			return failed
		case r.Enabled == enabled:
			return nil
		}
		change, err := s.record(ctx, tx, as, nil, routingRecord{r.Enabled}, routingRecord{enabled})
		if err != nil {
			return err
		}
		r.Enabled, r.Revision, r.UpdatedAt, r.UpdatedBy = enabled, change.Revision, change.ChangedAt, change.Actor
		return tx.exec(ctx, "UPDATE tenants SET routing_enabled = $1, routing_revision = $2, routing_updated_at = $3, routing_updated_by = $4 "+
			"WHERE id = $5", r.Enabled, r.Revision, r.UpdatedAt, r.UpdatedBy, as.TenantID)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}
