package main

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
	"github.com/workspace-providers/reconcile/status"
)

// A cluster that cannot be reached makes its own providers Error, in words that say why, and nothing else:
// the others go on, nothing is deleted, and it comes back by itself.
func TestClustersThatCannotBeReached(t *testing.T) {
	s := newSite(t, eu, frail)
	s.declare("here.cue", `providers: here: cluster: "eu"`)
	s.declare("there.cue", `providers: there: {cluster: "frail", deletion: policy: "uninstall"}`)
	sha := s.push()
	d := s.daemon()
	d.ready(sha, "here", "there")
	good := s.read(s.admin(frail))
	breaks := []struct {
		how, says  string
		kubeconfig string
	}{
		{"a wrong port", "connection refused", replace(s, good, `(server: "https://127.0.0.1):\d+`, "$1:1")},
		{"a wrong certificate authority", "certificate signed by unknown authority",
			replace(s, good, `(certificate-authority-data: ).*`, "${1}"+pick(s, s.read(s.admin(eu)), `certificate-authority-data: (.*)`))},
		{"a token that is not accepted", "401 Unauthorized",
			replace(s, good, `client-certificate-data: .*\n(\s+)client-key-data: .*`, "token: expired")},
		{"credentials that cannot be read", "unable to load root certificates", replace(s, good, `(certificate-authority-data: ).*`, "${1}"+base64.StdEncoding.EncodeToString([]byte("none")))},
	}
	for i, b := range breaks {
		s.credential(frail, b.kubeconfig)
		doc := d.until(b.how+" is said", func(doc status.StatusDoc) bool {
			p := provider(doc, "there")
			return p.Status == status.Error && strings.Contains(p.Message, b.says) && strings.Contains(p.Message, "cluster frail")
		})
		if p := provider(doc, "here"); p.Status != status.Ready {
			t.Errorf("%s: the other cluster's provider is %+v", b.how, p)
		}
		s.goesOn(d, i)
		s.credential(frail, good)
		d.until("it comes back after "+b.how, func(doc status.StatusDoc) bool { return provider(doc, "there").Status == status.Ready })
	}
	s.localkube("kill", frail)
	d.until("an API server that is gone is said", func(doc status.StatusDoc) bool {
		return strings.Contains(provider(doc, "there").Message, "connection refused")
	})
	s.declare("there.cue", "")
	sha = s.push()
	doc := d.until("what is not declared any more is held", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && held(doc, "there").Reason == reconcile.Unknown
	})
	if doc.Summary.Delete != 0 {
		t.Errorf("something is to be deleted: %+v", doc.Summary)
	}
	s.declare("there.cue", `providers: there: {cluster: "frail", deletion: policy: "uninstall"}`)
	sha = s.push()
	d.until("it is declared again", func(doc status.StatusDoc) bool { return doc.Revision.SHA == sha })
	s.localkube("restart", frail)
	d.ready(sha, "here", "there")

	s.localkube("pause", frail)
	d.until("an API server that hangs is said", func(doc status.StatusDoc) bool {
		return provider(doc, "there").Status == status.Error && provider(doc, "here").Status == status.Ready
	})
	s.goesOn(d, len(breaks))
	s.localkube("resume", frail)
	doc = d.until("it comes back", func(doc status.StatusDoc) bool { return provider(doc, "there").Status == status.Ready })
	if got := revision(doc, "there"); got != 1 {
		t.Errorf("what could not be reached has revision %d now, want 1", got)
	}
	if _, metrics := d.get("/metrics"); !strings.Contains(metrics, `reconcile_cluster_reachable{cluster="frail"} 1`) {
		t.Errorf("the metrics say\n%s", grep(metrics, "reachable"))
	}
}

// goesOn wants a pushed change of the provider here to be applied, whatever is wrong with others.
func (s *site) goesOn(d *daemon, i int) {
	s.Helper()
	s.declare("here.cue", `providers: here: {cluster: "eu", values: limit: `+string(rune('2'+i))+`}`)
	sha := s.push()
	doc := d.ready(sha, "here")
	if got := revision(doc, "here"); got != i+2 {
		s.Errorf("here has revision %d, want %d", got, i+2)
	}
}

// localkube does something to a cluster of the tests.
func (s *site) localkube(verb, cluster string) {
	s.Helper()
	kubetest.Output(s, "localkube", verb, cluster, "--clusters", kubetest.Dir(s))
}

// replace edits a text, which must be there to be edited.
func replace(s *site, text, pattern, with string) string {
	s.Helper()
	out := regexp.MustCompile(pattern).ReplaceAllString(text, with)
	if out == text {
		s.Fatalf("there is no %s in\n%s", pattern, text)
	}
	return out
}

// pick takes a part out of a text.
func pick(s *site, text, pattern string) string {
	s.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if len(found) != 2 {
		s.Fatalf("there is no %s in\n%s", pattern, text)
	}
	return found[1]
}
