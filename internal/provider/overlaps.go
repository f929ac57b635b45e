package provider

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/gaissmai/bart"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// overlap reports whether a router with one of the settings could not have the other, too (D12).
func overlap(a, b vcc.GatewaySettings) bool {
	return vcc.CheckOverlap(a, []vcc.DefaultGateway{{GatewaySettings: b}}) != nil
}

// planNetworks notes the IP networks that a gateway is planned to have and does not have now.
func (r *run) planNetworks(hostID, networkID string, s vcc.GatewaySettings) {
	r.mu.Lock()
	defer r.mu.Unlock()
	table := r.plannedNetworks[hostID]
	if table == nil {
		table = new(bart.Table[[]string])
		r.plannedNetworks[hostID] = table
	}
	for _, p := range s.Networks() {
		if planned, _ := table.Get(p); !slices.Contains(planned, networkID) {
			table.Insert(p, append(planned, networkID))
		}
	}
}

// hasPlannedNetworks reports whether any gateway is planned to have other IP networks than now.
func (r *run) hasPlannedNetworks() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.plannedNetworks) > 0
}

// plannedOverlap returns another network of a host whose gateway is planned to have IP networks that
// overlap those of settings, and what it is planned to have; "" for none.
func (r *run) plannedOverlap(hostID, networkID string, s vcc.GatewaySettings) (string, vcc.GatewaySettings) {
	r.mu.Lock()
	defer r.mu.Unlock()
	table := r.plannedNetworks[hostID]
	if table == nil {
		return "", vcc.GatewaySettings{}
	}
	for _, p := range s.Networks() {
		for _, other := range slices.Concat(overlapping(table, p)...) {
			// The table has what was planned at some time; the record has what is planned now.
			n := r.networks[other]
			if other == networkID || n == nil || n.planned() == nil {
				continue
			}
			if planned := n.planned().Settings; overlap(planned, s) {
				return other, planned
			}
		}
	}
	return "", vcc.GatewaySettings{}
}

// settledOverlap is plannedOverlap, for a walk of which everything is planned that may still be in the way of an overlap with what
// comes back when a resource goes: another one may be created in that place. Where something is being applied it finds nothing.
func (r *run) settledOverlap(ctx context.Context, hostID, networkID string, s vcc.GatewaySettings) (string, vcc.GatewaySettings) {
	other, theirs := r.plannedOverlap(hostID, networkID, s)
	if other == "" || !r.comesBack(networkID) && !r.comesBack(other) {
		return other, theirs
	}
	if applying, err := r.waitSettled(ctx); applying || err != nil {
		return "", vcc.GatewaySettings{}
	}
	if planned, ok := r.plannedFor(networkID); ok && planned.Known {
		s = planned.Settings
	}
	return r.plannedOverlap(hostID, networkID, s)
}

// comesBack reports whether a network is planned to have what was detected for it, because a resource goes.
func (r *run) comesBack(networkID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.record(networkID)
	p := n.planned()
	return p != nil && (p == n.removed || p == n.restored)
}

// overlapping returns the values of the prefixes of a table that overlap p.
func overlapping[V any](table *bart.Table[V], p netip.Prefix) (values []V) {
	if !table.OverlapsPrefix(p) {
		return nil
	}
	for _, v := range table.Supernets(p) {
		values = append(values, v)
	}
	for q, v := range table.Subnets(p) {
		if q != p.Masked() { // which is among the first ones
			values = append(values, v)
		}
	}
	return values
}

// storedNetworks finds stored gateways by their IP networks. The zero value is ready. It is safe for concurrent use.
type storedNetworks struct {
	mu sync.Mutex
	// listing is what byHost was made from.
	listing *httpapi.GatewayListing
	byHost  map[string]*bart.Table[*vcc.DefaultGateway]
}

// overlapping returns the gateways of a listing that are on a host and have IP networks that overlap those of
// settings, other than the network's own. hostOf returns the host of a network.
func (s *storedNetworks) overlapping(listing *httpapi.GatewayListing, hostOf func(networkID string) string, hostID, networkID string, settings vcc.GatewaySettings) (found []*vcc.DefaultGateway) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listing != listing {
		s.listing, s.byHost = listing, map[string]*bart.Table[*vcc.DefaultGateway]{}
		for i := range listing.All {
			g := &listing.All[i]
			host := hostOf(g.NetworkID)
			if s.byHost[host] == nil {
				s.byHost[host] = new(bart.Table[*vcc.DefaultGateway])
			}
			for _, p := range g.Networks() {
				s.byHost[host].Insert(p, g)
			}
		}
	}
	table := s.byHost[hostID]
	if table == nil {
		return nil
	}
	for _, p := range settings.Networks() {
		for _, g := range overlapping(table, p) {
			if g.NetworkID != networkID {
				found = append(found, g)
			}
		}
	}
	return found
}
