package backend_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// patience is how long a test waits for what comes at once unless something is broken.
const patience = time.Minute

// The accounts of the servers in these tests.
const (
	abcPassword  = "abc's very own password"
	rootPassword = "the operator's password"
)

const api = "/api/v1/cloudConnect"

// logBuffer is a log that may be read while it is written.
type logBuffer struct {
	mu      sync.Mutex
	content bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.String()
}

// served is a server that answers until it is stopped.
type served struct {
	t   *testing.T
	cfg backend.ServerConfig
	log *logBuffer
	// url is the address, by 127.0.0.1.
	url  string
	port string
	// metrics is the address for who watches, "" for none.
	metrics string
	stop    context.CancelFunc
	// end stops the server and returns what Serve did.
	end func() error

	ended  chan error
	server *backend.Server
}

// serve starts a server, at a free port of 127.0.0.1 on a database of its own unless cfg
// says something else. ABC's account is "abc-company".
func serve(t *testing.T, cfg backend.ServerConfig) *served {
	t.Helper()
	s := &served{t: t, log: new(logBuffer), ended: make(chan error, 1)}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.Database == "" {
		cfg.Database = "sqlite:" + filepath.Join(t.TempDir(), "vcc.db")
	}
	cfg.Version, cfg.Log = "1.2.3", slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.cfg = cfg
	server, err := backend.NewServer(t.Context(), cfg)
	ok(t, err)
	_, s.port, err = net.SplitHostPort(server.Addr().String())
	ok(t, err)
	s.url = "http://127.0.0.1:" + s.port
	if cfg.SelfSigned != "" || cfg.CertificateFile != "" {
		s.url = "https://127.0.0.1:" + s.port
	}
	if address := server.MetricsAddr(); address != nil {
		s.metrics = address.String()
	}
	s.server = server
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() { s.ended <- server.Serve(ctx) }()
	s.end = sync.OnceValue(func() error {
		stop()
		select {
		case err := <-s.ended:
			return err
		case <-time.After(patience):
			return errors.New("Serve does not end")
		}
	})
	t.Cleanup(func() { ok(t, s.end()) })
	return s
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it is not so", what)
		}
	}
}

// withAccounts gives a database an operator "root". The server that starts next declares the
// account of ABC (TestMain).
func withAccounts(t *testing.T, database string) string {
	t.Helper()
	if database == "" {
		database = "sqlite:" + filepath.Join(t.TempDir(), "vcc.db")
	}
	s, err := backend.OpenStore(t.Context(), database, true)
	ok(t, err)
	ok(t, s.AddAccount(t.Context(), vcc.Account{Username: "root", Role: vcc.RoleOperator}, rootPassword))
	ok(t, s.Close())
	return database
}

// client is a client that repeats nothing.
func (s *served) client(cfg httpapi.ClientConfig) *httpapi.Client {
	s.t.Helper()
	if cfg.Endpoint == "" {
		cfg.Endpoint = s.url
	}
	c, err := httpapi.NewClient(cfg)
	ok(s.t, err)
	s.t.Cleanup(c.Close)
	return c
}

func (s *served) abc() *httpapi.Client {
	s.t.Helper()
	return s.client(httpapi.ClientConfig{Username: "abc-company", Password: abcPassword})
}

// reply is an answer that was read whole.
type reply struct {
	status int
	header http.Header
	body   string
}

// send sends a request with lines of a header over a connection of its own.
func (s *served) send(method, path, body string, header ...string) reply {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	ok(s.t, err)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	ok(s.t, err)
	return s.read(resp)
}

func (s *served) read(resp *http.Response) reply {
	s.t.Helper()
	defer resp.Body.Close() //nolint:errcheck // what was read has been read
	content, err := io.ReadAll(resp.Body)
	ok(s.t, err)
	return reply{resp.StatusCode, resp.Header, string(content)}
}

// tokens are what a login gives.
type tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
}

// token sends a form to the token endpoint.
func (s *served) token(form url.Values) (tokens, reply) {
	s.t.Helper()
	got := s.send("POST", "/api/oauth2/token", form.Encode(), "Content-Type: application/x-www-form-urlencoded")
	var given tokens
	if got.status == http.StatusOK {
		ok(s.t, json.Unmarshal([]byte(got.body), &given))
	}
	return given, got
}

