package vcc

import (
	"regexp"
	"sync"
)

// idPattern, like every pattern here, is compiled when it is first needed: the commands
// that need none should not wait for it.
var idPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
})

// ValidateNetworkID checks that s is spelled like an ID (RFC 9562, lower case:
// there is one spelling, so that no re-spelling replaces a gateway). Whether the
// network exists only the backend knows. The error has no field.
func ValidateNetworkID(s string) error {
	if idPattern().MatchString(s) {
		return nil
	}
	return invalid("", "%q is not a network ID; use the id of an entry in the networks of data source "+
		"vcc_hardware_plan_networks, or one that `backend networks` lists", s)
}
