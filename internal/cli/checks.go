package cli

import (
	"fmt"
	"io"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/labfile"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// checkOutcome is a check with what became of it, as it is printed in JSON.
type checkOutcome struct {
	Line        int    `json:"line"`
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Protocol    string `json:"protocol"`
	Port        int    `json:"port,omitempty"`
	Reachable   bool   `json:"reachable"`
	Reason      string `json:"reason,omitempty"`
	AsDeclared  bool   `json:"asDeclared"`
	// Outcome is the API's object of a route trace.
	Outcome any `json:"outcome"`
}

// traceChecks has the backend decide every check of a file, in one request.
func (s *session) traceChecks(name string, checks labfile.Checks) error {
	answers, err := s.client.Trace(s.ctx, s.as, checks.Questions(), vcc.Assumption{})
	if err != nil {
		return checks.Located(err)
	}
	failed := 0
	for i, check := range checks.List {
		if !holds(check, answers[i]) {
			failed++
		}
	}
	if s.flags.JSON {
		outcomes := make([]checkOutcome, len(answers))
		for i, c := range checks.List {
			outcomes[i] = checkOutcome{
				Line: checks.Lines[i], Source: c.Source.String(), Destination: c.Destination.String(), Protocol: c.Protocol, Port: c.Port,
				Reachable: !c.Unwanted, Reason: string(c.Reason), AsDeclared: holds(c, answers[i]), Outcome: httpapi.Object(answers[i]),
			}
		}
		err = s.printJSON(outcomes)
	} else {
		err = s.printText(func(w io.Writer) { printChecks(w, name, checks, answers, failed) })
	}
	if err == nil && failed > 0 {
		err = notReachable{}
	}
	return err
}

func holds(c vcc.Check, r vcc.Reachability) bool { return c.Holds(r.Reachable, r.Outcome()) }

// printChecks prints a table of all checks, and below it what to do about those that are not as declared.
func printChecks(w io.Writer, name string, checks labfile.Checks, answers []vcc.Reachability, failed int) {
	row(w, "", "SOURCE", "DESTINATION", "PROTOCOL", "DECLARED", "OUTCOME", "REASON")
	for i, c := range checks.List {
		mark := "ok"
		if !holds(c, answers[i]) {
			mark = "NOT"
		}
		row(w, mark, c.Source, c.Destination, service(c.Protocol, c.Port), reached(!c.Unwanted), reached(answers[i].Reachable), answers[i].Outcome())
	}
	for i, c := range checks.List {
		r := answers[i]
		switch {
		case holds(c, r):
		case r.Reachable != c.Unwanted: // as declared, for another reason
			_, _ = fmt.Fprintf(w, "\n%s:%d: the reason is %s, and not %s. %s\n", name, checks.Lines[i], r.Outcome(), c.Reason, r.Explanation)
		default:
			_, _ = fmt.Fprintf(w, "\n%s:%d: %s\n", name, checks.Lines[i], r.Explanation)
		}
	}
	if failed == 0 {
		_, _ = fmt.Fprintf(w, "\n%d of %d are as declared.\n", len(answers), len(answers))
		return
	}
	_, _ = fmt.Fprintf(w, "\n%d of %d are not as declared.\n", failed, len(answers))
}

func reached(yes bool) string {
	if yes {
		return "reachable"
	}
	return "not reachable"
}

// service writes a protocol with its port, where it has one.
func service(protocol string, port int) string {
	if port == 0 {
		return protocol
	}
	return fmt.Sprintf("%s %d", protocol, port)
}
