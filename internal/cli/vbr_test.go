package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestServedVBR: a tenant imports the export of its own backup server into a served backend, and so does an operator for it. Another
// tenant has nothing of it.
func TestServedVBR(t *testing.T) {
	s := serve(t)
	export, err := filepath.Abs(filepath.Join(sources, "../../examples/real-site/export.json"))
	ok(t, err)
	for name, flags := range map[string]string{"abc-company": "", "root": " --tenant 'ABC Company'"} {
		as := s.as(name) + flags
		contains(t, "dry run", done(t, "backend vbr import '"+export+"' --dry-run"+as), "this was a dry run")
		contains(t, "import", done(t, "backend vbr import '"+export+"'"+as), "Imported")
		equal(t, "status", done(t, "backend vbr status"+as), "Nothing is pending: backup server \"vbr01\" had what is stored, by the export of 2026-11-27 22:00:00 UTC.\n")
		contains(t, "script", done(t, "backend vbr script"+as), "\"gateways\": []")
		history := done(t, "backend gateway history 'VMware Silver network 1 (internet)'"+as)
		contains(t, "history", history, `found on backup server "vbr01", in the export of 2026-11-27 22:00:00 UTC`)
		if n := strings.Count(history, "vbr01"); n != 1 { // the second import changed nothing
			t.Errorf("%d changes by the server: %s", n, history)
		}
	}
	wants(t, "backend vbr status"+s.as("root")+" --tenant 'XYZ Holding'", 1, "no export of a backup server was imported yet")
	wants(t, "backend vbr import '"+export+"'"+s.as("root")+" --tenant 'XYZ Holding'", 1, `there is no cloud network "VMware Silver network 1 (internet)"; did you mean`)
}
