package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"
)

// drawValue draws a value of a type, any part of which may be null or not known.
func drawValue(t *rapid.T, typ tftypes.Type, label string) tftypes.Value {
	switch rapid.IntRange(0, 9).Draw(t, label+" is") {
	case 0:
		return tftypes.NewValue(typ, nil)
	case 1:
		return tftypes.NewValue(typ, tftypes.UnknownValue)
	}
	switch typ := typ.(type) {
	case tftypes.Map:
		elements := map[string]tftypes.Value{}
		for _, key := range rapid.SliceOfNDistinct(rapid.StringN(0, 40, 300), 0, 20, rapid.ID).Draw(t, label) {
			elements[key] = drawValue(t, typ.ElementType, label+" element")
		}
		return tftypes.NewValue(typ, elements)
	case tftypes.Object:
		attributes := map[string]tftypes.Value{}
		for _, name := range slices.Sorted(maps.Keys(typ.AttributeTypes)) {
			attributes[name] = drawValue(t, typ.AttributeTypes[name], name)
		}
		return tftypes.NewValue(typ, attributes)
	}
	if typ.Is(tftypes.Number) {
		n, _, err := big.ParseFloat(rapid.SampledFrom([]string{"0", "64", "127", "128", "255", "300", "70000", "-1", "64.5", "1e19", "1e300"}).Draw(t, label), 10, 512, big.ToNearestEven)
		if err != nil {
			t.Fatal(err)
		}
		return tftypes.NewValue(typ, n)
	}
	return tftypes.NewValue(typ, rapid.SampledFrom([]string{"", "172.17.52.1", "2001:db8::1", "Silver ⛰", "\xff"}).Draw(t, label))
}

// Entries are what the framework makes of their encoding, and an error is one there. They come back from their own encoding, and no
// part of an encoding, nor anything else, is more than an error.
func TestDecodeEntries(t *testing.T) {
	ctx := context.Background()
	mapType := types.MapType{ElemType: setEntryType}
	protocolType := mapType.TerraformType(ctx)
	rapid.Check(t, func(t *rapid.T) {
		value := drawValue(t, protocolType, "gateways")
		if value.IsNull() || !value.IsKnown() {
			return // which has no entries
		}
		encoded, err := value.MarshalMsgPack(protocolType) //nolint:staticcheck // the reference
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeEntries(ctx, string(encoded))
		want, wantErr := mapType.ValueFromTerraform(ctx, value)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("decodeEntries says %v, and the framework %v", err, wantErr)
		}
		if err != nil {
			return
		}
		elements := want.(types.Map).Elements()
		if len(got) != len(elements) || !slices.IsSortedFunc(got, compareKeys) {
			t.Fatalf("there are %d entries, want %d in the order of their keys", len(got), len(elements))
		}
		for _, e := range got {
			if !e.object().Equal(elements[e.key]) {
				t.Errorf("%s: got %v, want %v", e.at(), e.object(), elements[e.key])
			}
		}
		packed, err := encodeEntries(ctx, got)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := decodeEntries(ctx, packed); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%v came back as %v, %v", got, again, err)
		}
		cut := rapid.IntRange(0, max(len(encoded)-1, 0)).Draw(t, "cut")
		if _, err := decodeEntries(ctx, string(encoded[:cut])); err == nil {
			t.Errorf("%d of %d bytes were read without an error", cut, len(encoded))
		}
		if cut < len(encoded) {
			encoded[cut] = rapid.Byte().Draw(t, "byte")
			_, _ = decodeEntries(ctx, string(encoded))
		}
	})
}

