package provider_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// rounds calls a test of what is a race several times: VCC_TEST_ROUNDS says how often, twice when unset.
func rounds(t *testing.T, round func(t *testing.T)) {
	t.Helper()
	n := 2
	if s := os.Getenv("VCC_TEST_ROUNDS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		t.Run(fmt.Sprint("round ", i+1), round)
	}
}

// roundOn is a round on a lab of its own, of which the tests in a round do not run beside each other.
func roundOn(t *testing.T) (*testLab, *workspace) {
	t.Helper()
	l := openTestLab(t)
	return l, l.newWorkspace()
}

// sites is the configuration of a gateway for each of two networks, by keys.
func sites(lifecycle string, keys ...string) string {
	return fmt.Sprintf(`
locals {
  sites = {
    %s = { network = %q, address = "172.17.54.1" }
    %s = { network = %q, address = "172.17.60.1" }
  }
}

resource "vcc_default_gateway" "site" {
  for_each     = local.sites
  network_name = each.value.network
  ipv4         = { address = each.value.address, subnet_mask = "255.255.255.0" }
  %s
}
`, keys[0], silver3, keys[1], silver4, lifecycle)
}

const createFirst = "lifecycle {\n    create_before_destroy = true\n  }"

// expectBoth checks that both networks have the gateways of sites, and that there is nothing left to do.
func (w *workspace) expectBoth() {
	w.t.Helper()
	for network, address := range map[string]string{silver3: "172.17.54.1", silver4: "172.17.60.1"} {
		if g := w.stored(network); g == nil || g.IPv4 == nil || g.IPv4.Address.String() != address || g.Origin != vcc.OriginSpecified {
			w.t.Fatalf("%s has %+v, want %s", network, g, address)
		}
	}
	w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
}

// A gateway goes over from one resource of a state to another, whichever comes first.
func TestAccHandover_forEach(t *testing.T) {
	t.Parallel()
	for name, lifecycle := range map[string]string{"": "", "create before destroy": createFirst} {
		t.Run(name, func(t *testing.T) {
			rounds(t, func(t *testing.T) {
				_, w := roundOn(t)
				w.write(w.config(sites(lifecycle, "a", "b")))
				w.expect(0, nil, "apply", "-auto-approve")
				w.write(w.config(sites(lifecycle, "c", "d")))
				w.expect(0, []string{"2 added, 0 changed, 2 destroyed"}, "apply", "-auto-approve")
				w.expectBoth()
				w.write(w.config(sites(lifecycle, "d", "c"))) // each takes the other's network
				w.expect(0, []string{"2 added, 0 changed, 2 destroyed"}, "apply", "-auto-approve")
				w.expectBoth()
				w.expect(0, nil, "destroy", "-auto-approve")
				if g := append([]*vcc.DefaultGateway{w.stored(silver3)}, w.stored(silver4)); g[0] != nil || g[1] != nil {
					t.Errorf("left after all is destroyed: %+v", g)
				}
			})
		})
	}
}

func TestAccHandover_count(t *testing.T) {
	t.Parallel()
	counted := func(lifecycle string, networks ...string) string {
		return fmt.Sprintf(`
locals {
  networks = [for s in ["%s"] : split("=", s)]
}

resource "vcc_default_gateway" "counted" {
  count        = length(local.networks)
  network_name = local.networks[count.index][0]
  ipv4         = { address = local.networks[count.index][1], subnet_mask = "255.255.255.0" }
  %s
}
`, strings.Join(networks, `", "`), lifecycle)
	}
	for name, lifecycle := range map[string]string{"": "", "create before destroy": createFirst} {
		t.Run(name, func(t *testing.T) {
			rounds(t, func(t *testing.T) {
				l, w := roundOn(t)
				w.write(w.config(counted(lifecycle, silver2+"=172.17.56.1", silver3+"=172.17.54.1", silver4+"=172.17.60.1")))
				w.expect(0, nil, "apply", "-auto-approve")
				// What comes first in a count moves all that follow it.
				w.write(w.config(counted(lifecycle, silver3+"=172.17.54.1", silver4+"=172.17.60.1")))
				w.expect(0, nil, "apply", "-auto-approve")
				w.expectBoth()
				if g := l.stored(silver2); g == nil || g.Origin != vcc.OriginDetected {
					t.Errorf("what had been detected did not come back: %+v", g)
				}
			})
		})
	}
}

