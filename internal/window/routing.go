package window

import (
	"strconv"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func (w *Window) registerRouting() {
	w.page("routing", w.routing)
	w.action("routing", w.saveRouting)
}

// routingForm is the check box, with what is stored beside it.
type routingForm struct {
	// Enabled is what the box shows, and Revision what it is about.
	Enabled  bool
	Revision string
	Stored   vcc.NetworkRouting
}

func newRoutingForm(stored vcc.NetworkRouting) routingForm {
	return routingForm{stored.Enabled, strconv.FormatInt(stored.Revision, 10), stored}
}

// routingPage is the check box with its history.
type routingPage struct {
	Routing routingForm
	// Faster is the error of a write that came too late, nil for none.
	Faster  *vcc.Error
	Changes []vcc.RoutingChange
	pages
}

func (w *Window) routingPage(r *request) (*routingPage, error) {
	stored, err := w.Services.NetworkRouting(r.Context(), r.actor)
	if err != nil {
		return nil, err
	}
	p := &routingPage{Routing: newRoutingForm(*stored), pages: newPages(r)}
	changes, total, err := w.Services.NetworkRoutingChanges(r.Context(), r.actor, p.page())
	if err != nil {
		return nil, err
	}
	p.Changes = changes
	p.count(len(changes), total)
	return p, nil
}

func (p *routingPage) view() *view {
	return show("gateways", "routing.html", "Route traffic between these networks", p)
}

func (w *Window) routing(r *request) (*view, error) {
	p, err := w.routingPage(r)
	if err != nil {
		return nil, err
	}
	return p.view(), nil
}

func (w *Window) saveRouting(r *request) (*view, error) {
	condition, err := r.shownRevision()
	if err != nil {
		return nil, err
	}
	enabled := r.PostFormValue("enabled") == "yes"
	stored, err := w.Services.PutNetworkRouting(r.Context(), r.actor, enabled, condition)
	if late := faster(err); late != nil {
		p, err := w.routingPage(r)
		if err != nil {
			return nil, err
		}
		p.Routing.Enabled, p.Faster = enabled, late
		v := p.view()
		v.status = statuses[late.Code]
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	done := "saved"
	if condition.Revision != nil && *condition.Revision == stored.Revision {
		done = "same"
	}
	return goTo(r.path("gateways") + "?done=" + done), nil
}
