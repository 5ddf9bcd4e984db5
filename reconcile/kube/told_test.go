package kube

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// inhabit gives everything that a value holds something that it is not when it is empty.
func inhabit(v reflect.Value, n *int) {
	*n++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(int64(*n), 0).UTC()))
		return
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			inhabit(v.Field(i), n)
		}
		return
	case v.Kind() == reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		inhabit(key, n)
		inhabit(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		inhabit(v.Index(0), n)
		inhabit(v.Index(1), n)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		inhabit(v.Elem(), n)
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) / 2)
	default:
		panic("nobody tells of a " + v.Type().String())
	}
}

// Whatever is known of a cluster is known to whoever is told of it: nothing is lost on the way, also of what is not known.
func TestWhatIsToldIsWhatWasSeen(t *testing.T) {
	var full reconcile.ClusterLive
	n := 0
	inhabit(reflect.ValueOf(&full).Elem(), &n)
	if n < 100 {
		t.Fatalf("%d things were filled in", n)
	}
	for name, live := range map[string]reconcile.ClusterLive{
		"everything": full, "nothing": {},
		"nothing there": {Releases: map[reconcile.ID]reconcile.Observed{}, Trials: map[reconcile.ID]reconcile.Trial{}, Refs: map[reconcile.RefID]reconcile.RefState{}},
	} {
		data, err := zipped(tell("a", live))
		if err != nil {
			t.Fatal(err)
		}
		var got telling
		if err := unzipped(data, &got); err != nil {
			t.Fatal(err)
		}
		if heard := got.heard(); got.By != "a" || !reflect.DeepEqual(heard, live) {
			t.Errorf("%s: %s told\n%+v\nand heard is\n%+v", name, got.By, live, heard)
		}
	}
}

// What does not fit is an error, and what is no telling does not count.
func TestTellingsThatAreNone(t *testing.T) {
	noise := make([]byte, 2<<20)
	for i := range noise {
		noise[i] = byte('a' + rand.N(26))
	}
	if _, err := zipped(string(noise)); !errors.Is(err, errMuch) {
		t.Errorf("2 MiB of noise: %v", err)
	}
	bomb, err := zipped([]string{strings.Repeat("0", 2*maxUnpacked)})
	if err != nil {
		t.Fatal(err)
	}
	h := newTestHub()
	for name, data := range map[string][]byte{"empty": nil, "noise": noise[:100], "bomb": bomb} {
		if err := h.take(tellsState, "eu", data); err == nil {
			t.Errorf("%s was taken for a telling", name)
		}
	}
	if _, there := h.told("eu"); there {
		t.Error("something was told all the same")
	}
}

// told is the ConfigMap by which a replica tells of a cluster.
func toldBy(t *testing.T, name, cluster string, live reconcile.ClusterLive) *corev1.ConfigMap {
	t.Helper()
	data, err := zipped(tell(name, live))
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: tellingName("acme", tellsState, cluster)},
		BinaryData: map[string][]byte{tellsState: data},
	}
}

// Whoever tells of a cluster is believed while he lives. Nobody believes himself.
func TestWhoIsBelieved(t *testing.T) {
	h := newTestHub()
	h.saw(replica("b", "b1", "1", ""))
	if _, err := h.hear(toldBy(t, "b", "eu", reconcile.ClusterLive{Reachable: true, Held: true, Looked: true, Holder: "b1"})); err != nil {
		t.Fatal(err)
	}
	live, there := h.told("eu")
	if !there || !live.Reachable || live.Held || live.Via != "b" || live.Holder != "b1" {
		t.Errorf("what b tells is heard as %+v", live)
	}
	h.lost(replica("b", "b1", "1", ""))
	live, there = h.told("eu")
	if want := "replica b, which told of cluster eu, is not heard of any more"; !there || live.Reachable || live.Err != want {
		t.Errorf("what b told, who took its leave, is heard as %+v", live)
	}
	if _, err := h.hear(toldBy(t, "a", "eu", reconcile.ClusterLive{Reachable: true})); err != nil {
		t.Fatal(err)
	}
	if live, there := h.told("eu"); there {
		t.Errorf("we believe what we told: %+v", live)
	}
}

