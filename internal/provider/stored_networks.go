package provider

import (
	"sync"

	"github.com/gaissmai/bart"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// storedNetworks finds stored gateways by their IP networks. The zero value is ready. It is safe for concurrent use.
type storedNetworks struct {
	mu sync.Mutex
	// listing is what byHost was made from.
	listing *httpapi.GatewayListing
	byHost  map[string]*bart.Table[*httpapi.DefaultGateway]
}

// overlapping returns the gateways of a listing that are on a host and have IP networks that overlap those of
// settings, other than the network's own. hostOf returns the host of a network.
func (s *storedNetworks) overlapping(listing *httpapi.GatewayListing, hostOf func(networkID string) string, hostID, networkID string, settings vcc.GatewaySettings) (found []*httpapi.DefaultGateway) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listing != listing {
		s.listing, s.byHost = listing, map[string]*bart.Table[*httpapi.DefaultGateway]{}
		for i := range listing.All {
			g := &listing.All[i]
			parsed, err := g.Settings().Parse()
			if err != nil {
				continue // of a backend with other rules, which knows better
			}
			host := hostOf(g.NetworkID)
			if s.byHost[host] == nil {
				s.byHost[host] = new(bart.Table[*httpapi.DefaultGateway])
			}
			for _, p := range parsed.Networks() {
				s.byHost[host].Insert(p, g)
			}
		}
	}
	table := s.byHost[hostID]
	if table == nil {
		return nil
	}
	for _, p := range settings.Networks() {
		for _, g := range overlaps(table, p) {
			if g.NetworkID != networkID {
				found = append(found, g)
			}
		}
	}
	return found
}
