package provider_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/accounttest"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// servedLab serves a lab's data over loopback, with something in between that may
// keep requests from it or spoil its answers.
type servedLab struct {
	*testLab
	*httptest.Server
	mu      sync.Mutex
	between func(w http.ResponseWriter, r *http.Request, server http.Handler)
	// tokens are all that were given out.
	tokens []string
}

var givenTokens = regexp.MustCompile(`"(?:access|refresh)_token":"([^"]+)"`)

// The passwords, as recognisable as a secret can be.
const (
	sitePassword  = "correct-horse+battery/staple"
	wrongPassword = "wrong/horse+battery-nail"
)

func newServedLab(t *testing.T) *servedLab {
	t.Helper()
	return newTestLab(t).serve()
}

// serve serves a lab's data for its first tenant.
func (l *testLab) serve() *servedLab {
	t := l.t
	t.Helper()
	served := &servedLab{testLab: l}
	s, err := store.OpenSQLite(t.Context(), filepath.Join(l.dir, "vcc.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	tenants, err := s.Tenants(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.addAccount(s, vcc.Account{Username: "abc-company", Role: vcc.RoleTenant, TenantID: tenants[0].ID})
	api := httpapi.NewHandler(httpapi.ServerConfig{Services: backend.NewServices(s), Accounts: s})
	server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/oauth2/token" {
			api.ServeHTTP(w, r)
			return
		}
		// What a login gives is written down, for who looks for it elsewhere.
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, r)
		served.mu.Lock()
		for _, token := range givenTokens.FindAllStringSubmatch(answer.Body.String(), -1) {
			served.tokens = append(served.tokens, token[1])
		}
		served.mu.Unlock()
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
	served.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.mu.Lock()
		between := served.between
		served.mu.Unlock()
		if between != nil {
			between(w, r, server)
			return
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(served.Close)
	return served
}

// addAccount adds an account with sitePassword to the lab's database.
func (l *testLab) addAccount(s *store.Store, account vcc.Account) {
	l.t.Helper()
	err := s.AddAccount(l.t.Context(), account, sitePassword)
	if err == nil {
		err = accounttest.Cheapen(l.t.Context(), filepath.Join(l.dir, "vcc.db"), sitePassword, account.Username)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// meet puts something between the provider and the server.
func (l *servedLab) meet(between func(w http.ResponseWriter, r *http.Request, server http.Handler)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.between = between
}

// workspace is a workspace whose provider is configured for the site.
func (l *servedLab) workspace(settings ...string) *workspace {
	l.t.Helper()
	w := l.newWorkspace()
	w.env = []string{"VCC_PASSWORD=" + sitePassword}
	w.put("provider.tf", fmt.Sprintf("provider \"vcc\" {\n  endpoint = %q\n  username = \"abc-company\"\n  %s\n}\n", l.URL, strings.Join(settings, "\n  ")))
	return w
}

// blocks returns blocks without the provider's, which workspace has written.
func (l *servedLab) blocks(blocks ...string) string {
	text := strings.Join(blocks, "\n")
	for name, id := range l.ids {
		text = strings.ReplaceAll(text, "%{"+name+"}", id)
	}
	return text
}

// hangUp ends the connection.
func hangUp(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// every request of a method to the cloud networks meets a fault.
func every(method string, fault func(w http.ResponseWriter, r *http.Request, server http.Handler)) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if r.Method == method && strings.HasPrefix(r.URL.Path, "/api/v1/cloudConnect/") {
			fault(w, r, server)
			return
		}
		server.ServeHTTP(w, r)
	}
}

// The answers of all writes are lost. The apply succeeds, and each write was
// carried out once.
func TestAccServed_lostAnswers(t *testing.T) {
	l := newServedLab(t)
	w := l.workspace()
	history := func(network string, want int) {
		t.Helper()
		l.open(func(c *httpapi.Client) {
			_, changes, err := c.DefaultGatewayChanges(t.Context(), vcc.Actor{}, l.ids[network], vcc.Page{Limit: 1})
			if err != nil || changes != want {
				t.Errorf("%s: %d changes, want %d (%v)", network, changes, want, err)
			}
		})
	}
	lose := func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		server.ServeHTTP(httptest.NewRecorder(), r)
		hangUp(w, r, server)
	}
	l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if r.Method == http.MethodPut || r.Method == http.MethodDelete {
			lose(w, r, server)
			return
		}
		server.ServeHTTP(w, r)
	})
	w.write(l.blocks(gateway(silver3, ipv4Data), routing(true)))
	w.expect(0, []string{"Apply complete! Resources: 2 added"}, "apply", "-auto-approve")
	history(silver3, 1)
	w.write(l.blocks(gateway(silver3, ipv4("172.17.54.2", "255.255.255.0")), routing(false)))
	w.expect(0, []string{"Apply complete! Resources: 0 added, 2 changed"}, "apply", "-auto-approve")
	history(silver3, 2)
	w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
	w.expect(0, nil, "destroy", "-auto-approve")
	history(silver3, 3)
}

