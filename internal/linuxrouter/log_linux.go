package linuxrouter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Of netfilter's log (uapi/linux/netfilter/nfnetlink_log.h).
const (
	logGroup = 1 // as in ruleset.nft

	messagePacket = unix.NFNL_SUBSYS_ULOG << 8 // NFULNL_MSG_PACKET
	messageConfig = unix.NFNL_SUBSYS_ULOG<<8 | 1

	configCommand, configMode, configTimeout, configThreshold = 1, 2, 4, 5
	commandBind                                               = 1
	modePacket                                                = 2

	attributeIncoming, attributePayload, attributePrefix = 4, 9, 10

	// rawLength is how much of a packet an Entry has.
	rawLength = 256
)

// Log is what a router says of packets, through netfilter's log (NFLOG). It is safe for concurrent
// use.
type Log struct {
	conn   *netlink.Conn
	closed atomic.Bool
}

// Listen begins to receive what the ruleset says of packets from now on. A router has one
// listener at a time: with a second one the kernel refuses.
func (r *Router) Listen() (*Log, error) {
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: r.here.FD()})
	if err != nil {
		return nil, err
	}
	if err := c.SetReadBuffer(4 << 20); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	for _, attributes := range []func(e *netlink.AttributeEncoder){
		func(e *netlink.AttributeEncoder) { e.Bytes(configCommand, []byte{commandBind}) },
		func(e *netlink.AttributeEncoder) {
			e.Bytes(configMode, append(binary.BigEndian.AppendUint32(nil, rawLength), modePacket, 0))
			e.Uint32(configThreshold, 1) // each packet at once
			e.Uint32(configTimeout, 1)
		},
	} {
		e := netlink.NewAttributeEncoder()
		e.ByteOrder = binary.BigEndian
		attributes(e)
		data, err := e.Encode()
		if err == nil {
			_, err = c.Execute(netlink.Message{
				Header: netlink.Header{Type: messageConfig, Flags: netlink.Request | netlink.Acknowledge},
				Data:   append([]byte{unix.AF_UNSPEC, 0, 0, logGroup}, data...),
			})
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listening to what the ruleset says: %w", err), c.Close())
		}
	}
	return &Log{conn: c}, nil
}

// ErrLost is the error where the kernel threw entries away, because nobody read them fast enough.
var ErrLost = errors.New("the kernel had no room for more entries of the log, and threw some away")

// Read waits for packets and returns them in their order. After Close it returns os.ErrClosed. After ErrLost the log goes
// on, with what the kernel had kept.
func (l *Log) Read() ([]Entry, error) {
	raw, err := l.conn.SyscallConn()
	for err == nil {
		var entries []Entry
		var failed error
		err = raw.Read(func(fd uintptr) bool {
			entries, failed = ReadEntries(int(fd)) // #nosec G115 -- a descriptor
			return len(entries) > 0 || failed != nil
		})
		switch {
		case len(entries) > 0:
			return entries, nil
		case failed != nil:
			err = failed
		}
	}
	if l.closed.Load() {
		return nil, os.ErrClosed
	}
	return nil, err
}

// SyscallConn is for those who wait for a log and for something else at once: it has
// the descriptor, which does not block.
func (l *Log) SyscallConn() (syscall.RawConn, error) { return l.conn.SyscallConn() }

// ReadEntries returns the entries that are there, without waiting. fd is the descriptor of a Log. ErrLost is as for Read.
func ReadEntries(fd int) ([]Entry, error) {
	var buffer [8192]byte
	n, _, err := unix.Recvfrom(fd, buffer[:], unix.MSG_DONTWAIT)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return nil, nil
	}
	if errors.Is(err, unix.ENOBUFS) {
		return nil, ErrLost
	}
	if err != nil {
		return nil, err
	}
	messages, err := syscall.ParseNetlinkMessage(buffer[:n])
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, m := range messages {
		if m.Header.Type == messagePacket && len(m.Data) > 4 {
			e, err := readEntry(m.Data[4:])
			if err != nil {
				return nil, err
			}
			entries = append(entries, e)
		}
	}
	return entries, nil
}

func readEntry(b []byte) (Entry, error) {
	d, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return Entry{}, err
	}
	d.ByteOrder = binary.BigEndian
	var e Entry
	var arriving appliance.Interface
	for d.Next() {
		switch d.Type() {
		case attributeIncoming:
			arriving = appliance.Interface(d.Uint32() - firstIndex) // #nosec G115 -- ours
		case attributePayload:
			e.Raw = d.Bytes() // a copy
		case attributePrefix:
			e.Reason = vcc.Reason(d.String())
		}
	}
	if p, ok := appliance.ReadPacket(arriving, e.Raw); ok {
		e.Packet = p
	} else {
		e.Packet.Interface = arriving
	}
	e.Verdict, _ = appliance.VerdictOf(e.Reason) // of each in the ruleset there is one
	return e, d.Err()
}

// Close ends listening; a Read that waits returns.
func (l *Log) Close() error {
	l.closed.Store(true)
	return l.conn.Close()
}
