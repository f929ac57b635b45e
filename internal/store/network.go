package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// networkRow is a cloud network beside what its plan says of it.
type networkRow struct {
	ID               string
	Name             string
	HardwarePlanID   string
	HardwarePlanName string
	HostID           string
	VlanID           int
	InternetAccess   bool
}

func (r networkRow) network() vcc.Network {
	return vcc.Network{
		ID: r.ID, Name: r.Name, HardwarePlanID: r.HardwarePlanID, HardwarePlanName: r.HardwarePlanName,
		HostID: r.HostID, VLANID: r.VlanID, InternetAccess: r.InternetAccess,
	}
}

// networksOf is where every query about networks and gateways begins: it binds
// them to their tenant and puts them in plan and network order. A network's
// name follows from its place: those with internet access come first.
// tenantID is an ID, or what stands for one in a prepared statement.
func networksOf(db bun.IDB, tenantID any) *bun.SelectQuery {
	named := db.NewSelect().
		TableExpr("cloud_networks AS c").
		Join("JOIN hardware_plans AS p ON p.id = c.hardware_plan_id").
		Join("JOIN subscriptions AS s ON s.tenant_id = c.tenant_id AND s.hardware_plan_id = c.hardware_plan_id").
		ColumnExpr("c.id, c.hardware_plan_id, p.name AS hardware_plan_name, c.host_id, c.vlan_id, c.internet_access").
		ColumnExpr("s.ordinal AS plan_ordinal").
		ColumnExpr("CASE WHEN c.internet_access THEN c.position ELSE p.with_internet + c.position END AS place").
		ColumnExpr("p.name || ' network ' || (CASE WHEN c.internet_access THEN c.position ELSE p.with_internet + c.position END) AS name").
		Where("c.tenant_id = ?", tenantID)
	return db.NewSelect().
		TableExpr("(?) AS n", named).
		ColumnExpr("n.id, n.name, n.hardware_plan_id, n.hardware_plan_name, n.host_id, n.vlan_id, n.internet_access").
		OrderExpr("n.plan_ordinal, n.place")
}

// findNetwork returns one network of a tenant.
func findNetwork(ctx context.Context, db bun.IDB, tenantID, id string) (vcc.Network, error) {
	var row networkRow
	err := networksOf(db, tenantID).Where("n.id = ?", id).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return vcc.Network{}, noNetwork(id)
	}
	return row.network(), err
}

func noNetwork(id string) error { return notFound(id, "there is no cloud network with ID %s", id) }

// Networks implements vcc.NetworkService.
func (s *Store) Networks(ctx context.Context, as vcc.Actor, f vcc.NetworkFilter, p vcc.Page) (list []vcc.Network, total int, err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		q := networksOf(tx, as.TenantID)
		if f.HardwarePlanID != "" {
			q.Where("n.hardware_plan_id = ?", f.HardwarePlanID)
		}
		if f.Name != "" {
			q.Where("n.name = ?", f.Name)
		}
		rows, n, err := scanPage[networkRow](ctx, q, p)
		list, total = convert(rows, networkRow.network), n
		return err
	})
	return list, total, err
}

// HardwarePlans implements vcc.NetworkService.
func (s *Store) HardwarePlans(ctx context.Context, as vcc.Actor, p vcc.Page) (list []vcc.HardwarePlan, total int, err error) {
	type row struct {
		ID, Name, Host                string
		WithInternet, WithoutInternet int
	}
	err = s.read(ctx, func(tx bun.Tx) error {
		list = nil
		rows, n, err := scanPage[row](ctx, tx.NewSelect().
			TableExpr("subscriptions AS s").
			Join("JOIN hardware_plans AS p ON p.id = s.hardware_plan_id").
			Join("JOIN hosts AS h ON h.id = p.host_id").
			ColumnExpr("p.id, p.name, p.with_internet, p.without_internet, h.declaration AS host").
			Where("s.tenant_id = ?", as.TenantID).
			OrderExpr("s.ordinal"), p)
		total = n
		for _, r := range rows {
			host, err := decode[vcc.Host](r.Host)
			if err != nil {
				return err
			}
			list = append(list, vcc.HardwarePlan{
				ID: r.ID, Name: r.Name, HostName: host.Name, Platform: host.Platform,
				NetworksWithInternet: r.WithInternet, NetworksWithoutInternet: r.WithoutInternet,
			})
		}
		return err
	})
	return list, total, err
}
