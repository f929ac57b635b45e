package provider

import (
	"context"
	"errors"
	"net/netip"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// plannedFailoverPlan is what a plan of Terraform's makes of a failover plan.
type plannedFailoverPlan struct {
	// Name is as the configuration or the state spells it.
	Name string
	// Known says that every setting is known. Rules are those that are.
	Known bool
	Rules []vcc.PublicIPRule
}

// failoverPlanRecord is what a run knows of the failover plan of one name, as networkRecord is of a gateway.
type failoverPlanRecord struct {
	// decoded says that a state of it was decoded.
	decoded bool
	// stays and created are what the resource that has it, and one that is created, are planned to make of it; removed
	// is what is in force once the one that has it is gone. They are nil for none.
	stays, created, removed *plannedFailoverPlan
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

// noteFailoverPlanGone notes that a failover plan of the state was found to be gone.
func (r *run) noteFailoverPlanGone(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.failoverPlan(name)
	p.decoded, p.stays = false, nil
}

// planFailoverPlanStay notes that the resource that has a failover plan is planned to keep it.
func (r *run) planFailoverPlanStay(planned plannedFailoverPlan) clash {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.failoverPlan(planned.Name)
	switch {
	case p.created != nil:
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

// planFailoverPlanCreation notes that a resource is planned to be created for a failover plan. again is what notePlanning
// reported: then the one that was planned to keep it is the one that this replaces.
func (r *run) planFailoverPlanCreation(planned plannedFailoverPlan, again bool) clash {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.failoverPlan(planned.Name)
	if p.created != nil || p.stays != nil && !again {
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
	// addresses are public addresses that the other one has now, and that this is planned to have; nil where this is to
	// be created, and the other is of the same name.
	addresses map[netip.Addr]bool

	// refused is the name of the failover plan that cannot be as planned; attribute, summary and detail say why.
	refused         string
	attribute       path.Path
	summary, detail string
}

// decide reports whether what is planned decides the conflict, and whether it then stands. quiet says that nothing more is
// going to be planned. The lock is held.
func (r *run) decide(c *planConflict, quiet bool) (decided, confirmed bool) {
	p := r.failoverPlan(c.other)
	if c.addresses == nil {
		switch {
		case p.removed != nil: // by another resource: Terraform creates and removes the two in any order
			return true, true
		case p.stays != nil: // which is found elsewhere
			return true, false
		}
		// A resource that is tainted is planned once, from nothing to the new one, after its state was decoded.
		return quiet, !p.decoded
	}
	switch planned := p.planned(); {
	case planned == nil:
		return quiet, true
	case !planned.Known:
		return true, false // there is no telling
	default:
		return true, hasAddress(planned.Rules, c.addresses)
	}
}

func hasAddress(rules []vcc.PublicIPRule, addresses map[netip.Addr]bool) bool {
	for _, r := range rules {
		if addresses[r.Public.Addr()] {
			return true
		}
	}
	return false
}

// failoverPlansPlannedWith returns the names of the other failover plans that are planned to have one of some public
// addresses.
func (r *run) failoverPlansPlannedWith(name string, addresses map[netip.Addr]bool) (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, p := range r.failoverPlans {
		if planned := p.planned(); key != vcc.NormalName(name) && planned != nil && planned.Known && hasAddress(planned.Rules, addresses) {
			names = append(names, planned.Name)
		}
	}
	return names
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
