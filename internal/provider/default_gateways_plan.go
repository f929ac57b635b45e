package provider

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const notPlannedSet = "Default Gateways Not Planned"

// ValidateConfig applies the domain's rules to what is known.
func (r *defaultGatewaysResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m gatewaysModel
	resp.Diagnostics.Append(m.unpack(ctx, req.Config.Get)...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(m.check()...)
	if r.connection != nil && !m.HardwarePlan.IsUnknown() {
		r.run.noteValidated(m.planning())
	}
}

// setPlan is what a plan makes of the gateways of a scope.
type setPlan struct {
	entries []setEntry
	// networks are those of the entries, by key.
	networks map[string]*vcc.Network
	// gateways are the planned ones, by the ID of their network, removed what those that go leave behind.
	gateways, removed map[string]plannedGateway
	// changed are the IDs of networks that get other settings than they had.
	changed map[string]bool
}

// newSetPlan returns the plan of entries whose networks are known.
func newSetPlan(entries []setEntry) setPlan {
	p := setPlan{
		entries: entries, networks: map[string]*vcc.Network{}, gateways: make(map[string]plannedGateway, len(entries)),
		removed: map[string]plannedGateway{}, changed: map[string]bool{},
	}
	for _, e := range entries {
		p.gateways[e.NetworkID.ValueString()] = e.planned()
	}
	return p
}

// networkIDs are those of all networks that the plan is about.
func (p setPlan) networkIDs() []string {
	return append(slices.Sorted(maps.Keys(p.gateways)), slices.Sorted(maps.Keys(p.removed))...)
}

// ModifyPlan plans what follows from the configuration and from what is stored, and refuses what the
// backend would refuse.
func (r *defaultGatewaysResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var prior, config, m gatewaysModel
	creating, removing := req.State.Raw.IsNull(), req.Plan.Raw.IsNull()
	if !creating {
		resp.Diagnostics.Append(prior.unpack(ctx, req.State.Get)...)
		if resp.Diagnostics.HasError() || r.connection != nil && r.otherTenant(ctx, &resp.Diagnostics, prior.TenantName) {
			return
		}
	}
	if r.connection != nil {
		r.warnOfOldExport(ctx, &resp.Diagnostics)
	}
	if removing {
		r.planRemoval(ctx, prior, nil, setPlan{}, &resp.Diagnostics)
		return
	}
	if !creating && req.Plan.Raw.Equal(req.State.Raw) {
		if r.connection != nil {
			r.planUnchanged(ctx, prior, &resp.Diagnostics)
		}
		return
	}
	resp.Diagnostics.Append(m.unpack(ctx, req.Plan.Get)...)
	resp.Diagnostics.Append(config.unpack(ctx, req.Config.Get)...)
	if resp.Diagnostics.HasError() {
		return
	}
	entries := m.complete(prior, config)
	m = m.withKnown(entries)
	resp.Diagnostics.Append(m.check()...) // values that ignore_changes kept are in no configuration
	if resp.Diagnostics.HasError() {
		return
	}
	if r.connection == nil || m.HardwarePlan.IsUnknown() {
		if !creating && !m.HardwarePlan.Equal(prior.HardwarePlan) {
			resp.RequiresReplace = append(resp.RequiresReplace, path.Root("hardware_plan"))
		}
		if r.connection != nil { // any network may be of the plan
			if networks, err := r.cloudNetworks(ctx); err != nil {
				addRequestError(&resp.Diagnostics, "Cloud Networks Not Read", err)
			} else {
				r.planUncertain(ctx, allPlans, networks, &resp.Diagnostics)
			}
		}
		resp.Diagnostics.Append(m.pack(ctx, resp.Plan.Set)...)
		return
	}
	pass := r.run.notePlanning(m.planning(), creating)
	networks, err := r.cloudNetworks(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, "Cloud Networks Not Read", err)
		return
	}
	m = r.withScope(ctx, m, networks, &resp.Diagnostics)
	plan := r.newPlan(ctx, m, networks, entries, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	m = m.withKnown(plan.entries)
	switch replacing := !creating && (prior.HardwarePlan.IsNull() != m.HardwarePlan.IsNull() || prior.key() != m.key()); {
	case replacing:
		resp.RequiresReplace = append(resp.RequiresReplace, path.Root("hardware_plan"))
		r.planRemoval(ctx, prior, &m, plan, &resp.Diagnostics)
		r.run.noteMoving(m.planning(), newSetPlan(prior.entries()).networkIDs()...)
		m.Replaces = types.MapUnknown(types.StringType)
		// What Terraform shows of warnings are those of its first planning; the second one refuses.
		m.advise(plan.entries, &resp.Diagnostics)
		if stored, err := r.gateways.storedIn(ctx, m, time.Time{}); err == nil {
			r.adviseOfAdoption(m, plan, stored, &resp.Diagnostics)
		}
	case creating:
		m.Replaces = r.planCreation(ctx, m, networks, plan, pass, &resp.Diagnostics)
	default:
		m.ID, m.TenantName, m.Replaces = prior.ID, prior.TenantName, prior.Replaces
		r.planUpdate(ctx, prior, m, networks, plan, pass, &resp.Diagnostics)
	}
	resp.Diagnostics.Append(m.pack(ctx, resp.Plan.Set)...)
}

// complete returns the entries with what follows from their values, in the spelling of the state where that means the same.
func (m gatewaysModel) complete(prior, config gatewaysModel) []setEntry {
	before, written := prior.byKey(), config.byKey()
	entries := m.entries()
	for i, e := range entries {
		if e.unknown || e.null {
			continue
		}
		given := written[e.key]
		e = e.withComputed(given)
		e.gatewayModel = e.withCIDRs(cidrOf(given.IPv4).IsUnknown(), cidrOf(given.IPv6).IsUnknown())
		if was, ok := before[e.key]; ok {
			e = e.respelled(was)
		}
		entries[i] = e
	}
	return entries
}

// byKey returns the entries by their keys.
func (m gatewaysModel) byKey() map[string]setEntry {
	entries := make(map[string]setEntry, len(m.Gateways.entries))
	for _, e := range m.Gateways.entries {
		entries[e.key] = e
	}
	return entries
}

// withKnown is withEntries, unless it is not known yet which entries there are.
func (m gatewaysModel) withKnown(entries []setEntry) gatewaysModel {
	if m.Gateways.unknown {
		return m
	}
	return m.withEntries(entries)
}

// withScope returns the model with what follows from its scope.
func (r *defaultGatewaysResource) withScope(ctx context.Context, m gatewaysModel, networks *cloudNetworks, diags *diag.Diagnostics) gatewaysModel {
	t, err := r.actingFor(ctx)
	if err != nil {
		addRequestError(diags, "Tenant Not Known", err)
		return m
	}
	m.TenantName, m.ID = types.StringValue(t.name), types.StringValue(t.id)
	if m.HardwarePlan.IsNull() {
		return m
	}
	var plans []string
	for i := range networks.all {
		n := &networks.all[i]
		if vcc.SameName(n.HardwarePlanName, m.HardwarePlan.ValueString()) {
			m.ID = types.StringValue(n.HardwarePlanID)
			return m
		}
		if !slices.Contains(plans, n.HardwarePlanName) {
			plans = append(plans, n.HardwarePlanName)
		}
	}
	addUnknownNameError(diags, "hardware_plan", "hardware plan", m.HardwarePlan.ValueString(), plans)
	return m
}

// newPlan finds the networks of the entries, of which those in error are told, ten at most.
func (r *defaultGatewaysResource) newPlan(ctx context.Context, m gatewaysModel, networks *cloudNetworks, entries []setEntry, diags *diag.Diagnostics) setPlan {
	if diags.HasError() {
		return setPlan{}
	}
	var names []string
	for i := range networks.all {
		if inScope(m.key(), networks.all[i].HardwarePlanName) {
			names = append(names, networks.all[i].Name)
		}
	}
	found, wrong := map[string]*vcc.Network{}, 0
	for i, e := range entries {
		n := networks.named(e.key)
		if n != nil && inScope(m.key(), n.HardwarePlanName) {
			found[e.key] = n
			entries[i].NetworkID = types.StringValue(n.ID)
			continue
		}
		if wrong++; wrong > vcc.MaxListed {
			continue
		}
		text := fmt.Sprintf("%s: there is no cloud network %q in %s; %s", e.at(), e.key, scopeName(m.HardwarePlan), vcc.DidYouMean(e.key, names))
		if n != nil {
			text = fmt.Sprintf("%s: %q is a network of hardware plan %q, and these are the gateways of %s. Leave it out here, or leave hardware_plan out to have those of all plans.",
				e.at(), e.key, n.HardwarePlanName, scopeName(m.HardwarePlan))
		}
		diags.AddAttributeError(e.at(), unknownNetwork, text)
	}
	if more := wrong - vcc.MaxListed; more > 0 {
		diags.AddAttributeError(path.Root("gateways"), unknownNetwork, fmt.Sprintf("gateways: %d more of them name no cloud network of %s either.", more, scopeName(m.HardwarePlan)))
	}
	p := newSetPlan(entries)
	p.networks = found
	return p
}

// planUnchanged notes that the resource keeps what it has.
func (r *defaultGatewaysResource) planUnchanged(ctx context.Context, m gatewaysModel, diags *diag.Diagnostics) {
	pass := r.run.notePlanning(m.planning(), false)
	plan := newSetPlan(m.entries())
	m.advise(plan.entries, diags)
	if r.clashes(ctx, m, r.stays(m, pass.again), diags) || r.loses(ctx, m, pass, false, plan, diags) {
		return
	}
	if r.run.hasPlannedNetworks() {
		networks, err := r.cloudNetworks(ctx)
		if err != nil {
			addRequestError(diags, "Cloud Networks Not Read", err)
			return
		}
		for _, e := range plan.entries {
			plan.networks[e.key] = networks.byID[e.NetworkID.ValueString()]
		}
		r.reportConflicts(ctx, r.overlaps(ctx, m, networks, plan, diags), diags, plan.networkIDs()...)
	}
	if !diags.HasError() {
		diags.Append(r.run.judge(ctx, plan.networkIDs()...)...)
	}
}

// stays notes that the resource keeps its scope, and says what is wrong with that.
func (r *defaultGatewaysResource) stays(m gatewaysModel, again bool) func() (string, clash) {
	return func() (string, clash) { return r.run.planScopeStay(m.key(), again) }
}

// planUpdate notes what the resource makes of its scope.
func (r *defaultGatewaysResource) planUpdate(ctx context.Context, prior, m gatewaysModel, networks *cloudNetworks, plan setPlan, pass planPass, diags *diag.Diagnostics) {
	m.advise(plan.entries, diags)
	if r.clashes(ctx, m, r.stays(m, pass.again), diags) {
		return
	}
	before := newSetPlan(prior.entries())
	if m.Gateways.unknown { // which of them stay, and what becomes of the other networks, is not known
		for id := range before.gateways {
			before.gateways[id] = plannedGateway{}
		}
		if !r.loses(ctx, m, pass, false, before, diags) {
			r.planUncertain(ctx, m.key(), networks, diags)
		}
		return
	}
	for id := range before.gateways {
		if _, stays := plan.gateways[id]; !stays {
			plan.removed[id] = plannedGateway{Removed: true}
		}
	}
	for id, g := range plan.gateways {
		if was, ok := before.gateways[id]; g.Known && (!ok || !was.Settings.Equal(g.Settings)) {
			plan.changed[id] = true
		}
	}
	if r.loses(ctx, m, pass, false, plan, diags) {
		return
	}
	r.reportConflicts(ctx, r.overlaps(ctx, m, networks, plan, diags), diags, plan.networkIDs()...)
	if !diags.HasError() {
		diags.Append(r.run.judge(ctx, plan.networkIDs()...)...)
	}
}

// planCreation notes what the resource makes of its scope, and returns what it replaces there: what replication jobs detected.
func (r *defaultGatewaysResource) planCreation(ctx context.Context, m gatewaysModel, networks *cloudNetworks, plan setPlan, pass planPass, diags *diag.Diagnostics) types.Map {
	none := types.MapNull(types.StringType)
	m.advise(plan.entries, diags)
	if r.clashes(ctx, m, func() (string, clash) { return r.run.planScopeCreation(m.key(), pass.replacesItself()) }, diags) {
		return none
	}
	stored, err := r.gateways.storedIn(ctx, m, time.Time{})
	if err != nil {
		addRequestError(diags, notPlannedSet, err)
		return none
	}
	var specifiedIDs []string
	specified := map[string]*vcc.DefaultGateway{}
	replaces := describeAllDetected(stored)
	for _, g := range stored {
		if g.Origin == vcc.OriginSpecified {
			specifiedIDs, specified[g.NetworkID] = append(specifiedIDs, g.NetworkID), g
			continue
		}
		if _, named := plan.gateways[g.NetworkID]; !named && !m.Gateways.unknown {
			plan.removed[g.NetworkID] = plannedGateway{Removed: true}
		}
	}
	if rest := r.run.notReplaced(specifiedIDs, pass); len(rest) > 0 {
		m.addSpecified(diags, plan, rest, specified)
		return none
	}
	r.adviseOfAdoption(m, plan, stored, diags)
	for id, g := range plan.gateways {
		plan.changed[id] = g.Known
	}
	if r.loses(ctx, m, pass, true, plan, diags) {
		return none
	}
	r.reportConflicts(ctx, r.overlaps(ctx, m, networks, plan, diags), diags, plan.networkIDs()...)
	switch {
	case diags.HasError():
	case m.Gateways.unknown:
		r.planUncertain(ctx, m.key(), networks, diags)
	default:
		diags.Append(r.run.judge(ctx, plan.networkIDs()...)...)
	}
	switch {
	case len(specified) > 0, pass.again, r.run.hasScopeState(m.key()): // what comes back when another one goes is not known
		return types.MapUnknown(types.StringType)
	case len(replaces) == 0:
		return none
	}
	return types.MapValueMust(types.StringType, replaces)
}

// describeDetected describes a detected gateway that a resource takes over or removes. One that comes back has the same text.
func describeDetected(g *vcc.DefaultGateway) string {
	return fmt.Sprintf("%s: %s", g.Origin, describeAddresses(g.GatewaySettings))
}

// readDetected reads what describeDetected wrote. ok says that it did.
func readDetected(text string) (s vcc.GatewaySettings, ok bool) {
	addresses, ok := strings.CutPrefix(text, string(vcc.OriginDetected)+": ")
	for _, family := range strings.Split(addresses, ", ") {
		address, network, _ := strings.Cut(family, " in ")
		a, addressErr := netip.ParseAddr(address)
		p, networkErr := netip.ParsePrefix(network)
		switch {
		case addressErr != nil || networkErr != nil:
			return vcc.GatewaySettings{}, false
		case a.Is4():
			s.IPv4 = &vcc.IPv4Settings{Address: a, PrefixLength: p.Bits()}
		default:
			s.IPv6 = &vcc.IPv6Settings{Address: a, Network: p}
		}
	}
	return s, ok && s.Validate() == nil
}

// describeSpecified describes a gateway that somebody specified, in a list.
func describeSpecified(g *vcc.DefaultGateway) string {
	return fmt.Sprintf("  - %q: by %s on %s (%s)", g.NetworkName, vcc.Printable(g.UpdatedBy), formatTime(g.UpdatedAt), describeAddresses(g.GatewaySettings))
}

// addSpecified refuses a creation over specified gateways.
func (m gatewaysModel) addSpecified(diags *diag.Diagnostics, plan setPlan, ids []string, specified map[string]*vcc.DefaultGateway) {
	same, lines := true, []string{}
	for _, id := range ids {
		g := specified[id]
		planned, named := plan.gateways[id]
		same = same && named && planned.Known && planned.Settings.Equal(g.GatewaySettings)
		lines = append(lines, describeSpecified(g))
	}
	text := fmt.Sprintf("These networks of %s have a default gateway that somebody specified, and a plan takes over nothing that somebody specified:\n\n%s\n\n", scopeName(m.HardwarePlan), vcc.FirstTen(lines, "\n"))
	if same {
		text += "Their settings are those of this configuration: an apply that was interrupted may have made them, or another state. "
	}
	id := m.HardwarePlan
	if id.IsNull() {
		id = m.TenantName
	}
	text += fmt.Sprintf("Nothing was changed. To manage them with this resource, import all of them; \"to\" is the address of this resource:\n\n"+
		"  import {\n    to = vcc_default_gateways.NAME\n    id = %q\n  }\n\n"+
		"The plan then shows what it changes and removes. Where this resource is in the state already and is tainted, apply with -refresh-only instead: Terraform takes note of them. A vcc_default_gateway of this state that has one of them has to be let go, with a removed block that has destroy = false. "+
		"Where another vcc_default_gateways of this state has them and only the address of that changed, say so with a moved block. "+
		"With create_before_destroy no resource can replace itself on its own networks; if that left a deposed object, take the resource out of the state with `state rm` before the import.", id.ValueString())
	at := path.Root("gateways")
	if len(ids) == 1 {
		for _, e := range plan.entries {
			if e.NetworkID.ValueString() == ids[0] {
				at = e.at()
			}
		}
	}
	diags.AddAttributeError(at, "Default Gateways Specified Already", fmt.Sprintf("%s: %s", at, text))
}

// adviseOfAdoption says what of detected gateways the configuration does not keep.
func (r *defaultGatewaysResource) adviseOfAdoption(m gatewaysModel, plan setPlan, stored []*vcc.DefaultGateway, diags *diag.Diagnostics) {
	var lines []string
	for _, g := range stored {
		if g.Origin != vcc.OriginDetected {
			continue
		}
		line := fmt.Sprintf("  - %q (%s): ", g.NetworkName, describeAddresses(g.GatewaySettings))
		switch planned, named := plan.gateways[g.NetworkID]; {
		case !named && m.Gateways.unknown || named && !planned.Known:
			line += "what of it stays is not known before the apply"
		case !named:
			line += "it is removed, because the configuration does not name this network"
		default:
			line += "the configuration keeps all of it"
			if dropped := droppedSettings(g.GatewaySettings, planned.Settings); dropped != "" {
				line = strings.TrimSuffix(line, "the configuration keeps all of it") + "the configuration does not keep " + dropped
			}
		}
		lines = append(lines, line)
	}
	if len(lines) > 0 {
		diags.AddWarning("Adopts Detected Gateways", fmt.Sprintf(
			"Replication jobs detected default gateways for networks of %s, and this resource takes their place:\n\n%s\n\nWhen this resource is destroyed, what was detected comes back.",
			scopeName(m.HardwarePlan), vcc.FirstTen(lines, "\n")))
	}
}

// advise warns about what is allowed and may not be meant.
func (m gatewaysModel) advise(entries []setEntry, diags *diag.Diagnostics) {
	var lines []string
	var first diag.Diagnostic
	for _, e := range entries {
		if e.IPv6.IsNull() || e.IPv6.IsUnknown() {
			continue
		}
		var found diag.Diagnostics
		e.gatewayModel.advise(&found)
		for _, d := range found {
			if first == nil {
				first = e.within(d)
			}
			lines = append(lines, "  - "+e.within(d).Detail())
		}
	}
	switch len(lines) {
	case 0:
	case 1:
		diags.Append(first)
	default:
		diags.AddAttributeWarning(path.Root("gateways"), first.Summary(), vcc.FirstTen(lines, "\n"))
	}
}

// planUncertain notes that the networks of a scope may have any gateway then: which is not known.
func (r *defaultGatewaysResource) planUncertain(ctx context.Context, key string, networks *cloudNetworks, diags *diag.Diagnostics) {
	var ids []string
	for i := range networks.all {
		if n := &networks.all[i]; inScope(key, n.HardwarePlanName) {
			ids = append(ids, n.ID)
		}
	}
	r.run.planUncertain(ids)
	diags.Append(r.run.judge(ctx, ids...)...)
}

// loses notes what the resource makes of its networks, and refuses to lose gateways to the removal of another one. It reports
// whether it would.
func (r *defaultGatewaysResource) loses(ctx context.Context, m gatewaysModel, pass planPass, creating bool, plan setPlan, diags *diag.Diagnostics) bool {
	lost := r.run.planSet(m.planning(), pass, creating, plan.gateways, plan.removed)
	if len(lost) > 0 {
		at := path.Root("gateways")
		diags.AddAttributeError(at, twoSets, fmt.Sprintf("%s: this plan removes another vcc_default_gateways, which has the gateways of %s: the removal would take them away from this one. %s",
			at, r.networkNames(ctx, lost), lettingGoOfSet))
	}
	return len(lost) > 0
}

// lettingGoOfSet is how the networks of a vcc_default_gateways go over to other resources.
const lettingGoOfSet = "Let go of the vcc_default_gateways that is removed, with a removed block that has destroy = false, which writes nothing, or with `state rm`; " +
	"and import what it has into the resources that are new, in the same apply."

// networkNames quotes the names of networks, in their order.
func (c *connection) networkNames(ctx context.Context, ids []string) string {
	names := slices.Clone(ids)
	if networks, err := c.cloudNetworks(ctx); err == nil {
		for i, id := range ids {
			names[i] = networks.name(id)
		}
	}
	slices.Sort(names)
	return vcc.QuoteNames(names)
}

// planRemoval notes that the resource goes. successor is the one that takes its place, nil for none, and next what that is planned to have.
func (r *defaultGatewaysResource) planRemoval(ctx context.Context, prior gatewaysModel, successor *gatewaysModel, next setPlan, diags *diag.Diagnostics) {
	if r.connection == nil {
		return
	}
	stored, err := r.gateways.storedIn(ctx, prior, time.Time{})
	if err != nil {
		addRequestError(diags, notPlannedSet, err)
		return
	}
	if r.run.planScopeRemoval(prior.key()) == clashRemoval {
		diags.AddError(twoSets, fmt.Sprintf("This plan removes one vcc_default_gateways of %s and keeps or creates another: the removal would take the gateways away from both. %s",
			scopeName(prior.HardwarePlan), letGoInstead("a gateway")))
		return
	}
	plan := newSetPlan(prior.entries())
	for id := range plan.gateways {
		plan.removed[id] = plannedGateway{Removed: true}
	}
	for _, g := range stored {
		if _, ours := plan.removed[g.NetworkID]; ours && g.Detected != nil {
			plan.removed[g.NetworkID] = plannedGateway{Known: true, Settings: *g.Detected, Returns: true}
		}
	}
	plan.gateways = nil
	if successor != nil { // which Terraform plans once this call is over
		for id := range plan.removed {
			if g, ok := next.gateways[id]; ok {
				plan.removed[id] = g
			} else if successor.Gateways.unknown {
				plan.removed[id] = plannedGateway{}
			}
		}
	}
	networks, err := r.cloudNetworks(ctx)
	if err != nil {
		addRequestError(diags, notPlannedSet, err)
		return
	}
	restored := r.restored(prior, plan.removed, stored, successor, networks)
	back := map[string]vcc.GatewaySettings{}
	for _, left := range []map[string]plannedGateway{plan.removed, restored} {
		for id, g := range left {
			if !g.Returns {
				continue
			}
			// What is in its way and not in that of the plan goes, before it or after it.
			blocked, err := r.cannotComeBack(ctx, id, g.Settings, plan.removed)
			if err != nil {
				addRequestError(diags, notPlannedSet, err)
				return
			}
			if g.Uncertain = g.Uncertain || blocked; !blocked {
				back[id] = g.Settings
			}
			left[id] = g
		}
	}
	planOf := func(id string) string { return networks.byID[id].HardwarePlanName }
	if kept := r.run.planSetRemoval(plan.removed, restored, planOf); len(kept) > 0 {
		diags.AddError(twoSets, fmt.Sprintf("This plan removes the vcc_default_gateways of %s, and other resources of this configuration have the gateways of %s: the removal would take them away from those. %s",
			scopeName(prior.HardwarePlan), r.networkNames(ctx, kept), lettingGoOfSet))
		return
	}
	for _, id := range slices.Sorted(maps.Keys(back)) {
		r.refuseReturn(ctx, id, back[id], "this vcc_default_gateways is removed, the default gateway of "+r.networkNames(ctx, []string{id}), "this resource", diags)
	}
	if !diags.HasError() {
		diags.Append(r.run.judge(ctx, append(plan.networkIDs(), slices.Sorted(maps.Keys(restored))...)...)...)
	}
}

// restored has what comes back when a resource goes that removed what was detected when it was created: by the IDs of networks, other
// than its own, that have nothing now and are not its successor's. For its own networks it is noted in own.
func (r *defaultGatewaysResource) restored(prior gatewaysModel, own map[string]plannedGateway, stored []*vcc.DefaultGateway, successor *gatewaysModel, networks *cloudNetworks) map[string]plannedGateway {
	has := make(map[string]bool, len(stored))
	for _, g := range stored {
		has[g.NetworkID] = true
	}
	restored := map[string]plannedGateway{}
	for name, text := range prior.replaced() {
		n := networks.named(name)
		if n == nil || successor != nil && inScope(successor.key(), n.HardwarePlanName) {
			continue
		}
		back := plannedGateway{} // of a text that somebody edited there is no telling
		if settings, ok := readDetected(text); ok {
			back = plannedGateway{Known: true, Settings: settings, Returns: true, Uncertain: true} // the backend may have forgotten it
		}
		left, ours := own[n.ID]
		switch {
		case ours && left.Removed:
			own[n.ID] = back
		case !ours && !has[n.ID]:
			restored[n.ID] = back
		}
	}
	return restored
}

const twoSets = "Two Resources for the Same Cloud Networks"

// clashes notes the resource's scope, and refuses another resource that has networks of it. It reports whether there is one.
func (r *defaultGatewaysResource) clashes(ctx context.Context, m gatewaysModel, note func() (other string, found clash), diags *diag.Diagnostics) bool {
	at := path.Root("gateways")
	if !m.HardwarePlan.IsNull() {
		at = path.Root("hardware_plan")
	}
	switch other, found := note(); {
	case found == noClash:
	case found == clashRemoval:
		diags.AddAttributeError(at, twoSets, fmt.Sprintf("%s: this plan removes another vcc_default_gateways of %s, and that would take the gateways away from this one. %s",
			at, scopeName(m.HardwarePlan), letGoInstead("a gateway")))
	case other == m.key():
		diags.AddAttributeError(at, twoSets, fmt.Sprintf("%s: another vcc_default_gateways of this configuration has the gateways of %s, too, and each says what all of them are. Remove one of the two.", at, scopeName(m.HardwarePlan)))
	default:
		wide := other
		if other == allPlans {
			wide = m.HardwarePlan.ValueString()
		}
		diags.AddAttributeError(at, twoSets, fmt.Sprintf("%s: two vcc_default_gateways of this configuration have the gateways of hardware plan %q: one that is for this plan, and one that is for all plans, because it has no hardware_plan. "+
			"Remove one of the two, or give the second one another hardware_plan.", at, wide))
	}
	if singles := r.run.singlesIn(m.key()); len(singles) > 0 && !diags.HasError() {
		diags.AddAttributeError(at, twoSets, fmt.Sprintf("%s: this resource has the gateways of all networks of %s, and this configuration or its state has a vcc_default_gateway for %s. "+
			"Remove that: write the gateway into gateways here, take the resource out of the configuration, and let go of it with a removed block that has destroy = false, which writes nothing.",
			at, scopeName(m.HardwarePlan), r.networkNames(ctx, singles)))
	}
	return diags.HasError()
}

// addInSet refuses a vcc_default_gateway for a network that a vcc_default_gateways has, or loses when it is removed.
func addInSet(diags *diag.Diagnostics, at path.Path, network string, found clash) {
	if found == clashRemoval {
		diags.AddAttributeError(at, twoSets, fmt.Sprintf("%s: this plan removes a vcc_default_gateways, which has the gateway of %q: the removal would take it away from this resource. %s", at, network, lettingGoOfSet))
		return
	}
	diags.AddAttributeError(at, twoSets, fmt.Sprintf(
		"%s: a vcc_default_gateways of this configuration has the gateways of all networks of the hardware plan, that of %q among them. Write the gateway there and remove this resource; "+
			"where the state has it, let go of it with a removed block that has destroy = false, which writes nothing.", at, network))
}

// addRemovedFromSet refuses the removal of a vcc_default_gateway whose network a vcc_default_gateways has.
func addRemovedFromSet(diags *diag.Diagnostics, network string) {
	diags.AddError(twoSets, fmt.Sprintf(
		"This plan removes the vcc_default_gateway of %q, whose gateway a vcc_default_gateways of this configuration has: the removal would take it away from that. "+
			"Let go of the resource without removing the gateway: with a removed block that has destroy = false, or with `state rm`.", network))
}

// overlaps refuses IP networks that another gateway on the same appliance is planned to have (D12), and
// returns conflicts for those that a stored one outside the scope has.
func (r *defaultGatewaysResource) overlaps(ctx context.Context, m gatewaysModel, networks *cloudNetworks, plan setPlan, diags *diag.Diagnostics) (conflicts []*conflict) {
	if diags.HasError() || r.run.isApplying() {
		return nil // an apply is decided by the backend
	}
	var placed []vcc.PlacedGateway
	var of []setEntry
	for _, e := range plan.entries {
		n := plan.networks[e.key]
		if planned := plan.gateways[e.NetworkID.ValueString()]; planned.Known && n != nil {
			placed = append(placed, vcc.PlacedGateway{HostID: n.HostID, NetworkGateway: vcc.NetworkGateway{NetworkID: n.ID, GatewaySettings: planned.Settings}})
			of = append(of, e)
		}
	}
	found := vcc.FindOverlaps(placed)
	for i, o := range found {
		if i == vcc.MaxListed {
			diags.AddAttributeError(path.Root("gateways"), notPlannedSet, fmt.Sprintf("gateways: There are %d more overlaps like these.", len(found)-i))
			break
		}
		other := of[o.First]
		e := vcc.Errors(vcc.CheckOverlap(placed[o.Second].GatewaySettings, []vcc.DefaultGateway{{NetworkID: placed[o.First].NetworkID, NetworkName: other.key, GatewaySettings: placed[o.First].GatewaySettings}}))[0]
		at := of[o.Second].at().AtName(e.Field)
		diags.AddAttributeError(at, notPlannedSet, fmt.Sprintf("%s: %s", at, withFullStop(e.Message)))
	}
	if len(found) > 0 {
		return nil
	}
	listing, err := r.gateways.listing(ctx, time.Time{})
	if err != nil {
		addRequestError(diags, notPlannedSet, err)
		return nil
	}
	for i, g := range placed {
		changed := plan.changed[g.NetworkID]
		if changed {
			r.run.planNetworks(g.HostID, g.NetworkID, g.GatewaySettings)
		}
		add := func(other vcc.DefaultGateway, report func(at path.Path, text string)) {
			for _, e := range vcc.Errors(r.plannedOverlap(g.GatewaySettings, other)) {
				report(of[i].at().AtName(e.Field), withFullStop(e.Message))
			}
		}
		if other, theirs := r.run.settledOverlap(ctx, g.HostID, g.NetworkID, g.GatewaySettings); other != "" {
			add(vcc.DefaultGateway{NetworkID: other, NetworkName: networks.name(other), GatewaySettings: theirs}, func(at path.Path, text string) {
				diags.AddAttributeError(at, notPlannedSet, fmt.Sprintf("%s: %s", at, text))
			})
			return nil
		}
		if !changed {
			continue
		}
		settings := g.GatewaySettings
		for _, other := range r.stored.overlapping(listing.gateways, networks.host, g.HostID, g.NetworkID, settings) {
			if inScope(m.key(), other.HardwarePlanName) {
				continue // this plan decides what that becomes
			}
			add(*other, func(at path.Path, text string) {
				conflicts = append(conflicts, &conflict{networkID: other.NetworkID, settings: &settings, refusal: refusal{g.NetworkID, at.String(), at, notPlannedSet, text}})
			})
		}
	}
	return conflicts
}
