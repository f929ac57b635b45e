package store

import (
	"context"
	"database/sql"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

var (
	_ vcc.WindowSessionService = (*Store)(nil)
	_ vcc.WindowService        = (*Store)(nil)
)

// windowPrefix begins the access tokens of browsers. It is part of what the digest is of, so that
// nobody makes one kind of token of the other.
const windowPrefix = "window."

// OpenWindowSession implements vcc.WindowSessionService.
func (s *Store) OpenWindowSession(ctx context.Context, username, password string, from netip.Addr) (string, vcc.Account, error) {
	tokens, account, err := s.logIn(ctx, username, password, from, forWindow)
	return tokens.Access, account, err
}

// WindowSession implements vcc.WindowSessionService.
func (s *Store) WindowSession(ctx context.Context, token string) (vcc.Account, error) {
	if !strings.HasPrefix(token, windowPrefix) {
		return vcc.Account{}, invalidToken("this is no session of a browser; log in")
	}
	account, row, err := s.authenticate(ctx, token)
	if err != nil || row.Since == nil {
		return account, err
	}
	now := s.now()
	until := now.Add(vcc.WindowIdleTime)
	if end := row.Since.Add(vcc.WindowSessionLifetime); until.After(end) {
		until = end
	}
	// Not with every request: each is a write.
	if until.Sub(row.ExpiresAt) < vcc.WindowIdleTime/4 {
		return account, nil
	}
	return account, s.write(ctx, logins, func(tx querier) error {
		return tx.exec(ctx, "UPDATE tokens SET expires_at = $2 WHERE family = $1 AND expires_at < $2", row.Family, until)
	})
}

// EndWindowSession implements vcc.WindowSessionService.
func (s *Store) EndWindowSession(ctx context.Context, token string) error {
	if !strings.HasPrefix(token, windowPrefix) {
		return nil
	}
	return s.write(ctx, logins, func(tx querier) error {
		return tx.exec(ctx, "DELETE FROM tokens WHERE family IN (SELECT family FROM tokens WHERE digest = $1)", digest(token))
	})
}

// ServiceProvider implements vcc.WindowService.
func (s *Store) ServiceProvider(ctx context.Context) (vcc.ServiceProvider, error) {
	return read(ctx, s, func(tx querier) (vcc.ServiceProvider, error) {
		name, err := queryValue[string](ctx, tx, "SELECT service_provider FROM lab")
		if errors.Is(err, sql.ErrNoRows) {
			err = notFound("", "no lab was declared")
		}
		return vcc.ServiceProvider{Name: name}, err
	})
}

// TenantNames implements vcc.WindowService. Databases know no case but that of ASCII, or each its
// own, so the texts are compared here.
func (s *Store) TenantNames(ctx context.Context, containing string, p vcc.Page) ([]vcc.Tenant, int, error) {
	all, err := s.Tenants(ctx)
	if err != nil {
		return nil, 0, err
	}
	found := all
	if containing != "" {
		text := strings.ToLower(containing)
		found = nil
		for _, t := range all {
			if strings.Contains(strings.ToLower(t.Name), text) {
				found = append(found, t)
			}
		}
	}
	first := min(p.Skip, len(found))
	return found[first:min(first+p.Limit, len(found))], len(found), nil
}

// NetworkAndGateway implements vcc.WindowService.
func (s *Store) NetworkAndGateway(ctx context.Context, as vcc.Actor, networkID string) (vcc.Network, *vcc.DefaultGateway, error) {
	type both struct {
		network vcc.Network
		gateway *vcc.DefaultGateway
	}
	b, err := read(ctx, s, func(tx querier) (b both, err error) {
		b.network, b.gateway, err = findNetworkAndGateway(ctx, tx, as.TenantID, networkID)
		return b, err
	})
	return b.network, b.gateway, err
}

// NetworkRoutingChanges implements vcc.WindowService.
func (s *Store) NetworkRoutingChanges(ctx context.Context, as vcc.Actor, p vcc.Page) ([]vcc.RoutingChange, int, error) {
	return readPage(ctx, s, func(tx querier) (page[vcc.RoutingChange], error) {
		return queryPage(ctx, tx, p, changeRow.routing, changeColumns,
			" FROM changes WHERE tenant_id = $1 AND network_id IS NULL AND failover_plan_id IS NULL", " ORDER BY revision DESC", as.TenantID)
	})
}

// routing returns an entry of the routing option's history.
func (r changeRow) routing() (vcc.RoutingChange, error) {
	c := vcc.RoutingChange{Revision: r.Revision, Time: r.ChangedAt, Actor: r.Actor}
	for _, side := range []struct {
		text    *string
		enabled *bool
	}{{r.Before, &c.Before}, {r.After, &c.After}} {
		if side.text == nil {
			continue
		}
		record, err := decode[routingRecord](*side.text)
		if err != nil {
			return c, err
		}
		*side.enabled = record.Enabled
	}
	var err error
	c.Provenance, err = keptProvenance(r.Provenance)
	return c, err
}

// lifetimes are how long the tokens of a login are good for.
type lifetimes struct {
	prefix          string
	access, refresh time.Duration
}

var (
	forClient = lifetimes{"", vcc.AccessTokenLifetime, vcc.RefreshTokenLifetime}
	// forWindow has the refresh token that stands for a login where logins are listed. It is given to nobody, and lives
	// as long as the session does.
	forWindow = lifetimes{windowPrefix, vcc.WindowIdleTime, vcc.WindowIdleTime}
)
