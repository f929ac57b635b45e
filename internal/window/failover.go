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
	w.page("failover/{plan}/history", w.failoverPlanHistory)
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
			p, err := w.site(r).failover(r.Context(), r.account, r.PathValue("plan"), o, r.typed("force") != "")
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
	plan, err := s.FailoverPlan(ctx, s.as, planID)
	if err != nil {
		return nil, err
	}
	p := &failoverPage{Plan: *plan, Operation: operation}
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

// failover carries an operation out. force says whether a start ends partial failovers first. A refusal is on
// the page, which then asks again.
func (s tenantSite) failover(ctx context.Context, account vcc.Account, planID string, operation vcc.FailoverOperation, force bool) (*failoverPage, error) {
	p, err := s.failoverQuestion(ctx, planID, operation)
	if err != nil {
		return nil, err
	}
	p.Force, p.Refused = force, ""
	switch p.Operation {
	case vcc.FailoverStart:
		p.Session, err = s.StartFailover(ctx, s.as, planID, force)
	case vcc.FailoverUndo:
		p.Session, err = s.UndoFailover(ctx, s.as, planID)
	default:
		p.Session, err = vcc.TestFor(ctx, s, account, s.as, planID)
	}
	return p, p.refused(err)
}
