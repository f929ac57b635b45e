package vcc

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// NetworkExtensionAppliance is the small router that the service provider runs
// for a tenant on one host (D3).
type NetworkExtensionAppliance struct {
	ID       string
	HostID   string
	HostName string
	Platform Platform
	// Networks are the cloud networks of all the tenant's plans on that host.
	Networks []Network
}

// VNICs returns how many virtual network adapters the appliance has: one per
// cloud network, and one on the service provider's external network (D3).
func (a NetworkExtensionAppliance) VNICs() int { return len(a.Networks) + 1 }

// MaxVMwareVNICs is how many network adapters a VM on a VMware host has at most
// (D21; documented for VMs, and for the appliance in Cloud Director).
const MaxVMwareVNICs = 10

// TooManyVNICs reports whether an appliance with a number of network adapters cannot be
// made on a host (D21).
func (h Host) TooManyVNICs(vnics int) bool {
	return h.Platform == PlatformVMware && vnics > MaxVMwareVNICs
}

// Appliances groups a tenant's networks by host, in order of first appearance:
// there is one appliance per tenant and host (D3). What networks do not know,
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

// LabAppliance declares the external side of a tenant's network extension
// appliance on a host.
type LabAppliance struct {
	Host     string
	External ExternalSettings
}

// ExternalSettings are the settings of an appliance's adapter on the service provider's
// external network. The zero value of a family's address means that the appliance has no
// outside in that family.
type ExternalSettings struct {
	// IPv4 and IPv6 are the appliance's own addresses with the length of the network's
	// prefix, such as 198.51.100.5/24.
	IPv4, IPv6 netip.Prefix
	// IPv4Gateway and IPv6Gateway are the next routers. Without one nothing gets out in
	// that family.
	IPv4Gateway, IPv6Gateway netip.Addr
}

// ExternalFamily is what external settings say of one family.
type ExternalFamily struct {
	Own     netip.Prefix
	Gateway netip.Addr
}

// Families returns the families in which there is an address of the appliance, IPv4 first.
func (s ExternalSettings) Families() (list []ExternalFamily) {
	for _, f := range []ExternalFamily{{s.IPv4, s.IPv4Gateway}, {s.IPv6, s.IPv6Gateway}} {
		if f.Own.IsValid() {
			list = append(list, f)
		}
	}
	return list
}

// ParseExternal reads external settings; an empty text is an absent value. The error lists
// every value that cannot be read, with the fields "ipv4", "ipv4_gateway", "ipv6" and
// "ipv6_gateway". It checks no rules: Lab.Check does.
func ParseExternal(ipv4, ipv4Gateway, ipv6, ipv6Gateway string) (ExternalSettings, error) {
	var s ExternalSettings
	var errs errorList
	for _, f := range []struct {
		field, address, gateway, example string
		prefix                           *netip.Prefix
		next                             *netip.Addr
	}{
		{"ipv4", ipv4, ipv4Gateway, exampleExternalIPv4, &s.IPv4, &s.IPv4Gateway},
		{"ipv6", ipv6, ipv6Gateway, exampleExternalIPv6, &s.IPv6, &s.IPv6Gateway},
	} {
		prefix, err := optional(netip.ParsePrefix, f.address)
		if err != nil {
			errs.add(f.field, notExternal, f.address, f.example)
			continue
		}
		gateway, err := optional(netip.ParseAddr, f.gateway)
		if err != nil {
			errs.add(f.field+"_gateway", "%q is not an address of the family of %s", f.gateway, f.address)
		}
		*f.prefix, *f.next = prefix, gateway
	}
	return s, errs.err()
}

const (
	exampleExternalIPv4 = "198.51.100.5/24"
	exampleExternalIPv6 = "2001:db8:ffff::5/64"
	notExternal         = "%q is not an address with its prefix length; write it like %s"
)

// optional reads a text that may be absent.
func optional[T any](parse func(string) (T, error), text string) (value T, err error) {
	if text == "" {
		return value, nil
	}
	return parse(text)
}

// Contains reports whether an address is in the external network itself, which is
// reached without the internet (D22).
func (s ExternalSettings) Contains(a netip.Addr) bool {
	return s.IPv4.Contains(a) || s.IPv6.Contains(a)
}

