package main

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile/git"
	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/schema"
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
	p.source = &source.Source{
		Origin: source.Dir(dir),
		Evaluate: func(context.Context, fs.FS) (schema.Config, error) {
			return schema.Config{Deployment: schema.Deployment{Name: "acme", Statuses: s}}, nil
		},
	}
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
		{"https://gitlab.com/acme/providers.git", "gitlab", "notes", `gitlab is not served yet: git notes are used instead`},
		{"https://gitea.example.com/acme/providers.git", "gitea", "notes", `gitea is not served yet: git notes are used instead`},
		{"https://github.com/providers.git", "github", "none", `is not of the form owner/name`},
	} {
		p, log := declaring(t, test.remote, schema.Statuses{Forge: test.forge})
		got := "none"
		for range 3 { // it is asked before each use
			if forge := p.forge(); forge != nil {
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

// A token of a company's own GitHub is not shown to github.com.
func TestTheTokenGoesToTheServerOfTheRepository(t *testing.T) {
	for remote, want := range map[string]string{
		"https://github.com/acme/providers.git":             "",
		"git@github.com:acme/providers.git":                 "",
		"ssh://git@ssh.github.com:443/acme/providers.git":   "",
		"/srv/acme/providers.git":                           "",
		"https://github.example.com:8443/acme/providers":    "https://github.example.com:8443",
		"git@github.example.com:acme/providers.git":         "https://github.example.com",
		"ssh://git@git.example.com:2222/acme/providers.git": "https://git.example.com",
	} {
		p := &parts{settings: &settings{repo: remote}}
		if got := p.gitHub(schema.Statuses{}).URL; got != want {
			t.Errorf("%s: asks %q, want %q", remote, got, want)
		}
		if got := p.gitHub(schema.Statuses{URL: "https://api.example.com"}).URL; got != "https://api.example.com" {
			t.Errorf("%s: asks %q, want what is declared", remote, got)
		}
	}
}
