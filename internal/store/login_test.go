package store_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// guess logs in with a wrong password.
func (f *fixture) guess(t *testing.T, username string, from netip.Addr) error {
	t.Helper()
	_, _, err := f.LogIn(t.Context(), username, "wrong password", from)
	return err
}

// waits checks that a login is refused because it comes too early, and returns the wait.
func waits(t *testing.T, what string, err error) time.Duration {
	t.Helper()
	wantCode(t, what, err, vcc.CodeTooManyRequests)
	if all := vcc.Errors(err); len(all) == 1 {
		return all[0].RetryAfter
	}
	return 0
}

// strangers are addresses that nobody has seen.
func strangers(n int) []netip.Addr {
	list := make([]netip.Addr, n)
	for i := range list {
		list[i] = netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)})
	}
	return list
}

// failures are how many wrong passwords are stored per subject.
func (f *fixture) failures(t *testing.T) []string {
	t.Helper()
	return query(t, f.path, "SELECT count FROM login_attempts ORDER BY count")
}

func TestGuessing(t *testing.T) { onBoth(t, testGuessing) }

func testGuessing(t *testing.T) {
	f := withAccounts(t)
	ctx := t.Context()
	for i := range 10 {
		wantCode(t, fmt.Sprintf("guess %d", i+1), f.guess(t, "abc", home), vcc.CodeInvalidToken)
	}
	// Tries that come too early make no wait longer, and the right password waits, too.
	for range 3 {
		equal(t, "wait", waits(t, "a guess too many", f.guess(t, "abc", home)), time.Second)
	}
	_, _, err := f.LogIn(ctx, "abc", password, home)
	equal(t, "wait with the right password", waits(t, "a login", err), time.Second)
	// Another server on the database knows, too.
	other := &fixture{path: f.path, at: f.at}
	other.open(t)
	_, _, err = other.LogIn(ctx, "abc", password, home)
	equal(t, "wait at another server", waits(t, "a login", err), time.Second)
	// Neither another address nor another account waits.
	_, _, err = f.LogIn(ctx, "abc", password, elsewhere)
	wantCode(t, "the account elsewhere", err, "")
	_, _, err = f.LogIn(ctx, "root", password, home)
	wantCode(t, "another account", err, "")
	// Each wait is twice as long, up to the longest. Nobody is locked out.
	want := time.Second
	for range 7 {
		f.at = f.at.Add(want)
		wantCode(t, "a guess after the wait", f.guess(t, "abc", home), vcc.CodeInvalidToken)
		want = min(2*want, 30*time.Second)
		equal(t, "next wait", waits(t, "a guess", f.guess(t, "abc", home)), want)
	}
	f.at = f.at.Add(want)
	f.logIn(t, "abc")
	equal(t, "failures: of the address and of the account", f.failures(t), []string{"17", "17"})
	for range 10 {
		wantCode(t, "a guess after a login", f.guess(t, "abc", home), vcc.CodeInvalidToken)
	}
	waits(t, "a guess too many after a login", f.guess(t, "abc", home))
	f.at = f.at.Add(16 * time.Minute)
	wantCode(t, "a guess much later", f.guess(t, "abc", home), vcc.CodeInvalidToken)
	equal(t, "failures that are kept", f.failures(t), []string{"1", "1", "1"})
}

// A crowd of guesses that come at once is no way around: those that are free are looked at.
func TestGuessing_atOnce(t *testing.T) { onBoth(t, testGuessingAtOnce) }

func testGuessingAtOnce(t *testing.T) {
	f := withAccounts(t)
	var wg sync.WaitGroup
	codes := make([]vcc.ErrorCode, 1000)
	for i := range codes {
		wg.Go(func() { codes[i] = vcc.Code(f.guess(t, "abc", home)) })
	}
	wg.Wait()
	looked := slices.DeleteFunc(slices.Clone(codes), func(c vcc.ErrorCode) bool { return c == vcc.CodeTooManyRequests })
	equal(t, "guesses that were looked at", looked, slices.Repeat([]vcc.ErrorCode{vcc.CodeInvalidToken}, 10))
}

// Logins that are right are never too many, however many come at once.
func TestLogIn_atOnce(t *testing.T) { onBoth(t, testLogInAtOnce) }

