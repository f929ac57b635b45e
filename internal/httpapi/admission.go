package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const (
	// maxWait is how long a request waits for a place in all. A refusal has a second; what is left of it
	// is for the rest of the body and for a busy machine.
	maxWait = 200 * time.Millisecond
	// drainTime is how long a refused request has for the rest of its body.
	drainTime = 500 * time.Millisecond
	// longBody is from how many bytes on a body is not worth to be read for nothing.
	longBody = 64 << 10
	// longBodyPause is how long a client has to see that its long request is refused, before the rest is read.
	longBodyPause = 100 * time.Millisecond
	// shedRetryAfter bounds when a request that was refused may come again: after 1 to so many seconds,
	// so that a crowd does not come back at once.
	shedRetryAfter = 3
	// loginBodyTimeout is how long the body of a login may take: whoever sends it is not known yet.
	loginBodyTimeout = 10 * time.Second
)

// The reasons why a request is refused, as the metrics have them.
const (
	shedTenant   = "tenant"   // the share of its tenant, or of its operator, is in use
	shedServer   = "server"   // all places are in use
	shedStranger = "stranger" // as many requests without a known token are at work as may be
	shedLogin    = "login"    // as many logins are at work as may be
)

// admission decides which requests are served now, which wait a moment, and which are refused. A
// request has a place from before its body is read until its answer is written: what a request
// costs in memory and in processor is then bounded by the places, however many connections
// there are. Logins get theirs with the body: until then, however slowly they send, they are bounded by arrivingLogins.
// Guesses that are held back have none, and are bounded by maxHeldBack.
//
// A tenant has a quarter of the places at most, and so has an operator's account. The request says only once it
// is authenticated whose it is, which costs queries. So admission remembers whose token was whose:
// a tenant's crowd is refused without a query. That decides about places alone; every request is
// authenticated anew. Requests whose token is not known, or that have none, have places of their own
// until it is, and so have logins, which also wait for each other's password hashes.
type admission struct {
	tenants, strangers, logins, descriptions *places
	// arriving are logins before they have a place to be at work. Nobody waits for one of these.
	arriving *places
	metrics  *metrics

	mu sync.Mutex
	// recent and older are the keys of tokens, by the tokens' digests. Once recent is full it
	// becomes older, and what nobody has asked for since is forgotten.
	recent, older map[[sha256.Size]byte]string
}

// arrivingLogins is how many logins may be sending their bodies or waiting for a place, for each request that may be at
// work, half of them from one address. On two processors it is as many as there are connections, so it concerns those
// that HTTP/2 shares among many.
const arrivingLogins = 256

// knownTokens is how many tokens admission remembers at least.
const knownTokens = 4096

// newAdmission returns what admits up to n requests at once, and nil, which admits all, if n is 0.
func newAdmission(n int, m *metrics) *admission {
	if n <= 0 {
		return nil
	}
	a := &admission{
		tenants: newPlaces(n, n/4), strangers: newPlaces(n/4, n/8), logins: newPlaces(max(8*n, 1024), 2*n), descriptions: newPlaces(n/4, n/8), metrics: m,
		arriving: newPlaces(arrivingLogins*n, arrivingLogins*n/2), recent: map[[sha256.Size]byte]string{},
	}
	a.arriving.line = 0
	return a
}

// place is what a request has while it is served.
type place struct {
	of    *places
	key   string
	until time.Time // no more waiting from then on
	// credentials are the digest of those that the request has.
	credentials [sha256.Size]byte
}

// leave gives the place back, once.
func (p *place) leave() {
	if p.of != nil {
		p.of.give(p.key)
		p.of = nil
	}
}

type placeKey struct{}

