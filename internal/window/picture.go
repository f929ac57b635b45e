package window

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// What a picture of an appliance shows at most. The rest is on other pages and in the tables below it.
const (
	picturedNetworks = 12
	picturedVMs      = 4
	picturedRules    = 8
)

// pictured is everything that a picture of an appliance is drawn from.
type pictured struct {
	vcc.ApplianceState
	// Networks are cloud networks by their ID.
	Networks map[string]vcc.Network
	// Replicas are the VMs on the appliance's networks.
	Replicas []vcc.Replica
	// RoutingEnabled is the routing option.
	RoutingEnabled bool
}

// applianceView is an appliance as a page shows it: in a picture, and in tables that say the same.
type applianceView struct {
	Name string
	// State is a word or two, and Detail what the appliance does or what is shown instead.
	State, Detail string
	// Session is the failover that the appliance is busy with, nil for none.
	Session *vcc.FailoverSession
	// Picture is of Adapters, which are those of one page, and of ext0.
	Picture  picture
	Adapters []adapterView
	Rules    []vcc.DestinationNATRule
	Problems []vcc.ApplianceProblem
	// Total is how many networks the appliance has, First and Last the numbers of those shown,
	// and Previous and Next how many to skip for other pages, -1 where there is none.
	Total, First, Last, Previous, Next int
}

// adapterView is one of an appliance's network adapters.
type adapterView struct {
	Interface, Network, Plan string
	Addresses                []string
	// Outside says how the adapter's network reaches the outside.
	Outside string
	VMs     []string
	// Problems are in two or three words each.
	Problems []string
}

// newApplianceView shows an appliance and a page of its networks, after the first skip.
func newApplianceView(p pictured, skip int) applianceView {
	networks := p.Interfaces[1:]
	skip = max(0, min(skip, (len(networks)-1)/picturedNetworks*picturedNetworks))
	end := min(skip+picturedNetworks, len(networks))
	v := applianceView{
		Name:    fmt.Sprintf("Appliance on %s (%s)", p.HostName, p.Platform),
		Session: p.Session, Rules: p.DestinationNAT, Problems: p.Problems,
		Total: len(networks), First: skip + 1, Last: end, Previous: -1, Next: -1,
	}
	v.State, v.Detail = stateOf(p.ApplianceState)
	if skip > 0 {
		v.Previous = skip - picturedNetworks
	}
	if end < len(networks) {
		v.Next = end
	}
	vms := p.vmsByNetwork()
	v.Adapters = append(v.Adapters, p.adapter(p.Interfaces[0], nil))
	for _, i := range networks[skip:end] {
		v.Adapters = append(v.Adapters, p.adapter(i, vms[i.NetworkID]))
	}
	v.Picture = p.draw(v)
	return v
}

// stateOf says whether an appliance runs, and what it does or what a page shows instead.
func stateOf(s vcc.ApplianceState) (state, detail string) {
	const instead = "shown as it would be at full site failover"
	switch s.State() {
	case "fullSiteFailover":
		return "Running", s.Session.String()
	case "partialSiteFailover":
		return "Busy with " + s.Session.String(), instead
	}
	return "Stopped", instead
}

// vmsByNetwork has the VMs of each cloud network, with their addresses there.
func (p pictured) vmsByNetwork() map[string][]string {
	vms := map[string][]string{}
	for _, r := range p.Replicas {
		for _, n := range r.NICs {
			text := r.Name
			for _, a := range []netip.Prefix{n.IPv4, n.IPv6} {
				if a.IsValid() {
					text += " " + a.Addr().String()
				}
			}
			vms[n.NetworkID] = append(vms[n.NetworkID], text)
		}
	}
	return vms
}

func (p pictured) adapter(i vcc.ApplianceInterface, vms []string) adapterView {
	a := adapterView{Interface: i.Name, Network: i.NetworkName, VMs: vms}
	for _, own := range i.Addresses {
		a.Addresses = append(a.Addresses, own.String())
	}
	if i.NetworkID == "" {
		a.Network = "The service provider's external network"
		for _, r := range p.Routes {
			if r.Interface == i.Name && r.Gateway.IsValid() {
				a.Outside += "gateway " + r.Gateway.String() + " "
			}
		}
		a.Outside = strings.TrimSpace(a.Outside)
	} else {
		network := p.Networks[i.NetworkID]
		a.Plan = network.HardwarePlanName
		a.Outside = p.outside(i, network)
		for _, problem := range p.Problems {
			words := problem.Code.Words()
			if problem.NetworkID == i.NetworkID && !slices.Contains(a.Problems, words) {
				a.Problems = append(a.Problems, words)
			}
		}
	}
	return a
}

