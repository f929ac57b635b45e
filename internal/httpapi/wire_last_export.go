package httpapi

import (
	"errors"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wireExportSource says what an export is of.
type wireExportSource struct {
	Server     string     `json:"server" doc:"The backup server's name, empty where the export does not say it"`
	Provider   string     `json:"provider" doc:"The service provider's name on the backup server"`
	ProviderID string     `json:"providerId" doc:"The service provider's ID on the backup server"`
	ExportedAt *time.Time `json:"exportedAt,omitempty" doc:"When the export was made; absent where it does not say it"`
}

// wireServerExport is what a PUT of an export takes.
type wireServerExport struct {
	wireExportSource
	RoutingEnabled bool                  `json:"routingEnabled"`
	Networks       []wireExportedNetwork `json:"networks" doc:"The cloud networks that the backup server names"`
}

// wireExportedNetwork is a network as the backup server has it, with the settings of its default
// gateway, if that is set.
type wireExportedNetwork struct {
	Name      string `json:"name"`
	NetworkID string `json:"networkId,omitempty" doc:"The network's ID on the backup server"`
	GatewayID string `json:"gatewayId,omitempty" doc:"The default gateway's ID on the backup server"`
	wireGatewaySettings
}

// wireLastExport is the export that was imported last.
type wireLastExport struct {
	wireExportSource
	ImportedAt     time.Time             `json:"importedAt"`
	ImportedBy     string                `json:"importedBy"`
	RoutingEnabled bool                  `json:"routingEnabled"`
	Networks       []wireImportedNetwork `json:"networks"`
}

// wireImportedNetwork is a network of an export beside the tenant's network that it is.
type wireImportedNetwork struct {
	ID              string `json:"id" doc:"The tenant's network"`
	NetworkName     string `json:"networkName"`
	ServerName      string `json:"serverName" doc:"The name as the backup server spells it"`
	ServerNetworkID string `json:"serverNetworkId,omitempty"`
	GatewayID       string `json:"gatewayId,omitempty"`
	wireDetectedSettings
}

// wireImport is what an import changed, or with dryRun would.
type wireImport struct {
	Changes []wireImportChange `json:"changes"`
	Unknown []string           `json:"unknown" doc:"Networks without a gateway on the backup server that the tenant does not have"`
	Absent  []string           `json:"absent" doc:"The tenant's networks that the export does not have"`
}

// wireImportChange is one value that an import changes.
type wireImportChange struct {
	NetworkID      string                `json:"networkId,omitempty" doc:"Absent for the routing option"`
	NetworkName    string                `json:"networkName,omitempty"`
	Before         *wireDetectedSettings `json:"before,omitempty"`
	After          *wireDetectedSettings `json:"after,omitempty"`
	RoutingEnabled *bool                 `json:"routingEnabled,omitempty" doc:"What the routing option becomes; absent for a gateway"`
	Finding        vcc.ExportFinding     `json:"finding" enum:"found,changed,unchanged" doc:"Whether the backup server had another value at the import before; found at the first import"`
}

// wireProvenance says from which export a change came.
type wireProvenance struct {
	wireExportSource
	Finding   vcc.ExportFinding `json:"finding" enum:"found,changed,unchanged"`
	NetworkID string            `json:"networkId,omitempty" doc:"The network's ID on the backup server"`
	GatewayID string            `json:"gatewayId,omitempty" doc:"The default gateway's ID on the backup server"`
}

// TransformSchema is for huma (see withFieldsOf).
func (wireServerExport) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireExportSource](r, s)
}

// TransformSchema is for huma.
func (wireExportedNetwork) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireGatewaySettings](r, s)
}

// TransformSchema is for huma.
func (wireLastExport) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireExportSource](r, s)
}

// TransformSchema is for huma.
func (wireImportedNetwork) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireDetectedSettings](r, s)
}

// TransformSchema is for huma.
func (wireProvenance) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireExportSource](r, s)
}

func newWireExportSource(s vcc.ExportSource) wireExportSource {
	return wireExportSource{s.Server, s.Provider, s.ProviderID, optionalTime(s.ExportedAt)}
}

func (w wireExportSource) source() vcc.ExportSource {
	return vcc.ExportSource{Server: w.Server, Provider: w.Provider, ProviderID: w.ProviderID, ExportedAt: timeOrZero(w.ExportedAt)}
}

func newWireServerExport(e vcc.ServerExport) wireServerExport {
	return wireServerExport{newWireExportSource(e.ExportSource), e.RoutingEnabled, convert(e.Networks, func(n vcc.ExportedNetwork) wireExportedNetwork {
		w := wireExportedNetwork{Name: n.Name, NetworkID: n.NetworkID, GatewayID: n.GatewayID}
		if n.Gateway != nil {
			w.wireGatewaySettings = newWireGatewaySettings(*n.Gateway)
		}
		return w
	})}
}

