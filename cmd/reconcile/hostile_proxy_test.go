package main

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// nasty stands between the daemon and an API server, understands what both say, and makes trouble while it is told to.
type nasty struct {
	server   *httptest.Server
	upstream http.Handler

	mu       sync.Mutex // guards what follows
	how      string     // empty: everything is well
	seen     []asked
	requests int
	accepted int
	hung     chan struct{} // closed when hanging ends
}

// asked is a request that came through, and how it was met.
type asked struct {
	*http.Request
	how string
}

// What an API server can be made to do.
const (
	throttled = "answers two of three requests with 429"
	overrun   = "answers every request with 429, and wants nothing for an hour"
	hanging   = "does not answer"
	dropping  = "drops every third connection"
)

// nastily makes the daemon reach a cluster through a proxy that can make trouble.
func (s *site) nastily(cluster string) *nasty {
	s.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", s.admin(cluster))
	if err != nil {
		s.Fatal(err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		s.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		s.Fatal(err)
	}
	p := httputil.NewSingleHostReverseProxy(target)
	p.Transport, p.FlushInterval = transport, -1
	p.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	n := &nasty{upstream: p, hung: make(chan struct{})}
	n.server = httptest.NewUnstartedServer(n)
	n.server.Listener = dropper{n.server.Listener, n}
	n.server.StartTLS()
	s.Cleanup(func() { n.begin(""); n.server.CloseClientConnections(); n.server.Close() })
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: n.server.Certificate().Raw})
	s.credential(cluster, fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: proxy
contexts: [{name: proxy, context: {cluster: proxy, user: proxy}}]
users: [{name: proxy, user: {token: none}}]
clusters: [{name: proxy, cluster: {server: %q, certificate-authority-data: %s}}]
`, n.server.URL, base64.StdEncoding.EncodeToString(ca)))
	return n
}

// begin makes trouble of a kind from now on, also for who is connected; empty: no more.
func (n *nasty) begin(how string) {
	n.mu.Lock()
	n.how, n.seen = how, nil
	close(n.hung)
	n.hung = make(chan struct{})
	n.mu.Unlock()
	n.server.CloseClientConnections()
}

// met is what was asked since trouble of this kind began.
func (n *nasty) met() []asked {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seen
}

// dropper drops connections.
type dropper struct {
	net.Listener
	*nasty
}

func (d dropper) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		d.mu.Lock()
		d.accepted++
		drop := d.how == dropping && d.accepted%3 == 0
		d.mu.Unlock()
		if !drop {
			return conn, nil
		}
		_ = conn.Close()
	}
}

func (n *nasty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	n.requests++
	how, number, hung := n.how, n.requests, n.hung
	n.seen = append(n.seen, asked{r, how})
	n.mu.Unlock()
	r.Header.Del("Authorization")
	switch {
	case how == hanging:
		select {
		case <-hung:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case how == throttled && number%3 != 0:
		refuse(w, "1")
	case how == overrun:
		refuse(w, "3600")
	case how == dropping:
		w.Header().Set("Connection", "close") // so that there are many connections
		fallthrough
	default:
		n.upstream.ServeHTTP(w, r)
	}
}

// refuse answers as the API server does whose queues are full.
func refuse(w http.ResponseWriter, after string) {
	w.Header().Set("Retry-After", after)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusTooManyRequests)
	fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"TooManyRequests","code":429,"message":"too many requests"}`)
}