// outside says how a network reaches the outside.
func (p pictured) outside(i vcc.ApplianceInterface, network vcc.Network) string {
	if !network.InternetAccess {
		return "no internet access"
	}
	var as []string
	for _, r := range p.SourceNAT {
		if slices.Contains(r.Interfaces, i.Name) {
			as = append(as, r.To.String())
		}
	}
	if len(as) == 0 {
		return "internet access, and no way there"
	}
	return "internet access as " + strings.Join(as, ", ")
}

// picture is a drawing in units of about a pixel. Its template draws it without knowing what it is of.
type picture struct {
	Width, Height      int
	Title, Description string
	// Frame lies below the paths, and they lie below the boxes.
	Frame pictureBox
	Paths []picturePath
	Boxes []pictureBox
}

// picturePath is a line. Data is that of a path of SVG.
type picturePath struct{ Class, Data string }

// pictureBox is a rectangle with lines of text, none of which leaves it.
type pictureBox struct {
	Class               string
	X, Y, Width, Height int
	// Full has all lines in their whole length.
	Full  string
	Lines []pictureLine
}

// InnerWidth and InnerHeight are those of the rectangle, whose line lies within the box.
func (b pictureBox) InnerWidth() int  { return b.Width - 2 }
func (b pictureBox) InnerHeight() int { return b.Height - 2 }

type pictureLine struct {
	Class, Text string
	Y           int // of its base line, in the box
}

// The measures of a picture.
const (
	pictureWidth = 1100
	lineHeight   = 18
	boxPadding   = 8

	outsideX, outsideWidth     = 8, 240
	applianceX, applianceWidth = 300, 440
	externalWidth              = 180
	adapterWidth               = 190
	networkX, networkWidth     = 790, 296
	headerHeight               = 4*lineHeight + 2*boxPadding
	top                        = 8
	gap                        = 12
)

// charactersIn is about how many characters fit into a width.
func charactersIn(width int) int { return (width - 2*boxPadding) * 10 / 74 }

// newBox returns a box with lines at a place. Lines that are too long are cut.
func newBox(class string, x, y, width int, lines []pictureLine) pictureBox {
	b := pictureBox{Class: class, X: x, Y: y, Width: width, Height: len(lines)*lineHeight + 2*boxPadding}
	for i, l := range lines {
		if i > 0 {
			b.Full += "\n"
		}
		b.Full += l.Text
		l.Text, l.Y = vcc.Shorten(l.Text, charactersIn(width)), boxPadding+(i+1)*lineHeight-5
		b.Lines = append(b.Lines, l)
	}
	return b
}

// add adds a box.
func (d *picture) add(class string, x, y, width int, lines ...pictureLine) pictureBox {
	b := newBox(class, x, y, width, lines)
	d.Boxes = append(d.Boxes, b)
	return b
}

// connect draws a line between the right side of one box and the left side of another.
func (d *picture) connect(class string, x1, y1, x2, y2 int) {
	middle := (x1 + x2) / 2
	d.Paths = append(d.Paths, picturePath{class, fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x1, y1, middle, y1, middle, y2, x2, y2)})
}

// wrong marks what is missing, not by its color alone.
func wrong(text string) pictureLine { return pictureLine{Class: "wrong", Text: "⚠ " + text} }

// first returns the lines of texts, at most n, and a line that says how many more there are.
func first(n int, texts []string, more string) (lines []pictureLine) {
	for i, text := range texts {
		if i == n {
			return append(lines, pictureLine{Class: "note", Text: fmt.Sprintf("and %d more %s", len(texts)-n, more)})
		}
		lines = append(lines, pictureLine{Text: text})
	}
	return lines
}

