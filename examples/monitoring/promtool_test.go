package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// What prometheus.yml has for a page where people sign in is taken too, without its signs of a comment.
func TestPromtoolTakesSignIn(t *testing.T) {
	tool, err := exec.LookPath(kubetest.Tool("promtool"))
	kubetest.Need(t, "promtool", err == nil, "prometheus")
	config, err := os.ReadFile("prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(config)
	for _, key := range []string{"scheme", "tls_config", "authorization"} {
		if !strings.Contains(text, "# "+key+":") {
			t.Errorf("it does not have %s", key)
		}
		text = strings.Replace(text, "# "+key+":", key+":", 1)
	}
	file := filepath.Join(t.TempDir(), "prometheus.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, "check", "config", "--syntax-only", file).CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}
