package provider_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/provider"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// site records which account asks. It grants every login a token and answers
// everything else as a site without networks: what matters here is what it is sent.
type site struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string // "username:password" of each login
}

// The program's version is that of the commit in the binary that the CLI starts, or "dev".
var userAgent = regexp.MustCompile(`^terraform-provider-vcc/(test|dev|\d+\.\d+\.\d+\S*) Terraform/\d+\.\d+\.\d+$`)

func newSite(t *testing.T) *site {
	s := &site{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, r.FormValue("username")+":"+r.FormValue("password"))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token": "t", "token_type": "bearer", "expires_in": 900}`)
	})
	mux.HandleFunc("GET /api/v1/serverInfo", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"name": "site", "buildVersion": "test", "apiVersion": "1.0"}`)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t" {
			t.Errorf("%s %s without the token", r.Method, r.URL)
		}
		if !userAgent.MatchString(r.UserAgent()) {
			t.Errorf("user agent %q", r.UserAgent())
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"data": [], "pagination": {"total": 0, "count": 0, "skip": 0, "limit": 1000}}`)
	})
	s.Server = httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *site) ca() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

// server is a provider at protocol level, without a CLI.
type server struct {
	t *testing.T
	tfprotov6.ProviderServer
	schemas *tfprotov6.GetProviderSchemaResponse
}

func newServer(t *testing.T) *server {
	t.Helper()
	p := provider.NewServer("test")
	schemas, err := p.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return &server{t, p, schemas}
}

// value makes a value of a schema's type; attributes that are left out are null.
func (s *server) value(schema *tfprotov6.Schema, attributes map[string]tftypes.Value) *tfprotov6.DynamicValue {
	s.t.Helper()
	object := schema.ValueType().(tftypes.Object)
	all := map[string]tftypes.Value{}
	for name, typ := range object.AttributeTypes {
		all[name] = tftypes.NewValue(typ, nil)
	}
	for name, v := range attributes {
		all[name] = v
	}
	v, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, all))
	if err != nil {
		s.t.Fatal(err)
	}
	return &v
}

// configure validates and configures as a CLI does and returns what the
// diagnostics say, a line each.
func (s *server) configure(attributes map[string]tftypes.Value) string {
	s.t.Helper()
	config := s.value(s.schemas.Provider, attributes)
	validated, err := s.ValidateProviderConfig(s.t.Context(), &tfprotov6.ValidateProviderConfigRequest{Config: config})
	if err != nil {
		s.t.Fatal(err)
	}
	if text := lines(validated.Diagnostics); strings.Contains(text, "ERROR") {
		return text
	}
	configured, err := s.ConfigureProvider(s.t.Context(), &tfprotov6.ConfigureProviderRequest{TerraformVersion: "1.11.4", Config: config})
	if err != nil {
		s.t.Fatal(err)
	}
	return lines(configured.Diagnostics)
}

// read reads the networks, which sends requests.
func (s *server) read() string {
	s.t.Helper()
	const name = "vcc_hardware_plan_networks"
	resp, err := s.ReadDataSource(s.t.Context(), &tfprotov6.ReadDataSourceRequest{
		TypeName: name, Config: s.value(s.schemas.DataSourceSchemas[name], nil),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return lines(resp.Diagnostics)
}

func lines(diagnostics []*tfprotov6.Diagnostic) string {
	var b strings.Builder
	for _, d := range diagnostics {
		fmt.Fprintf(&b, "%s %s %s: %s\n", d.Severity, d.Attribute, d.Summary, d.Detail)
	}
	return b.String()
}

func text(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }

var (
	unknownText  = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	embeddedType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"data_dir": tftypes.String, "lab_file": tftypes.String, "tenant": tftypes.String,
	}}
)

func embedded(dataDir any) tftypes.Value {
	return embeddedWith(map[string]any{"data_dir": dataDir})
}

func embeddedWith(attributes map[string]any) tftypes.Value {
	all := map[string]tftypes.Value{}
	for name, typ := range embeddedType.AttributeTypes {
		all[name] = tftypes.NewValue(typ, attributes[name])
	}
	return tftypes.NewValue(embeddedType, all)
}

