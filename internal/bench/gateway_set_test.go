package bench

import (
	"fmt"
	"testing"
)

// setOf returns a workspace of the provider on an embedded backend with n networks, all of whose gateways are in one
// vcc_default_gateways.
func setOf(b testing.TB, n int) *workspace {
	b.Helper()
	provider, _ := newLab(b, n)
	return newWorkspace(b, "vcc", provider+fmt.Sprintf(`
locals {
  tens = [for t in range(%d) : range(10 * t, 10 * t + 10)]
}

resource "vcc_default_gateways" "all" {
  gateways = { for i in flatten(local.tens) : "Plan ${floor(i / 4000) + 1} network ${i %% 4000 + 1} (internet)" => {%s
  } }
}
`, n/10, forEntries))
}

// forEntries are settingsAttributes in a for expression.
const forEntries = `
  ipv4 = {
    address     = "10.${floor(i / 256)}.${i % 256}.1"
    subnet_mask = "255.255.255.0"
  }
  ipv6 = {
    network       = "2001:db8:${format("%x", i + 1)}::"
    prefix_length = 64
    address       = "fe80::1"
  }`

// BenchmarkSet plans gateways that have not changed, and creates them, all of them in one vcc_default_gateways: against a
// terraform_data for each, which is built into the CLI, and against one resource for each of the provider that does nothing. Growth is
// what a gateway takes among 4,000, by the time of all and by processor time, as a ratio to what it takes among 1,000.
func BenchmarkSet(b *testing.B) {
	const few, many = 1000, 4000
	all := map[string]*workspace{"set": setOf(b, few), "many": setOf(b, many), "built-in": builtIn(b, few), "floor": floorOf(b, few, few)}
	for _, w := range all {
		w.provider = "" // nobody looks at processes: that takes time, and what is built in has none
	}
	b.Run("plan", func(b *testing.B) {
		for _, w := range all {
			w.run("apply", "-auto-approve")
		}
		compareSet(b, all, func(w *workspace) usage { return w.run("plan") })
		for _, w := range all {
			w.run("destroy", "-auto-approve")
		}
	})
	b.Run("apply", func(b *testing.B) {
		compareSet(b, all, func(w *workspace) usage {
			u := w.run("apply", "-auto-approve")
			w.run("destroy", "-auto-approve")
			return u
		})
	})
}

// compareSet measures all workspaces in turn. A metric is the median of the rounds: on a machine that is slow at times all of a round are slow.
func compareSet(b *testing.B, all map[string]*workspace, measure func(*workspace) usage) {
	b.Helper()
	metrics := map[string][]float64{}
	for b.Loop() {
		took, total := map[string]float64{}, map[string]float64{}
		for _, name := range shuffled(all) {
			u := measure(all[name])
			took[name], total[name] = u.took.Seconds(), u.total.Seconds()
		}
		for metric, value := range map[string]float64{
			"set/built-in": took["set"] / took["built-in"], "set/floor": took["set"] / took["floor"], "growth": took["many"] / took["set"] / 4,
			"processor-growth": total["many"] / total["set"] / 4, "processor/built-in": total["set"] / total["built-in"], "built-in-s": took["built-in"],
		} {
			metrics[metric] = append(metrics[metric], value)
		}
	}
	for metric, values := range metrics {
		b.ReportMetric(median(values), metric)
	}
	b.ReportMetric(0, "ns/op")
}
