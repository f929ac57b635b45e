package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// These tests run the program itself with real programs in it, as an ordinary user: as they are run
// by one, or as nobody where they are run by root.

// ordinary is an ordinary user with a data folder.
type ordinary struct {
	t            *testing.T
	dir, program string
	credential   *syscall.Credential
	// backend are the variables that mean it.
	backend []string
}

// nobody is the user of that name on every system that we know.
const nobody = 65534

// rehearsed is the folder of the program that is built for rehearsals, "" for none.
var rehearsed string

func TestMain(m *testing.M) {
	status := m.Run()
	if rehearsed != "" {
		_ = os.RemoveAll(rehearsed)
	}
	os.Exit(status)
}

var rehearsable = sync.OnceValues(func() (program string, err error) {
	dir, err := os.MkdirTemp("", "rehearsal")
	if err != nil {
		return "", err
	}
	rehearsed = dir
	program = filepath.Join(dir, "terraform-provider-vcc")
	build := exec.Command("go", "build", "-o", program, "github.com/cloudconnect-iac/terraform-provider-vcc")
	build.Dir = sources
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, os.Chmod(dir, 0o755)
})

// newOrdinary makes a data folder with the lab of these tests and its gateways. It skips the test
// where a rehearsal is not to be had, but in CI.
func newOrdinary(t *testing.T) *ordinary {
	t.Helper()
	if testing.Short() {
		t.Skip("this takes long")
	}
	for _, program := range []string{"curl", "ping", "nc"} {
		if _, err := exec.LookPath(program); err != nil && os.Getenv("CI") == "" {
			t.Skipf("%v; install Debian's packages curl, iputils-ping and netcat-openbsd", err)
		}
	}
	program, err := rehearsable()
	ok(t, err)
	o := &ordinary{t: t, program: program}
	o.dir, err = os.MkdirTemp("", "rehearsal")
	ok(t, err)
	t.Cleanup(func() { ok(t, os.RemoveAll(o.dir)) })
	o.backend = []string{"VCC_DATA_DIR=" + filepath.Join(o.dir, "data")}
	lab, err := os.ReadFile(filepath.Join(sources, "testdata", "rehearsal.yaml"))
	ok(t, err)
	o.write("lab.yaml", string(lab))
	if os.Geteuid() == 0 {
		o.credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		ok(t, os.Chown(o.dir, nobody, nobody))
	}
	o.done("lab", "apply", filepath.Join(o.dir, "lab.yaml"))
	o.done("gateway", "set", "Silver network 1 (internet)", "--ipv4", "172.17.52.1/23", "--ipv6", "fe80::1", "--ipv6-network", "2001:db8:52::/64")
	o.done("gateway", "set", "Silver network 1", "--ipv4", "172.17.54.1/24", "--ipv6", "2001:db8:54::1", "--ipv6-network", "2001:db8:54::/64")
	o.done("routing", "on")
	if probe := o.exec("web01", "id", "-u"); strings.Contains(probe.stderr, "namespaces that a rehearsal is made of") && os.Getenv("CI") == "" {
		t.Skip(probe.stderr)
	}
	return o
}

// with returns the same user for a part of a test.
func (o *ordinary) with(t *testing.T) *ordinary {
	part := *o
	part.t = t
	return &part
}

func (o *ordinary) write(name, content string) {
	o.t.Helper()
	ok(o.t, os.WriteFile(filepath.Join(o.dir, name), []byte(content), 0o644)) //nolint:gosec // nobody reads it
}

// command returns the program with arguments behind backend.
func (o *ordinary) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, o.program, append([]string{"backend"}, args...)...)
	cmd.Dir = o.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + o.dir, "LC_ALL=C"}
	cmd.Env = append(cmd.Env, o.backend...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: o.credential}
	return cmd
}

