package window_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// The accounts of the built-in lab, those that the tests add, and their one password.
const (
	abc      = "abc-company"
	xyz      = "xyz-holding"
	viewer   = "abc-viewer"
	operator = "sp-operator"
	password = "correct horse battery"
)

func TestMain(m *testing.M) {
	for _, variable := range []string{"ABC_COMPANY_PASSWORD", "XYZ_HOLDING_PASSWORD", "HOSTILE_PASSWORD"} {
		if err := os.Setenv(variable, password); err != nil {
			panic(err)
		}
	}
	status := m.Run()
	chromium.end()
	if shared.stop != nil {
		if err := errors.Join(shared.stop(), os.RemoveAll(shared.dir)); err != nil {
			panic(err)
		}
	}
	os.Exit(status)
}

// ok stops the test at an error that it is not about.
func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// patience is how long a test waits for what has to come.
const patience = 30 * time.Second

// served is a served backend with the built-in lab, or another one.
type served struct {
	t   testing.TB
	url string
	log *lines
	// database is its address, for tests that change something behind its back.
	database string
}

// lines are the log of a server.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start serves a backend whose database is in a folder, until end is called.
func start(dir string, cfg backend.ServerConfig) (s *served, end func() error, err error) {
	s = &served{log: new(lines), database: "sqlite:" + filepath.Join(dir, "vcc.db")}
	cfg.Listen, cfg.Database, cfg.Log = "127.0.0.1:0", s.database, slog.New(slog.NewJSONHandler(s.log, nil))
	server, err := backend.NewServer(context.Background(), cfg)
	if err != nil {
		return nil, nil, err
	}
	s.url = "http://" + server.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	return s, func() error { stop(); return <-ended }, nil
}

// shared is the server of the tests that change nothing: to hash the passwords of accounts takes time.
var shared struct {
	once sync.Once
	*served
	stop func() error
	dir  string
	err  error
}

// common returns a server with the built-in lab that others use, too. Nothing of a tenant's may change there.
func common(t testing.TB) *served {
	t.Helper()
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "window-test"); shared.err == nil {
			shared.served, shared.stop, shared.err = start(shared.dir, backend.ServerConfig{})
		}
	})
	ok(t, shared.err)
	s := *shared.served
	s.t = t
	s.ready()
	return &s
}

func serve(t testing.TB, cfg backend.ServerConfig) *served {
	t.Helper()
	s, end, err := start(t.TempDir(), cfg)
	ok(t, err)
	t.Cleanup(func() { ok(t, end()) })
	s.t = t
	s.ready()
	return s
}

// ready waits until the server has made the accounts of its lab.
func (s *served) ready() {
	s.t.Helper()
	until(s.t, "the server is ready", func() bool {
		resp, err := http.Get(s.url + "/readyz") //nolint:gosec,noctx // our own server
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// until waits for something that has to come about.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came about that %s", what)
		}
	}
}

// account adds an account; tenant is "" for an operator.
func (s *served) account(name string, role vcc.Role, tenant string) {
	s.t.Helper()
	s.direct(func(store *backend.Store) error {
		a := vcc.Account{Username: name, Role: role}
		if tenant != "" {
			found, err := store.Tenant(s.t.Context(), tenant)
			if err != nil {
				return err
			}
			a.TenantID = found.ID
		}
		return store.AddAccount(s.t.Context(), a, password)
	})
}

// direct does something with the database.
func (s *served) direct(do func(*backend.Store) error) {
	s.t.Helper()
	store, err := backend.OpenStore(s.t.Context(), s.database, false)
	ok(s.t, err)
	ok(s.t, errors.Join(do(store), store.Close()))
}

// client returns a client of the API.
func (s *served) client(username string) *httpapi.Client {
	s.t.Helper()
	c, err := httpapi.NewClient(httpapi.ClientConfig{Endpoint: s.url, Username: username, Password: password, MaxRetries: 4})
	ok(s.t, err)
	s.t.Cleanup(c.Close)
	return c
}

