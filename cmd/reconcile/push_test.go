package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
	"github.com/workspace-providers/reconcile/status"
)

// What is pushed reaches the cluster, and the stock helm says the same of it as we do.
func TestAPushReachesTheCluster(t *testing.T) {
	s := newSite(t, eu)
	declare := func(values string) string {
		s.declare("frankfurt.cue", `providers: frankfurt: {cluster: "eu", release: maxHistory: 3, values: `+values+`}`)
		return s.push()
	}
	first := declare(`{limit: 1000000, greeting: "hello", big: 123456789012345, ratio: 0.5, on: true, list: [1, "a"], deep: a: b: 1}`)
	d := s.daemon()
	d.ready(first, "frankfurt")
	s.noted(first, "apply success")
	want := `{"big":123456789012345,"deep":{"a":{"b":1}},"greeting":"hello","image":"pause","limit":1000000,"list":[1,"a"],"on":true,` +
		`"password":"","podAnnotations":{},"ratio":0.5,"replicas":1,"token":{"value":""}}`
	s.agreed(d, 1, want)
	if got := s.kubectl(eu, "get", "configmap", "frankfurt", "-o", "jsonpath={.data.limit}"); got != "1000000" {
		t.Errorf("the chart made %s of 1000000", got)
	}
	for i := range 4 {
		sha := declare(fmt.Sprintf(`{limit: 2000000, greeting: "hello %d"}`, i))
		d.ready(sha, "frankfurt")
		s.noted(sha, "apply success 1 of 1 changed Ready")
	}
	s.agreed(d, 5, `{"greeting":"hello 3","image":"pause","limit":2000000,"password":"","podAnnotations":{},"replicas":1,"token":{"value":""}}`)
	var history []any
	decode(s, s.helm(eu, "history", "frankfurt", "-o", "json"), &history)
	if len(history) != 3 {
		t.Errorf("%d revisions are kept, want 3", len(history))
	}

	same := s.push() // an empty commit
	s.noted(same, "apply success no provider changed")
	if got := revision(d.ready(same, "frankfurt"), "frankfurt"); got != 5 {
		t.Errorf("a commit that changes nothing made revision %d", got)
	}
	d.stop()
	s.want(exitOK, "--dry-run", "--repo", s.bare)
}

// A commit that was under way when its daemon died, and that a newer one overtook before the next start, is
// not pending for ever.
func TestACommitThatWasOvertakenWhileNobodyRanIsClosed(t *testing.T) {
	s := newSite(t, eu)
	first := s.push()
	context := "reconcile/" + s.name + "/apply"
	s.git("-C", s.bare, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "notes", "--ref", "reconcile/"+s.name,
		"add", "-m", context+" pending 3 of 12 providers applied", "-m", context+"/eu success 1 of 1 Ready", first)
	s.declare("a.cue", `organizations: research: {}`)
	second := s.push()
	d := s.daemon()
	s.noted(second, "apply ")
	s.noted(first, "apply error superseded by "+second[:7]+" at 3 of 12\n")
	s.noted(first, "apply/eu success 1 of 1 Ready")
	d.stop()
}

// agreed wants the stock helm to say of the release frankfurt what the daemon says.
func (s *site) agreed(d *daemon, number int, values string) {
	s.Helper()
	p := provider(d.status(), "frankfurt")
	var list []map[string]any
	decode(s, s.helm(eu, "list", "-A", "--filter", "^frankfurt$", "-o", "json"), &list)
	found := false
	for _, rel := range list {
		if rel["namespace"] != s.name {
			continue
		}
		found = true
		delete(rel, "updated")
		want := map[string]any{
			"name": "frankfurt", "namespace": s.name, "revision": fmt.Sprint(number), "status": "deployed",
			"chart": p.Chart + "-" + p.Version, "app_version": "9",
		}
		if diff := cmp.Diff(want, rel); diff != "" {
			s.Errorf("helm list: -want +got:\n%s", diff)
		}
	}
	if !found || len(p.Releases) != 1 || p.Releases[0].Revision != number {
		s.Errorf("we say %+v, helm list says %v, want revision %d", p.Releases, list, number)
	}
	var have, want any
	decode(s, s.helm(eu, "get", "values", "frankfurt", "--all", "-o", "json"), &have)
	decode(s, values, &want)
	if diff := cmp.Diff(want, have); diff != "" {
		s.Errorf("helm get values: -want +got:\n%s", diff)
	}
	var state struct {
		Version int
		Info    struct{ Status, Description string }
	}
	decode(s, s.helm(eu, "status", "frankfurt", "-o", "json"), &state)
	if state.Version != number || state.Info.Status != "deployed" || !strings.Contains(state.Info.Description, "by revision") {
		s.Errorf("helm status: %+v", state)
	}
	if manifest := s.helm(eu, "get", "manifest", "frankfurt"); !strings.Contains(manifest, "kind: Deployment") {
		s.Errorf("helm get manifest:\n%s", manifest)
	}
}

