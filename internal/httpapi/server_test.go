package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const (
	base     = "/api/v1/cloudConnect"
	gateways = base + "/defaultGateways"
	routing  = base + "/networkRouting"

	appBody = `{"ipv4": {"address": "172.17.52.1", "subnetMask": "255.255.254.0"}}`
)

// TestConditionalListing: a page that is known is not sent again, and whatever a page tells
// has another ETag once it is something else.
func TestConditionalListing(t *testing.T) {
	a := newAPI(t)
	gateway := gateways + "/" + a.network(t, "ABC", "Silver network 1 (internet)")
	tag := a.do(t, "GET", gateways, "").header.Get("ETag")
	known := func(what string, etag string, status int) {
		t.Helper()
		got := a.do(t, "GET", gateways, "", "If-None-Match: "+etag)
		equal(t, "status "+what, got.status, status)
		if status == http.StatusNotModified {
			equal(t, "body "+what, got.body, "")
			equal(t, "ETag "+what, got.header.Get("ETag"), etag)
		}
	}
	known("at first", tag, http.StatusNotModified)
	for _, other := range []string{`"made-up"`, strings.Trim(tag, `"`), `"x", "y"`, `"x" ` + tag} {
		known("with "+other, other, http.StatusOK)
	}
	for _, same := range []string{"*", "W/" + tag, `"x",` + tag, `W/"x" , ` + tag + ` , "y"`} {
		equal(t, "status with "+same, a.do(t, "GET", gateways, "", "If-None-Match: "+same).status, http.StatusNotModified)
	}
	for _, change := range []struct {
		what string
		do   func()
	}{
		{"created", func() { a.do(t, "PUT", gateway, `{"ipv4": {"address": "10.0.0.1", "subnetMask": "255.255.255.0"}}`) }},
		{"changed", func() { a.do(t, "PUT", gateway, `{"ipv4": {"address": "10.0.0.2", "subnetMask": "255.255.255.0"}}`) }},
		{"removed", func() { a.do(t, "DELETE", gateway, "") }},
		{"detected", func() { a.do(t, "POST", base+"/replicationJobs/"+a.job(t)+"/run", "") }},
		{"renamed", func() { // a network with internet access more shifts those without
			lab, err := a.store.Lab(t.Context())
			ok(t, err)
			i := slices.IndexFunc(lab.HardwarePlans, func(p vcc.LabHardwarePlan) bool { return p.Name == "Silver" })
			lab.HardwarePlans[i].Networks.WithInternet++
			a.applyLab(t, lab)
		}},
	} {
		change.do()
		known("once it was "+change.what, tag, http.StatusOK)
		tag = a.do(t, "GET", gateways, "").header.Get("ETag")
		known("later", tag, http.StatusNotModified)
	}
	a.do(t, "POST", base+"/replicationJobs/"+a.job(t)+"/run", "")
	known("after what changes nothing", tag, http.StatusNotModified)
}

// TestAnswers plays every operation.
func TestAnswers(t *testing.T) {
	a := newAPI(t)
	a.runScript(t, "testdata/answers.txt")
	equal(t, "log", a.log.String(), "")
}

// TestRefusals sends requests that must be refused, and looks whether anything was stored.
func TestRefusals(t *testing.T) {
	a := newAPI(t)
	other := gateways + "/" + a.network(t, "ABC", "Silver network 1")
	a.do(t, "PUT", other, `{"ipv4": {"address": "10.0.0.1", "subnetMask": "255.0.0.0"}}`)
	a.runScript(t, "testdata/refusals.txt")

	// Those that do not go well with a text file.
	gateway := gateways + "/" + a.network(t, "ABC", "Silver network 1 (internet)")
	question := `{"source": "internet", "destination": "10.0.1.2", "protocol": "icmp"}`
	for name, tc := range map[string]struct {
		request, body, header string
		status                int
		field                 string
	}{
		"not UTF-8":           {"PUT " + gateway, "{\"ipv4\xff\": 1}", "", 400, "ipv4\ufffd"},
		"a large body":        {"PUT " + gateway, strings.Repeat(" ", 1<<20+1-len(appBody)) + appBody, "", 413, ""},
		"too many questions":  {"POST " + base + "/routeTrace", `{"questions": [` + strings.Repeat(question+", ", 1000) + question + `]}`, "", 400, "questions"},
		"a condition of tabs": {"PUT " + gateway, appBody, "If-Match:  \t", 400, "If-Match"},
	} {
		t.Run(name, func(t *testing.T) {
			method, path, _ := strings.Cut(tc.request, " ")
			a.unchanged(t, func() {
				wantError(t, a.do(t, method, path, tc.body, headers(tc.header)...), tc.status, wireError{ErrorCode: "InvalidValue", Field: tc.field})
			})
		})
	}
	equal(t, "log of what is no fault of ours", a.log.String(), "")
	equal(t, "status of a body of 1 MiB", a.do(t, "PUT", gateway, strings.Repeat(" ", 1<<20-len(appBody))+appBody).status, 201)
}

