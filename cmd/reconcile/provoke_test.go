package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// edit edits many fields by hand.
func (s *site) edit() {
	s.Helper()
	data := map[string]string{}
	for i := range 30 {
		data[fmt.Sprintf("k%d", i)] = "edited"
	}
	patch, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		s.Fatal(err)
	}
	s.kubectl(eu, "patch", "configmap", "third", "--type", "merge", "--patch", string(patch))
}

// token gives the daemon a token for a cluster that ends in an hour.
func (s *site) token(cluster string) {
	s.Helper()
	s.kubectl(cluster, "create", "serviceaccount", "daemon")
	s.kubectl(cluster, "create", "clusterrolebinding", s.name, "--clusterrole", "cluster-admin", "--serviceaccount", s.name+":daemon")
	s.Cleanup(func() { s.kubectl(cluster, "delete", "clusterrolebinding", s.name) })
	s.known(cluster, "--token", strings.TrimSpace(s.kubectl(cluster, "create", "token", "daemon", "--duration", "1h")))
}

// certificate gives the daemon a certificate for a cluster that ends in an hour.
func (s *site) certificate(cluster string) {
	s.Helper()
	authority := filepath.Join(kubetest.Dir(s), ".localkube", cluster, "pki", "ca")
	ca, err := tls.LoadX509KeyPair(authority+".crt", authority+".key")
	if err != nil {
		s.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: s.name, Organization: []string{"system:masters"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Leaf, key.Public(), ca.PrivateKey)
	if err != nil {
		s.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		s.Fatal(err)
	}
	dir := s.TempDir()
	file := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		s.write(path, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
		return path
	}
	s.known(cluster, "--embed-certs", "--client-certificate", file("crt", "CERTIFICATE", der), "--client-key", file("key", "EC PRIVATE KEY", private))
}

// known gives the daemon a kubeconfig in which it is known to a cluster by something else.
func (s *site) known(cluster string, by ...string) {
	s.Helper()
	path := filepath.Join(s.TempDir(), "kubeconfig")
	s.write(path, s.read(s.admin(cluster)))
	config := func(args ...string) string {
		return strings.TrimSpace(kubetest.Output(s, "kubectl", append([]string{"--kubeconfig", path, "config"}, args...)...))
	}
	config(append([]string{"set-credentials", "other"}, by...)...)
	config("set-context", config("current-context"), "--user", "other")
	s.credential(cluster, s.read(path))
}

// rename moves a directory to where nothing may be but what a note was written to meanwhile.
func (s *site) rename(from, to string) {
	s.Helper()
	if err := os.RemoveAll(to); err != nil {
		s.Fatal(err)
	}
	if err := os.Rename(from, to); err != nil {
		s.Fatal(err)
	}
}