// logIn returns the tokens of an account.
func (s *served) logIn(username, password string) tokens {
	s.t.Helper()
	given, got := s.token(url.Values{"grant_type": {"password"}, "username": {username}, "password": {password}})
	if got.status != http.StatusOK {
		s.t.Fatalf("the login of %s: %+v", username, got)
	}
	return given
}

func bearer(token string) string { return "Authorization: Bearer " + token }

// logged returns the lines of the log that have a message.
func (s *served) logged(message string) (lines []map[string]any) {
	s.t.Helper()
	for text := range strings.Lines(s.log.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			s.t.Fatalf("a line of the log is no JSON: %v: %s", err, text)
		}
		if line["msg"] == message {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestNewServerRefuses: each error names what is wrong and what would be right.
func TestNewServerRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	ok(t, os.WriteFile(text, []byte(strings.Repeat("no database\n", 100)), 0o600))
	pair, other := newPair(t, "one"), newPair(t, "another")
	lab := write(t, "service_provider: { name: sp }\n"+
		"hosts: [ { name: esx01, platform: KVM, vlans: [ { with_internet: [1, 9] } ] } ]\n"+
		"hardware_plans: [ { name: P, host: esx02, networks: { with_internet: 1 } } ]\n"+
		"tenants: []\n")
	plaintext := []string{"in clear", "--tls-certificate", "--tls-key", "--tls-self-signed", "--allow-plaintext"}
	for name, tc := range map[string]struct {
		cfg  backend.ServerConfig
		want []string
	}{
		"every address in clear":         {backend.ServerConfig{Listen: "0.0.0.0:0"}, append(plaintext, "a server at 0.0.0.0:0")},
		"every address, left out":        {backend.ServerConfig{Listen: ":0"}, plaintext},
		"every address in IPv6":          {backend.ServerConfig{Listen: "[::]:0"}, plaintext},
		"another address":                {backend.ServerConfig{Listen: "192.0.2.1:9419"}, plaintext},
		"another name":                   {backend.ServerConfig{Listen: "localhost.example.net:9419"}, plaintext},
		"a certificate without key":      {backend.ServerConfig{CertificateFile: pair.certificate}, []string{"a certificate needs its key"}},
		"a key without certificate":      {backend.ServerConfig{KeyFile: pair.key}, []string{"a key its certificate"}},
		"a certificate given twice":      {backend.ServerConfig{CertificateFile: pair.certificate, KeyFile: pair.key, SelfSigned: dir}, []string{"either given or self-signed, not both"}},
		"a key beside self-signed":       {backend.ServerConfig{KeyFile: pair.key, SelfSigned: dir}, []string{"either given or self-signed, not both"}},
		"no such certificate":            {backend.ServerConfig{CertificateFile: filepath.Join(dir, "none.pem"), KeyFile: pair.key}, []string{"cannot be read", "none.pem"}},
		"another certificate's key":      {backend.ServerConfig{CertificateFile: pair.certificate, KeyFile: other.key}, []string{pair.certificate, other.key, "are no certificate and its key"}},
		"no certificate in the file":     {backend.ServerConfig{CertificateFile: text, KeyFile: pair.key}, []string{text, "are no certificate and its key"}},
		"a file as folder of the CA":     {backend.ServerConfig{SelfSigned: text}, []string{"no self-signed certificate can be made", text}},
		"no address":                     {backend.ServerConfig{Listen: "9419"}, []string{`"9419" is not an address to listen at`, "127.0.0.1:9419"}},
		"an address without port":        {backend.ServerConfig{Listen: "127.0.0.1"}, []string{`"127.0.0.1" is not an address to listen at`}},
		"no such port":                   {backend.ServerConfig{Listen: "127.0.0.1:99999"}, []string{"the server cannot listen", "99999"}},
		"no such lab":                    {backend.ServerConfig{LabFile: filepath.Join(dir, "none.yaml")}, []string{"none.yaml cannot be read"}},
		"a bad lab":                      {backend.ServerConfig{LabFile: lab}, []string{":2: hosts[0].platform", ":3: hardware_plans[0].host", ":4: tenants: a lab needs at least one tenant"}},
		"no database's address":          {backend.ServerConfig{Database: "vcc.db"}, []string{"the database cannot be opened", "sqlite:PATH or postgres://"}},
		"a folder as database":           {backend.ServerConfig{Database: "sqlite:" + dir}, []string{"the database cannot be opened"}},
		"a text as database":             {backend.ServerConfig{Database: "sqlite:" + text}, []string{"the database cannot be opened", "not a database"}},
		"no PostgreSQL there":            {backend.ServerConfig{Database: "postgres://vcc:top-secret@127.0.0.1:1/vcc"}, []string{"the database cannot be opened", "PostgreSQL at 127.0.0.1 does not answer"}},
		"an address that cannot be read": {backend.ServerConfig{Database: "postgres://vcc:top-secret@[::1/vcc"}, []string{"the database cannot be opened", "write it like postgres://"}},
		"another kind of database":       {backend.ServerConfig{Database: "mysql://vcc:top-secret@127.0.0.1/vcc"}, []string{"the database cannot be opened"}},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.cfg.Listen == "" {
				tc.cfg.Listen = "127.0.0.1:0"
			}
			if tc.cfg.Database == "" {
				tc.cfg.Database = "sqlite:" + filepath.Join(t.TempDir(), "vcc.db")
			}
			server, err := backend.NewServer(t.Context(), tc.cfg)
			if err == nil {
				t.Fatalf("a server listens at %s", server.Addr())
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not contain %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "top-secret") {
				t.Errorf("the error has the password: %v", err)
			}
		})
	}
}

