package provider

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/gaissmai/bart"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// brokenRule is a rule that does not hold, and why.
type brokenRule struct {
	rule   *policyRule
	answer vcc.Reachability
}

// brokenRules asks the backend which of the rules do not hold with what is stored and what is assumed
// on top of it, and notes what each answer depends on. Every rule must be known whole. It is
// never answered from what was read before. The errors are those of the client's Trace.
func (c *connection) brokenRules(ctx context.Context, rules []policyRule, assume vcc.Assumption) (broken []brokenRule, err error) {
	if len(rules) == 0 {
		return nil, nil
	}
	questions := make([]vcc.TraceRequest, len(rules))
	for i, r := range rules {
		if questions[i], err = r.question(); err != nil {
			return nil, vcc.Within(fmt.Sprintf("questions[%d]", i), err)
		}
	}
	answers, err := c.client.Trace(ctx, c.as, questions, assume)
	if err != nil {
		return nil, err
	}
	for i, a := range answers {
		rules[i].addresses = a.Addresses
		if a.Reachable != rules[i].Reachable.ValueBool() {
			broken = append(broken, brokenRule{&rules[i], a})
		}
	}
	return broken, nil
}

// resultsOf are the results of rules of which some are broken.
func resultsOf(rules []policyRule, broken []brokenRule) []policyResultModel {
	results := expectedResults(rules)
	for _, b := range broken {
		for i, r := range rules {
			if r.index == b.rule.index {
				results[i] = r.result(&b.answer)
			}
		}
	}
	return results
}

// policy is a vcc_recovery_policy as it is planned in this run. What is planned after it is
// judged by it, too.
type policy struct {
	*connection
	// rules are those that are known whole.
	rules   []policyRule
	enforce bool
	// declared are the gateways of the policy's attributes, by network ID; routing is their value of the
	// option, nil for none.
	declared map[string]assumedGateway
	routing  *bool
	// declaredPlan is the failover plan of the policy's attribute, nil for none.
	declaredPlan *plannedFailoverPlan
	// stored has the gateways that were stored when the policy was planned, by network ID, and storedPlans the failover
	// plans, by planSubject.
	stored      map[string]vcc.GatewaySettings
	storedPlans map[string]vcc.FailoverPlan

	// judged is closed when the first judgement is there, which was of what was planned then.
	judged     chan struct{}
	judgedPlan plannedState
	broken     map[int]bool // by the index of the rule
	open       map[int]bool // likewise those that may hold or not
	notJudged  bool         // there was none
	// changes says that the policy itself has a change, which is what an apply judges.
	changes bool
}

