package store_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// beforeRenaming has what the release before the renaming of networks wrote.
const beforeRenaming = "testdata/before-renaming"

// renamedFixture is what became of that, opened, with its path as it is in ways.
func renamedFixture(t *testing.T, path string) *fixture {
	t.Helper()
	f := &fixture{path: path, at: time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)}
	f.open(t)
	f.abc, f.xyz = f.actor(t, "ABC Company"), f.actor(t, "XYZ Holding")
	return f
}

func unzipped(t *testing.T, name string) []byte {
	t.Helper()
	file, err := os.Open(filepath.Join(beforeRenaming, name))
	ok(t, err)
	defer file.Close() //nolint:errcheck // what was read has been read
	r, err := gzip.NewReader(file)
	ok(t, err)
	content, err := io.ReadAll(r)
	ok(t, err)
	return content
}

func oldBackup(t *testing.T) io.Reader {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(beforeRenaming, "vcc.backup"))
	ok(t, err)
	return bytes.NewReader(content)
}

// TestRenamesNetworks opens a database, and restores a backup, of the release before the
// renaming: names are the new ones, and nothing else is another.
func TestRenamesNetworks(t *testing.T) {
	file := func(t *testing.T) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "vcc.db")
		ok(t, os.WriteFile(path, unzipped(t, "vcc.db.gz"), 0o600))
		return path
	}
	const gateways = "SELECT network_id, origin, revision, updated_at, updated_by, ipv4_address, ipv4_prefix_length, " +
		"ipv6_address, ipv6_network, ipv6_prefix_length FROM default_gateways ORDER BY 1"
	for name, make := range map[string]func(t *testing.T) *fixture{
		"SQLite": func(t *testing.T) *fixture { t.Helper(); return renamedFixture(t, file(t)) },
		"PostgreSQL": func(t *testing.T) *fixture {
			t.Helper()
			address := newDatabase(t, nil)
			ok(t, store.RestoreAt(t.Context(), address, 4, oldBackup(t)))
			return renamedFixture(t, address)
		},
		"backup into SQLite": func(t *testing.T) *fixture {
			t.Helper()
			f := emptyStore(t, onSQLite)
			ok(t, f.Restore(t.Context(), oldBackup(t)))
			return renamedFixture(t, f.path)
		},
		"backup into PostgreSQL": func(t *testing.T) *fixture {
			t.Helper()
			f := emptyStore(t, onPostgres)
			ok(t, f.Restore(t.Context(), oldBackup(t)))
			return renamedFixture(t, f.path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := make(t)
			content, err := os.ReadFile(filepath.Join(beforeRenaming, "networks.json"))
			ok(t, err)
			var old []struct {
				ID     string
				VLANID int `json:"vlanId"`
			}
			ok(t, json.Unmarshal(content, &old))
			names := []string{
				"VMware Silver network 1 (internet)", "VMware Silver network 2 (internet)", "VMware Silver network 1", "VMware Silver network 2",
				"VMware Bronze network 1", "VMware Bronze network 2",
			}
			networks := f.networks(t, f.abc)
			equal(t, "names", each(networks, networkName), names)
			for i, n := range networks {
				equal(t, "ID and VLAN of "+n.Name, []any{n.ID, n.VLANID}, []any{old[i].ID, old[i].VLANID})
			}
			equal(t, "names", each(f.networks(t, f.xyz), networkName), []string{"Hyper-V Gold network 1 (internet)", "Hyper-V Gold network 2 (internet)"})
			equal(t, "names of networks with gateways", each(f.gateways(t, f.abc), func(g vcc.DefaultGateway) string { return g.NetworkName }),
				[]string{names[0], names[1], names[2], names[5]})
			if !isPostgres(f.path) { // which writes values in another way
				// Of each table what it had then: columns that came later are not part of this.
				old := file(t)
				for _, table := range []string{
					"hosts", "hardware_plans", "subscriptions", "connected_networks", "changes", "failover_plans", "failover_sessions", "accounts",
				} {
					columns := strings.Join(query(t, old, "SELECT name FROM pragma_table_info(?)", table), ", ")
					rows := "SELECT " + columns + " FROM " + table
					if table == "changes" {
						rows += " WHERE actor <> 'restore'" // the gap that a restore leaves in the revisions
					}
					rows += " ORDER BY 1, 2"
					equal(t, table, query(t, f.path, rows), query(t, old, rows))
				}
				equal(t, "gateways", query(t, f.path, gateways), query(t, old, gateways))
				const networks = "SELECT id, tenant_id, hardware_plan_id, host_id, internet_access, position, vlan_id FROM cloud_networks ORDER BY 1"
				equal(t, "networks", query(t, f.path, networks), query(t, old, networks))
			}
			equal(t, "changes of a gateway", len(f.changes(t, f.abc, networks[1].ID)), 3)

			lab, err := f.Lab(t.Context())
			ok(t, err)
			mapping := func(j vcc.LabReplicationJob) map[string]string { return j.Mapping }
			equal(t, "mapping tables", each(slices.Concat(lab.Tenants[0].Jobs, lab.Tenants[1].Jobs), mapping), []map[string]string{
				{"App": names[0], "Office": names[2]}, {"Data": names[3]}, {"Archive": names[5]}, {"Frontend": "Hyper-V Gold network 2 (internet)"},
			})
			changes, err := f.CompareLab(t.Context(), valid(lab))
			ok(t, err)
			equal(t, "number of changes to its own lab", len(changes), 0)
			ok(t, f.ApplyLab(t.Context(), lab, nil))

			// A job that had not run yet detects for the network that it meant.
			run, err := f.RunReplicationJob(t.Context(), f.abc, f.job(t, f.abc, "Silver weekly").ID)
			ok(t, err)
			equal(t, "detected", each(run.Detected, func(g vcc.DefaultGateway) string { return g.NetworkID }), []string{old[3].ID})
			plans, _, err := f.FailoverPlans(t.Context(), f.abc, everything)
			ok(t, err)
			if plans[0].Session == nil {
				t.Error("the failover is not under way any more")
			}
		})
	}
}

// A backup of a release to come is not restored, and neither is one of before with a fault.
func TestRestore_otherReleases(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	to := emptyStore(t, onSQLite)
	zip := func(text []byte) io.Reader {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		must(w.Write(text))
		ok(t, w.Close())
		return &b
	}
	old := unzipped(t, "vcc.backup")
	for name, tc := range map[string]struct {
		text []byte
		code vcc.ErrorCode
	}{
		"newer":        {bytes.Replace(old, []byte(`"schema":4`), []byte(`"schema":99`), 1), vcc.CodeConflict},
		"of no schema": {bytes.Replace(old, []byte(`"schema":4`), []byte(`"schema":0`), 1), vcc.CodeInvalidValue},
		"cut off":      {old[:len(old)-20], vcc.CodeInvalidValue},
		"of another":   {bytes.Replace(old, []byte(`"schema":4`), []byte(`"schema":3`), 1), vcc.CodeInvalidValue}, // which has no accounts
	} {
		t.Run(name, func(t *testing.T) {
			text := tc.text
			if name == "of another" {
				text = bytes.Replace(text, []byte(`{"rows":`), []byte(`{"table":"accounts","row":{}}`+"\n"+`{"rows":`), 1)
			}
			wantCode(t, "restore", to.Restore(t.Context(), zip(text)), tc.code)
			_, err := to.Lab(t.Context())
			wantCode(t, "lab", err, vcc.CodeNotFound)
		})
	}
	equal(t, "what is left in the system's folder", files(t, os.TempDir()), []string{})
}
