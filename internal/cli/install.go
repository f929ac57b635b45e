package cli

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// Where a CLI looks for a provider whose source names no registry: each has its own in mind.
var registries = []string{"registry.terraform.io", "registry.opentofu.org"}

// providerSource is how configurations name the provider.
const providerSource = "cloudconnect-iac/vcc"

// developmentVersion is the version that a program which no release made has in a mirror: the one that the
// configurations in the documents ask for.
const developmentVersion = "0.1.0"

var (
	releaseForm = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)
	// commitForm is how Go writes the version of a commit, at the end.
	commitForm = regexp.MustCompile(`[-.]\d{14}-[0-9a-f]{12}$`)
)

// isRelease reports whether a version is that of a release, and not of a commit or of changed sources.
func isRelease(version string) bool {
	return releaseForm.MatchString(version) && !commitForm.MatchString(version)
}

// mirror is the folder that init looks into.
type mirror struct {
	Dir string `placeholder:"DIR" help:"Another folder than the one that Terraform and OpenTofu look into by themselves."`
}

// folders returns the absolute paths of the mirrors that are meant; the first one is installed into.
func (m mirror) folders() ([]string, error) {
	if m.Dir != "" {
		dir, err := filepath.Abs(m.Dir)
		return []string{dir}, err
	}
	return impliedMirrors()
}

// impliedMirrors returns the folders that both CLIs look into with nothing configured. The first one is that in
// .terraform.d, except where making .terraform.d would hide the configuration of an OpenTofu that follows the XDG
// specification: then it is the one for data.
//
// Sources: "CLI Configuration File (.terraformrc or terraform.rc)", section Implied Local Mirror Directories, in the
// documentation of both; cliconfig.ConfigDir of OpenTofu.
func impliedMirrors() ([]string, error) {
	if runtime.GOOS == "windows" {
		dir, err := os.UserConfigDir()
		return []string{filepath.Join(dir, "terraform.d", "plugins")}, err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(home, "Library", "Application Support", "io.terraform", "plugins")
	if runtime.GOOS != "darwin" {
		data = os.Getenv("XDG_DATA_HOME")
		if !filepath.IsAbs(data) { // as the specification has it
			data = filepath.Join(home, ".local", "share")
		}
		data = filepath.Join(data, "terraform", "plugins")
	}
	configuration := filepath.Join(home, ".terraform.d")
	folders := []string{filepath.Join(configuration, "plugins"), data}
	if _, err := os.Stat(configuration); err != nil && os.Getenv("XDG_CONFIG_HOME") != "" {
		slices.Reverse(folders)
	}
	return folders, nil
}

// executable is the name of the provider's file of a version.
func executable(version string) string {
	name := programName + "_v" + version
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return name
}

var platform = runtime.GOOS + "_" + runtime.GOARCH

type installCmd struct {
	fileCommand
	mirror
	AsVersion string `placeholder:"VERSION" help:"Version under which a development build is installed (default: ${developmentVersion}); set it if your configuration requires another one."`
	Force     bool   `help:"Overwrite a different file that is installed under this version. A development build always does."`
}

// Help says what comes of it.
func (installCmd) Help() string {
	return "It is copied for both CLIs, and the output says where to, and what to write into a configuration. " +
		"With --dir=DIR init needs -plugin-dir=DIR, or a filesystem_mirror in the CLI's configuration. " +
		"While it is there, init takes the provider from there alone; " + programName + " uninstall gives way to the registry again."
}

// Run installs the program that runs.
func (c installCmd) Run(s *session) error {
	version, err := c.version(s.version)
	if err != nil {
		return err
	}
	folders, err := c.folders()
	if err != nil {
		return fmt.Errorf("there is no folder to install into: %w; name one with --dir", err)
	}
	folder := folders[0]
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("this program does not find its own file: %w", err)
	}
	var files []string
	for _, registry := range registries {
		files = append(files, filepath.Join(providerFolder(folder, registry), version, platform, executable(version)))
	}
	same := make([]bool, len(files))
	for i, file := range files { // before anything is written
		different := false
		if same[i], different, err = compareFiles(program, file); err != nil {
			return fmt.Errorf("%s cannot be compared with this program: %w; nothing was changed", file, err)
		}
		if different && isRelease(s.version) && !c.Force {
			return fmt.Errorf("%s is another file of version %s; nothing was changed. Replace it with --force, or remove all versions with %s uninstall", file, version, programName)
		}
	}
	for i, file := range files {
		if same[i] {
			continue
		}
		if err := copyFile(program, file, folder); err != nil {
			before := ""
			if i > 0 && !same[0] {
				before = "; " + files[0] + " was"
			}
			return fmt.Errorf("%s was not written: %w%s", file, err, before)
		}
	}
	_, _ = fmt.Fprintf(s.stdout, "%s, as version %s:\n", programName, version)
	for i, file := range files {
		_, _ = fmt.Fprintf(s.stdout, "  %s %s\n", map[bool]string{true: "was there: ", false: "written to:"}[same[i]], file)
	}
	_, err = fmt.Fprintf(s.stdout, `
Put this into a configuration, and run terraform init or tofu init%s:

terraform {
  required_providers {
    vcc = {
      source  = %q
      version = %q
    }
  }
}

If init says that a checksum does not match, .terraform.lock.hcl is of another
file of version %s: delete the provider's block there, and run init again.
`, c.option(folder), providerSource, constraint(version), version)
	if !isRelease(s.version) {
		_, _ = fmt.Fprintf(s.stdout, "\nNo release made this program. For a configuration that asks for another version\ngive that with --as-version, such as --as-version 1.2.3.\n")
	}
	if c.Dir == "" {
		warnOfConfigurations(s, folder)
	}
	for _, other := range folders[1:] {
		if hasProvider(other) {
			tell(s.stderr, fmt.Sprintf("Warning: init looks into %s, too, and the provider is there as well. %s uninstall removes both", other, programName))
		}
	}
	return err
}

