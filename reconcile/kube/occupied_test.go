package kube

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/workspace-providers/reconcile/reconcile"
)

// occupant is what a developer has in a provider.
type occupant struct {
	organization string
	prebuilt     bool
	replicas     int32
	stopped      bool // of a pod: it has come to its end
}

// labels are those by which it is recognised.
func (o occupant) labels() map[string]string {
	out := map[string]string{"workspace": "yes", "id": "1", "owner": "ada", "organization": o.organization}
	if o.prebuilt {
		out["prebuilt"] = "yes"
	}
	return out
}

// place puts it into the cluster as an object of a kind. Each has a name of its own: what stands in for a kubelet
// removes a pod that is to go by its name, and would take the next one of that name as well.
func (w *world) place(kind string, o occupant) {
	w.Helper()
	meta := metav1.ObjectMeta{GenerateName: "ws-", Namespace: w.space, Labels: o.labels()}
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: o.labels()}, Spec: w.environment("1", o.organization).Spec,
	}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"id": "1"}}
	ctx, opts := w.Context(), metav1.CreateOptions{}
	var err error
	switch kind {
	case "Pod":
		pod := &corev1.Pod{ObjectMeta: meta, Spec: template.Spec}
		pod, err = w.kube.CoreV1().Pods(w.space).Create(ctx, pod, opts)
		if err == nil && o.stopped {
			ended := []byte(`{"status": {"phase": "Succeeded"}}`)
			_, err = w.kube.CoreV1().Pods(w.space).Patch(ctx, pod.Name, types.MergePatchType, ended, metav1.PatchOptions{}, "status")
		}
	case "Deployment":
		spec := appsv1.DeploymentSpec{Replicas: &o.replicas, Selector: selector, Template: template}
		_, err = w.kube.AppsV1().Deployments(w.space).Create(ctx, &appsv1.Deployment{ObjectMeta: meta, Spec: spec}, opts)
	case "StatefulSet":
		spec := appsv1.StatefulSetSpec{Replicas: &o.replicas, Selector: selector, Template: template}
		_, err = w.kube.AppsV1().StatefulSets(w.space).Create(ctx, &appsv1.StatefulSet{ObjectMeta: meta, Spec: spec}, opts)
	case "PersistentVolumeClaim":
		spec := corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{"storage": resource.MustParse("1Gi")}},
		}
		_, err = w.kube.CoreV1().PersistentVolumeClaims(w.space).Create(ctx, &corev1.PersistentVolumeClaim{ObjectMeta: meta, Spec: spec}, opts)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// clear takes away all that developers have, and waits until it is gone.
func (w *world) clear() {
	w.Helper()
	now, ctx := int64(0), w.Context()
	opts, all := metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{LabelSelector: "workspace=yes"}
	w.until("everything to be gone", func() bool {
		for _, remove := range []error{
			w.kube.AppsV1().Deployments(w.space).DeleteCollection(ctx, opts, all),
			w.kube.AppsV1().StatefulSets(w.space).DeleteCollection(ctx, opts, all),
			w.kube.AppsV1().ReplicaSets(w.space).DeleteCollection(ctx, opts, all),
			w.kube.CoreV1().Pods(w.space).DeleteCollection(ctx, opts, all),
			w.release(),
		} {
			if remove != nil && !apierrors.IsNotFound(remove) {
				w.Fatal(remove)
			}
		}
		live := w.cluster.Live()
		return live.Counted && len(live.Environments["web"]) == 0
	})
}

