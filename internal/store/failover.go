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
	EndedAt       *time.Time
	EndedBy       string
	Log, Problems string
	Test          bool
	Outcome       *string
}

const sessionColumns = "id, kind, plan_id, plan_name, vm, hosts, started_at, started_by, ended_at, ended_by, log, problems, test, outcome"

// What lists leave out is what has an entry for each network and each VM.
const (
	underWayColumns = "id, kind, plan_id, plan_name, vm, hosts, started_at, started_by, ended_at, ended_by, log, problems, test, NULL"
	listedColumns   = "id, kind, plan_id, plan_name, vm, hosts, started_at, started_by, ended_at, ended_by, '[]', problems, test, NULL"
)

// selectUnderWay are a tenant's sessions that have not ended.
const selectUnderWay = "SELECT " + underWayColumns + fromSessions + " AND ended_at IS NULL"

func (r *sessionRow) fields() []any {
	return []any{
		&r.ID, &r.Kind, &r.PlanID, &r.PlanName, &r.VM, &r.Hosts, &r.StartedAt, &r.StartedBy, &r.EndedAt, &r.EndedBy,
		&r.Log, &r.Problems, &r.Test, &r.Outcome,
	}
}

func (r sessionRow) session() (vcc.FailoverSession, error) {
	s := vcc.FailoverSession{
		ID: r.ID, Kind: r.Kind, PlanID: r.PlanID, PlanName: r.PlanName, VM: r.VM,
		StartedAt: r.StartedAt, StartedBy: r.StartedBy, EndedBy: r.EndedBy, Test: r.Test,
	}
	if r.EndedAt != nil && !r.Test {
		s.EndedAt = *r.EndedAt
	}
	if r.Outcome != nil {
		outcome, err := decode[outcomeRecord](*r.Outcome)
		if err != nil {
			return s, err
		}
		outcome.fill(&s)
	}
	log, logErr := decode[[]logEntryRecord](r.Log)
	problems, problemsErr := decode[[]problemRecord](r.Problems)
	s.Log = each(log, func(e logEntryRecord) vcc.FailoverLogEntry { return vcc.FailoverLogEntry(e) })
	s.Problems = each(problems, func(p problemRecord) vcc.ApplianceProblem { return vcc.ApplianceProblem(p) })
	return s, errors.Join(logErr, problemsErr)
}

// newSessionRow returns the row of a session that begins.
func newSessionRow(s vcc.FailoverSession, hosts []string) (sessionRow, error) {
	occupied, hostsErr := encode(hosts)
	log, logErr := encodeLog(s.Log)
	problems, problemsErr := encode(each(s.Problems, func(p vcc.ApplianceProblem) problemRecord { return problemRecord(p) }))
	r := sessionRow{
		ID: s.ID, Kind: s.Kind, PlanID: s.PlanID, PlanName: s.PlanName, VM: s.VM, Hosts: occupied,
		StartedAt: s.StartedAt, StartedBy: s.StartedBy, Log: log, Problems: problems, Test: s.Test,
	}
	if s.Test { // which is never under way
		r.EndedAt = &s.StartedAt
	}
	var outcomeErr error
	if o := newOutcomeRecord(s); o != nil {
		var text string
		text, outcomeErr = encode(o)
		r.Outcome = &text
	}
	return r, errors.Join(hostsErr, logErr, problemsErr, outcomeErr)
}

func encodeLog(log []vcc.FailoverLogEntry) (string, error) {
	return encode(each(log, func(e vcc.FailoverLogEntry) logEntryRecord { return logEntryRecord(e) }))
}

// activeSession is a failover under way, and the hosts whose appliances it occupies.
type activeSession struct {
	vcc.FailoverSession
	hosts []string
}

func (r sessionRow) active() (activeSession, error) {
	session, err := r.session()
	hosts, hostsErr := decode[[]string](r.Hosts)
	return activeSession{session, hosts}, errors.Join(err, hostsErr)
}

