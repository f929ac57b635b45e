package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// The provider's process is killed at random points of applies that create, change and remove eight failover plans. What
// Terraform recorded is stored; what it did not record the next plan refuses to take over, with a block that imports it; and
// then the next apply converges.
func TestAccFailoverPlan_killed(t *testing.T) {
	const count = 8
	w := newTestLab(t).newWorkspace()
	config := func(delay int) string {
		return w.config(fmt.Sprintf(`
resource "vcc_failover_plan" "each" {
  count = %d
  name  = "Plan ${count.index}"
  vms   = [{ name = "web01", delay_seconds = %d }]
}
`, count, delay))
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // it chooses moments
	for round := range 3 {
		removing := round == 2
		if removing {
			w.write(w.config(""))
		} else {
			w.write(config(round + 1))
		}
		killed := w.applyPlansAndKill(random.IntN(count), time.Duration(round+1)*time.Second, removing, count)
		t.Logf("round %d: killed %t", round, killed)

		recorded, imports := w.recordedPlans(), ""
		for i := range count {
			name := fmt.Sprintf("Plan %d", i)
			stored, known := w.failoverPlan(name), recorded[name]
			switch {
			case removing: // what is recorded may be gone: its removal was not answered
			case known && stored == nil:
				t.Errorf("round %d: Terraform recorded %q, and it is not stored", round, name)
			case !known && stored != nil:
				imports += fmt.Sprintf("import {\n  to = vcc_failover_plan.each[%d]\n  id = %q\n}\n", i, name)
			}
		}
		if imports != "" {
			w.expect(1, []string{"Error: Failover Plan Specified Already", "an apply that was interrupted may have made it", "import {"}, "plan")
			w.write(config(round+1) + imports)
		}
		w.expect(0, nil, "apply", "-auto-approve")
		w.expect(0, nil, "plan", "-detailed-exitcode")
		if n := len(w.failoverPlans()); removing && n != 1 || !removing && n != count+1 {
			t.Errorf("round %d: %d failover plans after convergence", round, n)
		}
	}
}

// applyPlansAndKill applies, and kills the provider once so many failover plans have a delay, or are gone. It reports whether
// there was still one to kill.
func (w *workspace) applyPlansAndKill(writes int, delay time.Duration, removing bool, count int) bool {
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
		plans, _, err := e.Client.FailoverPlans(context.Background(), vcc.Actor{}, vcc.Page{Limit: vcc.MaxPageLimit})
		if err != nil {
			w.t.Fatal(err)
		}
		n := 0
		for _, p := range plans {
			if strings.HasPrefix(p.Name, "Plan ") && (removing || p.Delay("web01") == delay) {
				n++
			}
		}
		if removing {
			n = count - n
		}
		if !killed && n >= writes {
			for _, pid := range children(cmd.Process.Pid) {
				process, err := os.FindProcess(pid)
				killed = err == nil && process.Kill() == nil || killed
			}
		}
		time.Sleep(2 * time.Millisecond) // leave the cores to the apply
	}
}

// recordedPlans returns the names of the failover plans in Terraform's state.
func (w *workspace) recordedPlans() map[string]bool {
	w.t.Helper()
	out, err := w.cli("show", "-json").Output()
	if err != nil {
		w.t.Fatal(err)
	}
	var state tfjson.State
	if err := json.Unmarshal(out, &state); err != nil {
		w.t.Fatal(err)
	}
	names := map[string]bool{}
	if state.Values != nil {
		for _, r := range state.Values.RootModule.Resources {
			names[fmt.Sprint(r.AttributeValues["name"])] = true
		}
	}
	return names
}
