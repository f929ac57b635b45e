package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The guides get every part, and every command and key of the program stands in them.
func TestRun(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("../../templates/guides")); err != nil {
		t.Fatal(err)
	}
	if err := run("../..", folder); err != nil {
		t.Fatal(err)
	}
	for page, wants := range map[string][]string{
		"command-line.md": {
			"## backend\n\n```text\nUsage: terraform-provider-vcc backend ", "## backend gateway\n", "## backend gateway set\n\n```text\nUsage: terraform-provider-vcc backend gateway set ",
			"## backend failover rehearse\n",
		},
		"lab-file.md": {
			"| `service_provider` | object | Who runs", "### `service_provider`", "### `hosts[].vlans[]`", "| `with_internet` | list of numbers | First and last ID",
			"### `hardware_plans[].networks`", "### `tenants[].appliances[].external`", "### `tenants[].vms[].nics[]`", "| `application_aware` | true or false |",
			"| `mapping` | texts by name |", "### `tenants[].failover_plans[].public_ip_rules[]`", "| `reachable` | true or false | Whether the destination",
		},
	} {
		content, err := os.ReadFile(filepath.Join(folder, page))
		if err != nil {
			t.Fatal(err)
		}
		rest := string(content)
		for _, want := range wants {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Fatalf("%s has no %q, or not behind those before it:\n%s", page, want, content)
			}
			rest = after
		}
		if strings.Contains(string(content), "<!-- generated") {
			t.Errorf("%s still asks for something", page)
		}
	}
	if err := run("../..", folder); err == nil || !strings.Contains(err.Error(), "asks for") {
		t.Errorf("pages that ask for nothing pass: %v", err)
	}
	unknown := filepath.Join(folder, "unknown.md")
	if err := os.WriteFile(unknown, []byte("<!-- generated: nothing -->\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run("../..", folder); err == nil || !strings.Contains(err.Error(), `no part "nothing"`) {
		t.Errorf("a page that asks for an unknown part passes: %v", err)
	}
}
