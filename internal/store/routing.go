package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// routingRecord is what the history keeps of the routing option.
type routingRecord struct {
	Enabled bool `json:"enabled"`
}

func findRouting(ctx context.Context, db bun.IDB, tenantID string) (*vcc.NetworkRouting, error) {
	var row struct {
		Name             string
		RoutingEnabled   bool
		RoutingRevision  int64
		RoutingUpdatedAt *time.Time
		RoutingUpdatedBy string
	}
	err := db.NewSelect().TableExpr("tenants").
		ColumnExpr("name, routing_enabled, routing_revision, routing_updated_at, routing_updated_by").
		Where("id = ?", tenantID).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound(tenantID, "there is no tenant with ID %s", tenantID)
	}
	r := &vcc.NetworkRouting{
		TenantID: tenantID, TenantName: row.Name, Enabled: row.RoutingEnabled,
		Revision: row.RoutingRevision, UpdatedBy: row.RoutingUpdatedBy,
	}
	if row.RoutingUpdatedAt != nil {
		r.UpdatedAt = *row.RoutingUpdatedAt
	}
	return r, err
}

// NetworkRouting implements vcc.NetworkRoutingService.
func (s *Store) NetworkRouting(ctx context.Context, as vcc.Actor) (r *vcc.NetworkRouting, err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		r, err = findRouting(ctx, tx, as.TenantID)
		return err
	})
	return r, err
}

// PutNetworkRouting implements vcc.NetworkRoutingService.
func (s *Store) PutNetworkRouting(ctx context.Context, as vcc.Actor, enabled bool, p vcc.Precondition) (r *vcc.NetworkRouting, err error) {
	err = s.write(ctx, ofTenant(as.TenantID), func(tx bun.Tx) error {
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
		_, err = tx.NewUpdate().TableExpr("tenants").
			Set("routing_enabled = ?", r.Enabled).Set("routing_revision = ?", r.Revision).
			Set("routing_updated_at = ?", r.UpdatedAt).Set("routing_updated_by = ?", r.UpdatedBy).
			Where("id = ?", as.TenantID).Exec(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}
