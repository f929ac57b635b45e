package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestWindowSessions: a browser's session lasts while it is used, for twelve hours at most, and is good for
// nothing else.
func TestWindowSessions(t *testing.T) { onBoth(t, testWindowSessions) }

func testWindowSessions(t *testing.T) {
	f := withAccounts(t)
	ctx := t.Context()
	open := func() string {
		t.Helper()
		token, _, err := f.OpenWindowSession(ctx, "abc", password, home)
		ok(t, err)
		return token
	}
	began := f.at
	token := open()
	account, err := f.WindowSession(ctx, token)
	ok(t, err)
	equal(t, "account", account, vcc.Account{Username: "abc", Role: vcc.RoleTenant, TenantID: f.abc.TenantID})
	listed, err := f.Sessions(ctx, "abc")
	ok(t, err)
	listed[0].ID = ""
	equal(t, "sessions", listed, []vcc.Session{{
		Username: "abc", Address: "192.0.2.1", Since: began, RefreshedAt: began, ExpiresAt: began.Add(vcc.WindowIdleTime),
	}})

	// Each kind of token is good for its own.
	_, err = f.Authenticate(ctx, token)
	wantCode(t, "a session as an access token", err, vcc.CodeInvalidToken)
	_, err = f.Authenticate(ctx, strings.TrimPrefix(token, "window."))
	wantCode(t, "a session without its beginning", err, vcc.CodeInvalidToken)
	tokens := f.logIn(t, "abc")
	for _, other := range []string{tokens.Access, tokens.Refresh, "window." + tokens.Access} {
		_, err = f.WindowSession(ctx, other)
		wantCode(t, "a client's token as a session", err, vcc.CodeInvalidToken)
		ok(t, f.EndWindowSession(ctx, other)) // which ends nothing
	}
	_, err = f.Authenticate(ctx, tokens.Access)
	ok(t, err)

	// In use it goes on, to the end.
	for f.at = f.at.Add(20 * time.Minute); f.at.Before(began.Add(vcc.WindowSessionLifetime)); f.at = f.at.Add(20 * time.Minute) {
		if _, err := f.WindowSession(ctx, token); err != nil {
			t.Fatalf("after %s in use: %v", f.at.Sub(began), err)
		}
		listed, err := f.Sessions(ctx, "abc")
		ok(t, err)
		if len(listed) != 2 || !listed[1].Since.Equal(began) && !listed[0].Since.Equal(began) {
			t.Fatalf("after %s in use these are listed: %+v", f.at.Sub(began), listed)
		}
	}
	_, err = f.WindowSession(ctx, token)
	wantCode(t, "a session after twelve hours", err, vcc.CodeExpiredToken)

	// Out of use it ends.
	token = open()
	f.at = f.at.Add(vcc.WindowIdleTime)
	_, err = f.WindowSession(ctx, token)
	wantCode(t, "a session that nobody used", err, vcc.CodeExpiredToken)
	listed, err = f.Sessions(ctx, "abc")
	ok(t, err)
	if slices.ContainsFunc(listed, func(s vcc.Session) bool { return s.Since.Equal(f.at.Add(-vcc.WindowIdleTime)) }) {
		t.Errorf("a session that nobody used is listed: %+v", listed)
	}

	// A logout ends that one session, and nothing of it is left.
	first, second := open(), open()
	ok(t, f.EndWindowSession(ctx, first))
	_, err = f.WindowSession(ctx, first)
	wantCode(t, "a session after the logout", err, vcc.CodeInvalidToken)
	ok(t, f.EndWindowSession(ctx, first))
	_, err = f.WindowSession(ctx, second)
	ok(t, err)
	_, err = f.RevokeAccount(ctx, "abc")
	ok(t, err)
	_, err = f.WindowSession(ctx, second)
	wantCode(t, "a session of an account that was revoked", err, vcc.CodeInvalidToken)
	_, _, err = f.OpenWindowSession(ctx, "abc", "wrong password", home)
	wantCode(t, "a wrong password", err, vcc.CodeInvalidToken)
}

// TestWindowQuestions: what the window asks beside the API's services, for one tenant's eyes alone.
func TestWindowQuestions(t *testing.T) { onBoth(t, testWindowQuestions) }

func testWindowQuestions(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	provider, err := f.ServiceProvider(ctx)
	ok(t, err)
	equal(t, "service provider", provider.Name, "sp.example.net")

	for _, tc := range []struct {
		containing string
		page       vcc.Page
		names      []string
		total      int
	}{
		{"", vcc.Page{Limit: 10}, []string{"ABC", "XYZ"}, 2},
		{"", vcc.Page{Skip: 1, Limit: 1}, []string{"XYZ"}, 2},
		{"", vcc.Page{Skip: 9, Limit: 1}, nil, 2},
		{"xy", vcc.Page{Limit: 10}, []string{"XYZ"}, 1},
		{"nobody", vcc.Page{Limit: 10}, nil, 0},
	} {
		found, total, err := f.TenantNames(ctx, tc.containing, tc.page)
		ok(t, err)
		equal(t, "tenants with "+tc.containing, each(found, func(t vcc.Tenant) string { return t.Name }), tc.names)
		equal(t, "number of them", total, tc.total)
	}

	networks, _, err := f.Networks(ctx, f.abc, vcc.NetworkFilter{}, vcc.Page{Limit: 1})
	ok(t, err)
	n, g, err := f.NetworkAndGateway(ctx, f.abc, networks[0].ID)
	ok(t, err)
	if n != networks[0] || g != nil {
		t.Errorf("the network is %+v with %+v", n, g)
	}
	_, _, err = f.NetworkAndGateway(ctx, f.xyz, networks[0].ID)
	wantCode(t, "another tenant's network", err, vcc.CodeNotFound)

	for _, enabled := range []bool{true, true, false} {
		f.at = f.at.Add(time.Minute)
		_, err = f.PutNetworkRouting(ctx, f.abc, enabled, vcc.Precondition{})
		ok(t, err)
	}
	changes, total, err := f.NetworkRoutingChanges(ctx, f.abc, vcc.Page{Limit: 10})
	ok(t, err)
	equal(t, "changes", changes, []vcc.RoutingChange{
		{Revision: 2, Time: f.at, Actor: f.abc.Name, Before: true},
		{Revision: 1, Time: f.at.Add(-2 * time.Minute), Actor: f.abc.Name, After: true},
	})
	equal(t, "number of changes", total, 2)
	_, total, err = f.NetworkRoutingChanges(ctx, f.xyz, vcc.Page{Limit: 10})
	ok(t, err)
	equal(t, "changes of the other tenant", total, 0)
}
