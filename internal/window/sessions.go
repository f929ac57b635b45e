package window

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// formToken is what every form of a session carries. Nobody can make it who does not know the session.
func formToken(session string) string {
	mac := hmac.New(sha256.New, []byte(session))
	_, _ = mac.Write([]byte("form"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// ofSession reports whether a form is one that the session was sent.
func ofSession(r *http.Request, session string) bool {
	return hmac.Equal([]byte(r.PostFormValue("form_token")), []byte(formToken(session)))
}

// cookie returns the name of a cookie. With TLS browsers take one with this prefix from this host
// alone (RFC 6265bis). Without accounts the port tells windows apart, since cookies know no ports.
func (w *Window) cookie(name string) string {
	switch {
	case w.Secure:
		return "__Host-vcc-" + name
	case w.Key != nil && w.Host != "":
		_, port, _ := strings.Cut(w.Host, ":")
		return "vcc-" + name + "-" + port
	}
	return "vcc-" + name
}

const (
	sessionCookie = "session"
	loginCookie   = "login"
)

// setCookie keeps a secret in the browser until that is closed; "" takes it away.
func (w *Window) setCookie(rw http.ResponseWriter, name, secret string) {
	// #nosec G124 -- without TLS, on a loopback address, browsers would drop a cookie that is Secure
	c := &http.Cookie{Name: w.cookie(name), Value: secret, Path: "/", HttpOnly: true, Secure: w.Secure, SameSite: http.SameSiteStrictMode}
	if secret == "" {
		c.MaxAge = -1
	}
	http.SetCookie(rw, c)
}

// Session implements httpapi.Pages.
func (w *Window) Session(r *http.Request) string { return w.secret(r, sessionCookie) }

func (w *Window) secret(r *http.Request, name string) string {
	c, err := r.Cookie(w.cookie(name))
	if err != nil {
		return ""
	}
	return c.Value
}

func (w *Window) registerSessions() {
	if w.Key != nil {
		w.handle("GET /open", w.open)
		return
	}
	w.handle("GET "+loginPath, w.login)
	w.handle("POST "+loginPath, w.logIn)
	w.handle("POST /logout", w.known(w.logOut))
}

// loginPath is where the form is sent that has a password.
const loginPath = "/login"

// known finds who asks. Somebody who is not logged in is sent to do that, and then back.
func (w *Window) known(next func(http.ResponseWriter, *request)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		token := w.secret(r, sessionCookie)
		account, err := vcc.Account{}, error(&vcc.Error{Code: vcc.CodeInvalidToken, Message: "nobody is logged in"})
		if token != "" {
			account, err = w.Sessions.WindowSession(r.Context(), token)
		}
		switch code := vcc.Code(err); {
		case code == vcc.CodeInvalidToken || code == vcc.CodeExpiredToken:
			w.askLogin(rw, r, token != "")
		case err != nil:
			w.Refuse(rw, r, err)
		case r.Method == http.MethodPost && !ofSession(r, token):
			w.Refuse(rw, r, forgedForm())
		default:
			next(rw, &request{Request: r, account: account, token: token})
		}
	}
}

func (w *Window) askLogin(rw http.ResponseWriter, r *http.Request, ended bool) {
	if w.Key != nil {
		w.Refuse(rw, r, &vcc.Error{Code: vcc.CodeInvalidToken,
			Message: "this browser has no session here; open the address that backend window printed, which is good once, or start backend window again"})
		return
	}
	q := url.Values{}
	if back := r.URL.RequestURI(); back != "/" {
		q.Set("back", back)
	}
	if ended {
		q.Set("ended", "yes")
		if r.Method == http.MethodPost {
			q.Set("ended", "form")
		}
	}
	location := loginPath
	if len(q) > 0 {
		location += "?" + q.Encode()
	}
	http.Redirect(rw, r, location, http.StatusSeeOther)
}

// back returns where to go after a login: a page of a tenant's, or the first one. Nothing else is
// believed, so that no address leads from here to another site.
func back(wanted string) string {
	u, err := url.Parse(wanted)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || strings.ContainsAny(wanted, "\\\r\n") ||
		strings.Contains(u.Path, "..") || strings.Contains(u.Path, "//") || u.Path != "/tenants" && !strings.HasPrefix(u.Path, "/tenants/") {
		return "/"
	}
	return wanted
}

// loginForm is what the page of the login shows.
type loginForm struct {
	// Token is bound to a cookie of its own: there is no session yet.
	Token, Back, Username string
	// Ended says that a session was over, and Lost that a form was sent after that.
	Ended, Lost bool
	Problem     string
}

func (w *Window) login(rw http.ResponseWriter, r *http.Request) {
	w.showLogin(rw, r, loginForm{
		Back: back(r.URL.Query().Get("back")), Ended: r.URL.Query().Get("ended") == "yes", Lost: r.URL.Query().Get("ended") == "form",
	}, http.StatusOK)
}

func (w *Window) showLogin(rw http.ResponseWriter, r *http.Request, f loginForm, status int) {
	secret := w.secret(r, loginCookie)
	if secret == "" {
		secret = newSecret()
		w.setCookie(rw, loginCookie, secret)
	}
	f.Token = formToken(secret)
	w.write(rw, &request{Request: r}, &view{template: "login.html", title: "Log in", status: status, data: f})
}

func newSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

func (w *Window) logIn(rw http.ResponseWriter, r *http.Request) {
	f := loginForm{Back: back(r.PostFormValue("back")), Username: r.PostFormValue("username")}
	if secret := w.secret(r, loginCookie); secret == "" || !ofSession(r, secret) {
		f.Problem = "the form was older than this browser's session; send it once more"
		w.showLogin(rw, r, f, http.StatusForbidden)
		return
	}
	token, _, err := w.Sessions.OpenWindowSession(r.Context(), f.Username, r.PostFormValue("password"), remote(r))
	if err != nil {
		problem := w.problems(r.Context(), err)[0]
		f.Problem = problem.Message
		retryAfter(rw, problem)
		w.showLogin(rw, r, f, statuses[problem.Code])
		return
	}
	// The session that the browser had, whoever gave it that one, is over.
	if old := w.secret(r, sessionCookie); old != "" {
		if err := w.Sessions.EndWindowSession(r.Context(), old); err != nil {
			w.Log.WarnContext(r.Context(), "a session was not ended", "error", err)
		}
	}
	w.setCookie(rw, sessionCookie, token)
	w.setCookie(rw, loginCookie, "")
	http.Redirect(rw, r, f.Back, http.StatusSeeOther)
}

func remote(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr()
}

func (w *Window) logOut(rw http.ResponseWriter, r *request) {
	if err := w.Sessions.EndWindowSession(r.Context(), r.token); err != nil {
		w.fail(rw, r, err)
		return
	}
	w.setCookie(rw, sessionCookie, "")
	http.Redirect(rw, r.Request, loginPath+"?done=out", http.StatusSeeOther)
}

// Key stands for the one person who uses a window without accounts. It is safe for concurrent use.
type Key struct {
	account vcc.Account

	mu      sync.Mutex
	key     string // "" once it was used
	session string
}

// NewKey returns a key, and the text of it that is good once.
func NewKey(account vcc.Account) (*Key, string) {
	k := &Key{account: account, key: newSecret()}
	return k, k.key
}

// OpenPath is the path of the address with the key, which follows it.
const OpenPath = "/open?key="

// open exchanges the key for a session.
func (w *Window) open(rw http.ResponseWriter, r *http.Request) {
	session, good := w.Key.exchange(r.URL.Query().Get("key"))
	if !good {
		if _, err := w.Key.WindowSession(r.Context(), w.secret(r, sessionCookie)); err != nil {
			w.askLogin(rw, r, false)
			return
		}
	} else {
		w.setCookie(rw, sessionCookie, session)
	}
	http.Redirect(rw, r, "/", http.StatusSeeOther)
}

func (k *Key) exchange(key string) (session string, good bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.key == "" || !hmac.Equal([]byte(key), []byte(k.key)) {
		return "", false
	}
	k.key, k.session = "", newSecret()
	return k.session, true
}

// WindowSession implements vcc.WindowSessionService.
func (k *Key) WindowSession(_ context.Context, token string) (vcc.Account, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.session == "" || !hmac.Equal([]byte(token), []byte(k.session)) {
		return vcc.Account{}, &vcc.Error{Code: vcc.CodeInvalidToken, Message: "this is no session of this window"}
	}
	return k.account, nil
}

// OpenWindowSession implements vcc.WindowSessionService: there are no passwords.
func (k *Key) OpenWindowSession(context.Context, string, string, netip.Addr) (string, vcc.Account, error) {
	return "", vcc.Account{}, &vcc.Error{Code: vcc.CodeInvalidToken, Message: "this window has no accounts"}
}

// EndWindowSession implements vcc.WindowSessionService.
func (k *Key) EndWindowSession(_ context.Context, token string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if hmac.Equal([]byte(token), []byte(k.session)) {
		k.session = ""
	}
	return nil
}
