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
	"strings"
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
	// Since and Address are when and from where the login was made; nil for a token that is older
	// than these columns.
	Since   *time.Time
	Address string
}

const (
	selectTokens   = "SELECT digest, family, username, expires_at, used, since, address FROM tokens" // #nosec G101 -- a query
	selectByDigest = selectTokens + " WHERE digest = $1 AND kind = $2"
)

func (r *tokenRow) fields() []any {
	return []any{&r.Digest, &r.Family, &r.Username, &r.ExpiresAt, &r.Used, &r.Since, &r.Address}
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

// loginTry is a login that is under way.
type loginTry struct {
	username, address string
	// here, from and account are the subjects that its failure counts for, or hidden alone where it is not told.
	// They are digests, because people type passwords where their name belongs. An address has no space, so no name
	// makes one subject look like another.
	here, from, account, hidden string
}

func newLoginTry(username, address string) loginTry {
	return loginTry{
		username: username, address: address,
		here: digest("pair " + address + " " + username), from: digest("address " + address), account: digest("account " + username),
		hidden: digest("hidden " + address + " " + username),
	}
}

// failureWrite bounds how long the count of a wrong password waits for its turn. Who closes the
// connection does not stop it.
const failureWrite = 10 * time.Second

// LogIn implements vcc.AccountService.
func (s *Store) LogIn(ctx context.Context, username, password string, from netip.Addr) (vcc.Tokens, vcc.Account, error) {
	return s.logIn(ctx, username, password, from, forClient)
}

func (s *Store) logIn(ctx context.Context, username, password string, from netip.Addr, of lifetimes) (vcc.Tokens, vcc.Account, error) {
	try := newLoginTry(username, vcc.ClientAddress(from))
	// What refuses it only reads: nobody waits for a guesser's writes.
	seen, end, err := s.guesses.begin(ctx, try.here, s.now, func() (seenLogin, error) { return s.look(ctx, try) })
	if err != nil {
		return vcc.Tokens{}, seen.whose, err
	}
	defer end() // once the failure is stored
	tokens, err := s.logInNow(ctx, try, password, seen, of)
	return tokens, seen.whose, err
}

// logInNow is logIn for a password that may be checked.
func (s *Store) logInNow(ctx context.Context, try loginTry, password string, seen seenLogin, of lifetimes) (vcc.Tokens, error) {
	right, err := checkPassword(ctx, loginTurn(try.address, seen.failures), password, seen.hash)
	// Only a guess that is crowded out comes again at once.
	if crowdedOut := (*vcc.Error)(nil); errors.As(err, &crowdedOut) && crowdedOut.Code == vcc.CodeTooManyRequests {
		s.guesses.remember(try.here, refusal{s.now(), crowdedOut.RetryAfter, *crowdedOut, seen.whose})
	}
	if err != nil {
		return vcc.Tokens{}, err
	}
	wrong := invalidToken("the user name or the password is wrong")
	if !right {
		subjects := []string{try.here, try.from, try.account}
		if refused := seen.refusal(); refused != nil {
			subjects, wrong = []string{try.hidden}, refused
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), failureWrite)
		defer cancel()
		err := s.guesses.oneByOne(ctx, func() error {
			return s.write(ctx, logins, func(tx querier) error { return s.countFailure(ctx, tx, subjects) })
		})
		if err != nil {
			return vcc.Tokens{}, err
		}
		return vcc.Tokens{}, wrong
	}
	tokens, err := write(ctx, s, logins, func(tx querier) (vcc.Tokens, error) {
		now, err := findAccount(ctx, tx, try.username)
		if err != nil {
			return vcc.Tokens{}, err
		}
		if now == nil || now.PasswordHash != seen.hash { // it was changed meanwhile
			return vcc.Tokens{}, wrong
		}
		// Somebody who guesses may have an account, too: its logins clear nothing but its own.
		err = tx.exec(ctx, "DELETE FROM login_attempts WHERE subject IN ($1, $2)", try.here, try.hidden)
		if err == nil {
			err = s.forgetOld(ctx, tx)
		}
		if err != nil {
			return vcc.Tokens{}, err
		}
		at := s.now()
		return s.issue(ctx, tx, at, of, tokenRow{Username: try.username, Family: uuid.NewString(), Since: &at, Address: try.address})
	})
	if err == nil {
		s.guesses.forget(try.here)
	}
	return tokens, err
}

// loginRow is everything that concerns a login: its account, whether that logged in at the address before, and how often
// each of the subjects failed. What there is none of is nil.
type loginRow struct {
	Username, TenantID, PasswordHash *string
	Declared, ReadOnly               *bool
	Known                            bool
	Here, Address, Account, Hidden   failureColumns
}

// failureColumns are how often a subject failed to log in.
type failureColumns struct {
	Count  *int
	LastAt *time.Time
}

func (r *loginRow) fields() []any {
	return []any{
		&r.Username, &r.TenantID, &r.PasswordHash, &r.Declared, &r.ReadOnly, &r.Known,
		&r.Here.Count, &r.Here.LastAt, &r.Address.Count, &r.Address.LastAt, &r.Account.Count, &r.Account.LastAt, &r.Hidden.Count, &r.Hidden.LastAt,
	}
}

// since returns what failed since a time.
func (c failureColumns) since(t time.Time) (f vcc.Failures) {
	if c.LastAt == nil || c.LastAt.Before(t) {
		return f
	}
	return vcc.Failures{Count: *c.Count, LastAt: *c.LastAt}
}

