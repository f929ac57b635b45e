package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// The gateways of a vcc_default_gateways are MessagePack in the protocol, and JSON in a state that is stored. Both are read here, because
// values of terraform-plugin-go in between take several times as long, and many times the memory.

// decodeEntries reads MessagePack. The entries are sorted by their keys.
func decodeEntries(ctx context.Context, packed string) (entries []setEntry, err error) {
	rest := strings.NewReader(packed)
	in := &entryDecoder{packed: packed, rest: rest, Decoder: msgpack.NewDecoder(rest)}
	err = in.elements(func(key string) error {
		e := setEntry{key: key}
		state, err := in.state()
		if e.unknown, e.null = state == attr.ValueStateUnknown, state == attr.ValueStateNull; err == nil && state == attr.ValueStateKnown {
			err = in.attributes(len(setEntryType.AttrTypes), func(name string) error { return in.attribute(ctx, &e, name) })
		}
		entries = append(entries, e)
		return err
	})
	slices.SortFunc(entries, compareKeys)
	for i := 1; i < len(entries) && err == nil; i++ {
		if entries[i].key == entries[i-1].key {
			err = fmt.Errorf("%q is there twice", entries[i].key)
		}
	}
	return entries, err
}

// entryDecoder decodes packed gateways. Their texts are parts of what is packed.
type entryDecoder struct {
	*msgpack.Decoder
	packed string
	rest   *strings.Reader // what is not read yet
}

// state skips the next value if that is null or not known.
func (in *entryDecoder) state() (attr.ValueState, error) {
	switch code, err := in.PeekCode(); {
	case err != nil:
		return attr.ValueStateNull, err
	case code == msgpcode.Nil:
		return attr.ValueStateNull, in.Skip()
	case msgpcode.IsExt(code): // go-cty says nothing else in an extension
		return attr.ValueStateUnknown, in.Skip()
	}
	return attr.ValueStateKnown, nil
}

// elements reads a map or an object. read reads the value of each key.
func (in *entryDecoder) elements(read func(key string) error) error {
	n, err := in.DecodeMapLen()
	for i := 0; i < n && err == nil; i++ {
		var key string
		if key, err = in.text(); err == nil {
			err = read(key)
		}
	}
	return err
}

// attributes reads an object that has a number of them.
func (in *entryDecoder) attributes(number int, read func(name string) error) error {
	seen := make(map[string]bool, number)
	err := in.elements(func(name string) error {
		if seen[name] {
			return fmt.Errorf("%q is there twice", name)
		}
		seen[name] = true
		return read(name)
	})
	if err == nil && len(seen) < number {
		err = fmt.Errorf("%d of %d attributes are missing", number-len(seen), number)
	}
	return err
}

// text reads a string.
func (in *entryDecoder) text() (string, error) {
	n, err := in.DecodeBytesLen()
	if err != nil {
		return "", err
	}
	start := len(in.packed) - in.rest.Len()
	if n < 0 || n > in.rest.Len() {
		return "", io.ErrUnexpectedEOF
	}
	_, err = in.rest.Seek(int64(n), io.SeekCurrent)
	return in.packed[start : start+n], err
}

// attribute reads an attribute of a gateway.
func (in *entryDecoder) attribute(ctx context.Context, e *setEntry, name string) (err error) {
	switch name {
	case "network_id":
		var v attr.Value
		v, err = in.value(ctx, types.StringType)
		e.NetworkID, _ = v.(types.String)
	case "ipv4":
		e.IPv4, err = in.object(ctx, ipv4Types)
	case "ipv6":
		e.IPv6, err = in.object(ctx, ipv6Types)
	default:
		err = fmt.Errorf("a default gateway has no %q", name)
	}
	return err
}

// object reads an object of texts and numbers.
func (in *entryDecoder) object(ctx context.Context, attributes map[string]attr.Type) (types.Object, error) {
	switch state, err := in.state(); {
	case err != nil:
		return types.Object{}, err
	case state == attr.ValueStateNull:
		return types.ObjectNull(attributes), nil
	case state == attr.ValueStateUnknown:
		return types.ObjectUnknown(attributes), nil
	}
	values := make(map[string]attr.Value, len(attributes))
	err := in.attributes(len(attributes), func(name string) (err error) {
		t, ok := attributes[name]
		if !ok {
			return fmt.Errorf("there is no attribute %q", name)
		}
		values[name], err = in.value(ctx, t)
		return err
	})
	if err != nil {
		return types.Object{}, err
	}
	return types.ObjectValueMust(attributes, values), nil
}

