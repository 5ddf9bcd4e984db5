package signature

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// now is when all keys of these tests are looked at; born is when they were made.
var (
	now  = time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	born = now.AddDate(-1, 0, 0)
)

const day = 24 * time.Hour

// at makes what the library makes at a time.
func at(when time.Time, change ...func(*packet.Config)) *packet.Config {
	c := &packet.Config{Time: func() time.Time { return when }, Algorithm: packet.PubKeyAlgoEdDSA, MinRSABits: 1024}
	for _, do := range change {
		do(c)
	}
	return c
}

func lasting(d time.Duration) func(*packet.Config) {
	return func(c *packet.Config) { c.KeyLifetimeSecs = uint32(d / time.Second) }
}

func rsaBits(n int) func(*packet.Config) {
	return func(c *packet.Config) { c.Algorithm, c.RSABits = packet.PubKeyAlgoRSA, n }
}

// entity is a new key with a subkey for encryption.
func entity(t testing.TB, config *packet.Config) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("Ada", "", "ada@example.com", config)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// enclose puts armor around what write writes.
func enclose(t testing.TB, kind string, write func(*bytes.Buffer) error) string {
	t.Helper()
	var raw, out bytes.Buffer
	if err := write(&raw); err != nil {
		t.Fatal(err)
	}
	w, err := armor.Encode(&out, kind, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(raw.Bytes())
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String() + "\n"
}

func public(t testing.TB, all ...*openpgp.Entity) string {
	return enclose(t, "PGP PUBLIC KEY BLOCK", func(b *bytes.Buffer) error {
		var errs []error
		for _, e := range all {
			errs = append(errs, e.Serialize(b))
		}
		return errors.Join(errs...)
	})
}

// sign makes signatures of a text with the primary key, in one block.
func sign(t testing.TB, text string, kind packet.SignatureType, config *packet.Config, by ...*openpgp.Entity) string {
	return enclose(t, "PGP SIGNATURE", func(b *bytes.Buffer) error {
		var errs []error
		for _, e := range by {
			key := e.PrivateKey
			for _, sub := range e.Subkeys {
				if sub.Bindings[0].Packet.FlagSign {
					key = sub.PrivateKey
				}
			}
			sig := &packet.Signature{
				Version: key.Version, SigType: kind, PubKeyAlgo: key.PubKeyAlgo, Hash: config.Hash(),
				CreationTime: config.Now(), IssuerKeyId: &key.KeyId, IssuerFingerprint: key.Fingerprint,
				Notations: config.SignatureNotations,
			}
			if secs := config.SigLifetimeSecs; secs > 0 {
				sig.SigLifetimeSecs = &secs
			}
			h := config.Hash().New()
			h.Write([]byte(text))
			errs = append(errs, sig.Sign(h, key, config), sig.Serialize(b))
		}
		return errors.Join(errs...)
	})
}

// ringOf declares one OpenPGP key.
func ringOf(t testing.TB, armored string) Ring {
	t.Helper()
	ring, errs := NewRing(map[string]string{"ada": armored}, nil)
	for _, err := range errs {
		t.Fatal(err)
	}
	return ring
}

func TestOpenPGP(t *testing.T) {
	ada, eve := entity(t, at(born)), entity(t, at(born))
	short := entity(t, at(born, lasting(100*day)))
	withSub := entity(t, at(born))
	if err := withSub.AddSigningSubkey(at(born)); err != nil {
		t.Fatal(err)
	}
	shortSub := entity(t, at(born))
	if err := shortSub.AddSigningSubkey(at(born, lasting(100*day))); err != nil {
		t.Fatal(err)
	}
	revokedSub := entity(t, at(born))
	if err := revokedSub.AddSigningSubkey(at(born)); err != nil {
		t.Fatal(err)
	}
	if err := revokedSub.Subkeys[1].Revoke(packet.KeyCompromised, "", at(now.Add(-day))); err != nil {
		t.Fatal(err)
	}
	const text = "tree 1\n"
	notation := func(c *packet.Config) {
		c.SignatureNotations = []*packet.Notation{{Name: "x@example.com", Value: []byte("y"), IsCritical: true}}
	}
	gone := func(c *packet.Config) { c.SigLifetimeSecs = 1 }
	binary, yesterday := packet.SigTypeBinary, now.Add(-day)
	// The subkey for encryption could sign as well, being RSA.
	encryption := &openpgp.Entity{PrivateKey: rsaKey.Subkeys[0].PrivateKey}
	byEncryption := sign(t, text, binary, at(yesterday), encryption)
	good := sign(t, text, binary, at(yesterday), ada)
	for name, c := range map[string]struct {
		key  *openpgp.Entity
		sig  string
		want error
		says string
	}{
		"good":                 {ada, good, nil, ""},
		"old":                  {ada, sign(t, text, binary, at(born.Add(day)), ada), nil, ""},
		"by a subkey":          {withSub, sign(t, text, binary, at(yesterday), withSub), nil, ""},
		"RSA":                  {rsaKey, sign(t, text, binary, at(yesterday), rsaKey), nil, ""},
		"a clock ahead":        {ada, sign(t, text, binary, at(now.Add(time.Minute)), ada), nil, ""},
		"another's":            {ada, sign(t, text, binary, at(yesterday), eve), ErrUnknownKey, "deployment.verify.openPGP"},
		"of something else":    {ada, sign(t, "tree 2\n", binary, at(yesterday), ada), ErrInvalid, "does not fit"},
		"of text":              {ada, sign(t, text, packet.SigTypeText, at(yesterday), ada), ErrInvalid, "not of a document"},
		"two":                  {ada, sign(t, text, binary, at(yesterday), ada, ada), ErrInvalid, "more than one"},
		"another's beside":     {ada, sign(t, text, binary, at(yesterday), ada, eve), ErrInvalid, "more than one"},
		"two blocks":           {ada, good + good, ErrInvalid, "one armored block"},
		"something before":     {ada, "x\n" + good, ErrInvalid, "one armored block"},
		"something after":      {ada, good + "x\n", ErrInvalid, "one armored block"},
		"cut off":              {ada, good[:len(good)/2], ErrInvalid, "one armored block"},
		"a key":                {ada, public(t, ada), ErrInvalid, "neither OpenPGP nor SSH"},
		"a key as signature":   {ada, strings.ReplaceAll(public(t, ada), "PUBLIC KEY BLOCK", "SIGNATURE"), ErrInvalid, "damaged"},
		"too large":            {ada, good + strings.Repeat("\n", maxSignature), ErrInvalid, "at most 65536"},
		"nothing":              {ada, "", ErrInvalid, ""},
		"critical notation":    {ada, sign(t, text, binary, at(yesterday, notation), ada), ErrRefused, "critical notation"},
		"expired itself":       {ada, sign(t, text, binary, at(yesterday, gone), ada), ErrRefused, "it has expired"},
		"of tomorrow":          {ada, sign(t, text, binary, at(now.Add(day)), ada), ErrRefused, "yet to come"},
		"older than its key":   {ada, sign(t, text, binary, at(born.Add(-day)), ada), ErrRefused, "older than its key"},
		"by an expired key":    {short, sign(t, text, binary, at(yesterday), short), ErrRefused, "has expired"},
		"dated back":           {short, sign(t, text, binary, at(born.Add(day)), short), ErrRefused, "has expired"},
		"by an expired subkey": {shortSub, sign(t, text, binary, at(born.Add(day)), shortSub), ErrRefused, "has expired"},
		"by a revoked subkey":  {revokedSub, sign(t, text, binary, at(born.Add(day)), revokedSub), ErrRefused, "is revoked"},
		"empty, with an end":   {ada, "-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n", ErrInvalid, "damaged"},
		"by a key to encipher": {rsaKey, byEncryption, ErrRefused, "may not sign"},
	} {
		signer, err := Verify([]byte(text), []byte(c.sig), ringOf(t, public(t, c.key)), now)
		if !errors.Is(err, c.want) || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %v with %q", name, err, c.want, c.says)
		}
		if err == nil && (signer.Name != "ada" || signer.Kind != "openPGP" || len(signer.Fingerprint) != 40) {
			t.Errorf("%s: got %+v", name, signer)
		}
		if err != nil && signer != (Signer{}) {
			t.Errorf("%s: got %+v and %v", name, signer, err)
		}
	}
	if _, err := Verify([]byte(text), []byte(good), Ring{}, now); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("nobody's: %v", err)
	}
}

