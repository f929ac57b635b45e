package window

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func (w *Window) registerFailover() {
	w.page("failover", func(r *request) (*view, error) {
		plans, err := w.site(r).plans(r.Context())
		return show("failover", "failover_plans.html", "Failover Plans", plans), err
	})
	for _, o := range []vcc.FailoverOperation{vcc.FailoverTest, vcc.FailoverStart, vcc.FailoverUndo} {
		path := "failover/{plan}/" + string(o)
		w.page(path, func(r *request) (*view, error) {
			p, err := w.site(r).failoverQuestion(r.Context(), r.PathValue("plan"), o)
			if err != nil {
				return nil, err
			}
			return show("failover", "failover.html", p.Title(), p), nil
		})
		send := w.action
		if o == vcc.FailoverTest {
			send = w.question
		}
		send(path, func(r *request) (*view, error) {
			p, err := w.site(r).failover(r.Context(), r.PathValue("plan"), o, failoverForm{force: r.typed("force") != "", keep: r.account.MayWrite() == nil})
			if err != nil {
				return nil, err
			}
			v := show("failover", "failover.html", p.Title(), p)
			if p.Refused != "" {
				v.status = http.StatusConflict
			}
			return v, nil
		})
	}
}

// failoverForm is what a form says of an operation: whether a start ends partial failovers first, and whether
// the report of a test is kept, which viewers have no right to.
type failoverForm struct{ force, keep bool }

// failoverPage asks once more before an operation on a failover plan, or shows its outcome.
type failoverPage struct {
	Plan      vcc.FailoverPlan
	Operation vcc.FailoverOperation
	Force     bool
	// Preview is what a start would do, and Session what was done.
	Preview, Session *vcc.FailoverSession
	// Refused says why nothing was done.
	Refused string
}

// Title asks, or says what was done.
func (p failoverPage) Title() string {
	switch {
	case p.Session == nil:
		return fmt.Sprintf("%s failover plan %q?", p.Verb(), p.Plan.Name)
	case p.Session.Test:
		return fmt.Sprintf("Test of failover plan %q", p.Plan.Name)
	case p.Session.EndedAt.IsZero():
		return fmt.Sprintf("Failover plan %q is started", p.Plan.Name)
	}
	return fmt.Sprintf("Failover plan %q is undone", p.Plan.Name)
}

// Verb is the operation as its button has it.
func (p failoverPage) Verb() string {
	return strings.ToUpper(string(p.Operation[:1])) + string(p.Operation[1:])
}

// Step is the end of the path that the form is sent to.
func (p failoverPage) Step() string { return string(p.Operation) }

// IsDanger reports whether the operation takes something away.
func (p failoverPage) IsDanger() bool { return p.Operation == vcc.FailoverUndo }

// IsTest reports whether the operation leaves a report.
func (p failoverPage) IsTest() bool { return p.Operation == vcc.FailoverTest }

// IsStart reports whether the operation takes force.
func (p failoverPage) IsStart() bool { return p.Operation == vcc.FailoverStart }

// plans are all failover plans.
func (s tenantSite) plans(ctx context.Context) ([]vcc.FailoverPlan, error) {
	return vcc.All(func(page vcc.Page) ([]vcc.FailoverPlan, int, error) { return s.FailoverPlans(ctx, s.as, page) })
}

// failoverQuestion asks once more whether an operation is to be carried out. Before a start it says
// what that would do.
func (s tenantSite) failoverQuestion(ctx context.Context, planID string, operation vcc.FailoverOperation) (*failoverPage, error) {
	p := &failoverPage{Operation: operation}
	plans, err := s.plans(ctx)
	if err != nil {
		return nil, err
	}
	found := false
	for _, plan := range plans {
		if plan.ID == planID {
			p.Plan, found = plan, true
		}
	}
	if !found {
		return nil, &vcc.Error{Code: vcc.CodeNotFound, ResourceID: planID, Message: vcc.Message("there is no failover plan with ID %s", planID)}
	}
	if p.Operation != vcc.FailoverStart {
		return p, nil
	}
	p.Preview, err = s.PreviewFailover(ctx, s.as, planID)
	return p, p.refused(err)
}

// refused keeps the reason for which an operation is refused. Other errors it returns.
func (p *failoverPage) refused(err error) error {
	if vcc.Code(err) != vcc.CodeConflict {
		return err
	}
	p.Refused = err.Error()
	return nil
}

// failover carries an operation out. A refusal is on the page, which then asks again.
func (s tenantSite) failover(ctx context.Context, planID string, operation vcc.FailoverOperation, form failoverForm) (*failoverPage, error) {
	p, err := s.failoverQuestion(ctx, planID, operation)
	if err != nil {
		return nil, err
	}
	p.Force, p.Refused = form.force, ""
	switch {
	case p.Operation == vcc.FailoverStart:
		p.Session, err = s.StartFailover(ctx, s.as, planID, form.force)
	case p.Operation == vcc.FailoverUndo:
		p.Session, err = s.UndoFailover(ctx, s.as, planID)
	case form.keep:
		p.Session, err = s.TestFailover(ctx, s.as, planID)
	default:
		p.Session, err = s.PreviewFailover(ctx, s.as, planID)
	}
	return p, p.refused(err)
}
