package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/postgrestest"
)

// logInFrom sends a login from a loopback address, on a connection of its own, and returns its status.
func logInFrom(ctx context.Context, from net.IP, endpoint, username, password string) (int, error) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
	transport := &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
	form := url.Values{"grant_type": {"password"}, "username": {username}, "password": {password}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/api/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode, err
}

// BenchmarkGuessing has 400 attackers send wrong passwords for one account without a pause, and reports how
// long a login with the right one takes meanwhile: from addresses that nobody has seen, if the attackers have
// four addresses, and from one where the account has logged in before, if each has an address of its own. Nobody
// can tell a first guess at a new address from a first login.
func BenchmarkGuessing(b *testing.B) {
	const attackers, logins = 400, 30
	folder, err := binaries()
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		for _, addresses := range []int{4, attackers} {
			b.Run(fmt.Sprintf("%s/addresses=%d", kind, addresses), func(b *testing.B) {
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
					home := func(login int) net.IP { return net.IPv4(127, 2, 0, byte(1+login)) }
					if addresses == attackers {
						home = func(int) net.IP { return net.IPv4(127, 2, 0, 1) }
						if status, err := logInFrom(b.Context(), home(0), p.url, "other", crowdPassword); err != nil || status != http.StatusOK {
							b.Fatalf("the login of before: status %d, %v", status, err)
						}
					}
					ctx, stop := context.WithCancel(b.Context())
					var guesses atomic.Int64
					var guessing sync.WaitGroup
					for i := range attackers {
						guessing.Go(func() {
							for n := 0; ctx.Err() == nil; n++ {
								if _, err := logInFrom(ctx, net.IPv4(127, 1, byte(i%addresses/200), byte(1+i%addresses%200)), p.url, "other", fmt.Sprint("wrong ", n)); err == nil {
									guesses.Add(1)
								}
							}
						})
					}
					time.Sleep(5 * time.Second) // until all have used up what is free
					var took []float64
					begun, before := time.Now(), guesses.Load()
					for i := range logins {
						start := time.Now()
						status, err := logInFrom(ctx, home(i), p.url, "other", crowdPassword)
						if err != nil || status != http.StatusOK {
							b.Errorf("the right password: status %d, %v", status, err)
						}
						took = append(took, 1000*time.Since(start).Seconds())
					}
					b.ReportMetric(float64(guesses.Load()-before)/time.Since(begun).Seconds(), "guesses/s")
					stop()
					guessing.Wait()
					b.ReportMetric(quantile(took, .5), "p50-ms")
					b.ReportMetric(quantile(took, 1), "longest-ms")
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
