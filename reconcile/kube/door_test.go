package kube

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// guarded is a world with a provider that organizations red and blue are told by a label in, and that red may
// use.
func guarded(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.space}}
	if _, err := w.kube.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.want.Recognition = reconcile.Recognition{
		Selectors: []string{"workspace=yes"}, IDLabel: "id", OwnerLabel: "owner", OrganizationLabel: "organization",
		Organizations: map[string]reconcile.Match{"red": {}, "blue": {}},
	}
	w.declare(func(p *reconcile.ProviderWant) { p.Organizations = []string{"red"} })
	return w
}

// declare changes what is declared of the provider.
func (w *world) declare(change func(p *reconcile.ProviderWant)) {
	p, there := w.want.Providers["web"]
	made := reconcile.Admission{
		Mode: reconcile.Enforce, Namespaces: []string{w.space}, Contact: "the platform team", Recognition: w.want.Recognition,
	}
	if !there {
		p = reconcile.ProviderWant{Cluster: "eu", Namespace: w.space, Deletion: reconcile.Uninstall, Admission: &made}
	}
	copied := *p.Admission
	p.Admission = &copied
	change(&p)
	p.Admission.Seal()
	w.want.Providers = map[string]reconcile.ProviderWant{"web": p}
	w.want.Limits = reconcile.Limits{Raised: 100, RaisedUntil: time.Now().Add(time.Hour)}
}

// settle does what the plan says until only holds are left, and returns them.
func (w *world) settle() (holds []reconcile.Action) {
	w.Helper()
	w.until("nothing to be left to do", func() bool {
		w.fleet.Use(w.want)
		live := reconcile.Live{At: time.Now(), Clusters: map[string]reconcile.ClusterLive{"eu": w.cluster.Live()}}
		plan := reconcile.Decide(w.want, live)
		ready, _ := reconcile.Ready(plan, w.want, live)
		for _, a := range ready {
			if err := w.cluster.Do(w.Context(), a); err != nil && !(reconcile.Outcome{Err: err}).Stopped() {
				w.Fatalf("%s %s: %v", a.Op, a.ID, err)
			}
		}
		holds = nil
		for _, a := range plan.Actions {
			if a.Class == reconcile.Progress {
				return false
			}
			if a.Op == reconcile.OpHold {
				holds = append(holds, a)
			}
		}
		return len(ready) == 0 && live.Clusters["eu"].Counted
	})
	return holds
}

// developer is somebody else than the daemon.
func (w *world) developer() kubernetes.Interface {
	w.Helper()
	config, err := Credentials{Dir: kubetest.Dir(w)}.config("eu", "")
	if err != nil {
		w.Fatal(err)
	}
	config = rest.CopyConfig(config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "developer", Groups: []string{"system:masters"}}
	out, err := kubernetes.NewForConfig(config)
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// environment is a pod that says that it is one of an organization.
func (w *world) environment(id, organization string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "ws-" + id, Namespace: w.space, Labels: map[string]string{
			"workspace": "yes", "id": id, "owner": "ada", "organization": organization,
		}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example/app:1"}}},
	}
}

// create creates an environment as a developer does.
func (w *world) create(id, organization string) error {
	_, err := w.developer().CoreV1().Pods(w.space).Create(w.Context(), w.environment(id, organization), metav1.CreateOptions{})
	return err
}

// refuses waits until a cluster that has heard of a change refuses, with these words.
func (w *world) refuses(id, organization, words string) {
	w.Helper()
	w.until("a refusal", func() bool {
		err := w.create(id, organization)
		if err == nil {
			w.remove(id)
			return false
		}
		if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), words) {
			w.Fatalf("refused with %v, want %q", err, words)
		}
		return true
	})
}

func (w *world) remove(id string) {
	w.Helper()
	now := int64(0)
	err := w.developer().CoreV1().Pods(w.space).Delete(w.Context(), "ws-"+id, metav1.DeleteOptions{GracePeriodSeconds: &now})
	if err != nil && !apierrors.IsNotFound(err) {
		w.Fatal(err)
	}
}

