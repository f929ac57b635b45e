package window

import (
	"fmt"
	"net/url"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// matrixVMs is how many VMs a page of the matrix has on each side.
const matrixVMs = 100

// matrixView is the table of who reaches whom.
type matrixView struct {
	// Heading says over what.
	Heading string
	Columns []string
	Rows    []matrixRow
	// Reached of Asked pairs are reached.
	Reached, Asked int
}

type matrixRow struct {
	Source string
	Cells  []matrixCell
}

// matrixCell is one pair. Link leads to both packets' steps, "" where nothing was asked.
type matrixCell struct {
	Class string
	Text  string
	Link  string
}

// newMatrixView shows a matrix. trace begins the address of a page with the steps of one cell.
func newMatrixView(m *vcc.ReachabilityMatrix, trace string) matrixView {
	v := matrixView{Rows: make([]matrixRow, len(m.Sources))}
	escaped := make([]string, len(m.Destinations))
	for i, e := range m.Destinations {
		v.Columns = append(v.Columns, e.String())
		escaped[i] = url.QueryEscape(e.String())
	}
	for i, source := range m.Sources {
		row := &v.Rows[i]
		row.Source = source.String()
		row.Cells = make([]matrixCell, len(m.Cells[i]))
		link := trace + "&source=" + url.QueryEscape(row.Source) + "&destination="
		for j, c := range m.Cells[i] {
			cell := &row.Cells[j]
			switch c.Reason {
			case vcc.ReasonSameEnd:
				cell.Text = "–"
				continue
			case vcc.ReasonUnknownAddress, vcc.ReasonDifferentFamilies:
				cell.Text = "? " + c.Reason.Words()
				continue
			}
			v.Asked++
			cell.Link = link + escaped[j]
			cell.Class, cell.Text = "unreached", "✗ "+c.Reason.Words()
			if c.Reachable {
				v.Reached++
				cell.Class, cell.Text = "reached", "✓ "+c.Reason.Words()
			}
		}
	}
	return v
}

// page is a part of a list, with how many entries to leave out for those beside it.
type matrixPage struct {
	First, Last, Total int
	// Previous and Next are -1 where there is none.
	Previous, Next int
}

func newMatrixPage(skip, total int) matrixPage {
	skip = min(skip, max(0, (total-1)/matrixVMs*matrixVMs))
	p := matrixPage{First: skip + 1, Last: min(skip+matrixVMs, total), Total: total, Previous: -1, Next: -1}
	if skip > 0 {
		p.Previous = max(0, skip-matrixVMs)
	}
	if p.Last < total {
		p.Next = p.Last
	}
	return p
}

// cut is the part of a list that a page shows, and the internet.
func (p matrixPage) cut(list []vcc.TraceEnd) []vcc.TraceEnd {
	ends := make([]vcc.TraceEnd, 0, p.Last-p.First+2)
	if p.Total > 0 {
		ends = append(ends, list[p.First-1:p.Last]...)
	}
	return append(ends, vcc.TraceEnd{Internet: true})
}

// String says which part it is: VMs 1 to 100 of 250.
func (p matrixPage) String() string {
	return fmt.Sprintf("%d to %d of %d", p.First, p.Last, p.Total)
}