// admit gives each request its place, or refuses it. Whether the server is alive and ready is
// answered in any case.
func (s *server) admit(next http.Handler) http.Handler {
	a := s.admission
	if a == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == healthPath || r.URL.Path == readyPath {
			next.ServeHTTP(w, r)
			return
		}
		p := &place{of: a.strangers, key: vcc.ClientAddress(remoteAddress(r)), until: time.Now().Add(maxWait), credentials: s.credentialsOf(r)}
		shed := shedStranger
		arrived := func() {}
		if s.isLogin(r) {
			// No place to be at work is taken by somebody who sends slowly, and is not known.
			p.of, shed = a.logins, shedLogin
			if err := a.take(r.Context(), p, a.arriving, p.key, shed); err != nil {
				s.refuseAdmission(w, r, p.key, err)
				return
			}
			arrived = sync.OnceFunc(func() { a.arriving.give(p.key) })
			defer arrived()
			if !s.readLogin(w, r) {
				return
			}
		} else if strings.HasPrefix(r.URL.Path, descriptionPath) {
			p.of = a.descriptions // the one long answer for strangers: who reads it slowly keeps nobody else waiting
		} else if key, known := a.keyOf(p.credentials); known {
			p.of, p.key, shed = a.tenants, key, shedTenant
		}
		if err := a.take(r.Context(), p, p.of, p.key, shed); err != nil {
			s.refuseAdmission(w, r, p.key, err)
			return
		}
		defer p.leave()
		arrived()
		// In place, because those before this one look at the request for the operation that was found.
		*r = *r.WithContext(context.WithValue(r.Context(), placeKey{}, p))
		next.ServeHTTP(w, r)
	})
}

// refuseAdmission refuses a request whose body was not read, unless it is a login.
func (s *server) refuseAdmission(w http.ResponseWriter, r *http.Request, key string, err error) {
	nameKnown(loggedRequest(r.Context()), key)
	refusal := s.fail(r.Context(), r.Method, "", err) // the path may be anything
	if r.ContentLength > longBody {
		s.refuseLong(w, r, refusal)
		return
	}
	drain(w, r)
	s.refuse(w, r, refusal)
}

// The keys of places are these, with an ID or a user name, or an address.
const (
	tenantKey   = "tenant "
	operatorKey = "operator "
)

// nameKnown has the log say whose request was refused, if that is known.
func nameKnown(l *requestLog, key string) {
	if id, ok := strings.CutPrefix(key, tenantKey); ok {
		l.tenant = id
	} else if username, ok := strings.CutPrefix(key, operatorKey); ok {
		l.account = username
	}
}

// refuseLong refuses a request before its body was read, and gives up its connection. Most clients read
// the answer while they send, and stop; reading all the same would cost as much as serving. The others have
// drainTime.
func (s *server) refuseLong(w http.ResponseWriter, r *http.Request, refusal *wireError) {
	if r.ProtoMajor > 1 {
		s.refuse(w, r, refusal)
		return
	}
	w.Header().Set("Connection", "close")
	s.refuse(w, r, refusal)
	_ = http.NewResponseController(w).Flush() // in memory there is nothing to flush
	time.Sleep(longBodyPause)                 // net/http notices a client that leaves only once the body is read
	drain(w, r)
}

// drain reads the rest of a request that is refused, for drainTime at most: a client that is still
// sending may see a reset in place of the answer, and one that has sent all comes again on the
// same connection. In HTTP/2 what is left of one request concerns no other, and waiting for it would keep as many
// requests as there are streams.
func drain(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor > 1 || r.Header.Get("Expect") != "" { // this has sent nothing yet, and need not
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(drainTime)) // in memory there is none
	if n, err := io.Copy(io.Discard, io.LimitReader(r.Body, maxBody)); err != nil || n == maxBody {
		w.Header().Set("Connection", "close")
		return
	}
	_ = control.SetReadDeadline(time.Time{})
}

// identified tells whose request it is that was just authenticated. It changes to a place of theirs.
// CodeUnavailable: there is none.
func (a *admission) identified(ctx context.Context, as vcc.Account) error {
	p, admitted := ctx.Value(placeKey{}).(*place)
	if a == nil || !admitted {
		return nil
	}
	key := tenantKey + as.TenantID
	if as.Role == vcc.RoleOperator {
		key = operatorKey + as.Username
	}
	a.remember(p.credentials, key)
	if p.of == a.tenants && p.key == key {
		return nil
	}
	before := *p
	if err := a.take(ctx, p, a.tenants, key, shedTenant); err != nil {
		return err
	}
	p.of, p.key = a.tenants, key
	before.of.give(before.key)
	return nil
}

// take waits for a place and counts a refusal.
func (a *admission) take(ctx context.Context, p *place, of *places, key, shed string) error {
	wait, cancel := context.WithDeadline(ctx, p.until)
	defer cancel()
	err := of.take(wait, key)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if taken, _ := of.load(); shed == shedTenant && (errors.Is(err, errFull) || errors.Is(err, context.DeadlineExceeded) && taken >= of.total) {
		shed = shedServer
	}
	a.metrics.shedRequest(shed)
	return &vcc.Error{
		Code: vcc.CodeUnavailable, RetryAfter: time.Duration(1+rand.IntN(shedRetryAfter)) * time.Second, // #nosec G404 -- it spreads retries, and is no secret
		Message: messagesOfShed[shed],
	}
}

