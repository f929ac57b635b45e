package provider_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// List resources and actions need a CLI newer than some that the acceptance tests
// run with. Here the provider is called as such a CLI calls it.

// served returns a server that is configured for the embedded backend of a lab.
func (l *testLab) served() *server {
	l.t.Helper()
	s := newServer(l.t)
	if text := s.configure(map[string]tftypes.Value{"embedded": embedded(l.dir)}); text != "" {
		l.t.Fatal(text)
	}
	return s
}

// unconfigured returns a server whose settings are not known yet.
func unconfigured(t *testing.T) *server {
	t.Helper()
	s := newServer(t)
	if text := s.configure(map[string]tftypes.Value{"endpoint": unknownText}); text != "" {
		t.Fatal(text)
	}
	return s
}

// importIdentity imports what an identity of one attribute names.
func (s *server) importIdentity(resource, attribute, value string) (*tfprotov6.ImportResourceStateResponse, string) {
	s.t.Helper()
	return s.importIdentities(resource, map[string]string{attribute: value})
}

// identityType is the type of a resource's identity.
func (s *server) identityType(resource string) tftypes.Type {
	s.t.Helper()
	resp, err := s.GetResourceIdentitySchemas(s.t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.IdentitySchemas[resource].ValueType()
}

// importIdentities imports what an identity names; the attributes that are not given are null.
func (s *server) importIdentities(resource string, values map[string]string) (*tfprotov6.ImportResourceStateResponse, string) {
	s.t.Helper()
	typ := s.identityType(resource)
	attributes := map[string]tftypes.Value{}
	for attribute := range typ.(tftypes.Object).AttributeTypes {
		attributes[attribute] = tftypes.NewValue(tftypes.String, nil)
		if value, given := values[attribute]; given {
			attributes[attribute] = text(value)
		}
	}
	identity, err := tfprotov6.NewDynamicValue(typ, tftypes.NewValue(typ, attributes))
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := s.ImportResourceState(s.t.Context(), &tfprotov6.ImportResourceStateRequest{
		TypeName: resource, Identity: &tfprotov6.ResourceIdentityData{IdentityData: &identity},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, lines(resp.Diagnostics)
}

// list lists gateways as `terraform query` does: what it validates first, then the
// results.
func (s *server) list(ctx context.Context, limit int64, filters map[string]tftypes.Value) (results []tfprotov6.ListResourceResult, diagnostics string) {
	s.t.Helper()
	return s.listOf(ctx, "vcc_default_gateway", limit, filters)
}

// listOf is list for any resource that has lists.
func (s *server) listOf(ctx context.Context, name string, limit int64, filters map[string]tftypes.Value) (results []tfprotov6.ListResourceResult, diagnostics string) {
	s.t.Helper()
	config := s.value(s.schemas.ListResourceSchemas[name], filters)
	lister := s.ProviderServer.(tfprotov6.ProviderServerWithListResource) //nolint:staticcheck // the protocol's way until lists are part of every server
	validated, err := lister.ValidateListResourceConfig(ctx, &tfprotov6.ValidateListResourceConfigRequest{TypeName: name, Config: config})
	if err != nil {
		s.t.Fatal(err)
	}
	if text := lines(validated.Diagnostics); text != "" {
		return nil, text
	}
	stream, err := lister.ListResource(ctx, &tfprotov6.ListResourceRequest{TypeName: name, Config: config, IncludeResource: true, Limit: limit})
	if err != nil {
		s.t.Fatal(err)
	}
	for r := range stream.Results {
		if text := lines(r.Diagnostics); text != "" {
			diagnostics += text
			continue
		}
		results = append(results, r)
	}
	return results, diagnostics
}

// plan validates and plans an action. It returns its configuration, and the
// diagnostics behind the name of the step that gave them.
func (s *server) plan(name string, attributes map[string]tftypes.Value) (config *tfprotov6.DynamicValue, diagnostics string) {
	s.t.Helper()
	config = s.value(s.schemas.ActionSchemas[name].Schema, attributes)
	actor := s.ProviderServer.(tfprotov6.ProviderServerWithActions) //nolint:staticcheck // as above
	validated, err := actor.ValidateActionConfig(s.t.Context(), &tfprotov6.ValidateActionConfigRequest{ActionType: name, Config: config})
	if err != nil {
		s.t.Fatal(err)
	}
	if text := lines(validated.Diagnostics); text != "" {
		return nil, "validate: " + text
	}
	planned, err := actor.PlanAction(s.t.Context(), &tfprotov6.PlanActionRequest{ActionType: name, Config: config})
	if err != nil {
		s.t.Fatal(err)
	}
	if text := lines(planned.Diagnostics); text != "" {
		return nil, "plan: " + text
	}
	return config, ""
}

// invoke plans and invokes an action as `terraform apply` does. It returns the
// progress and the diagnostics, a line each.
func (s *server) invoke(ctx context.Context, name string, attributes map[string]tftypes.Value) (progress, diagnostics string) {
	s.t.Helper()
	config, diagnostics := s.plan(name, attributes)
	if diagnostics != "" {
		return "", diagnostics
	}
	actor := s.ProviderServer.(tfprotov6.ProviderServerWithActions) //nolint:staticcheck // as above
	stream, err := actor.InvokeAction(ctx, &tfprotov6.InvokeActionRequest{ActionType: name, Config: config})
	if err != nil {
		s.t.Fatal(err)
	}
	for e := range stream.Events {
		switch e := e.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			progress += e.Message + "\n"
		case tfprotov6.CompletedInvokeActionEventType:
			diagnostics += lines(e.Diagnostics)
		}
	}
	return progress, diagnostics
}

// silence is a served backend that answers what it is told to and never answers
// the rest.
type silence struct {
	*httptest.Server
	// reached has the method and path of each request that is not answered, left
	// those whose caller has gone.
	reached, left chan string
}

func newSilence(t *testing.T, answers map[string]string) *silence {
	s := &silence{reached: make(chan string, 1), left: make(chan string, 1)}
	answers["POST /api/oauth2/token"] = `{"access_token": "t", "token_type": "bearer", "expires_in": 900}`
	answers["GET /api/v1/serverInfo"] = `{"name": "silence", "buildVersion": "test", "apiVersion": "1.0"}`
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := r.Method + " " + r.URL.Path
		if answer, ok := answers[request]; ok {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(w, answer)
			return
		}
		s.reached <- request
		<-r.Context().Done()
		s.left <- request
	}))
	t.Cleanup(s.Close)
	return s
}

// cancelled runs a call against a backend that does not answer request, and cancels
// it once that has arrived. It checks that the request ends, and returns what the call says.
func cancelled(t *testing.T, request string, answers map[string]string, call func(context.Context, *server) string) string {
	t.Helper()
	backend := newSilence(t, answers)
	s := newServer(t)
	if text := s.configure(map[string]tftypes.Value{"endpoint": text(backend.URL), "username": text("u"), "password": text("p")}); text != "" {
		t.Fatal(text)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said := make(chan string, 1)
	go func() { said <- call(ctx, s) }()
	if got := <-backend.reached; got != request {
		t.Fatalf("%s arrived, want %s", got, request)
	}
	cancel()
	<-backend.left
	return <-said
}

// expectText checks that a text has every part.
func expectText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("there is no %q in\n%s", part, text)
		}
	}
}
