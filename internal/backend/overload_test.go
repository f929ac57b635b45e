package backend_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// occupy sends the head of a request with a body that never comes, and returns once the server has
// begun to wait for it.
func (s *served) occupy(path string, header ...string) *wire {
	s.t.Helper()
	w := s.wire()
	w.write("PUT " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n" +
		strings.Join(header, "\r\n") + "\r\n\r\n")
	line, err := w.r.ReadString('\n')
	ok(s.t, err)
	same(s.t, "the server reads the body", line, "HTTP/1.1 100 Continue\r\n")
	_, err = w.r.ReadString('\n')
	ok(s.t, err)
	return w
}

// metric returns the values of a metric whose line begins with a name and labels.
func metric(text, name string) string {
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strings.TrimSpace(value)
		}
	}
	return "none"
}

// TestOverload: a tenant's crowd is refused with 503 and Retry-After, and nobody else notices.
func TestOverload(t *testing.T) {
	t.Parallel()
	database := withAccounts(t, "")
	s := serve(t, backend.ServerConfig{Database: database, MaxRequests: 8, MetricsListen: "127.0.0.1:0"})
	accounts, err := backend.OpenStore(t.Context(), database, true)
	ok(t, err)
	tenant, err := accounts.Tenant(t.Context(), "ABC Company")
	ok(t, err)
	ok(t, accounts.AddAccount(t.Context(), vcc.Account{Username: "abc-viewer", Role: vcc.RoleViewer, TenantID: tenant.ID}, abcPassword))
	ok(t, accounts.Close())
	viewer := bearer(s.logIn("abc-viewer", abcPassword).AccessToken)
	abc, root := bearer(s.logIn("abc-company", abcPassword).AccessToken), bearer(s.logIn("root", rootPassword).AccessToken)
	const routing = api + "/networkRouting"
	var crowd []*wire
	for range 2 { // a quarter of 8
		crowd = append(crowd, s.occupy(routing, abc))
	}
	var refused reply
	for _, method := range []string{"GET", "PUT"} {
		refused = s.send(method, routing, strings.Repeat(" ", 1<<20), abc, "Content-Type: application/json")
		same(t, "status of one more", refused.status, http.StatusServiceUnavailable)
		same(t, "status of a viewer's", s.send(method, routing, "", viewer, "Content-Type: application/json").status, http.StatusServiceUnavailable)
	}
	put := func(w *wire, length int) {
		w.write(fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s\r\nContent-Length: %d\r\n\r\n%s", routing, abc, length, strings.Repeat(" ", length)))
	}
	long := s.wire()
	put(long, 1<<20) // all of it, before the answer is read
	same(t, "status of a long one", long.reply().status, http.StatusServiceUnavailable)
	if _, err := long.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("its connection afterwards: %v", err)
	}
	patient := s.wire() // what was sent was read, so the connection is good for more
	put(patient, 64<<10)
	same(t, "status of another one", patient.reply().status, http.StatusServiceUnavailable)
	patient.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	same(t, "status of what follows on its connection", patient.reply().status, http.StatusOK)
	var e struct {
		ErrorCode vcc.ErrorCode
		Message   string
	}
	ok(t, json.Unmarshal([]byte(refused.body), &e))
	same(t, "code", e.ErrorCode, vcc.CodeUnavailable)
	if !slices.Contains([]string{"1", "2", "3"}, refused.header.Get("Retry-After")) || !strings.Contains(e.Message, "of this tenant") {
		t.Errorf("the answer: %+v", refused)
	}
	if len(s.logged("request failed")) > 0 {
		t.Error("a refusal is logged as a fault")
	}
	for what, status := range map[string]int{
		"another's request": s.send("GET", routing+"?tenant=ABC%20Company", "", root).status,
		"readiness":         s.send("GET", "/readyz", "").status,
		"health":            s.send("GET", "/healthz", "").status,
		"the description":   s.send("GET", "/openapi.json", "").status,
		"without places":    s.watch("/readyz").status,
	} {
		same(t, "status of "+what, status, http.StatusOK)
	}
	s.logIn("abc-company", abcPassword)

	text := s.watch("/metrics").body
	same(t, "refusals", []string{metric(text, `vcc_requests_shed_total{places="tenant"}`), metric(text, `vcc_requests_shed_total{places="server"}`), metric(text, "vcc_requests_at_work")}, []string{"6", "0", "2"})
	for _, w := range crowd {
		w.write(`{"a": 1}` + " ")
		same(t, "status of what had a place", w.reply().status, http.StatusBadRequest)
	}
	same(t, "status afterwards", s.send("GET", routing, "", abc).status, http.StatusOK)
}

