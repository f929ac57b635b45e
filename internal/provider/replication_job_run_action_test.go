package provider_test

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const jobRunAction = "vcc_replication_job_run"

func job(name string) map[string]tftypes.Value { return map[string]tftypes.Value{"job": text(name)} }

// The first run detects, and says what it did not detect; the next ones do not.
func TestReplicationJobRunAction(t *testing.T) {
	s := newServer(t)
	lab := tftypes.NewValue(embeddedType, map[string]tftypes.Value{
		"data_dir": text(t.TempDir()), "lab_file": text("../labfile/testdata/lab.yaml"), "tenant": tftypes.NewValue(tftypes.String, nil),
	})
	if text := s.configure(map[string]tftypes.Value{"embedded": lab}); text != "" {
		t.Fatal(text)
	}
	progress, diagnostics := s.invoke(t.Context(), jobRunAction, job("Silver nightly"))
	if diagnostics != "" {
		t.Error(diagnostics)
	}
	expectText(t, progress, `Running replication job "Silver nightly"`,
		"Detected VMware Silver network 1 (internet): 172.17.52.1 in 172.17.52.0/23, fe80::1 in 2001:db8:52::/64 (detected)",
		`Skipped production network "Data": `)
	if results, _ := s.list(t.Context(), 100, nil); len(results) != 1 {
		t.Errorf("%d gateways are stored, want 1", len(results))
	}

	progress, diagnostics = s.invoke(t.Context(), jobRunAction, job("Silver nightly"))
	if diagnostics != "" {
		t.Error(diagnostics)
	}
	if want := "Running replication job \"Silver nightly\"\nThis was run 2; only the first run of a job detects default gateways\n"; progress != want {
		t.Errorf("the second run reports\n%s", progress)
	}
}

func TestReplicationJobRunAction_errors(t *testing.T) {
	l := newTestLab(t)
	_, diagnostics := l.served().invoke(t.Context(), jobRunAction, job("Gold hourly")) // another tenant's
	expectText(t, diagnostics, "plan: ERROR", `AttributeName("job")`, `no replication job "Gold hourly"; did you mean "Bronze weekly", "Silver nightly"?`)
	_, diagnostics = unconfigured(t).invoke(t.Context(), jobRunAction, job("Silver nightly"))
	expectText(t, diagnostics, "ERROR", "Replication Job Not Run", "values that are not known yet")
}

func TestReplicationJobRunAction_cancelled(t *testing.T) {
	jobs := map[string]string{"GET /api/v1/cloudConnect/replicationJobs": `{"data": [{"id": "j", "name": "Silver nightly"}], "pagination": {"total": 1}}`}
	said := cancelled(t, "POST /api/v1/cloudConnect/replicationJobs/j/run", jobs, func(ctx context.Context, s *server) string {
		_, diagnostics := s.invoke(ctx, jobRunAction, job("Silver nightly"))
		return diagnostics
	})
	expectText(t, said, "ERROR", "Replication Job Not Run")
}
