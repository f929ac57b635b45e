//go:build unix

package backend_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/postgrestest"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Clients write to two servers of one database while PostgreSQL's primary is killed, or hangs, and its
// synchronous standby is promoted, or while one of the two servers is killed or hangs, again and again.
// Writes go on by themselves, what was acknowledged is there afterwards, and all clients were told what one
// register for each network could have told them.

const (
	// writesGoOn is within how long after a promotion writes go on, as operators are promised.
	writesGoOn = 15 * time.Second
	// longest is for what has no such promise.
	longest = 2 * time.Minute
)

// fault is what happens while clients write.
type fault struct {
	strike func() error
	// Writes go on through the servers of goOn, within so long.
	goOn   []int
	within time.Duration
	// heal lets them go on through all servers, where that is not so anyway.
	heal func() error
	// settle returns when nothing changes any more by itself that no client asks for.
	settle func()
}

// addressRegister is a network's gateway, of which each address is stored once.
var addressRegister = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		byKey := map[string][]porcupine.Operation{}
		for _, o := range history {
			byKey[o.Input.(addressAsk).network] = append(byKey[o.Input.(addressAsk).network], o)
		}
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(s, in, out any) (bool, any) {
		if asked := in.(addressAsk); asked.put != "" {
			return true, asked.put
		}
		return s == out, s
	},
}

// addressAsk reads the gateway of a network, or puts an address there.
type addressAsk struct{ network, put string }

// addressClient is a client of one server.
type addressClient struct {
	client *httpapi.Client
	id     int
	server int
	// waits is how long it waits for an answer.
	waits time.Duration
	sent  int
	// history is of one round, acknowledged of all: the revision by address.
	history      []porcupine.Operation
	acknowledged map[string]int64
	refused      map[string]bool
}

// ask makes one request and reports whether it was answered.
func (c *addressClient) ask(ctx context.Context, t *testing.T, start time.Time, networks []string) (wrote, answered bool) {
	ctx, cancel := context.WithTimeout(ctx, c.waits)
	defer cancel()
	key := rand.IntN(len(networks))
	o := porcupine.Operation{ClientId: c.id, Input: addressAsk{network: networks[key]}, Call: time.Since(start).Nanoseconds()}
	var err error
	if rand.IntN(2) == 0 {
		wrote = true
		c.sent++
		address := fmt.Sprintf("10.%d.%d.%d", key*16+c.id, c.sent/250, 1+c.sent%250)
		o.Input = addressAsk{networks[key], address}
		var g *vcc.DefaultGateway
		// 12 bits: each client has a range of each network's.
		if g, err = put(ctx, c.client, networks[key], ipv4(address+"/12"), unconditional); err == nil {
			c.acknowledged[address] = g.Revision
		} else if vcc.Code(err) == vcc.CodeUnavailable || !httpapi.Uncertain(err) {
			c.refused[address] = true
		}
	} else {
		var g *vcc.DefaultGateway
		g, err = c.client.DefaultGateway(ctx, self, networks[key])
		o.Output = ""
		if err == nil {
			o.Output = g.IPv4.Address.String()
		} else if vcc.Code(err) == vcc.CodeNotFound {
			err = nil
		}
	}
	o.Return = time.Since(start).Nanoseconds()
	switch {
	case err == nil:
		c.history = append(c.history, o)
	case vcc.Code(err) != vcc.CodeUnavailable && vcc.Code(err) != vcc.CodeUnknown:
		t.Errorf("%+v: %v", o.Input, err)
	case wrote && httpapi.Uncertain(err):
		o.Return = math.MaxInt64 // it may happen whenever, also never
		c.history = append(c.history, o)
	}
	return wrote, err == nil
}

func TestPromotion(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	t.Parallel()
	for name, hurt := range map[string]func(*postgrestest.Server){
		"killed": (*postgrestest.Server).Kill,
		"hung":   (*postgrestest.Server).Freeze,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testPromotion(t, hurt)
		})
	}
}

