package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// labInput is a PUT of a lab.
type labInput struct {
	Remove []string `query:"remove,explode" doc:"What may be removed, with all that belongs to it: tenant:NAME, host:NAME, plan:NAME, subscription:TENANT/PLAN or network:TENANT/NETWORK, or the name alone where only one thing of that name goes. May be repeated"`
	DryRun bool     `query:"dryRun" doc:"Answer with what would change, and change nothing"`
	Body   wireLab
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
	handleFor(s, operators, http.MethodPut, labPath, "Declare who exists; stored gateways, the routing option and allocated VLANs stay as they are", s.putLab)
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
	applied := newWireLabApplied(outcome)
	if refused {
		applied.Refusal = err.Error()
	}
	return &answerBody[wireLabApplied]{applied}, nil
}
