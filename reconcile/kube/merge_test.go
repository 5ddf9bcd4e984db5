package kube

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/workspace-providers/reconcile/reconcile"
)

func TestThreeWayKeepsWhatOthersAdded(t *testing.T) {
	was := object1(t, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"a","image":"a:1"}]}}}}`)
	next := object1(t, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"a","image":"a:2"}]}}}}`)
	live := object1(t, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","annotations":{"x":"y"}},"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"a","image":"a:1"},{"name":"sidecar","image":"s"}]}}}}`)
	patch, kind, err := threeWay(was, next, live)
	if err != nil {
		t.Fatal(err)
	}
	if kind != types.StrategicMergePatchType {
		t.Errorf("the patch is a %s", kind)
	}
	for _, foreign := range []string{"sidecar", `"x"`} {
		if strings.Contains(strings.ReplaceAll(string(patch), "$setElementOrder", ""), foreign+`","image`) {
			t.Errorf("the patch touches %s: %s", foreign, patch)
		}
	}
	if !strings.Contains(string(patch), `"a:2"`) {
		t.Errorf("the patch lacks the change: %s", patch)
	}
}

// Helm merges custom resources by old and new alone, which leaves an edit by hand in place.
func TestThreeWayUndoesEditsOfCustomResources(t *testing.T) {
	was := object1(t, `{"apiVersion":"x.io/v1","kind":"Widget","metadata":{"name":"w"},"spec":{"size":1,"gone":true}}`)
	next := object1(t, `{"apiVersion":"x.io/v1","kind":"Widget","metadata":{"name":"w"},"spec":{"size":1}}`)
	live := object1(t, `{"apiVersion":"x.io/v1","kind":"Widget","metadata":{"name":"w"},"spec":{"size":9,"gone":true,"theirs":1}}`)
	patch, kind, err := threeWay(was, next, live)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"spec":{"gone":null,"size":1}}`; kind != types.MergePatchType || string(patch) != want {
		t.Errorf("the patch is a %s: %s, want %s", kind, patch, want)
	}
}

// The example of these tests: its image and replicas are others' to change.
const (
	sparedWas  = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":1,"paused":true,"template":{"spec":{"containers":[{"name":"a","image":"a:1"}]}}}}`
	sparedNext = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":2,"template":{"spec":{"containers":[{"name":"a","image":"a:2","tty":true}]}}}}`
	sparedLive = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":5,"paused":true,"template":{"spec":{"containers":[{"name":"first","image":"f:1"},{"name":"a","image":"a:7"}]}}}}`
)

func TestAnUpgradeLeavesOthersFieldsAlone(t *testing.T) {
	was, next, live := object1(t, sparedWas), object1(t, sparedNext), object1(t, sparedLive)
	was, next = spare(was, next, live, []reconcile.FieldRef{
		{Kind: "Deployment", Pointer: "/spec/replicas"}, {Kind: "Deployment", Pointer: "/spec/paused"},
		{Kind: "Deployment", Pointer: "/spec/template/spec/containers/0/image"}, {Kind: "Deployment", Pointer: "/spec/nothing/there"},
		{Kind: "Service", Pointer: "/spec/template"},
	})
	patch, _, err := threeWay(was, next, live)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"a"}],"containers":[{"name":"a","tty":true}]}}}}`
	if string(patch) != want {
		t.Errorf("the patch is\n%s, want\n%s", patch, want)
	}
}

func TestWhatAnAutoscalerHasSetIsLeftAlone(t *testing.T) {
	const fields = `{"f:spec":{"f:replicas":{}}}`
	for _, tt := range []struct {
		name, manager, subresource string
		alone                      bool
	}{
		{"an autoscaler", "kube-controller-manager", "scale", true},
		{"a person", "kubectl", "scale", false},
		{"another controller", "kube-controller-manager", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			live := object1(t, sparedLive)
			live.SetManagedFields([]metav1.ManagedFieldsEntry{{
				Manager: tt.manager, Subresource: tt.subresource, FieldsV1: metav1.NewFieldsV1(fields),
			}})
			_, next := spare(object1(t, sparedWas), object1(t, sparedNext), live, nil)
			replicas, _, err := unstructured.NestedFieldNoCopy(next.Object, "spec", "replicas")
			if got := fmt.Sprint(replicas) == "5"; err != nil || got != tt.alone {
				t.Errorf("an upgrade makes it %v: %v", replicas, err)
			}
		})
	}
}
