// Package linuxrouter makes a Linux kernel the network extension appliance: it turns what
// package appliance has compiled into interfaces, addresses, routes and an nftables ruleset
// inside a network namespace, where real programs can try what the engine says in words.
//
// MakePlan is pure and works on every system: from a compiled appliance to what a kernel has to
// be told. A Router tells it, on Linux alone. ruleset.nft is the whole ruleset, and it never
// changes: a configuration is nothing but elements of its sets and maps, so that a change of
// the policy is one nftables transaction. Each reason of the ten packet rules is a chain of its
// own that counts, logs the packet with the reason as prefix, and settles the verdict.
//
// Nothing outside the namespaces is touched. They have no names and live as long as the process.
package linuxrouter
