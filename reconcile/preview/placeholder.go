package preview

import (
	"maps"
	"slices"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
)

// isDocument says whether a reference is a document of values, of which not even the keys are known.
func isDocument(ref reconcile.Reference) bool { return ref.Path == "" }

// placeholders stand for what an action's release takes from its cluster.
func placeholders(a reconcile.Action) []string {
	var out []string
	for _, ref := range a.Want.Release.References {
		out = append(out, charts.Placeholder(ref.Kind, a.ID.Namespace, ref.Name))
	}
	return out
}

// sources names what an action's release takes values from: "Secret coder/token".
func sources(a reconcile.Action) string {
	var out []string
	for _, ref := range a.Want.Release.References {
		out = append(out, ref.Kind+" "+a.ID.Namespace+"/"+ref.Name)
	}
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(out))), ", ")
}

// filled are the values of an action's release with a text for each that only its cluster knows.
func filled(a reconcile.Action, text func(placeholder string) string) charts.Values {
	out := a.Want.Release.Values
	for i, ref := range a.Want.Release.References {
		if !isDocument(ref) {
			out = with(out, strings.Split(ref.Path, "."), text(placeholders(a)[i]))
		}
	}
	return out
}

// other is another text than a placeholder, with as little in common as can be: whatever a chart makes of
// one must differ from what it makes of the other.
func other(placeholder string) string {
	runes := []rune(placeholder)
	slices.Reverse(runes)
	return "0" + string(runes)
}

// with is a copy of values that has text at a path.
func with(values map[string]any, path []string, text string) map[string]any {
	out := maps.Clone(values)
	if out == nil {
		out = map[string]any{}
	}
	if len(path) == 1 {
		out[path[0]] = text
		return out
	}
	below, _ := values[path[0]].(map[string]any) // what is no map there is replaced; Helm would refuse it
	out[path[0]] = with(below, path[1:], text)
	return out
}
