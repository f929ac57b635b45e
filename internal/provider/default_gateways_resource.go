package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func (p *vccProvider) newDefaultGatewaysResource() resource.Resource {
	return &defaultGatewaysResource{nested: p.nested}
}

// defaultGatewaysResource is all default gateways of a hardware plan, or of the tenant. They are written by one request,
// whole or not at all.
type defaultGatewaysResource struct {
	*connection
	// nested says that the gateways are nested attributes in the schema, which they are for Terraform. Where the framework is
	// called they are one packed value (see packed_gateways.go).
	nested bool
}

var (
	_ resource.ResourceWithConfigure      = (*defaultGatewaysResource)(nil)
	_ resource.ResourceWithIdentity       = (*defaultGatewaysResource)(nil)
	_ resource.ResourceWithImportState    = (*defaultGatewaysResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*defaultGatewaysResource)(nil)
	_ resource.ResourceWithValidateConfig = (*defaultGatewaysResource)(nil)
)

// gatewaysIdentity is what names the gateways of a scope.
type gatewaysIdentity struct {
	TenantID       types.String `tfsdk:"tenant_id"`
	HardwarePlanID types.String `tfsdk:"hardware_plan_id"`
}

// Metadata names the resource.
func (r *defaultGatewaysResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_default_gateways"
}

// Schema describes the resource.
func (r *defaultGatewaysResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	var gateways schema.Attribute = nestedGateways
	if !r.nested {
		gateways = schema.StringAttribute{Required: true, MarkdownDescription: gatewaysDescription}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "All default gateways of a hardware plan, or of the tenant, in one map that is the truth: a network that is not named has no default gateway. " +
			"They are written by one request, whole or not at all, so that networks can swap their IP networks in one apply. " +
			"Destroying the resource removes the gateways; where it took the place of gateways that replication jobs had detected, those come back.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "ID of the hardware plan, or of the tenant.",
			},
			"hardware_plan": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Name of the hardware plan whose networks these gateways are for; all networks of the tenant when unset. Another plan means another resource.",
			},
			"tenant_name": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Name of the tenant whose networks they are. A provider that acts for another tenant refuses to plan this resource.",
			},
			"replaces": schema.MapAttribute{
				Computed:    true,
				ElementType: types.StringType,
				MarkdownDescription: "The detected gateways that were stored when this resource was planned to be created, by the name of their network: " +
					"they went over to it, or were removed, because `gateways` does not name their network. Null if there were none.",
			},
			"gateways": gateways,
		},
	}
}

const gatewaysDescription = "The gateways, by the name of their cloud network, such as `VMware Silver network 1 (internet)`. Networks that are not named have none. " +
	"The objects have what `vcc_default_gateway` has."

var nestedGateways = schema.MapNestedAttribute{
	Required:            true,
	MarkdownDescription: gatewaysDescription,
	NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
		"network_id": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "ID of the cloud network.",
		},
		"ipv4": ipv4Attribute(nil, nil),
		"ipv6": ipv6Attribute(nil, nil),
	}},
}

// IdentitySchema describes the resource's identity.
func (r *defaultGatewaysResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"tenant_id":        identityschema.StringAttribute{RequiredForImport: true, Description: "ID of the tenant."},
		"hardware_plan_id": identityschema.StringAttribute{OptionalForImport: true, Description: "ID of the hardware plan; none for all of the tenant's."},
	}}
}

// Configure takes the provider's connection.
func (r *defaultGatewaysResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.connection = connectionOf(req.ProviderData, &resp.Diagnostics)
}

