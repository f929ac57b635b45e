package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/tools/targets"
)

const (
	program      = "terraform-provider-vcc"
	licensesFile = "THIRD_PARTY_LICENSES.txt"
	manifestFile = "terraform-registry-manifest.json"
)

// beside are the files of an archive beside the program.
var beside = []string{"CHANGELOG.md", "LICENSE", "README.md", licensesFile}

// ofReleases are the settings that the programs of releases are built with.
var ofReleases = map[string]string{"CGO_ENABLED": "0", "-trimpath": "true"}

// release is what GoReleaser has made.
type release struct {
	folder   string
	version  string
	targets  []targets.Target
	manifest []byte
	settings map[string]string // of programs
}

// stem begins the names of all files.
func (r *release) stem() string { return program + "_" + r.version + "_" }

func (r *release) archive(t targets.Target) string { return r.stem() + t.String() + ".zip" }

// names are those of the files that both builds have the same: all but the signature, in which the time is.
func (r *release) names() []string {
	var names []string
	for _, t := range r.targets {
		names = append(names, r.archive(t), r.archive(t)+".sbom.json")
	}
	slices.Sort(names)
	return append(names, r.stem()+"SHA256SUMS")
}

// check checks all but what needs a second build or a CLI.
func (r *release) check(key []byte) error {
	errs := []error{r.checkSums(), r.checkSignature(key)}
	for _, t := range r.targets {
		errs = append(errs, r.checkArchive(t))
	}
	return errors.Join(errs...)
}

