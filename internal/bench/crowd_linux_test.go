package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/postgrestest"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// baseEnv names the program of another release, whose figures are to stand beside those of this one.
const baseEnv = "VCC_BENCH_BASE"

const (
	crowdGateways = 1000
	crowdVMs      = 50
	crowdTime     = 10 * time.Second
	crowdPassword = "the same for both tenants"
)

// crowdLab has a tenant with many networks, and one with one.
var crowdLab = fmt.Sprintf(`service_provider: { name: sp.example.net }
hosts:
  - { name: esx01, platform: VMware, vlans: [{ with_internet: [1, %[1]d] }] }
  - { name: esx02, platform: VMware, vlans: [{ with_internet: [1, 1] }] }
hardware_plans:
  - { name: Large, host: esx01, networks: { with_internet: %[1]d } }
  - { name: Small, host: esx02, networks: { with_internet: 1 } }
tenants:
  - name: Crowd
    username: crowd
    password_env: CROWD_PASSWORD
    subscriptions: [Large]
    production_networks: [{ name: All, ipv4: 10.0.0.0/8, ipv4_gateway: 10.255.255.1 }]
    vms:
%[2]s  - { name: Other, username: other, password_env: CROWD_PASSWORD, subscriptions: [Small] }
`, crowdGateways, crowdSite())

// crowdSite are the VMs of the many networks, with four adapters each. A question about two of them has 16 ways, and so
// a thousand have about as many as those of a request may have.
func crowdSite() string {
	var b strings.Builder
	for i := range crowdVMs {
		fmt.Fprintf(&b, "      - { name: vm%d, guest: linux, nics: [", i)
		for j := range 4 {
			fmt.Fprintf(&b, "{ network: All, ipv4: %s }, ", crowdAddress(i*4+j, 10))
		}
		b.WriteString("] }\n")
	}
	return b.String()
}

// program is a server's process.
type program struct {
	b   *testing.B
	cmd *exec.Cmd
	url string
}

// startProgram serves a database by a program and waits until it answers.
func startProgram(b *testing.B, path, database string) *program {
	b.Helper()
	dir := b.TempDir()
	lab, name := filepath.Join(dir, "lab.yaml"), filepath.Join(dir, "log")
	log, err := os.Create(name)
	if err == nil {
		err = os.WriteFile(lab, []byte(crowdLab), 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // it is the process's
	p := &program{b: b, cmd: exec.CommandContext(context.Background(), path, "backend", "serve", "--database", database, "--listen", "127.0.0.1:0", "--lab", lab)}
	p.cmd.Env = append(os.Environ(), "CROWD_PASSWORD="+crowdPassword)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.stop() })
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		content, _ := os.ReadFile(name)
		for text := range bytes.Lines(content) {
			var line struct{ Msg, Address string }
			if json.Unmarshal(text, &line) == nil && line.Msg == "serving" {
				p.url = "http://" + line.Address
				return p
			}
		}
	}
	content, _ := os.ReadFile(name)
	b.Fatalf("%s does not serve: %s", path, content)
	return nil
}

// stop kills the process and returns the most memory that it held, in MiB.
func (p *program) stop() (peak float64) {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
	if used, known := p.cmd.ProcessState.SysUsage().(*syscall.Rusage); known {
		peak = float64(used.Maxrss) / 1024 // in KiB on Linux
	}
	return peak
}

func (p *program) client(username string) *httpapi.Client {
	p.b.Helper()
	c, err := httpapi.NewClient(httpapi.ClientConfig{Endpoint: p.url, Username: username, Password: crowdPassword, MaxRetries: 4})
	if err != nil {
		p.b.Fatal(err)
	}
	p.b.Cleanup(c.Close)
	return c
}

// fill gives every network of the crowd's a gateway.
func (p *program) fill() {
	p.b.Helper()
	c, ctx := p.client("crowd"), context.Background()
	networks, err := vcc.All(func(page vcc.Page) ([]vcc.Network, int, error) {
		return c.Networks(ctx, vcc.Actor{}, vcc.NetworkFilter{}, page)
	})
	if err == nil {
		_, err = c.PutNetworkRouting(ctx, vcc.Actor{}, true, vcc.Precondition{})
	}
	if err != nil {
		p.b.Fatal(err)
	}
	work := make(chan int, len(networks))
	for i := range networks {
		work <- i
	}
	close(work)
	var writing sync.WaitGroup
	for range 8 {
		writing.Go(func() {
			for i := range work {
				s := settings(0)
				s.IPv4.Address = crowdAddress(i, 1)
				if _, _, err := c.PutDefaultGateway(ctx, vcc.Actor{}, networks[i].ID, s, vcc.Precondition{}); err != nil {
					p.b.Error(err)
				}
			}
		})
	}
	writing.Wait()
}

// worstRequest has as many questions as may be asked at once, about as many ways, and is as long as one may be.
func worstRequest() []byte {
	questions := make([]string, 1000)
	for i := range questions {
		questions[i] = fmt.Sprintf(`{"source": "vm%d", "destination": "vm%d", "protocol": "tcp", "port": 443}`, i%crowdVMs, (i+7)%crowdVMs)
	}
	body := []byte(`{"questions": [` + strings.Join(questions, ", ") + `]}`)
	return append(body, bytes.Repeat([]byte(" "), 1<<20-len(body))...)
}

