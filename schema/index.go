package schema

import (
	"strings"

	"cuelang.org/go/cue/ast"
)

// index knows where each field is written: CUE's own positions of a struct that is written in
// several places, or made by a pattern, are not where a user would look.
type index struct {
	at      map[string]Position // path: the first place by file, line and column
	entries int                 // of the collections, as far as they are written out
}

func newIndex(files []*ast.File) *index {
	x := &index{at: map[string]Position{}}
	for _, f := range files {
		x.decls("", 0, f.Decls)
	}
	return x
}

// decls notes the fields of a struct at path, which has depth names.
func (x *index) decls(path string, depth int, decls []ast.Decl) {
	for _, d := range decls {
		field, ok := d.(*ast.Field)
		if !ok {
			continue
		}
		name, _, err := ast.LabelName(field.Label)
		if err != nil {
			continue // a pattern, or computed
		}
		p := join(path, name)
		x.note(p, depth, position(field.Label.Pos(), ""))
		x.value(p, depth+1, field.Value)
	}
}

// note notes one place, and counts what is an entry: in allowlists it is the pair.
func (x *index) note(path string, depth int, at Position) {
	first, known := x.at[path]
	if pair := strings.HasPrefix(path, "allowlists."); !known && (depth == 2 && pair || depth == 1 && !pair) {
		x.entries++
	}
	if at.File != "" && (!known || at.compare(first) < 0) {
		x.at[path] = at
	}
}

// value notes what a value holds.
func (x *index) value(path string, depth int, v ast.Expr) {
	switch v := v.(type) {
	case *ast.StructLit:
		x.decls(path, depth, v.Elts)
	case *ast.BinaryExpr:
		x.value(path, depth, v.X)
		x.value(path, depth, v.Y)
	case *ast.ParenExpr:
		x.value(path, depth, v.X)
	}
}

// entries counts the entries of the collections of a whole configuration.
func entries(root *node) int {
	n := 0
	for name, collection := range root.fields {
		switch name {
		case "deployment":
		case "allowlists":
			for _, list := range collection.fields {
				n += len(list.fields)
			}
		default:
			n += len(collection.fields)
		}
	}
	return n
}
