package httpapi_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestLabsTakeTurns: labs are large, so one is read at a time. Who waits too long for that is told to
// try again, other requests go on, and a client that sends nothing more keeps no turn.
func TestLabsTakeTurns(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		a := newBackend(t, labDatabase)
		m := serveInMemory(t, httpapi.NewHandler(httpapi.ServerConfig{
			Services: a.services, Authenticator: httpapi.Always{Role: vcc.RoleOperator, TenantID: a.tokens["ABC"].TenantID}, RequestTimeout: 10 * time.Second, Log: slog.New(slog.DiscardHandler),
		}))
		transport := &http.Transport{DialContext: m.dial}
		defer transport.CloseIdleConnections()
		send := func(method, path string, body io.Reader) answer {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), method, "http://memory.invalid"+path, body)
			ok(t, err)
			r.Header.Set("Content-Type", "application/json")
			resp, err := transport.RoundTrip(r)
			ok(t, err)
			defer resp.Body.Close() //nolint:errcheck // what was read has been read
			content, err := io.ReadAll(resp.Body)
			ok(t, err)
			return answer{status: resp.StatusCode, header: resp.Header, body: string(content)}
		}
		const lab = "/api/v1/lab"
		body := labBody(t, a, testLab())
		stalled, more := io.Pipe()
		first := make(chan answer, 1)
		go func() { first <- send("PUT", lab, stalled) }()
		_, err := more.Write([]byte("{")) // which the server reads once it is the turn of that one
		ok(t, err)
		time.Sleep(time.Second)
		begun := time.Now()
		got := send("PUT", lab, strings.NewReader(body))
		e := wantError(t, got, 503, wireError{ErrorCode: "ServiceUnavailable"})
		equal(t, "message", e.Message, "another lab is being declared; nothing was changed, try again")
		equal(t, "time it took", time.Since(begun), 10*time.Second)
		equal(t, "status of another request", send("GET", routing, nil).status, 200)
		equal(t, "status of the one that stalled", (<-first).status, 408)
		_ = more.Close()
		equal(t, "status after it", send("PUT", lab, strings.NewReader(body)).status, 200)
	})
}

// TestLargeLab: a lab may have more bytes than any other request, and not more than eight MiB.
func TestLargeLab(t *testing.T) {
	a := newServed(t)
	root := bearer(a.logIn(t, "root", rootPassword).AccessToken)
	body := labBody(t, a, servedLab())
	const most = 8 << 20
	for size, status := range map[int]int{most: 200, most + 1: 413} {
		equal(t, "status", a.do(t, "PUT", "/api/v1/lab", strings.Repeat(" ", size-len(body))+body, root).status, status)
	}
	abc := bearer(a.logIn(t, "abc", abcPassword).AccessToken)
	equal(t, "status for a tenant", a.do(t, "PUT", "/api/v1/lab", strings.Repeat(" ", 1<<20), abc).status, 403)
}