// parse returns an export that obeys the rules.
func (w wireServerExport) parse() (vcc.ServerExport, error) {
	e := vcc.ServerExport{ExportSource: w.source(), RoutingEnabled: w.RoutingEnabled}
	var errs []error
	for i, n := range w.Networks {
		exported := vcc.ExportedNetwork{Name: n.Name, NetworkID: n.NetworkID, GatewayID: n.GatewayID}
		if n.IPv4 != nil || n.IPv6 != nil {
			settings, err := n.wireGatewaySettings.parse()
			if err != nil {
				errs = append(errs, vcc.Within("networks["+strconv.Itoa(i)+"]", err))
			}
			exported.Gateway = &settings
		}
		e.Networks = append(e.Networks, exported)
	}
	if err := errors.Join(errs...); err != nil {
		return e, err
	}
	return e, e.Validate()
}

func newWireLastExport(l vcc.LastExport) wireLastExport {
	return wireLastExport{
		wireExportSource: newWireExportSource(l.ExportSource), ImportedAt: l.ImportedAt, ImportedBy: l.ImportedBy, RoutingEnabled: l.RoutingEnabled,
		Networks: convert(l.Networks, func(n vcc.ImportedNetwork) wireImportedNetwork {
			w := wireImportedNetwork{ID: n.ID, NetworkName: n.Name, ServerName: n.ExportedNetwork.Name, ServerNetworkID: n.NetworkID, GatewayID: n.GatewayID}
			if n.Gateway != nil {
				w.wireDetectedSettings = newWireDetectedSettings(*n.Gateway)
			}
			return w
		}),
	}
}

func (w wireLastExport) decode() (vcc.LastExport, error) {
	networks, err := decodeList("networks", w.Networks)
	return vcc.LastExport{ExportSource: w.source(), ImportedAt: w.ImportedAt, ImportedBy: w.ImportedBy, RoutingEnabled: w.RoutingEnabled, Networks: networks}, err
}

func (w wireImportedNetwork) decode() (vcc.ImportedNetwork, error) {
	n := vcc.ImportedNetwork{ID: w.ID, Name: w.NetworkName, ExportedNetwork: vcc.ExportedNetwork{Name: w.ServerName, NetworkID: w.ServerNetworkID, GatewayID: w.GatewayID}}
	if w.IPv4 == nil && w.IPv6 == nil {
		return n, nil
	}
	settings, err := w.wireDetectedSettings.decode()
	n.Gateway = &settings
	return n, err
}

func newWireImport(o vcc.ImportOutcome) wireImport {
	return wireImport{
		Changes: convert(o.Changes, func(c vcc.ImportChange) wireImportChange {
			return wireImportChange{c.NetworkID, c.NetworkName, optionalSettings(c.Before), optionalSettings(c.After), c.RoutingEnabled, c.Finding}
		}),
		Unknown: append([]string{}, o.Unknown...), Absent: append([]string{}, o.Absent...),
	}
}

func optionalSettings(s *vcc.GatewaySettings) *wireDetectedSettings {
	if s == nil {
		return nil
	}
	w := newWireDetectedSettings(*s)
	return &w
}

func (w wireImport) decode() (vcc.ImportOutcome, error) {
	changes, err := decodeList("changes", w.Changes)
	return vcc.ImportOutcome{Changes: changes, Unknown: w.Unknown, Absent: w.Absent}, err
}

func (w wireImportChange) decode() (vcc.ImportChange, error) {
	before, err := decodeOptional("before", w.Before)
	if err != nil {
		return vcc.ImportChange{}, err
	}
	after, err := decodeOptional("after", w.After)
	return vcc.ImportChange{NetworkID: w.NetworkID, NetworkName: w.NetworkName, Before: before, After: after, RoutingEnabled: w.RoutingEnabled, Finding: w.Finding}, err
}

// wireExportStatus is what is pending. No answer has it: the command line prints it.
type wireExportStatus struct {
	LastExport wireLastExport      `json:"lastExport"`
	Pending    []wirePendingChange `json:"pending"`
}

type wirePendingChange struct {
	Name           string                `json:"name,omitempty"`
	Server         *wireDetectedSettings `json:"server,omitempty"`
	Stored         *wireDetectedSettings `json:"stored,omitempty"`
	RoutingEnabled *bool                 `json:"routingEnabled,omitempty"`
}

func newWireExportStatus(s ExportStatus) wireExportStatus {
	return wireExportStatus{newWireLastExport(s.LastExport), convert(s.Pending, func(p vcc.PendingChange) wirePendingChange {
		return wirePendingChange{p.Name, optionalSettings(p.Server), optionalSettings(p.Stored), p.RoutingEnabled}
	})}
}

func newWireProvenance(p *vcc.Provenance) *wireProvenance {
	if p == nil {
		return nil
	}
	return &wireProvenance{newWireExportSource(p.ExportSource), p.Finding, p.NetworkID, p.GatewayID}
}

func (w wireProvenance) decode() (vcc.Provenance, error) {
	return vcc.Provenance{ExportSource: w.source(), Finding: w.Finding, NetworkID: w.NetworkID, GatewayID: w.GatewayID}, nil
}
