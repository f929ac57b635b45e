package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// What differs each time is blotted out.
var blots = []struct {
	pattern *regexp.Regexp
	text    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "ID"},
	{regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC`), "TIME"},
	{regexp.MustCompile(`[^\s"]+ \(command line\)`), "USER (command line)"},
}

// TestScripts runs the files in testdata/scripts, each on a fresh data folder. Their commands are
//
//	run      a command line without "terraform-provider-vcc backend"
//	refused  the same, for one that must fail and write nothing
//	file     writes a file, whose name is an argument, into the folder {dir}
//
// What a command prints on the standard error stream comes after the rest, and then its exit
// status unless that is 0. This writes the outputs anew:
//
//	go test ./internal/cli -run TestScripts -rewrite
func TestScripts(t *testing.T) {
	datadriven.Walk(t, filepath.Join("testdata", "scripts"), func(t *testing.T, script string) {
		data, dir := folder(t), t.TempDir()
		datadriven.RunTest(t, script, func(t *testing.T, d *datadriven.TestData) string {
			line := strings.ReplaceAll(strings.Join(strings.Fields(d.Input), " "), "{dir}", dir)
			var r result
			switch d.Cmd {
			case "run":
				r = typed(t, "backend "+line)
			case "refused":
				unchanged(t, data, func() { r = typed(t, "backend "+line) })
				if r.status == 0 {
					t.Errorf("%s: %s succeeded", d.Pos, line)
				}
			case "file":
				ok(t, os.WriteFile(filepath.Join(dir, d.CmdArgs[0].Key), []byte(d.Input+"\n"), 0o600))
				return ""
			default:
				t.Fatalf("%s: there is no command %s", d.Pos, d.Cmd)
			}
			text := r.stdout
			if r.stderr != "" {
				text += "stderr: " + r.stderr
			}
			if r.status != 0 {
				text += fmt.Sprintf("status %d\n", r.status)
			}
			text = strings.NewReplacer(data, "{data}", dir, "{dir}").Replace(text)
			for _, b := range blots {
				text = b.pattern.ReplaceAllString(text, b.text)
			}
			return text
		})
	})
}
