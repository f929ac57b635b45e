package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

type reachabilityCmd struct {
	Source      []string `placeholder:"END" help:"A row: the name of a VM of the site, an IP address, or internet. Repeat it for more (default: all VMs, and internet)."`
	Destination []string `placeholder:"END" help:"A column, as the source (default: all VMs, the public addresses of public IP rules, and internet)."`
	Protocol    string   `placeholder:"tcp|udp|icmp" help:"Protocol (default: tcp with a port, and icmp without)."`
	Port        *int     `placeholder:"PORT" help:"Destination port, for tcp and udp."`
}

// Run prints who reaches whom after full site failover.
func (c reachabilityCmd) Run(s *session) error {
	protocol := c.Protocol
	switch {
	case protocol != "":
	case c.Port != nil:
		protocol = "tcp"
	default:
		protocol = "icmp"
	}
	request, err := vcc.ParseMatrixRequest(c.Source, c.Destination, protocol, c.Port)
	if err != nil {
		return endFlagError(err)
	}
	matrix, err := s.client.Matrix(s.ctx, s.as, request, vcc.Assumption{})
	if err != nil {
		return endFlagError(err)
	}
	return s.print(matrix, func(w io.Writer) { printMatrix(w, matrix, service(protocol, request.Port)) })
}

// endFlagError is flagError for the ends of a matrix.
func endFlagError(err error) error {
	var named []error
	for _, e := range vcc.Errors(err) {
		e := *e
		for _, flag := range []string{"source", "destination"} {
			if strings.HasPrefix(e.Field, flag+"s[") {
				e.Field = "--" + flag
			}
		}
		named = append(named, &e)
	}
	if named == nil {
		return err
	}
	return flagError(errors.Join(named...))
}

// printMatrix prints a table with one character in each cell, so that many destinations are in one line, and a
// legend below it.
func printMatrix(w io.Writer, m *vcc.ReachabilityMatrix, what string) {
	var reasons []vcc.Reason // in the order of their letters
	used := map[string]bool{}
	mark := func(c vcc.MatrixCell) string {
		switch {
		case c.Reachable:
			used["+"] = true
			return "+"
		case c.Reason == vcc.ReasonSameEnd:
			used["."] = true
			return "."
		}
		i := slices.Index(reasons, c.Reason)
		if i < 0 {
			i = len(reasons)
			reasons = append(reasons, c.Reason)
		}
		return string(rune('a' + i)) // #nosec G115 -- a handful of reasons
	}
	_, _ = fmt.Fprintf(w, "Who reaches whom after full site failover, %s:\n\n", what)
	header := []any{"FROM \\ TO"}
	for _, d := range m.Destinations {
		header = append(header, d)
	}
	row(w, header...)
	for i, source := range m.Sources {
		cells := []any{source}
		for _, c := range m.Cells[i] {
			cells = append(cells, mark(c))
		}
		row(w, cells...)
	}
	_, _ = fmt.Fprintln(w)
	if used["+"] {
		_, _ = fmt.Fprintln(w, "+  reachable")
	}
	if used["."] {
		_, _ = fmt.Fprintf(w, ".  %s\n", vcc.ReasonSameEnd.Words())
	}
	for i, r := range reasons {
		_, _ = fmt.Fprintf(w, "%c  %s\n", 'a'+i, r.Words())
	}
}
