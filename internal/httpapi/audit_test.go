package httpapi_test

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// linesOf are the lines of a log of one kind, each with some of its values.
func (a *api) linesOf(t *testing.T, kind string, values ...string) (list [][]any) {
	t.Helper()
	for _, line := range logLines(t, a.log.String()) {
		if line["msg"] == kind {
			var picked []any
			for _, name := range values {
				picked = append(picked, line[name])
			}
			if line["requestId"] == "" {
				t.Errorf("a line without the ID of its request: %v", line)
			}
			list = append(list, picked)
		}
	}
	return list
}

// The log has account, tenant, address and outcome of every login. A user name that nobody has is not
// there: it may be a password in the wrong field.
func TestLogOfLogins(t *testing.T) {
	t.Parallel()
	a := newServed(t)
	tenant := a.tokens["ABC"].TenantID
	tokens := a.logIn(t, "abc", abcPassword)
	a.logIn(t, "root", rootPassword)
	for _, form := range []url.Values{
		{"grant_type": {"password"}, "username": {"abc"}, "password": {"hunter2"}},
		{"grant_type": {"password"}, "username": {"hunter2"}, "password": {"abc"}},
		{"grant_type": {"password"}, "username": {"abc' hunter2"}, "password": {""}},
		{"grant_type": {"refresh_token"}, "refresh_token": {tokens.RefreshToken}, "username": {"root"}},
		{"grant_type": {"refresh_token"}, "refresh_token": {"hunter2"}, "username": {"root"}},
		{"grant_type": {"hunter2"}, "username": {"root"}}, // no login
	} {
		a.token(t, form)
	}
	equal(t, "logins", a.linesOf(t, "login", "grant", "outcome", "account", "tenant", "address"), [][]any{
		{"password", "success", "abc", tenant, "127.0.0.1"},
		{"password", "success", "root", "", "127.0.0.1"},
		{"password", "InvalidToken", "abc", tenant, "127.0.0.1"},
		{"password", "InvalidToken", "", "", "127.0.0.1"},
		{"password", "InvalidToken", "", "", "127.0.0.1"},
		{"refresh_token", "success", "abc", tenant, "127.0.0.1"},
		{"refresh_token", "InvalidToken", "", "", "127.0.0.1"},
	})
	if log := a.log.String(); strings.Contains(log, "hunter2") || strings.Contains(log, tokens.RefreshToken) {
		t.Errorf("the log has what a caller sent: %s", log)
	}
}

// What a guess was told is told again, and logged, without a question to the database.
func TestLogOfLogins_repeated(t *testing.T) {
	t.Parallel()
	a := newBackend(t, accountsDatabase)
	handler := a.withAccounts()
	guess := func() int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/oauth2/token", strings.NewReader("grant_type=password&username=abc&password=wrong"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	equal(t, "status of a wrong password", guess(), http.StatusUnauthorized)
	a.exec(t, "UPDATE login_attempts SET count = 20, last_at = ?", time.Now().UTC())
	// What it is told holds for five seconds.
	_, _, err := a.store.LogIn(t.Context(), "abc", "wrong", netip.MustParseAddr("192.0.2.1"))
	equal(t, "code of a guess", vcc.Code(err), vcc.CodeTooManyRequests)
	ok(t, a.store.Close())
	equal(t, "status of one more", guess(), http.StatusTooManyRequests)
	tenant := a.tokens["ABC"].TenantID
	equal(t, "logins", a.linesOf(t, "login", "outcome", "account", "tenant"), [][]any{
		{"InvalidToken", "abc", tenant},
		{"TooManyRequests", "abc", tenant},
	})
}

