package backend

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"regexp"
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

//go:embed lab.yaml
var builtInLab []byte

// Limits of a lab file: parsing takes time and memory that grow faster than its
// size and its depth.
const (
	maxLabFile   = 1 << 20 // bytes
	maxLabDepth  = 20      // brackets in brackets
	maxLabIndent = 200     // columns before a list entry
	maxLabText   = 1000    // bytes of one value
	maxLabErrors = 20      // that are listed
)

// BuiltInLab returns the lab that is used when no file is named.
func BuiltInLab() (vcc.Lab, error) { return ParseLab("built-in lab", builtInLab) }

// ReadLab reads a lab file.
func ReadLab(name string) (vcc.Lab, error) {
	file, err := os.Open(name) //nolint:gosec // the file is the user's choice
	if err != nil {
		return vcc.Lab{}, fmt.Errorf("the lab file %s cannot be read: %w", name, cause(err))
	}
	defer file.Close() //nolint:errcheck // what was read has been read
	content, err := io.ReadAll(io.LimitReader(file, maxLabFile+1))
	if err != nil {
		return vcc.Lab{}, fmt.Errorf("the lab file %s cannot be read: %w", name, cause(err))
	}
	return ParseLab(name, content)
}

// ParseLab reads a lab strictly: an unknown key, a wrong type and a name that
// nothing declares are errors, each with its line. name stands in the errors.
func ParseLab(name string, content []byte) (vcc.Lab, error) {
	var lab vcc.Lab
	content = bytes.TrimPrefix(content, []byte("\ufeff")) // some editors write a byte order mark
	if err := checkText(content); err != nil {
		return lab, fmt.Errorf("%s:%w", name, err)
	}
	file, err := parser.ParseBytes(content, 0)
	if err == nil {
		if err := checkDocument(file); err != nil {
			return lab, fmt.Errorf("%s:%w", name, err)
		}
		err = yaml.UnmarshalWithOptions(content, &lab, yaml.Strict())
	}
	if err != nil {
		var located yaml.Error
		if !errors.As(err, &located) {
			return lab, fmt.Errorf("%s: it is not a lab: %w", name, err)
		}
		return lab, fmt.Errorf("%s:%w", name, wrong(located.GetToken(), "%s", located.GetMessage()))
	}
	var errs []error
	found := vcc.Errors(lab.Validate())
	for i, e := range found {
		if i == maxLabErrors {
			errs = append(errs, fmt.Errorf("%s: %d more are wrong", name, len(found)-i))
			break
		}
		errs = append(errs, fmt.Errorf("%s:%d: %w", name, line(file, e.Field), e))
	}
	return lab.Respelled(nil, nil, nil), errors.Join(errs...)
}

// wrong is an error about what begins with a token, led by its line.
func wrong(at *token.Token, format string, args ...any) error {
	line := 1
	if at != nil {
		line = at.Position.Line
	}
	return fmt.Errorf("%d: %s", line, fmt.Sprintf(format, args...))
}

// checkText refuses text that is no lab file whatever it says, before it is
// parsed: also what a few lines of YAML can grow to without end.
func checkText(content []byte) error {
	if len(content) > maxLabFile {
		return wrong(nil, "the file has more than %d KiB; a lab needs less", maxLabFile>>10)
	}
	if !utf8.Valid(content) {
		valid := bytes.ToValidUTF8(content, nil)
		first := 0
		for first < len(valid) && content[first] == valid[first] {
			first++
		}
		return fmt.Errorf("%d: the file is not text in UTF-8; save it as such", 1+bytes.Count(content[:first], []byte("\n")))
	}
	depth := 0
	for _, t := range lexer.Tokenize(string(content)) {
		if len(t.Value) > maxLabText {
			switch t.Type {
			case token.CommentType, token.SpaceType:
			default:
				return wrong(t, "%s goes on for %d bytes; nothing in a lab has more than %d", vcc.Clip(t.Value), len(t.Value), maxLabText)
			}
		}
		switch t.Type {
		case token.DirectiveType:
			return wrong(t, "a lab file has no directives; remove the line that begins with %%, and --- after it")
		case token.AnchorType, token.AliasType, token.TagType:
			return wrong(t, "a lab file has no anchors, aliases and tags; write the value out")
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		entry := t.Type == token.SequenceEntryType || t.Type == token.MappingKeyType
		if depth > maxLabDepth || entry && t.Position.Column > maxLabIndent {
			return wrong(t, "it is nested deeper than any value of a lab")
		}
	}
	return nil
}

// checkDocument refuses what the decoder would pass over or bend.
func checkDocument(file *ast.File) error {
	for i, doc := range file.Docs {
		if i > 0 {
			at := doc.Start
			if at == nil && doc.Body != nil {
				at = doc.Body.GetToken()
			}
			return wrong(at, "another document begins; a lab file is one")
		}
		if err := checkTypes(doc.Body, reflect.TypeFor[vcc.Lab]()); err != nil {
			return err
		}
	}
	return nil
}

// checkTypes refuses scalars that the decoder would bend into their type: 1.5 into
// the number 1, and 007 into the name "7". It leaves other shapes to the decoder.
func checkTypes(node ast.Node, t reflect.Type) error {
	switch n := node.(type) {
	case nil, *ast.NullNode:
		return nil
	case *ast.MappingNode:
		if isScalar(t) {
			return wrong(n.GetToken(), "a mapping stands where a single value belongs")
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
			return wrong(n.GetToken(), "a list stands where a single value belongs")
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
		return wrong(node.GetToken(), "%s is not a whole number%s", text, inDecimal(text))
	case t.Kind() == reflect.Bool && kind != ast.BoolType:
		return wrong(node.GetToken(), "%s is neither true nor false", text)
	case t.Kind() == reflect.String && kind != ast.StringType && kind != ast.LiteralType:
		return wrong(node.GetToken(), "%s is not text; if it is a name, put it in quotes", text)
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
		for _, f := range reflect.VisibleFields(t) {
			if tag, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); tag == key {
				return f.Type
			}
		}
	}
	return reflect.TypeFor[any]()
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

// LabPasswords returns the passwords that a lab's variables have in this process's
// environment, by user name. One that is empty or not set is none.
func LabPasswords(lab vcc.Lab) map[string]string {
	passwords := map[string]string{}
	for _, t := range lab.Tenants {
		if password := os.Getenv(t.PasswordEnv); t.Username != "" && t.PasswordEnv != "" && password != "" {
			passwords[t.Username] = password
		}
	}
	return passwords
}

// plain is text that needs quotes only where the encoder says so.
// Compiled when it is first needed, because it takes long.
var plain = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\pL\pN][\pL\pN ./:_-]*$`) })

// FormatLab writes a lab as a lab file.
func FormatLab(lab vcc.Lab) ([]byte, error) {
	node, err := yaml.ValueToNode(lab, yaml.OmitEmpty(), yaml.IndentSequence(true))
	if err != nil {
		return nil, err
	}
	ast.Walk(quoter{}, node)
	return []byte(node.String() + "\n"), nil
}

// quoter puts strings into quotes that the encoder has not, such as <<, ? x, .inf and
// text with line breaks: it does so with most that need them, but not with all.
type quoter struct{}

// Visit implements ast.Visitor.
func (q quoter) Visit(node ast.Node) ast.Visitor {
	if s, ok := node.(*ast.StringNode); ok && !strings.HasPrefix(s.Value, `"`) && !plain().MatchString(s.Value) {
		s.Value = strconv.Quote(s.Value) // YAML knows all of its escapes
	}
	return q
}
