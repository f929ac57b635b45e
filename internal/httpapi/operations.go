package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// The paths of what programs ask that keep a server running.
const (
	healthPath  = "/healthz"
	readyPath   = "/readyz"
	metricsPath = "/metrics"
	// descriptionPath begins those of the API's own description, which anybody may read.
	descriptionPath = "/openapi"
)

// requestLog is what the log says of a request beside its operation (see audit.go).
type requestLog struct {
	// id names the request in the log and in its answer.
	id string
	// account and tenant are the account that sent the request and the tenant that it acts for,
	// once they are known.
	account, tenant string
}

type requestLogKey struct{}

// loggedRequest returns what the log is going to say of a request, for additions.
func loggedRequest(ctx context.Context) *requestLog {
	if l, ok := ctx.Value(requestLogKey{}).(*requestLog); ok {
		return l
	}
	return new(requestLog)
}

// logRequests gives every request an ID, and a line in the log with its outcome. A request that
// takes longer than it may ends.
func (s *server) logRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		l := &requestLog{id: uuid.NewString()}
		ctx := context.WithValue(r.Context(), requestLogKey{}, l)
		if s.RequestTimeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, s.RequestTimeout)
			defer cancel()
		}
		r = r.WithContext(ctx)
		w.Header().Set(requestIDHeader, l.id)
		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			took := time.Since(start)
			s.metrics.request(r, answer.status, took)
			s.Log.LogAttrs(ctx, slog.LevelInfo, "request",
				slog.String("requestId", l.id), slog.String("method", loggedMethod(r)), slog.String("route", loggedRoute(r)), slog.String("object", loggedObject(r, answer.status)),
				slog.Int("status", answer.status), slog.Duration("duration", took), slog.String("remote", r.RemoteAddr),
				slog.String("account", l.account), slog.String("tenant", l.tenant))
		}()
		next.ServeHTTP(answer, r)
	})
}

// hasOperation reports whether an operation of this API was found for a request that was served.
func hasOperation(r *http.Request) bool { return r.Pattern != "" && r.Pattern != "/" }

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// wireHealth is the answer of a server that is well.
type wireHealth struct {
	Status string `json:"status" enum:"ok"`
}

func (s *server) registerOperations() {
	alive := func(context.Context) error { return nil }
	for _, probe := range []struct {
		id, path, summary string
		check             func(context.Context) error
	}{
		{"getHealthz", healthPath, "Say that the server is alive", alive},
		{"getReadyz", readyPath, "Say whether the server can do its work now: its database takes writes, and it is not stopping", s.Ready},
	} {
		huma.Register(s.api, huma.Operation{OperationID: probe.id, Method: http.MethodGet, Path: probe.path, Summary: probe.summary},
			func(ctx context.Context, _ *struct{}) (*answerBody[wireHealth], error) {
				if err := probe.check(ctx); err != nil {
					s.Log.WarnContext(ctx, "not ready", "error", err)
					return nil, newError(&vcc.Error{Code: vcc.CodeUnavailable, Message: unreadiness(err)})
				}
				return &answerBody[wireHealth]{wireHealth{"ok"}}, nil
			})
	}
	huma.Register(s.api, huma.Operation{
		OperationID: "getMetrics", Method: http.MethodGet, Path: metricsPath, Summary: "Count, for Prometheus",
		Middlewares: huma.Middlewares{s.authenticate, s.onlyOperators},
	}, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			_, w := humago.Unwrap(ctx)
			s.answerMetrics(ctx.Context(), w)
		}}, nil
	})
}

// unreadiness is what anybody is told of why a server is not ready.
func unreadiness(err error) string {
	if said := vcc.Errors(err); len(said) > 0 {
		return said[0].Message + "; the log says more"
	}
	return "the database does not answer; the log says why"
}

// operationsAlone answers what Handler.Operations says, by the API's own means.
func (s *server) operationsAlone(api http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+healthPath, api)
	mux.Handle("GET "+readyPath, api)
	mux.HandleFunc("GET "+metricsPath, func(w http.ResponseWriter, r *http.Request) { s.answerMetrics(r.Context(), w) })
	return mux
}

// answerMetrics measures and answers with all metrics.
func (s *server) answerMetrics(ctx context.Context, w http.ResponseWriter) {
	var measured []Measurement
	if s.Measure != nil {
		measured = s.Measure()
	}
	ready := 1.0
	if s.Ready(ctx) != nil {
		ready = 0
	}
	measured = append(measured, Measurement{Name: "vcc_ready", Help: "1 if the server can do its work, as /readyz says, else 0.", Value: ready})
	if s.admission != nil {
		atWork, waiting := s.admission.load()
		measured = append(measured,
			Measurement{Name: "vcc_requests_at_work", Help: "Requests of accounts that have a place.", Value: float64(atWork)},
			Measurement{Name: "vcc_requests_waiting", Help: "Requests of accounts that wait for one.", Value: float64(waiting)},
			Measurement{Name: "vcc_requests_at_work_max", Help: "How many requests of accounts may have a place.", Value: float64(s.MaxRequests)})
	}
	s.metrics.answer(w, measured)
}

// recoverPanics answers a request whose handler panicked: a fault in one request
// must not end the others.
func (s *server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				s.refuse(w, r, s.fail(r.Context(), loggedMethod(r), loggedRoute(r), fmt.Errorf("panic: %v\n%s", p, debug.Stack())))
			}
		}()
		next.ServeHTTP(w, r)
	})
}
