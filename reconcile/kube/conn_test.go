package kube

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/workspace-providers/reconcile/reconcile"
)

// A terse client is answered with metadata where Kubernetes serves the kind itself, and with the object where somebody
// else does.
func TestTerseAnswers(t *testing.T) {
	w := newWorld(t)
	s, err := w.cluster.current()
	if err != nil {
		t.Fatal(err)
	}
	ask := func(kind schema.GroupVersionKind, name string, terse bool) any {
		t.Helper()
		mapping, err := s.mapping(kind.GroupKind(), kind.Version, 0)
		if err != nil {
			t.Fatal(err)
		}
		rest, err := s.restFor(kind, terse)
		if err != nil {
			t.Fatal(err)
		}
		got, err := resource.NewHelper(rest, mapping).Get(w.space, name)
		if err != nil {
			t.Fatal(err)
		}
		if got.(metav1.Object).GetName() != name {
			t.Errorf("asked for %s %s, it was told of %v", kind.Kind, name, got)
		}
		return got
	}
	native := schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	service := schema.GroupVersionKind{Group: "apiregistration.k8s.io", Version: "v1", Kind: "APIService"}
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	w.do(it.ID, reconcile.OpCreate)
	if got, is := ask(native, "web", true).(*metav1.PartialObjectMetadata); !is || got.UID == "" {
		t.Errorf("a ConfigMap is answered as %T %v", got, got)
	}
	if got, is := ask(native, "web", false).(*unstructured.Unstructured); !is || got.Object["data"] == nil {
		t.Errorf("a whole ConfigMap is answered as %T %v", got, got)
	}
	if got, is := ask(service, "v1.apps", true).(*unstructured.Unstructured); !is || got.Object["spec"] == nil {
		t.Errorf("an APIService is answered as %T %v", got, got)
	}
}
