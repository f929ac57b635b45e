package provider

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// gatewaysModel is vcc_default_gateways as Terraform holds it.
type gatewaysModel struct {
	ID           types.String
	HardwarePlan types.String
	TenantName   types.String
	Replaces     types.Map
	Gateways     gatewaysValue
}

// gatewaysValue are the gateways: null, not known, or entries that are sorted by their keys.
type gatewaysValue struct {
	null, unknown bool
	entries       []setEntry
}

// setEntryType is one of the gateways.
var setEntryType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"network_id": types.StringType, "ipv4": types.ObjectType{AttrTypes: ipv4Types}, "ipv6": types.ObjectType{AttrTypes: ipv6Types},
}}

// setEntry is one of the gateways: what its key and its object make of a vcc_default_gateway.
type setEntry struct {
	// key is the network's name as it is written.
	key string
	// unknown says that nothing of the object is known, null that there is none.
	unknown, null bool
	gatewayModel
}

// at is where the entry stands.
func (e setEntry) at() path.Path { return path.Root("gateways").AtMapKey(e.key) }

func compareKeys(a, b setEntry) int { return strings.Compare(a.key, b.key) }

func (e setEntry) object() attr.Value {
	switch {
	case e.unknown:
		return types.ObjectUnknown(setEntryType.AttrTypes)
	case e.null:
		return types.ObjectNull(setEntryType.AttrTypes)
	}
	return types.ObjectValueMust(setEntryType.AttrTypes, map[string]attr.Value{"network_id": e.NetworkID, "ipv4": e.IPv4, "ipv6": e.IPv6})
}

// entries returns the gateways with what the model has of all of them, sorted by their keys. Of gateways that are null or not known there are none.
func (m gatewaysModel) entries() []setEntry {
	list := slices.Clone(m.Gateways.entries)
	for i := range list {
		e := &list[i]
		e.NetworkName, e.HardwarePlanName, e.TenantName = types.StringValue(e.key), m.HardwarePlan, m.TenantName
	}
	return list
}

// withEntries returns the model with other gateways.
func (m gatewaysModel) withEntries(entries []setEntry) gatewaysModel {
	m.Gateways = gatewaysValue{entries: slices.SortedFunc(slices.Values(entries), compareKeys)}
	return m
}

// key is the key of the model's scope.
func (m gatewaysModel) key() string { return vcc.NormalName(m.HardwarePlan.ValueString()) }

// planning names the resource among what is validated and planned.
func (m gatewaysModel) planning() string { return "default gateways of " + m.key() }

// scopeName is what people call the scope.
func scopeName(plan types.String) string {
	if plan.IsNull() {
		return "all hardware plans of the tenant"
	}
	return fmt.Sprintf("hardware plan %q", plan.ValueString())
}

// newGatewaysModel returns what stored gateways, which are all of a scope, are in a state.
func newGatewaysModel(id string, plan types.String, tenantName string, stored []*vcc.DefaultGateway) gatewaysModel {
	m := gatewaysModel{
		ID: types.StringValue(id), HardwarePlan: plan, TenantName: types.StringValue(tenantName), Replaces: types.MapNull(types.StringType),
	}
	entries := make([]setEntry, len(stored))
	for i, g := range stored {
		entries[i] = setEntry{key: vcc.NormalName(g.NetworkName), gatewayModel: newGatewayModel(g, tenantName)}
	}
	return m.withEntries(entries)
}

// seen are the settings of a state, by the normal form of the networks' names. One that somebody edited by hand may have values that
// cannot be read: it has the settings of no gateway.
func (m gatewaysModel) seen() map[string]vcc.GatewaySettings {
	entries := m.entries()
	seen := make(map[string]vcc.GatewaySettings, len(entries))
	for _, e := range entries {
		seen[vcc.NormalName(e.key)] = e.lastSeen()
	}
	return seen
}

// check applies the rules to what is known. Of many entries that break one ten are told.
func (m gatewaysModel) check() (diags diag.Diagnostics) {
	broken, more := 0, 0
	names := map[string]string{}
	for _, e := range m.entries() {
		if first, twice := names[vcc.NormalName(e.key)]; twice { // which Terraform does not let happen
			diags.AddAttributeError(e.at(), invalidGateways, fmt.Sprintf("%s: this is the network of %q, too.", e.at(), first))
		}
		names[vcc.NormalName(e.key)] = e.key
		if e.unknown {
			continue
		}
		found := append(e.missing(), e.check()...)
		if e.null {
			found = diag.Diagnostics{diag.NewErrorDiagnostic(invalidGateways, "the gateway is null. Leave out the keys of networks that have none, such as with "+
				"{ for network, gateway in local.gateways : network => gateway if gateway != null }.")}
		}
		if len(found) == 0 {
			continue
		}
		if broken++; broken > vcc.MaxListed {
			more++
			continue
		}
		for _, d := range found {
			diags.Append(e.within(d))
		}
	}
	if more > 0 {
		diags.AddAttributeError(path.Root("gateways"), invalidGateways, fmt.Sprintf("gateways: %d more of them are wrong, too.", more))
	}
	return diags
}

