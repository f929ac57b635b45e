package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Services are the domain's services that a server puts on the wire.
type Services interface {
	vcc.NetworkService
	vcc.DefaultGatewayService
	vcc.NetworkRoutingService
	vcc.ReplicationJobService
	vcc.FailoverService
	vcc.ApplianceService
	vcc.LabService
}

// ServerConfig is what a server needs to know.
type ServerConfig struct {
	Services Services
	// Accounts give out tokens, and say whose they are. With none there is no way to log
	// in, and Authenticator says who sends requests.
	Accounts      vcc.AccountService
	Authenticator Authenticator
	// Ready, if not nil, says why the server cannot do its work now.
	Ready func(context.Context) error
	// RequestTimeout ends requests that take longer; 0 for never.
	RequestTimeout time.Duration
	// Log receives a line for every request, and the details of failures that callers are
	// not told; nil discards them.
	Log *slog.Logger
	// Version is the program's version.
	Version string
}

// maxBody bounds a request's body, in bytes.
const maxBody = 1 << 20

// NewHandler returns the server's side of the contract. It is safe for
// concurrent use and keeps no state between requests.
func NewHandler(cfg ServerConfig) http.Handler {
	useOwnErrors()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, &Error{
			status: http.StatusNotFound, ErrorCode: vcc.CodeNotFound,
			Message: "there is no such operation at this path; /openapi.json lists what there is", // the path may be anything
		})
	})
	config := huma.DefaultConfig("terraform-provider-vcc reference backend", APIVersion)
	config.DocsPath, config.SchemasPath = "", ""
	config.CreateHooks = nil // no $schema property in answers: it is not of the contract
	config.RejectUnknownQueryParameters = true
	s := &server{cfg, humago.New(mux, config), newMetrics(cfg.Version)}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Ready == nil {
		s.Ready = func(context.Context) error { return nil }
	}
	if s.Accounts != nil {
		s.Authenticator = bearerTokens{s.Accounts}
		s.registerTokens()
	}
	s.register()
	return s.observe(s.recoverPanics(mux))
}

type server struct {
	ServerConfig
	api     huma.API
	metrics *metrics
}

// PageQuery are the parameters of every list.
type PageQuery struct {
	Skip  int `query:"skip" minimum:"0" default:"0" doc:"How many entries to leave out"`
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"200" doc:"How many entries to return at most"`
}

func (q PageQuery) page() vcc.Page { return vcc.Page(q) }

// NetworkQuery selects networks.
type NetworkQuery struct {
	PageQuery
	HardwarePlanID string `query:"hardwarePlanIdFilter" doc:"Only networks of this plan"`
	Name           string `query:"nameFilter" doc:"Only the network of this name"`
}

// ChangesQuery selects entries of a network's history.
type ChangesQuery struct {
	NetworkPath
	PageQuery
}

// Conditions are the headers that make a write conditional.
type Conditions struct {
	IfMatch     string `header:"If-Match" doc:"The ETag that the stored value must have"`
	IfNoneMatch string `header:"If-None-Match" doc:"*, if nothing may be stored yet"`
}

func (c Conditions) precondition() (vcc.Precondition, error) {
	var p vcc.Precondition
	switch {
	case c.IfMatch != "" && c.IfNoneMatch != "":
		return p, invalid("If-None-Match", "If-None-Match and If-Match exclude each other; send one of them")
	case c.IfMatch != "":
		revision, err := strconv.ParseInt(strings.Trim(c.IfMatch, `"`), 10, 64)
		if err != nil || c.IfMatch != etag(revision) {
			return p, invalid("If-Match", `%q is not an ETag of this server; send one that it sent, such as "7"`, c.IfMatch)
		}
		p.Revision = &revision
	case c.IfNoneMatch != "":
		if c.IfNoneMatch != "*" {
			return p, invalid("If-None-Match", "%q is no condition of a write; send *, which says that nothing may be stored yet, or an ETag in If-Match", c.IfNoneMatch)
		}
		p.Absent = true
	}
	return p, nil
}

func (Conditions) conditional() {}

