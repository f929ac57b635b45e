package labfile

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Format writes a lab as a lab file. Parse reads it back as the same lab.
func Format(l vcc.Lab) ([]byte, error) {
	node, err := yaml.ValueToNode(newLab(l), yaml.OmitEmpty(), yaml.IndentSequence(true))
	if err != nil {
		return nil, err
	}
	ast.Walk(quoter{}, node)
	return []byte(node.String() + "\n"), nil
}

// plain is text that needs quotes only where the encoder says so.
// Compiled when it is first needed, because it takes long.
var plain = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\pL\pN][\pL\pN ./:_-]*$`) })

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
