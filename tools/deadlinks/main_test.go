package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

func TestCheck(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"README.md": "---\ntitle: x\n---\n# A heading\n[a](docs/page.md) [b](docs/page.md#two-words) [c](#a-heading) [d](docs) [e](https://example.com/none)\n" +
			"![picture](none.png) [f](docs/none.md) [g](docs/page.md#none) [h](#none)\n`[code](none.md)`\n",
		"docs/page.md":    "## Two words\n<a id=\"nested\"></a>\n[up](../README.md#a-heading) [nested](#nested) [up](README.md)\n",
		"templates/a.md":  "[none](none.md)",
		"docs/ignored.md": "[none](none.md)",
		".gitignore":      "ignored.md\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "git", "-C", root, "init", "-q").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dead, err := check(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"README.md: none.png: there is no such file",
		"README.md: docs/none.md: there is no such file",
		"README.md: docs/page.md#none: the document has no such heading",
		"README.md: #none: the document has no such heading",
		"docs/page.md: README.md: there is no such file",
	}
	if !slices.Equal(dead, want) {
		t.Errorf("got %q, want %q", dead, want)
	}
}
