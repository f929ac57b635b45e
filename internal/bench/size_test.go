package bench

import (
	"bytes"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// size is how much room a database takes, in bytes.
func (d *database) size(b *testing.B) float64 {
	b.Helper()
	statements := []string{"PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"}
	query := "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
	if d.lock != "" {
		statements, query = []string{"VACUUM FULL"}, "SELECT pg_database_size(current_database())"
	}
	for _, s := range statements {
		if _, err := d.direct.ExecContext(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
	var size float64
	if err := d.direct.QueryRowContext(b.Context(), query).Scan(&size); err != nil {
		b.Fatal(err)
	}
	return size
}

// BenchmarkSize says how much room a tenant and an entry of its history take, in the
// database and in a backup, and how long a backup takes beside the writes of its history, one after another.
func BenchmarkSize(b *testing.B) {
	const tenants, changes = 1000, 10 // changes of each tenant
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				d := openDatabase(b, kind)
				backup := func() (float64, time.Duration) {
					var file bytes.Buffer
					start := time.Now()
					if err := d.store.Backup(b.Context(), &file); err != nil {
						b.Fatal(err)
					}
					return float64(file.Len()), time.Since(start)
				}
				empty := d.size(b)
				list := d.declare(b, tenants, 0)
				declared := d.size(b)
				declaredFile, _ := backup()
				start := time.Now()
				for i := range changes {
					for _, t := range list {
						as := vcc.Actor{TenantID: t.id, Name: "bench"}
						if _, _, err := d.store.PutDefaultGateway(b.Context(), as, t.network, settings(i+1), vcc.Precondition{}); err != nil {
							b.Fatal(err)
						}
					}
				}
				writing := time.Since(start)
				changed := d.size(b)
				changedFile, took := backup()
				b.ReportMetric((declared-empty)/tenants, "B/tenant")
				b.ReportMetric((changed-declared)/(tenants*changes), "B/change")
				b.ReportMetric(declaredFile/tenants, "backup-B/tenant")
				b.ReportMetric((changedFile-declaredFile)/(tenants*changes), "backup-B/change")
				b.ReportMetric(took.Seconds()/writing.Seconds(), "backup/writes")
				b.ReportMetric(tenants*changes/writing.Seconds(), "writes/s")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
