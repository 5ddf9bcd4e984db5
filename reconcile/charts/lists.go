package charts

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// lists compares by name where all elements have one, else by place.
func (d *differ) lists(at []field, a, b []any) {
	id := d.identity(a, b)
	if id == "" {
		a = d.hide(a, b)
		for i := range max(len(a), len(b)) {
			d.either(below(at, field{strconv.Itoa(i), true}), element(a, i), element(b, i))
		}
		return
	}
	before, order := named(a, id)
	after, newOrder := named(b, id)
	for _, name := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(order, newOrder)))) {
		x, was := before[name]
		y, is := after[name]
		if !was || !is {
			x, y = without(x, id), without(y, id)
		}
		if d.blind && !is {
			name = masked
		}
		d.either(below(at, field{name, true}), pair{x, was}, pair{y, is})
	}
	d.reordered(at, common(order, after), common(newOrder, before))
}

func (d *differ) reordered(at []field, a, b []string) {
	if !slices.Equal(a, b) {
		d.lines = append(d.lines, fmt.Sprintf("~ %s: order %s → %s", pathText(at),
			cut(strings.Join(a, ", "), 0), cut(strings.Join(b, ", "), 0)))
	}
}

func element(list []any, i int) pair {
	if i < len(list) {
		return pair{list[i], true}
	}
	return pair{}
}

// identity is the field by which the elements of both lists can be told apart: the name of a container,
// the path of a mount. Empty: there is none, or it may be what must not show.
func (d *differ) identity(a, b []any) string {
	if d.secret {
		return ""
	}
	for _, key := range []string{"mountPath", "name", "containerPort", "port", "ip"} {
		if distinct(a, key) && distinct(b, key) {
			return key
		}
	}
	return ""
}

// without leaves out the field that the path has already, unless it is the only one.
func without(one any, id string) any {
	m, ok := one.(map[string]any)
	if !ok || id == "" || len(m) < 2 {
		return one
	}
	m = maps.Clone(m)
	delete(m, id)
	return m
}

func distinct(list []any, key string) bool {
	seen := map[string]bool{}
	for _, one := range list {
		name, ok := nameOf(one, key)
		if !ok || seen[name] || isPlaceholder(name) {
			return false
		}
		seen[name] = true
	}
	return true
}

func nameOf(one any, key string) (string, bool) {
	m, _ := one.(map[string]any)
	switch v := m[key].(type) {
	case string:
		return v, v != ""
	case json.Number:
		return v.String(), true
	}
	return "", false
}

func named(list []any, key string) (map[string]any, []string) {
	out := map[string]any{}
	var order []string
	for _, one := range list {
		name, _ := nameOf(one, key)
		out[name] = one
		order = append(order, name)
	}
	return out, order
}

func common(names []string, other map[string]any) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { _, ok := other[n]; return !ok })
}