// TestOverload_server: where several crowds have all places, one more is told that it is the server that has none, and whether the
// server is ready is answered. With a place given back, the next one is served.
func TestOverload_server(t *testing.T) {
	t.Parallel()
	database := withAccounts(t, "")
	s := serve(t, backend.ServerConfig{Database: database, MaxRequests: 8, MetricsListen: "127.0.0.1:0"})
	accounts, err := backend.OpenStore(t.Context(), database, true)
	ok(t, err)
	crowds := []string{bearer(s.logIn("root", rootPassword).AccessToken)}
	for _, name := range []string{"second", "third", "fourth"} {
		ok(t, accounts.AddAccount(t.Context(), vcc.Account{Username: name, Role: vcc.RoleOperator}, rootPassword))
		crowds = append(crowds, bearer(s.logIn(name, rootPassword).AccessToken))
	}
	ok(t, accounts.Close())
	abc := bearer(s.logIn("abc-company", abcPassword).AccessToken)
	same(t, "status of a first request", s.send("GET", api+"/networkRouting", "", abc).status, http.StatusOK)

	var atWork []*wire
	for _, crowd := range crowds { // a quarter of 8 for each
		for range 2 {
			atWork = append(atWork, s.occupy(api+"/networkRouting?tenant=ABC%20Company", crowd))
		}
	}
	refused := s.send("GET", api+"/networkRouting", "", abc)
	same(t, "status of one more", refused.status, http.StatusServiceUnavailable)
	if !strings.Contains(refused.body, "more requests are at work than the server takes at once; nothing was changed") || refused.header.Get("Retry-After") == "" {
		t.Errorf("it is told %+v", refused)
	}
	for _, path := range []string{"/readyz", "/healthz", "/openapi.json"} {
		same(t, "status of "+path, s.send("GET", path, "").status, http.StatusOK)
	}
	text := s.watch("/metrics").body
	same(t, "refusals", []string{metric(text, `vcc_requests_shed_total{places="tenant"}`), metric(text, `vcc_requests_shed_total{places="server"}`), metric(text, "vcc_requests_at_work")}, []string{"0", "1", "8"})

	atWork[0].write(`{"a": 1}` + " ")
	same(t, "status of what had a place", atWork[0].reply().status, http.StatusBadRequest)
	eventually(t, "one more is served", func() bool { return s.send("GET", api+"/networkRouting", "", abc).status == http.StatusOK })
}

// TestSlowStrangers: who is not known and sends or reads slowly keeps nobody from logging in, nor from a
// first request with a new token.
func TestSlowStrangers(t *testing.T) {
	t.Parallel()
	s := serve(t, backend.ServerConfig{Database: withAccounts(t, ""), MaxRequests: 8})
	for range 16 { // as many logins as one address may have at work
		w := s.wire()
		w.write("POST /api/oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("a", 16<<10+1))
	}
	for range 4 {
		s.wire().write("GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n")
	}
	time.Sleep(time.Second) // long enough for them to be at work, and for the longest of what they are let to do
	same(t, "status of the first request with a token", s.send("GET", api+"/networkRouting", "", bearer(s.logIn("abc-company", abcPassword).AccessToken)).status, http.StatusOK)
}

// overHTTP2 returns a connection of HTTP/2 from a loopback address. Whoever sends more over it than the server takes
// waits.
func (s *served) overHTTP2(from string) *http.Transport {
	s.t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, MaxConnsPerHost: 1,
		ExpectContinueTimeout: patience,
		TLSClientConfig:       &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // its own server
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// TestSlowLogins: over HTTP/2, whose connections have many requests each, logins that send slowly are bounded,
// too. Others log in meanwhile.
func TestSlowLogins(t *testing.T) {
	t.Parallel()
	certificate := newPair(t, "server")
	s := serve(t, backend.ServerConfig{
		Database: withAccounts(t, ""), CertificateFile: certificate.certificate, KeyFile: certificate.key, MetricsListen: "127.0.0.1:0", MaxRequests: 1,
	})
	post := func(ctx context.Context, over *http.Transport, body io.Reader) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/oauth2/token", body)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if body, ok := body.(*io.PipeReader); ok {
			defer body.Close() //nolint:errcheck // nobody writes any more
			req.Header.Set("Expect", "100-continue")
		}
		return over.RoundTrip(req)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var sending sync.WaitGroup
	refused := make(chan reply, 300)
	begun := make(chan struct{}, 300)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got100Continue: func() { begun <- struct{}{} }})
	for range 3 {
		over := s.overHTTP2("127.0.0.1")
		for range 100 {
			sending.Go(func() {
				body, _ := io.Pipe()
				if resp, err := post(ctx, over, body); err == nil {
					refused <- s.read(resp)
				}
			})
		}
	}
	// The server says that it takes a body when it has begun to read it.
	for range 128 {
		<-begun
	}
	got := <-refused
	same(t, "status of one too many", got.status, http.StatusServiceUnavailable)
	for range 300 - 128 - 1 {
		<-refused
	}
	if retry, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || retry < 1 || !strings.Contains(got.body, "more logins are at work") {
		t.Errorf("one too many is told %+v", got)
	}
	if shed := metric(s.watch("/metrics").body, `vcc_requests_shed_total{places="login"}`); shed == "0" {
		t.Error("the metrics do not have it")
	}
	right := "grant_type=password&username=abc-company&password=" + url.QueryEscape(abcPassword)
	resp, err := post(t.Context(), s.overHTTP2("127.0.0.2"), strings.NewReader(right))
	ok(t, err)
	same(t, "status of a login from another address", s.read(resp).status, http.StatusOK)
	leave()
	sending.Wait()
	eventually(t, "a login from the same address", func() bool {
		resp, err := post(t.Context(), s.overHTTP2("127.0.0.1"), strings.NewReader(right))
		ok(t, err)
		return s.read(resp).status == http.StatusOK
	})
}

