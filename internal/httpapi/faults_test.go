package httpapi_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// fault is something that happens to a request on its way to the server and back.
type fault func(w http.ResponseWriter, r *http.Request, server http.Handler)

// faultyServer puts faults between a client and a server, on a network in memory: the first
// requests below a path meet one, as many as it is told, the others none.
type faultyServer struct {
	*memory
	attempts atomic.Int32
}

func newFaulty(t testing.TB, server http.Handler, below string, times int, f fault) *faultyServer {
	t.Helper()
	s := &faultyServer{}
	s.memory = serveInMemory(t, s.handler(server, below, times, f))
	return s
}

func (s *faultyServer) handler(server http.Handler, below string, times int, f fault) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, below) && int(s.attempts.Add(1)) <= times {
			f(w, r, server)
			return
		}
		server.ServeHTTP(w, r)
	})
}

// reset ends a connection so that the other side sees an error, and not an end.
func reset(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	conn.(memoryConn).reset()
}

// handled lets the server handle a request and keeps its answer.
func handled(r *http.Request, server http.Handler) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	server.ServeHTTP(recorder, r)
	return recorder
}

// partly sends an answer up to the middle of its body.
func partly(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), answer.Header())
	w.Header().Set("Content-Length", fmt.Sprint(answer.Body.Len()))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
	_ = http.NewResponseController(w).Flush()
}

// says answers in the server's place.
func says(status int, kind, body string, headers ...string) fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", kind)
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// cutJSON lets the server handle a request and sends half of its answer as if it were all.
func cutJSON(kind string) fault {
	return func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		answer := handled(r, server)
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(answer.Code)
		_, _ = w.Write(bytes.TrimSpace(answer.Body.Bytes())[:answer.Body.Len()/2])
	}
}

const tokenPath = "/api/oauth2/token"

const (
	page       = "<html>Please log in</html>"
	tooMany    = `{"errorCode": "TooManyRequests", "message": "slow down"}`
	broke      = `{"errorCode": "UnknownError", "message": "it broke"}`
	notThere   = `{"errorCode": "ServiceUnavailable", "message": "not now"}`
	jsonAnswer = "application/json"
)

