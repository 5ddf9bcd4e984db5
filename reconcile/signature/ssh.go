package signature

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

const (
	namespace  = "git" // which git signs in, so that a signature of a mail or a login is none of a commit
	minRSABits = 2048
)

// CheckSSH says what is wrong with a public key as deployment.verify.allowedSigners declares it, such as
// "ssh-ed25519 AAAA… comment"; nil where nothing is.
func CheckSSH(key string) error {
	_, err := readSSH(key)
	return err
}

// readSSH returns a key in wire format.
func readSSH(text string) (string, error) {
	if len(text) > maxKey {
		return "", fmt.Errorf("found %d bytes, at most %d: declare one public key", len(text), maxKey)
	}
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(text))
	switch {
	case err != nil: // the library quotes what it found
		return "", errors.New("found no SSH public key: write the line of a .pub file, such as ssh-ed25519 AAAA…")
	case len(options) > 0:
		return "", errors.New("found options or a principal before the key: write the key alone; its name is the principal")
	case len(rest) > 0:
		return "", errors.New("found more than one line: declare each key under a principal of its own")
	}
	if err := strongSSH(key); err != nil {
		return "", err
	}
	return string(key.Marshal()), nil
}

// strongSSH refuses what can be forged, and certificates, for which nobody looks at times and revocations.
func strongSSH(key ssh.PublicKey) error {
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256,
		ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521:
		return nil
	case ssh.KeyAlgoRSA:
		public, ok := key.(ssh.CryptoPublicKey).CryptoPublicKey().(*rsa.PublicKey)
		if ok && public.N.BitLen() >= minRSABits {
			return nil
		}
		return fmt.Errorf("found an RSA key of less than %d bits: make a key with ssh-keygen -t ed25519", minRSABits)
	}
	return fmt.Errorf("found a key of type %q, which is weak or a certificate: make a key with ssh-keygen -t ed25519", key.Type())
}

// verifySSH checks a signature as ssh-keygen -Y sign makes it.
func (r Ring) verifySSH(payload, text []byte) (Signer, error) {
	sig, err := sshsig.Unarmor(text)
	if err != nil { // the library quotes what it found
		return Signer{}, fmt.Errorf("%w: a damaged SSH signature, or one without SHA-2: sign again with ssh-keygen", ErrInvalid)
	}
	fingerprint := ssh.FingerprintSHA256(sig.PublicKey)
	name, known := r.ssh[string(sig.PublicKey.Marshal())]
	switch {
	case !known:
		return Signer{}, fmt.Errorf("%w: SSH key %s: declare it in deployment.verify.allowedSigners", ErrUnknownKey, fingerprint)
	case sig.Namespace != namespace:
		return Signer{}, fmt.Errorf("%w: made in namespace %q and not %q: sign with git", ErrInvalid, cut(sig.Namespace), namespace)
	}
	if err := sshsig.Verify(bytes.NewReader(payload), sig, sig.PublicKey, sig.HashAlgorithm, namespace); err != nil {
		return Signer{}, fmt.Errorf("%w: it does not fit the commit and the SSH key %s: sign again", ErrInvalid, fingerprint)
	}
	return Signer{Name: name, Kind: "ssh", Fingerprint: fingerprint}, nil
}

// cut shortens text that will be quoted.
func cut(text string) string {
	const most = 60
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
