package charts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Diff says what changes between two sets of objects, field by field, for people:
//
//	~ Deployment coder/envproxy
//	  ~ spec.replicas: 1 → 2
//	  + spec.template.metadata.annotations["a"]: "b"
//	- Service coder/old
//	+ Secret coder/new
//
// The text ends with a newline unless it is empty, and it is empty if and only if nothing changes. The same
// input gives the same bytes, whatever the order of the objects. Secrets are masked; see mask.go.
func Diff(old, new []Object) string { return diff(old, new, false) }

// DiffBlind is Diff for a release that takes values from its cluster: the old objects hold them, the new
// ones placeholders, see Blur. Where the new value is a placeholder, the old one is not shown, nor is
// anything that only the old objects have.
func DiffBlind(old, new []Object) string { return diff(old, new, true) }

func diff(old, new []Object, blind bool) string {
	before, after := byKey(old), byKey(new)
	keys := maps.Clone(before)
	maps.Copy(keys, after)
	var out strings.Builder
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		a, was := before[key]
		b, is := after[key]
		switch {
		case !was:
			fmt.Fprintf(&out, "+ %s\n", b)
		case !is:
			fmt.Fprintf(&out, "- %s\n", a)
		case !bytes.Equal(a.Body, b.Body):
			writeChanges(&out, a, b, blind)
		}
	}
	return out.String()
}

// DiffValues says what changes between two sets of values, one line a field, in the manner of Diff.
func DiffValues(old, new map[string]any) string {
	d := differ{}
	d.compare(nil, plainJSON(old), plainJSON(new))
	return d.text("")
}

func byKey(objects []Object) map[string]Object {
	out := make(map[string]Object, len(objects))
	for _, o := range objects {
		out[o.key()] = o
	}
	return out
}

func writeChanges(out *strings.Builder, a, b Object, blind bool) {
	d := differ{secret: a.Kind == "Secret" && a.group() == "", blind: blind}
	d.compare(nil, decode(a.Body), decode(b.Body))
	if len(d.lines) > 0 {
		fmt.Fprintf(out, "~ %s\n%s", b, d.text("  "))
	}
}

// decode keeps numbers as they are written.
func decode(body []byte) any {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		return string(body) // no JSON: still something to compare
	}
	return out
}

// plainJSON makes 1, 1.0 and int64(1) the same.
func plainJSON(values map[string]any) any {
	if values == nil {
		values = map[string]any{}
	}
	b, err := json.Marshal(values)
	if err != nil {
		return values
	}
	return decode(b)
}

// differ gathers the lines of one comparison.
type differ struct {
	secret bool // of a Secret
	blind  bool // the old objects may hold a secret anywhere
	lines  []string
}

func (d *differ) text(indent string) string {
	var out strings.Builder
	for _, line := range d.lines {
		out.WriteString(indent + line + "\n")
	}
	return out.String()
}

// field is one step of a path: a key, or the place in a list.
type field struct {
	key    string
	inList bool
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

func pathText(at []field) string {
	var out strings.Builder
	for i, f := range at {
		switch {
		case f.inList:
			out.WriteString("[" + f.key + "]")
		case !plainKey.MatchString(f.key):
			out.WriteString("[" + strconv.Quote(f.key) + "]")
		default:
			if i > 0 {
				out.WriteByte('.')
			}
			out.WriteString(f.key)
		}
	}
	return out.String()
}

// below extends a path without touching it.
func below(at []field, f field) []field { return append(at[:len(at):len(at)], f) }

// compare walks two values of which both are there.
func (d *differ) compare(at []field, a, b any) {
	if reflect.DeepEqual(a, b) {
		return
	}
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			d.maps(at, x, y)
			return
		}
	case []any:
		if y, ok := b.([]any); ok {
			d.lists(at, x, y)
			return
		}
	}
	if holds(b) || reflect.TypeOf(a) != reflect.TypeOf(b) {
		a = d.old(a)
	}
	d.changed(at, a, b)
}

// old is a value that only the old object has, as far as it may be shown.
func (d *differ) old(v any) any {
	if d.blind {
		return hidden{}
	}
	return v
}

func (d *differ) maps(at []field, a, b map[string]any) {
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		x, was := a[key]
		y, is := b[key]
		d.either(below(at, field{key: key}), pair{x, was}, pair{y, is})
	}
}

// pair is a value that may not be there.
type pair struct {
	value any
	ok    bool
}

func (d *differ) either(at []field, a, b pair) {
	switch {
	case !a.ok:
		d.whole("+", at, b.value)
	case !b.ok:
		d.whole("-", at, a.value)
	default:
		d.compare(at, a.value, b.value)
	}
}

// whole writes what comes or goes: an object or a list with all that is in it.
func (d *differ) whole(sign string, at []field, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			d.whole(sign, below(at, field{key: key}), v[key])
		}
		if len(v) > 0 {
			return
		}
	case []any:
		id := d.identity(v, nil)
		if d.blind && sign == "-" {
			id = ""
		}
		for i, one := range v {
			name := strconv.Itoa(i)
			if id != "" {
				name, _ = nameOf(one, id)
			}
			d.whole(sign, below(at, field{name, true}), without(one, id))
		}
		if len(v) > 0 {
			return
		}
	}
	if sign == "-" {
		v = d.old(v)
	}
	d.lines = append(d.lines, fmt.Sprintf("%s %s: %s", sign, pathText(at), d.show(at, v, 0)))
}

func (d *differ) changed(at []field, a, b any) {
	start := 0
	if x, ok := a.(string); ok {
		if y, ok := b.(string); ok {
			start = firstDifference(x, y)
		}
	}
	x, y := d.show(at, a, start), d.show(at, b, start)
	line := fmt.Sprintf("~ %s: %s → %s", pathText(at), x, y)
	if x == y { // the difference is in what is not shown
		line = fmt.Sprintf("~ %s: %s changed", pathText(at), x)
	}
	d.lines = append(d.lines, line)
}
