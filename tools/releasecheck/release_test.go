package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/cloudconnect-iac/terraform-provider-vcc/tools/targets"
)

var here = targets.Target{OS: runtime.GOOS, Arch: runtime.GOARCH}

// parts is a release in memory, that a test can spoil before it is written. Its program is the test's own.
type parts struct {
	files    map[string][]byte      // of the archive
	modes    map[string]os.FileMode // where they are not the usual ones
	bill     []byte
	manifest []byte
	sums     func(sums []byte) []byte
	sign     func(sums []byte) []byte
	settings map[string]string
}

func newParts(t *testing.T) *parts {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	licenses := "The following:\n\n"
	var listed []map[string]string
	for _, d := range info.Deps {
		licenses += fmt.Sprintf("  %s %s\n", d.Path, d.Version)
		listed = append(listed, map[string]string{"name": d.Path, "versionInfo": d.Version})
	}
	bill, err := json.Marshal(map[string]any{"spdxVersion": "SPDX-2.3", "packages": listed})
	if err != nil {
		t.Fatal(err)
	}
	return &parts{
		files: map[string][]byte{"terraform-provider-vcc_v1.2.3": binary, "LICENSE": nil, "README.md": nil, "CHANGELOG.md": nil, licensesFile: []byte(licenses)},
		modes: map[string]os.FileMode{"terraform-provider-vcc_v1.2.3": 0o755}, bill: bill,
		manifest: []byte(`{"version": 1, "metadata": {"protocol_versions": ["6.0"]}}`),
		sums:     func(sums []byte) []byte { return sums },
		sign:     func(sums []byte) []byte { return sums },
	}
}

