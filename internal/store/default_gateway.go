package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

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
		r.Ipv4Address, r.Ipv4PrefixLength = new(v4.Address.String()), new(v4.PrefixLength)
	}
	if v6 := s.IPv6; v6 != nil {
		r.Ipv6Address, r.Ipv6Network, r.Ipv6PrefixLength = new(v6.Address.String()), new(v6.Network.Addr().String()), new(v6.Network.Bits())
	}
	return r
}

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

// gatewayRow is a network and the gateway that is stored for it, if there is one.
type gatewayRow struct {
	networkRow
	Revision  *int64
	UpdatedAt *time.Time
	UpdatedBy *string
	gatewayRecord
	Detected *string
}

const (
	gatewayColumns = networkColumns + ", g.revision, g.updated_at, g.updated_by, COALESCE(g.origin, ''), " +
		"g.ipv4_address, g.ipv4_prefix_length, g.ipv6_address, g.ipv6_network, g.ipv6_prefix_length, g.detected"
	joinGateways = " JOIN default_gateways AS g ON g.network_id = n.id"
	fromGateways = fromNetworks + joinGateways

	selectGateways = "SELECT " + gatewayColumns + fromGateways
)

func (r *gatewayRow) fields() []any {
	return append(r.networkRow.fields(), &r.Revision, &r.UpdatedAt, &r.UpdatedBy, &r.Origin,
		&r.Ipv4Address, &r.Ipv4PrefixLength, &r.Ipv6Address, &r.Ipv6Network, &r.Ipv6PrefixLength, &r.Detected)
}

// gateway returns the gateway, nil for none.
func (r gatewayRow) gateway() (*vcc.DefaultGateway, error) {
	if r.Revision == nil {
		return nil, nil
	}
	state, err := r.state()
	if err != nil {
		return nil, err
	}
	g := newDefaultGateway(r.network(), state, *r.Revision, *r.UpdatedAt, *r.UpdatedBy)
	if r.Detected == nil {
		return &g, nil
	}
	detected, err := declared(*r.Detected, gatewayRecord.state)
	g.Detected = &detected.GatewaySettings
	return &g, err
}

func newDefaultGateway(n vcc.Network, state vcc.GatewayState, revision int64, at time.Time, by string) vcc.DefaultGateway {
	return vcc.DefaultGateway{
		NetworkID: n.ID, NetworkName: n.Name, HardwarePlanID: n.HardwarePlanID, HardwarePlanName: n.HardwarePlanName,
		Origin: state.Origin, GatewaySettings: state.GatewaySettings,
		Revision: revision, UpdatedAt: at, UpdatedBy: by,
	}
}

// storedGateway returns the gateway of a row that has one.
func (r gatewayRow) storedGateway() (vcc.DefaultGateway, error) {
	g, err := r.gateway()
	if err != nil {
		return vcc.DefaultGateway{}, err
	}
	return *g, nil
}

const selectNetworkAndGateway = "SELECT " + gatewayColumns + fromNetworks + " LEFT" + joinGateways + " WHERE n.id = $2"

// findNetworkAndGateway returns a network and its gateway, nil if none is stored.
func findNetworkAndGateway(ctx context.Context, q querier, tenantID, networkID string) (vcc.Network, *vcc.DefaultGateway, error) {
	row, err := queryFirst[gatewayRow](ctx, q, selectNetworkAndGateway, tenantID, networkID)
	if errors.Is(err, sql.ErrNoRows) {
		err = noNetwork(networkID)
	}
	if err != nil {
		return vcc.Network{}, nil, err
	}
	g, err := row.gateway()
	return row.network(), g, err
}

// DefaultGateway implements vcc.DefaultGatewayService.
func (s *Store) DefaultGateway(ctx context.Context, as vcc.Actor, networkID string) (*vcc.DefaultGateway, error) {
	return read(ctx, s, func(tx querier) (*vcc.DefaultGateway, error) {
		n, g, err := findNetworkAndGateway(ctx, tx, as.TenantID, networkID)
		if err == nil && g == nil {
			err = noGateway(n)
		}
		return g, err
	})
}

func noGateway(n vcc.Network) error {
	return notFound(n.ID, "no default gateway is stored for %q", n.Name)
}

// A page of gateways begins behind a place in the order of networks. It neither reads nor counts
// those before and after.
const (
	selectPlace       = "SELECT list_group, position, id FROM cloud_networks WHERE tenant_id = $1 AND id = $2"
	selectGatewayPage = selectGateways + " WHERE (n.list_group, n.position, n.id) > ($2, $3, $4)" + inNetworkOrder + " LIMIT $5 OFFSET $6"
	countGateways     = "SELECT COALESCE(sum(gateways), 0) FROM tenants WHERE id = $1" // no error for a tenant that is gone
)

