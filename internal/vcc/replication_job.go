package vcc

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

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

// Detects reports whether the run that the job has just had detects default gateways: the
// first one does, so that a gateway that somebody removed does not come back (D4).
func (j ReplicationJob) Detects() bool { return j.Runs == 1 }

// JobRun is the outcome of one run.
type JobRun struct {
	Job ReplicationJob
	// Detected are the gateways that the run saved. Only a first run saves any.
	Detected []DefaultGateway
	// Skipped are the networks that a first run saved nothing for, and why.
	Skipped []DetectionSkip
}

// LabReplicationJob declares a replication job.
type LabReplicationJob struct {
	Name string
	// HardwarePlan is the name of the plan that the job replicates to.
	HardwarePlan     string
	ApplicationAware bool
	VMs              []string
	// Mapping names the cloud network of each production network, where automatic
	// mapping does not apply (D6).
	Mapping map[string]string
}

// ReplicationJobService lists and runs a tenant's replication jobs.
type ReplicationJobService interface {
	// ReplicationJobs returns a page of the tenant's jobs in the order of their
	// declaration, and how many there are.
	ReplicationJobs(ctx context.Context, as Actor, page Page) ([]ReplicationJob, int, error)

	// RunReplicationJob runs a job. The first run saves the default gateways it
	// detects, never over a stored one; later runs save nothing (D4).
	// CodeNotFound: no such job.
	RunReplicationJob(ctx context.Context, as Actor, jobID string) (*JobRun, error)
}

// checkJobs checks the replication jobs of a tenant that stands at a path.
func (c *labCheck) checkJobs(at string, t LabTenant) {
	vms := names(t.VMs, func(vm VM) string { return vm.Name })
	production := names(t.ProductionNetworks, func(p ProductionNetwork) string { return p.Name })
	jobs := map[string]string{}
	for i, j := range t.Jobs {
		at := fmt.Sprintf("%s.replication_jobs[%d]", at, i)
		c.unique(at+".name", j.Name, jobs)
		c.checkVMs(at+".vms", j.VMs, vms)
		if c.known(at+".hardware_plan", "subscribed hardware plan", j.HardwarePlan, t.Subscriptions) {
			c.checkMapping(at+".mapping", t.Site, j, production)
		}
	}
}

// checkMapping checks a job's mapping table (D6).
func (c *labCheck) checkMapping(field string, site Site, j LabReplicationJob, production []string) {
	i := slices.Index(c.plans, j.HardwarePlan)
	if i < 0 || !c.lab.HardwarePlans[i].Networks.isPossible() || len(j.Mapping) == 0 {
		return
	}
	plan := c.lab.HardwarePlans[i]
	targets := plan.NetworkNames()
	if n := len(site.networksOf(j)); n == len(targets) {
		c.add(field, "the job's VMs are on %d production networks and the plan has as many cloud networks, "+
			"so they are mapped in order and a table has no effect; remove it", n)
		return
	}
	taken := map[string]string{}
	for _, from := range slices.Sorted(maps.Keys(j.Mapping)) {
		to := j.Mapping[from]
		c.known(field, "production network", from, production)
		if hint := plan.renamed(to, j.Mapping); hint != "" {
			c.add(field, "there is no cloud network %q; %s", to, hint)
		} else if c.known(field, "cloud network", to, targets) {
			if other, double := taken[to]; double {
				c.add(field, "%q and %q are both mapped to %q; a cloud network stands for one production network", other, from, to)
			}
			taken[to] = from
		}
	}
}
