package store_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestAnsweredWritesSurviveKill kills processes that write, at random moments,
// and looks for what they were told is stored.
func TestAnsweredWritesSurviveKill(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	onBoth(t, testAnsweredWritesSurviveKill)
}

func testAnsweredWritesSurviveKill(t *testing.T) {
	for _, tc := range []struct{ writers, rounds int }{{1, 25}, {2, 5}} {
		t.Run(fmt.Sprintf("%d writers", tc.writers), func(t *testing.T) {
			f := newFixture(t)
			ok(t, f.Close())
			answered := map[string]string{} // in all rounds, by writer and write
			for round := range tc.rounds {
				writers := make([]*process, tc.writers)
				for i := range writers {
					writers[i] = start(t, "write", f.path, f.abc.TenantID, fmt.Sprintf("writer %d of round %d", i, round))
				}
				for _, w := range writers {
					for actor, said := range w.killSoon(t) {
						answered[actor] = said
					}
				}
				waitForSessions(t, f.path)
				f.open(t)
				stored := checkHistory(t, f, f.abc)
				ok(t, f.Close())
				unanswered := len(stored)
				for actor, said := range answered {
					if stored[actor] != said {
						t.Errorf("round %d: %s was told that it wrote %q; stored is %q", round, actor, said, stored[actor])
					}
					unanswered--
				}
				if limit := (round + 1) * tc.writers; unanswered > limit {
					t.Errorf("after round %d there are %d writes that nobody was told of, more than %d", round, unanswered, limit)
				}
				if t.Failed() {
					return
				}
			}
			if len(answered) < tc.rounds {
				t.Errorf("only %d answered writes in %d rounds", len(answered), tc.rounds)
			}
		})
	}
}

// waitForSessions waits until PostgreSQL has done with what was asked by processes that
// are gone: a commit on its way would come between the looks of a test.
func waitForSessions(t *testing.T, path string) {
	t.Helper()
	const others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'terraform-provider-vcc'"
	for isPostgres(path) && len(query(t, path, others)) > 0 {
		time.Sleep(time.Millisecond) // the server tells nobody when a session ends
	}
}

// killSoon kills a writer after some of its answers, in the middle of whatever
// it does then, and returns the answers it printed whole, by their actor.
func (p *process) killSoon(t *testing.T) map[string]string {
	t.Helper()
	answered := map[string]string{}
	for last := rand.IntN(20); ; last-- {
		line, err := p.out.ReadString('\n')
		if err != nil {
			if err != io.EOF || p.log.Len() > 0 {
				t.Fatalf("reading what a writer says: %v %s", err, p.log.String())
			}
			_ = p.Wait() // it was killed
			return answered
		}
		if actor, said, whole := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); whole {
			answered[actor] = said
		}
		if last == 0 {
			time.Sleep(rand.N(3 * time.Millisecond)) // a write takes about one
			ok(t, p.Process.Kill())
		}
	}
}

// writeChild writes at random, as fast as it can and without end: gateways,
// removals and the routing option of a tenant. It prints a line for every write
// that was answered: its actor, whose name is used once, and what was written.
func writeChild(args []string) error {
	ctx := context.Background()
	path, as, name := args[0], vcc.Actor{TenantID: args[1]}, args[2]
	s, err := openStore(ctx, path)
	if err != nil {
		return err
	}
	networks, _, err := s.Networks(ctx, as, vcc.NetworkFilter{}, everything)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for i := 0; ; i++ {
		as.Name = fmt.Sprintf("%s, write %d", name, i)
		said, err := randomWrite(ctx, s, as, networks)
		switch vcc.Code(err) {
		case "":
			if _, err := fmt.Fprintf(os.Stdout, "%s\t%s\n", as.Name, said); err != nil {
				return err
			}
		case vcc.CodeNotFound, vcc.CodePreconditionFailed: // the removal of what is not there; another writer was faster
		default:
			return err
		}
	}
}

