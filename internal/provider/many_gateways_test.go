package provider_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wideLab is a lab with one plan of n networks, and the configuration of a gateway for
// each of them: vcc_default_gateway.all[0] and so on, 10.x.y.1 in a /24.
func wideLab(t *testing.T, n int) (l *testLab, networks []string, config string) {
	t.Helper()
	t.Parallel()
	file := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(file, []byte(wideLabFile(n)), 0o600); err != nil {
		t.Fatal(err)
	}
	l = &testLab{t: t, dir: t.TempDir(), ids: map[string]string{}}
	l.command("lab", "apply", file)
	l.open(func(c *httpapi.Client) {
		list, err := vcc.All(func(p vcc.Page) ([]vcc.Network, int, error) {
			return c.Networks(t.Context(), vcc.Actor{}, vcc.NetworkFilter{}, p)
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range list {
			networks = append(networks, n.ID)
		}
	})
	// The IDs are written down: taken from the data source, one by one of a list of many,
	// they keep Terraform itself busy for longer than all the rest.
	return l, networks, `
data "vcc_hardware_plan_networks" "wide" {}

locals {
  networks = ["` + strings.Join(networks, `", "`) + `"]
}

resource "vcc_default_gateway" "all" {
  count      = ` + fmt.Sprint(n) + `
  network_id = local.networks[count.index]
  ipv4 = {
    address     = "10.${floor(count.index / 256)}.${count.index % 256}.1"
    subnet_mask = "255.255.255.0"
  }
}
`
}

// wideLabFile declares one plan of n networks.
func wideLabFile(n int) string {
	return fmt.Sprintf(`
service_provider: { name: sp.example.net }
hosts: [ { name: esx01, platform: VMware, vlans: [ { with_internet: [1, %[1]d] } ] } ]
hardware_plans: [ { name: Wide, host: esx01, networks: { with_internet: %[1]d, without_internet: 0 } } ]
tenants: [ { name: ABC Company, subscriptions: [Wide] } ]
`, n)
}

// A plan of a thousand gateways costs few requests, near the backend or far
// from it; and one that is made while others change gateways shows each as it was at
// some moment, and loses none of the changes.
func TestAccManyGateways(t *testing.T) {
	const n, most = 1000, 100 // five pages, and the first of them again every five seconds
	lab, networks, config := wideLab(t, n)
	l := lab.serve()
	w := l.workspace()
	state := w.stateByHTTP()
	w.write(config)
	w.expect(0, []string{fmt.Sprintf("Resources: %d added", n)}, "apply", "-auto-approve")
	// Terraform copies private state once for each pair of gateways in a block.
	if content := state(); !strings.Contains(content, `"vcc_default_gateway"`) || strings.Contains(content, `"private"`) {
		t.Error("the gateways have private state")
	}

	var requests atomic.Int32
	unchanged := func(latency time.Duration) {
		t.Helper()
		requests.Store(0)
		l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
			requests.Add(1)
			time.Sleep(latency) // the way to the backend
			server.ServeHTTP(w, r)
		})
		w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
		if got := requests.Load(); got > most {
			t.Errorf("a plan with %v of latency made %d requests, want %d at most", latency, got, most)
		}
	}
	unchanged(20 * time.Millisecond)

	// From the first listing on somebody changes one gateway after the other.
	var histories atomic.Int32
	first, changed := make(chan struct{}, 1), make(chan error, 1)
	l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/changes") {
			histories.Add(1)
		}
		if strings.HasSuffix(r.URL.Path, "/defaultGateways") {
			select {
			case first <- struct{}{}:
			default:
			}
		}
		server.ServeHTTP(w, r)
	})
	address := func(i, host int) string { return fmt.Sprintf("10.%d.%d.%d", i/256, i%256, host) }
	go func() {
		<-first
		var err error
		l.open(func(c *httpapi.Client) {
			for i, id := range networks {
				settings := vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: netip.MustParseAddr(address(i, 2)), PrefixLength: 24}}
				if _, _, err = c.PutDefaultGateway(t.Context(), vcc.Actor{}, id, settings, vcc.Precondition{}); err != nil {
					break
				}
			}
		})
		changed <- err
	}()
	w.expect(0, nil, "plan", "-out=plan")
	if err := <-changed; err != nil {
		t.Fatal(err)
	}
	shown := w.cli("show", "-json", "plan")
	text, err := shown.Output()
	if err != nil {
		t.Fatal(err)
	}
	var plan struct {
		Changes []struct {
			Index  int    `json:"index"`
			Mode   string `json:"mode"`
			Change struct {
				Actions []string
				Before  struct{ IPv4 struct{ Address string } }
			}
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal(text, &plan); err != nil {
		t.Fatal(err)
	}
	updates := map[int]bool{}
	for _, c := range plan.Changes {
		if c.Mode != "managed" {
			continue
		}
		seen := c.Change.Before.IPv4.Address
		updates[c.Index] = slices.Contains(c.Change.Actions, "update")
		if seen != address(c.Index, 1) && seen != address(c.Index, 2) || updates[c.Index] != (seen == address(c.Index, 2)) {
			t.Errorf("gateway %d was seen as %s, and the plan is %v", c.Index, seen, c.Change.Actions)
		}
	}
	if len(updates) != n {
		t.Fatalf("%d gateways in the plan, want %d", len(updates), n)
	}
	w.expect(0, nil, "apply", "plan")
	for i, g := range l.gateways() {
		want := address(i, 2)
		if updates[i] {
			want = address(i, 1)
		}
		if g.IPv4.Address.String() != want {
			t.Errorf("gateway %d is %s after the apply, want %s", i, g.IPv4.Address, want)
		}
	}
	w.expect(0, nil, "apply", "-auto-approve")
	// Each plan asks for one gateway's history, then for pages of that of all: ten at most every
	// five seconds, so a slow machine asks more often. Without the pages there is a question for
	// every gateway that drifted.
	if got := histories.Load(); got > n/3 {
		t.Errorf("the history was asked for %d times about %d gateways", got, n)
	}
	unchanged(0)
}
