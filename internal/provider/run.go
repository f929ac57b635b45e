package provider

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gaissmai/bart"
	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// quietTime is how long no call comes before a walk of Terraform's is taken to have planned
// all that it can: Terraform calls for the next resource within milliseconds.
const quietTime = time.Second

// traffic is what one provider process is being asked. It is safe for concurrent use.
type traffic struct {
	now func() time.Time

	mu sync.Mutex
	// calls counts those under way, waiting those of them that wait for others.
	calls, waiting int
	// last is when a call began, ended or stopped waiting.
	last time.Time
}

func newTraffic() *traffic { return &traffic{now: time.Now} }

// begin notes a call; the caller calls end when it is over.
func (t *traffic) begin() (end func()) {
	t.count(1, 0)
	return func() { t.count(-1, 0) }
}

// wait notes that a call waits for others; the caller calls resume when it no longer does.
func (t *traffic) wait() (resume func()) {
	t.count(0, 1)
	return func() { t.count(0, -1) }
}

func (t *traffic) count(calls, waiting int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls += calls
	t.waiting += waiting
	if waiting <= 0 {
		t.last = t.now()
	}
}

// untilQuiet returns how long it takes until every call that is under way has waited, and none
// has come, for a period: 0 if that is so now. While a call is at work it is the whole period.
func (t *traffic) untilQuiet(period time.Duration) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.calls > t.waiting {
		return period
	}
	return max(0, period-t.now().Sub(t.last))
}

// run is the record of what a provider was asked since it was configured, which is one walk
// of Terraform's: a plan, or an apply, in which every creation is planned again. Terraform
// plans resources one by one and in any order; what several of them mean together is
// found here. It is safe for concurrent use.
type run struct {
	traffic *traffic
	// locks has the locks of networks, by their ID, and that of the routing option, by routingKey.
	locks locks

	mu sync.Mutex
	// changed is closed and replaced when somebody who waits should look again.
	changed chan struct{}
	// applying is set by the first call that applies something.
	applying bool
	// applied counts the calls that applied something and are over.
	applied int
	// unplanned counts configurations that were validated and are about to be planned.
	unplanned map[string]int
	// moving has what resources give up that were planned to be replaced by something else, and are about to be planned
	// again from nothing. It has them by what they are to be for, as unplanned has.
	moving map[string][][]string
	// networks has what is known of each network that was asked about, by its ID.
	networks map[string]*networkRecord
	// plannedNetworks has the IP networks that gateways are planned to have which have others now, by host, with the
	// IDs of the cloud networks that they were planned for.
	plannedNetworks map[string]*bart.Table[[]string]
	routing         routingRecord
	// failoverPlans has what is known of each failover plan that was asked about, by the normal form of its name.
	failoverPlans map[string]*failoverPlanRecord
	// planConflicts are those of failover plans that are not decided; planConflictsAwaited says that a call waits until they are.
	planConflicts        []*planConflict
	planConflictsAwaited bool
	// scopes has what a vcc_default_gateways was planned for, by its key.
	scopes map[string]*scopeRecord
	// comebacks has what is known of the networks that a vcc_default_gateways removed a detected gateway from when it was created, by
	// the normal form of their names.
	comebacks map[string]*comeback
	// reads says that the state of some resource was read, as in a plan that refreshes.
	reads bool
	// unplaced are those of planUnplaced.
	unplaced []string
	// revision counts the changes of what is planned.
	revision int
	// judges are asked about every plan.
	judges    []judge
	conflicts conflicts
}

func newRun(t *traffic) *run {
	return &run{
		traffic: t, changed: make(chan struct{}),
		unplanned: map[string]int{}, moving: map[string][][]string{}, networks: map[string]*networkRecord{}, failoverPlans: map[string]*failoverPlanRecord{},
		plannedNetworks: map[string]*bart.Table[[]string]{}, scopes: map[string]*scopeRecord{}, comebacks: map[string]*comeback{}, conflicts: newConflicts(map[string]map[string]bool{}),
	}
}

// judge says what is wrong with a plan that was just noted: of the gateways of the networks with some IDs, of the failover
// plans of some planSubjects, of the routing option, by routingKey, or of what planUnplaced noted.
type judge func(ctx context.Context, subjects []string) diag.Diagnostics