// draw draws the appliance between the outside on the left and its networks on the right.
func (p pictured) draw(v applianceView) picture {
	d := picture{Width: pictureWidth, Title: v.Name}
	external, networks := v.Adapters[0], v.Adapters[1:]

	// The appliance comes first, since the adapters lie on it. Its height follows from theirs.
	head := []pictureLine{{Class: "name", Text: v.Name}, {Text: v.State}, {Class: "note", Text: v.Detail}}
	if n := len(p.Problems); n > 0 {
		head = append(head, wrong(fmt.Sprintf("%d problems: see the list below", n)))
		if n == 1 {
			head[3] = wrong("1 problem: see the list below")
		}
	}
	d.Frame = newBox("appliance", applianceX, top, applianceWidth, head)

	ext0 := d.adapter(external, applianceX, top+headerHeight, externalWidth)
	ext0Y := ext0.Y + ext0.Height/2
	y := top + headerHeight
	missing := 0
	plan, planTop := "", 0
	for i, a := range networks {
		if a.Plan != plan || i == 0 {
			plan, planTop = a.Plan, y
			text := "not routed between its networks"
			if p.RoutingEnabled {
				text = "routed between its networks"
			}
			y += d.add("plan", networkX, y, networkWidth, pictureLine{Class: "name", Text: plan}, pictureLine{Class: "note", Text: text}).Height
		}
		port := d.adapter(a, applianceX+applianceWidth-adapterWidth, y, adapterWidth)
		portY, portHeight := port.Y+port.Height/2, port.Height
		class, wire := "network", "wire"
		if len(a.Addresses) == 0 {
			class, wire = "network missing", "wire missing"
			missing++
		}
		lines := []pictureLine{{Class: "name", Text: a.Network}, {Class: "note", Text: a.Outside}}
		lines = append(lines, first(picturedVMs, a.VMs, "VMs")...)
		for _, problem := range a.Problems {
			lines = append(lines, wrong(problem))
		}
		box := d.add(class, networkX, y, networkWidth, lines...)
		height := max(box.Height, portHeight)
		d.connect(wire, applianceX+applianceWidth, portY, networkX, y+min(box.Height, portHeight)/2)
		if strings.HasPrefix(a.Outside, "internet access as ") {
			d.connect("wire outward", applianceX+externalWidth, ext0Y, applianceX+applianceWidth-adapterWidth, portY)
		}
		y += height + gap
		if p.RoutingEnabled && (i+1 == len(networks) || networks[i+1].Plan != plan) {
			d.Paths = append(d.Paths, picturePath{"routed", fmt.Sprintf("M%d %dh6V%dh-6", networkX+networkWidth+2, planTop+boxPadding, y-gap-boxPadding)})
		}
	}

	bottom := max(y, ext0.Y+ext0.Height+gap)
	outside := d.add("outside", outsideX, top+headerHeight, outsideWidth, p.outsideLines(external)...)
	d.connect("wire", outsideX+outsideWidth, min(ext0Y, outside.Y+outside.Height-boxPadding), applianceX, ext0Y)
	bottom = max(bottom, outside.Y+outside.Height+gap)
	if rules := p.ruleLines(); len(rules) > 0 {
		box := d.add("rules", outsideX, outside.Y+outside.Height+gap, outsideWidth, append([]pictureLine{{Class: "name", Text: "Public IP rules"}}, rules...)...)
		bottom = max(bottom, box.Y+box.Height+gap)
	}
	d.Frame.Height = bottom - top
	d.Height = bottom + top
	d.Description = fmt.Sprintf("%s: %s. %d of the %d cloud networks shown have no address. The tables below say the same as this picture.", v.State, v.Detail, missing, len(networks))
	return d
}

// adapter draws one of the appliance's adapters on its side.
func (d *picture) adapter(a adapterView, x, y, width int) pictureBox {
	lines := []pictureLine{{Class: "name", Text: a.Interface}}
	for _, own := range a.Addresses {
		lines = append(lines, pictureLine{Text: own})
	}
	class := "adapter"
	if len(a.Addresses) == 0 {
		class = "adapter missing"
		lines = append(lines, wrong("no address"))
	}
	return d.add(class, x, y, width, lines...)
}

func (p pictured) outsideLines(external adapterView) []pictureLine {
	lines := []pictureLine{{Class: "name", Text: "Outside"}}
	for _, r := range p.Routes {
		if r.Interface == external.Interface && r.Gateway.IsValid() {
			lines = append(lines, pictureLine{Text: "gateway " + r.Gateway.String()})
		}
	}
	if len(lines) == 1 {
		lines = append(lines, wrong("no external gateway"))
	}
	return lines
}

// ruleLines are two lines for each public IP rule.
func (p pictured) ruleLines() (lines []pictureLine) {
	for i, r := range p.DestinationNAT {
		if i == picturedRules {
			return append(lines, pictureLine{Class: "note", Text: fmt.Sprintf("and %d more rules", len(p.DestinationNAT)-i)})
		}
		lines = append(lines, pictureLine{Text: r.Public.String()}, pictureLine{Class: "note", Text: fmt.Sprintf("→ %s at %s", r.Internal, r.Interface)})
	}
	return lines
}
