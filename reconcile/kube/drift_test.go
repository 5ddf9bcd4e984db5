package kube

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

func object1(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	obj := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(text), &obj.Object); err != nil {
		t.Fatal(err)
	}
	return obj
}

func TestDifferences(t *testing.T) {
	for _, tt := range []struct {
		name, want, have string
		pointers         []string
	}{
		{"the same", `{"a":1,"b":[1,2]}`, `{"a":1,"b":[1,2]}`, nil},
		{"a field differs", `{"spec":{"replicas":2}}`, `{"spec":{"replicas":7}}`, []string{"/spec/replicas"}},
		{"a field is gone", `{"spec":{"a":1}}`, `{"spec":{}}`, []string{"/spec/a"}},
		{"a field that nobody declared", `{"spec":{}}`, `{"spec":{"x":1}}`, nil},
		{"in a list", `{"l":[{"n":1},{"n":2}]}`, `{"l":[{"n":1},{"n":3}]}`, []string{"/l/1/n"}},
		{"a list of another length", `{"l":[1,2]}`, `{"l":[1]}`, []string{"/l"}},
		{"another type", `{"a":{"b":1}}`, `{"a":"b"}`, []string{"/a"}},
		{"a key with a slash", `{"m":{"a/b~c":"1"}}`, `{"m":{"a/b~c":"2"}}`, []string{"/m/a~1b~0c"}},
		{"status", `{"status":{"a":1}}`, `{"status":{"a":2}}`, nil},
		{"ignored", `{"spec":{"ignored":1}}`, `{"spec":{"ignored":2}}`, nil},
		{"ignored and gone", `{"spec":{"ignored":1}}`, `{"spec":{}}`, nil},
		{"in the order of keys", `{"b":1,"a":1}`, `{"b":2,"a":2}`, []string{"/a", "/b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			skip := map[string]bool{"/status": true, "/spec/ignored": true}
			var got []string
			for _, d := range differences("", object1(t, tt.want).Object, object1(t, tt.have).Object, skip) {
				got = append(got, d.pointer)
			}
			if diff := cmp.Diff(tt.pointers, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

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

func TestPatchHoldsWhatWasCompared(t *testing.T) {
	got := patchOf([]difference{
		{pointer: "/a", want: 1, have: 2, there: true}, {pointer: "/b", want: 3},
	})
	want := []map[string]any{
		{"op": "test", "path": "/a", "value": 2}, {"op": "replace", "path": "/a", "value": 1},
		{"op": "add", "path": "/b", "value": 3},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheSameTextIsTheSameObject(t *testing.T) {
	const was, next = "kind: A\nmetadata: {name: a}\n", "kind: A\nmetadata: {name: b}\n"
	c := &client{read: map[string]map[string]any{}}
	for text, want := range map[string]string{was: "a", next: "b", "# nothing\n": ""} {
		one, err := c.parse(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := c.parse(text)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := unstructured.NestedString(one, "metadata", "name")
		if diff := cmp.Diff(one, again); diff != "" || name != want {
			t.Errorf("%q is read as %v, and again %s", text, one, diff)
		}
	}
	if _, err := c.parse("a: [\n"); err == nil {
		t.Error("what is no YAML is read")
	}
}