func (o *ordinary) run(args ...string) result {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := o.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		o.t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func (o *ordinary) done(args ...string) {
	o.t.Helper()
	if r := o.run(args...); r.status != 0 {
		o.t.Fatalf("%v: status %d: %s", args, r.status, r.stderr)
	}
}

// exec runs a program in a rehearsal.
func (o *ordinary) exec(vm string, program ...string) result {
	o.t.Helper()
	return o.run(append([]string{"failover", "rehearse", "Whole site", "--exec", vm, "--"}, program...)...)
}

// TestRehearse runs curl, ping and nc on machines of a rehearsal, in both families.
func TestRehearse(t *testing.T) {
	o := newOrdinary(t)
	for _, tc := range []struct {
		name, vm, program string
		status            int
		stdout            string // a part of it
		stderr            string // all of it, but for lines about problems
	}{
		{"who it is", "web01", "id -u", 0, "0\n", ""},
		{"what it is called", "db01", "hostname", 0, "db01\n", ""},
		{"the status of a program", "web01", "sh -c 'exit 42'", 42, "", ""},
		{"that of one that a signal ends", "web01", "sh -c 'kill -KILL $$'", 137, "", ""},
		{"within the plan, by name", "web01", "curl -4sSm 20 http://db01:5432/", 0, "db01 was reached from 172.17.52.10:", ""},
		{"over IPv6", "web01", "curl -6sSm 20 http://db01:5432/", 0, "db01 was reached from [2001:db8:52::10]:", ""},
		{"ping", "web01", "ping -4 -c 1 -W 20 db01", 0, " 0% packet loss", ""},
		{"ping over IPv6", "db01", "ping -6 -c 1 -W 20 web01", 0, " 0% packet loss", ""},
		{"ping its gateway", "web01", "ping -6 -c 1 -W 20 fe80::1%eth0", 0, " 0% packet loss", ""},
		{"nc", "db01", "sh -c 'echo over UDP | nc -w 5 -W 1 -u web01 53'", 0, "over UDP\n", ""},
		{"out, by source NAT", "web01", "curl -sSm 20 http://192.0.2.1/", 0, "outside was reached from 198.51.100.5:", ""},
		{"out over IPv6, by source NAT", "web01", "curl -sSm 20 http://[3fff::1]/", 0, "outside was reached from [2001:db8:ffff::5]:", ""},
		{"in, by a public IP rule", "outside", "curl -sSm 20 http://203.0.113.10/", 0, "web01 was reached from 198.51.100.1:", ""},
		{"in over IPv6, by a public IP rule", "outside", "curl -sSm 20 http://[2001:db8:abcd::10]/", 0, "web01 was reached from [2001:db8:", ""},
		{"out without internet access", "db01", "nc -zw 1 192.0.2.1 443", 1, "",
			"net2: tcp 172.17.54.20 -> 192.0.2.1:443: dropped, no_internet_access: 192.0.2.1 is outside, and net2 (Silver network 1) has no internet access; use a network with internet access\n"},
		{"in without a rule", "outside", "nc -zw 1 203.0.113.10 443", 1, "",
			"ext0: tcp 198.51.100.1 -> 203.0.113.10:443: dropped, no_public_ip_rule: none of the public IP rules for 203.0.113.10 that lead anywhere is for port 443; add one to the failover plan\n"},
		{"out to a private address", "web01", "nc -zw 1 10.1.2.3 443", 1, "", ""},
		{"a name that there is not", "web01", "curl -sm 20 http://nowhere.example/", 6, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := o.with(t).exec(tc.vm, words(tc.program)...)
			if got.status != tc.status || !strings.Contains(got.stdout, tc.stdout) || got.stderr != tc.stderr {
				t.Errorf("status %d, want %d\nstdout: %s\nwant in it: %s\nstderr: %s\nwant: %s", got.status, tc.status, got.stdout, tc.stdout, got.stderr, tc.stderr)
			}
		})
	}
	t.Run("with the routing option off", func(t *testing.T) {
		o := o.with(t)
		o.done("routing", "off")
		got := o.exec("web01", "curl", "-4sm", "2", "http://db01:5432/") // which the kernel sends again after a second
		equal(t, "what it did", got, result{28, "", "net1: tcp 172.17.52.10 -> 172.17.54.20:5432: dropped, routing_disabled: 172.17.54.20 is in net2 (Silver network 1), " +
			"and traffic between networks is not routed; switch the routing option on\n"})
		got = o.exec("web01", "ping", "-6", "-c", "1", "-W", "1", "db01")
		equal(t, "status of ping", got.status, 1)
		contains(t, "stderr", got.stderr, "net1: icmpv6 2001:db8:52::10 -> 2001:db8:54::20: dropped, routing_disabled: ")
	})
	t.Run("errors", func(t *testing.T) {
		o := o.with(t)
		got := o.exec("web02", "true")
		equal(t, "a VM that there is not", got, result{1, "", "Error: there is no machine \"web02\" in failover plan \"Whole site\"; did you mean \"web01\", \"db01\", \"outside\"?\n"})
		got = o.exec("web01", "no-such-program")
		equal(t, "status of no program", got.status, 127)
		for _, args := range []string{"--exec web01", "--exec web01 --check c -- true", "-- true"} {
			got = o.run(append([]string{"failover", "rehearse", "Whole site"}, strings.Fields(args)...)...)
			equal(t, "status of "+args, got.status, 2)
		}
	})
}

