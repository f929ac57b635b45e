package backend_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Clients write through the API while the server, or the database's, is killed at
// random moments, again and again. What was acknowledged is there afterwards, nothing is
// half there, and neither history nor revisions have a gap.

const (
	crashWriters = 4
	// fullCheck is after how many rounds the whole history is compared with what was told.
	fullCheck = 40
	// crashRounds is how often a server is killed, unless VCC_TEST_ROUNDS says otherwise.
	crashRounds = 200
)

// crashPassword is that of the account "abc" of crashLab.
const crashPassword = "a password for the crash tests"

// crashLab returns the lab of these tests, with a password for its account.
func crashLab(t *testing.T, password string) vcc.ValidLab {
	t.Helper()
	lab, err := vcc.Lab{
		ServiceProvider: vcc.ServiceProvider{Name: "sp.example.net"},
		Hosts:           []vcc.Host{{Name: "esx01", Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 1, Last: 40}}}}},
		HardwarePlans:   []vcc.LabHardwarePlan{{Name: "Silver", Host: "esx01", Networks: vcc.LabNetworkCount{WithInternet: crashWriters}}},
		Tenants:         []vcc.LabTenant{{Name: "ABC", Username: "abc", Subscriptions: []string{"Silver"}}},
	}.Check()
	ok(t, err)
	lab, err = lab.WithPasswords(map[string]string{"abc": password})
	ok(t, err)
	return lab
}

// childEnv names what the test binary does instead of testing when a test starts it as
// another process.
const childEnv = "VCC_BACKEND_TEST_CHILD"

// serveChild serves a database at an address, and says when it does.
func serveChild(args []string) error {
	s, err := backend.NewServer(context.Background(), backend.ServerConfig{Listen: args[0], Database: args[1]})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return s.Serve(context.Background())
}

// startServer starts a server in another process, which ends with the test at the latest.
func startServer(t *testing.T, address, database string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], address, database)
	cmd.Env = append(os.Environ(), childEnv+"=serve", "ABC_COMPANY_PASSWORD=") // hashing it would take as long as the rest
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		_ = cmd.Wait()
		t.Fatalf("the server said %q: %v %s", line, err, log.String())
	}
	return cmd
}

// freeAddress is an address of the loopback interface that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	ok(t, err)
	defer l.Close() //nolint:errcheck // it is given back
	return l.Addr().String()
}

// crashWrite is one write and what became of it.
type crashWrite struct {
	address  string // "" for a removal
	before   string // of a removal, what was stored
	revision int64  // if it was acknowledged and no removal
	outcome  crashOutcome
}

type crashOutcome int

const (
	unknown      crashOutcome = iota // the answer was lost
	acknowledged                     // it is stored
	refused                          // the server said that nothing was changed
)

// crashWriter writes to a network that nobody else writes to, one write after the other.
type crashWriter struct {
	client  *httpapi.Client
	id      byte
	network string
	writes  []crashWrite
	// stored is the revision of the last write if it was acknowledged and no removal.
	stored int64
}

// write makes one write, and reports whether the server can go on for this client.
func (w *crashWriter) write(ctx context.Context) (goOn bool, err error) {
	next := crashWrite{}
	condition := unconditional
	if w.stored != 0 && rand.IntN(2) == 0 {
		condition = vcc.IfRevision(w.stored)
	}
	if w.stored != 0 && rand.IntN(4) == 0 {
		next.before = w.writes[len(w.writes)-1].address
		err = w.client.RemoveDefaultGateway(ctx, self, w.network, condition)
	} else {
		n := len(w.writes)
		next.address = fmt.Sprintf("10.%d.%d.%d", w.id, n/250, 1+n%250) // each is used once
		var g *vcc.DefaultGateway
		g, err = put(ctx, w.client, w.network, ipv4(next.address+"/16"), condition)
		if err == nil {
			next.revision = g.Revision
		}
	}
	switch code := vcc.Code(err); {
	case err == nil:
		next.outcome = acknowledged
	case code == vcc.CodeUnavailable:
		next.outcome = refused
	case code != vcc.CodeUnknown: // such as a condition that fails, which none may
		return false, err
	default:
		if !httpapi.Uncertain(err) {
			next.outcome = refused // never sent
		}
	}
	w.writes, w.stored = append(w.writes, next), next.revision
	return err == nil, nil
}

// check compares a history, oldest first, with what the writer was told.
func (w *crashWriter) check(t *testing.T, history []vcc.Change, stored string) {
	t.Helper()
	entries := map[string][]vcc.Change{}
	last := ""
	for _, c := range history {
		before, after := addressOf(c.Before), addressOf(c.After)
		if before != last {
			t.Errorf("%s: revision %d follows %q with a change from %q", w.network, c.Revision, last, before)
		}
		last = after
		key := "put " + after
		if after == "" {
			key = "remove " + before
		}
		entries[key] = append(entries[key], c)
	}
	if stored != last {
		t.Errorf("%s: %q is stored, and the history ends with %q", w.network, stored, last)
	}
	for _, write := range w.writes {
		key := "put " + write.address
		if write.address == "" {
			key = "remove " + write.before
		}
		found := entries[key]
		delete(entries, key)
		switch {
		case write.outcome == acknowledged && len(found) != 1:
			t.Errorf("%s: %s was acknowledged, and is in the history %d times", w.network, key, len(found))
		case write.outcome == acknowledged && write.revision != 0 && found[0].Revision != write.revision:
			t.Errorf("%s: %s was acknowledged as revision %d, and is %d", w.network, key, write.revision, found[0].Revision)
		case write.outcome == refused && len(found) != 0:
			t.Errorf("%s: %s was refused, and is in the history", w.network, key)
		case len(found) > 1:
			t.Errorf("%s: %s is in the history %d times", w.network, key, len(found))
		}
	}
	for key := range entries {
		t.Errorf("%s: nobody asked for %s", w.network, key)
	}
}

