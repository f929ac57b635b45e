package linuxrouter_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/linuxrouter"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/wiretest"
)

// program skips a test, but not in CI, where a program is missing.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name) // which is not in everybody's PATH
	}
	switch {
	case err != nil && os.Getenv("CI") != "":
		t.Fatal(err)
	case err != nil:
		t.Skip(err)
	}
	return path
}

// TestRuleset compares what the kernel has been told with what nft tells it of the same text.
func TestRuleset(t *testing.T) {
	nft := program(t, "nft")
	if !wiretest.InNamespaces(t) {
		return
	}
	far := newNamespace(t)
	defer func() { _ = far.Close() }()
	r, err := linuxrouter.Open(far, linuxrouter.Options{})
	check(t, err)
	defer func() { _ = r.Close() }()
	list := func() string {
		text := run(t, r.Namespace(), nft, "list", "ruleset")
		text = regexp.MustCompile(`(?s)\t\telements = \{.*?\}\n`).ReplaceAllString(text, "")
		return regexp.MustCompile(`packets \d+ bytes \d+`).ReplaceAllString(text, "")
	}
	ours := list()
	file := filepath.Join(t.TempDir(), "ruleset.nft")
	check(t, os.WriteFile(file, []byte(linuxrouter.Ruleset), 0o600))
	run(t, r.Namespace(), nft, "flush", "ruleset")
	run(t, r.Namespace(), nft, "-f", file)
	if diff := cmp.Diff(list(), ours); diff != "" {
		t.Errorf("(-nft +ours)\n%s", diff)
	}
}

// TestLifetimes: the kernel forgets flows when the engine does, in all states of TCP.
func TestLifetimes(t *testing.T) {
	if !wiretest.InNamespaces(t) {
		return
	}
	far := newNamespace(t)
	defer func() { _ = far.Close() }()
	r, err := linuxrouter.Open(far, linuxrouter.Options{})
	check(t, err)
	defer func() { _ = r.Close() }()
	got := map[time.Duration]int{}
	check(t, r.Namespace().Do(func() error {
		files, err := filepath.Glob("/proc/sys/net/netfilter/nf_conntrack_*_timeout*")
		for _, file := range files {
			name := filepath.Base(file)
			want := appliance.OtherIdle
			switch {
			case strings.Contains(name, "_tcp_"):
				want = appliance.TCPIdle
			case !strings.Contains(name, "_udp_") && !strings.Contains(name, "_icmp"):
				continue // of what is not forwarded
			}
			text, err := os.ReadFile(file) //nolint:gosec // a setting of the kernel
			if err != nil {
				return err
			}
			seconds, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				return err
			}
			if lives := time.Duration(seconds) * time.Second; lives != want {
				t.Errorf("%s is %s; want %s", name, lives, want)
			}
			got[want]++
		}
		return err
	}))
	if got[appliance.TCPIdle] != 10 || got[appliance.OtherIdle] != 4 {
		t.Errorf("the kernel has these settings: %v", got)
	}
}

// TestLinks looks at links that come and go with networks.
func TestLinks(t *testing.T) {
	if !wiretest.InNamespaces(t) {
		return
	}
	far := newNamespace(t)
	defer func() { _ = far.Close() }()
	var linked []string
	refuse := errors.New("no")
	var fails error
	r, err := linuxrouter.Open(far, linuxrouter.Options{Linked: func(i appliance.Interface) error {
		linked = append(linked, i.String())
		return fails
	}})
	check(t, err)
	links := func(n *linuxrouter.Namespace) string {
		var names []string
		check(t, n.Do(func() error {
			all, err := net.Interfaces()
			for _, l := range all {
				if l.Flags&net.FlagUp != 0 {
					names = append(names, l.Name)
				}
			}
			return err
		}))
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	for _, step := range []struct {
		networks     int
		want, linked string
	}{
		{0, "ext0 lo", "ext0"}, {3, "ext0 lo net1 net2 net3", "ext0 net1 net2 net3"}, {1, "ext0 lo net1", "ext0 net1 net2 net3"}, {2, "ext0 lo net1 net2", "ext0 net1 net2 net3 net2"},
	} {
		check(t, r.Apply(appliance.Compile(many(step.networks))))
		if here, there := links(r.Namespace()), links(far); here != step.want || there != step.want || strings.Join(linked, " ") != step.linked {
			t.Errorf("%d networks: links %s, far %s, linked %s; expected %s", step.networks, here, there, linked, step.want)
		}
	}
	check(t, r.Reset())
	if got := links(r.Namespace()); got != "ext0 lo net1 net2" {
		t.Errorf("after a reset: %s", got)
	}
	fails = refuse
	if err := r.Apply(appliance.Compile(many(3))); !errors.Is(err, refuse) {
		t.Errorf("a link was refused: %v", err)
	}
	if err := r.Apply(appliance.Compile(many(2))); !errors.Is(err, refuse) {
		t.Errorf("the router is broken, and says %v", err)
	}
	check(t, r.Close())
	for deadline := time.Now().Add(10 * time.Second); links(far) != "lo"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after the router: %s", links(far))
		}
	}
}

