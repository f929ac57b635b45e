package backend_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/labfile"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// changes makes changes of every kind that a trace depends on, as another server on the same database would.
type changes struct {
	t      *testing.T
	random *rand.Rand
	store  *store.Store
	// services are fresh, so they know nothing of what was compiled before.
	services *backend.Services
	as       vcc.Actor
	labs     []vcc.ValidLab
}

// newChanges declares the built-in lab in a database.
func newChanges(t *testing.T, database string, seed uint64) *changes {
	t.Helper()
	s, err := store.Open(t.Context(), database)
	ok(t, err)
	t.Cleanup(func() { _ = s.Close() })
	c := &changes{t: t, random: rand.New(rand.NewPCG(seed, seed)), store: s, services: backend.NewServices(s)}
	for _, change := range []func(*vcc.Lab){
		func(*vcc.Lab) {},
		func(l *vcc.Lab) { // a rule more
			p := &l.Tenants[0].FailoverPlans[0]
			p.PublicIPRules = append(p.PublicIPRules, publicIPRule("203.0.113.11:9443", "172.17.52.10:9443"))
		},
		func(l *vcc.Lab) { // no way out
			l.Tenants[0].Appliances = nil
		},
		func(l *vcc.Lab) { // another host
			l.Hosts[0].Platform = vcc.PlatformHyperV
		},
		func(l *vcc.Lab) { // no networks of a plan, which come back with other IDs
			l.Tenants[0].Subscriptions, l.Tenants[0].Jobs = l.Tenants[0].Subscriptions[:1], l.Tenants[0].Jobs[:1]
		},
		func(l *vcc.Lab) { // other names and numbers of networks
			l.HardwarePlans[0].Networks.WithoutInternet++
		},
		func(l *vcc.Lab) { // another order of plans
			s := l.Tenants[0].Subscriptions
			s[0], s[1] = s[1], s[0]
		},
	} {
		builtIn, err := labfile.BuiltIn()
		ok(t, err)
		lab := builtIn.Lab()
		change(&lab)
		valid, err := lab.Check()
		ok(t, err)
		c.labs = append(c.labs, valid)
	}
	_, err = s.ApplyLab(t.Context(), c.labs[0], nil)
	ok(t, err)
	found, err := s.Tenant(t.Context(), "ABC Company")
	ok(t, err)
	c.as = vcc.Actor{TenantID: found.ID, Name: "test"}
	return c
}

// change makes one change at random, says which, and reports whether the store took it.
func (c *changes) change(ctx context.Context) string {
	c.t.Helper()
	networks, _, err := c.store.Networks(ctx, c.as, vcc.NetworkFilter{}, vcc.Page{Limit: 100})
	ok(c.t, err)
	network := networks[c.random.IntN(len(networks))]
	what := ""
	switch c.random.IntN(12) {
	case 0, 1:
		gateway := []string{"172.17.52.1/23", "172.17.54.1/24", "172.17.54.2/24", "172.17.56.1/24", "172.17.58.1/24"}[c.random.IntN(5)]
		what = fmt.Sprintf("gateway of %s: %s", network.Name, gateway)
		_, _, err = c.store.PutDefaultGateway(ctx, c.as, network.ID, ipv4(gateway), unconditional)
	case 2:
		what = "no gateway of " + network.Name
		err = c.store.RemoveDefaultGateway(ctx, c.as, network.ID, unconditional)
	case 3:
		on := c.random.IntN(2) == 0
		what = fmt.Sprintf("routing: %v", on)
		_, err = c.store.PutNetworkRouting(ctx, c.as, on, unconditional)
	case 4:
		jobs, _, jobsErr := c.store.ReplicationJobs(ctx, c.as, vcc.Page{Limit: 100})
		ok(c.t, jobsErr)
		job := jobs[c.random.IntN(len(jobs))]
		what = "run of " + job.Name
		_, err = c.store.RunReplicationJob(ctx, c.as, job.ID)
	case 5, 6:
		plans, _, plansErr := c.store.FailoverPlans(ctx, c.as, vcc.Page{Limit: 100})
		ok(c.t, plansErr)
		if plans[0].Session == nil {
			what = "start"
			_, err = c.services.StartFailover(ctx, c.as, plans[0].ID, true)
		} else {
			what = "undo"
			_, err = c.services.UndoFailover(ctx, c.as, plans[0].ID)
		}
	case 7:
		what = "partial failover"
		if _, err = c.services.StartPartialFailover(ctx, c.as, "web01"); err != nil {
			what = "end of a partial failover"
			_, err = c.services.StopPartialFailover(ctx, c.as, "web01")
		}
	case 8:
		i := c.random.IntN(len(c.labs))
		what = fmt.Sprintf("lab %d", i)
		outcome, _ := c.store.PreviewLab(ctx, c.labs[i], nil) // refuses what has to be named
		var remove []string
		for _, change := range outcome.Changes {
			if address := change.Address(); address != "" {
				remove = append(remove, address)
			}
		}
		_, err = c.store.ApplyLab(ctx, c.labs[i], remove)
	case 9:
		what = "one gateway, of " + network.Name
		_, err = c.store.PutDefaultGateways(ctx, c.as, vcc.GatewaySet{Gateways: []vcc.NetworkGateway{{NetworkID: network.ID, GatewaySettings: ipv4("172.17.52.7/23")}}})
	case 10:
		plans, _, plansErr := c.store.FailoverPlans(ctx, c.as, vcc.Page{Limit: 100})
		ok(c.t, plansErr)
		settings := plans[0].FailoverPlanSettings
		what = "rules of " + plans[0].Name
		if settings.PublicIPRules = settings.PublicIPRules[:0:0]; c.random.IntN(2) == 0 {
			settings.PublicIPRules = []vcc.PublicIPRule{publicIPRule("203.0.113.11:9443", "172.17.52.10:9443")}
		}
		_, _, err = c.store.PutFailoverPlan(ctx, c.as, plans[0].ID, plans[0].Name, settings, unconditional)
	case 11:
		what = "what was detected of " + network.Name
		_, err = c.store.RestoreDetectedGateway(ctx, c.as, network.ID, unconditional)
	}
	switch vcc.Code(err) {
	case vcc.CodeConflict, vcc.CodeNotFound:
		what += ", which was refused"
	default:
		ok(c.t, err)
	}
	return what
}

