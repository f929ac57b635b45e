// Package provider is the Terraform adapter: schemas, the conversion between
// Terraform's values and the wire's, and diagnostics. The rules are those of
// package vcc, which it calls.
package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

type vccProvider struct {
	version string
	traffic *traffic
	// nested is that of defaultGatewaysResource.
	nested bool
	// connection is the one that this was configured with last, nil before.
	connection atomic.Pointer[connection]
}

var (
	_ provider.ProviderWithValidateConfig = (*vccProvider)(nil)
	_ provider.ProviderWithListResources  = (*vccProvider)(nil)
	_ provider.ProviderWithActions        = (*vccProvider)(nil)
	_ provider.ProviderWithFunctions      = (*vccProvider)(nil)
)

// Metadata names the provider.
func (p *vccProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = "vcc", p.version
}

// Schema describes the provider block.
func (p *vccProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Keeps the default gateways of Veeam Cloud Connect replica networks, and the option to route between them, as code.",
		Attributes: map[string]schema.Attribute{
			"endpoint": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Address of a served backend, such as `https://sp.example.net:9419`. Also `VCC_ENDPOINT`. Excludes `embedded`.",
			},
			"username": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Account at the served backend. Also `VCC_USERNAME`.",
			},
			"password": schema.StringAttribute{
				Optional:            true,
				Sensitive:           true,
				MarkdownDescription: "Password of the account. Also `VCC_PASSWORD`. It never goes over plain `http://` except to a loopback address.",
			},
			"tenant": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Name or ID of the tenant that an operator's account acts for, which has to name one. A tenant's own account always acts for its own tenant, " +
					"whatever this says. Also `VCC_TENANT`. In the embedded backend it is `embedded.tenant`.",
			},
			"ca_certificate": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Certificate authorities, in PEM form, that may have signed the served backend's certificate, in place of the system's. Also `VCC_CA_CERTIFICATE`.",
			},
			"insecure_skip_verify": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Accept any certificate. For tests only: anybody on the way can read the password. Also `VCC_INSECURE_SKIP_VERIFY`.",
			},
			"request_timeout": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "How long one attempt of a request may take; `30s` by default.",
			},
			"max_retries": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "How often a request that failed for a passing reason is tried again; 4 by default.",
			},
			"max_export_age": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "How old the export of a real backup server may be that was imported last, such as `26h`; if it is older, a warning says so, once in a plan. " +
					"Unset by default: then nobody asks. See the guide *Your real site*.",
			},
			"embedded": schema.SingleNestedAttribute{
				Optional: true,
				MarkdownDescription: "Use the reference backend inside the provider: nothing else to install, no port and no credentials. " +
					"It is also used, with a warning, when neither this nor `endpoint` is set. Excludes `endpoint`.",
				Attributes: map[string]schema.Attribute{
					"data_dir": schema.StringAttribute{
						Optional:            true,
						MarkdownDescription: "Folder that holds the database, created if it does not exist; `.vcc` in the working directory by default. Also `VCC_DATA_DIR`.",
					},
					"lab_file": schema.StringAttribute{
						Optional: true,
						MarkdownDescription: "YAML file that declares who exists in a fresh data folder: hosts, hardware plans, tenants and their sites. A built-in lab when unset. " +
							"Terraform never changes who exists: where the file differs from what the folder has, a warning lists how, and `backend lab apply` declares it. Also `VCC_LAB_FILE`.",
					},
					"tenant": schema.StringAttribute{
						Optional:            true,
						MarkdownDescription: "Name or ID of the tenant to act for; the lab's first when unset. Also `VCC_TENANT`.",
					},
				},
			},
		},
	}
}

// Resources lists the resources.
func (p *vccProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{newDefaultGatewayResource, p.newDefaultGatewaysResource, newNetworkRoutingResource, newFailoverPlanResource, newRecoveryPolicyResource}
}

// DataSources lists the data sources.
func (p *vccProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{newCloudNetworkDataSource, newFailoverPlanDataSource, newHardwarePlanNetworksDataSource, newNetworkExtensionApplianceDataSource, newReachabilityDataSource, newFailoverSessionsDataSource}
}

// ListResources lists what `terraform query` can find.
func (p *vccProvider) ListResources(context.Context) []func() list.ListResource {
	return []func() list.ListResource{newDefaultGatewayListResource, newDefaultGatewaysListResource, newFailoverPlanListResource}
}

// Actions lists the actions.
func (p *vccProvider) Actions(context.Context) []func() action.Action {
	return []func() action.Action{newFailoverAction, newReplicationJobRunAction}
}

// Functions lists the functions.
func (p *vccProvider) Functions(context.Context) []func() function.Function {
	return []func() function.Function{newIPv4Function, newIPv6Function}
}

// ValidateConfig checks what the provider block says by itself: no environment,
// no files, no requests.
func (p *vccProvider) ValidateConfig(ctx context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse) {
	_, diags := readSettings(ctx, req.Config, nil)
	resp.Diagnostics.Append(diags...)
}

