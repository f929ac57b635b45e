package provider

import (
	"context"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// afterWrites returns a time after which a listing has to begin that is to know what this process wrote.
func (s *gateways) afterWrites(after time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrote.After(after) {
		return s.wrote
	}
	return after
}

// storedIn returns the stored gateways of a model's scope, in the order of the networks, by a listing that began after a time.
// The caller must not change them.
func (s *gateways) storedIn(ctx context.Context, m gatewaysModel, after time.Time) ([]*vcc.DefaultGateway, error) {
	listing, err := s.listing(ctx, s.afterWrites(after))
	if err != nil {
		return nil, err
	}
	all := listing.gateways.All
	var stored []*vcc.DefaultGateway
	for i := range all {
		if m.HardwarePlan.IsNull() || all[i].HardwarePlanID == m.ID.ValueString() {
			stored = append(stored, &all[i])
		}
	}
	return stored, nil
}

// putSet is the client's PutDefaultGateways; stored are the gateways that the set expects. Where the answer was lost it
// looks whether the set was carried out.
func (s *gateways) putSet(ctx context.Context, set vcc.GatewaySet, stored []*vcc.DefaultGateway) (vcc.GatewaySetOutcome, error) {
	defer func() {
		for _, g := range set.Gateways {
			s.markWritten(g.NetworkID)
		}
		for _, g := range stored {
			s.markWritten(g.NetworkID)
		}
		for _, id := range set.RestoreRemoved {
			s.markWritten(id)
		}
	}()
	outcome, err := s.client.PutDefaultGateways(ctx, s.as, set)
	if !httpapi.Uncertain(err) {
		return outcome, err
	}
	ctx, cancel := lookupContext(ctx)
	defer cancel()
	now, readErr := s.client.ListDefaultGateways(ctx, s.as, nil)
	if readErr != nil {
		return outcome, err
	}
	if found, carriedOut := s.outcomeOf(set, stored, now.All); carriedOut {
		return found, nil
	}
	return outcome, err
}

// outcomeOf tells from what is stored now whether a set was carried out: whether each network of it has what it was to have,
// and got that, where it had something else, from this account. A set that was not carried out changed nothing.
func (s *gateways) outcomeOf(set vcc.GatewaySet, stored []*vcc.DefaultGateway, all []vcc.DefaultGateway) (outcome vcc.GatewaySetOutcome, carriedOut bool) {
	now, before, wanted := map[string]*vcc.DefaultGateway{}, map[string]*vcc.DefaultGateway{}, map[string]*vcc.GatewaySettings{}
	for i := range all {
		g := &all[i]
		if set.HardwarePlanID == "" || g.HardwarePlanID == set.HardwarePlanID {
			now[g.NetworkID] = g
			outcome.Gateways = append(outcome.Gateways, *g)
		}
	}
	var ids []string
	for _, g := range stored {
		before[g.NetworkID] = g
		ids = append(ids, g.NetworkID)
	}
	for i, g := range set.Gateways {
		wanted[g.NetworkID] = &set.Gateways[i].GatewaySettings
		if before[g.NetworkID] == nil {
			ids = append(ids, g.NetworkID)
		}
	}
	for _, id := range ids {
		next, was, is := set.Next(id, before[id], wanted[id], nil), before[id], now[id]
		switch {
		case next == nil || next.Origin == vcc.OriginDetected: // which may have had no place
			if is != nil && (is.Origin != vcc.OriginDetected || was != nil && is.Revision == was.Revision) {
				return outcome, false
			}
			outcome.Changed = append(outcome.Changed, id)
		case is == nil || is.Origin != next.Origin || !is.Equal(next.GatewaySettings):
			return outcome, false
		case was == nil || was.Origin != next.Origin || !was.Equal(next.GatewaySettings):
			if is.UpdatedBy != s.actor || was != nil && is.Revision == was.Revision {
				return outcome, false
			}
			outcome.Changed = append(outcome.Changed, id)
		}
	}
	return outcome, true
}