// faults are what may happen, and what is right then. A read recovers, unless
// waiting does not help. A write has come through, or says whether it may have been
// carried out; it was never carried out twice.
var faults = map[string]struct {
	do fault
	// read and write are the kinds of failure that calls end with, "" for none.
	read, write httpapi.FailureKind
	// code is that of a write's error where the server gave one.
	code vcc.ErrorCode
	// uncertain says that a write does not know whether it was carried out.
	uncertain bool
	// stored is how often a write is in the history afterwards.
	stored int
}{
	"reset before": {
		do:    func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { reset(w) },
		write: httpapi.FailureConnection, uncertain: true,
	},
	"reset after": {
		do: func(w http.ResponseWriter, r *http.Request, server http.Handler) {
			handled(r, server)
			reset(w)
		},
		write: httpapi.FailureConnection, uncertain: true, stored: 1,
	},
	"reset in the body": {
		do: func(w http.ResponseWriter, r *http.Request, server http.Handler) {
			partly(w, handled(r, server))
			reset(w)
		},
		write: httpapi.FailureConnection, uncertain: true, stored: 1,
	},
	"a body that ends early": {
		do: func(w http.ResponseWriter, r *http.Request, server http.Handler) {
			partly(w, handled(r, server))
			panic(http.ErrAbortHandler)
		},
		write: httpapi.FailureConnection, uncertain: true, stored: 1,
	},
	"a body that never ends": {
		do: func(w http.ResponseWriter, r *http.Request, server http.Handler) {
			partly(w, handled(r, server))
			<-r.Context().Done()
		},
		write: httpapi.FailureTimeout, uncertain: true, stored: 1,
	},
	"no answer": {
		do: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		},
		write: httpapi.FailureTimeout, uncertain: true,
	},
	"JSON that ends early":             {do: cutJSON(jsonAnswer), write: httpapi.FailureNotThisAPI, uncertain: true, stored: 1},
	"JSON that ends early, by charset": {do: cutJSON("Application/JSON; charset=utf-8"), write: httpapi.FailureNotThisAPI, uncertain: true, stored: 1},
	"429":                              {do: says(429, jsonAnswer, tooMany), stored: 1},
	"429, Retry-After in seconds":      {do: says(429, jsonAnswer, tooMany, "Retry-After: 0"), stored: 1},
	"429, Retry-After a date":          {do: says(429, jsonAnswer, tooMany, "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT"), stored: 1},
	"429, Retry-After nonsense":        {do: says(429, jsonAnswer, tooMany, "Retry-After: later"), stored: 1},
	"429, Retry-After out of range":    {do: says(429, jsonAnswer, tooMany, "Retry-After: -99999999999999999999"), stored: 1},
	"429 of a proxy":                   {do: says(429, "text/html", page), stored: 1},
	"500":                              {do: says(500, jsonAnswer, broke), write: httpapi.FailureServer, code: vcc.CodeUnknown, uncertain: true},
	"502":                              {do: says(502, jsonAnswer, broke), write: httpapi.FailureServer, code: vcc.CodeUnknown, uncertain: true},
	"503":                              {do: says(503, jsonAnswer, notThere), stored: 1},
	"504":                              {do: says(504, jsonAnswer, broke), write: httpapi.FailureServer, code: vcc.CodeUnknown, uncertain: true},
	"502 of a proxy":                   {do: says(502, "text/html", page), write: httpapi.FailureNotThisAPI, uncertain: true},
	"503 of a proxy":                   {do: says(503, "text/html", page), write: httpapi.FailureNotThisAPI, uncertain: true},
	"503 of a proxy, after": {
		do: func(w http.ResponseWriter, r *http.Request, server http.Handler) {
			handled(r, server)
			says(503, "text/html", page)(w, r, server)
		},
		write: httpapi.FailureNotThisAPI, uncertain: true, stored: 1,
	},
	"504 of a proxy": {do: says(504, "text/html", page), write: httpapi.FailureNotThisAPI, uncertain: true},
	// Waiting does not make another program the server.
	"HTML":       {do: says(200, "text/html; charset=utf-8", page), read: httpapi.FailureNotThisAPI, write: httpapi.FailureNotThisAPI, uncertain: true},
	"HTML, 403":  {do: says(403, "text/html", page), read: httpapi.FailureNotThisAPI, write: httpapi.FailureNotThisAPI},
	"a redirect": {do: says(302, "text/html", page, "Location: /login"), read: httpapi.FailureNotThisAPI, write: httpapi.FailureNotThisAPI},
}

// client returns a client that tries again so many times.
func (s *faultyServer) client(t testing.TB, retries int) *httpapi.Client {
	t.Helper()
	return s.memory.client(t, httpapi.ClientConfig{Username: "ABC", Password: "p", MaxRetries: retries})
}

