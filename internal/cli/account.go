package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

type accountCmds struct {
	Add      accountAddCmd      `cmd:"" help:"Add an account: an operator's, or with --tenant a tenant's. Prints a password, once, unless one is given."`
	Password accountPasswordCmd `cmd:"" help:"Give an account another password, and end its logins. Prints it, once, unless one is given."`
	List     accountListCmd     `cmd:"" help:"List the accounts."`
	Remove   accountRemoveCmd   `cmd:"" help:"Remove an account, and end its logins."`
	Sessions accountSessionsCmd `cmd:"" help:"List the logins that can still be refreshed."`
	Revoke   accountRevokeCmd   `cmd:"" help:"End all logins of an account, or one login. The account stays."`
}

func (accountCmds) sharedFlags() []string { return []string{"json", "tenant"} }

func (accountCmds) does() string { return "works on a database" }

// newPassword is where the new password of an account comes from.
type newPassword struct {
	File string `name:"new-password-file" placeholder:"FILE" help:"File whose first line is the new password; or set VCC_NEW_PASSWORD (default: a password is made)."`
}

// choose returns the password, and whether it was made here.
func (n newPassword) choose(s *session) (password string, made bool, err error) {
	if n.File == "" && os.Getenv("VCC_NEW_PASSWORD") == "" {
		return rand.Text(), true, nil
	}
	password, err = s.password("--new-password-file", n.File, "VCC_NEW_PASSWORD", "")
	return password, false, err
}

// shownAccount is what is printed of an account.
type shownAccount struct {
	Username string   `json:"username"`
	Role     vcc.Role `json:"role"`
	Tenant   string   `json:"tenant"`
	Password string   `json:"password,omitempty"`
}

func (s *session) printAccount(a shownAccount) error {
	if s.flags.JSON {
		return s.printJSON(a)
	}
	return s.printText(func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "Account %s (%s)\n", a.Username, describeRole(a))
		if a.Password != "" {
			_, _ = fmt.Fprintf(w, "Password: %s\nIt is stored nowhere in clear, and not shown again.\n", a.Password)
		}
	})
}

func describeRole(a shownAccount) string {
	switch {
	case a.Role == vcc.RoleViewer:
		return "viewer of tenant " + a.Tenant
	case a.Tenant != "":
		return "tenant " + a.Tenant
	}
	return string(a.Role)
}

type accountAddCmd struct {
	database
	newPassword
	Name string `arg:"" help:"User name."`
	Role string `enum:",operator,tenant,viewer" default:"" placeholder:"ROLE" help:"operator; tenant, which reads and writes what is the tenant's; or viewer, which reads that (default: tenant with --tenant, else operator)."`
}

// role is the role that the flags ask for.
func (c accountAddCmd) role(tenant string) (vcc.Role, error) {
	role := vcc.Role(c.Role)
	switch {
	case role == "" && tenant == "":
		return vcc.RoleOperator, nil
	case role == "":
		return vcc.RoleTenant, nil
	case role == vcc.RoleOperator && tenant != "":
		return "", usageError("an operator belongs to no tenant: leave out --tenant and VCC_TENANT, or give --role tenant or --role viewer")
	case role != vcc.RoleOperator && tenant == "":
		return "", usageError(fmt.Sprintf("--role %s needs --tenant: it is a role within a tenant", role))
	}
	return role, nil
}

func (accountAddCmd) sharedFlags() []string { return []string{"json", "tenant"} }

// Run adds the account.
func (c accountAddCmd) Run(s *session) error {
	role, err := c.role(s.flags.Tenant)
	if err != nil {
		return err
	}
	password, made, err := c.choose(s)
	if err != nil {
		return err
	}
	return c.onNew(s, func(store *backend.Store) error {
		account, shown := vcc.Account{Username: c.Name, Role: role}, shownAccount{Username: c.Name, Role: role}
		if s.flags.Tenant != "" {
			tenant, err := store.Tenant(s.ctx, s.flags.Tenant)
			if err != nil {
				return err
			}
			account.TenantID, shown.Tenant = tenant.ID, tenant.Name
		}
		if err := store.AddAccount(s.ctx, account, password); err != nil {
			return err
		}
		if made {
			shown.Password = password
		}
		return s.printAccount(shown)
	})
}

type accountPasswordCmd struct {
	database
	newPassword
	Name string `arg:"" help:"User name."`
}