// occupies reports whether the session occupies the appliance of one of the hosts.
func (s activeSession) occupies(hosts ...string) bool {
	return slices.ContainsFunc(s.hosts, func(h string) bool { return slices.Contains(hosts, h) })
}

// underWay lists a tenant's failovers under way on the appliances of some hosts; with no
// hosts, all of them.
func underWay(ctx context.Context, q querier, tenantID string, hosts ...string) ([]activeSession, error) {
	rows, err := queryAll[sessionRow](ctx, q, selectUnderWay+" ORDER BY started_at, id", tenantID)
	if err != nil {
		return nil, err
	}
	active, err := convertAll(rows, sessionRow.active)
	if len(hosts) > 0 {
		active = slices.DeleteFunc(active, func(s activeSession) bool { return !s.occupies(hosts...) })
	}
	return active, err
}

// sessionsUnderWay are the failovers that underWay lists.
func sessionsUnderWay(ctx context.Context, q querier, tenantID string, hosts []string) ([]vcc.FailoverSession, error) {
	active, err := underWay(ctx, q, tenantID, hosts...)
	return convert(active, func(a activeSession) vcc.FailoverSession { return a.FailoverSession }), err
}

func applianceInputs(ctx context.Context, tx querier, tenantID string, tenant vcc.LabTenant) ([]vcc.ApplianceInputs, error) {
	networks, err := queryAll[networkRow](ctx, tx, selectNetworks+inNetworkOrder, tenantID)
	if err != nil {
		return nil, err
	}
	rows, err := queryAll[gatewayRow](ctx, tx, selectGateways+inNetworkOrder, tenantID)
	if err != nil {
		return nil, err
	}
	stored, err := convertAll(rows, gatewayRow.storedGateway)
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
			if session.occupies(host.Name) {
				in.Session = &session.FailoverSession
			}
		}
		in.PublicIPRules = vcc.PublicIPRulesInForce(tenant.FailoverPlans, in.Session)
		inputs = append(inputs, in)
	}
	return inputs, nil
}

// applianceID is the ID of a tenant's appliance on a host: there is one for as long
// as both exist, whether or not it runs.
func applianceID(tenantID, hostID string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(tenantID+"/"+hostID)).String()
}

// tenantPartRow is the declaration of a tenant, of one of its jobs, or of one of its failover
// plans, by kind.
type tenantPartRow struct {
	Kind, Ordinal int
	Declaration   string
}

func (r *tenantPartRow) fields() []any { return []any{&r.Kind, &r.Ordinal, &r.Declaration} }

// selectTenant are all parts of a tenant: the tenant and its jobs as they are declared, and its
// failover plans as they are in force.
const selectTenant = "SELECT 0 AS kind, 0 AS ordinal, declaration FROM tenants WHERE id = $1 " +
	"UNION ALL SELECT 1, ordinal, declaration FROM replication_jobs WHERE tenant_id = $1 " +
	"UNION ALL SELECT CASE WHEN declaration IS NULL THEN 3 ELSE 2 END, ordinal, COALESCE(specified, declaration) FROM failover_plans WHERE tenant_id = $1 ORDER BY 1, 2, 3"

// findTenant returns a tenant as it is declared, with the failover plans that are in force.
// sql.ErrNoRows: there is none.
func findTenant(ctx context.Context, q querier, tenantID string) (vcc.LabTenant, error) {
	parts, err := queryAll[tenantPartRow](ctx, q, selectTenant, tenantID)
	if err != nil {
		return vcc.LabTenant{}, err
	}
	if len(parts) == 0 || parts[0].Kind != 0 {
		return vcc.LabTenant{}, sql.ErrNoRows
	}
	t, err := declared(parts[0].Declaration, tenantRecord.tenant)
	for _, p := range parts[1:] {
		if err != nil {
			return t, err
		}
		err = addPart(&t, p)
	}
	return t, err
}

