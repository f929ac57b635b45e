package httpapi

import (
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wireReplicationJob is a replication job of the tenant.
type wireReplicationJob struct {
	ID               string     `json:"id"`
	Name             string     `json:"name"`
	HardwarePlanID   string     `json:"hardwarePlanId"`
	HardwarePlanName string     `json:"hardwarePlanName"`
	ApplicationAware bool       `json:"applicationAware"`
	Runs             int        `json:"runs" doc:"How often it ran; the first run detects gateways"`
	LastRun          *time.Time `json:"lastRun" required:"false"`
}

// wireJobRun is the outcome of one run of a job.
type wireJobRun struct {
	Job      wireReplicationJob   `json:"job"`
	Detected []wireDefaultGateway `json:"detected" doc:"The gateways that this run saved"`
	Skipped  []wireDetectionSkip  `json:"skipped" doc:"The production networks that a first run saved nothing for"`
}

// wireDetectionSkip says why detection saved no gateway for a production network.
type wireDetectionSkip struct {
	ProductionNetwork string `json:"productionNetwork"`
	Reason            string `json:"reason"`
}

func newWireReplicationJob(j vcc.ReplicationJob) wireReplicationJob {
	return wireReplicationJob{
		ID: j.ID, Name: j.Name, HardwarePlanID: j.HardwarePlanID, HardwarePlanName: j.HardwarePlanName,
		ApplicationAware: j.ApplicationAware, Runs: j.Runs, LastRun: optionalTime(j.LastRun),
	}
}

func (w wireReplicationJob) decode() (vcc.ReplicationJob, error) {
	return vcc.ReplicationJob{
		ID: w.ID, Name: w.Name, HardwarePlanID: w.HardwarePlanID, HardwarePlanName: w.HardwarePlanName,
		ApplicationAware: w.ApplicationAware, Runs: w.Runs, LastRun: timeOrZero(w.LastRun),
	}, nil
}

func newWireJobRun(r vcc.JobRun) wireJobRun {
	return wireJobRun{
		Job:      newWireReplicationJob(r.Job),
		Detected: convert(r.Detected, newWireDefaultGateway),
		Skipped:  convert(r.Skipped, func(s vcc.DetectionSkip) wireDetectionSkip { return wireDetectionSkip(s) }),
	}
}

func (w wireDetectionSkip) decode() (vcc.DetectionSkip, error) { return vcc.DetectionSkip(w), nil }

func (w wireJobRun) decode() (vcc.JobRun, error) {
	job, err := w.Job.decode()
	if err != nil {
		return vcc.JobRun{}, err
	}
	detected, err := decodeList("detected", w.Detected)
	if err != nil {
		return vcc.JobRun{}, err
	}
	skipped, err := decodeList("skipped", w.Skipped)
	return vcc.JobRun{Job: job, Detected: detected, Skipped: skipped}, err
}
