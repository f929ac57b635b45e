package provider

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// policyModel is vcc_recovery_policy as Terraform holds it.
type policyModel struct {
	Gateways       types.List   `tfsdk:"gateways"`
	RoutingEnabled types.Bool   `tfsdk:"routing_enabled"`
	FailoverPlan   types.Object `tfsdk:"failover_plan"`
	Rules          types.List   `tfsdk:"rules"`
	Enforce        types.Bool   `tfsdk:"enforce"`
	Results        types.List   `tfsdk:"results"`
}

// policyGatewayModel is what a policy takes of a vcc_default_gateway, and of an entry of a vcc_default_gateways.
type policyGatewayModel struct {
	NetworkID types.String `tfsdk:"network_id"`
	IPv4      types.Object `tfsdk:"ipv4"`
	IPv6      types.Object `tfsdk:"ipv6"`
}

type policyRuleModel struct {
	Name        types.String `tfsdk:"name"`
	Source      types.String `tfsdk:"source"`
	Destination types.String `tfsdk:"destination"`
	Protocol    types.String `tfsdk:"protocol"`
	Port        types.Int64  `tfsdk:"port"`
	Reachable   types.Bool   `tfsdk:"reachable"`
}

type policyResultModel struct {
	Name        types.String `tfsdk:"name"`
	Reachable   types.Bool   `tfsdk:"reachable"`
	Reason      types.String `tfsdk:"reason"`
	Explanation types.String `tfsdk:"explanation"`
	Steps       types.List   `tfsdk:"steps"`
}

var policyResultType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"name": types.StringType, "reachable": types.BoolType, "reason": types.StringType,
	"explanation": types.StringType, "steps": types.ListType{ElemType: types.StringType},
}}

// policyRule is a rule of a policy.
type policyRule struct {
	index int
	policyRuleModel
	// unknown names the attributes that are not known yet.
	unknown []string
	// addresses are those that the last answer depended on.
	addresses []netip.Addr
}

// question is what the backend is asked about a rule that is known whole.
func (r policyRule) question() (vcc.TraceRequest, error) {
	q, err := vcc.ParseTraceRequest(r.Source.ValueString(), r.Destination.ValueString(), r.Protocol.ValueString(), intPointer(r.Port))
	q.Unwanted = !r.Reachable.ValueBool()
	return q, err
}

// at is where a rule stands in the configuration.
func (r policyRule) at() path.Path { return path.Root("rules").AtListIndex(r.index) }

// result is what state says about a rule; answer is nil while the rule holds.
func (r policyRule) result(answer *vcc.Reachability) policyResultModel {
	result := policyResultModel{
		Name: r.Name, Reachable: r.Reachable,
		Reason: types.StringNull(), Explanation: types.StringNull(), Steps: types.ListNull(types.StringType),
	}
	if answer == nil {
		return result
	}
	steps := make([]attr.Value, len(answer.Steps))
	for i, s := range answer.Steps {
		steps[i] = types.StringValue(s.Message)
	}
	result.Reachable = types.BoolValue(answer.Reachable)
	result.Reason, result.Explanation = types.StringValue(string(answer.Reason)), types.StringValue(answer.Explanation)
	result.Steps = types.ListValueMust(types.StringType, steps)
	return result
}

// rules unpacks the rules; known is false while their number is not known.
func (m policyModel) rules(ctx context.Context) (rules []policyRule, known bool, diags diag.Diagnostics) {
	if m.Rules.IsUnknown() {
		return nil, false, nil
	}
	for i, element := range m.Rules.Elements() {
		r := policyRule{index: i}
		o, ok := element.(types.Object)
		switch {
		case !ok || o.IsUnknown():
			r.policyRuleModel = policyRuleModel{types.StringUnknown(), types.StringUnknown(), types.StringUnknown(), types.StringUnknown(), types.Int64Unknown(), types.BoolUnknown()}
			r.unknown = []string{r.at().String()}
			rules = append(rules, r)
			continue
		case o.IsNull():
			addNullElement(&diags, r.at(), "Invalid Recovery Policy", "rule", "rules")
		default:
			diags.Append(o.As(ctx, &r.policyRuleModel, basetypes.ObjectAsOptions{})...)
		}
		if r.Reachable.IsNull() {
			r.Reachable = types.BoolValue(true) // before the default is filled in
		}
		for _, a := range []struct {
			name  string
			value attr.Value
		}{
			{"name", r.Name}, {"source", r.Source}, {"destination", r.Destination}, {"protocol", r.Protocol}, {"port", r.Port}, {"reachable", r.Reachable},
		} {
			if a.value.IsUnknown() {
				r.unknown = append(r.unknown, fmt.Sprintf("rules[%d].%s", i, a.name))
			}
		}
		rules = append(rules, r)
	}
	return rules, true, diags
}

