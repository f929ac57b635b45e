package vcc

import (
	"net/netip"
	"time"
)

// D23: guessing is slowed down, and nobody can lock somebody else out (our decision).
//
//   - Wrong passwords count per account and address. Some are free, then each try waits, twice as
//     long each time. A try that comes too early is not looked at and makes no wait longer.
//   - An account is known at an address from which it has logged in, as long as one of those
//     logins could still be refreshed. What others do changes nothing for it there.
//   - Elsewhere an address that failed for many accounts waits, too, and an account that failed
//     from many addresses has a single free try per address. So whoever comes from an address
//     that nobody guessed from gets the first password looked at, whatever is going on.
//   - Nobody learns which accounts are known at an address that waits. There a wrong password for one is
//     told what others are told, and counts for nothing that anybody is told.
//   - Passwords are checked in the order of Rank, where there are more than can be checked at once.
const (
	freeLogins      = 10  // for one account from one address
	freeUnderAttack = 1   // for one account from one address, where many others failed for the account
	freeOfAddress   = 100 // from one address, for whatever accounts
	attackedFrom    = 100 // for one account, from whatever addresses: somebody is guessing from many
	longestWait     = 30 * time.Second
	// LoginsForgotten is after how long without a wrong one wrong passwords count no more.
	LoginsForgotten = 15 * time.Minute
)

// ClientAddress is what counts as one address of callers: "192.0.2.1", or "2001:db8::/64", since a
// whole /64 is one customer's in IPv6 (RFC 6177). An IPv4 address in IPv6's form is the IPv4
// address. "" is a connection in memory.
func ClientAddress(from netip.Addr) string {
	switch from = from.Unmap().WithZone(""); {
	case !from.IsValid():
		return ""
	case from.Is6():
		return netip.PrefixFrom(from, 64).Masked().String()
	}
	return from.String()
}

// Failures are the wrong passwords of late: how many, and when the last one came.
type Failures struct {
	Count  int
	LastAt time.Time
}

// Wait is how long the next try has to wait, if so many are free. A last one that is yet to come
// is of another clock, or of this one before it was set back. It makes nobody wait.
func (f Failures) Wait(now time.Time, free int) time.Duration {
	if f.Count < free || f.LastAt.After(now) {
		return 0
	}
	return max(0, min(time.Second<<min(f.Count-free, 10), longestWait)-now.Sub(f.LastAt))
}

// LoginFailures are the wrong passwords that concern a login (D23).
type LoginFailures struct {
	// Here are those for its account from its address, Address those from its address for whatever
	// account, and Account those for its account from whatever address.
	Here, Address, Account Failures
	// Hidden are those for its account from its address that were not told to be wrong.
	Hidden Failures
	// Known says that the account has logged in from the address.
	Known bool
}

// wrong is how many wrong passwords there were for the account from the address.
func (f LoginFailures) wrong() int { return f.Here.Count + f.Hidden.Count }

// Guess reports whether the login is likely a guess: the address had the password wrong before, or nobody has
// logged in from it and the account is attacked.
func (f LoginFailures) Guess() bool { return f.wrong() > 0 || f.attacked() }

func (f LoginFailures) attacked() bool { return !f.Known && f.Account.Count >= attackedFrom }

func (f LoginFailures) free() int {
	if f.attacked() {
		return freeUnderAttack
	}
	return freeLogins
}

// Wait is how long it takes until the password may be looked at, 0 if it may be now. It is 30 s at most.
func (f LoginFailures) Wait(now time.Time) time.Duration {
	address := f.Address.Wait(now, freeOfAddress)
	if f.Known {
		address = min(address, f.Hidden.Wait(now, freeLogins))
	}
	return max(f.Here.Wait(now, f.free()), address)
}

// Told is how long a login has to wait that is not let in, as far as it is told: what Wait would be if the account
// were not known. It is 0 where a wrong password is told to be wrong, and where it is not, the wrong password is
// one of Hidden.
func (f LoginFailures) Told(now time.Time) time.Duration {
	return max(f.Here.Wait(now, f.free()), f.Address.Wait(now, freeOfAddress))
}

// AtOnce is how many passwords for the account from the address may be tried at once: those that
// are free still, and one where none is.
func (f LoginFailures) AtOnce() int { return max(1, f.free()-f.wrong()) }

// Rank orders logins that compete: the least is tried first.
func (f LoginFailures) Rank() int {
	if f.Known {
		return f.wrong()
	}
	return 1 + max(f.Here.Count, f.Address.Count)
}

// refreshesFree is how many refresh tokens that nobody issued an address may send without a wait.
const refreshesFree = 100

// RefreshWait is how long an address waits for an answer to the next refresh token that nobody
// issued. One that somebody issued is never refused: it cannot be guessed.
func (f Failures) RefreshWait(now time.Time) time.Duration {
	if now.Sub(f.LastAt).Abs() > LoginsForgotten {
		return 0
	}
	return f.Wait(now, refreshesFree)
}
