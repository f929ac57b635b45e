package backend

import (
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/window"
)

// Services are everything that a server puts on the wire: the store's services,
// and those that need the routing engine beside it.
type Services struct {
	*store.Store
	compiled *compiledTenants
}

// NewServices returns the services on a store. They keep compiled appliances in memory, so a
// program makes them once.
func NewServices(s *store.Store) *Services { return &Services{s, newCompiledTenants()} }

var (
	_ vcc.FailoverService  = (*Services)(nil)
	_ vcc.FailoverPreview  = (*Services)(nil)
	_ vcc.ApplianceService = (*Services)(nil)
	_ window.Services      = (*Services)(nil)
)