// The log has a line for every change, with who made it, and none for what changes nothing.
func TestAudit(t *testing.T) {
	t.Parallel()
	a := newServed(t)
	abc, root := bearer(a.logIn(t, "abc", abcPassword).AccessToken), bearer(a.logIn(t, "root", rootPassword).AccessToken)
	tenant, network := a.tokens["ABC"].TenantID, a.network(t, "ABC", "Silver network 1 (internet)")
	job, plan, second := a.job(t), a.plan(t), a.network(t, "ABC", "Silver network 2")
	lab := a.do(t, "GET", "/api/v1/lab", "", root).body
	lab = strings.Replace(lab, `"subscriptions":["Silver","Gold"]`, `"subscriptions":["Silver"]`, 1)
	lab = strings.TrimSuffix(strings.TrimSpace(lab), "}") + `,"passwords":{"xyz":"another password"}}`
	export := `{"server": "hunter2", "provider": "sp.example.net", "providerId": "p-1", "routingEnabled": false, "networks": [
		{"name": "Silver network 1 (internet)", "ipv4": {"address": "10.77.0.1", "subnetMask": "255.255.255.0"}}]}`
	for _, request := range []struct {
		line, body, as string
		status         int
	}{
		{"PUT " + gateways + "/" + network, appBody, abc, 201},
		{"PUT " + gateways + "/" + network, `{"ipv4": {}}`, abc, 400},
		{"GET " + gateways + "/" + network, "", abc, 200},
		{"DELETE " + gateways + "/" + network + "?tenant=ABC", "", root, 204},
		{"DELETE " + gateways + "/" + network, "", abc, 404},
		{"PUT " + routing, `{"enabled": true}`, abc, 200},
		{"POST " + base + "/replicationJobs/" + job + "/run", "", abc, 200},
		{"POST " + base + "/failoverPlans/" + plan + "/test", "", abc, 200},
		{"POST " + base + "/failoverPlans/" + plan + "/start", "", abc, 200},
		{"POST " + base + "/failoverPlans/" + plan + "/undo", "", abc, 200},
		{"POST " + base + "/partialFailovers/web01/start", "", abc, 200},
		{"POST " + base + "/partialFailovers/web01/stop", "", abc, 200},
		{"PUT " + base + "/lastExport?dryRun=true", export, abc, 200},
		{"PUT " + base + "/lastExport", strings.Replace(export, "sp.example", "hunter2.example", 1), abc, 409},
		{"PUT " + base + "/lastExport", export, abc, 200},
		{"PUT " + base + "/failoverPlans/" + plan, `{"name": "Whole site", "vms": ["web01"]}`, abc, 200},
		{"POST " + base + "/failoverPlans/" + plan + "/check", `{"name": "Whole site", "vms": ["web01"]}`, abc, 200},
		{"DELETE " + base + "/failoverPlans/" + plan, "", abc, 200}, // what the lab declares comes back
		{"PUT " + gateways, `{"gateways": [{"networkId": "` + network + `", "ipv4": {"address": "10.77.0.1", "subnetMask": "255.255.0.0"}}]}`, abc, 200},
		{"PUT " + gateways, `{"gateways": []}`, abc, 200},
		{"PUT /api/v1/lab", lab, root, 409},
		{"PUT /api/v1/lab?dryRun=true&remove=Gold", lab, root, 200},
		{"PUT /api/v1/lab?remove=Gold", lab, root, 200},
	} {
		method, path, _ := strings.Cut(request.line, " ")
		if got := a.do(t, method, path, request.body, request.as); got.status != request.status {
			t.Errorf("%s: status %d: %s", request.line, got.status, got.body)
		}
	}
	equal(t, "changes", a.linesOf(t, "audit", "action", "account", "tenant", "object", "revision", "kind", "of"), [][]any{
		{"defaultGateway.put", "abc", tenant, network, 1.0, nil, nil},
		{"defaultGateway.remove", "root", tenant, network, nil, nil, nil},
		{"networkRouting.put", "abc", tenant, tenant, 3.0, nil, nil},
		{"replicationJob.run", "abc", tenant, job, nil, nil, nil},
		{"defaultGateway.detect", "abc", tenant, second, 4.0, nil, nil},
		{"failover.test", "abc", tenant, plan, nil, nil, nil},
		{"failover.start", "abc", tenant, plan, nil, nil, nil},
		{"failover.undo", "abc", tenant, plan, nil, nil, nil},
		{"partialFailover.start", "abc", tenant, "web01", nil, nil, nil},
		{"partialFailover.stop", "abc", tenant, "web01", nil, nil, nil},
		{"lastExport.put", "abc", tenant, tenant, nil, nil, nil},
		{"lastExport.change", "abc", tenant, network, nil, nil, nil},
		{"lastExport.change", "abc", tenant, second, nil, nil, nil}, // which is removed
		{"lastExport.change", "abc", tenant, tenant, nil, nil, nil}, // the option
		{"failoverPlan.put", "abc", tenant, plan, 8.0, nil, nil},
		{"failoverPlan.restoreDeclared", "abc", tenant, plan, 9.0, nil, nil},
		{"defaultGateway.put", "abc", tenant, network, 10.0, nil, nil},
		{"defaultGateway.remove", "abc", tenant, network, nil, nil, nil},
		{"lab.remove", "root", "", "Gold", nil, "subscription", "ABC"},
		{"lab.password", "root", "", "xyz", nil, "account", nil},
	})
}

