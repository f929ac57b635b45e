package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// tokenAnswer are the tokens that a login gives.
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
}

// token posts a form to the token endpoint.
func (a *api) token(t *testing.T, form url.Values) answer {
	t.Helper()
	return a.do(t, "POST", "/api/oauth2/token", form.Encode(), "Authorization: ", "Content-Type: application/x-www-form-urlencoded")
}

// logIn returns the tokens of an account.
func (a *api) logIn(t *testing.T, username, password string) tokenAnswer {
	t.Helper()
	got := a.token(t, url.Values{"grant_type": {"password"}, "username": {username}, "password": {password}})
	equal(t, "status of a login", got.status, 200)
	return decode[tokenAnswer](t, got)
}

// expireTokens makes every token that was given out one that expired a moment ago.
func (a *api) expireTokens(t *testing.T) {
	t.Helper()
	a.exec(t, "UPDATE tokens SET expires_at = ?", time.Now().UTC().Add(-time.Minute).Format("2006-01-02 15:04:05.999999+00:00"))
}

func bearer(token string) string { return "Authorization: Bearer " + token }

// TestTenancy walks the API's own description of itself and tries every operation as
// everybody. An operation without an expectation fails: none can be forgotten.
func TestTenancy(t *testing.T) {
	t.Parallel()
	a := newServed(t)
	expired := a.logIn(t, "abc", abcPassword)
	a.expireTokens(t)
	abc, xyz, root := a.logIn(t, "abc", abcPassword), a.logIn(t, "xyz", xyzPassword), a.logIn(t, "root", rootPassword)
	a.exec(t, "INSERT INTO accounts (username, tenant_id, password_hash, declared, read_only) SELECT 'viewer', tenant_id, password_hash, FALSE, TRUE FROM accounts WHERE username = ?", "abc")
	viewer := a.logIn(t, "viewer", abcPassword)
	_, err := a.store.RunReplicationJob(t.Context(), a.tokens["ABC"], a.job(t)) // there are replicas to fail over
	ok(t, err)
	tested, err := a.services.TestFailover(t.Context(), a.tokens["ABC"], a.plan(t))
	ok(t, err)
	network, xyzNetwork := a.network(t, "ABC", "Silver network 1 (internet)"), a.network(t, "XYZ", "Gold network 1 (internet)")
	lab := a.do(t, "GET", "/api/v1/lab", "", bearer(root.AccessToken)).body
	// of is what an operation needs: objects of ABC's in the path, and a body.
	type of struct {
		ids  map[string]string
		body string
		// own and operator are the statuses of ABC and of an operator for ABC, where not 200;
		// foreign is XYZ's, who must not tell what is ABC's from what is nobody's.
		own, operator, foreign int
		// field is what that answer to XYZ names, where the network stands in the body.
		field string
		// asks says of an operation that is no GET that it changes nothing: a viewer may do it.
		asks bool
	}
	const (
		anyone    = "anyone"
		tenants   = "tenants"
		operators = "operators"
	)
	type expectation struct {
		who string
		of
	}
	gateway := `{"ipv4": {"address": "10.0.0.1", "subnetMask": "255.255.0.0"}}`
	imported := `{"server": "vbr01", "provider": "sp.example.net", "providerId": "p-1", "routingEnabled": false, "networks": []}`
	plan := `{"name": "Whole site", "vms": ["web01"]}`
	inNetwork := map[string]string{"networkId": network}
	id := func(id string) map[string]string { return map[string]string{"id": id} }
	expected := map[string]expectation{
		"postToken":     {anyone, of{body: "-", own: 400}},
		"getServerInfo": {anyone, of{}},
		"getHealthz":    {anyone, of{}},
		"getReadyz":     {anyone, of{}},
		"getMetrics":    {operators, of{}},
		"getLab":        {operators, of{}},
		"putLab":        {operators, of{body: lab}},

		"getHardwarePlans":                        {tenants, of{}},
		"getNetworks":                             {tenants, of{}},
		"getDefaultGateways":                      {tenants, of{}},
		"putDefaultGateways":                      {tenants, of{ids: inNetwork, body: gateway, foreign: 404}}, // stored below
		"putDefaultGatewaysOfScope":               {tenants, of{ids: inNetwork, body: fmt.Sprintf(`{"gateways": [{"networkId": %q, "ipv4": {"address": "10.0.0.1", "subnetMask": "255.255.0.0"}}]}`, network), foreign: 404, field: "gateways[0].networkId"}},
		"getDefaultGatewaysById":                  {tenants, of{ids: inNetwork, foreign: 404}},
		"getDefaultGatewaysChangesById":           {tenants, of{ids: inNetwork, foreign: 404}},
		"deleteDefaultGateways":                   {tenants, of{ids: inNetwork, own: 204, operator: 204, foreign: 404}},
		"getNetworkRouting":                       {tenants, of{}},
		"putNetworkRouting":                       {tenants, of{body: `{"enabled": true}`}},
		"getLastExport":                           {tenants, of{}},
		"putLastExport":                           {tenants, of{body: imported}},
		"getReplicationJobs":                      {tenants, of{}},
		"postReplicationJobsRun":                  {tenants, of{ids: id(a.job(t)), foreign: 404}},
		"getFailoverPlans":                        {tenants, of{}},
		"postFailoverPlansTest":                   {tenants, of{ids: id(a.plan(t)), foreign: 404, asks: true}}, // a viewer's test leaves no report
		"getFailoverSessions":                     {tenants, of{}},
		"getFailoverSessionsById":                 {tenants, of{ids: id(tested.ID), foreign: 404}},
		"getFailoverPlansById":                    {tenants, of{ids: id(a.plan(t)), foreign: 404}},
		"getFailoverPlansChangesById":             {tenants, of{ids: id(a.plan(t)), foreign: 404}},
		"putFailoverPlans":                        {tenants, of{ids: id(a.plan(t)), body: plan}}, // XYZ's with the ID would be another plan
		"deleteFailoverPlans":                     {tenants, of{ids: id(a.plan(t)), foreign: 404}},
		"postFailoverPlansCheck":                  {tenants, of{ids: id(a.plan(t)), body: plan, asks: true}},
		"postFailoverPlansStart":                  {tenants, of{ids: id(a.plan(t)), foreign: 404}},
		"postFailoverPlansUndo":                   {tenants, of{ids: id(a.plan(t)), foreign: 404}},
		"postPartialFailoversStart":               {tenants, of{ids: map[string]string{"vm": "web01"}, foreign: 404}},
		"postPartialFailoversStop":                {tenants, of{ids: map[string]string{"vm": "web01"}, foreign: 404}},
		"getNetworkExtensionAppliances":           {tenants, of{}},
		"getNetworkExtensionAppliancesById":       {tenants, of{ids: id(a.appliance(t)), foreign: 404}},
		"postRouteTrace":                          {tenants, of{body: `{"source": "10.0.0.2", "destination": "10.0.0.3", "protocol": "tcp", "port": 1}`, asks: true}},
		"getNetworkExtensionAppliancesInputsById": {tenants, of{ids: id(a.appliance(t)), foreign: 404}},
		"postReachabilityMatrix":                  {tenants, of{body: `{"protocol": "tcp", "port": 1}`, asks: true}},
	}
	var doc struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	ok(t, json.Unmarshal([]byte(a.do(t, "GET", "/openapi.json", "", "Authorization: ").body), &doc))
	operations := map[string]string{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			operations[op.OperationID] = strings.ToUpper(method) + " " + path
		}
	}
	equal(t, "operations that the walk expects", sortedKeys(expected), sortedKeys(operations))

	for _, operation := range sortedKeys(operations) {
		want, known := expected[operation]
		if !known {
			t.Errorf("%s: nobody said who may do %s; say it in this test", operation, operations[operation])
			continue
		}
		t.Run(operation, func(t *testing.T) {
			method, path, _ := strings.Cut(operations[operation], " ")
			for name, id := range want.ids {
				path = strings.ReplaceAll(path, "{"+name+"}", id)
			}
			as := func(query, header string) answer {
				t.Helper()
				return a.do(t, method, path+query, want.body, header)
			}
			status := func(who string, got answer, want int) {
				t.Helper()
				if want == 0 {
					want = 200
				}
				if got.status != want && (want != 200 || got.status != 201) {
					t.Errorf("%s gets status %d, want %d: %s", who, got.status, want, got.body)
				}
				if strings.Contains(got.body, "XYZ") && strings.Contains(who, "ABC") {
					t.Errorf("%s learns of XYZ: %s", who, got.body)
				}
			}
			if want.who == anyone {
				for who, header := range map[string]string{"nobody": "Authorization: ", "an expired token": bearer(expired.AccessToken), "ABC": bearer(abc.AccessToken), "an operator": bearer(root.AccessToken)} {
					status(who, as("", header), want.own)
				}
				return
			}
			// Whatever the last operation left, there is something to read, to remove, to end.
			prepare := func() {
				a.tenantDoes(t, operation, network)
			}
			prepare()
			a.unchanged(t, func() {
				for who, tc := range map[string]struct {
					header string
					code   vcc.ErrorCode
				}{
					"nobody":                              {"Authorization: ", vcc.CodeInvalidToken},
					"a token of nobody's":                 {bearer("nonsense"), vcc.CodeInvalidToken},
					"a refresh token":                     {bearer(abc.RefreshToken), vcc.CodeInvalidToken},
					"a password":                          {"Authorization: Basic YWJjOmFiYw==", vcc.CodeInvalidToken},
					"a token without its scheme":          {"Authorization: " + abc.AccessToken, vcc.CodeInvalidToken},
					"an expired token":                    {bearer(expired.AccessToken), vcc.CodeExpiredToken},
					"a token with a digit more than ABCs": {bearer(abc.AccessToken + "0"), vcc.CodeInvalidToken},
				} {
					for _, query := range []string{"", "?tenant=ABC"} {
						got := as(query, tc.header)
						wantError(t, got, 401, wireError{ErrorCode: string(tc.code)})
						equal(t, "challenge to "+who, got.header.Get("WWW-Authenticate"), "Bearer")
					}
				}
			})
			if want.who == operators {
				a.unchanged(t, func() {
					for _, token := range []string{abc.AccessToken, xyz.AccessToken, viewer.AccessToken} {
						wantError(t, as("", bearer(token)), 403, wireError{ErrorCode: "AccessDenied"})
					}
				})
				status("an operator", as("", bearer(root.AccessToken)), want.operator)
				return
			}
			// XYZ on what is ABC's, whatever it asks for.
			if want.foreign != 0 {
				a.unchanged(t, func() {
					for _, query := range []string{"", "?tenant=ABC", "?tenant=XYZ"} {
						wantError(t, as(query, bearer(xyz.AccessToken)), want.foreign, wireError{ErrorCode: "NotFound", ResourceID: onlyID(want.ids), Field: want.field})
					}
				})
			}
			// What XYZ gets is the same whether it names ABC, itself, or nobody.
			if method == "GET" && want.foreign == 0 {
				own := as("", bearer(xyz.AccessToken))
				status("XYZ", own, 0)
				for _, tenant := range []string{"ABC", "XYZ", "Nobody", "", a.tokens["ABC"].TenantID} {
					equal(t, "XYZ asks for tenant "+tenant, as("?tenant="+url.QueryEscape(tenant), bearer(xyz.AccessToken)).body, own.body)
				}
				if abcs := as("", bearer(abc.AccessToken)); abcs.body == own.body && operation != "getNetworkExtensionAppliances" {
					t.Errorf("ABC and XYZ get the same: %s", own.body)
				}
			}
			a.unchanged(t, func() {
				if method == "GET" || want.asks {
					status("ABC's viewer", as("?tenant=XYZ", bearer(viewer.AccessToken)), want.own)
				} else {
					wantError(t, as("", bearer(viewer.AccessToken)), 403, wireError{ErrorCode: "AccessDenied"})
				}
			})
			status("ABC", as("", bearer(abc.AccessToken)), want.own)
			prepare()
			status("ABC, which asks for XYZ,", as("?tenant=XYZ", bearer(abc.AccessToken)), want.own)
			// An operator says for whom.
			prepare()
			status("an operator for ABC", as("?tenant=ABC", bearer(root.AccessToken)), want.operator)
			prepare()
			status("an operator for ABC by ID", as("?tenant="+a.tokens["ABC"].TenantID, bearer(root.AccessToken)), want.operator)
			prepare()
			a.unchanged(t, func() {
				wantError(t, as("", bearer(root.AccessToken)), 400, wireError{ErrorCode: "InvalidValue", Field: "tenant"})
				wantError(t, as("?tenant=Nobody", bearer(root.AccessToken)), 400, wireError{ErrorCode: "InvalidValue", Field: "tenant"})
				if want.foreign != 0 {
					wantError(t, as("?tenant=XYZ", bearer(root.AccessToken)), 404, wireError{ErrorCode: "NotFound", ResourceID: onlyID(want.ids), Field: want.field})
				}
			})
		})
	}
	// What the walk did to ABC did nothing to XYZ.
	changes, _, err := a.store.DefaultGatewayChanges(t.Context(), a.tokens["XYZ"], xyzNetwork, vcc.Page{Limit: 10})
	ok(t, err)
	equal(t, "changes of XYZ's gateway", len(changes), 0)
}

