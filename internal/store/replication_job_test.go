package store_test

import (
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const byNightly = `replication job "Nightly"`

// run runs a job of ABC and checks what it detected and skipped, by network.
func (f *fixture) run(t *testing.T, job string, runs int, detected map[string]vcc.GatewaySettings, skipped ...vcc.DetectionSkip) {
	t.Helper()
	f.at = f.at.Add(time.Hour)
	run, err := f.RunReplicationJob(t.Context(), f.abc, f.job(t, f.abc, job).ID)
	ok(t, err)
	got := map[string]vcc.GatewaySettings{}
	for _, g := range run.Detected {
		got[g.NetworkName] = g.GatewaySettings
		stored, err := f.DefaultGateway(t.Context(), f.abc, g.NetworkID)
		ok(t, err)
		equal(t, "stored gateway", *stored, g)
		equal(t, "origin, time and actor", []any{g.Origin, g.UpdatedAt, g.UpdatedBy}, []any{vcc.OriginDetected, f.at, `replication job "` + job + `"`})
	}
	equal(t, "detected by "+job, got, detected)
	equal(t, "skipped by "+job, run.Skipped, skipped)
	equal(t, "the job after its run", run.Job, f.job(t, f.abc, job))
	equal(t, "runs and last run", []any{run.Job.Runs, run.Job.LastRun}, []any{runs, f.at})
}

var (
	app    = ipv4("172.17.52.1/23")
	office = ipv4("172.17.56.1/24")
	// What the job with application-aware processing detects.
	appBoth    = both(app, ipv6("fe80::1", "2001:db8:52::/64"))
	officeBoth = both(office, ipv6("2001:db8:56::1", "2001:db8:56::/64"))
	linux      = vcc.DetectionSkip{ProductionNetwork: "Data", Reason: "none of its VMs in the job runs Windows, and settings of other guests are not detected; specify the gateway"}
)

func TestFirstRunDetectsD4(t *testing.T) { onBoth(t, testFirstRunDetectsD4) }

func testFirstRunDetectsD4(t *testing.T) {
	f := newFixture(t)
	job := f.job(t, f.abc, "Nightly")
	equal(t, "a job that never ran", job, vcc.ReplicationJob{
		ID: job.ID, Name: "Nightly", HardwarePlanID: f.network(t, f.abc, "Silver network 1 (internet)").HardwarePlanID, HardwarePlanName: "Silver", ApplicationAware: true,
	})
	f.run(t, "Nightly", 1, map[string]vcc.GatewaySettings{"Silver network 1 (internet)": appBoth, "Silver network 1": officeBoth}, linux)
	f.run(t, "Weekly", 1, map[string]vcc.GatewaySettings{"Gold network 1 (internet)": app, "Gold network 1": office})

	// A gateway that was removed on purpose does not come back.
	ok(t, f.RemoveDefaultGateway(t.Context(), f.abc, f.network(t, f.abc, "Silver network 1 (internet)").ID, vcc.Precondition{}))
	before := f.gateways(t, f.abc)
	f.run(t, "Nightly", 2, nil)
	f.run(t, "Nightly", 3, nil)
	equal(t, "gateways after later runs", f.gateways(t, f.abc), before)
	checkRevisions := query(t, f.path, "SELECT revision, actor FROM changes ORDER BY revision")
	equal(t, "history", checkRevisions, []string{
		"1 | " + byNightly, "2 | " + byNightly, `3 | replication job "Weekly"`, `4 | replication job "Weekly"`, "5 | " + f.abc.Name,
	})

	ok(t, f.ApplyLab(t.Context(), renamed(testLab()), nil))
	f.run(t, "Nightly", 4, nil) // a lab that changed makes no first run
}

// renamed is a lab with another service provider and nothing else.
func renamed(lab vcc.Lab) vcc.Lab {
	lab.ServiceProvider.Name = "renamed.example.net"
	return lab
}

func TestDetectionOverwritesNothing(t *testing.T) { onBoth(t, testDetectionOverwritesNothing) }

func testDetectionOverwritesNothing(t *testing.T) {
	f := newFixture(t)
	f.put(t, f.abc, f.network(t, f.abc, "Silver network 1 (internet)").ID, ipv4("172.17.52.254/23"))
	f.run(t, "Nightly", 1, map[string]vcc.GatewaySettings{"Silver network 1": officeBoth}, linux,
		vcc.DetectionSkip{ProductionNetwork: "App", Reason: `"Silver network 1 (internet)" has a stored default gateway, which detection never overwrites`})
	equal(t, "the stored gateway", f.gateways(t, f.abc)[0].GatewaySettings, ipv4("172.17.52.254/23"))
}

func TestDetectionSkipsOverlaps(t *testing.T) { onBoth(t, testDetectionSkipsOverlaps) }

func testDetectionSkipsOverlaps(t *testing.T) {
	f := newFixture(t)
	f.put(t, f.abc, f.network(t, f.abc, "Silver network 2 (internet)").ID, ipv4("172.17.52.1/22"))
	f.run(t, "Nightly", 1, map[string]vcc.GatewaySettings{"Silver network 1": officeBoth}, linux, vcc.DetectionSkip{
		ProductionNetwork: "App",
		Reason: `ipv4: 172.17.52.0/23 overlaps 172.17.52.0/22 of "Silver network 2 (internet)" on the same network extension appliance; ` +
			"no router can serve both. Use another network here, or change that gateway first",
	})
	ok(t, f.RemoveDefaultGateway(t.Context(), f.abc, f.network(t, f.abc, "Silver network 2 (internet)").ID, vcc.Precondition{}))
	f.run(t, "Nightly", 2, nil) // the first run was the only chance
}

func TestJobUsesItsMapping(t *testing.T) { onBoth(t, testJobUsesItsMapping) }

func testJobUsesItsMapping(t *testing.T) {
	f := newFixture(t)
	lab := testLab()
	lab.Tenants[0].Jobs = []vcc.LabReplicationJob{{
		Name: "Table", HardwarePlan: "Silver", VMs: []string{"web01", "file01"}, Mapping: map[string]string{"Office": "Silver network 1"},
	}}
	ok(t, f.ApplyLab(t.Context(), lab, nil))
	f.run(t, "Table", 1, map[string]vcc.GatewaySettings{"Silver network 1": office},
		vcc.DetectionSkip{ProductionNetwork: "App", Reason: "the job maps it to no cloud network"})
}

func TestSeedRunsEveryJobOnce(t *testing.T) { onBoth(t, testSeedRunsEveryJobOnce) }

func testSeedRunsEveryJobOnce(t *testing.T) {
	f := &fixture{path: t.TempDir() + "/vcc.db", at: time.Date(2025, 11, 3, 10, 0, 0, 0, time.UTC)}
	f.open(t)
	seeded, err := f.Seed(t.Context(), valid(testLab()), true)
	ok(t, err)
	equal(t, "seeded", seeded, true)
	for tenant, want := range map[string][]string{
		"ABC": {"Silver network 1 (internet)", "Silver network 1", "Gold network 1 (internet)", "Gold network 1"},
		"XYZ": {"Bronze network 1 (internet)"},
	} {
		equal(t, "gateways of "+tenant, each(f.gateways(t, f.actor(t, tenant)), func(g vcc.DefaultGateway) string { return g.NetworkName }), want)
	}
	f.unchanged(t, func() {
		seeded, err = f.Seed(t.Context(), valid(renamed(testLab())), true)
		ok(t, err)
		equal(t, "seeded again", seeded, false)
	})
}
