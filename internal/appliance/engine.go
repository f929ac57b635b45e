package appliance

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// DefaultMaxFlows is room for the flows of a site; it is also what Linux gives
// connection tracking on a small machine.
const DefaultMaxFlows = 65536

// Engine is an appliance at work: a configuration and the flows that passed. It is
// safe for concurrent use. Deciding never waits for a configuration to be
// compiled: that happens before Configure, which only swaps a pointer and looks
// whether the networks are the same.
type Engine struct {
	compiled atomic.Pointer[Compiled]
	now      func() time.Time

	mu    sync.Mutex // guards flows, and keeps them in step with compiled
	flows *flowTable
}

// NewEngine returns an engine that is not configured and drops every packet. It
// remembers up to maxFlows flows; without room for any nothing is forwarded. The
// clock now is called once for every packet and must not run back; time.Now is
// such a clock.
func NewEngine(maxFlows int, now func() time.Time) *Engine {
	e := &Engine{now: now, flows: newFlowTable(maxFlows)}
	e.compiled.Store(Compile(vcc.ApplianceInputs{}))
	return e
}

// Compiled returns the configuration that packets are decided against, for Trace
// and Reachability.
func (e *Engine) Compiled() *Compiled { return e.compiled.Load() }

// Configure replaces the configuration by one that Compile made, as a change during
// a failover does (D19). Known flows go on as they are, even where the new
// policy would not let them start.
//
// Interfaces are numbered, so flows end where the first networks are not those they
// were: an appliance with other vNICs is another appliance (our decision). Networks
// that are added at the end end no flow.
func (e *Engine) Configure(c *Compiled) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !sameNetworks(e.compiled.Load(), c) {
		e.flows.clear()
	}
	e.compiled.Store(c)
}

func sameNetworks(before, after *Compiled) bool {
	return len(before.Interfaces) <= len(after.Interfaces) &&
		slices.EqualFunc(before.Interfaces, after.Interfaces[:len(before.Interfaces)],
			func(a, b vcc.ApplianceInterface) bool { return a.NetworkID == b.NetworkID })
}

// Reset takes the configuration away and forgets every flow, as undo does and as a
// new failover begins.
func (e *Engine) Reset() {
	empty := Compile(vcc.ApplianceInputs{})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.flows.clear()
	e.compiled.Store(empty)
}

// Decide says what becomes of a packet and remembers the flow it belongs to. It
// allocates only to enter a flow.
func (e *Engine) Decide(p Packet) Decision {
	e.mu.Lock()
	defer e.mu.Unlock()
	d, _ := e.flows.decide(e.compiled.Load(), &p, e.now())
	return d
}

// decide decides a packet at a time, and returns the ruling behind the decision.
//
// A packet that is dropped starts no flow and is no sign of life of one (our
// decision).
func (t *flowTable) decide(c *Compiled, p *Packet, now time.Time) (Decision, ruling) {
	t.expire(now)
	r := ruling{outcome: &invalidPacket}
	var f *flow
	var key flowKey
	if key.set(p) {
		if f = t.flows[key]; f == nil {
			r = c.first(p, &key)
			if r.verdict == vcc.Forwarded {
				if f = t.add(key, r, now); f == nil {
					r = ruling{outcome: &flowTableFull}
				}
			}
		} else if p.HopLimit <= 1 {
			f, r = nil, ruling{outcome: &hopLimitExceeded}
		} else {
			t.touch(f, now)
			r = ruling{outcome: &knownFlow}
		}
	}
	d := Decision{Verdict: r.verdict, Reason: r.reason, HopLimit: p.HopLimit, Source: p.Source, Destination: p.Destination}
	if f != nil {
		// It leaves as what the packets of the other direction answer to.
		answers := f.other(&key)
		left := answers.answers(answers.arriving)
		d.Leaving, d.HopLimit = answers.arriving, p.HopLimit-1
		d.Source = netip.AddrPortFrom(left.source.addr(), left.sourcePort)
		d.Destination = netip.AddrPortFrom(left.destination.addr(), left.destinationPort)
	}
	return d, r
}
