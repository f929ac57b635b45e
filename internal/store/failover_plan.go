package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// failoverPlanRow is a failover plan, and what stands in its place.
type failoverPlanRow struct {
	ID, Name string
	// Declaration and Specified have the form of failoverPlanRecord; nil where there is none.
	Declaration, Specified *string
	Revision               int64
	UpdatedAt              *time.Time
	UpdatedBy              string
}

const (
	failoverPlanColumns = "id, name, declaration, specified, revision, updated_at, updated_by"
	fromFailoverPlans   = " FROM failover_plans WHERE tenant_id = $1"
	// Those that the lab declares come first, in their order there.
	inFailoverPlanOrder = " ORDER BY CASE WHEN declaration IS NULL THEN 1 ELSE 0 END, ordinal, name"
)

func (r *failoverPlanRow) fields() []any {
	return []any{&r.ID, &r.Name, &r.Declaration, &r.Specified, &r.Revision, &r.UpdatedAt, &r.UpdatedBy}
}

// plan returns the plan that is in force, without its session.
func (r failoverPlanRow) plan() (vcc.FailoverPlan, error) {
	p := vcc.FailoverPlan{ID: r.ID, Name: r.Name, Origin: vcc.OriginDeclared, Revision: r.Revision, UpdatedBy: r.UpdatedBy}
	if r.UpdatedAt != nil {
		p.UpdatedAt = *r.UpdatedAt
	}
	var declaration, specified vcc.FailoverPlanSettings
	var err error
	if r.Declaration != nil {
		declaration, err = declared(*r.Declaration, failoverPlanRecord.settings)
	}
	if r.Specified != nil && err == nil {
		specified, err = declared(*r.Specified, failoverPlanRecord.settings)
	}
	switch {
	case r.Specified == nil:
		p.FailoverPlanSettings = declaration
	case r.Declaration == nil:
		p.Origin, p.FailoverPlanSettings = vcc.OriginSpecified, specified
	default:
		p.Origin, p.FailoverPlanSettings, p.Declared = vcc.OriginSpecified, specified, &declaration
	}
	return p, err
}

// newSpecifiedRecord is the record of a plan that somebody specified.
func newSpecifiedRecord(name string, s vcc.FailoverPlanSettings) failoverPlanRecord {
	r := newFailoverPlanRecord(vcc.LabFailoverPlan{Name: name, VMs: s.VMs, PublicIPRules: s.PublicIPRules})
	for vm, d := range s.Delays {
		if r.Delays == nil {
			r.Delays = map[string]int{}
		}
		r.Delays[vm] = int(d / time.Second)
	}
	return r
}

func (r failoverPlanRecord) settings() (vcc.FailoverPlanSettings, error) {
	plan, err := r.plan()
	s := vcc.FailoverPlanSettings{VMs: plan.VMs, PublicIPRules: plan.PublicIPRules}
	for vm, seconds := range r.Delays {
		if s.Delays == nil {
			s.Delays = map[string]time.Duration{}
		}
		s.Delays[vm] = time.Duration(seconds) * time.Second
	}
	return s, err
}

// failoverPlanStateRecord is what the history keeps of a plan.
type failoverPlanStateRecord struct {
	Origin vcc.Origin `json:"origin"`
	failoverPlanRecord
}

// planRecordOf is what the history keeps of a plan, nil for none.
func planRecordOf(p *vcc.FailoverPlan) any {
	if p == nil {
		return nil
	}
	return failoverPlanStateRecord{p.Origin, newSpecifiedRecord(p.Name, p.FailoverPlanSettings)}
}

func (r failoverPlanStateRecord) state() (vcc.FailoverPlanState, error) {
	s, err := r.settings()
	return vcc.FailoverPlanState{Origin: r.Origin, FailoverPlanSettings: s}, err
}

