package git

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"golang.org/x/crypto/ssh"
)

// maxAdvertised is how many bytes of refs a server may tell of; twenty thousand take two million.
const maxAdvertised = 64 << 20

// useThese says which URLs we take.
const useThese = "use https, ssh, git, file or a path"

// remote is where the repository is and what opens it, for one fetch or push.
type remote struct {
	repo *Repo
	ep   *transport.Endpoint // without credentials
	cred credentials
}

// remote reads the URL and the credentials.
func (r *Repo) remote() (*remote, error) {
	if helper, _, ok := strings.Cut(r.URL, "::"); ok && !strings.ContainsAny(helper, "/[@") {
		return nil, fmt.Errorf("%w: helper %q is not run: %s", ErrRefused, cut(helper, 20), useThese)
	}
	ep, err := transport.NewEndpoint(r.URL)
	if err != nil {
		return nil, fmt.Errorf("not a git URL: %w", err)
	}
	cred, err := readCredentials(r.Auth, r.CA)
	if err != nil {
		return nil, err
	}
	m := &remote{repo: r, ep: ep, cred: cred}
	switch ep.Protocol {
	case "http", "https":
		if ep.User != "" && cred.password == "" {
			m.cred.user, m.cred.password = ep.User, ep.Password
		}
		ep.User, ep.Password = "", ""
		if ep.Protocol == "http" && m.cred.password != "" && !loopback(ep.Host) {
			return nil, fmt.Errorf("%w: credentials over plain http: use https or ssh", ErrRefused)
		}
	case "ssh", "git", "file":
	default:
		return nil, fmt.Errorf("%w: scheme %q: %s", ErrRefused, cut(ep.Protocol, 20), useThese)
	}
	return m, nil
}

// local says whether the repository is on this machine and read in place.
func (m *remote) local() bool { return m.ep.Protocol == "file" }

// wholeOnly says whether the server refuses clients that cannot negotiate as it wishes, as Azure
// DevOps does; such a repository is brought whole each time it changed.
func (m *remote) wholeOnly() bool {
	host := "." + strings.ToLower(m.ep.Host)
	return strings.HasSuffix(host, ".dev.azure.com") || strings.HasSuffix(host, ".visualstudio.com")
}

func (m *remote) uploadSession(ctx context.Context) (transport.UploadPackSession, error) {
	if m.http() {
		return githttp.NewClient(m.httpClient()).NewUploadPackSession(m.ep, m.basicAuth())
	}
	return m.openStream(ctx, transport.UploadPackServiceName)
}

func (m *remote) receiveSession(ctx context.Context) (transport.ReceivePackSession, error) {
	if m.http() {
		return githttp.NewClient(m.httpClient()).NewReceivePackSession(m.ep, m.basicAuth())
	}
	return m.openStream(ctx, transport.ReceivePackServiceName)
}

func (m *remote) http() bool { return m.ep.Protocol == "http" || m.ep.Protocol == "https" }

func (m *remote) basicAuth() transport.AuthMethod {
	if m.cred.password == "" {
		return nil
	}
	return &githttp.BasicAuth{Username: m.cred.user, Password: m.cred.password}
}

// httpClient returns a client whose answers are bounded. go-git follows redirects for the first
// request only and takes credentials off when one leaves the host.
func (m *remote) httpClient() *http.Client {
	r := m.repo
	if r.client == nil || r.clientCA != string(m.cred.ca) {
		if r.client != nil {
			r.client.CloseIdleConnections()
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		pool.AppendCertsFromPEM(m.cred.ca)
		r.clientCA = string(m.cred.ca)
		r.client = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			TLSClientConfig:     &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 20 * time.Second,
			IdleConnTimeout:     3 * time.Minute,
			MaxIdleConnsPerHost: 1,
			ForceAttemptHTTP2:   true,
		}
	}
	return &http.Client{Transport: bounded{r.client, or(r.MaxPack, defaultMaxPack)}}
}

// bounded is a RoundTripper whose answers end with an error when they are too long.
type bounded struct {
	http.RoundTripper
	pack int64
}

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	limit := int64(maxAdvertised)
	if req.Method == http.MethodPost {
		limit = b.pack + b.pack/8 // the pack, and the channel headers around its pieces
	}
	resp.Body = &capped{ReadCloser: resp.Body, left: limit}
	return resp, nil
}

// capped reads at most so many bytes, and fails where there are more.
type capped struct {
	io.ReadCloser
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, fmt.Errorf("answer of the server: %w", ErrTooLarge)
	}
	return n, err
}

// loopback says whether a host is this machine, where nothing can listen in between.
func loopback(host string) bool {
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// redact takes credentials out of a URL.
func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return printable(raw, 300)
	}
	if u.Scheme == "ssh" {
		u.User = url.User(u.User.Username())
	} else {
		u.User = nil
	}
	return printable(u.String(), 300)
}

// hint says what can be done about an error of a server or this machine.
func hint(err error) string {
	var unknown x509.UnknownAuthorityError
	var dns *net.DNSError
	switch {
	case errEmpty(err):
		return "push a first commit"
	case errors.Is(err, transport.ErrAuthenticationRequired):
		return "put username and password, or token, into the git folder of the credentials"
	case errors.Is(err, transport.ErrAuthorizationFailed):
		return "give these credentials access to the repository"
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return "correct the URL, or give the credentials access to the repository"
	case errors.As(err, &unknown):
		return "put the server's CA certificate as ca.crt into the git folder of the credentials"
	case errors.Is(err, syscall.ENOSPC):
		return "make room where the cache is"
	case errors.As(err, &dns):
		return "correct the host in the URL, or the name service"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "start the git server, or correct the port in the URL"
	case errors.As(err, new(*ssh.PassphraseMissingError)):
		return "store the key's passphrase as password beside it"
	}
	return ""
}
