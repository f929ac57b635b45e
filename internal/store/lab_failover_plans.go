package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// A lab declares failover plans, and people specify others in their place or beside them. A lab
// changes what is declared and nothing that is specified: that stays in force, and what is declared comes
// back once it is taken away.

// redeclaredPlan is a plan that is as declared, and that a lab declares otherwise than before, or no longer:
// then after has no declaration.
type redeclaredPlan struct {
	before, after labFailoverPlanRow
}

// planFailoverPlans keeps the sessions of plans that stay. A plan that is failed
// over cannot go: nobody could undo it.
func (p *labPlanner) planFailoverPlans() error {
	left := maps.Clone(p.stored.failoverPlans)
	for _, t := range p.lab.Tenants {
		for i, plan := range t.FailoverPlans {
			declaration, err := encode(newFailoverPlanRecord(plan))
			if err != nil {
				return err
			}
			key := ownedName{p.tenantIDs[t.Name], vcc.NormalName(plan.Name)}
			old, there := left[key]
			delete(left, key)
			r := labFailoverPlanRow{
				ID: old.ID, TenantID: key.tenantID, Name: plan.Name, Ordinal: i, Declaration: declaration, Specified: old.Specified, Active: old.Active,
			}
			if !there {
				r.ID = p.newID()
			}
			p.changePlan(t.Name, old, r)
		}
	}
	stays := map[string]string{}
	for _, t := range p.lab.Tenants {
		stays[p.tenantIDs[t.Name]] = t.Name
	}
	for _, key := range slices.SortedFunc(maps.Keys(left), func(a, b ownedName) int {
		return strings.Compare(a.tenantID+"/"+a.name, b.tenantID+"/"+b.name)
	}) {
		r := left[key]
		if tenant, ok := stays[r.TenantID]; ok && r.Specified != "" {
			undeclared := r
			undeclared.Declaration, undeclared.Ordinal = "", 0
			p.changePlan(tenant, r, undeclared)
			continue
		}
		if r.Active {
			return &vcc.Error{Code: vcc.CodeConflict, ResourceID: r.ID, Message: fmt.Sprintf(
				"the lab no longer has failover plan %q, which is failed over; nothing was changed. Undo the failover first", r.Name)}
		}
		p.removedPlans = append(p.removedPlans, r)
		if _, ok := stays[r.TenantID]; ok {
			undeclared := r
			undeclared.Declaration = ""
			p.redeclared = append(p.redeclared, redeclaredPlan{r, undeclared})
		}
	}
	for _, t := range p.lab.Tenants {
		if err := p.checkSpecifiedPlans(t); err != nil {
			return err
		}
	}
	return nil
}

// changePlan notes what a lab changes of a plan, which is the zero value before where it is new.
func (p *labPlanner) changePlan(tenant string, before, after labFailoverPlanRow) {
	if before == after {
		return
	}
	p.failoverPlans = append(p.failoverPlans, after)
	if p.isStored(tenant) {
		p.changesWhatIs, p.dependsOnPlans = true, true
	}
	if before.ID == "" || before.Declaration == after.Declaration {
		return
	}
	if after.Specified == "" {
		p.redeclared = append(p.redeclared, redeclaredPlan{before, after})
		return
	}
	text := "failover plan %q of tenant %q stays as somebody specified it: what the lab declares is kept beside that, and is in force once it is removed"
	if after.Declaration == "" {
		text = "failover plan %q of tenant %q stays as somebody specified it, and the lab no longer declares it: removing it leaves nothing"
	}
	p.keptBeside = append(p.keptBeside, vcc.Warning{Field: vcc.LabPlansField, Message: vcc.Message(text, after.Name, tenant)})
}

// checkSpecifiedPlans refuses a lab in which a plan that somebody specified would break a rule: it names
// a VM or a public address that the tenant would no longer have, or an address that a declared plan would
// have, too.
func (p *labPlanner) checkSpecifiedPlans(t vcc.LabTenant) error {
	id := p.tenantIDs[t.Name]
	var specified, all []vcc.FailoverPlan
	seen := map[string]bool{}
	for key, r := range p.stored.failoverPlans {
		if key.tenantID != id || r.Specified == "" {
			continue
		}
		settings, err := declared(r.Specified, failoverPlanRecord.settings)
		if err != nil {
			return err
		}
		specified = append(specified, vcc.FailoverPlan{ID: r.ID, Name: r.Name, FailoverPlanSettings: settings})
		seen[key.name] = true
	}
	if len(specified) == 0 {
		return nil
	}
	for _, d := range t.FailoverPlans {
		if !seen[vcc.NormalName(d.Name)] {
			all = append(all, vcc.FailoverPlan{Name: d.Name, FailoverPlanSettings: vcc.FailoverPlanSettings{PublicIPRules: d.PublicIPRules}})
		}
	}
	slices.SortFunc(specified, func(a, b vcc.FailoverPlan) int { return strings.Compare(a.Name, b.Name) })
	for _, plan := range specified {
		err := plan.Check(t)
		if err == nil {
			err = plan.CheckPublicAddresses(all)
		}
		if err != nil {
			return &vcc.Error{Code: vcc.CodeConflict, ResourceID: plan.ID, Message: vcc.Message(
				"tenant %q has failover plan %q, which somebody specified, and the lab contradicts it: %s; nothing was changed", t.Name, plan.Name, err.Error())}
		}
	}
	return nil
}

// declaredRecord is what the history keeps of a plan that is as declared, nil for one that the lab does not declare.
func (r labFailoverPlanRow) declaredRecord() (any, error) {
	if r.Declaration == "" {
		return nil, nil
	}
	settings, err := declared(r.Declaration, failoverPlanRecord.settings)
	return planRecordOf(&vcc.FailoverPlan{Name: r.Name, Origin: vcc.OriginDeclared, FailoverPlanSettings: settings}), err
}

// applyFailoverPlans writes what is declared of failover plans. A change of one that is in force has its
// entry in the history: whoever read the plan before writes over nothing that came since.
func (s *Store) applyFailoverPlans(w *rowWriter, p labPlan) {
	w.insert("failover_plans", "id, tenant_id, name, ordinal, declaration",
		"(tenant_id, id) DO UPDATE SET name = excluded.name, ordinal = excluded.ordinal, declaration = excluded.declaration",
		convert(p.failoverPlans, func(r labFailoverPlanRow) []any {
			var declaration *string
			if r.Declaration != "" {
				declaration = &r.Declaration
			}
			return []any{r.ID, r.TenantID, r.Name, r.Ordinal, declaration}
		}))
	for _, r := range p.redeclared {
		w.write(func() error {
			before, beforeErr := r.before.declaredRecord()
			after, afterErr := r.after.declaredRecord()
			if err := errors.Join(beforeErr, afterErr); err != nil {
				return err
			}
			as := vcc.Actor{TenantID: r.after.TenantID, Name: labActor}
			change, err := s.recordChange(w.ctx, w.tx, as, nil, &r.after.ID, before, after)
			if err != nil || after == nil {
				return err
			}
			return w.tx.exec(w.ctx, "UPDATE failover_plans SET revision = $3, updated_at = $4, updated_by = $5 WHERE tenant_id = $1 AND id = $2",
				as.TenantID, r.after.ID, change.Revision, change.ChangedAt, change.Actor)
		})
	}
}
