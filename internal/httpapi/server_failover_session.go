package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// The parameters that select failover sessions.
const (
	planIDFilter    = "planIdFilter"
	kindFilter      = "kindFilter"
	operationFilter = "operationFilter"
)

// failoverSessionQuery selects failover sessions.
type failoverSessionQuery struct {
	PageQuery
	PlanID    string `query:"planIdFilter" doc:"Only sessions of this failover plan, which may be gone"`
	Kind      string `query:"kindFilter" doc:"Only sessions of this kind: fullSite or partialSite"`
	Operation string `query:"operationFilter" doc:"Only reports of tests (test), or only failovers (start)"`
}

func (q failoverSessionQuery) filter() (f vcc.FailoverSessionFilter, err error) {
	kind, kindErr := vcc.ParseFailoverKind(q.Kind)
	operation, operationErr := vcc.ParseSessionOperation(q.Operation)
	return vcc.FailoverSessionFilter{PlanID: q.PlanID, Kind: kind, Operation: operation},
		errors.Join(vcc.Within(kindFilter, kindErr), vcc.Within(operationFilter, operationErr))
}

func (s *server) registerFailoverSessions() {
	list(s, "failoverSessions", "List the tenant's failovers and the reports of failover tests, newest first; log, networks, machines and publicAddresses are empty in the list, and each session has its own", newWireFailoverSession,
		func(ctx context.Context, as vcc.Actor, in *failoverSessionQuery) ([]vcc.FailoverSession, int, error) {
			filter, err := in.filter()
			if err != nil {
				return nil, 0, err
			}
			return s.Services.FailoverSessions(ctx, as, filter, in.page())
		})
	handle(s, http.MethodGet, "failoverSessions/{id}", "Get a failover, or the report of a failover test",
		func(ctx context.Context, as vcc.Actor, in *idPath) (*answerBody[wireFailoverSession], error) {
			session, err := s.Services.FailoverSession(ctx, as, in.ID)
			if err != nil {
				return nil, err
			}
			return &answerBody[wireFailoverSession]{newWireFailoverSession(*session)}, nil
		})
}
