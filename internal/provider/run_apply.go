package provider

import (
	"context"
	"errors"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// handover is what became of a network's gateway in this run, where a resource that is created takes
// the gateway over from one that is removed. Terraform does both in any order and at the same time. It is
// read and written under the network's lock.
type handover struct {
	// removedGateway is the gateway that the removal took away, nil before that and once a creation was tried.
	removedGateway *vcc.DefaultGateway
	// creationPlanned says that a creation over the stored gateway was planned in this run and has not been tried
	// yet. The removal leaves the gateway to it, which leftToCreation says.
	creationPlanned, leftToCreation bool
	// takenOver and creationFailed say that a creation took the stored gateway over, and that one could not.
	takenOver, creationFailed bool
}

// lockGateway waits until nobody else is at work on a network's gateway. The caller calls unlock when it is done.
// The error is the context's.
func (r *run) lockGateway(ctx context.Context, networkID string) (h *handover, unlock func(), err error) {
	unlock, err = r.locks.acquire(ctx, networkID, r.traffic.wait)
	r.mu.Lock()
	defer r.mu.Unlock()
	return &r.record(networkID).handover, unlock, err
}

// comeback is what became in this run of a detected gateway that a vcc_default_gateways removed when it was created, and brings
// back when it goes.
type comeback struct {
	// over says that the removal was applied, or failed.
	over bool
	// revision is that of the gateway that came back, 0 for none.
	revision int64
}

// noteComebacks notes that the removal of a vcc_default_gateways is over, by the normal form of the names of networks with the revision of
// what came back, 0 for nothing.
func (r *run) noteComebacks(revisions map[string]int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, revision := range revisions {
		r.comebacks[name] = &comeback{over: true, revision: revision}
	}
	r.notify()
}

// cameBack returns the revision of the detected gateway that a removal of this apply brought back to a network, 0 for none. Where the
// removal may come yet it waits: what comes back first is not lost, because it belongs to what is created in its place.
func (r *run) cameBack(ctx context.Context, network string) (revision int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := func() *comeback { return r.comebacks[vcc.NormalName(network)] }
	if c() == nil {
		return 0, nil
	}
	if err = r.waitUntil(ctx, graceTime, func() bool { return c().over }); errors.Is(err, errQuiet) {
		err = nil
	}
	return c().revision, err
}

// awaitComebacks waits until every removal is over that may bring back a detected gateway to one of the networks of a scope.
func (r *run) awaitComebacks(ctx context.Context, key string, networks *cloudNetworks) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.waitUntil(ctx, graceTime, func() bool {
		for name, c := range r.comebacks {
			if n := networks.named(name); n != nil && inScope(key, n.HardwarePlanName) && !c.over {
				return false
			}
		}
		return true
	})
	if errors.Is(err, errQuiet) {
		return nil
	}
	return err
}

// refuse notes that a creation over a stored gateway was refused: it will not be tried.
func (r *run) refuse(ctx context.Context, networkID string) error {
	h, unlock, err := r.lockGateway(ctx, networkID)
	if err == nil {
		h.creationPlanned, h.creationFailed = false, true
		unlock()
	}
	return err
}

// isApplying reports whether something was applied.
func (r *run) isApplying() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.applying
}

// graceTime is how long a write waits for others that have not begun: an apply goes on at once.
const graceTime = 250 * time.Millisecond

// writes counts the calls that applied something and are over.
func (r *run) writes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.applied
}

// afterWrites waits until more calls than before have applied something. errQuiet: none does any more but those
// that wait as well. Else the error is the context's.
func (r *run) afterWrites(ctx context.Context, before int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waitUntil(ctx, graceTime, func() bool { return r.applied > before })
}

// retryConflict carries out a write. Where something else has what is to be written it tries again as long as other
// calls of this process may free it: Terraform writes in any order, and the plan has seen that it fits in the end.
func retryConflict[T any](ctx context.Context, r *run, write func() (T, error)) (T, error) {
	patience, cancel := context.WithTimeout(ctx, overlapTime)
	defer cancel()
	for {
		before := r.writes()
		written, err := write()
		if vcc.Code(err) != vcc.CodeConflict || r.afterWrites(patience, before) != nil {
			return written, err
		}
	}
}

// overlapTime is how long a write waits for IP networks that others have.
const overlapTime = 10 * time.Second
