package vcc

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Assumption is a change on top of the stored gateways, routing option and failover plans, for
// questions that take it for granted.
type Assumption struct {
	// Gateways take the place of whatever their networks have.
	Gateways []AssumedGateway
	// Removals are the IDs of networks that have no gateway.
	Removals []string
	// RoutingEnabled is the routing option, nil for as it is stored.
	RoutingEnabled *bool
	// FailoverPlans have these public IP rules in place of whatever plans of their names have.
	FailoverPlans []AssumedFailoverPlan
}

// AssumedFailoverPlan is a failover plan as it would be. One without rules stands for one that is gone,
// too.
type AssumedFailoverPlan struct {
	Name          string
	PublicIPRules []PublicIPRule
}

// AssumedGateway is the gateway that a network would have.
type AssumedGateway struct {
	NetworkID string
	GatewaySettings
}

// IsEmpty reports whether nothing is assumed.
func (a Assumption) IsEmpty() bool {
	return len(a.Gateways) == 0 && len(a.Removals) == 0 && a.RoutingEnabled == nil && len(a.FailoverPlans) == 0
}

// Over returns inputs in which the assumption holds, and leaves those given as they are. plans are the
// tenant's failover plans as they are stored.
// It has to obey the same rules as what is stored: D8 to D10, D12 and D17, but for whose a public address is. The error
// lists every value that is wrong, with fields such as "gateways[2].ipv4.address".
func (a Assumption) Over(inputs []ApplianceInputs, plans []LabFailoverPlan) ([]ApplianceInputs, error) {
	if a.IsEmpty() {
		return inputs, nil
	}
	plans, err := a.plans(plans)
	if err != nil {
		return nil, err
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
		if len(a.FailoverPlans) > 0 {
			result[i].PublicIPRules = PublicIPRulesInForce(plans, in.Session)
		}
		if a.RoutingEnabled != nil {
			result[i].RoutingEnabled = *a.RoutingEnabled
		}
		if err := result[i].checkOverlaps(fields); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// plans returns failover plans in which the assumption holds.
func (a Assumption) plans(stored []LabFailoverPlan) ([]LabFailoverPlan, error) {
	if len(a.FailoverPlans) == 0 {
		return stored, nil
	}
	var v errorList
	assumed := map[string]int{} // by the normal form of their names
	for i, p := range a.FailoverPlans {
		field := fmt.Sprintf("failoverPlans[%d]", i)
		if first, twice := assumed[NormalName(p.Name)]; twice {
			v.add(field+".name", "the plan is at failoverPlans[%d] already", first)
		}
		assumed[NormalName(p.Name)] = i
		for j, r := range p.PublicIPRules {
			if err := r.Validate(); err != nil {
				v = append(v, Within(fmt.Sprintf("%s.publicIpRules[%d]", field, j), err))
			}
		}
	}
	if len(v) > 0 {
		return nil, v.err()
	}
	var plans []LabFailoverPlan
	owners := addressOwners{}
	for _, p := range stored {
		if _, replaced := assumed[NormalName(p.Name)]; replaced {
			continue
		}
		plans = append(plans, p)
		owners.add(&addressOwner{name: p.Name}, p.PublicIPRules)
	}
	for i, p := range a.FailoverPlans {
		plans = append(plans, LabFailoverPlan{Name: p.Name, PublicIPRules: p.PublicIPRules})
		owner := &addressOwner{name: p.Name}
		for j, r := range p.PublicIPRules {
			if e := owners.take(fmt.Sprintf("failoverPlans[%d].publicIpRules[%d].address", i, j), r.Public.Addr(), owner); e != nil {
				return nil, e
			}
		}
	}
	return plans, nil
}

// checkOverlaps checks D12 for all gateways of an appliance at once. The error is
// that of CheckOverlap for a network in fields, below its field there.
func (in ApplianceInputs) checkOverlaps(fields map[string]string) error {
	networks := slices.DeleteFunc(slices.Clone(in.Networks), func(n Network) bool {
		_, ok := in.Gateways[n.ID]
		return !ok
	})
	// What is stored first, then in the order of the assumption: of two the later one is wrong.
	slices.SortStableFunc(networks, func(a, b Network) int {
		return cmp.Or(cmp.Compare(len(fields[a.ID]), len(fields[b.ID])), strings.Compare(fields[a.ID], fields[b.ID]))
	})
	placed := make([]PlacedGateway, len(networks))
	for i, n := range networks {
		placed[i] = PlacedGateway{NetworkGateway: NetworkGateway{n.ID, in.Gateways[n.ID]}}
	}
	found := FindOverlaps(placed)
	if len(found) == 0 {
		return nil
	}
	mine, other := networks[found[0].Second], networks[found[0].First]
	field := strings.TrimSuffix(fields[mine.ID], ".networkId")
	return Within(field, CheckOverlap(in.Gateways[mine.ID], []DefaultGateway{{
		NetworkID: other.ID, NetworkName: other.Name, GatewaySettings: in.Gateways[other.ID],
	}}))
}
