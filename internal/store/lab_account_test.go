package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/accounttest"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// accountRows are the accounts with their tenants' names, but for the operator.
func accountRows(t *testing.T, f *fixture) []string {
	t.Helper()
	return query(t, f.path, "SELECT a.username, t.name, a.declared FROM accounts AS a JOIN tenants AS t ON t.id = a.tenant_id ORDER BY 1")
}

// declaredBy is the row of an account that a lab made.
func declaredBy(f *fixture, username, tenant string) string {
	if isPostgres(f.path) {
		return username + " | " + tenant + " | true"
	}
	return username + " | " + tenant + " | 1"
}

// declared makes an account as a lab does, without hashing.
func (f *fixture) declared(t *testing.T, username, tenant string) {
	t.Helper()
	query(t, f.path, "INSERT INTO accounts (username, tenant_id, password_hash, declared) VALUES (?, ?, ?, TRUE)", username, f.actor(t, tenant).TenantID, cheapHash)
}

// TestLabAccounts_moved gives the user name of one tenant to another, in either order of the
// tenants: that is refused until it is named, and then the logins and the password of before are
// good for nothing.
func TestLabAccounts_moved(t *testing.T) { onBoth(t, testLabAccountsMoved) }

func testLabAccountsMoved(t *testing.T) {
	for from, to := range map[int]int{0: 1, 1: 0} {
		f := newFixture(t)
		lab := testLab()
		lab.Tenants[from].Username = "common"
		ok(t, f.ApplyLab(t.Context(), lab, nil))
		f.declared(t, "common", lab.Tenants[from].Name)
		tokens := f.logIn(t, "common")
		lab.Tenants[from].Username, lab.Tenants[to].Username = "", "common"
		a, b := lab.Tenants[from].Name, lab.Tenants[to].Name
		for _, passwords := range []map[string]string{nil, {"common": password}, {"common": another}} {
			f.unchanged(t, func() {
				wantError(t, f.ApplyLabWith(t.Context(), lab, passwords, nil), &vcc.Error{Code: vcc.CodeConflict, Message: fmt.Sprintf(
					"the lab replaces account \"common\" of tenant %q: its user name goes to tenant %q; nothing was changed. Use other user names, or name what is to go: --remove account:common", a, b)})
			})
		}
		_, err := f.Authenticate(t.Context(), tokens.Access)
		ok(t, err)
		// Without a password the account goes, and the new one comes with the password.
		ok(t, f.ApplyLab(t.Context(), lab, []string{"account:common"}))
		equal(t, "number of accounts", len(accountRows(t, f)), 0)
		ok(t, f.ApplyLabWith(t.Context(), lab, map[string]string{"common": another}, nil))
		equal(t, "accounts", accountRows(t, f), []string{declaredBy(f, "common", b)})
		_, err = f.Authenticate(t.Context(), tokens.Access)
		wantCode(t, "the access token of before", err, vcc.CodeInvalidToken)
		_, err = f.Refresh(t.Context(), tokens.Refresh, home)
		wantCode(t, "the refresh token of before", err, vcc.CodeInvalidToken)
		_, _, err = f.LogIn(t.Context(), "common", password, home)
		wantCode(t, "the password of before", err, vcc.CodeInvalidToken)
	}
}

// TestLabAccounts_swapped swaps two tenants' user names in one lab.
func TestLabAccounts_swapped(t *testing.T) { onBoth(t, testLabAccountsSwapped) }

func testLabAccountsSwapped(t *testing.T) {
	f := newFixture(t)
	lab := testLab()
	passwords := map[string]string{"a": password, "b": another}
	lab.Tenants[0].Username, lab.Tenants[1].Username = "a", "b"
	ok(t, f.ApplyLab(t.Context(), lab, nil))
	f.declared(t, "a", "ABC")
	f.declared(t, "b", "XYZ")
	lab.Tenants[0].Username, lab.Tenants[1].Username = "b", "a"
	wantCode(t, "one of two named", f.ApplyLabWith(t.Context(), lab, passwords, []string{"account:a"}), vcc.CodeConflict)
	ok(t, f.ApplyLabWith(t.Context(), lab, passwords, []string{"account:a", "account:b"}))
	equal(t, "accounts", accountRows(t, f), []string{declaredBy(f, "a", "XYZ"), declaredBy(f, "b", "ABC")})
}

