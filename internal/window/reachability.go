package window

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func (w *Window) registerReachability() {
	w.page("reachability", func(r *request) (*view, error) {
		p, err := w.site(r).matrix(r.Context(), readReachabilityForm(r.URL.Query()))
		return p.view("Who reaches whom"), err
	})
	w.page("trace", func(r *request) (*view, error) {
		f := readReachabilityForm(r.URL.Query())
		p, err := w.site(r).trace(r.Context(), f)
		title := "Who reaches whom: one pair"
		if f.Source != "" && f.Destination != "" {
			title = "From " + f.Source + " to " + f.Destination
		}
		return p.view(title), err
	})
}

// tenantSite asks the services for one tenant.
type tenantSite struct {
	Services
	as vcc.Actor
}

func (w *Window) site(r *request) tenantSite { return tenantSite{w.Services, r.actor} }

// view shows the page.
func (p reachabilityPage) view(title string) *view {
	v := show("reachability", "reachability.html", title, p)
	if len(p.Errors) > 0 {
		v.status = http.StatusUnprocessableEntity
	}
	return v
}

// reachabilityPage is the page of who reaches whom. With an error nothing was asked.
type reachabilityPage struct {
	Form   reachabilityForm
	Errors map[string]string
	// Networks are names to choose from, as many as a list can bear.
	Networks []string
	// RoutingEnabled is the routing option as it is stored.
	RoutingEnabled bool
	Matrix         *matrixView
	Rows, Columns  matrixPage
	// IsTrace says that the question is a single one, and Answer is that to it.
	IsTrace bool
	Answer  *answerView
}

// questionField is one of the form's fields.
type questionField struct{ ID, Name, Label, Value, Error, List string }

// Field returns a field of the form for its template.
func (p reachabilityPage) Field(name, label string) questionField {
	f := questionField{ID: strings.ReplaceAll(name, ".", "-"), Name: name, Label: label, Error: p.Errors[name]}
	for _, field := range reachabilityFields {
		if field.name == name {
			f.Value = *field.value(&p.Form)
		}
	}
	if name == "network" {
		f.List = "networks"
	}
	return f
}

// Action is where the form is sent to.
func (p reachabilityPage) Action() string {
	if p.IsTrace {
		return "trace"
	}
	return "reachability"
}

// Protocols are the choices of the form.
func (reachabilityPage) Protocols() []string { return []string{"tcp", "udp", "icmp"} }

// Assumes reports whether the form takes anything for granted, or has to be corrected there.
func (p reachabilityPage) Assumes() bool {
	return p.Form.Routing != "" || p.Form.Network != "" || p.Form.None || p.Form.isTyped()
}

// MatrixLink leads to the question about all instead of one pair.
func (p reachabilityPage) MatrixLink() string {
	p.Form.Source, p.Form.Destination = "", ""
	return "reachability?" + p.Form.query()
}

// HasPages reports whether the table is a part of a larger one.
func (p reachabilityPage) HasPages() bool {
	return p.Rows.Total > matrixVMs || p.Columns.Total > matrixVMs
}

// pageLink leads to another part of the table.
type pageLink struct{ Text, Link string }

// PageLinks lead to the parts of the table beside this one.
func (p reachabilityPage) PageLinks() (links []pageLink) {
	add := func(text string, skip int, into *int) {
		if skip >= 0 {
			before := *into
			*into = skip
			links = append(links, pageLink{text, "reachability?" + p.Form.query()})
			*into = before
		}
	}
	add("Sources before", p.Rows.Previous, &p.Form.Rows)
	add("Sources after", p.Rows.Next, &p.Form.Rows)
	add("Destinations before", p.Columns.Previous, &p.Form.Columns)
	add("Destinations after", p.Columns.Next, &p.Form.Columns)
	return links
}

// maxChoices is how many names a list to choose from has at most.
const maxChoices = 200

// answerView is the answer to a question, with both packets' steps.
type answerView struct {
	vcc.Reachability
	// Words say the reason.
	Words string
}

// matrix answers who reaches whom.
func (s tenantSite) matrix(ctx context.Context, f reachabilityForm) (reachabilityPage, error) {
	p, assume, err := s.reachabilityPage(ctx, f)
	if err != nil || len(p.Errors) > 0 {
		return p, err
	}
	err = p.asked(s.askMatrix(ctx, &p, assume))
	return p, err
}

