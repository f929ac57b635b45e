package appliance

import "math/bits"

// The next free source port of a flow is looked for one after the other, which ends soon as long as few
// flows have one peer. With thousands of them it does not: then the table keeps what ports towards the
// peer are taken, and finds the next free one in a few steps, however many are.

const (
	// crowdedAfter is how many ports are looked at one after the other. So many flows have the peer at least.
	crowdedAfter = 64
	// quietBelow is how few flows of a peer are not worth a set.
	quietBelow = 32
)

// portSet is a set of ports.
type portSet struct {
	taken [1 << 10]uint64 // a bit for each port
	full  [1 << 4]uint64  // a bit for each number of taken that has all bits
	count int
}

func (s *portSet) add(port uint16) {
	i, bit := port>>6, uint64(1)<<(port&63)
	if s.taken[i]&bit != 0 {
		return
	}
	s.count++
	if s.taken[i] |= bit; s.taken[i] == ^uint64(0) {
		s.full[i>>6] |= 1 << (i & 63)
	}
}

func (s *portSet) remove(port uint16) {
	i, bit := port>>6, uint64(1)<<(port&63)
	if s.taken[i]&bit == 0 {
		return
	}
	s.count--
	s.taken[i] &^= bit
	s.full[i>>6] &^= 1 << (i & 63)
}

// free returns the lowest port from first to last that is not in the set.
func (s *portSet) free(first, last uint16) (port uint16, found bool) {
	i := first >> 6
	rest := ^s.taken[i] >> (first & 63) << (first & 63)
	if rest == 0 { // the next number that has a bit left
		i++
		if i == uint16(len(s.taken)) {
			return 0, false
		}
		j := i >> 6
		open := ^s.full[j] >> (i & 63) << (i & 63)
		for open == 0 {
			if j++; j == uint16(len(s.full)) {
				return 0, false
			}
			open = ^s.full[j]
		}
		i = j<<6 | uint16(bits.TrailingZeros64(open)) // #nosec G115 -- up to 63
		rest = ^s.taken[i]
	}
	port = i<<6 | uint16(bits.TrailingZeros64(rest)) // #nosec G115 -- up to 63
	return port, port <= last
}

// peer splits a key into what the flows of one peer have in common and the port that tells them apart:
// where the answers to a packet go. Of an echo it is the identifier.
func (k flowKey) peer() (common flowKey, port uint16) {
	if k.protocol.isEcho() {
		port, k.sourcePort = k.sourcePort, 0
	} else {
		port, k.destinationPort = k.destinationPort, 0
	}
	return k, port
}

// crowdedPorts returns the ports that are taken towards the peer of a key, nil where they are not kept.
func (t *flowTable) crowdedPorts(k flowKey) *portSet {
	if len(t.crowded) == 0 {
		return nil
	}
	peer, _ := k.peer()
	return t.crowded[peer]
}

// enter and leave note that a key is in the table, or that it is not any more.
func (t *flowTable) enter(k flowKey) {
	if s := t.crowdedPorts(k); s != nil {
		_, port := k.peer()
		s.add(port)
	}
}

func (t *flowTable) leave(k flowKey) {
	s := t.crowdedPorts(k)
	if s == nil {
		return
	}
	peer, port := k.peer()
	if s.remove(port); s.count < quietBelow {
		delete(t.crowded, peer)
	}
}

// portsOf begins to keep the ports that are taken towards the peer of a key, of which there are many. It looks at
// every flow, once for at least crowdedAfter-quietBelow of them that have come.
func (t *flowTable) portsOf(k flowKey) *portSet {
	peer, _ := k.peer()
	s := &portSet{}
	for _, f := range t.all {
		for _, k := range [...]*flowKey{&f.forth, &f.back} {
			if other, port := k.peer(); other == peer {
				s.add(port)
			}
		}
	}
	if t.crowded == nil {
		t.crowded = map[flowKey]*portSet{}
	}
	t.crowded[peer] = s
	return s
}
