package main

import (
	"os/exec"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// Prometheus takes the files, and each alert fires when it should, and no more when that is over.
func TestPromtoolTakesWhatIsMade(t *testing.T) {
	tool, err := exec.LookPath(kubetest.Tool("promtool"))
	kubetest.Need(t, "promtool", err == nil, "prometheus")
	for _, args := range [][]string{
		{"check", "rules", "rules/reconcile.yml"}, {"check", "config", "prometheus.yml"}, {"test", "rules", "rules/test.yml"},
	} {
		if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
