package window_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/window"
)

// gatewayForm is a form that would change the gateway of a network.
func gatewayForm(token string) url.Values {
	return values("form_token", token, "revision", "none", "address", "172.17.60.1", "subnetMask", "255.255.255.0")
}

// unchanged checks that nobody changed anything of the built-in lab.
func (s *served) unchanged() {
	s.t.Helper()
	list, _, err := s.client(abc).DefaultGateways(s.t.Context(), vcc.Actor{}, vcc.Page{Limit: 100})
	ok(s.t, err)
	for _, g := range list {
		if g.Origin != vcc.OriginDetected {
			s.t.Errorf("somebody changed %+v", g)
		}
	}
	if routing, err := s.client(abc).NetworkRouting(s.t.Context(), vcc.Actor{}); err != nil || routing.Revision != 0 {
		s.t.Errorf("somebody changed the option: %+v, %v", routing, err)
	}
}

// TestForms: what no page of this session sends changes nothing, and says so.
func TestForms(t *testing.T) {
	s := serve(t, backend.ServerConfig{})
	v, other := s.visitor(), s.visitor()
	v.logIn(abc)
	other.logIn(abc)
	home := v.home()
	token, stolen := v.page(home+"/gateways").hidden("form_token"), other.page(home+"/gateways").hidden("form_token")
	if token == "" || token == stolen {
		t.Fatalf("the tokens of two sessions are %q and %q", token, stolen)
	}
	at := home + "/networks/" + s.networkID("VMware Silver network 2") + "/ipv4"
	const refused = "the form is none that this session was sent, or it is from before the last login; nothing was changed"
	for name, send := range map[string]func() answer{
		"without a token":                       func() answer { return v.post(at, gatewayForm("")) },
		"with a made up one":                    func() answer { return v.post(at, gatewayForm(strings.Repeat("A", len(token)))) },
		"with that of another session":          func() answer { return v.post(at, gatewayForm(stolen)) },
		"with the token in the address":         func() answer { return v.post(at+"?form_token="+token, gatewayForm("")) },
		"from another site":                     func() answer { return v.post(at, gatewayForm(token), "Sec-Fetch-Site", "cross-site") },
		"from a site beside this one":           func() answer { return v.post(at, gatewayForm(token), "Sec-Fetch-Site", "same-site") },
		"from another origin in an old browser": func() answer { return v.post(at, gatewayForm(token), "Origin", "http://evil.example") },
		"the option, without a token":           func() answer { return v.post(home+"/routing", values("revision", "0", "enabled", "yes")) },
		"a removal, without a token":            func() answer { return v.post(at+"/remove", values("revision", "1")) },
		"the end of the session":                func() answer { return v.post("/logout", nil) },
	} {
		a := send()
		if a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", name, a.Status)
		}
		contains(t, name, a.text(), refused)
	}
	for name, form := range map[string]url.Values{
		"without a revision":    values("form_token", token, "address", "172.17.60.1", "subnetMask", "255.255.255.0"),
		"with one that is none": values("form_token", token, "revision", "x", "address", "172.17.60.1", "subnetMask", "255.255.255.0"),
	} {
		a := v.post(at, form)
		contains(t, name, a.text(), "the form does not say what it was about; nothing was changed")
	}
	if a := v.post(at, values("form_token", token, "address", strings.Repeat("1", 300<<10))); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a form of 300 KiB: %s", a.Status)
	}
	s.unchanged()
	if a := v.post(at, gatewayForm(token)); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the form itself: %s: %s", a.Status, a.text())
	}
}

