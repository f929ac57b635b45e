package provider

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// drifted is a crowd whose gateways others changed, and some removed, since Terraform saw them.
type drifted struct {
	*crowd
	prior map[string]vcc.GatewaySettings
	now   map[string]*vcc.DefaultGateway // nil for one that was removed
}

// newDrifted changes each of n gateways as often as times says, and removes every tenth.
func newDrifted(t *testing.T, n, times int) *drifted {
	t.Helper()
	d := &drifted{newCrowd(t, n), map[string]vcc.GatewaySettings{}, map[string]*vcc.DefaultGateway{}}
	put := func(address byte, has func(i int) bool) {
		var set vcc.GatewaySet
		for i, id := range d.networks {
			if has(i) {
				settings := vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), address}), PrefixLength: 24}}
				set.Gateways = append(set.Gateways, vcc.NetworkGateway{NetworkID: id, GatewaySettings: settings})
			}
			d.now[id] = nil
		}
		outcome, err := d.client.PutDefaultGateways(t.Context(), vcc.Actor{}, set)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range outcome.Gateways {
			d.now[g.NetworkID] = &g
		}
	}
	all := func(int) bool { return true }
	put(1, all) // what they have
	for id, g := range d.now {
		d.prior[id] = g.GatewaySettings
	}
	for k := range times {
		put(byte(2+k), all)
	}
	put(byte(1+times), func(i int) bool { return i%10 != 0 })
	d.requests()
	return d
}

// ask asks for the history of all gateways, ten at a time as Terraform does, and compares each
// answer with what the history of that network alone says.
func (d *drifted) ask(h *history) (requests []string) {
	d.t.Helper()
	told := map[string]string{}
	var mu sync.Mutex
	var all sync.WaitGroup
	work := make(chan string)
	for range 10 {
		all.Go(func() {
			for id := range work {
				changes, err := h.since(d.t.Context(), id, d.now[id], d.prior[id])
				if err != nil {
					d.t.Error(err)
				}
				mu.Lock()
				told[id] = describeChanges(changes, d.prior[id])
				mu.Unlock()
			}
		})
	}
	for _, id := range d.networks {
		work <- id
	}
	close(work)
	all.Wait()
	requests = d.requests()
	for _, id := range d.networks {
		alone, err := h.of(d.t.Context(), id)
		if err != nil {
			d.t.Fatal(err)
		}
		if want := describeChanges(alone, d.prior[id]); told[id] != want || want == "" {
			d.t.Errorf("got %q, want %q", told[id], want)
		}
	}
	return requests
}

func newHistory(d *drifted) *history { return newGateways(d.client, vcc.Actor{}, "test").history }

// A thousand gateways that others changed cost a handful of requests, and so do some where what Terraform
// saw last is far back.
func TestHistory_handful(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ gateways, times int }{
		{1000, 1}, // 2,100 changes
		{300, 4},  // 1,530
	} {
		d := newDrifted(t, tc.gateways, tc.times)
		h := newHistory(d)
		at := time.Now()
		h.now = func() time.Time { return at } // however slow the machine is
		// The first has a request of its own, and each thousand changes are a page.
		if got := d.ask(h); len(got) > 5 {
			t.Errorf("made %d requests for %d gateways, such as %v", len(got), tc.gateways, got[:5])
		}
	}
}

// Whoever asks about one gateway is sent its history alone.
func TestHistory_single(t *testing.T) {
	t.Parallel()
	d := newDrifted(t, 3, 1)
	h := newHistory(d)
	at := time.Now()
	h.now = func() time.Time { return at }
	for range 3 {
		at = at.Add(2 * listingAge)
		if _, err := h.since(t.Context(), d.networks[1], d.now[d.networks[1]], d.prior[d.networks[1]]); err != nil {
			t.Fatal(err)
		}
		want := []string{"GET defaultGateways/" + d.networks[1] + "/changes"}
		if diff := cmp.Diff(want, d.requests()); diff != "" {
			t.Error(diff)
		}
		if h.newest != nil {
			t.Error("the history of all gateways was read")
		}
	}
}

// What was read for others ends before a later change, which is told all the same.
func TestHistory_changedSince(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(d *drifted, id string) error{
		"changed back and forth": func(d *drifted, id string) error {
			var err error
			for _, s := range []vcc.GatewaySettings{d.prior[id], {IPv4: &vcc.IPv4Settings{Address: netip.MustParseAddr("10.0.1.9"), PrefixLength: 24}}} {
				d.now[id], _, err = d.client.PutDefaultGateway(d.t.Context(), vcc.Actor{}, id, s, vcc.Precondition{})
			}
			return err
		},
		"removed": func(d *drifted, id string) error {
			d.now[id] = nil
			return d.client.RemoveDefaultGateway(d.t.Context(), vcc.Actor{}, id, vcc.Precondition{})
		},
	} {
		t.Run(strings.ReplaceAll(what, " ", "_"), func(t *testing.T) {
			t.Parallel()
			d := newDrifted(t, 9, 2)
			h := newHistory(d)
			d.ask(h)
			if h.newest == nil {
				t.Fatal("nothing was read for all")
			}
			if err := change(d, d.networks[1]); err != nil {
				t.Fatal(err)
			}
			d.ask(h)
		})
	}
}

// A backend that has no history of all gateways tells that of each.
func TestHistory_olderBackend(t *testing.T) {
	t.Parallel()
	d := newDrifted(t, 9, 1)
	d.before = func(r *http.Request) { // the parameter is unknown to it
		r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "scope=", "unknown=", 1)
	}
	if got := d.ask(newHistory(d)); len(got) != len(d.networks)+1 {
		t.Errorf("made %d requests, want one for each of %d gateways and one that is refused", len(got), len(d.networks))
	}
}

// A call that ends leaves the history to the others.
func TestHistory_canceled(t *testing.T) {
	t.Parallel()
	d := newDrifted(t, 9, 1)
	h := newHistory(d)
	h.asked = time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.since(ctx, d.networks[1], d.now[d.networks[1]], d.prior[d.networks[1]]); err == nil {
		t.Error("a call that had ended was answered")
	}
	if got := d.ask(h); len(got) > 2 {
		t.Errorf("made %d requests", len(got))
	}
	if h.newest.refused {
		t.Error("the call that ended is taken for a backend without such a history")
	}
}
