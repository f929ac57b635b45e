// Package bench measures whole plans and applies by the real CLI, against what
// Terraform and the framework take by themselves. It has benchmarks only.
package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// mirror is the folder that binaries makes, "" until it is asked for.
var mirror string

// binaries builds both providers once, as releases are built: the CLI takes the digest of the file whenever it runs. They are laid out as the
// mirror that a CLI installs from.
var binaries = sync.OnceValues(func() (_ string, err error) {
	if mirror, err = os.MkdirTemp("", "vcc-bench"); err != nil {
		return "", err
	}
	for name, pkg := range map[string]string{"vcc": "../..", "floor": "./floor"} {
		build := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary(mirror, name), pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return mirror, fmt.Errorf("%w: %s", err, out)
		}
	}
	return mirror, nil
})

func binary(mirror, name string) string {
	return filepath.Join(mirror, "registry.terraform.io/cloudconnect-iac", name, "0.0.1", runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-"+name+"_v0.0.1")
}

func TestMain(m *testing.M) {
	status := m.Run()
	if mirror != "" {
		_ = os.RemoveAll(mirror)
	}
	os.Exit(status)
}

// workspace is a folder with a configuration of one resource per gateway.
type workspace struct {
	b        testing.TB
	folder   string
	mirror   string
	provider string // whose process is watched; "" for one that is built into the CLI
	requests *atomic.Int64
}

func newWorkspace(b testing.TB, provider, config string) *workspace {
	b.Helper()
	mirror, err := binaries()
	if err != nil {
		b.Fatal(err)
	}
	w := &workspace{b: b, folder: b.TempDir(), mirror: mirror, provider: provider, requests: new(atomic.Int64)}
	if provider != "" {
		config = fmt.Sprintf("terraform {\n  required_providers {\n    %[1]s = { source = \"registry.terraform.io/cloudconnect-iac/%[1]s\" }\n  }\n}\n", provider) + config
	}
	if err := os.WriteFile(filepath.Join(w.folder, "main.tf"), []byte(config), 0o600); err != nil {
		b.Fatal(err)
	}
	w.run("init", "-plugin-dir="+mirror)
	return w
}

// usage is what one command took. What the provider's process did is there where the
// system tells.
type usage struct {
	took      time.Duration // from start to end
	peak      float64       // most memory that one process of the provider held, in bytes
	processor time.Duration // of all processes of the provider
	total     time.Duration // processor time of the CLI and of the provider's processes, which it waits for
}

// run runs the CLI.
func (w *workspace) run(command string, args ...string) usage {
	w.b.Helper()
	cli := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if cli == "" {
		cli = "terraform"
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(context.Background(), cli, append([]string{command, "-no-color", "-input=false"}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = w.folder, &out, &out
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_") && !strings.HasPrefix(variable, "VCC_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")
	start := time.Now()
	if err := cmd.Start(); err != nil {
		w.b.Fatal(err)
	}
	ended := make(chan struct{})
	watched := make(chan usage, 1)
	go func() { watched <- w.watch(ended) }()
	err := cmd.Wait()
	took := time.Since(start)
	close(ended)
	if err != nil {
		w.b.Fatalf("%s: %v\n%s", command, err, &out)
	}
	u := <-watched
	u.took = took
	u.total = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return u
}

// watch looks at the provider's processes until the CLI has ended.
func (w *workspace) watch(ended chan struct{}) usage {
	if w.provider == "" {
		return usage{}
	}
	const look = 50 * time.Millisecond
	peak, processor := map[string]float64{}, map[string]time.Duration{}
	for {
		processes, _ := filepath.Glob("/proc/[0-9]*/exe")
		for _, exe := range processes {
			process := filepath.Dir(exe)
			if target, err := os.Readlink(exe); err != nil || target != binary(w.mirror, w.provider) {
				continue
			}
			status, _ := os.ReadFile(filepath.Join(process, "status"))
			for line := range strings.Lines(string(status)) {
				if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
					kib, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
					peak[process] = kib * 1024
				}
			}
			stat, _ := os.ReadFile(filepath.Join(process, "stat"))
			// proc_pid_stat(5): after the name in brackets comes the third field.
			if fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])); len(fields) > 15-3 {
				user, _ := strconv.Atoi(fields[14-3])
				system, _ := strconv.Atoi(fields[15-3])
				processor[process] = time.Duration(user+system) * (time.Second / 100)
			}
		}
		select {
		case <-ended:
			u := usage{}
			for process := range peak {
				u.peak = max(u.peak, peak[process])
				u.processor += processor[process]
			}
			return u
		case <-time.After(look):
		}
	}
}

