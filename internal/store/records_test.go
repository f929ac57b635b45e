package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// fullLab has a value in every field that a lab can have.
func fullLab() vcc.Lab {
	lab := testLab()
	abc := &lab.Tenants[0]
	abc.Username, abc.PasswordEnv = "abc", "ABC_PASSWORD"
	abc.PublicIPs = append(abc.PublicIPs, addr("203.0.113.10"), addr("2001:db8:ffff::10"))
	abc.Appliances = []vcc.LabAppliance{
		{Host: "esx01", External: vcc.ExternalSettings{
			IPv4: prefix("198.51.100.5/24"), IPv4Gateway: addr("198.51.100.1"), IPv6: prefix("2001:db8:ffff::5/64"), IPv6Gateway: addr("fe80::1"),
		}},
		{Host: "hyperv01"},
	}
	abc.VMs[0].NICs[0].IPv4, abc.VMs[0].NICs[0].IPv6 = addr("172.17.52.10"), addr("2001:db8:52::10")
	abc.Jobs[1].VMs, abc.Jobs[1].Mapping = []string{"web01"}, map[string]string{"App": "Gold network 1 (internet)"}
	abc.FailoverPlans = []vcc.LabFailoverPlan{{
		Name: "Whole site", VMs: []string{"web01"},
		PublicIPRules: []vcc.PublicIPRule{
			{Public: addrPort("203.0.113.10:443"), Internal: addrPort("172.17.52.10:8443")},
			{Public: addrPort("[2001:db8:ffff::10]:443"), Internal: addrPort("[2001:db8:52::10]:443")},
		},
	}}
	return lab
}

// TestRecords holds the form of what the columns of JSON have, and the digest of a lab, at the
// present version of the schema. Whoever changes it writes a migration.
func TestRecords(t *testing.T) { onBoth(t, testRecords) }

func testRecords(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	ok(t, f.ApplyLab(ctx, fullLab(), nil))
	f.put(t, f.abc, f.network(t, f.abc, "Silver network 1 (internet)").ID, app)
	_, err := f.PutNetworkRouting(ctx, f.abc, true, vcc.Precondition{})
	ok(t, err)
	_, err = f.RunReplicationJob(ctx, f.abc, f.job(t, f.abc, "Nightly").ID)
	ok(t, err)
	plans, _, err := f.FailoverPlans(ctx, f.abc, everything)
	ok(t, err)
	_, err = f.StartFailover(ctx, f.abc, plans[0].ID, false, withProblem)
	ok(t, err)
	silver := f.network(t, f.abc, "Silver network 1 (internet)").ID

	var got strings.Builder
	for _, q := range []string{
		"SELECT 'lab', digest FROM lab",
		"SELECT 'hosts', declaration FROM hosts ORDER BY name",
		"SELECT 'tenants', declaration FROM tenants ORDER BY name",
		"SELECT 'replication_jobs', declaration FROM replication_jobs ORDER BY name",
		"SELECT 'failover_plans', declaration FROM failover_plans ORDER BY name",
		"SELECT 'changes', COALESCE(before, 'none'), COALESCE(after, 'none') FROM changes ORDER BY tenant_id, revision",
		"SELECT 'failover_sessions', hosts, problems, outcome FROM failover_sessions",
	} {
		for _, row := range query(t, f.path, q) {
			got.WriteString(strings.ReplaceAll(row, silver, "ID") + "\n")
		}
	}
	want, err := os.ReadFile(filepath.Join("testdata", "records.txt"))
	ok(t, err)
	equal(t, "records", strings.Split(got.String(), "\n"), strings.Split(string(want), "\n"))

	lab, err := f.Lab(ctx)
	ok(t, err)
	changes, err := f.CompareLab(ctx, valid(lab))
	ok(t, err)
	equal(t, "changes to what was read", each(changes, vcc.LabChange.Line), []string{})
	equal(t, "the first tenant", lab.Tenants[0], fullLab().Tenants[0])
}

// A database of the schema before jobs and failover plans were stored once means the same.
func TestStoresJobsOnce(t *testing.T) { onBoth(t, testStoresJobsOnce) }

func testStoresJobsOnce(t *testing.T) {
	f := emptyStore(t, filepath.Base(t.Name()))
	backup, err := os.Open(filepath.Join("testdata", "schema-6", "vcc.backup"))
	ok(t, err)
	defer backup.Close() //nolint:errcheck // what was read has been read
	ok(t, f.Restore(t.Context(), backup))

	for _, declaration := range query(t, f.path, "SELECT declaration FROM tenants") {
		if strings.Contains(declaration, "replicationJobs") || strings.Contains(declaration, "failoverPlans") {
			t.Errorf("a tenant's row has its jobs or plans: %s", declaration)
		}
	}
	want := valid(fullLab())
	f.unchanged(t, func() {
		changes, err := f.CompareLab(t.Context(), want)
		ok(t, err)
		equal(t, "changes to the same lab", each(changes, vcc.LabChange.Line), []string{})
		_, err = f.Store.ApplyLab(t.Context(), want, nil) // whose digest is the same
		ok(t, err)
	})
	f.abc = f.actor(t, "ABC")
	plans, _, err := f.FailoverPlans(t.Context(), f.abc, everything)
	ok(t, err)
	if plans[0].Session == nil || len(plans[0].Session.Problems) != 1 {
		t.Errorf("the failover under way is %+v", plans[0].Session)
	}
	sessions, _, err := f.FailoverSessions(t.Context(), f.abc, vcc.FailoverSessionFilter{}, everything)
	ok(t, err)
	inList := *plans[0].Session
	inList.Log = nil
	equal(t, "sessions of a release that kept less", sessions, []vcc.FailoverSession{inList})
	session, err := f.FailoverSession(t.Context(), f.abc, sessions[0].ID)
	ok(t, err)
	equal(t, "the session by its ID", session, plans[0].Session)
	if session.Test || session.Networks != nil || session.Machines != nil || len(session.Log) != 1 {
		t.Errorf("an old session is not what was stored: %+v", session)
	}
	inputs, err := f.ReachabilityInputs(t.Context(), f.abc)
	ok(t, err)
	equal(t, "public IP rules", inputs.Appliances[0].PublicIPRules, fullLab().Tenants[0].FailoverPlans[0].PublicIPRules)
	equal(t, "tenant", inputs.Tenant, fullLab().Tenants[0])
}
