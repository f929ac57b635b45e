package cli_test

import (
	"bytes"
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

// result is what a command did.
type result struct {
	status         int
	stdout, stderr string
}

// run runs a command line as a shell would: 'what has spaces' stands in quotes.
func run(t *testing.T, line string) result {
	t.Helper()
	var args []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			args = append(args, part)
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	var stdout, stderr bytes.Buffer
	status := cli.Run(t.Context(), args, &stdout, &stderr, "1.2.3")
	return result{status, stdout.String(), stderr.String()}
}

// done runs a command that must succeed, and returns its output.
func done(t *testing.T, line string) string {
	t.Helper()
	r := run(t, line)
	if r.status != 0 {
		t.Fatalf("%s: status %d, %s", line, r.status, r.stderr)
	}
	return r.stdout
}

// decoded runs a command that must succeed and reads its output as JSON, strictly.
func decoded[T any](t *testing.T, line string) T {
	t.Helper()
	out := done(t, line)
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.DisallowUnknownFields()
	var v T
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%s: reading %q as a %T: %v", line, out, v, err)
	}
	if decoder.More() {
		t.Errorf("%s: there is more behind the object: %q", line, out)
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