// TestListens: where a server may listen, and that it answers there.
func TestListens(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]backend.ServerConfig{
		"loopback":                   {Listen: "127.0.0.1:0"},
		"loopback by name":           {Listen: "localhost:0"},
		"every address, if asked to": {Listen: "0.0.0.0:0", AllowPlaintext: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, cfg)
			info, err := s.client(httpapi.ClientConfig{}).ServerInfo(t.Context())
			ok(t, err)
			same(t, "version", info.BuildVersion, "1.2.3")
			same(t, "lines of the start", len(s.logged("serving")), 1)
		})
	}
	taken := serve(t, backend.ServerConfig{})
	if _, err := backend.NewServer(t.Context(), backend.ServerConfig{Listen: "127.0.0.1:" + taken.port, Database: taken.cfg.Database}); err == nil || !strings.Contains(err.Error(), "the server cannot listen") {
		t.Errorf("at a port that is taken: %v", err)
	}
}

// TestLabAtTheStart: a fresh database gets the built-in lab, any other keeps its own, and
// tenants that nobody can log in for are named.
func TestLabAtTheStart(t *testing.T) {
	t.Parallel()
	s := serve(t, backend.ServerConfig{})
	same(t, "tenants without an account", mapped(s.logged("nobody can log in for this tenant: the variable that the lab names for its password is not set"),
		func(l map[string]any) string { return l["tenant"].(string) }), []string{"XYZ Holding"})
	same(t, "networks of the built-in lab", len(networks(t, s.abc())), 6)
	ok(t, s.end())

	// testdata/lab.yaml has ABC with Silver alone.
	s = serve(t, backend.ServerConfig{Database: "sqlite:" + filepath.Join(t.TempDir(), "vcc.db"), LabFile: exampleLab})
	own := networks(t, s.abc())
	same(t, "networks of the lab", len(own), 4)
	changes := mapped(s.logged("audit"), func(l map[string]any) string { return fmt.Sprint(l["action"], " ", l["kind"], " ", l["object"]) })
	if !slices.Contains(changes, "lab.add tenant ABC Company") {
		t.Errorf("what was declared is not in the log: %q", changes)
	}
	ok(t, s.end())
	smaller := write(t, "service_provider: { name: sp }\ntenants: [ { name: Other } ]\n")
	_, err := backend.NewServer(t.Context(), backend.ServerConfig{Listen: "127.0.0.1:0", Database: s.cfg.Database, LabFile: smaller})
	if err == nil || !strings.Contains(err.Error(), `tenant "ABC Company" with 4 networks; nothing was changed.`) ||
		!strings.HasSuffix(err.Error(), "A server removes nothing as it starts: serve without --lab, and use backend lab apply") {
		t.Errorf("a start that would remove something: %v", err)
	}
	again := serve(t, backend.ServerConfig{Database: s.cfg.Database})
	kept := networks(t, again.abc())
	same(t, "networks after a restart without a lab", kept, own)
}

