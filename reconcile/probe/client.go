package probe

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"time"
)

// Client is an HTTP client that trusts what is to be trusted: the certificates in one file of creds' folder
// ca, or, without a name, the system's and those of all files ca/*.pem there. It keeps no connection and
// follows no redirect. A nil creds holds no files.
func Client(creds fs.FS, name string, timeout time.Duration) (*http.Client, error) {
	pool, err := trusted(creds, name)
	if err != nil {
		return nil, err
	}
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true,
			DialContext: (&net.Dialer{Timeout: timeout}).DialContext,
			// Opening a connection goes on without the request that wanted it.
			TLSHandshakeTimeout: timeout,
			TLSClientConfig:     &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

func trusted(creds fs.FS, name string) (*x509.CertPool, error) {
	if name != "" {
		pool := x509.NewCertPool()
		return pool, add(pool, creds, "ca/"+name)
	}
	pool, err := x509.SystemCertPool()
	if err != nil { // this system has none
		pool = x509.NewCertPool()
	}
	if creds == nil {
		return pool, nil
	}
	files, err := fs.Glob(creds, "ca/*.pem")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if err := add(pool, creds, file); err != nil {
			return nil, err
		}
	}
	return pool, nil
}

func add(pool *x509.CertPool, creds fs.FS, file string) error {
	if creds == nil {
		return fmt.Errorf("certificate authorities in %s of the credentials: there are no credentials; give --credentials", file)
	}
	pem, err := fs.ReadFile(creds, file)
	if err != nil {
		return fmt.Errorf("certificate authorities in the credentials: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s of the credentials has no certificate in it", file)
	}
	return nil
}