// findFailoverPlan returns a plan with its session. CodeNotFound: there is none.
func findFailoverPlan(ctx context.Context, q querier, tenantID, planID string) (vcc.FailoverPlan, error) {
	row, err := queryFirst[failoverPlanRow](ctx, q, "SELECT "+failoverPlanColumns+fromFailoverPlans+" AND id = $2", tenantID, planID)
	if errors.Is(err, sql.ErrNoRows) {
		err = notFound(planID, "there is no failover plan with ID %s", planID)
	}
	if err != nil {
		return vcc.FailoverPlan{}, err
	}
	active, err := underWay(ctx, q, tenantID)
	if err != nil {
		return vcc.FailoverPlan{}, err
	}
	return row.withSession(active)
}

// withSession returns the plan that is in force with its failover, if one of those is.
func (r failoverPlanRow) withSession(active []activeSession) (vcc.FailoverPlan, error) {
	plan, err := r.plan()
	if i := slices.IndexFunc(active, func(a activeSession) bool { return a.PlanID == r.ID }); i >= 0 {
		plan.Session = &active[i].FailoverSession
	}
	return plan, err
}

// FailoverPlans implements vcc.FailoverService.
func (s *Store) FailoverPlans(ctx context.Context, as vcc.Actor, p vcc.Page) ([]vcc.FailoverPlan, int, error) {
	return readPage(ctx, s, func(tx querier) (page[vcc.FailoverPlan], error) {
		active, err := underWay(ctx, tx, as.TenantID)
		if err != nil {
			return page[vcc.FailoverPlan]{}, err
		}
		return queryPage(ctx, tx, p, func(r failoverPlanRow) (vcc.FailoverPlan, error) { return r.withSession(active) },
			failoverPlanColumns, fromFailoverPlans, inFailoverPlanOrder, as.TenantID)
	})
}

// FailoverPlan implements vcc.FailoverPlanService.
func (s *Store) FailoverPlan(ctx context.Context, as vcc.Actor, planID string) (*vcc.FailoverPlan, error) {
	return read(ctx, s, func(tx querier) (*vcc.FailoverPlan, error) {
		plan, err := findFailoverPlan(ctx, tx, as.TenantID, planID)
		if err != nil {
			return nil, err
		}
		return &plan, nil
	})
}

// planWrite is a write of a failover plan, once it is seen to break no rule.
type planWrite struct {
	// current is nil where there is no such plan.
	current  *vcc.FailoverPlan
	settings vcc.FailoverPlanSettings
}

// checkPlan checks what is to be stored for a plan against everything else of the tenant.
func checkPlan(ctx context.Context, tx querier, as vcc.Actor, planID, name string, settings vcc.FailoverPlanSettings, p vcc.Precondition) (planWrite, error) {
	tenant, err := findTenant(ctx, tx, as.TenantID)
	if errors.Is(err, sql.ErrNoRows) {
		err = notFound(as.TenantID, "there is no tenant with ID %s", as.TenantID)
	}
	if err != nil {
		return planWrite{}, err
	}
	rows, err := queryAll[failoverPlanRow](ctx, tx, "SELECT "+failoverPlanColumns+fromFailoverPlans, as.TenantID)
	if err != nil {
		return planWrite{}, err
	}
	plans, err := convertAll(rows, failoverPlanRow.plan)
	if err != nil {
		return planWrite{}, err
	}
	w := planWrite{settings: settings.Respelled(tenant.Site)}
	var others []vcc.FailoverPlan
	for _, other := range plans {
		if other.ID == planID {
			w.current = &other
		} else {
			others = append(others, other)
		}
	}
	if err := p.CheckFailoverPlan(planID, w.current); err != nil {
		return w, err
	}
	if err := w.settings.Check(tenant); err != nil {
		return w, err
	}
	if w.current != nil && !vcc.SameName(w.current.Name, name) {
		return w, &vcc.Error{Code: vcc.CodeConflict, Field: "name", ResourceID: planID, Message: vcc.Message(
			"the failover plan is called %q, and a plan keeps its name; to give it another one, remove it and add a new one", w.current.Name)}
	}
	for _, other := range others {
		if vcc.SameName(other.Name, name) {
			return w, &vcc.Error{Code: vcc.CodeConflict, Field: "name", ResourceID: other.ID, Message: vcc.Message(
				"there is a failover plan %q already, with ID %s; a plan's name is unique", other.Name, other.ID)}
		}
	}
	return w, w.settings.CheckPublicAddresses(others)
}