// Where it cannot be found out what became of a write the error says so, nothing is
// made twice, and the next apply goes on from what is stored.
func TestAccServed_uncertain(t *testing.T) {
	l := newServedLab(t)
	w := l.workspace("max_retries = 0")
	var mu sync.Mutex
	lost := false
	l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodPut {
			server.ServeHTTP(httptest.NewRecorder(), r)
			lost = true
		}
		if lost {
			hangUp(w, r, server)
		}
		server.ServeHTTP(w, r)
	})
	w.write(l.blocks(gateway(silver3, ipv4Data)))
	w.expect(1, []string{
		"Error: Default Gateway Not Created", "PUT /api/v1/cloudConnect/defaultGateways/" + l.ids[silver3],
		"It is not known whether this was carried out: plan again, and Terraform sees what is stored. Nothing is written twice.",
	}, "apply", "-auto-approve")
	l.meet(nil)
	// The plan sees it, and says how to go on.
	w.expect(1, []string{"an apply that was interrupted may have made it"}, "plan")
	w.write(l.blocks(gateway(silver3, ipv4Data), fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", gatewayAddress, l.ids[silver3])))
	w.expect(0, []string{"1 imported, 0 added, 0 changed"}, "apply", "-auto-approve")
	w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
}

// An account that may read and not write plans, and its apply says why nothing was changed.
func TestAccServed_viewer(t *testing.T) {
	l := newServedLab(t)
	w := l.workspace()
	const trace = `data "vcc_reachability" "web" {
  source      = "172.17.54.20"
  destination = "172.17.54.30"
  protocol    = "tcp"
  port        = 443
}
`
	w.write(l.blocks(gateway(silver3, ipv4Data), routing(true), trace))
	w.expect(0, []string{"Apply complete! Resources: 2 added"}, "apply", "-auto-approve")
	s, err := store.OpenSQLite(t.Context(), filepath.Join(l.dir, "vcc.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // what it wrote was answered
	tenants, err := s.Tenants(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.addAccount(s, vcc.Account{Username: "abc-viewer", Role: vcc.RoleViewer, TenantID: tenants[0].ID})
	w.put("provider.tf", fmt.Sprintf("provider \"vcc\" {\n  endpoint = %q\n  username = \"abc-viewer\"\n}\n", l.URL))
	w.write(l.blocks(gateway(silver3, ipv4("172.17.54.2", "255.255.255.0")), routing(false), trace))
	const why = "The account may read and not write, because its role is viewer; nothing was changed. Use an account that may do this: username of the provider names it."
	w.expect(1, []string{"Plan: 0 to add, 2 to change, 0 to destroy.", "Error: Default Gateway Not Updated", "Error: Routing Option Not Set", why}, "apply", "-auto-approve")
	w.write(l.blocks(gateway(silver3, ipv4Data), routing(true), trace))
	w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode") // nothing was changed indeed
}

// everyOther read of the same URL meets a fault, up to a number of faults. So a read that
// is tried once more than that has its answer, whoever else reads the same meanwhile.
func everyOther(most int, fault func(w http.ResponseWriter, r *http.Request, server http.Handler)) func(http.ResponseWriter, *http.Request, http.Handler) {
	var mu sync.Mutex
	reads := map[string]int{}
	return func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if r.Method == http.MethodGet {
			mu.Lock()
			before := reads[r.URL.String()]
			reads[r.URL.String()]++
			mu.Unlock()
			if before%2 == 0 && before < 2*most {
				fault(w, r, server)
				return
			}
		}
		server.ServeHTTP(w, r)
	}
}

// A backend that fails now and then makes no plan and no apply fail.
func TestAccServed_recovers(t *testing.T) {
	answer := func(status int, kind, body string) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}
	}
	for name, fault := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		"connections break": hangUp,
		"a proxy's 502":     answer(502, "text/html", "<html>"),
		"429":               answer(429, "application/json", `{"errorCode": "TooManyRequests", "message": "slow down"}`),
		"500":               answer(500, "application/json", `{"errorCode": "UnknownError", "message": "it broke"}`),
		"half an answer":    answer(200, "application/json", `{"data": [`),
	} {
		t.Run(name, func(t *testing.T) {
			l := newServedLab(t)
			w := l.workspace()
			l.meet(everyOther(4, fault)) // max_retries is 4 where it is not set
			w.write(l.blocks(gateway(silver3, ipv4Data), routing(true), "data \"vcc_hardware_plan_networks\" \"all\" {}\n"))
			w.expect(0, []string{"Apply complete! Resources: 2 added"}, "apply", "-auto-approve")
			w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
		})
	}
}

