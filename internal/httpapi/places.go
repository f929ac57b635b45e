package httpapi

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// No place was free, and as many wait for one already as may: under one key, or under all together.
var (
	errCrowded = errors.New("as many requests of this key wait already as may")
	errFull    = errors.New("as many requests wait already as may")
)

// places are for requests at work, and bounded. Each key has a share of them. Who waits gets a place
// by turns, one key after the other: a crowd under one key keeps nobody else waiting. Places are
// safe for concurrent use.
type places struct {
	total, share int
	// line is how many may wait under one key, and lines how many under all together.
	line, lines int

	mu             sync.Mutex
	taken, waiting int
	keys           map[string]*keyPlaces
	turns          []*keyPlaces // those with somebody waiting, who comes next first
}

// keyPlaces are the places of one key.
type keyPlaces struct {
	key     string
	taken   int
	waiting []chan struct{} // each closed with its turn, in the order of arrival
}

func newPlaces(total, share int) *places {
	total = max(total, 1)
	share = max(min(share, total), 1)
	return &places{total: total, share: share, line: 16 * total, lines: 64 * total, keys: map[string]*keyPlaces{}}
}

// take waits for a place until ctx ends, with its error. The caller gives it back. errCrowded or errFull: too
// many wait already.
func (p *places) take(ctx context.Context, key string) error {
	p.mu.Lock()
	k := p.keys[key]
	if k == nil {
		k = &keyPlaces{key: key}
		p.keys[key] = k
	}
	if p.taken < p.total && k.taken < p.share { // then nobody waits who could have it
		p.taken++
		k.taken++
		p.mu.Unlock()
		return nil
	}
	var refused error
	if len(k.waiting) == p.line {
		refused = errCrowded
	} else if p.waiting == p.lines {
		refused = errFull
	}
	if refused != nil {
		p.forget(k)
		p.mu.Unlock()
		return refused
	}
	turn := make(chan struct{})
	if k.waiting = append(k.waiting, turn); len(k.waiting) == 1 {
		p.turns = append(p.turns, k)
	}
	p.waiting++
	p.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(k.waiting, turn); i >= 0 {
		k.waiting = slices.Delete(k.waiting, i, i+1)
		p.waiting--
		if len(k.waiting) == 0 {
			p.turns = slices.DeleteFunc(p.turns, func(other *keyPlaces) bool { return other == k })
		}
		p.forget(k)
	} else { // its turn came at the same moment
		p.leave(k)
	}
	return ctx.Err()
}

// give gives a place of a key back.
func (p *places) give(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leave(p.keys[key])
}

func (p *places) leave(k *keyPlaces) {
	p.taken--
	k.taken--
	p.forget(k)
	for i := 0; i < len(p.turns) && p.taken < p.total; {
		next := p.turns[i]
		if next.taken == p.share { // it takes its turn when it gives a place of its own back
			i++
			continue
		}
		close(next.waiting[0])
		next.waiting = next.waiting[1:]
		next.taken++
		p.taken++
		p.waiting--
		p.turns = slices.Delete(p.turns, i, i+1)
		if len(next.waiting) > 0 {
			p.turns = append(p.turns, next)
		}
	}
}

// forget lets go of a key that nobody has a place of or waits for.
func (p *places) forget(k *keyPlaces) {
	if k.taken == 0 && len(k.waiting) == 0 {
		delete(p.keys, k.key)
	}
}

// load returns how many places are taken, and how many wait for one.
func (p *places) load() (taken, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken, p.waiting
}