// checkAppliances checks the appliances of a tenant that stands at a path.
func (c *labCheck) checkAppliances(at string, t LabTenant) {
	hosts := map[string]string{}
	for i, a := range t.Appliances {
		at := fmt.Sprintf("%s.appliances[%d]", at, i)
		if c.known(at+".host", "host", a.Host, c.hosts) {
			c.unique(at+".host", a.Host, hosts)
		}
		c.checkExternal(at+".external.ipv4", a.External.IPv4, a.External.IPv4Gateway, exampleExternalIPv4, netip.Addr.Is4)
		c.checkExternal(at+".external.ipv6", a.External.IPv6, a.External.IPv6Gateway, exampleExternalIPv6, isPlainIPv6)
	}
}

func isPlainIPv6(a netip.Addr) bool { return a.Is6() && !a.Is4In6() && a.Zone() == "" }

// checkExternal checks one family of an appliance's external adapter: an address with its
// prefix length, and a gateway beside it, or a link-local one.
func (c *labCheck) checkExternal(field string, address netip.Prefix, gateway netip.Addr, example string, family func(netip.Addr) bool) {
	switch {
	case !address.IsValid():
		if gateway.IsValid() {
			c.add(field+"_gateway", "a gateway without an address; add %s, such as %s", field[strings.LastIndex(field, ".")+1:], example)
		}
	case !family(address.Addr()):
		c.add(field, notExternal, address, example)
	case !gateway.IsValid():
	case !family(gateway):
		c.add(field+"_gateway", "%q is not an address of the family of %s", gateway, address)
	case gateway == address.Addr():
		c.add(field+"_gateway", "%s is the appliance's own address; the gateway is the next router", gateway)
	case !address.Contains(gateway) && !gateway.IsLinkLocalUnicast():
		c.add(field+"_gateway", "%s is outside %s", gateway, address.Masked())
	}
}

// ApplianceInputs are everything that one appliance is compiled from, as it is
// stored at one moment.
type ApplianceInputs struct {
	NetworkExtensionAppliance
	External       ExternalSettings
	Gateways       map[string]GatewaySettings // by network ID
	RoutingEnabled bool
	PublicIPRules  []PublicIPRule
	// Session is the failover that the appliance is busy with, nil for none.
	Session *FailoverSession
}

// ApplianceState says what an appliance does, or would do at full site failover.
type ApplianceState struct {
	ID       string
	HostName string
	Platform Platform
	// HardwarePlans are the names of the plans whose networks the appliance serves, in
	// plan order.
	HardwarePlans []string
	// Session is the failover that the appliance is busy with, nil for none.
	Session    *FailoverSession
	Interfaces []ApplianceInterface
	// Routes are the external ones, then those of the networks in order.
	Routes []ApplianceRoute
	// SourceNAT has at most one rule per family.
	SourceNAT []SourceNATRule
	// DestinationNAT are the public IP rules that lead to a network.
	DestinationNAT []DestinationNATRule
	Problems       []ApplianceProblem
}

// State says what an appliance does: "stopped", "fullSiteFailover" or "partialSiteFailover".
func (s ApplianceState) State() string {
	switch {
	case s.Session == nil:
		return "stopped"
	case s.Session.Kind == FailoverFullSite:
		return "fullSiteFailover"
	default:
		return "partialSiteFailover"
	}
}

// ApplianceInterface is one of an appliance's network adapters.
type ApplianceInterface struct {
	// Name is "ext0" on the external network, and "net1", "net2" and so on.
	Name string
	// NetworkID and NetworkName are empty for ext0.
	NetworkID, NetworkName string
	// Addresses are the appliance's own with their prefix lengths, IPv4 first.
	Addresses []netip.Prefix
}

// ApplianceRoute is a connected route, or a default route with a gateway.
type ApplianceRoute struct {
	Destination netip.Prefix
	Interface   string
	Gateway     netip.Addr // the zero value for a connected route
}

// SourceNATRule gives packets that leave through ext0 an external source address (D16).
type SourceNATRule struct {
	// Interfaces are those that the packets come from.
	Interfaces []string
	To         netip.Addr
}