func TestWhoMayComeIn(t *testing.T) {
	w := guarded(t)
	if holds := w.settle(); len(holds) > 0 {
		t.Fatalf("held: %+v", holds)
	}
	w.until("red to come in", func() bool { return w.create("1", "red") == nil })
	w.refuses("2", "blue", "organization blue is not on its allowlist")

	w.declare(func(p *reconcile.ProviderWant) { p.Organizations = []string{"blue"} })
	holds := w.settle()
	if len(holds) != 1 || holds[0].Reason != reconcile.Occupied || !strings.Contains(holds[0].Message, "1 environment: ada/ws-1 (red)") {
		t.Fatalf("holds %+v", holds)
	}
	if err := w.create("3", "red"); err != nil {
		t.Errorf("red is still on the allowlist: %v", err)
	}
	w.until("blue to come in", func() bool { return w.create("2", "blue") == nil })
	w.remove("1")
	w.remove("3")
	w.until("red to be gone", func() bool { return len(w.settle()) == 0 })
	w.refuses("4", "red", "organization red is not on its allowlist")

	w.declare(func(p *reconcile.ProviderWant) { p.Admission.Cordoned = "moving" })
	w.settle()
	w.refuses("5", "blue", "cordoned (moving)")
	w.until("an environment that exists to be known", func() bool {
		w.remove("2")
		return w.create("2", "blue") == nil
	})
}

func TestAGuardThatWasEditedIsRepaired(t *testing.T) {
	w := guarded(t)
	w.settle()
	name := "reconcile." + w.space + ".web"
	all := metav1.ListOptions{LabelSelector: markOwner + "=" + w.space}
	for _, edit := range []func() error{
		func() error {
			return w.kube.AdmissionregistrationV1().ValidatingAdmissionPolicies().Delete(t.Context(), name, metav1.DeleteOptions{})
		},
		func() error {
			return w.kube.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().DeleteCollection(t.Context(), metav1.DeleteOptions{}, all)
		},
		func() error {
			list, err := w.kube.CoreV1().ConfigMaps("default").List(t.Context(), all)
			if err != nil || len(list.Items) == 0 {
				return errors.Join(err, errors.New("no parameters"))
			}
			cm := list.Items[0]
			cm.Data["org.blue"] = "open"
			_, err = w.kube.CoreV1().ConfigMaps("default").Update(t.Context(), &cm, metav1.UpdateOptions{})
			return err
		},
	} {
		if err := edit(); err != nil {
			t.Fatal(err)
		}
		w.until("the edit to be seen", func() bool {
			return len(w.cluster.Live().Admissions["web"].Drift) > 0 || w.cluster.Live().Admissions["web"].Organizations["blue"]
		})
		w.settle()
		w.refuses("1", "blue", "organization blue")
	}
}

func TestAProviderGoesWhenEverybodyHasLeft(t *testing.T) {
	w := guarded(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	it.Seal()
	w.settle()
	if err := w.create("1", "red"); err != nil {
		t.Fatal(err)
	}
	id := it.ID
	w.want.Items, w.want.Providers = nil, nil
	holds := w.settle()
	if len(holds) == 0 || holds[0].Reason != reconcile.Occupied {
		t.Fatalf("holds %+v", holds)
	}
	w.remove("1")
	w.until("nothing to be left", func() bool {
		w.settle()
		live := w.cluster.Live()
		_, there := live.Releases[id]
		return len(live.Admissions) == 0 && !there
	})
	w.until("a cluster that has heard of it to let anybody in", func() bool { return w.create("2", "blue") == nil })
}

func TestAFreezeStopsWrites(t *testing.T) {
	w := guarded(t)
	f := reconcile.Freeze{Provider: "web", Reason: "incident", By: "ada", Until: time.Now().Add(time.Minute)}
	brake, err := w.fleet.Credentials.Brake("eu", w.fleet.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	if err := brake.Freeze(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := brake.Thaw(context.Background(), f); err != nil {
			t.Error(err)
		}
	}()
	w.until("the freeze to be seen", func() bool { return len(w.cluster.Live().Freezes) > 0 })
	for _, h := range w.settle() {
		if h.Reason != reconcile.Frozen {
			t.Errorf("%+v", h)
		}
	}
	if live := w.cluster.Live(); len(live.Admissions) > 0 {
		t.Errorf("it was written: %+v", live.Admissions)
	}
	if err := brake.Thaw(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	w.until("it goes on", func() bool { w.settle(); return len(w.cluster.Live().Admissions) == 1 })
}
