package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// What needs no cluster, as scripts.
func TestScripts(t *testing.T) {
	path := filepath.Dir(program(t))
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", path+string(os.PathListSeparator)+filepath.Dir(git))
			for _, who := range []string{"AUTHOR", "COMMITTER"} {
				env.Setenv("GIT_"+who+"_NAME", "Ada")
				env.Setenv("GIT_"+who+"_EMAIL", "ada@example.com")
			}
			return nil
		},
	})
}

// A suspended provider is left as it is, whatever is pushed or edited, and goes on when it is let go.
func TestSuspended(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `providers: frankfurt: cluster: "eu"`)
	d := s.daemon()
	d.ready(s.push(), "frankfurt")
	s.declare("b.cue", `providers: frankfurt: {suspend: reason: "moving", values: limit: 2}`)
	sha := s.push()
	d.until("it is held", func(doc status.StatusDoc) bool {
		h := held(doc, "frankfurt")
		return doc.Revision.SHA == sha && h.Reason == reconcile.Suspended && h.Would == reconcile.OpUpdate && h.Message == "moving"
	})
	s.noted(sha, "apply success")
	if note := s.note(sha); !strings.Contains(note, "frankfurt suspended") {
		t.Errorf("the note does not name the hold:\n%s", note)
	}
	s.kubectl(eu, "scale", "deployment/frankfurt", "--replicas=3")
	s.want(exitOK, "--once", "--repo", s.bare, "--state-namespace", "kube-public") // beside the daemon, by another Lease
	if got := s.kubectl(eu, "get", "deployment", "frankfurt", "-o", "jsonpath={.spec.replicas}"); got != "3" || s.limit() != "1" {
		t.Errorf("it was changed: %s replicas, limit %s", got, s.limit())
	}
	s.declare("b.cue", `providers: frankfurt: values: limit: 2`)
	d.ready(s.push(), "frankfurt")
	if got := s.limit(); got != "2" {
		t.Errorf("limit %s, want 2", got)
	}
}

// Asked for one provider or cluster, the program looks at no other, and takes none for removed.
func TestNarrowed(t *testing.T) {
	s := newSite(t, eu, builtIn)
	s.declare("a.cue", `providers: {
	[!="built-in"]: deletion: policy: "uninstall"
	one: cluster: "eu"
	two: cluster: "eu"
	three: cluster: "built-in"
}`)
	s.push()
	list := func(cluster string) string {
		return strings.Join(strings.Fields(s.helm(cluster, "list", "--short")), " ")
	}
	s.want(exitOK, "--once", "--repo", s.bare, "--provider", "one")
	if got := list(eu) + "/" + list(builtIn); got != "one/" {
		t.Errorf("--provider one installed %s", got)
	}
	s.want(exitOK, "--once", "--repo", s.bare, "--cluster", "built-in")
	if got := list(eu) + "/" + list(builtIn); got != "one/three" {
		t.Errorf("--cluster built-in installed %s", got)
	}
	s.declare("a.cue", `providers: {two: cluster: "eu", four: cluster: "eu"}`)
	s.push()
	s.want(exitOK, "--once", "--repo", s.bare, "--provider", "two")
	if got := list(eu) + "/" + list(builtIn); got != "one two/three" {
		t.Errorf("--provider two made it %s", got)
	}
	for _, flag := range []string{"--provider", "--cluster"} {
		if got := s.want(exitError, "--dry-run", "--repo", s.bare, flag, "none"); !strings.Contains(got.err, `"none" is declared`) {
			t.Errorf("%s none: %s", flag, got.err)
		}
	}
}

// The commands for people say how things are, and why.
func TestStatusAndExplain(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `providers: {
	fine: cluster: "eu"
	waiting: {cluster: "eu", valuesFrom: "token.value": {kind: "Secret", name: "token", key: "it"}}
	failing: {cluster: "eu", chart: path: "charts/demanding"}
}`)
	s.push()
	s.want(exitError, "--once", "--repo", s.bare)
	from := []string{"--repo", s.bare}
	table := s.run(append(from, "status")...)
	for name, want := range map[string]string{
		"fine": "Ready (unverified)", "waiting": "held: waiting for secret", "failing": "Error",
	} {
		if line := grep(table.out, name+" "); !strings.Contains(line, want) {
			t.Errorf("status does not say %q of %s:\n%s\n%s", want, name, table.out, table.err)
		}
	}
	var all []status.Provider
	decode(s, s.run(append(from, "status", "-o", "json")...).out, &all)
	if len(all) != 4 || all[0].Name != "built-in" {
		t.Errorf("status -o json: %+v", all)
	}
	for name, wants := range map[string][]string{
		"fine":    {"fine is Ready (unverified)", "revision 1 of small 1.2.3", "nothing to do", "revision in force: "},
		"waiting": {"is held: waiting for secret", "token is not there yet", "→ "},
		"failing": {"failing is Error: render chart demanding", "needed: say what is needed", "not installed; demanding 1.0.0 is declared"},
	} {
		got := s.run(append(from, "explain", name)...)
		for _, want := range wants {
			if !strings.Contains(got.out, want) {
				t.Errorf("explain %s lacks %q:\n%s\n%s", name, want, got.out, got.err)
			}
		}
	}
	var page status.ProviderPage
	decode(s, s.run(append(from, "explain", "waiting", "-o", "json")...).out, &page)
	if page.Name != "waiting" || len(page.Planned) == 0 || page.Planned[0].Advice == "" || page.Revision.SHA == "" {
		t.Errorf("explain -o json: %+v", page)
	}
	if got := s.want(exitError, append(from, "explain", "none")...); !strings.Contains(got.err, "there are: built-in, failing, fine, waiting") {
		t.Errorf("explain none: %s", got.err)
	}
	if got := s.want(exitError, append(from, "retry", "none")...); !strings.Contains(got.err, "reconcile status") {
		t.Errorf("retry none: %s", got.err)
	}
}

// A cluster that is down and a mistake in the newest commit keep nobody from trying again elsewhere.
func TestRetryBesideWhatCannotBeReached(t *testing.T) {
	s := newSite(t, eu)
	s.declare("here.cue", `providers: here: cluster: "eu"`)
	s.declare("there.cue", `clusters: nowhere: {}
providers: there: cluster: "nowhere"`)
	s.push()
	s.want(exitError, "--once", "--timeout", "60s", "--repo", s.bare)
	s.declare("wrong.cue", `providers: wrong: clutser: "eu"`)
	s.push()
	got := s.want(exitOK, "retry", "here", "--repo", s.bare)
	if !strings.Contains(got.out, "here is tried again") || !strings.Contains(got.err, "nowhere") {
		t.Errorf("%+v", got)
	}
	s.want(exitError, "retry", "there", "--repo", s.bare)
}
