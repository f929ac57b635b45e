package provider

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newFailoverSessionsDataSource() datasource.DataSource { return &failoverSessionsDataSource{} }

type failoverSessionsDataSource struct{ *connection }

var (
	_ datasource.DataSourceWithConfigure      = (*failoverSessionsDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*failoverSessionsDataSource)(nil)
)

// sessionsByDefault is how many sessions there are where limit is not set.
const sessionsByDefault = 10

type failoverSessionsModel struct {
	FailoverPlan types.String           `tfsdk:"failover_plan"`
	Operation    types.String           `tfsdk:"operation"`
	Limit        types.Int64            `tfsdk:"limit"`
	Sessions     []failoverSessionModel `tfsdk:"sessions"`
	Latest       *failoverSessionModel  `tfsdk:"latest"`
	Explanation  types.String           `tfsdk:"explanation"`
}

type failoverSessionModel struct {
	ID              types.String                `tfsdk:"id"`
	Operation       types.String                `tfsdk:"operation"`
	Kind            types.String                `tfsdk:"kind"`
	FailoverPlanID  types.String                `tfsdk:"failover_plan_id"`
	FailoverPlan    types.String                `tfsdk:"failover_plan"`
	VM              types.String                `tfsdk:"vm"`
	StartedAt       types.String                `tfsdk:"started_at"`
	StartedBy       types.String                `tfsdk:"started_by"`
	EndedAt         types.String                `tfsdk:"ended_at"`
	EndedBy         types.String                `tfsdk:"ended_by"`
	Problems        []applianceProblemModel     `tfsdk:"problems"`
	Machines        []sessionMachineModel       `tfsdk:"machines"`
	Interfaces      []sessionInterfaceModel     `tfsdk:"interfaces"`
	PublicAddresses []sessionPublicAddressModel `tfsdk:"public_addresses"`
}

type sessionMachineModel struct {
	VM       types.String          `tfsdk:"vm"`
	HostName types.String          `tfsdk:"host_name"`
	Networks []sessionNetworkModel `tfsdk:"networks"`
}

type sessionNetworkModel struct {
	NetworkID   types.String   `tfsdk:"network_id"`
	NetworkName types.String   `tfsdk:"network_name"`
	Addresses   []types.String `tfsdk:"addresses"`
}

type sessionInterfaceModel struct {
	HostName types.String `tfsdk:"host_name"`
	applianceInterfaceModel
}

type sessionPublicAddressModel struct {
	Public      types.String `tfsdk:"public"`
	Internal    types.String `tfsdk:"internal"`
	HostName    types.String `tfsdk:"host_name"`
	NetworkName types.String `tfsdk:"network_name"`
}

// Metadata names the data source.
func (d *failoverSessionsDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_failover_sessions"
}

// Schema describes the data source.
func (d *failoverSessionsDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Failovers of the tenant, and the reports that failover tests leave, newest first: so a `check` can demand that a failover plan was tested lately. " +
			"A report says what a failover *would* have done at its time. Nothing was started, and no packet was sent. The backend keeps the " +
			fmt.Sprint(vcc.MaxFailoverTests) + " newest reports of each plan.",
		Attributes: map[string]schema.Attribute{
			"failover_plan": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Name or ID of a cloud failover plan; sessions of all plans, and of partial failovers, when unset.",
			},
			"operation": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "`test` for reports of tests alone, `start` for failovers alone; both when unset.",
			},
			"limit": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: fmt.Sprintf("How many sessions to read at most, 1 to %d; %d by default.", vcc.MaxPageLimit, sessionsByDefault),
			},
			"sessions": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "The sessions, newest first.",
				NestedObject: schema.NestedAttributeObject{Attributes: failoverSessionAttributes()},
			},
			"latest": schema.SingleNestedAttribute{
				Computed: true, MarkdownDescription: "The newest of the sessions, with the attributes of each; null if there is none.",
				Attributes: failoverSessionAttributes(),
			},
			"explanation": schema.StringAttribute{
				Computed: true,
				MarkdownDescription: "One sentence that says when the newest session was, by whom, and with which problems, or that there is none: " +
					"good as the `error_message` of a `check`.",
			},
		},
	}
}

