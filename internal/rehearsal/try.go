package rehearsal

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Try is one way of a check: a request from one address to another. It passes between the two
// processes of a rehearsal.
type Try struct {
	// Check is the index of its check.
	Check               int
	Protocol            appliance.Protocol
	Port                uint16
	Source, Destination netip.Addr
}

// TryOutcome is what the kernel made of a Try.
type TryOutcome struct {
	Reachable bool
	Reason    vcc.Reason
	// Because says why in words.
	Because string
	// Fault says how the routing engine and the kernel differ.
	Fault string
}

// compiled are a scene's appliances.
type compiled []*appliance.Compiled

func (s Scene) compile() (all compiled) {
	for _, in := range s.Appliances {
		all = append(all, appliance.Compile(in))
	}
	return all
}

// networkOf returns where an address is in the tenant's networks. Of several appliances the first
// one has it, as in a trace.
func (c compiled) networkOf(a netip.Addr) (index int, netN appliance.Interface, found bool) {
	for i, one := range c {
		if network, ok := one.NetworkOf(a); ok {
			n := slices.IndexFunc(one.Interfaces, func(own vcc.ApplianceInterface) bool { return own.Name == network.Name })
			return i, appliance.Interface(n), true // #nosec G115 -- a host has 4,094 VLANs at most
		}
	}
	return 0, 0, false
}

// neighbor returns the appliance in whose external network an address lies.
func (s Scene) neighbor(a netip.Addr) (index int, found bool) {
	i := slices.IndexFunc(s.Appliances, func(in vcc.ApplianceInputs) bool { return in.External.Contains(a) })
	return i, i >= 0
}

// answersOutside reports whether a host outside can have an address, and why it cannot.
func (s Scene) answersOutside(a netip.Addr) (reason vcc.Reason, because string) {
	if _, neighbor := s.neighbor(a); neighbor {
		return "", ""
	}
	if rfc := vcc.PrivateUse(a); rfc != "" {
		return vcc.ReasonPrivateDestination, fmt.Sprintf("no internet carries %s (%s)", a, rfc)
	}
	if slices.ContainsFunc(s.Site, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return vcc.ReasonNoDefaultGateway, fmt.Sprintf("%s is of the tenant's site, which is not on the internet after full site failover", a)
	}
	return "", ""
}

// claimed reports whether an address is not simply one on the internet.
func (s Scene) claimed(all compiled) func(netip.Addr) bool {
	return func(a netip.Addr) bool {
		_, _, inNetwork := all.networkOf(a)
		_, neighbor := s.neighbor(a)
		return inNetwork || neighbor || slices.ContainsFunc(s.Site, func(p netip.Prefix) bool { return p.Contains(a) }) ||
			slices.ContainsFunc(s.Appliances, func(in vcc.ApplianceInputs) bool {
				return slices.ContainsFunc(in.PublicIPRules, func(r vcc.PublicIPRule) bool { return r.Public.Addr() == a })
			})
	}
}

// tries returns all ways of checks. The errors are those of Rehearsal.Check.
func (s Scene) tries(checks []vcc.Check) ([]Try, error) {
	all := s.compile()
	var outside []netip.Addr
	for _, v6 := range []bool{false, true} {
		if a := vcc.OutsideAddress(v6, s.claimed(all)); a.IsValid() {
			outside = append(outside, a)
		}
	}
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
			t := Try{Check: i, Protocol: protocol, Port: uint16(c.Port), Source: w[0], Destination: w[1]} // #nosec G115 -- 0 to 65535
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
		next := Outcome{Source: t.Source, Destination: t.Destination, Reachable: o.Reachable, Reason: o.Reason, Explanation: explain(c, t, o), Fault: o.Fault}
		if now := judged[t.Check]; !now.Source.IsValid() || now.Holds(c) && !next.Holds(c) || now.Holds(c) == next.Holds(c) && now.Fault == "" && next.Fault != "" {
			judged[t.Check] = next
		}
	}
	return judged
}

// explain writes one sentence: who reaches whom or does not, why, and what to do where that is not
// as it should be.
func explain(c vcc.Check, t Try, o TryOutcome) string {
	because := o.Because
	if o.Reachable == c.Unwanted && o.Fault == "" {
		because += o.Reason.WayOut()
	}
	return c.Sentence(o.Reachable, t.Source, t.Destination, because)
}
