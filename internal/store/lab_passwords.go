package store

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// hashingTime is how long ApplyLab hashes passwords. What is left after it is left to the next
// call, so that no lab is too large for one request.
const hashingTime = 10 * time.Second

// settledPassword is what the hash of an account was and what it is to be. They are the same where
// the account has the password already. was is "" where no lab had made the account.
type settledPassword struct{ was, is string }

// labPasswords are the passwords that a lab gives.
type labPasswords struct {
	// given are they, by user name.
	given map[string]string
	// settled has those whose hashes are known, by user name.
	settled map[string]settledPassword
}

// unchanged reports whether every account has its password already.
func (p labPasswords) unchanged() bool {
	for username := range p.given {
		if s, known := p.settled[username]; !known || s.was != s.is {
			return false
		}
	}
	return true
}

// knownPasswords remembers which passwords were found to be those of stored hashes, so that a lab
// that is declared again costs no hashing. It is this process's alone: the key is random, and
// nothing of it is stored. It is safe for concurrent use.
type knownPasswords struct {
	key  [32]byte
	mu   sync.Mutex
	tags map[string][sha256.Size]byte // by user name
}

func newKnownPasswords() *knownPasswords {
	k := &knownPasswords{tags: map[string][sha256.Size]byte{}}
	_, _ = rand.Read(k.key[:]) // never fails
	return k
}

func (k *knownPasswords) tag(password, hash string) (tag [sha256.Size]byte) {
	h := hmac.New(sha256.New, k.key[:])
	h.Write([]byte(hash + "\x00" + password)) // a hash has no such character
	h.Sum(tag[:0])
	return tag
}

// is reports whether a password is known to be that of a hash.
func (k *knownPasswords) is(username, password, hash string) bool {
	tag := k.tag(password, hash)
	k.mu.Lock()
	defer k.mu.Unlock()
	known, there := k.tags[username]
	return there && hmac.Equal(known[:], tag[:])
}

func (k *knownPasswords) remember(username, password, hash string) {
	tag := k.tag(password, hash)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tags[username] = tag
}

// forget forgets the accounts that are not among those of now.
func (k *knownPasswords) forget(now map[string]accountRow) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for username := range k.tags {
		if _, there := now[username]; !there {
			delete(k.tags, username)
		}
	}
}

// settlePasswords hashes the passwords that a lab gives, or finds that an account has its password
// already, so that declaring it again ends no login. It begins no further one once the time is
// up; those whose account is missing come first. With some time it settles at least one, and
// with none only those that are known. It holds no lock of the database meanwhile, and hashes one
// after the other, which leaves room to logins (see hashQueue).
func (s *Store) settlePasswords(ctx context.Context, given map[string]string, within time.Duration) (labPasswords, error) {
	p := labPasswords{given, map[string]settledPassword{}}
	if len(given) == 0 {
		return p, nil
	}
	rows, err := read(ctx, s, func(tx querier) ([]accountRow, error) { return readAccounts(ctx, tx) })
	if err != nil {
		return p, err
	}
	accounts := make(map[string]accountRow, len(rows))
	for _, a := range rows {
		accounts[a.Username] = a
	}
	s.known.forget(accounts)
	type work struct{ username, password, was string }
	var left []work
	for username, password := range given {
		was := ""
		if a := accounts[username]; a.Declared { // a password of others is none of the lab's business
			was = a.PasswordHash
		}
		if was != "" && s.known.is(username, password, was) {
			p.settled[username] = settledPassword{was, was}
		} else {
			left = append(left, work{username, password, was})
		}
	}
	if within == 0 {
		return p, nil
	}
	slices.SortFunc(left, func(a, b work) int {
		return cmp.Or(cmp.Compare(min(len(a.was), 1), min(len(b.was), 1)), cmp.Compare(a.username, b.username))
	})
	end := time.Now().Add(within)
	for i, w := range left {
		if i > 0 && time.Now().After(end) {
			break
		}
		is, err := s.hashOnce(ctx, w.username, w.password, w.was)
		if err != nil {
			return p, err
		}
		p.settled[w.username] = settledPassword{w.was, is}
	}
	return p, nil
}

// hashOnce returns was where it is the hash of a password, and else a new one.
func (s *Store) hashOnce(ctx context.Context, username, password, was string) (string, error) {
	if was != "" {
		if same, err := isPassword(ctx, password, was); same || err != nil {
			if same {
				s.known.remember(username, password, was)
			}
			return was, err
		}
	}
	is, err := hashPassword(ctx, password)
	if err == nil {
		s.known.remember(username, password, is)
	}
	return is, err
}

func readAccounts(ctx context.Context, tx querier) ([]accountRow, error) {
	return queryAll[accountRow](ctx, tx, selectAccounts+" ORDER BY username")
}

// settlingTime is hashingTime for a server that has just been started.
const settlingTime = 2 * time.Second

// SettlePasswords gives the accounts of a lab that was declared the passwords that it gives, as
// far as it gets within two seconds, and returns which it set and how many are left. Missing
// accounts come first. No other account changes. CodeConflict: another lab was declared
// meanwhile; nothing was changed.
func (s *Store) SettlePasswords(ctx context.Context, lab vcc.ValidLab) (vcc.LabOutcome, error) {
	return s.declare(ctx, lab, nil, settlingTime, true)
}
