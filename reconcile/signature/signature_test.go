package signature

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/google/go-cmp/cmp"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// signerOf makes an SSH key of what a generator gave.
func signerOf[K crypto.Signer](t testing.TB) func(K, error) ssh.Signer {
	return func(key K, err error) ssh.Signer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		s, err := ssh.NewSignerFromSigner(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func newEd25519(t testing.TB) ssh.Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return signerOf[ed25519.PrivateKey](t)(key, err)
}

func line(key ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) }

// signSSH signs as git does, in a namespace.
func signSSH(t testing.TB, text, namespace string, by ssh.Signer) string {
	t.Helper()
	sig, err := sshsig.Sign(strings.NewReader(text), by, sshsig.HashSHA512, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return string(sshsig.Armor(sig))
}

// signSHA1 signs with an RSA key as SSH did long ago.
func signSHA1(t testing.TB, text string, by ssh.Signer) string {
	t.Helper()
	sig, err := sshsig.Sign(strings.NewReader(text), by, sshsig.HashSHA512, "git")
	if err != nil {
		t.Fatal(err)
	}
	sig.Signature.Format = ssh.KeyAlgoRSA
	return string(sshsig.Armor(sig))
}

func TestSSH(t *testing.T) {
	ada, eve := newEd25519(t), newEd25519(t)
	curve := signerOf[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	large := signerOf[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048))
	ring, errs := NewRing(nil, map[string]string{
		"ada": line(ada.PublicKey()) + " ada@example.com", "curve": line(curve.PublicKey()), "large": line(large.PublicKey()),
	})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	const text = "tree 1\n"
	good := signSSH(t, text, "git", ada)
	for name, c := range map[string]struct {
		sig, by string
		want    error
		says    string
	}{
		"good":              {good, "ada", nil, ""},
		"ECDSA":             {signSSH(t, text, "git", curve), "curve", nil, ""},
		"RSA":               {signSSH(t, text, "git", large), "large", nil, ""},
		"RSA with SHA-1":    {signSHA1(t, text, large), "", ErrInvalid, "SHA-2"},
		"another's":         {signSSH(t, text, "git", eve), "", ErrUnknownKey, ssh.FingerprintSHA256(eve.PublicKey())},
		"of a file":         {signSSH(t, text, "file", ada), "", ErrInvalid, `namespace "file"`},
		"of no such thing":  {signSSH(t, text, "git\x1b[1m"+strings.Repeat("x", 1000), ada), "", ErrInvalid, `"git\x1b[1mxxx`},
		"of something else": {signSSH(t, "tree 2\n", "git", ada), "", ErrInvalid, "does not fit"},
		"two":               {good + good, "", ErrInvalid, "one armored block"},
		"something after":   {good + "x", "", ErrInvalid, "one armored block"},
		"damaged":           {strings.Replace(good, "U1NIU0lH", "U1NIU0lI", 1), "", ErrInvalid, "damaged"},
		"empty":             {"-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n", "", ErrInvalid, "damaged"},
		"X.509":             {"-----BEGIN SIGNED MESSAGE-----\n-----END SIGNED MESSAGE-----\n", "", ErrInvalid, "neither"},
	} {
		signer, err := Verify([]byte(text), []byte(c.sig), ring, now)
		if !errors.Is(err, c.want) || err != nil && (!strings.Contains(err.Error(), c.says) || len(err.Error()) > 300) {
			t.Errorf("%s: got %v, want %v with %q", name, err, c.want, c.says)
		}
		if signer.Name != c.by || err == nil && (signer.Kind != "ssh" || !strings.HasPrefix(signer.Fingerprint, "SHA256:")) {
			t.Errorf("%s: got %+v", name, signer)
		}
	}
}

func TestSSHKeysAreLookedAt(t *testing.T) {
	ada := newEd25519(t)
	small := signerOf[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 1024))
	cert := &ssh.Certificate{Key: ada.PublicKey(), CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, ada); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ key, says string }{
		"good":        {line(ada.PublicKey()), ""},
		"comment":     {line(ada.PublicKey()) + " ada on her laptop", ""},
		"RSA 1024":    {line(small.PublicKey()), "less than 2048 bits"},
		"certificate": {line(cert), "certificate"},
		"options":     {`namespaces="git" ` + line(ada.PublicKey()), "options"},
		"principal":   {"ada@example.com " + line(ada.PublicKey()), "principal"},
		"two":         {line(ada.PublicKey()) + "\n" + line(small.PublicKey()), "more than one line"},
		"no key":      {"ssh-ed25519 AAAA", "found no SSH public key"},
		"nothing":     {"", "found no SSH public key"},
		"too large":   {line(ada.PublicKey()) + strings.Repeat(" ", maxKey), "at most 65536"},
	} {
		if err := CheckSSH(c.key); (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
}

func TestRingTakesWhatIsGoodAndTellsOfTheRest(t *testing.T) {
	ada, pgp := newEd25519(t), public(t, entity(t, at(born)))
	ring, errs := NewRing(
		map[string]string{"a": pgp, "b": pgp, "c": "x"},
		map[string]string{"d": line(ada.PublicKey()), "e": line(ada.PublicKey()) + " again", "f": "x"})
	var got []string
	for _, err := range errs {
		got = append(got, err.Field+" "+err.Name)
	}
	if diff := cmp.Diff([]string{"openPGP b", "openPGP c", "allowedSigners e", "allowedSigners f"}, got); diff != "" {
		t.Error(diff)
	}
	if len(errs) > 0 && !strings.Contains(errs[0].Error(), `deployment.verify.openPGP."b": found the key of "a" once more`) {
		t.Error(errs[0])
	}
	if signer, err := Verify([]byte("x"), []byte(signSSH(t, "x", "git", ada)), ring, now); err != nil || signer.Name != "d" {
		t.Errorf("got %v %v", signer, err)
	}
	if ring.Empty() || !(Ring{}).Empty() {
		t.Error("a ring does not know whether it is empty")
	}
}

// FuzzVerify: whatever is made of two good signatures, nobody signed anything else.
func FuzzVerify(f *testing.F) {
	const text = "tree 1\n"
	ada, pgp := newEd25519(f), entity(f, at(born))
	ring, _ := NewRing(map[string]string{"pgp": public(f, pgp)}, map[string]string{"ada": line(ada.PublicKey())})
	f.Add([]byte(text), []byte(signSSH(f, text, "git", ada)))
	f.Add([]byte(text), []byte(sign(f, text, packet.SigTypeBinary, at(now), pgp)))
	f.Add([]byte("x"), []byte("-----BEGIN PGP SIGNATURE-----\n\n=aaaa\n-----END PGP SIGNATURE-----"))
	f.Fuzz(func(t *testing.T, payload, sig []byte) {
		signer, err := Verify(payload, sig, ring, now)
		if (err == nil) != (signer != Signer{}) || err == nil && !bytes.Equal(payload, []byte(text)) {
			t.Fatalf("got %+v, %v for %q", signer, err, payload)
		}
	})
}

// FuzzNewRing: no key takes the program down, and what is taken is one key.
func FuzzNewRing(f *testing.F) {
	f.Add(public(f, entity(f, at(born))))
	f.Add(line(newEd25519(f).PublicKey()))
	f.Fuzz(func(t *testing.T, key string) {
		ring, errs := NewRing(map[string]string{"a": key}, map[string]string{"b": key})
		if len(errs)+len(ring.openPGP)+len(ring.ssh) != 2 {
			t.Fatalf("got %d keys and %v", len(ring.openPGP)+len(ring.ssh), errs)
		}
		for _, err := range errs {
			if strings.ContainsAny(err.Error(), "\n\x1b\x00") {
				t.Fatalf("got %q", err)
			}
		}
	})
}