// Run changes the password.
func (c accountPasswordCmd) Run(s *session) error {
	password, made, err := c.choose(s)
	if err != nil {
		return err
	}
	return c.on(s, func(store *backend.Store) error {
		if err := store.SetPassword(s.ctx, c.Name, password); err != nil {
			return err
		}
		shown := shownAccount{Username: c.Name}
		list, err := accounts(s, store)
		for _, a := range list {
			if a.Username == c.Name {
				shown = a
			}
		}
		if made { // whatever failed since: it is the account's, and nobody else knows it
			shown.Password = password
		}
		return errors.Join(err, s.printAccount(shown))
	})
}

// accounts lists the accounts of a database.
func accounts(s *session, store *backend.Store) ([]shownAccount, error) {
	tenants, err := store.Tenants(s.ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, t := range tenants {
		names[t.ID] = t.Name
	}
	all, err := store.Accounts(s.ctx)
	list := []shownAccount{}
	for _, a := range all {
		list = append(list, shownAccount{Username: a.Username, Role: a.Role, Tenant: names[a.TenantID]})
	}
	return list, err
}

type accountListCmd struct{ database }

// Run lists the accounts.
func (c accountListCmd) Run(s *session) error {
	return c.on(s, func(store *backend.Store) error {
		list, err := accounts(s, store)
		if err != nil {
			return err
		}
		if s.flags.JSON {
			return s.printJSON(list)
		}
		return s.printText(func(w io.Writer) {
			row(w, "USER NAME", "ROLE", "TENANT")
			for _, a := range list {
				row(w, a.Username, a.Role, a.Tenant)
			}
		})
	})
}

type accountRemoveCmd struct {
	database
	Name  string `arg:"" help:"User name."`
	Force bool   `help:"Remove it even if it is the last operator."`
}

// Run removes the account.
func (c accountRemoveCmd) Run(s *session) error {
	return c.on(s, func(store *backend.Store) error {
		if err := store.RemoveAccount(s.ctx, c.Name, c.Force); err != nil {
			return err
		}
		return s.done("Removed account %s\n", c.Name)
	})
}

type accountSessionsCmd struct {
	database
	Name string `arg:"" optional:"" help:"User name (default: all accounts)."`
}

// shownSession is what is printed of a session.
type shownSession struct {
	ID          string    `json:"id"`
	Username    string    `json:"username"`
	Since       time.Time `json:"since"`
	RefreshedAt time.Time `json:"refreshedAt"`
	ExpiresAt   time.Time `json:"expiresAt"`
	Address     string    `json:"address"`
}

// Run lists the sessions.
func (c accountSessionsCmd) Run(s *session) error {
	return c.on(s, func(store *backend.Store) error {
		found, err := store.Sessions(s.ctx, c.Name)
		if err != nil {
			return err
		}
		list := []shownSession{}
		for _, f := range found {
			list = append(list, shownSession{f.ID, f.Username, f.Since, f.RefreshedAt, f.ExpiresAt, f.Address})
		}
		if s.flags.JSON {
			return s.printJSON(list)
		}
		return s.printText(func(w io.Writer) {
			row(w, "SESSION", "USER NAME", "SINCE", "REFRESHED", "EXPIRES", "ADDRESS")
			for _, l := range list {
				row(w, l.ID, l.Username, vcc.TimeText(l.Since), vcc.TimeText(l.RefreshedAt), vcc.TimeText(l.ExpiresAt), l.Address)
			}
		})
	})
}

type accountRevokeCmd struct {
	database
	Name    string `arg:"" optional:"" help:"User name whose logins all end."`
	Session string `placeholder:"ID" help:"End this login alone; account sessions lists the IDs."`
}

// Run ends logins.
func (c accountRevokeCmd) Run(s *session) error {
	if (c.Name == "") == (c.Session == "") {
		return usageError("give either the name of an account or --session")
	}
	return c.on(s, func(store *backend.Store) error {
		if c.Session != "" {
			if err := store.RevokeSession(s.ctx, c.Session); err != nil {
				return err
			}
			return s.done("Ended session %s\n", c.Session)
		}
		ended, err := store.RevokeAccount(s.ctx, c.Name)
		if err != nil {
			return err
		}
		return s.done("Ended the sessions of %s: %d\n", c.Name, ended)
	})
}
