package bench

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/window"
)

// always is a session that everybody has.
type always vcc.Account

func (always) OpenWindowSession(context.Context, string, string, netip.Addr) (string, vcc.Account, error) {
	return "", vcc.Account{}, nil
}
func (a always) WindowSession(context.Context, string) (vcc.Account, error) {
	return vcc.Account(a), nil
}
func (always) EndWindowSession(context.Context, string) error { return nil }

// BenchmarkWindow compares the pages of the window among 4,000 networks with the API's list of their
// gateways, as much as a page of the API holds, in turn: the first page, the last one and a search.
func BenchmarkWindow(b *testing.B) {
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		b.Run(kind, func(b *testing.B) {
			d := openDatabase(b, kind)
			as := d.wide(b)
			services := backend.NewServices(d.store)
			client := newServer(b, services, as)
			server := httptest.NewServer(window.New(window.Config{
				Services: services, Sessions: always{Username: "bench", Role: vcc.RoleTenant, TenantID: as.TenantID},
			}).Handler())
			b.Cleanup(server.Close)
			get := func(query string) time.Duration {
				b.Helper()
				req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL+"/tenants/"+as.TenantID+"/gateways"+query, nil)
				if err != nil {
					b.Fatal(err)
				}
				req.AddCookie(&http.Cookie{Name: "vcc-session", Value: "bench"})
				start := time.Now()
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					b.Fatal(err)
				}
				defer resp.Body.Close() //nolint:errcheck // it was read
				if n, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK || n < 1000 {
					b.Fatalf("%s: %s, %d bytes, %v", query, resp.Status, n, err)
				}
				return time.Since(start)
			}
			var first, last, search, list time.Duration
			get("") // the connection, and the plans of the statements
			for b.Loop() {
				first += get("")
				last += get("?skip=3900")
				search += get("?search=10.15.")
				start := time.Now()
				if _, _, err := client.DefaultGateways(b.Context(), vcc.Actor{}, vcc.Page{Limit: vcc.MaxPageLimit}); err != nil {
					b.Fatal(err)
				}
				list += time.Since(start)
			}
			for name, took := range map[string]time.Duration{"first": first, "last": last, "search": search, "list": list} {
				b.ReportMetric(took.Seconds()*1000/float64(b.N), name+"-ms")
			}
			b.ReportMetric(first.Seconds()/list.Seconds(), "first/list")
		})
	}
}
