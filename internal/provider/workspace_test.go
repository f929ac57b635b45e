package provider_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/rehearsal"
)

// mirror is the folder that plugin makes, "" until it is asked for.
var mirror string

// pluginPath is where a mirror has the provider's program of a registry, in a version that the examples ask for.
func pluginPath(registry string) string {
	return filepath.Join(registry, "cloudconnect-iac/vcc/0.1.0", runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-vcc_v0.1.0")
}

// plugin builds the provider once, laid out as the mirror that a CLI installs from.
// A source that names no registry means that of the CLI.
var plugin = sync.OnceValues(func() (_ string, err error) {
	if mirror, err = os.MkdirTemp("", "vcc-plugin"); err != nil {
		return "", err
	}
	binary := filepath.Join(mirror, pluginPath("registry.terraform.io"))
	build := exec.CommandContext(context.Background(), "go", "build", "-ldflags=-s -w", "-o", binary, "../..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as releases are, which start faster
	out, err := build.CombinedOutput()
	if err != nil {
		return mirror, fmt.Errorf("%w: %s", err, out)
	}
	openTofu := filepath.Join(mirror, pluginPath("registry.opentofu.org"))
	return mirror, errors.Join(os.MkdirAll(filepath.Dir(openTofu), 0o700), os.Link(binary, openTofu))
})

// gogc is how far the CLI and the provider let their heaps grow. Half the time of a short
// run of the CLI goes into collecting what its start allocates.
const gogc = "800"

func TestMain(m *testing.M) {
	rehearsal.Inside() // this program is started again for one
	if os.Getenv("GOGC") == "" {
		if err := os.Setenv("GOGC", gogc); err != nil {
			panic(err)
		}
	}
	// Many tests wait: for a timeout, or for a second in which nothing comes.
	flag.Parse()
	parallel := flag.Lookup("test.parallel")
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == parallel.Name })
	if !given {
		if err := parallel.Value.Set(strconv.Itoa(2 * runtime.GOMAXPROCS(0))); err != nil {
			panic(err)
		}
	}
	status := m.Run()
	if mirror != "" {
		_ = os.RemoveAll(mirror)
	}
	os.Exit(status)
}

// workspace is a folder in which the real CLI runs the provider as a process of
// its own, which the testing framework does not.
type workspace struct {
	*testLab
	folder string
	env    []string // of the CLI, beside what is neither Terraform's nor the provider's
}

// newWorkspace makes a workspace on a lab's backend.
func (l *testLab) newWorkspace() *workspace {
	l.t.Helper()
	if os.Getenv("TF_ACC") == "" {
		l.t.Skip("Acceptance tests skipped unless env 'TF_ACC' set")
	}
	w := &workspace{testLab: l, folder: l.t.TempDir()}
	w.write("")
	w.init()
	return w
}

// init makes the folder ready for its configuration.
func (w *workspace) init() {
	w.t.Helper()
	mirror, err := plugin()
	if err != nil {
		w.t.Fatal(err)
	}
	if out, status := w.terraform("init", "-plugin-dir="+mirror); status != 0 {
		w.t.Fatalf("init: %s", out)
	}
}

// stateByHTTP moves the state out of the folder, and returns how to look at it. Terraform
// writes a state in a file anew, and compares all of it, after each resource of an apply;
// one that is kept elsewhere it sends now and then.
func (w *workspace) stateByHTTP() (stored func() string) {
	w.t.Helper()
	var mu sync.Mutex
	var state []byte
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case r.Method == http.MethodPost:
			body, err := io.ReadAll(r.Body)
			if err != nil {
				w.t.Error(err)
			}
			state = body
		case state == nil:
			answer.WriteHeader(http.StatusNotFound)
		default:
			_, _ = answer.Write(state)
		}
	}))
	w.t.Cleanup(server.Close)
	w.put("backend.tf", fmt.Sprintf("terraform {\n  backend \"http\" {\n    address = %q\n  }\n}\n", server.URL))
	w.init()
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return string(state)
	}
}

// write replaces the configuration.
func (w *workspace) write(config string) {
	w.t.Helper()
	config = "terraform {\n  required_providers {\n    vcc = { source = \"registry.terraform.io/cloudconnect-iac/vcc\" }\n  }\n}\n" + config
	if err := os.WriteFile(filepath.Join(w.folder, "main.tf"), []byte(config), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// command prepares a run of the CLI.
func (w *workspace) cli(args ...string) *exec.Cmd {
	cli := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if cli == "" {
		cli = "terraform"
	}
	cmd := exec.CommandContext(context.Background(), cli, args...)
	cmd.Dir = w.folder
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_") && !strings.HasPrefix(variable, "VCC_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	// Each run starts the provider two or three times, and certificates for its connections took a fifth of all the processor
	// time of these tests. The CLIs have this variable for tests. Those of documents and of installing do without it.
	cmd.Env = append(cmd.Env, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "TF_DISABLE_PLUGIN_TLS=1")
	cmd.Env = append(cmd.Env, w.env...)
	return cmd
}

// terraform runs the CLI and returns what it printed, with white space folded
// because the CLI wraps lines anywhere, and its exit status.
func (w *workspace) terraform(command string, args ...string) (string, int) {
	w.t.Helper()
	var out bytes.Buffer
	flags := []string{command, "-no-color"}
	if command != "test" && command != "taint" && command != "validate" { // which ask nothing
		flags = append(flags, "-input=false")
	}
	cmd := w.cli(append(flags, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return strings.Join(strings.Fields(out.String()), " "), cmd.ProcessState.ExitCode()
}

// expect runs the CLI and checks its exit status and what it prints.
func (w *workspace) expect(status int, wants []string, command string, args ...string) {
	w.t.Helper()
	out, got := w.terraform(command, args...)
	if got != status {
		w.t.Fatalf("%s %v ended with %d, want %d:\n%s", command, args, got, status, out)
	}
	for _, want := range wants {
		if !strings.Contains(out, want) {
			w.t.Errorf("%s %v does not say %q:\n%s", command, args, want, out)
		}
	}
}

// silent runs the CLI and checks that it succeeds without saying something.
func (w *workspace) silent(about, command string, args ...string) {
	w.t.Helper()
	if out, status := w.terraform(command, args...); status != 0 || strings.Contains(out, about) {
		w.t.Fatalf("%s ended with %d and was not silent about %q:\n%s", command, status, about, out)
	}
}
