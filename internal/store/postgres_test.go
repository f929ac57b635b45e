package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/postgrestest"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestOpenNamesTheForms(t *testing.T) {
	for address, want := range map[string]string{
		"":                         "a database is sqlite:PATH or postgres://USER@HOST/DATABASE",
		"sqlite:":                  "a database is sqlite:PATH or postgres://USER@HOST/DATABASE",
		"vcc.db":                   "a database is sqlite:PATH or postgres://USER@HOST/DATABASE",
		"mysql://u:hunter2@h/d":    "a database is sqlite:PATH or postgres://USER@HOST/DATABASE",
		"postgres://u:hunter2@h:x": "the address of the database cannot be read",
		"postgres://u:hunter2@127.0.0.1:1/d?sslmode=disable":                             "PostgreSQL at 127.0.0.1 does not answer; nothing was changed, try again",
		"postgres://u:hunter2@127.0.0.1:1/d?sslmode=disable&connect_timeout=1&x=hunter2": "PostgreSQL at 127.0.0.1 does not answer; nothing was changed, try again",
	} {
		_, err := store.Open(t.Context(), address)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error has the password: %v", address, err)
		}
	}
}

// What PostgreSQL says of an address is for the log alone.
func TestOpenPostgresInWords(t *testing.T) {
	t.Parallel()
	address := newDatabase(t, nil)
	server, err := postgres()
	ok(t, err)
	query(t, address, "REVOKE CREATE ON SCHEMA public FROM PUBLIC; DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN")
	u, err := url.Parse(address)
	ok(t, err)
	u.User = url.User("reader")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		ctx     context.Context //nolint:containedctx // of one call
		address string
		want    string
	}{
		"no database":   {t.Context(), server.URL("none"), "PostgreSQL has no database of that name; create it, or check the address of the database"},
		"no privileges": {t.Context(), u.String(), "PostgreSQL does not let the backend's user do this; nothing was changed, make it the owner of the database"},
		"interrupted":   {ctx, address, "it was interrupted: context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.Open(tc.ctx, tc.address)
			if err == nil || err.Error() != tc.want {
				t.Errorf("got %v\nwant %s", err, tc.want)
			}
		})
	}
}

// Servers that start at once on one empty database take turns.
func TestServersOpenAFreshDatabase(t *testing.T) {
	t.Parallel()
	address := newDatabase(t, nil)
	var processes []*process
	for range 3 {
		processes = append(processes, start(t, "open", address))
	}
	var errs [8]error
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			s, err := store.Open(t.Context(), address)
			if err == nil {
				err = s.Close()
			}
			errs[i] = err
		})
	}
	wg.Wait()
	ok(t, errors.Join(errs[:]...))
	for _, p := range processes {
		ok(t, p.in.Close()) // begin
	}
	for _, p := range processes {
		if err := p.Wait(); err != nil {
			t.Errorf("a process failed: %v %s", err, p.log.String())
		}
	}
	opened(t, address)
}

// What is stored is UTF-8 whatever a client's connection has for a default.
func TestPostgresEncoding(t *testing.T) {
	address := newDatabase(t, nil)
	lab := testLab()
	lab.Tenants[0].Name = "Zürich GmbH"
	written, read := &fixture{path: address + "&client_encoding=LATIN1"}, &fixture{path: address}
	written.open(t)
	read.open(t)
	ok(t, written.ApplyLab(t.Context(), lab, nil))
	tenant, err := read.Tenant(t.Context(), lab.Tenants[0].Name)
	ok(t, err)
	equal(t, "name", tenant.Name, lab.Tenants[0].Name)
}

// ownServer starts a server for a test that hurts it.
func ownServer(t *testing.T) (server *postgrestest.Server, address string) {
	t.Helper()
	newDatabase(t, nil) // which skips where there is no server
	server, err := postgrestest.New()
	ok(t, err)
	t.Cleanup(func() { _ = server.Close() })
	name, err := server.NewDatabase("")
	ok(t, err)
	s, err := store.Open(t.Context(), server.URL(name))
	ok(t, err)
	must(s.ApplyLab(t.Context(), testLab(), nil))
	ok(t, s.Close())
	return server, server.URL(name)
}

// While PostgreSQL is away the store says so, and afterwards it goes on by itself.
func TestStoreOutlivesPostgres(t *testing.T) {
	t.Parallel()
	server, address := ownServer(t)
	f := &fixture{path: address, at: time.Now().UTC()}
	f.open(t)
	f.abc = f.actor(t, "ABC")
	id := f.network(t, f.abc, "Silver network 1 (internet)").ID
	f.put(t, f.abc, id, app)
	server.Kill()
	for range 3 {
		_, err := f.DefaultGateway(t.Context(), f.abc, id)
		equal(t, "code of a read", vcc.Code(err), vcc.CodeUnavailable)
		_, _, err = f.PutDefaultGateway(t.Context(), f.abc, id, office, vcc.Precondition{})
		equal(t, "code of a write", vcc.Code(err), vcc.CodeUnavailable)
	}
	ok(t, server.Start())
	g, err := f.DefaultGateway(t.Context(), f.abc, id)
	ok(t, err)
	equal(t, "settings", g.GatewaySettings, app)
	f.abc.Name = "admin of ABC, later"
	f.put(t, f.abc, id, office)
	checkHistory(t, f, f.abc)
}

// TestWritesSurvivePostgresKill kills PostgreSQL at random moments while clients write.
// What they were told is stored is there afterwards, whole, and the history has no gap.
func TestWritesSurvivePostgresKill(t *testing.T) {
	t.Parallel()
	server, address := ownServer(t)
	f := &fixture{path: address, at: time.Now().UTC()}
	f.open(t)
	f.abc = f.actor(t, "ABC")
	networks := f.networks(t, f.abc)
	answered := map[string]string{}
	const rounds, writers = 20, 4
	for round := range rounds {
		var mu sync.Mutex
		var wg sync.WaitGroup
		written := make(chan struct{}, 1)
		for w := range writers {
			wg.Go(func() {
				for i := 0; ; i++ {
					as := f.abc
					as.Name = fmt.Sprintf("writer %d of round %d, write %d", w, round, i)
					said, err := randomWrite(context.Background(), f.Store, as, networks)
					switch vcc.Code(err) {
					case "":
						mu.Lock()
						answered[as.Name] = said
						mu.Unlock()
						select {
						case written <- struct{}{}:
						default:
						}
					case vcc.CodeNotFound, vcc.CodePreconditionFailed:
					case vcc.CodeUnavailable, vcc.CodeUnknown:
						return // PostgreSQL is gone
					default:
						t.Error(err)
						return
					}
				}
			})
		}
		for range 1 + rand.IntN(10) {
			<-written
		}
		server.Kill()
		wg.Wait()
		ok(t, server.Start())
		stored := checkHistory(t, f, f.abc)
		missing := 0
		for actor, said := range answered {
			if stored[actor] != said {
				missing++
				t.Errorf("round %d: %s was told that it wrote %q; stored is %q", round, actor, said, stored[actor])
			}
		}
		if unanswered := len(stored) - len(answered); unanswered > (round+1)*writers {
			t.Errorf("after round %d there are %d writes that nobody was told of", round, unanswered)
		}
		if t.Failed() {
			return
		}
	}
	if len(answered) < rounds {
		t.Errorf("only %d answered writes in %d rounds", len(answered), rounds)
	}
}

// In CI nothing is left out for want of a server.
func TestPostgresIsThereInCI(t *testing.T) {
	if _, err := postgres(); err != nil && os.Getenv("CI") != "" {
		t.Error(err)
	}
}
