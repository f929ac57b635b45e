package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func (s *server) registerFailoverPlans() {
	list(s, "failoverPlans", "List the tenant's cloud failover plans", newWireFailoverPlan,
		func(ctx context.Context, as vcc.Actor, in *PageQuery) ([]vcc.FailoverPlan, int, error) {
			return s.Services.FailoverPlans(ctx, as, in.page())
		})
	list(s, "failoverPlans/{id}/changes", "List the history of a failover plan, newest first", newWireFailoverPlanChange,
		func(ctx context.Context, as vcc.Actor, in *planChangesQuery) ([]vcc.FailoverPlanChange, int, error) {
			return s.Services.FailoverPlanChanges(ctx, as, in.ID, in.page())
		})
	handle(s, http.MethodGet, "failoverPlans/{id}", "Get a failover plan", s.getFailoverPlan)
	handle(s, http.MethodPut, "failoverPlans/{id}", "Set a failover plan; to create one, choose a random ID of your own, by which you see what became of a request whose answer was lost", s.putFailoverPlan)
	handleQuestion(s, http.MethodPost, "failoverPlans/{id}/check", "Say what a PUT of a failover plan would refuse, and store nothing", s.checkFailoverPlan)
	handle(s, http.MethodDelete, "failoverPlans/{id}", "Take away what was specified for a failover plan: if the lab declares the plan, that is in force again, and is the answer (200); otherwise the plan is removed (204)", s.removeFailoverPlan)
	s.api.OpenAPI().Paths[basePath+"/failoverPlans/{id}"].Delete.Responses["204"] = &huma.Response{Description: "No plan is left"}
}

// planChangesQuery selects entries of a plan's history.
type planChangesQuery struct {
	ID string `path:"id"`
	PageQuery
}

func taggedPlan(p vcc.FailoverPlan) *answerTagged[wireFailoverPlan] {
	return &answerTagged[wireFailoverPlan]{Status: http.StatusOK, ETag: etag(p.Revision), Body: newWireFailoverPlan(p)}
}

func (s *server) getFailoverPlan(ctx context.Context, as vcc.Actor, in *idPath) (*answerTagged[wireFailoverPlan], error) {
	p, err := s.Services.FailoverPlan(ctx, as, in.ID)
	if err != nil {
		return nil, err
	}
	return taggedPlan(*p), nil
}

// putFailoverPlanInput is a PUT of a failover plan.
type putFailoverPlanInput struct {
	ID string `path:"id"`
	Conditions
	Body wireFailoverPlanSettings
}

func (s *server) putFailoverPlan(ctx context.Context, as vcc.Actor, in *putFailoverPlanInput) (*answerTagged[wireFailoverPlan], error) {
	condition, err := in.precondition()
	if err != nil {
		return nil, err
	}
	settings, err := in.Body.parse()
	if err != nil {
		return nil, err
	}
	p, created, err := s.Services.PutFailoverPlan(ctx, as, in.ID, in.Body.Name, settings, condition)
	if err != nil {
		return nil, err
	}
	s.auditRevision(ctx, "failoverPlan.put", p.ID, p.Revision)
	answer := taggedPlan(*p)
	if created {
		answer.Status = http.StatusCreated
	}
	return answer, nil
}

// checkFailoverPlanInput asks about a PUT of a failover plan.
type checkFailoverPlanInput struct {
	ID   string `path:"id"`
	Body wireFailoverPlanSettings
}

// wireFailoverPlanCheck is the answer about a PUT that nothing stands against.
type wireFailoverPlanCheck struct {
	Accepted bool `json:"accepted" doc:"Always true: what would be refused is the error that the PUT would have"`
}

func (s *server) checkFailoverPlan(ctx context.Context, as vcc.Actor, in *checkFailoverPlanInput) (*answerBody[wireFailoverPlanCheck], error) {
	settings, err := in.Body.parse()
	if err == nil {
		err = s.Services.CheckFailoverPlan(ctx, as, in.ID, in.Body.Name, settings)
	}
	return &answerBody[wireFailoverPlanCheck]{wireFailoverPlanCheck{err == nil}}, err
}

// removeFailoverPlanInput is a DELETE of a failover plan.
type removeFailoverPlanInput struct {
	ID string `path:"id"`
	Conditions
}

func (s *server) removeFailoverPlan(ctx context.Context, as vcc.Actor, in *removeFailoverPlanInput) (*answerTagged[*wireFailoverPlan], error) {
	condition, err := in.precondition()
	if err != nil {
		return nil, err
	}
	p, err := s.Services.RemoveFailoverPlan(ctx, as, in.ID, condition)
	if err != nil {
		return nil, err
	}
	if p == nil {
		s.auditObject(ctx, "failoverPlan.remove", in.ID)
		return &answerTagged[*wireFailoverPlan]{Status: http.StatusNoContent}, nil
	}
	s.auditRevision(ctx, "failoverPlan.restoreDeclared", p.ID, p.Revision)
	restored := newWireFailoverPlan(*p)
	return &answerTagged[*wireFailoverPlan]{Status: http.StatusOK, ETag: etag(p.Revision), Body: &restored}, nil
}
