package vcc

import (
	"fmt"
	"net/netip"
	"strings"
)

// MaxMatrixCells is how many cells a matrix has at most: enough for 100 VMs, the internet and
// some public addresses on both sides.
const MaxMatrixCells = 1 << 14

// MaxMatrixWays is how many pairs of addresses the cells of a matrix have together at most. VMs with
// an address in each family make two a cell.
const MaxMatrixWays = 1 << 17

// MatrixRequest asks who would reach whom after full site failover, over one protocol and port.
type MatrixRequest struct {
	// Sources are the rows. With none they are the tenant's VMs in the order of their
	// declaration, and the internet.
	Sources []TraceEnd
	// Destinations are the columns. With none they are the tenant's VMs, the public addresses
	// of its public IP rules, and the internet.
	Destinations []TraceEnd
	// Protocol and Port are those of TraceRequest.
	Protocol string
	Port     int
}

// ParseMatrixRequest reads a request; port is nil where there is none. The error lists the
// values that are wrong, with the fields "sources[N]", "destinations[N]", "protocol" and "port".
func ParseMatrixRequest(sources, destinations []string, protocol string, port *int) (MatrixRequest, error) {
	r := MatrixRequest{Protocol: protocol}
	var v errorList
	parse := func(field string, texts []string) (ends []TraceEnd) {
		for i, text := range texts {
			end, err := ParseTraceEnd(text)
			if err != nil {
				v = append(v, Within(fmt.Sprintf("%s[%d]", field, i), err))
			}
			ends = append(ends, end)
		}
		return ends
	}
	r.Sources, r.Destinations = parse("sources", sources), parse("destinations", destinations)
	r.Port = parsePort(&v, protocol, port)
	return r, v.err()
}

// Over returns the request with all of its ends, of a site with public addresses. The error
// names VMs that the site does not have; CodeInvalidValue without a field: the matrix would be
// too large.
func (r MatrixRequest) Over(site Site, public []netip.Addr) (MatrixRequest, error) {
	whole := func(given []TraceEnd, more ...TraceEnd) []TraceEnd {
		if len(given) > 0 {
			return given
		}
		ends := make([]TraceEnd, 0, len(site.VMs)+len(more))
		for _, vm := range site.VMs {
			ends = append(ends, TraceEnd{VM: vm.Name})
		}
		return append(ends, more...)
	}
	internet := TraceEnd{Internet: true}
	columns := make([]TraceEnd, 0, len(public)+1)
	for _, a := range public {
		columns = append(columns, TraceEnd{Address: a})
	}
	r.Sources, r.Destinations = whole(r.Sources, internet), whole(r.Destinations, append(columns, internet)...)
	if rows, columns := len(r.Sources), len(r.Destinations); rows*columns > MaxMatrixCells {
		return r, invalid("", "a matrix has %d cells at most, and %d sources by %d destinations are %d; name fewer of them", MaxMatrixCells, rows, columns, rows*columns)
	}
	var v errorList
	found := map[TraceEnd]bool{}
	for _, ends := range []struct {
		field string
		list  []TraceEnd
	}{{"sources", r.Sources}, {"destinations", r.Destinations}} {
		for i, e := range ends.list {
			if found[e] {
				continue
			}
			if len(v) >= MaxListed { // each looks at all VMs for names that are alike
				break
			}
			_, err := site.addressesOf(e, nil)
			if err != nil {
				v = append(v, Within(fmt.Sprintf("%s[%d]", ends.field, i), err))
			}
			found[e] = err == nil
		}
	}
	return r, v.err()
}

// MatrixCell says whether a source would reach a destination.
type MatrixCell struct {
	Reachable bool
	// Reason is why: Reachability.Outcome, or no_default_gateway where the explanation names a
	// gateway that is missing, or the reason for not asking.
	Reason Reason
}

// The reasons for a cell without a question. They are never a packet's.
const (
	// ReasonSameEnd: source and destination are one and the same.
	ReasonSameEnd Reason = "same_end"
	// ReasonUnknownAddress: no address of a VM is known.
	ReasonUnknownAddress Reason = "unknown_address"
	// ReasonDifferentFamilies: source and destination have no addresses of one family.
	ReasonDifferentFamilies Reason = "different_families"
)

// ReachabilityMatrix says who reaches whom.
type ReachabilityMatrix struct {
	Sources, Destinations []TraceEnd
	// Cells has a row for each source, with a cell for each destination.
	Cells [][]MatrixCell
}

// Matrix asks about each cell of a request that has all of its ends. decide answers one question
// whose ways are those given, of which there is at least one; an error of its ends the matrix.
// CodeInvalidValue: there are more than MaxMatrixWays.
func (r MatrixRequest) Matrix(site Site, outside []netip.Addr, decide func(TraceRequest, [][2]netip.Addr) (MatrixCell, error)) (*ReachabilityMatrix, error) {
	columns := make([][]netip.Addr, len(r.Destinations))
	for i, e := range r.Destinations {
		columns[i], _ = site.addressesOf(e, outside) // Over found every VM
	}
	m := &ReachabilityMatrix{r.Sources, r.Destinations, make([][]MatrixCell, len(r.Sources))}
	total := 0
	for i, source := range r.Sources {
		row, _ := site.addressesOf(source, outside)
		m.Cells[i] = make([]MatrixCell, len(r.Destinations))
		for j, destination := range r.Destinations {
			cell := &m.Cells[i][j]
			if source == destination {
				cell.Reason = ReasonSameEnd
				continue
			}
			if source.VM != "" && len(row) == 0 || destination.VM != "" && len(columns[j]) == 0 {
				cell.Reason = ReasonUnknownAddress
				continue
			}
			ways := pairs(row, columns[j])
			if len(ways) == 0 {
				cell.Reason = ReasonDifferentFamilies
				continue
			}
			if total += len(ways); total > MaxMatrixWays {
				return nil, invalid("", "the addresses of these VMs make more than %d pairs, which is the most that one matrix has; name fewer VMs", MaxMatrixWays)
			}
			var err error
			if *cell, err = decide(TraceRequest{Source: source, Destination: destination, Protocol: r.Protocol, Port: r.Port}, ways); err != nil {
				return nil, err
			}
		}
	}
	return m, nil
}

// pairs are those of addresses of one family.
func pairs(from, to []netip.Addr) (list [][2]netip.Addr) {
	for _, a := range from {
		for _, b := range to {
			if a.Is4() == b.Is4() {
				list = append(list, [2]netip.Addr{a, b})
			}
		}
	}
	return list
}

// Outcome is the reason that settled whether the destination is reached: the request's, or the
// reply's where the request arrives and its reply does not get back.
func (r Reachability) Outcome() Reason {
	if r.Reply != nil && r.Reply.Verdict == Dropped {
		return r.Reply.Reason
	}
	return r.Reason
}

// Words says a reason in two or three words, for a cell of a table.
func (r Reason) Words() string {
	switch r {
	case ReasonRoutingEnabled:
		return "routed"
	case ReasonInternetAccess:
		return "through the internet"
	case ReasonPublicIPRule:
		return "by a public IP rule"
	case ReasonSameNetwork:
		return "in one network"
	case ReasonEcho:
		return "the appliance answers"
	case ReasonNoPublicIPRule:
		return "no public IP rule"
	case ReasonSameEnd:
		return "itself"
	case ReasonUnknownAddress:
		return "address not known"
	}
	return strings.ReplaceAll(string(r), "_", " ")
}
