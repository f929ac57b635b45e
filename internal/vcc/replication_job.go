package vcc

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Guest is the kind of operating system in a VM.
type Guest string

// The guests. Only Windows lets its network settings be detected (rule 5).
const (
	GuestWindows Guest = "windows"
	GuestLinux   Guest = "linux"
	GuestOther   Guest = "other"
)

// ProductionNetwork is an IP network of a tenant's own site.
type ProductionNetwork struct {
	Name        string `json:"name" yaml:"name"`
	IPv4        string `json:"ipv4,omitempty" yaml:"ipv4"`
	IPv4Gateway string `json:"ipv4Gateway,omitempty" yaml:"ipv4_gateway"`
	IPv6        string `json:"ipv6,omitempty" yaml:"ipv6"`
	IPv6Gateway string `json:"ipv6Gateway,omitempty" yaml:"ipv6_gateway"`
}

// VM is a virtual machine of a tenant's own site.
type VM struct {
	Name  string `json:"name" yaml:"name"`
	Guest Guest  `json:"guest" yaml:"guest"`
	NICs  []NIC  `json:"nics" yaml:"nics"`
}

// NIC connects a VM to a production network.
type NIC struct {
	Network string `json:"network" yaml:"network"`
	IPv4    string `json:"ipv4,omitempty" yaml:"ipv4"`
	IPv6    string `json:"ipv6,omitempty" yaml:"ipv6"`
}

// ReplicationJob copies VMs to a cloud host, and its first run detects their
// network settings.
type ReplicationJob struct {
	ID               string
	Name             string
	HardwarePlanID   string
	HardwarePlanName string
	ApplicationAware bool
	// Runs is how often it ran, LastRun when, zero for never.
	Runs    int
	LastRun time.Time
}

// JobRun is the outcome of one run.
type JobRun struct {
	Job ReplicationJob
	// Detected are the gateways that the run saved. Only a first run saves any.
	Detected []DefaultGateway
	// Skipped are the networks that a first run saved nothing for, and why.
	Skipped []DetectionSkip
}

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

// Detect returns what the first run of a job finds at a tenant's site (rules 4
// to 6): networks are the tenant's cloud networks of the job's plan, in order.
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
// uses is mapped to, nil for none (rule 6). networks are those of the job's plan, in order.
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
	var used []ProductionNetwork
	for _, p := range s.ProductionNetworks {
		if slices.ContainsFunc(s.VMs, func(vm VM) bool { return slices.Contains(job.VMs, vm.Name) && vm.isOn(p.Name) }) {
			used = append(used, p)
		}
	}
	return used
}

// detectable reports whether the job reads network settings from some VM on a
// production network: the guest must be Windows (rule 5).
func (s Site) detectable(job LabReplicationJob, network string) bool {
	return slices.ContainsFunc(s.VMs, func(vm VM) bool {
		return slices.Contains(job.VMs, vm.Name) && vm.Guest == GuestWindows && vm.isOn(network)
	})
}

func (v VM) isOn(network string) bool {
	return slices.ContainsFunc(v.NICs, func(n NIC) bool { return n.Network == network })
}

// ReplicationJobService lists and runs a tenant's replication jobs.
type ReplicationJobService interface {
	// ReplicationJobs returns a page of the tenant's jobs in the order of their
	// declaration, and how many there are.
	ReplicationJobs(ctx context.Context, as Actor, page Page) ([]ReplicationJob, int, error)

	// RunReplicationJob runs a job. The first run saves the default gateways it
	// detects, never over a stored one; later runs save nothing (rule 4).
	// CodeNotFound: no such job.
	RunReplicationJob(ctx context.Context, as Actor, jobID string) (*JobRun, error)
}