// check applies the domain's rules to what is known.
func (m policyModel) check(ctx context.Context) diag.Diagnostics {
	const summary = "Invalid Recovery Policy"
	rules, known, diags := m.rules(ctx)
	if diags.HasError() || !known {
		return diags
	}
	switch n := len(rules); {
	case n == 0:
		diags.AddAttributeError(path.Root("rules"), summary, "rules: A policy needs at least one rule, such as "+
			`{ name = "web reaches db", source = "web01", destination = "db01", protocol = "tcp", port = 5432 }.`)
	case n > vcc.MaxTraceRequests:
		diags.AddAttributeError(path.Root("rules"), summary, fmt.Sprintf(
			"rules: A policy has %d rules at most, and this one has %d. Write several policies.", vcc.MaxTraceRequests, n))
	}
	names := map[string]int{}
	for i, r := range rules {
		add := func(attribute, format string, args ...any) {
			at := r.at().AtName(attribute)
			diags.AddAttributeError(at, summary, fmt.Sprintf("%s: %s", at, fmt.Sprintf(format, args...)))
		}
		if name := r.Name.ValueString(); name != "" {
			if first, twice := names[name]; twice {
				add("name", "rules[%d] is called %q already. Call each by a name of its own: errors and results say it.", first, name)
			} else {
				names[name] = i
			}
		} else if !r.Name.IsUnknown() {
			add("name", "A name is required, such as \"web reaches db\": errors and results say it.")
		}
		if len(r.unknown) > 0 {
			continue
		}
		_, err := r.question()
		for _, e := range vcc.Errors(err) {
			add(e.Field, "%s", withFullStop(e.Message))
		}
	}
	return diags
}

// expected are the results of rules that all hold.
func expectedResults(rules []policyRule) []policyResultModel {
	results := make([]policyResultModel, len(rules))
	for i, r := range rules {
		results[i] = r.result(nil)
	}
	return results
}

func newPolicyResults(ctx context.Context, results []policyResultModel) (types.List, diag.Diagnostics) {
	return types.ListValueFrom(ctx, policyResultType, results)
}

// gateways unpacks the gateways that the policy declares, by network ID, and names what is not known of them.
func (m policyModel) gateways(ctx context.Context) (gateways map[string]assumedGateway, unknown []string, diags diag.Diagnostics) {
	gateways = map[string]assumedGateway{}
	if m.Gateways.IsUnknown() {
		return gateways, []string{"gateways"}, nil
	}
	for i, element := range m.Gateways.Elements() {
		at := fmt.Sprintf("gateways[%d]", i)
		o, ok := element.(types.Object)
		if !ok || o.IsUnknown() {
			unknown = append(unknown, at)
			continue
		}
		if o.IsNull() {
			diags.AddAttributeError(path.Root("gateways").AtListIndex(i), "Invalid Recovery Policy", at+": the gateway is null, such as one(vcc_default_gateway.app) where count is 0. "+
				"Leave it out: vcc_default_gateway.app[*] has those that there are.")
			continue
		}
		var g policyGatewayModel
		if diags.Append(o.As(ctx, &g, basetypes.ObjectAsOptions{})...); diags.HasError() {
			return gateways, nil, diags
		}
		if g.NetworkID.IsNull() {
			diags.AddAttributeError(path.Root("gateways").AtListIndex(i), "Invalid Recovery Policy", at+": A vcc_default_gateway belongs here, whole, such as vcc_default_gateway.app, or an entry of a vcc_default_gateways; this has no network_id.")
			continue
		}
		missing := unknownValue(at, g)
		if missing != "" {
			unknown = append(unknown, missing)
			continue
		}
		settings := vcc.GatewaySettings{}
		if values := g.IPv4.Attributes(); !g.IPv4.IsNull() {
			v4, err := readIPv4(textOf(values["address"]), textOf(values["subnet_mask"]))
			addFieldErrors(&diags, "Invalid Recovery Policy", vcc.Within(at+".ipv4", err))
			settings.IPv4 = &v4
		}
		if values := g.IPv6.Attributes(); !g.IPv6.IsNull() {
			length, _ := values["prefix_length"].(types.Int64)
			v6, err := readIPv6(textOf(values["address"]), textOf(values["network"]), int(length.ValueInt64()))
			addFieldErrors(&diags, "Invalid Recovery Policy", vcc.Within(at+".ipv6", err))
			settings.IPv6 = &v6
		}
		gateways[g.NetworkID.ValueString()] = assumedGateway{at, settings}
	}
	return gateways, unknown, diags
}

