package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// plannedFailoverPlan is what a plan of Terraform's makes of a failover plan.
type plannedFailoverPlan struct {
	// Name is as the configuration or the state spells it.
	Name string
	// RulesKnown says that every rule is known. Rules are those that are.
	RulesKnown bool
	Rules      []vcc.PublicIPRule
}

// failoverPlanRecord is what a run knows of the failover plan of one name, as networkRecord is of a gateway.
type failoverPlanRecord struct {
	// decoded says that a state of it was decoded, and read that it was read.
	decoded, read bool
	// stays and created are what the resource that has it, and one that is created, are planned to make of it; removed
	// is what is in force once the one that has it is gone. They are nil for none.
	stays, created, removed *plannedFailoverPlan
	// awaits has the plans, by the normal form of their names, that have to give a public address up before this one can
	// have it. They are stored, and declared says of each whether the lab declares it.
	awaits map[string]bool
}

// planned is what the failover plan will be, nil where none was planned.
func (p *failoverPlanRecord) planned() *plannedFailoverPlan {
	switch {
	case p.created != nil:
		return p.created
	case p.stays != nil:
		return p.stays
	}
	return p.removed
}

// failoverPlan returns the record of a plan. The lock is held.
func (r *run) failoverPlan(name string) *failoverPlanRecord {
	key := vcc.NormalName(name)
	p := r.failoverPlans[key]
	if p == nil {
		p = &failoverPlanRecord{}
		r.failoverPlans[key] = p
	}
	return p
}

// planSubject is how judges are told of a failover plan (see judge).
func planSubject(name string) string { return planSubjects + vcc.NormalName(name) }

const planSubjects = "failover plan "

// noteFailoverPlanState notes that a state of a failover plan was decoded.
func (r *run) noteFailoverPlanState(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failoverPlan(name).decoded = true
}

// noteFailoverPlanRead notes that the state of a failover plan is read.
func (r *run) noteFailoverPlanRead(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failoverPlan(name).read, r.reads = true, true
}

// hasFailoverPlanState reports whether a state of a failover plan was decoded.
func (r *run) hasFailoverPlanState(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failoverPlan(name).decoded
}

// noteFailoverPlanGone notes that a failover plan of the state was found to be gone.
func (r *run) noteFailoverPlanGone(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.failoverPlan(name)
	p.decoded, p.stays = false, nil
}

// planFailoverPlanStay notes that the resource that has a failover plan is planned to keep it. again is that of its planPass.
func (r *run) planFailoverPlanStay(planned plannedFailoverPlan, again bool) clash {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.failoverPlan(planned.Name)
	switch {
	case p.created != nil || p.stays != nil && !again:
		return clashBoth
	case p.removed != nil:
		return clashRemoval
	}
	p.stays = &planned
	r.failoverPlanChanged()
	return noClash
}

// planFailoverPlanRemoval notes that the resource that has a failover plan is planned to go, and what is in force then.
func (r *run) planFailoverPlanRemoval(left plannedFailoverPlan) clash {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.failoverPlan(left.Name)
	if p.stays != nil {
		return clashRemoval
	}
	p.removed = &left
	r.failoverPlanChanged()
	return noClash
}

// planFailoverPlanCreation notes that a resource is planned to be created for a failover plan. replacesItself is that of
// its planPass: then the one that was planned to keep it is the one that this replaces.
func (r *run) planFailoverPlanCreation(planned plannedFailoverPlan, replacesItself bool) clash {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.failoverPlan(planned.Name)
	if p.created != nil || p.stays != nil && !replacesItself {
		return clashBoth
	}
	p.created, p.stays = &planned, nil
	r.failoverPlanChanged()
	return noClash
}

// failoverPlanChanged follows a change of what is planned. The lock is held.
func (r *run) failoverPlanChanged() {
	r.revision++
	r.notify()
}

// plannedFailoverPlan returns what has been planned for the failover plan of a subject of judges, nil for nothing.
func (r *run) plannedFailoverPlan(subject string) *plannedFailoverPlan {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.failoverPlans[subject[len(planSubjects):]]; p != nil {
		return p.planned()
	}
	return nil
}

// planConflict is what makes the plan of a failover plan wrong, unless something is planned for another one that Terraform
// may plan later.
type planConflict struct {
	// other is the name of the stored failover plan that is in the way.
	other string
	// address is a public address that the other one has now, and that this is planned to have; the zero one where this
	// is to be created, and the other is of the same name. declared says that the lab declares the other.
	address  netip.Addr
	declared bool

	// refused is the name of the failover plan that cannot be as planned; attribute, summary and detail say why.
	refused         string
	attribute       path.Path
	summary, detail string
}