func headers(h string) []string {
	if h == "" {
		return nil
	}
	return []string{h}
}

// TestPreconditionFailedTellsWhatIsStored: the caller need not ask again.
func TestPreconditionFailedTellsWhatIsStored(t *testing.T) {
	a := newAPI(t)
	id := a.network(t, "ABC", "Silver network 1 (internet)")
	gateway := gateways + "/" + id
	failed := func(what, request, body, header, id string) string {
		t.Helper()
		method, path, _ := strings.Cut(request, " ")
		e := wantError(t, a.do(t, method, path, body, header), 412, wireError{ErrorCode: "PreconditionFailed", ResourceID: id})
		return string(e.Current)
	}
	stored := a.do(t, "PUT", gateway, appBody)
	want := strings.TrimSpace(stored.body)
	equal(t, "current with PUT", failed("put", "PUT "+gateway, appBody, "If-None-Match: *", id), want)
	equal(t, "current with DELETE", failed("remove", "DELETE "+gateway, "", `If-Match: "7"`, id), want)
	a.do(t, "DELETE", gateway, "")
	equal(t, "current of what was removed", failed("removed", "PUT "+gateway, appBody, `If-Match: "1"`, id), "")

	option := strings.TrimSpace(a.do(t, "PUT", routing, `{"enabled": true}`).body)
	equal(t, "current of the routing option", failed("routing", "PUT "+routing, `{"enabled": false}`, `If-Match: "0"`, a.tokens["ABC"].TenantID), option)
}

// failing is an Authenticator that fails for the one token that it does not know, the way
// it is told.
type failing struct {
	tokens
	fail func(context.Context) error
}

func (f failing) Authenticate(r *http.Request) (vcc.Account, error) {
	if r.Header.Get("Authorization") == "Bearer failing" {
		return vcc.Account{}, f.fail(r.Context())
	}
	return f.tokens.Authenticate(r)
}

// newFailing starts a server where the token "failing" fails.
func newFailing(t *testing.T, fail func(context.Context) error) *api {
	t.Helper()
	a := newBackend(t, labDatabase)
	a.handler = a.handlerFor(failing{a.tokens, fail})
	return a.serve(t)
}

