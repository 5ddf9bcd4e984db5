package kube

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// pods are the uids of all pods of the world's namespace that no developer made.
func (w *world) pods() []string {
	w.Helper()
	list, err := w.kube.CoreV1().Pods(w.space).List(w.Context(), metav1.ListOptions{LabelSelector: "!workspace"})
	if err != nil {
		w.Fatal(err)
	}
	var out []string
	for _, pod := range list.Items {
		out = append(out, string(pod.UID))
	}
	slices.Sort(out)
	return out
}

// rename gives provider web another key, and nothing else.
func (w *world) rename(to string) {
	w.Helper()
	p := w.want.Providers["web"]
	p.Previous = []string{"web"}
	w.want.Providers = map[string]reconcile.ProviderWant{to: p}
	it := &w.want.Items[0]
	it.Provider, it.ID.Name, it.Previous = to, to, []string{"web"}
	it.Seal()
}

func TestARenamedProviderKeepsWhatItHas(t *testing.T) {
	w := guarded(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap, "d.yaml": deployment}), map[string]any{"size": int64(1)})
	it.Seal()
	release := it.ID
	w.settle()
	if err := w.create("1", "red"); err != nil {
		t.Fatal(err)
	}
	w.inSync(release)
	w.until("its pod to be there", func() bool { return len(w.pods()) == 1 })
	before := w.pods()

	w.refuses("2", "blue", "workspace provider web: organization blue")
	stop := make(chan struct{})
	intruded := make(chan string, 1)
	go func() { intruded <- w.intrude(stop) }()
	w.rename("site")
	if holds := w.settle(); len(holds) > 0 {
		t.Errorf("held: %+v", holds)
	}
	w.until("only the guard of the new name to be left", func() bool {
		w.settle()
		live := w.cluster.Live().Admissions
		return len(live) == 1 && live["site"].Organizations["red"]
	})
	close(stop)
	if found := <-intruded; found != "" {
		t.Error(found)
	}
	if obs := w.cluster.Live().Releases[release]; obs.Provider != "site" || obs.Revision != 1 || obs.State != reconcile.Deployed {
		t.Errorf("the release is %s of provider %q at revision %d", obs.State, obs.Provider, obs.Revision)
	}
	if after := w.pods(); !slices.Equal(before, after) {
		t.Errorf("pods %v are %v now", before, after)
	}
	list := kubetest.Output(t, "helm", "--kubeconfig", filepath.Join(kubetest.Dir(t), "eu.kubeconfig"), "list", "-a", "-q", "-n", w.space)
	if list != "web\n" {
		t.Errorf("releases %q", list)
	}
	w.refuses("2", "blue", "workspace provider site: organization blue is not on its allowlist")
	if err := w.create("3", "red"); err != nil {
		t.Errorf("red does not come in any more: %v", err)
	}
}

// intrude tries, until it is told to stop, to come in as an organization that may not, and says how it did.
func (w *world) intrude(stop <-chan struct{}) string {
	developer := w.developer()
	for {
		select {
		case <-stop:
			return ""
		default:
		}
		pod := w.environment("intruder", "blue")
		_, err := developer.CoreV1().Pods(w.space).Create(w.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "is not on its allowlist") {
			return "an organization that may not come in was told: " + text(err)
		}
	}
}