// placeRow is a network's place in the order in which they are listed.
type placeRow struct {
	ListGroup, Position int
	ID                  string
}

func (r *placeRow) fields() []any { return []any{&r.ListGroup, &r.Position, &r.ID} }

// DefaultGateways implements vcc.DefaultGatewayService.
func (s *Store) DefaultGateways(ctx context.Context, as vcc.Actor, p vcc.Page) ([]vcc.DefaultGateway, int, error) {
	return readPage(ctx, s, func(tx querier) (found page[vcc.DefaultGateway], err error) {
		place, skip := placeRow{ListGroup: -1}, p.Skip
		if p.After != "" {
			switch last, err := queryFirst[placeRow](ctx, tx, selectPlace, as.TenantID, p.After); {
			case err == nil:
				place, skip = last, 0
			case !errors.Is(err, sql.ErrNoRows):
				return found, err
			}
		}
		rows, err := queryAll[gatewayRow](ctx, tx, selectGatewayPage, as.TenantID, place.ListGroup, place.Position, place.ID, p.Limit, skip)
		if err == nil {
			found.entries, err = convertAll(rows, gatewayRow.storedGateway)
		}
		if err == nil {
			found.total, err = queryValue[int](ctx, tx, countGateways, as.TenantID)
		}
		return found, err
	})
}

// versionRow is what every change that a tenant can see moves: its own changes the
// revision, and what is declared of plans and networks the digest.
type versionRow struct {
	Revision int64
	Digest   string
}

const selectVersion = "SELECT t.revision, l.digest FROM tenants AS t, lab AS l WHERE t.id = $1"

func (r *versionRow) fields() []any { return []any{&r.Revision, &r.Digest} }

