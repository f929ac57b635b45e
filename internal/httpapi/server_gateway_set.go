package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func (s *server) registerGatewaySets() {
	handle(s, http.MethodPut, "defaultGateways", "Set all default gateways of a hardware plan, or of the tenant, at once", s.putGatewaySet)
}

// putGatewaySetInput is a PUT of all default gateways of a scope.
type putGatewaySetInput struct {
	Body wireGatewaySet
}

// maxGatewaySet is how long the body of a set may be: 4,000 networks with both families have 1.1 MB.
const maxGatewaySet = 8 << 20

// limit lets the set of a large tenant in. The operation has a name of its own beside that of one network.
func (putGatewaySetInput) limit(operation *huma.Operation) {
	operation.OperationID = "putDefaultGatewaysOfScope"
	operation.MaxBodyBytes, operation.BodyReadTimeout = maxGatewaySet, 30*time.Second
}

func (s *server) putGatewaySet(ctx context.Context, as vcc.Actor, in *putGatewaySetInput) (*answerBody[wireGatewaySetOutcome], error) {
	set, err := in.Body.parse()
	if err != nil {
		return nil, err
	}
	outcome, err := s.Services.PutDefaultGateways(ctx, as, set)
	if err != nil {
		return nil, err
	}
	now := make(map[string]vcc.DefaultGateway, len(outcome.Gateways))
	for _, g := range outcome.Gateways {
		now[g.NetworkID] = g
	}
	for _, id := range outcome.Changed {
		switch g, stored := now[id]; {
		case !stored:
			s.auditObject(ctx, "defaultGateway.remove", id)
		case g.Origin == vcc.OriginDetected:
			s.auditRevision(ctx, "defaultGateway.restoreDetected", id, g.Revision)
		default:
			s.auditRevision(ctx, "defaultGateway.put", id, g.Revision)
		}
	}
	return &answerBody[wireGatewaySetOutcome]{newWireGatewaySetOutcome(outcome)}, nil
}
