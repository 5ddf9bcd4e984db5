package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// look is what the cluster has, less what it keeps for itself.
func (w *storm) look() map[string]map[string]any {
	w.Helper()
	out := map[string]map[string]any{}
	for kind, resource := range stormKinds {
		list, err := w.api.Resource(resource).Namespace(w.name).List(w.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=Helm"})
		if apierrors.IsNotFound(err) { // the kind is not there yet
			continue
		}
		if err != nil {
			w.Fatal(err)
		}
		for _, item := range list.Items {
			out[kind+"/"+item.GetName()] = stripped(item)
		}
	}
	return out
}

// stripped is an object without what nobody declares or edits, with lists in the order of names.
func stripped(item unstructured.Unstructured) map[string]any {
	item.SetManagedFields(nil)
	for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp"} {
		unstructured.RemoveNestedField(item.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(item.Object, "metadata", "annotations", "deployment.kubernetes.io/revision")
	unstructured.RemoveNestedField(item.Object, "status")
	return sorted(item.Object).(map[string]any)
}

// sorted puts lists of named items in the order of names.
func sorted(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, in := range v {
			v[key] = sorted(in)
		}
	case []any:
		for i, in := range v {
			v[i] = sorted(in)
		}
		slices.SortStableFunc(v, func(a, b any) int { return strings.Compare(called(a), called(b)) })
	}
	return v
}

// called is the name of an item; empty where it has none.
func called(item any) string {
	m, _ := item.(map[string]any)
	name, _ := m["name"].(string)
	return name
}

func cloned(objects map[string]map[string]any) map[string]map[string]any {
	out := map[string]map[string]any{}
	for name, object := range objects {
		out[name] = runtime.DeepCopyJSON(object)
	}
	return out
}

// undoneLine is what the daemon logs of an edit that it put back.
var undoneLine = regexp.MustCompile(`time=(\S+) .*msg="edit undone" .* object=(\S+) field=(\S*) by=(\S*)`)

// judge wants all that the daemon said that it put back to have been edited, by whom it said.
func (w *storm) judge() {
	w.Helper()
	declared := 0
	for _, e := range w.edits {
		if e.field != "" || e.deletes() {
			declared++
		}
	}
	lines := undoneLine.FindAllStringSubmatch(w.log.String(), -1)
	stood := map[string][]time.Duration{}
	for _, line := range lines {
		object, field, by := line[2], index.ReplaceAllString(strings.Trim(line[3], `"`), "/#"), strings.Trim(line[4], `"`)
		until, err := time.Parse(time.RFC3339Nano, line[1])
		if err != nil {
			w.Fatal(err)
		}
		i := w.why(object, field, by, until)
		if i < 0 {
			w.Errorf("nobody edited what is said to be put back: %s\n%s", line[0], w.history(object))
			continue
		}
		stood[w.when[i]] = append(stood[w.when[i]], until.Sub(w.at[i]))
	}
	_, metrics := w.get("/metrics")
	if want := fmt.Sprintf(`drift_corrected_total{cluster="eu"} %d`+"\n", len(lines)); !strings.Contains(metrics, want) {
		w.Errorf("want %s, have %s", want, grep(metrics, "drift_corrected_total"))
	}
	w.Logf("%d edits: %d of what is declared, %d of others' own; %d put back", len(w.edits), declared, len(w.edits)-declared, len(lines))
	for when, all := range stood {
		slices.Sort(all)
		w.Logf("%s: %d put back, half of them within %s of the edit, nine tenths within %s, all within %s",
			when, len(all), part(all, 50), part(all, 90), part(all, 100))
	}
}

// index is one of a list, in a JSON pointer.
var index = regexp.MustCompile(`/\d+`)

// part is the value that so many of a hundred are not above.
func part(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)-1)*percent/100].Round(time.Millisecond)
}

// why finds the edit that was put back, the last before that; -1 where there is none.
func (w *storm) why(object, field, by string, until time.Time) int {
	for i := len(w.edits) - 1; i >= 0; i-- {
		e := &w.edits[i]
		if e.object() != object || w.at[i].After(until) {
			continue
		}
		gone := field == "" && e.deletes()
		if gone || e.field == field && field != "" && (by == e.by || by == "" || strings.HasPrefix(e.what, "no ")) {
			return i
		}
	}
	return -1
}
