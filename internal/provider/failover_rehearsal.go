package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/rehearsal"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// failoverCheckModel is a check of a rehearsal.
type failoverCheckModel struct {
	Source      types.String `tfsdk:"source"`
	Destination types.String `tfsdk:"destination"`
	Protocol    types.String `tfsdk:"protocol"`
	Port        types.Int64  `tfsdk:"port"`
	Reachable   types.Bool   `tfsdk:"reachable"`
	Reason      types.String `tfsdk:"reason"`
}

// failoverChecksAttribute describes the checks.
func failoverChecksAttribute() schema.Attribute {
	return schema.ListNestedAttribute{
		Optional: true,
		MarkdownDescription: "What a `rehearse` tries, 1 to 1000, in the form of a checks file: `yamldecode(file(\"checks.yaml\"))`. " +
			"It fails if one is not as declared. Only good with `rehearse`, which needs it.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"source": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "The name of a VM of the plan, an IP address, or `internet`. Of a VM with several addresses each is tried, and the check holds if it does for all.",
			},
			"destination": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "As the source.",
			},
			"protocol": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "`tcp`, `udp` or `icmp`, which stands for ICMPv6 between IPv6 addresses.",
			},
			"port": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Destination port; required with `tcp` and `udp`, and meaningless with `icmp`.",
			},
			"reachable": schema.BoolAttribute{
				Required:            true,
				MarkdownDescription: "Whether the destination must be reached, or must not.",
			},
			"reason": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "What must settle it, such as `routing_enabled`; any reason where left out.",
			},
		}},
	}
}

// checkFailoverChecks checks what is known of the checks of an operation.
func checkFailoverChecks(ctx context.Context, operation vcc.FailoverOperation, m failoverModel) (diags diag.Diagnostics) {
	const summary = "Invalid Failover"
	rehearsed := operation == vcc.FailoverRehearse
	switch n := len(m.Checks.Elements()); {
	case !rehearsed && !m.Checks.IsNull():
		diags.AddAttributeError(path.Root("checks"), summary, fmt.Sprintf("checks: only a rehearsal tries them; remove them, because operation is %q.", operation))
	case !rehearsed || m.Checks.IsUnknown():
	case n == 0:
		diags.AddAttributeError(path.Root("checks"), summary, "checks: A rehearsal needs at least one check, such as "+
			`{ source = "web01", destination = "db01", protocol = "tcp", port = 5432, reachable = true }.`)
	case n > vcc.MaxTraceRequests:
		diags.AddAttributeError(path.Root("checks"), summary, fmt.Sprintf("checks: A rehearsal has %d checks at most, and this one has %d.", vcc.MaxTraceRequests, n))
	default:
		_, more := failoverChecks(ctx, m)
		diags.Append(more...)
	}
	return diags
}

// failoverChecks reads the checks. One that is not known whole is the zero value.
func failoverChecks(ctx context.Context, m failoverModel) (checks []vcc.Check, diags diag.Diagnostics) {
	checks = make([]vcc.Check, len(m.Checks.Elements()))
	for i, element := range m.Checks.Elements() {
		o, ok := element.(types.Object)
		if !ok || o.IsUnknown() {
			continue
		}
		if o.IsNull() {
			addNullElement(&diags, path.Root("checks").AtListIndex(i), "Invalid Failover", "check", "checks")
			continue
		}
		var c failoverCheckModel
		if diags.Append(o.As(ctx, &c, basetypes.ObjectAsOptions{})...); diags.HasError() {
			return nil, diags
		}
		if c.Source.IsUnknown() || c.Destination.IsUnknown() || c.Protocol.IsUnknown() || c.Port.IsUnknown() || c.Reachable.IsUnknown() || c.Reason.IsUnknown() {
			continue
		}
		var err error
		checks[i], err = vcc.ParseCheck(c.Source.ValueString(), c.Destination.ValueString(), c.Protocol.ValueString(), intPointer(c.Port), c.Reachable.ValueBoolPointer(), c.Reason.ValueString())
		addCheckErrors(&diags, i, err)
	}
	return checks, diags
}

// addCheckErrors adds the errors about a check at its attributes.
func addCheckErrors(diags *diag.Diagnostics, i int, err error) {
	for _, e := range vcc.Errors(err) {
		at := path.Root("checks").AtListIndex(i).AtName(e.Field)
		diags.AddAttributeError(at, "Invalid Failover", fmt.Sprintf("%s: %s", at, withFullStop(e.Message)))
	}
}

// rehearse rebuilds the failover on this machine, and tries the checks.
func (a *failoverAction) rehearse(ctx context.Context, plan vcc.FailoverPlan, m failoverModel, progress func(format string, args ...any)) (diags diag.Diagnostics) {
	const summary = "Failover Not Rehearsed"
	checks, diags := failoverChecks(ctx, m)
	if diags.HasError() {
		return diags
	}
	progress("Rehearsing full site failover by plan %q on this machine: nothing is started or changed", plan.Name)
	r, err := backend.Rehearse(ctx, a.client, a.as, plan, rehearsal.Config{Notify: func(n rehearsal.Notice) { progress("%s", n.Text) }})
	if err != nil {
		addRequestError(&diags, summary, err)
		return diags
	}
	outcomes, err := r.Check(ctx, checks)
	if err = errors.Join(err, r.Close()); err != nil {
		addRehearsalErrors(&diags, summary, err)
		return diags
	}
	for i, o := range outcomes {
		progress("%s", o.Explanation)
		at := path.Root("checks").AtListIndex(i)
		if !o.Holds(checks[i]) {
			text := o.Explanation
			if o.Reachable != checks[i].Unwanted {
				text = fmt.Sprintf("The reason is %s, and not %s. %s", o.Reason, checks[i].Reason, text)
			}
			diags.AddAttributeError(at, "Rehearsal Not As Declared", fmt.Sprintf("%s: %s", at, withFullStop(text)))
		}
		if o.Fault != "" {
			diags.AddAttributeError(at, "Kernel and Routing Engine Differ", fmt.Sprintf("%s: %s The kernel says: %s", at, withFullStop(o.Fault), withFullStop(o.Explanation)))
		}
	}
	return diags
}

// addRehearsalErrors adds the errors of checks that cannot be tried, or another error.
func addRehearsalErrors(diags *diag.Diagnostics, summary string, err error) {
	for _, e := range vcc.Errors(err) {
		var i int
		var field string
		if n, _ := fmt.Sscanf(e.Field, "questions[%d].%s", &i, &field); n == 2 {
			at := *e
			at.Field = field
			addCheckErrors(diags, i, &at)
		}
	}
	if !diags.HasError() {
		addRequestError(diags, summary, err)
	}
}
