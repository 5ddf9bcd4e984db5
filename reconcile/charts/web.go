package charts

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// web is what one look at one source may do with the network. It is used once and closed, so that
// rotated credentials count at once and no connection outlives the rules it was made under.
//
// The source itself may be anywhere, since somebody declared and allowed it. What it leads to (redirects,
// archives on other hosts, token servers) must not lie in a private network unless the allowlist
// names its host, and never gets the source's credentials.
type web struct {
	home       *url.URL
	friends    map[string]bool // hosts that the allowlist names
	credential auth.CredentialFunc
	direct     *http.Transport
	public     *http.Transport // refuses private addresses
}

const (
	dialTimeout   = 10 * time.Second
	answerTimeout = 30 * time.Second
	maxRedirects  = 5
)

// newWeb reads the credentials anew. A nil fs.FS holds none.
func newWeb(creds fs.FS, req Request) (*web, error) {
	home, err := url.Parse(req.source())
	if err != nil {
		return nil, err
	}
	if home.Scheme == "oci" {
		home.Scheme = "https"
	}
	w := &web{home: home, friends: map[string]bool{}}
	for _, prefix := range req.Allowed {
		if _, rest, ok := strings.Cut(prefix, "://"); ok {
			prefix = rest
		}
		host, _, _ := strings.Cut(prefix, "/")
		w.friends[host] = true
	}
	if w.credential, err = readCredentials(creds); err != nil {
		return nil, err
	}
	pool, err := readCAs(creds)
	if err != nil {
		return nil, err
	}
	w.direct = newTransport(pool, nil)
	w.public = newTransport(pool, onlyPublic)
	return w, nil
}

func newTransport(pool *x509.CertPool, control func(string, string, syscall.RawConn) error) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout, Control: control}).DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: answerTimeout,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true, // some servers call an archive compressed content, and it would be unpacked
	}
}

func (w *web) close() {
	w.direct.CloseIdleConnections()
	w.public.CloseIdleConnections()
}

// client follows redirects within the rules.
func (w *web) client() *http.Client {
	return &http.Client{Transport: w, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if len(via) >= maxRedirects {
			return refused{fmt.Sprintf("more than %d redirects", maxRedirects)}
		}
		return nil
	}}
}

// RoundTrip sends a request by the rules.
func (w *web) RoundTrip(req *http.Request) (*http.Response, error) {
	atHome := sameOrigin(req.URL, w.home)
	switch {
	case req.URL.Scheme != "https" && !atHome && !(isLoopback(req.URL.Hostname()) && isLoopback(w.home.Hostname())):
		return nil, refused{fmt.Sprintf("%s leads to %s, which is not https", w.home.Host, bare(req.URL))}
	case req.Response != nil && !atHome && req.Header.Get("Authorization") != "":
		req = req.Clone(req.Context())
		req.Header.Del("Authorization")
	}
	if atHome || w.friends[req.URL.Host] || w.friends[req.URL.Hostname()] || proxied(req) {
		return w.direct.RoundTrip(req)
	}
	return w.public.RoundTrip(req)
}

// proxied requests are dialled, and judged, by the proxy that the operator has set.
func proxied(req *http.Request) bool {
	u, err := http.ProxyFromEnvironment(req)
	return err == nil && u != nil
}

func sameOrigin(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		return cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	return strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b) &&
		(a.Scheme == b.Scheme || isLoopback(b.Hostname()))
}

// bare writes a URL without what may be secret in it: a credential, and the query of a signed link.
func bare(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// shared is the address space of carriers, which clouds use for pods: RFC 6598.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// onlyPublic is asked after the name was looked up, so that no name can hide an address.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return refused{err.Error()}
	}
	ip := ap.Addr().Unmap()
	if shared.Contains(ip) || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() ||
		ip.IsMulticast() || ip.IsUnspecified() {
		return refused{fmt.Sprintf("the source leads to %s, a private address; "+
			"if that is meant, add the host to deployment.chartSources", address)}
	}
	return nil
}

// page is the answer to a GET.
type page struct {
	body      []byte
	etag      string
	unchanged bool // since the ETag that was sent
}

// get fetches at most limit bytes. The credential goes to the source's own origin only.
func (w *web) get(ctx context.Context, u *url.URL, etag string, limit int64) (page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return page{}, err
	}
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	if err := w.authorize(req); err != nil {
		return page{}, err
	}
	resp, err := w.client().Do(req)
	if err != nil {
		return page{}, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && etag != "":
		return page{etag: etag, unchanged: true}, nil
	case resp.StatusCode != http.StatusOK:
		return page{}, statusError{resp.StatusCode, bare(u)}
	}
	body, err := readAll(resp.Body, limit)
	if err != nil {
		return page{}, fmt.Errorf("%s: %w", bare(u), err)
	}
	return page{body: body, etag: resp.Header.Get("ETag")}, nil
}

func (w *web) authorize(req *http.Request) error {
	if !sameOrigin(req.URL, w.home) {
		return nil
	}
	c, err := w.credential(req.Context(), w.home.Host)
	switch {
	case err != nil:
		return err
	case c.AccessToken != "":
		req.Header.Set("Authorization", "Bearer "+c.AccessToken)
	case c.Username != "":
		req.SetBasicAuth(c.Username, c.Password)
	}
	return nil
}

func readAll(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, refused{fmt.Sprintf("it is larger than %d MiB", limit>>20)}
	}
	return b, err
}

// readCredentials reads a Docker configuration, the same for registries and for chart repositories.
func readCredentials(creds fs.FS) (auth.CredentialFunc, error) {
	none := func(context.Context, string) (auth.Credential, error) { return auth.EmptyCredential, nil }
	if creds == nil {
		return none, nil
	}
	b, err := fs.ReadFile(creds, "registries/config.json")
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return nil, fmt.Errorf("registry credentials: %w", err)
	}
	store, err := credentials.NewMemoryStoreFromDockerConfig(b)
	if err != nil {
		return nil, errors.New("registries/config.json of the credentials directory is not " +
			"a Docker configuration with auths")
	}
	return credentials.Credential(store), nil
}

// readCAs is the system's pool and the certificates in ca/*.pem.
func readCAs(creds fs.FS) (*x509.CertPool, error) {
	if creds == nil {
		return nil, nil
	}
	names, err := fs.Glob(creds, "ca/*.pem")
	if err != nil || len(names) == 0 {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, name := range names {
		b, err := fs.ReadFile(creds, name)
		if err != nil {
			return nil, fmt.Errorf("CA certificates: %w", err)
		}
		if !pool.AppendCertsFromPEM(b) {
			return nil, fmt.Errorf("%s of the credentials directory holds no certificate in PEM form", name)
		}
	}
	return pool, nil
}
