package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// sessionRow is a failover session. The log and the problems are written once and
// read whole.
type sessionRow struct {
	bun.BaseModel `bun:"table:failover_sessions"`
	ID            string `bun:",pk"`
	TenantID      string
	Kind          vcc.FailoverKind
	PlanID        string
	PlanName      string
	VM            string `bun:"vm"`
	Hosts         string
	StartedAt     time.Time
	StartedBy     string
	EndedAt       *time.Time
	EndedBy       string
	Log, Problems string
}

func (r sessionRow) session() (*vcc.FailoverSession, error) {
	s := &vcc.FailoverSession{
		ID: r.ID, Kind: r.Kind, PlanID: r.PlanID, PlanName: r.PlanName, VM: r.VM,
		StartedAt: r.StartedAt, StartedBy: r.StartedBy, EndedBy: r.EndedBy,
	}
	if r.EndedAt != nil {
		s.EndedAt = *r.EndedAt
	}
	var logErr, problemsErr error
	s.Log, logErr = decode[[]vcc.FailoverLogEntry](r.Log)
	s.Problems, problemsErr = decode[[]vcc.ApplianceProblem](r.Problems)
	return s, errors.Join(logErr, problemsErr)
}

// occupies reports whether the session keeps the appliance of one of the hosts busy.
func (r sessionRow) occupies(hosts []string) bool {
	mine, err := decode[[]string](r.Hosts)
	return err != nil || slices.ContainsFunc(mine, func(h string) bool { return slices.Contains(hosts, h) })
}

// underWay lists the sessions that occupy a tenant's appliances.
func underWay(ctx context.Context, db bun.IDB, tenantID string) ([]sessionRow, error) {
	var rows []sessionRow
	err := db.NewSelect().Model(&rows).Where("tenant_id = ?", tenantID).Where("ended_at IS NULL").OrderExpr("started_at, id").Scan(ctx)
	return rows, err
}

type failoverPlanRow struct {
	ID, Name, Declaration string
}

func failoverPlansOf(db bun.IDB, tenantID string) *bun.SelectQuery {
	return db.NewSelect().TableExpr("failover_plans").ColumnExpr("id, name, declaration").
		Where("tenant_id = ?", tenantID).OrderExpr("ordinal")
}

// FailoverPlans implements vcc.FailoverService.
func (s *Store) FailoverPlans(ctx context.Context, as vcc.Actor, p vcc.Page) (list []vcc.FailoverPlan, total int, err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		list = nil
		rows, n, err := scanPage[failoverPlanRow](ctx, failoverPlansOf(tx, as.TenantID), p)
		if err != nil {
			return err
		}
		active, err := underWay(ctx, tx, as.TenantID)
		if err != nil {
			return err
		}
		total = n
		for _, r := range rows {
			declared, err := decode[vcc.LabFailoverPlan](r.Declaration)
			if err != nil {
				return err
			}
			plan := vcc.FailoverPlan{ID: r.ID, Name: r.Name, VMs: declared.VMs, PublicIPRules: declared.PublicIPRules}
			if i := slices.IndexFunc(active, func(a sessionRow) bool { return a.PlanID == r.ID }); i >= 0 {
				if plan.Session, err = active[i].session(); err != nil {
					return err
				}
			}
			list = append(list, plan)
		}
		return nil
	})
	return list, total, err
}

// ApplianceInputs returns what each of the tenant's appliances is compiled from,
// in plan order, all as it is stored at one moment. The public IP rules are those
// of the plan that is failed over, and of all plans while none is.
func (s *Store) ApplianceInputs(ctx context.Context, as vcc.Actor) (list []vcc.ApplianceInputs, err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		list, err = applianceInputs(ctx, tx, as.TenantID)
		return err
	})
	return list, err
}

