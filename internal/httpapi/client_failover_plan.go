package httpapi

import (
	"context"
	"net/http"
	"net/url"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// failoverPlanRequest is a request about one failover plan.
func failoverPlanRequest(as vcc.Actor, method, planID string) request {
	return forTenant(as, method, "failoverPlans/"+url.PathEscape(planID))
}

// FailoverPlan implements vcc.FailoverPlanService.
func (c *Client) FailoverPlan(ctx context.Context, as vcc.Actor, planID string) (*vcc.FailoverPlan, error) {
	return ask[wireFailoverPlan](ctx, c, failoverPlanRequest(as, http.MethodGet, planID))
}

// PutFailoverPlan implements vcc.FailoverPlanService.
func (c *Client) PutFailoverPlan(ctx context.Context, as vcc.Actor, planID, name string, s vcc.FailoverPlanSettings, p vcc.Precondition) (plan *vcc.FailoverPlan, created bool, err error) {
	r := failoverPlanRequest(as, http.MethodPut, planID)
	r.header, r.body = conditionHeader(p), wireFailoverPlanSettings{name, newWireFailoverPlanValues(s)}
	err = c.call(ctx, r, func(a answer) error {
		stored, err := readJSON[wireFailoverPlan](a)
		plan, created = &stored, a.status == http.StatusCreated
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return plan, created, nil
}

// CheckFailoverPlan implements vcc.FailoverPlanService.
func (c *Client) CheckFailoverPlan(ctx context.Context, as vcc.Actor, planID, name string, s vcc.FailoverPlanSettings) error {
	r := planRequest(as, planID, "check")
	r.body = wireFailoverPlanSettings{name, newWireFailoverPlanValues(s)}
	return c.call(withRepeats(ctx), r, nil)
}

// RemoveFailoverPlan implements vcc.FailoverPlanService.
func (c *Client) RemoveFailoverPlan(ctx context.Context, as vcc.Actor, planID string, p vcc.Precondition) (left *vcc.FailoverPlan, err error) {
	r := failoverPlanRequest(as, http.MethodDelete, planID)
	r.header = conditionHeader(p)
	err = c.call(ctx, r, func(a answer) error {
		if a.status == http.StatusNoContent {
			return nil
		}
		declared, err := readJSON[wireFailoverPlan](a)
		left = &declared
		return err
	})
	if err != nil {
		return nil, err
	}
	return left, nil
}

// FailoverPlanChanges implements vcc.FailoverPlanService.
func (c *Client) FailoverPlanChanges(ctx context.Context, as vcc.Actor, planID string, page vcc.Page) ([]vcc.FailoverPlanChange, int, error) {
	return askList[wireFailoverPlanChange](ctx, c, forTenant(as, http.MethodGet, "failoverPlans/"+url.PathEscape(planID)+"/changes"), page)
}
