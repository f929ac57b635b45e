package backend

import (
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Services are everything that a server puts on the wire: the store's services,
// and those that need the routing engine beside it.
type Services struct{ *store.Store }

// NewServices returns the services on a store.
func NewServices(s *store.Store) *Services { return &Services{s} }

var (
	_ vcc.FailoverService  = (*Services)(nil)
	_ vcc.ApplianceService = (*Services)(nil)
)
