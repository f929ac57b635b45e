package store

import (
	"context"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// ReachabilityInputs returns the inputs of each of the tenant's appliances, in plan order, and
// the tenant's declaration, all as stored at one moment.
func (s *Store) ReachabilityInputs(ctx context.Context, as vcc.Actor) ([]vcc.ApplianceInputs, vcc.LabTenant, error) {
	type inputs struct {
		appliances []vcc.ApplianceInputs
		tenant     vcc.LabTenant
	}
	in, err := read(ctx, s, func(tx querier) (in inputs, err error) {
		if in.tenant, err = findTenant(ctx, tx, as.TenantID); err != nil {
			return in, err
		}
		in.appliances, err = applianceInputs(ctx, tx, as.TenantID, in.tenant)
		return in, err
	})
	return in.appliances, in.tenant, err
}
