package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// claim is what the headers of a request say to prove who sent it.
type claim struct {
	sums  [][]byte // HMAC-SHA256 of before and the body; one must be right
	head  string   // signed before the body
	token string   // the secret itself, where a forge sends that
}

var (
	errUnsigned = errors.New("it is not signed: give the webhook a secret; a signature with SHA-1 is not enough")
	errWrong    = errors.New("it does not fit the secret: give the webhook the one that is in webhooks/ of the credentials")
)

// hexClaim reads one HMAC in hexadecimal digits, which a forge may send under several names. A wrong one beside
// a right one makes no claim.
func hexClaim(names ...string) func(http.Header) (claim, error) {
	return func(h http.Header) (c claim, err error) {
		for _, name := range names {
			value, is, err := single(h, name)
			if err != nil {
				return claim{}, err
			}
			if !is {
				continue
			}
			sum, err := hex.DecodeString(strings.TrimPrefix(value, "sha256="))
			if err != nil || len(sum) != sha256.Size {
				return claim{}, fmt.Errorf("header %s is not an HMAC-SHA256 in hexadecimal digits", name)
			}
			if len(c.sums) > 0 && !hmac.Equal(c.sums[0], sum) {
				return claim{}, fmt.Errorf("header %s is another signature than the ones before", name)
			}
			c.sums = [][]byte{sum}
		}
		if len(c.sums) == 0 {
			return claim{}, errUnsigned
		}
		return c, nil
	}
}

// single is a header that may be there once.
func single(h http.Header, name string) (value string, is bool, err error) {
	values := h.Values(name)
	if len(values) > 1 {
		return "", false, fmt.Errorf("header %s is there more than once", name)
	}
	if len(values) == 0 || values[0] == "" {
		return "", false, nil
	}
	return values[0], true, nil
}

const (
	maxSums = 8               // signatures in one header
	maxSkew = 5 * time.Minute // between a signature's time and ours
)

// gitlabClaim reads GitLab's secret token, its signature with a signing token, or both. The signature is that
// of standardwebhooks.com: of id, time and body, so that none of them can be changed.
func gitlabClaim(h http.Header) (c claim, err error) {
	var is [4]bool
	var have [4]string
	for i, name := range []string{"X-Gitlab-Token", "Webhook-Signature", "Webhook-Id", "Webhook-Timestamp"} {
		if have[i], is[i], err = single(h, name); err != nil {
			return claim{}, err
		}
	}
	c.token = have[0]
	if is[1] {
		if err := fresh(have[3]); err != nil {
			return claim{}, err
		}
		c.head = have[2] + "." + have[3] + "."
		c.sums = standardSums(have[1])
		if len(c.sums) == 0 {
			return claim{}, errors.New("header webhook-signature has no signature of version v1")
		}
	}
	if !is[0] && !is[1] {
		return claim{}, errUnsigned
	}
	return c, nil
}

// standardSums are the HMACs of "v1,<base64> v1,<base64>"; other versions are left out.
func standardSums(value string) (sums [][]byte) {
	for field := range strings.FieldsSeq(value) {
		text, is := strings.CutPrefix(field, "v1,")
		sum, err := base64.StdEncoding.DecodeString(text)
		if is && err == nil && len(sum) == sha256.Size && len(sums) < maxSums {
			sums = append(sums, sum)
		}
	}
	return sums
}

// fresh refuses what was signed long ago or will be, in Unix time.
func fresh(unix string) error {
	seconds, err := strconv.ParseInt(unix, 10, 64)
	if err != nil {
		return errors.New("header webhook-timestamp is not a Unix time in seconds")
	}
	if off := time.Since(time.Unix(seconds, 0)).Abs(); off > maxSkew {
		return fmt.Errorf("it was signed at another time than now, by more than %s: send it anew, and see that the "+
			"clocks here and there are right", maxSkew)
	}
	return nil
}

// verify reads the body to its end, keeping nothing of it, and says whether a secret proves the claim. What only
// has to be compared is compared before anything is read. The HMAC that was right is returned where there is one.
func (c claim) verify(k keys, body io.Reader) (sum []byte, err error) {
	signed := len(c.sums) > 0 && len(k.signing) > 0
	if !signed && !k.hasToken(c.token) {
		return nil, errWrong
	}
	var macs []hash.Hash
	var all []io.Writer
	for _, key := range k.signing {
		if signed {
			mac := hmac.New(sha256.New, key)
			_, _ = io.WriteString(mac, c.head) // a hash takes everything
			macs, all = append(macs, mac), append(all, mac)
		}
	}
	if _, err := io.Copy(io.MultiWriter(all...), body); err != nil || !signed {
		return nil, err
	}
	for _, mac := range macs {
		have := mac.Sum(nil)
		for _, claimed := range c.sums {
			if hmac.Equal(have, claimed) {
				sum = have
			}
		}
	}
	if sum == nil {
		return nil, errWrong
	}
	return sum, nil
}