// policyFailoverPlanModel is what a policy takes of a vcc_failover_plan.
type policyFailoverPlanModel struct {
	Name          types.String `tfsdk:"name"`
	PublicIPRules types.List   `tfsdk:"public_ip_rules"`
}

// failoverPlan unpacks the failover plan that the policy declares, nil for none, and names what is not known of it.
func (m policyModel) failoverPlan(ctx context.Context) (declared *plannedFailoverPlan, unknown []string, diags diag.Diagnostics) {
	if m.FailoverPlan.IsUnknown() {
		return nil, []string{"failover_plan"}, nil
	}
	if m.FailoverPlan.IsNull() {
		return nil, nil, nil
	}
	var o policyFailoverPlanModel
	if diags.Append(m.FailoverPlan.As(ctx, &o, basetypes.ObjectAsOptions{})...); diags.HasError() {
		return nil, nil, diags
	}
	at := path.Root("failover_plan")
	switch {
	case o.Name.IsUnknown():
		return nil, []string{"failover_plan.name"}, nil
	case o.Name.IsNull():
		diags.AddAttributeError(at, "Invalid Recovery Policy", "failover_plan: A vcc_failover_plan belongs here, whole, such as vcc_failover_plan.site; this has no name.")
		return nil, nil, diags
	}
	// The rules are read as those of the resource are.
	v, known, d := failoverPlanModel{PublicIPRules: o.PublicIPRules}.read(ctx)
	for _, found := range d {
		if atAttribute, ok := found.(diag.DiagnosticWithPath); ok {
			diags.AddAttributeError(at, "Invalid Recovery Policy", "failover_plan: "+atAttribute.Detail())
		} else {
			diags.Append(found)
		}
	}
	if diags.HasError() {
		return nil, nil, diags
	}
	if !known {
		return nil, []string{"failover_plan.public_ip_rules"}, nil
	}
	return &plannedFailoverPlan{Name: o.Name.ValueString(), RulesKnown: true, Rules: v.settings.PublicIPRules}, nil, diags
}

// assumedGateway is what a policy declares of a network's gateway.
type assumedGateway struct {
	// at is where the policy declares it.
	at       string
	settings vcc.GatewaySettings
}

// unknownValue names the first value of a gateway that is not known yet, "" for none.
func unknownValue(at string, g policyGatewayModel) string {
	if g.NetworkID.IsUnknown() {
		return at + ".network_id"
	}
	for _, family := range []struct {
		name   string
		object types.Object
	}{{"ipv4", g.IPv4}, {"ipv6", g.IPv6}} {
		if family.object.IsUnknown() {
			return at + "." + family.name
		}
		values := family.object.Attributes()
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if values[name].IsUnknown() {
				return at + "." + family.name + "." + name
			}
		}
	}
	return ""
}

func textOf(v attr.Value) string {
	s, ok := v.(basetypes.StringValuable)
	if !ok {
		return ""
	}
	text, _ := s.ToStringValue(context.Background())
	return text.ValueString()
}
