package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// planID returns the ID of a plan, "" for all plans.
func (c *connection) planID(ctx context.Context, name types.String) (string, diag.Diagnostics) {
	var diags diag.Diagnostics
	if name.IsNull() {
		return "", diags
	}
	plans, err := vcc.All(func(p vcc.Page) ([]vcc.HardwarePlan, int, error) { return c.client.HardwarePlans(ctx, c.as, p) })
	if err != nil {
		addRequestError(&diags, "Hardware Plans Not Read", err)
		return "", diags
	}
	plan := lookup(&diags, "hardware_plan", "hardware plan", name.ValueString(), plans, func(p vcc.HardwarePlan) (string, string) { return p.Name, p.Name })
	return plan.ID, diags
}
