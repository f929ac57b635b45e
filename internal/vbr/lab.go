package vbr

import (
	"errors"
	"fmt"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// hostNames are the hosts of a lab that is made of an export, which names none.
var hostNames = map[vcc.Platform]string{vcc.PlatformVMware: "VMware host", vcc.PlatformHyperV: "Hyper-V host"}

// Lab makes a lab of what an export has: plans and networks from the names of networks, and a host for each
// platform. notes say, in sentences, what was guessed and what is missing. An error means that no lab can be made.
func Lab(d Document, e vcc.ServerExport) (lab vcc.ValidLab, notes []string, err error) {
	known := map[string]vcc.Platform{}
	for _, p := range d.Providers {
		if p.ProviderID == e.ProviderID {
			known = p.Platforms
		}
	}
	plans := map[string]*vcc.LabHardwarePlan{}
	platforms := map[string]vcc.Platform{}
	counted := map[string]int{}
	var order, odd []string
	for _, n := range e.Networks {
		plan, internet, number, err := vcc.ParseNetworkName(n.Name)
		if err != nil {
			odd = append(odd, n.Name)
			continue
		}
		if plans[plan] == nil {
			plans[plan] = &vcc.LabHardwarePlan{Name: plan}
			order = append(order, plan)
		}
		count := &plans[plan].Networks.WithoutInternet
		if internet {
			count = &plans[plan].Networks.WithInternet
		}
		*count = max(*count, number)
		counted[plan]++
		if platform, ok := known[n.Name]; ok {
			platforms[plan] = platform
		}
	}
	if len(odd) > 0 {
		notes = append(notes, fmt.Sprintf("These networks are left out, because a cloud network is named PLAN network N or PLAN network N (internet): %s.", vcc.QuoteNames(odd)))
	}
	if len(order) == 0 {
		return lab, nil, errors.New("no network of the export is named as cloud networks are: PLAN network N, or PLAN network N (internet)")
	}
	l := vcc.Lab{ServiceProvider: vcc.ServiceProvider{Name: e.Provider}}
	tenant := vcc.LabTenant{Name: "Tenant"}
	with, without := map[vcc.Platform]int{}, map[vcc.Platform]int{}
	for _, name := range order {
		plan := plans[name]
		platform, known := platforms[name]
		if !known {
			platform = vcc.PlatformVMware
			notes = append(notes, fmt.Sprintf("The platform of %q is not in the export: VMware is a guess.", name))
		}
		if n := plan.Networks.WithInternet + plan.Networks.WithoutInternet; n != counted[name] {
			notes = append(notes, fmt.Sprintf("%q has %d networks here, because their numbers have gaps in the export, which has %d.", name, n, counted[name]))
		}
		plan.Host = hostNames[platform]
		with[platform] += plan.Networks.WithInternet
		without[platform] += plan.Networks.WithoutInternet
		l.HardwarePlans = append(l.HardwarePlans, *plan)
		tenant.Subscriptions = append(tenant.Subscriptions, name)
	}
	for _, platform := range []vcc.Platform{vcc.PlatformVMware, vcc.PlatformHyperV} {
		w, wo := with[platform], without[platform]
		if w+wo == 0 {
			continue
		}
		ranges := vcc.VLANRanges{}
		if w > 0 {
			ranges.WithInternet = vcc.VLANRange{First: 1, Last: w}
		}
		if wo > 0 {
			ranges.WithoutInternet = vcc.VLANRange{First: w + 1, Last: w + wo}
		}
		l.Hosts = append(l.Hosts, vcc.Host{Name: hostNames[platform], Platform: platform, VLANs: []vcc.VLANRanges{ranges}})
	}
	l.Tenants = []vcc.LabTenant{tenant}
	lab, err = l.Check()
	return lab, notes, err
}
