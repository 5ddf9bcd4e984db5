package kube

import (
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/workspace-providers/reconcile/reconcile"
)

// step is one part of the way to a field: a key, or an item of a list. An item that has a name is found by it,
// since others may put theirs before it.
type step struct {
	key   string
	index int // in a list; -1: not in a list
	name  string
}

// leftAlone are the fields of a declared object that are others' to change, each as its way in that object: those
// that are declared so, and those that an autoscaler has taken.
func leftAlone(declared, live *unstructured.Unstructured, ignore []reconcile.FieldRef) [][]step {
	var out [][]step
	pointers := scaled(live)
	for _, f := range ignore {
		if f.Kind == declared.GetKind() {
			pointers = append(pointers, f.Pointer)
		}
	}
	for _, p := range pointers {
		if way, there := wayTo(declaredOf(declared), p); there {
			out = append(out, way)
		}
	}
	return out
}

// wayTo follows a JSON pointer.
func wayTo(in any, pointer string) (way []step, there bool) {
	for _, part := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		s := step{key: unescape(part), index: -1}
		if list, is := in.([]any); is {
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(list) {
				return nil, false
			}
			s.index, s.name = i, nameOf(list[i])
		}
		if in, there = s.in(in); !there {
			return nil, false
		}
		way = append(way, s)
	}
	return way, true
}

// unescape reads a part of a JSON pointer.
func unescape(part string) string { return strings.NewReplacer("~1", "/", "~0", "~").Replace(part) }

// in takes the step.
func (s step) in(v any) (next any, there bool) {
	switch v := v.(type) {
	case map[string]any:
		next, there = v[s.key]
	case []any:
		i := s.index
		if s.name != "" {
			i = slices.IndexFunc(v, func(item any) bool { return nameOf(item) == s.name })
		}
		if i >= 0 && i < len(v) {
			next, there = v[i], true
		}
	}
	return next, there
}

// keep gives an object the value that another has at the end of a way, which is none where the other has none.
// Where it has not even what would hold it, the object stays as it is.
func keep(way []step, in, from any) {
	last := way[len(way)-1]
	for _, s := range way[:len(way)-1] {
		var here, there bool
		in, here = s.in(in)
		from, there = s.in(from)
		if !here || !there {
			return
		}
	}
	into, is := in.(map[string]any)
	theirs, alike := from.(map[string]any)
	if !is || !alike {
		return
	}
	if v, there := theirs[last.key]; there {
		into[last.key] = v
	} else {
		delete(into, last.key)
	}
}
