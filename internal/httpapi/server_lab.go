package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// maxLab is maxBody for labs: ten thousand tenants need half of that.
const maxLab = 8<<20 + 1

// labInput is a PUT of a lab.
type labInput struct {
	Remove []string `query:"remove,explode" doc:"What may be removed, with all that belongs to it: tenant:NAME, host:NAME, plan:NAME, subscription:TENANT/PLAN, network:TENANT/NETWORK or account:NAME, or the name alone where only one thing of that name goes. May be repeated"`
	DryRun bool     `query:"dryRun" doc:"Answer with what would change, and change nothing"`
	Body   wireLab
}

// limit lets a large lab arrive over a slow line.
func (labInput) limit(operation *huma.Operation) {
	operation.MaxBodyBytes, operation.BodyReadTimeout = maxLab, 30*time.Second
}

func (s *server) registerLab() {
	operators := huma.Middlewares{s.onlyOperators}
	handleFor(s, operators, http.MethodGet, labPath, "Get the lab that was declared last",
		func(ctx context.Context, _ *struct{}) (*answerBody[wireLab], error) {
			lab, err := s.Services.Lab(ctx)
			if err != nil {
				return nil, err
			}
			return &answerBody[wireLab]{newWireLab(lab)}, nil
		})
	// A large lab takes a hundred megabytes while it is read, so they come one by one.
	oneByOne := append(operators, takeTurns())
	handleFor(s, oneByOne, http.MethodPut, labPath, "Declare who exists; stored gateways, the routing option and allocated VLANs stay as they are", s.putLab)
}

// takeTurns lets one request pass at a time. Who waits for too long gets CodeUnavailable.
func takeTurns() func(huma.Context, func(huma.Context)) {
	turn := make(chan struct{}, 1)
	return func(ctx huma.Context, next func(huma.Context)) {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
			next(ctx)
		case <-ctx.Context().Done():
			_, w := humago.Unwrap(ctx)
			writeError(w, newError(&vcc.Error{Code: vcc.CodeUnavailable, Message: "another lab is being declared; nothing was changed, try again"}))
		}
	}
}

func (s *server) putLab(ctx context.Context, in *labInput) (*answerBody[wireLabApplied], error) {
	lab, err := in.Body.parse()
	if err != nil {
		return nil, err
	}
	apply := s.Services.ApplyLab
	if in.DryRun {
		apply = s.Services.PreviewLab
	}
	outcome, err := apply(ctx, lab, in.Remove)
	refused := in.DryRun && vcc.Code(err) == vcc.CodeConflict
	if err != nil && !refused {
		return nil, wireSpelling(err)
	}
	if !in.DryRun {
		s.auditLab(ctx, outcome)
	}
	applied := newWireLabApplied(outcome)
	if refused {
		applied.Refusal = err.Error()
	}
	return &answerBody[wireLabApplied]{applied}, nil
}
