package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
	"github.com/workspace-providers/reconcile/status"
)

// A plan shows what one run brings about, and nothing is left to do afterwards.
func TestOneRunDoesWhatThePlanShows(t *testing.T) {
	s := newSite(t, builtIn, eu)
	s.declare("frankfurt.cue", `providers: frankfurt: {cluster: "eu", values: limit: 7}`)
	dir := s.worktree()
	from := []string{"--dir", dir, "--clusters", s.creds + "/clusters"}

	before := s.want(exitChanges, append(from, "--dry-run")...)
	if want := "create  " + s.name + "/frankfurt  absent"; !strings.Contains(before.out, want) || before.err != "" {
		t.Errorf("the plan does not say %q, or says something to stderr:\n%s\n%s", want, before.out, before.err)
	}
	if revisions := s.helm(eu, "list", "--short"); revisions != "" {
		t.Errorf("a dry run installed %s", revisions)
	}
	once := s.want(exitOK, append(from, "--once")...)
	if !strings.Contains(once.out, "frankfurt") || !strings.Contains(once.err, "eu/frankfurt Pending → Ready") {
		t.Errorf("no table on stdout or no progress on stderr:\n%s\n%s", once.out, once.err)
	}
	after := s.want(exitOK, append(from, "--dry-run")...)
	if want := "nothing to do, 1 kept\n"; after.out != want {
		t.Errorf("after all was done the plan says\n%swant\n%s", after.out, want)
	}
	if again := s.want(exitOK, append(from, "--once")...); strings.Contains(again.err, "Pending → Ready (unverified)") && revisionOf(s, "frankfurt") != 1 {
		t.Errorf("a second run did something:\n%s", again.err)
	}
}

// revisionOf is the newest Helm revision of a release in the cluster eu, as the stock helm tells it.
func revisionOf(s *site, release string) int {
	s.Helper()
	var history []struct{ Revision int }
	decode(s, s.helm(eu, "history", release, "--output", "json"), &history)
	if len(history) == 0 {
		return 0
	}
	return history[len(history)-1].Revision
}

// decode reads JSON, in which whole numbers stay whole.
func decode(s *site, text string, to any) {
	s.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(to); err != nil {
		s.Fatalf("%v in\n%s", err, text)
	}
}

// planShape is section 2 of the contract: what -o json of a plan looks like.
const planShape = `{"revision":"…","hash":"sha256:…","summary":{"create":1,"update":0,"repair":0,"adopt":0,"rollback":0,"delete":0,"orphan":0,"hold":1,"keep":7},
 "clusters":[{"name":"eu","reachable":true,"error":"","actions":[
   {"op":"create","kind":"Release","namespace":"coder","name":"frankfurt","provider":"frankfurt","organization":"","wave":0,"after":["…"],
    "reason":"absent","class":"","would":"","message":"…","diff":"…","risks":["…"]}]}]}`

// The plan has one shape, in closed words, for whoever reads it, and no colours where it is no terminal.
func TestThePlanHasTheShapeOfTheContract(t *testing.T) {
	s := newSite(t, eu)
	s.declare("providers.cue", `providers: {
	frankfurt: {cluster: "eu", values: password: "canary"}
	munich: {cluster: "eu", suspend: reason: "moving"}
}`)
	from := []string{"--dir", s.worktree(), "--dry-run"}
	text := s.want(exitChanges, append(from, "-o", "json")...).out
	var got, shape any
	decode(s, text, &got)
	decode(s, planShape, &shape)
	if diff := cmp.Diff(keysOf(shape), keysOf(got)); diff != "" {
		t.Errorf("keys: -contract +got:\n%s\n%s", diff, text)
	}
	var plan status.PlanDoc
	decode(s, text, &plan)
	for _, a := range plan.Clusters[0].Actions {
		checkWords(s, a)
	}
	if again := s.want(exitChanges, append(from, "-o", "json")...).out; again != text {
		t.Errorf("the same plan was written differently:\n%s", cmp.Diff(text, again))
	}
	markdown := s.want(exitChanges, append(from, "-o", "markdown")...).out
	for _, want := range []string{"| create |", "| hold |", "suspended", "```diff"} {
		if !strings.Contains(markdown, want) {
			t.Errorf("the plan in Markdown lacks %q:\n%s", want, markdown)
		}
	}
	for _, out := range []string{text, markdown, s.want(exitChanges, from...).out} {
		if strings.Contains(out, "\x1b") || strings.Contains(out, "canary") {
			t.Errorf("colours, or a secret, in\n%s", out)
		}
	}
	s.want(exitError, append(from, "-o", "yaml")...)
}