// One resource whose name alone changes.
func TestAccHandover_renamed(t *testing.T) {
	t.Parallel()
	rounds(t, func(t *testing.T) {
		l, w := roundOn(t)
		w.write(w.config(gateway(silver1, ipv4("172.17.52.9", "255.255.254.0"))))
		w.expect(0, []string{"Warning: Adopts a Detected Gateway"}, "apply", "-auto-approve")
		w.write(strings.ReplaceAll(w.config(gateway(silver1, ipv4("172.17.52.10", "255.255.254.0"))), `"test"`, `"renamed"`))
		w.expect(0, []string{"1 added, 0 changed, 1 destroyed", `+ replaces = "specified by `}, "apply", "-auto-approve")
		if g := l.stored(silver1); g == nil || g.IPv4.Address.String() != "172.17.52.10" {
			t.Fatalf("stored is %+v", g)
		}
		w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
		w.expect(0, nil, "destroy", "-auto-approve")
		if g := l.stored(silver1); g == nil || g.Origin != vcc.OriginDetected || g.IPv4.Address.String() != "172.17.52.1" {
			t.Fatalf("what was detected did not come back: %+v", g)
		}
	})
}

// A resource that replaces itself, because it is told to or tainted.
func TestAccHandover_replaced(t *testing.T) {
	t.Parallel()
	rounds(t, func(t *testing.T) {
		_, w := roundOn(t)
		w.write(w.config(sites("", "a", "b")))
		w.expect(0, nil, "apply", "-auto-approve")
		w.expect(0, []string{"2 added, 0 changed, 2 destroyed"}, "apply", "-auto-approve",
			`-replace=vcc_default_gateway.site["a"]`, `-replace=vcc_default_gateway.site["b"]`)
		w.expectBoth()
		w.expect(0, nil, "taint", `vcc_default_gateway.site["a"]`)
		w.expect(0, []string{"1 added, 0 changed, 1 destroyed"}, "apply", "-auto-approve")
		w.expectBoth()

		// Created first it cannot replace itself: the apply is refused, and nothing is lost.
		w.write(w.config(sites(createFirst, "a", "b")))
		before := w.gateways()
		w.expect(1, []string{"Error: Default Gateway Specified Already", "create_before_destroy"}, "apply", "-auto-approve", `-replace=vcc_default_gateway.site["a"]`)
		expectUnchanged(t, w.testLab, before)
		// Terraform has set the old object aside, and would remove it after the new one is there.
		if out, err := w.cli("state", "rm", `vcc_default_gateway.site["a"]`).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		w.write(w.config(sites(createFirst, "a", "b"), fmt.Sprintf("import {\n  to = vcc_default_gateway.site[\"a\"]\n  id = %q\n}\n", w.ids[silver3])))
		w.expect(0, []string{"1 imported, 0 added, 0 changed, 0 destroyed"}, "apply", "-auto-approve")
		w.expectBoth()
	})
}

// Two provider configurations are two processes, which do not see each other.
func TestAccHandover_acrossAliases(t *testing.T) {
	t.Parallel()
	rounds(t, func(t *testing.T) {
		l, w := roundOn(t)
		second := strings.Replace(w.config(), "provider \"vcc\" {", "provider \"vcc\" {\n  alias = \"second\"", 1)
		w.write(w.config(second, gateway(silver3, ipv4Data)))
		w.expect(0, nil, "apply", "-auto-approve")
		before := l.gateways()
		w.write(w.config(second, strings.Replace(strings.Replace(gateway(silver3, ipv4Data), `"test"`, `"renamed"`, 1), "network_id", "provider = vcc.second\n  network_id", 1)))
		w.expect(1, []string{"Error: Default Gateway Specified Already", "import {"}, "apply", "-auto-approve")
		expectUnchanged(t, l, before)
	})
}

func TestAccHandover_twoStates(t *testing.T) {
	t.Parallel()
	rounds(t, func(t *testing.T) {
		l, first := roundOn(t)
		second := l.newWorkspace()
		config := l.config(gateway(silver3, ipv4Data))
		first.write(config)
		second.write(config)
		// Both at once: one has the gateway, and the other one does not.
		var done atomic.Int32
		var applies sync.WaitGroup
		for _, w := range []*workspace{first, second} {
			applies.Go(func() {
				if _, status := w.terraform("apply", "-auto-approve"); status == 0 {
					done.Add(1)
				}
			})
		}
		applies.Wait()
		if done.Load() != 1 {
			t.Fatalf("%d of two applies that create one gateway succeeded", done.Load())
		}
		before := l.gateways()
		out, _ := first.terraform("plan")
		other, _ := second.terraform("plan")
		out += other
		for _, want := range []string{"No changes.", "Error: Default Gateway Specified Already",
			"Its settings are those of this configuration: an apply that was interrupted may have made it, or another state."} {
			if !strings.Contains(out, want) {
				t.Errorf("the plans do not say %q:\n%s", want, out)
			}
		}
		expectUnchanged(t, l, before)
	})
}

