package httpapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
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

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// ok stops the test at an error that it is not about.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// equal compares what a test got with what it wants.
func equal(t *testing.T, what string, got, want any, opts ...cmp.Option) {
	t.Helper()
	opts = append(opts, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}))
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// unknownID is an ID that nothing has.
const unknownID = "00000000-0000-4000-8000-000000000000"

// testLab has a plan on each of two hosts, and two tenants of which the second
// has one network and nothing else.
func testLab() vcc.Lab {
	return vcc.Lab{
		ServiceProvider: vcc.ServiceProvider{Name: "sp.example.net"},
		Hosts: []vcc.Host{
			{Name: "esx01", Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRange{{WithInternet: []int{101, 110}, WithoutInternet: []int{111, 120}}}},
			{Name: "hyperv01", Platform: vcc.PlatformHyperV, VLANs: []vcc.VLANRange{{WithInternet: []int{201, 210}}}},
		},
		HardwarePlans: []vcc.LabHardwarePlan{
			{Name: "Silver", Host: "esx01", Networks: vcc.LabNetworkCount{WithInternet: 1, WithoutInternet: 2}},
			{Name: "Gold", Host: "hyperv01", Networks: vcc.LabNetworkCount{WithInternet: 1}},
		},
		Tenants: []vcc.LabTenant{
			{
				Name: "ABC", Subscriptions: []string{"Silver", "Gold"},
				Site: vcc.Site{
					ProductionNetworks: []vcc.ProductionNetwork{
						{Name: "App", IPv4: "172.17.52.0/23", IPv4Gateway: "172.17.52.1"},
						{Name: "Data", IPv4: "172.17.54.0/24", IPv4Gateway: "172.17.54.1"},
					},
					VMs: []vcc.VM{
						{Name: "web01", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "App"}}},
						{Name: "db01", Guest: vcc.GuestLinux, NICs: []vcc.NIC{{Network: "Data"}}},
					},
				},
				Jobs: []vcc.LabReplicationJob{{
					Name: "Nightly", HardwarePlan: "Silver", VMs: []string{"web01", "db01"},
					Mapping: map[string]string{"App": "Silver network 2", "Data": "Silver network 1 (internet)"},
				}},
				PublicIPs: []string{"203.0.113.10"},
				FailoverPlans: []vcc.LabFailoverPlan{{
					Name: "Whole site", VMs: []string{"web01"},
					PublicIPRules: []vcc.LabPublicIPRule{{Address: "203.0.113.10", Port: 443, ToAddress: "172.17.52.10", ToPort: 8443}},
				}},
			},
			{Name: "XYZ", Subscriptions: []string{"Gold"}},
		},
	}
}

// api is a server on a real store, on the loopback interface.
type api struct {
	*httptest.Server
	store    *store.Store
	services httpapi.Services
	dir      string
	tokens   tokens
	log      *record
}

// services are a store's, beside a routing engine that always says the same: the
// real one is not this package's.
type services struct{ *store.Store }

func prepare(s *vcc.FailoverSession, inputs []vcc.ApplianceInputs) {
	for _, in := range inputs {
		s.Log = append(s.Log, vcc.FailoverLogEntry{Time: s.StartedAt, Message: in.HostName + ": prepared"})
	}
	s.Problems = append(s.Problems, vcc.ApplianceProblem{Code: "no_default_gateway", NetworkID: unknownID, NetworkName: "N", Message: "m"})
}

func (s services) StartFailover(ctx context.Context, as vcc.Actor, planID string, force bool) (*vcc.FailoverSession, error) {
	return s.Store.StartFailover(ctx, as, planID, force, prepare)
}

func (s services) TestFailover(ctx context.Context, as vcc.Actor, planID string) (*vcc.FailoverSession, error) {
	return s.Store.TestFailover(ctx, as, planID, prepare)
}

func (s services) Appliances(ctx context.Context, as vcc.Actor, p vcc.Page) (list []vcc.ApplianceState, total int, err error) {
	inputs, err := s.ApplianceInputs(ctx, as)
	for _, in := range inputs[min(p.Skip, len(inputs)):min(p.Skip+p.Limit, len(inputs))] {
		list = append(list, vcc.ApplianceState{NetworkExtensionAppliance: in.NetworkExtensionAppliance, Session: in.Session})
	}
	return list, len(inputs), err
}

func (s services) Appliance(ctx context.Context, as vcc.Actor, id string) (*vcc.ApplianceState, error) {
	list, _, err := s.Appliances(ctx, as, vcc.Page{Limit: vcc.MaxPageLimit})
	for _, a := range list {
		if a.ID == id {
			return &vcc.ApplianceState{
				NetworkExtensionAppliance: a.NetworkExtensionAppliance,
				Interfaces:                []vcc.ApplianceInterface{{Name: "ext0"}, {Name: "net1", NetworkID: unknownID, NetworkName: "N", Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}}},
				Routes:                    []vcc.ApplianceRoute{{Destination: netip.MustParsePrefix("10.0.0.0/24"), Interface: "net1"}, {Destination: netip.MustParsePrefix("0.0.0.0/0"), Interface: "ext0", Gateway: netip.MustParseAddr("198.51.100.1")}},
				SourceNAT:                 []vcc.SourceNATRule{{Interfaces: []string{"net1"}, To: netip.MustParseAddr("198.51.100.5")}},
				DestinationNAT:            []vcc.DestinationNATRule{{Public: netip.MustParseAddrPort("203.0.113.10:443"), Internal: netip.MustParseAddrPort("10.0.0.2:443"), Interface: "net1"}},
				Problems:                  []vcc.ApplianceProblem{{Code: "c", NetworkID: unknownID, NetworkName: "N", Message: "m"}},
			}, nil
		}
	}
	if err == nil {
		err = &vcc.Error{Code: vcc.CodeNotFound, ResourceID: id, Message: "no such appliance"}
	}
	return nil, err
}

