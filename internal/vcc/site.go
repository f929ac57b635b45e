package vcc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// Site is a tenant's own site.
type Site struct {
	ProductionNetworks []ProductionNetwork
	VMs                []VM
}

// ProductionNetwork is an IP network of a tenant's own site. A family that it does not have
// is the zero value.
type ProductionNetwork struct {
	Name                     string
	IPv4, IPv6               netip.Prefix
	IPv4Gateway, IPv6Gateway netip.Addr
}

// VM is a virtual machine of a tenant's own site.
type VM struct {
	Name  string
	Guest Guest
	NICs  []NIC
}

// SiteService shows a tenant's own site, as it was declared.
type SiteService interface {
	// VMs returns a page of the tenant's VMs in the order of their declaration, and how many there are.
	VMs(ctx context.Context, as Actor, page Page) ([]VM, int, error)
}

// Guest is the kind of operating system in a VM.
type Guest string

// The guests. Only Windows lets its network settings be detected (D5).
const (
	GuestWindows Guest = "windows"
	GuestLinux   Guest = "linux"
	GuestOther   Guest = "other"
)

// MaxNICs is how many adapters a VM has at most, more than any of the platforms gives it: a question
// about two VMs is one about each pair of their adapters.
const MaxNICs = 68

// NIC connects a VM to a production network. An address that is not known is the zero value.
type NIC struct {
	// Network is the name of the production network.
	Network    string
	IPv4, IPv6 netip.Addr
}

// ParseProductionNetwork reads a production network; an empty text is an absent value. The
// error lists every value that cannot be read, with the fields "ipv4", "ipv4_gateway", "ipv6"
// and "ipv6_gateway". It checks no rules: Lab.Check does.
func ParseProductionNetwork(name, ipv4, ipv4Gateway, ipv6, ipv6Gateway string) (ProductionNetwork, error) {
	p := ProductionNetwork{Name: name}
	var errs errorList
	for _, f := range []struct {
		field, network, gateway string
		parse                   func(string) (netip.Addr, error)
		prefix                  *netip.Prefix
		next                    *netip.Addr
	}{
		{"ipv4", ipv4, ipv4Gateway, ParseIPv4Address, &p.IPv4, &p.IPv4Gateway},
		{"ipv6", ipv6, ipv6Gateway, readIPv6Address, &p.IPv6, &p.IPv6Gateway},
	} {
		prefix, err := optional(netip.ParsePrefix, f.network)
		if err != nil {
			errs.add(f.field, notNetwork, f.network)
			continue
		}
		gateway, err := optional(f.parse, f.gateway)
		if err != nil {
			errs = append(errs, Within(f.field+"_gateway", err))
		}
		*f.prefix, *f.next = prefix, gateway
	}
	return p, errs.err()
}

const notNetwork = "%q is not an IP network of that family; write it like 172.17.52.0/23 or 2001:db8:52::/64"

// ParseNIC reads a NIC; an empty text is an absent value. The error lists every value that
// cannot be read, with the fields "ipv4" and "ipv6". It checks no rules: Lab.Check does.
func ParseNIC(network, ipv4, ipv6 string) (NIC, error) {
	n := NIC{Network: network}
	var errs errorList
	for _, f := range []struct {
		field, text string
		address     *netip.Addr
	}{{"ipv4", ipv4, &n.IPv4}, {"ipv6", ipv6, &n.IPv6}} {
		a, err := optional(netip.ParseAddr, f.text)
		if err != nil {
			errs.add(f.field, "%q is not an IP address", f.text)
			continue
		}
		*f.address = a
	}
	return n, errs.err()
}

// checkSite checks the site of a tenant that stands at a path.
func (c *labCheck) checkSite(at string, s Site) {
	earlier, names := map[string]string{}, make([]string, len(s.ProductionNetworks))
	for i, p := range s.ProductionNetworks {
		at := fmt.Sprintf("%s.production_networks[%d]", at, i)
		c.unique(at+".name", p.Name, earlier)
		_, err := p.gateway()
		c.under(at, err)
		names[i] = p.Name
	}
	networks := newDeclared(names)
	vms := map[string]string{}
	for i, vm := range s.VMs {
		vmAt := fmt.Sprintf("%s.vms[%d]", at, i)
		c.unique(vmAt+".name", vm.Name, vms)
		if vm.Guest != GuestWindows && vm.Guest != GuestLinux && vm.Guest != GuestOther {
			c.add(vmAt+".guest", "%q is not a guest; use %s, %s or %s", vm.Guest, GuestWindows, GuestLinux, GuestOther)
		}
		if len(vm.NICs) > MaxNICs {
			c.add(vmAt+".nics", "a VM has %d adapters at most", MaxNICs)
		}
		for j, n := range vm.NICs {
			nicAt := fmt.Sprintf("%s.nics[%d]", vmAt, j)
			if !c.known(nicAt+".network", "production network", n.Network, networks) {
				continue
			}
			i := networks.index[n.Network]
			p, networkAt := s.ProductionNetworks[i], fmt.Sprintf("%s.production_networks[%d]", at, i)
			c.checkNIC(nicAt+".ipv4", n.IPv4, p.Name, p.IPv4, networkAt+".ipv4")
			c.checkNIC(nicAt+".ipv6", n.IPv6, p.Name, p.IPv6, networkAt+".ipv6")
		}
	}
}

