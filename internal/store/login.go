package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// expiredKept is how long an expired token is kept, to tell that it expired.
const expiredKept = 24 * time.Hour

// tokenRow is a row of the table.
type tokenRow struct {
	Digest    string
	Family    string
	Username  string
	ExpiresAt time.Time
	Used      bool
}

const selectByDigest = "SELECT digest, family, username, expires_at, used FROM tokens WHERE digest = $1 AND kind = $2"

func (r *tokenRow) fields() []any {
	return []any{&r.Digest, &r.Family, &r.Username, &r.ExpiresAt, &r.Used}
}

var _ vcc.AccountService = (*Store)(nil)

func invalidToken(format string, args ...any) error {
	return &vcc.Error{Code: vcc.CodeInvalidToken, Message: fmt.Sprintf(format, args...)}
}

// digest is what is stored of a secret with as many bits as a digest has, and of what
// only needs to be told from others.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// newToken returns a token that nobody can guess: 256 bits.
func newToken() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return base64.RawURLEncoding.EncodeToString(secret)
}

// LogIn implements vcc.AccountService.
func (s *Store) LogIn(ctx context.Context, username, password string, from netip.Addr) (vcc.Tokens, error) {
	// A whole /64 is one customer's in IPv6 (RFC 6177): so it is one address here.
	if from = from.Unmap().WithZone(""); from.Is6() {
		from = netip.PrefixFrom(from, 64).Masked().Addr()
	}
	account, address := digest("account "+username), digest("address "+from.String())
	// The attempt counts before the password is looked at: of a thousand guesses that
	// come at once only the free ones are.
	row, err := write(ctx, s, logins, func(tx querier) (*accountRow, error) {
		if err := s.forgetOld(ctx, tx); err != nil {
			return nil, err
		}
		for _, subject := range []string{account, address} {
			if err := s.attempt(ctx, tx, subject); err != nil {
				return nil, err
			}
		}
		return findAccount(ctx, tx, username)
	})
	if err != nil {
		return vcc.Tokens{}, err
	}
	hash := ""
	if row != nil {
		hash = row.PasswordHash
	}
	right, err := isPassword(ctx, password, hash)
	if err != nil {
		return vcc.Tokens{}, err
	}
	refused := invalidToken("the user name or the password is wrong")
	if !right {
		return vcc.Tokens{}, refused
	}
	return write(ctx, s, logins, func(tx querier) (vcc.Tokens, error) {
		now, err := findAccount(ctx, tx, username)
		if err != nil {
			return vcc.Tokens{}, err
		}
		if now == nil || now.PasswordHash != hash { // it was changed meanwhile
			return vcc.Tokens{}, refused
		}
		// Somebody who guesses may have an account, too: its logins clear that account alone.
		err = tx.exec(ctx, "DELETE FROM login_attempts WHERE subject = $1", account)
		if err == nil {
			err = tx.exec(ctx, "UPDATE login_attempts SET count = count - 1 WHERE subject = $1 AND count > 0", address)
		}
		if err != nil {
			return vcc.Tokens{}, err
		}
		return s.issue(ctx, tx, username, uuid.NewString())
	})
}

// attemptsRow is how often a subject tried to log in.
type attemptsRow struct {
	Count  int
	LastAt time.Time
}

func (r *attemptsRow) fields() []any { return []any{&r.Count, &r.LastAt} }

// attempt counts one, or refuses it. CodeTooManyRequests: it comes too early.
func (s *Store) attempt(ctx context.Context, tx querier, subject string) error {
	row, err := queryFirst[attemptsRow](ctx, tx, "SELECT count, last_at FROM login_attempts WHERE subject = $1", subject)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if wait := row.LastAt.Add(vcc.LoginWait(row.Count)).Sub(s.now()); row.Count > 0 && wait > 0 {
		return &vcc.Error{Code: vcc.CodeTooManyRequests, RetryAfter: wait, Message: "too many logins failed for this account or from this address; nothing is locked, try again later"}
	}
	return tx.exec(ctx, "INSERT INTO login_attempts (subject, count, last_at) VALUES ($1, 1, $2) "+
		"ON CONFLICT (subject) DO UPDATE SET count = login_attempts.count + 1, last_at = excluded.last_at", subject, s.now())
}

