package store

import (
	"context"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Account implements vcc.AccountService.
func (s *Store) Account(ctx context.Context, username string) (vcc.Account, error) {
	return read(ctx, s, func(tx querier) (vcc.Account, error) {
		row, err := findAccount(ctx, tx, username)
		switch {
		case err != nil:
			return vcc.Account{}, err
		case row == nil:
			return vcc.Account{}, noAccount(username)
		}
		return row.account(), nil
	})
}
