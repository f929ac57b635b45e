package store

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// A process hashes two passwords at once at most: each takes argonMemory and as many processors as
// it has threads, and the garbage collector lets twice that memory accumulate. The guide for
// operators says how much that is.
const (
	maxHashes       = 2
	maxHashesQueued = 64
)

// hashing is this process's queue.
var hashing = &hashQueue{free: min(runtime.GOMAXPROCS(0), maxHashes)}

// hashQueue bounds how many passwords are hashed at once, and how many wait for that, so that no
// crowd of logins takes all of a process's memory or time.
//
// Passwords of logins after wrong ones are guesses, most of them. They are hashed one at a time, and as
// long a pause follows each: half of the time at least is left for everybody else, however many guess. The same goes for
// all logins at addresses where their account is not known, for crowdLasts after one of them was sent away for want of a place:
// somebody guesses who has many addresses, or many come at once for whom there is no time anyway.
type hashQueue struct {
	mu      sync.Mutex
	free    int
	waiting []*hashTurn // in order of arrival
	given   int         // turns so far
	// slowed says that a turn is at work that others of its kind wait for, or that the pause after it lasts.
	slowed bool
	// crowded is when a login that was no guess was sent away last.
	crowded time.Time
}

// crowdLasts is how long a crowd is taken to last after somebody was sent away.
const crowdLasts = 10 * time.Second

// slow reports whether a turn is one of those that come one at a time, with pauses.
func (q *hashQueue) slow(t *hashTurn) bool {
	return t.guess || t.stranger && !q.crowded.IsZero() && time.Since(q.crowded) < crowdLasts
}

// ownersShare is which part of the turns goes to whoever sets a password and has waited longest,
// whatever crowd logs in.
const ownersShare = 8

// hashTurn is a password that is to be hashed.
type hashTurn struct {
	// address is where a login comes from.
	address string
	// rank orders turns: the least goes first (D23).
	rank int
	// stranger is the turn of a login at an address where its account is not known. How many turns of the address are
	// waiting adds to its rank.
	stranger bool
	// owner is the turn of who sets a password, and never crowded out.
	owner bool
	// guess is the turn of a login after wrong passwords.
	guess bool
	// answer gets true when the turn has come, and false when it is crowded out.
	answer chan bool
	begun  time.Time
	// slowed is what slow reported when the turn began.
	slowed bool
}

// ownersTurn comes after those of who logs in at an address that nobody guesses from.
func ownersTurn() *hashTurn { return &hashTurn{rank: 2, owner: true} }

// loginTurn is the turn of a login.
func loginTurn(address string, failures vcc.LoginFailures) *hashTurn {
	return &hashTurn{address: address, rank: failures.Rank(), stranger: !failures.Known, guess: failures.Guess()}
}

// wait returns once it is t's turn; leave ends it. CodeUnavailable, or CodeTooManyRequests for a guess: too
// many of a better rank wait.
func (q *hashQueue) wait(ctx context.Context, t *hashTurn) error {
	t.answer = make(chan bool, 1)
	q.mu.Lock()
	q.add(t)
	q.grant()
	q.crowdOut()
	q.mu.Unlock()
	select {
	case granted := <-t.answer:
		if !granted {
			code := vcc.CodeUnavailable
			if t.guess {
				code = vcc.CodeTooManyRequests
			}
			return &vcc.Error{Code: code, RetryAfter: time.Second, Message: "too many passwords are waiting to be checked; nothing was changed, try again"}
		}
		return nil
	case <-ctx.Done():
		q.mu.Lock()
		defer q.mu.Unlock()
		if i := slices.Index(q.waiting, t); i >= 0 {
			q.waiting = slices.Delete(q.waiting, i, i+1)
		} else if <-t.answer {
			q.end(t)
		}
		return ctx.Err()
	}
}

// add queues a turn.
func (q *hashQueue) add(t *hashTurn) {
	if t.stranger {
		for _, other := range q.waiting {
			if other.address == t.address {
				t.rank++
			}
		}
	}
	q.waiting = append(q.waiting, t)
}

// crowdOut sends one away if too many wait: of the guesses, if there are any, the one that would come last.
func (q *hashQueue) crowdOut() {
	last, logins := -1, 0
	for i, w := range q.waiting {
		if w.owner {
			continue
		}
		logins++
		if l := last; l < 0 || w.guess && !q.waiting[l].guess || w.guess == q.waiting[l].guess && w.rank > q.waiting[l].rank {
			last = i
		}
	}
	if logins > maxHashesQueued {
		if !q.waiting[last].guess {
			q.crowded = time.Now()
		}
		q.waiting[last].answer <- false
		q.waiting = slices.Delete(q.waiting, last, last+1)
	}
}

// leave ends a turn.
func (q *hashQueue) leave(t *hashTurn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.end(t)
}

func (q *hashQueue) end(t *hashTurn) {
	q.free++
	if t.slowed {
		time.AfterFunc(time.Since(t.begun), func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.slowed = false
			q.grant()
		})
	}
	q.grant()
}

// best is the turn that comes next, -1 for none: the least rank, and among equals the newest. A
// crowd that arrives at once from addresses that nobody has seen then costs those little who come
// after it.
func (q *hashQueue) best() int {
	best := -1
	for i, t := range q.waiting {
		if q.slowed && q.slow(t) {
			continue
		}
		if best < 0 || t.rank <= q.waiting[best].rank {
			best = i
		}
	}
	return best
}

// grant gives turns as long as there are free ones.
func (q *hashQueue) grant() {
	for q.free > 0 {
		best := q.best()
		if best < 0 {
			return
		}
		if q.given++; q.given%ownersShare == 0 {
			if i := slices.IndexFunc(q.waiting, func(t *hashTurn) bool { return t.owner }); i >= 0 {
				best = i
			}
		}
		t := q.waiting[best]
		q.waiting = slices.Delete(q.waiting, best, best+1)
		q.free--
		t.begun, t.slowed = time.Now(), q.slow(t)
		q.slowed = q.slowed || t.slowed
		t.answer <- true
	}
}
