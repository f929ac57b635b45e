package store_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/accounttest"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const (
	password = "correct horse battery"
	another  = "staple of the horse"
)

var (
	home      = netip.MustParseAddr("192.0.2.1")
	elsewhere = netip.MustParseAddr("192.0.2.2")
)

// wantCode fails unless an error has a code.
func wantCode(t *testing.T, what string, err error, want vcc.ErrorCode) {
	t.Helper()
	if vcc.Code(err) != want {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

// withAccounts is a fixture with an operator and an account of ABC's.
func withAccounts(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	query(t, f.path, "INSERT INTO accounts (username, tenant_id, password_hash, declared) "+
		"VALUES ('root', NULL, ?, FALSE)", cheapHash)
	query(t, f.path, "INSERT INTO accounts (username, tenant_id, password_hash, declared) "+
		"VALUES ('abc', ?, ?, FALSE)", f.abc.TenantID, cheapHash)
	return f
}

// cheapHash is password in the form that is stored. What the store itself makes of a password has
// the real parameters (TestPasswordHash).
var cheapHash = accounttest.Hash(password)

// cheapen replaces the hashes of accounts whose password is password.
func (f *fixture) cheapen(t *testing.T, usernames ...string) {
	t.Helper()
	for _, username := range usernames {
		query(t, f.path, "UPDATE accounts SET password_hash = ? WHERE username = ?", cheapHash, username)
	}
}

// TestPasswordHash: what is stored of a password takes the memory and the passes that RFC 9106
// recommends, and no two accounts with one password have one salt.
func TestPasswordHash(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	form := regexp.MustCompile(`^\$argon2id\$v=19\$m=65536,t=3,p=4\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`)
	hash := func(username string) string {
		rows := query(t, f.path, "SELECT password_hash FROM accounts WHERE username = ?", username)
		if len(rows) != 1 || !form.MatchString(rows[0]) {
			t.Fatalf("%s: stored is %q", username, rows)
		}
		return rows[0]
	}
	ok(t, f.AddAccount(t.Context(), vcc.Account{Username: "root", Role: vcc.RoleOperator}, password))
	ok(t, f.AddAccount(t.Context(), vcc.Account{Username: "other", Role: vcc.RoleOperator}, password))
	first := hash("root")
	if first == hash("other") {
		t.Error("two accounts with one password have one hash")
	}
	ok(t, f.SetPassword(t.Context(), "root", password))
	if hash("root") == first {
		t.Error("a password that was set again has the hash of before")
	}
	f.logIn(t, "root")
}

func (f *fixture) logIn(t *testing.T, username string) vcc.Tokens {
	t.Helper()
	tokens, _, err := f.LogIn(t.Context(), username, password, home)
	ok(t, err)
	return tokens
}

func TestAccounts(t *testing.T) { onBoth(t, testAccounts) }

func testAccounts(t *testing.T) {
	f := withAccounts(t)
	ctx := t.Context()
	accounts, err := f.Accounts(ctx)
	ok(t, err)
	equal(t, "accounts", accounts, []vcc.Account{
		{Username: "abc", Role: vcc.RoleTenant, TenantID: f.abc.TenantID},
		{Username: "root", Role: vcc.RoleOperator},
	})
	operator := vcc.Account{Username: "root", Role: vcc.RoleOperator}
	wantCode(t, "a second account of a name", f.AddAccount(ctx, operator, password), vcc.CodeConflict)
	wantCode(t, "a short password", f.AddAccount(ctx, vcc.Account{Username: "x", Role: vcc.RoleOperator}, "short"), vcc.CodeInvalidValue)
	wantCode(t, "no name", f.AddAccount(ctx, vcc.Account{Role: vcc.RoleOperator}, password), vcc.CodeInvalidValue)
	wantCode(t, "an unknown tenant", f.AddAccount(ctx, vcc.Account{Username: "x", Role: vcc.RoleTenant, TenantID: unknownID}, password), vcc.CodeNotFound)
	wantCode(t, "password of nobody", f.SetPassword(ctx, "nobody", another), vcc.CodeNotFound)
	wantCode(t, "a bad password", f.SetPassword(ctx, "root", "line\nbreak and more"), vcc.CodeInvalidValue)
	wantCode(t, "removal of nobody", f.RemoveAccount(ctx, "nobody", false), vcc.CodeNotFound)

	tokens := f.logIn(t, "abc")
	account, err := f.Authenticate(ctx, tokens.Access)
	ok(t, err)
	equal(t, "account", account, accounts[0])
	account, err = f.Authenticate(ctx, f.logIn(t, "root").Access)
	ok(t, err)
	equal(t, "account", account, operator)

	ok(t, f.SetPassword(ctx, "abc", another))
	_, err = f.Authenticate(ctx, tokens.Access)
	wantCode(t, "access after a new password", err, vcc.CodeInvalidToken)
	_, err = f.Refresh(ctx, tokens.Refresh, home)
	wantCode(t, "refresh after a new password", err, vcc.CodeInvalidToken)
	_, _, err = f.LogIn(ctx, "abc", password, home)
	wantCode(t, "the old password", err, vcc.CodeInvalidToken)
	tokens, _, err = f.LogIn(ctx, "abc", another, home)
	ok(t, err)

	ok(t, f.RemoveAccount(ctx, "abc", false))
	_, err = f.Authenticate(ctx, tokens.Access)
	wantCode(t, "access after a removal", err, vcc.CodeInvalidToken)
	_, _, err = f.LogIn(ctx, "abc", another, home)
	wantCode(t, "login after a removal", err, vcc.CodeInvalidToken)
}

func TestRemoveAccount_lastOperator(t *testing.T) { onBoth(t, testRemoveAccountLastOperator) }

func testRemoveAccountLastOperator(t *testing.T) {
	f := withAccounts(t)
	ctx := t.Context()
	query(t, f.path, "INSERT INTO accounts (username, tenant_id, password_hash, declared) VALUES ('second', NULL, ?, FALSE)", cheapHash)
	// Two that go at once: one stays.
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i, name := range []string{"root", "second"} {
		wg.Go(func() { errs[i] = f.RemoveAccount(ctx, name, false) })
	}
	wg.Wait()
	last := "second"
	if errs[0] != nil {
		last = "root"
		slices.Reverse(errs)
	}
	ok(t, errs[0])
	wantError(t, errs[1], &vcc.Error{Code: vcc.CodeConflict, Message: fmt.Sprintf(
		"%q is the last operator, and without one nobody can declare labs over the network; nothing was changed. Add another operator first, or use --force", last)})
	ok(t, f.RemoveAccount(ctx, "abc", false)) // a tenant's goes
	// A lab removes and takes over no operator.
	lab := testLab()
	lab.Tenants[0].Username = last
	wantCode(t, "a lab", f.ApplyLabWith(ctx, lab, map[string]string{last: password}, nil), vcc.CodeConflict)
	lab = testLab()
	lab.Tenants = lab.Tenants[:1]
	ok(t, f.ApplyLab(ctx, lab, []string{"tenant:XYZ"}))
	accounts, err := f.Accounts(ctx)
	ok(t, err)
	equal(t, "accounts", accounts, []vcc.Account{{Username: last, Role: vcc.RoleOperator}})
	ok(t, f.RemoveAccount(ctx, last, true))
}

func TestViewer(t *testing.T) { onBoth(t, testViewer) }

func testViewer(t *testing.T) {
	f := withAccounts(t)
	ctx := t.Context()
	viewer := vcc.Account{Username: "viewer", Role: vcc.RoleViewer, TenantID: f.abc.TenantID}
	ok(t, f.AddAccount(ctx, viewer, password))
	f.cheapen(t, "viewer")
	account, err := f.Authenticate(ctx, f.logIn(t, "viewer").Access)
	ok(t, err)
	equal(t, "account", account, viewer)
	viewer.Username, viewer.TenantID = "second", ""
	wantCode(t, "a viewer of no tenant", f.AddAccount(ctx, viewer, password), vcc.CodeNotFound)
	// A tenant's declared account can write, so a lab takes no viewer for it.
	lab := testLab()
	lab.Tenants[0].Username = "viewer"
	wantError(t, f.ApplyLabWith(ctx, lab, map[string]string{"viewer": password}, nil), &vcc.Error{Code: vcc.CodeConflict,
		Message: `the lab replaces account "viewer" of tenant "ABC": it was made by hand, and the lab gives its user name a password; nothing was changed. ` +
			`Use other user names, or name what is to go: --remove account:viewer`})
}

func TestSessions(t *testing.T) { onBoth(t, testSessions) }

func testSessions(t *testing.T) {
	f := withAccounts(t)
	ctx := t.Context()
	sessions := func(username string) []vcc.Session {
		t.Helper()
		list, err := f.Sessions(ctx, username)
		ok(t, err)
		return list
	}
	began := f.at
	first := f.logIn(t, "abc")
	f.at = f.at.Add(time.Hour)
	_, _, err := f.LogIn(ctx, "abc", password, netip.MustParseAddr("2001:db8::1%eth0"))
	ok(t, err)
	rootTokens := f.logIn(t, "root")
	f.at = f.at.Add(time.Hour)
	refreshed, err := f.Refresh(ctx, first.Refresh, elsewhere)
	ok(t, err)
	all := sessions("")
	ids := each(all, func(s vcc.Session) string { return s.ID })
	for i := range all {
		all[i].ID = ""
	}
	end := func(refreshed time.Time) time.Time { return refreshed.Add(vcc.RefreshTokenLifetime) }
	hour, twoHours := began.Add(time.Hour), began.Add(2*time.Hour)
	equal(t, "sessions", all, []vcc.Session{
		{Username: "abc", Address: "192.0.2.1", Since: began, RefreshedAt: twoHours, ExpiresAt: end(twoHours)},
		{Username: "abc", Address: "2001:db8::/64", Since: hour, RefreshedAt: hour, ExpiresAt: end(hour)},
		{Username: "root", Address: "192.0.2.1", Since: hour, RefreshedAt: hour, ExpiresAt: end(hour)},
	})
	equal(t, "sessions of one account", len(sessions("abc")), 2)

	// One ends, and the others go on.
	ok(t, f.RevokeSession(ctx, ids[0]))
	_, err = f.Authenticate(ctx, refreshed.Access)
	wantCode(t, "access after its session", err, vcc.CodeInvalidToken)
	_, err = f.Refresh(ctx, refreshed.Refresh, home)
	wantCode(t, "refresh after its session", err, vcc.CodeInvalidToken)
	equal(t, "sessions that are left", each(sessions(""), func(s vcc.Session) string { return s.ID }), ids[1:])
	wantCode(t, "a session that ended", f.RevokeSession(ctx, ids[0]), vcc.CodeNotFound)
	for _, none := range []string{"", unknownID, "a\x00b"} {
		wantCode(t, "no session", f.RevokeSession(ctx, none), vcc.CodeNotFound)
	}
	// All of an account end, and the account stays.
	ended, err := f.RevokeAccount(ctx, "abc")
	ok(t, err)
	equal(t, "sessions that ended", ended, 1)
	equal(t, "sessions of the account", len(sessions("abc")), 0)
	f.logIn(t, "abc")
	equal(t, "sessions of another account", len(sessions("root")), 1)
	_, err = f.RevokeAccount(ctx, "nobody")
	wantCode(t, "nobody's sessions", err, vcc.CodeNotFound)
	_, err = f.Sessions(ctx, "nobody")
	wantCode(t, "nobody's sessions", err, vcc.CodeNotFound)

	// Of a login from before there was a time and an address of it the last refresh is known.
	query(t, f.path, "UPDATE tokens SET since = NULL, address = '' WHERE username = 'root'")
	old := sessions("root")[0]
	equal(t, "session of an older release", []any{old.Since, old.RefreshedAt, old.Address}, []any{hour, hour, ""})
	_, err = f.Refresh(ctx, rootTokens.Refresh, home)
	ok(t, err)
	// What expired is no session.
	f.at = f.at.Add(vcc.RefreshTokenLifetime)
	equal(t, "sessions that expired", len(sessions("")), 0)
}

// Who does not exist is answered like who has another password.
func TestLogIn_unknownAccount(t *testing.T) {
	t.Parallel()
	f := withAccounts(t)
	_, _, known := f.LogIn(t.Context(), "abc", "wrong password", home)
	_, _, unknown := f.LogIn(t.Context(), "nobody", "wrong password", home)
	wantCode(t, "a wrong password", known, vcc.CodeInvalidToken)
	equal(t, "answer to an unknown name", fmt.Sprint(unknown), fmt.Sprint(known))
}

func TestTokens(t *testing.T) { onBoth(t, testTokens) }

func testTokens(t *testing.T) {
	f := withAccounts(t)
	ctx := t.Context()
	valid := func(what, access string, want vcc.ErrorCode) {
		t.Helper()
		_, err := f.Authenticate(ctx, access)
		wantCode(t, what, err, want)
	}
	first, other := f.logIn(t, "abc"), f.logIn(t, "abc")
	valid("a refresh token as an access token", first.Refresh, vcc.CodeInvalidToken)
	valid("no token", "", vcc.CodeInvalidToken)
	_, err := f.Refresh(ctx, first.Access, home)
	wantCode(t, "an access token as a refresh token", err, vcc.CodeInvalidToken)

	second, err := f.Refresh(ctx, first.Refresh, home)
	ok(t, err)
	valid("the first access token", first.Access, "")
	valid("the second access token", second.Access, "")
	// The second use of a refresh token ends everything of its login, and nothing else.
	_, err = f.Refresh(ctx, first.Refresh, home)
	wantCode(t, "a used refresh token", err, vcc.CodeInvalidToken)
	valid("the first access token after a reuse", first.Access, vcc.CodeInvalidToken)
	valid("the second access token after a reuse", second.Access, vcc.CodeInvalidToken)
	_, err = f.Refresh(ctx, second.Refresh, home)
	wantCode(t, "the next refresh token after a reuse", err, vcc.CodeInvalidToken)
	valid("the other login's access token", other.Access, "")

	f.at = f.at.Add(vcc.AccessTokenLifetime - time.Second)
	valid("an access token before its end", other.Access, "")
	f.at = f.at.Add(time.Second)
	valid("an access token at its end", other.Access, vcc.CodeExpiredToken)
	other, err = f.Refresh(ctx, other.Refresh, home)
	ok(t, err)
	f.at = f.at.Add(vcc.RefreshTokenLifetime)
	_, err = f.Refresh(ctx, other.Refresh, home)
	wantCode(t, "a refresh token at its end", err, vcc.CodeExpiredToken)
	// What expired is forgotten in the end.
	f.at = f.at.Add(25 * time.Hour)
	f.logIn(t, "abc")
	valid("an access token that expired long ago", other.Access, vcc.CodeInvalidToken)
	equal(t, "tokens that are stored", query(t, f.path, "SELECT count(*) FROM tokens"), []string{"2"})
}

// Of many that use one refresh token at once one gets new ones.
func TestRefresh_atOnce(t *testing.T) { onBoth(t, testRefreshAtOnce) }

func testRefreshAtOnce(t *testing.T) {
	f := withAccounts(t)
	tokens := f.logIn(t, "abc")
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { _, errs[i] = f.Refresh(t.Context(), tokens.Refresh, home) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			wantCode(t, "a refresh that lost", err, vcc.CodeInvalidToken)
		}
	}
	equal(t, "refreshes that won", won, 1)
}

// TestLogIn_passwordChanged changes an account while the password of before is compared, which
// takes a tenth of a second: what was right as the login began is wrong as it ends.
func TestLogIn_passwordChanged(t *testing.T) { onBoth(t, testLogInPasswordChanged) }

func testLogInPasswordChanged(t *testing.T) {
	at := netip.MustParseAddr("192.0.2.3")
	if strings.HasSuffix(t.Name(), onPostgres) {
		at = at.Next()
	}
	for what, change := range map[string]func(f *fixture) error{
		"another password": func(f *fixture) error { return f.SetPasswordHash(t.Context(), "abc", accounttest.Hash(another)) },
		// The same one with another salt: everything that came of it ends all the same.
		"the password set again": func(f *fixture) error { return f.SetPasswordHash(t.Context(), "abc", accounttest.Hash(password)) },
		"a removal":              func(f *fixture) error { return f.RemoveAccount(t.Context(), "abc", false) },
	} {
		f := withAccounts(t)
		release := store.HoldHashing()
		answer := make(chan error)
		go func() {
			_, _, err := f.LogIn(t.Context(), "abc", password, at)
			answer <- err
		}()
		// The account was read by then.
		for store.HashingWaits(at) == 0 {
			time.Sleep(time.Millisecond)
		}
		err := change(f)
		release()
		ok(t, err)
		_, _, wrong := f.LogIn(t.Context(), "root", another, elsewhere)
		equal(t, what+": answer", fmt.Sprint(<-answer), fmt.Sprint(wrong))
		equal(t, what+": tokens", query(t, f.path, "SELECT count(*) FROM tokens"), []string{"0"})
	}
}

// TestExpiredTokens: each kind of token is good until its own end and no longer, for the store
// that issued it and for another on the database.
func TestExpiredTokens(t *testing.T) { onBoth(t, testExpiredTokens) }

func testExpiredTokens(t *testing.T) {
	f := withAccounts(t)
	other := &fixture{path: f.path, at: f.at}
	other.open(t)
	began := f.at
	tokens := f.logIn(t, "abc")
	access := func(f *fixture) error {
		_, err := f.Authenticate(t.Context(), tokens.Access)
		return err
	}
	refresh := func(f *fixture) error {
		_, err := f.Refresh(t.Context(), tokens.Refresh, home)
		return err
	}
	for _, tc := range []struct {
		name string
		age  time.Duration
		use  func(*fixture) error
		want vcc.ErrorCode
	}{
		{"access token before its end", vcc.AccessTokenLifetime - time.Microsecond, access, ""},
		{"access token at its end", vcc.AccessTokenLifetime, access, vcc.CodeExpiredToken},
		{"access token a day later", vcc.AccessTokenLifetime + 24*time.Hour, access, vcc.CodeExpiredToken},
		{"refresh token at its end", vcc.RefreshTokenLifetime, refresh, vcc.CodeExpiredToken},
		{"refresh token after its end", vcc.RefreshTokenLifetime + time.Hour, refresh, vcc.CodeExpiredToken},
		{"refresh token before its end", vcc.RefreshTokenLifetime - time.Microsecond, refresh, ""}, // and then it is used
	} {
		for _, s := range []*fixture{f, other} {
			s.at = began.Add(tc.age)
			if s == other && tc.want == "" && strings.HasPrefix(tc.name, "refresh") {
				continue
			}
			wantCode(t, tc.name, tc.use(s), tc.want)
		}
	}
}

// A lab declares accounts.
func TestLabAccounts(t *testing.T) { onBoth(t, testLabAccounts) }

func testLabAccounts(t *testing.T) {
	f := withAccounts(t)
	ctx := t.Context()
	query(t, f.path, "UPDATE accounts SET username = 'abc-helpdesk' WHERE username = 'abc'")
	lab := testLab()
	lab.Tenants[0].Username, lab.Tenants[1].Username = "abc", "xyz"
	missing := func(want ...string) {
		t.Helper()
		tenants, err := f.TenantsWithoutAccount(ctx)
		ok(t, err)
		equal(t, "tenants without an account", each(tenants, func(t vcc.Tenant) string { return t.Name }), append([]string{}, want...))
	}
	names := func(want ...string) {
		t.Helper()
		accounts, err := f.Accounts(ctx)
		ok(t, err)
		equal(t, "accounts", each(accounts, func(a vcc.Account) string { return a.Username }), want)
	}
	ok(t, f.ApplyLab(ctx, lab, nil))
	names("abc-helpdesk", "root")
	missing("XYZ")                                                // ABC has one that no lab declares
	outcome, err := f.Store.ApplyLab(ctx, must(lab.Check()), nil) // also where nothing changes
	ok(t, err)
	equal(t, "warnings", outcome.Warnings, []vcc.Warning{{Field: "passwords", Message: `tenant "XYZ" has no account: declare a password for its user name`}})

	passwords := map[string]string{"abc": password, "xyz": "short"}
	wantError(t, f.ApplyLabWith(ctx, lab, passwords, nil), &vcc.Error{Code: vcc.CodeInvalidValue, Field: "tenants[1].password_env", Message: "the password needs 8 characters at least"})
	passwords["xyz"] = password
	ok(t, f.ApplyLabWith(ctx, lab, passwords, nil))
	names("abc", "abc-helpdesk", "root", "xyz")
	missing()
	account, err := f.Authenticate(ctx, f.logIn(t, "abc").Access)
	ok(t, err)
	equal(t, "account", account, vcc.Account{Username: "abc", Role: vcc.RoleTenant, TenantID: f.abc.TenantID})

	// Declared once more, and without a password, an account stays as it is.
	f.cheapen(t, "abc", "xyz")
	tokens := f.logIn(t, "xyz")
	ok(t, f.ApplyLabWith(ctx, lab, passwords, nil))
	ok(t, f.ApplyLab(ctx, lab, nil))
	_, err = f.Authenticate(ctx, tokens.Access)
	wantCode(t, "access after the same lab", err, "")
	ok(t, f.ApplyLabWith(ctx, lab, map[string]string{"xyz": another}, nil))
	_, err = f.Authenticate(ctx, tokens.Access)
	wantCode(t, "access after another password", err, vcc.CodeInvalidToken)
	_, _, err = f.LogIn(ctx, "xyz", another, home)
	ok(t, err)

	// Names that belong to somebody else are refused, and nothing happens.
	for taken, claimed := range map[string]string{"root": password, "abc-helpdesk": another} { // which is the right one, and a wrong one
		lab.Tenants[1].Username = taken
		wantError(t, f.ApplyLabWith(ctx, lab, map[string]string{taken: claimed}, nil), &vcc.Error{Code: vcc.CodeConflict, Field: "tenants[1].username", Message: fmt.Sprintf(
			"%q is an account that does not belong to tenant \"XYZ\"; nothing was changed. Use another user name", taken)})
	}
	names("abc", "abc-helpdesk", "root", "xyz")
	// Another name is another account, and a tenant takes its accounts along.
	lab.Tenants[1].Username = "xyz-holding"
	ok(t, f.ApplyLabWith(ctx, lab, map[string]string{"xyz-holding": password}, nil))
	names("abc", "abc-helpdesk", "root", "xyz-holding")
	lab.Tenants = lab.Tenants[1:]
	ok(t, f.ApplyLab(ctx, lab, []string{"ABC"}))
	names("root", "xyz-holding")
}

// What a lab was declared as can be had back, and changes nothing when it is declared.
func TestLab(t *testing.T) { onBoth(t, testLabBack) }

func testLabBack(t *testing.T) {
	f := newFixture(t)
	got, err := f.Lab(t.Context())
	ok(t, err)
	want := testLab()
	slices.SortFunc(want.HardwarePlans, func(a, b vcc.LabHardwarePlan) int { return strings.Compare(a.Name, b.Name) })
	equal(t, "lab", got, want)
	networks := f.networks(t, f.abc)
	ok(t, f.ApplyLab(t.Context(), got, nil))
	equal(t, "networks", f.networks(t, f.abc), networks)
}

func TestTenant(t *testing.T) { onBoth(t, testTenant) }

func testTenant(t *testing.T) {
	f := newFixture(t)
	for _, nameOrID := range []string{"XYZ", f.xyz.TenantID} {
		tenant, err := f.Tenant(t.Context(), nameOrID)
		ok(t, err)
		equal(t, "tenant", tenant, vcc.Tenant{ID: f.xyz.TenantID, Name: "XYZ"})
	}
	for _, nobody := range []string{"", "xyz", unknownID, "a\x00b", "\xff"} {
		_, err := f.Tenant(t.Context(), nobody)
		wantCode(t, fmt.Sprintf("tenant %q", nobody), err, vcc.CodeNotFound)
	}
}
