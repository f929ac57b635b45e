package httpapi

import (
	"context"
	"net/http"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func (s *server) registerRouting() {
	handle(s, http.MethodGet, "networkRouting", "Get the routing option", s.getRouting)
	handle(s, http.MethodPut, "networkRouting", "Set the routing option", s.putRouting)
}

func (s *server) getRouting(ctx context.Context, as vcc.Actor, _ *struct{}) (*answerTagged[wireNetworkRouting], error) {
	r, err := s.Services.NetworkRouting(ctx, as)
	if err != nil {
		return nil, err
	}
	return &answerTagged[wireNetworkRouting]{Status: http.StatusOK, ETag: etag(r.Revision), Body: newWireNetworkRouting(*r)}, nil
}

// putRoutingInput is a PUT of the routing option.
type putRoutingInput struct {
	Conditions
	Body wireNetworkRoutingSettings
}

func (s *server) putRouting(ctx context.Context, as vcc.Actor, in *putRoutingInput) (*answerTagged[wireNetworkRouting], error) {
	condition, err := in.precondition()
	if err != nil {
		return nil, err
	}
	r, err := s.Services.PutNetworkRouting(ctx, as, in.Body.Enabled, condition)
	if err != nil {
		return nil, err
	}
	s.auditRevision(ctx, "networkRouting.put", r.TenantID, r.Revision)
	return &answerTagged[wireNetworkRouting]{Status: http.StatusOK, ETag: etag(r.Revision), Body: newWireNetworkRouting(*r)}, nil
}
