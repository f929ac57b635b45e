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
	"sync/atomic"
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
	vcc.FailoverPreview
	vcc.FailoverPlanService
	vcc.ApplianceService
	vcc.LabService
	vcc.TenantService
	vcc.ServerExportService
}

// ServerConfig is what a server needs to know.
type ServerConfig struct {
	Services Services
	// Accounts issue tokens, and find the account of a token. With none there is no way to log
	// in, and Authenticator finds the account of a request.
	Accounts      vcc.AccountService
	Authenticator Authenticator
	// Pages, if not nil, makes pages for people beside the API, of the services and sessions that it gets.
	// What is done through them is logged, and audited, and has its place like a request of the API.
	Pages func(Services, vcc.WindowSessionService) Pages
	// Sessions are for Pages. With Pages they are needed, and Accounts, too.
	Sessions vcc.WindowSessionService
	// Ready, if not nil, returns the reason why the server cannot do its work now. The message of a
	// *vcc.Error is for anybody, all else for the log.
	Ready func(context.Context) error
	// MaxRequests is how many requests are at work at once. Others wait for less than a second, and
	// are then refused with 503 and Retry-After. A tenant has a quarter at most. 0 is for no bound.
	MaxRequests int
	// Measure, if not nil, returns what others than the handler measure, for the metrics. It is called
	// for each answer with metrics.
	Measure func() []Measurement
	// RequestTimeout ends requests that take longer; 0 for never.
	RequestTimeout time.Duration
	// Log receives a line for every request, and the details of failures that callers are
	// not told; nil discards them.
	Log *slog.Logger
	// Version is the program's version.
	Version string
}

// maxBody is the least length of a request's body that is too long, in bytes: 1 MiB may be sent.
const maxBody = 1<<20 + 1

// Handler is the server's side of the contract. It is safe for concurrent use. What it keeps
// between requests are counts, and whose token was whose: that decides whom a request waits with.
type Handler struct {
	http.Handler
	operations http.Handler
}

// Operations answers GET /healthz, /readyz and /metrics, and nothing else. It asks for no account: it
// is for an address that only the operator's own programs reach. It never refuses for want of a place.
func (h *Handler) Operations() http.Handler { return h.operations }

// NewHandler returns the server's side of the contract.
func NewHandler(cfg ServerConfig) *Handler {
	useOwnErrors()
	mux := http.NewServeMux()
	s := &server{ServerConfig: cfg, metrics: newMetrics(cfg.Version)}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if s.pages != nil && s.pages.Wants(r) {
			s.pages.NotFound(w, r)
			return
		}
		writeError(w, &wireError{
			status: http.StatusNotFound, ErrorCode: vcc.CodeNotFound,
			Message: "there is no such operation at this path; /openapi.json lists what there is", // the path may be anything
		})
	})
	config := huma.DefaultConfig("terraform-provider-vcc reference backend", APIVersion)
	config.DocsPath, config.SchemasPath = "", ""
	config.CreateHooks = nil // no $schema property in answers: it is not of the contract
	config.RejectUnknownQueryParameters = true
	config.Components = &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName)}
	config.Formats = map[string]huma.Format{"application/json": boundedJSON, "json": boundedJSON}
	s.api = humago.New(mux, config)
	s.admission = newAdmission(cfg.MaxRequests, s.metrics)
	s.api.UseMiddleware(boundRequest)
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
	if s.Pages != nil {
		s.pages = s.Pages(pageServices{s.Services, s}, pageSessions{s.Sessions, s})
		s.pages.Register(mux)
	}
	return &Handler{
		Handler:    s.logRequests(s.recoverPanics(s.admit(mux))),
		operations: s.recoverPanics(s.operationsAlone(mux)),
	}
}

type server struct {
	ServerConfig
	api       huma.API
	metrics   *metrics
	admission *admission // nil: all are admitted
	pages     Pages      // nil: none
	// heldBack is how many guesses wait for their answer.
	heldBack atomic.Int64
}