func TestErrors(t *testing.T) {
	const secret = "no such column: hunter2"
	for _, tc := range []struct {
		name   string
		err    error // nil: a panic
		status int
		want   wireError
		logged bool
	}{
		{"panic", nil, 500, wireError{ErrorCode: "UnknownError", Message: "the backend failed; its log says why"}, true},
		{"foreign", errors.New(secret), 500, wireError{ErrorCode: "UnknownError", Message: "the backend failed; its log says why"}, true},
		{"wrapped", fmt.Errorf("put: %w", errors.New(secret)), 500, wireError{ErrorCode: "UnknownError", Message: "the backend failed; its log says why"}, true},
		{"with a cause", errors.Join(&vcc.Error{Code: vcc.CodeUnavailable, Message: "no space is left"}, errors.New(secret)), 503,
			wireError{ErrorCode: "ServiceUnavailable", Message: "no space is left"}, true},
		{"expired", &vcc.Error{Code: vcc.CodeExpiredToken, Message: "m"}, 401, wireError{ErrorCode: "ExpiredToken", Message: "m"}, false},
		{"denied", &vcc.Error{Code: vcc.CodeAccessDenied, Message: "m"}, 403, wireError{ErrorCode: "AccessDenied", Message: "m"}, false},
		{"many requests", &vcc.Error{Code: vcc.CodeTooManyRequests, Message: "m"}, 429, wireError{ErrorCode: "TooManyRequests", Message: "m"}, false},
		{"two values", errors.Join(
			&vcc.Error{Code: vcc.CodeInvalidValue, Field: "a", Message: "one", ResourceID: "r"},
			&vcc.Error{Code: vcc.CodeInvalidValue, Field: "b", Message: "two"},
		), 400, wireError{ErrorCode: "InvalidValue", Field: "a", ResourceID: "r", Message: "one; b: two"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newFailing(t, func(context.Context) error {
				if tc.err == nil {
					panic(secret)
				}
				return tc.err
			})
			got := a.do(t, "GET", routing, "", "Authorization: Bearer failing")
			e := wantError(t, got, tc.status, tc.want)
			equal(t, "message", e.Message, tc.want.Message)
			checkLogOfError(t, a, got, tc.logged)
			if tc.err == nil && !strings.Contains(a.log.String(), "goroutine") {
				t.Errorf("the panic was logged without its stack: %s", a.log)
			}
			equal(t, "status of another request after it", a.do(t, "GET", routing, "").status, 200)
		})
	}
}

// checkLogOfError checks that the log alone says what failed inside.
func checkLogOfError(t *testing.T, a *api, got answer, logged bool) {
	t.Helper()
	if strings.Contains(got.body, "hunter2") {
		t.Errorf("the caller is told what is inside: %s", got.body)
	}
	equal(t, "logged", strings.Contains(a.log.String(), "hunter2"), logged)
}

// TestErrorsOfServices: the database lacks something.
func TestErrorsOfServices(t *testing.T) {
	a := newAPI(t)
	a.exec(t, "ALTER TABLE default_gateways RENAME COLUMN origin TO hunter2")
	for request, body := range map[string]string{"GET " + gateways: "", "PUT " + gateways + "/" + a.network(t, "ABC", "Silver network 1"): appBody} {
		method, path, _ := strings.Cut(request, " ")
		got := a.do(t, method, path, body)
		e := wantError(t, got, 500, wireError{ErrorCode: "UnknownError"})
		equal(t, "message", e.Message, "the backend failed; its log says why")
		if strings.Contains(got.body, "origin") {
			t.Errorf("the caller is told what is inside: %s", got.body)
		}
	}
	if !strings.Contains(a.log.String(), "origin") {
		t.Errorf("the log does not say what failed: %s", a.log)
	}
	equal(t, "status of another request after it", a.do(t, "GET", routing, "").status, 200)
}

// TestCallerThatLeaves cancels a request under way: that is no failure to log.
func TestCallerThatLeaves(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	a := newFailing(t, func(ctx context.Context) error {
		close(entered)
		<-ctx.Done()
		defer close(left)
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL+routing, nil)
	ok(t, err)
	r.Header.Set("Authorization", "Bearer failing")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", resp, err)
	}
	if err == nil {
		ok(t, resp.Body.Close())
	}
	<-left
	a.Server.Close() // waits for the request
	equal(t, "log", a.log.String(), "")
}