// onPlan has every plan of a gateway, a failover plan or the routing option judged from now on, after it was noted.
// What the judge says stands at the resource that is being planned. It may wait with waitSettled.
func (r *run) onPlan(j judge) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.judges = append(r.judges, j)
}

// judge asks those who registered about what was just planned.
func (r *run) judge(ctx context.Context, subjects ...string) (diags diag.Diagnostics) {
	r.mu.Lock()
	judges := r.judges
	r.mu.Unlock()
	for _, judge := range judges {
		diags.Append(judge(ctx, subjects)...)
	}
	return diags
}

// waitSettled waits until the run is known to apply, or until nothing but calls that wait is left to
// plan. applying says which: what an apply plans again has been planned, and judged, before.
func (r *run) waitSettled(ctx context.Context) (applying bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err = r.waitUntil(ctx, quietTime, func() bool { return r.applying })
	if errors.Is(err, errQuiet) {
		err = nil
	}
	return r.applying, err
}

// waitQuiet waits until no call is at work but those that wait. applying says whether something was
// applied; the error is ctx's.
func (r *run) waitQuiet(ctx context.Context) (applying bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err = r.waitUntil(ctx, quietTime, func() bool { return false }); errors.Is(err, errQuiet) {
		err = nil
	}
	return r.applying, err
}

// errQuiet is why a wait ended that nothing will end any more.
var errQuiet = errors.New("nothing else is under way")

// waitUntil waits until done, which is called with the lock held. errQuiet: no other call was under
// way for a period, other than those that wait. Else the error is the context's. The lock is
// held before and after, and not in between.
func (r *run) waitUntil(ctx context.Context, period time.Duration, done func() bool) error {
	if done() {
		return nil
	}
	defer r.traffic.wait()()
	for !done() {
		rest := r.traffic.untilQuiet(period)
		if rest == 0 {
			return errQuiet
		}
		changed := r.changed
		r.mu.Unlock()
		timer := time.NewTimer(rest)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		r.mu.Lock()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// notify has those who wait look again. The lock is held.
func (r *run) notify() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// noteApply notes a call that applies something; the caller calls end when it is over.
func (r *run) noteApply() (end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.applying {
		r.applying = true
		r.notify()
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.applied++
		r.notify()
	}
}

// noteValidated notes that a configuration was validated, which Terraform does right before it plans
// the resource. resource names the resource by what it is for.
func (r *run) noteValidated(resource string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unplanned[resource]++
}

// planPass says which of a resource's plannings one is.
type planPass struct {
	// again says that the configuration was planned before without having been validated anew. Terraform does so when it
	// replaces a resource: it plans first from the old to the new one and then from nothing to the new one
	// (NodeAbstractResourceInstance.plan, in Terraform and in OpenTofu).
	again bool
	// moved says that this is the second planning of a resource that has something else now: gives has what that is.
	moved bool
	gives []string
}

// replacesItself reports whether the resource was planned to keep what it is for, and is to be made anew for the same.
func (p planPass) replacesItself() bool { return p.again && !p.moved }

// notePlanning notes that a configuration is planned; creating says that this is from nothing.
func (r *run) notePlanning(resource string, creating bool) (p planPass) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.unplanned[resource] {
	case 0:
		p.again = true
		if moving := r.moving[resource]; creating && len(moving) > 0 {
			// One that keeps the same is in the way of any of these, so which one comes first is no matter.
			p.moved, p.gives = true, moving[0]
			r.moving[resource] = moving[1:]
		}
	case 1:
		delete(r.unplanned, resource)
	default:
		r.unplanned[resource]--
	}
	return p
}

// isTainted reports whether a resource whose state was decoded, and of which nothing is planned, is one that is tainted, and so made anew:
// Terraform plans it once, from nothing to the new one. A plan that refreshes reads it before; one that a removed block lets go of
// Terraform decodes, and does not read. OpenTofu reads that, too, and so tells its drift. Where nothing is read there is no telling.
// The lock is held.
func (r *run) isTainted(decoded, read bool) bool { return decoded && (read || !r.reads) }

// noteMoving notes that a resource is planned to be replaced because its configuration is for something else than what
// it has, which is what it gives up. Terraform plans it again.
func (r *run) noteMoving(resource string, gives ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moving[resource] = append(r.moving[resource], gives)
}
