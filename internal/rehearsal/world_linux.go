package rehearsal

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/linuxrouter"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// world is a scene in namespaces.
type world struct {
	routers []*router
	outside *host

	mu     sync.Mutex // guards what changes with the scene
	scene  Scene
	tenant *appliance.Tenant
	hosts  []*host
	cables []cable // that are not connected yet
	near   bool    // keepNear was called
}

// router is an appliance with the other ends of its links.
type router struct {
	*linuxrouter.Router
	watch *watcher
	// networks has the links' other ends, each in a bridge where there is a host on its network.
	networks *namespace
	bridges  map[appliance.Interface]uint32 // indices of links in networks
}

// host is a machine, or what stands for an address that no machine has.
type host struct {
	*namespace
	name string
	nics []hostNIC
}

// hostNIC is a NIC with the index of its link.
type hostNIC struct {
	NIC
	link uint32
}

// newWorld builds a scene.
func newWorld(scene Scene, notify func(Notice)) (*world, error) {
	w := &world{scene: scene, tenant: scene.tenant()}
	for i, own := range w.tenant.Appliances {
		c := own.Compiled
		name := ""
		if len(scene.Appliances) > 1 {
			name = scene.Appliances[i].HostName
		}
		r, err := newRouter(c, newWatcher(name, c, notify))
		if err != nil {
			return nil, fmt.Errorf("the appliance on %s: %w", scene.Appliances[i].HostName, err)
		}
		w.routers = append(w.routers, r)
	}
	for _, m := range scene.Machines {
		if err := w.add(m); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	if err := w.addOutside(); err != nil {
		return nil, fmt.Errorf("the outside: %w", err)
	}
	return w, w.connect()
}

// newRouter makes an appliance and watches it.
func newRouter(c *appliance.Compiled, watch *watcher) (*router, error) {
	networks, err := newNamespace(silent)
	if err != nil {
		return nil, err
	}
	r := &router{watch: watch, networks: networks, bridges: map[appliance.Interface]uint32{}}
	if r.Router, err = linuxrouter.Open(networks.Namespace, linuxrouter.Options{}); err != nil {
		return nil, err
	}
	log, err := r.Listen()
	if err != nil {
		return nil, err
	}
	go watch.follow(log.Read)
	return r, r.Apply(c)
}

// bridge returns the bridge of a network.
func (w *world) bridge(r *router, i appliance.Interface) (index uint32, err error) {
	if index, made := r.bridges[i]; made {
		return index, nil
	}
	end, err := r.networks.linkNamed(i.String())
	if err != nil {
		return 0, err
	}
	if index, err = r.networks.addBridge("br-" + i.String()); err != nil {
		return 0, err
	}
	r.bridges[i] = index
	w.cables = append(w.cables, cable{r.networks, end, index})
	return index, nil
}

// cable is a link that is to be up, and in a bridge where that is not 0.
type cable struct {
	*namespace
	link, bridge uint32
}

// connect waits until all links that were made are up, and puts their ends into the bridges. The
// kernel looks after a link's carrier in its own time, up to a second, and a bridge passes nothing
// on to a link that it took before.
func (w *world) connect() error {
	cables := w.cables
	w.cables = nil
	for _, c := range cables {
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			up, err := c.isUp(c.link)
			if err != nil {
				return err
			}
			if up {
				break
			}
			if time.Now().After(end) {
				return fmt.Errorf("link %d does not come up", c.link)
			}
		}
		if c.bridge == 0 {
			continue
		}
		if err := c.enslave(c.link, c.bridge); err != nil {
			return err
		}
	}
	return nil
}

// plug gives a host a link to a network, and returns its index. It works after connect.
func (w *world) plug(h *host, n NIC) (index uint32, err error) {
	r := w.routers[n.Appliance]
	bridge, err := w.bridge(r, n.Interface)
	if err != nil {
		return 0, err
	}
	end, own, err := addPair(r.networks, fmt.Sprintf("h%d-%d", len(w.hosts), len(h.nics)), h.namespace, fmt.Sprint("eth", len(h.nics)))
	w.cables = append(w.cables, cable{h.namespace, own, 0}, cable{r.networks, end, bridge})
	return own, err
}