// plan judges a policy by what has been planned so far on top of what is stored. It returns
// the results to plan, nil for not known. prior are the results of the state where the policy is otherwise as that has it, null
// where it is not.
//
// Removals, and what the policy's attributes leave out, come in any order, so a judgement against the
// plan waits until nothing else is under way. An apply plans again what its plan has judged,
// before those removals ran: there such a judgement counts only if nothing is applied at all.
func (r *recoveryPolicyResource) plan(ctx context.Context, m policyModel, prior types.List) ([]policyResultModel, diag.Diagnostics) {
	all, known, diags := m.rules(ctx)
	declared, unknown, d := m.gateways(ctx)
	diags.Append(d...)
	declaredPlan, unknownPlan, d := m.failoverPlan(ctx)
	diags.Append(d...)
	if diags.HasError() {
		return nil, diags
	}
	unknown = append(unknown, unknownPlan...)
	p := &policy{connection: r.connection, enforce: m.Enforce.ValueBool(), declared: declared, routing: m.RoutingEnabled.ValueBoolPointer(), declaredPlan: declaredPlan, judged: make(chan struct{})}
	if !known {
		unknown = append(unknown, "rules")
	}
	if m.RoutingEnabled.IsUnknown() {
		unknown = append(unknown, "routing_enabled")
	}
	if m.Enforce.IsUnknown() {
		unknown = append(unknown, "enforce")
	}
	var open []string // what is unknown of single rules
	for _, rule := range all {
		if len(rule.unknown) > 0 {
			open = append(open, rule.unknown...)
		} else {
			p.rules = append(p.rules, rule)
		}
	}
	// Results that follow from the rules are known as soon as those are.
	expected := func() []policyResultModel {
		if !known || !p.enforce || slices.ContainsFunc(all, func(r policyRule) bool { return r.Name.IsUnknown() || r.Reachable.IsUnknown() }) {
			return nil
		}
		return expectedResults(all)
	}
	p.changes = true
	if results := expected(); results != nil {
		list, d := newPolicyResults(ctx, results)
		diags.Append(d...)
		p.changes = !list.Equal(prior)
	}
	if r.connection == nil {
		unknown = append(unknown, "the provider's configuration")
	}
	if len(unknown) > 0 {
		p.warnNotJudged(&diags, "The policy was not judged", unknown)
		return expected(), diags
	}
	if len(open) > 0 {
		p.warnNotJudged(&diags, "Some rules were not judged", open)
	}
	list, err := r.gateways.all(ctx)
	if err != nil {
		addRequestError(&diags, "Recovery Policy Not Judged", err)
		return nil, diags
	}
	p.stored = make(map[string]vcc.GatewaySettings, len(list))
	for _, g := range list {
		p.stored[g.NetworkID] = g.GatewaySettings
	}
	plans, err := r.listFailoverPlans(ctx)
	if err != nil {
		addRequestError(&diags, "Recovery Policy Not Judged", err)
		return nil, diags
	}
	p.storedPlans = make(map[string]vcc.FailoverPlan, len(plans))
	for _, plan := range plans {
		p.storedPlans[planSubject(plan.Name)] = plan
	}
	r.run.onPlan(p.judgePlan)
	broken, proven, d := p.judge(ctx)
	diags.Append(d...)
	if diags.HasError() {
		return nil, diags
	}
	p.warnOfUnproven(ctx, &diags)
	if p.enforce {
		return expected(), diags
	}
	if len(open) > 0 || !proven {
		return nil, diags
	}
	return resultsOf(all, broken), diags
}

// warnNotJudged says what is not known, which is never a pass.
func (p *policy) warnNotJudged(diags *diag.Diagnostics, what string, unknown []string) {
	more := ""
	if n := len(unknown) - vcc.MaxListed; n > 0 {
		unknown, more = unknown[:vcc.MaxListed], fmt.Sprintf(" and %d more", n)
	}
	next := "The apply judges once it is; plan again after it to be sure."
	if !p.changes {
		next = "The apply does not judge, because the policy itself has no change: plan again after it."
	}
	diags.AddWarning("Recovery Policy Not Proven", fmt.Sprintf("%s in this plan, because this is not known yet: %s%s. %s", what, strings.Join(unknown, ", "), more, next))
}

// warnOpen names rules that hold or not according to what comes back.
func (p *policy) warnOpen(ctx context.Context, diags *diag.Diagnostics, open []brokenRule, planned plannedState) {
	outcomes, err := p.outcomes(ctx, planned)
	if len(open) == 0 || err != nil { // the judgement had the networks already
		return
	}
	returns := outcomes[0].Gateways
	names := make([]string, len(open))
	for i, b := range open {
		names[i] = b.rule.Name.ValueString()
	}
	var unknown, others []string
	for _, id := range slices.Sorted(maps.Keys(returns)) {
		g := returns[id]
		if !g.Uncertain {
			continue
		}
		text := fmt.Sprintf("whether the default gateway of %s that a replication job had detected (%s) comes back", p.networkNames(ctx, []string{id}), describeAddresses(g.Settings))
		if slices.ContainsFunc(open, func(b brokenRule) bool { return slices.ContainsFunc(b.rule.addresses, g.Settings.Serves) }) {
			unknown = append(unknown, text)
		} else {
			others = append(others, text)
		}
	}
	if len(unknown) == 0 {
		unknown = others
	}
	p.warnNotJudged(diags, fmt.Sprintf("Rules were not proven (%s)", vcc.QuoteNames(names)), unknown)
}