func onlyID(ids map[string]string) string {
	for _, id := range ids {
		return id
	}
	return ""
}

// tenantDoes brings ABC into the state in which an operation can be carried out.
func (a *api) tenantDoes(t *testing.T, operation, network string) {
	t.Helper()
	ctx, abc := t.Context(), a.tokens["ABC"]
	try := func(_ any, err error) {
		if code := vcc.Code(err); err != nil && code != vcc.CodeConflict && code != vcc.CodeNotFound {
			t.Fatal(err)
		}
	}
	_, _, err := a.store.PutDefaultGateway(ctx, abc, network, ipv4("10.0.0.1/16"), vcc.Precondition{})
	ok(t, err)
	switch operation {
	case "getLastExport":
		for tenant, as := range a.tokens {
			_, err := a.store.ImportServerExport(ctx, as, vcc.ServerExport{ExportSource: vcc.ExportSource{Server: "vbr-" + tenant, Provider: "sp.example.net", ProviderID: "p-1"}}, false)
			ok(t, err)
		}
	case "postFailoverPlansUndo":
		try(a.services.StartFailover(ctx, abc, a.plan(t), false))
	case "postPartialFailoversStop":
		try(a.services.UndoFailover(ctx, abc, a.plan(t)))
		try(a.services.StartPartialFailover(ctx, abc, "web01"))
	case "postFailoverPlansStart", "postPartialFailoversStart":
		try(a.services.UndoFailover(ctx, abc, a.plan(t)))
		try(a.services.StopPartialFailover(ctx, abc, "web01"))
	}
}

