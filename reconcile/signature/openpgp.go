package signature

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// skew is how far ahead the clock of who signs may be.
const skew = 5 * time.Minute

// openPGPKey is a declared key. It is kept as bytes: the library notes in what it read whether that was valid, which
// depends on the time that was asked for, and is not for several goroutines.
type openPGPKey struct {
	name        string
	fingerprint string   // of the primary key
	ids         []uint64 // of the primary key and the subkeys
	raw         []byte
}

// policy is what counts as weak.
func policy() *packet.Config {
	weak := map[crypto.Hash]bool{crypto.MD5: true, crypto.SHA1: true, crypto.RIPEMD160: true}
	return &packet.Config{
		MinRSABits: minRSABits, RejectHashAlgorithms: weak, RejectMessageHashAlgorithms: weak,
		RejectPublicKeyAlgorithms: map[packet.PublicKeyAlgorithm]bool{
			packet.PubKeyAlgoDSA: true, packet.PubKeyAlgoElGamal: true,
		},
	}
}

// CheckOpenPGP says what is wrong with an armored public key as deployment.verify.openPGP declares it; nil where nothing is. It
// does not look at the clock: an expired key is no mistake, but signs nothing.
func CheckOpenPGP(armored string) error {
	_, err := readOpenPGP(armored)
	return err
}

// readOpenPGP reads one armored public key that could sign, now or at some time.
func readOpenPGP(text string) (openPGPKey, error) {
	raw, err := unarmor(text)
	if err != nil {
		return openPGPKey{}, err
	}
	packets := packet.NewReader(bytes.NewReader(raw))
	e, err := openpgp.ReadEntity(packets)
	if err != nil {
		return openPGPKey{}, fmt.Errorf("found an OpenPGP key that cannot be read (%s): export it anew with gpg --armor --export",
			quoted(err))
	}
	if _, err := packets.Next(); err != io.EOF {
		return openPGPKey{}, errors.New("found more than one OpenPGP key: declare each under a name of its own")
	}
	if e.PrivateKey != nil {
		return openPGPKey{}, errPrivate
	}
	const never = 1 << 40 // seconds: later than any date in a packet, so that every revocation counts
	if e.Revoked(time.Unix(never, 0)) {
		return openPGPKey{}, errors.New("found a revoked OpenPGP key: take it out")
	}
	if _, ok := e.SigningKey(time.Time{}, policy()); !ok {
		return openPGPKey{}, errors.New("found an OpenPGP key that can sign nothing: it is not for signing, is weak (RSA below " +
			"2048 bits, DSA, SHA-1 in its bindings), or was not exported whole: make a new one, or renew its expiry with a newer gpg")
	}
	key := openPGPKey{raw: raw, fingerprint: fmt.Sprintf("%X", e.PrimaryKey.Fingerprint), ids: []uint64{e.PrimaryKey.KeyId}}
	for _, sub := range e.Subkeys {
		key.ids = append(key.ids, sub.PublicKey.KeyId)
	}
	return key, nil
}

// errPrivate is about a secret that everybody can read by now.
var errPrivate = errors.New("found a private OpenPGP key: revoke it, since it was published here, and declare a new public key")

// unarmor takes the one key out of its armor.
func unarmor(text string) ([]byte, error) {
	if len(text) > maxKey {
		return nil, fmt.Errorf("found %d bytes, at most %d: export the key with gpg --armor --export-options export-minimal --export",
			len(text), maxKey)
	}
	if strings.Count(text, "-----BEGIN ") > 1 {
		return nil, errors.New("found more than one block: declare each key under a name of its own")
	}
	block, err := armor.Decode(strings.NewReader(text))
	switch {
	case err != nil:
		return nil, errors.New("found no OpenPGP key: write what gpg --armor --export prints, from -----BEGIN PGP PUBLIC KEY BLOCK-----")
	case block.Type == "PGP PRIVATE KEY BLOCK":
		return nil, errPrivate
	case block.Type != "PGP PUBLIC KEY BLOCK":
		return nil, fmt.Errorf("found a block %q: it must be a PGP PUBLIC KEY BLOCK", cut(block.Type))
	}
	raw, err := io.ReadAll(block.Body)
	if err != nil {
		return nil, fmt.Errorf("found an OpenPGP key whose armor is damaged (%s): export it anew with gpg --armor --export", quoted(err))
	}
	return raw, nil
}

