package wiretest

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/linuxrouter"
)

// Wire is the far ends of a router's links. Neighbours are not asked for: whatever the router
// sends on a link is seen at its end.
type Wire struct {
	Router *linuxrouter.Router
	far    *linuxrouter.Namespace
	fd     int
	rtnl   *netlink.Conn
	links  []link
	byFar  map[int]appliance.Interface
	buffer []byte
	// Discovery has the types of the messages of neighbour discovery that Drain left out.
	Discovery []byte
}

// Types of neighbour discovery (RFC 4861, 4).
const routerSolicitation, neighbourAdvertisement = 133, 136

type link struct {
	index int // of the far end
	mac   net.HardwareAddr
}

// Open opens a router and its wire. They go with the test.
func Open(t testing.TB, o linuxrouter.Options) *Wire {
	t.Helper()
	w := &Wire{byFar: map[int]appliance.Interface{}, buffer: make([]byte, 1<<16)}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	w.far, err = linuxrouter.NewNamespace()
	must(err)
	t.Cleanup(func() { _ = w.far.Close() })
	must(w.far.Do(func() (err error) {
		for _, which := range []string{"all", "default"} { // the far ends say nothing by themselves
			if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+which+"/disable_ipv6", []byte("1"), 0); err != nil {
				return err
			}
		}
		if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, int(swapped(unix.ETH_P_ALL))); err != nil {
			return err
		}
		_ = unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20) // it does with less
		return unix.SetsockoptInt(w.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	}))
	t.Cleanup(func() { _ = unix.Close(w.fd) })
	w.Router, err = linuxrouter.Open(w.far, o)
	must(err)
	t.Cleanup(func() { _ = w.Router.Close() })
	w.rtnl, err = netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{NetNS: w.Router.Namespace().FD()})
	must(err)
	t.Cleanup(func() { _ = w.rtnl.Close() })
	return w
}

func swapped(v uint16) uint16 { return v<<8 | v>>8 }

// Apply gives the router a configuration, and sees to its links.
func (w *Wire) Apply(c *appliance.Compiled) error {
	if err := w.Router.Apply(c); err != nil {
		return err
	}
	if len(c.Interfaces) != len(w.links) {
		return w.Refresh()
	}
	return nil
}

// Refresh looks at the links that there are.
func (w *Wire) Refresh() error {
	w.links, w.byFar = nil, map[int]appliance.Interface{}
	var here, there []net.Interface
	err := errors.Join(w.Router.Namespace().Do(func() (err error) { here, err = net.Interfaces(); return err }),
		w.far.Do(func() (err error) { there, err = net.Interfaces(); return err }))
	if err != nil {
		return err
	}
	fars := map[string]int{}
	for _, l := range there {
		fars[l.Name] = l.Index
	}
	for _, l := range here { // by index, which is the order of interfaces
		if l.Flags&net.FlagLoopback != 0 {
			continue
		}
		far, ok := fars[l.Name]
		if i := appliance.Interface(len(w.links)); !ok || l.Name != i.String() { // #nosec G115 -- few
			return fmt.Errorf("link %d is %s, and its far end has the index %d", i, l.Name, far)
		}
		w.byFar[far] = appliance.Interface(len(w.links)) // #nosec G115 -- few
		w.links = append(w.links, link{far, l.HardwareAddr})
		if err := w.noNeighbours(l.Index); err != nil {
			return err
		}
	}
	return nil
}

// noNeighbours lets a link of the router send without asking where to.
func (w *Wire) noNeighbours(index int) error {
	m := rtnetlink.LinkMessage{Index: uint32(index), Flags: unix.IFF_NOARP, Change: unix.IFF_NOARP} // #nosec G115 -- an index
	data, err := m.MarshalBinary()
	if err != nil {
		return err
	}
	_, err = w.rtnl.Execute(netlink.Message{Header: netlink.Header{Type: unix.RTM_SETLINK, Flags: netlink.Request | netlink.Acknowledge}, Data: data})
	return err
}

// Send puts a packet, from its IP header on, on a link. The kernel has dealt with it before
// Send returns, but for what it does later (see Drain).
func (w *Wire) Send(i appliance.Interface, packet []byte) error {
	return w.send(w.fd, i, packet)
}

func (w *Wire) send(fd int, i appliance.Interface, packet []byte) error {
	if i < 0 || int(i) >= len(w.links) {
		return fmt.Errorf("there is no link %s", i)
	}
	frame := w.Frame(i, packet)
	return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: w.links[i].index, Halen: 6})
}

// Frame returns a packet in an Ethernet frame for the router.
func (w *Wire) Frame(i appliance.Interface, packet []byte) []byte {
	frame := make([]byte, 14, 14+len(packet))
	copy(frame, w.links[i].mac)
	copy(frame[6:], []byte{2, 0, 0, 0, 0, 1})
	kind := uint16(unix.ETH_P_IP)
	if packet[0]>>4 == 6 {
		kind = unix.ETH_P_IPV6
	}
	binary.BigEndian.PutUint16(frame[12:], kind)
	return append(frame, packet...)
}