func applianceInputs(ctx context.Context, tx bun.Tx, tenantID string) ([]vcc.ApplianceInputs, error) {
	tenant, err := findTenant(ctx, tx, tenantID)
	if err != nil {
		return nil, err
	}
	var networks []networkRow
	if err := networksOf(tx, tenantID).Scan(ctx, &networks); err != nil {
		return nil, err
	}
	var gateways []gatewayRow
	if err := gatewaysOf(tx, tenantID).Scan(ctx, &gateways); err != nil {
		return nil, err
	}
	stored, err := scanGateways(gateways)
	if err != nil {
		return nil, err
	}
	routing, err := findRouting(ctx, tx, tenantID)
	if err != nil {
		return nil, err
	}
	active, err := underWay(ctx, tx, tenantID)
	if err != nil {
		return nil, err
	}
	var inputs []vcc.ApplianceInputs
	for _, a := range vcc.Appliances(convert(networks, networkRow.network)) {
		in := vcc.ApplianceInputs{
			NetworkExtensionAppliance: a, Gateways: map[string]vcc.GatewaySettings{}, RoutingEnabled: routing.Enabled,
		}
		host, err := findHost(ctx, tx, a.HostID)
		if err != nil {
			return nil, err
		}
		in.ID, in.HostName, in.Platform = applianceID(tenantID, a.HostID), host.Name, host.Platform
		if i := slices.IndexFunc(tenant.Appliances, func(l vcc.LabAppliance) bool { return l.Host == host.Name }); i >= 0 {
			in.External = tenant.Appliances[i].External
		}
		for _, g := range stored {
			in.Gateways[g.NetworkID] = g.GatewaySettings
		}
		for _, session := range active {
			if session.occupies([]string{host.Name}) {
				if in.Session, err = session.session(); err != nil {
					return nil, err
				}
			}
		}
		for _, p := range tenant.FailoverPlans {
			if s := in.Session; s == nil || s.Kind == vcc.FailoverPartialSite || s.PlanName == p.Name {
				in.PublicIPRules = append(in.PublicIPRules, p.PublicIPRules...)
			}
		}
		inputs = append(inputs, in)
	}
	return inputs, nil
}

// applianceID is the ID of a tenant's appliance on a host: there is one for as long
// as both exist, whether or not it runs.
func applianceID(tenantID, hostID string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(tenantID+"/"+hostID)).String()
}

func findTenant(ctx context.Context, db bun.IDB, tenantID string) (vcc.LabTenant, error) {
	var declaration string
	err := db.NewSelect().TableExpr("tenants").Column("declaration").Where("id = ?", tenantID).Scan(ctx, &declaration)
	if err != nil {
		return vcc.LabTenant{}, err
	}
	return decode[vcc.LabTenant](declaration)
}

func findHost(ctx context.Context, db bun.IDB, id string) (vcc.Host, error) {
	var declaration string
	if err := db.NewSelect().TableExpr("hosts").Column("declaration").Where("id = ?", id).Scan(ctx, &declaration); err != nil {
		return vcc.Host{}, err
	}
	return decode[vcc.Host](declaration)
}

// Prepare tells a failover's log and problems from what its appliances are
// compiled from. It runs inside the transaction and must do no I/O.
type Prepare func(session *vcc.FailoverSession, inputs []vcc.ApplianceInputs)

// StartFailover is vcc.FailoverService's, told what happens by prepare.
func (s *Store) StartFailover(ctx context.Context, as vcc.Actor, planID string, prepare Prepare) (session *vcc.FailoverSession, err error) {
	err = s.write(ctx, ofTenant(as.TenantID), func(tx bun.Tx) error {
		var hosts []string
		if session, hosts, err = s.fullSite(ctx, tx, as, planID, prepare); err != nil {
			return err
		}
		return s.begin(ctx, tx, as, session, hosts)
	})
	return session, err
}

// TestFailover is vcc.FailoverService's, told what would happen by prepare.
func (s *Store) TestFailover(ctx context.Context, as vcc.Actor, planID string, prepare Prepare) (session *vcc.FailoverSession, err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		session, _, err = s.fullSite(ctx, tx, as, planID, prepare)
		return err
	})
	return session, err
}

