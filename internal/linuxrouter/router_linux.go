package linuxrouter

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"github.com/ti-mo/conntrack"
	"golang.org/x/sys/unix"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// settings are the kernel's of a router's namespace, below /proc/sys/net. Links take those
// named default when they are made, so they come before the first one.
var settings = map[string]string{
	"ipv4/ip_forward":          "1",
	"ipv6/conf/all/forwarding": "1",
	// The ruleset checks sources, and gives a reason. The strict check here would drop without one.
	"ipv4/conf/all/rp_filter":     "0",
	"ipv4/conf/default/rp_filter": "0",
	// A link answers for its own addresses alone.
	"ipv4/conf/all/arp_ignore":     "1",
	"ipv4/conf/default/arp_ignore": "1",
	// Nobody tells the appliance another way, nor does it tell anybody.
	"ipv4/conf/all/send_redirects":           "0",
	"ipv4/conf/default/send_redirects":       "0",
	"ipv4/conf/all/accept_redirects":         "0",
	"ipv4/conf/default/accept_redirects":     "0",
	"ipv4/conf/all/accept_source_route":      "0",
	"ipv4/conf/default/accept_source_route":  "0",
	"ipv6/conf/all/accept_redirects":         "0",
	"ipv6/conf/default/accept_redirects":     "0",
	"ipv6/conf/all/accept_ra":                "0",
	"ipv6/conf/default/accept_ra":            "0",
	"ipv6/conf/default/autoconf":             "0",
	"ipv6/conf/default/router_solicitations": "0",
	// Addresses are those of the plan alone, and are there at once.
	"ipv6/conf/default/addr_gen_mode": "1",
	"ipv6/conf/default/accept_dad":    "0",
	"ipv6/conf/default/dad_transmits": "0",
	// Flows live as long as the engine's.
	"netfilter/nf_conntrack_tcp_timeout_syn_sent":       seconds(appliance.TCPIdle),
	"netfilter/nf_conntrack_tcp_timeout_syn_recv":       seconds(appliance.TCPIdle),
	"netfilter/nf_conntrack_tcp_timeout_established":    seconds(appliance.TCPIdle),
	"netfilter/nf_conntrack_tcp_timeout_fin_wait":       seconds(appliance.TCPIdle),
	"netfilter/nf_conntrack_tcp_timeout_close_wait":     seconds(appliance.TCPIdle),
	"netfilter/nf_conntrack_tcp_timeout_last_ack":       seconds(appliance.TCPIdle),
	"netfilter/nf_conntrack_tcp_timeout_time_wait":      seconds(appliance.TCPIdle),
	"netfilter/nf_conntrack_tcp_timeout_close":          seconds(appliance.TCPIdle),
	"netfilter/nf_conntrack_tcp_timeout_max_retrans":    seconds(appliance.TCPIdle),
	"netfilter/nf_conntrack_tcp_timeout_unacknowledged": seconds(appliance.TCPIdle),
	"netfilter/nf_conntrack_udp_timeout":                seconds(appliance.OtherIdle),
	"netfilter/nf_conntrack_udp_timeout_stream":         seconds(appliance.OtherIdle),
	"netfilter/nf_conntrack_icmp_timeout":               seconds(appliance.OtherIdle),
	"netfilter/nf_conntrack_icmpv6_timeout":             seconds(appliance.OtherIdle),
	// Sequence numbers are the two ends' business, and a flow may be older than the appliance.
	"netfilter/nf_conntrack_tcp_be_liberal": "1",
	"netfilter/nf_conntrack_tcp_loose":      "1",
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }

// Router is an appliance that a Linux kernel is, in a network namespace of its own. Its methods are
// not safe for concurrent use; its Log is.
type Router struct {
	here, far *Namespace
	options   Options

	rtnl  *netlink.Conn // here
	there *netlink.Conn // as rtnl, in far
	nft   *nftables.Conn
	flows *conntrack.Conn
	count *os.File // has how many flows there are
	list  *os.File // has the flows; nil where the kernel has no such file
	rules *translator

	compiled *appliance.Compiled
	plan     *Plan
	broken   error
}

