package provider_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// exportFile writes an export in which a backup server has one gateway, and returns its path.
func (w *workspace) exportFile(at time.Time, address string, routing bool) string {
	w.t.Helper()
	path := filepath.Join(w.folder, "export.json")
	text := fmt.Sprintf(`{"format": 1, "exportedAt": %q, "server": "vbr01", "providers": [{
		"id": "5f2b0c1e-3f7a-4d0c-9a55-0d6f3c1b7e21", "name": "sp.example.net", "routingEnabled": %t,
		"gateways": [{"id": "g-1", "name": %q, "ipAddress": %q, "networkMask": "255.255.255.0"}]}]}`,
		at.Format(time.RFC3339), routing, silver3, address)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// What comes from a real backup server shows in the plan as drift from there, with the time of the export.
func TestAccRealSite(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	first := time.Now().UTC().Truncate(time.Second).Add(-30 * time.Hour)
	at := func(t time.Time) string { return t.Format("2006-01-02 15:04:05 UTC") }
	code := w.config(gateway(silver3, ipv4Data), routing(true))
	w.write(code)
	w.expect(0, nil, "apply", "-auto-approve")
	quiet := func() {
		t.Helper()
		if out, status := w.terraform("plan", "-detailed-exitcode"); status != 0 || strings.Contains(out, "Warning") {
			t.Fatalf("the plan is not quiet: %s", out)
		}
	}

	// The server has what is stored, and so nothing has changed.
	w.command("vbr", "import", w.exportFile(first, "172.17.54.1", true))
	quiet()

	// Somebody changes it in the console.
	second := first.Add(time.Hour)
	w.command("vbr", "import", w.exportFile(second, "172.17.54.9", false))
	w.expect(2, []string{
		"Warning: Default Gateway Changed Outside Terraform",
		`changed on backup server "vbr01", seen in the export of ` + at(second) + ": ipv4.address from 172.17.54.1 to 172.17.54.9",
		"Warning: Routing Option Changed Outside Terraform",
		`changed on backup server "vbr01", seen in the export of ` + at(second) + ": enabled from true to false",
		"Plan: 0 to add, 2 to change, 0 to destroy.",
	}, "plan", "-detailed-exitcode")
	w.expect(0, nil, "apply", "-auto-approve")
	quiet()

	// The change by code has not reached the server: nobody changed anything there.
	third := second.Add(time.Hour)
	w.command("vbr", "import", w.exportFile(third, "172.17.54.9", false))
	w.expect(2, []string{
		`unchanged on backup server "vbr01"`, "seen in the export of " + at(third) + ": ipv4.address from 172.17.54.1 to 172.17.54.9",
	}, "plan", "-detailed-exitcode")
	w.expect(0, nil, "apply", "-auto-approve")

	// Data sources show the export, and the provider warns of its age, once.
	sources := `data "vcc_cloud_network" "data" {
  name = "` + silver3 + `"
}
data "vcc_hardware_plan_networks" "all" {}
output "exports" {
  value = [data.vcc_cloud_network.data.last_export, data.vcc_hardware_plan_networks.all.last_export]
}
`
	aged := func(age string) string {
		return strings.Replace(code, "embedded = {", "max_export_age = "+age+"\n  embedded = {", 1) + sources
	}
	const warning = "Warning: Backup Server Not Seen Lately"
	w.write(aged(`"26h"`))
	w.expect(0, []string{
		"exported_at", third.Format(time.RFC3339), "server", "vbr01", "service_provider", "sp.example.net",
		warning, `What backup server "vbr01" has was seen last in the export of ` + at(third), "the provider's max_export_age is 26h0m0s.",
	}, "apply", "-auto-approve")
	if out, _ := w.terraform("plan"); strings.Count(out, warning) != 1 {
		t.Errorf("the warning is not there once: %s", out)
	}
	w.write(aged(`"29h"`))
	quiet()
	w.write(aged(`"a day"`))
	w.expect(1, []string{`max_export_age: "a day" is not a duration above 0; write it in hours, like 26h or 168h.`}, "validate")
}

// Where no export was imported there is none, and a provider that was told to expect one says so.
func TestAccRealSite_none(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	code := w.config(`data "vcc_hardware_plan_networks" "all" {}
output "export" {
  value = data.vcc_hardware_plan_networks.all.last_export == null ? "there is none" : "there is one"
}`)
	w.write(code)
	out, status := w.terraform("apply", "-auto-approve")
	if status != 0 || !strings.Contains(out, "there is none") || strings.Contains(out, "Warning") {
		t.Errorf("status %d: %s", status, out)
	}
	w.write(strings.Replace(code, "embedded = {", "max_export_age = \"26h\"\n  embedded = {", 1))
	w.expect(0, []string{"Warning: Backup Server Not Seen Lately", "no export of a backup server was imported yet"}, "plan")
}

// TestAccRealSite_guide follows the guide Your real site: its configuration is that of the example, and its commands are run
// in order, but for those that need a real server. What that would have exported is in the example's files.
func TestAccRealSite_guide(t *testing.T) {
	const guide = "../../templates/guides/your-real-site.md"
	content, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	w := newTestLab(t).newWorkspace()
	for _, file := range []string{"main.tf", ".terraform.lock.hcl"} { // of the workspace
		if err := os.Remove(filepath.Join(w.folder, file)); err != nil {
			t.Fatal(err)
		}
	}
	exports := []string{"export.json", "export-after.json"}
	bin := programs(t)
	said := map[string]string{}
	blocks, ran := 0, 0
	for _, block := range strings.Split(string(content), "\n```")[1:] {
		language, text, fenced := strings.Cut(block, "\n")
		if blocks++; blocks%2 == 0 {
			continue // what follows a block
		}
		if !fenced {
			t.Fatalf("a block without an end: %s", block)
		}
		switch language {
		case "text":
		case "terraform":
			if example := readExample(t, "real-site/main.tf"); text+"\n" != example {
				t.Errorf("the guide's configuration is not that of examples/real-site/main.tf:\n%s", text)
			}
			w.put("main.tf", text)
		case "powershell":
			if strings.HasPrefix(text, `.\export.ps1 -Path export.json`) {
				w.put("export.json", readExample(t, "real-site/"+exports[0]))
				exports = exports[1:]
			}
		case "shell":
			for _, line := range strings.Split(text, "\n") {
				ran++
				out, err := w.shell(bin, line)
				if err != nil {
					t.Fatalf("%s: %v\n%s", line, err, out)
				}
				said[line] += out
			}
		default:
			t.Errorf("a block in %q", language)
		}
	}
	if ran < 15 || len(exports) > 0 {
		t.Errorf("%d commands ran, and these exports were not imported: %v", ran, exports)
	}
	for line, wants := range map[string][]string{
		"terraform-provider-vcc backend vbr import export.json --dry-run": {"172.17.52.254 in 172.17.52.0/23", "first import", "this was a dry run of export.json"},
		"terraform plan": {`"172.17.52.254" -> "172.17.52.1"`, "2 to import, 1 to add, 1 to change, 0 to destroy"},
		"terraform-provider-vcc backend vbr status":             {"172.17.52.254 in 172.17.52.0/23 172.17.52.1 in 172.17.52.0/23", "routing option off on", "Nothing is pending"},
		"terraform-provider-vcc backend vbr import export.json": {"first import", "No differences", "No differences"},
		"terraform plan -detailed-exitcode":                     {"No changes", "No changes"},
	} {
		rest := said[line]
		for _, want := range wants {
			before, after, found := strings.Cut(rest, want)
			if !found {
				t.Errorf("%s does not say %q: %s", line, want, before)
			}
			rest = after
		}
	}
}

// programs makes a folder with the two programs that the guide calls, by the names that it has for them.
func programs(t *testing.T) string {
	t.Helper()
	mirror, err := plugin()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	cli, err := exec.LookPath(os.Getenv("TF_ACC_TERRAFORM_PATH"))
	if err != nil {
		cli, err = exec.LookPath("terraform")
	}
	if err == nil {
		cli, err = filepath.Abs(cli)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, program := range map[string]string{"terraform": cli, "terraform-provider-vcc": filepath.Join(mirror, pluginPath("registry.terraform.io"))} {
		if err := os.Symlink(program, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

// shell runs a command in the workspace's folder, as the CLI runs there, and returns what it prints, with one space for all white space.
func (w *workspace) shell(bin, line string) (string, error) {
	w.t.Helper()
	mirror, err := plugin()
	if err != nil {
		return "", err
	}
	cmd := w.cli()
	shell := exec.CommandContext(w.t.Context(), "sh", "-eu", "-c", line)
	shell.Dir = w.folder
	shell.Env = append(cmd.Env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"TF_CLI_ARGS=-no-color", "TF_CLI_ARGS_init=-input=false -plugin-dir="+mirror, "TF_CLI_ARGS_plan=-input=false")
	out, err := shell.CombinedOutput()
	return strings.Join(strings.Fields(string(out)), " ") + "\n", err
}
