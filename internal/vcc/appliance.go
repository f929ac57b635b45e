package vcc

import (
	"context"
	"net/netip"
	"slices"
)

// NetworkExtensionAppliance is the small router that the service provider runs
// for a tenant on one host (rule 3).
type NetworkExtensionAppliance struct {
	ID       string
	HostID   string
	HostName string
	Platform Platform
	// Networks are the cloud networks of all the tenant's plans on that host.
	Networks []Network
}

// VNICs returns how many virtual network adapters the appliance has: one per
// cloud network, and one on the service provider's external network (rule 3).
func (a NetworkExtensionAppliance) VNICs() int { return len(a.Networks) + 1 }

// MaxVMwareVNICs is how many network adapters a VM on a VMware host has at most
// (rule 21; documented for VMs, and for the appliance in Cloud Director).
const MaxVMwareVNICs = 10

// TooManyVNICs reports whether an appliance with a number of network adapters cannot be
// made on a host (rule 21).
func (h Host) TooManyVNICs(vnics int) bool {
	return h.Platform == PlatformVMware && vnics > MaxVMwareVNICs
}

// Appliances groups a tenant's networks by host, in order of first appearance:
// there is one appliance per tenant and host (rule 3). What networks do not know,
// its own ID and the host's name and platform, is for the caller to fill in.
func Appliances(networks []Network) []NetworkExtensionAppliance {
	var appliances []NetworkExtensionAppliance
	for _, n := range networks {
		i := slices.IndexFunc(appliances, func(a NetworkExtensionAppliance) bool { return a.HostID == n.HostID })
		if i < 0 {
			i = len(appliances)
			appliances = append(appliances, NetworkExtensionAppliance{HostID: n.HostID})
		}
		appliances[i].Networks = append(appliances[i].Networks, n)
	}
	return appliances
}

// ApplianceInputs are everything that one appliance is compiled from, as it is
// stored at one moment.
type ApplianceInputs struct {
	NetworkExtensionAppliance
	External       LabExternal
	Gateways       map[string]GatewaySettings // by network ID
	RoutingEnabled bool
	PublicIPRules  []LabPublicIPRule
	// Session is the failover that the appliance is busy with, nil for none.
	Session *FailoverSession
}

// ApplianceState says what an appliance does, or would do at full site failover.
type ApplianceState struct {
	NetworkExtensionAppliance
	// Session is the failover that the appliance is busy with, nil for none.
	Session    *FailoverSession
	Interfaces []ApplianceInterface
	Routes     []ApplianceRoute
	SourceNAT  []SourceNATRule
	// DestinationNAT are the public IP rules that lead to a network.
	DestinationNAT []DestinationNATRule
	Problems       []ApplianceProblem
}

// ApplianceInterface is one of an appliance's network adapters.
type ApplianceInterface struct {
	// Name is ext0 or netN.
	Name string
	// NetworkID and NetworkName are empty for ext0.
	NetworkID, NetworkName string
	Addresses              []netip.Prefix
}

// ApplianceRoute is a connected route, or a default route with a gateway.
type ApplianceRoute struct {
	Destination netip.Prefix
	Interface   string
	Gateway     netip.Addr // the zero value for a connected route
}

// SourceNATRule gives what leaves through ext0 an external source address.
type SourceNATRule struct {
	Interfaces []string
	To         netip.Addr
}

// DestinationNATRule is a public IP rule at work.
type DestinationNATRule struct {
	Public, Internal netip.AddrPort
	Interface        string
}

// ApplianceProblem is something that people should know before they rely on an
// appliance.
type ApplianceProblem struct {
	Code        string `json:"code"`
	NetworkID   string `json:"networkId"`
	NetworkName string `json:"networkName"`
	Message     string `json:"message"`
}

// TraceRequest asks what would become of a packet after full site failover.
type TraceRequest struct {
	Source, Destination netip.Addr
	// Protocol is tcp, udp or icmp, which means ICMPv6 between IPv6 addresses.
	Protocol string
	// Port is the destination's, 1 to 65535; 0 with icmp.
	Port int
}

// ParseTraceRequest reads a request. The error lists every value that is wrong,
// with the fields "source", "destination", "protocol" and "port".
func ParseTraceRequest(source, destination, protocol string, port int) (TraceRequest, error) {
	var r TraceRequest
	var v errorList
	for _, a := range []struct {
		field, value string
		into         *netip.Addr
	}{{"source", source, &r.Source}, {"destination", destination, &r.Destination}} {
		addr, err := netip.ParseAddr(a.value)
		if err != nil || addr.Zone() != "" || addr.Is4In6() {
			v.add(a.field, "%q is not an IP address; write one such as 172.17.52.10 or 2001:db8:52::10", a.value)
		}
		*a.into = addr
	}
	if len(v) == 0 && r.Source.Is4() != r.Destination.Is4() {
		v.add("destination", "%s and the source %s are not of one family", destination, source)
	}
	switch protocol {
	case "tcp", "udp":
		if port < 1 || port > 65535 {
			v.add("port", "%d is not a port; %s needs one from 1 to 65535", port, protocol)
		}
	case "icmp":
		if port != 0 {
			v.add("port", "icmp has no ports; leave it out")
		}
	default:
		v.add("protocol", "%q is not a protocol; use tcp, udp or icmp", protocol)
	}
	r.Protocol, r.Port = protocol, port
	return r, v.err()
}

// TraceStep is one step of a decision, in words and in data. Data that a kind of
// step does not have is empty.
type TraceStep struct {
	// Kind is arriving, rule, destination_nat, source_nat, route or leaving.
	Kind    string
	Message string
	// Interface is where the packet arrives or leaves.
	Interface string
	// From and To are the ends of a translation.
	From, To string
	// Route is the destination of the route taken.
	Route string
}

// TracedPacket is a packet as it leaves the appliance.
type TracedPacket struct {
	Verdict, Reason     string
	Source, Destination netip.AddrPort
	Steps               []TraceStep
}

// Reachability is the outcome of a trace: what becomes of a request and of its
// reply. Reachable means that the request arrives and its reply gets back.
type Reachability struct {
	Reachable bool
	TracedPacket
	// Reply is nil where the request is dropped.
	Reply *TracedPacket
}

// ApplianceService says what a tenant's appliances do, or would do. It changes
// nothing.
type ApplianceService interface {
	// Appliances returns a page of the tenant's appliances in plan order, and how
	// many there are.
	Appliances(ctx context.Context, as Actor, page Page) ([]ApplianceState, int, error)

	// Appliance returns one appliance. CodeNotFound: no such appliance.
	Appliance(ctx context.Context, as Actor, id string) (*ApplianceState, error)

	// Trace decides a packet as after full site failover with what is stored now.
	Trace(ctx context.Context, as Actor, r TraceRequest) (*Reachability, error)
}
