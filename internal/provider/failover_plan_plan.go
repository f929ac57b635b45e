package provider

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const failoverPlanNotPlanned = "Failover Plan Not Planned"

// ValidateConfig applies the domain's rules to what is known.
func (r *failoverPlanResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m failoverPlanModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(m.check(ctx)...)
	if r.connection != nil {
		r.run.noteValidated(planSubject(m.Name.ValueString()))
	}
}

// ModifyPlan plans what follows from the configuration and from what is stored, and refuses what the
// backend would refuse.
func (r *failoverPlanResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var prior, m failoverPlanModel
	creating, removing := req.State.Raw.IsNull(), req.Plan.Raw.IsNull()
	if !creating {
		resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
		if resp.Diagnostics.HasError() || r.connection != nil && r.otherTenant(ctx, &resp.Diagnostics, prior.TenantName) {
			return
		}
	}
	if removing {
		r.planRemoval(ctx, prior, &resp.Diagnostics)
		if r.connection != nil && !resp.Diagnostics.HasError() {
			resp.Diagnostics.Append(r.run.judge(ctx, planSubject(prior.Name.ValueString()))...)
		}
		return
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	var pass planPass
	if r.connection != nil {
		pass = r.run.notePlanning(planSubject(m.Name.ValueString()), creating)
	}
	resp.Diagnostics.Append(m.check(ctx)...) // values that ignore_changes kept are in no configuration
	if resp.Diagnostics.HasError() {
		return
	}
	switch {
	case creating:
		m.ID = types.StringUnknown()
		switch {
		case r.connection == nil:
		case m.Name.IsUnknown():
			r.run.planUnplaced(unplacedPlan)
			resp.Diagnostics.Append(r.run.judge(ctx, unplacedPlan)...)
		default:
			m.TenantName = r.tenantName(ctx, &resp.Diagnostics)
			r.planCreation(ctx, &m, pass, &resp.Diagnostics)
		}
	// Terraform plans it again at once, and what it makes of both failover plans is judged then.
	case m.Name.IsUnknown() || !vcc.SameName(m.Name.ValueString(), prior.Name.ValueString()):
		resp.RequiresReplace = append(resp.RequiresReplace, path.Root("name"))
		r.planRemoval(ctx, prior, &resp.Diagnostics)
		m.ID, m.TenantName, m.Replaces = types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
		if r.connection != nil {
			r.run.noteMoving(planSubject(m.Name.ValueString()), prior.Name.ValueString())
		}
		// What Terraform shows of warnings are those of its first planning; the second one refuses.
		if r.connection != nil && !m.Name.IsUnknown() {
			if stored, err := r.findFailoverPlan(ctx, m.Name.ValueString()); err == nil {
				adviseOfAdoption(ctx, m, stored, &resp.Diagnostics)
			}
		}
	default:
		m.ID, m.TenantName, m.Replaces = prior.ID, prior.TenantName, prior.Replaces
		r.planStay(ctx, prior, m, pass, &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, m)...)
}

const twoFailoverPlans = "Two Resources for One Failover Plan"

func addPlanClash(diags *diag.Diagnostics, m failoverPlanModel, c clash) {
	if c == clashBoth {
		diags.AddAttributeError(path.Root("name"), twoFailoverPlans, fmt.Sprintf(
			"name: another vcc_failover_plan of this configuration is %q, too, and a name belongs to one plan. Remove one of the two, or give it another name.", m.Name.ValueString()))
		return
	}
	diags.AddError(twoFailoverPlans, fmt.Sprintf(
		"This plan removes one vcc_failover_plan %q and keeps another: the removal would take the failover plan away from both. %s",
		m.Name.ValueString(), letGoInstead("the failover plan")))
}

// planRemoval notes that the resource goes, and refuses what would leave a failover that nobody can undo. The caller has
// it judged.
func (r *failoverPlanResource) planRemoval(ctx context.Context, prior failoverPlanModel, diags *diag.Diagnostics) {
	if r.connection == nil {
		return
	}
	name := prior.Name.ValueString()
	plans, err := r.listFailoverPlans(ctx)
	if err != nil {
		addRequestError(diags, failoverPlanNotPlanned, err)
		return
	}
	left := plannedFailoverPlan{Name: name, RulesKnown: true}
	stored, found := vcc.Find(plans, prior.ID.ValueString(), planKey)
	switch {
	case !found:
	case stored.Origin == vcc.OriginDeclared:
		left.Rules = stored.PublicIPRules
	case stored.Declared != nil:
		left.Rules = stored.Declared.PublicIPRules
	case addFailedOver(diags, stored):
		return
	}
	if c := r.run.planFailoverPlanRemoval(left); c != noClash {
		addPlanClash(diags, prior, c)
		return
	}
	r.reportPlanConflicts(ctx, name, r.addressConflicts(plans, left, func(e *vcc.Error) (path.Path, string) {
		return path.Empty(), fmt.Sprintf("Once the vcc_failover_plan %q is removed, what the lab declares for it is in force again. But %s. "+
			"Take the address away from that plan first, or out of the lab file.", name, e.Message)
	}), diags)
}

// addFailedOver refuses to remove a plan of which nothing would be left while it is failed over. It reports whether it does.
func addFailedOver(diags *diag.Diagnostics, stored vcc.FailoverPlan) bool {
	err := stored.CheckRemovable()
	if err != nil {
		diags.AddError("Failover Plan Failed Over", sentence(err))
	}
	return err != nil
}

// planStay notes that the resource keeps its failover plan, and checks what it changes.
func (r *failoverPlanResource) planStay(ctx context.Context, prior, m failoverPlanModel, pass planPass, diags *diag.Diagnostics) {
	if r.connection == nil {
		return
	}
	planned := m.planned(ctx)
	if c := r.run.planFailoverPlanStay(planned, pass.again); c != noClash {
		addPlanClash(diags, m, c)
		return
	}
	v, known, _ := m.read(ctx)
	if !known || !v.settings.Equal(prior.lastSeen(ctx)) {
		plans, err := r.listFailoverPlans(ctx)
		if err != nil {
			addRequestError(diags, failoverPlanNotPlanned, err)
			return
		}
		r.checkWithBackend(ctx, m, prior.ID.ValueString(), diags)
		r.reportPlanConflicts(ctx, planned.Name, r.conflictsOf(ctx, plans, m, planned), diags)
	}
	if !diags.HasError() {
		diags.Append(r.run.judge(ctx, planSubject(planned.Name))...)
	}
}

// planCreation notes that the resource is created, and plans whose place it takes.
func (r *failoverPlanResource) planCreation(ctx context.Context, m *failoverPlanModel, pass planPass, diags *diag.Diagnostics) {
	planned := m.planned(ctx)
	if c := r.run.planFailoverPlanCreation(planned, pass.replacesItself()); c != noClash {
		addPlanClash(diags, *m, c)
		return
	}
	plans, err := r.listFailoverPlans(ctx)
	if err != nil {
		addRequestError(diags, failoverPlanNotPlanned, err)
		return
	}
	var conflicts []*planConflict
	id := uuid.NewString() // stands for the one that the apply chooses
	stored := planNamed(plans, planned.Name)
	m.Replaces = describeReplacedPlan(stored)
	if stored != nil {
		id = stored.ID
		if stored.Origin == vcc.OriginDeclared || stored.Declared != nil { // which is there again once this resource's own is removed
			m.ID = types.StringValue(stored.ID)
		}
		switch {
		case stored.Origin == vcc.OriginDeclared:
			adviseOfAdoption(ctx, *m, stored, diags)
		// The state has it where this makes it anew: replaced, or tainted.
		case stored.Declared == nil && (pass.replacesItself() || r.run.hasFailoverPlanState(stored.Name)) && addFailedOver(diags, *stored):
			return
		case !pass.replacesItself():
			conflicts = append(conflicts, &planConflict{
				other: stored.Name, refused: planned.Name, attribute: path.Root("name"),
				summary: "Failover Plan Specified Already", detail: planSpecifiedAlready(ctx, *m, stored),
			})
		}
	}
	r.checkWithBackend(ctx, *m, id, diags)
	r.reportPlanConflicts(ctx, planned.Name, append(conflicts, r.conflictsOf(ctx, plans, *m, planned)...), diags)
	if !diags.HasError() {
		subjects := []string{planSubject(planned.Name)}
		for _, name := range pass.gives {
			subjects = append(subjects, planSubject(name))
		}
		diags.Append(r.run.judge(ctx, subjects...)...)
	}
}

// checkWithBackend adds what the backend would refuse of the values by themselves. What it says of other failover plans
// is not asked for here: they may be about to change.
func (r *failoverPlanResource) checkWithBackend(ctx context.Context, m failoverPlanModel, id string, diags *diag.Diagnostics) {
	v, known, _ := m.read(ctx)
	if !known || r.run.isApplying() {
		return
	}
	err := r.client.CheckFailoverPlan(ctx, r.as, id, m.Name.ValueString(), v.settings)
	switch vcc.Code(err) {
	case "", vcc.CodeConflict:
	case vcc.CodeInvalidValue:
		v.addErrors(diags, invalidPlan, err)
	default:
		addRequestError(diags, failoverPlanNotPlanned, err)
	}
}

// conflictsOf returns the conflicts of a plan with others about public addresses (rule D17).
func (r *failoverPlanResource) conflictsOf(ctx context.Context, plans []vcc.FailoverPlan, m failoverPlanModel, planned plannedFailoverPlan) []*planConflict {
	v, _, _ := m.read(ctx)
	return r.addressConflicts(plans, planned, func(e *vcc.Error) (path.Path, string) {
		at := v.at(e.Field)
		return at, fmt.Sprintf("%s: %s", at, withFullStop(e.Message))
	})
}

// addressConflicts returns a conflict for each other plan that has one of the planned public addresses, be it planned or
// stored. say says where and how to tell one.
func (r *failoverPlanResource) addressConflicts(plans []vcc.FailoverPlan, planned plannedFailoverPlan, say func(e *vcc.Error) (path.Path, string)) (conflicts []*planConflict) {
	if r.run.isApplying() { // an apply is decided by the backend, one write after the other
		return nil
	}
	wanted := vcc.FailoverPlanSettings{PublicIPRules: planned.Rules}
	type claim struct {
		plan    string
		address netip.Addr
	}
	seen := map[claim]bool{}
	for _, other := range append(r.run.plannedFailoverPlans(), plans...) {
		if vcc.SameName(other.Name, planned.Name) {
			continue
		}
		for _, e := range vcc.Errors(wanted.CheckPublicAddresses([]vcc.FailoverPlan{other})) {
			var i int
			if n, _ := fmt.Sscanf(e.Field, "publicIpRules[%d]", &i); n != 1 {
				continue
			}
			address := planned.Rules[i].Public.Addr()
			c := claim{vcc.NormalName(other.Name), address}
			if seen[c] {
				continue
			}
			seen[c] = true
			at, detail := say(e)
			conflicts = append(conflicts, &planConflict{
				other: other.Name, address: address, declared: other.Origin == vcc.OriginDeclared,
				refused: planned.Name, attribute: at, summary: failoverPlanNotPlanned, detail: detail,
			})
		}
	}
	return conflicts
}

// reportPlanConflicts adds an error for those conflicts that nothing else in this plan resolves.
func (r *failoverPlanResource) reportPlanConflicts(ctx context.Context, name string, conflicts []*planConflict, diags *diag.Diagnostics) {
	if diags.HasError() {
		return
	}
	confirmed, err := r.run.checkPlanConflicts(ctx, conflicts)
	if err != nil {
		addRequestError(diags, failoverPlanNotPlanned, err)
		return
	}
	for i, c := range confirmed {
		if i == vcc.MaxListed {
			diags.AddError(c.summary, fmt.Sprintf("There are %d more failover plans like these.", len(confirmed)-i))
			break
		}
		if vcc.SameName(c.refused, name) && len(c.attribute.Steps()) > 0 {
			diags.AddAttributeError(c.attribute, c.summary, c.detail)
			continue
		}
		detail := c.detail
		if !vcc.SameName(c.refused, name) && len(c.attribute.Steps()) > 0 {
			detail = fmt.Sprintf("vcc_failover_plan %q: %s", c.refused, detail)
		}
		diags.AddError(c.summary, detail)
	}
}

// adviseOfAdoption says what of a plan that the lab declares the configuration does not keep.
func adviseOfAdoption(ctx context.Context, m failoverPlanModel, stored *vcc.FailoverPlan, diags *diag.Diagnostics) {
	if stored == nil || stored.Origin != vcc.OriginDeclared {
		return
	}
	const summary = "Adopts a Declared Failover Plan"
	found := fmt.Sprintf("The lab declares failover plan %q (%s), and this resource takes its place.", stored.Name, describeFailoverPlan(stored.FailoverPlanSettings))
	v, known, _ := m.read(ctx)
	if !known {
		diags.AddWarning(summary, found+" What of it stays is not known before the apply.")
		return
	}
	kept := " The configuration keeps all of it."
	if dropped := droppedOfPlan(stored.FailoverPlanSettings, v.settings); dropped != "" {
		kept = " The configuration does not keep " + dropped + "."
	}
	diags.AddWarning(summary, found+kept+" When this resource is destroyed, what the lab declares is in force again.")
}

// droppedOfPlan lists what of before is not in after.
func droppedOfPlan(before, after vcc.FailoverPlanSettings) string {
	var dropped []string
	for _, vm := range before.VMs {
		if !slices.ContainsFunc(after.VMs, func(other string) bool { return vcc.SameName(vm, other) }) {
			dropped = append(dropped, fmt.Sprintf("VM %q", vm))
		}
	}
	if dropped == nil && !slices.EqualFunc(before.VMs, after.VMs, vcc.SameName) {
		dropped = append(dropped, "the order of the VMs")
	}
	for _, r := range before.PublicIPRules {
		if !slices.Contains(after.PublicIPRules, r) {
			dropped = append(dropped, fmt.Sprintf("the public IP rule %s to %s", r.Public, r.Internal))
		}
	}
	return vcc.FirstTen(dropped, ", ")
}

// planSpecifiedAlready refuses a creation over a specified plan.
func planSpecifiedAlready(ctx context.Context, m failoverPlanModel, p *vcc.FailoverPlan) string {
	var text strings.Builder
	fmt.Fprintf(&text, "name: failover plan %q was specified by %s on %s (%s), and a plan takes over nothing that somebody specified.",
		p.Name, p.UpdatedBy, formatTime(p.UpdatedAt), describeFailoverPlan(p.FailoverPlanSettings))
	if v, known, _ := m.read(ctx); known && p.FailoverPlanSettings.Equal(v.settings) {
		text.WriteString(" Its settings are those of this configuration: an apply that was interrupted may have made it, or another state.")
	}
	text.WriteString(importInstead("vcc_failover_plan", p.Name, "name"))
	return text.String()
}