// Read takes over what is stored and says who changed it.
func (r *defaultGatewaysResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	const failed = "Default Gateways Not Read"
	var m gatewaysModel
	resp.Diagnostics.Append(m.unpack(ctx, req.State.Get)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if resp.Identity.Raw.IsFullyNull() { // an identity is due whatever the read finds
		resp.Diagnostics.Append(resp.Identity.Set(ctx, m.identity(ctx, req.Private.GetKey))...)
	}
	if r.connection == nil {
		return // the provider's settings are not known yet: Terraform goes on with what it has
	}
	if r.otherTenant(ctx, &resp.Diagnostics, m.TenantName) {
		return
	}
	t, err := r.actingFor(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, "Tenant Not Known", err)
		return
	}
	if m.HardwarePlan.IsNull() && m.ID.ValueString() != t.id {
		resp.Diagnostics.AddWarning("Tenant Made Anew", fmt.Sprintf(
			"The state has the default gateways of the tenant with ID %s, and the backend that the provider uses has none with that ID: it was made anew, or it is another one. "+
				"Terraform forgets those gateways. Those of %q (%s) were not touched.", m.ID.ValueString(), t.name, t.id))
		resp.State.RemoveResource(ctx)
		return
	}
	r.run.noteSetRead(newSetPlan(m.entries()).networkIDs())
	prior := m.seen()
	stored, err := r.gateways.storedIn(ctx, m, time.Time{})
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	if len(stored) == 0 && !m.HardwarePlan.IsNull() {
		networks, err := r.cloudNetworks(ctx)
		if err != nil {
			addRequestError(&resp.Diagnostics, failed, err)
			return
		}
		if !slices.ContainsFunc(networks.all, func(n vcc.Network) bool { return n.HardwarePlanID == m.ID.ValueString() }) {
			resp.Diagnostics.AddWarning("Hardware Plan Gone", fmt.Sprintf(
				"The tenant has no %s (%s) any more, nor its default gateways, and Terraform forgets them: the operator ended the subscription, or the backend was made anew.",
				scopeName(m.HardwarePlan), m.ID.ValueString()))
			resp.State.RemoveResource(ctx)
			return
		}
	}
	r.setIdentity(ctx, m, resp.Identity, resp.Private.SetKey, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	imported := m.Gateways.null
	drift := differing(prior, stored)
	moved := m.toOtherNetworks(stored)
	if !imported && len(drift)+len(moved) == 0 {
		return
	}
	if len(moved) > 0 {
		resp.Diagnostics.AddAttributeWarning(path.Root("gateways"), "Cloud Networks Made Anew",
			"The operator removed these networks and added others with the same names, or the backend was made anew. Somebody gave the new ones the gateways that Terraform saw last:\n\n"+vcc.FirstTen(moved, "\n"))
	}
	if len(drift) > 0 && !imported {
		r.warnOfDrift(ctx, &resp.Diagnostics, prior, drift)
	}
	if len(drift) == 0 && !imported {
		resp.Diagnostics.Append(m.pack(ctx, resp.State.Set)...)
		return
	}
	now := newGatewaysModel(m.ID.ValueString(), m.HardwarePlan, m.TenantName.ValueString(), stored)
	if imported {
		now.TenantName = types.StringValue(t.name)
	} else {
		now.Replaces = m.Replaces
	}
	resp.Diagnostics.Append(now.pack(ctx, resp.State.Set)...)
}

// toOtherNetworks gives the entries the IDs of the networks that have their names, and describes the gateways whose network is not the
// one of the state. Those that are stored no more, or with other settings, are drift.
func (m *gatewaysModel) toOtherNetworks(stored []*vcc.DefaultGateway) (lines []string) {
	now := make(map[string]*vcc.DefaultGateway, len(stored))
	for _, g := range stored {
		now[vcc.NormalName(g.NetworkName)] = g
	}
	m.Gateways.entries = slices.Clone(m.Gateways.entries)
	for i := range m.Gateways.entries {
		e := &m.Gateways.entries[i]
		g := now[vcc.NormalName(e.key)]
		if g == nil || g.NetworkID == e.NetworkID.ValueString() {
			continue
		}
		e.NetworkID = types.StringValue(g.NetworkID)
		if g.GatewaySettings.Equal(e.lastSeen()) {
			lines = append(lines, fmt.Sprintf("  - %s: %s by %s on %s", e.at(), g.Origin, vcc.Printable(g.UpdatedBy), formatTime(g.UpdatedAt)))
		}
	}
	return lines
}

// driftedKey is a network whose stored gateway is not as a state has it.
type driftedKey struct {
	// key is the network's name, in its normal form.
	key string
	// now is what is stored, nil for nothing.
	now *vcc.DefaultGateway
}

// differing lists the networks whose stored gateway is not as it was seen, by their names.
func differing(seen map[string]vcc.GatewaySettings, stored []*vcc.DefaultGateway) (list []driftedKey) {
	there := make(map[string]bool, len(stored))
	for _, g := range stored {
		key := vcc.NormalName(g.NetworkName)
		there[key] = true
		if was, known := seen[key]; !known || !was.Equal(g.GatewaySettings) {
			list = append(list, driftedKey{key, g})
		}
	}
	for key := range seen {
		if !there[key] {
			list = append(list, driftedKey{key, nil})
		}
	}
	slices.SortFunc(list, func(a, b driftedKey) int { return strings.Compare(a.key, b.key) })
	return list
}

// warnOfDrift says who changed gateways since they had the settings that Terraform saw last, key by key.
func (r *defaultGatewaysResource) warnOfDrift(ctx context.Context, diags *diag.Diagnostics, seen map[string]vcc.GatewaySettings, drift []driftedKey) {
	at := path.Root("gateways")
	if len(drift) == 1 {
		at = at.AtMapKey(drift[0].key)
	}
	if text := r.tellDrift(ctx, seen, drift); text != "" {
		diags.AddAttributeWarning(at, "Default Gateways Changed Outside Terraform", "Since Terraform last saw these default gateways:\n\n"+text)
	}
}

// tellDrift tells who changed gateways, for ten keys at most.
func (r *defaultGatewaysResource) tellDrift(ctx context.Context, seen map[string]vcc.GatewaySettings, drift []driftedKey) string {
	var parts []string
	for i, d := range drift {
		if i == vcc.MaxListed {
			parts = append(parts, fmt.Sprintf("and %d more", len(drift)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s:\n%s", path.Root("gateways").AtMapKey(d.key), r.tellChanges(ctx, seen, d)))
	}
	return strings.Join(parts, "\n\n")
}

// tellChanges tells who changed one gateway, as far as the history knows.
func (r *defaultGatewaysResource) tellChanges(ctx context.Context, seen map[string]vcc.GatewaySettings, d driftedKey) string {
	networks, err := r.cloudNetworks(ctx)
	if err != nil {
		return "  - it is another one now"
	}
	n := networks.named(d.key)
	if n == nil {
		return "  - the operator removed the network"
	}
	was, known := seen[d.key]
	history := r.gateways.history
	var changes []vcc.Change
	if known {
		changes, err = history.since(ctx, n.ID, d.now, was)
	} else {
		changes, err = history.of(ctx, n.ID)
	}
	switch {
	case err != nil:
	case known:
		if text := describeChanges(changes, was); text != "" {
			return text
		}
	default: // it had none
		if i := slices.IndexFunc(changes, func(c vcc.Change) bool { return c.Before == nil }); i >= 0 {
			return describeSince(changes, i)
		}
	}
	if d.now == nil {
		return "  - it was removed"
	}
	return fmt.Sprintf("  - now it is %s by %s: %s", d.now.Origin, vcc.Printable(d.now.UpdatedBy), describeAddresses(d.now.GatewaySettings))
}

// Create sets the gateways of a scope that has none but what the plan says it replaces.
func (r *defaultGatewaysResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	const failed = "Default Gateways Not Created"
	var m gatewaysModel
	resp.Diagnostics.Append(m.unpack(ctx, req.Plan.Get)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.ready(ctx, &resp.Diagnostics, failed, types.StringNull()) {
		return
	}
	w := r.newWrite(ctx, m, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	replacing := m.Replaces.IsUnknown()
	if replacing { // what another resource gave up in this apply may have left what was detected
		err := r.run.awaitComebacks(ctx, m.key(), w.networks)
		var stored []*vcc.DefaultGateway
		if err == nil {
			stored, err = r.gateways.storedIn(ctx, m, r.gateways.now())
		}
		if err != nil {
			addRequestError(&resp.Diagnostics, failed, err)
			return
		}
		m.Replaces = types.MapNull(types.StringType)
		if replaces := describeAllDetected(stored); len(replaces) > 0 {
			m.Replaces = types.MapValueMust(types.StringType, replaces)
		}
	}
	replaces := m.replaced()
	outcome, err := r.put(ctx, m, w.set, func(stored []*vcc.DefaultGateway, _ bool) ([]*vcc.DefaultGateway, error) {
		if replacing {
			if err := notGivenUp(m, stored); err != nil {
				return nil, err
			}
		}
		return stored, notReplacedAsPlanned(stored, replaces)
	})
	if err != nil {
		r.addError(ctx, &resp.Diagnostics, failed, w, err)
		return
	}
	m = r.saved(ctx, m, w, outcome, &resp.Diagnostics)
	r.setIdentity(ctx, m, resp.Identity, resp.Private.SetKey, &resp.Diagnostics)
	resp.Diagnostics.Append(m.pack(ctx, resp.State.Set)...)
}

// Update sets the gateways, unless they are no longer those that the plan was made from.
func (r *defaultGatewaysResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	const failed = "Default Gateways Not Updated"
	var m, before gatewaysModel
	resp.Diagnostics.Append(m.unpack(ctx, req.Plan.Get)...)
	resp.Diagnostics.Append(before.unpack(ctx, req.State.Get)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.ready(ctx, &resp.Diagnostics, failed, before.TenantName) {
		return
	}
	prior := before.seen()
	w := r.newWrite(ctx, m, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	outcome, err := r.put(ctx, m, w.set, func(stored []*vcc.DefaultGateway, _ bool) ([]*vcc.DefaultGateway, error) {
		return stored, r.changedSince(ctx, prior, w.wanted, stored, "Plan again to see both sides")
	})
	if err != nil {
		r.addError(ctx, &resp.Diagnostics, failed, w, err)
		return
	}
	m = r.saved(ctx, m, w, outcome, &resp.Diagnostics)
	r.setIdentity(ctx, m, resp.Identity, resp.Private.SetKey, &resp.Diagnostics)
	resp.Diagnostics.Append(m.pack(ctx, resp.State.Set)...)
}

// Delete removes the gateways that the state knows, unless one is no longer what the plan was made from. What had been
// detected before comes back, and what the state does not know stays.
func (r *defaultGatewaysResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	const failed = "Default Gateways Not Removed"
	var m gatewaysModel
	resp.Diagnostics.Append(m.unpack(ctx, req.State.Get)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.ready(ctx, &resp.Diagnostics, failed, m.TenantName) {
		return
	}
	prior, networkIDs := m.seen(), map[string]bool{}
	for _, e := range m.entries() {
		networkIDs[e.NetworkID.ValueString()] = true
	}
	networks, err := r.cloudNetworks(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	set := vcc.GatewaySet{HardwarePlanID: r.scopeID(m), KeepOthers: true, RestoreDetected: true}
	removed := map[string]string{} // by the network's ID, what had been detected and was removed when the resource was created
	for name, text := range m.replaced() {
		if n := networks.named(name); n != nil {
			removed[n.ID] = fmt.Sprintf("%q: %s", n.Name, strings.TrimPrefix(text, string(vcc.OriginDetected)+": "))
		}
	}
	set.RestoreRemoved = slices.Sorted(maps.Keys(removed))
	revisions := map[string]int64{}
	for name := range m.replaced() {
		revisions[name] = 0
	}
	defer func() { r.run.noteComebacks(revisions) }()
	var had []*vcc.DefaultGateway
	outcome, err := r.put(ctx, m, set, func(stored []*vcc.DefaultGateway, old bool) ([]*vcc.DefaultGateway, error) {
		had = slices.DeleteFunc(slices.Clone(stored), func(g *vcc.DefaultGateway) bool {
			_, named := prior[vcc.NormalName(g.NetworkName)]
			return !named || !networkIDs[g.NetworkID] // a network of the same name is another one
		})
		if old && len(had) < len(prior) { // the write leaves alone what it is not told of, so a gateway that is there again would stay
			return nil, errors.New("some of the gateways were not there")
		}
		there := make(map[string]vcc.GatewaySettings, len(had))
		for _, g := range had { // what is gone already is what was wanted
			key := vcc.NormalName(g.NetworkName)
			there[key] = prior[key]
		}
		// Terraform 1.11 plans the removal of a resource that left the configuration with the state from before the refresh,
		// so that planning again is not enough.
		return had, r.changedSince(ctx, there, nil, had,
			"To remove the gateways with what is stored now, let Terraform take note of it first: apply with -refresh-only, then apply again")
	})
	switch vcc.Code(err) {
	case "":
		for _, g := range outcome.Gateways {
			if _, mayReturn := removed[g.NetworkID]; mayReturn && g.Origin == vcc.OriginDetected && slices.Contains(outcome.Changed, g.NetworkID) {
				revisions[vcc.NormalName(g.NetworkName)] = g.Revision
			}
		}
		warnOfNotRestored(had, outcome.Gateways, removed, &resp.Diagnostics)
	case vcc.CodeNotFound:
		// The plan may be gone with its networks, or a single network. The set is written whole or not at all.
		stored, readErr := r.gateways.storedIn(ctx, m, r.gateways.now())
		if readErr != nil || slices.ContainsFunc(stored, func(g *vcc.DefaultGateway) bool { return networkIDs[g.NetworkID] }) {
			addRequestError(&resp.Diagnostics, failed, errors.Join(err, readErr))
		}
	default:
		addRequestError(&resp.Diagnostics, failed, err)
	}
}

// scopeID is the ID of the hardware plan that a model is for, "" for all of the tenant's.
func (r *defaultGatewaysResource) scopeID(m gatewaysModel) string {
	if m.HardwarePlan.IsNull() {
		return ""
	}
	return m.ID.ValueString()
}

// warnOfNotRestored says what had been detected and did not come back. had are the gateways that were removed, now what is stored, and
// removed describes what was removed before, by the network's ID.
func warnOfNotRestored(had []*vcc.DefaultGateway, now []vcc.DefaultGateway, removed map[string]string, diags *diag.Diagnostics) {
	for _, g := range had {
		if g.Detected != nil {
			removed[g.NetworkID] = fmt.Sprintf("%q: %s", g.NetworkName, describeAddresses(*g.Detected))
		}
	}
	for _, g := range now { // be it that, or what somebody specified since
		delete(removed, g.NetworkID)
	}
	var lines []string
	for _, text := range slices.Sorted(maps.Values(removed)) {
		lines = append(lines, "  - "+text)
	}
	if len(lines) > 0 {
		diags.AddWarning("Detected Gateways Not Brought Back", "The gateways were removed. What had been detected did not come back, because it overlaps the IP networks of other gateways by now, or somebody removed it, or its network, since:\n\n"+
			vcc.FirstTen(lines, "\n"))
	}
}

// replaced is what the resource replaced when it was created, by the normal form of the networks' names.
func (m gatewaysModel) replaced() map[string]string {
	replaces := map[string]string{}
	for name, v := range m.Replaces.Elements() {
		if text, ok := v.(types.String); ok {
			replaces[vcc.NormalName(name)] = text.ValueString()
		}
	}
	return replaces
}

// setWrite is what a plan has the backend store.
type setWrite struct {
	set     vcc.GatewaySet
	entries []setEntry
	// wanted are the settings by the normal form of the networks' names.
	wanted map[string]vcc.GatewaySettings
	// networks are those of the entries.
	networks *cloudNetworks
}

// newWrite unpacks a plan, of which every value the user gives is known.
func (r *defaultGatewaysResource) newWrite(ctx context.Context, m gatewaysModel, diags *diag.Diagnostics) setWrite {
	networks, err := r.cloudNetworks(ctx)
	if err != nil {
		addRequestError(diags, "Cloud Networks Not Read", err)
		return setWrite{}
	}
	diags.Append(m.check()...) // the plan may not have known all of it
	m = r.withScope(ctx, m, networks, diags)
	plan := r.newPlan(ctx, m, networks, m.entries(), diags)
	w := setWrite{set: vcc.GatewaySet{HardwarePlanID: r.scopeID(m)}, entries: plan.entries, wanted: make(map[string]vcc.GatewaySettings, len(plan.entries)), networks: networks}
	if diags.HasError() {
		return w
	}
	for _, e := range plan.entries {
		settings, d := e.settings()
		diags.Append(d...)
		w.wanted[vcc.NormalName(e.key)] = settings
		w.set.Gateways = append(w.set.Gateways, vcc.NetworkGateway{NetworkID: e.NetworkID.ValueString(), GatewaySettings: settings})
	}
	return w
}

// mostTries is how often a set is put whose condition others break, where they did nothing that the plan does not know.
const mostTries = 3

// put writes a set on the condition that what check returns of what is stored in the scope, and finds right, is there still.
// Nothing else is replaced. old tells check that what it is given may be some seconds old: it is called again with what is stored now
// if it finds something wrong.
func (r *defaultGatewaysResource) put(ctx context.Context, m gatewaysModel, set vcc.GatewaySet, check func(stored []*vcc.DefaultGateway, old bool) ([]*vcc.DefaultGateway, error)) (outcome vcc.GatewaySetOutcome, lastErr error) {
	for try := range mostTries {
		var after time.Time // the write depends on what was read, so that this may be some seconds old
		if try > 0 {
			after = r.gateways.now()
		}
		stored, err := r.gateways.storedIn(ctx, m, after)
		if err != nil {
			return outcome, err
		}
		if stored, lastErr = check(stored, try == 0); lastErr != nil {
			if try == 0 {
				continue // nothing is refused by what may be old
			}
			return outcome, lastErr
		}
		set.Expected = make(map[string]int64, len(stored))
		for _, g := range stored {
			set.Expected[g.NetworkID] = g.Revision
		}
		outcome, lastErr = retryConflict(ctx, r.run, func() (vcc.GatewaySetOutcome, error) { return r.gateways.putSet(ctx, set, stored) })
		if vcc.Code(lastErr) != vcc.CodePreconditionFailed {
			break
		}
	}
	return outcome, lastErr
}

// changedSince refuses to write over gateways that are not as they were seen, unless they are what is wanted.
func (r *defaultGatewaysResource) changedSince(ctx context.Context, seen, wanted map[string]vcc.GatewaySettings, stored []*vcc.DefaultGateway, advice string) error {
	drift := slices.DeleteFunc(differing(seen, stored), func(d driftedKey) bool {
		want, named := wanted[d.key]
		if d.now == nil {
			return !named
		}
		return named && d.now.GatewaySettings.Equal(want)
	})
	if len(drift) == 0 {
		return nil
	}
	return &vcc.Error{Code: vcc.CodePreconditionFailed, Message: fmt.Sprintf(
		"default gateways were changed after this plan was made:\n\n%s\n\nNothing of that was overwritten, and nothing else was changed: all gateways are as they were. %s",
		r.tellDrift(ctx, seen, drift), advice)}
}

// describeAllDetected describes what a creation replaces, by the networks' names.
func describeAllDetected(stored []*vcc.DefaultGateway) map[string]attr.Value {
	replaces := map[string]attr.Value{}
	for _, g := range stored {
		if g.Origin == vcc.OriginDetected {
			replaces[vcc.NormalName(g.NetworkName)] = types.StringValue(describeDetected(g))
		}
	}
	return replaces
}

// notGivenUp refuses to replace what the resource whose place this one takes should have given up.
func notGivenUp(m gatewaysModel, stored []*vcc.DefaultGateway) error {
	var lines []string
	for _, g := range stored {
		if g.Origin == vcc.OriginSpecified {
			lines = append(lines, describeSpecified(g))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return &vcc.Error{Code: vcc.CodePreconditionFailed, Message: fmt.Sprintf(
		"the plan replaces a resource that has gateways of %s, and these are there still, or were specified since:\n\n%s\n\nNothing was overwritten, and the resource was not created. "+
			"With create_before_destroy no resource can replace itself on its own networks: leave that out of its lifecycle. Otherwise plan again: the plan says what to do about them",
		scopeName(m.HardwarePlan), vcc.FirstTen(lines, "\n"))}
}

// notReplacedAsPlanned refuses a creation that would replace something else than its plan says.
func notReplacedAsPlanned(stored []*vcc.DefaultGateway, replaces map[string]string) error {
	var lines []string
	there := map[string]bool{}
	for _, g := range stored {
		key := vcc.NormalName(g.NetworkName)
		there[key] = true
		if planned, known := replaces[key]; !known {
			lines = append(lines, fmt.Sprintf("%s: the plan found nothing, and now there is one, %s by %s on %s (%s)",
				path.Root("gateways").AtMapKey(key), g.Origin, vcc.Printable(g.UpdatedBy), formatTime(g.UpdatedAt), describeAddresses(g.GatewaySettings)))
		} else if now := describeDetected(g); now != planned {
			lines = append(lines, fmt.Sprintf("%s: the plan replaces what was %s; now it is %s, by %s on %s",
				path.Root("gateways").AtMapKey(key), planned, now, vcc.Printable(g.UpdatedBy), formatTime(g.UpdatedAt)))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(replaces)) {
		if !there[key] {
			lines = append(lines, fmt.Sprintf("%s: the plan replaces what was %s; now nothing is stored", path.Root("gateways").AtMapKey(key), replaces[key]))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return &vcc.Error{Code: vcc.CodePreconditionFailed, Message: fmt.Sprintf(
		"default gateways were changed after this plan was made:\n\n%s\n\nNothing was overwritten, and the resource was not created. Plan again: the plan says what to do about it", vcc.FirstTen(lines, "\n"))}
}

// addError adds the error of a write, at the key that it is about.
func (r *defaultGatewaysResource) addError(ctx context.Context, diags *diag.Diagnostics, failed string, w setWrite, err error) {
	code := vcc.Code(err)
	if settingNames.Advice(err) != "" || code != vcc.CodeInvalidValue && code != vcc.CodeConflict {
		addRequestError(diags, failed, err)
		return
	}
	for _, e := range vcc.Errors(err) {
		var i int
		var field string
		if n, _ := fmt.Sscanf(e.Field, "gateways[%d].%s", &i, &field); n != 2 || i >= len(w.entries) {
			addFieldErrors(diags, failed, e)
			continue
		}
		at := w.entries[i].below(attributePath(field))
		diags.AddAttributeError(at, failed, fmt.Sprintf("%s: %s Nothing was written.", at, withFullStop(e.Message)))
	}
}

// saved is what a state says of what was stored: what the plan knew as the plan had it.
func (r *defaultGatewaysResource) saved(ctx context.Context, m gatewaysModel, w setWrite, outcome vcc.GatewaySetOutcome, diags *diag.Diagnostics) gatewaysModel {
	stored := make([]*vcc.DefaultGateway, len(outcome.Gateways))
	for i := range outcome.Gateways {
		stored[i] = &outcome.Gateways[i]
	}
	if other := differing(w.wanted, stored); len(other) > 0 {
		diags.AddError("Other Settings Stored", fmt.Sprintf(
			"The backend answered that it stored something else than it was told for %s. This is a fault of the backend; the next plan shows the difference.", path.Root("gateways").AtMapKey(other[0].key)))
	}
	entries := slices.Clone(w.entries)
	for i, e := range entries {
		entries[i].gatewayModel = e.withCIDRs(false, false)
	}
	known := r.withScope(ctx, m, w.networks, diags)
	if m.ID.IsUnknown() {
		m.ID = known.ID
	}
	if m.TenantName.IsUnknown() {
		m.TenantName = known.TenantName
	}
	return m.withEntries(entries)
}

// tenantKey is where the private state has the tenant's ID: a state that a CLI without identities wrote has it nowhere else.
const tenantKey = "tenant_id"

// setIdentity names what the resource is, and keeps that in the private state.
func (r *defaultGatewaysResource) setIdentity(ctx context.Context, m gatewaysModel, identity *tfsdk.ResourceIdentity,
	keep func(ctx context.Context, key string, value []byte) diag.Diagnostics, diags *diag.Diagnostics,
) {
	t, err := r.actingFor(ctx)
	if err != nil {
		addRequestError(diags, "Tenant Not Known", err)
		return
	}
	id := gatewaysIdentity{TenantID: types.StringValue(t.id), HardwarePlanID: types.StringNull()}
	if !m.HardwarePlan.IsNull() {
		id.HardwarePlanID = m.ID
	}
	diags.Append(identity.Set(ctx, id)...)
	diags.Append(keep(ctx, tenantKey, []byte(strconv.Quote(t.id)))...)
}

// identity returns what a state knows of the identity, without a request. kept reads from the private state.
func (m gatewaysModel) identity(ctx context.Context, kept func(ctx context.Context, key string) ([]byte, diag.Diagnostics)) gatewaysIdentity {
	if m.HardwarePlan.IsNull() {
		return gatewaysIdentity{TenantID: m.ID, HardwarePlanID: types.StringNull()}
	}
	id := gatewaysIdentity{TenantID: types.StringNull(), HardwarePlanID: m.ID}
	if text, _ := kept(ctx, tenantKey); len(text) > 0 {
		if tenantID, err := strconv.Unquote(string(text)); err == nil {
			id.TenantID = types.StringValue(tenantID)
		}
	}
	return id
}

// ImportState takes the name or ID of a hardware plan, or of the tenant for the gateways of all its plans.
func (r *defaultGatewaysResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	const failed = "Default Gateways Not Imported"
	var identity gatewaysIdentity
	if req.ID == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.Get(ctx, &identity)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.ready(ctx, &resp.Diagnostics, failed, types.StringNull()) {
		return
	}
	networks, err := r.cloudNetworks(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	t, err := r.actingFor(ctx)
	if err != nil {
		addRequestError(&resp.Diagnostics, failed, err)
		return
	}
	nameOrID := req.ID
	if nameOrID == "" {
		nameOrID = identity.TenantID.ValueString()
		if nameOrID != t.id {
			resp.Diagnostics.AddError(failed, fmt.Sprintf("%s is not the tenant that the provider acts for, which is %q (%s).", vcc.Clip(nameOrID), t.name, t.id))
			return
		}
		if !identity.HardwarePlanID.IsNull() {
			nameOrID = identity.HardwarePlanID.ValueString()
		}
	}
	m := gatewaysModel{HardwarePlan: types.StringNull()}
	plan, found := vcc.Find(networks.all, nameOrID, func(n vcc.Network) (string, string) { return n.HardwarePlanID, n.HardwarePlanName })
	switch {
	case found:
		m.ID, m.HardwarePlan = types.StringValue(plan.HardwarePlanID), types.StringValue(plan.HardwarePlanName)
	case nameOrID == t.id || vcc.SameName(nameOrID, t.name):
		m.ID = types.StringValue(t.id)
	default:
		names := []string{t.name}
		for i := range networks.all {
			if name := networks.all[i].HardwarePlanName; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		resp.Diagnostics.AddError(failed, fmt.Sprintf("The tenant has no hardware plan %s, and that is not its own name, which stands for the gateways of all plans; %s", vcc.Clip(nameOrID), vcc.DidYouMean(nameOrID, names)))
		return
	}
	r.setIdentity(ctx, m, resp.Identity, resp.Private.SetKey, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), m.ID)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("hardware_plan"), m.HardwarePlan)...)
}
