package probe

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// looks is how often the same has to be said.
const looks = 8

// failing is a URL that does not answer well.
type failing struct {
	name, url string
	want      string
	hangs     bool          // nothing but a timeout ends a look
	names     *net.Resolver // nil: that of this system
}

// At the same cause every look says the same, so that only the first one is news.
func TestOneCauseHasOneText(t *testing.T) {
	ca := newAuthority(t)
	creds := fstest.MapFS{"ca/ours.pem": {Data: ca.pem()}}
	how := reconcile.AccessURL{Path: "/healthz", CA: "ours.pem"}
	for _, c := range slices.Concat(unresolvable(t), unconnected(t), badCertificates(t, ca), badAnswers(t, ca)) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := &Prober{Credentials: creds, Timeout: patient, names: c.names}
			want := c.want
			if c.hangs {
				p.Timeout = 50 * time.Millisecond
				want += "no answer within 50ms"
			}
			p.Watch(how, c.url)
			for i := range looks {
				live := p.Look(t.Context(), how, c.url)
				if live.Err != want {
					t.Errorf("look %d: got %q, want %q", i, live.Err, want)
				}
				p.note(how, c.url, live)
				if news := len(p.Changed()) > 0; news != (i == 0) {
					t.Errorf("look %d: news is %t", i, news)
				}
				if i == 0 {
					<-p.Changed()
				}
			}
		})
	}
}

func unresolvable(t *testing.T) []failing {
	const nowhere, looking = "https://nowhere.example", "looking up nowhere.example: "
	const misbehaving = looking + "server misbehaving"
	const serverFailure, noSuchName, refused, never = 2, 3, 5, -1
	return []failing{
		{name: "unknown name", url: nowhere, names: nameserver(t, noSuchName), want: looking + "no such host"},
		{name: "name server fails", url: nowhere, names: nameserver(t, serverFailure), want: misbehaving},
		{name: "name server refuses", url: nowhere, names: nameserver(t, refused), want: misbehaving},
		{name: "no name server", url: nowhere, names: resolver(closed(t)), want: misbehaving},
		{name: "name server hangs", url: nowhere, names: nameserver(t, never), want: looking, hangs: true},
	}
}

func unconnected(t *testing.T) []failing {
	const cut = "connection closed or reset by peer"
	reset := func(c *net.TCPConn) { _ = c.SetLinger(0) }
	asked := func(c *net.TCPConn) { request(c); reset(c) }
	closes := func(*net.TCPConn) {}
	return []failing{
		{name: "nobody listens", url: "https://" + closed(t), want: "connection refused"},
		{name: "resets", url: "http://" + listen(t, reset), want: cut},
		{name: "resets TLS", url: "https://" + listen(t, reset), want: cut},
		{name: "resets after the request", url: "http://" + listen(t, asked), want: cut},
		{name: "closes", url: "http://" + listen(t, closes), want: cut},
		{name: "closes TLS", url: "https://" + listen(t, closes), want: cut},
		{name: "closes after the request", url: "http://" + listen(t, request), want: cut},
		{name: "hangs", url: "http://" + listen(t, untilGone), hangs: true},
		{name: "hangs TLS", url: "https://" + listen(t, untilGone), hangs: true},
	}
}

func badCertificates(t *testing.T, ca authority) []failing {
	noon := time.Date(2020, 2, 3, 12, 0, 0, 0, time.UTC)
	well := func(http.ResponseWriter, *http.Request) {}
	serve := func(edit func(*x509.Certificate)) string { return secure(t, ca.issue(t, edit), well) }
	later := noon.AddDate(500, 0, 0)
	old := ca.issue(t, nil)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	private := ca.issue(t, nil)
	private.ClientAuth, private.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
	return []failing{
		{name: "expired", want: "its certificate expired on 2020-02-03 12:00 UTC",
			url: serve(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = noon.AddDate(-1, 0, 0), noon })},
		{name: "not valid yet", want: "its certificate is not valid before 2520-02-03 12:00 UTC",
			url: serve(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = later, later.AddDate(1, 0, 0) })},
		{name: "of another host", want: "its certificate is not valid for 127.0.0.1",
			url: serve(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"shop.example"} })},
		{name: "for clients", want: "its certificate is not valid: certificate specifies an incompatible key usage",
			url: serve(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })},
		{name: "of an unknown authority", want: "its certificate is signed by an unknown authority",
			url: secure(t, newAuthority(t).issue(t, nil), well)},
		{name: "old TLS", want: "remote error: tls: protocol version not supported", url: secure(t, old, well)},
		{name: "asks for a certificate", want: "remote error: tls: handshake failure", url: secure(t, private, well)},
	}
}

func badAnswers(t *testing.T, ca authority) []failing {
	number := make(chan int)
	go func() {
		for i := 0; ; i++ {
			select {
			case number <- i:
			case <-t.Context().Done():
				return
			}
		}
	}()
	greet := func(c *net.TCPConn) {
		request(c)
		fmt.Fprintf(c, "SSH-2.0-server%d\r\n", <-number)
	}
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", fmt.Sprintf(to, <-number))
			w.WriteHeader(http.StatusFound)
		}
	}
	short := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "short")
	}
	stall := func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	sick := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, <-number)
	}
	return []failing{
		{name: "no HTTP", url: "http://" + listen(t, greet), want: "malformed HTTP response"},
		{name: "no TLS", url: "https://" + listen(t, greet), want: "tls: first record does not look like a TLS handshake"},
		{name: "HTTP without TLS", url: "https" + plain(t, sick)[len("http"):],
			want: "http: server gave HTTP response to HTTPS client"},
		{name: "sick", url: plain(t, sick), want: "/healthz answers 503 Service Unavailable"},
		{name: "redirect", url: plain(t, redirect("https://login.example/?state=%d")),
			want: "/healthz answers 302 Found (to https://login.example)"},
		{name: "redirect to nowhere", url: plain(t, redirect("https://[%d")), want: "failed to parse Location header"},
		{name: "short body", url: plain(t, short), want: "connection closed or reset by peer"},
		{name: "aborted", url: plain(t, abort), want: "connection closed or reset by peer"},
		{name: "aborted stream", url: secure(t, ca.issue(t, nil), abort),
			want: "stream error: stream ID 1; INTERNAL_ERROR; received from peer"},
		{name: "stalled body", url: plain(t, stall), hangs: true},
		{name: "stalled stream", url: secure(t, ca.issue(t, nil), stall), hangs: true},
	}
}

// What is wrong with a proxy is not said of the URL.
func TestProxyIsNamed(t *testing.T) {
	proxy := &url.URL{Scheme: "http", Host: closed(t)}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy)}
	_, err := (&http.Client{Transport: transport}).Get("https://nowhere.example")
	if got, want := Why(err, patient), "the proxy: connection refused"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