func testLogInAtOnce(t *testing.T) {
	f := withAccounts(t)
	for range 9 { // hardly any is free
		wantCode(t, "a guess", f.guess(t, "abc", home), vcc.CodeInvalidToken)
	}
	var wg sync.WaitGroup
	errs := make([]error, 50)
	for i := range errs {
		wg.Go(func() { _, _, errs[i] = f.LogIn(t.Context(), "abc", password, home) })
	}
	wg.Wait()
	for _, err := range errs {
		ok(t, err)
	}
	sessions, err := f.Sessions(t.Context(), "abc")
	ok(t, err)
	equal(t, "sessions", len(sessions), len(errs))
}

// What a guess was told that came too early is good for five seconds without a query. A right password
// ends it.
func TestGuessing_remembered(t *testing.T) { onBoth(t, testGuessingRemembered) }

func testGuessingRemembered(t *testing.T) {
	f := withAccounts(t)
	ctx := t.Context()
	ok(t, f.CountFailures(ctx, "abc", slices.Repeat([]netip.Addr{home}, 15)...))
	equal(t, "wait", waits(t, "a guess", f.guess(t, "abc", home)), 30*time.Second)
	other := &fixture{path: f.path, at: f.at.Add(30 * time.Second)}
	other.open(t)
	other.logIn(t, "abc")
	f.at = f.at.Add(4999 * time.Millisecond)
	equal(t, "wait that is remembered", waits(t, "a guess", f.guess(t, "abc", home)), 25001*time.Millisecond)
	f.at = f.at.Add(time.Millisecond)
	wantCode(t, "a guess five seconds later", f.guess(t, "abc", home), vcc.CodeInvalidToken)

	// A guess came too early while the right password was being checked.
	f.at = f.at.Add(vcc.LoginsForgotten)
	ok(t, f.CountFailures(ctx, "abc", slices.Repeat([]netip.Addr{home}, 12)...))
	at := f.at
	waits(t, "a guess", f.guess(t, "abc", home))
	f.at = at.Add(30 * time.Second)
	f.logIn(t, "abc")
	f.at = at.Add(999 * time.Millisecond)
	f.logIn(t, "abc")
}

// TestGuessing_hidden: at an address that waits nobody learns which accounts have logged in there, neither from
// what a wrong password is told nor from what anybody is told afterwards. A right one gets in.
func TestGuessing_hidden(t *testing.T) { onBoth(t, testGuessingHidden) }

func testGuessingHidden(t *testing.T) {
	known, unknown := withAccounts(t), withAccounts(t)
	known.logIn(t, "abc")
	for _, f := range []*fixture{known, unknown} {
		for i := range 15 {
			ok(t, f.CountFailures(t.Context(), fmt.Sprint("other-", i), slices.Repeat([]netip.Addr{home}, 7)...))
		}
	}
	said := func(err error) string { return fmt.Sprint(err, " ", vcc.Code(err), " ", vcc.Errors(err)[0].RetryAfter) }
	looked := 0
	for i, pause := range []time.Duration{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5 * time.Second, 4 * time.Second, 21 * time.Second, 0, 29 * time.Second, 2 * time.Second} {
		var told []string
		for f, username := range map[*fixture]string{known: "abc", unknown: "nobody"} {
			f.at = f.at.Add(pause)
			err := f.guess(t, username, home)
			if f == known && vcc.Code(err) == vcc.CodeInvalidToken {
				looked++
			}
			told = append(told, said(err)+", and another: "+said(f.guess(t, "root", home)))
		}
		equal(t, fmt.Sprintf("what guess %d of an account that is known, and of one that is not, is told", i+1), told[0], told[1])
	}
	equal(t, "guesses that were told to be wrong", looked, 2) // after the first wait and after the second
	// Too many of them make the account wait, and a right one gets in.
	equal(t, "failures: hidden ones, here, of the account, of the address", query(t, known.path, "SELECT count FROM login_attempts WHERE count <> 7 ORDER BY count"), []string{"2", "2", "14", "107"})
	_, _, err := known.LogIn(t.Context(), "abc", password, home)
	waits(t, "the right password after too many wrong ones", err)
	known.at = known.at.Add(14 * time.Second)
	waits(t, "another account", known.guess(t, "root", home))
	known.logIn(t, "abc")
	equal(t, "failures that are left", query(t, known.path, "SELECT count FROM login_attempts WHERE count <> 7 ORDER BY count"), []string{"2", "107"})
}

