package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// A freeze in the middle of a rollout over 50 providers stops every write within two seconds, with git and
// everything that hangs on it down. Thawed, it goes on.
func TestAFreezeInTheMiddleOfARollout(t *testing.T) {
	s := newSite(t, eu)
	s.kubectl(eu, "create", "namespace", s.name)
	user, kubeconfig := s.user(eu, "daemon")
	s.declare("providers.cue", `providers: {for n in list.Range(1, 51, 1) {"p\(n)": cluster: "eu"}}
deployment: {defaults: enforcement: "off", rollout: maxConcurrent: 2}`)
	s.files["providers.cue"] = strings.Replace(s.files["providers.cue"], "package providers\n", "package providers\n\nimport \"list\"\n", 1)
	sha := s.push()
	s.credential(eu, kubeconfig)
	d := s.daemon("--state-namespace", s.name)
	applied := func(doc status.StatusDoc) (n int) {
		for _, p := range doc.Providers {
			n += len(p.Releases) // none of the built-in one
			for _, rel := range p.Releases {
				if rel.Revision == 0 {
					n--
				}
			}
		}
		return n
	}
	d.until("it is in the middle", func(doc status.StatusDoc) bool { return applied(doc) >= 5 })
	if err := os.Rename(s.bare, s.bare+".gone"); err != nil {
		t.Fatal(err)
	}
	mine := []string{"--state-namespace", s.name, "--cluster", eu}
	got := s.want(exitOK, append([]string{"freeze", "--reason", "incident 42", "--by", "ada@laptop", "--for", "1h"}, mine...)...)
	stopped := time.Now().Add(2 * time.Second)
	if want := "eu: frozen: everything until "; !strings.HasPrefix(got.out, want) {
		t.Errorf("freeze says %q", got.out)
	}
	doc := d.until("everybody is told", func(doc status.StatusDoc) bool {
		return doc.Summary.Create == 0 && doc.Summary.Hold > 0 && len(doc.Clusters) == 1 && len(doc.Clusters[0].Freezes) == 1
	})
	if n := applied(doc); n < 5 || n > 45 {
		t.Fatalf("%d of 50 were installed: that proves little", n)
	}
	if h := held(doc, "p50"); h.Reason != reconcile.Frozen || !strings.Contains(h.Message, "incident 42 (ada@laptop, until ") {
		t.Errorf("p50 is held: %+v", h)
	}
	if code, text := d.get("/metrics"); code != 200 || !strings.Contains(text, `reconcile_frozen{cluster="eu"} 1`) {
		t.Error("no metric says that it is frozen")
	}
	time.Sleep(time.Until(stopped.Add(3 * time.Second))) // what must not happen has time to
	wrote := 0
	for _, r := range s.requests(eu, user) {
		if !r.writes() || strings.Contains(r.RequestURI, "/leases") || strings.Contains(r.RequestURI, "/selfsubjectreviews") {
			continue
		}
		wrote++
		if r.At.After(stopped) {
			t.Errorf("%s after the freeze: %s %s", r.At.Sub(stopped)+2*time.Second, r.Verb, r.RequestURI)
		}
	}
	if wrote == 0 {
		t.Error("the audit log shows no write at all")
	}

	got = s.want(exitOK, append([]string{"thaw", "--reason", "mended"}, mine...)...)
	if want := "eu: thawed: everything (mended)\n"; got.out != want {
		t.Errorf("thaw says %q", got.out)
	}
	all := make([]string, 50)
	for i := range all {
		all[i] = fmt.Sprintf("p%d", i+1)
	}
	d.ready(sha, all...)
	for _, want := range []string{`msg="freeze begins" cluster=eu of=everything reason="incident 42" by=ada@laptop`, `msg="freeze ends" cluster=eu`} {
		if !strings.Contains(d.log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}

// Freezes of several scopes stand beside each other, in every cluster that answers; one that does not is named.
func TestFreezesByScopeAndCluster(t *testing.T) {
	s := newSite(t, eu, builtIn)
	for _, cluster := range []string{eu, builtIn} {
		s.kubectl(cluster, "create", "namespace", s.name)
	}
	where := []string{"--state-namespace", s.name, "--timeout", "25s"}
	s.want(exitOK, append([]string{"freeze", "--reason", "a", "--deletes"}, where...)...)
	s.want(exitOK, append([]string{"freeze", "--reason", "b", "--provider", "frankfurt", "--cluster", eu}, where...)...)
	s.credential("down", strings.NewReplacer("https://127.0.0.1:", "https://127.0.0.1:1").Replace(s.read(s.admin(eu))))
	got := s.want(exitError, append([]string{"freeze", "--reason", "c"}, where...)...)
	if !strings.Contains(got.out, "built-in: frozen: everything") || !strings.Contains(got.out, "eu: frozen: everything") ||
		!strings.Contains(got.err, "reconcile: not frozen: down") {
		t.Errorf("%+v", got)
	}
	got = s.want(exitOK, append([]string{"thaw", "--cluster", eu}, where...)...)
	for _, want := range []string{"eu: thawed: everything", "still frozen: deletions until ", "still frozen: provider frankfurt until "} {
		if !strings.Contains(got.out, want) {
			t.Errorf("thaw lacks %q: %s", want, got.out)
		}
	}
}
