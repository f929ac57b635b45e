package httpapi_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// clientServices are a client in the place of a server's services. What a client has not fails.
type clientServices struct {
	*httpapi.Client
	vcc.TenantService
	vcc.FailoverPreview
}

// sameList lists by the services themselves and by a client, and returns what both say.
func sameList[T any](t *testing.T, a *api, what string, list func(s httpapi.Services, as vcc.Actor) ([]T, int, error)) []T {
	t.Helper()
	want, wantTotal, err := list(a.services, a.tokens["ABC"])
	ok(t, err)
	got, total, err := list(clientServices{Client: a.client(t, "ABC")}, own)
	ok(t, err)
	equal(t, what, got, want, cmpopts.EquateEmpty())
	equal(t, "number of "+what, total, wantTotal)
	return got
}

// TestClientOperations plays every operation of the client on a real server, and compares the
// values with those that the services return themselves.
func TestClientOperations(t *testing.T) {
	a := newAPI(t)
	c, ctx, abc := a.client(t, "ABC"), t.Context(), a.tokens["ABC"]

	info, err := c.ServerInfo(ctx)
	ok(t, err)
	equal(t, "server", *info, httpapi.ServerInfo{Name: "terraform-provider-vcc", BuildVersion: "1.2.3", APIVersion: "1.0"})
	plans := sameList(t, a, "plans", func(s httpapi.Services, as vcc.Actor) ([]vcc.HardwarePlan, int, error) {
		return s.HardwarePlans(ctx, as, firstPage)
	})
	for _, filter := range []vcc.NetworkFilter{{}, {HardwarePlanID: plans[1].ID}, {Name: "Silver network 2"}, {Name: "Silver network 2", HardwarePlanID: plans[1].ID}} {
		sameList(t, a, fmt.Sprintf("networks of %+v", filter), func(s httpapi.Services, as vcc.Actor) ([]vcc.Network, int, error) {
			return s.Networks(ctx, as, filter, firstPage)
		})
	}
	second := sameList(t, a, "second network", func(s httpapi.Services, as vcc.Actor) ([]vcc.Network, int, error) {
		return s.Networks(ctx, as, vcc.NetworkFilter{}, vcc.Page{Skip: 1, Limit: 1})
	})
	equal(t, "names of a page", second[0].Name, "Silver network 1")
	id := a.network(t, "ABC", "Silver network 1 (internet)")

	// Gateways.
	_, err = c.DefaultGateway(ctx, own, id)
	wantVCC(t, err, vcc.Error{Code: vcc.CodeNotFound, ResourceID: id})
	settings := ipv4("172.17.52.1/23")
	before, err := c.DefaultGatewaysVersion(ctx, own)
	ok(t, err)
	g1, created, err := c.PutDefaultGateway(ctx, own, id, settings, ifAbsent)
	ok(t, err)
	equal(t, "settings, created", []any{g1.GatewaySettings, created}, []any{settings, true})
	after, err := c.DefaultGatewaysVersion(ctx, own)
	ok(t, err)
	if before == after {
		t.Errorf("the version stays %s", after)
	}
	v6 := vcc.GatewaySettings{IPv6: &vcc.IPv6Settings{Address: netip.MustParseAddr("fe80::1"), Network: netip.MustParsePrefix("2001:db8::/48")}}
	g2, created, err := c.PutDefaultGateway(ctx, own, id, v6, vcc.IfRevision(g1.Revision))
	ok(t, err)
	equal(t, "revision, settings, created and number of warnings", []any{g2.Revision, g2.GatewaySettings, created, len(g2.Warnings())}, []any{int64(2), v6, false, 1})
	stored, err := c.DefaultGateway(ctx, own, id)
	ok(t, err)
	equal(t, "what is stored", stored, g2)
	local, err := a.store.DefaultGateway(ctx, abc, id)
	ok(t, err)
	equal(t, "what the store has", stored, local)
	sameList(t, a, "gateways", func(s httpapi.Services, as vcc.Actor) ([]vcc.DefaultGateway, int, error) {
		return s.DefaultGateways(ctx, as, firstPage)
	})
	changed := vcc.Error{Code: vcc.CodePreconditionFailed, ResourceID: id, Current: stored}
	_, _, err = c.PutDefaultGateway(ctx, own, id, settings, vcc.IfRevision(g1.Revision))
	wantVCC(t, err, changed)
	_, _, err = c.PutDefaultGateway(ctx, own, id, settings, ifAbsent)
	wantVCC(t, err, changed)
	wantVCC(t, c.RemoveDefaultGateway(ctx, own, id, vcc.IfRevision(g1.Revision)), changed)
	_, _, err = c.PutDefaultGateway(ctx, own, id, vcc.GatewaySettings{}, vcc.Precondition{})
	wantVCC(t, err, vcc.Error{Code: vcc.CodeInvalidValue})
	ok(t, c.RemoveDefaultGateway(ctx, own, id, vcc.IfRevision(2)))
	wantVCC(t, c.RemoveDefaultGateway(ctx, own, id, vcc.Precondition{}), vcc.Error{Code: vcc.CodeNotFound, ResourceID: id})
	changes := sameList(t, a, "changes", func(s httpapi.Services, as vcc.Actor) ([]vcc.Change, int, error) {
		return s.DefaultGatewayChanges(ctx, as, id, firstPage)
	})
	ofAll := sameList(t, a, "changes of all networks", func(s httpapi.Services, as vcc.Actor) ([]vcc.Change, int, error) {
		return s.TenantGatewayChanges(ctx, as, id, firstPage)
	})
	equal(t, "network of the newest change", ofAll[0].NetworkID, id)
	equal(t, "number of changes and the newest", []any{len(changes), changes[0].Before, changes[0].After},
		[]any{3, &vcc.GatewayState{Origin: vcc.OriginSpecified, GatewaySettings: v6}, (*vcc.GatewayState)(nil)})

	g3, _, err := c.PutDefaultGateway(ctx, own, id, settings, ifAbsent)
	ok(t, err)
	_, err = c.RestoreDetectedGateway(ctx, own, id, vcc.IfRevision(g1.Revision))
	wantVCC(t, err, vcc.Error{Code: vcc.CodePreconditionFailed, ResourceID: id, Current: g3})
	restored, err := c.RestoreDetectedGateway(ctx, own, id, vcc.IfRevision(g3.Revision))
	ok(t, err)
	equal(t, "what a removal brought back", restored, (*vcc.DefaultGateway)(nil))
	_, err = c.RestoreDetectedGateway(ctx, own, id, vcc.Precondition{})
	wantVCC(t, err, vcc.Error{Code: vcc.CodeNotFound, ResourceID: id})

	// The routing option.
	option, err := c.PutNetworkRouting(ctx, own, true, vcc.IfRevision(0))
	ok(t, err)
	read, err := c.NetworkRouting(ctx, own)
	ok(t, err)
	equal(t, "routing", read, option)
	localOption, err := a.store.NetworkRouting(ctx, abc)
	ok(t, err)
	equal(t, "the store's routing", read, localOption)
	_, err = c.PutNetworkRouting(ctx, own, false, vcc.IfRevision(0))
	wantVCC(t, err, vcc.Error{Code: vcc.CodePreconditionFailed, ResourceID: abc.TenantID, Current: option})

	// Replication jobs. What a run detects can be replaced and comes back.
	jobs := func() []vcc.ReplicationJob {
		return sameList(t, a, "jobs", func(s httpapi.Services, as vcc.Actor) ([]vcc.ReplicationJob, int, error) {
			return s.ReplicationJobs(ctx, as, firstPage)
		})
	}
	run, err := c.RunReplicationJob(ctx, own, jobs()[0].ID)
	ok(t, err)
	equal(t, "runs, detected and skipped", []any{run.Job.Runs, len(run.Detected), len(run.Skipped)}, []any{1, 1, 1})
	equal(t, "the job that ran", jobs()[0], run.Job)
	detected, err := c.DefaultGateway(ctx, own, run.Detected[0].NetworkID)
	ok(t, err)
	equal(t, "what was detected", *detected, run.Detected[0])
	specified, _, err := c.PutDefaultGateway(ctx, own, detected.NetworkID, ipv4("172.17.52.2/23"), vcc.IfRevision(detected.Revision))
	ok(t, err)
	equal(t, "what had been detected", specified.Detected, &detected.GatewaySettings)
	restored, err = c.RestoreDetectedGateway(ctx, own, detected.NetworkID, vcc.IfRevision(specified.Revision))
	ok(t, err)
	equal(t, "what was restored", []any{restored.GatewaySettings, restored.Origin}, []any{detected.GatewaySettings, vcc.OriginDetected})

	// Failover.
	failoverPlans := func() []vcc.FailoverPlan {
		return sameList(t, a, "failover plans", func(s httpapi.Services, as vcc.Actor) ([]vcc.FailoverPlan, int, error) {
			return s.FailoverPlans(ctx, as, firstPage)
		})
	}
	appliances := func() []vcc.ApplianceState {
		return sameList(t, a, "appliances", func(s httpapi.Services, as vcc.Actor) ([]vcc.ApplianceState, int, error) {
			return s.Appliances(ctx, as, firstPage)
		})
	}
	plan := failoverPlans()[0].ID
	tested, err := c.TestFailover(ctx, own, plan)
	ok(t, err)
	equal(t, "a test is kept", []any{tested.IsKept(), tested.Test}, []any{true, true})
	sessions := func(f vcc.FailoverSessionFilter) []vcc.FailoverSession {
		return sameList(t, a, "failover sessions", func(s httpapi.Services, as vcc.Actor) ([]vcc.FailoverSession, int, error) {
			return s.FailoverSessions(ctx, as, f, firstPage)
		})
	}
	listed := func(s *vcc.FailoverSession) []vcc.FailoverSession { // a list leaves out what each has of networks and VMs
		l := *s
		l.Log, l.Networks, l.Machines, l.PublicAddresses = nil, nil, nil, nil
		return []vcc.FailoverSession{l}
	}
	equal(t, "sessions after a test", sessions(vcc.FailoverSessionFilter{}), listed(tested))
	if len(tested.Networks) == 0 || len(tested.Machines) == 0 || len(tested.Machines[0].NICs) == 0 {
		t.Errorf("the report has too little in it for a comparison: %+v", tested)
	}
	session, err := c.FailoverSession(ctx, own, tested.ID)
	ok(t, err)
	equal(t, "one session", session, tested)
	_, err = c.UndoFailover(ctx, own, plan)
	wantVCC(t, err, vcc.Error{Code: vcc.CodeConflict, ResourceID: plan})
	started, err := c.StartFailover(ctx, own, plan, false)
	ok(t, err)
	underWay := *started // without what it has of networks and VMs
	underWay.Networks, underWay.Machines, underWay.PublicAddresses = nil, nil, nil
	equal(t, "session of the plan", failoverPlans()[0].Session, &underWay)
	list := appliances()
	equal(t, "sessions", []any{len(list), list[0].Session, list[1].Session}, []any{2, &underWay, (*vcc.FailoverSession)(nil)})
	if len(list[0].Routes) == 0 || len(list[0].SourceNAT) == 0 && len(list[0].DestinationNAT) == 0 || len(list[0].Problems) == 0 {
		t.Errorf("the appliance has too little in it for a comparison: %+v", list[0])
	}
	appliance, err := c.Appliance(ctx, own, list[0].ID)
	ok(t, err)
	equal(t, "one appliance", *appliance, list[0])
	_, err = c.StartPartialFailover(ctx, own, "web01")
	wantVCC(t, err, vcc.Error{Code: vcc.CodeConflict, ResourceID: started.ID})
	undone, err := c.UndoFailover(ctx, own, plan)
	ok(t, err)
	equal(t, "session and who ended it", []string{undone.ID, undone.EndedBy}, []string{started.ID, "admin of ABC"})
	partial, err := c.StartPartialFailover(ctx, own, "web01")
	ok(t, err)
	_, err = c.StartFailover(ctx, own, plan, false)
	wantVCC(t, err, vcc.Error{Code: vcc.CodeConflict, ResourceID: partial.ID})
	forced, err := c.StartFailover(ctx, own, plan, true)
	ok(t, err)
	equal(t, "kind of what was forced", forced.Kind, vcc.FailoverFullSite)
	_, err = c.UndoFailover(ctx, own, plan)
	ok(t, err)
	partial, err = c.StartPartialFailover(ctx, own, "web01")
	ok(t, err)
	stopped, err := c.StopPartialFailover(ctx, own, "web01")
	ok(t, err)
	equal(t, "kind and session", []any{stopped.Kind, stopped.ID}, []any{vcc.FailoverPartialSite, partial.ID})

	// Traces.
	ask := func(source, destination, protocol string, port *int) vcc.TraceRequest {
		q, err := vcc.ParseTraceRequest(source, destination, protocol, port)
		ok(t, err)
		return q
	}
	questions := []vcc.TraceRequest{
		ask("internet", "203.0.113.10", "tcp", new(443)), ask("web01", "172.17.54.20", "icmp", nil),
		ask("web01", "172.17.52.1", "icmp", nil), ask("web01", "internet", "udp", new(53)),
	}
	questions[1].Unwanted = true
	for name, assume := range map[string]vcc.Assumption{
		"as it is": {}, "without routing": {RoutingEnabled: new(false)}, "without a gateway": {Removals: []string{detected.NetworkID}},
		"with a gateway": {Gateways: []vcc.AssumedGateway{{NetworkID: id, GatewaySettings: ipv4("172.17.54.1/24")}}},
	} {
		want, err := a.services.Trace(ctx, abc, questions, assume)
		ok(t, err)
		got, err := c.Trace(ctx, own, questions, assume)
		ok(t, err)
		equal(t, "answers "+name, got, want)
	}
	_, err = c.Trace(ctx, own, []vcc.TraceRequest{questions[0], {Source: questions[1].Source, Destination: questions[1].Destination, Protocol: "tcp"}}, vcc.Assumption{})
	wantVCC(t, err, vcc.Error{Code: vcc.CodeInvalidValue, Field: "questions[1].port"})
	_, err = c.Trace(ctx, own, questions, vcc.Assumption{Removals: []string{unknownID}})
	wantVCC(t, err, vcc.Error{Code: vcc.CodeInvalidValue, Field: "assume.removals[0]"})

	_, err = c.RunReplicationJob(ctx, own, "a/../../b?c#d%")
	wantVCC(t, err, vcc.Error{Code: vcc.CodeNotFound, ResourceID: "a/../../b?c#d%"})
	_, err = c.DefaultGateway(ctx, own, "")
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

// manyNetworks gives XYZ more networks than two pages have, and a gateway on each. The
// revision of a gateway is the number of its network. To declare as many takes the store seconds.
func (a *api) manyNetworks(t *testing.T) (n int) {
	t.Helper()
	n = 2*vcc.MaxPageLimit + 1
	tenant := a.tokens["XYZ"].TenantID
	a.exec(t, `WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
		INSERT INTO cloud_networks (id, tenant_id, hardware_plan_id, host_id, internet_access, position, vlan_id)
		SELECT printf('00000000-0000-4000-8000-%012d', n), tenant_id, hardware_plan_id, host_id, internet_access, n, 10000 + n
		FROM cloud_networks, numbers WHERE tenant_id = ?`, n, tenant)
	a.exec(t, `INSERT INTO default_gateways (network_id, origin, ipv4_address, ipv4_prefix_length, revision, updated_at, updated_by)
		SELECT id, 'specified', '10.' || (position / 256) || '.' || (position % 256) || '.1', 24, position, '2025-11-03 10:00:00+00:00', 'test'
		FROM cloud_networks WHERE tenant_id = ?`, tenant)
	a.exec(t, "UPDATE tenants SET gateways = ? WHERE id = ?", n, tenant)
	return n
}

// TestClientReadsEveryPage: what a client returns of a list is the page that it was asked for.
func TestClientReadsEveryPage(t *testing.T) {
	a := newAPI(t)
	n := a.manyNetworks(t)
	c := a.client(t, "XYZ")
	var pages []vcc.Page
	list, err := vcc.All(func(p vcc.Page) ([]vcc.Network, int, error) {
		pages = append(pages, p)
		return c.Networks(t.Context(), own, vcc.NetworkFilter{}, p)
	})
	ok(t, err)
	equal(t, "entries", len(list), n)
	for i, network := range list {
		if want := fmt.Sprintf("Gold network %d (internet)", i+1); network.Name != want {
			t.Fatalf("entry %d is %s, want %s", i, network.Name, want)
		}
	}
	equal(t, "pages", pages, []vcc.Page{{Limit: 1000}, {Skip: 1000, Limit: 1000}, {Skip: 2000, Limit: 1000}})
}

// TestClientListsAgain: what has not changed since it was listed is not sent again.
func TestClientListsAgain(t *testing.T) {
	a := newAPI(t)
	n := a.manyNetworks(t)
	var statuses []int
	var between func() // runs once, after the first page
	c := newClient(t, httpapi.ClientConfig{
		Endpoint: a.URL, Username: "XYZ", Password: "secret",
		OnResponse: func(_ context.Context, method, path string, status int) {
			if method == http.MethodGet && strings.HasSuffix(path, "/defaultGateways") {
				statuses = append(statuses, status)
				if do := between; do != nil {
					between = nil
					do()
				}
			}
		},
	})
	list := func(before *httpapi.GatewayListing, n int, want ...int) *httpapi.GatewayListing {
		t.Helper()
		statuses = nil
		l, err := c.ListDefaultGateways(t.Context(), own, before)
		ok(t, err)
		equal(t, "statuses", statuses, want)
		equal(t, "gateways", len(l.All), n)
		return l
	}
	first := list(nil, n, 200, 200, 200)
	for i, g := range first.All {
		if g.Revision != int64(i+1) {
			t.Fatalf("gateway %d has revision %d", i, g.Revision)
		}
	}
	for range 2 {
		if again := list(first, n, 304, 304, 304); again != first {
			t.Error("what is the same was read again")
		}
	}
	id := first.All[7].NetworkID
	_, _, err := c.PutDefaultGateway(t.Context(), own, id, ipv4("10.0.8.2/24"), vcc.Precondition{})
	ok(t, err)
	changed := list(first, n, 200, 200, 200)
	equal(t, "the change", changed.All[7].IPv4.Address.String(), "10.0.8.2")
	equal(t, "what was read before", first.All[7].IPv4.Address.String(), "10.0.8.1")
	list(changed, n, 304, 304, 304)
	ok(t, c.RemoveDefaultGateway(t.Context(), own, id, vcc.Precondition{}))
	list(changed, n-1, 200, 200, 200) // the last of them is empty, which the server cannot know
	// One that goes between two pages has no other one fall between them.
	_, _, err = c.PutDefaultGateway(t.Context(), own, id, ipv4("10.0.8.2/24"), vcc.Precondition{})
	ok(t, err)
	between = func() { ok(t, c.RemoveDefaultGateway(t.Context(), own, id, vcc.Precondition{})) }
	meanwhile := list(nil, n, 200, 200, 200)
	equal(t, "the last gateway", meanwhile.All[n-1].NetworkID, first.All[n-1].NetworkID)
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
	// refusal is what it answers every login with, nil for none.
	refusal *vcc.Error
	actor   vcc.Actor
	mu      sync.Mutex
	logins  int
	// lifetime is how many requests a token is good for.
	lifetime, left int
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.logins++
	i.left = i.lifetime
	if i.refusal != nil {
		answerJSON(w, http.StatusForbidden, map[string]string{"errorCode": string(i.refusal.Code), "message": i.refusal.Message})
		return
	}
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
	a := newBackend(t, labDatabase)
	denied := &vcc.Error{Code: vcc.CodeAccessDenied, Message: "the account is disabled"}
	for _, tc := range []struct {
		name     string
		lifetime int
		password string
		refusal  *vcc.Error
		calls    int
		code     vcc.ErrorCode // of the last call
		logins   int
	}{
		{"one login for many calls", always, "hunter2", nil, 5, "", 1},
		{"a token that expires is replaced", 2, "hunter2", nil, 5, "", 3},
		{"a token that is good for nothing is replaced once", 0, "hunter2", nil, 1, vcc.CodeExpiredToken, 2},
		{"wrong password", always, "hunter3", nil, 1, vcc.CodeInvalidToken, 1},
		{"a wrong password is not tried again", always, "hunter3", nil, 5, vcc.CodeInvalidToken, 1},
		{"an account that may not log in is not tried again", always, "hunter2", denied, 5, vcc.CodeAccessDenied, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			i := &issuer{lifetime: tc.lifetime, refusal: tc.refusal}
			s := serveTLS(t, a, i)
			c := newClient(t, httpapi.ClientConfig{Endpoint: s.URL, CACertificate: caOf(s), Username: "abc-company", Password: tc.password, MaxRetries: 3})
			var err error
			for range tc.calls {
				_, err = c.PutNetworkRouting(t.Context(), own, true, vcc.Precondition{})
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
	a, i := newBackend(t, labDatabase), &issuer{lifetime: 8}
	s := serveTLS(t, a, i)
	c := newClient(t, httpapi.ClientConfig{Endpoint: s.URL, CACertificate: caOf(s), Username: "abc-company", Password: "hunter2"})
	for want := 1; want <= 2; want++ { // the second time with a token that expired
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := c.NetworkRouting(t.Context(), own); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		equal(t, "logins", i.logins, want)
	}
}

// TestOneRefusedLogin lets many callers ask at once for a login that is refused.
func TestOneRefusedLogin(t *testing.T) {
	for name, refusal := range map[string]*vcc.Error{"403": {Code: vcc.CodeAccessDenied, Message: "no"}, "401": nil} {
		t.Run(name, func(t *testing.T) {
			i := &issuer{lifetime: 1, refusal: refusal}
			s := serveTLS(t, newBackend(t, labDatabase), i)
			c := newClient(t, httpapi.ClientConfig{Endpoint: s.URL, CACertificate: caOf(s), Username: "abc-company", Password: "hunter3", MaxRetries: 3})
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					if _, err := c.NetworkRouting(t.Context(), own); err == nil {
						t.Error("no error")
					}
				})
			}
			wg.Wait()
			equal(t, "logins", i.logins, 1)
		})
	}
}

// TestOldTLS: no password and no request goes over TLS 1.0 or 1.1 (RFC 8996).
func TestOldTLS(t *testing.T) {
	for version, kind := range map[uint16]httpapi.FailureKind{
		tls.VersionTLS10: httpapi.FailureTLS, tls.VersionTLS11: httpapi.FailureTLS, tls.VersionTLS12: "", tls.VersionTLS13: "",
	} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			var requests atomic.Int32
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests.Add(1)
				answerJSON(w, 200, map[string]any{})
			}))
			s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			s.TLS = &tls.Config{MinVersion: version, MaxVersion: version} //nolint:gosec // it is the client that must refuse
			s.StartTLS()
			defer s.Close()
			for _, cfg := range []httpapi.ClientConfig{{CACertificate: caOf(s)}, {InsecureSkipVerify: true}} {
				requests.Store(0)
				cfg.Endpoint = s.URL
				_, err := newClient(t, cfg).NetworkRouting(t.Context(), own)
				checkFailure(t, "read", err, kind, false)
				equal(t, "whether it was asked", requests.Load() > 0, kind == "")
			}
		})
	}
}

