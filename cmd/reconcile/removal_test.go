package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// What is not declared any more ends as its own policy says.
func TestRemovedProviders(t *testing.T) {
	s := newSite(t, eu)
	s.declare("limit.cue", `deployment: deletion: raised: {max: 10, until: "2100-01-01T00:00:00Z", reason: "test"}`)
	s.declare("stays.cue", `providers: stays: cluster: "eu"`)
	s.declare("goes.cue", `providers: {
	uninstalled: {cluster: "eu", deletion: policy: "uninstall", chart: path: "charts/claim"}
	blocked: {cluster: "eu", deletion: policy: "block"}
	orphaned: {cluster: "eu", deletion: policy: "orphan"}
	unrecorded: {cluster: "eu", deletion: policy: "uninstall"}
}`)
	sha := s.push()
	d := s.daemon()
	d.ready(sha, "stays", "uninstalled", "blocked", "orphaned", "unrecorded")
	d.stop()
	const mark = "reconcile.workspace-providers.dev/"
	s.kubectl(eu, "label", "secret", "-l", "owner=helm,name=unrecorded", mark+"deletion-")

	s.declare("goes.cue", "")
	sha = s.push()
	d = s.daemon()
	doc := d.until("two are gone, two are held", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && len(doc.Providers) == 4 && // and the built-in one
			held(doc, "blocked").Reason == reconcile.Blocked && held(doc, "unrecorded").Reason == reconcile.Blocked
	})
	if p := provider(doc, "blocked"); p.Declared || p.Status != status.Ready {
		t.Errorf("the blocked provider: %+v", p)
	}
	objects := s.kubectl(eu, "get", "deployments,configmaps,secrets,persistentvolumeclaims", "-o", "name")
	for name, want := range map[string]bool{
		"deployment.apps/stays\n": true, "deployment.apps/blocked\n": true, "deployment.apps/orphaned\n": true,
		"deployment.apps/unrecorded\n": true, "configmap/uninstalled\n": false, "sh.helm.release.v1.uninstalled": false,
		"configmap/reconcile.uninstalled\n": false, "configmap/reconcile.orphaned\n": false,
		"persistentvolumeclaim/uninstalled\n": true, "sh.helm.release.v1.orphaned.v1": true,
	} {
		if got := strings.Contains(objects, name); got != want {
			t.Errorf("%q is there: %v, want %v\n%s", name, got, want, objects)
		}
	}
	if labels := s.kubectl(eu, "get", "secret", "-l", "owner=helm,name=orphaned", "-o", "jsonpath={.items[*].metadata.labels}"); strings.Contains(labels, mark) {
		t.Errorf("the orphaned release is still marked: %s", labels)
	}
	s.noted(sha, "apply failure eu/blocked: held, blocked")

	s.declare("removed.cue", `removed: blocked: {policy: "uninstall", reason: "closed"}`+"\n"+`removed: unrecorded: {policy: "orphan", reason: "closed"}`)
	sha = s.push()
	d.until("removed overrides what is recorded", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && len(doc.Providers) == 2 && doc.Summary.Keep == 1 && doc.Summary.Hold == 0
	})
	if objects := s.kubectl(eu, "get", "deployments", "-o", "name"); strings.Contains(objects, "blocked") || !strings.Contains(objects, "unrecorded") {
		t.Errorf("after removed there is %s", objects)
	}
}

// More deletions than the limit allows are a mistake until somebody says otherwise, and none happens.
func TestTooManyDeletionsAreAllHeld(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `deployment: deletion: {max: 1, maxPercent: 100}`)
	s.declare("b.cue", `providers: {for name in ["one", "two", "three"] {(name): {cluster: "eu", deletion: policy: "uninstall"}}}`)
	sha := s.push()
	d := s.daemon()
	d.ready(sha, "one", "two", "three")
	s.declare("b.cue", `providers: one: {cluster: "eu", deletion: policy: "uninstall", values: limit: 2}`)
	sha = s.push()
	doc := d.until("two are held, one is changed", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && held(doc, "two").Reason == reconcile.Guarded &&
			held(doc, "three").Reason == reconcile.Guarded && provider(doc, "one").Applied
	})
	if want := "raised: {max: 2, until: …, reason: …}"; !strings.Contains(held(doc, "two").Message, want) {
		t.Errorf("the hold says %q, not %q", held(doc, "two").Message, want)
	}
	if got := strings.Fields(s.helm(eu, "list", "--short")); len(got) != 3 {
		t.Errorf("helm lists %v", got)
	}
	s.declare("a.cue", `deployment: deletion: {max: 1, maxPercent: 100, raised: {max: 2, until: "2100-01-01T00:00:00Z", reason: "meant"}}`)
	sha = s.push()
	d.until("they go when the limit is raised", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && len(doc.Providers) == 2
	})
}