// Open makes a router that has the interface ext0 and drops every packet until Apply. The
// other end of each of its links has the same name and is in the namespace far, up and without an address.
func Open(far *Namespace, o Options) (*Router, error) {
	if o.MaxFlows <= 0 {
		o.MaxFlows = appliance.DefaultMaxFlows
	}
	r := &Router{far: far, options: o, plan: &Plan{}, compiled: appliance.Compile(vcc.ApplianceInputs{})}
	err := r.open()
	if err == nil {
		err = r.Apply(r.compiled)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Router) open() (err error) {
	if r.here, err = NewNamespace(); err != nil {
		return err
	}
	err = r.here.Do(func() error {
		for _, name := range slices.Sorted(maps.Keys(settings)) {
			err := os.WriteFile("/proc/sys/net/"+name, []byte(settings[name]), 0)
			if err != nil {
				return fmt.Errorf("a setting of the kernel for the router: %w", err)
			}
		}
		if r.list, err = os.Open("/proc/thread-self/net/nf_conntrack"); err != nil {
			r.list = nil
		}
		r.count, err = os.Open("/proc/sys/net/netfilter/nf_conntrack_count")
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; the kernel has no connection tracking or no IPv6, and the router needs both", err)
	}
	if err != nil {
		return err
	}
	if r.rtnl, err = netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: r.here.FD()}); err != nil {
		return err
	}
	if r.there, err = netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: r.far.FD()}); err != nil {
		return err
	}
	if r.nft, err = nftables.New(nftables.WithNetNSFd(r.here.FD()), nftables.AsLasting(), nftables.WithSockOptions(biggerBuffers)); err != nil {
		return err
	}
	if r.flows, err = conntrack.Dial(&netlink.Config{NetNS: r.here.FD()}); err != nil {
		return err
	}
	return nil
}

// biggerBuffers asks for room for large transactions. Without the privilege the kernel gives
// less, and transactions of a few thousand networks may not fit.
func biggerBuffers(c *netlink.Conn) error {
	return errors.Join(c.SetReadBuffer(4<<20), c.SetWriteBuffer(4<<20))
}

// Namespace returns where the router is. It belongs to the router.
func (r *Router) Namespace() *Namespace { return r.here }

// Close takes the router away.
func (r *Router) Close() error {
	var errs []error
	for _, c := range []*netlink.Conn{r.rtnl, r.there} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	if r.nft != nil {
		errs = append(errs, r.nft.CloseLasting())
	}
	if r.flows != nil {
		errs = append(errs, r.flows.Close())
	}
	for _, f := range []*os.File{r.count, r.list} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	if r.here != nil {
		errs = append(errs, r.here.Close())
	}
	return errors.Join(errs...)
}

// Apply makes the router that of a compiled appliance, and ends the flows that Engine.Configure
// would end. What is the same already stays as it is, and the policy changes in one
// transaction. No packet is lost that both configurations let through.
//
// After an error, which is ErrBroken, the router is somewhere between the two, and is good for nothing but Close.
func (r *Router) Apply(c *appliance.Compiled) error {
	if r.broken != nil {
		return r.broken
	}
	if err := r.apply(c, MakePlan(c), r.compiled.Ended(c)); err != nil {
		r.broken = fmt.Errorf("%w: %w", ErrBroken, err)
		return r.broken
	}
	return nil
}

