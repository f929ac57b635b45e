package vcc

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// FailoverPlan is a cloud failover plan as it is in force: what somebody specified or, where
// nobody did, what the lab declares.
type FailoverPlan struct {
	ID   string
	Name string
	// Origin is OriginDeclared or OriginSpecified.
	Origin Origin
	// Revision is the tenant's revision at the last change of this plan, as DefaultGateway has it. It
	// is 0 for one that is as the lab declared it first; then UpdatedAt is zero, too.
	Revision  int64
	UpdatedAt time.Time
	UpdatedBy string
	FailoverPlanSettings
	// Declared is what the lab declares in whose place this was specified. nil: it declares
	// nothing of the name, or this is it.
	Declared *FailoverPlanSettings
	// Session is the plan's failover under way, nil for none.
	Session *FailoverSession
}

// OriginDeclared says that a lab declares the failover plan, and that nobody specified anything in its place.
const OriginDeclared Origin = "declared"

// ParsePlanOrigin is ParseOrigin for failover plans.
func ParsePlanOrigin(s string) (Origin, error) {
	switch o := Origin(s); o {
	case OriginDeclared, OriginSpecified:
		return o, nil
	}
	return "", invalid("", "%q is not an origin; use %s or %s", s, OriginDeclared, OriginSpecified)
}

// FailoverPlanSettings are the values of a failover plan that a person decides.
type FailoverPlanSettings struct {
	// VMs are the names of those to start, in this order.
	VMs []string
	// Delays are how long a failover waits after it started a VM, before it starts the next one, by
	// the VM's name. A VM without one is followed at once; that of the last VM has no effect.
	Delays        map[string]time.Duration
	PublicIPRules []PublicIPRule
}

// MaxStartDelay is the longest delay (our decision). Delays are whole seconds.
const MaxStartDelay = 24 * time.Hour

// Delay returns how long a failover waits after a VM.
func (s FailoverPlanSettings) Delay(vm string) time.Duration {
	if d, ok := s.Delays[vm]; ok {
		return d
	}
	return s.delays()[NormalName(vm)]
}

// delays are those that delay something, by the normal form of their VM's name.
func (s FailoverPlanSettings) delays() map[string]time.Duration {
	delays := map[string]time.Duration{}
	for name, d := range s.Delays {
		if d != 0 {
			delays[NormalName(name)] = d
		}
	}
	return delays
}

// Equal reports whether both settings mean the same. The order of VMs is that of their start, and
// the order of rules says nothing.
func (s FailoverPlanSettings) Equal(o FailoverPlanSettings) bool {
	return slices.EqualFunc(s.VMs, o.VMs, SameName) && maps.Equal(s.delays(), o.delays()) && SamePublicIPRules(s.PublicIPRules, o.PublicIPRules)
}

