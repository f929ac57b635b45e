package provider_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// The answer to a write of all gateways is lost. It succeeded if all that is stored is its own, and else is not known to.
func TestLostAnswer_gateways(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	const resource = "vcc_default_gateways"
	first, then := map[string]string{silver2: "172.17.56.1", silver3: "172.17.54.1"}, map[string]string{silver3: "172.17.54.2", silver4: "10.0.0.1"}
	set := func(l *servedLab, network, address string) {
		l.command("gateway", "set", network, "--ipv4", address+"/24")
	}
	for name, test := range map[string]struct {
		create, change, remove func(l *servedLab) // in the place of the write
		fails                  bool
	}{
		"carried out": {
			func(l *servedLab) { l.carriedOut(http.MethodPut, func() {}) },
			func(l *servedLab) { l.carriedOut(http.MethodPut, func() {}) },
			func(l *servedLab) { l.carriedOut(http.MethodPut, func() {}) }, false,
		},
		"nothing": {
			func(l *servedLab) { l.instead(http.MethodPut, func() {}) },
			func(l *servedLab) { l.instead(http.MethodPut, func() {}) },
			func(l *servedLab) { l.instead(http.MethodPut, func() {}) }, true,
		},
		"carried out, and one changed": {
			func(l *servedLab) { l.carriedOut(http.MethodPut, func() { set(l, silver3, "172.17.54.9") }) },
			func(l *servedLab) { l.carriedOut(http.MethodPut, func() { set(l, silver3, "172.17.54.9") }) },
			func(l *servedLab) { l.carriedOut(http.MethodPut, func() { set(l, silver3, "172.17.54.9") }) }, true,
		},
		"the same of another": {
			func(l *servedLab) {
				l.instead(http.MethodPut, func() {
					l.command("gateway", "remove", silver1)
					set(l, silver2, "172.17.56.1")
					set(l, silver3, "172.17.54.1")
				})
			},
			func(l *servedLab) {
				l.instead(http.MethodPut, func() {
					l.command("gateway", "remove", silver2)
					set(l, silver3, "172.17.54.2")
					set(l, silver4, "10.0.0.1")
				})
			}, nil, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			says := func(c *change, said, failed string) {
				t.Helper()
				if test.fails {
					expectText(t, said, "ERROR", failed, notKnown)
				} else if said != "" {
					t.Errorf("%s: %s", failed, said)
				}
			}
			l := newServedLab(t)
			c := l.servedTo(t).creation(resource, setAttributes(first))
			must(t, c.plan())
			test.create(l)
			says(c, c.apply(), "Default Gateways Not Created")
			if c.gone() != test.fails {
				t.Errorf("in the state after the creation: %t", !c.gone())
			}

			begin := func() *change {
				l.meet(nil)
				for _, network := range []string{silver1, silver2, silver3, silver4} {
					if l.stored(network) != nil {
						l.command("gateway", "remove", network)
					}
				}
				c := l.servedTo(t).creation(resource, setAttributes(first))
				must(t, c.plan())
				must(t, c.apply())
				return c
			}
			old := begin()
			c = l.servedTo(t).creation(resource, setAttributes(then))
			must(t, c.update(old.state))
			test.change(l)
			says(c, c.apply(), "Default Gateways Not Updated")

			if test.remove == nil {
				return
			}
			removed := l.servedTo(t).removal(begin())
			test.remove(l)
			says(removed, removed.apply(), "Default Gateways Not Removed")
			if removed.gone() == test.fails {
				t.Errorf("gone from the state: %t", removed.gone())
			}
		})
	}
}

