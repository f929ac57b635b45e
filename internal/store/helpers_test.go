package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/postgrestest"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// childEnv names what the test binary does instead of testing when a test
// starts it as another process.
const childEnv = "VCC_STORE_TEST_CHILD"

var children = map[string]func(args []string) error{"open": openChild, "write": writeChild}

func TestMain(m *testing.M) {
	child := children[os.Getenv(childEnv)]
	if child == nil {
		must(0, flag.Set("rapid.checks", "30")) // unless the command line asks for more
		status := m.Run()
		if postgresServer != nil {
			_ = postgresServer.Close()
		}
		os.Exit(status)
	}
	if err := child(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
}

// process is another process that runs a child function of this test binary.
type process struct {
	*exec.Cmd
	out *bufio.Reader
	in  io.Closer
	log strings.Builder
}

// start starts a process; it ends with the test at the latest.
func start(t *testing.T, child string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	ok(t, err)
	p := &process{Cmd: exec.CommandContext(t.Context(), self, args...)}
	p.Env = append(os.Environ(), childEnv+"="+child)
	p.Stderr = &p.log
	out, err := p.StdoutPipe()
	ok(t, err)
	p.out = bufio.NewReader(out)
	p.in, err = p.StdinPipe()
	ok(t, err)
	ok(t, p.Start())
	return p
}

// ok stops the test at an error that it is not about.
func ok(t rapid.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must is for what cannot fail where it stands.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// equal compares what a test got with what it wants.
func equal(t rapid.TB, what string, got, want any, opts ...cmp.Option) {
	t.Helper()
	opts = append(opts, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{}), cmpopts.EquateEmpty())
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// wantError checks that err is exactly this error of the domain.
func wantError(t rapid.TB, err error, want *vcc.Error) {
	t.Helper()
	equal(t, "error", vcc.Errors(err), []*vcc.Error{want})
}

// Of networks, names and VLANs alone.
var (
	networkName = func(n vcc.Network) string { return n.Name }
	nameAndVLAN = func(n vcc.Network) string { return fmt.Sprintf("%s: %d", n.Name, n.VLANID) }
)

func each[T, U any](list []T, to func(T) U) []U {
	out := make([]U, len(list))
	for i, v := range list {
		out[i] = to(v)
	}
	return out
}

// checkUntil checks a property in random cases, as rapid.Check does, and goes on until the cases had all that they
// should have: what is rare is missing from a few of them now and then.
func checkUntil(t *testing.T, complete func() bool, property func(*rapid.T)) {
	t.Helper()
	for range 10 {
		rapid.Check(t, property)
		if t.Failed() || complete() {
			return
		}
	}
	t.Error("random cases did not have all that they should have")
}

// everything is a page that no list of these tests fills.
var everything = vcc.Page{Limit: vcc.MaxPageLimit}

// unknownID is an ID that nothing has.
const unknownID = "00000000-0000-4000-8000-000000000000"

// testLab has two hosts, three plans and two tenants that share one of the plans.
func testLab() vcc.Lab {
	return vcc.Lab{
		ServiceProvider: vcc.ServiceProvider{Name: "sp.example.net"},
		Hosts: []vcc.Host{
			{Name: "esx01", Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 101, Last: 104}, WithoutInternet: vcc.VLANRange{First: 111, Last: 114}}}},
			{Name: "hyperv01", Platform: vcc.PlatformHyperV, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 201, Last: 204}, WithoutInternet: vcc.VLANRange{First: 211, Last: 214}}}},
		},
		HardwarePlans: []vcc.LabHardwarePlan{
			{Name: "Silver", Host: "esx01", Networks: vcc.LabNetworkCount{WithInternet: 2, WithoutInternet: 1}},
			{Name: "Bronze", Host: "esx01", Networks: vcc.LabNetworkCount{WithInternet: 1}},
			{Name: "Gold", Host: "hyperv01", Networks: vcc.LabNetworkCount{WithInternet: 1, WithoutInternet: 1}},
		},
		Tenants: []vcc.LabTenant{
			{
				Name: "ABC", Subscriptions: []string{"Silver", "Gold"},
				Site: vcc.Site{
					ProductionNetworks: []vcc.ProductionNetwork{
						{Name: "App", IPv4: prefix("172.17.52.0/23"), IPv4Gateway: addr("172.17.52.1"), IPv6: prefix("2001:db8:52::/64"), IPv6Gateway: addr("fe80::1")},
						{Name: "Data", IPv4: prefix("172.17.54.0/24"), IPv4Gateway: addr("172.17.54.1")},
						{Name: "Office", IPv4: prefix("172.17.56.0/24"), IPv4Gateway: addr("172.17.56.1"), IPv6: prefix("2001:db8:56::/64"), IPv6Gateway: addr("2001:db8:56::1")},
					},
					VMs: []vcc.VM{
						{Name: "web01", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "App"}}},
						{Name: "db01", Guest: vcc.GuestLinux, NICs: []vcc.NIC{{Network: "Data"}}},
						{Name: "file01", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "Office"}}},
					},
				},
				Jobs: []vcc.LabReplicationJob{
					{Name: "Nightly", HardwarePlan: "Silver", ApplicationAware: true, VMs: []string{"web01", "db01", "file01"}},
					{Name: "Weekly", HardwarePlan: "Gold", VMs: []string{"web01", "file01"}},
				},
			},
			{
				Name: "XYZ", Subscriptions: []string{"Gold", "Bronze"},
				Site: vcc.Site{
					ProductionNetworks: []vcc.ProductionNetwork{{Name: "LAN", IPv4: prefix("10.20.0.0/24"), IPv4Gateway: addr("10.20.0.1")}},
					VMs:                []vcc.VM{{Name: "erp01", Guest: vcc.GuestWindows, NICs: []vcc.NIC{{Network: "LAN"}}}},
				},
				Jobs: []vcc.LabReplicationJob{{Name: "Hourly", HardwarePlan: "Bronze", VMs: []string{"erp01"}}},
			},
		},
	}
}