// fullSite makes the session of a full site failover, and lists the hosts whose
// appliances it occupies.
func (s *Store) fullSite(ctx context.Context, tx bun.Tx, as vcc.Actor, planID string, prepare Prepare) (*vcc.FailoverSession, []string, error) {
	var row failoverPlanRow
	err := failoverPlansOf(tx, as.TenantID).Where("id = ?", planID).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, notFound(planID, "there is no failover plan with ID %s", planID)
	}
	if err != nil {
		return nil, nil, err
	}
	plan, err := decode[vcc.LabFailoverPlan](row.Declaration)
	if err != nil {
		return nil, nil, err
	}
	session := &vcc.FailoverSession{
		Kind: vcc.FailoverFullSite, PlanID: row.ID, PlanName: row.Name, StartedAt: s.now(), StartedBy: as.Name,
	}
	replicas, err := replicaHosts(ctx, tx, as.TenantID)
	if err != nil {
		return nil, nil, err
	}
	var hosts []string
	for _, vm := range plan.VMs {
		if len(replicas[vm]) == 0 {
			session.Problems = append(session.Problems, vcc.ApplianceProblem{Code: "vm_not_replicated", Message: fmt.Sprintf(
				"VM %q has no replica to start: no replication job with it has run", vm)})
		}
		hosts = append(hosts, replicas[vm]...)
	}
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	if len(hosts) == 0 {
		return nil, nil, &vcc.Error{Code: vcc.CodeConflict, ResourceID: planID, Message: fmt.Sprintf(
			"failover plan %q has nothing to start: none of its VMs has a replica; run their replication jobs first", row.Name)}
	}
	inputs, err := applianceInputs(ctx, tx, as.TenantID)
	if err != nil {
		return nil, nil, err
	}
	inputs = slices.DeleteFunc(inputs, func(in vcc.ApplianceInputs) bool { return !slices.Contains(hosts, in.HostName) })
	for i := range inputs {
		inputs[i].PublicIPRules = plan.PublicIPRules
	}
	prepare(session, inputs)
	for _, vm := range plan.VMs {
		for _, host := range replicas[vm] {
			session.Log = append(session.Log, vcc.FailoverLogEntry{Time: session.StartedAt, Message: fmt.Sprintf("%s: replica of VM %q started", host, vm)})
		}
	}
	return session, hosts, nil
}

// replicaHosts lists, by VM, the hosts that have a replica of it: a replication
// job with it has run.
func replicaHosts(ctx context.Context, tx bun.Tx, tenantID string) (map[string][]string, error) {
	var rows []struct{ Declaration, Host string }
	err := tx.NewSelect().TableExpr("replication_jobs AS j").
		Join("JOIN hardware_plans AS p ON p.id = j.hardware_plan_id").
		Join("JOIN hosts AS h ON h.id = p.host_id").
		ColumnExpr("j.declaration, h.name AS host").
		Where("j.tenant_id = ?", tenantID).Where("j.runs > 0").OrderExpr("j.ordinal").Scan(ctx, &rows)
	if err != nil {
		return nil, err
	}
	hosts := map[string][]string{}
	for _, r := range rows {
		job, err := decode[vcc.LabReplicationJob](r.Declaration)
		if err != nil {
			return nil, err
		}
		for _, vm := range job.VMs {
			if !slices.Contains(hosts[vm], r.Host) {
				hosts[vm] = append(hosts[vm], r.Host)
			}
		}
	}
	return hosts, nil
}

// begin stores a session, unless one of its appliances is busy (rule 14).
func (s *Store) begin(ctx context.Context, tx bun.Tx, as vcc.Actor, session *vcc.FailoverSession, hosts []string) error {
	active, err := underWay(ctx, tx, as.TenantID)
	if err != nil {
		return err
	}
	for _, a := range active {
		if a.Kind == session.Kind && session.Kind == vcc.FailoverPartialSite && a.VM != session.VM {
			continue // an appliance serves any number of partial failovers
		}
		if a.occupies(hosts) {
			return &vcc.Error{Code: vcc.CodeConflict, ResourceID: a.ID, Message: fmt.Sprintf(
				"the network extension appliance is busy with %s since %s; an appliance does one kind of failover at a time. End that one first",
				describeSession(a.Kind, a.PlanName, a.VM), a.StartedAt.Format(time.RFC3339))}
		}
	}
	session.ID = uuid.NewString()
	row := sessionRow{
		ID: session.ID, TenantID: as.TenantID, Kind: session.Kind, PlanID: session.PlanID, PlanName: session.PlanName, VM: session.VM,
		StartedAt: session.StartedAt, StartedBy: session.StartedBy,
	}
	var errs [3]error
	row.Hosts, errs[0] = encode(hosts)
	row.Log, errs[1] = encode(session.Log)
	row.Problems, errs[2] = encode(session.Problems)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	_, err = tx.NewInsert().Model(&row).Exec(ctx)
	return err
}

func describeSession(kind vcc.FailoverKind, plan, vm string) string {
	if kind == vcc.FailoverPartialSite {
		return fmt.Sprintf("the partial site failover of VM %q", vm)
	}
	return fmt.Sprintf("the full site failover of plan %q", plan)
}