// TestGuessing_clocks: servers of one database count by its clock, however far theirs are apart.
func TestGuessing_clocks(t *testing.T) {
	t.Parallel()
	f := &fixture{path: newDatabase(t, postgresTemplate)}
	ahead, behind := must(openStore(t.Context(), f.path)), must(openStore(t.Context(), f.path))
	t.Cleanup(func() { _ = errors.Join(ahead.Close(), behind.Close()) })
	ahead.SetOwnClock(func() time.Time { return time.Now().Add(40 * time.Second) })
	behind.SetOwnClock(func() time.Time { return time.Now().Add(-20 * time.Minute) })
	for i, s := range []*store.Store{ahead, behind} {
		from := []netip.Addr{home, elsewhere}[i]
		ok(t, s.CountFailures(t.Context(), "abc", slices.Repeat([]netip.Addr{from}, 15)...))
		for j, other := range []*store.Store{ahead, behind} {
			_, _, err := other.LogIn(t.Context(), "abc", password, from)
			waits(t, fmt.Sprintf("a login at server %d after wrong passwords at server %d", j, i), err)
		}
	}
}

// TestGuessing_withoutQueries: what a guess was told that came too early is told again without a database, with
// whose login it was.
func TestGuessing_withoutQueries(t *testing.T) {
	t.Parallel()
	f := withAccounts(t)
	ok(t, f.CountFailures(t.Context(), "abc", slices.Repeat([]netip.Addr{home}, 15)...))
	waits(t, "a guess", f.guess(t, "abc", home))
	ok(t, f.Close())
	_, account, err := f.LogIn(t.Context(), "abc", "wrong password", home)
	waits(t, "a guess without a database", err)
	equal(t, "whose", account, vcc.Account{Username: "abc", Role: vcc.RoleTenant, TenantID: f.abc.TenantID})
	_, account, err = f.LogIn(t.Context(), "root", password, home)
	equal(t, "whose, where nobody can look", account, vcc.Account{})
	if err == nil || vcc.Code(err) == vcc.CodeTooManyRequests {
		t.Errorf("a login without a database: %v", err)
	}
}

// TestLogIn_crowdedOut: a login that is no guess and is crowded out may come again at once. It lets nobody hash
// meanwhile, and so does not run beside other tests.
func TestLogIn_crowdedOut(t *testing.T) { //nolint:paralleltest // it stops the hashing of all
	f := withAccounts(t)
	release := sync.OnceFunc(store.HoldHashing())
	defer release()
	crowd, leave := context.WithCancel(t.Context())
	defer leave()
	refused := make(chan error, 1)
	go func() {
		_, _, err := f.LogIn(t.Context(), "abc", password, home)
		refused <- err
	}()
	for store.HashingWaits(home) == 0 {
		time.Sleep(time.Millisecond)
	}
	var wg sync.WaitGroup
	for _, from := range strangers(store.MaxHashesQueued) {
		wg.Go(func() { _, _, _ = f.LogIn(crowd, "abc", password, from) })
	}
	wantCode(t, "the one that is crowded out", <-refused, vcc.CodeUnavailable)
	leave()
	wg.Wait()
	release()
	f.logIn(t, "abc")
}

// A user name that looks like an account at an address counts for nobody else.
func TestGuessing_names(t *testing.T) {
	t.Parallel()
	f := withAccounts(t)
	ok(t, f.CountFailures(t.Context(), "abc at "+home.String(), slices.Repeat([]netip.Addr{netip.MustParseAddr("192.0.2.99")}, 50)...))
	f.logIn(t, "abc")
}