// judge is the judgement of the policy itself. proven is false where there is none.
func (p *policy) judge(ctx context.Context) (broken []brokenRule, proven bool, diags diag.Diagnostics) {
	p.judgedPlan = p.run.planned()
	if _, unknown := p.assumption(ctx, p.judgedPlan); len(unknown) > 0 {
		p.notJudged = true
		close(p.judged)
		p.warnNotJudged(&diags, "The policy was not judged", unknown)
		return nil, false, diags
	}
	first, open, err := p.brokenBy(ctx, p.rules, p.judgedPlan)
	p.notJudged = err != nil && vcc.Code(err) != vcc.CodeConflict
	p.broken, p.open = indexesOf(first), indexesOf(open)
	close(p.judged)
	broken = first
	now := p.judgedPlan
	// A conflict is an overlap with what may be about to move or to go.
	if len(broken)+len(open) > 0 || !p.enforce || vcc.Code(err) == vcc.CodeConflict {
		wait := p.run.waitSettled
		if !p.enforce {
			wait = p.run.waitQuiet
		}
		applying, waitErr := wait(ctx)
		if waitErr != nil {
			diags.AddError("Recovery Policy Not Judged", sentence(waitErr))
			return nil, false, diags
		}
		if applying && p.enforce {
			return nil, true, diags
		}
		if now = p.run.planned(); applying || now.Revision != p.judgedPlan.Revision || err != nil {
			broken, open, err = p.brokenBy(ctx, slices.Clone(p.rules), now)
		}
	}
	if err != nil {
		p.addError(&diags, err)
		return nil, false, diags
	}
	p.report(&diags, broken, func(b brokenRule) (path.Path, string) { return b.rule.at(), brokenText(b) + hint(b) })
	p.warnOpen(ctx, &diags, open, now)
	return broken, len(open) == 0, diags
}

// hint is what else may help against a rule that is broken: the backend does not know what
// the configuration has.
func hint(b brokenRule) string {
	if !b.answer.Reachable && b.answer.Reason == vcc.ReasonNoPublicIPRule {
		return " If the configuration has a vcc_failover_plan with one, set failover_plan to it."
	}
	if b.answer.Reachable || b.answer.Reason != vcc.ReasonPrivateDestination && b.answer.Reason != vcc.ReasonNoDefaultGateway {
		return ""
	}
	return " If the configuration has a vcc_default_gateway for it, or a vcc_default_gateways with an entry for it, list that in gateways."
}

// report says which rules are broken, ten of them at most, and how many more.
func (p *policy) report(diags *diag.Diagnostics, broken []brokenRule, say func(brokenRule) (path.Path, string)) {
	for i, b := range broken {
		at, text := say(b)
		if i == vcc.MaxListed {
			p.add(diags, path.Empty(), fmt.Sprintf("%s\n\n%d more rules do not hold either.", text, len(broken)-vcc.MaxListed-1))
			return
		}
		p.add(diags, at, text)
	}
}

// add says that a rule is broken, at an attribute or, with the empty path, at the resource.
func (p *policy) add(diags *diag.Diagnostics, at path.Path, text string) {
	switch atResource := at.Equal(path.Empty()); {
	case p.enforce && atResource:
		diags.AddError(policyBroken, text)
	case p.enforce:
		diags.AddAttributeError(at, policyBroken, text)
	case atResource:
		diags.AddWarning(policyBroken, text)
	default:
		diags.AddAttributeWarning(at, policyBroken, text)
	}
}

