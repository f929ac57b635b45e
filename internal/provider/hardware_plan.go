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
	plans, err := c.client.HardwarePlans(ctx)
	if err != nil {
		addRequestError(&diags, "Hardware Plans Not Read", err)
		return "", diags
	}
	var names []string
	for _, p := range plans {
		if vcc.SameName(p.Name, name.ValueString()) {
			return p.ID, diags
		}
		names = append(names, p.Name)
	}
	addUnknownNameError(&diags, "hardware_plan", "hardware plan", name.ValueString(), names)
	return "", diags
}