// Where each setting comes from, seen from what arrives at the other end.
func TestSettings(t *testing.T) {
	type values map[string]tftypes.Value
	type environment map[string]string
	for name, test := range map[string]struct {
		config func(s *site, dir string) values
		env    func(s *site, dir string) environment
		// login is what the site must have seen; folder where a store must have been
		// made; fails and warns what the diagnostics must say.
		login, folder, fails, warns string
	}{
		"all from the configuration": {
			config: func(s *site, _ string) values {
				return values{"endpoint": text(s.URL), "username": text("a"), "password": text("b"), "ca_certificate": text(s.ca())}
			},
			login: "a:b",
		},
		"all from the environment": {
			env: func(s *site, _ string) environment {
				return environment{"VCC_ENDPOINT": s.URL, "VCC_USERNAME": "c", "VCC_PASSWORD": "d", "VCC_CA_CERTIFICATE": s.ca()}
			},
			login: "c:d",
		},
		"the configuration wins": {
			config: func(s *site, _ string) values {
				return values{"endpoint": text(s.URL), "username": text("a"), "password": text("b"), "ca_certificate": text(s.ca())}
			},
			env: func(*site, string) environment {
				return environment{"VCC_ENDPOINT": "https://elsewhere.invalid", "VCC_USERNAME": "c", "VCC_PASSWORD": "d", "VCC_CA_CERTIFICATE": "none"}
			},
			login: "a:b",
		},
		"one from each": {
			config: func(s *site, _ string) values { return values{"endpoint": text(s.URL), "username": text("a")} },
			env: func(s *site, _ string) environment {
				return environment{"VCC_PASSWORD": "d", "VCC_INSECURE_SKIP_VERIFY": "true"}
			},
			login: "a:d",
		},
		"false in the configuration wins over true in the environment": {
			config: func(s *site, _ string) values {
				return values{"endpoint": text(s.URL), "username": text("a"), "password": text("b"),
					"insecure_skip_verify": tftypes.NewValue(tftypes.Bool, false), "max_retries": tftypes.NewValue(tftypes.Number, 0)}
			},
			env:   func(*site, string) environment { return environment{"VCC_INSECURE_SKIP_VERIFY": "true"} },
			fails: "certificate",
		},
		"an authority that signed nothing": {
			config: func(s *site, _ string) values {
				return values{"endpoint": text(s.URL), "username": text("a"), "password": text("b"), "max_retries": tftypes.NewValue(tftypes.Number, 0)}
			},
			fails: "certificate",
		},
		"no password anywhere": {
			config: func(s *site, _ string) values { return values{"endpoint": text(s.URL), "username": text("a")} },
			fails:  "A served backend needs a password. Set password in the provider block, or VCC_PASSWORD",
		},
		"an empty password in the configuration": {
			config: func(s *site, _ string) values {
				return values{"endpoint": text(s.URL), "username": text("a"), "password": text("")}
			},
			env:   func(*site, string) environment { return environment{"VCC_PASSWORD": "d"} },
			fails: "password is empty. Give it a value, or leave it out",
		},
		"an empty variable is none": {
			config: func(s *site, _ string) values { return values{"endpoint": text(s.URL), "username": text("a")} },
			env:    func(*site, string) environment { return environment{"VCC_PASSWORD": ""} },
			fails:  "A served backend needs a password",
		},
		"a bad variable": {
			config: func(s *site, _ string) values {
				return values{"endpoint": text(s.URL), "username": text("a"), "password": text("b")}
			},
			env:   func(*site, string) environment { return environment{"VCC_INSECURE_SKIP_VERIFY": "perhaps"} },
			fails: `VCC_INSECURE_SKIP_VERIFY is "perhaps"; use true or false`,
		},
		"a bad endpoint in the environment": {
			env: func(*site, string) environment {
				return environment{"VCC_ENDPOINT": "sp.example.net", "VCC_USERNAME": "c", "VCC_PASSWORD": "d"}
			},
			fails: `"sp.example.net" is not the address of a server`,
		},
		"embedded and endpoint": {
			config: func(s *site, dir string) values { return values{"endpoint": text(s.URL), "embedded": embedded(dir)} },
			fails:  "endpoint and embedded exclude each other",
		},
		"embedded and a user name": {
			config: func(_ *site, dir string) values {
				return values{"embedded": embedded(dir), "username": text("a")}
			},
			fails: "username belongs to a served backend, and no endpoint is set",
		},
		"embedded and a password": {
			config: func(_ *site, dir string) values {
				return values{"embedded": embedded(dir), "password": text("b")}
			},
			fails: "password belongs to a served backend, and no endpoint is set",
		},
		"embedded and an operator's tenant": {
			config: func(_ *site, dir string) values {
				return values{"embedded": embedded(dir), "tenant": text("ABC Company")}
			},
			fails: "tenant belongs to a served backend, and no endpoint is set. Set endpoint or VCC_ENDPOINT, or remove tenant: the tenant of the embedded backend stands in embedded",
		},
		"a tenant, and nothing that names a backend": {
			config: func(*site, string) values { return values{"tenant": text("ABC Company")} },
			fails:  "tenant belongs to a served backend, and no endpoint is set",
		},
		"an empty tenant": {
			config: func(s *site, _ string) values {
				return values{"endpoint": text(s.URL), "username": text("a"), "password": text("b"), "tenant": text("")}
			},
			fails: "tenant is empty. Give it a value, or leave it out",
		},
		"the embedded tenant from the environment": {
			config: func(_ *site, dir string) values { return values{"embedded": embedded(filepath.Join(dir, "x"))} },
			env:    func(*site, string) environment { return environment{"VCC_TENANT": "Nobody"} },
			folder: "x",
			fails:  `there is no tenant "Nobody" in this lab`,
		},
		"embedded and an authority": {
			config: func(s *site, dir string) values {
				return values{"embedded": embedded(dir), "ca_certificate": text(s.ca())}
			},
			fails: "ca_certificate belongs to a served backend, and no endpoint is set",
		},
		"embedded and any certificate": {
			config: func(_ *site, dir string) values {
				return values{"embedded": embedded(dir), "insecure_skip_verify": tftypes.NewValue(tftypes.Bool, false)}
			},
			fails: "insecure_skip_verify belongs to a served backend, and no endpoint is set",
		},
		"embedded wins over an endpoint in the environment": {
			config: func(_ *site, dir string) values { return values{"embedded": embedded(filepath.Join(dir, "x"))} },
			env: func(s *site, _ string) environment {
				return environment{"VCC_ENDPOINT": s.URL, "VCC_USERNAME": "c", "VCC_PASSWORD": "d"}
			},
			folder: "x",
		},
		"an endpoint wins over a folder in the environment": {
			config: func(s *site, _ string) values {
				return values{"endpoint": text(s.URL), "username": text("a"), "password": text("b"), "ca_certificate": text(s.ca())}
			},
			env:   func(_ *site, dir string) environment { return environment{"VCC_DATA_DIR": filepath.Join(dir, "y")} },
			login: "a:b",
		},
		"the folder from the environment": {
			env:    func(_ *site, dir string) environment { return environment{"VCC_DATA_DIR": filepath.Join(dir, "y")} },
			folder: "y", warns: "Neither endpoint nor embedded is set",
		},
		"the folder from the configuration": {
			config: func(_ *site, dir string) values { return values{"embedded": embedded(filepath.Join(dir, "x"))} },
			env:    func(_ *site, dir string) environment { return environment{"VCC_DATA_DIR": filepath.Join(dir, "y")} },
			folder: "x",
		},
		"both backends in the environment": {
			env: func(s *site, dir string) environment {
				return environment{"VCC_ENDPOINT": s.URL, "VCC_DATA_DIR": dir}
			},
			fails: "VCC_ENDPOINT names a served backend, and VCC_DATA_DIR or VCC_LAB_FILE the embedded one",
		},
		"a lab file in the environment that is not there": {
			env: func(_ *site, dir string) environment {
				return environment{"VCC_LAB_FILE": filepath.Join(dir, "lab.yaml"), "VCC_DATA_DIR": dir}
			},
			fails: "cannot be read: no such file or directory",
		},
		"neither": {folder: ".vcc", warns: "Neither endpoint nor embedded is set"},
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := newSite(t), t.TempDir()
			t.Chdir(dir)
			for _, v := range []string{
				"VCC_ENDPOINT", "VCC_USERNAME", "VCC_PASSWORD", "VCC_CA_CERTIFICATE", "VCC_INSECURE_SKIP_VERIFY", "VCC_DATA_DIR", "VCC_LAB_FILE", "VCC_TENANT",
			} {
				t.Setenv(v, "")
			}
			var config values
			if test.config != nil {
				config = test.config(s, dir)
			}
			if test.env != nil {
				for k, v := range test.env(s, dir) {
					t.Setenv(k, v)
				}
			}
			p := newServer(t)
			said := p.configure(config)
			if !strings.Contains(said, "ERROR") {
				said += p.read()
			}
			switch {
			case test.fails != "" && (!strings.Contains(said, "ERROR") || !strings.Contains(said, test.fails)):
				t.Errorf("want an error that says %q, got:\n%s", test.fails, said)
			case test.fails == "" && strings.Contains(said, "ERROR"):
				t.Errorf("unexpected error:\n%s", said)
			case !strings.Contains(said, test.warns) || test.warns == "" && strings.Contains(said, "WARNING"):
				t.Errorf("want the warning %q, got:\n%s", test.warns, said)
			}
			if got := strings.Join(s.seen, " "); test.fails == "" && got != test.login {
				t.Errorf("the site saw the login %q, want %q", got, test.login)
			}
			for _, folder := range []string{"x", "y", ".vcc"} {
				_, err := os.Stat(filepath.Join(dir, folder))
				if made := err == nil; made != (folder == test.folder) {
					t.Errorf("folder %s: made %t", folder, made)
				}
			}
		})
	}
}

