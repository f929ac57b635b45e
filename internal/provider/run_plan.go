package provider

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// plannedGateway is what a plan makes of a network's gateway.
type plannedGateway struct {
	// Removed says that the gateway goes and nothing takes its place.
	Removed bool
	// Known says that every setting is known; else Settings is empty.
	Known    bool
	Settings httpapi.GatewaySettings
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
}

// planned returns what has been planned so far. In an apply the removals are missing from
// it: Terraform plans those once.
func (r *run) planned() plannedState {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := plannedState{Revision: r.revision, Gateways: make(map[string]plannedGateway, len(r.networks))}
	s.Routing, s.RoutingUnknown = r.routing.value()
	for id, n := range r.networks {
		if g := n.planned(); g != nil {
			s.Gateways[id] = *g
		}
	}
	return s
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
	}
	return n.removed
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

// decoded notes that a state of a network's gateway was decoded.
func (r *run) decoded(networkID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record(networkID).decoded = true
}

// gone notes that a gateway of the state was found to be gone: nothing of it is planned any more.
func (r *run) gone(networkID string) {
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

// planStay notes that the resource that has a network's gateway is planned to keep it, with these settings.
func (r *run) planStay(networkID string, g plannedGateway) clash {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.record(networkID)
	switch {
	case n.created != nil:
		return clashBoth
	case n.removed != nil:
		return clashRemoval
	case n.stays != nil && n.stays.Known && g.Known && !n.stays.Settings.Equal(g.Settings):
		return clashBoth // it may be planned twice, but not for two things
	}
	n.stays = &g
	r.moved(networkID, n)
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
	r.moved(networkID, n)
	return noClash
}

// planCreation notes that a resource is planned to be created for a network. again is what
// planning reported: then the one that was planned to keep the network is the one that this replaces.
func (r *run) planCreation(networkID string, g plannedGateway, again bool) clash {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.record(networkID)
	if n.created != nil || n.stays != nil && !again {
		return clashBoth
	}
	if n.stays != nil {
		n.removed = &plannedGateway{Removed: true}
	}
	n.created, n.stays = &g, nil
	r.moved(networkID, n)
	return noClash
}

// moved follows a change of what is planned for a network. The lock is held.
func (r *run) moved(networkID string, n *networkRecord) {
	r.revision++
	if r.doubts.decide(networkID, n) {
		r.wake()
	}
}

// connect notes the IP networks that a gateway is planned to have and does not have now.
func (r *run) connect(hostID, networkID string, s vcc.GatewaySettings) {
	r.mu.Lock()
	defer r.mu.Unlock()
	table := r.connected[hostID]
	if table == nil {
		table = new(bart.Table[[]string])
		r.connected[hostID] = table
	}
	for _, p := range s.Networks() {
		if planned, _ := table.Get(p); !slices.Contains(planned, networkID) {
			table.Insert(p, append(planned, networkID))
		}
	}
}

// connects reports whether any gateway is planned to have other IP networks than now.
func (r *run) connects() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.connected) > 0
}

// overlapping returns another network of a host whose gateway is planned to have IP networks that
// overlap those of settings, and what it is planned to have; "" for none.
func (r *run) overlapping(hostID, networkID string, s vcc.GatewaySettings) (string, vcc.GatewaySettings) {
	r.mu.Lock()
	defer r.mu.Unlock()
	table := r.connected[hostID]
	if table == nil {
		return "", vcc.GatewaySettings{}
	}
	for _, p := range s.Networks() {
		for _, other := range slices.Concat(overlaps(table, p)...) {
			// The table has what was planned at some time; the record has what is planned now.
			n := r.networks[other]
			if other == networkID || n == nil || n.planned() == nil {
				continue
			}
			if planned, err := n.planned().Settings.Parse(); err == nil && connectedTo(planned, s) {
				return other, planned
			}
		}
	}
	return "", vcc.GatewaySettings{}
}

