package pki

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestServerAndClientTrustEachOtherThroughTheirAuthority(t *testing.T) {
	dir := t.TempDir()
	authority, err := Open(dir, "one")
	if err != nil {
		t.Fatal(err)
	}
	server, err := authority.Server([]string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	// A later call signs with the same key.
	if authority, err = Open(dir, "ignored"); err != nil {
		t.Fatal(err)
	}
	client, err := authority.Client("alice", "dev", "ops")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.Certificate())

	whoAmI := func(w http.ResponseWriter, r *http.Request) {
		subject := r.TLS.PeerCertificates[0].Subject
		io.WriteString(w, subject.CommonName+" "+strings.Join(subject.Organization, ","))
	}
	endpoint := httptest.NewUnstartedServer(http.HandlerFunc(whoAmI))
	endpoint.TLS = &tls.Config{
		Certificates: []tls.Certificate{certificate(t, server)},
		ClientCAs:    roots, ClientAuth: tls.RequireAndVerifyClientCert,
	}
	endpoint.StartTLS()
	defer endpoint.Close()

	answer, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs: roots, Certificates: []tls.Certificate{certificate(t, client)},
	}}}).Get(endpoint.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got, _ := io.ReadAll(answer.Body); string(got) != "alice dev,ops" {
		t.Errorf("the server saw %q, want alice of dev and ops", got)
	}
}

func certificate(t *testing.T, pair Pair) tls.Certificate {
	t.Helper()
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func TestKubeconfigQuotesEveryName(t *testing.T) {
	got := Kubeconfig{
		Cluster: "no", Server: "https://127.0.0.1:1", Authority: []byte("ca"),
		User: "system:x", Pair: Pair{Certificate: []byte("c"), Key: []byte("k")},
	}.Bytes()
	want := `apiVersion: v1
kind: Config
current-context: "no"
clusters:
- name: "no"
  cluster:
    server: "https://127.0.0.1:1"
    certificate-authority-data: Y2E=
contexts:
- name: "no"
  context:
    cluster: "no"
    user: "system:x"
users:
- name: "system:x"
  user:
    client-certificate-data: Yw==
    client-key-data: aw==
`
	if !bytes.Equal(got, []byte(want)) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
