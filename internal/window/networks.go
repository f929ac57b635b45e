package window

import (
	"fmt"
	"strconv"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func (w *Window) registerNetworks() {
	w.page("networks/{network}", w.network)
	w.page("networks/{network}/history", w.networkHistory)
	w.page("preview/ipv4", w.previewIPv4)
	for _, f := range families {
		w.page("networks/{network}/"+f.path, w.network)
		w.action("networks/{network}/"+f.path, func(r *request) (*view, error) { return w.save(r, f) })
		w.page("networks/{network}/"+f.path+"/remove", func(r *request) (*view, error) { return w.askRemove(r, f) })
		w.action("networks/{network}/"+f.path+"/remove", func(r *request) (*view, error) { return w.remove(r, f) })
	}
}

// family is one of the console's two dialogs.
type family struct {
	path, name string
	// fields are the paths of its values in the domain's errors.
	fields []string
	// read reads what was typed and puts it in its place beside the other family.
	read func(*networkPage, *vcc.GatewaySettings) error
	// without takes the family away, and describe says what it is.
	without  func(*vcc.GatewaySettings)
	describe func(vcc.GatewaySettings) string
}

var families = []family{
	{
		path: "ipv4", name: "IPv4", fields: []string{"ipv4.address", "ipv4.subnetMask"},
		read: func(p *networkPage, s *vcc.GatewaySettings) error {
			v4, err := vcc.ParseIPv4Settings(p.IPv4.Address, p.IPv4.SubnetMask)
			s.IPv4 = &v4
			return vcc.Within("ipv4", err)
		},
		without: func(s *vcc.GatewaySettings) { s.IPv4 = nil },
		describe: func(s vcc.GatewaySettings) string {
			if s.IPv4 == nil {
				return ""
			}
			return fmt.Sprintf("%s in %s", s.IPv4.Address, s.IPv4.Network())
		},
	},
	{
		path: "ipv6", name: "IPv6", fields: []string{"ipv6.network", "ipv6.prefixLength", "ipv6.address"},
		read: func(p *networkPage, s *vcc.GatewaySettings) error {
			v6, err := vcc.ParseTypedIPv6Settings(p.IPv6.Address, p.IPv6.Network, p.IPv6.PrefixLength)
			s.IPv6 = &v6
			return vcc.Within("ipv6", err)
		},
		without: func(s *vcc.GatewaySettings) { s.IPv6 = nil },
		describe: func(s vcc.GatewaySettings) string {
			if s.IPv6 == nil {
				return ""
			}
			return fmt.Sprintf("%s in %s", s.IPv6.Address, s.IPv6.Network)
		},
	},
}

// networkPage is the page with both dialogs of a network.
type networkPage struct {
	Network vcc.Network
	// Stored is what is stored now, nil for nothing, and Revision what the forms are about.
	Stored   *vcc.DefaultGateway
	Revision string
	IPv4     ipv4Form
	IPv6     ipv6Form
	// Errors are what is wrong at the fields, and Problems what is wrong elsewhere in the dialog of
	// the family Failed.
	Errors   fieldErrors
	Failed   string
	Problems []*vcc.Error
	// Faster is the error of a write that came too late, nil for none.
	Faster *vcc.Error
	// Advice are the warnings about what is stored.
	Advice []vcc.Warning
}

type ipv4Form struct{ Address, SubnetMask, Network string }

type ipv6Form struct{ Network, PrefixLength, Address string }

// networkForms reads a network and fills its forms with what is stored.
func (w *Window) networkForms(r *request) (*networkPage, error) {
	n, g, err := w.Services.NetworkAndGateway(r.Context(), r.actor, r.PathValue("network"))
	if err != nil {
		return nil, err
	}
	p := &networkPage{Network: n, Stored: g, Revision: revisionOf(g)}
	if g == nil {
		return p, nil
	}
	p.Advice = g.Warnings()
	if g.IPv4 != nil {
		p.IPv4 = ipv4Form{g.IPv4.Address.String(), g.IPv4.SubnetMask(), g.IPv4.Network().String()}
	}
	if g.IPv6 != nil {
		p.IPv6 = ipv6Form{g.IPv6.Network.Addr().String(), strconv.Itoa(g.IPv6.Network.Bits()), g.IPv6.Address.String()}
	}
	return p, nil
}

// typedOver puts what was typed over what is stored.
func (p *networkPage) typedOver(r *request, f family) {
	switch f.path {
	case "ipv4":
		p.IPv4 = ipv4Form{Address: r.typed("address"), SubnetMask: r.typed("subnetMask")}
		if v4, err := vcc.ParseIPv4Settings(p.IPv4.Address, p.IPv4.SubnetMask); err == nil {
			p.IPv4.Network = v4.Network().String()
		}
	case "ipv6":
		p.IPv6 = ipv6Form{r.typed("network"), r.typed("prefixLength"), r.typed("address")}
	}
}

func (p *networkPage) view() *view {
	v := show("gateways", "network.html", p.Network.Name, p)
	if p.Faster != nil {
		v.status = statuses[p.Faster.Code]
	}
	return v
}

func (w *Window) network(r *request) (*view, error) {
	p, err := w.networkForms(r)
	if err != nil {
		return nil, err
	}
	return p.view(), nil
}

// save stores what was typed into one dialog, beside the other family as it was shown.
func (w *Window) save(r *request, f family) (*view, error) {
	condition, err := r.shownRevision()
	if err != nil {
		return nil, err
	}
	p, err := w.networkForms(r)
	if err != nil {
		return nil, err
	}
	var settings vcc.GatewaySettings
	if p.Stored != nil {
		settings = p.Stored.GatewaySettings
	}
	p.typedOver(r, f)
	if err := f.read(p, &settings); err != nil {
		return w.refused(r, p, f, err), nil
	}
	// The other family is that of now. If it is another one than was shown, then so is the revision.
	g, _, err := w.Services.PutDefaultGateway(r.Context(), r.actor, p.Network.ID, settings, condition)
	if err != nil {
		return w.refused(r, p, f, err), nil
	}
	done := "saved"
	if p.Stored != nil && p.Stored.Revision == g.Revision {
		done = "same"
	}
	return goTo(r.path("networks", p.Network.ID) + "?done=" + done), nil
}

// refused shows the dialogs again: what was typed, and what is wrong with it.
func (w *Window) refused(r *request, p *networkPage, f family, err error) *view {
	if late := faster(err); late != nil {
		p = w.late(r, p, f, late)
		p.typedOver(r, f)
		return p.view()
	}
	p.Failed = f.path
	p.Errors, p.Problems = w.of(r, err, f.fields...)
	v := p.view()
	v.status = statuses[vcc.Code(err)]
	return v
}

// late returns the page of a write that came too late, with what is stored now. Its forms are about that.
func (w *Window) late(r *request, p *networkPage, f family, late *vcc.Error) *networkPage {
	if now, err := w.networkForms(r); err == nil {
		p = now
	}
	p.Failed, p.Faster = f.path, late
	return p
}

// askRemove asks once more before a family is taken away.
func (w *Window) askRemove(r *request, f family) (*view, error) {
	p, err := w.networkForms(r)
	if err != nil {
		return nil, err
	}
	back := r.path("networks", p.Network.ID)
	var settings vcc.GatewaySettings
	if p.Stored != nil {
		settings = p.Stored.GatewaySettings
	}
	removed := f.describe(settings)
	if removed == "" {
		return goTo(back), nil
	}
	f.without(&settings)
	left := "The network is left without a default gateway."
	for _, other := range families {
		if stays := other.describe(settings); stays != "" {
			left = fmt.Sprintf("The %s default gateway stays: %s.", other.name, stays)
		}
	}
	return confirm("gateways", p.Network.Name, confirmation{
		Question: fmt.Sprintf("Remove the %s default gateway?", f.name),
		Facts:    []string{fmt.Sprintf("Removed is %s, %s by %s.", removed, p.Stored.Origin, p.Stored.UpdatedBy), left},
		Action:   r.path("networks", p.Network.ID, f.path, "remove"), Hidden: map[string]string{"revision": p.Revision},
		Button: "Remove", Danger: true, Back: back,
	}), nil
}

// remove takes a family away; with the last one goes the gateway.
func (w *Window) remove(r *request, f family) (*view, error) {
	condition, err := r.shownRevision()
	if err != nil {
		return nil, err
	}
	p, err := w.networkForms(r)
	if err != nil {
		return nil, err
	}
	var settings vcc.GatewaySettings
	if p.Stored != nil {
		settings = p.Stored.GatewaySettings
	}
	f.without(&settings)
	if settings == (vcc.GatewaySettings{}) {
		err = w.Services.RemoveDefaultGateway(r.Context(), r.actor, p.Network.ID, condition)
	} else {
		_, _, err = w.Services.PutDefaultGateway(r.Context(), r.actor, p.Network.ID, settings, condition)
	}
	if late := faster(err); late != nil {
		return w.late(r, p, f, late).view(), nil
	}
	if err != nil {
		return nil, err
	}
	return goTo(r.path("networks", p.Network.ID) + "?done=removed"), nil
}

// previewIPv4 answers with the network of what is being typed, and with nothing while it is none.
func (w *Window) previewIPv4(r *request) (*view, error) {
	q := r.URL.Query()
	settings, err := vcc.ParseIPv4Settings(q.Get("address"), q.Get("subnetMask"))
	if err != nil {
		return &view{}, nil //nolint:nilerr // what is half typed is no error yet
	}
	return &view{text: settings.Network().String()}, nil
}

// networkHistory is the page with the history of a network.
type networkHistory struct {
	Network vcc.Network
	Changes []vcc.Change
	pages
}

func (w *Window) networkHistory(r *request) (*view, error) {
	n, _, err := w.Services.NetworkAndGateway(r.Context(), r.actor, r.PathValue("network"))
	if err != nil {
		return nil, err
	}
	h := networkHistory{Network: n, pages: newPages(r)}
	var total int
	if h.Changes, total, err = w.Services.DefaultGatewayChanges(r.Context(), r.actor, n.ID, h.page()); err != nil {
		return nil, err
	}
	h.count(len(h.Changes), total)
	return show("gateways", "history.html", "History of "+n.Name, h), nil
}