// Reset takes the configuration away and ends all flows, as undo does and as a new failover begins.
// The links stay until the next Apply, which may need them.
func (r *Router) Reset() error {
	if r.broken != nil {
		return r.broken
	}
	bare := &Plan{}
	for _, l := range r.plan.Links {
		bare.Links = append(bare.Links, Link{Name: l.Name, Index: l.Index})
	}
	err := r.apply(appliance.Compile(vcc.ApplianceInputs{}), bare, nil)
	if err == nil {
		err = r.flows.Flush()
	}
	if err != nil {
		r.broken = fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return r.broken
}

// change is what makes one plan of another.
type change struct {
	newLinks, oldLinks         []Link
	newAddresses, oldAddresses []request
	newRoutes, oldRoutes       []request
	settle                     []linkAddress
	newElements, oldElements   []Element
}

type linkAddress struct {
	link    Link
	address netip.Addr
}

func difference(before, after *Plan) *change {
	d := &change{}
	for i := range max(len(before.Links), len(after.Links)) {
		var old, fresh Link
		if i < len(before.Links) {
			old = before.Links[i]
		}
		if i < len(after.Links) {
			fresh = after.Links[i]
		}
		d.link(old, fresh)
	}
	gone, added := differ(before.Routes, after.Routes)
	for _, x := range gone {
		d.oldRoutes = append(d.oldRoutes, routeRequest(nil, x, false))
	}
	for _, x := range added {
		d.newRoutes = append(d.newRoutes, routeRequest(nil, x, true))
	}
	d.elements(before.Elements, after.Elements)
	slices.SortFunc(d.oldElements, compareElements)
	slices.SortFunc(d.newElements, compareElements)
	return d
}

// link adds the difference of one link to the change. Either can be the zero value, for none.
func (d *change) link(old, fresh Link) {
	switch {
	case old.Name == "":
		d.newLinks = append(d.newLinks, fresh)
	case fresh.Name == "":
		d.oldLinks = append(d.oldLinks, old)
	}
	gone, added := differ(old.Addresses, fresh.Addresses)
	for _, a := range gone {
		d.oldAddresses = append(d.oldAddresses, addressRequest(old, a, false))
	}
	for _, a := range added {
		d.newAddresses = append(d.newAddresses, addressRequest(fresh, a, true))
		if a.Is6() {
			d.settle = append(d.settle, linkAddress{fresh, a})
		}
	}
	goneRoutes, addedRoutes := differ(old.Routes, fresh.Routes)
	for _, x := range goneRoutes {
		d.oldRoutes = append(d.oldRoutes, routeRequest(&old, x, false))
	}
	for _, x := range addedRoutes {
		d.newRoutes = append(d.newRoutes, routeRequest(&fresh, x, true))
	}
	d.elements(old.Elements, fresh.Elements)
}

func (d *change) elements(old, fresh []Element) {
	gone, added := differ(old, fresh)
	d.oldElements, d.newElements = append(d.oldElements, gone...), append(d.newElements, added...)
}

// differ returns what only the first list has, and what only the second one has. Equal ends,
// which are the rule, are cheap.
func differ[T comparable](before, after []T) (gone, added []T) {
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] {
		before, after = before[1:], after[1:]
	}
	for len(before) > 0 && len(after) > 0 && before[len(before)-1] == after[len(after)-1] {
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	if len(before) == 0 || len(after) == 0 {
		return before, after
	}
	had := make(map[T]bool, len(before))
	for _, x := range before {
		had[x] = true
	}
	for _, x := range after {
		if !had[x] {
			added = append(added, x)
		}
		delete(had, x)
	}
	for _, x := range before {
		if had[x] {
			gone = append(gone, x)
		}
	}
	return gone, added
}

// apply keeps to an order in which nothing is lost: what is new comes before the policy that
// needs it, and what is old goes after the policy that needed it.
func (r *Router) apply(c *appliance.Compiled, p *Plan, ended func(appliance.Interface, netip.Addr, netip.Addr) bool) error {
	d := difference(r.plan, p)
	var links, ups []request
	for _, l := range d.newLinks {
		links, ups = append(links, addLink(l, r.far)), append(ups, linkUp(l))
	}
	if err := must(r.rtnl, links); err != nil {
		return err
	}
	if err := must(r.there, ups); err != nil {
		return err
	}
	if r.options.Linked != nil {
		for _, l := range d.newLinks {
			if err := r.options.Linked(appliance.Interface(l.Index - firstIndex)); err != nil { // #nosec G115 -- ours
				return err
			}
		}
	}
	// Addresses before routes: with the last IPv4 address of a link the kernel takes away
	// all routes through it, so that the new one has to be there before the old one goes.
	if err := must(r.rtnl, d.newAddresses); err != nil {
		return err
	}
	failed, err := do(r.rtnl, d.newRoutes)
	if err != nil {
		return err
	}
	for _, a := range d.settle {
		if err := settle(r.rtnl, a.link, a.address); err != nil {
			return err
		}
	}
	if err := r.applyRules(d); err != nil {
		return fmt.Errorf("the ruleset: %w", err)
	}
	if err := r.endFlows(ended); err != nil {
		return fmt.Errorf("ending flows: %w", err)
	}
	r.compiled, r.plan = c, p
	if err := must(r.rtnl, append(d.oldRoutes, d.oldAddresses...)); err != nil {
		return err
	}
	// A gateway was refused that was an address of the router itself until now, or to which a better route
	// leads through another link.
	var again []request
	for _, i := range slices.Sorted(maps.Keys(failed)) {
		again = append(again, throughOwnLink(d.newRoutes[i])...)
	}
	links = nil
	for _, l := range d.oldLinks {
		links = append(links, deleteLink(l))
	}
	return errors.Join(must(r.rtnl, again), must(r.rtnl, links))
}

// applyRules brings the ruleset up to date in one transaction. The first one installs it.
func (r *Router) applyRules(d *change) error {
	if r.rules == nil {
		if err := r.install(); err != nil {
			return err
		}
	}
	if err := r.enter(d.oldElements, r.nft.SetDeleteElements); err != nil {
		return err
	}
	if err := r.enter(d.newElements, r.nft.SetAddElements); err != nil {
		return err
	}
	return r.nft.Flush()
}

// install enters the rules. It is called when the link ext0 is there.
func (r *Router) install() error {
	rs := theRuleset()
	t := &translator{
		table: r.nft.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: rs.table}),
		sets:  map[string]*nftables.Set{}, links: map[string]int{appliance.Ext0.String(): firstIndex}, maxFlows: uint32(r.options.MaxFlows), // #nosec G115 -- a caller's constant
	}
	for _, d := range rs.sets {
		s, err := t.netlinkSet(d)
		if err != nil {
			return err
		}
		if err := r.nft.AddSet(s, nil); err != nil {
			return err
		}
		t.sets[d.name] = s
	}
	chains := map[string]*nftables.Chain{}
	for _, d := range rs.chains {
		c := &nftables.Chain{Name: d.name, Table: t.table}
		if d.hook != "" {
			if err := baseChain(c, d.hook); err != nil {
				return err
			}
		}
		chains[d.name] = r.nft.AddChain(c)
	}
	// Acknowledgements of all at once would not fit into the buffer that a process without
	// privileges gets. Until the rules follow, the policies drop everything.
	if err := r.nft.Flush(); err != nil {
		return err
	}
	for _, d := range rs.chains {
		for _, text := range d.rules {
			made, err := t.rule(text)
			if err != nil {
				return err
			}
			r.nft.AddRule(&nftables.Rule{Table: t.table, Chain: chains[d.name], Exprs: made})
		}
	}
	r.rules = t
	return r.nft.Flush()
}

// elementsAtOnce are as many as fit into one message: an attribute has 64 KiB at most.
const elementsAtOnce = 500

// enter adds or deletes elements, which are sorted by set.
func (r *Router) enter(elements []Element, do func(*nftables.Set, []nftables.SetElement) error) error {
	for len(elements) > 0 {
		n := 1
		for n < len(elements) && n < elementsAtOnce && elements[n].Set == elements[0].Set {
			n++
		}
		made := make([]nftables.SetElement, 0, 2*n)
		for _, e := range elements[:n] {
			made = append(made, nftables.SetElement{Key: []byte(e.Key), Val: []byte(e.Value)})
			if e.End != "" {
				made = append(made, nftables.SetElement{Key: []byte(e.End), IntervalEnd: true})
			}
		}
		if err := do(r.rules.sets[elements[0].Set], made); err != nil {
			return err
		}
		elements = elements[n:]
	}
	return nil
}
