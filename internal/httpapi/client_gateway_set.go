package httpapi

import (
	"context"
	"net/http"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// PutDefaultGateways implements vcc.DefaultGatewayService. Advice about what was stored is
// vcc.GatewaySettings.Warnings.
func (c *Client) PutDefaultGateways(ctx context.Context, as vcc.Actor, set vcc.GatewaySet) (vcc.GatewaySetOutcome, error) {
	r := forTenant(as, http.MethodPut, "defaultGateways")
	r.body = newWireGatewaySet(set)
	outcome, err := ask[wireGatewaySetOutcome](ctx, c, r)
	if err != nil {
		return vcc.GatewaySetOutcome{}, err
	}
	return *outcome, nil
}
