package signin

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	verifiedLife = time.Minute
	maxVerified  = 1000
)

// verified remembers for a while which passwords were right, so that a program that asks again and again takes no place
// where they are looked at. What it holds is of use in this process alone.
type verified struct {
	key   []byte
	until *lru.Cache[digest, time.Time]
}

func newVerified() verified {
	until, err := lru.New[digest, time.Time](maxVerified)
	if err != nil {
		panic(err) // the size is one
	}
	return verified{[]byte(rand.Text() + rand.Text()), until}
}

// of is what is remembered of a password, for a user whose line in the file has this hash.
func (v verified) of(name, password string, hash []byte) digest {
	mac := hmac.New(sha256.New, v.key)
	fmt.Fprintf(mac, "%q %q %q", name, password, hash)
	return digest(mac.Sum(nil))
}

// has says whether it was right not long ago.
func (v verified) has(d digest, now time.Time) bool {
	until, there := v.until.Get(d)
	return there && now.Before(until)
}

// add says that it is right.
func (v verified) add(d digest, now time.Time) { v.until.Add(d, now.Add(verifiedLife)) }