// A network of IPv6 is one address.
func TestGuessing_addresses(t *testing.T) {
	t.Parallel()
	f := withAccounts(t)
	for i := range 10 {
		wantCode(t, "a guess", f.guess(t, "abc", netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", i))), vcc.CodeInvalidToken)
	}
	_, _, err := f.LogIn(t.Context(), "abc", password, netip.MustParseAddr("2001:db8::ffff"))
	waits(t, "a login from the same network", err)
	_, _, err = f.LogIn(t.Context(), "abc", password, netip.MustParseAddr("2001:db8:0:1::1"))
	wantCode(t, "a login from the next network", err, "")
}

// TestLockout: whatever others do, an account gets in from where it has logged in before, and with
// the first password from an address that nobody guessed from (D23).
func TestLockout(t *testing.T) { onBoth(t, testLockout) }

func testLockout(t *testing.T) {
	f := withAccounts(t)
	ctx := t.Context()
	f.logIn(t, "abc") // so it is known at home
	// Four hundred addresses guess one account.
	for range 3 {
		ok(t, f.CountFailures(ctx, "abc", strangers(400)...))
	}
	waits(t, "one of them", f.guess(t, "abc", strangers(1)[0]))
	_, _, err := f.LogIn(ctx, "abc", password, elsewhere)
	wantCode(t, "the account at a new address", err, "")
	wantCode(t, "the first guess from another", f.guess(t, "abc", netip.MustParseAddr("192.0.2.3")), vcc.CodeInvalidToken)
	equal(t, "wait of its second", waits(t, "the second", f.guess(t, "abc", netip.MustParseAddr("192.0.2.3"))), time.Second)
	for range 9 {
		wantCode(t, "a wrong password at home", f.guess(t, "abc", home), vcc.CodeInvalidToken)
	}
	f.logIn(t, "abc")

	// Somebody at home guesses other accounts.
	for i := range 100 {
		ok(t, f.CountFailures(ctx, fmt.Sprintf("other-%d", i), home))
	}
	waits(t, "a guess at home", f.guess(t, "root", home))
	f.logIn(t, "abc")
	_, _, err = f.LogIn(ctx, "root", password, elsewhere)
	wantCode(t, "another account elsewhere", err, "")

	// Whose logins were ended is known no more.
	_, err = f.RevokeAccount(ctx, "abc")
	ok(t, err)
	_, _, err = f.LogIn(ctx, "abc", password, home)
	waits(t, "an account that is known no more", err)
}

// TestLogIn_refusedWithoutWrite holds the one write transaction that there may be, and has refused
// logins and refresh tokens answered meanwhile.
func TestLogIn_refusedWithoutWrite(t *testing.T) { onBoth(t, testLogInRefusedWithoutWrite) }

func testLogInRefusedWithoutWrite(t *testing.T) {
	f := withAccounts(t)
	ctx := t.Context()
	ok(t, f.CountFailures(ctx, "abc", slices.Repeat([]netip.Addr{home}, 10)...))
	expired := f.logIn(t, "root")
	f.at = f.at.Add(vcc.RefreshTokenLifetime)
	ok(t, f.CountFailures(ctx, "abc", slices.Repeat([]netip.Addr{home}, 10)...))
	ok(t, f.Holding(ctx, func() {
		for range 100 {
			waits(t, "a login", f.guess(t, "abc", home))
			_, err := f.Refresh(ctx, "nonsense", elsewhere)
			wantCode(t, "a refresh token of nobody's", err, vcc.CodeInvalidToken)
			_, err = f.Refresh(ctx, expired.Refresh, elsewhere)
			wantCode(t, "an expired refresh token", err, vcc.CodeExpiredToken)
		}
	}))
}

// TestLogIn_clock sets the clock forth and back: no wait is longer than 30 s.
func TestLogIn_clock(t *testing.T) { onBoth(t, testLogInClock) }

func testLogInClock(t *testing.T) {
	f := withAccounts(t)
	began := f.at
	for _, jump := range []time.Duration{0, time.Minute, time.Hour, 1000 * time.Hour} {
		for _, back := range []time.Duration{jump, -jump} {
			// Wrong passwords at one time, and a right one at another.
			f.at = began.Add(jump)
			ok(t, f.CountFailures(t.Context(), "abc", slices.Repeat([]netip.Addr{home}, 15)...))
			f.at = began.Add(jump - back)
			if _, _, err := f.LogIn(t.Context(), "abc", password, home); err != nil {
				wait := waits(t, "a login", err)
				if wait > 30*time.Second {
					t.Errorf("a clock that goes from %s to %s makes a wait of %s", jump, jump-back, wait)
				}
				f.at = f.at.Add(wait)
				f.logIn(t, "abc")
			}
			ok(t, f.CountFailures(t.Context(), "abc", home)) // which forgets what is of another time
			_, err := f.RevokeAccount(t.Context(), "abc")
			ok(t, err)
		}
	}
}

// TestRefresh_wrong: an address that sends tokens that nobody issued is slowed down. A token that
// somebody issued is good from there all the same.
func TestRefresh_wrong(t *testing.T) {
	t.Parallel()
	f := withAccounts(t)
	ctx := t.Context()
	tokens := f.logIn(t, "abc")
	wrong := func(from netip.Addr) error {
		_, err := f.Refresh(ctx, "nonsense", from)
		return err
	}
	for range 100 {
		wantCode(t, "a wrong token", wrong(home), vcc.CodeInvalidToken)
	}
	for range 3 {
		equal(t, "wait", waits(t, "a wrong token too many", wrong(home)), time.Second)
	}
	wantCode(t, "a wrong token elsewhere", wrong(elsewhere), vcc.CodeInvalidToken)
	_, err := f.Refresh(ctx, tokens.Refresh, home)
	ok(t, err)
	f.at = f.at.Add(time.Second)
	wantCode(t, "a wrong token after the wait", wrong(home), vcc.CodeInvalidToken)
	equal(t, "next wait", waits(t, "another", wrong(home)), 2*time.Second)
	f.at = f.at.Add(-24 * time.Hour)
	wantCode(t, "a wrong token after the clock was set back", wrong(home), vcc.CodeInvalidToken)
}

// TestLogIn_besideAttackers: a login from an address that nobody guessed from is next, however many
// guess, and those of them that are too many are told so at once. It lets nobody hash meanwhile,
// and so does not run beside other tests.
func TestLogIn_besideAttackers(t *testing.T) { //nolint:paralleltest // it stops the hashing of all
	for _, kind := range []string{onSQLite, onPostgres} {
		t.Run(kind, func(t *testing.T) { //nolint:paralleltest // as above
			f := withAccounts(t)
			attackers := strangers(400)
			ok(t, f.CountFailures(t.Context(), "abc", attackers[:200]...)) // the others are new
			var wg sync.WaitGroup
			var shed atomic.Int32
			var first atomic.Pointer[netip.Addr] // of those that were sent away
			attack := func(from []netip.Addr) {
				for _, from := range from {
					wg.Go(func() {
						if err := f.guess(t, "abc", from); strings.Contains(err.Error(), "are waiting to be checked") {
							wantCode(t, "a guess that is too many", err, vcc.CodeTooManyRequests)
							shed.Add(1)
							first.CompareAndSwap(nil, &from)
							equal(t, "when to try again", vcc.Errors(err)[0].RetryAfter, time.Second)
						}
					})
				}
			}
			until := func(what string, done func() bool) {
				t.Helper()
				for !done() {
					if t.Context().Err() != nil {
						t.Fatal(what)
					}
					time.Sleep(time.Millisecond)
				}
			}
			release := sync.OnceFunc(store.HoldHashing())
			defer release()
			attack(attackers[200:]) // those that are new are as good as the login, but older
			until("new attackers that wait or were sent away", func() bool {
				waiting, _ := store.HashingQueue()
				return waiting == 64 && shed.Load() == 200-64
			})
			answer := make(chan error, 1)
			go func() {
				_, _, err := f.LogIn(t.Context(), "abc", password, elsewhere)
				answer <- err
			}()
			until("the login that waits", func() bool { return store.HashingWaits(elsewhere) == 1 && shed.Load() == 200-63 })
			attack(attackers[:200])
			if kind == onSQLite { // on both the account is under attack, and these wait for their turn
				until("attackers that were sent away", func() bool { return shed.Load() >= 200-63 })
			}
			_, next := store.HashingQueue()
			equal(t, "who is next", next, elsewhere.String())
			release()
			ok(t, <-answer)
			wg.Wait()
			// Who was sent away and comes at once costs no query.
			waits(t, "a guess too early", f.guess(t, "abc", *first.Load()))
			f.at = f.at.Add(time.Second)
			wantCode(t, "a guess a second later", f.guess(t, "abc", *first.Load()), vcc.CodeInvalidToken)
		})
	}
}

// TestHashQueue_guide: the guide for operators says how much memory hashing takes, and how many
// logins wait.
func TestHashQueue_guide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../templates/guides/run-a-shared-backend.md")
	ok(t, err)
	for _, want := range []string{fmt.Sprintf("Plan %d MiB", store.HashMemory), fmt.Sprintf("Further logins wait, %d at most", store.MaxHashesQueued)} {
		if !strings.Contains(string(guide), want) {
			t.Errorf("the guide does not say %q", want)
		}
	}
}

// TestHashQueue: who is next, who is crowded out, and nobody is lost.
func TestHashQueue(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	q := store.NewHashQueue(1)
	ok(t, q.WaitOwner(ctx)) // takes the only place
	var mu sync.Mutex
	var order []string
	var wg sync.WaitGroup
	enter := func(name string, wait func() error) {
		before := q.Waiting()
		wg.Go(func() {
			err := wait()
			mu.Lock()
			if err != nil {
				name += ": " + string(vcc.Code(err))
			}
			order = append(order, name)
			mu.Unlock()
			if err == nil {
				q.Leave()
			}
		})
		for q.Waiting() == before {
			time.Sleep(time.Millisecond)
		}
	}
	login := func(name, address string, failures vcc.LoginFailures) {
		enter(name, func() error { return q.Wait(ctx, address, failures) })
	}
	login("older", "a", vcc.LoginFailures{})
	login("newer", "b", vcc.LoginFailures{})
	login("known", "c", vcc.LoginFailures{Known: true})
	enter("owner", func() error { return q.WaitOwner(ctx) })
	login("failed", "d", vcc.LoginFailures{Here: vcc.Failures{Count: 5}})
	for i := range 3 { // the third of one address is as if two had failed
		login(fmt.Sprintf("greedy %d", i+1), "e", vcc.LoginFailures{})
	}
	gone, cancel := context.WithCancel(ctx)
	enter("gone", func() error { return q.Wait(gone, "f", vcc.LoginFailures{}) })
	cancel()
	for q.Waiting() == 9 {
		time.Sleep(time.Millisecond)
	}
	q.Leave()
	wg.Wait()
	equal(t, "order", order, []string{"gone: UnknownError", "known", "greedy 1", "newer", "older", "greedy 2", "owner", "greedy 3", "failed"})

	// Of more than wait for a place those are sent away who would be last.
	ok(t, q.WaitOwner(ctx))
	order = nil
	login("failed most", "d", vcc.LoginFailures{Here: vcc.Failures{Count: 9}})
	enter("owner", func() error { return q.WaitOwner(ctx) })
	for i := range 63 {
		login("crowd", fmt.Sprint(i), vcc.LoginFailures{Here: vcc.Failures{Count: 5}})
	}
	equal(t, "waiting", q.Waiting(), 65)
	err := q.Wait(ctx, "g", vcc.LoginFailures{Here: vcc.Failures{Count: 10}})
	wantCode(t, "one that would be last", err, vcc.CodeTooManyRequests)
	wg.Go(func() {
		if q.Wait(ctx, "h", vcc.LoginFailures{}) == nil {
			q.Leave()
		}
	})
	for { // it takes the place of the one that failed most
		mu.Lock()
		done := len(order) == 1
		mu.Unlock()
		if done {
			break
		}
		time.Sleep(time.Millisecond)
	}
	equal(t, "sent away", order, []string{"failed most: TooManyRequests"})
	q.Leave()
	wg.Wait()
	// Nothing is left, and no place was lost.
	ok(t, q.WaitOwner(ctx))
	equal(t, "waiting", q.Waiting(), 0)
}

// TestHashQueue_owner: whoever sets a password gets on beside a crowd that always has the better rank.
func TestHashQueue_owner(t *testing.T) {
	t.Parallel()
	q := store.NewHashQueue(1)
	ok(t, q.WaitOwner(t.Context()))
	var before atomic.Int32
	owner := make(chan int32, 1)
	var wg sync.WaitGroup
	enter := func(do func()) {
		waiting := q.Waiting()
		wg.Go(do)
		for q.Waiting() == waiting {
			time.Sleep(time.Millisecond)
		}
	}
	enter(func() {
		if err := q.WaitOwner(t.Context()); err != nil {
			t.Error(err)
		}
		owner <- before.Load()
		q.Leave()
	})
	for i := range 20 {
		enter(func() {
			if err := q.Wait(t.Context(), fmt.Sprint(i), vcc.LoginFailures{}); err != nil {
				t.Error(err)
			}
			before.Add(1)
			q.Leave()
		})
	}
	q.Leave()
	wg.Wait()
	equal(t, "logins before the owner's turn", <-owner, int32(6))
}

// TestHashQueue_guesses: guesses are hashed one at a time, with a pause after each, and keep nobody else
// waiting.
func TestHashQueue_guesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		guess := vcc.LoginFailures{Here: vcc.Failures{Count: 1}}
		q := store.NewHashQueue(2)
		ok(t, q.Wait(ctx, "a", guess))
		go func() {
			if err := q.Wait(ctx, "b", guess); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		equal(t, "waiting beside a guess", q.Waiting(), 1)
		ok(t, q.Wait(ctx, "c", vcc.LoginFailures{}))
		time.Sleep(100 * time.Millisecond)
		q.Leave() // a's
		q.Leave() // c's
		ok(t, q.Wait(ctx, "d", vcc.LoginFailures{Known: true}))
		time.Sleep(99 * time.Millisecond)
		equal(t, "waiting in the pause", q.Waiting(), 1)
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		equal(t, "waiting after the pause", q.Waiting(), 0)
		q.Leave()
		q.Leave()
		time.Sleep(time.Second) // the last pause ends, too

		// As many guesses wait as may, and a place is free: whoever does not guess gets it.
		ok(t, q.Wait(ctx, "a", guess))
		gone, cancel := context.WithCancel(ctx)
		for i := range store.MaxHashesQueued {
			go func() { _ = q.Wait(gone, fmt.Sprint(i), guess) }()
		}
		synctest.Wait()
		equal(t, "waiting beside a guess", q.Waiting(), store.MaxHashesQueued)
		ok(t, q.Wait(ctx, "e", vcc.LoginFailures{Address: vcc.Failures{Count: 9}}))
		cancel()
		synctest.Wait()
		q.Leave()
		q.Leave()
		time.Sleep(time.Second)
		ok(t, q.Wait(ctx, "f", guess)) // those that gave up left nothing behind
		q.Leave()
		time.Sleep(time.Second)
	})
}

