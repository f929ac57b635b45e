package provider

import (
	"context"
	"errors"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newReachabilityDataSource() datasource.DataSource { return &reachabilityDataSource{} }

type reachabilityDataSource struct{ *connection }

var (
	_ datasource.DataSourceWithConfigure      = (*reachabilityDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*reachabilityDataSource)(nil)
)

type reachabilityModel struct {
	Source      types.String   `tfsdk:"source"`
	Destination types.String   `tfsdk:"destination"`
	Protocol    types.String   `tfsdk:"protocol"`
	Port        types.Int64    `tfsdk:"port"`
	Reachable   types.Bool     `tfsdk:"reachable"`
	Verdict     types.String   `tfsdk:"verdict"`
	Reason      types.String   `tfsdk:"reason"`
	Explanation types.String   `tfsdk:"explanation"`
	Steps       []types.String `tfsdk:"steps"`
}

// Metadata names the data source.
func (d *reachabilityDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_reachability"
}

// Schema describes the data source.
func (d *reachabilityDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Whether one end would reach another after full site failover, with what is stored now: the gateways, the routing " +
			"option, and the public IP rules of the failover plan that is failed over, or of all plans while none is. " +
			"What a plan would leave is the question of resource `vcc_recovery_policy`: Terraform puts off the reading of a data source " +
			"that refers to a resource with changes until these are applied.",
		Attributes: map[string]schema.Attribute{
			"source": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "The name of a VM of the site, an IP address, or `internet`, which stands for any address on the internet. " +
					"An address in a cloud network is a replica's there; any other comes from outside. Of a VM with several adapters each is looked at.",
			},
			"destination": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "A VM, an address of the source's family, or `internet`.",
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
				Computed:            true,
				MarkdownDescription: "Whether the request arrives and its reply gets back, on ways that exist: through the internet no private address is reached.",
			},
			"verdict": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "What becomes of the request: `forwarded`, `delivered` (to the appliance itself) or `dropped`.",
			},
			"reason": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "What settled it, such as `routing_enabled`, `routing_disabled` or `private_destination`.",
			},
			"explanation": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "One sentence with the cause and, where it is not reachable, the way out.",
			},
			"steps": schema.ListAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: "The way of the request through the appliance, in words.",
			},
		},
	}
}

// Configure takes the provider's connection.
func (d *reachabilityDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig checks a question that is known whole.
func (d *reachabilityDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	var m reachabilityModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if m.Source.IsUnknown() || m.Destination.IsUnknown() || m.Protocol.IsUnknown() || m.Port.IsUnknown() {
		return
	}
	resp.Diagnostics.Append(m.check()...)
}

func (m reachabilityModel) check() (diags diag.Diagnostics) {
	_, err := m.question()
	addFieldErrors(&diags, "Invalid Reachability Question", err)
	return diags
}

func (m reachabilityModel) question() (vcc.TraceRequest, error) {
	return vcc.ParseTraceRequest(m.Source.ValueString(), m.Destination.ValueString(), m.Protocol.ValueString(), intPointer(m.Port))
}

// aboutQuestion returns an error of a trace of one question with the fields of that question.
func aboutQuestion(err error) error {
	all := vcc.Errors(err)
	if len(all) == 0 {
		return err
	}
	errs := make([]error, len(all))
	for i, e := range all {
		moved := *e
		moved.Field, errs[i] = strings.TrimPrefix(e.Field, "questions[0]."), &moved
	}
	return errors.Join(errs...)
}

// Read traces the request and its reply.
func (d *reachabilityDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	const failed = "Reachability Not Read"
	var m reachabilityModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if d.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	question, err := m.question()
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	answers, err := d.client.Trace(ctx, d.as, []vcc.TraceRequest{question}, vcc.Assumption{})
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, aboutQuestion(err))
		return
	}
	reach := answers[0]
	m.Reachable = types.BoolValue(reach.Reachable)
	m.Verdict, m.Reason = types.StringValue(string(reach.Verdict)), types.StringValue(string(reach.Reason))
	m.Explanation = types.StringValue(reach.Explanation)
	m.Steps = []types.String{}
	for _, s := range reach.Steps {
		m.Steps = append(m.Steps, types.StringValue(s.Message))
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// intPointer returns a number, nil where there is none.
func intPointer(n types.Int64) *int {
	if n.IsNull() || n.IsUnknown() {
		return nil
	}
	value := int(n.ValueInt64())
	return &value
}
