package vcc

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Assumption is a change on top of the stored gateways and routing option, for questions that
// take it for granted.
type Assumption struct {
	// Gateways take the place of whatever their networks have.
	Gateways []AssumedGateway
	// Removals are the IDs of networks that have no gateway.
	Removals []string
	// RoutingEnabled is the routing option, nil for as it is stored.
	RoutingEnabled *bool
}

// AssumedGateway is the gateway that a network would have.
type AssumedGateway struct {
	NetworkID string
	GatewaySettings
}

// IsEmpty reports whether nothing is assumed.
func (a Assumption) IsEmpty() bool {
	return len(a.Gateways) == 0 && len(a.Removals) == 0 && a.RoutingEnabled == nil
}

// Over returns inputs in which the assumption holds, and leaves those given as they are.
// It has to obey the same rules as stored gateways: D8 to D10, and D12. The error lists every
// value that is wrong, with fields such as "gateways[2].ipv4.address".
func (a Assumption) Over(inputs []ApplianceInputs) ([]ApplianceInputs, error) {
	if a.IsEmpty() {
		return inputs, nil
	}
	networks := map[string]Network{}
	for _, in := range inputs {
		for _, n := range in.Networks {
			networks[n.ID] = n
		}
	}
	var v errorList
	fields := map[string]string{} // of the networks that the assumption names
	named := func(field, id string) {
		switch other, twice := fields[id]; {
		case networks[id].ID == "":
			v.add(field, "there is no cloud network with ID %q", id)
		case twice:
			v.add(field, "the network is at %s already", other)
		}
		fields[id] = field
	}
	assumed := map[string]GatewaySettings{}
	for i, g := range a.Gateways {
		field := fmt.Sprintf("gateways[%d]", i)
		named(field+".networkId", g.NetworkID)
		if err := g.Validate(); err != nil {
			v = append(v, Within(field, err))
		}
		assumed[g.NetworkID] = g.GatewaySettings
	}
	for i, id := range a.Removals {
		named(fmt.Sprintf("removals[%d]", i), id)
	}
	if len(v) > 0 {
		return nil, v.err()
	}
	result := slices.Clone(inputs)
	for i, in := range inputs {
		gateways := map[string]GatewaySettings{}
		for _, n := range in.Networks {
			if settings, ok := assumed[n.ID]; ok {
				gateways[n.ID] = settings
			} else if stored, ok := in.Gateways[n.ID]; ok && fields[n.ID] == "" {
				gateways[n.ID] = stored
			}
		}
		result[i].Gateways = gateways
		if a.RoutingEnabled != nil {
			result[i].RoutingEnabled = *a.RoutingEnabled
		}
		if err := result[i].checkOverlaps(fields); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// checkOverlaps checks D12 for all gateways of an appliance at once. The error is
// that of CheckOverlap for a network in fields, below its field there.
func (in ApplianceInputs) checkOverlaps(fields map[string]string) error {
	type connected struct {
		netip.Prefix
		network Network
	}
	var all []connected
	for _, n := range in.Networks {
		if g, ok := in.Gateways[n.ID]; ok {
			for _, p := range g.Networks() {
				all = append(all, connected{p, n})
			}
		}
	}
	slices.SortFunc(all, func(a, b connected) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	// Of two prefixes that overlap one contains the other, so the next one begins within it.
	for i := 1; i < len(all); i++ {
		mine, other := all[i], all[i-1]
		if !mine.Overlaps(other.Prefix) {
			continue
		}
		if fields[mine.network.ID] == "" {
			mine, other = other, mine
		}
		field := strings.TrimSuffix(fields[mine.network.ID], ".networkId")
		return Within(field, CheckOverlap(in.Gateways[mine.network.ID], []DefaultGateway{{
			NetworkID: other.network.ID, NetworkName: other.network.Name, GatewaySettings: in.Gateways[other.network.ID],
		}}))
	}
	return nil
}
