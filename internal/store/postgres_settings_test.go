package store_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// databaseOf is the name of an address's database.
func databaseOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	ok(t, err)
	return strings.TrimPrefix(u.Path, "/")
}

// badDefaults gives a database settings with which the store would not work.
func badDefaults(t *testing.T, address string, more ...string) {
	t.Helper()
	for _, setting := range append([]string{
		"default_transaction_isolation = 'serializable'", "synchronous_commit = off", "statement_timeout = '3s'", "lock_timeout = '3s'",
		"idle_in_transaction_session_timeout = '7s'", "timezone = 'Asia/Tokyo'", "datestyle = 'German'", "client_encoding = 'LATIN1'", "standard_conforming_strings = off",
	}, more...) {
		query(t, address, "ALTER DATABASE "+databaseOf(t, address)+" SET "+setting)
	}
}

// wantedSettings are those on which the store's promises rest.
var wantedSettings = map[string]string{
	"transaction_isolation":               "read committed",
	"synchronous_commit":                  "on",
	"statement_timeout":                   "30s",
	"lock_timeout":                        "10s",
	"idle_in_transaction_session_timeout": "5s",
	"search_path":                         `"$user", public`,
	"TimeZone":                            "UTC",
	"DateStyle":                           "ISO, MDY",
	"client_encoding":                     "UTF8",
	"standard_conforming_strings":         "on",
}

func checkSettings(t *testing.T, f *fixture) {
	t.Helper()
	for name, want := range wantedSettings {
		equal(t, name+" of a write", must(f.SettingInWrite(t.Context(), name)), want)
		if name == "transaction_isolation" {
			want = "repeatable read" // one snapshot
		}
		equal(t, name+" of a read", must(f.SettingInRead(t.Context(), name)), want)
	}
}

// TestPostgresSettingsTakeEffect: what the store promises does not hang on what a database, a role
// or an address has for a default, in whatever capitals.
func TestPostgresSettingsTakeEffect(t *testing.T) {
	t.Parallel()
	address := newDatabase(t, postgresTemplate)
	badDefaults(t, address, `search_path = public, pg_catalog`)
	f := &fixture{path: address + "&Synchronous_Commit=off&STATEMENT_TIMEOUT=0&TimeZone=Asia/Tokyo&options=-c%20lock_timeout%3D0", at: time.Now().UTC()}
	f.open(t)
	checkSettings(t, f)
}

// Writers side by side neither fail nor lose anything where transactions are serializable by default.
func TestPostgresWritersWhateverTheDefaults(t *testing.T) {
	t.Parallel()
	address := newDatabase(t, postgresTemplate)
	badDefaults(t, address)
	writeBeside(t, address, address)
}

// writeBeside writes through two stores of one database, each with several writers, and looks for what
// was answered.
func writeBeside(t *testing.T, first, second string) *fixture {
	t.Helper()
	f, other := &fixture{path: first, at: time.Now().UTC()}, &fixture{path: second, at: time.Now().UTC()}
	f.open(t)
	other.open(t)
	f.path = strings.Replace(first, "&pool_max_conns=4", "", 1) // which others than the store do not know
	f.abc = f.actor(t, "ABC")
	networks := f.networks(t, f.abc)
	answers := make([]map[string]string, 8)
	var wg sync.WaitGroup
	for i := range answers {
		answers[i] = map[string]string{}
		wg.Go(func() {
			for n := range 10 {
				as := f.abc
				as.Name = fmt.Sprintf("writer %d, write %d", i, n)
				said, err := randomWrite(context.Background(), []*store.Store{f.Store, other.Store}[i%2], as, networks)
				switch vcc.Code(err) {
				case "":
					answers[i][as.Name] = said
				case vcc.CodeNotFound, vcc.CodePreconditionFailed:
				default:
					t.Errorf("%s: %v", as.Name, err)
				}
			}
		})
	}
	wg.Wait()
	all := map[string]string{}
	for _, answered := range answers {
		for actor, said := range answered {
			all[actor] = said
		}
	}
	equal(t, "stored writes", checkHistory(t, f, f.abc), all)
	return f
}

// The tables are not made a second time where another search_path than the role's leads.
func TestPostgresSearchPath(t *testing.T) {
	t.Parallel()
	address := newDatabase(t, nil)
	query(t, address, "CREATE SCHEMA vcc_tables")
	named := &fixture{path: address + "&search_path=vcc_tables"}
	named.open(t)
	equal(t, "schemas with tables", query(t, address, "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"), []string{"vcc_tables"})
	query(t, address, "ALTER DATABASE "+databaseOf(t, address)+" SET search_path = vcc_tables")
	_, err := store.Open(t.Context(), address)
	const want = "the backend's tables are where only the search_path vcc_tables of the role or the database leads; add search_path to the address of the database, such as ?search_path=SCHEMA"
	if fmt.Sprint(err) != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	named.open(t)
}

