// Package pki makes what the parts of a cluster prove to each other who they are with: one
// certificate authority per cluster, certificates signed by it, and kubeconfig files that carry
// them.
//
// An Authority lives in a directory (ca.crt and ca.key), so that later calls sign with the same
// key.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/workspace-providers/reconcile/examples/localkube/internal/process"
)

// An Authority signs the certificates of one cluster.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

// A Pair is a certificate and its key, both as PEM.
type Pair struct {
	Certificate, Key []byte
}

// Open returns the authority that lives in the directory, and makes one of that name if there is
// none.
func Open(dir, name string) (Authority, error) {
	pair, err := Read(filepath.Join(dir, "ca"))
	if errors.Is(err, fs.ErrNotExist) {
		return create(dir, name)
	}
	if err != nil {
		return Authority{}, err
	}
	return parse(pair)
}

// Certificate returns the authority's certificate as PEM.
func (a Authority) Certificate() []byte { return a.pem }

// Client returns what a user with these groups shows the API server.
func (a Authority) Client(user string, groups ...string) (Pair, error) {
	return a.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

// Server returns what a server shows that is reached under these names and addresses.
func (a Authority) Server(names []string, addresses []net.IP) (Pair, error) {
	return a.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: names[0]},
		DNSNames:    names,
		IPAddresses: addresses,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

func (a Authority) sign(template *x509.Certificate) (Pair, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return Pair{}, err
	}
	valid(template)
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return Pair{}, fmt.Errorf("signing a certificate for %s: %w", template.Subject.CommonName, err)
	}
	return Pair{Certificate: encode("CERTIFICATE", der), Key: keyPEM}, nil
}

func create(dir, name string) (Authority, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return Authority{}, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	valid(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return Authority{}, fmt.Errorf("making the authority %s: %w", name, err)
	}
	pair := Pair{Certificate: encode("CERTIFICATE", der), Key: keyPEM}
	if err := pair.Write(filepath.Join(dir, "ca")); err != nil {
		return Authority{}, err
	}
	return parse(pair)
}

func parse(pair Pair) (Authority, error) {
	certificate, _ := pem.Decode(pair.Certificate)
	key, _ := pem.Decode(pair.Key)
	if certificate == nil || key == nil {
		return Authority{}, errors.New("ca.crt or ca.key is not PEM: take the cluster down and up again")
	}
	a := Authority{pem: pair.Certificate}
	var certificateErr, keyErr error
	a.certificate, certificateErr = x509.ParseCertificate(certificate.Bytes)
	a.key, keyErr = x509.ParseECPrivateKey(key.Bytes)
	return a, errors.Join(certificateErr, keyErr)
}

// valid gives a certificate a number and a time. It begins an hour ago, for clocks that disagree.
func valid(template *x509.Certificate) {
	now := time.Now()
	template.NotBefore, template.NotAfter = now.Add(-time.Hour), now.AddDate(1, 0, 0)
	template.SerialNumber, _ = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // cannot fail
}

// NewKey returns a private key as PEM, such as service account tokens are signed with.
func NewKey() ([]byte, error) {
	_, key, err := newKey()
	return key, err
}

func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	return key, encode("EC PRIVATE KEY", der), err
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// Write keeps the pair as path.crt and path.key.
func (p Pair) Write(path string) error {
	return errors.Join(
		process.WriteFile(path+".key", p.Key),
		process.WriteFile(path+".crt", p.Certificate))
}

// Read returns the pair that Write kept.
func Read(path string) (Pair, error) {
	certificate, err := os.ReadFile(path + ".crt")
	if err != nil {
		return Pair{}, err
	}
	key, err := os.ReadFile(path + ".key")
	return Pair{Certificate: certificate, Key: key}, err
}
