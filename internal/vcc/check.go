package vcc

import (
	"slices"
	"strings"
)

// Check declares who should reach whom after full site failover, or should not: Unwanted says which,
// and Reason why.
type Check struct{ TraceRequest }

// reachedFor and unreachedFor are the reasons that Reachability.Outcome has, by its outcome.
var (
	reachedFor   = []Reason{ReasonRoutingEnabled, ReasonSameNetwork, ReasonInternetAccess, ReasonPublicIPRule, ReasonEcho, ReasonManagement}
	unreachedFor = []Reason{
		ReasonNoDefaultGateway, ReasonRoutingDisabled, ReasonDifferentHardwarePlan, ReasonNoInternetAccess, ReasonNoPublicIPRule, ReasonPrivateDestination,
		ReasonNoRoute, ReasonSourceNotInNetwork, ReasonNotAService, ReasonInvalidPacket,
	}
)

// ParseCheck reads a check; port is nil where there is none, and reason "" where any will do. reachable
// is nil where it is not said, which is wrong: a check that was cut short must not say the opposite. The
// error lists every value that is wrong: the fields are those of ParseTraceRequest, "reachable" and "reason".
func ParseCheck(source, destination, protocol string, port *int, reachable *bool, reason string) (Check, error) {
	var v errorList
	request, err := ParseTraceRequest(source, destination, protocol, port)
	if err != nil {
		v = append(v, err)
	}
	c := Check{request}
	c.Reason = Reason(reason)
	if reachable == nil {
		v.add("reachable", "say whether the destination should be reached: true or false")
		return c, v.err()
	}
	c.Unwanted = !*reachable
	reasons, outcome := reachedFor, "reachable"
	if c.Unwanted {
		reasons, outcome = unreachedFor, "not reachable"
	}
	if reason != "" && !slices.Contains(reasons, c.Reason) {
		words := make([]string, len(reasons))
		for i, r := range reasons {
			words[i] = string(r)
		}
		v.add("reason", "%q is no reason to be %s; leave it out for any, or use %s", reason, prose(outcome), prose(strings.Join(words, ", ")))
	}
	return c, v.err()
}
