package provider

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// ValidateConfig applies the domain's rules to what is known.
func (r *defaultGatewayResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m gatewayModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(m.check()...)
	if r.connection != nil {
		r.run.noteValidated(referenceIn(req.Config.Raw).key())
	}
}

// referenceIn returns how a configuration names the network of a gateway.
func referenceIn(config tftypes.Value) (ref networkReference) {
	var attributes map[string]tftypes.Value
	if config.As(&attributes) != nil {
		return ref
	}
	read := func(v tftypes.Value) (known *string, unknown bool) {
		var text string
		if v.IsNull() || !v.IsKnown() || v.As(&text) != nil {
			return nil, !v.IsKnown()
		}
		return &text, false
	}
	ref.id, ref.idUnknown = read(attributes["network_id"])
	ref.name, ref.nameUnknown = read(attributes["network_name"])
	return ref
}

// unknownCIDR reports whether the IP network of an object is given and not known yet.
func unknownCIDR(config tftypes.Value, object string) bool {
	var attributes, values map[string]tftypes.Value
	if config.As(&attributes) != nil || !attributes[object].IsKnown() || attributes[object].IsNull() || attributes[object].As(&values) != nil {
		return false
	}
	return !values["cidr"].IsKnown()
}

// ModifyPlan plans what follows from the configuration and from what is stored, and refuses what the
// backend would refuse.
func (r *defaultGatewayResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var prior, m gatewayModel
	creating, removing := req.State.Raw.IsNull(), req.Plan.Raw.IsNull()
	if !creating {
		resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
		if resp.Diagnostics.HasError() || r.connection != nil && r.otherTenant(ctx, &resp.Diagnostics, prior.TenantName) {
			return
		}
	}
	if r.connection != nil {
		r.warnOfOldExport(ctx, &resp.Diagnostics)
	}
	if removing {
		r.planRemoval(ctx, prior, &resp.Diagnostics)
		if r.connection != nil && !resp.Diagnostics.HasError() {
			resp.Diagnostics.Append(r.run.judge(ctx, prior.NetworkID.ValueString())...)
		}
		return
	}
	ref := referenceIn(req.Config.Raw)
	var pass planPass
	if r.connection != nil {
		pass = r.run.notePlanning(ref.key(), creating)
	}
	if !creating && req.Plan.Raw.Equal(req.State.Raw) {
		r.planStay(ctx, ref, prior, prior, pass, &resp.Diagnostics)
		return
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	m = m.withCIDRs(unknownCIDR(req.Config.Raw, "ipv4"), unknownCIDR(req.Config.Raw, "ipv6"))
	resp.Diagnostics.Append(m.check()...) // values that ignore_changes kept are in no configuration
	if resp.Diagnostics.HasError() {
		return
	}
	network := r.resolve(ctx, ref, prior, creating, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	replacing := !creating && (network == nil || network.ID != prior.NetworkID.ValueString())
	switch {
	case network != nil:
		m = m.withNetwork(network, ref)
		if creating || replacing {
			m.TenantName = r.tenantName(ctx, &resp.Diagnostics)
		} else {
			m.TenantName = prior.TenantName
		}
	case replacing:
		m.ID, m.HardwarePlanName, m.TenantName = types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
	}
	switch {
	case !creating && !replacing:
		m.Replaces = prior.Replaces
		r.planStay(ctx, ref, prior, m, pass, &resp.Diagnostics)
	case replacing: // Terraform plans it again at once, and what it makes of both networks is judged then
		resp.RequiresReplace = append(resp.RequiresReplace, path.Root("network_id"))
		r.planRemoval(ctx, prior, &resp.Diagnostics)
		m.Replaces = types.StringUnknown()
		// What Terraform shows of warnings are those of its first planning; the second one refuses.
		m.advise(&resp.Diagnostics)
		if r.connection != nil {
			r.run.noteMoving(ref.key(), prior.NetworkID.ValueString())
		}
		if r.connection != nil && network != nil {
			r.adviseOfAdoption(m, r.storedFor(ctx, network.ID, &resp.Diagnostics), &resp.Diagnostics)
		}
	case network != nil:
		m.advise(&resp.Diagnostics)
		m.Replaces = r.planCreation(ctx, ref, m, network, pass, &resp.Diagnostics)
	default:
		m.advise(&resp.Diagnostics)
		if r.connection != nil {
			r.run.planUnplaced(unplacedGateway)
			resp.Diagnostics.Append(r.run.judge(ctx, unplacedGateway)...)
		}
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, m)...)
}

// withNetwork returns a gateway with what follows from its network. What the configuration says is said there already.
func (m gatewayModel) withNetwork(n *vcc.Network, ref networkReference) gatewayModel {
	m.ID, m.HardwarePlanName = types.StringValue(n.ID), types.StringValue(n.HardwarePlanName)
	if ref.id == nil && !ref.idUnknown {
		m.NetworkID = m.ID
	}
	if ref.name == nil && !ref.nameUnknown {
		m.NetworkName = types.StringValue(n.Name)
	}
	return m
}

// resolve returns the network that a configuration names, nil where that is not known yet. Where it is the
// one that the resource has already, only what the state says of it is returned, and nothing is asked.
func (r *defaultGatewayResource) resolve(ctx context.Context, ref networkReference, prior gatewayModel, creating bool, diags *diag.Diagnostics) *vcc.Network {
	if ref.id == nil && ref.name == nil {
		return nil
	}
	// The names in a state that an earlier release wrote are those of its time.
	named := prior.TenantName.ValueString() != ""
	if !creating && (ref.id == nil || *ref.id == prior.NetworkID.ValueString()) &&
		(ref.name == nil || named && vcc.SameName(*ref.name, prior.NetworkName.ValueString())) {
		return &vcc.Network{
			ID: prior.NetworkID.ValueString(), Name: prior.NetworkName.ValueString(), HardwarePlanName: prior.HardwarePlanName.ValueString(),
		}
	}
	if r.connection == nil {
		return nil
	}
	networks, err := r.cloudNetworks(ctx)
	if err != nil {
		addRequestError(diags, "Cloud Networks Not Read", err)
		return nil
	}
	return networks.find(ref, diags)
}

const (
	twoResources = "Two Resources for One Cloud Network"
	notPlanned   = "Default Gateway Not Planned"
)

// planRemoval notes that the resource goes. The caller has it judged.
func (r *defaultGatewayResource) planRemoval(ctx context.Context, prior gatewayModel, diags *diag.Diagnostics) {
	if r.connection == nil {
		return
	}
	id := prior.NetworkID.ValueString()
	if r.run.noteSingle(id, prior.HardwarePlanName.ValueString()) == clashBoth {
		addRemovedFromSet(diags, prior.NetworkName.ValueString())
		return
	}
	stored := r.storedFor(ctx, id, diags)
	if diags.HasError() {
		return
	}
	left := plannedGateway{Removed: true}
	if stored != nil && stored.Detected != nil {
		blocked, err := r.cannotComeBack(ctx, id, *stored.Detected, nil)
		if err != nil {
			addRequestError(diags, notPlanned, err)
			return
		}
		if left = (plannedGateway{}); !blocked { // else it comes back only if what is in its way goes first
			left = plannedGateway{Known: true, Settings: *stored.Detected}
		}
	}
	if r.run.planRemoval(id, left) == clashRemoval {
		addRemovalClash(diags, prior)
		return
	}
	if left.Known {
		name := prior.NetworkName.ValueString()
		r.refuseReturn(ctx, id, left.Settings, fmt.Sprintf("the default gateway of %q is removed, the one", name), fmt.Sprintf("the resource of %q", name), diags)
	}
}

// cannotComeBack reports whether what was detected for a network overlaps a gateway that is stored for another one (D12), which
// is not one of those that are removed with it. A removal then leaves nothing.
func (c *connection) cannotComeBack(ctx context.Context, networkID string, detected vcc.GatewaySettings, removed map[string]plannedGateway) (bool, error) {
	networks, err := c.cloudNetworks(ctx)
	if err != nil {
		return false, err
	}
	n := networks.byID[networkID]
	if n == nil {
		return false, nil
	}
	listing, err := c.gateways.listing(ctx, time.Time{})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(c.stored.overlapping(listing.gateways, networks.host, n.HostID, networkID, detected), func(g *vcc.DefaultGateway) bool {
		_, goes := removed[g.NetworkID]
		return !goes
	}), nil
}

// refuseReturn refuses that a removal brings back what was detected for a network, where the plan has another gateway with an
// IP network that overlaps it (D12). what says what goes and what comes back, keep which resource has to stay instead.
func (c *connection) refuseReturn(ctx context.Context, networkID string, detected vcc.GatewaySettings, what, keep string, diags *diag.Diagnostics) {
	if c.run.isApplying() {
		return // an apply is decided by the backend, one write after the other
	}
	networks, err := c.cloudNetworks(ctx)
	if err != nil {
		addRequestError(diags, notPlanned, err)
		return
	}
	n := networks.byID[networkID]
	if n == nil {
		return
	}
	c.run.planNetworks(n.HostID, networkID, detected)
	other, theirs := c.run.settledOverlap(ctx, n.HostID, networkID, detected)
	if other == "" || !c.run.comesBack(networkID) || c.run.comesBack(other) {
		return
	}
	err = vcc.CheckOverlap(detected, []vcc.DefaultGateway{{NetworkID: other, NetworkName: networks.name(other), GatewaySettings: theirs}})
	diags.AddError(notPlanned, fmt.Sprintf("When %s comes back that a replication job had detected (%s). But %s "+
		"Keep %s, or give the other network another range.", what, describeAddresses(detected), withFullStop(vcc.Errors(err)[0].Message), keep))
}

func addRemovalClash(diags *diag.Diagnostics, m gatewayModel) {
	diags.AddError(twoResources, fmt.Sprintf(
		"This plan removes one vcc_default_gateway of %q (%s) and keeps another: the removal would take the gateway away from both. %s",
		m.NetworkName.ValueString(), m.NetworkID.ValueString(), letGoInstead("the gateway")))
}

// letGoInstead says how to have one resource in place of two without removing what both have.
func letGoInstead(both string) string {
	return fmt.Sprintf("Where only the address of the resource changed, use a moved block instead of importing it again; "+
		"to let go of one of the two without removing %s, take it out of the state with `state rm`, or with a removed block that has destroy = false.", both)
}

// planStay notes that the resource keeps its network, and refuses IP networks that another gateway has or will have.
func (r *defaultGatewayResource) planStay(ctx context.Context, ref networkReference, prior, m gatewayModel, pass planPass, diags *diag.Diagnostics) {
	m.advise(diags)
	if r.connection == nil {
		return
	}
	planned := m.planned()
	id := m.NetworkID.ValueString()
	if found := r.run.noteSingle(id, m.HardwarePlanName.ValueString()); found != noClash {
		addInSet(diags, ref.attribute(), m.NetworkName.ValueString(), found)
		return
	}
	switch r.run.planStay(id, planned, pass.again) {
	case clashBoth:
		addBothClash(diags, ref.attribute(), m)
		return
	case clashRemoval:
		addRemovalClash(diags, m)
		return
	case noClash:
	}
	var conflicts []*conflict
	if planned.Known {
		before := prior.planned()
		changed := !planned.Settings.Equal(before.Settings)
		if changed || r.run.hasPlannedNetworks() {
			conflicts = r.overlap(ctx, m, planned, changed, diags)
		}
	}
	r.reportConflicts(ctx, conflicts, diags, id)
	if !diags.HasError() {
		diags.Append(r.run.judge(ctx, id)...)
	}
}

func addBothClash(diags *diag.Diagnostics, at path.Path, m gatewayModel) {
	diags.AddAttributeError(at, twoResources, fmt.Sprintf(
		"%s: another vcc_default_gateway of this configuration is for %q (%s), too, and a network has one gateway. Remove one of the two, or give it another network.",
		at, m.NetworkName.ValueString(), m.NetworkID.ValueString()))
}

// storedFor returns what is stored for a network, nil for nothing.
func (r *defaultGatewayResource) storedFor(ctx context.Context, networkID string, diags *diag.Diagnostics) *vcc.DefaultGateway {
	g, err := r.gateways.stored(ctx, networkID, r.run.isApplying())
	if err != nil {
		addRequestError(diags, notPlanned, err)
	}
	return g
}

// planCreation notes that the resource is created for a network, and returns what it replaces there.
func (r *defaultGatewayResource) planCreation(ctx context.Context, ref networkReference, m gatewayModel, n *vcc.Network, pass planPass, diags *diag.Diagnostics) (replaces types.String) {
	planned, id := m.planned(), n.ID
	if found := r.run.noteSingle(id, n.HardwarePlanName); found != noClash {
		addInSet(diags, ref.attribute(), n.Name, found)
		return types.StringNull()
	}
	if r.run.planCreation(n.ID, planned, pass.replacesItself()) != noClash {
		addBothClash(diags, ref.attribute(), m)
		return types.StringNull()
	}
	h, unlock, err := r.run.lockGateway(ctx, n.ID)
	if err != nil {
		addRequestError(diags, notPlanned, err)
		return types.StringNull()
	}
	stored := h.removedGateway // what a removal of this apply took away is what the plan saw
	if stored == nil {
		if stored = r.storedFor(ctx, n.ID, diags); stored != nil && stored.Origin == vcc.OriginSpecified {
			h.creationPlanned = true
		}
	}
	taken := h.removedGateway != nil
	unlock()
	if stored != nil && stored.Origin == vcc.OriginDetected && r.run.isApplying() {
		revision, err := r.run.cameBack(ctx, n.Name)
		if err != nil {
			addRequestError(diags, notPlanned, err)
			return types.StringNull()
		}
		if revision == stored.Revision {
			stored = nil // as the plan saw it
		}
	}
	if diags.HasError() {
		return types.StringNull()
	}
	var conflicts []*conflict
	switch {
	case stored == nil:
		replaces = types.StringNull()
	case stored.Origin == vcc.OriginDetected:
		replaces = types.StringValue(describeReplaced(stored))
		r.adviseOfAdoption(m, stored, diags)
	default:
		replaces = types.StringValue(describeReplaced(stored))
		if !taken {
			conflicts = append(conflicts, &conflict{networkID: n.ID, refusal: refusal{n.ID, "", ref.attribute(), "Default Gateway Specified Already", specifiedAlready(stored, planned)}})
		}
	}
	if planned.Known {
		conflicts = append(conflicts, r.overlap(ctx, m, planned, true, diags)...)
	}
	r.reportConflicts(ctx, conflicts, diags, n.ID)
	if !diags.HasError() {
		diags.Append(r.run.judge(ctx, append(slices.Clone(pass.gives), id)...)...)
	}
	return replaces
}

// reportConflicts adds an error for those conflicts of the resource that has these networks that no other resource resolves.
func (c *connection) reportConflicts(ctx context.Context, conflicts []*conflict, diags *diag.Diagnostics, networkIDs ...string) {
	if diags.HasError() {
		return
	}
	confirmed, err := c.run.checkConflicts(ctx, conflicts)
	if err != nil {
		addRequestError(diags, notPlanned, err)
		return
	}
	if len(confirmed) == 0 {
		return
	}
	for _, d := range confirmed {
		if d.settings == nil && c.run.refuse(ctx, d.networkID) != nil {
			break // the call is being stopped
		}
	}
	var others []string // of resources that were planned before, and did not wait
	for i, d := range confirmed {
		refused := d.refusal
		switch {
		case i == vcc.MaxListed:
			others = append(others, fmt.Sprintf("There are %d more networks like these.", len(confirmed)-i))
		case slices.Contains(networkIDs, refused.networkID):
			diags.AddAttributeError(refused.attribute, refused.summary, fmt.Sprintf("%s: %s", refused.attribute, refused.detail))
			continue
		case refused.of == "":
			others = append(others, refused.detail)
		default:
			others = append(others, fmt.Sprintf("%s: %s", refused.of, refused.detail))
		}
		if i == vcc.MaxListed {
			break
		}
	}
	if len(others) > 0 {
		diags.AddError(confirmed[0].refusal.summary, strings.Join(others, "\n\n"))
	}
}

// overlap refuses IP networks that another gateway on the same appliance is planned to have (D12), and
// returns conflicts for those that a stored one has. changed says that this gateway has others now.
func (r *defaultGatewayResource) overlap(ctx context.Context, m gatewayModel, planned plannedGateway, changed bool, diags *diag.Diagnostics) (conflicts []*conflict) {
	settings := planned.Settings
	if r.run.isApplying() || len(settings.Networks()) == 0 {
		return nil // an apply is decided by the backend, one write after the other
	}
	networks, err := r.cloudNetworks(ctx)
	if err != nil {
		addRequestError(diags, notPlanned, err)
		return nil
	}
	id := m.NetworkID.ValueString()
	n := networks.byID[id]
	if n == nil {
		return nil // gone, which the backend says
	}
	if changed {
		r.run.planNetworks(n.HostID, id, settings)
	}
	if other, theirs := r.run.settledOverlap(ctx, n.HostID, id, settings); other != "" {
		addFieldErrors(diags, notPlanned, r.plannedOverlap(settings, vcc.DefaultGateway{NetworkID: other, NetworkName: networks.name(other), GatewaySettings: theirs}))
		return nil
	}
	if !changed {
		return nil
	}
	listing, err := r.gateways.listing(ctx, time.Time{})
	if err != nil {
		addRequestError(diags, notPlanned, err)
		return nil
	}
	for _, g := range r.stored.overlapping(listing.gateways, networks.host, n.HostID, id, settings) {
		for _, e := range vcc.Errors(vcc.CheckOverlap(settings, []vcc.DefaultGateway{*g})) {
			conflicts = append(conflicts, &conflict{networkID: g.NetworkID, settings: &settings, refusal: refusal{n.ID, strconv.Quote(n.Name), attributePath(e.Field), notPlanned, withFullStop(e.Message)}})
		}
	}
	return conflicts
}

// plannedOverlap is CheckOverlap with another gateway as it is planned. It says so where that comes back.
func (c *connection) plannedOverlap(settings vcc.GatewaySettings, other vcc.DefaultGateway) error {
	err := vcc.CheckOverlap(settings, []vcc.DefaultGateway{other})
	if c.run.comesBack(other.NetworkID) {
		for _, e := range vcc.Errors(err) {
			e.Message += ". That one had been detected, and comes back because this plan removes the resource that took its place"
		}
	}
	return err
}

// adviseOfAdoption says what of a detected gateway the configuration does not keep.
func (r *defaultGatewayResource) adviseOfAdoption(m gatewayModel, stored *vcc.DefaultGateway, diags *diag.Diagnostics) {
	if stored == nil || stored.Origin != vcc.OriginDetected {
		return
	}
	const summary = "Adopts a Detected Gateway"
	found := fmt.Sprintf("A replication job detected a default gateway for %q (%s), and this resource takes its place.", stored.NetworkName, describeAddresses(stored.GatewaySettings))
	planned := m.planned()
	if !planned.Known {
		diags.AddWarning(summary, found+" What of it stays is not known before the apply.")
		return
	}
	kept := " The configuration keeps all of it."
	if dropped := droppedSettings(stored.GatewaySettings, planned.Settings); dropped != "" {
		kept = " The configuration does not keep " + dropped + "."
	}
	diags.AddWarning(summary, found+kept+" When this resource is destroyed, what was detected comes back.")
}

// describeReplaced describes a stored gateway that a resource takes over. The text is another one after every change.
func describeReplaced(g *vcc.DefaultGateway) string {
	return fmt.Sprintf("%s by %s, revision %d: %s", g.Origin, g.UpdatedBy, g.Revision, describeAddresses(g.GatewaySettings))
}

// specifiedAlready refuses a creation over a specified gateway.
func specifiedAlready(g *vcc.DefaultGateway, planned plannedGateway) string {
	text := fmt.Sprintf("%q has a default gateway that was specified by %s on %s (%s), and a plan takes over nothing that somebody specified.",
		g.NetworkName, g.UpdatedBy, formatTime(g.UpdatedAt), describeAddresses(g.GatewaySettings))
	if planned.Known && g.GatewaySettings.Equal(planned.Settings) {
		text += " Its settings are those of this configuration: an apply that was interrupted may have made it, or another state."
	}
	return text + importInstead("vcc_default_gateway", g.NetworkID, "network")
}

// importInstead says how to manage what is there already and this resource would make; own is what nothing else can have.
func importInstead(resource, id, own string) string {
	return fmt.Sprintf(" Nothing was changed. To manage it with this resource, import it; \"to\" is the address of this resource:\n\n"+
		"  import {\n    to = %s.NAME\n    id = %q\n  }\n\n"+
		"Where another resource of this state has it and only the address of that changed, say so with a moved block. "+
		"With create_before_destroy no resource can replace itself on its own %s; if that left a deposed object, take the resource out of the state with `state rm` before the import.", resource, id, own)
}