func (s tenantSite) askMatrix(ctx context.Context, p *reachabilityPage, assume vcc.Assumption) error {
	port, err := p.Form.port()
	if err != nil {
		return err
	}
	request, err := vcc.ParseMatrixRequest(nil, nil, p.Form.Protocol, port)
	if err != nil {
		return err
	}
	vms, public, err := s.ends(ctx)
	if err != nil {
		return err
	}
	columns := append(slices.Clone(vms), public...)
	p.Rows, p.Columns = newMatrixPage(p.Form.Rows, len(vms)), newMatrixPage(p.Form.Columns, len(columns))
	request.Sources, request.Destinations = p.Rows.cut(vms), p.Columns.cut(columns)
	m, err := s.Matrix(ctx, s.as, request, assume)
	if err != nil {
		return err
	}
	f := p.Form
	f.Source, f.Destination = "", ""
	view := newMatrixView(m, "trace?"+f.query())
	view.Heading = "Over " + f.Protocol
	if f.Port != "" {
		view.Heading = fmt.Sprintf("On %s port %s", f.Protocol, f.Port)
	}
	p.Matrix = &view
	return nil
}

// ends are the tenant's VMs, and the public addresses of public IP rules.
func (s tenantSite) ends(ctx context.Context) (vms, public []vcc.TraceEnd, err error) {
	site, err := vcc.All(func(page vcc.Page) ([]vcc.VM, int, error) { return s.VMs(ctx, s.as, page) })
	if err != nil {
		return nil, nil, err
	}
	for _, vm := range site {
		vms = append(vms, vcc.TraceEnd{VM: vm.Name})
	}
	states, err := vcc.All(func(page vcc.Page) ([]vcc.ApplianceState, int, error) { return s.Appliances(ctx, s.as, page) })
	for _, a := range states {
		for _, r := range a.DestinationNAT {
			if end := (vcc.TraceEnd{Address: r.Public.Addr()}); !slices.Contains(public, end) {
				public = append(public, end)
			}
		}
	}
	return vms, public, err
}

// trace answers one question with its steps.
func (s tenantSite) trace(ctx context.Context, f reachabilityForm) (reachabilityPage, error) {
	p, assume, err := s.reachabilityPage(ctx, f)
	p.IsTrace = true
	if err != nil || len(p.Errors) > 0 {
		return p, err
	}
	err = p.asked(s.askTrace(ctx, &p, assume))
	return p, err
}

func (s tenantSite) askTrace(ctx context.Context, p *reachabilityPage, assume vcc.Assumption) error {
	port, err := p.Form.port()
	if err != nil {
		return err
	}
	question, err := vcc.ParseTraceRequest(p.Form.Source, p.Form.Destination, p.Form.Protocol, port)
	if err != nil {
		return err
	}
	answers, err := s.Trace(ctx, s.as, []vcc.TraceRequest{question}, assume)
	if err != nil {
		return err
	}
	p.Answer = &answerView{answers[0], answers[0].Outcome().Words()}
	return nil
}

// reachabilityPage begins a page with what both kinds of question have in common.
func (s tenantSite) reachabilityPage(ctx context.Context, f reachabilityForm) (p reachabilityPage, assume vcc.Assumption, err error) {
	p = reachabilityPage{Form: f, Errors: map[string]string{}}
	list := func(page vcc.Page) ([]vcc.Network, int, error) {
		return s.Networks(ctx, s.as, vcc.NetworkFilter{}, page)
	}
	// All of them are needed only to find one.
	networks, _, err := list(vcc.Page{Limit: maxChoices})
	if err == nil && f.Network != "" {
		networks, err = vcc.All(list)
	}
	if err != nil {
		return p, assume, err
	}
	for _, n := range networks[:min(len(networks), maxChoices)] {
		p.Networks = append(p.Networks, n.Name)
	}
	routing, err := s.NetworkRouting(ctx, s.as)
	if err != nil {
		return p, assume, err
	}
	p.RoutingEnabled = routing.Enabled
	assume, err = f.assumption(networks)
	err = p.asked(err)
	return p, assume, err
}

// asked keeps what is wrong with the form, or with what it asks, for the page. Other errors it returns.
func (p *reachabilityPage) asked(err error) error {
	switch vcc.Code(err) {
	case "":
		return nil
	case vcc.CodeInvalidValue, vcc.CodeConflict:
		if len(vcc.Errors(err)) > 0 {
			p.Errors = formErrors(err)
			return nil
		}
	}
	return err
}
