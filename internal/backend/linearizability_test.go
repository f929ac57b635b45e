package backend_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/postgrestest"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// What many clients of two servers on one database are told is what one client after
// the other could have been told, each at some moment between asking and being
// answered: reads, writes and removals, conditional or not, on few keys.

// request is what a client asks for.
type request struct {
	key string // a network's ID, or "" for the routing option
	do  string // "get", "put", "remove", "restore" or "detect"
	// value is what to store: the last octet of the address, or 0 and 1 for the option.
	value int
	// job is what detects the value 9.
	job string
	// absent and revision are the condition; a revision of 0 is none.
	absent   bool
	revision int64
}

// response is what it is told.
type response struct {
	code vcc.ErrorCode // "" for success
	// stored says what is stored, as told by a success or by a failed condition.
	stored state
}

// state is what is stored under a key. A revision of 0 is nothing.
type state struct {
	revision int64
	value    int
	// detected is the value that a job detected and that this one overwrote, 0 for none.
	// origin is the gateway's, "" for the option.
	detected int
	origin   vcc.Origin
	// last is the newest revision that the key had, removals left out.
	last int64
}

// register is the plainest thing that a key could be.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		byKey := map[string][]porcupine.Operation{}
		for _, o := range history {
			key := o.Input.(request).key
			byKey[key] = append(byKey[key], o)
		}
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return state{} },
	Step: func(s, in, out any) (bool, any) {
		now, asked, told := s.(state), in.(request), out.(response)
		at := now
		at.last = 0
		here := at == told.stored || now.revision == 0 && told.stored.revision == 0
		if asked.do == "detect" {
			if now.revision != 0 {
				return told.stored == state{}, now // it never overwrites
			}
			next := told.stored
			next.last = next.revision
			return next.revision > now.last && next.value == 9 && next.detected == 0, next
		}
		if asked.do == "get" {
			if now.revision == 0 && asked.key != "" {
				return told.code == vcc.CodeNotFound, now
			}
			return told.code == "" && here, now
		}
		if (asked.do == "remove" || asked.do == "restore") && now.revision == 0 {
			return told.code == vcc.CodeNotFound, now
		}
		if asked.absent && now.revision != 0 || asked.revision != 0 && asked.revision != now.revision {
			return told.code == vcc.CodePreconditionFailed && here, now
		}
		switch {
		case told.code != "":
			return false, now
		case asked.do == "remove" || asked.do == "restore" && now.detected == 0:
			return told.stored == state{}, state{last: now.last}
		case asked.do == "put" && now.origin != vcc.OriginDetected && now.value == asked.value && (now.revision != 0 || asked.key == ""):
			return here, now // idempotent
		}
		// Another revision, and never one from before.
		next := state{revision: told.stored.revision, value: asked.value, detected: now.detected}
		switch {
		case asked.do == "restore":
			next.value, next.detected, next.origin = now.detected, 0, vcc.OriginDetected
		case asked.key != "":
			next.origin = vcc.OriginSpecified
			if now.origin == vcc.OriginDetected {
				next.detected = now.value
			}
		}
		good := next == told.stored && next.revision > now.last
		next.last = next.revision
		return good, next
	},
}

// ask asks a server.
func ask(ctx context.Context, c *httpapi.Client, r request) (response, error) {
	condition := unconditional
	switch {
	case r.absent:
		condition = vcc.Precondition{Absent: true}
	case r.revision != 0:
		condition = vcc.IfRevision(r.revision)
	}
	var told any
	var err error
	switch {
	case r.key == "" && r.do == "get":
		told, err = c.NetworkRouting(ctx, self)
	case r.key == "":
		told, err = c.PutNetworkRouting(ctx, self, r.value == 1, condition)
	case r.do == "get":
		told, err = c.DefaultGateway(ctx, self, r.key)
	case r.do == "put":
		address := fmt.Sprintf("10.%d.0.%d", r.key[0], r.value) // IDs begin with different characters
		settings := ipv4(address + "/24")
		told, err = put(ctx, c, r.key, settings, condition)
	case r.do == "restore":
		told, err = c.RestoreDetectedGateway(ctx, self, r.key, condition)
	case r.do == "detect":
		var run *vcc.JobRun
		if run, err = c.RunReplicationJob(ctx, self, r.job); err == nil && len(run.Detected) > 0 {
			told = &run.Detected[0]
		}
	default:
		err = c.RemoveDefaultGateway(ctx, self, r.key, condition)
	}
	var answer response
	if err != nil {
		answer.code = vcc.Code(err)
		for _, e := range vcc.Errors(err) {
			told = e.Current
		}
		if answer.code != vcc.CodeNotFound && answer.code != vcc.CodePreconditionFailed {
			return answer, err
		}
	}
	switch told := told.(type) {
	case *vcc.DefaultGateway:
		if told != nil {
			answer.stored.revision, answer.stored.origin = told.Revision, told.Origin
			last := fmt.Sprintf("10.%d.0.%%d", r.key[0])
			if _, err := fmt.Sscanf(told.IPv4.Address.String(), last, &answer.stored.value); err != nil {
				return answer, err
			}
			if told.Detected != nil {
				if _, err := fmt.Sscanf(told.Detected.IPv4.Address.String(), last, &answer.stored.detected); err != nil {
					return answer, err
				}
			}
		}
	case *vcc.NetworkRouting:
		if told != nil {
			answer.stored.revision = told.Revision
			if told.Enabled {
				answer.stored.value = 1
			}
		}
	}
	return answer, nil
}

