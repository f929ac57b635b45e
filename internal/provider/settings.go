package provider

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const defaultMaxRetries = 4

// The bounds of the settings for requests: more is a slip of the pen.
const (
	maxRequestTimeout = time.Hour
	maxMaxRetries     = 20
)

// providerConfig is the provider block.
type providerConfig struct {
	Endpoint           types.String `tfsdk:"endpoint"`
	Username           types.String `tfsdk:"username"`
	Password           types.String `tfsdk:"password"`
	Tenant             types.String `tfsdk:"tenant"`
	CACertificate      types.String `tfsdk:"ca_certificate"`
	InsecureSkipVerify types.Bool   `tfsdk:"insecure_skip_verify"`
	RequestTimeout     types.String `tfsdk:"request_timeout"`
	MaxRetries         types.Int64  `tfsdk:"max_retries"`
	MaxExportAge       types.String `tfsdk:"max_export_age"`
	Embedded           types.Object `tfsdk:"embedded"`
}

type embeddedConfig struct {
	DataDir types.String `tfsdk:"data_dir"`
	LabFile types.String `tfsdk:"lab_file"`
	Tenant  types.String `tfsdk:"tenant"`
}

// settings are what the provider block and the environment come to.
type settings struct {
	// unknown says that a value is not known yet; then nothing else is set.
	unknown bool

	embedded bool
	// implicit says that nobody asked for the embedded backend by name.
	implicit                 bool
	dataDir, labFile, tenant string

	// maxExportAge is how old the last export of a real backup server may be, 0 for as old as it is.
	maxExportAge time.Duration

	username string
	client   httpapi.ClientConfig
	// as names the tenant that an operator acts for at a served backend.
	as vcc.Actor
}

// settingsReader collects settings and what is wrong with them.
type settingsReader struct {
	getenv func(string) string
	diags  diag.Diagnostics
}

// readSettings decides where each setting comes from: the configuration wins
// over the environment. With getenv nil it only checks the configuration.
func readSettings(ctx context.Context, block tfsdk.Config, getenv func(string) string) (settings, diag.Diagnostics) {
	var c providerConfig
	r := &settingsReader{getenv: getenv, diags: block.Get(ctx, &c)}
	if r.diags.HasError() {
		return settings{}, r.diags
	}
	var e embeddedConfig
	if !c.Embedded.IsUnknown() {
		r.diags.Append(c.Embedded.As(ctx, &e, basetypes.ObjectAsOptions{UnhandledNullAsEmpty: true})...)
	}
	var s settings
	r.requests(c, &s)
	for _, v := range []attr.Value{
		c.Endpoint, c.Username, c.Password, c.Tenant, c.CACertificate, c.InsecureSkipVerify, c.RequestTimeout, c.MaxRetries, c.MaxExportAge,
		c.Embedded, e.DataDir, e.LabFile, e.Tenant,
	} {
		s.unknown = s.unknown || v.IsUnknown()
	}
	switch r.choose(c, &s); {
	case r.diags.HasError() || s.unknown:
		return settings{unknown: s.unknown}, r.diags
	case s.embedded:
		r.embedded(e, &s)
	default:
		r.served(c, &s)
	}
	return s, r.diags
}

// choose decides between the embedded and a served backend.
func (r *settingsReader) choose(c providerConfig, s *settings) {
	endpoint, embedded := !c.Endpoint.IsNull(), !c.Embedded.IsNull()
	switch {
	case endpoint && embedded:
		r.diags.AddAttributeError(path.Root("endpoint"), "Conflicting Provider Configuration",
			"endpoint and embedded exclude each other: one names a served backend, the other the one inside the provider. Remove one of them.")
	case endpoint:
	case embedded:
		s.embedded = true
	case r.env("VCC_ENDPOINT") != "" && (r.env("VCC_DATA_DIR") != "" || r.env("VCC_LAB_FILE") != ""):
		r.diags.AddAttributeError(path.Root("endpoint"), "Conflicting Environment",
			"VCC_ENDPOINT names a served backend, and VCC_DATA_DIR or VCC_LAB_FILE the embedded one. "+
				"Unset one side, or say in the provider block which is meant with endpoint or embedded.")
	default:
		s.implicit = r.env("VCC_ENDPOINT") == ""
		s.embedded = s.implicit
	}
	if s.embedded && r.getenv != nil || embedded {
		const none = "the embedded backend needs none"
		for _, a := range []struct {
			name    string
			v       attr.Value
			instead string
		}{
			{"username", c.Username, none}, {"password", c.Password, none}, {"ca_certificate", c.CACertificate, none}, {"insecure_skip_verify", c.InsecureSkipVerify, none},
			{"tenant", c.Tenant, "the tenant of the embedded backend stands in embedded"},
		} {
			if !a.v.IsNull() && !endpoint {
				r.diags.AddAttributeError(path.Root(a.name), "Conflicting Provider Configuration",
					a.name+" belongs to a served backend, and no endpoint is set. Set endpoint or VCC_ENDPOINT, or remove "+a.name+": "+a.instead+".")
			}
		}
	}
}

