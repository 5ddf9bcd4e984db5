package schema

import (
	_ "embed"
	"fmt"
	"net/url"
	"reflect"
	"strings"

	"cuelang.org/go/cue"
)

// shapes is shapes.cue.
//
//go:embed shapes.cue
var shapes string

// Shapes returns the text of shapes.cue, for those who write their own mapping.
func Shapes() string { return shapes }

// shaper joins what a chart's shape sets with the values of a provider.
type shaper struct {
	shapes   cue.Value
	root     *node
	outlines map[string]outline // by shape, and by what is declared for it
	errs     Errors
}

// newShaper makes one for the declarations in root.
func newShaper(ctx *cue.Context, root *node) *shaper {
	return &shaper{shapes: ctx.CompileString(shapes), root: root, outlines: map[string]outline{}}
}

// outline is what a shape sets, with names in the place of texts. A shape does no more with a text than to pass it on: what it
// sets depends on which fields are declared, and not on what their texts say. So CUE is asked once for all providers that are
// declared alike, and not for each.
type outline struct {
	values  any
	problem string
}

// shape returns values with what the provider's shape sets from declarations. A value that
// says something else is a mistake at its own place.
func (s *shaper) shape(provider, release string, values *node) *node {
	p := s.root.get("providers", provider)
	kind := p.text("chart", "shape")
	if kind == "" || kind == "none" {
		return values
	}
	texts := map[string]string{}
	set := s.outline(kind, nameTexts("from", s.from(p, release), texts))
	if set.problem != "" {
		s.errs = append(s.errs, Error{
			Position: p.at, Path: join("providers", provider), Message: "chart.shape " + kind + ": " + set.problem})
		return values
	}
	n := ours(fillTexts(set.values, texts)).said("chart.shape " + kind)
	if values == nil {
		return n
	}
	return s.unify(join(join("providers", provider), "values"), values, n)
}

// outline is what a shape makes of declarations.
func (s *shaper) outline(kind string, from any) outline {
	key := fmt.Sprint(kind, from) // maps are printed in order
	o, known := s.outlines[key]
	if !known {
		def := s.shapes.LookupPath(cue.MakePath(cue.Def(strings.ToUpper(kind))))
		def = def.FillPath(cue.ParsePath("from"), from)
		o.values, o.problem = export(def.LookupPath(cue.ParsePath("values")))
		s.outlines[key] = o
	}
	return o
}

// nameTexts puts a name in the place of each text below v, and notes the text by its name.
func nameTexts(name string, v any, texts map[string]string) any {
	switch v := v.(type) {
	case string:
		texts[name] = v
		return name
	case map[string]any:
		named := make(map[string]any, len(v))
		for key, below := range v {
			named[key] = nameTexts(name+"."+key, below, texts)
		}
		return named
	}
	return v
}

// fillTexts is the reverse of nameTexts, in a copy.
func fillTexts(v any, texts map[string]string) any {
	switch v := v.(type) {
	case string:
		if text, named := texts[v]; named {
			return text
		}
	case map[string]any:
		filled := make(map[string]any, len(v))
		for key, below := range v {
			filled[key] = fillTexts(below, texts)
		}
		return filled
	case []any:
		filled := make([]any, len(v))
		for i, below := range v {
			filled[i] = fillTexts(below, texts)
		}
		return filled
	}
	return v
}

// from is what a shape is made from, without what is not declared.
func (s *shaper) from(p *node, release string) map[string]any {
	from := map[string]any{"release": release, "accessURL": s.root.text("deployment", "accessURL")}
	set := func(name string, n *node) {
		if n != nil {
			from[name] = n.plain()
		}
	}
	if own := p.text("deploymentURL"); own != "" {
		from["accessURL"] = own
	}
	set("clusterAddress", s.root.get("clusters", p.text("cluster"), "address"))
	for _, name := range []string{"devurlHost", "sshEnabled", "storageClass", "tokenRef"} {
		set(name, p.get(name))
	}
	if hostname := p.text("hostname"); hostname != "" {
		if u, err := url.Parse(hostname); err == nil {
			from["hostname"], from["host"] = hostname, u.Hostname()
		}
	}
	return from
}

// unify joins two nodes that must not say different things.
func (s *shaper) unify(path string, own, set *node) *node {
	switch {
	case own.fields != nil && set.fields != nil:
		all := own
		for name, f := range set.fields {
			if o := own.fields[name]; o != nil {
				f = s.unify(join(path, name), o, f)
			}
			all = put(all, name, f)
		}
		return all
	case own.fields == nil && set.fields == nil:
		if list, ok := joinNamed(own.value, set.value); ok {
			return &node{at: own.at, from: own.from, value: list}
		}
	}
	s.errs = append(s.errs, Error{Position: own.at, Path: path, Message: fmt.Sprintf(
		"found a value that %s sets from the declarations: take it out, or set chart.shape to none", set.from)})
	return own
}

// joinNamed joins two values that are equal, or lists of things with a name that are equal
// where the name is.
func joinNamed(own, set any) (any, bool) {
	if reflect.DeepEqual(own, set) {
		return own, true
	}
	list, ok := own.([]any)
	more, ok2 := set.([]any)
	if !ok || !ok2 {
		return nil, false
	}
	all := append([]any(nil), list...)
	for _, m := range more {
		i := indexNamed(all, m)
		if i < 0 {
			all = append(all, m)
		} else if !reflect.DeepEqual(all[i], m) {
			return nil, false
		}
	}
	return all, true
}

// indexNamed finds what has the same name as m.
func indexNamed(list []any, m any) int {
	named, _ := m.(map[string]any)
	name := named["name"]
	for i, e := range list {
		if e, ok := e.(map[string]any); ok && e["name"] == name {
			return i
		}
	}
	return -1
}
