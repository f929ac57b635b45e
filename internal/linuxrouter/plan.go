package linuxrouter

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
)

// Plan is what a kernel has to be told for a compiled appliance, beside ruleset.nft. What
// belongs to one interface stands together, so that two plans are quickly compared. It is never changed.
type Plan struct {
	// Links[i] is the link of appliance.Interface(i).
	Links []Link
	// Routes are those through no link: to networks that exist and are not served. They answer
	// "unreachable", and no packet gets as far.
	Routes []Route
	// Elements are those of sets and maps that belong to no link: where addresses lie, then the rest.
	Elements []Element
}

// Link is one interface of the router, and all that goes with it.
type Link struct {
	Name string
	// Index is the index of the interface in its namespace, which the plan decides.
	Index int
	// Addresses are the appliance's own, to be set without a prefix length: with one, the kernel
	// takes broadcast and anycast addresses for its own, too, and forwards nothing to them.
	Addresses []netip.Addr
	Routes    []Route
	Elements  []Element
}

// Route is a route of the main table.
type Route struct {
	Destination netip.Prefix
	Gateway     netip.Addr // not valid if the destination is on the link
	// OnLink says that the gateway is on the link although no route may say so. A kernel refuses
	// that for IPv6 where a better route through another link leads to the gateway.
	OnLink bool
	// Metric settles which of two routes with one destination is taken: the lower. It also makes
	// routes different that the kernel would take for one.
	Metric int
}

// Element is one of a set or map of the ruleset. Key, End and Value are as the kernel has
// them: components one after the other, each padded to 4 bytes where there are several.
type Element struct {
	Set   string
	Key   string
	End   string // of an interval: the first address after it, empty at the end of all addresses
	Value string // of a map
}

const (
	// firstIndex is the index of ext0. The loopback has 1.
	firstIndex = 2
	// A place in the maps place4 and place6, as ruleset.nft says.
	placeNotServed = 1 << 15
	planShift      = 16
	// Of two equal destinations the tenant's wins, as with the engine.
	networkMetric, externalMetric = 10, 20
	// linkLocalMetric is that of ext0's route to the link-local addresses; the others follow.
	linkLocalMetric = 1024
	// nfproto of the families (uapi/linux/netfilter.h).
	nfproto4, nfproto6 = 2, 10
)

var linkLocal = netip.MustParsePrefix("fe80::/10")

// MakePlan returns the plan of a compiled appliance. Equal appliances have equal plans. The time
// it takes grows linearly with the networks and the rules.
func MakePlan(c *appliance.Compiled) *Plan {
	p := &Plan{Links: make([]Link, len(c.Interfaces))}
	names := make(map[string]int, len(c.Interfaces))
	for i := range c.Interfaces {
		names[c.Interfaces[i].Name] = i
		p.addLink(c, i)
	}
	outside := [2]bool{}
	for _, r := range c.Routes {
		i := names[r.Interface]
		route := Route{Destination: r.Destination, Gateway: r.Gateway, Metric: networkMetric}
		if i == int(appliance.Ext0) {
			route.Metric = externalMetric
		}
		if r.Gateway.IsValid() {
			outside[family(r.Gateway)] = true
			route.OnLink = r.Gateway.Is4() || !slices.ContainsFunc(c.Interfaces[i].Addresses, func(own netip.Prefix) bool { return own.Contains(r.Gateway) })
		}
		if r.Destination.Addr().IsLinkLocalUnicast() && r.Destination.Addr().Is6() {
			continue // every link has a route to those
		}
		p.Links[i].Routes = append(p.Links[i].Routes, route)
	}
	p.addPlaces(c)
	own := map[netip.Addr]bool{} // two links may have one
	for i := range c.Interfaces {
		for _, prefix := range c.Interfaces[i].Addresses {
			if a := prefix.Addr(); !own[a] && (a.Is4() || !a.IsLinkLocalUnicast()) {
				own[a] = true
				p.add([]string{"own4", "own6"}[family(a)], raw(a), "")
			}
		}
	}
	for f, nfproto := range []byte{nfproto4, nfproto6} {
		if outside[f] {
			p.add("outside", string(nfproto), "")
		}
		if c.RoutingEnabled {
			p.add("routing", string(nfproto), "")
		}
	}
	for _, r := range c.DestinationNAT {
		p.add([]string{"public4", "public6"}[family(r.Public.Addr())], socket(r.Public), socket(r.Internal))
	}
	for _, prefix := range appliance.InvalidPrefixes() {
		p.Elements = append(p.Elements, Element{Set: []string{"invalid4", "invalid6"}[family(prefix.Addr())], Key: raw(prefix.Addr()), End: rawEnd(prefix)})
	}
	return p
}

