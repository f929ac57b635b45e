package httpapi_test

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestClientOperations plays every operation of the client on a real server.
func TestClientOperations(t *testing.T) {
	a := newAPI(t, nil)
	c, ctx := a.client(t, "ABC"), t.Context()
	names := func(list []httpapi.Network) (names []string) {
		for _, n := range list {
			names = append(names, n.Name)
		}
		return names
	}

	info, err := c.ServerInfo(ctx)
	ok(t, err)
	equal(t, "server", *info, httpapi.ServerInfo{Name: "terraform-provider-vcc", BuildVersion: "1.2.3", APIVersion: "1.0"})
	plans, err := c.HardwarePlans(ctx)
	ok(t, err)
	equal(t, "number of plans", len(plans), 2)
	networks, err := c.Networks(ctx, "")
	ok(t, err)
	equal(t, "networks", names(networks), []string{"Silver network 1 (internet)", "Silver network 1", "Silver network 2", "Gold network 1 (internet)"})
	gold, err := c.Networks(ctx, plans[1].ID)
	ok(t, err)
	equal(t, "networks of a plan", names(gold), []string{"Gold network 1 (internet)"})
	n := networks[0]

	_, err = c.DefaultGateway(ctx, n.ID)
	wantVCC(t, err, vcc.Error{Code: vcc.CodeNotFound, ResourceID: n.ID})
	settings := httpapi.GatewaySettings{IPv4: &httpapi.IPv4Settings{Address: "172.17.52.1", SubnetMask: "255.255.254.0"}}
	first, err := c.PutDefaultGateway(ctx, n.ID, settings, httpapi.IfAbsent())
	ok(t, err)
	equal(t, "settings", first.Settings(), settings)
	v6 := httpapi.GatewaySettings{IPv6: &httpapi.IPv6Settings{Address: "fe80::1", Network: "2001:db8::", PrefixLength: 48}}
	second, err := c.PutDefaultGateway(ctx, n.ID, v6, httpapi.IfRevision(first.Revision))
	ok(t, err)
	equal(t, "revision, family and warnings", []any{second.Revision, second.IPv4, len(second.Warnings)}, []any{int64(2), (*httpapi.IPv4)(nil), 1})
	stored, err := c.DefaultGateway(ctx, n.ID)
	ok(t, err)
	equal(t, "what is stored", stored, second, cmpopts.IgnoreFields(*stored, "Warnings"))
	list, err := c.DefaultGateways(ctx)
	ok(t, err)
	equal(t, "gateways", list, []httpapi.DefaultGateway{*stored})

	_, err = c.PutDefaultGateway(ctx, n.ID, settings, httpapi.IfRevision(first.Revision))
	wantVCC(t, err, vcc.Error{Code: vcc.CodePreconditionFailed, ResourceID: n.ID, Current: stored})
	_, err = c.PutDefaultGateway(ctx, n.ID, settings, httpapi.IfAbsent())
	wantVCC(t, err, vcc.Error{Code: vcc.CodePreconditionFailed, ResourceID: n.ID, Current: stored})
	wantVCC(t, c.RemoveDefaultGateway(ctx, n.ID, httpapi.IfRevision(first.Revision)), vcc.Error{Code: vcc.CodePreconditionFailed, ResourceID: n.ID, Current: stored})
	_, err = c.PutDefaultGateway(ctx, n.ID, httpapi.GatewaySettings{}, httpapi.Unconditional())
	wantVCC(t, err, vcc.Error{Code: vcc.CodeInvalidValue})
	ok(t, c.RemoveDefaultGateway(ctx, n.ID, httpapi.IfRevision(2)))
	wantVCC(t, c.RemoveDefaultGateway(ctx, n.ID, httpapi.Unconditional()), vcc.Error{Code: vcc.CodeNotFound, ResourceID: n.ID})
	changes, err := c.DefaultGatewayChanges(ctx, n.ID)
	ok(t, err)
	equal(t, "number of changes and the newest", []any{len(changes), changes[0].Before, changes[0].After}, []any{3, &second.GatewayState, (*httpapi.GatewayState)(nil)})

	third, err := c.PutDefaultGateway(ctx, n.ID, settings, httpapi.IfAbsent())
	ok(t, err)
	_, err = c.RestoreDetectedGateway(ctx, n.ID, httpapi.IfRevision(first.Revision))
	wantVCC(t, err, vcc.Error{Code: vcc.CodePreconditionFailed, ResourceID: n.ID, Current: third})
	removed, err := c.RestoreDetectedGateway(ctx, n.ID, httpapi.IfRevision(third.Revision))
	ok(t, err)
	equal(t, "what a removal brought back", removed, (*httpapi.DefaultGateway)(nil))
	_, err = c.RestoreDetectedGateway(ctx, n.ID, httpapi.Unconditional())
	wantVCC(t, err, vcc.Error{Code: vcc.CodeNotFound, ResourceID: n.ID})

	option, err := c.PutNetworkRouting(ctx, true, httpapi.IfRevision(0))
	ok(t, err)
	read, err := c.NetworkRouting(ctx)
	ok(t, err)
	equal(t, "routing", read, option)
	_, err = c.PutNetworkRouting(ctx, false, httpapi.IfRevision(0))
	wantVCC(t, err, vcc.Error{Code: vcc.CodePreconditionFailed, ResourceID: a.tokens["ABC"].TenantID, Current: option})

	jobs, err := c.ReplicationJobs(ctx)
	ok(t, err)
	run, err := c.RunReplicationJob(ctx, jobs[0].ID)
	ok(t, err)
	equal(t, "runs, detected and skipped", []any{run.Job.Runs, len(run.Detected), len(run.Skipped)}, []any{1, 1, 1})

	failoverPlans, err := c.FailoverPlans(ctx)
	ok(t, err)
	equal(t, "failover plans", failoverPlans, []httpapi.FailoverPlan{{
		ID: a.plan(t), Name: "Whole site", VMs: []string{"web01"},
		PublicIPRules: []httpapi.PublicIPRule{{Address: "203.0.113.10", Port: 443, ToAddress: "172.17.52.10", ToPort: 8443}},
	}})
	plan := failoverPlans[0].ID
	tested, err := c.TestFailover(ctx, plan)
	ok(t, err)
	equal(t, "ID of a test", tested.ID, "")
	_, err = c.UndoFailover(ctx, plan)
	wantVCC(t, err, vcc.Error{Code: vcc.CodeConflict, ResourceID: plan})
	started, err := c.StartFailover(ctx, plan, false)
	ok(t, err)
	appliances, err := c.Appliances(ctx)
	ok(t, err)
	equal(t, "states and session", []any{len(appliances), appliances[0].State, appliances[0].Session, appliances[1].State}, []any{2, "fullSiteFailover", started, "stopped"})
	_, err = c.StartPartialFailover(ctx, "web01")
	wantVCC(t, err, vcc.Error{Code: vcc.CodeConflict, ResourceID: started.ID})
	undone, err := c.UndoFailover(ctx, plan)
	ok(t, err)
	equal(t, "session and who ended it", []string{undone.ID, undone.EndedBy}, []string{started.ID, "admin of ABC"})
	partial, err := c.StartPartialFailover(ctx, "web01")
	ok(t, err)
	stopped, err := c.StopPartialFailover(ctx, "web01")
	ok(t, err)
	equal(t, "kind and session", []any{stopped.Kind, stopped.ID}, []any{vcc.FailoverPartialSite, partial.ID})
	reach, err := c.Trace(ctx, httpapi.TraceQuestion{Source: "10.0.0.2", Destination: "10.0.1.2", Protocol: "tcp", Port: new(443)})
	ok(t, err)
	equal(t, "reachable, destination and reply", []any{reach.Reachable, reach.Destination, reach.Reply}, []any{true, "10.0.1.2:443", &reach.TracedPacket})
	_, err = c.Trace(ctx, httpapi.TraceQuestion{Source: "10.0.0.2", Destination: "10.0.1.2", Protocol: "tcp"})
	wantVCC(t, err, vcc.Error{Code: vcc.CodeInvalidValue, Field: "port"})

	_, err = c.RunReplicationJob(ctx, "a/../../b?c#d%")
	wantVCC(t, err, vcc.Error{Code: vcc.CodeNotFound, ResourceID: "a/../../b?c#d%"})
	_, err = c.DefaultGateway(ctx, "")
	wantVCC(t, err, vcc.Error{Code: vcc.CodeNotFound}) // no such path
}

