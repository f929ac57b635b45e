package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// logins is what concerns accounts, their tokens and who tries to log in.
const logins scope = "logins"

// accountRow is a row of the table.
type accountRow struct {
	Username     string
	TenantID     *string
	PasswordHash string
	Declared     bool
	ReadOnly     bool
}

const selectAccounts = "SELECT username, tenant_id, password_hash, declared, read_only FROM accounts"

func (r *accountRow) fields() []any {
	return []any{&r.Username, &r.TenantID, &r.PasswordHash, &r.Declared, &r.ReadOnly}
}

func (r accountRow) account() vcc.Account {
	switch {
	case r.TenantID == nil:
		return vcc.Account{Username: r.Username, Role: vcc.RoleOperator}
	case r.ReadOnly:
		return vcc.Account{Username: r.Username, Role: vcc.RoleViewer, TenantID: *r.TenantID}
	}
	return vcc.Account{Username: r.Username, Role: vcc.RoleTenant, TenantID: *r.TenantID}
}

const selectAccount = selectAccounts + " WHERE username = $1"

// findAccount returns an account, nil if there is none.
func findAccount(ctx context.Context, q querier, username string) (*accountRow, error) {
	row, err := queryFirst[accountRow](ctx, q, selectAccount, username)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &row, err
}

func noAccount(username string) error { return notFound("", "there is no account %q", username) }

// Accounts returns every account in order of their names.
func (s *Store) Accounts(ctx context.Context) ([]vcc.Account, error) {
	return read(ctx, s, func(tx querier) ([]vcc.Account, error) {
		rows, err := queryAll[accountRow](ctx, tx, selectAccounts+" ORDER BY username")
		return convert(rows, accountRow.account), err
	})
}

// AddAccount adds an account. CodeInvalidValue: its name or password cannot be one.
// CodeNotFound: there is no such tenant. CodeConflict: there is an account of that name.
func (s *Store) AddAccount(ctx context.Context, a vcc.Account, password string) error {
	row := accountRow{Username: a.Username, ReadOnly: a.Role == vcc.RoleViewer}
	if a.Role != vcc.RoleOperator {
		row.TenantID = &a.TenantID
	}
	if err := errors.Join(vcc.ValidateUsername(a.Username), vcc.ValidatePassword(password)); err != nil {
		return err
	}
	var err error
	if row.PasswordHash, err = hashPassword(ctx, password); err != nil {
		return err
	}
	return s.write(ctx, everything, func(tx querier) error { // the tenant must not go meanwhile
		if row.TenantID != nil {
			if _, err := tenantOf(ctx, tx, *row.TenantID); err != nil {
				return err
			}
		}
		existing, err := findAccount(ctx, tx, a.Username)
		if err != nil {
			return err
		}
		if existing != nil {
			return &vcc.Error{Code: vcc.CodeConflict, Message: fmt.Sprintf("there is an account %q already; nothing was changed", a.Username)}
		}
		return insertAccount(ctx, tx, row)
	})
}

func insertAccount(ctx context.Context, tx querier, r accountRow) error {
	return tx.exec(ctx, "INSERT INTO accounts (username, tenant_id, password_hash, declared, read_only) VALUES ($1, $2, $3, $4, $5)",
		r.Username, r.TenantID, r.PasswordHash, r.Declared, r.ReadOnly)
}

// SetPassword gives an account another password and ends everything that came of the
// one before. CodeInvalidValue: it cannot be a password. CodeNotFound: there is no such
// account.
func (s *Store) SetPassword(ctx context.Context, username, password string) error {
	if err := vcc.ValidatePassword(password); err != nil {
		return err
	}
	hash, err := hashPassword(ctx, password)
	if err != nil {
		return err
	}
	return s.write(ctx, logins, func(tx querier) error { return setPasswordHash(ctx, tx, username, hash) })
}

func setPasswordHash(ctx context.Context, tx querier, username, hash string) error {
	row, err := findAccount(ctx, tx, username)
	if err != nil {
		return err
	}
	if row == nil {
		return noAccount(username)
	}
	if err := tx.exec(ctx, "UPDATE accounts SET password_hash = $1 WHERE username = $2", hash, username); err != nil {
		return err
	}
	return tx.exec(ctx, "DELETE FROM tokens WHERE username = $1", username)
}

// RemoveAccount removes an account and ends its logins. The last operator goes only with force.
// CodeNotFound: there is no such account. CodeConflict: it is the last operator.
func (s *Store) RemoveAccount(ctx context.Context, username string, force bool) error {
	return s.write(ctx, logins, func(tx querier) error {
		row, err := findAccount(ctx, tx, username)
		if err != nil {
			return err
		}
		if row == nil {
			return noAccount(username)
		}
		if row.TenantID == nil && !force {
			operators, err := queryValue[int](ctx, tx, "SELECT count(*) FROM accounts WHERE tenant_id IS NULL")
			if err != nil {
				return err
			}
			if operators == 1 {
				return &vcc.Error{Code: vcc.CodeConflict, Message: fmt.Sprintf("%q is the last operator, and without one nobody can declare labs over the network; nothing was changed. Add another operator first, or use --force", username)}
			}
		}
		return tx.exec(ctx, "DELETE FROM accounts WHERE username = $1", username) // its tokens go with it
	})
}

// Tenant implements vcc.TenantService.
func (s *Store) Tenant(ctx context.Context, nameOrID string) (vcc.Tenant, error) {
	return read(ctx, s, func(tx querier) (vcc.Tenant, error) { return tenantOf(ctx, tx, nameOrID) })
}

func tenantOf(ctx context.Context, q querier, nameOrID string) (vcc.Tenant, error) {
	t, err := queryFirst[namedRow](ctx, q, "SELECT id, name FROM tenants WHERE id = $1 OR name = $1 ORDER BY name", nameOrID)
	if !errors.Is(err, sql.ErrNoRows) {
		return vcc.Tenant(t), err
	}
	// SQL compares bytes, and people write one name in several ways.
	all, err := queryAll[namedRow](ctx, q, "SELECT id, name FROM tenants ORDER BY ordinal")
	if err != nil {
		return vcc.Tenant{}, err
	}
	found, ok := vcc.Find(all, nameOrID, func(t namedRow) (id, name string) { return t.ID, t.Name })
	if !ok {
		return vcc.Tenant{}, notFound("", "there is no tenant %s", vcc.Clip(nameOrID))
	}
	return vcc.Tenant(found), nil
}

// TenantsWithoutAccount returns the tenants that were declared with a user name and never
// with a password, so that nobody can log in for them.
func (s *Store) TenantsWithoutAccount(ctx context.Context) ([]vcc.Tenant, error) {
	return read(ctx, s, func(tx querier) ([]vcc.Tenant, error) { return tenantsWithoutAccount(ctx, tx) })
}

func tenantsWithoutAccount(ctx context.Context, tx querier) ([]vcc.Tenant, error) {
	rows, err := queryAll[declaredRow](ctx, tx, "SELECT t.id, t.name, t.declaration FROM tenants AS t "+
		"WHERE NOT EXISTS (SELECT 1 FROM accounts AS a WHERE a.tenant_id = t.id) ORDER BY t.ordinal")
	if err != nil {
		return nil, err
	}
	var list []vcc.Tenant
	for _, r := range rows {
		t, err := decode[tenantRecord](r.Declaration)
		if err != nil {
			return nil, err
		}
		if t.Username != "" {
			list = append(list, vcc.Tenant{ID: r.ID, Name: r.Name})
		}
	}
	return list, nil
}
