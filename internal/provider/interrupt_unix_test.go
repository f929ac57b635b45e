//go:build unix

package provider_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Ctrl-C ends the requests that are under way at once: a server that does not answer
// keeps nobody waiting. What it has carried out by then is recorded.
func TestAccServed_interrupt(t *testing.T) {
	const networks = "data \"vcc_hardware_plan_networks\" \"all\" {}\n"
	for name, test := range map[string]struct {
		config       string
		command      []string
		method, path string // of the request that is not answered
		says         string
	}{
		"a login": {networks, []string{"plan"}, http.MethodPost, "/api/oauth2/token", "Error: Networks Not Read"},
		"a plan":  {networks, []string{"plan"}, http.MethodGet, "/api/v1/cloudConnect/networks", "Error: Networks Not Read"},
		"an apply": {
			gateway(silver3, ipv4Data), []string{"apply", "-auto-approve"}, http.MethodPut, "/api/v1/cloudConnect/defaultGateways/",
			"Creation complete after",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newServedLab(t)
			w := l.workspace(`request_timeout = "1h"`) // so that only the signal ends a request
			w.write(l.blocks(test.config))
			arrived, ended := make(chan struct{}, 100), make(chan struct{}, 100)
			l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
				if r.Method != test.method || !strings.HasPrefix(r.URL.Path, test.path) {
					server.ServeHTTP(w, r)
					return
				}
				server.ServeHTTP(httptest.NewRecorder(), r)
				_, _ = io.Copy(io.Discard, r.Body) // only then the server sees that somebody leaves
				arrived <- struct{}{}
				<-r.Context().Done()
				ended <- struct{}{}
			})

			var out bytes.Buffer
			cmd := w.cli(append(test.command, "-no-color", "-input=false")...)
			cmd.Stdout, cmd.Stderr = &out, &out
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal signals the provider, too
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			exited := make(chan struct{})
			go func() { _ = cmd.Wait(); close(exited) }() // its status is looked at below
			kill := func(s syscall.Signal) { _ = syscall.Kill(-cmd.Process.Pid, s) }
			patience := time.After(2 * time.Minute)
			wait := func(what string, c <-chan struct{}) bool {
				select {
				case <-c:
					return true
				case <-patience:
					t.Errorf("%s: not within minutes", what)
					kill(syscall.SIGKILL)
					return false
				}
			}
			if wait("the request", arrived) {
				kill(syscall.SIGINT)
				_ = wait("the request's end", ended) && wait("the end of the CLI", exited)
			}
			<-exited
			l.meet(nil)
			said := strings.Join(strings.Fields(out.String()), " ")
			for _, want := range []string{"Interrupt received.", test.says} {
				if !strings.Contains(said, want) {
					t.Errorf("the CLI does not say %q:\n%s", want, said)
				}
			}
			if status := cmd.ProcessState.ExitCode(); status != 1 {
				t.Errorf("the CLI ended with %d:\n%s", status, said)
			}
			w.expect(0, nil, "apply", "-auto-approve")
			w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
		})
	}
}
