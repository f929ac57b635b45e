package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

var _ vcc.ServerExportService = (*Store)(nil)

// provenanceRecord is what the history keeps of where a change came from.
type provenanceRecord struct {
	Server     string            `json:"server"`
	Provider   string            `json:"provider"`
	ProviderID string            `json:"providerId"`
	ExportedAt *time.Time        `json:"exportedAt,omitempty"`
	Finding    vcc.ExportFinding `json:"finding"`
	NetworkID  string            `json:"networkId,omitempty"`
	GatewayID  string            `json:"gatewayId,omitempty"`
}

func newProvenanceRecord(p vcc.Provenance) provenanceRecord {
	return provenanceRecord{p.Server, p.Provider, p.ProviderID, timeOrNull(p.ExportedAt), p.Finding, p.NetworkID, p.GatewayID}
}

func (r provenanceRecord) provenance() (vcc.Provenance, error) {
	return vcc.Provenance{ExportSource: exportSource(r.Server, r.Provider, r.ProviderID, r.ExportedAt), Finding: r.Finding, NetworkID: r.NetworkID, GatewayID: r.GatewayID}, nil
}

// keptProvenance reads where a change came from, nil for none.
func keptProvenance(record *string) (*vcc.Provenance, error) {
	if record == nil {
		return nil, nil
	}
	p, err := declared(*record, provenanceRecord.provenance)
	return &p, err
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func exportSource(server, provider, providerID string, at *time.Time) vcc.ExportSource {
	s := vcc.ExportSource{Server: server, Provider: provider, ProviderID: providerID}
	if at != nil {
		s.ExportedAt = *at
	}
	return s
}

// serverExportRow is the export that was imported last for a tenant.
type serverExportRow struct {
	Server, Provider, ProviderID string
	ExportedAt                   *time.Time
	ImportedAt                   time.Time
	ImportedBy                   string
	RoutingEnabled               bool
}

func (r *serverExportRow) fields() []any {
	return []any{&r.Server, &r.Provider, &r.ProviderID, &r.ExportedAt, &r.ImportedAt, &r.ImportedBy, &r.RoutingEnabled}
}

// exportedNetworkRow is a network of the export that was imported last.
type exportedNetworkRow struct {
	ID, Name                         string
	ServerName, NetworkID, GatewayID string
	Gateway                          *string
}

func (r *exportedNetworkRow) fields() []any {
	return []any{&r.ID, &r.Name, &r.ServerName, &r.NetworkID, &r.GatewayID, &r.Gateway}
}

func (r exportedNetworkRow) imported() (vcc.ImportedNetwork, error) {
	n := vcc.ImportedNetwork{ID: r.ID, Name: r.Name, ExportedNetwork: vcc.ExportedNetwork{Name: r.ServerName, NetworkID: r.NetworkID, GatewayID: r.GatewayID}}
	state, err := keptState(r.Gateway)
	if state != nil {
		n.Gateway = &state.GatewaySettings
	}
	return n, err
}

// findLastExport returns the export that was imported last, nil for none.
func findLastExport(ctx context.Context, q querier, tenantID string) (*vcc.LastExport, error) {
	row, err := queryFirst[serverExportRow](ctx, q, "SELECT server, provider, provider_id, exported_at, imported_at, imported_by, routing_enabled "+
		"FROM server_exports WHERE tenant_id = $1", tenantID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l := &vcc.LastExport{
		ExportSource: exportSource(row.Server, row.Provider, row.ProviderID, row.ExportedAt),
		ImportedAt:   row.ImportedAt, ImportedBy: row.ImportedBy, RoutingEnabled: row.RoutingEnabled,
	}
	networks, err := queryAll[exportedNetworkRow](ctx, q, "SELECT n.id, n.name, e.server_name, e.server_network_id, e.server_gateway_id, e.gateway"+
		fromNetworks+" JOIN exported_networks AS e ON e.network_id = n.id"+inNetworkOrder, tenantID)
	if err == nil {
		l.Networks, err = convertAll(networks, exportedNetworkRow.imported)
	}
	return l, err
}

// LastExport implements vcc.ServerExportService.
func (s *Store) LastExport(ctx context.Context, as vcc.Actor) (*vcc.LastExport, error) {
	return read(ctx, s, func(tx querier) (*vcc.LastExport, error) {
		l, err := findLastExport(ctx, tx, as.TenantID)
		if err == nil && l == nil {
			err = notFound("", "no export of a backup server was imported yet")
		}
		return l, err
	})
}

// errDryRun ends a transaction whose outcome is wanted, and nothing else of it.
var errDryRun = errors.New("dry run")

// ImportServerExport implements vcc.ServerExportService.
func (s *Store) ImportServerExport(ctx context.Context, as vcc.Actor, e vcc.ServerExport, dryRun bool) (vcc.ImportOutcome, error) {
	if err := e.Validate(); err != nil {
		return vcc.ImportOutcome{}, err
	}
	outcome, err := write(ctx, s, ofTenant(as.TenantID), func(tx querier) (vcc.ImportOutcome, error) {
		outcome, err := s.importExport(ctx, tx, as, e)
		if err == nil && dryRun {
			err = errDryRun
		}
		return outcome, err
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	if err != nil {
		return vcc.ImportOutcome{}, err
	}
	return outcome, nil
}

func (s *Store) importExport(ctx context.Context, tx querier, as vcc.Actor, e vcc.ServerExport) (outcome vcc.ImportOutcome, err error) {
	if err := e.CheckClock(s.now()); err != nil {
		return outcome, err
	}
	last, err := findLastExport(ctx, tx, as.TenantID)
	if err == nil {
		err = checkProvider(ctx, tx, e)
	}
	if err == nil {
		err = last.CheckNext(e)
	}
	if err != nil {
		return outcome, err
	}
	rows, err := queryAll[gatewayRow](ctx, tx, "SELECT "+gatewayColumns+fromNetworks+" LEFT"+joinGateways+inNetworkOrder, as.TenantID)
	if err != nil {
		return outcome, err
	}
	imported, unknown, absent, err := vcc.MatchExport(e, convert(rows, func(r gatewayRow) vcc.Network { return r.network() }))
	if err != nil {
		return outcome, err
	}
	i := &importer{store: s, ctx: ctx, tx: tx, as: vcc.Actor{TenantID: as.TenantID, Name: e.Actor()}, export: e, last: last, outcome: vcc.ImportOutcome{Unknown: unknown, Absent: absent}}
	i.gateways(rows, imported)
	i.routing()
	i.keep(as.Name, imported)
	return i.outcome, i.err
}

// checkProvider checks that an export is of the service provider that the lab is of.
func checkProvider(ctx context.Context, tx querier, e vcc.ServerExport) error {
	name, err := queryValue[string](ctx, tx, "SELECT service_provider FROM lab")
	if err != nil || vcc.SameName(name, e.Provider) {
		return err
	}
	return &vcc.Error{Code: vcc.CodeConflict, Message: vcc.Message(
		"the export is of service provider %q, and the lab of this backend is of %q; nothing was changed. If they are the same, give the lab the name that the backup server has for it", e.Provider, name)}
}

// importer takes over an export, until the first error.
type importer struct {
	store   *Store
	ctx     context.Context
	tx      querier
	as      vcc.Actor
	export  vcc.ServerExport
	last    *vcc.LastExport
	outcome vcc.ImportOutcome
	err     error
}

// finding says how a value came to be on the server that had the same or another one at the last import.
func (i *importer) finding(same bool) vcc.ExportFinding {
	switch {
	case i.last == nil:
		return vcc.ExportFound
	case same:
		return vcc.ExportUnchanged
	}
	return vcc.ExportChanged
}

// provenance writes where the change came from that was recorded last. of is the zero value for the routing option.
func (i *importer) provenance(finding vcc.ExportFinding, of vcc.ExportedNetwork) {
	if i.err != nil {
		return
	}
	text, err := encode(newProvenanceRecord(vcc.Provenance{ExportSource: i.export.ExportSource, Finding: finding, NetworkID: of.NetworkID, GatewayID: of.GatewayID}))
	if err == nil {
		err = i.tx.exec(i.ctx, "UPDATE changes SET provenance = $1 WHERE tenant_id = $2 AND revision = (SELECT revision FROM tenants WHERE id = $3)", text, i.as.TenantID, i.as.TenantID)
	}
	i.err = err
}

// gatewayImport is a gateway that differs from what the server has.
type gatewayImport struct {
	network vcc.Network
	current *vcc.DefaultGateway
	server  vcc.ImportedNetwork
}

// gateways stores the gateways that the server has in place of those that are stored.
func (i *importer) gateways(rows []gatewayRow, imported []vcc.ImportedNetwork) {
	byID := map[string]vcc.ImportedNetwork{}
	for _, n := range imported {
		byID[n.ID] = n
	}
	before, place := map[string]*vcc.GatewaySettings{}, map[string]int{}
	if i.last != nil {
		for _, n := range i.last.Networks {
			before[n.ID] = n.Gateway
		}
	}
	var differ []gatewayImport
	for at, r := range rows {
		place[r.ID] = at
		current, err := r.gateway()
		if err != nil {
			i.err = err
			return
		}
		if d := (gatewayImport{r.network(), current, byID[r.ID]}); !vcc.SameSettings(d.stored(), d.server.Gateway) {
			differ = append(differ, d)
		}
	}
	// Removals come first, and those whose IP networks change all make room: on the server they may have
	// changed places.
	slices.SortStableFunc(differ, func(a, b gatewayImport) int { return cmp.Compare(a.rank(), b.rank()) })
	for _, d := range differ {
		if i.err == nil && d.current != nil && d.server.Gateway != nil && !maps.Equal(d.current.Networks(), d.server.Gateway.Networks()) {
			i.err = disconnect(i.ctx, i.tx, d.network.ID)
		}
	}
	for _, d := range differ {
		if i.err != nil {
			return
		}
		i.err = d.put(i)
		finding := i.finding(vcc.SameSettings(before[d.network.ID], d.server.Gateway))
		i.provenance(finding, d.server.ExportedNetwork)
		i.outcome.Changes = append(i.outcome.Changes, vcc.ImportChange{
			NetworkID: d.network.ID, NetworkName: d.network.Name, Before: d.stored(), After: d.server.Gateway, Finding: finding,
		})
	}
	slices.SortFunc(i.outcome.Changes, func(a, b vcc.ImportChange) int { return cmp.Compare(place[a.NetworkID], place[b.NetworkID]) })
}

// rank is 0 for a removal.
func (d gatewayImport) rank() int {
	if d.server.Gateway == nil {
		return 0
	}
	return 1
}

// stored are the settings that are stored, nil for none.
func (d gatewayImport) stored() *vcc.GatewaySettings {
	if d.current == nil {
		return nil
	}
	return &d.current.GatewaySettings
}

// put stores what the server has.
func (d gatewayImport) put(i *importer) error {
	if d.server.Gateway == nil {
		return i.store.removeGateway(i.ctx, i.tx, i.as, *d.current)
	}
	state := vcc.GatewayState{Origin: vcc.OriginSpecified, GatewaySettings: *d.server.Gateway}
	_, err := i.store.putGateway(i.ctx, i.tx, i.as, d.network, d.current, state)
	if vcc.Code(err) == vcc.CodeConflict {
		err = &vcc.Error{Code: vcc.CodeConflict, Message: fmt.Sprintf(
			"the backup server's gateway of %q cannot be stored: %s. Nothing was changed. If the two networks are on different hosts, declare them so in the lab", d.network.Name, vcc.Errors(err)[0].Message)}
	}
	return err
}

// routing stores the routing option that the server has.
func (i *importer) routing() {
	if i.err != nil {
		return
	}
	current, err := findRouting(i.ctx, i.tx, i.as.TenantID)
	if err == nil && current.Enabled != i.export.RoutingEnabled {
		_, err = i.store.setRouting(i.ctx, i.tx, i.as, current, i.export.RoutingEnabled)
	}
	if i.err = err; err != nil || current.Enabled == i.export.RoutingEnabled {
		return
	}
	finding := i.finding(i.last != nil && i.last.RoutingEnabled == i.export.RoutingEnabled)
	i.provenance(finding, vcc.ExportedNetwork{})
	i.outcome.Changes = append(i.outcome.Changes, vcc.ImportChange{RoutingEnabled: &i.export.RoutingEnabled, Finding: finding})
}

// keep keeps the export as the last one.
func (i *importer) keep(account string, imported []vcc.ImportedNetwork) {
	if i.err != nil {
		return
	}
	w := rowWriter{ctx: i.ctx, tx: i.tx}
	w.exec("DELETE FROM exported_networks WHERE network_id IN (SELECT id FROM cloud_networks WHERE tenant_id = $1)", i.as.TenantID)
	w.exec("INSERT INTO server_exports (tenant_id, server, provider, provider_id, exported_at, imported_at, imported_by, routing_enabled) "+
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant_id) DO UPDATE SET server = excluded.server, provider = excluded.provider, "+
		"provider_id = excluded.provider_id, exported_at = excluded.exported_at, imported_at = excluded.imported_at, imported_by = excluded.imported_by, "+
		"routing_enabled = excluded.routing_enabled",
		i.as.TenantID, i.export.Server, i.export.Provider, i.export.ProviderID, timeOrNull(i.export.ExportedAt), i.store.now(), account, i.export.RoutingEnabled)
	rows := make([][]any, len(imported))
	for n, network := range imported {
		var gateway *string
		if network.Gateway != nil {
			text, err := encode(newGatewayRecord(vcc.OriginSpecified, *network.Gateway))
			if err != nil {
				i.err = err
				return
			}
			gateway = &text
		}
		rows[n] = []any{network.ID, network.ExportedNetwork.Name, network.NetworkID, network.GatewayID, gateway}
	}
	w.insert("exported_networks", "network_id, server_name, server_network_id, server_gateway_id, gateway", "", rows)
	i.err = w.err
}
