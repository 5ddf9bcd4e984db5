package main

import (
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/crypto/bcrypt"

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