// The form of the token endpoint, and what it refuses.
func TestTokenEndpoint(t *testing.T) {
	t.Parallel()
	a := newServed(t)
	got := a.token(t, url.Values{"grant_type": {"password"}, "username": {"abc"}, "password": {abcPassword}, "scope": {"ignored, as RFC 6749 asks"}})
	equal(t, "status", got.status, 200)
	equal(t, "Cache-Control", got.header.Get("Cache-Control"), "no-store")
	tokens := decode[tokenAnswer](t, got)
	equal(t, "answer", tokens, tokenAnswer{TokenType: "bearer", ExpiresIn: 900}, cmpopts.IgnoreFields(tokenAnswer{}, "AccessToken", "RefreshToken"))
	if len(tokens.AccessToken) < 43 || len(tokens.RefreshToken) < 43 { // 256 bits
		t.Errorf("short tokens: %v", tokens)
	}
	equal(t, "status with the token", a.do(t, "GET", gateways, "", bearer(tokens.AccessToken)).status, 200)
	equal(t, "status with a scheme in lower case", a.do(t, "GET", gateways, "", "Authorization: bearer "+tokens.AccessToken).status, 200)

	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.RefreshToken}}
	next := decode[tokenAnswer](t, a.token(t, refresh))
	equal(t, "status with the next token", a.do(t, "GET", gateways, "", bearer(next.AccessToken)).status, 200)
	wantError(t, a.token(t, refresh), 401, wireError{ErrorCode: "InvalidToken"})
	wantError(t, a.do(t, "GET", gateways, "", bearer(next.AccessToken)), 401, wireError{ErrorCode: "InvalidToken"})

	for name, tc := range map[string]struct {
		form   url.Values
		status int
		want   wireError
	}{
		"wrong password":  {url.Values{"grant_type": {"password"}, "username": {"abc"}, "password": {"wrong"}}, 401, wireError{ErrorCode: "InvalidToken"}},
		"unknown account": {url.Values{"grant_type": {"password"}, "username": {"nobody"}, "password": {abcPassword}}, 401, wireError{ErrorCode: "InvalidToken"}},
		"no password":     {url.Values{"grant_type": {"password"}, "username": {"abc"}}, 401, wireError{ErrorCode: "InvalidToken"}},
		"no grant":        {url.Values{"username": {"abc"}}, 400, wireError{ErrorCode: "InvalidValue", Field: "grant_type"}},
		"another grant":   {url.Values{"grant_type": {"client_credentials"}}, 400, wireError{ErrorCode: "InvalidValue", Field: "grant_type"}},
		"twice":           {url.Values{"grant_type": {"password"}, "username": {"abc", "xyz"}, "password": {"p"}}, 400, wireError{ErrorCode: "InvalidValue", Field: "username"}},
		"unknown refresh": {url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"nonsense"}}, 401, wireError{ErrorCode: "InvalidToken"}},
		"a large body":    {url.Values{"grant_type": {"password"}, "username": {strings.Repeat("a", 1<<20)}}, 413, wireError{ErrorCode: "InvalidValue"}},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, a.token(t, tc.form), tc.status, tc.want) })
	}
	for name, header := range map[string]string{"JSON": "Content-Type: application/json", "no type": "Content-Type: "} {
		t.Run(name, func(t *testing.T) {
			got := a.do(t, "POST", "/api/oauth2/token", "grant_type=password&username=abc&password=x", "Authorization: ", header)
			wantError(t, got, 400, wireError{ErrorCode: "InvalidValue", Field: "Content-Type"})
		})
	}
	// Who guesses is told how long to wait.
	guess := url.Values{"grant_type": {"password"}, "username": {"abc"}, "password": {"wrong"}}
	for range 12 {
		got = a.token(t, guess)
	}
	wantError(t, got, 429, wireError{ErrorCode: "TooManyRequests"})
	if seconds := got.header.Get("Retry-After"); !slices.Contains([]string{"1", "2", "3", "4"}, seconds) {
		t.Errorf("Retry-After: %q", seconds)
	}
}

