package vcc

import (
	"fmt"
	"slices"
)

// DetectionSkip says why detection saved no gateway for a production network.
type DetectionSkip struct {
	ProductionNetwork string
	Reason            string
}

// Detection is a gateway that a first run found for a cloud network.
type Detection struct {
	ProductionNetwork string
	Network           Network
	Settings          GatewaySettings
}

// Detect returns the gateways that the first run of a job finds at a tenant's site (D4
// to D6): networks are the tenant's cloud networks of the job's plan, in order.
// The declaration must be valid. Whether a gateway is stored already, or
// overlaps another, is for the caller to see.
func Detect(site Site, job LabReplicationJob, networks []Network) ([]Detection, []DetectionSkip) {
	var found []Detection
	var skipped []DetectionSkip
	used := site.networksOf(job)
	for i, production := range used {
		skip := func(format string, args ...any) {
			skipped = append(skipped, DetectionSkip{production.Name, fmt.Sprintf(format, args...)})
		}
		target := job.target(used, i, networks)
		if target == nil {
			skip("the job maps it to no cloud network")
			continue
		}
		if !site.detectable(job, production.Name) {
			skip("none of its VMs in the job runs Windows, and settings of other guests are not detected; specify the gateway")
			continue
		}
		settings, _ := production.gateway()
		if !job.ApplicationAware {
			settings.IPv6 = nil
		}
		if settings.IPv4 == nil && settings.IPv6 == nil {
			skip("no default gateway was found; IPv6 settings are detected only by jobs with application-aware processing")
			continue
		}
		found = append(found, Detection{production.Name, *target, settings})
	}
	return found, skipped
}

// target returns the cloud network that the i-th of the production networks that a job
// uses is mapped to, nil for none (D6). networks are those of the job's plan, in order.
func (j LabReplicationJob) target(used []ProductionNetwork, i int, networks []Network) *Network {
	if len(used) == len(networks) {
		return &networks[i]
	}
	if at := slices.IndexFunc(networks, func(n Network) bool { return n.Name == j.Mapping[used[i].Name] }); at >= 0 {
		return &networks[at]
	}
	return nil
}

// networksOf lists the production networks that a job's VMs are on, in the
// order in which the site declares them.
func (s Site) networksOf(job LabReplicationJob) []ProductionNetwork {
	inJob, isUsed := map[string]bool{}, map[string]bool{}
	for _, name := range job.VMs {
		inJob[name] = true
	}
	for _, vm := range s.VMs {
		if inJob[vm.Name] {
			for _, n := range vm.NICs {
				isUsed[n.Network] = true
			}
		}
	}
	var used []ProductionNetwork
	for _, p := range s.ProductionNetworks {
		if isUsed[p.Name] {
			used = append(used, p)
		}
	}
	return used
}

// detectable reports whether the job reads network settings from some VM on a
// production network: the guest must be Windows (D5).
func (s Site) detectable(job LabReplicationJob, network string) bool {
	return slices.ContainsFunc(s.VMs, func(vm VM) bool {
		return slices.Contains(job.VMs, vm.Name) && vm.Guest == GuestWindows && vm.isOn(network)
	})
}

func (v VM) isOn(network string) bool {
	return slices.ContainsFunc(v.NICs, func(n NIC) bool { return n.Network == network })
}

// SiteNetworks are the tenant's production networks, each with the cloud networks that replication
// jobs map it to (D6). networks are the tenant's, in plan and network order.
func (t LabTenant) SiteNetworks(networks []Network) []SiteNetwork {
	list, index := make([]SiteNetwork, len(t.ProductionNetworks)), make(map[string]int, len(t.ProductionNetworks))
	for i, p := range t.ProductionNetworks {
		list[i].ProductionNetwork, index[p.Name] = p, i
	}
	for _, job := range t.Jobs {
		ofPlan := slices.DeleteFunc(slices.Clone(networks), func(n Network) bool { return n.HardwarePlanName != job.HardwarePlan })
		used := t.networksOf(job)
		for i, p := range used {
			targets := &list[index[p.Name]].CloudNetworks
			if target := job.target(used, i, ofPlan); target != nil && !slices.Contains(*targets, target.ID) {
				*targets = append(*targets, target.ID)
			}
		}
	}
	return list
}
