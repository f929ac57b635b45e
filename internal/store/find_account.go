package store

import (
	"context"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Account implements vcc.AccountService.
func (s *Store) Account(ctx context.Context, username string) (vcc.Account, error) {
	// No transaction: every login that is refused asks this.
	row, err := again(s, func() (*accountRow, error) { return findAccount(ctx, querier{store: s}, username) })
	switch {
	case err != nil:
		return vcc.Account{}, s.engine.translate(err)
	case row == nil:
		return vcc.Account{}, noAccount(username)
	}
	return row.account(), nil
}
