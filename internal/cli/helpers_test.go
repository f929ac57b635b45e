package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/cli"
)

// ok stops the test at an error that it is not about.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// equal compares what a test got with what it wants.
func equal(t *testing.T, what string, got, want any, opts ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, append(opts, cmpopts.EquateComparable(result{}))...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// folder makes a data folder and names it to every command of the test.
func folder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	t.Setenv("VCC_DATA_DIR", dir)
	return dir
}

// builtIn makes a data folder with the built-in lab, and names it to every command of the test.
func builtIn(t *testing.T) string {
	t.Helper()
	dir := folder(t)
	done(t, "backend lab apply")
	return dir
}

// result is what a command did.
type result struct {
	status         int
	stdout, stderr string
}

func run(t *testing.T, args []string) result {
	t.Helper()
	return runIn(t.Context(), args)
}

func runIn(ctx context.Context, args []string) result {
	var stdout, stderr bytes.Buffer
	status := cli.Run(ctx, args, strings.NewReader(""), &stdout, &stderr, "1.2.3")
	return result{status, stdout.String(), stderr.String()}
}

// typed runs a command line as a shell would: 'what has spaces' stands in quotes.
func typed(t *testing.T, line string) result {
	t.Helper()
	var args []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			args = append(args, part)
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	return run(t, args)
}

// done runs a command line that must succeed, and returns its output.
func done(t *testing.T, line string) string {
	t.Helper()
	r := typed(t, line)
	if r.status != 0 {
		t.Fatalf("%s: status %d, %s", line, r.status, r.stderr)
	}
	return r.stdout
}

// named is what tests read of objects in JSON; change and jobRun likewise.
type named struct {
	ID, Name, NetworkName, UpdatedBy, TenantID string
}

type change struct{ Actor string }

type jobRun struct {
	Job struct {
		ID   string
		Runs int
	}
}

// decoded runs a command line that must succeed and reads its output as JSON.
func decoded[T any](t *testing.T, line string) T {
	t.Helper()
	return object[T](t, done(t, line))
}

// object decodes what a command prints in JSON, as far as T has it.
func object[T any](t *testing.T, text string) (v T) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&v); err != nil || d.More() {
		t.Fatalf("it is not one value in JSON: %v\n%s", err, text)
	}
	return v
}

// unchanged runs do and checks that the database is what it was before, to the byte.
func unchanged(t *testing.T, dir string, do func()) {
	t.Helper()
	content := func() []byte {
		b, err := os.ReadFile(filepath.Join(dir, "vcc.db"))
		if errors.Is(err, os.ErrNotExist) { // nor is one made
			return nil
		}
		ok(t, err)
		return b
	}
	before := content()
	do()
	if !bytes.Equal(content(), before) {
		t.Error("something was written to the database")
	}
}
