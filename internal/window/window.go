// Package window is the Default Gateways window in a browser: pages that the server renders, and that
// work without a script. It knows the domain alone; what is wrong it says in the domain's words.
//
// A page is a function that registers itself at a path below /tenants/{tenant}/ (Window.page, and
// Window.action for what a form sends). It gets the request with the account and the tenant that are
// meant, and returns what is to be shown. The tenant stands in the path, so that two tabs of an
// operator can be about two tenants, and never mix their forms up.
package window

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Services are the domain's services that the window shows.
type Services interface {
	vcc.NetworkService
	vcc.DefaultGatewayService
	vcc.NetworkRoutingService
	vcc.FailoverService
	vcc.FailoverPlanService
	vcc.FailoverPreview
	vcc.ApplianceService
	vcc.SiteService
	vcc.TenantService
	vcc.WindowService
}

// Config is what a window needs to know.
type Config struct {
	Services Services
	// Sessions keep who is logged in.
	Sessions vcc.WindowSessionService
	// Key, if not nil, takes the place of accounts: whoever opens the address with the key, which
	// is good once, is logged in, and Sessions is not asked.
	Key *Key
	// Host, if not "", is the only host that is answered, an address with a port: a name that somebody points at a
	// loopback address reaches nothing (DNS rebinding).
	Host string
	// Secure says that browsers use TLS to get here.
	Secure bool
	// Log receives the details of failures that people are not told; nil discards them.
	Log *slog.Logger
}

// Window answers with the pages. It is safe for concurrent use.
type Window struct {
	Config
	templates map[string]*page
	forged    *http.CrossOriginProtection
	mux       *http.ServeMux // the one that it is registered at
}

// New returns a window.
func New(cfg Config) *Window {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Key != nil {
		cfg.Sessions = cfg.Key
	}
	return &Window{Config: cfg, templates: parseTemplates(), forged: http.NewCrossOriginProtection()}
}

// Register adds the pages, each at a pattern of its own.
func (w *Window) Register(mux *http.ServeMux) {
	w.mux = mux
	w.handle("GET /{$}", w.start)
	w.handle("GET /assets/{file}", w.asset)
	w.registerSessions()
	w.registerTenants()
	for _, s := range sections() {
		s.register(w)
	}
}

// Handler answers with the pages, and with nothing else.
func (w *Window) Handler() http.Handler {
	mux := http.NewServeMux()
	w.Register(mux)
	mux.Handle("/", w.protect(func(rw http.ResponseWriter, r *http.Request) { w.NotFound(rw, r) }))
	return mux
}

// Wants reports whether a request is a person's, who is to be answered with a page.
func (w *Window) Wants(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// IsLogin reports whether a request has a password in its body.
func (w *Window) IsLogin(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path == loginPath && w.Key == nil
}

// NotFound answers that there is no such page.
func (w *Window) NotFound(rw http.ResponseWriter, r *http.Request) {
	w.Refuse(rw, r, &vcc.Error{Code: vcc.CodeNotFound, Message: "there is no such page"})
}

// request is a request of somebody who is logged in, for a tenant.
type request struct {
	*http.Request
	account vcc.Account
	token   string
	tenant  vcc.Tenant
	actor   vcc.Actor
}

// path returns the path of a page of the same tenant: path("networks", id, "ipv4").
func (r *request) path(parts ...string) string { return tenantPath(r.tenant.ID, parts...) }

func tenantPath(tenantID string, parts ...string) string {
	path := "/tenants/" + url.PathEscape(tenantID)
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

// typed returns what somebody typed into a field, without spaces around it.
func (r *request) typed(field string) string { return strings.TrimSpace(r.PostFormValue(field)) }

// pageFunc answers a request with a view. An error becomes a page that says it.
type pageFunc func(*request) (*view, error)

// page registers a page of a tenant's, at a path below /tenants/{tenant}/ that may have wildcards.
func (w *Window) page(path string, fn pageFunc) {
	w.handle("GET /tenants/{tenant}/"+path, w.tenants(fn))
}

// action registers what a form of a tenant's sends. The account may write, and the form is one that
// this session was sent; otherwise fn is not called. Done well it returns goTo, so that a reload sends
// nothing again.
func (w *Window) action(path string, fn pageFunc) {
	w.handle("POST /tenants/{tenant}/"+path, w.tenants(func(r *request) (*view, error) {
		if err := r.account.MayWrite(); err != nil {
			return nil, err
		}
		return fn(r)
	}))
}

// question is action for a form that viewers may send, too: it changes nothing, or, as the test of a failover,
// nothing for an account that may not write.
func (w *Window) question(path string, fn pageFunc) {
	w.handle("POST /tenants/{tenant}/"+path, w.tenants(fn))
}

func (w *Window) handle(pattern string, fn http.HandlerFunc) { w.mux.Handle(pattern, w.protect(fn)) }

// withoutPort80 leaves out the port of a host that browsers leave out of the header Host.
func withoutPort80(host string) string { return strings.TrimSuffix(host, ":80") }

// maxForm bounds the body of a form, in bytes.
const maxForm = 256 << 10

// protect answers with the headers that every page has, and refuses what no page of ours sends.
func (w *Window) protect(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		for name, value := range securityHeaders {
			rw.Header().Set(name, value)
		}
		if w.Host != "" && withoutPort80(r.Host) != withoutPort80(w.Host) {
			w.Refuse(rw, r, &vcc.Error{Code: vcc.CodeAccessDenied, Message: "this window is at http://" + w.Host + " alone; nothing was changed"})
			return
		}
		if err := w.forged.Check(r); err != nil {
			w.Refuse(rw, r, forgedForm())
			return
		}
		if r.Method == http.MethodPost {
			r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
			if err := r.ParseForm(); err != nil {
				w.Refuse(rw, r, &vcc.Error{Code: vcc.CodeInvalidValue, Message: "the form cannot be read; nothing was changed"})
				return
			}
		}
		next(rw, r)
	})
}

