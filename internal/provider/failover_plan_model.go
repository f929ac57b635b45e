package provider

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// failoverPlanModel is vcc_failover_plan as Terraform holds it.
type failoverPlanModel struct {
	ID            types.String `tfsdk:"id"`
	Name          types.String `tfsdk:"name"`
	TenantName    types.String `tfsdk:"tenant_name"`
	VMs           types.List   `tfsdk:"vms"`
	PublicIPRules types.List   `tfsdk:"public_ip_rules"`
	Replaces      types.String `tfsdk:"replaces"`
}

type planVMModel struct {
	Name         types.String `tfsdk:"name"`
	DelaySeconds types.Int64  `tfsdk:"delay_seconds"`
}

type publicIPRuleModel struct {
	Address   ipAddress   `tfsdk:"address"`
	Port      types.Int64 `tfsdk:"port"`
	ToAddress ipAddress   `tfsdk:"to_address"`
	ToPort    types.Int64 `tfsdk:"to_port"`
}

var (
	planVMType       = types.ObjectType{AttrTypes: map[string]attr.Type{"name": types.StringType, "delay_seconds": types.Int64Type}}
	publicIPRuleType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"address": ipAddressType{}, "port": types.Int64Type, "to_address": ipAddressType{}, "to_port": types.Int64Type,
	}}
)

// newPlanVMs returns the list for stored VMs.
func newPlanVMs(s vcc.FailoverPlanSettings) types.List {
	list := make([]attr.Value, len(s.VMs))
	for i, vm := range s.VMs {
		list[i] = types.ObjectValueMust(planVMType.AttrTypes, map[string]attr.Value{
			"name": types.StringValue(vm), "delay_seconds": types.Int64Value(int64(s.Delay(vm) / time.Second)),
		})
	}
	return types.ListValueMust(planVMType, list)
}

// newPublicIPRules returns the list for stored rules, null for none.
func newPublicIPRules(rules []vcc.PublicIPRule) types.List {
	if len(rules) == 0 {
		return types.ListNull(publicIPRuleType)
	}
	list := make([]attr.Value, len(rules))
	for i, r := range rules {
		list[i] = types.ObjectValueMust(publicIPRuleType.AttrTypes, map[string]attr.Value{
			"address": newIPAddress(r.Public.Addr().String()), "port": types.Int64Value(int64(r.Public.Port())),
			"to_address": newIPAddress(r.Internal.Addr().String()), "to_port": types.Int64Value(int64(r.Internal.Port())),
		})
	}
	return types.ListValueMust(publicIPRuleType, list)
}

// newFailoverPlanModel returns what a stored plan is in a state; tenantName is whose it is.
func newFailoverPlanModel(p *vcc.FailoverPlan, tenantName string) failoverPlanModel {
	return failoverPlanModel{
		ID: types.StringValue(p.ID), Name: types.StringValue(p.Name), TenantName: types.StringValue(tenantName),
		VMs: newPlanVMs(p.FailoverPlanSettings), PublicIPRules: newPublicIPRules(p.PublicIPRules),
	}
}

// inWordsOf returns the plan with the words of a state or a configuration, where those mean the same: names in their
// spelling, rules in their order; and with what it replaces.
func (m failoverPlanModel) inWordsOf(ctx context.Context, prior failoverPlanModel, p *vcc.FailoverPlan) failoverPlanModel {
	m.Replaces = prior.Replaces
	was, known, _ := prior.read(ctx)
	if !known {
		return m
	}
	if vcc.SameName(prior.Name.ValueString(), p.Name) {
		m.Name = prior.Name
	}
	if was.settings.Equal(vcc.FailoverPlanSettings{VMs: p.VMs, Delays: p.Delays, PublicIPRules: was.settings.PublicIPRules}) {
		m.VMs = prior.VMs
	}
	if vcc.SamePublicIPRules(was.settings.PublicIPRules, p.PublicIPRules) {
		m.PublicIPRules = prior.PublicIPRules
	}
	return m
}

// planValues are the settings of a plan as far as they are known, and where each stands in the configuration.
type planValues struct {
	settings vcc.FailoverPlanSettings
	// vms and rules are the places of the settings' entries.
	vms, rules []int
	// rulesKnown says that the settings have every public IP rule.
	rulesKnown bool
}

