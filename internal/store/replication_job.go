package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

type jobRow struct {
	ID, Name         string
	HardwarePlanID   string
	HardwarePlanName string
	Declaration      string
	Runs             int
	LastRun          *time.Time
}

const (
	jobColumns = "j.id, j.name, j.hardware_plan_id, p.name, j.declaration, j.runs, j.last_run"
	fromJobs   = " FROM replication_jobs AS j JOIN hardware_plans AS p ON p.id = j.hardware_plan_id WHERE j.tenant_id = $1"
)

func (r *jobRow) fields() []any {
	return []any{&r.ID, &r.Name, &r.HardwarePlanID, &r.HardwarePlanName, &r.Declaration, &r.Runs, &r.LastRun}
}

func (r jobRow) job() (vcc.ReplicationJob, error) {
	declared, err := r.declared()
	j := vcc.ReplicationJob{
		ID: r.ID, Name: r.Name, HardwarePlanID: r.HardwarePlanID, HardwarePlanName: r.HardwarePlanName,
		ApplicationAware: declared.ApplicationAware, Runs: r.Runs,
	}
	if r.LastRun != nil {
		j.LastRun = *r.LastRun
	}
	return j, err
}

func (r jobRow) declared() (vcc.LabReplicationJob, error) {
	return declared(r.Declaration, jobRecord.job)
}

// ReplicationJobs implements vcc.ReplicationJobService.
func (s *Store) ReplicationJobs(ctx context.Context, as vcc.Actor, p vcc.Page) ([]vcc.ReplicationJob, int, error) {
	return readPage(ctx, s, func(tx querier) (page[vcc.ReplicationJob], error) {
		return queryPage(ctx, tx, p, jobRow.job, jobColumns, fromJobs, " ORDER BY j.ordinal", as.TenantID)
	})
}

// RunReplicationJob implements vcc.ReplicationJobService.
func (s *Store) RunReplicationJob(ctx context.Context, as vcc.Actor, jobID string) (*vcc.JobRun, error) {
	return write(ctx, s, ofTenant(as.TenantID), func(tx querier) (*vcc.JobRun, error) { return s.runJob(ctx, tx, as, jobID) })
}

func (s *Store) runJob(ctx context.Context, tx querier, as vcc.Actor, jobID string) (*vcc.JobRun, error) {
	row, err := queryFirst[jobRow](ctx, tx, "SELECT "+jobColumns+fromJobs+" AND j.id = $2", as.TenantID, jobID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound(jobID, "there is no replication job with ID %s", jobID)
	}
	if err != nil {
		return nil, err
	}
	job, err := row.job()
	if err != nil {
		return nil, err
	}
	declared, err := row.declared()
	if err != nil {
		return nil, err
	}
	job.Runs, job.LastRun = job.Runs+1, s.now()
	if err := tx.exec(ctx, "UPDATE replication_jobs SET runs = $1, last_run = $2 WHERE id = $3", job.Runs, job.LastRun, jobID); err != nil {
		return nil, err
	}
	run := &vcc.JobRun{Job: job}
	if !job.Detects() {
		return run, nil
	}
	return run, s.detect(ctx, tx, as, declared, run)
}

// detect saves what the first run of a job finds, in the name of the job.
func (s *Store) detect(ctx context.Context, tx querier, as vcc.Actor, declared vcc.LabReplicationJob, run *vcc.JobRun) error {
	site, err := findSite(ctx, tx, as.TenantID)
	if err != nil {
		return err
	}
	rows, err := queryAll[networkRow](ctx, tx, selectNetworks+" WHERE n.hardware_plan_id = $2"+inNetworkOrder, as.TenantID, run.Job.HardwarePlanID)
	if err != nil {
		return err
	}
	found, skipped := vcc.Detect(site, declared, convert(rows, networkRow.network))
	run.Skipped = skipped
	as.Name = fmt.Sprintf("replication job %q", run.Job.Name)
	for _, d := range found {
		_, current, err := findNetworkAndGateway(ctx, tx, as.TenantID, d.Network.ID)
		if err != nil {
			return err
		}
		if current != nil {
			run.Skipped = append(run.Skipped, vcc.DetectionSkip{ProductionNetwork: d.ProductionNetwork,
				Reason: fmt.Sprintf("%q has a stored default gateway, which detection never overwrites", d.Network.Name)})
			continue
		}
		state := vcc.GatewayState{Origin: vcc.OriginDetected, GatewaySettings: d.Settings}
		g, err := s.putGateway(ctx, tx, as, d.Network, nil, state)
		if vcc.Code(err) == vcc.CodeConflict {
			run.Skipped = append(run.Skipped, vcc.DetectionSkip{ProductionNetwork: d.ProductionNetwork, Reason: err.Error()})
			continue
		}
		if err != nil {
			return err
		}
		run.Detected = append(run.Detected, *g)
	}
	return nil
}
