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
// compiled: that happens before Configure, which swaps a pointer, and looks at the flows
// where addresses or routes are not what they were.
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
// policy would not let them start: what is forwarded between networks, internet access
// and public IP rules are policy.
//
// A flow ends where the appliance's own address on one of its two interfaces, or the route
// to one of its two ends, is not what it was. Interfaces are numbered, so a network that
// gets another number takes its address away from one interface to another, and its
// flows end (our decision). All other flows go on.
func (e *Engine) Configure(c *Compiled) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if ended := e.compiled.Load().Ended(c); ended != nil {
		e.flows.removeFunc(func(f *flow) bool { return ended(f.forth.arriving, f.forth.source.addr(), f.back.source.addr()) })
	}
	e.compiled.Store(c)
}

// sameWays reports whether two configurations have the same addresses and routes.
func sameWays(before, after *Compiled) bool {
	return slices.EqualFunc(before.Interfaces, after.Interfaces, sameInterface) &&
		slices.Equal(before.Routes, after.Routes) &&
		before.table.Equal(&after.table) // it has networks to which no route leads, too
}

func sameInterface(a, b vcc.ApplianceInterface) bool {
	return a.NetworkID == b.NetworkID && slices.Equal(a.Addresses, b.Addresses)
}

// Ended says which flows end when an appliance gets another configuration: those for which
// the function returns true. arriving and source are how the packets of the flow that began it arrive, and
// destination is where they go, after translation. The function is nil if no flow ends.
func (c *Compiled) Ended(after *Compiled) func(arriving Interface, source, destination netip.Addr) bool {
	if sameWays(c, after) {
		return nil
	}
	// What arrives in one direction is where the packets of the other one go.
	return func(arriving Interface, source, destination netip.Addr) bool {
		leaving, _ := c.table.Lookup(destination)
		return leaving.via == unreachable || c.wayTo(arriving, source) != after.wayTo(arriving, source) ||
			c.wayTo(leaving.via, destination) != after.wayTo(leaving.via, destination)
	}
}

// way is how an appliance reaches an address through one of its interfaces.
type way struct {
	networkID string
	own       netip.Prefix // the appliance's own address there, of the family
	to        place
	routed    bool
	gateway   netip.Addr // of the route through ext0
}

func (c *Compiled) wayTo(i Interface, a netip.Addr) way {
	if int(i) >= len(c.Interfaces) {
		return way{}
	}
	here := &c.Interfaces[i]
	w := way{networkID: here.NetworkID}
	for _, own := range here.Addresses {
		if own.Addr().Is4() == a.Is4() {
			w.own = own
		}
	}
	w.to, w.routed = c.table.Lookup(a)
	w.to.plan = 0 // that is policy
	if i == Ext0 {
		w.gateway, w.routed = c.external[familyOf(a)].routeTo(a)
	}
	return w
}

// Reset takes the configuration away and forgets every flow, as undo does and as a
// new failover begins.
func (e *Engine) Reset() {
	empty := Compile(vcc.ApplianceInputs{})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.flows.removeFunc(func(*flow) bool { return true })
	e.compiled.Store(empty)
}

// Decide says what becomes of a packet and remembers the flow it belongs to. It
// allocates only to enter a flow.
func (e *Engine) Decide(p Packet) Decision {
	d, _ := e.DecideFlow(p)
	return d
}

// DecideFlow decides a packet as Decide does, and returns the flow that it belongs to if it is forwarded.
func (e *Engine) DecideFlow(p Packet) (Decision, Flow) {
	e.mu.Lock()
	defer e.mu.Unlock()
	d, _, f := e.flows.decide(e.compiled.Load(), &p, e.now())
	return d, f
}

// GoesOn decides another packet like the one for which DecideFlow returned the flow: of the same source and destination, on
// the same interface. Its hop limit is at least 2. True is the decision that Decide would come to, which is to
// forward it as one of a known flow, and as the last one; this costs a fraction of it. False leaves everything as it was:
// the flow has ended, and the packet is for DecideFlow.
func (e *Engine) GoesOn(f Flow) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.flows.goesOn(f, e.now())
}

// decide decides a packet at a time, and returns the ruling behind the decision and the flow of a packet that is forwarded.
//
// A packet that is dropped starts no flow and is no sign of life of one (our
// decision).
func (t *flowTable) decide(c *Compiled, p *Packet, now time.Time) (Decision, ruling, Flow) {
	t.expire(now)
	r := ruling{outcome: &invalidPacket}
	var f Flow
	var key flowKey
	var answers *flowKey // how the packets of the other direction arrive
	if key.set(p) {
		if i, known := t.flows[key]; !known {
			r = c.first(p, &key)
			if r.verdict == vcc.Forwarded {
				if i, added := t.add(key, r, now); added {
					f = Flow{i, t.entries[i].generation}
					answers = &t.entries[i].back
				} else {
					r = ruling{outcome: &flowTableFull}
				}
			}
		} else if p.HopLimit <= 1 {
			r = ruling{outcome: &hopLimitExceeded}
		} else if answers = t.entries[i].other(&key); !c.hasRoute(answers) {
			r = ruling{outcome: &noRouteBack}
		} else {
			f = Flow{i, t.entries[i].generation}
			t.touch(i, now)
			r = ruling{outcome: &knownFlow}
		}
	}
	d := Decision{Verdict: r.verdict, Reason: r.reason, HopLimit: p.HopLimit, Source: p.Source, Destination: p.Destination}
	if f != (Flow{}) {
		// It leaves as what the packets of the other direction answer to.
		left := answers.answers(answers.arriving)
		d.Leaving, d.HopLimit = answers.arriving, p.HopLimit-1
		d.Source = netip.AddrPortFrom(left.source.addr(), left.sourcePort)
		d.Destination = netip.AddrPortFrom(left.destination.addr(), left.destinationPort)
	}
	return d, r, f
}

// hasRoute reports whether the appliance has a route to where the packets of a direction
// come from. Those of a network have one as long as the flow lives. What came in from outside
// by a public IP rule may have none: without an external gateway.
func (c *Compiled) hasRoute(answers *flowKey) bool {
	if answers.arriving != Ext0 {
		return true
	}
	source := answers.source.addr()
	external := &c.external[familyOf(source)]
	if external.gateway.IsValid() {
		return true
	}
	_, ok := external.routeTo(source)
	return ok
}