// firstRuns is how many jobs there are that find a gateway for each network.
const firstRuns = 50

// servers opens several servers on one database and returns a client of each, and
// some networks.
func servers(t *testing.T, database string, n int) (clients []*httpapi.Client, ids []string) {
	t.Helper()
	lab := vcc.Lab{
		ServiceProvider: vcc.ServiceProvider{Name: "sp.example.net"},
		Hosts:           []vcc.Host{{Name: "esx01", Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 1, Last: 40}}}}},
		HardwarePlans:   []vcc.LabHardwarePlan{{Name: "Silver", Host: "esx01", Networks: vcc.LabNetworkCount{WithInternet: 40}}},
		Tenants:         []vcc.LabTenant{{Name: "ABC", Subscriptions: []string{"Silver"}}},
	}
	var s *store.Store
	for range n {
		var err error
		s, err = store.Open(t.Context(), database)
		ok(t, err)
		t.Cleanup(func() { _ = s.Close() })
		applyLab(t, s, lab)
		tenants, err := s.Tenants(t.Context())
		ok(t, err)
		server := httptest.NewServer(httpapi.NewHandler(httpapi.ServerConfig{
			Services: backend.NewServices(s), Authenticator: httpapi.Always{TenantID: tenants[0].ID, Username: "test"}, Log: slog.New(slog.DiscardHandler),
		}))
		t.Cleanup(server.Close)
		c, err := httpapi.NewClient(httpapi.ClientConfig{Endpoint: server.URL})
		ok(t, err)
		t.Cleanup(c.Close)
		clients = append(clients, c)
	}
	begins := map[byte]bool{}
	for _, n := range networks(t, clients[0]) {
		if !begins[n.ID[0]] && len(ids) < 3 {
			begins[n.ID[0]], ids = true, append(ids, n.ID)
			tenant, prefix := &lab.Tenants[0], fmt.Sprintf("10.%d.0.", n.ID[0])
			tenant.ProductionNetworks = append(tenant.ProductionNetworks, vcc.ProductionNetwork{Name: n.ID, IPv4: netip.MustParsePrefix(prefix + "0/24"), IPv4Gateway: netip.MustParseAddr(prefix + "9")})
			tenant.VMs = append(tenant.VMs, vcc.VM{Name: n.ID, Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: n.ID}}})
			for i := range firstRuns {
				tenant.Jobs = append(tenant.Jobs, vcc.LabReplicationJob{
					Name: fmt.Sprint(n.ID, " ", i), HardwarePlan: "Silver", VMs: []string{n.ID}, Mapping: map[string]string{n.ID: n.Name},
				})
			}
		}
	}
	applyLab(t, s, lab)
	return clients, ids
}

func applyLab(t *testing.T, s *store.Store, lab vcc.Lab) {
	t.Helper()
	valid, err := lab.Check()
	ok(t, err)
	_, err = s.ApplyLab(t.Context(), valid, nil)
	ok(t, err)
}

// postgres starts the server that these tests share, for the first that needs it. None of
// them ends it, so its commits need not be durable.
var postgres = sync.OnceValues(func() (_ *postgrestest.Server, err error) {
	postgresServer, err = postgrestest.New(postgrestest.NotDurable...)
	return postgresServer, err
})