// read returns what is known of the settings. known says that it is all of them. The diagnostics list what cannot be read.
func (m failoverPlanModel) read(ctx context.Context) (v planValues, known bool, diags diag.Diagnostics) {
	known = !m.VMs.IsUnknown()
	for i, element := range m.VMs.Elements() {
		o, ok := element.(types.Object)
		if !ok || o.IsUnknown() {
			known = false
			continue
		}
		at := path.Root("vms").AtListIndex(i)
		if o.IsNull() {
			addNullElement(&diags, at, invalidPlan, "VM", "vms")
			continue
		}
		var vm planVMModel
		diags.Append(o.As(ctx, &vm, basetypes.ObjectAsOptions{})...)
		if vm.Name.IsUnknown() || vm.DelaySeconds.IsUnknown() {
			known = false
		}
		delay, err := vcc.ParseStartDelay(vm.DelaySeconds.ValueInt64())
		if err != nil {
			addErrorAt(&diags, at.AtName("delay_seconds"), invalidPlan, err)
		}
		if vm.Name.IsUnknown() {
			continue
		}
		name := vm.Name.ValueString()
		v.settings.VMs, v.vms = append(v.settings.VMs, name), append(v.vms, i)
		if delay != 0 {
			if v.settings.Delays == nil {
				v.settings.Delays = map[string]time.Duration{}
			}
			v.settings.Delays[name] = delay
		}
	}
	for i, element := range m.PublicIPRules.Elements() {
		o, ok := element.(types.Object)
		if !ok || o.IsUnknown() {
			continue
		}
		at := path.Root("public_ip_rules").AtListIndex(i)
		if o.IsNull() {
			addNullElement(&diags, at, invalidPlan, "public IP rule", "public_ip_rules")
			continue
		}
		var r publicIPRuleModel
		diags.Append(o.As(ctx, &r, basetypes.ObjectAsOptions{})...)
		if r.Address.IsUnknown() || r.Port.IsUnknown() || r.ToAddress.IsUnknown() || r.ToPort.IsUnknown() {
			continue
		}
		rule, err := vcc.ParsePublicIPRule(r.Address.ValueString(), portOf(r.Port), r.ToAddress.ValueString(), portOf(r.ToPort))
		for _, e := range vcc.Errors(err) {
			addErrorAt(&diags, at.AtName(snakeCase(e.Field)), invalidPlan, e)
		}
		if err == nil {
			v.settings.PublicIPRules, v.rules = append(v.settings.PublicIPRules, rule), append(v.rules, i)
		}
	}
	v.rulesKnown = !m.PublicIPRules.IsUnknown() && len(v.rules) == len(m.PublicIPRules.Elements())
	return v, known && v.rulesKnown && !diags.HasError(), diags
}

// portOf reads a port; a number that none has stays one that none has.
func portOf(port types.Int64) int { return int(min(max(port.ValueInt64(), -1), 1<<16)) }

// addErrorAt adds an error at an attribute, which the text names, too.
func addErrorAt(diags *diag.Diagnostics, at path.Path, summary string, err error) {
	text := err.Error()
	if all := vcc.Errors(err); len(all) > 0 {
		text = all[0].Message
	}
	diags.AddAttributeError(at, summary, fmt.Sprintf("%s: %s", at, withFullStop(text)))
}

const invalidPlan = "Invalid Failover Plan"

// at is the attribute of a field of the API, such as publicIpRules[0].toPort.
func (v planValues) at(field string) path.Path {
	var i int
	parts := strings.SplitN(field, "[", 2)
	places, root := v.vms, path.Root(snakeCase(strings.ReplaceAll(parts[0], "Ip", "_ip")))
	switch parts[0] {
	case "publicIpRules":
		places, root = v.rules, path.Root("public_ip_rules")
	case "delays":
		return path.Root("vms")
	}
	if len(parts) == 1 {
		return root
	}
	index, rest, _ := strings.Cut(parts[1], "]")
	if n, _ := fmt.Sscanf(index, "%d", &i); n != 1 || i >= len(places) {
		return root
	}
	root = root.AtListIndex(places[i])
	if rest = strings.TrimPrefix(rest, "."); rest != "" {
		return root.AtName(snakeCase(rest))
	}
	if parts[0] == "vms" {
		return root.AtName("name")
	}
	return root
}

// addErrors adds every error in err at its attribute.
func (v planValues) addErrors(diags *diag.Diagnostics, summary string, err error) {
	all := vcc.Errors(err)
	if len(all) == 0 && err != nil {
		diags.AddError(summary, sentence(err))
	}
	for _, e := range all {
		if e.Field == "" || e.Field == "id" {
			diags.AddError(summary, sentence(e))
		} else {
			addErrorAt(diags, v.at(e.Field), summary, e)
		}
	}
}

// check applies the rules to what is known.
func (m failoverPlanModel) check(ctx context.Context) diag.Diagnostics {
	v, _, diags := m.read(ctx)
	if !m.Name.IsUnknown() {
		if err := vcc.ValidateName(m.Name.ValueString()); err != nil {
			addErrorAt(&diags, path.Root("name"), invalidPlan, err)
		}
	}
	for _, e := range vcc.Errors(v.settings.Validate()) {
		switch {
		case e.Field == "vms" && (m.VMs.IsUnknown() || len(m.VMs.Elements()) > 0): // it has some that are not known yet
		case e.Field == "delays": // each was looked at by itself
		default:
			addErrorAt(&diags, v.at(e.Field), invalidPlan, e)
		}
	}
	return diags
}