// version returns the version to install as.
func (c installCmd) version(program string) (string, error) {
	switch {
	case c.AsVersion == "" && isRelease(program):
		return program, nil
	case c.AsVersion == "":
		return developmentVersion, nil
	case isRelease(program) && c.AsVersion != program:
		return "", usageError(fmt.Sprintf("--as-version is for programs that no release made, and this is release %s", program))
	case c.AsVersion == "0.0.0":
		return "", usageError("--as-version: to init 0.0.0 is no version; use another, such as " + developmentVersion)
	case !releaseForm.MatchString(c.AsVersion):
		return "", usageError(fmt.Sprintf("--as-version: %q is not a version; write it like 1.2.3", c.AsVersion))
	}
	return c.AsVersion, nil
}

// constraint is what a configuration requires to get a version: it, and later ones that promise the same.
func constraint(version string) string {
	if strings.Contains(version, "-") { // which init takes only where it is asked for exactly
		return version
	}
	return "~> " + version
}

// providerFolder is the folder of the provider's versions in a mirror.
func providerFolder(folder, registry string) string {
	return filepath.Join(folder, registry, filepath.FromSlash(providerSource))
}

// hasProvider reports whether a mirror has a version of the provider.
func hasProvider(folder string) bool {
	return slices.ContainsFunc(registries, func(registry string) bool {
		entries, err := os.ReadDir(providerFolder(folder, registry))
		return err == nil && len(entries) > 0
	})
}

// option is what init needs to find a folder.
func (c installCmd) option(folder string) string {
	if c.Dir == "" {
		return ""
	}
	return "\nwith -plugin-dir=\"" + folder + "\""
}

// compareFiles reports whether two files have the same content, or whether the second one, which need not exist, has
// another one.
func compareFiles(program, file string) (same, different bool, err error) {
	want, err := digest(program)
	if err != nil {
		return false, false, err
	}
	got, err := digest(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, false, nil
	case err != nil:
		return false, false, err
	}
	same = bytes.Equal(got, want)
	return same, !same, nil
}

func digest(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // what was read has been read
	hash := sha256.New()
	_, err = io.Copy(hash, file)
	return hash.Sum(nil), err
}

// copyFile copies a program at once or not at all. What is not complete stands in the mirror's own folder, in which a
// CLI looks for nothing: beside the program it would count into the checksum of the package.
func copyFile(program, file, folder string) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // for everybody, as a CLI makes it
		return err
	}
	from, err := os.Open(program)
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // what was read has been read
	to, err := os.CreateTemp(folder, ".install-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(to.Name()))
		}
	}()
	_, err = io.Copy(to, from)
	if err == nil {
		err = to.Sync()
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return err
	}
	if err := os.Chmod(to.Name(), 0o755); err != nil { //nolint:gosec // a program
		return err
	}
	return os.Rename(to.Name(), file)
}

// warnOfConfigurations names the files in which a user has said where providers come from: then a CLI does not look
// into the folder by itself.
func warnOfConfigurations(s *session, folder string) {
	files := []string{os.Getenv("TF_CLI_CONFIG_FILE")}
	if files[0] == "" {
		files = configurationFiles()
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte("provider_installation")) { //nolint:gosec // the user's own file
			tell(s.stderr, fmt.Sprintf("Warning: %s has provider_installation. Unless it names this folder as a filesystem_mirror, init does not look there: %s", file, folder))
		}
	}
}

func configurationFiles() []string {
	if dir, err := os.UserConfigDir(); runtime.GOOS == "windows" && err == nil {
		return []string{filepath.Join(dir, "terraform.rc"), filepath.Join(dir, "tofu.rc")}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	files := []string{filepath.Join(home, ".terraformrc"), filepath.Join(home, ".tofurc")}
	if dir := os.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		files = append(files, filepath.Join(dir, "opentofu", "tofurc"))
	}
	return files
}

type uninstallCmd struct {
	fileCommand
	mirror
}

// Run removes what install made, of every version for this platform, and the folders that are empty then.
func (c uninstallCmd) Run(s *session) error {
	folders, err := c.folders()
	if err != nil {
		return fmt.Errorf("there is no folder to remove from: %w; name one with --dir", err)
	}
	removed := false
	for _, folder := range folders {
		for _, registry := range registries {
			found, err := removeProvider(s, folder, registry)
			if err != nil {
				return err
			}
			removed = removed || found
		}
	}
	if !removed {
		_, _ = fmt.Fprintln(s.stdout, "Nothing is installed in", strings.Join(folders, " or "))
	}
	return nil
}

// removeProvider removes the provider's files from a mirror, and reports whether there were any.
func removeProvider(s *session, folder, registry string) (removed bool, err error) {
	provider := providerFolder(folder, registry)
	versions, err := os.ReadDir(provider)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	for _, version := range versions {
		if found, err := os.Stat(filepath.Join(provider, version.Name())); err != nil || !found.IsDir() {
			continue // a mirror has files about its versions there
		}
		file := filepath.Join(provider, version.Name(), platform, executable(version.Name()))
		err := os.Remove(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return removed, err
		}
		removed = true
		_, _ = fmt.Fprintln(s.stdout, "Removed", file)
		for dir := filepath.Dir(file); strings.HasPrefix(dir, folder+string(filepath.Separator)); dir = filepath.Dir(dir) {
			if os.Remove(dir) != nil { // something else is there
				break
			}
		}
	}
	return removed, nil
}
