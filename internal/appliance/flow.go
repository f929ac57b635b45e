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
	// prev and next are the neighbours in the flow's idle list. next of an entry that is free is the next free one.
	prev, next int32
	// generation is how many flows the entry has had. That of a free entry counts the next one already.
	generation uint32
}

// Flow names a flow that an engine let through. The zero value names none, and so does one whose flow has ended.
type Flow struct {
	index      int32
	generation uint32
}

// The idle lists are rings of flows with one idle time, through a head that is no flow: what comes after the head is
// idle for longest. So expiry looks at the oldest flow alone.
const (
	tcpIdle   = 0 // the heads, as indexes in flowTable.entries
	otherIdle = 1
	idleLists = 2
)

// flowTable remembers what was let through. It is not safe for concurrent use.
type flowTable struct {
	max int
	// entries has the flows, those that are free, and before them the heads of the idle lists. It has no pointers to
	// others, so that garbage collection need not follow any, and an index stays good when it grows.
	entries []flow
	free    int32             // the first entry that is free, 0 for none
	flows   map[flowKey]int32 // each flow by both of its keys
	count   int
	// crowded has the ports that are taken towards peers with many flows, by flowKey.peer.
	crowded map[flowKey]*portSet
}

func newFlowTable(limit int) *flowTable {
	t := &flowTable{max: limit, entries: make([]flow, idleLists, idleLists+1), flows: map[flowKey]int32{}}
	for l := range int32(idleLists) {
		t.entries[l].prev, t.entries[l].next = l, l
	}
	return t
}

// idleListOf returns the idle list of a protocol.
func idleListOf(p Protocol) int32 {
	if p == TCP {
		return tcpIdle
	}
	return otherIdle
}

// expire removes the flows whose idle time is up. Every flow is removed once, so
// the cost per packet is constant in the long run. The clock must not run back.
func (t *flowTable) expire(now time.Time) {
	for l, idle := range [idleLists]time.Duration{tcpIdle: TCPIdle, otherIdle: OtherIdle} {
		for {
			i := t.entries[l].next
			if i < idleLists || now.Sub(t.entries[i].lastSeen) < idle {
				break
			}
			t.remove(i)
		}
	}
}

// all iterates over the flows. The one that it is at may be removed.
func (t *flowTable) all(yield func(i int32, f *flow) bool) {
	for l := range int32(idleLists) {
		for i := t.entries[l].next; i != l; {
			f := &t.entries[i]
			next := f.next
			if !yield(i, f) {
				return
			}
			i = next
		}
	}
}

// removeFunc removes the flows for which a function returns true.
func (t *flowTable) removeFunc(remove func(*flow) bool) {
	for i, f := range t.all {
		if remove(f) {
			t.remove(i)
		}
	}
}

func (t *flowTable) remove(i int32) {
	t.unlink(i)
	f := &t.entries[i]
	delete(t.flows, f.forth)
	delete(t.flows, f.back)
	t.leave(f.forth)
	t.leave(f.back)
	f.generation++
	f.next, t.free = t.free, i
	t.count--
}

// goesOn notes another packet of a flow, and reports whether the flow is still there.
func (t *flowTable) goesOn(f Flow, now time.Time) bool {
	t.expire(now)
	if f.generation == 0 || t.entries[f.index].generation != f.generation {
		return false
	}
	t.touch(f.index, now)
	return true
}

// touch notes a sign of life of a flow.
func (t *flowTable) touch(i int32, now time.Time) {
	l := idleListOf(t.entries[i].forth.protocol)
	if t.entries[l].prev == i { // it is the last already
		t.entries[i].lastSeen = now
		return
	}
	t.unlink(i)
	t.push(l, i, now)
}

// push puts a flow at the end of an idle list.
func (t *flowTable) push(l, i int32, now time.Time) {
	f, head := &t.entries[i], &t.entries[l]
	f.lastSeen = now
	f.prev, f.next = head.prev, l
	t.entries[head.prev].next, head.prev = i, i
}

func (t *flowTable) unlink(i int32) {
	f := &t.entries[i]
	t.entries[f.prev].next, t.entries[f.next].prev = f.next, f.prev
}

// other returns the key of the other direction.
func (f *flow) other(k *flowKey) *flowKey {
	if *k == f.forth {
		return &f.back
	}
	return &f.forth
}

// add enters the flow that a packet starts. There may be no room for it.
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
func (t *flowTable) add(arrived flowKey, r ruling, now time.Time) (i int32, added bool) {
	if t.count >= t.max {
		return 0, false
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
		return 0, false
	}
	i = t.room()
	f := &t.entries[i]
	f.forth, f.back = arrived, back
	t.flows[arrived], t.flows[back] = i, i
	t.enter(arrived)
	t.enter(back)
	t.count++
	t.push(idleListOf(arrived.protocol), i, now)
	return i, true
}

// room returns the index of an entry that is free.
func (t *flowTable) room() int32 {
	i := t.free
	if i == 0 {
		t.entries = append(t.entries, flow{generation: 1})
		return int32(len(t.entries) - 1) // #nosec G115 -- far fewer than there are pairs of an address and a port
	}
	t.free = t.entries[i].next
	return i
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
		back = left.answers(leaving)
		if _, taken := t.flows[back]; !taken {
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