// decide reports whether what is planned decides the conflict, and whether it then stands. quiet says that nothing more is
// going to be planned. The lock is held.
func (r *run) decide(c *planConflict, quiet bool) (decided, confirmed bool) {
	p := r.failoverPlan(c.other)
	if !c.address.IsValid() {
		switch {
		case p.removed != nil: // by another resource: Terraform creates and removes the two in any order
			return true, true
		case p.stays != nil: // which is found elsewhere
			return true, false
		}
		return quiet, !r.isTainted(p.decoded, p.read)
	}
	switch planned := p.planned(); {
	case planned == nil:
		return quiet, true
	case slices.ContainsFunc(planned.Rules, func(r vcc.PublicIPRule) bool { return r.Public.Addr() == c.address }):
		return true, true
	case !planned.RulesKnown:
		return true, false // there is no telling
	}
	// The other one gives the address up, and has to be written first.
	refused, other := vcc.NormalName(c.refused), vcc.NormalName(c.other)
	of := r.failoverPlan(refused)
	if of.awaits == nil {
		of.awaits = map[string]bool{}
	}
	of.awaits[other] = c.declared
	if !r.awaits(other, refused, map[string]bool{}) {
		return true, false
	}
	c.detail = fmt.Sprintf("%s Failover plan %q is planned to give it up, and cannot be written before this one has given up an address in turn. "+
		"Addresses that go round in a circle take two applies: leave this one out of the first, and add it in the second.", c.detail, c.other)
	return true, true
}

// awaits reports whether a failover plan cannot be written before another one, which may be by way of more of them. seen
// has those that were looked at. The lock is held.
func (r *run) awaits(key, other string, seen map[string]bool) bool {
	if p := r.failoverPlans[key]; p != nil && !seen[key] {
		seen[key] = true
		for next, declared := range p.awaits {
			// One that is replaced is removed first, and then has no address.
			if replaced := r.failoverPlans[next].created != nil && !declared; !replaced && (next == other || r.awaits(next, other, seen)) {
				return true
			}
		}
	}
	return false
}

// plannedFailoverPlans returns what is planned of failover plans so far: their names, and the rules that are known.
func (r *run) plannedFailoverPlans() (plans []vcc.FailoverPlan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(r.failoverPlans)) {
		if planned := r.failoverPlans[key].planned(); planned != nil {
			plans = append(plans, vcc.FailoverPlan{Name: planned.Name, FailoverPlanSettings: vcc.FailoverPlanSettings{PublicIPRules: planned.Rules}})
		}
	}
	return plans
}

// awaitFailoverPlan reports whether a failover plan is planned to be created. It waits until that is so, or nothing but
// calls that wait is left to plan. The error is the context's.
func (r *run) awaitFailoverPlan(ctx context.Context, name string) (created bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.failoverPlan(name)
	if err = r.waitUntil(ctx, quietTime, func() bool { return p.created != nil }); errors.Is(err, errQuiet) {
		err = nil
	}
	return p.created != nil, err
}

// checkPlanConflicts is checkConflicts for failover plans: one call waits for what others plan, and reports their
// conflicts, too. The error is the context's.
func (r *run) checkPlanConflicts(ctx context.Context, found []*planConflict) (confirmed []*planConflict, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range found {
		switch decided, stands := r.decide(c, false); {
		case !decided:
			r.planConflicts = append(r.planConflicts, c)
		case stands:
			confirmed = append(confirmed, c)
		}
	}
	if r.planConflictsAwaited || len(r.planConflicts) == 0 || r.applying || len(confirmed) > 0 {
		return confirmed, nil
	}
	r.planConflictsAwaited = true
	err = r.waitUntil(ctx, quietTime, func() bool {
		var open []*planConflict
		for _, c := range r.planConflicts {
			switch decided, stands := r.decide(c, false); {
			case !decided:
				open = append(open, c)
			case stands:
				confirmed = append(confirmed, c)
			}
		}
		r.planConflicts = open
		return len(open) == 0 || r.applying
	})
	if errors.Is(err, errQuiet) {
		err = nil
		for _, c := range r.planConflicts {
			if _, stands := r.decide(c, true); stands {
				confirmed = append(confirmed, c)
			}
		}
	}
	if r.applying {
		confirmed = nil // what an apply plans again was decided by its plan
	}
	r.planConflicts, r.planConflictsAwaited = nil, false
	return confirmed, err
}
