package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// logins is what concerns accounts, their tokens and who tries to log in.
const logins scope = "logins"

// accountRow is a row of the table.
type accountRow struct {
	bun.BaseModel `bun:"table:accounts"`
	Username      string `bun:",pk"`
	TenantID      *string
	PasswordHash  string
	Declared      bool
}

func (r accountRow) account() vcc.Account {
	if r.TenantID == nil {
		return vcc.Account{Username: r.Username, Role: vcc.RoleOperator}
	}
	return vcc.Account{Username: r.Username, Role: vcc.RoleTenant, TenantID: *r.TenantID}
}

// findAccount returns an account, nil if there is none.
func findAccount(ctx context.Context, db bun.IDB, username string) (*accountRow, error) {
	var row accountRow
	err := db.NewSelect().Model(&row).Where("username = ?", username).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &row, err
}

func noAccount(username string) error { return notFound("", "there is no account %q", username) }

// Accounts returns every account in order of their names.
func (s *Store) Accounts(ctx context.Context) (list []vcc.Account, err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		var rows []accountRow
		err := tx.NewSelect().Model(&rows).OrderExpr("username").Scan(ctx)
		list = convert(rows, accountRow.account)
		return err
	})
	return list, err
}

// AddAccount adds an account. CodeInvalidValue: its name or password cannot be one.
// CodeNotFound: there is no such tenant. CodeConflict: there is an account of that name.
func (s *Store) AddAccount(ctx context.Context, a vcc.Account, password string) error {
	row := accountRow{Username: a.Username}
	if a.Role == vcc.RoleTenant {
		row.TenantID = &a.TenantID
	}
	if err := errors.Join(vcc.ValidateUsername(a.Username), vcc.ValidatePassword(password)); err != nil {
		return err
	}
	var err error
	if row.PasswordHash, err = hashPassword(ctx, password); err != nil {
		return err
	}
	return s.write(ctx, everything, func(tx bun.Tx) error { // the tenant must not go meanwhile
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
		_, err = tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
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
	return s.write(ctx, logins, func(tx bun.Tx) error { return setPasswordHash(ctx, tx, username, hash) })
}

func setPasswordHash(ctx context.Context, tx bun.Tx, username, hash string) error {
	row, err := findAccount(ctx, tx, username)
	if err != nil {
		return err
	}
	if row == nil {
		return noAccount(username)
	}
	if _, err := tx.NewRaw("UPDATE accounts SET password_hash = ? WHERE username = ?", hash, username).Exec(ctx); err != nil {
		return err
	}
	_, err = tx.NewRaw("DELETE FROM tokens WHERE username = ?", username).Exec(ctx)
	return err
}

// RemoveAccount removes an account and ends its logins. CodeNotFound: there is no such
// account.
func (s *Store) RemoveAccount(ctx context.Context, username string) error {
	return s.write(ctx, logins, func(tx bun.Tx) error {
		row, err := findAccount(ctx, tx, username)
		if err != nil {
			return err
		}
		if row == nil {
			return noAccount(username)
		}
		_, err = tx.NewDelete().Model(row).WherePK().Exec(ctx) // its tokens go with it
		return err
	})
}

// Tenant implements vcc.LabService.
func (s *Store) Tenant(ctx context.Context, nameOrID string) (t vcc.Tenant, err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		t, err = tenantOf(ctx, tx, nameOrID)
		return err
	})
	return t, err
}

func tenantOf(ctx context.Context, db bun.IDB, nameOrID string) (t vcc.Tenant, err error) {
	err = db.NewSelect().TableExpr("tenants").ColumnExpr("id, name").
		Where("id = ? OR name = ?", nameOrID, nameOrID).OrderExpr("name").Limit(1).Scan(ctx, &t)
	if errors.Is(err, sql.ErrNoRows) {
		err = notFound("", "there is no tenant %q", nameOrID)
	}
	return t, err
}

// TenantsWithoutAccount implements vcc.LabService.
func (s *Store) TenantsWithoutAccount(ctx context.Context) (list []vcc.Tenant, err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		list = nil
		var rows []struct{ ID, Name, Declaration string }
		err := tx.NewSelect().TableExpr("tenants AS t").ColumnExpr("t.id, t.name, t.declaration").
			Where("NOT EXISTS (SELECT 1 FROM accounts AS a WHERE a.tenant_id = t.id)").OrderExpr("t.ordinal").Scan(ctx, &rows)
		for _, r := range rows {
			declared, err := decode[vcc.LabTenant](r.Declaration)
			if err != nil {
				return err
			}
			if declared.Username != "" {
				list = append(list, vcc.Tenant{ID: r.ID, Name: r.Name})
			}
		}
		return err
	})
	return list, err
}

// declaredHashes returns what a lab's passwords are stored as: of those that are stored
// already, what is stored, so that declaring them again ends no login.
func (s *Store) declaredHashes(ctx context.Context, lab vcc.Lab) (map[string]string, error) {
	hashes := map[string]string{}
	for username, password := range lab.Passwords {
		row, err := findAccount(ctx, s.db, username)
		if err != nil {
			return nil, s.engine.translate(err)
		}
		if row != nil {
			same, err := isPassword(ctx, password, row.PasswordHash)
			if err != nil {
				return nil, err
			}
			if same {
				hashes[username] = row.PasswordHash
				continue
			}
		}
		if hashes[username], err = hashPassword(ctx, password); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

// putAccounts makes the accounts that the lab declares, and removes those that it no
// longer does.
func (c *labChange) putAccounts() error {
	for i, t := range c.lab.Tenants {
		id := c.tenants[t.Name]
		if err := c.exec("DELETE FROM accounts WHERE tenant_id = ? AND declared AND username <> ?", id, t.Username); err != nil {
			return err
		}
		hash := c.hashes[t.Username]
		if t.Username == "" || hash == "" {
			continue
		}
		row, err := findAccount(c.ctx, c.tx, t.Username)
		switch {
		case err != nil:
			return err
		case row == nil:
			row := accountRow{Username: t.Username, TenantID: &id, PasswordHash: hash, Declared: true}
			if _, err := c.tx.NewInsert().Model(&row).Exec(c.ctx); err != nil {
				return err
			}
		case row.TenantID == nil || *row.TenantID != id:
			return &vcc.Error{Code: vcc.CodeConflict, Field: fmt.Sprintf("tenants[%d].username", i), Message: fmt.Sprintf(
				"%q is an account that does not belong to tenant %q; nothing was changed. Use another user name", t.Username, t.Name)}
		case row.PasswordHash != hash:
			if err := setPasswordHash(c.ctx, c.tx, t.Username, hash); err != nil {
				return err
			}
		}
	}
	return nil
}