// TestLabAccounts_madeByHand declares a password for an account that somebody made: the lab
// does not touch it until it is named, whether or not the password is the right one.
func TestLabAccounts_madeByHand(t *testing.T) { onBoth(t, testLabAccountsMadeByHand) }

func testLabAccountsMadeByHand(t *testing.T) {
	f := withAccounts(t)
	tokens := f.logIn(t, "abc")
	lab := testLab()
	lab.Tenants[0].Username = "abc"
	ok(t, f.ApplyLab(t.Context(), lab, nil)) // it gives no password
	for range 2 {                            // also once the password was looked at
		for _, claimed := range []string{password, another} {
			f.unchanged(t, func() {
				wantError(t, f.ApplyLabWith(t.Context(), lab, map[string]string{"abc": claimed}, nil), &vcc.Error{Code: vcc.CodeConflict,
					Message: `the lab replaces account "abc" of tenant "ABC": it was made by hand, and the lab gives its user name a password; nothing was changed. ` +
						"Use other user names, or name what is to go: --remove account:abc"})
			})
		}
	}
	preview, err := f.PreviewLab(t.Context(), must(valid(lab).WithPasswords(map[string]string{"abc": another})), []string{"account:abc"})
	ok(t, err)
	equal(t, "preview", each(preview.Changes, vcc.LabChange.Line), []string{`- account "abc" of tenant "ABC": it was made by hand, and the lab gives its user name a password`})
	ok(t, f.ApplyLabWith(t.Context(), lab, map[string]string{"abc": another}, []string{"account:abc"}))
	equal(t, "accounts", accountRows(t, f), []string{declaredBy(f, "abc", "ABC")})
	_, err = f.Authenticate(t.Context(), tokens.Access)
	wantCode(t, "a login of the account of before", err, vcc.CodeInvalidToken)
	_, _, err = f.LogIn(t.Context(), "abc", another, home)
	ok(t, err)
}

// manyPasswords is the test lab with n tenants more, each with a password.
func manyPasswords(n int) (vcc.Lab, map[string]string) {
	lab, passwords := testLab(), map[string]string{}
	for i := range n {
		name := fmt.Sprintf("tenant-%d", i)
		lab.Tenants = append(lab.Tenants, vcc.LabTenant{Name: name, Username: name})
		passwords[name] = password
	}
	return lab, passwords
}

// TestLabPasswords_unchanged declares passwords again while nothing can be hashed: those that this
// process has seen need no hashing, and those that changed past it do.
func TestLabPasswords_unchanged(t *testing.T) { //nolint:paralleltest // it stops the hashing of all
	for _, kind := range []string{onSQLite, onPostgres} {
		t.Run(kind, testLabPasswordsUnchanged) //nolint:paralleltest // as above
	}
}

func testLabPasswordsUnchanged(t *testing.T) {
	f := newFixture(t)
	lab, passwords := manyPasswords(3)
	ok(t, f.ApplyLabWith(t.Context(), lab, passwords, nil))
	release := sync.OnceFunc(store.HoldHashing())
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // which hashing would wait for
	defer cancel()
	f.unchanged(t, func() { ok(t, f.ApplyLabWith(ctx, lab, passwords, nil)) })
	more := lab
	more.ServiceProvider.Name = "another.example.net"
	ok(t, f.ApplyLabWith(ctx, more, passwords, nil))
	release()
	// A password that an operator changed since is set back, which is seen in the hash.
	ok(t, f.SetPasswordHash(t.Context(), "tenant-1", accounttest.Hash(another)))
	ok(t, f.ApplyLabWith(t.Context(), more, passwords, nil))
	_, _, err := f.LogIn(t.Context(), "tenant-1", password, home)
	ok(t, err)
}

// TestLabPasswords_othersGoOn: while a lab's passwords are hashed, nobody waits for a lock, logins
// have room, and the tenants of before write.
func TestLabPasswords_othersGoOn(t *testing.T) { onBoth(t, testLabPasswordsOthersGoOn) }

