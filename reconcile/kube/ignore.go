package kube

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/fields"
)

// ignored are the fields that are declared to be others' to change, as a record has them.
func ignored(rel reconcile.Release) (out []string) {
	for _, f := range rel.Ignore {
		out = append(out, f.Kind+" "+f.Pointer)
	}
	return out
}

// leftAlone are the fields of a declared object that are others' to change: those that are declared so, and those
// that an autoscaler has taken.
func leftAlone(declared, live *unstructured.Unstructured, ignore []reconcile.FieldRef) []fields.Way {
	pointers := scaled(live)
	for _, f := range ignore {
		if f.Kind == declared.GetKind() {
			pointers = append(pointers, f.Pointer)
		}
	}
	var out []fields.Way
	for _, p := range pointers {
		if way, there := fields.Find(declaredOf(declared), p); there {
			out = append(out, way)
		}
	}
	return out
}