// TestManyWithoutAnAccount: the log names ten tenants that nobody can log in for, and counts the rest.
func TestManyWithoutAnAccount(t *testing.T) {
	t.Parallel()
	lab := "service_provider: { name: sp }\ntenants:\n"
	for i := range 13 {
		lab += fmt.Sprintf("  - { name: Tenant %d, username: tenant-%d, password_env: NOT_SET }\n", i, i)
	}
	s := serve(t, backend.ServerConfig{LabFile: write(t, lab)})
	same(t, "named", len(s.logged("nobody can log in for this tenant: the variable that the lab names for its password is not set")), 10)
	same(t, "the rest", mapped(s.logged("nobody can log in for more tenants"), func(l map[string]any) any { return l["tenants"] }), []any{3.0})
}

// TestListensBeforeHashing: a server listens, and has applied its lab, before it hashes a password.
// It is not ready until the accounts are there, and no restart waits for those that are.
func TestListensBeforeHashing(t *testing.T) {
	t.Parallel()
	cfg := backend.ServerConfig{Listen: "127.0.0.1:0", Database: "sqlite:" + filepath.Join(t.TempDir(), "vcc.db"), LabFile: exampleLab}
	for start, want := range []string{"accounts of the lab are still being made: 1 are left", ""} {
		server, err := backend.NewServer(t.Context(), cfg)
		ok(t, err)
		connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Addr().String())
		ok(t, err)
		ok(t, connection.Close())
		database, err := backend.OpenStore(t.Context(), cfg.Database, false)
		ok(t, err)
		accounts, err := database.Accounts(t.Context())
		ok(t, err)
		same(t, "accounts before the server serves", len(accounts), start)
		same(t, "what keeps the server from being ready", fmt.Sprint(server.Ready(t.Context())), cmp.Or(want, "<nil>"))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(ctx) }()
		eventually(t, "the account is there", func() bool {
			accounts, err := database.Accounts(t.Context())
			return err == nil && len(accounts) == 1
		})
		eventually(t, "the server is ready", func() bool { return server.Ready(t.Context()) == nil })
		stop()
		ok(t, <-ended)
		ok(t, database.Close())
	}
}

// wire is a connection on which a test writes bytes of its own.
type wire struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func (s *served) wire() *wire {
	s.t.Helper()
	c, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", "127.0.0.1:"+s.port)
	ok(s.t, err)
	s.t.Cleanup(func() { _ = c.Close() })
	ok(s.t, c.SetDeadline(time.Now().Add(patience)))
	return &wire{s.t, c, bufio.NewReader(c)}
}

func (w *wire) write(text string) {
	w.t.Helper()
	_, err := io.WriteString(w, text)
	ok(w.t, err)
}

func (w *wire) reply() reply {
	w.t.Helper()
	resp, err := http.ReadResponse(w.r, nil)
	ok(w.t, err)
	defer resp.Body.Close() //nolint:errcheck // what was read has been read
	content, err := io.ReadAll(resp.Body)
	ok(w.t, err)
	return reply{resp.StatusCode, resp.Header, string(content)}
}

// TestStop: what is under way is finished, and nothing new begins.
func TestStop(t *testing.T) {
	t.Parallel()
	database := withAccounts(t, "")
	s := serve(t, backend.ServerConfig{Database: database})
	token := s.logIn("abc-company", abcPassword).AccessToken
	const body = `{"enabled": true}`

	kept, write := s.wire(), s.wire()
	kept.write("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	same(t, "readiness", kept.reply().status, http.StatusOK)
	// The server says that it takes the body when it has begun to read it.
	write.write(fmt.Sprintf("PUT %s/networkRouting HTTP/1.1\r\nHost: localhost\r\n%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", api, bearer(token), len(body)))
	line, err := write.r.ReadString('\n')
	ok(t, err)
	same(t, "the server reads the body", line, "HTTP/1.1 100 Continue\r\n")
	_, err = write.r.ReadString('\n')
	ok(t, err)

	s.stop()
	if _, err := kept.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("a connection that is kept is not closed: %v", err)
	}
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+s.port); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection: %v", err)
	}
	if len(s.ended) > 0 {
		t.Fatal("Serve ended before the request that was under way")
	}
	write.write(body)
	got := write.reply()
	same(t, "status of what was under way", got.status, http.StatusOK)
	ok(t, s.end())

	again := serve(t, backend.ServerConfig{Database: database})
	routing, err := again.abc().NetworkRouting(t.Context(), self)
	ok(t, err)
	same(t, "what was written is stored", routing.Enabled, true)
}