// TestHashQueue_crowd: once a crowd is larger than the queue, its passwords are hashed one at a time with pauses, too, and
// whoever is known gets the other place at once.
func TestHashQueue_crowd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, q, known := t.Context(), store.NewHashQueue(2), vcc.LoginFailures{Known: true}
		crowd, cancel := context.WithCancel(ctx)
		address := 0
		arrive := func(n int) {
			for range n {
				address++
				go func() { _ = q.Wait(crowd, fmt.Sprint(address), vcc.LoginFailures{}) }()
				synctest.Wait()
			}
		}
		waits := func(what string, n int) {
			t.Helper()
			synctest.Wait()
			equal(t, what, q.Waiting(), n)
		}
		arrive(2 + store.MaxHashesQueued)
		waits("waiting for two places", store.MaxHashesQueued)
		q.Leave()
		waits("after the turn of one", store.MaxHashesQueued-1)
		arrive(1)
		waits("as many as may", store.MaxHashesQueued)
		arrive(1) // one of them is sent away
		waits("of a crowd", store.MaxHashesQueued)
		q.Leave()
		q.Leave()
		waits("after two turns of a crowd", store.MaxHashesQueued-1)
		ok(t, q.Wait(ctx, "home", known))
		time.Sleep(100 * time.Millisecond)
		q.Leave() // the crowd's
		time.Sleep(99 * time.Millisecond)
		waits("in the pause", store.MaxHashesQueued-1)
		time.Sleep(2 * time.Millisecond)
		waits("after the pause", store.MaxHashesQueued-2)
		q.Leave() // who is known
		waits("beside one of the crowd", store.MaxHashesQueued-2)
		time.Sleep(10 * time.Second) // nobody was sent away since
		arrive(1)
		waits("once the crowd is over", store.MaxHashesQueued-2)
		cancel()
		synctest.Wait()
		q.Leave()
		q.Leave()
		time.Sleep(time.Minute)
	})
}

// TestHashQueue_bound: never are more hashed at once than there are places, also with logins that
// are given up.
func TestHashQueue_bound(t *testing.T) {
	t.Parallel()
	const places = 3
	q := store.NewHashQueue(places)
	var atWork, most atomic.Int32
	var wg sync.WaitGroup
	for i := range 500 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%3 == 0 {
				go cancel()
			}
			if q.Wait(ctx, fmt.Sprint(i%7), vcc.LoginFailures{}) != nil {
				return
			}
			n := atWork.Add(1)
			for {
				m := most.Load()
				if n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			time.Sleep(10 * time.Microsecond)
			atWork.Add(-1)
			q.Leave()
		})
	}
	wg.Wait()
	if most.Load() > places {
		t.Errorf("%d at once", most.Load())
	}
	for range places { // none was lost
		ok(t, q.WaitOwner(t.Context()))
	}
}