// rsaKey is the smallest RSA key that is taken.
var rsaKey = func() *openpgp.Entity {
	e, err := openpgp.NewEntity("Ada", "", "ada@example.com", at(born, rsaBits(2048)))
	if err != nil {
		panic(err)
	}
	return e
}()

func TestOpenPGPKeysAreLookedAt(t *testing.T) {
	ada := entity(t, at(born))
	revoked, retired := entity(t, at(born)), entity(t, at(born))
	if err := revoked.Revoke(packet.KeyCompromised, "", at(now)); err != nil {
		t.Fatal(err)
	}
	if err := retired.Revoke(packet.KeyRetired, "", at(now)); err != nil {
		t.Fatal(err)
	}
	private := enclose(t, "PGP PRIVATE KEY BLOCK", func(b *bytes.Buffer) error {
		return ada.SerializePrivateWithoutSigning(b, nil)
	})
	key := public(t, ada)
	for name, c := range map[string]struct{ key, says string }{
		"good":                {key, ""},
		"expired":             {public(t, entity(t, at(born, lasting(day)))), ""},
		"text around it":      {"a comment\n" + key + "another\n", ""},
		"revoked":             {public(t, revoked), "revoked"},
		"retired":             {public(t, retired), "revoked"},
		"RSA 1024":            {public(t, entity(t, at(born, rsaBits(1024)))), "weak"},
		"private":             {private, "found a private"},
		"private in disguise": {strings.ReplaceAll(private, "PRIVATE", "PUBLIC"), "found a private"},
		"two in a block":      {public(t, ada, rsaKey), "more than one"},
		"two blocks":          {key + public(t, rsaKey), "more than one block"},
		"a signature":         {sign(t, "x", packet.SigTypeBinary, at(now), ada), `block "PGP SIGNATURE"`},
		"cut off":             {key[:len(key)/2], ""},
		"nothing":             {"", "found no OpenPGP key"},
		"an SSH key":          {"ssh-ed25519 AAAA", "found no OpenPGP key"},
		"too large":           {key + strings.Repeat("\n", maxKey), "at most 65536"},
	} {
		err := CheckOpenPGP(c.key)
		if wrong := c.says != "" || name == "cut off"; (err != nil) != wrong || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than a line: %v", name, err)
		}
	}
}