// TestOtherTenants compares the answers for what another tenant has with
// those for what nobody has, to the letter (D20).
func TestOtherTenants(t *testing.T) {
	a := newAPI(t)
	network, job, plan := a.network(t, "ABC", "Silver network 1 (internet)"), a.job(t), a.plan(t)
	a.do(t, "PUT", gateways+"/"+network, appBody)
	a.do(t, "POST", base+"/replicationJobs/"+job+"/run", "")
	for _, tc := range []struct{ request, foreign, body, header string }{
		{"GET " + gateways + "/ID", network, "", ""},
		{"PUT " + gateways + "/ID", network, appBody, ""},
		{"PUT " + gateways + "/ID", network, appBody, "If-None-Match: *"},
		{"PUT " + gateways + "/ID", network, appBody, `If-Match: "1"`},
		{"PUT " + gateways + "/ID", network, `{"ipv4": {"address": "10.0.0.1", "subnetMask": "255.0.0.0"}}`, ""},
		{"DELETE " + gateways + "/ID", network, "", ""},
		{"DELETE " + gateways + "/ID", network, "", `If-Match: "1"`},
		{"DELETE " + gateways + "/ID", network, "", `If-Match: "2"`},
		{"GET " + gateways + "/ID/changes", network, "", ""},
		{"POST " + base + "/replicationJobs/ID/run", job, "", ""},
		{"POST " + base + "/failoverPlans/ID/start", plan, "", ""},
		{"POST " + base + "/failoverPlans/ID/test", plan, "", ""},
		{"POST " + base + "/failoverPlans/ID/undo", plan, "", ""},
		{"POST " + base + "/partialFailovers/ID/start", "web01", "", ""},
		{"POST " + base + "/partialFailovers/ID/stop", "web01", "", ""},
		{"GET " + base + "/networkExtensionAppliances/ID", a.appliance(t), "", ""},
		{"GET " + base + "/networkExtensionAppliances/ID/inputs", a.appliance(t), "", ""},
	} {
		ask := func(id string) answer {
			method, path, _ := strings.Cut(tc.request, " ")
			got := a.do(t, method, strings.Replace(path, "ID", id, 1), tc.body, append(headers(tc.header), "Authorization: Bearer XYZ")...)
			got.header.Del("Date")
			got.header.Del("X-Request-Id")
			got.body = strings.ReplaceAll(got.body, id, "ID")
			return got
		}
		a.unchanged(t, func() {
			got, want := ask(tc.foreign), ask(unknownID)
			got.header.Del("Content-Length")
			want.header.Del("Content-Length") // a name of another length stands in the body
			equal(t, "answer to "+tc.request, fmt.Sprint(got), fmt.Sprint(want))
			equal(t, "status of "+tc.request, got.status, 404)
		})
	}
	plans, _, err := a.store.HardwarePlans(t.Context(), a.tokens["ABC"], vcc.Page{Limit: 1})
	ok(t, err)
	silver := plans[0].ID
	for _, filter := range []string{silver, unknownID} {
		got := a.do(t, "GET", base+"/networks?hardwarePlanIdFilter="+filter, "", "Authorization: Bearer XYZ")
		equal(t, "networks of plan "+filter, got.body, `{"data":[],"pagination":{"total":0,"count":0,"skip":0,"limit":200}}`+"\n")
	}
}

// TestOpenAPIDocument compares the document whole.
func TestOpenAPIDocument(t *testing.T) {
	a := newServed(t)
	datadriven.RunTest(t, "testdata/openapi.txt", func(t *testing.T, d *datadriven.TestData) string {
		got := a.do(t, "GET", "/openapi.json", "", "Authorization: ")
		equal(t, "status", got.status, 200)
		var indented bytes.Buffer
		ok(t, json.Indent(&indented, []byte(got.body), "", "  "))
		return indented.String() + "\n"
	})
}

