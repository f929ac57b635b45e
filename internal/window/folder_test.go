package window_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/window"
)

// TestFolder: the window of a data folder has no accounts. Its address is good once, and names that
// lead to it by somebody else's choice are refused.
func TestFolder(t *testing.T) {
	e, err := backend.OpenEmbedded(t.Context(), backend.EmbeddedConfig{DataDir: t.TempDir(), Program: "window"})
	ok(t, err)
	defer e.Close() //nolint:errcheck // nothing is lost
	ctx, stop := context.WithCancel(t.Context())
	addresses, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- e.ServeWindow(ctx, 0, func(a string) { addresses <- a }) }()
	address := <-addresses
	at, err := url.Parse(address)
	ok(t, err)
	base := "http://" + at.Host
	if at.Hostname() != "127.0.0.1" {
		t.Errorf("the window is at %s", at.Host)
	}

	v, late := newVisitor(t, base), newVisitor(t, base)
	for _, path := range []string{"/", "/tenants", "/open?key=", "/open?key=AAAA", "/open"} {
		a := v.get(path)
		if a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a session: %s", path, a.Status)
		}
		contains(t, path, a.text(), "open the address that backend window printed, which is good once")
	}
	for _, host := range []string{"evil.example", "evil.example:" + at.Port(), "localhost:" + at.Port(), "127.0.0.1", "127.0.0.1.evil.example:" + at.Port()} {
		for _, path := range []string{at.RequestURI(), "/", "/assets/window.css", "/nothing"} {
			if a := v.send(http.MethodGet, path, nil, "Host", host); a.StatusCode != http.StatusForbidden || len(a.Cookies()) > 0 {
				t.Errorf("%s of %s: %s", path, host, a.Status)
			}
		}
	}
	if a := v.get(at.RequestURI()); a.at() != "/" || len(a.Cookies()) != 1 || !a.Cookies()[0].HttpOnly || a.Cookies()[0].SameSite != http.SameSiteStrictMode {
		t.Errorf("the address: %s %v", a.Status, a.Cookies())
	}
	if a := late.get(at.RequestURI()); a.StatusCode != http.StatusUnauthorized || len(a.Cookies()) > 0 {
		t.Errorf("the address once more: %s", a.Status)
	}
	if a := v.get(at.RequestURI()); a.at() != "/" { // a reload of whoever was first
		t.Errorf("the address once more in the first browser: %s", a.Status)
	}
	home := v.home()
	page := v.page(home + "/gateways")
	contains(t, "the page", page.text(), "ABC Company", "VMware Silver network 1", "Choose another tenant")
	lacks(t, "the page", page.text(), "Log out")
	if a := v.get("/login"); a.StatusCode != http.StatusNotFound {
		t.Errorf("there is a login: %s", a.Status)
	}
	if a := v.post(home+"/routing", values("form_token", page.hidden("form_token"), "revision", "0", "enabled", "yes"), "Host", "evil.example"); a.StatusCode != http.StatusForbidden {
		t.Errorf("a form to another name: %s", a.Status)
	}
	if a := v.post(home+"/routing", values("form_token", page.hidden("form_token"), "revision", "0", "enabled", "yes")); a.StatusCode != http.StatusSeeOther {
		t.Errorf("a form: %s", a.Status)
	}
	routing, err := e.Client.NetworkRouting(t.Context(), vcc.Actor{})
	ok(t, err)
	if !routing.Enabled || !strings.HasSuffix(routing.UpdatedBy, " (window)") {
		t.Errorf("the option is %+v", routing)
	}
	stop()
	ok(t, <-ended)
}

// TestHost: of port 80 a browser names the address alone.
func TestHost(t *testing.T) {
	key, _ := window.NewKey(vcc.Account{Username: "test", Role: vcc.RoleOperator})
	for _, tc := range []struct {
		at, host string
		want     int
	}{
		{"127.0.0.1:80", "127.0.0.1", http.StatusUnauthorized}, // answered, and not logged in
		{"127.0.0.1:80", "127.0.0.1:80", http.StatusUnauthorized},
		{"127.0.0.1:80", "evil.example", http.StatusForbidden},
		{"127.0.0.1:8080", "127.0.0.1", http.StatusForbidden},
		{"127.0.0.1:8080", "127.0.0.1:80", http.StatusForbidden},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Host = tc.host
		answer := httptest.NewRecorder()
		window.New(window.Config{Key: key, Host: tc.at}).Handler().ServeHTTP(answer, r)
		if answer.Code != tc.want {
			t.Errorf("the window at %s answers %s with %d; want %d", tc.at, tc.host, answer.Code, tc.want)
		}
	}
}
