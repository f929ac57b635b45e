package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// listFailoverPlans returns all failover plans as they are now.
func (c *connection) listFailoverPlans(ctx context.Context) ([]vcc.FailoverPlan, error) {
	return vcc.All(func(p vcc.Page) ([]vcc.FailoverPlan, int, error) { return c.client.FailoverPlans(ctx, c.as, p) })
}

// lookupFailoverPlan returns the failover plan that an attribute names by its name or ID. failed is the summary where the
// plans could not be read.
func (c *connection) lookupFailoverPlan(ctx context.Context, diags *diag.Diagnostics, failed, attribute, nameOrID string) (plan vcc.FailoverPlan) {
	plans, err := c.listFailoverPlans(ctx)
	if err != nil {
		addRequestError(diags, failed, err)
		return plan
	}
	return lookup(diags, attribute, "failover plan", nameOrID, plans, planKey)
}

func planKey(p vcc.FailoverPlan) (id, name string) { return p.ID, p.Name }

// findFailoverPlan returns the plan of a name, nil for none.
func (c *connection) findFailoverPlan(ctx context.Context, name string) (*vcc.FailoverPlan, error) {
	plans, err := c.listFailoverPlans(ctx)
	return planNamed(plans, name), err
}

func planNamed(plans []vcc.FailoverPlan, name string) *vcc.FailoverPlan {
	for i := range plans {
		if vcc.SameName(plans[i].Name, name) {
			return &plans[i]
		}
	}
	return nil
}

// putFailoverPlan is the client's PutFailoverPlan. Where the answer was lost it looks whether the write was carried out:
// a plan that was created has an ID that nobody else has chosen.
func (c *connection) putFailoverPlan(ctx context.Context, planID, name string, settings vcc.FailoverPlanSettings, condition vcc.Precondition) (*vcc.FailoverPlan, error) {
	p, _, err := c.client.PutFailoverPlan(ctx, c.as, planID, name, settings, condition)
	if httpapi.Uncertain(err) {
		ctx, cancel := lookupContext(ctx)
		defer cancel()
		stored, readErr := c.client.FailoverPlan(ctx, c.as, planID)
		if readErr == nil && stored.Origin == vcc.OriginSpecified && stored.UpdatedBy == c.actor && stored.FailoverPlanSettings.Equal(settings) {
			return stored, nil
		}
	}
	return p, err
}

// unchangedFailoverPlan returns the stored plan if it has the settings that the caller saw last. A write on the condition
// of its revision replaces nothing else. CodePreconditionFailed: it has others. CodeNotFound: there is no such plan.
func (c *connection) unchangedFailoverPlan(ctx context.Context, planID string, prior vcc.FailoverPlanSettings) (*vcc.FailoverPlan, error) {
	stored, err := c.client.FailoverPlan(ctx, c.as, planID)
	if err == nil && !stored.FailoverPlanSettings.Equal(prior) {
		err = &vcc.Error{Code: vcc.CodePreconditionFailed, ResourceID: planID, Current: stored, Message: fmt.Sprintf(
			"failover plan %q has other settings than this plan was made from, and keeps them: nothing was changed", stored.Name)}
	}
	return stored, err
}

// updateFailoverPlan sets a plan that still has the settings that the caller saw last.
func (c *connection) updateFailoverPlan(ctx context.Context, planID, name string, prior, settings vcc.FailoverPlanSettings) (*vcc.FailoverPlan, error) {
	stored, err := c.unchangedFailoverPlan(ctx, planID, prior)
	if err != nil {
		return nil, err
	}
	return c.putFailoverPlan(ctx, planID, name, settings, vcc.IfRevision(stored.Revision))
}

// removeFailoverPlan takes away a plan that still has the settings that the caller saw last, so that what the lab declares
// is in force again. Where the answer was lost it looks what is there.
func (c *connection) removeFailoverPlan(ctx context.Context, planID string, prior vcc.FailoverPlanSettings) error {
	stored, err := c.unchangedFailoverPlan(ctx, planID, prior)
	if err != nil {
		return err
	}
	_, err = c.client.RemoveFailoverPlan(ctx, c.as, planID, vcc.IfRevision(stored.Revision))
	if httpapi.Uncertain(err) {
		ctx, cancel := lookupContext(ctx)
		defer cancel()
		now, readErr := c.client.FailoverPlan(ctx, c.as, planID)
		if vcc.Code(readErr) == vcc.CodeNotFound || readErr == nil && now.Origin == vcc.OriginDeclared {
			return nil
		}
	}
	return err
}
