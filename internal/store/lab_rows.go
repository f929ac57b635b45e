package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// storedLab is what the tables hold of a declared lab, as of one moment.
type storedLab struct {
	// digest is "" where no lab was declared.
	digest string
	// version counts how often one was applied, and firstRevision is where new tenants begin.
	version, firstRevision int64
	lab                    vcc.Lab
	// hosts, plans and tenants are by name.
	hosts   map[string]hostRow
	plans   map[string]planRow
	tenants map[string]tenantRow
	// networks are in order of tenants' names, and for each tenant in plan and network order.
	networks      []cloudNetworkRow
	subscriptions []subscriptionRow
	// jobs and failoverPlans are by tenant and normal name.
	jobs          map[ownedName]labJobRow
	failoverPlans map[ownedName]labFailoverPlanRow
	accounts      []accountRow
}

// ownedName names something of a tenant in its normal form.
type ownedName struct{ tenantID, name string }

type hostRow struct{ ID, Name, Declaration string }

func (r *hostRow) fields() []any { return []any{&r.ID, &r.Name, &r.Declaration} }

type planRow struct {
	ID, Name, HostID              string
	WithInternet, WithoutInternet int
}

func (r *planRow) fields() []any {
	return []any{&r.ID, &r.Name, &r.HostID, &r.WithInternet, &r.WithoutInternet}
}

type tenantRow struct {
	ID, Name    string
	Ordinal     int
	Declaration string
	// Revision is the one that the tenant has now, or begins with. A lab does not change it.
	Revision int64
}

func (r *tenantRow) fields() []any {
	return []any{&r.ID, &r.Name, &r.Ordinal, &r.Declaration, &r.Revision}
}

type subscriptionRow struct {
	TenantID, PlanID string
	Ordinal          int
}

func (r *subscriptionRow) fields() []any { return []any{&r.TenantID, &r.PlanID, &r.Ordinal} }

// cloudNetworkRow is a network. Position counts within one plan and one kind of access.
type cloudNetworkRow struct {
	ID, TenantID, PlanID, HostID string
	InternetAccess               bool
	Position, VLANID             int
	HasGateway                   bool
}

func (r *cloudNetworkRow) fields() []any {
	return []any{&r.ID, &r.TenantID, &r.PlanID, &r.HostID, &r.InternetAccess, &r.Position, &r.VLANID, &r.HasGateway}
}

// newNetworkRow is a network with its place among the tenant's.
type newNetworkRow struct {
	cloudNetworkRow
	listGroup int
}

// listGroup is what an index sorts a tenant's networks by: they come in the order of their plans'
// subscriptions, and in each plan those with internet access first.
func listGroup(ordinal int, internetAccess bool) int {
	if internetAccess {
		return 2 * ordinal
	}
	return 2*ordinal + 1
}

type labJobRow struct {
	ID, TenantID, Name  string
	Ordinal             int
	PlanID, Declaration string
}

func (r *labJobRow) fields() []any {
	return []any{&r.ID, &r.TenantID, &r.Name, &r.Ordinal, &r.PlanID, &r.Declaration}
}

// labFailoverPlanRow is a failover plan that a lab declares, that somebody specified, or both.
type labFailoverPlanRow struct {
	ID, TenantID, Name string
	Ordinal            int
	// Declaration and Specified are "" where there is none.
	Declaration, Specified string
	// Active says that the plan is failed over.
	Active bool
}

func (r *labFailoverPlanRow) fields() []any {
	return []any{&r.ID, &r.TenantID, &r.Name, &r.Ordinal, &r.Declaration, &r.Specified, &r.Active}
}

// readLab reads what is stored of the lab that was declared last.
func readLab(ctx context.Context, tx querier) (storedLab, error) {
	l := storedLab{
		hosts: map[string]hostRow{}, plans: map[string]planRow{}, tenants: map[string]tenantRow{},
		jobs: map[ownedName]labJobRow{}, failoverPlans: map[ownedName]labFailoverPlanRow{},
	}
	row, err := queryFirst[storedLabRow](ctx, tx, "SELECT service_provider, digest, version, first_revision FROM lab")
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	l.lab.ServiceProvider.Name, l.digest, l.version, l.firstRevision = row.ServiceProvider, row.Digest, row.Version, row.FirstRevision
	for _, read := range []func(context.Context, querier) error{l.readHosts, l.readPlans, l.readTenants, l.readJobs, l.readFailoverPlans} {
		if err == nil {
			err = read(ctx, tx)
		}
	}
	if err == nil {
		l.subscriptions, err = queryAll[subscriptionRow](ctx, tx, "SELECT tenant_id, hardware_plan_id, ordinal FROM subscriptions")
	}
	if err == nil {
		l.networks, err = queryAll[cloudNetworkRow](ctx, tx, "SELECT c.id, c.tenant_id, c.hardware_plan_id, c.host_id, c.internet_access, c.position, c.vlan_id, "+
			"g.network_id IS NOT NULL FROM cloud_networks AS c JOIN tenants AS t ON t.id = c.tenant_id "+
			"JOIN subscriptions AS s ON s.tenant_id = c.tenant_id AND s.hardware_plan_id = c.hardware_plan_id "+
			"LEFT JOIN default_gateways AS g ON g.network_id = c.id "+
			"ORDER BY t.name, s.ordinal, CASE WHEN c.internet_access THEN 0 ELSE 1 END, c.position")
	}
	if err == nil {
		l.accounts, err = readAccounts(ctx, tx)
	}
	return l, err
}