// TestReady: a server whose database does not answer is alive and not ready, until it
// answers again.
func TestReady(t *testing.T) {
	t.Parallel()
	database := newPostgres(t)
	s := serve(t, backend.ServerConfig{Database: withAccounts(t, database.URL("postgres"))})
	client := s.abc()
	before, err := client.NetworkRouting(t.Context(), self)
	ok(t, err)
	statuses := func() []int {
		return []int{s.send("GET", "/healthz", "").status, s.send("GET", "/readyz", "").status}
	}
	same(t, "health and readiness", statuses(), []int{200, 200})
	database.Kill()
	eventually(t, "health without readiness, without a database", func() bool { return slices.Equal(statuses(), []int{200, 503}) })
	_, err = client.NetworkRouting(t.Context(), self)
	same(t, "code of what needs the database", vcc.Code(err), vcc.CodeUnavailable)
	if line := s.logged("not ready")[0]; !strings.Contains(fmt.Sprint(line["error"]), "failed to connect") {
		t.Errorf("the log does not say why: %v", line)
	}
	if got := s.send("GET", "/readyz", ""); strings.Contains(got.body, "PostgreSQL") {
		t.Errorf("anybody is told: %s", got.body)
	}
	ok(t, database.Start())
	eventually(t, "health and readiness with it again", func() bool { return slices.Equal(statuses(), []int{200, 200}) })
	after, err := client.NetworkRouting(t.Context(), self)
	ok(t, err)
	same(t, "what is stored", after, before)
}

// TestTwoServers: two servers on one database are one to those who use them.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	database := withAccounts(t, newPostgresDatabase(t))
	a, b := serve(t, backend.ServerConfig{Database: database}), serve(t, backend.ServerConfig{Database: database})
	status := func(s *served, token string) int {
		t.Helper()
		return s.send("GET", api+"/networkRouting", "", bearer(token)).status
	}
	refresh := func(s *served, token string) (tokens, int) {
		t.Helper()
		given, got := s.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
		return given, got.status
	}

	first := a.logIn("abc-company", abcPassword)
	same(t, "a login at one is good at the other", []int{status(a, first.AccessToken), status(b, first.AccessToken)}, []int{200, 200})
	second, got := refresh(b, first.RefreshToken)
	same(t, "and so is its refresh token", got, 200)
	same(t, "whose answer is good at the first", status(a, second.AccessToken), 200)

	written, err := a.abc().PutNetworkRouting(t.Context(), self, true, unconditional)
	ok(t, err)
	read, err := b.abc().NetworkRouting(t.Context(), self)
	ok(t, err)
	same(t, "a write at one is read at the other", read, written)

	// A refresh token that is used twice revokes what came of its login, everywhere.
	_, got = refresh(a, first.RefreshToken)
	same(t, "status of a second use", got, 401)
	same(t, "revoked", []int{status(a, second.AccessToken), status(b, second.AccessToken)}, []int{401, 401})

	token := b.logIn("abc-company", abcPassword).AccessToken
	same(t, "another login", []int{status(a, token), status(b, token)}, []int{200, 200})
	owner, err := backend.OpenStore(t.Context(), database, true)
	ok(t, err)
	defer owner.Close() //nolint:errcheck // the tests after it notice
	ok(t, owner.SetPassword(t.Context(), "abc-company", "quite another password"))
	same(t, "after another password", []int{status(a, token), status(b, token)}, []int{401, 401})
	token = a.logIn("abc-company", "quite another password").AccessToken
	same(t, "with that", []int{status(a, token), status(b, token)}, []int{200, 200})
	ok(t, owner.RemoveAccount(t.Context(), "abc-company", false))
	same(t, "after the account's removal", []int{status(a, token), status(b, token)}, []int{401, 401})
}

