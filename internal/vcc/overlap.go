package vcc

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// CheckOverlap checks D12 for settings that are to be stored beside others:
// the gateways of the other networks on the same appliance. The error has
// CodeConflict, the field "ipv4" or "ipv6", and names the other network.
func CheckOverlap(settings GatewaySettings, others []DefaultGateway) error {
	err := findOverlap(settings, others)
	if err == nil {
		return nil
	}
	err.Message += "; no router can serve both. Use another network here, or change that gateway first"
	return err
}

// CheckRestore is CheckOverlap for detected settings that are to come back. The error has no
// field, because it is no value of the caller's.
func CheckRestore(detected GatewaySettings, others []DefaultGateway) error {
	err := findOverlap(detected, others)
	if err == nil {
		return nil
	}
	err.Field = ""
	err.Message = "what was detected cannot come back: " + err.Message + "; no router can serve both. Nothing was changed: " +
		"change that gateway first, or remove this one without bringing back what was detected"
	return err
}

// PlacedGateway is a gateway on a network extension appliance, or one that is to be there.
type PlacedGateway struct {
	// HostID names the appliance among those of one tenant.
	HostID string
	NetworkGateway
}

// Overlap are two gateways that break D12, by their places in a list: First comes before Second.
type Overlap struct{ First, Second int }

// FindOverlaps lists gateways that break D12, in the order of Second. Each gateway that overlaps any other one is in the list;
// of several that overlap each other it need not have every pair. The time that it takes grows like that of sorting.
func FindOverlaps(gateways []PlacedGateway) []Overlap {
	type connected struct {
		prefix  netip.Prefix
		hostID  string
		gateway int
	}
	all := make([]connected, 0, len(gateways))
	for i, g := range gateways {
		for _, p := range g.Networks() {
			all = append(all, connected{p.Masked(), g.HostID, i})
		}
	}
	slices.SortFunc(all, func(a, b connected) int {
		return cmp.Or(strings.Compare(a.hostID, b.hostID), a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()), cmp.Compare(a.gateway, b.gateway))
	})
	var found []Overlap
	// Of two prefixes that overlap one contains the other. around has those that contain the last one, the widest first.
	var around []connected
	for _, c := range all {
		for len(around) > 0 && (around[len(around)-1].hostID != c.hostID || !around[len(around)-1].prefix.Overlaps(c.prefix)) {
			around = around[:len(around)-1]
		}
		if len(around) > 0 {
			other := around[len(around)-1].gateway
			found = append(found, Overlap{min(c.gateway, other), max(c.gateway, other)})
		}
		around = append(around, c)
	}
	slices.SortFunc(found, func(a, b Overlap) int { return cmp.Or(cmp.Compare(a.Second, b.Second), cmp.Compare(a.First, b.First)) })
	return slices.Compact(found)
}

// findOverlap says which networks break D12, nil for none.
func findOverlap(settings GatewaySettings, others []DefaultGateway) *Error {
	mine := settings.Networks()
	for _, family := range []string{"ipv4", "ipv6"} {
		network, ok := mine[family]
		if !ok {
			continue
		}
		for _, other := range others {
			if taken, ok := other.Networks()[family]; ok && taken.Overlaps(network) {
				return &Error{
					Code: CodeConflict, Field: family, ResourceID: other.NetworkID,
					Message: fmt.Sprintf("%s overlaps %s of %q on the same network extension appliance", network, taken, other.NetworkName),
				}
			}
		}
	}
	return nil
}
