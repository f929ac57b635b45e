package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/cli"
)

// home makes an empty home, and returns it and the folder that the CLIs look into there.
func home(t *testing.T) (dir, mirror string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"XDG_CONFIG_HOME", "XDG_DATA_HOME", "TF_CLI_CONFIG_FILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", dir)
	t.Setenv("AppData", dir)
	if runtime.GOOS == "windows" {
		return dir, filepath.Join(dir, "terraform.d", "plugins")
	}
	return dir, filepath.Join(dir, ".terraform.d", "plugins")
}

// places are the folders of a home that both CLIs look into, as uninstall names them.
func places(dir, mirror string) string {
	switch runtime.GOOS {
	case "windows":
		return mirror
	case "darwin":
		return mirror + " or " + filepath.Join(dir, "Library", "Application Support", "io.terraform", "plugins")
	}
	return mirror + " or " + filepath.Join(dir, ".local", "share", "terraform", "plugins")
}

// installed are the files of a version in a mirror.
func installed(mirror, version string) (files []string) {
	name := "terraform-provider-vcc_v" + version
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	for _, registry := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		files = append(files, filepath.Join(mirror, registry, "cloudconnect-iac", "vcc", version, runtime.GOOS+"_"+runtime.GOARCH, name))
	}
	return files
}

// filesIn lists the files below a folder.
func filesIn(t *testing.T, dir string) (files []string) {
	t.Helper()
	ok(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	}))
	return files
}

func runVersion(t *testing.T, version string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := cli.Run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, version)
	return result{status, stdout.String(), stderr.String()}
}

func TestInstall(t *testing.T) {
	dir, mirror := home(t)
	files := installed(mirror, "1.2.3")
	const next = `
Put this into a configuration, and run terraform init or tofu init:

terraform {
  required_providers {
    vcc = {
      source  = "cloudconnect-iac/vcc"
      version = "~> 1.2.3"
    }
  }
}

If init says that a checksum does not match, .terraform.lock.hcl is of another
file of version 1.2.3: delete the provider's block there, and run init again.
`
	says := func(what string) result {
		return result{0, "terraform-provider-vcc, as version 1.2.3:\n  " + what + " " + files[0] + "\n  " + what + " " + files[1] + "\n" + next, ""}
	}
	equal(t, "first", typed(t, "install"), says("written to:"))
	program, err := os.Executable()
	ok(t, err)
	want, err := os.ReadFile(program)
	ok(t, err)
	for _, file := range files {
		got, err := os.ReadFile(file)
		ok(t, err)
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not this program", file)
		}
		if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o755 {
			t.Errorf("it has the mode %v, %v", info.Mode(), err)
		}
	}
	equal(t, "files", len(filesIn(t, dir)), 2)
	equal(t, "again", typed(t, "install"), says("was there: "))

	ok(t, os.WriteFile(files[1], []byte("another build"), 0o600))
	equal(t, "over another file", typed(t, "install"), result{1, "", "Error: " + files[1] + " is another file of version 1.2.3; nothing was changed. " +
		"Replace it with --force, or remove all versions with terraform-provider-vcc uninstall\n"})
	half := says("was there: ")
	half.stdout = strings.Replace(half.stdout, "was there:  "+files[1], "written to: "+files[1], 1)
	equal(t, "by force", typed(t, "install --force"), half)

	other := filepath.Join(mirror, "registry.terraform.io", "somebody", "else")
	ok(t, os.MkdirAll(other, 0o755))
	equal(t, "uninstall", typed(t, "uninstall"), result{0, "Removed " + files[0] + "\nRemoved " + files[1] + "\n", ""})
	left, err := filepath.Glob(filepath.Join(mirror, "*", "*"))
	ok(t, err)
	equal(t, "what is left", left, []string{filepath.Dir(other)})
	equal(t, "uninstall again", typed(t, "uninstall"), result{0, "Nothing is installed in " + places(dir, mirror) + "\n", ""})
}

// What no release made has a version that init takes without being told, and gives way to the next one.
func TestInstallDevelopment(t *testing.T) {
	_, mirror := home(t)
	for _, version := range []string{"dev", "0.0.0-20260131235959-0123456789ab", "1.2.4-0.20260131235959-0123456789ab", "1.2.3+dirty", "1.3.0-rc.1.0.20260131235959-0123456789ab+dirty"} {
		files := installed(mirror, "0.1.0")
		for _, file := range files {
			ok(t, os.MkdirAll(filepath.Dir(file), 0o755))
			ok(t, os.WriteFile(file, []byte("an older build"), 0o600))
		}
		r := runVersion(t, version, "install")
		if r.status != 0 || strings.Count(r.stdout, "written to: ") != 2 || !strings.Contains(r.stdout, `version = "~> 0.1.0"`) {
			t.Errorf("%s: %+v", version, r)
		}
		equal(t, "files", len(filesIn(t, mirror)), 2)
	}
	r := runVersion(t, "dev", "install", "--as-version", "1.2.3")
	if r.status != 0 || !strings.Contains(r.stdout, `version = "~> 1.2.3"`) {
		t.Errorf("%+v", r)
	}
	equal(t, "files", len(filesIn(t, mirror)), 4)
	r = runVersion(t, "1.3.0-rc.1", "install")
	if r.status != 0 || !strings.Contains(r.stdout, `version = "1.3.0-rc.1"`) {
		t.Errorf("a prerelease: %+v", r)
	}
	equal(t, "another version", runVersion(t, "1.2.3", "install", "--as-version", "2.0.0"), result{2, "", "Error: --as-version is for programs that no release made, and this is release 1.2.3\n"})
	equal(t, "0.0.0", runVersion(t, "dev", "install", "--as-version", "0.0.0"), result{2, "", "Error: --as-version: to init 0.0.0 is no version; use another, such as 0.1.0\n"})
	for _, wrong := range []string{"1.2", "v1.2.3", "1.2.3+x", "../1.2.3", "01.2.3"} {
		r := runVersion(t, "dev", "install", "--as-version", wrong)
		equal(t, wrong, r, result{2, "", "Error: --as-version: \"" + wrong + "\" is not a version; write it like 1.2.3\n"})
	}
	equal(t, "removed", strings.Count(typed(t, "uninstall").stdout, "Removed "), 6)
	equal(t, "files", filesIn(t, mirror), []string(nil))
}

