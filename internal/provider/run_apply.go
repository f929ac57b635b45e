package provider

import (
	"context"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
)

// handover is what became of a network's gateway in this run, where a resource that is created takes
// the gateway over from one that is removed. Terraform does both in any order and at the same time.
type handover struct {
	// turn is held by whoever looks at the gateway to write it; nil until somebody does.
	turn chan struct{}
	// taken is the gateway that the removal took away, nil before that and once a creation was tried.
	taken *httpapi.DefaultGateway
	// expected says that a creation over the stored gateway was planned in this run and has not been tried yet:
	// the removal leaves the gateway to it, which left says.
	expected, left bool
	// done and failed say that a creation took the stored gateway over, and that one could not.
	done, failed bool
}

// takeTurn waits until nobody else is at work on a network's gateway. The caller calls end when it is done.
// The error is the context's.
func (r *run) takeTurn(ctx context.Context, networkID string) (h *handover, end func(), err error) {
	r.mu.Lock()
	h = &r.record(networkID).handover
	if h.turn == nil {
		h.turn = make(chan struct{}, 1)
	}
	r.mu.Unlock()
	end, err = r.take(ctx, h.turn)
	return h, end, err
}

// refuse notes that a creation over a stored gateway was refused: it will not be tried.
func (r *run) refuse(ctx context.Context, networkID string) error {
	h, end, err := r.takeTurn(ctx, networkID)
	if err == nil {
		h.expected, h.failed = false, true
		end()
	}
	return err
}

// take waits for a turn, which holds one at a time.
func (r *run) take(ctx context.Context, turn chan struct{}) (end func(), err error) {
	end = func() { <-turn }
	select {
	case turn <- struct{}{}:
		return end, nil
	default:
	}
	defer r.traffic.wait()()
	select {
	case turn <- struct{}{}:
		return end, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
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
	return r.until(ctx, graceTime, func() bool { return r.applied > before })
}
