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
	vms := newDeclared(names(t.VMs, func(vm VM) string { return vm.Name }))
	production := newDeclared(names(t.ProductionNetworks, func(p ProductionNetwork) string { return p.Name }))
	subscriptions := newDeclared(t.Subscriptions)
	jobs := map[string]string{}
	for i, j := range t.Jobs {
		at := fmt.Sprintf("%s.replication_jobs[%d]", at, i)
		c.unique(at+".name", j.Name, jobs)
		c.checkVMs(at+".vms", j.VMs, vms)
		if c.known(at+".hardware_plan", "subscribed hardware plan", j.HardwarePlan, subscriptions) {
			c.checkMapping(at+".mapping", t.Site, j, vms, production)
		}
	}
}

// checkMapping checks a job's mapping table (D6).
func (c *labCheck) checkMapping(field string, site Site, j LabReplicationJob, vms, production declared) {
	i, known := c.plans.index[j.HardwarePlan]
	if !known || !c.lab.HardwarePlans[i].Networks.isPossible() || len(j.Mapping) == 0 {
		return
	}
	plan := c.lab.HardwarePlans[i]
	used := map[string]bool{} // the production networks that the job's VMs are on
	for _, name := range j.VMs {
		if at, known := vms.index[name]; known {
			for _, n := range site.VMs[at].NICs[:min(len(site.VMs[at].NICs), MaxNICs)] {
				if _, known := production.index[n.Network]; known {
					used[n.Network] = true
				}
			}
		}
	}
	if n := len(used); n == plan.Networks.total() {
		c.add(field, "the job's VMs are on %d production networks and the plan has as many cloud networks, "+
			"so they are mapped in order and a table has no effect; remove it", n)
		return
	}
	taken := map[string]string{}
	for _, from := range slices.Sorted(maps.Keys(j.Mapping)) {
		to := j.Mapping[from]
		c.known(field, "production network", from, production)
		if plan.hasNetwork(to) {
			if other, double := taken[to]; double {
				c.add(field, "%q and %q are both mapped to %q; a cloud network stands for one production network", other, from, to)
			}
			taken[to] = from
			continue
		}
		hint := ""
		switch {
		case c.enough() || len(to) > MaxName:
		case plan.renamed(to, j.Mapping) != "":
			hint = "; " + plan.renamed(to, j.Mapping)
		default:
			hint = "; " + DidYouMean(to, plan.NetworkNames())
		}
		c.add(field, "there is no cloud network %q%s", to, prose(hint))
	}
}
