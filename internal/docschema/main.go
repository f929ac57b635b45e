// Docschema prints the provider's schema in the form of `terraform providers
// schema -json`, taken from the provider itself: the CLI at hand, which may know
// less than the provider offers, does not decide which pages the docs have.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/provider"
)

// name is what the docs generator looks the provider up by.
const name = "vcc"

// object is a JSON object whose keys are those of the CLI's output.
type object map[string]any

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run() error {
	server := provider.NewServer("docs")
	ctx := context.Background()
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return err
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return err
	}
	for _, d := range append(schemas.Diagnostics, identities.Diagnostics...) {
		return fmt.Errorf("%s: %s", d.Summary, d.Detail)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(object{
		"format_version": "1.0",
		"provider_schemas": object{name: object{
			"provider":                  schema(schemas.Provider),
			"resource_schemas":          each(schemas.ResourceSchemas, schema),
			"data_source_schemas":       each(schemas.DataSourceSchemas, schema),
			"resource_identity_schemas": each(identities.IdentitySchemas, identity),
			"list_resource_schemas":     each(schemas.ListResourceSchemas, schema),
			"action_schemas":            each(schemas.ActionSchemas, action),
			"functions":                 each(schemas.Functions, function),
		}},
	})
}

func each[T any](all map[string]T, convert func(T) object) object {
	converted := object{}
	for key, v := range all {
		converted[key] = convert(v)
	}
	return converted
}

func schema(s *tfprotov6.Schema) object {
	return object{"version": s.Version, "block": block(s.Block)}
}

// action has no version: nothing of an action is ever stored.
func action(s *tfprotov6.ActionSchema) object { return object{"block": block(s.Schema.Block)} }

func function(f *tfprotov6.Function) object {
	parameters := []object{}
	for _, p := range f.Parameters {
		parameters = append(parameters, parameter(p))
	}
	o := object{"summary": f.Summary, "description": f.Description, "return_type": typeOf(f.Return.Type), "parameters": parameters}
	if f.VariadicParameter != nil {
		o["variadic_parameter"] = parameter(f.VariadicParameter)
	}
	return o
}

func parameter(p *tfprotov6.FunctionParameter) object {
	return object{"name": p.Name, "description": p.Description, "type": typeOf(p.Type), "is_nullable": p.AllowNullValue}
}

func block(b *tfprotov6.SchemaBlock) object {
	return object{
		"attributes":       attributes(b.Attributes),
		"description":      b.Description,
		"description_kind": kind(b.DescriptionKind),
	}
}

func attributes(all []*tfprotov6.SchemaAttribute) object {
	converted := object{}
	for _, a := range all {
		o := object{
			"description": a.Description, "description_kind": kind(a.DescriptionKind),
			"required": a.Required, "optional": a.Optional, "computed": a.Computed, "sensitive": a.Sensitive,
		}
		if a.NestedType != nil {
			o["nested_type"] = object{
				"attributes":   attributes(a.NestedType.Attributes),
				"nesting_mode": nesting[a.NestedType.Nesting],
			}
		} else {
			o["type"] = typeOf(a.Type)
		}
		converted[a.Name] = o
	}
	return converted
}

func identity(s *tfprotov6.ResourceIdentitySchema) object {
	converted := object{}
	for _, a := range s.IdentityAttributes {
		converted[a.Name] = object{
			"type": typeOf(a.Type), "description": a.Description,
			"required_for_import": a.RequiredForImport, "optional_for_import": a.OptionalForImport,
		}
	}
	return object{"version": s.Version, "attributes": converted}
}

// typeOf is the type in the JSON form that the CLI prints, which is the
// protocol's own.
func typeOf(t tftypes.Type) json.RawMessage {
	b, err := t.MarshalJSON() //nolint:staticcheck // there is no other way to its JSON form
	if err != nil {
		panic(err) // every type of a schema has one
	}
	return b
}

func kind(k tfprotov6.StringKind) string {
	if k == tfprotov6.StringKindMarkdown {
		return "markdown"
	}
	return "plain"
}

var nesting = map[tfprotov6.SchemaObjectNestingMode]string{
	tfprotov6.SchemaObjectNestingModeSingle: "single",
	tfprotov6.SchemaObjectNestingModeList:   "list",
	tfprotov6.SchemaObjectNestingModeSet:    "set",
	tfprotov6.SchemaObjectNestingModeMap:    "map",
}
