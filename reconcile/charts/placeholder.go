package charts

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Placeholder stands in a rendering for what only the target cluster knows.
func Placeholder(kind, namespace, name string) string {
	return fmt.Sprintf("(from %s %s/%s)", kind, namespace, name)
}

// placeholder matches one, and alone a text that is nothing else.
var (
	placeholder = regexp.MustCompile(`\(from (Secret|ConfigMap) [a-z0-9.-]*/[a-z0-9.-]*\)`)
	alone       = regexp.MustCompile(`^(` + placeholder.String() + ` ?)+$`)
)

// Blur returns objects in which a placeholder stands wherever a value depends on one, however the chart
// has turned it: as a part, encoded or hashed. Other is the same rendering with other texts in the
// placeholders' place; where the two differ, a value depends on them.
func Blur(objects, other []Object, placeholders []string) []Object {
	all := slices.Compact(slices.Sorted(slices.Values(placeholders)))
	twins, out := byKey(other), slices.Clone(objects)
	for i, o := range out {
		var twin any // of an object that is only made with one of the texts, nothing is known
		if t, there := twins[o.key()]; there {
			twin = decode(t.Body)
		}
		body, err := json.Marshal(blurred(decode(o.Body), twin, strings.Join(all, " ")))
		if err != nil {
			panic(fmt.Sprintf("%s: %v", o, err)) // it was decoded from JSON
		}
		out[i].Body = body
	}
	return out
}

// blurred is a with label, or the placeholders that stand there, wherever b has something else.
func blurred(a, b any, label string) any {
	if reflect.DeepEqual(a, b) {
		return a
	}
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok && sameKeys(x, y) {
			for key := range x {
				x[key] = blurred(x[key], y[key], label)
			}
			return x
		}
	case []any:
		if y, ok := b.([]any); ok && len(x) == len(y) {
			for i := range x {
				x[i] = blurred(x[i], y[i], label)
			}
			return x
		}
	case string:
		if found := placeholder.FindAllString(x, -1); len(found) > 0 {
			return strings.Join(slices.Compact(slices.Sorted(slices.Values(found))), " ")
		}
	}
	return label
}

func sameKeys(a, b map[string]any) bool {
	for key := range a {
		if _, there := b[key]; !there {
			return false
		}
	}
	return len(a) == len(b)
}

// isPlaceholder says whether a value is nothing but placeholders.
func isPlaceholder(v any) bool {
	s, ok := v.(string)
	return ok && alone.MatchString(s)
}

// hidden stands for an old value that may be what the cluster knows.
type hidden struct{}

// hide leaves of an old list only what the new one has too, where the rest may not be shown: elements
// without a name may have moved.
func (d *differ) hide(old, new []any) []any {
	out := slices.Clone(old)
	for i, one := range out {
		if !slices.ContainsFunc(new, func(n any) bool { return reflect.DeepEqual(n, one) }) {
			out[i] = d.old(one)
		}
	}
	return out
}

// holds says whether there is a placeholder in a value.
func holds(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, one := range v {
			if holds(one) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, holds)
	}
	return isPlaceholder(v)
}
