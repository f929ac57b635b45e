package backend

import (
	"context"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// errNoAppliance is the error where a tenant has nothing that a question could be about.
var errNoAppliance = &vcc.Error{Code: vcc.CodeConflict, Message: "the tenant has no cloud networks, and so no network extension appliance"}

// Sources returns what each of the tenant's appliances is compiled from, as a backend says it, embedded or served. They are not
// all of one moment; each has its version. CodeConflict: the tenant has no cloud networks. Other errors are the services'.
func Sources(ctx context.Context, services vcc.ApplianceService, as vcc.Actor) ([]vcc.ApplianceSources, error) {
	appliances, err := vcc.All(func(p vcc.Page) ([]vcc.ApplianceState, int, error) { return services.Appliances(ctx, as, p) })
	if err != nil {
		return nil, err
	}
	if len(appliances) == 0 {
		return nil, errNoAppliance
	}
	sources := make([]vcc.ApplianceSources, len(appliances))
	for i, a := range appliances {
		s, err := services.ApplianceSources(ctx, as, a.ID, "")
		if err != nil {
			return nil, err
		}
		sources[i] = *s
	}
	return sources, nil
}

// UnderPlan returns the sources with the public IP rules of a failover plan in place of those that count now. A rule goes to the
// appliance into whose networks it leads.
func UnderPlan(plan vcc.FailoverPlan, sources []vcc.ApplianceSources) []vcc.ApplianceSources {
	inputs := make([]vcc.ApplianceInputs, len(sources))
	for i := range sources {
		inputs[i] = sources[i].ApplianceInputs
		inputs[i].PublicIPRules = plan.PublicIPRules
	}
	under := make([]vcc.ApplianceSources, len(sources))
	for i, own := range withOwnRules(inputs) {
		under[i] = sources[i]
		under[i].ApplianceInputs = own
	}
	return under
}
