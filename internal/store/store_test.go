package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestOpenCreatesAndReopens(t *testing.T) {
	// Characters that mean something in a file: URI, which is what SQLite is given.
	for _, dir := range []string{"plain", "with space", "a?b=c", "a#b", "100%25", "a&mode=memory", "ü"} {
		t.Run(dir, func(t *testing.T) {
			f := &fixture{path: filepath.Join(t.TempDir(), dir, "vcc.db")}
			ok(t, os.Mkdir(filepath.Dir(f.path), 0o700))
			f.open(t)
			if _, err := os.Stat(f.path); err != nil {
				t.Error(err)
			}
			equal(t, "tables", slices.Sorted(maps.Keys(dump(t, f.path))), []string{
				"accounts", "changes", "cloud_networks", "connected_networks", "default_gateways", "exported_networks", "failover_plans", "failover_sessions", "goose_db_version", "hardware_plans", "hosts", "lab",
				"login_attempts", "replication_jobs", "server_exports", "sqlite_sequence", "subscriptions", "tenants", "tokens",
			})
			ok(t, f.ApplyLab(t.Context(), testLab(), nil))
			f.unchanged(t, func() {
				ok(t, f.Close())
				f.open(t)
			})
		})
	}
}

// TestSettingsTakeEffect asks SQLite, which ignores the settings it does not know.
func TestSettingsTakeEffect(t *testing.T) {
	f := newFixture(t)
	for name, want := range map[string]string{
		"journal_mode": "wal",
		"synchronous":  "2", // FULL: a commit waits for the disk
		"fullfsync":    "1",
		"foreign_keys": "1",
		"busy_timeout": "10000",
	} {
		equal(t, name, must(f.Setting(t.Context(), name)), want)
	}
}

// TestReopenWaitsForNobody opens a database while others write it and prepare it.
func TestReopenWaitsForNobody(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{f.path, f.path + ".lock"} {
		db, err := sql.Open("sqlite", path+"?_txlock=immediate")
		ok(t, err)
		defer db.Close() //nolint:errcheck // nothing was written
		tx, err := db.BeginTx(t.Context(), nil)
		ok(t, err)
		defer tx.Rollback() //nolint:errcheck // nothing was written
	}
	again := &fixture{path: f.path}
	again.open(t)
	equal(t, "networks", each(again.networks(t, f.abc), nameAndVLAN), each(f.networks(t, f.abc), nameAndVLAN))
}

func TestOpenRefusesANewerSchema(t *testing.T) { onBoth(t, testOpenRefusesANewerSchema) }

func testOpenRefusesANewerSchema(t *testing.T) {
	f := newFixture(t)
	ok(t, f.Close())
	query(t, f.path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, TRUE)")
	f.unchanged(t, func() {
		_, err := openStore(t.Context(), f.path)
		want := regexp.MustCompile(`(^|: )its schema has version 99 and this program knows versions up to \d+ only: it was written by a newer release; use that one$`)
		if err == nil || !want.MatchString(err.Error()) {
			t.Errorf("got %v", err)
		}
	})
}

// A database from before the table of connected networks gets it, filled.
func TestOpenFillsConnectedNetworks(t *testing.T) { onBoth(t, testOpenFillsConnectedNetworks) }

func testOpenFillsConnectedNetworks(t *testing.T) {
	f := newFixture(t)
	first, second := f.network(t, f.abc, "Silver network 1 (internet)"), f.network(t, f.abc, "Silver network 2 (internet)")
	f.put(t, f.abc, first.ID, both(app, ipv6("fe80::1", "2001:db8:52::/64")))
	want := query(t, f.path, "SELECT tenant_id || host_id || first_address || last_address || network_id FROM connected_networks ORDER BY 1")
	ok(t, f.Close())
	query(t, f.path, toVersion5+"DROP TABLE connected_networks; DROP TABLE tokens; DROP TABLE accounts; DROP TABLE login_attempts; DELETE FROM goose_db_version WHERE version_id > 1")
	f.open(t)
	equal(t, "connected networks", query(t, f.path, "SELECT tenant_id || host_id || first_address || last_address || network_id FROM connected_networks ORDER BY 1"), want)
	_, _, err := f.PutDefaultGateway(t.Context(), f.abc, second.ID, both(app, ipv6("fe80::1", "2001:db8:52::/64")), vcc.Precondition{})
	equal(t, "code", vcc.Code(err), vcc.CodeConflict)
}

func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	text, others := filepath.Join(dir, "text"), filepath.Join(dir, "others")
	query(t, others, "CREATE TABLE hosts (name TEXT)")
	ok(t, os.WriteFile(text, []byte(strings.Repeat("this is not a database\n", 100)), 0o600))
	for name, tc := range map[string]struct{ path, want string }{
		"no such folder": {filepath.Join(dir, "none", "vcc.db"), filepath.Join(dir, "none", "vcc.db") + " cannot be opened: no such file or directory. Make its folder first"},
		"a folder":       {dir, dir + " cannot be opened: is a directory. Name a file in it"},
		"another file":   {text, text + " is not a database. Name another file or folder, or move it away"},
		"of others":      {others, others + ": it is a database of another program; name another file or folder"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.OpenSQLite(t.Context(), tc.path)
			if err == nil || err.Error() != tc.want {
				t.Errorf("got %v\nwant %s", err, tc.want)
			}
		})
	}
	equal(t, "tables of others", query(t, others, "SELECT name FROM sqlite_master"), []string{"hosts"})
	content, err := os.ReadFile(text)
	ok(t, err)
	equal(t, "the other file", string(content), strings.Repeat("this is not a database\n", 100))
}