// addPart adds a job or a failover plan to a tenant's declaration.
func addPart(t *vcc.LabTenant, p tenantPartRow) error {
	if p.Kind == 1 {
		job, err := declared(p.Declaration, jobRecord.job)
		t.Jobs = append(t.Jobs, job)
		return err
	}
	plan, err := declared(p.Declaration, failoverPlanRecord.plan)
	t.FailoverPlans = append(t.FailoverPlans, plan)
	return err
}

// findSite returns a tenant's own site.
func findSite(ctx context.Context, q querier, tenantID string) (vcc.Site, error) {
	declaration, err := queryValue[string](ctx, q, "SELECT declaration FROM tenants WHERE id = $1", tenantID)
	if err != nil {
		return vcc.Site{}, err
	}
	t, err := declared(declaration, tenantRecord.tenant)
	return t.Site, err
}

func findHost(ctx context.Context, q querier, id string) (vcc.Host, error) {
	declaration, err := queryValue[string](ctx, q, "SELECT declaration FROM hosts WHERE id = $1", id)
	if err != nil {
		return vcc.Host{}, err
	}
	return declared(declaration, hostRecord.host)
}

// Prepare tells what a full site failover that begins at a time does, or what a test of one says, from
// the inputs of its appliances. It runs inside the transaction and must do no I/O.
type Prepare func(test bool, at time.Time, inputs []vcc.ApplianceInputs) Prepared

// Prepared are the parts of a session that follow from the inputs of its appliances.
type Prepared struct {
	Log             []vcc.FailoverLogEntry
	Problems        []vcc.ApplianceProblem
	Networks        []vcc.SessionNetwork
	PublicAddresses []vcc.SessionPublicAddress
}

// StartFailover is vcc.FailoverService's; prepare tells what happens.
func (s *Store) StartFailover(ctx context.Context, as vcc.Actor, planID string, force bool, prepare Prepare) (*vcc.FailoverSession, error) {
	return write(ctx, s, ofTenant(as.TenantID), func(tx querier) (*vcc.FailoverSession, error) {
		session, hosts, err := s.fullSite(ctx, tx, as, planID, false, prepare)
		if err != nil {
			return nil, err
		}
		if force {
			ended, err := s.endPartial(ctx, tx, as, session, hosts)
			if err != nil {
				return nil, err
			}
			session.Log = append(ended, session.Log...)
		}
		return s.begin(ctx, tx, as, session, hosts)
	})
}

// endPartial ends the partial failovers that occupy the appliances of a full one (D14), and
// returns what the log of the full one says about that.
func (s *Store) endPartial(ctx context.Context, tx querier, as vcc.Actor, full vcc.FailoverSession, hosts []string) ([]vcc.FailoverLogEntry, error) {
	active, err := underWay(ctx, tx, as.TenantID, hosts...)
	if err != nil {
		return nil, err
	}
	var log []vcc.FailoverLogEntry
	for _, a := range active {
		if a.Kind != vcc.FailoverPartialSite {
			continue
		}
		if _, err := s.endSession(ctx, tx, as, a.FailoverSession, fmt.Sprintf("replica and tunnel stopped by %s", full)); err != nil {
			return nil, err
		}
		log = append(log, vcc.FailoverLogEntry{Time: full.StartedAt, Message: fmt.Sprintf("%s ended", a.FailoverSession)})
	}
	return log, nil
}