// networkID returns the ID of a network of the built-in lab's first tenant.
func (s *served) networkID(name string) string {
	s.t.Helper()
	list, _, err := s.client(abc).Networks(s.t.Context(), vcc.Actor{}, vcc.NetworkFilter{Name: name}, vcc.Page{Limit: 1})
	ok(s.t, err)
	if len(list) == 0 {
		s.t.Fatalf("there is no network %q", name)
	}
	return list[0].ID
}

// visitor is a browser without a screen and without scripts, which can also do what no browser does.
type visitor struct {
	t    testing.TB
	base string
	http *http.Client
}

func (s *served) visitor() *visitor { return newVisitor(s.t, s.url) }

func newVisitor(t testing.TB, base string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	ok(t, err)
	return &visitor{t, base, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// answer is what a visitor gets.
type answer struct {
	*http.Response
	body string
}

// at is the path that a redirect leads to.
func (a answer) at() string { return a.Header.Get("Location") }

// text is what a page says, without its markup.
func (a answer) text() string { return plain(a.body) }

var markup = regexp.MustCompile(`(?s)<[^>]*>`)

func plain(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(markup.ReplaceAllString(page, " "))), " ")
}

// hidden returns the value of a hidden field of a page.
func (a answer) hidden(name string) string {
	found := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(a.body)
	if found == nil {
		return ""
	}
	return html.UnescapeString(found[1])
}

func (v *visitor) send(method, path string, form url.Values, headers ...string) answer {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path, strings.NewReader(form.Encode()))
	ok(v.t, err)
	req.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		if req.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	resp, err := v.http.Do(req)
	ok(v.t, err)
	defer resp.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(resp.Body)
	ok(v.t, err)
	return answer{resp, string(body)}
}

func (v *visitor) get(path string) answer { v.t.Helper(); return v.send(http.MethodGet, path, nil) }

// page gets a page that has to be there.
func (v *visitor) page(path string) answer {
	v.t.Helper()
	a := v.get(path)
	if a.StatusCode != http.StatusOK {
		v.t.Fatalf("%s: %s: %s", path, a.Status, a.text())
	}
	return a
}

func (v *visitor) post(path string, form url.Values, headers ...string) answer {
	v.t.Helper()
	return v.send(http.MethodPost, path, form, headers...)
}

// values makes a form of names and values.
func values(pairs ...string) url.Values {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// logIn logs an account in, and returns where that led.
func (v *visitor) logIn(username string) answer {
	v.t.Helper()
	a := v.post("/login", values("form_token", v.page("/login").hidden("form_token"), "username", username, "password", password))
	if a.StatusCode != http.StatusSeeOther {
		v.t.Fatalf("the login: %s: %s", a.Status, a.text())
	}
	return a
}

// home returns the path of the first page of a tenant's account.
func (v *visitor) home() string {
	v.t.Helper()
	return strings.TrimSuffix(v.get("/").at(), "/gateways")
}

// session returns the value of the cookie of the session.
func (v *visitor) session() string {
	base, err := url.Parse(v.base)
	ok(v.t, err)
	for _, c := range v.http.Jar.Cookies(base) {
		if strings.HasPrefix(c.Name, "vcc-session") {
			return c.Value
		}
	}
	return ""
}

// setSession puts a cookie of the session into the browser.
func (v *visitor) setSession(value string) {
	base, err := url.Parse(v.base)
	ok(v.t, err)
	v.http.Jar.SetCookies(base, []*http.Cookie{{Name: "vcc-session", Value: value, Path: "/"}})
}

// contains checks what a page says.
func contains(t testing.TB, what, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say %q:\n%s", what, want, text)
		}
	}
}

// lacks checks what a page does not say.
func lacks(t testing.TB, what, text string, unwanted ...string) {
	t.Helper()
	for _, u := range unwanted {
		if strings.Contains(text, u) {
			t.Errorf("%s says %q:\n%s", what, u, text)
		}
	}
}

// chromium is the one browser of all tests.
var chromium browserProcess

type browserProcess struct {
	once   sync.Once
	ctx    context.Context
	cancel []context.CancelFunc
	err    error
}

