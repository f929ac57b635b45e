package httpapi_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
)

// listening accepts connections and lets use do with them what it wants.
func listening(t *testing.T, use func(net.Conn)) (endpoint string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	ok(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close() //nolint:errcheck // it ends with the test
			use(conn)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return "https://" + l.Addr().String()
}

// hanging serves TLS and answers nothing. It tells of every request that it has read.
func hanging(t *testing.T, http2 bool) (s *httptest.Server, arrived chan struct{}) {
	t.Helper()
	arrived = make(chan struct{}, 10)
	s = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.ProtoMajor == 2; got != http2 {
			t.Errorf("%s came over %s", r.Method, r.Proto)
		}
		arrived <- struct{}{}
		hang(w, r)
	}))
	s.EnableHTTP2 = http2
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, arrived
}

// A write of which nothing was sent was not carried out for sure, and is tried again.
// One that may have been sent is neither.
func TestSent(t *testing.T) {
	const retries = 2
	// Where a connection must be made before the time is up the time is longer; where
	// nothing hangs it does not matter.
	const short, long, whole = 200 * time.Millisecond, 2 * time.Second, httpapi.DefaultRequestTimeout
	tcp := new(net.Dialer).DialContext
	for name, tc := range map[string]struct {
		endpoint func(t *testing.T) string
		dial     func(ctx context.Context, network, address string) (net.Conn, error)
		timeout  time.Duration
		kind     httpapi.FailureKind
		sent     bool
	}{
		"nobody listens": {func(t *testing.T) string {
			l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			ok(t, err)
			ok(t, l.Close())
			return "https://" + l.Addr().String()
		}, tcp, whole, httpapi.FailureRefused, false},
		"nobody accepts": {func(*testing.T) string { return "https://memory.invalid" }, func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, short, httpapi.FailureTimeout, false},
		"a handshake without an answer": {func(t *testing.T) string {
			return listening(t, func(net.Conn) {})
		}, tcp, short, httpapi.FailureTimeout, false},
		"a handshake that breaks off": {func(t *testing.T) string {
			return listening(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 1))
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			})
		}, tcp, whole, httpapi.FailureConnection, false},
		"no answer": {func(t *testing.T) string {
			s, _ := hanging(t, false)
			return s.URL
		}, tcp, long, httpapi.FailureTimeout, true},
		"no answer, HTTP/2": {func(t *testing.T) string {
			s, _ := hanging(t, true)
			return s.URL
		}, tcp, long, httpapi.FailureTimeout, true},
		"a break after the request": {func(t *testing.T) string {
			s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
			t.Cleanup(s.Close)
			return s.URL
		}, tcp, whole, httpapi.FailureConnection, true},
	} {
		for _, method := range []string{"PUT", "DELETE", "POST"} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				var dials atomic.Int32
				c := newClient(t, httpapi.ClientConfig{
					Endpoint: tc.endpoint(t), InsecureSkipVerify: true, RequestTimeout: tc.timeout, MaxRetries: retries,
					Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
						dials.Add(1)
						return tc.dial(ctx, network, address)
					},
				})
				checkFailure(t, method, operations[method](t.Context(), c), tc.kind, tc.sent)
				want := 1
				if !tc.sent {
					want += retries
				}
				equal(t, "dials", int(dials.Load()), want)
			})
		}
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
func TestSent_inPart(t *testing.T) {
	s := serving(t, says(200, jsonAnswer, "{}"))
	c := newClient(t, httpapi.ClientConfig{Endpoint: s.URL, MaxRetries: 2, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return breaking{conn}, err
	}})
	err := c.RemoveDefaultGateway(t.Context(), strings.Repeat("long", 10000), httpapi.Unconditional())
	checkFailure(t, "DELETE", err, httpapi.FailureConnection, true)
}

// Who cancels a write is told whether it may have been carried out.
func TestSent_cancelled(t *testing.T) {
	s, arrived := hanging(t, false)
	accepted := make(chan struct{}, 10)
	for name, tc := range map[string]struct {
		endpoint string
		begun    chan struct{} // says when to cancel
		sent     bool
	}{
		"in the handshake":   {listening(t, func(net.Conn) { accepted <- struct{}{} }), accepted, false},
		"waiting for answer": {s.URL, arrived, true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{"PUT", "DELETE", "POST"} {
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					<-tc.begun
					cancel()
				}()
				c := newClient(t, httpapi.ClientConfig{Endpoint: tc.endpoint, InsecureSkipVerify: true})
				checkFailure(t, method, operations[method](ctx, c), httpapi.FailureCancelled, tc.sent)
				cancel()
			}
		})
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