// words splits a line as a shell would: 'what has spaces' stands in quotes.
func words(line string) (list []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	return list
}

// TestRehearse_check tries a file of checks.
func TestRehearse_check(t *testing.T) {
	o := newOrdinary(t)
	o.write("checks.yaml", `
- { source: web01, destination: db01, protocol: tcp, port: 5432, reachable: true, reason: routing_enabled }
- { source: db01, destination: web01, protocol: icmp, reachable: true }
- { source: db01, destination: 172.17.54.99, protocol: udp, port: 53, reachable: true, reason: same_network }
- { source: web01, destination: internet, protocol: udp, port: 123, reachable: true }
- { source: web01, destination: 10.9.9.9, protocol: tcp, port: 443, reachable: false, reason: private_destination }
- { source: db01, destination: internet, protocol: icmp, reachable: false, reason: no_internet_access }
- { source: internet, destination: 203.0.113.10, protocol: tcp, port: 80, reachable: true, reason: public_ip_rule }
- { source: internet, destination: "2001:db8:abcd::10", protocol: tcp, port: 80, reachable: true }
- { source: internet, destination: 203.0.113.10, protocol: tcp, port: 443, reachable: false }
- { source: internet, destination: db01, protocol: tcp, port: 5432, reachable: false, reason: no_public_ip_rule }
- { source: web01, destination: 172.17.52.1, protocol: icmp, reachable: true, reason: echo }
- { source: web01, destination: 172.17.52.1, protocol: tcp, port: 443, reachable: false, reason: not_a_service }
- { source: internet, destination: 198.51.100.5, protocol: tcp, port: 22, reachable: true, reason: management }
- { source: web01, destination: 198.51.100.77, protocol: tcp, port: 80, reachable: true, reason: internet_access }
`)
	check := func(args ...string) result {
		return o.run(append([]string{"failover", "rehearse", "Whole site", "--check", "checks.yaml"}, args...)...)
	}
	got := check()
	equal(t, "status", got.status, 0)
	contains(t, "what it says", got.stdout, "\nAll of 14 are as declared: the kernel says so.\n")
	if t.Failed() {
		t.Log(got.stdout, got.stderr)
	}
	o.done("routing", "off")
	got = check()
	equal(t, "status", got.status, 3)
	contains(t, "what it says", got.stdout, "\n2 of 14 are not as declared.\n")
	contains(t, "what it says", got.stdout, "checks.yaml:2: web01 (172.17.52.10) does not reach db01 (172.17.54.20) on tcp port 5432: "+
		"172.17.54.20 is in net2 (Silver network 1), and traffic between networks is not routed; switch the routing option on.\n")
	contains(t, "JSON", check("--json").stdout, `"reason": "routing_disabled"`)

	o.write("checks.yaml", "- { source: web01, destination: spare01, protocol: tcp, port: 5432, reachable: true }\n")
	got = check()
	equal(t, "a VM of no plan", got, result{1, "", "Error: checks.yaml:1: destination: failover plan \"Whole site\" starts no VM \"spare01\" with a known address; it starts web01, db01\n"})
}