// fixture is a store that the test lab was applied to, and who acts on it.
type fixture struct {
	*store.Store
	path     string // or the address of a database
	abc, xyz vcc.Actor
	// at is the time on the store's clock.
	at time.Time
}

// ApplyLab is the store's, for tests that are not about what it answers.
func (f *fixture) ApplyLab(ctx context.Context, lab vcc.Lab, remove []string) error {
	return f.ApplyLabWith(ctx, lab, nil, remove)
}

// ApplyLabWith is ApplyLab with passwords by user name.
func (f *fixture) ApplyLabWith(ctx context.Context, lab vcc.Lab, passwords map[string]string, remove []string) error {
	valid, err := lab.Check()
	if err == nil {
		valid, err = valid.WithPasswords(passwords)
	}
	if err != nil {
		return err
	}
	_, err = f.Store.ApplyLab(ctx, valid, remove)
	return err
}

// valid checks a lab that must be good.
func valid(lab vcc.Lab) vcc.ValidLab { return must(lab.Check()) }

func addr(s string) netip.Addr         { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix     { return netip.MustParsePrefix(s) }
func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// template is the database file of a fixture, which is made once.
var template = sync.OnceValue(func() []byte {
	dir := must(os.MkdirTemp("", "vcc-store"))
	defer os.RemoveAll(dir) //nolint:errcheck // the system's folder for such files
	path := filepath.Join(dir, "vcc.db")
	s := must(store.OpenSQLite(context.Background(), path))
	must(s.ApplyLab(context.Background(), valid(testLab()), nil))
	must(0, s.Close())
	return must(os.ReadFile(path))
})

// databases are what a test runs on.
const (
	onSQLite   = "SQLite"
	onPostgres = "PostgreSQL"
)

// onBoth runs a test on each kind of database: newFixture makes one of the kind that
// the test's name has.
func onBoth(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	for _, kind := range []string{onSQLite, onPostgres} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel() // while one waits for its database the other goes on
			test(t)
		})
	}
}

// postgres starts the server of these tests, for the first that needs it. Those that end a
// server have one of their own, see ownServer.
var postgres = sync.OnceValues(func() (_ *postgrestest.Server, err error) {
	postgresServer, err = postgrestest.New(postgrestest.NotDurable...)
	return postgresServer, err
})

var postgresServer *postgrestest.Server

// postgresTemplate is the database of a fixture, which is made once.
var postgresTemplate = sync.OnceValues(func() (string, error) {
	server, err := postgres()
	if err != nil {
		return "", err
	}
	name, err := server.NewDatabase("")
	if err != nil {
		return "", err
	}
	s, err := store.Open(context.Background(), server.URL(name))
	if err != nil {
		return "", err
	}
	_, err = s.ApplyLab(context.Background(), valid(testLab()), nil)
	return name, errors.Join(err, s.Close())
})