// wantVCC checks an error of the domain but for its message, which must be there.
func wantVCC(t *testing.T, err error, want vcc.Error) {
	t.Helper()
	all := vcc.Errors(err)
	if len(all) != 1 || all[0].Message == "" {
		t.Fatalf("got %v, want one error with code %s", err, want.Code)
	}
	equal(t, "error", *all[0], want, cmpopts.IgnoreFields(want, "Message"))
}

// many are services with more networks than a page has.
type many struct {
	httpapi.Services
	pages *[]vcc.Page
}

func (m many) Networks(_ context.Context, _ vcc.Actor, _ vcc.NetworkFilter, p vcc.Page) (list []vcc.Network, total int, err error) {
	*m.pages = append(*m.pages, p)
	const all = 2*vcc.MaxPageLimit + 1
	for i := p.Skip; i < min(p.Skip+p.Limit, all); i++ {
		list = append(list, vcc.Network{VLANID: i})
	}
	return list, all, nil
}

func TestClientReadsEveryPage(t *testing.T) {
	var pages []vcc.Page
	a := newAPI(t, func(s httpapi.Services) httpapi.Services { return many{s, &pages} })
	list, err := a.client(t, "ABC").Networks(t.Context(), "")
	ok(t, err)
	for i, n := range list {
		if n.VLANID != i {
			t.Fatalf("entry %d is number %d", i, n.VLANID)
		}
	}
	equal(t, "entries", len(list), 2*vcc.MaxPageLimit+1)
	equal(t, "pages", pages, []vcc.Page{{Limit: 1000}, {Skip: 1000, Limit: 1000}, {Skip: 2000, Limit: 1000}})
}

