package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// What was detected becomes configuration without a line written by hand, and
// importing it changes nothing.
func TestAccImport_generatedConfiguration(t *testing.T) {
	l := newTestLab(t)
	before := l.gateways()
	w := l.newWorkspace()
	var imports strings.Builder
	for i, g := range before {
		fmt.Fprintf(&imports, "import {\n  to = vcc_default_gateway.detected_%d\n  id = %q\n}\n", i, g.NetworkID)
	}
	routing := l.routing()
	fmt.Fprintf(&imports, "import {\n  to = vcc_network_routing.this\n  id = %q\n}\n", routing.TenantName)
	w.write(w.config(imports.String()))

	imported := fmt.Sprintf("Plan: %d to import, 0 to add, 0 to change, 0 to destroy.", len(before)+1)
	w.expect(0, []string{imported}, "plan", "-generate-config-out=generated.tf")
	generated, err := os.ReadFile(filepath.Join(w.folder, "generated.tf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, attribute := range []string{"tenant_name", "hardware_plan_name", "replaces", "restores"} {
		if strings.Contains(string(generated), attribute) {
			t.Errorf("the computed attribute %s was generated:\n%s", attribute, generated)
		}
	}
	w.expect(0, []string{imported}, "plan")
	w.expect(0, nil, "apply", "-auto-approve")
	w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
	expectUnchanged(t, l, before)
}

// Every gateway of a plan is imported by one block.
func TestAccImport_forEach(t *testing.T) {
	l := newTestLab(t)
	before := l.gateways()
	w := l.newWorkspace()
	w.write(w.config(`
data "vcc_hardware_plan_networks" "all" {}

locals {
  gateways = { for n in data.vcc_hardware_plan_networks.all.networks : n.name => n if n.default_gateway != null }
}

import {
  for_each = local.gateways
  to       = vcc_default_gateway.all[each.key]
  id       = each.value.id
}

resource "vcc_default_gateway" "all" {
  for_each   = local.gateways
  network_id = each.value.id
  ipv4 = each.value.default_gateway.ipv4 == null ? null : {
    address     = each.value.default_gateway.ipv4.address
    subnet_mask = each.value.default_gateway.ipv4.subnet_mask
  }
  ipv6 = each.value.default_gateway.ipv6 == null ? null : {
    network       = each.value.default_gateway.ipv6.network
    prefix_length = each.value.default_gateway.ipv6.prefix_length
    address       = each.value.default_gateway.ipv6.address
  }
}
`))
	w.expect(0, []string{"Plan: 3 to import, 0 to add, 0 to change, 0 to destroy."}, "plan")
	w.expect(0, nil, "apply", "-auto-approve")
	w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
	expectUnchanged(t, l, before)
}

// Both resources are imported by their identity, which needs a CLI that knows identities.
func TestImport_byIdentity(t *testing.T) {
	l := newTestLab(t)
	s := l.served()
	tenant := l.routing().TenantID
	for _, test := range []struct{ resource, attribute, id, wrong, says string }{
		{"vcc_default_gateway", "network_id", l.ids[silver1], l.ids[silver3], "The networks with a stored default gateway are:"},
		{"vcc_network_routing", "tenant_id", tenant, l.ids[silver1], "is not the tenant that the provider acts for"},
	} {
		resp, said := s.importIdentity(test.resource, test.attribute, test.id)
		if said != "" || len(resp.ImportedResources) != 1 {
			t.Fatalf("%s: %d imported: %s", test.resource, len(resp.ImportedResources), said)
		}
		one := resp.ImportedResources[0]
		read, err := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
			TypeName: test.resource, CurrentState: one.State, Private: one.Private, CurrentIdentity: one.Identity,
		})
		if err != nil || len(read.Diagnostics) > 0 {
			t.Fatal(err, lines(read.Diagnostics))
		}
		state, err := read.NewState.Unmarshal(s.schemas.ResourceSchemas[test.resource].ValueType())
		if err != nil {
			t.Fatal(err)
		}
		var attributes map[string]tftypes.Value
		var id string
		if err := state.As(&attributes); err != nil {
			t.Fatal(err)
		}
		if err := attributes["id"].As(&id); err != nil || id != test.id {
			t.Errorf("%s: imported %q, want %q: %v", test.resource, id, test.id, err)
		}
		_, said = s.importIdentity(test.resource, test.attribute, test.wrong)
		expectText(t, said, "ERROR", test.says)
	}
}