// SamePublicIPRules reports whether two lists have the same rules, in any order.
func SamePublicIPRules(a, b []PublicIPRule) bool {
	count := map[PublicIPRule]int{}
	for _, r := range a {
		count[r]++
	}
	for _, r := range b {
		count[r]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// Respelled returns the settings with the names of VMs as the site spells them, and without delays
// that delay nothing.
func (s FailoverPlanSettings) Respelled(site Site) FailoverPlanSettings {
	vms := newSpelling(names(site.VMs, func(vm VM) string { return vm.Name }))
	r := FailoverPlanSettings{VMs: vms.each(s.VMs), PublicIPRules: s.PublicIPRules}
	for name, d := range s.Delays {
		if d != 0 {
			if r.Delays == nil {
				r.Delays = map[string]time.Duration{}
			}
			r.Delays[vms.declared(name)] = d
		}
	}
	return r
}

// Validate checks what can be said of the settings by themselves: D17, but for whose the addresses
// are. It lists every value that is wrong, with fields such as "vms[1]", "delays" and
// "publicIpRules[0].toPort".
func (s FailoverPlanSettings) Validate() error {
	var v errorList
	if len(s.VMs) == 0 {
		v.add("vms", "at least one VM is required")
	}
	places := map[string]int{}
	for i, name := range s.VMs {
		field := fmt.Sprintf("vms[%d]", i)
		if err := ValidateName(name); err != nil {
			v = append(v, Within(field, err))
		} else if first, twice := places[NormalName(name)]; twice {
			v.add(field, "%q is at vms[%d] already; it must be unique", name, first)
		} else {
			places[NormalName(name)] = i
		}
	}
	delayed := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(s.Delays)) {
		key := NormalName(name)
		if _, listed := places[key]; !listed {
			v.add("delays", "the plan starts no VM %q; add it to the VMs of the plan, or leave its delay out", name)
		} else if delayed[key] {
			v.add("delays", "VM %q has two delays: its name is there in two Unicode spellings, which mean the same; leave one out", name)
		} else if d := s.Delays[name]; d < 0 || d > MaxStartDelay || d%time.Second != 0 {
			v.add("delays", impossibleDelay, d, maxDelaySeconds)
		}
		delayed[key] = true
	}
	rules := map[netip.AddrPort]int{}
	for i, r := range s.PublicIPRules {
		field := fmt.Sprintf("publicIpRules[%d]", i)
		if err := r.Validate(); err != nil {
			v = append(v, Within(field, err))
		} else if first, twice := rules[r.Public]; twice {
			v.add(field, "%s port %d is at [%d] of this list already; it leads to one place", r.Public.Addr(), r.Public.Port(), first)
		} else {
			rules[r.Public] = i
		}
	}
	return v.err()
}

const (
	maxDelaySeconds = int64(MaxStartDelay / time.Second)
	impossibleDelay = "a delay of %s is not possible; use 0 to %d whole seconds"
)

// ParseStartDelay reads a delay in seconds. The error has no field.
func ParseStartDelay(seconds int64) (time.Duration, error) {
	if seconds < 0 || seconds > maxDelaySeconds {
		return 0, invalid("", impossibleDelay, fmt.Sprintf("%d s", seconds), maxDelaySeconds)
	}
	return time.Duration(seconds) * time.Second, nil
}

// VMWords lists the VMs in the order of their start, each with the delay after it: "db01 (then 60 s)".
func (s FailoverPlanSettings) VMWords() []string {
	list, delays := slices.Clone(s.VMs), s.delays()
	for i, vm := range list {
		if d := delays[NormalName(vm)]; d > 0 {
			list[i] = fmt.Sprintf("%s (then %d s)", vm, int64(d/time.Second))
		}
	}
	return list
}

// RuleWords lists the public IP rules, each in words: "203.0.113.10:443 to 172.17.52.10:8443".
func (s FailoverPlanSettings) RuleWords() []string {
	return names(s.PublicIPRules, func(r PublicIPRule) string { return fmt.Sprintf("%s to %s", r.Public, r.Internal) })
}

// Check checks settings against the tenant that they are for: its VMs, and its public addresses (D17). It
// lists every value that is wrong, with fields as Validate has them.
func (s FailoverPlanSettings) Check(t LabTenant) error {
	var v errorList
	vms := names(t.VMs, func(vm VM) string { return vm.Name })
	known := newSpelling(vms)
	for i, name := range s.VMs {
		if known[NormalName(name)] != "" {
			continue
		}
		there := DidYouMean(name, vms)
		if there == "" {
			there = "it has none at all"
		}
		v.add(fmt.Sprintf("vms[%d]", i), "the tenant has no VM %q; %s", name, prose(there))
	}
	for i, r := range s.PublicIPRules {
		if public := r.Public.Addr(); !slices.Contains(t.PublicIPs, public) {
			v.add(fmt.Sprintf("publicIpRules[%d].address", i), notAllocated, public, prose(allocated(public.String(), t.PublicIPs, "it has")))
		}
	}
	return v.err()
}

// notAllocated is what is wrong with an address that the tenant does not have, in labs and in plans (D17).
const notAllocated = "%q is not a public address of the tenant%s"

// CheckPublicAddresses checks that no other plan has one of the public addresses (D17).
// CodeConflict: another has one. The fields are those of Validate, and ResourceID is the other plan's.
func (s FailoverPlanSettings) CheckPublicAddresses(others []FailoverPlan) error {
	owners := addressOwners{}
	for _, o := range others {
		owners.add(&addressOwner{o.ID, o.Name}, o.PublicIPRules)
	}
	var errs errorList
	this := &addressOwner{}
	for i, r := range s.PublicIPRules {
		if e := owners.take(fmt.Sprintf("publicIpRules[%d].address", i), r.Public.Addr(), this); e != nil {
			errs = append(errs, e)
		}
	}
	return errs.err()
}

// FailoverPlanChange is one entry of a plan's history.
type FailoverPlanChange struct {
	// Revision is the tenant's revision that the change made.
	Revision int64
	Time     time.Time
	Actor    string
	// Before and After are nil where there was, or is, no such plan.
	Before, After *FailoverPlanState
}

// FailoverPlanState is the part of a plan that a history entry keeps.
type FailoverPlanState struct {
	Origin Origin
	FailoverPlanSettings
}

// FailoverPlanService keeps the failover plans of a tenant, as DefaultGatewayService keeps its
// gateways. What is specified stands beside what the lab declares, which no write changes.
//
// While a plan is failed over, a change of its public IP rules reaches the appliances at once (D19); its
// VMs and delays count for the next start; and it cannot be removed.
type FailoverPlanService interface {
	// FailoverPlan returns one plan. CodeNotFound: there is no such plan.
	FailoverPlan(ctx context.Context, as Actor, planID string) (*FailoverPlan, error)

	// PutFailoverPlan stores settings for a plan in place of whatever it had, and makes it specified.
	// The ID of a plan that is created is its creator's choice: who then reads it by a random ID of its
	// own knows whether a write whose answer was lost was carried out. Settings that are stored
	// already, as specified, change nothing. created says whether there was no plan before.
	// CodeInvalidValue: a value breaks a rule, or names what the tenant does not have. CodeConflict: another
	// plan has the name or one of the public addresses, or the plan has another name, which it keeps.
	// CodePreconditionFailed: the precondition does not hold.
	PutFailoverPlan(ctx context.Context, as Actor, planID, name string, s FailoverPlanSettings, p Precondition) (plan *FailoverPlan, created bool, err error)

	// CheckFailoverPlan says what PutFailoverPlan would refuse, whatever the precondition, and stores nothing.
	CheckFailoverPlan(ctx context.Context, as Actor, planID, name string, s FailoverPlanSettings) error

	// RemoveFailoverPlan takes away what was specified for a plan. Where the lab declares the plan, that is in
	// force again and is returned; without a change, if it was so already. Else the plan is gone, and nil is
	// returned.
	// CodeNotFound: there is no such plan. CodeConflict: the plan is failed over and would be gone, or what is declared
	// breaks D17 by now. CodePreconditionFailed: the precondition does not hold.
	RemoveFailoverPlan(ctx context.Context, as Actor, planID string, p Precondition) (*FailoverPlan, error)

	// FailoverPlanChanges returns a page of a plan's history, newest first, and how many entries
	// there are. It outlives the plan. CodeNotFound: there is no such plan, and no change of one is on record.
	FailoverPlanChanges(ctx context.Context, as Actor, planID string, page Page) ([]FailoverPlanChange, int, error)
}

// ValidatePlanID checks that s is spelled like an ID, as ValidateNetworkID does. The error has no field.
func ValidatePlanID(s string) error {
	if idPattern().MatchString(s) {
		return nil
	}
	return invalid("", "%q is not an ID; use a UUID in lower case, such as 6f1c1a52-8f0e-4c62-9c0f-3d7a5e0b9d11", s)
}

// CheckRemovable refuses to remove a plan that is failed over: nobody could undo that.
func (p FailoverPlan) CheckRemovable() error {
	if p.Session == nil {
		return nil
	}
	return &Error{Code: CodeConflict, ResourceID: p.ID, Message: Message(
		"failover plan %q is failed over since %s, and nobody could undo that without it; nothing was changed. Undo the failover first", p.Name, TimeText(p.Session.StartedAt))}
}

// CheckFailoverPlan is CheckGateway for the plan of an ID, of which current is nil for none.
func (p Precondition) CheckFailoverPlan(planID string, current *FailoverPlan) error {
	failed := func(format string, args ...any) error {
		e := &Error{Code: CodePreconditionFailed, ResourceID: planID, Message: Message(format, args...)}
		if current != nil {
			e.Current = current
		}
		return e
	}
	switch {
	case p.Absent && current != nil:
		there := fmt.Sprintf("%s by %s", current.Origin, current.UpdatedBy)
		if current.Origin == OriginDeclared { // whoever changed it last declared nothing
			there = "as the lab declares it"
		}
		return failed("failover plan %q is there already, %s; nothing was changed", current.Name, there)
	case p.Revision != nil && current == nil:
		return failed("the failover plan was removed since it was read; nothing was changed")
	case p.Revision != nil && *p.Revision != current.Revision && current.UpdatedBy == "": // nobody, since the lab declared it
		return failed("failover plan %q is as the lab declares it, and not what was read; nothing was changed now", current.Name)
	case p.Revision != nil && *p.Revision != current.Revision:
		return failed("failover plan %q was changed by %s since it was read; nothing was changed now", current.Name, current.UpdatedBy)
	}
	return nil
}

// PublicIPRulesInForce are the rules of the plan that is failed over in a session and, without one or
// at partial site failover, those of all plans.
func PublicIPRulesInForce(plans []LabFailoverPlan, session *FailoverSession) (rules []PublicIPRule) {
	for _, p := range plans {
		if session == nil || session.Kind == FailoverPartialSite || SameName(session.PlanName, p.Name) {
			rules = append(rules, p.PublicIPRules...)
		}
	}
	return rules
}

// LabFailoverPlan declares the VMs to start together at full site failover.
type LabFailoverPlan struct {
	Name          string
	VMs           []string
	PublicIPRules []PublicIPRule
}

// checkFailoverPlans checks the failover plans of a tenant that stands at a path.
func (c *labCheck) checkFailoverPlans(at string, t LabTenant) {
	vms := newDeclared(names(t.VMs, func(vm VM) string { return vm.Name }))
	allocated := map[netip.Addr]bool{}
	for _, a := range t.PublicIPs {
		allocated[a] = true
	}
	plans := map[string]string{}
	owners := addressOwners{}
	for i, p := range t.FailoverPlans {
		plan := &addressOwner{name: p.Name}
		at := fmt.Sprintf("%s.failover_plans[%d]", at, i)
		c.unique(at+".name", p.Name, plans)
		c.checkVMs(at+".vms", p.VMs, vms)
		rules := map[string]string{}
		for j, r := range p.PublicIPRules {
			at := fmt.Sprintf("%s.public_ip_rules[%d]", at, j)
			if c.isUnread(at) {
				continue
			}
			public := r.Public.Addr()
			if !allocated[public] {
				c.add(at+".address", notAllocated, public, prose(c.listed(public.String(), t.PublicIPs)))
				continue
			}
			if err := r.validate(); err != nil {
				c.under(at, err)
				continue
			}
			c.unique(at, fmt.Sprintf("%s port %d", public, r.Public.Port()), rules)
			if e := owners.take(at+".address", public, plan); e != nil {
				e.Code = CodeInvalidValue // the lab contradicts itself, and nothing that is stored
				c.errorList = append(c.errorList, e)
			}
		}
	}
}