// checkNIC checks an address of a VM against its production network, of which networkField is
// the field.
func (c *labCheck) checkNIC(field string, address netip.Addr, name string, network netip.Prefix, networkField string) {
	switch {
	case !address.IsValid() || c.isUnread(networkField): // whose error stands there
	case !network.IsValid():
		c.add(field, "production network %q has no network of that family; add it, or leave this out", name)
	case !network.Contains(address):
		c.add(field, "%s is outside %s of production network %q", address, network, name)
	}
}

// gateway returns the default gateway that a production network has, checked against the
// rules of default gateways.
func (p ProductionNetwork) gateway() (GatewaySettings, error) {
	var s GatewaySettings
	err4 := p.checkNetwork("ipv4", p.IPv4, p.IPv4Gateway, netip.Addr.Is4)
	err6 := p.checkNetwork("ipv6", p.IPv6, p.IPv6Gateway, isPlainIPv6)
	if err4 == nil && p.IPv4Gateway.IsValid() {
		var err error
		if p.IPv4Gateway.Is4() && !p.IPv4.Contains(p.IPv4Gateway) {
			err = invalid("", "%s is outside %s", p.IPv4Gateway, p.IPv4)
		} else {
			s.IPv4 = &IPv4Settings{Address: p.IPv4Gateway, PrefixLength: p.IPv4.Bits()}
			err = s.IPv4.Validate()
		}
		err4 = inProduction("ipv4", err)
	}
	if err6 == nil && p.IPv6Gateway.IsValid() {
		s.IPv6 = &IPv6Settings{Address: p.IPv6Gateway, Network: p.IPv6}
		err6 = inProduction("ipv6", s.IPv6.Validate())
	}
	return s, errors.Join(err4, err6)
}

func (p ProductionNetwork) checkNetwork(field string, network netip.Prefix, gateway netip.Addr, family func(netip.Addr) bool) error {
	switch {
	case !network.IsValid():
		if gateway.IsValid() {
			return invalid(field, "a gateway without its network; add %s", field)
		}
	case !family(network.Addr()):
		return invalid(field, notNetwork, network)
	case network != network.Masked():
		return invalid(field, "%s has bits set below its prefix length; the network is %s", network, network.Masked())
	}
	return nil
}

// inProduction moves every error in err from the settings of a default gateway
// to the production network. Errors that are not about the address are about the network.
func inProduction(family string, err error) error {
	var moved []error
	for _, e := range Errors(err) {
		e := *e
		if e.Field == "" || e.Field == "address" {
			e.Field = family + "_gateway"
		} else {
			e.Field = family
		}
		moved = append(moved, &e)
	}
	return errors.Join(moved...)
}

// VM returns the VM of a name.
func (s Site) VM(name string) (VM, bool) {
	i := slices.IndexFunc(s.VMs, func(vm VM) bool { return vm.Name == name })
	if i < 0 {
		normal := NormalName(name)
		i = slices.IndexFunc(s.VMs, func(vm VM) bool { return NormalName(vm.Name) == normal })
	}
	if i < 0 {
		return VM{}, false
	}
	return s.VMs[i], true
}

// Addresses are those of all adapters of a VM, in their order, IPv4 first.
func (v VM) Addresses() (list []netip.Addr) {
	for _, n := range v.NICs {
		for _, a := range []netip.Addr{n.IPv4, n.IPv6} {
			if a.IsValid() {
				list = append(list, a)
			}
		}
	}
	return list
}

// IPNetworks are those that the production network has, of each family one at most, IPv4 first.
func (p ProductionNetwork) IPNetworks() (list []netip.Prefix) {
	for _, network := range [...]netip.Prefix{p.IPv4, p.IPv6} {
		if network.IsValid() {
			list = append(list, network)
		}
	}
	return list
}

// IPNetworkOf returns the IP network of the production network that holds an address.
func (p *ProductionNetwork) IPNetworkOf(a netip.Addr) (network netip.Prefix, found bool) {
	for _, network := range [...]netip.Prefix{p.IPv4, p.IPv6} {
		if network.Contains(a) {
			return network, true
		}
	}
	return netip.Prefix{}, false
}

// HasGateway reports whether an address is that of a gateway of the production network.
func (p ProductionNetwork) HasGateway(a netip.Addr) bool {
	return a.IsValid() && (a == p.IPv4Gateway || a == p.IPv6Gateway)
}