// TestOpenAPI compares the document with the list of operations.
func TestOpenAPI(t *testing.T) {
	a := newServed(t)
	got := a.do(t, "GET", "/openapi.json", "", "Authorization: ")
	equal(t, "status", got.status, 200)
	type schema struct {
		Properties map[string]any  `json:"properties"`
		Required   []string        `json:"required"`
		Additional json.RawMessage `json:"additionalProperties"`
	}
	var doc struct {
		OpenAPI string
		Info    struct{ Title, Version string }
		Paths   map[string]map[string]struct {
			OperationID, Summary string
			Responses            map[string]struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					}
				}
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	ok(t, json.Unmarshal([]byte(got.body), &doc))
	equal(t, "API version", doc.Info.Version, httpapi.APIVersion)

	operations := map[string]string{} // by ID
	for path, methods := range doc.Paths {
		for method, op := range methods {
			operations[op.OperationID] = strings.ToUpper(method) + " " + path
			if op.Summary == "" {
				t.Errorf("%s %s has no summary", method, path)
			}
			equal(t, "schema of the errors of "+op.OperationID, op.Responses["default"].Content["application/json"].Schema.Ref, "#/components/schemas/Error")
		}
	}
	equal(t, "operations", operations, map[string]string{
		"postToken":                               "POST /api/oauth2/token",
		"getFailoverSessions":                     "GET /api/v1/cloudConnect/failoverSessions",
		"getFailoverSessionsById":                 "GET /api/v1/cloudConnect/failoverSessions/{id}",
		"getLab":                                  "GET /api/v1/lab",
		"putLab":                                  "PUT /api/v1/lab",
		"getLastExport":                           "GET /api/v1/cloudConnect/lastExport",
		"putLastExport":                           "PUT /api/v1/cloudConnect/lastExport",
		"getHealthz":                              "GET /healthz",
		"getReadyz":                               "GET /readyz",
		"getMetrics":                              "GET /metrics",
		"getServerInfo":                           "GET /api/v1/serverInfo",
		"getHardwarePlans":                        "GET /api/v1/cloudConnect/hardwarePlans",
		"getNetworks":                             "GET /api/v1/cloudConnect/networks",
		"getDefaultGateways":                      "GET /api/v1/cloudConnect/defaultGateways",
		"getDefaultGatewaysById":                  "GET /api/v1/cloudConnect/defaultGateways/{networkId}",
		"putDefaultGateways":                      "PUT /api/v1/cloudConnect/defaultGateways/{networkId}",
		"putDefaultGatewaysOfScope":               "PUT /api/v1/cloudConnect/defaultGateways",
		"deleteDefaultGateways":                   "DELETE /api/v1/cloudConnect/defaultGateways/{networkId}",
		"getDefaultGatewaysChangesById":           "GET /api/v1/cloudConnect/defaultGateways/{networkId}/changes",
		"getNetworkRouting":                       "GET /api/v1/cloudConnect/networkRouting",
		"putNetworkRouting":                       "PUT /api/v1/cloudConnect/networkRouting",
		"getReplicationJobs":                      "GET /api/v1/cloudConnect/replicationJobs",
		"getFailoverPlans":                        "GET /api/v1/cloudConnect/failoverPlans",
		"getFailoverPlansById":                    "GET /api/v1/cloudConnect/failoverPlans/{id}",
		"getFailoverPlansChangesById":             "GET /api/v1/cloudConnect/failoverPlans/{id}/changes",
		"putFailoverPlans":                        "PUT /api/v1/cloudConnect/failoverPlans/{id}",
		"deleteFailoverPlans":                     "DELETE /api/v1/cloudConnect/failoverPlans/{id}",
		"postFailoverPlansCheck":                  "POST /api/v1/cloudConnect/failoverPlans/{id}/check",
		"postFailoverPlansStart":                  "POST /api/v1/cloudConnect/failoverPlans/{id}/start",
		"postFailoverPlansUndo":                   "POST /api/v1/cloudConnect/failoverPlans/{id}/undo",
		"postFailoverPlansTest":                   "POST /api/v1/cloudConnect/failoverPlans/{id}/test",
		"postPartialFailoversStart":               "POST /api/v1/cloudConnect/partialFailovers/{vm}/start",
		"postPartialFailoversStop":                "POST /api/v1/cloudConnect/partialFailovers/{vm}/stop",
		"getNetworkExtensionAppliances":           "GET /api/v1/cloudConnect/networkExtensionAppliances",
		"getNetworkExtensionAppliancesById":       "GET /api/v1/cloudConnect/networkExtensionAppliances/{id}",
		"postRouteTrace":                          "POST /api/v1/cloudConnect/routeTrace",
		"postReplicationJobsRun":                  "POST /api/v1/cloudConnect/replicationJobs/{id}/run",
		"getNetworkExtensionAppliancesInputsById": "GET /api/v1/cloudConnect/networkExtensionAppliances/{id}/inputs",
		"postReachabilityMatrix":                  "POST /api/v1/cloudConnect/reachabilityMatrix",
	})
	e := doc.Components.Schemas["Error"]
	equal(t, "properties of an error", sortedKeys(e.Properties), []string{"current", "errorCode", "field", "message", "resourceId"})
	equal(t, "required properties of an error", e.Required, []string{"errorCode", "message", "resourceId", "field"})
	for name, s := range doc.Components.Schemas {
		equal(t, "additional properties of "+name, string(s.Additional), "false")
		if _, has := s.Properties["$schema"]; has {
			t.Errorf("%s has a property $schema, which is not of the contract", name)
		}
	}
}