func (b *browserProcess) end() {
	for _, cancel := range slices.Backward(b.cancel) {
		cancel()
	}
}

func (b *browserProcess) start() {
	path, err := exec.LookPath("chromium")
	if err != nil {
		b.err = err
		return
	}
	dir, err := os.MkdirTemp("", "window-test")
	if err != nil {
		b.err = err
		return
	}
	b.cancel = append(b.cancel, func() { _ = os.RemoveAll(dir) })
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.Headless, chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-sync", true), chromedp.WindowSize(1280, 800))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox refuses root
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	b.cancel = append(b.cancel, cancel)
	b.ctx, cancel = chromedp.NewContext(ctx)
	b.cancel = append(b.cancel, cancel)
	b.err = chromedp.Do(b.ctx)
}

// tab is a tab of the browser with cookies of its own.
type tab struct {
	t       *testing.T
	ctx     context.Context
	base    string
	scripts bool
	// loud are errors of the page: of its script, and of what its policy refused.
	mu   sync.Mutex
	loud []string
}

// newTab opens a tab. Without scripts pages run none.
func newTab(t *testing.T, base string, scripts bool) *tab {
	t.Helper()
	chromium.once.Do(chromium.start)
	if chromium.err != nil {
		if os.Getenv("CI") == "" && errors.Is(chromium.err, exec.ErrNotFound) {
			t.Skip("there is no chromium in PATH; Debian has it in the package chromium")
		}
		t.Fatal(chromium.err)
	}
	b := &tab{t: t, base: base, scripts: scripts}
	ctx, cancel := chromedp.NewContext(chromium.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.listen))
	t.Cleanup(cancel)
	b.ctx = ctx
	ok(t, chromedp.Do(ctx)) // the tab lives as long as the context of the first call
	b.run(command(cdplog.Enable, cdp.Empty{}))
	b.run(command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts}))
	return b
}

// listen keeps what the page complains about.
func (b *tab) listen(event any) {
	complaint := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		complaint = e.ExceptionDetails.Text
	case *page.EventJavascriptDialogOpening:
		complaint = "a dialog: " + e.Message
	case *cdplog.EventEntryAdded:
		if e.Entry.Source == cdplog.EntrySourceSecurity || e.Entry.Source == cdplog.EntrySourceJavascript {
			complaint = e.Entry.Text
		}
	}
	if complaint != "" {
		b.mu.Lock()
		b.loud = append(b.loud, complaint)
		b.mu.Unlock()
	}
}

// quiet checks that no page of the tab complained.
func (b *tab) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, complaint := range b.loud {
		b.t.Errorf("the page complains: %s", complaint)
	}
}

// step is what a tab does.
type step = chromedp.Action[chromedp.Void]

// command is a command of the browser's protocol.
func command[P, R any](cmd cdp.Command[P, R], params P) step {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, cmd, params)
		return err
	})
}

func (b *tab) run(actions ...step) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("%v at:\n%s", err, b.where())
	}
}

// where is what the tab shows, for messages.
func (b *tab) where() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	return text
}

// answered carries out what loads a page, and returns its status.
func (b *tab) answered(actions ...step) int {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	resp, err := chromedp.RunResponse(ctx, actions...)
	if err != nil {
		b.t.Fatalf("%v at:\n%s", err, b.where())
	}
	if resp == nil {
		return 0
	}
	return int(resp.Status)
}

func (b *tab) open(path string) int {
	b.t.Helper()
	return b.answered(chromedp.Navigate(b.base + path))
}

// fill types into a field in place of what it has.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	ask(b, chromedp.Evaluate[bool](fmt.Sprintf(`document.querySelector(%q).value = "", true`, selector)))
	b.run(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// press presses a button or follows a link, and waits for the page that comes.
func (b *tab) press(selector string) int {
	b.t.Helper()
	return b.answered(chromedp.Click(chromedp.CSS(selector)))
}

// link follows the link of a text.
func (b *tab) link(text string) int {
	b.t.Helper()
	return b.answered(chromedp.Click(chromedp.Search(fmt.Sprintf(`//a[normalize-space(.)=%q]`, text))))
}

// ask carries out what has a result.
func ask[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatalf("%v at:\n%s", err, b.where())
	}
	return result
}

