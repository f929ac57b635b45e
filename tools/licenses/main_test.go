package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newModule makes a module with files, and with linked packages in folders.
func newModule(t *testing.T, path string, files map[string]string, folders ...string) *module {
	t.Helper()
	m := &module{Path: path, Version: "v1.2.3", Dir: t.TempDir(), folders: map[string]bool{}}
	for name, content := range files {
		file := filepath.Join(m.Dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range folders {
		m.folders[filepath.Join(m.Dir, f)] = true
	}
	return m
}

func TestWrite(t *testing.T) {
	t.Parallel()
	text, err := write([]*module{
		newModule(t, "example.com/a", map[string]string{
			"LICENSE": "rights of a\r\n", "NOTICE.txt": "notice of a", "x/y/COPYING": "rights of y", "z/LICENSE": "rights of z", "licenses.go": "package a", "x/y/y.go": "",
		}, ".", "x/y"),
		newModule(t, "example.com/b", map[string]string{"License.md": "rights of b"}, "."),
	})
	if err != nil {
		t.Fatal(err)
	}
	rest := string(text)
	for _, want := range []string{
		"  example.com/a v1.2.3\n  example.com/b v1.2.3\n",
		"example.com/a v1.2.3: LICENSE\n\nrights of a\n", "example.com/a v1.2.3: NOTICE.txt\n\nnotice of a\n", "example.com/a v1.2.3: x/y/COPYING\n\nrights of y\n",
		"example.com/b v1.2.3: License.md\n\nrights of b\n",
	} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Errorf("there is no %q in %s", want, rest)
		}
		rest = after
	}
	for _, none := range []string{"rights of z", "package a", "\r"} { // nothing of z is linked
		if strings.Contains(string(text), none) {
			t.Errorf("there is %q in %s", none, text)
		}
	}
}

// A module without a license must not be shipped, and all of them are named.
func TestWrite_none(t *testing.T) {
	t.Parallel()
	_, err := write([]*module{
		newModule(t, "example.com/a", map[string]string{"NOTICE": "a notice gives no right"}, "."),
		newModule(t, "example.com/b", map[string]string{"LICENSE": "rights of b"}, "."),
		newModule(t, "example.com/c", map[string]string{"x/LICENSE": "nothing of x is linked"}, "."),
	})
	if err == nil || err.Error() != "example.com/a v1.2.3 has no license\nexample.com/c v1.2.3 has no license" {
		t.Errorf("it ends with %v", err)
	}
}

// Every module that the program links has a license.
func TestRun(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "THIRD_PARTY_LICENSES.txt")
	if err := run(t.Context(), "../..", file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Go's standard library 1.", "  github.com/hashicorp/terraform-plugin-framework v", "  modernc.org/sqlite v", "Mozilla Public License"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("there is no %q", want)
		}
	}
}