// Deaf closes the ears of the wire, which cost the kernel time: nothing is seen any more.
func (w *Wire) Deaf() error {
	return w.far.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		return unix.Dup3(fd, w.fd, unix.O_CLOEXEC)
	})
}

// message is struct mmsghdr of sendmmsg(2).
type message struct {
	header unix.Msghdr
	length uint32
}

// Blast sends a frame again and again, many at a time.
func (w *Wire) Blast(i appliance.Interface, frame []byte, times int) error {
	to := unix.RawSockaddrLinklayer{Family: unix.AF_PACKET, Ifindex: int32(w.links[i].index), Halen: 6} // #nosec G115 -- an index
	part := unix.Iovec{Base: &frame[0]}
	part.SetLen(len(frame))
	var many [64]message
	for k := range many {
		h := &many[k].header
		h.Name, h.Namelen, h.Iov = (*byte)(unsafe.Pointer(&to)), unix.SizeofSockaddrLinklayer, &part // #nosec G103 -- the kernel's own structures
		h.SetIovlen(1)
	}
	for sent := 0; sent < times; {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(w.fd), uintptr(unsafe.Pointer(&many[0])), uintptr(min(len(many), times-sent)), 0, 0, 0) // #nosec G103 -- as above
		if errno != 0 && errno != unix.ENOBUFS && errno != unix.EAGAIN {
			return errno
		}
		if errno == 0 {
			sent += int(n) // #nosec G115 -- 64 at most
		}
	}
	return nil
}

// Arrived returns how many packets came to the far end of a link since it was made.
func (w *Wire) Arrived(i appliance.Interface) (packets int, err error) {
	err = w.far.Do(func() error {
		b, err := os.ReadFile("/proc/thread-self/net/dev")
		if err != nil {
			return err
		}
		for _, line := range strings.Split(string(b), "\n") {
			name, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
			if words := strings.Fields(rest); name == i.String() && len(words) > 1 {
				packets, err = strconv.Atoi(words[1])
				return err
			}
		}
		return fmt.Errorf("no link %s", i)
	})
	return packets, err
}

// FarIndex returns the index of a link's far end, in the namespace Far.
func (w *Wire) FarIndex(i appliance.Interface) int { return w.links[i].index }

// Far returns where the far ends are.
func (w *Wire) Far() *linuxrouter.Namespace { return w.far }

// Drain returns the packets that came out so far, without waiting. Those between a link's
// two ends, such as neighbour discovery, are left out.
func (w *Wire) Drain() []Seen {
	var seen []Seen
	for {
		n, from, err := unix.Recvfrom(w.fd, w.buffer, 0)
		if err != nil {
			return seen
		}
		l, ok := from.(*unix.SockaddrLinklayer)
		at, known := w.byFar[l.Ifindex]
		b := w.buffer[14:max(n, 14)]
		if !ok || !known || len(b) < 20 {
			continue
		}
		switch binary.BigEndian.Uint16(w.buffer[12:]) {
		case unix.ETH_P_IP:
			b = b[:min(len(b), int(binary.BigEndian.Uint16(b[2:])))]
		case unix.ETH_P_IPV6:
			b = b[:min(len(b), 40+int(binary.BigEndian.Uint16(b[4:])))]
			if len(b) < 41 || b[6] == 0 { // the reports of multicast listeners have a hop-by-hop header
				continue
			}
			if b[6] == byte(appliance.ICMPv6) && b[40] >= routerSolicitation && b[40] <= neighbourAdvertisement {
				w.Discovery = append(w.Discovery, b[40])
				continue
			}
		default:
			continue
		}
		seen = append(seen, Read(at, append([]byte(nil), b...)))
	}
}

// InNamespaces reports whether the test can go on, because the process may make network namespaces. An ordinary user's
// may not: there the test runs once more by itself in a user namespace where it may, and this
// run of it only says how that one ended. It is skipped where neither is allowed, and never where CI is set.
func InNamespaces(t *testing.T) bool {
	t.Helper()
	reason := linuxrouter.Supported()
	if reason == nil {
		return true
	}
	if os.Getenv(inside) != "" {
		fmt.Println(nowhere, reason)
		t.Skip(reason)
	}
	if os.Getuid() != 0 {
		err := runInside(t)
		if err == nil {
			return false
		}
		reason = errors.Join(reason, err)
	}
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
	return false
}

const (
	inside  = "VCC_TEST_IN_USER_NAMESPACE" // is set for the test that runs once more
	nowhere = "no namespaces even here:"
)

// flags returns the flags of this test binary that are set, but for those that say which tests to run and where
// to write what is measured.
func flags() []string {
	var kept []string
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "test.run", "test.count", "test.testlogfile", "test.coverprofile", "test.gocoverdir", "test.cpuprofile", "test.memprofile", "test.paniconexit0":
		default:
			kept = append(kept, "-"+f.Name+"="+f.Value.String())
		}
	})
	return kept
}