// resources are n resources of a type with the same expressions for attributes, in
// blocks of at most so many.
func resources(kind, attributes string, n, block int) string {
	text := ""
	for first := 0; first < n; first += block {
		numbered := strings.ReplaceAll(attributes, "count.index", fmt.Sprintf("(count.index + %d)", first))
		text += fmt.Sprintf("resource %q \"from_%d\" {\n  count = %d\n%s\n}\n", kind, first, min(block, n-first), numbered)
	}
	return text
}

// A gateway, its network by ID or by the name that newLab gives it: a plan has maxVLANs networks.
const (
	gatewayAttributes = `
  network_id = local.networks[count.index]` + settingsAttributes
	namedGatewayAttributes = `
  network_name = "Plan ${floor(count.index / 4000) + 1} network ${count.index % 4000 + 1} (internet)"` + settingsAttributes
)

const settingsAttributes = `
  ipv4 = {
    address     = "10.${floor(count.index / 256)}.${count.index % 256}.1"
    subnet_mask = "255.255.255.0"
  }
  ipv6 = {
    network       = "2001:db8:${format("%x", count.index + 1)}::"
    prefix_length = 64
    address       = "fe80::1"
  }`

// maxVLANs is how many networks one host has VLANs for.
const maxVLANs = 4000

// embedded returns a workspace of the provider on an embedded backend with n networks,
// in blocks of at most so many resources.
func embedded(b testing.TB, n, block int) *workspace {
	b.Helper()
	provider, ids := newLab(b, n)
	return newWorkspace(b, "vcc", provider+locals(ids)+resources("vcc_default_gateway", gatewayAttributes, n, block))
}

// named returns such a workspace whose configuration has the networks' names and nothing else of them.
func named(b testing.TB, n int) *workspace {
	b.Helper()
	provider, _ := newLab(b, n)
	return newWorkspace(b, "vcc", provider+resources("vcc_default_gateway", namedGatewayAttributes, n, n))
}

// newLab makes an embedded backend with n networks. It returns the provider block that uses it, and
// the networks' IDs.
func newLab(b testing.TB, n int) (provider string, ids []string) {
	b.Helper()
	folder := b.TempDir()
	data, file := filepath.Join(folder, "data"), filepath.Join(folder, "lab.yaml")
	hosts, plans, names := "", "", []string{}
	for left, host := n, 1; left > 0; host++ {
		here := min(left, maxVLANs)
		hosts += fmt.Sprintf("  - { name: host%d, platform: VMware, vlans: [ { with_internet: [1, %d] } ] }\n", host, here)
		plans += fmt.Sprintf("  - { name: Plan %d, host: host%d, networks: { with_internet: %d, without_internet: 0 } }\n", host, host, here)
		names = append(names, fmt.Sprintf("Plan %d", host))
		left -= here
	}
	text := fmt.Sprintf("service_provider: { name: sp.example.net }\nhosts:\n%shardware_plans:\n%stenants:\n  - { name: ABC Company, subscriptions: [%s] }\n",
		hosts, plans, strings.Join(names, ", "))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	mirror, err := binaries()
	if err != nil {
		b.Fatal(err)
	}
	command := func(args ...string) []byte {
		out, err := exec.CommandContext(context.Background(), binary(mirror, "vcc"), append([]string{"backend", "--data-dir", data}, args...)...).Output()
		if err != nil {
			b.Fatal(err)
		}
		return out
	}
	command("lab", "apply", file)
	var networks []struct{ ID string }
	if err := json.Unmarshal(command("networks", "--json"), &networks); err != nil {
		b.Fatal(err)
	}
	for _, network := range networks {
		ids = append(ids, network.ID)
	}
	return fmt.Sprintf("provider \"vcc\" {\n  embedded = { data_dir = %q }\n}\n", data), ids
}

