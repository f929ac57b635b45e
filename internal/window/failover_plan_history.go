package window

import "github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"

// failoverPlanHistory is the page with the history of a failover plan.
type failoverPlanHistory struct {
	Changes []vcc.FailoverPlanChange
	pages
}

// failoverPlanHistory shows the history of a plan, also of one that is gone.
func (w *Window) failoverPlanHistory(r *request) (*view, error) {
	planID, title := r.PathValue("plan"), "History of a failover plan that is gone"
	plan, err := w.Services.FailoverPlan(r.Context(), r.actor, planID)
	switch {
	case err == nil:
		title = vcc.Message("History of failover plan %q", plan.Name)
	case vcc.Code(err) != vcc.CodeNotFound:
		return nil, err
	}
	h := failoverPlanHistory{pages: newPages(r)}
	var total int
	if h.Changes, total, err = w.Services.FailoverPlanChanges(r.Context(), r.actor, planID, h.page()); err != nil {
		return nil, err
	}
	h.count(len(h.Changes), total)
	return show("failover", "failover_plan_history.html", title, h), nil
}