// selectLogin asks everything at once: beside a crowd of guessers, each answer of the database waits for a processor.
const selectLogin = `SELECT a.username, a.tenant_id, a.password_hash, a.declared, a.read_only,
	EXISTS (SELECT 1 FROM tokens t WHERE t.username = $1 AND t.address = $2 AND t.kind = 'refresh' AND t.expires_at > $3),
	here.count, here.last_at, address.count, address.last_at, account.count, account.last_at, hidden.count, hidden.last_at
	FROM (SELECT 1) AS one LEFT JOIN accounts a ON a.username = $1
	LEFT JOIN login_attempts here ON here.subject = $4 LEFT JOIN login_attempts address ON address.subject = $5
	LEFT JOIN login_attempts account ON account.subject = $6 LEFT JOIN login_attempts hidden ON hidden.subject = $7`

// look returns what concerns a login.
func (s *Store) look(ctx context.Context, try loginTry) (seenLogin, error) {
	q := querier{store: s}
	seen, err := again(s, func() (seen seenLogin, err error) {
		if seen.at, err = s.clock(ctx, q); err != nil {
			return seen, err
		}
		row, err := queryFirst[loginRow](ctx, q, selectLogin, try.username, try.address, s.now(), try.here, try.from, try.account, try.hidden)
		if err != nil {
			return seen, err
		}
		since := seen.at.Add(-vcc.LoginsForgotten)
		seen.failures = vcc.LoginFailures{
			Here: row.Here.since(since), Address: row.Address.since(since), Account: row.Account.since(since), Hidden: row.Hidden.since(since),
			Known: row.Known,
		}
		if row.Username != nil {
			a := accountRow{*row.Username, row.TenantID, *row.PasswordHash, *row.Declared, *row.ReadOnly}
			seen.whose, seen.hash = a.account(), a.PasswordHash
		}
		return seen, nil
	})
	return seen, s.engine.translate(err)
}

// countFailure counts a wrong password for each of some subjects. It is one statement, because all failures of all
// accounts take turns.
func (s *Store) countFailure(ctx context.Context, tx querier, subjects []string) error {
	if err := s.forgetOld(ctx, tx); err != nil {
		return err
	}
	at, err := s.clock(ctx, tx)
	if err != nil {
		return err
	}
	rows, values := make([]string, len(subjects)), []any{at}
	for i, subject := range subjects {
		rows[i] = fmt.Sprintf("($%d, 1, $1)", i+2)
		values = append(values, subject)
	}
	return tx.exec(ctx, "INSERT INTO login_attempts (subject, count, last_at) VALUES "+strings.Join(rows, ", ")+
		" ON CONFLICT (subject) DO UPDATE SET count = login_attempts.count + 1, last_at = excluded.last_at", values...)
}

// forgetOld removes failures and tokens that nobody asks for any more, if that is due. A failure that is yet to
// come is of a clock that was set back since.
func (s *Store) forgetOld(ctx context.Context, tx querier) error {
	if !s.guesses.toForget(s.now()) {
		return nil
	}
	now, err := s.clock(ctx, tx)
	if err == nil {
		err = tx.exec(ctx, "DELETE FROM login_attempts WHERE last_at < $1 OR last_at > $2", now.Add(-vcc.LoginsForgotten), now.Add(vcc.LoginsForgotten))
	}
	if err == nil {
		err = tx.exec(ctx, "DELETE FROM tokens WHERE expires_at < $1", s.now().Add(-expiredKept))
	}
	return err
}

// issue adds a pair of tokens of a login, whose lifetimes begin at a time.
func (s *Store) issue(ctx context.Context, tx querier, at time.Time, of lifetimes, login tokenRow) (vcc.Tokens, error) {
	tokens := vcc.Tokens{Access: of.prefix + newToken(), Refresh: newToken()}
	return tokens, tx.exec(ctx, "INSERT INTO tokens (digest, kind, expires_at, family, username, since, address) VALUES ($1, 'access', $2, $5, $6, $7, $8), ($3, 'refresh', $4, $5, $6, $7, $8)",
		digest(tokens.Access), at.Add(of.access), digest(tokens.Refresh), at.Add(of.refresh), login.Family, login.Username, login.Since, login.Address)
}

// findToken returns an unexpired token. CodeInvalidToken: nobody issued it, and then there is no
// row. CodeExpiredToken.
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
func (s *Store) Refresh(ctx context.Context, refreshToken string, from netip.Addr) (vcc.Tokens, error) {
	// Most of what is refused is so by a read.
	row, err := again(s, func() (*tokenRow, error) { return s.findToken(ctx, querier{store: s}, "refresh", refreshToken) })
	switch {
	case row == nil:
		if early := s.wrongRefreshes.count(vcc.ClientAddress(from), s.now()); early != nil {
			err = early
		}
		return vcc.Tokens{}, err
	case err != nil:
		return vcc.Tokens{}, s.engine.translate(err)
	}
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
		tokens, err := s.issue(ctx, tx, s.now(), forClient, *row)
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
	if strings.HasPrefix(accessToken, windowPrefix) {
		return vcc.Account{}, invalidToken("the access token is a browser's, and good for nothing else; log in again")
	}
	account, _, err := s.authenticate(ctx, accessToken)
	return account, err
}

func (s *Store) authenticate(ctx context.Context, accessToken string) (account vcc.Account, token *tokenRow, err error) {
	q := querier{store: s}
	account, err = again(s, func() (vcc.Account, error) { // no transaction: this comes before every request
		var err error
		if token, err = s.findToken(ctx, q, "access", accessToken); err != nil {
			return vcc.Account{}, err
		}
		row, err := findAccount(ctx, q, token.Username)
		switch {
		case err != nil:
			return vcc.Account{}, err
		case row == nil: // removed since
			return vcc.Account{}, invalidToken("the account is no more; log in with another")
		}
		return row.account(), nil
	})
	return account, token, s.engine.translate(err)
}