// What a request that is refused is told. All of it is true of one whose body was not read.
var messagesOfShed = map[string]string{
	shedTenant:   "more requests of this tenant, or of this operator, are at work than the server takes at once; nothing was changed, try again",
	shedServer:   "more requests are at work than the server takes at once; nothing was changed, try again",
	shedStranger: "more requests without a known token are at work than the server takes at once; nothing was changed, try again",
	shedLogin:    "more logins are at work than the server takes at once; try again",
}

// readLogin reads the body of a login, and reports whether it came in time.
func (s *server) readLogin(w http.ResponseWriter, r *http.Request) bool {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(loginBodyTimeout)) // in memory there is none
	content, err := io.ReadAll(io.LimitReader(r.Body, maxTokenBody+1))
	if err != nil {
		w.Header().Set("Connection", "close")
		s.refuse(w, r, newError(&vcc.Error{Code: vcc.CodeInvalidValue, Message: "the body of the login did not arrive in time"}))
		return false
	}
	if len(content) > maxTokenBody { // nobody who has a place waits for the rest
		drain(w, r)
		s.refuse(w, r, &wireError{
			status: http.StatusRequestEntityTooLarge, ErrorCode: vcc.CodeInvalidValue,
			Message: fmt.Sprintf("the body of a login has at most %d bytes", maxTokenBody),
		})
		return false
	}
	_ = control.SetReadDeadline(time.Time{})
	r.Body = io.NopCloser(bytes.NewReader(content))
	return true
}

// credentialsOf returns the digest of what a request shows to say whose it is: an access token, or at a
// page the session of a browser. Nothing else counts, or one session could be remembered any
// number of times.
func (s *server) credentialsOf(r *http.Request) [sha256.Size]byte {
	if s.pages != nil && !strings.HasPrefix(r.URL.Path, "/api/") {
		if session := s.pages.Session(r); session != "" {
			return sha256.Sum256([]byte("session " + session))
		}
	}
	return sha256.Sum256([]byte(r.Header.Get("Authorization")))
}

// keyOf returns the key of whoever was the last to be authenticated with credentials.
func (a *admission) keyOf(digest [sha256.Size]byte) (string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if key, known := a.recent[digest]; known {
		return key, true
	}
	key, known := a.older[digest]
	return key, known
}

func (a *admission) remember(digest [sha256.Size]byte, key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.recent) >= knownTokens {
		a.recent, a.older = map[[sha256.Size]byte]string{}, a.recent
	}
	a.recent[digest] = key
}

// unknown forgets credentials that are no good any more.
func (a *admission) unknown(ctx context.Context) {
	p, admitted := ctx.Value(placeKey{}).(*place)
	if a == nil || !admitted {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.recent, p.credentials)
	delete(a.older, p.credentials)
}

const (
	// refusedLoginWait is how long after its login began the refusal of a guess is sent.
	refusedLoginWait = time.Second
	// maxHeldBack is how many wait at once. Beyond that they are answered at once, or they would take memory without a
	// bound: they have no place.
	maxHeldBack = 1024
)

// holdBack waits before a guess is told that it came too early, and returns what it is told then. Whoever guesses
// without a pause asks again as soon as the answer is there, and without this wait a few hundred of them
// keep the processors busy. The time that its login took already counts, or it would tell whether the password was
// looked at (D23). The request gives its place back first, so that nobody waits for it. Errors of other codes are
// returned as they are, at once.
func (s *server) holdBack(ctx context.Context, begun time.Time, err error) error {
	var refused *vcc.Error
	if !errors.As(err, &refused) || refused.Code != vcc.CodeTooManyRequests {
		return err
	}
	if p, admitted := ctx.Value(placeKey{}).(*place); admitted {
		p.leave()
	}
	defer s.heldBack.Add(-1)
	if s.heldBack.Add(1) > maxHeldBack {
		return err
	}
	wait := time.NewTimer(time.Until(begun.Add(refusedLoginWait)))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
	later := *refused
	later.RetryAfter = max(time.Second, later.RetryAfter-refusedLoginWait)
	return &later
}

// load returns how many requests of accounts are at work, and how many wait.
func (a *admission) load() (atWork, waiting int) {
	if a == nil {
		return 0, 0
	}
	return a.tenants.load()
}
