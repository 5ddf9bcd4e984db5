// Package signature says who signed a commit.
//
//	deployment.verify ──► NewRing ──► Ring ──┐
//	git.Repo.Signed ──► payload, signature ──┴──► Verify ──► Signer
//
// Two kinds are known, both as git makes them: OpenPGP (RFC 4880 and 9580, of which the library ProtonMail/go-crypto
// reads packets) and SSH (PROTOCOL.sshsig of OpenSSH, namespace "git").
//
// What is weak counts as no signature: SHA-1, MD5 and RIPEMD-160, in the bindings of a key too, RSA below 2048 bits,
// DSA, and the curve secp256k1. A key must be valid at the time that Verify is given, which is meant to be that of
// looking, and not only when the signature says that it was made: who has an expired or revoked key can write any
// date into a signature. So a revision that is signed today is refused once its key has expired; sign a new one, or
// prolong the key and declare it anew. SSH keys have no such time: take a lost one out of the declarations.
//
// Payloads, signatures and keys are somebody else's input: they are bounded, and errors quote what stands in them. Where a signature is asked for, and what follows when there is none, is left to others.
package signature

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Why a signature does not count.
var (
	// ErrInvalid says that it is damaged, of a kind that is not known, or was made over something else.
	ErrInvalid = errors.New("invalid signature")
	// ErrUnknownKey says that its key is not among those declared.
	ErrUnknownKey = errors.New("signed with a key that is not declared")
	// ErrRefused says that its key, or itself, is too weak, expired or revoked.
	ErrRefused = errors.New("signature not accepted")
)

const (
	maxKey       = 64 << 10 // bytes of a declared key, as text
	maxSignature = 64 << 10 // bytes of a signature, as text
)

// Signer is who signed.
type Signer struct {
	Name        string // that of the key in the declarations
	Kind        string // "openPGP" or "ssh"
	Fingerprint string // of the key that signed; a subkey has its own
}

// Ring holds the keys that may sign. It may be used from several goroutines. The zero Ring has none: nobody's signature
// counts.
type Ring struct {
	openPGP []openPGPKey
	ssh     map[string]string // key in wire format: principal
}

// Empty says whether nobody may sign.
func (r Ring) Empty() bool { return len(r.openPGP)+len(r.ssh) == 0 }

// KeyError says what is wrong with one declared key.
type KeyError struct {
	Field string // "openPGP" or "allowedSigners", of deployment.verify
	Name  string // name or principal
	Err   error
}

func (e *KeyError) Error() string {
	return fmt.Sprintf("deployment.verify.%s.%q: %v", e.Field, e.Name, e.Err)
}

// Unwrap returns what is wrong.
func (e *KeyError) Unwrap() error { return e.Err }

// NewRing takes the keys that are declared in deployment.verify: armored OpenPGP keys by name, and SSH public keys by
// principal. Its errors are all there are, each a *KeyError; the Ring then has the other keys.
func NewRing(openPGP, allowedSigners map[string]string) (Ring, []*KeyError) {
	ring, owners := Ring{ssh: map[string]string{}}, map[string]string{}
	var errs []*KeyError
	add := func(field, name, fingerprint string, err error) bool {
		if other, taken := owners[fingerprint]; err == nil && taken {
			err = fmt.Errorf("found the key of %q once more: take one of them out", other)
		}
		if err != nil {
			errs = append(errs, &KeyError{field, name, err})
			return false
		}
		owners[fingerprint] = name
		return true
	}
	for _, name := range slices.Sorted(maps.Keys(openPGP)) {
		key, err := readOpenPGP(openPGP[name])
		if add("openPGP", name, key.fingerprint, err) {
			key.name = name
			ring.openPGP = append(ring.openPGP, key)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(allowedSigners)) {
		key, err := readSSH(allowedSigners[name])
		if add("allowedSigners", name, key, err) {
			ring.ssh[key] = name
		}
	}
	return ring, errs
}

// Verify says who of a ring made a signature over a payload, valid at a time: that of looking, see the package. Its
// errors are ErrInvalid, ErrUnknownKey and ErrRefused.
func Verify(payload, sig []byte, ring Ring, at time.Time) (Signer, error) {
	// Both formats skip what stands before and after: with it, one signature could be shown and another be checked.
	text := bytes.TrimSpace(sig)
	begin := []byte("-----BEGIN ")
	switch {
	case len(sig) > maxSignature:
		return Signer{}, fmt.Errorf("%w: %d bytes, at most %d", ErrInvalid, len(sig), maxSignature)
	case !bytes.HasPrefix(text, begin) || bytes.Count(text, begin) != 1 || !endsWithMark(text):
		return Signer{}, fmt.Errorf("%w: it must be one armored block and nothing else", ErrInvalid)
	case bytes.HasPrefix(text, []byte("-----BEGIN SSH SIGNATURE-----")):
		return ring.verifySSH(payload, text)
	case bytes.HasPrefix(text, []byte("-----BEGIN PGP SIGNATURE-----")):
		return ring.verifyOpenPGP(payload, text, at)
	}
	return Signer{}, fmt.Errorf("%w: neither OpenPGP nor SSH: set gpg.format to one of these", ErrInvalid)
}

// endsWithMark says whether the only mark of an end is in the last line.
func endsWithMark(text []byte) bool {
	end := []byte("-----END ")
	last := text[bytes.LastIndexByte(text, '\n')+1:]
	return bytes.HasPrefix(last, end) && bytes.Count(text, end) == 1
}
