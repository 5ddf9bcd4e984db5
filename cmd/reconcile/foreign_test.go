package main

import (
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// A release of the same name that somebody else installed is not touched until the declarations say so,
// and taking it over restarts nothing. One that another tool manages is held even then.
func TestReleasesOfOthers(t *testing.T) {
	s := newSite(t, eu)
	s.kubectl(eu, "create", "namespace", s.name)
	chart := s.worktree() + "/charts/small"
	for _, name := range []string{"theirs", "flux", "argo"} {
		s.helm(eu, "install", name, chart)
	}
	s.kubectl(eu, "label", "secret", "-l", "owner=helm,name=flux", "helm.toolkit.fluxcd.io/name=flux")
	s.kubectl(eu, "label", "secret", "-l", "owner=helm,name=argo", "argocd.argoproj.io/instance=argo")
	versions := func() string {
		return s.kubectl(eu, "get", "deployments,configmaps,secrets", "-l", "app.kubernetes.io/managed-by=Helm", "-o",
			`jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.uid} {.metadata.generation}{"\n"}{end}`) +
			s.kubectl(eu, "get", "secrets", "-l", "owner=helm", "-o",
				`jsonpath={range .items[*]}{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}`)
	}
	pods := func() string {
		return s.kubectl(eu, "get", "pods", "-o", `jsonpath={range .items[*]}{.metadata.uid}{"\n"}{end}`)
	}
	before, podsBefore := versions(), ""
	s.await("pods are there", func() (any, bool) {
		podsBefore = pods()
		return podsBefore, strings.Count(podsBefore, "\n") == 3
	})

	s.declare("a.cue", `providers: [=~"theirs|flux|argo"]: cluster: "eu"`+"\nproviders: {theirs: {}, flux: release: adopt: true, argo: release: adopt: true}")
	sha := s.push()
	d := s.daemon()
	want := map[string]string{"theirs": "adopt: true", "flux": "Flux", "argo": "Argo CD"}
	d.until("all are held", func(doc status.StatusDoc) bool {
		for name, word := range want {
			h := held(doc, name)
			if h.Reason != reconcile.NotOurs || !strings.Contains(h.Message, word) {
				return false
			}
		}
		return doc.Revision.SHA == sha
	})
	s.noted(sha, "apply failure")
	if after := versions(); after != before {
		t.Errorf("something was touched:\n%s\nbefore:\n%s", after, before)
	}

	s.declare("b.cue", `providers: theirs: release: adopt: true`)
	sha = s.push()
	d.until("it is adopted", func(doc status.StatusDoc) bool {
		p := provider(doc, "theirs")
		return doc.Revision.SHA == sha && p.Applied && p.Status == status.Ready && revision(doc, "theirs") == 2
	})
	if after := pods(); after != podsBefore {
		t.Errorf("pods were restarted:\n%s\nbefore:\n%s", after, podsBefore)
	}
	s.kubectl(eu, "scale", "deployment/theirs", "--replicas=4")
	s.await("it is kept as declared from then on", func() (any, bool) {
		got := s.kubectl(eu, "get", "deployment", "theirs", "-o", "jsonpath={.spec.replicas}")
		return got, got == "1"
	})
}