// checkFailure checks an error against the kind that is due.
func checkFailure(t *testing.T, what string, err error, kind httpapi.FailureKind, uncertain bool) {
	t.Helper()
	if kind == "" {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	var f *httpapi.Failure
	if !errors.As(err, &f) {
		t.Errorf("%s: got %v, want a failure of kind %s", what, err, kind)
		return
	}
	equal(t, what+": kind", f.Kind, kind)
	equal(t, what+": uncertain", httpapi.Uncertain(err), uncertain)
}

func TestFaults(t *testing.T) {
	for name, tc := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				a := newBackend(t, labDatabase)
				id := a.network(t, "ABC", "Silver network 1 (internet)")

				reads := newFaulty(t, a.handler, base+"/", 2, tc.do)
				_, _, err := reads.client(t, 3).Networks(t.Context(), own, vcc.NetworkFilter{}, firstPage)
				checkFailure(t, "read", err, tc.read, false)
				attempts := 3
				if tc.read != "" {
					attempts = 1
				}
				equal(t, "attempts to read", int(reads.attempts.Load()), attempts)

				// A trace is a POST that changes nothing.
				question, err := vcc.ParseTraceRequest("172.17.52.10", "172.17.54.20", "tcp", new(1))
				ok(t, err)
				traces := newFaulty(t, a.handler, base+"/", 2, tc.do)
				_, err = traces.client(t, 3).Trace(t.Context(), own, []vcc.TraceRequest{question}, vcc.Assumption{})
				checkFailure(t, "trace", err, tc.read, false)

				writes := newFaulty(t, a.handler, base+"/", 2, tc.do)
				_, _, err = writes.client(t, 3).PutDefaultGateway(t.Context(), own, id, ipv4("172.17.54.1/24"), ifAbsent)
				checkFailure(t, "write", err, tc.write, tc.uncertain)
				if tc.code != "" {
					equal(t, "code", vcc.Code(err), tc.code)
				}
				changes, _, err := a.store.DefaultGatewayChanges(t.Context(), a.tokens["ABC"], id, vcc.Page{Limit: 10})
				ok(t, err)
				equal(t, "times stored", len(changes), tc.stored)

				// A fault that does not pass ends, too.
				lasting := newFaulty(t, a.handler, base+"/", 1<<30, tc.do)
				if _, _, err = lasting.client(t, 1).Networks(t.Context(), own, vcc.NetworkFilter{}, firstPage); err == nil {
					t.Error("a read that never got its answer says nothing")
				}
				// Package net/http repeats a read by itself on a connection that was idle.
				if got := int(lasting.attempts.Load()); got < min(attempts, 2) || got > 3 {
					t.Errorf("%d attempts to read, want %d", got, min(attempts, 2))
				}
			})
		})
	}
}

// A server that cannot be reached, or cannot be trusted, is told apart.
func TestFailureKinds(t *testing.T) {
	a, i := newAPI(t), &issuer{lifetime: 1 << 30}
	secure := serveTLS(t, a, i)
	plain := httptest.NewServer(a.handler)
	t.Cleanup(plain.Close)
	_, port, err := net.SplitHostPort(secure.Listener.Addr().String())
	ok(t, err)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	ok(t, err)
	closed := listener.Addr().String()
	ok(t, listener.Close())
	late := expired(t)
	for name, tc := range map[string]struct {
		cfg  httpapi.ClientConfig
		kind httpapi.FailureKind
	}{
		"no such host":   {httpapi.ClientConfig{Endpoint: "https://nobody.invalid:9419"}, httpapi.FailureName},
		"nobody listens": {httpapi.ClientConfig{Endpoint: "https://" + closed}, httpapi.FailureRefused},
		"nobody, on Windows": {httpapi.ClientConfig{Endpoint: "https://" + closed, Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connectex", syscall.Errno(10061))}
		}}, httpapi.FailureRefused},
		"unknown authority":    {httpapi.ClientConfig{Endpoint: secure.URL}, httpapi.FailureAuthority},
		"for another name":     {httpapi.ClientConfig{Endpoint: "https://localhost:" + port, CACertificate: caOf(secure)}, httpapi.FailureHostname},
		"expired":              {httpapi.ClientConfig{Endpoint: late.URL, CACertificate: caOf(late)}, httpapi.FailureExpired},
		"TLS to a plain port":  {httpapi.ClientConfig{Endpoint: strings.Replace(plain.URL, "http://", "https://", 1)}, httpapi.FailureNotTLS},
		"plain to a TLS port":  {httpapi.ClientConfig{Endpoint: strings.Replace(secure.URL, "https://", "http://", 1)}, httpapi.FailureNotThisAPI},
		"not this API at all":  {httpapi.ClientConfig{Endpoint: serving(t, says(404, "text/html", page)).URL}, httpapi.FailureNotThisAPI},
		"an API without it":    {httpapi.ClientConfig{Endpoint: serving(t, says(404, jsonAnswer, `{"errorCode": "NotFound", "message": "no"}`)).URL}, httpapi.FailureNotThisAPI},
		"another version":      {httpapi.ClientConfig{Endpoint: serving(t, says(200, jsonAnswer, `{"name": "sp", "buildVersion": "9", "apiVersion": "2.0"}`)).URL}, httpapi.FailureAPIVersion},
		"a version to be told": {httpapi.ClientConfig{Endpoint: serving(t, says(200, jsonAnswer, `{}`)).URL}, httpapi.FailureAPIVersion},
	} {
		t.Run(name, func(t *testing.T) {
			tc.cfg.Username, tc.cfg.Password = "abc-company", "hunter2"
			_, _, err := newClient(t, tc.cfg).Networks(t.Context(), own, vcc.NetworkFilter{}, firstPage)
			checkFailure(t, "read", err, tc.kind, false)
			equal(t, "logins", i.logins, 0) // no server is told the password before it is known
			_, err = newClient(t, tc.cfg).PutNetworkRouting(t.Context(), own, true, vcc.Precondition{})
			checkFailure(t, "write", err, tc.kind, false)
		})
	}
}

