package backend

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

//go:embed lab.yaml
var builtInLab []byte

// BuiltInLab returns the lab that is used when no file is named.
func BuiltInLab() (vcc.Lab, error) { return ParseLab("built-in lab", builtInLab) }

// ReadLab reads a lab file.
func ReadLab(name string) (vcc.Lab, error) {
	content, err := os.ReadFile(name) //nolint:gosec // the file is the user's choice
	if err != nil {
		return vcc.Lab{}, fmt.Errorf("the lab file %s cannot be read: %w", name, cause(err))
	}
	return ParseLab(name, content)
}

// ParseLab reads a lab strictly: an unknown key, a wrong type and a name that
// nothing declares are errors, each with its line. name stands in the errors.
func ParseLab(name string, content []byte) (vcc.Lab, error) {
	var lab vcc.Lab
	file, err := parser.ParseBytes(content, 0)
	if err == nil {
		err = yaml.UnmarshalWithOptions(content, &lab, yaml.Strict())
	}
	if err != nil {
		var located yaml.Error
		if !errors.As(err, &located) {
			return lab, fmt.Errorf("%s: it is not a lab: %w", name, err)
		}
		line := 1
		if t := located.GetToken(); t != nil {
			line = t.Position.Line
		}
		return lab, fmt.Errorf("%s:%d: %s", name, line, located.GetMessage())
	}
	var errs []error
	for _, e := range vcc.Errors(lab.Validate()) {
		errs = append(errs, fmt.Errorf("%s:%d: %w", name, line(file, e.Field), e))
	}
	return lab, errors.Join(errs...)
}

// line returns the line of a field, or of the nearest parent that is written
// down where the field is missing.
func line(file *ast.File, field string) int {
	for field != "" {
		path, err := yaml.PathString("$." + field)
		if err != nil {
			break
		}
		if node, err := path.FilterFile(file); err == nil && node != nil {
			return node.GetToken().Position.Line
		}
		field = field[:max(strings.LastIndexAny(field, ".["), 0)]
	}
	return 1
}