func (m many) DefaultGateways(_ context.Context, _ vcc.Actor, p vcc.Page) (list []vcc.DefaultGateway, total int, err error) {
	const all = 2*vcc.MaxPageLimit + 1
	for i := p.Skip; i < min(p.Skip+p.Limit, all); i++ {
		list = append(list, vcc.DefaultGateway{Revision: int64(i)})
	}
	return list, all, nil
}

// TestClientListsAgain: what has not changed since it was listed is not sent again.
func TestClientListsAgain(t *testing.T) {
	a := newAPI(t, func(s httpapi.Services) httpapi.Services { return many{s, new([]vcc.Page)} })
	network := a.network(t, "ABC", "Silver network 1 (internet)")
	var statuses []int
	c := newClient(t, httpapi.ClientConfig{
		Endpoint: a.URL, Username: "ABC", Password: "secret",
		OnResponse: func(_ context.Context, method, path string, status int) {
			if method == http.MethodGet && strings.HasSuffix(path, "/defaultGateways") {
				statuses = append(statuses, status)
			}
		},
	})
	list := func(before *httpapi.GatewayListing, want ...int) *httpapi.GatewayListing {
		t.Helper()
		statuses = nil
		l, err := c.ListDefaultGateways(t.Context(), before)
		ok(t, err)
		equal(t, "statuses", statuses, want)
		equal(t, "gateways", len(l.All), 2*vcc.MaxPageLimit+1)
		for i, g := range l.All {
			if g.Revision != int64(i) {
				t.Fatalf("gateway %d is number %d", i, g.Revision)
			}
		}
		return l
	}
	first := list(nil, 200, 200, 200)
	for range 2 {
		if again := list(first, 304, 304, 304); again != first {
			t.Error("what is the same was read again")
		}
	}
	_, err := c.PutDefaultGateway(t.Context(), network, httpapi.GatewaySettings{IPv4: &httpapi.IPv4Settings{Address: "10.0.0.1", SubnetMask: "255.255.255.0"}}, nil)
	ok(t, err)
	if changed := list(first, 200, 200, 200); changed == first {
		t.Error("a change was not seen")
	} else {
		list(changed, 304, 304, 304)
	}
}