// serving answers everything in one way. It fails the test if it sees a password.
func serving(t *testing.T, f fault) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); bytes.Contains(body, []byte("hunter2")) {
			t.Errorf("%s %s was sent the password", r.Method, r.URL.Path)
		}
		f(w, r, nil)
	}))
	t.Cleanup(s.Close)
	return s
}

// The ID of a request that failed at the server is in the error.
func TestRequestIDInErrors(t *testing.T) {
	for _, tc := range []struct {
		f    fault
		want bool
	}{
		{says(500, jsonAnswer, broke, "X-Request-Id: r-17"), true},
		{says(500, "text/html", page, "X-Request-Id: r-17"), true},
		{says(400, jsonAnswer, `{"errorCode": "InvalidValue", "message": "m"}`, "X-Request-Id: r-17"), false},
	} {
		_, err := newClient(t, httpapi.ClientConfig{Endpoint: serving(t, tc.f).URL}).NetworkRouting(t.Context(), own)
		if err == nil || strings.Contains(err.Error(), "(request ID r-17)") != tc.want {
			t.Errorf("got %v", err)
		}
	}
}

// rotating is a server whose refresh tokens are good once.
type rotating struct {
	api http.Handler
	mu  sync.Mutex
	// access and refresh are the tokens that are good now, bad is what the server takes
	// another access token for.
	access, refresh, bad string
	issued               int
	grants               []string // that were asked for
	sent                 []string // refresh tokens
}

func (s *rotating) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path != tokenPath {
		token := s.bad
		if r.Header.Get("Authorization") == "Bearer "+s.access {
			token = "ABC"
		}
		r.Header.Set("Authorization", "Bearer "+token)
		s.api.ServeHTTP(w, r)
		return
	}
	if r.PostFormValue("password") != "p" && (s.refresh == "" || r.PostFormValue("refresh_token") != s.refresh) {
		answerJSON(w, http.StatusUnauthorized, map[string]string{"errorCode": "InvalidToken", "message": "no"})
		return
	}
	s.issued++
	s.access, s.refresh = fmt.Sprint("access-", s.issued), fmt.Sprint("refresh-", s.issued)
	answerJSON(w, http.StatusOK, map[string]any{"access_token": s.access, "refresh_token": s.refresh, "expires_in": 900})
}

// note notes a request on its way to the server.
func (s *rotating) note(r *http.Request) {
	if r.URL.Path != tokenPath {
		return
	}
	grant := r.PostFormValue("grant_type")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grants = append(s.grants, grant)
	if grant == "refresh_token" {
		s.sent = append(s.sent, r.PostFormValue("refresh_token"))
	}
}

// newRotating serves an issuer behind a handler that can change, and which notes the requests.
func newRotating(t testing.TB) (issuer *rotating, between *http.Handler, s *memory) {
	t.Helper()
	issuer, between = &rotating{api: newBackend(t, labDatabase).handler, bad: "expired"}, new(http.Handler)
	*between = issuer
	return issuer, between, serveInMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		issuer.note(r)
		(*between).ServeHTTP(w, r)
	}))
}

