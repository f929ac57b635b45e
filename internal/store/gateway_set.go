package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const (
	// selectAllGateways has each network of a tenant, its gateway if there is one, and what a set removed of it.
	selectAllGateways = "SELECT " + gatewayColumns + ", k.removed_detection" + fromNetworks + " JOIN cloud_networks AS k ON k.id = n.id LEFT" + joinGateways + inNetworkOrder

	moveRevisions = "UPDATE tenants SET revision = revision + $2, gateways = gateways + $3 WHERE id = $1 RETURNING revision"

	keepRemoved   = "UPDATE cloud_networks SET removed_detection = $2 WHERE id = $1"
	forgetRemoved = "UPDATE cloud_networks SET removed_detection = NULL WHERE id = $1"
)

// setRow is a network, its gateway if there is one, and what a set removed of it.
type setRow struct {
	gatewayRow
	Removed *string
}

func (r *setRow) fields() []any { return append(r.gatewayRow.fields(), &r.Removed) }

// settableNetwork is a network, what it has, and what it is to have.
type settableNetwork struct {
	vcc.Network
	current *vcc.DefaultGateway
	// removed is what had been detected, and what a set removed.
	removed *vcc.GatewaySettings
	inScope bool
	// wanted is the gateway's place in the set, -1 for none.
	wanted int
	next   *vcc.GatewayState
}

func (r setRow) network() (n settableNetwork, err error) {
	n = settableNetwork{Network: r.networkRow.network(), wanted: -1}
	if n.current, err = r.gateway(); err == nil && r.Removed != nil {
		var state vcc.GatewayState
		state, err = declared(*r.Removed, gatewayRecord.state)
		n.removed = &state.GatewaySettings
	}
	return n, err
}

// detected is what had been detected for a network that loses its gateway.
func (n settableNetwork) detected() *vcc.GatewaySettings {
	switch {
	case n.current.Origin == vcc.OriginDetected:
		return &n.current.GatewaySettings
	case n.current.Detected != nil:
		return n.current.Detected
	}
	return n.removed
}

// restores says that the network gets back what had been detected.
func (n settableNetwork) restores() bool {
	return n.next != nil && n.next.Origin == vcc.OriginDetected && n.changes()
}

// changes says that the network is to have something else than it has.
func (n settableNetwork) changes() bool {
	if n.current == nil || n.next == nil {
		return n.current != nil || n.next != nil
	}
	return n.current.Origin != n.next.Origin || !n.current.Equal(n.next.GatewaySettings)
}

// reconnects says that the IP networks of the gateway are other ones than before, or none.
func (n settableNetwork) reconnects() bool {
	return n.current == nil || n.next == nil || !maps.Equal(n.current.Networks(), n.next.Networks())
}

// PutDefaultGateways implements vcc.DefaultGatewayService.
func (s *Store) PutDefaultGateways(ctx context.Context, as vcc.Actor, set vcc.GatewaySet) (vcc.GatewaySetOutcome, error) {
	if err := set.Validate(); err != nil {
		return vcc.GatewaySetOutcome{}, err
	}
	return write(ctx, s, ofTenant(as.TenantID), func(tx querier) (outcome vcc.GatewaySetOutcome, err error) {
		rows, err := queryAll[setRow](ctx, tx, selectAllGateways, as.TenantID)
		if err != nil {
			return outcome, err
		}
		networks, err := convertAll(rows, setRow.network)
		if err == nil {
			err = decideSet(networks, set)
		}
		if err == nil {
			err = checkSet(networks)
		}
		if err == nil {
			err = s.writeSet(ctx, tx, as, networks, &outcome)
		}
		if err != nil {
			return vcc.GatewaySetOutcome{}, err
		}
		for _, n := range networks {
			if n.inScope && n.current != nil {
				outcome.Gateways = append(outcome.Gateways, *n.current)
			}
		}
		return outcome, nil
	})
}

