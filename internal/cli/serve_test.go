package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
)

// TestServeEndsWithASignal runs the program itself, which alone knows signals.
func TestServeEndsWithASignal(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	nothingSet(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/cloudconnect-iac/terraform-provider-vcc")
	build.Dir = sources
	out, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience) // at which it would be killed
			defer cancel()
			authority := filepath.Join(dir, "authority")
			cmd := exec.CommandContext(ctx, program, "backend", "serve", "--listen", "127.0.0.1:0", "--drain", "10ms", "--tls-self-signed", authority)
			cmd.Env = append(os.Environ(), "VCC_DATABASE=sqlite:"+filepath.Join(dir, "vcc.db"))
			stdout := new(bytes.Buffer)
			cmd.Stdout = stdout
			log, err := cmd.StderrPipe()
			ok(t, err)
			ok(t, cmd.Start())
			address, lines := "", bufio.NewScanner(log)
			for address == "" && lines.Scan() {
				var line struct{ Msg, Address string }
				if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
					t.Errorf("a line of the log is no JSON: %s", lines.Text())
				}
				address = line.Address
			}
			ca, err := os.ReadFile(filepath.Join(authority, "ca.pem"))
			ok(t, err)
			client, err := httpapi.NewClient(httpapi.ClientConfig{Endpoint: "https://" + address, CACertificate: string(ca), RequestTimeout: patience})
			ok(t, err)
			defer client.Close()
			_, err = client.ServerInfo(t.Context())
			ok(t, err)

			ok(t, cmd.Process.Signal(signal))
			rest := ""
			for lines.Scan() {
				rest += lines.Text() + "\n"
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("it ends with %v", err)
			}
			contains(t, "the log", rest, `"msg":"stopping"`)
			equal(t, "stdout", stdout.String(), "")
			if _, err = client.ServerInfo(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// sources is the folder of this package, which tests leave.
var sources = func() string {
	dir, _ := os.Getwd()
	return dir
}()

// TestServeCommand: it serves what its flags say until it is told to stop.
func TestServeCommand(t *testing.T) {
	nothingSet(t)
	t.Setenv("BOND_PASSWORD", "shaken, not stirred")
	port, database, lab := freePort(t), "sqlite:"+filepath.Join(t.TempDir(), "vcc.db"), file(t, tenantLab)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan result, 1)
	go func() {
		ended <- runIn(ctx, []string{"backend", "serve", "--database", database, "--listen", "127.0.0.1:" + port, "--lab", lab, "--drain", "0s"})
	}()
	as := " --endpoint http://127.0.0.1:" + port + " --username bond --password-file '" + file(t, "shaken, not stirred\n") + "'"
	var r result
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if r = typed(t, "backend networks"+as); r.status == 0 || time.Now().After(deadline) || len(ended) > 0 {
			break
		}
	}
	contains(t, "networks", r.stdout, "P network 2 (internet)")
	stop()
	r = <-ended
	equal(t, "status and stdout", []any{r.status, r.stdout}, []any{0, ""})
	contains(t, "its log", r.stderr, `"msg":"serving"`, `"msg":"request"`, `"account":"bond"`, `nobody can log in for this tenant`, `"tenant":"ABC Company"`)
	if strings.Contains(r.stderr, "shaken") {
		t.Error("the log has a password")
	}
}
