//go:build unix

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRestoreDrill runs the scripts of examples/serve/backup: the drill passes on a good backup, and fails on each
// that would be of no use.
func TestRestoreDrill(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	nothingSet(t)
	scripts, bin := filepath.Join(sources, "../../examples/serve/backup"), t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "terraform-provider-vcc"), "github.com/cloudconnect-iac/terraform-provider-vcc")
	build.Dir = sources
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	data := t.TempDir()
	t.Setenv("VCC_DATABASE", "sqlite:"+filepath.Join(data, "vcc.db"))
	t.Setenv("TMPDIR", t.TempDir())
	run := func(name string, args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
		return string(out), err
	}
	backup := func(folder, keep string) {
		t.Helper()
		if out, err := run(filepath.Join(scripts, "vcc-backup"), folder, keep); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	drill := func(folder, want string, good bool) {
		t.Helper()
		out, err := run(filepath.Join(scripts, "vcc-restore-drill"), folder)
		if (err == nil) != good || !strings.Contains(out, want) {
			t.Errorf("the drill ended with %v and says %s", err, out)
		}
		if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
			t.Errorf("it leaves %v, %v", left, err)
		}
	}
	backend := func(args ...string) {
		t.Helper()
		if out, err := run("terraform-provider-vcc", append([]string{"backend"}, args...)...); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}

	backend("lab", "apply", "--data-dir", data)
	empty := t.TempDir()
	backup(empty, "2")
	drill(empty, "has no operator", false)
	backend("account", "add", "root")

	folder := t.TempDir()
	drill(folder, "has no backup", false)
	var old []string
	for _, day := range []string{"01", "02", "03"} {
		name := filepath.Join(folder, "vcc-202001"+day+"T000000Z.backup")
		ok(t, os.WriteFile(name, nil, 0o600))
		old = append(old, name)
	}
	backup(folder, "2")
	kept, err := filepath.Glob(filepath.Join(folder, "*"))
	ok(t, err)
	if len(kept) != 2 || kept[0] != old[2] {
		t.Fatalf("it keeps %v", kept)
	}
	newest := kept[1]
	drill(folder, "succeeded: "+newest, true)

	content, err := os.ReadFile(newest)
	ok(t, err)
	ok(t, os.WriteFile(newest, content[:len(content)-20], 0o600))
	drill(folder, "cannot be restored", false)
	ok(t, os.WriteFile(newest, content, 0o600))
	longAgo := time.Now().Add(-27 * time.Hour)
	ok(t, os.Chtimes(newest, longAgo, longAgo))
	drill(folder, "older than 26 hours", false)
}
