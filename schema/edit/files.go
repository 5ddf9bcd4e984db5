package edit

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"github.com/rogpeppe/go-internal/diff"

	"github.com/workspace-providers/reconcile/schema"
)

// Files are the files of declarations, and what is to be changed in them.
type Files struct {
	// New is the file that whole entries which are added go into; empty: where others of their kind are. One that is
	// not there is made.
	New string

	tree  fs.FS
	files []*file // CUE first, then data; each sorted by name
}

// file is one file, as it was read, with what is to be changed in it.
type file struct {
	name       string
	collection string // whose entries a data file holds; empty for a CUE file
	text       []byte // nil: it is not there yet
	syntax     *ast.File
	lang       language
	splices    []splice
}

// splice is a text that takes the place of some bytes.
type splice struct {
	from, to int
	text     string
}

// Change is a file before and after.
type Change struct {
	Name          string // relative to the declarations' directory, with slashes
	Before, After []byte // nil: it is not there
	Brief         bool   // its name says enough to people
}

// Diff shows what is changed, with three lines around it.
func (c Change) Diff() string {
	if c.Brief {
		return fmt.Sprintf("%s: %d bytes\n", c.Name, len(c.After))
	}
	before, after := c.Name, c.Name
	if c.Before == nil {
		before = "/dev/null"
	}
	if c.After == nil {
		after = "/dev/null"
	}
	text := diff.Diff(before, c.Before, after, c.After)
	_, text, _ = bytes.Cut(text, []byte("\n")) // "diff", which names both once more
	return string(text)
}

// Read reads the files of declarations.
func Read(tree fs.FS) (*Files, error) {
	out := &Files{tree: tree}
	if err := out.readDir(".", ""); err != nil {
		return nil, err
	}
	for _, collection := range schema.Collections() {
		if err := out.readDir(collection, collection); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return out, nil
}

// readDir reads the files of one directory that count.
func (f *Files) readDir(dir, collection string) error {
	entries, err := fs.ReadDir(f.tree, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() || !counts(name, collection) {
			continue
		}
		one := &file{name: name, collection: collection, lang: languageOf(name)}
		if one.text, err = fs.ReadFile(f.tree, name); err != nil {
			return err
		}
		if one.syntax, err = one.lang.parse(one); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		f.files = append(f.files, one)
	}
	return nil
}

// counts tells whether a file holds declarations.
func counts(name, collection string) bool {
	if collection == "" {
		return schema.CUEFile(name)
	}
	return schema.DataFile(path.Base(name))
}

// Changes are the files that are others after the edits, sorted by name.
func (f *Files) Changes() []Change {
	var out []Change
	for _, one := range f.files {
		if after := one.edited(); !bytes.Equal(one.text, after) {
			out = append(out, Change{Name: one.name, Before: one.text, After: after})
		}
	}
	slices.SortFunc(out, func(a, b Change) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// edited is the file after the edits, laid out as cue fmt does if it was so before. A data file that holds nothing
// any more is none.
func (f *file) edited() []byte {
	after := f.spliced()
	if f.collection != "" {
		if len(f.splices) > 0 && f.empty(after) {
			return nil
		}
		return after
	}
	if was, err := format.Source(f.text); err != nil || !bytes.Equal(was, f.text) {
		return after
	}
	if laid, err := format.Source(after); err == nil && bytes.Equal(unspaced(laid), unspaced(after)) {
		return laid
	}
	return after
}

// Layout is a file as cue fmt lays it out; one that is no CUE, or not right, as it is.
func Layout(name string, text []byte) []byte {
	if laid, err := format.Source(text); schema.CUEFile(name) && err == nil {
		return laid
	}
	return text
}

// empty tells whether a data file of that text holds no entry.
func (f *file) empty(text []byte) bool {
	read, err := f.lang.parse(&file{name: f.name, collection: f.collection, text: text, lang: f.lang})
	if err != nil {
		return len(bytes.TrimSpace(text)) == 0
	}
	body, is := read.Decls[0].(*ast.Field).Value.(*ast.StructLit)
	return !is || len(body.Elts) == 0
}

// spliced is the file with its splices put in. Of two that take the same empty line, one does.
func (f *file) spliced() []byte {
	inOrder := func(a, b splice) int { return cmp.Compare(a.from, b.from) }
	var out []byte
	at := 0
	for _, s := range slices.SortedStableFunc(slices.Values(f.splices), inOrder) {
		out = append(append(out, f.text[at:max(at, s.from)]...), s.text...)
		at = max(at, s.to)
	}
	return append(out, f.text[at:]...)
}

// unspaced is a text without its layout. Where it is the same, no word and no comment was lost.
func unspaced(text []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}