// An operator declares a lab, and gets it back.
func TestLab(t *testing.T) {
	t.Parallel()
	a := newServed(t)
	operator := newClient(t, httpapi.ClientConfig{Endpoint: a.URL, Username: "root", Password: rootPassword})
	ctx := t.Context()
	declared := func(lab vcc.Lab, passwords map[string]string) vcc.ValidLab {
		t.Helper()
		valid, err := lab.Check()
		ok(t, err)
		valid, err = valid.WithPasswords(passwords)
		ok(t, err)
		return valid
	}
	lab := servedLab()
	lab.Tenants[1].Username = "xyz-holding"
	outcome, err := operator.ApplyLab(ctx, declared(lab, nil), nil)
	ok(t, err)
	equal(t, "warnings", outcome.Warnings, []vcc.Warning{{Field: "passwords", Message: `tenant "XYZ" has no account: declare a password for its user name`}})
	outcome, err = operator.ApplyLab(ctx, declared(lab, map[string]string{"xyz-holding": "another password"}), nil)
	ok(t, err)
	equal(t, "outcome of a password", outcome, vcc.LabOutcome{})
	equal(t, "login", a.logIn(t, "xyz-holding", "another password").TokenType, "bearer")
	got, err := operator.Lab(ctx)
	ok(t, err)
	stored, err := a.store.Lab(ctx)
	ok(t, err)
	equal(t, "lab", got, stored)
	equal(t, "lab after it was declared as it came back", declared(got, nil).Lab(), stored)

	_, err = newClient(t, httpapi.ClientConfig{Endpoint: a.URL, Username: "abc", Password: abcPassword}).ApplyLab(ctx, declared(lab, nil), nil)
	wantVCC(t, err, vcc.Error{Code: vcc.CodeAccessDenied})
	root := bearer(a.logIn(t, "root", rootPassword).AccessToken)
	const head = `{"serviceProvider": {"name": "x"}, "hosts": [`
	for name, tc := range map[string]struct{ body, field string }{
		"an unknown key":    {head + `], "hardwarePlans": [], "tenants": [], "nonsense": 1}`, "nonsense"},
		"a wrong value":     {head + `], "hardwarePlans": [], "tenants": [{"name": "A", "subscriptions": [], "publicIps": ["x"]}]}`, "tenants[0].publicIps[0]"},
		"a wrong range":     {head + `{"name": "h", "platform": "VMware", "vlans": [{"withInternet": [10, 1]}]}], "hardwarePlans": [], "tenants": [{"name": "A", "subscriptions": []}]}`, "hosts[0].vlans[0].withInternet"},
		"a wrong network":   {head + `], "hardwarePlans": [], "tenants": [{"name": "A", "subscriptions": [], "productionNetworks": [{"name": "n", "ipv4": "10.0.0.0/8", "ipv4Gateway": "x"}]}]}`, "tenants[0].productionNetworks[0].ipv4Gateway"},
		"a wrong adapter":   {head + `], "hardwarePlans": [], "tenants": [{"name": "A", "subscriptions": [], "productionNetworks": [{"name": "n", "ipv4": "10.0.0.0/8"}], "vms": [{"name": "v", "guest": "other", "nics": [{"network": "n", "ipv4": "x"}]}]}]}`, "tenants[0].vms[0].nics[0].ipv4"},
		"a wrong appliance": {head + `{"name": "h", "platform": "VMware", "vlans": []}], "hardwarePlans": [], "tenants": [{"name": "A", "subscriptions": [], "appliances": [{"host": "h", "external": {"ipv6": "x"}}]}]}`, "tenants[0].appliances[0].external.ipv6"},
		"a wrong rule":      {head + `], "hardwarePlans": [], "tenants": [{"name": "A", "subscriptions": [], "vms": [{"name": "v", "guest": "other", "nics": []}], "failoverPlans": [{"name": "p", "vms": ["v"], "publicIpRules": [{"address": "192.0.2.1", "port": 1, "toAddress": "x", "toPort": 1}]}]}]}`, "tenants[0].failoverPlans[0].publicIpRules[0].toAddress"},
		"a bad password":    {head + `], "hardwarePlans": [], "tenants": [{"name": "A", "username": "a", "subscriptions": []}], "passwords": {"a": "short"}}`, "tenants[0].passwordEnv"},
		"no tenant":         {head + `], "hardwarePlans": [], "tenants": []}`, "tenants"},
		"a missing value":   {`{"serviceProvider": {}, "hosts": [], "hardwarePlans": [], "tenants": []}`, "serviceProvider.name"},
	} {
		t.Run(name, func(t *testing.T) {
			a.unchanged(t, func() {
				e := wantError(t, a.do(t, "PUT", "/api/v1/lab", tc.body, root), 400, wireError{ErrorCode: "InvalidValue", Field: tc.field})
				if strings.Contains(e.Message, tc.field) {
					t.Errorf("%s is refused twice: %s", tc.field, e.Message)
				}
			})
		})
	}
	// Every wrong value is listed, those that cannot be read first.
	e := wantError(t, a.do(t, "PUT", "/api/v1/lab", head+`], "hardwarePlans": [], "tenants": [{"name": "", "subscriptions": [], "publicIps": ["x"]}]}`, root),
		400, wireError{ErrorCode: "InvalidValue", Field: "tenants[0].publicIps[0]"})
	if !strings.Contains(e.Message, "tenants[0].name: ") {
		t.Errorf("the name is not listed: %s", e.Message)
	}

	// A removal must be named, and a dry run removes nothing.
	network := a.network(t, "ABC", "Silver network 1 (internet)")
	a.tenantDoes(t, "", network)
	lab.Tenants = lab.Tenants[1:]
	removal := declared(lab, nil)
	_, err = operator.ApplyLab(ctx, removal, nil)
	wantVCC(t, err, vcc.Error{Code: vcc.CodeConflict})
	refusal := err.Error()
	want := vcc.LabOutcome{Changes: []vcc.LabChange{{Action: vcc.LabRemoves, Kind: vcc.LabKindTenant, Name: "ABC", Networks: 4, Gateways: 1}}}
	a.unchanged(t, func() {
		outcome, err = operator.PreviewLab(ctx, removal, nil)
		wantVCC(t, err, vcc.Error{Code: vcc.CodeConflict})
		equal(t, "refusal", err.Error(), refusal)
		equal(t, "preview", outcome, want)
		outcome, err = operator.PreviewLab(ctx, removal, []string{"tenant:ABC"})
		ok(t, err)
		equal(t, "preview with a name", outcome, want)
	})
	body := decode[any](t, a.do(t, "PUT", "/api/v1/lab?dryRun=true&remove=tenant:ABC", labBody(t, a, lab), root))
	equal(t, "preview on the wire", body, any(map[string]any{"warnings": []any{}, "changes": []any{map[string]any{
		"action": "remove", "kind": "tenant", "name": "ABC", "networks": 4.0, "gateways": 1.0, "remove": "tenant:ABC", "text": `- tenant "ABC" with 4 networks, 1 default gateway`,
	}}}))
	outcome, err = operator.ApplyLab(ctx, removal, []string{"ABC"})
	ok(t, err)
	equal(t, "changes", outcome.Changes, want.Changes)
	_, err = operator.ApplyLab(ctx, removal, []string{"ABC"})
	wantVCC(t, err, vcc.Error{Code: vcc.CodeConflict})
}

