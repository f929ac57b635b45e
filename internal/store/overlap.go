package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"net/netip"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// connectedNetwork is one IP network of a stored gateway, as the range of its
// addresses. The networks of one appliance do not overlap (D12), so that an index
// finds the only one that could overlap another without a look at all.
type connectedNetwork struct {
	TenantID, HostID string
	FirstAddress     string
	LastAddress      string
	NetworkID        string
}

const (
	selectNeighbor = "SELECT last_address FROM connected_networks WHERE tenant_id = $1 AND host_id = $2 AND network_id <> $3 " +
		"AND first_address <= $4 ORDER BY first_address DESC LIMIT 1"

	insertConnectedNetwork = "INSERT INTO connected_networks (tenant_id, host_id, first_address, last_address, network_id) " +
		"VALUES ($1, $2, $3, $4, $5)"

	deleteConnectedNetworks = "DELETE FROM connected_networks WHERE network_id = $1"
)

// connectedNetworks are those of a gateway's settings.
func connectedNetworks(tenantID, hostID, networkID string, s vcc.GatewaySettings) (list []connectedNetwork) {
	for _, p := range s.Networks() {
		list = append(list, connectedNetwork{
			TenantID: tenantID, HostID: hostID, NetworkID: networkID,
			FirstAddress: sortable(p.Masked().Addr()), LastAddress: sortable(lastAddress(p)),
		})
	}
	return list
}

// sortable writes an address so that those of one family sort by their value, beside
// those of the other.
func sortable(a netip.Addr) string {
	family := "4"
	if a.Is6() {
		family = "6"
	}
	return family + hex.EncodeToString(a.AsSlice())
}

func lastAddress(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	if p.Addr().Is4() {
		return netip.AddrFrom4([4]byte(b))
	}
	return netip.AddrFrom16([16]byte(b))
}

// checkOverlap checks D12 against the gateways of the other networks on the
// same appliance, which is those of the tenant on the same host. rule is the form of it
// that words the error.
func checkOverlap(ctx context.Context, tx querier, as vcc.Actor, n vcc.Network, settings vcc.GatewaySettings, rule func(vcc.GatewaySettings, []vcc.DefaultGateway) error) error {
	overlaps := false
	for _, mine := range connectedNetworks(as.TenantID, n.HostID, n.ID, settings) {
		// Of networks that do not overlap, the one that begins last before my end is the
		// one that ends last, too.
		last, err := queryValue[string](ctx, tx, selectNeighbor, mine.TenantID, mine.HostID, mine.NetworkID, mine.LastAddress)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		overlaps = overlaps || last >= mine.FirstAddress
	}
	if !overlaps {
		return nil
	}
	// The error names the other network.
	rows, err := queryAll[gatewayRow](ctx, tx, selectGateways+" WHERE n.host_id = $2 AND n.id <> $3"+inNetworkOrder, as.TenantID, n.HostID, n.ID)
	if err != nil {
		return err
	}
	stored, err := convertAll(rows, gatewayRow.storedGateway)
	if err != nil {
		return err
	}
	return rule(settings, stored)
}

// connect keeps the IP networks of a gateway that is being stored.
func connect(ctx context.Context, tx querier, as vcc.Actor, n vcc.Network, settings vcc.GatewaySettings) error {
	for _, c := range connectedNetworks(as.TenantID, n.HostID, n.ID, settings) {
		if err := tx.exec(ctx, insertConnectedNetwork, c.TenantID, c.HostID, c.FirstAddress, c.LastAddress, c.NetworkID); err != nil {
			return err
		}
	}
	return nil
}

// disconnect forgets the IP networks of a gateway.
func disconnect(ctx context.Context, tx querier, networkID string) error {
	return tx.exec(ctx, deleteConnectedNetworks, networkID)
}
