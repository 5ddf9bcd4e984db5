package schema

import (
	"fmt"
	"slices"

	"cuelang.org/go/cue"
)

// walker holds evaluated declarations against schema.cue, field by field, so that no mistake
// hides another, and takes over what is well.
type walker struct {
	index   *index
	missing Errors // references to nothing, which have been taken out
	errs    Errors // mistakes that stay, whatever else is declared
	doubts  Errors // mistakes that may come from something that could not be read
}

// known are the mistakes found so far; of partial declarations only those that stay.
func (w *walker) known(partial bool) Errors {
	if partial {
		return w.errs
	}
	return slices.Concat(w.missing, w.errs, w.doubts)
}

// place is where something is declared.
type place struct {
	at   Position
	path string
}

// fail notes a mistake that stays.
func (w *walker) fail(p place, format string, args ...any) {
	w.errs = append(w.errs, Error{Position: p.at, Path: p.path, Message: fmt.Sprintf(format, args...)})
}

// doubt notes a mistake that may come from elsewhere.
func (w *walker) doubt(p place, format string, args ...any) {
	w.doubts = append(w.doubts, Error{Position: p.at, Path: p.path, Message: fmt.Sprintf(format, args...)})
}

// place finds where the value of path is written; where nobody wrote it, its parent is meant.
func (w *walker) place(path string, v cue.Value, parent Position) place {
	if at, ok := w.index.at[path]; ok {
		return place{at, path}
	}
	if p := v.Pos(); p.IsValid() && p.Filename() != "" {
		return place{position(p, ""), path}
	}
	return place{parent, path}
}

// walk takes over the value of path, which must have form f. It returns nil for what is not well.
func (w *walker) walk(path string, f *form, v cue.Value, parent Position) *node {
	v, _ = v.Default()
	here := w.place(path, v, parent)
	it, err := v.Fields()
	if err != nil {
		return w.scalar(here, f, v)
	}
	if f.kind&cue.StructKind == 0 {
		if v.Err() != nil {
			return w.scalar(here, f, v)
		}
		w.fail(here, "found a struct: must be %s", f.asks())
		return nil
	}
	before := len(w.errs) + len(w.doubts)
	n := &node{at: here.at, fields: map[string]*node{}}
	meant := map[string]bool{} // by misspelt fields
	for it.Next() {
		if it.Selector().LabelType() == cue.IndexLabel {
			return w.scalar(here, f, v) // a list with a mistake in it
		}
		name := it.Selector().Unquoted()
		p := join(path, name)
		if child := f.child(name); child == nil {
			meant[w.unknown(w.place(p, it.Value(), here.at), name, f)] = true
		} else if c := w.walk(p, child, it.Value(), here.at); c != nil {
			n.fields[name] = c
		}
	}
	w.required(here, f, v, meant)
	if err := v.Err(); err != nil && len(w.errs)+len(w.doubts) == before {
		w.broken(here, err)
	}
	return n
}

// unknown reports a field that may not be there, and returns the name that was meant, if any.
func (w *walker) unknown(here place, name string, f *form) string {
	if f.names == nil {
		known := names(f.fields)
		meant := nearest(name, known)
		if meant == "" && secretName(name) {
			w.fail(here, "unknown field: credentials never stand in declarations; keep them in the credentials directory")
		} else {
			w.fail(here, "unknown field: %s", didYouMean(name, known))
		}
		return meant
	}
	if problem := f.names.refuses(name); problem != "" {
		w.fail(here, "%s", problem)
	}
	return ""
}

// required reports fields that are not there, and not meant by a misspelt one.
func (w *walker) required(here place, f *form, v cue.Value, meant map[string]bool) {
	for _, name := range f.required {
		if !meant[name] && !v.LookupPath(cue.MakePath(cue.Str(name))).Exists() {
			w.doubt(here, "field %s is missing: add it", name)
		}
	}
}

// scalar takes over a value that is no struct.
func (w *walker) scalar(here place, f *form, v cue.Value) *node {
	kind := v.IncompleteKind()
	switch err := v.Err(); {
	case err != nil:
		w.broken(here, err)
		return nil
	case kind&f.kind == 0:
		w.fail(here, "found %s: must be %s", kindName(kind), f.asks())
		return nil
	case !v.IsConcrete():
		w.doubt(here, "found no value yet, only what it may be: give it one")
		return nil
	}
	value, problem := export(v)
	if problem == "" && !f.open {
		problem = f.misfit(v, value)
	}
	if problem != "" {
		w.fail(here, "%s", problem)
		return nil
	}
	return &node{at: here.at, value: value}
}

// broken reports a value that CUE itself refuses, unless a missing reference is why.
func (w *walker) broken(here place, err error) {
	for _, e := range translate(err) {
		because := func(m Error) bool { return m.Position == e.Position }
		if slices.ContainsFunc(w.missing, because) {
			continue
		}
		if e.File == "" {
			e.Position = here.at
		}
		if e.Path == "" {
			e.Path = here.path
		}
		w.doubts = append(w.doubts, e)
	}
}
