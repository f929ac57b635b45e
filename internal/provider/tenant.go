package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// tenant is whom the provider acts for.
type tenant struct{ id, name string }

// actingFor returns whom the provider acts for.
func (c *connection) actingFor(ctx context.Context) (tenant, error) {
	return c.tenant.get(ctx, func(ctx context.Context) (tenant, error) {
		r, err := c.client.NetworkRouting(ctx, c.as)
		if err != nil {
			return tenant{}, err
		}
		return tenant{r.TenantID, r.TenantName}, nil
	})
}

// tenantName is the tenant_name of what is created.
func (c *connection) tenantName(ctx context.Context, diags *diag.Diagnostics) types.String {
	t, err := c.actingFor(ctx)
	if err != nil {
		addRequestError(diags, "Tenant Not Known", err)
	}
	return types.StringValue(t.name)
}

// ready reports whether there is a connection, which c may lack, that acts for the tenant of a state. If not, it says why something
// failed. tenantName is the state's, null for what has none.
func (c *connection) ready(ctx context.Context, diags *diag.Diagnostics, failed string, tenantName types.String) bool {
	if c == nil {
		addUnknownProviderError(diags, failed)
		return false
	}
	if err := c.checkTenant(ctx, tenantName); err != nil {
		addTenantError(diags, err)
		return false
	}
	return true
}

// otherTenant notices a provider that now acts for another tenant than the one whose object a state is of: what it
// would find there has nothing to do with it. A plan says so once for all objects of the state, and keeps them all. A tenant is
// known by its name: in a data folder that was made anew the same one has another ID. A state that an
// earlier release wrote names none.
func (c *connection) otherTenant(ctx context.Context, diags *diag.Diagnostics, name types.String) (other bool) {
	err := c.checkTenant(ctx, name)
	if err == nil {
		return false
	}
	if !c.tenantReported.Swap(true) {
		addTenantError(diags, err)
	}
	return true
}

// addTenantError adds an error of checkTenant.
func addTenantError(diags *diag.Diagnostics, err error) {
	summary := "State of Another Tenant"
	if vcc.Code(err) != vcc.CodeConflict {
		summary = "Tenant Not Known"
	}
	addRequestError(diags, summary, err)
}

// checkTenant is otherTenant for what applies a plan, where each call says what it did not do.
func (c *connection) checkTenant(ctx context.Context, name types.String) error {
	if name.ValueString() == "" {
		return nil
	}
	t, err := c.actingFor(ctx)
	if err != nil || vcc.SameName(t.name, name.ValueString()) {
		return err
	}
	return &vcc.Error{Code: vcc.CodeConflict, Message: fmt.Sprintf(
		"the state is of tenant %q, and the provider now acts for %q. Nothing was changed, and nothing of either tenant is planned. "+
			"Check the provider's settings (endpoint and username, or embedded), or use a state of its own, such as another workspace, for each tenant. "+
			"To give up what the state knows of %q, remove its resources with `state rm`",
		name.ValueString(), t.name, name.ValueString())}
}
