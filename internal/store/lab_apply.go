package store

import (
	"context"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// labActor is whom the history names for gateways that went with a removal.
const labActor = "lab file"

// applyLab writes the rows of a plan. It belongs into the transaction in which the plan was made.
func (s *Store) applyLab(ctx context.Context, tx querier, p labPlan) error {
	if err := s.removeNetworks(ctx, tx, p.removedNetworks); err != nil {
		return err
	}
	w := rowWriter{ctx: ctx, tx: tx}
	for _, r := range p.hosts {
		w.exec("INSERT INTO hosts (id, name, declaration) VALUES ($1, $2, $3) "+
			"ON CONFLICT (id) DO UPDATE SET declaration = excluded.declaration", r.ID, r.Name, r.Declaration)
	}
	for _, r := range p.plans {
		w.exec("INSERT INTO hardware_plans (id, name, host_id, with_internet, without_internet) VALUES ($1, $2, $3, $4, $5) "+
			"ON CONFLICT (id) DO UPDATE SET host_id = excluded.host_id, with_internet = excluded.with_internet, without_internet = excluded.without_internet",
			r.ID, r.Name, r.HostID, r.WithInternet, r.WithoutInternet)
	}
	for _, r := range p.tenants {
		w.exec("INSERT INTO tenants (id, name, ordinal, declaration) VALUES ($1, $2, $3, $4) "+
			"ON CONFLICT (id) DO UPDATE SET ordinal = excluded.ordinal, declaration = excluded.declaration", r.ID, r.Name, r.Ordinal, r.Declaration)
	}
	for _, r := range p.subscriptions {
		w.exec("INSERT INTO subscriptions (tenant_id, hardware_plan_id, ordinal) VALUES ($1, $2, $3) "+
			"ON CONFLICT (tenant_id, hardware_plan_id) DO UPDATE SET ordinal = excluded.ordinal", r.TenantID, r.PlanID, r.Ordinal)
	}
	for _, r := range p.networks {
		w.exec("INSERT INTO cloud_networks (id, tenant_id, hardware_plan_id, host_id, internet_access, position, vlan_id) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			r.ID, r.TenantID, r.PlanID, r.HostID, r.InternetAccess, r.Position, r.VLANID)
	}
	for _, r := range p.jobs {
		w.exec("INSERT INTO replication_jobs (id, tenant_id, name, ordinal, hardware_plan_id, declaration) VALUES ($1, $2, $3, $4, $5, $6) "+
			"ON CONFLICT (id) DO UPDATE SET name = excluded.name, ordinal = excluded.ordinal, hardware_plan_id = excluded.hardware_plan_id, declaration = excluded.declaration",
			r.ID, r.TenantID, r.Name, r.Ordinal, r.PlanID, r.Declaration)
	}
	for _, r := range p.removedJobs {
		w.exec("DELETE FROM replication_jobs WHERE id = $1", r.ID)
	}
	for _, r := range p.failoverPlans {
		w.exec("INSERT INTO failover_plans (id, tenant_id, name, ordinal, declaration) VALUES ($1, $2, $3, $4, $5) "+
			"ON CONFLICT (id) DO UPDATE SET name = excluded.name, ordinal = excluded.ordinal, declaration = excluded.declaration", r.ID, r.TenantID, r.Name, r.Ordinal, r.Declaration)
	}
	for _, r := range p.removedPlans {
		w.exec("DELETE FROM failover_plans WHERE id = $1", r.ID)
	}
	for _, r := range p.removedSubscriptions {
		w.exec("DELETE FROM subscriptions WHERE tenant_id = $1 AND hardware_plan_id = $2", r.TenantID, r.PlanID)
	}
	for _, r := range p.removedTenants { // with their history and their sessions
		w.exec("DELETE FROM changes WHERE tenant_id = $1", r.ID)
		w.exec("DELETE FROM failover_sessions WHERE tenant_id = $1", r.ID)
		w.exec("DELETE FROM tenants WHERE id = $1", r.ID)
	}
	for _, r := range p.removedHardwarePlans {
		w.exec("DELETE FROM hardware_plans WHERE id = $1", r.ID)
	}
	for _, r := range p.removedHosts {
		w.exec("DELETE FROM hosts WHERE id = $1", r.ID)
	}
	for _, r := range p.removedAccounts {
		w.exec("DELETE FROM accounts WHERE username = $1", r.Username)
	}
	for _, r := range p.accounts {
		w.write(func() error { return insertAccount(ctx, tx, r) })
	}
	for _, r := range p.passwords {
		w.write(func() error { return setPasswordHash(ctx, tx, r.Username, r.PasswordHash) })
	}
	if p.lab != nil {
		w.exec("INSERT INTO lab (id, service_provider, digest) VALUES (1, $1, $2) "+
			"ON CONFLICT (id) DO UPDATE SET service_provider = excluded.service_provider, digest = excluded.digest", p.lab.ServiceProvider, p.lab.Digest)
	}
	if w.any || len(p.removedNetworks) > 0 {
		w.write(func() error { return s.engine.analyze(ctx, tx) })
	}
	return w.err
}

// rowWriter writes rows until the first error.
type rowWriter struct {
	ctx context.Context
	tx  querier
	// any says that something was written.
	any bool
	err error
}

func (w *rowWriter) exec(statement string, values ...any) {
	w.write(func() error { return w.tx.exec(w.ctx, statement, values...) })
}

func (w *rowWriter) write(row func() error) {
	if w.err == nil {
		w.any, w.err = true, row()
	}
}

// removeNetworks removes networks and what is stored for them.
func (s *Store) removeNetworks(ctx context.Context, tx querier, networks []cloudNetworkRow) error {
	for _, n := range networks {
		if n.HasGateway {
			_, gateway, err := findNetworkAndGateway(ctx, tx, n.TenantID, n.ID)
			if err == nil && gateway != nil {
				err = s.removeGateway(ctx, tx, vcc.Actor{TenantID: n.TenantID, Name: labActor}, *gateway)
			}
			if err != nil {
				return err
			}
		}
		if err := tx.exec(ctx, "DELETE FROM cloud_networks WHERE id = $1", n.ID); err != nil {
			return err
		}
	}
	return nil
}