// addError says why the policy could not be judged: at the rule where that is wrong.
func (p *policy) addError(diags *diag.Diagnostics, err error) {
	const failed = "Recovery Policy Not Judged"
	for _, e := range vcc.Errors(err) {
		var i int
		var field string
		if n, _ := fmt.Sscanf(e.Field, "questions[%d].%s", &i, &field); n == 2 && i < len(p.rules) {
			at := p.rules[i].at().AtName(field)
			diags.AddAttributeError(at, "Invalid Recovery Policy", fmt.Sprintf("%s: %s", at, withFullStop(e.Message)))
			return
		}
		if strings.HasPrefix(e.Field, "assume.failoverPlans") {
			diags.AddAttributeError(path.Root("failover_plan"), failed, "failover_plan: What is planned could not be stored: "+e.Message+".")
			return
		}
		if strings.HasPrefix(e.Field, "assume") {
			diags.AddAttributeError(path.Root("gateways"), failed, "gateways: What is planned could not be stored: "+e.Message+".")
			return
		}
	}
	addRequestError(diags, failed, err)
}

// effective is what a network's gateway would be: as planned, else as the policy declares it, else as
// stored. known is false where it is planned and not known.
func (p *policy) effective(networkID string, planned plannedGateway, isPlanned bool) (settings vcc.GatewaySettings, known bool) {
	if isPlanned {
		return planned.Settings, planned.Known || planned.Removed
	}
	if g, ok := p.declared[networkID]; ok {
		return g.settings, true
	}
	return p.stored[networkID], true
}

