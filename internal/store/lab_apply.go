package store

import (
	"context"
	"slices"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// labActor is whom the history names for gateways that went with a removal, for failover plans that a lab
// declares otherwise or no longer, and for where new tenants begin.
const labActor = "lab file"

// applyLab writes the rows of a plan. It belongs into the transaction in which the plan
// was made, or found to be current.
func (s *Store) applyLab(ctx context.Context, tx querier, p labPlan) error {
	if err := s.removeNetworks(ctx, tx, p.removedNetworks); err != nil {
		return err
	}
	w := rowWriter{ctx: ctx, tx: tx}
	w.insert("hosts", "id, name, declaration", "(id) DO UPDATE SET declaration = excluded.declaration",
		convert(p.hosts, func(r hostRow) []any { return []any{r.ID, r.Name, r.Declaration} }))
	w.insert("hardware_plans", "id, name, host_id, with_internet, without_internet",
		"(id) DO UPDATE SET host_id = excluded.host_id, with_internet = excluded.with_internet, without_internet = excluded.without_internet",
		convert(p.plans, func(r planRow) []any { return []any{r.ID, r.Name, r.HostID, r.WithInternet, r.WithoutInternet} }))
	w.insert("tenants", "id, name, ordinal, declaration, revision", "(id) DO UPDATE SET ordinal = excluded.ordinal, declaration = excluded.declaration",
		convert(p.tenants, func(r tenantRow) []any { return []any{r.ID, r.Name, r.Ordinal, r.Declaration, r.Revision} }))
	if p.firstRevision > 0 {
		w.explainGaps(p.newTenants, p.firstRevision, s.now(), labActor)
	}
	w.insert("subscriptions", "tenant_id, hardware_plan_id, ordinal", "(tenant_id, hardware_plan_id) DO UPDATE SET ordinal = excluded.ordinal",
		convert(p.subscriptions, func(r subscriptionRow) []any { return []any{r.TenantID, r.PlanID, r.Ordinal} }))
	for _, r := range p.movedSubscriptions {
		w.exec("UPDATE cloud_networks SET list_group = $3 + CASE WHEN internet_access THEN 0 ELSE 1 END WHERE tenant_id = $1 AND hardware_plan_id = $2",
			r.TenantID, r.PlanID, listGroup(r.Ordinal, true))
	}
	w.insert("cloud_networks", "id, tenant_id, hardware_plan_id, host_id, internet_access, position, vlan_id, list_group", "",
		convert(p.networks, func(r newNetworkRow) []any {
			return []any{r.ID, r.TenantID, r.PlanID, r.HostID, r.InternetAccess, r.Position, r.VLANID, r.listGroup}
		}))
	w.insert("replication_jobs", "id, tenant_id, name, ordinal, hardware_plan_id, declaration",
		"(id) DO UPDATE SET name = excluded.name, ordinal = excluded.ordinal, hardware_plan_id = excluded.hardware_plan_id, declaration = excluded.declaration",
		convert(p.jobs, func(r labJobRow) []any { return []any{r.ID, r.TenantID, r.Name, r.Ordinal, r.PlanID, r.Declaration} }))
	s.applyFailoverPlans(&w, p)
	for _, r := range p.removedJobs {
		w.exec("DELETE FROM replication_jobs WHERE id = $1", r.ID)
	}
	for _, r := range p.removedPlans {
		w.exec("DELETE FROM failover_plans WHERE tenant_id = $1 AND id = $2", r.TenantID, r.ID)
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
	w.insert("accounts", "username, tenant_id, password_hash, declared", "",
		convert(p.accounts, func(r accountRow) []any { return []any{r.Username, *r.TenantID, r.PasswordHash, r.Declared} }))
	for _, r := range p.passwords {
		w.write(func() error { return setPasswordHash(ctx, tx, r.Username, r.PasswordHash) })
	}
	w.any = w.any || len(p.removedNetworks) > 0
	switch {
	case p.lab != nil:
		w.exec("INSERT INTO lab (id, service_provider, digest, first_revision) VALUES (1, $1, $2, $3) "+
			"ON CONFLICT (id) DO UPDATE SET service_provider = excluded.service_provider, digest = excluded.digest, "+
			"first_revision = excluded.first_revision, version = lab.version + 1", p.lab.ServiceProvider, p.lab.Digest, p.firstRevision)
	case w.any:
		w.exec("UPDATE lab SET version = version + 1")
	}
	if len(p.newTenants)+len(p.networks) > 0 || p.removes() {
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

// batch is how many rows one INSERT has: SQLite looks each $n up among all before it, and rows
// that do not fill one go one by one, so that there are few statements to plan.
const batch = 50

// insert inserts rows into a table, or does to a row that is there already what conflict says.
func (w *rowWriter) insert(table, columns, conflict string, rows [][]any) {
	if conflict != "" {
		conflict = " ON CONFLICT " + conflict
	}
	names := strings.Split(columns, ", ")
	for len(rows) > 0 {
		n := 1
		if len(rows) >= batch {
			n = batch
		}
		w.exec(insertRows(table, names, n)+conflict, slices.Concat(rows[:n]...)...)
		rows = rows[n:]
	}
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
