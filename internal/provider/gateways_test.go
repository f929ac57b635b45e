package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// crowd is a backend with many gateways that counts what it is asked.
type crowd struct {
	t        *testing.T
	client   *httpapi.Client
	networks []string
	// before, if not nil, is called with each request before it is answered.
	before func(r *http.Request)

	mu   sync.Mutex
	seen []string // method and path of each request
}

// newCrowd makes a backend with n networks, all of which have a gateway.
func newCrowd(t *testing.T, n int) *crowd {
	t.Helper()
	ctx := t.Context()
	s, err := store.OpenSQLite(ctx, filepath.Join(t.TempDir(), "vcc.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	lab := vcc.Lab{
		Hosts:         []vcc.Host{{Name: "esx01", Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 1, Last: n}}}}},
		HardwarePlans: []vcc.LabHardwarePlan{{Name: "Wide", Host: "esx01"}},
		Tenants:       []vcc.LabTenant{{Name: "ABC Company", Subscriptions: []string{"Wide"}}},
	}
	lab.HardwarePlans[0].Networks.WithInternet = n
	lab.ServiceProvider.Name = "sp.example.net"
	valid, err := lab.Check()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ApplyLab(ctx, valid, nil); err != nil {
		t.Fatal(err)
	}
	tenants, err := s.Tenants(ctx)
	if err != nil {
		t.Fatal(err)
	}
	as := vcc.Actor{TenantID: tenants[0].ID, Name: "test"}
	c := &crowd{t: t}
	var all vcc.GatewaySet
	for skip := 0; skip < n; skip += vcc.MaxPageLimit {
		networks, _, err := s.Networks(ctx, as, vcc.NetworkFilter{}, vcc.Page{Skip: skip, Limit: vcc.MaxPageLimit})
		if err != nil {
			t.Fatal(err)
		}
		for _, network := range networks {
			i := len(c.networks)
			settings := vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), PrefixLength: 24}}
			all.Gateways = append(all.Gateways, vcc.NetworkGateway{NetworkID: network.ID, GatewaySettings: settings})
			c.networks = append(c.networks, network.ID)
		}
	}
	if _, err := s.PutDefaultGateways(ctx, as, all); err != nil {
		t.Fatal(err)
	}
	handler := httpapi.NewHandler(httpapi.ServerConfig{Services: backend.NewServices(s), Authenticator: httpapi.Always{TenantID: as.TenantID, Username: as.Name}})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.seen = append(c.seen, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/v1/cloudConnect/"))
		before := c.before
		c.mu.Unlock()
		if before != nil {
			before(r)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	if c.client, err = httpapi.NewClient(httpapi.ClientConfig{Endpoint: server.URL}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.client.Close)
	return c
}

// requests returns what was asked since the last call.
func (c *crowd) requests() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.seen
	c.seen = nil
	return seen
}

// expectRequests checks what was asked since the last look.
func (c *crowd) expectRequests(want ...string) {
	c.t.Helper()
	got := c.requests()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		c.t.Errorf("requests %q, want %q", got, want)
	}
}

func (c *crowd) address(g *vcc.DefaultGateway, err error) string {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
	return g.IPv4.Address.String()
}

