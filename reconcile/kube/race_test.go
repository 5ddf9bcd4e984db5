package kube

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/workspace-providers/reconcile/reconcile"
)

// work makes environments of red and takes each away again, until it is told to stop; the last one may stay.
// Being refused is part of the game. With odd seeds they stay for longer, so that one is there when others
// look whether any is.
func (w *world) work(ctx context.Context, as kubernetes.Interface, seed uint64) error {
	pods, dice, now := as.CoreV1().Pods(w.space), rand.New(rand.NewPCG(seed, 0)), int64(0)
	stay := 150
	if seed%2 == 1 {
		stay = 5000
	}
	for n := 0; ctx.Err() == nil; n++ {
		pod := w.environment(fmt.Sprintf("%d-%d", seed, n), "red")
		_, err := pods.Create(w.Context(), pod, metav1.CreateOptions{})
		if err != nil && !apierrors.IsForbidden(err) {
			return err
		}
		pause(ctx, dice.IntN(stay))
		if ctx.Err() != nil && dice.IntN(2) == 0 {
			break
		}
		err = pods.Delete(w.Context(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		pause(ctx, dice.IntN(150))
	}
	return nil
}

func pause(ctx context.Context, milliseconds int) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(milliseconds) * time.Millisecond):
	}
}

// step does what may be done now.
func (w *world) step() {
	w.Helper()
	live := reconcile.Live{At: time.Now(), Clusters: map[string]reconcile.ClusterLive{"eu": w.cluster.Live()}}
	ready, _ := reconcile.Ready(reconcile.Decide(w.want, live), w.want, live)
	for _, a := range ready {
		if err := w.cluster.Do(w.Context(), a); err != nil && !(reconcile.Outcome{Err: err}).Stopped() {
			w.Fatalf("%s %s: %v", a.Op, a.ID, err)
		}
	}
}

// lockedOut are the environments of red, if red is not on the allowlist in force: the cluster is asked, not
// the watches.
func (w *world) lockedOut() (all []corev1.Pod) {
	w.Helper()
	opts := metav1.ListOptions{LabelSelector: markProvider + "=web," + markOwner + "=" + w.space}
	parameters, err := w.kube.CoreV1().ConfigMaps("default").List(w.Context(), opts)
	if err != nil || len(parameters.Items) == 0 {
		w.Fatalf("no parameters: %v", err)
	}
	if parameters.Items[0].Data["org.red"] == "open" || len(leaving(parameters.Items)) > 0 {
		return nil
	}
	pods, err := w.kube.CoreV1().Pods(w.space).List(w.Context(), metav1.ListOptions{LabelSelector: "organization=red"})
	if err != nil {
		w.Fatal(err)
	}
	return pods.Items
}

// TestNobodyIsLockedOutInARace: environments come and go while their organization is taken off the allowlist.
// At no time is it gone from there while one of them exists.
func TestNobodyIsLockedOutInARace(t *testing.T) {
	w := guarded(t)
	for seed := range uint64(4) {
		w.declare(func(p *reconcile.ProviderWant) { p.Organizations = []string{"red"} })
		w.settle()
		w.until("red to come in", func() bool { return w.create("first", "red") == nil })
		w.remove("first")
		ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
		worked := make(chan error, 1)
		go func() { worked <- w.work(ctx, w.developer(), seed) }()
		w.declare(func(p *reconcile.ProviderWant) { p.Organizations = nil })
		w.fleet.Use(w.want)
		for ctx.Err() == nil {
			w.step()
			if all := w.lockedOut(); len(all) > 0 {
				t.Fatalf("seed %d: red is not on the allowlist, and has %d environments, such as %s", seed, len(all), all[0].Name)
			}
		}
		stop()
		if err := <-worked; err != nil {
			t.Fatal(err)
		}
		w.settle()
		all := w.lockedOut()
		_, there := w.cluster.Live().Admissions["web"].Organizations["red"]
		t.Logf("seed %d: red is on the allowlist: %t", seed, there)
		if len(all) > 0 {
			t.Errorf("seed %d: red is not on the allowlist, and has %d environments", seed, len(all))
		}
		w.clear()
	}
}