// crowd is what the clients of a crowd met.
type crowd struct {
	mu                     sync.Mutex
	served, refused, other int
	latency, refusals      []float64 // in seconds
}

// ask sends requests over one connection until ctx ends. After a refusal it waits for a
// tenth of a second, which is less than it was asked to.
func (c *crowd) ask(ctx context.Context, url, token string, body []byte) {
	transport := &http.Transport{MaxConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/v1/cloudConnect/routeTrace", bytes.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+token)
		start, status := time.Now(), 0
		if resp, err := transport.RoundTrip(req); err == nil {
			if _, err := io.Copy(io.Discard, resp.Body); err == nil {
				status = resp.StatusCode
			}
			_ = resp.Body.Close()
		}
		if ctx.Err() != nil {
			return
		}
		took := time.Since(start).Seconds()
		c.mu.Lock()
		switch status {
		case http.StatusOK:
			c.served++
			c.latency = append(c.latency, took)
		case http.StatusServiceUnavailable:
			c.refused++
			c.refusals = append(c.refusals, took)
		default:
			c.other++
		}
		c.mu.Unlock()
		if status != http.StatusOK {
			time.Sleep(100 * time.Millisecond)
		}
	}
}

func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[int(q*float64(len(values)-1))]
}

// accessToken logs a tenant in past the client, which shows no tokens.
func (p *program) accessToken(username string) string {
	p.b.Helper()
	body := strings.NewReader("grant_type=password&username=" + username + "&password=" + strings.ReplaceAll(crowdPassword, " ", "+"))
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, p.url+"/api/oauth2/token", body)
	if err != nil {
		p.b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req) //nolint:gosec // the address is this test's
	if err != nil {
		p.b.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	var given struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&given); err != nil {
		p.b.Fatal(err)
	}
	return given.AccessToken
}

// BenchmarkCrowd has one tenant ask for the worst that a request can ask for over many connections at
// once. It reports what the crowd got, what another tenant and a probe of readiness noticed, and how much
// memory the server's process took. VCC_BENCH_BASE names the program of another release to run beside.
func BenchmarkCrowd(b *testing.B) {
	folder, err := binaries()
	if err != nil {
		b.Fatal(err)
	}
	programs := []struct{ name, path string }{{"after", binary(folder, "vcc")}}
	if base := os.Getenv(baseEnv); base != "" {
		programs = append([]struct{ name, path string }{{"before", base}}, programs...)
	}
	body := worstRequest()
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		databases := map[string]string{}
		for _, program := range programs {
			databases[program.name] = "sqlite:" + filepath.Join(b.TempDir(), "vcc.db")
			if kind == "PostgreSQL" {
				server, err := postgrestest.New()
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { _ = server.Close() })
				databases[program.name] = server.URL("postgres")
			}
			p := startProgram(b, program.path, databases[program.name])
			p.fill()
			p.stop()
		}
		for _, connections := range []int{16, 256, 1000} {
			for _, program := range programs { // in turn, so that other load meets both
				b.Run(kind+"/connections="+strconv.Itoa(connections)+"/"+program.name, func(b *testing.B) {
					for b.Loop() {
						measureCrowd(b, startProgram(b, program.path, databases[program.name]), connections, body)
					}
				})
			}
		}
	}
}

func measureCrowd(b *testing.B, p *program, connections int, body []byte) {
	b.Helper()
	token, other := p.accessToken("crowd"), p.client("other")
	if _, err := other.NetworkRouting(b.Context(), vcc.Actor{}); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.Context(), crowdTime)
	defer cancel()
	var c crowd
	var asking sync.WaitGroup
	for range connections {
		asking.Go(func() { c.ask(ctx, p.url, token, body) })
	}
	var beside []float64
	failed, unready := 0, 0
	time.Sleep(time.Second) // until all are there
	for ctx.Err() == nil {
		start := time.Now()
		if _, err := other.PutNetworkRouting(b.Context(), vcc.Actor{}, true, vcc.Precondition{}); err != nil {
			failed++
		}
		beside = append(beside, time.Since(start).Seconds())
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, p.url+"/readyz", nil)
		if err != nil {
			b.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req) //nolint:gosec // the address is this test's
		if err != nil || resp.StatusCode != http.StatusOK {
			unready++
		}
		if err == nil {
			_ = resp.Body.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	asking.Wait()
	all := max(c.served+c.refused+c.other, 1)
	b.ReportMetric(float64(c.served)/crowdTime.Seconds(), "served/s")
	b.ReportMetric(1000*quantile(c.latency, .5), "p50-ms")
	b.ReportMetric(1000*quantile(c.latency, .99), "p99-ms")
	b.ReportMetric(100*float64(c.refused)/float64(all), "%refused")
	b.ReportMetric(1000*quantile(c.refusals, .99), "refused-p99-ms")
	b.ReportMetric(float64(c.other), "broken")
	b.ReportMetric(1000*quantile(beside, .5), "beside-p50-ms")
	b.ReportMetric(1000*quantile(beside, .99), "beside-p99-ms")
	b.ReportMetric(float64(failed), "beside-failed")
	b.ReportMetric(float64(unready), "unready")
	b.ReportMetric(p.stop(), "peak-MiB")
	b.ReportMetric(0, "ns/op")
}
