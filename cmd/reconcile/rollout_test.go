package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
	"github.com/workspace-providers/reconcile/status"
)

// greet declares what the six say, how changes go out, and something of p2, which is in wave 1.
func (s *site) greet(text, rollout, p2 string) string {
	s.Helper()
	s.declare("url.cue", fmt.Sprintf("deployment: defaults: values: greeting: string | *%q\ndeployment: rollout: %s\nproviders: p2: %s", text, rollout, p2))
	return s.push()
}

// greets are what the six say in their clusters, in order.
func (s *site) greets() string {
	s.Helper()
	var out []string
	for _, p := range six {
		out = append(out, s.kubectl(p.cluster, "get", "configmap", p.name, "-o", "jsonpath={.data.greeting}"))
	}
	return strings.Join(out, " ")
}

// plainSix are the six without an access URL in their values.
func plainSix(t *testing.T) *site {
	t.Helper()
	s := newSix(t)
	s.files["six.cue"] = strings.Replace(s.files["six.cue"], "values: greeting: deployment.accessURL, ", "", 1)
	return s
}

// neverReady is a provider that does not come up, and says so soon; wellAgain one that may take its time.
const (
	neverReady = `{values: image: "localhost/never/x", release: timeout: "15s"}`
	wellAgain  = `{}`
)

// A change that fails in one wave does not go out in the next. Who looks anywhere sees where and why, and a commit
// that mends it lets the rest go on at once.
func TestAFailedWaveHaltsTheLaterOnes(t *testing.T) {
	for _, fails := range []struct{ name, p2, says string }{
		{"what never becomes ready", neverReady, "ImagePullBackOff"},
		{"what cannot be rendered", `values: greeting: ""`, "cannot be rendered with these values at small/templates/all.yaml"}, // with a Secret, so not in its words
	} {
		t.Run(fails.name, func(t *testing.T) {
			s := plainSix(t)
			d := s.daemon()
			d.ready(s.greet("one", "{}", "{}"), names()...)
			sha := s.greet("two", "{}", fails.p2)
			doc := d.until("the last wave is halted", func(doc status.StatusDoc) bool {
				four, is := holdFor(doc, "p4", reconcile.Halted)
				five, too := holdFor(doc, "p5", reconcile.Halted)
				return is && too && strings.Contains(four.Message, fails.says) && strings.Contains(five.Message, "eu/p2") &&
					provider(doc, "p3").Status == status.Ready && provider(doc, "p3").Applied
			})
			if p := provider(doc, "p2"); p.Status != status.Error || !strings.Contains(p.Message, fails.says) {
				t.Errorf("p2 is %s: %s", p.Status, p.Message)
			}
			if got := strings.Fields(s.greets()); !slices.Equal(got[4:], []string{"one", "one"}) {
				t.Errorf("they say %s", got)
			}
			s.noted(sha, "apply failure")
			if note := s.note(sha); !strings.Contains(note, fails.says) {
				t.Errorf("the commit says\n%s", note)
			}
			if _, metrics := d.get("/metrics"); !strings.Contains(metrics, `reconcile_held_actions{cluster="us",reason="halted"} 1`) {
				t.Errorf("the metrics say\n%s", grep(metrics, "held_actions"))
			}
			if out := s.want(exitOK, "status", "--repo", s.bare).out; !strings.Contains(out, "held: halted (eu/p2: ") || !strings.Contains(out, fails.says) {
				t.Errorf("the table says\n%s", out)
			}
			d.ready(s.greet("two", "{}", wellAgain), names()...)
			if got := s.greets(); got != "two two two two two two" {
				t.Errorf("they say %s", got)
			}
		})
	}
}

// Where revert is declared, all that took the change that failed goes back to what it was when all was well, and
// goes on when that is mended.
func TestAFailedChangeIsTakenBackEverywhere(t *testing.T) {
	const revert = `onFailure: "revert"`
	s := plainSix(t)
	d := s.daemon()
	d.ready(s.greet("one", revert, "{}"), names()...)
	sha := s.greet("two", revert, neverReady)
	back := func(doc status.StatusDoc) bool {
		_, failed := holdFor(doc, "p2", reconcile.RolledBack)
		return failed && doc.Revision.SHA == sha && !slices.ContainsFunc(names(), func(name string) bool {
			_, halted := holdFor(doc, name, reconcile.Halted)
			return name != "p2" && !halted || provider(doc, name).Status == status.Error && name != "p2"
		})
	}
	d.until("all went back", back)
	s.await("they say what they said", func() (any, bool) { got := s.greets(); return got, got == "one one one one one one" })
	s.noted(sha, "apply failure")
	if _, metrics := d.get("/metrics"); !strings.Contains(metrics, `op="rollback",reason="halted",result="ok"`) {
		t.Errorf("the metrics say\n%s", grep(metrics, "rollback"))
	}
	d.kill()
	d = s.daemon()
	d.until("a fresh daemon leaves it so", back)
	at := map[string]int{}
	for _, p := range six {
		at[p.name] = revision(d.status(), p.name)
	}
	s.greet("two", revert, neverReady) // another commit, the same inputs
	d.until("nothing is tried again", func(doc status.StatusDoc) bool { return doc.Revision.SHA != sha && doc.Revision.SHA != "" })
	for name, was := range at {
		if is := revision(d.status(), name); is != was {
			t.Errorf("%s has revision %d, had %d", name, is, was)
		}
	}
	d.ready(s.greet("two", revert, wellAgain), names()...)
	if got := s.greets(); got != "two two two two two two" {
		t.Errorf("they say %s", got)
	}
	for _, cluster := range []string{builtIn, eu, us} {
		if out := kubetest.Output(t, "helm", "--kubeconfig", s.admin(cluster), "--namespace", s.name, "list", "--pending", "-q"); out != "" {
			t.Errorf("left pending in %s: %s", cluster, out)
		}
	}
}
