// Package appliance is the routing engine of the network extension appliance:
// the small IPv4 and IPv6 router at the service provider that takes over the
// role of a tenant's default gateways at full site failover. It says which
// packets get through, and why.
//
// What is stored is compiled, and packets are decided against the outcome:
//
//	config.go   what goes in: external settings, networks, gateways, rules
//	compile.go  Compile: interfaces, routes, policy, NAT and problems
//	packet.go   packets, verdicts, and the reasons for them
//	number.go   addresses as numbers
//	decide.go   the ten rules for the first packet of a flow
//	flow.go     the flow table: later packets, translation, expiry
//	engine.go   Engine: both together, safe for concurrent use
//	trace.go    Trace and Reachability: the same decisions, explained
//
// The package does no I/O and holds no clock of its own. No configuration and
// no packet makes it panic. Facts about networks carry the RFC they come from;
// where the design is silent the comment says "our decision".
package appliance
