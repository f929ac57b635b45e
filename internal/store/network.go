package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"unicode"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// networkRow is a cloud network beside what its plan says of it.
type networkRow struct {
	ID               string
	Name             string
	HardwarePlanID   string
	HardwarePlanName string
	HostID           string
	VLANID           int
	InternetAccess   bool
}

const networkColumns = "n.id, n.name, n.hardware_plan_id, n.hardware_plan_name, n.host_id, n.vlan_id, n.internet_access"

func (r *networkRow) fields() []any {
	return []any{&r.ID, &r.Name, &r.HardwarePlanID, &r.HardwarePlanName, &r.HostID, &r.VLANID, &r.InternetAccess}
}

func (r networkRow) network() vcc.Network {
	return vcc.Network{
		ID: r.ID, Name: r.Name, HardwarePlanID: r.HardwarePlanID, HardwarePlanName: r.HardwarePlanName,
		HostID: r.HostID, VLANID: r.VLANID, InternetAccess: r.InternetAccess,
	}
}

// What every query about networks and gateways has: it binds them to the tenant $1 and
// puts them in plan and network order, which is that of an index: those with internet access
// come first. A network's name is that of vcc.NetworkName.
const (
	fromNetworks = ` FROM (
	SELECT c.id, c.hardware_plan_id, c.host_id, c.vlan_id, c.internet_access, c.list_group, c.position,
		p.name AS hardware_plan_name,
		p.name || ' network ' || c.position || (CASE WHEN c.internet_access THEN ' (internet)' ELSE '' END) AS name
	FROM cloud_networks AS c
	JOIN hardware_plans AS p ON p.id = c.hardware_plan_id
	WHERE c.tenant_id = $1
) AS n`
	inNetworkOrder = " ORDER BY n.list_group, n.position, n.id"

	selectNetworks = "SELECT " + networkColumns + fromNetworks
)

// findNetwork returns one network of a tenant.
func findNetwork(ctx context.Context, q querier, tenantID, id string) (vcc.Network, error) {
	row, err := queryFirst[networkRow](ctx, q, selectNetworks+" WHERE n.id = $2", tenantID, id)
	if errors.Is(err, sql.ErrNoRows) {
		return vcc.Network{}, noNetwork(id)
	}
	return row.network(), err
}

func noNetwork(id string) error { return notFound(id, "there is no cloud network with ID %s", id) }

// Networks implements vcc.NetworkService.
func (s *Store) Networks(ctx context.Context, as vcc.Actor, f vcc.NetworkFilter, p vcc.Page) ([]vcc.Network, int, error) {
	return readPage(ctx, s, func(tx querier) (page[vcc.Network], error) {
		name, err := respelled(ctx, tx, as.TenantID, f.Name)
		if err != nil {
			return page[vcc.Network]{}, err
		}
		return queryPage(ctx, tx, p, func(r networkRow) (vcc.Network, error) { return r.network(), nil }, networkColumns,
			fromNetworks+" WHERE ($2 = '' OR n.hardware_plan_id = $2) AND ($3 = '' OR n.name = $3)", inNetworkOrder,
			as.TenantID, f.HardwarePlanID, name)
	})
}

// respelled returns a network's name with that of its plan as it is stored, because SQL
// compares bytes and people write one name in several ways.
func respelled(ctx context.Context, tx querier, tenantID, name string) (string, error) {
	if !strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		return name, nil // which has one way
	}
	plans, err := queryAll[namedRow](ctx, tx, "SELECT p.id, p.name FROM subscriptions AS s JOIN hardware_plans AS p ON p.id = s.hardware_plan_id "+
		"WHERE s.tenant_id = $1 ORDER BY length(p.name)", tenantID)
	found := name
	for _, p := range plans { // of those whose names begin alike, the longest counts
		if n := vcc.RespelledNetwork(name, p.Name); n != name {
			found = n
		}
	}
	return found, err
}

// hardwarePlanRow is a hardware plan and what its host was declared as.
type hardwarePlanRow struct {
	ID, Name, HostName, Host      string
	WithInternet, WithoutInternet int
}

const hardwarePlanColumns = "p.id, p.name, h.name, h.declaration, p.with_internet, p.without_internet"

func (r *hardwarePlanRow) fields() []any {
	return []any{&r.ID, &r.Name, &r.HostName, &r.Host, &r.WithInternet, &r.WithoutInternet}
}

// HardwarePlans implements vcc.NetworkService.
func (s *Store) HardwarePlans(ctx context.Context, as vcc.Actor, p vcc.Page) ([]vcc.HardwarePlan, int, error) {
	return readPage(ctx, s, func(tx querier) (page[vcc.HardwarePlan], error) {
		return queryPage(ctx, tx, p, hardwarePlanRow.plan, hardwarePlanColumns,
			" FROM subscriptions AS s JOIN hardware_plans AS p ON p.id = s.hardware_plan_id JOIN hosts AS h ON h.id = p.host_id "+
				"WHERE s.tenant_id = $1", " ORDER BY s.ordinal", as.TenantID)
	})
}

func (r hardwarePlanRow) plan() (vcc.HardwarePlan, error) {
	host, err := declared(r.Host, hostRecord.host)
	return vcc.HardwarePlan{
		ID: r.ID, Name: r.Name, HostName: r.HostName, Platform: host.Platform,
		NetworksWithInternet: r.WithInternet, NetworksWithoutInternet: r.WithoutInternet,
	}, err
}
