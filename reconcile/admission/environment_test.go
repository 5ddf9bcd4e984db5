package admission

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
)

func TestEnvironmentsAreCountedByTheirIDs(t *testing.T) {
	r := sample("x").Recognition
	type labels = map[string]string
	id := func(id string, more ...string) labels {
		out := labels{}
		for key, value := range env(id, more...) {
			out[key] = value.(string)
		}
		return out
	}
	const owner, team = "com.coder.user.username=", "example.com/team="
	objects := []Object{
		{"Deployment", "x-shared", "web", id("a", org("design"), owner+"ann"), false},
		{"Pod", "x-shared", "web-1", id("a", org("design")), false},
		{"PersistentVolumeClaim", "x-shared", "web-home", labels{"app": "coder-pvc", idLabel: "a"}, false},
		{"PersistentVolumeClaim", "x-shared", "stopped", id("b", team+"blue", owner+"bob"), false},
		{"Deployment", "x-shared", "zero", id("c"), false},
		{"StatefulSet", "x-research", "quiet", labels{"app": "coder-workspace"}, false},
		{"Pod", "x-research", "quiet-0", labels{"app": "coder-workspace"}, false},
		{"Deployment", "x-shared", "ready", id("d", org("red"), owner+"prebuilds"), false},
		{"Pod", "x-shared", "going", id("e", org("red")), true},
		{"Deployment", "x-shared", "torn", id("f", org("red")), false},
		{"PersistentVolumeClaim", "x-shared", "torn", id("f", org("design")), false},
		{"StatefulSet", "x-shared", "claimed", id("g", owner+"cat"), false},
		{"PersistentVolumeClaim", "x-shared", "claimed", id("g", owner+"prebuilds"), false},
		{"Pod", "x-shared", "declared-name", labels{"com.coder.resource": "true"}, false},
		{"Deployment", "x-shared", "other", labels{"app": "web"}, false},
		{"Job", "x-shared", "job", id("h"), false},
	}
	want := []reconcile.Environment{
		{ID: "a", Organization: "design", Owner: "ann", Namespace: "x-shared", Name: "web", Running: true},
		{ID: "b", Organization: "blue", Owner: "bob", Namespace: "x-shared", Name: "stopped"},
		{ID: "c", Namespace: "x-shared", Name: "zero"},
		{ID: "d", Organization: "red", Owner: "prebuilds", Namespace: "x-shared", Name: "ready", Prebuilt: true},
		{ID: "e", Organization: "red", Namespace: "x-shared", Name: "going"},
		{ID: "f", Namespace: "x-shared", Name: "torn"},
		{ID: "g", Owner: "cat", Namespace: "x-shared", Name: "claimed"},
		{ID: "x-research/quiet", Organization: "research", Namespace: "x-research", Name: "quiet"},
		{ID: "x-research/quiet-0", Organization: "research", Namespace: "x-research", Name: "quiet-0", Running: true},
		{ID: "x-shared/declared-name", Organization: "design", Namespace: "x-shared", Name: "declared-name", Running: true},
	}
	for range 20 {
		rand.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
		got, err := Environments(r, objects)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("%v\n%s", err, diff)
		}
	}
	r.Selectors = []string{"app in"}
	if _, err := Environments(r, objects); err == nil {
		t.Error("a selector that cannot be read was")
	}
}

func TestStrictCountsEverything(t *testing.T) {
	pods := []Object{{Kind: "Pod", Namespace: "x", Name: "a"}, {Kind: "Pod", Namespace: "x", Name: "b"}}
	for strict, want := range map[bool]int{true: 2, false: 0} {
		got, err := Environments(reconcile.Recognition{Strict: strict, Selectors: []string{""}}, pods)
		if err != nil || len(got) != want {
			t.Errorf("strict %v: got %v, %v", strict, got, err)
		}
	}
}