// TestRequestsAreLogged: every answer has an ID by which the log tells who asked for what,
// and nothing secret is in the log.
func TestRequestsAreLogged(t *testing.T) {
	t.Parallel()
	s := serve(t, backend.ServerConfig{Database: withAccounts(t, "")})
	abc, root := s.logIn("abc-company", abcPassword), s.logIn("root", rootPassword)
	routing, err := s.abc().NetworkRouting(t.Context(), self)
	ok(t, err)
	tenant := routing.TenantID
	type request struct {
		method, path, token, body string
	}
	type line struct {
		Method, Route   string
		Status          int
		Account, Tenant string
	}
	ids := map[string]bool{}
	for _, tc := range []struct {
		request
		want line
	}{
		{request{"GET", "/healthz", "", ""}, line{Status: 200}},
		{request{"GET", "/readyz", "", ""}, line{Status: 200}},
		{request{"GET", "/openapi.json", "", ""}, line{Status: 200}},
		{request{"GET", "/api/v1/serverInfo", "", ""}, line{Status: 200}},
		{request{"GET", "/nothing", "", ""}, line{Status: 404}},
		{request{"PATCH", api + "/networkRouting", abc.AccessToken, ""}, line{Status: 404}},
		{request{"POST", "/api/oauth2/token", "", "grant_type=password&password=" + abcPassword}, line{Status: 400}},
		{request{"GET", api + "/networkRouting", "", ""}, line{Status: 401}},
		{request{"GET", api + "/networkRouting", "not-" + abc.AccessToken, ""}, line{Status: 401}},
		{request{"GET", api + "/networkRouting", abc.AccessToken, ""}, line{Status: 200, Account: "abc-company", Tenant: tenant}},
		{request{"PUT", api + "/networkRouting", abc.AccessToken, `{"enabled": "no"}`}, line{Status: 400, Account: "abc-company", Tenant: tenant}},
		{request{"GET", api + "/networks?limit=0", abc.AccessToken, ""}, line{Status: 400, Account: "abc-company", Tenant: tenant}},
		{request{"GET", "/metrics", abc.AccessToken, ""}, line{Status: 403, Account: "abc-company"}},
		{request{"GET", "/metrics", root.AccessToken, ""}, line{Status: 200, Account: "root"}},
		{request{"GET", api + "/networkRouting", root.AccessToken, ""}, line{Status: 400, Account: "root"}},
		{request{"GET", api + "/networkRouting?tenant=ABC%20Company", root.AccessToken, ""}, line{Status: 200, Account: "root", Tenant: tenant}},
	} {
		header := []string{"Content-Type: application/json", "X-Request-Id: chosen-by-the-caller"}
		if tc.token != "" {
			header = append(header, bearer(tc.token))
		}
		got := s.send(tc.method, tc.path, tc.body, header...)
		id := got.header.Get("X-Request-Id")
		if id == "" || id == "chosen-by-the-caller" || ids[id] {
			t.Errorf("%s %s: request ID %q", tc.method, tc.path, id)
		}
		ids[id] = true
		if tc.path != "/nothing" && tc.method != "PATCH" { // which are nothing of this API
			tc.want.Method = tc.method
			tc.want.Route, _, _ = strings.Cut(tc.path, "?")
		}
		same(t, "status of "+tc.path, got.status, tc.want.Status)
		var of []map[string]any
		eventually(t, "a line in the log of "+tc.path, func() bool { // it is written after the answer
			of = slices.DeleteFunc(s.logged("request"), func(l map[string]any) bool { return l["requestId"] != id })
			return len(of) > 0
		})
		same(t, "lines", len(of), 1)
		text := func(name string) string { v, _ := of[0][name].(string); return v }
		status, _ := of[0]["status"].(float64)
		same(t, "line", line{text("method"), text("route"), int(status), text("account"), text("tenant")}, tc.want)
		if _, measured := of[0]["duration"].(float64); !measured || !strings.HasPrefix(text("remote"), "127.0.0.1:") {
			t.Errorf("how long it took, or who asked, is missing: %v", of[0])
		}
	}
	for what, secret := range map[string]string{
		"a password": abcPassword, "a password in a form": url.QueryEscape(abcPassword), "another password": rootPassword,
		"an access token": abc.AccessToken, "a refresh token": abc.RefreshToken,
	} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log has %s", what)
		}
	}
}

