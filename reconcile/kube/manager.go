package kube

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/workspace-providers/reconcile/reconcile/fields"
)

// fieldSet is a set of fields as the API server writes it down: "f:" and the name of a field, "k:" and what tells
// an item of a list, "v:" and the value of one, each with what it has in it.
type fieldSet map[string]fieldSet

// setOf reads what a manager has.
func setOf(entry metav1.ManagedFieldsEntry) fieldSet {
	var out fieldSet
	if entry.FieldsV1 != nil && json.Unmarshal(entry.FieldsV1.GetRawBytes(), &out) != nil {
		return nil // what cannot be read names nobody
	}
	return out
}

// writerOf is who made a field of an object what it is; empty: not known, or it was us. Of a field that is gone
// nobody is the manager any more: whoever wrote last, after us, is the likeliest.
func writerOf(live *unstructured.Unstructured, d difference) string {
	if !d.there {
		return lastWriter(live)
	}
	who, newest := "", metav1.Time{}
	for _, entry := range live.GetManagedFields() {
		if entry.Manager == fieldManager || !setOf(entry).has(live.Object, d.pointer) {
			continue
		}
		if who == "" || entry.Time != nil && newest.Before(entry.Time) {
			who = entry.Manager
			if entry.Time != nil {
				newest = *entry.Time
			}
		}
	}
	return who
}

// has says whether a field, or something in it, is in the set.
func (s fieldSet) has(in any, pointer string) bool {
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if len(s) == 0 { // whoever has a list that cannot be shared, has all that is in it
			return s != nil
		}
		there := false
		switch v := in.(type) {
		case map[string]any:
			key := fields.Unescape(part)
			s, there = s["f:"+key]
			in = v[key]
		case []any:
			if i, err := strconv.Atoi(part); err == nil && i < len(v) {
				s, there = s.item(v[i])
				in = v[i]
			}
		}
		if !there {
			return false
		}
	}
	return true
}

// item is what of the set is in one item of a list.
func (s fieldSet) item(value any) (fieldSet, bool) {
	for name, in := range s {
		kind, text, _ := strings.Cut(name, ":")
		var told any
		if json.Unmarshal([]byte(text), &told) != nil {
			continue
		}
		if kind == "v" && reflect.DeepEqual(told, value) || kind == "k" && isTold(value, told) {
			return in, true
		}
	}
	return nil, false
}

// isTold says whether an item is the one with these keys.
func isTold(item, keys any) bool {
	m, is := item.(map[string]any)
	k, are := keys.(map[string]any)
	if !is || !are {
		return false
	}
	for name, want := range k {
		have, err := json.Marshal(m[name])
		text, werr := json.Marshal(want)
		if err != nil || werr != nil || string(have) != string(text) {
			return false
		}
	}
	return true
}

// lastWriter is whoever wrote to the object after us; empty: nobody is known to have.
func lastWriter(live *unstructured.Unstructured) string {
	who, newest, ours := "", metav1.Time{}, metav1.Time{}
	for _, entry := range live.GetManagedFields() {
		switch {
		case entry.Time == nil || entry.Subresource != "":
		case entry.Manager == fieldManager:
			if ours.Before(entry.Time) {
				ours = *entry.Time
			}
		case newest.Before(entry.Time):
			who, newest = entry.Manager, *entry.Time
		}
	}
	if newest.Before(&ours) {
		return ""
	}
	return who
}

// autoscaler is the manager of what Kubernetes' own autoscaler sets, which it does through a door of its own.
const autoscaler, scaleDoor = "kube-controller-manager", "scale"

// scaled are the fields that an autoscaler has set. Nobody else has to be told to leave these alone; whoever scales
// by hand takes them back.
func scaled(live *unstructured.Unstructured) []string {
	var out []string
	for _, entry := range live.GetManagedFields() {
		if entry.Manager == autoscaler && entry.Subresource == scaleDoor {
			out = append(out, setOf(entry).pointers("")...)
		}
	}
	slices.Sort(out)
	return out
}

// pointers are the fields of a set that are in no list.
func (s fieldSet) pointers(at string) []string {
	if len(s) == 0 {
		return []string{at}
	}
	var out []string
	for name, in := range s {
		if key, is := strings.CutPrefix(name, "f:"); is {
			out = append(out, in.pointers(at+"/"+fields.Escape(key))...)
		}
	}
	return out
}