// A refresh token takes the password's place, once each; without a good one the
// password is asked again.
func TestRefresh(t *testing.T) {
	issuer, _, s := newRotating(t)
	c := s.client(t, httpapi.ClientConfig{Username: "ABC", Password: "p"})
	for _, step := range []struct {
		before func()
		grants []string
	}{
		{func() {}, []string{"password"}},
		{func() {}, nil},
		{func() { issuer.access = "" }, []string{"refresh_token"}},
		{func() { issuer.access = "" }, []string{"refresh_token"}}, // another one
		{func() { issuer.access, issuer.refresh = "", "" }, []string{"refresh_token", "password"}},
		{func() { issuer.access = "" }, []string{"refresh_token"}},
		{func() { issuer.access, issuer.bad = "", "nobody's" }, []string{"refresh_token"}}, // the server knows nothing of it
		{func() { issuer.access, issuer.refresh, issuer.bad = "", "", "nobody's" }, []string{"refresh_token", "password"}},
	} {
		issuer.bad, issuer.grants = "expired", nil
		step.before()
		_, err := c.NetworkRouting(t.Context(), own)
		ok(t, err)
		equal(t, "grants", issuer.grants, step.grants)
	}
}

// Where the answer to a refresh token is lost the password is used. The token, which is
// good once, is sent again only where the server said that it did nothing.
func TestFaults_refresh(t *testing.T) {
	for name, tc := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				issuer, between, s := newRotating(t)
				c := s.client(t, httpapi.ClientConfig{Username: "ABC", Password: "p", MaxRetries: 3})
				call := func(grants ...string) {
					t.Helper()
					issuer.grants, issuer.access = nil, ""
					_, err := c.NetworkRouting(t.Context(), own)
					ok(t, err)
					equal(t, "grants", issuer.grants, grants)
				}
				call("password")
				*between = new(faultyServer).handler(issuer, tokenPath, 1, tc.do)
				again := 0
				if processed := tc.write != ""; processed {
					call("refresh_token", "password")
				} else {
					again = 1
					call("refresh_token", "refresh_token")
				}
				call("refresh_token")
				slices.Sort(issuer.sent)
				equal(t, "refresh tokens that were sent again", len(issuer.sent)-len(slices.Compact(slices.Clone(issuer.sent))), again)
			})
		})
	}
}

// What comes before the first call recovers from what can pass, too, and a write that
// did not come to be sent is not uncertain.
func TestFaults_login(t *testing.T) {
	for name, tc := range faults {
		for _, path := range []string{"/api/v1/serverInfo", tokenPath} {
			t.Run(name+" "+path, func(t *testing.T) {
				t.Parallel()
				inBubble(t, func(t *testing.T) {
					a := newBackend(t, labDatabase)
					s := newFaulty(t, a.handler, path, 2, tc.do)
					_, err := s.client(t, 3).PutNetworkRouting(t.Context(), own, true, vcc.IfRevision(0))
					checkFailure(t, "write", err, tc.read, false)
					attempts := 3
					if tc.read != "" {
						attempts = 1
					}
					equal(t, "attempts", int(s.attempts.Load()), attempts)
					stored, err := a.store.NetworkRouting(t.Context(), a.tokens["ABC"])
					ok(t, err)
					equal(t, "stored", stored.Enabled, tc.read == "")

					lasting := newFaulty(t, a.handler, path, 1<<30, tc.do)
					_, err = lasting.client(t, 1).PutNetworkRouting(t.Context(), own, true, vcc.Precondition{})
					if err == nil || httpapi.Uncertain(err) {
						t.Errorf("a write that never came to be sent: %v", err)
					}
					equal(t, "attempts where nothing passes", int(lasting.attempts.Load()), min(attempts, 2))
				})
			})
		}
	}
}

// A server is asked once which API it has, however many call and log in again.
func TestServerInfoOnce(t *testing.T) {
	issuer, between, s := newRotating(t)
	var asked atomic.Int32
	*between = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/serverInfo" {
			asked.Add(1)
		}
		issuer.ServeHTTP(w, r)
	})
	c := s.client(t, httpapi.ClientConfig{Username: "ABC", Password: "p"})
	for range 3 {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := c.NetworkRouting(t.Context(), own); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		issuer.access, issuer.refresh = "", ""
	}
	equal(t, "password logins", strings.Count(strings.Join(issuer.grants, " "), "password"), 3)
	equal(t, "times the server was asked", int(asked.Load()), 1)
}

// expired serves with a certificate that was good in another time.
func expired(t *testing.T) *httptest.Server {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	ok(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	ok(t, err)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}
