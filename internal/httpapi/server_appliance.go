package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// traceInput is a POST of a trace.
type traceInput struct{ Body wireTraceRequest }

// matrixInput is a POST of a matrix.
type matrixInput struct{ Body wireMatrixRequest }

func (s *server) registerAppliances() {
	list(s, "networkExtensionAppliances", "List the tenant's network extension appliances", newWireAppliance,
		func(ctx context.Context, as vcc.Actor, in *PageQuery) ([]vcc.ApplianceState, int, error) {
			return s.Services.Appliances(ctx, as, in.page())
		})
	handle(s, http.MethodGet, "networkExtensionAppliances/{id}", "Get a network extension appliance",
		func(ctx context.Context, as vcc.Actor, in *idPath) (*answerBody[wireAppliance], error) {
			a, err := s.Services.Appliance(ctx, as, in.ID)
			if err != nil {
				return nil, err
			}
			return &answerBody[wireAppliance]{newWireAppliance(*a)}, nil
		})
	handle(s, http.MethodGet, "networkExtensionAppliances/{id}/inputs", "Get what a network extension appliance is compiled from, and what stands around it", s.applianceSources)
	handleQuestion(s, http.MethodPost, "routeTrace", "Say what would be reached after full site failover, and why",
		func(ctx context.Context, as vcc.Actor, in *traceInput) (*answerBody[wireTraceAnswer], error) {
			many := len(in.Body.Questions) > 0
			answers, err := s.trace(ctx, as, in.Body)
			switch {
			case err != nil && !many:
				return nil, singleQuestion(err)
			case err != nil:
				return nil, err
			case !many:
				return &answerBody[wireTraceAnswer]{wireTraceAnswer{wireReachability: &answers[0]}}, nil
			}
			return &answerBody[wireTraceAnswer]{wireTraceAnswer{Answers: answers}}, nil
		})
	handleQuestion(s, http.MethodPost, "reachabilityMatrix", "Say who would reach whom after full site failover",
		func(ctx context.Context, as vcc.Actor, in *matrixInput) (*answerBody[wireMatrix], error) {
			request, assumed, err := in.Body.parse()
			if err != nil {
				return nil, err
			}
			m, err := s.Services.Matrix(ctx, as, request, assumed)
			if err != nil {
				return nil, err
			}
			return &answerBody[wireMatrix]{newWireMatrix(*m)}, nil
		})
}

func (s *server) trace(ctx context.Context, as vcc.Actor, r wireTraceRequest) ([]wireReachability, error) {
	questions, err := r.parse()
	assumed, assumedErr := r.Assume.parse()
	if err := errors.Join(err, assumedErr); err != nil {
		return nil, err
	}
	answers, err := s.Services.Trace(ctx, as, questions, assumed)
	return convert(answers, newWireReachability), err
}

// sourcesQuery asks for an appliance's sources.
type sourcesQuery struct {
	ID          string `path:"id"`
	IfNoneMatch string `header:"If-None-Match" doc:"The ETag of the last answer; while that is its ETag the answer is 304, without the rest"`
}

// applianceSources answers with the version of the sources as their ETag, so that a caller who
// asks again and again costs little.
func (s *server) applianceSources(ctx context.Context, as vcc.Actor, in *sourcesQuery) (*answerTagged[wireApplianceSources], error) {
	known := strings.Trim(strings.TrimPrefix(in.IfNoneMatch, "W/"), `"`)
	sources, err := s.Services.ApplianceSources(ctx, as, in.ID, known)
	switch {
	case err != nil:
		return nil, err
	case sources == nil:
		return &answerTagged[wireApplianceSources]{Status: http.StatusNotModified, ETag: strconv.Quote(known)}, nil
	}
	return &answerTagged[wireApplianceSources]{Status: http.StatusOK, ETag: strconv.Quote(sources.Version), Body: newWireApplianceSources(*sources)}, nil
}