// securityHeaders are those of every answer. There is no Strict-Transport-Security: it would hold
// for every other port of the host.
var securityHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"X-Frame-Options":              "DENY",
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "same-origin",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
	"Cache-Control":                "no-store",
}

func forgedForm() error {
	return &vcc.Error{Code: vcc.CodeAccessDenied,
		Message: "the form is none that this session was sent, or it is from before the last login; nothing was changed. Open the page again"}
}

// tenants finds who asks and the tenant in the path (D20), and checks the token of a form.
func (w *Window) tenants(fn pageFunc) http.HandlerFunc {
	return w.known(func(rw http.ResponseWriter, r *request) {
		tenant, err := w.tenant(r)
		if err == nil {
			r.tenant, r.actor = tenant, vcc.Actor{TenantID: tenant.ID, Name: r.account.Username}
			w.answer(rw, r, fn)
			return
		}
		w.fail(rw, r, err)
	})
}

// tenant returns the tenant in the path: an account of a tenant has its own alone.
func (w *Window) tenant(r *request) (vcc.Tenant, error) {
	id := r.PathValue("tenant")
	if r.account.Role != vcc.RoleOperator && id != r.account.TenantID {
		return vcc.Tenant{}, noTenant()
	}
	tenant, err := w.Services.Tenant(r.Context(), id)
	if vcc.Code(err) == vcc.CodeNotFound || err == nil && tenant.ID != id { // a name is no address
		err = noTenant()
	}
	return tenant, err
}

func noTenant() error { return &vcc.Error{Code: vcc.CodeNotFound, Message: "there is no such tenant"} }

// answer calls a page and writes what it returns.
func (w *Window) answer(rw http.ResponseWriter, r *request, fn pageFunc) {
	v, err := fn(r)
	switch {
	case err != nil:
		w.fail(rw, r, err)
	case v.location != "":
		http.Redirect(rw, r.Request, v.location, http.StatusSeeOther)
	case v.template == "":
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(rw, v.text) // the browser may be gone
	default:
		w.write(rw, r, v)
	}
}

// statuses are the HTTP statuses of the codes.
var statuses = map[vcc.ErrorCode]int{
	vcc.CodeInvalidValue:       http.StatusUnprocessableEntity,
	vcc.CodeInvalidToken:       http.StatusUnauthorized,
	vcc.CodeExpiredToken:       http.StatusUnauthorized,
	vcc.CodeAccessDenied:       http.StatusForbidden,
	vcc.CodeNotFound:           http.StatusNotFound,
	vcc.CodeConflict:           http.StatusConflict,
	vcc.CodePreconditionFailed: http.StatusConflict,
	vcc.CodeTooManyRequests:    http.StatusTooManyRequests,
	vcc.CodeUnknown:            http.StatusInternalServerError,
	vcc.CodeUnavailable:        http.StatusServiceUnavailable,
}

// Refuse answers with a page that says what is wrong, to somebody who may not be known.
func (w *Window) Refuse(rw http.ResponseWriter, r *http.Request, err error) {
	for name, value := range securityHeaders {
		rw.Header().Set(name, value)
	}
	w.fail(rw, &request{Request: r}, err)
}

func (w *Window) fail(rw http.ResponseWriter, r *request, err error) {
	problems := w.problems(r.Context(), err)
	retryAfter(rw, problems[0])
	w.write(rw, r, &view{template: "error.html", title: "That did not work", status: statuses[problems[0].Code], data: problems})
}

// retryAfter tells programs when to come back.
func retryAfter(rw http.ResponseWriter, p *vcc.Error) {
	if p.RetryAfter > 0 {
		rw.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
	}
}

// problems returns what people are told of an error: at least one of the domain's.
func (w *Window) problems(ctx context.Context, err error) []*vcc.Error {
	switch {
	case errors.Is(err, context.Canceled):
		err = &vcc.Error{Code: vcc.CodeUnavailable, Message: "the request was cancelled; nothing was changed"}
	case errors.Is(err, context.DeadlineExceeded):
		err = &vcc.Error{Code: vcc.CodeUnavailable, Message: "the request took too long; nothing was changed, try again"}
	}
	all := vcc.Errors(err)
	if len(all) == 0 || all[0].Code == vcc.CodeUnknown {
		w.Log.ErrorContext(ctx, "page failed", "error", err)
	}
	if len(all) == 0 {
		all = []*vcc.Error{{Code: vcc.CodeUnknown, Message: fmt.Sprintf("the server met a fault; its log says more. %s", uncertain)}}
	}
	return all
}

const uncertain = "If you were changing something, look at what is stored before you try again"
