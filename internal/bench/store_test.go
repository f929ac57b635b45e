package bench

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/postgrestest"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// database is a database with a store on it, and a way to it that passes the store.
type database struct {
	store  *store.Store
	direct *sql.DB
	// lock is what a write transaction of the store takes first; "" for none.
	lock string
	// The rest of what it writes, prepared, as the store has it.
	moveRevision, addChange, updateGateway *sql.Stmt
}

func openDatabase(b testing.TB, kind string) *database {
	b.Helper()
	d := &database{}
	var address string
	var err error
	if kind == "SQLite" {
		path := filepath.Join(b.TempDir(), "vcc.db")
		address = "sqlite:" + path
		d.direct, err = sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_busy_timeout=10000&_synchronous=FULL&_foreign_keys=on")
	} else {
		server, startErr := postgrestest.New()
		if startErr != nil {
			b.Fatal(startErr)
		}
		b.Cleanup(func() { _ = server.Close() })
		name, nameErr := server.NewDatabase("")
		if nameErr != nil {
			b.Fatal(nameErr)
		}
		address = server.URL(name)
		d.direct, err = sql.Open("pgx", address)
		d.lock = "SELECT pg_advisory_xact_lock(hashtext($1))"
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.direct.Close() })
	if d.store, err = store.Open(context.Background(), address); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.store.Close() })
	for text, to := range map[string]**sql.Stmt{
		"UPDATE tenants SET revision = revision + 1 WHERE id = $1 RETURNING revision": &d.moveRevision,

		"INSERT INTO changes (tenant_id, revision, network_id, changed_at, actor, before, after) VALUES ($1, $2, $3, $4, 'bench', $5, $6)": &d.addChange,

		"UPDATE default_gateways SET revision = $1, updated_at = $2, ipv4_address = $3 WHERE network_id = $4": &d.updateGateway,
	} {
		if *to, err = d.direct.PrepareContext(b.Context(), text); err != nil { //nolint:sqlclosecheck // it closes with its database
			b.Fatal(err)
		}
	}
	return d
}

// tenant is a tenant with one network, as its client sees it.
type tenant struct {
	id, network string
	client      *httpapi.Client
}

// declare makes n tenants with one network each. The first few get a server and a
// client of their own.
func (d *database) declare(b *testing.B, n, served int) (tenants []tenant) {
	b.Helper()
	lab := vcc.Lab{ServiceProvider: vcc.ServiceProvider{Name: "sp.example.net"}}
	for i := range n {
		host := fmt.Sprintf("host%d", i/maxVLANs)
		if i%maxVLANs == 0 {
			lab.Hosts = append(lab.Hosts, newHost(host))
			lab.HardwarePlans = append(lab.HardwarePlans, vcc.LabHardwarePlan{Name: "Plan on " + host, Host: host, Networks: vcc.LabNetworkCount{WithInternet: 1}})
		}
		lab.Tenants = append(lab.Tenants, vcc.LabTenant{Name: fmt.Sprintf("Tenant %d", i), Subscriptions: []string{"Plan on " + host}})
	}
	tenants = d.declareLab(b, lab)
	for i := range tenants {
		as := vcc.Actor{TenantID: tenants[i].id, Name: "bench"}
		if _, _, err := d.store.PutDefaultGateway(b.Context(), as, tenants[i].network, settings(0), vcc.Precondition{}); err != nil {
			b.Fatal(err)
		}
		if i >= served {
			continue
		}
		tenants[i].client = newServer(b, backend.NewServices(d.store), as)
	}
	return tenants
}

// declareLab declares a lab, and returns its tenants without clients. They have one network each.
func (d *database) declareLab(b *testing.B, lab vcc.Lab) (tenants []tenant) {
	b.Helper()
	d.apply(b, lab, nil)
	rows, err := d.direct.QueryContext(b.Context(), "SELECT t.id, c.id FROM tenants AS t JOIN cloud_networks AS c ON c.tenant_id = t.id ORDER BY t.ordinal")
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // Err says it
	for rows.Next() {
		var t tenant
		if err := rows.Scan(&t.id, &t.network); err != nil {
			b.Fatal(err)
		}
		tenants = append(tenants, t)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return tenants
}

// newHost is a host with as many VLANs as it can have, for networks with internet access.
func newHost(name string) vcc.Host {
	return vcc.Host{Name: name, Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 1, Last: maxVLANs}}}}
}

