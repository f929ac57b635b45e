package provider

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

// routingRecord is what a run knows of the tenant's one routing option, as networkRecord is of a gateway.
type routingRecord struct {
	// stays and created are what the resource that has the option, and one that is created, are planned
	// to make of it; nil for none.
	stays, created *types.Bool
	// removed says that the resource that has it is planned to go, and after what the option is then.
	removed bool
	after   types.Bool

	// turn is held by whoever looks at the option to write it.
	turn chan struct{}
	// left is the state of a resource that gives the option up: it was decoded, which in an apply
	// happens right before the removal, or was removed in this run, which gone says.
	left *routingModel
	gone bool
	// done and failed say that a creation took the option over from a resource that is still to be removed, and
	// that one failed to.
	done, failed bool
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

// decodedRouting notes that a state of the option was decoded.
func (r *run) decodedRouting(m routingModel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.routing.left == nil {
		r.routing.left = &m
		r.wake()
	}
}

// planRoutingStay notes that the resource that has the option is planned to keep it. It reports whether
// there is another one, which would have it, too, or whose removal would bring back another value.
func (r *run) planRoutingStay(enabled types.Bool) (clash bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routing.stays = &enabled
	r.revision++
	return r.routing.created != nil || r.routing.removed
}

// planRoutingCreation notes that a resource is planned to be created for the option. again is what planning
// reported. It reports whether another one would have the option, too.
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

// takeRoutingTurn is takeTurn for the option.
func (r *run) takeRoutingTurn(ctx context.Context) (o *routingRecord, end func(), err error) {
	r.mu.Lock()
	if r.routing.turn == nil {
		r.routing.turn = make(chan struct{}, 1)
	}
	r.mu.Unlock()
	end, err = r.take(ctx, r.routing.turn)
	return &r.routing, end, err
}

// planRoutingRemoval notes that the resource that has the option is planned to go, and what the option is then. It reports
// whether another one keeps it.
func (r *run) planRoutingRemoval(m routingModel, after types.Bool) (clash bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routing.removed, r.routing.left, r.routing.after = true, &m, after
	r.revision++
	r.wake()
	return r.routing.stays != nil
}

// routingQuiet is how long routingLeft waits in an apply that is quiet: Terraform begins with all that it can at once. It is
// shorter than quietTime, so that a policy that waits for what is under way does not go on before the option is written.
const routingQuiet = quietTime / 2

// routingLeft waits until a resource that has the option is known, or the process is quiet. The error is the context's.
func (r *run) routingLeft(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, overlapTime)
	defer cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.until(ctx, routingQuiet, func() bool { return r.routing.left != nil })
	if errors.Is(err, errQuiet) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// routingOf returns the state of a resource of this state that has a tenant's option, nil for none.
func (r *run) routingOf(tenantID string) *routingModel {
	r.mu.Lock()
	defer r.mu.Unlock()
	if left := r.routing.left; left != nil && left.ID.ValueString() == tenantID {
		return left
	}
	return nil
}

// routingRemoved notes that a resource that had the option is gone.
func (r *run) routingRemoved(m routingModel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routing.left, r.routing.gone = &m, true
	r.wake()
}
