package vcc

// Actor is who acts, and for which tenant. Services see and change only what is
// the tenant's (rule 20).
type Actor struct {
	// TenantID is the tenant whose objects are meant.
	TenantID string
	// Name is what the history records.
	Name string
}

// Tenant is a customer of the service provider.
type Tenant struct {
	ID, Name string
}
