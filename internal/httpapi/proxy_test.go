package httpapi_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
)

// connectProxy is a proxy that answers the first CONNECTs with a status, as many as it
// is told, and connects the others.
type connectProxy struct {
	*httptest.Server
	connects atomic.Int32
}

func newConnectProxy(t *testing.T, times, status int) *connectProxy {
	t.Helper()
	p := &connectProxy{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			t.Errorf("the proxy was asked to %s %s", r.Method, r.URL)
		}
		if int(p.connects.Add(1)) <= times {
			w.WriteHeader(status)
			return
		}
		server, err := new(net.Dialer).DialContext(r.Context(), "tcp", r.Host)
		if err != nil {
			t.Error(err)
			return
		}
		client, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
		for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
			go func() {
				_, _ = io.Copy(way[0], way[1])
				_ = way[0].Close()
			}()
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// A proxy that does not connect is named, whatever was to be sent, and nothing was
// sent. What it says for good is not asked again.
func TestProxyRefuses(t *testing.T) {
	a, i := newAPI(t, nil), &issuer{lifetime: 1 << 30}
	s := serveTLS(t, a, i)
	for _, tc := range []struct {
		status   int
		connects int
		says     string
	}{
		{http.StatusProxyAuthRequired, 1, "407 Proxy Authentication Required"},
		{http.StatusForbidden, 1, "403 Forbidden"},
		{http.StatusTooManyRequests, 3, "429 Too Many Requests"},
		{http.StatusBadGateway, 3, "502 Bad Gateway"},
		{http.StatusServiceUnavailable, 3, "503 Service Unavailable"},
	} {
		t.Run(tc.says, func(t *testing.T) {
			for method, do := range operations {
				p := newConnectProxy(t, 1<<30, tc.status)
				address, err := url.Parse(p.URL)
				ok(t, err)
				host := address.Host
				address.User = url.UserPassword("me", "hunter3")
				c := newClient(t, httpapi.ClientConfig{Endpoint: s.URL, CACertificate: caOf(s), MaxRetries: 2})
				c.UseProxy(address)
				err = do(t.Context(), c)
				checkFailure(t, method, err, httpapi.FailureProxy, false)
				if err == nil || !strings.Contains(err.Error(), "the proxy "+host+" answered CONNECT with "+tc.says) || strings.Contains(err.Error(), "hunter3") {
					t.Errorf("%s: got %v", method, err)
				}
				equal(t, method+": times it was asked to connect", int(p.connects.Load()), tc.connects)
			}
		})
	}
}

// A proxy that has come to itself connects.
func TestProxyConnects(t *testing.T) {
	a, i := newAPI(t, nil), &issuer{lifetime: 1 << 30}
	s := serveTLS(t, a, i)
	p := newConnectProxy(t, 2, http.StatusServiceUnavailable)
	address, err := url.Parse(p.URL)
	ok(t, err)
	c := newClient(t, httpapi.ClientConfig{Endpoint: s.URL, CACertificate: caOf(s), Username: "abc-company", Password: "hunter2", MaxRetries: 2})
	c.UseProxy(address)
	_, err = c.PutNetworkRouting(t.Context(), true, httpapi.IfRevision(0))
	ok(t, err)
	equal(t, "times the proxy was asked to connect", int(p.connects.Load()), 3)
}