// TestPostgresCollation: in a database that sorts digits by the number that they make, keys and names have the
// order that they have everywhere.
func TestPostgresCollation(t *testing.T) {
	t.Parallel()
	address := newDatabase(t, nil)
	name := databaseOf(t, address) + "_icu"
	query(t, address, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'en-u-kn-true'")
	address = strings.Replace(address, databaseOf(t, address), name, 1)
	equal(t, "the database's own order", query(t, address, "SELECT '4a9' < '4a10'"), []string{"true"})
	f := &fixture{path: address, at: time.Now().UTC()}
	f.open(t)
	ok(t, f.ApplyLab(t.Context(), testLab(), nil))
	f.abc = f.actor(t, "ABC")
	f.put(t, f.abc, f.network(t, f.abc, "Silver network 1 (internet)").ID, ipv4("10.16.0.1/12"))
	_, _, err := f.PutDefaultGateway(t.Context(), f.abc, f.network(t, f.abc, "Silver network 2 (internet)").ID, ipv4("10.26.0.1/16"), vcc.Precondition{})
	if vcc.Code(err) != vcc.CodeConflict {
		t.Errorf("an overlap was not noticed: %v", err)
	}
	equal(t, "columns with another collation than C", query(t, address, `SELECT c.relname || '.' || a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.atttypid = 'text'::regtype
		AND a.attcollation <> (SELECT oid FROM pg_collation WHERE collname = 'C')`), []string(nil))
}

// A database that cannot store every name is refused before it has any, and one that is in use goes on.
func TestPostgresLatin1(t *testing.T) {
	t.Parallel()
	address := newDatabase(t, nil)
	name := databaseOf(t, address) + "_latin1"
	query(t, address, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
	address = strings.Replace(address, databaseOf(t, address), name, 1)
	_, err := store.Open(t.Context(), address)
	const want = "the database has the encoding LATIN1, and a new one has to have UTF8, which can store every name; make it with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
	if fmt.Sprint(err) != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	ok(t, store.MigratePostgres(t.Context(), address))
	f := &fixture{path: address, at: time.Now().UTC()}
	f.open(t)
	lab := testLab()
	lab.Tenants[0].Name = "Zürich GmbH"
	ok(t, f.ApplyLab(t.Context(), lab, nil))
	equal(t, "name", must(f.Tenant(t.Context(), lab.Tenants[0].Name)).Name, lab.Tenants[0].Name)
	lab.Tenants[1].Name = "東京"
	f.unchanged(t, func() {
		wantError(t, f.ApplyLab(t.Context(), lab, []string{"tenant:XYZ"}), &vcc.Error{
			Code: vcc.CodeUnavailable, Message: "the encoding of PostgreSQL's database has no such character; nothing was changed, use a database with the encoding UTF8",
		})
	})
}

func TestPostgresVersions(t *testing.T) {
	for _, tc := range []struct {
		version   int
		encoding  string
		hasTables bool
		want      string
	}{
		{110022, "UTF8", true, "PostgreSQL 11 is too old; it has to be 12 or newer, and is tested with 15"},
		{90624, "UTF8", false, "PostgreSQL 9 is too old; it has to be 12 or newer, and is tested with 15"},
		{120000, "UTF8", false, "<nil>"},
		{180001, "LATIN1", true, "<nil>"},
	} {
		equal(t, fmt.Sprint(tc.version), fmt.Sprint(store.CheckServer(tc.version, tc.encoding, tc.hasTables)), tc.want)
	}
}

// TestConnections: a store opens so many connections, whoever needs one more waits for it, and whether the
// database answers is known meanwhile.
func TestConnections(t *testing.T) { onBoth(t, testConnections) }

func testConnections(t *testing.T) {
	f := newFixture(t)
	want := 16
	if isPostgres(f.path) {
		equal(t, "connections of PostgreSQL by default", f.Connections(), 24)
		ok(t, f.Close())
		limited := &fixture{path: f.path + "&Pool_Max_Conns=4"}
		limited.open(t)
		f.Store, want = limited.Store, 4
	}
	equal(t, "connections", f.Connections(), want)
	var holding, held sync.WaitGroup
	release := make(chan struct{})
	for range want {
		held.Add(1)
		holding.Go(func() {
			err := f.Reading(t.Context(), func() { held.Done(); <-release })
			if err != nil {
				t.Error(err)
			}
		})
	}
	held.Wait()
	equal(t, "readiness", readiness(t, f.Store)(), "ready")
	late, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 2)
	go func() { waited <- f.Reading(late, func() {}) }()
	go func() { _, err := f.Tenants(t.Context()); waited <- err }()
	select {
	case err := <-waited:
		close(release)
		t.Fatalf("a read did not wait for a connection: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("a read that was canceled while it waited: %v", err)
	}
	close(release)
	ok(t, <-waited)
	holding.Wait()
	if isPostgres(f.path) {
		// One for readiness and one of the watch's are beside them.
		few := query(t, f.path, fmt.Sprintf("SELECT count(*) <= %d FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'terraform-provider-vcc'", want+2))
		equal(t, "few sessions", few, []string{"true"})
	}
}

// TestPostgresCommitWithoutStandby: a server that stops waiting for its standby calls a commit a
// success, and it is none.
func TestPostgresCommitWithoutStandby(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	t.Parallel()
	_, address := ownServer(t)
	f := &fixture{path: address, at: time.Now().UTC()}
	f.open(t)
	f.abc = f.actor(t, "ABC")
	n := f.networks(t, f.abc)[0]
	query(t, address, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
	query(t, address, "SELECT pg_reload_conf()")
	waits := new(atomic.Bool)
	answer := make(chan error)
	go func() {
		// The server reads its configuration a little later. From then on every commit waits.
		for i := 0; ; i++ {
			_, _, err := f.PutDefaultGateway(t.Context(), f.abc, n.ID, []vcc.GatewaySettings{app, office}[i%2], vcc.Precondition{})
			if err != nil || waits.Load() {
				answer <- err
				return
			}
		}
	}()
	for {
		select {
		case err := <-answer:
			wantUncertain(t, err)
			return
		default:
		}
		if pids := query(t, address, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"); len(pids) > 0 && waits.CompareAndSwap(false, true) {
			query(t, address, "SELECT pg_cancel_backend("+pids[0]+")")
		}
	}
}