func (p *Plan) add(set, key, value string) {
	p.Elements = append(p.Elements, Element{Set: set, Key: key, Value: value})
}

// addLink adds what belongs to an interface, but for routes.
func (p *Plan) addLink(c *appliance.Compiled, i int) {
	in := &c.Interfaces[i]
	l := &p.Links[i]
	l.Name, l.Index = in.Name, firstIndex+i
	l.Elements = make([]Element, 0, 10)
	index := native(uint32(l.Index)) // #nosec G115 -- a host has 4,094 VLANs at most
	add := func(set, key, value string) {
		l.Elements = append(l.Elements, Element{Set: set, Key: key, Value: value})
	}
	add("id", index, native(id(i)))
	add("at", index+native(id(i)), "")
	if i != int(appliance.Ext0) {
		plan, internetAccess := c.Policy(appliance.Interface(i)) // #nosec G115 -- as above
		add("plan", index+native(planValue(plan)), "")
		if internetAccess {
			add("internet", index, "")
		}
	}
	hasIPv6, hasLinkLocal := false, false
	for _, prefix := range in.Addresses {
		a := prefix.Addr()
		f := family(a)
		l.Addresses = append(l.Addresses, a)
		onLink := a.Is6() && a.IsLinkLocalUnicast()
		hasIPv6, hasLinkLocal = hasIPv6 || a.Is6(), hasLinkLocal || onLink
		if i == int(appliance.Ext0) {
			add([]string{"external4", "external6"}[f], raw(a), "")
			add([]string{"source4", "source6"}[f], index, raw(a))
		} else {
			add("served", padded([]byte{nfproto4, nfproto6}[f])+index, "")
			add([]string{"gateway4", "gateway6"}[f], index+raw(a), "")
		}
	}
	if hasIPv6 && !hasLinkLocal {
		// Neighbour discovery needs a link-local address (RFC 4291, 2.1).
		a := [16]byte{0: 0xfe, 1: 0x80, 8: 0x02, 11: 0xff, 12: 0xfe}
		binary.BigEndian.PutUint16(a[14:], uint16(i)) // #nosec G115 -- as above
		l.Addresses = append(l.Addresses, netip.AddrFrom16(a))
	}
	if hasIPv6 {
		l.Routes = append(l.Routes, Route{Destination: linkLocal, Metric: linkLocalMetric + i})
	}
}

// addPlaces says where addresses lie. Places come with shorter prefixes before the longer ones
// within, and become intervals that do not overlap.
func (p *Plan) addPlaces(c *appliance.Compiled) {
	var around []interval // each within the one before
	var done []interval
	next := netip.Addr{} // where the innermost interval goes on
	emit := func(end netip.Addr) {
		if n := len(around); n > 0 && around[n-1].value != 0 && next != end {
			done = append(done, interval{next, end, around[n-1].value})
		}
		next = end
	}
	leave := func(until netip.Addr) { // all that end before an address
		for n := len(around); n > 0 && around[n-1].end.IsValid() && (!until.IsValid() || !until.Less(around[n-1].end)); n-- {
			emit(around[n-1].end)
			around = around[:n-1]
		}
	}
	flush := func() { // all, at the end of a family
		for n := len(around); n > 0; n-- {
			emit(around[n-1].end)
			around = around[:n-1]
		}
	}
	last := netip.Addr{}
	for prefix, place := range c.Places() {
		begin := prefix.Addr()
		if last.IsValid() && last.Is4() != begin.Is4() {
			flush()
		}
		last = begin
		leave(begin)
		emit(begin)
		value := uint32(0)
		if place.Network != appliance.Ext0 {
			plan, _ := c.Policy(place.Network)
			value = id(int(place.Network)) | planValue(plan)
		}
		if !place.Served {
			value |= placeNotServed
			p.Routes = append(p.Routes, Route{Destination: prefix, Metric: networkMetric})
		}
		around = append(around, interval{begin, endOf(prefix), value})
	}
	flush()
	for _, i := range merged(done) {
		e := Element{Set: []string{"place4", "place6"}[family(i.begin)], Key: raw(i.begin), Value: native(i.value)}
		if i.end.IsValid() {
			e.End = raw(i.end)
		}
		p.Elements = append(p.Elements, e)
	}
}