// A value that is not known yet is no error: nothing is opened, nothing asked,
// and Terraform goes on with what its state says.
func TestSettings_unknown(t *testing.T) {
	for name, config := range map[string]map[string]tftypes.Value{
		"endpoint":           {"endpoint": unknownText, "username": text("a"), "password": text("b")},
		"user name":          {"endpoint": text("https://sp.example.net"), "username": unknownText, "password": text("b")},
		"password":           {"endpoint": text("https://sp.example.net"), "username": text("a"), "password": unknownText},
		"operator's tenant":  {"endpoint": text("https://sp.example.net"), "username": text("a"), "password": text("b"), "tenant": unknownText},
		"authority":          {"endpoint": text("https://sp.example.net"), "username": text("a"), "password": text("b"), "ca_certificate": unknownText},
		"any certificate":    {"endpoint": text("https://sp.example.net"), "username": text("a"), "password": text("b"), "insecure_skip_verify": tftypes.NewValue(tftypes.Bool, tftypes.UnknownValue)},
		"embedded":           {"embedded": tftypes.NewValue(embeddedType, tftypes.UnknownValue)},
		"the data folder":    {"embedded": embedded(tftypes.UnknownValue)},
		"the lab file":       {"embedded": embeddedWith(map[string]any{"data_dir": "x", "lab_file": tftypes.UnknownValue})},
		"the tenant":         {"embedded": embeddedWith(map[string]any{"data_dir": "x", "tenant": tftypes.UnknownValue})},
		"the timeout":        {"embedded": embedded("x"), "request_timeout": unknownText},
		"the retries":        {"embedded": embedded("x"), "max_retries": tftypes.NewValue(tftypes.Number, tftypes.UnknownValue)},
		"endpoint, embedded": {"endpoint": unknownText},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			p := newServer(t)
			if said := p.configure(config); said != "" {
				t.Errorf("configured with: %s", said)
			}
			if made, _ := filepath.Glob("*"); len(made) > 0 {
				t.Errorf("something was made: %v", made)
			}
			state, err := json.Marshal(map[string]any{"id": "0b8f5f0e-5f43-4f0e-8f6a-0c1d2e3f4a5b", "enabled": true})
			if err != nil {
				t.Fatal(err)
			}
			upgraded, err := p.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
				TypeName: "vcc_network_routing", RawState: &tfprotov6.RawState{JSON: state},
			})
			if err != nil {
				t.Fatal(err)
			}
			read, err := p.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
				TypeName: "vcc_network_routing", CurrentState: upgraded.UpgradedState,
			})
			if err != nil || len(read.Diagnostics) > 0 {
				t.Fatalf("read: %v %s", err, lines(read.Diagnostics))
			}
			if said := p.read(); !strings.Contains(said, "values that are not known yet") {
				t.Errorf("a data source says: %s", said)
			}
		})
	}
}