// planned returns what a plan of Terraform's makes of the failover plan.
func (m failoverPlanModel) planned(ctx context.Context) plannedFailoverPlan {
	v, _, _ := m.read(ctx)
	return plannedFailoverPlan{Name: m.Name.ValueString(), RulesKnown: v.rulesKnown, Rules: v.settings.PublicIPRules}
}

// lastSeen returns the settings of a state. A state that somebody edited by hand may have values that cannot be read: it
// then has the settings of no plan, so that it differs from whatever is stored.
func (m failoverPlanModel) lastSeen(ctx context.Context) vcc.FailoverPlanSettings {
	v, known, _ := m.read(ctx)
	if !known {
		return vcc.FailoverPlanSettings{}
	}
	return v.settings
}

// describeFailoverPlan describes the settings of a plan.
func describeFailoverPlan(s vcc.FailoverPlanSettings) string {
	return fmt.Sprintf("VMs %s; public IP rules %s", describeVMs(s), describePublicIPRules(s.PublicIPRules))
}

// describeReplacedPlan describes what the lab declares of a stored plan, which a resource takes the place of; null if it
// declares nothing. The text has all of it, so that it is another one after every change.
func describeReplacedPlan(stored *vcc.FailoverPlan) types.String {
	var declared vcc.FailoverPlanSettings
	switch {
	case stored == nil:
		return types.StringNull()
	case stored.Origin == vcc.OriginDeclared:
		declared = stored.FailoverPlanSettings
	case stored.Declared != nil:
		declared = *stored.Declared
	default:
		return types.StringNull()
	}
	return types.StringValue(fmt.Sprintf("declared: VMs %s; public IP rules %s",
		orNone(strings.Join(listVMs(declared), ", ")), orNone(strings.Join(listPublicIPRules(declared.PublicIPRules), ", "))))
}

func describeVMs(s vcc.FailoverPlanSettings) string { return orNone(vcc.FirstTen(listVMs(s), ", ")) }

func listVMs(s vcc.FailoverPlanSettings) []string {
	list := make([]string, len(s.VMs))
	for i, vm := range s.VMs {
		if list[i] = vcc.Printable(vm); s.Delay(vm) > 0 {
			list[i] += fmt.Sprintf(" (then %d s)", int(s.Delay(vm)/time.Second))
		}
	}
	return list
}

func describePublicIPRules(rules []vcc.PublicIPRule) string {
	return orNone(vcc.FirstTen(listPublicIPRules(rules), ", "))
}

func listPublicIPRules(rules []vcc.PublicIPRule) []string {
	list := make([]string, len(rules))
	for i, r := range rules {
		list[i] = fmt.Sprintf("%s to %s", r.Public, r.Internal)
	}
	return list
}

// planDifferences lists what differs between two settings of a plan.
func planDifferences(before, after vcc.FailoverPlanSettings) string {
	var lines []string
	add := func(what, from, to string) { lines = append(lines, fmt.Sprintf("%s from %s to %s", what, from, to)) }
	if !before.Equal(vcc.FailoverPlanSettings{VMs: after.VMs, Delays: after.Delays, PublicIPRules: before.PublicIPRules}) {
		add("vms", describeVMs(before), describeVMs(after))
	}
	if !vcc.SamePublicIPRules(before.PublicIPRules, after.PublicIPRules) {
		add("public_ip_rules", describePublicIPRules(before.PublicIPRules), describePublicIPRules(after.PublicIPRules))
	}
	return strings.Join(lines, ", ")
}

// describePlanChanges is describeChanges for a failover plan.
func describePlanChanges(changes []vcc.FailoverPlanChange, prior vcc.FailoverPlanSettings) string {
	line := func(c vcc.FailoverPlanChange) string {
		what := "removed it"
		switch {
		case c.Before == nil:
			what = "created it: " + describeFailoverPlan(c.After.FailoverPlanSettings)
		case c.After != nil:
			if what = "changed " + planDifferences(c.Before.FailoverPlanSettings, c.After.FailoverPlanSettings); what == "changed " {
				what = fmt.Sprintf("made it %s, without changing a value", c.After.Origin)
			}
		}
		return fmt.Sprintf("  - %s: %s %s", formatTime(c.Time), vcc.Printable(c.Actor), what)
	}
	for i, c := range changes {
		if c.Before == nil || !c.Before.FailoverPlanSettings.Equal(prior) {
			continue
		}
		lines := []string{line(c)}
		if i > 1 { // a page of them is read by nobody
			lines = append(lines, fmt.Sprintf("  - and %d more changes, the last of which is", i-1))
		}
		if i > 0 {
			lines = append(lines, line(changes[0]))
		}
		return strings.Join(lines, "\n")
	}
	return ""
}
