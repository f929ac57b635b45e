package vcc

import (
	"fmt"
	"net/netip"
)

// Sentence writes one sentence about a question: who reaches whom or does not, with the addresses
// that it is about, and why.
func (r TraceRequest) Sentence(reachable bool, source, destination netip.Addr, because string) string {
	verb, on := "does not reach", "over "+r.Protocol
	if reachable {
		verb = "reaches"
	}
	if r.Port > 0 {
		on = fmt.Sprintf("on %s port %d", r.Protocol, r.Port)
	}
	return fmt.Sprintf("%s %s %s %s: %s.", r.Source.withAddress(source), verb, r.Destination.withAddress(destination), on, because)
}

// withAddress writes an end for people.
func (e TraceEnd) withAddress(a netip.Addr) string {
	switch {
	case e.Internet:
		return fmt.Sprintf("the internet (%s)", a)
	case e.VM != "":
		return fmt.Sprintf("%s (%s)", e.VM, a)
	}
	return a.String()
}

// wayOut is advice about an outcome that is not as it should be, for reasons whose words give none.
var wayOut = map[Reason]string{
	ReasonNoInternetAccess:      "; use a network with internet access",
	ReasonDifferentHardwarePlan: "; use networks of one hardware plan",
	ReasonNoPublicIPRule:        "; add one to the failover plan",
	ReasonRoutingEnabled:        "; switch the routing option off",
	ReasonInternetAccess:        "; use a network without internet access",
	ReasonPublicIPRule:          "; remove it from the failover plan",
}

// WayOut is what to do about an outcome that is not as it should be, to be put behind the words of
// its reason; "" where these say it.
func (r Reason) WayOut() string { return wayOut[r] }
