package schema

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
)

// form is one place of schema.cue, taken apart so that declarations can be held against it
// field by field: CUE itself stops at the first kind of mistake, and names its own position.
type form struct {
	value    cue.Value           // the constraint of a scalar
	match    func(string) bool   // the same for strings, where it is made of regular expressions alone
	kind     cue.Kind            // what a value may be
	must     string              // the constraint in words
	check    func(string) string // what CUE cannot say of a string; returns what is wrong
	name     bool                // a string is a name, which may be quoted: it is no secret
	words    []string            // the choices, where the constraint is a closed list
	fields   map[string]*form    // by name
	required []string
	names    *form // of the entries of a collection; nil: it is none
	each     *form // what an entry of a collection must be
	open     bool  // anything goes below
}

// former makes forms. Each definition is taken apart once, and shared.
type former struct {
	defs map[string]*form
}

// of takes v apart.
func (m *former) of(v cue.Value) *form {
	root, path := v.ReferencePath()
	if s := path.Selectors(); !root.Exists() || len(s) != 1 || !s[0].IsDefinition() {
		return m.take(v)
	}
	name := path.String()
	if m.defs[name] == nil {
		m.defs[name] = m.take(root.LookupPath(path))
	}
	return m.defs[name]
}

// take builds the form of what v is, whatever it is called.
func (m *former) take(v cue.Value) *form {
	f := &form{value: v, kind: v.IncompleteKind(), must: word(v, "must"), check: checkOf(word(v, "check"))}
	if f.kind == cue.StringKind {
		f.match = matcher(v)
	}
	name := v.Attribute("name")
	f.name = name.Err() == nil
	op, parts := v.Expr()
	switch {
	case op == cue.OrOp:
		m.choices(f, parts)
	case f.kind == cue.StructKind:
		m.entries(f, v)
	}
	return f
}

// choices notes the alternatives: words, or one struct beside a scalar.
func (m *former) choices(f *form, parts []cue.Value) {
	for _, part := range parts {
		if part.IncompleteKind() == cue.StructKind {
			m.entries(f, part)
		} else if s, err := part.String(); err == nil {
			f.words = append(f.words, s)
		}
	}
}

// entries notes the fields of a struct, or what its entries are called and look like.
func (m *former) entries(f *form, v cue.Value) {
	it, err := v.Fields(cue.Optional(true), cue.Patterns(true))
	if err != nil {
		panic("schema.cue: " + err.Error()) // a bug: it is embedded
	}
	f.fields = map[string]*form{}
	for it.Next() {
		s := it.Selector()
		switch s.ConstraintType() {
		case cue.PatternConstraint:
			f.names, f.each = m.of(s.Pattern()), m.of(it.Value()) // names are words or match
			continue
		case cue.RequiredConstraint:
			f.required = append(f.required, s.Unquoted())
		}
		f.fields[s.Unquoted()] = m.of(it.Value())
	}
	slices.Sort(f.required)
	if f.open = len(f.fields) == 0 && f.names == nil; f.open {
		f.each = &form{kind: cue.TopKind, open: true}
		f.each.each = f.each
	}
}

// matcher turns a constraint of regular expressions into Go, which is many times faster than to
// ask CUE for each string. It is nil for any other constraint.
func matcher(v cue.Value) func(string) bool {
	switch op, args := v.Expr(); op {
	case cue.AndOp:
		a, b := matcher(args[0]), matcher(args[1])
		if a != nil && b != nil && len(args) == 2 {
			return func(s string) bool { return a(s) && b(s) }
		}
	case cue.RegexMatchOp, cue.NotRegexMatchOp:
		text, err := args[0].String()
		if err != nil {
			return nil
		}
		re := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) }) // CUE has compiled it too
		return func(s string) bool { return re().MatchString(s) == (op == cue.RegexMatchOp) }
	}
	return nil
}

// word is the one word of an attribute of v; empty when there is none.
func word(v cue.Value, attribute string) string {
	a := v.Attribute(attribute)
	s, err := a.String(0)
	if err != nil {
		return ""
	}
	return s
}

// child is the form of a field; nil when there may be none of that name.
func (f *form) child(name string) *form {
	switch {
	case f.fields[name] != nil:
		return f.fields[name]
	case f.open:
		return f.each
	case f.names != nil && f.names.refuses(name) == "":
		return f.each
	}
	return nil
}

// refuses tells what is wrong with the name of an entry.
func (f *form) refuses(name string) string {
	switch {
	case len(f.words) > 0 && !slices.Contains(f.words, name):
		return fmt.Sprintf("found name %s: must be one of %s", quote(name), strings.Join(f.words, ", "))
	case len(f.words) == 0 && !f.match(name):
		return fmt.Sprintf("found name %s: must be %s", quote(name), f.must)
	case f.check != nil:
		return f.check(name)
	}
	return ""
}

// misfit tells what is wrong with a scalar of the right kind. A string is only quoted where it
// is a name or the choices are a closed list: others may be secret.
func (f *form) misfit(v cue.Value, value any) string {
	s, isText := value.(string)
	switch {
	case len(f.words) > 0:
		if !slices.Contains(f.words, s) {
			return fmt.Sprintf("found %s: must be %s", quote(s), f.asks())
		}
	case f.kind == cue.BoolKind && !f.value.IsConcrete():
	case f.fits(v, value):
		if isText && f.check != nil {
			return f.check(s)
		}
	case isText && f.name:
		return fmt.Sprintf("found %s: must be %s", quote(s), f.asks())
	case isText:
		return fmt.Sprintf("found a string: must be %s", f.asks())
	default:
		return fmt.Sprintf("found %v: must be %s", value, f.asks())
	}
	return ""
}

// fits tells whether v, which is value, satisfies the constraint.
func (f *form) fits(v cue.Value, value any) bool {
	if s, ok := value.(string); ok && f.match != nil {
		return f.match(s)
	}
	return f.value.Unify(v).Err() == nil
}

// CheckAccessURL says what is wrong with an access URL, in the words of Load.
func CheckAccessURL(url string) error {
	f := newForm(cuecontext.New()).child("deployment").child("accessURL")
	if problem := f.misfit(cue.Value{}, url); problem != "" {
		return errors.New(problem)
	}
	return nil
}

// asks says what a value must be.
func (f *form) asks() string {
	switch {
	case len(f.words) > 0:
		return "one of " + strings.Join(f.words, ", ")
	case f.must != "":
		return f.must
	case f.kind == cue.BoolKind && f.value.IsConcrete():
		return "true; or take it out"
	case f.names != nil:
		return "a struct, keyed by name"
	}
	return kindName(f.kind)
}

// kindName names a kind in a message.
func kindName(k cue.Kind) string {
	switch k {
	case cue.NullKind:
		return "null"
	case cue.BoolKind:
		return "true or false"
	case cue.IntKind:
		return "a whole number"
	case cue.FloatKind, cue.NumberKind:
		return "a number"
	case cue.StringKind:
		return "a string"
	case cue.BytesKind:
		return "bytes"
	case cue.ListKind:
		return "a list"
	case cue.StructKind:
		return "a struct"
	}
	return "a value"
}
