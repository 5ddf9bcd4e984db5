package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/workspace-providers/reconcile/reconcile/git"
	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/schema"
	"github.com/workspace-providers/reconcile/status"
)

// declaring are the parts of a daemon whose declarations say where statuses go, and what it logs.
func declaring(t *testing.T, remote string, s schema.Statuses) (*parts, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	p := &parts{settings: &settings{repo: remote}, repo: &git.Repo{}, log: slog.New(slog.NewTextHandler(&log, nil))}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/a.cue", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.source = &source.Source{Reader: source.Reader{
		Origin: source.Dir(dir),
		Evaluate: func(context.Context, fs.FS) (schema.Config, error) {
			return schema.Config{Deployment: schema.Deployment{Name: "acme", Statuses: s}}, nil
		},
	}}
	if target := p.source.Latest(t.Context()); target.HeadErr != nil || target.FetchErr != nil {
		t.Fatal(target.HeadErr, target.FetchErr)
	}
	return p, &log
}

func TestWhereStatusesGo(t *testing.T) {
	for _, test := range []struct {
		remote, forge string
		want          string // the forge's name, or none
		says          string // in the log
	}{
		{"https://github.com/acme/providers.git", "", "github", ""},
		{"git@git.example.com:acme/providers.git", "", "notes", ""},
		{"git@git.example.com:acme/providers.git", "none", "none", ""},
		{"git@github.example.com:acme/providers.git", "", "github", ""},
		{"https://gitlab.com/acme/platform/providers.git", "", "gitlab", ""},
		{"git@gitlab.example.com:acme/platform/providers.git", "", "gitlab", ""},
		{"ssh://git@altssh.gitlab.com:443/acme/providers.git", "", "gitlab", ""},
		{"https://git.example.com/acme/providers.git", "gitlab", "gitlab", ""},
		{"https://gitea.example.com/acme/providers.git", "", "gitea", ""},
		{"ssh://git@forgejo.example.com:2222/acme/providers.git", "", "gitea", ""},
		{"https://codeberg.org/acme/providers.git", "", "gitea", ""},
		{"https://gitea.example.com/acme/providers.git", "notes", "notes", ""},
		{"https://github.com/providers.git", "github", "none", `is not of the form owner/name`},
		{"https://gitea.example.com/a/path/acme/providers.git", "", "none", `declare deployment.statuses.repository`},
		{"/srv/acme/providers.git", "gitlab", "none", `declare deployment.statuses.url`},
	} {
		p, log := declaring(t, test.remote, schema.Statuses{Forge: test.forge})
		got := "none"
		for range 3 { // it is asked before each use
			if forge := p.declaredForge(); forge != nil {
				got = forge.Name()
			}
		}
		if got != test.want {
			t.Errorf("%s with forge %q: %s, want %s", test.remote, test.forge, got, test.want)
		}
		if said := log.String(); !strings.Contains(said, test.says) || strings.Count(said, "\n") != min(len(test.says), 1) {
			t.Errorf("%s with forge %q: logged %q, want once %q", test.remote, test.forge, said, test.says)
		}
	}
}

// A token of a company's own forge is not shown to a public one.
func TestTheTokenGoesToTheServerOfTheRepository(t *testing.T) {
	for _, test := range []struct{ kind, remote, want string }{
		{"github", "https://github.com/acme/providers.git", ""},
		{"github", "git@github.com:acme/providers.git", ""},
		{"github", "ssh://git@ssh.github.com:443/acme/providers.git", ""},
		{"github", "/srv/acme/providers.git", ""},
		{"github", "https://github.example.com:8443/acme/providers", "https://github.example.com:8443"},
		{"github", "git@github.example.com:acme/providers.git", "https://github.example.com"},
		{"github", "ssh://git@git.example.com:2222/acme/providers.git", "https://git.example.com"},
		{"gitlab", "git@gitlab.com:acme/platform/providers.git", "https://gitlab.com"},
		{"gitlab", "ssh://git@altssh.gitlab.com:443/acme/providers.git", "https://gitlab.com"},
		{"gitlab", "https://git.example.com:8443/acme/providers.git", "https://git.example.com:8443"},
		{"gitlab", "/srv/acme/providers.git", ""},
		{"gitea", "https://codeberg.org/acme/providers.git", "https://codeberg.org"},
		{"gitea", "http://127.0.0.1:3000/acme/providers.git", "http://127.0.0.1:3000"},
		{"gitea", "http://gitea.example.com:3000/acme/providers.git", "https://gitea.example.com"},
	} {
		p := &parts{settings: &settings{repo: test.remote}}
		if o, err := p.forgeOptions(test.kind, schema.Statuses{}); o.URL != test.want || err != nil || o.TokenFile != "" {
			t.Errorf("%s: asks %q with the token %q, want %q: %v", test.remote, o.URL, o.TokenFile, test.want, err)
		}
		o, err := p.forgeOptions(test.kind, schema.Statuses{URL: "https://api.example.com"})
		if o.URL != "https://api.example.com" || err != nil {
			t.Errorf("%s: asks %q, want what is declared: %v", test.remote, o.URL, err)
		}
	}
}

