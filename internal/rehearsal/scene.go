package rehearsal

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Scene is what a rehearsal is built from. It passes between the two processes of a rehearsal.
type Scene struct {
	// Plan is the name of the failover plan.
	Plan       string
	Appliances []vcc.ApplianceInputs
	// Machines are the replicas of the plan's VMs, in the plan's order.
	Machines []Machine
	// Site are the networks of the tenant's own site, which is lost.
	Site []vcc.SiteNetwork
	// PublicIPs are the tenant's public addresses, with public IP rules or without.
	PublicIPs []netip.Addr
}

// tenant is what says who reaches whom in the scene.
func (s Scene) tenant() *appliance.Tenant {
	return appliance.NewTenant(s.Site, s.PublicIPs, s.Appliances)
}

// Machine is a host with adapters on networks.
type Machine struct {
	Name string
	NICs []NIC
}

// NIC is on the network that an appliance has at an interface.
type NIC struct {
	// Appliance is the index in Scene.Appliances.
	Appliance int
	Interface appliance.Interface
	// Addresses are the machine's own with their prefix lengths, IPv4 first.
	Addresses []netip.Prefix
}

// NewScene returns the scene after a failover by a plan. The sources have that plan's public IP
// rules, whatever plan is failed over now. missing says in words which VMs of the plan are not in it, and why.
func NewScene(plan vcc.FailoverPlan, sources []vcc.ApplianceSources) (s Scene, missing []string) {
	s.Plan = plan.Name
	machines := make([]Machine, len(plan.VMs))
	for i, name := range plan.VMs {
		machines[i].Name = name
	}
	for a, source := range sources {
		in := source.ApplianceInputs
		in.Session = nil
		s.Appliances = append(s.Appliances, in)
		s.Site, s.PublicIPs = source.Production, source.PublicIPs // the tenant's, and the same for each
		for _, replica := range source.Replicas {
			m := slices.IndexFunc(machines, func(m Machine) bool { return vcc.SameName(m.Name, replica.Name) })
			if m < 0 {
				continue
			}
			for _, n := range replica.NICs {
				nic := NIC{Appliance: a, Interface: appliance.Interface(1 + slices.IndexFunc(in.Networks, func(own vcc.Network) bool { return own.ID == n.NetworkID }))} // #nosec G115 -- a host has 4,094 VLANs at most
				for _, address := range []netip.Prefix{n.IPv4, n.IPv6} {
					if address.IsValid() {
						nic.Addresses = append(nic.Addresses, address)
					}
				}
				if nic.Interface > 0 && len(nic.Addresses) > 0 {
					machines[m].NICs = append(machines[m].NICs, nic)
				}
			}
		}
	}
	for _, m := range machines {
		if len(m.NICs) == 0 {
			missing = append(missing, fmt.Sprintf("%s is not there: it has no known address on a cloud network", m.Name))
			continue
		}
		s.Machines = append(s.Machines, m)
	}
	return s, missing
}

// sameShape reports whether two scenes have the same appliances, networks and machines, so that
// the one becomes the other by configuring its appliances.
func (s Scene) sameShape(o Scene) bool {
	sameNetworks := func(a, b vcc.ApplianceInputs) bool {
		return a.ID == b.ID && slices.EqualFunc(a.Networks, b.Networks, func(n, m vcc.Network) bool { return n.ID == m.ID })
	}
	return slices.EqualFunc(s.Appliances, o.Appliances, sameNetworks) && slices.EqualFunc(s.Machines, o.Machines, func(m, n Machine) bool {
		return m.Name == n.Name && slices.EqualFunc(m.NICs, n.NICs, func(a, b NIC) bool {
			return a.Appliance == b.Appliance && a.Interface == b.Interface && slices.Equal(a.Addresses, b.Addresses)
		})
	})
}

// site has the machines as VMs, for finding the ends of checks.
func (s Scene) site() (site vcc.Site) {
	for _, m := range s.Machines {
		vm := vcc.VM{Name: m.Name}
		for _, n := range m.NICs {
			for _, a := range n.Addresses {
				if nic := (vcc.NIC{IPv4: a.Addr()}); a.Addr().Is4() {
					vm.NICs = append(vm.NICs, nic)
				} else {
					vm.NICs = append(vm.NICs, vcc.NIC{IPv6: a.Addr()})
				}
			}
		}
		site.VMs = append(site.VMs, vm)
	}
	return site
}

// machine returns the machine of a name.
func (s Scene) machine(name string) (Machine, error) {
	if i := slices.IndexFunc(s.Machines, func(m Machine) bool { return vcc.SameName(m.Name, name) }); i >= 0 {
		return s.Machines[i], nil
	}
	if name == Outside {
		return Machine{Name: Outside}, nil
	}
	names := make([]string, len(s.Machines))
	for i, m := range s.Machines {
		names[i] = m.Name
	}
	return Machine{}, fmt.Errorf("there is no machine %s in failover plan %q; %s", vcc.Clip(name), s.Plan, vcc.DidYouMean(name, append(names, Outside)))
}

// Problems are what people should know of the appliances before they rely on them, but for those of
// networks that no machine is on.
func (s Scene) Problems() (list []vcc.ApplianceProblem) {
	for i, in := range s.Appliances {
		c := appliance.Compile(in)
		for _, p := range c.Problems {
			at := slices.IndexFunc(c.Interfaces, func(n vcc.ApplianceInterface) bool { return n.NetworkID == p.NetworkID && p.NetworkID != "" })
			used := slices.ContainsFunc(s.Machines, func(m Machine) bool {
				return slices.ContainsFunc(m.NICs, func(n NIC) bool { return n.Appliance == i && int(n.Interface) == at })
			})
			if at < 0 || used {
				list = append(list, p)
			}
		}
	}
	return list
}

// Network returns what a person wants to know of where a NIC is: the network's name, and the
// appliance's addresses there.
func (s Scene) Network(n NIC) (name string, gateways []netip.Addr) {
	of := s.Appliances[n.Appliance].Networks[n.Interface-1]
	for _, p := range appliance.Compile(s.Appliances[n.Appliance]).Interfaces[n.Interface].Addresses {
		gateways = append(gateways, p.Addr())
	}
	return of.Name, gateways
}
