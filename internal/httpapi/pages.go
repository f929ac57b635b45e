package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Pages are pages for people that a server has beside its API.
type Pages interface {
	// Register adds the pages, each at a pattern of its own: what the log calls a route.
	Register(mux *http.ServeMux)
	// IsLogin reports whether a request has a password in its body.
	IsLogin(r *http.Request) bool
	// Session is the secret of the session that a request has, "" for none.
	Session(r *http.Request) string
	// Wants reports whether a request is a person's, who is to be answered with a page.
	Wants(r *http.Request) bool
	// NotFound answers that there is no such page, and Refuse with an error of the domain.
	NotFound(w http.ResponseWriter, r *http.Request)
	Refuse(w http.ResponseWriter, r *http.Request, err error)
}

// isLogin reports whether a request is one that has a place among the logins.
func (s *server) isLogin(r *http.Request) bool {
	return r.URL.Path == tokenPath || s.pages != nil && s.pages.IsLogin(r)
}

// refuse answers an error outside an operation, to programs in JSON and to people with a page.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, e *wireError) {
	if s.pages == nil || !s.pages.Wants(r) || strings.HasPrefix(r.URL.Path, "/api/") {
		writeError(w, e)
		return
	}
	s.pages.Refuse(w, r, &vcc.Error{Code: e.ErrorCode, Message: e.Message, RetryAfter: e.retryAfter})
}

// pageSessions have requests of browsers logged, and counted among those of their account.
type pageSessions struct {
	vcc.WindowSessionService
	s *server
}

// OpenWindowSession implements vcc.WindowSessionService.
func (p pageSessions) OpenWindowSession(ctx context.Context, username, password string, from netip.Addr) (string, vcc.Account, error) {
	begun := time.Now()
	token, account, err := p.WindowSessionService.OpenWindowSession(ctx, username, password, from)
	p.s.logLogin(ctx, grantWindow, account, from, err)
	return token, account, p.s.holdBack(ctx, begun, err)
}

// WindowSession implements vcc.WindowSessionService.
func (p pageSessions) WindowSession(ctx context.Context, token string) (vcc.Account, error) {
	account, err := p.WindowSessionService.WindowSession(ctx, token)
	if err == nil {
		err = p.s.admission.identified(ctx, account)
	} else if c := vcc.Code(err); c == vcc.CodeInvalidToken || c == vcc.CodeExpiredToken {
		p.s.admission.unknown(ctx)
	}
	if err != nil {
		return vcc.Account{}, err
	}
	l := loggedRequest(ctx)
	l.account, l.tenant = account.Username, account.TenantID
	return account, nil
}

// pageServices have changes that pages make audited.
type pageServices struct {
	Services
	s *server
}

// Tenant implements vcc.TenantService: it is whom the page acts for.
func (p pageServices) Tenant(ctx context.Context, nameOrID string) (vcc.Tenant, error) {
	t, err := p.Services.Tenant(ctx, nameOrID)
	if err == nil {
		loggedRequest(ctx).tenant = t.ID
	}
	return t, err
}

// PutDefaultGateway implements vcc.DefaultGatewayService.
func (p pageServices) PutDefaultGateway(ctx context.Context, as vcc.Actor, networkID string, settings vcc.GatewaySettings, c vcc.Precondition) (*vcc.DefaultGateway, bool, error) {
	g, created, err := p.Services.PutDefaultGateway(ctx, as, networkID, settings, c)
	if err == nil {
		p.s.auditRevision(ctx, "defaultGateway.put", g.NetworkID, g.Revision)
	}
	return g, created, err
}

// RemoveDefaultGateway implements vcc.DefaultGatewayService.
func (p pageServices) RemoveDefaultGateway(ctx context.Context, as vcc.Actor, networkID string, c vcc.Precondition) error {
	err := p.Services.RemoveDefaultGateway(ctx, as, networkID, c)
	if err == nil {
		p.s.auditObject(ctx, "defaultGateway.remove", networkID)
	}
	return err
}

// PutNetworkRouting implements vcc.NetworkRoutingService.
func (p pageServices) PutNetworkRouting(ctx context.Context, as vcc.Actor, enabled bool, c vcc.Precondition) (*vcc.NetworkRouting, error) {
	r, err := p.Services.PutNetworkRouting(ctx, as, enabled, c)
	if err == nil {
		p.s.auditRevision(ctx, "networkRouting.put", r.TenantID, r.Revision)
	}
	return r, err
}

// StartFailover implements vcc.FailoverService.
func (p pageServices) StartFailover(ctx context.Context, as vcc.Actor, planID string, force bool) (*vcc.FailoverSession, error) {
	session, err := p.Services.StartFailover(ctx, as, planID, force)
	if err == nil {
		p.s.auditObject(ctx, "failover.start", session.PlanID)
	}
	return session, err
}

// UndoFailover implements vcc.FailoverService.
func (p pageServices) UndoFailover(ctx context.Context, as vcc.Actor, planID string) (*vcc.FailoverSession, error) {
	session, err := p.Services.UndoFailover(ctx, as, planID)
	if err == nil {
		p.s.auditObject(ctx, "failover.undo", session.PlanID)
	}
	return session, err
}

// TestFailover implements vcc.FailoverService.
func (p pageServices) TestFailover(ctx context.Context, as vcc.Actor, planID string) (*vcc.FailoverSession, error) {
	session, err := p.Services.TestFailover(ctx, as, planID)
	if err == nil {
		p.s.auditObject(ctx, "failover.test", session.PlanID)
	}
	return session, err
}