// Each message names the setting to look at.
func TestAccServed_messages(t *testing.T) {
	l := newServedLab(t)
	w := l.workspace()
	w.write("data \"vcc_hardware_plan_networks\" \"all\" {}\n")
	said := func(status int, kind, body string) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("X-Request-Id", "r-17")
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}
	}
	const own = "endpoint = "
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	t.Cleanup(proxy.Close)
	w.env = append(w.env, "HTTPS_PROXY="+proxy.URL, "NO_PROXY=nobody.invalid") // package net/http uses none to this machine
	for _, test := range []struct {
		name     string
		settings string
		between  func(http.ResponseWriter, *http.Request, http.Handler)
		wants    []string
	}{
		{"no such host", own + `"https://nobody.invalid:9419"`, nil, []string{"nobody.invalid", "No host has that name. Check endpoint of the provider."}},
		{"a proxy that refuses", own + `"https://proxied.invalid:9419"`, nil, []string{"answered CONNECT with 407 Proxy Authentication Required", "Check the proxy that HTTPS_PROXY or HTTP_PROXY names", "NO_PROXY"}},
		{"nobody listens", own + `"https://127.0.0.1:1"`, nil, []string{"connection refused", "Nothing listens there. Check host and port in endpoint"}},
		{"TLS to a plain port", own + fmt.Sprintf("%q", strings.Replace(l.URL, "http://", "https://", 1)), nil, []string{"does not speak TLS at that port. Check the port in endpoint"}},
		{"a proxy's page", own + fmt.Sprintf("%q", l.URL), said(200, "text/html", "<html>"), []string{`"text/html" instead of JSON`, "Check endpoint of the provider", "request ID r-17"}},
		{"404 of the whole API", own + fmt.Sprintf("%q", l.URL), said(404, "application/json", `{"errorCode": "NotFound", "message": "no"}`), []string{"has no /api/v1/serverInfo", "Check endpoint of the provider"}},
		{"another version", own + fmt.Sprintf("%q", l.URL), said(200, "application/json", `{"name": "sp", "buildVersion": "9.1", "apiVersion": "2.0"}`), []string{`has version "2.0" of the API`, "Use a release of the provider that fits the backend"}},
		{"wrong password", own + fmt.Sprintf("%q\n  password = \"guess\"", l.URL), nil, []string{"The user name or the password is wrong", "Check username of the provider and its password."}},
		{"not allowed", own + fmt.Sprintf("%q", l.URL), every(http.MethodGet, said(403, "application/json", `{"errorCode": "AccessDenied", "message": "this account may not"}`)), []string{"This account may not", "username of the provider names it"}},
		{"too slow", own + fmt.Sprintf("%q\n  request_timeout = \"100ms\"", l.URL), func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() }, []string{"There was no answer in time", "raise request_timeout"}},
		{"broken", own + fmt.Sprintf("%q", l.URL), hangUp, []string{"EOF", "max_retries of the provider says how often"}},
		{"a fault of the server", own + fmt.Sprintf("%q", l.URL), every(http.MethodGet, said(500, "application/json", `{"errorCode": "UnknownError", "message": "the backend failed; its log says why"}`)), []string{"its log says why (request ID r-17)"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l.meet(test.between)
			w.t = t
			w.put("provider.tf", "provider \"vcc\" {\n  username = \"abc-company\"\n  max_retries = 0\n  "+test.settings+"\n}\n")
			w.expect(1, append(test.wants, "Error: Networks Not Read"), "plan")
		})
	}
}

