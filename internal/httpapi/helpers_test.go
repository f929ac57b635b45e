package httpapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/accounttest"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// ok stops the test at an error that it is not about.
func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// equal compares what a test got with what it wants.
func equal(t testing.TB, what string, got, want any, opts ...cmp.Option) {
	t.Helper()
	opts = append(opts, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, netip.AddrPort{}))
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// unknownID is an ID that nothing has.
const unknownID = "00000000-0000-4000-8000-000000000000"

// What clients are asked with: for the account's own tenant, for a whole page.
var (
	own       = vcc.Actor{}
	firstPage = vcc.Page{Limit: vcc.MaxPageLimit}
	ifAbsent  = vcc.Precondition{Absent: true}
)

// ipv4 are the settings of a gateway such as 172.17.52.1/23.
func ipv4(gateway string) vcc.GatewaySettings {
	p := netip.MustParsePrefix(gateway)
	return vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: p.Addr(), PrefixLength: p.Bits()}}
}

// testLab has a plan on each of two hosts, and two tenants of which the second
// has one network and nothing else.
func testLab() vcc.Lab {
	rule := vcc.PublicIPRule{Public: netip.MustParseAddrPort("203.0.113.10:443"), Internal: netip.MustParseAddrPort("172.17.52.10:8443")}
	return vcc.Lab{
		ServiceProvider: vcc.ServiceProvider{Name: "sp.example.net"},
		Hosts: []vcc.Host{
			{Name: "esx01", Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 101, Last: 110}, WithoutInternet: vcc.VLANRange{First: 111, Last: 120}}}},
			{Name: "hyperv01", Platform: vcc.PlatformHyperV, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 201, Last: 210}}}},
		},
		HardwarePlans: []vcc.LabHardwarePlan{
			{Name: "Silver", Host: "esx01", Networks: vcc.LabNetworkCount{WithInternet: 1, WithoutInternet: 2}},
			{Name: "Gold", Host: "hyperv01", Networks: vcc.LabNetworkCount{WithInternet: 1}},
		},
		Tenants: []vcc.LabTenant{
			{
				Name: "ABC", Subscriptions: []string{"Silver", "Gold"},
				PublicIPs: []netip.Addr{rule.Public.Addr()},
				Appliances: []vcc.LabAppliance{{Host: "esx01", External: vcc.ExternalSettings{
					IPv4: netip.MustParsePrefix("198.51.100.5/24"), IPv4Gateway: netip.MustParseAddr("198.51.100.1"),
				}}},
				Site: vcc.Site{
					ProductionNetworks: []vcc.ProductionNetwork{
						{Name: "App", IPv4: netip.MustParsePrefix("172.17.52.0/23"), IPv4Gateway: netip.MustParseAddr("172.17.52.1")},
						{Name: "Data", IPv4: netip.MustParsePrefix("172.17.54.0/24"), IPv4Gateway: netip.MustParseAddr("172.17.54.1")},
					},
					VMs: []vcc.VM{
						{Name: "web01", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "App", IPv4: netip.MustParseAddr("172.17.52.10")}}},
						{Name: "db01", Guest: vcc.GuestLinux, NICs: []vcc.NIC{{Network: "Data"}}},
					},
				},
				Jobs: []vcc.LabReplicationJob{{
					Name: "Nightly", HardwarePlan: "Silver", VMs: []string{"web01", "db01"},
					Mapping: map[string]string{"App": "Silver network 2", "Data": "Silver network 1 (internet)"},
				}},
				FailoverPlans: []vcc.LabFailoverPlan{{Name: "Whole site", VMs: []string{"web01"}, PublicIPRules: []vcc.PublicIPRule{rule}}},
			},
			{Name: "XYZ", Subscriptions: []string{"Gold"}},
		},
	}
}

// servedLab is testLab with user names.
func servedLab() vcc.Lab {
	lab := testLab()
	lab.Tenants[0].Username, lab.Tenants[1].Username = "abc", "xyz"
	return lab
}

// The passwords of the accounts of newServed.
const (
	abcPassword  = "abc's very own password"
	xyzPassword  = "xyz's very own password"
	rootPassword = "the operator's password"
)

// databases is a folder with the databases that tests begin with: one with the lab, and one with
// accounts, too. To make them takes longer than most of the tests.
var databases string

const (
	labDatabase      = "lab.db"
	accountsDatabase = "accounts.db"
)

