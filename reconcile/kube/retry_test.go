package kube

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// A first install that failed before Helm kept anything of it can be asked for again, more than once.
func TestAFirstInstallIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.space}}
	if _, err := w.kube.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	quotas := w.kube.CoreV1().ResourceQuotas(w.space)
	none := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "none"}}
	none.Spec.Hard = corev1.ResourceList{"count/secrets": resource.MustParse("0")}
	if _, err := quotas.Create(t.Context(), none, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.until("the quota to count", func() bool {
		got, err := quotas.Get(t.Context(), "none", metav1.GetOptions{})
		return err == nil && len(got.Status.Hard) > 0
	})
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	asked := func() bool { return w.plan(it.ID).Have.RetryAsked }
	for range 2 {
		if err := w.cluster.AskRetry(t.Context(), it.ID); err != nil {
			t.Fatal(err)
		}
		w.until("the wish to be seen", asked)
		if a := w.plan(it.ID); a.Op != reconcile.OpCreate {
			t.Fatalf("the plan is %s (%s)", a.Op, a.Reason)
		}
		if err := w.cluster.Do(t.Context(), w.plan(it.ID)); err == nil {
			t.Fatal("it was installed beyond the quota")
		}
		w.until("the wish to be heard", func() bool { return !asked() })
	}
	if err := quotas.Delete(t.Context(), "none", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.until("it to be installed", func() bool { return w.cluster.Do(t.Context(), w.plan(it.ID)) == nil })
	w.inSync(it.ID)
}