// DestinationNATRule is a public IP rule at work, with the interface that it forwards to
// (D17).
type DestinationNATRule struct {
	Public, Internal netip.AddrPort
	Interface        string
}

// ProblemCode classifies a problem for programs.
type ProblemCode string

// The problems. The codes that the design leaves open are our decision.
const (
	// ProblemNoDefaultGateway: a network has no stored gateway and gets no address (D15).
	ProblemNoDefaultGateway ProblemCode = "no_default_gateway"
	// ProblemIPv6PrefixNot64: a network is left without IPv6 (D11).
	ProblemIPv6PrefixNot64 ProblemCode = "ipv6_prefix_not_64"
	// ProblemPublicIPRuleWithoutNetwork: the internal address of a public IP rule is
	// in no network that the appliance serves, so the rule is left out.
	ProblemPublicIPRuleWithoutNetwork ProblemCode = "public_ip_rule_without_network"
	// ProblemNoExternalGateway: a network with internet access reaches nothing
	// outside in one family, because the appliance has no external gateway of it.
	ProblemNoExternalGateway ProblemCode = "no_external_gateway"
	// ProblemOverlapsExternalNetwork: a network and the external network share
	// addresses. Nothing from outside with one of them gets in.
	ProblemOverlapsExternalNetwork ProblemCode = "overlaps_external_network"
	// ProblemTooManyNetworkAdapters: the host makes no VM with as many adapters as the
	// appliance needs (D21).
	ProblemTooManyNetworkAdapters ProblemCode = "too_many_network_adapters"
	// ProblemInvalidConfiguration: the rules of the domain refuse a value that was
	// handed in all the same. The value is left out.
	ProblemInvalidConfiguration ProblemCode = "invalid_configuration"
	// ProblemVMNotReplicated: a VM of a failover plan has no replica to start.
	ProblemVMNotReplicated ProblemCode = "vm_not_replicated"
	// ProblemApplianceBusy: a failover that keeps an appliance busy would refuse a start (D14).
	ProblemApplianceBusy ProblemCode = "appliance_busy"
)

// Words says a problem in a few words, for a picture or a cell of a table.
func (c ProblemCode) Words() string {
	return strings.NewReplacer("_", " ", "ipv6", "IPv6", "ip", "IP", "vm", "VM").Replace(string(c))
}

// ApplianceProblem is something that people should know before they rely on an
// appliance.
type ApplianceProblem struct {
	Code ProblemCode
	// NetworkID and NetworkName say which network it concerns. They are empty for the
	// host, for external settings, for VMs, for a busy appliance, and for a public IP rule that
	// leads to no network.
	NetworkID, NetworkName string
	// Message says what is wrong, what follows from it and what to do.
	Message string
}

// ApplianceService says what a tenant's appliances do, or would do. It changes
// nothing.
type ApplianceService interface {
	// Appliances returns a page of the tenant's appliances in plan order, and how
	// many there are.
	Appliances(ctx context.Context, as Actor, page Page) ([]ApplianceState, int, error)

	// Appliance returns one appliance. CodeNotFound: no such appliance.
	Appliance(ctx context.Context, as Actor, id string) (*ApplianceState, error)

	// ApplianceSources returns what an appliance is compiled from and what stands around it; nil
	// where its version is known, which costs little. CodeNotFound: no such appliance.
	ApplianceSources(ctx context.Context, as Actor, id, known string) (*ApplianceSources, error)

	// Trace answers questions, each by itself, as after full site failover with what is
	// stored now and what is assumed on top of it. All of it is of one moment.
	// CodeInvalidValue: a question or the assumption is wrong; fields begin with
	// "questions[N]" or "assume". CodeConflict: D12 would be broken.
	Trace(ctx context.Context, as Actor, questions []TraceRequest, assume Assumption) ([]Reachability, error)

	// Matrix says who would reach whom, as Trace would about each cell: with the questions, the
	// appliances and the VMs of one moment.
	// CodeInvalidValue: the request or the assumption is wrong, or asks for more than
	// MaxMatrixCells; fields are those of ParseMatrixRequest, or begin with "assume".
	// CodeConflict: D12 would be broken, or the tenant has no cloud networks.
	Matrix(ctx context.Context, as Actor, request MatrixRequest, assume Assumption) (*ReachabilityMatrix, error)
}
