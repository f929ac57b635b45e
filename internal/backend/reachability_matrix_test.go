package backend_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// matrix asks who reaches whom: "tcp 443".
func (s *site) matrix(service string, r vcc.MatrixRequest, assume vcc.Assumption) *vcc.ReachabilityMatrix {
	s.t.Helper()
	protocol, port, _ := strings.Cut(service, " ")
	q := question(s.t, strings.TrimSpace(protocol+" 192.0.2.1 192.0.2.2 "+port))
	r.Protocol, r.Port = q.Protocol, q.Port
	m, err := s.Client.Matrix(s.t.Context(), self, r, assume)
	ok(s.t, err)
	return m
}

// lines write a matrix, one cell a line.
func lines(m *vcc.ReachabilityMatrix) (list []string) {
	for i, row := range m.Cells {
		for j, c := range row {
			list = append(list, fmt.Sprintf("%s > %s: %t, %s", m.Sources[i], m.Destinations[j], c.Reachable, c.Reason.Words()))
		}
	}
	return list
}

// The built-in lab, with a VM whose address nobody knows.
func TestMatrix(t *testing.T) {
	t.Parallel()
	s := openSite(t, backend.EmbeddedConfig{DataDir: t.TempDir(), LabFile: changedLab(t, func(abc, _ *vcc.LabTenant) {
		abc.VMs = append(abc.VMs,
			vcc.VM{Name: "app01", Guest: vcc.GuestOther, NICs: []vcc.NIC{{Network: "App"}}},
			vcc.VM{Name: "six", Guest: vcc.GuestLinux, NICs: []vcc.NIC{{Network: "App", IPv6: addr("2001:db8:52::66")}}})
	})})
	s.run("Silver nightly")
	ends := func(ends ...string) (list []vcc.TraceEnd) {
		for _, text := range ends {
			e, err := vcc.ParseTraceEnd(text)
			ok(t, err)
			list = append(list, e)
		}
		return list
	}
	all := s.matrix("tcp 443", vcc.MatrixRequest{}, vcc.Assumption{})
	vms := []string{"web01", "web02", "db01", "file01", "vault01", "tape01", "app01", "six"}
	same(t, "sources of a matrix of all", all.Sources, ends(append(vms, "internet")...))
	same(t, "destinations of a matrix of all", all.Destinations, ends(append(vms, "203.0.113.10", "203.0.113.11", "internet")...))
	few := vcc.MatrixRequest{Sources: ends("web01", "db01", "app01", "six", "internet"), Destinations: ends("web01", "db01", "app01", "six", "203.0.113.10", "internet")}
	same(t, "matrix", lines(s.matrix("tcp 443", few, vcc.Assumption{})), []string{
		"web01 > web01: false, itself",
		"web01 > db01: false, no default gateway",
		"web01 > app01: false, address not known",
		"web01 > six: true, in one network",
		"web01 > 203.0.113.10: true, through the internet",
		"web01 > internet: true, through the internet",
		"db01 > web01: false, no default gateway",
		"db01 > db01: false, itself",
		"db01 > app01: false, address not known",
		"db01 > six: false, different families",
		"db01 > 203.0.113.10: false, no default gateway",
		"db01 > internet: false, no default gateway",
		"app01 > web01: false, address not known",
		"app01 > db01: false, address not known",
		"app01 > app01: false, itself",
		"app01 > six: false, address not known",
		"app01 > 203.0.113.10: false, address not known",
		"app01 > internet: false, address not known",
		"six > web01: true, in one network",
		"six > db01: false, different families",
		"six > app01: false, address not known",
		"six > six: false, itself",
		"six > 203.0.113.10: false, different families",
		"six > internet: true, through the internet",
		"internet > web01: false, no public IP rule",
		"internet > db01: false, no default gateway",
		"internet > app01: false, address not known",
		"internet > six: false, no public IP rule",
		"internet > 203.0.113.10: true, by a public IP rule",
		"internet > internet: false, itself",
	})
	before := s.gateways()
	// What if: a gateway for db, with routing and without, and chosen ends.
	some := vcc.MatrixRequest{Sources: []vcc.TraceEnd{{VM: "web01"}, {Address: addr("192.0.2.9")}}, Destinations: []vcc.TraceEnd{{VM: "db01"}}}
	for routing, want := range map[bool][]string{
		true:  {"web01 > db01: true, routed", "192.0.2.9 > db01: false, no public IP rule"},
		false: {"web01 > db01: false, routing disabled", "192.0.2.9 > db01: false, no public IP rule"},
	} {
		assume := vcc.Assumption{Gateways: []vcc.AssumedGateway{{NetworkID: s.networkID(silver1), GatewaySettings: ipv4("172.17.54.1/24")}}, RoutingEnabled: &routing}
		same(t, fmt.Sprintf("matrix with routing %t", routing), lines(s.matrix("tcp 5432", some, assume)), want)
	}
	same(t, "stored gateways", s.gateways(), before)
}