// UndoFailover implements vcc.FailoverService.
func (s *Store) UndoFailover(ctx context.Context, as vcc.Actor, planID string) (session *vcc.FailoverSession, err error) {
	err = s.write(ctx, ofTenant(as.TenantID), func(tx bun.Tx) error {
		var row failoverPlanRow
		err := failoverPlansOf(tx, as.TenantID).Where("id = ?", planID).Scan(ctx, &row)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound(planID, "there is no failover plan with ID %s", planID)
		}
		if err != nil {
			return err
		}
		session, err = s.end(ctx, tx, as, vcc.FailoverFullSite, "plan_id", planID, fmt.Sprintf("failover plan %q is not failed over; there is nothing to undo", row.Name),
			"addresses taken away, network extension appliances stopped")
		return err
	})
	return session, err
}

// end ends the session of a kind under way in which column has value.
func (s *Store) end(ctx context.Context, tx bun.Tx, as vcc.Actor, kind vcc.FailoverKind, column, value, none, message string) (*vcc.FailoverSession, error) {
	var row sessionRow
	err := tx.NewSelect().Model(&row).Where("tenant_id = ?", as.TenantID).Where("ended_at IS NULL").
		Where("kind = ?", kind).Where("? = ?", bun.Ident(column), value).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, &vcc.Error{Code: vcc.CodeConflict, ResourceID: value, Message: none}
	}
	if err != nil {
		return nil, err
	}
	session, err := row.session()
	if err != nil {
		return nil, err
	}
	session.EndedAt, session.EndedBy = s.now(), as.Name
	session.Log = append(session.Log, vcc.FailoverLogEntry{Time: session.EndedAt, Message: message})
	row.EndedAt, row.EndedBy = &session.EndedAt, session.EndedBy
	if row.Log, err = encode(session.Log); err != nil {
		return nil, err
	}
	_, err = tx.NewUpdate().Model(&row).WherePK().Exec(ctx)
	return session, err
}

// StartPartialFailover implements vcc.FailoverService.
func (s *Store) StartPartialFailover(ctx context.Context, as vcc.Actor, vm string) (session *vcc.FailoverSession, err error) {
	err = s.write(ctx, ofTenant(as.TenantID), func(tx bun.Tx) error {
		if err := knownVM(ctx, tx, as, vm); err != nil {
			return err
		}
		replicas, err := replicaHosts(ctx, tx, as.TenantID)
		if err != nil {
			return err
		}
		hosts := replicas[vm]
		if len(hosts) == 0 {
			return &vcc.Error{Code: vcc.CodeConflict, ResourceID: vm, Message: fmt.Sprintf(
				"VM %q has no replica to start; run a replication job with it first", vm)}
		}
		session = &vcc.FailoverSession{Kind: vcc.FailoverPartialSite, VM: vm, StartedAt: s.now(), StartedBy: as.Name}
		for _, host := range hosts {
			session.Log = append(session.Log, vcc.FailoverLogEntry{Time: session.StartedAt, Message: fmt.Sprintf("%s: replica of VM %q started behind a layer-2 tunnel", host, vm)})
		}
		return s.begin(ctx, tx, as, session, hosts)
	})
	return session, err
}

// StopPartialFailover implements vcc.FailoverService. A VM that the lab no longer
// has can be stopped too: its appliance would stay busy for ever.
func (s *Store) StopPartialFailover(ctx context.Context, as vcc.Actor, vm string) (session *vcc.FailoverSession, err error) {
	err = s.write(ctx, ofTenant(as.TenantID), func(tx bun.Tx) error {
		session, err = s.end(ctx, tx, as, vcc.FailoverPartialSite, "vm", vm,
			fmt.Sprintf("VM %q is not failed over; there is nothing to stop", vm), "replica and tunnel stopped")
		if vcc.Code(err) == vcc.CodeConflict {
			err = cmp.Or(knownVM(ctx, tx, as, vm), err)
		}
		return err
	})
	return session, err
}

func knownVM(ctx context.Context, tx bun.Tx, as vcc.Actor, name string) error {
	tenant, err := findTenant(ctx, tx, as.TenantID)
	if err == nil && !slices.ContainsFunc(tenant.VMs, func(vm vcc.VM) bool { return vm.Name == name }) {
		err = notFound(name, "there is no VM %q", name)
	}
	return err
}
