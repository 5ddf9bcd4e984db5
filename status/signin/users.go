package signin

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// users are those of an htpasswd file.
type users struct {
	hashes    map[string][]byte // by name
	low, high int               // the costs of the cheapest and of the dearest
}

const (
	maxUsers = 10_000
	maxCost  = 14 // a sign-in takes a second or so
	maxName  = 255
)

// parseUsers reads what htpasswd -B writes.
func parseUsers(text string) (*users, error) {
	u := &users{hashes: map[string][]byte{}, low: maxCost}
	for i, line := range slices.Collect(strings.Lines(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, hash, _ := strings.Cut(line, ":")
		cost, err := bcrypt.Cost([]byte(hash))
		switch {
		case err != nil || name == "" || len(name) > maxName || len(hash) != 60:
			return nil, fmt.Errorf("line %d is not NAME:HASH with a hash of bcrypt; htpasswd -B writes such lines", i+1)
		case cost > maxCost:
			return nil, fmt.Errorf("line %d has a hash of cost %d, which takes too long; use %d at most: "+
				"htpasswd -B -C 12", i+1, cost, maxCost)
		case u.hashes[name] != nil:
			return nil, fmt.Errorf("line %d is the second of the same name", i+1)
		}
		u.hashes[name], u.low, u.high = []byte(hash), min(u.low, cost), max(u.high, cost)
	}
	switch n := len(u.hashes); {
	case n == 0:
		return nil, errors.New("it has no user; add one with htpasswd -B, or remove the file")
	case n > maxUsers:
		return nil, fmt.Errorf("it has %d users, and may have %d; use an OIDC issuer", n, maxUsers)
	}
	return u, nil
}

// decoy is a hash of some cost that no password has.
func decoy(cost int) []byte { return fmt.Appendf(nil, "$2y$%02d$%s", cost, strings.Repeat(".", 53)) }

// verify says whether a user has a password. It takes as long for every name, of users or not: what is left to the
// dearest hash is made up for, each step of cost being as much again.
func (u *users) verify(name, password string) bool {
	hash, known := u.hashes[name]
	if !known {
		hash = decoy(u.low)
	}
	fits := bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil
	cost, err := bcrypt.Cost(hash)
	for ; err == nil && cost < u.high; cost++ {
		_ = bcrypt.CompareHashAndPassword(decoy(cost), []byte(password))
	}
	return fits && known
}

// mark is what a session of a user holds of him: it fits as long as his line is the same.
func (u *users) mark(name string) string {
	if u == nil || u.hashes[name] == nil {
		return ""
	}
	return markOf(sha256.Sum256(u.hashes[name]))
}
