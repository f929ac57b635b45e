package backend

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// An appliance has no state of its own here: it is compiled from what is stored, and
// again when anything of that has changed. So a change reaches it at once (D19), a restart
// loses nothing, and several servers on one store say the same.

// Appliances implements vcc.ApplianceService.
func (s *Services) Appliances(ctx context.Context, as vcc.Actor, p vcc.Page) ([]vcc.ApplianceState, int, error) {
	c, err := s.stored(ctx, as)
	if err != nil {
		return nil, 0, err
	}
	all := c.tracer.Appliances
	from := min(p.Skip, len(all))
	var states []vcc.ApplianceState
	for _, a := range all[from:min(from+p.Limit, len(all))] {
		states = append(states, a.Compiled.ApplianceState)
	}
	return states, len(all), nil
}

// Appliance implements vcc.ApplianceService.
func (s *Services) Appliance(ctx context.Context, as vcc.Actor, id string) (*vcc.ApplianceState, error) {
	_, a, err := s.storedAppliance(ctx, as, id)
	if err != nil {
		return nil, err
	}
	state := a.Compiled.ApplianceState
	return &state, nil
}

// storedAppliance returns one of the tenant's appliances as it is stored now, and all of them.
func (s *Services) storedAppliance(ctx context.Context, as vcc.Actor, id string) (*compiledVersion, appliance.TenantAppliance, error) {
	c, err := s.stored(ctx, as)
	if err != nil {
		return nil, appliance.TenantAppliance{}, err
	}
	all := c.tracer.Appliances
	i := slices.IndexFunc(all, func(a appliance.TenantAppliance) bool { return a.Inputs.ID == id })
	if i < 0 {
		return nil, appliance.TenantAppliance{}, &vcc.Error{Code: vcc.CodeNotFound, ResourceID: id, Message: vcc.Message("there is no network extension appliance with ID %s", id)}
	}
	return c, all[i], nil
}

// ApplianceSources implements vcc.ApplianceService.
func (s *Services) ApplianceSources(ctx context.Context, as vcc.Actor, id, known string) (*vcc.ApplianceSources, error) {
	c, a, err := s.storedAppliance(ctx, as, id)
	if err != nil {
		return nil, err
	}
	version := sha256.Sum256([]byte(id + " " + c.Version))
	sources := &vcc.ApplianceSources{Version: "inputs-" + hex.EncodeToString(version[:8]), ApplianceInputs: a.Inputs}
	if sources.Version == known {
		return nil, nil
	}
	sources.Gateways = map[string]vcc.GatewaySettings{}
	for _, n := range a.Inputs.Networks {
		if g, stored := a.Inputs.Gateways[n.ID]; stored {
			sources.Gateways[n.ID] = g
		}
	}
	own := map[string]bool{}
	for _, n := range a.Inputs.Networks {
		own[n.ID] = true
	}
	for _, r := range c.Tenant.Replicas(c.tracer.networks, a.Inputs.Gateways) {
		r.NICs = slices.DeleteFunc(r.NICs, func(n vcc.ReplicaNIC) bool { return !own[n.NetworkID] })
		if len(r.NICs) > 0 {
			sources.Replicas = append(sources.Replicas, r)
		}
	}
	sources.Production, sources.PublicIPs = c.tracer.production, c.Tenant.PublicIPs
	return sources, nil
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
	return slices.ContainsFunc(in.Networks, func(n vcc.Network) bool { return in.Gateways[n.ID].Serves(a) })
}
