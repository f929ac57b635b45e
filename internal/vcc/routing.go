package vcc

import (
	"context"
	"time"
)

// NetworkRouting is the routing option, "Route traffic between these networks":
// one switch per tenant at a service provider (D13). It joins the networks of each hardware
// plan, and never networks of different plans: P6 and P7 of package appliance apply that.
type NetworkRouting struct {
	TenantID   string
	TenantName string
	Enabled    bool
	// Revision is the tenant's revision at the last change, 0 if there was none.
	Revision int64
	// UpdatedAt and UpdatedBy are zero if there was no change.
	UpdatedAt time.Time
	UpdatedBy string
	// Provenance is that of the last change, nil where it came from no real backup server.
	Provenance *Provenance
}

// NetworkRoutingService keeps the routing option of a tenant.
type NetworkRoutingService interface {
	// NetworkRouting returns the option.
	NetworkRouting(ctx context.Context, as Actor) (*NetworkRouting, error)

	// PutNetworkRouting sets the option. A value that is set already changes
	// nothing: no revision, no history. p.Absent never holds: the option always
	// has a value.
	// CodePreconditionFailed: the precondition does not hold.
	PutNetworkRouting(ctx context.Context, as Actor, enabled bool, p Precondition) (*NetworkRouting, error)
}
