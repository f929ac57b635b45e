package appliance

import "time"

// TCPIdle and OtherIdle are how long a flow lives without a packet in either direction. RFC 4787, 5382 and
// 5508 ask more patience of translators; these are the product's design.
const (
	TCPIdle   = 5 * time.Minute
	OtherIdle = 30 * time.Second
)

// flow is one entry of the flow table. Its two keys say all of its translation:
// packets of one direction leave as the answers to packets of the other.
type flow struct {
	forth, back flowKey
	lastSeen    time.Time
	// prev and next are the neighbours in the flow's idle list.
	prev, next *flow
}

// idleList is a ring of flows with one idle time, through a head that is no flow:
// head.next is idle for longest. So expiry looks at the oldest flow alone.
type idleList struct {
	head flow
	idle time.Duration
}

// flowTable remembers what was let through. It is not safe for concurrent use.
type flowTable struct {
	max        int
	flows      map[flowKey]*flow // each flow by both of its keys
	count      int
	tcp, other idleList
	// crowded has the ports that are taken towards peers with many flows, by flowKey.peer.
	crowded map[flowKey]*portSet
}

func newFlowTable(limit int) *flowTable {
	t := &flowTable{max: limit, tcp: idleList{idle: TCPIdle}, other: idleList{idle: OtherIdle}}
	t.clear()
	return t
}

// clear empties the table.
func (t *flowTable) clear() {
	t.flows, t.crowded = map[flowKey]*flow{}, nil
	t.count = 0
	for _, l := range []*idleList{&t.tcp, &t.other} {
		l.head.prev, l.head.next = &l.head, &l.head
	}
}

func (t *flowTable) list(p Protocol) *idleList {
	if p == TCP {
		return &t.tcp
	}
	return &t.other
}

// expire removes the flows whose idle time is up. Every flow is removed once, so
// the cost per packet is constant in the long run. The clock must not run back.
func (t *flowTable) expire(now time.Time) {
	for _, l := range [...]*idleList{&t.tcp, &t.other} {
		for f := l.head.next; f != &l.head && now.Sub(f.lastSeen) >= l.idle; f = l.head.next {
			t.remove(f)
		}
	}
}

// removeFunc removes the flows for which a function returns true.
func (t *flowTable) removeFunc(remove func(*flow) bool) {
	for _, l := range [...]*idleList{&t.tcp, &t.other} {
		for f := l.head.next; f != &l.head; {
			next := f.next
			if remove(f) {
				t.remove(f)
			}
			f = next
		}
	}
}

func (t *flowTable) remove(f *flow) {
	f.unlink()
	delete(t.flows, f.forth)
	delete(t.flows, f.back)
	t.leave(f.forth)
	t.leave(f.back)
	t.count--
}

// touch notes a sign of life of a flow.
func (t *flowTable) touch(f *flow, now time.Time) {
	f.unlink()
	t.list(f.forth.protocol).push(f, now)
}

// other returns the key of the other direction.
func (f *flow) other(k *flowKey) *flowKey {
	if *k == f.forth {
		return &f.back
	}
	return &f.forth
}

// add enters the flow that a packet starts. It returns nil if there is no room.
//
// The packet keeps its source port, or its echo identifier, where no answer could
// then be taken for one of another flow. Otherwise it gets the next higher that is
// free in this sense, first 1,024 after 65,535 and first 1 after 1,023 (RFC 4787,
// REQ-3: well-known ports stay well-known). That is how connection tracking in
// Linux does it, and our decision: RFC 4787, REQ-1 would tie a port to one host
// whatever the destination, for the sake of peers that meet through a third party;
// those the flow table does not let in anyway.
//
// A port that is not free is met mostly with source NAT, and rarely with public IP
// rules, when one client uses one port for two public addresses of one server.
func (t *flowTable) add(arrived flowKey, r ruling, now time.Time) *flow {
	if t.count >= t.max {
		return nil
	}
	left := arrived
	if r.source != nil {
		left.source = r.source.address
	}
	if r.destination != nil {
		left.destination, left.destinationPort = r.destination.address, r.destination.port
	}
	back, found := t.freeAnswers(left, r.leaving)
	if !found {
		return nil
	}
	f := &flow{forth: arrived, back: back}
	t.flows[f.forth], t.flows[f.back] = f, f
	t.enter(f.forth)
	t.enter(f.back)
	t.count++
	t.list(arrived.protocol).push(f, now)
	return f
}

// freeAnswers returns how answers to a packet look that leaves through an interface, with the first source
// port that makes them different from all that is in the table.
func (t *flowTable) freeAnswers(left flowKey, leaving Interface) (back flowKey, found bool) {
	first, last := uint16(1024), uint16(65535)
	switch {
	case left.protocol.isEcho():
		first = 0
	case left.sourcePort < first:
		first, last = 1, 1023 // a port 0, which is in no range, comes before all of this one
	}
	port := left.sourcePort
	taken := t.crowdedPorts(left.answers(leaving))
	for looked := 0; taken == nil; looked++ {
		if back = left.answers(leaving); t.flows[back] == nil {
			return back, true
		}
		if looked == crowdedAfter {
			taken = t.portsOf(back)
			break
		}
		if left.sourcePort == last {
			left.sourcePort = first
		} else {
			left.sourcePort++
		}
	}
	if left.sourcePort, found = taken.free(port, last); !found {
		left.sourcePort, found = taken.free(first, last)
	}
	return left.answers(leaving), found
}

// push puts a flow at the end of the list.
func (l *idleList) push(f *flow, now time.Time) {
	f.lastSeen = now
	f.prev, f.next = l.head.prev, &l.head
	f.prev.next, f.next.prev = f, f
}

func (f *flow) unlink() {
	f.prev.next, f.next.prev = f.next, f.prev
}
