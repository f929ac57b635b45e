// Package replay answers whether captured traffic would get through after full site failover. It takes the
// packets of a capture through the routing engine, with the capture's clock, each where its sender lives after
// failover: on the cloud network that holds its address, or outside.
//
// Replicas keep the addresses that the tenant's VMs have on their own site, so a packet of the capture is one of
// the appliance as it is, with two exceptions. What a capture shows as coming from outside to a VM came
// through the production gateway's own translation; after failover it comes to the public address of the rule
// that leads to that VM and port. And what answers a packet that the appliance translated is addressed to
// what the appliance made of it.
//
// A conversation is all that two ends say to each other over one protocol between one pair of ports, or
// with one identifier of ICMP echoes. The memory that a replay takes is bounded, however large the capture is: see
// MaxConversations.
package replay
