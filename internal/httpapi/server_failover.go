package httpapi

import (
	"cmp"
	"context"
	"net/http"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// startFailoverInput is a start of full site failover.
type startFailoverInput struct {
	ID    string `path:"id"`
	Force bool   `query:"force" doc:"End the partial site failovers that keep an appliance busy, instead of refusing"`
}

// vmPath names a VM in the path.
type vmPath struct {
	VM string `path:"vm"`
}

func (s *server) registerFailover() {
	s.registerFailoverPlans()
	handle(s, http.MethodPost, "failoverPlans/{id}/start", "Start full site failover",
		func(ctx context.Context, as vcc.Actor, in *startFailoverInput) (*answerBody[wireFailoverSession], error) {
			return s.answerSession(ctx, "failover.start")(s.Services.StartFailover(ctx, as, in.ID, in.Force))
		})
	handle(s, http.MethodPost, "failoverPlans/{id}/undo", "Undo full site failover",
		func(ctx context.Context, as vcc.Actor, in *idPath) (*answerBody[wireFailoverSession], error) {
			return s.answerSession(ctx, "failover.undo")(s.Services.UndoFailover(ctx, as, in.ID))
		})
	// A viewer may ask what a start would do (see vcc.TestFor). A repeated test is one more report.
	handleQuestion(s, http.MethodPost, "failoverPlans/{id}/test", "Say what a full site failover would do, and keep a report of that, unless the account may not write",
		func(ctx context.Context, as vcc.Actor, in *idPath) (*answerBody[wireFailoverSession], error) {
			account, _ := ctx.Value(accountKey{}).(vcc.Account)
			return s.answerSession(ctx, "failover.test")(vcc.TestFor(ctx, s.Services, account, as, in.ID))
		})
	for _, op := range []struct {
		verb, summary string
		act           func(context.Context, vcc.Actor, string) (*vcc.FailoverSession, error)
	}{
		{"start", "Start partial site failover of a VM", s.Services.StartPartialFailover},
		{"stop", "Stop partial site failover of a VM", s.Services.StopPartialFailover},
	} {
		handle(s, http.MethodPost, "partialFailovers/{vm}/"+op.verb, op.summary,
			func(ctx context.Context, as vcc.Actor, in *vmPath) (*answerBody[wireFailoverSession], error) {
				return s.answerSession(ctx, "partialFailover."+op.verb)(op.act(ctx, as, in.VM))
			})
	}
}

// answerSession answers with what became of an action, and logs it if it changed something.
func (s *server) answerSession(ctx context.Context, action string) func(*vcc.FailoverSession, error) (*answerBody[wireFailoverSession], error) {
	return func(session *vcc.FailoverSession, err error) (*answerBody[wireFailoverSession], error) {
		if err != nil {
			return nil, err
		}
		if session.IsKept() {
			s.auditObject(ctx, action, cmp.Or(session.PlanID, session.VM))
		}
		return &answerBody[wireFailoverSession]{newWireFailoverSession(*session)}, nil
	}
}
