package labfile

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

//go:embed built-in.yaml
var builtIn []byte

// Limits of a lab file: parsing takes time and memory that grow faster than its
// size and its depth.
const (
	maxSize   = 8 << 20       // bytes; ten thousand tenants need half of that
	maxDepth  = 20            // brackets in brackets
	maxIndent = 200           // columns before a list entry
	maxText   = 1000          // bytes of one value
	maxErrors = vcc.MaxListed // that are listed
)

// form is a kind of file, as errors call it.
type form struct{ file, content string }

var labForm = form{"a lab file", "a lab"}

// BuiltIn returns the lab that is used when no file is named.
func BuiltIn() (vcc.ValidLab, error) { return Parse("built-in lab", builtIn) }

// Read reads a lab file.
func Read(name string) (vcc.ValidLab, error) {
	content, err := read("lab file", name)
	if err != nil {
		return vcc.ValidLab{}, err
	}
	return Parse(name, content)
}

// read returns the content of a file, as much of it as shows that it is too large.
func read(kind, name string) ([]byte, error) {
	file, err := os.Open(name) //nolint:gosec // the file is the user's choice
	if err != nil {
		return nil, unreadable(kind, name, err)
	}
	defer file.Close() //nolint:errcheck // the content is complete by then
	content, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return nil, unreadable(kind, name, err)
	}
	return content, nil
}

// unreadable is an error of the file system with the file's name in it once.
func unreadable(kind, name string, err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("the %s %s cannot be read: %w", kind, name, err)
}

// Parse reads a lab strictly: an unknown key, a wrong type and a name that
// nothing declares are errors, each with its line. name stands in the errors.
func Parse(name string, content []byte) (vcc.ValidLab, error) {
	file, document, err := decode[lab](labForm, content)
	if err != nil {
		return vcc.ValidLab{}, fmt.Errorf("%s:%w", name, err)
	}
	valid, err := document.read()
	if err == nil {
		return valid, nil
	}
	return vcc.ValidLab{}, located(name, file, err)
}

// located leads each error about a value by the file's name and the line of its field.
func located(name string, file *ast.File, err error) error {
	var errs []error
	found := vcc.Errors(err)
	for i, e := range found {
		if i == maxErrors {
			errs = append(errs, fmt.Errorf("%s: %d more are wrong", name, len(found)-i))
			break
		}
		at := line(file, e.Field)
		if strings.HasPrefix(e.Field, "[") { // an entry of a file that is a list: the line says which
			inEntry := *e
			_, rest, _ := strings.Cut(e.Field, "]")
			inEntry.Field = strings.TrimPrefix(rest, ".")
			e = &inEntry
		}
		errs = append(errs, fmt.Errorf("%s:%d: %w", name, at, e))
	}
	return errors.Join(errs...)
}

