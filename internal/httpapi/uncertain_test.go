package httpapi_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// accepting accepts connections in memory and lets use do with them what it wants.
func accepting(t *testing.T, use func(net.Conn)) *memory {
	t.Helper()
	m := newMemory()
	go func() {
		for {
			conn, err := m.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			use(conn)
		}
	}()
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// hanging serves TLS in memory and answers nothing. It tells of every request that it has read.
func hanging(t *testing.T, http2 bool) (m *memory, arrived chan struct{}) {
	t.Helper()
	arrived = make(chan struct{}, 10)
	return serveTLSInMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.ProtoMajor == 2; got != http2 {
			t.Errorf("%s came over %s", r.Method, r.Proto)
		}
		arrived <- struct{}{}
		hang(w, r)
	}), http2), arrived
}

// A write of which nothing was sent was not carried out for sure, and is tried again.
// One that may have been sent is neither.
func TestUncertain(t *testing.T) {
	const retries = 2
	for name, tc := range map[string]struct {
		network func(t *testing.T) *memory
		kind    httpapi.FailureKind
		sent    bool
	}{
		"a refused connection": {func(t *testing.T) *memory {
			m := newMemory()
			m.refused = 1 << 30
			return m
		}, httpapi.FailureConnection, false},
		"nobody accepts": {func(*testing.T) *memory { return newMemory() }, httpapi.FailureTimeout, false},
		"a handshake without an answer": {func(t *testing.T) *memory {
			return accepting(t, func(net.Conn) {})
		}, httpapi.FailureTimeout, false},
		"a handshake that breaks off": {func(t *testing.T) *memory {
			return accepting(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 1))
				conn.(memoryConn).reset()
			})
		}, httpapi.FailureConnection, false},
		"no answer": {func(t *testing.T) *memory {
			m, _ := hanging(t, false)
			return m
		}, httpapi.FailureTimeout, true},
		"no answer, HTTP/2": {func(t *testing.T) *memory {
			m, _ := hanging(t, true)
			return m
		}, httpapi.FailureTimeout, true},
		"a break after the request": {func(t *testing.T) *memory {
			return serveTLSInMemory(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), false)
		}, httpapi.FailureConnection, true},
	} {
		for _, method := range []string{"PUT", "DELETE", "POST"} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				inBubble(t, func(t *testing.T) {
					m := tc.network(t)
					c := m.client(t, httpapi.ClientConfig{Endpoint: "https://memory.invalid", InsecureSkipVerify: true, MaxRetries: retries})
					checkFailure(t, method, operations[method](t.Context(), c), tc.kind, tc.sent)
					want := 1
					if !tc.sent {
						want += retries
					}
					equal(t, "dials", int(m.dials.Load()), want)
				})
			})
		}
	}
}

// A port where nobody listens is told apart, and nothing was sent there.
func TestUncertain_nobodyListens(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	ok(t, err)
	ok(t, l.Close())
	for _, method := range []string{"PUT", "DELETE", "POST"} {
		var dials atomic.Int32
		c := newClient(t, httpapi.ClientConfig{
			Endpoint: "https://" + l.Addr().String(), MaxRetries: 1,
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				dials.Add(1)
				return new(net.Dialer).DialContext(ctx, network, address)
			},
		})
		checkFailure(t, method, operations[method](t.Context(), c), httpapi.FailureRefused, false)
		equal(t, "dials", int(dials.Load()), 2)
	}
}

// breaking is a connection that breaks in its first write.
type breaking struct{ net.Conn }

func (b breaking) Write(p []byte) (int, error) {
	n, _ := b.Conn.Write(p[:len(p)/2])
	_ = b.Close()
	return n, net.ErrClosed
}

// What breaks off within its headers has been sent, too.
func TestUncertain_inPart(t *testing.T) {
	s := serving(t, says(200, jsonAnswer, "{}"))
	c := newClient(t, httpapi.ClientConfig{Endpoint: s.URL, MaxRetries: 2, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return breaking{conn}, err
	}})
	err := c.RemoveDefaultGateway(t.Context(), own, strings.Repeat("long", 10000), vcc.Precondition{})
	checkFailure(t, "DELETE", err, httpapi.FailureConnection, true)
}

// A caller that cancels a write is told whether it may have been carried out.
func TestUncertain_cancelled(t *testing.T) {
	for name, tc := range map[string]struct {
		network func(*testing.T) (m *memory, begun chan struct{}) // begun says when to cancel
		sent    bool
	}{
		"in the handshake": {func(t *testing.T) (*memory, chan struct{}) {
			accepted := make(chan struct{}, 10)
			return accepting(t, func(net.Conn) { accepted <- struct{}{} }), accepted
		}, false},
		"waiting for answer": {func(t *testing.T) (*memory, chan struct{}) { return hanging(t, false) }, true},
	} {
		for _, method := range []string{"PUT", "DELETE", "POST"} {
			t.Run(name+" "+method, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					m, begun := tc.network(t)
					ctx, cancel := context.WithCancel(t.Context())
					go func() {
						<-begun
						cancel()
					}()
					c := m.client(t, httpapi.ClientConfig{Endpoint: "https://memory.invalid", InsecureSkipVerify: true})
					checkFailure(t, method, operations[method](ctx, c), httpapi.FailureCancelled, tc.sent)
					cancel()
				})
			})
		}
	}
	t.Run("waiting to try again", func(t *testing.T) {
		for _, f := range []fault{says(429, "text/html", page, "Retry-After: 30"), says(503, jsonAnswer, notThere, "Retry-After: 30")} {
			for _, method := range []string{"PUT", "DELETE", "POST"} {
				ctx, cancel := context.WithCancel(t.Context())
				c := newClient(t, httpapi.ClientConfig{
					Endpoint: serving(t, f).URL, MaxRetries: 1, OnResponse: func(context.Context, string, string, int) { cancel() },
				})
				checkFailure(t, method, operations[method](ctx, c), httpapi.FailureCancelled, false)
				cancel()
			}
		}
	})
}