var postgresServer *postgrestest.Server

// installed skips a test where there is no PostgreSQL, but never in CI.
func installed(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, postgrestest.ErrNotInstalled) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	ok(t, err)
}

// newPostgres starts a server for one test, which may kill it.
func newPostgres(t *testing.T) *postgrestest.Server {
	t.Helper()
	server, err := postgrestest.New()
	installed(t, err)
	t.Cleanup(func() { _ = server.Close() })
	return server
}

// newPostgresDatabase makes an empty database on the server that the tests share, and
// returns its address.
func newPostgresDatabase(t *testing.T) string {
	t.Helper()
	server, err := postgres()
	installed(t, err)
	name, err := server.NewDatabase("")
	ok(t, err)
	return server.URL(name)
}

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "serve" {
		if err := serveChild(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// Here and not in the tests, which are parallel.
	if err := os.Setenv("ABC_COMPANY_PASSWORD", abcPassword); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	if postgresServer != nil {
		_ = postgresServer.Close()
	}
	os.Exit(status)
}

func TestLinearizability(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		checkLinearizability(t, "sqlite:"+filepath.Join(t.TempDir(), "vcc.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		checkLinearizability(t, newPostgresDatabase(t))
	})
}

func checkLinearizability(t *testing.T, database string) {
	const clients = 10
	requests := 1000 * rounds(t, 1) // each
	servers, networks := servers(t, database, 2)
	keys := append([]string{""}, networks...)
	histories := make([][]porcupine.Operation, clients)
	jobs := listed(t, servers[0].ReplicationJobs)
	unused := map[string]chan string{} // jobs that have not run, by network
	for _, n := range networks {
		unused[n] = make(chan string, firstRuns)
	}
	for _, j := range jobs {
		n, _, _ := strings.Cut(j.Name, " ")
		unused[n] <- j.ID
	}
	start := time.Now()
	var running sync.WaitGroup
	for i := range clients {
		running.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			seen := map[string]state{} // what this client has seen last, by key
			for range requests {
				r := request{key: keys[random.IntN(len(keys))], value: 1 + random.IntN(3), do: "put"}
				switch chance := random.IntN(10); {
				case chance < 4:
					r.do = "get"
				case chance < 6 && seen[r.key].detected != 0:
					r.do = "restore"
				case chance < 6 && r.key != "" && seen[r.key].origin != vcc.OriginDetected:
					r.do = "remove"
				}
				if r.key == "" {
					r.value = random.IntN(2)
				}
				if r.do != "get" {
					switch random.IntN(4) {
					case 0:
						r.absent = r.do == "put" && r.key != ""
					case 1, 2:
						r.revision = seen[r.key].revision
					}
				}
				if r.do == "get" && r.key != "" && seen[r.key].revision == 0 {
					select {
					case r.job = <-unused[r.key]:
						r.do = "detect"
					default:
					}
				}
				o := porcupine.Operation{ClientId: i, Input: r, Call: time.Since(start).Nanoseconds()}
				told, err := ask(t.Context(), servers[random.IntN(len(servers))], r)
				o.Output, o.Return = told, time.Since(start).Nanoseconds()
				if err != nil {
					t.Errorf("%+v: %v", r, err)
					return
				}
				seen[r.key] = told.stored
				histories[i] = append(histories[i], o)
			}
		})
	}
	running.Wait()
	var history []porcupine.Operation
	codes, restored := map[vcc.ErrorCode]int{}, 0
	for _, h := range histories {
		for _, o := range h {
			codes[o.Output.(response).code]++
			if o.Input.(request).do == "restore" && o.Output.(response).stored.origin == vcc.OriginDetected && o.Output.(response).code == "" {
				restored++
			}
		}
		history = append(history, h...)
	}
	if restored < 5 {
		t.Errorf("what was detected came back %d times: this test does not test much", restored)
	}
	if len(history) != clients*requests {
		t.Fatalf("%d operations, want %d", len(history), clients*requests)
	}
	for _, code := range []vcc.ErrorCode{"", vcc.CodeNotFound, vcc.CodePreconditionFailed} {
		if codes[code] < requests/2 {
			t.Errorf("only %d answers with code %q: this test does not test much", codes[code], code)
		}
	}
	if result := porcupine.CheckOperationsTimeout(register, history, 2*time.Minute); result != porcupine.Ok {
		t.Errorf("the history is not linearizable: %s", result)
	}
}