// value reads a text or a number.
func (in *entryDecoder) value(ctx context.Context, t attr.Type) (attr.Value, error) {
	if t, ok := t.(basetypes.StringTypable); ok {
		v := types.StringNull()
		state, err := in.state()
		if state == attr.ValueStateUnknown {
			v = types.StringUnknown()
		}
		if err == nil && state == attr.ValueStateKnown {
			var text string
			text, err = in.text()
			v = types.StringValue(text)
		}
		typed, _ := t.ValueFromString(ctx, v) // which takes any text
		return typed, err
	}
	if code, err := in.PeekCode(); err == nil && (msgpcode.IsFixedNum(code) || code == msgpcode.Uint8) { // as prefix lengths are
		n, err := in.DecodeInt64()
		return types.Int64Value(n), err
	}
	raw, err := in.DecodeRaw()
	if err != nil {
		return nil, err
	}
	v, err := tftypes.ValueFromMsgPack(raw, t.TerraformType(ctx)) //nolint:staticcheck // there is no other way from its encoding
	if err != nil {
		return nil, err
	}
	return t.ValueFromTerraform(ctx, v)
}

// encodeEntries writes MessagePack.
func encodeEntries(ctx context.Context, entries []setEntry) (packed string, err error) {
	var buffer strings.Builder
	out := msgpack.NewEncoder(&buffer)
	if err := out.EncodeMapLen(len(entries)); err != nil {
		return "", err
	}
	for _, e := range entries {
		if err := errors.Join(out.EncodeString(e.key), encodeValue(ctx, out, e.object())); err != nil {
			return "", err
		}
	}
	return buffer.String(), nil
}

// encodeValue writes an object, a text or a number.
func encodeValue(ctx context.Context, out *msgpack.Encoder, v attr.Value) error {
	if o, ok := v.(types.Object); ok && !o.IsNull() && !o.IsUnknown() {
		values := o.Attributes()
		err := out.EncodeMapLen(len(values))
		for _, name := range slices.Sorted(maps.Keys(values)) {
			err = errors.Join(err, out.EncodeString(name), encodeValue(ctx, out, values[name]))
		}
		return err
	}
	converted, err := v.ToTerraformValue(ctx)
	if err != nil {
		return err
	}
	raw, err := converted.MarshalMsgPack(v.Type(ctx).TerraformType(ctx)) //nolint:staticcheck // as above
	return errors.Join(err, out.Encode(msgpack.RawMessage(raw)))
}

// encodeStored turns the gateways of a state that is stored, which are JSON, into MessagePack. What is not plainly of their types is an error.
func encodeStored(gateways map[string]any) ([]byte, error) {
	if gateways == nil {
		return []byte{msgpcode.Nil}, nil
	}
	var buffer bytes.Buffer
	out := msgpack.NewEncoder(&buffer)
	err := out.EncodeMapLen(len(gateways))
	for _, key := range slices.Sorted(maps.Keys(gateways)) {
		if err = errors.Join(err, out.EncodeString(key), encodeJSON(out, gateways[key], setEntryType)); err != nil {
			return nil, err
		}
	}
	return buffer.Bytes(), err
}

// encodeJSON writes a value of a type that stands in JSON. An attribute that an object lacks is null, and one that it has too many is
// left out, as the framework has it.
func encodeJSON(out *msgpack.Encoder, v any, t attr.Type) error {
	object, isObject := t.(types.ObjectType)
	_, isText := t.(basetypes.StringTypable)
	switch v := v.(type) {
	case nil:
		return out.EncodeNil()
	case map[string]any:
		if !isObject {
			break
		}
		err := out.EncodeMapLen(len(object.AttrTypes))
		for name, attribute := range object.AttrTypes {
			err = errors.Join(err, out.EncodeString(name), encodeJSON(out, v[name], attribute))
		}
		return err
	case string:
		if isText {
			return out.EncodeString(v)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil && !isText && !isObject {
			return out.EncodeInt(n)
		}
	}
	return fmt.Errorf("%v is no %s", v, t)
}