// requests reads the settings that bound requests.
func (r *settingsReader) requests(c providerConfig, s *settings) {
	s.client.RequestTimeout, s.client.MaxRetries = httpapi.DefaultRequestTimeout, defaultMaxRetries
	if v := c.RequestTimeout; !v.IsNull() && !v.IsUnknown() {
		d, err := time.ParseDuration(v.ValueString())
		if err != nil || d <= 0 || d > maxRequestTimeout {
			r.diags.AddAttributeError(path.Root("request_timeout"), "Invalid Provider Configuration",
				fmt.Sprintf("request_timeout: %q is not a duration above 0 and up to 1h; write it like 30s or 1m30s.", v.ValueString()))
		}
		s.client.RequestTimeout = d
	}
	if v := c.MaxRetries; !v.IsNull() && !v.IsUnknown() {
		if n := v.ValueInt64(); n < 0 || n > maxMaxRetries {
			r.diags.AddAttributeError(path.Root("max_retries"), "Invalid Provider Configuration",
				fmt.Sprintf("max_retries: %d is not a number of retries; use 0 to %d.", n, maxMaxRetries))
		}
		s.client.MaxRetries = int(v.ValueInt64())
	}
	if v := c.MaxExportAge; !v.IsNull() && !v.IsUnknown() {
		d, err := time.ParseDuration(v.ValueString())
		if err != nil || d <= 0 {
			r.diags.AddAttributeError(path.Root("max_export_age"), "Invalid Provider Configuration",
				fmt.Sprintf("max_export_age: %q is not a duration above 0; write it in hours, like 26h or 168h.", v.ValueString()))
		}
		s.maxExportAge = d
	}
}

func (r *settingsReader) embedded(e embeddedConfig, s *settings) {
	at := path.Root("embedded")
	s.dataDir = r.value(at.AtName("data_dir"), e.DataDir, "VCC_DATA_DIR")
	s.labFile = r.value(at.AtName("lab_file"), e.LabFile, "VCC_LAB_FILE")
	s.tenant = r.value(at.AtName("tenant"), e.Tenant, "VCC_TENANT")
	if s.dataDir == "" {
		s.dataDir = backend.DefaultDataDir
	}
}

func (r *settingsReader) served(c providerConfig, s *settings) {
	s.client.Endpoint = r.value(path.Root("endpoint"), c.Endpoint, "VCC_ENDPOINT")
	s.username = r.required("username", c.Username, "VCC_USERNAME")
	s.client.Username = s.username
	s.client.Password = r.required("password", c.Password, "VCC_PASSWORD")
	s.as.TenantID = r.value(path.Root("tenant"), c.Tenant, "VCC_TENANT")
	s.client.CACertificate = r.value(path.Root("ca_certificate"), c.CACertificate, "VCC_CA_CERTIFICATE")
	s.client.InsecureSkipVerify = c.InsecureSkipVerify.ValueBool()
	if env := r.env("VCC_INSECURE_SKIP_VERIFY"); env != "" && c.InsecureSkipVerify.IsNull() {
		skip, err := strconv.ParseBool(env)
		if err != nil {
			r.diags.AddAttributeError(path.Root("insecure_skip_verify"), "Invalid Environment",
				fmt.Sprintf("VCC_INSECURE_SKIP_VERIFY is %q; use true or false.", env))
		}
		s.client.InsecureSkipVerify = skip
	}
	if s.client.Endpoint == "" || r.diags.HasError() {
		return
	}
	if _, err := httpapi.NewClient(s.client); err != nil {
		addFieldErrors(&r.diags, "Invalid Provider Configuration", err)
	}
}

// value returns a setting from the configuration or else the environment.
func (r *settingsReader) value(at path.Path, v types.String, env string) string {
	if v.IsNull() {
		return r.env(env)
	}
	if v.ValueString() == "" {
		r.diags.AddAttributeError(at, "Invalid Provider Configuration",
			fmt.Sprintf("%s is empty. Give it a value, or leave it out.", at))
	}
	return v.ValueString()
}

func (r *settingsReader) required(name string, v types.String, env string) string {
	value := r.value(path.Root(name), v, env)
	if value == "" && v.IsNull() && r.getenv != nil {
		r.diags.AddAttributeError(path.Root(name), "Missing Provider Configuration",
			fmt.Sprintf("A served backend needs a %s. Set %s in the provider block, or %s in the environment.", name, name, env))
	}
	return value
}

func (r *settingsReader) env(name string) string {
	if r.getenv == nil || name == "" {
		return ""
	}
	return r.getenv(name)
}