// A GitHub App is taken where it is there, and half of one is said to be half. What other forges say does not change.
func TestAnAppPostsInPlaceOfTheToken(t *testing.T) {
	creds := t.TempDir()
	if err := os.Mkdir(filepath.Join(creds, "forge"), 0o700); err != nil {
		t.Fatal(err)
	}
	p := &parts{settings: &settings{repo: "https://git.example.com/acme/providers.git", credentials: creds}}
	for _, step := range []struct {
		file string // that is added
		app  bool   // is there for GitHub
		says string
	}{{"token", false, ""}, {"app-id", false, "there is app-id in forge/ of the credentials, and no private-key.pem"}, {"private-key.pem", true, ""}} {
		if err := os.WriteFile(filepath.Join(creds, "forge", step.file), []byte("canary"), 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := p.forgeOptions("github", schema.Statuses{})
		if (o.App != nil) != step.app || (err == nil) != (step.says == "") || err != nil && !strings.Contains(err.Error(), step.says) {
			t.Errorf("with %s: %v %v", step.file, o.App, err)
		}
		if o, err := p.forgeOptions("gitlab", schema.Statuses{}); o.App != nil || err != nil {
			t.Errorf("with %s, on GitLab: %v %v", step.file, o.App, err)
		}
	}
}

// What was learned of a repository is kept while forges are made anew, and is of that repository alone.
func TestWhatWasLearnedIsOfOneRepository(t *testing.T) {
	p := &parts{settings: &settings{repo: "https://git.example.com/acme/providers.git"}}
	known := func(repository string) *status.Known {
		t.Helper()
		o, err := p.forgeOptions("gitea", schema.Statuses{Repository: repository})
		if err != nil || o.Known == nil {
			t.Fatal(o.Known, err)
		}
		return o.Known
	}
	first := known("acme/a")
	if known("acme/a") != first || known("acme/b") == first {
		t.Error("it is forgotten, or another repository's")
	}
}

// Forges trust the certificate authorities of the credentials, and read the token there.
func TestForgesBehindAPrivateAuthority(t *testing.T) {
	var tokens []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens = append(tokens, r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{}`))
	}))
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it does not like to be mistrusted
	creds := t.TempDir()
	for _, dir := range []string{"ca", "forge"} {
		if err := os.Mkdir(filepath.Join(creds, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name string, text []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(creds, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("forge/token", []byte("canary\n"))
	p := &parts{settings: &settings{repo: server.URL + "/acme/providers.git", credentials: creds}}
	post := func(kind string) error {
		forge, err := p.served(kind, schema.Statuses{})
		if err == nil {
			_, err = forge.Post(t.Context(), "1a2b3c4", []status.Line{{Context: "c", State: status.StateSuccess}})
		}
		return err
	}
	kinds := []string{"github", "gitlab", "gitea"}
	for _, kind := range kinds {
		if err := post(kind); err == nil || !strings.Contains(err.Error(), "unknown authority") {
			t.Errorf("%s without its authority: %v", kind, err)
		}
	}
	write("ca/own.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	for _, kind := range kinds {
		if err := post(kind); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if diff := cmp.Diff(slices.Repeat([]string{"Bearer canary"}, len(kinds)), tokens); diff != "" {
		t.Error(diff)
	}
	write("ca/own.pem", []byte("nothing"))
	for _, kind := range kinds {
		if err := post(kind); err == nil || !strings.Contains(err.Error(), "has no certificate") {
			t.Errorf("%s with a broken authority: %v", kind, err)
		}
	}
}