// labBody is a lab as a client sends it.
func labBody(t *testing.T, a *api, lab vcc.Lab) (body string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		body = string(content)
		answerJSON(w, 200, map[string]any{})
	}))
	defer s.Close()
	valid, err := lab.Check()
	ok(t, err)
	_, err = newClient(t, httpapi.ClientConfig{Endpoint: s.URL}).ApplyLab(t.Context(), valid, nil)
	ok(t, err)
	return body
}

// An operator's client acts for the tenant that it is told, by name or by ID.
func TestClientActsForTenant(t *testing.T) {
	a := newServed(t)
	c := newClient(t, httpapi.ClientConfig{Endpoint: a.URL, Username: "root", Password: rootPassword})
	for tenant, networks := range map[string]int{"ABC": 4, "XYZ": 1} {
		for _, nameOrID := range []string{tenant, a.tokens[tenant].TenantID} {
			as := vcc.Actor{TenantID: nameOrID, Name: "somebody else"}
			routing, err := c.PutNetworkRouting(t.Context(), as, nameOrID == tenant, vcc.Precondition{})
			ok(t, err)
			equal(t, "tenant and actor", fmt.Sprint(routing.TenantName, " ", routing.UpdatedBy), tenant+" root")
			_, total, err := c.Networks(t.Context(), as, vcc.NetworkFilter{}, firstPage)
			ok(t, err)
			equal(t, "networks of "+tenant, total, networks)
		}
	}
	_, err := c.NetworkRouting(t.Context(), own)
	wantVCC(t, err, vcc.Error{Code: vcc.CodeInvalidValue, Field: "tenant"})
	_, err = c.NetworkRouting(t.Context(), vcc.Actor{TenantID: "Nobody"})
	wantVCC(t, err, vcc.Error{Code: vcc.CodeInvalidValue, Field: "tenant"})
}
