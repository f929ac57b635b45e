package provider

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// routingRecord is what a run knows of the tenant's one routing option, as networkRecord is of a gateway.
type routingRecord struct {
	// stays and created are what the resource that has the option, and one that is created, are planned
	// to make of it; nil for none.
	stays, created *types.Bool
	// removed says that the resource that has it is planned to go, and after what the option is then.
	removed bool
	after   types.Bool

	// previous is the state of a resource that gives the option up: it was decoded, which in an apply
	// happens right before the removal, or was removed in this run, which previousRemoved says.
	previous        *routingModel
	previousRemoved bool
	// takenOver and creationFailed say that a creation took the option over from a resource that is still to be
	// removed, and that one could not. They are read and written under the option's lock.
	takenOver, creationFailed bool
	// removedOption is the option that a removal found, nil before that and once a creation was carried out. Under that lock, too.
	removedOption *vcc.NetworkRouting
}

// value is what the option is planned to be, nil where that is not planned or, which unknown says, not known.
func (o *routingRecord) value() (enabled *bool, unknown bool) {
	planned := o.created
	switch {
	case planned == nil && o.stays != nil:
		planned = o.stays
	case planned == nil && o.removed:
		planned = &o.after
	case planned == nil:
		return nil, false
	}
	if planned.IsUnknown() {
		return nil, true
	}
	return new(planned.ValueBool()), false
}

// noteRoutingState notes that a state of the option was decoded.
func (r *run) noteRoutingState(m routingModel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.routing.previous == nil {
		r.routing.previous = &m
		r.notify()
	}
}

// planRoutingStay notes that the resource that has the option is planned to keep it. again is that of its planPass. It
// reports whether there is another one, which would have it, too, or whose removal would bring back another value.
func (r *run) planRoutingStay(enabled types.Bool, again bool) (clash bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	clash = r.routing.created != nil || r.routing.removed || r.routing.stays != nil && !again
	r.routing.stays = &enabled
	r.revision++
	return clash
}

// planRoutingCreation notes that a resource is planned to be created for the option. again is that of
// its planPass. It reports whether another one would have the option, too.
func (r *run) planRoutingCreation(enabled types.Bool, again bool) (clash bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := &r.routing
	clash = o.created != nil || o.stays != nil && !again
	o.removed = o.removed || o.stays != nil
	o.created, o.stays = &enabled, nil
	r.revision++
	return clash
}

// lockRouting is lockGateway for the option.
func (r *run) lockRouting(ctx context.Context) (o *routingRecord, unlock func(), err error) {
	unlock, err = r.locks.acquire(ctx, routingKey, r.traffic.wait)
	return &r.routing, unlock, err
}

// planRoutingRemoval notes that the resource that has the option is planned to go, and what the option is then. It reports
// whether another one keeps it.
func (r *run) planRoutingRemoval(m routingModel, after types.Bool) (clash bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routing.removed, r.routing.previous, r.routing.after = true, &m, after
	r.revision++
	r.notify()
	return r.routing.stays != nil
}

// routingQuiet is how long waitForPrevious waits in an apply that is quiet: Terraform begins with all that it can at once. It is
// shorter than quietTime, so that a policy that waits for what is under way does not go on before the option is written.
const routingQuiet = quietTime / 2

// waitForPrevious waits until a resource that has the option is known, or the process is quiet. The error is the context's.
func (r *run) waitForPrevious(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, overlapTime)
	defer cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.waitUntil(ctx, routingQuiet, func() bool { return r.routing.previous != nil })
	if errors.Is(err, errQuiet) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// previousRouting returns the state of a resource of this state that has a tenant's option, nil for none.
func (r *run) previousRouting(tenantID string) *routingModel {
	r.mu.Lock()
	defer r.mu.Unlock()
	if left := r.routing.previous; left != nil && left.ID.ValueString() == tenantID {
		return left
	}
	return nil
}

// noteRoutingRemoved notes that a resource that had the option is gone.
func (r *run) noteRoutingRemoved(m routingModel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routing.previous, r.routing.previousRemoved = &m, true
	r.notify()
}
