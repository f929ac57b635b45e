package cli_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// TestGatewaySetDependsOnWhatItRead: what it leaves out stays as it was read, so a change between
// the reading and the writing would be undone without a word. It is refused instead.
func TestGatewaySetDependsOnWhatItRead(t *testing.T) {
	s := serve(t)
	embedded := s.folder()
	const network = "'VMware Silver network 1'"
	for name, test := range map[string]struct{ first, other, want string }{
		"changed in between": {"gateway set " + network + " --ipv4 172.17.54.1/24", "gateway set " + network + " --ipv4 172.17.54.7/24", "172.17.54.7"},
		"made in between":    {"", "gateway set " + network + " --ipv4 172.17.54.7/24", "172.17.54.7"},
		"removed in between": {"gateway set " + network + " --ipv4 172.17.54.1/24", "gateway remove " + network, ""},
	} {
		t.Run(name, func(t *testing.T) {
			typed(t, "backend gateway remove "+network+embedded) // there may be none
			if test.first != "" {
				done(t, "backend "+test.first+embedded)
			}
			between := *s
			between.endpoint = s.behind(t, func() { done(t, "backend "+test.other+embedded) })
			r := typed(t, "backend gateway set "+network+" --ipv6 fe80::1 --ipv6-network 2001:db8:54::/64"+between.as("abc-company"))
			if r.status != 1 || r.stdout != "" {
				t.Errorf("it ended with %d: %s%s", r.status, r.stdout, r.stderr)
			}
			list := done(t, "backend gateway list --stored"+embedded)
			if stored := strings.Contains(list, "172.17.54."); stored != (test.want != "") || !strings.Contains(list, test.want) || strings.Contains(list, "2001:db8:54::/64") {
				t.Errorf("stored is\n%s", list)
			}
		})
	}
}

// behind serves the backend a second time, at an address where somebody else acts before the
// first PUT arrives.
func (s *served) behind(t *testing.T, act func()) (endpoint string) {
	t.Helper()
	target, err := url.Parse(s.endpoint)
	ok(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the backend of this test
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			once.Do(act)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
