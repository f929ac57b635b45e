package store_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// emptyStore opens a database that has a schema and nothing else.
func emptyStore(t *testing.T, kind string) *fixture {
	t.Helper()
	f := &fixture{path: filepath.Join(t.TempDir(), "empty.db"), at: time.Date(2025, 11, 4, 10, 0, 0, 0, time.UTC)}
	if kind == onPostgres {
		f.path = newDatabase(t, nil)
	}
	f.open(t)
	return f
}

// filled is a fixture with something in every table.
func filled(t *testing.T) *fixture {
	t.Helper()
	f := withAccounts(t)
	ctx := t.Context()
	n := f.network(t, f.abc, "Silver network 1 (internet)")
	f.put(t, f.abc, n.ID, both(app, ipv6("fe80::1", "2001:db8:52::/64")))
	f.put(t, f.abc, n.ID, app)
	_, err := f.PutNetworkRouting(ctx, f.abc, true, vcc.Precondition{})
	ok(t, err)
	run, err := f.RunReplicationJob(ctx, f.xyz, f.job(t, f.xyz, "Hourly").ID)
	ok(t, err)
	f.put(t, f.xyz, run.Detected[0].NetworkID, app) // over what was detected
	lab := testLab()
	lab.Tenants[0].FailoverPlans = []vcc.LabFailoverPlan{{Name: "Whole site", VMs: []string{lab.Tenants[0].VMs[0].Name}}}
	ok(t, f.ApplyLab(ctx, lab, nil))
	_, err = f.RunReplicationJob(ctx, f.abc, f.firstJob(t, f.abc))
	ok(t, err)
	plans, _, err := f.FailoverPlans(ctx, f.abc, everything)
	ok(t, err)
	_, err = f.StartFailover(ctx, f.abc, plans[0].ID, false, quietly)
	ok(t, err)
	_, err = f.TestFailover(ctx, f.abc, plans[0].ID, withProblem)
	ok(t, err)
	f.imports(t, export(0, false, &app, new(ipv4("10.8.0.1/16"))))
	return f
}

func (f *fixture) firstJob(t *testing.T, as vcc.Actor) string {
	t.Helper()
	jobs, _, err := f.ReplicationJobs(t.Context(), as, everything)
	ok(t, err)
	return jobs[0].ID
}

// whole is what a backup says, without its time.
func whole(t *testing.T, f *fixture) string {
	t.Helper()
	var backup bytes.Buffer
	ok(t, f.Backup(t.Context(), &backup))
	return text(t, backup.Bytes())
}

func text(t *testing.T, backup []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(backup))
	ok(t, err)
	content, err := io.ReadAll(r)
	ok(t, err)
	_, rows, _ := strings.Cut(string(content), "\n")
	lines := strings.Split(rows, "\n")
	slices.Sort(lines) // the databases have their own order of rows
	return strings.Join(lines, "\n")
}