func TestNewClientRefuses(t *testing.T) {
	for _, tc := range []struct {
		cfg   httpapi.ClientConfig
		field string
		want  string
	}{
		{httpapi.ClientConfig{}, "endpoint", `"" is not the address of a server`},
		{httpapi.ClientConfig{Endpoint: "sp.example.net:9419"}, "endpoint", "write it like https://sp.example.net:9419"},
		{httpapi.ClientConfig{Endpoint: "ftp://sp.example.net"}, "endpoint", "is not the address of a server"},
		{httpapi.ClientConfig{Endpoint: "https://:9419"}, "endpoint", "is not the address of a server"},
		{httpapi.ClientConfig{Endpoint: "https://sp.example.net:port"}, "endpoint", "is not the address of a server"},
		{httpapi.ClientConfig{Endpoint: "https://me:hunter2@sp.example.net"}, "endpoint", "use username and password"},
		{httpapi.ClientConfig{Endpoint: "https://sp.example.net:9419/api/v1"}, "endpoint", "write https://sp.example.net:9419"},
		{httpapi.ClientConfig{Endpoint: "https://sp.example.net?x=1"}, "endpoint", "write https://sp.example.net"},
		{httpapi.ClientConfig{Endpoint: "https://sp.example.net#x"}, "endpoint", "write https://sp.example.net"},
		// A password never goes over plain HTTP, except to this machine.
		{httpapi.ClientConfig{Endpoint: "http://sp.example.net:9419", Username: "u", Password: "hunter2"}, "endpoint", "use https://sp.example.net:9419"},
		{httpapi.ClientConfig{Endpoint: "http://203.0.113.1", Username: "u"}, "endpoint", "never goes over plain http://"},
		{httpapi.ClientConfig{Endpoint: "http://localhost.example.net", Username: "u"}, "endpoint", "never goes over plain http://"},
		{httpapi.ClientConfig{Endpoint: "http://127.0.0.1.example.net", Username: "u"}, "endpoint", "never goes over plain http://"},
		{httpapi.ClientConfig{Endpoint: "https://sp.example.net", CACertificate: "/etc/ssl/ca.pem"}, "caCertificate", "-----BEGIN CERTIFICATE-----"},
		{httpapi.ClientConfig{Endpoint: "https://sp.example.net", CACertificate: "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"}, "caCertificate", "no certificate"},

		{cfg: httpapi.ClientConfig{Endpoint: "https://sp.example.net:9419/", Username: "u"}},
		{cfg: httpapi.ClientConfig{Endpoint: "https://[2001:db8::1]:9419", Username: "u"}},
		{cfg: httpapi.ClientConfig{Endpoint: "http://sp.example.net"}}, // no password to lose
		{cfg: httpapi.ClientConfig{Endpoint: "http://localhost:9419", Username: "u"}},
		{cfg: httpapi.ClientConfig{Endpoint: "http://127.8.8.8:9419", Username: "u"}},
		{cfg: httpapi.ClientConfig{Endpoint: "http://[::1]:9419", Username: "u"}},
	} {
		c, err := httpapi.NewClient(tc.cfg)
		if tc.field == "" {
			ok(t, err)
			c.Close()
			continue
		}
		all := vcc.Errors(err)
		if len(all) != 1 || all[0].Code != vcc.CodeInvalidValue || all[0].Field != tc.field || !strings.Contains(all[0].Message, tc.want) {
			t.Errorf("%+v: got %v, want an error of %s with %q", tc.cfg, err, tc.field, tc.want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error has the password: %v", err)
		}
	}
}

// issuer logs a user in and knows which of its tokens are good.
type issuer struct {
	actor  vcc.Actor
	mu     sync.Mutex
	logins int
	// lifetime is how many requests a token is good for.
	lifetime, left int
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.logins++
	i.left = i.lifetime
	form := r.PostFormValue("grant_type") + " " + r.PostFormValue("username") + " " + r.PostFormValue("password")
	if form != "password abc-company hunter2" || r.URL.RawQuery != "" || r.Header.Get("Authorization") != "" {
		answerJSON(w, http.StatusUnauthorized, map[string]string{"errorCode": "InvalidToken", "message": "wrong user name or password"})
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{"access_token": fmt.Sprint("token ", i.logins), "token_type": "bearer", "expires_in": 900})
}

func (i *issuer) Authenticate(r *http.Request) (vcc.Account, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != fmt.Sprint("Bearer token ", i.logins):
		return vcc.Account{}, &vcc.Error{Code: vcc.CodeExpiredToken, Message: "an older token"}
	case i.left == 0:
		return vcc.Account{}, &vcc.Error{Code: vcc.CodeExpiredToken, Message: "used up"}
	}
	i.left--
	return vcc.Account{TenantID: i.actor.TenantID, Username: i.actor.Name}, nil
}