// missing refuses values of a gateway that are null. The framework, which calls them missing elsewhere, does not see them here.
func (e setEntry) missing() (diags diag.Diagnostics) {
	require := func(v attr.Value, family, name, example string) {
		if v.IsNull() {
			at := path.Root(family).AtName(name)
			diags.AddAttributeError(at, invalidGateways, fmt.Sprintf("%s: the value is missing; write one, such as %s.", at, example))
		}
	}
	v4, v6 := e.families()
	if v4 != nil {
		require(v4.Address, "ipv4", "address", "172.17.52.1")
		require(v4.SubnetMask, "ipv4", "subnet_mask", "255.255.254.0")
	}
	if v6 != nil {
		require(v6.Address, "ipv6", "address", "2001:db8:52::1")
		require(v6.Network, "ipv6", "network", "2001:db8:52::")
		require(v6.PrefixLength, "ipv6", "prefix_length", "64")
	}
	return diags
}

const invalidGateways = "Invalid Default Gateway"

// below is where an attribute of a gateway stands.
func (e setEntry) below(attribute path.Path) path.Path {
	at := e.at()
	for _, step := range attribute.Steps() {
		if name, ok := step.(path.PathStepAttributeName); ok {
			at = at.AtName(string(name))
		}
	}
	return at
}

// within moves what is said of a gateway below the entry's key.
func (e setEntry) within(d diag.Diagnostic) diag.Diagnostic {
	at, detail := e.at(), d.Detail()
	if withPath, ok := d.(diag.DiagnosticWithPath); ok {
		inner := withPath.Path()
		detail = strings.TrimPrefix(detail, inner.String()+": ")
		at = e.below(inner)
	}
	detail = fmt.Sprintf("%s: %s", at, detail)
	if d.Severity() == diag.SeverityWarning {
		return diag.NewAttributeWarningDiagnostic(at, d.Summary(), detail)
	}
	return diag.NewAttributeErrorDiagnostic(at, d.Summary(), detail)
}

// withComputed returns the gateway with what its configuration leaves to the provider marked as not known.
func (e setEntry) withComputed(config setEntry) setEntry {
	if e.NetworkID.IsNull() {
		e.NetworkID = types.StringUnknown()
	}
	e.IPv4 = withComputedCIDR(e.IPv4, ipv4Types, !cidrOf(config.IPv4).IsNull())
	e.IPv6 = withComputedCIDR(e.IPv6, ipv6Types, !cidrOf(config.IPv6).IsNull())
	return e
}

// cidrOf is the IP network of an object, null for one that is null or not known.
func cidrOf(o types.Object) ipNetwork {
	v, _ := o.Attributes()["cidr"].(ipNetwork)
	return v
}

func withComputedCIDR(o types.Object, attributes map[string]attr.Type, given bool) types.Object {
	if given || o.IsNull() || o.IsUnknown() {
		return o
	}
	values := o.Attributes() // a copy
	values["cidr"] = ipNetwork{types.StringUnknown()}
	return types.ObjectValueMust(attributes, values)
}

// respelled returns the entry with the spelling of the state where that means the same.
func (e setEntry) respelled(before setEntry) setEntry {
	e.IPv4, e.IPv6 = sameSpelling(before.IPv4, e.IPv4), sameSpelling(before.IPv6, e.IPv6)
	return e
}

// sameSpelling returns an object with those texts of another one that mean the same.
func sameSpelling(before, now types.Object) types.Object {
	if before.IsNull() || now.IsNull() || now.IsUnknown() {
		return now
	}
	was, values, changed := before.Attributes(), now.Attributes(), false
	for name, value := range values {
		var same bool
		switch v := value.(type) {
		case ipAddress:
			old, ok := was[name].(ipAddress)
			same = ok && v.ValueString() != old.ValueString() && sameMeaning[netip.Addr](old.ValueString(), v.ValueString())
		case ipNetwork:
			old, ok := was[name].(ipNetwork)
			same = ok && v.ValueString() != old.ValueString() && sameMeaning[netip.Prefix](old.ValueString(), v.ValueString())
		}
		if same {
			values[name], changed = was[name], true
		}
	}
	if !changed {
		return now
	}
	return types.ObjectValueMust(now.AttributeTypes(context.Background()), values)
}
