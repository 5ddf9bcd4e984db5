package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// visitor comes over TLS.
type visitor struct {
	*daemon
	client *http.Client
	config *tls.Config
	host   string
}

func (d *daemon) visitor(ca *authority) *visitor {
	d.Helper()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(d.url, "http://"))
	if err != nil {
		d.Fatal(err)
	}
	v := &visitor{daemon: d, config: &tls.Config{RootCAs: ca.pool}, host: "127.0.0.1:" + port}
	v.client = &http.Client{Transport: &http.Transport{TLSClientConfig: v.config, DisableKeepAlives: true}, Timeout: time.Minute}
	return v
}

// get asks for something as a browser does, with an Authorization if it is not empty.
func (v *visitor) get(path, authorization string) (int, string) {
	v.Helper()
	in, err := http.NewRequest(http.MethodGet, "https://"+v.host+path, nil)
	if err != nil {
		v.Fatal(err)
	}
	if !strings.HasPrefix(path, "/api/") {
		in.Header.Set("Accept", "text/html")
	}
	if authorization != "" {
		in.Header.Set("Authorization", authorization)
	}
	resp, err := v.client.Do(in)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

// peer is whose certificate is shown.
func (v *visitor) peer() string {
	v.Helper()
	c, err := tls.Dial("tcp", v.host, v.config)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// authority is a certificate authority of a test.
type authority struct {
	*testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{T: t, pool: x509.NewCertPool()}
	a.cert, a.key, _ = a.sign("authority", true)
	a.pool.AddCert(a.cert)
	return a
}

// sign makes a certificate for 127.0.0.1 with a new key.
func (a *authority) sign(name string, isCA bool) (*x509.Certificate, *ecdsa.PrivateKey, []byte) {
	a.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: isCA, BasicConstraintsValid: true,
	}
	parent, signer := template, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.Fatal(err)
	}
	return cert, key, der
}

// issue writes a new certificate and its key into a directory.
func (a *authority) issue(dir, name string) {
	a.Helper()
	_, key, der := a.sign(name, false)
	pkcs, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: pkcs}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			a.Fatal(err)
		}
	}
}