// No CLI sends these. They are errors, and none of them is taken for something else.
func TestDecodeEntries_malformed(t *testing.T) {
	type object int // which begins, with so many attributes
	for name, parts := range map[string][]any{
		"an attribute is missing":     {object(1), "net", object(2), "network_id", nil, "ipv4", nil},
		"all are":                     {object(1), "net", object(0)},
		"a network twice":             {object(2), "net", nil, "net", nil},
		"an attribute twice":          {object(1), "net", object(4), "network_id", nil, "ipv6", nil, "ipv4", nil, "ipv4", nil},
		"one twice, one missing":      {object(1), "net", object(3), "ipv4", nil, "ipv4", nil, "ipv6", nil},
		"an attribute of IPv4 twice":  {object(1), "net", object(3), "network_id", nil, "ipv6", nil, "ipv4", object(4), "address", "", "subnet_mask", "", "cidr", "", "cidr", ""},
		"an attribute that is nobody": {object(1), "net", object(3), "network_id", nil, "ipv6", nil, "ipv5", nil},
	} {
		var packed strings.Builder
		out := msgpack.NewEncoder(&packed)
		for _, part := range parts {
			var err error
			if n, ok := part.(object); ok {
				err = out.EncodeMapLen(int(n))
			} else {
				err = out.Encode(part)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if entries, err := decodeEntries(t.Context(), packed.String()); err == nil {
			t.Errorf("%s: it was read as %v", name, entries)
		}
	}
}

// drawJSON draws the JSON of a type: mostly of a state as it is stored, and of what somebody made of it by hand.
func drawJSON(t *rapid.T, typ tftypes.Type, label string) any {
	switch rapid.IntRange(0, 30).Draw(t, label+" is") {
	case 0, 1, 2:
		return nil
	case 3:
		return rapid.SampledFrom([]any{true, 64, "64", []any{}, map[string]any{}, map[string]any{"ipv4": "x"}}).Draw(t, label)
	}
	switch typ := typ.(type) {
	case tftypes.Map:
		elements := map[string]any{}
		for _, key := range rapid.SliceOfNDistinct(rapid.String(), 0, 5, rapid.ID).Draw(t, label) {
			elements[key] = drawJSON(t, typ.ElementType, label+" element")
		}
		return elements
	case tftypes.Object:
		attributes := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(typ.AttributeTypes)) {
			if !rapid.Bool().Draw(t, "without "+name) || rapid.Bool().Draw(t, "still with "+name) {
				attributes[name] = drawJSON(t, typ.AttributeTypes[name], name)
			}
		}
		if rapid.IntRange(0, 5).Draw(t, "more") == 0 {
			attributes[rapid.SampledFrom([]string{"of another release", "ID", "Gateways", "IPv4"}).Draw(t, "other name")] = rapid.SampledFrom([]any{1, nil, map[string]any{}}).Draw(t, "other")
		}
		return attributes
	}
	if typ.Is(tftypes.Number) {
		return json.Number(rapid.SampledFrom([]string{"0", "64", "128", "-1", "64.0", "6.4e1", "64.5", "9007199254740993", "1e400", "1e-400", "64.00000000000000000001", "9223372036854775808"}).Draw(t, label))
	}
	return rapid.SampledFrom([]string{"", "172.17.52.1", "2001:db8::1", "<&\u2028>"}).Draw(t, label)
}

// A state that is stored is what the framework makes of it, and where it cannot be read the framework says why.
func TestStoredGateways(t *testing.T) {
	ctx := context.Background()
	s := NewServer("test").(server)
	schemas, err := s.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	typ := schemas.ResourceSchemas[gatewaysResource].ValueType()
	rapid.Check(t, func(t *rapid.T) {
		state, err := json.Marshal(drawJSON(t, typ, "state"))
		if err != nil {
			t.Fatal(err)
		}
		if rapid.IntRange(0, 20).Draw(t, "twice") == 0 { // as somebody may leave it who edits by hand
			state = bytes.Replace(state, []byte(`"gateways":`), []byte(`"gateways":{"x":null},"gateways":`), 1)
		}
		req := &tfprotov6.UpgradeResourceStateRequest{
			TypeName: gatewaysResource, Version: rapid.SampledFrom([]int64{0, 0, 0, 1}).Draw(t, "version"), RawState: &tfprotov6.RawState{JSON: state},
		}
		got, err := s.UpgradeResourceState(ctx, req)
		want, wantErr := s.described.UpgradeResourceState(ctx, req)
		if err != nil || wantErr != nil {
			t.Fatal(err, wantErr)
		}
		said := func(diagnostics []*tfprotov6.Diagnostic) (text string) {
			for _, d := range diagnostics {
				text += fmt.Sprintln(d.Severity, d.Summary, d.Detail, d.Attribute)
			}
			return text
		}
		if text, wantText := said(got.Diagnostics), said(want.Diagnostics); text != wantText {
			t.Fatalf("%s\n%s\nthe framework says\n%s", state, text, wantText)
		}
		if (got.UpgradedState == nil) != (want.UpgradedState == nil) {
			t.Fatalf("%s: got %v, want %v", state, got.UpgradedState, want.UpgradedState)
		}
		if got.UpgradedState == nil {
			return
		}
		v, err := got.UpgradedState.Unmarshal(typ)
		w, wantErr := want.UpgradedState.Unmarshal(typ)
		if diff, _ := v.Diff(w); err != nil || wantErr != nil || len(diff) > 0 {
			t.Errorf("%s: %v, %v, and what the framework makes of it differs: %v", state, err, wantErr, diff)
		}
	})
}
