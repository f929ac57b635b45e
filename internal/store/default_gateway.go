package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/uptrace/bun"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// gatewayRecord is what the table and the history keep of a gateway's state.
type gatewayRecord struct {
	Origin           vcc.Origin `json:"origin"`
	Ipv4Address      *string    `json:"ipv4Address,omitempty"`
	Ipv4PrefixLength *int       `json:"ipv4PrefixLength,omitempty"`
	Ipv6Address      *string    `json:"ipv6Address,omitempty"`
	Ipv6Network      *string    `json:"ipv6Network,omitempty"`
	Ipv6PrefixLength *int       `json:"ipv6PrefixLength,omitempty"`
}

func newGatewayRecord(origin vcc.Origin, s vcc.GatewaySettings) gatewayRecord {
	r := gatewayRecord{Origin: origin}
	if v4 := s.IPv4; v4 != nil {
		r.Ipv4Address, r.Ipv4PrefixLength = ptr(v4.Address.String()), ptr(v4.PrefixLength)
	}
	if v6 := s.IPv6; v6 != nil {
		r.Ipv6Address, r.Ipv6Network, r.Ipv6PrefixLength = ptr(v6.Address.String()), ptr(v6.Network.Addr().String()), ptr(v6.Network.Bits())
	}
	return r
}

func ptr[T any](v T) *T { return &v }

func (r gatewayRecord) state() (vcc.GatewayState, error) {
	state := vcc.GatewayState{Origin: r.Origin}
	if r.Ipv4Address != nil {
		addr, err := netip.ParseAddr(*r.Ipv4Address)
		if err != nil {
			return state, fmt.Errorf("reading a stored gateway: %w", err)
		}
		state.IPv4 = &vcc.IPv4Settings{Address: addr, PrefixLength: *r.Ipv4PrefixLength}
	}
	if r.Ipv6Address != nil {
		addr, err := netip.ParseAddr(*r.Ipv6Address)
		network, networkErr := netip.ParseAddr(*r.Ipv6Network)
		if err := errors.Join(err, networkErr); err != nil {
			return state, fmt.Errorf("reading a stored gateway: %w", err)
		}
		state.IPv6 = &vcc.IPv6Settings{Address: addr, Network: netip.PrefixFrom(network, *r.Ipv6PrefixLength)}
	}
	return state, nil
}

// gatewayRow is a gateway beside its network.
type gatewayRow struct {
	networkRow
	Revision  int64
	UpdatedAt time.Time
	UpdatedBy string
	gatewayRecord
}

func (r gatewayRow) gateway() (vcc.DefaultGateway, error) {
	state, err := r.state()
	return newDefaultGateway(r.network(), state, r.Revision, r.UpdatedAt, r.UpdatedBy), err
}

func newDefaultGateway(n vcc.Network, state vcc.GatewayState, revision int64, at time.Time, by string) vcc.DefaultGateway {
	return vcc.DefaultGateway{
		NetworkID: n.ID, NetworkName: n.Name, HardwarePlanID: n.HardwarePlanID, HardwarePlanName: n.HardwarePlanName,
		Origin: state.Origin, GatewaySettings: state.GatewaySettings,
		Revision: revision, UpdatedAt: at, UpdatedBy: by,
	}
}

func gatewaysOf(db bun.IDB, tenantID string) *bun.SelectQuery {
	return withGateways(networksOf(db, tenantID), "JOIN")
}

// withGateways joins what is stored for the networks of a query.
func withGateways(q *bun.SelectQuery, join string) *bun.SelectQuery {
	return q.Join(join + " default_gateways AS g ON g.network_id = n.id").
		ColumnExpr("g.origin, g.revision, g.updated_at, g.updated_by").
		ColumnExpr("g.ipv4_address, g.ipv4_prefix_length, g.ipv6_address, g.ipv6_network, g.ipv6_prefix_length")
}

func scanGateways(rows []gatewayRow) ([]vcc.DefaultGateway, error) {
	list := make([]vcc.DefaultGateway, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.gateway(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// findGateway returns the gateway of a network, nil if none is stored.
func findGateway(ctx context.Context, db bun.IDB, tenantID, networkID string) (*vcc.DefaultGateway, error) {
	var row gatewayRow
	err := gatewaysOf(db, tenantID).Where("n.id = ?", networkID).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	g, err := row.gateway()
	return &g, err
}

// findNetworkAndGateway returns a network and its gateway, nil if none is stored.
func (s *Store) findNetworkAndGateway(ctx context.Context, tx bun.Tx, tenantID, networkID string) (n vcc.Network, g *vcc.DefaultGateway, err error) {
	var row struct {
		networkRow
		Revision  *int64
		UpdatedAt *time.Time
		UpdatedBy *string
		gatewayRecord
	}
	err = s.findGateway.first(ctx, tx, func(rows *sql.Rows) error { return s.db.ScanRow(ctx, rows, &row) }, tenantID, networkID)
	if errors.Is(err, sql.ErrNoRows) {
		return n, nil, noNetwork(networkID)
	}
	if err != nil || row.Revision == nil {
		return row.network(), nil, err
	}
	found, err := gatewayRow{row.networkRow, *row.Revision, *row.UpdatedAt, *row.UpdatedBy, row.gatewayRecord}.gateway()
	return row.network(), &found, err
}

// DefaultGateway implements vcc.DefaultGatewayService.
func (s *Store) DefaultGateway(ctx context.Context, as vcc.Actor, networkID string) (g *vcc.DefaultGateway, err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		var n vcc.Network
		if n, g, err = s.findNetworkAndGateway(ctx, tx, as.TenantID, networkID); err == nil && g == nil {
			err = noGateway(n)
		}
		return err
	})
	return g, err
}

func noGateway(n vcc.Network) error {
	return notFound(n.ID, "no default gateway is stored for %q", n.Name)
}

// DefaultGateways implements vcc.DefaultGatewayService.
func (s *Store) DefaultGateways(ctx context.Context, as vcc.Actor, p vcc.Page) (list []vcc.DefaultGateway, total int, err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		rows, n, err := scanPage[gatewayRow](ctx, gatewaysOf(tx, as.TenantID), p)
		if err != nil {
			return err
		}
		total = n
		list, err = scanGateways(rows)
		return err
	})
	return list, total, err
}

