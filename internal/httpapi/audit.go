package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// The log has three kinds of lines about what callers do, each with the request's ID:
//
//	request  every request, with the operation and the outcome
//	login    every login, with the outcome and the address
//	audit    every change that was made, with the account and the object
//
// None has text of a caller's choice: an operation stands there by its route and not by its path, an
// object only once it was found, and an account only if it exists. What somebody types as a user
// name may be a password.

// AuditLine is the message of the lines about changes.
const AuditLine = "audit"

// LabChangeAttrs are the attributes of the line about a change of a lab, but for who made it. What is
// named exists, or did.
func LabChangeAttrs(c vcc.LabChange) []slog.Attr {
	return []slog.Attr{slog.String("action", "lab."+string(c.Action)), slog.String("kind", string(c.Kind)), slog.String("object", c.Name), slog.String("of", c.Tenant)}
}

// audit logs a change that a request made: the action, and what was changed.
func (s *server) audit(ctx context.Context, of ...slog.Attr) {
	l := loggedRequest(ctx)
	s.Log.LogAttrs(ctx, slog.LevelInfo, AuditLine,
		append([]slog.Attr{slog.String("requestId", l.id), slog.String("account", l.account), slog.String("tenant", l.tenant)}, of...)...)
}

// auditObject logs a change of an object of a tenant's that was found by its ID.
func (s *server) auditObject(ctx context.Context, action, id string) {
	s.audit(ctx, slog.String("action", action), slog.String("object", id))
}

// auditRevision is auditObject for what has revisions; an unchanged revision says that it was so already.
func (s *server) auditRevision(ctx context.Context, action, id string, revision int64) {
	s.audit(ctx, slog.String("action", action), slog.String("object", id), slog.Int64("revision", revision))
}

// LabPasswordAttrs are those of the line about an account that a lab gave a password.
func LabPasswordAttrs(username string) []slog.Attr {
	return []slog.Attr{slog.String("action", "lab.password"), slog.String("kind", string(vcc.LabKindAccount)), slog.String("object", username)}
}

// auditLab logs each change that a lab made, and the accounts that got a password.
func (s *server) auditLab(ctx context.Context, outcome vcc.LabOutcome) {
	for _, c := range outcome.Changes {
		s.audit(ctx, LabChangeAttrs(c)...)
	}
	for _, username := range outcome.Passwords {
		s.audit(ctx, LabPasswordAttrs(username)...)
	}
}

// lookUpTime is how long the log may look for whose login it was.
const lookUpTime = 5 * time.Second

// grantWindow is a login in a browser, where others are an OAuth 2.0 grant.
const grantWindow = "window"

// logLogin counts a login, and logs it by its grant and outcome. account is whose it is or would have been, the zero
// value for nobody's.
func (s *server) logLogin(ctx context.Context, grant string, account vcc.Account, from netip.Addr, err error) {
	s.metrics.login(grant, vcc.Code(err))
	outcome := "success"
	l := loggedRequest(ctx)
	if err == nil {
		l.account, l.tenant = account.Username, account.TenantID
	} else {
		outcome = string(vcc.Code(err))
	}
	address := ""
	if from.IsValid() {
		address = from.String()
	}
	s.Log.LogAttrs(ctx, slog.LevelInfo, "login", slog.String("requestId", l.id), slog.String("grant", grant), slog.String("outcome", outcome),
		slog.String("account", account.Username), slog.String("tenant", account.TenantID), slog.String("address", address))
}

// loggedMethod is the method of a request that was served, or "" where it had no operation: such a
// method may be anything.
func loggedMethod(r *http.Request) string {
	if !hasOperation(r) {
		return ""
	}
	return r.Method
}

// loggedRoute is the path of the operation of a request that was served, such as
// /api/v1/cloudConnect/defaultGateways/{networkId}, or "" where it had none.
func loggedRoute(r *http.Request) string {
	if !hasOperation(r) {
		return ""
	}
	_, route, _ := strings.Cut(r.Pattern, " ")
	return route
}

// loggedObject is the ID in the path of a request that was answered with a status, if that says that
// the object was found.
func loggedObject(r *http.Request, status int) string {
	if status >= http.StatusBadRequest {
		return ""
	}
	for _, name := range []string{"networkId", "id", "vm"} {
		if id := r.PathValue(name); id != "" {
			return id
		}
	}
	return ""
}
