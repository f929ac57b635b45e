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

// ipNetworkType is the type of attributes that hold an IP network with its prefix length. Two spellings of
// one network are one value, as with ipAddressType.
type ipNetworkType struct{ basetypes.StringType }

var _ basetypes.StringTypable = ipNetworkType{}

// String names the type.
func (ipNetworkType) String() string { return "ipNetworkType" }

// Equal reports whether o is this type.
func (ipNetworkType) Equal(o attr.Type) bool {
	_, ok := o.(ipNetworkType)
	return ok
}

// ValueType returns the zero value.
func (ipNetworkType) ValueType(context.Context) attr.Value { return ipNetwork{} }

// ValueFromString wraps a string.
func (ipNetworkType) ValueFromString(_ context.Context, v basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return ipNetwork{v}, nil
}

// ValueFromTerraform converts a value of the protocol.
func (t ipNetworkType) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	v, err := t.StringType.ValueFromTerraform(ctx, in)
	if err != nil {
		return nil, err
	}
	s, ok := v.(basetypes.StringValue)
	if !ok {
		return nil, fmt.Errorf("unexpected type %T of a string", v)
	}
	return ipNetwork{s}, nil
}

// ipNetwork is an IP network in whatever spelling it was given.
type ipNetwork struct{ basetypes.StringValue }

var _ basetypes.StringValuableWithSemanticEquals = ipNetwork{}

func newIPNetwork(s string) ipNetwork { return ipNetwork{basetypes.NewStringValue(s)} }

// Type returns the type.
func (ipNetwork) Type(context.Context) attr.Type { return ipNetworkType{} }

// Equal reports whether o is spelled the same.
func (v ipNetwork) Equal(o attr.Value) bool {
	other, ok := o.(ipNetwork)
	return ok && v.StringValue.Equal(other.StringValue)
}

// StringSemanticEquals reports whether both spellings mean one network.
func (v ipNetwork) StringSemanticEquals(_ context.Context, o basetypes.StringValuable) (bool, diag.Diagnostics) {
	other, ok := o.(ipNetwork)
	return ok && sameNetwork(v.ValueString(), other.ValueString()), nil
}

// sameNetwork reports whether two texts mean one IP network. Bits below the prefix length do not count.
func sameNetwork(a, b string) bool {
	x, err := netip.ParsePrefix(a)
	y, otherErr := netip.ParsePrefix(b)
	return err == nil && otherErr == nil && x.Masked() == y.Masked()
}

// keepNetworkSpelling is keepSpelling for IP networks.
type keepNetworkSpelling struct{}

// Description says what the modifier does.
func (keepNetworkSpelling) Description(context.Context) string {
	return "Another spelling of the same network is no change."
}

// MarkdownDescription says what the modifier does.
func (m keepNetworkSpelling) MarkdownDescription(ctx context.Context) string {
	return m.Description(ctx)
}

// PlanModifyString implements planmodifier.String.
func (keepNetworkSpelling) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if sameNetwork(req.StateValue.ValueString(), req.PlanValue.ValueString()) {
		resp.PlanValue = req.StateValue
	}
}