// forgetOld removes attempts and tokens that nobody asks for any more.
func (s *Store) forgetOld(ctx context.Context, tx querier) error {
	err := tx.exec(ctx, "DELETE FROM login_attempts WHERE last_at < $1", s.now().Add(-vcc.LoginsForgotten))
	if err == nil {
		err = tx.exec(ctx, "DELETE FROM tokens WHERE expires_at < $1", s.now().Add(-expiredKept))
	}
	return err
}

// issue adds a pair of tokens to a family.
func (s *Store) issue(ctx context.Context, tx querier, username, family string) (vcc.Tokens, error) {
	tokens := vcc.Tokens{Access: newToken(), Refresh: newToken()}
	for _, t := range []struct {
		secret, kind string
		lifetime     time.Duration
	}{{tokens.Access, "access", vcc.AccessTokenLifetime}, {tokens.Refresh, "refresh", vcc.RefreshTokenLifetime}} {
		err := tx.exec(ctx, "INSERT INTO tokens (digest, kind, family, username, expires_at) VALUES ($1, $2, $3, $4, $5)",
			digest(t.secret), t.kind, family, username, s.now().Add(t.lifetime))
		if err != nil {
			return vcc.Tokens{}, err
		}
	}
	return tokens, nil
}

// findToken returns an unexpired token. CodeInvalidToken, CodeExpiredToken.
func (s *Store) findToken(ctx context.Context, q querier, kind, token string) (*tokenRow, error) {
	row, err := queryFirst[tokenRow](ctx, q, selectByDigest, digest(token), kind)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, invalidToken("the %s token is none that this server issued, or it was revoked; log in again", kind)
	}
	if err == nil && !s.now().Before(row.ExpiresAt) {
		err = &vcc.Error{Code: vcc.CodeExpiredToken, Message: fmt.Sprintf("the %s token expired; log in again", kind)}
	}
	return &row, err
}

// Refresh implements vcc.AccountService.
func (s *Store) Refresh(ctx context.Context, refreshToken string) (vcc.Tokens, error) {
	// nil: the token was used before.
	tokens, err := write(ctx, s, logins, func(tx querier) (*vcc.Tokens, error) {
		row, err := s.findToken(ctx, tx, "refresh", refreshToken)
		if err != nil {
			return nil, err
		}
		if row.Used {
			return nil, tx.exec(ctx, "DELETE FROM tokens WHERE family = $1", row.Family)
		}
		if err := tx.exec(ctx, "UPDATE tokens SET used = TRUE WHERE digest = $1", row.Digest); err != nil {
			return nil, err
		}
		tokens, err := s.issue(ctx, tx, row.Username, row.Family)
		return &tokens, err
	})
	switch {
	case err != nil:
		return vcc.Tokens{}, err
	case tokens == nil:
		return vcc.Tokens{}, invalidToken("the refresh token was used before, so that somebody else may have it; everything that came of its login was revoked, log in again")
	}
	return *tokens, nil
}

// Authenticate implements vcc.AccountService.
func (s *Store) Authenticate(ctx context.Context, accessToken string) (vcc.Account, error) {
	q := querier{store: s}
	a, err := again(s, func() (vcc.Account, error) { // no transaction: this comes before every request
		row, err := s.findToken(ctx, q, "access", accessToken)
		if err != nil {
			return vcc.Account{}, err
		}
		account, err := findAccount(ctx, q, row.Username)
		switch {
		case err != nil:
			return vcc.Account{}, err
		case account == nil: // removed since
			return vcc.Account{}, invalidToken("the account is no more; log in with another")
		}
		return account.account(), nil
	})
	return a, s.engine.translate(err)
}
