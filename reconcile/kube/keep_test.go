package kube

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

const volume = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: {{ .Release.Name }}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`

// keptConfigMap is a ConfigMap that its chart wants to stay.
func keptConfigMap() string {
	return strings.Replace(configMap, "name: {{ .Release.Name }}", `name: kept, annotations: {helm.sh/resource-policy: keep}`, 1)
}

func TestAnUninstallLeavesVolumesAndWhatIsToBeKept(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{
		"c.yaml": configMap, "v.yaml": volume, "k.yaml": keptConfigMap(),
		"hook.yaml": strings.Replace(volume, "{{ .Release.Name }}", `hook, annotations: {helm.sh/hook: pre-install, helm.sh/hook-delete-policy: hook-succeeded}`, 1),
	}), map[string]any{"size": int64(1)})
	id := it.ID
	w.do(id, reconcile.OpCreate)
	w.want.Items = nil
	w.do(id, reconcile.OpDelete)
	if _, err := w.kube.CoreV1().ConfigMaps(w.space).Get(t.Context(), "web", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the ConfigMap is still there: %v", err)
	}
	w.data("kept") // fails the test if it is gone
	claims := w.kube.CoreV1().PersistentVolumeClaims(w.space)
	if pvc, err := claims.Get(t.Context(), "web", metav1.GetOptions{}); err != nil || pvc.DeletionTimestamp != nil {
		t.Errorf("the volume is gone: %v", err)
	}
	w.until("the hook's own volume to be gone", func() bool {
		pvc, err := claims.Get(t.Context(), "hook", metav1.GetOptions{})
		return apierrors.IsNotFound(err) || err == nil && pvc.DeletionTimestamp != nil
	})
	if a := w.plan(id); a.Op != reconcile.OpKeep {
		t.Errorf("then the plan is %s (%s)", a.Op, a.Reason)
	}
}

func TestAVolumeThatLeftTheChartStays(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap, "v.yaml": volume}), map[string]any{"size": int64(1)})
	w.do(it.ID, reconcile.OpCreate)
	it.Release.Chart = w.chart("2.0.0", map[string]string{"c.yaml": configMap})
	w.do(it.ID, reconcile.OpUpdate)
	pvc, err := w.kube.CoreV1().PersistentVolumeClaims(w.space).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil || pvc.DeletionTimestamp != nil {
		t.Errorf("the volume is gone: %v", err)
	}
}
