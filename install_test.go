package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const configuration = `
provider "vcc" {
  embedded = {}
}

resource "vcc_default_gateway" "app" {
  network_name = "VMware Silver network 1"

  ipv4 = {
    address     = "172.17.54.1"
    subnet_mask = "255.255.255.0"
  }
}
`

// stranger is somebody with an empty home, and with one of the CLIs.
type stranger struct {
	t    *testing.T
	home string
	cli  string
	env  []string
}

func newStranger(t *testing.T) *stranger {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("Acceptance tests skipped unless env 'TF_ACC' set")
	}
	s := &stranger{t: t, home: t.TempDir(), cli: os.Getenv("TF_ACC_TERRAFORM_PATH")}
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !strings.HasPrefix(name, "TF_") && !strings.HasPrefix(name, "VCC_") && !strings.HasPrefix(name, "XDG_") && name != "HOME" {
			s.env = append(s.env, v)
		}
	}
	s.env = append(s.env, "HOME="+s.home, "AppData="+s.home, "CHECKPOINT_DISABLE=1")
	return s
}

// run runs a program in a folder.
func (s *stranger) run(folder, program string, args ...string) (out string, err error) {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), program, args...)
	command.Dir, command.Env = folder, s.env
	output, err := command.CombinedOutput()
	return string(output), err
}

// done is run for what must succeed.
func (s *stranger) done(folder, program string, args ...string) string {
	s.t.Helper()
	out, err := s.run(folder, program, args...)
	if err != nil {
		s.t.Fatalf("%s %v: %v\n%s", filepath.Base(program), args, err, out)
	}
	return out
}

// folder makes a folder with a configuration.
func (s *stranger) folder(text string) string {
	s.t.Helper()
	dir := s.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return dir
}

// plans checks that the provider plans in a folder.
func (s *stranger) plans(folder string) {
	s.t.Helper()
	if out := s.done(folder, s.cli, "plan", "-no-color"); !strings.Contains(out, "Plan: 1 to add, 0 to change, 0 to destroy.") {
		s.t.Errorf("it plans\n%s", out)
	}
}

// program copies this test to a file, which is the program, in a version.
func (s *stranger) program(version string) string {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	content, err := os.ReadFile(self)
	if err != nil {
		s.t.Fatal(err)
	}
	name := filepath.Join(s.t.TempDir(), "terraform-provider-vcc")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if err := os.WriteFile(name, content, 0o700); err != nil {
		s.t.Fatal(err)
	}
	s.env = append(s.env, asProgram+"=1", asVersion+"="+version)
	return name
}

// block is the part of what install prints that goes into a configuration.
func block(t *testing.T, printed string) string {
	t.Helper()
	_, text, found := strings.Cut(printed, "\nterraform {\n")
	text, _, ended := strings.Cut(text, "\n}\n")
	if !found || !ended {
		t.Fatalf("there is no block in\n%s", printed)
	}
	return "terraform {\n" + text + "\n}\n"
}

