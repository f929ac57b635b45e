package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const workflows = "../../.github/workflows"

// A tag of an action can be moved to another commit, a digest cannot. The version stands behind it for people, and for
// the program that updates both.
func TestWorkflowsPinActions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(workflows + "/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	pinned := regexp.MustCompile(`^[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	versions := map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			_, action, found := strings.Cut(strings.TrimSpace(line), "uses: ")
			if !found || strings.HasPrefix(action, "./") {
				continue
			}
			if !pinned.MatchString(action) {
				t.Errorf("%s: %s is not pinned like actions/checkout@<40 digits> # v1.2.3", filepath.Base(file), action)
				continue
			}
			name, version, _ := strings.Cut(action, "@")
			if other := versions[name]; other != "" && other != version {
				t.Errorf("%s is pinned to %s and to %s", name, version, other)
			}
			versions[name] = version
		}
	}
}

// A release is made after the tests, with the notes of the changelog, and attested.
func TestWorkflowOfReleases(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(workflows + "/release.yml")
	if err != nil {
		t.Fatal(err)
	}
	var workflow struct {
		Jobs map[string]struct {
			Uses  string
			Needs string
			Steps []struct{ Run, Uses string }
		}
	}
	if err := yaml.Unmarshal(content, &workflow); err != nil {
		t.Fatal(err)
	}
	release := workflow.Jobs["release"]
	if tests := workflow.Jobs[release.Needs].Uses; tests != "./.github/workflows/test.yml" {
		t.Errorf("a release waits for %q", tests)
	}
	var steps []string
	for _, s := range release.Steps {
		steps = append(steps, s.Run+s.Uses)
	}
	at := -1
	for _, want := range []string{"./releasenotes ../CHANGELOG.md", "goreleaser release --clean --release-notes", "actions/attest-build-provenance@"} {
		next := slices.IndexFunc(steps, func(s string) bool { return strings.Contains(s, want) })
		if next <= at {
			t.Errorf("no step has %q after those before it: %q", want, steps)
		}
		at = next
	}
	content, err = os.ReadFile("../../.goreleaser.yml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct{ Changelog struct{ Disable any } }
	if err := yaml.Unmarshal(content, &config); err != nil || config.Changelog.Disable != nil {
		t.Errorf("GoReleaser reads no notes where its changelog is disabled: %v, %v", config, err)
	}
}