// TestOtherTenants: what is another tenant's answers as what is missing, to whoever asks with whatever cookie.
func TestOtherTenants(t *testing.T) {
	s := common(t)
	mine, theirs := s.visitor(), s.visitor()
	mine.logIn(abc)
	theirs.logIn(xyz)
	home, foreign := mine.home(), theirs.home()
	network := s.networkID("VMware Silver network 2")
	token := theirs.page(foreign + "/gateways").hidden("form_token")
	for _, path := range []string{"/gateways", "/routing", "/networks/" + network, "/networks/" + network + "/history", "/networks/" + network + "/ipv4/remove"} {
		there, missing := theirs.get(home+path), theirs.get("/tenants/00000000-0000-0000-0000-000000000000"+path)
		if there.StatusCode != http.StatusNotFound || there.body != missing.body {
			t.Errorf("%s of another tenant: %s: %s", path, there.Status, there.text())
		}
	}
	for _, path := range []string{"/networks/" + network, "/networks/" + network + "/history"} {
		if a := theirs.get(foreign + path); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s under the own tenant: %s", path, a.Status)
		}
	}
	for _, path := range []string{home + "/routing", home + "/networks/" + network + "/ipv4", foreign + "/networks/" + network + "/ipv4", foreign + "/networks/" + network + "/ipv4/remove"} {
		form := gatewayForm(token)
		form.Set("enabled", "yes")
		if a := theirs.post(path, form); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s: %s", path, a.Status, a.text())
		}
	}
	if a := theirs.get("/tenants"); a.at() != foreign+"/gateways" {
		t.Errorf("the list of tenants: %s %s", a.Status, a.text())
	}
	s.unchanged()

	// The cookie of one tenant in the browser of another is that tenant's session, and nothing of both.
	mixed := s.visitor()
	mixed.setSession(theirs.session())
	if a := mixed.get(home + "/gateways"); a.StatusCode != http.StatusNotFound {
		t.Errorf("with the cookie of another tenant: %s", a.Status)
	}
	if a := mixed.post(home+"/routing", values("form_token", mine.page(home+"/gateways").hidden("form_token"), "revision", "0", "enabled", "yes")); a.StatusCode != http.StatusForbidden {
		t.Errorf("with the cookie of another tenant and a form of this one: %s", a.Status)
	}
	s.unchanged()
}

// TestHeaders: no page may be framed, run what is not ours, or be kept.
func TestHeaders(t *testing.T) {
	s := common(t)
	v := s.visitor()
	v.logIn(abc)
	home := v.home()
	for _, path := range []string{"/login", "/", "/nothing", home + "/gateways", home + "/routing", "/assets/window.css", "/assets/window.js"} {
		h := v.get(path).Header
		policy := h.Get("Content-Security-Policy")
		contains(t, path, policy, "default-src 'none'", "frame-ancestors 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'", "base-uri 'none'")
		lacks(t, path, policy, "unsafe", "http:", "data:", "*")
		for name, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin"} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if !strings.HasPrefix(path, "/assets/") && h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept: %q", path, h.Get("Cache-Control"))
		}
	}
	// The API is what it was, also for who names no type of answer.
	resp, err := http.Get(s.url + "/nothing") //nolint:gosec,noctx // our own server
	ok(t, err)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("a program is answered %s %s", resp.Status, resp.Header.Get("Content-Type"))
	}
}

// TestFramed: another site that shows a page of the window in a frame shows nothing.
func TestFramed(t *testing.T) {
	s := common(t)
	b := newTab(t, "", true)
	file := filepath.Join(t.TempDir(), "frame.html")
	ok(t, os.WriteFile(file, []byte(`<iframe src="`+s.url+`/login"></iframe>`), 0o600))
	b.open("file://" + file)
	until(t, "the browser says that it refuses to frame the page", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return strings.Contains(strings.Join(b.loud, "\n"), "frame-ancestors") || strings.Contains(strings.Join(b.loud, "\n"), "X-Frame-Options")
	})
}

