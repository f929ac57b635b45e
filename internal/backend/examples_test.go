package backend_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
)

// monitoring is the folder of the alerts and of the dashboard.
const monitoring = "../../examples/serve/monitoring"

// TestExamplesNameMetrics: a server that has done a little exports every metric that the alerts and the dashboard name.
func TestExamplesNameMetrics(t *testing.T) {
	t.Parallel()
	s := serve(t, backend.ServerConfig{Database: withAccounts(t, ""), MetricsListen: "127.0.0.1:0"})
	s.logIn("abc-company", abcPassword)
	text := s.watch("/metrics").body
	for _, name := range []string{"alerts.yml", "alerts_test.yml", "dashboard.json"} {
		content, err := os.ReadFile(filepath.Join(monitoring, name))
		ok(t, err)
		if strings.HasSuffix(name, ".json") && !json.Valid(content) {
			t.Errorf("%s is no JSON", name)
		}
		named := regexp.MustCompile(`\b(vcc|process|go)_[a-z_]+`).FindAllString(string(content), -1)
		if len(named) == 0 {
			t.Errorf("%s names no metric", name)
		}
		for _, metric := range named {
			if !strings.Contains(text, "\n"+metric+" ") && !strings.Contains(text, "\n"+metric+"{") {
				t.Errorf("%s names %s, which a server does not export", name, metric)
			}
		}
	}
}

// promtool runs it in the folder of the alerts.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("promtool is not installed")
	}
	ok(t, err)
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = monitoring
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v: %s", args, err, out)
	}
}

// TestAlerts has promtool check the alerts and run their tests.
func TestAlerts(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "rules", "alerts.yml")
	promtool(t, "test", "rules", "alerts_test.yml")
}

// TestDashboard has promtool read every expression of the dashboard, as rules.
func TestDashboard(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(monitoring, "dashboard.json"))
	ok(t, err)
	var dashboard any
	ok(t, json.Unmarshal(content, &dashboard))
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var rules []rule
	var collect func(any)
	collect = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				collect(e)
			}
		case map[string]any:
			if expr, ok := v["expr"].(string); ok {
				expr = strings.ReplaceAll(expr, "$__rate_interval", "5m") // what Grafana fills in
				rules = append(rules, rule{fmt.Sprintf("vcc:panel_%d", len(rules)), expr})
			}
			for _, e := range v {
				collect(e)
			}
		}
	}
	collect(dashboard)
	if len(rules) < 10 {
		t.Fatalf("the dashboard has %d expressions", len(rules))
	}
	file := filepath.Join(t.TempDir(), "rules.yml") // JSON is YAML
	content, err = json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	ok(t, err)
	ok(t, os.WriteFile(file, content, 0o600))
	promtool(t, "check", "rules", file)
}
