package cli

import (
	"io"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

type failoverSessionsCmd struct {
	Plan string `placeholder:"PLAN" help:"Only those of this failover plan, by name or ID."`
}

// Run lists the sessions.
func (c failoverSessionsCmd) Run(s *session) error {
	var filter vcc.FailoverSessionFilter
	if c.Plan != "" {
		plan, err := planArgument(c).find(s)
		if err != nil {
			return err
		}
		filter.PlanID = plan.ID
	}
	sessions, err := vcc.All(func(p vcc.Page) ([]vcc.FailoverSession, int, error) {
		return s.client.FailoverSessions(s.ctx, s.as, filter, p)
	})
	if err != nil {
		return err
	}
	return s.print(sessions, func(w io.Writer) {
		row(w, "STARTED", "WHAT", "PLAN OR VM", "STATE", "PROBLEMS", "BY")
		for _, f := range sessions {
			what, state := "full site failover", "under way"
			switch {
			case f.Test:
				what, state = "test", "nothing was started"
			case f.Kind == vcc.FailoverPartialSite:
				what = "partial site failover"
			}
			if !f.EndedAt.IsZero() {
				state = "ended " + vcc.TimeText(f.EndedAt)
			}
			row(w, vcc.TimeText(f.StartedAt), what, f.Subject(), state, len(f.Problems), f.StartedBy)
		}
	})
}
