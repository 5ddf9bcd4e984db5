package kube

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// edited edits a ConfigMap by hand.
func (w *world) edited(name, patch string) {
	w.Helper()
	_, err := w.kube.CoreV1().ConfigMaps(w.space).Patch(w.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "ada"})
	if err != nil {
		w.Fatal(err)
	}
}

// An edit whose event was lost is found when everything is looked at anew.
func TestAnEditThatNoEventToldIsFoundLater(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	w.do(it.ID, reconcile.OpCreate)
	w.inSync(it.ID)
	w.until("readiness to be written down", func() bool { return !w.plan(it.ID).Have.ReadySince.IsZero() })
	s, err := w.cluster.current()
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	store := s.kinds[schema.GroupKind{Kind: "ConfigMap"}].GetStore()
	s.mu.Unlock()
	ref := objectRef{kind: "ConfigMap", namespace: w.space, name: "web"}
	before, _ := s.object(ref)
	w.edited("web", `{"data":{"size":"77"}}`)
	w.until("the event", func() bool { now, _ := s.object(ref); return now.mark != before.mark })
	if err := store.Update(before); err != nil { // as if it had not come
		t.Fatal(err)
	}
	w.inSync(it.ID)
	w.stop()
	w.check = 3 * time.Second // from here on
	w.start(kubetest.Dir(t))
	w.until("the edit to be found", func() bool { return w.plan(it.ID).Op == reconcile.OpRepair })
	first, err := w.cluster.current()
	if err != nil {
		t.Fatal(err)
	}
	w.do(it.ID, reconcile.OpRepair)
	w.inSync(it.ID)
	w.until("everything to be looked at anew", func() bool { s, err := w.cluster.current(); return err == nil && s != first })
	w.inSync(it.ID)
}

// intruder edits an object between the reading and the patch of an upgrade.
type intruder struct {
	rest.Interface
	edit func()
}

// Patch lets the edit be made first, once.
func (i *intruder) Patch(kind types.PatchType) *rest.Request {
	if edit := i.edit; edit != nil {
		i.edit = nil
		edit()
	}
	return i.Interface.Patch(kind)
}

// nothingKnown is a watch that has seen nothing.
type nothingKnown struct{}

func (nothingKnown) frozen() error                              { return nil }
func (nothingKnown) undisturbed(objectRef) (string, bool)       { return "", false }
func (nothingKnown) ownedBy(objectRef) (namespace, name string) { return "", "" }

// An edit in the middle of an upgrade is not taken for a part of it: the object is merged anew.
func TestAnEditInTheMiddleOfAnUpgradeIsSeen(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	w.do(it.ID, reconcile.OpCreate)
	w.inSync(it.ID)
	s, err := w.cluster.current()
	if err != nil {
		t.Fatal(err)
	}
	rel, err := s.newest(context.Background(), releaseKey{w.space, "web"})
	if err != nil {
		t.Fatal(err)
	}
	was, err := s.build(rel)
	if err != nil {
		t.Fatal(err)
	}
	rel.Manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {size: \"2\", fixed: \"yes\"}\n"
	next, err := s.build(rel)
	if err != nil {
		t.Fatal(err)
	}
	kind := next[0].Mapping.GroupVersionKind
	patches, err := s.restFor(kind, true)
	if err != nil {
		t.Fatal(err)
	}
	meddler := &intruder{patches, func() { w.edited("web", `{"data":{"fixed":"no","theirs":"1"}}`) }}
	s.conn.mu.Lock()
	s.rest[answersOf{kind.GroupVersion(), true}] = meddler
	s.conn.mu.Unlock()
	c := &client{conn: s.conn, namespace: w.space, release: "web", watched: nothingKnown{}}
	if created, err := c.updateOne(was[0], next[0]); created || err != nil {
		t.Fatal(created, err)
	}
	if meddler.edit != nil {
		t.Fatal("nobody edited it")
	}
	if got := w.data("web"); got["size"] != "2" || got["fixed"] != "yes" || got["theirs"] != "1" {
		t.Errorf("it holds %v", got)
	}
}
