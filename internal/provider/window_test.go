package provider_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// windowVisitor is somebody at the Default Gateways window. What browsers make of its pages is tested beside them.
type windowVisitor struct {
	t    *testing.T
	base string
	http http.Client
}

// page sends a request and returns the path and the content of the page that it leads to.
func (v *windowVisitor) page(method, path string, form url.Values) (at, content string) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := v.http.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		v.t.Fatalf("%s %s: %s, %v:\n%s", method, path, resp.Status, err, body)
	}
	return resp.Request.URL.Path, string(body)
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// hidden returns the hidden fields of the first form of a page that is sent to a path.
func hidden(page, action string) url.Values {
	_, form, _ := strings.Cut(page, `action="`+action+`"`)
	form, _, _ = strings.Cut(form, "</form>")
	fields := url.Values{}
	for _, f := range hiddenField.FindAllStringSubmatch(form, -1) {
		fields.Set(f[1], html.UnescapeString(f[2]))
	}
	return fields
}

// What somebody changes in the window the next plan shows, with the account's name. What Terraform changes the
// window shows, with its account and the time.
func TestAccWindow(t *testing.T) {
	l := newTestLab(t)
	database := "sqlite:" + filepath.Join(l.dir, "vcc.db")
	server, err := backend.NewServer(t.Context(), backend.ServerConfig{Listen: "127.0.0.1:0", Database: database})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	store, err := backend.OpenStore(t.Context(), database, false)
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := store.Tenant(t.Context(), "ABC Company")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"abc-terraform", "abc-console"} {
		if err := store.AddAccount(t.Context(), vcc.Account{Username: name, Role: vcc.RoleTenant, TenantID: tenant.ID}, sitePassword); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	base := "http://" + server.Addr().String()
	w := l.newWorkspace()
	w.env = []string{"VCC_PASSWORD=" + sitePassword}
	w.put("provider.tf", fmt.Sprintf("provider \"vcc\" {\n  endpoint = %q\n  username = \"abc-terraform\"\n}\n", base))
	text := gateway(silver3, ipv4Data)
	for name, id := range l.ids {
		text = strings.ReplaceAll(text, "%{"+name+"}", id)
	}
	w.write(text)
	w.expect(0, []string{"Apply complete! Resources: 1 added"}, "apply", "-auto-approve")

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &windowVisitor{t: t, base: base, http: http.Client{Jar: jar}}
	_, login := v.page(http.MethodGet, "/login", nil)
	form := hidden(login, "/login")
	form.Set("username", "abc-console")
	form.Set("password", sitePassword)
	at, list := v.page(http.MethodPost, "/login", form)
	stored := l.stored(silver3)
	for _, want := range []string{"172.17.54.1", "abc-terraform", stored.UpdatedAt.UTC().Format("2006-01-02 15:04:05 UTC")} {
		if !strings.Contains(list, want) {
			t.Errorf("the window at %s does not show %q:\n%s", at, want, list)
		}
	}

	network := strings.TrimSuffix(at, "gateways") + "networks/" + l.ids[silver3]
	_, dialog := v.page(http.MethodGet, network, nil)
	form = hidden(dialog, network+"/ipv4")
	form.Set("address", "172.17.54.9")
	form.Set("subnetMask", "255.255.255.0")
	if _, saved := v.page(http.MethodPost, network+"/ipv4", form); !strings.Contains(saved, "Saved.") {
		t.Errorf("the window says:\n%s", saved)
	}
	w.expect(2, []string{`"172.17.54.9" -> "172.17.54.1"`, "abc-console"}, "plan", "-detailed-exitcode")
	w.expect(0, []string{"1 changed"}, "apply", "-auto-approve")
	_, history := v.page(http.MethodGet, network+"/history", nil)
	after := l.stored(silver3)
	for _, want := range []string{"abc-terraform", "abc-console", "172.17.54.9 in 172.17.54.0/24", after.UpdatedAt.UTC().Format("2006-01-02 15:04:05 UTC")} {
		if !strings.Contains(history, want) {
			t.Errorf("the history does not show %q:\n%s", want, history)
		}
	}
}