// write writes the release, signed by a key.
func (p *parts) write(t *testing.T, key *openpgp.Entity) *release {
	t.Helper()
	r := &release{folder: t.TempDir(), version: "1.2.3", targets: []targets.Target{here}, manifest: p.manifest, settings: p.settings}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for name, content := range p.files {
		header := &zip.FileHeader{Name: name, Method: zip.Store}
		mode := p.modes[name]
		if mode == 0 {
			mode = 0o644
		}
		header.SetMode(mode)
		f, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var sums []byte
	put := func(name string, content []byte) {
		t.Helper()
		sums = fmt.Appendf(sums, "%x  %s\n", sha256.Sum256(content), name)
		if err := os.WriteFile(filepath.Join(r.folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(r.archive(here), archive.Bytes())
	put(r.archive(here)+".sbom.json", p.bill)
	put(r.stem()+"manifest.json", p.manifest)
	sums = p.sums(sums)
	var signature bytes.Buffer
	if err := openpgp.DetachSign(&signature, key, bytes.NewReader(p.sign(sums)), nil); err != nil {
		t.Fatal(err)
	}
	put(r.stem()+"SHA256SUMS", bytes.Clone(sums))
	put(r.stem()+"SHA256SUMS.sig", signature.Bytes())
	return r
}

func newTestKey(t *testing.T) (*openpgp.Entity, []byte) {
	t.Helper()
	key, err := openpgp.NewEntity("Nobody", "", "nobody@example.net", &packet.Config{RSABits: 2048, Time: func() time.Time { return time.Now().Add(-time.Minute) }})
	if err != nil {
		t.Fatal(err)
	}
	var public bytes.Buffer
	if err := key.Serialize(&public); err != nil {
		t.Fatal(err)
	}
	return key, public.Bytes()
}

// A release as it should be passes, and one that is spoilt in one way does not.
func TestCheck(t *testing.T) {
	t.Parallel()
	key, public := newTestKey(t)
	_, foreign := newTestKey(t)
	replaced := func(old, text string) func([]byte) []byte {
		return func(sums []byte) []byte { return bytes.Replace(sums, []byte(old), []byte(text), 1) }
	}
	const binary = "terraform-provider-vcc_v1.2.3"
	for name, test := range map[string]struct {
		spoil func(p *parts)
		key   []byte
		want  string
	}{
		"nothing":               {spoil: func(*parts) {}},
		"another key":           {spoil: func(*parts) {}, key: foreign, want: "the signature does not verify"},
		"sums changed later":    {spoil: func(p *parts) { p.sign = func(sums []byte) []byte { return append(sums, '\n') } }, want: "the signature does not verify"},
		"a file without a sum":  {spoil: func(p *parts) { p.sums = replaced(".zip\n", ".zap\n") }, want: "which is not released"},
		"a sum of another file": {spoil: func(p *parts) { p.sums = func(sums []byte) []byte { return append([]byte("00"), sums[2:]...) } }, want: "the sum of terraform-provider-vcc_1.2.3_"},
		"a file twice":          {spoil: func(p *parts) { p.sums = func(sums []byte) []byte { return append(sums, sums...) } }, want: "was listed before"},
		"no manifest in the sums": {spoil: func(p *parts) {
			p.sums = func(sums []byte) []byte { return sums[:bytes.LastIndexByte(sums[:len(sums)-1], '\n')+1] }
		}, want: "the sum of terraform-provider-vcc_1.2.3_manifest.json"},
		"a manifest of protocol 5":   {spoil: func(p *parts) { p.manifest = []byte(`{"version": 1, "metadata": {"protocol_versions": ["5.0"]}}`) }, want: "protocol 6.0"},
		"a program of another name":  {spoil: func(p *parts) { p.files[program] = p.files[binary]; delete(p.files, binary) }, want: "want [\"CHANGELOG.md\" \"LICENSE\""},
		"no program":                 {spoil: func(p *parts) { delete(p.files, binary) }, want: "want [\"CHANGELOG.md\" \"LICENSE\""},
		"no license":                 {spoil: func(p *parts) { delete(p.files, "LICENSE") }, want: "want [\"CHANGELOG.md\" \"LICENSE\""},
		"a program that nobody runs": {spoil: func(p *parts) { p.modes[binary] = 0o644 }, want: "has the mode -rw-r--r--, want -rwxr-xr-x"},
		"no program of Go":           {spoil: func(p *parts) { p.files[binary] = []byte("#!/bin/sh\n") }, want: binary},
		"built in another way":       {spoil: func(p *parts) { p.settings = map[string]string{"-trimpath": "never"} }, want: "want never"},
		"a module without license":   {spoil: func(p *parts) { p.files[licensesFile] = []byte("none") }, want: licensesFile + " does not list github.com/ProtonMail/go-crypto v"},
		"a bill without materials":   {spoil: func(p *parts) { p.bill = []byte(`{"spdxVersion": "SPDX-2.3", "packages": []}`) }, want: "sbom.json does not list github.com/ProtonMail/go-crypto v"},
		"no bill of materials":       {spoil: func(p *parts) { p.bill = []byte(`{}`) }, want: "want SPDX-2.x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newParts(t)
			test.spoil(p)
			keys := public
			if test.key != nil {
				keys = test.key
			}
			err := p.write(t, key).check(keys)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

// Two builds that differ in one file are not the same.
func TestSame(t *testing.T) {
	t.Parallel()
	key, _ := newTestKey(t)
	p := newParts(t)
	first := p.write(t, key)
	if err := same(first, first); err != nil {
		t.Error(err)
	}
	p.files["README.md"] = []byte("changed")
	if err := same(first, p.write(t, key)); err == nil || !strings.Contains(err.Error(), ".zip differs between two builds") {
		t.Errorf("it ends with %v", err)
	}
}

// A configuration is narrowed to targets, and stays what it is beside them.
func TestNarrow(t *testing.T) {
	t.Parallel()
	to := filepath.Join(t.TempDir(), targets.ConfigFile)
	wanted := []targets.Target{{OS: "linux", Arch: "amd64"}, {OS: "windows", Arch: "amd64"}}
	if err := narrow("../../"+targets.ConfigFile, to, wanted); err != nil {
		t.Fatal(err)
	}
	got, err := targets.Read(filepath.Dir(to))
	if err != nil || len(got) != 2 || got[0] != wanted[0] || got[1] != wanted[1] {
		t.Errorf("%v, %v", got, err)
	}
	all, err := targets.Read("../..")
	if err != nil {
		t.Fatal(err)
	}
	lines := func(name string) int {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(content, []byte("\n"))
	}
	if before, after := lines("../../"+targets.ConfigFile), lines(to); before-after != len(all)-2 {
		t.Errorf("%d lines of %d are left, with 2 of %d targets", after, before, len(all))
	}
	for _, only := range []string{"plan9_amd64", "linux", "windows_386"} {
		if list, err := chosen("../..", []string{only}); err == nil {
			t.Errorf("%s is taken for %v", only, list)
		}
	}
}
