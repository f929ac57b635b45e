package provider_test

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// A CLI hides what the schema calls sensitive, and writes everything else into plans and logs.
func TestSchema_sensitive(t *testing.T) {
	s := newServer(t)
	var sensitive []string
	var walk func(at string, attributes []*tfprotov6.SchemaAttribute)
	walk = func(at string, attributes []*tfprotov6.SchemaAttribute) {
		for _, a := range attributes {
			if a.Sensitive {
				sensitive = append(sensitive, at+a.Name)
			}
			if a.NestedType != nil {
				walk(at+a.Name+".", a.NestedType.Attributes)
			}
		}
	}
	walk("provider: ", s.schemas.Provider.Block.Attributes)
	for name, schema := range s.schemas.ResourceSchemas {
		walk(name+": ", schema.Block.Attributes)
	}
	for name, schema := range s.schemas.DataSourceSchemas {
		walk(name+": ", schema.Block.Attributes)
	}
	if want := []string{"provider: password"}; !slices.Equal(sensitive, want) {
		t.Errorf("sensitive are %q, want %q", sensitive, want)
	}
}
