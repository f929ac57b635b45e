package provider_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// held is a resource as Terraform keeps it.
type held struct {
	state   *tfprotov6.DynamicValue
	private []byte
}

// create creates a resource and returns what the diagnostics say.
func (s *server) create(resource string, attributes map[string]tftypes.Value) (held, string) {
	schema := s.schemas.ResourceSchemas[resource]
	planned := s.value(schema, attributes)
	return s.apply(resource, held{state: s.none(schema)}, planned)
}

// remove removes a resource and returns what the diagnostics say.
func (s *server) remove(resource string, r held) string {
	_, said := s.apply(resource, r, s.none(s.schemas.ResourceSchemas[resource]))
	return said
}

func (s *server) none(schema *tfprotov6.Schema) *tfprotov6.DynamicValue {
	v, err := tfprotov6.NewDynamicValue(schema.ValueType(), tftypes.NewValue(schema.ValueType(), nil))
	if err != nil {
		s.t.Error(err)
	}
	return &v
}

func (s *server) apply(resource string, r held, planned *tfprotov6.DynamicValue) (held, string) {
	resp, err := s.ApplyResourceChange(s.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: resource, PriorState: r.state, PlannedState: planned, Config: planned, PlannedPrivate: r.private,
	})
	if err != nil {
		s.t.Error(err)
		return held{}, err.Error()
	}
	return held{resp.NewState, resp.Private}, lines(resp.Diagnostics)
}

// A resource that is created while another one for the same object goes has that object
// in the end, whichever comes first; and one that goes with nobody after it leaves nothing.
func TestTurns(t *testing.T) {
	l := newTestLab(t)
	v4 := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"address": tftypes.String, "subnet_mask": tftypes.String, "cidr": tftypes.String}}
	for resource, test := range map[string]struct {
		attributes map[string]tftypes.Value
		there      func() bool
	}{
		"vcc_default_gateway": {map[string]tftypes.Value{
			"id": unknownText, "network_name": unknownText, "hardware_plan_name": unknownText, "network_id": text(l.ids[silver3]),
			"ipv4": tftypes.NewValue(v4, map[string]tftypes.Value{"address": text("172.17.54.1"), "subnet_mask": text("255.255.255.0"), "cidr": text("172.17.54.0/24")}),
		}, func() bool { return l.stored(silver3) != nil }},
		"vcc_network_routing": {map[string]tftypes.Value{
			"id": unknownText, "enabled": tftypes.NewValue(tftypes.Bool, true),
		}, func() bool { return l.routing().Enabled }},
	} {
		t.Run(resource, func(t *testing.T) {
			s := l.served()
			for range 20 {
				old, said := l.served().create(resource, test.attributes)
				if said != "" {
					t.Fatal(said)
				}
				var created held
				var applies sync.WaitGroup
				applies.Go(func() {
					var said string
					if created, said = s.create(resource, test.attributes); said != "" {
						t.Error(said)
					}
				})
				applies.Go(func() {
					if said := s.remove(resource, old); said != "" && !strings.Contains(said, "Kept") {
						t.Error(said)
					}
				})
				applies.Wait()
				if t.Failed() {
					return
				}
				if !test.there() {
					t.Fatal("nothing is there for the resource that was created")
				}
				// `terraform test` removes in the process that created.
				if said := s.remove(resource, created); said != "" || test.there() {
					t.Fatalf("it is there still: %s", said)
				}
			}
		})
	}
	// What somebody else wrote is nobody's inheritance.
	s := l.served()
	l.command("routing", "on")
	on := map[string]tftypes.Value{"id": unknownText, "enabled": tftypes.NewValue(tftypes.Bool, true)}
	created, said := s.create("vcc_network_routing", on)
	if said += s.remove("vcc_network_routing", created); said != "" || l.routing().Enabled {
		t.Errorf("the option is on still: %s", said)
	}

	// A removal that was refused is no creation.
	old, _ := l.served().create("vcc_network_routing", on)
	l.command("routing", "off")
	l.command("routing", "on")
	if said := s.remove("vcc_network_routing", old); !strings.Contains(said, "was changed after this plan was made") {
		t.Fatalf("the removal says %q", said)
	}
	if _, said := s.create("vcc_network_routing", on); said != "" {
		t.Errorf("the creation after it says %q", said)
	}
}