// decideSet finds what each network is to have, once what the set expects is seen to hold.
func decideSet(networks []settableNetwork, set vcc.GatewaySet) error {
	inScope := make(map[string]*settableNetwork, len(networks))
	for i := range networks {
		n := &networks[i]
		if set.HardwarePlanID == "" || n.HardwarePlanID == set.HardwarePlanID {
			n.inScope, inScope[n.ID] = true, n
		}
	}
	if len(inScope) == 0 && set.HardwarePlanID != "" { // each plan has a network
		return notFound(set.HardwarePlanID, "there is no hardware plan with ID %s", set.HardwarePlanID)
	}
	outside := func(field, id string) error {
		return vcc.Within(field, &vcc.Error{Code: vcc.CodeNotFound, ResourceID: id, Message: vcc.Message("there is no cloud network with ID %s among those whose gateways are set", id)})
	}
	var errs []error
	for i, g := range set.Gateways {
		if n := inScope[g.NetworkID]; n != nil {
			n.wanted = i
		} else {
			errs = append(errs, outside(fmt.Sprintf("gateways[%d].networkId", i), g.NetworkID))
		}
	}
	restore := make(map[string]bool, len(set.RestoreRemoved))
	for _, id := range set.RestoreRemoved { // a network that is gone has nothing to get back
		restore[id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(set.Expected)) {
		if inScope[id] == nil {
			errs = append(errs, outside("expected", id))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for i := range networks {
		n := &networks[i]
		if !n.inScope {
			if n.current != nil {
				n.next = &vcc.GatewayState{Origin: n.current.Origin, GatewaySettings: n.current.GatewaySettings}
			}
			continue
		}
		if err := set.Check(n.Network, n.current, n.wanted >= 0); err != nil {
			errs = append(errs, err)
		}
		var wanted *vcc.GatewaySettings
		if n.wanted >= 0 {
			wanted = &set.Gateways[n.wanted].GatewaySettings
		}
		var removed *vcc.GatewaySettings
		if restore[n.ID] {
			removed = n.removed
		}
		n.next = set.Next(n.ID, n.current, wanted, removed)
	}
	return errors.Join(errs...)
}

// checkSet checks D12 for what all networks of the tenant are to have. What had been detected and has no place any more
// does not come back.
func checkSet(networks []settableNetwork) error {
	for {
		var placed []vcc.PlacedGateway
		var of []*settableNetwork
		for i := range networks {
			if n := &networks[i]; n.next != nil {
				placed = append(placed, vcc.PlacedGateway{HostID: n.HostID, NetworkGateway: vcc.NetworkGateway{NetworkID: n.ID, GatewaySettings: n.next.GatewaySettings}})
				of = append(of, n)
			}
		}
		var errs []error
		left := false
		for _, o := range vcc.FindOverlaps(placed) {
			mine, other := of[o.Second], of[o.First]
			if mine.wanted < other.wanted { // what the set has comes last in it, or is there alone
				mine, other = other, mine
			}
			switch {
			case other.restores():
				other.next, left = nil, true
			case mine.restores():
				mine.next, left = nil, true
			case mine.next != nil && other.next != nil:
				errs = append(errs, vcc.Within(fmt.Sprintf("gateways[%d]", mine.wanted), vcc.CheckOverlap(mine.next.GatewaySettings, []vcc.DefaultGateway{
					{NetworkID: other.ID, NetworkName: other.Name, GatewaySettings: other.next.GatewaySettings},
				})))
			}
		}
		if !left {
			return errors.Join(errs...)
		}
	}
}

// writeSet stores what the networks are to have, which is then what they have. What connects the networks is taken away
// before anything takes its place.
func (s *Store) writeSet(ctx context.Context, tx querier, as vcc.Actor, networks []settableNetwork, outcome *vcc.GatewaySetOutcome) error {
	var changed []*settableNetwork
	more := 0
	for i := range networks {
		n := &networks[i]
		if !n.changes() {
			continue
		}
		changed = append(changed, n)
		if n.current == nil {
			more++
		}
		if n.next == nil {
			more--
		}
		if n.current != nil && n.reconnects() {
			if err := disconnect(ctx, tx, n.ID); err != nil {
				return err
			}
		}
	}
	if len(changed) == 0 {
		return nil
	}
	last, err := queryValue[int64](ctx, tx, moveRevisions, as.TenantID, len(changed), more)
	if err != nil {
		return fmt.Errorf("moving the revision: %w", err)
	}
	at := s.now()
	for i, n := range changed {
		if err := s.writeSettable(ctx, tx, as, n, changeRow{Revision: last - int64(len(changed)-1-i), ChangedAt: at, Actor: as.Name}); err != nil {
			return err
		}
		outcome.Changed = append(outcome.Changed, n.ID)
	}
	return nil
}

// writeSettable stores what one network is to have, with the entry of the history.
func (s *Store) writeSettable(ctx context.Context, tx querier, as vcc.Actor, n *settableNetwork, change changeRow) error {
	var before, after *string
	for _, side := range []struct {
		record any
		text   **string
	}{{recordOf(n.current), &before}, {recordOfState(n.next), &after}} {
		if side.record == nil {
			continue
		}
		text, err := encode(side.record)
		if err != nil {
			return err
		}
		*side.text = &text
	}
	if err := tx.exec(ctx, insertChange, as.TenantID, change.Revision, &n.ID, nil, change.ChangedAt, change.Actor, before, after); err != nil {
		return err
	}
	if n.next == nil {
		removed, err := encodeDetected(n.detected())
		if err == nil {
			err = tx.exec(ctx, deleteGateway, n.ID)
		}
		if err == nil {
			err = tx.exec(ctx, keepRemoved, n.ID, removed)
		}
		n.current = nil
		return err
	}
	g := newDefaultGateway(n.Network, *n.next, change.Revision, change.ChangedAt, change.Actor)
	g.Detected = detectedBefore(n.current, n.next.Origin)
	err := writeGateway(ctx, tx, g)
	if err == nil && n.reconnects() {
		err = connect(ctx, tx, as, n.Network, n.next.GatewaySettings)
	}
	if err == nil && n.next.Origin == vcc.OriginDetected {
		err = tx.exec(ctx, forgetRemoved, n.ID)
	}
	n.current = &g
	return err
}

// recordOfState is what the history keeps of a state, nil for none.
func recordOfState(state *vcc.GatewayState) any {
	if state == nil {
		return nil
	}
	return newGatewayRecord(state.Origin, state.GatewaySettings)
}
