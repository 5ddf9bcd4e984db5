package main

import (
	"io"
	"net"
	"regexp"
	"sync"
	"testing"
)

// proxy stands between the daemon and an API server, and can be cut.
type proxy struct {
	listener net.Listener
	to       string

	mu   sync.Mutex // guards what follows
	down bool
	open map[net.Conn]bool
}

// newProxy listens on loopback until the test ends.
func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, to: to, open: map[net.Conn]bool{}}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); p.cut() })
	return p
}

// through makes the daemon reach a cluster through a proxy only.
func (s *site) through(cluster string) *proxy {
	s.Helper()
	config := s.read(s.admin(cluster))
	server := regexp.MustCompile(`server: "?https://(127\.0\.0\.1:\d+)`)
	p := newProxy(s.TB, pick(s, config, server.String()))
	s.credential(cluster, replace(s, config, `(server: "?https://)127\.0\.0\.1:\d+`, "${1}"+p.listener.Addr().String()))
	return p
}

// serve passes on what both ends say, until one of them ends or the proxy is cut.
func (p *proxy) serve(conn net.Conn) {
	defer conn.Close()
	if !p.keep(conn, true) {
		return
	}
	defer p.keep(conn, false)
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, conn) // however it ends, the other way does too
		_ = server.Close()
	}()
	_, _ = io.Copy(conn, server)
}

// keep notes that a connection is open, or not any more. While the proxy is cut, none may be.
func (p *proxy) keep(conn net.Conn, open bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !open {
		delete(p.open, conn)
		return true
	}
	if !p.down {
		p.open[conn] = true
	}
	return !p.down
}

// cut ends all connections, and lets none come about.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for conn := range p.open {
		_ = conn.Close()
	}
}

// restore ends a cut.
func (p *proxy) restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}