// fullSite makes the session of a full site failover, or of a test of it, and lists the
// hosts whose appliances it occupies.
func (s *Store) fullSite(ctx context.Context, tx querier, as vcc.Actor, planID string, test bool, prepare Prepare) (vcc.FailoverSession, []string, error) {
	session := vcc.FailoverSession{Kind: vcc.FailoverFullSite, StartedAt: s.now(), StartedBy: as.Name, Test: test}
	plan, err := findFailoverPlan(ctx, tx, as.TenantID, planID)
	if err != nil {
		return session, nil, err
	}
	session.PlanID, session.PlanName = plan.ID, plan.Name
	replicas, err := replicaHosts(ctx, tx, as.TenantID)
	if err != nil {
		return session, nil, err
	}
	var hosts []string
	for _, vm := range plan.VMs {
		if len(replicas[vm]) == 0 {
			session.Problems = append(session.Problems, vcc.ApplianceProblem{Code: vcc.ProblemVMNotReplicated, Message: fmt.Sprintf(
				"VM %q has no replica to start: no replication job with it has run", vm)})
		}
		hosts = append(hosts, replicas[vm]...)
	}
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	if len(hosts) == 0 {
		return session, nil, &vcc.Error{Code: vcc.CodeConflict, ResourceID: planID, Message: fmt.Sprintf(
			"failover plan %q has nothing to start: none of its VMs has a replica; run their replication jobs first", plan.Name)}
	}
	tenant, err := findTenant(ctx, tx, as.TenantID)
	if err != nil {
		return session, nil, err
	}
	inputs, err := applianceInputs(ctx, tx, as.TenantID, tenant)
	if err != nil {
		return session, nil, err
	}
	session.Machines = tenant.SessionMachines(plan.VMs, replicas, inputs)
	inputs = slices.DeleteFunc(inputs, func(in vcc.ApplianceInputs) bool { return !slices.Contains(hosts, in.HostName) })
	for i := range inputs {
		inputs[i].PublicIPRules = plan.PublicIPRules
	}
	prepared := prepare(test, session.StartedAt, inputs)
	session.Log, session.Problems = prepared.Log, append(session.Problems, prepared.Problems...)
	session.Networks, session.PublicAddresses = prepared.Networks, prepared.PublicAddresses
	started := "started"
	if test {
		started = "would start"
		active, err := sessionsUnderWay(ctx, tx, as.TenantID, hosts)
		if err != nil {
			return session, nil, err
		}
		session.Problems = append(session.Problems, vcc.OccupiedProblems(session, active)...)
	}
	for i, vm := range plan.VMs {
		for _, host := range replicas[vm] {
			session.Log = append(session.Log, vcc.FailoverLogEntry{Time: session.StartedAt, Message: fmt.Sprintf("%s: replica of VM %q %s", host, vm, started)})
		}
		// A start is one transaction, and a reference backend has no guests to wait for.
		if d := plan.Delay(vm); d > 0 && i < len(plan.VMs)-1 {
			session.Log = append(session.Log, vcc.FailoverLogEntry{Time: session.StartedAt, Message: fmt.Sprintf(
				"the plan has the next VM wait %d s; the reference backend waits for nothing", int(d.Seconds()))})
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
		job, err := declared(r.Declaration, jobRecord.job)
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

// begin stores a session, unless one of its appliances is busy (D14).
func (s *Store) begin(ctx context.Context, tx querier, as vcc.Actor, session vcc.FailoverSession, hosts []string) (*vcc.FailoverSession, error) {
	active, err := sessionsUnderWay(ctx, tx, as.TenantID, hosts)
	if err != nil {
		return nil, err
	}
	if err := vcc.CheckOccupied(session, active); err != nil {
		return nil, err
	}
	session.ID = uuid.NewString()
	return &session, insertSession(ctx, tx, as, session, hosts)
}

// UndoFailover implements vcc.FailoverService.
func (s *Store) UndoFailover(ctx context.Context, as vcc.Actor, planID string) (*vcc.FailoverSession, error) {
	return write(ctx, s, ofTenant(as.TenantID), func(tx querier) (*vcc.FailoverSession, error) {
		plan, err := findFailoverPlan(ctx, tx, as.TenantID, planID)
		if err != nil {
			return nil, err
		}
		active, err := underWay(ctx, tx, as.TenantID)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(active, func(a activeSession) bool { return a.Kind == vcc.FailoverFullSite && a.PlanID == planID })
		if i < 0 {
			return nil, &vcc.Error{Code: vcc.CodeConflict, ResourceID: planID, Message: fmt.Sprintf("failover plan %q is not failed over; there is nothing to undo", plan.Name)}
		}
		return s.endSession(ctx, tx, as, active[i].FailoverSession, "addresses taken away, network extension appliances stopped")
	})
}

// endSession ends a session under way; message is the last line of its log.
func (s *Store) endSession(ctx context.Context, tx querier, as vcc.Actor, session vcc.FailoverSession, message string) (*vcc.FailoverSession, error) {
	session.EndedAt, session.EndedBy = s.now(), as.Name
	session.Log = append(slices.Clone(session.Log), vcc.FailoverLogEntry{Time: session.EndedAt, Message: message})
	log, err := encodeLog(session.Log)
	if err != nil {
		return nil, err
	}
	err = tx.exec(ctx, "UPDATE failover_sessions SET ended_at = $1, ended_by = $2, log = $3 WHERE id = $4",
		session.EndedAt, session.EndedBy, log, session.ID)
	if err != nil {
		return nil, err
	}
	return findSession(ctx, tx, as, session.ID)
}

// StartPartialFailover implements vcc.FailoverService.
func (s *Store) StartPartialFailover(ctx context.Context, as vcc.Actor, vm string) (*vcc.FailoverSession, error) {
	return write(ctx, s, ofTenant(as.TenantID), func(tx querier) (*vcc.FailoverSession, error) {
		vm, err := knownVM(ctx, tx, as, vm)
		if err != nil {
			return nil, err
		}
		replicas, err := replicaHosts(ctx, tx, as.TenantID)
		if err != nil {
			return nil, err
		}
		hosts := replicas[vm]
		if len(hosts) == 0 {
			return nil, &vcc.Error{Code: vcc.CodeConflict, ResourceID: vm, Message: fmt.Sprintf(
				"VM %q has no replica to start; run a replication job with it first", vm)}
		}
		session := vcc.FailoverSession{Kind: vcc.FailoverPartialSite, VM: vm, StartedAt: s.now(), StartedBy: as.Name}
		for _, host := range hosts {
			session.Log = append(session.Log, vcc.FailoverLogEntry{Time: session.StartedAt, Message: fmt.Sprintf("%s: replica of VM %q started behind a layer-2 tunnel", host, vm)})
		}
		return s.begin(ctx, tx, as, session, hosts)
	})
}

// StopPartialFailover implements vcc.FailoverService. A VM that the lab no longer
// has can be stopped too: its appliance would stay busy for ever.
func (s *Store) StopPartialFailover(ctx context.Context, as vcc.Actor, vm string) (*vcc.FailoverSession, error) {
	return write(ctx, s, ofTenant(as.TenantID), func(tx querier) (*vcc.FailoverSession, error) {
		known, unknown := knownVM(ctx, tx, as, vm)
		if unknown == nil {
			vm = known
		} else if vcc.Code(unknown) != vcc.CodeNotFound {
			return nil, unknown
		}
		active, err := underWay(ctx, tx, as.TenantID)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(active, func(a activeSession) bool { return a.Kind == vcc.FailoverPartialSite && a.VM == vm })
		if i < 0 {
			return nil, cmp.Or(unknown, error(&vcc.Error{Code: vcc.CodeConflict, ResourceID: vm, Message: fmt.Sprintf("VM %q is not failed over; there is nothing to stop", vm)}))
		}
		return s.endSession(ctx, tx, as, active[i].FailoverSession, "replica and tunnel stopped")
	})
}

// knownVM returns a VM's name as it is declared.
func knownVM(ctx context.Context, tx querier, as vcc.Actor, name string) (string, error) {
	site, err := findSite(ctx, tx, as.TenantID)
	if err != nil {
		return "", err
	}
	vm, ok := site.VM(name)
	if !ok {
		return "", notFound(name, "there is no VM %s", vcc.Clip(name))
	}
	return vm.Name, nil
}
