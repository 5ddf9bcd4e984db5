package kube

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

func TestWhichEnvironmentsAreLost(t *testing.T) {
	env := func(id string, running bool) reconcile.Environment {
		return reconcile.Environment{ID: id, Name: "ws-" + id, Owner: "ada", Organization: "red", Running: running}
	}
	before := []reconcile.Environment{
		env("1", true), env("2", true), env("stopped before", false), {ID: "pool", Running: true, Prebuilt: true},
		{ID: "other", Organization: "blue", Running: true},
	}
	for name, tt := range map[string]struct {
		now  []reconcile.Environment
		want []string
	}{
		"none":                      {[]reconcile.Environment{env("1", true), env("2", true)}, nil},
		"one that is stopped":       {[]reconcile.Environment{env("1", true), env("2", false)}, nil},
		"one that is gone":          {[]reconcile.Environment{env("2", true)}, []string{"ada/ws-1 (red)"}},
		"one in place of another":   {[]reconcile.Environment{env("2", true), env("3", true)}, []string{"ada/ws-1 (red)"}},
		"all of them":               {nil, []string{"ada/ws-1 (red)", "ada/ws-2 (red)"}},
		"one that changed its name": {[]reconcile.Environment{{ID: "1"}, {ID: "2"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			rec := record{Survived: true}
			rec.baseline(running(before, "red"))
			if got := rec.lost(tt.now); rec.Survived || !slices.Equal(got, tt.want) {
				t.Errorf("lost are %q, want %q", got, tt.want)
			}
		})
	}
}

func TestARecordBoundsItsEnvironments(t *testing.T) {
	var rec record
	var envs []ran
	for i := range maxRan + 7 {
		envs = append(envs, ran{ID: strconv.Itoa(i)})
	}
	if rec.baseline(envs); len(rec.Ran) != maxRan || rec.MoreRan != 7 {
		t.Errorf("%d and %d more", len(rec.Ran), rec.MoreRan)
	}
	if rec.baseline(envs[:3]); len(rec.Ran) != 3 || rec.MoreRan != 0 {
		t.Errorf("%d and %d more", len(rec.Ran), rec.MoreRan)
	}
}

// A record of before environments had names in it counted them.
func TestAnOldRecordIsRead(t *testing.T) {
	obj, err := parseRecord(&corev1.ConfigMap{Data: map[string]string{"record": `{"revision":3,"ran":5,"objects":[],"readySince":"2026-03-02T12:00:00Z"}`}})
	rec := obj.(*recordObject).record
	if err != nil || rec.Revision != 3 || len(rec.Ran) != 0 || rec.ReadySince == nil {
		t.Errorf("read as %+v: %v", rec, err)
	}
}

// saved is the record of release web, edited if change is given: again where the cluster has noted something meanwhile.
func (w *world) saved(change func(*record)) (rec record) {
	w.Helper()
	maps := w.kube.CoreV1().ConfigMaps(w.space)
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		rec = record{}
		cm, err := maps.Get(w.Context(), recordName("web"), metav1.GetOptions{})
		if err == nil {
			err = json.Unmarshal([]byte(cm.Data["record"]), &rec)
		}
		if err != nil || change == nil {
			return err
		}
		change(&rec)
		text, err := json.Marshal(rec)
		if err != nil {
			return err
		}
		cm.Data["record"] = string(text)
		_, err = maps.Update(w.Context(), cm, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return rec
}

func TestAnEnvironmentThatIsGoneIsLostUntilSomebodySaysThatItMay(t *testing.T) {
	w := guarded(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	it.Seal()
	id := it.ID
	w.settle()
	for _, env := range []string{"1", "2"} {
		if err := w.create(env, "red"); err != nil {
			t.Fatal(err)
		}
	}
	has := func() reconcile.Observed { return w.plan(id).Have }
	w.until("them to run", func() bool {
		envs := w.cluster.Live().Environments["web"]
		return len(envs) == 2 && envs[0].Running && envs[1].Running
	})
	w.want.Items[0].Release.Values = map[string]any{"size": int64(2)}
	w.do(id, reconcile.OpUpdate)
	w.until("it to leave them alone", func() bool { return has().Survived })
	if got := fmt.Sprint(w.saved(nil).Ran); got != "[{1 ada/ws-1 (red)} {2 ada/ws-2 (red)}]" {
		t.Errorf("recorded are %s", got)
	}

	w.stop()
	w.saved(func(rec *record) { rec.Survived = false }) // as if it had not become Ready before they went
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: w.environment("2", "red").ObjectMeta}
	claim.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	claim.Spec.Resources.Requests = corev1.ResourceList{"storage": resource.MustParse("1Gi")}
	if _, err := w.kube.CoreV1().PersistentVolumeClaims(w.space).Create(t.Context(), claim, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.remove("1")
	w.remove("2") // it is stopped: its volume is there
	w.start(kubetest.Dir(t))
	w.until("one to be lost", func() bool { return slices.Equal(has().Lost, []string{"ada/ws-1 (red)"}) })
	w.inSync(id)
	if obs := has(); obs.Survived {
		t.Errorf("it is told to leave all alone: %+v", obs)
	}
	if err := w.cluster.AskRetry(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.until("what is there now to count", func() bool {
		obs := has()
		return obs.Survived && len(obs.Lost) == 0 && !obs.RetryAsked
	})
	if rec := w.saved(nil); len(rec.Ran) != 0 || !rec.Survived || rec.Revision != 2 {
		t.Errorf("the record is %+v", rec)
	}
}

// A wish to try what failed again is not the wish to forget what is lost.
func TestAWishIsHeardByWhoeverItIsFor(t *testing.T) {
	it := reconcile.Item{ID: reconcile.ID{Namespace: "ns", Name: "web"}}
	it.Seal()
	key := releaseKey{"ns", "web"}
	for name, tt := range map[string]struct {
		obs  reconcile.Observed
		want bool
	}{
		"in place":                 {reconcile.Observed{Digest: it.Base, RetryAsked: true}, true},
		"nobody asked":             {reconcile.Observed{Digest: it.Base}, false},
		"another digest in force":  {reconcile.Observed{Digest: "another", RetryAsked: true}, false},
		"rolled back from this":    {reconcile.Observed{Digest: "another", Attempted: it.Base, RetryAsked: true}, false},
		"made by somebody by hand": {reconcile.Observed{RetryAsked: true}, false},
	} {
		c := &Cluster{items: map[releaseKey]reconcile.Item{key: it}, heads: headcount{complete: true}}
		if got := c.pardoned(key, tt.obs); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
