package httpapi

import (
	"context"
	"net/http"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func (s *server) registerReplicationJobs() {
	list(s, "replicationJobs", "List the tenant's replication jobs", newWireReplicationJob,
		func(ctx context.Context, as vcc.Actor, in *PageQuery) ([]vcc.ReplicationJob, int, error) {
			return s.Services.ReplicationJobs(ctx, as, in.page())
		})
	handle(s, http.MethodPost, "replicationJobs/{id}/run", "Run a replication job; its first run detects default gateways", s.runJob)
}

func (s *server) runJob(ctx context.Context, as vcc.Actor, in *idPath) (*answerBody[wireJobRun], error) {
	run, err := s.Services.RunReplicationJob(ctx, as, in.ID)
	if err != nil {
		return nil, err
	}
	s.auditObject(ctx, "replicationJob.run", run.Job.ID)
	for _, g := range run.Detected {
		s.auditRevision(ctx, "defaultGateway.detect", g.NetworkID, g.Revision)
	}
	return &answerBody[wireJobRun]{newWireJobRun(*run)}, nil
}
