package main

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// promtool finds Prometheus' own tool, or skips the test.
func promtool(t *testing.T) string {
	t.Helper()
	if built, err := filepath.Abs("../../bin/promtool"); err == nil {
		if path, err := exec.LookPath(built); err == nil {
			return path
		}
	}
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("there is no promtool: run make prometheus, or install it")
	}
	return path
}

// Prometheus takes the files, and each alert fires when it should, and no more when that is over.
func TestPromtoolTakesWhatIsMade(t *testing.T) {
	tool := promtool(t)
	for _, args := range [][]string{
		{"check", "rules", "rules/reconcile.yml"}, {"check", "config", "prometheus.yml"}, {"test", "rules", "rules/test.yml"},
	} {
		if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