// An operator says for whom Terraform acts: in the configuration, else in the environment.
func TestSettings_tenantOfAnOperator(t *testing.T) {
	l := &testLab{t: t, dir: t.TempDir(), ids: map[string]string{}}
	l.open(func(*httpapi.Client) {}) // makes the lab
	served := l.serve()
	s, err := store.OpenSQLite(t.Context(), filepath.Join(l.dir, "vcc.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing is lost
	l.addAccount(s, vcc.Account{Username: "root", Role: vcc.RoleOperator})
	for name, test := range map[string]struct {
		username, tenant, env string
		has, fails            string
	}{
		"from the configuration":             {"root", "XYZ Holding", "", "Hyper-V Gold", ""},
		"from the environment":               {"root", "", "XYZ Holding", "Hyper-V Gold", ""},
		"the configuration wins":             {"root", "ABC Company", "XYZ Holding", "VMware Silver", ""},
		"none":                               {"root", "", "", "", "an operator acts for a tenant; say which one, by its name or ID. Set tenant in the provider block, or VCC_TENANT."},
		"one that is not there":              {"root", "Nobody", "", "", `there is no tenant "Nobody". Set tenant in the provider block, or VCC_TENANT.`},
		"a tenant's account acts for itself": {"abc-company", "XYZ Holding", "", "VMware Silver", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("VCC_TENANT", test.env)
			p := newServer(t)
			config := map[string]tftypes.Value{"endpoint": text(served.URL), "username": text(test.username), "password": text(sitePassword)}
			if test.tenant != "" {
				config["tenant"] = text(test.tenant)
			}
			if said := p.configure(config); said != "" {
				t.Fatal(said)
			}
			if test.fails != "" {
				expectText(t, p.read(), test.fails)
				return
			}
			if got := p.readData("vcc_hardware_plan_networks", nil).String(); !strings.Contains(got, test.has) {
				t.Errorf("no %s in %s", test.has, got)
			}
		})
	}
}
