package kube

import (
	stdcmp "cmp"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
		name, declared, want, have string // want is declared where it is left out
		pointers                   []string
	}{
		{"the same", `{"a":1,"b":[1,2]}`, ``, `{"a":1,"b":[1,2]}`, nil},
		{"a field differs", `{"spec":{"replicas":2}}`, ``, `{"spec":{"replicas":7}}`, []string{"/spec/replicas"}},
		{"a field is gone", `{"spec":{"a":1}}`, ``, `{"spec":{}}`, []string{"/spec/a"}},
		{"a field that nobody declared", `{"spec":{}}`, ``, `{"spec":{"x":1}}`, nil},
		{"a field that a webhook writes anew", `{"m":{"a":"1"}}`, `{"m":{"a":"1","at":"noon"}}`, `{"m":{"a":"1","at":"nine"}}`, nil},
		{"a field that a webhook writes otherwise", `{"m":{"a":"1"}}`, `{"m":{"a":"2"}}`, `{"m":{"a":"2"}}`, nil},
		{"a field that the server knows not", `{"m":{"a":"1","b":"1"}}`, `{"m":{"a":"1"}}`, `{"m":{"a":"2"}}`, []string{"/m/a"}},
		{"in a list", `{"l":[{"n":1},{"n":2}]}`, ``, `{"l":[{"n":1},{"n":3}]}`, []string{"/l/1/n"}},
		{"a list of another length", `{"l":[1,2]}`, ``, `{"l":[1]}`, []string{"/l"}},
		{"in an item with a name", `{"l":[{"name":"a","v":1}]}`, `{"l":[{"name":"x","v":7},{"name":"a","v":1}]}`,
			`{"l":[{"name":"x","v":8},{"name":"a","v":2}]}`, []string{"/l/1/v"}},
		{"in an item without name beside others", `{"l":[{"p":1}]}`, `{"l":[{"p":2},{"p":1}]}`, `{"l":[{"p":2},{"p":3}]}`, []string{"/l/1/p"}},
		{"another type", `{"a":{"b":1}}`, ``, `{"a":"b"}`, []string{"/a"}},
		{"a key with a slash", `{"m":{"a/b~c":"1"}}`, ``, `{"m":{"a/b~c":"2"}}`, []string{"/m/a~1b~0c"}},
		{"status", `{"status":{"a":1}}`, ``, `{"status":{"a":2}}`, nil},
		{"a time that somebody declared", `{"metadata":{"creationTimestamp":null}}`, ``, `{"metadata":{"creationTimestamp":"noon"}}`, nil},
		{"in the order of keys", `{"b":1,"a":1}`, ``, `{"b":2,"a":2}`, []string{"/a", "/b"}},
		{"the text of a Secret", `{"kind":"Secret","stringData":{"a":"x"},"data":{"b":"eA=="}}`, `{"kind":"Secret","data":{"a":"eA==","b":"eA=="}}`,
			`{"kind":"Secret","data":{"a":"eQ==","c":"eg=="}}`, []string{"/data/a", "/data/b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, d := range differences("", declaredOf(object1(t, tt.declared)), object1(t, stdcmp.Or(tt.want, tt.declared)).Object, object1(t, tt.have).Object) {
				got = append(got, d.pointer)
			}
			if diff := cmp.Diff(tt.pointers, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheManagerOfAField(t *testing.T) {
	live := object1(t, `{"spec":{"replicas":5,"args":["a","b"],"set":["x"],"ports":[{"port":80,"protocol":"TCP","name":"web"}]},"data":{"a/b":"1"}}`)
	at := func(minute int) *metav1.Time {
		return &metav1.Time{Time: time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC)}
	}
	live.SetManagedFields([]metav1.ManagedFieldsEntry{
		{Manager: fieldManager, Time: at(5), FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:a/b":{}}}`)},
		{Manager: "one", Time: at(1), FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{},"f:args":{},"f:set":{"v:\"x\"":{}}}}`)},
		{Manager: "two", Time: at(2), FieldsV1: metav1.NewFieldsV1(
			`{"f:spec":{"f:replicas":{},"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:name":{}}}}}`)},
		{Manager: "last", Time: at(9), Subresource: "status", FieldsV1: metav1.NewFieldsV1(`{"f:status":{}}`)},
	})
	for pointer, want := range map[string]string{
		"/spec/replicas": "two", "/spec/args/1": "one", "/spec/args": "one", "/spec/set/0": "one", "/spec/ports/0/name": "two",
		"/spec/ports/0/targetPort": "", "/data/a~1b": "", "/spec": "two",
	} {
		if got := writerOf(live, difference{pointer: pointer, there: true}); got != want {
			t.Errorf("%s was written by %q, want %q", pointer, got, want)
		}
	}
	if got := writerOf(live, difference{pointer: "/spec/gone"}); got != "" {
		t.Errorf("after us nobody wrote, and %q is named", got)
	}
}

func TestPatchHoldsWhatWasCompared(t *testing.T) {
	live := object1(t, `{"a":1,"l":[{"name":"x"},{"name":"a","e":[{"p":1,"q":2}]}]}`)
	for _, tt := range []struct {
		name  string
		diffs []difference
		want  string
	}{
		{"a field", []difference{{pointer: "/a", want: 2, have: 1, there: true}},
			`[{"op":"test","path":"/a","value":1},{"op":"replace","path":"/a","value":2}]`},
		{"a field that is gone", []difference{{pointer: "/b", want: "x"}}, `[{"op":"add","path":"/b","value":"x"}]`},
		{"in an item that others may stand before", []difference{{pointer: "/l/1/v", want: 7}},
			`[{"op":"test","path":"/l/1/name","value":"a"},{"op":"add","path":"/l/1/v","value":7}]`},
		{"two in an item without a name", []difference{{pointer: "/l/1/e/0/q", want: 3, have: 2, there: true}, {pointer: "/l/1/e/0/r", want: 4}},
			`[{"op":"test","path":"/l/1/name","value":"a"},{"op":"test","path":"/l/1/e/0","value":{"p":1,"q":2}},` +
				`{"op":"test","path":"/l/1/e/0/q","value":2},{"op":"test","path":"/l/1/name","value":"a"},` +
				`{"op":"test","path":"/l/1/e/0","value":{"p":1,"q":2}},{"op":"replace","path":"/l/1/e/0/q","value":3},` +
				`{"op":"add","path":"/l/1/e/0/r","value":4}]`},
	} {
		got, err := json.Marshal(patchOf(tt.diffs, live.Object))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(object1(t, `{"x":`+tt.want+`}`).Object, object1(t, `{"x":`+string(got)+`}`).Object); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
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
