package store

import (
	"context"
	"sync"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// maxGuesses is how many logins of one account from one address a process keeps waiting.
const maxGuesses = 100

// guesses lets only so many passwords for one account from one address be checked at once as are
// free (D23). The others wait for the outcome, so that right ones never count against each other,
// and a thousand guesses at once are no way around. Each process has its own: several servers
// check that many each.
//
// Most guesses are refused unlooked at, and come again at once. Their queries would keep everybody else
// waiting for a connection, so a refusal holds for seconds without any.
type guesses struct {
	mu sync.Mutex
	of map[string]*pairGuesses
	// refused is what the pairs were told last.
	refused map[string]refusal
	// counting has room for the one that counts a wrong password.
	counting chan struct{}
	// forgot is when old failures were forgotten last.
	forgot time.Time
}

// oneByOne runs what counts a wrong password after the others of its kind: of the writes of a process, that of a
// right one waits for one of them at most.
func (g *guesses) oneByOne(ctx context.Context, count func() error) error {
	g.mu.Lock()
	if g.counting == nil {
		g.counting = make(chan struct{}, 1)
	}
	g.mu.Unlock()
	select {
	case g.counting <- struct{}{}:
		defer func() { <-g.counting }()
		return count()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// forgetEvery is how often logins make a process forget old failures.
const forgetEvery = time.Minute

// toForget reports whether old failures are to be forgotten now, to one caller at a time.
func (g *guesses) toForget(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	due := now.Sub(g.forgot).Abs() >= forgetEvery
	if due {
		g.forgot = now
	}
	return due
}

// refusal is what a guess was told whose password was not looked at.
type refusal struct {
	at time.Time
	// holds is for how long it is told again.
	holds time.Duration
	err   vcc.Error
	whose vcc.Account
}

const (
	// refusalHolds is for how long a pair is refused again without a query at most. Another server may have let a right
	// password in meanwhile.
	refusalHolds = 5 * time.Second
	// maxRefused is how many pairs are remembered that were refused.
	maxRefused = 10_000
)

// pairGuesses are those of one account from one address.
type pairGuesses struct {
	// deciding has room for the one that decides whether it may begin.
	deciding chan struct{}
	// ended gets something, if it has room, whenever a guess ends.
	ended chan struct{}
	// atWork is how many passwords are being checked, and present how many guesses there are.
	atWork, present int
}

// seenLogin is what a login finds.
type seenLogin struct {
	failures vcc.LoginFailures
	// at is the time by which the failures count.
	at time.Time
	// whose is the account of the user name, with its password's hash; the zero values for none.
	whose vcc.Account
	hash  string
}

// refusal returns what the login is told if it is not let in for too many wrong passwords, nil if there were not.
func (l seenLogin) refusal() *vcc.Error {
	told := l.failures.Told(l.at)
	if told == 0 {
		return nil
	}
	return &vcc.Error{Code: vcc.CodeTooManyRequests, RetryAfter: told, Message: "too many passwords were wrong; nothing is locked, try again later"}
}

// begin returns once a password may be checked, and what look saw last, and then end has to follow.
// CodeTooManyRequests: it comes too early. Of what was seen there may be no more then than whose login it is.
func (g *guesses) begin(ctx context.Context, pair string, now func() time.Time, look func() (seenLogin, error)) (seen seenLogin, end func(), err error) {
	g.mu.Lock()
	if r := g.again(pair, now()); r != nil {
		g.mu.Unlock()
		return seenLogin{whose: r.whose}, nil, &r.err
	}
	if g.of == nil {
		g.of = map[string]*pairGuesses{}
	}
	p := g.of[pair]
	if p == nil {
		p = &pairGuesses{deciding: make(chan struct{}, 1), ended: make(chan struct{}, 1)}
		g.of[pair] = p
	}
	if p.present == maxGuesses {
		g.mu.Unlock()
		if seen, err = look(); err != nil {
			return seen, nil, err
		}
		if refused := seen.refusal(); refused != nil {
			return seen, nil, refused
		}
		return seen, nil, &vcc.Error{Code: vcc.CodeTooManyRequests, RetryAfter: time.Second, Message: "too many logins of this account from this address are under way; try again later"}
	}
	p.present++
	g.mu.Unlock()
	defer func() {
		if err != nil {
			g.leave(pair, p, false)
		}
	}()
	select {
	case p.deciding <- struct{}{}:
		defer func() { <-p.deciding }()
	case <-ctx.Done():
		return seen, nil, ctx.Err()
	}
	for {
		// Before what failed is read: whichever ends in between is counted, twice at worst, and then
		// there is something in ended.
		g.mu.Lock()
		atWork := p.atWork
		g.mu.Unlock()
		if seen, err = look(); err != nil {
			return seen, nil, err
		}
		if wait := seen.failures.Wait(seen.at); wait > 0 {
			refused := seen.refusal()
			g.remember(pair, refusal{now(), wait, *refused, seen.whose})
			return seen, nil, refused
		}
		if atWork < seen.failures.AtOnce() {
			g.mu.Lock()
			p.atWork++
			g.mu.Unlock()
			return seen, func() { g.leave(pair, p, true) }, nil
		}
		select {
		case <-p.ended:
		case <-ctx.Done():
			return seen, nil, ctx.Err()
		}
	}
}

// again returns what a pair was told, if it holds; nil if not. The caller holds the lock.
func (g *guesses) again(pair string, now time.Time) *refusal {
	r, known := g.refused[pair]
	since := now.Sub(r.at)
	if !known || since < 0 || since >= min(refusalHolds, r.holds) {
		return nil
	}
	r.err.RetryAfter -= since
	return &r
}

// remember remembers what a pair is told.
func (g *guesses) remember(pair string, r refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refused == nil {
		g.refused = map[string]refusal{}
	}
	if len(g.refused) >= maxRefused {
		for other := range g.refused { // any one: it costs a query
			delete(g.refused, other)
			break
		}
	}
	g.refused[pair] = r
}

// forget forgets what a pair was told: it had the right password.
func (g *guesses) forget(pair string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.refused, pair)
}

func (g *guesses) leave(pair string, p *pairGuesses, worked bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if worked {
		p.atWork--
		select {
		case p.ended <- struct{}{}:
		default:
		}
	}
	if p.present--; p.present == 0 {
		delete(g.of, pair)
	}
}

// maxRefreshers is how many addresses are remembered that sent wrong refresh tokens.
const maxRefreshers = 10_000

// wrongRefreshes counts the refresh tokens that nobody issued, by address. It is kept in memory:
// in the database each would cost a write. Each server has its own.
type wrongRefreshes struct {
	mu sync.Mutex
	of map[string]vcc.Failures
}

// count counts one more. CodeTooManyRequests: it comes too early, and is not counted.
func (w *wrongRefreshes) count(address string, now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = map[string]vcc.Failures{}
	}
	f := w.of[address]
	if wait := f.RefreshWait(now); wait > 0 {
		return &vcc.Error{Code: vcc.CodeTooManyRequests, RetryAfter: wait, Message: "too many refresh tokens from this address are none that this server issued; log in with the password, or try again later"}
	}
	if now.Sub(f.LastAt).Abs() > vcc.LoginsForgotten {
		f.Count = 0
	}
	if len(w.of) >= maxRefreshers {
		for other := range w.of { // any one: what it forgets is worth little
			delete(w.of, other)
			break
		}
	}
	w.of[address] = vcc.Failures{Count: f.Count + 1, LastAt: now}
	return nil
}
