package vcc

import (
	"context"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Role decides the permissions of an account.
type Role string

const (
	// RoleTenant sees and changes the objects of its own tenant.
	RoleTenant Role = "tenant"
	// RoleViewer sees the objects of its own tenant, and changes nothing.
	RoleViewer Role = "viewer"
	// RoleOperator declares labs, and acts for any tenant.
	RoleOperator Role = "operator"
)

// Account is an account at a backend.
type Account struct {
	// Username is the name that the history records.
	Username string
	Role     Role
	// TenantID is the tenant that a tenant's account belongs to, and the one that an
	// operator acts for who names none; "" for an operator who has to name one.
	TenantID string
}

// MayWrite refuses the changes of an account that may read alone. CodeAccessDenied.
func (a Account) MayWrite() error {
	if a.Role == RoleViewer {
		return &Error{Code: CodeAccessDenied, Message: "the account may read and not write, because its role is viewer; nothing was changed"}
	}
	return nil
}

// Tokens are the result of a login.
type Tokens struct {
	// Access identifies the sender of a request, for AccessTokenLifetime.
	Access string
	// Refresh is good for one login without the password, for RefreshTokenLifetime.
	Refresh string
}

// How long tokens are good for.
const (
	AccessTokenLifetime  = 15 * time.Minute
	RefreshTokenLifetime = 14 * 24 * time.Hour
)

// Session is a login that can still be refreshed.
type Session struct {
	ID       string
	Username string
	// Address is where the login came from: an IPv4 address, or a /64 network of IPv6. "" where
	// nobody knows.
	Address string
	// Since is when the password was given, RefreshedAt when the last tokens were issued, and
	// ExpiresAt when the last refresh token ends, or in a browser the session, unless somebody uses it before.
	Since, RefreshedAt, ExpiresAt time.Time
}

// AccountService keeps the accounts of a backend. Its methods are safe for concurrent
// use.
type AccountService interface {
	// LogIn exchanges a password for tokens. from is where the request came from.
	// CodeInvalidToken: there is no such account, or the password is wrong; the answer and
	// the time it takes are the same. CodeTooManyRequests: too many passwords were wrong (D23).
	// CodeUnavailable: too many wait to be checked. RetryAfter says when to try again.
	//
	// The account is that of the user name, also where the login is refused, and the zero value if there is none or
	// nobody looked: it is for a log, and no caller's business.
	LogIn(ctx context.Context, username, password string, from netip.Addr) (Tokens, Account, error)
	// Refresh exchanges a refresh token for new tokens. from is where the request came from.
	// CodeInvalidToken: nobody issued it, or it was used before, and then everything that came of
	// the same login is good no more: somebody else has it. CodeExpiredToken: it is too old.
	// CodeTooManyRequests: nobody issued it, and too many such tokens came from this address.
	Refresh(ctx context.Context, refreshToken string, from netip.Addr) (Tokens, error)
	// Authenticate returns whose an access token is. CodeInvalidToken: nobody issued it,
	// or it was revoked. CodeExpiredToken: it is too old.
	Authenticate(ctx context.Context, accessToken string) (Account, error)
}

// The bounds of names and passwords. NIST SP 800-63B asks for 8 characters at least,
// and for no rules on which.
const (
	maxUsername       = 128  // bytes
	minPasswordLength = 8    // characters
	maxPasswordLength = 1024 // bytes
)

// ValidateUsername checks the name of an account. The error has no field.
func ValidateUsername(name string) error {
	switch {
	case name == "":
		return invalid("", "an account needs a user name")
	case len(name) > maxUsername:
		return invalid("", "the user name has %d bytes; it may have %d", len(name), maxUsername)
	case !utf8.ValidString(name) || strings.TrimSpace(name) != name || strings.ContainsFunc(name, unicode.IsControl):
		return invalid("", "the user name %q has spaces around it, control characters, or is not UTF-8", name)
	}
	return nil
}

// ValidatePassword checks a new password. The error has no field and does not show
// the password.
func ValidatePassword(password string) error {
	switch {
	case utf8.RuneCountInString(password) < minPasswordLength:
		return invalid("", "the password needs %d characters at least", minPasswordLength)
	case len(password) > maxPasswordLength:
		return invalid("", "the password may have %d bytes at most", maxPasswordLength)
	case !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl):
		return invalid("", "the password has control characters, such as a line break, or is not UTF-8")
	}
	return nil
}
