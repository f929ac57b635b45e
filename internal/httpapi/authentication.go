package httpapi

import (
	"context"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Authenticator finds the account that sent a request.
type Authenticator interface {
	// Authenticate returns the account. CodeInvalidToken, CodeExpiredToken: the
	// request carries no credentials, or none that are good now.
	Authenticate(r *http.Request) (vcc.Account, error)
}

// Always is an Authenticator for a connection that only one account can use: it sends every
// request.
type Always vcc.Account

// Authenticate returns the account.
func (a Always) Authenticate(*http.Request) (vcc.Account, error) { return vcc.Account(a), nil }

// bearerTokens is an Authenticator that finds the account of a bearer token (RFC 6750, 2.1).
type bearerTokens struct{ vcc.AccountService }

func (b bearerTokens) Authenticate(r *http.Request) (vcc.Account, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return vcc.Account{}, &vcc.Error{Code: vcc.CodeInvalidToken, Message: "the request has no access token; log in at POST " + tokenPath}
	}
	return b.AccountService.Authenticate(r.Context(), token)
}

// tokenInput is a request of an OAuth 2.0 token endpoint.
type tokenInput struct {
	RawBody     []byte `contentType:"application/x-www-form-urlencoded" doc:"grant_type=password with username and password, or grant_type=refresh_token with refresh_token"`
	ContentType string `header:"Content-Type"`
}

// tokenOutput is the answer of a token endpoint, which nobody may keep.
type tokenOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         wireTokenAnswer
}

// maxTokenBody bounds the body of a login, in bytes.
const maxTokenBody = 16 << 10

func (s *server) registerTokens() {
	huma.Register(s.api, huma.Operation{
		OperationID: "postToken", Method: http.MethodPost, Path: tokenPath, MaxBodyBytes: maxTokenBody,
		Summary: "Log in: exchange a password or a refresh token for tokens",
		Middlewares: huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
			r, _ := humago.Unwrap(ctx)
			next(huma.WithValue(ctx, remoteKey{}, remoteAddress(r)))
		}},
	}, func(ctx context.Context, in *tokenInput) (*tokenOutput, error) {
		tokens, err := s.logIn(ctx, in)
		if err != nil {
			return nil, s.fail(ctx, http.MethodPost, tokenPath, err)
		}
		return &tokenOutput{"no-store", wireTokenAnswer{tokens.Access, "bearer", int(vcc.AccessTokenLifetime.Seconds()), tokens.Refresh}}, nil
	})
}

type remoteKey struct{}

// remoteAddress returns the address that a request came from, the zero value for a connection
// in memory. Headers that claim another address are not believed.
func remoteAddress(r *http.Request) netip.Addr {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return remote.Addr()
}

func (s *server) logIn(ctx context.Context, in *tokenInput) (tokens vcc.Tokens, err error) {
	begun := time.Now()
	refuse := func(field, message string) (vcc.Tokens, error) {
		return tokens, &vcc.Error{Code: vcc.CodeInvalidValue, Field: field, Message: message}
	}
	if kind, _, _ := mime.ParseMediaType(in.ContentType); kind != "application/x-www-form-urlencoded" {
		return refuse("Content-Type", "the body must be a form, application/x-www-form-urlencoded")
	}
	form, err := url.ParseQuery(string(in.RawBody))
	if err != nil {
		return refuse("", "the body is not a form that can be read") // whose text the error would show
	}
	for _, name := range []string{"grant_type", "username", "password", "refresh_token"} {
		if len(form[name]) > 1 { // RFC 6749, 3.2
			return refuse(name, "the parameter is given more than once")
		}
	}
	from, _ := ctx.Value(remoteKey{}).(netip.Addr)
	var account vcc.Account
	switch form.Get("grant_type") {
	case "password":
		tokens, account, err = s.Accounts.LogIn(ctx, form.Get("username"), form.Get("password"), from)
	case "refresh_token":
		if tokens, err = s.Accounts.Refresh(ctx, form.Get("refresh_token"), from); err == nil {
			account = s.lookUp(ctx, tokens.Access)
		}
	default:
		return refuse("grant_type", "use password or refresh_token")
	}
	s.logLogin(ctx, form.Get("grant_type"), account, from, err)
	return tokens, s.holdBack(ctx, begun, err)
}

// lookUp returns whose a new access token is, for the log; the zero value where it was revoked at once.
func (s *server) lookUp(ctx context.Context, accessToken string) vcc.Account {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookUpTime) // also where the caller has gone
	defer cancel()
	account, _ := s.Accounts.Authenticate(ctx, accessToken)
	return account
}

// authenticate finds the account that sent a request and keeps it for the operation.
func (s *server) authenticate(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	account, err := s.Authenticator.Authenticate(r)
	if err == nil {
		err = s.admission.identified(r.Context(), account)
	} else if c := vcc.Code(err); c == vcc.CodeInvalidToken || c == vcc.CodeExpiredToken {
		s.admission.unknown(r.Context())
	}
	if err != nil {
		writeError(w, s.fail(r.Context(), r.Method, loggedRoute(r), err))
		return
	}
	loggedRequest(r.Context()).account = account.Username
	next(huma.WithValue(ctx, accountKey{}, account))
}

// actFor finds the tenant that is meant: an account of a tenant always means its own, an operator
// names one (D20).
func (s *server) actFor(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	account, _ := ctx.Context().Value(accountKey{}).(vcc.Account)
	actor := vcc.Actor{TenantID: account.TenantID, Name: account.Username}
	query := r.URL.Query()
	nameOrID, given := query.Get(tenantQuery), query.Has(tenantQuery)
	if given {
		query.Del(tenantQuery)
		r.URL.RawQuery = query.Encode() // the operation does not know the parameter
	}
	if account.Role == vcc.RoleOperator && given {
		tenant, err := s.Services.Tenant(r.Context(), nameOrID)
		if vcc.Code(err) == vcc.CodeNotFound { // which would mean the object that the path names
			err = invalid(tenantQuery, "there is no tenant %q", nameOrID)
		}
		if err != nil {
			writeError(w, s.fail(r.Context(), r.Method, loggedRoute(r), err))
			return
		}
		actor.TenantID = tenant.ID
	}
	if actor.TenantID == "" {
		writeError(w, newError(&vcc.Error{Code: vcc.CodeInvalidValue, Field: tenantQuery,
			Message: "an operator acts for a tenant; say which one, by its name or ID"}))
		return
	}
	loggedRequest(r.Context()).tenant = actor.TenantID
	next(huma.WithValue(ctx, actorKey{}, actor))
}

// noViewers refuses accounts that may read and not write.
func (s *server) noViewers(ctx huma.Context, next func(huma.Context)) {
	account, _ := ctx.Context().Value(accountKey{}).(vcc.Account)
	if err := account.MayWrite(); err != nil {
		_, w := humago.Unwrap(ctx)
		writeError(w, newError(err))
		return
	}
	next(ctx)
}

// onlyOperators refuses all other accounts.
func (s *server) onlyOperators(ctx huma.Context, next func(huma.Context)) {
	if account, _ := ctx.Context().Value(accountKey{}).(vcc.Account); account.Role != vcc.RoleOperator {
		_, w := humago.Unwrap(ctx)
		writeError(w, newError(&vcc.Error{Code: vcc.CodeAccessDenied, Message: "only an operator may do this"}))
		return
	}
	next(ctx)
}

type (
	accountKey struct{}
	actorKey   struct{}
)