// DefaultGatewaysVersion implements vcc.DefaultGatewayService.
func (s *Store) DefaultGatewaysVersion(ctx context.Context, as vcc.Actor) (string, error) {
	row, err := again(s, func() (versionRow, error) {
		return queryFirst[versionRow](ctx, querier{store: s}, selectVersion, as.TenantID)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return "", notFound(as.TenantID, "there is no tenant with ID %s", as.TenantID)
	}
	return fmt.Sprintf("%d-%.16s", row.Revision, row.Digest), s.engine.translate(err)
}

// PutDefaultGateway implements vcc.DefaultGatewayService.
func (s *Store) PutDefaultGateway(ctx context.Context, as vcc.Actor, networkID string, settings vcc.GatewaySettings, p vcc.Precondition) (*vcc.DefaultGateway, bool, error) {
	if err := settings.Validate(); err != nil {
		return nil, false, err
	}
	type outcome struct {
		gateway *vcc.DefaultGateway
		created bool
	}
	o, err := write(ctx, s, ofTenant(as.TenantID), func(tx querier) (outcome, error) {
		n, current, err := findNetworkAndGateway(ctx, tx, as.TenantID, networkID)
		if err == nil {
			err = p.CheckGateway(n, current)
		}
		if err != nil {
			return outcome{}, err
		}
		if current != nil && current.Origin == vcc.OriginSpecified && current.Equal(settings) {
			return outcome{current, false}, nil
		}
		g, err := s.putGateway(ctx, tx, as, n, current, vcc.GatewayState{Origin: vcc.OriginSpecified, GatewaySettings: settings})
		return outcome{g, current == nil}, err
	})
	if err != nil {
		return nil, false, err
	}
	return o.gateway, o.created, nil
}

const upsertGateway = "INSERT INTO default_gateways (network_id, revision, updated_at, updated_by, origin, " +
	"ipv4_address, ipv4_prefix_length, ipv6_address, ipv6_network, ipv6_prefix_length, detected) " +
	"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) " +
	"ON CONFLICT (network_id) DO UPDATE SET revision = excluded.revision, " +
	"updated_at = excluded.updated_at, updated_by = excluded.updated_by, origin = excluded.origin, " +
	"ipv4_address = excluded.ipv4_address, ipv4_prefix_length = excluded.ipv4_prefix_length, " +
	"ipv6_address = excluded.ipv6_address, ipv6_network = excluded.ipv6_network, " +
	"ipv6_prefix_length = excluded.ipv6_prefix_length, detected = excluded.detected"

const deleteGateway = "DELETE FROM default_gateways WHERE network_id = $1"

// putGateway stores a gateway in place of current, which may be nil.
func (s *Store) putGateway(ctx context.Context, tx querier, as vcc.Actor, n vcc.Network, current *vcc.DefaultGateway, state vcc.GatewayState) (*vcc.DefaultGateway, error) {
	// What is connected already overlaps with nothing.
	connected := current != nil && maps.Equal(current.Networks(), state.Networks())
	if !connected {
		rule := vcc.CheckOverlap
		if current != nil && state.Origin == vcc.OriginDetected {
			rule = vcc.CheckRestore
		}
		if err := checkOverlap(ctx, tx, as, n, state.GatewaySettings, rule); err != nil {
			return nil, err
		}
	}
	change, err := s.record(ctx, tx, as, &n.ID, recordOf(current), newGatewayRecord(state.Origin, state.GatewaySettings))
	if err != nil {
		return nil, err
	}
	g := newDefaultGateway(n, state, change.Revision, change.ChangedAt, change.Actor)
	g.Detected = detectedBefore(current, state.Origin)
	err = writeGateway(ctx, tx, g)
	if err == nil && current != nil && !connected {
		err = disconnect(ctx, tx, n.ID)
	}
	if err == nil && !connected {
		err = connect(ctx, tx, as, n, state.GatewaySettings)
	}
	return &g, err
}

// writeGateway writes the row of a gateway and nothing else of it.
func writeGateway(ctx context.Context, tx querier, g vcc.DefaultGateway) error {
	r := newGatewayRecord(g.Origin, g.GatewaySettings)
	detected, err := encodeDetected(g.Detected)
	if err != nil {
		return err
	}
	return tx.exec(ctx, upsertGateway, g.NetworkID, g.Revision, g.UpdatedAt, g.UpdatedBy,
		string(r.Origin), r.Ipv4Address, r.Ipv4PrefixLength, r.Ipv6Address, r.Ipv6Network, r.Ipv6PrefixLength, detected)
}

// encodeDetected is what a column keeps of detected settings, nil for none.
func encodeDetected(detected *vcc.GatewaySettings) (*string, error) {
	if detected == nil {
		return nil, nil
	}
	text, err := encode(newGatewayRecord(vcc.OriginDetected, *detected))
	return &text, err
}

// detectedBefore is what a gateway of an origin keeps of a detected one in whose place it
// is stored, now or through others in between.
func detectedBefore(current *vcc.DefaultGateway, origin vcc.Origin) *vcc.GatewaySettings {
	switch {
	case current == nil || origin == vcc.OriginDetected:
		return nil
	case current.Origin == vcc.OriginDetected:
		return &current.GatewaySettings
	}
	return current.Detected
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
	return s.write(ctx, ofTenant(as.TenantID), func(tx querier) error {
		_, current, err := s.forRemoval(ctx, tx, as, networkID, p)
		if err != nil {
			return err
		}
		return s.removeGateway(ctx, tx, as, *current)
	})
}

// RestoreDetectedGateway implements vcc.DefaultGatewayService.
func (s *Store) RestoreDetectedGateway(ctx context.Context, as vcc.Actor, networkID string, p vcc.Precondition) (*vcc.DefaultGateway, error) {
	return write(ctx, s, ofTenant(as.TenantID), func(tx querier) (*vcc.DefaultGateway, error) {
		n, current, err := s.forRemoval(ctx, tx, as, networkID, p)
		switch {
		case err != nil:
			return nil, err
		case current.Detected == nil:
			return nil, s.removeGateway(ctx, tx, as, *current)
		}
		return s.putGateway(ctx, tx, as, n, current, vcc.GatewayState{Origin: vcc.OriginDetected, GatewaySettings: *current.Detected})
	})
}

// forRemoval returns a network and its gateway, once the precondition is seen to hold. A
// gateway that is gone is CodeNotFound whatever the precondition: the caller wanted it gone.
func (s *Store) forRemoval(ctx context.Context, tx querier, as vcc.Actor, networkID string, p vcc.Precondition) (vcc.Network, *vcc.DefaultGateway, error) {
	n, current, err := findNetworkAndGateway(ctx, tx, as.TenantID, networkID)
	switch {
	case err != nil:
		return n, nil, err
	case current == nil:
		return n, nil, noGateway(n)
	}
	return n, current, p.CheckGateway(n, current)
}

func (s *Store) removeGateway(ctx context.Context, tx querier, as vcc.Actor, current vcc.DefaultGateway) error {
	if _, err := s.record(ctx, tx, as, &current.NetworkID, recordOf(&current), nil); err != nil {
		return err
	}
	if err := disconnect(ctx, tx, current.NetworkID); err != nil {
		return err
	}
	return tx.exec(ctx, deleteGateway, current.NetworkID)
}
