package httpapi_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
)

// memory is a network in memory, so that a bubble of package synctest, whose
// clock runs ahead when nothing works, sees everything that happens.
type memory struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
	// refused is how many dials fail before one succeeds.
	refused int
	dials   atomic.Int32
}

func newMemory() *memory {
	m := &memory{conns: make(chan net.Conn), closed: make(chan struct{})}
	m.close = sync.OnceFunc(func() { close(m.closed) })
	return m
}

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if int(m.dials.Add(1)) <= m.refused {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	client, server := net.Pipe()
	reset := new(atomic.Bool)
	select {
	case m.conns <- memoryConn{server, reset}:
		return memoryConn{client, reset}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.close()
	return nil
}

func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory.invalid"} }

// memoryConn is an end of a connection in memory. It can be reset, as TCP's can.
type memoryConn struct {
	net.Conn
	wasReset *atomic.Bool
}

// reset ends the connection so that the other side sees an error, and not an end.
func (c memoryConn) reset() {
	c.wasReset.Store(true)
	_ = c.Close()
}

func (c memoryConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && c.wasReset.Load() {
		err = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	return n, err
}

func (c memoryConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil && c.wasReset.Load() {
		err = &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.ECONNRESET)}
	}
	return n, err
}

// inBubble runs a test whose clock runs ahead when nothing works: nothing in it may wait for
// what is outside, such as a connection of the system.
func inBubble(t *testing.T, test func(*testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

// serveInMemory serves a handler on a network in memory until the test ends.
func serveInMemory(t testing.TB, handler http.Handler) *memory {
	t.Helper()
	m := newMemory()
	s := &http.Server{Handler: handler, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go s.Serve(m) //nolint:errcheck // it ends with the test
	t.Cleanup(func() { _ = s.Close() })
	return m
}

// serveTLSInMemory is serveInMemory over TLS, with HTTP/2 or without.
func serveTLSInMemory(t testing.TB, handler http.Handler, http2 bool) *memory {
	t.Helper()
	m := newMemory()
	s := httptest.NewUnstartedServer(handler)
	_ = s.Listener.Close()
	s.Listener, s.EnableHTTP2 = m, http2
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	return m
}

// client returns a client of what is served on a network in memory.
func (m *memory) client(t testing.TB, cfg httpapi.ClientConfig) *httpapi.Client {
	t.Helper()
	if cfg.Endpoint == "" {
		cfg.Endpoint = "http://memory.invalid"
		if cfg.Username != "" { // which goes over plain HTTP to this machine only
			cfg.Endpoint = "http://localhost"
		}
	}
	cfg.Dial = m.dial
	return newClient(t, cfg)
}