// decode reads a file into what it is written as. The text is scanned once. Errors are led by their
// lines.
func decode[T any](f form, content []byte) (*ast.File, T, error) {
	var document T
	if err := f.checkText(content); err != nil {
		return nil, document, err
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff")) // some editors write a byte order mark
	tokens := lexer.Tokenize(string(content))
	if err := f.checkTokens(tokens); err != nil {
		return nil, document, err
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, document, f.inLine(err)
	}
	if err := checkDocuments(f, file, reflect.TypeFor[T]()); err != nil {
		return nil, document, err
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return file, document, nil
	}
	return file, document, f.inLine(yaml.NodeToValue(file.Docs[0].Body, &document, yaml.Strict()))
}

// inLine leads an error of the YAML library by its line.
func (f form) inLine(err error) error {
	if err == nil {
		return nil
	}
	var located yaml.Error
	if !errors.As(err, &located) {
		return fmt.Errorf(" it is not %s: %w", f.content, err)
	}
	return errorAt(located.GetToken(), "%s", located.GetMessage())
}

// errorAt is an error about the text that begins with a token, led by its line.
func errorAt(at *token.Token, format string, args ...any) error {
	line := 1
	if at != nil {
		line = at.Position.Line
	}
	return fmt.Errorf("%d: %s", line, fmt.Sprintf(format, args...))
}

// checkText refuses text that is no such file whatever it says.
func (f form) checkText(content []byte) error {
	if len(content) > maxSize {
		return errorAt(nil, "the file has more than %d KiB; %s needs less", maxSize>>10, f.content)
	}
	if !utf8.Valid(content) {
		valid := bytes.ToValidUTF8(content, nil)
		first := 0
		for first < len(valid) && content[first] == valid[first] {
			first++
		}
		return fmt.Errorf("%d: the file is not text in UTF-8; save it as such", 1+bytes.Count(content[:first], []byte("\n")))
	}
	return nil
}

// checkTokens refuses YAML that no such file needs, before it is parsed: also a few lines that
// can grow without end.
func (f form) checkTokens(tokens token.Tokens) error {
	depth := 0
	for _, t := range tokens {
		if len(t.Value) > maxText {
			switch t.Type {
			case token.CommentType, token.SpaceType:
			default:
				return errorAt(t, "%s goes on for %d bytes; nothing in %s has more than %d", vcc.Clip(t.Value), len(t.Value), f.content, maxText)
			}
		}
		switch t.Type {
		case token.DirectiveType:
			return errorAt(t, "%s has no directives; remove the line that begins with %%, and --- after it", f.file)
		case token.AnchorType, token.AliasType, token.TagType:
			return errorAt(t, "%s has no anchors, aliases and tags; write the value out", f.file)
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		entry := t.Type == token.SequenceEntryType || t.Type == token.MappingKeyType
		if depth > maxDepth || entry && t.Position.Column > maxIndent {
			return errorAt(t, "it is nested deeper than any value of %s", f.content)
		}
	}
	return nil
}

// checkDocuments refuses documents that the decoder would pass over, and values that it
// would bend.
func checkDocuments(f form, file *ast.File, t reflect.Type) error {
	for i, doc := range file.Docs {
		if i > 0 {
			at := doc.Start
			if at == nil && doc.Body != nil {
				at = doc.Body.GetToken()
			}
			return errorAt(at, "another document begins; %s is one", f.file)
		}
		if err := checkTypes(doc.Body, t); err != nil {
			return err
		}
	}
	return nil
}

// checkTypes refuses scalars that the decoder would bend into their type: 1.5 into
// the number 1, and 007 into the name "7". It leaves other shapes to the decoder.
func checkTypes(node ast.Node, t reflect.Type) error {
	if t.Kind() == reflect.Pointer { // of a value that may be left out
		t = t.Elem()
	}
	switch n := node.(type) {
	case nil, *ast.NullNode:
		return nil
	case *ast.MappingNode:
		if isScalar(t) {
			return errorAt(n.GetToken(), "a mapping stands where a single value belongs")
		}
		for _, v := range n.Values {
			if err := checkTypes(v, t); err != nil {
				return err
			}
		}
		return nil
	case *ast.MappingValueNode:
		return checkTypes(n.Value, valueType(t, n.Key.GetToken().Value))
	case *ast.SequenceNode:
		if isScalar(t) {
			return errorAt(n.GetToken(), "a list stands where a single value belongs")
		}
		for _, v := range n.Values {
			if t.Kind() != reflect.Slice {
				break
			}
			if err := checkTypes(v, t.Elem()); err != nil {
				return err
			}
		}
		return nil
	}
	kind, text := node.Type(), strings.TrimSpace(node.GetToken().Origin)
	switch {
	case t.Kind() == reflect.Int && !decimal(text):
		return errorAt(node.GetToken(), "%s is not a whole number%s", text, inDecimal(text))
	case t.Kind() == reflect.Bool && kind != ast.BoolType:
		return errorAt(node.GetToken(), "%s is neither true nor false", text)
	case t.Kind() == reflect.String && kind != ast.StringType && kind != ast.LiteralType:
		return errorAt(node.GetToken(), "%s is not text; if it is a name, put it in quotes", text)
	}
	return nil
}

// decimal reports whether a number is written as people write it. YAML knows other
// notations, and its versions differ on them: 010 is 10 to one and 8 to another.
func decimal(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && strconv.Itoa(n) == text
}

// inDecimal is the advice that follows a number in another notation, empty for what is none.
func inDecimal(text string) string {
	plain := strings.TrimPrefix(strings.ReplaceAll(text, "_", ""), "+")
	if n, err := strconv.Atoi(plain); err == nil {
		return fmt.Sprintf(" in decimal; write %d", n) // a leading zero is read as people mean it
	}
	if n, err := strconv.ParseInt(plain, 0, 32); err == nil {
		return fmt.Sprintf(" in decimal; write %d", n)
	}
	if f, err := strconv.ParseFloat(plain, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1e9 {
		return fmt.Sprintf(" in decimal; write %d", int(f))
	}
	return ""
}

func isScalar(t reflect.Type) bool {
	return t.Kind() == reflect.String || t.Kind() == reflect.Int || t.Kind() == reflect.Bool
}

// valueType returns the type of what a key of a mapping stands for; where there is
// none, a type that checkTypes has nothing to say about.
func valueType(t reflect.Type, key string) reflect.Type {
	switch t.Kind() {
	case reflect.Map:
		return t.Elem()
	case reflect.Struct:
		for _, f := range visibleFields(t) {
			if tag, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); tag == key {
				return f.Type
			}
		}
	}
	return reflect.TypeFor[any]()
}

// fields are the visible fields of types by their type: listing them takes longer than reading
// what they are for.
var fields sync.Map

func visibleFields(t reflect.Type) []reflect.StructField {
	if known, ok := fields.Load(t); ok {
		return known.([]reflect.StructField)
	}
	list := reflect.VisibleFields(t)
	fields.Store(t, list)
	return list
}

// line returns the line of a field, or of the nearest parent that is written
// down where the field is missing.
func line(file *ast.File, field string) int {
	for field != "" {
		dot := "."
		if field[0] == '[' { // an entry of a file that is a list
			dot = ""
		}
		path, err := yaml.PathString("$" + dot + field)
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
