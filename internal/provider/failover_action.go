package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newFailoverAction() action.Action { return &failoverAction{} }

type failoverAction struct{ *connection }

var (
	_ action.ActionWithConfigure      = (*failoverAction)(nil)
	_ action.ActionWithValidateConfig = (*failoverAction)(nil)
	_ action.ActionWithModifyPlan     = (*failoverAction)(nil)
)

type failoverModel struct {
	Plan      types.String `tfsdk:"plan"`
	Operation types.String `tfsdk:"operation"`
	Force     types.Bool   `tfsdk:"force"`
	Checks    types.List   `tfsdk:"checks"`
}

// Metadata names the action.
func (a *failoverAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_failover"
}

// Schema describes the action.
func (a *failoverAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Starts, undoes, tests or rehearses full site failover by a cloud failover plan. What happens to each network extension appliance is reported " +
			"as progress, and what people should know before they rely on it as warnings. Actions need Terraform 1.14 or later.",
		Attributes: map[string]schema.Attribute{
			"plan": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name or ID of the cloud failover plan, which a `vcc_failover_plan` may be about to make.",
			},
			"operation": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "`start` fails the whole site over: the appliances take over the stored default gateways. `undo` takes the addresses away and stops " +
					"the appliances. `test` says what a start would do, and starts nothing; a report of it is kept, which data source `vcc_failover_sessions` reads. `rehearse` rebuilds what a start would do in namespaces of this machine, which has " +
					"to be a Linux machine, tries `checks` there with real packets, and fails where the outcome is not as declared; it changes nothing either.",
			},
			"force": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether a `start` ends the partial site failovers that keep an appliance busy. Without it such a start is refused. " +
					"Only good with `start`.",
			},
			"checks": failoverChecksAttribute(),
		},
	}
}

// Configure takes the provider's connection.
func (a *failoverAction) Configure(_ context.Context, req action.ConfigureRequest, resp *action.ConfigureResponse) {
	a.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig checks the operation, if it is known.
func (a *failoverAction) ValidateConfig(ctx context.Context, req action.ValidateConfigRequest, resp *action.ValidateConfigResponse) {
	var m failoverModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if !m.Operation.IsNull() && !m.Operation.IsUnknown() {
		operation, err := vcc.ParseFailoverOperation(m.Operation.ValueString())
		addFieldErrors(&resp.Diagnostics, "Invalid Failover", vcc.Within("operation", err))
		if err == nil && operation != vcc.FailoverStart && m.Force.ValueBool() {
			resp.Diagnostics.AddAttributeError(path.Root("force"), "Invalid Failover",
				fmt.Sprintf("force: only a start ends partial failovers; remove it, because operation is %q.", operation))
		}
		if err == nil {
			resp.Diagnostics.Append(checkFailoverChecks(ctx, operation, m)...)
		}
	}
}

// ModifyPlan checks that the plan exists, or that a vcc_failover_plan is planned to make it. Whether it can be
// started or undone is seen when that is due: other things may happen first.
func (a *failoverAction) ModifyPlan(ctx context.Context, req action.ModifyPlanRequest, resp *action.ModifyPlanResponse) {
	var m failoverModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() || a.connection == nil || m.Plan.IsUnknown() {
		return
	}
	nameOrID, found := m.Plan.ValueString(), false
	plans, err := a.listFailoverPlans(ctx)
	if err == nil {
		if _, found = vcc.Find(plans, nameOrID, planKey); !found {
			found, err = a.run.awaitFailoverPlan(ctx, nameOrID)
		}
	}
	switch {
	case err != nil:
		addRequestError(&resp.Diagnostics, failoverPlansNotRead, err)
	case !found:
		lookup(&resp.Diagnostics, "plan", "failover plan", nameOrID, plans, planKey)
	}
}

const failoverPlansNotRead = "Failover Plans Not Read"

// Invoke carries the operation out.
func (a *failoverAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	var m failoverModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	operation, err := vcc.ParseFailoverOperation(m.Operation.ValueString())
	addFieldErrors(&resp.Diagnostics, "Invalid Failover", vcc.Within("operation", err))
	if resp.Diagnostics.HasError() {
		return
	}
	failed := map[vcc.FailoverOperation]string{
		vcc.FailoverStart: "Failover Not Started", vcc.FailoverUndo: "Failover Not Undone", vcc.FailoverTest: "Failover Not Tested",
		vcc.FailoverRehearse: "Failover Not Rehearsed",
	}[operation]
	if a.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	plan := a.lookupFailoverPlan(ctx, &resp.Diagnostics, failoverPlansNotRead, "plan", m.Plan.ValueString())
	if resp.Diagnostics.HasError() {
		return
	}
	progress := func(format string, args ...any) {
		resp.SendProgress(action.InvokeProgressEvent{Message: vcc.Printable(fmt.Sprintf(format, args...))})
	}
	if operation == vcc.FailoverRehearse {
		resp.Diagnostics.Append(a.rehearse(ctx, plan, m, progress)...)
		return
	}
	var session *vcc.FailoverSession
	known := 0 // how much of the session's log is from before
	switch operation {
	case vcc.FailoverStart:
		progress("Starting full site failover by plan %q", plan.Name)
		session, err = a.client.StartFailover(ctx, a.as, plan.ID, m.Force.ValueBool())
	case vcc.FailoverUndo:
		progress("Undoing full site failover by plan %q", plan.Name)
		if plan.Session != nil {
			known = len(plan.Session.Log)
		}
		session, err = a.client.UndoFailover(ctx, a.as, plan.ID)
	case vcc.FailoverTest:
		progress("Testing full site failover by plan %q: nothing is started", plan.Name)
		session, err = a.client.TestFailover(ctx, a.as, plan.ID)
	}
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		if httpapi.Uncertain(err) && operation != vcc.FailoverTest { // no plan shows a failover
			resp.Diagnostics.AddWarning("Look Before Trying Again",
				"Data source vcc_network_extension_appliance and \"terraform-provider-vcc backend failover status\" say whether a failover is under way.")
		}
		return
	}
	for _, entry := range session.Log[min(known, len(session.Log)):] {
		progress("%s", entry.Message)
	}
	switch {
	case operation == vcc.FailoverTest && session.IsKept():
		progress("The report of this test is kept as failover session %s", session.ID)
	case operation == vcc.FailoverTest:
		resp.Diagnostics.AddWarning("No Report Kept", fmt.Sprintf(
			"No report of this test is kept, and data source vcc_failover_sessions will not have it: %s.", vcc.NotKept))
	}
	if operation == vcc.FailoverUndo {
		return // the problems are those of the failover that is over
	}
	for _, p := range session.Problems {
		resp.Diagnostics.AddWarning("Problem at Failover", sentence(errors.New(p.Message)))
	}
}