// exceptRevisions is what a backup says, without what a restore changes in it.
func exceptRevisions(backup string) string {
	var kept []string
	for _, line := range strings.Split(backup, "\n") {
		switch {
		case strings.Contains(line, `"actor":"restore"`), strings.HasPrefix(line, `{"rows":`):
			continue
		case strings.Contains(line, `"table":"tenants"`):
			line = regexp.MustCompile(`"revision":\d+`).ReplaceAllString(line, "")
		case strings.Contains(line, `"table":"lab"`):
			line = regexp.MustCompile(`"first_revision":\d+`).ReplaceAllString(line, "")
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n")
}

// notBackedUp are the tables that a backup leaves out.
var notBackedUp = []string{"goose_db_version", "sqlite_sequence", "tokens", "login_attempts"}

// A backup of either kind of database is restored into either kind.
func TestBackup(t *testing.T) { onBoth(t, testBackup) }

func testBackup(t *testing.T) {
	f := filled(t)
	for table, rows := range dump(t, f.path) {
		if !slices.Contains(notBackedUp, table) && len(rows) == 0 {
			t.Errorf("the test has nothing in %s", table)
		}
	}
	f.logIn(t, "abc")
	var backup bytes.Buffer
	ok(t, f.Backup(t.Context(), &backup))
	for table := range dump(t, f.path) {
		if !slices.Contains(notBackedUp, table) && !strings.Contains(text(t, backup.Bytes()), `"table":"`+table+`"`) {
			t.Errorf("the backup has nothing of %s", table)
		}
	}
	for _, kind := range []string{onSQLite, onPostgres} {
		t.Run("to "+kind, func(t *testing.T) {
			to := emptyStore(t, kind)
			ok(t, to.Restore(t.Context(), bytes.NewReader(backup.Bytes())))
			equal(t, "restored", exceptRevisions(whole(t, to)), exceptRevisions(text(t, backup.Bytes())))
			equal(t, "tokens", query(t, to.path, "SELECT count(*) FROM tokens"), []string{"0"})
			_, _, err := to.LogIn(t.Context(), "abc", password, home)
			ok(t, err)
			// It goes on where it was.
			n := to.network(t, f.abc, "Silver network 1 (internet)")
			equal(t, "history", to.changes(t, f.abc, n.ID), f.changes(t, f.abc, n.ID))
			before, err := to.DefaultGateway(t.Context(), f.abc, n.ID)
			ok(t, err)
			equal(t, "gateway", before, must(f.DefaultGateway(t.Context(), f.abc, n.ID)))
			g := to.put(t, f.abc, n.ID, ipv4("10.9.0.1/16"))
			if g.Revision <= before.Revision {
				t.Errorf("revision %d after %d", g.Revision, before.Revision)
			}
			err = to.Restore(t.Context(), bytes.NewReader(backup.Bytes()))
			wantCode(t, "a restore over something", err, vcc.CodeConflict)
		})
	}
}

// Backups that are no good change nothing, wherever they are cut or bent.
func TestRestore_damaged(t *testing.T) {
	t.Parallel()
	f := filled(t)
	var backup bytes.Buffer
	ok(t, f.Backup(t.Context(), &backup))
	lines := strings.SplitAfter(func() string {
		r, err := gzip.NewReader(bytes.NewReader(backup.Bytes()))
		ok(t, err)
		return string(must(io.ReadAll(r)))
	}(), "\n")
	zip := func(text string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		must(w.Write([]byte(text)))
		ok(t, w.Close())
		return b.Bytes()
	}
	bad := map[string][]byte{
		"nothing":           nil,
		"text":              []byte("this is no backup"),
		"another format":    zip(`{"format": "something"}` + "\n"),
		"no end":            zip(strings.Join(lines[:len(lines)-2], "")),
		"a row less":        zip(strings.Join(slices.Delete(slices.Clone(lines), len(lines)-3, len(lines)-2), "")),
		"a parent less":     zip(strings.Join(slices.Delete(slices.Clone(lines), 3, 4), "")),
		"an unknown table":  zip(lines[0] + `{"table": "sqlite_master", "row": {}}` + "\n" + `{"rows": 1}` + "\n"),
		"an unknown column": zip(lines[0] + strings.Replace(lines[1], `"digest"`, `"digests"`, 1) + `{"rows": 1}` + "\n"),
		"an object":         zip(lines[0] + `{"table": "lab", "row": {"id": {}, "service_provider": "", "digest": "", "version": 1, "first_revision": 0}}` + "\n" + `{"rows": 1}` + "\n"),
		"tables twice":      zip(lines[0] + lines[2] + lines[1] + `{"rows": 2}` + "\n"),
	}
	for cut := 10; cut < backup.Len(); cut += backup.Len()/10 + 1 {
		bad["cut at "+string(rune('0'+len(bad)))] = backup.Bytes()[:cut]
	}
	bad["cut at the end"] = backup.Bytes()[:backup.Len()-1]
	for name, content := range bad {
		t.Run(name, func(t *testing.T) {
			to := emptyStore(t, onSQLite)
			wantCode(t, "restore", to.Restore(t.Context(), bytes.NewReader(content)), vcc.CodeInvalidValue)
			_, err := to.Lab(t.Context())
			wantCode(t, "lab", err, vcc.CodeNotFound)
		})
	}
}

// TestRestore_notEmpty: what a database has already stays as it is, also where it is accounts
// without a lab.
func TestRestore_notEmpty(t *testing.T) { onBoth(t, testRestoreNotEmpty) }

func testRestoreNotEmpty(t *testing.T) {
	var backup bytes.Buffer
	from := newFixture(t)
	ok(t, from.Backup(t.Context(), &backup))
	kind := onSQLite
	if isPostgres(from.path) {
		kind = onPostgres
	}
	account := emptyStore(t, kind)
	query(t, account.path, "INSERT INTO accounts (username, tenant_id, password_hash, declared) VALUES ('root', NULL, ?, FALSE)", cheapHash)
	for what, to := range map[string]*fixture{"an account and no lab": account, "a lab and no account": newFixture(t)} {
		to.unchanged(t, func() {
			wantError(t, to.Restore(t.Context(), bytes.NewReader(backup.Bytes())), &vcc.Error{
				Code: vcc.CodeConflict, Message: "the database has a lab or accounts already; nothing was changed. Restore into an empty one",
			})
		})
		if t.Failed() {
			t.Fatal("into a database with " + what)
		}
	}
	account.logIn(t, "root")
}

// TestRestore_revisions loses what was written after a backup, twice. No revision of before the
// loss comes again, neither for a gateway nor for a tenant that the backup does not have, so that
// whoever kept one cannot overwrite a later change with it.
func TestRestore_revisions(t *testing.T) { onBoth(t, testRestoreRevisions) }

func testRestoreRevisions(t *testing.T) {
	f := newFixture(t)
	kind := onSQLite
	if isPostgres(f.path) {
		kind = onPostgres
	}
	n := f.network(t, f.abc, "Silver network 1 (internet)").ID
	kept := f.put(t, f.abc, n, app)
	var backup bytes.Buffer
	ok(t, f.Backup(t.Context(), &backup))
	grown := testLab()
	grown.Tenants = append(grown.Tenants, vcc.LabTenant{Name: "New", Subscriptions: []string{"Bronze"}})
	var lost []int64      // revisions of the gateway, over all databases
	var lostOfNew []int64 // those of the routing option of the tenant that the backup lacks
	as := f.abc
	write := func(f *fixture) {
		for i := range 3 {
			lost = append(lost, f.put(t, as, n, ipv4(fmt.Sprintf("10.%d.0.1/16", i))).Revision)
		}
		ok(t, f.ApplyLab(t.Context(), grown, nil))
		r, err := f.PutNetworkRouting(t.Context(), f.actor(t, "New"), true, vcc.Precondition{})
		ok(t, err)
		lostOfNew = append(lostOfNew, r.Revision)
		for _, tenant := range grown.Tenants {
			checkHistoryRevisions(t, f, tenant.Name)
		}
	}
	write(f)
	for round := range 2 {
		to := emptyStore(t, kind)
		to.at = f.at.Add(time.Duration(round+1) * time.Second)
		ok(t, to.Restore(t.Context(), bytes.NewReader(backup.Bytes())))
		checkHistory(t, to, f.abc)
		// What the backup has keeps its revision: who saw it may change it.
		g, err := to.DefaultGateway(t.Context(), f.abc, n)
		ok(t, err)
		equal(t, "gateway", g, kept)
		for _, revision := range lost {
			_, _, err := to.PutDefaultGateway(t.Context(), f.abc, n, office, vcc.IfRevision(revision))
			wantCode(t, "a write over what was lost", err, vcc.CodePreconditionFailed)
		}
		write(to)
	}
	for what, all := range map[string][]int64{"gateway": lost, "routing option of a new tenant": lostOfNew} {
		if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) {
			t.Errorf("revisions of a %s, over two restores: %v", what, all)
		}
	}
}

// TestBackup_slow: a backup and a restore take as long as they take, whatever a statement may.
func TestBackup_slow(t *testing.T) {
	t.Parallel()
	const timeout, longer = "100ms", "pg_sleep(0.3)"
	f := &fixture{path: newDatabase(t, postgresTemplate), at: time.Now()}
	f.open(t)
	query(t, f.path, "ALTER TABLE hosts RENAME TO quick; CREATE VIEW hosts AS SELECT quick.* FROM quick, (SELECT "+longer+") AS slow")
	ok(t, f.LimitStatements(t.Context(), timeout))
	var backup bytes.Buffer
	ok(t, f.Backup(t.Context(), &backup))
	for _, setting := range []string{"statement_timeout", "idle_in_transaction_session_timeout"} {
		value, err := f.PostgresSetting(t.Context(), setting)
		ok(t, err)
		if value == "0" {
			t.Errorf("%s stays lifted after the backup", setting)
		}
	}
	to := emptyStore(t, onPostgres)
	ok(t, to.LimitStatements(t.Context(), timeout))
	query(t, to.path, "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM "+longer+"; RETURN NULL; END $$; "+
		"CREATE TRIGGER slow AFTER INSERT ON hosts FOR EACH STATEMENT EXECUTE FUNCTION slow()")
	ok(t, to.Restore(t.Context(), &backup))
}

// A database that was named by mistake is not backed up.
func TestBackup_empty(t *testing.T) {
	f := emptyStore(t, onSQLite)
	var backup bytes.Buffer
	wantCode(t, "backup", f.Backup(t.Context(), &backup), vcc.CodeNotFound)
	equal(t, "bytes", backup.Len(), 0)
	info, err := os.Stat(f.path)
	ok(t, err)
	equal(t, "mode of the file", info.Mode().Perm(), os.FileMode(0o600))
}

// While others write, a backup is what was stored at one moment.
func TestBackup_whileInUse(t *testing.T) { onBoth(t, testBackupWhileInUse) }

func testBackupWhileInUse(t *testing.T) {
	f := newFixture(t)
	networks := f.networks(t, f.abc)
	ctx, stop := context.WithCancel(t.Context())
	var writes atomic.Int64
	write := func() {
		as := vcc.Actor{TenantID: f.abc.TenantID, Name: fmt.Sprint("write ", writes.Add(1))}
		_, _ = randomWrite(t.Context(), f.Store, as, networks) // the history says whether it was one
	}
	var writers sync.WaitGroup
	for range 3 {
		writers.Go(func() {
			for ctx.Err() == nil {
				write()
			}
		})
	}
	var backups [5]bytes.Buffer
	for i := range backups {
		for range 5 {
			write()
		}
		ok(t, f.Backup(t.Context(), &backups[i]))
	}
	stop()
	writers.Wait()
	for i := range backups {
		to := emptyStore(t, onSQLite)
		ok(t, to.Restore(t.Context(), &backups[i]))
		if stored := checkHistory(t, to, f.abc); len(stored) == 0 && i > 0 {
			t.Error("nothing was written")
		}
	}
}
