// Package accounttest makes the logins of tests cheap.
package accounttest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// The least that argon2id takes (RFC 9106, 3.1), and the lengths of salt and hash that the store knows.
const (
	time, memory, threads  = 1, 8, 1
	saltLength, hashLength = 16, 32
)

// Hash returns what the store keeps of a password, each time with another salt, and with parameters that take
// no time to check: nobody guesses at the passwords of tests.
func Hash(password string) string {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // never fails
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, time, threads, encode(salt),
		encode(argon2.IDKey([]byte(password), salt, time, memory, threads, hashLength)))
}

// Cheapen gives an account of an SQLite database a Hash of its password. The database may be in use. Each login
// of a test checks one, and the parameters that the store gives to real ones, which its own tests hold, take a
// tenth of a second, and more with the race detector. The caller's program has the driver, by way of the store.
func Cheapen(ctx context.Context, path, password, username string) (err error) {
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	done, err := db.ExecContext(ctx, "UPDATE accounts SET password_hash = $1 WHERE username = $2", Hash(password), username)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("there are %d accounts %q", n, username))
	}
	return nil
}
