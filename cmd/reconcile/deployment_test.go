package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// front is one address of a deployment, of which a test says how it answers.
type front struct {
	URL       string
	authority string // its certificate, as a file of certificate authorities; empty: it has none

	mu     sync.Mutex // guards what follows
	id     string
	says   string // the access URL that the deployment uses
	delay  time.Duration
	broken bool
	asked  int
}

// newFront answers on loopback, over TLS with a certificate of its own where secure. What it answers is what
// Coder's build information looks like.
func newFront(t *testing.T, id string, secure bool) *front {
	t.Helper()
	f := &front{id: id}
	srv := httptest.NewUnstartedServer(f)
	if secure {
		cert := selfSigned(t)
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		srv.StartTLS()
		f.authority = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}))
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	f.URL = srv.URL
	return f
}

// set changes how it answers.
func (f *front) set(change func(f *front)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// ServeHTTP answers how the deployment is.
func (f *front) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	f.mu.Lock()
	id, says, delay, broken := f.id, f.says, f.delay, f.broken
	f.asked++
	f.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-in.Context().Done():
		return
	}
	if broken || in.URL.Path != "/api/v2/buildinfo" {
		http.Error(out, "down", http.StatusServiceUnavailable)
		return
	}
	answer := map[string]string{"version": "v2.30.0", "deployment_id": id}
	if says != "" {
		answer["dashboard_url"] = says
	}
	_ = json.NewEncoder(out).Encode(answer) // whoever went away need not know
}

// selfSigned is a certificate for loopback that nobody trusts who was not told to.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
