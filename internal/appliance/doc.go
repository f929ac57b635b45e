// Package appliance is the routing engine of the network extension appliance:
// the small IPv4 and IPv6 router at the service provider that takes over the
// role of a tenant's default gateways at full site failover. It says which
// packets get through, and why.
//
// Compile turns what is stored into an appliance. An Engine decides packets at it, and
// remembers flows. Trace and Reachability explain the same decisions, and a Tenant adds
// what lies around its appliances, to say who reaches whom. A packet that
// belongs to no known flow is decided by ten rules, which code and comments cite by their
// numbers; those of the domain, D1 to D23, are listed in package vcc:
//
//	P1   number.go  malformed addresses: dropped (those of two families, too: key.go; and stray echo replies: decide.go)
//	P2   decide.go  from a network: it has a gateway, and the source lies in it
//	P3   decide.go  from outside: the source is none of the tenant's or the appliance's addresses
//	P4   decide.go  the appliance's own addresses answer echoes, and forward nothing; ext0 is managed
//	P5   decide.go  from outside: a public IP rule leads into a network
//	P6   decide.go  within a hardware plan the routing option decides
//	P7   decide.go  between hardware plans nothing is routed
//	P8   decide.go  networks with internet access reach outside, by source NAT
//	P9   decide.go  from outside: nothing else gets in
//	P10  decide.go  the hop limit goes down by one, and ends at 1 (of a known flow: engine.go)
//
// The package does no I/O and holds no clock of its own. No configuration and
// no packet makes it panic. Facts about networks carry the RFC they come from;
// where the design is silent the comment says "our decision".
package appliance