func (b *tab) text() string {
	b.t.Helper()
	return strings.Join(strings.Fields(ask(b, chromedp.Evaluate[string](`document.body.innerText`))), " ")
}

func (b *tab) value(selector string) string {
	b.t.Helper()
	return ask(b, chromedp.Value(chromedp.CSS(selector)))
}

func (b *tab) path() string {
	b.t.Helper()
	return strings.TrimPrefix(ask(b, chromedp.Location()), b.base)
}

func (b *tab) logIn(username string) {
	b.t.Helper()
	b.open("/login")
	b.fill("#username", username)
	b.fill("#password", password)
	b.press("main button")
}

// says checks what the page says.
func (b *tab) says(wants ...string) {
	b.t.Helper()
	contains(b.t, b.path(), b.text(), wants...)
}

// dark turns the colours of the night on or off.
func (b *tab) dark(on bool) {
	b.t.Helper()
	scheme := "light"
	if on {
		scheme = "dark"
	}
	b.run(command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}))
}

// axeScript holds the rules of accessibility; make installs it.
const axeScript = "../../tools/axe/node_modules/axe-core/axe.min.js"

var axe = sync.OnceValues(func() ([]byte, error) { return os.ReadFile(axeScript) })

// accessible looks for violations of the rules for accessibility, in light and dark and at the width of
// a telephone, and for words that stick out of the page there.
func (b *tab) accessible() {
	b.t.Helper()
	if !b.scripts {
		return // the rules are a script, and the same page is looked at with scripts
	}
	script, err := axe()
	if err != nil {
		if os.Getenv("CI") == "" {
			b.t.Logf("the rules for accessibility are not installed (make axe): %v", err)
			return
		}
		b.t.Fatal(err)
	}
	for _, dark := range []bool{false, true} {
		b.dark(dark)
		width := int64(1280)
		if dark {
			width = 360 // each rule is looked at in both colours and at both widths, not in every pair
		}
		b.run(chromedp.EmulateViewport(width, 800))
		ask(b, chromedp.Evaluate[int](string(script)+";0"))
		violations := ask(b, chromedp.Evaluate[[]string](`
			axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + v.help + ": " + n.html + " " + (n.any[0]?.message ?? ""))))`,
			chromedp.EvalAwaitPromise))
		wide := ask(b, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`))
		for _, v := range violations {
			b.t.Errorf("%s (dark %t, %d pixels): %s", b.path(), dark, width, v)
		}
		if wide {
			b.t.Errorf("%s (%d pixels) is wider than the screen", b.path(), width)
		}
	}
	b.dark(false)
	b.run(chromedp.EmulateViewport(1280, 800))
}

// screenshot writes a picture of the page in both colours, if the tests are to make some.
func (b *tab) screenshot(name string) {
	b.t.Helper()
	if os.Getenv("VCC_TEST_SCREENSHOTS") == "" {
		return
	}
	for _, dark := range []bool{false, true} {
		b.dark(dark)
		b.run(chromedp.EmulateViewport(1120, 700))
		picture := ask(b, chromedp.CaptureScreenshot())
		file := name + "-light.png"
		if dark {
			file = name + "-dark.png"
		}
		ok(b.t, os.MkdirAll("../../examples/window", 0o750))
		ok(b.t, os.WriteFile(filepath.Join("../../examples/window", file), picture, 0o600))
	}
	b.dark(false)
	b.run(chromedp.EmulateViewport(1280, 800))
}

// elements counts the elements of a selector.
func elements(selector string) chromedp.Action[int] {
	return chromedp.Evaluate[int](fmt.Sprintf(`document.querySelectorAll(%q).length`, selector))
}

var title = chromedp.Title()

// remoteAddress is where a login beside the window's comes from.
var remoteAddress = netip.MustParseAddr("192.0.2.1")