// TestFailuresHaveAnID: who meets a fault of the server is told how it is named in the
// log, and not what it is.
func TestFailuresHaveAnID(t *testing.T) {
	t.Parallel()
	s := serve(t, backend.ServerConfig{Database: withAccounts(t, "")})
	client := s.abc()
	networks := networks(t, client)
	db, err := sql.Open("sqlite", strings.TrimPrefix(s.cfg.Database, "sqlite:"))
	ok(t, err)
	defer db.Close() //nolint:errcheck // nothing is left to do
	_, err = db.ExecContext(t.Context(), "ALTER TABLE default_gateways RENAME TO elsewhere")
	ok(t, err)
	for name, do := range map[string]func() error{
		"a read": func() error { _, _, err := client.DefaultGateways(t.Context(), self, vcc.Page{Limit: 10}); return err },
		"a write": func() error {
			_, err := put(t.Context(), client, networks[0].ID, ipv4("172.17.52.1/24"), unconditional)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			before := len(s.logged("request failed"))
			err := do()
			if vcc.Code(err) != vcc.CodeUnknown || strings.Contains(err.Error(), "default_gateways") {
				t.Fatalf("error: %v", err)
			}
			lines := s.logged("request failed")[before:]
			same(t, "lines in the log", len(lines), 1)
			if !strings.Contains(fmt.Sprint(lines[0]["error"]), "default_gateways") {
				t.Errorf("the log does not say what: %v", lines[0])
			}
			if id, _ := lines[0]["requestId"].(string); id == "" || !strings.Contains(err.Error(), "(request ID "+id+")") {
				t.Errorf("%q does not name request %q", err, id)
			}
		})
	}
}

