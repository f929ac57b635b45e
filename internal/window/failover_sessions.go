package window

import "github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"

func (w *Window) registerFailoverSessions() {
	w.page("sessions", w.failoverSessions)
	w.page("sessions/{session}", func(r *request) (*view, error) {
		session, err := w.Services.FailoverSession(r.Context(), r.actor, r.PathValue("session"))
		if err != nil {
			return nil, err
		}
		p := sessionPage{*session}
		return show("sessions", "failover_session.html", p.Title(), p), nil
	})
}

// sessionList is the page with the tenant's failovers and reports of tests.
type sessionList struct {
	Sessions []sessionPage
	pages
}

func (w *Window) failoverSessions(r *request) (*view, error) {
	list := sessionList{pages: newPages(r)}
	found, total, err := w.Services.FailoverSessions(r.Context(), r.actor, vcc.FailoverSessionFilter{}, list.page())
	if err != nil {
		return nil, err
	}
	for _, s := range found {
		list.Sessions = append(list.Sessions, sessionPage{s})
	}
	list.count(len(found), total)
	return show("sessions", "failover_sessions.html", "Failover Sessions", list), nil
}

// sessionPage shows a failover, or the report of a test.
type sessionPage struct{ vcc.FailoverSession }

// What is done, or was tested, in a cell of a table.
func (p sessionPage) What() string {
	switch {
	case p.Test:
		return "Test"
	case p.Kind == vcc.FailoverPartialSite:
		return "Partial site failover"
	}
	return "Full site failover"
}

// Title names the session.
func (p sessionPage) Title() string {
	of := "failover plan"
	if p.Kind == vcc.FailoverPartialSite {
		of = "VM"
	}
	return vcc.Message("%s of %s %q", p.What(), of, p.Subject())
}
