package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// The framework goes through all values of a resource several times in each call, and for each of them the time grows with
// their number: nested attributes have the whole map copied for each element (terraform-plugin-framework 1.19,
// fwserver.AttributeModifyPlan: mapElemObject), and each path goes into the logger of a context that is made from the one before
// (fwserver.NullifyWriteOnlyAttributes and MarkComputedNilsAsUnknown), in a chain that every look for a logger goes through. For thousands
// of gateways that is minutes. So the framework sees the map of a vcc_default_gateways as one string: its encoding, which is
// packed on the way in and unpacked on the way out.

// gatewaysResource is the resource whose gateways are packed.
const gatewaysResource = "vcc_default_gateways"

// packedModel is gatewaysModel as the framework holds it.
type packedModel struct {
	ID           types.String `tfsdk:"id"`
	HardwarePlan types.String `tfsdk:"hardware_plan"`
	TenantName   types.String `tfsdk:"tenant_name"`
	Replaces     types.Map    `tfsdk:"replaces"`
	Gateways     types.String `tfsdk:"gateways"`
}

const unreadableGateways = "Unreadable Default Gateways"

// unpack reads the model from what get gives of it: a configuration, a plan or a state.
func (m *gatewaysModel) unpack(ctx context.Context, get func(context.Context, any) diag.Diagnostics) diag.Diagnostics {
	var p packedModel
	diags := get(ctx, &p)
	if diags.HasError() {
		return diags
	}
	*m = gatewaysModel{ID: p.ID, HardwarePlan: p.HardwarePlan, TenantName: p.TenantName, Replaces: p.Replaces}
	if m.Gateways.unknown, m.Gateways.null = p.Gateways.IsUnknown(), p.Gateways.IsNull(); m.Gateways.unknown || m.Gateways.null {
		return diags
	}
	var err error
	if m.Gateways.entries, err = decodeEntries(ctx, p.Gateways.ValueString()); err != nil {
		diags.AddError(unreadableGateways, sentence(err))
	}
	return diags
}

// pack hands the model to set, which writes it into a plan or a state.
func (m gatewaysModel) pack(ctx context.Context, set func(context.Context, any) diag.Diagnostics) diag.Diagnostics {
	p := packedModel{ID: m.ID, HardwarePlan: m.HardwarePlan, TenantName: m.TenantName, Replaces: m.Replaces, Gateways: types.StringNull()}
	switch {
	case m.Gateways.unknown:
		p.Gateways = types.StringUnknown()
	case !m.Gateways.null:
		packed, err := encodeEntries(ctx, m.Gateways.entries)
		if err != nil {
			return diag.Diagnostics{diag.NewErrorDiagnostic(unreadableGateways, sentence(err))}
		}
		p.Gateways = types.StringValue(packed)
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
			if raw[0] == msgpcode.Nil || msgpcode.IsExt(raw[0]) { // null or not known
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
		if msgpcode.IsString(raw[0]) {
			rest := bytes.NewReader(raw)
			_, err := msgpack.NewDecoder(rest).DecodeBytesLen()
			return raw[len(raw)-rest.Len():], err
		}
		return raw, nil
	})
}

// takeGateways takes the gateways out of a state that is stored: packed is their encoding, and rest is the request without them.
func takeGateways(req *tfprotov6.UpgradeResourceStateRequest) (rest *tfprotov6.UpgradeResourceStateRequest, packed msgpack.RawMessage, err error) {
	var stored map[string]json.RawMessage
	if req.RawState != nil {
		err = json.Unmarshal(req.RawState.JSON, &stored)
	}
	if err != nil || stored == nil {
		return nil, nil, errors.Join(err, errors.New("there is no state"))
	}
	const name = "gateways"
	var gateways map[string]any
	if text, ok := stored[name]; ok {
		in := json.NewDecoder(bytes.NewReader(text))
		in.UseNumber() // what is written, and not what a float64 makes of it
		if err := in.Decode(&gateways); err != nil {
			return nil, nil, err
		}
	}
	if packed, err = encodeStored(gateways); err != nil {
		return nil, nil, err
	}
	stored[name] = json.RawMessage("null")
	text, err := json.Marshal(stored)
	return &tfprotov6.UpgradeResourceStateRequest{TypeName: req.TypeName, Version: req.Version, RawState: &tfprotov6.RawState{JSON: text}}, packed, err
}

// recode replaces the gateways of an object by another encoding of them. What is no object stays.
func recode(v **tfprotov6.DynamicValue, convert func(raw msgpack.RawMessage) (any, error)) error {
	if *v == nil || len((*v).MsgPack) == 0 {
		return nil
	}
	text := (*v).MsgPack
	if kind := text[0]; !msgpcode.IsFixedMap(kind) && kind != msgpcode.Map16 && kind != msgpcode.Map32 {
		return nil
	}
	rest := bytes.NewReader(text)
	in := msgpack.NewDecoder(rest)
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
		start := len(text) - rest.Len()
		if err := in.Skip(); err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		raw := msgpack.RawMessage(text[start : len(text)-rest.Len()])
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
