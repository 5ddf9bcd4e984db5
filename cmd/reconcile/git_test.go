package main

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// server serves the site's repository over HTTP, as long as nobody shuts it.
func (s *site) server() (url string, shut func(bool)) {
	s.Helper()
	backend := strings.TrimSpace(s.git("--exec-path")) + "/git-http-backend"
	s.git("-C", s.bare, "config", "http.receivepack", "true")
	git := &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(s.bare), "GIT_HTTP_EXPORT_ALL=1"}, Stderr: os.Stderr}
	var closed atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if closed.Load() {
			http.Error(out, "closed for today", http.StatusServiceUnavailable)
			return
		}
		git.ServeHTTP(out, in)
	}))
	s.Cleanup(srv.Close)
	return srv.URL + "/" + filepath.Base(s.bare), closed.Store
}

// A git server that comes and goes, a branch that is gone, and history that was rewritten delete nothing,
// and the status says what is wrong.
func TestRepositoriesThatComeAndGo(t *testing.T) {
	s := newSite(t, eu)
	url, shut := s.server()
	d := s.daemonOn("--repo", url)
	d.until("an empty repository is said", func(doc status.StatusDoc) bool { return doc.FetchError != "" })
	if code, body := d.get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "no valid revision") {
		t.Errorf("/readyz: %d %s", code, body)
	}
	both := `providers: [=~"one|two"]: {cluster: "eu", deletion: policy: "uninstall"}` + "\nproviders: {one: {}, two: {}}"
	s.declare("a.cue", both)
	first := s.push()
	d.ready(first, "one", "two")
	s.noted(first, "apply success")

	shut(true)
	d.until("the server that is gone is said", func(doc status.StatusDoc) bool { return strings.Contains(doc.FetchError, "503") })
	s.kubectl(eu, "scale", "deployment/one", "--replicas=3")
	s.await("edits are repaired meanwhile", func() (any, bool) {
		got := s.kubectl(eu, "get", "deployment", "one", "-o", "jsonpath={.spec.replicas}")
		return got, got == "1"
	})
	if _, metrics := d.get("/metrics"); !strings.Contains(metrics, `reconcile_git_fetches_total{result="error"}`) {
		t.Errorf("the metrics say\n%s", grep(metrics, "fetches"))
	}
	shut(false)
	s.declare("b.cue", `providers: one: values: limit: 2`)
	second := s.push()
	d.ready(second, "one", "two")

	s.git("-C", s.bare, "update-ref", "-d", "refs/heads/main")
	doc := d.until("the branch that is gone is said", func(doc status.StatusDoc) bool { return doc.FetchError != "" })
	gone := doc.Summary.Delete + doc.Summary.Orphan
	if doc.Revision.SHA != second || gone > 0 || !strings.Contains(doc.FetchError, "main") {
		t.Errorf("without the branch: %v\n%s", shown{doc}, doc.FetchError)
	}

	s.git("-C", s.clone, "checkout", "--quiet", "--orphan", "other")
	s.declare("a.cue", `providers: one: {cluster: "eu", deletion: policy: "uninstall"}`)
	rewritten := s.push()
	doc = d.until("rewritten history deletes nothing", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == rewritten && held(doc, "two").Reason == reconcile.Guarded && provider(doc, "one").Applied
	})
	if got := s.helm(eu, "list", "--short"); !strings.Contains(got, "two") {
		t.Errorf("helm lists %s\n%v", got, shown{doc})
	}
	s.noted(rewritten, "apply failure")

	s.git("-C", s.clone, "checkout", "--quiet", "--force", "main")
	s.declare("a.cue", both)
	s.declare("b.cue", `providers: one: values: limit: 3`)
	third := s.push()
	d.ready(third, "one", "two")
	s.declare("a.cue", `providers: one: {cluster: "eu", deletion: policy: "uninstall"}`)
	fourth := s.push()
	d.until("what goes in the old line goes", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == fourth && len(doc.Providers) == 2
	})
}

// A directory of declarations is watched: a change counts at once.
func TestADirectoryIsWatched(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `providers: frankfurt: cluster: "eu"`)
	dir := s.worktree()
	d := s.daemonOn("--dir", dir, "--interval", "1h")
	d.until("it is Ready", func(doc status.StatusDoc) bool { return provider(doc, "frankfurt").Applied })
	s.write(filepath.Join(dir, "a.cue"), "package providers\n\nproviders: frankfurt: {cluster: \"eu\", values: limit: 9}\n")
	s.await("the change is applied", func() (any, bool) { got := s.limit(); return got, got == "9" })
	d.until("it is Ready again", func(doc status.StatusDoc) bool {
		p := provider(doc, "frankfurt")
		return p.Applied && p.Status == status.Ready
	})
	s.write(filepath.Join(dir, "a.cue"), "package providers\n\nproviders: {\n")
	doc := d.until("a mistake is said", func(doc status.StatusDoc) bool { return strings.Contains(doc.HeadError, "a.cue:3:") })
	if p := provider(doc, "frankfurt"); p.Status != status.Ready || s.limit() != "9" {
		t.Errorf("after a mistake: %+v", p)
	}
}