// `terraform test` beside an applied configuration leaves all as it found it.
func TestAccHandover_terraformTest(t *testing.T) {
	t.Parallel()
	rounds(t, func(t *testing.T) {
		l, w := roundOn(t)
		w.write(w.config(gateway(silver3, ipv4Data), routing(true)))
		w.expect(0, nil, "apply", "-auto-approve")
		w.put("all.tftest.hcl", "run \"all\" {}\n")
		before := l.gateways()
		w.expect(1, []string{"Default Gateway Specified Already"}, "test")
		expectUnchanged(t, l, before)
		if !l.routing().Enabled {
			t.Error("the routing option was switched off")
		}

		// What is only detected is adopted, and comes back; and the option is what it was.
		beside := l.newWorkspace()
		beside.write(beside.config(gateway(silver1, ipv4("172.17.52.9", "255.255.254.0")), routing(false)))
		beside.put("all.tftest.hcl", "run \"all\" {}\n")
		beside.expect(0, []string{"Success! 1 passed"}, "test")
		after := l.gateways()
		for i := range after {
			if i >= len(before) || after[i].NetworkID != before[i].NetworkID || after[i].Origin != before[i].Origin || !after[i].GatewaySettings.Equal(before[i].GatewaySettings) {
				t.Errorf("after the test there is %+v", after[i])
			}
		}
		if !l.routing().Enabled {
			t.Error("the routing option was switched off")
		}
	})
}

// Where the new one cannot be stored the old one is there in the end, whichever comes first.
func TestAccHandover_fails(t *testing.T) {
	t.Parallel()
	rounds(t, func(t *testing.T) {
		l := openTestLab(t).serve()
		w := l.workspace("max_retries = 0")
		w.write(l.blocks(sites("", "a", "b")))
		w.expect(0, nil, "apply", "-auto-approve")
		before := l.gateways()
		l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
			if r.Method == http.MethodPut && r.ContentLength > 0 {
				if body := peek(r); strings.Contains(body, "172.17.54.7") || strings.Contains(body, "172.17.60.7") {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusConflict)
					_, _ = fmt.Fprint(w, `{"errorCode": "Conflict", "message": "not that one"}`)
					return
				}
			}
			server.ServeHTTP(w, r)
		})
		w.write(l.blocks(strings.ReplaceAll(strings.ReplaceAll(sites("", "c", "d"), "54.1\"", "54.7\""), "60.1\"", "60.7\"")))
		w.expect(1, []string{"Error: Default Gateway Not Created", "Not that one"}, "apply", "-auto-approve")
		after := l.gateways()
		if len(after) != len(before) {
			t.Fatalf("after the failed apply there are %+v", after)
		}
		for i := range after {
			if !after[i].GatewaySettings.Equal(before[i].GatewaySettings) {
				t.Errorf("%s has %+v, had %+v", after[i].NetworkName, after[i].IPv4, before[i].IPv4)
			}
		}
	})
}

// peek returns the body of a request, which can be read again.
func peek(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

// Nothing else changes hands without a word: two resources for one network are an error of the plan, in whatever way
// they come about.
func TestAccTwoForOneNetwork(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	second := strings.Replace(gateway(silver3, ipv4Data), `"test"`, `"second"`, 1)
	byName := strings.Replace(second, `network_id = "%{`+silver3+`}"`, fmt.Sprintf("network_name = %q", silver3), 1)
	const two = "Error: Two Resources for One Cloud Network"

	w.write(w.config(gateway(silver3, ipv4Data), byName)) // both are new
	w.expect(1, []string{two, "Remove one of the two"}, "plan")
	w.write(w.config(gateway(silver3, ipv4Data)))
	w.expect(0, nil, "apply", "-auto-approve")
	before := l.gateways()
	w.write(w.config(gateway(silver3, ipv4Data), byName)) // one is there
	w.expect(1, []string{two}, "apply", "-auto-approve")
	w.expect(1, []string{two}, "apply", "-auto-approve", "-refresh=false")
	w.expect(1, []string{two}, "apply", "-auto-approve", "-replace="+gatewayAddress)
	expectUnchanged(t, l, before)

	// One that has another network takes the one that the first one keeps.
	moving := strings.Replace(named("second", silver4, "172.17.60.1", "255.255.255.0"), "{\n", "{\n  depends_on = [vcc_default_gateway.test]\n", 1)
	w.write(w.config(gateway(silver3, ipv4Data), moving))
	w.expect(0, nil, "apply", "-auto-approve")
	before = l.gateways()
	w.write(w.config(gateway(silver3, ipv4Data), strings.Replace(moving, silver4, silver3, 1)))
	w.expect(1, []string{two}, "apply", "-auto-approve")
	expectUnchanged(t, l, before)
	w.write(w.config(gateway(silver3, ipv4Data)))
	w.expect(0, nil, "apply", "-auto-approve")
	before = l.gateways()

	// The same gateway, imported again, while the first one goes.
	w.write(w.config(second, fmt.Sprintf("import {\n  to = vcc_default_gateway.second\n  id = %q\n}\n", l.ids[silver3])))
	w.expect(1, []string{two, "state rm"}, "apply", "-auto-approve")
	expectUnchanged(t, l, before)
}
