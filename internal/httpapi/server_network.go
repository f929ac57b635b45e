package httpapi

import (
	"context"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// networkQuery selects networks.
type networkQuery struct {
	PageQuery
	HardwarePlanID string `query:"hardwarePlanIdFilter" doc:"Only networks of this plan"`
	Name           string `query:"nameFilter" doc:"Only the network of this name"`
}

func (s *server) registerNetworks() {
	list(s, "hardwarePlans", "List the hardware plans that the tenant is subscribed to", newWireHardwarePlan,
		func(ctx context.Context, as vcc.Actor, in *PageQuery) ([]vcc.HardwarePlan, int, error) {
			return s.Services.HardwarePlans(ctx, as, in.page())
		})
	list(s, "networks", "List the tenant's cloud networks", newWireNetwork,
		func(ctx context.Context, as vcc.Actor, in *networkQuery) ([]vcc.Network, int, error) {
			return s.Services.Networks(ctx, as, vcc.NetworkFilter{HardwarePlanID: in.HardwarePlanID, Name: in.Name}, in.page())
		})
}
