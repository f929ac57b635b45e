package backend_test

import (
	"encoding/json"
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

// TestAlerts has promtool check the alerts and run their tests.
func TestAlerts(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("promtool is not installed")
	}
	ok(t, err)
	for _, args := range [][]string{{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = monitoring
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v: %s", args, err, out)
		}
	}
}