// checkSums checks that the sums are those of all files, and of the manifest under the name that it is released by.
func (r *release) checkSums() error {
	sums, err := os.ReadFile(filepath.Join(r.folder, r.stem()+"SHA256SUMS"))
	if err != nil {
		return err
	}
	listed := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		sum, name, found := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if _, twice := listed[name]; !found || twice {
			return fmt.Errorf("the sums have the line %q, which is no sum or one of a file that was listed before", line)
		}
		listed[name] = sum
	}
	var errs []error
	expect := func(name, sum string) {
		if listed[name] != sum {
			errs = append(errs, fmt.Errorf("the sum of %s is %s, and the sums have %q", name, sum, listed[name]))
		}
		delete(listed, name)
	}
	for _, name := range r.names()[:len(r.names())-1] {
		sum, err := sumOf(filepath.Join(r.folder, name))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		expect(name, sum)
	}
	expect(r.stem()+"manifest.json", fmt.Sprintf("%x", sha256.Sum256(r.manifest)))
	for name := range listed {
		errs = append(errs, fmt.Errorf("the sums list %s, which is not released", name))
	}
	var manifest struct {
		Version  int `json:"version"`
		Metadata struct {
			ProtocolVersions []string `json:"protocol_versions"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(r.manifest, &manifest); err != nil || manifest.Version != 1 || !slices.Equal(manifest.Metadata.ProtocolVersions, []string{"6.0"}) {
		errs = append(errs, fmt.Errorf("the manifest is not that of a provider with protocol 6.0: %s", r.manifest))
	}
	return errors.Join(errs...)
}

// checkSignature verifies the signature of the sums with the library that CLIs verify it with.
func (r *release) checkSignature(key []byte) error {
	keys, err := openpgp.ReadKeyRing(bytes.NewReader(key))
	if err != nil {
		return fmt.Errorf("the key: %w", err)
	}
	sums, err := os.ReadFile(filepath.Join(r.folder, r.stem()+"SHA256SUMS"))
	if err != nil {
		return err
	}
	signature, err := os.ReadFile(filepath.Join(r.folder, r.stem()+"SHA256SUMS.sig"))
	if err != nil {
		return err
	}
	if _, err := openpgp.CheckDetachedSignature(keys, bytes.NewReader(sums), bytes.NewReader(signature), nil); err != nil {
		return fmt.Errorf("the signature does not verify: %w", err)
	}
	return nil
}

// checkArchive checks what is in a target's archive, and its bill of materials.
func (r *release) checkArchive(t targets.Target) error {
	name := r.archive(t)
	archive, err := zip.OpenReader(filepath.Join(r.folder, name))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer archive.Close() //nolint:errcheck // it was only read
	binary := program + "_v" + r.version
	if t.OS == "windows" {
		binary += ".exe"
	}
	content := map[string][]byte{}
	for _, f := range archive.File {
		if content[f.Name], err = unpack(f); err != nil {
			return fmt.Errorf("%s: %s: %w", name, f.Name, err)
		}
		want := fs.FileMode(0o644)
		if f.Name == binary {
			want = 0o755
		}
		if f.Mode() != want {
			err = fmt.Errorf("%s: %s has the mode %s, want %s", name, f.Name, f.Mode(), want)
			return err
		}
	}
	want := slices.Sorted(slices.Values(append([]string{binary}, beside...)))
	var got []string
	for _, f := range archive.File {
		got = append(got, f.Name)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		return fmt.Errorf("%s has %q, want %q", name, got, want)
	}
	modules, err := r.checkProgram(t, content[binary])
	if err != nil {
		return fmt.Errorf("%s: %s: %w", name, binary, err)
	}
	bill, err := os.ReadFile(filepath.Join(r.folder, name+".sbom.json"))
	if err != nil {
		return err
	}
	materials, err := packages(bill)
	if err != nil {
		return fmt.Errorf("%s.sbom.json: %w", name, err)
	}
	var errs []error
	for _, m := range modules {
		if !bytes.Contains(content[licensesFile], []byte("\n  "+m.path+" "+m.version+"\n")) {
			errs = append(errs, fmt.Errorf("%s: %s does not list %s %s", name, licensesFile, m.path, m.version))
		}
		if !slices.Contains(materials, m) {
			errs = append(errs, fmt.Errorf("%s.sbom.json does not list %s %s", name, m.path, m.version))
		}
	}
	return errors.Join(errs...)
}

func unpack(f *zip.File) ([]byte, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close() //nolint:errcheck // it was only read
	return io.ReadAll(in)
}

// version is a module that is linked.
type version struct{ path, version string }

// checkProgram checks how a program was built, and returns the modules that are linked into it.
func (r *release) checkProgram(t targets.Target, content []byte) ([]version, error) {
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	var errs []error
	expect := func(key, want string) {
		if settings[key] != want {
			errs = append(errs, fmt.Errorf("it was built with %s=%s, want %s", key, settings[key], want))
		}
	}
	expect("GOOS", t.OS)
	expect("GOARCH", t.Arch)
	for key, want := range r.settings {
		expect(key, want)
	}
	if len(info.Deps) == 0 {
		errs = append(errs, errors.New("it names no modules"))
	}
	var modules []version
	for _, d := range info.Deps {
		modules = append(modules, version{d.Path, d.Version})
	}
	return modules, errors.Join(errs...)
}

// packages are what a bill of materials lists, in SPDX's JSON.
func packages(bill []byte) ([]version, error) {
	var document struct {
		SPDXVersion string `json:"spdxVersion"`
		Packages    []struct {
			Name        string `json:"name"`
			VersionInfo string `json:"versionInfo"`
		} `json:"packages"`
	}
	if err := json.Unmarshal(bill, &document); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(document.SPDXVersion, "SPDX-2.") {
		return nil, fmt.Errorf("its version is %q, want SPDX-2.x", document.SPDXVersion)
	}
	var list []version
	for _, p := range document.Packages {
		list = append(list, version{p.Name, p.VersionInfo})
	}
	return list, nil
}

// same checks that two builds have made the same.
func same(first, second *release) error {
	if first.version != second.version {
		return fmt.Errorf("the versions of two builds are %s and %s", first.version, second.version)
	}
	var errs []error
	for _, name := range first.names() {
		a, err := sumOf(filepath.Join(first.folder, name))
		b, otherErr := sumOf(filepath.Join(second.folder, name))
		if err = cmp.Or(err, otherErr); err == nil && a != b {
			err = fmt.Errorf("%s differs between two builds of one commit: %s, %s", name, a, b)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// sumOf is a file's SHA-256, in hexadecimal.
func sumOf(name string) (string, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}
