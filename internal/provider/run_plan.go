package provider

import (
	"slices"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// plannedGateway is what a plan makes of a network's gateway.
type plannedGateway struct {
	// Removed says that the gateway goes and nothing takes its place.
	Removed bool
	// Known says that every setting is known; else Settings is empty.
	Known    bool
	Settings vcc.GatewaySettings
	// Returns says that Settings are what had been detected, which comes back when a resource goes, unless it has no place then: that
	// leaves nothing. Uncertain says that it may leave nothing in any case.
	Returns, Uncertain bool
}

// plannedState is what has been planned in this run so far, to be laid over what is stored.
type plannedState struct {
	// Revision is another number whenever anything below is another.
	Revision int
	// Gateways has the networks whose gateway was planned, by their ID: to change, to stay or to go.
	Gateways map[string]plannedGateway
	// Routing is what the routing option will be, nil while that was not planned. RoutingUnknown says that it was, and is not known.
	Routing        *bool
	RoutingUnknown bool
	// FailoverPlans has the failover plans that were planned, by their planSubject.
	FailoverPlans map[string]plannedFailoverPlan
	// Unplaced are the subjects of judges that are planned for something that is not known (see planUnplaced).
	Unplaced []string
}

// planned returns what has been planned so far. In an apply the removals are missing from
// it: Terraform plans those once.
func (r *run) planned() plannedState {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := plannedState{Revision: r.revision, Gateways: make(map[string]plannedGateway, len(r.networks))}
	s.Routing, s.RoutingUnknown = r.routing.value()
	s.Unplaced = slices.Clone(r.unplaced)
	s.FailoverPlans = make(map[string]plannedFailoverPlan, len(r.failoverPlans))
	for key, p := range r.failoverPlans {
		if planned := p.planned(); planned != nil {
			s.FailoverPlans[planSubjects+key] = *planned
		}
	}
	for id, n := range r.networks {
		if g := n.planned(); g != nil {
			s.Gateways[id] = *g
		}
	}
	return s
}

// What is planned for something that is not known, as a subject of judges. It may change anything.
const (
	unplacedGateway = "unplaced: which network a vcc_default_gateway is for"
	unplacedPlan    = "unplaced: the name of a vcc_failover_plan"
	unplaced        = "unplaced: "
)

// planUnplaced notes that something is planned that may be for anything: unplacedGateway or unplacedPlan.
func (r *run) planUnplaced(subject string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.unplaced, subject) {
		r.unplaced = append(r.unplaced, subject)
		r.revision++
	}
}

// plannedFor returns what has been planned for one network.
func (r *run) plannedFor(networkID string) (g plannedGateway, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.networks[networkID]; n != nil && n.planned() != nil {
		return *n.planned(), true
	}
	return plannedGateway{}, false
}

// networkRecord is what a run knows of the gateway of one network.
type networkRecord struct {
	// decoded says that a state of it was decoded, which Terraform does before it plans or removes the resource.
	decoded bool
	// decodedInSet says the same of a vcc_default_gateways that has the network.
	decodedInSet bool
	// read and readInSet say that such a state was read.
	read, readInSet bool
	// single is the network's hardware plan once a vcc_default_gateway was planned for it, to be there or to go.
	single string
	inSet
	// stays and created are what the resource that has the gateway, and one that is created for
	// the network, are planned to make of it; removed is what is there once the one that has it is gone. They are nil for none.
	stays, created, removed *plannedGateway

	handover
}

// planned is what the gateway will be, nil where none was planned.
func (n *networkRecord) planned() *plannedGateway {
	switch {
	case n.created != nil:
		return n.created
	case n.stays != nil:
		return n.stays
	case n.uncertain:
		return &plannedGateway{}
	case n.removed != nil:
		return n.removed
	}
	return n.restored
}

// record returns the record of a network. The lock is held.
func (r *run) record(networkID string) *networkRecord {
	n := r.networks[networkID]
	if n == nil {
		n = &networkRecord{}
		r.networks[networkID] = n
	}
	return n
}

// noteState notes that a state of a network's gateway was decoded.
func (r *run) noteState(networkID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record(networkID).decoded = true
}

// noteRead notes that the state of a network's gateway is read.
func (r *run) noteRead(networkID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record(networkID).read, r.reads = true, true
}

// noteGone notes that a gateway of the state was found to be gone: nothing of it is planned any more.
func (r *run) noteGone(networkID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.record(networkID)
	n.decoded, n.stays = false, nil
}

// clash is why two resources cannot both have what they are planned for.
type clash int

const (
	noClash clash = iota
	// clashBoth: each of two resources would have the network.
	clashBoth
	// clashRemoval: one resource has the network and the removal of the other would take its gateway away.
	clashRemoval
)

// planStay notes that the resource that has a network's gateway is planned to keep it, with these settings. again is
// that of its planPass.
func (r *run) planStay(networkID string, g plannedGateway, again bool) clash {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.record(networkID)
	switch {
	case n.created != nil:
		return clashBoth
	case n.removed != nil:
		return clashRemoval
	case n.stays != nil && !again:
		return clashBoth
	}
	n.stays = &g
	r.planChanged(networkID)
	return noClash
}

// planRemoval notes that the resource that has a network's gateway is planned to go, and what is there then.
func (r *run) planRemoval(networkID string, left plannedGateway) clash {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.record(networkID)
	if n.stays != nil {
		return clashRemoval
	}
	n.removed = &left
	r.planChanged(networkID)
	return noClash
}

// planCreation notes that a resource is planned to be created for a network. replacesItself is that of its planPass:
// then the one that was planned to keep the network is the one that this replaces.
func (r *run) planCreation(networkID string, g plannedGateway, replacesItself bool) clash {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.record(networkID)
	if n.created != nil || n.stays != nil && !replacesItself {
		return clashBoth
	}
	if n.stays != nil {
		n.removed = &plannedGateway{Removed: true}
	}
	n.created, n.stays = &g, nil
	r.planChanged(networkID)
	return noClash
}

// planChanged follows a change of what is planned for a network. The lock is held.
func (r *run) planChanged(networkID string) {
	r.revision++
	if r.updateConflicts(networkID) {
		r.notify()
	}
}