// TestNoOpenRedirect: a login leads to a page of this window, whatever its address says.
func TestNoOpenRedirect(t *testing.T) {
	s := common(t)
	for _, to := range []string{
		"https://evil.example/", "//evil.example/", `/\evil.example/`, `\\evil.example`, "/tenants\\..\\..//evil.example", "javascript:alert(1)",
		"http:evil.example", "https://evil.example/tenants/", "/tenants@evil.example\r\nX: y", "/logout", "%2f%2fevil.example", "/login?back=//evil.example",
		"/tenants/../../" + "/evil.example", "//user@evil.example/tenants",
	} {
		if at := window.Back(to); at != "/" {
			t.Errorf("a login with back=%q leads to %q", to, at)
		}
	}
	evil := s.visitor()
	if at := evil.page("/login?back=//evil.example/").hidden("back"); at != "/" {
		t.Errorf("the form has %q", at)
	}
	if a := evil.post("/login", values("form_token", evil.page("/login").hidden("form_token"), "back", "//evil.example/", "username", abc, "password", password)); a.at() != "/" {
		t.Errorf("the login leads to %q", a.at())
	}
	v := s.visitor()
	v.logIn(abc)
	home := v.home()
	v = s.visitor()
	a := v.get(home + "/gateways?search=a%26b&skip=2")
	page := v.page(a.at())
	if a = v.post("/login", values("form_token", page.hidden("form_token"), "back", page.hidden("back"), "username", abc, "password", password)); a.at() != home+"/gateways?search=a%26b&skip=2" {
		t.Errorf("a login leads back to %q", a.at())
	}
}

// TestSessionFixation: a session that somebody put into a browser is not the one that its user gets.
func TestSessionFixation(t *testing.T) {
	s := common(t)
	attacker, victim := s.visitor(), s.visitor()
	attacker.logIn(xyz)
	planted := attacker.session()
	victim.setSession(planted)
	victim.logIn(abc)
	if victim.session() == planted || victim.session() == "" {
		t.Error("the login kept the session that was there")
	}
	if a := attacker.get("/"); a.at() == "" || !strings.HasPrefix(a.at(), "/login") {
		t.Errorf("the session that was planted is still good: %s %s", a.Status, a.at())
	}
	victim = s.visitor()
	victim.setSession("window.AAAA")
	victim.logIn(abc)
	if victim.session() == "window.AAAA" {
		t.Error("the login kept a session that somebody made up")
	}
	// A form of the login that somebody else was sent logs nobody in.
	form := attacker.page("/login").hidden("form_token")
	other := s.visitor()
	if a := other.post("/login", values("form_token", form, "username", xyz, "password", password)); a.StatusCode != http.StatusForbidden || other.session() != "" {
		t.Errorf("the login with the form of another browser: %s", a.Status)
	}
}

// TestSessionsEnd: a logout, an operator's revocation and time end a session, and a token is good for what it was
// made for alone.
func TestSessionsEnd(t *testing.T) {
	s := common(t)
	s.direct(func(store *backend.Store) error { _, err := store.RevokeAccount(t.Context(), abc); return err }) // logins of other tests
	v := s.visitor()
	answered := v.logIn(abc)
	for _, c := range answered.Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.Secure {
			t.Errorf("the cookie is %v", c)
		}
	}
	home, session := v.home(), v.session()
	token := v.page(home + "/gateways").hidden("form_token")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api/v1/cloudConnect/networkRouting", nil)
	ok(t, err)
	req.Header.Set("Authorization", "Bearer "+session)
	resp, err := http.DefaultClient.Do(req)
	ok(t, err)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the API takes the session of a browser: %s", resp.Status)
	}
	s.direct(func(store *backend.Store) error {
		tokens, _, err := store.LogIn(t.Context(), abc, password, remoteAddress)
		thief := s.visitor()
		thief.setSession(tokens.Access)
		if a := thief.get(home + "/gateways"); a.StatusCode != http.StatusSeeOther {
			t.Errorf("the window takes an access token of the API: %s", a.Status)
		}
		return err
	})

	if a := v.post("/logout", values("form_token", token)); a.at() != "/login?done=out" || v.session() != "" {
		t.Errorf("the logout: %s %s, and a session %q", a.Status, a.at(), v.session())
	}
	v.setSession(session)
	if a := v.get(home + "/gateways"); a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.at(), "/login?") {
		t.Errorf("the session outlives the logout: %s", a.Status)
	}
	s.direct(func(store *backend.Store) error {
		left, err := store.Sessions(t.Context(), abc)
		for _, l := range left {
			if l.Address == "127.0.0.1" && l.ExpiresAt.Sub(l.Since) < vcc.RefreshTokenLifetime {
				t.Errorf("the logout leaves %+v", l)
			}
		}
		return err
	})

	v = s.visitor()
	v.logIn(abc)
	token = v.page(home + "/gateways").hidden("form_token")
	s.direct(func(store *backend.Store) error { _, err := store.RevokeAccount(t.Context(), abc); return err })
	at := home + "/networks/" + s.networkID("VMware Silver network 2") + "/ipv4"
	a := v.post(at, gatewayForm(token))
	if a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.at(), "/login?") {
		t.Fatalf("a form of a session that was revoked: %s", a.Status)
	}
	page := v.page(a.at())
	contains(t, "the login", page.text(), "The session had ended before the form was sent; nothing was changed.")
	if page.hidden("back") != at {
		t.Errorf("the login leads back to %q", page.hidden("back"))
	}
	s.unchanged()
}