func TestInstallElsewhere(t *testing.T) {
	dir, mirror := home(t)
	folder := filepath.Join(t.TempDir(), "my mirror")
	out := done(t, "install --dir '"+folder+"'")
	if !strings.Contains(out, "run terraform init or tofu init\nwith -plugin-dir=\""+folder+"\":\n") {
		t.Error(out)
	}
	equal(t, "files", filesIn(t, folder), []string{installed(folder, "1.2.3")[1], installed(folder, "1.2.3")[0]}) // in the order of their names
	equal(t, "files at home", filesIn(t, dir), []string(nil))
	list := filepath.Join(folder, "registry.terraform.io", "cloudconnect-iac", "vcc", ".index.json") // as a mirror has one
	ok(t, os.WriteFile(list, nil, 0o600))
	done(t, "uninstall --dir '"+folder+"'")
	equal(t, "files", filesIn(t, folder), []string{list})
	equal(t, "elsewhere", done(t, "uninstall"), "Nothing is installed in "+places(dir, mirror)+"\n")
}

// Where .terraform.d would hide the configuration of an OpenTofu that follows the XDG specification, none is made.
func TestInstallBesideXDG(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("they have other folders")
	}
	dir, mirror := home(t)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	data := filepath.Join(dir, ".local", "share", "terraform", "plugins")
	done(t, "install")
	equal(t, "files", len(filesIn(t, data)), 2)
	done(t, "uninstall")
	t.Setenv("XDG_DATA_HOME", filepath.Join(dir, "data"))
	done(t, "install")
	equal(t, "files", len(filesIn(t, filepath.Join(dir, "data", "terraform", "plugins"))), 2)
	done(t, "uninstall")
	equal(t, "files", filesIn(t, dir), []string(nil))
	// Then Terraform makes .terraform.d: what was installed before is found there, named and removed.
	t.Setenv("XDG_DATA_HOME", "")
	done(t, "install")
	ok(t, os.Mkdir(filepath.Join(dir, ".terraform.d"), 0o755))
	equal(t, "warning", typed(t, "install").stderr,
		"Warning: init looks into "+data+", too, and the provider is there as well. terraform-provider-vcc uninstall removes both\n")
	equal(t, "files", []int{len(filesIn(t, mirror)), len(filesIn(t, data))}, []int{2, 2})
	equal(t, "removed", strings.Count(done(t, "uninstall"), "Removed "), 4)
	equal(t, "files", filesIn(t, dir), []string(nil))
}

// A configuration of the CLI that says where providers come from is named.
func TestInstallBesideConfiguration(t *testing.T) {
	dir, mirror := home(t)
	name := filepath.Join(dir, ".terraformrc")
	if runtime.GOOS == "windows" {
		name = filepath.Join(dir, "terraform.rc")
	}
	ok(t, os.WriteFile(name, []byte("plugin_cache_dir = \"/tmp\"\n"), 0o600))
	equal(t, "of something else", typed(t, "install").stderr, "")
	ok(t, os.WriteFile(name, []byte("provider_installation {\n  direct {}\n}\n"), 0o600))
	warning := " has provider_installation. Unless it names this folder as a filesystem_mirror, init does not look there: " + mirror + "\n"
	equal(t, "warning", typed(t, "install").stderr, "Warning: "+name+warning)
	other := filepath.Join(t.TempDir(), "other.tfrc")
	t.Setenv("TF_CLI_CONFIG_FILE", other)
	equal(t, "a file that is not there", typed(t, "install").stderr, "")
	ok(t, os.WriteFile(other, []byte("provider_installation {}\n"), 0o600))
	equal(t, "warning", typed(t, "install").stderr, "Warning: "+other+warning)
}

// What fails leaves no half a file.
func TestInstallFails(t *testing.T) {
	_, mirror := home(t)
	files := installed(mirror, "1.2.3")
	ok(t, os.MkdirAll(filepath.Join(files[1], "in the way"), 0o755)) // a folder where a file belongs
	r := typed(t, "install")
	if r.status != 1 || r.stdout != "" || !strings.Contains(r.stderr, files[1]) || !strings.Contains(r.stderr, "nothing was changed") {
		t.Errorf("%+v", r)
	}
	equal(t, "files", filesIn(t, mirror), []string(nil))
	ok(t, os.RemoveAll(mirror))
	ok(t, os.WriteFile(mirror, nil, 0o600))
	r = typed(t, "install")
	if r.status != 1 || r.stdout != "" || !strings.Contains(r.stderr, "not a directory") {
		t.Errorf("%+v", r)
	}
	t.Setenv("HOME", "")
	t.Setenv("AppData", "")
	for _, command := range []string{"install", "uninstall"} {
		r = typed(t, command)
		if r.status != 1 || r.stdout != "" || !strings.Contains(r.stderr, "name one with --dir") {
			t.Errorf("%s without a home: %+v", command, r)
		}
	}
}
