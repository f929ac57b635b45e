package window_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/window"
)

// BenchmarkMatrixPage compares the page of who reaches whom of 100 VMs, which has 10,201 pairs, with
// the plain API's list of 200 gateways of the same tenant, in turn, without a network in between.
//
//   - matrix-ms and what-if-ms are the page as it is stored, and with the routing option assumed, for
//     which the appliance is compiled anew; list-ms is the list.
func BenchmarkMatrixPage(b *testing.B) {
	for name, networks := range map[string]int{"10 networks": 10, "4000 networks": 4000} {
		b.Run(name, func(b *testing.B) {
			s := manyVMs(b, 100, networks)
			key, text := window.NewKey(vcc.Account{Username: "bench", Role: vcc.RoleTenant, TenantID: s.as.TenantID})
			pages := window.New(window.Config{Services: s.Services, Key: key}).Handler()
			api := httpapi.NewHandler(httpapi.ServerConfig{
				Services: s.Services, Authenticator: httpapi.Always{TenantID: s.as.TenantID, Username: "bench"}, Log: slog.New(slog.DiscardHandler),
			})
			var cookies []*http.Cookie
			get := func(h http.Handler, path string) (*httptest.ResponseRecorder, float64) {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, nil)
				for _, c := range cookies {
					r.AddCookie(c)
				}
				w := httptest.NewRecorder()
				start := time.Now()
				h.ServeHTTP(w, r)
				return w, float64(time.Since(start).Microseconds()) / 1000
			}
			opened, _ := get(pages, window.OpenPath+text)
			cookies = opened.Result().Cookies()
			times := map[string][]float64{}
			for b.Loop() {
				for what, path := range map[string]string{
					"matrix-ms": "/tenants/" + s.as.TenantID + "/reachability", "what-if-ms": "/tenants/" + s.as.TenantID + "/reachability?protocol=tcp&port=443&routing=on",
					"list-ms": "/api/v1/cloudConnect/defaultGateways",
				} {
					h := pages
					if what == "list-ms" {
						h = api
					}
					w, took := get(h, path)
					if w.Code != http.StatusOK {
						b.Fatalf("%s: %d %s", path, w.Code, w.Body)
					}
					times[what] = append(times[what], took)
				}
			}
			for what, list := range times {
				slices.Sort(list)
				b.ReportMetric(list[len(list)/2], what)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
