package vcc

// Actor is the account that acts, and the tenant for which it acts. Services see and change
// only what is that tenant's; an object of another tenant answers as one that is missing
// (D20).
type Actor struct {
	// TenantID is the tenant whose objects are meant. A client sends it to the server, by
	// ID or by name; the zero value means the tenant that the account belongs to.
	TenantID string
	// Name is the name that the history records. A client leaves it to the server, which knows the
	// account.
	Name string
}