func testLabPasswordsOthersGoOn(t *testing.T) {
	f := newFixture(t)
	lab, passwords := manyPasswords(2)
	release := sync.OnceFunc(store.HoldHashing())
	defer release()
	applied := make(chan error, 1)
	go func() { applied <- f.ApplyLabWith(t.Context(), lab, passwords, nil) }()
	n := f.network(t, f.abc, "Silver network 1 (internet)").ID
	written := make(chan struct{})
	go func() {
		defer close(written)
		// Long enough for the lab to come as far as hashing.
		for i, begun := 0, time.Now(); i < 20 || i < 800 && time.Since(begun) < time.Second/2; i++ { // fewer than a page
			as := vcc.Actor{TenantID: f.abc.TenantID, Name: fmt.Sprint("write ", i)}
			if _, _, err := f.PutDefaultGateway(t.Context(), as, n, ipv4(fmt.Sprintf("10.%d.0.1/16", i%200)), vcc.Precondition{}); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	select {
	case <-written:
	case err := <-applied:
		t.Fatal("it did not wait for its passwords", err)
	case <-time.After(time.Minute):
		release()
		<-written
		t.Fatal("a write waited for a lab's passwords")
	}
	release()
	ok(t, <-applied)
	checkHistory(t, f, f.abc)
}

// TestSettlePasswords starts a lab as a server does: structure first, then the passwords. Two
// servers do it at once, and a login that began meanwhile stays.
func TestSettlePasswords(t *testing.T) { onBoth(t, testSettlePasswords) }

func testSettlePasswords(t *testing.T) {
	f := newFixture(t)
	plain, passwords := manyPasswords(3)
	lab := must(valid(plain).WithPasswords(passwords))
	release := store.HoldHashing()
	outcome, err := f.StartLab(t.Context(), lab)
	release()
	ok(t, err)
	equal(t, "passwords left", outcome.PasswordsLeft, vcc.PasswordsLeft{Missing: 3})
	equal(t, "number of accounts", len(accountRows(t, f)), 0)
	other := &fixture{path: f.path, at: f.at}
	other.open(t)
	var both sync.WaitGroup
	set := make(chan string, 10)
	for _, s := range []*fixture{f, other} {
		both.Go(func() {
			for {
				outcome, err := s.SettlePasswords(t.Context(), lab)
				if err != nil {
					t.Error(err)
				}
				for _, username := range outcome.Passwords {
					set <- username
				}
				if err != nil || outcome.PasswordsLeft.Total() == 0 {
					return
				}
			}
		})
	}
	both.Wait()
	close(set)
	var usernames []string
	for username := range set {
		usernames = append(usernames, username)
	}
	slices.Sort(usernames)
	equal(t, "accounts that got a password", usernames, []string{"tenant-0", "tenant-1", "tenant-2"})
	f.cheapen(t, "tenant-0", "tenant-1", "tenant-2")
	hashes := query(t, f.path, "SELECT username, password_hash FROM accounts ORDER BY 1")
	equal(t, "accounts", len(hashes), 3)
	tokens := f.logIn(t, "tenant-1")
	// A server that starts later finds them in force, and ends no login.
	later := &fixture{path: f.path, at: f.at}
	later.open(t)
	outcome, err = later.StartLab(t.Context(), lab)
	ok(t, err)
	equal(t, "passwords left", outcome.PasswordsLeft, vcc.PasswordsLeft{Unchecked: 3})
	outcome, err = later.SettlePasswords(t.Context(), lab)
	ok(t, err)
	equal(t, "what is left, or was set", outcome, vcc.LabOutcome{})
	equal(t, "hashes", query(t, f.path, "SELECT username, password_hash FROM accounts ORDER BY 1"), hashes)
	_, err = f.Authenticate(t.Context(), tokens.Access)
	ok(t, err)
	// Another lab stays as it is, also where a server still sets the passwords of one before.
	ok(t, f.ApplyLab(t.Context(), renamed(plain), nil))
	f.unchanged(t, func() {
		_, err := later.SettlePasswords(t.Context(), lab)
		wantError(t, err, &vcc.Error{Code: vcc.CodeConflict, Message: "another lab was declared meanwhile; nothing was changed"})
	})
}

// TestSettlePasswords_otherForm: a lab whose names are spelled in another normal form is the same.
func TestSettlePasswords_otherForm(t *testing.T) { onBoth(t, testSettlePasswordsOtherForm) }

func testSettlePasswordsOtherForm(t *testing.T) {
	kind := onSQLite
	if strings.Contains(t.Name(), onPostgres) {
		kind = onPostgres
	}
	f := emptyStore(t, kind)
	lab := accented(t, norm.NFC)
	lab.Tenants[0].Username = "abc"
	ok(t, f.ApplyLab(t.Context(), lab, nil))
	lab = accented(t, norm.NFD)
	lab.Tenants[0].Username = "abc"
	again := must(valid(lab).WithPasswords(map[string]string{"abc": password}))
	outcome, err := f.StartLab(t.Context(), again)
	ok(t, err)
	equal(t, "passwords left", outcome.PasswordsLeft, vcc.PasswordsLeft{Missing: 1})
	outcome, err = f.SettlePasswords(t.Context(), again)
	ok(t, err)
	equal(t, "passwords set", outcome.Passwords, []string{"abc"})
}

// interrupted is a context that ends once somebody has looked at it a number of times.
type interrupted struct {
	context.Context
	looks atomic.Int32
	end   context.CancelFunc
}

func (c *interrupted) Done() <-chan struct{} {
	if c.looks.Add(-1) < 0 {
		c.end()
	}
	return c.Context.Done()
}

// TestApplyLab_interrupted: wherever a caller goes away, nothing was changed or all was.
func TestApplyLab_interrupted(t *testing.T) { onBoth(t, testApplyLabInterrupted) }

func testApplyLabInterrupted(t *testing.T) {
	f := newFixture(t)
	lab := valid(renamed(testLab()))
	for looks := range int32(40) {
		ctx := &interrupted{}
		ctx.Context, ctx.end = context.WithCancel(t.Context())
		ctx.looks.Store(looks)
		before := dump(t, f.path)
		_, err := f.PreviewLab(ctx, lab, nil)
		if err == nil && looks == 0 {
			t.Error("a preview did not notice")
		}
		ctx.looks.Store(looks)
		if err := f.ApplyLab(ctx, renamed(testLab()), nil); err == nil {
			return
		}
		equal(t, "what is stored", dump(t, f.path), before)
		ctx.end()
	}
}

// TestApplyLab_atOnce applies labs from two processes at once, each adding a tenant to the one that
// it read. The lab is one of them, and no VLAN is given out twice.
func TestApplyLab_atOnce(t *testing.T) { onBoth(t, testApplyLabAtOnce) }

func testApplyLabAtOnce(t *testing.T) {
	f := newFixture(t)
	other := &fixture{path: f.path, at: f.at}
	other.open(t)
	for round := range 5 {
		lab := must(f.Lab(t.Context()))
		var all sync.WaitGroup
		errs := make([]error, 2)
		var names []string
		for i, s := range []*fixture{f, other} {
			grown := lab
			name := fmt.Sprintf("New %d %d", round, i)
			names = append(names, name)
			grown.Tenants = append(slices.Clone(lab.Tenants), vcc.LabTenant{Name: name})
			all.Go(func() { errs[i] = s.ApplyLab(t.Context(), grown, nil) })
		}
		all.Wait()
		// The later one would remove what the earlier one added, unless it was planned before.
		added := query(t, f.path, "SELECT name FROM tenants ORDER BY ordinal")
		added = slices.DeleteFunc(added, func(name string) bool { return !slices.Contains(names, name) })
		if len(added) != 1 {
			t.Fatalf("round %d: %v are there, and the errors are %v", round, added, errs)
		}
		refused := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
		if len(refused) != 1 || !strings.Contains(refused[0].Error(), "the lab no longer has tenant") {
			t.Fatalf("round %d: errors %v", round, errs)
		}
	}
}
