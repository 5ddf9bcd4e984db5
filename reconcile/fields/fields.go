// Package fields finds fields of Kubernetes objects by JSON pointers, and copies them from one object to another.
// Lists are shared: a webhook may put an item of its own before those that are declared, and the index that a
// pointer names is another's then. So a pointer is followed once, in the object that it was written for, and the
// way that this gives is taken in others by the names of items, where they have names.
package fields

import (
	"iter"
	"slices"
	"strconv"
	"strings"
)

// Way leads to a field, through objects of the same kind.
type Way []step

// step is one part of a way: a key, or an item of a list.
type step struct {
	key   string
	index int // in a list; -1: not in a list
	name  string
}

// Find follows a pointer. It finds nothing where there is no such field.
func Find(in any, pointer string) (way Way, there bool) {
	for part := range parts(pointer) {
		s, next, there := follow(in, part)
		if !there {
			return nil, false
		}
		way, in = append(way, s), next
	}
	return way, true
}

// Item is an item of a list that a pointer leads through.
type Item struct {
	Pointer string // to it
	Name    string // empty where it has none
	Value   any
}

// Items are those that a pointer leads through, as far as it leads; the one that it names, if it names one, is the last.
func Items(in any, pointer string) (out []Item) {
	at := ""
	for part := range parts(pointer) {
		s, next, there := follow(in, part)
		if !there {
			return out
		}
		at += "/" + part
		if s.index >= 0 {
			out = append(out, Item{at, s.name, next})
		}
		in = next
	}
	return out
}

// parts are those of a pointer.
func parts(pointer string) iter.Seq[string] {
	return strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/")
}

// follow takes the step that a part of a pointer is in the object that it was written for.
func follow(in any, part string) (s step, next any, there bool) {
	s = step{key: Unescape(part), index: -1}
	list, is := in.([]any)
	if !is {
		next, there = s.in(in)
		return s, next, there
	}
	i, err := strconv.Atoi(part)
	if err != nil || i < 0 || i >= len(list) {
		return s, nil, false
	}
	s.index, s.name = i, Name(list[i])
	return s, list[i], true
}

// Escape writes a key as a part of a pointer.
func Escape(key string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(key) }

// Unescape reads a part of a pointer.
func Unescape(part string) string { return strings.NewReplacer("~1", "/", "~0", "~").Replace(part) }

// Name is the name of an item of a list; empty where it has none.
func Name(item any) string {
	m, _ := item.(map[string]any)
	name, _ := m["name"].(string)
	return name
}

// in takes the step.
func (s step) in(v any) (next any, there bool) {
	switch v := v.(type) {
	case map[string]any:
		next, there = v[s.key]
	case []any:
		i := s.index
		if s.name != "" {
			i = slices.IndexFunc(v, func(item any) bool { return Name(item) == s.name })
		}
		if i >= 0 && i < len(v) {
			next, there = v[i], true
		}
	}
	return next, there
}

// parent is what holds the field, if that is no list.
func (w Way) parent(in any) (holder map[string]any, there bool) {
	for _, s := range w[:len(w)-1] {
		if in, there = s.in(in); !there {
			return nil, false
		}
	}
	holder, there = in.(map[string]any)
	return holder, there
}

// Keep gives an object the value that the field has in another: none where it has none. Where one of them has not
// even what would hold it, the object stays as it is.
func (w Way) Keep(in, from any) {
	into, here := w.parent(in)
	theirs, there := w.parent(from)
	if !here || !there {
		return
	}
	key := w[len(w)-1].key
	if v, there := theirs[key]; there {
		into[key] = v
	} else {
		delete(into, key)
	}
}

// Omit takes the field out of an object.
func (w Way) Omit(in any) {
	if holder, there := w.parent(in); there {
		delete(holder, w[len(w)-1].key)
	}
}