// TestGuessesWait: a guess that comes too early has its answer after a second, and keeps no place meanwhile.
func TestGuessesWait(t *testing.T) {
	t.Parallel()
	s := serve(t, backend.ServerConfig{Database: withAccounts(t, ""), MaxRequests: 1}) // two logins of one address at once
	guess := func() int {
		return s.send("POST", "/api/oauth2/token", "grant_type=password&username=abc-company&password=wrong", "Content-Type: application/x-www-form-urlencoded").status
	}
	same(t, "status of a guess that is free", guess(), http.StatusUnauthorized)
	db, err := sql.Open("sqlite", strings.TrimPrefix(s.cfg.Database, "sqlite:")+"?_pragma=busy_timeout(5000)")
	ok(t, err)
	defer db.Close()                                                             //nolint:errcheck // it was written
	_, err = db.ExecContext(t.Context(), "UPDATE login_attempts SET count = 20") // half a minute to wait
	ok(t, err)
	var guessing sync.WaitGroup
	for range 6 {
		guessing.Go(func() {
			begun := time.Now()
			if status := guess(); status != http.StatusTooManyRequests {
				t.Errorf("status of a guess that comes too early: %d", status)
			}
			if took := time.Since(begun); took < time.Second {
				t.Errorf("it was answered after %v", took)
			}
		})
	}
	guessing.Wait()
}

// watch asks the address for metrics.
func (s *served) watch(path string) reply {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.metrics+path, nil)
	ok(s.t, err)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	ok(s.t, err)
	return s.read(resp)
}

// TestMetricsListen: who watches needs no account there, and gets nothing else.
func TestMetricsListen(t *testing.T) {
	t.Parallel()
	s := serve(t, backend.ServerConfig{SelfSigned: filepath.Join(t.TempDir(), "authority"), MetricsListen: "127.0.0.1:0"})
	statuses := map[string]int{}
	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/openapi.json", "/api/v1/serverInfo", api + "/networkRouting", "/api/oauth2/token", "/"} {
		statuses[path] = s.watch(path).status
	}
	same(t, "statuses", statuses, map[string]int{"/metrics": 200, "/healthz": 200, "/readyz": 200, "/openapi.json": 404, "/api/v1/serverInfo": 404,
		api + "/networkRouting": 404, "/api/oauth2/token": 404, "/": 404})
	text := s.watch("/metrics").body
	for name, want := range map[string]string{
		"vcc_ready": "1", "vcc_connections_max": "4096", "vcc_requests_at_work_max": fmt.Sprint(8 * runtime.GOMAXPROCS(0)), "vcc_connections_refused_total": "0",
		`vcc_requests_shed_total{places="login"}`: "0", `vcc_build_info{version="1.2.3"}`: "1",
	} {
		same(t, name, metric(text, name), want)
	}
	for _, listen := range []string{"9420", "127.0.0.1:" + s.port} {
		if _, err := backend.NewServer(t.Context(), backend.ServerConfig{Listen: "127.0.0.1:0", Database: s.cfg.Database, MetricsListen: listen}); err == nil || !strings.Contains(err.Error(), "metrics") {
			t.Errorf("metrics at %s: %v", listen, err)
		}
	}
}

