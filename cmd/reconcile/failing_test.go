package main

import (
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// What is wrong with a chart or with what it starts is said in its own words, and stops nobody else.
func TestChartsThatFail(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `providers: {
	fine: cluster: "eu"
	demanding: {cluster: "eu", chart: path: "charts/demanding"}
	wrong: {cluster: "eu", chart: path: "charts/wrong"}
	missing: {cluster: "eu", chart: path: "charts/none"}
	large: {cluster: "eu", chart: path: "charts/large"}
	imageless: {cluster: "eu", values: image: "localhost/never/x", release: timeout: "4s"}
	crashing: {cluster: "eu", release: timeout: "4s"
		values: podAnnotations: {"localkube.dev/fail": "CreateContainerConfigError", "localkube.dev/message": "no database"}}
	migrating: {cluster: "eu", chart: path: "charts/hooked", values: fail: "no database"}
}`)
	sha := s.push()
	d := s.daemon()
	says := map[string]string{
		"demanding": "needed: say what is needed",
		"wrong":     "templates/all.yaml:4",
		"large":     "too large",
		"imageless": "container main: ImagePullBackOff",
		"crashing":  "container main: CreateContainerConfigError: no database",
		"migrating": "migrate",
	}
	doc := d.until("all failures are said", func(doc status.StatusDoc) bool {
		for name, want := range says {
			p := provider(doc, name)
			if p.Status != status.Error || !strings.Contains(p.Message, want) {
				return false
			}
		}
		h := held(doc, "missing")
		return provider(doc, "fine").Status == status.Ready && h.Reason == reconcile.Unknown && strings.Contains(h.Message, "charts/none")
	})
	s.noted(sha, "apply failure")
	if p := provider(doc, "migrating"); p.Releases[0].Revision == 0 {
		t.Errorf("a failed hook left %+v", p)
	}
	for _, name := range []string{"demanding", "wrong", "missing", "large"} {
		if p := provider(doc, name); p.Releases[0].Revision != 0 {
			t.Errorf("%s was installed: %+v", name, p)
		}
	}
	s.declare("a.cue", `providers: {
	demanding: {cluster: "eu", chart: path: "charts/demanding", values: needed: "this"}
	migrating: {cluster: "eu", chart: path: "charts/hooked"}
	imageless: cluster: "eu"
	fine: cluster: "eu"
	for gone in ["wrong", "missing", "large", "crashing"] {(gone): {cluster: "eu"}}
}`)
	d.ready(s.push(), "demanding", "migrating", "imageless", "fine", "wrong", "missing", "large", "crashing")
	s.sane(s.api(eu), d.status(), 5)
}

// A failed upgrade is rolled back where the declarations say so, and is not tried again before its inputs
// move or somebody asks for it.
func TestRolledBack(t *testing.T) {
	s := newSite(t, eu)
	declare := func(timeout, values string) string { // short only for what must not become ready
		s.declare("a.cue", `providers: {
	[!="built-in"]: {cluster: "eu", release: {timeout: "`+timeout+`", onFailure: "rollback"}}
	pods: values: `+values+`
	hook: {chart: path: "charts/hooked", values: `+values+`}
}`)
		return s.push()
	}
	d := s.daemon()
	d.ready(declare("10m", `greeting: "one"`), "pods", "hook")
	bad := declare("30s", `{greeting: "two", image: "localhost/never/x", fail: "no database"}`)
	back := func(doc status.StatusDoc) bool {
		return held(doc, "pods").Reason == reconcile.RolledBack && held(doc, "hook").Reason == reconcile.RolledBack
	}
	doc := d.until("both are rolled back and held", back)
	if message := held(doc, "pods").Message; !strings.Contains(message, "ImagePullBackOff") {
		t.Errorf("the hold says %q", message)
	}
	s.noted(bad, "apply failure")
	s.await("pods is as it was", func() (any, bool) {
		got := s.kubectl(eu, "get", "deployment", "pods", "-o", "jsonpath={.spec.template.spec.containers[0].image} {.status.readyReplicas}")
		return got, got == "pause 1"
	})
	if got := s.kubectl(eu, "get", "configmap", "hook", "-o", "jsonpath={.data.greeting}"); got != "one" {
		t.Errorf("hook says %s", got)
	}
	before := revision(doc, "pods")
	d.stop()
	d = s.daemon()
	doc = d.until("a fresh start does not try again", func(doc status.StatusDoc) bool { return doc.Revision.SHA == bad && back(doc) })
	if got := revision(doc, "pods"); got != before {
		t.Errorf("a fresh start made revision %d of %d", got, before)
	}
	s.want(exitHeld, "--dry-run", "--repo", s.bare)
	if out := s.want(exitOK, "retry", "pods", "--repo", s.bare).out; !strings.Contains(out, "pods is tried again") {
		t.Errorf("retry says %s", out)
	}
	d.until("it is tried again and rolled back again", func(doc status.StatusDoc) bool {
		return revision(doc, "pods") == before+2 && back(doc)
	})
	d.ready(declare("10m", `greeting: "three"`), "pods", "hook")
	s.sane(s.api(eu), d.status(), 5)
}

// A chart may bring kinds of its own and objects of them, which are watched and repaired like others.
func TestKindsOfTheChart(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `providers: gadget: {cluster: "eu", chart: path: "charts/kinds"}`)
	d := s.daemon()
	sha := s.push()
	d.ready(sha, "gadget")
	size := func() string { return s.kubectl(eu, "get", "gadget", "gadget", "-o", "jsonpath={.spec.size}") }
	s.kubectl(eu, "patch", "gadget/gadget", "--type", "merge", "-p", `{"spec":{"size":5}}`)
	s.await("it is repaired", func() (any, bool) { got := size(); return got, got == "1" })
	s.kubectl(eu, "delete", "gadget/gadget")
	s.await("it is made again", func() (any, bool) {
		got := s.kubectl(eu, "get", "gadget", "gadget", "--ignore-not-found", "-o", "jsonpath={.spec.size}")
		return got, got == "1"
	})
	s.declare("a.cue", `providers: gadget: {cluster: "eu", chart: path: "charts/kinds", values: size: 2}`)
	d.ready(s.push(), "gadget")
	if got := size(); got != "2" {
		t.Errorf("size %s, want 2", got)
	}
	if got := revisionOf(s, "gadget"); got != 2 {
		t.Errorf("revision %d, want 2", got)
	}
}
