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

// ApplianceService says what a tenant's appliances do, or would do. It changes
// nothing.
type ApplianceService interface {
	// Appliances returns a page of the tenant's appliances in plan order, and how
	// many there are.
	Appliances(ctx context.Context, as Actor, page Page) ([]ApplianceState, int, error)

	// Appliance returns one appliance. CodeNotFound: no such appliance.
	Appliance(ctx context.Context, as Actor, id string) (*ApplianceState, error)

	// Trace answers questions, each by itself, as after full site failover with what is
	// stored now and what is assumed on top of it. All of it is of one moment.
	// CodeInvalidValue: a question or the assumption is wrong; fields begin with
	// "questions[N]" or "assume". CodeConflict: rule 12 would be broken.
	Trace(ctx context.Context, as Actor, questions []TraceRequest, assume Assumption) ([]Reachability, error)
}