// overlaps returns the values of the prefixes of a table that overlap p.
func overlaps[V any](table *bart.Table[V], p netip.Prefix) (values []V) {
	if !table.OverlapsPrefix(p) {
		return nil
	}
	for _, v := range table.Supernets(p) {
		values = append(values, v)
	}
	for _, v := range table.Subnets(p) {
		values = append(values, v)
	}
	return values
}

// connectedTo reports whether a router with one of the settings could not have the other, too (rule 12).
func connectedTo(a, b vcc.GatewaySettings) bool {
	return vcc.CheckOverlap(a, []vcc.DefaultGateway{{GatewaySettings: b}}) != nil
}

// doubt is what makes a plan wrong unless the resource that has a stored gateway is planned to
// give it up or to change it. Terraform may plan that later.
type doubt struct {
	// on is the network of the stored gateway.
	on string
	// settings are what the plan wants, where it clashes with the stored gateway's IP networks;
	// nil where it wants the stored gateway's network itself.
	settings *vcc.GatewaySettings
	// refusal says what is wrong, if nothing happens.
	refusal refusal
}

// refusal is an error of the plan of a gateway.
type refusal struct {
	// networkID is the network that the gateway is planned for.
	networkID string
	// attribute is the one that is wrong.
	attribute       path.Path
	summary, detail string
}

// holds reports whether a doubt is decided by what is planned for the network that it is on,
// and whether it was right.
func (d *doubt) holds(n *networkRecord) (decided, right bool) {
	switch {
	case d.settings == nil:
		return n.removed != nil, false // that another resource keeps the network is found elsewhere
	case n.planned() == nil:
		return false, false
	case !n.planned().Known:
		return true, false // it goes, or there is no telling
	}
	planned, err := n.planned().Settings.Parse()
	return true, err == nil && connectedTo(planned, *d.settings)
}

// doubts are those of a run that are not decided.
type doubts struct {
	// open has them by the network that they are on; count is how many there are.
	open  map[string][]*doubt
	count int
	// right are those that were decided against the plan that they are about.
	right []*doubt
	// waited says that a call waits until all are decided.
	waited bool
}

// decide decides those on a network, and reports whether nobody needs to wait any longer.
func (d *doubts) decide(networkID string, n *networkRecord) (done bool) {
	open := d.open[networkID]
	if len(open) == 0 {
		return false
	}
	var rest []*doubt
	for _, o := range open {
		switch decided, right := o.holds(n); {
		case !decided:
			rest = append(rest, o)
		case right:
			d.right = append(d.right, o)
		}
	}
	d.count -= len(open) - len(rest)
	if d.open[networkID] = rest; rest == nil {
		delete(d.open, networkID)
	}
	return d.count == 0
}

// raise raises doubts about a plan that was just noted. It returns those that are right, and others'
// too: they have not been told, because a call with a doubt passes while another one waits. One
// call of many waits, since a walk of Terraform's has few at a time. Once something is applied nothing is
// doubted: what an apply plans again was decided by its plan. The error is the context's.
func (r *run) raise(ctx context.Context, raised []*doubt) ([]*doubt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := &r.doubts
	var right []*doubt
	for _, o := range raised {
		switch decided, isRight := o.holds(r.record(o.on)); {
		case isRight:
			right = append(right, o)
		case !decided:
			d.open[o.on] = append(d.open[o.on], o)
			d.count++
		}
	}
	if d.waited || d.count == 0 || r.applying || len(right) > 0 {
		return right, nil
	}
	d.waited = true
	err := r.until(ctx, quietTime, func() bool { return d.count == 0 || r.applying })
	right = d.right
	if errors.Is(err, errQuiet) {
		err = nil
		for on, open := range d.open {
			for _, o := range open {
				// A resource that is tainted is planned once, from nothing to the new one, after its state was decoded.
				if o.settings != nil || !r.networks[on].decoded {
					right = append(right, o)
				}
			}
		}
	}
	if r.applying {
		right = nil
	}
	*d = doubts{open: map[string][]*doubt{}}
	return right, err
}
