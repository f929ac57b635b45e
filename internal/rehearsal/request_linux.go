package rehearsal

import (
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
)

// How long a request waits for its answer, and how often one that can be lost is sent again.
const (
	requestPatience = 1500 * time.Millisecond // in which a lost SYN is sent again (RFC 6298, 2.1)
	requestAgain    = 100 * time.Millisecond
)

// request sends a request from an address of the machine, which may be any for the outside, and
// reports whether an answer came. sending is told the source with its port, or with the identifier
// of its echoes, before anything is sent; dropped says that waiting is no use.
func (h *host) request(t Try, sending func(netip.AddrPort), dropped func() bool) (answered bool, err error) {
	err = h.Do(func() error {
		s, err := newRequest(t)
		if err != nil {
			return err
		}
		defer unix.Close(s.fd) //nolint:errcheck // there is nothing to lose
		sending(s.source)
		answered, err = s.wait(dropped)
		return err
	})
	return answered, err
}

// request is a socket that sends one.
type request struct {
	Try
	fd     int
	source netip.AddrPort
}

func newRequest(t Try) (*request, error) {
	family, kind, protocol := unix.AF_INET6, unix.SOCK_DGRAM, 0
	if t.Source.Is4() {
		family = unix.AF_INET
	}
	switch t.Protocol {
	case appliance.TCP:
		kind = unix.SOCK_STREAM
	case appliance.ICMP:
		protocol = unix.IPPROTO_ICMP
	case appliance.ICMPv6:
		protocol = unix.IPPROTO_ICMPV6
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, err
	}
	r := &request{Try: t, fd: fd}
	if err := r.bind(); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return r, nil
}

// bind takes the source address. The outside has each without its being on a link.
func (r *request) bind() error {
	level, option := unix.SOL_IPV6, unix.IPV6_FREEBIND
	if r.Source.Is4() {
		level, option = unix.SOL_IP, unix.IP_FREEBIND
	}
	if err := unix.SetsockoptInt(r.fd, level, option, 1); err != nil {
		return err
	}
	if err := unix.Bind(r.fd, socketAddress(netip.AddrPortFrom(r.Source, 0))); err != nil {
		return err
	}
	own, err := unix.Getsockname(r.fd)
	switch a := own.(type) {
	case *unix.SockaddrInet4:
		r.source = netip.AddrPortFrom(r.Source, uint16(a.Port)) // #nosec G115 -- a port
	case *unix.SockaddrInet6:
		r.source = netip.AddrPortFrom(r.Source, uint16(a.Port)) // #nosec G115 -- a port
	}
	return err
}

func socketAddress(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// wait sends the request and waits for its answer. A connection that is refused has been answered.
// An error of the network is none of ours: it is no answer.
func (r *request) wait(dropped func() bool) (answered bool, err error) {
	deadline := time.Now().Add(requestPatience)
	err = unix.Connect(r.fd, socketAddress(netip.AddrPortFrom(r.Destination, r.Port)))
	switch {
	case errors.Is(err, unix.EINPROGRESS) || err == nil:
	case unreachable(err):
		return false, nil
	default:
		return false, err
	}
	events := int16(unix.POLLIN)
	if r.Protocol == appliance.TCP {
		events = unix.POLLOUT
	}
	for again := time.Now(); ; {
		if r.Protocol != appliance.TCP && !time.Now().Before(again) {
			again = again.Add(requestAgain)
			if _, err := unix.Write(r.fd, r.datagram()); err != nil && !unreachable(err) {
				return false, err
			}
		}
		poll := []unix.PollFd{{Fd: int32(r.fd), Events: events}} // #nosec G115 -- a descriptor
		n, err := unix.Poll(poll, 5)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return false, err
		case n > 0:
			code, err := unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR)
			if err != nil {
				return false, err
			}
			return code == 0 && poll[0].Revents&events != 0 || r.Protocol == appliance.TCP && unix.Errno(code) == unix.ECONNREFUSED, nil //nolint:gosec // of errno
		}
		if dropped() || time.Now().After(deadline) {
			return false, nil
		}
	}
}

// datagram is what is sent: an echo request without its identifier and checksum, which the kernel
// fills in, or a text.
func (r *request) datagram() []byte {
	switch r.Protocol {
	case appliance.ICMP:
		return []byte{8, 0, 0, 0, 0, 0, 0, 1} // RFC 792
	case appliance.ICMPv6:
		return []byte{128, 0, 0, 0, 0, 0, 0, 1} // RFC 4443
	}
	return []byte("rehearsal\n")
}

// unreachable reports whether an error says that the network does not reach a destination.
func unreachable(err error) bool {
	for _, e := range []error{unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ECONNREFUSED, unix.EACCES, unix.EPERM, unix.EINVAL, unix.EADDRNOTAVAIL} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
