package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/format"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// TestTheLifeOfAProviderByCommands: a repository, accounts, a provider, who may use it, its end. Declarations are
// touched by commands alone, and keep their comments and their layout; nobody who works there is disturbed.
func TestTheLifeOfAProviderByCommands(t *testing.T) {
	s := newSite(t, builtIn, eu)
	audit := filepath.Join(t.TempDir(), "audit.jsonl")
	first := s.name + "-1"
	s.begin(first)
	d := s.daemon("--audit-log", audit)
	sha := s.commits("provider", "create", "munich", "--cluster", eu, "--namespace", s.name,
		"--hostname", "munich.coder.example.com", "--allow", "blue")
	d.enforced(sha, "munich")
	ada := s.developer(eu)
	s.await("red may not come in yet", func() (any, bool) {
		said, ok := ada.kubectl(workload(t, "Pod", "red-0", "red"), "create", "--dry-run=server", "-f", "-")
		return said, !ok && strings.Contains(said, "organization red is not on its allowlist")
	})
	d.enforced(s.commits("provider", "allow", "red", "munich"), "munich")
	s.await("red may come in", func() (any, bool) {
		said, ok := ada.kubectl(workload(t, "Pod", "red-1", "red"), "create", "-f", "-")
		return said, ok || strings.Contains(said, "AlreadyExists")
	})

	sha = s.commits("provider", "disallow", "red", "munich", "--raise-limit", "5")
	d.until("that is held", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && held(doc, "munich").Reason == reconcile.Occupied
	})
	sha = s.commits("provider", "cordon", "munich", "--reason", "it closes")
	d.until("it is cordoned, and drains", func(doc status.StatusDoc) bool {
		p := provider(doc, "munich")
		return doc.Revision.SHA == sha && p.Drain != nil && p.Drain.Left == 1
	})
	s.await("nobody comes in any more", func() (any, bool) {
		said, ok := ada.kubectl(workload(t, "Pod", "blue-1", "blue"), "create", "--dry-run=server", "-f", "-")
		return said, !ok && strings.Contains(said, "it closes")
	})
	got := s.want(exitOK, "provider", "rm", "munich", "--dir", s.clone, "--dry-run", "--policy", "uninstall", "--reason", "r")
	if !strings.Contains(got.out, "held (occupied): environments are there: red: 1") {
		t.Errorf("rm says\n%s\n%s", got.out, got.err)
	}
	ada.must("delete", "pod", "red-1", "--now")
	d.until("red is gone", func(doc status.StatusDoc) bool {
		p := provider(doc, "munich")
		return slices.Equal(p.Organizations, []string{"blue"}) && len(p.Closed) == 0 && p.Drain != nil && p.Drain.Left == 0
	})
	if out := s.want(exitOK, "history", "munich", "--repo", s.bare).out; !strings.Contains(out, "create") || !strings.Contains(out, "Ada") {
		t.Errorf("history:\n%s", out)
	}

	sha = s.commits("provider", "rm", "munich", "--policy", "uninstall", "--reason", "it is empty", "--raise-limit", "5")
	d.until("it is gone", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && provider(doc, "munich").Name == ""
	})
	if out := s.helm(eu, "list", "--short", "--all"); strings.Contains(out, "munich") {
		t.Errorf("helm lists\n%s", out)
	}
	s.keptTidy(first)
	d.kill()
	s.audited(audit, "munich")
	for _, cluster := range []string{builtIn, eu} {
		s.unrefused(cluster, "system:serviceaccount:"+s.name+":"+s.name)
	}
}

// begin makes the site's repository by commands: with accounts for the daemon in both clusters, and a first provider in
// a namespace of its own.
func (s *site) begin(namespace string) {
	s.Helper()
	s.want(exitOK, "init", s.clone, "--name", s.name, "--access-url", "https://coder.example.com", "--cluster", eu,
		"--cluster-address", "https://eu.example.com:6443", "--first-provider", "frankfurt", "--organizations", "red,blue", "--namespace", namespace,
		"--organization-label", "example.com/organization")
	for _, cluster := range []string{builtIn, eu} {
		if err := os.Remove(filepath.Join(s.creds, "clusters", cluster+".kubeconfig")); err != nil {
			s.Fatal(err)
		}
		context := strings.TrimSpace(s.kubectl(cluster, "config", "current-context"))
		s.want(exitOK, "provider", "bootstrap", cluster, "--dir", s.clone, "--kubeconfig", s.admin(cluster), "--context", context,
			"--account", s.name+"/"+s.name, "--namespaces", s.name+","+namespace, "--yes")
		s.Cleanup(func() {
			s.kubectl(cluster, "delete", "clusterrole,clusterrolebinding", s.name+":"+s.name)
			s.kubectl(cluster, "delete", "namespace", namespace, "--wait=false")
		})
	}
	s.git("-C", s.clone, "config", "user.name", "Ada")
	s.git("-C", s.clone, "config", "user.email", "ada@example.com")
	s.git("-C", s.clone, "add", ".")
	s.git("-C", s.clone, "commit", "--quiet", "-m", "Begin")
	s.git("-C", s.clone, "push", "--quiet", "origin", "HEAD:main")
}

// commits runs a command that edits, has it commit, and pushes that.
func (s *site) commits(args ...string) string {
	s.Helper()
	s.want(exitOK, append(args, "--dir", s.clone, "--commit")...)
	s.git("-C", s.clone, "push", "--quiet", "origin", "HEAD:main")
	return strings.TrimSpace(s.git("-C", s.clone, "rev-parse", "HEAD"))
}

// keptTidy checks that the declarations of begin have kept their comments, and the layout of cue fmt.
func (s *site) keptTidy(namespace string) {
	s.Helper()
	files, err := filepath.Glob(filepath.Join(s.clone, "*.cue"))
	if err != nil || len(files) != 5 {
		s.Fatalf("declarations: %v, %v", files, err)
	}
	all := ""
	for _, name := range files {
		text := s.read(name)
		all += text
		if laid, err := format.Source([]byte(text)); err != nil || !bytes.Equal(laid, []byte(text)) {
			s.Errorf("%s is not as cue fmt leaves it: %v\n%s", name, err, text)
		}
	}
	for _, want := range []string{
		"// every provider is told", "// What every provider has where it says nothing itself.", "// say how it is recognised",
		"// Who may create new environments where", namespace, "removed: munich: {",
	} {
		if !strings.Contains(all, want) {
			s.Errorf("the declarations lack %q:\n%s", want, all)
		}
	}
}

// audited checks that an audit log tells of a provider from its creation to its end, and is for its owner alone.
func (s *site) audited(path, provider string) {
	s.Helper()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		s.Errorf("audit log: %v, %v", info, err)
	}
	done := map[reconcile.Op]bool{}
	for text := range strings.Lines(s.read(path)) {
		var line status.AuditLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			s.Fatalf("%v: %s", err, text)
		}
		if line.Provider == provider && line.Kind == reconcile.KindRelease && line.Error == "" {
			done[line.Op] = strings.Contains(line.Author, "Ada") && line.Revision != ""
		}
	}
	if !done[reconcile.OpCreate] || !done[reconcile.OpDelete] {
		s.Errorf("the audit log has, with authors, %v:\n%s", done, s.read(path))
	}
}
