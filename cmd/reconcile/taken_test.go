package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// What the daemon's own chart makes of each of its values files, an API server takes as it is, also where pods have to
// keep to the restricted profile.
func TestTheChartIsTakenByAnAPIServer(t *testing.T) {
	s := newSite(t, eu)
	s.kubectl(eu, "create", "namespace", s.name)
	s.kubectl(eu, "label", "namespace", s.name, "pod-security.kubernetes.io/warn=restricted")
	files, err := filepath.Glob(filepath.Join(root, "examples/install/values/*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("values files %v: %v", files, err)
	}
	all := map[string][]string{
		"plain": nil, "target": {"--set", "only=target"},
		"hub": {"--set", "only=hub,pull.cluster=edge,pull.deployment=acme"},
	}
	for _, file := range files {
		all[filepath.Base(file)] = []string{"--values", file}
	}
	all["narrow.yaml"] = append(all["narrow.yaml"], "--set", "rbac.namespaces={"+s.name+"}")
	all["exposed.yaml"] = append(all["exposed.yaml"], "--set", "metrics.serviceMonitor=false") // of which there is no definition here
	for name, args := range all {
		text := kubetest.Output(s, "helm", append([]string{
			"template", "daemon", ownChart, "--namespace", s.name,
			"--set", "image.repository=example.com/reconcile,git.repo=https://git.example.com/a.git",
		}, args...)...)
		file := filepath.Join(t.TempDir(), "all.yaml")
		s.write(file, text)
		out := kubetest.Output(s, "kubectl", "--kubeconfig", s.admin(eu), "apply", "--dry-run=server", "--validate=strict", "--filename", file)
		if strings.Contains(out, "Warning") || strings.Count(out, "created (server dry run)") != strings.Count(text, "\nkind: ") {
			t.Errorf("%s:\n%s", name, out)
		}
	}
}