// validatePlan checks what needs no look at what is stored.
func validatePlan(planID, name string, settings vcc.FailoverPlanSettings) error {
	return errors.Join(
		vcc.Within("id", vcc.ValidatePlanID(planID)), vcc.Within("name", vcc.ValidateName(name)), settings.Validate())
}

// CheckFailoverPlan implements vcc.FailoverPlanService.
func (s *Store) CheckFailoverPlan(ctx context.Context, as vcc.Actor, planID, name string, settings vcc.FailoverPlanSettings) error {
	if err := validatePlan(planID, name, settings); err != nil {
		return err
	}
	_, err := read(ctx, s, func(tx querier) (planWrite, error) {
		return checkPlan(ctx, tx, as, planID, name, settings, vcc.Precondition{})
	})
	return err
}

// PutFailoverPlan implements vcc.FailoverPlanService.
func (s *Store) PutFailoverPlan(ctx context.Context, as vcc.Actor, planID, name string, settings vcc.FailoverPlanSettings, p vcc.Precondition) (*vcc.FailoverPlan, bool, error) {
	if err := validatePlan(planID, name, settings); err != nil {
		return nil, false, err
	}
	type outcome struct {
		plan    *vcc.FailoverPlan
		created bool
	}
	o, err := write(ctx, s, ofTenant(as.TenantID), func(tx querier) (outcome, error) {
		w, err := checkPlan(ctx, tx, as, planID, name, settings, p)
		if err != nil {
			return outcome{}, err
		}
		if c := w.current; c == nil || c.Origin != vcc.OriginSpecified || !c.FailoverPlanSettings.Equal(w.settings) {
			if err := s.putPlan(ctx, tx, as, planID, name, w); err != nil {
				return outcome{}, err
			}
		}
		plan, err := findFailoverPlan(ctx, tx, as.TenantID, planID)
		return outcome{&plan, w.current == nil}, err
	})
	if err != nil {
		return nil, false, err
	}
	return o.plan, o.created, nil
}

// putPlan stores a plan in place of what it has now.
func (s *Store) putPlan(ctx context.Context, tx querier, as vcc.Actor, planID, name string, w planWrite) error {
	after := vcc.FailoverPlan{Name: name, Origin: vcc.OriginSpecified, FailoverPlanSettings: w.settings}
	if w.current != nil {
		after.Name = w.current.Name
	}
	change, err := s.recordChange(ctx, tx, as, nil, &planID, planRecordOf(w.current), planRecordOf(&after))
	if err != nil {
		return err
	}
	specified, err := encode(newSpecifiedRecord(after.Name, w.settings))
	if err != nil {
		return err
	}
	return tx.exec(ctx, "INSERT INTO failover_plans (tenant_id, id, name, ordinal, specified, revision, updated_at, updated_by) "+
		"VALUES ($1, $2, $3, 0, $4, $5, $6, $7) ON CONFLICT (tenant_id, id) DO UPDATE SET specified = excluded.specified, "+
		"revision = excluded.revision, updated_at = excluded.updated_at, updated_by = excluded.updated_by",
		as.TenantID, planID, after.Name, specified, change.Revision, change.ChangedAt, change.Actor)
}