// newDatabase makes a database, from a template or empty, and returns its address.
func newDatabase(t *testing.T, from func() (string, error)) string {
	t.Helper()
	if testing.Short() {
		t.Skip("PostgreSQL takes long")
	}
	server, err := postgres()
	if errors.Is(err, postgrestest.ErrNotInstalled) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	ok(t, err)
	name := ""
	if from != nil {
		name, err = from()
		ok(t, err)
	}
	name, err = server.NewDatabase(name)
	ok(t, err)
	return server.URL(name)
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{path: filepath.Join(t.TempDir(), "vcc.db"), at: time.Date(2025, 11, 3, 10, 0, 0, 0, time.UTC)}
	if strings.Contains(t.Name(), "/"+onPostgres) {
		f.path = newDatabase(t, postgresTemplate)
	} else {
		ok(t, os.WriteFile(f.path, template(), 0o600))
	}
	f.open(t)
	f.abc, f.xyz = f.actor(t, "ABC"), f.actor(t, "XYZ")
	return f
}

// openStore opens a database: the path of a file, or an address of PostgreSQL.
func openStore(ctx context.Context, path string) (*store.Store, error) {
	if isPostgres(path) {
		return store.Open(ctx, path)
	}
	return store.Open(ctx, "sqlite:"+path)
}

func isPostgres(path string) bool { return strings.HasPrefix(path, "postgres://") }

// open opens the database, also once more after a Close.
func (f *fixture) open(t *testing.T) {
	t.Helper()
	s, err := openStore(t.Context(), f.path)
	ok(t, err)
	t.Cleanup(func() { _ = s.Close() })
	s.SetClock(func() time.Time { return f.at })
	f.Store = s
}

func (f *fixture) actor(t *testing.T, tenant string) vcc.Actor {
	t.Helper()
	tenants, err := f.Tenants(t.Context())
	ok(t, err)
	i := slices.IndexFunc(tenants, func(v vcc.Tenant) bool { return v.Name == tenant })
	if i < 0 {
		t.Fatalf("there is no tenant %q among %v", tenant, tenants)
	}
	return vcc.Actor{TenantID: tenants[i].ID, Name: "admin of " + tenant}
}

func (f *fixture) networks(t rapid.TB, as vcc.Actor) []vcc.Network {
	t.Helper()
	list, total, err := f.Networks(context.Background(), as, vcc.NetworkFilter{}, everything)
	ok(t, err)
	if total != len(list) {
		t.Fatalf("%d networks and a total of %d", len(list), total)
	}
	return list
}

func (f *fixture) network(t rapid.TB, as vcc.Actor, name string) vcc.Network {
	t.Helper()
	list := f.networks(t, as)
	i := slices.IndexFunc(list, func(n vcc.Network) bool { return n.Name == name })
	if i < 0 {
		t.Fatalf("there is no network %q among %v", name, each(list, networkName))
	}
	return list[i]
}

func (f *fixture) job(t *testing.T, as vcc.Actor, name string) vcc.ReplicationJob {
	t.Helper()
	list, _, err := f.ReplicationJobs(t.Context(), as, everything)
	ok(t, err)
	i := slices.IndexFunc(list, func(j vcc.ReplicationJob) bool { return j.Name == name })
	if i < 0 {
		t.Fatalf("there is no job %q among %v", name, list)
	}
	return list[i]
}

// put stores a gateway without a condition.
func (f *fixture) put(t rapid.TB, as vcc.Actor, networkID string, s vcc.GatewaySettings) *vcc.DefaultGateway {
	t.Helper()
	g, _, err := f.PutDefaultGateway(context.Background(), as, networkID, s, vcc.Precondition{})
	ok(t, err)
	return g
}

func (f *fixture) gateways(t rapid.TB, as vcc.Actor) []vcc.DefaultGateway {
	t.Helper()
	list, total, err := f.DefaultGateways(context.Background(), as, everything)
	ok(t, err)
	equal(t, "total of the gateways", total, len(list))
	return list
}

func (f *fixture) changes(t rapid.TB, as vcc.Actor, networkID string) []vcc.Change {
	t.Helper()
	list, total, err := f.DefaultGatewayChanges(context.Background(), as, networkID, everything)
	ok(t, err)
	equal(t, "total of the changes", total, len(list))
	return list
}

