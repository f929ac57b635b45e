package httpapi

import (
	"errors"
	"fmt"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wireMatrixRequest asks who reaches whom.
type wireMatrixRequest struct {
	Sources      []string        `json:"sources,omitempty" maxItems:"16384" doc:"The rows: VMs of the site by their names, IP addresses, or internet. All VMs and the internet where left out"`
	Destinations []string        `json:"destinations,omitempty" maxItems:"16384" doc:"The columns, as the sources. All VMs, the public addresses of public IP rules, and the internet where left out"`
	Protocol     string          `json:"protocol" example:"tcp" doc:"tcp, udp or icmp"`
	Port         *int            `json:"port,omitempty" doc:"The destination's; none with icmp"`
	Assume       *wireAssumption `json:"assume,omitempty"`
}

// wireMatrix says who reaches whom.
type wireMatrix struct {
	Sources      []string           `json:"sources"`
	Destinations []string           `json:"destinations"`
	Cells        [][]wireMatrixCell `json:"cells" doc:"A row for each source, with a cell for each destination"`
}

// wireMatrixCell says whether a source reaches a destination.
type wireMatrixCell struct {
	Reachable bool       `json:"reachable"`
	Reason    vcc.Reason `json:"reason" doc:"What settled it: that of the request, or of its reply where that does not get back. same_end, unknown_address and different_families where there is no question"`
}

func newWireMatrixRequest(r vcc.MatrixRequest, assume vcc.Assumption) wireMatrixRequest {
	w := wireMatrixRequest{
		Sources: convertOrNil(r.Sources, vcc.TraceEnd.String), Destinations: convertOrNil(r.Destinations, vcc.TraceEnd.String),
		Protocol: r.Protocol, Assume: newWireAssumption(assume),
	}
	if r.Port != 0 {
		w.Port = &r.Port
	}
	return w
}

func (w wireMatrixRequest) parse() (vcc.MatrixRequest, vcc.Assumption, error) {
	request, err := vcc.ParseMatrixRequest(w.Sources, w.Destinations, w.Protocol, w.Port)
	assumed, assumedErr := w.Assume.parse()
	return request, assumed, errors.Join(err, assumedErr)
}

func newWireMatrix(m vcc.ReachabilityMatrix) wireMatrix {
	return wireMatrix{
		convert(m.Sources, vcc.TraceEnd.String), convert(m.Destinations, vcc.TraceEnd.String),
		convert(m.Cells, func(row []vcc.MatrixCell) []wireMatrixCell {
			return convert(row, func(c vcc.MatrixCell) wireMatrixCell { return wireMatrixCell(c) })
		}),
	}
}

func (w wireMatrix) decode() (vcc.ReachabilityMatrix, error) {
	var r textReader
	ends := func(field string, texts []string) []vcc.TraceEnd {
		list := make([]vcc.TraceEnd, len(texts))
		for i, text := range texts {
			list[i] = readText(&r, fmt.Sprintf("%s[%d]", field, i), text, vcc.ParseTraceEnd)
		}
		return list
	}
	m := vcc.ReachabilityMatrix{Sources: ends("sources", w.Sources), Destinations: ends("destinations", w.Destinations)}
	if r.err != nil {
		return m, r.err
	}
	if len(w.Cells) != len(m.Sources) {
		return m, fmt.Errorf("%d of %d sources have a row", len(w.Cells), len(m.Sources))
	}
	for i, row := range w.Cells {
		if len(row) != len(m.Destinations) {
			return m, fmt.Errorf("the row of %s has %d cells for %d destinations", m.Sources[i], len(row), len(m.Destinations))
		}
		m.Cells = append(m.Cells, convert(row, func(c wireMatrixCell) vcc.MatrixCell { return vcc.MatrixCell(c) }))
	}
	return m, nil
}