// TestLogClosed waits for a log that ends.
func TestLogClosed(t *testing.T) {
	if !wiretest.InNamespaces(t) {
		return
	}
	w := wiretest.Open(t, linuxrouter.Options{})
	log, err := w.Router.Listen()
	check(t, err)
	if _, err := w.Router.Listen(); err == nil {
		t.Error("two listeners")
	}
	check(t, w.Apply(appliance.Compile(many(2))))
	check(t, w.Send(1, made(7, "udp", "10.0.0.10:2000", "10.0.1.10:53")))
	entries, err := log.Read()
	check(t, err)
	want := appliance.Packet{Interface: 1, Protocol: appliance.UDP, HopLimit: 64, Source: netip.MustParseAddrPort("10.0.0.10:2000"), Destination: netip.MustParseAddrPort("10.0.1.10:53")}
	if e := entries[0]; len(entries) != 1 || e.Verdict != vcc.Dropped || e.Reason != vcc.ReasonDifferentHardwarePlan || e.Packet != want || wiretest.Number(e.Raw) != 7 {
		t.Errorf("logged %+v", entries)
	}
	done := make(chan error)
	go func() { _, err := log.Read(); done <- err }()
	time.Sleep(10 * time.Millisecond)
	check(t, log.Close())
	if err := <-done; !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed log says %v", err)
	}
}

// TestLogLost: entries that nobody read in time are an error, and the log goes on.
func TestLogLost(t *testing.T) {
	if !wiretest.InNamespaces(t) {
		return
	}
	w := wiretest.Open(t, linuxrouter.Options{})
	log, err := w.Router.Listen()
	check(t, err)
	check(t, w.Apply(appliance.Compile(many(2))))
	frame := w.Frame(1, made(7, "udp", "10.0.0.10:2000", "10.0.1.10:53")) // to another hardware plan
	// The log has room for 8 MiB at most, and an entry takes some 500 bytes of that at the least.
	// Each read takes one of them. The kernel may take its time with packets.
	const blast = 1 << 10
	for sent := 0; ; sent += blast {
		check(t, w.Blast(1, frame, blast))
		if sent < 32<<10 {
			continue
		}
		if _, err = log.Read(); errors.Is(err, linuxrouter.ErrLost) {
			break
		}
		check(t, err)
		if sent > 4<<20 {
			t.Fatal("nothing is lost")
		}
	}
	if entries, err := log.Read(); err != nil || entries[0].Reason != vcc.ReasonDifferentHardwarePlan {
		t.Errorf("after a loss: %v, %v", entries, err)
	}
	check(t, log.Close())
}

// counted returns a function that says how many UDP packets have come to a link.
func counted(t *testing.T, n *linuxrouter.Namespace, link string) func() int {
	c, err := nftables.New(nftables.WithNetNSFd(n.FD()))
	check(t, err)
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyNetdev, Name: "count"})
	chain := c.AddChain(&nftables.Chain{Name: "arriving", Table: table, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookIngress, Priority: nftables.ChainPriorityFilter, Device: link})
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{byte(appliance.UDP)}}, &expr.Counter{},
	}})
	check(t, c.Flush())
	return func() int {
		rules, err := c.GetRules(table, chain)
		check(t, err)
		for _, e := range rules[0].Exprs {
			if counter, ok := e.(*expr.Counter); ok {
				return int(counter.Packets) // #nosec G115 -- few
			}
		}
		t.Fatal("no counter")
		return 0
	}
}

