package provider

import (
	"slices"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// allPlans is the key of a scope that has all of the tenant's networks; the others have the plan's name in its normal form.
const allPlans = ""

// inScope reports whether a scope has the networks of a hardware plan.
func inScope(key, plan string) bool { return key == allPlans || key == vcc.NormalName(plan) }

// scopeRecord is what a run knows of the vcc_default_gateways of one scope.
type scopeRecord struct {
	// stays and created say that a resource that has the scope is planned to keep it, and that one is created for it;
	// removed that one is planned to go.
	stays, created, removed bool
	// decoded says that a state of one was decoded.
	decoded bool
}

// inSet is what a run knows of a vcc_default_gateways and one network.
type inSet struct {
	// goes says that one that has the network is planned to go.
	goes bool
	// uncertain says that one may be planned to have the network, which is not known yet.
	uncertain bool
	// restored is what comes back when one goes that removed what was detected when it was created, nil for nothing.
	restored *plannedGateway
	// restoredPlan is the hardware plan of the network then.
	restoredPlan string
	// of names the one that is planned to have the network, "" for none.
	of string
}

// clashesWith returns the key of another scope that is planned to have networks of this one. The lock is held.
func (r *run) clashesWith(key string) (other string, clash bool) {
	for k, s := range r.scopes {
		if k != key && (k == allPlans || key == allPlans) && (s.stays || s.created) {
			return k, true
		}
	}
	return "", false
}

// scope returns the record of a scope. The lock is held.
func (r *run) scope(key string) *scopeRecord {
	s := r.scopes[key]
	if s == nil {
		s = &scopeRecord{}
		r.scopes[key] = s
	}
	return s
}

// planScopeStay notes that a resource that has a scope is planned to keep it. again is that of its planPass. other is
// the key of the scope of another resource that would have networks of it, too.
func (r *run) planScopeStay(key string, again bool) (other string, found clash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.scope(key)
	switch {
	case s.removed:
		return key, clashRemoval
	case s.created || s.stays && !again:
		return key, clashBoth
	}
	s.stays = true
	if other, clash := r.clashesWith(key); clash {
		return other, clashBoth
	}
	return "", noClash
}

// planScopeCreation is planScopeStay for a resource that is created. Where replacesItself is set it takes the place of the
// one that was planned to keep the scope.
func (r *run) planScopeCreation(key string, replacesItself bool) (other string, found clash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.scope(key)
	if s.created || s.stays && !replacesItself {
		return key, clashBoth
	}
	s.created, s.stays = true, false
	for id, n := range r.networks { // what comes back there goes over to it
		if n.restored != nil && inScope(key, n.restoredPlan) {
			n.restored = nil
			r.planChanged(id)
		}
	}
	if other, clash := r.clashesWith(key); clash {
		return other, clashBoth
	}
	return "", noClash
}

// planScopeRemoval notes that a resource that has a scope is planned to go.
func (r *run) planScopeRemoval(key string) clash {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.scope(key)
	if s.stays || s.created {
		return clashRemoval
	}
	s.removed = true
	return noClash
}

// noteSingle notes that a vcc_default_gateway is planned for a network of a hardware plan: to be there, or to go. It
// reports whether a vcc_default_gateways is planned to have that network, or one that has it to go.
func (r *run) noteSingle(networkID, plan string) clash {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.record(networkID)
	n.single = plan
	for key, s := range r.scopes {
		if inScope(key, plan) && (s.stays || s.created) {
			return clashBoth
		}
	}
	if n.goes {
		return clashRemoval
	}
	return noClash
}

// singlesIn lists the networks of a scope for which a vcc_default_gateway is planned: to be there, or to go.
func (r *run) singlesIn(key string) (networkIDs []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, n := range r.networks {
		if n.single != "" && inScope(key, n.single) {
			networkIDs = append(networkIDs, id)
		}
	}
	slices.Sort(networkIDs)
	return networkIDs
}

// planSet notes what a vcc_default_gateways, which of names, is planned to make of networks: by their IDs what stays or is created, and what
// goes. It notes nothing if another vcc_default_gateways that goes would take the gateways of some of the networks with it, and
// returns those.
func (r *run) planSet(of string, p planPass, creating bool, gateways, removed map[string]plannedGateway) (lost []string) {
	own := make(map[string]bool, len(p.gives))
	for _, id := range p.gives {
		own[id] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range gateways {
		if n := r.networks[id]; n != nil && n.goes && !own[id] {
			lost = append(lost, id)
		}
	}
	if len(lost) > 0 {
		slices.Sort(lost)
		return lost
	}
	for id, left := range removed {
		n := r.record(id)
		n.stays, n.removed = nil, &left
		r.planChanged(id)
	}
	for id, g := range gateways {
		n := r.record(id)
		n.of = of
		if creating {
			n.created, n.stays = &g, nil
		} else {
			n.stays = &g
		}
		r.planChanged(id)
	}
	return nil
}

// planSetRemoval notes that a vcc_default_gateways is planned to go, and by the IDs of its networks what is there then. restored
// has the other networks that it removed what was detected from when it was created: that comes back unless something else
// is planned for them. planOf returns the hardware plan of one of those. It notes nothing if other resources are planned to have some
// of its networks, and returns those.
func (r *run) planSetRemoval(left, restored map[string]plannedGateway, planOf func(networkID string) string) (kept []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range left {
		if n := r.networks[id]; n != nil && (n.stays != nil || n.created != nil) {
			kept = append(kept, id)
		}
	}
	if len(kept) > 0 {
		slices.Sort(kept)
		return kept
	}
	for id, g := range left {
		n := r.record(id)
		n.removed, n.goes = &g, true
		r.planChanged(id)
	}
	for id, g := range restored {
		plan := planOf(id)
		if r.isCreatedFor(plan) {
			continue
		}
		n := r.record(id)
		n.restored, n.restoredPlan = &g, plan
		r.planChanged(id)
	}
	return nil
}

// isCreatedFor reports whether a vcc_default_gateways is planned to be created that has the networks of a hardware plan. The lock is held.
func (r *run) isCreatedFor(plan string) bool {
	for key, s := range r.scopes {
		if s.created && inScope(key, plan) {
			return true
		}
	}
	return false
}

// planUncertain notes networks that a vcc_default_gateways may be planned to have, which is not known yet.
func (r *run) planUncertain(networkIDs []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range networkIDs {
		n := r.record(id)
		n.uncertain = true
		r.planChanged(id)
	}
}

// notReplaced returns those of the networks whose stored gateway does not go before one is created in its place. It goes
// where the resource that is created has it and is replaced; and where the state has it and Terraform plans nothing else
// of it, because the resource is tainted.
func (r *run) notReplaced(networkIDs []string, p planPass) (rest []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(networkIDs, func(id string) bool {
		n := r.record(id)
		planned := n.stays != nil || n.removed != nil
		switch {
		case p.moved:
			return slices.Contains(p.gives, id)
		case p.again:
			return planned
		}
		return !planned && r.isTainted(n.decodedInSet, n.readInSet)
	})
}

// hasScopeState reports whether a state of a vcc_default_gateways was decoded that has networks of a scope.
func (r *run) hasScopeState(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, s := range r.scopes {
		if s.decoded && (k == key || k == allPlans || key == allPlans) {
			return true
		}
	}
	return false
}

// noteSetRead notes that the state of a vcc_default_gateways is read, by the networks that it has.
func (r *run) noteSetRead(networkIDs []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads = true
	for _, id := range networkIDs {
		r.record(id).readInSet = true
	}
}

// noteSetState notes that a state of a vcc_default_gateways was decoded, with the key of its scope, the networks that it has, and what
// it replaced when it was created, by the names of networks.
func (r *run) noteSetState(key string, networkIDs []string, replaces map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scope(key).decoded = true
	for name := range replaces {
		if name = vcc.NormalName(name); r.comebacks[name] == nil {
			r.comebacks[name] = &comeback{}
		}
	}
	for _, id := range networkIDs {
		r.record(id).decodedInSet = true
	}
}
