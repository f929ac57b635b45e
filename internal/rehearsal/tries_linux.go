package rehearsal

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// maxTries is how many tries are under way at once. Each has a thread.
const maxTries = 64

// try tries ways of checks. There is a host for every end that has none yet.
func (w *world) try(tries []Try) ([]TryOutcome, error) {
	if err := w.ensureEnds(tries); err != nil {
		return nil, err
	}
	outcomes, errs := make([]TryOutcome, len(tries)), make([]error, len(tries))
	places := make(chan struct{}, maxTries)
	var all sync.WaitGroup
	for i, t := range tries {
		places <- struct{}{}
		all.Go(func() {
			outcomes[i], errs[i] = w.tryOne(t)
			<-places
		})
	}
	all.Wait()
	return outcomes, errors.Join(errs...)
}

// ensureEnds makes a host for every end that has none.
func (w *world) ensureEnds(tries []Try) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range tries {
		for _, a := range append([]netip.Addr{t.Source, t.Destination}, w.tenant.Internal(t.Destination)...) {
			if err := w.ensure(a); err != nil {
				return fmt.Errorf("a host for %s: %w", a, err)
			}
		}
	}
	return w.connect()
}

// tryOne sends one request, and compares what comes of it with a trace.
func (w *world) tryOne(t Try) (TryOutcome, error) {
	w.mu.Lock()
	tenant, from := w.tenant, w.owner(t.Source)
	unheard := from == w.outside && w.owner(t.Destination) == w.outside && !tenant.HasPublicIPRule(t.Destination)
	w.mu.Unlock()
	want := expected(tenant, t)
	if from == nil || unheard { // of an appliance itself, or from outside to outside: no appliance hears of it
		return want, nil
	}
	e := &expectation{protocol: t.Protocol, destination: t.Destination}
	answered, err := from.request(t, func(source netip.AddrPort) {
		e.source = source
		for _, r := range w.routers {
			r.watch.expect(e)
		}
	}, e.isDropped)
	if want.Reason != vcc.ReasonSameNetwork { // what the kernel logged may come after the answer
		e.await()
	}
	for _, r := range w.routers {
		r.watch.forget(e)
	}
	if err != nil {
		return TryOutcome{}, fmt.Errorf("a request from %s to %s: %w", t.Source, t.Destination, err)
	}
	o := e.outcome(want, answered)
	if o.Fault != "" { // what is stored may have changed meanwhile, and the kernel decides by that
		w.mu.Lock()
		tenant = w.tenant
		w.mu.Unlock()
		if now := e.outcome(expected(tenant, t), answered); now.Fault == "" {
			return now, nil
		}
	}
	return o, nil
}

// outcome is what the kernel did, in the routing engine's words where both say the same.
func (e *expectation) outcome(expected TryOutcome, answered bool) TryOutcome {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := TryOutcome{Reachable: answered}
	switch {
	case !answered && e.dropped != nil:
		o.Reason = e.dropped.Reason
	case e.first != nil && (answered || expected.Reachable):
		o.Reason = e.first.Reason
	default: // no appliance had a part in it, or let it through to nobody
		o.Reason = expected.Reason
	}
	switch {
	case o.Reachable == expected.Reachable && o.Reason == expected.Reason:
		o.Because = expected.Because
	case o.Reachable:
		o.Because = "a program got an answer"
	case e.dropped != nil:
		o.Because = fmt.Sprintf("the appliance drops it, %s", o.Reason)
	default:
		o.Because = "no answer came"
	}
	if o.Reachable != expected.Reachable || o.Reason != expected.Reason {
		said := "not reachable"
		if expected.Reachable {
			said = "reachable"
		}
		o.Fault = fmt.Sprintf("backend trace says %s, %s: %s. That is a fault of this program; please report it with both", said, expected.Reason, expected.Because)
	}
	return o
}

// expected is what a trace says of a try.
func expected(tenant *appliance.Tenant, t Try) TryOutcome {
	r := tenant.Way(t.Question, t.Protocol, t.Source, t.Destination)
	return TryOutcome{Reachable: r.Reachable, Reason: r.Outcome(), Because: r.Explanation}
}