func (services) Trace(_ context.Context, _ vcc.Actor, questions []vcc.TraceRequest, assume vcc.Assumption) ([]vcc.Reachability, error) {
	var answers []vcc.Reachability
	for _, r := range questions {
		packet := vcc.TracedPacket{
			Verdict: "forwarded", Reason: "same_hardware_plan", Source: netip.AddrPortFrom(r.Source.Address, 40000), Destination: netip.AddrPortFrom(r.Destination.Address, uint16(r.Port)),
			Steps: []vcc.TraceStep{{Kind: "arriving", Message: "m", Interface: "net1"}},
		}
		answer := vcc.Reachability{TracedPacket: packet, Explanation: "e", Addresses: []netip.Addr{r.Source.Address}}
		if r.Protocol == "tcp" && !r.Unwanted {
			answer.Reachable, answer.Reply = true, &packet
		}
		answers = append(answers, answer)
	}
	return answers, nil
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
func (a *api) applyLab(t *testing.T, lab vcc.Lab) {
	t.Helper()
	_, err := a.store.ApplyLab(t.Context(), lab, nil)
	ok(t, err)
}

// newAPI starts a server on a fresh store. wrap, if not nil, replaces the
// services by others that may use them.
func newAPI(t *testing.T, wrap func(httpapi.Services) httpapi.Services) *api {
	t.Helper()
	a := &api{dir: t.TempDir(), tokens: tokens{}, log: new(record)}
	var err error
	a.store, err = store.OpenSQLite(t.Context(), filepath.Join(a.dir, "vcc.db"))
	ok(t, err)
	t.Cleanup(func() { _ = a.store.Close() })
	a.applyLab(t, testLab())
	tenants, err := a.store.Tenants(t.Context())
	ok(t, err)
	for _, tenant := range tenants {
		a.tokens[tenant.Name] = vcc.Actor{TenantID: tenant.ID, Name: "admin of " + tenant.Name}
	}
	a.services = services{a.store}
	if wrap != nil {
		a.services = wrap(a.services)
	}
	mux := http.NewServeMux()
	mux.Handle("/", httpapi.NewHandler(httpapi.ServerConfig{
		Services: a.services, Authenticator: a.tokens, Version: "1.2.3", Log: slog.New(a.log.errors()),
	}))
	mux.HandleFunc("POST /api/oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, http.StatusOK, map[string]string{"access_token": r.PostFormValue("username")})
	})
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Server.Close)
	return a
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client tells what it lacks
}

// network returns the ID of a network of a tenant.
func (a *api) network(t *testing.T, tenant, name string) string {
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
func (a *api) job(t *testing.T) string {
	t.Helper()
	list, _, err := a.store.ReplicationJobs(t.Context(), a.tokens["ABC"], vcc.Page{Limit: 1})
	ok(t, err)
	return list[0].ID
}

func (a *api) plan(t *testing.T) string {
	t.Helper()
	list, _, err := a.store.FailoverPlans(t.Context(), a.tokens["ABC"], vcc.Page{Limit: 1})
	ok(t, err)
	return list[0].ID
}

func (a *api) appliance(t *testing.T) string {
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
func decode[T any](t *testing.T, a answer) T {
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
func (a *api) do(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.URL+path, strings.NewReader(body))
	ok(t, err)
	r.Header.Set("Authorization", "Bearer ABC")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
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
func wantError(t *testing.T, got answer, status int, want wireError) wireError {
	t.Helper()
	if got.status != status {
		t.Errorf("status %d, want %d: %s", got.status, status, got.body)
	}
	if kind := got.header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("content type %q", kind)
	}
	e := decode[wireError](t, got)
	equal(t, "error", e, want, cmpopts.IgnoreFields(e, "Message", "Current"))
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
func (a *api) unchanged(t *testing.T, do func()) {
	t.Helper()
	content := func() string {
		h := sha256.New()
		for _, name := range []string{"vcc.db", "vcc.db-wal"} {
			b, err := os.ReadFile(filepath.Join(a.dir, name))
			ok(t, err)
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
func (a *api) client(t *testing.T, tenant string) *httpapi.Client {
	t.Helper()
	return newClient(t, httpapi.ClientConfig{Endpoint: a.URL, Username: tenant, Password: "secret"})
}

func newClient(t *testing.T, cfg httpapi.ClientConfig) *httpapi.Client {
	t.Helper()
	c, err := httpapi.NewClient(cfg)
	ok(t, err)
	t.Cleanup(c.Close)
	return c
}
