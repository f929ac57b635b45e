package provider_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"
)

// callFunction calls a function, and returns what it gives or what is wrong with which argument.
func (s *server) callFunction(name string, arguments ...string) (tftypes.Value, string) {
	s.t.Helper()
	var values []*tfprotov6.DynamicValue
	for _, a := range arguments {
		v, err := tfprotov6.NewDynamicValue(tftypes.String, text(a))
		if err != nil {
			s.t.Fatal(err)
		}
		values = append(values, &v)
	}
	resp, err := s.CallFunction(s.t.Context(), &tfprotov6.CallFunctionRequest{Name: name, Arguments: values})
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.Error != nil {
		return tftypes.Value{}, fmt.Sprintf("argument %d: %s", *resp.Error.FunctionArgument, resp.Error.Text)
	}
	v, err := resp.Result.Unmarshal(s.schemas.Functions[name].Return.Type)
	if err != nil {
		s.t.Fatal(err)
	}
	return v, ""
}

func TestIPFunctions_errors(t *testing.T) {
	s := newServer(t) // which nobody has configured: a function needs no backend
	for _, test := range []struct {
		name      string
		arguments []string
		want      string
	}{
		{"ipv4", []string{"172.17.52.1"}, `argument 0: "172.17.52.1" lacks the length of its mask; write it like 172.17.52.1/24.`},
		{"ipv4", []string{"172.17.52.0/23"}, "argument 0: 172.17.52.0 is the network address of 172.17.52.0/23; a gateway needs a host address, 172.17.52.1 to 172.17.53.254."},
		{"ipv6", []string{"fe80::1"}, `argument 0: "fe80::1" lacks a prefix length; write it like 2001:db8:52::1/64.`},
		{"ipv6", []string{"fe80::1", "2001:db8:52::1/64"}, "argument 1: 2001:db8:52::1 has bits set below its prefix length of 64; the network is 2001:db8:52::."},
		{"ipv6", []string{"fe80::1", ""}, "argument 1: The network is empty: write it like 2001:db8:52::/64, or leave it out where the address has a prefix length."},
		{"ipv6", []string{"fe80::1", "2001:db8:52::/64", "2001:db8:53::/64"}, "argument 2: A gateway has one IP network: leave out what follows the second argument."},
	} {
		if _, got := s.callFunction(test.name, test.arguments...); got != test.want {
			t.Errorf("%s%q: %s, want %s", test.name, test.arguments, got, test.want)
		}
	}
}

// The functions give what the data sources have of the same gateway.
func TestAccIPFunctions(t *testing.T) {
	l := newTestLab(t)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: providers,
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.RequireAbove(tfversion.Version1_8_0)},
		Steps: []resource.TestStep{{
			Config: l.config(`
terraform {
  required_providers {
    vcc = {
      source = "hashicorp/vcc"
    }
  }
}
data "vcc_cloud_network" "app" { name = "` + silver1 + `" }
output "same" {
  value = [
    provider::vcc::ipv4("172.17.52.1/23") == data.vcc_cloud_network.app.default_gateway.ipv4,
    provider::vcc::ipv6("fe80::1", "2001:DB8:52::/64") == data.vcc_cloud_network.app.default_gateway.ipv6,
    provider::vcc::ipv6("2001:db8:52::1/64") == merge(data.vcc_cloud_network.app.default_gateway.ipv6, { address = "2001:db8:52::1" }),
  ]
}
`),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownOutputValue("same", knownvalue.TupleExact([]knownvalue.Check{
				knownvalue.Bool(true), knownvalue.Bool(true), knownvalue.Bool(true),
			}))},
		}},
	})
}