func addressOf(g *vcc.GatewayState) string {
	if g == nil {
		return ""
	}
	return g.IPv4.Address.String()
}

func declareCrashLab(t *testing.T, database string) {
	t.Helper()
	s, err := store.Open(t.Context(), database)
	ok(t, err)
	_, err = s.ApplyLab(t.Context(), crashLab(t, crashPassword), nil)
	ok(t, errors.Join(err, s.Close()))
}

// crash runs the rounds. begin makes the server ready and returns what kills it.
func crash(t *testing.T, rounds int, address string, begin func() (kill func())) {
	client, err := httpapi.NewClient(httpapi.ClientConfig{Endpoint: "http://" + address, Username: "abc", Password: crashPassword})
	ok(t, err)
	t.Cleanup(client.Close)
	patient, err := httpapi.NewClient(httpapi.ClientConfig{Endpoint: "http://" + address, Username: "abc", Password: crashPassword, MaxRetries: 10})
	ok(t, err)
	t.Cleanup(patient.Close)

	kill := begin()
	networks := networks(t, patient)
	writers := make([]*crashWriter, crashWriters)
	for i := range writers {
		writers[i] = &crashWriter{client: client, id: byte(i), network: networks[i].ID}
	}
	counted := map[crashOutcome]int{}
	for round := range rounds {
		if round > 0 {
			kill = begin()
		}
		var running sync.WaitGroup
		seen := make(chan struct{}, 1000)
		errs := make([]error, len(writers))
		for i, w := range writers {
			running.Go(func() {
				for goOn := true; goOn && errs[i] == nil; {
					if goOn, errs[i] = w.write(t.Context()); goOn {
						seen <- struct{}{}
					}
				}
			})
		}
		// A moment after some of the answers, in the middle of whatever goes on then.
		ended := make(chan struct{})
		go func() { running.Wait(); close(ended) }()
		for range rand.IntN(20) {
			select {
			case <-seen:
			case <-ended:
			}
		}
		time.Sleep(rand.N(3 * time.Millisecond))
		kill()
		for alive := true; alive; {
			select {
			case <-seen:
			case <-ended:
				alive = false
			}
		}
		ok(t, errors.Join(errs...))
		if round%fullCheck == fullCheck-1 || round == rounds-1 {
			kill = begin()
			checkAll(t, patient, writers)
			if round < rounds-1 {
				kill()
			}
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	kill()
	for _, w := range writers {
		for _, write := range w.writes {
			counted[write.outcome]++
		}
	}
	t.Logf("%d writes were acknowledged, of %d the answer was lost, %d were refused", counted[acknowledged], counted[unknown], counted[refused])
	if counted[acknowledged] < rounds || counted[unknown] == 0 {
		t.Error("the rounds did not do what they are for")
	}
}

// checkAll reads every history.
func checkAll(t *testing.T, client *httpapi.Client, writers []*crashWriter) {
	t.Helper()
	var revisions []int64
	for _, w := range writers {
		stored := ""
		g, err := client.DefaultGateway(t.Context(), self, w.network)
		if err == nil {
			stored = g.IPv4.Address.String()
		} else if vcc.Code(err) != vcc.CodeNotFound {
			t.Fatal(err)
		}
		changes := history(t, client, w.network)
		slices.Reverse(changes)
		for _, c := range changes {
			revisions = append(revisions, c.Revision)
		}
		w.check(t, changes, stored)
	}
	slices.Sort(revisions)
	for i, r := range revisions {
		if r != int64(i)+1 {
			t.Fatalf("revision %d stands where %d belongs", r, i+1)
		}
	}
}

func TestCrashOfTheServer(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	t.Parallel()
	address, database := freeAddress(t), "sqlite:"+filepath.Join(t.TempDir(), "vcc.db")
	declareCrashLab(t, database)
	crash(t, rounds(t, crashRounds), address, func() func() {
		cmd := startServer(t, address, database)
		return func() {
			ok(t, cmd.Process.Kill())
			_ = cmd.Wait() // it was killed
		}
	})
}

func TestCrashOfPostgreSQL(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	t.Parallel()
	// Most of a round is waiting for a server to start, so two take turns.
	for half := range 2 {
		t.Run(fmt.Sprint(half), func(t *testing.T) {
			t.Parallel()
			server := newPostgres(t)
			database := server.URL("postgres")
			declareCrashLab(t, database)
			running := serve(t, backend.ServerConfig{Database: database})
			first := true
			crash(t, max(1, rounds(t, crashRounds)/2), "127.0.0.1:"+running.port, func() func() {
				if !first {
					ok(t, server.Start())
				}
				first = false
				return server.Kill
			})
		})
	}
}
