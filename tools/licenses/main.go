// Licenses writes the licenses of everything that a release links: of Go's own library, and of each module that a
// package comes from, on any of the systems that releases are built for.
//
//	go run ./licenses ROOT FILE
//
// It takes them from the module cache, and fails if a module has none: such a module must not be shipped. The
// text depends on the modules and on Go's version alone.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/tools/targets"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: licenses ROOT FILE")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root, file string) error {
	systems, err := targets.Read(root)
	if err != nil {
		return err
	}
	all := map[string]*module{}
	for _, system := range systems {
		if err := linked(ctx, root, system, all); err != nil {
			return err
		}
	}
	toolchain, err := goLibrary(ctx, root)
	if err != nil {
		return err
	}
	list := slices.SortedFunc(maps.Values(all), func(a, b *module) int { return cmp.Compare(a.Path, b.Path) })
	text, err := write(append([]*module{toolchain}, list...))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // as make makes bin/
		return err
	}
	return os.WriteFile(file, text, 0o644) //nolint:gosec // everybody may read it
}

// module is one that is linked.
type module struct {
	Path    string
	Version string
	Dir     string
	Main    bool
	Replace *module

	// folders are those with packages that are linked.
	folders map[string]bool
}

// linked adds the modules that the program links on a system.
func linked(ctx context.Context, root string, system targets.Target, all map[string]*module) error {
	list := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Dir,Module,Standard", ".")
	list.Dir = root
	list.Env = append(os.Environ(), "GOOS="+system.OS, "GOARCH="+system.Arch, "CGO_ENABLED=0")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("go list for %s: %w", system, err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir      string
			Module   *module
			Standard bool
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("go list for %s: %w", system, err)
		}
		if p.Standard || p.Module == nil || p.Module.Main {
			continue // the program's own license lies beside the file
		}
		m := all[p.Module.Path]
		if m == nil {
			m = p.Module
			if m.Replace != nil {
				m.Dir = m.Replace.Dir
			}
			m.folders = map[string]bool{}
			all[m.Path] = m
		}
		m.folders[p.Dir] = true
	}
}

// goLibrary is Go's own library, which every program links.
func goLibrary(ctx context.Context, root string) (*module, error) {
	env := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOVERSION")
	env.Dir = root
	out, err := env.Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 2 {
		return nil, fmt.Errorf("go env says %q", out)
	}
	return &module{Path: "Go's standard library", Version: strings.TrimPrefix(lines[1], "go"), Dir: lines[0]}, nil
}

// isLicense matches the names of files that say how a module may be used. Only those that give a right count as a
// license; the others belong to it.
var (
	isLicense = regexp.MustCompile(`(?i)^(un)?licen[cs]e|^copying`)
	belongs   = regexp.MustCompile(`(?i)^(un)?licen[cs]e|^copying|^notice|^patents|^copyright`)
	isProgram = regexp.MustCompile(`(?i)\.(go|s|c|h|py|sh|js|json|tmpl|tpl)$`)
)

// files are the names of a module's licenses, relative to its folder: those beside packages that are linked, and
// those above them.
func (m *module) files() ([]string, error) {
	look := map[string]bool{m.Dir: true}
	for folder := range m.folders {
		for ; len(folder) > len(m.Dir); folder = filepath.Dir(folder) {
			look[folder] = true
		}
	}
	var names []string
	licensed := false
	for folder := range look {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		for _, e := range entries {
			if e.IsDir() || !belongs.MatchString(e.Name()) || isProgram.MatchString(e.Name()) {
				continue
			}
			name, err := filepath.Rel(m.Dir, filepath.Join(folder, e.Name()))
			if err != nil {
				return nil, err
			}
			names = append(names, name)
			licensed = licensed || isLicense.MatchString(e.Name())
		}
	}
	if !licensed {
		return nil, fmt.Errorf("%s %s has no license", m.Path, m.Version)
	}
	slices.Sort(names)
	return names, nil
}

const (
	introduction = `terraform-provider-vcc is under the Mozilla Public License 2.0: see the file LICENSE. It contains the
following, on one system or another, which is under licenses of its own. Their texts follow.
`
	line = "\n================================================================================\n"
)

// write returns the list of modules, and then the licenses of each. Its error names all modules that have none.
func write(modules []*module) ([]byte, error) {
	var text bytes.Buffer
	text.WriteString(introduction + "\n")
	for _, m := range modules {
		fmt.Fprintf(&text, "  %s %s\n", m.Path, m.Version)
	}
	var errs []error
	for _, m := range modules {
		names, err := m.files()
		errs = append(errs, err)
		for _, name := range names {
			content, err := os.ReadFile(filepath.Join(m.Dir, name))
			errs = append(errs, err)
			fmt.Fprintf(&text, "%s%s %s: %s\n\n%s\n", line, m.Path, m.Version, filepath.ToSlash(name), bytes.TrimSpace(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))))
		}
	}
	return text.Bytes(), errors.Join(errs...)
}