// TestConnections: too many connections cost those that are idle, and leave room for other addresses.
func TestConnections(t *testing.T) {
	t.Parallel()
	s := serve(t, backend.ServerConfig{Database: withAccounts(t, ""), MaxConnections: 8, MetricsListen: "127.0.0.1:0", Listen: "0.0.0.0:0", AllowPlaintext: true})
	token := bearer(s.logIn("abc-company", abcPassword).AccessToken)
	open := func(most int) {
		t.Helper()
		eventually(t, "connections are closed", func() bool {
			n, err := strconv.Atoi(metric(s.watch("/metrics").body, "vcc_connections_open"))
			return err == nil && n <= most
		})
	}
	open(0)
	first := s.wire()
	for range 3 { // half are for one address
		s.wire()
	}
	same(t, "status beside those without a request", s.send("GET", "/healthz", "").status, http.StatusOK)
	if _, err := first.r.ReadByte(); err == nil {
		t.Error("the first of them has not gone")
	}
	open(3)
	// With requests at work on all of them there is no room, but for another address.
	var busy []*wire
	for range 4 {
		busy = append(busy, s.occupy(api+"/networkRouting", token))
	}
	one := s.wire()
	if _, err := one.r.ReadByte(); err == nil {
		t.Error("there are more connections than may be")
	}
	other, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext(t.Context(), "tcp", "127.0.0.1:"+s.port)
	ok(t, err)
	defer other.Close() //nolint:errcheck // it was read
	elsewhere := &wire{t, other, bufio.NewReader(other)}
	elsewhere.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	same(t, "status for another address", elsewhere.reply().status, http.StatusOK)
	for _, w := range busy {
		w.write(`{"a": 1}` + " ")
		same(t, "status of what was at work", w.reply().status, http.StatusBadRequest)
	}
}

// TestDrain: a server that is told to stop says that it is not ready, and serves on for a while.
func TestDrain(t *testing.T) {
	t.Parallel()
	s := serve(t, backend.ServerConfig{Database: withAccounts(t, ""), Drain: time.Hour, MetricsListen: "127.0.0.1:0"})
	client := s.abc()
	_, err := client.NetworkRouting(t.Context(), self)
	ok(t, err)
	s.stop()
	eventually(t, "it is not ready", func() bool { return s.watch("/readyz").status == http.StatusServiceUnavailable })
	got := s.send("GET", "/readyz", "")
	same(t, "status for a balancer", got.status, http.StatusServiceUnavailable)
	if !strings.Contains(got.body, "the server is stopping") {
		t.Errorf("it says %s", got.body)
	}
	same(t, "metric", metric(s.watch("/metrics").body, "vcc_ready"), "0")
	_, err = client.PutNetworkRouting(t.Context(), self, true, unconditional) // on a connection that is kept
	ok(t, err)
	_, err = s.abc().NetworkRouting(t.Context(), self) // and on another
	ok(t, err)
	if len(s.ended) > 0 {
		t.Error("it ended before its time")
	}
	ok(t, s.server.CloseListeners())
	if err := <-s.ended; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("it ended with %v", err)
	}
	s.ended <- nil
}

// TestPlanThroughOverload: a crowd that comes again when it is told to gets everything done, though
// only one request of its is at work at once.
func TestPlanThroughOverload(t *testing.T) {
	t.Parallel()
	s := serve(t, backend.ServerConfig{Database: withAccounts(t, ""), MaxRequests: 4, MetricsListen: "127.0.0.1:0"})
	client := s.client(httpapi.ClientConfig{Username: "abc-company", Password: abcPassword, MaxRetries: 4, RequestTimeout: patience})
	own := networks(t, client)
	const clients, requests = 96, 2000 // 64 may wait
	work := make(chan int, requests)
	for i := range requests {
		work <- i
	}
	close(work)
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			for i := range work {
				var err error
				if n := own[i%len(own)]; i%4 == 0 {
					_, err = put(t.Context(), client, n.ID, ipv4(fmt.Sprintf("10.%d.0.1/24", i%len(own))), unconditional)
				} else {
					_, err = client.NetworkRouting(t.Context(), self)
				}
				if err != nil {
					t.Errorf("request %d: %v", i, err)
				}
			}
		})
	}
	running.Wait()
	if shed := metric(s.watch("/metrics").body, `vcc_requests_shed_total{places="tenant"}`); shed == "0" {
		t.Error("nothing was refused: this test does not test much")
	}
}