// password is that of the account of served.
const password = "a password for benchmarks"

// served returns a workspace of the provider on a served backend with n networks, whose
// requests are counted, and take some time longer.
func served(b testing.TB, n int, kind string, longer time.Duration) *workspace {
	b.Helper()
	d := openDatabase(b, kind)
	lab := vcc.Lab{ServiceProvider: vcc.ServiceProvider{Name: "sp.example.net"}}
	tenant := vcc.LabTenant{Name: "ABC Company", Username: "abc"}
	for left := n; left > 0; left -= min(left, maxVLANs) {
		host := fmt.Sprint("host", len(lab.Hosts))
		lab.Hosts = append(lab.Hosts, newHost(host))
		lab.HardwarePlans = append(lab.HardwarePlans, vcc.LabHardwarePlan{Name: "Plan on " + host, Host: host, Networks: vcc.LabNetworkCount{WithInternet: min(left, maxVLANs)}})
		tenant.Subscriptions = append(tenant.Subscriptions, "Plan on "+host)
	}
	lab.Tenants = []vcc.LabTenant{tenant}
	d.apply(b, lab, map[string]string{"abc": password})
	requests := new(atomic.Int64)
	api := httpapi.NewHandler(httpapi.ServerConfig{Services: backend.NewServices(d.store), Accounts: d.store})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		time.Sleep(longer)
		api.ServeHTTP(w, r)
	}))
	b.Cleanup(server.Close)
	client, err := httpapi.NewClient(httpapi.ClientConfig{Endpoint: server.URL, Username: "abc", Password: password})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	networks, err := vcc.All(func(p vcc.Page) ([]vcc.Network, int, error) {
		return client.Networks(context.Background(), vcc.Actor{}, vcc.NetworkFilter{}, p)
	})
	if err != nil {
		b.Fatal(err)
	}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = networks[i].ID
	}
	w := newWorkspace(b, "vcc", fmt.Sprintf("provider \"vcc\" {\n  endpoint = %q\n  username = \"abc\"\n  password = %q\n}\n", server.URL, password)+
		locals(ids)+resources("vcc_default_gateway", gatewayAttributes, n, n))
	w.requests = requests
	return w
}

func locals(ids []string) string {
	return "locals {\n  networks = [\"" + strings.Join(ids, `", "`) + "\"]\n}\n"
}

func floorOf(b testing.TB, n, block int) *workspace {
	b.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
	}
	return newWorkspace(b, "floor", locals(ids)+resources("floor_default_gateway", gatewayAttributes, n, block))
}

func builtIn(b testing.TB, n int) *workspace {
	b.Helper()
	return newWorkspace(b, "", resources("terraform_data", "  input = \"10.0.${count.index}.1\"", n, n))
}

// samples are what was measured of one workspace.
type samples struct{ took, peak, processor, total []float64 }