// verifyOpenPGP checks a signature as gpg --detach-sign makes it.
func (r Ring) verifyOpenPGP(payload, text []byte, at time.Time) (Signer, error) {
	sig, err := readSignature(text)
	if err != nil {
		return Signer{}, err
	}
	id := *sig.IssuerKeyId
	err = fmt.Errorf("%w: OpenPGP key %016X: declare it in deployment.verify.openPGP", ErrUnknownKey, id)
	for _, key := range r.openPGP {
		if !slices.Contains(key.ids, id) {
			continue
		}
		var signer Signer
		if signer, err = key.verify(payload, sig, at); err == nil {
			return signer, nil
		}
	}
	return Signer{}, err
}

// readSignature reads the one packet of a signature.
func readSignature(text []byte) (*packet.Signature, error) {
	block, err := armor.Decode(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%w: its armor is damaged: sign again", ErrInvalid)
	}
	p, err := packet.Read(block.Body)
	sig, ok := p.(*packet.Signature)
	if err != nil || !ok {
		return nil, fmt.Errorf("%w: a damaged OpenPGP signature, or one of a kind that is not known: sign again with gpg", ErrInvalid)
	}
	if _, err := packet.Read(block.Body); err != io.EOF {
		return nil, fmt.Errorf("%w: more than one OpenPGP signature: sign once", ErrInvalid)
	}
	if sig.SigType != packet.SigTypeBinary || sig.IssuerKeyId == nil || sig.Version == 5 {
		return nil, fmt.Errorf("%w: an OpenPGP signature that is not of a document: sign with git", ErrInvalid)
	}
	return sig, nil
}

// verify checks a signature that says it is of this key.
func (k openPGPKey) verify(payload []byte, sig *packet.Signature, at time.Time) (Signer, error) {
	if sig.CreationTime.After(at.Add(skew)) {
		return Signer{}, fmt.Errorf("%w: made at %s, which is yet to come: correct the clock of who signed, or of this machine",
			ErrRefused, sig.CreationTime.UTC().Format(time.RFC3339))
	}
	if sig.CreationTime.After(at) {
		at = sig.CreationTime
	}
	e, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(k.raw)))
	if err != nil {
		return Signer{}, fmt.Errorf("%w: its key cannot be read", ErrRefused)
	}
	key, ok := e.SigningKeyById(at, *sig.IssuerKeyId, policy())
	if !ok {
		return Signer{}, fmt.Errorf("%w: the OpenPGP key %016X of %q %s", ErrRefused, *sig.IssuerKeyId, k.name, unfit(e, *sig.IssuerKeyId, at))
	}
	if why := doubt(key, sig, at); why != "" {
		return Signer{}, fmt.Errorf("%w: %s", ErrRefused, why)
	}
	hash, err := sig.PrepareVerify()
	if err == nil {
		_, _ = hash.Write(payload) // cannot fail
		err = key.PublicKey.VerifySignature(hash, sig)
	}
	if err != nil {
		return Signer{}, fmt.Errorf("%w: it does not fit the commit and the OpenPGP key %016X of %q: sign again",
			ErrInvalid, *sig.IssuerKeyId, k.name)
	}
	return Signer{Name: k.name, Kind: "openPGP", Fingerprint: fmt.Sprintf("%X", key.PublicKey.Fingerprint)}, nil
}

// unfit says why a key may not sign at a time.
func unfit(e *openpgp.Entity, id uint64, at time.Time) string {
	_, err := e.VerifyPrimaryKey(at, policy())
	for i := range e.Subkeys {
		if sub := &e.Subkeys[i]; err == nil && sub.PublicKey.KeyId == id {
			_, err = sub.Verify(at, policy())
		}
	}
	switch {
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return "is revoked: sign with another"
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return "has expired: prolong it and declare it anew, or sign with another"
	}
	return "may not sign, is too weak, or is not yet valid: sign with another"
}

// doubt says why a signature of a good key does not count.
func doubt(key openpgp.Key, sig *packet.Signature, at time.Time) string {
	hashes := []crypto.Hash{sig.Hash}
	if cross := key.SelfSignature.EmbeddedSignature; cross != nil {
		hashes = append(hashes, cross.Hash)
	}
	for _, hash := range hashes {
		if policy().RejectHashAlgorithm(hash) {
			return fmt.Sprintf("made with %s, which is too weak: set digest-algo SHA512 in gpg.conf and sign again", hash)
		}
	}
	switch {
	case slices.ContainsFunc(sig.Notations, func(n *packet.Notation) bool { return n.IsCritical }):
		return "it has a critical notation, which nobody here knows: sign without"
	case sig.SigExpired(at):
		return "it has expired: sign again"
	case sig.CreationTime.Before(key.PublicKey.CreationTime):
		return "it is older than its key: sign again"
	}
	return ""
}

// quoted makes an error of a library safe to show.
func quoted(err error) string { return fmt.Sprintf("%q", cut(err.Error())) }