// RemoveFailoverPlan implements vcc.FailoverPlanService.
func (s *Store) RemoveFailoverPlan(ctx context.Context, as vcc.Actor, planID string, p vcc.Precondition) (*vcc.FailoverPlan, error) {
	return write(ctx, s, ofTenant(as.TenantID), func(tx querier) (*vcc.FailoverPlan, error) {
		current, err := findFailoverPlan(ctx, tx, as.TenantID, planID)
		if err == nil {
			err = p.CheckFailoverPlan(planID, &current)
		}
		switch {
		case err != nil:
			return nil, err
		case current.Origin == vcc.OriginDeclared:
			return &current, nil
		case current.Declared == nil:
			return nil, s.removePlan(ctx, tx, as, current)
		}
		return s.restorePlan(ctx, tx, as, current)
	})
}

// removePlan removes a plan that no lab declares.
func (s *Store) removePlan(ctx context.Context, tx querier, as vcc.Actor, current vcc.FailoverPlan) error {
	if err := current.CheckRemovable(); err != nil {
		return err
	}
	if _, err := s.recordChange(ctx, tx, as, nil, &current.ID, planRecordOf(&current), nil); err != nil {
		return err
	}
	return tx.exec(ctx, "DELETE FROM failover_plans WHERE tenant_id = $1 AND id = $2", as.TenantID, current.ID)
}

// restorePlan brings back what the lab declares, unless it has no place any more.
func (s *Store) restorePlan(ctx context.Context, tx querier, as vcc.Actor, current vcc.FailoverPlan) (*vcc.FailoverPlan, error) {
	if _, err := checkPlan(ctx, tx, as, current.ID, current.Name, *current.Declared, vcc.Precondition{}); err != nil {
		return nil, &vcc.Error{Code: vcc.CodeConflict, ResourceID: current.ID, Message: vcc.Message(
			"what the lab declares for failover plan %q would be in force again, and has no place: %s. Nothing was changed", current.Name, err.Error())}
	}
	after := vcc.FailoverPlan{Name: current.Name, Origin: vcc.OriginDeclared, FailoverPlanSettings: *current.Declared}
	change, err := s.recordChange(ctx, tx, as, nil, &current.ID, planRecordOf(&current), planRecordOf(&after))
	if err != nil {
		return nil, err
	}
	err = tx.exec(ctx, "UPDATE failover_plans SET specified = NULL, revision = $3, updated_at = $4, updated_by = $5 WHERE tenant_id = $1 AND id = $2",
		as.TenantID, current.ID, change.Revision, change.ChangedAt, change.Actor)
	if err != nil {
		return nil, err
	}
	restored, err := findFailoverPlan(ctx, tx, as.TenantID, current.ID)
	return &restored, err
}

// FailoverPlanChanges implements vcc.FailoverPlanService.
func (s *Store) FailoverPlanChanges(ctx context.Context, as vcc.Actor, planID string, p vcc.Page) ([]vcc.FailoverPlanChange, int, error) {
	return readPage(ctx, s, func(tx querier) (page[vcc.FailoverPlanChange], error) {
		found, err := queryPage(ctx, tx, p, changeRow.planChange, changeColumns,
			" FROM changes WHERE tenant_id = $1 AND failover_plan_id = $2", " ORDER BY revision DESC", as.TenantID, planID)
		if err == nil && found.total == 0 { // as a plan that is as the lab declared it first
			_, err = findFailoverPlan(ctx, tx, as.TenantID, planID)
		}
		return found, err
	})
}

// planChange returns an entry of a failover plan's history.
func (r changeRow) planChange() (vcc.FailoverPlanChange, error) {
	c := vcc.FailoverPlanChange{Revision: r.Revision, Time: r.ChangedAt, Actor: r.Actor}
	for _, side := range []struct {
		text  *string
		state **vcc.FailoverPlanState
	}{{r.Before, &c.Before}, {r.After, &c.After}} {
		if side.text == nil {
			continue
		}
		state, err := declared(*side.text, failoverPlanStateRecord.state)
		if err != nil {
			return c, fmt.Errorf("reading a history: %w", err)
		}
		*side.state = &state
	}
	return c, nil
}
