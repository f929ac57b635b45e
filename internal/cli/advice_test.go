package cli_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A request that gets no answer of a backend ends with what to do about it, in the words of this command line.
func TestAdvice(t *testing.T) {
	s := serve(t)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	flags := func(endpoint string) string {
		return fmt.Sprintf(" --endpoint %s --username abc-company --password-file '%s'", endpoint, s.passwords["abc-company"])
	}
	host := strings.TrimPrefix(s.endpoint, "https://")
	for name, test := range map[string]struct{ flags, want string }{
		"an authority that is not known": {flags(s.endpoint), "give its certificate in --ca-certificate.\n"},
		"http on https":                  {flags("http://" + host), "Check --endpoint: host, port, and https:// where the server speaks TLS.\n"},
		"https on http":                  {flags("https://" + strings.TrimPrefix(plain.URL, "http://")), "The server does not speak TLS at that port. Check the port in --endpoint.\n"},
		"another server":                 {flags(plain.URL), "Check --endpoint: host, port, and https:// where the server speaks TLS.\n"},
		"a host that is none":            {flags("https://nobody.invalid"), "No host has that name. Check --endpoint.\n"},
		"a wrong password":               {fmt.Sprintf(" --endpoint %s --ca-certificate '%s' --username nobody --password-file '%s'", s.endpoint, s.authority, s.passwords["root"]), "Check --username and the password.\n"},
		"an operator without a tenant":   {s.as("root"), "an operator acts for a tenant; say which one, by its name or ID\n"},
		"a tenant that is not there":     {s.as("root") + " --tenant Nobody", "--tenant: there is no tenant \"Nobody\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := typed(t, "backend networks"+test.flags)
			if r.status != 1 || !strings.HasSuffix(r.stderr, test.want) {
				t.Errorf("status %d, %q does not end with %q", r.status, r.stderr, test.want)
			}
		})
	}
}

// VCC_TENANT is the tenant of an operator, and --tenant wins over it.
func TestTenantOfTheEnvironment(t *testing.T) {
	s := serve(t)
	t.Setenv("VCC_TENANT", "XYZ Holding")
	for flags, want := range map[string]string{"": "Hyper-V Gold network 1", " --tenant 'ABC Company'": "VMware Silver network 1"} {
		if out := done(t, "backend networks"+s.as("root")+flags); !strings.Contains(out, want) {
			t.Errorf("with %q:\n%s", flags, out)
		}
	}
	builtIn(t)
	if out := done(t, "backend networks"); !strings.Contains(out, "Hyper-V Gold network 1") {
		t.Errorf("of a folder:\n%s", out)
	}
}

// What a backend calls a network, or a person, a terminal shows and does not obey; and it takes one line.
func TestTerminalsAreNotObeyed(t *testing.T) {
	mux := http.NewServeMux()
	answer := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(w, body)
		}
	}
	page := func(entry string) string {
		return `{"data": [` + entry + `], "pagination": {"total": 1, "count": 1, "skip": 0, "limit": 1000}}`
	}
	const inJSON = `\u001b[31mred\nVMware Silver network 9\t\u202e`
	mux.HandleFunc("/api/oauth2/token", answer(`{"access_token": "t", "token_type": "bearer", "expires_in": 900}`))
	mux.HandleFunc("/api/v1/serverInfo", answer(`{"name": "site", "buildVersion": "test", "apiVersion": "1.0"}`))
	mux.HandleFunc("/api/v1/cloudConnect/networks", answer(page(`{"id": "i", "name": "`+inJSON+`"}`)))
	mux.HandleFunc("/api/v1/cloudConnect/defaultGateways", answer(page(`{"networkId": "i", "networkName": "`+inJSON+`", "updatedBy": "`+inJSON+`"}`)))
	mux.HandleFunc("/api/v1/cloudConnect/failoverPlans", answer(page(`{"id": "i", "name": "`+inJSON+`"}`)))
	mux.HandleFunc("/api/v1/cloudConnect/networkRouting", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusConflict)
		_, _ = fmt.Fprint(w, `{"errorCode": "Conflict", "message": "`+inJSON+`"}`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Setenv("VCC_PASSWORD", "p")
	for line, rows := range map[string]int{
		"networks": 2, "gateway list": 2, "gateway list --stored": 2, "gateway remove nothing": 1, "routing show": 2, "failover status": 3,
	} {
		r := typed(t, "backend "+line+" --username u --endpoint "+server.URL)
		text := r.stdout + r.stderr
		if strings.ContainsAny(text, "\x1b\u202e") || !strings.Contains(text, `\x1b[31mred`) || strings.Count(text, "\n") > rows {
			t.Errorf("%s: %q", line, text)
		}
	}
}