// The provider's process is killed at random points of applies that create, change and remove forty gateways at once. Whatever the
// point, all of them are as before or all as wanted, and the next applies converge.
func TestAccInterruptedApply_gateways(t *testing.T) {
	t.Parallel()
	l := &testLab{t: t, dir: t.TempDir()}
	lab := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(lab, []byte(manyNetworks), 0o600); err != nil {
		t.Fatal(err)
	}
	w := l.newWorkspace()
	w.command("lab", "apply", lab)
	config := func(lastOctet int, more string) string {
		return l.config(fmt.Sprintf(`
resource "vcc_default_gateways" "all" {
  hardware_plan = "Wide"
  gateways = { for i in range(40) : "Wide network ${i + 1} (internet)" => {
    ipv4 = { address = "10.0.${i}.%d", subnet_mask = "255.255.255.0" }
  } }
}
`, lastOctet), more)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	took := 2 * time.Second // how long an apply takes here, once one was seen to its end
	for round := range 6 {
		wanted := config(round+1, "")
		if round%3 == 2 {
			wanted = l.config("")
		}
		w.write(wanted)
		before := octets(l.gateways())
		after := w.killAfter(time.Duration(random.Int64N(int64(took))))
		got := octets(l.gateways())
		want := fmt.Sprintf("40 of .%d", round+1)
		if round%3 == 2 {
			want = ""
		}
		t.Logf("round %d: killed after %v, %q", round, after, got)
		if got != before && got != want {
			t.Fatalf("round %d: stored is %q, was %q, wanted is %q", round, got, before, want)
		}
		begun := time.Now()
		if out, status := w.terraform("apply", "-auto-approve"); status != 0 {
			if !strings.Contains(out, "an apply that was interrupted may have made them, or another state") {
				t.Fatalf("round %d: %s", round, out)
			}
			w.write(config(round+1, "import {\n  to = vcc_default_gateways.all\n  id = \"Wide\"\n}\n"))
			w.expect(0, nil, "apply", "-auto-approve")
		}
		took = time.Since(begun)
		w.write(wanted)
		w.unchanged()
		if got := octets(l.gateways()); got != want {
			t.Errorf("round %d: %q after convergence, want %q", round, got, want)
		}
	}
}

// octets says how many gateways end with the last octet that all of them share.
func octets(gateways []vcc.DefaultGateway) string {
	count := map[byte]int{}
	var parts []string
	for _, g := range gateways {
		octet := g.IPv4.Address.As4()[3]
		count[octet]++
	}
	for octet, n := range count {
		parts = append(parts, fmt.Sprintf("%d of .%d", n, octet))
	}
	return strings.Join(parts, ", ")
}

// killAfter applies, and kills the provider's processes after some time.
func (w *workspace) killAfter(d time.Duration) time.Duration {
	w.t.Helper()
	cmd := w.cli("apply", "-no-color", "-input=false", "-auto-approve")
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }() // its status tells nothing: it depends on the moment
	begun := time.Now()
	select {
	case <-done:
		return time.Since(begun)
	case <-time.After(d):
	}
	for {
		for _, pid := range children(cmd.Process.Pid) {
			if process, err := os.FindProcess(pid); err == nil {
				_ = process.Kill()
			}
		}
		select {
		case <-done:
			return d
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Four thousand networks in one map: created, swapped, drifted and destroyed, each in a handful of requests.
func TestAccDefaultGateways_fourThousand(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	const n, most = 4000, 40 // the login and five pages of networks and gateways each, before a write and after it
	lab, networks, _ := wideLab(t, n)
	l := lab.serve()
	w := l.workspace(`request_timeout = "10m"`) // the race detector makes a write of 4,000 slow
	config := func(first, second int) string {
		return fmt.Sprintf(`
locals {
  places = merge({ for i in flatten([for t in range(%d) : range(1000 * t, 1000 * t + 1000)]) : i => i }, { 0 = %d, 1 = %d })
}

resource "vcc_default_gateways" "all" {
  hardware_plan = "Wide"
  gateways = { for i, place in local.places : "Wide network ${i + 1} (internet)" => {
    ipv4 = { address = "10.${floor(place / 256)}.${place %% 256}.1", subnet_mask = "255.255.255.0" }
  } }
}
`, n/1000, first, second)
	}
	count := func(wants []string, status int, command string, args ...string) {
		t.Helper()
		requests := make(chan struct{}, 100*n)
		l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
			requests <- struct{}{}
			server.ServeHTTP(w, r)
		})
		w.expect(status, wants, command, args...)
		if got := len(requests); got > most {
			t.Errorf("%s made %d requests, want %d at most", command, got, most)
		}
	}
	w.write(config(0, 1))
	count([]string{"1 added"}, 0, "apply", "-auto-approve")
	w.write(config(1, 0))
	count([]string{"0 added, 1 changed"}, 0, "apply", "-auto-approve")
	gateways := l.gateways()
	if len(gateways) != n || gateways[0].IPv4.Address.String() != "10.0.1.1" || gateways[1].IPv4.Address.String() != "10.0.0.1" {
		t.Fatalf("%d gateways, the first of which are %+v", len(gateways), gateways[:2])
	}
	l.open(func(c *httpapi.Client) {
		for i, id := range networks[:30] {
			settings := vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: netip.AddrFrom4([4]byte{10, 200, byte(i), 1}), PrefixLength: 24}}
			if _, _, err := c.PutDefaultGateway(t.Context(), vcc.Actor{}, id, settings, vcc.Precondition{}); err != nil {
				t.Fatal(err)
			}
		}
	})
	count([]string{"and 20 more", "changed ipv4.address from "}, 2, "plan", "-detailed-exitcode")
	count([]string{"1 destroyed"}, 0, "destroy", "-auto-approve")
	if left := l.gateways(); len(left) > 0 {
		t.Errorf("%d gateways are left", len(left))
	}
}
