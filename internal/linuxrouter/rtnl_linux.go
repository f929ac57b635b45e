package linuxrouter

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/jsimonetti/rtnetlink/v2/driver"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// request is one that the kernel is sent about links, addresses and routes.
type request struct {
	kind    netlink.HeaderType
	flags   netlink.HeaderFlags
	message interface{ MarshalBinary() ([]byte, error) }
	// gone says that it is fine if what the request takes away is not there.
	gone bool
}

func (r request) netlink() (netlink.Message, error) {
	data, err := r.message.MarshalBinary()
	return netlink.Message{Header: netlink.Header{Type: r.kind, Flags: netlink.Request | r.flags}, Data: data}, err
}

// String says what a request is for, in messages about errors.
func (r request) String() string {
	switch m := r.message.(type) {
	case *rtnetlink.LinkMessage:
		if m.Attributes == nil {
			return fmt.Sprintf("interface %d", m.Index)
		}
		return "interface " + m.Attributes.Name
	case *rtnetlink.AddressMessage:
		return fmt.Sprintf("address %s of interface %d", m.Attributes.Address, m.Index)
	case *rtnetlink.RouteMessage:
		via := ""
		if m.Attributes.Gateway != nil {
			via = " via " + m.Attributes.Gateway.String()
		}
		return fmt.Sprintf("route to %s/%d%s through interface %d", m.Attributes.Dst, m.DstLength, via, m.Attributes.OutIface)
	default:
		return "request"
	}
}

// atOnce is how many requests are sent before replies are looked at. If all failed, their
// errors would still fit into a socket's buffer of usual size.
const atOnce = 128

// do sends requests and returns the errors of those that failed, by their indexes. The
// kernel treats them in order and independently.
//
// A request that works is not answered. One in the end that always works says that all are done. Only
// where something failed each is sent again by itself, to see which; all requests can be repeated.
func do(c *netlink.Conn, requests []request) (map[int]error, error) {
	failed := map[int]error{}
	for begin := 0; begin < len(requests); begin += atOnce {
		some := requests[begin:min(begin+atOnce, len(requests))]
		ok, err := doAtOnce(c, some)
		if err != nil {
			return nil, err
		}
		if ok {
			continue
		}
		for i, r := range some {
			m, err := r.netlink()
			if err != nil {
				return nil, err
			}
			m.Header.Flags |= netlink.Acknowledge
			_, err = c.Execute(m)
			isGone := r.gone && (errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENODEV))
			if err != nil && !isGone {
				failed[begin+i] = fmt.Errorf("%s: %w", r, err)
			}
		}
	}
	return failed, nil
}

// doAtOnce reports whether all requests worked.
func doAtOnce(c *netlink.Conn, requests []request) (ok bool, err error) {
	messages := make([]netlink.Message, 0, len(requests)+1)
	last := request{kind: unix.RTM_GETLINK, message: &rtnetlink.LinkMessage{Index: 1}}
	for _, r := range append(requests[:len(requests):len(requests)], last) {
		m, err := r.netlink()
		if err != nil {
			return false, err
		}
		messages = append(messages, m)
	}
	if _, err := c.SendMessages(messages); err != nil {
		return false, err
	}
	for ok = true; ; {
		replies, err := c.Receive()
		var failed *netlink.OpError
		switch {
		case err == nil && len(replies) > 0:
			return ok, nil
		case errors.As(err, &failed) && !errors.Is(err, unix.ENOBUFS):
			ok = false
		case err != nil:
			return false, err
		}
	}
}

// must does requests of which none may fail.
func must(c *netlink.Conn, requests []request) error {
	failed, err := do(c, requests)
	for _, e := range failed {
		err = errors.Join(err, e)
	}
	return err
}

// addLink makes both ends of a link. Only this one is up: at the time the other one is made, it has no peer.
func addLink(l Link, far *Namespace) request {
	there := rtnetlink.LinkMessage{Attributes: &rtnetlink.LinkAttributes{Name: l.Name, NetNS: rtnetlink.NetNSForFD(uint32(far.FD()))}} // #nosec G115 -- a descriptor
	here := rtnetlink.LinkMessage{
		Index: uint32(l.Index), Flags: unix.IFF_UP, Change: unix.IFF_UP, // #nosec G115 -- ours
		Attributes: &rtnetlink.LinkAttributes{Name: l.Name, Info: &rtnetlink.LinkInfo{Kind: "veth", Data: &driver.Veth{PeerInfo: &there}}},
	}
	return request{kind: unix.RTM_NEWLINK, flags: netlink.Create | netlink.Excl, message: &here}
}

