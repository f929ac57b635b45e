package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// reachabilityVersionRow has what moves with everything that ReachabilityInputs reads: the
// tenant's revision with its gateways and its routing option, the lab's version with all that
// is declared, and the sessions with the failovers under way. The digest is for changes by a
// release that knows no version.
type reachabilityVersionRow struct {
	Revision, Version int64
	Digest, Sessions  string
}

const selectReachabilityVersion = "SELECT t.revision, l.digest, l.version, " +
	"COALESCE((SELECT string_agg(f.id, ',') FROM failover_sessions AS f WHERE f.tenant_id = t.id AND f.ended_at IS NULL), '') " +
	"FROM tenants AS t, lab AS l WHERE t.id = $1"

func (r *reachabilityVersionRow) fields() []any {
	return []any{&r.Revision, &r.Digest, &r.Version, &r.Sessions}
}

// reachabilityVersion is read in one statement, so it is of one moment.
func reachabilityVersion(ctx context.Context, q querier, tenantID string) (string, error) {
	row, err := queryFirst[reachabilityVersionRow](ctx, q, selectReachabilityVersion, tenantID)
	if errors.Is(err, sql.ErrNoRows) {
		return "", notFound(tenantID, "there is no tenant with ID %s", tenantID)
	}
	return fmt.Sprintf("%d %s %d %s", row.Revision, row.Digest, row.Version, row.Sessions), err
}

// ReachabilityVersion returns a text that is another one whenever anything that
// ReachabilityInputs returns has changed, whoever changed it. It costs one small query.
// CodeNotFound: there is no such tenant.
func (s *Store) ReachabilityVersion(ctx context.Context, as vcc.Actor) (string, error) {
	version, err := again(s, func() (string, error) { return reachabilityVersion(ctx, querier{store: s}, as.TenantID) })
	return version, s.engine.translate(err)
}

// ReachabilityInputs are what a tenant's traces depend on, as stored at one moment.
type ReachabilityInputs struct {
	// Version is that of ReachabilityVersion at that moment.
	Version string
	// Appliances are the inputs of each of the tenant's appliances, in plan order. The public
	// IP rules are those of the plan that is failed over, and of all plans while none is.
	Appliances []vcc.ApplianceInputs
	Tenant     vcc.LabTenant
}

// ReachabilityInputs reads them. CodeNotFound: there is no such tenant.
func (s *Store) ReachabilityInputs(ctx context.Context, as vcc.Actor) (ReachabilityInputs, error) {
	return read(ctx, s, func(tx querier) (in ReachabilityInputs, err error) {
		if in.Version, err = reachabilityVersion(ctx, tx, as.TenantID); err != nil {
			return in, err
		}
		if in.Tenant, err = findTenant(ctx, tx, as.TenantID); err != nil {
			return in, err
		}
		in.Appliances, err = applianceInputs(ctx, tx, as.TenantID, in.Tenant)
		return in, err
	})
}