func TestCertificates(t *testing.T) {
	a, i := newBackend(t, labDatabase), &issuer{lifetime: 1 << 30}
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
			_, _, err := newClient(t, cfg).Networks(t.Context(), own, vcc.NetworkFilter{}, firstPage) // no retries: they would take hours
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

// TestAnswersOfOthers are those of something that is not the server.
func TestAnswersOfOthers(t *testing.T) {
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
			_, err := newClient(t, httpapi.ClientConfig{Endpoint: s.URL}).NetworkRouting(t.Context(), own)
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
	_, err := newClient(t, httpapi.ClientConfig{Endpoint: s.URL, Username: "u", Password: "hunter2"}).NetworkRouting(t.Context(), own)
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
	_, err := c.PutNetworkRouting(t.Context(), own, true, vcc.IfRevision(7))
	ok(t, err)
	got.Del("Content-Length")
	equal(t, "headers of a conditional write", got, http.Header{
		"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "Authorization": {"Bearer T"}, "Content-Type": {"application/json"},
		"If-Match": {`"7"`}, "User-Agent": {"test/1"},
	})
	_, _, err = c.PutDefaultGateway(t.Context(), own, "id", vcc.GatewaySettings{}, ifAbsent)
	ok(t, err)
	equal(t, "If-None-Match", got["If-None-Match"], []string{"*"})
	ok(t, c.RemoveDefaultGateway(t.Context(), own, "id", vcc.Precondition{}))
	equal(t, "headers of an unconditional write", got, http.Header{
		"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "Authorization": {"Bearer T"}, "User-Agent": {"test/1"},
	})
}

// againstServer runs test in a bubble, with a client whose server is handler.
func againstServer(t *testing.T, cfg httpapi.ClientConfig, refused int, handler http.HandlerFunc, test func(*testing.T, *httpapi.Client, *memory)) {
	t.Helper()
	inBubble(t, func(t *testing.T) {
		m := serveInMemory(t, handler)
		m.refused = refused
		test(t, m.client(t, cfg), m)
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
		_, err := c.NetworkRouting(ctx, own)
		return err
	},
	"PUT": func(ctx context.Context, c *httpapi.Client) error {
		_, err := c.PutNetworkRouting(ctx, own, true, vcc.Precondition{})
		return err
	},
	"DELETE": func(ctx context.Context, c *httpapi.Client) error {
		return c.RemoveDefaultGateway(ctx, own, unknownID, vcc.Precondition{})
	},
	"POST": func(ctx context.Context, c *httpapi.Client) error {
		_, err := c.RunReplicationJob(ctx, own, unknownID)
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
				againstServer(t, cfg, tc.refused, handler, func(t *testing.T, c *httpapi.Client, m *memory) {
					err := do(t.Context(), c)
					if err == nil || !strings.Contains(err.Error(), tc.want) {
						t.Errorf("got %v, want %q", err, tc.want)
					}
					want := 1
					if strings.Contains(tc.retried, method) {
						want += 3
					}
					if tc.refused > 0 {
						equal(t, "dials", int(m.dials.Load()), want)
						want = 0
					}
					equal(t, "attempts", int(attempts.Load()), want)
					var statuses []string
					for range want {
						if code := tc.name; len(code) == 3 {
							statuses = append(statuses, method+" "+code)
						}
					}
					equal(t, "answers that were told of", answered, statuses)
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
			againstServer(t, httpapi.ClientConfig{MaxRetries: 4}, 2, func(w http.ResponseWriter, r *http.Request) {
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
			againstServer(t, httpapi.ClientConfig{MaxRetries: 12}, 0, func(w http.ResponseWriter, _ *http.Request) {
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
				againstServer(t, cfg, 0, handler, func(t *testing.T, c *httpapi.Client, _ *memory) {
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
		againstServer(t, cfg, 0, hang, func(t *testing.T, c *httpapi.Client, _ *memory) {
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