// The example proves what it says it does.
func TestRehearse_example(t *testing.T) {
	o := newOrdinary(t)
	ok(t, os.RemoveAll(filepath.Join(o.dir, "data")))
	checks, err := os.ReadFile(filepath.Join(sources, "..", "..", "examples", "rehearsal", "checks.yaml"))
	ok(t, err)
	o.write("checks.yaml", string(checks))
	o.done("lab", "apply")
	o.done("gateway", "set", "VMware Silver network 1 (internet)", "--ipv4", "172.17.52.1/23", "--ipv6", "fe80::1", "--ipv6-network", "2001:db8:52::/64")
	o.done("gateway", "set", "VMware Silver network 1", "--ipv4", "172.17.54.1/24")
	o.done("routing", "on")
	got := o.run("failover", "rehearse", "Whole site", "--check", "checks.yaml")
	if got.status != 0 {
		t.Errorf("status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
}

// conversation is a rehearsal that is told what to do, line by line.
type conversation struct {
	*ordinary
	cmd   *exec.Cmd
	stdin io.WriteCloser

	mu     sync.Mutex
	output bytes.Buffer
}

// Write takes what the rehearsal says.
func (c *conversation) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.output.Write(p)
}

func (o *ordinary) converse() *conversation {
	o.t.Helper()
	c := &conversation{ordinary: o}
	c.cmd = o.command(o.t.Context(), "failover", "rehearse", "Whole site")
	c.cmd.Stdout, c.cmd.Stderr = c, c
	var err error
	c.stdin, err = c.cmd.StdinPipe()
	ok(o.t, err)
	ok(o.t, c.cmd.Start())
	o.t.Cleanup(func() { _, _ = c.cmd.Process.Kill(), c.cmd.Wait() })
	return c
}

// tell sends lines.
func (c *conversation) tell(lines ...string) {
	c.t.Helper()
	for _, line := range lines {
		_, err := fmt.Fprintln(c.stdin, line)
		ok(c.t, err)
	}
}

// hear waits until the rehearsal has said something that matches, and returns all that it has said.
func (c *conversation) hear(pattern string) string {
	c.t.Helper()
	sought := regexp.MustCompile(pattern)
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		c.mu.Lock()
		said := c.output.String()
		c.mu.Unlock()
		if sought.MatchString(said) {
			return said
		}
		if time.Now().After(end) {
			c.t.Fatalf("nothing matches %s:\n%s", pattern, said)
		}
	}
}

// grows waits until a file has grown by some bytes.
func (c *conversation) grows(name string) {
	c.t.Helper()
	size := func() int64 {
		info, err := os.Stat(filepath.Join(c.dir, name))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	before := size()
	for end := time.Now().Add(patience); size() < before+20; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.t.Fatalf("%s does not grow:\n%s", name, c.output.String())
		}
	}
}

// A change of what is stored reaches the kernel while programs run. A transfer goes on when the
// routing option is switched off, which is policy for new flows, and ends when the gateway moves.
func TestRehearse_changes(t *testing.T) {
	o := newOrdinary(t)
	c := o.converse()
	c.tell(
		"db01", "nc -4l 9000 > received &", "until grep -q :2328 /proc/net/tcp; do sleep 0.1; done", // 9000; else the machine answers itself
		"web01", "while echo x; do sleep 0.01; done | nc -4 db01 9000 &",
	)
	c.grows("received")
	o.done("routing", "off")
	c.hear("what is stored has changed")
	c.tell("nc -4zw 1 db01 9001 || echo no new way")
	c.hear(`net1: tcp 172\.17\.52\.10 -> 172\.17\.54\.20:9001: dropped, routing_disabled`)
	c.hear("\nno new way\n")
	c.grows("received")

	o.done("gateway", "set", "Silver network 1 (internet)", "--ipv4", "172.17.52.254/23", "--ipv6", "fe80::1", "--ipv6-network", "2001:db8:52::/64")
	// What the transfer sends is new to the appliance, which lets nothing new through.
	c.hear(`net1: tcp 172\.17\.52\.10 -> 172\.17\.54\.20:9000: dropped, routing_disabled`)
	c.tell("ip -4 route || route -n", "wc -c received", "sleep 1; wc -c received", "exit")
	if err := c.cmd.Wait(); err != nil {
		t.Error(err)
	}
	said := c.hear("exit")
	counts := regexp.MustCompile(`(?m)^(\d+) received$`).FindAllStringSubmatch(said, -1)
	if len(counts) != 2 || counts[0][1] != counts[1][1] {
		t.Errorf("the transfer went on: %v", counts)
	}
	contains(t, "the machine's gateway", said, "172.17.52.254")
	if strings.Contains(said, "fault of this program") {
		t.Errorf("the kernel and the engine differ:\n%s", said)
	}
}