// TestStorageErrorsInWords: what SQLite says is for the log alone.
func TestStorageErrorsInWords(t *testing.T) {
	f := newFixture(t)
	s, err := store.OpenSQLite(t.Context(), f.path) // by who may know the path
	ok(t, err)
	defer s.Close() //nolint:errcheck // nothing more is asked of it
	write := func(s *store.Store) error {
		_, err := s.PutNetworkRouting(t.Context(), f.abc, true, vcc.Precondition{})
		return err
	}
	ok(t, s.Limit(t.Context()))
	lab := changed(func(lab *vcc.Lab) {
		for i := range 1500 {
			lab.Tenants = append(lab.Tenants, vcc.LabTenant{Name: fmt.Sprint("Tenant ", i, strings.Repeat("x", 200))})
		}
	})
	_, err = s.ApplyLab(t.Context(), valid(lab), nil)
	wantError(t, err, &vcc.Error{Code: vcc.CodeUnavailable, Message: "there is no space left for " + f.path + "; nothing was changed. Make room, and try again"})
	if text := err.Error(); strings.Contains(text, "SQLITE") || strings.Contains(text, "(13)") || strings.Contains(text, "\n") {
		t.Errorf("raw: %s", text)
	}
	equal(t, "networks", f.describe(t), testLabNetworks)

	ok(t, f.Close())
	content, err := os.ReadFile(f.path)
	ok(t, err)
	for i := 4096; i < len(content); i += 64 {
		copy(content[i:], "damaged!")
	}
	ok(t, os.WriteFile(f.path, content, 0o600))
	damaged, err := openStore(t.Context(), f.path)
	if err == nil {
		err = errors.Join(write(damaged), damaged.Close())
	}
	if err == nil || !strings.Contains(err.Error(), " is damaged") {
		t.Errorf("a damaged file: %v", err)
	}
}

// TestOpenFinishes: making a database that was interrupted is finished by who opens it next.
func TestOpenFinishes(t *testing.T) {
	t.Parallel()
	for version := range int64(5) {
		t.Run(fmt.Sprint("at version ", version), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "vcc.db")
			ok(t, os.WriteFile(path, nil, 0o600))
			if version > 0 {
				ok(t, store.MigrateTo(t.Context(), path, version))
			}
			opened(t, path)
		})
	}
	f := &fixture{path: filepath.Join(t.TempDir(), "vcc.db")}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := openStore(ctx, f.path)
	if !errors.Is(err, context.Canceled) || err.Error() != "opening "+f.path+" was interrupted: context canceled" {
		t.Errorf("an interrupted start: %v", err)
	}
	opened(t, f.path)
}

// opened checks that a database that many opened at once is a whole one.
func opened(t *testing.T, path string) {
	t.Helper()
	f := &fixture{path: path}
	f.open(t)
	equal(t, "applied migrations", query(t, path, "SELECT version_id FROM goose_db_version"), []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"})
	ok(t, f.ApplyLab(t.Context(), testLab(), nil))
	equal(t, "networks", f.describe(t), testLabNetworks)
}

func TestGoroutinesOpenAFreshFile(t *testing.T) {
	t.Parallel()
	for round := range 5 {
		path := filepath.Join(t.TempDir(), "vcc.db")
		var errs [8]error
		var wg sync.WaitGroup
		begin := make(chan struct{})
		for i := range errs {
			wg.Go(func() {
				<-begin
				s, err := openStore(t.Context(), path)
				if err == nil {
					err = s.Close()
				}
				errs[i] = err
			})
		}
		close(begin)
		wg.Wait()
		ok(t, errors.Join(errs[:]...))
		opened(t, path)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}

func TestProcessesOpenAFreshFile(t *testing.T) {
	t.Parallel()
	for range 3 {
		path := filepath.Join(t.TempDir(), "vcc.db")
		var children [4]*process
		for i := range children {
			children[i] = start(t, "open", path)
		}
		for _, c := range children {
			if line, err := c.out.ReadString('\n'); line != "ready\n" || err != nil {
				t.Fatalf("a child said %q: %v %s", line, err, c.log.String())
			}
		}
		for _, c := range children {
			ok(t, c.in.Close()) // begin
		}
		for _, c := range children {
			if err := c.Wait(); err != nil {
				t.Errorf("a child failed: %v %s", err, c.log.String())
			}
		}
		opened(t, path)
	}
}

// openChild opens a store when its standard input ends.
func openChild(args []string) error {
	fmt.Println("ready")
	if _, err := os.Stdin.Read(make([]byte, 1)); err == nil {
		return errors.New("the input has no end")
	}
	s, err := openStore(context.Background(), args[0])
	if err != nil {
		return err
	}
	return s.Close()
}
