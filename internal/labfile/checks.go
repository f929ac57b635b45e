package labfile

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/goccy/go-yaml/ast"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

var checksForm = form{"a checks file", "a checks file"}

// check is an entry of a checks file as it is written. Its keys are those that users type. Their comments are
// the reference that people read, as those of lab are.
type check struct {
	// A VM of the tenant's site, an IP address, or `internet`. Required.
	Source string `yaml:"source"`
	// The same. Required.
	Destination string `yaml:"destination"`
	// `tcp`, `udp` or `icmp`. Required.
	Protocol string `yaml:"protocol"`
	// Port at the destination, 1 to 65535. Required with tcp and udp, and refused with icmp.
	Port *int `yaml:"port"`
	// Whether the destination should be reached. Required.
	Reachable *bool `yaml:"reachable"`
	// What should settle it, such as `routing_enabled` or `no_internet_access`. Any reason will do if it is left out.
	Reason string `yaml:"reason"`
}

// Checks are what a checks file declares: 1 to vcc.MaxTraceRequests checks, in its order.
type Checks struct {
	List []vcc.Check
	// Lines are those where the checks begin.
	Lines []int

	name string
	file *ast.File
}

// ReadChecks reads a checks file: a list of who should reach whom after full site failover, and who
// should not. It is as strict as Read.
func ReadChecks(name string) (Checks, error) {
	content, err := read("checks file", name)
	if err != nil {
		return Checks{}, err
	}
	return ParseChecks(name, content)
}

// ParseChecks is ReadChecks of a file's content. name stands in the errors.
func ParseChecks(name string, content []byte) (Checks, error) {
	file, list, err := decode[[]check](checksForm, content)
	switch {
	case err != nil:
		return Checks{}, fmt.Errorf("%s:%w", name, err)
	case len(list) == 0:
		return Checks{}, fmt.Errorf("%s:1: there is no check in it; write at least one, such as "+
			"- { source: web01, destination: db01, protocol: tcp, port: 5432, reachable: true }", name)
	case len(list) > vcc.MaxTraceRequests:
		return Checks{}, fmt.Errorf("%s:%d: %d checks are too many; a file has %d at most", name, line(file, entry(vcc.MaxTraceRequests)), len(list), vcc.MaxTraceRequests)
	}
	c := Checks{name: name, file: file, List: make([]vcc.Check, len(list)), Lines: make([]int, len(list))}
	var errs []error
	for i, w := range list {
		if c.List[i], err = vcc.ParseCheck(w.Source, w.Destination, w.Protocol, w.Port, w.Reachable, w.Reason); err != nil {
			errs = append(errs, vcc.Within(entry(i), err))
		}
		c.Lines[i] = line(file, entry(i))
	}
	if errs != nil {
		return Checks{}, located(name, file, errors.Join(errs...))
	}
	return c, nil
}

func entry(i int) string { return fmt.Sprintf("[%d]", i) }

// Questions are what the appliances are asked about the checks, in their order.
func (c Checks) Questions() []vcc.TraceRequest {
	questions := make([]vcc.TraceRequest, len(c.List))
	for i, check := range c.List {
		questions[i] = check.TraceRequest
	}
	return questions
}

// question is how a message names one of Questions, where one message is about several.
var question = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`questions\[(\d+)\]\.?`) })

// inLines names the lines of checks where a message names questions.
func (c Checks) inLines(message string) string {
	return question().ReplaceAllStringFunc(message, func(named string) string {
		i, err := strconv.Atoi(question().FindStringSubmatch(named)[1])
		if err != nil || i >= len(c.Lines) {
			return named
		}
		return fmt.Sprintf("line %d, ", c.Lines[i])
	})
}

// Located leads the errors about Questions, whose fields begin with "questions[N]", by the file's name and the
// lines of their values. Every other error stays as it is.
func (c Checks) Located(err error) error {
	found := vcc.Errors(err)
	moved := make([]error, len(found))
	for i, e := range found {
		field, ours := strings.CutPrefix(e.Field, "questions")
		if !ours || c.file == nil {
			return err
		}
		e := *e
		e.Field, e.Message = field, c.inLines(e.Message)
		moved[i] = &e
	}
	if len(moved) == 0 {
		return err
	}
	return located(c.name, c.file, errors.Join(moved...))
}
