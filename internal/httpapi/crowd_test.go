package httpapi_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestCrowdedServer: what a server refuses because it has too much to do is no failure for two minutes,
// however few retries there are; then it is one. Without Retry-After it counts like any other.
func TestCrowdedServer(t *testing.T) {
	for name, tc := range map[string]struct {
		retries, refusals int // of the server, at first
		retryAfter        string
		served            bool
		attempts          int
	}{
		"for a while":           {1, 40, "2", true, 41},
		"for good":              {1, 1 << 20, "2", false, 61},
		"without retries":       {0, 40, "2", false, 1},
		"that says no time":     {3, 40, "", false, 4},
		"that says nonsense":    {2, 10, "later", true, 11},
		"that is soon let pass": {1, 1, "2", true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			for method, do := range operations {
				attempts := 0
				againstServer(t, httpapi.ClientConfig{MaxRetries: tc.retries}, 0, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					if attempts++; attempts <= tc.refusals {
						if tc.retryAfter != "" {
							w.Header().Set("Retry-After", tc.retryAfter)
						}
						answerJSON(w, http.StatusServiceUnavailable, map[string]string{"errorCode": "ServiceUnavailable", "message": message})
						return
					}
					answerJSON(w, http.StatusOK, map[string]any{})
				}, func(t *testing.T, c *httpapi.Client, _ *memory) {
					begun := time.Now()
					err := do(t.Context(), c)
					if tc.served {
						ok(t, err)
					} else {
						equal(t, method+": code", vcc.Code(err), vcc.CodeUnavailable)
					}
					equal(t, method+": attempts", attempts, tc.attempts)
					if took := time.Since(begun); took > 2*time.Minute+2*time.Second {
						t.Errorf("%s took %v", method, took)
					}
				})
			}
		})
	}
}
