package provider

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// All numbers of this provider are whole. The framework takes one that is not for a fault of the provider, which it asks to report, and it
// does so of the object that has the number (terraform-plugin-framework 1.19, basetypes.Int64Type).

// notWhole is how the framework says it.
const notWhole = " integer"

const invalidNumber = "Invalid Number"

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
	found := map[string]*tfprotov6.Diagnostic{} // by what it says
	_ = tftypes.Walk(value, func(at *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		if v.IsNull() || !v.IsKnown() || !v.Type().Is(tftypes.Number) {
			return true, nil
		}
		var n big.Float
		if err := v.As(&n); err != nil {
			return false, err
		}
		text := fmt.Sprintf("%s is not a whole number.", fractionText(&n))
		if n.IsInt() {
			if _, accuracy := n.Int64(); accuracy == big.Exact {
				return true, nil
			}
			text = fmt.Sprintf("%s is out of range.", n.Text('g', 10))
		}
		text = fmt.Sprintf("%s: %s", pathOf(at), text)
		found[text] = &tfprotov6.Diagnostic{Severity: tfprotov6.DiagnosticSeverityError, Summary: invalidNumber, Detail: text, Attribute: at}
		return true, nil
	})
	if len(found) == 0 {
		return said
	}
	told := slices.DeleteFunc(slices.Clone(said), blames)
	for i, text := range slices.Sorted(maps.Keys(found)) {
		if i == vcc.MaxListed {
			told = append(told, &tfprotov6.Diagnostic{
				Severity: tfprotov6.DiagnosticSeverityError, Summary: invalidNumber, Detail: fmt.Sprintf("%d more numbers are wrong, too.", len(found)-i),
			})
			break
		}
		told = append(told, found[text])
	}
	return told
}

// fractionText is a number that is not whole, in as many digits as show that, 40 at most.
func fractionText(n *big.Float) string {
	const most = 40
	format := byte('f')
	if e := n.MantExp(nil); e > 64 || e < -64 { // some 20 digits before the point, or zeros after it
		format = 'g'
	}
	text := n.Text(format, -1)
	if len(text) > most {
		text = text[:most] + "…"
	}
	return text
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

func (s server) ValidateActionConfig(ctx context.Context, req *tfprotov6.ValidateActionConfigRequest) (*tfprotov6.ValidateActionConfigResponse, error) {
	resp, err := s.protocolServer.ValidateActionConfig(ctx, req)
	if err == nil {
		schema := func(all *tfprotov6.GetProviderSchemaResponse) *tfprotov6.Schema {
			return all.ActionSchemas[req.ActionType].Schema
		}
		resp.Diagnostics = s.namingNumbers(ctx, s.withoutElements(ctx, resp.Diagnostics, req.Config, schema), req.Config, schema)
	}
	return resp, err
}

func (s server) ValidateProviderConfig(ctx context.Context, req *tfprotov6.ValidateProviderConfigRequest) (*tfprotov6.ValidateProviderConfigResponse, error) {
	resp, err := s.protocolServer.ValidateProviderConfig(ctx, req)
	if err == nil {
		resp.Diagnostics = s.namingNumbers(ctx, resp.Diagnostics, req.Config, func(all *tfprotov6.GetProviderSchemaResponse) *tfprotov6.Schema { return all.Provider })
	}
	return resp, err
}
