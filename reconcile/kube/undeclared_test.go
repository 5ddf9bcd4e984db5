package kube

import (
	"slices"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// TestAClusterThatIsNotDeclaredAnyMore: what it holds of ours is seen, also by a process that never saw it
// declared, and goes only when somebody says so.
func TestAClusterThatIsNotDeclaredAnyMore(t *testing.T) {
	w := guarded(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	it.Seal()
	id := it.ID
	w.settle()
	w.stop()

	w.want.Items, w.want.Providers, w.want.Clusters = nil, nil, nil
	w.start(kubetest.Dir(t))
	reasons := func() (out []reconcile.Reason) {
		for _, a := range w.settle() {
			out = append(out, a.Reason)
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	if got := reasons(); !slices.Equal(got, []reconcile.Reason{reconcile.UndeclaredCluster}) {
		t.Errorf("nothing is declared of it: held as %q", got)
	}
	w.want.Removed = map[string]reconcile.Removal{"web": {Policy: "forget", Forget: true, Reason: "it was sold"}}
	if got := reasons(); !slices.Equal(got, []reconcile.Reason{reconcile.Forgotten}) {
		t.Errorf("it is forgotten, and answers: held as %q", got)
	}
	w.data("web") // fails the test if it is gone
	w.want.Removed = map[string]reconcile.Removal{"web": {Policy: reconcile.Uninstall, Reason: "moved"}}
	if got := reasons(); len(got) > 0 {
		t.Errorf("it is removed: held as %q", got)
	}
	w.until("nothing to be left", func() bool {
		w.settle()
		live := w.cluster.Live()
		_, there := live.Releases[id]
		return !there && len(live.Admissions) == 0
	})
}

func TestWhichClustersAreLookedAt(t *testing.T) {
	w := newWorld(t)
	fleet := NewFleet(t.Context(), Options{
		Identity: Identity(), Credentials: Credentials{Dir: kubetest.Dir(t)}, Charts: w.charts, ReadOnly: true,
	})
	for _, test := range []struct {
		name string
		want reconcile.Desired
		eu   bool
	}{
		{"only a part is looked at", reconcile.Desired{Owner: w.space, Narrowed: true}, false},
		{"it has credentials", reconcile.Desired{Owner: w.space}, true},
	} {
		fleet.Use(test.want)
		if _, looked := fleet.Clusters()["eu"]; looked != test.eu {
			t.Errorf("%s: cluster eu is looked at: %t", test.name, looked)
		}
	}
}
