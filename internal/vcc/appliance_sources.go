package vcc

import (
	"net/netip"
	"slices"
)

// ApplianceSources are what an appliance is compiled from, and what stands around it after full
// site failover, as stored at one moment: all that a rehearsal needs to build it.
type ApplianceSources struct {
	// Version is another text whenever anything of the rest may have changed.
	Version string
	// ApplianceInputs have the gateways of the appliance's own networks. The public IP rules are
	// those of the plan that is failed over, and of all plans while none is.
	ApplianceInputs
	// Replicas are the VMs of the tenant's site with the adapters that they have on the
	// appliance's networks after failover. One with none is not there.
	Replicas []Replica
	// Production are the networks of the tenant's own site, which is lost at full site failover.
	Production []SiteNetwork
	// PublicIPs are the tenant's public addresses, with public IP rules or without.
	PublicIPs []netip.Addr
}

// Site returns the IP networks of the tenant's own site.
func (s ApplianceSources) Site() (list []netip.Prefix) {
	for _, p := range s.Production {
		list = append(list, p.IPNetworks()...)
	}
	return list
}

// SiteNetwork is a production network with where its hosts are after failover.
type SiteNetwork struct {
	ProductionNetwork
	// CloudNetworks are the IDs of the networks that replication jobs map it to (D6), in the order of
	// the jobs.
	CloudNetworks []string
}

// Replica is a VM as it is at the service provider after failover.
type Replica struct {
	Name string
	NICs []ReplicaNIC
}

// ReplicaNIC is an adapter on a cloud network. The addresses are the guest's own, with the length
// of its production network's prefix; one that is not known is the zero value.
type ReplicaNIC struct {
	NetworkID  string
	IPv4, IPv6 netip.Prefix
}

// Replicas returns where the VMs of the tenant's site are after failover. Each adapter is where a
// trace takes its address to be, on the one of networks whose gateway serves it, and else on the
// cloud network that replication jobs map its production network to (D6). An adapter is left out
// where there is neither, or where jobs map its network to several: which one has it is not known.
// So is a VM without any.
func (t LabTenant) Replicas(networks []Network, gateways map[string]GatewaySettings) []Replica {
	mapped := map[string][]string{} // by production network
	for _, p := range t.SiteNetworks(networks) {
		mapped[p.Name] = p.CloudNetworks
	}
	networkOf := func(p ProductionNetwork, n NIC) (id string) {
		for _, own := range networks {
			if g := gateways[own.ID]; g.Serves(n.IPv4) || g.Serves(n.IPv6) {
				return own.ID
			}
		}
		if targets := mapped[p.Name]; len(targets) == 1 {
			return targets[0]
		}
		return ""
	}
	var replicas []Replica
	for _, vm := range t.VMs {
		r := Replica{Name: vm.Name}
		for _, n := range vm.NICs {
			i := slices.IndexFunc(t.ProductionNetworks, func(p ProductionNetwork) bool { return p.Name == n.Network })
			if i < 0 { // which no lab has
				continue
			}
			p := t.ProductionNetworks[i]
			nic := ReplicaNIC{NetworkID: networkOf(p, n)}
			if n.IPv4.IsValid() {
				nic.IPv4 = netip.PrefixFrom(n.IPv4, p.IPv4.Bits())
			}
			if n.IPv6.IsValid() {
				nic.IPv6 = netip.PrefixFrom(n.IPv6, p.IPv6.Bits())
			}
			if nic.NetworkID != "" {
				r.NICs = append(r.NICs, nic)
			}
		}
		if len(r.NICs) > 0 {
			replicas = append(replicas, r)
		}
	}
	return replicas
}