// apply declares a lab.
func (d *database) apply(b testing.TB, lab vcc.Lab, passwords map[string]string) {
	b.Helper()
	valid, err := lab.Check()
	if err != nil {
		b.Fatal(err)
	}
	if valid, err = valid.WithPasswords(passwords); err != nil {
		b.Fatal(err)
	}
	if _, err := d.store.ApplyLab(context.Background(), valid, nil); err != nil {
		b.Fatal(err)
	}
}

// settings are the i-th of some settings in one network.
func settings(i int) vcc.GatewaySettings {
	return vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + i%250)}), PrefixLength: 24}}
}

// write is the transaction of a change of a gateway's address, by itself: what the store
// writes, without what it reads and checks first.
func (d *database) write(ctx context.Context, t tenant, i int) error {
	tx, err := d.direct.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing after a commit
	if d.lock != "" {
		if _, err := tx.ExecContext(ctx, d.lock, t.id); err != nil {
			return err
		}
	}
	var revision int64
	if err := tx.StmtContext(ctx, d.moveRevision).QueryRowContext(ctx, t.id).Scan(&revision); err != nil { //nolint:sqlclosecheck // the transaction closes it
		return err
	}
	const history = `{"origin":"specified","ipv4Address":"10.0.0.1","ipv4PrefixLength":24}`
	now := time.Now().UTC()
	if _, err := tx.StmtContext(ctx, d.addChange).ExecContext(ctx, t.id, revision, t.network, now, history, history); err != nil { //nolint:sqlclosecheck // as before
		return err
	}
	if _, err := tx.StmtContext(ctx, d.updateGateway).ExecContext(ctx, revision, now, settings(i).IPv4.Address.String(), t.network); err != nil { //nolint:sqlclosecheck // as before
		return err
	}
	return tx.Commit()
}

// BenchmarkWrites compares durable writes through the API with the same writes without
// anything around them, in turn. Each client is a tenant's.
func BenchmarkWrites(b *testing.B) {
	const each = 20 // writes of a client in a round
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		for _, clients := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/clients=%d", kind, clients), func(b *testing.B) {
				d := openDatabase(b, kind)
				d.direct.SetMaxIdleConns(clients)
				if kind == "SQLite" {
					d.direct.SetMaxOpenConns(1) // its writers would only wait for each other
				}
				tenants := d.declare(b, clients, clients)
				i := 0
				round := func(write func(t tenant, i int) error) float64 {
					start := time.Now()
					var all sync.WaitGroup
					for _, t := range tenants {
						all.Go(func() {
							for j := range each {
								if err := write(t, i+j); err != nil {
									b.Error(err)
								}
							}
						})
					}
					all.Wait()
					i += each
					return time.Since(start).Seconds()
				}
				var ratio, rate []float64
				for b.Loop() {
					api := round(func(t tenant, i int) error {
						_, _, err := t.client.PutDefaultGateway(b.Context(), vcc.Actor{}, t.network, settings(i), vcc.Precondition{})
						return err
					})
					direct := round(func(t tenant, i int) error { return d.write(b.Context(), t, i) })
					ratio, rate = append(ratio, direct/api), append(rate, float64(each*clients)/api)
				}
				b.ReportMetric(median(ratio), "rate/direct")
				b.ReportMetric(median(rate), "writes/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkTenants compares reads of one tenant's gateways where it is alone with those
// where it is one of 10,000, in turn.
func BenchmarkTenants(b *testing.B) {
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		b.Run(kind, func(b *testing.B) {
			one, many := openDatabase(b, kind).declare(b, 1, 1)[0], openDatabase(b, kind).declare(b, 10_000, 1)[0]
			read := func(t tenant) float64 {
				start := time.Now()
				for range 20 {
					if list, _, err := t.client.DefaultGateways(b.Context(), vcc.Actor{}, vcc.Page{Limit: vcc.MaxPageLimit}); err != nil || len(list) != 1 {
						b.Fatal(len(list), err)
					}
				}
				return time.Since(start).Seconds()
			}
			var ratio []float64
			for b.Loop() {
				alone := read(one)
				ratio = append(ratio, read(many)/alone)
			}
			b.ReportMetric(median(ratio), "time/alone")
			b.ReportMetric(0, "ns/op")
		})
	}
}
