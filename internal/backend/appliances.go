package backend

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// An appliance has no state of its own here: it is compiled from what is stored
// whenever somebody looks. So a change reaches it at once (D19), a restart
// loses nothing, and several servers on one store say the same.

// Appliances implements vcc.ApplianceService.
func (s *Services) Appliances(ctx context.Context, as vcc.Actor, p vcc.Page) ([]vcc.ApplianceState, int, error) {
	inputs, err := s.compileInputs(ctx, as)
	if err != nil {
		return nil, 0, err
	}
	from := min(p.Skip, len(inputs))
	var states []vcc.ApplianceState
	for _, in := range inputs[from:min(from+p.Limit, len(inputs))] {
		states = append(states, appliance.Compile(in).ApplianceState)
	}
	return states, len(inputs), nil
}

// Appliance implements vcc.ApplianceService.
func (s *Services) Appliance(ctx context.Context, as vcc.Actor, id string) (*vcc.ApplianceState, error) {
	inputs, err := s.compileInputs(ctx, as)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(inputs, func(in vcc.ApplianceInputs) bool { return in.ID == id })
	if i < 0 {
		return nil, &vcc.Error{Code: vcc.CodeNotFound, ResourceID: id, Message: fmt.Sprintf("there is no network extension appliance with ID %s", id)}
	}
	return &appliance.Compile(inputs[i]).ApplianceState, nil
}

// compileInputs returns the inputs of the tenant's appliances, each with its own rules.
func (s *Services) compileInputs(ctx context.Context, as vcc.Actor) ([]vcc.ApplianceInputs, error) {
	inputs, err := s.ApplianceInputs(ctx, as)
	return withOwnRules(inputs), err
}

// withOwnRules leaves out of each appliance the public IP rules that lead to another
// of them alone. A rule that leads nowhere stays everywhere, as a problem.
func withOwnRules(inputs []vcc.ApplianceInputs) []vcc.ApplianceInputs {
	own := slices.Clone(inputs)
	for i, in := range inputs {
		own[i].PublicIPRules = slices.DeleteFunc(slices.Clone(in.PublicIPRules), func(r vcc.PublicIPRule) bool {
			leadsTo := func(in vcc.ApplianceInputs) bool { return serves(in, r.Internal.Addr()) }
			return !leadsTo(in) && slices.ContainsFunc(inputs, leadsTo)
		})
	}
	return own
}

// serves reports whether an address is in one of the appliance's networks.
func serves(in vcc.ApplianceInputs, a netip.Addr) bool {
	return slices.ContainsFunc(in.Networks, func(n vcc.Network) bool {
		g := in.Gateways[n.ID]
		return g.IPv4 != nil && g.IPv4.Network().Contains(a) || g.IPv6 != nil && g.IPv6.Network.Contains(a)
	})
}