// failoverSessionAttributes are those of a session.
func failoverSessionAttributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	texts := func(description string) schema.ListAttribute {
		return schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
	}
	objects := func(description string, attributes map[string]schema.Attribute) schema.ListNestedAttribute {
		return schema.ListNestedAttribute{
			Computed: true, MarkdownDescription: description, NestedObject: schema.NestedAttributeObject{Attributes: attributes},
		}
	}
	return map[string]schema.Attribute{
		"id":               text("ID of the session."),
		"operation":        text("`test` for the report of a test, which started nothing, or `start` for a failover."),
		"kind":             text("`fullSite`, or `partialSite` for a failover of one VM while production lives."),
		"failover_plan_id": text("ID of the failover plan; null at partial site failover."),
		"failover_plan":    text("Name that the failover plan had; null at partial site failover."),
		"vm":               text("Name of the VM at partial site failover; null otherwise."),
		"started_at":       text("When the failover was started, or the test was made, in RFC 3339 and UTC."),
		"started_by":       text("Who did that."),
		"ended_at":         text("When the failover was undone, in RFC 3339 and UTC; null while it is under way, and for a test."),
		"ended_by":         text("Who undid it; null while it is under way, and for a test."),
		"problems": objects("What should have been known before anybody relied on the failover. None: the test found nothing to repair.", map[string]schema.Attribute{
			"code":         text("Such as `no_default_gateway`."),
			"network_id":   text("ID of the network that it concerns, null for none."),
			"network_name": text("Name of the network that it concerns, null for none."),
			"message":      text("What is wrong, what follows from it, and what to do."),
		}),
		"machines": objects("The replicas that were started, or would be. Empty at partial site failover.", map[string]schema.Attribute{
			"vm":        text("Name of the VM."),
			"host_name": text("Host of the replica."),
			"networks": objects("The cloud networks that it is on. Empty if no replication job maps its networks to one.", map[string]schema.Attribute{
				"network_id":   text("ID of the cloud network."),
				"network_name": text("Name of the cloud network."),
				"addresses":    texts("The guest's own addresses there, with their prefix lengths; empty where they are not known."),
			}),
		}),
		"interfaces": objects("The network adapters of the network extension appliances. Empty at partial site failover.", map[string]schema.Attribute{
			"host_name":    text("Host of the appliance."),
			"name":         text("`ext0` on the service provider's external network, `net1` and so on in the cloud networks."),
			"network_id":   text("ID of the cloud network; null for `ext0`."),
			"network_name": text("Name of the cloud network; null for `ext0`."),
			"addresses":    texts("The addresses that it got at the start, or would get, with their prefix lengths. None: nothing gets out of that network."),
		}),
		"public_addresses": objects("Where public addresses led, or would lead. Empty at partial site failover.", map[string]schema.Attribute{
			"public":       text("Public address and port."),
			"internal":     text("Address and port in a cloud network."),
			"host_name":    text("Host of the appliance."),
			"network_name": text("Name of the cloud network."),
		}),
	}
}