// interval is a range of addresses with a value. An end that is not valid is that of all addresses.
type interval struct {
	begin, end netip.Addr
	value      uint32
}

// merged joins neighbours with one value.
func merged(all []interval) []interval {
	joined := all[:0]
	for _, i := range all {
		if n := len(joined); n > 0 && joined[n-1].end == i.begin && joined[n-1].value == i.value {
			joined[n-1].end = i.end
			continue
		}
		joined = append(joined, i)
	}
	return joined
}

// id is what the ruleset calls an interface. It is never 0.
func id(i int) uint32 { return uint32(i) + 1 } // #nosec G115 -- a host has 4,094 VLANs at most

// planValue is how a place has the index of a hardware plan.
func planValue(plan int) uint32 { return (uint32(plan) + 1) << planShift } // #nosec G115 -- no more plans than networks

func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

func native(v uint32) string {
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], v)
	return string(b[:])
}

func padded(b byte) string { return string([]byte{b, 0, 0, 0}) }

func raw(a netip.Addr) string { return string(a.AsSlice()) }

func socket(a netip.AddrPort) string {
	b := binary.BigEndian.AppendUint16(a.Addr().AsSlice(), a.Port())
	return string(append(b, 0, 0))
}

// endOf returns the first address after a prefix, not valid after the last one of all.
func endOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a.Next()
}

func rawEnd(p netip.Prefix) string {
	if end := endOf(p); end.IsValid() {
		return raw(end)
	}
	return ""
}

// String writes a plan for people: links with addresses and routes, then the elements of each
// set as nft would write them.
func (p *Plan) String() string {
	var b strings.Builder
	elements := map[string][]string{}
	collect := func(all []Element) {
		for _, e := range all {
			elements[e.Set] = append(elements[e.Set], p.text(e))
		}
	}
	for _, l := range p.Links {
		fmt.Fprintf(&b, "link %s\n", l.Name)
		for _, a := range l.Addresses {
			fmt.Fprintf(&b, "  address %s\n", a)
		}
		for _, r := range l.Routes {
			fmt.Fprintf(&b, "  route %s\n", r)
		}
		collect(l.Elements)
	}
	for _, r := range p.Routes {
		fmt.Fprintf(&b, "unreachable %s\n", r)
	}
	collect(p.Elements)
	for _, s := range theRuleset().sets {
		fmt.Fprintf(&b, "%s\n", s.name)
		for _, text := range elements[s.name] {
			fmt.Fprintf(&b, "  %s\n", text)
		}
	}
	return b.String()
}

// String writes a route as ip route does.
func (r Route) String() string {
	via := ""
	if r.Gateway.IsValid() {
		via = " via " + r.Gateway.String()
	}
	return fmt.Sprintf("%s%s metric %d", r.Destination, via, r.Metric)
}

// text writes an element as nft does.
func (p *Plan) text(e Element) string {
	s := setOf(e)
	text := p.components(e.Key, s.key)
	if s.interval {
		end := "the end"
		if e.End != "" {
			end = p.components(e.End, s.key)
		}
		text += " to before " + end
	}
	if len(s.value) > 0 {
		text += " : " + p.components(e.Value, s.value)
	}
	return text
}

// setOf returns the declaration of an element's set.
func setOf(e Element) setDeclaration {
	sets := theRuleset().sets
	return sets[slices.IndexFunc(sets, func(s setDeclaration) bool { return s.name == e.Set })]
}

func (p *Plan) components(raw string, types []string) string {
	var texts []string
	for _, t := range types {
		b := []byte(raw)
		size := 4
		text := ""
		switch t {
		case "iface_index":
			text = p.Links[int(binary.NativeEndian.Uint32(b))-firstIndex].Name
		case "mark":
			text = fmt.Sprintf("0x%08x", binary.NativeEndian.Uint32(b))
		case "nf_proto":
			text = map[byte]string{nfproto4: "ipv4", nfproto6: "ipv6"}[b[0]]
		case "inet_service":
			text = fmt.Sprint(binary.BigEndian.Uint16(b))
		case "ipv6_addr":
			size = 16
			text = netip.AddrFrom16([16]byte(b)).String()
		case "ipv4_addr":
			text = netip.AddrFrom4([4]byte(b)).String()
		}
		texts = append(texts, text)
		raw = raw[min(size, len(raw)):]
	}
	return strings.Join(texts, " . ")
}

// compareElements orders elements by set and key.
func compareElements(a, b Element) int {
	return cmp.Or(cmp.Compare(a.Set, b.Set), cmp.Compare(a.Key, b.Key))
}
