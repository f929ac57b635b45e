package vcc

import (
	"context"
	"net/netip"
	"time"
)

// How long a login in a browser is good for (our decision).
const (
	// WindowIdleTime is how long a session is kept that nobody uses.
	WindowIdleTime = 30 * time.Minute
	// WindowSessionLifetime is how long one is kept that is in use.
	WindowSessionLifetime = 12 * time.Hour
)

// WindowSessionService keeps the logins of people who use a browser. Their tokens are good for
// nothing else, and a client's tokens are not good here. Its methods are safe for concurrent use.
type WindowSessionService interface {
	// OpenWindowSession is AccountService.LogIn for a browser. The token identifies the sender of a
	// request until nobody has used it for WindowIdleTime, and for WindowSessionLifetime at most.
	OpenWindowSession(ctx context.Context, username, password string, from netip.Addr) (token string, as Account, err error)
	// WindowSession returns whose a session is, and counts as its use. CodeInvalidToken: nobody
	// issued the token, or it was revoked. CodeExpiredToken: it is too old.
	WindowSession(ctx context.Context, token string) (Account, error)
	// EndWindowSession ends a session. One that is over already is no error.
	EndWindowSession(ctx context.Context, token string) error
}

// WindowService is what the Default Gateways window asks beside the services of the API.
type WindowService interface {
	// ServiceProvider returns the one that the lab declares. CodeNotFound: no lab was declared.
	ServiceProvider(ctx context.Context) (ServiceProvider, error)

	// TenantNames returns a page of the tenants whose name contains a text, whatever its case, in the
	// order of their declaration, and how many there are. It is the server's alone, like TenantService.
	TenantNames(ctx context.Context, containing string, page Page) ([]Tenant, int, error)

	// NetworkAndGateway returns a network and its gateway, nil if none is stored.
	// CodeNotFound: no such network.
	NetworkAndGateway(ctx context.Context, as Actor, networkID string) (Network, *DefaultGateway, error)

	// NetworkRoutingChanges returns a page of the routing option's history, newest first, and how
	// many entries there are.
	NetworkRoutingChanges(ctx context.Context, as Actor, page Page) ([]RoutingChange, int, error)
}

// RoutingChange is one entry of the routing option's history.
type RoutingChange struct {
	// Revision is the tenant's revision that the change made.
	Revision int64
	Time     time.Time
	Actor    string
	// Before and After are what the option was and became.
	Before, After bool
	// Provenance says from which export of a backup server the change came, nil for none.
	Provenance *Provenance
}