// serveTLS serves the store of an API to whom an issuer lets in.
func serveTLS(t *testing.T, a *api, i *issuer) *httptest.Server {
	t.Helper()
	i.actor = a.tokens["ABC"]
	mux := http.NewServeMux()
	mux.Handle("POST /api/oauth2/token", i)
	mux.Handle("/", httpapi.NewHandler(httpapi.ServerConfig{Services: a.services, Authenticator: i, Log: slog.New(a.log.errors())}))
	s := httptest.NewUnstartedServer(mux)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // of handshakes that the client ends
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func caOf(s *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

// otherCA makes a certificate authority that signed nothing.
func otherCA(t *testing.T) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	ok(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	ok(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestLogin(t *testing.T) {
	const always = 1 << 30
	a := newAPI(t, nil)
	for _, tc := range []struct {
		name     string
		lifetime int
		password string
		calls    int
		code     vcc.ErrorCode // of the last call
		logins   int
	}{
		{"one login for many calls", always, "hunter2", 5, "", 1},
		{"a token that expires is replaced", 2, "hunter2", 5, "", 3},
		{"a token that is good for nothing is replaced once", 0, "hunter2", 1, vcc.CodeExpiredToken, 2},
		{"wrong password", always, "hunter3", 1, vcc.CodeInvalidToken, 1},
		{"a wrong password is not tried again", always, "hunter3", 5, vcc.CodeInvalidToken, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			i := &issuer{lifetime: tc.lifetime}
			s := serveTLS(t, a, i)
			c := newClient(t, httpapi.ClientConfig{Endpoint: s.URL, CACertificate: caOf(s), Username: "abc-company", Password: tc.password, MaxRetries: 3})
			var err error
			for range tc.calls {
				_, err = c.PutNetworkRouting(t.Context(), true, httpapi.Unconditional())
			}
			equal(t, "code", vcc.Code(err), tc.code)
			equal(t, "logins", i.logins, tc.logins)
			if err != nil && strings.Contains(err.Error(), tc.password) {
				t.Errorf("the error has the password: %v", err)
			}
		})
	}
}

// TestOneLoginForAll lets many callers find out at once that they need a token.
func TestOneLoginForAll(t *testing.T) {
	a, i := newAPI(t, nil), &issuer{lifetime: 8}
	s := serveTLS(t, a, i)
	c := newClient(t, httpapi.ClientConfig{Endpoint: s.URL, CACertificate: caOf(s), Username: "abc-company", Password: "hunter2"})
	for want := 1; want <= 2; want++ { // the second time with a token that expired
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := c.NetworkRouting(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		equal(t, "logins", i.logins, want)
	}
}

func TestCertificates(t *testing.T) {
	a, i := newAPI(t, nil), &issuer{lifetime: 1 << 30}
	s := serveTLS(t, a, i)
	for name, tc := range map[string]struct {
		ca       string
		insecure bool
		want     string
	}{
		"its own":    {caOf(s), false, ""},
		"the system": {"", false, "certificate signed by unknown authority"},
		"another":    {otherCA(t), false, "certificate signed by unknown authority"},
		"any":        {"", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			i.logins = 0
			cfg := httpapi.ClientConfig{Endpoint: s.URL, CACertificate: tc.ca, InsecureSkipVerify: tc.insecure, Username: "abc-company", Password: "hunter2", MaxRetries: 1000}
			_, err := newClient(t, cfg).Networks(t.Context(), "") // no retries: they would take hours
			if tc.want == "" {
				ok(t, err)
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			equal(t, "logins", i.logins, 0)
		})
	}
}

// TestStrangeAnswers are those of something that is not the server.
func TestStrangeAnswers(t *testing.T) {
	var elsewhere atomic.Int32
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer trap.Close()
	answer := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{kind}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	noJSON := func(status int, kind string) string {
		return fmt.Sprintf("answered GET /api/v1/cloudConnect/networkRouting with status %d and %q instead of JSON: is the endpoint the server's own, and not a proxy or another program?", status, kind)
	}
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"a page":                   {answer(200, "text/html; charset=utf-8", "<h1>Welcome</h1>"), noJSON(200, "text/html")},
		"a page with an error":     {answer(404, "text/html", "<h1>Not found</h1>"), noJSON(404, "text/html")},
		"no content type":          {answer(200, "", "{}"), noJSON(200, "")},
		"a redirect":               {http.RedirectHandler(trap.URL, http.StatusFound).ServeHTTP, noJSON(302, "text/html")},
		"a redirect with the body": {http.RedirectHandler(trap.URL, http.StatusTemporaryRedirect).ServeHTTP, noJSON(307, "text/html")},
		"JSON of another form":     {answer(200, "application/json", `[]`), "with JSON of another form"},
		"JSON that ends early":     {answer(200, "application/json", `{"enabled":`), "with JSON of another form: unexpected end of JSON input"},
		"less than was announced": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			answer(200, "application/json", `{"enabled": true`)(w, r)
		}, "reading the answer: unexpected EOF"},
		"an error without a code":  {answer(400, "application/json", `{"error": "no"}`), "the server answered with status 400 and no explanation"},
		"an error of another kind": {answer(500, "application/json", `"no"`), "the server answered with status 500 and no explanation"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(tc.handler)
			defer s.Close()
			_, err := newClient(t, httpapi.ClientConfig{Endpoint: s.URL}).NetworkRouting(t.Context())
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			equal(t, "code", vcc.Code(err), vcc.CodeUnknown)
		})
	}
	equal(t, "requests that followed a redirect", elsewhere.Load(), int32(0))
}