// Declarations that are emptied, that are gone, and that begin anew without them delete nothing, and the status
// says why.
func TestNothingIsDeletedByAccident(t *testing.T) {
	s := newSite(t, eu)
	all := team + `providers: [=~"one|two"]: {cluster: "eu", deletion: policy: "uninstall"}
providers: {one: {}, two: {}}
allowlists: {one: red: true, two: blue: true}
deployment: deletion: {max: 100, maxPercent: 100}`
	s.declare("a.cue", all)
	d := s.daemon()
	good := s.push()
	d.ready(good, "one", "two")
	files := s.files

	for _, accident := range []struct {
		name  string
		files func() map[string]string
		says  func(doc status.StatusDoc, sha string) bool
	}{
		{"all files are gone", func() map[string]string { return nil }, func(doc status.StatusDoc, sha string) bool {
			return doc.Head.SHA == sha && doc.HeadError != "" && doc.Revision.SHA == good
		}},
		{"nothing but the deployment is left", func() map[string]string {
			return map[string]string{"deployment.cue": files["deployment.cue"]}
		}, func(doc status.StatusDoc, sha string) bool {
			return doc.Revision.SHA == sha && held(doc, "one").Reason == reconcile.Guarded && held(doc, "two").Reason == reconcile.Guarded
		}},
	} {
		s.files = accident.files()
		sha := s.push()
		d.until(accident.name+": that is said", func(doc status.StatusDoc) bool { return accident.says(doc, sha) })
		s.noted(sha, "apply failure")
		s.files = files
		good = s.push()
		d.ready(good, "one", "two")
	}

	s.git("-C", s.clone, "checkout", "--quiet", "--orphan", "unrelated")
	s.declare("a.cue", `deployment: deletion: {max: 100, maxPercent: 100}`+"\norganizations: green: {}")
	sha := s.push()
	d.until("a history that knows nothing of them is said", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && held(doc, "one").Reason == reconcile.Guarded && held(doc, "two").Reason == reconcile.Guarded
	})
	s.noted(sha, "apply failure")
	if got := strings.Fields(s.helm(eu, "list", "--short")); len(got) != 2 {
		t.Errorf("helm lists %v", got)
	}
	for _, want := range []string{"reconcile." + s.name + ".one", "reconcile." + s.name + ".two"} {
		s.kubectl(eu, "get", "validatingadmissionpolicy", want)
	}
}

// Fifty providers that go at once are fifty too many until somebody says that they are meant, and an
// organization that leaves six counts six.
func TestFiftyThatGoAtOnce(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", team+`deployment: deletion: {max: 5, maxPercent: 100}
deployment: defaults: enforcement: "off"
deployment: rollout: maxConcurrent: 8`)
	s.declare("many.cue", `import "list"
_names: [for i in list.Range(0, 50, 1) {"p\(i)"}]
providers: {for name in _names {(name): {cluster: "eu", deletion: policy: "uninstall"}}}
allowlists: {for i, name in _names {(name): {blue: true, if i < 6 {red: true}}}}
providers: stays: cluster: "eu"
allowlists: stays: {red: true, blue: true}`)
	d := s.daemon()
	d.ready(s.push(), "p0", "p49", "stays")
	d.until("all are Ready", func(doc status.StatusDoc) bool { return allReady(doc) && doc.Summary.Keep >= 51 })

	many := s.files["many.cue"]
	s.files["many.cue"] = strings.Replace(many, ", if i < 6 {red: true}", "", 1)
	sha := s.push()
	doc := d.until("six places are held", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && held(doc, "p5").Reason == reconcile.Guarded
	})
	if h := held(doc, "p0"); !strings.Contains(h.Message, "raised: {max: 6,") {
		t.Errorf("the hold says %q", h.Message)
	}
	s.files["many.cue"] = strings.Replace(many, "list.Range(0, 50, 1)", "list.Range(0, 0, 1)", 1)
	sha = s.push()
	doc = d.until("fifty are held", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && held(doc, "p0").Reason == reconcile.Guarded && held(doc, "p49").Reason == reconcile.Guarded
	})
	if h := held(doc, "p49"); !strings.Contains(h.Message, "raised: {max: 50,") {
		t.Errorf("the hold says %q", h.Message)
	}
	if got := strings.Fields(s.helm(eu, "list", "--short", "--max", "0")); len(got) != 51 {
		t.Errorf("helm lists %d", len(got))
	}
	s.declare("raised.cue", `deployment: deletion: raised: {max: 50, until: "2100-01-01T00:00:00Z", reason: "closing the region"}`)
	sha = s.push()
	for left := 40; left >= 0; left -= 10 { // they go one at a time
		d.until(fmt.Sprintf("they go when it is raised, to %d", left), func(doc status.StatusDoc) bool {
			return doc.Revision.SHA == sha && len(doc.Providers) <= 2+left
		})
	}
}
