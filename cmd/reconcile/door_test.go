package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/workspace-providers/reconcile/status"
	"github.com/workspace-providers/reconcile/status/page"
)

// Beyond this machine there has to be sign-in and TLS, of ours or of something in front, and the message says what to do.
func TestWhoMayListenWhere(t *testing.T) {
	t.Parallel()
	asks := map[string]string{"token": newToken()}
	proxied := map[string]string{"signin.yaml": `{proxy: {userHeader: X-User, networks: ["10.0.0.0/8"]}, roles: {all: {groups: [a], organizations: ["*"]}}}`}
	for _, test := range []struct {
		addr, needs      string
		behindProxy, tls bool
		page             map[string]string
		says             string // empty: it listens
	}{
		{"127.0.0.1:0", forPeople, false, false, nil, ""}, {"localhost:0", forForges, false, false, nil, ""},
		{"127.0.0.1:0", forForges, true, false, nil, ""}, {"127.0.0.1:0", onlyHere, false, false, nil, ""},
		{":0", forPeople, true, false, nil, ""}, {":0", forPeople, false, true, asks, ""}, {":0", forPeople, true, false, proxied, ""},
		{":0", forForges, false, true, nil, ""}, {":0", forForges, true, false, nil, ""}, {":0", forScrapes, false, false, nil, ""},
		{"127.0.0.1:0", forMetrics, false, false, nil, ""}, {":0", forMetrics, false, true, asks, ""}, {":0", forMetrics, true, false, nil, ""},
		{":0", forMetrics, false, false, nil, "for metrics on \":0\": beyond loopback there must be sign-in and TLS; put token, users or signin.yaml and tls.crt and tls.key into page/ of --credentials, or put a proxy in front that does sign-in and TLS and say --behind-proxy, or say --metrics-open where only those get there who may read them, or listen on 127.0.0.1"},
		{":0", forMetrics, false, false, asks, "for metrics on \":0\": beyond loopback there must be TLS"},
		{":0", forPeople, false, false, nil, "beyond loopback there must be sign-in and TLS; put token, users or signin.yaml and tls.crt and tls.key into page/ of --credentials, or put a proxy in front that does sign-in and TLS and say --behind-proxy, or listen on 127.0.0.1"},
		{":0", forPeople, false, false, asks, "there must be TLS; put tls.crt and tls.key into page/"},
		{":0", forPeople, false, true, nil, "there must be sign-in; put token, users or signin.yaml into page/"},
		{":0", forPeople, false, false, proxied, "there must be TLS; put tls.crt and tls.key into page/ of --credentials, or have the proxy of signin.yaml do TLS and say --behind-proxy, or"},
		{"0.0.0.0:0", forForges, false, false, asks, "for webhooks on \"0.0.0.0:0\": beyond loopback there must be TLS"},
		{"example.com:0", forForges, false, false, nil, "--behind-proxy"},
		{":0", onlyHere, true, true, asks, "who is on this machine alone"},
		{"nonsense", forForges, false, false, nil, "missing port"},
	} {
		p := &parts{settings: &settings{behindProxy: test.behindProxy}, gate: gate(t, test.page)}
		if test.tls {
			p.certificate = &certificate{}
		}
		l, err := p.listener(door{addr: test.addr, needs: test.needs})
		switch {
		case err == nil:
			l.Close()
			if test.says != "" {
				t.Errorf("%+v: it listens", test)
			}
		case test.says == "" || !strings.Contains(err.Error(), test.says):
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// Nobody takes up all there is by holding connections; who waits is let in when one ends.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	p := &parts{settings: &settings{}, gate: gate(t, nil)}
	l, err := p.listener(door{addr: "127.0.0.1:0", needs: forPeople})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	one := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	var last net.Conn
	for range maxConnections {
		one()
		c := <-accepted
		t.Cleanup(func() { c.Close() })
		last = c
	}
	one()
	select {
	case <-accepted:
		t.Fatalf("there are more than %d", maxConnections)
	case <-time.After(300 * time.Millisecond):
	}
	last.Close()
	select {
	case c := <-accepted:
		c.Close()
	case <-time.After(patience):
		t.Fatal("nobody is let in any more")
	}
}

// Whoever signs in sees pages and metrics; metrics that have an address of their own are for everybody where that is
// said, and probes are for everybody, but not what is wrong.
func TestWhoSeesWhatAtWhichDoor(t *testing.T) {
	t.Parallel()
	token := newToken()
	for _, test := range []struct {
		settings
		door  int
		path  string
		token string
		code  int
		says  string
	}{
		{settings{listen: "a"}, 0, "/metrics", "", 401, "sign in first"}, {settings{listen: "a"}, 0, "/metrics", token, 200, ""},
		{settings{listen: "a"}, 0, "/healthz", "", 200, "ok\n"}, {settings{listen: "a"}, 0, "/api/v1/plan", "", 401, ""},
		{settings{listen: "a"}, 0, "/readyz", "", 503, "not ready\n"}, {settings{listen: "a"}, 0, "/readyz", token, 503, "not ready: nothing"},
		{settings{listen: "a", metricsListen: "b"}, 1, "/metrics", "", 401, ""}, {settings{listen: "a", metricsListen: "b"}, 1, "/metrics", token, 200, ""},
		{settings{listen: "a", metricsListen: "b"}, 1, "/readyz", "", 503, "not ready\n"}, {settings{listen: "a", metricsListen: "b"}, 1, "/healthz", "", 200, "ok\n"},
		{settings{listen: "a", metricsListen: "b"}, 0, "/metrics", token, 404, ""},
		{settings{listen: "a", metricsListen: "b", metricsOpen: true}, 1, "/metrics", "", 200, ""}, {settings{listen: "a", metricsListen: "b", metricsOpen: true}, 1, "/healthz", "", 200, "ok\n"},
		{settings{listen: "a", metricsListen: "b", metricsOpen: true}, 1, "/readyz", token, 503, "not ready\n"},
		{settings{listen: "a", debugListen: "b"}, 1, "/debug/pprof/heap", "", 401, ""}, {settings{listen: "a", debugListen: "b"}, 1, "/debug/pprof/heap", token, 200, ""},
		{settings{listen: "a"}, 0, "/debug/pprof/heap", token, 404, ""},
	} {
		p := &parts{settings: &test.settings, gate: gate(t, map[string]string{"token": token})}
		web := &status.Web{Metrics: prometheus.NewRegistry()}
		web.Front = page.New(web, nil)
		in := httptest.NewRequest(http.MethodGet, "http://127.0.0.1"+test.path, nil)
		if test.token != "" {
			in.Header.Set("Authorization", "Bearer "+test.token)
		}
		out := httptest.NewRecorder()
		p.doors(web, http.NotFoundHandler())[test.door].handler.ServeHTTP(out, in)
		if out.Code != test.code || !strings.HasPrefix(out.Body.String(), test.says) {
			t.Errorf("%s of door %d, token %t: %d %s, want %d %s", test.path, test.door, test.token != "", out.Code, out.Body, test.code, test.says)
		}
	}
}

// Where nobody is asked who he is, a page of another name, which may lead here by now, reads nothing. A proxy in front,
// and who signs in, may use any name; webhooks are signed.
func TestByWhichNamePagesAnswer(t *testing.T) {
	t.Parallel()
	const here, there = "127.0.0.1:8080", "evil.example.com:8080"
	asks := map[string]string{"token": newToken()}
	for _, test := range []struct {
		settings
		page             map[string]string
		door             int
		path, host, says string
	}{
		{settings{listen: here}, nil, 0, "/healthz", here, "200 ok"}, {settings{listen: here}, nil, 0, "/healthz", there, "403 this is for who asks for 127.0.0.1"},
		{settings{listen: here}, nil, 0, "/webhooks/x", there, "404 "},
		{settings{listen: "localhost:8080"}, nil, 0, "/", there, "403 "}, {settings{listen: ":8080"}, nil, 0, "/healthz", there, "200 ok"},
		{settings{listen: here, behindProxy: true}, nil, 0, "/healthz", there, "200 ok"}, {settings{listen: here}, asks, 0, "/healthz", there, "200 ok"},
		{settings{listen: here, metricsListen: "[::1]:9090"}, nil, 1, "/metrics", there, "403 "}, {settings{listen: here, metricsListen: "[::1]:9090"}, asks, 1, "/healthz", there, "200 ok"},
		{settings{listen: here, metricsListen: "[::1]:9090", metricsOpen: true}, asks, 1, "/metrics", there, "403 "},
		{settings{listen: here, metricsListen: "[::1]:9090", metricsOpen: true}, asks, 1, "/healthz", "localhost", "200 ok"},
	} {
		p := &parts{settings: &test.settings, gate: gate(t, test.page)}
		in := httptest.NewRequest(http.MethodGet, "http://"+test.host+test.path, nil)
		out := httptest.NewRecorder()
		p.doors(&status.Web{Metrics: prometheus.NewRegistry()}, http.NotFoundHandler())[test.door].handler.ServeHTTP(out, in)
		if got := fmt.Sprint(out.Code, " ", out.Body); !strings.HasPrefix(got, test.says) {
			t.Errorf("%s of %s, %+v: %s, want %s", test.path, test.host, test.settings, got, test.says)
		}
	}
}