// randomWrite makes a write that changes something, and says what.
func randomWrite(ctx context.Context, s *store.Store, as vcc.Actor, networks []vcc.Network) (string, error) {
	i := rand.IntN(len(networks))
	switch n := networks[i]; rand.IntN(6) {
	case 0:
		return sayGateway(0, n.ID, nil), s.RemoveDefaultGateway(ctx, as, n.ID, vcc.Precondition{})
	case 5:
		g, err := s.RestoreDetectedGateway(ctx, as, n.ID, vcc.Precondition{})
		if err != nil || g == nil {
			return sayGateway(0, n.ID, nil), err
		}
		return sayGateway(g.Revision, n.ID, &vcc.GatewayState{Origin: g.Origin, GatewaySettings: g.GatewaySettings}), nil
	case 1:
		current, err := s.NetworkRouting(ctx, as)
		if err != nil {
			return "", err
		}
		r, err := s.PutNetworkRouting(ctx, as, !current.Enabled, vcc.Precondition{Revision: &current.Revision})
		if err != nil {
			return "", err
		}
		return sayRouting(*r), nil
	default:
		settings := ipv4(fmt.Sprintf("10.%d.%d.%d/16", i, rand.IntN(256), 1+rand.IntN(254)))
		if rand.IntN(2) == 0 {
			network := netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(i)}), 64)
			settings = both(settings, ipv6("fe80::1", network.String()))
		}
		g, _, err := s.PutDefaultGateway(ctx, as, n.ID, settings, vcc.Precondition{})
		if err != nil {
			return "", err
		}
		if g.UpdatedBy != as.Name { // the very settings were stored: nothing to tell of
			return "", &vcc.Error{Code: vcc.CodePreconditionFailed, Message: "no change"}
		}
		return sayGateway(g.Revision, n.ID, &vcc.GatewayState{Origin: g.Origin, GatewaySettings: g.GatewaySettings}), nil
	}
}

// TestConcurrentWriters lets stores of one process write side by side, each over
// two goroutines.
func TestConcurrentWriters(t *testing.T) { onBoth(t, testConcurrentWriters) }

func testConcurrentWriters(t *testing.T) {
	f := newFixture(t)
	other := &fixture{path: f.path}
	other.open(t)
	networks := f.networks(t, f.abc)
	const writes = 25
	var wg sync.WaitGroup
	answers := make([]map[string]string, 4)
	for i := range answers {
		s := []*store.Store{f.Store, other.Store}[i%2]
		answers[i] = map[string]string{}
		wg.Go(func() {
			for n := range writes {
				as := vcc.Actor{TenantID: f.abc.TenantID, Name: fmt.Sprintf("writer %d, write %d", i, n)}
				said, err := randomWrite(context.Background(), s, as, networks)
				switch vcc.Code(err) {
				case "":
					answers[i][as.Name] = said
				case vcc.CodeNotFound, vcc.CodePreconditionFailed:
				default:
					t.Errorf("%s: %v", as.Name, err)
				}
			}
		})
	}
	wg.Wait()
	all := map[string]string{}
	for _, answered := range answers {
		for actor, said := range answered {
			all[actor] = said
		}
	}
	if diff := cmp.Diff(all, checkHistory(t, f, f.abc)); diff != "" {
		t.Errorf("stored writes (-answered +stored):\n%s", diff)
	}
}

// TestConditionalWritersTakeTurns counts with a gateway: of the writers that saw
// one revision only one may win.
func TestConditionalWritersTakeTurns(t *testing.T) { onBoth(t, testConditionalWritersTakeTurns) }

func testConditionalWritersTakeTurns(t *testing.T) {
	f := newFixture(t)
	n := f.network(t, f.abc, "Silver network 1 (internet)")
	f.put(t, f.abc, n.ID, ipv4("10.0.0.1/16"))
	const writers, each = 4, 10
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for won := 0; won < each; {
				current, err := f.DefaultGateway(context.Background(), f.abc, n.ID)
				if err != nil {
					t.Error(err)
					return
				}
				next := vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: current.IPv4.Address.Next(), PrefixLength: 16}}
				_, _, err = f.PutDefaultGateway(context.Background(), f.abc, n.ID, next, vcc.Precondition{Revision: &current.Revision})
				switch vcc.Code(err) {
				case "":
					won++
				case vcc.CodePreconditionFailed:
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	g, err := f.DefaultGateway(t.Context(), f.abc, n.ID)
	ok(t, err)
	equal(t, "address and revision", fmt.Sprint(g.IPv4.Address, " ", g.Revision), fmt.Sprintf("10.0.0.%d %d", 1+writers*each, 1+writers*each))
}