// A thousand resources do not make a thousand tries of a login that was refused.
func TestServed_refusedLoginOnce(t *testing.T) {
	l := newServedLab(t)
	for name, test := range map[string]struct {
		password string
		// refuse, if not nil, answers logins in place of the server.
		refuse func(w http.ResponseWriter)
		says   string
	}{
		"a wrong password": {"guess", nil, "The user name or the password is wrong"},
		"an account that may not log in": {sitePassword, func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"errorCode": "AccessDenied", "message": "this account may not log in"}`)
		}, "This account may not log in"},
	} {
		t.Run(name, func(t *testing.T) {
			var logins atomic.Int32
			l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
				if strings.HasSuffix(r.URL.Path, "/token") {
					logins.Add(1)
					if test.refuse != nil {
						test.refuse(w)
						return
					}
				}
				server.ServeHTTP(w, r)
			})
			s := newServer(t)
			if said := s.configure(map[string]tftypes.Value{"endpoint": text(l.URL), "username": text("abc-company"), "password": text(test.password)}); said != "" {
				t.Fatal(said)
			}
			for range 5 {
				expectText(t, s.read(), "ERROR", test.says)
			}
			if got := logins.Load(); got != 1 {
				t.Errorf("%d logins, want 1", got)
			}
		})
	}
}

// No secret is in a log, however much is logged.
func TestAccServed_noSecretInLogs(t *testing.T) {
	l := newServedLab(t)
	for _, variable := range []string{"TF_LOG=TRACE", "TF_LOG_PROVIDER=TRACE", "TF_LOG_SDK_PROTO=TRACE"} {
		w := l.workspace()
		log := filepath.Join(w.folder, "trace.log")
		w.env = append(w.env, variable, "TF_LOG_PATH="+log)
		w.write(l.blocks(gateway(silver3, ipv4Data), routing(true)))
		w.expect(0, nil, "apply", "-auto-approve")
		l.meet(every(http.MethodGet, hangUp))
		w.put("provider.tf", strings.Replace(readFile(t, w, "provider.tf"), "username", "max_retries = 1\n  username", 1))
		w.expect(1, nil, "plan")
		l.meet(nil)
		right := readFile(t, w, "provider.tf")
		w.put("provider.tf", strings.Replace(right, "username", fmt.Sprintf("password = %q\n  username", wrongPassword), 1))
		w.expect(1, []string{"The user name or the password is wrong"}, "plan")
		w.put("provider.tf", right)
		w.expect(0, nil, "destroy", "-auto-approve")
		content := readFile(t, w, "trace.log")
		if variable == "TF_LOG=TRACE" && !strings.Contains(content, "backend answered") {
			t.Errorf("%s: the provider logged nothing; this test sees nothing", variable)
		}
		if len(l.tokens) == 0 {
			t.Fatal("nobody logged in")
		}
		for _, secret := range append([]string{sitePassword, wrongPassword}, l.tokens...) {
			for _, form := range forms(secret) {
				if strings.Contains(content, form) {
					t.Errorf("%s: %q is in the log", variable, form)
				}
			}
		}
	}
}

func readFile(t *testing.T, w *workspace, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(w.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// forms are the ways in which a secret could be written.
func forms(secret string) []string {
	return []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.URLEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret)),
	}
}

// The settings for requests do what they say.
func TestServed_requestSettings(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	number := func(n int64) tftypes.Value { return tftypes.NewValue(tftypes.Number, n) }
	for name, test := range map[string]struct {
		settings map[string]tftypes.Value
		attempts int
		says     string
	}{
		"no retries":         {map[string]tftypes.Value{"max_retries": number(0)}, 1, "not now"},
		"two retries":        {map[string]tftypes.Value{"max_retries": number(2)}, 3, "not now"},
		"retries when unset": {nil, 5, "not now"},
		// Long enough for the login, whose hash takes its time on a busy machine.
		"a timeout":             {map[string]tftypes.Value{"max_retries": number(0), "request_timeout": text("5s")}, 1, "There was no answer in time"},
		"a timeout and a retry": {map[string]tftypes.Value{"max_retries": number(1), "request_timeout": text("5s")}, 2, "There was no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newServedLab(t) // of its own, as it is parallel
			var attempts atomic.Int32
			l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
				if !strings.HasPrefix(r.URL.Path, "/api/v1/cloudConnect/") {
					server.ServeHTTP(w, r)
					return
				}
				attempts.Add(1)
				if _, timeout := test.settings["request_timeout"]; timeout {
					<-r.Context().Done()
					return
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusServiceUnavailable)
				fmt.Fprint(w, `{"errorCode": "ServiceUnavailable", "message": "not now"}`)
			})
			s := newServer(t)
			settings := map[string]tftypes.Value{"endpoint": text(l.URL), "username": text("abc-company"), "password": text(sitePassword)}
			maps.Copy(settings, test.settings)
			if said := s.configure(settings); said != "" {
				t.Fatal(said)
			}
			expectText(t, strings.ToLower(s.read()), strings.ToLower(test.says))
			if got := int(attempts.Load()); got != test.attempts {
				t.Errorf("%d attempts, want %d", got, test.attempts)
			}
		})
	}
}