// release removes volumes, which nobody else does in a cluster without nodes.
func (w *world) release() error {
	claims := w.kube.CoreV1().PersistentVolumeClaims(w.space)
	list, err := claims.List(w.Context(), metav1.ListOptions{LabelSelector: "workspace=yes"})
	if err != nil {
		return err
	}
	for _, claim := range list.Items {
		claim.Finalizers = nil
		if _, err := claims.Update(w.Context(), &claim, metav1.UpdateOptions{}); err != nil && !apierrors.IsConflict(err) {
			return err
		}
		if err := claims.Delete(w.Context(), claim.Name, metav1.DeleteOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// ends is what the plan says of taking organization red off the provider's allowlist, and of removing the
// provider, as reasons; "goes" where nothing holds it.
func (w *world) ends(live reconcile.ClusterLive) (organization, provider string) {
	said := func(want reconcile.Desired, kind string) string {
		for _, a := range reconcile.Decide(want, reconcile.Live{Clusters: map[string]reconcile.ClusterLive{"eu": live}}).Actions {
			if a.ID.Kind == kind && (a.Organization == "red" || kind == reconcile.KindRelease) {
				if a.Op == reconcile.OpDelete {
					return "goes"
				}
				return string(a.Reason)
			}
		}
		return "nothing"
	}
	without := w.want
	p := without.Providers["web"]
	p.Organizations = nil
	without.Providers = map[string]reconcile.ProviderWant{"web": p}
	organization = said(without, reconcile.KindAllowlist)
	without.Items, without.Providers = nil, nil
	return organization, said(without, reconcile.KindRelease)
}

// TestWhoKeepsAProvider is the guard's table: what there is of an environment, and what may go all the same.
func TestWhoKeepsAProvider(t *testing.T) {
	w := guarded(t)
	w.want.Recognition.Prebuilt = "prebuilt=yes"
	w.declare(func(p *reconcile.ProviderWant) {
		p.Admission.Mode, p.Admission.Recognition = reconcile.EnforceAudit, w.want.Recognition
	})
	w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)}).Seal()
	w.settle()
	const pod, deployment, set, volume = "Pod", "Deployment", "StatefulSet", "PersistentVolumeClaim"
	for _, row := range []struct {
		name         string
		kind         string
		has          occupant
		organization string // what is said of taking red off the allowlist
		provider     string // and of removing the provider
	}{
		{"a pod that runs", pod, occupant{organization: "red"}, "occupied", "occupied"},
		{"a pod that ended", pod, occupant{organization: "red", stopped: true}, "occupied", "occupied"},
		{"a prebuilt pod", pod, occupant{prebuilt: true}, "goes", "goes"},
		{"a pod of nobody known", pod, occupant{}, "unrecognised", "unrecognised"},
		{"a pod of another organization", pod, occupant{organization: "blue"}, "goes", "occupied"},
		{"a deployment that runs", deployment, occupant{organization: "red", replicas: 1}, "occupied", "occupied"},
		{"a deployment scaled to zero", deployment, occupant{organization: "red"}, "occupied", "occupied"},
		{"a prebuilt deployment", deployment, occupant{prebuilt: true}, "goes", "goes"},
		{"a deployment of nobody known", deployment, occupant{organization: "green"}, "unrecognised", "unrecognised"},
		{"a stateful set that runs", set, occupant{organization: "red", replicas: 1}, "occupied", "occupied"},
		{"a stateful set scaled to zero", set, occupant{organization: "red"}, "occupied", "occupied"},
		{"a prebuilt stateful set", set, occupant{prebuilt: true}, "goes", "goes"},
		{"a stateful set of nobody known", set, occupant{}, "unrecognised", "unrecognised"},
		{"a volume alone", volume, occupant{organization: "red"}, "occupied", "occupied"},
		{"a prebuilt volume", volume, occupant{prebuilt: true}, "goes", "goes"},
		{"a volume of nobody known", volume, occupant{}, "unrecognised", "unrecognised"},
		{"nothing", "", occupant{}, "goes", "goes"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := &world{T: t, fleet: w.fleet, cluster: w.cluster, want: w.want, kube: w.kube, space: w.space}
			defer w.clear()
			w.place(row.kind, row.has)
			var live reconcile.ClusterLive
			w.until("it to be counted", func() bool {
				live = w.cluster.Live()
				return live.Counted && (row.kind == "") == (len(live.Environments["web"]) == 0)
			})
			if o, p := w.ends(live); o != row.organization || p != row.provider {
				t.Errorf("the organization: %s, want %s; the provider: %s, want %s", o, row.organization, p, row.provider)
			}
			live.Reachable, live.Err = false, "no route to host"
			if o, p := w.ends(live); o != "unknown" || p != "unknown" {
				t.Errorf("while the cluster is down, the organization: %s, the provider: %s", o, p)
			}
		})
	}
}