// Configure takes the provider's connection.
func (d *failoverSessionsDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig checks the filters that are known.
func (d *failoverSessionsDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	var m failoverSessionsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	_, err := m.operation()
	addFieldErrors(&resp.Diagnostics, invalidSessionFilter, err)
	if limit := m.limit(); limit < 1 || limit > vcc.MaxPageLimit {
		resp.Diagnostics.AddAttributeError(path.Root("limit"), invalidSessionFilter, fmt.Sprintf("limit: %d is out of range; use 1 to %d.", m.Limit.ValueInt64(), vcc.MaxPageLimit))
	}
}

const invalidSessionFilter = "Invalid Selection of Sessions"

// operation returns the operation that is selected, "" for all and while it is unknown.
func (m failoverSessionsModel) operation() (vcc.FailoverOperation, error) {
	if m.Operation.IsNull() || m.Operation.IsUnknown() {
		return "", nil
	}
	operation, err := vcc.ParseSessionOperation(m.Operation.ValueString())
	if err == nil && operation == "" {
		err = &vcc.Error{Code: vcc.CodeInvalidValue, Message: fmt.Sprintf("the empty text selects nothing; use %s or %s, or leave it out", vcc.FailoverTest, vcc.FailoverStart)}
	}
	return operation, vcc.Within("operation", err)
}

// limit returns how many sessions are wanted.
func (m failoverSessionsModel) limit() int64 {
	if m.Limit.IsNull() || m.Limit.IsUnknown() {
		return sessionsByDefault
	}
	return m.Limit.ValueInt64()
}

// Read lists the sessions.
func (d *failoverSessionsDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	const failed = "Failover Sessions Not Read"
	var m failoverSessionsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if d.connection == nil {
		addUnknownProviderError(&resp.Diagnostics, failed)
		return
	}
	operation, err := m.operation()
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	filter, planName := vcc.FailoverSessionFilter{Operation: operation}, ""
	if !m.FailoverPlan.IsNull() {
		plan := d.lookupFailoverPlan(ctx, &resp.Diagnostics, failed, "failover_plan", m.FailoverPlan.ValueString())
		if resp.Diagnostics.HasError() {
			return
		}
		filter.PlanID, planName = plan.ID, plan.Name
	}
	sessions, _, err := d.client.FailoverSessions(ctx, d.as, filter, vcc.Page{Limit: int(m.limit())})
	if vcc.Code(err) == vcc.CodeNotFound {
		resp.Diagnostics.AddError(failed, "The backend is of a release that keeps no failover sessions. Update it, or remove this data source.")
		return
	}
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	m.Sessions = []failoverSessionModel{}
	var latest *vcc.FailoverSession
	for _, listed := range sessions { // a list leaves out what each has of networks and VMs
		s, err := d.client.FailoverSession(ctx, d.as, listed.ID)
		if vcc.Code(err) == vcc.CodeNotFound {
			continue // a newer report has just pushed it out
		}
		if err != nil {
			addRequestError(&resp.Diagnostics, failed, err)
			return
		}
		if m.Sessions = append(m.Sessions, newFailoverSessionModel(*s)); latest == nil {
			latest = s
		}
	}
	if latest != nil {
		m.Latest = &m.Sessions[0]
	}
	m.Explanation = types.StringValue(vcc.DescribeLatest(planName, operation, latest))
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func newFailoverSessionModel(s vcc.FailoverSession) failoverSessionModel {
	m := failoverSessionModel{
		ID: types.StringValue(s.ID), Operation: types.StringValue(string(s.Operation())), Kind: types.StringValue(string(s.Kind)),
		FailoverPlanID: orNull(s.PlanID), FailoverPlan: orNull(s.PlanName), VM: orNull(s.VM),
		StartedAt: timestampOrNull(s.StartedAt), StartedBy: types.StringValue(s.StartedBy), EndedAt: timestampOrNull(s.EndedAt), EndedBy: orNull(s.EndedBy),
		Problems: newApplianceProblemModels(s.Problems), Machines: []sessionMachineModel{}, Interfaces: []sessionInterfaceModel{}, PublicAddresses: []sessionPublicAddressModel{},
	}
	for _, machine := range s.Machines {
		replica := sessionMachineModel{types.StringValue(machine.VM), types.StringValue(machine.HostName), []sessionNetworkModel{}}
		for _, n := range machine.NICs {
			replica.Networks = append(replica.Networks, sessionNetworkModel{types.StringValue(n.NetworkID), types.StringValue(n.NetworkName), textList(n.Addresses, netip.Prefix.String)})
		}
		m.Machines = append(m.Machines, replica)
	}
	for _, n := range s.Networks {
		m.Interfaces = append(m.Interfaces, sessionInterfaceModel{types.StringValue(n.HostName), applianceInterfaceModel{
			types.StringValue(n.Interface), orNull(n.NetworkID), orNull(n.NetworkName), textList(n.Addresses, netip.Prefix.String),
		}})
	}
	for _, p := range s.PublicAddresses {
		m.PublicAddresses = append(m.PublicAddresses, sessionPublicAddressModel{
			types.StringValue(p.Public.String()), types.StringValue(p.Internal.String()), types.StringValue(p.HostName), types.StringValue(p.NetworkName),
		})
	}
	return m
}

// timestampOrNull writes a time in RFC 3339 and UTC, null for the zero time.
func timestampOrNull(t time.Time) types.String {
	if t.IsZero() {
		return types.StringNull()
	}
	return types.StringValue(t.UTC().Format(time.RFC3339))
}
