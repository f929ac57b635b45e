package rehearsal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Every machine answers on every port on which no program of its own listens: to TCP with a line
// that says who came from where, as HTTP to a client that speaks it, and to UDP with what came. So
// a rehearsal needs no list of services, and a program that is started takes its port over.

// answer has the machine answer. The kernel redirects what opens a conversation with a port that no
// socket listens on (nft(8): socket, redirect).
func (h *host) answer() error {
	return h.Do(func() error {
		var config net.ListenConfig
		tcp, err := config.Listen(context.Background(), "tcp", ":0")
		if err != nil {
			return err
		}
		go h.answerTCP(tcp)
		port := uint16(tcp.Addr().(*net.TCPAddr).Port) //nolint:gosec,forcetypeassert // a port, of TCP
		udp, err := config.ListenPacket(context.Background(), "udp", fmt.Sprint(":", port))
		if err != nil {
			return err
		}
		go h.answerUDP(udp.(*net.UDPConn)) //nolint:forcetypeassert // of UDP
		return redirectUnclaimed(port)
	})
}

// redirectUnclaimed redirects, in the calling thread's namespace, what no socket is for to a port.
func redirectUnclaimed(port uint16) error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "rehearsal"})
	chain := conn.AddChain(&nftables.Chain{
		Table: table, Name: "arriving", Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityNATDest,
	})
	// The key has a value, 0 or 1, wherever there is a socket; where there is none the rule ends.
	conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		&expr.Socket{Key: expr.SocketKeyWildcard, Register: 1},
		&expr.Cmp{Op: expr.CmpOpLte, Register: 1, Data: []byte{1}},
		&expr.Verdict{Kind: expr.VerdictAccept},
	}})
	for _, protocol := range []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
			// Only what is for this machine: nothing is forwarded, and the outside has every address.
			&expr.Fib{Register: 1, FlagDADDR: true, ResultADDRTYPE: true},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(unix.RTN_LOCAL)},
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{protocol}},
			&expr.Immediate{Register: 1, Data: binaryutil.BigEndian.PutUint16(port)},
			&expr.Redir{RegisterProtoMin: 1, RegisterProtoMax: 1, Flags: unix.NF_NAT_RANGE_PROTO_SPECIFIED},
		}})
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("ports that answer: %w", err)
	}
	return nil
}

// How long a conversation with a machine's own answer may idle.
const answerPatience = 30 * time.Second

func (h *host) answerTCP(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of descriptors, say
			continue
		}
		go func() {
			defer conn.Close()               //nolint:errcheck // all was said
			_ = h.greet(conn.(*net.TCPConn)) //nolint:forcetypeassert // of TCP; an error is the client's affair
		}()
	}
}

// greet answers the first line that a client says, or its end.
func (h *host) greet(conn *net.TCPConn) error {
	if err := conn.SetDeadline(time.Now().Add(answerPatience)); err != nil {
		return err
	}
	from := conn.RemoteAddr().(*net.TCPAddr).AddrPort() //nolint:forcetypeassert // of TCP
	said := bufio.NewReader(conn)
	line, err := said.ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return err
	}
	text := fmt.Sprintf("%s was reached from %s\n", h.name, netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port()))
	if bytes.Contains(line, []byte(" HTTP/1.")) {
		for len(bytes.TrimSpace(line)) > 0 && err == nil { // the head ends with an empty line
			line, err = said.ReadSlice('\n')
		}
		text = fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(text), text)
	}
	if _, err := conn.Write([]byte(text)); err != nil {
		return err
	}
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, said) // so that closing does not cut off what is under way
	return err
}

func (h *host) answerUDP(conn *net.UDPConn) {
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		_, _ = conn.WriteToUDPAddrPort(buffer[:n], from)
	}
}
