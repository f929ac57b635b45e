package store

import (
	"context"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// ReachabilityInputs returns what each of the tenant's appliances is compiled from, in
// plan order, and the tenant's declaration, all as it is stored at one moment.
func (s *Store) ReachabilityInputs(ctx context.Context, as vcc.Actor) (list []vcc.ApplianceInputs, tenant vcc.LabTenant, err error) {
	err = s.read(ctx, func(tx querier) error {
		if tenant, err = findTenant(ctx, tx, as.TenantID); err != nil {
			return err
		}
		list, err = applianceInputs(ctx, tx, as.TenantID)
		return err
	})
	return list, tenant, err
}
