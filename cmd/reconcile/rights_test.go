package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
	"github.com/workspace-providers/reconcile/status"
)

// The rights that the README lists are enough for everything that a provider goes through.
func TestTheRightsInTheReadmeSuffice(t *testing.T) {
	s := newSite(t, eu)
	readme := s.read(filepath.Join(root, "README.md"))
	role := regexp.MustCompile("(?s)```yaml\n(apiVersion: rbac.*?)```").FindStringSubmatch(readme)
	if role == nil {
		t.Fatal("the README lists no rights")
	}
	path := filepath.Join(t.TempDir(), "role.yaml")
	s.write(path, strings.ReplaceAll(role[1], "name: reconcile", "name: "+s.name))
	user := s.name + "-daemon"
	kubeconfig := kubetest.Output(s, "localkube", "user", eu, user, "--clusters", kubetest.Dir(s))
	s.kubectl(eu, "apply", "-f", path)
	s.kubectl(eu, "create", "clusterrolebinding", s.name, "--clusterrole", s.name, "--user", user)
	t.Cleanup(func() { s.kubectl(eu, "delete", "clusterrole,clusterrolebinding", s.name) })
	s.credential(eu, s.read(strings.TrimSpace(kubeconfig)))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}

	declare := func(text string) string {
		s.declare("a.cue", `deployment: environments: selectors: "com.example.workspace": true
providers: "built-in": enforcement: "off" // it is in the same namespace
organizations: {
	red: match: namespaces: "`+s.name+`-red": true
	blue: match: namespaces: "`+s.name+`-blue": true
}
`+text)
		return s.push()
	}
	s.declare("limit.cue", `deployment: deletion: raised: {max: 10, until: "2100-01-01T00:00:00Z", reason: "test"}`)
	d := s.daemon()
	d.ready(declare(`providers: frankfurt: {cluster: "eu", deletion: policy: "uninstall"}
allowlists: frankfurt: {red: true, blue: true}`), "frankfurt")
	doc := d.ready(declare(`providers: frankfurt: {cluster: "eu", deletion: policy: "uninstall", values: limit: 2}
allowlists: frankfurt: blue: true`), "frankfurt")
	if e := provider(doc, "frankfurt").Enforcement; e.Mode != "enforce" {
		t.Errorf("enforcement: %+v", e)
	}
	s.kubectl(eu, "scale", "deployment/frankfurt", "--replicas=3")
	s.await("it is repaired", func() (any, bool) {
		got := s.kubectl(eu, "get", "deployment", "frankfurt", "-o", "jsonpath={.spec.replicas}")
		return got, got == "1"
	})
	sha := declare("")
	d.until("it is gone", func(doc status.StatusDoc) bool { return doc.Revision.SHA == sha && len(doc.Providers) == 1 })
	for _, r := range s.requests(eu, user) {
		if r.ResponseStatus.Code == 403 && !strings.Contains(r.RequestURI, "dryRun=All") {
			t.Errorf("refused: %s %s", r.Verb, r.RequestURI)
		}
	}
}
