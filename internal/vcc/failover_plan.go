package vcc

import (
	"fmt"
	"net/netip"
)

// FailoverPlan is a cloud failover plan: the VMs to start together at full site
// failover, and public IP rules.
type FailoverPlan struct {
	ID            string
	Name          string
	VMs           []string
	PublicIPRules []PublicIPRule
	// Session is the plan's failover under way, nil for none.
	Session *FailoverSession
}

// LabFailoverPlan declares the VMs to start together at full site failover.
type LabFailoverPlan struct {
	Name          string
	VMs           []string
	PublicIPRules []PublicIPRule
}

// checkFailoverPlans checks the failover plans of a tenant that stands at a path.
func (c *labCheck) checkFailoverPlans(at string, t LabTenant) {
	vms := newDeclared(names(t.VMs, func(vm VM) string { return vm.Name }))
	allocated := map[netip.Addr]bool{}
	for _, a := range t.PublicIPs {
		allocated[a] = true
	}
	plans := map[string]string{}
	owners := map[netip.Addr]int{} // which plan a public address belongs to
	for i, p := range t.FailoverPlans {
		at := fmt.Sprintf("%s.failover_plans[%d]", at, i)
		c.unique(at+".name", p.Name, plans)
		c.checkVMs(at+".vms", p.VMs, vms)
		rules := map[string]string{}
		for j, r := range p.PublicIPRules {
			at := fmt.Sprintf("%s.public_ip_rules[%d]", at, j)
			if c.isUnread(at) {
				continue
			}
			public := r.Public.Addr()
			if !allocated[public] {
				c.add(at+".address", "%q is not a public address of the tenant%s", public, prose(c.listed(public.String(), t.PublicIPs)))
				continue
			}
			if err := r.validate(); err != nil {
				c.under(at, err)
				continue
			}
			c.unique(at, fmt.Sprintf("%s port %d", public, r.Public.Port()), rules)
			if owner, taken := owners[public]; taken && owner != i {
				c.add(at+".address", "%s belongs to failover plan %q already; a public address belongs to one failover plan at a time", public, t.FailoverPlans[owner].Name)
			} else {
				owners[public] = i
			}
		}
	}
}