// checkConditions returns a middleware for what changes something. A condition that says
// nothing, or that the operation cannot heed, is an error: without it the write would be
// unconditional, and whoever sent it wanted the opposite.
func (s *server) checkConditions(heeds bool) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		for _, name := range []string{"If-Match", "If-None-Match"} {
			sent, message := r.Header.Values(name), ""
			switch {
			case len(sent) == 0:
			case !heeds:
				message = "this operation takes no condition; leave it out"
			case len(sent) > 1:
				message = "the header is given more than once; send one condition"
			case sent[0] == "":
				message = `the header is empty, which is no condition; send an ETag such as "7" in If-Match, or * in If-None-Match, or neither header to write whatever is stored`
			}
			if message != "" {
				writeError(w, s.fail(r.Context(), r.Method, r.URL.Path, invalid(name, "%s", message)))
				return
			}
		}
		next(ctx)
	}
}

// etag is the strong entity tag of a revision (RFC 9110, 8.8.3).
func etag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// NetworkPath names a network in the path.
type NetworkPath struct {
	NetworkID string `path:"networkId"`
}

// Body is an answer with nothing but a body.
type Body[T any] struct{ Body T }

// Tagged is an answer with an ETag.
type Tagged[T any] struct {
	Status int
	ETag   string `header:"ETag"`
	Body   T
}

func (s *server) register() {
	list(s, "hardwarePlans", "List the hardware plans that the tenant is subscribed to", newHardwarePlan,
		func(ctx context.Context, as vcc.Actor, in *PageQuery) ([]vcc.HardwarePlan, int, error) {
			return s.Services.HardwarePlans(ctx, as, in.page())
		})
	list(s, "networks", "List the tenant's cloud networks", newNetwork,
		func(ctx context.Context, as vcc.Actor, in *NetworkQuery) ([]vcc.Network, int, error) {
			return s.Services.Networks(ctx, as, vcc.NetworkFilter{HardwarePlanID: in.HardwarePlanID, Name: in.Name}, in.page())
		})
	list(s, "defaultGateways/{networkId}/changes", "List the history of a network's default gateway, newest first", newChange,
		func(ctx context.Context, as vcc.Actor, in *ChangesQuery) ([]vcc.Change, int, error) {
			return s.Services.DefaultGatewayChanges(ctx, as, in.NetworkID, in.page())
		})
	list(s, "replicationJobs", "List the tenant's replication jobs", newReplicationJob,
		func(ctx context.Context, as vcc.Actor, in *PageQuery) ([]vcc.ReplicationJob, int, error) {
			return s.Services.ReplicationJobs(ctx, as, in.page())
		})

	handle(s, http.MethodGet, "defaultGateways", "List the tenant's stored default gateways", s.listGateways)
	handle(s, http.MethodGet, "defaultGateways/{networkId}", "Get a default gateway", s.getGateway)
	handle(s, http.MethodPut, "defaultGateways/{networkId}", "Set a default gateway", s.putGateway)
	handle(s, http.MethodDelete, "defaultGateways/{networkId}", "Remove a default gateway", s.removeGateway)
	s.api.OpenAPI().Paths[basePath+"/defaultGateways/{networkId}"].Delete.Responses["204"] = &huma.Response{Description: "No gateway is left"}
	handle(s, http.MethodGet, "networkRouting", "Get the routing option", s.getRouting)
	handle(s, http.MethodPut, "networkRouting", "Set the routing option", s.putRouting)
	handle(s, http.MethodPost, "replicationJobs/{id}/run", "Run a replication job; its first run detects default gateways", s.runJob)

	s.registerFailover()
	s.registerLab()
	s.registerOperations()

	huma.Register(s.api, huma.Operation{
		OperationID: "getServerInfo", Method: http.MethodGet, Path: "/api/v1/serverInfo", Summary: "Describe the backend",
	}, func(context.Context, *struct{}) (*Body[ServerInfo], error) {
		return &Body[ServerInfo]{ServerInfo{"terraform-provider-vcc", s.Version, APIVersion}}, nil
	})
}

// list registers a paged list of the tenant's.
func list[In interface{ page() vcc.Page }, T, Wire any](s *server, path, summary string, to func(T) Wire,
	find func(context.Context, vcc.Actor, *In) ([]T, int, error),
) {
	handle(s, http.MethodGet, path, summary, func(ctx context.Context, as vcc.Actor, in *In) (*Body[List[Wire]], error) {
		found, total, err := find(ctx, as, in)
		return &Body[List[Wire]]{newList(convert(found, to), total, (*in).page())}, err
	})
}

func newList[T any](data []T, total int, page vcc.Page) List[T] {
	return List[T]{Data: data, Pagination: Pagination{Total: total, Count: len(data), Skip: page.Skip, Limit: page.Limit}}
}

