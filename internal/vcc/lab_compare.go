package vcc

import (
	"fmt"
	"slices"
)

// CompareLabs lists the changes that turn one valid lab into another: first those of no
// tenant, then tenant by tenant. The order of hosts and of plans
// says nothing, and lists that are empty are as if left out.
func CompareLabs(before, after Lab) []LabChange {
	planName := func(p LabHardwarePlan) string { return p.Name }
	c := &labComparison{plansBefore: byName(before.HardwarePlans, planName), plansAfter: byName(after.HardwarePlans, planName)}
	if from, to := before.ServiceProvider.Name, after.ServiceProvider.Name; from == "" {
		c.add(LabChange{Action: LabAdds, Kind: LabKindServiceProvider, Name: to})
	} else if from != to {
		c.add(LabChange{Action: LabChanges, Kind: LabKindServiceProvider, Name: from, Details: []string{fmt.Sprintf("name from %q to %q", from, to)}})
	}
	compareNamed(c, LabChange{Kind: LabKindHost}, before.Hosts, after.Hosts, func(h Host) string { return h.Name }, hostDetails)
	from := len(c.changes)
	compareNamed(c, LabChange{Kind: LabKindPlan}, before.HardwarePlans, after.HardwarePlans, planName, planDetails)
	subscribed := map[string]int{}
	for _, t := range before.Tenants {
		for _, plan := range t.Subscriptions {
			subscribed[plan]++
		}
	}
	for i, change := range c.changes[from:] {
		if change.Action == LabRemoves {
			c.changes[from+i].Networks = subscribed[change.Name] * c.plansBefore[change.Name].Networks.total()
		}
	}
	tenantName := func(t LabTenant) string { return t.Name }
	was, is := names(before.Tenants, tenantName), names(after.Tenants, tenantName)
	if was, is := common(was, is), common(is, was); !slices.Equal(was, is) {
		c.add(LabChange{Action: LabChanges, Kind: LabKindTenants, Details: []string{
			fmt.Sprintf("order from %s to %s", FirstTen(quoteEach(was), ", "), FirstTen(quoteEach(is), ", ")),
		}})
	}
	olds, news := byName(before.Tenants, tenantName), byName(after.Tenants, tenantName)
	for _, t := range before.Tenants {
		if _, stays := news[t.Name]; !stays {
			c.add(LabChange{Action: LabRemoves, Kind: LabKindTenant, Name: t.Name, Networks: countNetworks(c.plansBefore, t)})
		}
	}
	for _, t := range after.Tenants {
		if old, stays := olds[t.Name]; stays {
			c.tenant(old, t)
		} else {
			c.add(LabChange{Action: LabAdds, Kind: LabKindTenant, Name: t.Name, Networks: countNetworks(c.plansAfter, t)})
		}
	}
	return c.changes
}

func quoteEach(list []string) []string {
	return names(list, func(s string) string { return fmt.Sprintf("%q", s) })
}

func byName[T any](list []T, name func(T) string) map[string]T {
	m := make(map[string]T, len(list))
	for _, v := range list {
		m[name(v)] = v
	}
	return m
}

// common lists the entries of a list that another list has, too.
func common(list, other []string) []string {
	in := byName(other, func(s string) string { return s })
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { _, has := in[s]; return !has })
}

// countNetworks counts the networks that a tenant has of all plans.
func countNetworks(plans map[string]LabHardwarePlan, t LabTenant) (n int) {
	for _, plan := range t.Subscriptions {
		n += plans[plan].Networks.total()
	}
	return n
}

// labComparison collects changes.
type labComparison struct {
	plansBefore, plansAfter map[string]LabHardwarePlan // by their names
	changes                 []LabChange
}

func (c *labComparison) add(change LabChange) { c.changes = append(c.changes, change) }

// compareNamed compares things of one kind that are known by their names. change says the
// kind and the tenant; details lists the differences between two things of one name.
func compareNamed[T any](c *labComparison, change LabChange, before, after []T, name func(T) string, details func(before, after T) []string) {
	was, is := byName(before, name), byName(after, name)
	for _, v := range before {
		if _, stays := is[name(v)]; !stays {
			change.Action, change.Name, change.Details = LabRemoves, name(v), nil
			c.add(change)
		}
	}
	for _, v := range after {
		change.Action, change.Name, change.Details = LabAdds, name(v), nil
		if old, stays := was[name(v)]; stays {
			if change.Action, change.Details = LabChanges, details(old, v); change.Details == nil {
				continue
			}
		}
		c.add(change)
	}
}

// tenant compares a tenant that stays.
func (c *labComparison) tenant(before, after LabTenant) {
	if details := tenantDetails(before, after); details != nil {
		c.add(LabChange{Action: LabChanges, Kind: LabKindTenant, Name: after.Name, Details: details})
	}
	itself := func(plan string) string { return plan }
	was, is := byName(before.Subscriptions, itself), byName(after.Subscriptions, itself)
	for _, plan := range before.Subscriptions {
		_, subscribed := is[plan]
		if _, stays := c.plansAfter[plan]; stays && !subscribed {
			c.add(LabChange{Action: LabRemoves, Kind: LabKindSubscription, Tenant: after.Name, Name: plan, Networks: c.plansBefore[plan].Networks.total()})
		}
	}
	for _, plan := range after.Subscriptions {
		had, has := c.plansBefore[plan], c.plansAfter[plan]
		if _, subscribed := was[plan]; !subscribed {
			c.add(LabChange{Action: LabAdds, Kind: LabKindSubscription, Tenant: after.Name, Name: plan, Networks: has.Networks.total()})
			continue
		}
		if had.Networks == has.Networks {
			continue
		}
		for _, n := range had.NetworkNames() {
			if !has.hasNetwork(n) {
				c.add(LabChange{Action: LabRemoves, Kind: LabKindNetwork, Tenant: after.Name, Name: n, Plan: plan})
			}
		}
		for _, n := range has.NetworkNames() {
			if !had.hasNetwork(n) {
				c.add(LabChange{Action: LabAdds, Kind: LabKindNetwork, Tenant: after.Name, Name: n, Plan: plan})
			}
		}
	}
	compareNamed(c, LabChange{Kind: LabKindJob, Tenant: after.Name}, before.Jobs, after.Jobs, jobName, jobDetails)
	compareNamed(c, LabChange{Kind: LabKindFailoverPlan, Tenant: after.Name}, before.FailoverPlans, after.FailoverPlans, failoverPlanName, failoverPlanDetails)
}