// add makes a machine, which is there after connect.
func (w *world) add(m Machine) error {
	n, err := newNamespace(quiet)
	if err != nil {
		return err
	}
	h := &host{namespace: n, name: m.Name}
	for _, nic := range m.NICs {
		index, err := w.plug(h, nic)
		if err != nil {
			return err
		}
		h.nics = append(h.nics, hostNIC{nic, index})
		for _, a := range nic.Addresses {
			if err := h.addAddress(index, a); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(h.setGateways(w.tenant), h.answer()); err != nil {
		return err
	}
	w.hosts = append(w.hosts, h)
	return nil
}

// setGateways makes the appliances' addresses a machine's default gateways: of each family the
// first one that one of its adapters has.
func (h *host) setGateways(t *appliance.Tenant) error {
	done := map[bool]bool{} // by whether it is IPv4
	for _, n := range h.nics {
		for _, own := range t.Appliances[n.Appliance].Compiled.Interfaces[n.Interface].Addresses {
			v4 := own.Addr().Is4()
			if done[v4] || !slices.ContainsFunc(n.Addresses, func(p netip.Prefix) bool { return p.Addr().Is4() == v4 }) {
				continue
			}
			done[v4] = true
			if err := h.setRoute(route{to: everything[v4], kind: unix.RTN_UNICAST, link: n.link, through: own.Addr()}); err != nil {
				return err
			}
		}
		if err := h.forgetNeighbors(n.link); err != nil {
			return err
		}
	}
	for v4, all := range everything {
		if done[v4] {
			continue
		}
		if err := h.dropRoute(all); err != nil {
			return err
		}
	}
	return nil
}

// addOutside makes the machine that has every address that a host outside can have.
func (w *world) addOutside() error {
	n, err := newNamespace(quiet)
	if err != nil {
		return err
	}
	w.outside = &host{namespace: n, name: Outside}
	for i, in := range w.scene.Appliances {
		nic := NIC{Appliance: i, Interface: appliance.Ext0}
		for _, f := range in.External.Families() {
			nic.Addresses = append(nic.Addresses, outsideAddresses(f)...)
		}
		if len(nic.Addresses) == 0 {
			continue
		}
		index, err := w.plug(w.outside, nic)
		if err != nil {
			return err
		}
		w.outside.nics = append(w.outside.nics, hostNIC{nic, index})
		for _, a := range nic.Addresses {
			if err := w.outside.addAddress(index, a); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(w.routeOutside(), w.outside.answer()); err != nil {
		return err
	}
	w.hosts = append(w.hosts, w.outside)
	return nil
}

// outsideAddresses are what the outside has on an external network: the next router's address, and
// where that is link-local or missing another one, from which it speaks to the appliance.
func outsideAddresses(f vcc.ExternalFamily) (list []netip.Prefix) {
	own, gateway := f.Own, f.Gateway
	if gateway.IsValid() {
		list = append(list, single(gateway))
		if !gateway.IsLinkLocalUnicast() {
			return list
		}
	}
	other := own.Masked().Addr().Next()
	for other == own.Addr() || vcc.IsNetworkOrBroadcast(other, own) {
		other = other.Next()
	}
	if own.Contains(other) {
		list = append(list, single(other))
	}
	return list
}

// routeOutside says where the outside finds what: the appliances on their links, the tenant's
// networks and public addresses behind them, no private addresses and nothing of the lost site, and
// everything else in itself. The routes are in the main table: the local one would swallow all. Where
// two appliances have something, the first one counts, as in a trace.
func (w *world) routeOutside() error {
	var errs []error
	add := func(r route) { errs = append(errs, w.outside.setRoute(r)) }
	for _, all := range everything {
		add(route{to: all, kind: unix.RTN_LOCAL, link: loopback})
	}
	for _, p := range vcc.PrivateBlocks() {
		add(route{to: p, kind: unix.RTN_BLACKHOLE})
	}
	for _, p := range w.scene.Site {
		for _, network := range p.IPNetworks() {
			add(route{to: network, kind: unix.RTN_BLACKHOLE})
		}
	}
	done, near := map[netip.Prefix]bool{}, []nearby(nil)
	for _, n := range w.outside.nics {
		o := w.tenant.Appliances[n.Appliance]
		for _, own := range o.Compiled.Interfaces[appliance.Ext0].Addresses {
			add(route{to: own, kind: unix.RTN_LOCAL, link: loopback})
			add(route{to: single(own.Addr()), kind: unix.RTN_UNICAST, link: n.link})
			behind := func(p netip.Prefix) {
				if !done[p] {
					done[p] = true
					add(route{to: p, kind: unix.RTN_UNICAST, link: n.link, through: own.Addr()})
				}
			}
			for _, r := range o.Compiled.Routes {
				if r.Interface != appliance.Ext0.String() && r.Destination.Addr().Is4() == own.Addr().Is4() && !r.Destination.Contains(own.Addr()) {
					behind(r.Destination)
				}
			}
			for _, r := range o.Inputs.PublicIPRules {
				public := r.Public.Addr()
				if public.Is4() != own.Addr().Is4() || public == own.Addr() {
					continue
				}
				if !done[single(public)] && w.tenant.Lost(o.Inputs.External, public) != "" {
					near = append(near, nearby{public, own})
				}
				behind(single(public))
			}
		}
	}
	if len(near) > 0 || w.near {
		w.near = true
		errs = append(errs, w.outside.Do(func() error { return keepNear(near) }))
	}
	return errors.Join(errs...)
}

// update configures the appliances, and gives the machines their gateways. A packet that both
// configurations let through is not lost.
func (w *world) update(scene Scene) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scene, w.tenant = scene, scene.tenant()
	var errs []error
	for i, r := range w.routers {
		c := w.tenant.Appliances[i].Compiled
		r.watch.configuring(c)
		errs = append(errs, r.Apply(c))
	}
	for _, h := range w.hosts {
		if h != w.outside {
			errs = append(errs, h.setGateways(w.tenant))
		}
	}
	errs = append(errs, w.routeOutside())
	return errors.Join(errs...)
}

// host returns the host of a name.
func (w *world) host(name string) (*host, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.hosts, func(h *host) bool { return h.name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no machine %s", vcc.Clip(name))
	}
	return w.hosts[i], nil
}

// owner returns the host that has an address, nil where an appliance has it. The caller holds mu.
func (w *world) owner(a netip.Addr) *host {
	for _, o := range w.tenant.Appliances {
		for _, i := range o.Compiled.Interfaces {
			if slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return p.Addr() == a }) {
				return nil
			}
		}
	}
	for _, h := range w.hosts {
		for _, n := range h.nics {
			if slices.ContainsFunc(n.Addresses, func(p netip.Prefix) bool { return p.Addr() == a }) {
				return h
			}
		}
	}
	return w.outside
}

// ensure makes a host for an address that a check names, where there is none. The caller holds mu.
func (w *world) ensure(a netip.Addr) error {
	if h := w.owner(a); h != w.outside {
		return nil
	}
	if p, found := w.tenant.Host(a); found {
		return w.add(Machine{Name: a.String(), NICs: []NIC{{p.Appliance, p.At, []netip.Prefix{netip.PrefixFrom(a, p.Network.Bits())}}}})
	}
	// The kernel answers who has an IPv4 address for each that the outside has, and for those of
	// IPv6 that are on its link.
	if a.Is6() {
		for k, n := range w.outside.nics {
			if w.scene.Appliances[n.Appliance].External.Contains(a) {
				w.outside.nics[k].Addresses = append(n.Addresses, single(a))
				return w.outside.addAddress(n.link, single(a))
			}
		}
	}
	return nil
}

// lastWords is how long a packet's verdict may take from the kernel to those who read it.
const lastWords = 50 * time.Millisecond

// settle waits for the verdicts on what was sent.
func (w *world) settle() { time.Sleep(lastWords) }

// await waits for the verdict on a request that has got one.
func (e *expectation) await() {
	for end := time.Now().Add(lastWords); time.Now().Before(end); time.Sleep(time.Millisecond) {
		e.mu.Lock()
		known := e.first != nil || e.dropped != nil
		e.mu.Unlock()
		if known {
			return
		}
	}
}

// hosts is the file of the names that programs find.
func (s Scene) hosts() string {
	var file strings.Builder
	file.WriteString("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
	for _, m := range s.Machines {
		for _, n := range m.NICs {
			for _, p := range n.Addresses {
				fmt.Fprintf(&file, "%s %s\n", p.Addr(), hostName(m.Name))
			}
		}
	}
	for _, in := range s.Appliances {
		for _, f := range in.External.Families() {
			for _, p := range outsideAddresses(f) {
				if !p.Addr().IsLinkLocalUnicast() {
					fmt.Fprintf(&file, "%s %s\n", p.Addr(), Outside)
				}
			}
		}
	}
	return file.String()
}