// assumption is what is planned, laid over what the policy declares. It leaves out what is stored
// that way. unknown names what is planned and not known.
func (p *policy) assumption(ctx context.Context, planned plannedState) (assume vcc.Assumption, unknown []string) {
	assume = vcc.Assumption{RoutingEnabled: p.routing}
	if planned.Routing != nil {
		assume.RoutingEnabled = planned.Routing
	}
	if planned.RoutingUnknown {
		unknown = append(unknown, "enabled of the vcc_network_routing")
	}
	for _, subject := range planned.Unplaced {
		unknown = append(unknown, strings.TrimPrefix(subject, unplaced))
	}
	ids := map[string]bool{}
	for id := range planned.Gateways {
		ids[id] = true
	}
	for id := range p.declared {
		ids[id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		g, isPlanned := planned.Gateways[id]
		settings, known := p.effective(id, g, isPlanned)
		stored, isStored := p.stored[id]
		switch none := settings == (vcc.GatewaySettings{}); {
		case !known:
			unknown = append(unknown, "the default gateway of "+p.networkNames(ctx, []string{id}))
		case none && isStored:
			assume.Removals = append(assume.Removals, id)
		case !none && (!isStored || !settings.Equal(stored)):
			assume.Gateways = append(assume.Gateways, vcc.AssumedGateway{NetworkID: id, GatewaySettings: settings})
		}
	}
	subjects := map[string]bool{}
	for subject := range planned.FailoverPlans {
		subjects[subject] = true
	}
	if p.declaredPlan != nil {
		subjects[planSubject(p.declaredPlan.Name)] = true
	}
	for _, subject := range slices.Sorted(maps.Keys(subjects)) {
		plan := p.effectivePlan(subject, planned.FailoverPlans)
		switch {
		case !plan.RulesKnown:
			unknown = append(unknown, fmt.Sprintf("the public_ip_rules of the vcc_failover_plan %q", plan.Name))
		case !vcc.SamePublicIPRules(plan.Rules, p.storedPlans[subject].PublicIPRules):
			assume.FailoverPlans = append(assume.FailoverPlans, vcc.AssumedFailoverPlan{Name: plan.Name, PublicIPRules: plan.Rules})
		}
	}
	return assume, unknown
}

// effectivePlan is what a failover plan would be: as planned, else as the policy declares it, else as stored.
func (p *policy) effectivePlan(subject string, planned map[string]plannedFailoverPlan) plannedFailoverPlan {
	if plan, ok := planned[subject]; ok {
		return plan
	}
	if p.declaredPlan != nil && planSubject(p.declaredPlan.Name) == subject {
		return *p.declaredPlan
	}
	stored := p.storedPlans[subject]
	return plannedFailoverPlan{Name: stored.Name, RulesKnown: true, Rules: stored.PublicIPRules}
}

// brokenBy asks which of the rules would be broken by what is planned, and which of the others are open: those that
// hold or not according to what comes back. The explanations are those of what comes back where it can.
func (p *policy) brokenBy(ctx context.Context, rules []policyRule, planned plannedState) (broken, open []brokenRule, err error) {
	outcomes, err := p.outcomes(ctx, planned)
	if err != nil {
		return nil, nil, err
	}
	for i, outcome := range outcomes {
		assume, _ := p.assumption(ctx, outcome)
		before := slices.Clone(rules)
		found, err := p.brokenRules(ctx, rules, assume)
		if err != nil {
			return nil, nil, err
		}
		if i == 0 {
			broken = found
			continue
		}
		for j := range rules {
			rules[j].addresses = append(rules[j].addresses, before[j].addresses...)
		}
		was, is := indexesOf(broken), indexesOf(found)
		for _, b := range slices.Concat(broken, found) {
			if was[b.rule.index] != is[b.rule.index] {
				open = append(open, b)
			}
		}
		broken = slices.DeleteFunc(broken, func(b brokenRule) bool { return !is[b.rule.index] })
	}
	return broken, open, nil
}

// outcomes are what a plan may come to: with all that comes back and has a place, and, where that is not certain, without.
func (p *policy) outcomes(ctx context.Context, planned plannedState) ([]plannedState, error) {
	returns := false
	for _, g := range planned.Gateways {
		returns = returns || g.Returns
	}
	if !returns {
		return []plannedState{planned}, nil
	}
	networks, err := p.cloudNetworks(ctx)
	if err != nil {
		return nil, err
	}
	with := planned
	with.Gateways = maps.Clone(planned.Gateways)
	for dropped := true; dropped; {
		dropped = false
		var placed []vcc.PlacedGateway
		for _, id := range p.networksWith(with) {
			g, isPlanned := with.Gateways[id]
			if settings, _ := p.effective(id, g, isPlanned); settings != (vcc.GatewaySettings{}) {
				placed = append(placed, vcc.PlacedGateway{HostID: networks.host(id), NetworkGateway: vcc.NetworkGateway{NetworkID: id, GatewaySettings: settings}})
			}
		}
		for _, o := range vcc.FindOverlaps(placed) {
			one, other := placed[o.First].NetworkID, placed[o.Second].NetworkID
			if !with.Gateways[one].Returns {
				one, other = other, one
			}
			if with.Gateways[one].Returns && !with.Gateways[other].Removed {
				with.Gateways[one], dropped = plannedGateway{Removed: true}, true
			}
		}
	}
	without, uncertain := with, false
	without.Gateways = maps.Clone(with.Gateways)
	for id, g := range with.Gateways {
		if g.Uncertain {
			without.Gateways[id], uncertain = plannedGateway{Removed: true}, true
		}
	}
	if !uncertain {
		return []plannedState{with}, nil
	}
	return []plannedState{with, without}, nil
}

// networksWith are the IDs of the networks that have a gateway, or had one.
func (p *policy) networksWith(planned plannedState) []string {
	ids := map[string]bool{}
	for id := range p.stored {
		ids[id] = true
	}
	for id := range planned.Gateways {
		ids[id] = true
	}
	for id := range p.declared {
		ids[id] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// judgePlan judges the plan of gateways, of a failover plan, or of the routing option, that comes after that of the policy.
// A change that concerns no rule costs no request.
func (p *policy) judgePlan(ctx context.Context, subjects []string) (diags diag.Diagnostics) {
	select {
	case <-p.judged:
	case <-ctx.Done():
		return nil
	}
	if p.notJudged {
		return nil // an error at the policy says why
	}
	rules, unknown := p.affectedRules(subjects)
	if unknown {
		p.warnNotJudged(&diags, "A vcc_recovery_policy was not judged", []string{"what is planned here"})
		return diags
	}
	if len(rules) == 0 {
		return nil
	}
	broken, open, err := p.brokenBy(ctx, rules, p.run.planned())
	var alone map[int]bool
	var now plannedState
	if len(broken)+len(open) > 0 || vcc.Code(err) == vcc.CodeConflict {
		applying, waitErr := p.run.waitSettled(ctx)
		if applying || waitErr != nil {
			return nil
		}
		now = p.run.planned()
		broken, open, err = p.brokenBy(ctx, rules, now)
		// Of those that were broken or open before, the policy itself says so unless they hold by now.
		said := func(b brokenRule) bool { return p.broken[b.rule.index] || p.open[b.rule.index] }
		broken, open = slices.DeleteFunc(broken, said), slices.DeleteFunc(open, said)
		if len(broken) > 0 {
			alone, err = p.brokenAlone(ctx, subjects, broken, now)
		}
	}
	if vcc.Code(err) == vcc.CodeConflict {
		return nil // the gateway's own plan says which networks overlap
	}
	if err != nil {
		p.addError(&diags, err)
		return diags
	}
	p.report(&diags, broken, func(b brokenRule) (path.Path, string) {
		text := brokenText(b) + "\n\nThe rule is one of a vcc_recovery_policy in this configuration"
		if alone[b.rule.index] {
			return path.Empty(), text + ", and holds without what is planned here."
		}
		return path.Empty(), text + ". Several changes of this plan concern it, this one among them."
	})
	p.warnOpen(ctx, &diags, open, now)
	return diags
}

// brokenAlone are those of the broken rules that would hold without the plan of some subjects: the
// others are broken by something else as well, which is no reason to pass over this.
func (p *policy) brokenAlone(ctx context.Context, subjects []string, broken []brokenRule, planned plannedState) (map[int]bool, error) {
	for _, subject := range subjects {
		switch {
		case subject == routingKey:
			planned.Routing, planned.RoutingUnknown = p.judgedPlan.Routing, p.judgedPlan.RoutingUnknown
		case strings.HasPrefix(subject, planSubjects):
			putBack(planned.FailoverPlans, p.judgedPlan.FailoverPlans, subject)
		default:
			putBack(planned.Gateways, p.judgedPlan.Gateways, subject)
		}
	}
	rules := make([]policyRule, len(broken))
	for i, b := range broken {
		rules[i] = *b.rule
	}
	without, _, err := p.brokenBy(ctx, rules, planned)
	if vcc.Code(err) == vcc.CodeConflict {
		without, err = broken, nil // there is no telling
	}
	blamed := indexesOf(broken)
	maps.DeleteFunc(blamed, func(index int, _ bool) bool { return indexesOf(without)[index] })
	return blamed, err
}

// putBack has a map hold what another one has of a key.
func putBack[V any](in, before map[string]V, key string) {
	if was, ok := before[key]; ok {
		in[key] = was
	} else {
		delete(in, key)
	}
}

func indexesOf(broken []brokenRule) map[int]bool {
	indexes := map[int]bool{}
	for _, b := range broken {
		indexes[b.rule.index] = true
	}
	return indexes
}

// affectedRules are the rules that a plan may change anything about, since the policy was judged: those
// with an address in the networks that gateways had or are to have, or in the public IP rules of a failover plan. unknown
// says that it is not known what one is to have.
func (p *policy) affectedRules(subjects []string) (rules []policyRule, unknown bool) {
	if len(subjects) == 1 && strings.HasPrefix(subjects[0], unplaced) {
		return nil, !slices.Contains(p.judgedPlan.Unplaced, subjects[0])
	}
	if len(subjects) > 0 && strings.HasPrefix(subjects[0], planSubjects) {
		return p.rulesOfPlans(subjects)
	}
	if len(subjects) == 1 && subjects[0] == routingKey {
		planned := p.run.planned()
		if planned.RoutingUnknown {
			return nil, !p.judgedPlan.RoutingUnknown
		}
		routing := planned.Routing
		if was := p.judgedPlan.Routing; routing == nil && was == nil || routing != nil && was != nil && *routing == *was || routing != nil && was == nil && p.routing != nil && *p.routing == *routing {
			return nil, false
		}
		return slices.Clone(p.rules), false
	}
	var connected bart.Lite
	changed := false
	for _, id := range subjects {
		before, wasPlanned := p.judgedPlan.Gateways[id]
		was, wasKnown := p.effective(id, before, wasPlanned)
		now, isPlanned := p.run.plannedFor(id)
		is, isKnown := p.effective(id, now, isPlanned)
		switch {
		case !isKnown:
			unknown = unknown || wasKnown
		case !wasKnown || !was.Equal(is):
			changed = true
			for _, s := range []vcc.GatewaySettings{was, is} {
				for _, network := range s.Networks() {
					connected.Insert(network)
				}
			}
		}
	}
	if unknown || !changed {
		return nil, unknown
	}
	return p.rulesWith(connected.Contains), false
}

// rulesWith are the rules whose last answer depended on one of some addresses, as far as that is known.
func (p *policy) rulesWith(is func(netip.Addr) bool) (rules []policyRule) {
	for _, r := range p.rules {
		if r.addresses == nil || slices.ContainsFunc(r.addresses, is) {
			rules = append(rules, r)
		}
	}
	return rules
}

// rulesOfPlans is affectedRules for failover plans.
func (p *policy) rulesOfPlans(subjects []string) (rules []policyRule, unknown bool) {
	concerned := map[netip.Addr]bool{}
	for _, subject := range subjects {
		was := p.effectivePlan(subject, p.judgedPlan.FailoverPlans)
		is := was
		if planned := p.run.plannedFailoverPlan(subject); planned != nil {
			is = *planned
		}
		if !is.RulesKnown {
			unknown = unknown || was.RulesKnown
			continue
		}
		if was.RulesKnown && vcc.SamePublicIPRules(was.Rules, is.Rules) {
			continue
		}
		for _, r := range slices.Concat(was.Rules, is.Rules) {
			concerned[r.Public.Addr()], concerned[r.Internal.Addr()] = true, true
		}
	}
	if unknown || len(concerned) == 0 {
		return nil, unknown
	}
	return p.rulesWith(func(a netip.Addr) bool { return concerned[a] }), false
}

// warnOfUnproven says what the policy declares that is neither stored nor planned here.
func (p *policy) warnOfUnproven(ctx context.Context, diags *diag.Diagnostics) {
	planned := p.run.planned()
	var trusted []string
	for _, id := range slices.Sorted(maps.Keys(p.declared)) {
		g := p.declared[id]
		stored, isStored := p.stored[id]
		if _, isPlanned := planned.Gateways[id]; isPlanned || isStored && stored.Equal(g.settings) {
			continue
		}
		trusted = append(trusted, g.at)
	}
	if p.routing != nil && planned.Routing == nil {
		if stored, err := p.client.NetworkRouting(ctx, p.as); err == nil && stored.Enabled != *p.routing {
			trusted = append(trusted, "routing_enabled")
		}
	}
	if p.declaredPlan != nil {
		subject := planSubject(p.declaredPlan.Name)
		if _, isPlanned := planned.FailoverPlans[subject]; !isPlanned && !vcc.SamePublicIPRules(p.storedPlans[subject].PublicIPRules, p.declaredPlan.Rules) {
			trusted = append(trusted, "failover_plan")
		}
	}
	if len(trusted) > 0 {
		diags.AddWarning("Recovery Policy Takes Something on Trust", fmt.Sprintf("Neither stored nor planned by this provider configuration: %s. "+
			"The policy is judged as if it were. It proves what is planned when the attributes refer to vcc_default_gateway, the entries of vcc_default_gateways, vcc_network_routing and vcc_failover_plan of the same provider configuration.",
			strings.Join(trusted, ", ")))
	}
}
