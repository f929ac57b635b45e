package vcc_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestOutcome(t *testing.T) {
	packet := func(v vcc.Verdict, r vcc.Reason) vcc.TracedPacket {
		return vcc.TracedPacket{Verdict: v, Reason: r}
	}
	reply := func(v vcc.Verdict, r vcc.Reason) *vcc.TracedPacket {
		p := packet(v, r)
		return &p
	}
	for name, tc := range map[string]struct {
		vcc.Reachability
		want vcc.Reason
	}{
		"dropped":       {vcc.Reachability{TracedPacket: packet(vcc.Dropped, vcc.ReasonRoutingDisabled)}, vcc.ReasonRoutingDisabled},
		"reachable":     {vcc.Reachability{Reachable: true, TracedPacket: packet(vcc.Forwarded, vcc.ReasonInternetAccess), Reply: reply(vcc.Forwarded, vcc.ReasonKnownFlow)}, vcc.ReasonInternetAccess},
		"reply dropped": {vcc.Reachability{TracedPacket: packet(vcc.Forwarded, vcc.ReasonPublicIPRule), Reply: reply(vcc.Dropped, vcc.ReasonNoRoute)}, vcc.ReasonNoRoute},
		"nobody there":  {vcc.Reachability{TracedPacket: packet(vcc.Forwarded, vcc.ReasonPrivateDestination), Reply: reply(vcc.Forwarded, vcc.ReasonKnownFlow)}, vcc.ReasonPrivateDestination},
	} {
		if got := tc.Outcome(); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

// Reasons and problems are said in a few words of English, whatever their codes.
func TestWords(t *testing.T) {
	for reason, want := range map[vcc.Reason]string{
		vcc.ReasonRoutingEnabled: "routed", vcc.ReasonInternetAccess: "through the internet", vcc.ReasonNoPublicIPRule: "no public IP rule",
		vcc.ReasonDifferentHardwarePlan: "different hardware plan", vcc.ReasonUnknownAddress: "address not known",
	} {
		if got := reason.Words(); got != want {
			t.Errorf("%s: %q, want %q", reason, got, want)
		}
	}
	for code, want := range map[vcc.ProblemCode]string{
		vcc.ProblemIPv6PrefixNot64: "IPv6 prefix not 64", vcc.ProblemPublicIPRuleWithoutNetwork: "public IP rule without network", vcc.ProblemVMNotReplicated: "VM not replicated",
		vcc.ProblemTooManyNetworkAdapters: "too many network adapters",
	} {
		if got := code.Words(); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}

// What a small request can ask for is bounded: pairs of addresses, and looks for names that are alike.
func TestMatrix_bounds(t *testing.T) {
	t.Parallel()
	wide := func(name string) vcc.VM {
		vm := vcc.VM{Name: name}
		for i := range vcc.MaxNICs {
			vm.NICs = append(vm.NICs, vcc.NIC{Network: "App", IPv4: netip.AddrFrom4([4]byte{10, 0, byte(len(name)), byte(i)})})
		}
		return vm
	}
	site := vcc.Site{VMs: []vcc.VM{wide("a"), wide("bb")}}
	r := vcc.MatrixRequest{Protocol: "tcp", Port: 443}
	for range 100 {
		r.Sources, r.Destinations = append(r.Sources, vcc.TraceEnd{VM: "a"}), append(r.Destinations, vcc.TraceEnd{VM: "bb"})
	}
	r, err := r.Over(site, nil)
	if err != nil {
		t.Fatal(err)
	}
	ways := 0
	_, err = r.Matrix(site, nil, func(_ vcc.TraceRequest, asked [][2]netip.Addr) (vcc.MatrixCell, error) {
		ways += len(asked)
		return vcc.MatrixCell{}, nil
	})
	if vcc.Code(err) != vcc.CodeInvalidValue || ways > vcc.MaxMatrixWays {
		t.Errorf("%d pairs of addresses were decided: %v", ways, err)
	}

	r = vcc.MatrixRequest{Protocol: "tcp", Port: 443, Destinations: []vcc.TraceEnd{{Internet: true}}}
	for i := range vcc.MaxMatrixCells {
		r.Sources = append(r.Sources, vcc.TraceEnd{VM: fmt.Sprintf("nobody-%d", i)})
	}
	_, err = r.Over(site, nil)
	if n := len(vcc.Errors(err)); n != vcc.MaxListed {
		t.Errorf("%d errors about unknown VMs, want %d", n, vcc.MaxListed)
	}
}
