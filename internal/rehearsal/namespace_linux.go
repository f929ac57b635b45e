package rehearsal

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/jsimonetti/rtnetlink/v2/driver"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/linuxrouter"
)

// namespace is a network namespace with a way to change its links.
type namespace struct {
	*linuxrouter.Namespace
	conn *rtnetlink.Conn
}

// newNamespace makes a network namespace with values of /proc/sys/net, which links have from their
// beginning.
func newNamespace(values map[string]string) (*namespace, error) {
	made, err := linuxrouter.NewNamespace()
	if err != nil {
		return nil, err
	}
	n := &namespace{Namespace: made}
	err = n.Do(func() error {
		for key, value := range values {
			if err := os.WriteFile("/proc/sys/net/"+key, []byte(value), 0); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		n.conn, err = rtnetlink.Dial(&netlink.Config{NetNS: n.FD()})
	}
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// quiet are for hosts that have every address from us.
var quiet = map[string]string{
	"ipv6/conf/default/accept_dad":           "0",
	"ipv6/conf/default/accept_ra":            "0",
	"ipv6/conf/default/router_solicitations": "0",
	"ipv6/conf/all/accept_redirects":         "0",
	"ipv4/conf/all/accept_redirects":         "0",
	"ipv4/ping_group_range":                  "0 0",
}

// silent are for a namespace that passes frames on, and has no part in what they carry.
var silent = map[string]string{"ipv6/conf/default/disable_ipv6": "1", "ipv6/conf/all/disable_ipv6": "1"}

// loopback is the index of every namespace's own link to itself.
const loopback = 1

var everything = map[bool]netip.Prefix{true: netip.MustParsePrefix("0.0.0.0/0"), false: netip.MustParsePrefix("::/0")}

func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

func family(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// linkNamed returns the index of a link.
func (n *namespace) linkNamed(name string) (index uint32, err error) {
	links, err := n.conn.Link.List()
	if err != nil {
		return 0, err
	}
	for _, l := range links {
		if l.Attributes.Name == name {
			return l.Index, nil
		}
	}
	return 0, fmt.Errorf("there is no link %s", name)
}

// addBridge makes a bridge, up, and returns its index.
func (n *namespace) addBridge(name string) (index uint32, err error) {
	all := driver.BridgeEnableDisabled // snooping holds back what is to reach all
	err = n.conn.Link.New(&rtnetlink.LinkMessage{Flags: unix.IFF_UP, Change: unix.IFF_UP, Attributes: &rtnetlink.LinkAttributes{
		Name: name, Info: &rtnetlink.LinkInfo{Kind: "bridge", Data: &driver.Bridge{McastSnooping: &all}},
	}})
	if err != nil {
		return 0, fmt.Errorf("a bridge: %w", err)
	}
	return n.linkNamed(name)
}

// addPair makes a link between two namespaces, and returns the indices of its ends. Both ends are up,
// but not at once: see world.connect.
func addPair(here *namespace, name string, there *namespace, nameThere string) (index, indexThere uint32, err error) {
	far := rtnetlink.LinkMessage{Attributes: &rtnetlink.LinkAttributes{Name: nameThere, NetNS: rtnetlink.NetNSForFD(uint32(there.FD()))}} // #nosec G115 -- a descriptor
	err = here.conn.Link.New(&rtnetlink.LinkMessage{Flags: unix.IFF_UP, Change: unix.IFF_UP, Attributes: &rtnetlink.LinkAttributes{
		Name: name, Info: &rtnetlink.LinkInfo{Kind: "veth", Data: &driver.Veth{PeerInfo: &far}},
	}})
	if err != nil {
		return 0, 0, fmt.Errorf("a link: %w", err)
	}
	index, err = here.linkNamed(name)
	if err != nil {
		return 0, 0, err
	}
	if indexThere, err = there.linkNamed(nameThere); err != nil {
		return 0, 0, err
	}
	return index, indexThere, there.conn.Link.Set(&rtnetlink.LinkMessage{Index: indexThere, Flags: unix.IFF_UP, Change: unix.IFF_UP})
}

// isUp reports whether a link passes packets on.
func (n *namespace) isUp(index uint32) (bool, error) {
	l, err := n.conn.Link.Get(index)
	return err == nil && l.Attributes.OperationalState == rtnetlink.OperStateUp, err
}

// enslave puts a link into a bridge.
func (n *namespace) enslave(index, bridge uint32) error {
	err := n.conn.Link.Set(&rtnetlink.LinkMessage{Index: index, Attributes: &rtnetlink.LinkAttributes{Master: &bridge}})
	if err != nil {
		return fmt.Errorf("a link of a bridge: %w", err)
	}
	return nil
}

// addAddress gives a link an address, which is good at once.
func (n *namespace) addAddress(index uint32, p netip.Prefix) error {
	address := p.Addr().AsSlice()
	err := n.conn.Address.New(&rtnetlink.AddressMessage{Family: family(p.Addr()), PrefixLength: uint8(p.Bits()), Index: index, // #nosec G115 -- 0 to 128
		Attributes: &rtnetlink.AddressAttributes{Address: address, Local: address, Flags: unix.IFA_F_NODAD}})
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("the address %s: %w", p, err)
	}
	return nil
}

// route is one of the main table.
type route struct {
	to   netip.Prefix
	kind uint8 // such as unix.RTN_UNICAST
	link uint32
	// through is the next router, which is on the link whatever the addresses there are. Without one
	// the destination itself is.
	through netip.Addr
}

func (r route) message() *rtnetlink.RouteMessage {
	m := &rtnetlink.RouteMessage{
		Family: family(r.to.Addr()), DstLength: uint8(r.to.Bits()), Table: unix.RT_TABLE_MAIN, Protocol: unix.RTPROT_STATIC, Type: r.kind, Scope: unix.RT_SCOPE_UNIVERSE, // #nosec G115 -- 0 to 128
		Attributes: rtnetlink.RouteAttributes{Dst: r.to.Masked().Addr().AsSlice(), OutIface: r.link},
	}
	switch {
	case r.through.IsValid():
		m.Attributes.Gateway, m.Flags = r.through.AsSlice(), unix.RTNH_F_ONLINK
	case r.kind == unix.RTN_UNICAST:
		m.Scope = unix.RT_SCOPE_LINK
	case r.kind == unix.RTN_LOCAL:
		m.Scope = unix.RT_SCOPE_HOST
	}
	return m
}

// setRoute takes the place of a route to the same destination.
func (n *namespace) setRoute(r route) error {
	if err := n.conn.Route.Replace(r.message()); err != nil {
		return fmt.Errorf("the route to %s: %w", r.to, err)
	}
	return nil
}

// dropRoute takes a route away that may not be there.
func (n *namespace) dropRoute(to netip.Prefix) error {
	err := n.conn.Route.Delete(&rtnetlink.RouteMessage{Family: family(to.Addr()), DstLength: uint8(to.Bits()), Table: unix.RT_TABLE_MAIN, Scope: unix.RT_SCOPE_NOWHERE}) // #nosec G115 -- 0 to 128
	if err != nil && !errors.Is(err, unix.ESRCH) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("no route to %s: %w", to, err)
	}
	return nil
}

// forgetNeighbors makes the next packets on a link ask who has an address.
func (n *namespace) forgetNeighbors(index uint32) error {
	list, err := n.conn.Neigh.List()
	if err != nil {
		return err
	}
	for _, neighbor := range list {
		if neighbor.Index != index || neighbor.State&(unix.NUD_PERMANENT|unix.NUD_NOARP) != 0 || neighbor.Attributes == nil || neighbor.Attributes.Address == nil {
			continue
		}
		request := &rtnetlink.NeighMessage{Family: neighbor.Family, Index: index, Attributes: &rtnetlink.NeighAttributes{Address: neighbor.Attributes.Address}}
		_, err := n.conn.Execute(request, unix.RTM_DELNEIGH, netlink.Request|netlink.Acknowledge)
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("who has %s: %w", neighbor.Attributes.Address, err)
		}
	}
	return nil
}