// keysOf lists the paths of all fields of a JSON document; those below a list count once.
func keysOf(doc any) []string {
	found := map[string]bool{}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, below := range v {
				found[at+"/"+key] = true
				walk(at+"/"+key, below)
			}
		case []any:
			for _, below := range v {
				walk(at+"/*", below)
			}
		}
	}
	walk("", doc)
	return slices.Sorted(maps.Keys(found))
}

// checkWords wants an action to be said in the words of the closed lists.
func checkWords(s *site, a status.PlanAction) {
	s.Helper()
	isHold := a.Op == reconcile.OpHold
	switch {
	case !slices.Contains(reconcile.Ops, a.Op), !slices.Contains(reconcile.Reasons, a.Reason),
		isHold && (a.Class != a.Reason.Class() || !slices.Contains(reconcile.Ops, a.Would)),
		!isHold && (a.Class != reconcile.NoClass || a.Would != ""):
		s.Errorf("words that are not in the closed lists: %+v", a)
	}
}

// Exit codes: 1 comes before 3, 3 before 2, and 2 before 0; the plan is printed all the same.
func TestExitCodes(t *testing.T) {
	s := newSite(t, eu)
	change := `providers: frankfurt: cluster: "eu"`
	s.declare("a.cue", change)
	dry := func() []string { return []string{"--dry-run", "-o", "json", "--dir", s.worktree()} }
	s.want(exitChanges, dry()...)

	s.kubectl(eu, "create", "namespace", s.name)
	chart := s.worktree() + "/charts/small"
	s.helm(eu, "install", "theirs", chart)
	s.declare("b.cue", `providers: theirs: cluster: "eu"`)
	s.want(exitHeld, dry()...)

	s.declare("c.cue", `clusters: gone: {}`+"\n"+`providers: lost: cluster: "gone"`)
	got := s.want(exitError, append(dry(), "--timeout", "20s")...)
	var plan status.PlanDoc
	decode(s, got.out, &plan)
	if plan.Summary.Create != 1 || plan.Summary.Hold != 2 {
		t.Errorf("the plan beside the error counts %+v, want 1 create and 2 holds", plan.Summary)
	}
	if want := "no credentials for cluster gone"; !strings.Contains(got.err, want) {
		t.Errorf("stderr does not say %q:\n%s", want, got.err)
	}

	s.declare("c.cue", "")
	s.declare("b.cue", "")
	s.want(exitOK, "--once", "--dir", s.worktree())
	s.want(exitOK, dry()...)

	s.declare("a.cue", `providers: frankfurt: clutser: "eu"`)
	bad := s.want(exitError, dry()...)
	if want := `a.cue:3:23: providers.frankfurt.clutser: unknown field: did you mean "cluster"?`; !strings.Contains(bad.err, want) || bad.out != "" {
		t.Errorf("stdout:\n%s\nstderr:\n%s\nwant %s", bad.out, bad.err, want)
	}
	s.want(exitError, "--dry-run", "--dir", kubetest.Root()+"/no/such/directory")
	s.want(exitError, "--no-such-flag")
	s.want(exitError, "frobnicate")
}

// What one run cannot bring about does not keep it from ending, and the exit code says so.
func TestOneRunEndsWithHoldsAndFailures(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `providers: good: cluster: "eu"`+"\n"+
		`providers: bad: {cluster: "eu", values: image: "localhost/never/x", release: timeout: "20s"}`)
	got := s.want(exitError, "--once", "--dir", s.worktree())
	for _, want := range []string{"ImagePullBackOff", "good"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("stdout lacks %q:\n%s\n%s", want, got.out, got.err)
		}
	}
	s.declare("a.cue", fmt.Sprintf(`providers: good: {cluster: "eu", valuesFrom: password: {kind: "Secret", name: %q, key: "it"}}`, "none"))
	s.want(exitHeld, "--once", "--provider", "good", "--dir", s.worktree())
}
