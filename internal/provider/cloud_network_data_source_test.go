package provider_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

func TestAccCloudNetwork(t *testing.T) {
	l := newTestLab(t)
	expect := func(path string, check knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.vcc_cloud_network.test", tfjsonpath.New(path), check)
	}
	source := func(arguments ...string) string {
		return l.config("data \"vcc_cloud_network\" \"test\" {\n" + strings.Join(arguments, "\n") + "\n}\n")
	}
	withGateway := []statecheck.StateCheck{
		expect("id", knownvalue.StringExact(l.ids[silver1])), expect("name", knownvalue.StringExact(silver1)),
		expect("hardware_plan_id", knownvalue.NotNull()), expect("hardware_plan_name", knownvalue.StringExact("VMware Silver")),
		expect("vlan_id", knownvalue.Int64Exact(101)), expect("internet_access", knownvalue.Bool(true)),
		expect("default_gateway", knownvalue.ObjectPartial(map[string]knownvalue.Check{
			"origin": knownvalue.StringExact("detected"),
			"ipv4": knownvalue.ObjectExact(map[string]knownvalue.Check{
				"address": knownvalue.StringExact("172.17.52.1"), "subnet_mask": knownvalue.StringExact("255.255.254.0"),
				"cidr": knownvalue.StringExact("172.17.52.0/23"),
			}),
		})),
	}
	name, id := `name = "`+silver1+`"`, `id = "%{`+silver1+`}"`
	l.run(
		resource.TestStep{Config: source(name), ConfigStateChecks: withGateway},
		resource.TestStep{Config: source(id), ConfigStateChecks: withGateway},
		resource.TestStep{Config: source(name, id), ConfigStateChecks: withGateway},
		resource.TestStep{Config: source(`name = "` + silver3 + `"`), ConfigStateChecks: []statecheck.StateCheck{
			expect("id", knownvalue.StringExact(l.ids[silver3])), expect("internet_access", knownvalue.Bool(false)),
			expect("default_gateway", knownvalue.Null()),
		}},
	)
}

// readData reads a data source.
func (s *server) readData(name string, attributes map[string]tftypes.Value) tftypes.Value {
	s.t.Helper()
	schema := s.schemas.DataSourceSchemas[name]
	resp, err := s.ReadDataSource(s.t.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: name, Config: s.value(schema, attributes)})
	if err != nil {
		s.t.Fatal(err)
	}
	if text := lines(resp.Diagnostics); text != "" {
		s.t.Fatal(text)
	}
	v, err := resp.State.Unmarshal(schema.ValueType())
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

// What somebody changes between two readings in one plan or apply is in the second.
func TestDataSources_neverStale(t *testing.T) {
	l := newTestLab(t)
	s := l.served()
	reads := map[string]func() string{
		"vcc_cloud_network": func() string {
			return s.readData("vcc_cloud_network", map[string]tftypes.Value{"name": text(silver1)}).String()
		},
		"vcc_hardware_plan_networks": func() string { return s.readData("vcc_hardware_plan_networks", nil).String() },
		"vcc_network_extension_appliance": func() string {
			return s.readData("vcc_network_extension_appliance", map[string]tftypes.Value{"hardware_plan": text("VMware Silver")}).String()
		},
		"the list of gateways": func() (all string) {
			results, diagnostics := s.list(t.Context(), 0, nil)
			for _, r := range results {
				all += r.DisplayName + "\n"
			}
			return all + diagnostics
		},
	}
	for _, address := range []string{"172.17.52.1", "172.17.52.252", "172.17.52.253"} {
		l.command("gateway", "set", silver1, "--ipv4", address+"/23")
		for name, read := range reads {
			if got := read(); !strings.Contains(got, address) {
				t.Errorf("%s does not know of %s:\n%s", name, address, got)
			}
		}
	}
}
