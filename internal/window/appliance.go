package window

import (
	"context"
	"slices"
	"strconv"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func (w *Window) registerAppliance() {
	w.page("appliance", func(r *request) (*view, error) {
		query := r.URL.Query()
		skip, err := strconv.Atoi(query.Get("skip"))
		if err != nil { // what is no number is the first page
			skip = 0
		}
		p, err := w.site(r).appliance(r.Context(), query.Get("id"), skip)
		if err != nil {
			return nil, err
		}
		return show("appliance", "appliance.html", "Appliance", p), nil
	})
}

// appliancePage shows one of a tenant's appliances.
type appliancePage struct {
	applianceView
	// ID is that of the appliance, and Others are all of them, where there are several.
	ID     string
	Others []vcc.ApplianceState
}

// appliance shows the appliance of an ID, the first one without. CodeNotFound: there is none.
func (s tenantSite) appliance(ctx context.Context, id string, skip int) (*appliancePage, error) {
	states, err := vcc.All(func(page vcc.Page) ([]vcc.ApplianceState, int, error) { return s.Appliances(ctx, s.as, page) })
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(states, func(a vcc.ApplianceState) bool { return id == "" || a.ID == id })
	if i < 0 {
		return nil, &vcc.Error{Code: vcc.CodeNotFound, ResourceID: id, Message: "there is no such network extension appliance; a tenant without cloud networks has none"}
	}
	p := pictured{ApplianceState: states[i], Networks: map[string]vcc.Network{}}
	networks, err := vcc.All(func(page vcc.Page) ([]vcc.Network, int, error) {
		return s.Networks(ctx, s.as, vcc.NetworkFilter{}, page)
	})
	if err != nil {
		return nil, err
	}
	for _, n := range networks {
		p.Networks[n.ID] = n
	}
	sources, err := s.ApplianceSources(ctx, s.as, p.ID, "")
	if err != nil {
		return nil, err
	}
	p.Replicas = sources.Replicas
	routing, err := s.NetworkRouting(ctx, s.as)
	if err != nil {
		return nil, err
	}
	p.RoutingEnabled = routing.Enabled
	view := &appliancePage{applianceView: newApplianceView(p, skip), ID: p.ID}
	if len(states) > 1 {
		view.Others = states
	}
	return view, nil
}
