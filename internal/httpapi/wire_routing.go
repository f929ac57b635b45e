package httpapi

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wireNetworkRoutingSettings is what a PUT of the routing option takes.
type wireNetworkRoutingSettings struct {
	Enabled bool `json:"enabled" doc:"Route traffic between the tenant's networks of one hardware plan"`
}

// wireNetworkRouting is the routing option.
type wireNetworkRouting struct {
	wireNetworkRoutingSettings
	TenantID   string     `json:"tenantId"`
	TenantName string     `json:"tenantName"`
	Revision   int64      `json:"revision" doc:"0 if nobody ever set the option"`
	UpdatedAt  *time.Time `json:"updatedAt" required:"false"`
	UpdatedBy  string     `json:"updatedBy"`
	// Provenance is that of the last change.
	Provenance *wireProvenance `json:"provenance,omitempty" doc:"The export of a real backup server that the last change came from; absent where it came from none"`
}

// TransformSchema is for huma.
func (wireNetworkRouting) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireNetworkRoutingSettings](r, s)
}

func newWireNetworkRouting(r vcc.NetworkRouting) wireNetworkRouting {
	return wireNetworkRouting{
		wireNetworkRoutingSettings: wireNetworkRoutingSettings{r.Enabled},
		TenantID:                   r.TenantID, TenantName: r.TenantName,
		Revision: r.Revision, UpdatedAt: optionalTime(r.UpdatedAt), UpdatedBy: r.UpdatedBy, Provenance: newWireProvenance(r.Provenance),
	}
}

func (w wireNetworkRouting) decode() (vcc.NetworkRouting, error) {
	provenance, err := decodeOptional("provenance", w.Provenance)
	return vcc.NetworkRouting{
		TenantID: w.TenantID, TenantName: w.TenantName, Enabled: w.Enabled,
		Revision: w.Revision, UpdatedAt: timeOrZero(w.UpdatedAt), UpdatedBy: w.UpdatedBy, Provenance: provenance,
	}, err
}
