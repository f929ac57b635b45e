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
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// connectProxy is a proxy that answers the first CONNECTs with a status, as many as it
// is told, and connects the others.
type connectProxy struct{ connects atomic.Int32 }

func (p *connectProxy) handler(t *testing.T, times, status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
	})
}

// A proxy that does not connect is named, whatever was to be sent, and nothing was
// sent. What it says for good is not asked again.
func TestProxyRefuses(t *testing.T) {
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
		for method, do := range operations {
			t.Run(tc.says+" "+method, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					p := new(connectProxy)
					m := serveInMemory(t, p.handler(t, 1<<30, tc.status))
					c := m.client(t, httpapi.ClientConfig{Endpoint: "https://sp.example.net:9419", MaxRetries: 2})
					c.UseProxy(&url.URL{Scheme: "http", Host: "proxy.example.net:3128", User: url.UserPassword("me", "hunter3")})
					err := do(t.Context(), c)
					checkFailure(t, method, err, httpapi.FailureProxy, false)
					if err == nil || !strings.Contains(err.Error(), "the proxy proxy.example.net:3128 answered CONNECT with "+tc.says) || strings.Contains(err.Error(), "hunter3") {
						t.Errorf("got %v", err)
					}
					equal(t, "times it was asked to connect", int(p.connects.Load()), tc.connects)
				})
			})
		}
	}
}

// A proxy that works again connects.
func TestProxyConnects(t *testing.T) {
	a, i := newBackend(t, labDatabase), &issuer{lifetime: 1 << 30}
	s := serveTLS(t, a, i)
	p := new(connectProxy)
	proxy := httptest.NewServer(p.handler(t, 2, http.StatusServiceUnavailable))
	t.Cleanup(proxy.Close)
	address, err := url.Parse(proxy.URL)
	ok(t, err)
	c := newClient(t, httpapi.ClientConfig{Endpoint: s.URL, CACertificate: caOf(s), Username: "abc-company", Password: "hunter2", MaxRetries: 2})
	c.UseProxy(address)
	_, err = c.PutNetworkRouting(t.Context(), own, true, vcc.IfRevision(0))
	ok(t, err)
	equal(t, "times the proxy was asked to connect", int(p.connects.Load()), 3)
}

// A client whose connections are made for it, as those of an embedded backend are, uses no proxy
// that the environment names.
func TestProxyOfTheEnvironment(t *testing.T) {
	for name, cfg := range map[string]httpapi.ClientConfig{
		"dialling": {Endpoint: "https://sp.example.net:9419"}, "in memory": {Endpoint: "http://embedded.invalid", Dial: newMemory().dial},
	} {
		equal(t, name, newClient(t, cfg).HasProxy(), cfg.Dial == nil)
	}
}
