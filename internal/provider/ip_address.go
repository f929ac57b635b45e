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

// ipAddressType is the type of attributes that hold an IPv4 or IPv6 address. Two
// spellings of one address are one value (RFC 4291 allows several, RFC 5952 names
// the one that the backend uses).
type ipAddressType struct{ basetypes.StringType }

var _ basetypes.StringTypable = ipAddressType{}

// String names the type.
func (ipAddressType) String() string { return "ipAddressType" }

// Equal reports whether o is this type.
func (ipAddressType) Equal(o attr.Type) bool {
	_, ok := o.(ipAddressType)
	return ok
}

// ValueType returns the zero value.
func (ipAddressType) ValueType(context.Context) attr.Value { return ipAddress{} }

// ValueFromString wraps a string.
func (ipAddressType) ValueFromString(_ context.Context, v basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return ipAddress{v}, nil
}

// ValueFromTerraform converts a value of the protocol.
func (t ipAddressType) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	v, err := t.StringType.ValueFromTerraform(ctx, in)
	if err != nil {
		return nil, err
	}
	s, ok := v.(basetypes.StringValue)
	if !ok {
		return nil, fmt.Errorf("unexpected type %T of a string", v)
	}
	return ipAddress{s}, nil
}

// ipAddress is an address in whatever spelling it was given.
type ipAddress struct{ basetypes.StringValue }

var _ basetypes.StringValuableWithSemanticEquals = ipAddress{}

func newIPAddress(s string) ipAddress { return ipAddress{basetypes.NewStringValue(s)} }

// Type returns the type.
func (ipAddress) Type(context.Context) attr.Type { return ipAddressType{} }

// Equal reports whether o is spelled the same.
func (v ipAddress) Equal(o attr.Value) bool {
	other, ok := o.(ipAddress)
	return ok && v.StringValue.Equal(other.StringValue)
}

// StringSemanticEquals reports whether both spellings mean one address.
func (v ipAddress) StringSemanticEquals(_ context.Context, o basetypes.StringValuable) (bool, diag.Diagnostics) {
	other, ok := o.(ipAddress)
	return ok && sameAddress(v.ValueString(), other.ValueString()), nil
}

func sameAddress(a, b string) bool {
	x, err := netip.ParseAddr(a)
	y, otherErr := netip.ParseAddr(b)
	return err == nil && otherErr == nil && x == y
}

// keepSpelling is a plan modifier that plans the stored spelling of an address
// where the configuration has another spelling of the same one. Semantic
// equality alone does not do that: the framework does not ask for it when planning.
type keepSpelling struct{}

// Description says what the modifier does.
func (keepSpelling) Description(context.Context) string {
	return "Another spelling of the same address is no change."
}

// MarkdownDescription says what the modifier does.
func (m keepSpelling) MarkdownDescription(ctx context.Context) string { return m.Description(ctx) }

// PlanModifyString implements planmodifier.String.
func (keepSpelling) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if sameAddress(req.StateValue.ValueString(), req.PlanValue.ValueString()) {
		resp.PlanValue = req.StateValue
	}
}
