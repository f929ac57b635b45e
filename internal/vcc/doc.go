// Package vcc is the domain: cloud networks, their default gateways, the routing option between
// them, failover, labs and accounts. Every other package passes its values around: text is
// parsed into them at the edges, and formatted from them there.
//
// Each rule stands once, in the file that this list names; other code calls it and cites its
// number. So the provider's schema and the server refuse a value in the same words.
//
//	D1   host.go             a cloud network gets the next free VLAN of its host
//	D2   host.go             a VLAN that was given out stays given out
//	D3   appliance.go        one appliance per tenant and host, an adapter per network
//	D4   replication_job.go  the first run of a job detects default gateways
//	D5   detection.go        only settings of Windows VMs are detected
//	D6   detection.go        how production networks are mapped to cloud networks
//	D7   default_gateway.go  a gateway is detected, or specified
//	D8   default_gateway.go  a gateway has IPv4 settings, IPv6 settings, or both
//	D9   ipv4.go             which IPv4 addresses and masks a gateway can have
//	D10  ipv6.go             which IPv6 addresses and networks a gateway can have
//	D11  ipv6.go             only /64 works for failover over IPv6
//	D12  overlap.go          networks on one appliance do not overlap
//	D13  ../appliance/decide.go   one routing option per tenant joins the networks of each plan
//	D14  failover.go         an appliance does one kind of failover at a time
//	D15  ../appliance/compile.go  at full site failover the appliance gets the stored gateways
//	D16  ../appliance/decide.go   networks with internet access reach outside
//	D17  public_ip_rule.go   a public address and port lead into a cloud network
//	D18  ../store/failover.go     undo takes the addresses away, a test keeps a report and changes nothing else
//	D19  ../backend/compiled.go   a change reaches an appliance in failover at once
//	D20  ../httpapi/authentication.go  another tenant's object answers as one that is missing
//	D21  appliance.go        a VMware VM has ten network adapters at most
//	D22  internet.go         private addresses are not reached through the internet
//	D23  login.go            guessing is slowed down, and nobody is locked out
//
// The package does no I/O. Beside the standard library it imports Unicode normalization
// alone. Values are plain data: safe for concurrent use as long as nobody changes them.
//
// Facts come from the vendor's public documentation of Cloud Connect (guide,
// version 13) and of its PowerShell cmdlets. Where that is silent the comment
// says "our decision".
package vcc
