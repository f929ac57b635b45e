package backend

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// connections bounds how many connections a server has, and how many from one address. One more
// than that takes the place of the one that has had no request for the longest time; if each has a
// request, the new one is closed. It is safe for concurrent use.
type connections struct {
	net.Listener
	max, perAddress int

	mu      sync.Mutex
	open    map[net.Conn]*connection
	from    map[string]int
	quiet   *list.List // of *connection: those without a request, the longest first
	refused uint64
}

type connection struct {
	net.Conn
	address string
	quiet   *list.Element // nil: it has a request
}

func boundConnections(l net.Listener, n int) *connections {
	// Half are left for others than whoever makes more of them than anybody needs.
	return &connections{Listener: l, max: n, perAddress: max(n/2, 1), open: map[net.Conn]*connection{}, from: map[string]int{}, quiet: list.New()}
}

// Accept implements net.Listener.
func (c *connections) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c.admit(conn) {
			return conn, nil
		}
		_ = conn.Close()
	}
}

func (c *connections) admit(conn net.Conn) bool {
	address := ""
	if remote, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		address = vcc.ClientAddress(remote.AddrPort().Addr())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	crowded := c.from[address] >= c.perAddress
	if crowded || len(c.open) >= c.max {
		e := c.quiet.Front()
		for e != nil && crowded && e.Value.(*connection).address != address {
			e = e.Next()
		}
		c.refused++
		if e == nil {
			return false
		}
		longest := e.Value.(*connection)
		c.forget(longest)
		_ = longest.Close()
	}
	known := &connection{Conn: conn, address: address}
	known.quiet = c.quiet.PushBack(known)
	c.open[conn] = known
	c.from[address]++
	return true
}

// changed is an http.Server's ConnState. To it a connection has a request from the end of the
// request's headers on.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.open[conn]
	if known == nil {
		return
	}
	if known.quiet != nil && state != http.StateNew {
		c.quiet.Remove(known.quiet)
		known.quiet = nil
	}
	switch state {
	case http.StateIdle:
		known.quiet = c.quiet.PushBack(known)
	case http.StateClosed, http.StateHijacked:
		c.forget(known)
	}
}

func (c *connections) forget(known *connection) {
	if known.quiet != nil {
		c.quiet.Remove(known.quiet)
		known.quiet = nil
	}
	delete(c.open, known.Conn)
	if c.from[known.address]--; c.from[known.address] == 0 {
		delete(c.from, known.address)
	}
}

// count returns how many connections there are, and how many had to go or were not taken.
func (c *connections) count() (open int, refused uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open), c.refused
}
