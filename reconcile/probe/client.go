package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
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
			DialContext:     (&net.Dialer{Timeout: timeout}).DialContext,
			TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
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

// Why says why there is no answer, without the URL and the method, which the reader knows.
func Why(err error, timeout time.Duration) string {
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return "looking up " + dns.Name + ": " + dns.Err
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return fmt.Sprintf("no answer within %s", timeout)
	case errors.As(err, &op) && op.Op == "dial":
		return op.Error()
	}
	return inner(err).Error()
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// inner is what a client's error is about.
func inner(err error) error {
	if below := errors.Unwrap(err); below != nil {
		return below
	}
	return err
}