// PageQuery are the parameters of every list. The name is exported because huma reads the
// parameters of embedded structs by exported names alone.
type PageQuery struct {
	Skip  int `query:"skip" minimum:"0" default:"0" doc:"How many entries to leave out"`
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"200" doc:"How many entries to return at most"`
}

func (q PageQuery) page() vcc.Page { return vcc.Page{Skip: q.Skip, Limit: q.Limit} }

// idPath names an object in the path.
type idPath struct {
	ID string `path:"id"`
}

// answerBody is an answer with nothing but a body.
type answerBody[T any] struct{ Body T }

// answerTagged is an answer with an ETag.
type answerTagged[T any] struct {
	Status int
	ETag   string `header:"ETag"`
	Body   T
}

func (s *server) register() {
	s.registerNetworks()
	s.registerDefaultGateways()
	s.registerGatewaySets()
	s.registerRouting()
	s.registerReplicationJobs()
	s.registerFailover()
	s.registerFailoverSessions()
	s.registerAppliances()
	s.registerLab()
	s.registerLastExport()
	s.registerOperations()
	huma.Register(s.api, huma.Operation{
		OperationID: "getServerInfo", Method: http.MethodGet, Path: serverInfoPath, Summary: "Describe the backend",
	}, func(context.Context, *struct{}) (*answerBody[wireServerInfo], error) {
		return &answerBody[wireServerInfo]{wireServerInfo{"terraform-provider-vcc", s.Version, APIVersion}}, nil
	})
}

// list registers a paged list of the tenant's.
func list[In interface{ page() vcc.Page }, T, Wire any](s *server, path, summary string, to func(T) Wire,
	find func(context.Context, vcc.Actor, *In) ([]T, int, error),
) {
	handle(s, http.MethodGet, path, summary, func(ctx context.Context, as vcc.Actor, in *In) (*answerBody[wireList[Wire]], error) {
		found, total, err := find(ctx, as, in)
		return &answerBody[wireList[Wire]]{newWireList(convert(found, to), total, (*in).page())}, err
	})
}

// handle registers an operation on what is one tenant's. Viewers may only GET.
func handle[In, Out any](s *server, method, path, summary string, fn func(context.Context, vcc.Actor, *In) (*Out, error)) {
	if method == http.MethodGet {
		handleQuestion(s, method, path, summary, fn)
		return
	}
	handleTenants(s, huma.Middlewares{s.noViewers, s.actFor}, method, path, summary, fn)
}

// handleQuestion is handle for an operation that viewers may send, too, whatever its method: it changes
// nothing, or, as the test of a failover, nothing for an account that may not write.
func handleQuestion[In, Out any](s *server, method, path, summary string, fn func(context.Context, vcc.Actor, *In) (*Out, error)) {
	handleTenants(s, huma.Middlewares{s.actFor}, method, path, summary, fn)
}

func handleTenants[In, Out any](s *server, checks huma.Middlewares, method, path, summary string, fn func(context.Context, vcc.Actor, *In) (*Out, error)) {
	handleFor(s, checks, method, basePath+"/"+path, summary, func(ctx context.Context, in *In) (*Out, error) {
		return fn(ctx, ctx.Value(actorKey{}).(vcc.Actor), in)
	}, &huma.Param{
		Name: tenantQuery, In: "query", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "Name or ID of the tenant that an operator acts for; a tenant's account always acts for its own",
	})
}

// handleFor registers an operation that needs an account which passes the middlewares,
// and puts its errors into the contract's form.
func handleFor[In, Out any](s *server, checks huma.Middlewares, method, path, summary string, fn func(context.Context, *In) (*Out, error), parameters ...*huma.Param) {
	middlewares := append(huma.Middlewares{s.authenticate}, checks...)
	if method != http.MethodGet {
		_, conditional := any(*new(In)).(interface{ conditional() })
		middlewares = append(middlewares, s.checkConditions(conditional))
	}
	operation := huma.Operation{
		OperationID: operationID(method, path), Method: method, Path: path, Summary: summary, MaxBodyBytes: maxBody,
		Middlewares: middlewares, Parameters: parameters,
	}
	if in, own := any(*new(In)).(limiter); own {
		in.limit(&operation)
	}
	huma.Register(s.api, operation, func(ctx context.Context, in *In) (*Out, error) {
		out, err := fn(ctx, in)
		if err != nil {
			return nil, s.fail(ctx, method, path, err)
		}
		return out, nil
	})
}

// limiter is an input with limits of its own.
type limiter interface {
	limit(operation *huma.Operation)
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

// fail turns an error into an answer. The log gets what the caller is not told.
func (s *server) fail(ctx context.Context, method, route string, err error) *wireError {
	switch { // the caller has gone, or the time is up; the transaction was rolled back
	case errors.Is(err, context.Canceled):
		return newError(&vcc.Error{Code: vcc.CodeUnavailable, Message: "the request was cancelled; nothing was changed"})
	case errors.Is(err, context.DeadlineExceeded):
		return newError(&vcc.Error{Code: vcc.CodeUnavailable, Message: "the request took too long; nothing was changed, try again"})
	}
	e := newError(err)
	if e.status >= http.StatusInternalServerError && e.retryAfter == 0 { // who is told when to come back met no fault
		s.Log.ErrorContext(ctx, "request failed", "requestId", loggedRequest(ctx).id, "method", method, "route", route, "error", err)
	}
	return e
}

func writeError(w http.ResponseWriter, e *wireError) {
	maps.Copy(w.Header(), e.GetHeaders())
	content, _ := json.Marshal(e) // texts and numbers
	content = append(content, '\n')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(content))) // whoever flushes it sends all of it
	w.WriteHeader(e.status)
	_, _ = w.Write(content) // the caller may be gone: nobody is left to tell
}
