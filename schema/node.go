package schema

import (
	"maps"
	"slices"
)

// node is one value of a declaration, with the place it was written at.
type node struct {
	at     Position
	from   string           // who said it, where that is not the declaration itself: "deployment.defaults"
	fields map[string]*node // of a struct
	value  any              // otherwise: nil, bool, string, int64, float64 or []any
}

// get follows the names down from n; nil when there is nothing.
func (n *node) get(names ...string) *node {
	for _, name := range names {
		if n == nil {
			return nil
		}
		n = n.fields[name]
	}
	return n
}

// text is the string at names; empty when there is none.
func (n *node) text(names ...string) string {
	if c := n.get(names...); c != nil {
		s, _ := c.value.(string)
		return s
	}
	return ""
}

// merge returns n with what it does not say taken from below. Structs are merged deeply,
// everything else is one value. Neither argument is changed.
func merge(n, below *node) *node {
	switch {
	case n == nil:
		return below
	case below == nil || n.fields == nil || below.fields == nil:
		return n
	}
	all := maps.Clone(n.fields)
	for name, b := range below.fields {
		all[name] = merge(n.fields[name], b)
	}
	return &node{at: n.at, from: n.from, fields: all}
}

// said returns a copy of n in which every value names who said it.
func (n *node) said(by string) *node {
	if n == nil {
		return nil
	}
	c := &node{at: n.at, from: by, value: n.value}
	if n.fields != nil {
		c.fields = make(map[string]*node, len(n.fields))
	}
	for name, f := range n.fields {
		c.fields[name] = f.said(by)
	}
	return c
}

// only returns n with just the fields named, nil when none is left; without, the reverse.
func (n *node) only(names ...string) *node {
	return n.filter(func(name string) bool { return slices.Contains(names, name) })
}

func (n *node) without(names ...string) *node {
	return n.filter(func(name string) bool { return !slices.Contains(names, name) })
}

func (n *node) filter(keep func(string) bool) *node {
	if n == nil {
		return nil
	}
	fields := maps.Clone(n.fields)
	maps.DeleteFunc(fields, func(name string, _ *node) bool { return !keep(name) })
	if len(fields) == 0 {
		return nil
	}
	return &node{at: n.at, from: n.from, fields: fields}
}

// put returns n with another field.
func put(n *node, name string, field *node) *node {
	c := &node{fields: map[string]*node{}}
	if n != nil {
		c.at, c.from = n.at, n.from
		maps.Copy(c.fields, n.fields)
	}
	if field == nil {
		delete(c.fields, name)
	} else {
		c.fields[name] = field
	}
	return c
}

// children are the fields of n, which may be nil.
func children(n *node) map[string]*node {
	if n == nil {
		return nil
	}
	return n.fields
}

// each returns n with every field replaced; nothing stays nothing.
func each(n *node, change func(name string, field *node) *node) *node {
	if n == nil {
		return nil
	}
	c := &node{at: n.at, from: n.from, fields: make(map[string]*node, len(n.fields))}
	for name, f := range n.fields {
		c.fields[name] = change(name, f)
	}
	return c
}

// unless returns n without the field name where own has it: there it is one thing, and not merged.
func (n *node) unless(own *node, name string) *node {
	if own.get(name) == nil {
		return n
	}
	return n.without(name)
}

// grant is an entry of an allowlist as a struct, also where it is just true.
func (n *node) grant() *node {
	if n.fields != nil {
		return n
	}
	return &node{at: n.at, from: n.from, fields: map[string]*node{}}
}

// plain returns n as maps and values, for encoding/json.
func (n *node) plain() any {
	if n.fields == nil {
		return n.value
	}
	m := make(map[string]any, len(n.fields))
	for name, f := range n.fields {
		m[name] = f.plain()
	}
	return m
}

// ours builds a node of values that are built in.
func ours(v any) *node {
	n := &node{from: "built in", value: v}
	if m, ok := v.(map[string]any); ok {
		n.value, n.fields = nil, make(map[string]*node, len(m))
		for name, f := range m {
			n.fields[name] = ours(f)
		}
	}
	return n
}
