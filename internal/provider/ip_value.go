package provider

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// ipMeaning is what the text of an attribute means: an IPv4 or IPv6 address, or an IP network
// with its prefix length.
type ipMeaning interface{ netip.Addr | netip.Prefix }

// The attributes that hold addresses and those that hold IP networks.
type (
	ipAddressType = ipType[netip.Addr]
	ipAddress     = ipValue[netip.Addr]
	ipNetworkType = ipType[netip.Prefix]
	ipNetwork     = ipValue[netip.Prefix]
)

// ipType is the type of attributes with such a text. Two spellings of one meaning are one
// value (RFC 4291 allows several, RFC 5952 names the one that the backend uses).
type ipType[T ipMeaning] struct{ basetypes.StringType }

var (
	_ basetypes.StringTypable                    = ipAddressType{}
	_ basetypes.StringValuableWithSemanticEquals = ipAddress{}
	_ planmodifier.String                        = keepSpelling[netip.Addr]{}
)

// String names the type.
func (ipType[T]) String() string {
	var meaning T
	return fmt.Sprintf("ipType[%T]", meaning)
}

// Equal reports whether o is this type.
func (ipType[T]) Equal(o attr.Type) bool {
	_, ok := o.(ipType[T])
	return ok
}

// ValueType returns the zero value.
func (ipType[T]) ValueType(context.Context) attr.Value { return ipValue[T]{} }

// ValueFromString wraps a string.
func (ipType[T]) ValueFromString(_ context.Context, v basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return ipValue[T]{v}, nil
}

// ValueFromTerraform converts a value of the protocol.
func (t ipType[T]) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	v, err := t.StringType.ValueFromTerraform(ctx, in)
	if err != nil {
		return nil, err
	}
	s, ok := v.(basetypes.StringValue)
	if !ok {
		return nil, fmt.Errorf("unexpected type %T of a string", v)
	}
	return ipValue[T]{s}, nil
}

// ipValue is an address or an IP network in whatever spelling it was given.
type ipValue[T ipMeaning] struct{ basetypes.StringValue }

func newIPAddress(s string) ipAddress { return ipAddress{basetypes.NewStringValue(s)} }
func newIPNetwork(s string) ipNetwork { return ipNetwork{basetypes.NewStringValue(s)} }

// Type returns the type.
func (ipValue[T]) Type(context.Context) attr.Type { return ipType[T]{} }

// Equal reports whether o is spelled the same.
func (v ipValue[T]) Equal(o attr.Value) bool {
	other, ok := o.(ipValue[T])
	return ok && v.StringValue.Equal(other.StringValue)
}

// StringSemanticEquals reports whether both spellings mean the same.
func (v ipValue[T]) StringSemanticEquals(_ context.Context, o basetypes.StringValuable) (bool, diag.Diagnostics) {
	other, ok := o.(ipValue[T])
	return ok && sameMeaning[T](v.ValueString(), other.ValueString()), nil
}

// sameMeaning reports whether two texts mean one address, or one IP network.
func sameMeaning[T ipMeaning](a, b string) bool {
	x, ok := meaningOf[T](a)
	y, otherOK := meaningOf[T](b)
	return ok && otherOK && x == y
}

// meaningOf reads a text. Bits of an IP network below its prefix length do not count.
func meaningOf[T ipMeaning](text string) (meaning T, ok bool) {
	var err error
	switch m := any(&meaning).(type) {
	case *netip.Addr:
		*m, err = netip.ParseAddr(text)
	case *netip.Prefix:
		*m, err = netip.ParsePrefix(text)
		*m = m.Masked()
	}
	return meaning, err == nil
}

// keepSpelling is a plan modifier. It plans the stored spelling where the configuration has
// another spelling of the same address or IP network. Semantic equality alone does not do
// that: the framework does not ask for it when planning.
type keepSpelling[T ipMeaning] struct{}

// Description says what the modifier does.
func (keepSpelling[T]) Description(context.Context) string {
	return "Another spelling of the same value is no change."
}

// MarkdownDescription says what the modifier does.
func (m keepSpelling[T]) MarkdownDescription(ctx context.Context) string { return m.Description(ctx) }

// PlanModifyString implements planmodifier.String.
func (keepSpelling[T]) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if sameMeaning[T](req.StateValue.ValueString(), req.PlanValue.ValueString()) {
		resp.PlanValue = req.StateValue
	}
}