// Of a cluster is told while somebody misses it, by who acts on it or did, and once for each change.
func TestWhoTells(t *testing.T) {
	acting := reconcile.ClusterLive{Reachable: true, Held: true}
	for _, tt := range []struct {
		name   string
		misses string // of the other replica
		lives  []reconcile.ClusterLive
		other  string // who told meanwhile
		want   int    // how much is to be written
	}{
		{"nobody misses it", "", []reconcile.ClusterLive{acting}, "", 0},
		{"another one is missed", "us", []reconcile.ClusterLive{acting}, "", 0},
		{"missed", "us,eu", []reconcile.ClusterLive{acting}, "", 1},
		{"the same again", "eu", []reconcile.ClusterLive{acting, acting}, "", 1},
		{"it changed", "eu", []reconcile.ClusterLive{acting, {Reachable: true, Held: true, Looked: true}}, "", 2},
		{"we do not act on it", "eu", []reconcile.ClusterLive{{Reachable: true}}, "", 0},
		{"we did", "eu", []reconcile.ClusterLive{acting, {Err: "gone"}}, "a", 2},
		{"we did, and somebody else does now", "eu", []reconcile.ClusterLive{acting, {Err: "gone"}}, "b", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, got := newTestHub(), 0
			h.saw(replica("b", "b1", "1", tt.misses))
			for i, live := range tt.lives {
				if i > 0 && tt.other != "" {
					if err := h.take(tellsState, "eu", toldBy(t, tt.other, "eu", acting).BinaryData[tellsState]); err != nil {
						t.Fatal(err)
					}
				}
				h.tell("eu", live)
				for _, d := range h.unwritten() {
					got += len(d.unsent)
				}
			}
			if got != tt.want {
				t.Errorf("%d times, want %d", got, tt.want)
			}
		})
	}
}

// What actions would do is told too, with what is too long cut and the oldest left out.
func TestWhatIsForetold(t *testing.T) {
	a, b := newTestHub(), newTestHub()
	a.replica = "b"
	a.saw(replica("c", "c1", "1", "eu"))
	action := func(i int) reconcile.Action {
		return reconcile.Action{ID: reconcile.ID{Cluster: "eu", Kind: reconcile.KindRelease, Name: fmt.Sprint(i)}, Op: reconcile.OpUpdate, Digest: "d"}
	}
	a.tell("eu", reconcile.ClusterLive{Reachable: true, Held: true})
	long := strings.Repeat("ä", maxDiffTold)
	var actions []reconcile.Action
	found := map[reconcile.ID]reconcile.Preview{}
	for i := range maxForetold + 10 {
		actions = append(actions, action(i))
		found[action(i).ID] = reconcile.Preview{Diff: fmt.Sprint("diff ", i), Risks: []string{"risk"}}
	}
	last := action(maxForetold + 9).ID
	found[last] = reconcile.Preview{Diff: long, Err: errors.New("it cannot be")}
	a.foretell("eu", actions, found)
	for _, d := range a.unwritten() {
		data, err := foretell(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.take(tellsPreviews, "eu", data); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := b.foretold("eu", actions)
	if len(got) != maxForetold {
		t.Errorf("%d of %d are known, want the newest %d", len(got), len(actions), maxForetold)
	}
	pre := got[last]
	if pre.Err == nil || pre.Err.Error() != "it cannot be" || len(pre.Diff) > maxDiffTold+100 || !strings.HasPrefix(long, strings.Split(pre.Diff, "\n")[0]) {
		t.Errorf("the long one is %d bytes, and fails with %v", len(pre.Diff), pre.Err)
	}
	held := action(20)
	held.Op, held.Would = reconcile.OpHold, reconcile.OpUpdate
	if got, _ := b.foretold("eu", []reconcile.Action{held}); got[held.ID].Diff != "diff 20" || len(got[held.ID].Risks) != 1 {
		t.Errorf("of what is held it is known: %+v", got)
	}
	other := action(20)
	other.Digest = "e"
	if got, _ := b.foretold("eu", []reconcile.Action{other}); len(got) != 0 {
		t.Errorf("of what nobody told it is known: %+v", got)
	}
}
