package edit

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"

	"github.com/workspace-providers/reconcile/schema"
)

// Set makes v the value at a path. Where something stands there it takes its place, and else it is added where the
// fields around it are. Comments stay.
func (f *Files) Set(v any, path ...string) error {
	switch found := f.Fields(path...); {
	case len(found) > 1:
		return refusal(found, "is written in several places: keep one of them, by hand")
	case len(found) == 1 && found[0].computed:
		return refusal(found, "depends on something else: change it by hand")
	case len(found) == 1:
		found[0].file.lang.replace(found[0], v)
		return nil
	}
	for n := len(path) - 1; n > 0; n-- {
		if below, ok := f.home(path[:n]); ok {
			below.file.lang.insert(below, Member{path[n], nested(path[n+1:], v)})
			return nil
		}
	}
	return f.begin(path, v)
}

// Remove takes the field at a path out, wherever it is written, with what is said about it. Where it is not written,
// nothing happens.
func (f *Files) Remove(path ...string) error {
	found := f.Fields(path...)
	if i := slices.IndexFunc(found, Field.isComputed); i >= 0 {
		return refusal(found[i:i+1], "depends on something else: take it out by hand")
	}
	for _, one := range found {
		if above, alone := f.aloneIn(one, path); alone {
			one.file.lang.replace(above, Struct{})
			continue
		}
		one.file.lang.remove(one)
	}
	return nil
}

// aloneIn is the field that nothing would be left of if the one field that it holds went: it is to be there all the
// same. What is declared elsewhere, too, may go with it, and so may a whole entry's collection.
func (f *Files) aloneIn(one Field, path []string) (above Field, alone bool) {
	if len(path) < 3 {
		return Field{}, false
	}
	for _, parent := range f.Fields(path[:len(path)-1]...) {
		body, is := parent.node.Value.(*ast.StructLit)
		if !is || len(body.Elts) != 1 || body.Elts[0] != ast.Decl(one.node) {
			continue
		}
		if one.file.collection != "" {
			return parent, true
		}
		return parent, parent.braces() == nil && len(f.Fields(path[:len(path)-1]...)) == 1
	}
	return Field{}, false
}

// Rename gives the field at a path another name, wherever it is written.
func (f *Files) Rename(to string, path ...string) error {
	found := f.Fields(path...)
	if i := slices.IndexFunc(found, Field.isComputed); i >= 0 {
		return refusal(found[i:i+1], "depends on something else: rename it by hand")
	}
	for _, one := range found {
		from := one.node.Label.Pos().Offset()
		one.file.splice(from, one.file.lang.labelEnd(one), one.file.lang.label(to))
	}
	return nil
}

func (f Field) isComputed() bool { return f.computed }

// home is the field below which others are added: the first with braces, else the last. A whole entry of a data
// file's collection has a file of its own; and where the caller named a file, it is there.
func (f *Files) home(path []string) (Field, bool) {
	found := slices.DeleteFunc(f.Fields(path...), func(one Field) bool {
		named := f.named(path[0])
		other := named != "" && one.file.name != named
		return one.computed || len(path) == 1 && (other || one.file.collection != "" && one.file.name != named)
	})
	if len(found) == 0 {
		return Field{}, false
	}
	for _, one := range found {
		if one.braces() != nil || one.file.collection != "" {
			return one, true
		}
	}
	return found[len(found)-1], true
}

// named is the file that the caller named, where it can hold that collection.
func (f *Files) named(collection string) string {
	if dir := path.Dir(f.New); slices.Contains(schema.Collections(), dir) && dir != collection {
		return ""
	}
	return f.New
}

// begin writes a whole entry, of which nothing is there: into a new data file where its collection consists of such,
// and else at the end of a CUE file.
func (f *Files) begin(path []string, v any) error {
	name := cmp.Or(f.named(path[0]), f.fileFor(path))
	i := slices.IndexFunc(f.files, func(one *file) bool { return one.name == name })
	if i < 0 {
		one, err := newFile(name, path[0])
		if err != nil {
			return err
		}
		f.files, i = append(f.files, one), len(f.files)
	}
	one := f.files[i]
	text := one.lang.whole(path, v)
	if len(one.text) == 0 && one.collection == "" && len(one.splices) == 0 {
		text = "package providers\n" + text
	}
	one.splice(len(one.text), len(one.text), text)
	return nil
}

// fileFor is the file for an entry of a collection of which nothing stands in a CUE file.
func (f *Files) fileFor(at []string) string {
	for _, one := range f.files {
		if one.collection == at[0] && len(at) > 1 {
			return path.Join(at[0], at[1]+path.Ext(one.name))
		}
	}
	for _, beside := range []string{"providers", deployment} {
		for _, one := range f.Fields(beside) {
			if one.file.collection == "" {
				return one.file.name
			}
		}
	}
	for _, one := range f.files {
		if one.collection == "" {
			return one.name
		}
	}
	return "providers.cue"
}

// newFile is a file that is not there yet.
func newFile(name, collection string) (*file, error) {
	one := &file{name: name, lang: languageOf(name), syntax: &ast.File{}}
	switch dir := path.Dir(name); {
	case dir == "." && schema.CUEFile(name):
	case dir == collection && schema.DataFile(name):
		one.collection = collection
	default:
		return nil, fmt.Errorf("%s holds no %s: they stand in *.cue beside the others, or in %[2]s/*.yaml or %[2]s/*.json",
			strings.TrimSpace(name), collection)
	}
	return one, nil
}
