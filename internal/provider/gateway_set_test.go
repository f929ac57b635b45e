package provider_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A set is decided on a listing that may be some seconds old. What it finds wrong there it looks at once more, and what it does not know of
// is not overwritten.
func TestOldListing(t *testing.T) {
	const set, planned, changed, wanted = "vcc_default_gateways", "172.17.54.1", "172.17.54.9", "172.17.54.2"
	for name, test := range map[string]struct{ listed, stored, refusal, now string }{
		"it was as planned":     {planned, changed, `gateways["VMware Silver network 1"]`, changed},
		"it was not, and is":    {changed, planned, "", wanted},
		"it was not, nor is it": {changed, "172.17.54.8", "172.17.54.8", "172.17.54.8"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newTestLab(t)
			created := l.applied(set, setAttributes(map[string]string{silver3: planned}))
			update := l.served().creation(set, setAttributes(map[string]string{silver3: wanted}))
			must(t, update.update(created.state))

			l.command("gateway", "set", silver3, "--ipv4", test.listed+"/24")
			s := l.served()
			s.imported(set, "VMware Silver") // which lists what is stored
			l.command("gateway", "set", silver3, "--ipv4", test.stored+"/24")
			update.s = s
			said := update.apply()
			if test.refusal == "" {
				must(t, said)
			} else {
				expectText(t, said, "ERROR", test.refusal, "Nothing of that was overwritten")
			}
			if got := l.stored(silver3).IPv4.Address.String(); got != test.now {
				t.Errorf("%s is stored, want %s", got, test.now)
			}
		})
	}
}

// A removal leaves alone what it is not told of, so it does not go by an old listing that lacks one of its gateways: one that was not there for
// a moment is removed, too.
func TestOldListing_removal(t *testing.T) {
	const set, address = "vcc_default_gateways", "172.17.54.1"
	l := newTestLab(t)
	created := l.applied(set, setAttributes(map[string]string{silver3: address}))
	l.command("gateway", "remove", silver3)
	s := l.served()
	removal := s.removal(created)
	s.imported(set, "VMware Silver") // which lists what is stored
	l.command("gateway", "set", silver3, "--ipv4", address+"/24")
	must(t, removal.apply())
	if g := l.stored(silver3); g != nil {
		t.Errorf("%s is stored still", g.IPv4.Address)
	}
}

// What is stored is asked for as soon as a state was decoded, once.
func TestListingAhead(t *testing.T) {
	const set = "vcc_default_gateways"
	l := newServedLab(t)
	created := l.applied(set, setAttributes(map[string]string{silver3: "172.17.54.1"}))
	s := l.servedTo(t)
	arrived := make(chan struct{}, 10)
	l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/defaultGateways") {
			arrived <- struct{}{}
		}
		server.ServeHTTP(w, r)
	})
	s.decoded(set, fmt.Sprintf(`{"gateways": {%q: {"network_id": %q}}}`, silver3, l.ids[silver3]))
	select {
	case <-arrived:
	case <-time.After(time.Minute):
		t.Fatal("nothing was asked for")
	}
	read := s.creation(set, setAttributes(map[string]string{silver3: "172.17.54.1"}))
	read.state = created.state
	must(t, read.refresh())
	if n := len(arrived); n > 0 {
		t.Errorf("the read asked %d times more", n)
	}
}
