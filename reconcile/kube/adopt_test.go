package kube

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// helm runs the stock helm in the world's namespace.
func (w *world) helm(args ...string) string {
	w.Helper()
	kubeconfig := filepath.Join(kubetest.Dir(w), "eu.kubeconfig")
	return kubetest.Output(w, "helm", append([]string{"--kubeconfig", kubeconfig, "-n", w.space}, args...)...)
}

// install installs a chart with the stock helm, as somebody else does.
func (w *world) install(name string, c reconcile.Chart, more ...string) {
	w.Helper()
	path := filepath.Join(w.TempDir(), "small.tgz")
	if err := os.WriteFile(path, w.charts[c.Digest], 0o600); err != nil {
		w.Fatal(err)
	}
	w.helm(append([]string{"install", name, path, "--create-namespace", "--set", "size=1", "--wait"}, more...)...)
}

func TestWhatIsThereIsAdoptedOnlyWhenDeclaredAndRestartsNothing(t *testing.T) {
	w := newWorld(t)
	c := w.chart("1.0.0", map[string]string{"c.yaml": configMap, "d.yaml": deployment})
	w.install("web", c)
	it := w.item("web", c, map[string]any{"size": int64(1)})
	w.until("it to be held", func() bool { return w.plan(it.ID).Reason == reconcile.NotOurs })
	before := w.pods()
	it.Release.Adopt = true
	w.do(it.ID, reconcile.OpAdopt)
	w.inSync(it.ID)
	if after := w.pods(); len(before) != 1 || !slices.Equal(before, after) {
		t.Errorf("pods %v are %v now", before, after)
	}
	if out := w.helm("history", "web"); strings.Count(out, "\n") > 3 {
		t.Errorf("it was adopted by more than one revision:\n%s", out)
	}
}

func TestWhatAnotherToolManagesIsNotAdopted(t *testing.T) {
	w := newWorld(t)
	c := w.chart("1.0.0", map[string]string{"c.yaml": configMap})
	for name, of := range map[string]struct{ label, tool string }{
		"flux": {"helm.toolkit.fluxcd.io/name=flux", "Flux"}, "argo": {"argocd.argoproj.io/instance=argo", "Argo CD"},
	} {
		w.install(name, c, "--labels", of.label)
		w.item(name, c, map[string]any{"size": int64(1)}).Release.Adopt = true
		id := w.want.Items[len(w.want.Items)-1].ID
		w.until("it to be held", func() bool { return w.plan(id).Reason == reconcile.NotOurs })
		if a := w.plan(id); a.Op != reconcile.OpHold || !strings.Contains(a.Message, "managed by "+of.tool) {
			t.Errorf("%s: %s (%s): %s", name, a.Op, a.Reason, a.Message)
		}
	}
}
