package bench

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/postgrestest"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// readAsPlan makes the requests of a plan of a small tenant.
func readAsPlan(ctx context.Context, c *httpapi.Client) error {
	_, _, networks := c.Networks(ctx, vcc.Actor{}, vcc.NetworkFilter{}, vcc.Page{Limit: 200})
	_, _, gateways := c.DefaultGateways(ctx, vcc.Actor{}, vcc.Page{Limit: 200})
	_, routing := c.NetworkRouting(ctx, vcc.Actor{})
	return errors.Join(networks, gateways, routing)
}

// BenchmarkRefresh says how many plans of a small tenant a server answers in a second: of clients that
// log in for each, as the provider does, and of clients that are logged in. Four clients ask at once.
func BenchmarkRefresh(b *testing.B) {
	const clients, takes = 4, 5 * time.Second
	folder, err := binaries()
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		b.Run(kind, func(b *testing.B) {
			database := "sqlite:" + filepath.Join(b.TempDir(), "vcc.db")
			if kind == "PostgreSQL" {
				server, err := postgrestest.New()
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { _ = server.Close() })
				database = server.URL("postgres")
			}
			p := startProgram(b, binary(folder, "vcc"), database)
			for b.Loop() {
				for name, again := range map[string]bool{"logins+reads/s": true, "reads/s": false} {
					ctx, cancel := context.WithTimeout(b.Context(), takes)
					var done atomic.Int64
					var asking sync.WaitGroup
					for range clients {
						asking.Go(func() {
							c := p.client("other")
							for ctx.Err() == nil {
								if err := readAsPlan(ctx, c); err != nil {
									if ctx.Err() == nil {
										b.Error(err)
									}
									return
								}
								done.Add(1)
								if again {
									c.Close()
									c = p.client("other")
								}
							}
						})
					}
					asking.Wait()
					cancel()
					b.ReportMetric(float64(done.Load())/takes.Seconds(), name)
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