func TestLoginWithoutAToken(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 200, map[string]string{"apiVersion": httpapi.APIVersion})
	}))
	defer s.Close()
	_, err := newClient(t, httpapi.ClientConfig{Endpoint: s.URL, Username: "u", Password: "hunter2"}).NetworkRouting(t.Context())
	if err == nil || !strings.Contains(err.Error(), "answered the login without a token") {
		t.Errorf("got %v", err)
	}
}

// TestHeaders looks at what the server receives.
func TestHeaders(t *testing.T) {
	var got http.Header
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		answerJSON(w, 200, map[string]string{"access_token": "T", "apiVersion": httpapi.APIVersion})
	}))
	defer s.Close()
	c := newClient(t, httpapi.ClientConfig{Endpoint: s.URL, Username: "u", Password: "p", UserAgent: "test/1"})
	_, err := c.PutNetworkRouting(t.Context(), true, httpapi.IfRevision(7))
	ok(t, err)
	got.Del("Content-Length")
	equal(t, "headers of a conditional write", got, http.Header{
		"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "Authorization": {"Bearer T"}, "Content-Type": {"application/json"},
		"If-Match": {`"7"`}, "User-Agent": {"test/1"},
	})
	_, err = c.PutDefaultGateway(t.Context(), "id", httpapi.GatewaySettings{}, httpapi.IfAbsent())
	ok(t, err)
	equal(t, "If-None-Match", got["If-None-Match"], []string{"*"})
	ok(t, c.RemoveDefaultGateway(t.Context(), "id", httpapi.Unconditional()))
	equal(t, "headers of an unconditional write", got, http.Header{
		"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "Authorization": {"Bearer T"}, "User-Agent": {"test/1"},
	})
}