// TestMetrics: routes are patterns, whatever is asked for, so that labels stay few.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := serve(t, backend.ServerConfig{Database: withAccounts(t, "")})
	client := s.abc()
	networks := networks(t, client)
	for range 2 {
		_, err := client.DefaultGateway(t.Context(), self, networks[0].ID)
		ok(t, err)
	}
	_, err := client.DefaultGateway(t.Context(), self, "made-up-by-the-caller")
	same(t, "code", vcc.Code(err), vcc.CodeNotFound)
	s.send("GET", "/made-up-by-the-caller", "")
	s.send("MADE-UP-BY-THE-CALLER", "/", "")
	_, got := s.token(url.Values{"grant_type": {"password"}, "username": {"made-up-by-the-caller"}, "password": {"wrong"}})
	same(t, "status of a login by nobody", got.status, 401)
	_, got = s.token(url.Values{"grant_type": {"made-up-by-the-caller"}})
	same(t, "status of another grant", got.status, 400)
	first := s.logIn("root", rootPassword)
	root, got := s.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.RefreshToken}})
	same(t, "status of a refresh", got.status, 200)

	var text string
	wanted := []string{
		`vcc_http_requests_total{method="GET",route="GET /api/v1/cloudConnect/defaultGateways/{networkId}",status="200"} 2`,
		`vcc_http_requests_total{method="GET",route="GET /api/v1/cloudConnect/defaultGateways/{networkId}",status="404"} 1`,
		`vcc_http_requests_total{method="other",route="other",status="404"} 2`,
		`vcc_http_request_duration_seconds_count{method="GET",route="GET /api/v1/cloudConnect/defaultGateways/{networkId}"} 3`,
		`vcc_logins_total{grant="password",outcome="success"} 2`,
		`vcc_logins_total{grant="password",outcome="InvalidToken"} 1`,
		`vcc_logins_total{grant="refresh_token",outcome="success"} 1`,
		`vcc_build_info{version="1.2.3"} 1`,
	}
	missing := func() []string {
		text = s.send("GET", "/metrics", "", bearer(root.AccessToken)).body
		return slices.DeleteFunc(slices.Clone(wanted), func(line string) bool { return strings.Contains(text, line+"\n") })
	}
	eventually(t, "everything is counted", func() bool { return len(missing()) == 0 }) // after the answer
	for _, label := range []string{networks[0].ID, "made-up-by-the-caller", "MADE-UP-BY-THE-CALLER"} {
		if strings.Contains(text, label) {
			t.Errorf("%s is in a label:\n%s", label, text)
		}
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	ok(t, err)
	for _, m := range families["vcc_http_request_duration_seconds"].GetMetric() {
		buckets := m.GetHistogram().GetBucket()
		same(t, "buckets", len(buckets), 12)
		for i := 1; i < len(buckets); i++ {
			if buckets[i].GetCumulativeCount() < buckets[i-1].GetCumulativeCount() {
				t.Errorf("fewer requests took at most %g s than %g s", buckets[i].GetUpperBound(), buckets[i-1].GetUpperBound())
			}
		}
		same(t, "requests in the last bucket", buckets[11].GetCumulativeCount(), m.GetHistogram().GetSampleCount())
		if m.GetHistogram().GetSampleSum() <= 0 {
			t.Errorf("%v took no time", m.GetLabel())
		}
	}
	process := []string{"go_goroutines", "go_memstats_heap_inuse_bytes", "go_memstats_sys_bytes", "go_memstats_alloc_bytes_total", "process_start_time_seconds"}
	if runtime.GOOS == "linux" {
		process = append(process, "process_open_fds", "process_cpu_seconds_total", "process_resident_memory_bytes")
	}
	for _, name := range process {
		m := families[name].GetMetric()
		if len(m) != 1 || m[0].GetGauge().GetValue()+m[0].GetCounter().GetValue() <= 0 {
			t.Errorf("%s: %v", name, m)
		}
	}
	if runtime.GOOS == "linux" {
		resident, cpu := families["process_resident_memory_bytes"].GetMetric()[0].GetGauge().GetValue(), families["process_cpu_seconds_total"].GetMetric()[0].GetCounter().GetValue()
		if resident < 1<<20 || resident > 1<<36 || cpu > 3600 {
			t.Errorf("the process has %g bytes and took %g s", resident, cpu)
		}
	}
	if started, now := families["process_start_time_seconds"].GetMetric()[0].GetGauge().GetValue(), float64(time.Now().Unix()); started > now+1 || started < now-3600 {
		t.Errorf("started at %f, and now it is %f", started, now)
	}
}

// TestLimits: what is too large is turned away, and what is almost too large is not.
func TestLimits(t *testing.T) {
	t.Parallel()
	s := serve(t, backend.ServerConfig{Database: withAccounts(t, "")})
	token := bearer(s.logIn("abc-company", abcPassword).AccessToken)
	header := func(size int) int {
		return s.send("GET", api+"/networkRouting", "", token, "X-Padding: "+strings.Repeat("x", size)).status
	}
	// net/http allows 4 KiB beside what it is told.
	same(t, "status of a header of 30 and of 40 KiB", []int{header(30 << 10), header(40 << 10)}, []int{200, 431})
	body := func(size int) reply {
		const content = `{"enabled": true}`
		return s.send("PUT", api+"/networkRouting", content+strings.Repeat(" ", size-len(content)), token, "Content-Type: application/json")
	}
	same(t, "status of a body of a byte less than 1 MiB", body(1<<20-1).status, 200)
	got := body(1<<20 + 1)
	same(t, "status of a body of a byte more", got.status, 413)
	var refusal struct{ ErrorCode vcc.ErrorCode }
	ok(t, json.Unmarshal([]byte(got.body), &refusal))
	same(t, "its code", refusal.ErrorCode, vcc.CodeInvalidValue)
}

// TestCannotListen: a server that cannot listen leaves no database, into which nothing could be restored any more.
func TestCannotListen(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it only takes the port
	ok(t, err)
	defer taken.Close() //nolint:errcheck // nobody uses it
	path := filepath.Join(t.TempDir(), "vcc.db")
	if _, err := backend.NewServer(t.Context(), backend.ServerConfig{Listen: taken.Addr().String(), Database: "sqlite:" + path}); err == nil || !strings.Contains(err.Error(), "cannot listen") {
		t.Errorf("a server at a port that is taken: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it left a database: %v", err)
	}
}
