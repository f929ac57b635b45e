// Docpages fills in what pages of the documentation have from the program itself: the help of every command, and the
// keys of the files that people write.
//
//	go run ./internal/docpages docs/guides
//
// A page asks for a part by a line such as <!-- generated: commands -->, which the part takes the place of. It runs
// in the root of the repository, because it reads comments in the source of package labfile.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: docpages FOLDER")
		os.Exit(2)
	}
	if err := run(".", os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// parts are what pages can ask for.
var parts = map[string]func(root string) (string, error){
	"commands":    func(string) (string, error) { return commands() },
	"lab file":    func(root string) (string, error) { return keys(root, "lab") },
	"checks file": func(root string) (string, error) { return keys(root, "check") },
}

var marker = regexp.MustCompile(`(?m)^<!-- generated: (.*) -->$`)

// run fills in the pages of a folder. Every part has to stand on one of them.
func run(root, folder string) error {
	pages, err := filepath.Glob(filepath.Join(folder, "*.md"))
	if err != nil {
		return err
	}
	asked := map[string]bool{}
	for _, page := range pages {
		content, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		var errs []error
		filled := marker.ReplaceAllFunc(content, func(line []byte) []byte {
			name := string(marker.FindSubmatch(line)[1])
			part := parts[name]
			if part == nil {
				errs = append(errs, fmt.Errorf("%s: there is no part %q", page, name))
				return line
			}
			text, err := part(root)
			errs, asked[name] = append(errs, err), true
			return []byte(strings.TrimSpace(text))
		})
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if bytes.Equal(filled, content) {
			continue
		}
		if err := os.WriteFile(page, filled, 0o644); err != nil { //nolint:gosec // everybody may read it
			return err
		}
	}
	for name := range parts {
		if !asked[name] {
			return fmt.Errorf("no page in %s asks for %q", folder, name)
		}
	}
	return nil
}

// commands is a section for each command, with its help as 80 columns show it.
func commands() (string, error) {
	if err := os.Unsetenv("COLUMNS"); err != nil {
		return "", err
	}
	names, err := cli.Names()
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, name := range names {
		var out bytes.Buffer
		if status := cli.Run(context.Background(), append(strings.Fields(name), "--help"), strings.NewReader(""), &out, &out, "1.2.3"); status != 0 {
			return "", fmt.Errorf("%s --help ended with %d: %s", name, status, &out)
		}
		fmt.Fprintf(&text, "## %s\n\n```text\n%s\n```\n\n", name, bytes.TrimSpace(out.Bytes()))
	}
	return text.String(), nil
}

// keys is a section for each object of a file, with a table of its keys: a type of package labfile, and those
// of its fields.
func keys(root, name string) (string, error) {
	fset := token.NewFileSet()
	types := map[string]*ast.StructType{}
	for _, file := range []string{"form.go", "checks.go"} {
		parsed, err := parser.ParseFile(fset, filepath.Join(root, "internal", "labfile", file), nil, parser.ParseComments)
		if err != nil {
			return "", err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if t, ok := n.(*ast.TypeSpec); ok {
				if s, ok := t.Type.(*ast.StructType); ok {
					types[t.Name.Name] = s
				}
			}
			return true
		})
	}
	if types[name] == nil {
		return "", fmt.Errorf("package labfile has no type %s", name)
	}
	r := &reference{types: types}
	err := r.object("", types[name])
	return r.text.String(), err
}

// reference writes the sections of a file's objects.
type reference struct {
	types map[string]*ast.StructType
	text  strings.Builder
}

// object writes the section of the object at a path, "" for the whole file or for its entries, and then those of the
// objects in it.
func (r *reference) object(path string, object *ast.StructType) error {
	if path != "" {
		fmt.Fprintf(&r.text, "### `%s`\n\n", path)
	}
	r.text.WriteString("| key | value | meaning |\n| --- | --- | --- |\n")
	type inner struct {
		path string
		*ast.StructType
	}
	var below []inner
	for _, field := range object.Fields.List {
		tag, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			return err
		}
		key, _, _ := strings.Cut(reflect.StructTag(tag).Get("yaml"), ",")
		meaning := strings.Join(strings.Fields(field.Doc.Text()), " ")
		if key == "" || meaning == "" {
			return fmt.Errorf("a field of %q in package labfile lacks its key or its comment: %v", path, field.Names)
		}
		kind, of, err := r.kind(field.Type)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		fmt.Fprintf(&r.text, "| `%s` | %s | %s |\n", key, kind, strings.ReplaceAll(meaning, "|", `\|`))
		if of != nil {
			at := strings.TrimPrefix(path+"."+key, ".")
			if strings.HasPrefix(kind, "list") {
				at += "[]"
			}
			below = append(below, inner{at, of})
		}
	}
	r.text.WriteString("\n")
	for _, i := range below {
		if err := r.object(i.path, i.StructType); err != nil {
			return err
		}
	}
	return nil
}

// kind says what a value is, and returns the object that it is, or that is in its list.
func (r *reference) kind(t ast.Expr) (string, *ast.StructType, error) {
	switch t := t.(type) {
	case *ast.StarExpr:
		return r.kind(t.X)
	case *ast.ArrayType:
		kind, of, err := r.kind(t.Elt)
		return "list of " + kind + "s", of, err
	case *ast.MapType:
		return "texts by name", nil, nil
	case *ast.Ident:
		if object := r.types[t.Name]; object != nil {
			return "object", object, nil
		}
		if kind := map[string]string{"string": "text", "int": "number", "bool": "true or false"}[t.Name]; kind != "" {
			return kind, nil, nil
		}
	}
	return "", nil, fmt.Errorf("there is no word for a value of type %v", t)
}