// readAll reads gateways ten at a time, as Terraform does, and returns the addresses.
func (c *crowd) readAll(s *gateways) map[string]string {
	var mu sync.Mutex
	found := map[string]string{}
	next := make(chan string)
	var readers sync.WaitGroup
	for range 10 {
		readers.Go(func() {
			for id := range next {
				g, err := s.get(c.t.Context(), id)
				mu.Lock()
				switch {
				case err == nil:
					found[id] = g.IPv4.Address.String()
				case vcc.Code(err) != vcc.CodeNotFound:
					c.t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	for _, id := range c.networks {
		next <- id
	}
	close(next)
	readers.Wait()
	return found
}

const pages = "defaultGateways"

func one(networkID string) string { return "GET defaultGateways/" + networkID }

func TestGateways_manyReadsFewRequests(t *testing.T) {
	c := newCrowd(t, 1100)
	found := c.readAll(newGateways(c.client, vcc.Actor{}, "test"))
	if len(found) != len(c.networks) {
		t.Errorf("%d gateways, want %d", len(found), len(c.networks))
	}
	for i, id := range c.networks {
		if want := fmt.Sprintf("10.%d.%d.1", i>>8, i&255); found[id] != want {
			t.Errorf("gateway %d is %q, want %s", i, found[id], want)
		}
	}
	// The first alone, whichever it was, and two pages.
	if got := c.requests(); len(got) != 3 {
		t.Errorf("requests %q, want 3", got)
	}
}

// A gateway that is read alone costs what it cost before.
func TestGateways_oneReadOneRequest(t *testing.T) {
	c := newCrowd(t, 3)
	s := newGateways(c.client, vcc.Actor{}, "test")
	now := time.Now()
	s.now = func() time.Time { return now }
	for range 3 {
		c.address(s.get(t.Context(), c.networks[0]))
		c.expectRequests(one(c.networks[0]))
		now = now.Add(listingAge + time.Nanosecond)
	}
}

func TestGateways_listingsGetOld(t *testing.T) {
	c := newCrowd(t, 3)
	s := newGateways(c.client, vcc.Actor{}, "test")
	now := time.Now()
	s.now = func() time.Time { return now }
	for range 2 {
		c.address(s.get(t.Context(), c.networks[0]))
	}
	c.expectRequests(one(c.networks[0]), "GET "+pages)
	now = now.Add(listingAge)
	c.address(s.get(t.Context(), c.networks[1]))
	c.expectRequests()
	now = now.Add(time.Nanosecond)
	c.address(s.get(t.Context(), c.networks[1]))
	c.expectRequests("GET " + pages)

	// A new listing is sent only what has changed: nothing, or what somebody else wrote.
	var condition string
	c.before = func(r *http.Request) { condition = r.Header.Get("If-None-Match") }
	for _, address := range []string{"10.0.1.1", "10.7.0.1", "10.7.0.1"} {
		settings := ipv4Settings(address + "/24")
		if _, _, err := c.client.PutDefaultGateway(t.Context(), vcc.Actor{}, c.networks[1], settings, vcc.Precondition{}); err != nil {
			t.Fatal(err)
		}
		c.requests()
		now = now.Add(listingAge + time.Nanosecond)
		s.asked = now // somebody did, a moment ago
		if got := c.address(s.get(t.Context(), c.networks[1])); got != address {
			t.Errorf("read %s, want %s", got, address)
		}
		c.expectRequests("GET " + pages)
		if condition == "" {
			t.Error("all was asked for again")
		}
	}
}

// What this process wrote is never answered from before.
func TestGateways_writesMakeStale(t *testing.T) {
	c := newCrowd(t, 3)
	s := newGateways(c.client, vcc.Actor{}, "test")
	all := func() (addresses []string) {
		list, err := s.all(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range list {
			addresses = append(addresses, g.IPv4.Address.String())
		}
		return addresses
	}
	all()
	c.expectRequests("GET " + pages)
	written, other := c.networks[0], c.networks[1]
	settings := ipv4Settings("10.9.0.1/24")
	if _, err := s.put(t.Context(), written, settings, vcc.Precondition{}); err != nil {
		t.Fatal(err)
	}
	c.requests()
	if got := c.address(s.get(t.Context(), written)); got != "10.9.0.1" {
		t.Errorf("read %s after writing 10.9.0.1", got)
	}
	c.expectRequests(one(written))
	c.address(s.get(t.Context(), other))
	c.expectRequests() // the rest of the listing is as good as before
	if got := all(); !slices.Contains(got, "10.9.0.1") {
		t.Errorf("a list after a write has %q", got)
	}
	c.expectRequests("GET " + pages)

	// A write that failed may have been carried out.
	if _, err := s.put(t.Context(), written, settings, vcc.IfRevision(1)); vcc.Code(err) != vcc.CodePreconditionFailed {
		t.Fatal(err)
	}
	c.requests()
	c.address(s.get(t.Context(), written))
	c.expectRequests(one(written))
	if _, _, err := s.remove(t.Context(), written, settings); err != nil {
		t.Fatal(err)
	}
	if _, err := s.get(t.Context(), written); vcc.Code(err) != vcc.CodeNotFound {
		t.Errorf("a removed gateway is there still: %v", err)
	}

	// An older listing, which a creation may be planned from, does not answer either when everybody gave up the last one.
	all()
	s.last = nil
	if _, err := s.put(t.Context(), other, ipv4Settings("10.9.1.1/24"), vcc.Precondition{}); err != nil {
		t.Fatal(err)
	}
	if got := c.address(s.stored(t.Context(), other, true)); got != "10.9.1.1" {
		t.Errorf("an older listing has %s after writing 10.9.1.1", got)
	}
}

// A write replaces what the caller saw last and nothing else, whenever that changed.
func TestGateways_writesReplaceWhatWasSeen(t *testing.T) {
	setting := func(address string) vcc.GatewaySettings {
		return ipv4Settings(address + "/24")
	}
	for name, write := range map[string]func(s *gateways, id string, seen vcc.GatewaySettings) error{
		"PUT": func(s *gateways, id string, seen vcc.GatewaySettings) error {
			_, err := s.update(t.Context(), id, seen, setting(strings.Replace(seen.IPv4.Address.String(), "10.0.", "10.9.", 1)))
			return err
		},
		"DELETE": func(s *gateways, id string, seen vcc.GatewaySettings) error {
			_, _, err := s.remove(t.Context(), id, seen)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(t, 4)
			s := newGateways(c.client, vcc.Actor{}, "test")
			set := func(i int, address string) {
				t.Helper()
				if _, _, err := c.client.PutDefaultGateway(t.Context(), vcc.Actor{}, c.networks[i], setting(address), vcc.Precondition{}); err != nil {
					t.Error(err)
				}
			}
			refused := func(i int, err error) {
				t.Helper()
				var e *vcc.Error
				if !errors.As(err, &e) || e.Code != vcc.CodePreconditionFailed {
					t.Fatalf("error %v", err)
				}
				current, _ := e.Current.(*vcc.DefaultGateway)
				stored := c.address(c.client.DefaultGateway(t.Context(), vcc.Actor{}, c.networks[i]))
				if current == nil || current.IPv4.Address.String() != stored || strings.HasPrefix(stored, "10.9.") {
					t.Errorf("stored is %s, and the error says %+v", stored, current)
				}
				c.requests()
			}

			// Changed before: the write is not even tried.
			err := write(s, c.networks[0], setting("10.0.0.7"))
			c.expectRequests(one(c.networks[0]), one(c.networks[0]))
			refused(0, err)

			// Changed between the look and the write.
			var meddled atomic.Bool
			c.before = func(r *http.Request) {
				if r.Method == name && !meddled.Swap(true) {
					set(1, "10.0.1.7")
				}
			}
			refused(1, write(s, c.networks[1], setting("10.0.1.1")))
			c.before = nil

			// As it was: one listing serves the looks of all.
			s = newGateways(c.client, vcc.Actor{}, "test")
			for i := 2; i < 4; i++ {
				if err := write(s, c.networks[i], setting(fmt.Sprintf("10.0.%d.1", i))); err != nil {
					t.Fatal(err)
				}
			}
			c.expectRequests(one(c.networks[2]), name+" defaultGateways/"+c.networks[2], "GET "+pages, name+" defaultGateways/"+c.networks[3])

			// Another one in the listing, and changed back since: nothing to refuse.
			set(0, "10.0.0.6")
			if _, err := s.all(t.Context()); err != nil {
				t.Fatal(err)
			}
			set(0, "10.0.0.1")
			if err := write(s, c.networks[0], setting("10.0.0.1")); err != nil {
				t.Errorf("refused for what a listing has: %v", err)
			}
		})
	}
}

// Where a gateway is removed between two pages of a listing, no other one falls between them. A
// backend of an older release counts entries, and one does: it is not taken for gone.
func TestGateways_missingFromTheListing(t *testing.T) {
	for name, tc := range map[string]struct{ older bool }{"this_release": {false}, "older": {true}} {
		t.Run(name, func(t *testing.T) { testMissingFromTheListing(t, tc.older) })
	}
}

func testMissingFromTheListing(t *testing.T, older bool) {
	c := newCrowd(t, vcc.MaxPageLimit+50)
	removed := c.networks[3]
	var once sync.Once
	c.before = func(r *http.Request) {
		if r.URL.Query().Get("skip") == fmt.Sprint(vcc.MaxPageLimit) {
			once.Do(func() {
				if err := c.client.RemoveDefaultGateway(context.WithoutCancel(r.Context()), vcc.Actor{}, removed, vcc.Precondition{}); err != nil {
					t.Error(err)
				}
			})
			if q := r.URL.Query(); older {
				q.Del("after")
				r.URL.RawQuery = q.Encode()
			}
		}
	}
	s := newGateways(c.client, vcc.Actor{}, "test")
	if _, err := s.all(t.Context()); err != nil { // the listing from which all that follows is answered
		t.Fatal(err)
	}
	c.requests()
	fell := c.networks[vcc.MaxPageLimit]
	if _, err := s.get(t.Context(), fell); err != nil {
		t.Errorf("the gateway that fell between the pages: %v", err)
	}
	if older {
		c.expectRequests(one(fell))
	} else {
		c.expectRequests()
	}
	found := c.readAll(s)
	for _, id := range c.networks {
		if id != removed && found[id] == "" {
			t.Errorf("%s was taken for gone", id)
		}
	}
}

// Reads that wait for one listing do not depend on the one that began it.
func TestGateways_cancelling(t *testing.T) {
	c := newCrowd(t, 3)
	arrived, release, gone := make(chan struct{}, 9), make(chan struct{}), make(chan struct{}, 9)
	c.before = func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, pages) {
			arrived <- struct{}{}
			select {
			case <-release:
			case <-r.Context().Done():
				gone <- struct{}{}
			}
		}
	}
	s := newGateways(c.client, vcc.Actor{}, "test")
	ask := func() (cancel context.CancelFunc, outcome chan error) {
		ctx, cancel := context.WithCancel(t.Context())
		outcome = make(chan error, 1)
		go func() {
			_, err := s.listing(ctx, time.Time{})
			outcome <- err
		}()
		return cancel, outcome
	}
	waiting := func(n int) {
		for {
			s.mu.Lock()
			now := s.last != nil && s.last.waiting == n
			s.mu.Unlock()
			if now {
				return
			}
			time.Sleep(time.Millisecond) // there is nothing to be told by: a caller that waits does nothing
		}
	}

	// All give up: the request ends at once.
	first, outcome := ask()
	<-arrived
	first()
	if err := <-outcome; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled read returned %v", err)
	}
	<-gone

	// The first gives up, and the second gets the answer.
	first, firstOutcome := ask()
	<-arrived
	second, secondOutcome := ask()
	defer second()
	waiting(2)
	first()
	if err := <-firstOutcome; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled read returned %v", err)
	}
	close(release)
	if err := <-secondOutcome; err != nil {
		t.Errorf("the read that went on returned %v", err)
	}
	if got := c.requests(); len(got) != 2 {
		t.Errorf("requests %q, want one of each round", got)
	}
}

// Whoever asks for all gets what was there after they asked, however fresh the last listing is.
func TestGateways_everyIsNeverOlderThanTheQuestion(t *testing.T) {
	c := newCrowd(t, 3)
	s := newGateways(c.client, vcc.Actor{}, "test")
	for i := range 3 {
		address := fmt.Sprintf("10.%d.0.1", 100+i)
		settings := ipv4Settings(address + "/24")
		// Somebody else, whom this process knows nothing of.
		if _, _, err := c.client.PutDefaultGateway(t.Context(), vcc.Actor{}, c.networks[0], settings, vcc.Precondition{}); err != nil {
			t.Fatal(err)
		}
		all, err := s.all(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := all[0].IPv4.Address.String(); got != address {
			t.Errorf("%s was written before the question, and the answer is %s", address, got)
		}
	}
}

// Those who ask while a listing is under way share the next one.
func TestGateways_everyIsShared(t *testing.T) {
	c := newCrowd(t, 3)
	s := newGateways(c.client, vcc.Actor{}, "test")
	var looks atomic.Int64 // at the clock: everybody looks as they ask, and again at the listing
	s.now = func() time.Time { looks.Add(1); return time.Now() }
	arrived, goOn := make(chan struct{}), make(chan struct{})
	var first sync.Once
	c.before = func(r *http.Request) {
		if r.Method == http.MethodGet {
			first.Do(func() { close(arrived); <-goOn })
		}
	}
	ask := func() <-chan []vcc.DefaultGateway {
		answer := make(chan []vcc.DefaultGateway, 1)
		go func() {
			all, err := s.all(t.Context())
			if err != nil {
				t.Error(err)
			}
			answer <- all
		}()
		return answer
	}
	early := ask()
	<-arrived
	settings := ipv4Settings("10.100.0.1/24")
	if _, _, err := c.client.PutDefaultGateway(t.Context(), vcc.Actor{}, c.networks[0], settings, vcc.Precondition{}); err != nil {
		t.Fatal(err)
	}
	c.requests()
	// One that gives up keeps nobody waiting.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.all(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want that of the context", err)
	}
	var late [5]<-chan []vcc.DefaultGateway
	before := looks.Load()
	for i := range late {
		late[i] = ask()
	}
	for looks.Load() < before+int64(2*len(late)) {
		time.Sleep(time.Millisecond) // they tell nobody that they wait
	}
	close(goOn)
	<-early
	for _, answer := range late {
		if all := <-answer; len(all) != 3 || all[0].IPv4.Address.String() != "10.100.0.1" {
			t.Errorf("an answer has %+v", all)
		}
	}
	c.expectRequests("GET " + pages)
}