// PutDefaultGateway implements vcc.DefaultGatewayService.
func (s *Store) PutDefaultGateway(ctx context.Context, as vcc.Actor, networkID string, settings vcc.GatewaySettings, p vcc.Precondition) (g *vcc.DefaultGateway, created bool, err error) {
	if err := settings.Validate(); err != nil {
		return nil, false, err
	}
	err = s.write(ctx, ofTenant(as.TenantID), func(tx bun.Tx) error {
		n, current, err := s.forChange(ctx, tx, as, networkID, p)
		if err != nil {
			return err
		}
		created = current == nil
		if current != nil && current.Origin == vcc.OriginSpecified && current.Equal(settings) {
			g = current
			return nil
		}
		g, err = s.putGateway(ctx, tx, as, n, current, vcc.GatewayState{Origin: vcc.OriginSpecified, GatewaySettings: settings})
		return err
	})
	return g, created, err
}

// forChange returns a network and its gateway, nil if none is stored, once the
// precondition is seen to hold.
func (s *Store) forChange(ctx context.Context, tx bun.Tx, as vcc.Actor, networkID string, p vcc.Precondition) (vcc.Network, *vcc.DefaultGateway, error) {
	n, current, err := s.findNetworkAndGateway(ctx, tx, as.TenantID, networkID)
	if err != nil {
		return n, nil, err
	}
	failed := func(format string, args ...any) error {
		e := &vcc.Error{Code: vcc.CodePreconditionFailed, ResourceID: networkID, Message: fmt.Sprintf(format, args...)}
		if current != nil {
			e.Current = current
		}
		return e
	}
	switch {
	case p.Absent && current != nil:
		return n, current, failed("%q has a default gateway already, %s by %s; nothing was changed", n.Name, current.Origin, current.UpdatedBy)
	case p.Revision != nil && current == nil:
		return n, nil, failed("the default gateway of %q was removed since it was read; nothing was changed", n.Name)
	case p.Revision != nil && *p.Revision != current.Revision:
		return n, current, failed("the default gateway of %q was changed by %s since it was read; nothing was changed now", n.Name, current.UpdatedBy)
	}
	return n, current, nil
}

// putGateway stores a gateway in place of current, which may be nil.
func (s *Store) putGateway(ctx context.Context, tx bun.Tx, as vcc.Actor, n vcc.Network, current *vcc.DefaultGateway, state vcc.GatewayState) (*vcc.DefaultGateway, error) {
	// What is connected already overlaps with nothing.
	connected := current != nil && maps.Equal(current.Networks(), state.Networks())
	if !connected {
		if err := s.checkOverlap(ctx, tx, as, n, state.GatewaySettings); err != nil {
			return nil, err
		}
	}
	r := newGatewayRecord(state.Origin, state.GatewaySettings)
	change, err := s.record(ctx, tx, as, &n.ID, recordOf(current), r)
	if err != nil {
		return nil, err
	}
	err = s.storeGateway.exec(ctx, tx, n.ID, change.Revision, change.ChangedAt, change.Actor,
		string(r.Origin), r.Ipv4Address, r.Ipv4PrefixLength, r.Ipv6Address, r.Ipv6Network, r.Ipv6PrefixLength)
	if err == nil && current != nil && !connected {
		err = s.disconnect(ctx, tx, n.ID)
	}
	if err == nil && !connected {
		err = s.connect(ctx, tx, as, n, state.GatewaySettings)
	}
	g := newDefaultGateway(n, state, change.Revision, change.ChangedAt, change.Actor)
	return &g, err
}

// recordOf is what the history keeps of a gateway, nil for none.
func recordOf(g *vcc.DefaultGateway) any {
	if g == nil {
		return nil
	}
	return newGatewayRecord(g.Origin, g.GatewaySettings)
}

// RemoveDefaultGateway implements vcc.DefaultGatewayService.
func (s *Store) RemoveDefaultGateway(ctx context.Context, as vcc.Actor, networkID string, p vcc.Precondition) error {
	return s.write(ctx, ofTenant(as.TenantID), func(tx bun.Tx) error {
		n, current, err := s.forChange(ctx, tx, as, networkID, p)
		if current == nil && (err == nil || vcc.Code(err) == vcc.CodePreconditionFailed) {
			return noGateway(n) // gone already: what the caller wanted, whatever revision it had seen
		}
		if err != nil {
			return err
		}
		return s.removeGateway(ctx, tx, as, *current)
	})
}

func (s *Store) removeGateway(ctx context.Context, tx bun.Tx, as vcc.Actor, current vcc.DefaultGateway) error {
	if _, err := s.record(ctx, tx, as, &current.NetworkID, recordOf(&current), nil); err != nil {
		return err
	}
	if err := s.disconnect(ctx, tx, current.NetworkID); err != nil {
		return err
	}
	_, err := tx.NewDelete().TableExpr("default_gateways").Where("network_id = ?", current.NetworkID).Exec(ctx)
	return err
}