// Every operation that can change something is one of those that the test of audit lines knows.
func TestEveryChangeIsAudited(t *testing.T) {
	operations := describe(t, newBackend(t, accountsDatabase)).operations()
	changing := slices.DeleteFunc(sortedKeys(operations), func(id string) bool { return strings.HasPrefix(operations[id], "GET ") })
	equal(t, "operations that may change something", changing, []string{
		"deleteDefaultGateways", "deleteFailoverPlans", "postFailoverPlansCheck", "postFailoverPlansStart", "postFailoverPlansTest", "postFailoverPlansUndo",
		"postPartialFailoversStart", "postPartialFailoversStop", "postReachabilityMatrix", "postReplicationJobsRun", "postRouteTrace",
		"putDefaultGateways", "putDefaultGatewaysOfScope", "putFailoverPlans", "putLab", "putLastExport", "putNetworkRouting",
	})
}

// No text of a caller's choice gets into the log: not from the path, the query, a header, the body or the
// method, of any operation, whoever sends it.
func TestNoCallersTextInTheLog(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-hunter2"
	f := newFuzzed(t)
	t.Cleanup(func() { _ = f.store.Close() })
	f.words = []string{secret}
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same each time
	noise := func() []byte {
		data := make([]byte, 60)
		for i := range data {
			data[i] = byte(random.UintN(256) & random.UintN(256)) //nolint:gosec // less of what is wrong
		}
		return data
	}
	requests := 0
	send := func(request attackRequest, as ...string) {
		requests++
		headers := append(request.headers, "User-Agent: "+secret, "X-Request-Id: "+secret, "X-Forwarded-For: "+secret, "Accept: "+secret, "Referer: "+secret)
		f.direct(request.method, request.target, request.body, append(headers, as...)...)
	}
	for _, operation := range f.operations() {
		method, path, _ := strings.Cut(operation, " ")
		send(attackRequest{method: secret, target: path})
		send(attackRequest{method: method, target: path + "/" + secret})
		for _, as := range []string{f.abc, f.root, "Authorization: Bearer " + secret, "Authorization: " + secret} {
			send(f.request(operation, &choices{}), as)
			for range 5 {
				request := f.request(operation, &choices{noise()})
				request.target += "&tenant=" + secret
				send(request, as, "If-Match: "+secret)
			}
		}
	}
	for _, form := range []string{"username=" + secret + "&password=" + secret, "username=abc&password=" + secret} {
		send(attackRequest{method: http.MethodPost, target: "/api/oauth2/token", body: "grant_type=password&" + form, headers: []string{"Content-Type: application/x-www-form-urlencoded"}})
	}
	log := f.log.String()
	if i := strings.Index(log, secret); i >= 0 {
		t.Errorf("the log has what a caller sent: %s", log[max(0, i-500):min(len(log), i+100)])
	}
	if lines := strings.Count(log, `"msg":"request"`); lines < requests {
		t.Errorf("%d lines for %d requests", lines, requests)
	}
}
