package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
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

func each[T, U any](list []T, to func(T) U) []U {
	out := make([]U, len(list))
	for i, v := range list {
		out[i] = to(v)
	}
	return out
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

// decoded runs a command line that must succeed and reads its output as JSON.
func decoded[T any](t *testing.T, line string) T {
	t.Helper()
	return object[T](t, done(t, line))
}

// console is where command lines are typed, on a data folder with the built-in lab.
type console struct {
	t   *testing.T
	dir string
}

func newConsole(t *testing.T) console {
	t.Helper()
	c := console{t, t.TempDir()}
	c.done("lab", "apply")
	return c
}

func (c console) run(args ...string) (status int, stdout, stderr string) {
	c.t.Helper()
	r := run(c.t, append([]string{"backend", "--data-dir", c.dir}, args...))
	return r.status, r.stdout, r.stderr
}

// done runs what must not fail and returns what it prints.
func (c console) done(args ...string) string {
	c.t.Helper()
	status, stdout, stderr := c.run(args...)
	if status != 0 {
		c.t.Fatalf("%q ended with %d: %s", args, status, stderr)
	}
	return stdout
}

// ends checks how a command ends and what it prints.
func (c console) ends(status int, stdout, stderr string, args ...string) {
	c.t.Helper()
	gotStatus, gotStdout, gotStderr := c.run(args...)
	type printed struct {
		Status         int
		Stdout, Stderr string
	}
	if diff := cmp.Diff(printed{status, stdout, stderr}, printed{gotStatus, gotStdout, gotStderr}); diff != "" {
		c.t.Errorf("%q (-want +got):\n%s", args, diff)
	}
}

// object decodes what a command prints in JSON, of which nothing may be unknown.
func object[T any](t *testing.T, text string) (v T) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
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
		ok(t, err)
		return b
	}
	before := content()
	do()
	if !bytes.Equal(content(), before) {
		t.Error("something was written to the database")
	}
}
