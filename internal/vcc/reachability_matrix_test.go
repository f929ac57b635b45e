package vcc_test

import (
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