func testPromotion(t *testing.T, hurt func(*postgrestest.Server)) {
	primary := newPostgres(t)
	standby, err := postgrestest.NewStandby(primary)
	ok(t, err)
	t.Cleanup(func() { _ = standby.Close() })
	two := startTwo(t, postgrestest.URLOf("postgres", primary, standby), httpapi.DefaultRequestTimeout)
	for _, s := range two.servers {
		probe(t, s.address)
	}
	for round := range rounds(t, 1) {
		two.strikeUnderWrites(t, fault{
			strike: func() error {
				if round%2 == 0 {
					// The primary commits what the standby never gets.
					if err := primary.CutOff(standby); err != nil {
						return err
					}
					time.Sleep(50 * time.Millisecond)
				}
				hurt(primary)
				standby.Thaw()
				return standby.Promote()
			},
			goOn: []int{0, 1}, within: writesGoOn,
		})
		two.checkTold(t)
		if t.Failed() {
			t.Fatalf("in round %d", round+1)
		}
		ok(t, primary.Follow(standby))
		primary, standby = standby, primary
	}
}

// probe asks a server all the time whether it is ready, as a balancer does. That must not keep it from getting
// ready again.
func probe(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait() })
	running.Go(func() {
		for ctx.Err() == nil {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			if resp, err := http.DefaultClient.Do(req); err == nil { //nolint:gosec // it is this test's own
				_ = resp.Body.Close()
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
}

func TestServerOfTwo(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	t.Parallel()
	for name, hang := range map[string]bool{"killed": false, "hung": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testServerOfTwo(t, hang)
		})
	}
}

func testServerOfTwo(t *testing.T, hang bool) {
	database := newPostgres(t).URL("postgres")
	two := startTwo(t, database, 2*time.Second)
	for round := range rounds(t, 1) {
		victim := rand.IntN(2)
		f := fault{goOn: []int{1 - victim}, within: longest, settle: func() {
			// What was asked for and not waited for has its end with the server.
			for i := range two.servers {
				two.kill(i)
			}
			for i := range two.servers {
				two.start(t, i)
			}
		}}
		if hang {
			f.strike = func() error { return two.servers[victim].run.Process.Signal(syscall.SIGSTOP) }
			f.heal = func() error { return two.servers[victim].run.Process.Signal(syscall.SIGCONT) }
		} else {
			f.strike = func() error { two.kill(victim); return nil }
			f.heal = func() error { two.start(t, victim); return nil }
		}
		two.strikeUnderWrites(t, f)
		two.checkTold(t)
		if t.Failed() {
			t.Fatalf("in round %d", round+1)
		}
	}
}

// twoServers are two servers of one database, in processes of their own, with clients of either.
type twoServers struct {
	database string
	servers  [2]struct {
		address string
		run     *exec.Cmd
	}
	clients  []*addressClient
	networks []string
	options  []int64 // the revisions of the routing option, which is written once a round
}

// startTwo starts them. A client waits so long for an answer.
func startTwo(t *testing.T, database string, waits time.Duration) *twoServers {
	t.Helper()
	declareCrashLab(t, database)
	two := &twoServers{database: database}
	for i := range two.servers {
		two.servers[i].address = freeAddress(t)
		two.start(t, i)
		t.Cleanup(func() { two.kill(i) })
	}
	two.clients = make([]*addressClient, 6)
	for i := range two.clients {
		c, err := httpapi.NewClient(httpapi.ClientConfig{Endpoint: "http://" + two.servers[i%2].address, Username: "abc", Password: crashPassword})
		ok(t, err)
		t.Cleanup(c.Close)
		two.clients[i] = &addressClient{client: c, id: i, server: i % 2, waits: waits, acknowledged: map[string]int64{}, refused: map[string]bool{}}
		// This logs it in, which takes longer than a write.
		two.networks = mapped(networks(t, c)[:3], func(n vcc.Network) string { return n.ID })
	}
	return two
}

func (two *twoServers) start(t *testing.T, i int) {
	t.Helper()
	two.servers[i].run = startServer(t, two.servers[i].address, two.database)
}

func (two *twoServers) kill(i int) {
	_ = two.servers[i].run.Process.Kill()
	_ = two.servers[i].run.Wait() // it was killed
}

// strikeUnderWrites lets all clients read and write, makes a fault meanwhile, and waits until writes go on. Then
// it checks what the clients were told.
func (two *twoServers) strikeUnderWrites(t *testing.T, f fault) {
	t.Helper()
	start := time.Now()
	for _, c := range two.clients {
		c.history = nil
	}
	first := two.clients[0]
	// What is there from the round before.
	for _, n := range two.networks {
		if g, err := first.client.DefaultGateway(t.Context(), self, n); err == nil {
			first.history = append(first.history, porcupine.Operation{Input: addressAsk{n, g.IPv4.Address.String()}, Call: -2, Return: -1})
		} else if vcc.Code(err) != vcc.CodeNotFound {
			t.Fatal(err)
		}
	}
	var stop atomic.Bool
	var running sync.WaitGroup
	wrote := make(chan int, 1000) // the server that acknowledged
	for _, c := range two.clients {
		running.Go(func() {
			for !stop.Load() {
				isWrite, answered := c.ask(t.Context(), t, start, two.networks)
				if !answered {
					time.Sleep(20 * time.Millisecond) // as a client that tries again
				} else if isWrite {
					select {
					case wrote <- c.server:
					default: // enough are waiting
					}
				}
			}
		})
	}
	// through waits until each of some servers acknowledged writes since it was called.
	through := func(writes int, servers []int, within time.Duration) bool {
		for len(wrote) > 0 {
			<-wrote
		}
		giveUp := time.After(within)
		counted := map[int]int{}
		for slices.ContainsFunc(servers, func(s int) bool { return counted[s] < writes }) {
			select {
			case server := <-wrote:
				counted[server]++
			case <-giveUp:
				t.Errorf("writes do not go on within %s", within)
				return false
			}
		}
		return true
	}
	both := []int{0, 1}
	if through(20+rand.IntN(20), both, longest) {
		err := f.strike()
		struck := time.Now()
		if err == nil && through(1, f.goOn, f.within) {
			t.Logf("writes went on after %.1f s", time.Since(struck).Seconds())
			if through(20, f.goOn, longest) && f.heal != nil {
				if err = f.heal(); err == nil {
					through(20, both, longest)
				}
			}
		}
		if err != nil {
			t.Error(err)
		}
	}
	stop.Store(true)
	running.Wait()
	if f.settle != nil {
		f.settle()
	}
	var history []porcupine.Operation
	unanswered := 0
	for _, c := range two.clients {
		for _, o := range c.history {
			if o.Return == math.MaxInt64 {
				unanswered++
			}
		}
		history = append(history, c.history...)
	}
	// A last write waits for all that still have the tenant's lock.
	if r, err := first.client.PutNetworkRouting(t.Context(), self, rand.IntN(2) == 0, unconditional); err == nil {
		two.options = append(two.options, r.Revision)
	} else {
		t.Error(err)
	}
	// What is there in the end.
	for _, n := range two.networks {
		g, err := first.client.DefaultGateway(t.Context(), self, n)
		if err != nil {
			t.Error(err)
			return
		}
		now := time.Since(start).Nanoseconds()
		history = append(history, porcupine.Operation{ClientId: len(two.clients), Input: addressAsk{network: n}, Output: g.IPv4.Address.String(), Call: now, Return: now + 1})
	}
	t.Logf("%d operations, of which the outcome of %d is uncertain", len(history), unanswered)
	if result := porcupine.CheckOperationsTimeout(addressRegister, history, time.Minute); result != porcupine.Ok {
		t.Errorf("the history is not linearizable: %s", result)
	}
}

// checkTold compares the stored history with all that was ever told.
func (two *twoServers) checkTold(t *testing.T) {
	t.Helper()
	client := two.clients[0].client
	stored, revisions := map[string]int64{}, map[int64]bool{}
	for _, n := range two.networks {
		for _, c := range history(t, client, n) {
			address := addressOf(c.After)
			if _, twice := stored[address]; twice {
				t.Errorf("%s is stored twice", address)
			}
			stored[address] = c.Revision
			revisions[c.Revision] = true
		}
	}
	for _, r := range two.options {
		revisions[r] = true
	}
	delete(revisions, 0) // never written
	for i := range len(revisions) {
		if !revisions[int64(i)+1] {
			t.Errorf("the history has no revision %d", i+1)
		}
	}
	for _, c := range two.clients {
		for address, revision := range c.acknowledged {
			if stored[address] != revision {
				t.Errorf("%s was acknowledged as revision %d, and is %d", address, revision, stored[address])
			}
		}
		for address := range c.refused {
			if stored[address] != 0 {
				t.Errorf("%s was refused, and is revision %d", address, stored[address])
			}
		}
	}
}