// labRow is what a lab declares in the row of the lab itself.
type labRow struct{ ServiceProvider, Digest string }

// storedLabRow is that row.
type storedLabRow struct {
	labRow
	Version, FirstRevision int64
}

func (r *storedLabRow) fields() []any {
	return []any{&r.ServiceProvider, &r.Digest, &r.Version, &r.FirstRevision}
}

func (l *storedLab) readHosts(ctx context.Context, tx querier) error {
	rows, err := queryAll[hostRow](ctx, tx, "SELECT id, name, declaration FROM hosts ORDER BY name")
	for _, r := range rows {
		host, err := declared(r.Declaration, hostRecord.host)
		if err != nil {
			return err
		}
		l.hosts[r.Name] = r
		l.lab.Hosts = append(l.lab.Hosts, host)
	}
	return err
}

// readPlans comes after readHosts.
func (l *storedLab) readPlans(ctx context.Context, tx querier) error {
	hosts := map[string]string{}
	for name, h := range l.hosts {
		hosts[h.ID] = name
	}
	rows, err := queryAll[planRow](ctx, tx, "SELECT id, name, host_id, with_internet, without_internet FROM hardware_plans ORDER BY name")
	for _, r := range rows {
		l.plans[r.Name] = r
		l.lab.HardwarePlans = append(l.lab.HardwarePlans, vcc.LabHardwarePlan{
			Name: r.Name, Host: hosts[r.HostID], Networks: vcc.LabNetworkCount{WithInternet: r.WithInternet, WithoutInternet: r.WithoutInternet},
		})
	}
	return err
}

func (l *storedLab) readTenants(ctx context.Context, tx querier) error {
	rows, err := queryAll[tenantRow](ctx, tx, "SELECT id, name, ordinal, declaration, revision FROM tenants ORDER BY ordinal")
	for _, r := range rows {
		tenant, err := declared(r.Declaration, tenantRecord.tenant)
		if err != nil {
			return err
		}
		l.tenants[r.Name] = r
		l.lab.Tenants = append(l.lab.Tenants, tenant)
	}
	return err
}

// readJobs comes after readTenants.
func (l *storedLab) readJobs(ctx context.Context, tx querier) error {
	tenants := l.tenantsByID()
	rows, err := queryAll[labJobRow](ctx, tx, "SELECT id, tenant_id, name, ordinal, hardware_plan_id, declaration FROM replication_jobs ORDER BY tenant_id, ordinal")
	for _, r := range rows {
		job, err := declared(r.Declaration, jobRecord.job)
		if err != nil {
			return err
		}
		l.jobs[ownedName{r.TenantID, vcc.NormalName(r.Name)}] = r
		t := tenants[r.TenantID]
		t.Jobs = append(t.Jobs, job)
	}
	return err
}

// readFailoverPlans comes after readTenants. A plan that no lab declares has no part in the lab.
func (l *storedLab) readFailoverPlans(ctx context.Context, tx querier) error {
	tenants := l.tenantsByID()
	rows, err := queryAll[labFailoverPlanRow](ctx, tx, "SELECT p.id, p.tenant_id, p.name, p.ordinal, COALESCE(p.declaration, ''), COALESCE(p.specified, ''), "+
		"EXISTS (SELECT 1 FROM failover_sessions AS s WHERE s.tenant_id = p.tenant_id AND s.plan_id = p.id AND s.ended_at IS NULL) "+
		"FROM failover_plans AS p ORDER BY p.tenant_id, p.ordinal")
	for _, r := range rows {
		l.failoverPlans[ownedName{r.TenantID, vcc.NormalName(r.Name)}] = r
		if r.Declaration == "" {
			continue
		}
		plan, err := declared(r.Declaration, failoverPlanRecord.plan)
		if err != nil {
			return err
		}
		t := tenants[r.TenantID]
		t.FailoverPlans = append(t.FailoverPlans, plan)
	}
	return err
}

// tenantsByID returns where the tenants' declarations are.
func (l *storedLab) tenantsByID() map[string]*vcc.LabTenant {
	tenants := make(map[string]*vcc.LabTenant, len(l.lab.Tenants))
	for i := range l.lab.Tenants {
		t := &l.lab.Tenants[i]
		tenants[l.tenants[t.Name].ID] = t
	}
	return tenants
}