// linkUp brings the far end of a link up.
func linkUp(l Link) request {
	return request{kind: unix.RTM_SETLINK, message: &rtnetlink.LinkMessage{Flags: unix.IFF_UP, Change: unix.IFF_UP, Attributes: &rtnetlink.LinkAttributes{Name: l.Name}}}
}

func deleteLink(l Link) request {
	return request{kind: unix.RTM_DELLINK, message: &rtnetlink.LinkMessage{Index: uint32(l.Index)}, gone: true} // #nosec G115 -- ours
}

func addressRequest(l Link, a netip.Addr, add bool) request {
	m := &rtnetlink.AddressMessage{
		Family: unix.AF_INET, PrefixLength: uint8(a.BitLen()), Index: uint32(l.Index), // #nosec G115 -- ours
		Attributes: &rtnetlink.AddressAttributes{Address: a.AsSlice(), Local: a.AsSlice(), Flags: unix.IFA_F_NOPREFIXROUTE},
	}
	if a.Is6() {
		m.Family = unix.AF_INET6
		m.Attributes.Flags |= unix.IFA_F_NODAD
	}
	if add {
		return request{kind: unix.RTM_NEWADDR, flags: netlink.Create | netlink.Replace, message: m}
	}
	return request{kind: unix.RTM_DELADDR, message: m, gone: true}
}

// routeRequest is about a route through a link, or through none.
func routeRequest(l *Link, r Route, add bool) request {
	m := &rtnetlink.RouteMessage{
		Family: unix.AF_INET, DstLength: uint8(r.Destination.Bits()), Table: unix.RT_TABLE_MAIN, Protocol: unix.RTPROT_STATIC, Type: unix.RTN_UNICAST, // #nosec G115 -- 0 to 128
		Attributes: rtnetlink.RouteAttributes{Dst: r.Destination.Addr().AsSlice(), Priority: uint32(r.Metric)}, // #nosec G115 -- ours
	}
	if r.Destination.Addr().Is6() {
		m.Family = unix.AF_INET6
	}
	switch {
	case l == nil:
		m.Type = unix.RTN_UNREACHABLE
	case r.Gateway.IsValid():
		m.Attributes.OutIface, m.Attributes.Gateway = uint32(l.Index), r.Gateway.AsSlice() // #nosec G115 -- ours
		if r.OnLink {
			m.Flags = unix.RTNH_F_ONLINK
		}
	default:
		m.Attributes.OutIface = uint32(l.Index) // #nosec G115 -- ours
		m.Scope = unix.RT_SCOPE_LINK
	}
	if add {
		return request{kind: unix.RTM_NEWROUTE, flags: netlink.Create | netlink.Replace, message: m}
	}
	return request{kind: unix.RTM_DELROUTE, message: m, gone: true}
}

// throughOwnLink enters a route whose IPv6 gateway no other link may claim: the kernel looks where the gateway is when it takes
// the route, and never again. So a route to the gateway stands beside it for that moment.
func throughOwnLink(route request) []request {
	m, ok := route.message.(*rtnetlink.RouteMessage)
	if !ok || m.Family != unix.AF_INET6 || m.Attributes.Gateway == nil {
		return []request{route}
	}
	to := &rtnetlink.RouteMessage{
		Family: m.Family, DstLength: 128, Table: m.Table, Protocol: m.Protocol, Type: m.Type, Scope: unix.RT_SCOPE_LINK,
		Attributes: rtnetlink.RouteAttributes{Dst: m.Attributes.Gateway, OutIface: m.Attributes.OutIface, Priority: networkMetric},
	}
	return []request{{kind: unix.RTM_NEWROUTE, flags: netlink.Create | netlink.Replace, message: to}, route, {kind: unix.RTM_DELROUTE, message: to, gone: true}}
}

// settle waits until a link answers to an IPv6 address: a worker of the kernel enters the
// local route some time after the address.
func settle(c *netlink.Conn, l Link, a netip.Addr) error {
	question := request{kind: unix.RTM_GETROUTE, message: &rtnetlink.RouteMessage{
		Family: unix.AF_INET6, DstLength: 128, Attributes: rtnetlink.RouteAttributes{Dst: a.AsSlice(), OutIface: uint32(l.Index)}, // #nosec G115 -- ours
	}}
	m, err := question.netlink()
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		replies, err := c.Execute(m)
		if err == nil && len(replies) > 0 {
			var route rtnetlink.RouteMessage
			if err := route.UnmarshalBinary(replies[0].Data); err != nil {
				return err
			}
			if route.Type == unix.RTN_LOCAL {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not come up on %s: %w", a, l.Name, errors.Join(err, unix.ETIMEDOUT))
		}
		time.Sleep(50 * time.Microsecond)
	}
}