// memory is a network in memory, so that a bubble of package synctest, whose
// clock runs ahead when nobody works, sees everything that happens.
type memory struct {
	conns chan net.Conn
	// refused is how many dials fail before one succeeds.
	refused int
	dials   int
}

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	m.dials++
	if m.dials <= m.refused {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	client, server := net.Pipe()
	select {
	case m.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *memory) Accept() (net.Conn, error) {
	if c, open := <-m.conns; open {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (m *memory) Close() error   { return nil }
func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

// inBubble runs test with a client whose server is handler, in a bubble.
func inBubble(t *testing.T, cfg httpapi.ClientConfig, refused int, handler http.HandlerFunc, test func(*testing.T, *httpapi.Client, *memory)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{conns: make(chan net.Conn), refused: refused}
		s := &http.Server{Handler: handler, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
		go s.Serve(m) //nolint:errcheck // it ends with the bubble
		cfg.Endpoint, cfg.Dial = "http://memory.invalid", m.dial
		c, err := httpapi.NewClient(cfg)
		ok(t, err)
		test(t, c, m)
		c.Close()
		close(m.conns)
		_ = s.Close()
	})
}

// message is what the servers in memory say.
const message = "told by the server"

// hang answers nothing, and when the caller leaves it breaks off: an answer at that
// moment could still reach a caller that is slow to leave.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // only then the server sees that somebody leaves
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

var operations = map[string]func(context.Context, *httpapi.Client) error{
	"GET": func(ctx context.Context, c *httpapi.Client) error {
		_, err := c.NetworkRouting(ctx)
		return err
	},
	"PUT": func(ctx context.Context, c *httpapi.Client) error {
		_, err := c.PutNetworkRouting(ctx, true, httpapi.Unconditional())
		return err
	},
	"DELETE": func(ctx context.Context, c *httpapi.Client) error {
		return c.RemoveDefaultGateway(ctx, unknownID, httpapi.Unconditional())
	},
	"POST": func(ctx context.Context, c *httpapi.Client) error {
		_, err := c.RunReplicationJob(ctx, unknownID)
		return err
	},
}

// TestRetryPolicy counts attempts: reads are repeated after any failure that may
// pass, writes only where the server did nothing for sure.
func TestRetryPolicy(t *testing.T) {
	status := func(code int, errorCode string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			answerJSON(w, code, map[string]string{"errorCode": errorCode, "message": message})
		}
	}
	hangUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	const never, reads, all = "", "GET", "GET PUT DELETE POST"
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		refused int
		retried string
		want    string // of the error
	}{
		{"400", status(400, "InvalidValue"), 0, never, message},
		{"401", status(401, "InvalidToken"), 0, never, message},
		{"403", status(403, "AccessDenied"), 0, never, message},
		{"404", status(404, "NotFound"), 0, never, message},
		{"408", status(408, "InvalidValue"), 0, never, message},
		{"409", status(409, "Conflict"), 0, never, message},
		{"412", status(412, "PreconditionFailed"), 0, never, message},
		{"429", status(429, "TooManyRequests"), 0, all, message},
		{"500", status(500, "UnknownError"), 0, reads, message},
		{"501", status(501, "UnknownError"), 0, never, message},
		{"502", status(502, "UnknownError"), 0, reads, message},
		{"503", status(503, "ServiceUnavailable"), 0, all, message},
		{"504", status(504, "UnknownError"), 0, reads, message},
		{"connection lost", hangUp, 0, reads, "EOF"},
		{"no answer in time", hang, 0, reads, "context deadline exceeded"},
		{"connection refused", status(400, "InvalidValue"), 1 << 30, all, "connection refused"},
	} {
		for method, do := range operations {
			t.Run(tc.name+" "+method, func(t *testing.T) {
				var attempts atomic.Int32
				handler := func(w http.ResponseWriter, r *http.Request) {
					attempts.Add(1)
					equal(t, "method", r.Method, method)
					tc.handler(w, r)
				}
				var answered []string
				cfg := httpapi.ClientConfig{MaxRetries: 3, OnResponse: func(_ context.Context, method, path string, status int) {
					answered = append(answered, fmt.Sprint(method, " ", status))
					if !strings.HasPrefix(path, base+"/") {
						t.Errorf("path %q", path)
					}
				}}
				inBubble(t, cfg, tc.refused, handler, func(t *testing.T, c *httpapi.Client, m *memory) {
					err := do(t.Context(), c)
					if err == nil || !strings.Contains(err.Error(), tc.want) {
						t.Errorf("got %v, want %q", err, tc.want)
					}
					want := 1
					if strings.Contains(tc.retried, method) {
						want += 3
					}
					if tc.refused > 0 {
						equal(t, "dials", m.dials, want)
						want = 0
					}
					equal(t, "attempts", int(attempts.Load()), want)
					var seen []string
					for range want {
						if code := tc.name; len(code) == 3 {
							seen = append(seen, method+" "+code)
						}
					}
					equal(t, "answers that were told of", answered, seen)
				})
			})
		}
	}
}

// TestRetriesEnd: a failure that passes is none.
func TestRetriesEnd(t *testing.T) {
	for method, do := range operations {
		t.Run(method, func(t *testing.T) {
			attempts := 0
			inBubble(t, httpapi.ClientConfig{MaxRetries: 4}, 2, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if method == "PUT" {
					equal(t, "body of a repeated request", string(body), `{"enabled":true}`)
				}
				if attempts++; attempts <= 2 {
					answerJSON(w, 503, map[string]string{"errorCode": "ServiceUnavailable", "message": message})
					return
				}
				answerJSON(w, 200, map[string]any{})
			}, func(t *testing.T, c *httpapi.Client, m *memory) {
				ok(t, do(t.Context(), c))
				equal(t, "attempts", attempts, 3)
			})
		})
	}
}