func TestMain(m *testing.M) {
	var err error
	if databases, err = os.MkdirTemp("", "httpapi"); err == nil {
		err = makeDatabases(databases)
	}
	status := 1
	if err == nil {
		status = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	_ = os.RemoveAll(databases)
	os.Exit(status)
}

func makeDatabases(folder string) error {
	ctx := context.Background()
	for name, lab := range map[string]vcc.Lab{labDatabase: testLab(), accountsDatabase: servedLab()} {
		s, err := store.OpenSQLite(ctx, filepath.Join(folder, name))
		if err != nil {
			return err
		}
		valid, err := lab.Check()
		if err != nil {
			return err
		}
		if name == accountsDatabase {
			if valid, err = valid.WithPasswords(map[string]string{"abc": abcPassword, "xyz": xyzPassword}); err != nil {
				return err
			}
			if err := s.AddAccount(ctx, vcc.Account{Username: "root", Role: vcc.RoleOperator}, rootPassword); err != nil {
				return err
			}
		}
		if _, err := s.ApplyLab(ctx, valid, nil); err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	for username, password := range map[string]string{"abc": abcPassword, "xyz": xyzPassword, "root": rootPassword} {
		if err := accounttest.Cheapen(ctx, filepath.Join(folder, accountsDatabase), password, username); err != nil {
			return err
		}
	}
	return nil
}

// api is a server on the services of a real store.
type api struct {
	*httptest.Server // on the loopback interface; nil until serve
	handler          http.Handler
	store            *store.Store
	services         httpapi.Services
	dir              string
	tokens           tokens
	log              *record
}

// tokens is an Authenticator for the tenants of a lab: the token is the name.
type tokens map[string]vcc.Actor

func (t tokens) Authenticate(r *http.Request) (vcc.Account, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if actor, known := t[token]; known {
		return vcc.Account{Role: vcc.RoleTenant, TenantID: actor.TenantID, Username: actor.Name}, nil
	}
	if token == "expired" {
		return vcc.Account{}, &vcc.Error{Code: vcc.CodeExpiredToken, Message: "the access token expired"}
	}
	return vcc.Account{}, &vcc.Error{Code: vcc.CodeInvalidToken, Message: "no access token that this server issued"}
}

// record collects what is written to it.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

// errors is a log that keeps errors only, and not the lines of requests.
func (r *record) errors() slog.Handler {
	return slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelError})
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// applyLab declares a lab.
func (a *api) applyLab(t testing.TB, lab vcc.Lab) {
	t.Helper()
	valid, err := lab.Check()
	ok(t, err)
	_, err = a.store.ApplyLab(t.Context(), valid, nil)
	ok(t, err)
}

// newBackend opens a copy of a database, which nobody serves yet.
func newBackend(t testing.TB, database string) *api {
	t.Helper()
	a := openBackend(t, database, t.TempDir())
	t.Cleanup(func() { _ = a.store.Close() })
	return a
}

// openBackend opens a copy of a database in a folder. The caller closes the store.
func openBackend(t testing.TB, database, folder string) *api {
	t.Helper()
	a := &api{dir: folder, tokens: tokens{}, log: new(record)}
	content, err := os.ReadFile(filepath.Join(databases, database))
	ok(t, err)
	file := filepath.Join(a.dir, "vcc.db")
	ok(t, os.WriteFile(file, content, 0o600))
	a.store, err = store.OpenSQLite(t.Context(), file)
	ok(t, err)
	a.services = backend.NewServices(a.store)
	tenants, err := a.store.Tenants(t.Context())
	ok(t, err)
	for _, tenant := range tenants {
		a.tokens[tenant.Name] = vcc.Actor{TenantID: tenant.ID, Name: "admin of " + tenant.Name}
	}
	a.handler = a.handlerFor(a.tokens)
	return a
}

// handlerFor returns the server's handler for an authenticator of the test's, with a login that
// gives out user names as tokens.
func (a *api) handlerFor(authenticator httpapi.Authenticator) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", httpapi.NewHandler(httpapi.ServerConfig{
		Services: a.services, Authenticator: authenticator, Version: "1.2.3", Log: slog.New(a.log.errors()),
	}))
	mux.HandleFunc("POST /api/oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, http.StatusOK, map[string]string{"access_token": r.PostFormValue("username")})
	})
	return mux
}

// serve serves the handler on the loopback interface.
func (a *api) serve(t testing.TB) *api {
	t.Helper()
	a.Server = httptest.NewServer(a.handler)
	t.Cleanup(a.Server.Close)
	return a
}

// exec changes the database past the store.
func (a *api) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(a.dir, "vcc.db"))
	ok(t, err)
	defer db.Close() //nolint:errcheck // the tests after it notice
	_, err = db.ExecContext(t.Context(), statement, args...)
	ok(t, err)
}

// newAPI starts a server on a fresh store with testLab.
func newAPI(t testing.TB) *api {
	t.Helper()
	return newBackend(t, labDatabase).serve(t)
}

// newServed starts a server as service providers run it, with accounts: "abc" and "xyz"
// for the tenants, and the operator "root". The log has everything.
func newServed(t testing.TB) *api {
	t.Helper()
	a := newBackend(t, accountsDatabase)
	a.handler = a.withAccounts()
	return a.serve(t)
}

