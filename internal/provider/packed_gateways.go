package provider

import (
	"bytes"
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/vmihailenco/msgpack/v5"
)

// The framework goes through all values of a resource several times in each call, and for each of them the time grows with
// their number: nested attributes have the whole map copied for each element (terraform-plugin-framework 1.19,
// fwserver.AttributeModifyPlan: mapElemObject), and each path goes into the logger of a context that is made from the one before
// (fwserver.NullifyWriteOnlyAttributes and MarkComputedNilsAsUnknown), in a chain that every look for a logger goes through. For thousands
// of gateways that is minutes. So the framework sees the map of a vcc_default_gateways as one string: its encoding, which is
// packed on the way in and unpacked on the way out.

// gatewaysResource is the resource whose gateways are packed.
const gatewaysResource = "vcc_default_gateways"

// gatewaysType is the type of the gateways.
var gatewaysType = types.MapType{ElemType: setEntryType}

// packedModel is gatewaysModel as the framework holds it.
type packedModel struct {
	ID           types.String `tfsdk:"id"`
	HardwarePlan types.String `tfsdk:"hardware_plan"`
	TenantName   types.String `tfsdk:"tenant_name"`
	Replaces     types.Map    `tfsdk:"replaces"`
	Gateways     types.String `tfsdk:"gateways"`
}

// unpack reads the model from what get gives of it: a configuration, a plan or a state.
func (m *gatewaysModel) unpack(ctx context.Context, get func(context.Context, any) diag.Diagnostics) diag.Diagnostics {
	var p packedModel
	diags := get(ctx, &p)
	if diags.HasError() {
		return diags
	}
	*m = gatewaysModel{ID: p.ID, HardwarePlan: p.HardwarePlan, TenantName: p.TenantName, Replaces: p.Replaces}
	switch {
	case p.Gateways.IsNull():
		m.Gateways = types.MapNull(setEntryType)
	case p.Gateways.IsUnknown():
		m.Gateways = types.MapUnknown(setEntryType)
	default:
		v, err := unpackGateways(p.Gateways.ValueString())
		if err == nil {
			gateways, convertErr := gatewaysType.ValueFromTerraform(ctx, v)
			m.Gateways, _ = gateways.(types.Map)
			err = convertErr
		}
		if err != nil {
			diags.AddError("Unreadable Default Gateways", sentence(err))
		}
	}
	return diags
}

// unpackGateways reads packed gateways.
func unpackGateways(packed string) (tftypes.Value, error) {
	return tftypes.ValueFromMsgPack([]byte(packed), gatewaysType.TerraformType(context.Background())) //nolint:staticcheck // there is no other way from its encoding
}

// pack hands the model to set, which writes it into a plan or a state.
func (m gatewaysModel) pack(ctx context.Context, set func(context.Context, any) diag.Diagnostics) diag.Diagnostics {
	p := packedModel{ID: m.ID, HardwarePlan: m.HardwarePlan, TenantName: m.TenantName, Replaces: m.Replaces, Gateways: types.StringNull()}
	switch {
	case m.Gateways.IsUnknown():
		p.Gateways = types.StringUnknown()
	case !m.Gateways.IsNull():
		v, err := m.Gateways.ToTerraformValue(ctx)
		var packed []byte
		if err == nil {
			packed, err = v.MarshalMsgPack(gatewaysType.TerraformType(ctx)) //nolint:staticcheck // as above
		}
		if err != nil {
			return diag.Diagnostics{diag.NewErrorDiagnostic("Unreadable Default Gateways", sentence(err))}
		}
		p.Gateways = types.StringValue(string(packed))
	}
	return set(ctx, p)
}

// packGateways packs the gateways in values of a resource, which may be nil.
func packGateways(resource string, values ...**tfprotov6.DynamicValue) error {
	if resource != gatewaysResource {
		return nil
	}
	for _, v := range values {
		if err := recode(v, func(raw msgpack.RawMessage) (any, error) {
			if kind := raw[0]; kind == 0xc0 || kind >= 0xc7 && kind <= 0xc9 || kind >= 0xd4 && kind <= 0xd8 { // nil, or an extension: not known
				return raw, nil
			}
			return string(raw), nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// unpackValue unpacks the gateways in a value of a resource, which may be nil.
func unpackValue(resource string, v **tfprotov6.DynamicValue) error {
	if resource != gatewaysResource {
		return nil
	}
	return recode(v, func(raw msgpack.RawMessage) (any, error) {
		if kind := raw[0]; kind >= 0xa0 && kind <= 0xbf || kind >= 0xd9 && kind <= 0xdb { // a string
			var packed string
			err := msgpack.Unmarshal(raw, &packed)
			return msgpack.RawMessage(packed), err
		}
		return raw, nil
	})
}

// recode replaces the gateways of an object by another encoding of them. What is no object stays.
func recode(v **tfprotov6.DynamicValue, convert func(raw msgpack.RawMessage) (any, error)) error {
	if *v == nil || len((*v).MsgPack) == 0 {
		return nil
	}
	text := (*v).MsgPack
	if kind := text[0]; (kind < 0x80 || kind > 0x8f) && kind != 0xde && kind != 0xdf {
		return nil
	}
	in := msgpack.NewDecoder(bytes.NewReader(text))
	n, err := in.DecodeMapLen()
	if err != nil {
		return fmt.Errorf("reading an object: %w", err)
	}
	var buffer bytes.Buffer
	buffer.Grow(len(text) + 16)
	out := msgpack.NewEncoder(&buffer)
	if err := out.EncodeMapLen(n); err != nil {
		return err
	}
	for range n {
		name, err := in.DecodeString()
		if err != nil {
			return fmt.Errorf("reading an object: %w", err)
		}
		raw, err := in.DecodeRaw()
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		var value any = raw
		if name == "gateways" && len(raw) > 0 {
			if value, err = convert(raw); err != nil {
				return fmt.Errorf("reading %s: %w", name, err)
			}
		}
		if err := out.EncodeString(name); err != nil {
			return err
		}
		if err := out.Encode(value); err != nil {
			return err
		}
	}
	*v = &tfprotov6.DynamicValue{MsgPack: buffer.Bytes()}
	return nil
}
