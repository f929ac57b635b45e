package window

import (
	"errors"
	"strconv"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func (w *Window) registerGateways() {
	w.page("gateways", w.gateways)
	w.registerNetworks()
	w.registerRouting()
}

// gatewayList is the page with the table of the console's window.
type gatewayList struct {
	ServiceProvider string
	Search          string
	Rows            []gatewayRow
	pages
	Routing routingForm
}

// gatewayRow is a cloud network with its gateway, nil for none.
type gatewayRow struct {
	Network vcc.Network
	Gateway *vcc.DefaultGateway
}

func (w *Window) gateways(r *request) (*view, error) {
	list := gatewayList{Search: r.search(), pages: newPages(r)}
	provider, err := w.Services.ServiceProvider(r.Context())
	if err != nil && vcc.Code(err) != vcc.CodeNotFound {
		return nil, err
	}
	list.ServiceProvider = provider.Name
	routing, err := w.Services.NetworkRouting(r.Context(), r.actor)
	if err != nil {
		return nil, err
	}
	list.Routing = newRoutingForm(*routing)
	if list.Search == "" {
		err = w.onePage(r, &list)
	} else {
		err = w.searched(r, &list)
	}
	if err != nil {
		return nil, err
	}
	return show("gateways", "gateways.html", "Default Gateways", list), nil
}

// onePage reads the networks of one page and their gateways, and nothing of the other pages.
func (w *Window) onePage(r *request, list *gatewayList) error {
	page, before := list.page(), ""
	if page.Skip > 0 { // with the network before the page, behind which its gateways begin
		page = vcc.Page{Skip: page.Skip - 1, Limit: page.Limit + 1}
	}
	networks, total, err := w.Services.Networks(r.Context(), r.actor, vcc.NetworkFilter{}, page)
	if err != nil {
		return err
	}
	if page.Skip < list.skip && len(networks) > 0 {
		before, networks = networks[0].ID, networks[1:]
	}
	if len(networks) > 0 {
		gateways, _, err := w.Services.DefaultGateways(r.Context(), r.actor, vcc.Page{After: before, Limit: len(networks)})
		if err != nil {
			return err
		}
		list.Rows = join(networks, gateways)
	}
	list.count(len(networks), total)
	return nil
}

// searched reads everything and keeps what has the text in its name or in an address, whatever its case.
func (w *Window) searched(r *request, list *gatewayList) error {
	networks, err := vcc.All(func(p vcc.Page) ([]vcc.Network, int, error) {
		return w.Services.Networks(r.Context(), r.actor, vcc.NetworkFilter{}, p)
	})
	if err != nil {
		return err
	}
	gateways, err := vcc.All(func(p vcc.Page) ([]vcc.DefaultGateway, int, error) {
		return w.Services.DefaultGateways(r.Context(), r.actor, p)
	})
	if err != nil {
		return err
	}
	var found []gatewayRow
	text := strings.ToLower(list.Search)
	for _, row := range join(networks, gateways) {
		if row.has(text) {
			found = append(found, row)
		}
	}
	first := min(list.skip, len(found))
	list.Rows = found[first:min(first+rows, len(found))]
	list.count(len(list.Rows), len(found))
	return nil
}

func (g gatewayRow) has(text string) bool {
	texts := []string{g.Network.Name}
	if g.Gateway != nil {
		if v4 := g.Gateway.IPv4; v4 != nil {
			texts = append(texts, v4.Address.String(), v4.Network().String())
		}
		if v6 := g.Gateway.IPv6; v6 != nil {
			texts = append(texts, v6.Address.String(), v6.Network.String())
		}
	}
	for _, t := range texts {
		if strings.Contains(strings.ToLower(t), text) {
			return true
		}
	}
	return false
}

func join(networks []vcc.Network, gateways []vcc.DefaultGateway) []gatewayRow {
	stored := make(map[string]*vcc.DefaultGateway, len(gateways))
	for i := range gateways {
		stored[gateways[i].NetworkID] = &gateways[i]
	}
	rows := make([]gatewayRow, len(networks))
	for i, n := range networks {
		rows[i] = gatewayRow{n, stored[n.ID]}
	}
	return rows
}

// fieldErrors are what is wrong with the values of a form, by the field's path.
type fieldErrors map[string]string

// of returns what is wrong at the fields of a form, and what is wrong elsewhere.
func (w *Window) of(r *request, err error, fields ...string) (at fieldErrors, elsewhere []*vcc.Error) {
	at = fieldErrors{}
	for _, p := range w.problems(r.Context(), err) {
		known := false
		for _, f := range fields {
			known = known || f == p.Field
		}
		switch {
		case !known:
			said := *p
			said.Field = "" // the form says what it is about
			elsewhere = append(elsewhere, &said)
		case at[p.Field] == "":
			at[p.Field] = p.Message
		default:
			at[p.Field] += ". " + p.Message
		}
	}
	return at, elsewhere
}

// absent is the revision that a form has where nothing was stored.
const absent = "none"

// revisionOf returns the revision that a form is about.
func revisionOf(g *vcc.DefaultGateway) string {
	if g == nil {
		return absent
	}
	return strconv.FormatInt(g.Revision, 10)
}

// shownRevision is the condition that what is stored is still what the form was about.
func (r *request) shownRevision() (vcc.Precondition, error) {
	text := r.PostFormValue("revision")
	if text == absent {
		return vcc.Precondition{Absent: true}, nil
	}
	revision, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return vcc.Precondition{}, &vcc.Error{Code: vcc.CodeInvalidValue, Message: "the form does not say what it was about; nothing was changed. Open the page again"}
	}
	return vcc.IfRevision(revision), nil
}

// faster returns the error of a write that came too late, nil for any other.
func faster(err error) *vcc.Error {
	var e *vcc.Error
	if errors.As(err, &e) && e.Code == vcc.CodePreconditionFailed {
		return e
	}
	return nil
}
