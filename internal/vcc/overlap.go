package vcc

import "fmt"

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