// handle registers an operation on what is one tenant's.
func handle[In, Out any](s *server, method, path, summary string, fn func(context.Context, vcc.Actor, *In) (*Out, error)) {
	handleFor(s, huma.Middlewares{s.actFor}, method, basePath+"/"+path, summary, func(ctx context.Context, in *In) (*Out, error) {
		return fn(ctx, ctx.Value(actorKey{}).(vcc.Actor), in)
	}, &huma.Param{
		Name: tenantQuery, In: "query", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "Name or ID of the tenant that an operator acts for; a tenant's account always acts for its own",
	})
}

// handleFor registers an operation that needs an account which passes the middlewares,
// and puts its errors into the contract's form.
func handleFor[In, Out any](s *server, who huma.Middlewares, method, path, summary string, fn func(context.Context, *In) (*Out, error), parameters ...*huma.Param) {
	middlewares := append(huma.Middlewares{s.authenticate}, who...)
	if method != http.MethodGet {
		_, heeds := any(*new(In)).(interface{ conditional() })
		middlewares = append(middlewares, s.checkConditions(heeds))
	}
	huma.Register(s.api, huma.Operation{
		OperationID: operationID(method, path), Method: method, Path: path, Summary: summary, MaxBodyBytes: maxBody,
		Middlewares: middlewares, Parameters: parameters,
	}, func(ctx context.Context, in *In) (*Out, error) {
		out, err := fn(ctx, in)
		if err != nil {
			return nil, s.fail(ctx, method, path, err)
		}
		return out, nil
	})
}

// operationID names an operation after its method and path: getNetworkRouting.
func operationID(method, path string) string {
	id := strings.ToLower(method)
	for _, part := range strings.Split(strings.TrimPrefix(strings.TrimPrefix(path, basePath), "/api/v1"), "/") {
		if part != "" && !strings.HasPrefix(part, "{") {
			id += strings.ToUpper(part[:1]) + part[1:]
		}
	}
	if strings.Contains(path, "{") && method == http.MethodGet {
		id += "ById"
	}
	return id
}

// fail turns an error into an answer. What the caller is not told goes to the log.
func (s *server) fail(ctx context.Context, method, path string, err error) *Error {
	switch { // the caller is gone, or the time is; the transaction was rolled back
	case errors.Is(err, context.Canceled):
		return newError(&vcc.Error{Code: vcc.CodeUnavailable, Message: "the request was cancelled; nothing was changed"})
	case errors.Is(err, context.DeadlineExceeded):
		return newError(&vcc.Error{Code: vcc.CodeUnavailable, Message: "the request took too long; nothing was changed, try again"})
	}
	e := newError(err)
	if e.status >= http.StatusInternalServerError {
		s.Log.ErrorContext(ctx, "request failed", "requestId", seen(ctx).id, "method", method, "path", path, "error", err)
	}
	return e
}

func writeError(w http.ResponseWriter, e *Error) {
	maps.Copy(w.Header(), e.GetHeaders())
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	_ = json.NewEncoder(w).Encode(e) // the caller may be gone: nobody is left to tell
}

// GatewaysQuery selects a page of the stored gateways.
type GatewaysQuery struct {
	PageQuery
	IfNoneMatch string `header:"If-None-Match" doc:"The ETag of this page when it was read before; while that is its ETag the answer is 304, without the page"`
}

// listGateways answers with the version of the list as the ETag of each page, so that who
// reads it over and over is not sent what has not changed (RFC 9110, 13.1.2).
func (s *server) listGateways(ctx context.Context, as vcc.Actor, in *GatewaysQuery) (*Tagged[List[DefaultGateway]], error) {
	// The version comes first: what changes in between has an older ETag, which no longer matches.
	version, err := s.Services.DefaultGatewaysVersion(ctx, as)
	if err != nil {
		return nil, err
	}
	tag := strconv.Quote(version)
	if isKnown(tag, in.IfNoneMatch) {
		return &Tagged[List[DefaultGateway]]{Status: http.StatusNotModified, ETag: tag}, nil
	}
	found, total, err := s.Services.DefaultGateways(ctx, as, in.page())
	if err != nil {
		return nil, err
	}
	return &Tagged[List[DefaultGateway]]{Status: http.StatusOK, ETag: tag, Body: newList(convert(found, newDefaultGateway), total, in.page())}, nil
}

