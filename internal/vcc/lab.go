package vcc

import "context"

// Lab declares the objects that exist in a reference backend before anybody opens the
// Default Gateways window: hosts, hardware plans, tenants with their sites, replication jobs
// and failover plans.
type Lab struct {
	ServiceProvider ServiceProvider
	Hosts           []Host
	HardwarePlans   []LabHardwarePlan
	Tenants         []LabTenant
}

// ServiceProvider runs the Cloud Connect infrastructure.
type ServiceProvider struct {
	Name string
}

// ValidLab is a lab that breaks no rule. References are spelled like the names that they
// refer to. Only Lab.Check makes one. The zero value is no lab.
type ValidLab struct {
	lab       Lab
	passwords map[string]string
}

// Lab returns the lab. Nobody may change what its slices and maps hold.
func (v ValidLab) Lab() Lab { return v.lab }

// Passwords returns the passwords of accounts by user name. Nobody may change them.
func (v ValidLab) Passwords() map[string]string { return v.passwords }

// WithPasswords returns the lab with the passwords, by user name, that its accounts are to
// have. An account that has none here keeps its own. The error lists every password that
// breaks a rule, with the field of the tenant's "password_env", and shows none of them.
func (v ValidLab) WithPasswords(passwords map[string]string) (ValidLab, error) {
	c := labCheck{lab: v.lab}
	c.checkPasswords(passwords)
	if err := c.err(); err != nil {
		return ValidLab{}, err
	}
	v.passwords = passwords
	return v, nil
}

// LabPlansField is the field of warnings about failover plans that stay as somebody specified them.
const LabPlansField = "failoverPlans"

// LabOutcome is the result of declaring a lab, or of a preview.
type LabOutcome struct {
	// Changes are the additions, changes and removals.
	Changes []LabChange
	// Warnings name the tenants that nobody can log in for, and the failover plans that stay as somebody
	// specified them, whatever is declared.
	Warnings []Warning
	// Passwords are the user names of the accounts that got a password. A client is not told.
	Passwords []string
	// PasswordsLeft are those that are not in force yet, because hashing takes time: declare
	// the lab again, without removals, as long as there are some. A preview has none.
	PasswordsLeft PasswordsLeft
}

// PasswordsLeft counts passwords of a lab that are not in force yet.
type PasswordsLeft struct {
	// Missing are those of accounts that are still to be made.
	Missing int
	// Unchecked are those of accounts that may have another password.
	Unchecked int
}

// Total counts both.
func (p PasswordsLeft) Total() int { return p.Missing + p.Unchecked }

// LabService declares labs.
type LabService interface {
	// ApplyLab makes the backend match a lab.
	// Networks and tenants that stay keep their stored default gateways, routing options
	// and VLANs. Every removal must be named (CheckRemovals). Everything is one transaction,
	// and an unchanged lab needs none. Passwords are hashed before it, for some seconds at most;
	// LabOutcome says how many are left.
	// CodeConflict: no free VLAN, a removal that remove does not name, or a user name that is
	// somebody else's (ReplacedAccounts). Nothing was changed.
	ApplyLab(ctx context.Context, lab ValidLab, remove []string) (LabOutcome, error)
	// PreviewLab returns what ApplyLab would, and keeps nothing. With CodeConflict the
	// outcome beside the error has the changes that ApplyLab would refuse.
	PreviewLab(ctx context.Context, lab ValidLab, remove []string) (LabOutcome, error)
	// Lab returns the lab as it was declared last, hosts and plans in order of their
	// names, without passwords. CodeNotFound: none was.
	Lab(ctx context.Context) (Lab, error)
}
