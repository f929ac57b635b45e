package provider

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// All numbers of this provider are whole. The framework takes one that is not for a fault of the provider, which it asks to report, and it
// does so of the object that has the number (terraform-plugin-framework 1.19, basetypes.Int64Type).

// notWhole is how the framework says it.
const notWhole = " integer"

// namingNumbers returns what was said of a configuration, with errors that name the numbers that are not whole. schema finds
// whose configuration it is.
func (s server) namingNumbers(ctx context.Context, said []*tfprotov6.Diagnostic, config *tfprotov6.DynamicValue, schema func(*tfprotov6.GetProviderSchemaResponse) *tfprotov6.Schema) []*tfprotov6.Diagnostic {
	blames := func(d *tfprotov6.Diagnostic) bool { return strings.Contains(d.Detail, notWhole) }
	if !slices.ContainsFunc(said, blames) {
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
	var found []*tfprotov6.Diagnostic
	_ = tftypes.Walk(value, func(at *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		if v.IsNull() || !v.IsKnown() || !v.Type().Is(tftypes.Number) {
			return true, nil
		}
		var n big.Float
		if err := v.As(&n); err != nil {
			return false, err
		}
		text := "is not a whole number"
		if n.IsInt() {
			if _, accuracy := n.Int64(); accuracy == big.Exact {
				return true, nil
			}
			text = "is out of range"
		}
		found = append(found, &tfprotov6.Diagnostic{
			Severity: tfprotov6.DiagnosticSeverityError, Summary: "Invalid Number", Attribute: at, Detail: fmt.Sprintf("%s: %s %s.", pathOf(at), n.Text('g', 10), text),
		})
		return true, nil
	})
	if len(found) == 0 {
		return said
	}
	return append(slices.DeleteFunc(slices.Clone(said), blames), found...)
}

// pathOf is the framework's path of one of the protocol. Our schemas have no sets, whose elements have no name.
func pathOf(attribute *tftypes.AttributePath) path.Path {
	at := path.Empty()
	for _, step := range attribute.Steps() {
		switch step := step.(type) {
		case tftypes.AttributeName:
			at = at.AtName(string(step))
		case tftypes.ElementKeyString:
			at = at.AtMapKey(string(step))
		case tftypes.ElementKeyInt:
			at = at.AtListIndex(int(step))
		}
	}
	return at
}

func (s server) ValidateProviderConfig(ctx context.Context, req *tfprotov6.ValidateProviderConfigRequest) (*tfprotov6.ValidateProviderConfigResponse, error) {
	resp, err := s.protocolServer.ValidateProviderConfig(ctx, req)
	if err == nil {
		resp.Diagnostics = s.namingNumbers(ctx, resp.Diagnostics, req.Config, func(all *tfprotov6.GetProviderSchemaResponse) *tfprotov6.Schema { return all.Provider })
	}
	return resp, err
}