// isKnown reports whether a tag is one of those of an If-None-Match, which are compared
// weakly (RFC 9110, 13.1.2 and 8.8.3.2). No tag of this server has a comma.
func isKnown(tag, ifNoneMatch string) bool {
	for known := range strings.SplitSeq(ifNoneMatch, ",") {
		known = strings.TrimSpace(known)
		if known == "*" || strings.TrimPrefix(known, "W/") == tag {
			return true
		}
	}
	return false
}

func (s *server) getGateway(ctx context.Context, as vcc.Actor, in *NetworkPath) (*Tagged[DefaultGateway], error) {
	g, err := s.Services.DefaultGateway(ctx, as, in.NetworkID)
	if err != nil {
		return nil, err
	}
	return &Tagged[DefaultGateway]{Status: http.StatusOK, ETag: etag(g.Revision), Body: newDefaultGateway(*g)}, nil
}

// PutGatewayInput is a PUT of a default gateway.
type PutGatewayInput struct {
	NetworkPath
	Conditions
	Body GatewaySettings
}

func (s *server) putGateway(ctx context.Context, as vcc.Actor, in *PutGatewayInput) (*Tagged[DefaultGateway], error) {
	condition, err := in.precondition()
	if err != nil {
		return nil, err
	}
	settings, err := in.Body.Parse()
	if err != nil {
		return nil, err
	}
	g, created, err := s.Services.PutDefaultGateway(ctx, as, in.NetworkID, settings, condition)
	if err != nil {
		return nil, err
	}
	answer := &Tagged[DefaultGateway]{Status: http.StatusOK, ETag: etag(g.Revision), Body: newDefaultGateway(*g)}
	if created {
		answer.Status = http.StatusCreated
	}
	for _, w := range g.GatewaySettings.Warnings() {
		answer.Body.Warnings = append(answer.Body.Warnings, Warning(w))
	}
	return answer, nil
}

// RemoveGatewayInput is a DELETE of a default gateway.
type RemoveGatewayInput struct {
	NetworkPath
	Conditions
	RestoreDetected bool `query:"restoreDetected" doc:"If the gateway took the place of a detected one, bring that back and answer with it (200); otherwise remove it (204)"`
}

func (s *server) removeGateway(ctx context.Context, as vcc.Actor, in *RemoveGatewayInput) (*Tagged[*DefaultGateway], error) {
	condition, err := in.precondition()
	if err != nil {
		return nil, err
	}
	var g *vcc.DefaultGateway
	if in.RestoreDetected {
		g, err = s.Services.RestoreDetectedGateway(ctx, as, in.NetworkID, condition)
	} else {
		err = s.Services.RemoveDefaultGateway(ctx, as, in.NetworkID, condition)
	}
	if err != nil || g == nil {
		return &Tagged[*DefaultGateway]{Status: http.StatusNoContent}, err
	}
	restored := newDefaultGateway(*g)
	return &Tagged[*DefaultGateway]{Status: http.StatusOK, ETag: etag(g.Revision), Body: &restored}, nil
}

func (s *server) getRouting(ctx context.Context, as vcc.Actor, _ *struct{}) (*Tagged[NetworkRouting], error) {
	r, err := s.Services.NetworkRouting(ctx, as)
	if err != nil {
		return nil, err
	}
	return &Tagged[NetworkRouting]{Status: http.StatusOK, ETag: etag(r.Revision), Body: newNetworkRouting(*r)}, nil
}

// PutRoutingInput is a PUT of the routing option.
type PutRoutingInput struct {
	Conditions
	Body NetworkRoutingSettings
}

func (s *server) putRouting(ctx context.Context, as vcc.Actor, in *PutRoutingInput) (*Tagged[NetworkRouting], error) {
	condition, err := in.precondition()
	if err != nil {
		return nil, err
	}
	r, err := s.Services.PutNetworkRouting(ctx, as, in.Body.Enabled, condition)
	if err != nil {
		return nil, err
	}
	return &Tagged[NetworkRouting]{Status: http.StatusOK, ETag: etag(r.Revision), Body: newNetworkRouting(*r)}, nil
}

func (s *server) runJob(ctx context.Context, as vcc.Actor, in *IDPath) (*Body[JobRun], error) {
	run, err := s.Services.RunReplicationJob(ctx, as, in.ID)
	if err != nil {
		return nil, err
	}
	return &Body[JobRun]{newJobRun(*run)}, nil
}