// TestGuesses: wrong passwords are refused alike, and slowed down as at the API (D23). The log has neither
// password nor name.
func TestGuesses(t *testing.T) {
	s := common(t)
	v := s.visitor()
	form := v.page("/login").hidden("form_token")
	attempt := func(username string) answer {
		return v.post("/login", values("form_token", form, "username", username, "password", "MARKER-password"))
	}
	wrong, nobody := attempt(abc), attempt("MARKER-name")
	contains(t, "a wrong password", wrong.text(), "the user name or the password is wrong")
	contains(t, "a wrong name", nobody.text(), "the user name or the password is wrong")
	if wrong.StatusCode != http.StatusUnauthorized || nobody.StatusCode != http.StatusUnauthorized {
		t.Errorf("the statuses are %s and %s", wrong.Status, nobody.Status)
	}
	slowed := false
	for range 12 {
		a := attempt(abc)
		slowed = slowed || a.StatusCode == http.StatusTooManyRequests && a.Header.Get("Retry-After") != ""
	}
	if !slowed {
		t.Error("twelve wrong passwords are not slowed down")
	}
	v.get("/tenants/MARKER-tenant/networks/MARKER-network?search=MARKER-search")
	v.get("/MARKER-path")
	v.get("/login?back=MARKER-back")
	lacks(t, "the log", s.log.String(), "MARKER")
	contains(t, "the log", s.log.String(), `"grant":"window","outcome":"InvalidToken","account":"abc-company"`)
}

// TestLog: the log says who changed what in the window, as it does for the API.
func TestLog(t *testing.T) {
	s := serve(t, backend.ServerConfig{})
	v := s.visitor()
	v.logIn(abc)
	home := v.home()
	id := s.networkID("VMware Silver network 2")
	token := v.page(home + "/gateways").hidden("form_token")
	v.post(home+"/networks/"+id+"/ipv4", gatewayForm(token))
	v.post(home+"/routing", values("form_token", token, "revision", "0", "enabled", "yes"))
	contains(t, "the log", s.log.String(),
		`"grant":"window","outcome":"success","account":"abc-company"`,
		`"action":"defaultGateway.put","object":"`+id+`"`, `"action":"networkRouting.put"`, `"account":"abc-company"`,
		`"route":"/tenants/{tenant}/networks/{network}/ipv4"`)
}

// hostile is a name that a lab can have, and that would be markup, a script or an attribute in a careless page.
const hostile = `<script>document.title="owned"</script><img src=x onerror=alert(1)>"'{{.}}&amp;`