// TestAccInstall: a release that installs itself is found by init with what it prints, and a lock of another build of
// the same version is what it says it is.
func TestAccInstall(t *testing.T) {
	s := newStranger(t)
	program := s.program("1.2.3")
	folder := s.folder(block(t, s.done(s.home, program, "install")) + configuration)
	s.done(folder, s.cli, "init", "-no-color")
	s.plans(folder)

	// Other bytes behind a program do not change what it does.
	file, err := os.OpenFile(program, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteString("another build")
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	if out, err := s.run(s.home, program, "install"); err == nil || !strings.Contains(out, "is another file of version 1.2.3; nothing was changed") {
		t.Errorf("another build: %v, %s", err, out)
	}
	s.done(s.home, program, "install", "--force")
	if err := os.RemoveAll(filepath.Join(folder, ".terraform")); err != nil {
		t.Fatal(err)
	}
	if out, err := s.run(folder, s.cli, "init", "-no-color"); err == nil || !strings.Contains(out, "checksum") {
		t.Errorf("init with the lock of another build: %v, %s", err, out)
	}
	if err := os.Remove(filepath.Join(folder, ".terraform.lock.hcl")); err != nil {
		t.Fatal(err)
	}
	s.done(folder, s.cli, "init", "-no-color")
	s.plans(folder)

	s.done(s.home, program, "uninstall")
	left, err := os.ReadDir(filepath.Join(s.home, ".terraform.d", "plugins"))
	if runtime.GOOS != "windows" && (err != nil || len(left) > 0) {
		t.Errorf("uninstall leaves %v, %v", left, err)
	}
}

// TestAccInstallPrerelease: init takes a prerelease if it is told exactly, as the printed block does.
func TestAccInstallPrerelease(t *testing.T) {
	s := newStranger(t)
	folder := s.folder(block(t, s.done(s.home, s.program("2.0.0-rc.1"), "install")) + configuration)
	s.done(folder, s.cli, "init", "-no-color")
	s.plans(folder)
}

// TestAccGoInstall: what `go install` makes, which no release is, is found by a configuration that asks for no version,
// and as the version that one asks for.
func TestAccGoInstall(t *testing.T) {
	s := newStranger(t)
	sources, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	// The toolchain's caches are not the home's.
	values, err := exec.CommandContext(t.Context(), "go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPATH").Output()
	if err != nil {
		t.Fatal(err)
	}
	var caches map[string]string
	if err := json.Unmarshal(values, &caches); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(s.home, "go", "bin")
	for name, value := range caches {
		s.env = append(s.env, name+"="+value)
	}
	s.env = append(s.env, "GOBIN="+bin)
	s.done(sources, "go", "install", ".")
	program := filepath.Join(bin, "terraform-provider-vcc")

	printed := s.done(s.home, program, "install")
	const none = "terraform {\n  required_providers {\n    vcc = { source = \"cloudconnect-iac/vcc\" }\n  }\n}\n"
	for name, text := range map[string]string{"the printed block": block(t, printed), "no version": none} {
		folder := s.folder(text + configuration)
		out := s.done(folder, s.cli, "init", "-no-color")
		if !strings.Contains(out, "v0.1.0") {
			t.Errorf("%s: init says\n%s", name, out)
		}
		s.plans(folder)
	}
	s.done(s.home, program, "install", "--as-version", "0.3.1")
	folder := s.folder(strings.Replace(none, `vcc"`, `vcc", version = "~> 0.3"`, 1) + configuration)
	s.done(folder, s.cli, "init", "-no-color")
	s.plans(folder)
}

// TestGoInstallLatest: `go install MODULE@latest` takes no module that replaces or excludes others.
func TestGoInstallLatest(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(context.Background(), "go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var module struct {
		Module           struct{ Path string }
		Replace, Exclude []any
	}
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	if module.Module.Path != "github.com/cloudconnect-iac/terraform-provider-vcc" || len(module.Replace)+len(module.Exclude) > 0 {
		t.Errorf("go.mod has %+v", module)
	}
}

// TestAccDevOverrides: those who build name their folder, and need no init.
func TestAccDevOverrides(t *testing.T) {
	s := newStranger(t)
	program := s.program("dev")
	file := filepath.Join(s.home, "dev.tfrc")
	text := "provider_installation {\n  dev_overrides {\n    \"cloudconnect-iac/vcc\" = \"" + filepath.ToSlash(filepath.Dir(program)) + "\"\n  }\n  direct {}\n}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.env = append(s.env, "TF_CLI_CONFIG_FILE="+file)
	s.plans(s.folder("terraform {\n  required_providers {\n    vcc = { source = \"cloudconnect-iac/vcc\" }\n  }\n}\n" + configuration))
	if out := s.done(s.home, program, "install"); !strings.Contains(out, "Warning: "+file+" has provider_installation.") {
		t.Errorf("install beside the overrides says\n%s", out)
	}
}
