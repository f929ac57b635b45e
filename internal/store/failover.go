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

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// sessionRow is a failover session. The log and the problems are written once and
// read whole.
type sessionRow struct {
	ID            string
	Kind          vcc.FailoverKind
	PlanID        string
	PlanName      string
	VM            string
	Hosts         string
	StartedAt     time.Time
	StartedBy     string
	Log, Problems string
}

// selectUnderWay are a tenant's sessions that have not ended.
const selectUnderWay = "SELECT id, kind, plan_id, plan_name, vm, hosts, started_at, started_by, log, problems FROM failover_sessions " +
	"WHERE tenant_id = $1 AND ended_at IS NULL"

func (r *sessionRow) fields() []any {
	return []any{&r.ID, &r.Kind, &r.PlanID, &r.PlanName, &r.VM, &r.Hosts, &r.StartedAt, &r.StartedBy, &r.Log, &r.Problems}
}

func (r sessionRow) session() (*vcc.FailoverSession, error) {
	s := &vcc.FailoverSession{
		ID: r.ID, Kind: r.Kind, PlanID: r.PlanID, PlanName: r.PlanName, VM: r.VM,
		StartedAt: r.StartedAt, StartedBy: r.StartedBy,
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
func underWay(ctx context.Context, q querier, tenantID string) ([]sessionRow, error) {
	return queryAll[sessionRow](ctx, q, selectUnderWay+" ORDER BY started_at, id", tenantID)
}

const fromFailoverPlans = " FROM failover_plans WHERE tenant_id = $1"

func findFailoverPlan(ctx context.Context, q querier, tenantID, planID string) (declaredRow, error) {
	row, err := queryFirst[declaredRow](ctx, q, "SELECT id, name, declaration"+fromFailoverPlans+" AND id = $2", tenantID, planID)
	if errors.Is(err, sql.ErrNoRows) {
		err = notFound(planID, "there is no failover plan with ID %s", planID)
	}
	return row, err
}

// FailoverPlans implements vcc.FailoverService.
func (s *Store) FailoverPlans(ctx context.Context, as vcc.Actor, p vcc.Page) (list []vcc.FailoverPlan, total int, err error) {
	err = s.read(ctx, func(tx querier) error {
		list = nil
		rows, n, err := queryPage[declaredRow](ctx, tx, p, "id, name, declaration", fromFailoverPlans, " ORDER BY ordinal", as.TenantID)
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
	err = s.read(ctx, func(tx querier) error {
		list, err = applianceInputs(ctx, tx, as.TenantID)
		return err
	})
	return list, err
}

func applianceInputs(ctx context.Context, tx querier, tenantID string) ([]vcc.ApplianceInputs, error) {
	tenant, err := findTenant(ctx, tx, tenantID)
	if err != nil {
		return nil, err
	}
	networks, err := queryAll[networkRow](ctx, tx, selectNetworks+inNetworkOrder, tenantID)
	if err != nil {
		return nil, err
	}
	gateways, err := queryAll[gatewayRow](ctx, tx, selectGateways+inNetworkOrder, tenantID)
	if err != nil {
		return nil, err
	}
	stored, err := gatewaysIn(gateways)
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
			if s := in.Session; s == nil || s.Kind == vcc.FailoverPartialSite || vcc.SameName(s.PlanName, p.Name) {
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

func findTenant(ctx context.Context, q querier, tenantID string) (vcc.LabTenant, error) {
	declaration, err := queryValue[string](ctx, q, "SELECT declaration FROM tenants WHERE id = $1", tenantID)
	if err != nil {
		return vcc.LabTenant{}, err
	}
	return decode[vcc.LabTenant](declaration)
}

func findHost(ctx context.Context, q querier, id string) (vcc.Host, error) {
	declaration, err := queryValue[string](ctx, q, "SELECT declaration FROM hosts WHERE id = $1", id)
	if err != nil {
		return vcc.Host{}, err
	}
	return decode[vcc.Host](declaration)
}

// Prepare tells a failover's log and problems from what its appliances are
// compiled from. It runs inside the transaction and must do no I/O.
type Prepare func(session *vcc.FailoverSession, inputs []vcc.ApplianceInputs)

// StartFailover is vcc.FailoverService's, told what happens by prepare.
func (s *Store) StartFailover(ctx context.Context, as vcc.Actor, planID string, force bool, prepare Prepare) (session *vcc.FailoverSession, err error) {
	err = s.write(ctx, ofTenant(as.TenantID), func(tx querier) error {
		var hosts []string
		if session, hosts, err = s.fullSite(ctx, tx, as, planID, false, prepare); err != nil {
			return err
		}
		if force {
			if err := s.endPartial(ctx, tx, as, session, hosts); err != nil {
				return err
			}
		}
		return s.begin(ctx, tx, as, session, hosts)
	})
	return session, err
}

// TestFailover is vcc.FailoverService's, told what would happen by prepare.
func (s *Store) TestFailover(ctx context.Context, as vcc.Actor, planID string, prepare Prepare) (session *vcc.FailoverSession, err error) {
	err = s.read(ctx, func(tx querier) error {
		session, _, err = s.fullSite(ctx, tx, as, planID, true, prepare)
		return err
	})
	return session, err
}

// endPartial ends the partial failovers that keep the appliances of a full one busy, and
// says so at the head of its log.
func (s *Store) endPartial(ctx context.Context, tx querier, as vcc.Actor, full *vcc.FailoverSession, hosts []string) error {
	active, err := underWay(ctx, tx, as.TenantID)
	if err != nil {
		return err
	}
	var ended []vcc.FailoverLogEntry
	for _, a := range active {
		if a.Kind != vcc.FailoverPartialSite || !a.occupies(hosts) {
			continue
		}
		if _, err := s.endSession(ctx, tx, as, a, fmt.Sprintf("replica and tunnel stopped by %s", describeSession(full.Kind, full.PlanName, ""))); err != nil {
			return err
		}
		ended = append(ended, vcc.FailoverLogEntry{Time: full.StartedAt, Message: fmt.Sprintf("%s ended", describeSession(a.Kind, "", a.VM))})
	}
	full.Log = append(ended, full.Log...)
	return nil
}

// fullSite makes the session of a full site failover, or of a test of it, and lists the
// hosts whose appliances it occupies.
func (s *Store) fullSite(ctx context.Context, tx querier, as vcc.Actor, planID string, test bool, prepare Prepare) (*vcc.FailoverSession, []string, error) {
	row, err := findFailoverPlan(ctx, tx, as.TenantID, planID)
	if err != nil {
		return nil, nil, err
	}
	plan, err := decode[vcc.LabFailoverPlan](row.Declaration)
	if err != nil {
		return nil, nil, err
	}
	session := &vcc.FailoverSession{
		Kind: vcc.FailoverFullSite, PlanID: row.ID, PlanName: row.Name, StartedAt: s.now(), StartedBy: as.Name, Test: test,
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
	started := "started"
	if test {
		started = "would start"
	}
	for _, vm := range plan.VMs {
		for _, host := range replicas[vm] {
			session.Log = append(session.Log, vcc.FailoverLogEntry{Time: session.StartedAt, Message: fmt.Sprintf("%s: replica of VM %q %s", host, vm, started)})
		}
	}
	return session, hosts, nil
}

// replicaRow is what a job was declared as, and the name of the host it replicates to.
type replicaRow struct{ Declaration, Host string }

func (r *replicaRow) fields() []any { return []any{&r.Declaration, &r.Host} }

// replicaHosts lists, by VM, the hosts that have a replica of it: a replication
// job with it has run.
func replicaHosts(ctx context.Context, tx querier, tenantID string) (map[string][]string, error) {
	rows, err := queryAll[replicaRow](ctx, tx, "SELECT j.declaration, h.name FROM replication_jobs AS j "+
		"JOIN hardware_plans AS p ON p.id = j.hardware_plan_id JOIN hosts AS h ON h.id = p.host_id "+
		"WHERE j.tenant_id = $1 AND j.runs > 0 ORDER BY j.ordinal", tenantID)
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
func (s *Store) begin(ctx context.Context, tx querier, as vcc.Actor, session *vcc.FailoverSession, hosts []string) error {
	active, err := underWay(ctx, tx, as.TenantID)
	if err != nil {
		return err
	}
	for _, a := range active {
		if a.Kind == session.Kind && session.Kind == vcc.FailoverPartialSite && a.VM != session.VM {
			continue // an appliance serves any number of partial failovers
		}
		if a.occupies(hosts) {
			wayOut := "End that one first"
			if a.Kind == vcc.FailoverPartialSite && session.Kind == vcc.FailoverFullSite {
				wayOut += ", or start with force, which ends partial failovers"
			}
			return &vcc.Error{Code: vcc.CodeConflict, ResourceID: a.ID, Message: fmt.Sprintf(
				"the network extension appliance is busy with %s since %s; an appliance does one kind of failover at a time. %s",
				describeSession(a.Kind, a.PlanName, a.VM), a.StartedAt.Format(time.RFC3339), wayOut)}
		}
	}
	session.ID = uuid.NewString()
	occupied, hostsErr := encode(hosts)
	log, logErr := encode(session.Log)
	problems, problemsErr := encode(session.Problems)
	if err := errors.Join(hostsErr, logErr, problemsErr); err != nil {
		return err
	}
	return tx.exec(ctx, "INSERT INTO failover_sessions "+
		"(id, tenant_id, kind, plan_id, plan_name, vm, hosts, started_at, started_by, log, problems) "+
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		session.ID, as.TenantID, session.Kind, session.PlanID, session.PlanName, session.VM,
		occupied, session.StartedAt, session.StartedBy, log, problems)
}

func describeSession(kind vcc.FailoverKind, plan, vm string) string {
	if kind == vcc.FailoverPartialSite {
		return fmt.Sprintf("the partial site failover of VM %q", vm)
	}
	return fmt.Sprintf("the full site failover of plan %q", plan)
}

// UndoFailover implements vcc.FailoverService.
func (s *Store) UndoFailover(ctx context.Context, as vcc.Actor, planID string) (session *vcc.FailoverSession, err error) {
	err = s.write(ctx, ofTenant(as.TenantID), func(tx querier) error {
		row, err := findFailoverPlan(ctx, tx, as.TenantID, planID)
		if err != nil {
			return err
		}
		session, err = s.end(ctx, tx, as, selectUnderWay+" AND kind = 'fullSite' AND plan_id = $2", planID, fmt.Sprintf("failover plan %q is not failed over; there is nothing to undo", row.Name),
			"addresses taken away, network extension appliances stopped")
		return err
	})
	return session, err
}

// end ends the session under way that a query finds by what it is of.
func (s *Store) end(ctx context.Context, tx querier, as vcc.Actor, query, of, none, message string) (*vcc.FailoverSession, error) {
	row, err := queryFirst[sessionRow](ctx, tx, query+" ORDER BY started_at, id", as.TenantID, of)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, &vcc.Error{Code: vcc.CodeConflict, ResourceID: of, Message: none}
	}
	if err != nil {
		return nil, err
	}
	return s.endSession(ctx, tx, as, row, message)
}

// endSession ends a session under way; message is the last line of its log.
func (s *Store) endSession(ctx context.Context, tx querier, as vcc.Actor, row sessionRow, message string) (*vcc.FailoverSession, error) {
	session, err := row.session()
	if err != nil {
		return nil, err
	}
	session.EndedAt, session.EndedBy = s.now(), as.Name
	session.Log = append(session.Log, vcc.FailoverLogEntry{Time: session.EndedAt, Message: message})
	log, err := encode(session.Log)
	if err != nil {
		return nil, err
	}
	return session, tx.exec(ctx, "UPDATE failover_sessions SET ended_at = $1, ended_by = $2, log = $3 WHERE id = $4",
		session.EndedAt, session.EndedBy, log, session.ID)
}

// StartPartialFailover implements vcc.FailoverService.
func (s *Store) StartPartialFailover(ctx context.Context, as vcc.Actor, vm string) (session *vcc.FailoverSession, err error) {
	err = s.write(ctx, ofTenant(as.TenantID), func(tx querier) error {
		vm, err := knownVM(ctx, tx, as, vm)
		if err != nil {
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
	err = s.write(ctx, ofTenant(as.TenantID), func(tx querier) error {
		known, unknown := knownVM(ctx, tx, as, vm)
		if unknown == nil {
			vm = known
		}
		session, err = s.end(ctx, tx, as, selectUnderWay+" AND kind = 'partialSite' AND vm = $2", vm,
			fmt.Sprintf("VM %q is not failed over; there is nothing to stop", vm), "replica and tunnel stopped")
		if vcc.Code(err) == vcc.CodeConflict {
			err = cmp.Or(unknown, err)
		}
		return err
	})
	return session, err
}

// knownVM returns a VM's name as it is declared.
func knownVM(ctx context.Context, tx querier, as vcc.Actor, name string) (string, error) {
	tenant, err := findTenant(ctx, tx, as.TenantID)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(tenant.VMs, func(vm vcc.VM) bool { return vcc.SameName(vm.Name, name) })
	if i < 0 {
		return "", notFound(name, "there is no VM %s", vcc.Clip(name))
	}
	return tenant.VMs[i].Name, nil
}
