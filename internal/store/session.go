package store

import (
	"context"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// session is the one that a refresh token ends, which is not used yet: each has one such token.
func (r tokenRow) session() vcc.Session {
	s := vcc.Session{ID: r.Family, Username: r.Username, Address: r.Address, RefreshedAt: r.ExpiresAt.Add(-vcc.RefreshTokenLifetime), ExpiresAt: r.ExpiresAt}
	if s.Since = s.RefreshedAt; r.Since != nil { // else older releases did not write it down
		s.Since = *r.Since
	}
	if s.RefreshedAt.Before(s.Since) { // a browser's, which is never refreshed and ends sooner
		s.RefreshedAt = s.Since
	}
	return s
}

// Sessions returns every login that can still be refreshed, of one account or with "" of all, in
// order of accounts, the newest first. CodeNotFound: there is no such account.
func (s *Store) Sessions(ctx context.Context, username string) ([]vcc.Session, error) {
	return read(ctx, s, func(tx querier) ([]vcc.Session, error) {
		if username != "" {
			if row, err := findAccount(ctx, tx, username); err != nil {
				return nil, err
			} else if row == nil {
				return nil, noAccount(username)
			}
		}
		rows, err := queryAll[tokenRow](ctx, tx, selectTokens+" WHERE kind = 'refresh' AND used = FALSE AND expires_at > $1 AND (username = $2 OR $2 = '') "+
			"ORDER BY username, expires_at DESC, family", s.now(), username)
		return convert(rows, tokenRow.session), err
	})
}

// RevokeAccount ends every login of an account, and returns how many there were. The account
// stays. CodeNotFound: there is no such account.
func (s *Store) RevokeAccount(ctx context.Context, username string) (int, error) {
	return write(ctx, s, logins, func(tx querier) (int, error) {
		row, err := findAccount(ctx, tx, username)
		if err != nil {
			return 0, err
		}
		if row == nil {
			return 0, noAccount(username)
		}
		ended, err := queryValue[int](ctx, tx, "SELECT count(*) FROM tokens WHERE username = $1 AND kind = 'refresh' AND used = FALSE AND expires_at > $2", username, s.now())
		if err != nil {
			return 0, err
		}
		return ended, tx.exec(ctx, "DELETE FROM tokens WHERE username = $1", username)
	})
}

// RevokeSession ends a login. CodeNotFound: there is none of that ID.
func (s *Store) RevokeSession(ctx context.Context, id string) error {
	return s.write(ctx, logins, func(tx querier) error {
		tokens, err := queryValue[int](ctx, tx, "SELECT count(*) FROM tokens WHERE family = $1", id)
		if err != nil {
			return err
		}
		if tokens == 0 {
			return notFound(id, "there is no session %q; `account sessions` lists them", id)
		}
		return tx.exec(ctx, "DELETE FROM tokens WHERE family = $1", id)
	})
}
