package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newReplicationJobRunAction() action.Action { return &replicationJobRunAction{} }

type replicationJobRunAction struct{ *connection }

var (
	_ action.ActionWithConfigure  = (*replicationJobRunAction)(nil)
	_ action.ActionWithModifyPlan = (*replicationJobRunAction)(nil)
)

type jobRunModel struct {
	Job types.String `tfsdk:"job"`
}

// Metadata names the action.
func (a *replicationJobRunAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_replication_job_run"
}

// Schema describes the action.
func (a *replicationJobRunAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Runs a replication job. The first run of a job detects the default gateways of its VMs' production networks and saves those of networks " +
			"that have none; later runs save nothing. What was detected, and what was not and why, is reported as progress. Actions need Terraform 1.14 or later.",
		Attributes: map[string]schema.Attribute{
			"job": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name or ID of the replication job.",
			},
		},
	}
}

// Configure takes the provider's connection.
func (a *replicationJobRunAction) Configure(_ context.Context, req action.ConfigureRequest, resp *action.ConfigureResponse) {
	a.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// ModifyPlan checks that the job exists.
func (a *replicationJobRunAction) ModifyPlan(ctx context.Context, req action.ModifyPlanRequest, resp *action.ModifyPlanResponse) {
	var m jobRunModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() || a.connection == nil || m.Job.IsUnknown() {
		return
	}
	_, diags := a.find(ctx, m.Job.ValueString())
	resp.Diagnostics.Append(diags...)
}

// find returns the replication job of a name or ID.
func (a *replicationJobRunAction) find(ctx context.Context, nameOrID string) (job vcc.ReplicationJob, diags diag.Diagnostics) {
	jobs, err := vcc.All(func(p vcc.Page) ([]vcc.ReplicationJob, int, error) { return a.client.ReplicationJobs(ctx, a.as, p) })
	if err != nil {
		addRequestError(&diags, "Replication Jobs Not Read", err)
		return job, diags
	}
	job = lookup(&diags, "job", "replication job", nameOrID, jobs, func(j vcc.ReplicationJob) (string, string) { return j.ID, j.Name })
	return job, diags
}

// Invoke runs the job.
func (a *replicationJobRunAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	const failed = "Replication Job Not Run"
	var m jobRunModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if a.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	job, diags := a.find(ctx, m.Job.ValueString())
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	progress := func(format string, args ...any) {
		resp.SendProgress(action.InvokeProgressEvent{Message: vcc.Printable(fmt.Sprintf(format, args...))})
	}
	progress("Running replication job %q", job.Name)
	run, err := a.client.RunReplicationJob(ctx, a.as, job.ID)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	for _, g := range run.Detected {
		progress("Detected %s", gatewayDisplayName(g))
	}
	for _, s := range run.Skipped {
		progress("Skipped production network %q: %s", s.ProductionNetwork, s.Reason)
	}
	if run.Job.Runs > 1 {
		progress("This was run %d; only the first run of a job detects default gateways", run.Job.Runs)
	}
}