// TestBackoff measures the pauses between attempts on the bubble's clock.
func TestBackoff(t *testing.T) {
	doubling := func(attempt int) (least, most time.Duration) {
		ceiling := min(100*time.Millisecond<<attempt, 10*time.Second)
		return ceiling / 2, ceiling
	}
	exactly := func(d time.Duration) func(int) (time.Duration, time.Duration) {
		return func(int) (time.Duration, time.Duration) { return d, d }
	}
	for retryAfter, pause := range map[string]func(attempt int) (least, most time.Duration){
		"":                              doubling,
		"0":                             exactly(0),
		"7":                             exactly(7 * time.Second),
		"30":                            exactly(30 * time.Second),
		"3600":                          exactly(30 * time.Second),
		"9999999999":                    exactly(30 * time.Second),
		"-1":                            doubling,
		"soon":                          doubling,
		"Wed, 21 Oct 2026 07:28:00 GMT": exactly(30 * time.Second), // the bubble's clock begins in 2000
		"Fri, 31 Dec 1999 23:59:59 GMT": exactly(0),
		"Wed, 21 Oct 2026":              doubling,
	} {
		t.Run(retryAfter, func(t *testing.T) {
			var at []time.Time
			inBubble(t, httpapi.ClientConfig{MaxRetries: 12}, 0, func(w http.ResponseWriter, _ *http.Request) {
				at = append(at, time.Now())
				w.Header().Set("Retry-After", retryAfter)
				answerJSON(w, 429, map[string]string{"errorCode": "TooManyRequests", "message": message})
			}, func(t *testing.T, c *httpapi.Client, _ *memory) {
				equal(t, "code", vcc.Code(operations["POST"](t.Context(), c)), vcc.CodeTooManyRequests)
				equal(t, "attempts", len(at), 13)
				for i := range at[1:] {
					least, most := pause(i)
					if d := at[i+1].Sub(at[i]); d < least || d > most {
						t.Errorf("pause %d took %v, want %v to %v", i, d, least, most)
					}
				}
			})
		})
	}
}

// TestBackoff_jitter: pauses are spread over the upper half of their ceiling.
func TestBackoff_jitter(t *testing.T) {
	for attempt, ceiling := range map[int]time.Duration{
		0: 100 * time.Millisecond, 1: 200 * time.Millisecond, 6: 6400 * time.Millisecond, 7: 10 * time.Second, 63: 10 * time.Second, 1 << 20: 10 * time.Second,
	} {
		least, most := time.Hour, time.Duration(0)
		for range 1000 {
			pause := httpapi.Backoff(0, 0, attempt, nil)
			least, most = min(least, pause), max(most, pause)
		}
		// That none of a thousand is in the outer eighths is as good as impossible.
		if least < ceiling/2 || least > ceiling*9/16 || most < ceiling*15/16 || most > ceiling {
			t.Errorf("attempt %d: pauses from %v to %v, want all of %v to %v", attempt, least, most, ceiling/2, ceiling)
		}
	}
}

// TestCancelledCallReturnsAtOnce cancels calls that would wait for an hour.
func TestCancelledCallReturnsAtOnce(t *testing.T) {
	later := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		answerJSON(w, 503, map[string]string{"errorCode": "ServiceUnavailable", "message": message})
	}
	cfg := httpapi.ClientConfig{MaxRetries: 1000, RequestTimeout: time.Hour}
	for name, handler := range map[string]http.HandlerFunc{"waiting for an answer": hang, "waiting to try again": later} {
		for method, do := range operations {
			t.Run(name+" "+method, func(t *testing.T) {
				inBubble(t, cfg, 0, handler, func(t *testing.T, c *httpapi.Client, _ *memory) {
					ctx, cancel := context.WithTimeout(t.Context(), 12345*time.Millisecond)
					defer cancel()
					begun := time.Now()
					if err := do(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("got %v", err)
					}
					equal(t, "time it took", time.Since(begun), 12345*time.Millisecond)
				})
			})
		}
	}
	t.Run("before it begins", func(t *testing.T) {
		inBubble(t, cfg, 0, hang, func(t *testing.T, c *httpapi.Client, _ *memory) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			begun := time.Now()
			if err := operations["GET"](ctx, c); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			equal(t, "time it took", time.Since(begun), time.Duration(0))
		})
	})
}

// TestWaitingForALogin: who waits for another caller's login can leave.
func TestWaitingForALogin(t *testing.T) {
	inside := make(chan struct{}, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inside <- struct{}{}
		hang(w, r)
	}))
	defer s.Close()
	c := newClient(t, httpapi.ClientConfig{Endpoint: s.URL, Username: "u", Password: "p"})
	first, endFirst := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- operations["GET"](first, c) }()
	<-inside
	second, endSecond := context.WithCancel(t.Context())
	endSecond()
	if err := operations["GET"](second, c); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	endFirst()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
