package kube

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/workspace-providers/reconcile/reconcile/fields"
)

// difference is one declared field that is not as declared.
type difference struct {
	pointer    string
	want, have any
	there      bool   // the field is there at all
	by         string // who made it what it is; empty: not known
}

// differences walks what is declared, in the order of its keys, and compares what the API server would make of
// it with what there is. What is not declared is somebody else's: a webhook may give it another value each time.
func differences(at string, declared, want, have any) []difference {
	if reflect.DeepEqual(want, have) {
		return nil
	}
	switch w := want.(type) {
	case map[string]any:
		d, known := declared.(map[string]any)
		h, same := have.(map[string]any)
		if known && same {
			return differentKeys(at, d, w, h)
		}
	case []any:
		d, known := declared.([]any)
		h, same := have.([]any)
		if known && same && len(h) == len(w) {
			return differentItems(at, d, w, h)
		}
	}
	return []difference{{pointer: at, want: want, have: have, there: true}}
}

func differentKeys(at string, declared, want, have map[string]any) []difference {
	var out []difference
	for _, key := range slices.Sorted(maps.Keys(declared)) {
		w, kept := want[key]
		h, there := have[key]
		switch p := at + "/" + fields.Escape(key); {
		case !kept: // the API server takes it for nothing
		case !there:
			out = append(out, difference{pointer: p, want: w})
		default:
			out = append(out, differences(p, declared[key], w, h)...)
		}
	}
	return out
}

func differentItems(at string, declared, want, have []any) []difference {
	var out []difference
	for i := range want {
		if d, known := declaredItem(declared, want, i); known {
			out = append(out, differences(at+"/"+strconv.Itoa(i), d, want[i], have[i])...)
		}
	}
	return out
}

// declaredItem is what is declared of an item of a list that others add to as well. Items are told by their
// names; where they have none, and it is not known which is which, all of it counts as declared.
func declaredItem(declared, want []any, i int) (item any, known bool) {
	if name := fields.Name(want[i]); name != "" && slices.ContainsFunc(declared, func(d any) bool { return fields.Name(d) != "" }) {
		j := slices.IndexFunc(declared, func(d any) bool { return fields.Name(d) == name })
		if j < 0 {
			return nil, false
		}
		return declared[j], true
	}
	if len(declared) == len(want) {
		return declared[i], true
	}
	return want[i], true
}

// declaredOf is what is declared of an object, by the names that the API server keeps it under, less what is the
// server's own.
func declaredOf(obj *unstructured.Unstructured) map[string]any {
	out := maps.Clone(obj.Object)
	delete(out, "status")
	if meta, is := out["metadata"].(map[string]any); is {
		meta = maps.Clone(meta)
		for _, field := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"} {
			delete(meta, field)
		}
		out["metadata"] = meta
	}
	text, is := out["stringData"].(map[string]any)
	if !is || obj.GetKind() != "Secret" {
		return out
	}
	delete(out, "stringData")
	data, _ := out["data"].(map[string]any)
	if data = maps.Clone(data); data == nil {
		data = map[string]any{}
	}
	maps.Copy(data, text)
	out["data"] = data
	return out
}

// text says what was found, what was declared, and who wrote it; nothing of the first two where they may be from a
// Secret.
func (d difference) text(blind bool) string {
	by := ""
	if d.by != "" {
		by = " (" + d.by + ")"
	}
	switch {
	case blind:
		return "differs from what was declared" + by
	case !d.there:
		return fmt.Sprintf("is gone, declared %s%s", short(d.want), by)
	}
	return fmt.Sprintf("is %s, declared %s%s", short(d.have), short(d.want), by)
}

// short is a value as JSON, cut where it is long.
func short(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if runes := []rune(string(text)); len(runes) > 60 {
		return string(runes[:59]) + "…"
	}
	return string(text)
}

// patchOf is a JSON patch that puts fields of an object back, if each still is what was compared and where it was. A
// patch is done in order: all is tested before anything changes.
func patchOf(diffs []difference, live map[string]any) []map[string]any {
	var tests, changes []map[string]any
	for _, d := range diffs {
		tests = append(tests, sameItems(d.pointer, live)...)
		if !d.there {
			changes = append(changes, map[string]any{"op": "add", "path": d.pointer, "value": d.want})
			continue
		}
		tests = append(tests, map[string]any{"op": "test", "path": d.pointer, "value": d.have})
		changes = append(changes, map[string]any{"op": "replace", "path": d.pointer, "value": d.want})
	}
	return append(tests, changes...)
}

// sameItems tests that the items on the way to a field are those that were compared: when somebody puts one of his own
// before them, an index leads to another. An item without a name is known by all that it holds.
func sameItems(pointer string, live any) (tests []map[string]any) {
	for _, item := range fields.Items(live, pointer) {
		switch {
		case item.Name != "":
			tests = append(tests, map[string]any{"op": "test", "path": item.Pointer + "/name", "value": item.Name})
		case item.Pointer != pointer:
			tests = append(tests, map[string]any{"op": "test", "path": item.Pointer, "value": item.Value})
		}
	}
	return tests
}
