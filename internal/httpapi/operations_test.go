package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// logLines are the lines of a log in JSON.
func logLines(t *testing.T, log string) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(log) {
		var values map[string]any
		ok(t, json.Unmarshal([]byte(line), &values))
		lines = append(lines, values)
	}
	return lines
}

// The log has a line for every request: the account, the tenant and the route of an operation.
// Whatever a caller made up stays out: a path, a method, a query, a header, a body.
func TestLogOfRequests(t *testing.T) {
	t.Parallel()
	a := newServed(t)
	abc := bearer(a.logIn(t, "abc", abcPassword).AccessToken)
	root := bearer(a.logIn(t, "root", rootPassword).AccessToken)
	tenant := a.tokens["ABC"].TenantID
	gateway := gateways + "/" + a.network(t, "ABC", "Silver network 1 (internet)")
	logged := len(logLines(t, a.log.String()))
	for _, tc := range []struct {
		request, body, header  string
		status                 float64
		route, account, tenant string
	}{
		{"GET " + gateways, "", abc, 200, gateways, "abc", tenant},
		{"PUT " + gateway, appBody, abc, 201, gateways + "/{networkId}", "abc", tenant},
		{"GET " + gateways + "?tenant=ABC", "", root, 200, gateways, "root", tenant},
		{"GET " + gateways + "?tenant=hunter2", "", root, 400, gateways, "root", ""},
		{"GET " + gateways + "?limit=hunter2", "", abc, 400, gateways, "abc", tenant},
		{"PUT " + routing, `{"enabled": "hunter2"}`, abc, 400, routing, "abc", tenant},
		{"GET " + gateways, "", "Authorization: Bearer hunter2", 401, gateways, "", ""},
		{"POST /api/oauth2/token", "grant_type=password&username=hunter2&password=hunter2", "Content-Type: application/x-www-form-urlencoded", 401, "/api/oauth2/token", "", ""},
		{"GET " + gateways + "/hunter2", "", abc, 404, gateways + "/{networkId}", "abc", tenant},
		{"POST " + base + "/partialFailovers/hunter2/start", "", abc, 404, base + "/partialFailovers/{vm}/start", "abc", tenant},
		{"GET /hunter2", "", abc, 404, "", "", ""},
		{"GET " + base + "/hunter2", "", abc, 404, "", "", ""},
		{"POST " + gateways + "/hunter2", "{}", abc, 404, "", "", ""},
		{"GET /api/oauth2/token/hunter2", "", abc, 404, "", "", ""},
		{"GET /%2e%2e/hunter2", "", abc, 404, "", "", ""},
	} {
		method, path, _ := strings.Cut(tc.request, " ")
		got := a.do(t, method, path, tc.body, tc.header)
		lines := logLines(t, a.log.String())[logged:]
		logged += len(lines)
		lines = slices.DeleteFunc(lines, func(line map[string]any) bool { return line["msg"] != "request" })
		if len(lines) != 1 {
			t.Errorf("%s: %d lines, want one", tc.request, len(lines))
			continue
		}
		line := lines[0]
		if line["route"] == "" { // without an operation the method may be anything, too
			method = ""
		}
		equal(t, "line of "+tc.request, []any{line["msg"], line["method"], line["status"], line["route"], line["account"], line["tenant"], line["requestId"]},
			[]any{"request", method, tc.status, tc.route, tc.account, tc.tenant, got.header.Get("X-Request-Id")})
	}
	if strings.Contains(a.log.String(), "hunter2") {
		t.Errorf("the log has what a caller made up: %s", a.log)
	}
}

// A metric has routes, and no paths of a caller's choice.
func TestMetricsOfRequests(t *testing.T) {
	a := newServed(t)
	root := bearer(a.logIn(t, "root", rootPassword).AccessToken)
	for _, path := range []string{gateways + "/hunter2", "/hunter2", base + "/hunter2"} {
		a.do(t, "GET", path, "", root)
	}
	got := a.do(t, "GET", "/metrics", "", root)
	equal(t, "status", got.status, 200)
	if strings.Contains(got.body, "hunter2") || !strings.Contains(got.body, `route="other",status="404"} 2`) {
		t.Errorf("metrics: %s", got.body)
	}
}

// A request that takes longer than it may ends, and says so.
func TestRequestTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		a := newBackend(t, labDatabase)
		slow := failing{a.tokens, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		m := serveInMemory(t, httpapi.NewHandler(httpapi.ServerConfig{
			Services: a.services, Authenticator: slow, RequestTimeout: 10 * time.Second, Log: slog.New(a.log.errors()),
		}))
		begun := time.Now()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://memory.invalid"+routing, nil)
		ok(t, err)
		r.Header.Set("Authorization", "Bearer failing")
		transport := &http.Transport{DialContext: m.dial}
		defer transport.CloseIdleConnections()
		resp, err := transport.RoundTrip(r)
		ok(t, err)
		defer resp.Body.Close() //nolint:errcheck // it is not read
		equal(t, "status", resp.StatusCode, http.StatusServiceUnavailable)
		equal(t, "time it took", time.Since(begun), 10*time.Second)
		equal(t, "log", a.log.String(), "")
	})
}

// A server that is not ready says so, and is alive all the same.
func TestReadiness(t *testing.T) {
	a := newBackend(t, labDatabase)
	var reason error
	a.handler = httpapi.NewHandler(httpapi.ServerConfig{
		Services: a.services, Authenticator: a.tokens, Log: slog.New(slog.NewTextHandler(a.log, nil)),
		Ready: func(context.Context) error { return reason },
	})
	a.serve(t)
	equal(t, "status", a.do(t, "GET", "/readyz", "").status, 200)
	reason = errors.New("no such column: hunter2")
	got := a.do(t, "GET", "/readyz", "")
	wantError(t, got, 503, wireError{ErrorCode: "ServiceUnavailable"})
	checkLogOfError(t, a, got, true)
	equal(t, "status of /healthz", a.do(t, "GET", "/healthz", "").status, 200)
}

// A page of a list has one entry at least, and a thousand at most.
func TestPageLimits(t *testing.T) {
	a := newAPI(t)
	a.manyNetworks(t)
	c := a.client(t, "XYZ")
	for limit, want := range map[int]int{1: 1, 2: 2, 200: 200, 999: 999, 1000: 1000} {
		list, total, err := c.Networks(t.Context(), own, vcc.NetworkFilter{}, vcc.Page{Limit: limit})
		ok(t, err)
		equal(t, "entries, and how many there are", []int{len(list), total}, []int{want, 2001})
	}
	for _, limit := range []int{-1, 0, 1001} {
		_, _, err := c.Networks(t.Context(), own, vcc.NetworkFilter{}, vcc.Page{Limit: limit})
		wantVCC(t, err, vcc.Error{Code: vcc.CodeInvalidValue, Field: "limit"})
	}
	var all []string
	for skip := range 4 { // one entry each
		list, _, err := a.client(t, "ABC").Networks(t.Context(), own, vcc.NetworkFilter{}, vcc.Page{Skip: skip, Limit: 1})
		ok(t, err)
		all = append(all, list[0].Name)
	}
	equal(t, "entries of pages of one", all, []string{"Silver network 1 (internet)", "Silver network 1", "Silver network 2", "Gold network 1 (internet)"})
}
