package rehearsal

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
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
		for _, a := range append([]netip.Addr{t.Source, t.Destination}, w.behind(t.Destination)...) {
			if err := w.ensure(a); err != nil {
				return fmt.Errorf("a host for %s: %w", a, err)
			}
		}
	}
	return w.connect()
}

// behind are the addresses that public IP rules for an address lead to.
func (w *world) behind(public netip.Addr) (list []netip.Addr) {
	for _, in := range w.scene.Appliances {
		for _, r := range in.PublicIPRules {
			if r.Public.Addr() == public {
				list = append(list, r.Internal.Addr())
			}
		}
	}
	return list
}

// tryOne sends one request, and compares what comes of it with the routing engine.
func (w *world) tryOne(t Try) (TryOutcome, error) {
	w.mu.Lock()
	scene, all := w.scene, w.compiled
	from := w.owner(t.Source)
	w.mu.Unlock()
	expected := scene.expected(all, t)
	if from == nil { // an address of the appliance itself
		return expected, nil
	}
	e := &expectation{protocol: t.Protocol, destination: t.Destination}
	answered, err := from.request(t, func(source netip.AddrPort) {
		e.source = source
		for _, r := range w.routers {
			r.watch.expect(e)
		}
	}, e.isDropped)
	if expected.Reason != vcc.ReasonSameNetwork { // what the kernel logged may come after the answer
		e.await()
	}
	for _, r := range w.routers {
		r.watch.forget(e)
	}
	if err != nil {
		return TryOutcome{}, fmt.Errorf("a request from %s to %s: %w", t.Source, t.Destination, err)
	}
	o := e.outcome(expected, answered)
	if o.Fault != "" { // what is stored may have changed meanwhile, and the kernel decides by that
		w.mu.Lock()
		scene, all = w.scene, w.compiled
		w.mu.Unlock()
		if now := e.outcome(scene.expected(all, t), answered); now.Fault == "" {
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

// expected is what the routing engine says of a try, with what lies around the appliances.
func (s Scene) expected(all compiled, t Try) TryOutcome {
	for _, site := range s.Site {
		if vcc.IsNetworkOrBroadcast(t.Destination, site) {
			return TryOutcome{Reason: vcc.ReasonInvalidPacket, Because: fmt.Sprintf("%s is the network or the broadcast address of %s, and no host's", t.Destination, site)}
		}
	}
	if s.neighbors(t.Source, t.Destination) {
		return TryOutcome{Reachable: true, Reason: vcc.ReasonSameNetwork, Because: "both are in one network, where hosts reach each other without the appliance"}
	}
	i := s.applianceFor(all, t)
	if i < 0 {
		return TryOutcome{Reason: vcc.ReasonNoRoute, Because: "there is no appliance"}
	}
	r := appliance.Reachability(all[i], t.Source, t.Destination, t.Protocol, t.Port)
	o := TryOutcome{Reachable: r.Reachable, Reason: r.Outcome(), Because: r.Explanation}
	if !r.Reachable {
		return o
	}
	ext0 := appliance.Ext0.String()
	arriving, leaving := r.Steps[0].Interface, r.Steps[len(r.Steps)-1].Interface
	for _, end := range []struct {
		outside bool
		address netip.Addr
	}{{arriving == ext0, t.Source}, {leaving == ext0 && r.Verdict == vcc.Forwarded && arriving != ext0, t.Destination}} {
		if !end.outside {
			continue
		}
		if reason, because := s.answersOutside(end.address); reason != "" {
			return TryOutcome{Reason: reason, Because: because}
		}
	}
	return o
}

// neighbors reports whether two hosts reach each other on a network by themselves.
func (s Scene) neighbors(a, b netip.Addr) bool {
	for _, m := range s.Machines {
		for _, n := range m.NICs {
			for _, p := range n.Addresses {
				if p.Addr() == a && p.Contains(b) {
					return slices.ContainsFunc(s.Machines, func(m Machine) bool { return m.hasNeighbor(n, b) })
				}
			}
		}
	}
	return false
}

// hasNeighbor reports whether a machine has an address on a NIC's network.
func (m Machine) hasNeighbor(n NIC, a netip.Addr) bool {
	return slices.ContainsFunc(m.NICs, func(o NIC) bool {
		return o.Appliance == n.Appliance && o.Interface == n.Interface && slices.ContainsFunc(o.Addresses, func(p netip.Prefix) bool { return p.Addr() == a })
	})
}

// applianceFor returns the appliance that a request meets, -1 where there is none: that of its source's
// network, or that through which the outside reaches its destination.
func (s Scene) applianceFor(all compiled, t Try) int {
	if i, _, found := all.networkOf(t.Source); found {
		return i
	}
	for i, in := range s.Appliances {
		if slices.ContainsFunc(in.PublicIPRules, func(r vcc.PublicIPRule) bool { return r.Public.Addr() == t.Destination }) {
			return i
		}
	}
	if i, found := s.neighbor(t.Destination); found {
		return i
	}
	if i, _, found := all.networkOf(t.Destination); found {
		return i
	}
	return min(0, len(all)-1)
}