// Configure connects to a served backend or opens the embedded one. Values that
// are not known yet are no error: the provider is configured again before an apply.
func (p *vccProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	s, diags := readSettings(ctx, req.Config, os.Getenv)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if s.unknown {
		if req.ClientCapabilities.DeferralAllowed {
			resp.Deferred = &provider.Deferred{Reason: provider.DeferredReasonProviderConfigUnknown}
		}
		return
	}
	b := &connection{networks: newShared[*cloudNetworks](), tenant: newShared[tenant](), maxExportAge: s.maxExportAge}
	if s.embedded {
		b.client, b.actor, diags = p.embed(ctx, s)
	} else {
		b.client, diags = p.connect(req.TerraformVersion, s)
		b.as, b.actor = s.as, s.username
	}
	resp.Diagnostics.Append(diags...)
	if !resp.Diagnostics.HasError() {
		b.gateways = newGateways(b.client, b.as, b.actor)
		b.run = newRun(p.traffic)
		p.connection.Store(b)
		resp.ResourceData, resp.DataSourceData = b, b
		resp.ListResourceData, resp.ActionData = b, b
	}
}

// embed opens the embedded backend. It stays open as long as the process: an
// abrupt end is what its store is made for.
func (p *vccProvider) embed(ctx context.Context, s settings) (*httpapi.Client, string, diag.Diagnostics) {
	var diags diag.Diagnostics
	e, err := backend.OpenEmbedded(ctx, backend.EmbeddedConfig{
		DataDir: s.dataDir, LabFile: s.labFile, Tenant: s.tenant, Program: "Terraform", Version: p.version, Log: failureLog(ctx),
	})
	if err != nil {
		at := path.Root("embedded")
		var config *backend.ConfigError
		if errors.As(err, &config) {
			at = at.AtName(snakeCase(config.Setting))
		}
		diags.AddAttributeError(at, "Embedded Backend Not Available", fmt.Sprintf("%s: %s", at, withFullStop(err.Error())))
		return nil, "", diags
	}
	if s.implicit {
		diags.AddWarning("Embedded Backend in Use", fmt.Sprintf(
			"Neither endpoint nor embedded is set, so this configures the reference backend in %s, and no real site. "+
				"To say that this is meant, add embedded = {} to the provider block; to configure a served backend, set endpoint.", e.DataDir))
	}
	if len(e.LabChanges) > 0 {
		lines := make([]string, len(e.LabChanges))
		for i, c := range e.LabChanges {
			lines[i] = c.Line()
		}
		diags.AddAttributeWarning(path.Root("embedded").AtName("lab_file"), "Lab File Not Declared", fmt.Sprintf(
			"%s is not what the backend in %s has. Declaring it would change:\n\n%s\n\nTerraform never changes who exists: it declares a lab file "+
				"once, in a fresh data folder. To declare it now, run\n\n%s\n\nwhich removes nothing that is not named with --remove.",
			s.labFile, e.DataDir, vcc.FirstTen(lines, "\n"), e.ApplyCommand(s.labFile)))
	}
	return e.Client, e.Actor, diags
}

// connect makes the client of a served backend. It sends nothing yet.
func (p *vccProvider) connect(terraformVersion string, s settings) (*httpapi.Client, diag.Diagnostics) {
	var diags diag.Diagnostics
	cfg := s.client
	cfg.UserAgent = fmt.Sprintf("terraform-provider-vcc/%s Terraform/%s", p.version, terraformVersion)
	cfg.OnResponse = func(ctx context.Context, method, path string, status int) {
		tflog.Debug(ctx, "backend answered", map[string]any{"method": method, "path": path, "status": status})
	}
	client, err := httpapi.NewClient(cfg)
	if err != nil {
		addFieldErrors(&diags, "Invalid Provider Configuration", err)
	}
	return client, diags
}

// connection is what resources and data sources get.
type connection struct {
	client *httpapi.Client
	// as names the tenant that an operator acts for.
	as vcc.Actor
	// gateways reads and writes default gateways through the client.
	gateways *gateways
	// actor is whom the backend's history names for what this provider writes.
	actor string
	// run is the record of what was asked of this provider since it was configured.
	run *run
	// networks and tenant are asked for once. toldOfTenant says that it was said that the state is of another one.
	networks       *shared[*cloudNetworks]
	tenant         *shared[tenant]
	tenantReported atomic.Bool
	// maxExportAge is 0 if it is not set. exportAgeChecked says that the age was judged, in this run.
	maxExportAge     time.Duration
	exportAgeChecked atomic.Bool
	// stored finds the IP networks of stored gateways.
	stored storedNetworks
}

// connectionOf unpacks the provider's data in a resource's or data source's
// Configure. It is nil before the provider is configured, and while one of its
// settings is not known.
func connectionOf(data any, diags *diag.Diagnostics) *connection {
	if data == nil {
		return nil
	}
	c, ok := data.(*connection)
	if !ok {
		diags.AddError("Unexpected Provider Data", fmt.Sprintf("Expected a connection, got %T. This is a fault of the provider.", data))
	}
	return c
}
