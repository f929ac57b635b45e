package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const manyNetworks = `
service_provider: { name: sp.example.net }
hosts:
  - { name: esx01, platform: VMware, vlans: [{ with_internet: [1, 100] }] }
hardware_plans:
  - { name: Wide, host: esx01, networks: { with_internet: 40, without_internet: 0 } }
tenants:
  - { name: ABC Company, subscriptions: [Wide] }
`

// The provider's process is killed at random points of applies that create,
// change and remove forty gateways. Whatever the point, the store opens, holds
// every write that Terraform was answered. What Terraform did not record the next plan refuses to
// take over, with a block that imports it; then the next apply converges.
func TestAccInterruptedApply(t *testing.T) {
	t.Parallel()
	l := &testLab{t: t, dir: t.TempDir()}
	lab := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(lab, []byte(manyNetworks), 0o600); err != nil {
		t.Fatal(err)
	}
	w := l.newWorkspace()
	w.command("lab", "apply", lab)
	config := func(lastOctet int) string {
		return l.config(fmt.Sprintf(`
data "vcc_hardware_plan_networks" "all" {}
resource "vcc_default_gateway" "each" {
  for_each   = { for i, n in data.vcc_hardware_plan_networks.all.networks : i => n.id }
  network_id = each.value
  ipv4       = { address = "10.0.${each.key}.%d", subnet_mask = "255.255.255.0" }
}
`, lastOctet))
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	for round := range 9 {
		want := fmt.Sprintf(".%d", round+1)
		switch round % 3 {
		case 0: // create
			w.write(config(round + 1))
		case 1: // change
			w.write(config(round + 1))
		case 2: // remove
			w.write(l.config(""))
		}
		writes := random.IntN(40)
		killed := w.applyAndKill(writes, want, round%3 == 2)
		t.Logf("round %d: killed %t after at least %d writes", round, killed, writes)

		stored := map[string]string{}
		for _, g := range l.gateways() {
			stored[g.NetworkID] = g.IPv4.Address.String()
		}
		for id, address := range w.recorded() {
			switch {
			case round%3 == 2: // what is recorded may be gone: its removal was not answered
			case stored[id] == "":
				t.Errorf("round %d: Terraform recorded the gateway of %s, and it is not stored", round, id)
			case strings.HasSuffix(address, want) && stored[id] != address:
				t.Errorf("round %d: Terraform recorded %s for %s, stored is %s", round, address, id, stored[id])
			}
		}
		w.adopt(config(round+1), round%3 == 2)
		w.expect(0, nil, "apply", "-auto-approve")
		w.expect(0, nil, "plan", "-detailed-exitcode")
		if n := len(l.gateways()); round%3 == 2 && n != 0 || round%3 != 2 && n != 40 {
			t.Errorf("round %d: %d gateways after convergence", round, n)
		}
	}
}

// adopt imports the stored gateways that Terraform has not recorded, by the blocks that its refusal names.
func (w *workspace) adopt(config string, removing bool) {
	w.t.Helper()
	if removing {
		return // nothing is created
	}
	known := w.recorded()
	imports := ""
	for _, g := range w.gateways() {
		if known[g.NetworkID] == "" {
			i := strings.TrimSuffix(strings.TrimPrefix(g.NetworkName, "Wide network "), " (internet)")
			n, err := strconv.Atoi(i)
			if err != nil {
				w.t.Fatal(err)
			}
			imports += fmt.Sprintf("import {\n  to = vcc_default_gateway.each[%q]\n  id = %q\n}\n", strconv.Itoa(n-1), g.NetworkID)
		}
	}
	if imports == "" {
		return
	}
	w.expect(1, []string{"Error: Default Gateway Specified Already", "an apply that was interrupted may have made it", "import {"}, "plan")
	w.write(config + imports)
}

// applyAndKill applies, and kills the provider once so many gateways are as
// wanted (or gone). It reports whether there was still one to kill.
func (w *workspace) applyAndKill(writes int, want string, removing bool) bool {
	w.t.Helper()
	e, err := backend.OpenEmbedded(context.Background(), backend.EmbeddedConfig{DataDir: w.dir, Program: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	defer e.Close() //nolint:errcheck // read only
	cmd := w.cli("apply", "-no-color", "-input=false", "-auto-approve")
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }() // its status tells nothing: it depends on the moment
	killed := false
	for {
		select {
		case <-done:
			return killed
		default:
		}
		if !killed && written(w.t, e.Client, want, removing) >= writes {
			for _, pid := range children(cmd.Process.Pid) {
				process, err := os.FindProcess(pid)
				killed = err == nil && process.Kill() == nil || killed
			}
		}
		time.Sleep(2 * time.Millisecond) // leave the cores to the apply
	}
}

// written counts the gateways that are as wanted, or gone.
func written(t *testing.T, c *httpapi.Client, want string, removing bool) int {
	t.Helper()
	gateways, err := vcc.All(func(p vcc.Page) ([]vcc.DefaultGateway, int, error) {
		return c.DefaultGateways(context.Background(), vcc.Actor{}, p)
	})
	if err != nil {
		t.Fatal(err)
	}
	if removing {
		return 40 - len(gateways)
	}
	n := 0
	for _, g := range gateways {
		if strings.HasSuffix(g.IPv4.Address.String(), want) {
			n++
		}
	}
	return n
}

// children lists the processes that a process started and that still run.
func children(parent int) []int {
	var pids []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		content, err := os.ReadFile(name)
		if err != nil {
			continue // it ended
		}
		// pid (name) state ppid: the name may hold blanks.
		fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
		if len(fields) > 1 && fields[0] != "Z" && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// recorded returns the addresses in Terraform's state by network.
func (w *workspace) recorded() map[string]string {
	w.t.Helper()
	out, err := w.cli("show", "-json").Output()
	if err != nil {
		w.t.Fatal(err)
	}
	var state tfjson.State
	if err := json.Unmarshal(out, &state); err != nil {
		w.t.Fatal(err)
	}
	addresses := map[string]string{}
	if state.Values == nil {
		return addresses
	}
	for _, r := range state.Values.RootModule.Resources {
		if v4, ok := r.AttributeValues["ipv4"].(map[string]any); ok && r.Mode == tfjson.ManagedResourceMode {
			addresses[r.AttributeValues["network_id"].(string)] = v4["address"].(string)
		}
	}
	return addresses
}