// TestNothingLost changes a configuration again and again while a flow's packets go through, and counts them.
// Both configurations let them through, so that all have to arrive.
func TestNothingLost(t *testing.T) {
	if !wiretest.InNamespaces(t) {
		return
	}
	for _, tc := range []struct {
		name   string
		change func(*vcc.ApplianceInputs)
	}{
		{"the gateway of another network", func(in *vcc.ApplianceInputs) { in.Gateways["network-7"] = gateway(7, 254) }},
		{"another network gets no gateway", func(in *vcc.ApplianceInputs) { delete(in.Gateways, "network-7") }},
		{"the gateway where the flow goes", func(in *vcc.ApplianceInputs) { in.Gateways["network-2"] = gateway(2, 254) }},
		{"the gateway where the flow begins", func(in *vcc.ApplianceInputs) { in.Gateways["network-0"] = gateway(0, 254) }},
		{"the network where the flow goes becomes smaller", func(in *vcc.ApplianceInputs) {
			g := gateway(2, 1)
			g.IPv4.PrefixLength = 25
			in.Gateways["network-2"] = g
		}},
		{"the routing option, for a known flow", func(in *vcc.ApplianceInputs) { in.RoutingEnabled = false }},
		{"the external address", func(in *vcc.ApplianceInputs) { in.External.IPv4 = netip.MustParsePrefix("198.51.100.6/24") }},
		{"no outside", func(in *vcc.ApplianceInputs) { in.External = vcc.ExternalSettings{} }},
		{"other public IP rules", func(in *vcc.ApplianceInputs) { in.PublicIPRules = nil }},
		{"fewer networks", func(in *vcc.ApplianceInputs) { in.Networks = in.Networks[:9] }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := wiretest.Open(t, linuxrouter.Options{})
			before, after := many(10), many(10)
			tc.change(&after)
			check(t, w.Apply(appliance.Compile(before)))
			check(t, w.Deaf())
			frame := w.Frame(1, made(1, "udp", "10.0.0.10:2000", "10.0.2.10:53"))
			check(t, w.Blast(1, frame, 1))
			arrived := counted(t, w.Far(), "net3")
			begun, stop, sent := arrived(), make(chan struct{}), make(chan int)
			var failed error
			go func() {
				n := 0
				for {
					select {
					case <-stop:
						sent <- n
						return
					default:
						if err := w.Blast(1, frame, 64); err != nil {
							failed = err
						}
						n += 64
					}
				}
			}()
			for i := range 20 {
				check(t, w.Router.Apply(appliance.Compile([]vcc.ApplianceInputs{after, before}[i%2])))
			}
			close(stop)
			n := <-sent
			check(t, failed)
			for deadline := time.Now().Add(5 * time.Second); arrived()-begun < n && time.Now().Before(deadline); {
				time.Sleep(time.Millisecond)
			}
			if got := arrived() - begun; got != n {
				t.Errorf("of %d packets %d arrived", n, got)
			}
		})
	}
}

// TestGatewayInNetwork: an external IPv6 gateway with an address of a cloud network is on ext0 all the same, also where the
// network was there before it.
func TestGatewayInNetwork(t *testing.T) {
	if !wiretest.InNamespaces(t) {
		return
	}
	w := wiretest.Open(t, linuxrouter.Options{})
	in := many(4)
	check(t, w.Apply(appliance.Compile(in)))
	in.External.IPv6Gateway = netip.MustParseAddr("2001:db8:0:1::ffff") // of network-1
	check(t, w.Apply(appliance.Compile(in)))
	check(t, w.Send(1, made(1, "udp", "[2001:db8::10]:2000", "[2001:db8:aaaa::1]:53")))
	check(t, w.Send(1, made(2, "udp", "[2001:db8::10]:2000", "[2001:db8:0:2::10]:53")))
	ways := map[uint64]appliance.Interface{}
	for _, seen := range w.Drain() {
		ways[seen.Number] = seen.At
	}
	if len(ways) != 2 || ways[1] != appliance.Ext0 || ways[2] != 3 {
		t.Errorf("the packets went to %v", ways)
	}
	// The gateway's address itself is where the network is.
	in.Networks[1].HardwarePlanID, in.Networks[1].HardwarePlanName = in.Networks[0].HardwarePlanID, in.Networks[0].HardwarePlanName
	check(t, w.Apply(appliance.Compile(in)))
	check(t, w.Send(1, made(3, "udp", "[2001:db8::10]:2000", "[2001:db8:0:1::ffff]:53")))
	if seen := w.Drain(); len(seen) != 1 || seen[0].At != 2 {
		t.Errorf("for the gateway's own address: %+v", seen)
	}
}