// ipv4 makes settings of a gateway with its prefix length: 172.17.52.1/23.
func ipv4(gateway string) vcc.GatewaySettings {
	p := netip.MustParsePrefix(gateway)
	return vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: p.Addr(), PrefixLength: p.Bits()}}
}

// ipv6 makes settings of a gateway and its network.
func ipv6(gateway, network string) vcc.GatewaySettings {
	return vcc.GatewaySettings{IPv6: &vcc.IPv6Settings{Address: netip.MustParseAddr(gateway), Network: netip.MustParsePrefix(network)}}
}

// both makes settings of both families.
func both(v4, v6 vcc.GatewaySettings) vcc.GatewaySettings {
	return vcc.GatewaySettings{IPv4: v4.IPv4, IPv6: v6.IPv6}
}

// dump is the content of every table, a line for each row.
func dump(t *testing.T, path string) map[string][]string {
	t.Helper()
	tables := map[string][]string{}
	db := openPast(t, path)
	defer db.Close() //nolint:errcheck // nothing is left to be lost
	names := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if isPostgres(path) {
		names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
	}
	for _, name := range rowsOf(t, db, names) {
		tables[name] = rowsOf(t, db, fmt.Sprintf("SELECT * FROM %q ORDER BY 1, 2", name))
	}
	if len(tables) == 0 {
		t.Fatal("there are no tables")
	}
	return tables
}

// files lists what is in a folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	ok(t, err)
	return each(entries, os.DirEntry.Name)
}

// unchanged runs do and checks that the database is what it was before.
func (f *fixture) unchanged(t *testing.T, do func()) {
	t.Helper()
	before := dump(t, f.path)
	do()
	equal(t, "content of the database", dump(t, f.path), before)
}

// toVersion5 takes a schema back to version 5.
const toVersion5 = "ALTER TABLE cloud_networks DROP COLUMN removed_detection; DROP INDEX changes_of_failover_plan; ALTER TABLE changes DROP COLUMN failover_plan_id; DROP INDEX failover_sessions_in_order; ALTER TABLE failover_sessions DROP COLUMN outcome; ALTER TABLE failover_sessions DROP COLUMN test; " +
	"DROP TABLE exported_networks; DROP TABLE server_exports; ALTER TABLE changes DROP COLUMN provenance; " +
	"DROP INDEX cloud_networks_in_order; ALTER TABLE cloud_networks DROP COLUMN list_group; ALTER TABLE tenants DROP COLUMN gateways; " +
	"ALTER TABLE lab DROP COLUMN version; ALTER TABLE lab DROP COLUMN first_revision; " +
	"DROP INDEX login_attempts_by_age; DROP INDEX tokens_of_account; CREATE INDEX tokens_of_account ON tokens (username); " +
	"ALTER TABLE tokens DROP COLUMN since; ALTER TABLE tokens DROP COLUMN address; ALTER TABLE accounts DROP COLUMN read_only; " +
	"ALTER TABLE default_gateways DROP COLUMN detected; DELETE FROM goose_db_version WHERE version_id > 5; "

// query returns the rows of a query on a database, past the store.
func query(t *testing.T, path, text string, args ...any) []string {
	t.Helper()
	db := openPast(t, path)
	defer db.Close() //nolint:errcheck // nothing is left to be lost
	if isPostgres(path) {
		for i := range args {
			text = strings.Replace(text, "?", fmt.Sprintf("$%d", i+1), 1)
		}
	}
	return rowsOf(t, db, text, args...)
}

// openPast opens a database past the store.
func openPast(t *testing.T, path string) *sql.DB {
	t.Helper()
	driver, dsn := "sqlite", (&url.URL{Scheme: "file", Path: path, OmitHost: true}).String()
	if isPostgres(path) {
		driver, dsn = "pgx", path+"&default_query_exec_mode=simple_protocol&client_encoding=UTF8&standard_conforming_strings=on"
	}
	db, err := sql.Open(driver, dsn)
	ok(t, err)
	return db
}

// rowsOf returns the rows of a query, a line for each.
func rowsOf(t *testing.T, db *sql.DB, text string, args ...any) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), text, args...)
	ok(t, err)
	defer rows.Close() //nolint:errcheck // Err says it
	columns, err := rows.Columns()
	ok(t, err)
	var list []string
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		ok(t, rows.Scan(into...))
		list = append(list, strings.Join(each(values, func(v any) string { return fmt.Sprint(v) }), " | "))
	}
	ok(t, rows.Err())
	return list
}