func (s *samples) add(u usage) {
	s.took = append(s.took, u.took.Seconds())
	s.peak = append(s.peak, u.peak)
	s.processor = append(s.processor, u.processor.Seconds())
	s.total = append(s.total, u.total.Seconds())
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// sizes are how many gateways all workspaces are compared with. Terraform takes minutes to
// create 5,000: BenchmarkGrowth has those.
var sizes = []int{1, 100, 1000}

// latency is added to every request of the workspace that is called far.
const latency = 20 * time.Millisecond

// BenchmarkPlan plans gateways that have not changed.
func BenchmarkPlan(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("gateways=%d", n), func(b *testing.B) {
			all := everyWorkspace(b, n)
			for _, w := range all {
				w.run("apply", "-auto-approve")
			}
			compare(b, all, func(w *workspace) usage { return w.run("plan") })
		})
	}
}

// BenchmarkApply creates gateways.
func BenchmarkApply(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("gateways=%d", n), func(b *testing.B) {
			compare(b, everyWorkspace(b, n), func(w *workspace) usage {
				u := w.run("apply", "-auto-approve")
				counted := w.requests.Load()
				w.run("destroy", "-auto-approve")
				w.requests.Store(counted)
				return u
			})
		})
	}
}

// BenchmarkNames creates a thousand gateways whose networks are given by name, and reports the
// processor time of the CLI and of the provider together against that with the other provider and
// literal IDs.
func BenchmarkNames(b *testing.B) {
	const n = 1000
	all := map[string]*workspace{"named": named(b, n), "floor": floorOf(b, n, n)}
	measured := map[string]*samples{"named": {}, "floor": {}}
	for b.Loop() {
		for _, name := range shuffled(all) {
			measured[name].add(all[name].run("apply", "-auto-approve"))
			all[name].run("destroy", "-auto-approve")
		}
	}
	b.ReportMetric(median(measured["named"].total)/median(measured["floor"].total), "processor/floor")
	b.ReportMetric(median(measured["named"].took)/median(measured["floor"].took), "named/floor")
	b.ReportMetric(median(measured["floor"].total), "floor-processor-s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkGrowth plans a thousand gateways and five thousand in turn, and reports how
// much more time each gateway takes among the many, in milliseconds of the plan and in
// processor time of the provider as a ratio. Before it asks a provider for anything, the
// CLI copies the state of a whole resource block for each of the block's instances; with
// all gateways in one block that takes half of the plan, whatever the provider does. So
// there is a run with blocks of a thousand, in which that is the same for each gateway.
func BenchmarkGrowth(b *testing.B) {
	const few, many = 1000, 5000
	for _, block := range []int{few, many} {
		b.Run(fmt.Sprintf("block=%d", block), func(b *testing.B) {
			all := map[string]*workspace{
				"embedded few": embedded(b, few, few), "embedded many": embedded(b, many, block),
				"floor few": floorOf(b, few, few), "floor many": floorOf(b, many, block),
			}
			measured, applied := map[string]*samples{}, map[string]usage{}
			for name, w := range all {
				applied[name] = w.run("apply", "-auto-approve")
				measured[name] = new(samples)
			}
			for b.Loop() {
				for _, name := range shuffled(all) {
					measured[name].add(all[name].run("plan"))
				}
			}
			b.ReportMetric(applied["embedded many"].took.Seconds()/applied["floor many"].took.Seconds(), "one-apply-of-many/floor")
			for _, provider := range []string{"embedded", "floor"} {
				fewer, more := measured[provider+" few"], measured[provider+" many"]
				b.ReportMetric((median(more.took)/many-median(fewer.took)/few)*1000, provider+"-ms-more")
				b.ReportMetric(median(more.took)/many/(median(fewer.took)/few), provider+"-factor")
				b.ReportMetric(median(more.processor)/many/(median(fewer.processor)/few), provider+"-processor-factor")
			}
			b.ReportMetric(median(measured["embedded few"].took)/median(measured["floor few"].took), "few/floor")
			b.ReportMetric(median(measured["embedded many"].took)/median(measured["floor many"].took), "many/floor")
			b.ReportMetric(median(measured["embedded many"].peak)/median(measured["floor many"].peak), "memory/floor")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// shuffled returns the names of workspaces in the order of one round. Each round has
// another, because a command that took long tells on the one after it.
func shuffled(all map[string]*workspace) []string {
	names := slices.Collect(maps.Keys(all))
	mathrand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names
}

// everyWorkspace returns what is compared, by name.
func everyWorkspace(b *testing.B, n int) map[string]*workspace {
	b.Helper()
	return map[string]*workspace{
		"embedded": embedded(b, n, n), "floor": floorOf(b, n, n), "terraform_data": builtIn(b, n),
		"sqlite": served(b, n, "SQLite", 0), "postgresql": served(b, n, "PostgreSQL", 0), "far": served(b, n, "SQLite", latency),
	}
}

// compare measures the workspaces in turn, and reports ratios of medians. Requests are
// those of one command.
func compare(b *testing.B, all map[string]*workspace, run func(w *workspace) usage) {
	measured := map[string]*samples{}
	for name, w := range all {
		measured[name] = new(samples)
		w.requests.Store(0)
	}
	rounds := 0
	for b.Loop() {
		rounds++
		for _, name := range shuffled(all) {
			measured[name].add(run(all[name]))
		}
	}
	took := func(name string) float64 { return median(measured[name].took) }
	for _, name := range []string{"embedded", "sqlite", "postgresql", "far"} {
		b.ReportMetric(took(name)/took("floor"), name+"/floor")
	}
	b.ReportMetric(took("embedded")/took("terraform_data"), "embedded/terraform_data")
	b.ReportMetric(took("far")/took("embedded"), "far/embedded")
	b.ReportMetric(median(measured["embedded"].peak)/median(measured["floor"].peak), "memory/floor")
	b.ReportMetric(float64(all["sqlite"].requests.Load())/float64(rounds), "requests")
	b.ReportMetric(took("floor"), "floor-s")
	b.ReportMetric(0, "ns/op") // rounds of many commands mean nothing
}

// BenchmarkStart measures how long a provider's process takes from its start until the
// CLI can talk to it, and how long without the key that the CLI has it make to encrypt
// what they say to each other, which takes most of that time.
func BenchmarkStart(b *testing.B) {
	mirror, err := binaries()
	if err != nil {
		b.Fatal(err)
	}
	certificate := clientCertificate(b)
	measured := map[string]*samples{"vcc": {}, "floor": {}, "vcc unencrypted": {}, "floor unencrypted": {}}
	for b.Loop() {
		for _, name := range []string{"vcc", "floor"} {
			measured[name].add(usage{took: start(b, binary(mirror, name), certificate)})
			measured[name+" unencrypted"].add(usage{took: start(b, binary(mirror, name), "")})
		}
	}
	took := func(name string) float64 { return median(measured[name].took) }
	b.ReportMetric(took("vcc")/took("floor"), "start/floor")
	b.ReportMetric(took("floor")*1000, "floor-ms")
	b.ReportMetric(took("vcc unencrypted")/took("floor unencrypted"), "unencrypted/floor")
	b.ReportMetric(took("floor unencrypted")*1000, "floor-unencrypted-ms")
	b.ReportMetric(0, "ns/op")
}

// clientCertificate makes what a CLI hands to the providers that it starts.
func clientCertificate(b *testing.B) string {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// start starts a provider as a CLI does, and ends it once it has said where it listens.
func start(b *testing.B, path, certificate string) time.Duration {
	b.Helper()
	cmd := exec.CommandContext(context.Background(), path)
	// The handshake of Terraform's plugins.
	cmd.Env = append(os.Environ(), "TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
		"PLUGIN_PROTOCOL_VERSIONS=6", "PLUGIN_CLIENT_CERT="+certificate)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	took := time.Since(begin)
	if err != nil || !strings.HasPrefix(line, "1|6|") {
		b.Fatalf("%s said %q: %v", path, line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		b.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	return took
}
