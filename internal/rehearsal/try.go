package rehearsal

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Try is one way of a check: a request from one address to another. It passes between the two
// processes of a rehearsal.
type Try struct {
	// Check is the index of its check, and Question is what it asks.
	Check               int
	Question            vcc.TraceRequest
	Protocol            appliance.Protocol
	Port                uint16
	Source, Destination netip.Addr
}

// TryOutcome is what the kernel made of a Try.
type TryOutcome struct {
	Reachable bool
	Reason    vcc.Reason
	// Because says why in words, and what to do where that is not as declared.
	Because string
	// Fault says how the routing engine and the kernel differ.
	Fault string
}

// tries returns all ways of checks. The errors are those of Rehearsal.Check.
func (s Scene) tries(checks []vcc.Check) ([]Try, error) {
	outside := s.tenant().Outside
	var tries []Try
	var errs []error
	for i, c := range checks {
		at := fmt.Sprintf("questions[%d]", i)
		unknown := s.unknownVMs(c.TraceRequest)
		if unknown != nil {
			errs = append(errs, vcc.Within(at, unknown))
			continue
		}
		ways, err := c.Ways(s.site(), outside)
		if err != nil {
			errs = append(errs, vcc.Within(at, err))
			continue
		}
		protocol, err := appliance.ParseProtocol(c.Protocol)
		if err != nil {
			return nil, err // which no check has
		}
		for _, w := range ways {
			t := Try{Check: i, Question: c.TraceRequest, Protocol: protocol, Port: uint16(c.Port), Source: w[0], Destination: w[1]} // #nosec G115 -- 0 to 65535
			if t.Protocol == appliance.ICMP && t.Source.Is6() {
				t.Protocol = appliance.ICMPv6
			}
			tries = append(tries, t)
		}
	}
	return tries, errors.Join(errs...)
}

// unknownVMs says which ends of a question are VMs that the scene does not have.
func (s Scene) unknownVMs(q vcc.TraceRequest) error {
	var errs []error
	for _, end := range []struct {
		field string
		vcc.TraceEnd
	}{{"source", q.Source}, {"destination", q.Destination}} {
		if end.VM == "" {
			continue
		}
		if m, err := s.machine(end.VM); err != nil || m.Name == Outside {
			names := make([]string, len(s.Machines))
			for i, m := range s.Machines {
				names[i] = m.Name
			}
			errs = append(errs, &vcc.Error{Code: vcc.CodeInvalidValue, Field: end.field,
				Message: fmt.Sprintf("failover plan %q starts no VM %s with a known address; it starts %s", s.Plan, vcc.Clip(end.VM), strings.Join(names, ", "))})
		}
	}
	return errors.Join(errs...)
}

// judge makes the outcomes of checks from those of their tries, of which there is at least one for
// each: the first that is not as declared counts, and else the first.
func judge(checks []vcc.Check, tries []Try, outcomes []TryOutcome) []Outcome {
	judged := make([]Outcome, len(checks))
	for i, t := range tries {
		if i >= len(outcomes) {
			break
		}
		o, c := outcomes[i], checks[t.Check]
		next := Outcome{
			Source: t.Source, Destination: t.Destination, Reachable: o.Reachable, Reason: o.Reason,
			Explanation: c.Sentence(o.Reachable, t.Source, t.Destination, o.Because), Fault: o.Fault,
		}
		if now := judged[t.Check]; !now.Source.IsValid() || now.Holds(c) && !next.Holds(c) || now.Holds(c) == next.Holds(c) && now.Fault == "" && next.Fault != "" {
			judged[t.Check] = next
		}
	}
	return judged
}