// A cell says what a trace of its ends says.
func TestMatrixIsTraces(t *testing.T) {
	t.Parallel()
	s := openABC(t)
	on := true
	for _, assume := range []vcc.Assumption{{}, {RoutingEnabled: &on}, {
		Gateways: []vcc.AssumedGateway{{NetworkID: s.networkID(silver1), GatewaySettings: ipv4("172.17.54.1/24")}}, RoutingEnabled: &on,
	}} {
		for _, service := range []string{"tcp 443", "tcp 22", "udp 53", "icmp"} {
			m := s.matrix(service, vcc.MatrixRequest{}, assume)
			protocol, port, _ := strings.Cut(service, " ")
			for i, from := range m.Sources {
				for j, to := range m.Destinations {
					if from == to {
						continue
					}
					q := question(t, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", protocol, from, to, port)))
					answers, err := s.Client.Trace(t.Context(), self, []vcc.TraceRequest{q}, assume)
					ok(t, err)
					a, cell := answers[0], m.Cells[i][j]
					reason := a.Outcome()
					if strings.Contains(a.Explanation, "default gateway") && !a.Reachable {
						reason = vcc.ReasonNoDefaultGateway
					}
					same(t, fmt.Sprintf("%s > %s on %s", from, to, service), cell, vcc.MatrixCell{Reachable: a.Reachable, Reason: reason})
				}
			}
		}
	}
}

// A matrix is bounded, and says what is wrong with its request.
func TestMatrix_refused(t *testing.T) {
	t.Parallel()
	s := openABC(t)
	many := make([]vcc.TraceEnd, 129)
	for i := range many {
		many[i].Address = netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})
	}
	for want, r := range map[string]vcc.MatrixRequest{
		"a matrix has 16384 cells at most, and 129 sources by 129 destinations are 16641; name fewer of them":                                                              {Sources: many, Destinations: many},
		`sources[1]: "webb" is no VM of the tenant's site, no IP address and not the word internet; did you mean "web01", "web02", "db01", "file01", "tape01", "vault01"?`: {Sources: []vcc.TraceEnd{{VM: "db01"}, {VM: "webb"}}},
	} {
		r.Protocol, r.Port = "tcp", 443
		_, err := s.Client.Matrix(t.Context(), self, r, vcc.Assumption{})
		if vcc.Code(err) != vcc.CodeInvalidValue || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	_, err := s.Client.Matrix(t.Context(), self, vcc.MatrixRequest{Protocol: "tcp", Port: 443}, vcc.Assumption{Removals: []string{"x"}})
	if err == nil || err.Error() != `assume.removals[0]: there is no cloud network with ID "x"` {
		t.Errorf("a wrong assumption: %v", err)
	}
	// Who has gone is not computed for.
	services, as := s.services("ABC Company")
	for _, left := range []int64{0, 40} {
		ctx := &leaving{Context: t.Context()}
		ctx.left.Store(left)
		if _, err := services.Matrix(ctx, as, vcc.MatrixRequest{Protocol: "icmp"}, vcc.Assumption{}); err == nil {
			t.Errorf("a matrix for a context that is done after %d questions", left)
		}
	}
}

// leaving is a context that is done once it was asked a number of times.
type leaving struct {
	context.Context
	left atomic.Int64
}

func (l *leaving) Err() error {
	if l.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// The VMs of a site come in pages, in the order of their declaration.
func TestVMs(t *testing.T) {
	t.Parallel()
	s := openSite(t, backend.EmbeddedConfig{DataDir: t.TempDir(), LabFile: changedLab(t, func(abc, _ *vcc.LabTenant) {
		abc.VMs = append(abc.VMs, vcc.VM{Name: "none", Guest: vcc.GuestOther})
	})})
	services, as := s.services("ABC Company")
	var got []string
	for skip := range 9 { // a page of one each, and one beyond the last
		list, total, err := services.VMs(t.Context(), as, vcc.Page{Skip: skip, Limit: 1})
		ok(t, err)
		same(t, "total", total, 7)
		got = append(got, mapped(list, func(vm vcc.VM) string { return vm.Name })...)
	}
	same(t, "VMs", got, []string{"web01", "web02", "db01", "file01", "vault01", "tape01", "none"})
}
