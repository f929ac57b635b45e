package vcc

import (
	"errors"
	"fmt"
)

// GatewaySet is what all networks of a scope are to have at once: those of one hardware plan, or all of
// a tenant's.
type GatewaySet struct {
	// HardwarePlanID is the plan whose networks are the scope, "" for all of the tenant's.
	HardwarePlanID string
	// Gateways are those that the scope's networks are to have. The other networks have none.
	Gateways []NetworkGateway
	// Expected, unless it is nil, makes the write depend on what is stored: it has the revision of each gateway of
	// the scope, by the network's ID. Networks that are not in it have none.
	Expected map[string]int64
	// KeepOthers leaves alone what networks have that are neither in Gateways nor in Expected.
	KeepOthers bool
	// RestoreDetected gives networks that lose a gateway back what a replication job had detected before that was specified.
	RestoreDetected bool
	// RestoreRemoved are the IDs of networks that get back what had been detected for them when an earlier set removed it.
	// Neither brings back what breaks D12 by now. IDs of no network of the scope are passed over: the network may be gone since.
	RestoreRemoved []string
}

// NetworkGateway is the gateway that a network is to have.
type NetworkGateway struct {
	NetworkID string
	GatewaySettings
}

// GatewaySetOutcome is what a set came to.
type GatewaySetOutcome struct {
	// Gateways are those that the scope's networks have now, in plan and network order.
	Gateways []DefaultGateway
	// Changed are the IDs of the networks whose gateway is another one, or gone, since the write: each has
	// one entry in the history.
	Changed []string
}

// Validate checks the settings by D8 to D10, and that no network is named twice. The error lists every value that is
// wrong, with fields such as "gateways[2].ipv4.address".
func (s GatewaySet) Validate() error {
	var errs []error
	named := make(map[string]int, len(s.Gateways))
	for i, g := range s.Gateways {
		field := fmt.Sprintf("gateways[%d]", i)
		if first, twice := named[g.NetworkID]; twice {
			errs = append(errs, invalid(field+".networkId", "the network is at gateways[%d] already", first))
		} else {
			named[g.NetworkID] = i
		}
		if err := g.GatewaySettings.Validate(); err != nil {
			errs = append(errs, Within(field, err))
		}
	}
	return errors.Join(errs...)
}

// Check checks what the set expects of one network of the scope. current is the network's stored gateway, nil for
// none, and wanted says that the set has one for it. CodePreconditionFailed: something else is stored, and Current is that.
func (s GatewaySet) Check(n Network, current *DefaultGateway, wanted bool) error {
	if s.Expected == nil {
		return nil
	}
	if revision, ok := s.Expected[n.ID]; ok {
		return IfRevision(revision).CheckGateway(n, current)
	}
	if s.KeepOthers && !wanted {
		return nil
	}
	return Precondition{Absent: true}.CheckGateway(n, current)
}

// Next returns what a network of the scope is to have, nil for none. current is what it has, nil for none, and wanted
// what the set has for it, nil for nothing. removed is what had been detected for a network of RestoreRemoved, and an
// earlier set removed, nil for nothing.
func (s GatewaySet) Next(networkID string, current *DefaultGateway, wanted, removed *GatewaySettings) *GatewayState {
	_, expected := s.Expected[networkID]
	switch {
	case wanted != nil:
		return &GatewayState{Origin: OriginSpecified, GatewaySettings: *wanted}
	case current != nil && s.KeepOthers && !expected:
		return &GatewayState{Origin: current.Origin, GatewaySettings: current.GatewaySettings}
	case current != nil && s.RestoreDetected && current.Detected != nil:
		return &GatewayState{Origin: OriginDetected, GatewaySettings: *current.Detected}
	case removed != nil && (current == nil || current.Origin == OriginSpecified):
		return &GatewayState{Origin: OriginDetected, GatewaySettings: *removed}
	}
	return nil
}
