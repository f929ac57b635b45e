package vcc

import "fmt"

// LabAccount is an account of a backend, as a lab meets it.
type LabAccount struct {
	Username string
	// Tenant is the name of its tenant, "" for an operator.
	Tenant string
	// Declared says that a lab made the account. The others were made by hand.
	Declared bool
}

// ReplacedAccounts returns the removals of accounts whose user names a lab gives to accounts of
// its own. An account is never handed on: its password and its logins end, and the new one has
// the password that the lab gives. passwords are those that it gives, by user name. Our decision:
//
//   - The user name of an account that a lab made goes to another tenant.
//   - The lab gives a password for the user name of an account of the same tenant that was made
//     by hand.
//
// Accounts of tenants that the lab no longer has go with those, and are not listed.
// CodeConflict: the lab gives a password for the user name of an operator, or of an account of
// another tenant that was made by hand. No removal allows that.
func ReplacedAccounts(accounts []LabAccount, lab Lab, passwords map[string]string) ([]LabChange, error) {
	at := map[string]int{} // by user name
	stays := map[string]bool{}
	for i, t := range lab.Tenants {
		stays[t.Name] = true
		if t.Username != "" {
			at[t.Username] = i
		}
	}
	var replaced []LabChange
	for _, a := range accounts {
		i, wanted := at[a.Username]
		if !wanted || a.Tenant != "" && !stays[a.Tenant] {
			continue
		}
		to, given := lab.Tenants[i].Name, passwords[a.Username] != ""
		change := LabChange{Action: LabRemoves, Kind: LabKindAccount, Tenant: a.Tenant, Name: a.Username}
		switch {
		case a.Tenant == to && (a.Declared || !given):
			continue
		case a.Tenant == to:
			change.Details = []string{"it was made by hand, and the lab gives its user name a password"}
		case a.Declared:
			change.Details = []string{fmt.Sprintf("its user name goes to tenant %q", to)}
		case !given:
			continue
		default:
			return replaced, &Error{Code: CodeConflict, Field: fmt.Sprintf("tenants[%d].username", i), Message: fmt.Sprintf(
				"%q is an account that does not belong to tenant %q; nothing was changed. Use another user name", a.Username, to)}
		}
		replaced = append(replaced, change)
	}
	return replaced, nil
}
