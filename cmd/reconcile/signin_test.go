package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/bcrypt"

	"github.com/workspace-providers/reconcile/status"
	"github.com/workspace-providers/reconcile/status/page"
	"github.com/workspace-providers/reconcile/status/signin"
)

// gate is a gate by files of the folder page/.
func gate(t *testing.T, files map[string]string) *signin.Gate {
	t.Helper()
	dir := fstest.MapFS{}
	for name, text := range files {
		dir["page/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	g, err := signin.New(signin.Options{Credentials: dir, Form: page.SignIn, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// newToken makes up a token.
func newToken() string { return rand.Text() + rand.Text() }

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

// What the README shows of signin.yaml is valid as it stands.
func TestTheReadmesSignInIsValid(t *testing.T) {
	t.Parallel()
	all, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(all), "```yaml\n# page/signin.yaml\n")
	text, _, _ = strings.Cut(text, "```")
	if g := gate(t, map[string]string{"signin.yaml": text}); !g.Asks() || !g.Proxied() {
		t.Errorf("nobody is asked by\n%s", text)
	}
}

// secluded is a site whose daemon reaches no cluster and needs none. Its declarations are in a directory.
func secluded(t *testing.T) (s *site, dir string) {
	t.Helper()
	t.Parallel()
	s = &site{TB: t, name: "acme", program: program(t), creds: filepath.Join(t.TempDir(), "credentials"), files: map[string]string{}}
	s.declare("deployment.cue", `deployment: {name: "acme", accessURL: "https://coder.example.com"}
clusters: "built-in": {}`)
	return s, s.worktree()
}

// A daemon that is given sign-in and TLS listens beyond this machine, and what is rotated counts while it runs.
func TestSignInOfADaemon(t *testing.T) {
	s, declared := secluded(t)
	dir := filepath.Join(s.creds, "page")
	if got := s.want(exitError, "--dir", declared, "--listen", "0.0.0.0:0"); !strings.Contains(got.err, "sign-in and TLS") {
		t.Errorf("it says %s", got.err)
	}
	old, young := newToken(), newToken()
	s.write(filepath.Join(dir, "token"), old+"\n")
	if got := s.want(exitError, "--dir", declared, "--listen", "0.0.0.0:0"); !strings.Contains(got.err, "must be TLS") || strings.Contains(got.err, old) {
		t.Errorf("it says %s", got.err)
	}
	ca := newAuthority(t)
	ca.issue(dir, "first")
	d := s.daemonOn("--dir", declared, "--listen", "0.0.0.0:0", "--metrics-listen", "127.0.0.1:0", "--metrics-open")
	v := d.visitor(ca)
	s.await("who has the token is let in, and the revision is in force", func() (any, bool) {
		code, body := v.get("/api/v1/status", "Bearer "+old)
		return body, code == http.StatusOK && strings.Contains(body, `"deployment": "acme"`)
	})
	if code, _ := v.get("/api/v1/status", ""); code != http.StatusUnauthorized {
		t.Errorf("nobody is asked who he is: %d", code)
	}
	if code, body := v.get("/", ""); code != http.StatusOK || !strings.Contains(body, "<h1>Sign in</h1>") {
		t.Errorf("people are not led to where they sign in: %d %s", code, body)
	}
	if name := v.peer(); name != "first" {
		t.Errorf("the certificate is %s", name)
	}
	d.rotate(dir, v, ca, old, young)
	d.mistakes(dir, v, young)
	log := d.log.String()
	for _, secret := range []string{old, young, "correct horse"} {
		if strings.Contains(log, secret) {
			t.Errorf("it logs a secret:\n%s", log)
		}
	}
	d.stop()
}

// rotate has another token, a user and another certificate counted, and the old ones not.
func (d *daemon) rotate(dir string, v *visitor, ca *authority, old, young string) {
	d.Helper()
	d.write(filepath.Join(dir, "token"), young+"\n")
	d.await("the new token counts, and the old one does not", func() (any, bool) {
		was, _ := v.get("/api/v1/status", "Bearer "+old)
		is, _ := v.get("/api/v1/status", "Bearer "+young)
		return []int{was, is}, was != http.StatusOK && is == http.StatusOK
	})
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	if err != nil {
		d.Fatal(err)
	}
	d.write(filepath.Join(dir, "users"), "ada:"+string(hash)+"\n")
	d.await("a user is let in", func() (any, bool) {
		code, body := v.get("/api/v1/status", "Basic "+base64.StdEncoding.EncodeToString([]byte("ada:correct horse")))
		return body, code == http.StatusOK
	})
	ca.issue(dir, "second")
	d.await("the new certificate is shown", func() (any, bool) { name := v.peer(); return name, name == "second" })
}

// mistakes in files change nothing, and the log tells of them.
func (d *daemon) mistakes(dir string, v *visitor, token string) {
	d.Helper()
	for file, text := range map[string]string{"users": "eve\n", "signin.yaml": "oicd: {}\n", "tls.crt": "nonsense\n"} {
		had, err := os.ReadFile(filepath.Join(dir, file))
		d.write(filepath.Join(dir, file), text)
		d.await("the log tells of "+file, func() (any, bool) {
			return d.log, strings.Contains(d.log.String(), "stays as it was") && strings.Contains(d.log.String(), "page/"+file)
		})
		if code, body := v.get("/api/v1/status", "Bearer "+token); code != http.StatusOK {
			d.Errorf("with a mistake in %s: %d %s", file, code, body)
		}
		if err == nil {
			d.write(filepath.Join(dir, file), string(had))
		} else if err := os.Remove(filepath.Join(dir, file)); err != nil {
			d.Fatal(err)
		}
	}
}

// A file with a mistake is fatal at the start, and the message says where it is.
func TestWrongFilesAtTheStart(t *testing.T) {
	s, declared := secluded(t)
	for file, test := range map[string]struct{ text, says string }{
		"token":       {"short\n", "page/token: line 1 has 5 bytes"},
		"users":       {"ada:{SHA}nonsense\n", "page/users: line 1 is not NAME:HASH with a hash of bcrypt"},
		"signin.yaml": {"proxy: {userHeader: X-User, networks: [everywhere]}\nroles: {a: {groups: [a], organizations: [a]}}\n", `"everywhere" is no network in CIDR notation`},
		"tls.crt":     {"nonsense\n", "the certificate " + filepath.Join(s.creds, "page/tls.crt")},
		"session-key": {"short\n", "page/session-key: it has 5 bytes, and needs 32"},
	} {
		path := filepath.Join(s.creds, "page", file)
		s.write(path, test.text)
		if got := s.want(exitError, "--dir", declared); !strings.Contains(got.err, test.says) {
			t.Errorf("%s: it says %s", file, got.err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for says, args := range map[string][]string{
		"belong together":  {"--tls-cert", "a"},
		"--metrics-listen": {"--metrics-open"},
	} {
		if got := s.want(exitError, append([]string{"--dir", declared}, args...)...); !strings.Contains(got.err, says) {
			t.Errorf("%q: it says %s", args, got.err)
		}
	}
}
