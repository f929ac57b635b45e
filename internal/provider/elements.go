package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// The framework looks for the attributes of a list's elements also where an element is not known yet, or null. It finds
// nothing there, and calls those missing that are required (terraform-plugin-framework 1.19, fwschemadata.Data.ValueAtPath and
// fwserver.AttributeValidateNestedAttributes).

// missingAttribute is how the framework calls it.
const missingAttribute = "Missing Configuration for Required Attribute"

// withoutElements returns what was said of a configuration without the attributes that are missing because what they belong to is
// not known, or null: that an element is null is for the resource or the action to say. schema finds whose configuration it is.
// Nothing else of this provider has lists of objects that are configured.
func (s server) withoutElements(ctx context.Context, said []*tfprotov6.Diagnostic, config *tfprotov6.DynamicValue, schema func(*tfprotov6.GetProviderSchemaResponse) *tfprotov6.Schema) []*tfprotov6.Diagnostic {
	missing := func(d *tfprotov6.Diagnostic) bool { return d.Summary == missingAttribute && d.Attribute != nil }
	if !slices.ContainsFunc(said, missing) {
		return said
	}
	schemas, err := s.described.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return said
	}
	value, err := config.Unmarshal(schema(schemas).ValueType())
	if err != nil {
		return said
	}
	return slices.DeleteFunc(said, func(d *tfprotov6.Diagnostic) bool {
		if !missing(d) {
			return false
		}
		_, _, err := tftypes.WalkAttributePath(value, d.Attribute)
		return errors.Is(err, tftypes.ErrInvalidStep)
	})
}

// keepUnknown is a plan modifier of a list. It plans an element that is not known yet as just that. In its place Terraform proposes an
// object of unknown values when a resource is updated, and refuses a plan with the defaults that the framework fills in there. So a list
// whose objects have defaults needs the modifier.
type keepUnknown struct{}

// Description says what the modifier does.
func (keepUnknown) Description(context.Context) string {
	return "Nothing is planned of an element that is not known yet."
}

// MarkdownDescription says what the modifier does.
func (m keepUnknown) MarkdownDescription(ctx context.Context) string { return m.Description(ctx) }

// PlanModifyList implements planmodifier.List.
func (keepUnknown) PlanModifyList(ctx context.Context, req planmodifier.ListRequest, resp *planmodifier.ListResponse) {
	planned := req.PlanValue.Elements() // a copy
	changed := false
	for i, e := range req.ConfigValue.Elements() {
		if i < len(planned) && e.IsUnknown() {
			planned[i], changed = e, true
		}
	}
	if changed {
		resp.PlanValue = types.ListValueMust(req.PlanValue.ElementType(ctx), planned)
	}
}

// addNullElement refuses an element of a list that is null. what is what belongs there, and list is how a configuration may call the list.
func addNullElement(diags *diag.Diagnostics, at path.Path, summary, what, list string) {
	diags.AddAttributeError(at, summary, fmt.Sprintf("%s: the %s is null. Give it an object, or leave it out, such as with [for e in local.%s : e if e != null].", at, what, list))
}
