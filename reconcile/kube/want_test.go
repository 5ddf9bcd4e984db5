package kube

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/workspace-providers/reconcile/reconcile"
)

// What a look at the declarations finds as it was costs nothing, and what it finds otherwise what it is about.
func TestOnlyWhatIsWantedOtherwiseIsLookedAtAnew(t *testing.T) {
	item := func(name, version string) reconcile.Item {
		return reconcile.Item{
			ID: reconcile.ID{Cluster: "eu", Kind: reconcile.KindRelease, Namespace: "ns", Name: name}, AccessURL: "https://coder.example.com",
			Release: reconcile.Release{Chart: reconcile.Chart{Version: version}},
		}
	}
	url := reconcile.AccessURL{URL: "https://coder.example.com"}
	c := &Cluster{}
	c.want(wanted{items: []reconcile.Item{item("a", "1"), item("b", "1"), item("c", "1")}, accessURL: url})
	for _, test := range []struct {
		what  string
		items []reconcile.Item
		dirty string
	}{
		{what: "nothing", items: []reconcile.Item{item("a", "1"), item("b", "1"), item("c", "1")}},
		{what: "one", items: []reconcile.Item{item("a", "1"), item("b", "2"), item("c", "1")}, dirty: "b"},
		{what: "one less", items: []reconcile.Item{item("b", "2"), item("c", "1")}, dirty: "a"},
		{what: "one more", items: []reconcile.Item{item("a", "1"), item("b", "2"), item("c", "1")}, dirty: "a"},
	} {
		c.dirty, c.allDirty = nil, false
		c.want(wanted{items: test.items, accessURL: url})
		var dirty string
		for key := range c.dirty {
			dirty += key.name
		}
		if dirty != test.dirty || c.allDirty {
			t.Errorf("%s: %q is looked at, all: %v; want %q", test.what, dirty, c.allDirty, test.dirty)
		}
	}
	url.Previous = "https://old.example.com"
	c.want(wanted{items: []reconcile.Item{item("a", "1"), item("b", "2"), item("c", "1")}, accessURL: url})
	if !c.allDirty {
		t.Error("another access URL, by which all releases are told: not all are looked at")
	}
}

// Providers that share a namespace share what is counted there: else the time it takes would grow with the number
// of providers times that of environments.
func TestANamespaceIsCountedOnceForAll(t *testing.T) {
	inf := cache.NewSharedIndexInformer(&cache.ListWatch{}, &metav1.PartialObjectMetadata{}, 0,
		cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	pod := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: "ns", Name: "one", UID: "1", Labels: map[string]string{"id": "7"},
	}}
	if err := inf.GetIndexer().Add(pod); err != nil {
		t.Fatal(err)
	}
	s := &session{environments: map[watchKey]cache.SharedIndexInformer{{"Pod", "id"}: inf}}
	look := s.lookout(reconcile.Recognition{Selectors: []string{"id"}, IDLabel: "id"})
	first, err := look([]string{"ns"})
	if err != nil || len(first) != 1 || first[0].ID != "7" {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := look([]string{"ns"})
	if err != nil || &first[0] != &second[0] {
		t.Errorf("it was counted again: %v", err)
	}
	if other, err := look([]string{"elsewhere"}); err != nil || len(other) != 0 {
		t.Errorf("elsewhere: %+v, %v", other, err)
	}
}