// withAccounts returns the server's handler with the store's accounts.
func (a *api) withAccounts() http.Handler {
	return httpapi.NewHandler(httpapi.ServerConfig{
		Services: a.services, Accounts: a.store, Version: "1.2.3",
		Log: slog.New(slog.NewJSONHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client says what is missing
}

// network returns the ID of a network of a tenant.
func (a *api) network(t testing.TB, tenant, name string) string {
	t.Helper()
	list, _, err := a.store.Networks(t.Context(), a.tokens[tenant], vcc.NetworkFilter{Name: name}, vcc.Page{Limit: 1})
	ok(t, err)
	if len(list) == 0 {
		t.Fatalf("%s has no network %q", tenant, name)
	}
	return list[0].ID
}

// job, plan and appliance return the IDs of ABC's first job, failover plan and
// appliance.
func (a *api) job(t testing.TB) string {
	t.Helper()
	list, _, err := a.store.ReplicationJobs(t.Context(), a.tokens["ABC"], vcc.Page{Limit: 1})
	ok(t, err)
	return list[0].ID
}

func (a *api) plan(t testing.TB) string {
	t.Helper()
	list, _, err := a.store.FailoverPlans(t.Context(), a.tokens["ABC"], vcc.Page{Limit: 1})
	ok(t, err)
	return list[0].ID
}

func (a *api) appliance(t testing.TB) string {
	t.Helper()
	list, _, err := a.services.Appliances(t.Context(), a.tokens["ABC"], vcc.Page{Limit: 1})
	ok(t, err)
	return list[0].ID
}

// answer is what a server said.
type answer struct {
	status int
	header http.Header
	body   string
}

// decode reads the body strictly.
func decode[T any](t testing.TB, a answer) T {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(a.body))
	decoder.DisallowUnknownFields()
	var v T
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("decoding %q as a %T: %v", a.body, v, err)
	}
	return v
}

// do sends a request as ABC, unless headers, which are given as "Name: value",
// say otherwise. A body is JSON.
func (a *api) do(t testing.TB, method, path, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.URL+path, strings.NewReader(body))
	ok(t, err)
	r.Header.Set("Authorization", "Bearer ABC")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	given := map[string]bool{}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		if !given[name] {
			r.Header.Del(name)
		}
		given[name] = true
		r.Header.Add(name, strings.TrimPrefix(value, " "))
	}
	resp, err := http.DefaultTransport.RoundTrip(r) // follows no redirect
	ok(t, err)
	defer resp.Body.Close() //nolint:errcheck // it was read
	content, err := io.ReadAll(resp.Body)
	ok(t, err)
	return answer{resp.StatusCode, resp.Header, string(content)}
}

// wireError is an error as the contract writes it down.
type wireError struct {
	ErrorCode  string          `json:"errorCode"`
	Message    string          `json:"message"`
	ResourceID string          `json:"resourceId"`
	Field      string          `json:"field"`
	Current    json.RawMessage `json:"current"`
}

// wantError checks an answer that is an error, but for its message, and that its
// form is exactly the contract's. It returns the error.
func wantError(t testing.TB, got answer, status int, want wireError) wireError {
	t.Helper()
	if got.status != status {
		t.Errorf("status %d, want %d: %s", got.status, status, got.body)
	}
	e := checkErrorForm(t, got)
	equal(t, "error", e, want, cmpopts.IgnoreFields(e, "Message", "Current"))
	return e
}

// checkErrorForm checks that an answer that is an error has exactly the contract's form.
func checkErrorForm(t testing.TB, got answer) wireError {
	t.Helper()
	if kind := got.header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("content type %q", kind)
	}
	e := decode[wireError](t, got)
	if e.Message == "" {
		t.Error("there is no message")
	}
	properties := []string{"errorCode", "field", "message", "resourceId"}
	if e.Current != nil {
		properties = append([]string{"current"}, properties...)
	}
	equal(t, "properties of an error", sortedKeys(decode[map[string]any](t, got)), properties)
	return e
}

func sortedKeys[V any](m map[string]V) []string {
	keys := []string{}
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// unchanged runs do and checks that nothing was written to the database: neither
// its file nor its journal has another content.
func (a *api) unchanged(t testing.TB, do func()) {
	t.Helper()
	content := func() string {
		h := sha256.New()
		for _, name := range []string{"vcc.db", "vcc.db-wal"} {
			b, err := os.ReadFile(filepath.Join(a.dir, name))
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			h.Write(b)
		}
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	before := content()
	do()
	if content() != before {
		t.Error("something was written to the database")
	}
}

// client returns a client that sends a tenant's name as its token.
func (a *api) client(t testing.TB, tenant string) *httpapi.Client {
	t.Helper()
	return newClient(t, httpapi.ClientConfig{Endpoint: a.URL, Username: tenant, Password: "secret"})
}

func newClient(t testing.TB, cfg httpapi.ClientConfig) *httpapi.Client {
	t.Helper()
	c, err := httpapi.NewClient(cfg)
	ok(t, err)
	t.Cleanup(c.Close)
	return c
}
