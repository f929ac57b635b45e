package store

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// The parameters of argon2id for where memory is scarce, and the lengths of salt and
// hash (RFC 9106, 4).
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4
	saltLength   = 16
	hashLength   = 32
)

// hashPassword returns what is stored of a password, in the PHC string format, whose
// parameters may differ from row to row once they change here.
func hashPassword(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // never fails
	hash, err := argon2id(ctx, ownersTurn(), password, salt, argonTime, argonMemory, argonThreads)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(hash)), err
}

// argon2id hashes a password when its turn has come.
func argon2id(ctx context.Context, turn *hashTurn, password string, salt []byte, time, memory uint32, threads uint8) ([]byte, error) {
	if err := hashing.wait(ctx, turn); err != nil {
		return nil, err
	}
	defer hashing.leave(turn)
	return argon2.IDKey([]byte(password), salt, time, memory, threads, hashLength), nil
}

// isPassword reports whether a password is the one that a stored hash was made of.
func isPassword(ctx context.Context, password, stored string) (bool, error) {
	return checkPassword(ctx, ownersTurn(), password, stored)
}

// checkPassword is isPassword for a login. With no hash it takes as long and says no.
func checkPassword(ctx context.Context, turn *hashTurn, password, stored string) (bool, error) {
	if stored == "" {
		_, err := argon2id(ctx, turn, password, make([]byte, saltLength), argonTime, argonMemory, argonThreads)
		return false, err
	}
	var version int
	var time, memory uint32
	var threads uint8
	var rest string
	if _, err := fmt.Sscanf(stored, "$argon2id$v=%d$m=%d,t=%d,p=%d$%s", &version, &memory, &time, &threads, &rest); err != nil || version != argon2.Version {
		return false, fmt.Errorf("a stored password hash has a form that this release does not know")
	}
	encodedLength := base64.RawStdEncoding.EncodedLen(saltLength)
	if len(rest) < encodedLength+1 {
		return false, fmt.Errorf("a stored password hash is cut off")
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(rest[:encodedLength])
	want, wantErr := base64.RawStdEncoding.DecodeString(rest[encodedLength+1:])
	if saltErr != nil || wantErr != nil || len(want) != hashLength {
		return false, fmt.Errorf("a stored password hash is damaged")
	}
	got, err := argon2id(ctx, turn, password, salt, time, memory, threads)
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}
