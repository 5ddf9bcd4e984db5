package kube

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// What is not well is told with what the cluster says of it and of its pods, without words that may quote a Secret.
func TestObjectsOfARelease(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap, "d.yaml": deployment}), map[string]any{"size": int64(1)})
	objects := func() []Object { w.plan(it.ID); return w.cluster.Inspect(t.Context(), it.ID) }
	health := func(kind string, of reconcile.Health) func(Object) bool {
		return func(o Object) bool {
			return o.Kind == kind && o.Name == "web" && o.Namespace == w.space && o.Health == of
		}
	}
	if got := objects(); got != nil {
		t.Errorf("before it is there: %+v", got)
	}
	w.do(it.ID, reconcile.OpCreate)
	w.until("both to be well", func() bool {
		all := objects()
		return len(all) == 2 && slices.ContainsFunc(all, health("ConfigMap", reconcile.Healthy)) && slices.ContainsFunc(all, health("Deployment", reconcile.Healthy))
	})
	if all := objects(); len(all[0].Events)+len(all[1].Events) > 0 {
		t.Errorf("of what is well: %+v", all)
	}

	it.Release.Values = map[string]any{"size": int64(1), "image": "localhost/never/there:1"}
	w.do(it.ID, reconcile.OpUpdate)
	says := func(about, reason string, quoted bool) func() bool {
		return func() bool {
			return slices.ContainsFunc(objects(), func(o Object) bool {
				return o.Kind == "Deployment" && o.Health != reconcile.Healthy && slices.ContainsFunc(o.Events, func(e Event) bool {
					return e.About == about && e.Reason == reason && (e.Message != "") == quoted && !e.At.IsZero() && e.Count > 0
				})
			})
		}
	}
	w.until("the deployment's events", says("Deployment/web", "ScalingReplicaSet", true))
	it.Release.References = []reconcile.Reference{{Kind: "Secret", Name: "none"}}
	w.fleet.Use(w.want)
	w.until("the same without its words", says("Deployment/web", "ScalingReplicaSet", false))
}

func TestEventsAreAskedForOnceForAll(t *testing.T) {
	var cache eventCache
	key, asked := releaseKey{"ns", "web"}, 0
	ask := func() map[objectRef][]Event {
		asked++
		cache.about(key, func() map[objectRef][]Event { t.Error("asked twice at a time"); return nil })
		return map[objectRef][]Event{{name: "web"}: {{Reason: "Failed"}}}
	}
	for range 3 {
		if got := cache.about(key, ask); len(got) != 1 || asked != 1 {
			t.Errorf("%d times: %+v", asked, got)
		}
	}
}

func TestWhenAnEventWas(t *testing.T) {
	at := noon()
	for name, e := range map[string]corev1.Event{
		"old":    {LastTimestamp: metav1.NewTime(at), Count: 3},
		"new":    {EventTime: metav1.NewMicroTime(at)},
		"series": {EventTime: metav1.NewMicroTime(at.Add(-time.Hour)), Series: &corev1.EventSeries{Count: 3, LastObservedTime: metav1.NewMicroTime(at)}},
		"none":   {ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(at)}},
	} {
		if got := eventOf(&e); !got.At.Equal(at) || got.Count < 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