// What people do with the stock helm is seen and brought back to what is declared.
func TestWhatPeopleDoWithHelmIsBroughtBack(t *testing.T) {
	s := newSite(t, eu)
	s.declare("frankfurt.cue", `providers: frankfurt: {cluster: "eu", values: limit: 1}`)
	s.push()
	d := s.daemon()
	s.declare("frankfurt.cue", `providers: frankfurt: {cluster: "eu", values: limit: 2}`)
	sha := s.push()
	d.ready(sha, "frankfurt")
	back := func(what string, after int) {
		d.until(what+" is brought back", func(doc status.StatusDoc) bool {
			return revision(doc, "frankfurt") > after && provider(doc, "frankfurt").Status == status.Ready &&
				s.limit() == "2"
		})
		var values map[string]json.Number
		decode(s, s.helm(eu, "get", "values", "frankfurt", "-o", "json"), &values)
		if values["limit"] != "2" {
			t.Errorf("after %s helm has the values %v", what, values)
		}
	}
	at := revision(d.status(), "frankfurt")
	s.helm(eu, "upgrade", "frankfurt", s.worktree()+"/charts/small", "--set", "limit=3")
	back("helm upgrade", at+1)
	at = revision(d.status(), "frankfurt")
	s.helm(eu, "rollback", "frankfurt", "1")
	back("helm rollback", at+1)
	s.helm(eu, "uninstall", "frankfurt")
	back("helm uninstall", 0)
}

// limit is what the ConfigMap of the release frankfurt says.
func (s *site) limit() string {
	s.Helper()
	return s.kubectl(eu, "get", "configmap", "frankfurt", "-o", "jsonpath={.data.limit}", "--ignore-not-found")
}

// A helm that somebody runs right now is left to finish; one that was killed is taken up after the
// release's timeout.
func TestHelmAtWorkIsLeftAlone(t *testing.T) {
	s := newSite(t, eu)
	s.declare("frankfurt.cue", `providers: frankfurt: {cluster: "eu", chart: path: "charts/hooked", release: timeout: "20s"}`)
	sha := s.push()
	d := s.daemon()
	d.ready(sha, "frankfurt")
	chart := s.worktree() + "/charts/hooked"
	s.helm(eu, "upgrade", "frankfurt", chart, "--set", "after=2s,greeting=mine")
	settled := func(number int) func(status.StatusDoc) bool {
		return func(doc status.StatusDoc) bool {
			p := provider(doc, "frankfurt")
			return revision(doc, "frankfurt") == number && p.Applied && p.Status == status.Ready
		}
	}
	d.until("it is brought back when helm is done", settled(3))
	if history := s.helm(eu, "history", "frankfurt"); strings.Contains(history, "failed") {
		t.Errorf("helm was interrupted:\n%s", history)
	}

	begun := s.api(eu)
	helm := exec.Command(kubetest.Tool("helm"), "--kubeconfig", s.admin(eu), "--namespace", s.name,
		"upgrade", "frankfurt", chart, "--set", "after=1m")
	if err := helm.Start(); err != nil {
		t.Fatal(err)
	}
	s.await("helm is at work", func() (any, bool) {
		pending := len(s.revisions(begun, "status=pending-upgrade"))
		return pending, pending == 1
	})
	if err := helm.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = helm.Wait() // it was killed
	d.until("it is taken up", settled(5))
	s.sane(begun, d.status(), 5)
}