// A served backend is rehearsed as an embedded one is, and its changes arrive, too.
func TestRehearse_served(t *testing.T) {
	s := serve(t)
	done(t, "backend routing on"+s.folder())
	done(t, "backend gateway set 'VMware Silver network 1 (internet)' --ipv4 172.17.52.1/23"+s.folder())
	done(t, "backend gateway set 'VMware Silver network 1' --ipv4 172.17.54.1/24"+s.folder())
	o := newOrdinary(t)
	authority, err := os.ReadFile(s.authority)
	ok(t, err)
	o.backend = []string{"VCC_ENDPOINT=" + s.endpoint, "VCC_USERNAME=abc-company", "VCC_PASSWORD=" + abcPassword, "VCC_CA_CERTIFICATE=" + string(authority)}
	c := o.converse()
	c.tell("web01", "curl -sSm 20 http://db01:5432/")
	c.hear("db01 was reached from 172.17.52.10:")
	done(t, "backend routing off"+s.folder())
	c.hear("what is stored has changed")
	c.tell("nc -zw 1 db01 5432")
	c.hear("dropped, routing_disabled")
}

// After kill -9 nothing is left: no process, no namespace and no link.
func TestRehearse_killed(t *testing.T) {
	o := newOrdinary(t)
	before, err := net.Interfaces()
	ok(t, err)
	c := o.converse()
	c.tell("sleep 1000 &", "db01", "sh -c 'sleep 1000 & sleep 1000' &", "echo ready")
	c.hear("\nready\n")
	helper := children(t, c.cmd.Process.Pid)
	if len(helper) != 1 {
		t.Fatalf("children: %v", helper)
	}
	processes := append(descendants(t, helper[0]), helper[0])
	if len(processes) < 4 {
		t.Errorf("processes of the rehearsal: %v", processes)
	}
	held := namespacesOf(t, processes)
	if len(held) < 5 { // two machines, the outside, the appliance, the networks
		t.Errorf("namespaces of the rehearsal: %v", held)
	}
	during, err := net.Interfaces()
	ok(t, err)
	equal(t, "links of the host", len(during), len(before))
	all := allProcesses(t) // whoever comes later may get a namespace of a number that was used before

	ok(t, c.cmd.Process.Kill())
	_ = c.cmd.Wait()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		left := slices.DeleteFunc(slices.Clone(processes), func(pid int) bool {
			return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || isZombie(pid)
		})
		var kept []string
		for _, ns := range namespacesOf(t, all) {
			if slices.Contains(held, ns) {
				kept = append(kept, ns)
			}
		}
		if len(left) == 0 && len(kept) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("left: processes %v, namespaces %v", left, kept)
		}
	}
	after, err := net.Interfaces()
	ok(t, err)
	equal(t, "links of the host afterwards", len(after), len(before))
}

func allProcesses(t *testing.T) (pids []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	ok(t, err)
	for _, e := range entries {
		var pid int
		if n, _ := fmt.Sscanf(e.Name(), "%d", &pid); n == 1 {
			pids = append(pids, pid)
		}
	}
	return pids
}

func children(t *testing.T, of int) (pids []int) {
	t.Helper()
	for _, pid := range allProcesses(t) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it has ended
		}
		var state string
		var parent int
		_, behind, _ := strings.Cut(string(stat), ") ")
		if n, _ := fmt.Sscanf(behind, "%s %d", &state, &parent); n == 2 && parent == of {
			pids = append(pids, pid)
		}
	}
	return pids
}

func descendants(t *testing.T, of int) (pids []int) {
	for _, pid := range children(t, of) {
		pids = append(append(pids, pid), descendants(t, pid)...)
	}
	return pids
}

func isZombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// namespacesOf are the network namespaces that processes are in or hold, but for this test's own.
func namespacesOf(t *testing.T, pids []int) (list []string) {
	t.Helper()
	own, err := os.Readlink("/proc/self/ns/net")
	ok(t, err)
	for _, pid := range pids {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/ns/net", pid))
		for _, link := range append(links, tasks...) {
			target, err := os.Readlink(link)
			if err == nil && strings.HasPrefix(target, "net:[") && target != own && !slices.Contains(list, target) {
				list = append(list, target)
			}
		}
	}
	return list
}
