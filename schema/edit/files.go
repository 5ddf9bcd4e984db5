package edit

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"unicode"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"
	"github.com/rogpeppe/go-internal/diff"

	"github.com/workspace-providers/reconcile/schema"
)

// Files are the CUE files of declarations, and what is to be changed in them.
type Files struct {
	tree  fs.FS
	files []*file // sorted by name
}

// file is one file, as it was read, with what is to be changed in it.
type file struct {
	name    string
	text    []byte
	syntax  *ast.File
	splices []splice
}

// splice is a text that takes the place of some bytes.
type splice struct {
	from, to int
	text     string
}

// Change is a file before and after.
type Change struct {
	Name          string // relative to the declarations' directory, with slashes
	Before, After []byte
}

// Diff shows what is changed, with three lines around it.
func (c Change) Diff() string {
	text := diff.Diff(c.Name, c.Before, c.Name, c.After)
	_, text, _ = bytes.Cut(text, []byte("\n")) // "diff", which names both once more
	return string(text)
}

// Read reads the CUE files of declarations.
func Read(tree fs.FS) (*Files, error) {
	entries, err := fs.ReadDir(tree, ".")
	if err != nil {
		return nil, err
	}
	out := &Files{tree: tree}
	for _, e := range entries {
		if e.IsDir() || !schema.CUEFile(e.Name()) {
			continue
		}
		text, err := fs.ReadFile(tree, e.Name())
		if err != nil {
			return nil, err
		}
		syntax, err := parser.ParseFile(e.Name(), text, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		out.files = append(out.files, &file{name: e.Name(), text: text, syntax: syntax})
	}
	return out, nil
}

// Changes are the files that are others after the edits, sorted by name.
func (f *Files) Changes() []Change {
	var out []Change
	for _, one := range f.files {
		if after := one.edited(); !bytes.Equal(one.text, after) {
			out = append(out, Change{Name: one.name, Before: one.text, After: after})
		}
	}
	return out
}

// edited is the file after the edits, laid out as cue fmt does if it was so before.
func (f *file) edited() []byte {
	after := f.spliced()
	if was, err := format.Source(f.text); err != nil || !bytes.Equal(was, f.text) {
		return after
	}
	if laid, err := format.Source(after); err == nil && bytes.Equal(unspaced(laid), unspaced(after)) {
		return laid
	}
	return after
}

// spliced is the file with its splices put in.
func (f *file) spliced() []byte {
	inOrder := func(a, b splice) int { return cmp.Compare(a.from, b.from) }
	var out []byte
	at := 0
	for _, s := range slices.SortedStableFunc(slices.Values(f.splices), inOrder) {
		out = append(append(out, f.text[at:s.from]...), s.text...)
		at = s.to
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