// seen is what a tenant is told of its appliances.
type seen struct {
	Appliances []vcc.ApplianceState
	Answers    []vcc.Reachability
}

func see(t *testing.T, s *backend.Services, as vcc.Actor) (got seen) {
	t.Helper()
	var err error
	got.Appliances, _, err = s.Appliances(t.Context(), as, vcc.Page{Limit: 100})
	ok(t, err)
	var questions []vcc.TraceRequest
	for _, q := range []string{"tcp web01 db01 5432", "tcp web01 internet 443", "tcp internet 203.0.113.11 9443", "tcp internet 203.0.113.10 443", "icmp db01 172.17.58.40"} {
		questions = append(questions, question(t, q))
	}
	got.Answers, err = s.Trace(t.Context(), as, questions, vcc.Assumption{})
	ok(t, err)
	return got
}

// TestCompiledIsNeverOlderThanTheStore compares what a server tells that keeps what it
// compiled with what one tells that has nothing yet, after changes of any kind by another.
func TestCompiledIsNeverOlderThanTheStore(t *testing.T) {
	t.Parallel()
	for kind, database := range map[string]func(*testing.T) string{
		"SQLite":     func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "vcc.db") },
		"PostgreSQL": newPostgresDatabase,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			rounds := 1
			if text := os.Getenv("VCC_TEST_ROUNDS"); text != "" {
				var err error
				rounds, err = strconv.Atoi(text)
				ok(t, err)
			}
			address := database(t)
			seed := rand.Uint64()
			c := newChanges(t, address, seed)
			s, err := store.Open(t.Context(), address)
			ok(t, err)
			t.Cleanup(func() { _ = s.Close() })
			keeping := backend.NewServices(s)
			var done []string
			for range 150 * rounds {
				done = append(done, c.change(t.Context()))
				got, want := see(t, keeping, c.as), see(t, backend.NewServices(s), c.as)
				same(t, "what is told", got, want)
				if t.Failed() {
					t.Fatalf("seed %d, after %q", seed, done)
				}
			}
		})
	}
}

// TestCompiledWhileItChanges: whoever asks after a change was acknowledged is told of it,
// however many ask at once.
func TestCompiledWhileItChanges(t *testing.T) {
	t.Parallel()
	address := "sqlite:" + filepath.Join(t.TempDir(), "vcc.db")
	c := newChanges(t, address, 1)
	s, err := store.Open(t.Context(), address)
	ok(t, err)
	t.Cleanup(func() { _ = s.Close() })
	keeping := backend.NewServices(s)
	networks, _, err := c.store.Networks(t.Context(), c.as, vcc.NetworkFilter{}, vcc.Page{Limit: 1})
	ok(t, err)
	for i := range 50 {
		gateway := fmt.Sprintf("172.17.52.%d/23", 1+i)
		_, _, err := c.store.PutDefaultGateway(t.Context(), c.as, networks[0].ID, ipv4(gateway), unconditional)
		ok(t, err)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				states, _, err := keeping.Appliances(t.Context(), c.as, vcc.Page{Limit: 1})
				if err != nil || states[0].Interfaces[1].Addresses[0].String() != gateway {
					t.Errorf("after %s was stored: got %v, %v", gateway, states, err)
				}
			})
		}
		all.Wait()
	}
}

// TestCompiledIsKept: what was compiled answers until something changes that it depends on.
func TestCompiledIsKept(t *testing.T) {
	t.Parallel()
	address := "sqlite:" + filepath.Join(t.TempDir(), "vcc.db")
	c := newChanges(t, address, 1)
	s, err := store.Open(t.Context(), address)
	ok(t, err)
	t.Cleanup(func() { _ = s.Close() })
	keeping := backend.NewServices(s)
	compiled := func() any {
		t.Helper()
		got, err := keeping.Compiled(t.Context(), c.as)
		ok(t, err)
		return got
	}
	before := compiled()
	for range 20 {
		see(t, keeping, c.as)
		if compiled() != before {
			t.Fatal("it was compiled again, though nothing changed")
		}
	}
	networks, _, err := c.store.Networks(t.Context(), c.as, vcc.NetworkFilter{}, vcc.Page{Limit: 1})
	ok(t, err)
	_, _, err = c.store.PutDefaultGateway(t.Context(), c.as, networks[0].ID, ipv4("172.17.52.9/23"), unconditional)
	ok(t, err)
	after := compiled()
	if after == before {
		t.Error("a change of a gateway left what was compiled before")
	}
	if compiled() != after {
		t.Error("after a change it was compiled twice")
	}
}
