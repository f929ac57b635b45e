// Package targets has the systems that releases are built for: those of .goreleaser.yml.
package targets

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// ConfigFile is the file in the root of the repository that lists the targets.
const ConfigFile = ".goreleaser.yml"

// Target is a system that Go builds for.
type Target struct{ OS, Arch string }

// String is the target as .goreleaser.yml, archives and provider mirrors write it.
func (t Target) String() string { return t.OS + "_" + t.Arch }

// Read returns the targets of the repository in a folder.
func Read(root string) ([]Target, error) {
	content, err := os.ReadFile(filepath.Join(root, ConfigFile))
	if err != nil {
		return nil, err
	}
	var config struct {
		Builds []struct {
			Targets []string `yaml:"targets"`
		} `yaml:"builds"`
	}
	if err := yaml.Unmarshal(content, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", ConfigFile, err)
	}
	var list []Target
	for _, build := range config.Builds {
		for _, name := range build.Targets {
			t, err := Parse(name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", ConfigFile, err)
			}
			list = append(list, t)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s has no targets", ConfigFile)
	}
	return list, nil
}

var form = regexp.MustCompile(`^([a-z0-9]+)_([a-z0-9]+)$`)

// Parse reads a target such as linux_amd64.
func Parse(name string) (Target, error) {
	match := form.FindStringSubmatch(name)
	if match == nil {
		return Target{}, fmt.Errorf("%q is no target; write one like linux_amd64", name)
	}
	return Target{match[1], match[2]}, nil
}
