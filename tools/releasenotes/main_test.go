package main

import (
	"os"
	"strings"
	"testing"
)

func TestNotes(t *testing.T) {
	t.Parallel()
	const changelog = "# Changelog\n\n## [Unreleased]\n\n## [1.2.30] - 2026-03-01\n\n- thirty\n\n## [1.2.3] - 2026-02-01\n\n### Fixed\n\n- three\n\n## [1.2.2] - 2026-01-01\n- two\n"
	for tag, want := range map[string]string{
		"v1.2.30": "- thirty\n", "v1.2.3": "### Fixed\n\n- three\n", "v1.2.2": "- two\n",
		"v1.2": "", "v1.2.4": "", "1.2.3": "", "v": "", "vUnreleased": "",
	} {
		if got, err := notes(changelog, tag); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", tag, got, err)
		}
	}
}

// The changelog is such that renaming Unreleased makes the notes of a release.
func TestNotes_ours(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := notes(strings.Replace(string(content), "## [Unreleased]", "## [0.1.0] - 2026-12-01", 1), "v0.1.0"); err != nil || !strings.Contains(got, "\n- ") {
		t.Errorf("%q, %v", got, err)
	}
}
