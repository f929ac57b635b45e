package vcc

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// labDetails are the values that differ between two declarations of one thing, in the lab
// file's spelling and in the order of its keys, each with what it was and what it becomes.
type labDetails struct{ list []string }

// value compares two values that JSON can write. A zero value is as if it were left out.
func (d *labDetails) value(path string, before, after any) {
	if from, to := detail(before), detail(after); from != to {
		d.list = append(d.list, fmt.Sprintf("%s from %s to %s", path, clipDetail(from), clipDetail(to)))
	}
}

// detail writes a value, "nothing" for one that is as if it were left out.
func detail(v any) string {
	switch v := v.(type) {
	case VLANRange:
		if v == (VLANRange{}) {
			return "nothing"
		}
		return fmt.Sprintf("[%d,%d]", v.First, v.Last)
	case netip.Prefix:
		if !v.IsValid() {
			return "nothing"
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v) // JSON can write all that labs are made of
	}
	switch string(text) {
	case `""`, "0", "false", "null", "[]", "{}":
		return "nothing"
	}
	return string(text)
}

func clipDetail(text string) string {
	const most = 60 // runes
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// entries compares two lists entry by entry. key tells the entries apart, and compare
// notes the differences between two entries of one key, which stand at path.
func entries[T any](d *labDetails, path string, before, after []T, key func(int, T) string, compare func(path string, before, after T)) {
	index := func(list []T) (byKey map[string]T, order []string) {
		byKey = make(map[string]T, len(list))
		for i, v := range list {
			byKey[key(i, v)] = v
			order = append(order, key(i, v))
		}
		return byKey, order
	}
	was, wasOrder := index(before)
	is, isOrder := index(after)
	for _, k := range wasOrder {
		if v, stays := is[k]; stays {
			compare(fmt.Sprintf("%s[%s]", path, k), was[k], v)
		} else {
			d.list = append(d.list, fmt.Sprintf("%s[%s] removed", path, k))
		}
	}
	for _, k := range isOrder {
		if _, had := was[k]; !had {
			d.list = append(d.list, fmt.Sprintf("%s[%s] added", path, k))
		}
	}
	d.order(path, wasOrder, isOrder)
}

// order compares the order of the entries that stay.
func (d *labDetails) order(path string, before, after []string) {
	if !slices.Equal(common(before, after), common(after, before)) {
		d.list = append(d.list, path+" in another order")
	}
}

func byPosition[T any](i int, _ T) string { return fmt.Sprint(i) }

func hostDetails(before, after Host) []string {
	d := &labDetails{}
	d.value("platform", before.Platform, after.Platform)
	entries(d, "vlans", before.VLANs, after.VLANs, byPosition, func(path string, was, is VLANRanges) {
		d.value(path+".with_internet", was.WithInternet, is.WithInternet)
		d.value(path+".without_internet", was.WithoutInternet, is.WithoutInternet)
	})
	return d.list
}

func planDetails(before, after LabHardwarePlan) []string {
	d := &labDetails{}
	d.value("host", before.Host, after.Host)
	d.value("networks.with_internet", before.Networks.WithInternet, after.Networks.WithInternet)
	d.value("networks.without_internet", before.Networks.WithoutInternet, after.Networks.WithoutInternet)
	return d.list
}

// tenantDetails compares a tenant's own values. Subscriptions, jobs and failover plans have
// changes of their own; here only the order of those that stay counts.
func tenantDetails(before, after LabTenant) []string {
	d := &labDetails{}
	byName := func(name string) string { return fmt.Sprintf("%q", name) }
	entries(d, "appliances", before.Appliances, after.Appliances, func(_ int, a LabAppliance) string { return byName(a.Host) }, func(path string, was, is LabAppliance) {
		d.value(path+".external.ipv4", was.External.IPv4, is.External.IPv4)
		d.value(path+".external.ipv4_gateway", was.External.IPv4Gateway, is.External.IPv4Gateway)
		d.value(path+".external.ipv6", was.External.IPv6, is.External.IPv6)
		d.value(path+".external.ipv6_gateway", was.External.IPv6Gateway, is.External.IPv6Gateway)
	})
	d.value("password_env", before.PasswordEnv, after.PasswordEnv)
	entries(d, "production_networks", before.ProductionNetworks, after.ProductionNetworks, func(_ int, p ProductionNetwork) string { return byName(p.Name) }, func(path string, was, is ProductionNetwork) {
		d.value(path+".ipv4", was.IPv4, is.IPv4)
		d.value(path+".ipv4_gateway", was.IPv4Gateway, is.IPv4Gateway)
		d.value(path+".ipv6", was.IPv6, is.IPv6)
		d.value(path+".ipv6_gateway", was.IPv6Gateway, is.IPv6Gateway)
	})
	d.value("public_ips", before.PublicIPs, after.PublicIPs)
	d.value("subscriptions", common(before.Subscriptions, after.Subscriptions), common(after.Subscriptions, before.Subscriptions))
	d.value("username", before.Username, after.Username)
	entries(d, "vms", before.VMs, after.VMs, func(_ int, vm VM) string { return byName(vm.Name) }, func(path string, was, is VM) {
		d.value(path+".guest", was.Guest, is.Guest)
		entries(d, path+".nics", was.NICs, is.NICs, byPosition, func(path string, was, is NIC) {
			d.value(path+".ipv4", was.IPv4, is.IPv4)
			d.value(path+".ipv6", was.IPv6, is.IPv6)
			d.value(path+".network", was.Network, is.Network)
		})
	})
	d.order("replication_jobs", names(before.Jobs, jobName), names(after.Jobs, jobName))
	d.order("failover_plans", names(before.FailoverPlans, failoverPlanName), names(after.FailoverPlans, failoverPlanName))
	return d.list
}

func jobName(j LabReplicationJob) string        { return j.Name }
func failoverPlanName(p LabFailoverPlan) string { return p.Name }

func jobDetails(before, after LabReplicationJob) []string {
	d := &labDetails{}
	d.value("application_aware", before.ApplicationAware, after.ApplicationAware)
	d.value("hardware_plan", before.HardwarePlan, after.HardwarePlan)
	for _, from := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Keys(before.Mapping)), slices.Collect(maps.Keys(after.Mapping)))))) {
		d.value(fmt.Sprintf("mapping[%q]", from), before.Mapping[from], after.Mapping[from])
	}
	d.value("vms", before.VMs, after.VMs)
	return d.list
}

func failoverPlanDetails(before, after LabFailoverPlan) []string {
	d := &labDetails{}
	entries(d, "public_ip_rules", before.PublicIPRules, after.PublicIPRules, byPosition, func(path string, was, is PublicIPRule) {
		d.value(path+".address", was.Public.Addr(), is.Public.Addr())
		d.value(path+".port", was.Public.Port(), is.Public.Port())
		d.value(path+".to_address", was.Internal.Addr(), is.Internal.Addr())
		d.value(path+".to_port", was.Internal.Port(), is.Internal.Port())
	})
	d.value("vms", before.VMs, after.VMs)
	return d.list
}