// TestHostileNames: names are text, in every place where a lab has one.
func TestHostileNames(t *testing.T) {
	quoted := "'" + strings.ReplaceAll(hostile, "'", "''") + "'"
	file := filepath.Join(t.TempDir(), "lab.yaml")
	ok(t, os.WriteFile(file, []byte(strings.ReplaceAll(`
service_provider: { name: NAME }
hosts:
  - { name: NAME, platform: VMware, vlans: [{ with_internet: [1, 10], without_internet: [11, 20] }] }
hardware_plans:
  - { name: NAME, host: NAME, networks: { with_internet: 1, without_internet: 1 } }
tenants:
  - name: NAME
    username: NAME
    password_env: HOSTILE_PASSWORD
    subscriptions: [NAME]
    production_networks: [{ name: NAME, ipv4: 172.17.52.0/24, ipv4_gateway: 172.17.52.1 }, { name: Other, ipv4: 172.17.54.0/24, ipv4_gateway: 172.17.54.1 }]
    vms: [{ name: NAME, guest: windows, nics: [{ network: NAME, ipv4: 172.17.52.10 }, { network: Other, ipv4: 172.17.54.10 }] }]
    replication_jobs: [{ name: NAME, hardware_plan: NAME, vms: [NAME] }]
    failover_plans: [{ name: NAME, vms: [NAME] }]
`, "NAME", quoted)), 0o600))
	s := serve(t, backend.ServerConfig{LabFile: file})
	s.account(operator, vcc.RoleOperator, "")
	client := s.client(hostile)
	jobs, _, err := client.ReplicationJobs(t.Context(), vcc.Actor{}, vcc.Page{Limit: 1})
	ok(t, err)
	_, err = client.RunReplicationJob(t.Context(), vcc.Actor{}, jobs[0].ID)
	ok(t, err)
	bothWays(t, func(t *testing.T, scripts bool) {
		b := newTab(t, s.url, scripts)
		shown := strings.Join(strings.Fields(hostile), " ")
		visit := func(wants ...string) {
			t.Helper()
			b.says(wants...)
			if n := ask(b, elements(`main script, main img, header script, header img, [onerror]`)); n != 0 {
				t.Errorf("%s has %d elements of a name", b.path(), n)
			}
			if title := ask(b, title); strings.HasPrefix(title, "owned") {
				t.Errorf("%s ran a name", b.path())
			}
			b.accessible()
		}
		b.logIn(operator)
		visit(shown)
		b.press(".choices a")
		visit("Tenant: "+shown, "Service provider: "+shown, shown+" network 1 (internet)", `replication job`)
		b.press("td.do a")
		visit(shown + " network 1 (internet)")
		b.fill("#ipv4-address", hostile)
		b.fill("#ipv4-mask", hostile)
		b.press("section[aria-labelledby=ipv4] button")
		visit("has a prefix length; write the address alone")
		if b.value("#ipv4-address") != hostile {
			t.Errorf("what was typed became %q", b.value("#ipv4-address"))
		}
		b.link("History")
		visit("History of " + shown)
		b.open("/tenants")
		b.fill("#search", hostile+"x")
		b.press("main button")
		visit("There is no tenant whose name has “" + shown + "x” in it.")
		b.press("header button")
		b.logIn(hostile)
		visit(shown, "Log out")
		b.fill("#search", hostile+"x")
		b.press("main .search button")
		visit("No network has “" + shown + "x” in its name or in an address.")
		b.quiet()
	})
}

// TestSecureCookies: with TLS no cookie goes over a connection without, nor comes from another host.
func TestSecureCookies(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg    backend.ServerConfig
		scheme string
		secure bool
	}{
		"with TLS":            {backend.ServerConfig{Listen: "127.0.0.1:0", SelfSigned: t.TempDir()}, "https", true},
		"behind a proxy":      {backend.ServerConfig{Listen: "0.0.0.0:0", AllowPlaintext: true}, "http", true},
		"on loopback without": {backend.ServerConfig{Listen: "127.0.0.1:0"}, "http", false},
	} {
		t.Run(name, func(t *testing.T) {
			tc.cfg.Database = "sqlite:" + filepath.Join(t.TempDir(), "vcc.db")
			server, err := backend.NewServer(t.Context(), tc.cfg)
			ok(t, err)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- server.Serve(ctx) }()
			_, port, err := net.SplitHostPort(server.Addr().String())
			ok(t, err)
			v := newVisitor(t, tc.scheme+"://127.0.0.1:"+port)
			v.http.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // our own server
			cookies := v.page("/login").Cookies()
			if len(cookies) != 1 || cookies[0].Secure != tc.secure || strings.HasPrefix(cookies[0].Name, "__Host-") != tc.secure || !cookies[0].HttpOnly {
				t.Errorf("the cookies are %v", cookies)
			}
			v.http.CloseIdleConnections()
			stop()
			ok(t, <-ended)
		})
	}
}
