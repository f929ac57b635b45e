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
	Provenance *string
}

func (r *routingRow) fields() []any {
	return []any{&r.TenantName, &r.Enabled, &r.Revision, &r.UpdatedAt, &r.UpdatedBy, &r.Provenance}
}

func findRouting(ctx context.Context, q querier, tenantID string) (vcc.NetworkRouting, error) {
	row, err := queryFirst[routingRow](ctx, q, "SELECT t.name, t.routing_enabled, t.routing_revision, t.routing_updated_at, t.routing_updated_by, c.provenance "+
		"FROM tenants AS t LEFT JOIN changes AS c ON c.tenant_id = t.id AND c.revision = t.routing_revision WHERE t.id = $1", tenantID)
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
	r.Provenance, err = keptProvenance(row.Provenance)
	return r, err
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
		return s.setRouting(ctx, tx, as, r, enabled)
	})
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// setRouting gives the option another value than it has.
func (s *Store) setRouting(ctx context.Context, tx querier, as vcc.Actor, r vcc.NetworkRouting, enabled bool) (vcc.NetworkRouting, error) {
	change, err := s.record(ctx, tx, as, nil, routingRecord{r.Enabled}, routingRecord{enabled})
	if err != nil {
		return r, err
	}
	r.Enabled, r.Revision, r.UpdatedAt, r.UpdatedBy, r.Provenance = enabled, change.Revision, change.ChangedAt, change.Actor, nil
	return r, tx.exec(ctx, "UPDATE tenants SET routing_enabled = $1, routing_revision = $2, routing_updated_at = $3, routing_updated_by = $4 "+
		"WHERE id = $5", r.Enabled, r.Revision, r.UpdatedAt, r.UpdatedBy, as.TenantID)
}