// checkHistory checks what holds for every database at any time: revisions have
// no gap, and the stored gateways and the routing option are what the history
// ends with. It returns what each change says, by its actor.
func checkHistory(t *testing.T, f *fixture, as vcc.Actor) map[string]string {
	t.Helper()
	rows := checkNoGap(t, f, as.TenantID)

	said := map[string]string{}
	var replayed []vcc.DefaultGateway
	for _, n := range f.networks(t, as) {
		var last vcc.Change
		var detected *vcc.GatewaySettings
		for _, c := range slices.Backward(f.changes(t, as, n.ID)) {
			switch {
			case c.After == nil || c.After.Origin == vcc.OriginDetected:
				detected = nil
			case c.Before != nil && c.Before.Origin == vcc.OriginDetected:
				detected = &c.Before.GatewaySettings
			}
			equal(t, fmt.Sprintf("what revision %d of %q found", c.Revision, n.Name), c.Before, last.After)
			said[c.Actor] = sayGateway(c.Revision, n.ID, c.After)
			last = c
		}
		if last.After != nil {
			replayed = append(replayed, vcc.DefaultGateway{
				NetworkID: n.ID, NetworkName: n.Name, HardwarePlanID: n.HardwarePlanID, HardwarePlanName: n.HardwarePlanName,
				Origin: last.After.Origin, GatewaySettings: last.After.GatewaySettings,
				Revision: last.Revision, UpdatedAt: last.Time, UpdatedBy: last.Actor, Detected: detected,
			})
		}
	}
	equal(t, "gateways and the replay of their history", f.gateways(t, as), replayed)

	state := vcc.NetworkRouting{TenantID: as.TenantID}
	for _, row := range query(t, f.path, "SELECT revision, actor, after FROM changes WHERE tenant_id = ? AND network_id IS NULL AND failover_plan_id IS NULL AND after IS NOT NULL ORDER BY revision", as.TenantID) {
		column := strings.Split(row, " | ")
		state.Revision = must(strconv.ParseInt(column[0], 10, 64))
		state.UpdatedBy, state.Enabled = column[1], column[2] == `{"enabled":true}`
		said[state.UpdatedBy] = sayRouting(state)
	}
	routing, err := f.NetworkRouting(t.Context(), as)
	ok(t, err)
	equal(t, "the routing option and the replay of its history", *routing, state, cmpopts.IgnoreFields(state, "TenantName", "UpdatedAt"))
	equal(t, "number of entries and of actors", len(said), rows)
	return said
}

// checkNoGap checks that a tenant's revisions have no gap that its history does not explain, and
// returns how many changes it has.
func checkNoGap(t *testing.T, f *fixture, tenantID string) (changes int) {
	t.Helper()
	last := int64(0)
	for _, row := range query(t, f.path, "SELECT revision, network_id IS NULL AND before IS NULL AND after IS NULL FROM changes WHERE tenant_id = ? ORDER BY revision", tenantID) {
		text, gap, _ := strings.Cut(row, " | ")
		revision := must(strconv.ParseInt(text, 10, 64))
		explained := gap == "1" || gap == "true"
		if revision != last+1 && (!explained || revision <= last) {
			t.Fatalf("the history has revision %d after %d", revision, last)
		}
		if !explained {
			changes++
		}
		last = revision
	}
	equal(t, "the tenant's revision", query(t, f.path, "SELECT revision FROM tenants WHERE id = ?", tenantID), []string{fmt.Sprint(last)})
	return changes
}

// sayGateway and sayRouting put a change into words. Who removes a gateway is not
// told the revision.
func sayGateway(revision int64, networkID string, after *vcc.GatewayState) string {
	if after == nil {
		return fmt.Sprintf("%s: none", networkID)
	}
	s := after.GatewaySettings
	text := fmt.Sprintf("%d: %s: %s", revision, networkID, after.Origin)
	if s.IPv4 != nil {
		text += fmt.Sprint(" ", *s.IPv4)
	}
	if s.IPv6 != nil {
		text += fmt.Sprint(" ", *s.IPv6)
	}
	return text
}

func sayRouting(r vcc.NetworkRouting) string {
	return fmt.Sprintf("%d: routing: %t", r.Revision, r.Enabled)
}
